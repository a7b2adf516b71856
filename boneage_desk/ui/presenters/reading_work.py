"""The model process as the window sees it: brought up, reading a film, grading a box, saliency."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from boneage_desk.common.i18n import said, tr
from boneage_desk.common.jobs import CancelToken, Progress
from boneage_desk.reading.analysis import AnalysisResult, BoneResult, WholeHandResult
from boneage_desk.reading.film import Frame
from boneage_desk.reading.findings import Box
from boneage_desk.reading.ports import AnalysisEngine, Services
from boneage_desk.reading.session import Reading
from boneage_desk.standards.types import Sex
from boneage_desk.ui.jobs import BACKGROUND, LATER, NORMAL, URGENT, Job, JobRunner
from boneage_desk.ui.presenters import opening

STATE_INTERVAL_MS = 400
LOG = logging.getLogger("boneage_desk.ui")


@dataclass(frozen=True, slots=True, eq=False)
class Saliency:
    """Where the grader looked: values 0..1 over ``box`` in film orientation, by ``method``."""

    bone: str
    box: Box
    values: Any
    method: str


@dataclass(frozen=True, slots=True, eq=False)
class FilmSaliency:
    """Where the model of a second opinion looked: values 0..1 over the whole film, told ``sex``."""

    engine: str
    sex: Sex | None
    values: Any


class ReadingWork(QObject):
    """Jobs on the lane 'engine', at most one reading job for each reading."""

    state_changed = Signal(str)
    restarted = Signal()
    """The model process ended while it was idle, and is being started again."""

    def __init__(self, services: Services, runner: JobRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._services, self._runner = services, runner
        self._engine: AnalysisEngine | None = None
        self._state = "stopped"
        self.second_opinions: tuple[str, ...] = ()
        self.asked_at = -1e9
        """When the reader last asked something of one bone (`time.monotonic`): the next may come soon."""
        self._reading: dict[str, Job] = {}
        self._timer = QTimer(self)
        self._timer.setInterval(STATE_INTERVAL_MS)
        self._timer.timeout.connect(self._poll)

    @property
    def state(self) -> str:
        """The engine's own words: 'starting', 'ready: cpu', 'failed: why' ..."""
        return self._state

    def job_of(self, reading_id: str) -> Job | None:
        """The reading job of a film that waits or runs."""
        return self._reading.get(reading_id)

    @property
    def queue(self) -> int:
        return sum(job.lane == "engine" for job in self._runner.jobs)

    def start(self, on_failed: Callable[[BaseException], None]) -> None:
        """Bring the engine up; the adapter is imported on the engine's lane."""

        def work(_token: CancelToken, _progress: Progress) -> tuple[AnalysisEngine, tuple[str, ...]]:
            engine = self._services.engine()
            engine.start()
            return engine, engine.whole_hand_engines()

        def up(found: tuple[AnalysisEngine, tuple[str, ...]]) -> None:
            self._engine, self.second_opinions = found
            self._poll()
            self.state_changed.emit(self._state)  # the engines there are may be asked for now
            self._timer.start()

        def failed(error: BaseException) -> None:
            self._tell(f"failed: {error}")
            on_failed(error)

        self._tell("starting")
        self._runner.submit("engine", tr("Starting the models"), work, on_result=up, on_failed=failed, priority=URGENT)

    def _poll(self) -> None:
        if self._engine is not None:
            before, now = self._state, self._engine.state()
            self._tell(now)
            if before.startswith("ready") and now == "starting":
                self.restarted.emit()

    def _tell(self, state: str) -> None:
        if state != self._state:
            LOG.info("engine: %s", state.partition(":")[0])  # what follows may name a path
            self._state = state
            self.state_changed.emit(state)

    def analyse(
        self,
        reading: Reading,
        frame: Frame | None,
        *,
        on_result: Callable[[AnalysisResult], None],
        on_failed: Callable[[BaseException], None],
        on_cancelled: Callable[[], None],
        on_progress: Callable[[Job], None] | None = None,
    ) -> Job | None:
        """Read one film; without ``frame`` (a film in the background) it is opened when its turn comes.
        None when a job for this reading is under way already."""
        reading_id = reading.reading_id
        if reading_id in self._reading:
            return None

        def work(token: CancelToken, progress: Progress) -> AnalysisResult:
            pixels = frame if frame is not None else opening.open_film_of(self._services, reading).frame
            return self._running().analyse(pixels, progress=progress, cancel=token)

        def ended(then: Callable[..., None]) -> Callable[..., None]:
            def call(*values: Any) -> None:
                if self._reading.get(reading_id) is job:
                    del self._reading[reading_id]
                then(*values)

            return call

        job = self._runner.submit(
            "engine",
            tr("Reading the film"),
            work,
            on_result=ended(on_result),
            on_failed=ended(on_failed),
            on_cancelled=ended(on_cancelled),
            on_progress=on_progress,
            priority=BACKGROUND if frame is None else NORMAL,
            gives_way=frame is None,
        )
        self._reading[reading_id] = job
        return job

    def drop(self, reading_id: str) -> None:
        """Another value takes the reading's place: break off what was asked for this one; the new one may be read at once."""
        job = self._reading.pop(reading_id, None)
        if job is not None:
            job.cancel()

    def _running(self) -> AnalysisEngine:
        """The engine, brought up again where it went down; on the engine's lane."""
        engine = self._services.engine()
        if engine.state().startswith(("failed", "stopped")):
            engine.start()  # what brought it down may be over: weights back in place, memory free
        return engine

    def whole_hand(
        self,
        reading: Reading,
        frame: Frame | None,
        engines: tuple[str, ...],
        *,
        on_result: Callable[[WholeHandResult], None],
        on_failed: Callable[[BaseException], None],
        on_cancelled: Callable[[], object],
    ) -> Job:
        """Ask for second opinions, after all readings that wait; without ``frame`` the film is opened for it."""
        sex = reading.patient.sex

        def work(token: CancelToken, progress: Progress) -> WholeHandResult:
            pixels = frame if frame is not None else opening.open_film_of(self._services, reading).frame
            return self._running().whole_hand(pixels, sex, engines=engines, progress=progress, cancel=token)

        return self._runner.submit(
            "engine", tr("Second opinion"), work,
            on_result=on_result, on_failed=on_failed, on_cancelled=on_cancelled,
            priority=BACKGROUND if frame is None else LATER, gives_way=frame is None,
        )  # fmt: skip

    def film_saliency(
        self,
        frame: Frame,
        engine: str,
        sex: Sex | None,
        sha256: str,
        *,
        on_result: Callable[[FilmSaliency], None],
        on_failed: Callable[[BaseException], None],
    ) -> Job:
        """Where the model of a second opinion, of the weights ``sha256``, looked."""

        def work(token: CancelToken, _progress: Progress) -> FilmSaliency:
            values = self._running().whole_hand_saliency(frame, engine, sex, sha256=sha256, cancel=token)
            return FilmSaliency(engine, sex, values)

        return self._runner.submit(
            "engine", tr("Where the whole-hand model looked"), work,
            on_result=on_result, on_failed=on_failed, priority=URGENT,
        )  # fmt: skip

    def regrade(
        self,
        frame: Frame,
        bone: str,
        box: Box,
        angle_deg: float,
        *,
        on_result: Callable[[BoneResult], None],
        on_failed: Callable[[BaseException], None],
        on_cancelled: Callable[[], None],
    ) -> Job:
        def work(token: CancelToken, _progress: Progress) -> BoneResult:
            return self._services.engine().regrade(frame, bone, box, angle_deg, cancel=token)

        self.asked_at = time.monotonic()
        return self._runner.submit(
            "engine", tr("Grading the box"), work,
            on_result=on_result, on_failed=on_failed, on_cancelled=on_cancelled, priority=URGENT,
        )  # fmt: skip

    def saliency(
        self,
        frame: Frame,
        bone: str,
        box: Box,
        angle_deg: float,
        method: str,
        *,
        on_result: Callable[[Saliency], None],
        on_failed: Callable[[BaseException], None],
    ) -> Job:
        def work(token: CancelToken, _progress: Progress) -> Saliency:
            engine = self._services.engine()
            values = engine.saliency(frame, bone, box, angle_deg, method=method, cancel=token)
            return Saliency(bone, box, values, method)

        self.asked_at = time.monotonic()
        return self._runner.submit(
            "engine", tr("Where the grader looked"), work, on_result=on_result, on_failed=on_failed, priority=URGENT
        )

    def close(self) -> None:
        self._timer.stop()


def engine_words(state: str) -> str:
    """The engine's state for the status bar."""
    if state.startswith("ready"):
        device = state.partition(":")[2].strip()
        return {"cpu": tr("CPU ready"), "cuda": tr("GPU ready")}.get(device, tr("{device} ready", device=device).strip())
    return {"stopped": tr("not running"), "starting": tr("starting \N{HORIZONTAL ELLIPSIS}"), "busy": tr("working")}.get(
        state, said(state)
    )
