"""Encryption switched on and off: a whole new data base is made beside the old one, looked at, and takes its place.

Nothing is changed in the file that is there. Another program that has it open ends the attempt before it begins.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from boneage_desk.archive import audit, check, faults, people, restore, rows
from boneage_desk.archive.migrations import MIGRATIONS, pending
from boneage_desk.archive.vault import (
    CIPHER,
    CLEAR,
    Connection,
    Keys,
    Sealing,
    Vault,
    account,
    key_id,
    load,
    lock_of,
    new_key,
    vault_of,
    wrapped,
)
from boneage_desk.common.errors import InputError, StoreError
from boneage_desk.common.private import PASSING
from boneage_desk.reading.assessment import AuditEvent
from boneage_desk.reading.chain import STATION
from boneage_desk.reading.codec import decode_reading
from boneage_desk.reading.station import DECRYPT, ENCRYPT, Encrypted

_CLEAR_WORDS, _SEALED_WORDS = "in clear", "encrypted"


def encrypt(path: Path, keys: Keys, *, at: datetime, who: str, passphrase: str | None, delete_clear: bool) -> Encrypted:
    """See `StationKeeper.encrypt`."""
    store = keys.store()
    if passphrase is None and not store.available():
        raise InputError(
            "This account has no key store of the system that could keep the key.",
            "Give a passphrase, and write it down: without it the readings are lost.",
            code="passphrase",
        )
    key = new_key()
    words = wrapped(key, passphrase) if passphrase is not None else ""
    name = key_id(key)
    if store.available():
        store.keep(account(name), key.hex())
    else:
        keys.held[name] = key
    try:
        event = AuditEvent(STATION, at, who, ENCRYPT, f"{CIPHER}, key {name}", _CLEAR_WORDS, _SEALED_WORDS)
        return _made_anew(path, keys, Sealing(key), (name, words), event, delete_clear)
    except BaseException:
        if not _needs(path, name):
            store.forget(account(name))
            keys.held.pop(name, None)
        raise


def _needs(path: Path, name: str) -> bool:
    """Whether the data base at ``path`` may be locked by the key ``name``: so also where it cannot be looked at. What fails
    or is interrupted after the new file took its place must not cost the only key to it."""
    try:
        if not path.exists():
            return False
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            lock = lock_of(connection)
    except (sqlite3.Error, OSError, StoreError):
        return True
    return lock is not None and lock.key_id == name


def decrypt(path: Path, keys: Keys, *, at: datetime, who: str) -> Encrypted:
    """See `StationKeeper.decrypt`. The key stays where it is kept: older backups need it."""
    event = AuditEvent(STATION, at, who, DECRYPT, "", _SEALED_WORDS, _CLEAR_WORDS)
    return _made_anew(path, keys, CLEAR, None, event, False)


def _made_anew(
    path: Path, keys: Keys, new: Vault, lock: tuple[str, str] | None, event: AuditEvent, delete_old: bool
) -> Encrypted:
    part = path.with_name(f".{path.name}.restore-{os.getpid()}")
    if not path.exists():
        raise StoreError("There is no data base yet.", "Open the program once first.", code="not-found")
    try:
        with restore.held(path) as present:
            if present is None or pending(present, MIGRATIONS):
                raise StoreError(
                    "The data base is of an earlier version, or cannot be read.", "Start the program once, then try again.", code="damaged"
                )
            if (lock_of(present) is None) == (lock is None):
                raise InputError(f"The data base is {_SEALED_WORDS if lock else _CLEAR_WORDS} already.", code="state")
            present.vault = load(present, keys)
            restore.may(present, event.who)
            problems = check.everything(present)
            if problems:
                raise StoreError(f"The data base is not whole: {problems[0]}", "Nothing was changed.", code="damaged")
            restore.remove_leavings(path, part)
            readings, count = _transform(present, part, new, lock, event)
            if sys.platform == "win32":
                present.close()
            kept = restore.swap(part, path, event.at)
    except (sqlite3.Error, OSError) as error:
        raise faults.explain(error, path, "encrypting" if lock else "decrypting") from error
    finally:
        for suffix in ("", *restore.SIDES):
            with suppress(OSError):  # the next switch or restore removes it
                part.with_name(part.name + suffix).unlink(missing_ok=True)
    if kept is not None and delete_old:
        with suppress(OSError):  # the switch stands: what cannot be deleted is told as left
            kept.unlink(missing_ok=True)
            kept = None
    return Encrypted(kept, readings, count, lock[0] if lock else "", bool(lock and lock[1]))


def _transform(
    present: Connection, part: Path, new: Vault, lock: tuple[str, str] | None, event: AuditEvent
) -> tuple[int, int]:
    """The present data base at ``part``, sealed by ``new``, with the event, on disk: (readings, audit rows)."""
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_WRONLY, 0o600))
    with closing(sqlite3.connect(part, isolation_level=None, factory=Connection)) as copy:
        # the lock stays when the transaction ends, without which SQLite would copy nothing
        present.execute("PRAGMA locking_mode = EXCLUSIVE")
        present.execute("COMMIT")
        present.backup(copy)
        for pragma in ("journal_mode = DELETE", "synchronous = FULL", "trusted_schema = OFF", "secure_delete = ON"):
            copy.execute(f"PRAGMA {pragma}")
        old = vault_of(present)
        copy.execute("BEGIN IMMEDIATE")
        triggers = copy.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:  # they refuse any change of what is sealed now
            copy.execute(f'DROP TRIGGER "{name}"')
        _audit(copy, old, new)
        _readings(copy, old, new)
        _reports(copy, old, new)
        copy.vault = new
        copy.execute("DELETE FROM encryption")
        if lock is not None:
            stamp = event.at.astimezone(UTC).isoformat(timespec="seconds")
            copy.execute("INSERT INTO encryption VALUES (1, ?, ?, ?, ?)", (CIPHER, *lock, stamp))
        for _, sql in triggers:
            copy.execute(sql)
        audit.append(copy, event)
        copy.execute("COMMIT")
        copy.execute("VACUUM")  # nothing of the old words in free pages
        problems = check.everything(copy) or _differences(present, copy)
        if problems:
            raise StoreError(f"The new data base is not whole: {problems[0]}", "Nothing was changed.", code="damaged")
        readings = copy.execute("SELECT count(*) FROM assessments").fetchone()[0]
        count = audit.last_row(copy)[0]
    with open(part, "rb+") as file:
        os.fsync(file.fileno())
    return readings, count


def _audit(copy: Connection, old: Vault, new: Vault) -> None:
    copy.vault = old
    chain = audit.rows(copy)
    copy.execute("DELETE FROM audit")
    copy.vault = new
    for row in chain:
        audit.insert(copy, row)


def _readings(copy: Connection, old: Vault, new: Vault) -> None:
    """Documents sealed anew; studies and findings made from them again, in the order in which they were saved."""
    stored = copy.execute("SELECT reading_id, document FROM assessments ORDER BY changed_at, assessment_id").fetchall()
    before = [row[0] for row in copy.execute("SELECT study_id FROM studies")]
    copy.execute("UPDATE studies SET study_key = 'old ' || study_id")
    copy.vault = new
    for reading_id, words in stored:
        document = old.unseal(words, "assessments", "document", reading_id)
        reading = decode_reading(json.loads(document))
        copy.execute(
            "UPDATE assessments SET study_id = ?, document = ?, patient_id = ? WHERE reading_id = ?",
            (
                rows.study_row(copy, reading), rows.sealed_document(copy, reading_id, document),
                rows.patient_token(copy, reading.patient.patient_id), reading_id,
            ),
        )  # fmt: skip
        rows.findings(copy, reading)
    copy.executemany("DELETE FROM studies WHERE study_id = ?", [(study,) for study in before])


def _reports(copy: Connection, old: Vault, new: Vault) -> None:
    for reading_id, number in copy.execute("SELECT reading_id, number FROM reports").fetchall():
        place = ("reports", "pdf", reading_id, number)
        row = copy.execute("SELECT pdf FROM reports WHERE reading_id = ? AND number = ?", (reading_id, number)).fetchone()
        pdf = new.seal_bytes(old.unseal_bytes(bytes(row[0]), *place), *place)
        copy.execute("UPDATE reports SET pdf = ? WHERE reading_id = ? AND number = ?", (pdf, reading_id, number))


def _differences(present: Connection, copy: Connection) -> list[str]:
    """Where the new data base says another thing than the old one; its own last event apart."""
    if audit.rows(present) != audit.rows(copy)[:-1]:
        return ["Its audit chain is another."]
    query = "SELECT reading_id, document FROM assessments ORDER BY assessment_id"
    for (reading_id, one), (other_id, other) in zip(present.execute(query), copy.execute(query), strict=True):
        if reading_id != other_id or rows.document_of(present, reading_id, one) != rows.document_of(copy, other_id, other):
            return [f"Reading {reading_id} is another."]
    return [] if people.documents(present) == people.documents(copy) else ["Its profiles are others."]


def clear_folders(folder: Path) -> list[Path]:
    """Folders beside the data base in which reports or films lie that were written in clear."""
    left = (path for prefix in PASSING for path in sorted(folder.glob(f"{prefix}*")))
    named = (*(folder / name for name in ("reports", "pasted")), *left)
    return [path for path in named if path.is_dir() and any(path.iterdir())]


def clear_copies(folder: Path, path: Path) -> list[Path]:
    """Data bases beside ``path`` whose words are in clear: replaced ones, and copies made before a migration."""
    found = []
    for other in sorted(folder.glob(f"{path.stem}.*.sqlite3")):
        try:
            with closing(sqlite3.connect(f"{other.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
                if lock_of(connection) is None:
                    found.append(other)
        except (sqlite3.Error, StoreError):  # no data base, or one sealed by a newer version
            continue
    return found
