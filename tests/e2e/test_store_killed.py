"""A process that saves changes is killed at any moment: what it had acknowledged is there."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from boneage_desk.archive.store import SqliteStore

WRITER = """
import sys
from boneage_desk.archive.store import SqliteStore
from boneage_desk.reading.session import AuditEvent, ReadingSession, SetGrade
from tests.samples import NOON, WHO, analysed
store = SqliteStore(sys.argv[1])
try:
    session = ReadingSession(store.get("r1"))
except Exception:
    session = analysed("r1")
    store.add(session.reading, AuditEvent("r1", NOON, WHO, "open"))
print("ready", flush=True)
while True:
    event = session.do(SetGrade("radius", session.reading.revision % 10), at=NOON, who=WHO)
    store.save(session.reading, event)
    print(session.reading.revision, flush=True)
"""


def kill_once(path: Path, repository: Path, delay: float) -> int:
    """Start the writer, kill it ``delay`` seconds after it is ready; the last revision that it acknowledged."""
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
    return int(said[-1]) if said else 0


def check(path: Path, repository: Path, times: int) -> None:
    chance = random.Random(20240711)
    acknowledged = 0
    for _ in range(times):
        acknowledged = max(acknowledged, kill_once(path, repository, chance.uniform(0.0, 0.12)))
        with closing(SqliteStore(path)) as store:
            found = store.get("r1")
            # at most the one change that was under way is there beyond what was acknowledged
            assert acknowledged <= found.revision <= acknowledged + 1
            acknowledged = found.revision
            assert len(store.events("r1")) == found.revision
            assert found.bone("radius").human_grade == (found.revision - 1) % 10 or found.revision == 1
            assert store.verify() == []


def test_killed_at_random_points_nothing_acknowledged_is_lost(tmp_path: Path, repository: Path) -> None:
    check(tmp_path / "boneage.sqlite3", repository, 8)


@pytest.mark.slow
def test_killed_two_hundred_times(tmp_path: Path, repository: Path) -> None:
    check(tmp_path / "boneage.sqlite3", repository, 200)
