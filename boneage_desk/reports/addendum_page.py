"""An addendum to a signed report as a page of its own; the signer appends it to the sealed file."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from boneage_desk.common.errors import InputError
from boneage_desk.common.settings import Settings
from boneage_desk.reading.report_addendum import AddendumContent, addendum_content
from boneage_desk.reading.report_content import SOFTWARE
from boneage_desk.reading.session import Reading
from boneage_desk.reading.signature import Signature
from boneage_desk.reports import fonts, tagging
from boneage_desk.reports.archival import FileFacts, finish
from boneage_desk.reports.page import LABEL_GREY, MARGIN, PAPERS, SEAL_HIGH, draw_signed, signature_box
from boneage_desk.reports.pdf import LANGUAGE_TAGS, _lock
from boneage_desk.reports.tagging import block

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

__all__ = ["addendum_page", "signature_box"]
SIZES = (10.5, 9.5, 8.6, 7.8, 7.0, 6.4)
"""Sizes in points of the text: the largest at which it takes one page."""
SMALL = 7.4


def addendum_page(
    reading: Reading, signature: Signature, *, paper: str = "A4", settings: Settings | None = None
) -> bytes:
    """One-page PDF: whose film and which report, the addendum's number, its text, who says so and when.

    ``reading``: the signed reading, with or without ``signature`` among its own. Equal input gives equal bytes.
    The place of :func:`signature_box` stays free. Raises InputError: 'paper', 'no-text', or 'too-long' for a text that
    does not fit on a page: nothing that is signed is ever cut.
    """
    if paper not in PAPERS:
        raise InputError(f"No paper '{paper}'.", f"Use one of: {', '.join(PAPERS)}.", code="paper")
    chosen = settings or Settings()
    content = addendum_content(reading, signature, language=chosen.of_report, site_name=chosen.site_name)
    with _lock:
        canvas, data = _render(content, PAPERS[paper])
    tags = tuple(LANGUAGE_TAGS[one] for one in chosen.of_report.split("+"))
    title = content.title.replace("\n", " / ")
    facts = FileFacts(title, content.site or SOFTWARE, title, SOFTWARE, tags, signature.at)
    return finish(data, facts, tagging.tree(canvas))


def _render(content: AddendumContent, paper: tuple[float, float]) -> tuple[Canvas, bytes]:
    from reportlab.pdfgen.canvas import Canvas

    for name in (fonts.REGULAR, fonts.BOLD):
        fonts.font(name)
    buffer = io.BytesIO()
    canvas = Canvas(
        buffer, pagesize=paper, invariant=1, pageCompression=1, pdfVersion=(1, 7), initialFontName=fonts.REGULAR
    )
    tagging.begin(canvas)
    y = _head(canvas, content, paper)
    _text(canvas, content, paper, y)
    tagging.end_page(canvas, last=True)
    canvas.save()
    return canvas, buffer.getvalue()


def _head(canvas: Canvas, content: AddendumContent, paper: tuple[float, float]) -> float:
    """Title, site, notices, then the facts in one column; the y below the rule under them."""
    wide, x = paper[0] - 2 * MARGIN, MARGIN
    y = paper[1] - MARGIN - 15
    with block(canvas, "H1"):
        fonts.draw(canvas, x, y, content.title, fonts.fitting_size(content.title, 16, wide, bold=True), bold=True)
    for line, bold in ((content.site, False), *((notice, True) for notice in content.notices)):
        if line:
            y -= 13
            words, size = fonts.one_line(line, 9.0, wide, bold)
            with block(canvas, "P"):
                fonts.draw(canvas, x, y, words, size, bold=bold, grey=0.0 if bold else 0.2)
    y -= 8
    _rule(canvas, x, y, wide)
    label = max(fonts.width(fact.label, SMALL) for fact in content.facts) + 10
    for fact in content.facts:
        y -= 2.5
        with block(canvas, "P"):
            for i, line in enumerate(fonts.wrap(fact.value, 8.6, wide - label)):
                y -= 8.6 * fonts.LEADING
                if i == 0:
                    fonts.draw(canvas, x, y, fact.label, SMALL, grey=LABEL_GREY)
                fonts.draw(canvas, x + label, y, line, 8.6, bold=fact.key == "name", grey=0.0 if fact.known else 0.35)
    y -= 8
    _rule(canvas, x, y, wide)
    return y


def _text(canvas: Canvas, content: AddendumContent, paper: tuple[float, float], top: float) -> None:
    """The words, then at the foot of the page who says so, beside the place of the seal."""
    wide, x, low = paper[0] - 2 * MARGIN, MARGIN, MARGIN + SEAL_HIGH + 8
    for size in SIZES:
        lines = fonts.wrap(content.text, size, wide)
        high = len(lines) * size * fonts.LEADING + 24
        if high <= top - low:
            break
    else:
        raise InputError(
            "The addendum is too long for one page.", "Say it in two addenda, or more briefly.", code="too-long"
        )
    y = top - 20
    with block(canvas, "H2"):
        fonts.draw(canvas, x, y, content.text_title, 9.6, bold=True)
    y -= 4
    with block(canvas, "P"):
        for line in lines:
            y -= size * fonts.LEADING
            fonts.draw(canvas, x, y, line, size)
    _rule(canvas, x, low - 3, wide)
    draw_signed(canvas, content.signed, low - 5, SMALL)


def _rule(canvas: Canvas, x: float, y: float, wide: float) -> None:
    canvas.setStrokeGray(0)
    canvas.setLineWidth(0.8)
    canvas.line(x, y, x + wide, y)
