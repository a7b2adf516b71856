"""What was measured, as rows and lines: figures, words, what speaks against the grade in force, places."""

from __future__ import annotations

import dataclasses
import math
from datetime import UTC, datetime

import numpy as np
import pytest

from boneage_desk.reading.evidence import Evidence
from boneage_desk.reading.film import Frame, Voi
from boneage_desk.reading.findings import Box
from boneage_desk.reading.session import ReadingSession, SetAnalysis, SetBox, SetGrade, new_reading
from boneage_desk.standards import rus_chn
from boneage_desk.ui.presenters import rows
from boneage_desk.ui.presenters.measured import WidthLine, crop_lines, film_lines, lines_on_screen, measured
from boneage_desk.ui.presenters.viewport import Viewport
from boneage_desk.wiring import cut_crop
from tests.gui.fakes import GRADES, make_film, make_result

NOW = datetime(2024, 7, 11, 12, 4, 5, tzinfo=UTC)


def case(evidence: Evidence | None = None) -> ReadingSession:
    """The stand-in film, read; ``evidence`` in the place of its bone's."""
    film = make_film()
    made = ReadingSession(new_reading(film, "r1", NOW))
    result = make_result(film.frame)
    if evidence is not None:
        bones = tuple(
            dataclasses.replace(row, evidence=evidence) if row.bone == evidence.bone else row for row in result.bones
        )
        result = dataclasses.replace(result, bones=bones)
    made.do(SetAnalysis(result, NOW), at=NOW, who="x")
    return made


def test_figure_and_words_of_a_row() -> None:
    reading = case().reading
    assert measured(reading, "mp3").figure == "1.02" and "as wide as the shaft (1.02)" in measured(reading, "mp3").words
    assert (measured(reading, "ulna").figure, measured(reading, "ulna").sentence) == ("\N{EN DASH}", "Not measured")
    assert measured(reading, "dp5").figure == "none"
    fused = Evidence("radius", True, 0.9, fused_share=1.0)
    assert measured(case(fused).reading, "radius").figure == "fused"
    poor = Evidence("radius", True, 0.2, width_ratio=1.0, epiphysis_line=((0, 0), (9, 0)))
    told = measured(case(poor).reading, "radius")
    assert told.figure == "\N{EN DASH}" and told.sentence.startswith("Not measured: ")
    assert film_lines(case(poor).reading, "radius") == (), "no line of an outline that cannot be trusted"


def test_before_the_reading_nothing_is_said() -> None:
    reading = new_reading(make_film(), "r1", NOW)
    assert measured(reading, "radius") == measured(reading, "dp5")
    assert not measured(reading, "radius").phrases and not measured(reading, "radius").tip


def test_what_speaks_against_the_grade_follows_the_grade_in_force() -> None:
    session = case()
    assert "0.70" in rows.bone_row(session.reading, "pp3").measured.against, "against the machine's grade"
    session.do(SetGrade("pp3", 4), at=NOW, who="x")
    assert rows.bone_row(session.reading, "pp3").measured.against == ""
    session.do(SetGrade("mp3", 2), at=NOW, who="x")
    assert "narrower" in rows.bone_row(session.reading, "mp3").measured.against, "against the person's grade"
    session.do(SetGrade("mp3", None), at=NOW, who="x")
    assert rows.bone_row(session.reading, "mp3").measured.against == ""


def test_a_moved_box_has_no_measurement_of_other_pixels() -> None:
    session = case()
    session.do(SetBox("pp3", Box(100, 100, 200, 200)), at=NOW, who="x")
    assert measured(session.reading, "pp3").sentence == "Not measured" and not film_lines(session.reading, "pp3")


@pytest.mark.parametrize("angle", [0.0, 37.0, -110.0, 180.0])
def test_lines_lie_on_the_crop_where_they_lie_on_the_film(angle: float) -> None:
    """Held against the real crop: spots at the ends of a line are found at its ends on the picture."""
    box, size = Box(300, 200, 500, 390), 192
    turn = math.radians(33)
    (cx, cy), half = box.centre, 60.0
    ends = [(cx + 20 + side * half * math.cos(turn), cy - 15 + side * half * math.sin(turn)) for side in (-1, 1)]
    placed = crop_lines((WidthLine(ends[0], ends[1], False),), box, angle)[0]
    for end, told in zip(ends, (placed.start, placed.end), strict=True):
        y, x = np.mgrid[0:700, 0:800] + 0.5
        spot = np.exp(-((x - end[0]) ** 2 + (y - end[1]) ** 2) / 18) * 4000
        frame = Frame(spot.astype(np.uint16), 4095, (Voi("v", centre=2048, width=4096),))
        crop = cut_crop(frame, box, angle, size).astype(float)
        rows_, columns = np.mgrid[0:size, 0:size] + 0.5
        seen = ((crop * columns).sum() / crop.sum() / size, (crop * rows_).sum() / crop.sum() / size)
        assert seen == pytest.approx(told, abs=0.012)


def test_lines_are_drawn_on_the_film_only_where_the_joint_is_large() -> None:
    lines = (WidthLine((10, 10), (40, 10), False), WidthLine((9, 20), (41, 20), True))
    view = Viewport((100, 100), (400, 400), zoom=1.0, centre=(50, 50))
    assert lines_on_screen(lines, view) == ()
    near = lines_on_screen(lines, dataclasses.replace(view, zoom=4.0))
    assert [line.shaft for line in near] == [False, True]
    assert near[0].start == (40.0, 40.0)


def test_probabilities_of_the_grade_and_its_neighbours() -> None:
    session = case()
    session.do(SetGrade("radius", GRADES["radius"] + 1), at=NOW, who="x")
    row = rows.bone_row(session.reading, "radius")
    assert [share.label for share in row.spread] == [rus_chn.label("radius", i) for i in range(6, 11)]
    assert [share.machine for share in row.spread] == [False, False, True, False, False]
    assert [share.human for share in row.spread] == [False, False, False, True, False]
    assert row.spread_words == "5(2) 0%, 6 14%, 7(0) 72%, 7(2) 14%, 8(0) 0%"


@pytest.mark.parametrize(("grade", "first"), [(0, 0), (1, 0), (12, 8)])
def test_at_the_ends_of_the_scale_five_grades_are_left(grade: int, first: int) -> None:
    film = make_film()
    result = make_result(film.frame)
    last = rus_chn.max_grade("pp3")
    grade = min(grade, last)
    sure = tuple(0.9 if i == grade else 0.1 / last for i in range(last + 1))
    bones = tuple(
        dataclasses.replace(row, grade=dataclasses.replace(row.grade, grade=grade, probabilities=sure))
        if row.bone == "pp3"
        else row
        for row in result.bones
    )
    session = ReadingSession(new_reading(film, "r1", NOW))
    session.do(SetAnalysis(dataclasses.replace(result, bones=bones), NOW), at=NOW, who="x")
    row = rows.bone_row(session.reading, "pp3")
    assert [share.label for share in row.spread] == [rus_chn.label("pp3", first + i) for i in range(5)]
    assert sum(share.machine for share in row.spread) == 1
    assert "others 6%" in row.spread_words or "others 7%" in row.spread_words
