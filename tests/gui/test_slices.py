"""Work of the window's thread in pieces, and a package that is imported as such."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from PySide6.QtCore import QObject

from boneage_desk.ui import slices
from boneage_desk.ui.slices import Slices

pytestmark = pytest.mark.gui


@pytest.fixture
def parcel(tmp_path, monkeypatch):
    """A package of three modules, the second of which asks the package for what the first brought."""
    folder = tmp_path / "parcel_of_three"
    folder.mkdir()
    (folder / "__init__.py").write_text('"""Three."""\nfrom .one import one\nfrom .two import two\nfrom .three import *\n')
    (folder / "one.py").write_text("one = 1\n")
    (folder / "two.py").write_text("from . import one\ntwo = one + 1\n")
    (folder / "three.py").write_text("three = 3\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "parcel_of_three"]:
        del sys.modules[name]


def test_a_package_comes_statement_by_statement(parcel):
    pieces = slices.package("parcel_of_three")
    next(pieces)
    next(pieces)
    assert sys.modules["parcel_of_three"].one == 1 and "parcel_of_three.two" not in sys.modules
    list(pieces)
    import parcel_of_three

    assert (parcel_of_three.two, parcel_of_three.three) == (2, 3)
    with pytest.raises(AttributeError):
        parcel_of_three.four  # noqa: B018
    assert not hasattr(parcel_of_three, "__getattr__")


def test_who_needs_the_package_before_its_end_gets_all_of_it(parcel):
    pieces = slices.package("parcel_of_three")
    next(pieces)
    import parcel_of_three

    assert parcel_of_three.three == 3
    assert list(pieces) == []


def test_a_package_that_cannot_be_imported_leaves_nothing_behind(parcel):
    (parcel / "two.py").write_text("import no_such_module_at_all\n")
    with pytest.raises(ModuleNotFoundError, match="no_such_module_at_all"):
        list(slices.package("parcel_of_three"))
    assert "parcel_of_three" not in sys.modules
    with pytest.raises(ModuleNotFoundError):
        import parcel_of_three  # noqa: F401


def test_the_thread_is_free_between_the_pieces(qtbot):
    turns, ended = [], []

    def work():
        for number in range(6):
            time.sleep(slices.PIECE_S)
            turns.append(number)
            yield

    parent = QObject()
    running = Slices(parent, work(), lambda: ended.append("done"), ended.append)
    seen = []

    def look() -> bool:
        seen.append(len(turns))
        return bool(ended)

    qtbot.waitUntil(look, timeout=5000)
    assert ended == ["done"] and turns == list(range(6)) and not running.active
    assert len(set(seen)) > 2, "the event loop ran while there was work left"


def test_what_a_piece_raises_is_told_and_ends_the_work(qtbot):
    def work():
        yield
        raise ValueError("spoilt")

    ended = []
    parent = QObject()
    Slices(parent, work(), lambda: ended.append("done"), ended.append)
    qtbot.waitUntil(lambda: bool(ended), timeout=5000)
    assert isinstance(ended[0], ValueError) and len(ended) == 1


def test_stopped_work_is_left(qtbot):
    done = []
    parent = QObject()
    running = Slices(parent, iter(lambda: done.append(1), 0), lambda: done.append("done"), done.append)
    qtbot.waitUntil(lambda: bool(done), timeout=5000)
    running.stop()
    count = len(done)
    qtbot.wait(50)
    assert len(done) == count and "done" not in done


PYQTGRAPH = """
import time
from PySide6.QtWidgets import QApplication
application = QApplication([])
import numpy
from boneage_desk.ui import slices
for piece in slices.qt_classes():
    pass
pieces = slices.package("pyqtgraph")
for number in range(40):
    next(pieces)
import pyqtgraph
assert "pyqtgraph.widgets.PlotWidget" not in __import__("sys").modules, "the check looks at a package that is not complete"
chart = pyqtgraph.PlotWidget()
assert sum(1 for _ in pieces) == 0
whole = {name for name in dir(pyqtgraph) if not name.startswith("_")}
print(sorted({"ImageItem", "GraphicsView", "TextItem", "ScatterPlotItem", "plot", "mkPen"} - whole))
"""


def test_pyqtgraph_itself_can_be_imported_in_pieces_and_wanted_in_the_midst():
    done = subprocess.run([sys.executable, "-c", PYQTGRAPH], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
