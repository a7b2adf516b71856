"""The window's side of the inference process: ask, wait, cancel. keeper.py holds the process itself.

No model library is ever imported here. One child answers one request at a time; callers wait their turn.

How a request ends:

- *cancelled*: the caller gets Cancelled at once. The child has ``cancel_grace_s`` to finish and is ended and
  replaced when it does not; MODEL_GRACE_S longer for a reading and a second opinion, which look for the cancel
  between their steps, so that a film in the background makes way for the reader's without a new child.
- *crashed*: EngineError 'engine-crashed'; a fresh child is started for the next request. A request that
  reached a child which had died while idle is asked again, once.
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
from boneage_desk.engines.keeper import TICK_S, Keeper
from boneage_desk.reading.analysis import AnalysisResult, BoneResult, ModelRef, WholeHandResult
from boneage_desk.reading.film import Frame
from boneage_desk.reading.findings import Box, GradeOpinion
from boneage_desk.reading.knee import KneeQuestion, KneeResult
from boneage_desk.standards.types import Sex

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MakeJob = Callable[[wire.FilmRef], wire.Job]
MODEL_GRACE_S = 5.0


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
        config = worker.WorkerConfig(models_dir, scratch, device, backend, threads)
        self.keeper = Keeper(config, start_timeout_s)
        self.request_timeout_s = request_timeout_s
        self.cancel_grace_s = cancel_grace_s
        self._held: _Held | None = None
        self._turn = threading.Lock()
        self._ids = itertools.count(1)

    # ------------------------------------------------------------------------------- life
    def start(self) -> None:
        """Bring the process up in the background; after a failure, try again."""
        self.keeper.start()

    def state(self) -> str:
        """See AnalysisEngine."""
        return self.keeper.state()

    def models(self) -> tuple[ModelRef, ...]:
        """Models that are loaded, else those that the cards name; empty when a card cannot be read."""
        ready = self.keeper.ready()
        if ready is not None:
            return ready.models
        from boneage_desk.engines.catalogue import model_refs

        try:
            return model_refs(self.keeper.config.models_dir)
        except BoneAgeError:
            return ()

    def startup_ms(self) -> dict[str, float]:
        """How long each step of the last start took; empty before."""
        ready = self.keeper.ready()
        return dict(ready.timing_ms) if ready else {}

    def stop(self) -> None:
        """End the process; a request under way raises EngineError 'engine-stopped'."""
        self.keeper.stop()

    # --------------------------------------------------------------------------- requests
    def analyse(
        self, frame: Frame, *, progress: Progress = no_progress, cancel: CancelToken | None = None
    ) -> AnalysisResult:
        """See AnalysisEngine."""
        return cast(AnalysisResult, self._ask(wire.Analyse, frame, progress, cancel, MODEL_GRACE_S))

    def regrade(
        self, frame: Frame, bone: str, box: Box, angle_deg: float, *, cancel: CancelToken | None = None
    ) -> BoneResult:
        """See AnalysisEngine."""

        def job(film: wire.FilmRef) -> wire.Job:
            return wire.Regrade(film, bone, box, angle_deg)

        return cast(BoneResult, self._ask(job, frame, no_progress, cancel))

    def saliency(
        self,
        frame: Frame,
        bone: str,
        box: Box,
        angle_deg: float,
        *,
        method: str = "grad-cam",
        cancel: CancelToken | None = None,
    ) -> npt.NDArray[np.float32]:
        """See AnalysisEngine."""

        def job(film: wire.FilmRef) -> wire.Job:
            return wire.Saliency(film, bone, box, angle_deg, method)

        return cast("npt.NDArray[np.float32]", self._ask(job, frame, no_progress, cancel))

    def whole_hand(
        self,
        frame: Frame,
        sex: Sex | None,
        *,
        engines: Sequence[str] = ("whole-hand",),
        progress: Progress = no_progress,
        cancel: CancelToken | None = None,
    ) -> WholeHandResult:
        """See AnalysisEngine."""

        def job(film: wire.FilmRef) -> wire.Job:
            return wire.WholeHand(film, sex, tuple(engines))

        return cast(WholeHandResult, self._ask(job, frame, progress, cancel, MODEL_GRACE_S))

    def whole_hand_saliency(
        self, frame: Frame, engine: str, sex: Sex | None, *, sha256: str, cancel: CancelToken | None = None
    ) -> npt.NDArray[np.float32]:
        """See AnalysisEngine."""

        def job(film: wire.FilmRef) -> wire.Job:
            return wire.WholeHandSaliency(film, engine, sex, sha256)

        return cast("npt.NDArray[np.float32]", self._ask(job, frame, no_progress, cancel, MODEL_GRACE_S))

    def knee(
        self, frame: Frame, question: KneeQuestion, *, progress: Progress = no_progress, cancel: CancelToken | None = None
    ) -> KneeResult:
        """See AnalysisEngine."""
        from boneage_desk.engines.knee import unavailable

        def job(film: wire.FilmRef) -> wire.Job:
            return wire.Knee(film, question)

        missing = unavailable(self.keeper.config.models_dir)
        return missing or cast(KneeResult, self._ask(job, frame, progress, cancel, MODEL_GRACE_S))

    def knee_saliency(
        self, frame: Frame, question: KneeQuestion, *, cancel: CancelToken | None = None
    ) -> npt.NDArray[np.float32]:
        """See AnalysisEngine."""

        def job(film: wire.FilmRef) -> wire.Job:
            return wire.Knee(film, question, saliency=True)

        return cast("npt.NDArray[np.float32]", self._ask(job, frame, no_progress, cancel, MODEL_GRACE_S))

    def whole_hand_engines(self) -> tuple[str, ...]:
        """See AnalysisEngine; empty when the folder of the models cannot be read."""
        from boneage_desk.engines.catalogue import whole_hand_cards

        try:
            return tuple(whole_hand_cards(self.keeper.config.models_dir)[0])
        except BoneAgeError:
            return ()

    def grade_crops(self, crops: Sequence[npt.NDArray[np.uint8 | np.uint16]], bone: str) -> list[GradeOpinion]:
        """See AnalysisEngine."""
        job = wire.GradeCrops(tuple(crops), bone)
        return cast("list[GradeOpinion]", self._ask(job, None, no_progress, None))

    def _ask(
        self,
        job: MakeJob | wire.GradeCrops,
        frame: Frame | None,
        progress: Progress,
        cancel: CancelToken | None,
        more_grace_s: float = 0.0,
    ) -> wire.Value:
        """One request from turn to result."""
        cancel = cancel or CancelToken()
        stops = self.keeper.stops()
        while not self._turn.acquire(timeout=TICK_S):
            cancel.check()
        ask = _Ask(self, progress, cancel, stops, self.cancel_grace_s + more_grace_s)
        try:
            return ask.run(job, frame)
        finally:
            if not ask.handed_over:
                ask.close()

    # The rest is for the request that has the turn.
    def next_id(self) -> int:
        """A number not used before."""
        return next(self._ids)

    def lend(self, child: Child, frame: Frame) -> wire.FilmLoan | wire.FilmRef:
        """The film as shared memory, or a mere mention when this child still holds the same array."""
        held, pixels = self._held, frame.pixels
        if (
            held is not None
            and held.child is child
            and held.pixels() is pixels
            and held.padding == frame.padding
            and not pixels.flags.writeable
        ):
            return wire.FilmRef(held.key, *pixels.shape, str(pixels.dtype), frame.padding)
        self._held = None
        return wire.FilmLoan(self.next_id(), pixels, frame.padding)

    def now_held(self, child: Child, frame: Frame, ref: wire.FilmRef) -> None:
        """``child`` has answered on ``frame``, so it has the film."""
        self._held = _Held(weakref.ref(frame.pixels), frame.padding, child, ref.key)

    def end_turn(self) -> None:
        """The next caller may ask."""
        self._turn.release()


class _Ask:
    """One request under way: owns the turn and the lent film until closed."""

    def __init__(
        self, service: InferenceService, progress: Progress, cancel: CancelToken, stops: int, grace_s: float
    ) -> None:
        self._grace_s = grace_s
        self._service = service
        self._keeper = service.keeper
        self._stops = stops
        self._progress = progress
        self._cancel = cancel
        self._id = service.next_id()
        self._accepted = False
        self._loan: wire.FilmLoan | None = None
        self._child: Child | None = None
        self.handed_over = False

    def run(self, job: MakeJob | wire.GradeCrops, frame: Frame | None) -> wire.Value:
        """Send and wait; raises what the child or the cancel token raises."""
        while True:
            try:
                return self._try(job, frame)
            except EOFError:
                error = self._gone()
                if self._accepted or error.code != "engine-crashed":
                    raise error from None
            self._accepted = True  # it died while idle: asked again, once
            self._return_film()

    def _try(self, job: MakeJob | wire.GradeCrops, frame: Frame | None) -> wire.Value:
        """:meth:`run` with one child; EOFError when that is gone."""
        self._cancel.check()
        child = self._child = self._keeper.take(self._progress, self._cancel, self._stops)
        ref: wire.FilmRef | None = None
        if frame is not None:
            lent = self._service.lend(child, frame)
            if isinstance(lent, wire.FilmLoan):
                self._loan, ref = lent, lent.ref
            else:
                ref = lent
        if not isinstance(job, wire.GradeCrops):
            assert ref is not None
            job = cast(wire.GradeCrops, job(ref))
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
            self._keeper.replace(child)
            raise EngineError(
                f"The model process has not answered for {self._service.request_timeout_s:.0f} s.",
                "It was started again; read the film again. " + self._keeper.log_hint(),
                code="engine-hung",
            )
        self._keeper.worked()
        if isinstance(reply, wire.Failed):
            raise wire.from_wire(reply.error)
        if frame is not None and ref is not None:
            self._service.now_held(child, frame, ref)
        return reply.value

    def _await(self, child: Child) -> wire.Done | wire.Failed | None:
        """The child's answer, or None when it was silent for too long."""
        deadline = time.monotonic() + self._service.request_timeout_s
        while True:
            message = child.receive(TICK_S)
            if isinstance(message, wire.Done | wire.Failed) and message.id == self._id:
                return message
            if isinstance(message, wire.Accepted) and message.id == self._id:
                self._accepted = True
            elif isinstance(message, wire.Progressed) and message.id == self._id:
                deadline = time.monotonic() + self._service.request_timeout_s
                self._progress(message.share, message.step)
            self._cancel.check()
            if time.monotonic() > deadline:
                return None

    def _gone(self) -> EngineError:
        child = self._child
        assert child is not None
        if self._keeper.owns(child):
            error = self._keeper.crashed(child, "in the middle of its work")
        else:
            error = self._keeper.stopped()
        self._keeper.replace(child)
        return error

    def _wait_out(self, child: Child) -> None:
        """After a cancel: let the child finish within the grace, else end it; then pass the turn on."""
        deadline = time.monotonic() + self._grace_s
        child.cancel(self._id)
        try:
            while time.monotonic() < deadline:
                message = child.receive(TICK_S)
                if isinstance(message, wire.Done | wire.Failed) and message.id == self._id:
                    return
            self._keeper.replace(child)
        except EOFError:
            self._keeper.replace(child)
        finally:
            self.close()

    def close(self) -> None:
        """Give back the film's memory, the child and the turn."""
        self._return_film()
        if self._child is not None:
            self._keeper.give_back(self._child)
        self._service.end_turn()

    def _return_film(self) -> None:
        loan, self._loan = self._loan, None
        if loan is not None:
            loan.end()
