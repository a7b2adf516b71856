"""Conclusion and every standard of the reading: what it is compared with, by which rule, and how the standards differ;
below them the ladder of the Greulich-Pyle plates."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QFormLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from boneage_desk.common.errors import InputError
from boneage_desk.common.i18n import mark, said, tr
from boneage_desk.reading.ages import PRETERM_DAYS, AgeBasis, BirthPrecision, gestation_text, parse_gestation
from boneage_desk.reading.basis import SetAgeBasis, SetRule
from boneage_desk.reading.growing import SetAtlasAge
from boneage_desk.reading.session import Reading, State
from boneage_desk.standards.rules import Rule
from boneage_desk.ui.presenters.atlas import drawn_side
from boneage_desk.ui.presenters.clinical import Clinical
from boneage_desk.ui.presenters.text import typeset
from boneage_desk.ui.views.banner import restyle
from boneage_desk.ui.views.fact_grid import FactGrid
from boneage_desk.ui.views.plain_table import PlainTable
from boneage_desk.ui.views.plate_ladder import PlateLadderView

_RULES = (
    (Rule.BRUSH_2SD, mark("2 SD, Brush Foundation table")),
    (Rule.STUART_2SD, mark("2 SD, Stuart table")),
    (Rule.RUS_CHN_YEARS, mark("1 and 2 years (RUS-CHN)")),
)
_PRECISIONS = (
    (BirthPrecision.DAY, mark("to the day")),
    (BirthPrecision.MONTH, mark("estimated, to the month")),
    (BirthPrecision.YEAR, mark("estimated, to the year")),
)


class StandardsPane(QWidget):
    """Follows the reading while it is seen."""

    command = Signal(object)

    def __init__(self, clinical: Clinical) -> None:
        super().__init__()
        self._clinical = clinical
        self._reading: Reading | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 12)
        column.setSpacing(8)
        self.facts = FactGrid(strong=("conclusion",))
        column.addWidget(self.facts)
        form = QFormLayout()
        form.setVerticalSpacing(6)
        form.setHorizontalSpacing(12)
        self.rule = self._box(tr("Rule of the conclusion"), [tr(words) for _, words in _RULES])
        self.rule.activated.connect(lambda at: self._send(SetRule(_RULES[at][0])))
        self.precision = self._box(tr("Birth date known"), [tr(words) for _, words in _PRECISIONS])
        self.precision.activated.connect(lambda at: self._basis(birth_precision=_PRECISIONS[at][0]))
        self.pregnancy = QLineEdit()
        self.pregnancy.setPlaceholderText(tr("weeks+days, e.g. 30+4"))
        self.pregnancy.setAccessibleName(tr("Duration of pregnancy"))
        self.pregnancy.editingFinished.connect(self._pregnancy_entered)
        self.corrected = QCheckBox(tr("Compare with the corrected age"))
        self.corrected.setToolTip(tr("Of a child that was born before 37 weeks, up to 3 years of age"))
        self.corrected.clicked.connect(lambda on: self._basis(correct_prematurity=on))
        form.addRow(tr("Rule"), self.rule)
        form.addRow(tr("Birth date"), self.precision)
        form.addRow(tr("Pregnancy"), self.pregnancy)
        form.addRow("", self.corrected)
        column.addLayout(form)
        self.wrong = QLabel()
        self.wrong.setProperty("attention", True)
        self.wrong.setWordWrap(True)
        self.wrong.hide()
        column.addWidget(self.wrong)
        self.title = QLabel()
        self.title.setProperty("heading", True)
        column.addWidget(self.title)
        self.table = PlainTable(tr("All standards"), (0.38, 0.14, 0.28, 0.2))
        column.addWidget(self.table)
        self.notes = QLabel()
        self.notes.setProperty("muted", True)
        self.notes.setWordWrap(True)
        self.notes.setTextFormat(Qt.TextFormat.PlainText)
        column.addWidget(self.notes)
        self.ladder = PlateLadderView(clinical.drawings)
        self.ladder.chosen.connect(lambda months: self._send(SetAtlasAge(months)))
        column.addWidget(self.ladder)
        self.no_ladder = QLabel(tr("No Greulich-Pyle plates: they are of boys or of girls, and the sex is not known."))
        self.no_ladder.setProperty("muted", True)
        self.no_ladder.setWordWrap(True)
        column.addWidget(self.no_ladder)
        column.addStretch(1)

    @staticmethod
    def _box(name: str, items: list[str]) -> QComboBox:
        box = QComboBox()
        box.setAccessibleName(name)
        box.addItems(items)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setMinimumContentsLength(18)
        return box

    def refresh(self) -> None:
        """Show the reading as it is now."""
        reading = self._clinical.reading
        if reading is None or self._reading is None or reading.reading_id != self._reading.reading_id:
            self._tell("")
            self.pregnancy.setModified(False)
        self._reading = reading
        self.facts.show_facts(self._clinical.conclusion())
        open_ = reading is not None and reading.state is State.DRAFT
        for part in (self.rule, self.precision, self.pregnancy, self.corrected):
            part.setEnabled(open_)
        block = self._clinical.standards()
        for part in (self.title, self.table, self.notes):
            part.setVisible(block is not None)
        ladder = self._clinical.ladder()
        self.ladder.setVisible(ladder is not None)
        self.no_ladder.setVisible(reading is not None and ladder is None)
        if reading is not None and ladder is not None:
            self.ladder.show_ladder(ladder, reading.reading_id, drawn_side(reading), open_=open_)
        if reading is None or block is None:
            return
        basis = reading.age_basis
        self.rule.setCurrentIndex([rule for rule, _ in _RULES].index(reading.rule))
        self.precision.setCurrentIndex([one for one, _ in _PRECISIONS].index(basis.birth_precision))
        if not self.pregnancy.isModified():
            self.pregnancy.setText("" if basis.gestation_days is None else gestation_text(basis.gestation_days))
        self.corrected.setChecked(basis.correct_prematurity)
        early = basis.gestation_days is not None and basis.gestation_days < PRETERM_DAYS
        self.corrected.setEnabled(open_ and (early or basis.correct_prematurity))
        self.title.setText(block.title)
        rows = [tuple(map(typeset, (line.name, line.score, line.bone_age, line.difference))) for line in block.rows]
        self.table.fill(block.columns, rows, faint=[not line.known for line in block.rows])
        self.notes.setText(typeset("\n".join(block.notes)))

    def _send(self, command: object) -> None:
        self._tell("")
        self.command.emit(command)

    def _basis(self, **changes: object) -> None:
        if self._reading is None:
            return
        old = self._reading.age_basis
        values = {
            "birth_precision": old.birth_precision, "gestation_days": old.gestation_days,
            "correct_prematurity": old.correct_prematurity,
        } | changes  # fmt: skip
        new = AgeBasis(**values)  # type: ignore[arg-type]
        if new != old:
            self._send(SetAgeBasis(new))

    def _open(self) -> bool:
        """Whether what is typed can be handed over; looks at the reading's newest value."""
        self._reading = self._clinical.newest(self._reading)
        return self._reading is not None and self._reading.state is State.DRAFT and self._clinical.holds(self._reading)

    def flush(self) -> None:
        """Hand over what was typed and not entered."""
        if self._open() and self.pregnancy.isModified():
            self._pregnancy_entered()
            if self.pregnancy.isModified():
                self._clinical.not_kept(self.wrong.text())

    def _pregnancy_entered(self) -> None:
        if not self.pregnancy.isModified() or not self._open():
            return
        typed = self.pregnancy.text().strip()
        try:
            days = parse_gestation(typed) if typed else None
        except InputError as error:
            self._tell(said(str(error)))
            return
        self.pregnancy.setModified(False)
        self._basis(gestation_days=days)
        if self._reading is not None:
            self._tell("")

    def _tell(self, why: str) -> None:
        self.wrong.setText(why)
        self.wrong.setVisible(bool(why))
        self.pregnancy.setProperty("wrong", bool(why))
        restyle(self.pregnancy)
