"""What a locked window shows: who locked it and how it opens, and nothing of any child."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from boneage_desk.common.i18n import mark, tr
from boneage_desk.ui import theme
from boneage_desk.ui.presenters.locking import LockView

ONLY_HIDES = (
    mark("This profile has no PIN: the lock only hides the screen. To keep others out, set one with "
    "'boneage-desk users set ACCOUNT --pin', or lock the computer itself.")
)
WITH_PIN = mark("Forgotten? An administrator of this station sets a new one with 'boneage-desk users set ACCOUNT --pin'.")


class LockScreen(QFrame):
    """Covers the window it is put into."""

    pin_given = Signal(str)
    go_on = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("lock")
        self.setAutoFillBackground(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        column = QVBoxLayout(self)
        column.addStretch(2)
        self.title = self._label(tr("Locked"), 22)
        self.who = self._label("", 12)
        for label in (self.title, self.who):
            column.addWidget(label)
        column.addSpacing(18)
        self.pin = QLineEdit()
        self.pin.setEchoMode(QLineEdit.EchoMode.Password)
        self.pin.setPlaceholderText(tr("PIN"))
        self.pin.setAccessibleName(tr("PIN"))
        self.pin.setMaxLength(64)
        self.pin.setFixedWidth(220)
        self.pin.returnPressed.connect(self._given)
        self.button = QPushButton(tr("Unlock"))
        self.button.setProperty("primary", True)
        self.button.setAutoDefault(True)
        self.button.clicked.connect(self._given)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.pin)
        row.addWidget(self.button)
        row.addStretch(1)
        column.addLayout(row)
        column.addSpacing(10)
        self.trouble = self._label("", 11)
        self.trouble.setStyleSheet(f"color: {theme.ATTENTION};")
        self.note = self._label("", 10)
        self.note.setProperty("muted", True)
        for label in (self.trouble, self.note):
            label.setFixedWidth(560)
            row = QHBoxLayout()  # between stretches, and not aligned: that would forget the height of wrapped words
            row.addStretch(1)
            row.addWidget(label)
            row.addStretch(1)
            column.addLayout(row)
        column.addStretch(3)
        self._asks_pin: bool | None = None

    def _label(self, words: str, points: float) -> QLabel:
        label = QLabel(words)
        label.setFont(theme.ui_font(points))
        label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        label.setWordWrap(True)
        label.setTextFormat(Qt.TextFormat.PlainText)
        return label

    def show_view(self, view: LockView) -> None:
        """Show the state of the lock."""
        had_focus = self.isAncestorOf(self.focusWidget()) or self.hasFocus()
        self._asks_pin = view.asks_pin
        self.who.setText(view.who)
        free = not view.busy and not view.wait_s
        self.pin.setVisible(view.asks_pin is True)
        self.pin.setEnabled(free)
        self.button.setText({True: tr("Unlock"), False: tr("Show the screen again"), None: tr("Try again")}[view.asks_pin])
        self.button.setVisible(view.asks_pin is not None or bool(view.trouble))
        self.button.setEnabled(free)
        wait = tr("Next try in {wait_s} s.", wait_s=view.wait_s) if view.wait_s else ""
        self.trouble.setText(" ".join(part for part in (view.trouble, wait) if part))
        self.note.setText({True: tr(WITH_PIN), False: tr(ONLY_HIDES), None: ""}[view.asks_pin])
        if free and (had_focus or self.window().isActiveWindow()):
            self.take_focus()

    def take_focus(self) -> None:
        """Keys go to the PIN, or to nothing: a stray key must not open the lock."""
        target = self.pin if self._asks_pin else self
        if not target.hasFocus():
            target.setFocus(Qt.FocusReason.OtherFocusReason)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if self._asks_pin and self.pin.isEnabled():
            self.pin.setFocus(event.reason())

    def _given(self) -> None:
        if self._asks_pin:
            words = self.pin.text()
            self.pin.clear()
            self.pin_given.emit(words)
        else:
            self.go_on.emit()
