"""Draws the cells of the work list: signs of the states, texts, and the two lines of the narrow list."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from boneage_desk.common.i18n import tr
from boneage_desk.reading.study_row import MachineState
from boneage_desk.ui import theme
from boneage_desk.ui.models.study_list import EntryRole
from boneage_desk.ui.presenters import study_texts
from boneage_desk.ui.presenters.study_texts import COLUMNS, Column, Entry, JobState, Shape, Sign

_LEFT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
_RIGHT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
_CENTRE = Qt.AlignmentFlag.AlignCenter
_SIGN = 15
"""Pixels that a sign is wide."""
_STRONG = frozenset({Column.NAME, Column.BONE_AGE, Column.STATE, Column.MACHINE, Column.AGE, Column.SEX, Column.DATE})
NARROW_HEIGHT, WIDE_HEIGHT = 42, 26


class StudyDelegate(QStyledItemDelegate):
    """One painter for all columns. ``narrow``: the column of the name holds all of the reading, in two lines."""

    def __init__(self) -> None:
        super().__init__()
        self.narrow = False

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(40, NARROW_HEIGHT if self.narrow else WIDE_HEIGHT)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        entry: Entry = index.data(EntryRole)
        rect = QRect(option.rect)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        if selected:
            painter.fillRect(rect, QColor(theme.SELECTION))
        column = COLUMNS[index.column()]
        if self.narrow:
            self._two_lines(painter, option, rect, entry, column)
        else:
            painter.setFont(option.font)
            self._cell(painter, option, rect.adjusted(6, 0, -6, 0), entry, column)
        painter.setPen(QColor(theme.LINE))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())

    # --- the wide list ----------------------------------------------------------------------

    def _cell(self, painter: QPainter, option: QStyleOptionViewItem, rect: QRect, entry: Entry, column: Column) -> None:
        words = entry.words[column]
        if column is Column.STATE:
            self._signed(painter, option, rect, study_texts.STATE_SIGNS[entry.row.state], words)
            return
        if column is Column.MACHINE:
            key = study_texts.machine_key(entry.row, entry.job)
            share = entry.job.share if entry.job is not None else 0.0
            self._signed(painter, option, rect, study_texts.MACHINE_SIGNS[key], words, share)
            return
        painter.setPen(QColor(_tint(entry, column)))
        painter.drawText(rect, _LEFT, _elided(option, words, rect.width()))

    @staticmethod
    def _signed(
        painter: QPainter, option: QStyleOptionViewItem, rect: QRect, sign: Sign, words: str, share: float = 0.0
    ) -> None:
        draw_sign(painter, QRectF(rect.left(), rect.center().y() - _SIGN / 2 + 0.5, _SIGN, _SIGN), sign, share)
        room = rect.adjusted(_SIGN + 6, 0, 0, 0)
        quiet = sign.shape in (Shape.NONE, Shape.DOTS)
        painter.setPen(QColor(theme.MUTED if quiet else theme.TEXT))
        painter.drawText(room, _LEFT, _elided(option, words, room.width()))

    # --- the narrow list --------------------------------------------------------------------

    def _two_lines(
        self, painter: QPainter, option: QStyleOptionViewItem, rect: QRect, entry: Entry, column: Column
    ) -> None:
        if column is Column.STATE:
            middle = QRectF(rect.center().x() - _SIGN / 2 + 1, rect.top() + 5, _SIGN, _SIGN)
            draw_sign(painter, middle, study_texts.STATE_SIGNS[entry.row.state])
            key = study_texts.machine_key(entry.row, entry.job)
            if key is not MachineState.READ:
                share = entry.job.share if entry.job is not None else 0.0
                below = QRectF(rect.center().x() - 5.5, rect.top() + 24.5, 13, 13)
                draw_sign(painter, below, study_texts.MACHINE_SIGNS[key], share)
            return
        if column is not Column.NAME:
            return
        row, words = entry.row, entry.words
        upper = QRect(rect.left() + 2, rect.top() + 3, rect.width() - 8, 18)
        lower = QRect(upper.left(), upper.bottom(), upper.width(), 18)
        painter.setFont(option.font)
        painter.setPen(QColor(theme.TEXT))
        painter.drawText(upper, _LEFT, _elided(option, words[Column.NAME], upper.width()))
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


def _elided(option: QStyleOptionViewItem, words: str, width: int) -> str:
    if len(words) * 4 < width and words.isascii():  # surely fits: no letter of the font is wider than some 12 pixels
        measure = option.fontMetrics
        if measure.horizontalAdvance(words) <= width:
            return words
    return option.fontMetrics.elidedText(words, Qt.TextElideMode.ElideRight, width)


def _tint(entry: Entry, column: Column) -> str:
    if column is Column.SEX and entry.row.sex is None:
        return theme.ATTENTION
    if column is Column.BONE_AGE:
        return theme.MACHINE if entry.row.by_machine else theme.TEXT
    return theme.TEXT if column in _STRONG else theme.MUTED


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
        painter.drawText(place.adjusted(0, low, 0, low), _CENTRE, tr(sign.letter))
    painter.restore()


__all__ = ["NARROW_HEIGHT", "WIDE_HEIGHT", "JobState", "StudyDelegate", "draw_sign"]
