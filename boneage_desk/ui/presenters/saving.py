"""Every change goes to the store in order; 'saved' is said only after it is on disk.

Saves run on the store's own lane and not on the window's thread: a save takes some milliseconds on a
good disk, but a network folder or a second program holding the file can make it seconds, and the window
must not stand still for that. Order is kept because one save is under way at a time. After a failure
nothing is dropped: what waits is kept in order and tried again with the next change, on demand, and
when the window closes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import Any

from PySide6.QtCore import QObject, Signal

from boneage_desk.common.jobs import CancelToken, Progress
from boneage_desk.reading.ports import ReadingStore
from boneage_desk.reading.session import AuditEvent, Reading
from boneage_desk.ui.jobs import URGENT, JobRunner


class Saving(Enum):
    IDLE = "idle"
    WAITING = "saving"
    SAVED = "saved"
    FAILED = "not saved"


class Saver(QObject):
    """Queue of changes on their way to the disk."""

    changed = Signal()

    def __init__(
        self,
        runner: JobRunner,
        store: Callable[[], ReadingStore],
        now: Callable[[], datetime],
        on_failed: Callable[[BaseException], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._runner, self._store, self._now, self._on_failed = runner, store, now, on_failed
        self._waiting: deque[tuple[Reading, AuditEvent]] = deque()
        self._busy = False
        self.state = Saving.IDLE
        self.saved_at: datetime | None = None

    @property
    def unsaved(self) -> int:
        """Changes that are not on disk yet."""
        return len(self._waiting)

    @property
    def busy(self) -> bool:
        """A save is under way."""
        return self._busy

    def unsaved_of(self, reading_id: str) -> bool:
        return any(reading.reading_id == reading_id for reading, _ in self._waiting)

    def save(self, reading: Reading, event: AuditEvent) -> None:
        self._waiting.append((reading, event))
        self._next()

    def retry(self) -> None:
        """Try again what could not be saved."""
        self._next()

    def _next(self) -> None:
        if self._busy or not self._waiting:
            return
        self._busy = True
        if self.state is not Saving.FAILED:
            self.state = Saving.WAITING
        reading, event = self._waiting[0]

        def work(_token: CancelToken, _progress: Progress) -> Any:
            self._store().save(reading, event)
            return self._now()

        self._runner.submit("store", "Saving", work, on_result=self._saved, on_failed=self._failed, priority=URGENT)
        self.changed.emit()

    def _saved(self, at: datetime) -> None:
        self._busy = False
        self._waiting.popleft()
        self.saved_at = at
        self.state = Saving.WAITING if self._waiting else Saving.SAVED
        self._next()
        self.changed.emit()

    def _failed(self, error: BaseException) -> None:
        self._busy = False
        first = self.state is not Saving.FAILED
        self.state = Saving.FAILED
        self.changed.emit()
        if first or not self._waiting:
            self._on_failed(error)
