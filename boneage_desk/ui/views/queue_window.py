"""The queue of the background: what is read, what waits, what failed and why."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from boneage_desk.common.i18n import mark, tr
from boneage_desk.ui import theme
from boneage_desk.ui.plain_tip import plain_tip
from boneage_desk.ui.presenters.analysis_queue import AnalysisQueue, Item
from boneage_desk.ui.presenters.study_texts import MACHINE_SIGNS, JobState
from boneage_desk.ui.views.study_delegate import draw_sign, row_height

_Index = QModelIndex | QPersistentModelIndex
_TITLES = (mark("State"), mark("Film"), mark("Why"))
STATE, WHO, WHY = range(3)
ItemRole = Qt.ItemDataRole.UserRole + 1


class QueueModel(QAbstractTableModel):
    """A row a film, in the order in which they are read."""

    def __init__(self, queue: AnalysisQueue) -> None:
        super().__init__()
        self._queue = queue
        self._items: tuple[Item, ...] = queue.items

    def refresh(self) -> None:
        self.beginResetModel()
        self._items = self._queue.items
        self.endResetModel()

    def item(self, row: int) -> Item | None:
        return self._items[row] if 0 <= row < len(self._items) else None

    def row_of(self, reading_id: str) -> int:
        return next((row for row, item in enumerate(self._items) if item.reading_id == reading_id), -1)

    def touch(self, reading_id: str) -> None:
        """A film's progress."""
        row = self.row_of(reading_id)
        if row >= 0:
            self.dataChanged.emit(self.index(row, 0), self.index(row, WHY))

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._items)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(_TITLES)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return tr(_TITLES[section])
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        item = self.item(index.row())
        if item is None:
            return None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            if index.column() == STATE:
                word = tr(MACHINE_SIGNS[item.state].word)
                return f"{word} {round(item.share * 100)} %" if item.state is JobState.READING else word
            words = item.who if index.column() == WHO else item.why
            return plain_tip(words) if role == Qt.ItemDataRole.ToolTipRole else words
        return item if role == ItemRole else None


class _Delegate(QStyledItemDelegate):
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        rect = option.rect
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, QColor(theme.SELECTION))
        item: Item = index.data(ItemRole)
        room = rect.adjusted(6, 0, -6, 0)
        if index.column() == STATE:
            place = QRectF(room.left(), room.center().y() - 7, 15, 15)
            draw_sign(painter, place, MACHINE_SIGNS[item.state], item.share)
            room = room.adjusted(21, 0, 0, 0)
        painter.setPen(QColor(theme.ERROR if index.column() == WHY else theme.TEXT))
        words = option.fontMetrics.elidedText(index.data(), Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, words)
        painter.setPen(QColor(theme.LINE))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())


class QueueWindow(QDialog):
    """Beside the window, never in its way."""

    opened = Signal(str)

    def __init__(self, parent: QWidget, queue: AnalysisQueue) -> None:
        super().__init__(parent)
        self._queue = queue
        self.setWindowTitle(tr("Queue of the background"))
        self.resize(620, 380)
        column = QVBoxLayout(self)
        self._words = QLabel()
        self._words.setWordWrap(True)
        column.addWidget(self._words)
        self.model = QueueModel(queue)
        self.table = QTableView()
        self.table.setAccessibleName(tr("Films that the machine reads in the background"))
        self.table.setModel(self.model)
        self.table.setItemDelegate(_Delegate(self.table))
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.table.setShowGrid(False)
        self.table.setTabKeyNavigation(False)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(row_height(wide=True))
        header = self.table.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(WHY, QHeaderView.ResizeMode.Stretch)
        self.table.setColumnWidth(STATE, round(theme.points(136)))
        self.table.setColumnWidth(WHO, round(theme.points(200)))
        column.addWidget(self.table, 1)
        row = QHBoxLayout()
        self.pause = QPushButton()
        self.first = QPushButton(tr("Read next"))
        self.first.setToolTip(tr("To the head of the queue"))
        self.again = QPushButton(tr("Try again"))
        self.take_out = QPushButton(tr("Take out"))
        self.take_out.setToolTip(tr("The machine does not read it in the background; opening it reads it"))
        self.take_all = QPushButton(tr("Take all out"))
        for button in (self.pause, self.first, self.again, self.take_out, self.take_all):
            button.setAutoDefault(False)
            row.addWidget(button)
        row.addStretch(1)
        column.addLayout(row)
        self.pause.clicked.connect(lambda: (queue.resume if queue.paused else queue.pause)())
        self.first.clicked.connect(lambda: self._each(queue.first, reverse=True))
        self.again.clicked.connect(lambda: self._each(queue.again))
        self.take_out.clicked.connect(lambda: self._each(queue.cancel))
        self.take_all.clicked.connect(queue.cancel_all)
        self.table.doubleClicked.connect(lambda index: self.opened.emit(index.data(ItemRole).reading_id))
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._show_buttons())
        self._soon = QTimer(self)  # many changes at once, as when all are taken out, are shown once
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._refresh)
        queue.changed.connect(lambda: self._soon.start(0))
        queue.item_changed.connect(lambda reading_id, _job: self.model.touch(reading_id))
        self._refresh()

    def chosen(self) -> list[str]:
        """Reading ids of the rows that are chosen."""
        rows = sorted(index.row() for index in self.table.selectionModel().selectedRows())
        return [item.reading_id for row in rows if (item := self.model.item(row)) is not None]

    def _each(self, act: Any, reverse: bool = False) -> None:
        for reading_id in reversed(self.chosen()) if reverse else self.chosen():
            act(reading_id)

    def _refresh(self) -> None:
        chosen = self.chosen()
        self.model.refresh()
        flags = self.table.selectionModel().SelectionFlag
        for row in map(self.model.row_of, chosen):
            if row >= 0:
                self.table.selectionModel().select(self.model.index(row, 0), flags.Select | flags.Rows)
        self._show_buttons()

    def _show_buttons(self) -> None:
        queue = self._queue
        states = {item.state for item in queue.items if item.reading_id in set(self.chosen())}
        waits = queue.count(JobState.WAITING)
        reading = queue.count(JobState.READING)
        self.pause.setText(tr("Go on") if queue.paused else tr("Pause"))
        self.first.setEnabled(bool(states - {JobState.READING}))
        self.again.setEnabled(bool(states & {JobState.FAILED, JobState.CANCELLED}))
        self.take_out.setEnabled(bool(states & {JobState.WAITING, JobState.READING}))
        self.take_all.setEnabled(bool(waits or reading))
        if not queue.items:
            words = tr("The queue is empty. Films that are imported are read here by the machine.")
        elif queue.paused:
            words = tr("Paused: {count} films wait.", count=waits)
        else:
            words = tr(
                "{count} films wait. The study that you read comes first: the queue stands back while you use the models.",
                count=waits,
            )
        self._words.setText(words)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Delete:
            self._each(self._queue.cancel)
        else:
            super().keyPressEvent(event)
