"""The shortcut sheet and the command palette, both made from the table of commands."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from boneage_desk.common.i18n import tr
from boneage_desk.ui import theme
from boneage_desk.ui.actions import ACTIONS, MOUSE_HELP, ActionSet

_KEYS_WIDTH = 140


class ShortcutSheet(QDialog):
    """Every command that has a key, by menu, and what the mouse does."""

    def __init__(self, parent: QWidget, actions: ActionSet) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Keyboard and mouse"))
        room = parent.screen().availableSize()
        self.resize(min(1300, room.width() - 40), min(1000, room.height() - 60))
        outer = QVBoxLayout(self)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        outer.addWidget(area)
        page = QWidget()
        sides = QHBoxLayout(page)
        sides.setSpacing(32)
        groups: dict[str, list[tuple[str, str]]] = {}
        for spec in ACTIONS:
            if keys := actions.keys(spec.id):
                groups.setdefault(tr(spec.menu), []).append((keys, actions[spec.id].text()))
        groups[tr("Mouse on the film")] = [(tr(what), tr(does)) for what, does in MOUSE_HELP]
        columns: list[list[tuple[str, str]]] = [[] for _ in range(3 if self.width() >= 1200 else 2)]
        share = sum(len(rows) + 2 for rows in groups.values()) / len(columns)
        for title, rows in groups.items():
            target = next((column for column in columns if len(column) < share - len(rows) / 2), columns[-1])
            target.extend([(title, ""), *rows, ("", "")])
        for lines in columns:
            sides.addLayout(self._column(lines), 1)
        area.setWidget(page)

    @staticmethod
    def _column(lines: list[tuple[str, str]]) -> QGridLayout:
        """Keys and what they do; a line without the second is a heading."""
        grid = QGridLayout()
        grid.setHorizontalSpacing(20)
        grid.setVerticalSpacing(3)
        for line, (left, right) in enumerate(lines):
            first = QLabel(left)
            if right:
                first.setStyleSheet(f"color: {theme.MACHINE}")
                if first.sizeHint().width() > _KEYS_WIDTH:  # a gesture in words: it would push the others' words aside
                    first.setWordWrap(True)
                    first.setFixedWidth(_KEYS_WIDTH)
                words = QLabel(right)
                words.setWordWrap(True)
                grid.addWidget(words, line, 1, Qt.AlignmentFlag.AlignTop)
            else:
                first.setFont(theme.ui_font(10.5, bold=True))
            grid.addWidget(first, line, 0, 1, 1 if right else 2, Qt.AlignmentFlag.AlignTop)
        grid.setColumnStretch(1, 1)
        grid.setRowStretch(len(lines), 1)
        return grid


class CommandPalette(QDialog):
    """Type a few letters of a command, Enter runs it."""

    def __init__(self, parent: QWidget, actions: ActionSet) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setWindowTitle(tr("Commands"))
        self._actions = actions
        column = QVBoxLayout(self)
        self.typed = QLineEdit()
        self.typed.setPlaceholderText(tr("Command"))
        self.typed.setAccessibleName(tr("Command"))
        self.list = QListWidget()
        self.list.setAccessibleName(tr("Commands"))
        column.addWidget(self.typed)
        column.addWidget(self.list)
        self.resize(460, 340)
        self.typed.textChanged.connect(self._fill)
        self.typed.installEventFilter(self)
        self.list.itemActivated.connect(self._run)
        self._fill("")

    def _fill(self, typed: str) -> None:
        self.list.clear()
        words = typed.lower().split()
        for spec in ACTIONS:
            action = self._actions[spec.id]
            title = action.text()
            if not action.isEnabled() or spec.id == "palette":
                continue
            if all(word in f"{tr(spec.menu)} {title} {spec.menu} {spec.title}".lower() for word in words):
                keys = self._actions.keys(spec.id)
                item = QListWidgetItem(f"{tr(spec.menu)}: {title}" + (f"    {keys}" if keys else ""))
                item.setData(Qt.ItemDataRole.UserRole, spec.id)
                self.list.addItem(item)
        self.list.setCurrentRow(0)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()))
            if step is not None and self.list.count():
                self.list.setCurrentRow((self.list.currentRow() + step) % self.list.count())
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                if self.list.currentItem() is not None:
                    self._run(self.list.currentItem())
                return True
        return super().eventFilter(watched, event)

    def _run(self, item: QListWidgetItem) -> None:
        action = self._actions[item.data(Qt.ItemDataRole.UserRole)]
        self.close()
        action.trigger()
