"""Puts a backup in the data base's place: looked at first, nobody using it, the old one kept, all or nothing."""

from __future__ import annotations

import errno
import glob
import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from boneage_desk.archive import audit, backup, check, faults, people
from boneage_desk.archive.migrations import MIGRATIONS, migrate, pending
from boneage_desk.archive.schema import strangers
from boneage_desk.archive.vault import NO_KEYS, Connection, Keys, Vault, load
from boneage_desk.common.errors import InputError, StoreError
from boneage_desk.reading.assessment import AuditEvent
from boneage_desk.reading.chain import STATION
from boneage_desk.reading.station import RESTORE, Restored

SIDES = ("-wal", "-shm", "-journal")
_PENDING_BYTE = 0x40000000  # where SQLite puts its locks
_BUSY_SECONDS = 0.5


def restore(source: Path, path: Path, *, at: datetime, who: str, keys: Keys = NO_KEYS) -> Restored:
    """See `StationKeeper.restore`. All work is done on a copy beside ``path``, which takes its place at the end."""
    if not source.is_file():
        raise InputError(f"There is no file '{source}'.", "Name a backup.", code="not-found")
    if path.exists() and os.path.samefile(source, path):
        raise InputError("That is the data base itself.", "Name a backup.", code="bad-source")
    part = path.with_name(f".{path.name}.restore-{os.getpid()}")
    try:
        _copy(source, part)
        vault = _look_at(source, part, keys)
        with held(path) as present:
            may(present, who)
            remove_leavings(path, part)
            detail = f"{source.name}, sha256 {backup.sha256_of_file(source)[:16]}"
            readings, rows, ran = _finish(part, AuditEvent(STATION, at, who, RESTORE, detail, _words(path, present, keys)), vault)
            if present is not None and sys.platform == "win32":
                present.close()  # Windows replaces no file that is open, and refuses where another has it open
            return Restored(swap(part, path, at), readings, rows, ran)
    except (sqlite3.Error, OSError) as error:
        raise faults.explain(error, path, "restoring") from error
    finally:
        for name in (part.name, *(part.name + side for side in SIDES)):
            part.with_name(name).unlink(missing_ok=True)


def _copy(source: Path, part: Path) -> None:
    """The source with what a killed program may have left beside it; the source itself is only read."""
    os.close(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))
    shutil.copyfile(source, part)
    wal = source.with_name(source.name + "-wal")
    if wal.exists():
        shutil.copyfile(wal, part.with_name(part.name + "-wal"))


def remove_leavings(path: Path, part: Path) -> None:
    """Copies that a killed restore left: they hold patients' data."""
    for old in path.parent.glob(f".{glob.escape(path.name)}.restore-*"):
        if not old.name.startswith(part.name):
            old.unlink(missing_ok=True)


def _look_at(source: Path, part: Path, keys: Keys) -> Vault:
    """How the copy is sealed. Raises StoreError where it is damaged, another program's, newer than this one, or where its
    key is not to be had."""
    try:
        with closing(sqlite3.connect(part, isolation_level=None, factory=Connection)) as copy:
            copy.execute("PRAGMA trusted_schema = OFF")
            if len(pending(copy, MIGRATIONS)) == len(MIGRATIONS):
                raise StoreError("It is empty.", code="not-ours")
            vault = copy.vault = load(copy, keys)
            problems = check.everything(copy)
    except sqlite3.Error as error:
        raise _refused(source, f"It is damaged or no data base ({error}).", "not-a-database") from error
    except StoreError as error:
        raise _refused(source, error.message, error.code) from error
    if problems:
        raise _refused(source, f"{problems[0]} ({len(problems)} faults in all.)", "damaged")
    return vault


def _refused(source: Path, why: str, code: str) -> StoreError:
    remedy = {"newer": "Update BoneAge Desk.", "encrypted": "Give the key store its key again."}.get(code, "Name another backup.")
    return StoreError(f"'{source}' is not restored: {why}", f"{remedy} Nothing was changed.", code=code)


@contextmanager
def held(path: Path) -> Iterator[Connection | None]:
    """Nobody else has the present data base open while this lasts. None where there is none that SQLite can read.

    Raises StoreError 'locked'. A file in WAL mode leaves it only when no other connection is there.
    """
    if not path.exists():
        yield None
        return
    if not _begins_well(path):
        # SQLite would throw away the log beside it, which may hold what the file lost
        _nobody_else(path)
        yield None
        return
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, factory=Connection)
    try:
        try:
            connection.execute("PRAGMA trusted_schema = OFF")
            if connection.execute("PRAGMA journal_mode = DELETE").fetchone()[0] != "delete":
                raise _in_use(path)
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        except sqlite3.Error as error:
            told = faults.explain(error, path, "restoring")
            if told.code == "locked":
                raise _in_use(path) from error
            if told.code != "not-a-database":
                raise
            connection.close()
            _nobody_else(path)
            yield None
            return
        yield connection
    finally:
        connection.close()


def _begins_well(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(16) in (b"SQLite format 3\0", b"")


def _in_use(path: Path) -> StoreError:
    return StoreError(
        f"Another program has the data base open ({path}).", "Close BoneAge Desk everywhere, then try again.", code="locked"
    )


def _nobody_else(path: Path) -> None:
    """The same for a file that SQLite cannot read: whether anybody has one of SQLite's locks on it."""
    if sys.platform == "win32":
        return  # there the file cannot be replaced while anybody has it open
    import fcntl

    with open(path, "rb+") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 512, _PENDING_BYTE)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):
                raise _in_use(path) from error
            raise


def may(present: sqlite3.Connection | None, who: str) -> None:
    """Raises InputError 'role' where the station has an administrator and ``who`` is none."""
    if present is None or not _has(present, "people"):
        return
    if people.has_manager(present) and not people.may_manage(present, who):
        raise InputError(f"Account '{who}' is not an administrator of this station.", "Let one restore it.", code="role")


def _has(connection: sqlite3.Connection, table: str) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", (table,)).fetchone() is not None


def _words(path: Path, present: Connection | None, keys: Keys) -> str:
    """What was there, for the audit: the end of its chain, so that nobody can say later that there was nothing."""
    if not path.exists():
        return "no data base"
    if present is None or not _has(present, "audit"):
        return "a file that could not be read"
    try:
        present.vault = load(present, keys)
    except (StoreError, InputError):
        return "an encrypted file whose key was not there"
    seq, last = audit.last_row(present)
    return f"{seq} audit rows, the last {last[:16]}"


def _finish(part: Path, event: AuditEvent, vault: Vault) -> tuple[int, int, tuple[str, ...]]:
    """Bring the copy to the present schema, add the event, and put it on disk: (readings, audit rows, steps run)."""
    with closing(sqlite3.connect(part, isolation_level=None, factory=Connection)) as copy:
        copy.vault = vault
        copy.execute("PRAGMA foreign_keys = ON")
        copy.execute("PRAGMA trusted_schema = OFF")
        copy.execute("PRAGMA journal_mode = DELETE")
        copy.execute("PRAGMA synchronous = FULL")

        def told(before: str, after: str) -> None:
            audit.migrated(copy, before, after, event.at, event.who)

        ran = migrate(copy, MIGRATIONS, lambda: event.at.astimezone(UTC).isoformat(timespec="seconds"), told)
        strange = strangers(copy)
        if strange:
            words = f"The backup's schema was changed: {', '.join(strange[:3])[:200]}."
            raise StoreError(words, "Name another backup. Nothing was changed.", code="damaged")
        copy.execute("BEGIN IMMEDIATE")
        audit.append(copy, event)
        copy.execute("COMMIT")
        problems = check.everything(copy)
        if problems:
            raise StoreError(f"The restored copy is not whole: {problems[0]}", "Nothing was changed.", code="damaged")
        readings = copy.execute("SELECT count(*) FROM assessments").fetchone()[0]
        rows = audit.last_row(copy)[0]
    with open(part, "rb+") as file:
        os.fsync(file.fileno())
    return readings, rows, tuple(ran)


def swap(part: Path, path: Path, at: datetime) -> Path | None:
    """``part`` takes the place of ``path`` in one step; what was there stays beside it under a dated name."""
    kept: Path | None = None
    if path.exists():
        kept = _free_name(path, at)
        for side in SIDES:
            # left beside the new file, SQLite would play an old log into it
            old = path.with_name(path.name + side)
            if old.exists():
                os.replace(old, kept.with_name(kept.name + side))
        try:
            os.link(path, kept)
        except OSError:  # a file system without links
            shutil.copy2(path, kept)
    os.replace(part, path)
    backup.sync_folder(path.parent)
    return kept


def _free_name(path: Path, at: datetime) -> Path:
    stamp = f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    number = 1
    while True:
        name = path.with_name(f"{path.stem}.replaced-{stamp}{'' if number == 1 else f'-{number}'}.sqlite3")
        if not name.exists():
            return name
        number += 1
