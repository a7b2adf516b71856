"""The second opinion beside the 13 bones: two bone ages, their difference, what is usual, and a comment on it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from boneage_desk.common.i18n import mark, tr
from boneage_desk.ui import theme
from boneage_desk.ui.presenters.opinion_rows import BEYOND, OpinionView
from boneage_desk.ui.views.banner import restyle
from boneage_desk.ui.views.bone_strip import ReasonField
from boneage_desk.ui.views.clipped_text import ClippedText
from boneage_desk.ui.views.elided import ElidedLabel

COLUMNS = (10, 10, 11, 12)
"""Shares of the width."""
NOTE_LINES = 2
HIGH_FROM = 800
"""Height of the window from which notes have more than one line."""
DIFFERENCE_TIP = mark("Bone age by the 13 bones minus the second opinion")
USUAL_TIP = mark("95 of 100 films that no model was trained on differ by at most so much")


class OpinionStrip(QFrame):
    """Goes away where there is nothing to say. While the comment has the keys, no key is a command."""

    commented = Signal(str)
    """What the person says of an unusual difference."""
    cancel_wanted = Signal()
    again_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("opinion")
        self.setAccessibleName(tr("Second opinion"))
        self._view = OpinionView()
        column = QVBoxLayout(self)
        column.setContentsMargins(9, 5, 12, 6)
        column.setSpacing(3)
        column.addWidget(self._make_cells())
        self.others = ClippedText(theme.MACHINE)
        self.others.setFont(theme.ui_font(10))
        column.addWidget(self.others)
        column.addLayout(self._make_notes())
        column.addWidget(self._make_comment())
        self.hide()

    def _make_cells(self) -> QWidget:
        self._cells = QWidget()
        grid = QGridLayout(self._cells)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(0)
        self.titles: dict[str, QLabel] = {}
        self.values: dict[str, QLabel] = {}
        for place, (key, title) in enumerate(
            (("bones", tr("13 bones")), ("age", ""), ("difference", tr("Difference")), ("usual", tr("Usual")))
        ):
            name, value = ElidedLabel(), ElidedLabel()
            name.setText(title)
            name.setProperty("muted", True)
            for part in (name, value):
                part.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
            value.setFont(theme.ui_font(11))
            grid.addWidget(name, 0, place)
            grid.addWidget(value, 1, place)
            grid.setColumnStretch(place, COLUMNS[place])
            self.titles[key], self.values[key] = name, value
        self.values["age"].setProperty("machine", True)
        self.cancel = QPushButton(tr("Cancel"))
        self.cancel.setToolTip(tr("Stop the second opinion; the 13 bones stay"))
        self.cancel.clicked.connect(self.cancel_wanted)
        self.cancel.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        grid.addWidget(self.cancel, 0, 4, 2, 1)
        return self._cells

    def _make_notes(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        self.notes, self.doubts = ClippedText(theme.MUTED), ClippedText(theme.ATTENTION)
        row.addWidget(self.notes, 1)
        row.addWidget(self.doubts, 1)
        self.again = QPushButton(tr("Ask again"))
        self.again.clicked.connect(self.again_wanted)
        self.again.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        row.addWidget(self.again)
        return row

    def _make_comment(self) -> QWidget:
        self._comment_row = QWidget()
        row = QHBoxLayout(self._comment_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        self.asks = QLabel()
        self.asks.setProperty("attention", True)
        self.comment = ReasonField(tr("What do you say of the difference?"), tr("Comment on the difference"))
        self.comment.given.connect(lambda _reading, words: self.commented.emit(words))
        row.addWidget(self.asks)
        row.addWidget(self.comment, 1)
        return self._comment_row

    def show_opinion(self, value: OpinionView | None, reading_id: str = "", editable: bool = True) -> None:
        """``reading_id``: whose comment the field holds."""
        value = value or OpinionView()
        self._view = value
        self._cells.setVisible(value.cells)
        for key in ("bones", "age", "difference", "usual"):
            self.values[key].setText(getattr(value, key))
        for key, tip in (("age", value.tip), ("difference", tr(DIFFERENCE_TIP)), ("usual", tr(USUAL_TIP))):
            self.values[key].setToolTip(tip)
        self.titles["age"].setText(value.name)
        self.titles["usual"].setText(value.mark)
        for label in (self.titles["usual"], self.values["difference"]):
            _attend(label, value.beyond is True)
        for key in ("difference", "usual"):
            self.titles[key].setVisible(bool(value.difference))
            self.values[key].setVisible(bool(value.difference))
        self.cancel.setVisible(value.waiting)
        self.others.setText(value.others)
        self.others.setVisible(bool(value.others))
        self._show_notes(value)
        there = value.comment_field
        self.comment.show_reason(reading_id if there else "", value.comment)
        self.comment.setReadOnly(not editable)
        needed = there and value.beyond is True and not value.comment
        self.asks.setText(tr("{beyond} Comment needed:", beyond=BEYOND) if needed else tr("Comment:"))
        _attend(self.asks, needed)
        self._comment_row.setVisible(there)
        if self.property("beyond") != (value.beyond is True):
            self.setProperty("beyond", value.beyond is True)
            restyle(self)
        self.setVisible(value.cells or bool(value.notes) or bool(value.others) or there)
        self.updateGeometry()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show_notes(self._view)

    @property
    def asks_comment(self) -> bool:
        """There is a field for a comment."""
        return self._view.comment_field

    def _show_notes(self, value: OpinionView) -> None:
        words = "  ".join(value.notes)
        for label, there in ((self.doubts, value.doubt), (self.notes, not value.doubt)):
            said = (f"\N{WARNING SIGN} {words}" if value.doubt else words) if there else ""
            label.setText(said)
            label.setVisible(bool(said))
            if said:
                most = NOTE_LINES if self.window().height() >= HIGH_FROM else 1
                lines = min(most, label.lines_at(max(120, self.width() - (110 if value.again else 24))))
                label.setFixedHeight(lines * label.fontMetrics().lineSpacing() + 1)
        self.again.setVisible(value.again)


def _attend(label: QLabel, on: bool) -> None:
    """Yellow and bold while it wants to be seen."""
    if bool(label.property("attention")) != on:
        label.setProperty("attention", on)
        label.setProperty("muted", not on and label.font().pointSizeF() < 11)
        font = label.font()
        font.setBold(on)
        label.setFont(font)
        restyle(label)
