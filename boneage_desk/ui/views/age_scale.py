"""The ages between the plates: bone age, the reader's own reading, the child's age, mean -+ 2 SD and the normal range."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from boneage_desk.ui import theme
from boneage_desk.ui.presenters.plates import Kind, Mark, Span

HIGH = 46
LINE_AT = 17.0
BAND = (23.0, 9.0)
RANGE_AT = 39.0
REACH = 5.0
"""Half the width of a mark."""


def kind_colour(kind: Kind) -> str:
    """The colour in use of a kind of mark."""
    return {
        Kind.BONE_AGE: theme.TEXT, Kind.WHOLE_HAND: theme.MACHINE, Kind.OWN: theme.HUMAN, Kind.AGE: theme.MUTED,
    }[kind]  # fmt: skip


class AgeScale(QWidget):
    """A line under the tiles of the plates. ``place``: months to the rung of the ladder; the rung ``first`` is the first tile's.

    What lies outside the tiles that are shown is an arrow at that end.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(HIGH)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._place: Callable[[float], float] = float
        self._first, self._count = 0, 1
        self._marks: Sequence[Mark] = ()
        self._band: Span | None = None
        self._normal: Span | None = None

    def show_ages(
        self, place: Callable[[float], float], first: int, count: int, marks: Sequence[Mark], band: Span | None, normal: Span | None
    ) -> None:
        self._place, self._first, self._count = place, first, count
        self._marks, self._band, self._normal = marks, band, normal
        self.update()

    def at(self, months: float) -> float:
        """x of an age; may lie outside."""
        return (self._place(months) - self._first + 0.5) * self.width() / self._count

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        wide = float(self.width())
        if self._band is not None:
            low, high = self.at(self._band.low), self.at(self._band.high)
            if high > 0 and low < wide:
                area = QRectF(QPointF(max(low, -2.0), BAND[0]), QPointF(min(high, wide + 2.0), sum(BAND)))
                painter.setPen(QPen(theme.colour(theme.ACCENT), 1))
                painter.setBrush(theme.colour(theme.ACCENT, 70))
                painter.drawRect(area)
        if self._normal is not None:
            low, high = self.at(self._normal.low), self.at(self._normal.high)
            if high > 0 and low < wide:
                painter.setPen(QPen(theme.colour(theme.TEXT), 1.4))
                painter.drawLine(QPointF(max(low, 0.0), RANGE_AT), QPointF(min(high, wide), RANGE_AT))
                for end in (low, high):
                    painter.drawLine(QPointF(end, RANGE_AT - 4), QPointF(end, RANGE_AT + 4))
        painter.setPen(QPen(theme.colour(theme.MUTED), 1))
        painter.drawLine(QPointF(0, LINE_AT), QPointF(wide, LINE_AT))
        for tile in range(self._count):
            x = (tile + 0.5) * wide / self._count
            painter.drawLine(QPointF(x, LINE_AT - 3), QPointF(x, LINE_AT + 3))
        for one in reversed(self._marks):
            self._draw(painter, one, self.at(one.months))

    def _draw(self, painter: QPainter, one: Mark, x: float) -> None:
        colour = theme.colour(kind_colour(one.kind))
        wide = float(self.width())
        hollow = one.kind is Kind.WHOLE_HAND
        painter.setPen(QPen(colour, 1.5))
        painter.setBrush(Qt.BrushStyle.NoBrush if hollow else colour)
        middle = LINE_AT - 8
        if x < 0 or x > wide:  # an arrow at the end beyond which it lies
            tip, back = (1.0, 1.0 + REACH) if x < 0 else (wide - 1.0, wide - 1.0 - REACH)
            y = middle if one.kind is not Kind.AGE else LINE_AT + 9
            painter.drawPolygon(QPolygonF([QPointF(tip, y), QPointF(back, y - REACH), QPointF(back, y + REACH)]))
            return
        if one.kind is Kind.AGE:
            painter.setPen(QPen(colour, 1.5, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(x, 2), QPointF(x, HIGH - 1))
        elif one.kind is Kind.BONE_AGE:
            painter.drawPolygon(QPolygonF([QPointF(x - REACH, 3), QPointF(x + REACH, 3), QPointF(x, LINE_AT)]))
        else:
            top, foot = middle - 6, middle + 7
            painter.drawPolygon(
                QPolygonF([QPointF(x, top), QPointF(x + REACH, middle), QPointF(x, foot), QPointF(x - REACH, middle)])
            )
