"""Cancel and progress, handed to every long piece of work. No threads are made here."""

from __future__ import annotations

import threading
from collections.abc import Callable

from boneage_desk.common.errors import Cancelled

Progress = Callable[[float, str], None]
"""Called with the done share 0..1 and a short word for the step."""


def no_progress(_share: float, _step: str) -> None:
    """A progress callback that does nothing."""


class CancelToken:
    """Set once by the person who cancels; read by the job. Thread-safe.

    Callbacks added with :meth:`on_cancel` run once, in the thread that cancels
    (immediately when already cancelled).
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def cancel(self) -> None:
        with self._lock:
            if self._event.is_set():
                return
            self._event.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def on_cancel(self, callback: Callable[[], None]) -> None:
        with self._lock:
            if not self._event.is_set():
                self._callbacks.append(callback)
                return
        callback()

    def check(self) -> None:
        """Raise :class:`Cancelled` when cancelled."""
        if self._event.is_set():
            raise Cancelled()
