"""The table of commands: every one has a handler, no key means two things at one place."""

from __future__ import annotations

import itertools

import pytest
from PySide6.QtGui import QKeySequence

from boneage_desk.ui.actions import ACTIONS, ActionSet, Scope, UiState, key_text
from tests.gui.conftest import settle

pytestmark = pytest.mark.gui


def test_ids_are_unique_and_every_title_is_in_a_menu():
    assert len({spec.id for spec in ACTIONS}) == len(ACTIONS)
    assert all(spec.menu and spec.title for spec in ACTIONS)


def test_no_key_means_two_things():
    """READING and FILM overlap (the film has both), WINDOW overlaps with all."""
    for a, b in itertools.combinations(ACTIONS, 2):
        assert not set(a.keys) & set(b.keys), (a.id, b.id)


def test_every_key_is_a_key(qapp):
    for spec in ACTIONS:
        for key in spec.keys:
            assert QKeySequence(key).count() == 1 and QKeySequence(key).toString(), (spec.id, key)
        assert not spec.keys or key_text(spec.keys)


def test_with_nothing_on_the_desk_no_command_for_a_film_is_enabled(qtbot, window):
    settle(qtbot, window)
    enabled = {spec.id for spec in ACTIONS if window.actions_[spec.id].isEnabled()}
    assert enabled == {
        "order-anatomy", "order-ray", "order-worth", "next-order", "blind-first",
        "lock", "open", "open-folder", "open-knee", "demo", "quit", "full-screen", "work-list", "find", "palette", "shortcuts", "about",
        "opinion-whole-hand", "export-films", "export-training",
        "side-list", "next-unread", "queue", "pause-queue", "paste", "watch-folder",
        "settings", "copy-diagnostics", "move-panels", "pages-window", "reset-layout", "guide",
    }  # fmt: skip


def test_film_commands_wait_for_the_film_view(fakes):
    state = UiState(reading=True, film=False, editable=True)
    assert not any(spec.enabled(state) for spec in ACTIONS if spec.menu in ("Film", "Window presets"))


def test_a_command_without_handler_is_refused(qtbot, window):
    with pytest.raises(ValueError, match="without handler"):
        ActionSet(window, {Scope.READING: (), Scope.FILM: ()}, {})


@pytest.mark.qt_log_ignore("This plugin does not support raise")
def test_every_command_can_be_run(qtbot, read, monkeypatch):
    """Each enabled command once, through its QAction; none raises, and none closes the window."""
    from PySide6.QtWidgets import QFileDialog

    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *a, **k: ([], ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *a, **k: "")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a, **k: ("", ""))
    monkeypatch.setattr("boneage_desk.ui.views.help.CommandPalette.show", lambda self: self.close())
    monkeypatch.setattr("boneage_desk.ui.window_bones.QMenu.popup", lambda self, _at: self.close())
    with qtbot.captureExceptions() as caught:
        for spec in ACTIONS:
            if spec.id not in ("quit", "full-screen", "lock") and read.actions_[spec.id].isEnabled():
                read.actions_[spec.id].trigger()
                qtbot.wait(5)
    assert not caught and read.isVisible()


def test_menus_are_grouped(window):
    """No menu begins or ends with a line, none has two in a row; File: open, import, report, settings and lock, quit."""
    bar = {action.text(): action.menu() for action in window.menuBar().actions()}
    inner = [action.menu() for above in bar.values() for action in above.actions() if action.menu()]
    for menu in (*bar.values(), *inner):
        assert menu.toolTipsVisible(), menu.title()
        lines = [action.isSeparator() for action in menu.actions()]
        assert not lines[0] and not lines[-1] and (True, True) not in set(zip(lines, lines[1:], strict=False)), menu.title()
        assert max(len(part) for part in "".join("-" if line else "x" for line in lines).split("-")) <= 10, menu.title()
    words = [action.objectName() or ("-" if action.isSeparator() else ">") for action in bar["File"].actions()]
    assert " ".join(words) == (
        "open open-folder demo open-knee - paste watch-folder - save-again print report report-as copy-report > - settings lock - quit"
    )
