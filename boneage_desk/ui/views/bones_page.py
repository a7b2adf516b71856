"""The grade panel: 13 rows, the selected bone, and the numbers."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt, QTimer, Signal
from PySide6.QtGui import QFont, QFontMetrics, QKeyEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from boneage_desk.common.i18n import tr
from boneage_desk.standards import rus_chn
from boneage_desk.ui.models import bone_table as columns
from boneage_desk.ui.models.bone_table import BoneTableModel
from boneage_desk.ui.presenters import text
from boneage_desk.ui.presenters.measured import AGAINST
from boneage_desk.ui.presenters.rows import GradeEntry
from boneage_desk.ui.views.bone_delegate import LEAST_POINTS, BoneDelegate, bold
from boneage_desk.ui.views.bone_strip import STACKED_FROM, BoneStrip
from boneage_desk.ui.views.bones_bar import BonesBar
from boneage_desk.ui.views.numbers_strip import NumbersStrip
from boneage_desk.ui.views.opinion_strip import OpinionStrip

ENTRY_MS = 2500
"""How long a first figure waits for the second."""
LEAST_ROW, EASY_ROW = 19, 20
"""Pixels of a row at least, and those that the bone chosen leaves to rows before it gets smaller itself."""
LEAST_STRIP = 160
MOST_STRIP, MOST_STACKED = 460, 900
"""Pixels of the bone chosen at most, with its ladder beside the crop or, on an upright screen, below it."""
HEADING = 17
"""Pixels of the line above the bones of a ray."""
WIDTHS = (46, 62, 100, 58, 46, 46, 86, 26)
WORDS_WIDE, WORDS_HIGH = 150, 34
"""Pixels of column and row from which the words of the measurement are shown, not only its figure."""
HEAD_SIDE = 4
"""Pixels at each side of a head's words, as the style sheet has them."""
BARS_MOST, MOST_WORDS = 200, 320
"""Pixels of the bars at most in a wide table; what is over goes to the words of the measurement, to so many."""
MACHINE_LEAST = 116
"""Grade, bars and probability need so many."""


def most_row(width: int) -> int:
    """Pixels of a row at most in a table of this width."""
    return 52 if width >= 500 else 40


class BoneTable(QTableView):
    """Rows share the height there is. Figures typed here are grades; other keys go to the actions."""

    bone_selected = Signal(str)
    figure_typed = Signal(str)
    tick_clicked = Signal(str)

    def __init__(self, model: BoneTableModel) -> None:
        super().__init__()
        self.setAccessibleName(tr("Bones"))
        self._model = model
        self.setModel(model)
        self.delegate = BoneDelegate(self)
        self.setItemDelegate(self.delegate)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.verticalHeader().setMinimumSectionSize(HEADING)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionsClickable(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignCenter)
        header.setMinimumSectionSize(20)
        for index, width in enumerate(WIDTHS):
            self.setColumnWidth(index, width)
            fixed = index != columns.MACHINE
            header.setSectionResizeMode(
                index, QHeaderView.ResizeMode.Fixed if fixed else QHeaderView.ResizeMode.Stretch
            )

    def currentChanged(
        self, current: QModelIndex | QPersistentModelIndex, previous: QModelIndex | QPersistentModelIndex
    ) -> None:
        super().currentChanged(current, previous)
        bone = self._model.bone_at(current.row())
        if bone:
            self.bone_selected.emit(bone)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        super().mousePressEvent(event)
        if index.isValid() and index.column() == columns.REVIEWED:
            self.tick_clicked.emit(self._model.bone_at(index.row()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        plain = event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
        if plain and len(event.text()) == 1 and event.text() in "0123456789":
            self.figure_typed.emit(event.text())
            return
        event.ignore()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.share_height()

    @property
    def least_row(self) -> int:
        """Pixels of a row at least: its words are not cut."""
        return max(LEAST_ROW, self.fontMetrics().height() + 1)

    def share_height(self) -> None:
        """Give all rows the same height, between what figures need and a crop worth looking at."""
        headings = self._model.headings
        rows = max(1, self._model.rowCount() - len(headings))
        room = self.viewport().height() - HEADING * len(headings)
        height = min(most_row(self.width()), max(self.least_row, room // rows))
        self.verticalHeader().setDefaultSectionSize(height)
        self.clearSpans()
        for row in range(self._model.rowCount()):  # a row that was a heading before keeps its height else
            self.setRowHeight(row, HEADING if row in headings else height)
        for heading in headings:
            self.setSpan(heading, 0, 1, len(columns.COLUMNS))
        self.setColumnWidth(columns.CROP, height + 8)
        wide = {column: WIDTHS[column] for column in range(len(WIDTHS)) if column not in (columns.CROP, columns.MACHINE)}
        machine = self.fontMetrics().horizontalAdvance("8(4) 100%") + 12  # without its bars
        spare = self.viewport().width() - height - 8 - sum(wide.values()) - machine
        for column, need in self._needs().items():  # what words and figures take in this font, as far as there is room
            more = max(0, min(need - wide[column], spare))
            wide[column], spare = wide[column] + more, spare - more
        if height >= WORDS_HIGH and spare - max(0, MACHINE_LEAST - machine) >= WORDS_WIDE - wide[columns.MEASURED]:
            wide[columns.MEASURED] = max(WORDS_WIDE, wide[columns.MEASURED])
        elif spare > BARS_MOST:  # a wide table under the film: bars as wide as it say no more than narrow ones
            wide[columns.MEASURED] = min(MOST_WORDS, wide[columns.MEASURED] + spare - BARS_MOST)
        for column, width in wide.items():
            self.setColumnWidth(column, width)
        self._fit_heads()

    def _fit_heads(self) -> None:
        """A smaller font for the heads where one has no room: a word that is cut at both ends reads as another."""
        header, font = self.horizontalHeader(), QFont(self.font())
        size = font.pointSizeF()
        while size > LEAST_POINTS and any(
            QFontMetrics(font).horizontalAdvance(tr(title)) + 2 * HEAD_SIDE > self.columnWidth(column)
            for column, title in enumerate(columns.COLUMNS) if title
        ):  # fmt: skip
            size -= 0.5
            font.setPointSizeF(size)
        for part in (header, header.viewport()):  # the second paints them, and a style sheet hands nothing down
            part.setFont(font)

    def _needs(self) -> dict[int, int]:
        """Pixels that the fixed columns need for their longest entries, the most important first."""
        plain = self.fontMetrics()
        strong = QFontMetrics(bold(self.font()))
        figures = max(plain.horizontalAdvance(figure) for figure in ("0.00", tr("none"), tr("fused")))
        heads = QFontMetrics(self.font())
        entries = {
            columns.STEPS: plain.horizontalAdvance(text.month_steps(-10.5, 10.5)),
            columns.NAME: max(plain.horizontalAdvance(text.short(bone)) for bone in rus_chn.BONES) + strong.horizontalAdvance(" !"),
            columns.MEASURED: figures + strong.horizontalAdvance(AGAINST) + 4,
            columns.POINTS: plain.horizontalAdvance("000"),
            columns.HUMAN: strong.horizontalAdvance("7(4)") + 4,
        }
        return {
            column: max(need, heads.horizontalAdvance(tr(columns.COLUMNS[column]))) + 12 for column, need in entries.items()
        }


class BonesPage(QWidget):
    """Table above, the selected bone, the numbers at the foot. Turns typed figures into grades."""

    grade_typed = Signal(int)
    hint = Signal(str)
    """What typed figures may become, for the status bar."""

    def __init__(self) -> None:
        super().__init__()
        self._entry = GradeEntry()
        self._entry_timer = QTimer(self)
        self._entry_timer.setSingleShot(True)
        self._entry_timer.setInterval(ENTRY_MS)
        self._entry_timer.timeout.connect(self.forget_figures)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.model = BoneTableModel()
        self.table = BoneTable(self.model)
        self.strip = BoneStrip()
        self.numbers, self.opinion, self.bar = NumbersStrip(), OpinionStrip(), BonesBar()
        column.addWidget(self.bar)
        self.table.figure_typed.connect(self._figure)
        column.addWidget(self.table, 1)
        column.addWidget(self.strip)
        column.addWidget(self.numbers)
        column.addWidget(self.opinion)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.share_height()

    def share_height(self) -> None:
        """The bone chosen has what rows and numbers leave over."""
        headings = len(self.model.headings)
        bones = self.model.rowCount() - headings
        others = HEADING * headings + self.table.horizontalHeader().sizeHint().height() + self.bar.sizeHint().height()
        numbers = self.numbers.sizeHint().height() + (0 if self.opinion.isHidden() else self.opinion.sizeHint().height())
        room = self.height() - numbers - others - 4
        easy = max(LEAST_STRIP, min(320, round(self.height() * 0.355), room - max(EASY_ROW, self.table.least_row) * bones))
        left_over = room - most_row(self.table.width()) * bones  # rows do not grow beyond
        most = MOST_STACKED if left_over >= STACKED_FROM else MOST_STRIP
        self.strip.setFixedHeight(max(easy, min(left_over, most)))

    def show_foot(self, on: bool) -> None:
        """Without a reading there is no bone and no number to show."""
        self.bar.setVisible(on)
        self.strip.setVisible(on)
        self.numbers.setVisible(on)
        if not on:
            self.opinion.hide()

    def _figure(self, figure: str) -> None:
        bone = self.model.bone_at(self.table.currentIndex().row())
        if not bone:
            return
        grade = self._entry.key(bone, figure)
        if grade is not None:
            self.forget_figures()
            self.grade_typed.emit(grade)
            return
        self._show_figures(bone)
        choices = self._entry.choices(bone)
        if choices:
            self._entry_timer.start()
            self.hint.emit(f"{self._entry.typed}_ : {'  '.join(choices)}")
        else:
            self.hint.emit(tr("{bone} has no grade that begins with {figure}.", bone=text.bone(bone), figure=figure))

    def show_browsed(self, bone: str, name: str) -> None:
        """The grade that is looked at on a bone without one; '' for none."""
        if self.table.delegate.browsed != (bone, name):
            self.table.delegate.browsed = (bone, name)
            self.table.viewport().update()

    def forget_figures(self) -> None:
        self._entry_timer.stop()
        self._entry.clear()
        self._show_figures("")

    def _show_figures(self, bone: str) -> None:
        self.table.delegate.typed = (bone, self._entry.typed)
        self.table.viewport().update()
