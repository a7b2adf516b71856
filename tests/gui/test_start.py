"""Start-up order: the window paints before anything heavy is imported. Each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.gui

HEAVY = ("torch", "torchvision", "ultralytics", "timm", "captum", "reportlab", "highdicom", "pynetdicom", "pydicom",
         "PIL", "sqlite3", "numpy", "pyqtgraph", "scipy", "cv2")  # fmt: skip

CHILD = """
import json, sys
from pathlib import Path
from boneage_desk.ui import app as start
from boneage_desk.wiring import build

services = build(Path(sys.argv[1]))
application = start._application(services.settings)
window = start.MainWindow(services)
seen = {}

def painted():
    seen["early"] = [name for name in sys.argv[2].split() if name in sys.modules]
    if sys.argv[3] == "go on":
        window.complete()
        window.library.load()
        start.wait_until(lambda: not window.runner.jobs, 20000)
        seen["later"] = [name for name in sys.argv[2].split() if name in sys.modules]
    application.quit()

window.painted.connect(painted)
window.show()
application.exec()
window.close()
services.close()
print(json.dumps(seen))
"""


def child(folder: Path, how: str) -> dict[str, list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(folder), " ".join(HEAVY), how],
        capture_output=True, text=True, timeout=120, env=os.environ,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_at_first_paint_nothing_heavy_is_loaded(tmp_path):
    assert child(tmp_path, "stop")["early"] == []


def test_the_complete_window_has_still_no_model_and_no_pdf_library(tmp_path):
    later = child(tmp_path, "go on")["later"]
    assert "pyqtgraph" in later, "the check looks at a window that is complete"
    assert not set(later) & {
        "torch",
        "torchvision",
        "ultralytics",
        "timm",
        "captum",
        "reportlab",
        "highdicom",
        "pynetdicom",
    }


def test_first_paint_is_printed_and_the_program_ends(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "boneage_desk", "gui", "--data-dir", str(tmp_path)],
        capture_output=True, text=True, timeout=120, env={**os.environ, "BONEAGE_DESK_FIRST_PAINT": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("first_paint 1")


COLLECTING = """
import gc, json, sys, threading
from pathlib import Path
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from boneage_desk.ui import app as start
from boneage_desk.wiring import build

where = []

class Ring:
    def __init__(self):
        self.me = self
    def __del__(self):
        where.append(threading.current_thread() is threading.main_thread())

def make_garbage():  # enough for Python to collect here and now, if it were let
    for _ in range(20_000):
        Ring()

def look():
    worker = threading.Thread(target=make_garbage)
    worker.start()
    worker.join()
    start.wait_until(lambda: bool(where), 20_000)
    QApplication.quit()

start.go_on = lambda window, paths, demo: QTimer.singleShot(0, window, look)
services = build(Path(sys.argv[1]))
code = start.run(services, [])
services.close()
print(json.dumps({"code": code, "collected": len(where), "here": all(where), "enabled": gc.isenabled()}))
"""


def test_no_thread_of_a_job_collects_garbage(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", COLLECTING, str(tmp_path)], capture_output=True, text=True, timeout=120, env=os.environ
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["code"] == 0
    assert seen["collected"] > 1000
    assert seen["here"]
    assert seen["enabled"]
