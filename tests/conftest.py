"""What every test gets: an offscreen Qt, a data folder of its own, and failure on stray warnings.

- A Python warning is an error (`filterwarnings` in pyproject.toml).
- A Qt warning fails the test that caused it (pytest-qt, `qt_log_level_fail` in pyproject.toml). A test that
  expects one marks itself `@pytest.mark.qt_log_ignore("the text")`.
- A log record of level WARNING or above fails the test that caused it, unless the test expects that level:
  `with caplog.at_level(logging.WARNING): ...` (or ERROR, CRITICAL), the very level of the record.
"""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Iterator
from pathlib import Path

# Before anything imports Qt. A test must never need or touch a display.
os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ.pop("QT_STYLE_OVERRIDE", None)
# ultralytics installs missing packages by itself and writes a settings file into the home folder
os.environ["YOLO_AUTOINSTALL"] = "false"
# no test may put a secret into the developer's key store; one that needs a store brings its own
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"

import hypothesis
import pytest
from PIL import Image

# tests are never timed: a loaded machine must not fail one
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

REPOSITORY = Path(__file__).resolve().parent.parent
_PILLOW_OPEN = Image.open
SHARED_DATA = REPOSITORY.parent / "shared" / "data"


@pytest.fixture(scope="session")
def repository() -> Path:
    """The top of the tree."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Films for training and tests, beside the checkout; a user's machine has none."""
    if not SHARED_DATA.is_dir():
        pytest.skip("needs ../shared/data, which is not here")
    return SHARED_DATA


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if SHARED_DATA.is_dir():
        return
    skip = pytest.mark.skip(reason="needs ../shared/data, which is not here")
    for item in items:
        if "needs_data" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(autouse=True)
def own_data_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test has its own BONEAGE_DESK_DATA: none sees the user's cases, or another test's."""
    folder = tmp_path_factory.mktemp("data")
    monkeypatch.setenv("BONEAGE_DESK_DATA", str(folder))
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(folder / "ultralytics"))
    return folder


@pytest.fixture(autouse=True)
def pillow_as_it_was() -> Iterator[None]:
    """ultralytics puts its own function over PIL.Image.open when it is imported, and that one does not take
    ``fp=``: the tests that come after would see another Pillow than the program, which keeps models in a child."""
    Image.open = _PILLOW_OPEN
    yield
    Image.open = _PILLOW_OPEN


@pytest.fixture(autouse=True)
def garbage_is_collected_here(request: pytest.FixtureRequest) -> Iterator[None]:
    """As in the program (ui.app.run): with a window about, no job's thread may collect what Qt made."""
    if not {"qtbot", "qapp"} & set(request.fixturenames):
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.collect()
        gc.enable()


class _StrayLogs(logging.Handler):
    """Keeps what nobody expected."""

    def __init__(self, expected: logging.Handler | None) -> None:
        super().__init__(logging.WARNING)
        self._expected = expected
        self.stray: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if self._expected is not None and self._expected.level == record.levelno:
            return
        self.stray.append(f"{record.levelname} {record.name}: {record.getMessage()}")


@pytest.fixture(autouse=True)
def no_stray_logs(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fails the test that logged a warning or an error without expecting it."""
    handler = _StrayLogs(caplog.handler)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
    if handler.stray:
        lines = "\n  ".join(handler.stray)
        pytest.fail(
            f"logged without being expected (expect it with caplog.at_level of that very level):\n  {lines}",
            pytrace=False,
        )
