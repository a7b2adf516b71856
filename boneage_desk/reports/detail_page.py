"""The detail page: a row for each bone with its picture, the grades, and what was measured on it; then all standards.

Rows that do not fit shrink a little first and go on to a further page then; nothing is left out.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from boneage_desk.common.errors import InputError
from boneage_desk.reading.report_content import ReportContent
from boneage_desk.reading.report_detail import Detail, DetailRow
from boneage_desk.reports import fonts, standards_table
from boneage_desk.reports.overlay import unspoken
from boneage_desk.reports.page_head import BODY, SMALL, head, rule
from boneage_desk.reports.tagging import block, group

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

    from boneage_desk.imaging.crops import CropSpec
    from boneage_desk.reading.film import Frame

SCALES = (1.0, 0.94, 0.88, 0.82, 0.77)
PICTURE = 46.0
PIXELS = 176
LONGEST = 1200
"""Characters of one bone's text from which it is cut, and says so, or refused where it is signed: a row must fit on a page."""
EPIPHYSIS, SHAFT = (0.25, 0.88, 0.82), (0.94, 0.60, 0.82)
COLUMNS = (0.315, 0.375, 0.455, 0.525)
"""Right edges of the columns from AI to final, as shares of the width."""
TEXT_FROM = 0.545


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    bold: bool = False
    grey: float = 0.0


@dataclass(frozen=True, slots=True)
class _Row:
    """A row with its text broken into lines, and its height in points."""

    row: DetailRow
    lines: tuple[_Line, ...]
    high: float


@dataclass(frozen=True, slots=True)
class DetailPlan:
    """The rows of each page at one scale. ``wide``, ``margin``: of the page's content, in points."""

    content: ReportContent
    detail: Detail
    scale: float
    wide: float
    margin: float
    paper: tuple[float, float]
    pages: tuple[tuple[_Row, ...], ...]
    legend: tuple[str, ...]

    @property
    def body(self) -> float:
        return BODY * self.scale

    @property
    def small(self) -> float:
        return SMALL * self.scale


def plan(content: ReportContent, detail: Detail, paper: tuple[float, float], margin: float) -> DetailPlan:
    """Break the texts into lines and the rows into pages: one page where a scale allows it."""
    for scale in SCALES:
        made = _plan(content, detail, paper, margin, scale)
        if len(made.pages) == 1:
            return made
    return _plan(content, detail, paper, margin, 0.94)


def _plan(
    content: ReportContent, detail: Detail, paper: tuple[float, float], margin: float, scale: float
) -> DetailPlan:
    wide = paper[0] - 2 * margin
    legend = tuple(fonts.wrap(detail.legend, 6.8 * scale, wide))
    made = DetailPlan(content, detail, scale, wide, margin, paper, (), legend)
    room = paper[1] - 2 * margin - _head_high(made) - _foot_high(made)
    pages: list[list[_Row]] = [[]]
    used = 0.0
    for row in detail.rows:
        lines = _lines(row, made)
        high = max(PICTURE * scale + 5, len(lines) * made.small * fonts.LEADING + 7)
        if used + high > room and pages[-1]:
            pages.append([])
            used = 0.0
        pages[-1].append(_Row(row, lines, high))
        used += high
    if detail.standards is not None and used + standards_table.high(detail.standards, scale, wide) > room:
        pages.append([])
    return DetailPlan(content, detail, scale, wide, margin, paper, tuple(tuple(page) for page in pages), legend)


def _lines(row: DetailRow, made: DetailPlan) -> tuple[_Line, ...]:
    """What was measured, what speaks against the grade, the reader's reason."""
    detail, cut = made.detail, made.content.cut_mark
    told = [(row.measured, False, 0.0 if row.known else 0.35)]
    if row.against:
        told.append((detail.against_label + row.against, True, 0.0))
    if row.reason:
        told.append((detail.reason_label + row.reason, False, 0.0))
    room = made.wide * (1 - TEXT_FROM)
    result: list[_Line] = []
    for text, bold, grey in told:
        if len(text) > LONGEST and made.content.signed:
            raise InputError(
                f"The reason beside {row.row.name} is too long for the page of the bones ({len(text)} characters).",
                f"Reopen the reading and shorten it to {LONGEST}; nothing that is signed is cut.", code="too-long",
            )  # fmt: skip
        text = text if len(text) <= LONGEST else text[:LONGEST].rstrip() + cut
        result += [_Line(line, bold, grey) for line in fonts.wrap(text, made.small, room, bold)]
    return tuple(result)


def _head_high(made: DetailPlan) -> float:
    notices = len(made.content.notices) * made.body * fonts.LEADING
    more = max(title.count("\n") for title in made.detail.columns)
    return 56 * made.scale + notices + more * made.small * 1.15


def _foot_high(made: DetailPlan) -> float:
    return (len(made.legend) * 6.8 * fonts.LEADING + 10 + 16) * made.scale


def draw(canvas: Canvas, made: DetailPlan, frame: Frame | None, index: int) -> None:
    """Draw page ``index`` of the plan."""
    y = _head(canvas, made)
    if made.pages[index]:
        y = _bones(canvas, made, frame, index, y)
    if made.detail.standards is not None and index == len(made.pages) - 1:
        standards_table.draw(canvas, made.detail.standards, made.scale, (made.margin, y, made.wide))


def _bones(canvas: Canvas, made: DetailPlan, frame: Frame | None, index: int, y: float) -> float:
    """The rows of one page and the legend; the height on the page where they end."""
    lines = []
    with group(canvas, "Table"):
        y = _titles(canvas, made)
        for row in made.pages[index]:
            with group(canvas, "TR"):
                _row(canvas, made, row, y, frame)
            y -= row.high
            lines.append(y)
    canvas.setStrokeGray(0.5)
    canvas.setLineWidth(0.3)
    for line in lines:
        canvas.line(made.margin, line, made.margin + made.wide, line)
    y -= 3
    with block(canvas, "P"):
        for words in made.legend:
            y -= 6.8 * made.scale * fonts.LEADING
            fonts.draw(canvas, made.margin, y, words, 6.8 * made.scale, grey=0.38)
    return y


def _head(canvas: Canvas, made: DetailPlan) -> float:
    """The page's head over a rule; the rule's height on the page. The columns' titles go between."""
    head(canvas, made.content, made.detail.title, made.paper, made.margin, made.scale)
    y = made.paper[1] - made.margin - _head_high(made)
    rule(canvas, made.paper, made.margin, y)
    return y


def _titles(canvas: Canvas, made: DetailPlan) -> float:
    """The columns' titles over the rule; the rule's height on the page."""
    y = made.paper[1] - made.margin - _head_high(made)
    x, size = made.margin, made.small * 0.92
    places = [PICTURE * made.scale + 6, *(edge * made.wide for edge in COLUMNS), TEXT_FROM * made.wide]
    with group(canvas, "TR"):
        for i, (title, place) in enumerate(zip(made.detail.columns, places, strict=True)):
            lines = title.split("\n")
            base = y + 4 * made.scale + (len(lines) - 1) * size * 1.15
            with block(canvas, "TH", scope="Column"):
                for k, line in enumerate(lines):
                    fitted = fonts.fitting_size(line, size, 0.075 * made.wide) if 1 <= i <= 4 else size
                    left = x + place - (fonts.width(line, fitted) if 1 <= i <= 4 else 0)
                    fonts.draw(canvas, left, base - k * size * 1.15, line, fitted, grey=0.25)
    return y


def _row(canvas: Canvas, made: DetailPlan, planned: _Row, top: float, frame: Frame | None) -> None:
    row, x, side = planned.row, made.margin, PICTURE * made.scale
    if row.against or row.row.changed or row.row.uncertain:
        canvas.setFillGray(0.94)
        canvas.rect(x, top - planned.high, made.wide, planned.high, stroke=0, fill=1)
    with group(canvas, "TD"), block(canvas, "Figure", alt=row.row.name):
        _picture(canvas, made, row, (x, top - 2.5 - side, side), frame)
    base = top - made.body * 1.35
    left = x + side + 6
    size = fonts.fitting_size(row.row.name, made.body, (COLUMNS[0] - 0.05) * made.wide - side - 6)
    with block(canvas, "TH", scope="Row"):
        fonts.draw(canvas, left, base, row.row.name, size)
        fonts.draw(canvas, left, base - made.body * fonts.LEADING, row.row.code, made.small, grey=0.38)
    cells = (row.row.machine, row.row.probability, row.row.human, row.row.final)
    for i, (cell, edge) in enumerate(zip(cells, COLUMNS, strict=True)):
        bold = i == 3 or (i == 2 and row.row.changed)
        size = fonts.fitting_size(cell, made.body, 0.07 * made.wide, bold)
        with block(canvas, "TD"):
            _right(canvas, x + edge * made.wide, base, cell, size, bold=bold)
    with block(canvas, "TD"):
        for line in planned.lines:
            fonts.draw(canvas, x + TEXT_FROM * made.wide, base, line.text, made.small, bold=line.bold, grey=line.grey)
            base -= made.small * fonts.LEADING


def _picture(
    canvas: Canvas, made: DetailPlan, row: DetailRow, place: tuple[float, float, float], frame: Frame | None
) -> None:
    """The bone's crop at (x, y) with this side, and the two widths over it."""
    x, y, side = place
    if frame is None or row.box is None:
        canvas.setStrokeGray(0.6)
        canvas.setLineWidth(0.5)
        canvas.rect(x, y, side, side, stroke=1, fill=0)
        if row.box is None:
            fonts.draw(canvas, x + 5, y + side / 2 - 2, made.detail.no_box, made.small, grey=0.35)
        return
    from PIL import Image
    from reportlab.lib.utils import ImageReader

    from boneage_desk.imaging.bone_picture import bone_picture, bone_picture_spec

    box = row.box
    spec = bone_picture_spec((box.x0, box.y0, box.x1, box.y1), row.angle_deg)
    buffer = io.BytesIO()
    Image.fromarray(bone_picture(frame.pixels, spec, PIXELS)).save(buffer, "JPEG", quality=85)
    buffer.seek(0)
    canvas.drawImage(ImageReader(buffer), x, y, side, side)
    with unspoken(canvas):
        for ends, colour, dashed in ((row.epiphysis, EPIPHYSIS, False), (row.shaft, SHAFT, True)):
            if ends is not None:
                _width(canvas, _placed(ends, spec, place), colour, dashed)


def _placed(
    ends: tuple[tuple[float, float], tuple[float, float]], spec: CropSpec, place: tuple[float, float, float]
) -> tuple[float, float, float, float]:
    """Ends of a line of the film (x0, y0, x1, y1) in points of the page."""
    import numpy as np

    from boneage_desk.imaging.crops import film_to_crop

    x, y, side = place
    (ax, ay), (bx, by) = film_to_crop(np.asarray(ends, float), spec, 1)
    return x + ax * side, y + (1 - ay) * side, x + bx * side, y + (1 - by) * side


def _width(
    canvas: Canvas, ends: tuple[float, float, float, float], colour: tuple[float, float, float], dashed: bool
) -> None:
    """End marks with a dark edge, and a thin line between them: solid or dashed."""
    ax, ay, bx, by = ends
    length = max(0.1, ((bx - ax) ** 2 + (by - ay) ** 2) ** 0.5)
    dx, dy = -(by - ay) / length * 1.8, (bx - ax) / length * 1.8
    for tone, weight in (((0.0, 0.0, 0.0), 1.1), (colour, 0.5)):
        canvas.setStrokeColorRGB(*tone)
        canvas.setLineWidth(weight)
        for x, y in ((ax, ay), (bx, by)):
            canvas.line(x - dx, y - dy, x + dx, y + dy)
    canvas.setDash([1.6, 1.2] if dashed else [])
    canvas.line(ax, ay, bx, by)
    canvas.setDash([])


def _right(
    canvas: Canvas, right: float, y: float, text: str, size: float, *, bold: bool = False, grey: float = 0.0
) -> None:
    fonts.draw(canvas, right - fonts.width(text, size, bold), y, text, size, bold=bold, grey=grey)
