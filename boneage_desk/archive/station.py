"""`Station`: events, PINs and backups, on the file of a store."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from boneage_desk.archive import backup, check, encrypting, faults, restore
from boneage_desk.archive.store import SqliteStore
from boneage_desk.archive.vault import NO_KEYS, Connection, Keys, account, lock_of, unwrapped
from boneage_desk.common.errors import InputError
from boneage_desk.common.jobs import CancelToken
from boneage_desk.reading.assessment import AuditEvent
from boneage_desk.reading.chain import STATION, AuditRow
from boneage_desk.reading.station import (
    BACKUP,
    BackupMade,
    Encrypted,
    EncryptionState,
    LockState,
    Restored,
    lock_state,
    surplus,
)


class Station:
    """Fulfils :class:`boneage_desk.reading.station.StationKeeper`.

    path: the store's file. store: opens it, at first use and once; never called by ``restore`` and what switches
    encryption. keys: where the key of a sealed data base comes from.
    """

    def __init__(self, path: Path, store: Callable[[], SqliteStore], keys: Keys = NO_KEYS) -> None:
        self._path = path
        self._store = store
        self._keys = keys

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
        words = f"{made.rows} audit rows, sha256 {made.sha256[:16]}"
        if made.newer:
            words += f", {len(made.newer)} readings of a newer version"
        store.note(AuditEvent(STATION, at, who, BACKUP, target.name, "", words))
        return replace(made, removed=removed)

    def _copied(self, target: Path, cancel: CancelToken | None) -> BackupMade:
        """On a connection of its own, so that saves go on meanwhile; they are not in the copy."""
        counts, newer = [0, 0], list[str]()

        def look(copy: sqlite3.Connection) -> list[str]:
            counts[0] = copy.execute("SELECT count(*) FROM assessments").fetchone()[0]
            counts[1] = copy.execute("SELECT count(*) FROM audit").fetchone()[0]
            return check.everything(copy, newer)

        vault = self._store().vault
        with closing(sqlite3.connect(self._path, isolation_level=None, factory=Connection)) as connection:
            connection.vault = vault
            connection.execute("PRAGMA trusted_schema = OFF")
            # one state of the file, whatever is saved meanwhile
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            backup.copy_to(connection, target, check=look, step=cancel.check if cancel else None)
        return BackupMade(target, counts[0], counts[1], backup.sha256_of_file(target), newer=tuple(newer))

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
        return restore.restore(source, self._path, at=at, who=who, keys=self._keys)

    def encryption(self) -> EncryptionState:
        """See `StationKeeper.encryption`."""
        if not self._path.exists():
            return EncryptionState(False)
        try:
            uri = f"{self._path.resolve().as_uri()}?mode=ro"
            with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
                lock = lock_of(connection)
        except sqlite3.Error as error:
            raise faults.explain(error, self._path, "looking at") from error
        if lock is None:
            return EncryptionState(False)
        copies = tuple(encrypting.clear_copies(self._path.parent, self._path))
        folders = tuple(encrypting.clear_folders(self._path.parent))
        kept = self._keys.store().kept(account(lock.key_id)) is not None
        return EncryptionState(True, lock.key_id, kept, bool(lock.wrapped), copies, folders)

    def encrypt(self, *, at: datetime, who: str, passphrase: str | None, delete_clear: bool = False) -> Encrypted:
        return encrypting.encrypt(
            self._path, self._keys, at=at, who=who, passphrase=passphrase, delete_clear=delete_clear
        )

    def decrypt(self, *, at: datetime, who: str) -> Encrypted:
        return encrypting.decrypt(self._path, self._keys, at=at, who=who)

    def unlock(self, passphrase: str, *, keep: bool = True) -> None:
        """See `StationKeeper.unlock`."""
        with closing(sqlite3.connect(f"{self._path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            lock = lock_of(connection)
        if lock is None or not lock.wrapped:
            raise InputError("No passphrase opens this data base.", "See: boneage-desk encrypt status", code="state")
        key = unwrapped(lock, passphrase)
        if keep:
            self._keys.store().keep(account(lock.key_id), key.hex())
        self._keys.held[lock.key_id] = key
