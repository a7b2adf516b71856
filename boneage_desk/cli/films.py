"""From a path on the command line to a finished reading: shared by read, batch, demo and bench."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from boneage_desk.cli import second
from boneage_desk.common.errors import FilmError, InputError
from boneage_desk.common.jobs import Progress, no_progress
from boneage_desk.reading.ages import AgeBasis
from boneage_desk.reading.analysis import Flag
from boneage_desk.reading.basis import SetAgeBasis
from boneage_desk.reading.document import film_path
from boneage_desk.reading.film import Film, Laterality
from boneage_desk.reading.ports import AnalysisEngine, FilmEntry, FilmProblem, FilmReader, Services
from boneage_desk.reading.session import (
    AuditEvent,
    Command,
    Reading,
    ReadingSession,
    SetAnalysis,
    SetPatient,
    SetStudy,
    new_reading,
)
from boneage_desk.standards.types import Sex


def _nothing_more(_reading: Reading) -> Sequence[Command]:
    return ()


@dataclass(frozen=True, slots=True)
class Facts:
    """What the command line or a table supplies; None leaves what the file says. ``rule``: of the conclusion, '' as set."""

    sex: Sex | None = None
    birth_date: date | None = None
    side: Laterality | None = None
    age_basis: AgeBasis | None = None
    rule: str = ""
    more: Callable[[Reading], Sequence[Command]] = _nothing_more
    """Further commands on the reading, once the facts above are in."""


def split_member(path: str) -> tuple[str, str]:
    """'films.zip!a/b.dcm' to its two parts; any other path stays whole."""
    if "!" in path and not Path(path).exists():
        file, _, member = path.partition("!")
        if member and Path(file).is_file():
            return file, member
    return path, ""


def open_one(reader: FilmReader, path: str, frame: int | None) -> Film:
    """The one film at ``path``: a file, a zip's member (``zip!member``), a folder or zip with one film.

    Raises InputError 'choose-film' naming the films when there are several.
    """
    file, member = split_member(path)
    several = Path(file).is_dir() or Path(file).suffix.lower() == ".zip" or Path(file).name.upper() == "DICOMDIR"
    if member or not several:
        return reader.open(file, frame=frame, member=member)
    found = list(reader.scan([file]))
    entries = [entry for entry in found if isinstance(entry, FilmEntry)]
    if len(entries) > 1:
        names = [film_path(entry.path, entry.member) for entry in entries]
        shown = ", ".join(names[:5]) + (" ..." if len(names) > 5 else "")
        raise InputError(
            f"'{path}' holds {len(entries)} films: {shown}.",
            "Name one of them, or read them all with 'batch'.",
            code="choose-film",
        )
    if not entries:
        problems = [entry for entry in found if isinstance(entry, FilmProblem)]
        if problems:
            raise FilmError(f"{film_path(problems[0].path, problems[0].member)}: {problems[0].message}", code=problems[0].code)
        raise FilmError(f"There is no film in '{path}'.", code="no-film")
    return reader.open(entries[0].path, frame=frame, member=entries[0].member)


def ask_sex() -> Sex | None:
    """Ask on a terminal; None when there is no one to ask or no answer comes."""
    if not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    for _ in range(3):
        print("Sex of the patient (M or F, Enter: not known): ", end="", file=sys.stderr, flush=True)
        answer = sys.stdin.readline().strip()
        if not answer:
            return None
        try:
            return Sex.parse(answer)
        except InputError as error:
            print(error, file=sys.stderr)
    return None


def analyse(
    services: Services, film: Film, facts: Facts, *, engines: Sequence[str] = (), progress: Progress = no_progress
) -> tuple[ReadingSession, list[tuple[Reading, AuditEvent]]]:
    """Read the film with the models: the 13 bones, then the second opinions of ``engines``.

    Returns the session and each value with the event that made it.
    """
    session, steps = begin(services, film, facts)
    result = services.engine().analyse(film.frame, progress=progress)
    now = services.now()
    event = session.do(SetAnalysis(result, now), at=now, who=services.who())
    steps.append((session.reading, event))
    return session, steps + second.ask(services, session, film.frame, engines)


def begin(
    services: Services, film: Film, facts: Facts
) -> tuple[ReadingSession, list[tuple[Reading, AuditEvent]]]:
    """A reading with its facts, before any model has looked at the film."""
    at, who = services.now(), services.who()
    chosen = services.settings
    reading = new_reading(film, services.new_id(), at, facts.rule or chosen.conclusion_rule, chosen.site_standard)
    reading = dataclasses.replace(reading, flags=reading.flags + _contradictions(reading, facts))
    session = ReadingSession(reading)
    steps = [(reading, AuditEvent(reading.reading_id, at, who, "open", after=film.source.sha256[:12]))]
    if facts.sex is not None or facts.birth_date is not None:
        event = session.do(SetPatient(sex=facts.sex, birth_date=facts.birth_date), at=at, who=who)
        steps.append((session.reading, event))
    if facts.age_basis is not None:
        event = session.do(SetAgeBasis(facts.age_basis), at=at, who=who)
        steps.append((session.reading, event))
    if facts.side is not None:
        event = session.do(SetStudy(laterality=facts.side), at=at, who=who)
        steps.append((session.reading, event))
    for command in facts.more(session.reading):
        event = session.do(command, at=at, who=who)
        steps.append((session.reading, event))
    return session, steps


def _contradictions(reading: Reading, facts: Facts) -> tuple[Flag, ...]:
    """Given facts win over recorded ones, but not in silence."""
    flags = []
    recorded = reading.patient
    if facts.sex and recorded.sex and facts.sex is not recorded.sex:
        flags.append(Flag("sex_conflict", f"Sex given as {facts.sex}, recorded in the file as {recorded.sex}."))
    if facts.birth_date and recorded.birth_date and facts.birth_date != recorded.birth_date:
        flags.append(
            Flag(
                "birth_date_conflict",
                f"Birth date given as {facts.birth_date}, recorded in the file as {recorded.birth_date}.",
            )
        )
    return tuple(flags)


def save_new(services: Services, steps: Sequence[tuple[Reading, AuditEvent]]) -> bool:
    """Put the reading into the work list; False when one of the same film is there, which stays."""
    store = services.store()
    first, opened = steps[0]
    if store.find_by_film(first.source.sha256, first.source.frame_number) is not None:
        return False
    store.add(first, opened)
    for reading, event in steps[1:]:
        store.save(reading, event)
    return True


def wait_ready(engine: AnalysisEngine, seconds: float) -> str:
    """Start the engine and wait until it is ready or has failed; its state."""
    engine.start()
    deadline = time.monotonic() + seconds
    while (state := engine.state()) in ("starting", "stopped", "busy") and time.monotonic() < deadline:
        time.sleep(0.02)
    return state
