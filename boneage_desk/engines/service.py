"""The window's side of the inference process: start it, ask it, cancel, restart, stop.

No model library is ever imported here. One child answers one request at a time; callers wait their turn.

How a request ends:

- *cancelled*: the caller gets Cancelled at once. The child has ``cancel_grace_s`` to finish (a reading takes
  less than a second, a new child several) and is ended and replaced when it does not.
- *crashed*: EngineError 'engine-crashed'; a fresh child is started for the next request. A child that
  crashes while starting is tried again once, then only by :meth:`InferenceService.start`.
- *silent*: EngineError 'engine-hung' after ``request_timeout_s`` without a word from the child.
"""

from __future__ import annotations

import itertools
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from boneage_desk.common.errors import BoneAgeError, EngineError
from boneage_desk.common.jobs import CancelToken, Progress, no_progress
from boneage_desk.engines import transport as wire
from boneage_desk.engines import worker
from boneage_desk.engines.child import Child
from boneage_desk.reading.analysis import AnalysisResult, ModelRef
from boneage_desk.reading.film import Frame
from boneage_desk.reading.findings import Box, GradeOpinion

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_TICK_S = 0.05  # how often a waiting call looks at its cancel token
_START_ATTEMPTS = 2
_LOG_HINT = "Its messages are in {log}."
_START_CODES = ("engine-crashed", "engine-start-timeout")
"""Failed starts that are worth a second try; missing weights are not."""


@dataclass(frozen=True, slots=True)
class _Held:
    """The film that a child still has: valid for the same array, padding and child only."""

    pixels: weakref.ref[object]
    padding: int | None
    child: Child
    key: int


class InferenceService:
    """Fulfils reading.ports.AnalysisEngine with models in a child process.

    ``models_dir``: folder of model folders. ``device``, ``backend``, ``threads``: see WorkerConfig.
    ``scratch``: folder for the log and converted models. Use from any thread.
    """

    def __init__(
        self,
        models_dir: Path,
        *,
        scratch: Path,
        device: str = "auto",
        backend: str = "auto",
        threads: int | None = None,
        start_timeout_s: float = 120.0,
        request_timeout_s: float = 180.0,
        cancel_grace_s: float = 1.5,
    ) -> None:
        self._config = worker.WorkerConfig(models_dir, scratch, device, backend, threads)
        self._start_timeout_s = start_timeout_s
        self._request_timeout_s = request_timeout_s
        self._cancel_grace_s = cancel_grace_s
        self._changed = threading.Condition()  # guards the fields below
        self._phase = "stopped"  # stopped, starting, ready, busy, failed
        self._error: Exception | None = None
        self._failures = 0  # starts in a row that ended in a crash
        self._epoch = 0  # counts starts and stops: a late thread of an old start sees that it is old
        self._stops = 0  # calls that waited through a stop do not start the process again
        self._child: Child | None = None
        self._ready: wire.Ready | None = None
        self._held: _Held | None = None
        self._turn = threading.Lock()
        self._ids = itertools.count(1)

    # ------------------------------------------------------------------------------- life
    def start(self) -> None:
        """Bring the process up in the background; after a failure, try again."""
        with self._changed:
            if self._phase in ("stopped", "failed"):
                self._failures = 0
                self._begin()

    def state(self) -> str:
        """See AnalysisEngine."""
        with self._changed:
            self._notice_death()
            if self._phase == "ready" and self._ready:
                return f"ready: {self._ready.device}"
            if self._phase == "failed":
                return f"failed: {self._error.message if isinstance(self._error, BoneAgeError) else self._error}"
            return self._phase

    def models(self) -> tuple[ModelRef, ...]:
        """Models that are loaded, else those that the cards name; empty when a card cannot be read."""
        with self._changed:
            if self._ready is not None:
                return self._ready.models
        from boneage_desk.engines.catalogue import model_refs

        try:
            return model_refs(self._config.models_dir)
        except BoneAgeError:
            return ()

    def startup_ms(self) -> dict[str, float]:
        """How long each step of the last start took; empty before."""
        with self._changed:
            return dict(self._ready.timing_ms) if self._ready else {}

    def stop(self) -> None:
        """End the process; a request under way raises EngineError 'engine-stopped'."""
        with self._changed:
            self._epoch += 1
            self._stops += 1
            child, self._child = self._child, None
            self._ready = self._held = None
            self._phase = "stopped"
            self._changed.notify_all()
        if child is not None:
            child.end()

    def _notice_death(self) -> None:
        """A child that died while idle is replaced, unless that happened just before. Condition held."""
        child = self._child
        if self._phase != "ready" or child is None or child.process.is_alive():
            return
        self._failures += 1
        if self._failures < _START_ATTEMPTS:
            self._begin()
        else:
            self._phase, self._error, self._child = "failed", self._crash(child, "while it was idle"), None
        child.conn.close()

    def _begin(self) -> None:
        """Start a child in a thread. Call with the condition held."""
        self._epoch += 1
        self._phase, self._error, self._child, self._held = "starting", None, None, None
        threading.Thread(target=self._bring_up, args=(self._epoch,), name="engine start", daemon=True).start()

    def _bring_up(self, epoch: int) -> None:
        try:
            child = Child(self._config)
        except OSError as error:
            self._settle_start(
                epoch, None, EngineError(f"The model process cannot be started: {error}.", code="engine-start")
            )
            return
        with self._changed:
            if epoch == self._epoch:
                self._child = child
        deadline = time.monotonic() + self._start_timeout_s
        outcome: wire.Ready | Exception | None = None
        while outcome is None:
            with self._changed:
                if epoch != self._epoch:
                    break
            try:
                message = child.receive(_TICK_S)
            except EOFError:
                outcome = self._crash(child, "while it was starting")
                break
            if isinstance(message, wire.Ready):
                outcome = message
            elif isinstance(message, wire.StartFailed):
                outcome = wire.from_wire(message.error)
            elif time.monotonic() > deadline:
                outcome = EngineError(
                    f"The model process was not ready after {self._start_timeout_s:.0f} s.",
                    "Close other programs and try again. " + self._log_hint(),
                    code="engine-start-timeout",
                )
        self._settle_start(epoch, child, outcome)

    def _settle_start(self, epoch: int, child: Child | None, outcome: wire.Ready | Exception | None) -> None:
        with self._changed:
            current = epoch == self._epoch
            if current and isinstance(outcome, wire.Ready):
                self._ready, self._phase = outcome, "ready"
                child = None  # stays
            elif current:
                self._phase, self._error, self._child = "failed", cast(Exception, outcome), None
                self._failures += 1
            self._changed.notify_all()
        if child is not None:
            child.end()

    def _wait_ready(self, progress: Progress, cancel: CancelToken, stops: int) -> Child:
        """A child that takes requests; starts one where that makes sense. ``stops``: see :meth:`_ask`."""
        told = False
        while True:
            cancel.check()
            with self._changed:
                if self._stops != stops:
                    raise self._stopped()
                self._notice_death()
                if self._phase == "ready" and self._child is not None:
                    self._phase = "busy"
                    return self._child
                if self._phase == "stopped":
                    self._failures = 0
                    self._begin()
                elif self._phase == "failed":
                    code = getattr(self._error, "code", "")
                    if code not in _START_CODES or self._failures >= _START_ATTEMPTS:
                        raise self._error or self._stopped()
                    self._begin()
                if told:
                    self._changed.wait(_TICK_S)
            if not told:
                told = True
                progress(0.0, "starting the models")

    def _crash(self, child: Child, when: str) -> EngineError:
        return EngineError(
            f"The model process ended {when} ({child.fate()}).",
            "Nothing of the reading is lost. Read the film again; if it happens again, close other programs. "
            + self._log_hint(),
            code="engine-crashed",
        )

    def _hung(self) -> EngineError:
        return EngineError(
            f"The model process has not answered for {self._request_timeout_s:.0f} s.",
            "It was started again; read the film again. " + self._log_hint(),
            code="engine-hung",
        )

    @staticmethod
    def _stopped() -> EngineError:
        return EngineError("The model process was stopped.", "Start it again.", code="engine-stopped")

    def _log_hint(self) -> str:
        return _LOG_HINT.format(log=self._config.scratch / worker.LOG_NAME)

    # --------------------------------------------------------------------------- requests
    def analyse(
        self, frame: Frame, *, progress: Progress = no_progress, cancel: CancelToken | None = None
    ) -> AnalysisResult:
        """See AnalysisEngine."""
        return cast(AnalysisResult, self._ask(wire.Analyse, frame, progress, cancel))

    def regrade(
        self, frame: Frame, bone: str, box: Box, angle_deg: float, *, cancel: CancelToken | None = None
    ) -> GradeOpinion:
        """See AnalysisEngine."""
        return cast(
            GradeOpinion, self._ask(lambda ref: wire.Regrade(ref, bone, box, angle_deg), frame, no_progress, cancel)
        )

    def saliency(
        self, frame: Frame, bone: str, box: Box, angle_deg: float, *, cancel: CancelToken | None = None
    ) -> npt.NDArray[np.float32]:
        """See AnalysisEngine."""
        return cast(
            "npt.NDArray[np.float32]",
            self._ask(lambda ref: wire.Saliency(ref, bone, box, angle_deg), frame, no_progress, cancel),
        )

    def grade_crops(self, crops: Sequence[npt.NDArray[np.uint8 | np.uint16]], bone: str) -> list[GradeOpinion]:
        """See AnalysisEngine."""
        job = wire.GradeCrops(tuple(crops), bone)
        return cast("list[GradeOpinion]", self._ask(job, None, no_progress, None))

    def _ask(
        self,
        make: Callable[[wire.FilmRef], wire.Job] | wire.Job,
        frame: Frame | None,
        progress: Progress,
        cancel: CancelToken | None,
    ) -> wire.Value:
        """One request from turn to result."""
        cancel = cancel or CancelToken()
        with self._changed:
            stops = self._stops
        while not self._turn.acquire(timeout=_TICK_S):
            cancel.check()
        ask = _Ask(self, progress, cancel, stops)
        try:
            return ask.run(make, frame)
        finally:
            if not ask.handed_over:
                ask.close()

    def _lend(self, child: Child, frame: Frame) -> wire.FilmLoan | wire.FilmRef:
        """The film as shared memory, or a mere mention when this child still holds the same array."""
        held = self._held
        pixels = frame.pixels
        if (
            held is not None
            and held.child is child
            and held.pixels() is pixels
            and held.padding == frame.padding
            and not pixels.flags.writeable
        ):
            return wire.FilmRef(held.key, *pixels.shape, str(pixels.dtype), frame.padding)
        self._held = None
        return wire.FilmLoan(next(self._ids), pixels, frame.padding)

    def _replace(self, child: Child) -> None:
        """End ``child`` and start another in the background, unless someone did so already."""
        with self._changed:
            if self._child is child:
                self._begin()
        child.end()


class _Ask:
    """One request under way: owns the turn and the lent film until closed."""

    def __init__(self, service: InferenceService, progress: Progress, cancel: CancelToken, stops: int) -> None:
        self._service = service
        self._stops = stops
        self._progress = progress
        self._cancel = cancel
        self._id = next(service._ids)
        self._accepted = False
        self._loan: wire.FilmLoan | None = None
        self._child: Child | None = None
        self.handed_over = False

    def run(self, make: Callable[[wire.FilmRef], wire.Job] | wire.Job, frame: Frame | None) -> wire.Value:
        """Send and wait; raises what the child or the cancel token raises."""
        while True:
            try:
                return self._try(make, frame)
            except EOFError:
                child = self._child
                assert child is not None
                error = self._gone(child)
                if self._accepted or error.code != "engine-crashed":
                    raise error from None
            self._accepted = True  # it died while idle: asked again, once
            self._return_film()

    def _try(self, make: Callable[[wire.FilmRef], wire.Job] | wire.Job, frame: Frame | None) -> wire.Value:
        """:meth:`run` with one child; EOFError when that is gone."""
        service = self._service
        self._cancel.check()
        child = self._child = service._wait_ready(self._progress, self._cancel, self._stops)
        ref: wire.FilmRef | None = None
        if frame is not None:
            lent = service._lend(child, frame)
            if isinstance(lent, wire.FilmLoan):
                self._loan, ref = lent, lent.ref
            else:
                ref = lent
        job = make(ref) if callable(make) and ref is not None else cast(wire.Job, make)
        try:
            child.send(wire.Request(self._id, job), self._loan.inline if self._loan else None)
            reply = self._await(child)
        except EOFError:
            raise
        except BaseException:
            # cancelled, or the progress callback raised: the caller goes on, a thread waits for the child
            self.handed_over = True
            threading.Thread(target=self._wait_out, args=(child,), name="engine settle", daemon=True).start()
            raise
        if reply is None:
            service._replace(child)
            raise service._hung()
        service._failures = 0
        if isinstance(reply, wire.Failed):
            raise wire.from_wire(reply.error)
        if frame is not None and ref is not None:
            service._held = _Held(weakref.ref(frame.pixels), frame.padding, child, ref.key)
        return reply.value

    def _await(self, child: Child) -> wire.Done | wire.Failed | None:
        """The child's answer, or None when it was silent for too long."""
        deadline = time.monotonic() + self._service._request_timeout_s
        while True:
            message = child.receive(_TICK_S)
            if isinstance(message, wire.Done | wire.Failed) and message.id == self._id:
                return message
            if isinstance(message, wire.Accepted) and message.id == self._id:
                self._accepted = True
            elif isinstance(message, wire.Progressed) and message.id == self._id:
                deadline = time.monotonic() + self._service._request_timeout_s
                self._progress(message.share, message.step)
            self._cancel.check()
            if time.monotonic() > deadline:
                return None

    def _gone(self, child: Child) -> EngineError:
        service = self._service
        with service._changed:
            stopped = service._child is not child
        error = service._stopped() if stopped else service._crash(child, "in the middle of its work")
        service._replace(child)
        return error

    def _wait_out(self, child: Child) -> None:
        """After a cancel: let the child finish within the grace, else end it; then pass the turn on."""
        deadline = time.monotonic() + self._service._cancel_grace_s
        try:
            while time.monotonic() < deadline:
                message = child.receive(_TICK_S)
                if isinstance(message, wire.Done | wire.Failed) and message.id == self._id:
                    return
            self._service._replace(child)
        except EOFError:
            self._service._replace(child)
        finally:
            self.close()

    def close(self) -> None:
        """Give back the film's memory and the turn."""
        self._return_film()
        service = self._service
        with service._changed:
            if self._child is not None and service._child is self._child and service._phase == "busy":
                service._phase = "ready"
                service._changed.notify_all()
        service._turn.release()

    def _return_film(self) -> None:
        loan, self._loan = self._loan, None
        if loan is not None:
            loan.end()
