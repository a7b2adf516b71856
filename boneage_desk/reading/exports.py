"""What leaves the station without its patients: de-identified films, and a training set of persons' decisions.

Values and the protocols that adapters fulfil; wiring.py joins them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from boneage_desk.common.jobs import CancelToken, Progress, no_progress
from boneage_desk.reading.assessment import AuditEvent, Reading, State
from boneage_desk.standards import rus_chn

EXPORT = "export"
"""Action of the station's audit event."""
DATES = ("remove", "shift")
TRAINING_STATES = (State.REVIEWED, State.SIGNED, State.AMENDED)
"""States in which a person has looked at the whole reading."""

DECIDING = frozenset("set-grade accept-grade accept-all set-reviewed set-box mark-reviewed sign".split())
"""Actions of the audit chain by which a person decides something of a bone, or stands by it."""


@dataclass(frozen=True, slots=True)
class DeidentifyOptions:
    """What is kept beyond the basic profile of DICOM PS3.15. ``dates``: 'remove', or 'shift': each patient's by one
    random number of days. ``keep_sex_age``: sex and age as months. ``clean_descriptions``: of study and series, those words that
    are in a short list of harmless ones."""

    keep_sex_age: bool = False
    clean_descriptions: bool = False
    dates: str = "remove"

    def __post_init__(self) -> None:
        if self.dates not in DATES:
            raise ValueError(f"dates {self.dates!r}")


@dataclass(frozen=True, slots=True)
class ExportedFilm:
    """A film that was written. ``path``: from the export's folder. ``source``: as the person knows it; never in the
    manifest. ``warnings``: (code, text), above all what may be burned into the picture."""

    path: str
    source: str
    subject: str
    sha256: str
    warnings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A film or reading that was not exported, and why."""

    source: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Exported:
    """An export that is complete on disk."""

    folder: Path
    films: tuple[ExportedFilm, ...]
    left_out: tuple[LeftOut, ...]
    manifest: Path


@dataclass(frozen=True, slots=True)
class TrainingExported:
    """A training set that is complete on disk. ``grades``, ``boxes``: rows of grades.csv, films of boxes.csv."""

    folder: Path
    grades: int
    boxes: int
    decided: int
    overridden: int
    left_out: tuple[LeftOut, ...]
    warnings: tuple[ExportedFilm, ...]
    manifest: Path


class FilmExporter(Protocol):
    """Writes films and training sets without names (reports). Raises BoneAgeError subclasses, Cancelled."""

    def deidentified(
        self, paths: Sequence[str], out: Path, options: DeidentifyOptions, *, at: datetime, key: Path | None = None,
        progress: Progress = no_progress, cancel: CancelToken | None = None,
    ) -> Exported:  # fmt: skip
        """Films in files, folders, zips below ``paths`` into the new or empty folder ``out``, with a manifest.

        ``key``: file that ties the new names to the old ones, outside of ``out``; one that is there is used again, so that
        a later export fits an earlier one. None: nothing of the kind is kept, and nobody can go back.
        """

    def training(
        self, readings: Iterable[Reading], events: Iterable[AuditEvent], out: Path, *, at: datetime, key: Path | None = None,
        progress: Progress = no_progress, cancel: CancelToken | None = None,
    ) -> TrainingExported:  # fmt: skip
        """The decisions of persons in ``readings`` with their films, as the tables that ``train`` reads. ``events``: of the
        audit chain, for who decided."""


def chosen_for_training(readings: Iterable[Reading]) -> tuple[list[Reading], list[LeftOut]]:
    """The readings whose decisions can be learned from: one a film, looked at by a person, of the standard that is trained.

    Of several of one film the signed one, else the newest; order as given.
    """
    left: list[LeftOut] = []
    best: dict[tuple[str, int], Reading] = {}
    for reading in readings:
        why = _unfit(reading)
        if why is not None:
            left.append(why)
            continue
        place = (reading.source.sha256, reading.source.frame_number)
        other = best.get(place)
        if other is None or _rank(reading) > _rank(other):
            best[place] = reading
    return list(best.values()), left


def _rank(reading: Reading) -> tuple[bool, datetime]:
    return bool(reading.signatures), reading.changed_at


def _unfit(reading: Reading) -> LeftOut | None:
    source = reading.source.member or reading.source.path
    if reading.state not in TRAINING_STATES:
        return LeftOut(source, "draft", "Nobody has finished looking at it: it is a draft.")
    if reading.standard != rus_chn.STANDARD_ID:
        return LeftOut(source, "standard", f"It was read by '{reading.standard}'.")
    if reading.patient.sex is None:
        return LeftOut(source, "sex", "Its sex is not known, and the table of scores needs it.")
    if not decisions(reading):
        return LeftOut(source, "no-decision", "No bone of it was decided by a person.")
    return None


def decisions(reading: Reading) -> dict[str, int]:
    """bone -> grade index that a person gave or agreed to. A bone that nobody looked at is not in it."""
    return {
        finding.bone: finding.final_grade
        for finding in reading.bones
        if finding.reviewed and finding.final_grade is not None
    }


def readers(events: Iterable[AuditEvent]) -> dict[str, list[str]]:
    """reading id -> accounts that decided something of its bones or signed it, in the order in which they came."""
    found: dict[str, list[str]] = {}
    for event in events:
        if event.action in DECIDING and event.reading_id:
            accounts = found.setdefault(event.reading_id, [])
            if event.who not in accounts:
                accounts.append(event.who)
    return found


def boxes(reading: Reading) -> Iterator[tuple[str, tuple[float, float, float, float]]]:
    """(bone, box in force as x0, y0, x1, y1 in film pixels) of bones that a person looked at."""
    for finding in reading.bones:
        if finding.reviewed and finding.box is not None:
            box = finding.box
            yield finding.bone, (box.x0, box.y0, box.x1, box.y1)


MakeExporter = Callable[[], FilmExporter]
