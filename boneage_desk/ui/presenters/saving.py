"""Every change goes to the store in order; 'saved' is said only after it is on disk.

Saves run on the store's own lane and not on the window's thread: a save takes some milliseconds on a
good disk, but a network folder or a second program holding the file can make it seconds, and the window
must not stand still for that. Order is kept because one save is under way at a time. After a failure
nothing is dropped: what waits is kept in order and tried again with the next change, on demand, and
when the window closes. A reading that another program changed meanwhile is set aside, so that it does
not keep the others from the disk.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import Any

from PySide6.QtCore import QObject, Signal

from boneage_desk.common.errors import StoreError
from boneage_desk.common.i18n import tr
from boneage_desk.common.jobs import CancelToken, Progress
from boneage_desk.reading.ports import ReadingStore
from boneage_desk.reading.session import AuditEvent, Reading
from boneage_desk.ui.jobs import URGENT, JobRunner

_Change = tuple[Reading, AuditEvent, bytes | None]
"""The new value, the event that made it, and the sealed report that belongs to it."""


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
        on_failed: Callable[[BaseException, str], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._runner, self._store, self._now, self._on_failed = runner, store, now, on_failed
        self._waiting: deque[_Change] = deque()
        self._aside: dict[str, list[_Change]] = {}
        self._current: _Change | None = None
        self._given_up: set[str] = set()
        self.state = Saving.IDLE
        self.saved_at: datetime | None = None

    @property
    def unsaved(self) -> int:
        """Changes that are not on disk yet."""
        return (self._current is not None) + len(self._waiting) + sum(len(changes) for changes in self._aside.values())

    @property
    def busy(self) -> bool:
        """A save is under way."""
        return self._current is not None

    def unsaved_of(self, reading_id: str) -> bool:
        under_way = self._current is not None and self._current[0].reading_id == reading_id
        waits = any(reading.reading_id == reading_id for reading, _, _ in self._waiting)
        return under_way or waits or reading_id in self._aside

    def save(self, reading: Reading, event: AuditEvent, report: bytes | None = None) -> None:
        """``report``: the sealed PDF of a reading that was just signed; it goes to the disk with it."""
        if reading.reading_id in self._aside:
            self._aside[reading.reading_id].append((reading, event, report))
            self.changed.emit()
            return
        self._waiting.append((reading, event, report))
        self._next()

    def retry(self) -> None:
        """Try again what could not be saved."""
        for changes in self._aside.values():
            self._waiting.extend(changes)
        self._aside.clear()
        self._next()

    def give_up(self, reading_id: str) -> None:
        """Drop what waits of one reading; only ever on a person's word."""
        self._aside.pop(reading_id, None)
        if self._current is not None and self._current[0].reading_id == reading_id:
            self._given_up.add(reading_id)
        self._waiting = deque(item for item in self._waiting if item[0].reading_id != reading_id)
        if not self.unsaved:
            self.state = Saving.IDLE
        self.changed.emit()

    def _next(self) -> None:
        if self._current is not None or not self._waiting:
            return
        self._current = self._waiting.popleft()
        if self.state is not Saving.FAILED:
            self.state = Saving.WAITING
        reading, event, report = self._current

        def work(_token: CancelToken, _progress: Progress) -> Any:
            self._store().save(reading, event, **({} if report is None else {"report": report}))
            return self._now()

        self._runner.submit("store", tr("Saving"), work, on_result=self._saved, on_failed=self._failed, priority=URGENT)
        self.changed.emit()

    def _saved(self, at: datetime) -> None:
        self._take_current()
        self.saved_at = at
        if self._aside:
            self.state = Saving.FAILED
        else:
            self.state = Saving.WAITING if self._waiting else Saving.SAVED
        self._next()
        self.changed.emit()

    def _failed(self, error: BaseException) -> None:
        item = self._take_current()
        first = self.state is not Saving.FAILED
        reading_id = item[0].reading_id
        if reading_id in self._given_up:
            self._given_up.discard(reading_id)
            self._next()
            self.changed.emit()
            return
        self.state = Saving.FAILED
        self._waiting.appendleft(item)
        if isinstance(error, StoreError) and error.code == "conflict":
            first = True
            self._aside[reading_id] = [item for item in self._waiting if item[0].reading_id == reading_id]
            self._waiting = deque(item for item in self._waiting if item[0].reading_id != reading_id)
            self._next()
        self.changed.emit()
        if first:
            self._on_failed(error, reading_id)

    def _take_current(self) -> _Change:
        assert self._current is not None
        item, self._current = self._current, None
        return item
