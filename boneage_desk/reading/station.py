"""What belongs to the station and not to one reading: its events, PINs, lock and backups."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from boneage_desk.common.jobs import CancelToken
from boneage_desk.reading.assessment import AuditEvent
from boneage_desk.reading.chain import STATION, AuditRow

LOCK, UNLOCK, WRONG_PIN = "lock", "unlock", "wrong-pin"
SET_PERSON, SET_PIN = "set-person", "set-pin"
BACKUP, RESTORE, MIGRATE = "backup", "restore", "migrate"
ENCRYPT, DECRYPT = "encrypt", "decrypt"
SIGN_FILE = "sign-file"  # a PDF sealed by the command line, beside any reading
"""Actions of station events."""
SHORTEST_PIN, LONGEST_PIN = 4, 64
LONGEST_DELAY_S = 300.0


@dataclass(frozen=True, slots=True)
class BackupMade:
    """A copy that was read again: where, how many readings and audit rows, its SHA-256; older copies that went. ``newer``:
    ids of readings that only a newer version understands; they are in the copy as the audit chain has them."""

    path: Path
    readings: int
    rows: int
    sha256: str
    removed: tuple[Path, ...] = ()
    newer: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put in place. ``kept``: where the data base that was there lies now, None where there was none."""

    kept: Path | None
    readings: int
    rows: int
    migrated: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EncryptionState:
    """Whether the data base is encrypted. ``kept``: this account's key store has the key; ``passphrase``: one opens it too.
    ``clear_copies``: data bases in clear that lie beside it; ``clear_folders``: folders of the data folder with reports or
    films in clear that somebody wrote there."""

    on: bool
    key_id: str = ""
    kept: bool = False
    passphrase: bool = False
    clear_copies: tuple[Path, ...] = ()
    clear_folders: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Encrypted:
    """The data base was made anew, in clear or encrypted. ``kept``: where what was there before lies now (also where it
    could not be deleted), None where it was deleted. ``key_id`` is '' after decrypting; ``passphrase``: one opens it beside
    the key store."""

    kept: Path | None
    readings: int
    rows: int
    key_id: str
    passphrase: bool


class StationKeeper(Protocol):
    """Events, PINs and backups (archive). All calls block and raise BoneAgeError subclasses."""

    def note(
        self, action: str, *, at: datetime, who: str, detail: str = "", before: str = "", after: str = ""
    ) -> None:
        """A station event, in the audit chain when this returns."""

    def rows(self) -> Sequence[AuditRow]:
        """The whole audit chain, oldest first."""

    def lock_state(self) -> LockState:
        """As the station's events left it."""

    def has_pin(self, account: str) -> bool:
        """Whether the profile of the account has a PIN."""

    def check_pin(self, account: str, pin: str) -> bool:
        """Whether it is this one; False where there is none. Slow by design (some 0.1 s)."""

    def set_pin(self, account: str, pin: str, *, at: datetime, who: str, old: str = "") -> None:
        """``pin`` '' takes it away. Its owner gives the ``old`` one where there is one; an administrator may set that of
        others. Raises InputError 'role', 'pin' (too short, or the old one is wrong), 'no-profile'."""

    def backup(
        self, target: Path, *, at: datetime, who: str, keep: int | None = None, cancel: CancelToken | None = None
    ) -> BackupMade:
        """A checked copy: into ``target`` under a dated name where it is a folder, and of those of this station the
        newest ``keep`` stay; else at ``target``, which must not exist (InputError 'exists'). Raises StoreError 'backup'
        when the copy is not whole, and then keeps nothing of it."""

    def newest_backup(self, folder: Path, now: datetime) -> datetime | None:
        """When this station's newest copy in the folder was made, those dated after ``now`` left out."""

    def encryption(self) -> EncryptionState:
        """Whether and how the data base is encrypted; needs no key."""

    def encrypt(self, *, at: datetime, who: str, passphrase: str | None, delete_clear: bool = False) -> Encrypted:
        """Encrypt the patients' words; needs the store closed here and everywhere (StoreError 'locked'). The key goes into the
        system's key store; with a ``passphrase``, sealed by it, into the file too. ``delete_clear``: the data base that
        was in clear is deleted in the end; else it stays beside, and its name is in what is returned.

        Raises InputError 'passphrase' (too short, or needed since there is no key store), 'state' (encrypted already),
        'role', 'keyring'; StoreError; then nothing was changed.
        """

    def decrypt(self, *, at: datetime, who: str) -> Encrypted:
        """Take the encryption away; as `encrypt`. Raises StoreError 'encrypted' without the key."""

    def unlock(self, passphrase: str, *, keep: bool = True) -> None:
        """Open an encrypted data base for as long as the program runs, and with ``keep`` put its key into this account's key
        store. Raises InputError 'passphrase', 'keyring', 'state'."""

    def restore(self, source: Path, *, at: datetime, who: str) -> Restored:
        """Put a backup in the data base's place; needs the store closed here and everywhere (StoreError 'locked').

        Raises StoreError 'not-a-database', 'not-ours', 'newer', 'damaged', and InputError 'role' where the station has
        an administrator and ``who`` is none; then nothing was changed.
        """


@dataclass(frozen=True, slots=True)
class LockState:
    """``locked``: the last lock was not followed by an unlock. ``wrong``: wrong PINs since the last unlock."""

    locked: bool = False
    wrong: int = 0


def lock_state(events: Iterable[AuditEvent]) -> LockState:
    """From the station's events, oldest first: a lock outlives the program, and so do the wrong PINs."""
    locked, wrong = False, 0
    for event in events:
        if event.reading_id != STATION:
            continue
        if event.action == LOCK:
            locked = True
        elif event.action == UNLOCK:
            locked, wrong = False, 0
        elif event.action == WRONG_PIN:
            wrong += 1
    return LockState(locked, wrong)


def pin_delay_s(wrong: int) -> float:
    """Seconds to wait after so many wrong PINs: 1, 2, 4 ... 300; none after none."""
    return 0.0 if wrong <= 0 else min(float(2 ** min(wrong - 1, 20)), LONGEST_DELAY_S)


def backup_due(newest: datetime | None, now: datetime, every_hours: int) -> bool:
    """Whether a scheduled backup is due. ``newest``: time of the newest one, None for none; ``every_hours`` 0: never.

    One that is dated after ``now`` does not count: a clock that once ran ahead must not stop backups for years.
    """
    if every_hours <= 0:
        return False
    return newest is None or newest > now or now - newest >= timedelta(hours=every_hours)


def surplus(copies: Iterable[tuple[datetime, str]], now: datetime, keep: int) -> list[str]:
    """Names of the copies that go, given their times: all but the newest ``keep``; those dated after ``now`` go first."""
    if keep < 1:
        raise ValueError("at least one backup is kept")
    order = sorted(copies, key=lambda copy: (copy[0] <= now, copy[0], copy[1]), reverse=True)
    return [name for _, name in order[keep:]]
