"""What the disk and other programs can do to the store: a clear message, and nothing lost."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from boneage_desk.archive.migrations import APPLICATION_ID, MIGRATIONS, Migration
from boneage_desk.archive.store import SqliteStore
from boneage_desk.common.errors import StoreError
from boneage_desk.reading.session import AuditEvent, ReadingSession, SetGrade, SetImpression
from tests.samples import NOON, WHO, analysed


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "数据 with spaces" / "boneage.sqlite3"


@pytest.fixture(autouse=True)
def folder(path: Path) -> None:
    path.parent.mkdir()


def put(store: SqliteStore, reading_id: str = "r1") -> ReadingSession:
    session = analysed(reading_id)
    store.add(session.reading, AuditEvent(reading_id, NOON, WHO, "open"))
    return session


def refusal(path: Path, **options: object) -> StoreError:
    with pytest.raises(StoreError) as caught:
        SqliteStore(path, **options)  # type: ignore[arg-type]
    assert caught.value.message
    assert caught.value.remedy
    return caught.value


def test_a_full_disk_loses_nothing_and_the_audit_has_no_gap(path: Path) -> None:
    store = SqliteStore(path)
    session = put(store)
    connection = store._connection
    assert connection is not None
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    saved = session.reading
    for text in ("a" * 60_000, "b" * 60_000):
        event = session.do(SetImpression(text), at=NOON, who=WHO)
        with pytest.raises(StoreError) as caught:
            store.save(session.reading, event)
        assert caught.value.code == "disk-full"
        assert "space" in caught.value.remedy
        assert store.get("r1") == saved
    connection.execute("PRAGMA max_page_count = 1000000")
    event = session.do(SetGrade("radius", 3), at=NOON, who=WHO)
    store.save(session.reading, event)
    assert store.get("r1") == session.reading
    assert [e.action for e in store.events()] == ["open", "set-impression", "set-impression", "set-grade"]
    assert store.verify() == []
    store.close()


def test_a_failed_save_may_be_tried_again_as_it_is(path: Path) -> None:
    store = SqliteStore(path)
    session = put(store)
    connection = store._connection
    assert connection is not None
    connection.execute("PRAGMA query_only = ON")
    event = session.do(SetGrade("radius", 3), at=NOON, who=WHO)
    for _ in range(2):
        with pytest.raises(StoreError) as caught:
            store.save(session.reading, event)
        assert caught.value.code == "read-only"
    connection.execute("PRAGMA query_only = OFF")
    store.save(session.reading, event)
    assert [e.action for e in store.events()] == ["open", "set-grade"]
    store.close()


FILE_LIMIT = """
import resource, signal, sys
from boneage_desk.archive.store import SqliteStore
from boneage_desk.common.errors import StoreError
from boneage_desk.reading.session import AuditEvent, SetImpression
from tests.samples import NOON, WHO, analysed
store = SqliteStore(sys.argv[1])
session = analysed()
store.add(session.reading, AuditEvent("r1", NOON, WHO, "open"))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
kept = 0
for i in range(100):
    event = session.do(SetImpression(str(i) + "x" * 20_000), at=NOON, who=WHO)
    try:
        store.save(session.reading, event)
    except StoreError as error:
        print("refused", error.code, kept, bool(error.remedy))
        break
    kept = session.reading.revision
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file size are POSIX")
def test_a_disk_that_ends_in_the_middle_of_a_write(path: Path, repository: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FILE_LIMIT, str(path)], cwd=repository, capture_output=True, text=True, timeout=60
    )
    words = done.stdout.split()
    assert words[:1] == ["refused"], done.stderr
    assert words[1] in ("disk", "disk-full")
    assert words[3] == "True"
    with closing(SqliteStore(path)) as store:
        assert store.get("r1").revision == int(words[2])
        assert store.verify() == []


REPORT_LIMIT = """
import resource, signal, sys
from boneage_desk.archive.store import SqliteStore
from boneage_desk.common.errors import StoreError
from tests import scripted
store = SqliteStore(sys.argv[1])
session = scripted.play(store, steps=scripted.SIGNED_AT - 1)
reviewed = session.reading
event, report = scripted.go_on(session)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
wal = __import__("os").path.getsize(sys.argv[1] + "-wal")
resource.setrlimit(resource.RLIMIT_FSIZE, (wal + 10_000, resource.RLIM_INFINITY))
for again in range(2):
    try:
        store.save(session.reading, event, report=report if not again else None)
    except StoreError as error:
        print(error.code, bool(error.remedy), store.get("r1") == reviewed)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
store.save(session.reading, event)  # the retry has no bytes any more
print(store.get("r1") == session.reading, store.report("r1") == report, store.verify())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file size are POSIX")
def test_a_disk_that_ends_while_a_report_is_written(path: Path, repository: Path) -> None:
    """Neither signature nor report is there; when there is room again the retry brings both."""
    done = subprocess.run(
        [sys.executable, "-c", REPORT_LIMIT, str(path)], cwd=repository, capture_output=True, text=True, timeout=60
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 3, done.stderr
    for line in lines[:2]:
        assert line in ("disk-full True True", "disk True True")
    assert lines[2] == "True True []"
    with closing(SqliteStore(path)) as store:
        assert store.verify() == []


LOCKER = """
import sqlite3, sys
other = sqlite3.connect(sys.argv[1], isolation_level=None)
other.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.readline()
"""


def test_a_file_that_another_process_locks_is_told_and_then_works(path: Path, repository: Path) -> None:
    store = SqliteStore(path, busy_seconds=0.05)
    session = put(store)
    child = subprocess.Popen(
        [sys.executable, "-c", LOCKER, str(path)], cwd=repository, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "locked\n"
    event = session.do(SetGrade("radius", 3), at=NOON, who=WHO)
    with pytest.raises(StoreError) as caught:
        store.save(session.reading, event)
    assert caught.value.code == "locked"
    child.communicate("\n", timeout=30)
    store.save(session.reading, event)
    assert store.get("r1") == session.reading
    store.close()


def test_a_clock_that_runs_backwards_is_recorded_as_it_is(path: Path) -> None:
    from datetime import timedelta

    from boneage_desk.reading.chain import notes

    with closing(SqliteStore(path)) as store:
        session = put(store)
        for i, days in enumerate((0, -400, 1)):
            event = session.do(SetGrade("radius", i), at=NOON + timedelta(days=days), who=WHO)
            store.save(session.reading, event)
        assert [e.at for e in store.events()] == [NOON, NOON, NOON - timedelta(days=400), NOON + timedelta(days=1)]
        assert store.verify() == []
        assert store.get("r1") == session.reading
        found = notes(store.audit_rows())
        assert len(found) == 1
        assert found[0].startswith("Audit row 3 is dated 2023-06-08T12:00:00+00:00, before row 2")


def test_a_locked_file_is_told_and_then_works(path: Path) -> None:
    store = SqliteStore(path, busy_seconds=0.05)
    session = put(store)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        event = session.do(SetGrade("radius", 3), at=NOON, who=WHO)
        with pytest.raises(StoreError) as caught:
            store.save(session.reading, event)
        assert caught.value.code == "locked"
        assert refusal(path, busy_seconds=0.05).code == "locked"
        other.execute("ROLLBACK")
    store.save(session.reading, event)
    assert store.get("r1") == session.reading
    store.close()


READ_ONLY = """
import os, sys
from boneage_desk.archive.store import SqliteStore
from boneage_desk.common.errors import StoreError
if os.geteuid() == 0:  # root writes everywhere: look at it as an account that may not
    os.setuid(65534)
try:
    SqliteStore(sys.argv[1])
except StoreError as error:
    print(error.code, "|", error.remedy)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="rights of POSIX")
@pytest.mark.parametrize("there", [True, False])
def test_a_read_only_folder_is_told(repository: Path, there: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "boneage.sqlite3"
        if there:
            SqliteStore(path).close()
            path.chmod(0o444)
        folder.chmod(0o555)
        try:
            done = subprocess.run(
                [sys.executable, "-c", READ_ONLY, str(path)], cwd=repository, capture_output=True, text=True, timeout=60
            )
        finally:
            folder.chmod(0o755)
    assert done.stdout.startswith("read-only | Give yourself write access"), done.stdout + done.stderr


def test_a_missing_folder_is_told(path: Path) -> None:
    assert refusal(path.parent / "gone" / "boneage.sqlite3").code == "disk"


def test_a_file_that_is_no_data_base_is_left_as_it_is(path: Path) -> None:
    path.write_bytes(b"this is a letter" * 500)
    before = path.read_bytes()
    assert refusal(path).code == "not-a-database"
    assert path.read_bytes() == before


def test_a_data_base_of_another_program_is_left_as_it_is(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE songs (title TEXT)")
        other.commit()
    before = path.read_bytes()
    assert refusal(path).code == "not-ours"
    assert path.read_bytes() == before


def test_a_damaged_file_is_told_by_verify(path: Path) -> None:
    with closing(SqliteStore(path)) as store:
        session = put(store)
        for i in range(30):
            event = session.do(SetImpression(f"{i}" * 3000), at=NOON, who=WHO)
            store.save(session.reading, event)
    content = bytearray(path.read_bytes())
    for start in range(8 * 4096, len(content), 4096):
        content[start : start + 64] = b"\xaa" * 64
    path.write_bytes(content)
    try:
        with closing(SqliteStore(path)) as store:
            assert store.verify()
    except StoreError as error:
        assert error.code == "not-a-database"


# ---------------------------------------------------------------------------------------- migrations
NEXT = Migration("9999-notes", ("CREATE TABLE notes (text TEXT) STRICT", "INSERT INTO notes VALUES ('first')"))


def test_an_older_file_is_copied_then_migrated(path: Path) -> None:
    with closing(SqliteStore(path)) as store:
        session = put(store)
    with closing(SqliteStore(path, migrations=(*MIGRATIONS, NEXT), now=lambda: "2026-01-02T03:04:05+00:00")) as store:
        assert store.get("r1") == session.reading
        connection = store._connection
        assert connection is not None
        assert connection.execute("SELECT text FROM notes").fetchall() == [("first",)]
        assert [row[0] for row in connection.execute("SELECT name FROM schema_migrations ORDER BY number")] == [
            *(step.name for step in MIGRATIONS), NEXT.name,
        ]  # fmt: skip
    copies = list(path.parent.glob("*.backup.sqlite3"))
    assert [copy.name for copy in copies] == [f"boneage.{MIGRATIONS[-1].name[:4]}-20260102030405.backup.sqlite3"]
    with closing(SqliteStore(copies[0])) as store:
        assert store.get("r1") == session.reading
        assert store.verify() == []


def test_a_step_that_fails_leaves_the_file_as_it_was(path: Path) -> None:
    with closing(SqliteStore(path)) as store:
        session = put(store)
    broken = Migration("9999-broken", (*NEXT.statements, "CREATE TABLE nonsense ("))
    assert refusal(path, migrations=(*MIGRATIONS, broken)).code == "store"
    with closing(SqliteStore(path)) as store:
        assert store.get("r1") == session.reading
    with closing(sqlite3.connect(path)) as plain:
        assert plain.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'notes'").fetchone() == (0,)


def test_a_newer_file_is_refused_untouched(path: Path) -> None:
    SqliteStore(path, migrations=(*MIGRATIONS, NEXT)).close()
    before = path.read_bytes()
    error = refusal(path)
    assert error.code == "newer"
    assert "9999-notes" in error.message
    assert path.read_bytes() == before
    assert sorted(p.name for p in path.parent.iterdir()) == ["boneage.sqlite3"]


def test_two_programs_may_make_the_file_at_once(path: Path, repository: Path) -> None:
    code = "import sys\nfrom boneage_desk.archive.store import SqliteStore\nSqliteStore(sys.argv[1]).close()"
    children = [subprocess.Popen([sys.executable, "-c", code, str(path)], cwd=repository) for _ in range(3)]
    assert [child.wait(60) for child in children] == [0, 0, 0]


def test_how_the_file_is_kept(path: Path) -> None:
    with closing(SqliteStore(path)) as store:
        connection = store._connection
        assert connection is not None
        found = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys", "application_id")
        }
        assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "application_id": APPLICATION_ID}
        strict = connection.execute("SELECT name FROM pragma_table_list WHERE schema = 'main' AND NOT strict").fetchall()
        assert [name for (name,) in strict if not name.startswith("sqlite_")] == []
        if sys.platform != "win32":
            assert path.stat().st_mode & 0o077 == 0


def test_work_lists_can_ask_by_patient_and_bone(path: Path) -> None:
    with closing(SqliteStore(path)) as store:
        session = put(store)
        event = session.do(SetGrade("radius", 3), at=NOON, who=WHO)
        store.save(session.reading, event)
        connection = store._connection
        assert connection is not None
        row = connection.execute(
            """
            SELECT s.patient_id, s.patient_name_ideographic, s.sex, s.study_date, a.state, f.machine_grade, f.human_grade
            FROM assessments a JOIN studies s USING (study_id) JOIN findings f USING (reading_id)
            WHERE f.bone = 'radius'
            """
        ).fetchall()
        assert row == [("0042", "李^明", "F", "2024-07-11", "draft", 6, 3)]


def test_a_backup_opens_and_is_whole(path: Path, tmp_path: Path) -> None:
    with closing(SqliteStore(path)) as store:
        session = put(store)
        target = store.backup(tmp_path / "copy.sqlite3")
    with closing(SqliteStore(target)) as copy:
        assert copy.get("r1") == session.reading
        assert copy.verify() == []
