"""The audit chain in the data base: each row holds the hash of the row before it, so that no row changes unseen.

A row also holds the hash of the reading's document after the change, so that a reading altered behind
the program's back is found too; a row of a profile holds that of the profile. Rows that belong to no reading have
`chain.STATION` for its id. What a chain alone cannot show is that its last rows are gone together with the readings
they made; an export kept elsewhere can (`chain.continued`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from boneage_desk import __version__
from boneage_desk.archive.text import clean
from boneage_desk.archive.vault import Vault, vault_of
from boneage_desk.reading.chain import FIELDS, START, STATION, AuditRow, digest, row_hash
from boneage_desk.reading.session import AuditEvent
from boneage_desk.reading.station import MIGRATE

_WORDS = ("detail", "before", "after")
SEALED = frozenset((*_WORDS, "document_sha256", "previous", "hash"))
"""Columns that a sealed data base seals. The hashes too: short words behind one could be found by trying."""
_SELECT = f"SELECT {', '.join(FIELDS)} FROM audit"


def append(connection: sqlite3.Connection, event: AuditEvent, revision: int = 0, document: str = "") -> None:
    """Add ``event`` at the chain's end; the caller holds the transaction.

    ``document``: what the event left, as text: the reading's document, a profile's, '' where there is none.
    """
    last_seq, previous = last_row(connection)
    seq = last_seq + 1
    if event.at.tzinfo is None:
        raise ValueError("an audit event without a time zone")
    texts = (event.who, event.action, event.detail, event.before, event.after)
    values: tuple[int | str, ...] = (
        seq, event.reading_id, revision, event.at.isoformat(), *(clean(text) for text in texts), __version__,
        digest(document), previous,
    )  # fmt: skip
    insert(connection, AuditRow(*values, row_hash(values)))  # type: ignore[arg-type]


def insert(connection: sqlite3.Connection, row: AuditRow) -> None:
    """A row as it is, its words and hashes sealed where the data base is."""
    vault = vault_of(connection)
    values = [
        vault.seal(str(value), "audit", name, row.seq) if name in SEALED else value
        for name, value in zip(FIELDS, row.values(), strict=True)
    ]
    marks = ", ".join("?" * len(FIELDS))
    connection.execute(f"INSERT INTO audit ({', '.join(FIELDS)}) VALUES ({marks})", values)


def _opened(vault: Vault, values: Sequence[Any]) -> AuditRow:
    seq = values[0]
    return AuditRow(
        *(vault.unseal(v, "audit", name, seq) if name in SEALED else v for name, v in zip(FIELDS, values, strict=True))
    )


def migrated(connection: sqlite3.Connection, before: str, after: str, at: datetime, who: str) -> None:
    """The event of a step of the schema, in its transaction. A chain that is empty begins with no such row."""
    if last_row(connection)[0]:
        append(connection, AuditEvent(STATION, at, who, MIGRATE, "schema", before, after))


def events(connection: sqlite3.Connection, reading_id: str | None) -> list[AuditEvent]:
    """Events, oldest first."""
    query = "SELECT seq, reading_id, at, who, action, detail, before, after FROM audit"
    if reading_id is None:
        found = connection.execute(f"{query} ORDER BY seq")
    else:
        found = connection.execute(f"{query} WHERE reading_id = ? ORDER BY seq", (reading_id,))
    vault = vault_of(connection)
    return [
        AuditEvent(
            row[1], datetime.fromisoformat(row[2]), row[3], row[4],
            *(vault.unseal(text, "audit", name, row[0]) for name, text in zip(_WORDS, row[5:], strict=True)),
        )
        for row in found
    ]  # fmt: skip


def rows(connection: sqlite3.Connection) -> list[AuditRow]:
    """The whole chain, oldest first."""
    vault = vault_of(connection)
    return [_opened(vault, row) for row in connection.execute(f"{_SELECT} ORDER BY seq")]


def last_row(connection: sqlite3.Connection) -> tuple[int, str]:
    """(seq, hash) of the chain's end; (0, START) of an empty one."""
    found = connection.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    return (found[0], vault_of(connection).unseal(found[1], "audit", "hash", found[0])) if found else (0, START)
