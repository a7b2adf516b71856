"""The lock: nothing of a child is seen or reached while it is on, and it opens only as it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QMessageBox, QWidget

from boneage_desk.archive.station import Station
from boneage_desk.archive.store import FILE_NAME, SqliteStore
from boneage_desk.common.settings import Settings
from boneage_desk.reading.people import Person, Role
from boneage_desk.reading.session import AuditEvent
from boneage_desk.reading.station import pin_delay_s
from boneage_desk.ui.actions import ACTIONS
from boneage_desk.ui.main_window import MainWindow
from boneage_desk.ui.window_lock import TITLE
from tests.gui.conftest import settle
from tests.gui.fakes import Fakes

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("plugin does not support")]
PIN = "471100"


@pytest.fixture
def store(fakes: Fakes, tmp_path: Path) -> Iterator[SqliteStore]:
    """A real store under the window, with the profile of its reader."""
    path = tmp_path / FILE_NAME
    opened = SqliteStore(path)
    opened.set_person(Person("reader", "Dr. Reader", Role.RADIOLOGIST), at=fakes.services.now(), who="reader")
    fakes.services = replace(
        fakes.services, store=lambda: opened, station=lambda: Station(path, lambda: opened), settings=Settings(lock_minutes=5)
    )
    yield opened
    opened.close()


@pytest.fixture
def with_pin(store: SqliteStore, fakes: Fakes) -> SqliteStore:
    store.set_pin("reader", PIN, at=fakes.services.now(), who="reader")
    return store


def locked(qtbot: Any, window: MainWindow) -> None:
    window.actions_["lock"].trigger()
    settle(qtbot, window)
    assert window.lock.screen is not None


def actions(store: SqliteStore) -> list[str]:
    return [event.action for event in store.events("") if event.action not in ("set-person", "set-pin")]


def seen(window: MainWindow) -> list[str]:
    """All words that can be seen in any window of the program."""
    found = []
    for top in QApplication.topLevelWidgets():
        if top.isVisible():
            found.append(top.windowTitle())
            found += [label.text() for label in top.findChildren(QLabel) if label.isVisible()]
    return found


def test_everything_is_covered_and_no_command_works(qtbot, store: SqliteStore, read: MainWindow) -> None:
    name = read.desk.reading.patient.display_name
    assert any(name in words for words in seen(read))
    read.setWindowTitle(f"{name} - BoneAge Desk")
    read.commands.show_shortcuts()
    read.bones.table.setFocus()
    locked(qtbot, read)
    screen = read.lock.screen
    assert screen.isVisible() and screen.geometry() == read.rect()
    assert screen.who.text() == "Dr. Reader (reader), radiologist"
    assert not any(name in words for words in seen(read))
    assert read.windowTitle() == TITLE
    visible = [w for w in read.findChildren(QWidget) if w.isVisible() and w is not screen and not screen.isAncestorOf(w)]
    assert visible == []
    assert [w for w in QApplication.topLevelWidgets() if w.isVisible() and w is not read] == []
    assert not any(read.actions_[spec.id].isEnabled() for spec in ACTIONS)
    assert not read.acceptDrops()
    # a job that ends meanwhile, or another case, changes nothing of it
    read._update_actions()
    read.setWindowTitle(name)
    assert not any(read.actions_[spec.id].isEnabled() for spec in ACTIONS)
    assert read.windowTitle() == TITLE


def test_keys_do_not_reach_what_is_covered(qtbot, store: SqliteStore, read: MainWindow) -> None:
    before = read.desk.reading
    locked(qtbot, read)
    # Return stands on the button here, and a click or key on it is the deliberate one: it is left out
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_N, Qt.Key.Key_Delete, Qt.Key.Key_F9, Qt.Key.Key_7):
        QTest.keyClick(read.windowHandle(), key)
    for key in (Qt.Key.Key_Z, Qt.Key.Key_O, Qt.Key.Key_K, Qt.Key.Key_P, Qt.Key.Key_Q):
        QTest.keyClick(read.windowHandle(), key, Qt.KeyboardModifier.ControlModifier)
    settle(qtbot, read)
    assert read.desk.reading == before
    assert read.isVisible() and read.lock.screen is not None
    assert [w for w in QApplication.topLevelWidgets() if w.isVisible()] == [read]


def test_without_a_pin_it_says_that_it_only_hides_and_opens_with_a_click(qtbot, store: SqliteStore, read: MainWindow) -> None:
    title, focus = read.windowTitle(), read.bones.table
    focus.setFocus()
    locked(qtbot, read)
    screen = read.lock.screen
    assert "only hides the screen" in screen.note.text()
    assert screen.pin.isHidden()
    QTest.keyClick(screen, Qt.Key.Key_A)
    assert read.lock.screen is screen
    qtbot.mouseClick(screen.button, Qt.MouseButton.LeftButton)
    settle(qtbot, read)
    assert read.lock.screen is None
    assert read.windowTitle() == title
    assert read.centralWidget().isVisible() and read.menuBar().isVisible() and read.statusBar().isVisible()
    assert read.actions_["lock"].isEnabled() and read.actions_["accept"].isEnabled()
    assert read.acceptDrops()
    assert actions(store) == ["lock", "unlock"]
    assert [e.detail for e in store.events("")][-2:] == ["by command", "without a PIN"]
    assert store.verify() == []


def test_a_pin_opens_and_wrong_ones_slow_down(qtbot, with_pin: SqliteStore, read: MainWindow) -> None:
    clock = [1000.0]
    read.lock.presenter._clock = lambda: clock[0]
    locked(qtbot, read)
    screen = read.lock.screen
    assert screen.pin.isVisible() and "administrator" in screen.note.text()

    def typed(pin: str) -> None:
        screen.pin.setText(pin)
        screen._given()
        settle(qtbot, read)

    read.lock.presenter.go_on()  # not the way where there is a PIN
    settle(qtbot, read)
    assert read.lock.screen is screen
    for wrong, wait in ((1, 1), (2, 2), (3, 4), (4, 8)):
        typed("000000")
        assert read.lock.screen is screen
        assert read.lock.presenter.view.wait_s == wait == pin_delay_s(wrong)
        assert f"Next try in {wait} s." in screen.trouble.text()
        assert not screen.pin.isEnabled()
        typed(PIN)  # too early: not even looked at
        assert read.lock.screen is screen
        clock[0] += wait + 0.1
    typed(PIN)
    assert read.lock.screen is None
    assert actions(with_pin) == ["lock", *["wrong-pin"] * 4, "unlock"]
    assert with_pin.verify() == []
    assert not any(PIN in f"{e.detail}{e.before}{e.after}" or "000000" in e.detail for e in with_pin.events())
    locked(qtbot, read)
    assert read.lock.presenter.view.wait_s == 0  # begins anew after the right one


def test_a_lock_outlives_the_program(qtbot, with_pin: SqliteStore, fakes: Fakes, desk_window: Callable[..., MainWindow]) -> None:
    now = fakes.services.now()
    for action in ("lock", "wrong-pin", "wrong-pin"):
        with_pin.note(AuditEvent("", now, "reader", action))
    window = desk_window(fakes.path)
    settle(qtbot, window)
    assert window.lock.screen is not None
    assert 0 < window.lock.presenter.view.wait_s <= 2
    assert actions(with_pin) == ["lock", "wrong-pin", "wrong-pin"]


def test_nobody_at_the_desk_locks_and_a_key_or_the_mouse_is_somebody(qtbot, store: SqliteStore, read: MainWindow) -> None:
    clock = [0.0]
    presenter = read.lock.presenter
    presenter._clock = lambda: clock[0]
    presenter.active()
    clock[0] = 299.0
    presenter.look()
    assert not presenter.locked
    QTest.keyClick(read.windowHandle(), Qt.Key.Key_Down)
    clock[0] = 500.0
    presenter.look()
    assert not presenter.locked
    QTest.mouseMove(read.windowHandle(), read.rect().center())
    QTest.mouseClick(read.windowHandle(), Qt.MouseButton.LeftButton, pos=read.banner.rect().center())
    clock[0] = 799.0
    presenter.look()
    assert not presenter.locked
    clock[0] = 800.0
    presenter.look()
    assert presenter.locked
    settle(qtbot, read)
    assert store.events("")[-1].detail == "nobody there for 5 min"


def test_sleep_of_the_computer_counts(qtbot, store: SqliteStore, fakes: Fakes, read: MainWindow) -> None:
    presenter = read.lock.presenter
    presenter._seen_wall = datetime.now(UTC) - timedelta(minutes=6)
    presenter.look()
    assert presenter.locked


def test_0_minutes_never_lock(qtbot, store: SqliteStore, fakes: Fakes, desk_window: Callable[..., MainWindow]) -> None:
    fakes.services = replace(fakes.services, settings=Settings(lock_minutes=0))
    window = desk_window()
    presenter = window.lock.presenter
    presenter._clock = lambda: presenter._seen + 1e6
    presenter.look()
    assert not presenter.locked and not presenter._look.isActive()


def test_a_question_that_opens_while_locked_is_answered_with_no(qtbot, store: SqliteStore, read: MainWindow) -> None:
    locked(qtbot, read)
    box = QMessageBox(read)
    box.setText("LI Ming")
    box.setStandardButtons(QMessageBox.StandardButton.Ok | QMessageBox.StandardButton.Cancel)
    box.open()
    qtbot.wait(20)
    read.lock._hide_others()
    assert not box.isVisible()
    assert box.result() == QMessageBox.StandardButton.Cancel or box.result() == 0
    box.deleteLater()


def test_other_windows_of_the_program_go_and_come_back(qtbot, store: SqliteStore, read: MainWindow) -> None:
    other = QWidget(read, Qt.WindowType.Window)
    other.setWindowTitle("LI Ming, knee")
    other.show()
    try:
        locked(qtbot, read)
        assert not other.isVisible()
        read.lock.presenter.go_on()
        settle(qtbot, read)
        assert read.lock.screen is None and other.isVisible()
    finally:
        other.close()


def test_a_disk_that_takes_no_event_hides_all_the_same_and_is_told(qtbot, store: SqliteStore, read: MainWindow) -> None:
    connection = store._connection
    assert connection is not None
    connection.execute("PRAGMA query_only = ON")
    locked(qtbot, read)
    read.lock.presenter.go_on()
    settle(qtbot, read)
    connection.execute("PRAGMA query_only = OFF")
    assert read.lock.screen is None
    assert any("not in the audit trail" in message.text for message in read.messages.messages)


def test_a_store_that_cannot_say_whether_there_is_a_pin_does_not_open(
    qtbot, with_pin: SqliteStore, read: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    from boneage_desk.common.errors import StoreError

    def broken(_self: object, _account: str) -> bool:
        raise StoreError("The disk is gone.", "Look for it.", code="disk")

    with monkeypatch.context() as patch:
        patch.setattr(SqliteStore, "has_pin", broken)
        locked(qtbot, read)
        assert "The disk is gone." in read.lock.screen.trouble.text()
        assert read.lock.screen.button.text() == "Try again"
        qtbot.mouseClick(read.lock.screen.button, Qt.MouseButton.LeftButton)
        settle(qtbot, read)
        assert read.lock.screen is not None
    qtbot.mouseClick(read.lock.screen.button, Qt.MouseButton.LeftButton)
    settle(qtbot, read)
    assert read.lock.screen.pin.isVisible()


def test_what_was_typed_is_kept(qtbot, store: SqliteStore, read: MainWindow) -> None:
    read.tabs.setCurrentWidget(read.clinic)
    read.clinical.impression.setPlainText("half a sentence")
    locked(qtbot, read)
    assert store.list()[0].impression == "half a sentence"


def test_a_program_without_a_station_still_hides(qtbot, read: MainWindow) -> None:
    locked(qtbot, read)
    assert "only hides" in read.lock.screen.note.text()
    read.lock.presenter.go_on()
    assert read.lock.screen is None


def test_the_screen_follows_the_window(qtbot, read: MainWindow) -> None:
    locked(qtbot, read)
    read.resize(1100, 700)
    qtbot.wait(20)
    assert read.lock.screen.geometry() == read.rect()
