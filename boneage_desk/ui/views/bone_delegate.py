"""Draws a row of the grade panel: crop, name, the machine's grade with its probabilities, what was measured,
the person's grade, the tick."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from boneage_desk.common.i18n import tr
from boneage_desk.ui import theme
from boneage_desk.ui.models import bone_table as columns
from boneage_desk.ui.presenters.measured import AGAINST, DASH, DOT
from boneage_desk.ui.presenters.rows import BoneRow, Heading

_CENTRE = Qt.AlignmentFlag.AlignCenter
_LEFT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
_RIGHT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
WORDS_ROOM = 110
BARS_ROOM = 28
"""Pixels from which the bars of the probabilities stand between grade and probability; else below both, in a high row."""
BARS_HIGH = 11
_WIDEST = "8(4)"
LEAST_POINTS = 6.0


def bold(font: QFont) -> QFont:
    """The same font in bold; it has the size that was chosen already."""
    strong = QFont(font)
    strong.setBold(True)
    return strong


def fit_words(painter: QPainter, rect: QRect, words: str) -> None:
    """A smaller font where ``words`` are wider than ``rect``: a figure that is cut reads as another."""
    size = painter.font().pointSizeF()
    while size > LEAST_POINTS and painter.fontMetrics().horizontalAdvance(words) > rect.width():
        size -= 0.5
        font = QFont(painter.font())
        font.setPointSizeF(size)
        painter.setFont(font)


def machine_places(rect: QRect, metrics: QFontMetrics, row: BoneRow) -> tuple[QRect, QRectF | None]:
    """Where grade and probability stand in the machine's cell, and where the bars do; None where these have no room."""
    figures = f"{row.probability or 0:.0%}"
    label, percent = metrics.horizontalAdvance(f"{_WIDEST} "), metrics.horizontalAdvance(figures)
    room = rect.width() - label - percent - 8
    line = metrics.height()
    if room < BARS_ROOM and rect.height() >= line + BARS_HIGH + 2 and rect.width() >= BARS_ROOM:
        words = QRect(rect.left(), rect.top() + (rect.height() - line - BARS_HIGH) // 2, rect.width(), line)
        return words, QRectF(rect.left(), words.bottom() + 1, rect.width(), BARS_HIGH)
    if room < 3 * max(1, len(row.spread)):
        return rect, None
    return rect, QRectF(rect.left() + label + 2, rect.top() + 3, room, rect.height() - 6)


class BoneDelegate(QStyledItemDelegate):
    """One painter for all columns. ``typed`` holds figures of a grade that wait for the next; ``browsed`` the bone and
    name of a grade that is only looked at."""

    typed = ("", "")
    browsed = ("", "")

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(40, 24)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        row: BoneRow | Heading = index.data(columns.RowRole)
        rect = QRect(option.rect)
        if isinstance(row, Heading):
            self._heading(painter, rect, row)
            return
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
        elif column == columns.MEASURED:
            self._measured(painter, inner, row)
        elif column == columns.HUMAN:
            self._human(painter, inner, row)
        elif column == columns.REVIEWED:
            self._tick(painter, rect, row)
        else:
            painter.setPen(QColor(theme.TEXT if column == columns.POINTS else theme.MUTED))
            fit_words(painter, inner, index.data())
            painter.drawText(inner, _RIGHT, index.data())
        painter.restore()

    @staticmethod
    def _heading(painter: QPainter, rect: QRect, row: Heading) -> None:
        """The name of a ray over the whole width."""
        painter.save()
        painter.fillRect(rect, QColor(theme.BACKGROUND))
        painter.setFont(theme.ui_font(8.5, bold=True))
        painter.setPen(QColor(theme.MUTED))
        painter.drawText(rect.adjusted(8, 0, -4, 0), _LEFT, row.title)
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
        painter.save()
        mark = QFontMetrics(bold(painter.font())).horizontalAdvance(" !")
        place = rect.adjusted(0, 0, -mark if row.doubt else 0, 0)
        fit_words(painter, place, row.short)
        painter.drawText(place, _LEFT, row.short)
        painter.restore()
        if row.doubt:
            painter.setFont(bold(painter.font()))
            painter.setPen(QColor(theme.ATTENTION if not row.reviewed else theme.MUTED))
            painter.drawText(rect, _RIGHT, "!")

    def _machine(self, painter: QPainter, rect: QRect, row: BoneRow) -> None:
        if row.probability is None:
            painter.setPen(QColor(theme.MUTED))
            painter.drawText(rect, _LEFT, tr("hidden") if row.hidden else "\N{EN DASH}")
            return
        metrics = painter.fontMetrics()
        words, bars = machine_places(rect, metrics, row)
        painter.setPen(QColor(theme.MACHINE))
        painter.drawText(words, _LEFT, row.machine)
        if rect.width() < metrics.horizontalAdvance(f"{_WIDEST} {row.probability:.0%}"):
            return
        painter.setPen(QColor(theme.MUTED))
        painter.drawText(words, _RIGHT, f"{row.probability:.0%}")
        if bars is not None:
            self._spread(painter, bars, row)

    @staticmethod
    def _spread(painter: QPainter, area: QRectF, row: BoneRow) -> None:
        """A bar for each grade near the machine's; the likeliest has the full height, since its probability stands
        beside it in figures and the shape is what a bar can tell. The person's grade is underlined."""
        most = max(share.probability for share in row.spread)
        step = min(12.0, area.width() / len(row.spread))
        wide, base = max(2.0, step - 2), area.bottom() - 3
        left = area.left() + (area.width() - step * len(row.spread)) / 2
        painter.fillRect(QRectF(left, base, step * len(row.spread) - 2, 1), QColor(theme.LINE))
        for index, share in enumerate(row.spread):
            high = max(1.0, share.probability / most * (area.height() - 3))
            bar = QRectF(left + index * step, base - high, wide, high)
            painter.fillRect(bar, theme.colour(theme.MACHINE) if share.machine else theme.colour(theme.MACHINE, 120))
            if share.human:
                painter.fillRect(QRectF(bar.left(), base + 1, wide, 2), QColor(theme.HUMAN))

    @staticmethod
    def _measured(painter: QPainter, rect: QRect, row: BoneRow) -> None:
        """The figure, or the words where there is room; a sign where they speak against the grade."""
        value = row.measured
        if not value.phrases:
            return
        painter.setPen(QColor(theme.TEXT if value.figure != DASH else theme.MUTED))
        strong = bold(painter.font())
        sign = QFontMetrics(strong).horizontalAdvance(AGAINST)
        told: tuple[str, ...] = ()
        if rect.width() >= WORDS_ROOM:
            place = rect.adjusted(0, 0, -sign - 4, 0)
            painter.save()
            painter.setFont(theme.ui_font(8.5))
            flags = _LEFT | Qt.TextFlag.TextWordWrap
            told = value.phrases[:2]
            high = min(rect.height(), 2 * painter.fontMetrics().lineSpacing())

            def fits(words: str) -> bool:
                needed = painter.boundingRect(place, flags, words)
                return needed.height() <= high and needed.width() <= place.width()

            while told and not fits(DOT.join(told)):
                told = told[:-1]
            painter.drawText(place, flags, DOT.join(told))
            painter.restore()
        if not told:  # no room for the words: the figure, beside the sign as near as it must be
            fit_words(painter, rect.adjusted(0, 0, -sign - 1 if value.against else 0, 0), value.figure)
            gap = max(1, min(4, rect.width() - sign - painter.fontMetrics().horizontalAdvance(value.figure)))
            painter.drawText(rect if not value.against else rect.adjusted(0, 0, -sign - gap, 0), _RIGHT, value.figure)
        if value.against:
            painter.setFont(strong)
            painter.setPen(QColor(theme.ATTENTION))
            painter.drawText(rect, _RIGHT, AGAINST)

    def _human(self, painter: QPainter, rect: QRect, row: BoneRow) -> None:
        bone, figures = self.typed
        if bone == row.bone and figures:
            painter.setPen(QColor(theme.HUMAN))
            painter.drawText(rect, _CENTRE, f"{figures}_")
            return
        if not row.human and self.browsed[0] == row.bone:
            painter.setPen(QColor(theme.HUMAN))
            painter.drawText(rect, _CENTRE, f"{self.browsed[1]}?")
            return
        if not row.human:
            painter.setPen(QColor(theme.DISABLED))
            painter.drawText(rect, _CENTRE, "\N{EN DASH}")
            return
        fit_words(painter, rect, row.human)
        if row.overridden:
            painter.setFont(bold(painter.font()))
            fit_words(painter, rect, row.human)
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
        painter.setPen(QPen(QColor(theme.GOOD if row.reviewed else theme.DISABLED), 1))
        painter.drawRoundedRect(box, 2, 2)
        if row.reviewed:
            painter.setPen(QPen(QColor(theme.GOOD), 2))
            x, y = box.left(), box.top()
            painter.drawPolyline(QPolygonF([QPointF(x + 3, y + 7), QPointF(x + 6, y + 10.5), QPointF(x + 11, y + 3.5)]))
