"""A whole window on stand-ins for the adapters."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from boneage_desk.ui import theme
from boneage_desk.ui.app import go_on
from boneage_desk.ui.main_window import MainWindow
from tests.gui.fakes import Fakes


@pytest.fixture
def fakes(tmp_path: Path) -> Fakes:
    return Fakes(tmp_path)


@pytest.fixture
def desk_window(qtbot, qapp, fakes: Fakes) -> Iterator[Callable[..., MainWindow]]:
    """Makes windows that are closed at the end; their threads must be gone then."""
    made: list[MainWindow] = []
    before = {thread.name for thread in threading.enumerate()}
    theme.apply(qapp)

    def make(*paths: str, demo: bool = False, size: tuple[int, int] = (1366, 768)) -> MainWindow:
        window = MainWindow(fakes.services)
        made.append(window)
        window.resize(*size)
        with qtbot.waitSignal(window.painted, timeout=5000):
            window.show()
        go_on(window, list(paths), demo)
        return window

    yield make
    for window in made:
        fakes.store.broken = None
        if fakes.engine.gate is not None:
            fakes.engine.gate.set()
        window.close()
        window.deleteLater()
    made.clear()
    qtbot.wait(1)
    gc.collect()
    left = {t.name for t in threading.enumerate() if t.name.startswith("boneage-")} - before
    assert not left, f"threads left behind: {left}"


@pytest.fixture
def window(desk_window: Callable[..., MainWindow]) -> MainWindow:
    """Shown, completed, nothing open."""
    return desk_window()


@pytest.fixture
def read(qtbot, desk_window: Callable[..., MainWindow], fakes: Fakes) -> MainWindow:
    """The stand-in film opened and read, everything saved."""
    shown = desk_window(fakes.path)
    settle(qtbot, shown)
    assert shown.desk.reading is not None and shown.desk.reading.analysed_at is not None
    return shown


def settle(qtbot, window: MainWindow) -> None:
    """Until no job waits or runs and every change had its chance to be saved."""

    def done() -> bool:
        return not window.runner.jobs and not window.desk.saver.busy

    qtbot.waitUntil(done, timeout=10000)


def texts(window: MainWindow) -> list[str]:
    return [message.text for message in window.messages.messages]
