"""Sees which call of the program holds the window's thread up for more than 100 ms.

A thread looks at the window's thread every 10 ms and follows the outermost call of boneage_desk in it. What counts is the
processor time of that thread, so that a busy machine blames nobody; a wait (disk, lock) counts by the clock from a second on.

A test that makes the same call again and again without a pause is seen as one long call: read the summary with the test.
"""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Self

LIMIT_S = 0.1
WAIT_S = 1.0
EVERY_S = 0.01
LOOPS = frozenset({"wait_until", "run", "screenshot"})
"""Calls that run the event loop: they hold nothing up."""


@dataclass(frozen=True, slots=True)
class HeldUp:
    """``call``: the outermost call of the program, 'views/bones_page.py:120 show_rows'; ``within``: where it was last."""

    call: str
    within: str
    cpu_s: float
    wall_s: float

    def __str__(self) -> str:
        return f"{self.cpu_s * 1000:5.0f} ms ({self.wall_s * 1000:.0f} by the clock) {self.call}, last in {self.within}"


OFFENDERS: list[tuple[str, HeldUp]] = []


def _place(frame: FrameType) -> str:
    name = frame.f_code.co_filename.rpartition("boneage_desk/")[2]
    return f"{name}:{frame.f_lineno} {frame.f_code.co_name}"


class Watchdog:
    """Watches the thread that makes it, while it is entered. ``found``: what it saw."""

    def __init__(self, limit_s: float = LIMIT_S) -> None:
        self.limit_s = limit_s
        self.found: list[HeldUp] = []
        self._stop = threading.Event()
        self._ident = threading.get_ident()
        self._clock = time.pthread_getcpuclockid(self._ident) if hasattr(time, "pthread_getcpuclockid") else None
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, _kind: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    def _cpu(self) -> float:
        return time.clock_gettime(self._clock) if self._clock is not None else time.monotonic()

    def _outermost(self) -> tuple[int, str, str] | None:
        """Identity and place of the outermost call of the program after the last event loop, and its innermost place."""
        frame = sys._current_frames().get(self._ident)
        outer: FrameType | None = None
        inner: FrameType | None = None
        while frame is not None:
            if "/boneage_desk/" in frame.f_code.co_filename.replace("\\", "/"):
                if frame.f_code.co_name in LOOPS:
                    break
                outer, inner = frame, inner or frame
            frame = frame.f_back
        if outer is None or inner is None:
            return None
        return id(outer), _place(outer), _place(inner)

    def _watch(self) -> None:
        seen: tuple[int, str] | None = None
        began = (0.0, 0.0)
        last = ("", "")
        while not self._stop.wait(EVERY_S):
            found = self._outermost()
            key = (found[0], found[1].rpartition(" ")[2]) if found is not None else None
            now = (self._cpu(), time.monotonic())
            if key != seen or key is None:
                self._tell(seen, last, began, now)
                seen, began = key, now
            if found is not None:
                last = (found[1], found[2])
        self._tell(seen, last, began, (self._cpu(), time.monotonic()))

    def _tell(self, seen: object, last: tuple[str, str], began: tuple[float, float], now: tuple[float, float]) -> None:
        cpu, wall = now[0] - began[0], now[1] - began[1]
        if seen is not None and (cpu >= self.limit_s or (wall >= WAIT_S and cpu < 0.2 * wall < 0.2 * 60 and cpu < 0.02)):
            self.found.append(HeldUp(*last, cpu, wall))
