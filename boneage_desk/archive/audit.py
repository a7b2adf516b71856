"""The audit chain in the data base: each row holds the hash of the row before it, so that no row changes unseen.

A row also holds the hash of the reading's document after the change, so that a reading altered behind
the program's back is found too; a row of a profile holds that of the profile. Rows that belong to no reading have
`chain.STATION` for its id. What a chain alone cannot show is that its last rows are gone together with the readings
they made; an export kept elsewhere can (`chain.continued`).
"""

from __future__ import annotations

import sqlite3
from datetime import datetime

from boneage_desk import __version__
from boneage_desk.archive.text import clean
from boneage_desk.reading.chain import FIELDS, START, STATION, AuditRow, digest, row_hash
from boneage_desk.reading.session import AuditEvent
from boneage_desk.reading.station import MIGRATE

_SELECT = f"SELECT {', '.join(FIELDS)} FROM audit"


def append(connection: sqlite3.Connection, event: AuditEvent, revision: int = 0, document: str = "") -> None:
    """Add ``event`` at the chain's end; the caller holds the transaction.

    ``document``: what the event left, as text: the reading's document, a profile's, '' where there is none.
    """
    last = connection.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    seq, previous = (last[0] + 1, last[1]) if last else (1, START)
    if event.at.tzinfo is None:
        raise ValueError("an audit event without a time zone")
    texts = (event.who, event.action, event.detail, event.before, event.after)
    values: tuple[int | str, ...] = (
        seq, event.reading_id, revision, event.at.isoformat(), *(clean(text) for text in texts), __version__,
        digest(document), previous,
    )  # fmt: skip
    marks = ", ".join("?" * len(FIELDS))
    connection.execute(f"INSERT INTO audit ({', '.join(FIELDS)}) VALUES ({marks})", (*values, row_hash(values)))


def migrated(connection: sqlite3.Connection, before: str, after: str, at: datetime, who: str) -> None:
    """The event of a step of the schema, in its transaction. A chain that is empty begins with no such row."""
    if last_row(connection)[0]:
        append(connection, AuditEvent(STATION, at, who, MIGRATE, "schema", before, after))


def events(connection: sqlite3.Connection, reading_id: str | None) -> list[AuditEvent]:
    """Events, oldest first."""
    query = "SELECT reading_id, at, who, action, detail, before, after FROM audit"
    if reading_id is None:
        rows_ = connection.execute(f"{query} ORDER BY seq")
    else:
        rows_ = connection.execute(f"{query} WHERE reading_id = ? ORDER BY seq", (reading_id,))
    return [AuditEvent(row[0], datetime.fromisoformat(row[1]), *row[2:]) for row in rows_]


def rows(connection: sqlite3.Connection) -> list[AuditRow]:
    """The whole chain, oldest first."""
    return [AuditRow(*row) for row in connection.execute(f"{_SELECT} ORDER BY seq")]


def last_row(connection: sqlite3.Connection) -> tuple[int, str]:
    """(seq, hash) of the chain's end; (0, START) of an empty one."""
    found = connection.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    return (found[0], found[1]) if found else (0, START)
