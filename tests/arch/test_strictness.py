"""What tests/conftest.py and pyproject.toml promise of every test: stray warnings fail the test that caused them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.arch.planting import REPOSITORY

TESTS = '''
import logging, os, warnings
import pytest

def test_fine():
    pass

def test_stray_python_warning():
    warnings.warn("planted")

def test_stray_log():
    logging.getLogger("planted").warning("nobody expects this")

def test_stray_error_log_while_warnings_are_expected(caplog):
    with caplog.at_level(logging.WARNING):
        logging.getLogger("planted").error("nobody expects this")

def test_expected_log(caplog):
    with caplog.at_level(logging.WARNING):
        logging.getLogger("planted").warning("expected")
    assert "expected" in caplog.text

def test_stray_log_of_a_thread():
    import threading
    thread = threading.Thread(target=logging.getLogger("planted").error, args=("from a thread",))
    thread.start()
    thread.join()

def test_stray_qt_warning(qtbot):
    from PySide6.QtCore import qWarning
    qWarning("planted")

def test_error_in_a_slot(qtbot):
    from PySide6.QtCore import QTimer
    QTimer.singleShot(0, lambda: 1 / 0)
    qtbot.wait(50)

@pytest.mark.needs_data
def test_needs_data():
    raise AssertionError("ran without the data")

def test_shared_data(shared_data):
    raise AssertionError("ran without the data")

def test_offscreen(qtbot):
    from PySide6.QtGui import QGuiApplication
    assert QGuiApplication.platformName() == "offscreen"

SEEN = []

@pytest.mark.parametrize("turn", [1, 2])
def test_own_data_folder(turn):
    folder = os.environ["BONEAGE_DESK_DATA"]
    assert os.path.isdir(folder) and not os.listdir(folder)
    open(os.path.join(folder, "left"), "w").close()
    assert folder not in SEEN
    SEEN.append(folder)
'''

EXPECTED = {
    "test_fine": "PASSED",
    "test_stray_python_warning": "FAILED",
    "test_stray_log": "ERROR",
    "test_stray_error_log_while_warnings_are_expected": "ERROR",
    "test_expected_log": "PASSED",
    "test_stray_log_of_a_thread": "ERROR",
    "test_stray_qt_warning": "FAILED",
    "test_error_in_a_slot": "FAILED",
    "test_needs_data": "SKIPPED",
    "test_shared_data": "SKIPPED",
    "test_offscreen": "PASSED",
    "test_own_data_folder[1]": "PASSED",
    "test_own_data_folder[2]": "PASSED",
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The worst outcome of each planted test, run in a folder of its own with the project's settings."""
    folder = tmp_path_factory.mktemp("alone") / "project"
    (folder / "tests").mkdir(parents=True)
    shutil.copy(REPOSITORY / "pyproject.toml", folder)
    shutil.copy(REPOSITORY / "tests" / "conftest.py", folder / "tests")
    (folder / "tests" / "test_planted.py").write_text(TESTS, encoding="utf-8")
    environment = {k: v for k, v in os.environ.items() if k not in ("QT_QPA_PLATFORM", "PYTEST_ADDOPTS")}
    environment["DISPLAY"] = ":unreachable"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-rN", "-p", "no:cacheprovider", "--color=no", "tests"],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    worst: dict[str, str] = {}
    for line in done.stdout.splitlines():
        words = line.split()
        if len(words) > 1 and words[0].startswith("tests/test_planted.py::"):
            name = words[0].partition("::")[2]
            if worst.get(name) in (None, "PASSED"):
                worst[name] = words[1]
    assert worst, done.stdout + done.stderr
    return worst


@pytest.mark.parametrize("name", EXPECTED)
def test_outcome(outcomes: dict[str, str], name: str) -> None:
    assert outcomes.get(name) == EXPECTED[name]


def test_an_unknown_marker_is_refused(tmp_path: Path) -> None:
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_x.py").write_text("import pytest\n@pytest.mark.solw\ndef test_x(): pass\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"],
        cwd=tmp_path, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode != 0
    assert "'solw' not found in `markers`" in done.stdout
