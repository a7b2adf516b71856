"""`SqliteStore`: readings and their audit events in one SQLite file."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from boneage_desk.archive import audit, backup, check, faults, people, pins, rows, schema, sealed
from boneage_desk.archive.migrations import MIGRATIONS, Migration, migrate, pending
from boneage_desk.archive.vault import NO_KEYS, Connection, Keys, Vault
from boneage_desk.archive.vault import load as load_vault
from boneage_desk.common.errors import StoreError
from boneage_desk.reading.assessment import SEALED
from boneage_desk.reading.chain import STATION, AuditRow
from boneage_desk.reading.codec import Unread, decode_reading, encode_reading
from boneage_desk.reading.people import Person
from boneage_desk.reading.session import AuditEvent, Reading

FILE_NAME = "boneage.sqlite3"
OLDEST_SQLITE = (3, 37)  # STRICT tables

# the class has a method of that name
_Readings = list[Reading]
_Items = list[Reading | Unread]
_Events = list[AuditEvent]
_Texts = list[str]
_Rows = list[AuditRow]
_People = list[Person]


def _utc_text() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


class SqliteStore:
    """Fulfils :class:`boneage_desk.reading.ports.ReadingStore`.

    One connection behind one lock: any thread may call, calls wait for each other. Other processes may
    use the same file; a save that would overwrite what one of them saved is refused ('conflict'), and so is
    every further save of that reading until it is opened again with ``get`` or ``find_by_film``.

    An event whose save failed is remembered with its sealed report, and goes to disk with the next save of its
    reading that succeeds: after 'disk full' the audit has no gap.

    path: the file; its folder must exist. busy_seconds: how long to wait for another process's lock. who: the account
    that stands in the audit row of a migration. keys: where the key of a sealed data base comes from.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        busy_seconds: float = 2.0,
        migrations: Sequence[Migration] = MIGRATIONS,
        now: Callable[[], str] = _utc_text,
        who: Callable[[], str] = lambda: "the program",
        keys: Keys = NO_KEYS,
    ) -> None:
        self._path = Path(path)
        self._migrations = tuple(migrations)
        self._lock = threading.RLock()
        self._failed: dict[str, list[sealed.Change]] = {}
        self._diverged: set[str] = set()
        self._connection: Connection | None = None
        with self._told("opening"):
            self._connection = self._open(busy_seconds, migrations, now, who, keys)

    def _open(
        self, busy_seconds: float, migrations: Sequence[Migration], now: Callable[[], str], who: Callable[[], str],
        keys: Keys,
    ) -> Connection:  # fmt: skip
        if sqlite3.sqlite_version_info < OLDEST_SQLITE:
            raise StoreError(
                f"SQLite {sqlite3.sqlite_version} is too old for the data base.",
                f"Install a Python with SQLite {'.'.join(map(str, OLDEST_SQLITE))} or newer.",
                code="sqlite-too-old",
            )
        if not self._path.exists():
            # made here, since SQLite would give it the rights that the umask leaves
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        file = os.stat(self._path)
        connection = sqlite3.connect(
            self._path, timeout=busy_seconds, isolation_level=None, check_same_thread=False, factory=Connection
        )
        try:
            # nothing is written before the file is known to be ours and not newer
            todo = pending(connection, migrations)
            connection.vault = load_vault(connection, keys)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA recursive_triggers = ON")
            connection.execute("PRAGMA trusted_schema = OFF")
            if todo and len(todo) < len(migrations):
                done = migrations[len(migrations) - len(todo) - 1].name
                backup.before_migrating(connection, self._path, done, now())

            def told(before: str, after: str) -> None:
                audit.migrated(connection, before, after, datetime.fromisoformat(now()), who())

            migrate(connection, migrations, now, told)
            self._check_writable(connection)
            if not os.path.samestat(file, os.stat(self._path)):
                raise StoreError("The data base was restored meanwhile.", "Start the program again.", code="locked")
        except BaseException:
            connection.close()
            raise
        return connection

    @staticmethod
    def _check_writable(connection: sqlite3.Connection) -> None:
        """A read-only file is told now, not at the first change."""
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")

    # ------------------------------------------------------------------------------------- writing
    def add(self, reading: Reading, event: AuditEvent) -> None:
        if reading.signatures:
            raise ValueError("a reading is added before it is signed")
        document = _document(reading)
        with self._told("saving"), self._transaction() as connection:
            if connection.execute(
                "SELECT 1 FROM assessments WHERE reading_id = ?", (reading.reading_id,)
            ).fetchone():
                raise StoreError(f"Reading {reading.reading_id} exists already.", code="exists")
            rows.insert(connection, reading, document)
            audit.append(connection, _of(reading, event), reading.revision, document)

    def save(self, reading: Reading, event: AuditEvent, *, report: bytes | None = None) -> None:
        if report is not None:
            sealed.check_report(reading, report)
        with self._lock:
            failed = self._failed.get(reading.reading_id, [])
            if report is None:  # tried again: the report is kept from the first time
                report = next((change.report for change in failed if change.reading == reading), None)
            waiting = [change for change in failed if change.reading.revision < reading.revision]
            todo = [*waiting, sealed.Change(_of(reading, event), reading, report)]
            try:
                if reading.reading_id in self._diverged:
                    raise _conflict()
                with self._told("saving"), self._transaction() as connection:
                    self._save(connection, todo)
            except StoreError as error:
                if error.code == "conflict":
                    self._diverged.add(reading.reading_id)
                    self._failed.pop(reading.reading_id, None)
                elif error.code not in ("not-found", "sealed"):
                    self._failed[reading.reading_id] = todo
                raise
            self._failed.pop(reading.reading_id, None)

    @staticmethod
    def _save(connection: sqlite3.Connection, todo: list[sealed.Change]) -> None:
        reading = todo[-1].reading
        found = connection.execute(
            "SELECT revision, state, document FROM assessments WHERE reading_id = ?", (reading.reading_id,)
        ).fetchone()
        if found is None:
            raise StoreError(f"There is no reading {reading.reading_id}.", code="not-found")
        if found[0] != todo[0].reading.revision - 1:
            raise _conflict()
        signed = _decoded(connection, reading.reading_id, found[2]) if found[1] in SEALED else None
        if signed is not None:
            sealed.check_kept(signed, todo)
        sealed.check_gains(len(signed.signatures) if signed is not None else 0, todo)
        for change in todo:
            sealed.insert(connection, change)
        document = _document(reading)
        (rows.update if signed is None else rows.amend)(connection, reading, document)
        for change in todo:
            text = document if change.reading is reading else _document(change.reading)
            audit.append(connection, change.event, change.reading.revision, text)

    def set_person(self, person: Person, *, at: datetime, who: str) -> None:
        with self._told("saving"), self._transaction() as connection:
            people.set_person(connection, person, at, who)

    def set_pin(self, account: str, pin: str, *, at: datetime, who: str, old: str = "") -> None:
        """See `StationKeeper.set_pin`."""
        with self._told("saving"), self._transaction() as connection:
            people.set_pin(connection, account, pin, at, who, old)

    def note(self, event: AuditEvent) -> None:
        """A station event, in the chain when this returns."""
        if event.reading_id != STATION:
            raise ValueError(f"an event of reading {event.reading_id} without its reading")
        with self._told("saving"), self._transaction() as connection:
            audit.append(connection, event)

    # ------------------------------------------------------------------------------------- reading
    def get(self, reading_id: str) -> Reading:
        found = self._documents("WHERE reading_id = ?", (reading_id,))
        if not found:
            raise StoreError(f"There is no reading {reading_id}.", code="not-found")
        self._diverged.discard(reading_id)
        return found[0]

    def find_by_film(self, sha256: str, frame_number: int) -> Reading | None:
        found = self._documents(
            "WHERE film_sha256 = ? AND frame_number = ? ORDER BY assessment_id DESC LIMIT 1",
            (sha256, frame_number),
        )
        if not found:
            return None
        self._diverged.discard(found[0].reading_id)
        return found[0]

    def of_patient(self, patient_id: str) -> _Readings:
        """Readings of a patient id that a person looked at, the newest first."""
        return self._of_patient(patient_id, "AND state <> 'draft'")

    def every_of_patient(self, patient_id: str) -> _Readings:
        return self._of_patient(patient_id)

    def _of_patient(self, patient_id: str, more: str = "") -> _Readings:
        """By each reading's own id: that of the study's row is the newest change's. No id is nobody's."""
        with self._lock:
            token = rows.patient_token(self._open_connection(), patient_id)
        where = f"WHERE patient_id = ? {more} ORDER BY assessment_id DESC"
        return self._documents(where, (token,)) if token else []

    def report(self, reading_id: str, number: int | None = None) -> bytes:
        with self._told("reading"), self._lock:
            return sealed.fetch(self._open_connection(), reading_id, number)

    def people(self) -> _People:
        with self._told("reading"), self._lock:
            return people.every(self._open_connection())

    def person(self, account: str) -> Person | None:
        with self._told("reading"), self._lock:
            return people.one(self._open_connection(), account)

    def has_pin(self, account: str) -> bool:
        """See `StationKeeper.has_pin`."""
        return bool(self._pin_of(account))

    def check_pin(self, account: str, pin: str) -> bool:
        """See `StationKeeper.check_pin`. The slow part runs outside the lock: saves do not wait for it."""
        return pins.matches(pin, self._pin_of(account))

    def _pin_of(self, account: str) -> str:
        with self._told("reading"), self._lock:
            return people.pin_of(self._open_connection(), account)

    def list(self) -> _Readings:
        return self._documents("ORDER BY assessment_id DESC", ())

    def page(self, count: int, before: str | None = None) -> _Items:
        """See `ReadingStore.page`."""
        where, values = "ORDER BY assessment_id DESC LIMIT ?", (count,)  # type: str, tuple[object, ...]
        if before is not None:
            where = f"WHERE assessment_id < (SELECT assessment_id FROM assessments WHERE reading_id = ?) {where}"
            values = before, count
        found = _Items()
        for reading_id, decode in self._stored(where, values):
            try:
                found.append(decode())
            except StoreError as error:
                found.append(Unread(reading_id, error))
        return found

    def events(self, reading_id: str | None = None) -> _Events:
        with self._told("reading"), self._lock:
            return audit.events(self._open_connection(), reading_id)

    def audit_rows(self) -> _Rows:
        """The whole audit chain, oldest first."""
        with self._told("reading"), self._lock:
            return audit.rows(self._open_connection())

    def verify(self) -> _Texts:
        with self._told("checking"), self._lock:
            connection = self._open_connection()
            # one state of the file, whatever other processes write meanwhile
            connection.execute("BEGIN")
            try:
                rules = schema.faults(connection, self._migrations)
                return check.file_damage(connection, quick=True) + rules + check.broken_links(connection)
            finally:
                connection.execute("ROLLBACK")

    def backup(self, target: Path) -> Path:
        """A checked copy of the data base at ``target``."""
        with self._told("copying"), self._lock:
            return backup.copy_to(self._open_connection(), target)

    @property
    def vault(self) -> Vault:
        """How the open data base is sealed."""
        with self._lock:
            return self._open_connection().vault

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    # ---------------------------------------------------------------------------------------- help
    def _documents(self, where: str, values: tuple[object, ...]) -> _Readings:
        return [decode() for _, decode in self._stored(where, values)]

    def _stored(self, where: str, values: tuple[object, ...]) -> Iterator[tuple[str, Callable[[], Reading]]]:
        """(id, what decodes it) of each; the decoding runs outside the lock."""
        with self._told("reading"), self._lock:
            connection = self._open_connection()
            found = connection.execute(f"SELECT reading_id, document FROM assessments {where}", values).fetchall()
        return ((row[0], partial(_decoded, connection, *row)) for row in found)

    def _open_connection(self) -> Connection:
        if self._connection is None:
            raise StoreError("The data base is closed.", "Start the program again.", code="closed")
        return self._connection

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, on disk at the end."""
        with self._lock:
            connection = self._open_connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                # some errors (disk full among them) have rolled back already
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _told(self, doing: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise faults.explain(error, self._path, doing) from error


def _decoded(connection: sqlite3.Connection, reading_id: str, stored: str) -> Reading:
    document = rows.document_of(connection, reading_id, stored)
    try:
        values = json.loads(document)
    except ValueError as error:
        raise StoreError(f"A stored reading is damaged ({error}).", "Restore a backup.", code="damaged") from error
    return decode_reading(values)


def _document(reading: Reading) -> str:
    return json.dumps(encode_reading(reading), ensure_ascii=True, separators=(",", ":"))


def _conflict() -> StoreError:
    return StoreError(
        "This reading was changed elsewhere since it was opened here.",
        "Open it again to see that change; yours was not saved.",
        code="conflict",
    )


def _of(reading: Reading, event: AuditEvent) -> AuditEvent:
    if event.reading_id != reading.reading_id:
        raise ValueError(f"an event of reading {event.reading_id} saved with reading {reading.reading_id}")
    return event
