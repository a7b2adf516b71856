"""Draws a row of the grade panel: crop, name, the machine's grade with its bar, the person's, the tick."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from boneage_desk.ui import theme
from boneage_desk.ui.models import bone_table as columns
from boneage_desk.ui.presenters.rows import BoneRow

_CENTRE = Qt.AlignmentFlag.AlignCenter
_LEFT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
_RIGHT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight


class BoneDelegate(QStyledItemDelegate):
    """One painter for all columns. ``typed`` holds figures of a grade that wait for the next."""

    typed = ("", "")

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(40, 24)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        row: BoneRow = index.data(columns.RowRole)
        rect = QRect(option.rect)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.fillRect(rect, QColor(theme.SELECTION if selected else theme.PANEL))
        painter.setPen(QColor(theme.LINE))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        column = index.column()
        inner = rect.adjusted(5, 0, -5, -1)
        if column == columns.CROP:
            self._crop(painter, rect, row, index)
            if selected:
                painter.fillRect(QRect(rect.left(), rect.top(), 3, rect.height()), QColor(theme.ACCENT))
        elif column == columns.NAME:
            self._name(painter, inner, row)
        elif column == columns.MACHINE:
            self._machine(painter, inner, row)
        elif column == columns.HUMAN:
            self._human(painter, inner, row)
        elif column == columns.REVIEWED:
            self._tick(painter, rect, row)
        else:
            painter.setPen(QColor(theme.TEXT if column == columns.POINTS else theme.MUTED))
            painter.drawText(inner, _RIGHT, index.data())
        painter.restore()

    @staticmethod
    def _crop(painter: QPainter, rect: QRect, row: BoneRow, index: QModelIndex | QPersistentModelIndex) -> None:
        side = min(rect.width() - 8, rect.height() - 2)
        place = QRectF(rect.left() + 6, rect.top() + (rect.height() - 1 - side) / 2, side, side)
        image = index.data(Qt.ItemDataRole.DecorationRole)
        if image is not None:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(place, image)
        else:
            painter.setPen(QPen(QColor(theme.LINE), 1, Qt.PenStyle.DashLine))
            painter.drawRect(place)
        if row.moved:
            painter.setPen(QPen(QColor(theme.HUMAN), 1))
            painter.drawRect(place)

    @staticmethod
    def _name(painter: QPainter, rect: QRect, row: BoneRow) -> None:
        painter.setPen(QColor(theme.TEXT))
        painter.drawText(rect, _LEFT, row.short)
        if row.doubt:
            painter.setFont(theme.ui_font(painter.font().pointSizeF(), bold=True))
            painter.setPen(QColor(theme.ATTENTION if not row.reviewed else theme.MUTED))
            painter.drawText(rect, _RIGHT, "!")

    @staticmethod
    def _machine(painter: QPainter, rect: QRect, row: BoneRow) -> None:
        if row.probability is None:
            painter.setPen(QColor(theme.MUTED))
            painter.drawText(rect, _LEFT, "\N{EN DASH}")
            return
        metrics = painter.fontMetrics()
        label, percent = metrics.horizontalAdvance("8(4) "), metrics.horizontalAdvance("100%")
        painter.setPen(QColor(theme.MACHINE))
        painter.drawText(rect, _LEFT, row.machine)
        if rect.width() < label + percent:
            return
        painter.setPen(QColor(theme.MUTED))
        painter.drawText(rect, _RIGHT, f"{row.probability:.0%}")
        bar = QRectF(rect.left() + label + 2, rect.center().y() - 3, rect.width() - label - percent - 10, 6)
        if bar.width() > 8:
            painter.fillRect(bar, QColor(theme.LINE))
            painter.fillRect(QRectF(bar.left(), bar.top(), bar.width() * row.probability, bar.height()),
                             theme.colour(theme.MACHINE, 200))  # fmt: skip

    def _human(self, painter: QPainter, rect: QRect, row: BoneRow) -> None:
        bone, figures = self.typed
        if bone == row.bone and figures:
            painter.setPen(QColor(theme.HUMAN))
            painter.drawText(rect, _CENTRE, f"{figures}_")
            return
        if not row.human:
            painter.setPen(QColor("#6f6f6f"))
            painter.drawText(rect, _CENTRE, "\N{EN DASH}")
            return
        if row.overridden:
            painter.setFont(theme.ui_font(painter.font().pointSizeF(), bold=True))
            painter.setPen(QPen(QColor(theme.HUMAN), 1))
            frame = QRectF(0, 0, painter.fontMetrics().horizontalAdvance(row.human) + 10, min(22, rect.height() - 3))
            frame.moveCenter(QRectF(rect).center())
            painter.drawRoundedRect(frame, 3, 3)
        painter.setPen(QColor(theme.HUMAN))
        painter.drawText(rect, _CENTRE, row.human)

    @staticmethod
    def _tick(painter: QPainter, rect: QRect, row: BoneRow) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        centre = QRectF(rect).center()
        box = QRectF(centre.x() - 7, centre.y() - 7, 14, 14)
        painter.setPen(QPen(QColor(theme.GOOD if row.reviewed else "#6f6f6f"), 1))
        painter.drawRoundedRect(box, 2, 2)
        if row.reviewed:
            painter.setPen(QPen(QColor(theme.GOOD), 2))
            x, y = box.left(), box.top()
            painter.drawPolyline(QPolygonF([QPointF(x + 3, y + 7), QPointF(x + 6, y + 10.5), QPointF(x + 11, y + 3.5)]))
