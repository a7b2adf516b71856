"""Head and number of every page after the first: no page may lie about without a name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from boneage_desk.reading.report_content import ReportContent
from boneage_desk.reports import fonts
from boneage_desk.reports.tagging import block

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

BODY, SMALL = 8.3, 7.4
"""Sizes in points at scale 1."""


def head(
    canvas: Canvas, content: ReportContent, title: str, paper: tuple[float, float], margin: float, scale: float = 1.0
) -> float:
    """Title and state, then whose film this is. Gives the base line of the last words, in points."""
    x, wide, body, small = margin, paper[0] - 2 * margin, BODY * scale, SMALL * scale
    top = paper[1] - margin
    state = fonts.fitting_size(content.state_text, body, wide * 0.5, bold=True)
    right = x + wide - fonts.width(content.state_text, state, bold=True)
    size = fonts.fitting_size(title, 13 * scale, right - x - 8, bold=True)
    base = top - 11.7 * scale
    with block(canvas, "H1"):
        fonts.draw(canvas, x, base, title, size, bold=True)
    with block(canvas, "P"):
        fonts.draw(canvas, right, base, content.state_text, state, bold=True)
    y = top - 15.6 * scale
    for notice in content.notices:
        y -= body * fonts.LEADING
        with block(canvas, "P"):
            fonts.draw(canvas, x, y, notice, fonts.fitting_size(notice, body, wide, True), bold=True)
    facts = {fact.key: fact for fact in (*content.patient, *content.examination)}
    name = facts["name"]
    told = [f"{facts[key].label} {facts[key].value}" for key in ("patient_id", "sex", "birth_date", "study_date", "side")]
    words, fitted = fonts.one_line(name.value, body, wide * 0.4, bold=name.known)
    y -= body * 1.7
    with block(canvas, "P"):
        fonts.draw(canvas, x, y, words, fitted, bold=name.known)
        start = fonts.width(words, fitted, bold=name.known) + 10
        words, fitted = fonts.one_line("   ".join(told), small, wide - start)
        fonts.draw(canvas, x + start, y, words, fitted, grey=0.15)
    return y


def rule(canvas: Canvas, paper: tuple[float, float], margin: float, y: float) -> None:
    """The line below a head."""
    canvas.setStrokeGray(0)
    canvas.setLineWidth(0.9)
    canvas.line(margin, y, paper[0] - margin, y)


def page_number(
    canvas: Canvas, content: ReportContent, paper: tuple[float, float], margin: float, number: int, count: int
) -> None:
    """'Page 2 of 3' below the foot's margin; nothing on a report of one page."""
    if count < 2:
        return
    words = content.page.format(number=number, count=count)
    fonts.draw(canvas, paper[0] - margin - fonts.width(words, 7.0), margin - 12, words, 7.0, grey=0.2)
