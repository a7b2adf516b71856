"""Adult height by each method, below each other: the figure with its range, and what it rests on or why there is none."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from boneage_desk.common.i18n import tr
from boneage_desk.reading.report_growth import PredictionRow
from boneage_desk.ui.presenters.text import typeset


class PredictionList(QWidget):
    """Labels are made once and used again."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("Adult height by each method"))
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(10)
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnStretch(0, 1)
        self._rows: list[tuple[QLabel, QLabel, QLabel]] = []

    def show_rows(self, rows: Sequence[PredictionRow]) -> None:
        while len(self._rows) < len(rows):
            self._rows.append(self._make(2 * len(self._rows)))
        for at, (name, value, basis) in enumerate(self._rows):
            there = at < len(rows)
            for label in (name, value, basis):
                label.setVisible(there)
            if there:
                row = rows[at]
                name.setText(row.name)
                span = f"  ({typeset(row.span)})" if row.span != "-" else ""
                value.setText(f"{row.cm} cm{span}" if row.known else "\N{EN DASH}")
                value.setEnabled(row.known)
                basis.setText(typeset(row.basis))

    def words(self) -> list[tuple[str, str, str]]:
        """What is shown, method by method."""
        return [(a.text(), b.text(), c.text()) for a, b, c in self._rows if not a.isHidden()]

    def _make(self, at: int) -> tuple[QLabel, QLabel, QLabel]:
        name, value, basis = QLabel(), QLabel(), QLabel()
        basis.setProperty("muted", True)
        basis.setContentsMargins(0, 0, 0, 6)
        for label in (name, basis):
            label.setWordWrap(True)
        for label in (name, value, basis):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
        self._grid.addWidget(name, at, 0)
        self._grid.addWidget(value, at, 1)
        self._grid.addWidget(basis, at + 1, 0, 1, 2)
        return name, value, basis
