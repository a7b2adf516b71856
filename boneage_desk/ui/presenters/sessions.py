"""The sessions of this run: readings with their undo history, as many as a reader may go back to."""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakSet

from boneage_desk.reading.session import Reading, ReadingSession

KEPT = 40
"""Sessions that nothing holds. A session with its history takes up to some 200 KB; undo reaches back so many studies."""


class Sessions:
    """By reading id, the one used last at the end. ``busy``: whether something of a reading is under way or not saved;
    such a session stays, since its value is newer than the store's."""

    def __init__(self, busy: Callable[[str], bool], kept: int = KEPT) -> None:
        self._busy, self._kept = busy, kept
        self._sessions: dict[str, ReadingSession] = {}
        self._given_up: WeakSet[ReadingSession] = WeakSet()

    def __len__(self) -> int:
        return len(self._sessions)

    def get(self, reading_id: str) -> ReadingSession | None:
        return self._sessions.get(reading_id)

    def of(self, reading: Reading) -> ReadingSession:
        """The session of a reading; made of this value where there is none."""
        session = self._sessions.pop(reading.reading_id, None) or ReadingSession(reading)
        self._sessions[reading.reading_id] = session
        return session

    def give_up(self, reading_id: str) -> None:
        """Forget a session in whose place the store's value comes: nothing may be added to it any more."""
        session = self._sessions.pop(reading_id, None)
        if session is not None:
            self._given_up.add(session)

    def is_given_up(self, session: ReadingSession) -> bool:
        return session in self._given_up

    def trim(self) -> None:
        """Forget the sessions that were used longest ago."""
        spare = len(self._sessions) - self._kept
        for reading_id in list(self._sessions):
            if spare <= 0:
                return
            if not self._busy(reading_id):
                del self._sessions[reading_id]
                spare -= 1
