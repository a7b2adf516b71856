"""Keeps one inference process alive: starts it in the background, hands it out, replaces it, stops it."""

from __future__ import annotations

import threading
import time
from typing import cast

from boneage_desk.common.errors import BoneAgeError, EngineError
from boneage_desk.common.jobs import CancelToken, Progress
from boneage_desk.engines import transport as wire
from boneage_desk.engines import worker
from boneage_desk.engines.child import Child

TICK_S = 0.05
"""How often a waiting call looks at its cancel token."""
START_ATTEMPTS = 2
"""A child that crashes while starting, or idle, is tried again once; then only :meth:`Keeper.start` does."""
_WORTH_A_SECOND_TRY = ("engine-crashed", "engine-start-timeout")


class Keeper:
    """States: stopped, starting, ready, busy, failed. Use from any thread; no method waits for the child
    but :meth:`take`."""

    def __init__(self, config: worker.WorkerConfig, start_timeout_s: float) -> None:
        self.config = config
        self._start_timeout_s = start_timeout_s
        self._changed = threading.Condition()  # guards the fields below
        self._phase = "stopped"
        self._error: Exception | None = None
        self.failures = 0  # starts and idle lives in a row that ended badly
        self._epoch = 0  # counts starts and stops: a late thread of an old start sees that it is old
        self._stops = 0  # calls that waited through a stop do not start the process again
        self._child: Child | None = None
        self._ready: wire.Ready | None = None

    # ------------------------------------------------------------------------------- quick
    def start(self) -> None:
        """Bring a child up in the background; after a failure, try again."""
        with self._changed:
            if self._phase in ("stopped", "failed"):
                self.failures = 0
                self._begin()

    def stop(self) -> None:
        """End the child; calls that wait for one raise EngineError 'engine-stopped'."""
        with self._changed:
            self._epoch += 1
            self._stops += 1
            child, self._child = self._child, None
            self._ready = None
            self._phase = "stopped"
            self._changed.notify_all()
        if child is not None:
            child.end()

    def state(self) -> str:
        """As AnalysisEngine.state."""
        with self._changed:
            self._notice_death()
            if self._phase == "ready" and self._ready:
                return f"ready: {self._ready.device}"
            if self._phase == "failed":
                return f"failed: {self._error.message if isinstance(self._error, BoneAgeError) else self._error}"
            return self._phase

    def ready(self) -> wire.Ready | None:
        """What the last child said when it was up; None before and after :meth:`stop`."""
        with self._changed:
            return self._ready

    def stops(self) -> int:
        """How often :meth:`stop` was called; a request remembers it for :meth:`take`."""
        with self._changed:
            return self._stops

    def owns(self, child: Child) -> bool:
        """Whether ``child`` is the current one."""
        with self._changed:
            return self._child is child

    # --------------------------------------------------------------------------- the child
    def take(self, progress: Progress, cancel: CancelToken, stops: int) -> Child:
        """Wait for a child that takes requests; starts one where that makes sense.

        Raises Cancelled, and EngineError engine-stopped, engine-crashed, engine-start-timeout or what
        the child said when it gave up (weights-missing ...).
        """
        told = False
        while True:
            cancel.check()
            with self._changed:
                if self._stops != stops:
                    raise self.stopped()
                self._notice_death()
                if self._phase == "ready" and self._child is not None:
                    self._phase = "busy"
                    return self._child
                if self._phase == "stopped":
                    self.failures = 0
                    self._begin()
                elif self._phase == "failed":
                    code = getattr(self._error, "code", "")
                    if code not in _WORTH_A_SECOND_TRY or self.failures >= START_ATTEMPTS:
                        raise self._error or self.stopped()
                    self._begin()
                if told:
                    self._changed.wait(TICK_S)
            if not told:
                told = True
                progress(0.0, "starting the models")

    def give_back(self, child: Child) -> None:
        """``child`` may take the next request; of no effect when it was replaced meanwhile."""
        with self._changed:
            if self._child is child and self._phase == "busy":
                self._phase = "ready"
                self._changed.notify_all()

    def worked(self) -> None:
        """The current child has answered: it is in order."""
        with self._changed:
            self.failures = 0

    def replace(self, child: Child) -> None:
        """End ``child`` and start another in the background, unless someone did so already."""
        with self._changed:
            if self._child is child:
                self._begin()
        child.end()

    def _notice_death(self) -> None:
        """A child that died while idle is replaced, unless that happened just before. Condition held."""
        child = self._child
        if self._phase != "ready" or child is None or child.process.is_alive():
            return
        self.failures += 1
        if self.failures < START_ATTEMPTS:
            self._begin()
        else:
            self._phase, self._error, self._child = "failed", self.crashed(child, "while it was idle"), None
        child.close()

    def _begin(self) -> None:
        """Start a child in a thread. Condition held."""
        self._epoch += 1
        self._phase, self._error, self._child = "starting", None, None
        threading.Thread(target=self._bring_up, args=(self._epoch,), name="engine start", daemon=True).start()

    def _bring_up(self, epoch: int) -> None:
        try:
            child = Child(self.config)
        except OSError as error:
            text = f"The model process cannot be started: {error}."
            self._settle(epoch, None, EngineError(text, "Close other programs and try again.", code="engine-start"))
            return
        with self._changed:
            if epoch == self._epoch:
                self._child = child
        self._settle(epoch, child, self._first_word(child, epoch))

    def _first_word(self, child: Child, epoch: int) -> wire.Ready | Exception | None:
        """Ready, why not, or None when the start was called off."""
        deadline = time.monotonic() + self._start_timeout_s
        while True:
            with self._changed:
                if epoch != self._epoch:
                    return None
            try:
                message = child.receive(TICK_S)
            except EOFError:
                return self.crashed(child, "while it was starting")
            if isinstance(message, wire.Ready):
                return message
            if isinstance(message, wire.StartFailed):
                return wire.from_wire(message.error)
            if time.monotonic() > deadline:
                return EngineError(
                    f"The model process was not ready after {self._start_timeout_s:.0f} s.",
                    "Close other programs and try again. " + self.log_hint(),
                    code="engine-start-timeout",
                )

    def _settle(self, epoch: int, child: Child | None, outcome: wire.Ready | Exception | None) -> None:
        with self._changed:
            current = epoch == self._epoch
            if current and isinstance(outcome, wire.Ready):
                self._ready, self._phase = outcome, "ready"
                child = None  # stays
            elif current:
                self._phase, self._error, self._child = "failed", cast(Exception, outcome), None
                self.failures += 1
            self._changed.notify_all()
        if child is not None:
            child.end()

    # -------------------------------------------------------------------------------- words
    def crashed(self, child: Child, when: str) -> EngineError:
        """The error for a child that ended by itself."""
        return EngineError(
            f"The model process ended {when} ({child.fate()}).",
            "Nothing of the reading is lost. Read the film again; if it happens again, close other programs. "
            + self.log_hint(),
            code="engine-crashed",
        )

    @staticmethod
    def stopped() -> EngineError:
        """The error for a call that :meth:`stop` ended."""
        return EngineError("The model process was stopped.", "Start it again.", code="engine-stopped")

    def log_hint(self) -> str:
        """Where the child's messages are, as a sentence."""
        return f"Its messages are in {self.config.scratch / worker.LOG_NAME}."
