"""The settings: sections on the left, their rows on the right, and a search over all of them. Each change counts at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QDialog,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from boneage_desk.common.i18n import mark, tr
from boneage_desk.ui import theme
from boneage_desk.ui.presenters.preferences import HANDS, OPTIONS, SECTIONS, Option, Preferences, found
from boneage_desk.ui.slices import Slices
from boneage_desk.ui.views.banner import restyle
from boneage_desk.ui.views.settings_keys import KeysPart

LATER = mark("after restart")
TITLE_WIDTH = 200


class _Row(QWidget):
    """Title, control, and below it what there is to say; a refused value says why and stays as typed."""

    def __init__(self, option: Option, preferences: Preferences) -> None:
        super().__init__()
        self.option, self._preferences = option, preferences
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 3, 0, 5)
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(1)
        grid.setColumnStretch(1, 1)
        title = QLabel(tr(option.title))
        title.setFixedWidth(TITLE_WIDTH)
        title.setWordWrap(True)
        grid.addWidget(title, 0, 0, Qt.AlignmentFlag.AlignVCenter)
        self.control = self._made()
        self.control.setAccessibleName(tr(option.title))
        title.setBuddy(self.control)
        small = option.kind in ("choice", "switch", "number")
        where = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter if small else Qt.AlignmentFlag(0)
        grid.addWidget(self._with_button(), 0, 1, where)
        words = [tr(option.note)] if option.note else []
        if not option.live and option.kind != "fact":
            words.append(tr(LATER))
        self.note = QLabel(" \N{MIDDLE DOT} ".join(words))
        self.note.setProperty("muted", True)
        self.note.setWordWrap(True)
        self.note.setVisible(bool(words))
        self._words = self.note.text()
        self.control.setAccessibleDescription(self._words)
        grid.addWidget(self.note, 1, 1)

    def _with_button(self) -> QWidget:
        if self.option.kind not in ("file", "folder"):
            return self.control
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.control, 1)
        button = QPushButton(tr("Choose\N{HORIZONTAL ELLIPSIS}"))
        button.setAccessibleName(f"{tr(self.option.title)}: {tr('Choose')}")
        button.clicked.connect(self._choose)
        row.addWidget(button)
        return box

    def _made(self) -> QWidget:
        option, value = self.option, self._preferences.value(self.option)
        made: dict[str, Callable[[Option, Any], QWidget]] = {
            "choice": self._choice, "switch": self._switch, "number": self._number, "lines": self._lines,
            "fact": lambda _option, fact: self._fact(str(fact)),
        }  # fmt: skip
        return made.get(option.kind, self._line)(option, value)

    def _choice(self, option: Option, value: Any) -> QWidget:
        box = QComboBox()
        for _, title in option.choices:
            box.addItem(tr(title))
        values = [known for known, _ in option.choices]
        box.setCurrentIndex(values.index(value) if value in values else -1)
        box.activated.connect(lambda index: self._set(values[index]))
        return box

    def _switch(self, _option: Option, value: Any) -> QWidget:
        box = QCheckBox()
        box.setChecked(bool(value))
        box.clicked.connect(self._set)
        return box

    def _number(self, option: Option, value: Any) -> QWidget:
        box = QSpinBox()
        box.setRange(option.least, option.most)
        box.setValue(int(value))
        if option.zero:
            box.setSpecialValueText(tr(option.zero))
        box.setMinimumWidth(90)
        box.editingFinished.connect(lambda: self._set(box.value()))
        return box

    def _line(self, _option: Option, value: Any) -> QWidget:
        line = QLineEdit(str(value))
        line.editingFinished.connect(lambda: self._set(line.text().strip()))
        return line

    def _lines(self, _option: Option, value: Any) -> QWidget:
        """Kept when the dialog closes or another field is gone to."""
        field = QPlainTextEdit(str(value))
        field.setTabChangesFocus(True)
        field.setFixedHeight(3 * field.fontMetrics().lineSpacing() + 14)
        field.textChanged.connect(lambda: self._set(field.toPlainText().strip()))
        return field

    @staticmethod
    def _fact(value: str) -> QWidget:
        words = QLabel(value)
        words.setWordWrap(True)
        words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        return words

    def _choose(self) -> None:
        line, title = self.control, tr(self.option.title)
        assert isinstance(line, QLineEdit)
        start = line.text() if Path(line.text()).exists() else str(Path.home())
        if self.option.kind == "folder":
            path = QFileDialog.getExistingDirectory(self, title, start)
        else:
            path, _ = QFileDialog.getOpenFileName(self, title, start)
        if path:
            line.setText(path)
            self._set(path)

    def _set(self, value: Any) -> None:
        why = self._preferences.set(self.option, value)
        self.note.setText(why or self._words)
        self.note.setVisible(bool(why or self._words))
        for name, on in (("wrong", bool(why)), ("muted", not why)):
            self.note.setProperty(name, on)
        restyle(self.note)


class SettingsDialog(QDialog):
    """Stays beside the work; nothing has to be confirmed."""

    def __init__(self, parent: QWidget, preferences: Preferences) -> None:
        super().__init__(parent)
        self.setObjectName("settings")
        self.setWindowTitle(tr("Settings"))
        room = parent.screen().availableSize()
        self.resize(min(920, room.width() - 40), min(680, room.height() - 60))
        whole = QVBoxLayout(self)
        self.search = QLineEdit()
        self.search.setPlaceholderText(tr("Search the settings and keys"))
        self.search.setAccessibleName(tr("Search the settings and keys"))
        self.search.setClearButtonEnabled(True)
        whole.addWidget(self.search)
        sides = QHBoxLayout()
        whole.addLayout(sides, 1)
        self.sections = QListWidget()
        self.sections.setAccessibleName(tr("Sections"))
        self.sections.setFixedWidth(170)
        self.sections.addItems([tr(section) for section in SECTIONS])
        sides.addWidget(self.sections)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QScrollArea.Shape.NoFrame)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        sides.addWidget(self._area, 1)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(14, 4, 16, 12)
        listed = QVBoxLayout()
        column.addLayout(listed)
        self._rows: list[_Row] = []
        self._headings: dict[str, QLabel] = {}
        self._left = self._parts(listed, preferences)
        self.none = QLabel(tr("No setting has these words."))
        self.none.setProperty("muted", True)
        self.none.hide()
        column.addWidget(self.none)
        column.addStretch(1)
        self._area.setWidget(page)
        foot = QHBoxLayout()
        words = QLabel(tr("Each change is kept at once."))
        words.setProperty("muted", True)
        foot.addWidget(words)
        foot.addStretch(1)
        close = QPushButton(tr("Close"))
        close.setAutoDefault(False)
        close.clicked.connect(self.close)
        foot.addWidget(close)
        whole.addLayout(foot)
        self.search.textChanged.connect(self._filter)
        self.sections.setCurrentRow(0)
        self.sections.currentRowChanged.connect(self._go)
        self.setFont(theme.ui_font())
        while len(self._headings) < 2:  # the first section is there at once, the others as soon as the window was answered
            next(self._left)
        self._slices = Slices(self, self._left, lambda: None, self._failed)

    def _parts(self, listed: QVBoxLayout, preferences: Preferences) -> Iterator[None]:
        """Headings and rows, one a piece."""
        for section in SECTIONS:
            heading = QLabel(tr(section))
            heading.setProperty("heading", True)
            heading.setContentsMargins(0, 14, 0, 4)
            self._headings[section] = heading
            listed.addWidget(heading)
            yield
            for option in OPTIONS:
                if option.section == section:
                    row = _Row(option, preferences)
                    self._rows.append(row)
                    listed.addWidget(row)
                    yield
            if section == HANDS:
                self._keys = KeysPart(preferences)
                listed.addWidget(self._keys)
                yield

    def _failed(self, error: BaseException) -> None:
        raise error

    def _complete(self) -> None:
        """What is not made yet, now."""
        if not self._slices.active:
            return
        self._slices.stop()
        for _ in self._left:
            pass
        page = self._area.widget()
        QApplication.sendPostedEvents(page, QEvent.Type.LayoutRequest)  # places and the bar's range, for who scrolls at once

    @property
    def rows(self) -> list[_Row]:
        """Every setting's row."""
        self._complete()
        return self._rows

    @property
    def keys(self) -> KeysPart:
        """Where the keys are set."""
        self._complete()
        return self._keys

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.sections.doItemsLayout()  # the style sheet has its say only now

    def _go(self, index: int) -> None:
        if index >= 0:
            self._complete()
            heading = self._headings[SECTIONS[index]]
            self._area.verticalScrollBar().setValue(heading.y())

    def _filter(self, typed: str) -> None:
        there: set[str] = set()
        for row in self.rows:
            fits = found(row.option, typed)
            row.setVisible(fits)
            if fits:
                there.add(row.option.section)
        if self.keys.filter(typed):
            there.add(HANDS)
        for section, heading in self._headings.items():
            heading.setVisible(section in there)
        self.none.setVisible(not there)
        self._area.verticalScrollBar().setValue(0)
