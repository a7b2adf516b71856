"""The report: look at it here, write it, open it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QPushButton, QVBoxLayout, QWidget

from boneage_desk.common.i18n import tr
from boneage_desk.ui.presenters.reporting import Sheet
from boneage_desk.ui.views.key_tip import key_tip

if TYPE_CHECKING:
    from PySide6.QtPdf import QPdfDocument


class ReportPage(QWidget):
    """Buttons above, a preview below while the page is looked at (Qt's PDF part is loaded only then)."""

    write_wanted = Signal()
    write_as_wanted = Signal()
    print_wanted = Signal()
    copy_wanted = Signal()
    export_wanted = Signal(str)
    """Name of a `presenters.reporting.Kind`, or 'DICOM' for the DICOM results."""
    reviewed_wanted = Signal()
    reopen_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 12, 12, 12)
        row = QHBoxLayout()
        self.reviewed = QPushButton(tr("Mark reviewed"))
        key_tip(self.reviewed, tr("All 13 bones looked at: the reading is closed for changes"), "mark-reviewed")
        self.reopen = QPushButton(tr("Reopen"))
        self.reopen.setToolTip(tr("Back to a draft that can be changed"))
        self.reopen.clicked.connect(self.reopen_wanted)
        self.reopen.hide()
        self.reviewed.clicked.connect(self.reviewed_wanted)
        self.write = QPushButton(tr("Open PDF"))
        self.write.setProperty("primary", True)
        key_tip(self.write, tr("Write the report as PDF and open it"), "report")
        self.write.clicked.connect(self.write_wanted)
        self.print = QPushButton(tr("Print\N{HORIZONTAL ELLIPSIS}"))
        key_tip(self.print, tr("Print the report"), "print")
        self.print.clicked.connect(self.print_wanted)
        self.export = QPushButton(tr("Export"))
        self.export.setToolTip(tr("PDF to a place of your choice, text, JSON, FHIR, DICOM results"))
        self.export.setMenu(self._export_menu())
        for button in (self.reviewed, self.reopen, self.write, self.print, self.export):
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
        self._document: QPdfDocument | None = None
        self._data: QBuffer | None = None
        self.notice = QLabel()
        self.notice.setProperty("muted", True)
        self.notice.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.notice.setWordWrap(True)
        self.notice.setTextFormat(Qt.TextFormat.PlainText)
        column.addWidget(self.notice, 1)

    def _export_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.addAction(tr("Copy as text for the RIS")).triggered.connect(lambda: self.copy_wanted.emit())
        menu.addSeparator()
        menu.addAction("PDF\N{HORIZONTAL ELLIPSIS}").triggered.connect(lambda: self.write_as_wanted.emit())
        for kind, title in (("TEXT", tr("Text")), ("JSON", "JSON"), ("FHIR", "FHIR R4"), ("DICOM", tr("DICOM results"))):
            action = menu.addAction(f"{title}\N{HORIZONTAL ELLIPSIS}")
            action.triggered.connect(lambda _checked=False, kind=kind: self.export_wanted.emit(kind))
        return menu

    def put_on_top(self, panel: QWidget) -> None:
        """A panel of its own between the buttons and the words."""
        self._column.insertWidget(1, panel)

    def show_state(self, has_reading: bool, reviewed: bool, can_review: bool) -> None:
        self.write.setEnabled(has_reading)
        self.print.setEnabled(has_reading)
        self.export.setEnabled(has_reading)
        self.reviewed.setEnabled(can_review)
        self.reviewed.setVisible(can_review or not has_reading)
        self.reopen.setVisible(reviewed)

    def show_words(self, words: str) -> None:
        self.words.setText(words)

    def show_sheet(self, sheet: Sheet) -> None:
        """The preview, or in its place the words that say why there is none."""
        words = sheet.words
        if sheet.pdf is not None and not self._load(sheet.pdf):
            words = tr("The report cannot be shown here. Write the PDF and open it in another program.")
        self.notice.setText(words)
        there = sheet.pdf is not None and not words
        self.notice.setVisible(not there)
        if self._preview is not None:
            self._preview.setVisible(there)
        if not there and self._document is not None:
            self._document.close()  # nothing of another report stays in the view

    @property
    def pages(self) -> int:
        """Pages that the preview shows."""
        return self._document.pageCount() if self._document is not None else 0

    def _load(self, pdf: bytes) -> bool:
        from PySide6.QtPdf import QPdfDocument
        from PySide6.QtPdfWidgets import QPdfView

        if self._preview is None or self._document is None:
            # The page owns the document and dies with it first: one that outlives the view by a moment, as
            # the view's own child does, tells its end to a view that is half gone and ends the process.
            document = QPdfDocument(self)
            view = QPdfView(self)
            view.setPageMode(QPdfView.PageMode.MultiPage)
            view.setZoomMode(QPdfView.ZoomMode.FitToWidth)
            view.setAccessibleName(tr("Preview of the report"))
            view.setDocument(document)
            self._preview, self._document = view, document
            self._column.addWidget(view, 1)
        self._document.close()
        data = QBuffer(self)
        data.setData(QByteArray(pdf))
        data.open(QIODevice.OpenModeFlag.ReadOnly)
        self._document.load(data)
        if self._data is not None:
            self._data.deleteLater()
        self._data = data
        return self._document.error() == QPdfDocument.Error.None_ and self._document.pageCount() > 0
