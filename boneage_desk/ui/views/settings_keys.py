"""The part of the settings where each command's keys are set, with the profiles of other viewers and what clashes."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QKeySequenceEdit,
    QLabel,
    QPushButton,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from boneage_desk.common.i18n import tr
from boneage_desk.ui import key_maps, theme
from boneage_desk.ui.actions import ACTIONS, SPECS, key_text, title_of
from boneage_desk.ui.presenters.preferences import Preferences
from boneage_desk.ui.views.banner import restyle

EDITED = 2
"""Keys of a command that can be set here."""
COMMAND, FIRST_KEY, NOTE = 0, 1, 1 + EDITED
ROW_HEIGHT = 27


class _KeyField(QStyledItemDelegate):
    """A field that takes the next key pressed."""

    def createEditor(
        self, parent: QWidget, _option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QWidget:
        field = QKeySequenceEdit(parent)
        field.setMaximumSequenceLength(1)
        field.setClearButtonEnabled(True)
        field.setAccessibleName(str(index.data(Qt.ItemDataRole.AccessibleTextRole) or ""))
        field.editingFinished.connect(lambda: self._done(field))
        return field

    def _done(self, field: QKeySequenceEdit) -> None:
        """Once: the field says so again when it loses the keys."""
        if not field.property("done"):
            field.setProperty("done", True)
            self.commitData.emit(field)
            self.closeEditor.emit(field)

    def setEditorData(self, editor: QWidget, index: QModelIndex | QPersistentModelIndex) -> None:
        assert isinstance(editor, QKeySequenceEdit)
        editor.setKeySequence(QKeySequence(str(index.data(Qt.ItemDataRole.UserRole) or "")))

    def setModelData(self, editor: QWidget, model, index: QModelIndex | QPersistentModelIndex) -> None:  # type: ignore[no-untyped-def]
        assert isinstance(editor, QKeySequenceEdit)
        model.setData(index, editor.keySequence().toString(QKeySequence.SequenceFormat.PortableText), Qt.ItemDataRole.UserRole)


class _Table(QTableWidget):
    """One row a command. Delete empties a key, Enter or a double click sets it."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        item = self.currentItem()
        editable = item is not None and FIRST_KEY <= item.column() < NOTE
        if editable and event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            item.setData(Qt.ItemDataRole.UserRole, "")
        elif editable and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.editItem(item)
        else:
            super().keyPressEvent(event)


class KeysPart(QWidget):
    """Profile, note, and a row for every command."""

    def __init__(self, preferences: Preferences) -> None:
        super().__init__()
        self._preferences = preferences
        self.ids = [spec.id for spec in ACTIONS]
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 0)
        self._head = QWidget()
        column.addWidget(self._head)
        self._fill_head(QGridLayout(self._head))
        self.table = _Table(len(ACTIONS), 2 + EDITED)
        column.addWidget(self.table)
        self._fill_table()
        row = QHBoxLayout()
        self.own = QPushButton(tr("The program's own keys for this command"))
        self.own.setAutoDefault(False)
        self.own.clicked.connect(self._own_keys)
        row.addWidget(self.own)
        row.addStretch(1)
        column.addLayout(row)
        self.table.itemChanged.connect(self._edited)
        self.table.currentItemChanged.connect(lambda *_: self._show_own())
        self._show()

    def _fill_head(self, head: QGridLayout) -> None:
        head.setContentsMargins(0, 0, 0, 4)
        head.setHorizontalSpacing(14)
        head.setColumnStretch(1, 1)
        title = QLabel(tr("Keys like those of"))
        title.setFixedWidth(200)
        head.addWidget(title, 0, 0)
        row = QHBoxLayout()
        self.profile = QComboBox()
        self.profile.setAccessibleName(tr("Keys like those of"))
        self.profile.addItems([tr(known.name) for known in key_maps.PROFILES])
        self.profile.activated.connect(self.choose_profile)
        row.addWidget(self.profile)
        again = QPushButton(tr("All keys as in the profile"))
        again.setAutoDefault(False)
        again.clicked.connect(lambda: self.choose_profile(self.profile.currentIndex()))
        row.addWidget(again)
        row.addStretch(1)
        head.addLayout(row, 0, 1)
        self.note, self.clashes = QLabel(), QLabel()
        self.note.setProperty("muted", True)
        for place, label in enumerate((self.note, self.clashes), 1):
            label.setWordWrap(True)
            head.addWidget(label, place, 1)

    def _fill_table(self) -> None:
        table = self.table
        table.setAccessibleName(tr("Keys of the commands"))
        table.setHorizontalHeaderLabels([tr("Command"), tr("Key"), tr("Second key"), ""])
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        table.setShowGrid(False)
        table.setItemDelegate(_KeyField(table))
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        triggers = QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.SelectedClicked
        table.setEditTriggers(triggers)
        header = table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        header.setSectionResizeMode(COMMAND, QHeaderView.ResizeMode.Stretch)
        for place in range(FIRST_KEY, NOTE):
            table.setColumnWidth(place, 120)
        table.setColumnWidth(NOTE, 26)
        fixed = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        for line, spec in enumerate(ACTIONS):
            name = QTableWidgetItem(f"{tr(spec.menu)}: {title_of(spec)}")
            name.setFlags(fixed)
            name.setToolTip(name.text())
            table.setItem(line, COMMAND, name)
            for place in range(EDITED):
                item = QTableWidgetItem()
                told = tr("Key {number} of: {command}", number=place + 1, command=title_of(spec))
                item.setData(Qt.ItemDataRole.AccessibleTextRole, told)
                item.setToolTip(tr("Double click, then press the keys; Delete takes them away"))
                table.setItem(line, FIRST_KEY + place, item)
            note = QTableWidgetItem()
            note.setFlags(fixed)
            table.setItem(line, NOTE, note)
        self._fit()

    def _fit(self) -> None:
        """As high as its rows: the page scrolls, not the table."""
        shown = sum(not self.table.isRowHidden(line) for line in range(self.table.rowCount()))
        self.table.setFixedHeight(shown * ROW_HEIGHT + 32)

    # --- changes ----------------------------------------------------------------------------

    def set_keys(self, id: str, keys: tuple[str, ...]) -> None:
        """Other keys for a command, kept at once; a clash is shown and not forbidden."""
        self._preferences.put(keys=key_maps.changed(id, keys, self._preferences.settings.keys))
        self._show()

    def _edited(self, item: QTableWidgetItem) -> None:
        line = item.row()
        typed = [str(self.table.item(line, FIRST_KEY + place).data(Qt.ItemDataRole.UserRole) or "") for place in range(EDITED)]
        keys = tuple(dict.fromkeys(key for key in typed if key))
        pad = tuple(key.replace("Return", "Enter") for key in keys if key.endswith("Return"))
        self.set_keys(self.ids[line], (*keys, *pad))

    def _own_keys(self) -> None:
        id = self.ids[self.table.currentRow()]
        self.set_keys(id, SPECS[id].keys)

    def choose_profile(self, index: int) -> None:
        """All keys and the mouse as in a profile."""
        chosen = key_maps.PROFILES[index]
        self._preferences.put(keys=dict(chosen.keys), key_profile=chosen.id, mouse=dict(chosen.mouse))
        self._show()

    # --- showing ----------------------------------------------------------------------------

    def trouble(self, id: str) -> str:
        """What else claims a key of a command; '' for nothing."""
        return self.table.item(self.ids.index(id), NOTE).toolTip()

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
        blocked = self.table.blockSignals(True)
        for line, id in enumerate(self.ids):
            shown = [key for key in keys[id] if not key.endswith("Enter")][:EDITED]
            for place in range(EDITED):
                item = self.table.item(line, FIRST_KEY + place)
                key = shown[place] if place < len(shown) else ""
                item.setData(Qt.ItemDataRole.UserRole, key)
                item.setText(key_text((key,)) if key else "")
                item.setData(Qt.ItemDataRole.ForegroundRole, QColor(theme.ERROR) if id in told else None)
            note = self.table.item(line, NOTE)
            note.setText("!" if id in told else "")
            note.setToolTip(told.get(id, ""))
            note.setForeground(QColor(theme.ERROR))
        self.table.blockSignals(blocked)
        self.table.viewport().update()
        clashing = "  ".join(
            f"{key_text((key,))}: " + ", ".join(title_of(SPECS[id]) for id in ids) + "." for key, ids in found.items()
        )
        words = tr("Keys with two commands, which work for neither: {keys}", keys=clashing)
        self.clashes.setText(words if found else tr("No key has two commands."))
        self.clashes.setProperty("wrong", bool(found))
        self.clashes.setProperty("muted", not found)
        restyle(self.clashes)
        self._show_own()

    def _show_own(self) -> None:
        line = self.table.currentRow()
        self.own.setEnabled(line >= 0 and self.ids[line] in self._preferences.settings.keys)

    def filter(self, typed: str) -> bool:
        """Show what has every typed word (a command's name, its menu or its key); False for nothing."""
        words, there = typed.lower().split(), False
        keys = key_maps.in_force(self._preferences.settings.keys)
        for line, id in enumerate(self.ids):
            spec = SPECS[id]
            text = f"{title_of(spec)} {spec.title} {tr(spec.menu)} {spec.menu} {key_text(keys[id])}".lower()
            fits = all(word in text for word in words)
            self.table.setRowHidden(line, not fits)
            there = there or fits
        self._fit()
        profile = f"{self.note.text()} {tr('Keys like those of')} Weasis OHIF RadiAnt keys profile".lower()
        head = not words or all(word in profile for word in words)
        self._head.setVisible(head)
        self.table.setVisible(there)
        self.own.setVisible(there)
        return there or head

    def shown(self) -> list[str]:
        """Commands whose row is there."""
        return [id for line, id in enumerate(self.ids) if not self.table.isRowHidden(line)]
