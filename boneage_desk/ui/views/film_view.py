"""The film: pixels through pyqtgraph's image item, boxes, annotations and texts above.

All places are computed by the presenters (viewport, overlay, film_marks, film_pixels); this widget draws the result. What
mouse and keys do is in film_input.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QResizeEvent, QTransform, QWheelEvent
from PySide6.QtWidgets import QGraphicsItem

from boneage_desk.common.i18n import tr
from boneage_desk.reading.annotations import Annotation
from boneage_desk.reading.film import Frame, Voi, VoiKind
from boneage_desk.reading.findings import Box
from boneage_desk.ui import theme
from boneage_desk.ui.presenters import film_marks, windows
from boneage_desk.ui.presenters.film_marks import Hit
from boneage_desk.ui.presenters.film_pixels import FilmPixels, pixels_of, screen_lut
from boneage_desk.ui.presenters.measured import WidthLine
from boneage_desk.ui.presenters.overlay import BoxMark, RegionMark, Show
from boneage_desk.ui.presenters.viewport import Viewport
from boneage_desk.ui.views.film_input import FilmInput
from boneage_desk.ui.views.film_item import FilmItem, told
from boneage_desk.ui.views.film_marks import Lens
from boneage_desk.ui.views.film_overlay import Corners, OverlayPainter, SaliencyPicture


class FilmView(pg.GraphicsView):
    """Shows one frame. Emits what the person did; holds the view, never the case."""

    view_changed = Signal()
    """Zoom, place, orientation, window or overlay state."""
    bone_clicked = Signal(str)
    bone_double_clicked = Signal(str)
    box_edited = Signal(str, object)
    box_removed = Signal(str)
    menu_wanted = Signal(object)
    annotation_drawn = Signal(object)
    """A `Drawn`: a new annotation, or other points of one."""
    annotation_chosen = Signal(int)
    annotation_opened = Signal(int)
    """The words of a note are wanted."""
    annotation_refused = Signal()
    """Somebody would draw on a film whose reading is closed."""
    note_wanted = Signal(object)
    """A note at a point of the film."""

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
        self._screen_lut: Any = None
        self._item = FilmItem(axisOrder="row-major")
        self.addItem(self._item)
        self._item.setCacheMode(QGraphicsItem.CacheMode.NoCache)
        self._patch_key: tuple[int, ...] | None = None
        self._fitted = True
        self.show_state = Show.ALL
        self.tool = "window"
        self.editing = False
        self.markable = False
        self.annotations: tuple[Annotation, ...] = ()
        self.chosen = 0
        self._filtered: FilmPixels | None = None
        self._machine: tuple[Box, ...] = ()
        self.lens = Lens()
        self._marks: tuple[BoxMark, ...] = ()
        self._selected = ""
        self._painter = OverlayPainter()
        self._corners = Corners()
        self._saliency: SaliencyPicture | None = None
        self._lines: tuple[WidthLine, ...] = ()
        self._regions: tuple[RegionMark, ...] = ()
        self.input = FilmInput(self)

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

    @property
    def pixels(self) -> FilmPixels | None:
        """The film's own pixels, whatever filter is shown."""
        return self._pixels

    @property
    def max_value(self) -> int:
        return self._pixels.frame.max_value if self._pixels is not None else 1

    @property
    def selected(self) -> str:
        """The bone chosen."""
        return self._selected

    def boxes(self) -> dict[str, Box]:
        """The boxes shown, by bone."""
        return {mark.bone: mark.box for mark in self._marks}

    def set_frame(self, frame: Frame | None) -> None:
        """Another film, at its file's first window, fitted, upright."""
        self._pixels = pixels_of(frame) if frame is not None else None
        self._content = self._pixels.content() if self._pixels is not None else None
        self.input.forget()
        self._saliency, self._filtered = None, None
        self._lines, self._regions, self._machine, self.annotations, self.chosen = (), (), (), (), 0
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

    def set_shape(self, kind: VoiKind) -> None:
        """Linear or sigmoid, centre and width as they are."""
        if self._pixels is not None and self._voi is not None:
            self.set_voi(windows.reshaped(self._voi, kind, self.max_value))

    def set_filtered(self, pixels: FilmPixels | None) -> None:
        """Show other pixels of the same film (a display filter), or its own again."""
        self._filtered = pixels
        self._patch_key = None
        self._refresh()

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

    def set_marks(self, marks: tuple[BoxMark, ...], selected: str, waiting: frozenset[str] = frozenset()) -> None:
        """``waiting``: bones whose moved box is being graded: it stays where it was put."""
        entry = self.input
        if (marks, selected) == (self._marks, self._selected) and entry.edited is None:
            return  # a grade changed: the film stays as it is
        if entry.nudging and selected != self._selected:
            entry.hand_on()
        self._marks, self._selected = marks, selected
        if not entry.dragging and not entry.nudging and (entry.edited is None or entry.edited[0] not in waiting):
            entry.edited = None
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

    def set_machine_boxes(self, boxes: tuple[Box, ...]) -> None:
        """Boxes of the machine where others are in force."""
        if boxes != self._machine:
            self._machine = boxes
            self.viewport().update()

    def set_annotations(self, annotations: tuple[Annotation, ...], markable: bool) -> None:
        """What is drawn on the film; ``markable``: more may be."""
        self.markable = markable
        if annotations != self.annotations:
            self.annotations = annotations
            if all(annotation.number != self.chosen for annotation in annotations):
                self.choose_annotation(0)
            self.viewport().update()

    def choose_annotation(self, number: int) -> None:
        if number != self.chosen:
            self.chosen = number
            self.viewport().update()
            self.annotation_chosen.emit(number)

    def annotation_at(self, at: QPointF) -> Hit | None:
        if self.show_state is Show.NONE or self.editing:
            return None
        return film_marks.hit(self.annotations, self._view, at.x(), at.y())

    def set_tool(self, tool: str) -> None:
        """The tool of the left button; what was begun with another is dropped."""
        self.tool = tool
        self.input.drawing.drop()
        self.viewport().update()
        self.view_changed.emit()

    def set_lens(self, on: bool) -> None:
        self.lens.on = on
        self.lens.at = QPointF(self.mapFromGlobal(self.cursor().pos())) if on and self.underMouse() else None
        if on and self.lens.at is None:
            self.lens.at = QPointF(self.viewport().rect().center())
        self.viewport().update()
        self.view_changed.emit()

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
        self.input.hand_on()
        self.editing = on
        self.input.edited = None
        self.input.drawing.drop()
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
        self._screen_lut = screen_lut(self._lut)
        self._patch_key = None
        self._refresh()

    def _refresh(self) -> None:
        """Bring the picture item in step with view and window."""
        if self._pixels is None or self._lut is None:
            return
        zoom = self._view.zoom * self.devicePixelRatioF()
        visible = self._view.visible_film()
        pixels = self._filtered or self._pixels
        key = self._patch_key
        if visible[2] > visible[0] and visible[3] > visible[1]:
            if key is None or not pixels.covers(key, visible, zoom):
                key = pixels.patch_key(visible, zoom)
                patch = pixels.patch(key, self._screen_lut)
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
        a, b, c, d = self._view.linear
        z = self._view.zoom
        x, y = self._view.to_screen(0, 0)
        return QTransform(z * a, z * c, z * b, z * d, x, y)

    @told
    def drawForeground(self, painter: QPainter, _rect: Any) -> None:
        if self._pixels is None:
            return
        painter.save()
        painter.resetTransform()
        marks, edited = self._marks, self.input.edited
        if edited is not None:
            bone, box = edited
            old = next((mark for mark in marks if mark.bone == bone), None)
            fresh = BoxMark(bone, box, old.label if old else "", True, True)
            marks = (*(mark for mark in marks if mark.bone != bone), fresh)
        self._painter.paint(
            painter, self._view, self._size(), marks,
            selected=self._selected, show=self.show_state, editing=self.editing,
            dragging=self.input.dragging or self.input.nudging, corners=self._corners, saliency=self._saliency,
            film_transform=self.film_transform(), brightness=self._brightness,
            lines=self._lines if edited is None and not self.editing else (), regions=self._regions,
            machine=self._machine, annotations=self.annotations, chosen=self.chosen, drawing=self.input.drawing,
            spacing=self._pixels.frame.spacing,
        )  # fmt: skip
        self.lens.paint(painter, self._view, self._filtered or self._pixels, self._lut, self.devicePixelRatioF())
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
        x, y = self._view.unturned(point.x(), point.y())
        for mark in self._marks:
            x0, y0, x1, y1 = self._view.upright.rect_to_screen(mark.box)
            if x0 <= x <= x1 and y0 <= y <= y1:
                hits.append(((x1 - x0) * (y1 - y0), mark.bone))
        return min(hits)[1] if hits else ""

    def mousePressEvent(self, event: QMouseEvent) -> None:
        event.accept()
        if self._pixels is not None:
            self.input.press(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        event.accept()
        if self._pixels is not None:
            self.input.move(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        event.accept()
        self.input.release(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        event.accept()
        if self._pixels is not None:
            self.input.double(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.accept()
        if self._pixels is not None:
            self.input.wheel(event)

    def leaveEvent(self, event: QEvent) -> None:
        event.accept()
        if self.lens.on and self.lens.at is not None:
            self.lens.at = None
            self.viewport().update()

    # --- keys -------------------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        """A key that is the film's own for the moment is no command's."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self.input.takes(event):
            event.accept()
            return True
        return bool(super().event(event))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self.input.key(event):
            event.ignore()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if self.isVisible():
            self.input.hand_on()
