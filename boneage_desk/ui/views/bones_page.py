"""The grade panel: 13 rows, the selected bone's crop and criteria ladder, and the numbers."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QImage, QKeyEvent, QMouseEvent, QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QSizePolicy,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from boneage_desk.standards import rus_chn
from boneage_desk.ui import theme
from boneage_desk.ui.models import bone_table as columns
from boneage_desk.ui.models.bone_table import BoneTableModel
from boneage_desk.ui.presenters import text
from boneage_desk.ui.presenters.numbers import Numbers
from boneage_desk.ui.presenters.rows import BoneRow, GradeEntry, Step
from boneage_desk.ui.views.bone_delegate import BoneDelegate
from boneage_desk.ui.views.clipped_text import ClippedText

ENTRY_MS = 2500
"""How long a first figure waits for the second."""


class BoneTable(QTableView):
    """Rows share the height there is. Figures typed here are grades; other keys go to the actions."""

    bone_selected = Signal(str)
    figure_typed = Signal(str)
    tick_clicked = Signal(str)

    def __init__(self, model: BoneTableModel) -> None:
        super().__init__()
        self.setAccessibleName("Bones")
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
        self.verticalHeader().setMinimumSectionSize(20)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionsClickable(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignCenter)
        header.setMinimumSectionSize(20)
        for index, width in enumerate((46, 72, 100, 58, 54, 98, 32)):
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

    def share_height(self) -> None:
        """Give all rows the same height, between what figures need and a crop worth looking at."""
        rows = max(1, self._model.rowCount())
        height = min(52 if self.width() >= 500 else 40, max(22, self.viewport().height() // rows))
        self.verticalHeader().setDefaultSectionSize(height)
        self.setColumnWidth(columns.CROP, height + 8)


class CropPicture(QWidget):
    """The selected bone as the grader sees it, enlarged."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Crop of the selected bone")
        self._image: QImage | None = None
        self.setMinimumSize(96, 96)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(150, 150)

    def show_image(self, image: QImage | None) -> None:
        self._image = image
        self.update()

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.colour(theme.FILM))
        if self._image is None:
            painter.setPen(theme.colour(theme.MUTED))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, "no box")
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        side = min(self.width(), self.height())
        x, y = (self.width() - side) // 2, (self.height() - side) // 2
        painter.drawImage(
            self.rect().adjusted(x, y, -(self.width() - side - x), -(self.height() - side - y)), self._image
        )


class _Rung(QFrame):
    """One grade of the ladder: its name, what it looks like, its probability and months."""

    def __init__(self, this: bool) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 2, 4, 2)
        column.setSpacing(2)
        self._head = QLabel()
        self._head.setFont(theme.ui_font(10.5, bold=True))
        self._words = ClippedText(theme.TEXT if this else theme.MUTED)
        self._words.setFont(theme.ui_font(9))
        self._foot = QLabel()
        self._foot.setFont(theme.ui_font(9))
        self._foot.setProperty("muted", True)
        for label in (self._head, self._foot):
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.setMinimumWidth(60)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        column.addWidget(self._head)
        column.addWidget(self._words, 1)
        column.addWidget(self._foot)
        if this:
            self.setStyleSheet(f"_Rung {{ border: 1px solid {theme.ACCENT}; border-radius: 3px; }}")

    def show_step(self, step: Step, arrow: str) -> None:
        self._head.setText(f"{arrow} {step.label}".strip() if step.label else "")
        self._words.setText(step.criterion)
        parts = []
        if step.probability is not None:
            parts.append(f"{step.probability:.0%}")
        if step.months is not None:
            parts.append(f"{text.signed(step.months)} m")
        self._foot.setText(" ".join(parts))


class BoneStrip(QFrame):
    """The selected bone: crop, name and doubt, and the grades below, this and above."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("strip")
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 8, 8, 8)
        row.setSpacing(8)
        self.crop = CropPicture()
        row.addWidget(self.crop, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout()
        column.setSpacing(2)
        self._title = QLabel()
        self._title.setFont(theme.ui_font(11, bold=True))
        self._title.setTextFormat(Qt.TextFormat.PlainText)
        self._doubt = ClippedText(theme.ATTENTION)
        self._doubt.setFixedHeight(self._doubt.fontMetrics().height() + 2)
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(self._title)
        head.addWidget(self._doubt, 1)
        column.addLayout(head)
        rungs = QHBoxLayout()
        rungs.setSpacing(4)
        self._rungs = (_Rung(False), _Rung(True), _Rung(False))
        for rung, share in zip(self._rungs, (1, 1, 1), strict=True):
            rungs.addWidget(rung, share)
        column.addLayout(rungs, 1)
        row.addLayout(column, 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        side = min(self.height() - 16, round(self.width() * 0.32))
        self.crop.setFixedSize(side, side)

    def show_bone(self, row: BoneRow | None, steps: tuple[Step, Step, Step] | None, image: QImage | None) -> None:
        self.crop.show_image(image)
        if row is None or steps is None:
            self._title.setText("")
            self._doubt.setText("")
            return
        self._title.setText(row.name)
        self._doubt.setText(f"! {row.doubt}" if row.doubt else "")
        arrows = ("\N{LEFTWARDS ARROW}", "", "\N{RIGHTWARDS ARROW}")
        self._rungs[1].setVisible(steps[1].grade is not None)
        for rung, step, arrow in zip(self._rungs, steps, arrows, strict=True):
            rung.show_step(step, arrow)


class NumbersStrip(QFrame):
    """Score to bone age, large; below it the second opinions, the age and the difference."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("numbers")
        self.setAccessibleName("Bone age")
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 6, 12, 8)
        column.setSpacing(6)
        head = QHBoxLayout()
        head.setSpacing(12)
        self.score, self.bone_age, self.interval, self.change = QLabel(), QLabel(), QLabel(), QLabel()
        self.method = QLabel("RUS-CHN")
        self.score.setFont(theme.ui_font(13))
        self.arrow = QLabel("\N{RIGHTWARDS ARROW}")
        self.arrow.setFont(theme.ui_font(15))
        self.bone_age.setFont(theme.ui_font(19, bold=True))
        self.interval.setToolTip("Where the bone age lies by the models' measured error on films held out")
        self.change.setProperty("human", True)
        for label in (self.method, self.arrow, self.interval):
            label.setProperty("muted", True)
        self.why = QLabel()
        self.why.setProperty("attention", True)
        self.why.setWordWrap(True)
        self.why.setFont(theme.ui_font(11))
        self.progress = QLabel()
        self.progress.setProperty("muted", True)
        for part in (_pair(self.method, self.score), self.arrow, self.bone_age, _pair(self.interval, self.change)):
            head.addLayout(part) if isinstance(part, QVBoxLayout) else head.addWidget(part)
        head.addStretch(1)
        head.addWidget(self.why, 1000)
        column.addLayout(head)
        foot = QGridLayout()
        foot.setHorizontalSpacing(12)
        foot.setVerticalSpacing(0)
        self.values: dict[str, QLabel] = {}
        for place, (key, title) in enumerate(
            (("machine", "AI alone"), ("whole_hand", "Whole hand"), ("age", "Age"), ("difference", "Difference"))
        ):
            name, value = QLabel(title), QLabel()
            name.setProperty("muted", True)
            value.setTextFormat(Qt.TextFormat.PlainText)
            value.setFont(theme.ui_font(11))
            foot.addWidget(name, 0, place)
            foot.addWidget(value, 1, place)
            foot.setColumnStretch(place, 1)
            self.values[key] = value
        self.values["machine"].setProperty("machine", True)
        self.values["whole_hand"].setProperty("machine", True)
        column.addLayout(foot)
        column.addWidget(self.progress)

    def show_numbers(self, value: Numbers | None, progress: str = "") -> None:
        there = value is not None and bool(value.bone_age)
        for label in (self.method, self.score, self.arrow, self.bone_age, self.interval, self.change):
            label.setVisible(there)
        self.why.setVisible(not there)
        self.progress.setText(progress)
        if value is None:
            self.why.setText("")
            self.change.setText("")
            for label in self.values.values():
                label.setText("")
            return
        self.score.setText(value.score)
        self.bone_age.setText(value.bone_age)
        self.interval.setText(value.interval)
        self.why.setText(f"No bone age. {value.why_not}" if value.why_not else "")
        self.change.setText(value.change)
        dash = "\N{EN DASH}"
        self.values["machine"].setText(value.machine or dash)
        self.values["whole_hand"].setText(value.whole_hand or dash)
        self.values["age"].setText(value.age)
        self.values["difference"].setText(value.difference or dash)


def _pair(above: QWidget, below: QWidget) -> QVBoxLayout:
    column = QVBoxLayout()
    column.setSpacing(0)
    column.addWidget(above)
    column.addWidget(below)
    return column


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
        self.numbers = NumbersStrip()
        self.table.figure_typed.connect(self._figure)
        column.addWidget(self.table, 1)
        column.addWidget(self.strip)
        column.addWidget(self.numbers)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.strip.setFixedHeight(min(240, max(150, round(self.height() * 0.27))))

    def show_foot(self, on: bool) -> None:
        """Without a reading there is no bone and no number to show."""
        self.strip.setVisible(on)
        self.numbers.setVisible(on)

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
            self.hint.emit(f"{rus_chn.bone_name(bone)} has no grade that begins with {figure}.")

    def forget_figures(self) -> None:
        self._entry_timer.stop()
        self._entry.clear()
        self._show_figures("")

    def _show_figures(self, bone: str) -> None:
        self.table.delegate.typed = (bone, self._entry.typed)
        self.table.viewport().update()
