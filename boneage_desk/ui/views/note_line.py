"""The line in which a note on the film is written, at its place."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from boneage_desk.common.i18n import tr
from boneage_desk.reading.annotations import TEXT_LENGTH

WIDTH = 260


class NoteLine(QLineEdit):
    """Enter or leaving it keeps the words; Escape drops them."""

    def __init__(self, film: QWidget, at: QPoint, words: str, keep: Callable[[str], object]) -> None:
        super().__init__(words, film)
        self._keep: Callable[[str], object] | None = keep
        self.setObjectName("note-line")
        self.setAccessibleName(tr("Words of the note"))
        self.setPlaceholderText(tr("Note (Enter keeps it)"))
        self.setMaxLength(TEXT_LENGTH)
        self.setFixedWidth(min(WIDTH, max(80, film.width() - 8)))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        height = self.sizeHint().height()
        x = min(max(4, at.x() + 8), max(4, film.width() - self.width() - 4))
        self.move(x, min(max(4, at.y() - height // 2), max(4, film.height() - height - 4)))
        self.returnPressed.connect(self._done)
        film.window().installEventFilter(self)
        self.show()
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def event(self, event: QEvent) -> bool:
        """Keys without Ctrl and Alt are this line's, no command's: Enter does not accept a grade here."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            if not event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier):
                event.accept()
                return True
        return bool(super().event(event))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self._keep = None
            self._end()
            return
        if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            return  # no bone is chosen from here
        super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if event.reason() != Qt.FocusReason.PopupFocusReason and self.isVisible():
            self._done()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The window closes: what was typed belongs to the reading."""
        if event.type() == QEvent.Type.Close:
            self._done()
        return bool(super().eventFilter(watched, event))

    def finish(self) -> None:
        """Keep the words and go."""
        self._done()

    def _done(self) -> None:
        keep, self._keep = self._keep, None
        if keep is not None:
            keep(self.text())
        self._end()

    def _end(self) -> None:
        film = self.parentWidget()
        if self.hasFocus() and film is not None:
            film.setFocus(Qt.FocusReason.OtherFocusReason)
        self.close()
