"""Draws the cells of the work list: signs of the states, texts, and the two lines of the narrow list."""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen, QPixmap, QPixmapCache, QPolygonF
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from boneage_desk.reading.study_row import MachineState
from boneage_desk.ui import theme
from boneage_desk.ui.presenters import study_texts
from boneage_desk.ui.presenters.study_texts import COLUMNS, Column, Entry, JobState, Shape, Sign

_SELECTED = QStyle.StateFlag.State_Selected.value
_LEFT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
_RIGHT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
_CENTRE = Qt.AlignmentFlag.AlignCenter
_LEFT_INT = _LEFT.value
_SIGN = 15
"""Pixels that a sign is wide."""
_STRONG = frozenset({Column.NAME, Column.BONE_AGE, Column.STATE, Column.MACHINE, Column.AGE, Column.SEX, Column.DATE})
NARROW_HEIGHT, WIDE_HEIGHT = 42, 26


def row_height(wide: bool) -> int:
    """Pixels of a row of the list: two lines beside the film, one in the wide list, in the font in use."""
    return round((WIDE_HEIGHT if wide else NARROW_HEIGHT) * max(1.0, theme.points(1)))


class StudyDelegate(QStyledItemDelegate):
    """One painter for all columns. ``narrow``: the column of the name holds all of the reading, in two lines."""

    def __init__(self) -> None:
        super().__init__()
        self.narrow = False
        self._kept: dict[tuple[str, int], str] = {}

    def forget(self) -> None:
        """The font may be another one now."""
        self._kept.clear()

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(40, row_height(not self.narrow))

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        # a window full of cells is painted at every step of the wheel: no object is made here that can be kept
        model = index.model()
        entry = model.entry(index.row())  # type: ignore[attr-defined]
        column = COLUMNS[index.column()]
        rect = option.rect
        left, top, width, height = rect.getRect()
        if option.state.value & _SELECTED:
            painter.fillRect(rect, _colour(theme.SELECTION))
        if self.narrow:
            self._two_lines(painter, option, QRect(rect), entry, column)
        else:
            self._cell(painter, option, (left + 6, top, width - 12, height), entry, column)
        painter.setPen(_colour(theme.LINE))
        painter.drawLine(left, top + height - 1, left + width - 1, top + height - 1)

    # --- the wide list ----------------------------------------------------------------------

    def _cell(
        self, painter: QPainter, option: QStyleOptionViewItem, room: tuple[int, int, int, int], entry: Entry, column: Column
    ) -> None:
        left, top, width, height = room
        words = entry.words[column]
        tint = None
        if column is Column.STATE or column is Column.MACHINE:
            if column is Column.STATE:
                sign, share = study_texts.STATE_SIGNS[entry.row.state], 0.0
            else:
                sign = study_texts.MACHINE_SIGNS[study_texts.machine_key(entry.row, entry.job)]
                share = entry.job.share if entry.job is not None else 0.0
            put_sign(painter, left, top + (height - _SIGN) // 2, _SIGN, sign, share)
            left, width = left + _SIGN + 6, width - _SIGN - 6
            tint = theme.MUTED if sign.shape in (Shape.NONE, Shape.DOTS) else theme.TEXT
        painter.setPen(_colour(tint or _tint(entry, column)))
        painter.drawText(left, top, width, height, _LEFT_INT, self._fitted(option, words, width))

    def _fitted(self, option: QStyleOptionViewItem, words: str, width: int) -> str:
        """Cut where there is no room; kept, since measuring a text takes longer than painting it."""
        if not words:
            return words
        if len(self._kept) > 30_000:
            self._kept.clear()
        found = self._kept.get((words, width))
        if found is None:
            found = option.fontMetrics.elidedText(words, Qt.TextElideMode.ElideRight, width)
            self._kept[(words, width)] = found
        return found

    # --- the narrow list --------------------------------------------------------------------

    def _two_lines(
        self, painter: QPainter, option: QStyleOptionViewItem, rect: QRect, entry: Entry, column: Column
    ) -> None:
        line = (rect.height() - 6) // 2
        if column is Column.STATE:
            middle = QRectF(rect.center().x() - _SIGN / 2 + 1, rect.top() + 5 + (line - 18) // 2, _SIGN, _SIGN)
            put_sign(painter, middle.left(), middle.top(), _SIGN, study_texts.STATE_SIGNS[entry.row.state])
            key = study_texts.machine_key(entry.row, entry.job)
            if key is not MachineState.READ:
                share = entry.job.share if entry.job is not None else 0.0
                below = rect.top() + line + 6 + (line - 18) // 2
                put_sign(painter, rect.center().x() - 6, below, 13, study_texts.MACHINE_SIGNS[key], share)
            return
        if column is not Column.NAME:
            return
        row, words = entry.row, entry.words
        upper = QRect(rect.left() + 2, rect.top() + 3, rect.width() - 8, line)
        lower = QRect(upper.left(), upper.bottom(), upper.width(), line)
        painter.setFont(option.font)
        painter.setPen(QColor(theme.TEXT))
        painter.drawText(upper, _LEFT, self._fitted(option, words[Column.NAME], upper.width()))
        small = QFont(option.font)
        small.setPointSizeF(max(7.0, option.font.pointSizeF() - 1.0))
        painter.setFont(small)
        measure = QFontMetrics(small)
        left = " \N{MIDDLE DOT} ".join(filter(None, (words[Column.SEX], words[Column.AGE])))
        right = words[Column.BONE_AGE] or words[Column.MACHINE]
        tint = _tint(entry, Column.BONE_AGE) if words[Column.BONE_AGE] else theme.MUTED
        if measure.horizontalAdvance(left) + measure.horizontalAdvance(right) + 8 > lower.width():
            left = " ".join(filter(None, (words[Column.SEX], _tight(words[Column.AGE]))))
            if words[Column.BONE_AGE] and row.bone_age is not None:
                right = study_texts.bone_age_words(row, _tight)
        room = lower.width() - measure.horizontalAdvance(right) - 8
        painter.setPen(QColor(tint))
        painter.drawText(lower, _RIGHT, measure.elidedText(right, Qt.TextElideMode.ElideRight, lower.width()))
        painter.setPen(QColor(theme.ATTENTION if row.sex is None else theme.MUTED))
        if room > 20:
            painter.drawText(lower, _LEFT, measure.elidedText(left, Qt.TextElideMode.ElideRight, room))


def _tight(words: str) -> str:
    """'10y5m' for '10 y 5 m', where there is no room."""
    return words.replace(" ", "")


_colour = cache(QColor)


def _tint(entry: Entry, column: Column) -> str:
    if column is Column.SEX and entry.row.sex is None:
        return theme.ATTENTION
    if column is Column.BONE_AGE:
        return theme.MACHINE if entry.row.by_machine else theme.TEXT
    return theme.TEXT if column in _STRONG else theme.MUTED


def put_sign(painter: QPainter, left: float, top: float, size: int, sign: Sign, share: float = 0.0) -> None:
    """`draw_sign`, drawn once and kept as a picture."""
    scale = painter.device().devicePixelRatioF()
    share = round(share * 20) / 20 if sign.shape is Shape.PIE else 0.0
    tint = getattr(theme, sign.tint)
    key = f"sign {sign.shape} {sign.told} {tint} {theme.BACKGROUND} {size} {scale} {share}"
    picture = QPixmap()
    if not QPixmapCache.find(key, picture):
        edge = size + 2
        picture = QPixmap(round(edge * scale), round(edge * scale))
        picture.setDevicePixelRatio(scale)
        picture.fill(Qt.GlobalColor.transparent)
        own = QPainter(picture)
        own.setFont(painter.font())
        draw_sign(own, QRectF(1, 1, size, size), sign, share)
        own.end()
        QPixmapCache.insert(key, picture)
    painter.drawPixmap(QPointF(round(left) - 1, round(top) - 1), picture)


def draw_sign(painter: QPainter, place: QRectF, sign: Sign, share: float = 0.0) -> None:
    """A state's shape with its letter in it; ``share``: how much of a pie is full."""
    tint = QColor(getattr(theme, sign.tint))
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    full = sign.shape in (Shape.DISC, Shape.SQUARE, Shape.DIAMOND, Shape.TRIANGLE)
    painter.setPen(QPen(tint, 1.5))
    painter.setBrush(tint if full else Qt.BrushStyle.NoBrush)
    inner = place.adjusted(0.75, 0.75, -0.75, -0.75)
    centre = place.center()
    if sign.shape in (Shape.DISC, Shape.RING):
        painter.drawEllipse(inner)
    elif sign.shape is Shape.SQUARE:
        painter.drawRoundedRect(inner.adjusted(0.5, 0.5, -0.5, -0.5), 2, 2)
    elif sign.shape in (Shape.DIAMOND, Shape.HOLLOW_DIAMOND):
        half = place.width() / 2 + 0.5
        corners = [QPointF(0, -half), QPointF(half, 0), QPointF(0, half), QPointF(-half, 0)]
        painter.drawPolygon(QPolygonF([centre + corner for corner in corners]))
    elif sign.shape is Shape.TRIANGLE:
        painter.drawPolygon(QPolygonF([QPointF(centre.x(), inner.top()), inner.bottomRight(), inner.bottomLeft()]))
    elif sign.shape is Shape.CROSSED:
        painter.drawEllipse(inner)
        reach = inner.width() * 0.35
        painter.drawLine(centre + QPointF(-reach, reach), centre + QPointF(reach, -reach))
    elif sign.shape is Shape.DOTS:
        painter.setBrush(tint)
        for step in (-4.5, 0.0, 4.5):
            painter.drawEllipse(centre + QPointF(step, 0), 1.0, 1.0)
    elif sign.shape is Shape.PIE:
        painter.drawEllipse(inner)
        painter.setBrush(tint)
        painter.drawPie(inner.adjusted(2, 2, -2, -2), 90 * 16, -round(360 * 16 * min(max(share, 0.04), 1.0)))
    if sign.letter:
        font = QFont(painter.font())
        font.setPixelSize(round(place.height() * (0.66 if sign.shape is not Shape.TRIANGLE else 0.6)))
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(QColor(theme.BACKGROUND) if full else tint)
        low = 1.5 if sign.shape is Shape.TRIANGLE else 0.0
        painter.drawText(place.adjusted(0, low, 0, low), _CENTRE, sign.told)
    painter.restore()


__all__ = ["NARROW_HEIGHT", "WIDE_HEIGHT", "JobState", "StudyDelegate", "draw_sign", "put_sign"]
