"""Qt's Python side is not safe to be imported on two threads: pyqtgraph comes in on the window's."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import os, sys, tempfile, threading
os.environ["QT_QPA_PLATFORM"] = "offscreen"
from pathlib import Path
importers = []

class Spy:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("pyqtgraph", "PySide6", "shiboken6"):
            importers.append((name, threading.current_thread() is threading.main_thread()))
        return None

sys.meta_path.insert(0, Spy())
from boneage_desk import wiring
from boneage_desk.ui import app
from boneage_desk.ui.main_window import MainWindow
from boneage_desk.ui.views.waiting import wait_until
services = wiring.build(Path(tempfile.mkdtemp()))
qt = app._application(services.settings)
window = MainWindow(services)
window.show()
window.complete_later()
assert wait_until(lambda: window.film_panel is not None, 60_000)
window.close()
services.close()
assert any(name == "pyqtgraph" for name, _ in importers)
print(sorted({name for name, main in importers if not main}))
"""


def test_qt_and_pyqtgraph_are_imported_on_the_windows_thread_only() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
