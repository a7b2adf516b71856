"""Draws distances, angles and notes over the film, their labels beside them and never over a joint; and the magnifier."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter, QPainterPath, QPen, QTransform

from boneage_desk.reading.annotations import Annotation, AnnotationKind
from boneage_desk.reading.film import Spacing
from boneage_desk.ui import theme
from boneage_desk.ui.presenters import film_marks, overlay
from boneage_desk.ui.presenters.film_marks import Drawing
from boneage_desk.ui.presenters.film_pixels import FilmPixels
from boneage_desk.ui.presenters.viewport import Point, Rect, Viewport


class MarkPainter:
    """Keeps the places of labels while nothing moved."""

    def __init__(self) -> None:
        self._key: object = None
        self._places: dict[str, Rect] = {}

    def paint(
        self,
        painter: QPainter,
        view: Viewport,
        size: tuple[int, int],
        annotations: tuple[Annotation, ...],
        *,
        chosen: int,
        drawing: Drawing,
        spacing: Spacing,
        boxes: list[Rect],
        taken: list[Rect],
        brightness: Callable[[Rect], float],
    ) -> list[Rect]:
        """Draw all; returns the places of the labels. ``boxes``: joints; ``taken``: what else a label keeps off."""
        still = tuple(a for a in annotations if a.number != drawing.moving)
        shapes = {str(a.number): (film_marks.on_screen(a, view), a.kind, film_marks.label(a)) for a in still}
        self._place(painter, view, size, still, shapes, boxes, taken, brightness)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for name, (points, kind, label) in shapes.items():
            bright = name == str(chosen)
            _draw(painter, points, kind, bright)
            if name in self._places:
                _label(painter, label, self._places[name], film_marks.anchor(points, kind), bright)
        live = drawing.shape(spacing)
        if live is not None:
            points = tuple(view.to_screen(*point) for point in live[0])
            _draw(painter, points, live[1], True)
            if live[2]:
                places = _places(painter, size, {"": (points, live[1], live[2])}, boxes, taken, lambda _rect: 0.0)
                if places:
                    _label(painter, live[2], places[""], film_marks.anchor(points, live[1]), True)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        return list(self._places.values())

    def _place(
        self, painter: QPainter, view: Viewport, size: tuple[int, int], still: tuple[Annotation, ...],
        shapes: dict[str, tuple[tuple[Point, ...], AnnotationKind, str]], boxes: list[Rect], taken: list[Rect],
        brightness: Callable[[Rect], float],
    ) -> None:  # fmt: skip
        key = (view, size, still, tuple(boxes), tuple(taken))
        if key != self._key:
            self._places = _places(painter, size, shapes, boxes, taken, brightness)
            self._key = key


def _places(
    painter: QPainter, size: tuple[int, int], shapes: dict[str, tuple[tuple[Point, ...], AnnotationKind, str]],
    boxes: list[Rect], taken: list[Rect], brightness: Callable[[Rect], float],
) -> dict[str, Rect]:  # fmt: skip
    metrics = QFontMetricsF(painter.font())
    anchors = [(name, film_marks.anchor(points, kind)) for name, (points, kind, _) in shapes.items()]
    sizes = {}
    for name, (_, _, label) in shapes.items():
        lines = label.split("\n")
        sizes[name] = (max(metrics.horizontalAdvance(line) for line in lines) + 8, metrics.height() * len(lines) + 2)
    lines_taken = [rect for points, _, _ in shapes.values() for rect in film_marks.along(points)]
    others = [*boxes, *taken, *lines_taken]
    found = overlay.place_labels(anchors, sizes, (2, 2, size[0] - 2, size[1] - 2), brightness, others)
    for name, at in anchors:
        inside = at[2] > 0 and at[3] > 0 and at[0] < size[0] and at[1] < size[1]
        if inside and name not in found:  # a value without its number, or a note without words, would be no use
            far = _anywhere(at, sizes[name], size, [*others, *found.values(), *(rect for _, rect in anchors)])
            if far is not None:
                found[name] = far
    return found


def _anywhere(anchor: Rect, wanted: tuple[float, float], size: tuple[int, int], obstacles: list[Rect], step: int = 8) -> Rect | None:
    """The free place of a size that is nearest to ``anchor``, wherever it is on the screen."""
    x, y = np.meshgrid(np.arange(2, size[0] - wanted[0] - 2, step), np.arange(2, size[1] - wanted[1] - 2, step))
    if not x.size:
        return None
    away = np.hypot(x + wanted[0] / 2 - anchor[0], y + wanted[1] / 2 - anchor[1])
    for x0, y0, x1, y1 in obstacles:
        away[(x < x1 + 2) & (x + wanted[0] > x0 - 2) & (y < y1 + 2) & (y + wanted[1] > y0 - 2)] = np.inf
    best = int(np.argmin(away))
    if not np.isfinite(away.flat[best]):
        return None
    left, top = float(x.flat[best]), float(y.flat[best])
    return left, top, left + wanted[0], top + wanted[1]


def _draw(painter: QPainter, points: tuple[Point, ...], kind: AnnotationKind, bright: bool) -> None:
    ends = [QPointF(*point) for point in points]
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for pen in (QPen(theme.colour("#000000", 170), 4.0), QPen(QColor("#ffffff") if bright else QColor(theme.ON_FILM_HUMAN), 1.6)):
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        if kind is AnnotationKind.NOTE:
            painter.drawEllipse(ends[0], 3.5, 3.5)
            continue
        for a, b in zip(ends, ends[1:], strict=False):
            painter.drawLine(a, b)
        if kind is AnnotationKind.DISTANCE and len(ends) == 2:
            _ticks(painter, *ends)
        elif kind is AnnotationKind.ANGLE and len(ends) == 3:
            _arc(painter, *ends)
        if bright:
            for end in ends:
                painter.drawEllipse(end, 3.5, 3.5)


def _ticks(painter: QPainter, a: QPointF, b: QPointF) -> None:
    """Short strokes across both ends."""
    along = b - a
    length = math.hypot(along.x(), along.y())
    if length:
        across = QPointF(-along.y(), along.x()) * (5 / length)
        for end in (a, b):
            painter.drawLine(end - across, end + across)


def _arc(painter: QPainter, start: QPointF, vertex: QPointF, end: QPointF) -> None:
    one, two = (math.degrees(math.atan2(-(p - vertex).y(), (p - vertex).x())) for p in (start, end))
    radius = min(26.0, *(math.hypot((p - vertex).x(), (p - vertex).y()) for p in (start, end)))
    span = (two - one + 180) % 360 - 180
    area = QRectF(vertex.x() - radius, vertex.y() - radius, 2 * radius, 2 * radius)
    painter.drawArc(area, round(one * 16), round(span * 16))


def _label(painter: QPainter, words: str, place: Rect, anchor: Rect, bright: bool) -> None:
    colour = QColor("#ffffff") if bright else QColor(theme.ON_FILM_HUMAN)
    overlay_leader(painter, anchor, place, colour)
    area = QRectF(place[0], place[1], place[2] - place[0], place[3] - place[1])
    painter.fillRect(area, theme.colour("#000000", 205 if bright else 165))
    painter.setPen(colour)
    painter.drawText(area.adjusted(4, 1, -4, -1), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, words)


def overlay_leader(painter: QPainter, box: Rect, place: Rect, colour: QColor) -> None:
    """A thin line from a label that stands off to what it names."""
    gap_x = max(place[0] - box[2], box[0] - place[2], 0.0)
    gap_y = max(place[1] - box[3], box[1] - place[3], 0.0)
    if max(gap_x, gap_y) < 10:
        return
    line = QColor(colour)
    line.setAlpha(110)
    painter.setPen(QPen(line, 1))
    x, y = (min(max((place[i] + place[i + 2]) / 2, box[i]), box[i + 2]) for i in (0, 1))
    start = QPointF(box[2] if place[0] > box[2] else box[0] if place[2] < box[0] else x,
                    y if gap_x else (box[1] if place[3] < box[1] else box[3]))  # fmt: skip
    end = QPointF(place[0] if place[0] > box[2] else place[2] if place[2] < box[0] else x,
                  (place[1] + place[3]) / 2 if gap_x else (place[3] if place[3] < box[1] else place[1]))  # fmt: skip
    painter.drawLine(start, end)


LENS_RADIUS, LEAST_POWER, MOST_POWER = 115, 1.5, 8.0


class Lens:
    """A round magnifier at the cursor: film only, nothing drawn over it."""

    def __init__(self) -> None:
        self.on = False
        self.power = 2.5
        self.at: QPointF | None = None

    def step(self, steps: float) -> None:
        self.power = round(min(max(self.power * 1.15**steps, LEAST_POWER), MOST_POWER), 2)

    def paint(self, painter: QPainter, view: Viewport, pixels: FilmPixels, lut: object, ratio: float) -> None:
        """``ratio``: device pixels a widget pixel."""
        if not self.on or self.at is None:
            return
        x, y, r = self.at.x(), self.at.y(), LENS_RADIUS
        near = view.zoomed(self.power, (x, y))
        corners = [near.to_film(x + dx, y + dy) for dx in (-r, r) for dy in (-r, r)]
        xs, ys = [p[0] for p in corners], [p[1] for p in corners]
        rect = (max(0.0, min(xs)), max(0.0, min(ys)), min(float(view.film[0]), max(xs)), min(float(view.film[1]), max(ys)))
        circle = QPainterPath()
        circle.addEllipse(self.at, r, r)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipPath(circle)
        painter.fillRect(QRectF(x - r, y - r, 2 * r, 2 * r), QColor(theme.FILM))
        patch = None
        if rect[2] > rect[0] and rect[3] > rect[1]:
            patch = pixels.patch(pixels.patch_key(rect, near.zoom * ratio, margin=0.02), lut)  # type: ignore[arg-type]
        if patch is not None:
            grey = np.ascontiguousarray(patch.grey)
            rows, columns = grey.shape
            image = QImage(grey.data, columns, rows, columns, QImage.Format.Format_Grayscale8)
            a, b, c, d = near.linear
            at, z = near.to_screen(0, 0), near.zoom
            painter.setTransform(QTransform(z * a, z * c, z * b, z * d, *at))
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, near.zoom * ratio < 6)
            x0, y0, x1, y1 = patch.rect
            painter.drawImage(QRectF(x0, y0, x1 - x0, y1 - y0), image)
        painter.restore()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for colour, wide in ((theme.colour("#000000", 190), 4.0), (QColor("#c8c8c8"), 1.5)):
            painter.setPen(QPen(colour, wide))
            painter.drawEllipse(self.at, r, r)
        painter.restore()
