"""The patient banner: who, which side, how old, and whether it is on disk. Always visible."""

from __future__ import annotations

from datetime import date

from PySide6.QtCore import QDate, Qt, Signal, SignalInstance
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLineEdit, QPushButton, QWidget

from boneage_desk.common.errors import BoneAgeError
from boneage_desk.common.i18n import said, tr
from boneage_desk.reading.ages import parse_date
from boneage_desk.reading.analysis import Flag
from boneage_desk.reading.film import Laterality
from boneage_desk.standards.types import Sex
from boneage_desk.ui.presenters.numbers import Banner
from boneage_desk.ui.views.elided import ElidedLabel
from boneage_desk.ui.views.flow import FlowLayout


def label(part: str, parent: QWidget | None = None) -> QLabel:
    result = QLabel(parent)
    result.setProperty("part", part)
    result.setTextFormat(Qt.TextFormat.PlainText)
    return result


class PatientBanner(QFrame):
    """Facts in one line; a missing sex or birth date asks to be entered right here."""

    sex_given = Signal(object)
    birth_date_given = Signal(object)
    side_given = Signal(object)
    save_again = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("banner")
        self.setAccessibleName(tr("Patient"))
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 5, 12, 5)
        row.setSpacing(14)
        self._name = ElidedLabel(least=120)
        self._name.setProperty("part", "name")
        self._facts = {key: label("fact") for key in ("sex", "born", "age", "id", "side", "film", "source")}
        row.addWidget(self._name)
        row.addWidget(self._facts["sex"])
        self._ask_sex = self._make_choice(
            tr("Sex?"),
            tr("Sex picks the table; without it there is no bone age"),
            ((tr("Female"), Sex.FEMALE), (tr("Male"), Sex.MALE)),
            self.sex_given,
        )
        row.addWidget(self._ask_sex)
        row.addWidget(self._facts["born"])
        self._ask_birth = self._make_ask_birth()
        row.addWidget(self._ask_birth)
        for key in ("age", "id", "side"):
            row.addWidget(self._facts[key])
        self._ask_side = self._make_choice(
            tr("Side?"),
            tr("The film does not say which hand it is"),
            ((tr("Left"), Laterality.LEFT), (tr("Right"), Laterality.RIGHT)),
            self.side_given,
        )
        row.addWidget(self._ask_side)
        for key in ("film", "source"):
            row.addWidget(self._facts[key])
        row.addStretch(1)
        self._state = label("state")
        row.addWidget(self._state)
        self._again = QPushButton(tr("Save again"))
        self._again.clicked.connect(self.save_again)
        row.addWidget(self._again)
        self.show_nothing()

    @staticmethod
    def _make_choice(
        question: str, why: str, choices: tuple[tuple[str, object], ...], given: SignalInstance
    ) -> QWidget:
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        ask = label("ask")
        ask.setText(question)
        row.addWidget(ask)
        for title, value in choices:
            button = QPushButton(title)
            button.setToolTip(why)
            button.setAccessibleName(f"{question} {title}")
            button.clicked.connect(lambda _checked=False, value=value: given.emit(value))
            row.addWidget(button)
        return box

    def _make_ask_birth(self) -> QWidget:
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        ask = label("ask")
        ask.setText(tr("Birth date?"))
        self._birth = QLineEdit()
        self._birth.setPlaceholderText("2014-03-02")
        self._birth.setAccessibleName(tr("Birth date, year month day"))
        self._birth.setFixedWidth(100)
        self._birth.returnPressed.connect(self._birth_entered)
        self._birth.textEdited.connect(lambda: self._mark_birth(""))
        row.addWidget(ask)
        row.addWidget(self._birth)
        return box

    def _birth_entered(self) -> None:
        try:
            value = parse_date(self._birth.text())
        except BoneAgeError as error:
            self._mark_birth(said(str(error)))
            return
        if value > today():
            self._mark_birth(tr("The birth date lies in the future."))
            return
        self.birth_date_given.emit(value)

    def _mark_birth(self, why: str) -> None:
        self._birth.setProperty("wrong", bool(why))
        self._birth.setToolTip(why)
        restyle(self._birth)

    def show_nothing(self) -> None:
        self._name.setText(tr("No film on the desk"))
        for fact in self._facts.values():
            fact.hide()
        self._ask_sex.hide()
        self._ask_birth.hide()
        self._ask_side.hide()
        self._state.setText("")
        self._again.hide()

    def show_banner(self, value: Banner) -> None:
        if value.name != self._name.text():
            self._birth.clear()
            self._mark_birth("")
        self._name.setText(value.name)
        texts = {
            "sex": value.sex,
            "born": tr("born {born}", born=value.born) if value.born else "",
            "age": tr("age {age}", age=value.age) if value.age else "",
            "id": value.patient_id,
            "side": value.side,
            "film": value.film_date,
            "source": " \N{MIDDLE DOT} ".join(word for word in (value.source, tr("SYNTHETIC") if value.synthetic else "") if word),
        }  # fmt: skip
        for key, words in texts.items():
            self._facts[key].setText(words)
            self._facts[key].setVisible(bool(words))
        self._ask_sex.setVisible("sex" in value.asks)
        self._ask_birth.setVisible("birth_date" in value.asks)
        self._ask_side.setVisible("side" in value.asks)

    def show_state(self, words: str, unsaved: bool) -> None:
        """``words`` like 'DRAFT · saved 12:04:05'."""
        self._state.setText(words)
        if (self._state.property("part") == "unsaved") != unsaved:
            self._state.setProperty("part", "unsaved" if unsaved else "state")
            restyle(self._state)
        self._again.setVisible(unsaved)


class _FlagItem(QFrame):
    """One flag; a blocking one can be dismissed with a reason, right here."""

    dismissed = Signal(str, str)

    def __init__(self, flag: Flag, dismissible: bool) -> None:
        super().__init__()
        self.setObjectName("flag")
        self.setProperty("blocking", flag.blocking)
        self.setToolTip(flag.code.replace("_", " "))
        self._code = flag.code
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 2, 8, 2)
        words = QLabel(("\N{BLACK SQUARE} " if flag.blocking else "\N{WARNING SIGN} ") + said(flag.message))
        words.setTextFormat(Qt.TextFormat.PlainText)
        row.addWidget(words)
        if dismissible:
            self._ask = QPushButton(tr("This is wrong\N{HORIZONTAL ELLIPSIS}"))
            self._ask.clicked.connect(self._open)
            row.addWidget(self._ask)
            self.reason = QLineEdit()
            self.reason.setPlaceholderText(tr("Why? Enter dismisses the flag"))
            self.reason.setAccessibleName(tr("Reason for dismissing the flag"))
            self.reason.setMinimumWidth(260)
            self.reason.returnPressed.connect(lambda: self.dismissed.emit(self._code, self.reason.text()))
            self.reason.hide()
            row.addWidget(self.reason)

    def _open(self) -> None:
        self._ask.hide()
        self.reason.show()
        self.reason.setFocus(Qt.FocusReason.OtherFocusReason)
        self.updateGeometry()


class FlagStrip(QWidget):
    """What speaks against trusting the film or result; blocking ones first and larger."""

    dismissed = Signal(str, str)
    """A flag's code and the person's reason."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("Flags"))
        self._flow = FlowLayout(self, spacing=6)
        self._flow.setContentsMargins(12, 4, 12, 4)
        self._shown: object = None
        self.hide()

    def show_flags(self, flags: tuple[Flag, ...], dismissible: frozenset[str] = frozenset()) -> None:
        """``dismissible``: codes of blocking flags that a person may say to be wrong."""
        if (flags, dismissible) == self._shown:
            return
        self._shown = (flags, dismissible)
        self._flow.clear()
        for flag in flags:
            item = _FlagItem(flag, flag.blocking and flag.code in dismissible)
            item.dismissed.connect(self.dismissed)
            self._flow.addWidget(item)
        self.setVisible(bool(flags))


def today() -> date:
    now = QDate.currentDate()
    return date(now.year(), now.month(), now.day())


def restyle(widget: QWidget) -> None:
    """Let a changed property choose its rule of the style sheet again."""
    widget.style().unpolish(widget)
    widget.style().polish(widget)
