"""What mouse, wheel and keys do on the film: tools, boxes, annotations. Drags are gathered and applied once a frame."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPointF, Qt, QTimer
from PySide6.QtGui import QKeyEvent, QMouseEvent, QWheelEvent

from boneage_desk.reading.annotations import AnnotationKind
from boneage_desk.reading.findings import Box
from boneage_desk.ui.presenters import overlay
from boneage_desk.ui.presenters.film_marks import Drawing
from boneage_desk.ui.presenters.film_pixels import dragged_window
from boneage_desk.ui.presenters.viewport import Point

if TYPE_CHECKING:
    from boneage_desk.ui.views.film_view import FilmView

FRAME_MS = 15
CLICK_PX = 4
NUDGE_MS = 450
"""A box is graded anew so long after the last arrow key."""
FAR = 10
"""Film pixels of a nudge with Shift."""
DRAWS = {kind.value: kind for kind in AnnotationKind}
_ARROWS = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1)}
Drag = Callable[[QPointF], None]


class FilmInput(QObject):
    """Turns input into the view's moves and signals. ``edited``: a box that is dragged or nudged and not handed on yet."""

    def __init__(self, view: FilmView) -> None:
        super().__init__(view)
        self._v = view
        self.mouse: Mapping[str, str] = {"middle": "pan", "right": "zoom", "wheel": "zoom"}
        """What a drag with the other buttons and the wheel do."""
        self.drawing = Drawing()
        self.edited: tuple[str, Box] | None = None
        self.dragging = False
        self._drag: Drag | None = None
        self._press = QPointF()
        self._moved = False
        self._marking = False
        self._late: QPointF | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(FRAME_MS)
        self._timer.timeout.connect(self._apply_drag)
        self._nudge = QTimer(self)
        self._nudge.setSingleShot(True)
        self._nudge.setInterval(NUDGE_MS)
        self._nudge.timeout.connect(self._nudged)

    def forget(self) -> None:
        """Another film: nothing that was begun goes on."""
        self._nudge.stop()
        self._timer.stop()
        self.edited, self._drag, self._late, self.dragging, self._marking = None, None, None, False, False
        self.drawing.drop()

    @property
    def nudging(self) -> bool:
        """Arrow keys moved a box that was not handed on yet."""
        return self._nudge.isActive()

    def hand_on(self) -> None:
        """A nudged box is given away now."""
        if self._nudge.isActive():
            self._nudge.stop()
            self._nudged()

    def _nudged(self) -> None:
        if self.edited is not None and self._drag is None:
            self._v.box_edited.emit(*self.edited)

    # --- mouse ------------------------------------------------------------------------------

    def press(self, event: QMouseEvent) -> None:
        view = self._v
        if self._drag is not None:
            return
        view.setFocus(Qt.FocusReason.MouseFocusReason)
        self._press, self._moved, self._marking = event.position(), False, False
        button = event.button()
        if button == Qt.MouseButton.LeftButton:
            self.hand_on()
            self._drag = self._left_drag(event.position())
        elif button == Qt.MouseButton.MiddleButton:
            self._drag = self._button_drag("middle")
        elif button == Qt.MouseButton.RightButton:
            self._drag = self._button_drag("right")
        self.dragging = self._drag is not None

    def _button_drag(self, button: str) -> Drag:
        does = self.mouse.get(button, "none")
        return self._tool_drag(does) if does != "none" else lambda _now: None

    def _left_drag(self, at: QPointF) -> Drag:
        view = self._v
        if view.editing:
            return self._edit_drag(at)
        film, kind = self._film_point(at), DRAWS.get(view.tool)
        found = None if self.drawing.pending else view.annotation_at(at)
        if found is not None and (kind is not None or found.index >= 0):
            view.choose_annotation(found.number)
            if not view.markable:
                return lambda _now: None
            self.drawing.hold(next(a for a in view.annotations if a.number == found.number), found, film)
        elif kind is not None and kind is not AnnotationKind.NOTE and view.markable:
            self.drawing.press(kind, film)
        elif kind is None:
            return self._tool_drag(view.tool)
        else:
            return lambda _now: None
        self._marking = True
        view.viewport().update()
        return self._mark_drag

    def _mark_drag(self, now: QPointF) -> None:
        self.drawing.hover(self._film_point(now))
        self._v.viewport().update()

    def _film_point(self, at: QPointF) -> Point:
        """A screen point in film pixels, on the film."""
        view = self._v.view
        x, y = view.to_film(at.x(), at.y())
        return min(max(x, 0.0), float(view.film[0])), min(max(y, 0.0), float(view.film[1]))

    def _tool_drag(self, tool: str) -> Drag:
        view = self._v
        start_view, start_voi, press = view.view, view.voi, self._press
        assert start_voi is not None
        top = view.max_value

        def pan(now: QPointF) -> None:
            view.set_view(start_view.panned(now.x() - press.x(), now.y() - press.y()))

        def zoom(now: QPointF) -> None:
            view.set_view(start_view.zoomed(2 ** ((press.y() - now.y()) / 120), (press.x(), press.y())))

        def rotate(now: QPointF) -> None:
            mx, my = start_view.widget[0] / 2, start_view.widget[1] / 2
            one, two = (math.atan2(p.y() - my, p.x() - mx) for p in (press, now))
            view.set_view(start_view.rotated(round(math.degrees(two - one), 1)))

        def window(now: QPointF) -> None:
            dy = now.y() - press.y()
            view.set_voi(dragged_window(start_voi, now.x() - press.x(), -dy if view.inverted else dy, top))

        return {"pan": pan, "zoom": zoom, "rotate": rotate}.get(tool, window)

    def _edit_drag(self, at: QPointF) -> Drag:
        owner, view = self._v, self._v.view
        boxes, press = owner.boxes(), (at.x(), at.y())
        bone, grip = owner.selected, ""
        if bone in boxes:
            grip = overlay.grip_at(view.upright.rect_to_screen(boxes[bone]), *view.unturned(*press))
        missing = bool(bone) and bone not in boxes  # boxes overlap: a drag draws it also where it begins in another's
        if not grip and owner.box_at(at) and not missing:
            bone, grip = owner.box_at(at), "move"
            owner.bone_clicked.emit(bone)

        def drag(now: QPointF) -> None:
            if grip:
                self.edited = (bone, overlay.dragged(view, boxes[bone], grip, press, (now.x(), now.y())))
            elif missing:
                self.edited = (bone, overlay.drawn(view, press, (now.x(), now.y())))
            else:
                owner.set_view(view.panned(now.x() - press[0], now.y() - press[1]))
            owner.viewport().update()

        return drag

    def move(self, event: QMouseEvent) -> None:
        view = self._v
        if view.lens.on:
            view.lens.at = event.position()
            view.viewport().update()
        if self._drag is None:
            if self.drawing.pending:
                self._mark_drag(event.position())
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

    def release(self, event: QMouseEvent) -> None:
        view = self._v
        if self._drag is None:
            return
        self._timer.stop()
        if self._moved and not self._marking:
            self._late = event.position()
            self._apply_drag()
        self._drag, self._late, self.dragging = None, None, False
        if self._marking:
            self._marked(event.position())
        elif self.edited is not None:
            view.box_edited.emit(*self.edited)
        elif not self._moved and event.button() == Qt.MouseButton.LeftButton:
            self._clicked(event.position())
        elif not self._moved and event.button() == Qt.MouseButton.RightButton:
            found = view.annotation_at(event.position())
            view.choose_annotation(found.number if found else 0)
            view.menu_wanted.emit(event.globalPosition().toPoint())
        view.viewport().update()

    def _marked(self, at: QPointF) -> None:
        self._marking = False
        if self.drawing.moving:
            self.drawing.hover(self._film_point(at))
        done = self.drawing.release(self._film_point(at), self._moved)
        if done is not None:
            self._v.annotation_drawn.emit(done)

    def _clicked(self, at: QPointF) -> None:
        view = self._v
        if view.tool == AnnotationKind.NOTE and not view.editing and view.annotation_at(at) is None:
            if view.markable:
                view.note_wanted.emit(self._film_point(at))
            else:
                view.annotation_refused.emit()
            return
        if view.tool in DRAWS and not view.markable and not view.editing:
            view.annotation_refused.emit()
            return
        found = view.annotation_at(at)
        view.choose_annotation(found.number if found else 0)
        bone = view.box_at(at)
        if bone and found is None:
            view.bone_clicked.emit(bone)

    def double(self, event: QMouseEvent) -> None:
        view = self._v
        if event.button() != Qt.MouseButton.LeftButton:
            return
        found = view.annotation_at(event.position())
        if found is not None and view.tool not in (AnnotationKind.DISTANCE, AnnotationKind.ANGLE):
            view.annotation_opened.emit(found.number)
            return
        if view.tool in DRAWS and not view.editing:
            self.press(event)  # the second of two quick clicks sets a point as the first did
            return
        bone = view.box_at(event.position())
        if bone:
            view.bone_double_clicked.emit(bone)

    def wheel(self, event: QWheelEvent) -> None:
        steps = event.angleDelta().y() / 120
        if not steps:
            return
        view, at = self._v, event.position()
        if view.lens.on and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            view.lens.step(steps)
            view.viewport().update()
            view.view_changed.emit()
            return
        if self.mouse.get("wheel") != "none":
            view.set_view(view.view.zoomed(1.2**steps, (at.x(), at.y())))

    def _show_cursor(self, at: QPointF) -> None:
        owner = self._v
        shape = Qt.CursorShape.CrossCursor if owner.tool in DRAWS else Qt.CursorShape.ArrowCursor
        if owner.editing:
            shape = Qt.CursorShape.ArrowCursor
            if owner.selected:
                box = owner.boxes().get(owner.selected)
                grip = ""
                if box is not None:
                    grip = overlay.grip_at(owner.view.upright.rect_to_screen(box), *owner.view.unturned(at.x(), at.y()))
                shape = _CURSORS.get(grip, shape if box is not None else Qt.CursorShape.CrossCursor)
        elif not self.drawing.pending:
            found = owner.annotation_at(at)
            if found is not None and (found.index >= 0 or owner.tool in DRAWS):
                shape = Qt.CursorShape.SizeAllCursor
        if owner.viewport().cursor().shape() != shape:
            owner.viewport().setCursor(shape)

    # --- keys -------------------------------------------------------------------------------

    def takes(self, event: QKeyEvent) -> bool:
        """Whether a key is the film's now, before any command has it."""
        key = Qt.Key(event.key())
        if key == Qt.Key.Key_Escape:
            return self.drawing.pending
        if not self._v.editing or event.modifiers() & Qt.KeyboardModifier.AltModifier:
            return False
        plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        return key in _ARROWS or (key == Qt.Key.Key_Delete and plain)

    def key(self, event: QKeyEvent) -> bool:
        """Do what a key of :meth:`takes` does. True when it was one."""
        if not self.takes(event):
            return False
        key, view = Qt.Key(event.key()), self._v
        if key == Qt.Key.Key_Escape:
            self.drawing.drop()
            view.viewport().update()
        elif key == Qt.Key.Key_Delete:
            self._nudge.stop()
            self.edited = None
            view.box_removed.emit(view.selected)
        else:
            self._push(_ARROWS[key], event.modifiers())
        return True

    def _push(self, way: tuple[int, int], modifiers: Qt.KeyboardModifier) -> None:
        """The box of the bone chosen by one film pixel, with Shift ten; with Ctrl its size."""
        view = self._v
        if self.edited is not None and self.edited[0] != view.selected:
            self.hand_on()
        box = self.edited[1] if self.edited is not None else view.boxes().get(view.selected)
        if box is None or self._drag is not None:
            return
        far = FAR if modifiers & Qt.KeyboardModifier.ShiftModifier else 1
        grow = bool(modifiers & Qt.KeyboardModifier.ControlModifier)
        # growing: up is higher, down is lower, as the arrow's length would say
        right, down = way[0] * far, (-way[1] if grow else way[1]) * far
        self.edited = (view.selected, overlay.nudged(view.view, box, right, down, grow=grow))
        self._nudge.start()
        view.viewport().update()


_CURSORS = {
    "move": Qt.CursorShape.SizeAllCursor,
    "n": Qt.CursorShape.SizeVerCursor, "s": Qt.CursorShape.SizeVerCursor,
    "e": Qt.CursorShape.SizeHorCursor, "w": Qt.CursorShape.SizeHorCursor,
    "nw": Qt.CursorShape.SizeFDiagCursor, "se": Qt.CursorShape.SizeFDiagCursor,
    "ne": Qt.CursorShape.SizeBDiagCursor, "sw": Qt.CursorShape.SizeBDiagCursor,
}  # fmt: skip
