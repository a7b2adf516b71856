"""What a signature shows on the page, drawn as small PDFs: the box, and a plain page for an addendum."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from boneage_desk.common.errors import InputError
from boneage_desk.reading.report_values import clean
from boneage_desk.reports import fonts
from boneage_desk.reports.page import MARGIN, SEAL_HIGH, SEAL_WIDE
from boneage_desk.reports.pdf import _lock

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

SIZES = (7.4, 6.8, 6.2, 5.6, 5.0, 4.5)
TEXT_SIZES = (11.0, 10.0, 9.0, 8.0, 7.0, 6.4)
_PAD = 3.0


def draw_box(lines: Sequence[str], wide: float, high: float) -> bytes:
    """One page of ``wide`` x ``high`` points with a frame and the lines, the first bold, at the largest size that fits.

    Raises InputError 'too-long': nothing that is signed is cut.
    """

    def draw(canvas: Canvas) -> None:
        for size in SIZES:
            wrapped = [
                (line, i == 0)
                for i, text in enumerate(lines)
                for line in fonts.wrap(text, size, wide - 2 * _PAD, bold=i == 0)
            ]
            if len(wrapped) * size * 1.22 + 2 * _PAD <= high:
                break
        else:
            raise InputError("Name or reason of the signature are too long.", "Say the reason more briefly.", code="too-long")
        canvas.setStrokeGray(0.35)
        canvas.setLineWidth(0.7)
        canvas.rect(0.35, 0.35, wide - 0.7, high - 0.7, stroke=1, fill=0)
        y = high - _PAD
        for line, bold in wrapped:
            y -= size * 1.22
            fonts.draw(canvas, _PAD, y + size * 0.25, line, size, bold=bold)

    return _page(wide, high, draw)


def draw_addendum(title: str, facts: Sequence[str], text: str, paper: tuple[float, float]) -> bytes:
    """A page with the words of an addendum; the place of the box stays free. Raises InputError 'too-long'."""
    wide, high = paper

    def draw(canvas: Canvas) -> None:
        y = high - MARGIN - 14
        fonts.draw(canvas, MARGIN, y, title, fonts.fitting_size(title, 15, wide - 2 * MARGIN, bold=True), bold=True)
        y -= 6
        for fact in facts:
            for line in fonts.wrap(fact, 8.0, wide - 2 * MARGIN):
                y -= 8.0 * fonts.LEADING
                fonts.draw(canvas, MARGIN, y, line, 8.0, grey=0.3)
        y -= 10
        for size in TEXT_SIZES:
            lines = fonts.wrap(clean(text, lines=True), size, wide - 2 * MARGIN)
            if len(lines) * size * fonts.LEADING <= y - MARGIN - SEAL_HIGH - 10:
                break
        else:
            raise InputError("The addendum is too long for one page.", "Say it in two addenda.", code="too-long")
        for line in lines:
            y -= size * fonts.LEADING
            fonts.draw(canvas, MARGIN, y, line, size)

    return _page(wide, high, draw)


def place(wide: float, high: float) -> tuple[float, float, float, float]:
    """(x0, y0, x1, y1) of the box on a page of that size: as `page.signature_box`."""
    right = wide - MARGIN
    return right - SEAL_WIDE, MARGIN, right, MARGIN + SEAL_HIGH


def _page(wide: float, high: float, draw: Callable[[Canvas], None]) -> bytes:
    from reportlab.pdfgen.canvas import Canvas

    with _lock:
        for name in (fonts.REGULAR, fonts.BOLD):
            fonts.font(name)
        buffer = io.BytesIO()
        canvas = Canvas(
            buffer, pagesize=(wide, high), invariant=1, pageCompression=1, pdfVersion=(1, 7), initialFontName=fonts.REGULAR
        )
        draw(canvas)
        canvas.showPage()
        canvas.save()
        return buffer.getvalue()
