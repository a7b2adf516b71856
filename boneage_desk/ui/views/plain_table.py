"""A small table of words that is as high as its rows: it scrolls with its page and never by itself."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, QRect, QSize, Qt
from PySide6.QtGui import QColor, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from boneage_desk.ui import theme
from boneage_desk.ui.plain_tip import plain_tip

HEAD_SIDES, HEAD_ENDS = 12, 10
"""Pixels of a title that its words do not have, across and down."""
CELL_SIDES = 20
"""The same of a cell, across: the style sheet's padding and Qt's own margins."""


class PlainTable(QTableWidget):
    """Read-only. ``shares``: of the width, a column each; words are wrapped in it. ``whole``: columns that take no less than
    their longest word, in any font."""

    def __init__(
        self, name: str, shares: Sequence[float] = (), parent: QWidget | None = None, *, whole: Sequence[int] = ()
    ) -> None:
        super().__init__(parent)
        self._shares, self._whole = tuple(shares), tuple(whole)
        self._shown: object = None
        self.setAccessibleName(name)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWordWrap(True)
        self.setShowGrid(False)
        self.verticalHeader().hide()
        self.horizontalHeader().setHighlightSections(False)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.horizontalHeader().setMinimumSectionSize(20)
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        self.horizontalHeader().setDefaultAlignment(left | Qt.TextFlag.TextWordWrap)  # type: ignore[arg-type]
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.viewport().installEventFilter(self)

    def fill(
        self,
        columns: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        faint: Sequence[bool] = (),
        warned: Sequence[Sequence[bool]] = (),
    ) -> None:
        """Show ``rows``; ``faint``: rows whose value is missing; ``warned``: cells that want attention (they say so too)."""
        now = (tuple(columns), tuple(map(tuple, rows)), tuple(faint), tuple(map(tuple, warned)))
        if now == self._shown:
            return
        self._shown = now
        self.setColumnCount(len(columns))
        self.setRowCount(len(rows))
        self.setHorizontalHeaderLabels([str(title).replace("\n", " ") for title in columns])
        for i, row in enumerate(rows):
            for j, words in enumerate(row):
                item = QTableWidgetItem(words)
                item.setTextAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
                item.setToolTip(plain_tip(words) if len(words) > 40 else "")
                if faint and faint[i]:
                    item.setForeground(QColor(theme.MUTED))
                if warned and warned[i][j]:
                    item.setForeground(QColor(theme.ATTENTION))
                self.setItem(i, j, item)
        self._fit()

    def words(self) -> list[list[str]]:
        """What the cells say, row by row."""
        found = []
        for i in range(self.rowCount()):
            items = [self.item(i, j) for j in range(self.columnCount())]
            found.append([item.text() if item is not None else "" for item in items])
        return found

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The wheel turns the page, not the table."""
        if watched is self.viewport() and event.type() == QEvent.Type.Wheel:
            event.ignore()
            return True
        return bool(super().eventFilter(watched, event))

    def minimumSizeHint(self) -> QSize:
        """As narrow as one likes: words are wrapped."""
        return QSize(100, self.height())

    def sizeHint(self) -> QSize:
        return self.minimumSizeHint()

    def _fit(self) -> None:
        """Columns by their shares, rows as high as their words."""
        count = self.columnCount()
        shares = self._shares if len(self._shares) == count else (1 / max(1, count),) * count
        room = self.viewport().width()
        wide = {at: max(int(shares[at] * room), self._longest_word(at)) for at in self._whole if at < count}
        others = sum(share for at, share in enumerate(shares) if at not in wide) or 1.0
        for at, share in enumerate(shares):
            self.setColumnWidth(at, wide[at] if at in wide else int(share / others * (room - sum(wide.values()))))
        self.resizeRowsToContents()
        header = self.horizontalHeader()
        header.setFixedHeight(self._head_height())
        high = header.height() + sum(self.rowHeight(i) for i in range(self.rowCount())) + 2
        if high != self.height():
            self.setFixedHeight(high)

    def _longest_word(self, at: int) -> int:
        """Pixels that the longest word of a column takes, in its cells or its title."""
        items = (self.item(row, at) for row in range(self.rowCount()))
        words = [word for item in items if item is not None for word in item.text().split()]
        title = self.horizontalHeaderItem(at)
        heads = [self.horizontalHeader().fontMetrics().horizontalAdvance(word) for word in title.text().split()] if title else []
        cells = [self.fontMetrics().horizontalAdvance(word) for word in words]
        return max(max(cells, default=0) + CELL_SIDES, max(heads, default=0) + HEAD_SIDES)

    def _head_height(self) -> int:
        """Pixels that the columns' titles take, each wrapped in its column."""
        header, most = self.horizontalHeader(), 0
        metrics = header.fontMetrics()
        for at in range(self.columnCount()):
            item = self.horizontalHeaderItem(at)
            room = QRect(0, 0, max(10, self.columnWidth(at) - HEAD_SIDES), 10_000)
            words = item.text() if item is not None else ""
            most = max(most, metrics.boundingRect(room, int(Qt.TextFlag.TextWordWrap), words).height())
        return most + HEAD_ENDS
