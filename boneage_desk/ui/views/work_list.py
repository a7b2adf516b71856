"""The work list: filter, table, open button, and the place to drop files on."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from boneage_desk.common.i18n import tr
from boneage_desk.reading.session import Reading
from boneage_desk.ui.models import study_list as columns
from boneage_desk.ui.models.study_list import ReadingIdRole, StudyFilter, StudyListModel
from boneage_desk.ui.presenters import text


class _Table(QTableView):
    entered_row = Signal(QModelIndex)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.entered_row.emit(self.currentIndex())
            return
        super().keyPressEvent(event)


class WorkList(QWidget):
    """Readings of the store. A click, a double click or Enter on a row opens it."""

    reading_chosen = Signal(str)
    open_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("Work list"))
        self.setMinimumWidth(180)
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 6, 2, 6)
        column.setSpacing(6)
        top = QHBoxLayout()
        self.filter = QLineEdit()
        self.filter.setPlaceholderText(tr("Filter: name, id, date, state"))
        self.filter.setAccessibleName(tr("Filter the work list"))
        self.filter.setClearButtonEnabled(True)
        top.addWidget(self.filter, 1)
        self.open_button = QPushButton(tr("Open\N{HORIZONTAL ELLIPSIS}"))
        self.open_button.setToolTip(tr("Open a film (Ctrl+O), or drop files, folders and zips anywhere on the window"))
        self.open_button.clicked.connect(self.open_wanted)
        top.addWidget(self.open_button)
        column.addLayout(top)
        self.model = StudyListModel()
        self.proxy = StudyFilter(self.model)
        self.table = _Table()
        self.table.setAccessibleName(tr("Readings"))
        self.table.setModel(self.proxy)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.setTabKeyNavigation(False)
        self.table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(26)
        header = self.table.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(24)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        for index, width in enumerate((26, 104, 34, 72, 76, 84, 70, 70)):
            self.table.setColumnWidth(index, width)
        header.setSectionResizeMode(columns.MARK, QHeaderView.ResizeMode.Fixed)
        header.setStretchLastSection(True)
        self.table.setSortingEnabled(True)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.table.entered_row.connect(self._chosen)
        self.table.clicked.connect(self._chosen)
        column.addWidget(self.table, 1)
        self._count = QLabel()
        self._count.setProperty("muted", True)
        self._count.setWordWrap(True)
        column.addWidget(self._count)
        self.filter.textChanged.connect(self._filter)
        self.filter.returnPressed.connect(lambda: self.table.setFocus(Qt.FocusReason.OtherFocusReason))
        self._show_count()

    def set_readings(self, readings: list[Reading]) -> None:
        self.model.set_readings(readings)
        self._show_count()

    def update_reading(self, reading: Reading) -> None:
        self.model.update(reading)
        self._show_count()

    def show_current(self, reading_id: str) -> None:
        """Mark the row of the reading on the desk."""
        row = self.model.row_of(reading_id)
        index = self.proxy.mapFromSource(self.model.index(row, 0)) if row >= 0 else QModelIndex()
        if index.isValid():
            self.table.setCurrentIndex(self.proxy.index(index.row(), columns.NAME))
            self.table.scrollTo(self.table.currentIndex(), QAbstractItemView.ScrollHint.EnsureVisible)
        else:
            self.table.clearSelection()

    def _chosen(self, index: QModelIndex) -> None:
        self.reading_chosen.emit(index.data(ReadingIdRole))

    def _filter(self, typed: str) -> None:
        self.proxy.set_words(typed)
        self._show_count()

    def _show_count(self) -> None:
        shown, every = self.proxy.rowCount(), self.model.rowCount()
        if not every:
            self._count.setText(tr("Drop a film, folder, zip or DICOMDIR on the window."))
        elif shown == every:
            self._count.setText(text.plural(every, "reading"))
        else:
            self._count.setText(tr("{shown} of {counted}", shown=shown, counted=text.plural(every, 'reading')))
