"""The audit chain: each row holds the hash of the row before it, so that no row changes unseen.

A row also holds the hash of the reading's document after the change, so that a reading altered behind
the program's back is found too. What a chain alone cannot show is that its last rows are gone together
with the readings they made; an export kept elsewhere can.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from datetime import datetime

from boneage_desk import __version__
from boneage_desk.reading.session import AuditEvent

START = "0" * 64
_HASHED = (
    "seq", "reading_id", "revision", "at", "who", "action", "detail", "before", "after", "software",
    "document_sha256", "previous",
)  # fmt: skip
_COLUMNS = (*_HASHED, "hash")
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM audit"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _hash(values: tuple[object, ...]) -> str:
    return digest(json.dumps(values, ensure_ascii=True, separators=(",", ":")))


def append(connection: sqlite3.Connection, event: AuditEvent, revision: int, document: str) -> None:
    """Add ``event`` at the chain's end; the caller holds the transaction."""
    last = connection.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    seq, previous = (last[0] + 1, last[1]) if last else (1, START)
    if event.at.tzinfo is None:
        raise ValueError("an audit event without a time zone")
    texts = (event.who, event.action, event.detail, event.before, event.after)
    values: tuple[object, ...] = (
        seq, event.reading_id, revision, event.at.isoformat(), *(clean(text) for text in texts), __version__,
        digest(document), previous,
    )  # fmt: skip
    marks = ", ".join("?" * len(_COLUMNS))
    connection.execute(f"INSERT INTO audit ({', '.join(_COLUMNS)}) VALUES ({marks})", (*values, _hash(values)))


def clean(text: str) -> str:
    """Text that SQLite can hold: bytes of a path that are no UTF-8 become '?'."""
    return text.encode("utf-8", "replace").decode("utf-8")


def events(connection: sqlite3.Connection, reading_id: str | None) -> list[AuditEvent]:
    """Events, oldest first."""
    query = "SELECT reading_id, at, who, action, detail, before, after FROM audit"
    if reading_id is None:
        rows = connection.execute(f"{query} ORDER BY seq")
    else:
        rows = connection.execute(f"{query} WHERE reading_id = ? ORDER BY seq", (reading_id,))
    return [AuditEvent(row[0], datetime.fromisoformat(row[1]), *row[2:]) for row in rows]


def broken_links(connection: sqlite3.Connection) -> list[str]:
    """What does not fit, in words, by row; empty when the chain and the readings are whole."""
    found = []
    expected, previous = 1, START
    last_document: dict[str, tuple[int, int, str]] = {}
    for row in connection.execute(f"{_SELECT} ORDER BY seq"):
        values, stored = row[:-1], row[-1]
        seq = values[0]
        if seq != expected:
            missing = str(expected) if seq == expected + 1 else f"{expected} to {seq - 1}"
            found.append(f"Audit row {missing} is missing.")
        if values[_HASHED.index("previous")] != previous and seq == expected:
            found.append(f"Audit row {seq} does not follow on row {seq - 1}.")
        if _hash(tuple(values)) != stored:
            found.append(f"Audit row {seq} was changed after it was written.")
        expected, previous = seq + 1, stored
        last_document[values[1]] = (seq, values[2], values[_HASHED.index("document_sha256")])
    for reading_id, revision, document in connection.execute(
        "SELECT reading_id, revision, document FROM assessments ORDER BY assessment_id"
    ):
        last = last_document.pop(reading_id, None)
        if last is None:
            found.append(f"Reading {reading_id} has no audit row.")
        elif last[1] != revision or last[2] != digest(document):
            found.append(f"Reading {reading_id} is not as audit row {last[0]} left it.")
    for reading_id, (seq, _, _) in last_document.items():
        found.append(f"Audit row {seq} speaks of reading {reading_id}, which is not there.")
    return found
