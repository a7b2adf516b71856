"""From reviewed to signed, and addenda after it: what must be settled first, and the commands.

A signed reading is read-only for ever. What has to be said later is an addendum: a new, numbered, signed part.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from boneage_desk.common.errors import InputError
from boneage_desk.reading.analysis import Flag
from boneage_desk.reading.assessment import Blind, Command, Reading, State
from boneage_desk.reading.film import Laterality
from boneage_desk.reading.people import Person, Role
from boneage_desk.reading.second_opinion import FLAGS, difference, needs_comment
from boneage_desk.reading.signature import REPORT, FlagAnswer, Signature
from boneage_desk.reading.summary import all_flags, summarise
from boneage_desk.standards import rus_chn
from boneage_desk.standards.types import whole_months

NEVER_ASKED = frozenset(
    {
        # said of the display or of the file's form; nothing of the reading rests on them
        "window_nonsense", "window_invalid", "voi_lut_invalid", "rescale_invalid", "modality_lut_invalid",
        "charset_guessed", "bits_outside", "aspect_ratio", "spacing_invalid",
        # settled by the sign-off checks themselves
        "sex_missing", "birth_date_missing", "birth_after_study", "laterality_unknown",
        # settled when the bone is looked at
        "bone_uncertain", "bone_missing",
    }
)  # fmt: skip
"""Flags that need no answer before sign-off; every other one does, one that is new to this list too."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that stands against a signature. ``code``: 'not-reviewed', 'identity', 'difference-comment',
    'flag', 'impression', 'no-bone-age', 'role', 'state'; ``key``: which one of them (a bone, a fact, a flag's code)."""

    code: str
    message: str
    remedy: str = ""
    key: str = ""


def flags_to_answer(reading: Reading) -> tuple[Flag, ...]:
    """Doubts that nobody answered yet: of the film's quality, side, sex and age, not those of a bone or of a second
    opinion that is not to be had."""
    answered = {(answer.code, answer.message) for answer in reading.answers}
    return tuple(
        flag
        for flag in all_flags(reading)
        if not flag.blocking
        and not flag.bone
        and flag.code not in NEVER_ASKED
        and (flag.code not in FLAGS or flag.code == "sex_mismatch")
        and (flag.code, flag.message) not in answered
    )


def missing_identity(reading: Reading) -> tuple[str, ...]:
    """Facts without which nobody knows whose report it is, in words and in the order of the banner."""
    patient, study = reading.patient, reading.study
    facts = (
        ("name", bool(patient.name.strip() or patient.name_ideographic.strip())),
        ("patient id", bool(patient.patient_id.strip())),
        ("sex", patient.sex is not None),
        ("birth date", patient.birth_date is not None),
        ("study date", study.study_date is not None),
        ("side", study.laterality is not Laterality.UNKNOWN),
    )
    return tuple(name for name, there in facts if not there)


def not_looked_at(bones: Sequence[str]) -> str:
    """Says that these bones were not looked at, by their names unless it is all of them."""
    if len(bones) == len(rus_chn.BONES):
        return f"{len(bones)} bones were not looked at."
    names = ", ".join(rus_chn.bone_name(bone) for bone in bones)
    return f"1 bone was not looked at ({names})." if len(bones) == 1 else f"{len(bones)} bones were not looked at ({names})."


STALE = (
    "Figures that a template put into the impression are of an earlier state of the reading.",
    "Fill them in again on the page Clinical, or rewrite the sentence.",
)


def _stale(reading: Reading) -> bool:
    if not reading.filled:
        return False
    from boneage_desk.reading.impression import stale  # it rests on the report's words, and they on this module

    return bool(stale(reading))


def refuse_stale(reading: Reading) -> None:
    """InputError 'impression' where the impression tells figures of an earlier state."""
    if _stale(reading):
        raise InputError(*STALE, code="impression")


def signoff_problems(reading: Reading, person: Person | None = None) -> tuple[Problem, ...]:
    """Everything that stands against signing the reading now; empty where it may be signed by ``person``.

    ``person`` None: the reading alone is looked at.
    """
    found: list[Problem] = []
    if person is not None and not person.may_sign:
        found.append(
            Problem("role", f"{person.name} is registered as {person.role}, who does not sign.", "Let a physician sign.")
        )
    waiting = [f.bone for f in reading.bones if not f.reviewed or f.final_grade is None]
    if waiting:
        found.append(
            Problem("not-reviewed", not_looked_at(waiting), "Accept or grade them.")
        )
    missing = missing_identity(reading)
    if missing:
        found.append(
            Problem("identity", f"Not known: {', '.join(missing)}.", "Enter it on the page Clinical.", ", ".join(missing))
        )
    hidden = reading.blind is Blind.HIDDEN
    if hidden:
        found.append(Problem("blind", "The machine's grades are still hidden (blind reading).", "Show them first."))
    gap = None if hidden else difference(reading)  # it would tell what the second opinion said
    if gap is not None and needs_comment(reading):
        words = f"13 bones and the whole hand differ by {abs(whole_months(gap.months))} months, more than usual."
        found.append(Problem("difference-comment", words, "Look again, then write a comment on the difference."))
    for flag in flags_to_answer(reading):
        found.append(Problem("flag", flag.message, "Say what you make of it.", flag.code))
    if _stale(reading):
        found.append(Problem("impression", *STALE))
    summary = summarise(reading)
    if not waiting and "sex" not in missing and summary.bone_age is None:
        found.append(Problem("no-bone-age", f"There is no bone age: {summary.why_not}", "Mend that first."))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class AnswerFlag(Command):
    """What the person makes of a doubt; '' takes the answer back."""

    code: str
    message: str
    words: str
    action = "answer-flag"

    def apply(self, reading: Reading) -> Reading:
        if all((f.code, f.message) != (self.code, self.message) for f in all_flags(reading)):
            raise InputError(f"There is no flag '{self.code}' to answer.", code="no-flag")
        kept = tuple(a for a in reading.answers if (a.code, a.message) != (self.code, self.message))
        words = self.words.strip()
        answers = (*kept, FlagAnswer(self.code, self.message, words)) if words else kept
        return dataclasses.replace(reading, answers=answers)

    def describe(self, before: Reading, after: Reading) -> tuple[str, str, str]:
        return self.code, _answer(before, self.code, self.message), _answer(after, self.code, self.message)


def _answer(reading: Reading, code: str, message: str) -> str:
    return next((a.words for a in reading.answers if (a.code, a.message) == (code, message)), "")


def draft_signature(reading: Reading, person: Person, reason: str, at: datetime, text: str = "") -> Signature:
    """The next seal of ``reading``, before there is a file: for the words that are printed.

    Raises InputError: 'role', 'state', the first of `signoff_problems`, or an addendum that says nothing.
    """
    _may(person)
    if text.strip():
        if reading.state not in (State.SIGNED, State.AMENDED):
            raise InputError(f"The reading is {reading.state}: only a signed one takes an addendum.", code="state")
    else:
        if reading.state in (State.SIGNED, State.AMENDED):
            raise InputError("The reading is signed already.", "Write an addendum.", code="state")
        if reading.state is not State.REVIEWED:
            raise InputError(f"The reading is {reading.state}.", "Mark it reviewed first.", code="state")
        problems = signoff_problems(reading, person)
        if problems:
            raise InputError(problems[0].message, problems[0].remedy, code=problems[0].code)
    return Signature(
        number=len(reading.signatures) + REPORT, at=at, account=person.account, name=person.name, role=person.role,
        reason=reason.strip(), text=text.strip(),
    )  # fmt: skip


def _may(person: Person) -> None:
    if not person.may_sign:
        raise InputError(
            f"{person.name} is registered as {person.role}, who does not sign.", "Let a physician sign.", code="role"
        )


def as_signed(reading: Reading, signature: Signature) -> Reading:
    """``reading`` as it stands once ``signature`` is on it: what the signed report shows and carries."""
    state = State.SIGNED if signature.number == REPORT else State.AMENDED
    return dataclasses.replace(reading, state=state, signatures=(*reading.signatures, signature))


@dataclass(frozen=True, slots=True)
class Sign(Command):
    """Reviewed to signed: the file was sealed. Nothing of the reading can be changed after it.

    The store keeps the file together with this change, or neither.
    """

    signature: Signature
    action = "sign"
    states = frozenset({State.REVIEWED})

    def apply(self, reading: Reading) -> Reading:
        person = Person(self.signature.account, self.signature.name, Role(self.signature.role))
        wanted = draft_signature(reading, person, self.signature.reason, self.signature.at)
        return as_signed(reading, _sealed(self.signature, wanted))

    def describe(self, before: Reading, after: Reading) -> tuple[str, str, str]:
        return _seal_text(self.signature), before.state.value, after.state.value


@dataclass(frozen=True, slots=True)
class AddAddendum(Command):
    """A signed part more: the file was sealed again and its earlier seals still hold."""

    signature: Signature
    action = "addendum"
    states = frozenset({State.SIGNED, State.AMENDED})

    def apply(self, reading: Reading) -> Reading:
        if not self.signature.text.strip():
            raise InputError("An addendum needs words.", "Write what has to be said.", code="no-text")
        person = Person(self.signature.account, self.signature.name, Role(self.signature.role))
        wanted = draft_signature(reading, person, self.signature.reason, self.signature.at, self.signature.text)
        return as_signed(reading, _sealed(self.signature, wanted))

    def describe(self, before: Reading, after: Reading) -> tuple[str, str, str]:
        return _seal_text(self.signature), before.state.value, self.signature.text


def _sealed(given: Signature, wanted: Signature) -> Signature:
    """``given`` where it belongs on this reading now. Raises InputError for a seal of another reading or none."""
    if given.number != wanted.number:
        raise InputError(
            f"Signature {given.number} was made, {wanted.number} is the next.", "Open the reading again.", code="conflict"
        )
    if len(given.pdf_sha256) != 64 or len(given.certificate_sha256) != 64:
        raise InputError("The report was not sealed.", "Sign again.", code="not-sealed")
    return dataclasses.replace(wanted, **{
        name: getattr(given, name) for name in ("certificate_sha256", "self_issued", "pdf_sha256")
    })  # fmt: skip


def _seal_text(signature: Signature) -> str:
    key = "self-issued key" if signature.self_issued else "certificate"
    return (
        f"{signature.number} by {signature.name} ({signature.role}), {key} {signature.certificate_sha256[:12]}, "
        f"file {signature.pdf_sha256[:12]}"
    )
