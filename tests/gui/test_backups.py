"""Backups by schedule in the window: in the background, told when they fail, tried again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from boneage_desk.archive.station import Station
from boneage_desk.archive.store import FILE_NAME, SqliteStore
from boneage_desk.common.settings import Settings
from boneage_desk.reading.session import SetImpression
from boneage_desk.ui.main_window import MainWindow
from boneage_desk.ui.presenters.backups import AGAIN_AFTER
from tests.gui.conftest import settle, texts
from tests.gui.fakes import Fakes

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("plugin does not support")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "copies"


@pytest.fixture
def clock() -> list[datetime]:
    return [datetime(2026, 11, 27, 12, 0, tzinfo=UTC)]


@pytest.fixture
def store(fakes: Fakes, tmp_path: Path, folder: Path, clock: list[datetime]) -> Iterator[SqliteStore]:
    path = tmp_path / FILE_NAME
    opened = SqliteStore(path)
    fakes.services = replace(
        fakes.services, store=lambda: opened, station=lambda: Station(path, lambda: opened), now=lambda: clock[0],
        settings=Settings(backup_folder=str(folder), backup_every_hours=24, backup_keep=2, lock_minutes=0),
    )  # fmt: skip
    yield opened
    opened.close()


def copies(folder: Path) -> list[str]:
    return sorted(p.name[-24:-8] for p in folder.iterdir())


def test_one_when_due_and_the_oldest_go(qtbot, store: SqliteStore, read: MainWindow, folder: Path, clock: list[datetime]) -> None:
    folder.mkdir()
    backups = read.lock.backups
    assert backups._timer.isActive()
    for hours, wanted in ((0, ["20261127T120000Z"]), (1, ["20261127T120000Z"]),
                          (24, ["20261127T120000Z", "20261128T120000Z"]), (48, ["20261128T120000Z", "20261129T120000Z"])):  # fmt: skip
        clock[0] = datetime(2026, 11, 27, 12, 0, tzinfo=UTC) + timedelta(hours=hours)
        backups.look()
        backups.look()  # one at a time
        settle(qtbot, read)
        assert copies(folder) == wanted
    assert [e.action for e in store.events("")] == ["backup"] * 3
    assert not any("backup" in words for words in texts(read))


def test_a_failure_is_told_with_what_helps_and_tried_again(
    qtbot, store: SqliteStore, read: MainWindow, folder: Path, clock: list[datetime]
) -> None:
    backups = read.lock.backups
    backups.look()
    settle(qtbot, read)
    message = next(m for m in read.messages.messages if m.topic == "backup")
    assert "is not there" in message.text and "Connect its disk" in message.remedy
    assert [choice.title for choice in message.choices] == ["Try again"]
    folder.mkdir()
    backups.look()  # not yet
    settle(qtbot, read)
    assert copies(folder) == []
    clock[0] += AGAIN_AFTER
    backups.look()
    settle(qtbot, read)
    assert len(copies(folder)) == 1
    assert any("The backup was made" in words for words in texts(read))


def test_by_hand_after_a_failure(qtbot, store: SqliteStore, read: MainWindow, folder: Path) -> None:
    read.lock.backups.look()
    settle(qtbot, read)
    folder.mkdir()
    next(m for m in read.messages.messages if m.topic == "backup").choices[0].act()
    settle(qtbot, read)
    assert len(copies(folder)) == 1


def test_the_window_saves_while_a_backup_is_made(
    qtbot, store: SqliteStore, read: MainWindow, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.mkdir()
    gate, begun = threading.Event(), threading.Event()
    real = Station.newest_backup

    def slow(self: Station, *words: object) -> object:
        begun.set()
        assert gate.wait(20)
        return real(self, *words)  # type: ignore[arg-type]

    monkeypatch.setattr(Station, "newest_backup", slow)
    read.lock.backups.look()
    qtbot.waitUntil(begun.is_set, timeout=5000)
    read.desk.do(SetImpression("meanwhile"))
    qtbot.waitUntil(lambda: not read.desk.saver.unsaved, timeout=5000)
    assert store.list()[0].impression == "meanwhile"
    gate.set()
    settle(qtbot, read)
    assert len(copies(folder)) == 1


def test_none_is_made_where_none_is_wanted(qtbot, store: SqliteStore, fakes: Fakes, desk_window: Callable[..., MainWindow]) -> None:
    fakes.services = replace(fakes.services, settings=Settings())
    window = desk_window()
    assert not window.lock.backups._timer.isActive()
    window.lock.backups.look()
    assert not [job for job in window.runner.jobs if job.lane == "backup"]
