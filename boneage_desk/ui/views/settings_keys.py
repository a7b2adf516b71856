"""The part of the settings where each command's keys are set, with the profiles of other viewers and what clashes."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QKeySequenceEdit,
    QLabel,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from boneage_desk.common.i18n import tr
from boneage_desk.ui import key_maps
from boneage_desk.ui.actions import ACTIONS, SPECS, ActionSpec, key_text, title_of
from boneage_desk.ui.presenters.preferences import Preferences
from boneage_desk.ui.views.banner import restyle

EDITED = 2
"""Keys of a command that can be set here; a third (the key pad's Enter) is kept as it is."""


class _KeyRow(QWidget):
    """One command: its name, up to two keys, and the way back to the program's own."""

    def __init__(self, spec: ActionSpec, part: KeysPart) -> None:
        super().__init__()
        self.spec, self._part = spec, part
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 1, 0, 1)
        grid.setHorizontalSpacing(8)
        grid.setColumnStretch(0, 1)
        name = QLabel(title_of(spec))
        name.setWordWrap(True)
        grid.addWidget(name, 0, 0)
        self.edits: list[QKeySequenceEdit] = []
        for place in range(EDITED):
            edit = QKeySequenceEdit()
            edit.setMaximumSequenceLength(1)
            edit.setClearButtonEnabled(True)
            edit.setFixedWidth(132)
            edit.setToolTip(tr("Click, then press the keys"))
            edit.setAccessibleName(tr("Key {number} of: {command}", number=place + 1, command=title_of(spec)))
            edit.editingFinished.connect(self._edited)
            self.edits.append(edit)
            grid.addWidget(edit, 0, 1 + place)
        self.own = QToolButton()
        self.own.setText("\N{ANTICLOCKWISE OPEN CIRCLE ARROW}")
        told = key_text(spec.keys) or tr("none")
        self.own.setToolTip(tr("Back to the program's own: {keys}", keys=told))
        self.own.setAccessibleName(tr("Back to the program's own: {keys}", keys=told))
        self.own.clicked.connect(lambda: self._part.set_keys(self.spec.id, self.spec.keys))
        grid.addWidget(self.own, 0, 1 + EDITED)
        self.trouble = QLabel()
        self.trouble.setProperty("wrong", True)
        self.trouble.setWordWrap(True)
        self.trouble.hide()
        grid.addWidget(self.trouble, 1, 0, 1, 2 + EDITED)

    def show_keys(self, keys: tuple[str, ...], trouble: str) -> None:
        """``trouble``: what else claims one of them."""
        shown = [key for key in keys if not key.endswith("Enter")][:EDITED]
        for edit, key in zip(self.edits, (*shown, *[""] * EDITED), strict=False):
            edit.blockSignals(True)
            edit.setKeySequence(QKeySequence(key))
            edit.blockSignals(False)
        self.own.setEnabled(tuple(keys) != self.spec.keys)
        self.trouble.setText(trouble)
        self.trouble.setVisible(bool(trouble))

    def _edited(self) -> None:
        typed = [edit.keySequence().toString(QKeySequence.SequenceFormat.PortableText) for edit in self.edits]
        keys = tuple(dict.fromkeys(key for key in typed if key))
        pad = tuple(key.replace("Return", "Enter") for key in keys if key.endswith("Return"))
        self._part.set_keys(self.spec.id, (*keys, *pad))


class KeysPart(QWidget):
    """Profile, note, and a row for every command."""

    def __init__(self, preferences: Preferences) -> None:
        super().__init__()
        self._preferences = preferences
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 0)
        self._head = QWidget()
        head = QGridLayout(self._head)
        head.setContentsMargins(0, 0, 0, 4)
        head.setColumnStretch(1, 1)
        title = QLabel(tr("Keys like those of"))
        title.setFixedWidth(200)
        head.addWidget(title, 0, 0)
        row = QHBoxLayout()
        self.profile = QComboBox()
        self.profile.setAccessibleName(tr("Keys like those of"))
        self.profile.addItems([tr(known.name) for known in key_maps.PROFILES])
        self.profile.activated.connect(self._choose_profile)
        row.addWidget(self.profile)
        again = QPushButton(tr("All keys as in the profile"))
        again.setAutoDefault(False)
        again.clicked.connect(lambda: self._choose_profile(self.profile.currentIndex()))
        row.addWidget(again)
        row.addStretch(1)
        head.addLayout(row, 0, 1)
        self.note = QLabel()
        self.note.setProperty("muted", True)
        self.note.setWordWrap(True)
        head.addWidget(self.note, 1, 1)
        self.clashes = QLabel()
        self.clashes.setWordWrap(True)
        head.addWidget(self.clashes, 2, 1)
        column.addWidget(self._head)
        self.rows: list[_KeyRow] = []
        self._menus: dict[str, QLabel] = {}
        for spec in ACTIONS:
            if spec.menu not in self._menus:
                title = QLabel(tr(spec.menu))
                title.setProperty("muted", True)
                title.setContentsMargins(0, 8, 0, 0)
                self._menus[spec.menu] = title
                column.addWidget(title)
            line = _KeyRow(spec, self)
            self.rows.append(line)
            column.insertWidget(self._last_of(column, spec.menu, line), line)
        self._show()

    def _last_of(self, column: QVBoxLayout, menu: str, line: _KeyRow) -> int:
        """Where a row of a menu goes: behind the last one of it."""
        before = [row for row in self.rows if row is not line and row.spec.menu == menu]
        return column.indexOf(before[-1] if before else self._menus[menu]) + 1

    def set_keys(self, id: str, keys: tuple[str, ...]) -> None:
        """Other keys for a command, kept at once; a clash is shown and not forbidden."""
        self._preferences.put(keys=key_maps.changed(id, keys, self._preferences.settings.keys))
        self._show()

    def _choose_profile(self, index: int) -> None:
        chosen = key_maps.PROFILES[index]
        self._preferences.put(keys=dict(chosen.keys), key_profile=chosen.id, mouse=dict(chosen.mouse))
        self._show()

    def _show(self) -> None:
        chosen = self._preferences.settings
        current = key_maps.profile(chosen.key_profile)
        self.profile.setCurrentIndex(key_maps.PROFILES.index(current))
        self.note.setText(tr(current.note))
        keys = key_maps.in_force(chosen.keys)
        found = key_maps.conflicts(keys)
        told: dict[str, str] = {}
        for key, ids in found.items():
            for id in ids:
                others = ", ".join(f"\N{LEFT DOUBLE QUOTATION MARK}{title_of(SPECS[other])}\N{RIGHT DOUBLE QUOTATION MARK}"
                                   for other in ids if other != id)  # fmt: skip
                told[id] = tr("{key} is also the key of {commands}: neither works.", key=key_text((key,)), commands=others)
        for row in self.rows:
            row.show_keys(keys[row.spec.id], told.get(row.spec.id, ""))
        words = tr("Keys with two commands: {keys}", keys=", ".join(key_text((key,)) for key in found))
        self.clashes.setText(words if found else tr("No key has two commands."))
        self.clashes.setProperty("wrong", bool(found))
        self.clashes.setProperty("muted", not found)
        restyle(self.clashes)

    def filter(self, typed: str) -> bool:
        """Show what has every typed word (a command's name, its menu or its key); False for nothing."""
        words, there = typed.lower().split(), set()
        keys = key_maps.in_force(self._preferences.settings.keys)
        for row in self.rows:
            spec = row.spec
            text = f"{title_of(spec)} {spec.title} {tr(spec.menu)} {spec.menu} {key_text(keys[spec.id])}".lower()
            fits = all(word in text for word in words)
            row.setVisible(fits)
            if fits:
                there.add(spec.menu)
        for menu, title in self._menus.items():
            title.setVisible(menu in there)
        profile = f"{self.note.text()} {tr('Keys like those of')} Weasis OHIF RadiAnt keys profile".lower()
        head = not words or all(word in profile for word in words)
        self._head.setVisible(head)
        return bool(there) or head

    def keyPressEvent(self, event) -> None:  # type: ignore[no-untyped-def]
        """Enter in a key's field is a key and closes nothing."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.accept()
            return
        super().keyPressEvent(event)
