"""Work off the window's thread: lanes of one thread each, results delivered on the GUI thread.

A lane runs its jobs one after the other (by priority, then order of submission), so that work of one
kind never overtakes itself: every call to the store happens on the lane 'store', which also keeps
SQLite on one thread; every call to the model process on 'engine'; files on 'films'.

A request carries all it needs, the result is a value, and only the GUI thread changes state. The runner
owns the signal that crosses threads, and looks at the cancel token once more at delivery: a result that
comes after Cancel is dropped.
"""

from __future__ import annotations

import itertools
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal

from boneage_desk.common.errors import Cancelled
from boneage_desk.common.jobs import CancelToken, Progress

Work = Callable[[CancelToken, Progress], Any]

PROGRESS_INTERVAL_S = 0.04
URGENT, NORMAL, LATER, BACKGROUND = 0, 5, 7, 9


def _nothing(_token: CancelToken, _progress: Progress) -> None:
    """What a job that ended still does."""


class Job:
    """One piece of work under way. ``began``: it no longer waits in its lane. ``share`` and ``step`` are the last
    progress told. ``gives_way``: it is broken off as soon as a job of more haste comes to its lane; ``gave_way``: that
    happened, and who submitted it is told as of a cancel, unless it had a result already."""

    def __init__(self, lane: str, title: str, work: Work, priority: int = NORMAL, gives_way: bool = False) -> None:
        self.lane = lane
        self.title = title
        self.work = work
        self.priority = priority
        self.gives_way = gives_way
        self.gave_way = False
        self.token = CancelToken()
        self.share = 0.0
        self.step = ""
        self.began = False
        self.ended = False
        self.on_result: Callable[[Any], None] | None = None
        self.on_failed: Callable[[BaseException], None] | None = None
        self.on_cancelled: Callable[[], None] | None = None
        self.on_progress: Callable[[Job], None] | None = None

    def cancel(self) -> None:
        """Ask the work to stop. Whatever it still returns is dropped."""
        self.token.cancel()

    def make_way(self, priority: int) -> None:
        """A job of ``priority`` comes to the lane."""
        if self.gives_way and priority < self.priority and not self.ended and not self.token.cancelled:
            self.gave_way = True
            self.cancel()


class _Lane:
    """One daemon thread and its queue."""

    def __init__(self, name: str, run: Callable[[Job], None]) -> None:
        self._queue: queue.PriorityQueue[tuple[int, int, Job | None]] = queue.PriorityQueue()
        self._order = itertools.count()
        self._run = run
        self.thread = threading.Thread(target=self._loop, name=f"boneage-{name}", daemon=True)
        self.thread.start()

    def put(self, priority: int, job: Job | None) -> None:
        self._queue.put((priority, next(self._order), job))

    def _loop(self) -> None:
        while True:
            job = self._queue.get()[2]
            if job is None:
                return
            self._run(job)
            del job  # a film that its closures hold must not live until the lane's next job


class JobRunner(QObject):
    """Runs jobs and calls back on the thread that made the runner (the GUI thread)."""

    changed = Signal()
    """A job began, went on or ended."""

    _delivery = Signal(object)
    _progress = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lanes: dict[str, _Lane] = {}
        self._jobs: list[Job] = []
        self._closed = False
        self._delivery.connect(self._deliver, Qt.ConnectionType.QueuedConnection)
        self._progress.connect(self._tell_progress, Qt.ConnectionType.QueuedConnection)

    @property
    def closed(self) -> bool:
        """Whether :meth:`close` was called: nothing may be submitted any more."""
        return self._closed

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Jobs that wait or run, in order of submission."""
        return tuple(self._jobs)

    def submit(
        self,
        lane: str,
        title: str,
        work: Work,
        *,
        on_result: Callable[[Any], None],
        on_failed: Callable[[BaseException], None],
        on_cancelled: Callable[[], None] | None = None,
        on_progress: Callable[[Job], None] | None = None,
        priority: int = NORMAL,
        gives_way: bool = False,
    ) -> Job:
        """Queue ``work(token, progress)``. Exactly one of the three callbacks is called, later, on
        the GUI thread (none after :meth:`close`). ``on_failed`` has no default: every job has a
        failed path."""
        if self._closed:
            raise RuntimeError("the job runner is closed")
        job = Job(lane, title, work, priority, gives_way)
        job.on_result, job.on_failed, job.on_cancelled = on_result, on_failed, on_cancelled
        job.on_progress = on_progress
        if lane not in self._lanes:
            self._lanes[lane] = _Lane(lane, self._run)
        self._lanes[lane].put(priority, job)
        for other in self._jobs:
            if other.lane == lane:
                other.make_way(priority)
        self._jobs.append(job)
        self.changed.emit()
        return job

    def close(self, timeout_s: float = 5.0) -> bool:
        """Cancel everything, end the threads and deliver nothing more. True when all threads ended."""
        self._closed = True
        for job in self._jobs:
            job.cancel()
        for lane in self._lanes.values():
            lane.put(99, None)
        until = time.monotonic() + timeout_s
        for lane in self._lanes.values():
            lane.thread.join(max(0.0, until - time.monotonic()))
        alive = any(lane.thread.is_alive() for lane in self._lanes.values())
        self._jobs.clear()
        return not alive

    # --- on the lane's thread ---------------------------------------------------------------

    def _run(self, job: Job) -> None:
        outcome: tuple[Job, Any, BaseException | None]
        try:
            job.token.check()
            job.began = True
            outcome = (job, job.work(job.token, self._progress_of(job)), None)
        except BaseException as error:  # a thread has nobody above it to tell
            outcome = (job, None, error)
        self._send(self._delivery, outcome)

    def _progress_of(self, job: Job) -> Progress:
        last = 0.0

        def tell(share: float, step: str) -> None:
            nonlocal last
            now = time.monotonic()
            new_step = step != job.step
            job.share, job.step = share, step
            if new_step or share >= 1 or now - last >= PROGRESS_INTERVAL_S:
                last = now
                self._send(self._progress, job)

        return tell

    def _send(self, signal: Any, value: object) -> None:
        if self._closed:
            return
        try:
            signal.emit(value)
        except RuntimeError:
            # The window closed between the test and the call: the C++ object is gone, nobody listens.
            if not self._closed:
                raise

    # --- on the GUI thread ------------------------------------------------------------------

    def _tell_progress(self, job: Job) -> None:
        if self._closed or job.ended or job.token.cancelled:
            return
        if job.on_progress is not None:
            job.on_progress(job)
        self.changed.emit()

    def _deliver(self, outcome: tuple[Job, Any, BaseException | None]) -> None:
        if self._closed:
            return
        job, value, error = outcome
        job.ended = True
        self._jobs.remove(job)
        try:
            late = job.gave_way and error is None
            if (job.token.cancelled and not late) or isinstance(error, Cancelled):
                if job.on_cancelled is not None:
                    job.on_cancelled()
            elif error is not None:
                assert job.on_failed is not None
                job.on_failed(error)
            elif job.on_result is not None:
                job.on_result(value)
        finally:
            job.work = _nothing
            job.on_result = job.on_failed = job.on_cancelled = job.on_progress = None
            self.changed.emit()
