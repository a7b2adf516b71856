"""When a backup is due, which copies go, how a wrong PIN slows down, and what a lock left."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from boneage_desk.reading.assessment import AuditEvent
from boneage_desk.reading.station import LockState, backup_due, lock_state, pin_delay_s, surplus

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("newest", "hours", "due"),
    [
        (None, 24, True),
        (NOW - 24 * HOUR, 24, True),
        (NOW - 23.99 * HOUR, 24, False),
        (NOW, 24, False),
        (NOW - 2 * HOUR, 1, True),
        # made while the clock ran ahead: it must not stop backups for years
        (NOW + HOUR, 24, True),
        (None, 0, False),
        (NOW - 1000 * HOUR, 0, False),
    ],
)
def test_when_a_backup_is_due(newest: datetime | None, hours: int, due: bool) -> None:
    assert backup_due(newest, NOW, hours) is due


def test_the_newest_copies_stay_and_those_of_the_future_go_first() -> None:
    copies = [(NOW - n * HOUR, f"c{n}") for n in (3, 1, 2, 0)] + [(NOW + 99 * HOUR, "future")]
    assert surplus(copies, NOW, 5) == []
    assert surplus(copies, NOW, 4) == ["future"]
    assert surplus(copies, NOW, 2) == ["c2", "c3", "future"]
    assert surplus(copies, NOW, 1) == ["c1", "c2", "c3", "future"]
    with pytest.raises(ValueError, match="at least one"):
        surplus(copies, NOW, 0)


def test_the_delay_doubles_and_has_an_end() -> None:
    assert [pin_delay_s(n) for n in (-1, 0, 1, 2, 3, 4, 9, 10, 10_000)] == [0, 0, 1, 2, 4, 8, 256, 300, 300]


def test_what_a_lock_left() -> None:
    def state(*actions: str) -> LockState:
        return lock_state(AuditEvent("", NOW, "x", action) for action in actions)

    assert state() == LockState(False, 0)
    assert state("lock", "backup") == LockState(True, 0)
    assert state("lock", "wrong-pin", "wrong-pin", "set-person") == LockState(True, 2)
    assert state("lock", "wrong-pin", "unlock") == LockState(False, 0)
    assert state("lock", "unlock", "lock") == LockState(True, 0)
    assert lock_state([AuditEvent("r1", NOW, "x", "lock")]) == LockState(False, 0)
