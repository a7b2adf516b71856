"""First steps: five short cards over a corner of the film, each about a part of the window, on the demo study."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QRect, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from boneage_desk.common.i18n import mark, tr
from boneage_desk.ui import theme
from boneage_desk.ui.presenters import key_words

if TYPE_CHECKING:
    from boneage_desk.ui.main_window import MainWindow

STEPS: tuple[tuple[str, str, str], ...] = (
    ("film", mark("A film"),
     mark("Drop a hand film anywhere on the window, or press {open}. The demo study is a drawing: try everything on it. "
          "The machine finds 13 bones and grades them in the background.")),
    ("banner", mark("The child"),
     mark("Name, id, sex, age and side always stand here. Sex picks the table: where it is missing there is no bone age, "
          "and it is asked for right here.")),
    ("bones", mark("The bones"),
     mark("Blue is the machine, orange is you, yellow and ! want a look. {accept} accepts and goes on, {less} and {more} "
          "change the grade, {next} goes to the next one.")),
    ("numbers", mark("The numbers"),
     mark("Score, bone age and its interval follow each change at once. The second opinion is a model of the whole film; an "
          "unusual difference asks for your comment.")),
    ("report", mark("The report"),
     mark("{reviewed} when all 13 bones were looked at, then sign, print or export on the page Report. {keys} shows all keys, "
          "{palette} finds every command, {settings} the settings.")),
)  # fmt: skip
_KEYS = {
    "open": "open", "accept": "accept", "less": "grade-down", "more": "grade-up", "next": "next-unreviewed",
    "reviewed": "mark-reviewed", "keys": "shortcuts", "palette": "palette", "settings": "settings",
}  # fmt: skip


class _Frame(QWidget):
    """A frame round the part that is spoken of; lets every click through."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(QPen(QColor(theme.ACCENT), 3))
        painter.drawRoundedRect(self.rect().adjusted(2, 2, -2, -2), 5, 5)


class Guide(QFrame):
    """One card at a time. It takes no keys from the film and covers no bone: it stands at the window's lower left."""

    demo_wanted = Signal()

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._w = window
        self._at = 0
        self.setObjectName("guide")
        self.setAccessibleName(tr("First steps"))
        self.setFixedWidth(330)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        self.title, self.words, self.count = QLabel(), QLabel(), QLabel()
        self.title.setFont(theme.ui_font(12, bold=True))
        self.words.setWordWrap(True)
        self.count.setProperty("muted", True)
        for part in (self.title, self.words):
            column.addWidget(part)
        row = QHBoxLayout()
        row.addWidget(self.count)
        row.addStretch(1)
        self.demo, self.back, self.on = QPushButton(tr("Open the demo study")), QPushButton(tr("Back")), QPushButton()
        self.end = QPushButton(tr("Close"))
        self.on.setProperty("primary", True)
        self.demo.clicked.connect(self.demo_wanted)
        self.back.clicked.connect(lambda: self._go(self._at - 1))
        self.on.clicked.connect(lambda: self._go(self._at + 1))
        self.end.clicked.connect(self.close)
        column.addWidget(self.demo)
        for button in (self.end, self.back, self.on):
            row.addWidget(button)
        column.addLayout(row)
        key_words.told.changed.connect(self._keys_changed)
        self._frame = _Frame(window)
        self._frame.hide()
        self.hide()

    def begin(self) -> None:
        """From the first card."""
        self._w.installEventFilter(self)
        self._go(0)
        self.show()
        self.raise_()
        self.on.setFocus(Qt.FocusReason.OtherFocusReason)

    def _part(self) -> QWidget:
        window = self._w
        parts = {
            "film": window.stack, "banner": window.banner, "bones": window.bones.table, "numbers": window.bones.numbers,
            "report": window.tabs.tabBar(),
        }  # fmt: skip
        return parts[STEPS[self._at][0]]

    def _go(self, at: int) -> None:
        if at >= len(STEPS):
            self.close()
            return
        self._at = max(0, at)
        _, title, words = STEPS[self._at]
        keys = {gap: self._w.actions_.keys(id).split(",")[0] or "\N{EN DASH}" for gap, id in _KEYS.items()}
        self.title.setText(tr(title))
        self.words.setText(tr(words, **keys))
        self.count.setText(tr("{step} of {count}", step=self._at + 1, count=len(STEPS)))
        self.demo.setVisible(self._at == 0 and self._w.desk.reading is None)
        self.back.setVisible(self._at > 0)
        self.on.setText(tr("Next") if self._at + 1 < len(STEPS) else tr("Done"))
        if STEPS[self._at][0] in ("bones", "numbers"):
            self._w.tabs.setCurrentWidget(self._w.bones)
        self._place()

    def _keys_changed(self) -> None:
        if self.isVisible():
            self._go(self._at)

    def _place(self) -> None:
        self.adjustSize()
        window, part = self._w, self._part()
        self.move(14, window.height() - self.height() - window.statusBar().height() - 14)
        there = part.isVisible()
        self._frame.setVisible(there)
        if there:
            corner = part.mapTo(window, part.rect().topLeft())
            self._frame.setGeometry(QRect(corner, part.size()))
            self._frame.raise_()
        self.raise_()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._w and event.type() == QEvent.Type.Resize and self.isVisible():
            self._place()
        return False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close()
            return
        super().keyPressEvent(event)

    def closeEvent(self, event) -> None:  # type: ignore[no-untyped-def]
        self._w.removeEventFilter(self)
        self._frame.hide()
        super().closeEvent(event)
        self._w.bones.table.setFocus(Qt.FocusReason.OtherFocusReason)
