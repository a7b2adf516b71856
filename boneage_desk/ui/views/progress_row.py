"""Under the film while the models read: progress and Cancel; when they did not: Read again."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QWidget

from boneage_desk.common.i18n import said, tr
from boneage_desk.ui.jobs import Job


class _WordsBar(QProgressBar):
    """Says the beginning of its words where there is no room for all; a bar by itself cuts both ends."""

    _words = ""

    def say(self, words: str) -> None:
        self._words = words
        self.setToolTip(words)
        self._elide()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        told = self.fontMetrics().elidedText(self._words, Qt.TextElideMode.ElideRight, self.width() - 12)
        self.setFormat(told)


class ProgressRow(QWidget):
    cancel_wanted = Signal()
    read_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 4, 8, 4)
        self.bar = _WordsBar()
        self.bar.setAccessibleName(tr("Progress of the reading"))
        self.bar.setRange(0, 100)
        self.cancel = QPushButton(tr("Cancel"))
        self.cancel.clicked.connect(self.cancel_wanted)
        self.again = QPushButton(tr("Read again"))
        self.again.setProperty("primary", True)
        self.again.clicked.connect(self.read_wanted)
        row.addWidget(self.bar, 1)
        row.addWidget(self.cancel)
        row.addWidget(self.again)

    def show_job(self, job: Job | None, unread: bool) -> None:
        """``unread``: a film is there that no machine has read."""
        self.setVisible(job is not None or unread)
        self.bar.setVisible(job is not None)
        self.cancel.setVisible(job is not None)
        self.again.setVisible(job is None and unread)
        if job is not None:
            self.bar.setValue(round(job.share * 100))
            self.bar.say(f"{job.title}: {said(job.step)}" if job.step else job.title)
