"""Frames of the film view on a 3000 x 4000 film of 16 bits, and how long a moved box waits for its grade.

The real window with the film read and its 13 boxes drawn. A frame is one step of a drag or of the wheel until it is
painted. Times by the clock on the wall, and the window thread's own processor time beside them.
"""

from __future__ import annotations

import dataclasses
import math
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QApplication

from boneage_desk.common.errors import BoneAgeError
from boneage_desk.reading.findings import Box
from boneage_desk.reading.ports import Services
from boneage_desk.ui.main_window import MainWindow
from boneage_desk.ui.presenters.film_pixels import dragged_window
from boneage_desk.ui.presenters.filtering import DisplayFilter
from boneage_desk.ui.views.waiting import wait_until

SIZE = (4000, 3000)
"""Rows and columns of the drawn film."""
WAIT_MS = 300_000
REGRADES = 15


def large_film(folder: Path) -> Path:
    """The drawn hand at `SIZE`, 16 bits."""
    from boneage_desk.imaging.phantom import draw_hand
    from boneage_desk.imaging.phantom.demo import DEMO_SPEC
    from boneage_desk.imaging.phantom.dicom import write_dicom

    path = folder / "large.dcm"
    write_dicom(draw_hand(dataclasses.replace(DEMO_SPEC, bits=16, size=SIZE)), path, transfer_syntax="1.2.840.10008.1.2.1")
    return path


def view(window: MainWindow, services: Services, film: Path | None, times: int) -> dict[str, Any]:
    """``times``: frames of each kind."""
    from boneage_desk.ui.app import go_on

    desk = window.desk
    go_on(window, [str(film or large_film(services.data_dir))], demo=False)
    read = wait_until(lambda: desk.film is not None and desk.reading is not None and desk.reading.analysed_at is not None
                      and window.film_panel is not None, WAIT_MS)  # fmt: skip
    if not read or not wait_until(lambda: not window.runner.jobs, WAIT_MS):
        raise BoneAgeError("The film was not read.", "See: boneage-desk doctor", code="bench")
    panel, frame = window.film_panel, desk.frame
    assert panel is not None and frame is not None
    shown = panel.film
    found: dict[str, Any] = {
        "columns": frame.width, "rows": frame.height, "bits": frame.max_value.bit_length(),
        "view": [shown.viewport().width(), shown.viewport().height()], "frames": times,
        "display": QApplication.platformName(), "boxes": len(shown.boxes()),
    }  # fmt: skip
    start_voi, start = shown.voi, shown.view
    assert start_voi is not None

    def window_level(i: int) -> None:
        shown.set_voi(dragged_window(start_voi, 120 * math.sin(i / 20), 80 * math.cos(i / 15), frame.max_value))

    def zoom(i: int) -> None:
        shown.set_view(shown.view.zoomed(1.05 if (i // 40) % 2 == 0 else 1 / 1.05, (shown.width() * 0.4, shown.height() * 0.6)))

    def pan(i: int) -> None:
        shown.set_view(start.zoomed_to(1.0).panned(200 * math.sin(i / 12), 300 * math.cos(i / 17)))

    def turned_zoom(i: int) -> None:
        zoom(i)

    found |= _frames("window_level", shown.viewport().repaint, window_level, times)
    shown.set_view(start)
    found |= _frames("zoom", shown.viewport().repaint, zoom, times)
    found |= _frames("pan", shown.viewport().repaint, pan, times)
    shown.set_view(start.rotated(17))
    found |= _frames("zoom_turned", shown.viewport().repaint, turned_zoom, times)
    shown.set_view(start)
    began = time.perf_counter()
    panel.filtering.choose(DisplayFilter.CLAHE)
    if not wait_until(lambda: panel.filtering.pixels is not None, WAIT_MS):
        raise BoneAgeError("The display filter was not made.", code="bench")
    found["clahe_made_ms"] = round((time.perf_counter() - began) * 1000, 1)
    found |= _frames("window_level_clahe", shown.viewport().repaint, window_level, times)
    return found | _regrades(window)


def _frames(name: str, paint: Callable[[], None], step: Callable[[int], None], times: int) -> dict[str, Any]:
    """Frames a second of the median frame and of the slowest of 20, by the wall; and by processor time."""
    wall, own = [], []
    for i in range(times + 5):
        began, worked = time.perf_counter(), time.thread_time()
        step(i)
        paint()
        if i >= 5:
            wall.append(time.perf_counter() - began)
            own.append(time.thread_time() - worked)
    slow = sorted(wall)[int(0.95 * len(wall))]
    return {
        f"{name}_fps": round(1 / statistics.median(wall), 1),
        f"{name}_fps_slowest_of_20": round(1 / slow, 1),
        f"{name}_fps_own_time": round(1 / max(statistics.median(own), 1e-6), 1),
    }


def _regrades(window: MainWindow) -> dict[str, Any]:
    """From the release of a moved box to its grade and the new bone age in the window."""
    desk, values = window.desk, []
    for i in range(REGRADES + 1):
        bone = ("mc3", "radius", "pp5")[i % 3]
        assert desk.reading is not None
        box = desk.reading.bone(bone).box
        if box is None:
            raise BoneAgeError(f"{bone} was not found on the film.", code="bench")
        moved = Box(box.x0 + 3 + i % 2, box.y0 - 2, box.x1 + 3 + i % 2, box.y1 - 2)
        began = time.perf_counter()
        desk.set_box(bone, moved)
        while desk.grading_box(bone) or desk.reading.bone(bone).human_box != moved:
            QApplication.processEvents()
            time.sleep(0.001)  # the models need the processor
            if time.perf_counter() - began > WAIT_MS / 1000:
                raise BoneAgeError("A moved box was not graded.", code="bench")
        values.append((time.perf_counter() - began) * 1000)
        if desk.reading.bone(bone).opinion is None:
            raise BoneAgeError("A moved box has no grade.", code="bench")
        wait_until(lambda: not desk.saver.busy and not window.runner.jobs, WAIT_MS)
    ordered = sorted(values[1:])
    return {
        "regrade_ms": round(statistics.median(ordered), 1),
        "regrade_ms_min": round(ordered[0], 1),
        "regrade_ms_max": round(ordered[-1], 1),
        "first_regrade_ms": round(values[0], 1),
    }
