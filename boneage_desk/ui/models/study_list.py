"""The work list as a table model: one row a reading, newest first."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QSortFilterProxyModel, Qt

from boneage_desk.reading.session import Reading, State
from boneage_desk.reading.summary import summarise
from boneage_desk.ui import theme
from boneage_desk.ui.presenters import text

COLUMNS = ("", "Name", "Sex", "Age", "Bone age", "Film", "Id", "State")
MARK, NAME, SEX, AGE, BONE_AGE, DATE, ID, STATE = range(len(COLUMNS))
ReadingIdRole = Qt.ItemDataRole.UserRole + 1
SortRole = Qt.ItemDataRole.UserRole + 2
_Index = QModelIndex | QPersistentModelIndex

# A sign, a word and a colour: none of them alone
_MARKS = {
    "unread": ("\N{BLACK CIRCLE}", theme.ACCENT, "not read yet"),
    "draft": ("\N{WHITE CIRCLE}", theme.MUTED, "draft"),
    "reviewed": ("\N{CHECK MARK}", theme.GOOD, "reviewed"),
    "signed": ("\N{BLACK DIAMOND}", theme.GOOD, "signed"),
    "amended": ("\N{WHITE DIAMOND}", theme.ATTENTION, "amended"),
}


def state_word(reading: Reading) -> str:
    if reading.state is State.DRAFT and reading.analysed_at is None:
        return "unread"
    return reading.state.value


class _Row:
    """Texts of one reading, computed when it is first shown."""

    __slots__ = ("_texts", "reading", "searched")

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        facts = (text.who(reading), reading.patient.patient_id, text.day(reading.study.study_date), state_word(reading))
        self.searched = " ".join(facts).lower()
        self._texts: tuple[tuple[str, ...], tuple[Any, ...]] | None = None

    @property
    def texts(self) -> tuple[str, ...]:
        return self._made()[0]

    @property
    def keys(self) -> tuple[Any, ...]:
        return self._made()[1]

    def _made(self) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        if self._texts is None:
            reading, summary = self.reading, summarise(self.reading)
            patient = reading.patient
            age, bone_age = summary.chronological_months, summary.bone_age
            word = state_word(reading)
            texts = (
                _MARKS[word][0],
                text.who(reading),
                patient.sex.value if patient.sex else "?",
                text.months(age) if age is not None else "",
                bone_age.text if bone_age else "",
                text.day(reading.study.study_date),
                patient.patient_id,
                word,
            )
            months = (age if age is not None else -1.0, bone_age.months if bone_age else -1.0)
            keys = (*texts[:AGE], *months, *texts[DATE:])
            self._texts = (texts, keys)
        return self._texts


class StudyListModel(QAbstractTableModel):
    """Readings by id. Rows change in place; a new reading comes on top."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[_Row] = []
        self._where: dict[str, int] = {}

    def set_readings(self, readings: list[Reading]) -> None:
        self.beginResetModel()
        self._rows = [_Row(reading) for reading in readings]
        self._index()
        self.endResetModel()

    def update(self, reading: Reading) -> None:
        row = self._where.get(reading.reading_id)
        if row is None:
            self.beginInsertRows(QModelIndex(), 0, 0)
            self._rows.insert(0, _Row(reading))
            self._index()
            self.endInsertRows()
        else:
            self._rows[row] = _Row(reading)
            self.dataChanged.emit(self.index(row, 0), self.index(row, len(COLUMNS) - 1))

    def _index(self) -> None:
        self._where = {row.reading.reading_id: i for i, row in enumerate(self._rows)}

    def searched(self, row: int) -> str:
        """What the filter looks at; no bone age is computed for it."""
        return self._rows[row].searched

    def row_of(self, reading_id: str) -> int:
        return self._where.get(reading_id, -1)

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return COLUMNS[section]
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row, column = self._rows[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return row.texts[column]
        if role == SortRole:
            return row.keys[column]
        if role == ReadingIdRole:
            return row.reading.reading_id
        if role == Qt.ItemDataRole.ForegroundRole:
            if column == MARK:
                return theme.colour(_MARKS[state_word(row.reading)][1])
            return theme.colour(theme.ATTENTION) if column == SEX and row.reading.patient.sex is None else None
        if role == Qt.ItemDataRole.ToolTipRole:
            if column == MARK:
                return _MARKS[state_word(row.reading)][2]
            return row.reading.source.path if column == NAME else None
        if role == Qt.ItemDataRole.TextAlignmentRole and column in (MARK, SEX):
            return Qt.AlignmentFlag.AlignCenter
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{COLUMNS[column] or 'State'}: {row.texts[column] if column else state_word(row.reading)}"
        return None


class StudyFilter(QSortFilterProxyModel):
    """Rows whose name, id, date or state hold every typed word."""

    def __init__(self, source: StudyListModel) -> None:
        super().__init__()
        self._words: tuple[str, ...] = ()
        self.setSourceModel(source)
        self.setSortRole(SortRole)

    def set_words(self, typed: str) -> None:
        self._words = tuple(typed.lower().split())
        self.invalidate()

    def filterAcceptsRow(self, source_row: int, source_parent: _Index) -> bool:
        if not self._words:
            return True
        model = self.sourceModel()
        assert isinstance(model, StudyListModel)
        hay = model.searched(source_row)
        return all(word in hay for word in self._words)
