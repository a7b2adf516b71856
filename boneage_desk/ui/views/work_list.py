"""The work list: filter, table, buttons; narrow beside the film, or as wide as the window."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from boneage_desk.common.i18n import tr
from boneage_desk.reading.session import Reading
from boneage_desk.reading.study_row import StudyRow, study_row
from boneage_desk.ui import theme
from boneage_desk.ui.models.study_list import StudyListModel
from boneage_desk.ui.presenters.list_layout import ListLayout
from boneage_desk.ui.presenters.study_texts import Entry, JobView
from boneage_desk.ui.views.key_tip import key_entry, key_tip
from boneage_desk.ui.views.study_table import StudyTable

FILTER_WIDTH = 420
KEEP_MS = 800


class _Filter(QLineEdit):
    """Down goes to the rows; Escape empties the field."""

    left = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Down, Qt.Key.Key_PageDown):
            self.left.emit()
        elif event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
        else:
            super().keyPressEvent(event)


class WorkList(QWidget):
    """Readings of the store."""

    reading_chosen = Signal(str)
    open_wanted = Signal()
    next_wanted = Signal()
    wide_wanted = Signal()
    queue_wanted = Signal()
    row_menu_wanted = Signal(str, QPoint)
    layout_changed = Signal(object)
    """A ListLayout to be kept."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("Work list"))
        self.setMinimumWidth(180)
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 6, 2, 6)
        column.setSpacing(6)
        self.model = StudyListModel()
        self.table = StudyTable(self.model)
        self._loading = False
        self._paused = False
        self._top = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._top.setSpacing(6)
        self.filter = _Filter()
        self.filter.setPlaceholderText(tr("Filter: name, id, date, state"))
        key_tip(self.filter, tr("Shows the studies that hold each word in some column"), "find")
        self.filter.setAccessibleName(tr("Filter the work list"))
        self.filter.setClearButtonEnabled(True)
        self._top.addWidget(self.filter)
        self._top.addLayout(self._buttons())
        column.addLayout(self._top)
        column.addWidget(self.table, 1)
        self._count = QLabel()
        self._count.setProperty("muted", True)
        self._count.setWordWrap(True)
        self._count.setFont(theme.ui_font(9.0))
        column.addWidget(self._count)
        self._keeping = QTimer(self)
        self._keeping.setSingleShot(True)
        self._keeping.setInterval(KEEP_MS)
        self._keeping.timeout.connect(self.keep)
        self.filter.textChanged.connect(lambda _typed: self._filter())
        self.filter.returnPressed.connect(self._to_rows)
        self.filter.left.connect(self._to_rows)
        self.table.opened.connect(self.reading_chosen)
        self.table.layout_changed.connect(self._keeping.start)
        self.table.row_menu_wanted.connect(self.row_menu_wanted)
        self.model.counted.connect(self._show_count)
        self.set_wide(False)
        self._show_count()

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(6)
        self.unread_button = QPushButton(tr("Unread only"))
        self.unread_button.setCheckable(True)
        self.unread_button.setToolTip(tr("Shows only the studies that nobody began"))
        self.unread_button.toggled.connect(self._unread_only)
        self.next_button = QToolButton()
        key_tip(self.next_button, tr("Opens the next study that nobody began"), "next-unread")
        self.next_button.clicked.connect(self.next_wanted)
        self.open_button = QToolButton()
        key_tip(self.open_button, tr("Open a film, or drop files, folders and zips anywhere on the window"), "open")
        self.open_button.clicked.connect(self.open_wanted)
        self.columns_button = QPushButton(tr("Columns"))
        menu = QMenu(self.columns_button)
        menu.aboutToShow.connect(lambda: self.table.fill_columns_menu(menu))
        self.columns_button.setMenu(menu)
        self.queue_button = QPushButton(tr("Queue"))
        key_tip(self.queue_button, tr("Films that the machine reads in the background"), "queue")
        self.queue_button.clicked.connect(self.queue_wanted)
        self.back_button = QPushButton(tr("Back to the film"))
        key_tip(self.back_button, tr("The narrow list beside the film"), "work-list")
        self.back_button.clicked.connect(self.wide_wanted)
        self.more_button = QToolButton()
        self.more_button.setText("\N{MIDLINE HORIZONTAL ELLIPSIS}")
        self.more_button.setToolTip(tr("Order, columns, queue, wide list"))
        self.more_button.setAccessibleName(tr("More of the work list"))
        self.more_button.setStyleSheet("QToolButton::menu-indicator { image: none; }")
        self.more_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.more_button.setMenu(self._more_menu())
        self._wide_only = (self.unread_button, self.columns_button, self.queue_button, self.back_button)
        for button in (self.unread_button, self.next_button, self.open_button, self.columns_button, self.queue_button):
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(self.back_button)
        row.addWidget(self.more_button)
        return row

    def _more_menu(self) -> QMenu:
        menu = QMenu(self)
        self._unread_action = menu.addAction(tr("Unread only"))
        self._unread_action.setCheckable(True)
        self._unread_action.toggled.connect(self.unread_button.setChecked)
        sort = menu.addMenu(tr("Sort by"))
        sort.aboutToShow.connect(lambda: self.table.fill_sort_menu(sort))
        columns = menu.addMenu(tr("Columns of the wide list"))
        columns.aboutToShow.connect(lambda: self.table.fill_columns_menu(columns))
        menu.addSeparator()
        for words, id, wanted in (
            (tr("Wide list"), "work-list", self.wide_wanted), (tr("Queue of the background"), "queue", self.queue_wanted),
        ):  # fmt: skip
            action = menu.addAction(words)
            action.triggered.connect(lambda _checked=False, wanted=wanted: wanted.emit())
            key_entry(action, words, id)
        return menu

    # --- narrow and wide --------------------------------------------------------------------

    @property
    def wide(self) -> bool:
        return self.table.wide

    def set_wide(self, on: bool) -> None:
        """As wide as the window, with columns; else narrow, with two lines a study."""
        self.table.set_wide(on)
        self._top.setDirection(QBoxLayout.Direction.LeftToRight if on else QBoxLayout.Direction.TopToBottom)
        self.filter.setMaximumWidth(FILTER_WIDTH if on else 16_777_215)
        for button in self._wide_only:
            button.setVisible(on)
        self.more_button.setVisible(not on)
        self.next_button.setText(tr("Next unread") if on else tr("Next"))
        self.open_button.setText(tr("Open\N{HORIZONTAL ELLIPSIS}") if on else tr("Open"))

    def restore(self, layout: ListLayout) -> None:
        """As it was kept."""
        self.table.set_layout(layout)
        self._paused = layout.paused
        self.unread_button.setChecked(layout.unread_only)

    def list_layout(self) -> ListLayout:
        return dataclasses.replace(
            self.table.list_layout(), unread_only=self.unread_button.isChecked(), paused=self._paused
        )

    def remember_paused(self, on: bool) -> None:
        """Whether the queue is paused is kept with the list."""
        if on != self._paused:
            self._paused = on
            self._keeping.start()

    def keep(self) -> None:
        """Tell the layout, if it waits to be kept."""
        self._keeping.stop()
        self.layout_changed.emit(self.list_layout())

    # --- what is in it ----------------------------------------------------------------------

    def set_readings(self, readings: Sequence[Reading]) -> None:
        """All readings, newest first."""
        self.model.set_rows([study_row(reading) for reading in readings])

    def add_page(self, entries: Sequence[Entry], whole: bool) -> None:
        """Readings older than those here; ``whole``: there are no more."""
        self._loading = not whole
        self.model.add_older(entries)
        self._show_count()

    def update_reading(self, reading: Reading) -> None:
        self.model.update(study_row(reading))

    def row(self, reading_id: str) -> StudyRow | None:
        return self.model.row(reading_id)

    def set_job(self, reading_id: str, job: JobView | None) -> None:
        self.model.set_job(reading_id, job)

    def show_current(self, reading_id: str) -> None:
        """Mark the row of the reading on the desk."""
        self.table.show_current(reading_id)

    # --- filter -----------------------------------------------------------------------------

    def _to_rows(self) -> None:
        self._filter()
        if not self.table.currentIndex().isValid() and self.model.rowCount():
            self.table.selectRow(0)
        self.table.setFocus(Qt.FocusReason.OtherFocusReason)

    def _unread_only(self, on: bool) -> None:
        self._unread_action.setChecked(on)
        self._filter()
        self._keeping.start()

    def _filter(self) -> None:
        self.model.set_filter(self.filter.text(), unread_only=self.unread_button.isChecked())
        self._show_count()

    def _show_count(self) -> None:
        shown, every, unread = self.model.rowCount(), self.model.every, self.model.unread
        if not every:
            empty = tr("Drop a film, folder, zip or DICOMDIR on the window.")
            self._count.setText(tr("The list is being read \N{HORIZONTAL ELLIPSIS}") if self._loading else empty)
            return
        if self.model.filtered:
            words = tr("{shown} of {every} studies", shown=shown, every=every)
        else:
            words = tr("1 study") if every == 1 else tr("{count} studies", count=every)
        parts = [words, tr("{count} unread", count=unread)]
        if self._loading:
            parts.append(tr("more are being read \N{HORIZONTAL ELLIPSIS}"))
        self._count.setText(" \N{MIDDLE DOT} ".join(parts))
