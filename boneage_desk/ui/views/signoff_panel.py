"""Signing, on the page of the report: what stands against it, one line each, then the button; later the seals and an
addendum's words."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from boneage_desk.common.i18n import mark, said, tr
from boneage_desk.reading.assessment import SEALED
from boneage_desk.reading.people import MAY_SIGN, Role
from boneage_desk.reading.signature import REPORT, Signature
from boneage_desk.reading.signing import Problem
from boneage_desk.ui import theme
from boneage_desk.ui.presenters.signoff import SignView
from boneage_desk.ui.views.key_tip import key_tip

DONE, OPEN = "\N{CHECK MARK}", "\N{BALLOT BOX}"
CHECKS = (
    ("not-reviewed", mark("All 13 bones looked at")),
    ("identity", mark("Identity complete")),
    ("blind", mark("The AI was shown")),
    ("difference-comment", mark("No unusual difference to a second opinion without a comment")),
    ("flag", mark("No doubt about the film without an answer")),
    ("impression", mark("Figures of the impression are those of the reading")),
    ("no-bone-age", mark("A bone age is there")),
    ("role", mark("You may sign")),
)
ROLES = {
    Role.RADIOLOGIST: mark("Radiologist"), Role.ENDOCRINOLOGIST: mark("Endocrinologist"), Role.TECHNOLOGIST: mark("Technologist"),
    Role.ADMINISTRATOR: mark("Administrator"),
}  # fmt: skip


class SignoffPanel(QFrame):
    """Shows a `SignView`. ``answered``: (code of a flag, words)."""

    sign_wanted = Signal(str)
    answered = Signal(str, str)
    addendum_wanted = Signal(str)
    verify_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("signoff")
        self.setAccessibleName(tr("Signature"))
        self._view = SignView()
        self._shown: object = None
        self._unsent: dict[str, tuple[str, dict[str, str]]] = {}
        """Words of an addendum that was not signed and answers that were not entered, by reading: they come back with it."""
        column = QVBoxLayout(self)
        column.setContentsMargins(9, 7, 9, 8)
        column.setSpacing(5)
        self.list = QWidget()
        self._grid = QGridLayout(self.list)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(3)
        self._grid.setColumnStretch(1, 1)
        column.addWidget(self.list)
        row = QHBoxLayout()
        self.sign = QPushButton(tr("Sign the report\N{HORIZONTAL ELLIPSIS}"))
        self.sign.setProperty("primary", True)
        key_tip(self.sign, tr("Seal the report: nothing of this reading can be changed afterwards"), "sign")
        self.sign.clicked.connect(lambda: self.sign_wanted.emit(""))
        self.who = QLabel()
        self.who.setProperty("muted", True)
        self.who.setTextFormat(Qt.TextFormat.PlainText)
        self.who.setWordWrap(True)
        row.addWidget(self.sign)
        row.addWidget(self.who, 1)
        column.addLayout(row)
        self.words = QPlainTextEdit()
        self.words.setPlaceholderText(tr("Addendum: what has to be said after the signature"))
        self.words.setAccessibleName(tr("Words of the addendum"))
        self.words.setTabChangesFocus(True)
        self.words.setFixedHeight(54)
        self.words.textChanged.connect(self._typed)
        column.addWidget(self.words)
        row = QHBoxLayout()
        self.add = QPushButton(tr("Sign the addendum"))
        self.add.setToolTip(tr("Adds a numbered, signed page; the signed report itself stays as it is"))
        self.add.clicked.connect(lambda: self.addendum_wanted.emit(self.words.toPlainText()))
        self.verify = QPushButton(tr("Check the signatures"))
        self.verify.setToolTip(tr("Whether the kept file is still as it was signed"))
        self.verify.clicked.connect(self.verify_wanted)
        row.addWidget(self.add)
        row.addWidget(self.verify)
        row.addStretch(1)
        column.addLayout(row)
        self.hide()

    def show_view(self, view: SignView) -> None:
        """The panel for ``view``; gone where there is no reading."""
        old, self._view = self._view, view
        other = view.reading_id != old.reading_id
        typed = self._typed_answers()
        if other:
            self._unsent[old.reading_id] = self.words.toPlainText(), typed
            words, typed = self._unsent.pop(view.reading_id, ("", {}))
            self.words.setPlainText(words)
        self.setVisible(view.state is not None)
        if view.state is None:
            return
        sealed = view.state in SEALED
        facts = (view.reading_id, sealed, view.problems, view.signatures)
        if facts != self._shown:
            self._shown = facts
            self._fill(view, typed)
        self.sign.setVisible(not sealed)
        self.sign.setEnabled(view.ready)
        person = view.person
        words = tr("Signing \N{HORIZONTAL ELLIPSIS}") if view.busy else ""
        if not words and not sealed:
            words = tr("You are asked once who you are.")
            if person:
                words = tr("as {name}, {role}", name=person.name, role=tr(ROLES[person.role]).lower())
        self.who.setText(words)
        self.who.setVisible(bool(words))
        for part in (self.words, self.add, self.verify):
            part.setVisible(sealed)
        if not other and len(view.signatures) != len(old.signatures):
            self.words.clear()
        self._typed()

    def _typed(self) -> None:
        may = self._view.person is None or self._view.person.role in MAY_SIGN
        self.add.setEnabled(not self._view.busy and may and bool(self.words.toPlainText().strip()))
        self.verify.setEnabled(not self._view.busy)

    def _typed_answers(self) -> dict[str, str]:
        return {field.property("code"): field.text() for field in self.list.findChildren(QLineEdit)}

    def _fill(self, view: SignView, typed: dict[str, str]) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.setParent(None)
                widget.deleteLater()
        if view.state in SEALED:
            for place, signature in enumerate(view.signatures):
                self._line(place, DONE, seal_line(signature), theme.HUMAN)
            return
        place = 0
        hidden = any(problem.code == "blind" for problem in view.problems)
        for code, title in CHECKS:
            if hidden and code == "difference-comment":
                continue  # not known to the reader yet, either way
            found = [problem for problem in view.problems if problem.code == code]
            if not found:
                if code not in ("role", "no-bone-age", "blind"):
                    self._line(place, DONE, tr(title), "")
                    place += 1
                continue
            for problem in found:
                words = f"{said(problem.message)} {said(problem.remedy)}" if code != "flag" else said(problem.message)
                self._line(place, OPEN, words, theme.ATTENTION)
                place += 1
                if code == "flag":
                    self._grid.addWidget(self._answer(problem, typed.get(problem.key, "")), place, 1)
                    place += 1

    def _line(self, place: int, mark: str, words: str, colour: str) -> None:
        for column, text in enumerate((mark, words)):
            label = QLabel(text)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
            label.setWordWrap(column == 1)
            if colour:
                label.setStyleSheet(f"color: {colour}")
            self._grid.addWidget(label, place, column)

    def _answer(self, problem: Problem, typed: str) -> QLineEdit:
        field = QLineEdit(typed)
        field.setProperty("code", problem.key)
        field.setPlaceholderText(tr("What do you make of it? Enter keeps the answer"))
        field.setAccessibleName(tr("Answer to: {message}", message=said(problem.message)))
        field.returnPressed.connect(lambda: self.answered.emit(problem.key, field.text()))
        return field


def seal_line(signature: Signature) -> str:
    """A seal in one line."""
    what = tr("Signed") if signature.number == REPORT else tr("Addendum {number}", number=signature.number - REPORT)
    key = tr(", self-issued key") if signature.self_issued else ""
    text = f": {signature.text}" if signature.text else ""
    return tr("{what} by {name}, {role}, {at:%Y-%m-%d %H:%M}{key}{words}", what=what, name=signature.name,
              role=tr(ROLES[signature.role]).lower(), at=signature.at, key=key, words=text)  # fmt: skip


class ProfileDialog(QDialog):
    """Who signs: asked once for an account. Prints in every report, so it is not guessed from the account's name."""

    def __init__(self, parent: QWidget | None, account: str, name: str = "") -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Who signs here?"))
        self.setMinimumWidth(420)
        form = QFormLayout(self)
        words = QLabel(
            tr("Reports are signed by the person of the account '{account}'. This is kept and can be changed by an administrator.",
               account=account)
        )  # fmt: skip
        words.setWordWrap(True)
        form.addRow(words)
        self.name = QLineEdit(name)
        self.name.setPlaceholderText(tr("as printed in reports, e.g. Dr Li Hua"))
        self.role = QComboBox()
        for role, title in ROLES.items():
            self.role.addItem(tr(title), role.value)
        self.role.setCurrentIndex(-1)
        self.role.setPlaceholderText(tr("Choose"))
        form.addRow(tr("Name"), self.name)
        form.addRow(tr("Role"), self.role)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        form.addRow(self.buttons)
        self.name.textChanged.connect(self._check)
        self.role.currentIndexChanged.connect(self._check)
        self._check()

    def _check(self) -> None:
        complete = bool(self.name.text().strip()) and self.role.currentIndex() >= 0
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(complete)

    def chosen(self) -> tuple[str, Role]:
        """Name and role."""
        return self.name.text().strip(), Role(self.role.currentData())


SECRETS = {
    "passphrase": (mark("Passphrase of the signing key"), mark("The key needs its passphrase.")),
    "pin": (mark("PIN of the token"), mark("The token needs its PIN.")),
    "store": (
        mark("Passphrase of the data base"),
        mark("The data base is encrypted, and its key is not in the key store of this account."),
    ),
    "new-passphrase": (
        mark("A key for this station"),
        mark("This station has no signing key yet and makes one now. It shows that a report was not altered; to others it does "
        "not prove who signed. Choose a passphrase for it; nobody can tell it to you again."),
    ),
}


class PassphraseDialog(QDialog):
    """The passphrase of the signing key, or the PIN of a token; a new one is asked twice. The window does not keep it."""

    def __init__(self, parent: QWidget | None, what: str, why: str) -> None:
        super().__init__(parent)
        title, words = SECRETS.get(what, SECRETS["passphrase"])
        self.setWindowTitle(tr(title))
        form = QFormLayout(self)
        label = QLabel(said(why) if why else tr(words))
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setWordWrap(True)
        form.addRow(label)
        self.field, self.again = QLineEdit(), QLineEdit()
        for field in (self.field, self.again):
            field.setEchoMode(QLineEdit.EchoMode.Password)
            field.textChanged.connect(self._check)
        form.addRow(tr("PIN") if what == "pin" else tr("Passphrase"), self.field)
        self._twice = what == "new-passphrase"
        if self._twice:
            form.addRow(tr("Once more"), self.again)
        self.keep = QCheckBox(tr("Keep it in the key store of this account"))
        self.keep.setToolTip(tr("In the operating system's key store; this program never writes it into a file"))
        if what != "pin":
            form.addRow(self.keep)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        form.addRow(self.buttons)
        self._check()

    def _check(self) -> None:
        same = not self._twice or self.field.text() == self.again.text()
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(bool(self.field.text()) and same)

    def take(self) -> tuple[str, bool]:
        """The passphrase, and whether the key store shall keep it; the fields are emptied."""
        words, keep = self.field.text(), self.keep.isChecked()
        self.field.clear()
        self.again.clear()
        return words, keep
