"""`Station`: events, PINs and backups, on the file of a store."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

from boneage_desk.archive import backup, check, faults, restore
from boneage_desk.archive.store import SqliteStore
from boneage_desk.common.errors import InputError
from boneage_desk.common.jobs import CancelToken
from boneage_desk.reading.assessment import AuditEvent
from boneage_desk.reading.chain import STATION, AuditRow
from boneage_desk.reading.station import BACKUP, BackupMade, LockState, Restored, lock_state, surplus


class Station:
    """Fulfils :class:`boneage_desk.reading.station.StationKeeper`.

    path: the store's file. store: opens it, at first use and once; never called by ``restore``.
    """

    def __init__(self, path: Path, store: Callable[[], SqliteStore]) -> None:
        self._path = path
        self._store = store

    def note(
        self, action: str, *, at: datetime, who: str, detail: str = "", before: str = "", after: str = ""
    ) -> None:
        self._store().note(AuditEvent(STATION, at, who, action, detail, before, after))

    def rows(self) -> Sequence[AuditRow]:
        return self._store().audit_rows()

    def lock_state(self) -> LockState:
        return lock_state(self._store().events(STATION))

    def has_pin(self, account: str) -> bool:
        return self._store().has_pin(account)

    def check_pin(self, account: str, pin: str) -> bool:
        return self._store().check_pin(account, pin)

    def set_pin(self, account: str, pin: str, *, at: datetime, who: str, old: str = "") -> None:
        self._store().set_pin(account, pin, at=at, who=who, old=old)

    def backup(
        self, target: Path, *, at: datetime, who: str, keep: int | None = None, cancel: CancelToken | None = None
    ) -> BackupMade:
        store = self._store()
        try:
            folder = target.is_dir()
            if folder:
                backup.remove_leavings(target, self._path)
                target = target / backup.dated_name(self._path, at)
            if target.exists():
                raise InputError(f"'{target}' is there already.", "Name a new file, or a folder.", code="exists")
            made = self._copied(target, cancel)
            removed = self._rotated(target.parent, at, keep) if folder and keep is not None else ()
        except (sqlite3.Error, OSError) as error:
            raise faults.explain(error, target, "copying to") from error
        store.note(AuditEvent(STATION, at, who, BACKUP, target.name, "", f"{made.rows} audit rows, sha256 {made.sha256[:16]}"))
        return BackupMade(made.path, made.readings, made.rows, made.sha256, removed)

    def _copied(self, target: Path, cancel: CancelToken | None) -> BackupMade:
        """On a connection of its own, so that saves go on meanwhile; they are not in the copy."""
        counts = [0, 0]

        def look(copy: sqlite3.Connection) -> list[str]:
            counts[0] = copy.execute("SELECT count(*) FROM assessments").fetchone()[0]
            counts[1] = copy.execute("SELECT count(*) FROM audit").fetchone()[0]
            return check.everything(copy)

        with closing(sqlite3.connect(self._path, isolation_level=None)) as connection:
            connection.execute("PRAGMA trusted_schema = OFF")
            # one state of the file, whatever is saved meanwhile
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            backup.copy_to(connection, target, check=look, step=cancel.check if cancel else None)
        return BackupMade(target, counts[0], counts[1], backup.sha256_of_file(target))

    def _rotated(self, folder: Path, now: datetime, keep: int) -> tuple[Path, ...]:
        gone = []
        for name in surplus(backup.copies_in(folder, self._path), now, keep):
            (folder / name).unlink(missing_ok=True)
            gone.append(folder / name)
        return tuple(gone)

    def newest_backup(self, folder: Path, now: datetime) -> datetime | None:
        try:
            times = [time for time, _ in backup.copies_in(folder, self._path) if time <= now]
        except OSError as error:
            raise faults.explain(error, folder / "backups", "looking at") from error
        return max(times, default=None)

    def restore(self, source: Path, *, at: datetime, who: str) -> Restored:
        return restore.restore(source, self._path, at=at, who=who)
