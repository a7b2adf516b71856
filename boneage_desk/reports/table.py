"""The table of the 13 bones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from boneage_desk.reading.report_content import ReportContent
from boneage_desk.reading.report_values import BoneRow
from boneage_desk.reports import fonts
from boneage_desk.reports.tagging import block, group

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

MOST_PITCH = 19.0


@dataclass(frozen=True, slots=True)
class TablePlan:
    """Wrapped notes, column positions and the least height of the table at one scale."""

    content: ReportContent
    wide: float
    scale: float
    notes: tuple[tuple[str, ...], ...]
    rights: tuple[float, ...]
    """Right edges of the columns after the bone's name."""

    @property
    def body(self) -> float:
        return 8.3 * self.scale

    @property
    def small(self) -> float:
        return 6.8 * self.scale

    def room(self, column: int) -> float:
        """Width of a column's text; 0 is the bone's name."""
        if column == 0:
            return self.wide * 0.44
        left = self.rights[column - 2] if column > 1 else self.wide * 0.45
        return self.rights[column - 1] - left - 3

    @property
    def head_high(self) -> float:
        more = max(column.count("\n") for column in self.content.columns)
        return 13 * self.scale + more * self.small * 1.15

    @property
    def notes_high(self) -> float:
        return sum(len(lines) for lines in self.notes) * self.small * 1.2

    @property
    def least_pitch(self) -> float:
        return self.body * 1.38

    def high(self, pitch: float) -> float:
        """Height with rows of ``pitch``: head, 13 rows with notes, total."""
        rows = len(self.content.bones) + 1
        return self.title_high + self.head_high + rows * pitch + self.notes_high

    @property
    def title_high(self) -> float:
        return self.body * 1.3

    @property
    def least_high(self) -> float:
        return self.high(self.least_pitch)


def plan(content: ReportContent, wide: float, scale: float) -> TablePlan:
    """Break the notes into lines and set the columns."""
    small = 6.8 * scale
    shares = (0.545, 0.655, 0.775, 0.885, 1.0)
    return TablePlan(
        content=content,
        wide=wide,
        scale=scale,
        notes=tuple(tuple(fonts.wrap(row.note, small, wide - 14)) if row.note else () for row in content.bones),
        rights=tuple(share * wide - 3 for share in shares),
    )


def draw(canvas: Canvas, made: TablePlan, x: float, top: float, room: float) -> float:
    """Draw the table below ``top`` and return its lower edge; rows spread to fill ``room``, within reason."""
    content = made.content
    rows = len(content.bones) + 1
    spare = (room - made.high(0)) / rows
    pitch = max(made.least_pitch, min(MOST_PITCH * made.scale, spare))
    y = top - made.body * 0.95
    with block(canvas, "H2"):
        fonts.draw(canvas, x, y, content.bones_title, made.body, bold=True)
    with group(canvas, "Table"):
        return _rows(canvas, made, x, top, pitch)


def _rows(canvas: Canvas, made: TablePlan, x: float, top: float, pitch: float) -> float:
    """Head, 13 rows with their notes, total; the lower edge."""
    content = made.content
    y = top - made.title_high - made.head_high
    with group(canvas, "TR"):
        for i, title in enumerate(content.columns):
            lines = title.split("\n")
            high = y + 3.5 * made.scale + (len(lines) - 1) * made.small * 1.15
            with block(canvas, "TH", scope="Column"):
                for k, line in enumerate(lines):
                    size = fonts.fitting_size(line, made.small, made.room(i))
                    left = x + 2 if i == 0 else x + made.rights[i - 1] - fonts.width(line, size)
                    fonts.draw(canvas, left, high - k * made.small * 1.15, line, size, grey=0.25)
    _rule(canvas, x, y, made.wide, 0.9)
    _shades(canvas, made, x, y, pitch)
    for row, notes in zip(content.bones, made.notes, strict=True):
        base = y - pitch / 2 - made.body * 0.36
        with group(canvas, "TR"):
            _bone(canvas, made, row, x, base)
            if notes:
                with block(canvas, "TD"):
                    for line in notes:
                        base -= made.small * 1.2
                        fonts.draw(canvas, x + 10, base, line, made.small, grey=0.1)
        y -= pitch + len(notes) * made.small * 1.2
        _rule(canvas, x, y, made.wide, 0.25)
    base = y - pitch / 2 - made.body * 0.36
    with group(canvas, "TR"):
        with block(canvas, "TH", scope="Row"):
            fonts.draw(canvas, x + 2, base, content.total[0], made.body, bold=True)
        with block(canvas, "TD"):
            _right(canvas, x + made.rights[-1], base, content.total[1], made.body, bold=True)
    y -= pitch
    _rule(canvas, x, y, made.wide, 0.9)
    return y


def _shades(canvas: Canvas, made: TablePlan, x: float, y: float, pitch: float) -> None:
    """Grey behind the rows that ask for a second look; drawn before any rule."""
    canvas.setFillGray(0.93)
    for row, notes in zip(made.content.bones, made.notes, strict=True):
        high = pitch + len(notes) * made.small * 1.2
        if row.changed or row.uncertain:
            canvas.rect(x, y - high, made.wide, high, stroke=0, fill=1)
        y -= high


def _bone(canvas: Canvas, made: TablePlan, row: BoneRow, x: float, base: float) -> None:
    code = f" {row.code}"
    size = fonts.fitting_size(row.name + code, made.body, made.room(0))
    with block(canvas, "TH", scope="Row"):
        fonts.draw(canvas, x + 2, base, row.name, size)
        fonts.draw(canvas, x + 2 + fonts.width(row.name, size), base, code, size, grey=0.38)
    for i, (cell, right) in enumerate(zip(row.cells, made.rights, strict=True)):
        bold = i == 3 or (i == 2 and row.changed)
        size = fonts.fitting_size(cell, made.body, made.room(i + 1), bold)
        with block(canvas, "TD"):
            _right(canvas, x + right, base, cell, size, bold=bold)


def _right(
    canvas: Canvas, right: float, y: float, text: str, size: float, *, bold: bool = False, grey: float = 0.0
) -> None:
    fonts.draw(canvas, right - fonts.width(text, size, bold), y, text, size, bold=bold, grey=grey)


def _rule(canvas: Canvas, x: float, y: float, wide: float, weight: float) -> None:
    canvas.setStrokeGray(0.0 if weight > 0.5 else 0.55)
    canvas.setLineWidth(weight)
    canvas.line(x, y, x + wide, y)
