"""The one page: blocks stacked from top to bottom as :mod:`boneage_desk.reports.plan` measured them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from boneage_desk.common.errors import InputError
from boneage_desk.reading.report_content import ReportContent
from boneage_desk.reading.report_values import Fact
from boneage_desk.reading.session import State
from boneage_desk.reports import fonts, table
from boneage_desk.reports.film_picture import Shown, fit
from boneage_desk.reports.logo import Logo
from boneage_desk.reports.overlay import draw_film
from boneage_desk.reports.plan import LEAST_FILM, SEAL_HIGH, SEAL_WIDE, Plan, fitted
from boneage_desk.reports.tagging import block

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

PAPERS = {"A4": (595.2756, 841.8898), "Letter": (612.0, 792.0)}
MARGIN = 34.0
LABEL_GREY = 0.38


def signature_box(paper: str) -> tuple[int, float, float, float, float]:
    """Where the visible signature goes: (page index, x0, y0, x1, y1) in points from the lower left corner.

    The same place on page 1 of a signed report and on an addendum's page; the layout leaves it free.
    """
    right = PAPERS[paper][0] - MARGIN
    return 0, right - SEAL_WIDE, MARGIN, right, MARGIN + SEAL_HIGH


def seal_lines(text: str, size: float) -> tuple[list[str], float]:
    """The lines beside the place of the seal and their size: whole, or InputError 'too-long'."""
    room = PAPERS["A4"][0] - 2 * MARGIN - SEAL_WIDE - 12
    for shrunk in (size, size * 0.9, size * 0.8, size * 0.7):
        lines = fonts.wrap(text, shrunk, room)
        if len(lines) * shrunk * 1.25 <= SEAL_HIGH:
            return lines, shrunk
    raise InputError("Name and reason of the signature are too long.", "Say the reason more briefly.", code="too-long")


def draw(
    canvas: Canvas, content: ReportContent, paper: tuple[float, float], film: Shown | None, logo: Logo | None = None
) -> None:
    """Draw the whole page; ``film`` None: the film is not at hand, and the page says so."""
    wide, high = paper[0] - 2 * MARGIN, paper[1] - 2 * MARGIN
    size = (float(logo.columns), float(logo.rows)) if logo is not None else (0.0, 0.0)
    made = fitted(content, wide, high, film is not None and film.trimmed, size)
    top = paper[1] - MARGIN
    y = _header(canvas, made, MARGIN, top, logo)
    y = _facts(canvas, made, MARGIN, y)
    y = _result(canvas, made, MARGIN, y) - made.gap
    y = _words(canvas, made, MARGIN, y)
    foot = MARGIN + made.seal_high + made.footer_high
    low = foot + made.provenance_high
    room = y - low - made.legend_high - made.gap
    _middle(canvas, made, MARGIN, y, room, film)
    _provenance(canvas, made, MARGIN, low)
    _footer(canvas, made, MARGIN, foot)
    if content.signed:
        draw_signed(canvas, content.signed, MARGIN + SEAL_HIGH, 7.4)


def draw_signed(canvas: Canvas, text: str, top: float, size: float) -> None:
    """Who signed, left of the seal's place, from ``top`` down."""
    lines, size = seal_lines(text, size)
    with block(canvas, "P"):
        for line in lines:
            top -= size * 1.25
            fonts.draw(canvas, MARGIN, top, line, size)


def _header(canvas: Canvas, made: Plan, x: float, top: float, logo: Logo | None) -> float:
    content, scale, left = made.content, made.scale, x + made.name_left
    if logo is not None:
        wide, high = made.logo_size
        with block(canvas, "Figure", alt="Logo"):
            canvas.drawImage(logo.reader(), x, top - high, wide, high)
    draft = content.state is State.DRAFT
    room = (made.wide - made.name_left) * 0.54
    chip = fonts.fitting_size(content.state_text, 9.6 * scale, room - 14, bold=True)
    wide = fonts.width(content.state_text, chip, bold=True) + 14
    size = fonts.fitting_size(content.title, 17 * scale, made.wide - made.name_left - wide - 8, bold=True)
    with block(canvas, "H1"):
        fonts.draw(canvas, left, top - 14.6 * scale, content.title, size, bold=True)
    box = (x + made.wide - wide, top - 18 * scale, wide, 18 * scale)
    canvas.setLineWidth(0.9)
    canvas.setStrokeGray(0)
    canvas.setFillGray(0 if draft else 1)
    canvas.rect(*box, stroke=1, fill=1)
    with block(canvas, "P"):
        fonts.draw(
            canvas, box[0] + 7, box[1] + 5.4 * scale, content.state_text, chip, bold=True, grey=1.0 if draft else 0.0
        )
    y = top - 22 * scale
    room = made.wide - made.name_left
    if content.site:
        site, size = fonts.one_line(content.site, 8.6 * scale, room)
        with block(canvas, "P"):
            fonts.draw(canvas, left, y - 7 * scale, site, size, grey=0.2)
        y -= 9 * scale
    for line in content.header:
        y -= made.line(made.small)
        words, size = fonts.one_line(line, made.small, room)
        with block(canvas, "P"):
            fonts.draw(canvas, left, y + 1, words, size, grey=0.2)
    y = top - max(made.name_high, made.logo_size[1])
    for notice in content.notices:
        y -= made.line(made.body)
        with block(canvas, "P"):
            fonts.draw(canvas, x, y + 1, notice, fonts.fitting_size(notice, made.body, made.wide, True), bold=True)
    bottom = top - made.header_high
    canvas.setStrokeGray(0)
    canvas.setLineWidth(0.9)
    canvas.line(x, bottom + made.gap - 2, x + made.wide, bottom + made.gap - 2)
    return bottom - 1


def _fact(
    canvas: Canvas, x: float, y: float, fact: Fact, lines: list[str], label_wide: float, small: float, body: float
) -> None:
    """One labelled value with its first base line one line below ``y``."""
    base = y - body
    with block(canvas, "P"):
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
    with block(canvas, "P"):
        fonts.draw(canvas, x + pad, y, content.headline.label, made.small * 1.15, grey=LABEL_GREY)
        size = fonts.fitting_size(content.headline.value, 21 * scale, room, bold=True)
        y -= 21 * scale
        fonts.draw(canvas, x + pad, y, content.headline.value, size, bold=True)
        if content.headline_months:
            used = fonts.width(content.headline.value, size, bold=True) + 6
            if used + fonts.width(content.headline_months, made.small) <= room + 6:
                fonts.draw(canvas, x + pad + used, y, content.headline_months, made.small)
    y -= 3 * scale
    with block(canvas, "P"):
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
    y = top
    if made.comparison:
        y = _title(canvas, made, x, y, content.comparison_title)
        for fact, lines in zip(content.comparison, made.comparison, strict=True):
            with block(canvas, "P"):
                for i, line in enumerate(lines):
                    y -= made.line(made.body)
                    if i == 0:
                        fonts.draw(canvas, x, y, fact.label, made.body, grey=LABEL_GREY)
                    fonts.draw(canvas, x + made.prior_label, y, line, made.body)
        y -= made.gap + made.line(made.body) - made.body
    y = _title(canvas, made, x, y, content.impression_title)
    with block(canvas, "P"):
        for line in made.impression:
            y -= made.line(made.body)
            fonts.draw(canvas, x, y, line, made.body, grey=0.0 if content.impression_written else 0.35)
    y = _title(canvas, made, x, y - made.gap - made.line(made.body) + made.body, content.flags_title)
    if not content.flags:
        y -= made.line(made.body)
        with block(canvas, "P"):
            fonts.draw(canvas, x, y, content.flags_none, made.body, grey=0.35)
    for flag, lines in zip(content.flags, made.flags, strict=True):
        with block(canvas, "P"):
            for i, line in enumerate(lines):
                y -= made.line(made.body)
                if i == 0:
                    fonts.draw(canvas, x, y, "!" if flag.blocking else "-", made.body, bold=True)
                fonts.draw(canvas, x + 9, y, line, made.body, bold=flag.blocking)
    if made.addenda:
        y = _title(canvas, made, x, y - made.gap - made.line(made.body) + made.body, content.addenda_title)
        with block(canvas, "P"):
            for line, bold in made.addenda:
                y -= made.line(made.body)
                fonts.draw(canvas, x, y, line, made.body, bold=bold)
    return top - made.words_high


def _title(canvas: Canvas, made: Plan, x: float, y: float, text: str) -> float:
    """A block's title below ``y``; its base line."""
    with block(canvas, "H2"):
        fonts.draw(canvas, x, y - made.body, text, made.body, bold=True)
    return y - made.body


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
        with block(canvas, "P"):
            for line in lines:
                y -= made.line(made.body)
                fonts.draw(canvas, x + 12, y, line, made.body, grey=0.2)
    else:
        wide, high = fit(film.columns, film.rows, made.film_wide, room)
        with block(canvas, "Figure", alt=content.film_alt):
            draw_film(canvas, content, film, film.picture(wide, high), x, top, made.small)
    y = min(top - high, table.draw(canvas, made.rows, x + made.wide - made.table_wide, top, room)) - made.gap * 0.3
    with block(canvas, "P"):
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
        size = fonts.fitting_size(label, made.body, room * 0.6)
        with block(canvas, "P"):
            fonts.draw(canvas, x, y, label, size)
        start = x + fonts.width(label, size) + 4
        canvas.setStrokeGray(0.3)
        canvas.setLineWidth(0.5)
        canvas.line(start, y - 1.5, x + room - 10, y - 1.5)
        x += room


def _footer(canvas: Canvas, made: Plan, x: float, top: float) -> None:
    canvas.setStrokeGray(0)
    canvas.setLineWidth(0.6)
    canvas.line(x, top - 2, x + made.wide, top - 2)
    y = top - 4
    with block(canvas, "P"):
        for line in made.limits:
            y -= made.line(made.small)
            fonts.draw(canvas, x, y, line, made.small * 1.1)
        for line in made.content.footer:
            y -= made.line(made.small)
            words, size = fonts.one_line(line, made.small, made.wide)
            fonts.draw(canvas, x, y, words, size, grey=0.2)
