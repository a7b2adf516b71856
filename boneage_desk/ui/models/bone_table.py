"""The 13 bones as a table model. Drawing is the delegate's; this gives values and accessible texts."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QImage

from boneage_desk.common.i18n import mark, tr
from boneage_desk.ui.presenters.measured import AGAINST
from boneage_desk.ui.presenters.rows import BoneRow, Heading

COLUMNS = ("", mark("Bone"), mark("AI"), mark("Width"), mark("You"), mark("Points"), mark("\N{PLUS-MINUS SIGN}1 grade"), "")
HEADINGS_HELP = (
    mark("The bone as cut for the grader, distal up"),
    mark("The bone; ! = worth a look"),
    mark("The machine's grade, its probabilities of that and the grades beside it, and the probability of its own"),
    mark("Measured: width of the epiphysis over that of the shaft's end; \N{NOT EQUAL TO} = the measurement speaks against the "
    "grade"),
    mark("Your grade"),
    mark("RUS-CHN points of the grade in force"),
    mark("Months of bone age that one grade less / more would change"),
    mark("Looked at"),
)
CROP, NAME, MACHINE, MEASURED, HUMAN, POINTS, STEPS, REVIEWED = range(len(COLUMNS))
RowRole = Qt.ItemDataRole.UserRole + 1
_TEXT_ROLES = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole)
_Index = QModelIndex | QPersistentModelIndex


class BoneTableModel(QAbstractTableModel):
    """Rows as the presenter made them, between them perhaps headings of rays, and each bone's crop picture."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: tuple[BoneRow | Heading, ...] = ()
        self._crops: dict[str, QImage] = {}

    def set_rows(self, rows: tuple[BoneRow | Heading, ...]) -> None:
        if [type(row) for row in rows] != [type(row) for row in self._rows]:
            self.beginResetModel()
            self._rows = rows
            self.endResetModel()
            return
        changed = [i for i, (old, new) in enumerate(zip(self._rows, rows, strict=True)) if old != new]
        self._rows = rows
        if changed:
            self.dataChanged.emit(self.index(changed[0], 0), self.index(changed[-1], len(COLUMNS) - 1))

    def set_crops(self, crops: dict[str, QImage]) -> None:
        self._crops = crops
        if self._rows:
            self.dataChanged.emit(self.index(0, CROP), self.index(len(self._rows) - 1, CROP))

    def crop(self, bone: str) -> QImage | None:
        return self._crops.get(bone)

    def row_of(self, bone: str) -> int:
        return next((i for i, row in enumerate(self._rows) if isinstance(row, BoneRow) and row.bone == bone), -1)

    @property
    def headings(self) -> tuple[int, ...]:
        """The rows that are headings."""
        return tuple(i for i, row in enumerate(self._rows) if isinstance(row, Heading))

    def flags(self, index: _Index) -> Qt.ItemFlag:
        if index.isValid() and isinstance(self._rows[index.row()], Heading):
            return Qt.ItemFlag.ItemIsEnabled
        return super().flags(index)

    def bone_at(self, row: int) -> str:
        found = self._rows[row] if 0 <= row < len(self._rows) else None
        return found.bone if isinstance(found, BoneRow) else ""

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return tr(COLUMNS[section])
        if role == Qt.ItemDataRole.ToolTipRole:
            return tr(HEADINGS_HELP[section])
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row, column = self._rows[index.row()], index.column()
        if role == RowRole:
            return row
        if isinstance(row, Heading):
            return row.title if role in _TEXT_ROLES and column == CROP else None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row, column)
        if role == Qt.ItemDataRole.DecorationRole and column == CROP:
            return self._crops.get(row.bone)
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(row, column)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            told = row.measured.tip.replace("\n", " ") if column == MEASURED else self._text(row, column)
            return f"{row.name}, {tr(COLUMNS[column] or HEADINGS_HELP[column])}: {told or tr('none')}"
        return None

    @staticmethod
    def _tip(row: BoneRow, column: int) -> str | None:
        if column == MACHINE:
            return row.spread_words or None
        if column == MEASURED:
            return row.measured.tip or None
        if column == HUMAN and row.blind:
            return tr("Your grade before the AI was shown: {grade}.", grade=row.blind)
        return row.doubt or None

    @staticmethod
    def _text(row: BoneRow, column: int) -> str:
        if column == NAME:
            return row.short + (" !" if row.doubt else "")
        if column == MACHINE and row.hidden:
            return tr("hidden")
        if column == MACHINE:
            return row.machine + (f" {row.probability:.0%}" if row.probability is not None else "")
        if column == MEASURED:
            return row.measured.figure + (f" {AGAINST}" if row.measured.against else "")
        if column == REVIEWED:
            return tr("reviewed") if row.reviewed else ""
        return {HUMAN: row.human, POINTS: row.points, STEPS: row.steps}.get(column, "")
