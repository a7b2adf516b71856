"""The report: write it, open it, and look at it here."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget


class ReportPage(QWidget):
    """Buttons above, a preview below once a report was written (Qt's PDF part is loaded only then)."""

    write_wanted = Signal()
    write_as_wanted = Signal()
    reviewed_wanted = Signal()
    reopen_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 12, 12, 12)
        row = QHBoxLayout()
        self.reviewed = QPushButton("Mark reviewed")
        self.reviewed.setToolTip("All 13 bones looked at: the reading is closed for changes (Ctrl+Enter)")
        self.reopen = QPushButton("Reopen")
        self.reopen.setToolTip("Back to a draft that can be changed")
        self.reopen.clicked.connect(self.reopen_wanted)
        self.reopen.hide()
        self.reviewed.clicked.connect(self.reviewed_wanted)
        self.write = QPushButton("Write and open the PDF")
        self.write.setProperty("primary", True)
        self.write.setToolTip("Ctrl+P")
        self.write.clicked.connect(self.write_wanted)
        self.write_as = QPushButton("Write as\N{HORIZONTAL ELLIPSIS}")
        self.write_as.clicked.connect(self.write_as_wanted)
        for button in (self.reviewed, self.reopen, self.write, self.write_as):
            row.addWidget(button)
        row.addStretch(1)
        column.addLayout(row)
        self.words = QLabel()
        self.words.setProperty("muted", True)
        self.words.setWordWrap(True)
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column.addWidget(self.words)
        self._column = column
        self._preview: QWidget | None = None
        self._document: object = None
        self._space = QWidget()
        column.addWidget(self._space, 1)

    def show_state(self, has_reading: bool, reviewed: bool, can_review: bool) -> None:
        self.write.setEnabled(has_reading)
        self.write_as.setEnabled(has_reading)
        self.reviewed.setEnabled(can_review)
        self.reviewed.setVisible(not reviewed)
        self.reopen.setVisible(reviewed)

    def show_words(self, words: str) -> None:
        self.words.setText(words)

    def show_pdf(self, path: Path | None) -> None:
        """Preview of a written report, None to take it away (the case changed)."""
        if path is None:
            if self._preview is not None:
                self._preview.hide()
                self._space.show()
            return
        from PySide6.QtPdf import QPdfDocument
        from PySide6.QtPdfWidgets import QPdfView

        if self._preview is None:
            # The page owns the document and dies with it first: one that outlives the view by a moment, as
            # the view's own child does, tells its end to a view that is half gone and ends the process.
            document = QPdfDocument(self)
            view = QPdfView(self)
            view.setPageMode(QPdfView.PageMode.MultiPage)
            view.setZoomMode(QPdfView.ZoomMode.FitToWidth)
            view.setAccessibleName("Preview of the report")
            view.setDocument(document)
            self._preview, self._document = view, document
            self._column.addWidget(view, 1)
        assert isinstance(self._document, QPdfDocument)
        self._document.close()
        self._document.load(str(path))
        self._space.hide()
        self._preview.show()
