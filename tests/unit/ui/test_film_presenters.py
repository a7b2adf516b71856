"""Free turns, annotations on the screen, windows from the histogram, two films linked: presenters without a window."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boneage_desk.common import i18n
from boneage_desk.imaging.voi import apply_voi
from boneage_desk.reading.annotations import Annotation, AnnotationKind
from boneage_desk.reading.film import Frame, Spacing, SpacingKind, Voi, VoiKind
from boneage_desk.reading.findings import Box
from boneage_desk.ui.presenters import compare, film_marks, overlay, windows
from boneage_desk.ui.presenters.film_marks import Drawing, Hit
from boneage_desk.ui.presenters.film_pixels import FilmPixels
from boneage_desk.ui.presenters.viewport import Viewport
from tests.samples import reading

D, A, N = AnnotationKind.DISTANCE, AnnotationKind.ANGLE, AnnotationKind.NOTE
BASE = Viewport((2000, 2500), (900, 700)).fitted()


@given(st.floats(-180, 180), st.lists(st.sampled_from("hvrl"), max_size=4), st.floats(0, 2000), st.floats(0, 2500))
def test_a_free_turn_goes_there_and_back_and_mirrors_as_seen(angle, moves, x, y):
    view = BASE.rotated(angle)
    for move in moves:
        before = view.to_screen(x, y)
        view = view.flipped(move == "h") if move in "hv" else view.turned(move == "r")
        after = view.to_screen(x, y)
        if move == "h":
            assert after == pytest.approx((900 - before[0], before[1]), abs=1e-6)
        elif move == "v":
            assert after == pytest.approx((before[0], 700 - before[1]), abs=1e-6)
    assert view.to_film(*view.to_screen(x, y)) == pytest.approx((x, y), abs=1e-6)
    assert view.upright.to_screen(x, y) == pytest.approx(view.unturned(*view.to_screen(x, y)), abs=1e-6)


def test_a_free_turn_is_clockwise_named_and_fitted():
    view = BASE.rotated(30)
    right = view.to_screen(BASE.centre[0] + 100, BASE.centre[1])
    assert right[1] > 350, "clockwise: what was right goes down"
    assert view.orientation == "turned 30\N{DEGREE SIGN}" and view.rotated(60.5).orientation == "turned 90.5\N{DEGREE SIGN}"
    assert view.turned(True).orientation == "turned 120\N{DEGREE SIGN}" and view.rotated(-30).orientation == ""
    assert view.flipped(True).orientation == "mirrored, turned 330\N{DEGREE SIGN}"
    fitted = view.fitted()
    for corner in ((0, 0), (2000, 0), (0, 2500), (2000, 2500)):
        x, y = fitted.to_screen(*corner)
        assert -1e-6 <= x <= 900 + 1e-6 and -1e-6 <= y <= 700 + 1e-6
    seen = fitted.visible_film()
    assert seen == (0, 0, 2000, 2500)


@pytest.mark.parametrize("turns", range(4))
def test_a_nudge_goes_where_the_arrow_points(turns):
    view = BASE.flipped(True)
    for _ in range(turns):
        view = view.turned(True)
    box = Box(400, 400, 500, 520)
    before, after = view.rect_to_screen(box), view.rect_to_screen(overlay.nudged(view, box, 3, -2))
    assert after[0] - before[0] == pytest.approx(3 * view.zoom) and after[1] - before[1] == pytest.approx(-2 * view.zoom)
    wider = view.rect_to_screen(overlay.nudged(view, box, 6, 0, grow=True))
    assert (wider[2] - wider[0]) - (before[2] - before[0]) == pytest.approx(6 * view.zoom)
    assert wider[3] - wider[1] == pytest.approx(before[3] - before[1])
    small = overlay.nudged(view, box, -500, -500, grow=True)
    assert small.x1 - small.x0 == overlay.SMALLEST and small.centre == box.centre


# --- annotations on the screen ------------------------------------------------------------------


def test_an_end_is_hit_before_its_line_and_the_upper_one_before_the_lower():
    view = Viewport((1000, 1000), (1000, 1000)).fitted(margin=0)
    one, two = Annotation(1, D, ((100, 100), (300, 100))), Annotation(2, D, ((300, 100), (300, 400)))
    assert film_marks.hit((one, two), view, 200, 104) == Hit(1, -1)
    assert film_marks.hit((one, two), view, 104, 103) == Hit(1, 0)
    assert film_marks.hit((one, two), view, 300, 100) == Hit(2, 0)
    assert film_marks.hit((one, two), view, 200, 130) is None
    note = Annotation(3, N, ((700, 700),), "x")
    assert film_marks.hit((note,), view, 705, 700) == Hit(3, 0)


def test_a_drawing_by_clicks_and_by_drags():
    drawing = Drawing()
    drawing.press(A, (0, 10))
    assert drawing.release((0, 10), False) is None and drawing.pending
    drawing.press(A, (0, 0))
    assert drawing.release((0, 0), False) is None
    drawing.hover((8, 1))
    shape = drawing.shape(Spacing())
    assert shape is not None and shape[0] == ((0, 10), (0, 0), (8, 1)) and shape[2].startswith("82.9")
    drawing.press(A, (9, 0))
    done = drawing.release((9, 0), False)
    assert done is not None and done.points == ((0, 10), (0, 0), (9, 0)) and not drawing.pending
    drawing.press(D, (1, 1))
    done = drawing.release((5, 1), True)
    assert done is not None and done.points == ((1, 1), (5, 1))
    drawing.press(D, (1, 1))
    drawing.release((1, 1), False)
    drawing.press(D, (1, 1))
    assert drawing.release((1, 1), False) is None, "two clicks at one place are no distance"
    drawing.press(A, (2, 2))
    assert drawing.pending and drawing.shape(Spacing())[0] == ((2, 2),), "another tool begins anew"


def test_moving_an_end_or_the_whole_keeps_the_spacing():
    spacing = Spacing(0.1, 0.1, SpacingKind.PIXEL)
    old = Annotation(4, D, ((10, 10), (110, 10)), spacing=spacing)
    drawing = Drawing()
    drawing.hold(old, Hit(4, 1), (110, 10))
    drawing.hover((210, 10))
    assert drawing.moving == 4 and drawing.shape(Spacing())[2] == "20.0 mm"
    done = drawing.release((210, 10), True)
    assert done.number == 4 and done.points == ((10, 10), (210, 10))
    drawing.hold(old, Hit(4, -1), (50, 10))
    drawing.hover((50, 30))
    assert drawing.release((50, 30), True).points == ((10, 30), (110, 30))
    drawing.hold(old, Hit(4, 0), (10, 10))
    assert drawing.release((10, 10), False) is None, "a click moves nothing"


def test_a_long_note_is_broken_into_lines_and_cut():
    words = film_marks.label(Annotation(1, N, ((0, 0),), "word " * 39 + "end"))
    lines = words.split("\n")
    assert len(lines) == film_marks.NOTE_LINES and max(map(len, lines)) <= film_marks.NOTE_WIDTH + 2
    assert words.endswith("\N{HORIZONTAL ELLIPSIS}")


# --- windows ------------------------------------------------------------------------------------


def hand(air: int = 300, soft: int = 1200, bone: int = 2600) -> FilmPixels:
    rng = np.random.default_rng(1)
    y, x = np.mgrid[0:600, 0:500]
    values = np.where(np.abs(x - 250) < 60, bone, np.where(np.abs(x - 250) < 140, soft, air)).astype(float)
    values += rng.normal(0, 60, values.shape)
    pixels = np.clip(values, 1, 4095).astype(np.uint16)
    return FilmPixels(Frame(pixels, 4095, (Voi("FILE", VoiKind.LINEAR, 2048, 4096),)))


@pytest.mark.parametrize("levels", [(300, 1200, 2600), (100, 500, 3800), (900, 1300, 1900)])
def test_bone_and_soft_tissue_windows_part_what_they_are_named_after(levels):
    pixels = hand(*levels)
    file, bone, soft = windows.presets(pixels)
    assert (file.name, bone.name, soft.name) == ("FILE", windows.BONE, windows.SOFT_TISSUE)

    def grey(voi, value):
        return int(apply_voi(np.array([[value]], np.uint16), voi, max_value=4095)[0, 0])

    air, tissue, shaft = levels
    assert grey(bone, tissue) < 70 and 130 < grey(bone, shaft) and grey(bone, air) == 0
    assert grey(soft, air) < 60 and 70 < grey(soft, tissue) < 215 and grey(soft, shaft) > 225


def test_a_metal_letter_and_a_white_edge_do_not_darken_the_bone_window():
    plain = windows.presets(hand())[1]
    pixels = hand().frame.pixels.copy()
    pixels[:8], pixels[40:52, 20:32] = 4095, 4095
    marked = windows.presets(FilmPixels(Frame(pixels, 4095, hand().frame.vois)))[1]
    assert marked.centre + marked.width / 2 == pytest.approx(plain.centre + plain.width / 2, rel=0.05)


def test_a_film_of_one_grey_has_the_files_windows_only():
    frame = Frame(np.full((300, 300), 500, np.uint16), 4095, (Voi("FILE", VoiKind.LINEAR, 2048, 4096),))
    assert windows.presets(FilmPixels(frame)) == frame.vois


def test_a_table_becomes_a_sigmoid_over_its_span():
    table = bytes(np.clip(np.linspace(-200, 455, 1000), 0, 255).astype(np.uint8))
    found = windows.reshaped(Voi("T", VoiKind.LUT, first=100, table=table), VoiKind.SIGMOID, 4095)
    assert found.kind is VoiKind.SIGMOID and 500 < found.centre < 700 and 200 < found.width < 500


# --- two films ----------------------------------------------------------------------------------


@given(st.floats(0.2, 5), st.tuples(st.floats(300, 700), st.floats(300, 900)), st.floats(-40, 40), st.booleans())
def test_linked_films_show_the_bone_at_one_place_and_scale(zoom, centre, angle, flip):
    lead = Viewport((1000, 1250), (500, 600)).zoomed_to(zoom).centred_on(*centre)
    other = Viewport((2000, 2600), (480, 600)).rotated(angle)
    other = other.flipped(True) if flip else other
    one, two = Box(400, 500, 460, 560), Box(900, 1200, 1010, 1310)
    mm = Spacing(0.2, 0.2, SpacingKind.AT_DETECTOR), Spacing(0.1, 0.1, SpacingKind.AT_DETECTOR)
    found = compare.linked(lead, one, mm[0], other, two, mm[1])
    if 0.02 < zoom / 2 < 40:
        assert found.zoom == pytest.approx(zoom / 2)
    x, y = lead.to_screen(*one.centre)
    assert found.to_screen(*two.centre) == pytest.approx((x - 250 + 240, y), abs=1e-6)
    assert (found.angle_deg, found.matrix) == (other.angle_deg, other.matrix), "its own turn stays"
    back = compare.linked(found, two, mm[1], lead, one, mm[0])
    assert back.zoom == pytest.approx(lead.zoom) and back.centre == pytest.approx(lead.centre, abs=1e-6)
    plain = compare.linked(lead, one, Spacing(), other, two, mm[1])
    assert plain.zoom == pytest.approx(zoom * 60 / 110), "unlike spacings: boxes of one size"
    mixed = Spacing(0.2, 0.2, SpacingKind.PIXEL)
    assert not compare.in_millimetres(mixed, mm[1]), "millimetres at the detector are other millimetres"


def test_without_the_bone_both_show_the_same_share():
    lead = Viewport((1000, 1000), (500, 500)).zoomed_to(1.0).centred_on(250, 750)
    found = compare.linked(lead, None, Spacing(), Viewport((2000, 2000), (500, 500)), Box(1, 1, 9, 9), Spacing())
    assert found.zoom == pytest.approx(0.5) and found.centre == (500, 1500)


def test_who_counts_as_the_same_child():
    now = reading("now", film="1")
    assert compare.same_child(now, reading("old", film="2"))
    other = reading("old", film="2")
    for change in ({"patient_id": "43"}, {"birth_date": now.patient.birth_date.replace(year=2013)}):
        assert not compare.same_child(now, dataclasses.replace(other, patient=dataclasses.replace(other.patient, **change)))
    nameless = dataclasses.replace(now, patient=dataclasses.replace(now.patient, patient_id=" "))
    assert not compare.same_child(nameless, dataclasses.replace(other, patient=nameless.patient)), "an empty id tells nothing"
    unknown = dataclasses.replace(other, patient=dataclasses.replace(other.patient, sex=None, birth_date=None))
    assert compare.same_child(now, unknown)


def test_earlier_films_come_first_the_newest_of_them_before_the_others():
    now = reading("now", film="1")
    on = now.study.study_date

    def at(name, years):
        other = reading(name, film=name)
        day = None if years is None else on.replace(year=on.year + years)
        return dataclasses.replace(other, study=dataclasses.replace(other.study, study_date=day))

    found = compare.films_of_child(now, [at("late", 1), at("old", -3), at("undated", None), at("new", -1), now])
    assert [f.reading_id for f in found][:2] == ["new", "old"] and {f.reading_id for f in found[2:]} == {"late", "undated"}
    again = dataclasses.replace(reading("again", film="1"), study=at("x", -1).study)
    assert compare.films_of_child(now, [again]) == (), "the same film is no earlier one"


def test_angles_are_exact():
    assert math.isclose(film_marks.measure(Annotation(1, A, ((1, 0), (0, 0), (0, 1)))).value, 90)


def test_windows_have_names_in_the_language_in_use_and_two_of_one_name_differ():
    linear = VoiKind.LINEAR
    two = Voi("Auto", linear, 2048, 4096), Voi("Auto", linear, 1800, 900)
    assert [windows.menu_name(voi) for voi in two] == ["Auto   W 4096  L 2048", "Auto   W 900  L 1800"]
    lut = Voi("VOI LUT 2", VoiKind.LUT, first=0, table=bytes(range(256)))
    assert windows.menu_name(lut) == "VOI LUT 2"
    i18n.use("zh")
    try:
        named = [windows.menu_name(voi) for voi in (Voi("Window 1", linear, 2048, 4096), two[0], lut)]
        assert named == ["窗设置 1   W 4096  L 2048", "自动   W 4096  L 2048", "VOI LUT 查找表 2"]
        assert windows.name_of(Voi("NORMAL", linear, 1, 2)) == "NORMAL", "the file's own words"
    finally:
        i18n.use("en")
