"""The growth page: chart, facts, adult height by each method, points to check; and a page of the visits where there were
earlier ones. What does not fit at full size shrinks a little; the chart gives way first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import TYPE_CHECKING

from boneage_desk.reading.report_content import ReportContent
from boneage_desk.reading.report_growth import GrowthReport, VisitsReport
from boneage_desk.reading.report_values import Fact
from boneage_desk.reports import fonts, growth_chart
from boneage_desk.reports.page_head import head, rule
from boneage_desk.reports.tagging import block, group

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

SCALES = (1.0, 0.93, 0.86, 0.8, 0.74)
LEAST_CHART, MOST_CHART = 230.0, 360.0
ROW = 8.0
"""Size of the words on the page of the visits."""
COLUMNS = (0.24, 0.30, 0.42)
"""Right edges of method, cm and range, as shares of the width; the words take the rest."""


def pages(
    canvas: Canvas, content: ReportContent, report: GrowthReport, paper: tuple[float, float], margin: float
) -> list[Callable[[], None]]:
    """A function for each page, that draws it."""
    made: list[Callable[[], None]] = []
    if report.measured:
        made.append(partial(_growth, canvas, content, report, paper, margin))
    if report.visits is not None:
        made.append(partial(_visits, canvas, content, report.visits, paper, margin))
    return made


def _growth(canvas: Canvas, content: ReportContent, report: GrowthReport, paper: tuple[float, float], margin: float) -> None:
    wide = paper[0] - 2 * margin
    top = head(canvas, content, report.title, paper, margin) - 6
    rule(canvas, paper, margin, top)
    room = top - margin
    for scale in SCALES:
        words = _Words(None, report, wide, scale)
        if room - words.high(margin) >= LEAST_CHART or report.chart is None:
            break
    y = top - 2
    if report.chart is not None:
        high = max(120.0, min(MOST_CHART, room - words.high(margin)))
        y -= 11
        with block(canvas, "H2"):
            title = report.chart_title.replace("\n", " / ")
            fonts.draw(canvas, margin, y, title, fonts.fitting_size(title, 8.6, wide, bold=True), bold=True)
        y -= 4 + high
        with block(canvas, "Figure", alt=report.chart_alt.replace("\n", " ")):
            growth_chart.height_chart(canvas, report, report.chart, (margin, y, wide, high))
    _Words(canvas, report, wide, scale).draw(margin, y - 4)


class _Words:
    """All below the chart. On no canvas it is only measured."""

    def __init__(self, canvas: Canvas | None, report: GrowthReport, wide: float, scale: float) -> None:
        self.canvas, self.report, self.wide = canvas, report, wide
        self.body, self.small = 8.4 * scale, 7.0 * scale

    def high(self, margin: float) -> float:
        """Height in points, with a little room between chart and words."""
        return 1000.0 - self.draw(margin, 1000.0) + 22

    def draw(self, x: float, top: float) -> float:
        """Draw below ``top``; the y where it ends."""
        y = self._facts(x, top)
        if self.report.rows:
            y = self._table(x, y - 5)
        if self.report.doubts:
            y = self._title(x, y - 3, self.report.doubts_title)
            for text in self.report.doubts:
                y = self._paragraph(x, y, f"- {text}", self.body)
        return self._paragraph(x, y - 4, self.report.note, self.small, grey=0.35)

    def _facts(self, x: float, top: float) -> float:
        """In two columns, read down the left one first."""
        facts = self.report.facts
        half = (len(facts) + 1) // 2
        gap = 14.0
        ends = [
            self._column(facts[part], x + side * (self.wide + gap) / 2, top, (self.wide - gap) / 2)
            for side, part in enumerate((slice(0, half), slice(half, None)))
        ]
        return min(ends)

    def _column(self, facts: Sequence[Fact], x: float, y: float, wide: float) -> float:
        label = max((fonts.width(line, self.small) for fact in facts for line in fact.label.split("\n")), default=0.0) + 6
        label = min(label, 0.5 * wide)
        for fact in facts:
            names = fonts.wrap(fact.label, self.small, label - 4)
            values = fonts.wrap(fact.value, self.body, wide - label)
            with _block(self.canvas, "P"):
                for i in range(max(len(names), len(values))):
                    y -= self.body * fonts.LEADING
                    if i < len(names):
                        self._text(x, y, names[i], self.small, grey=0.38)
                    if i < len(values):
                        self._text(x + label, y, values[i], self.body, grey=0.0 if fact.known else 0.35)
            y -= 1
        return y

    def _title(self, x: float, y: float, text: str) -> float:
        y -= self.body * 1.5
        with _block(self.canvas, "H2"):
            self._text(x, y, text.replace("\n", " / "), self.body, bold=True)
        return y - 1.5

    def _paragraph(self, x: float, y: float, text: str, size: float, grey: float = 0.0) -> float:
        with _block(self.canvas, "P"):
            for line in fonts.wrap(text, size, self.wide):
                y -= size * fonts.LEADING
                self._text(x, y, line, size, grey=grey)
        return y

    def _table(self, x: float, y: float) -> float:
        report = self.report
        y = self._title(x, y, report.table_title)
        edges = [share * self.wide for share in COLUMNS]
        words_at = edges[-1] + 10
        with _group(self.canvas, "Table"):
            lines = max(title.count("\n") for title in report.columns) + 1
            y -= self.small * 1.25 * lines + 1
            with _group(self.canvas, "TR"):
                for i, title in enumerate(report.columns):
                    with _block(self.canvas, "TH", scope="Column"):
                        for k, line in enumerate(title.split("\n")):
                            left = x if i == 0 else x + words_at if i == 3 else x + edges[i] - fonts.width(line, self.small)
                            self._text(left, y + (lines - 1 - k) * self.small * 1.25, line, self.small, grey=0.3)
            y = self._rule(x, y - 3, 0.8)
            for row in report.rows:
                names = fonts.wrap(row.name, self.body, edges[0] - 4)
                told = fonts.wrap(row.basis, self.small, self.wide - words_at)
                step = self.body * fonts.LEADING
                high = max(len(names) * step, len(told) * self.small * fonts.LEADING, step) + 3
                base = y - self.body * 1.1
                with _group(self.canvas, "TR"):
                    with _block(self.canvas, "TH", scope="Row"):
                        for k, line in enumerate(names):
                            self._text(x, base - k * step, line, self.body, grey=0.0 if row.known else 0.35)
                    for i, cell in enumerate((row.cm, row.span), 1):
                        with _block(self.canvas, "TD"):
                            left = x + edges[i] - fonts.width(cell, self.body, bold=i == 1)
                            self._text(left, base, cell, self.body, bold=i == 1)
                    with _block(self.canvas, "TD"):
                        for k, line in enumerate(told):
                            self._text(x + words_at, base - k * self.small * fonts.LEADING, line, self.small, grey=0.15)
                y = self._rule(x, y - high, 0.25)
        return y

    def _rule(self, x: float, y: float, weight: float) -> float:
        if self.canvas is not None:
            self.canvas.setStrokeGray(0.0 if weight > 0.5 else 0.6)
            self.canvas.setLineWidth(weight)
            self.canvas.line(x, y, x + self.wide, y)
        return y

    def _text(self, x: float, y: float, text: str, size: float, *, bold: bool = False, grey: float = 0.0) -> None:
        if self.canvas is not None:
            fonts.draw(self.canvas, x, y, text, size, bold=bold, grey=grey)


# --- visits --------------------------------------------------------------------------------------------
def _visits(canvas: Canvas, content: ReportContent, report: VisitsReport, paper: tuple[float, float], margin: float) -> None:
    wide = paper[0] - 2 * margin
    y = head(canvas, content, report.title, paper, margin) - 6
    rule(canvas, paper, margin, y)
    rows = len(report.steps) + len(report.strip) + 2
    told = [line for text in report.warnings for line in fonts.wrap(f"- {text}", ROW, wide)]
    words = rows * ROW * 1.75 + 60 + len(told) * ROW * fonts.LEADING + (20 if told else 0)
    side = max(130.0, min(wide * 0.56, 290.0, y - margin - words))
    if report.points:
        y -= side + 6
        with block(canvas, "Figure", alt=report.alt.replace("\n", " ")):
            growth_chart.visits_chart(canvas, report, (margin, y, side, side), wide - side - 10)
    if report.steps:
        shares = (0.0, 0.21, 0.36, 0.60, 0.74)
        y = _grid_of(canvas, (margin, y - 10, wide), report.columns, [row.cells for row in report.steps], shares)
    if report.strip:
        y -= 20
        with block(canvas, "H2"):
            title = report.strip_title.replace("\n", " / ")
            fonts.draw(canvas, margin, y, title, fonts.fitting_size(title, 8.6, wide, bold=True), bold=True)
        count = len(report.strip_columns) - 1
        names = 0.26
        shares = (0.0, *(names + i * (1 - names) / count for i in range(count)))
        y = _grid_of(canvas, (margin, y - 2, wide), report.strip_columns, report.strip, shares)
    if told:
        y -= 16
        with block(canvas, "H2"):
            fonts.draw(canvas, margin, y, report.warnings_title.replace("\n", " / "), 8.6, bold=True)
        y -= 2
        with block(canvas, "P"):
            for line in told:
                y -= ROW * fonts.LEADING
                fonts.draw(canvas, margin, y, line, ROW)


def _grid_of(
    canvas: Canvas, place: tuple[float, float, float], titles: Sequence[str], rows: Sequence[Sequence[str]],
    shares: Sequence[float],
) -> float:  # fmt: skip
    """A plain table with its columns at ``shares`` of the width; the y where it ends."""
    x, y, wide = place
    size = ROW
    rooms = [(after - before) * wide - 5 for before, after in zip(shares, (*shares[1:], 1.0), strict=True)]
    with group(canvas, "Table"):
        for number, row in enumerate((titles, *rows)):
            y -= size * 1.75
            with group(canvas, "TR"):
                for i, (cell, share, room) in enumerate(zip(row, shares, rooms, strict=True)):
                    first = number == 0 or i == 0
                    with block(canvas, "TH" if first else "TD", scope="Column" if number == 0 else "Row" if i == 0 else ""):
                        words, fitted = fonts.one_line(cell.replace("\n", " / "), size, room, bold=cell.startswith("! "))
                        bold = cell.startswith("! ")
                        fonts.draw(canvas, x + share * wide, y, words, fitted, bold=bold, grey=0.3 if number == 0 else 0.0)
            canvas.setStrokeGray(0.0 if number == 0 else 0.7)
            canvas.setLineWidth(0.8 if number == 0 else 0.25)
            canvas.line(x, y - 3, x + wide, y - 3)
    return y - 3


# --- tags only where something is drawn ----------------------------------------------------------------
def _block(canvas: Canvas | None, role: str, *, scope: str = "") -> AbstractContextManager[None]:
    return nullcontext() if canvas is None else block(canvas, role, scope=scope)


def _group(canvas: Canvas | None, role: str) -> AbstractContextManager[None]:
    return nullcontext() if canvas is None else group(canvas, role)
