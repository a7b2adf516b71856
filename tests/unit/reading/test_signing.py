"""Sign-off checks, signatures and addenda: what must be settled first, and that a signed reading stays as it is."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from types import SimpleNamespace

import pytest

from boneage_desk.common.errors import InputError
from boneage_desk.reading import signing
from boneage_desk.reading.analysis import Flag
from boneage_desk.reading.assessment import AuditEvent, Blind
from boneage_desk.reading.codec import decode_reading, encode_reading
from boneage_desk.reading.people import Person, Role, parse_role
from boneage_desk.reading.session import (
    AcceptGrade,
    Command,
    MarkReviewed,
    ReadingSession,
    Reopen,
    SetDifferenceComment,
    SetGrade,
    SetImpression,
    SetPatient,
    State,
)
from boneage_desk.reading.signature import Signature
from boneage_desk.reading.signing import (
    AddAddendum,
    AnswerFlag,
    Sign,
    as_signed,
    draft_signature,
    flags_to_answer,
    missing_identity,
    not_looked_at,
    signoff_problems,
)
from boneage_desk.standards import rus_chn
from tests.samples import NOON, WHO, analysed

DOCTOR = Person("li", "Dr Li Hua", Role.RADIOLOGIST)
FEET = Flag("low_quality", "The film is faint.")


def do(session: ReadingSession, command: Command) -> AuditEvent:
    return session.do(command, at=NOON, who=WHO)


def reviewed(*flags: Flag) -> ReadingSession:
    it = analysed("r1")
    it = ReadingSession(dataclasses.replace(it.reading, flags=flags))
    for bone in rus_chn.BONES:
        do(it, AcceptGrade(bone))
    do(it, SetDifferenceComment("seen"))
    return it


def sealed(session: ReadingSession, text: str = "", **changes: object) -> Signature:
    wanted = draft_signature(session.reading, DOCTOR, "read", NOON, text)
    return dataclasses.replace(wanted, certificate_sha256="c" * 64, pdf_sha256="d" * 64, self_issued=True, **changes)


def codes(session: ReadingSession, person: Person | None = DOCTOR) -> list[str]:
    return [problem.code for problem in signoff_problems(session.reading, person)]


def test_a_complete_reading_is_signed_and_then_closed_for_ever() -> None:
    it = reviewed()
    assert codes(it) == []
    do(it, MarkReviewed())
    event = do(it, Sign(sealed(it)))
    assert it.reading.state is State.SIGNED and event.action == "sign"
    assert "Dr Li Hua" in event.detail and "self-issued" in event.detail and (event.before, event.after) == ("reviewed", "signed")
    before = it.reading
    assert not it.can_undo
    for command in (SetGrade("radius", 3), SetImpression("x"), SetPatient(name="X"), Reopen(), MarkReviewed(), Sign(before.signatures[0])):
        with pytest.raises(InputError) as caught:
            do(it, command)
        assert caught.value.code == "locked"
    with pytest.raises(InputError):
        it.undo(at=NOON, who=WHO)
    assert it.reading is before


def test_addenda_are_numbered_and_leave_the_rest_as_it_was() -> None:
    it = reviewed()
    do(it, MarkReviewed())
    with pytest.raises(InputError, match="only a signed one"):
        draft_signature(it.reading, DOCTOR, "", NOON, "more")
    do(it, Sign(sealed(it)))
    first = it.reading
    do(it, AddAddendum(sealed(it, "Height came in later.")))
    do(it, AddAddendum(sealed(it, "And weight.")))
    assert it.reading.state is State.AMENDED
    assert [s.number for s in it.reading.signatures] == [1, 2, 3]
    same = dataclasses.replace(it.reading, state=first.state, signatures=first.signatures, revision=first.revision)
    assert same == first
    with pytest.raises(InputError) as caught:
        do(it, AddAddendum(sealed(it, "x", number=3)))
    assert caught.value.code == "conflict"
    with pytest.raises(InputError, match="words"):
        do(it, AddAddendum(dataclasses.replace(it.reading.signatures[-1], text=" ")))


def test_what_was_not_sealed_is_not_signed() -> None:
    it = reviewed()
    do(it, MarkReviewed())
    for change in ({"pdf_sha256": ""}, {"certificate_sha256": "abc"}):
        with pytest.raises(InputError) as caught:
            do(it, Sign(dataclasses.replace(sealed(it), **change)))
        assert caught.value.code == "not-sealed"
    assert it.reading.state is State.REVIEWED


def test_a_draft_is_not_signed() -> None:
    it = reviewed()
    with pytest.raises(InputError, match="reviewed first"):
        draft_signature(it.reading, DOCTOR, "", NOON)


@pytest.mark.parametrize("role", [Role.TECHNOLOGIST, Role.ADMINISTRATOR])
def test_who_may_sign_is_a_role(role: Role) -> None:
    it = reviewed()
    do(it, MarkReviewed())
    person = Person("x", "X", role)
    assert codes(it, person) == ["role"]
    with pytest.raises(InputError) as caught:
        draft_signature(it.reading, person, "", NOON)
    assert caught.value.code == "role"
    forged = dataclasses.replace(sealed(it), role=role)
    with pytest.raises(InputError):
        do(it, Sign(forged))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"name": "", "name_ideographic": ""}, "name"), ({"patient_id": " "}, "patient id"), ({"sex": None}, "sex"),
        ({"birth_date": None}, "birth date"),
    ],
)  # fmt: skip
def test_identity_must_be_complete(change: dict[str, object], word: str) -> None:
    it = reviewed()
    it = ReadingSession(dataclasses.replace(it.reading, patient=dataclasses.replace(it.reading.patient, **change)))
    assert missing_identity(it.reading) == (word,)
    assert "identity" in codes(it)


def test_an_ideographic_name_alone_is_a_name() -> None:
    it = reviewed()
    patient = dataclasses.replace(it.reading.patient, name="", name_ideographic="李^明")
    assert missing_identity(dataclasses.replace(it.reading, patient=patient)) == ()


def test_every_bone_must_be_looked_at() -> None:
    it = reviewed()
    do(it, SetGrade("dp5", None))
    (problem,) = signoff_problems(it.reading, DOCTOR)
    assert problem.code == "not-reviewed" and problem.message == "1 bone was not looked at (Distal phalanx 5)."


def test_a_blind_reading_is_not_signed_before_the_machine_was_shown_and_tells_no_difference(monkeypatch) -> None:
    gap = SimpleNamespace(months=30.0)
    monkeypatch.setattr(signing, "difference", lambda _reading: gap)
    monkeypatch.setattr(signing, "needs_comment", lambda _reading: True)
    it = reviewed()
    assert codes(it) == ["difference-comment"]
    blind = dataclasses.replace(it.reading, blind=Blind.HIDDEN)
    assert [problem.code for problem in signoff_problems(blind, DOCTOR)] == ["blind"]


def test_a_doubt_of_the_film_is_answered_and_asked_again_when_it_changes() -> None:
    it = reviewed(FEET, Flag("bone_uncertain", "mc1?", bone="mc1"), Flag("charset_guessed", "GBK"))
    assert [flag.code for flag in flags_to_answer(it.reading)] == ["low_quality"]
    do(it, MarkReviewed())
    with pytest.raises(InputError) as caught:
        draft_signature(it.reading, DOCTOR, "", NOON)
    assert caught.value.code == "flag"
    do(it, Reopen())
    event = do(it, AnswerFlag("low_quality", FEET.message, " bones can be told apart "))
    assert (event.before, event.after) == ("", "bones can be told apart")
    assert codes(it) == []
    changed = dataclasses.replace(it.reading, flags=(Flag("low_quality", "The film is blurred."),))
    assert [flag.message for flag in flags_to_answer(changed)] == ["The film is blurred."]
    do(it, AnswerFlag("low_quality", FEET.message, ""))
    assert codes(it) == ["flag"]
    with pytest.raises(InputError):
        do(it, AnswerFlag("foot", "x", "y"))


def test_an_unknown_flag_is_asked() -> None:
    it = reviewed(Flag("something_new", "A doubt that this list has never heard of."))
    assert codes(it) == ["flag"]


def test_no_bone_age_no_signature() -> None:
    it = reviewed(Flag("foot", "A foot.", blocking=True))
    assert codes(it) == ["no-bone-age"]


def test_the_store_keeps_signatures_and_answers() -> None:
    it = reviewed(FEET)
    do(it, AnswerFlag("low_quality", FEET.message, "good enough"))
    do(it, MarkReviewed())
    do(it, Sign(sealed(it)))
    do(it, AddAddendum(sealed(it, "later")))
    assert decode_reading(encode_reading(it.reading)) == it.reading


def test_a_reading_is_signed_exactly_when_it_has_a_signature() -> None:
    it = reviewed()
    with pytest.raises(ValueError):
        dataclasses.replace(it.reading, state=State.SIGNED)
    with pytest.raises(ValueError):
        dataclasses.replace(it.reading, signatures=(Signature(1, NOON, "a", "b", Role.RADIOLOGIST, ""),))
    shown = as_signed(it.reading, Signature(1, NOON + timedelta(hours=1), "a", "b", Role.RADIOLOGIST, ""))
    assert shown.state is State.SIGNED


def test_profiles() -> None:
    assert parse_role(" Radiologist ") is Role.RADIOLOGIST
    with pytest.raises(InputError, match="Use one of"):
        parse_role("chef")
    with pytest.raises(InputError):
        Person("a", " ", Role.RADIOLOGIST)


def test_bones_that_were_not_looked_at_are_named_as_a_radiologist_names_them() -> None:
    assert not_looked_at(["mc1"]) == "1 bone was not looked at (Metacarpal 1)."
    assert not_looked_at(["radius", "pp3"]) == "2 bones were not looked at (Radius, Proximal phalanx 3)."
    assert not_looked_at(rus_chn.BONES) == "13 bones were not looked at."
