"""Films that the machine reads in the background: one at a time, whenever the reader needs the models for nothing else.

The queue uses the one model process and yields to the reader: it begins a film only while no other job asks the models or
opens a film, and not within some seconds of a box being moved; a film that it has begun is broken off between two steps
when the reader asks for something, and waits again at the head of the queue. It begins none that is shown: the desk reads
that, and whatever comes in between what it had begun itself is handed to the desk.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from boneage_desk.common.errors import BoneAgeError, EngineError
from boneage_desk.common.i18n import said, tr
from boneage_desk.reading.analysis import AnalysisResult
from boneage_desk.reading.session import Reading, ReadingSession, State
from boneage_desk.reading.study_row import StudyRow
from boneage_desk.ui.jobs import BACKGROUND, Job
from boneage_desk.ui.presenters import key_words
from boneage_desk.ui.presenters.messages import Choice, Message
from boneage_desk.ui.presenters.study_texts import JobState, JobView

if TYPE_CHECKING:
    from boneage_desk.ui.presenters.desk import Desk

HOLD_S = 4.0
"""How long the models are kept free after the reader moved a box or asked where they looked: the next comes soon."""
CRASHES = 3
"""After so many deaths of the model process without a film read between them the queue is paused."""
_DEATHS = ("engine-crashed", "engine-hung")
_OF_THE_FILM = ("out-of-memory", *_DEATHS)


class Item:
    """A film of the queue. ``tries``: how often the model process died over it. ``why``: of a failure."""

    __slots__ = ("reading_id", "share", "state", "tries", "who", "why")

    def __init__(self, reading_id: str, who: str) -> None:
        self.reading_id, self.who = reading_id, who
        self.state = JobState.WAITING
        self.share, self.why, self.tries = 0.0, "", 0

    @property
    def view(self) -> JobView:
        return JobView(self.state, self.share, self.why)


class AnalysisQueue(QObject):
    """At most one film under way. Films that failed or were taken out stay in it until they are read or put back."""

    changed = Signal()
    """What is in the queue, its order, or whether it is paused."""
    item_changed = Signal(str, object)
    """Reading id, and its JobView or None when it is no longer in the queue."""
    pause_changed = Signal(bool)

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._desk = desk
        self._items: dict[str, Item] = {}
        """In the order of the queue; dict keeps it."""
        self._running = ""
        self._job: Job | None = None
        self._paused = False
        self._crashes = 0
        self._pump_soon = QTimer(self)
        self._pump_soon.setSingleShot(True)
        self._pump_soon.timeout.connect(self._pump)
        desk.runner.changed.connect(self._wake)
        desk.changed_reading.connect(self._follow)
        desk.reading_cancelled.connect(self._taken_out)

    # --- what is in it ----------------------------------------------------------------------

    @property
    def items(self) -> tuple[Item, ...]:
        """The one that is read, those that wait in their order, then those that failed or were taken out."""
        rank = {JobState.READING: 0, JobState.WAITING: 1, JobState.FAILED: 2, JobState.CANCELLED: 3}
        return tuple(sorted(self._items.values(), key=lambda item: rank[item.state]))

    @property
    def paused(self) -> bool:
        return self._paused

    @property
    def running(self) -> Item | None:
        return self._items.get(self._running)

    def count(self, state: JobState) -> int:
        return sum(item.state is state for item in self._items.values())

    def view_of(self, reading_id: str) -> JobView | None:
        item = self._items.get(reading_id)
        return item.view if item else None

    # --- what the person does ---------------------------------------------------------------

    def add(self, rows: Iterable[StudyRow]) -> None:
        """Films that came; those that are in the queue already stay where they are."""
        new = [row for row in rows if row.reading_id not in self._items]
        for row in new:
            item = self._items[row.reading_id] = Item(row.reading_id, row.who)
            self.item_changed.emit(item.reading_id, item.view)
        if new:
            self.changed.emit()
            self._wake()

    def pause(self) -> None:
        """Begin no further film; the one under way is broken off and waits, unless the reader has opened it meanwhile."""
        if not self._paused:
            self._paused = True
            if self._job is not None and self._job.gives_way:
                self._job.gave_way = True
                self._job.cancel()
            self.pause_changed.emit(True)
            self.changed.emit()

    def resume(self) -> None:
        if self._paused:
            self._paused = False
            self._crashes = 0
            self.pause_changed.emit(False)
            self.changed.emit()
            for item in list(self._items.values()):
                if item.state is JobState.WAITING:
                    self._to_the_desk(item)
            self._wake()

    def first(self, reading_id: str) -> None:
        """To the head of the queue; back into it, if it failed or was taken out."""
        item = self._items.get(reading_id)
        if item is None or item.state is JobState.READING:
            return
        self._items = {reading_id: item, **{id: other for id, other in self._items.items() if id != reading_id}}
        self._wait(item)

    def again(self, reading_id: str) -> None:
        """Put one that failed or was taken out back into the queue, at its end."""
        item = self._items.get(reading_id)
        if item is not None and item.state in (JobState.FAILED, JobState.CANCELLED):
            del self._items[reading_id]
            self._items[reading_id] = item
            self._wait(item)

    def cancel(self, reading_id: str) -> None:
        """Take one out; if it is being read, that is broken off."""
        item = self._items.get(reading_id)
        if item is None or item.state not in (JobState.WAITING, JobState.READING):
            return
        if reading_id == self._running and self._job is not None:
            self._job.cancel()
        self._settle(item, JobState.CANCELLED)

    def cancel_all(self) -> None:
        """Take out all that wait, and the one that is being read."""
        for item in list(self._items.values()):
            self.cancel(item.reading_id)

    def _wait(self, item: Item) -> None:
        item.why, item.share, item.tries = "", 0.0, 0
        self._settle(item, JobState.WAITING)
        self._to_the_desk(item)
        self._wake()

    def _to_the_desk(self, item: Item) -> bool:
        """The film is shown: the desk reads it, and tells what comes of that. Whether it is so."""
        desk = self._desk
        if desk.session is None or desk.session.reading.reading_id != item.reading_id or desk.frame is None:
            return False
        if not _wanted(desk.session.reading):
            return False
        desk.read()
        return True

    def _settle(self, item: Item, state: JobState, why: str = "") -> None:
        item.state, item.why = state, why
        if state is not JobState.READING:
            item.share = 0.0
        self.item_changed.emit(item.reading_id, item.view)
        self.changed.emit()

    def _taken_out(self, reading_id: str) -> None:
        """The person broke off the reading of the study that is shown: the queue does not begin it again."""
        item = self._items.get(reading_id)
        if item is not None and item.state in (JobState.WAITING, JobState.READING):
            self._settle(item, JobState.CANCELLED)

    def _follow(self, reading: Reading) -> None:
        """A reading changed: one that was read, by whatever way, needs the queue no more."""
        if reading.reading_id in self._items and not _wanted(reading):
            self._drop(reading.reading_id)

    def _drop(self, reading_id: str) -> None:
        if self._items.pop(reading_id, None) is not None:
            self.item_changed.emit(reading_id, None)
            self.changed.emit()

    # --- one film after the other -----------------------------------------------------------

    def _wake(self) -> None:
        if not self._running and not self._paused and not self._pump_soon.isActive():
            self._pump_soon.start(0)

    def _pump(self) -> None:
        """Begin the next film, if nobody else needs the models or the disk."""
        desk = self._desk
        if self._running or self._paused or desk.runner.closed:
            return
        if any(job.lane in ("engine", "films") for job in desk.runner.jobs):
            return  # woken again when that ends
        held = desk.work.asked_at + HOLD_S - time.monotonic()
        shown = desk.reading.reading_id if desk.reading is not None else ""
        waiting = (i for i in self._items.values() if i.state is JobState.WAITING and i.reading_id != shown)
        item = next(waiting, None)
        if item is None:
            return
        if held > 0:
            self._pump_soon.start(int(held * 1000) + 1)
            return
        self._running = item.reading_id
        self._settle(item, JobState.READING)
        known = desk.knows(item.reading_id)
        desk.runner.submit(
            "store", tr("Loading a reading for the queue"),
            lambda _token, _progress: known or desk.services.store().get(item.reading_id),
            on_result=partial(self._loaded, item), on_failed=partial(self._failed, item), priority=BACKGROUND,
        )  # fmt: skip

    def _loaded(self, item: Item, reading: Reading) -> None:
        desk = self._desk
        if item.state is not JobState.READING:  # taken out, or read by another way, meanwhile
            self._ended()
            return
        if not _wanted(reading) or desk.work.job_of(item.reading_id) is not None:
            self._ended()
            if _wanted(reading):
                self._settle(item, JobState.WAITING)
            else:
                self._drop(item.reading_id)
            return
        if self._paused:
            self._ended()
            self._settle(item, JobState.WAITING)
            return
        session = desk.session_of(reading)
        desk.blind_first.begin(session)
        self._job = desk.work.analyse(
            session.reading, None, on_result=partial(self._read, item, session),
            on_failed=partial(self._failed, item), on_cancelled=partial(self._broken_off, item),
            on_progress=partial(self._progress, item),
        )  # fmt: skip

    def _progress(self, item: Item, job: Job) -> None:
        item.share = job.share
        if item.state is JobState.READING:
            self.item_changed.emit(item.reading_id, item.view)

    def _read(self, item: Item, session: ReadingSession, result: AnalysisResult) -> None:
        self._crashes = 0
        self._ended()
        if self._desk.gave_up(session):  # another value took its place, which is looked at in its turn
            self._settle(item, JobState.WAITING)
            return
        self._desk.take_analysis(session, result)
        self._drop(item.reading_id)

    def _broken_off(self, item: Item) -> None:
        gave_way = self._job is not None and self._job.gave_way
        self._ended()
        if item.state is not JobState.READING:
            return
        if gave_way:
            self._items = {item.reading_id: item, **{id: i for id, i in self._items.items() if id != item.reading_id}}
            self._settle(item, JobState.WAITING)
            self._to_the_desk(item)
        else:  # cancelled where the film is shown
            self._settle(item, JobState.CANCELLED)

    def _failed(self, item: Item, error: BaseException) -> None:
        readers = self._job is not None and not self._job.gives_way
        self._ended()
        if item.reading_id not in self._items:
            return
        code = error.code if isinstance(error, BoneAgeError) else "bug"
        words = said(str(error)) if isinstance(error, BoneAgeError) else f"{type(error).__name__}: {error}"
        if isinstance(error, EngineError) and code not in _OF_THE_FILM:
            self._settle(item, JobState.WAITING)
            self.pause()
            self._tell("error", tr("The queue is paused: {why}", why=words), Choice(tr("Go on"), self.resume))
            return
        if readers and code not in _DEATHS:
            self._settle(item, JobState.WAITING)
            if self._to_the_desk(item):  # it has the film at hand, and says what else is wrong
                return
        if code in _DEATHS:
            item.tries += 1
            self._crashes += 1
            if item.tries < 2:
                self._at_the_end(item, item.tries)
                self._tell("warning", tr(
                    "The model process ended while it read {who} in the background. It was started again; the film is tried "
                    "once more.", who=item.who,
                ))  # fmt: skip
                self._to_the_desk(item)
            else:
                self._settle(item, JobState.FAILED, words)
            if self._crashes >= CRASHES:
                self.pause()
                self._tell(
                    "error",
                    tr("The queue is paused: the model process ended {count} times in a row.", count=self._crashes),
                    Choice(tr("Go on"), self.resume),
                )
                return
            if item.state is JobState.FAILED:
                self._told_failure(item)
            return
        self._settle(item, JobState.FAILED, words)
        if isinstance(error, BoneAgeError):
            self._told_failure(item)
        else:
            self._desk.report(error, tr("{who} was not read", who=item.who), topic="queue")

    def _told_failure(self, item: Item) -> None:
        failed = self.count(JobState.FAILED)
        if failed == 1:
            self._tell("warning", tr("{who} was not read in the background: {why}", who=item.who, why=item.why))
        else:
            words, key = tr("{count} films were not read in the background; the queue says why.", count=failed), key_words.key("queue")
            if key:
                words = tr("{count} films were not read in the background; the queue ({key}) says why.", count=failed, key=key)
            self._tell("warning", words)

    def _at_the_end(self, item: Item, tries: int) -> None:
        """One over which the model process died, once more behind all others."""
        del self._items[item.reading_id]
        self._items[item.reading_id] = item
        item.tries = tries
        self._settle(item, JobState.WAITING)

    def _tell(self, kind: str, words: str, *choices: Choice) -> None:
        self._desk.message.emit(Message(kind, words, choices=choices, topic="queue"))

    def _ended(self) -> None:
        self._running, self._job = "", None
        self._wake()


def _wanted(reading: Reading) -> bool:
    """Whether the machine may and should read it."""
    return (
        reading.state is State.DRAFT
        and reading.analysed_at is None
        and not any(flag.blocking for flag in reading.flags)
    )


def queue_words(queue: AnalysisQueue) -> str:
    """The queue in the status bar; '' while it is empty."""
    waiting = queue.count(JobState.WAITING) + queue.count(JobState.READING)
    failed = queue.count(JobState.FAILED)
    parts = []
    if waiting:
        parts.append(tr("queue {count}", count=waiting))
    if queue.paused and waiting:
        parts.append(tr("paused"))
    if failed:
        parts.append(tr("{count} failed", count=failed))
    return " \N{MIDDLE DOT} ".join(parts)
