"""Wrapped text that ends with an ellipsis when there is no room, never in the middle of a line."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QTextLayout, QTextOption
from PySide6.QtWidgets import QSizePolicy, QWidget

from boneage_desk.ui import theme
from boneage_desk.ui.plain_tip import plain_tip


class ClippedText(QWidget):
    def __init__(self, colour: str) -> None:
        super().__init__()
        self._text = ""
        self._colour = colour
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)

    def text(self) -> str:
        return self._text

    def setText(self, text: str) -> None:
        if text != self._text:
            self._text = text
            self.setToolTip(plain_tip(text))
            self.setAccessibleName(text)
            self.update()

    def minimumSizeHint(self) -> QSize:
        return QSize(40, self.fontMetrics().height())

    def lines_at(self, width: int) -> int:
        """Lines that the whole text takes at ``width`` pixels."""
        if not self._text:
            return 0
        layout = self._layout()
        layout.beginLayout()
        count = 0
        while (line := layout.createLine()).isValid():
            line.setLineWidth(width)
            count += 1
        layout.endLayout()
        return count

    def _layout(self) -> QTextLayout:
        layout = QTextLayout(self._text, self.font())
        option = QTextOption()
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        layout.setTextOption(option)
        return layout

    def paintEvent(self, _event: QPaintEvent) -> None:
        if not self._text:
            return
        painter = QPainter(self)
        painter.setPen(QColor(theme.current(self._colour)))
        metrics = self.fontMetrics()
        layout = self._layout()
        layout.beginLayout()
        y, step = 0, metrics.lineSpacing()
        while (line := layout.createLine()).isValid():
            line.setLineWidth(self.width())
            more = line.textStart() + line.textLength() < len(self._text)
            if more and y + 2 * step > self.height():
                rest = metrics.elidedText(self._text[line.textStart() :], Qt.TextElideMode.ElideRight, self.width())
                painter.drawText(QPointF(0, y + metrics.ascent()), rest)
                break
            line.draw(painter, QPointF(0, y))
            y += step
        layout.endLayout()
