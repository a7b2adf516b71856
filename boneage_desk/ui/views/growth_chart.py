"""Charts of the clinical panel: height for age with percentiles, and bone age against age over visits.

pyqtgraph is imported when the first chart is made, which is after the film view: see `MainWindow.complete_later`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from boneage_desk.common.i18n import tr
from boneage_desk.reading.report_growth import GrowthReport, VisitsReport
from boneage_desk.ui import theme
from boneage_desk.ui.views.flow import FlowLayout

YEAR = 12.0
TARGET_AT, PREDICTED_AT = 2.6, 3.6
"""Years beyond the end of the curves, past their names."""


LINE_SHARE = 0.055
"""Height of a line of words as a share of the chart's range of heights."""


def _apart(heights: Mapping[str, float], least: float) -> list[str]:
    """Those of the names that can stand beside each other without touching: outermost and middle first."""
    ranked = sorted(heights, key=lambda name: heights[name])
    middle = len(ranked) // 2
    first = [*ranked[:1], *ranked[-1:], *ranked[middle : middle + 1]]
    kept: list[str] = []
    for name in [*first, *(name for name in ranked if name not in first)]:
        if name not in kept and all(abs(heights[name] - heights[other]) >= least for other in kept):
            kept.append(name)
    return kept


class Chart(QWidget):
    """A plot without mouse zoom, so that the wheel turns the page; its words are for screen readers."""

    def __init__(self, name: str, high: int) -> None:
        super().__init__()
        import pyqtgraph as pg

        self._shown: object = None
        self.setAccessibleName(name)
        self.setFixedHeight(high)
        self.plot: Any = pg.PlotWidget(background=QColor(theme.PANEL))
        self.plot.setMenuEnabled(False)
        self.plot.setMouseEnabled(False, False)
        self.plot.hideButtons()
        self.plot.wheelEvent = lambda event: event.ignore()
        self.plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        for side in ("left", "bottom"):
            axis = self.plot.getAxis(side)
            axis.setPen(QColor(theme.LINE))
            axis.setTextPen(QColor(theme.MUTED))
            axis.setStyle(tickFont=theme.ui_font(8.5))
        self.plot.showGrid(x=True, y=True, alpha=0.12)
        self.plot.setMinimumWidth(100)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.plot)

    def name_axes(self, bottom: str, left: str) -> None:
        self.plot.setLabel("bottom", bottom, color=theme.MUTED)
        self.plot.setLabel("left", left, color=theme.MUTED)

    def line(self, points: list[tuple[float, float]], colour: str, width: float = 1.0, dashed: bool = False) -> None:
        import pyqtgraph as pg

        style = Qt.PenStyle.DashLine if dashed else Qt.PenStyle.SolidLine
        pen = pg.mkPen(QColor(colour), width=width, style=style)
        self.plot.plot([x for x, _ in points], [y for _, y in points], pen=pen)

    def words(self, x: float, y: float, text: str, colour: str, anchor: tuple[float, float] = (0, 0.5)) -> None:
        import pyqtgraph as pg

        item = pg.TextItem(text, color=QColor(colour), anchor=anchor)
        item.setFont(theme.ui_font(8.5))
        item.setPos(x, y)
        self.plot.addItem(item)

    def marks(self, points: list[tuple[float, float]], symbol: str, colour: str, size: int = 9, filled: bool = True) -> None:
        import pyqtgraph as pg

        brush = QColor(colour) if filled else QColor(theme.PANEL)
        item = pg.ScatterPlotItem(
            [x for x, _ in points], [y for _, y in points], symbol=symbol, size=size,
            pen=pg.mkPen(QColor(colour), width=1.6), brush=brush,
        )  # fmt: skip
        self.plot.addItem(item)


class HeightChart(Chart):
    """Percentiles of the reference; the child's heights at its age (disc) and at its bone age (diamond), the target
    band and one prediction at the right end."""

    def __init__(self) -> None:
        super().__init__(tr("Height for age"), 300)

    def show_report(self, report: GrowthReport | None) -> None:
        if report is not None and self._shown == (report.chart, report.axis_age):
            return
        self._shown = (report.chart, report.axis_age) if report is not None else None
        self.plot.clear()
        chart = report.chart if report is not None else None
        if report is None or chart is None:
            return
        self.setAccessibleDescription(report.chart_alt)
        self.name_axes(report.axis_age, report.axis_height)
        end = chart.ends[1] / YEAR
        for curve in chart.curves:
            middle = curve.percentile == 50
            for part in curve.parts:
                self.line([(age / YEAR, cm) for age, cm in part], theme.MUTED if middle else "#6d6d6d", 1.4 if middle else 1.0)
        if chart.target is not None:
            cm, low, high = chart.target
            self.line([(end + TARGET_AT, low), (end + TARGET_AT, high)], theme.GOOD, 5)
            self.marks([(end + TARGET_AT, cm)], "s", theme.GOOD, 8)
        if chart.predicted is not None:
            guess, least, most = chart.predicted
            if least is not None and most is not None:
                self.line([(end + PREDICTED_AT, least), (end + PREDICTED_AT, most)], theme.MACHINE, 2)
            self.marks([(end + PREDICTED_AT, guess)], "t1", theme.MACHINE, 10)
        own = [(mark.months / YEAR, mark.cm) for mark in chart.marks if mark.kind == "age"]
        bone = [(mark.months / YEAR, mark.cm) for mark in chart.marks if mark.kind == "bone"]
        if len(own) > 1:
            self.line(own, theme.HUMAN, 1.4)
        if own and bone:
            self.line([own[-1], bone[0]], theme.HUMAN, 1.0, dashed=True)
        self.marks(own, "o", theme.HUMAN)
        self.marks(bone, "d", theme.HUMAN, 11, filled=False)
        self.plot.setXRange(chart.ends[0] / YEAR, end + PREDICTED_AT + 0.4, padding=0.02)
        values = [cm for curve in chart.curves for part in curve.parts for _, cm in part] + [mark.cm for mark in chart.marks]
        values += [cm for cm in (*(chart.target or ()), *(chart.predicted or ())) if cm is not None]
        if values:
            self.plot.setYRange(min(values), max(values), padding=0.03)
            ends = {f"P{curve.percentile:g}": curve.parts[-1][-1] for curve in chart.curves if curve.parts}
            for name in _apart({name: cm for name, (_, cm) in ends.items()}, (max(values) - min(values)) * LINE_SHARE):
                self.words(ends[name][0] / YEAR, ends[name][1], name, theme.MUTED)


@dataclass(frozen=True, slots=True)
class VisitMark:
    """How a visit is drawn: pyqtgraph's symbol, the letter of the legend, the name of a colour of `theme`."""

    symbol: str
    letter: str
    colour: str


VISIT_MARKS = {
    "read": VisitMark("o", "\N{BLACK CIRCLE}", "HUMAN"),
    "draft": VisitMark("t1", "\N{BLACK UP-POINTING TRIANGLE}", "HUMAN"),
    "machine": VisitMark("s", "\N{BLACK SQUARE}", "MACHINE"),
}
BOUND = VisitMark("o", "\N{WHITE CIRCLE}", "MUTED")


class VisitsLegend(QWidget):
    """The marks of a chart of visits and what they are, in a line that goes on in the next."""

    def __init__(self) -> None:
        super().__init__()
        self._told: object = None
        self._flow = FlowLayout(self, spacing=16, lines=2)
        self._flow.setContentsMargins(0, 0, 0, 0)

    def words(self) -> list[str]:
        """What it says, mark and words."""
        return [label.text() for label in self.findChildren(QLabel) if label.isVisibleTo(self)]

    def show_legend(self, legend: tuple[tuple[str, str], ...]) -> None:
        if legend == self._told:
            return
        self._told = legend
        self._flow.clear()
        for kind, words in legend:
            mark = VISIT_MARKS.get(kind, BOUND)
            label = QLabel(f"{mark.letter}  {words}")
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setStyleSheet(f"color: {getattr(theme, mark.colour)}")
            self._flow.addWidget(label)
            label.show()
        self.updateGeometry()


class VisitsChart(Chart):
    """Bone age against age: the line of equality, and a mark a visit: its shape tells who read it, an open one a bound."""

    def __init__(self) -> None:
        super().__init__(tr("Bone age over visits"), 240)

    def show_report(self, report: VisitsReport | None) -> None:
        if report is not None and report == self._shown:
            return
        self._shown = report
        self.plot.clear()
        if report is None:
            return
        self.setAccessibleDescription(report.alt)
        self.name_axes(report.axis_age, report.axis_bone)
        ages = [value / YEAR for point in report.points for value in (point.age_months, point.bone_months)]
        low, high = min(ages) - 0.7, max(ages) + 0.7
        self.line([(low, low), (high, high)], "#6d6d6d", dashed=True)
        exact = [point for point in report.points if point.figure]
        for one, next_ in zip(exact, exact[1:], strict=False):
            ends = [(point.age_months / YEAR, point.bone_months / YEAR) for point in (one, next_)]
            self.line(ends, theme.HUMAN, 1.4, dashed=next_.by != "read")
        for by, mark in VISIT_MARKS.items():
            for figure in (True, False):
                told = [p for p in report.points if (p.by, p.figure) == (by, figure)]
                places = [(p.age_months / YEAR, p.bone_months / YEAR) for p in told]
                self.marks(places, mark.symbol, getattr(theme, mark.colour), 9 if by == "read" else 11, filled=figure)
        self.plot.setXRange(low, high, padding=0)
        self.plot.setYRange(low, high, padding=0)
