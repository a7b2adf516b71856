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
from boneage_desk.ui.presenters import key_words
from tests.gui.fakes import Fakes
from tests.gui.watchdog import OFFENDERS, Watchdog


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
        with qtbot.waitSignal(window.painted, timeout=30000):
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
        return not window.runner.jobs and not window.desk.saver.busy and not window.start_.active

    qtbot.waitUntil(done, timeout=60000)  # ends at once where all is done; a busy machine takes its time


@pytest.fixture(autouse=True)
def own_keys() -> Iterator[None]:
    """The keys in force are the program's, not one window's: those that a test gave end with it."""
    yield
    key_words.use({})


@pytest.fixture(autouse=True)
def watchdog(request: pytest.FixtureRequest) -> Iterator[Watchdog]:
    """Sees what holds the window's thread up; the session's summary names the worst."""
    with Watchdog() as dog:
        yield dog
    OFFENDERS.extend((request.node.nodeid, found) for found in dog.found)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What took longer than 0.1 s of the window's thread, the longest first."""
    worst = sorted(OFFENDERS, key=lambda entry: -entry[1].cpu_s)[:15]
    if worst:
        terminalreporter.section("window's thread held up")
        for test, found in worst:
            terminalreporter.write_line(f"{found}  in {test.rpartition('::')[2]}")


def texts(window: MainWindow) -> list[str]:
    return [message.text for message in window.messages.messages]
