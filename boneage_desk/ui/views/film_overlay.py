"""Draws everything over the film, in screen pixels: maps, regions, boxes, labels and the corner texts."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter, QPen, QPolygonF, QTransform

from boneage_desk.common.i18n import tr
from boneage_desk.imaging.map_colours import coloured
from boneage_desk.reading.annotations import Annotation
from boneage_desk.reading.film import Spacing
from boneage_desk.reading.findings import Box
from boneage_desk.ui import theme
from boneage_desk.ui.presenters import overlay, text
from boneage_desk.ui.presenters.film_marks import Drawing
from boneage_desk.ui.presenters.measured import WidthLine, lines_on_screen
from boneage_desk.ui.presenters.overlay import BoxMark, RegionMark, Show
from boneage_desk.ui.presenters.viewport import Rect, Viewport
from boneage_desk.ui.views.bone_strip import draw_width
from boneage_desk.ui.views.film_marks import MarkPainter, overlay_leader


@dataclass(frozen=True, slots=True)
class Corners:
    """Lines of the four corners, and the side letter at the top."""

    top_left: tuple[str, ...] = ()
    top_right: tuple[str, ...] = ()
    bottom_left: tuple[str, ...] = ()
    bottom_right: tuple[str, ...] = ()
    side: str = ""
    key: float = 0.0
    """The opacity of a map whose colours want a key above the bottom right; 0: there is none."""


@dataclass(frozen=True, slots=True, eq=False)
class SaliencyPicture:
    """A map ready to draw over ``box``."""

    image: QImage
    box: Box


def saliency_picture(values: Any, box: Box, opacity: float) -> SaliencyPicture:
    """Colour and opacity both rise with the value, so that what was not looked at stays plain film."""
    return SaliencyPicture(_coloured(values, opacity), box)


def _coloured(values: Any, opacity: float) -> QImage:
    rgba = coloured(values, opacity)
    height, width = rgba.shape[:2]
    return QImage(rgba.tobytes(), width, height, 4 * width, QImage.Format.Format_RGBA8888).copy()


MARGIN = 8
SIDE_POINTS = 20
"""The side letter, below the patient's lines: at the top's middle it would stand on a finger."""


class OverlayPainter:
    """Keeps label places while nothing moved, since finding them takes a few milliseconds."""

    def __init__(self) -> None:
        self._key: object = None
        self._places: dict[str, Rect] = {}
        self._marks = MarkPainter()

    def paint(
        self,
        painter: QPainter,
        view: Viewport,
        size: tuple[int, int],
        marks: tuple[BoxMark, ...],
        *,
        selected: str,
        show: Show,
        editing: bool,
        dragging: bool,
        corners: Corners,
        saliency: SaliencyPicture | None,
        film_transform: QTransform,
        brightness: Callable[[Rect], float],
        lines: tuple[WidthLine, ...] = (),
        regions: tuple[RegionMark, ...] = (),
        machine: tuple[Box, ...] = (),
        annotations: tuple[Annotation, ...] = (),
        chosen: int = 0,
        drawing: Drawing | None = None,
        spacing: Spacing | None = None,
    ) -> None:
        painter.setFont(theme.ui_font(9.5))
        corners = _broken(QFontMetricsF(painter.font()), size, corners)
        if show is not Show.NONE:
            if saliency is not None:
                self._saliency(painter, saliency, film_transform)
            for region in regions:
                _draw_region(painter, view, region)
            rects = [(mark.bone, view.rect_to_screen(mark.box)) for mark in marks]
            painter.save()
            if view.angle_deg:  # boxes are upright in the film as it lies without the free turn
                painter.translate(view.widget[0] / 2, view.widget[1] / 2)
                painter.rotate(view.angle_deg)
                painter.translate(-view.widget[0] / 2, -view.widget[1] / 2)
            for box in machine:
                _machine_box(painter, view.upright.rect_to_screen(box))
            for mark in marks:
                self._box(painter, mark, view.upright.rect_to_screen(mark.box), mark.bone == selected, editing, view)
            painter.restore()
            for line in lines_on_screen(lines, view):
                draw_width(painter, line, QPointF(*line.start), QPointF(*line.end))
            taken = self._corner_rects(painter, size, corners)
            taken += self._marks.paint(
                painter, view, size, annotations, chosen=chosen, drawing=drawing or Drawing(), spacing=spacing or Spacing(),
                boxes=[rect for _, rect in rects], taken=taken, brightness=brightness,
            )  # fmt: skip
            if show is Show.ALL and not (dragging and editing):
                self._labels(painter, view, size, marks, rects, selected, brightness, taken)
                taken = [*taken, *self._places.values(), *(rect for _, rect in rects)]
                _label_regions(painter, view, size, regions, taken)
        self._corner_texts(painter, size, corners)
        if corners.key and show is not Show.NONE:
            _colour_key(painter, size, len(corners.bottom_right), corners.key)

    @staticmethod
    def _saliency(painter: QPainter, picture: SaliencyPicture, film_transform: QTransform) -> None:
        painter.save()
        painter.setTransform(film_transform)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        box = picture.box
        painter.drawImage(QRectF(box.x0, box.y0, box.x1 - box.x0, box.y1 - box.y0), picture.image)
        painter.restore()

    @staticmethod
    def _box(painter: QPainter, mark: BoxMark, rect: Rect, selected: bool, editing: bool, view: Viewport) -> None:
        colour = QColor(theme.ON_FILM_HUMAN if mark.human else theme.ON_FILM_MACHINE)
        if not mark.certain:
            colour = QColor(theme.ON_FILM_ATTENTION)
        colour.setAlpha(255 if selected else 170)
        pen = QPen(colour, 2.0 if selected else 1.0)
        if not mark.certain:
            pen.setDashPattern([4, 3])
        area = QRectF(rect[0], rect[1], rect[2] - rect[0], rect[3] - rect[1])
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, bool(view.angle_deg))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        # a dark edge, to be seen on an inverted film too
        painter.setPen(QPen(theme.colour("#000000", 150 if selected else 80), 4 if selected else 3))
        painter.drawRect(area)
        painter.setPen(pen)
        painter.drawRect(area)
        if mark.human:
            painter.setPen(QPen(colour, 3))
            arm = min(8.0, area.width() / 4)
            for x, dx in ((area.left(), arm), (area.right(), -arm)):
                for y, dy in ((area.top(), arm), (area.bottom(), -arm)):
                    painter.drawLine(QPointF(x, y), QPointF(x + dx, y))
                    painter.drawLine(QPointF(x, y), QPointF(x, y + dy))
        if selected and editing:
            painter.setPen(QPen(QColor("#000000"), 1))
            painter.setBrush(colour)
            for x, y in overlay.handle_points(rect).values():
                painter.drawRect(QRectF(x - 3.5, y - 3.5, 7, 7))

    def _labels(
        self,
        painter: QPainter,
        view: Viewport,
        size: tuple[int, int],
        marks: tuple[BoxMark, ...],
        rects: list[tuple[str, Rect]],
        selected: str,
        brightness: Callable[[Rect], float],
        taken: list[Rect],
    ) -> None:
        # Room for the letters is kept, so that a grade given or taken back moves no label.
        key = (view, size, tuple((mark.bone, mark.box) for mark in marks), tuple(taken))
        if key != self._key:
            metrics = QFontMetricsF(painter.font())
            height = metrics.height()
            sizes = {mark.bone: (metrics.horizontalAdvance(f"{text.short(mark.bone)} H !") + 6, height)
                     for mark in marks}  # fmt: skip
            self._places = overlay.place_labels(rects, sizes, (2, 2, size[0] - 2, size[1] - 2), brightness, taken)
            self._key = key
        by_bone = dict(rects)
        metrics = QFontMetricsF(painter.font())
        for mark in marks:
            place = self._places.get(mark.bone)
            if place is None:
                continue
            place = _shrunk(place, metrics.horizontalAdvance(mark.label) + 6, by_bone[mark.bone])
            chosen = mark.bone == selected
            colour = QColor(theme.ON_FILM_HUMAN if " H" in mark.label else theme.ON_FILM_MACHINE)
            if " !" in mark.label:
                colour = QColor(theme.ON_FILM_ATTENTION)
            overlay_leader(painter, by_bone[mark.bone], place, colour)
            area = QRectF(place[0], place[1], place[2] - place[0], place[3] - place[1])
            painter.fillRect(area, theme.colour("#000000", 205 if chosen else 165))
            painter.setPen(QColor("#ffffff") if chosen else colour)
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter, mark.label)

    @staticmethod
    def _corner_rects(painter: QPainter, size: tuple[int, int], corners: Corners) -> list[Rect]:
        """The ground that the corner texts need, in steps of 40 px so that a changing number moves no label."""
        metrics = QFontMetricsF(painter.font())
        result = []
        for lines, left, top in (
            (corners.top_left, True, True), (corners.top_right, False, True),
            (corners.bottom_left, True, False), (corners.bottom_right, False, False),
        ):  # fmt: skip
            if not lines:
                continue
            both = (corners.top_left, corners.top_right) if top else (corners.bottom_left, corners.bottom_right)
            room = _rooms(metrics, size, *both)[0 if left else 1] + MARGIN
            width = min(room, 40 * math.ceil((max(metrics.horizontalAdvance(line) for line in lines) + 12) / 40))
            height = metrics.height() * (len(lines) + (1 if corners.key and not left and not top else 0)) + 12
            if corners.side and left and top:
                height += SIDE_POINTS * 1.8
            x0 = 0.0 if left else size[0] - width
            y0 = 0.0 if top else size[1] - height
            result.append((x0, y0, x0 + width, y0 + height))
        return result

    @staticmethod
    def _corner_texts(painter: QPainter, size: tuple[int, int], corners: Corners) -> None:
        metrics = QFontMetricsF(painter.font())
        height, margin = metrics.height(), MARGIN
        right = Qt.AlignmentFlag.AlignRight
        left = Qt.AlignmentFlag.AlignLeft
        blocks = (
            (corners.top_left, left, margin),
            (corners.top_right, right, margin),
            (corners.bottom_left, left, size[1] - margin - height * len(corners.bottom_left)),
            (corners.bottom_right, right, size[1] - margin - height * len(corners.bottom_right)),
        )
        rooms = (*_rooms(metrics, size, corners.top_left, corners.top_right),
                 *_rooms(metrics, size, corners.bottom_left, corners.bottom_right))  # fmt: skip
        for (lines, side, top), room in zip(blocks, rooms, strict=True):
            for index, line in enumerate(lines):
                words = metrics.elidedText(line, Qt.TextElideMode.ElideRight, room)
                width = metrics.horizontalAdvance(words)
                x = margin if side == left else size[0] - margin - width
                outlined(painter, QPointF(x, top + index * height + metrics.ascent()), words)
        if corners.side:
            painter.setFont(theme.ui_font(SIDE_POINTS, bold=True))
            top = margin + height * len(corners.top_left) + 2
            outlined(painter, QPointF(margin, top + QFontMetricsF(painter.font()).ascent()), corners.side)
            painter.setFont(theme.ui_font(9.5))


KEY_WIDTH = 110


def _broken(metrics: QFontMetricsF, size: tuple[int, int], corners: Corners) -> Corners:
    """The state of the overlay in lines that its corner holds: it is never cut, whatever the width."""
    room, lines = _rooms(metrics, size, corners.bottom_left, corners.bottom_right)[1], []
    for line in corners.bottom_right:
        while metrics.horizontalAdvance(line) > room and len(line) > 1:
            fits = next(n for n in range(len(line) - 1, 0, -1) if n == 1 or metrics.horizontalAdvance(line[:n]) <= room)
            space = line.rfind(" ", 0, fits + 1)
            cut = space if space > fits // 3 else fits
            lines.append(line[:cut].rstrip())
            line = line[cut:].lstrip()
        lines.append(line)
    return dataclasses.replace(corners, bottom_right=tuple(lines))


def _rooms(metrics: QFontMetricsF, size: tuple[int, int], left: tuple[str, ...], right: tuple[str, ...]) -> tuple[float, float]:
    """The widths that two corners side by side may take: a short one leaves its room to the other."""
    room = size[0] - 2 * MARGIN - 16.0
    wants = [max((metrics.horizontalAdvance(line) for line in lines), default=0.0) for lines in (left, right)]
    if wants[0] <= room / 2:
        return wants[0] + 1, room - wants[0]
    return (room - wants[1], wants[1] + 1) if wants[1] <= room / 2 else (room / 2, room / 2)


def _colour_key(painter: QPainter, size: tuple[int, int], lines: int, opacity: float) -> None:
    """The colours of a map from little to most, as they look over grey film, above the corner's lines."""
    less, most = tr("looked at: less"), tr("most")
    painter.setFont(theme.ui_font(9.5))
    metrics, margin = QFontMetricsF(painter.font()), 8.0
    top = size[1] - margin - metrics.height() * (lines + 1)
    right = size[0] - margin - metrics.horizontalAdvance(most) - 6
    bar = QRectF(right - KEY_WIDTH, top + 3, KEY_WIDTH, metrics.height() - 6)
    painter.fillRect(bar.adjusted(-1, -1, 1, 1), theme.colour("#000000", 170))
    painter.fillRect(bar, QColor("#5a5a5a"))
    painter.drawImage(bar, _coloured(np.linspace(0, 1, 64, dtype=np.float32)[None, :], opacity))
    base = top + metrics.ascent()
    outlined(painter, QPointF(bar.left() - 6 - metrics.horizontalAdvance(less), base), less)
    outlined(painter, QPointF(right + 6, base), most)


def _machine_box(painter: QPainter, rect: Rect) -> None:
    """The machine's own box where a person's is in force, or none is: dotted."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for pen in (QPen(theme.colour("#000000", 150), 3.4), QPen(QColor(theme.ON_FILM_MACHINE), 1.6)):
        if pen.widthF() < 2:
            pen.setDashPattern([1.2, 2.4])
        painter.setPen(pen)
        painter.drawRect(QRectF(rect[0], rect[1], rect[2] - rect[0], rect[3] - rect[1]))


def _region_colour(region: RegionMark) -> QColor:
    return QColor(theme.METACARPAL if region.dashed else theme.CARPAL)


def _draw_region(painter: QPainter, view: Viewport, region: RegionMark) -> None:
    outline = QPolygonF([QPointF(*view.to_screen(*corner)) for corner in region.corners])
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for colour, wide in ((theme.colour("#000000", 120), 3.4), (_region_colour(region), 1.6)):
        pen = QPen(colour, wide)
        if region.dashed:
            pen.setDashPattern([12 / wide, 8 / wide])
            pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        painter.setPen(pen)
        painter.drawPolygon(outline)
    painter.restore()


def _label_regions(
    painter: QPainter, view: Viewport, size: tuple[int, int], regions: tuple[RegionMark, ...], taken: list[Rect]
) -> None:
    """Beside each region where nothing else stands; one without room has none, the corner names the lines."""
    metrics = QFontMetricsF(painter.font())
    sizes = {region.name: (metrics.horizontalAdvance(region.label) + 6, metrics.height()) for region in regions}
    rects = [(region.name, overlay.region_rect(view, region)) for region in regions]
    places = overlay.place_labels(rects, sizes, (2, 2, size[0] - 2, size[1] - 2), others=taken)
    for region in regions:
        if region.name in places:
            x0, y0, x1, y1 = places[region.name]
            painter.fillRect(QRectF(x0, y0, x1 - x0, y1 - y0), theme.colour("#000000", 165))
            painter.setPen(_region_colour(region))
            painter.drawText(QRectF(x0, y0, x1 - x0, y1 - y0), Qt.AlignmentFlag.AlignCenter, region.label)


def _shrunk(place: Rect, width: float, box: Rect) -> Rect:
    """The part of a label's place that its text needs, at the side of its box."""
    x0, y0, x1, y1 = place
    spare = max(0.0, x1 - x0 - width)
    if x1 <= box[0]:
        return x0 + spare, y0, x1, y1
    if x0 >= box[2]:
        return x0, y0, x1 - spare, y1
    return x0 + spare / 2, y0, x1 - spare / 2, y1


def outlined(painter: QPainter, at: QPointF, words: str) -> None:
    """Light text with a dark edge: to be read on black ground and on bone."""
    painter.setPen(theme.colour("#000000", 170))
    for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1), (1, 1)):
        painter.drawText(at + QPointF(dx, dy), words)
    painter.setPen(QColor("#dedede"))
    painter.drawText(at, words)
