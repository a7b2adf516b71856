"""The film: pixels through pyqtgraph's image item, boxes and texts above, and what the mouse does.

All places are computed by the presenters (viewport, overlay, film_pixels); this widget turns mouse and
wheel into their moves and draws the result. Drags are gathered and applied once a frame.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, Qt, QTimer, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QResizeEvent, QTransform, QWheelEvent
from PySide6.QtWidgets import QGraphicsItem

from boneage_desk.common.i18n import tr
from boneage_desk.reading.film import Frame, Voi
from boneage_desk.reading.findings import Box
from boneage_desk.ui import theme
from boneage_desk.ui.presenters import overlay
from boneage_desk.ui.presenters.film_pixels import FilmPixels, dragged_window, pixels_of
from boneage_desk.ui.presenters.measured import WidthLine
from boneage_desk.ui.presenters.overlay import BoxMark, RegionMark, Show
from boneage_desk.ui.presenters.viewport import Viewport
from boneage_desk.ui.views.film_item import FilmItem, told
from boneage_desk.ui.views.film_overlay import Corners, OverlayPainter, SaliencyPicture

FRAME_MS = 15
CLICK_PX = 4


class FilmView(pg.GraphicsView):
    """Shows one frame. Emits what the person did; holds the view, never the case."""

    view_changed = Signal()
    """Zoom, place, orientation, window or overlay state."""
    bone_clicked = Signal(str)
    bone_double_clicked = Signal(str)
    box_edited = Signal(str, object)
    menu_wanted = Signal(object)

    def __init__(self, voi_lut: Callable[..., Any]) -> None:
        super().__init__(background=theme.FILM)
        self.setAccessibleName(tr("Film"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setMinimumSize(240, 200)
        self._voi_lut = voi_lut
        self._pixels: FilmPixels | None = None
        self._view = Viewport((1, 1), (1, 1))
        self._content: tuple[float, float, float, float] | None = None
        self._voi: Voi | None = None
        self._inverted = False
        self._lut: Any = None
        self._item = FilmItem(axisOrder="row-major")
        self.addItem(self._item)
        self._item.setCacheMode(QGraphicsItem.CacheMode.NoCache)
        self._patch_key: tuple[int, ...] | None = None
        self._fitted = True
        self.show_state = Show.ALL
        self.tool = "window"
        self.editing = False
        self._marks: tuple[BoxMark, ...] = ()
        self._selected = ""
        self._painter = OverlayPainter()
        self._corners = Corners()
        self._saliency: SaliencyPicture | None = None
        self._lines: tuple[WidthLine, ...] = ()
        self._regions: tuple[RegionMark, ...] = ()
        self._drag: Callable[[QPointF], None] | None = None
        self._press = QPointF()
        self._moved = False
        self._late: QPointF | None = None
        self._edited: tuple[str, Box] | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(FRAME_MS)
        self._timer.timeout.connect(self._apply_drag)

    # --- what is shown ----------------------------------------------------------------------

    @property
    def view(self) -> Viewport:
        return self._view

    @property
    def voi(self) -> Voi | None:
        return self._voi

    @property
    def inverted(self) -> bool:
        return self._inverted

    def set_frame(self, frame: Frame | None) -> None:
        """Another film, at its file's first window, fitted, upright."""
        self._pixels = pixels_of(frame) if frame is not None else None
        self._content = self._pixels.content() if self._pixels is not None else None
        self._saliency, self._edited, self._drag = None, None, None
        self._lines, self._regions = (), ()
        self._inverted = False
        self._patch_key = None
        if frame is None:
            self._item.clear()
            self._voi = None
            self.viewport().update()
            return
        self._view = Viewport((frame.width, frame.height), self._size()).fitted(self._content)
        self._fitted = True
        self.set_voi(frame.vois[0])

    def set_voi(self, voi: Voi) -> None:
        self._voi = voi
        self._make_lut()

    def auto_window(self) -> None:
        if self._pixels is not None:
            self.set_voi(self._pixels.auto_window())

    def set_inverted(self, on: bool) -> None:
        self._inverted = on
        self._make_lut()

    def set_view(self, view: Viewport, *, fitted: bool = False) -> None:
        self._view, self._fitted = view, fitted
        self._refresh()

    def fit(self) -> None:
        self.set_view(self._view.fitted(self._content), fitted=True)

    def one_to_one(self) -> None:
        self.set_view(self._view.zoomed_to(1 / self.devicePixelRatioF()))

    def reset_view(self) -> None:
        if self._pixels is not None:
            frame = self._pixels.frame
            self._inverted = False
            self._voi = frame.vois[0]
            self._view = Viewport((frame.width, frame.height), self._size()).fitted(self._content)
            self._fitted = True
            self._make_lut()

    def zoom_to(self, box: Box) -> None:
        """The box with its surroundings, three times its size."""
        width, height = self._size()
        view = self._view.zoomed_to(min(width, height) / (box.side * 3)).centred_on(*box.centre)
        self.set_view(view)

    def set_marks(self, marks: tuple[BoxMark, ...], selected: str) -> None:
        if (marks, selected) == (self._marks, self._selected) and self._edited is None:
            return  # a grade changed: the film stays as it is
        self._marks, self._selected = marks, selected
        if self._drag is None:
            self._edited = None
        self.viewport().update()

    def set_lines(self, lines: tuple[WidthLine, ...]) -> None:
        """Measured widths of the bone chosen, in film pixels."""
        if lines != self._lines:
            self._lines = lines
            self.viewport().update()

    def set_regions(self, regions: tuple[RegionMark, ...]) -> None:
        """Regions that a second opinion cut out, in film pixels."""
        if regions != self._regions:
            self._regions = regions
            self.viewport().update()

    def set_saliency(self, picture: SaliencyPicture | None) -> None:
        self._saliency = picture
        self.viewport().update()

    def set_corners(self, corners: Corners) -> None:
        if corners != self._corners:
            self._corners = corners
            self.viewport().update()

    def set_show(self, state: Show) -> None:
        self.show_state = state
        self.viewport().update()
        self.view_changed.emit()

    def set_editing(self, on: bool) -> None:
        self.editing = on
        self._edited = None
        self.viewport().update()
        self.view_changed.emit()

    # --- drawing ----------------------------------------------------------------------------

    def _size(self) -> tuple[int, int]:
        return max(1, self.viewport().width()), max(1, self.viewport().height())

    def _make_lut(self) -> None:
        if self._pixels is None or self._voi is None:
            return
        frame = self._pixels.frame
        self._lut = self._voi_lut(self._voi, frame.max_value, frame.pixels.dtype, invert=self._inverted)
        self._patch_key = None
        self._refresh()

    def _refresh(self) -> None:
        """Bring the picture item in step with view and window."""
        if self._pixels is None or self._lut is None:
            return
        zoom = self._view.zoom * self.devicePixelRatioF()
        visible = self._view.visible_film()
        key = self._patch_key
        if visible[2] > visible[0] and visible[3] > visible[1]:
            if key is None or not self._pixels.covers(key, visible, zoom):
                key = self._pixels.patch_key(visible, zoom)
                patch = self._pixels.patch(key, self._lut)
                if patch is not None:
                    self._item.setImage(np.ascontiguousarray(patch.grey), autoLevels=False, levels=None)
                    self._patch_key = key
            if self._patch_key is not None:
                self._place_item(self._patch_key)
        self._item.smooth = zoom < 4
        self.viewport().update()
        self.view_changed.emit()

    def _place_item(self, key: tuple[int, ...]) -> None:
        level, r0, _r1, c0, _c1 = key
        step = 2**level
        self._item.setTransform(QTransform.fromScale(step, step) * QTransform.fromTranslate(c0 * step, r0 * step)
                                * self.film_transform())  # fmt: skip

    def film_transform(self) -> QTransform:
        """Film pixels to widget pixels, as Qt writes it."""
        a, b, c, d = self._view.matrix
        z = self._view.zoom
        x, y = self._view.to_screen(0, 0)
        return QTransform(z * a, z * c, z * b, z * d, x, y)

    @told
    def drawForeground(self, painter: QPainter, _rect: Any) -> None:
        if self._pixels is None:
            return
        painter.save()
        painter.resetTransform()
        marks = self._marks
        if self._edited is not None:
            bone, box = self._edited
            old = next((mark for mark in marks if mark.bone == bone), None)
            fresh = BoxMark(bone, box, old.label if old else "", True, True)
            marks = (*(mark for mark in marks if mark.bone != bone), fresh)
        self._painter.paint(
            painter, self._view, self._size(), marks,
            selected=self._selected, show=self.show_state, editing=self.editing,
            dragging=self._drag is not None, corners=self._corners, saliency=self._saliency,
            film_transform=self.film_transform(), brightness=self._brightness,
            lines=self._lines if self._edited is None and not self.editing else (), regions=self._regions,
        )  # fmt: skip
        painter.restore()

    def _brightness(self, rect: tuple[float, float, float, float]) -> float:
        assert self._pixels is not None
        (x0, y0), (x1, y1) = self._view.to_film(rect[0], rect[1]), self._view.to_film(rect[2], rect[3])
        film = (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
        grey = self._pixels.brightness(film, self._lut)
        return 1 - grey if self._inverted else grey

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        super().resizeEvent(event)
        if not hasattr(self, "_view"):
            return  # pyqtgraph resizes itself while it is being made
        self._view = self._view.resized(*self._size())
        if self._fitted:
            self._view = self._view.fitted(self._content)
        self._refresh()

    # --- mouse ------------------------------------------------------------------------------

    def box_at(self, point: QPointF) -> str:
        """The bone whose box is under a screen point; the smallest when several are."""
        if self.show_state is Show.NONE:
            return ""
        hits = []
        for mark in self._marks:
            x0, y0, x1, y1 = self._view.rect_to_screen(mark.box)
            if x0 <= point.x() <= x1 and y0 <= point.y() <= y1:
                hits.append(((x1 - x0) * (y1 - y0), mark.bone))
        return min(hits)[1] if hits else ""

    def mousePressEvent(self, event: QMouseEvent) -> None:
        event.accept()
        if self._pixels is None or self._drag is not None:
            return
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self._press, self._moved = event.position(), False
        button = event.button()
        if button == Qt.MouseButton.LeftButton:
            self._drag = self._edit_drag(event.position()) if self.editing else self._tool_drag(self.tool)
        elif button == Qt.MouseButton.MiddleButton:
            self._drag = self._tool_drag("pan")
        elif button == Qt.MouseButton.RightButton:
            self._drag = self._tool_drag("zoom")

    def _tool_drag(self, tool: str) -> Callable[[QPointF], None]:
        start_view, start_voi, press = self._view, self._voi, self._press
        assert self._pixels is not None and start_voi is not None
        top = self._pixels.frame.max_value

        def pan(now: QPointF) -> None:
            self.set_view(start_view.panned(now.x() - press.x(), now.y() - press.y()))

        def zoom(now: QPointF) -> None:
            self.set_view(start_view.zoomed(2 ** ((press.y() - now.y()) / 120), (press.x(), press.y())))

        def window(now: QPointF) -> None:
            dy = now.y() - press.y()
            voi = dragged_window(start_voi, now.x() - press.x(), -dy if self._inverted else dy, top)
            self.set_voi(voi)

        return {"pan": pan, "zoom": zoom}.get(tool, window)

    def _edit_drag(self, at: QPointF) -> Callable[[QPointF], None]:
        boxes = {mark.bone: mark.box for mark in self._marks}
        press, view = (at.x(), at.y()), self._view
        bone, grip = self._selected, ""
        if bone in boxes:
            grip = overlay.grip_at(view.rect_to_screen(boxes[bone]), *press)
        if not grip and self.box_at(at):
            bone, grip = self.box_at(at), "move"
            self.bone_clicked.emit(bone)

        def drag(now: QPointF) -> None:
            if grip:
                self._edited = (bone, overlay.dragged(view, boxes[bone], grip, press, (now.x(), now.y())))
            elif bone and bone not in boxes:
                self._edited = (bone, overlay.drawn(view, press, (now.x(), now.y())))
            else:
                self.set_view(view.panned(now.x() - press[0], now.y() - press[1]))
            self.viewport().update()

        return drag

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        event.accept()
        if self._drag is None:
            self._show_cursor(event.position())
            return
        if not self._moved and (event.position() - self._press).manhattanLength() < CLICK_PX:
            return
        self._moved = True
        self._late = event.position()
        if not self._timer.isActive():
            self._timer.start()

    def _apply_drag(self) -> None:
        if self._drag is not None and self._late is not None:
            late, self._late = self._late, None
            self._drag(late)

    def _show_cursor(self, at: QPointF) -> None:
        shape = Qt.CursorShape.ArrowCursor
        if self.editing and self._selected:
            box = next((mark.box for mark in self._marks if mark.bone == self._selected), None)
            grip = overlay.grip_at(self._view.rect_to_screen(box), at.x(), at.y()) if box else ""
            shape = _CURSORS.get(grip, Qt.CursorShape.ArrowCursor if box else Qt.CursorShape.CrossCursor)
        if self.viewport().cursor().shape() != shape:
            self.viewport().setCursor(shape)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        event.accept()
        if self._drag is None:
            return
        self._timer.stop()
        if self._moved:
            self._late = event.position()
            self._apply_drag()
        self._drag, self._late = None, None
        if self._edited is not None:
            self.box_edited.emit(*self._edited)
        elif not self._moved and event.button() == Qt.MouseButton.LeftButton:
            bone = self.box_at(event.position())
            if bone:
                self.bone_clicked.emit(bone)
        elif not self._moved and event.button() == Qt.MouseButton.RightButton:
            self.menu_wanted.emit(event.globalPosition().toPoint())
        self.viewport().update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        event.accept()
        bone = self.box_at(event.position()) if event.button() == Qt.MouseButton.LeftButton else ""
        if bone:
            self.bone_double_clicked.emit(bone)

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.accept()
        steps = event.angleDelta().y() / 120
        if self._pixels is not None and steps:
            at = event.position()
            self.set_view(self._view.zoomed(1.2**steps, (at.x(), at.y())))

    def leaveEvent(self, event: QEvent) -> None:
        event.accept()


_CURSORS = {
    "move": Qt.CursorShape.SizeAllCursor,
    "n": Qt.CursorShape.SizeVerCursor, "s": Qt.CursorShape.SizeVerCursor,
    "e": Qt.CursorShape.SizeHorCursor, "w": Qt.CursorShape.SizeHorCursor,
    "nw": Qt.CursorShape.SizeFDiagCursor, "se": Qt.CursorShape.SizeFDiagCursor,
    "ne": Qt.CursorShape.SizeBDiagCursor, "sw": Qt.CursorShape.SizeBDiagCursor,
}  # fmt: skip
