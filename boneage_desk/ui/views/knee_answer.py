"""The answer on a knee film: the number or why there is none, what it stands on, and what is not sure."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from boneage_desk.common.i18n import tr
from boneage_desk.ui.presenters.knee_view import KneeView
from boneage_desk.ui.views.banner import restyle


def words(**properties: object) -> QLabel:
    """A wrapped plain text that can be selected."""
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    for name, value in properties.items():
        label.setProperty(name, value)
    return label


class _Point(QFrame):
    """A flag that wraps: the panel is narrow."""

    def __init__(self, text: str, blocking: bool) -> None:
        super().__init__()
        self.setObjectName("flag")
        self.setProperty("blocking", blocking)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 5, 8, 5)
        label = words()
        label.setText(("\N{BLACK SQUARE} " if blocking else "\N{WARNING SIGN} ") + text)
        row.addWidget(label)


class KneeAnswer(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("Bone age of the knee"))
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(8)
        head = words(muted=True)
        head.setText(tr("Bone age (knee), by this site's model"))
        column.addWidget(head)
        self.value = words(machine=True)
        self.value.setStyleSheet("font-size: 22pt; font-weight: 600;")
        column.addWidget(self.value)
        self.note = words()
        column.addWidget(self.note)
        self._points = QVBoxLayout()
        self._points.setSpacing(6)
        column.addLayout(self._points)
        self.how = words()
        column.addWidget(self.how)
        self._rows = QGridLayout()
        self._rows.setHorizontalSpacing(12)
        self._rows.setVerticalSpacing(5)
        self._rows.setColumnMinimumWidth(0, 120)
        self._rows.setColumnStretch(1, 1)
        column.addLayout(self._rows)
        self.limits = words(muted=True)
        column.addWidget(self.limits)
        column.addStretch(1)
        self.texts: dict[str, str] = {}
        """Label to value of the rows shown, to be read by tests and by a screen reader's user."""

    def show_waiting(self, said: str) -> None:
        """No answer yet."""
        self._show("", said, (), (), "", ())

    def show_view(self, view: KneeView) -> None:
        points = tuple((text, False) for text in view.flags)
        if not view.value:
            points = ((view.note, True), *points)
        self._show(view.value or tr("no number"), view.note if view.value else "", points, view.rows, view.how, view.limits)
        self.value.setProperty("machine", bool(view.value))
        self.value.setProperty("muted", not view.value)
        restyle(self.value)

    def _show(
        self, value: str, note: str, points: tuple[tuple[str, bool], ...], rows: tuple[tuple[str, str], ...], how: str,
        limits: tuple[str, ...],
    ) -> None:  # fmt: skip
        listed = "\n".join(f"\N{BULLET} {limit}" for limit in limits)
        for label, text in ((self.value, value), (self.note, note), (self.how, how), (self.limits, listed)):
            label.setText(text)
            label.setVisible(bool(text))
        _empty(self._points)
        for text, blocking in points:
            self._points.addWidget(_Point(text, blocking))
        _empty(self._rows)
        for number, (name, text) in enumerate(rows):
            left, right = words(muted=True), words()
            left.setText(name)
            right.setText(_breakable(text))
            self._rows.addWidget(left, number, 0, Qt.AlignmentFlag.AlignTop)
            self._rows.addWidget(right, number, 1, Qt.AlignmentFlag.AlignTop)
        self.texts = dict(rows)


def _breakable(text: str) -> str:
    """A hash may break after 16 figures."""
    if len(text) == 64 and text.isalnum():
        return " ".join(text[k : k + 16] for k in range(0, 64, 16))
    return text


def _empty(layout: QVBoxLayout | QGridLayout) -> None:
    while layout.count():
        item = layout.takeAt(0)
        widget = item.widget() if item is not None else None
        if widget is not None:
            widget.hide()
            widget.deleteLater()
