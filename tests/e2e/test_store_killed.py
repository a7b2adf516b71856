"""A process that reads, signs and amends by script is killed at any moment: what it had acknowledged is there."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from boneage_desk.archive.store import SqliteStore
from boneage_desk.common.errors import StoreError
from boneage_desk.reading.assessment import SEALED
from tests import scripted

WRITER = """
import sys
from boneage_desk.archive.store import SqliteStore
from boneage_desk.reading.session import ReadingSession
from tests import scripted
store = SqliteStore(sys.argv[1])
there = store.list()
number = len(there)
session = ReadingSession(there[0]) if there else None
print("ready", flush=True)
while True:
    done = scripted.go_on(session) if session is not None else None
    if done is None:  # the script's end: the next reading
        number += 1
        session, event = scripted.begin(f"r{number}")
        store.add(session.reading, event)
    else:
        store.save(session.reading, done[0], report=done[1])
    print(number, session.reading.revision, flush=True)
"""
"""Goes on where the last one was killed; says which reading and revision is on disk after each save."""


def kill_once(path: Path, repository: Path, delay: float) -> tuple[int, int]:
    """Start the writer, kill it ``delay`` seconds after it is ready; (reading, revision) that it acknowledged last."""
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], cwd=repository, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    with child.stdout:
        assert child.stdout.readline() == "ready\n"
        time.sleep(delay)
        child.kill()
        # a torn last line was not acknowledged
        said = [line for line in child.stdout.read().split("\n")[:-1] if line]
    child.wait(30)
    if not said:
        return (0, 0)
    number, revision = said[-1].split()
    return int(number), int(revision)


def look(path: Path, acknowledged: tuple[int, int]) -> tuple[int, int]:
    """The file opens and is whole; every reading is as the script left it; a report is there exactly when its signature
    is. (number, revision) of the newest reading."""
    with closing(SqliteStore(path)) as store:
        assert store.verify() == []
        readings = list(reversed(store.list()))
        assert [r.reading_id for r in readings] == [f"r{n + 1}" for n in range(len(readings))]
        last = (len(readings), readings[-1].revision) if readings else (0, 0)
        assert last >= acknowledged
        number, revision = acknowledged
        # at most the one change that was under way is there beyond what was acknowledged
        assert last in (acknowledged, (number, revision + 1), (number + 1, 0)) or acknowledged == (0, 0)
        for reading in readings[-2:]:
            assert reading == scripted.at_revision(reading.reading_id, reading.revision).reading
            assert len(store.events(reading.reading_id)) == reading.revision + 1
            assert (reading.state in SEALED) == (reading.revision >= scripted.SIGNED_AT)
            for seal in reading.signatures:
                assert store.report(reading.reading_id, seal.number) == scripted.pdf(reading.reading_id, seal.number)
            with pytest.raises(StoreError):
                store.report(reading.reading_id, len(reading.signatures) + 1)
        assert all(r.revision == len(scripted.STEPS) for r in readings[:-1])
        return last


def check(path: Path, repository: Path, times: int, longest: float) -> tuple[int, int]:
    chance = random.Random(20240711)
    last = (0, 0)
    for _ in range(times):
        acknowledged = max(last, kill_once(path, repository, chance.uniform(0.0, longest)))
        last = look(path, acknowledged)
    return last


def test_killed_at_random_points_nothing_acknowledged_is_lost(tmp_path: Path, repository: Path) -> None:
    number, _ = check(tmp_path / "boneage.sqlite3", repository, 12, 0.3)
    assert number >= 1


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_killed_two_hundred_times(tmp_path: Path, repository: Path) -> None:
    number, _ = check(tmp_path / "boneage.sqlite3", repository, 200, 0.25)
    assert number >= 3  # whole readings, with their signatures and addenda, were among the points
