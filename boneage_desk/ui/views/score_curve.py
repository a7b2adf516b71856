"""A small picture of the curve from score to bone age with the case on it."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from boneage_desk.common.i18n import tr
from boneage_desk.ui import theme
from boneage_desk.ui.presenters.curve import Curve

LAST_MONTHS, LAST_POINTS = 216.0, 1000.0
YEARS = (6, 12, 18)


class ScoreCurve(QWidget):
    """The case is a filled round mark with its interval as a bar, the machine alone a hollow square, the age of the child
    a dashed line: told apart without colour."""

    def __init__(self) -> None:
        super().__init__()
        self._value: Curve | None = None
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self.setFixedWidth(104)
        self.setAccessibleName(tr("Score and bone age"))

    def sizeHint(self) -> QSize:
        return QSize(104, 72)

    def show_curve(self, value: Curve | None) -> None:
        if value == self._value:
            return
        self._value = value
        words = value.words if value is not None else ""
        self.setToolTip(words)
        self.setAccessibleDescription(words)
        self.update()

    def paintEvent(self, _event: object) -> None:
        value = self._value
        if value is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.ui_font(7.5))
        metrics = painter.fontMetrics()
        area = QRectF(2, 4, self.width() - 8, self.height() - metrics.height() - 6)

        def at(months: float, points: float) -> QPointF:
            x = min(max(months, 0.0), LAST_MONTHS) / LAST_MONTHS
            return QPointF(area.left() + x * area.width(), area.bottom() - points / LAST_POINTS * area.height())

        painter.setPen(QPen(theme.colour(theme.LINE), 1))
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        taken = 0.0
        for years in YEARS:
            foot = at(years * 12, 0)
            painter.setPen(QPen(theme.colour(theme.LINE), 1))
            painter.drawLine(QPointF(foot.x(), area.top()), foot)
            painter.setPen(theme.colour(theme.MUTED))
            words = tr("{years} y", years=years)
            wide = metrics.horizontalAdvance(words)
            left = min(foot.x() - wide / 2, self.width() - wide - 1.0)
            last = years == YEARS[-1]
            if left < taken or (not last and left + wide > self.width() - metrics.horizontalAdvance(tr("{years} y", years=YEARS[-1])) - 2):
                continue  # in a large font only those that do not touch
            taken = left + wide + 3
            painter.drawText(QPointF(left, self.height() - metrics.descent() - 1), words)
        if value.interval_months is not None and value.case is not None:
            low, high = (at(months, value.case[1]) for months in value.interval_months)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour(theme.TEXT, 70))
            painter.drawRect(QRectF(low.x(), low.y() - 3, max(2.0, high.x() - low.x()), 6))
        if value.age_months is not None:
            foot = at(value.age_months, 0)
            painter.setPen(QPen(theme.colour(theme.TEXT), 1, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(foot.x(), area.top()), foot)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.colour(theme.MUTED), 1.4))
        painter.drawPolyline(QPolygonF([at(*knot) for knot in value.knots]))
        if value.machine is not None:
            middle = at(*value.machine)
            painter.setPen(QPen(theme.colour(theme.MACHINE), 1.4))
            painter.drawRect(QRectF(middle.x() - 3, middle.y() - 3, 6, 6))
        if value.case is not None:
            painter.setPen(QPen(theme.colour(theme.HUMAN), 1.6))
            painter.setBrush(Qt.BrushStyle.NoBrush if value.bound else theme.colour(theme.HUMAN))
            painter.drawEllipse(at(*value.case), 3.4, 3.4)
