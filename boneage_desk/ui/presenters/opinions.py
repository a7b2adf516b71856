"""Second opinions of the readings on the desk: which engines are chosen, and asking them in the background.

They are asked after the 13 bones and again when a fact on which they rest was corrected; the reading never waits.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from boneage_desk.common import settings
from boneage_desk.common.i18n import said, tr
from boneage_desk.reading.analysis import WholeHandResult
from boneage_desk.reading.second_opinion import ENGINE_NAMES, SetWholeHand, wanted
from boneage_desk.reading.session import Reading, ReadingSession, State
from boneage_desk.reading.summary import chronological_months
from boneage_desk.standards.types import Sex
from boneage_desk.ui.jobs import Job
from boneage_desk.ui.presenters.messages import Message

if TYPE_CHECKING:
    from boneage_desk.ui.presenters.desk import Desk

CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, eq=False)
class _Ask:
    """What was asked, and the facts on which the answers rest."""

    engines: tuple[str, ...]
    sex: Sex | None
    age_months: float | None
    analysed_at: datetime | None

    def covers(self, other: _Ask) -> bool:
        """Whether the answers to this one answer ``other`` too."""
        same = (self.sex, self.age_months, self.analysed_at) == (other.sex, other.age_months, other.analysed_at)
        return same and set(other.engines) <= set(self.engines)


def _ask_of(reading: Reading, engines: tuple[str, ...]) -> _Ask:
    return _Ask(engines, reading.patient.sex, chronological_months(reading), reading.analysed_at)


class Opinions(QObject):
    """At most one question under way for each reading; what a later one settled is passed over."""

    changed = Signal()
    """The engines chosen, or a question's state."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._desk = desk
        self._chosen = tuple(desk.services.settings.second_opinion_engines)
        self._asked: dict[str, tuple[_Ask, Job]] = {}
        self._ended: dict[str, tuple[_Ask, str]] = {}
        """The last question of a reading that came to an end, with '', 'cancelled' or why it failed."""

    # --- which engines ----------------------------------------------------------------------

    @property
    def chosen(self) -> tuple[str, ...]:
        return self._chosen

    @property
    def installed(self) -> tuple[str, ...]:
        """Ids of the engines whose model is there; empty until the models are up."""
        return self._desk.work.second_opinions

    def toggle(self, engine: str) -> None:
        """Choose an engine or no longer, for this and later readings; kept in the settings."""
        keep = [id for id in ENGINE_NAMES if (id in self._chosen) != (id == engine)]
        self._chosen = (*keep, *(id for id in self._chosen if id not in ENGINE_NAMES))
        desk, chosen = self._desk, self._chosen

        def work(_token: object, _progress: object) -> None:
            kept = settings.load(desk.services.data_dir)
            settings.save(desk.services.data_dir, dataclasses.replace(kept, second_opinion_engines=chosen))

        desk.run_later("settings", tr("Keeping the settings"), work, lambda _done: None, tr("The choice was not kept"))
        if desk.session is not None:
            self.follow(desk.session)
        self.changed.emit()

    # --- the state of a reading's question --------------------------------------------------

    def job_of(self, reading_id: str) -> Job | None:
        """The question that waits or runs."""
        asked = self._asked.get(reading_id)
        return asked[1] if asked else None

    def asked_of(self, reading_id: str) -> tuple[str, ...]:
        """The engines that are being asked."""
        asked = self._asked.get(reading_id)
        return asked[0].engines if asked else ()

    def trouble(self, reading: Reading) -> str:
        """'cancelled' or why the last question failed; '' where it did not or facts have changed since."""
        ended = self._ended.get(reading.reading_id)
        if ended is None or not ended[0].covers(_ask_of(reading, wanted(reading, self._chosen))):
            return ""
        return ended[1] if wanted(reading, self._chosen) else ""

    # --- asking -----------------------------------------------------------------------------

    def follow(self, session: ReadingSession) -> None:
        """A reading came or changed: ask what is not answered, drop a question that facts have settled."""
        reading = session.reading
        id = reading.reading_id
        now = _ask_of(reading, wanted(reading, self._chosen))
        asked, ended = self._asked.get(id), self._ended.get(id)
        if ended is not None and not ended[0].covers(_ask_of(reading, ())):
            del self._ended[id]  # of other facts: it settles nothing, not even when those facts come back
            ended = None
        if asked is not None:
            if asked[0].covers(now) and now.analysed_at is not None:
                return
            self._drop(id)
        if not now.engines or reading.state is not State.DRAFT or (ended is not None and ended[0].covers(now)):
            return
        self._submit(session, now)

    def again(self) -> None:
        """Ask all engines chosen about the film that is shown, whatever they said before."""
        session = self._desk.session
        if session is None or not self._desk.editable or session.reading.analysed_at is None:
            return
        self._drop(session.reading.reading_id)
        self._submit(session, _ask_of(session.reading, self._chosen))

    def cancel(self) -> None:
        """Stop the question of the reading that is shown."""
        job = self.job_of(self._desk.reading.reading_id) if self._desk.reading is not None else None
        if job is not None:
            job.cancel()

    def forget(self, reading_id: str) -> None:
        """Another value takes the reading's place: what was asked for this one is passed over."""
        self._drop(reading_id)
        self._ended.pop(reading_id, None)

    def _submit(self, session: ReadingSession, ask: _Ask) -> None:
        desk, reading = self._desk, session.reading
        shown = session is desk.session
        if shown and desk.frame is None:
            return  # its film is being opened, or is gone
        job = desk.work.whole_hand(
            reading, desk.frame if shown else None, ask.engines,
            on_result=partial(self._here, session, ask), on_failed=partial(self._failed, session, ask),
            on_cancelled=partial(self._cancelled, session, ask),
        )  # fmt: skip
        self._asked[reading.reading_id] = (ask, job)
        self.changed.emit()

    def _drop(self, reading_id: str) -> None:
        """Forget a question. A job that runs goes on and its result is passed over: to break it off in the middle
        ends the model process, which then takes seconds to come up."""
        asked = self._asked.pop(reading_id, None)
        if asked is not None:
            if not asked[1].began:
                asked[1].cancel()
            self.changed.emit()

    def _end(self, session: ReadingSession, ask: _Ask, words: str) -> bool:
        """Whether it was this question that ended, and not one that was dropped."""
        id = session.reading.reading_id
        if id not in self._asked or self._asked[id][0] is not ask:
            return False
        del self._asked[id]
        self._ended[id] = (ask, words)
        return True

    def _cancelled(self, session: ReadingSession, ask: _Ask) -> None:
        asked = self._asked.get(session.reading.reading_id)
        if asked is not None and asked[0] is ask and asked[1].gave_way:
            del self._asked[session.reading.reading_id]
            self._submit(session, ask)  # it made way for the reader's own question, and waits behind it
            return
        if self._end(session, ask, CANCELLED):
            self.changed.emit()

    def _here(self, session: ReadingSession, ask: _Ask, result: WholeHandResult) -> None:
        if not self._end(session, ask, ""):
            return
        if session.reading.state is State.DRAFT:
            self._desk.apply(session, SetWholeHand(result, self._desk.services.now()))
            self.changed.emit()
            return
        del self._ended[session.reading.reading_id]  # asked again once it is reopened
        words = tr("The second opinion came after the reading was marked reviewed and was not taken.")
        self.changed.emit()
        choices = (self._desk.choice(tr("Reopen"), self._desk.reopen),) if session is self._desk.session else ()
        self._desk.message.emit(Message("warning", words, choices=choices, topic="second-opinion"))

    def _failed(self, session: ReadingSession, ask: _Ask, error: BaseException) -> None:
        if self._end(session, ask, said(str(error)) or type(error).__name__):
            self.changed.emit()
            again = (self._desk.choice(tr("Ask again"), self.again),) if session is self._desk.session else ()
            self._desk.report(error, tr("No second opinion"), again, topic="second-opinion")
