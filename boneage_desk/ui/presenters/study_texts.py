"""The rows of the work list as words, sort keys and what the filter looks at.

A state is told by a shape, a letter and a colour; any one of them is enough.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from boneage_desk.common.i18n import mark, said, tr
from boneage_desk.reading.film import Laterality
from boneage_desk.reading.study_row import MachineState, ReadState, StudyRow
from boneage_desk.ui.presenters import text


class Column(StrEnum):
    """Columns in their first order. The values are kept in the file of the list's layout: never change one."""

    STATE = "state"
    NAME = "name"
    ID = "id"
    SEX = "sex"
    AGE = "age"
    DATE = "date"
    ACCESSION = "accession"
    DESCRIPTION = "description"
    MACHINE = "machine"
    BONE_AGE = "bone-age"
    SIDE = "side"
    ADDED = "added"
    CHANGED = "changed"
    MODALITY = "modality"
    FILE = "file"


COLUMNS = tuple(Column)
TITLES = {
    Column.STATE: mark("State"), Column.NAME: mark("Name"), Column.ID: mark("Id"), Column.SEX: mark("Sex"),
    Column.AGE: mark("Age"), Column.DATE: mark("Film date"), Column.ACCESSION: mark("Accession"),
    Column.DESCRIPTION: mark("Description"), Column.MACHINE: mark("AI"), Column.BONE_AGE: mark("Bone age"),
    Column.SIDE: mark("Side"), Column.ADDED: mark("Added"), Column.CHANGED: mark("Changed"),
    Column.MODALITY: mark("Modality"), Column.FILE: mark("File"),
}  # fmt: skip


class Shape(StrEnum):
    """Of a state's sign. The hollow ones are drawn as an outline."""

    DISC = "disc"
    RING = "ring"
    SQUARE = "square"
    DIAMOND = "diamond"
    HOLLOW_DIAMOND = "hollow diamond"
    TRIANGLE = "triangle"
    CROSSED = "crossed"
    DOTS = "dots"
    PIE = "pie"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Sign:
    """``letter`` inside ``shape``, after the bar of its key: 'R' alone is the right side in another place. ``tint``: name of
    a colour of `theme`; ``word``: English, for `tr`."""

    shape: Shape
    letter: str
    tint: str
    word: str

    @property
    def told(self) -> str:
        """The letter in the language in use."""
        return tr(self.letter).rpartition("|")[2]


STATE_SIGNS = {
    ReadState.UNREAD: Sign(Shape.DISC, mark("unread|U"), "ACCENT", mark("unread")),
    ReadState.BEGUN: Sign(Shape.RING, mark("draft|D"), "HUMAN", mark("draft")),
    ReadState.REVIEWED: Sign(Shape.SQUARE, mark("reviewed|R"), "GOOD", mark("reviewed")),
    ReadState.SIGNED: Sign(Shape.DIAMOND, mark("signed|S"), "GOOD", mark("signed")),
    ReadState.AMENDED: Sign(Shape.HOLLOW_DIAMOND, mark("amended|A"), "ATTENTION", mark("amended")),
}
_STATE_ORDER = {state: number for number, state in enumerate(STATE_SIGNS)}


class JobState(StrEnum):
    """Where a reading stands in the queue of the background."""

    WAITING = "waiting"
    READING = "reading"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class JobView:
    """``share`` 0..1 while it is read; ``why``: of a failure."""

    state: JobState
    share: float = 0.0
    why: str = ""


MACHINE_SIGNS: dict[MachineState | JobState, Sign] = {
    MachineState.NONE: Sign(Shape.NONE, "", "MUTED", mark("not read")),
    MachineState.READ: Sign(Shape.SQUARE, "\N{CHECK MARK}", "MACHINE", mark("read")),
    MachineState.LOOK: Sign(Shape.TRIANGLE, "!", "ATTENTION", mark("look")),
    MachineState.REFUSED: Sign(Shape.CROSSED, "", "ERROR", mark("refused")),
    JobState.WAITING: Sign(Shape.DOTS, "", "MUTED", mark("waiting")),
    JobState.READING: Sign(Shape.PIE, "", "MACHINE", mark("reading")),
    JobState.FAILED: Sign(Shape.HOLLOW_DIAMOND, "\N{MULTIPLICATION SIGN}", "ERROR", mark("failed")),
    JobState.CANCELLED: Sign(Shape.RING, "\N{EN DASH}", "MUTED", mark("cancelled")),
}
_MACHINE_ORDER = {state: number for number, state in enumerate(MACHINE_SIGNS)}
_SIDES = {Laterality.LEFT: mark("L"), Laterality.RIGHT: mark("R"), Laterality.UNKNOWN: "?"}
_FIGURES = re.compile(r"([0-9]+)")
_SEXES = {"M": mark("M"), "F": mark("F")}


def machine_key(row: StudyRow, job: JobView | None) -> MachineState | JobState:
    """What the column of the machine tells: the queue's word while there is no result."""
    if job is not None and row.machine is MachineState.NONE:
        return job.state
    return row.machine


def machine_words(row: StudyRow, job: JobView | None) -> str:
    key = machine_key(row, job)
    word = tr(MACHINE_SIGNS[key].word)
    if key is JobState.READING and job is not None:
        return tr("reading {percent} %", percent=round(job.share * 100))
    if key is MachineState.LOOK:
        return tr("look ({count})", count=row.doubtful)
    return word


def machine_tip(row: StudyRow, job: JobView | None) -> str:
    """More of the machine's state, for the tool tip."""
    key = machine_key(row, job)
    if key is MachineState.LOOK:
        return tr("Read by the machine; bones whose place is uncertain or that have no grade: {count}", count=row.doubtful)
    if key is JobState.FAILED and job is not None:
        return job.why
    if key is MachineState.REFUSED:
        return said(row.why_not)
    return machine_words(row, job)


def why_not(row: StudyRow) -> str:
    """Why there is no bone age."""
    return said(row.why_not)


def bone_age_words(row: StudyRow, written: Callable[[str], str] = str) -> str:
    """The bone age in force; with 'AI' before it where it rests on the machine's grades alone. ``written``: how the age
    itself is written."""
    if row.bone_age is None:
        return ""
    words = written(text.bone_age(row.bone_age))
    return tr("AI {bone_age}", bone_age=words) if row.by_machine else words


def words_of(row: StudyRow, job: JobView | None) -> dict[Column, str]:
    """Text of every column."""
    description = row.description if row.is_dicom else " \N{MIDDLE DOT} ".join(filter(None, (tr("no DICOM"), row.description)))
    return {
        Column.STATE: tr(STATE_SIGNS[row.state].word),
        Column.NAME: row.who,
        Column.ID: row.patient_id,
        Column.SEX: tr(_SEXES[row.sex.value]) if row.sex else "?",
        Column.AGE: text.months(row.age_months) if row.age_months is not None else "",
        Column.DATE: text.day(row.study_date),
        Column.ACCESSION: row.accession,
        Column.DESCRIPTION: description,
        Column.MACHINE: machine_words(row, job),
        Column.BONE_AGE: bone_age_words(row),
        Column.SIDE: tr(_SIDES[row.side]),
        Column.ADDED: row.created_at.astimezone().strftime("%Y-%m-%d %H:%M"),
        Column.CHANGED: row.changed_at.astimezone().strftime("%Y-%m-%d %H:%M"),
        Column.MODALITY: row.modality,
        Column.FILE: row.file,
    }


def sort_key(row: StudyRow, job: JobView | None, column: Column) -> Any:
    """By value and not by its words; None: not known, which stands last in either direction."""
    if column is Column.MACHINE:
        return _MACHINE_ORDER[machine_key(row, job)]
    return _SORT_KEYS[column](row)


def _bone_age_key(row: StudyRow) -> tuple[float, str] | None:
    return (row.bone_age.months, str(row.bone_age.qualifier)) if row.bone_age else None


def _natural(value: str) -> tuple[int | str, ...] | None:
    """'A2' before 'A10': figures as 0 and their number, words as 1 and themselves; None for no text."""
    if not value:
        return None
    key: list[int | str] = []
    figures = False
    for part in _FIGURES.split(value.casefold()):  # words at even places, figures between them
        if part:
            key += (0, int(part[:30])) if figures else (1, part)
        figures = not figures
    return tuple(key)


_SORT_KEYS: dict[Column, Callable[[StudyRow], Any]] = {
    Column.STATE: lambda row: _STATE_ORDER[row.state],
    Column.AGE: lambda row: row.age_months,
    Column.BONE_AGE: _bone_age_key,
    Column.DATE: lambda row: row.study_date,
    Column.ADDED: lambda row: row.created_at,
    Column.CHANGED: lambda row: row.changed_at,
    Column.SEX: lambda row: row.sex.value if row.sex else None,
    Column.SIDE: lambda row: row.side.value or None,
    Column.NAME: lambda row: _natural(row.who),
    Column.ID: lambda row: _natural(row.patient_id),
    Column.ACCESSION: lambda row: _natural(row.accession),
    Column.DESCRIPTION: lambda row: _natural(row.description),
    Column.MODALITY: lambda row: _natural(row.modality),
    Column.FILE: lambda row: _natural(row.file),
}


_SLOW_KEYS = (Column.NAME, Column.ID, Column.ACCESSION)


def searched(row: StudyRow) -> str:
    """What the filter looks at, folded for case: all columns but the times of coming and change, which would be taken for
    the film's date; without the machine's state in the queue."""
    words = words_of(row, None)
    return "\n".join(words[column] for column in COLUMNS if column not in (Column.ADDED, Column.CHANGED)).casefold()


class Entry:
    """A row with its texts; made off the window's thread, with the keys to sort by that take long. ``words`` and the other keys:
    computed when they are first wanted."""

    __slots__ = ("_hay", "_keys", "_words", "job", "row")

    def __init__(self, row: StudyRow, job: JobView | None = None, hay: str | None = None) -> None:
        self.row = row
        self.job = job
        self._hay = hay if hay is not None else searched(row)
        self._words: dict[Column, str] | None = None
        self._keys: dict[Column, Any] = {} if hay is not None else {column: sort_key(row, job, column) for column in _SLOW_KEYS}

    @property
    def words(self) -> dict[Column, str]:
        if self._words is None:
            self._words = words_of(self.row, self.job)
        return self._words

    def key(self, column: Column) -> Any:
        """`sort_key` of the row as it is; kept, since a list is sorted again for each letter of the filter."""
        if column not in self._keys:
            self._keys[column] = sort_key(self.row, self.job, column)
        return self._keys[column]

    def with_job(self, job: JobView | None) -> Entry:
        """The same row at another place of the queue."""
        other = Entry(self.row, job, self._hay)
        other._keys = {column: key for column, key in self._keys.items() if column is not Column.MACHINE}
        return other

    def holds(self, words: tuple[str, ...]) -> bool:
        """Whether each word is in some column."""
        if all(word in self._hay for word in words):
            return True
        state = self.words[Column.MACHINE].casefold() if self.job is not None else ""
        return bool(state) and all(word in self._hay or word in state for word in words)
