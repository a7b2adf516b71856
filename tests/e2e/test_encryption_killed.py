"""A process that encrypts a data base is killed at random points: the data base is in clear or encrypted, never in between."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from boneage_desk.archive.station import Station
from boneage_desk.archive.store import SqliteStore
from boneage_desk.archive.vault import Keys
from boneage_desk.reading.session import AuditEvent, SetGrade
from tests.samples import NOON, WHO, analysed

PASSPHRASE = "correct horse battery"
KILLS = 12
SCRIPT = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from boneage_desk.archive.station import Station
from boneage_desk.archive.vault import Keys
from boneage_desk.archive.store import SqliteStore
path = Path(sys.argv[1])
print("ready", flush=True)
Station(path, lambda: None, Keys()).encrypt(at=datetime.now(UTC), who="reader", passphrase=sys.argv[2], delete_clear=True)
"""


@pytest.mark.slow
def test_a_killed_switch_leaves_one_whole_data_base(tmp_path: Path) -> None:
    path = tmp_path / "boneage.sqlite3"
    readings = []
    with closing(SqliteStore(path)) as store:
        for number in range(15):
            session = analysed(f"r{number}", name=f"CHILD{number}^Secret")
            store.add(session.reading, AuditEvent(f"r{number}", NOON, WHO, "open"))
            for grade in (3, 4, 5):
                event = session.do(SetGrade("radius", grade), at=NOON + timedelta(seconds=grade), who=WHO)
                store.save(session.reading, event)
            readings.append(session.reading)
    random.seed(7)
    keys = Keys(ask=lambda: PASSPHRASE)
    longest, ended = 0.0, set()
    for _ in range(KILLS):
        process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(path), PASSPHRASE], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        began = time.monotonic()
        if longest:
            time.sleep(random.uniform(0.0, longest * 1.1))
            process.kill()
        process.communicate()
        longest = longest or time.monotonic() - began
        with closing(SqliteStore(path, keys=keys)) as store:
            assert sorted(store.list(), key=lambda r: int(r.reading_id[1:])) == readings
            assert store.verify() == []
        station = Station(path, lambda: SqliteStore(path, keys=keys), keys)
        ended.add(station.encryption().on)
        if station.encryption().on:
            station.decrypt(at=NOON, who=WHO)
    assert ended == {True, False}  # some were in time, some were not
    # what killed ones left goes with the next switch
    station.encrypt(at=NOON, who=WHO, passphrase=PASSPHRASE, delete_clear=True)
    left = [p for p in tmp_path.iterdir() if ".restore-" in p.name]
    assert left == []
