"""``boneage-desk bench``: the numbers of the main path, measured the same way each time."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from boneage_desk import __version__
from boneage_desk.cli import output
from boneage_desk.cli.app import ENGINE_DIR, App
from boneage_desk.cli.films import Facts, analyse, wait_ready
from boneage_desk.common.errors import BoneAgeError, EngineError, InputError
from boneage_desk.reading.film import Film, Frame
from boneage_desk.reading.ports import AnalysisEngine, Services
from boneage_desk.reading.session import AuditEvent, ReadingSession, SetGrade
from boneage_desk.reading.summary import summarise
from boneage_desk.standards.types import Sex

FIRST_PAINT_ENV = "BONEAGE_DESK_FIRST_PAINT"
TIMES = {"startup": 5, "open": 7, "read": 7, "recompute": 200, "report": 5, "batch": 10}
OF_THE_WINDOW = {"list": 5000, "next": 20, "memory": 500, "view": 300}
"""Measured on the window, by `App.bench_window`; so many studies, for 'view' frames of each kind."""
WAIT_S = 180


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=[*TIMES, *OF_THE_WINDOW, "fuzz"])
    parser.add_argument("--film", metavar="FILE", help="another film than the demo study (not for startup)")
    parser.add_argument("-n", type=int, metavar="N", help="how often (default: by what is measured)")
    parser.add_argument("--studies", type=int, metavar="N",
                        help="list, next, memory: studies (default: 5000, 20, 500); view: frames (default: 300)")  # fmt: skip
    parser.add_argument("--films", type=int, default=1000, metavar="N", help="fuzz: mutated films to read (default: 1000)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="fuzz: what the mutations are drawn from (default: 1)")
    parser.add_argument("--case", type=int, metavar="N", help="fuzz: this film alone, with what the decoders print")
    parser.add_argument("--keep", metavar="DIR", help="fuzz: leave the files of faults, or of --case, below this folder")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(options: argparse.Namespace, app: App) -> int:
    if options.what == "fuzz":
        from boneage_desk.cli.bench_fuzz import FAULTS, fuzz

        keep = Path(options.keep) if options.keep else None
        with tempfile.TemporaryDirectory(prefix="boneage-bench-", dir=options.data_dir) as folder:
            found = fuzz(Path(folder), films=options.films, seed=options.seed, case=options.case, keep=keep)
        _told(options, {"bench": "fuzz", **found})
        return 1 if any(found[kind] for kind in FAULTS) else 0
    if options.what in OF_THE_WINDOW:
        return _of_the_window(options, app)
    times = TIMES[options.what] if options.n is None else options.n
    if times < 1:
        raise InputError("-n must be 1 or more.", code="usage")
    measure = {
        "startup": startup, "open": opening, "read": reading, "recompute": recompute, "report": report, "batch": batch,
    }[options.what]  # fmt: skip
    # a data folder of its own: no user's case is read or written
    with tempfile.TemporaryDirectory(prefix="boneage-bench-", dir=options.data_dir) as folder:
        # what the engine keeps between runs is the station's: the first start of all is not what is measured
        place = _Place(app, Path(folder), options.data_dir / ENGINE_DIR)
        found = measure(place, options.film, times)
    _told(options, {"bench": options.what, "n": times, **found})
    return 0


def _of_the_window(options: argparse.Namespace, app: App) -> int:
    studies = OF_THE_WINDOW[options.what] if options.studies is None else options.studies
    if studies < 4:
        raise InputError("--studies must be 4 or more.", code="usage")
    with tempfile.TemporaryDirectory(prefix="boneage-bench-", dir=options.data_dir) as folder:
        services = app.services(Path(folder), options.data_dir / ENGINE_DIR)
        try:
            found = app.bench_window(options.what, services, Path(options.film) if options.film else None, studies)
        finally:
            services.close()
    _told(options, {"bench": options.what, **found})
    return 0


def _told(options: argparse.Namespace, found: dict[str, Any]) -> None:
    """The figures with those of program and machine."""
    value = {
        **found,
        "version": __version__,
        "python": platform.python_version(),
        "processors": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": platform.platform(),
    }
    if options.json:
        output.emit(value)
    else:
        for name, number in value.items():
            print(f"{name}: {number}")


@dataclass(frozen=True, slots=True)
class _Place:
    """What is measured: the program, and a data folder of its own."""

    app: App
    folder: Path
    engine_dir: Path

    def services(self) -> Services:
        return self.app.services(self.folder, self.engine_dir)


def _milliseconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def _spread(name: str, values: list[float]) -> dict[str, float]:
    """Median under ``name``, with the least and the most beside it."""
    ordered = sorted(values)
    return {
        name: round(statistics.median(ordered), 2),
        f"{name}_min": round(ordered[0], 2),
        f"{name}_max": round(ordered[-1], 2),
    }


def _film(services: Services, path: str | None) -> Film:
    return services.films().open(path or str(services.demo_film()))


def startup(place: _Place, film: str | None, times: int) -> dict[str, Any]:
    """First paint of the window, from the moment its process is asked for."""
    environment = {**os.environ, FIRST_PAINT_ENV: "1"}
    offscreen = sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
    if offscreen:
        environment["QT_QPA_PLATFORM"] = "offscreen"
    start = [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-m", "boneage_desk"]
    spent = _children_cpu()
    values = [_first_paint([*start, "gui", "--data-dir", str(place.folder)], environment) for _ in range(times)]
    cpu = (_children_cpu() - spent) / times * 1000
    return {
        **_spread("first_paint_ms", values),
        # with the end of the process; far below first_paint_ms: the machine was busy with other things
        "cpu_ms": round(cpu, 1) or None,
        "first_run_ms": round(values[0], 2),
        "display": environment.get("QT_QPA_PLATFORM", "own"),
    }


def _children_cpu() -> float:
    """Seconds of processor time of ended child processes (0 on Windows)."""
    times = os.times()
    return times.children_user + times.children_system


def _first_paint(command: list[str], environment: dict[str, str]) -> float:
    began = time.time()
    try:
        child = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    except subprocess.TimeoutExpired:
        raise BoneAgeError("The window did not paint within 60 s.", code="no-first-paint") from None
    for line in child.stdout.splitlines():
        if line.startswith("first_paint "):
            return (float(line.split()[1]) - began) * 1000
    said = (child.stderr.strip().splitlines() or ["nothing"])[-1]
    raise BoneAgeError(f"The window did not paint (exit code {child.returncode}): {said}", code="no-first-paint")


def opening(place: _Place, film: str | None, times: int) -> dict[str, Any]:
    """A 2000 x 2500 16-bit DICOM film from disk to the greys of the screen."""
    services = place.services()
    try:
        paths = {"open": Path(film)} if film else _large_films(place.folder)
        found: dict[str, Any] = {}
        for name, path in paths.items():
            first = _milliseconds(partial(_to_grey, services, path))
            values = [_milliseconds(partial(_to_grey, services, path)) for _ in range(times)]
            found |= {**_spread(f"{name}_ms", values), f"first_{name}_ms": round(first, 2)}
        frame = services.films().open(str(next(iter(paths.values())))).frame
        return {**found, "width": frame.width, "height": frame.height, "bits": frame.max_value.bit_length()}
    finally:
        services.close()


def _to_grey(services: Services, path: Path) -> None:
    from boneage_desk.imaging.voi import apply_voi

    frame = services.films().open(str(path)).frame
    apply_voi(frame.pixels, frame.vois[0], max_value=frame.max_value)


def _large_films(folder: Path) -> dict[str, Path]:
    """The drawn hand, 16 bits, uncompressed as most stations send, and JPEG-LS as archives keep."""
    from dataclasses import replace

    from boneage_desk.imaging.phantom import draw_hand
    from boneage_desk.imaging.phantom.demo import DEMO_SPEC
    from boneage_desk.imaging.phantom.dicom import write_dicom

    drawn = draw_hand(replace(DEMO_SPEC, bits=16, size=(2500, 2000)))
    paths = {"open": folder / "plain.dcm", "open_jpeg_ls": folder / "jpeg-ls.dcm"}
    write_dicom(drawn, paths["open"], transfer_syntax="1.2.840.10008.1.2.1")
    write_dicom(drawn, paths["open_jpeg_ls"])
    return paths


def reading(place: _Place, film: str | None, times: int) -> dict[str, Any]:
    """Engine up, then detection and 13 grades, for each way that the models can run; then each second opinion that is
    installed, on the film as a reading leaves it.

    The ways take turns film by film, so that what else the machine does meets all of them alike.
    """
    services = place.services()
    running: dict[str, AnalysisEngine] = {}
    found: dict[str, dict[str, Any]] = {}
    try:
        frame = _film(services, film).frame
        for name, make in place.app.engines(place.engine_dir, services.settings.device).items():
            engine = running[name] = make()
            first_up, _ = _bring_up(engine)
            engine.stop()
            up, state = _bring_up(engine)
            if not state.startswith("ready"):
                found[name] = {"error": state}
                engine.stop()
                del running[name]
                continue
            first = _milliseconds(partial(engine.analyse, frame))
            found[name] = {
                "first_engine_up_ms": round(first_up, 1),
                "engine_up_ms": round(up, 1),
                "first_read_ms": round(first, 1),
                "device": state.partition(": ")[2],
            }
        values: dict[str, list[float]] = {name: [] for name in running}
        for _ in range(times):
            for name, engine in running.items():
                values[name].append(_milliseconds(partial(engine.analyse, frame)))
        for name, engine in running.items():
            steps = engine.analyse(frame).timing_ms
            found[name] |= _spread("read_ms", values[name])
            found[name]["steps_ms"] = {step: round(ms, 1) for step, ms in steps.items()}
        for name, engine in running.items():
            found[name]["second_opinions"] = _second_opinions(engine, frame, times)
    finally:
        for engine in running.values():
            engine.stop()
        services.close()
    return {**_best(found), "backends": found}


def _second_opinions(engine: AnalysisEngine, frame: Frame, times: int) -> dict[str, dict[str, Any]]:
    """By engine: the first time, with loading its model, and warm; and all of them in one request."""
    installed = engine.whole_hand_engines()
    found: dict[str, dict[str, Any]] = {}
    for names in (*((name,) for name in installed), *([installed] if len(installed) > 1 else [])):
        ask = partial(engine.whole_hand, frame, Sex.FEMALE, engines=names)
        first = _milliseconds(ask)
        result = ask()
        value: dict[str, Any] = {"first_ms": round(first, 1), **_spread("ms", [_milliseconds(ask) for _ in range(times)])}
        if len(result.opinions) < len(names):
            value["no_number"] = "; ".join(flag.message for flag in result.flags)
        found[names[0] if len(names) == 1 else "all"] = value
    return found


def _bring_up(engine: AnalysisEngine) -> tuple[float, str]:
    """Milliseconds until the engine is ready, and its state."""
    began = time.perf_counter()
    state = wait_ready(engine, WAIT_S)
    return (time.perf_counter() - began) * 1000, state


def _best(by_backend: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The numbers of the fastest way, which the window takes once the models are converted, and how much
    faster it is than plain torch."""
    fast = by_backend.get("fast", {})
    if "read_ms" not in fast:
        raise EngineError(f"The models did not start: {fast.get('error', 'no engine')}", "See: boneage-desk doctor")
    found = {key: fast[key] for key in ("first_engine_up_ms", "engine_up_ms", "first_read_ms", "read_ms", "device")}
    found["second_opinion_ms"] = {name: value["ms"] for name, value in fast.get("second_opinions", {}).items()}
    plain = by_backend.get("torch", {}).get("read_ms")
    if plain and fast["read_ms"]:
        found["torch_over_fast"] = round(plain / fast["read_ms"], 2)
    return found


def recompute(place: _Place, film: str | None, times: int) -> dict[str, Any]:
    """A grade changed: command, new bone age, saved to disk with its audit event. No models."""
    services = place.services()
    try:
        session, steps = _opened(services, film)
        store = services.store()
        store.add(*steps[0])
        for value, event in steps[1:]:
            store.save(value, event)
        think, save = [], []
        for i in range(times):
            began = time.perf_counter()
            event = session.do(SetGrade("radius", 5 + i % 2), at=datetime.now(UTC), who="bench")
            summarise(session.reading)
            thought = time.perf_counter()
            store.save(session.reading, event)
            think.append((thought - began) * 1000)
            save.append((time.perf_counter() - thought) * 1000)
        total = [a + b for a, b in zip(think, save, strict=True)]
        return {**_spread("recompute_ms", total), **_spread("bone_age_ms", think), **_spread("save_ms", save)}
    finally:
        services.close()


def _opened(services: Services, film: str | None) -> tuple[ReadingSession, list[tuple[Any, AuditEvent]]]:
    """A reading of the film with every bone graded by hand: the models are not needed."""
    from boneage_desk.reading.session import SetPatient, new_reading
    from boneage_desk.standards import rus_chn

    at = datetime.now(UTC)
    first = new_reading(_film(services, film), services.new_id(), at)
    session = ReadingSession(first)
    steps = [(first, AuditEvent(first.reading_id, at, "bench", "open"))]
    commands = [SetPatient(sex=Sex.FEMALE), *(SetGrade(bone, 6) for bone in rus_chn.BONES)]
    for command in commands:
        event = session.do(command, at=at, who="bench")
        steps.append((session.reading, event))
    return session, steps


def report(place: _Place, film: str | None, times: int) -> dict[str, Any]:
    """The PDF of a reading with its film."""
    services = place.services()
    try:
        opened = _film(services, film)
        session, _ = _opened(services, film)
        writer, out = services.reports(), place.folder / "report.pdf"
        paper = services.settings.paper
        first = _milliseconds(lambda: writer.write(session.reading, opened.frame, out, paper=paper))
        values = [
            _milliseconds(lambda: writer.write(session.reading, opened.frame, out, paper=paper)) for _ in range(times)
        ]
        return {**_spread("report_ms", values), "first_report_ms": round(first, 2), "bytes": out.stat().st_size}
    finally:
        services.close()


def batch(place: _Place, film: str | None, times: int) -> dict[str, Any]:
    """Films a minute, as the command ``batch`` reads them, models warm."""
    from boneage_desk.cli.batch import Run
    from boneage_desk.cli.lines import Results
    from boneage_desk.cli.table import Table

    services = place.services()
    try:
        path = Path(film or services.demo_film())
        films = place.folder / "films"
        films.mkdir()
        for i in range(times):
            shutil.copyfile(path, films / f"{i:04d}{path.suffix}")
        wait_ready(services.engine(), WAIT_S)
        analyse(services, services.films().open(str(path)), Facts())
        results = Results(place.folder / "results.jsonl")
        try:
            job = Run(services, Table({}), results, quiet=True)
            seconds = _milliseconds(partial(job.go, [str(films)])) / 1000
        finally:
            results.close()
        if job.read != times:
            raise BoneAgeError(f"{times - job.read} of {times} films could not be read.", code="bench")
        return {"films_per_minute": round(60 * times / seconds, 1), "ms_per_film": round(1000 * seconds / times, 1)}
    finally:
        services.close()
