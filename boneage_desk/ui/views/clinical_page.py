"""Facts of patient and study that the file lacked or had wrong, and the impression."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from boneage_desk.common.errors import BoneAgeError
from boneage_desk.common.i18n import mark, said, tr
from boneage_desk.reading.ages import parse_date
from boneage_desk.reading.assessment import Filled
from boneage_desk.reading.film import Laterality
from boneage_desk.reading.session import Command, Reading, SetImpression, SetPatient, SetStudy, State
from boneage_desk.standards.types import Sex
from boneage_desk.ui.presenters import text
from boneage_desk.ui.views.banner import restyle, today

IMPRESSION_DELAY_MS = 1500

# Kept here and not as the boxes' item data: Qt would hand a StrEnum back as a plain string
_SEXES = ((mark("not known"), None), (mark("Female"), Sex.FEMALE), (mark("Male"), Sex.MALE))
_SIDES = (
    (mark("not known"), Laterality.UNKNOWN),
    (mark("Left hand"), Laterality.LEFT),
    (mark("Right hand"), Laterality.RIGHT),
)


class ClinicalPage(QWidget):
    """Each field becomes a command when it is left or Enter is pressed."""

    command = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._reading: Reading | None = None
        self._lines: list[tuple[QLineEdit, Callable[[], None]]] = []
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 12, 12, 12)
        form = QFormLayout()
        form.setVerticalSpacing(8)
        form.setHorizontalSpacing(12)
        self.name = self._line(tr("Name"), self._name_entered)
        self.patient_id = self._line(tr("Patient id"), self._id_entered)
        self.sex = QComboBox()
        self.sex.setAccessibleName(tr("Sex"))
        self.sex.addItems([tr(title) for title, _ in _SEXES])
        self.sex.activated.connect(self._sex_chosen)
        self.birth_date = self._line(tr("Birth date"), self._birth_entered, "2014-03-02")
        self.study_date = self._line(tr("Film date"), self._study_entered, "2024-07-11")
        self.side = QComboBox()
        self.side.setAccessibleName(tr("Side"))
        self.side.addItems([tr(title) for title, _ in _SIDES])
        self.side.activated.connect(self._side_chosen)
        for title, widget in (
            (tr("Name"), self.name), (tr("Patient id"), self.patient_id), (tr("Sex"), self.sex),
            (tr("Birth date"), self.birth_date), (tr("Film date"), self.study_date), (tr("Side"), self.side),
        ):  # fmt: skip
            form.addRow(title, widget)
        column.addLayout(form)
        self.wrong = QLabel()
        self.wrong.setProperty("attention", True)
        self.wrong.setWordWrap(True)
        self.wrong.setTextFormat(Qt.TextFormat.PlainText)
        self.wrong.hide()
        column.addWidget(self.wrong)
        row = QHBoxLayout()
        row.addWidget(QLabel(tr("Impression")))
        row.addStretch(1)
        self.templates = QPushButton(tr("Templates"))
        self.templates.setToolTip(tr("Sentences with the numbers of this reading; the file of the station can be edited"))
        self.templates.setMenu(QMenu(self))
        row.addWidget(self.templates)
        column.addLayout(row)
        self.impression = QPlainTextEdit()
        self.impression.setAccessibleName(tr("Impression"))
        self.impression.setTabChangesFocus(True)
        self.impression.setPlaceholderText(tr("Conclusion for the report"))
        column.addWidget(self.impression, 1)
        self.stale = QWidget()
        row = QHBoxLayout(self.stale)
        row.setContentsMargins(0, 0, 0, 0)
        words = QLabel(tr("Figures of a template are of an earlier state of the reading."))
        words.setProperty("attention", True)
        words.setWordWrap(True)
        row.addWidget(words, 1)
        self.refill = QPushButton(tr("Fill in again"))
        self.refill.setToolTip(tr("The template's sentences with the figures of now; what you wrote stays"))
        self.refill.clicked.connect(self._refill)
        row.addWidget(self.refill)
        self.stale.hide()
        column.addWidget(self.stale)
        self.facts = QLabel()
        self.facts.setProperty("muted", True)
        self.facts.setWordWrap(True)
        self.facts.setTextFormat(Qt.TextFormat.PlainText)
        self.facts.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column.addWidget(self.facts)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(IMPRESSION_DELAY_MS)
        self._later.timeout.connect(self.flush)
        self.impression.textChanged.connect(self._later.start)
        self.setEnabled(False)

    def insert(self, filled: Filled) -> None:
        """Put a template's words where the cursor stands in the impression, on a line of their own."""
        words, cursor = filled.words, self.impression.textCursor()
        if cursor.columnNumber() and not cursor.hasSelection():
            words = f"\n{words}"
        cursor.insertText(words)
        self.impression.setTextCursor(cursor)
        self.impression.setFocus(Qt.FocusReason.OtherFocusReason)
        self._later.stop()
        self.command.emit(SetImpression(self.impression.toPlainText(), filled))

    def _refill(self) -> None:
        from boneage_desk.reading.impression import RefillImpression

        self.flush()
        self.refill.setFocus(Qt.FocusReason.OtherFocusReason)  # a field that has the keys keeps what is typed in it
        self.command.emit(RefillImpression())

    def _is_stale(self, reading: Reading) -> bool:
        if not reading.filled or reading.state is not State.DRAFT:
            return False
        from boneage_desk.reading.impression import stale

        return bool(stale(reading))

    def _line(self, name: str, entered: Callable[[], None], hint: str = "") -> QLineEdit:
        line = QLineEdit()
        line.setAccessibleName(name)
        line.setPlaceholderText(hint)
        line.editingFinished.connect(entered)
        self._lines.append((line, entered))
        return line

    def show_reading(self, reading: Reading | None) -> None:
        """Fields follow the reading; one that is being typed in is left alone."""
        other = (reading.reading_id if reading else "") != (self._reading.reading_id if self._reading else "")
        before, self._reading = self._reading, reading
        if other:  # what was typed of the last one was handed over before it left the desk (`Desk.leaving`)
            self._later.stop()
            for line, _entered in self._lines:
                line.setModified(False)
        self.setEnabled(reading is not None)
        self.templates.setEnabled(reading is not None and reading.state is State.DRAFT)
        if reading is None:
            return
        patient, study = reading.patient, reading.study
        self._fill(self.name, patient.name, other)
        self._fill(self.patient_id, patient.patient_id, other)
        self._fill(self.birth_date, text.day(patient.birth_date), other)
        self._fill(self.study_date, text.day(study.study_date), other)
        self.sex.setCurrentIndex([sex for _, sex in _SEXES].index(patient.sex))
        self.side.setCurrentIndex([side for _, side in _SIDES].index(study.laterality))
        typed = self.impression.toPlainText()
        if other or before is None or typed == before.impression:  # else it is being written: what is typed stays
            if typed != reading.impression:
                self.impression.setPlainText(reading.impression)
            self._later.stop()
        self.stale.setVisible(self._is_stale(reading))
        source = reading.source
        lines = [source.path + (f" / {source.member}" if source.member else "")]
        lines.append(
            f"{reading.width} \N{MULTIPLICATION SIGN} {reading.height} px, sha256 {source.sha256[:16]}\N{HORIZONTAL ELLIPSIS}"
        )
        lines += [
            f"{model.name}: {model.tag}, sha256 {model.sha256[:16]}\N{HORIZONTAL ELLIPSIS}" for model in reading.models
        ]
        self.facts.setText("\n".join(lines))
        if other:
            self._tell("")

    @staticmethod
    def _fill(line: QLineEdit, value: str, other: bool) -> None:
        if other or not (line.hasFocus() or line.isModified()):
            if line.text() != value:
                line.setText(value)
            line.setProperty("wrong", False)
            restyle(line)

    def flush(self) -> None:
        """Hand over what was typed and not entered yet: fields and impression."""
        self._later.stop()
        if self._reading is not None and self.impression.toPlainText() != self._reading.impression:
            self.command.emit(SetImpression(self.impression.toPlainText()))
        for line, entered in self._lines:
            if line.isModified():
                entered()

    def _tell(self, why: str) -> None:
        self.wrong.setText(why)
        self.wrong.setVisible(bool(why))

    def _send(self, command: Command) -> None:
        self._tell("")
        self.command.emit(command)

    @staticmethod
    def _typed(line: QLineEdit) -> str:
        """What a person typed, once; '' when the field holds only what was shown."""
        if not line.isModified():
            return ""
        line.setModified(False)
        return line.text().strip()

    def _name_entered(self) -> None:
        name = self._typed(self.name)
        if self._reading and name not in ("", self._reading.patient.name):
            self._send(SetPatient(name=name))

    def _id_entered(self) -> None:
        patient_id = self._typed(self.patient_id)
        if self._reading and patient_id not in ("", self._reading.patient.patient_id):
            self._send(SetPatient(patient_id=patient_id))

    def _sex_chosen(self) -> None:
        value = _SEXES[self.sex.currentIndex()][1]
        if self._reading is None or value == self._reading.patient.sex:
            return
        if value is None:
            self.sex.setCurrentIndex([sex for _, sex in _SEXES].index(self._reading.patient.sex))
            self._tell(tr("A known sex can be corrected, not forgotten."))
            return
        self._send(SetPatient(sex=value))

    def _side_chosen(self) -> None:
        value = _SIDES[self.side.currentIndex()][1]
        if self._reading is not None and value != self._reading.study.laterality:
            self._send(SetStudy(laterality=value))

    def _birth_entered(self) -> None:
        value = self._date(self.birth_date, self._reading.patient.birth_date if self._reading else None)
        if value is not None:
            self._send(SetPatient(birth_date=value))

    def _study_entered(self) -> None:
        value = self._date(self.study_date, self._reading.study.study_date if self._reading else None)
        if value is not None:
            self._send(SetStudy(study_date=value))

    def _date(self, line: QLineEdit, known: date | None) -> date | None:
        """The new date in ``line``; None when it is as known, empty, or wrong (and then it is told)."""
        why, value = "", None
        typed = self._typed(line)
        if self._reading is None or not typed:
            return None
        try:
            value = parse_date(typed)
            if value > today():
                why = tr("The date lies in the future.")
        except BoneAgeError as error:
            why = said(str(error))
        line.setProperty("wrong", bool(why))
        restyle(line)
        self._tell(why)
        return None if why or value == known else value
