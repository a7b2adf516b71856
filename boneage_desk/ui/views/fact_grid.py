"""Labelled lines of a report's facts, each as high as its words need."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from boneage_desk.reading.report_values import Fact
from boneage_desk.ui.presenters.text import typeset

LABEL_WIDE = 132


class FactGrid(QWidget):
    """Label left, value right; what is not known is faint. ``strong``: keys whose value is printed larger."""

    def __init__(self, strong: Sequence[str] = ()) -> None:
        super().__init__()
        self._strong = frozenset(strong)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(3)
        self._grid.setColumnStretch(1, 1)
        self._rows: list[tuple[QLabel, QLabel]] = []

    def show_facts(self, facts: Sequence[Fact]) -> None:
        """Labels are made once and used again: this follows every key press."""
        while len(self._rows) < len(facts):
            name, value = QLabel(), QLabel()
            name.setProperty("muted", True)
            for label in (name, value):
                label.setTextFormat(Qt.TextFormat.PlainText)
                label.setWordWrap(True)
                label.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            name.setFixedWidth(LABEL_WIDE)
            at = len(self._rows)
            self._grid.addWidget(name, at, 0)
            self._grid.addWidget(value, at, 1)
            self._rows.append((name, value))
        for at, (name, value) in enumerate(self._rows):
            there = at < len(facts)
            name.setVisible(there)
            value.setVisible(there)
            if not there:
                continue
            fact = facts[at]
            name.setText(typeset(fact.label))
            value.setText(typeset(fact.value))
            value.setEnabled(fact.known)
            font = value.font()
            font.setBold(fact.key in self._strong and fact.known)
            value.setFont(font)

    def words(self) -> dict[str, str]:
        """What is shown: label to value."""
        return {name.text(): value.text() for name, value in self._rows if not name.isHidden()}
