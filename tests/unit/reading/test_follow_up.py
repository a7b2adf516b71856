"""The child over visits: change with its error, per-bone strip, what went backwards."""

from __future__ import annotations

import dataclasses
import math
from datetime import date

import pytest

from boneage_desk.reading.assessment import Reading, State
from boneage_desk.reading.document import document
from boneage_desk.reading.follow_up import follow_up
from boneage_desk.reading.growth import Growth, Measurement, Origin
from boneage_desk.reading.growth_view import growth_view
from boneage_desk.reading.report_fhir_growth import growth_resources
from boneage_desk.reading.report_growth import growth_report
from boneage_desk.reading.session import AcceptGrade, MarkReviewed, ReadingSession, SetAnalysis
from boneage_desk.reading.summary import summarise
from boneage_desk.standards import rus_chn
from boneage_desk.standards.types import Sex
from tests.samples import NOON, WHO, analysis, reading, sha


def visit(number: int, on: date, grade: int, *, reviewed: bool = True, **grades: int) -> Reading:
    """All bones at ``grade`` but those named."""
    start = dataclasses.replace(reading(f"r{number}", film=str(number)), study=dataclasses.replace(reading().study, study_date=on))
    session = ReadingSession(start)
    session.do(SetAnalysis(analysis({bone: grades.get(bone, grade) for bone in rus_chn.BONES}), NOON), at=NOON, who=WHO)
    if reviewed:
        for bone in rus_chn.BONES:
            session.do(AcceptGrade(bone), at=NOON, who=WHO)
        session.do(MarkReviewed(), at=NOON, who=WHO)
    value = session.reading
    return dataclasses.replace(value, whole_hand=(), source=dataclasses.replace(value.source, sha256=sha(str(number))))


FIRST, SECOND, NOW = date(2022, 7, 11), date(2023, 7, 11), date(2024, 7, 11)


def three(**grades: int) -> tuple[Reading, list[Reading]]:
    return visit(3, NOW, 6, reviewed=False, **grades), [visit(2, SECOND, 5), visit(1, FIRST, 4)]


def test_visits_stand_from_the_oldest_to_the_present() -> None:
    now, earlier = three()
    found = follow_up(now, [*earlier, now])
    assert [v.on for v in found.visits] == [FIRST, SECOND, NOW]
    assert [v.present for v in found.visits] == [False, False, True]
    assert [v.state for v in found.visits] == [State.REVIEWED, State.REVIEWED, State.DRAFT]
    ages = [v.bone_age.months for v in found.visits if v.bone_age]
    assert ages == sorted(ages) and len(ages) == 3
    assert found.warnings == ()


def test_change_over_change_with_the_error_of_both() -> None:
    now, earlier = three()
    found = follow_up(now, earlier)
    first, second = found.steps
    ages = [v.bone_age.months for v in found.visits if v.bone_age]
    assert (second.ba_months, second.ca_months) == (pytest.approx(ages[2] - ages[1]), 12.0)
    assert second.rate == pytest.approx((ages[2] - ages[1]) / 12) and first.later == second.earlier == SECOND
    # each interval of the sample table is +-11.5 months at 90 %
    assert second.error_months == pytest.approx(math.hypot(11.5, 11.5)) and second.coverage == 0.9
    assert second.rate_error == pytest.approx(math.hypot(11.5, 11.5) / 12)
    assert found.overall is not None and found.overall.ca_months == 24.0
    assert follow_up(now, earlier[:1]).overall is None


def test_without_a_measured_interval_no_error_is_made_up() -> None:
    now, earlier = three()
    found = follow_up(dataclasses.replace(now, interval=None), earlier)
    assert found.steps[-1].error_months is None and found.steps[-1].rate_error is None and found.steps[-1].rate is not None


def test_below_half_a_year_there_is_no_rate() -> None:
    found = follow_up(visit(3, NOW, 6), [visit(2, date(2024, 3, 11), 5)])
    assert found.steps[0].rate is None and found.steps[0].ba_months > 0


def test_a_grade_that_went_back_is_told_against_the_highest_before() -> None:
    now, earlier = three(mc3=3)
    found = follow_up(now, earlier)
    (told,) = found.warnings
    assert told.text() == (
        "Metacarpal 3: grade 3 on 2024-07-11, but 4(2) on 2023-07-11. A bone does not go back: one of the two readings is wrong."
    )
    strip = next(one for one in found.strips if one.bone == "mc3")
    assert strip.labels == ("4(0)", "4(2)", "3") and strip.back == (False, False, True)
    assert not any(any(one.back) for one in found.strips if one.bone != "mc3")


def test_a_bone_age_that_went_back_is_told() -> None:
    found = follow_up(visit(3, NOW, 4), [visit(2, SECOND, 5)])
    assert found.warnings[0].code == "age-back" and len(found.warnings) == 14
    assert found.steps[0].ba_months < 0


def test_a_bound_is_no_point_of_a_change() -> None:
    done = {bone: rus_chn.max_grade(bone) for bone in rus_chn.BONES}
    found = follow_up(visit(3, NOW, 6, **done), [visit(2, SECOND, 5), visit(1, FIRST, 4)])
    assert [v.bone_age.qualifier.value for v in found.visits if v.bone_age] == ["", "", ">="]
    assert len(found.steps) == 1 and found.steps[0].later == SECOND


def test_only_the_same_child_by_the_same_method_is_compared() -> None:
    now, earlier = three()
    others = [
        dataclasses.replace(earlier[0], patient=dataclasses.replace(now.patient, sex=Sex.MALE)),
        dataclasses.replace(earlier[1], edition="another"),
        visit(9, date(2022, 1, 1), 4, reviewed=False),
    ]
    found = follow_up(now, others)
    assert found.visits == () and found.strips == () and found.steps == ()
    assert follow_up(dataclasses.replace(now, patient=dataclasses.replace(now.patient, birth_date=None)), earlier).visits == ()


def test_measurements_of_earlier_readings_come_along_by_date() -> None:
    now, earlier = three()
    earlier[0] = dataclasses.replace(earlier[0], growth=Growth((Measurement(SECOND, 133.0),)))
    earlier[1] = dataclasses.replace(earlier[1], growth=Growth((Measurement(FIRST, 127.0),), father_cm=180.0))
    assert [one.height_cm for one in follow_up(now, earlier).measurements] == [127.0, 133.0]


def test_a_bone_without_grade_is_none_and_no_step_back() -> None:
    now, earlier = three()
    bones = tuple(dataclasses.replace(f, machine_grade=None, human_grade=None) if f.bone == "ulna" else f for f in now.bones)
    found = follow_up(dataclasses.replace(now, bones=bones), earlier)
    ulna = next(one for one in found.strips if one.bone == "ulna")
    assert ulna.labels[-1] == "-" and ulna.back == (False, False, False)
    assert found.visits[-1].bone_age is None and len(found.steps) == 1


def test_a_files_height_moves_with_the_corrected_day_of_its_film() -> None:
    """The file said half a year later; a velocity from it would be twice what it is."""
    early = visit(1, date(2024, 1, 11), 5)
    early = dataclasses.replace(
        early, growth=Growth((Measurement(date(2024, 1, 11), 132.0, None, Origin.FILE),)),
        study=dataclasses.replace(early.study, study_date=SECOND),
    )  # fmt: skip
    now = dataclasses.replace(visit(2, NOW, 6), growth=Growth((Measurement(NOW, 137.0),)))
    found = follow_up(now, [early]).measurements
    assert [(one.on, one.height_cm) for one in found] == [(SECOND, 132.0)]
    view = growth_view(now, history=found)
    assert view.velocity is not None and view.velocity.cm_per_year == pytest.approx(5.0, abs=0.05) and view.velocity_from == SECOND


def test_paper_json_and_fhir_predict_from_the_same_earlier_height() -> None:
    early = dataclasses.replace(visit(1, date(2024, 5, 25), 5), growth=Growth((Measurement(date(2024, 5, 25), 136.0),)))
    now = dataclasses.replace(visit(2, NOW, 6), growth=Growth((), 178.0, 165.0, None, 126.0))
    visits = follow_up(now, [early])
    view = growth_view(now, history=visits.measurements)
    paper = growth_report(view, visits, "en")
    assert paper is not None and view.height is not None and view.height.value == 136.0
    said = {one.method: round(one.cm, 1) for one in view.predictions if one.cm is not None}
    assert len(said) > 2
    made = document(now, visits.measurements)["growth"]
    assert made["earlier_measurements"] == [
        {"date": "2024-05-25", "height_cm": 136.0, "weight_kg": None, "origin": "person"}
    ]
    assert {one["method"]: round(one["adult_height_cm"], 1) for one in made["adult_height"] if one["adult_height_cm"]} == said
    fhir = growth_resources(now, summarise(now), visits.measurements)
    assert {key.partition(":")[2] for key, _ in fhir if key.startswith("adult-height:")} == set(said)
    assert document(now)["growth"]["height"] is None, "without the earlier visits there is none"
