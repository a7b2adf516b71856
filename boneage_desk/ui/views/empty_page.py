"""What the middle of the window shows while there is no film: how to get one."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout

from boneage_desk.common.i18n import tr
from boneage_desk.ui import theme


class EmptyPage(QFrame):
    open_wanted = Signal()
    demo_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("empty")
        column = QVBoxLayout(self)
        column.addStretch(1)
        self.words = QLabel(tr("Drop a hand film here"))
        self.words.setFont(theme.ui_font(15))
        self.more = QLabel(tr("DICOM, PNG, JPEG or TIFF; a folder, zip or DICOMDIR"))
        self.more.setProperty("muted", True)
        for label in (self.words, self.more):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
            column.addWidget(label)
        row = QHBoxLayout()
        row.addStretch(1)
        self.open = QPushButton(tr("Open a film\N{HORIZONTAL ELLIPSIS}"))
        self.open.setProperty("primary", True)
        self.open.clicked.connect(self.open_wanted)
        self.demo = QPushButton(tr("Open the demo study"))
        self.demo.clicked.connect(self.demo_wanted)
        row.addWidget(self.open)
        row.addWidget(self.demo)
        row.addStretch(1)
        column.addSpacing(12)
        column.addLayout(row)
        column.addStretch(1)

    def show_waiting(self, what: str) -> None:
        """A film is on its way (``what`` says which), or '' for none."""
        self._say(f"{what} \N{HORIZONTAL ELLIPSIS}" if what else tr("Drop a hand film here"),
                  "" if what else tr("DICOM, PNG, JPEG or TIFF; a folder, zip or DICOMDIR"), buttons=not what)  # fmt: skip

    def show_trouble(self, why: str) -> None:
        """The reading is here, its film is not."""
        self._say(tr("The film of this reading is not here"), why, buttons=False)
        self.open.show()

    def _say(self, words: str, more: str, *, buttons: bool) -> None:
        self.words.setText(words)
        self.more.setText(more)
        self.open.setVisible(buttons)
        self.demo.setVisible(buttons)
