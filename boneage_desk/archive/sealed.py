"""Sealed reports: kept in the transaction that signs, never changed, and nothing of a signed reading changes after it."""

from __future__ import annotations

import dataclasses
import sqlite3
from dataclasses import dataclass

from boneage_desk.archive.text import sha256_of
from boneage_desk.archive.vault import vault_of
from boneage_desk.common.errors import StoreError
from boneage_desk.reading.assessment import AuditEvent, Reading, State


@dataclass(frozen=True, slots=True)
class Change:
    """What one save brings. ``report``: the sealed PDF of the reading's last signature."""

    event: AuditEvent
    reading: Reading
    report: bytes | None = None


def check_report(reading: Reading, report: bytes) -> None:
    """Raises ValueError where ``report`` is not the file of the reading's last signature."""
    if not reading.signatures:
        raise ValueError(f"a report for reading {reading.reading_id}, which has no signature")
    if sha256_of(report) != reading.signatures[-1].pdf_sha256:
        raise ValueError(f"the report is not the file of signature {reading.signatures[-1].number}")


def check_gains(signatures: int, changes: list[Change]) -> None:
    """Raises ValueError unless each change brings exactly one report for one new signature, or none for none.

    ``signatures``: how many the stored reading has.
    """
    for change in changes:
        gained = len(change.reading.signatures) - signatures
        if gained != (change.report is not None):
            raise ValueError(f"{gained} new signatures with {'a' if change.report is not None else 'no'} report")
        signatures = len(change.reading.signatures)


def check_kept(before: Reading, changes: list[Change]) -> None:
    """``before`` is signed. Raises StoreError 'sealed' where more of it differs than signatures added."""
    for change in changes:
        after = change.reading
        kept = after.signatures[: len(before.signatures)]
        same = dataclasses.replace(
            after, state=before.state, signatures=kept, revision=before.revision, changed_at=before.changed_at
        )
        if same != before or after.state is not State.AMENDED or len(after.signatures) <= len(before.signatures):
            raise StoreError("A signed reading is read-only.", "Write an addendum.", code="sealed")


def insert(connection: sqlite3.Connection, change: Change) -> None:
    """Keep the report of a change that has one; the caller holds the transaction."""
    if change.report is None:
        return
    seal = change.reading.signatures[-1]
    place = (change.reading.reading_id, seal.number)
    pdf = vault_of(connection).seal_bytes(change.report, "reports", "pdf", *place)
    connection.execute(
        "INSERT INTO reports (reading_id, number, pdf, sha256, at) VALUES (?, ?, ?, ?, ?)",
        (*place, pdf, seal.pdf_sha256, seal.at.isoformat()),
    )


def fetch(connection: sqlite3.Connection, reading_id: str, number: int | None) -> bytes:
    """See `ReadingStore.report`. Raises StoreError 'damaged' for a file that is not the one that was signed."""
    which = "" if number is None else " AND number = ?"
    values = (reading_id,) if number is None else (reading_id, number)
    row = connection.execute(
        f"SELECT pdf, sha256, number FROM reports WHERE reading_id = ?{which} ORDER BY number DESC LIMIT 1", values
    ).fetchone()
    if row is None:
        which = "" if number is None else f" {number}"
        raise StoreError(f"There is no signed report{which} of reading {reading_id}.", code="not-found")
    pdf = vault_of(connection).unseal_bytes(bytes(row[0]), "reports", "pdf", reading_id, row[2])
    if sha256_of(pdf) != row[1]:
        raise StoreError("The signed report was changed in the data base.", "Restore a backup.", code="damaged")
    return pdf
