"""Charts of the growth page, drawn as lines and text: height for age over percentiles, and bone age against age."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from boneage_desk.reading.report_growth import GrowthChart, GrowthReport, VisitsReport
from boneage_desk.reports import fonts

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

SMALL, TINY = 7.0, 6.2
LEFT, BOTTOM, RIGHT = 26.0, 24.0, 46.0
"""Room for the axes' figures, and at the right for the percentiles' names and the adult height."""
CHILD, BONE, TARGET, PREDICTED = (0.05, 0.05, 0.05), (0.10, 0.35, 0.65), (0.93, 0.62, 0.20), (0.55, 0.15, 0.45)
MACHINE = (0.35, 0.35, 0.35)
"""Colours; each has a shape of its own too, so that a grey print tells them apart."""


@dataclass(frozen=True, slots=True)
class Axes:
    """A frame on the page and what its edges stand for: x in months, y in cm or months."""

    x: float
    y: float
    wide: float
    high: float
    low_x: float
    high_x: float
    low_y: float
    high_y: float

    def at(self, months: float, value: float) -> tuple[float, float]:
        """The place in points."""
        return (
            self.x + (months - self.low_x) / (self.high_x - self.low_x) * self.wide,
            self.y + (value - self.low_y) / (self.high_y - self.low_y) * self.high,
        )


def height_chart(canvas: Canvas, report: GrowthReport, chart: GrowthChart, place: tuple[float, float, float, float]) -> None:
    """Height for age in (x, y, width, height), y its lower edge; the legend stands in the upper left corner of it."""
    x, y, wide, high = place
    values = [value for one in chart.curves for part in one.parts for _, value in part]
    values += [mark.cm for mark in chart.marks]
    for told in (chart.target, chart.predicted):
        values += [value for value in told or () if value is not None]
    low, top = math.floor(min(values) / 10) * 10, math.ceil(max(values) / 10) * 10
    axes = Axes(x + LEFT, y + BOTTOM, wide - LEFT - RIGHT, high - BOTTOM - 4, *chart.ends, float(low), float(top))
    _grid(canvas, axes, report.axis_age, report.axis_height, range(low, top + 1, 10), 1.0)
    canvas.saveState()
    frame = canvas.beginPath()
    frame.rect(axes.x, axes.y, axes.wide, axes.high)
    canvas.clipPath(frame, stroke=0, fill=0)
    for one in chart.curves:
        middle = one.percentile == 50
        canvas.setStrokeGray(0.25 if middle else 0.5)
        canvas.setLineWidth(1.1 if middle else 0.6)
        canvas.setDash([] if one.percentile in (3, 50, 97) else [3, 1.5])
        for part in one.parts:
            _line(canvas, [axes.at(*point) for point in part])
    canvas.setDash([])
    canvas.restoreState()
    _names(canvas, chart, axes)
    _adult(canvas, chart, axes)
    _child(canvas, chart, axes)
    _legend(canvas, report, axes)


def _names(canvas: Canvas, chart: GrowthChart, axes: Axes) -> None:
    """The percentiles' names at the right end of their curves."""
    for one in chart.curves:
        if one.parts:
            px, py = axes.at(*one.parts[-1][-1])
            fonts.draw(canvas, px + 2, py - 2, f"P{one.percentile:g}", TINY, grey=0.3)


def _adult(canvas: Canvas, chart: GrowthChart, axes: Axes) -> None:
    """Right of the curves: the target band as a bar, the prediction as a lozenge with its range."""
    right = axes.x + axes.wide
    if chart.target is not None:
        cm, low, high = (axes.at(axes.high_x, value)[1] for value in chart.target)
        canvas.setFillColorRGB(*TARGET)
        canvas.setStrokeColorRGB(*TARGET)
        canvas.rect(right + 19, low, 6, high - low, stroke=0, fill=1)
        canvas.setStrokeGray(0)
        canvas.setLineWidth(0.9)
        canvas.line(right + 17, cm, right + 27, cm)
    if chart.predicted is not None:
        value, least, most = chart.predicted
        px, py = right + 35, axes.at(axes.high_x, value)[1]
        canvas.setStrokeColorRGB(*PREDICTED)
        canvas.setLineWidth(0.8)
        if least is not None and most is not None:
            ends = [axes.at(axes.high_x, one)[1] for one in (least, most)]
            canvas.line(px, ends[0], px, ends[1])
            for end in ends:
                canvas.line(px - 2.5, end, px + 2.5, end)
        _lozenge(canvas, px, py, 3.4, PREDICTED, filled=True)


def _child(canvas: Canvas, chart: GrowthChart, axes: Axes) -> None:
    """The child's heights joined by a line, the last one also at the bone age, with a dashed line between the two."""
    by_age = [axes.at(mark.months, mark.cm) for mark in chart.marks if mark.kind == "age"]
    at_bone = [axes.at(mark.months, mark.cm) for mark in chart.marks if mark.kind == "bone"]
    if at_bone and by_age:
        canvas.setStrokeColorRGB(*BONE)
        canvas.setLineWidth(0.7)
        canvas.setDash([2, 1.5])
        _line(canvas, [by_age[-1], at_bone[0]])
        canvas.setDash([])
        _lozenge(canvas, *at_bone[0], 3.6, BONE, filled=False)
    canvas.setStrokeColorRGB(*CHILD)
    canvas.setFillColorRGB(*CHILD)
    canvas.setLineWidth(1.0)
    _line(canvas, by_age)
    for px, py in by_age:
        canvas.circle(px, py, 2.3, stroke=0, fill=1)


def _legend(canvas: Canvas, report: GrowthReport, axes: Axes) -> None:
    """Marks and their words in the upper left corner, where no curve runs."""
    x, y = axes.x + 8, axes.y + axes.high - 11
    for i, words in enumerate(report.legend):
        if not words:
            continue
        middle = y + 2.3
        if i == 0:
            canvas.setFillColorRGB(*CHILD)
            canvas.circle(x + 3, middle, 2.3, stroke=0, fill=1)
        elif i == 1:
            _lozenge(canvas, x + 3, middle, 3.2, BONE, filled=False)
        elif i == 2:
            canvas.setFillColorRGB(*TARGET)
            canvas.rect(x, middle - 3, 6, 6, stroke=0, fill=1)
        else:
            _lozenge(canvas, x + 3, middle, 3.0, PREDICTED, filled=True)
        for line in words.split("\n"):
            fonts.draw(canvas, x + 11, y, line, SMALL)
            y -= SMALL * 1.5


def visits_chart(canvas: Canvas, report: VisitsReport, place: tuple[float, float, float, float], room: float = 0.0) -> None:
    """Bone age against age in (x, y, width, height): the line of equal ages, and the child's films joined; a bound is an
    open mark, what nobody reviewed yet a triangle, what nobody looked at a square. The legend stands to the right of it."""
    x, y, wide, high = place
    years = [value / 12 for point in report.points for value in (point.age_months, point.bone_months)]
    low, top = max(0, math.floor(min(years)) - 1), math.ceil(max(years)) + 1
    axes = Axes(x + LEFT, y + BOTTOM, wide - LEFT - 8, high - BOTTOM - 4, *(v * 12.0 for v in (low, top, low, top)))
    _grid(canvas, axes, report.axis_age, report.axis_bone, [v * 12 for v in range(low, top + 1)], 12.0)
    canvas.setStrokeGray(0.45)
    canvas.setLineWidth(0.7)
    canvas.setDash([3, 2])
    _line(canvas, [axes.at(low * 12, low * 12), axes.at(top * 12, top * 12)])
    canvas.setDash([])
    canvas.setStrokeColorRGB(*BONE)
    canvas.setLineWidth(1.0)
    _line(canvas, [axes.at(point.age_months, point.bone_months) for point in report.points if point.figure])
    for point in report.points:
        _mark(canvas, *axes.at(point.age_months, point.bone_months), point.by, filled=point.figure)
    line = y + high - 14
    for kind, words in report.legend if room > 60 else ():
        told = [one for part in words.split("\n") for one in fonts.wrap(part, SMALL, room - 12)]
        _mark(canvas, x + wide + 14, line + SMALL * 0.3, "read" if kind == "bound" else kind, filled=kind != "bound")
        for one in told:
            fonts.draw(canvas, x + wide + 22, line, one, SMALL)
            line -= SMALL * 1.45
        line -= 3


def _mark(canvas: Canvas, x: float, y: float, by: str, *, filled: bool) -> None:
    """A film of the chart of visits: a lozenge that was read, a triangle of a draft, a square of the machine alone."""
    size = 3.2
    if by == "read":
        _lozenge(canvas, x, y, size, BONE, filled=filled)
        return
    corners = ((-size, -size), (size, -size), (size, size), (-size, size))
    if by == "draft":
        corners = ((-size, -size), (size, -size), (0.0, size), (0.0, size))
    _shape(canvas, [(x + px, y + py) for px, py in corners], BONE if by == "draft" else MACHINE, filled=filled)


def _grid(canvas: Canvas, axes: Axes, x_name: str, y_name: str, steps: Sequence[int], unit: float) -> None:
    """Rules at whole years and at ``steps`` of y (printed divided by ``unit``), the axes' figures and names, the frame."""
    canvas.setStrokeGray(0.86)
    canvas.setLineWidth(0.35)
    first, last = math.ceil(axes.low_x / 12), math.floor(axes.high_x / 12)
    every = 1 if last - first <= 20 else 2
    for year in range(first, last + 1):
        px, _ = axes.at(year * 12, axes.low_y)
        canvas.line(px, axes.y, px, axes.y + axes.high)
        if year % every == 0:
            words = str(year)
            fonts.draw(canvas, px - fonts.width(words, TINY) / 2, axes.y - 8, words, TINY, grey=0.2)
    for step in steps:
        _, py = axes.at(axes.low_x, step)
        canvas.line(axes.x, py, axes.x + axes.wide, py)
        words = f"{step / unit:g}"
        fonts.draw(canvas, axes.x - 3 - fonts.width(words, TINY), py - 2, words, TINY, grey=0.2)
    canvas.setStrokeGray(0.3)
    canvas.setLineWidth(0.7)
    canvas.rect(axes.x, axes.y, axes.wide, axes.high, stroke=1, fill=0)
    name = x_name.replace("\n", " / ")
    fonts.draw(canvas, axes.x + (axes.wide - fonts.width(name, SMALL)) / 2, axes.y - 18, name, SMALL, grey=0.2)
    canvas.saveState()
    name = y_name.replace("\n", " / ")
    canvas.translate(axes.x - LEFT + 6, axes.y + (axes.high - fonts.width(name, SMALL)) / 2)
    canvas.rotate(90)
    fonts.draw(canvas, 0, 0, name, SMALL, grey=0.2)
    canvas.restoreState()


def _line(canvas: Canvas, points: Sequence[tuple[float, float]]) -> None:
    if len(points) < 2:
        return
    path = canvas.beginPath()
    path.moveTo(*points[0])
    for point in points[1:]:
        path.lineTo(*point)
    canvas.drawPath(path, stroke=1, fill=0)


def _lozenge(canvas: Canvas, x: float, y: float, size: float, colour: tuple[float, float, float], *, filled: bool) -> None:
    _shape(canvas, [(x, y - size), (x + size, y), (x, y + size), (x - size, y)], colour, filled=filled)


def _shape(
    canvas: Canvas, corners: Sequence[tuple[float, float]], colour: tuple[float, float, float], *, filled: bool
) -> None:  # fmt: skip
    path = canvas.beginPath()
    path.moveTo(*corners[0])
    for px, py in corners[1:]:
        path.lineTo(px, py)
    path.close()
    canvas.setStrokeColorRGB(*colour)
    canvas.setLineWidth(1.0)
    if filled:
        canvas.setFillColorRGB(*colour)
    else:
        canvas.setFillGray(1)
    canvas.drawPath(path, stroke=1, fill=1)
