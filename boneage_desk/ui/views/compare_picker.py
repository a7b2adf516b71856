"""Chooses the film that is put beside: of the list of all readings, filtered as one types."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDialog, QLabel, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from boneage_desk.common.i18n import tr
from boneage_desk.common.jobs import CancelToken, Progress
from boneage_desk.reading.codec import Unread
from boneage_desk.reading.session import Reading
from boneage_desk.ui.presenters.compare import PAGE, line_of, person_line, same_child
from boneage_desk.ui.presenters.desk import Desk


class ComparePicker(QDialog):
    """Non-modal. Films of the same child stand first."""

    chosen = Signal(object)
    """A Reading."""

    def __init__(self, desk: Desk, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Put a film beside"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(620, 420)
        self._desk, self._of = desk, desk.reading
        self.typed = QLineEdit()
        self.typed.setPlaceholderText(tr("Name, id or date"))
        self.typed.setAccessibleName(tr("Filter the films"))
        self.list = QListWidget()
        self.list.setAccessibleName(tr("Films"))
        self.note = QLabel(tr("Loading the list \N{HORIZONTAL ELLIPSIS}"))
        column = QVBoxLayout(self)
        for part in (self.typed, self.list, self.note):
            column.addWidget(part)
        self.typed.textChanged.connect(self._filter)
        self.typed.returnPressed.connect(self._take)
        self.list.itemActivated.connect(lambda _item: self._take())
        self.typed.installEventFilter(self)
        self._job = desk.runner.submit(
            "compare", tr("Loading the list"), self._load, on_result=self._show,
            on_failed=lambda error: self._failed(error),
        )  # fmt: skip
        self.finished.connect(lambda _result: self._job.cancel())

    def _load(self, token: CancelToken, _progress: Progress) -> list[Reading]:
        store, found, last = self._desk.services.store(), list[Reading](), None
        while page := store.page(PAGE, last):
            token.check()
            last = page[-1].reading_id
            found += [item for item in page if not isinstance(item, Unread)]  # the work list tells of those
        return found

    def _failed(self, error: BaseException) -> None:
        self.note.setText(tr("The list could not be read."))
        self._desk.report(error, tr("The list could not be read"), topic="compare")

    def _show(self, readings: list[Reading]) -> None:
        of = self._of
        if of is None:
            return
        others = [reading for reading in readings if reading.reading_id != of.reading_id]
        for reading in sorted(others, key=lambda other: not same_child(of, other)):
            item = QListWidgetItem(f"{person_line(reading)} \N{MIDDLE DOT} {line_of(reading)}")
            item.setData(Qt.ItemDataRole.UserRole, reading)
            self.list.addItem(item)
        self.note.setText(tr("Enter puts the film beside the one on the desk.") if others else tr("There is no other film."))
        self._filter(self.typed.text())

    def _filter(self, words: str) -> None:
        asked = words.lower().split()
        first = None
        for i in range(self.list.count()):
            item = self.list.item(i)
            hidden = not all(word in item.text().lower() for word in asked)
            item.setHidden(hidden)
            first = item if first is None and not hidden else first
        self.list.setCurrentItem(first)  # type: ignore[arg-type]

    def _take(self) -> None:
        item = self.list.currentItem()
        if item is not None and not item.isHidden():
            self.chosen.emit(item.data(Qt.ItemDataRole.UserRole))
            self.close()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Up and Down move through the list while one types."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
                self.list.event(event)
                return True
        return super().eventFilter(watched, event)
