"""The work list as a table model: one row a reading, newest first, sorted and filtered here.

A proxy that asks Python for two values at each comparison takes seconds for 5,000 rows; a list that is sorted by keys
made once takes some milliseconds. Texts are made when a row is first seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal

from boneage_desk.common.i18n import tr
from boneage_desk.reading.study_row import ReadState, StudyRow
from boneage_desk.ui.plain_tip import plain_tip
from boneage_desk.ui.presenters import study_texts
from boneage_desk.ui.presenters.study_texts import COLUMNS, TITLES, Column, Entry, JobView

ReadingIdRole = Qt.ItemDataRole.UserRole + 1
EntryRole = Qt.ItemDataRole.UserRole + 2
_Index = QModelIndex | QPersistentModelIndex
PLACE = {column: number for number, column in enumerate(COLUMNS)}


class StudyListModel(QAbstractTableModel):
    """Rows of readings by id. A change stays in its row until the list is sorted or filtered again: nothing jumps away
    under the reader's hand. A new reading comes to its place, which is on top while the list is not sorted."""

    counted = Signal()
    """The number of rows, of shown ones or of unread ones may have changed."""

    def __init__(self) -> None:
        super().__init__()
        self._entries: dict[str, Entry] = {}
        """In the order in which they came, the oldest first."""
        self._shown: list[Entry] = []
        self._where: dict[str, int] | None = {}
        self._words: tuple[str, ...] = ()
        self._unread_only = False
        self.growing = False
        """While a page of older readings comes: a view stays where it is."""
        self._sorted: tuple[Column, bool] | None = None
        self._numbers: dict[str, int] = {}
        self._first, self._next = 0, 0
        self._unread = 0

    # --- what is in it ----------------------------------------------------------------------

    @property
    def every(self) -> int:
        """Readings, shown or not."""
        return len(self._entries)

    @property
    def unread(self) -> int:
        """Readings that no person began, shown or not."""
        return self._unread

    @property
    def sorted_by(self) -> tuple[Column, bool] | None:
        """The column and whether it is descending; None: as they came."""
        return self._sorted

    @property
    def filtered(self) -> bool:
        return bool(self._words) or self._unread_only

    def set_rows(self, rows: Iterable[StudyRow]) -> None:
        """All rows, newest first."""
        self.beginResetModel()
        self._entries, self._numbers, self._first, self._next, self._unread = {}, {}, 0, 0, 0
        for row in rows:
            self._put_last(Entry(row))
        self._arrange()
        self.endResetModel()
        self.counted.emit()

    def add_older(self, entries: Iterable[Entry]) -> None:
        """A page of readings older than all that are here; those that are here already are left out."""
        new = [entry for entry in entries if entry.row.reading_id not in self._entries]
        if not new:
            return
        if self._sorted is None and not self.filtered:
            start = len(self._shown)
            self.beginInsertRows(QModelIndex(), start, start + len(new) - 1)
            for entry in new:
                self._put_last(entry)
            self._shown.extend(new)
            self._where = None
            self.endInsertRows()
        else:
            for entry in new:
                self._put_last(entry)
            self.growing = True
            self._rearrange()
            self.growing = False
        self.counted.emit()

    def _put_last(self, entry: Entry) -> None:
        self._entries[entry.row.reading_id] = entry
        self._numbers[entry.row.reading_id] = self._next
        self._next += 1
        self._unread += entry.row.state is ReadState.UNREAD

    def update(self, row: StudyRow) -> None:
        """A reading that is new or has changed."""
        known = self._entries.get(row.reading_id)
        entry = Entry(row, known.job if known else None)
        if known is not None:
            self._unread += (row.state is ReadState.UNREAD) - (known.row.state is ReadState.UNREAD)
            self._replace(entry)
            self.counted.emit()
            return
        self._entries[row.reading_id] = entry
        self._first -= 1
        self._numbers[row.reading_id] = self._first
        self._unread += row.state is ReadState.UNREAD
        if self._accepts(entry):
            place = self._place_of(entry)
            self.beginInsertRows(QModelIndex(), place, place)
            self._shown.insert(place, entry)
            self._where = None
            self.endInsertRows()
        self.counted.emit()

    def set_job(self, reading_id: str, job: JobView | None) -> None:
        """Where a reading stands in the queue."""
        known = self._entries.get(reading_id)
        if known is not None and known.job != job:
            self._replace(known.with_job(job))

    def _replace(self, entry: Entry) -> None:
        id = entry.row.reading_id
        self._entries[id] = entry
        row = self.row_of(id)
        if row >= 0:
            self._shown[row] = entry
            self.dataChanged.emit(self.index(row, 0), self.index(row, len(COLUMNS) - 1))

    # --- order and filter -------------------------------------------------------------------

    def set_filter(self, typed: str, *, unread_only: bool = False) -> None:
        """Show readings of which each typed word is in some column."""
        words = tuple(typed.casefold().split())
        if (words, unread_only) != (self._words, self._unread_only):
            self._words, self._unread_only = words, unread_only
            self._rearrange()
            self.counted.emit()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """By a column's value; -1: as they came, newest first."""
        wanted = (COLUMNS[column], order == Qt.SortOrder.DescendingOrder) if 0 <= column < len(COLUMNS) else None
        self._sorted = wanted
        self._rearrange()

    def _rearrange(self) -> None:
        self.beginResetModel()
        self._arrange()
        self.endResetModel()

    def _arrange(self) -> None:
        numbers = self._numbers
        shown = [entry for entry in self._entries.values() if self._accepts(entry)]
        shown.sort(key=lambda entry: numbers[entry.row.reading_id])
        if self._sorted is not None:
            column, down = self._sorted
            keyed = [(entry.key(column), entry) for entry in shown]
            known = [pair for pair in keyed if pair[0] is not None]
            known.sort(key=lambda pair: pair[0], reverse=down)
            shown = [entry for _, entry in known] + [entry for key, entry in keyed if key is None]
        self._shown, self._where = shown, None

    def _accepts(self, entry: Entry) -> bool:
        if self._unread_only and entry.row.state is not ReadState.UNREAD:
            return False
        return not self._words or entry.holds(self._words)

    def _place_of(self, entry: Entry) -> int:
        """Before the first row that belongs behind a new entry."""
        if self._sorted is None:
            return 0
        column, down = self._sorted
        key = entry.key(column)
        for place, other in enumerate(self._shown):
            theirs = other.key(column)
            if theirs is None or (key is not None and (theirs <= key if down else theirs >= key)):
                return place
        return len(self._shown)

    def row_of(self, reading_id: str) -> int:
        """Of the shown rows; -1 where it is not among them."""
        if self._where is None:
            self._where = {entry.row.reading_id: i for i, entry in enumerate(self._shown)}
        return self._where.get(reading_id, -1)

    def row(self, reading_id: str) -> StudyRow | None:
        """Of a reading, shown or not."""
        entry = self._entries.get(reading_id)
        return entry.row if entry else None

    def entry(self, place: int) -> Entry:
        return self._shown[place]

    def next_where(self, reading_id: str, wanted: Callable[[Entry], bool]) -> str:
        """The first shown reading behind ``reading_id`` that is wanted, going round; '' where there is none. From the
        top where ``reading_id`` is not shown."""
        start = self.row_of(reading_id) + 1
        for entry in (*self._shown[start:], *self._shown[:start]):
            if entry.row.reading_id != reading_id and wanted(entry):
                return entry.row.reading_id
        return ""

    def next_unread(self, reading_id: str) -> str:
        """The next reading that no person began."""
        return self.next_where(reading_id, lambda entry: entry.row.state is ReadState.UNREAD)

    def waiting(self) -> list[StudyRow]:
        """Unread readings that the machine has not read, newest first."""
        numbers = self._numbers
        rows = [
            entry.row
            for entry in self._entries.values()
            if entry.row.state is ReadState.UNREAD and entry.row.machine is study_texts.MachineState.NONE
        ]
        return sorted(rows, key=lambda row: numbers[row.reading_id])

    # --- as Qt asks -------------------------------------------------------------------------

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._shown)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return tr(TITLES[COLUMNS[section]])
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._shown):
            return None
        entry = self._shown[index.row()]
        if role == EntryRole:
            return entry
        column = COLUMNS[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return entry.words[column]
        if role == ReadingIdRole:
            return entry.row.reading_id
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(self._tip(entry, column))
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{tr(TITLES[column])}: {entry.words[column]}"
        return None

    @staticmethod
    def _tip(entry: Entry, column: Column) -> str:
        if column is Column.MACHINE:
            return study_texts.machine_tip(entry.row, entry.job)
        if column is Column.BONE_AGE and entry.row.bone_age is None:
            return study_texts.why_not(entry.row)
        if column is Column.BONE_AGE and entry.row.by_machine:
            return tr("By the machine's grades alone: no grade of a person is in it")
        if column is Column.NAME:
            words = entry.words
            return "\n".join(
                f"{tr(TITLES[c])}: {words[c]}" for c in (*COLUMNS[1:10], Column.SIDE, Column.STATE) if words[c]
            )
        return entry.words[column]
