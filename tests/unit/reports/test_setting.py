"""Fonts, line breaking, and the film's picture."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from boneage_desk.common.errors import BoneAgeError
from boneage_desk.reading.film import Frame, Voi
from boneage_desk.reading.findings import Box
from boneage_desk.reports import fonts
from boneage_desk.reports.film_picture import Picture, Rect, fit, place_labels, show


def test_figures_are_all_of_one_width() -> None:
    for bold in (False, True):
        assert len({fonts.width(digit, 10, bold) for digit in "0123456789"}) == 1


def test_the_han_font_holds_all_common_characters() -> None:
    glyphs = fonts.font(fonts.HAN).face.charToGlyph
    assert [code for code in range(0x4E00, 0x9FA6) if code not in glyphs] == []
    assert sum(code in glyphs for code in range(0x3400, 0x4DB6)) == 6582


def test_each_character_takes_a_font_that_holds_it() -> None:
    assert fonts.runs("Li 李") == [(fonts.REGULAR, "Li "), (fonts.HAN, "李")]
    assert fonts.runs("𠮷", bold=True) == [(fonts.BOLD, "[U+20BB7]")]


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="ab- ,.李明，（）W(1", max_size=80), st.floats(20, 200))
def test_lines_fit_and_lose_nothing(text: str, room: float) -> None:
    lines = fonts.wrap(text, 8, room)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    widest = max(fonts.width(char, 8) for char in "W李")
    assert all(fonts.width(line, 8) <= room + widest for line in lines)


def test_lines_break_where_readers_expect() -> None:
    room = fonts.width("one two", 8) + 0.1
    assert fonts.wrap("one two three", 8, room) == ["one two", "three"]
    assert fonts.wrap("第一，第二", 8, fonts.width("第一，", 8) + 0.1) == ["第一，", "第二"]
    # a comma never starts a line
    assert fonts.wrap("第一，第二", 8, fonts.width("第一", 8) + 0.1)[1][0] != "，"
    assert fonts.wrap("2014-03-02 x", 8, fonts.width("2014-03-02", 8) + 0.1) == ["2014-03-02", "x"]
    assert fonts.wrap("a\nb", 8, 100) == ["a", "b"]


def test_one_line_shrinks_first_and_is_cut_last() -> None:
    assert fonts.one_line("short", 9, 200) == ("short", 9)
    text, size = fonts.one_line("W" * 30, 9, 200)
    assert text == "W" * 30 and 5 < size < 9
    text, size = fonts.one_line("W" * 300, 9, 200)
    assert text.endswith("...") and size == 5 and fonts.width(text, size) <= 200


def test_a_missing_font_says_that_the_installation_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(fonts.FILES, "BoneAgeDesk-Missing", "nothing.ttf")
    with pytest.raises(BoneAgeError, match="Install BoneAge Desk again"):
        fonts.font("BoneAgeDesk-Missing")


def film(pixels: np.ndarray, padding: int | None = None) -> Frame:
    top = 255 if pixels.dtype == np.uint8 else 4095
    return Frame(pixels, top, (Voi("default", centre=(top + 1) / 2, width=top + 1),), padding=padding)


def test_black_borders_go_but_nothing_that_can_be_seen() -> None:
    pixels = np.zeros((1000, 800), np.uint8)
    pixels[300:700, 250:500] = 180
    pixels[120:150, 640:670] = 90  # a marker far from the hand
    shown = show(film(pixels), [])
    assert shown.trimmed
    assert shown.x0 < 250 and shown.y0 < 120
    assert shown.x0 + shown.columns > 670 and shown.y0 + shown.rows > 700
    assert shown.columns * shown.rows < 0.8 * pixels.size
    assert np.array_equal(shown.grey, pixels[shown.y0 :, shown.x0 :][: shown.rows, : shown.columns])


def test_boxes_in_the_dark_stay_on_the_picture() -> None:
    pixels = np.zeros((1000, 800), np.uint8)
    pixels[300:700, 250:500] = 180
    shown = show(film(pixels), [Box(20, 900, 90, 980)])
    assert shown.x0 <= 20 and shown.y0 + shown.rows >= 980


def test_a_film_without_borders_or_without_anything_is_whole() -> None:
    bright = np.full((300, 200), 100, np.uint8)
    for pixels in (bright, np.zeros_like(bright)):
        shown = show(film(pixels), [])
        assert not shown.trimmed and (shown.rows, shown.columns) == (300, 200)


def test_padding_is_black_even_where_its_value_is_bright() -> None:
    pixels = np.full((400, 400), 4095, np.uint16)
    pixels[100:300, 100:300] = 2000
    shown = show(film(pixels, padding=4095), [])
    assert shown.trimmed and shown.grey.max() < 140


def test_the_picture_has_a_sensible_size_and_is_never_enlarged() -> None:
    big = np.random.default_rng(1).integers(0, 4096, (3000, 2400)).astype(np.uint16)
    picture = show(film(big), []).picture(220, 275)
    assert picture.grey.shape == (840, 672)
    assert Image.open(io.BytesIO(picture.jpeg)).size == (672, 840)
    little = np.full((100, 80), 200, np.uint8)
    assert show(film(little), []).picture(220, 275).grey.shape == (100, 80)


def test_fit_keeps_the_aspect() -> None:
    assert fit(100, 200, 50, 50) == (25, 50)
    assert fit(200, 100, 50, 50) == (50, 25)


def test_labels_lie_beside_their_box_off_others_and_over_dark_ground() -> None:
    grey = np.zeros((400, 400), np.uint8)
    grey[:, 120:200] = 220  # a finger right of the first box's left edge
    picture = Picture(b"", 400, 400, grey)
    boxes = [Rect(120, 50, 160, 90), Rect(120, 100, 160, 140)]
    spots = place_labels(boxes, [(40, 9), (40, 9)], picture)
    for spot in spots:
        assert spot.inside(400, 400)
        assert all(spot.overlap(box) == 0 for box in boxes)
        assert spot.x1 <= 120, "left, where it is dark"
    assert spots[0].overlap(spots[1]) == 0


def test_a_label_of_a_box_that_fills_the_film_stays_on_it() -> None:
    picture = Picture(b"", 50, 50, np.zeros((50, 50), np.uint8))
    (spot,) = place_labels([Rect(0, 0, 50, 50)], [(30, 9)], picture)
    assert spot.inside(50, 50)


def test_a_label_stands_nearest_to_its_own_box() -> None:
    """Two boxes that overlap, as of a bent little finger."""
    picture = Picture(b"", 300, 300, np.zeros((300, 300), np.uint8))
    boxes = [Rect(60, 100, 105, 150), Rect(75, 128, 130, 180)]
    spots = place_labels(boxes, [(40, 9), (40, 9)], picture)
    for own, other, spot in ((0, 1, 0), (1, 0, 1)):
        assert spots[spot].distance(boxes[own]) < spots[spot].distance(boxes[other])


def test_distance_of_rectangles() -> None:
    box = Rect(0, 0, 10, 10)
    assert box.distance(Rect(13, 14, 20, 20)) == 5
    assert box.distance(Rect(5, 5, 20, 20)) == 0
    assert box.nearest(Rect(20, 4, 30, 6)) == (10, 5)
