"""Messages in place at the foot of the window; no dialogs."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from boneage_desk.common.i18n import mark, tr
from boneage_desk.reading.ports import FilmEntry
from boneage_desk.ui.plain_tip import plain_tip
from boneage_desk.ui.presenters.messages import Choice, Message

INFO_MS = 6000
MOST = 3


KINDS = {"info": mark("message"), "warning": mark("warning"), "error": mark("error"), "bug": mark("fault of the program")}


class _Line(QFrame):
    """One message with its remedy and buttons."""

    closed = Signal()

    def __init__(self, message: Message) -> None:
        super().__init__()
        self.message = message
        self.setObjectName("message")
        self.setProperty("kind", message.kind)
        self.setAccessibleName(f"{tr(KINDS[message.kind])}: {message.text} {message.remedy}".strip())
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 8, 6)
        row.setSpacing(10)
        words = QLabel(message.text + (f"  {message.remedy}" if message.remedy else ""))
        words.setTextFormat(Qt.TextFormat.PlainText)
        words.setToolTip(plain_tip(message.original))
        words.setWordWrap(True)
        words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        words.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        row.addWidget(words, 1)
        for choice in message.choices:
            button = QPushButton(choice.title)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keys with the bones
            button.clicked.connect(lambda _checked=False, choice=choice: self._choose(choice))
            row.addWidget(button)
        if message.details:
            copy = QPushButton(tr("Copy details"))
            copy.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            copy.setToolTip(plain_tip(message.details[-1500:]))
            copy.clicked.connect(self._copy)
            row.addWidget(copy)
        close = QToolButton()
        close.setText("\N{MULTIPLICATION SIGN}")
        close.setToolTip(tr("Close this message"))
        close.setAccessibleName(tr("Close this message"))
        close.clicked.connect(self.closed)
        row.addWidget(close)

    def _choose(self, choice: Choice) -> None:
        self.closed.emit()
        choice.act()

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(f"{self.message.text}\n\n{self.message.details}")


class _FrameChooser(QFrame):
    """'This file holds 3 frames: which is the hand?'"""

    chosen = Signal(object, int)
    closed = Signal()

    def __init__(self, entry: FilmEntry, name: str, what: str) -> None:
        super().__init__()
        self.setObjectName("message")
        self.setProperty("kind", "warning")
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 8, 6)
        question = mark("{name} holds {count} frames. Which one shows the hand?")
        if what == "knee":
            question = mark("{name} holds {count} frames. Which one shows the knee?")
        words = QLabel(tr(question, name=name, count=entry.frame_count))
        words.setTextFormat(Qt.TextFormat.PlainText)
        row.addWidget(words)
        self._entry = entry
        self._box = box = QComboBox()
        box.addItems([tr("Frame {n}", n=n) for n in range(1, entry.frame_count + 1)])
        box.setAccessibleName(tr("Frame"))
        row.addWidget(box)
        go = QPushButton(tr("Open"))
        go.setProperty("primary", True)
        go.clicked.connect(self._go)
        row.addWidget(go)
        row.addStretch(1)
        no = QPushButton(tr("Not now"))
        no.clicked.connect(self.closed)
        row.addWidget(no)

    def _go(self) -> None:
        self.closed.emit()
        self.chosen.emit(self._entry, self._box.currentIndex() + 1)


class MessageBar(QWidget):
    """The last few messages. Errors stay until they are closed; news goes by itself."""

    frame_chosen = Signal(object, int)

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("Messages"))
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(1)
        self._lines: list[QFrame] = []

    @property
    def messages(self) -> list[Message]:
        """What is shown, oldest first."""
        return [line.message for line in self._lines if isinstance(line, _Line)]

    def keep_to(self, reading_id: str) -> None:
        """Another reading is shown: what asks something of the last one goes."""
        for line in list(self._lines):
            if isinstance(line, _Line) and any(one.reading_id not in ("", reading_id) for one in line.message.choices):
                self._remove(line)

    def show_message(self, message: Message) -> None:
        for line in list(self._lines):
            if isinstance(line, _Line) and message.topic and line.message.topic == message.topic:
                self._remove(line)
        line = _Line(message)
        self._add(line)
        line.closed.connect(lambda: self._remove(line))
        if not message.lasting:
            QTimer.singleShot(INFO_MS, line, lambda: self._remove(line))

    def ask_frame(self, entry: FilmEntry, name: str, what: str = "hand") -> None:
        """Ask which frame of a file shows the ``what``."""
        line = _FrameChooser(entry, name, what)
        line.closed.connect(lambda: self._remove(line))
        line.chosen.connect(self.frame_chosen)
        self._add(line)

    def clear_topic(self, topic: str) -> None:
        for line in list(self._lines):
            if isinstance(line, _Line) and line.message.topic == topic:
                self._remove(line)

    def _add(self, line: QFrame) -> None:
        while len(self._lines) >= MOST:
            passing = [old for old in self._lines if isinstance(old, _Line) and not old.message.lasting]
            self._remove((passing or self._lines)[0])
        self._lines.append(line)
        self._column.addWidget(line)

    def _remove(self, line: QFrame) -> None:
        if line in self._lines:
            self._lines.remove(line)
            self._column.removeWidget(line)
            line.hide()
            line.deleteLater()
