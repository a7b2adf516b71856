"""A whole reading by script, from the machine's result to two signed addenda: the same at every run, step by step."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta

from boneage_desk.reading.analysis import Flag
from boneage_desk.reading.findings import Box
from boneage_desk.reading.people import Person, Role
from boneage_desk.reading.ports import ReadingStore
from boneage_desk.reading.session import (
    AcceptGrade,
    AuditEvent,
    Command,
    MarkReviewed,
    ReadingSession,
    SetAnalysis,
    SetBox,
    SetDifferenceComment,
    SetGrade,
    SetImpression,
)
from boneage_desk.reading.signing import AddAddendum, AnswerFlag, Sign, draft_signature, flags_to_answer
from boneage_desk.standards import rus_chn
from tests.samples import NOON, WHO, analysis, opinion, reading

DOCTOR = Person("li", "Dr Li Hua", Role.RADIOLOGIST)


def pdf(reading_id: str, number: int, size: int = 40_000) -> bytes:
    """Bytes that stand for the sealed report after signature ``number``."""
    seed = f"%PDF-1.7 {reading_id} {number}\n".encode()
    return seed * (size // len(seed) + 1)


def sealed(session: ReadingSession, text: str = "", at: datetime = NOON) -> tuple[Command, bytes]:
    """The command that signs, or adds an addendum, and the file that belongs to it."""
    wanted = draft_signature(session.reading, DOCTOR, "read", at, text)
    report = pdf(session.reading.reading_id, wanted.number)
    seal = dataclasses.replace(wanted, certificate_sha256="c" * 64, self_issued=True, pdf_sha256=hashlib.sha256(report).hexdigest())
    return (AddAddendum(seal) if text else Sign(seal)), report


Step = Callable[[ReadingSession], "tuple[Command, bytes | None]"]


def _steps() -> tuple[Step, ...]:
    def plain(command: Command) -> Step:
        return lambda _session: (command, None)

    def answer(session: ReadingSession) -> tuple[Command, bytes | None]:
        flag = flags_to_answer(session.reading)[0]
        return AnswerFlag(flag.code, flag.message, "good enough"), None

    return (
        plain(SetAnalysis(analysis(flags=(Flag("low_quality", "The film is faint."),)), NOON)),
        *(plain(SetGrade(bone, 3 + i % 5, "clear") if i % 3 else AcceptGrade(bone)) for i, bone in enumerate(rus_chn.BONES)),
        plain(SetBox("radius", Box(90.0, 190.0, 170.0, 270.0), opinion("radius", 7))),
        plain(AcceptGrade("radius")),
        plain(SetDifferenceComment("the carpals lag")),
        plain(SetImpression("Bone age as it is. " * 20)),
        answer,
        plain(MarkReviewed()),
        lambda session: sealed(session, at=_time(session)),
        lambda session: sealed(session, "Compared with the film of March.", _time(session)),
        lambda session: sealed(session, "The height was 132 cm.", _time(session)),
    )


STEPS = _steps()
SIGNED_AT = len(STEPS) - 2
"""Revision from which on the reading is signed."""


def _time(session: ReadingSession) -> datetime:
    return NOON + timedelta(seconds=session.reading.revision)


def begin(reading_id: str) -> tuple[ReadingSession, AuditEvent]:
    """The reading as it is added."""
    value = reading(reading_id, film=reading_id)
    return ReadingSession(value), AuditEvent(reading_id, NOON, WHO, "open")


def go_on(session: ReadingSession) -> tuple[AuditEvent, bytes | None] | None:
    """Do the next step; None at the script's end."""
    if session.reading.revision >= len(STEPS):
        return None
    command, report = STEPS[session.reading.revision](session)
    return session.do(command, at=_time(session), who=WHO), report


def at_revision(reading_id: str, revision: int) -> ReadingSession:
    """The reading after so many steps."""
    session, _ = begin(reading_id)
    for _ in range(revision):
        assert go_on(session) is not None
    return session


def play(store: ReadingStore, reading_id: str = "r1", steps: int = len(STEPS)) -> ReadingSession:
    """Add the reading to the store and save ``steps`` of its steps."""
    session, event = begin(reading_id)
    store.add(session.reading, event)
    for _ in range(steps):
        done = go_on(session)
        assert done is not None
        store.save(session.reading, done[0], report=done[1])
    return session
