"""Whether a data base is whole: the chain, and that readings, sealed reports and profiles are as it left them."""

from __future__ import annotations

import json
import sqlite3

from boneage_desk.archive import audit, people
from boneage_desk.archive.rows import document_of, patient_token
from boneage_desk.archive.text import sha256_of
from boneage_desk.archive.vault import vault_of
from boneage_desk.common.errors import StoreError
from boneage_desk.reading.assessment import SEALED
from boneage_desk.reading.chain import STATION, AuditRow, broken_rows, digest
from boneage_desk.reading.codec import decode_reading
from boneage_desk.reading.station import SET_PERSON, SET_PIN


def file_damage(connection: sqlite3.Connection, *, quick: bool = False) -> list[str]:
    """What SQLite finds wrong with the file itself."""
    verdicts = connection.execute("PRAGMA quick_check" if quick else "PRAGMA integrity_check")
    found = [f"The file is damaged: {row[0]}" for row in verdicts if row[0] != "ok"]
    if not quick:
        found += [f"The file is damaged: a row of {row[0]} belongs to nothing" for row in connection.execute("PRAGMA foreign_key_check")]
    return found


def everything(connection: sqlite3.Connection, newer: list[str] | None = None) -> list[str]:
    """What is wrong with a whole data base, in words: the file, the chain, each reading and each sealed report.

    A reading that only a newer version understands: its id is added to ``newer``; without that, StoreError 'newer'.
    """
    found = file_damage(connection)
    if found:
        return found
    found = broken_links(connection)
    for reading_id, stored in connection.execute("SELECT reading_id, document FROM assessments ORDER BY assessment_id"):
        try:
            decode_reading(json.loads(document_of(connection, reading_id, stored)))
        except StoreError as error:
            if error.code == "newer":
                if newer is None:
                    raise
                newer.append(reading_id)
                continue
            found.append(f"Reading {reading_id}: {error.message}")
        except ValueError as error:
            found.append(f"Reading {reading_id} is no JSON ({error}).")
    return found


def broken_links(connection: sqlite3.Connection) -> list[str]:
    """What does not fit, in words, by row; empty when chain, readings, sealed reports and profiles are whole.

    Also of a file of an earlier schema, which has no reports and profiles yet.
    """
    try:
        chain = audit.rows(connection)
    except StoreError as error:  # altered under its seal
        return [error.message]
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    found = broken_rows(chain) + _readings(connection, chain)
    if "reports" in tables:
        found += _reports(connection)
    if "people" in tables:
        found += _people(connection, chain)
    return found


def _document(connection: sqlite3.Connection, reading_id: str, stored: str) -> str:
    """A reading's document; '' for one that was altered under its seal."""
    try:
        return document_of(connection, reading_id, stored)
    except StoreError:
        return ""


def _readings(connection: sqlite3.Connection, chain: list[AuditRow]) -> list[str]:
    """Each reading is as its last row left it, and each row's reading is there."""
    found = []
    last = {row.reading_id: row for row in chain if row.reading_id != STATION}
    columns = {row[1] for row in connection.execute("PRAGMA table_info(assessments)")}
    filed = "patient_id" if "patient_id" in columns else "NULL"  # an earlier schema
    for reading_id, revision, stored, patient_id in connection.execute(
        f"SELECT reading_id, revision, document, {filed} FROM assessments ORDER BY assessment_id"
    ):
        row = last.pop(reading_id, None)
        document = _document(connection, reading_id, stored)
        if row is None:
            found.append(f"Reading {reading_id} has no audit row.")
        elif row.revision != revision or row.document_sha256 != digest(document):
            found.append(f"Reading {reading_id} is not as audit row {row.seq} left it.")
        elif patient_id is not None and patient_id != _patient_of(connection, document):
            found.append(f"Reading {reading_id} is filed under another patient id than its own.")
    found.extend(f"Audit row {row.seq} speaks of reading {row.reading_id}, which is not there." for row in last.values())
    return found


def _patient_of(connection: sqlite3.Connection, document: str) -> str | None:
    """Under which patient id a document's reading is to be found; None where it names none."""
    try:
        return patient_token(connection, str(json.loads(document)["reading"]["patient"].get("patient_id", "")))
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _reports(connection: sqlite3.Connection) -> list[str]:
    """The sealed reports are those that the readings' signatures name, each of them and no other."""
    found = []
    named: dict[tuple[str, int], str] = {}
    marks = ", ".join("?" * len(SEALED))
    for reading_id, stored in connection.execute(
        f"SELECT reading_id, document FROM assessments WHERE state IN ({marks}) ORDER BY assessment_id",
        [state.value for state in SEALED],
    ):
        try:
            signatures = json.loads(_document(connection, reading_id, stored))["reading"]["signatures"]
            named.update({(reading_id, s["number"]): s["pdf_sha256"] for s in signatures})
        except (KeyError, TypeError, ValueError):
            found.append(f"The signatures of reading {reading_id} cannot be read.")
    for reading_id, number, sha256, pdf in connection.execute("SELECT reading_id, number, sha256, pdf FROM reports"):
        wanted = named.pop((reading_id, number), None)
        if wanted is None:
            found.append(f"Report {number} of reading {reading_id} has no signature.")
        elif not wanted == sha256 == sha256_of(_pdf(connection, reading_id, number, pdf)):
            found.append(f"Report {number} of reading {reading_id} is not the file that was signed.")
    found.extend(f"Report {number} of reading {reading_id} is missing." for reading_id, number in named)
    return found


def _pdf(connection: sqlite3.Connection, reading_id: str, number: int, stored: bytes) -> bytes:
    """A sealed report; empty for one that was altered under its seal."""
    try:
        return vault_of(connection).unseal_bytes(bytes(stored), "reports", "pdf", reading_id, number)
    except StoreError:
        return b""


def _people(connection: sqlite3.Connection, chain: list[AuditRow]) -> list[str]:
    """Each profile is as its last row left it, and each row's profile is there."""
    found = []
    last = {row.detail: row for row in chain if row.reading_id == STATION and row.action in (SET_PERSON, SET_PIN)}
    for account, document in people.documents(connection):
        row = last.pop(account, None)
        if row is None:
            found.append(f"The profile of {account} has no audit row.")
        elif row.document_sha256 != digest(document):
            found.append(f"The profile of {account} is not as audit row {row.seq} left it.")
    found.extend(f"Audit row {row.seq} speaks of the profile of {row.detail}, which is not there." for row in last.values())
    return found
