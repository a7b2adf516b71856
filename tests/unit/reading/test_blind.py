"""Blind-first reading, 'accept all', and which bones are worth a look."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from boneage_desk.common.errors import InputError
from boneage_desk.reading.accept_all import AcceptAll
from boneage_desk.reading.assessment import Blind
from boneage_desk.reading.attention import RAYS, Why, attention, by_worth, contradicted, to_look_at
from boneage_desk.reading.blind import Reveal, StartBlind, shown
from boneage_desk.reading.codec import decode_reading, encode_reading
from boneage_desk.reading.document import document
from boneage_desk.reading.findings import Box, GradeOpinion
from boneage_desk.reading.report_content import build
from boneage_desk.reading.session import (
    AcceptGrade,
    MarkReviewed,
    ReadingSession,
    SetAnalysis,
    SetBox,
    SetGrade,
    SetReviewed,
)
from boneage_desk.reading.summary import doubt_months, summarise
from boneage_desk.standards import rus_chn
from tests.samples import NOON, WHO, analysed, analysis, reading

LATER = NOON + timedelta(minutes=1)


def do(session: ReadingSession, *commands):
    return [session.do(command, at=LATER, who=WHO) for command in commands]


def blind() -> ReadingSession:
    session = ReadingSession(reading())
    do(session, StartBlind(), SetAnalysis(analysis(), NOON))
    return session


def sure(session: ReadingSession) -> ReadingSession:
    """The same with a machine that is sure of every grade and place, and nothing measured."""
    bones = tuple(
        dataclasses.replace(
            finding,
            machine_region=dataclasses.replace(finding.machine_region, certain=True),
            machine_grade=GradeOpinion(
                finding.bone, 5, tuple(float(i == 5) for i in range(len(rus_chn.labels(finding.bone))))
            ),
            machine_evidence=None,
        )
        for finding in session.reading.bones
    )
    return ReadingSession(dataclasses.replace(session.reading, bones=bones))


# --- blind first ------------------------------------------------------------------------------------


def test_the_machine_stays_hidden_until_it_is_asked_for_and_both_grades_are_kept() -> None:
    session = blind()
    assert session.reading.blind is Blind.HIDDEN
    assert session.reading.bone("radius").machine_grade is not None, "kept"
    seen = shown(session.reading)
    assert all(f.opinion is None and f.evidence is None and f.final_grade is None for f in seen.bones)
    assert all(f.box == s.box for f, s in zip(session.reading.bones, seen.bones, strict=True))
    assert seen.whole_hand == () and seen.interval is None
    do(session, *(SetGrade(bone, 4) for bone in rus_chn.BONES))
    summary = summarise(session.reading)
    assert summary.score is not None and summary.machine_score is None, "the live number is the person's alone"
    event = do(session, Reveal())[0]
    assert (event.action, event.detail) == ("reveal", "13 of 13 bones graded blind") and "radius=4" in event.after
    now = session.reading
    assert now.blind is Blind.REVEALED and shown(now) is now
    assert all(f.blind_grade == 4 and f.machine_grade is not None for f in now.bones)
    do(session, SetGrade("radius", 7))
    assert (session.reading.bone("radius").blind_grade, session.reading.bone("radius").human_grade) == (4, 7)


def test_a_blind_reading_gives_no_number_that_the_machine_had_a_part_in() -> None:
    session = blind()
    do(session, SetGrade("radius", 4))
    assert summarise(session.reading).bone_age is None and len(summarise(session.reading).missing) == 12


@pytest.mark.parametrize("command", [AcceptGrade("ulna"), SetReviewed("ulna", True), AcceptAll()])
def test_nobody_agrees_with_what_is_hidden(command) -> None:
    session = blind()
    with pytest.raises(InputError, match="hidden"):
        do(session, command)
    do(session, *(SetGrade(bone, 4) for bone in rus_chn.BONES), SetReviewed("ulna", False), command)
    assert session.reading.bone("ulna").reviewed and session.reading.bone("ulna").human_grade == 4


def test_a_blind_reading_is_marked_reviewed_only_after_the_machine_was_shown() -> None:
    session = blind()
    do(session, *(SetGrade(bone, 4) for bone in rus_chn.BONES))
    with pytest.raises(InputError, match="still hidden"):
        do(session, MarkReviewed())
    do(session, Reveal(), MarkReviewed())


def test_what_was_seen_cannot_be_unseen() -> None:
    session = blind()
    do(session, SetGrade("radius", 4), Reveal(), SetGrade("radius", 6))
    while session.undo(at=LATER, who=WHO):
        assert session.reading.blind is Blind.REVEALED
        assert session.reading.bone("radius").blind_grade == 4
    with pytest.raises(InputError, match="shown already"):
        do(session, StartBlind())
    while session.redo(at=LATER, who=WHO):
        assert session.reading.blind is Blind.REVEALED
    assert session.reading.bone("radius").human_grade == 6
    with pytest.raises(InputError, match="not hidden"):
        do(session, Reveal())


def test_an_undone_analysis_was_still_seen() -> None:
    session = analysed()
    session.undo(at=LATER, who=WHO)
    assert session.reading.analysed_at is None
    with pytest.raises(InputError, match="shown already"):
        do(session, StartBlind())


def test_starting_blind_is_undone_and_done_again() -> None:
    session = ReadingSession(reading())
    do(session, StartBlind())
    session.undo(at=LATER, who=WHO)
    assert session.reading.blind is Blind.NO
    session.redo(at=LATER, who=WHO)
    assert session.reading.blind is Blind.HIDDEN


def test_a_box_that_is_moved_while_blind_shows_no_grade_either() -> None:
    session = blind()
    row = session.reading.bone("pp3").machine_grade
    do(session, SetBox("pp3", Box(100, 100, 200, 200), GradeOpinion("pp3", row.grade, row.probabilities)))
    assert session.reading.bone("pp3").regrade is not None and shown(session.reading).bone("pp3").opinion is None


def test_it_is_stored_and_told_in_document_and_report() -> None:
    session = blind()
    assert document(session.reading)["blind_first"] == "hidden"
    do(session, *(SetGrade(bone, 4) for bone in rus_chn.BONES), Reveal(), SetGrade("radius", 7))
    assert decode_reading(encode_reading(session.reading)) == session.reading
    made = document(session.reading)
    assert made["blind_first"] == "revealed"
    assert (made["bones"][0]["blind_grade"], made["bones"][0]["human_grade"]) == (4, 7)
    for language, words in (("en", "13 of 13 bones graded before the AI was shown, 1 of these"), ("zh", "13 块骨中的 13 块")):
        content = build(session.reading, language=language)
        assert words in next(fact.value for fact in content.results if fact.key == "blind_first")
        assert rus_chn.label("radius", 4) in content.bones[0].note
    usual = document(analysed().reading)
    assert usual["blind_first"] == "no" and usual["bones"][0]["blind_grade"] is None
    assert all(fact.key != "blind_first" for fact in build(analysed().reading).results)


# --- worth a look -----------------------------------------------------------------------------------


def test_the_order_by_worth_is_that_of_the_months_that_the_doubt_is_worth() -> None:
    now = sure(analysed()).reading
    assert by_worth(now) == rus_chn.BONES
    torn = dict(zip(("dp1", "radius", "mc3"), (0.5, 0.9, 0.6), strict=True))
    bones = tuple(
        finding if finding.bone not in torn else dataclasses.replace(finding, machine_grade=GradeOpinion(
            finding.bone, 5,
            tuple({5: torn[finding.bone], 6: 1 - torn[finding.bone]}.get(i, 0.0) for i in range(len(rus_chn.labels(finding.bone)))),
        ))
        for finding in now.bones
    )  # fmt: skip
    now = dataclasses.replace(now, bones=bones)
    worth = {bone: doubt_months(now, bone) for bone in rus_chn.BONES}
    assert list(by_worth(now)[:3]) == sorted(torn, key=lambda bone: -worth[bone])
    lost = tuple(
        dataclasses.replace(f, machine_region=None, machine_grade=None) if f.bone == "dp5" else f for f in now.bones
    )
    assert by_worth(dataclasses.replace(now, bones=lost))[0] == "dp5"


def test_the_order_tells_nothing_while_the_machine_is_hidden() -> None:
    session = blind()
    places = [bone for bone in rus_chn.BONES if attention(session.reading, bone) is not None]
    assert all(attention(session.reading, bone).why in (Why.PLACE, Why.NOT_FOUND) for bone in places)
    rest = [bone for bone in by_worth(session.reading) if bone not in places]
    assert rest == [bone for bone in rus_chn.BONES if bone not in places]


def test_the_rays_hold_every_bone_once() -> None:
    assert sorted(bone for _, bones in RAYS for bone in bones) == sorted(rus_chn.BONES)


# --- accept all -------------------------------------------------------------------------------------


def test_accept_all_is_closed_until_the_flagged_bones_were_looked_at_and_is_one_step() -> None:
    session = analysed()
    flagged = to_look_at(session.reading)
    assert flagged
    with pytest.raises(InputError) as refused:
        do(session, AcceptAll())
    assert refused.value.code == "not-looked-at" and rus_chn.bone_name(flagged[0]) in str(refused.value)
    for bone in flagged:
        grade = session.reading.bone(bone).final_grade
        do(session, SetGrade(bone, 3 if grade is None else grade))
    assert to_look_at(session.reading) == ()
    before = session.reading
    left = [finding.bone for finding in before.bones if not finding.reviewed]
    event = do(session, AcceptAll())[0]
    assert event.action == "accept-all" and event.detail == f"{len(left)} bones: {', '.join(left)}"
    assert all(f"{bone}=" in event.after for bone in left)
    assert session.reading.all_reviewed
    assert all(f.human_grade == b.final_grade for f, b in zip(session.reading.bones, before.bones, strict=True))
    session.undo(at=LATER, who=WHO)
    assert session.reading.bones == before.bones
    session.redo(at=LATER, who=WHO)
    assert session.reading.all_reviewed
    with pytest.raises(InputError, match="All 13"):
        do(session, AcceptAll())


def test_a_missing_bone_keeps_accept_all_closed_before_and_after_the_machine() -> None:
    session = ReadingSession(reading())
    do(session, *(SetGrade(bone, 4) for bone in rus_chn.BONES[:12]))
    with pytest.raises(InputError, match="Distal phalanx 5"):
        do(session, AcceptAll())
    assert session.reading.bone("dp5").human_grade is None


def test_a_measurement_that_speaks_against_a_grade_is_looked_at_first() -> None:
    from tests.gui.fakes import make_evidence

    session = sure(analysed())
    bones = tuple(
        dataclasses.replace(f, machine_evidence=make_evidence("pp3", f.box)) if f.bone == "pp3" else f
        for f in session.reading.bones
    )
    for grade, against in ((7, True), (4, False)):
        now = dataclasses.replace(session.reading, bones=tuple(
            dataclasses.replace(f, machine_grade=GradeOpinion("pp3", grade, tuple(float(i == grade) for i in range(13))))
            if f.bone == "pp3" else f for f in bones
        ))  # fmt: skip
        assert contradicted(now, "pp3") is against
        assert to_look_at(now) == (("pp3",) if against else ())
