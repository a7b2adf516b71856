"""The one page: blocks stacked from top to bottom as :mod:`boneage_desk.reports.plan` measured them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from boneage_desk.reading.report_content import ReportContent
from boneage_desk.reading.report_values import Fact
from boneage_desk.reading.session import State
from boneage_desk.reports import fonts, table
from boneage_desk.reports.film_picture import Shown, fit
from boneage_desk.reports.overlay import draw_film
from boneage_desk.reports.plan import LEAST_FILM, Plan, fitted

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

PAPERS = {"A4": (595.2756, 841.8898), "Letter": (612.0, 792.0)}
MARGIN = 34.0
LABEL_GREY = 0.38
SEAL_HIGH = 46.0
"""Height in points of the strip at the foot of a signed page that nothing is drawn on but its seal."""
SEAL_WIDE = 250.0


def signature_box(paper: str) -> tuple[int, float, float, float, float]:
    """Where the visible signature goes: (page index, x0, y0, x1, y1) in points from the lower left corner.

    The same place on page 1 of a signed report and on an addendum's page; the layout leaves it free.
    """
    right = PAPERS[paper][0] - MARGIN
    return 0, right - SEAL_WIDE, MARGIN, right, MARGIN + SEAL_HIGH


def draw(canvas: Canvas, content: ReportContent, paper: tuple[float, float], film: Shown | None) -> None:
    """Draw the whole page; ``film`` None: the film is not at hand, and the page says so."""
    wide, high = paper[0] - 2 * MARGIN, paper[1] - 2 * MARGIN
    made = fitted(content, wide, high, film is not None and film.trimmed)
    top = paper[1] - MARGIN
    y = _header(canvas, made, MARGIN, top)
    y = _facts(canvas, made, MARGIN, y)
    y = _result(canvas, made, MARGIN, y) - made.gap
    y = _words(canvas, made, MARGIN, y)
    low = MARGIN + made.footer_high + made.provenance_high
    room = y - low - made.legend_high - made.gap
    _middle(canvas, made, MARGIN, y, room, film)
    _provenance(canvas, made, MARGIN, low)
    _footer(canvas, made, MARGIN, MARGIN + made.footer_high)


def _header(canvas: Canvas, made: Plan, x: float, top: float) -> float:
    content, scale = made.content, made.scale
    size = 17 * scale
    fonts.draw(canvas, x, top - size * 0.86, content.title, size, bold=True)
    draft = content.state is State.DRAFT
    chip = 9.6 * scale
    wide = fonts.width(content.state_text, chip, bold=True) + 14
    box = (x + made.wide - wide, top - 18 * scale, wide, 18 * scale)
    canvas.setLineWidth(0.9)
    canvas.setStrokeGray(0)
    canvas.setFillGray(0 if draft else 1)
    canvas.rect(*box, stroke=1, fill=1)
    fonts.draw(
        canvas, box[0] + 7, box[1] + 5.4 * scale, content.state_text, chip, bold=True, grey=1.0 if draft else 0.0
    )
    y = top - 22 * scale
    if content.site:
        site, size = fonts.one_line(content.site, 8.6 * scale, made.wide)
        fonts.draw(canvas, x, y - 7 * scale, site, size, grey=0.2)
        y -= 9 * scale
    for notice in content.notices:
        y -= made.line(made.body)
        fonts.draw(canvas, x, y + 1, notice, fonts.fitting_size(notice, made.body, made.wide, True), bold=True)
    bottom = top - made.header_high
    canvas.setLineWidth(0.9)
    canvas.line(x, bottom + made.gap - 2, x + made.wide, bottom + made.gap - 2)
    return bottom - 1


def _fact(
    canvas: Canvas, x: float, y: float, fact: Fact, lines: list[str], label_wide: float, small: float, body: float
) -> None:
    """One labelled value with its first base line one line below ``y``."""
    base = y - body
    fonts.draw(canvas, x, base, fact.label, small, grey=LABEL_GREY)
    for line in lines:
        bold = fact.key == "name" and fact.known
        fonts.draw(canvas, x + label_wide, base, line, body, bold=bold, grey=0.0 if fact.known else 0.35)
        base -= body * fonts.LEADING


def _facts(canvas: Canvas, made: Plan, x: float, top: float) -> float:
    """Patient left, examination right, line by line at the same height."""
    for side, facts, wrapped in (
        (x, made.content.patient, made.patient),
        (x + made.half + 14, made.content.examination, made.examination),
    ):
        y = top
        for i, (fact, lines) in enumerate(zip(facts, wrapped, strict=True)):
            _fact(canvas, side, y, fact, lines, made.label_wide, made.small, made.body)
            y -= made.fact_row_high(i)
    return top - made.facts_high


def _result(canvas: Canvas, made: Plan, x: float, top: float) -> float:
    content, scale = made.content, made.scale
    bottom = top - made.result_high
    canvas.setFillGray(0.93)
    canvas.rect(x, bottom, made.wide, made.result_high, stroke=0, fill=1)
    pad = 8 * scale
    room = made.result_left - 20
    y = top - pad - made.small
    fonts.draw(canvas, x + pad, y, content.headline.label, made.small * 1.15, grey=LABEL_GREY)
    size = fonts.fitting_size(content.headline.value, 21 * scale, room, bold=True)
    y -= 21 * scale
    fonts.draw(canvas, x + pad, y, content.headline.value, size, bold=True)
    if content.headline_months:
        used = fonts.width(content.headline.value, size, bold=True) + 6
        if used + fonts.width(content.headline_months, made.small) <= room + 6:
            fonts.draw(canvas, x + pad + used, y, content.headline_months, made.small)
    y -= 3 * scale
    for line in made.note:
        y -= made.line(made.small * 1.08)
        fonts.draw(canvas, x + pad, y, line, made.small * 1.08)
    left = x + made.result_left
    y = top - pad * 0.7
    for fact, lines in zip(content.results, made.results, strict=True):
        _fact(canvas, left, y, fact, lines, made.result_label, made.small, made.body)
        y -= len(lines) * made.line(made.body)
    return bottom


def _words(canvas: Canvas, made: Plan, x: float, top: float) -> float:
    content = made.content
    y = top - made.body
    fonts.draw(canvas, x, y, content.impression_title, made.body, bold=True)
    for line in made.impression:
        y -= made.line(made.body)
        fonts.draw(canvas, x, y, line, made.body, grey=0.0 if content.impression_written else 0.35)
    y -= made.gap + made.line(made.body)
    fonts.draw(canvas, x, y, content.flags_title, made.body, bold=True)
    if not content.flags:
        y -= made.line(made.body)
        fonts.draw(canvas, x, y, content.flags_none, made.body, grey=0.35)
    for flag, lines in zip(content.flags, made.flags, strict=True):
        for i, line in enumerate(lines):
            y -= made.line(made.body)
            if i == 0:
                fonts.draw(canvas, x, y, "!" if flag.blocking else "-", made.body, bold=True)
            fonts.draw(canvas, x + 9, y, line, made.body, bold=flag.blocking)
    return top - made.words_high


def _middle(canvas: Canvas, made: Plan, x: float, top: float, room: float, film: Shown | None) -> None:
    """Film left, table right, legend below. The table is drawn last: reading order follows the drawing order."""
    assert made.rows is not None
    content = made.content
    if film is None:
        high = min(room, LEAST_FILM)
        canvas.setStrokeGray(0.6)
        canvas.setLineWidth(0.6)
        canvas.rect(x, top - high, made.film_wide, high, stroke=1, fill=0)
        lines = fonts.wrap(content.film_absent, made.body, made.film_wide - 24)
        y = top - high / 2 + len(lines) * made.line(made.body) / 2
        for line in lines:
            y -= made.line(made.body)
            fonts.draw(canvas, x + 12, y, line, made.body, grey=0.2)
    else:
        wide, high = fit(film.columns, film.rows, made.film_wide, room)
        draw_film(canvas, content, film, film.picture(wide, high), x, top, made.small)
    y = min(top - high, table.draw(canvas, made.rows, x + made.wide - made.table_wide, top, room)) - made.gap * 0.3
    for line in made.legend:
        y -= made.line(made.small)
        fonts.draw(canvas, x, y, line, made.small, grey=LABEL_GREY)


def _provenance(canvas: Canvas, made: Plan, x: float, top: float) -> None:
    """The line to sign on, models and origin."""
    content = made.content
    facts = content.provenance
    label_wide = max(fonts.width(fact.label, made.small) for fact in facts) + 6
    y = top
    y -= made.gap * 0.6
    if content.sign:
        y -= made.sign_high
        _sign(canvas, made, x, y + 6 * made.scale)
    for fact, lines in zip(facts, made.provenance, strict=True):
        _fact(canvas, x, y, fact, lines, label_wide, made.small, made.small)
        y -= len(lines) * made.line(made.small)


def _sign(canvas: Canvas, made: Plan, x: float, y: float) -> None:
    """Labels with a line after each for the pen."""
    labels = [part.strip() for part in made.content.sign.split("{0}") if part.strip()]
    shares = (0.42, 0.36, 0.22)
    for label, share in zip(labels, shares, strict=True):
        room = made.wide * share
        fonts.draw(canvas, x, y, label, made.body)
        start = x + fonts.width(label, made.body) + 4
        canvas.setStrokeGray(0.3)
        canvas.setLineWidth(0.5)
        canvas.line(start, y - 1.5, x + room - 10, y - 1.5)
        x += room


def _footer(canvas: Canvas, made: Plan, x: float, top: float) -> None:
    canvas.setStrokeGray(0)
    canvas.setLineWidth(0.6)
    canvas.line(x, top - 2, x + made.wide, top - 2)
    y = top - 4
    for line in made.limits:
        y -= made.line(made.small)
        fonts.draw(canvas, x, y, line, made.small * 1.1)
