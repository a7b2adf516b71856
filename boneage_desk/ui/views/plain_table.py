"""A small table of words that is as high as its rows: it scrolls with its page and never by itself."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, QSize, Qt
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


class PlainTable(QTableWidget):
    """Read-only. ``shares``: of the width, a column each; words are wrapped in it."""

    def __init__(self, name: str, shares: Sequence[float] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shares = tuple(shares)
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
        self.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
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
        for at, share in enumerate(shares):
            self.setColumnWidth(at, int(share * self.viewport().width()))
        self.resizeRowsToContents()
        high = self.horizontalHeader().sizeHint().height() + sum(self.rowHeight(i) for i in range(self.rowCount())) + 2
        if high != self.height():
            self.setFixedHeight(high)
