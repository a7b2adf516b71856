"""What a knee film's file does not say, entered by a person: sex, birth date, film date, side."""

from __future__ import annotations

from datetime import date

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QFormLayout, QFrame, QLabel, QLineEdit, QVBoxLayout, QWidget

from boneage_desk.common.errors import BoneAgeError
from boneage_desk.common.i18n import mark, said, tr
from boneage_desk.reading.ages import parse_date
from boneage_desk.reading.film import Laterality
from boneage_desk.standards.types import Sex
from boneage_desk.ui.presenters.knee_view import KneeLacks
from boneage_desk.ui.views.banner import restyle, today

# Kept here and not as the boxes' item data: Qt would hand a StrEnum back as a plain string
_SEXES = ((mark("not known"), None), (mark("Female"), Sex.FEMALE), (mark("Male"), Sex.MALE))
_SIDES = ((mark("not known"), None), (mark("Left knee"), Laterality.LEFT), (mark("Right knee"), Laterality.RIGHT))


class KneeFactsForm(QFrame):
    """Only the fields that the file leaves open. An entry that is wrong or taken back counts as not known."""

    given = Signal(str, object)
    """Field of `KneeFacts` and its value, None for not known."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("numbers")
        self.setAccessibleName(tr("Facts that the file does not say"))
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 10)
        head = QLabel(tr("The file does not say:"))
        head.setProperty("attention", True)
        column.addWidget(head)
        self._form = QFormLayout()
        self._form.setHorizontalSpacing(12)
        column.addLayout(self._form)
        self.sex = self._choice(tr("Sex"), _SEXES, "sex")
        self.birth_date = self._line(tr("Birth date"), "birth_date")
        self.study_date = self._line(tr("Film date"), "study_date")
        self.side = self._choice(tr("Side"), _SIDES, "side")
        self.wrong = QLabel()
        self.wrong.setProperty("attention", True)
        self.wrong.setWordWrap(True)
        self.wrong.setTextFormat(Qt.TextFormat.PlainText)
        column.addWidget(self.wrong)
        self.show_lacks(None)

    def _choice(self, title: str, choices: tuple[tuple[str, object], ...], field: str) -> QComboBox:
        box = QComboBox()
        box.setAccessibleName(title)
        box.addItems([name for name, _ in choices])
        box.activated.connect(lambda index: self.given.emit(field, choices[index][1]))
        self._form.addRow(title, box)
        return box

    def _line(self, title: str, field: str) -> QLineEdit:
        line = QLineEdit()
        line.setAccessibleName(tr("{title}, year month day", title=title))
        line.setPlaceholderText("year-month-day")
        line.editingFinished.connect(lambda: self._entered(line, field))
        self._form.addRow(title, line)
        return line

    def show_lacks(self, lacks: KneeLacks | None) -> None:
        """Another film: empty fields for what its file does not say."""
        for box in (self.sex, self.side):
            box.setCurrentIndex(0)
        for line in (self.birth_date, self.study_date):
            line.clear()
            line.setModified(False)
            self._mark(line, "")
        self.setVisible(lacks is not None and lacks.any)
        if lacks is not None:
            for widget, there in (
                (self.sex, lacks.sex), (self.birth_date, lacks.birth_date), (self.study_date, lacks.study_date), (self.side, lacks.side),
            ):  # fmt: skip
                self._form.setRowVisible(widget, there)

    def flush(self) -> None:
        """Take over a date that is typed and not entered yet."""
        self._entered(self.birth_date, "birth_date")
        self._entered(self.study_date, "study_date")

    def first(self) -> QWidget | None:
        """The first field that is open; None where there is none."""
        return next((w for w in (self.sex, self.birth_date, self.study_date, self.side) if w.isVisibleTo(self)), None)

    def _entered(self, line: QLineEdit, field: str) -> None:
        if not line.isModified():
            return
        line.setModified(False)
        value: date | None = None
        why, typed = "", line.text().strip()
        if typed:
            try:
                value = parse_date(typed)
                if value > today():
                    value, why = None, tr("The date lies in the future.")
            except BoneAgeError as error:
                why = said(str(error))
        self._mark(line, why)
        self.given.emit(field, value)

    def _mark(self, line: QLineEdit, why: str) -> None:
        line.setProperty("wrong", bool(why))
        restyle(line)
        self.wrong.setText(why)
        self.wrong.setVisible(bool(why))
