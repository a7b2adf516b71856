"""The atlas ladder: drawings of the grade below, this one and the one above at one scale, with their criteria."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from boneage_desk.common.i18n import tr
from boneage_desk.ui import theme
from boneage_desk.ui.presenters import text
from boneage_desk.ui.presenters.rows import Step
from boneage_desk.ui.views.clipped_text import ClippedText

LEAST_SIDE, MOST_SIDE = 52, 192
TEXT_LINES = 3
"""Lines of the criterion that a drawing leaves room for."""


class _Drawing(QWidget):
    """One drawn grade; a still frame while it is being drawn."""

    def __init__(self) -> None:
        super().__init__()
        self._image: QImage | None = None
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def show_image(self, image: QImage | None) -> None:
        self._image = image
        self.update()

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self)
        area = QRectF(self.rect())
        if self._image is None:
            painter.setPen(QPen(theme.colour(theme.LINE), 1, Qt.PenStyle.DashLine))
            painter.drawRect(area.adjusted(0, 0, -1, -1))
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(area, self._image)


class Rung(QFrame):
    """One grade of the ladder: its name, its probability and months, the drawing, what it looks like."""

    clicked = Signal()

    def __init__(self, this: bool) -> None:
        super().__init__()
        self._there = False
        self._parts = ("", "")
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 2, 4, 2)
        column.setSpacing(2)
        self.head = QLabel()
        self.head.setFont(theme.ui_font(10, bold=True))
        self.head.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self.foot = QLabel()
        self.foot.setFont(theme.ui_font(8))
        self.foot.setProperty("muted", True)
        for label in (self.head, self.foot):
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.drawing = _Drawing()
        self.words = ClippedText(theme.TEXT if this else theme.MUTED)
        self.words.setFont(theme.ui_font(9))
        self.setMinimumWidth(84)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        top = QHBoxLayout()
        top.setSpacing(2)
        top.addWidget(self.head)
        top.addWidget(self.foot, 1, Qt.AlignmentFlag.AlignRight)
        column.addLayout(top)
        column.addWidget(self.drawing, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self.words, 1)
        self._this = this
        if not this:
            self.setCursor(Qt.CursorShape.PointingHandCursor)

    def show_step(self, step: Step, arrow: str, tip: str) -> None:
        self._there = step.grade is not None
        self.head.setText(f"{arrow} {step.label}".strip() if self._there else "")
        self.words.setText(step.criterion)
        self._parts = (
            f"{step.probability:.0%}" if step.probability is not None else "",
            tr("{months} m", months=text.signed(step.months)) if step.months is not None else "",
        )
        self._show_foot()
        self.drawing.setVisible(self._there)
        self.drawing.setToolTip(tip if self._there else "")
        if not self._there:
            self.drawing.show_image(None)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._this and self._there:
            painter = QPainter(self)
            painter.setPen(QPen(theme.colour(theme.ACCENT), 1))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)

    def _show_foot(self) -> None:
        """Probability and months; where both have no room, the months that the step is worth."""
        both = " ".join(part for part in self._parts if part)
        room = self.width() - self.head.sizeHint().width() - 12
        wide = self.foot.fontMetrics().horizontalAdvance
        fits = wide(both) <= room
        one = self._parts[1] or self._parts[0]
        self.foot.setText(both if fits else one if wide(one) <= room else "")
        self.foot.setToolTip("" if fits else both)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show_foot()

    def head_height(self) -> int:
        return max(self.head.sizeHint().height(), self.foot.sizeHint().height()) + 8

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        if self._there and event.button() is Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.clicked.emit()


class BoneLadder(QWidget):
    """Three rungs of the same width; a click on a neighbour is one grade less or more."""

    step_wanted = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("Ladder of grades"))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        self.rungs = (Rung(False), Rung(True), Rung(False))
        for rung in self.rungs:
            row.addWidget(rung, 1)
        self.rungs[0].clicked.connect(lambda: self.step_wanted.emit(-1))
        self.rungs[2].clicked.connect(lambda: self.step_wanted.emit(+1))
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share()

    def _share(self) -> None:
        """One side for all three drawings: they compare only at equal scale."""
        lines = TEXT_LINES * self.rungs[0].words.fontMetrics().lineSpacing() + 4
        high = self.height() - self.rungs[0].head_height() - lines
        wide = (self.width() - 2 * 4) // 3 - 10
        side = max(LEAST_SIDE, min(high, wide, MOST_SIDE))
        for rung in self.rungs:
            rung.drawing.setFixedSize(side, side)
            line = rung.words.fontMetrics().lineSpacing()
            rung.words.setVisible(self.height() - rung.head_height() - side >= line)  # never over the drawing

    def show_steps(self, steps: tuple[Step, Step, Step] | None, tip: str = "") -> None:
        self.setVisible(steps is not None)
        if steps is None:
            return
        arrows = ("\N{LEFTWARDS ARROW}", "", "\N{RIGHTWARDS ARROW}")
        for rung, step, arrow in zip(self.rungs, steps, arrows, strict=True):
            rung.show_step(step, arrow, tip)

    def show_images(self, images: tuple[QImage | None, QImage | None, QImage | None]) -> None:
        for rung, image in zip(self.rungs, images, strict=True):
            rung.drawing.show_image(image)
