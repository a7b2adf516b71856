"""The interval follows the grades' doubt, the person's decisions and the curve, and never vanishes."""

from __future__ import annotations

import dataclasses

import pytest

from boneage_desk.reading.analysis import IntervalRow, IntervalTable
from boneage_desk.reading.codec import decode_reading, encode_reading
from boneage_desk.reading.document import document
from boneage_desk.reading.findings import GradeOpinion
from boneage_desk.reading.interval import curve_months, curve_score, points_of, stretched, total_spread
from boneage_desk.reading.report_facts import Words
from boneage_desk.reading.report_result import headline_note
from boneage_desk.reading.session import AcceptGrade, Reading, ReadingSession, SetAnalysis, SetBox, SetGrade
from boneage_desk.reading.summary import summarise
from boneage_desk.standards import rus_chn
from boneage_desk.standards.types import Sex
from tests.samples import NOON, WHO, analysis
from tests.samples import reading as blank

FLOOR, FACTOR, CORRELATION = 5.0, 1.5, 0.4


def table(factor: float = FACTOR) -> IntervalTable:
    rows = tuple(IntervalRow(sex, 0.0, 241.0, 11.5, factor) for sex in (Sex.MALE, Sex.FEMALE))
    return IntervalTable(0.9, rows, "held-out films", CORRELATION, FLOOR)


def session(probability: float = 0.75, grade: int = 6, factor: float = FACTOR) -> ReadingSession:
    """All bones at ``grade``, the rest of the probability on the two neighbours."""
    result = analysis()
    bones = []
    for row in result.bones:
        p = [0.0] * len(rus_chn.labels(row.bone))
        p[grade], p[grade - 1], p[grade + 1] = probability, (1 - probability) / 2, (1 - probability) / 2
        bones.append(dataclasses.replace(row, grade=GradeOpinion(row.bone, grade, tuple(p))))
    it = ReadingSession(blank())
    it.do(SetAnalysis(dataclasses.replace(result, bones=tuple(bones), interval=table(factor)), NOON), at=NOON, who=WHO)
    return it


def width(reading: Reading) -> float:
    interval = summarise(reading).interval_months
    assert interval is not None
    return interval[1] - interval[0]


def test_more_doubt_about_the_grades_is_a_wider_interval() -> None:
    widths = [width(session(p).reading) for p in (1.0, 0.9, 0.6, 0.4)]
    assert widths == sorted(widths) and widths[-1] > 1.5 * widths[0]
    assert widths[0] == pytest.approx(2 * FACTOR * FLOOR, rel=0.1), "certain grades: the floor is what remains"


def test_it_is_the_spread_of_the_sum_through_the_curve() -> None:
    it = session(0.6)
    moments = [points_of(f.bone, f.opinion.probabilities, Sex.FEMALE) for f in it.reading.bones if f.opinion]
    total, spread = sum(m for m, _ in moments), total_spread([d for _, d in moments], CORRELATION)
    summary = summarise(it.reading)
    assert summary.bone_age is not None
    expected = stretched(total, spread, FACTOR, FLOOR, summary.bone_age.months, Sex.FEMALE)
    assert summary.interval_months == pytest.approx(expected)
    low, high = expected
    assert low < summary.bone_age.months < high


def test_spreads_add_as_correlated_errors_do() -> None:
    assert total_spread([3, 4], 0) == pytest.approx(5)
    assert total_spread([3, 4], 1) == pytest.approx(7)
    assert total_spread([], 0.3) == 0


def test_a_persons_other_grade_brings_no_doubt_and_an_accepted_one_keeps_it() -> None:
    it = session(0.5)
    before = width(it.reading)
    for finding in it.reading.bones:
        it.do(AcceptGrade(finding.bone), at=NOON, who=WHO)
    assert width(it.reading) == before
    widths = [before]
    for finding in it.reading.bones:
        it.do(SetGrade(finding.bone, 7), at=NOON, who=WHO)
        widths.append(width(it.reading))
    assert widths[-1] < 0.7 * before
    assert widths[-1] > 1.5 * FACTOR * FLOOR, "never a point: the floor remains"


def test_a_box_that_was_moved_and_graded_by_hand_has_no_machine_doubt() -> None:
    it = session(0.4)
    before = width(it.reading)
    box = it.reading.bone("radius").box
    assert box is not None
    it.do(SetBox("radius", dataclasses.replace(box, x1=box.x1 + 5)), at=NOON, who=WHO)
    assert summarise(it.reading).interval_months is None, "a bone without a grade"
    it.do(SetGrade("radius", 6), at=NOON, who=WHO)
    assert width(it.reading) < before


@pytest.mark.parametrize("sex", list(Sex))
def test_it_stays_inside_birth_and_the_tables_end_and_holds_the_bone_age(sex: Sex) -> None:
    end = rus_chn.knots(sex)[-1][0]
    for months in (12.5, 30.0, 100.0, end - 1):
        low, high = stretched(curve_score(months, sex), 60.0, 2.0, FLOOR, months, sex)
        assert 0 <= low <= months <= high <= end
    low, high = stretched(300.0, 1.0, 1.0, 0.1, 200.0, sex)
    assert high == 200.0, "the bone age given is never outside"


@pytest.mark.parametrize("sex", list(Sex))
def test_the_curve_reads_both_ways_from_birth_on(sex: Sex) -> None:
    for months in (0.0, 5.0, 12.0, 61.3, 150.0):
        assert curve_months(curve_score(months, sex), sex) == pytest.approx(months)
    assert curve_months(-3, sex) == 0 and curve_months(5000, sex) == rus_chn.knots(sex)[-1][0]


def test_a_table_without_factors_keeps_its_fixed_half_width() -> None:
    for probability in (0.9, 0.4):
        assert width(session(probability, factor=0.0).reading) == pytest.approx(23.0)


def test_a_reading_stored_before_the_factors_is_read_as_it_was() -> None:
    it = session(0.6, factor=0.0)
    stored = encode_reading(it.reading)
    assert decode_reading(encode_reading(session(0.6).reading)) == session(0.6).reading
    interval = stored["reading"]["interval"]
    for name in ("correlation", "floor_months"):
        del interval[name]
    for row in interval["rows"]:
        del row["factor"]
    old = decode_reading(stored)
    assert old.interval is not None and old.interval.floor_months == 0
    assert summarise(old).interval_months == summarise(it.reading).interval_months


def test_an_interval_that_ends_where_the_table_ends_is_open() -> None:
    closed = summarise(session(grade=5).reading)
    assert closed.interval_months is not None and not closed.interval_open
    value = session(0.5, 5).reading
    assert value.interval is not None
    wide = dataclasses.replace(value, interval=dataclasses.replace(value.interval, floor_months=90.0))
    summary = summarise(wide)
    assert summary.interval_months is not None and summary.interval_open
    assert summary.interval_months[1] == rus_chn.knots(Sex.FEMALE if wide.patient.sex is Sex.FEMALE else Sex.MALE)[-1][0]
    assert " or more: the AI's measured error" in headline_note(wide, summary, Words("en"))
    assert document(wide)["standards"]["rus-chn"]["interval_open"] is True
