"""The table of all standards below the detail page's rows: name and edition, points, bone age, difference, notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from boneage_desk.reading.report_standards import StandardsBlock
from boneage_desk.reports import fonts
from boneage_desk.reports.tagging import block, group

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

TITLE, BODY, SMALL = 9.0, 7.4, 6.8
COLUMNS = (0.0, 0.50, 0.525, 0.735)
"""Left edges of the columns as shares of the width; points end at the second."""
ENDS = (0.44, 0.50, 0.725, 1.0)


def _lines(made: StandardsBlock, scale: float, wide: float) -> list[list[list[str]]]:
    """Each row's cells, broken into lines."""
    rows = [made.columns, *((row.name, row.score, row.bone_age, row.difference) for row in made.rows)]
    rooms = [(end - start) * wide for start, end in zip(COLUMNS, ENDS, strict=True)]
    rooms[1] = 0.06 * wide
    return [
        [fonts.wrap(cell, BODY * scale, room) for cell, room in zip(row, rooms, strict=True)] for row in rows
    ]


def _notes(made: StandardsBlock, scale: float, wide: float) -> list[list[str]]:
    return [fonts.wrap(note, SMALL * scale, wide) for note in made.notes]


def high(made: StandardsBlock, scale: float, wide: float) -> float:
    """Height in points of the table at this scale, with the space above it."""
    rows = sum(_row_high(row, scale) for row in _lines(made, scale, wide))
    notes = sum(len(lines) for lines in _notes(made, scale, wide)) * SMALL * scale * fonts.LEADING
    titles = len(made.title.split("\n")) * TITLE * scale * fonts.LEADING
    return 10 * scale + titles + rows + 4 * scale + notes


def _row_high(cells: list[list[str]], scale: float) -> float:
    return max(len(lines) for lines in cells) * BODY * scale * fonts.LEADING + 2.4 * scale


def draw(canvas: Canvas, made: StandardsBlock, scale: float, place: tuple[float, float, float]) -> None:
    """Draw at (left, top, width) in points; the space is that of :func:`high`."""
    x, y, wide = place
    y -= 10 * scale
    with block(canvas, "H2"):
        for line in made.title.split("\n"):
            y -= TITLE * scale * fonts.LEADING
            fonts.draw(canvas, x, y + 2 * scale, line, TITLE * scale, bold=True)
    rules = [y]
    with group(canvas, "Table"):
        for i, cells in enumerate(_lines(made, scale, wide)):
            with group(canvas, "TR"):
                _row(canvas, cells, (x, y, wide), scale, head=i == 0, known=i == 0 or made.rows[i - 1].known)
            y -= _row_high(cells, scale)
            rules.append(y)
    canvas.setStrokeGray(0.5)
    canvas.setLineWidth(0.3)
    for rule in rules:
        canvas.line(x, rule, x + wide, rule)
    y -= 2 * scale
    for lines in _notes(made, scale, wide):
        with block(canvas, "P"):
            for line in lines:
                y -= SMALL * scale * fonts.LEADING
                fonts.draw(canvas, x, y, line, SMALL * scale, grey=0.25)


def _row(
    canvas: Canvas, cells: list[list[str]], place: tuple[float, float, float], scale: float, *, head: bool, known: bool
) -> None:
    x, top, wide = place
    size = BODY * scale
    for i, lines in enumerate(cells):
        scope = "Column" if head else "Row" if i == 0 else ""
        base = top - size * 1.25
        with block(canvas, "TH" if scope else "TD", scope=scope):
            for line in lines:
                left = x + COLUMNS[i] * wide - (fonts.width(line, size) if i == 1 else 0)
                fonts.draw(canvas, left, base, line, size, bold=i == 2 and known and not head, grey=0.25 if head or not known else 0.0)
                base -= size * fonts.LEADING
