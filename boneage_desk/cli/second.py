"""Second opinions on the command line: which engines are asked, and how their answers enter a reading."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from boneage_desk.cli import output
from boneage_desk.common.errors import Cancelled, EngineError, FilmError, InputError
from boneage_desk.common.settings import SECOND_OPINIONS
from boneage_desk.reading.analysis import Flag, WholeHandResult
from boneage_desk.reading.film import Frame
from boneage_desk.reading.film_map import FilmMap
from boneage_desk.reading.ports import Services
from boneage_desk.reading.second_opinion import ENGINE_NAMES, UNAVAILABLE, default_opinion, wanted, weights_of
from boneage_desk.reading.session import AuditEvent, Reading, ReadingSession, SetWholeHand
from boneage_desk.standards.types import Sex

NONE = "none"


def named(text: str) -> tuple[str, ...]:
    """'whole-hand,dual' to engine ids; 'none' to none. Raises InputError 'unknown-engine'."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if names == [NONE]:
        return ()
    for name in names:
        if name not in SECOND_OPINIONS:
            raise InputError(
                f"There is no second opinion '{name}'.", f"Known: {', '.join(SECOND_OPINIONS)}, or none.", code="unknown-engine"
            )
    return tuple(dict.fromkeys(names))


def usual(services: Services) -> tuple[str, ...]:
    """The engines of the settings whose model is installed: what is not there is asked only where it is named."""
    installed = services.engine().whole_hand_engines()
    return tuple(engine for engine in services.settings.second_opinion_engines if engine in installed)


def ask(
    services: Services, session: ReadingSession, frame: Frame, engines: Sequence[str]
) -> list[tuple[Reading, AuditEvent]]:
    """Put the opinions of ``engines`` beside the 13 bones, which are in. Whatever fails is a flag: nothing is lost."""
    names = wanted(session.reading, engines)
    if not names:
        return []
    result = answer(services, frame, session.reading.patient.sex, names)
    now = services.now()
    event = session.do(SetWholeHand(result, now), at=now, who=services.who())
    return [(session.reading, event)]


def alone(services: Services, session: ReadingSession, frame: Frame, engines: Sequence[str]) -> None:
    """The opinions of ``engines`` without the 13 bones. Raises what the engine process raises; a film that may not be
    read (a foot) gets flags."""
    reading = session.reading
    blocking = [flag for flag in reading.flags if flag.blocking]
    if blocking:
        result = WholeHandResult((), tuple(_without(engine, blocking[0].message) for engine in engines))
    else:
        result = services.engine().whole_hand(frame, reading.patient.sex, engines=engines)
    now = services.now()
    session.do(SetWholeHand(result, now), at=now, who=services.who())


def _without(engine: str, why: str) -> Flag:
    return Flag(UNAVAILABLE, f"{ENGINE_NAMES[engine]}: no second opinion. {why}", engine=engine)


def looked(services: Services, reading: Reading, frame: Frame, options: argparse.Namespace) -> FilmMap | None:
    """Where the second opinion's model looked, when the report is to show it (``--with-map``, or the setting
    'report_map'); None where there is no opinion, and a note says so to those who asked on this line."""
    if not (options.with_map or services.settings.report_map):
        return None
    opinion = default_opinion(reading)
    if opinion is None:
        if options.with_map:
            output.note("There is no second opinion, and so no map of it in the report.")
        return None
    try:
        values = services.engine().whole_hand_saliency(
            frame, opinion.engine, reading.patient.sex, sha256=weights_of(reading, opinion)
        )
        return FilmMap(opinion, values)
    except (EngineError, FilmError) as error:
        output.note(f"The report has no map of the second opinion: {error}")
        return None


def answer(services: Services, frame: Frame, sex: Sex | None, engines: Sequence[str]) -> WholeHandResult:
    """What the engines say; a failure of the engine process is a flag of each."""
    try:
        return services.engine().whole_hand(frame, sex, engines=engines)
    except Cancelled:
        raise
    except Exception as error:
        return WholeHandResult((), tuple(_without(engine, str(error)) for engine in engines))
