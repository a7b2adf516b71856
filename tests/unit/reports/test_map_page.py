"""The report's page of where the second opinion's model looked: in its place on the film, named, of no other opinion."""

from __future__ import annotations

import dataclasses
import io

import numpy as np
import pytest
from pypdf import PdfReader

from boneage_desk.common.errors import InputError
from boneage_desk.common.settings import Settings
from boneage_desk.imaging.map_colours import coloured
from boneage_desk.reading.film import Frame, Voi
from boneage_desk.reading.film_map import FilmMap
from boneage_desk.reading.session import Reading
from boneage_desk.reports import film_picture
from boneage_desk.reports.pdf import PdfReports
from tests.samples import analysed
from tests.unit.reports.test_pdf import frame, small


def spot(row: int, column: int, size: tuple[int, int] = (60, 80)) -> np.ndarray:
    values = np.zeros(size, np.float32)
    values[row - 2 : row + 3, column - 2 : column + 3] = 1
    return values


def made(value: Reading, values: np.ndarray, film: Frame | None = None, **settings: str) -> PdfReader:
    given = FilmMap(value.whole_hand[0], values)
    pdf = PdfReports(Settings(**settings)).render(value, film or frame(value), detail=False, film_map=given)
    return PdfReader(io.BytesIO(pdf))


def yellow(page) -> tuple[float, float]:
    """Middle of the yellow of a page's largest picture, in shares of its width and height."""
    picture = max(page.images, key=lambda image: image.image.size[0] * image.image.size[1]).image
    pixels = np.asarray(picture.convert("RGB")).astype(int)
    tinted = pixels[..., 0] - pixels[..., 2] > 60
    rows, columns = np.nonzero(tinted)
    return float(columns.mean() / tinted.shape[1]), float(rows.mean() / tinted.shape[0])


def test_the_page_names_the_model_and_what_a_map_does_not_show() -> None:
    value = small(analysed().reading)
    pdf = made(value, spot(15, 20))
    assert len(pdf.pages) == 2
    words = " ".join(pdf.pages[1].extract_text().split())
    assert "Where the model of the second opinion looked" in words and "(whole-hand), bone age 10 y 1 m" in words
    assert "not that the model was right" in words and "less" in words and "most" in words and "Page 2 of 2" in words
    assert "DRAFT" in words and value.patient.patient_id in words, "no page may lie about without a name"
    x, y = yellow(pdf.pages[1])
    assert x == pytest.approx(20.5 / 80, abs=0.01) and y == pytest.approx(15.5 / 60, abs=0.01)


def test_the_map_is_in_its_place_where_black_borders_are_left_out() -> None:
    pixels = np.zeros((600, 800), np.uint16)
    pixels[200:500, 300:700] = 2000
    film = Frame(pixels, 4095, (Voi("default", centre=2048, width=4096),))
    shown = film_picture.show(film, [])
    assert shown.trimmed and (shown.x0, shown.y0) != (0, 0)
    mapped = shown.mapped(spot(30, 40))  # film column 405, row 305
    tinted = mapped.colour[..., 0].astype(int) - mapped.colour[..., 2] > 60
    rows, columns = np.nonzero(tinted)
    assert columns.mean() + shown.x0 == pytest.approx(405, abs=2) and rows.mean() + shown.y0 == pytest.approx(305, abs=2)
    assert np.array_equal(mapped.picture(200, 150).grey, shown.picture(200, 150).grey), "labels look at the film alone"


def test_a_map_of_another_opinion_is_refused() -> None:
    value = small(analysed().reading)
    other = dataclasses.replace(value.whole_hand[0], bone_age_months=99.0)
    for opinion in (other, value.whole_hand[1]):
        with pytest.raises(InputError, match="another second opinion"):
            PdfReports(Settings()).render(value, frame(value), film_map=FilmMap(opinion, spot(9, 9)))
    gone = dataclasses.replace(value, whole_hand=())
    with pytest.raises(InputError):
        PdfReports(Settings()).render(gone, frame(value), film_map=FilmMap(value.whole_hand[0], spot(9, 9)))


def test_without_a_map_and_without_the_film_there_is_no_such_page() -> None:
    value = small(analysed().reading)
    plain = PdfReader(io.BytesIO(PdfReports(Settings()).render(value, frame(value), detail=False)))
    assert len(plain.pages) == 1 and "Page 1" not in plain.pages[0].extract_text()
    given = FilmMap(value.whole_hand[0], spot(9, 9))
    assert len(PdfReader(io.BytesIO(PdfReports(Settings()).render(value, None, detail=False, film_map=given))).pages) == 1


def test_both_languages_and_the_figure_is_told_to_those_who_do_not_see_it() -> None:
    pdf = made(small(analysed().reading), spot(15, 20), report_language="en+zh")
    words = pdf.pages[1].extract_text()
    assert "Where the model" in words and "第二意见模型的关注区域" in words

    def figures(node) -> list[str]:
        node = node.get_object()
        if isinstance(node, list):
            return [alt for kid in node for alt in figures(kid)]
        if not isinstance(node, dict):
            return []
        own = [str(node["/Alt"])] if node.get("/S") == "/Figure" and "/Alt" in node else []
        return own + (figures(node["/K"]) if "/K" in node else [])

    assert any("colour map" in alt and "Whole hand" in alt for alt in figures(pdf.trailer["/Root"]["/StructTreeRoot"]["/K"]))


def test_colours_rise_in_lightness_so_that_they_are_told_apart_without_colour() -> None:
    rgb = coloured(np.linspace(0, 1, 50)[None], 1.0)[0, :, :3] / 255.0
    light = rgb @ (0.2126, 0.7152, 0.0722)
    assert (np.diff(light) > 0).all()
    assert coloured(np.zeros((1, 1)), 0.6)[0, 0, 3] == 0, "plain film where it did not look"
