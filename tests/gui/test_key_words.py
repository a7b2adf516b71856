"""Tool tips and hints name the keys in force: no word of the window names a key that was given to another command."""

from __future__ import annotations

import re

import pytest
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QAbstractButton, QLabel, QLineEdit, QWidget

from boneage_desk.ui.actions import ACTIONS
from tests.gui.conftest import settle

pytestmark = pytest.mark.gui

_KEY = re.compile(r"\b((?:Ctrl|Alt|Shift|Meta)\+(?!wheel)[\w+]+|F\d{1,2})\b|(?<=\s)\(([A-Z0-9=,.]|Space|Esc(?:ape)?|Del(?:ete)?)[ )]")
NEW = [f"{held}F{number}" for held in ("", "Ctrl+", "Alt+", "Shift+", "Ctrl+Alt+", "Ctrl+Shift+") for number in range(13, 36)]


def words_of(root: QWidget) -> list[str]:
    """All that a person can read of a window: texts, tool tips, place holders."""
    found = []
    for widget in root.findChildren(QWidget):
        found.append(widget.toolTip())
        if isinstance(widget, QLabel | QAbstractButton):
            found.append(widget.text())
        if isinstance(widget, QLineEdit):
            found.append(widget.placeholderText())
    found += [words for action in root.findChildren(QAction) for words in (action.toolTip(), action.text())]
    return sorted({re.sub("<[^>]*>", "", words) for words in found if words})


def named_keys(words: str) -> list[str]:
    return [one or other for one, other in _KEY.findall(words)]


def other_keys() -> dict[str, tuple[str, ...]]:
    """A key that no command comes with for each that has one."""
    fresh = iter(NEW)
    return {spec.id: (next(fresh),) for spec in ACTIONS if spec.keys}


def test_no_word_of_the_window_names_a_key_of_before(qtbot, read):
    read.actions_["edit-boxes"].trigger()
    read.program.show_guide()
    read.commands.show_shortcuts()
    assert any(named_keys(words) for words in words_of(read)), "the walk sees keys at all"
    assert "EDITING BOXES (E ends)" in read.film_panel.film._corners.bottom_right
    chosen = other_keys()
    read.program.preferences.put(keys=chosen)
    settle(qtbot, read)
    old = [(words, key) for words in words_of(read) for key in named_keys(words) if key not in NEW]
    assert old == []
    assert f"EDITING BOXES ({chosen['edit-boxes'][0]} ends)" in read.film_panel.film._corners.bottom_right


def test_each_hint_follows_its_key_at_once(qtbot, read):
    report, panel, listed = read.report, read.signoff.panel, read.work_list
    hints = {
        "mark-reviewed": report.reviewed, "report": report.write, "print": report.print, "sign": panel.sign,
        "find": listed.filter, "next-unread": listed.next_button, "open": listed.open_button, "queue": listed.queue_button,
        "work-list": listed.back_button, "pick-reason": read.bones.strip.pick, "next-order": read.bones.bar.order,
    }  # fmt: skip
    for id, widget in hints.items():
        assert f"({read.actions_.keys(id)})".replace("Return", "Enter") in widget.toolTip().replace("Return", "Enter"), id
    read.program.preferences.put(keys=dict.fromkeys(hints, ("Ctrl+F13",)))
    for id, widget in hints.items():
        assert widget.toolTip().endswith("(Ctrl+F13)"), (id, widget.toolTip())
    read.program.preferences.put(keys=dict.fromkeys(hints, ()))
    for id, widget in hints.items():
        assert not named_keys(widget.toolTip()), (id, widget.toolTip())
    settle(qtbot, read)


def test_the_sheet_of_keys_is_made_anew(qtbot, read):
    read.commands.show_shortcuts()
    sheet = read.commands._sheet
    read.program.preferences.put(keys={"invert": ("Ctrl+F13",)})
    settle(qtbot, read)
    assert read.commands._sheet is not sheet and read.commands._sheet.isVisible()
    assert "Ctrl+F13" in [label.text() for label in read.commands._sheet.findChildren(QLabel)]


def test_the_walk_finds_a_fixed_key(qtbot):
    box = QWidget()
    qtbot.addWidget(box)
    QLabel("Print (Ctrl+P)", box).setToolTip("Next (F8); map (, and .); boxes (E ends)")
    assert sorted(key for words in words_of(box) for key in named_keys(words)) == [",", "Ctrl+P", "E", "F8"]
