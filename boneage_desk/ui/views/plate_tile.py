"""One plate of the Greulich-Pyle ladder: its age, a drawn hand, and whether it is nearest or the reader's own."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, Qt, Signal
from PySide6.QtGui import (
    QEnterEvent,
    QFocusEvent,
    QFontMetrics,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from boneage_desk.common.i18n import tr
from boneage_desk.standards.gp import Plate
from boneage_desk.ui import theme
from boneage_desk.ui.presenters.plates import SIZE, plate_age

MARGIN = 3
STEPS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: +1}


class PlateTile(QWidget):
    """A click or Enter ``chosen``; ``focused``; ``hovered``: the pointer came or left; the keys that go along the ladder."""

    chosen = Signal()
    focused = Signal()
    hovered = Signal(bool)
    step_wanted = Signal(int)
    end_wanted = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self.plate: Plate | None = None
        self._image: QImage | None = None
        self._small: QImage | None = None
        self.nearest = self.own = self.large = False
        self._open = True
        self._age = self._foot = ""
        self._font = theme.ui_font(8.5)
        self._bold = theme.ui_font(8.5, bold=True)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)

    def _line(self) -> int:
        return self.fontMetrics().height() + 2

    @property
    def least_wide(self) -> int:
        """Pixels that the longest age needs."""
        return QFontMetrics(self._bold).horizontalAdvance(">= 18 y 0 m") + 2

    def high(self, width: int) -> int:
        """Pixels that a tile of this width is high."""
        return round((width - 2 * MARGIN) * SIZE[0] / SIZE[1]) + 2 * self._line() + 2 * MARGIN

    def show_plate(self, plate: Plate, image: QImage | None, *, nearest: bool, own: bool, large: bool, open_: bool) -> None:
        """``large``: it is the one that is drawn large. ``open_``: a click may record it."""
        if image is not self._image or plate is not self.plate:
            self._small = None
        self.plate, self._image, self._open = plate, image, open_
        self.nearest, self.own, self.large = nearest, own, large
        self._age = plate_age(plate)
        self._foot = tr("mine") if own else tr("nearest") if nearest else tr("no. {number}", number=plate.number)
        name = [tr("Plate {number}, {age}", number=plate.number, age=self._age)]
        name += [tr("nearest to the bone age")] if nearest else []
        name += [tr("my atlas reading")] if own else []
        self.setAccessibleName(", ".join(name))
        self.setCursor(Qt.CursorShape.PointingHandCursor if open_ else Qt.CursorShape.ArrowCursor)
        self.setToolTip(tr("Click or Enter: my own reading by the atlas is this plate") if open_ else "")
        self.setAccessibleDescription(self.toolTip())
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        area, line = self.rect(), self._line()
        painter.fillRect(area, theme.colour(theme.SELECTION if self.own else theme.RAISED))
        picture = area.adjusted(MARGIN, MARGIN + line, -MARGIN, -MARGIN - line)
        if self._image is None:
            painter.setPen(QPen(theme.colour(theme.LINE), 1, Qt.PenStyle.DashLine))
            painter.drawRect(picture.adjusted(0, 0, -1, -1))
        else:
            scale = self.devicePixelRatioF()
            wanted = picture.size() * scale
            if self._small is None or self._small.size() != wanted:
                self._small = self._image.scaled(
                    wanted, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
                )
            painter.drawImage(picture, self._small)
        painter.setFont(self._bold if self.nearest or self.own else self._font)
        painter.setPen(theme.colour(theme.TEXT))
        centre = int(Qt.AlignmentFlag.AlignCenter)
        painter.drawText(area.adjusted(0, 1, 0, 0).adjusted(0, 0, 0, line - area.height()), centre, self._age)
        painter.setFont(self._font)
        painter.setPen(theme.colour(theme.HUMAN if self.own else theme.TEXT if self.nearest else theme.MUTED))
        sign = "\N{BLACK DIAMOND} " if self.own else ""
        painter.drawText(area.adjusted(0, area.height() - line, 0, -1), centre, sign + self._foot)
        frame = QRectF(area).adjusted(0.5, 0.5, -0.5, -0.5)
        if self.own or self.nearest:
            painter.setPen(QPen(theme.colour(theme.HUMAN if self.own else theme.TEXT), 1))
            painter.drawRect(frame)
        if self.large:
            painter.fillRect(QRectF(0, area.height() - 3, area.width(), 3), theme.colour(theme.ACCENT))
        if self.hasFocus():
            painter.setPen(QPen(theme.colour(theme.ACCENT), 2))
            painter.drawRect(frame.adjusted(0.5, 0.5, -0.5, -0.5))

    # --- hands ----------------------------------------------------------------------------------
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        inside = self.rect().contains(event.position().toPoint())
        if self._open and event.button() is Qt.MouseButton.LeftButton and inside:
            self.chosen.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if self._open and not event.isAutoRepeat():
                self.chosen.emit()
        elif key in STEPS:
            self.step_wanted.emit(STEPS[key])
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            self.end_wanted.emit(key == Qt.Key.Key_End)
        else:
            super().keyPressEvent(event)

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self.hovered.emit(True)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.hovered.emit(False)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()
        self.focused.emit()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()
