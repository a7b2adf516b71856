#!/usr/bin/env python3
"""How fast the window follows a grade, without models, and its memory. Prints JSON; frames are ``boneage-desk bench view``'s.

    QT_QPA_PLATFORM=offscreen python tools/bench_window.py [--width 2000] [--height 2500]
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from PySide6.QtWidgets import QApplication

from boneage_desk.reading.session import SetGrade
from boneage_desk.ui import app as start
from boneage_desk.ui.main_window import MainWindow
from tests.gui.fakes import Fakes, make_film


def milliseconds(work, times: int) -> dict[str, float]:
    """Wall time, and the thread's processor time beside it: other programs inflate only the first."""
    values, used = [], []
    for index in range(times):
        began, busy = time.perf_counter(), time.thread_time()
        work(index)
        values.append((time.perf_counter() - began) * 1000)
        used.append((time.thread_time() - busy) * 1000)
    values.sort()
    return {
        "median_ms": round(statistics.median(values), 2),
        "p95_ms": round(values[int(len(values) * 0.95) - 1], 2),
        "cpu_median_ms": round(statistics.median(used), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=2000)
    parser.add_argument("--height", type=int, default=2500)
    parser.add_argument("--window", default="1920x1080")
    options = parser.parse_args()
    fakes = Fakes(Path(tempfile.mkdtemp()))
    start._application(fakes.services.settings)
    small = make_film("/films/large.dcm").frame.pixels
    rows, columns = (np.linspace(0, side - 1, n).astype(int) for side, n in
                     zip(small.shape, (options.height, options.width), strict=True))  # fmt: skip
    film = make_film("/films/large.dcm", pixels=np.ascontiguousarray(small[rows][:, columns]))
    window = MainWindow(fakes.services)
    window.resize(*(int(side) for side in options.window.split("x")))
    window.show()
    start.go_on(window, [fakes.films.put(film)], demo=False)
    start.wait_until(lambda: window.desk.reading is not None and not window.start_.active and not window.runner.jobs, 30000)
    found: dict[str, object] = {"film": [options.width, options.height], "bits": 16, "window": options.window}

    def grade(index: int) -> None:
        window.desk.do(SetGrade("radius", 8 + index % 2))
        QApplication.processEvents()

    found["grade_to_bone_age_on_screen"] = milliseconds(grade, 40)
    found["peak_memory_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    print(json.dumps(found, indent=1))
    start.wait_until(lambda: not window.runner.jobs, 5000)
    window.close()


if __name__ == "__main__":
    main()
