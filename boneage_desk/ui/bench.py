"""What the window is measured on: a long work list, the next study, many studies one after the other.

The real window on a data folder of its own; without a display Qt draws into memory. Times are of the window's thread, by
the clock on the wall.
"""

from __future__ import annotations

import dataclasses
import gc
import os
import statistics
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication

from boneage_desk.common.errors import BoneAgeError, EngineError
from boneage_desk.common.jobs import no_progress
from boneage_desk.reading.ports import Services
from boneage_desk.reading.session import AuditEvent, Reading, ReadingSession, SetAnalysis, SetWholeHand, new_reading
from boneage_desk.ui.app import _application
from boneage_desk.ui.main_window import MainWindow
from boneage_desk.ui.presenters.study_texts import Column
from boneage_desk.ui.slices import Collector

WAIT_S = 180.0
SIZE = (1920, 1080)
STEPS = 300
"""Steps of the wheel over the list."""


def measure(what: str, services: Services, film: Path | None, times: int) -> dict[str, Any]:
    """``what``: 'list', 'next' or 'memory'; ``times``: studies. ``film``: another than the demo study. 'view': frames, on
    a large drawn film."""
    window_of = {"list": _list, "next": _next, "memory": _memory}
    if QApplication.instance() is None and not os.environ.get("DISPLAY") and sys.platform.startswith("linux"):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    _application(services.settings)
    if what != "view":
        one = _read(services, str(film or services.demo_film()))
        store = services.store()
        for number in range(times):
            made = _another(one, number)
            store.add(made, AuditEvent(made.reading_id, made.created_at, "bench", "open"))
    window = MainWindow(services)
    collector = Collector()  # as in the program: no collection in the midst of what is timed
    # nothing has to be asked of the models any more: every reading is read, but for the list's own states
    try:
        window.resize(*SIZE)
        window.show()
        if what == "view":
            from boneage_desk.ui.bench_view import view

            return view(window, services, film, times)
        return window_of[what](window, times)
    finally:
        collector.deleteLater()
        gc.unfreeze()
        gc.enable()
        window.close()
        window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def _read(services: Services, path: str) -> Reading:
    """The film, read by the models, second opinions and all, as the background leaves it."""
    engine = services.engine()
    engine.start()
    until = time.monotonic() + WAIT_S
    while not engine.state().startswith("ready"):
        if engine.state().startswith("failed") or time.monotonic() > until:
            raise EngineError(f"The models did not start: {engine.state()}", "See: boneage-desk doctor")
        time.sleep(0.05)
    film = services.films().open(path)
    at = services.now()
    session = ReadingSession(new_reading(film, services.new_id(), at))
    session.do(SetAnalysis(engine.analyse(film.frame, progress=no_progress), at), at=at, who="bench")
    wanted = services.settings.second_opinion_engines
    if wanted:
        opinions = engine.whole_hand(film.frame, film.patient.sex, engines=wanted)
        session.do(SetWholeHand(opinions, at), at=at, who="bench")
    return session.reading


def _another(reading: Reading, number: int) -> Reading:
    """The same film as the study of another child."""
    patient = dataclasses.replace(reading.patient, name=f"BENCH^{number:05d}", patient_id=f"{number:06d}")
    study = dataclasses.replace(reading.study, accession=f"A{number * 7919 % 1_000_000:06d}", study_uid=f"1.2.3.{number}")
    at = reading.created_at + timedelta(seconds=number)
    return dataclasses.replace(
        reading, reading_id=f"bench-{number}", patient=patient, study=study, created_at=at, changed_at=at, revision=0
    )


# --- the long list ----------------------------------------------------------------------------


def _list(window: MainWindow, times: int) -> dict[str, Any]:
    """5,000 studies: until the first rows are there and until all are; the longest that the window's thread stood still
    meanwhile; a step of the wheel, a key in the filter, a click on a column. ``cpu``: processor time of that thread."""
    work_list = window.work_list
    _spin(lambda: window._painted)
    window.complete()
    _spin(lambda: not window.runner.jobs)
    gc.collect()
    gc.freeze()  # as the program after its start
    window.lists.set_wide(True)
    began, gaps, first = time.perf_counter(), [], 0.0
    window.lists.begin()
    while work_list.model.every < times:
        gaps.append(_timed(lambda: None))
        first = first or (time.perf_counter() - began if work_list.model.every else 0.0)
        time.sleep(0.001)
        if time.perf_counter() - began > WAIT_S:
            raise BoneAgeError("The list did not come.", code="bench")
    whole = time.perf_counter() - began
    _spin(lambda: not window.runner.jobs)
    found: dict[str, Any] = {
        "studies": work_list.model.every,
        "first_rows_ms": round(first * 1000, 1),
        "all_rows_ms": round(whole * 1000, 1),
        "longest_gap_ms": round(max(gaps)[0], 1),
        "longest_gap_cpu_ms": round(max(gap[1] for gap in gaps), 1),
    }
    for name, wide in (("wide", True), ("narrow", False)):
        window.lists.set_wide(wide)
        _events()
        found |= _both(f"scroll_{name}", _scroll(window))
    window.lists.set_wide(True)
    keys = []
    for typed in ("b", "be", "bench", "bench 01", "bench 012", "012 hand", "reviewed", ""):
        keys.append(_timed(lambda typed=typed: work_list.filter.setText(typed)))
    found |= _both("filter", keys)
    sorts = []
    for column in (Column.NAME, Column.AGE, Column.BONE_AGE, Column.DATE, Column.ACCESSION, Column.MACHINE):
        for down in (False, True):
            sorts.append(_timed(lambda column=column, down=down: work_list.table.sort_by(column, down)))
    found |= _both("sort", sorts)
    return found


def _scroll(window: MainWindow) -> list[_Time]:
    """Each step of the wheel, three rows, and now and then a long way: rows made and painted."""
    table = window.work_list.table
    bar = table.verticalScrollBar()
    bar.setValue(0)
    _events()
    values = []
    for step in range(STEPS):
        values.append(_timed(lambda far=step % 50 == 0: bar.setValue(bar.value() + (bar.maximum() // 7 if far else 78))))
    return values


# --- the next study ---------------------------------------------------------------------------


def _next(window: MainWindow, times: int) -> dict[str, Any]:
    """From the key for the next unread study until its film is painted. ``next_ms``: the study before was looked at for a
    moment, so that the film was ready; ``next_cpu_ms``: processor time of the window's thread in it (far below
    ``next_ms``: the machine was busy with other things); ``next_at_once_ms``: the key is pressed as fast as films come."""
    _open_first(window)
    count = max(1, times // 2 - 1)
    calm, cpu = [], []
    for _ in range(count):
        _spin(lambda: not window.runner.jobs)
        spent = time.thread_time()
        calm.append(_go_on(window, wait=False))
        cpu.append((time.thread_time() - spent) * 1000)
    at_once = [_go_on(window, wait=False) for _ in range(count)]
    frame = window.desk.frame
    assert frame is not None
    size = {"width": frame.width, "height": frame.height}
    return {**_spread("next_ms", calm), **_spread("next_cpu_ms", cpu), **_spread("next_at_once_ms", at_once), **size}


def _open_first(window: MainWindow) -> None:
    _spin(lambda: window._painted)
    window.complete()
    window.lists.begin()
    _spin(lambda: bool(window.work_list.model.every) and not window.runner.jobs)
    window.lists.next_unread()
    _spin(lambda: window.desk.film is not None and not window.runner.jobs)


def _go_on(window: MainWindow, wait: bool) -> float:
    """Milliseconds from the key to the painted film."""
    if wait:
        _spin(lambda: not window.runner.jobs)
    desk = window.desk
    before = desk.reading.reading_id if desk.reading else ""
    began = time.perf_counter()
    window.actions_["next-unread"].trigger()
    _spin(lambda: desk.reading is not None and desk.reading.reading_id != before and desk.film is not None, 0.0005)
    assert window.film_panel is not None
    window.film_panel.film.viewport().repaint()
    return (time.perf_counter() - began) * 1000


# --- many studies -----------------------------------------------------------------------------


def _memory(window: MainWindow, times: int) -> dict[str, Any]:
    """Resident memory of the window's process over ``times`` opened studies; the first twentieth is warming up."""
    _open_first(window)
    warm = max(1, times // 20)
    trace = []
    for number in range(1, times):
        _go_on(window, wait=True)
        if number == warm or number % max(1, times // 10) == 0 or number == times - 1:
            gc.collect()
            trace.append((number, round(_resident_mb(), 1)))
    start = next(value for number, value in trace if number >= warm)
    return {
        "studies": times,
        "warm_mb": start,
        "end_mb": trace[-1][1],
        "growth_mb": round(trace[-1][1] - start, 1),
        "trace_mb": dict(trace),
        "sessions": len(window.desk._sessions),
    }


def _resident_mb() -> float:
    """Of this process alone; the models have one of their own."""
    try:
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    try:
        import resource
    except ImportError as error:
        raise BoneAgeError("The memory cannot be measured on this system.", code="bench") from error
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


# --- help -------------------------------------------------------------------------------------


def _events() -> float:
    """Let the window work; milliseconds that it took."""
    began = time.perf_counter()
    QApplication.processEvents()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    return (time.perf_counter() - began) * 1000


def _spin(done: Callable[[], bool], pause_s: float = 0.002) -> None:
    until = time.monotonic() + WAIT_S
    while not done():
        _events()
        time.sleep(pause_s)
        if time.monotonic() > until:
            raise BoneAgeError("The window did not come to rest.", code="bench")


_Time = tuple[float, float]
"""Milliseconds by the clock, and of processor time of the window's thread."""


def _timed(act: Callable[[], object]) -> _Time:
    """Until it is done and painted."""
    began, spent = time.perf_counter(), time.thread_time()
    act()
    QApplication.processEvents()
    return (time.perf_counter() - began) * 1000, (time.thread_time() - spent) * 1000


def _both(name: str, times: list[_Time]) -> dict[str, float]:
    return {**_spread(f"{name}_ms", [t[0] for t in times]), **_spread(f"{name}_cpu_ms", [t[1] for t in times])}


def _spread(name: str, values: list[float]) -> dict[str, float]:
    """Median, 95th percentile and the most."""
    ordered = sorted(values)
    return {
        name: round(statistics.median(ordered), 2),
        f"{name}_p95": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))], 2),
        f"{name}_max": round(ordered[-1], 2),
    }
