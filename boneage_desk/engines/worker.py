"""The inference process: what runs in the child that service.py starts.

Nothing heavy is imported at module level: the window's process imports this module to name its functions.
The child's standard streams go to a log file, so that a library that prints never disturbs the terminal or
the JSON on stdout. The child ends by itself when its parent ends.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from boneage_desk.common.errors import Cancelled, EngineError
from boneage_desk.engines import transport as wire
from boneage_desk.engines.knee import KneeDesk

if TYPE_CHECKING:
    from boneage_desk.engines.pipeline import Pipeline

LOG_NAME = "engine.log"
_LOG_LIMIT = 1_000_000
BATCH = 5
"""So many answers without an idle moment are a batch: the deferred work is done between two films."""


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """What the child needs to know; all plain values.

    ``device``: 'auto', 'cpu' or 'cuda'. ``backend``: 'auto' (a fast one as soon as it is converted), 'fast'
    (converted before the first request), 'openvino', 'onnxruntime' or 'torch'. ``threads``: None for all
    cores that the process may use.
    """

    models_dir: Path
    scratch: Path
    device: str = "auto"
    backend: str = "auto"
    threads: int | None = None


def run(conn: Connection, config: WorkerConfig) -> None:
    """Target of the child process: load the models, say so, serve requests until told to end."""
    began = time.perf_counter()
    prepare_process(config.scratch)
    try:
        pipeline = _load(config, began)
    except BaseException as error:
        traceback.print_exc()
        with suppress(OSError):
            conn.send(wire.StartFailed(wire.to_wire(error, traceback.format_exc())))
        return
    conn.send(wire.Ready(pipeline.device, pipeline.backend, pipeline.refs, pipeline.timing_ms))
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        _serve(conn, pipeline, KneeDesk(config.models_dir, pipeline.device, pipeline.finds_hand))


def prepare_process(scratch: Path) -> None:
    """Streams to the log, no network and no settings outside ``scratch``, end with the parent."""
    scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
    _capture_streams(scratch / LOG_NAME)
    os.environ.update(
        YOLO_CONFIG_DIR=str(scratch / "ultralytics"),
        YOLO_OFFLINE="true",
        YOLO_VERBOSE="false",
        YOLO_AUTOINSTALL="false",
        MPLCONFIGDIR=str(scratch / "matplotlib"),
        HF_HUB_OFFLINE="1",
    )
    # PyTorch's OpenMP threads otherwise spin while they wait: on two cores that something else uses as well
    # the grader then takes 7 s instead of 0.7 s
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    (scratch / "ultralytics").mkdir(exist_ok=True)
    # OpenVINO's converter reports its use to its maker unless this package is missing
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    with suppress(ValueError):  # Ctrl+C is for the parent, which then ends the child
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, name="parent watch", daemon=True).start()


def _capture_streams(log: Path) -> None:
    """File descriptors 1 and 2 to ``log``, so that native libraries' output lands there too."""
    with suppress(OSError):
        if log.stat().st_size > _LOG_LIMIT:
            log.replace(log.with_suffix(".old.log"))
    stream = open(log, "a", encoding="utf-8", errors="replace", buffering=1)
    for number in (1, 2):
        with suppress(OSError):  # a windowed program on Windows has no such descriptor
            os.dup2(stream.fileno(), number)
    sys.stdout = sys.stderr = stream
    stamp = time.strftime("%Y-%m-%d %H:%M:%S")
    stream.write(f"--- {stamp} engine process {os.getpid()}\n")


def _end_with_parent() -> None:
    """Ends this process at once when the parent is gone, even in the middle of a computation."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(3)


def _load(config: WorkerConfig, began: float) -> Pipeline:
    from boneage_desk.engines.pipeline import Pipeline

    return Pipeline.load(
        config.models_dir,
        device=config.device,
        backend=config.backend,
        threads=config.threads,
        scratch=config.scratch,
        began=began,
    )


def _serve(conn: Connection, pipeline: Pipeline, knees: KneeDesk) -> None:
    answered = 0
    while True:
        # the first reading has precedence; then idle moments, or a long batch, pay for the faster path
        while answered and (idle := pipeline.idle_s()) is not None and (answered % BATCH == 0 or not conn.poll(idle)):
            pipeline.work_ahead()
        request = conn.recv()
        if isinstance(request, wire.Cancel):  # it came after the answer
            continue
        conn.send(wire.Accepted(request.id))
        try:
            value = _answer(conn, pipeline, knees, request)
        except Exception as error:
            trace = traceback.format_exc()
            sys.stderr.write(trace)
            conn.send(wire.Failed(request.id, wire.to_wire(error, trace)))
            continue
        conn.send(wire.Done(request.id, value))
        answered += 1


def _answer(conn: Connection, pipeline: Pipeline, knees: KneeDesk, request: wire.Request) -> wire.Value:
    if request.protocol != wire.PROTOCOL:
        raise EngineError(
            "The program was updated while it ran.", "Close it and start it again.", code="engine-protocol"
        )
    job = request.job
    if isinstance(job, wire.GradeCrops):
        return pipeline.grade_crops(job.crops, job.bone)
    if not pipeline.holds(job.film.key):
        if job.film.held:
            raise EngineError("The film is no longer in the engine.", "Read it again.", code="film-not-held")
        pixels = wire.take_film(job.film, conn)
        pipeline.hold(job.film.key, pixels, job.film.padding)
        knees.hold(pixels, job.film.padding)
    elif job.film.inline:
        wire.take_film(job.film, conn)  # the bytes are in the pipe all the same

    def check() -> None:
        while conn.poll():
            if conn.recv() == wire.Cancel(request.id):
                raise Cancelled

    def report(share: float, step: str) -> None:
        """Tells a step; before each the caller may have cancelled: a film in the background makes way for the reader's."""
        check()
        conn.send(wire.Progressed(request.id, share, step))

    if isinstance(job, wire.Knee):
        return knees.saliency(job.question) if job.saliency else knees.read(job.question)
    if isinstance(job, wire.Analyse):
        return pipeline.analyse(report)
    if isinstance(job, wire.Regrade):
        return pipeline.regrade(job.bone, job.box, job.angle_deg)
    if isinstance(job, wire.WholeHand):
        return pipeline.whole_hand(job.sex, job.engines, report, check)
    if isinstance(job, wire.WholeHandSaliency):
        return pipeline.whole_hand_saliency(job.engine, job.sex, job.sha256)
    return pipeline.saliency(job.bone, job.box, job.angle_deg, job.method)
