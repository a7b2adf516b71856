"""Backups that were read again, and a restore that is all or nothing."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from boneage_desk.archive import backup
from boneage_desk.archive.migrations import FIRST, MIGRATIONS, Migration
from boneage_desk.archive.station import Station
from boneage_desk.archive.store import SqliteStore
from boneage_desk.common.errors import BoneAgeError, Cancelled, InputError, StoreError
from boneage_desk.common.jobs import CancelToken
from boneage_desk.reading.people import Person, Role
from boneage_desk.reading.station import Restored
from tests import scripted
from tests.earlier_schema import as_of
from tests.samples import NOON, WHO


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """s1 signed and d1 a draft."""
    target = tmp_path_factory.mktemp("made") / "boneage.sqlite3"
    with closing(SqliteStore(target)) as store:
        scripted.play(store, "s1", scripted.SIGNED_AT)
        scripted.play(store, "d1", 2)
    return target


@pytest.fixture
def path(made: Path, tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return Path(shutil.copy(made, tmp_path / "data" / "boneage.sqlite3"))


@pytest.fixture
def copy(path: Path, tmp_path: Path) -> Path:
    """A backup; the data base has one more reading than it."""
    with station(path) as (it, store):
        made = it.backup(tmp_path / "copy.sqlite3", at=NOON, who=WHO)
        scripted.play(store, "later", 0)
    return made.path


@contextmanager
def station(path: Path) -> Iterator[tuple[Station, SqliteStore]]:
    with closing(SqliteStore(path)) as store:
        yield Station(path, lambda: store), store


def never() -> SqliteStore:
    raise AssertionError("a restore may not open the store")


def restored(source: Path, path: Path, who: str = WHO, at: datetime = NOON) -> Restored:
    return Station(path, never).restore(source, at=at, who=who)


def refusal(source: Path, path: Path, who: str = WHO) -> BoneAgeError:
    """Why a restore is refused; neither the source nor the data base nor any other file changed."""

    def state() -> dict[str, bytes]:
        return {p.name: p.read_bytes() for folder in {source.parent, path.parent} for p in folder.iterdir() if p.is_file()}

    before = state()
    with pytest.raises(BoneAgeError) as caught:
        restored(source, path, who)
    assert state() == before
    assert caught.value.message
    return caught.value


def ids(path: Path) -> set[str]:
    with closing(SqliteStore(path)) as store:
        assert store.verify() == []
        return {reading.reading_id for reading in store.list()}


# ----------------------------------------------------------------------------------------- backup
def test_a_backup_holds_everything_and_is_in_the_chain(path: Path, tmp_path: Path) -> None:
    with station(path) as (it, store):
        made = it.backup(tmp_path, at=NOON, who=WHO)
        assert (made.readings, made.rows) == (2, 25)
        assert made.sha256 == backup.sha256_of_file(made.path)
        event = store.events("")[-1]
        assert (event.action, event.detail) == ("backup", made.path.name)
        assert made.sha256[:16] in event.after
        assert store.verify() == []
        assert it.newest_backup(tmp_path, NOON) == NOON
        assert it.newest_backup(tmp_path, NOON - timedelta(seconds=1)) is None
        with pytest.raises(InputError):  # the same second again
            it.backup(tmp_path, at=NOON, who=WHO)
    with closing(SqliteStore(made.path)) as again:
        assert again.report("s1") == scripted.pdf("s1", 1)
        assert again.verify() == []
    if sys.platform != "win32":
        assert made.path.stat().st_mode & 0o077 == 0


def test_saves_go_on_meanwhile(path: Path, tmp_path: Path) -> None:
    """The copy is one state of the file, whatever is saved while it is made."""
    with station(path) as (it, store):
        stop, failures = threading.Event(), list[BaseException]()

        def work() -> None:
            try:
                for i in range(200):
                    if stop.is_set():
                        return
                    scripted.play(store, f"n{i}", 1)
            except BaseException as error:
                failures.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            made = [it.backup(tmp_path / f"{i}.sqlite3", at=NOON, who=WHO) for i in range(4)]
        finally:
            stop.set()
            thread.join()
        assert failures == []
        assert store.verify() == []
    assert all(ids(one.path) for one in made)


def test_what_is_not_whole_is_no_backup_and_older_ones_stay(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()
    with station(path) as (it, store):
        good = it.backup(folder, at=NOON, who=WHO, keep=1)
        connection = store._connection
        assert connection is not None
        connection.execute("DROP TRIGGER reports_refuse_update")
        connection.execute("UPDATE reports SET pdf = x'00'")
        with pytest.raises(StoreError) as caught:
            it.backup(folder, at=NOON + timedelta(days=1), who=WHO, keep=1)
        assert caught.value.code == "backup"
        assert "Report 1 of reading s1 is not the file that was signed" in caught.value.message
        assert [p.name for p in folder.iterdir()] == [good.path.name]
        assert [e.action for e in store.events("")] == ["backup"]


def test_a_cancelled_copy_leaves_nothing(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()
    token = CancelToken()
    token.cancel()
    with station(path) as (it, _), pytest.raises(Cancelled):
        it.backup(folder, at=NOON, who=WHO, cancel=token)
    assert list(folder.iterdir()) == []


def test_what_a_killed_copy_left_goes_with_the_next(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()
    (folder / (backup.dated_name(path, NOON) + ".part")).write_bytes(b"half")
    (folder / "other.sqlite3.part").write_bytes(b"not ours")
    with station(path) as (it, _):
        it.backup(folder, at=NOON + timedelta(hours=1), who=WHO)
    assert sorted(p.suffix for p in folder.iterdir()) == [".part", ".sqlite3"]
    assert (folder / "other.sqlite3.part").exists()


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_is_told(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copies"
    folder.mkdir(mode=0o555)
    with station(path) as (it, _), pytest.raises(StoreError) as caught:
        it.backup(folder, at=NOON, who=WHO)
    assert caught.value.code == "read-only"


def test_stations_share_a_folder(path: Path, tmp_path: Path) -> None:
    folder, other = tmp_path / "copies", tmp_path / "other" / "boneage.sqlite3"
    folder.mkdir()
    other.parent.mkdir()
    shutil.copy(path, other)
    for i in range(3):
        for one in (path, other):
            with station(one) as (it, _):
                it.backup(folder, at=NOON + timedelta(days=i), who=WHO, keep=2)
    assert len(backup.copies_in(folder, path)) == len(backup.copies_in(folder, other)) == 2
    assert len(list(folder.iterdir())) == 4


# ---------------------------------------------------------------------------------------- restore
def test_a_restore_swaps_and_keeps(path: Path, copy: Path) -> None:
    before = path.read_bytes()
    done = restored(copy, path)
    assert ids(path) == {"s1", "d1"}
    assert done.kept is not None and done.kept.name == "boneage.replaced-20240712T120000Z.sqlite3"
    assert ids(done.kept) == {"s1", "d1", "later"}
    assert len(before) > 0
    with closing(SqliteStore(path)) as store:
        event = store.events("")[-1]
        assert (event.action, event.who) == ("restore", WHO)
        assert event.detail.startswith("copy.sqlite3, sha256 ")
        assert event.before.startswith("27 audit rows, the last ")
        assert store.report("s1") == scripted.pdf("s1", 1)
    again = restored(copy, path)  # the same second: another name
    assert again.kept is not None and again.kept != done.kept


def test_into_an_empty_folder(copy: Path, tmp_path: Path) -> None:
    target = tmp_path / "new" / "boneage.sqlite3"
    target.parent.mkdir()
    assert restored(copy, target).kept is None
    assert ids(target) == {"s1", "d1"}
    assert sorted(p.name for p in target.parent.iterdir()) == ["boneage.sqlite3"]


def test_a_damaged_data_base_is_replaced_and_kept(path: Path, copy: Path) -> None:
    path.write_bytes(b"\0" * 5000)
    path.with_name(path.name + "-wal").write_bytes(b"an old log")
    done = restored(copy, path)
    assert ids(path) == {"s1", "d1"}
    assert done.kept is not None and done.kept.read_bytes() == b"\0" * 5000
    assert done.kept.with_name(done.kept.name + "-wal").read_bytes() == b"an old log"
    with closing(SqliteStore(path)) as store:
        assert store.events("")[-1].before == "a file that could not be read"


def test_a_copy_with_its_log_beside_it_is_whole(path: Path, tmp_path: Path) -> None:
    """The file of a station whose program was killed: the newest changes are in the log only."""
    source = tmp_path / "killed" / "boneage.sqlite3"
    source.parent.mkdir()
    with closing(SqliteStore(path)) as store:
        scripted.play(store, "in-the-log", 1)
        for side in ("", "-wal"):
            shutil.copy(path.with_name(path.name + side), source.with_name(source.name + side))
    target = tmp_path / "new" / "boneage.sqlite3"
    target.parent.mkdir()
    restored(source, target)
    assert ids(target) == {"s1", "d1", "in-the-log"}


def test_a_backup_of_the_first_schema_is_brought_up(path: Path, tmp_path: Path) -> None:
    old = tmp_path / "old.sqlite3"
    with closing(SqliteStore(tmp_path / "present.sqlite3")) as store:
        scripted.play(store, "old", 3)
    as_of((FIRST,), tmp_path / "present.sqlite3", old)
    before = old.read_bytes()
    assert restored(old, path).migrated == tuple(step.name for step in MIGRATIONS[1:])
    assert ids(path) == {"old"}
    assert old.read_bytes() == before
    with closing(SqliteStore(path)) as store:
        assert [e.action for e in store.events("")] == [*["migrate"] * len(MIGRATIONS[1:]), "restore"]


def test_a_damaged_copy_is_refused(path: Path, copy: Path) -> None:
    content = bytearray(copy.read_bytes())
    for start in range(6 * 4096, len(content), 4096):
        content[start : start + 64] = b"\xaa" * 64
    copy.write_bytes(content)
    assert refusal(copy, path).code in ("damaged", "not-a-database")


def test_a_torn_copy_is_refused(path: Path, copy: Path) -> None:
    copy.write_bytes(copy.read_bytes()[:-5000])
    assert refusal(copy, path).code in ("damaged", "not-a-database")


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE audit SET who = 'x' WHERE seq = 3", "Audit row 3 was changed"),
        ("UPDATE reports SET pdf = x'00'", "Report 1 of reading s1"),
        ("UPDATE people SET role = 'radiologist'", ""),
        ("UPDATE assessments SET document = '{}' WHERE reading_id = 'd1'", "Reading d1 is not as audit row"),
    ],
)
def test_a_copy_that_was_tampered_with_is_refused(path: Path, copy: Path, statement: str, words: str) -> None:
    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        if not words:
            connection.execute("INSERT INTO people VALUES ('boss', 'Boss', 'administrator', '')")
            words = "The profile of boss has no audit row"
        connection.execute(statement)
    error = refusal(copy, path)
    assert error.code == "damaged"
    assert words in error.message


def test_what_is_none_of_ours_is_refused(path: Path, tmp_path: Path) -> None:
    letter, songs, nothing = (tmp_path / name for name in ("letter.txt", "songs.sqlite3", "empty.sqlite3"))
    letter.write_bytes(b"this is a letter" * 500)
    nothing.write_bytes(b"")
    with closing(sqlite3.connect(songs)) as other:
        other.execute("CREATE TABLE songs (title TEXT)")
        other.commit()
    assert refusal(letter, path).code == "not-a-database"
    assert refusal(songs, path).code == "not-ours"
    assert refusal(nothing, path).code == "not-ours"
    assert refusal(tmp_path / "gone.sqlite3", path).code == "not-found"
    assert refusal(path, path).code == "bad-source"


def test_a_newer_copy_is_refused(path: Path, tmp_path: Path) -> None:
    newer = tmp_path / "newer.sqlite3"
    SqliteStore(newer, migrations=(*MIGRATIONS, Migration("9999-more", ("CREATE TABLE more (x TEXT) STRICT",)))).close()
    error = refusal(newer, path)
    assert error.code == "newer"
    assert "9999-more" in error.message
    assert "Update" in error.remedy


HOLD = """
import sys
from boneage_desk.archive.store import SqliteStore
store = SqliteStore(sys.argv[1])
print("open", flush=True)
sys.stdin.readline()
"""


@pytest.mark.parametrize("damaged", [False, True])
def test_while_another_process_has_it_open_it_is_refused(path: Path, copy: Path, repository: Path, damaged: bool) -> None:
    """Even an idle window, which holds no transaction."""
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], cwd=repository, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None and child.stdin is not None
    try:
        assert child.stdout.readline() == "open\n"
        if damaged:
            with open(path, "rb+") as file:
                file.write(b"\0" * 4096)
        with pytest.raises(StoreError) as caught:
            restored(copy, path)
        assert caught.value.code == "locked"
        assert "Close BoneAge Desk" in caught.value.remedy
        assert not list(path.parent.glob("*replaced*")) and not list(path.parent.glob("*restore-*"))
    finally:
        child.communicate("\n", timeout=30)
    restored(copy, path)
    assert ids(path) == {"s1", "d1"}


def test_only_an_administrator_restores_where_there_is_one(path: Path, copy: Path) -> None:
    with closing(SqliteStore(path)) as store:
        store.set_person(Person("boss", "Boss", Role.ADMINISTRATOR), at=NOON, who="boss")
        store.set_person(Person("wang", "Wang", Role.RADIOLOGIST), at=NOON, who="boss")
    for who in ("wang", "nobody"):
        with pytest.raises(InputError) as caught:
            restored(copy, path, who)
        assert caught.value.code == "role"
    assert "later" in ids(path)
    restored(copy, path, "boss")
    assert "later" not in ids(path)


def test_a_swap_that_fails_leaves_what_was_there(path: Path, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_old: object, _new: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(StoreError) as caught:
            restored(copy, path)
    assert caught.value.code == "disk-full"
    assert "later" in ids(path)
    assert not list(path.parent.glob("*restore-*"))


def test_without_links_what_was_there_is_copied(path: Path, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", none)
        done = restored(copy, path)
    assert done.kept is not None and "later" in ids(done.kept)
    assert ids(path) == {"s1", "d1"}


RESTORE = """
import sys
from datetime import datetime
from pathlib import Path
from boneage_desk.archive.restore import restore
print("ready", flush=True)
restore(Path(sys.argv[1]), Path(sys.argv[2]), at=datetime.fromisoformat("2026-01-01T00:00:00+00:00"), who="reader")
print("done", flush=True)
"""


@pytest.mark.slow
def test_killed_in_the_middle_one_or_the_other_is_there(path: Path, copy: Path, repository: Path) -> None:
    import random
    import time

    chance = random.Random(7)
    seen = set()
    longest = 0.0
    for turn in range(26):
        child = subprocess.Popen(
            [sys.executable, "-c", RESTORE, str(copy), str(path)], cwd=repository, stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        with child.stdout:
            assert child.stdout.readline() == "ready\n"
            if turn == 0:  # how long it takes here
                began = time.perf_counter()
                child.wait(60)
                longest = time.perf_counter() - began
            else:
                time.sleep(chance.uniform(0, 1.2 * longest))
                child.kill()
                child.wait(30)
        there = frozenset(ids(path))
        assert there in ({"s1", "d1"}, {"s1", "d1", "later"})
        seen.add(there)
        if "later" not in there:
            with closing(SqliteStore(path)) as store:
                scripted.play(store, "later", 0)
    assert len(seen) == 2
    restored(copy, path)
    assert not list(path.parent.glob(".*restore-*"))  # a killed one's copies go with the next


def test_a_window_that_opened_the_old_file_does_not_write_into_it(path: Path, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the opening of the file and the first look at it the data base was restored: told, not written beside."""
    from boneage_desk.archive import store as module

    real = module.pending

    def late(*args: object) -> object:
        found = real(*args)  # type: ignore[arg-type]
        os.replace(copy, path)
        return found

    monkeypatch.setattr(module, "pending", late)
    with pytest.raises(StoreError) as caught:
        SqliteStore(path)
    assert caught.value.code == "locked"
    assert NOON.tzinfo is UTC
