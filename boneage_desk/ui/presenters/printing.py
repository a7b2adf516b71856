"""A report on a printer: the pages of its PDF as pictures at the printer's resolution, off the window's thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QMarginsF, QRect, QSize, Qt
from PySide6.QtGui import QPageLayout, QPageSize, QPainter

from boneage_desk.common.errors import InputError
from boneage_desk.common.jobs import CancelToken

if TYPE_CHECKING:
    from PySide6.QtPrintSupport import QPrinter

MOST_DPI = 600
"""A page of more takes hundreds of megabytes and shows nothing more: the film is printed at 220."""


def prepare(printer: QPrinter, paper: str, name: str) -> None:
    """The report's own paper, upright, as it will be printed unless the person chooses otherwise."""
    size = QPageSize(QPageSize.PageSizeId.Letter if paper == "Letter" else QPageSize.PageSizeId.A4)
    printer.setPageLayout(QPageLayout(size, QPageLayout.Orientation.Portrait, QMarginsF(0, 0, 0, 0)))
    printer.setFullPage(True)
    printer.setDocName(name)


def print_pdf(pdf: bytes, printer: QPrinter, token: CancelToken | None = None) -> int:
    """Print the pages that ``printer`` is set to; how many sheets of it were sent.

    A page on other paper is shrunk or enlarged to it as a whole and never cut. Blocks; any thread. Raises InputError for a
    printer that does not start or a range without pages, Cancelled between pages.
    """
    from PySide6.QtPdf import QPdfDocument

    data = QBuffer()
    data.setData(QByteArray(pdf))
    data.open(QIODevice.OpenModeFlag.ReadOnly)
    document = QPdfDocument(None)
    try:
        document.load(data)
        pages = _chosen(printer, document.pageCount())
        if not pages:
            raise InputError(f"The report has {document.pageCount()} pages.", "Choose some of them.")
        painter = QPainter()
        if not painter.begin(printer):
            raise InputError("The printer did not take the report.", "Is it switched on and connected?", code="printer")
        try:
            for sheet, page in enumerate(pages):
                if token is not None:
                    token.check()
                if sheet and not printer.newPage():
                    raise InputError("The printer stopped.", "See its own messages, then print again.", code="printer")
                _page(painter, printer, document, page)
        finally:
            painter.end()
        return len(pages)
    finally:
        document.close()
        data.close()


def _chosen(printer: QPrinter, count: int) -> list[int]:
    """Indices of the pages in printing order; a copy more where the printer makes none itself."""
    first, last = printer.fromPage() or 1, printer.toPage() or count
    pages = list(range(max(first, 1) - 1, min(last, count)))
    if printer.pageOrder() == type(printer).PageOrder.LastPageFirst:
        pages.reverse()
    if printer.supportsMultipleCopies():
        return pages
    copies = max(1, printer.copyCount())
    return pages * copies if printer.collateCopies() else [page for page in pages for _ in range(copies)]


def _page(painter: QPainter, printer: QPrinter, document: object, page: int) -> None:
    """One page, as large as the paper allows, in its middle."""
    paper = printer.pageLayout().fullRectPixels(printer.resolution())
    points = document.pagePointSize(page)  # type: ignore[attr-defined]
    size = points.scaled(paper.size(), Qt.AspectRatioMode.KeepAspectRatio).toSize()
    share = min(1.0, MOST_DPI / printer.resolution())
    image = document.render(page, QSize(round(size.width() * share), round(size.height() * share)))  # type: ignore[attr-defined]
    left, top = (paper.width() - size.width()) // 2, (paper.height() - size.height()) // 2
    painter.drawImage(QRect(left, top, size.width(), size.height()), image)
