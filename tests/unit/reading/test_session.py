"""Commands, states, undo; the machine's word is never erased."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boneage_desk.common.errors import InputError, StandardError
from boneage_desk.reading.analysis import AnalysisResult, BoneResult, Flag, IntervalRow, IntervalTable, ModelRef
from boneage_desk.reading.evidence import Evidence
from boneage_desk.reading.film import Film, FilmSource, Frame, Laterality, Patient, Study, Voi
from boneage_desk.reading.findings import Box, GradeOpinion, Region
from boneage_desk.reading.people import Role
from boneage_desk.reading.session import (
    AcceptGrade,
    DismissFlag,
    MarkReviewed,
    Reading,
    ReadingSession,
    Reopen,
    SetAnalysis,
    SetBox,
    SetGrade,
    SetImpression,
    SetPatient,
    SetReviewed,
    SetStudy,
    State,
    new_reading,
)
from boneage_desk.reading.signature import Signature
from boneage_desk.reading.summary import doubt_months, step_months, summarise
from boneage_desk.standards import Qualifier, Sex, rus_chn

NOW = datetime(2024, 7, 11, 12, 0, tzinfo=UTC)


def opinion(bone: str, grade: int, sure: float = 0.7) -> GradeOpinion:
    n = len(rus_chn.labels(bone))
    rest = (1 - sure) / (n - 1)
    return GradeOpinion(bone, grade, tuple(sure if i == grade else rest for i in range(n)))


def result(grade: int = 5, **changes: object) -> AnalysisResult:
    bones = tuple(
        BoneResult(bone, Region(Box(10 + i, 10, 60 + i, 60), 0.9), opinion(bone, grade))
        for i, bone in enumerate(rus_chn.BONES)
    )
    values = AnalysisResult(bones=bones, models=(ModelRef("d", "yolov8n.x", "ab" * 32),), hand_mirror="L")
    return dataclasses.replace(values, **changes)  # type: ignore[arg-type]


def blank(sex: Sex | None = Sex.FEMALE) -> Reading:
    return Reading(
        reading_id="r1",
        source=FilmSource("a.dcm", "0" * 64, True),
        width=400,
        height=500,
        patient=Patient(name="LI^Ming", patient_id="42", sex=sex, birth_date=date(2014, 3, 2)),
        study=Study(study_date=date(2024, 7, 11), laterality=Laterality.LEFT),
        created_at=NOW,
        changed_at=NOW,
    )


def session(sex: Sex | None = Sex.FEMALE, grade: int = 5) -> ReadingSession:
    it = ReadingSession(blank(sex))
    it.do(SetAnalysis(result(grade), NOW), at=NOW, who="t")
    return it


def do(it: ReadingSession, command: object) -> None:
    it.do(command, at=NOW, who="t")  # type: ignore[arg-type]


def test_an_override_changes_the_age_and_keeps_the_machines_word() -> None:
    it = session()
    before = summarise(it.reading)
    event = it.do(SetGrade("radius", 8, "capping seen"), at=NOW + timedelta(minutes=1), who="dr")
    after = summarise(it.reading)
    finding = it.reading.bone("radius")
    assert finding.human_grade == 8 and finding.machine_grade is not None
    assert finding.machine_grade.grade == 5 and finding.overridden and finding.final_grade == 8
    assert before.score is not None and after.score == before.score + 125 - 40
    assert after.machine_score == before.score
    assert after.change_months is not None and after.change_months > 0
    assert (event.action, event.detail) == ("set-grade", "radius")
    assert (event.before, event.after) == ("-", "7(0), reason: capping seen")
    assert it.reading.changed_at == NOW + timedelta(minutes=1)


def test_the_audit_tells_a_changed_reason_of_the_same_grade() -> None:
    it = session()
    do(it, SetGrade("radius", 8, "capping seen"))
    event = it.do(SetGrade("radius", 8, "capped on both sides"), at=NOW, who="dr")
    assert (event.before, event.after) == ("7(0), reason: capping seen", "7(0), reason: capped on both sides")
    event = it.do(SetGrade("radius", None), at=NOW, who="dr")
    assert (event.before, event.after) == ("7(0), reason: capped on both sides", "-")


def test_nothing_is_scored_without_sex_or_with_a_bone_missing() -> None:
    without = summarise(session(sex=None).reading)
    assert without.score is None and without.bone_age is None and "sex" in without.why_not.lower()
    assert "sex_missing" in {flag.code for flag in without.flags}

    bones = tuple(dataclasses.replace(row, grade=None) if row.bone == "ulna" else row for row in result().bones)
    it = ReadingSession(blank())
    do(it, SetAnalysis(result(bones=bones), NOW))
    summary = summarise(it.reading)
    assert summary.missing == ("ulna",) and summary.score is None and "ulna" in summary.why_not
    do(it, SetGrade("ulna", 0))
    assert summarise(it.reading).score == 13 * 0 + sum(
        rus_chn.score(b, 5, Sex.FEMALE) for b in rus_chn.BONES if b != "ulna"
    )


def test_a_blocking_flag_gives_no_age_and_its_reason() -> None:
    it = ReadingSession(blank())
    do(it, SetAnalysis(result(flags=(Flag("several_hands", "Two hands.", blocking=True),)), NOW))
    summary = summarise(it.reading)
    assert summary.bone_age is None and summary.why_not == "Two hands."


def test_a_foot_by_its_tag_is_not_graded_until_the_person_says_it_is_a_hand() -> None:
    frame = Frame(np.zeros((500, 400), np.uint8), 255, (Voi("all", centre=128, width=256),))
    film = Film(
        FilmSource("a.dcm", "0" * 64, True), frame, blank().patient, blank().study, (("foot", "Body part FOOT."),)
    )
    it = ReadingSession(new_reading(film, "r2", NOW))
    do(it, SetAnalysis(result(), NOW))
    summary = summarise(it.reading)
    assert summary.bone_age is None and summary.why_not == "Body part FOOT."
    assert all(finding.machine_grade is None for finding in it.reading.bones)
    with pytest.raises(InputError, match="reason"):
        do(it, DismissFlag("foot", " "))
    with pytest.raises(InputError, match="no flag"):
        do(it, DismissFlag("no_hand", "x"))
    do(it, DismissFlag("foot", "tag is wrong: a hand"))
    do(it, SetAnalysis(result(), NOW))
    assert summarise(it.reading).bone_age is not None


def test_a_moved_box_forgets_the_old_opinion_until_it_is_regraded() -> None:
    it = session()
    do(it, AcceptGrade("mc3"))
    do(it, SetGrade("mc3", None))
    do(it, SetBox("mc3", Box(0, 0, 30, 30)))
    finding = it.reading.bone("mc3")
    assert finding.final_grade is None and finding.uncertain and not finding.reviewed
    assert finding.evidence is None
    seen = Evidence("mc3", True, 0.8, 0.7)
    do(it, SetBox("mc3", Box(0, 0, 30, 30), opinion("mc3", 7), seen))
    finding = it.reading.bone("mc3")
    assert finding.evidence == seen
    assert finding.final_grade == 7 and finding.machine_grade is not None and finding.machine_grade.grade == 5
    do(it, SetBox("mc3", None))
    assert it.reading.bone("mc3").final_grade == 5 and it.reading.bone("mc3").evidence is None
    with pytest.raises(InputError, match="outside"):
        do(it, SetBox("mc3", Box(1000, 1000, 1100, 1100)))


def test_a_new_analysis_leaves_the_persons_grades_alone() -> None:
    it = session(grade=5)
    do(it, SetGrade("dp1", 9))
    do(it, SetAnalysis(result(6), NOW))
    assert it.reading.bone("dp1").final_grade == 9
    assert it.reading.bone("dp3").final_grade == 6


def test_states_are_closed_until_every_bone_was_looked_at() -> None:
    it = session()
    for bone in rus_chn.BONES[:-1]:
        do(it, AcceptGrade(bone))
    with pytest.raises(InputError, match="Distal phalanx 5") as caught:
        do(it, MarkReviewed())
    assert caught.value.code == "not-reviewed"
    do(it, SetReviewed("dp5", True))
    do(it, MarkReviewed())
    assert it.reading.state is State.REVIEWED
    with pytest.raises(InputError) as locked:
        do(it, SetGrade("dp5", 3))
    assert locked.value.code == "locked"
    do(it, Reopen())
    do(it, SetGrade("dp5", 3))
    assert it.reading.state is State.DRAFT


def test_review_needs_a_sex() -> None:
    it = session(sex=None)
    for bone in rus_chn.BONES:
        do(it, AcceptGrade(bone))
    with pytest.raises(InputError) as caught:
        do(it, MarkReviewed())
    assert caught.value.code == "sex-missing"


def a_signature() -> Signature:
    return Signature(1, NOW, "t", "Dr T", Role.RADIOLOGIST, "", "a" * 64, True, "b" * 64)


def test_signed_is_for_ever() -> None:
    it = ReadingSession(dataclasses.replace(session().reading, state=State.SIGNED, signatures=(a_signature(),)))
    for attempt in (lambda: do(it, SetImpression("x")), lambda: it.undo(at=NOW, who="t")):
        with pytest.raises(InputError) as caught:
            attempt()
        assert caught.value.code == "locked"


def test_a_refused_command_changes_nothing() -> None:
    it = session()
    before = it.reading
    for command in (SetGrade("radius", 99), SetGrade("mc2", 1), SetPatient(birth_date=date(2025, 1, 1))):
        with pytest.raises((InputError, StandardError)):
            do(it, command)
    assert it.reading is before and it.can_undo
    with pytest.raises(InputError, match="no grade"):
        do(ReadingSession(blank()), AcceptGrade("radius"))


edits = st.lists(
    st.one_of(
        st.builds(SetGrade, st.sampled_from(rus_chn.BONES), st.integers(0, 10)),
        st.builds(AcceptGrade, st.sampled_from(rus_chn.BONES)),
        st.builds(SetImpression, st.text(max_size=5)),
        st.builds(SetBox, st.just("mc1"), st.just(Box(1, 1, 9, 9)), st.just(opinion("mc1", 4))),
    ),
    max_size=25,
)


@given(edits)
def test_undo_goes_all_the_way_back_and_redo_forward_again(commands: list[object]) -> None:
    def plain(reading: Reading) -> Reading:
        return dataclasses.replace(reading, changed_at=NOW, revision=0)

    it = session()
    values = [plain(it.reading)]
    for command in commands:
        do(it, command)
        values.append(plain(it.reading))
    for value in reversed(values[:-1]):
        it.undo(at=NOW, who="t")
        assert plain(it.reading) == value
    for value in values[1:]:
        it.redo(at=NOW, who="t")
        assert plain(it.reading) == value
    assert it.redo(at=NOW, who="t") is None


def test_a_change_after_undo_forgets_what_could_be_redone() -> None:
    it = session()
    do(it, SetGrade("radius", 8))
    it.undo(at=NOW, who="t")
    do(it, SetGrade("radius", 7))
    assert not it.can_redo and it.reading.bone("radius").final_grade == 7
    assert it.reading.revision == 4


def test_facts_supplied_later_settle_their_flags() -> None:
    it = ReadingSession(dataclasses.replace(blank(sex=None), study=Study(), patient=Patient()))
    do(it, SetAnalysis(result(), NOW))
    codes = {flag.code for flag in summarise(it.reading).flags}
    assert {"sex_missing", "birth_date_missing", "laterality_unknown"} <= codes
    do(it, SetPatient(sex=Sex.MALE, birth_date=date(2014, 3, 2)))
    do(it, SetStudy(study_date=date(2024, 3, 2), laterality=Laterality.LEFT))
    summary = summarise(it.reading)
    assert summary.flags == ()
    assert summary.chronological_months == 120 and summary.score is not None
    with pytest.raises(InputError) as caught:
        do(it, SetStudy(study_date=date(2010, 1, 1)))
    assert caught.value.code == "birth-after-study"


def test_geometry_against_the_recorded_side_is_flagged_never_settled_silently() -> None:
    it = session()
    assert "laterality_conflict" not in {flag.code for flag in summarise(it.reading).flags}
    do(it, SetStudy(laterality=Laterality.RIGHT))
    conflict = [flag for flag in summarise(it.reading).flags if flag.code == "laterality_conflict"]
    assert len(conflict) == 1 and "right" in conflict[0].message
    assert it.reading.study.laterality is Laterality.RIGHT


def test_interval_comes_from_the_table_of_this_sex_and_age_or_not_at_all() -> None:
    rows = (IntervalRow(Sex.FEMALE, 0, 96, 10), IntervalRow(Sex.FEMALE, 96, 240, 14), IntervalRow(Sex.MALE, 0, 240, 20))
    it = ReadingSession(blank())
    do(it, SetAnalysis(result(interval=IntervalTable(0.9, rows)), NOW))
    summary = summarise(it.reading)
    assert summary.bone_age is not None and summary.interval_months is not None
    low, high = summary.interval_months
    half = 10 if summary.bone_age.months < 96 else 14
    assert (high - low) / 2 == pytest.approx(half)
    assert summarise(session().reading).interval_months is None


def test_step_months_says_what_one_grade_is_worth() -> None:
    it = session()
    up = step_months(it.reading, "radius", +1)
    assert up is not None
    before = summarise(it.reading).bone_age
    do(it, SetGrade("radius", 6))
    after = summarise(it.reading).bone_age
    assert before is not None and after is not None
    assert after.months - before.months == pytest.approx(up)
    do(it, SetGrade("radius", 14))
    assert step_months(it.reading, "radius", +1) is None


def test_doubt_is_worth_the_months_that_the_other_grades_would_move() -> None:
    half = tuple(0.5 if i in (5, 6) else 0.0 for i in range(len(rus_chn.labels("radius"))))
    bones = tuple(
        dataclasses.replace(row, grade=GradeOpinion("radius", 5, half)) if row.bone == "radius" else row
        for row in result().bones
    )
    it = ReadingSession(blank())
    do(it, SetAnalysis(result(bones=bones), NOW))
    up = step_months(it.reading, "radius", +1)
    assert up is not None and doubt_months(it.reading, "radius") == pytest.approx(up / 2)
    assert doubt_months(session(sex=None).reading, "radius") is None
    assert doubt_months(blank(), "radius") is None


def test_the_ends_of_the_table_give_bounds_and_no_difference() -> None:
    it = session()
    for bone in rus_chn.BONES:
        do(it, SetGrade(bone, rus_chn.max_grade(bone)))
    summary = summarise(it.reading)
    assert summary.score == 1000 and summary.bone_age is not None
    assert summary.bone_age.qualifier is Qualifier.AT_LEAST and summary.difference_months is None
    assert summary.interval_months is None


def test_values_refuse_nonsense_on_creation() -> None:
    for bad in ((0, 0, 0.5, 9), (5, 5, 1, 9), (0, 0, float("nan"), 9)):
        with pytest.raises(ValueError):
            Box(*bad)
    with pytest.raises(ValueError, match="sum"):
        GradeOpinion("mc1", 1, (0.1,) * 12)
    with pytest.raises(ValueError, match="probabilities"):
        GradeOpinion("mc1", 1, (1.0,))
    with pytest.raises(ValueError, match="13 bones"):
        dataclasses.replace(blank(), bones=blank().bones[:12])


def test_the_banner_name_reads_as_people_write_it() -> None:
    assert Patient(name="Li^Ming^^Dr", name_ideographic="李^明").display_name == "LI Ming Dr 李明"


def test_a_corrected_name_is_in_the_audit_row_and_takes_another_childs_ideographic_name_away() -> None:
    session = ReadingSession(dataclasses.replace(blank(), patient=Patient("LI^Ming", "李^明", "0042", Sex.FEMALE)))
    event = session.do(SetPatient(name="WANG^Fang"), at=NOW, who="t")
    assert (session.reading.patient.name, session.reading.patient.name_ideographic) == ("WANG^Fang", "")
    assert event.before.startswith("name=LI^Ming=李^明 ") and event.after.startswith("name=WANG^Fang ")
    back = session.undo(at=NOW, who="reader")
    assert back is not None and session.reading.patient.name_ideographic == "李^明"
    assert back.before.startswith("name=WANG^Fang ") and back.after.startswith("name=LI^Ming=李^明 ")
    facts = SetPatient(sex=Sex.MALE), SetPatient(birth_date=date(2014, 3, 2)), SetPatient(patient_id="7")
    for command in (*facts, SetPatient(name="Li Ming")):
        do(session, command)
        assert session.reading.patient.name_ideographic == "李^明", "nothing says that it is another child"


def test_undo_and_redo_say_in_the_audit_row_what_differs() -> None:
    session = ReadingSession(blank())
    do(session, SetGrade("radius", 3, "no cap"))
    do(session, SetStudy(laterality=Laterality.RIGHT))
    do(session, SetImpression("In keeping."))
    rows = [session.undo(at=NOW, who="reader") for _ in range(3)]
    again = session.redo(at=NOW, who="reader")
    label = rus_chn.label("radius", 3)
    assert [(row.before, row.after) for row in rows if row is not None][0] == ("impression=In keeping.", "impression=")
    assert rows[1] is not None and "side=R" in rows[1].before and "side=R" not in rows[1].after
    assert rows[2] is not None and rows[2].before == f"radius {label}, looked at, no box, reason: no cap"
    assert rows[2].after == "radius -, no box"
    assert again is not None and (again.before, again.after) == (rows[2].after, rows[2].before)
