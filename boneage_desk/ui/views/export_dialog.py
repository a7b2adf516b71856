"""What is asked before films are written without their patients: which, where, and what is kept."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from boneage_desk.common.i18n import mark, tr
from boneage_desk.reading.exports import DATES, DeidentifyOptions

DATE_WORDS = {"remove": mark("Remove"), "shift": mark("Shift, the same days for a patient")}
WARNING = mark(
    "Names, numbers and dates go from the headers (DICOM PS3.15). The pictures are not changed: what is printed "
    "into them stays. Look at each before you give it away."
)


class ExportDialog(QDialog):
    """``paths``: films to begin with. ``folder``: where file dialogs begin."""

    def __init__(self, parent: QWidget | None, paths: list[str], folder: str, films_filter: str) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Export films without names"))
        self.setMinimumWidth(560)
        self.paths = list(paths)
        self._folder, self._filter = folder, films_filter
        column = QVBoxLayout(self)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        column.addLayout(form)
        self.films = QLabel()
        self.films.setTextFormat(Qt.TextFormat.PlainText)
        files = _button(tr("Files\N{HORIZONTAL ELLIPSIS}"), self.choose_films)
        form.addRow(tr("Films"), _row(self.films, files, _button(tr("Folder\N{HORIZONTAL ELLIPSIS}"), self.choose_folder)))
        self.out = QLineEdit()
        self.out.setPlaceholderText(tr("a new or empty folder"))
        self.out.textChanged.connect(self._check)
        form.addRow(tr("Into"), _row(self.out, _button(tr("Choose\N{HORIZONTAL ELLIPSIS}"), self.choose_out)))
        self.keep = QCheckBox(tr("Keep sex, and age in months"))
        self.words = QCheckBox(tr("Keep harmless words of the descriptions (hand, left, PA)"))
        self.dates = QComboBox()
        for value in DATES:
            self.dates.addItem(tr(DATE_WORDS[value]), value)
        form.addRow(tr("Patient"), self.keep)
        form.addRow("", self.words)
        form.addRow(tr("Dates"), self.dates)
        self.key = QLineEdit()
        self.key.setPlaceholderText(tr("none: nobody can go back to the names"))
        self.key.setToolTip(tr("A file that ties new names to old ones. Keep it apart from the export; used again if it is there."))
        form.addRow(tr("Key file"), _row(self.key, _button(tr("Choose\N{HORIZONTAL ELLIPSIS}"), self.choose_key)))
        note = QLabel(tr(WARNING))
        note.setWordWrap(True)
        note.setTextFormat(Qt.TextFormat.PlainText)
        column.addWidget(note)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setText(tr("Export"))
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        column.addWidget(self.buttons)
        self._check()

    def options(self) -> DeidentifyOptions:
        """What was chosen."""
        return DeidentifyOptions(self.keep.isChecked(), self.words.isChecked(), self.dates.currentData())

    def choose_films(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(self, tr("Films to export"), self._folder, self._filter)
        self._take(paths)

    def choose_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, tr("Folder of films to export"), self._folder)
        self._take([path] if path else [])

    def _take(self, paths: list[str]) -> None:
        if paths:
            self.paths = paths
            self._check()

    def choose_out(self) -> None:
        path = QFileDialog.getExistingDirectory(self, tr("Where the export goes"), self._folder)
        if path:
            self.out.setText(path)

    def choose_key(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self, tr("Key file"), str(Path(self._folder) / "export-key.json"), "JSON (*.json)",
            options=QFileDialog.Option.DontConfirmOverwrite,
        )  # fmt: skip
        if path:
            self.key.setText(path)

    def _check(self) -> None:
        if len(self.paths) == 1:
            self.films.setText(Path(self.paths[0]).name)
        else:
            self.films.setText(tr("{count} files", count=len(self.paths)) if self.paths else tr("none chosen"))
        ready = bool(self.paths and self.out.text().strip())
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(ready)


def _row(*widgets: QWidget) -> QWidget:
    """In one line; the first takes the room."""
    holder = QWidget()
    line = QHBoxLayout(holder)
    line.setContentsMargins(0, 0, 0, 0)
    for place, widget in enumerate(widgets):
        line.addWidget(widget, 1 if place == 0 else 0)
    return holder


def _button(title: str, act: object) -> QPushButton:
    button = QPushButton(title)
    button.setAutoDefault(False)
    button.clicked.connect(lambda: act())  # type: ignore[operator]
    return button
