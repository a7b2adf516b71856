"""The child's growth: what was measured, the chart, adult height by every method."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from boneage_desk.common import i18n
from boneage_desk.common.errors import BoneAgeError
from boneage_desk.common.i18n import mark, said, tr
from boneage_desk.reading.assessment import Command
from boneage_desk.reading.growing import RemoveMeasurement, SetMenarche
from boneage_desk.reading.growth import Measurement, Origin
from boneage_desk.reading.session import Reading, State
from boneage_desk.standards.growth import GrowthReference
from boneage_desk.standards.types import Sex, years_months
from boneage_desk.ui.presenters import text
from boneage_desk.ui.presenters.clinical import Clinical, typed_atlas, typed_measurement, typed_parents
from boneage_desk.ui.views.banner import restyle
from boneage_desk.ui.views.fact_grid import FactGrid
from boneage_desk.ui.views.prediction_list import PredictionList

_MENARCHE = ((None, mark("not known")), (True, mark("yes")), (False, mark("no")))


class GrowthPane(QWidget):
    """Follows the reading while it is seen. The chart is made when the pane is first shown."""

    command = Signal(object)

    def __init__(self, clinical: Clinical) -> None:
        super().__init__()
        from boneage_desk.ui.views.growth_chart import HeightChart

        self._clinical = clinical
        self._reading: Reading | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 12)
        column.setSpacing(8)
        column.addLayout(self._form())
        self.wrong = QLabel()
        self.wrong.setProperty("attention", True)
        self.wrong.setWordWrap(True)
        self.wrong.setTextFormat(Qt.TextFormat.PlainText)
        self.wrong.hide()
        column.addWidget(self.wrong)
        self.measurements = QVBoxLayout()
        self.measurements.setSpacing(2)
        column.addLayout(self.measurements)
        row = QHBoxLayout()
        self.chart_title = QLabel()
        self.chart_title.setProperty("heading", True)
        self.chart_title.setWordWrap(True)
        row.addWidget(self.chart_title, 1)
        self.reference = QComboBox()
        self.reference.setAccessibleName(tr("Growth reference"))
        self.reference.setToolTip(tr("Of this chart; the report's is in the settings"))
        self.reference.addItems([one.print_name for one in GrowthReference])
        self.reference.setCurrentIndex(list(GrowthReference).index(GrowthReference(clinical.reference)))
        self.reference.activated.connect(lambda at: clinical.choose(list(GrowthReference)[at].value))
        row.addWidget(self.reference)
        column.addLayout(row)
        self.chart = HeightChart()
        column.addWidget(self.chart)
        self.legend = QLabel()
        self.legend.setProperty("muted", True)
        self.legend.setWordWrap(True)
        column.addWidget(self.legend)
        self.doubts = QLabel()
        self.doubts.setProperty("attention", True)
        self.doubts.setWordWrap(True)
        self.doubts.setTextFormat(Qt.TextFormat.PlainText)
        column.addWidget(self.doubts)
        self.facts = FactGrid()
        column.addWidget(self.facts)
        self.table_title = QLabel()
        self.table_title.setProperty("heading", True)
        column.addWidget(self.table_title)
        self.table = PredictionList()
        column.addWidget(self.table)
        self.note = QLabel()
        self.note.setProperty("muted", True)
        self.note.setWordWrap(True)
        column.addWidget(self.note)
        column.addStretch(1)
        self._answers = (self.chart_title, self.reference, self.chart, self.legend, self.facts, self.table_title, self.table)

    # --- the form -------------------------------------------------------------------------------
    def _form(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(6)
        self.on = self._line(tr("Day of the measurement"), "2024-07-11")
        self.height = self._line(tr("Height"), "135.5")
        self.length_unit = self._units(tr("Unit of length"), ("cm", "in"))
        self.weight = self._line(tr("Weight"), "31.2")
        self.weight_unit = self._units(tr("Unit of weight"), ("kg", "lb"))
        self.add = QPushButton(tr("Add"))
        self.add.setToolTip(tr("Keep this height and weight of this day"))
        self.add.clicked.connect(self._add)
        for line in (self.on, self.height, self.weight):
            line.returnPressed.connect(self._add)
        self._put(grid, 0, 0, tr("Measured on"), (self.on,))
        grid.addWidget(self.add, 1, 1, Qt.AlignmentFlag.AlignLeft)
        self._put(grid, 2, 0, tr("Height"), (self.height, self.length_unit))
        self._put(grid, 2, 1, tr("Weight"), (self.weight, self.weight_unit))
        self.father, self.mother = self._line(tr("Father's height"), "178"), self._line(tr("Mother's height"), "165")
        self.parent_unit = self._units(tr("Unit of the parents' heights"), ("cm", "in"))
        for line in (self.father, self.mother):
            line.editingFinished.connect(self._parents_entered)
        self.atlas = self._line(tr("My Greulich-Pyle bone age"), tr("e.g. 10 y 6 m"))
        self.atlas.editingFinished.connect(self._atlas_entered)
        self.menarche = QComboBox()
        self.menarche.setAccessibleName(tr("Menarche"))
        self.menarche.addItems([tr(words) for _, words in _MENARCHE])
        self.menarche.activated.connect(lambda at: self._send(SetMenarche(_MENARCHE[at][0])))
        self._put(grid, 4, 0, tr("Father"), (self.father,))
        self._put(grid, 4, 1, tr("Mother"), (self.mother, self.parent_unit))
        self._put(grid, 6, 0, tr("Atlas (Greulich-Pyle), own reading"), (self.atlas,))
        self._menarche_title = self._put(grid, 6, 1, tr("Menarche"), (self.menarche,))
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        return grid

    @staticmethod
    def _put(grid: QGridLayout, row: int, column: int, title: str, parts: tuple[QWidget, ...]) -> QLabel:
        label = QLabel(title)
        label.setProperty("muted", True)
        grid.addWidget(label, row, column)
        line = QHBoxLayout()
        line.setSpacing(4)
        for part in parts:
            line.addWidget(part, 1 if isinstance(part, QLineEdit) else 0)
        grid.addLayout(line, row + 1, column)
        return label

    @staticmethod
    def _line(name: str, hint: str) -> QLineEdit:
        line = QLineEdit()
        line.setAccessibleName(name)
        line.setPlaceholderText(hint)
        line.setMinimumWidth(60)
        return line

    @staticmethod
    def _units(name: str, units: tuple[str, ...]) -> QComboBox:
        box = QComboBox()
        box.setAccessibleName(name)
        box.addItems(units)
        return box

    # --- showing --------------------------------------------------------------------------------
    def refresh(self) -> None:
        """Show the reading as it is now; what is being typed stays."""
        reading = self._clinical.reading
        other = reading is None or self._reading is None or reading.reading_id != self._reading.reading_id
        self._reading = reading
        open_ = reading is not None and reading.state is State.DRAFT
        fields = (self.on, self.height, self.weight, self.father, self.mother, self.atlas)
        for part in (*fields, self.add, self.menarche):
            part.setEnabled(open_)
        if other:
            self._tell("")
            for line in fields:
                line.clear()
                line.setModified(False)
        found = self._clinical.growth()
        if reading is None or found is None:
            for one in self._answers:
                one.hide()
            return
        view, report = found
        growth = reading.growth
        if other:
            self.on.setText(text.day(reading.study.study_date))
        for line, cm in ((self.father, growth.father_cm), (self.mother, growth.mother_cm)):
            if not line.isModified():
                line.setText("" if cm is None else f"{cm:g} cm")
        if not self.atlas.isModified():
            self.atlas.setText("" if growth.atlas_months is None else years_months(growth.atlas_months))
        girl = reading.patient.sex is Sex.FEMALE
        self.menarche.setVisible(girl)
        self._menarche_title.setVisible(girl)
        self.menarche.setCurrentIndex([known for known, _ in _MENARCHE].index(growth.menarche))
        self._list(growth.measurements, open_)
        for one in self._answers:
            one.setVisible(report is not None)
        doubts = report.doubts if report is not None else tuple(one.text(i18n.language()) for one in view.doubts)
        self.doubts.setText("\n".join(f"! {words}" for words in doubts))
        self.doubts.setVisible(bool(doubts))
        self.note.setVisible(True)
        if report is None:
            self.note.setText(tr("No height, weight or parents' heights are recorded: enter them above."))
            return
        self.chart_title.setText(report.chart_title)
        self.chart.setVisible(report.chart is not None)
        self.chart.show_report(report)
        signs = ("\N{BLACK CIRCLE}", "\N{WHITE DIAMOND}", "\N{BLACK SQUARE}", "\N{BLACK UP-POINTING TRIANGLE}")
        told = [f"{sign} {words}" for sign, words in zip(signs, report.legend, strict=True) if words]
        self.legend.setText("    ".join(words.replace(" ", "\N{NO-BREAK SPACE}") for words in told))
        self.facts.show_facts(report.facts)
        self.table_title.setText(report.table_title)
        self.table_title.setVisible(bool(report.rows))
        self.table.setVisible(bool(report.rows))
        self.table.show_rows(report.rows)
        self.note.setText(text.typeset(report.note))

    def _list(self, measurements: tuple[Measurement, ...], open_: bool) -> None:
        """A line each, newest first, with a button that takes it away."""
        while self.measurements.count():
            item = self.measurements.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.setParent(None)
                widget.deleteLater()
        for one in reversed(measurements):
            line = QWidget()
            row = QHBoxLayout(line)
            row.setContentsMargins(0, 0, 0, 0)
            parts = [text.day(one.on)]
            parts += [f"{one.height_cm:g} cm"] if one.height_cm is not None else []
            parts += [f"{one.weight_kg:g} kg"] if one.weight_kg is not None else []
            parts += [tr("of the film's file")] if one.origin is Origin.FILE else []
            row.addWidget(QLabel("    ".join(parts)), 1)
            away = QPushButton("\N{MULTIPLICATION SIGN}")
            away.setFixedWidth(28)
            away.setToolTip(tr("Take this measurement away"))
            away.setAccessibleName(tr("Take the measurement of {day} away", day=text.day(one.on)))
            away.setEnabled(open_)
            away.clicked.connect(partial(self._send, RemoveMeasurement(one.on, one.origin)))
            row.addWidget(away)
            self.measurements.addWidget(line)

    # --- entering -------------------------------------------------------------------------------
    def _send(self, command: Command, *_clicked: bool) -> None:
        self._tell("")
        self.command.emit(command)

    def _try(self, make: Callable[[], Command], *lines: QLineEdit) -> bool:
        """Send what was typed, or say what is wrong with it and leave it there."""
        before = self._reading
        try:
            command = make()
            if before is not None:
                command.apply(before)  # what the reading would refuse is told here, beside the field
        except BoneAgeError as error:
            self._tell(said(str(error)))
            return False
        for line in lines:
            line.setModified(False)
        self._send(command)
        return self._clinical.reading is not before

    def _open(self) -> bool:
        """Whether what is typed can be handed over; looks at the reading's newest value."""
        self._reading = self._clinical.newest(self._reading)
        return self._reading is not None and self._reading.state is State.DRAFT and self._clinical.holds(self._reading)

    def flush(self) -> None:
        """Hand over what was typed and not entered: a height and weight, parents, the atlas age."""
        if not self._open():
            return
        for typed, enter in (
            (self.height.text().strip() or self.weight.text().strip(), self._enter_measurement),
            (self.father.isModified() or self.mother.isModified(), self._parents_entered),
            (self.atlas.isModified(), self._atlas_entered),
        ):
            if typed:
                self._tell("")
                enter()
                if self.wrong.text():
                    self._clinical.not_kept(self.wrong.text())

    def _add(self) -> None:
        if self._enter_measurement():
            self.height.setFocus(Qt.FocusReason.OtherFocusReason)

    def _enter_measurement(self) -> bool:
        if not self._open():
            return False
        units = self.length_unit.currentText(), self.weight_unit.currentText()
        done = self._try(
            lambda: typed_measurement(self.on.text(), self.height.text(), units[0], self.weight.text(), units[1])
        )
        if done:
            self.height.clear()
            self.weight.clear()
        return done

    def _parents_entered(self) -> None:
        if self._open() and (self.father.isModified() or self.mother.isModified()):
            unit = self.parent_unit.currentText()
            self._try(lambda: typed_parents(self.father.text(), self.mother.text(), unit), self.father, self.mother)

    def _atlas_entered(self) -> None:
        if self._open() and self.atlas.isModified():
            self._try(lambda: typed_atlas(self.atlas.text()), self.atlas)

    def _tell(self, why: str) -> None:
        self.wrong.setText(why)
        self.wrong.setVisible(bool(why))
        restyle(self.wrong)
