"""The audit chain as values: its rows, the hash that ties each to the row before, and what does not fit.

An export can be checked with this module alone, where there is no data base. What is hashed is in docs/store.md, so
that a program that we did not write can check it too.
"""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from boneage_desk.common.errors import InputError

START = "0" * 64
"""What the first row holds in place of the hash of a row before it."""
STATION = ""
"""``reading_id`` of an event that belongs to no reading but to the station: a profile, a backup, a lock."""
CLOCK_SLACK = timedelta(seconds=2)
"""Two windows on one file take their times a moment before they write; less than this is no clock that went back."""
CELL_GUARD = "'"
"""Put before a CSV cell that a spreadsheet would take for a formula (and before one that begins with it)."""


@dataclass(frozen=True, slots=True)
class AuditRow:
    """A row as it is stored. ``at``: ISO time with zone. ``document_sha256``: of the reading's document after the change;
    of a profile's after a change of it. ``previous``: the hash of the row before."""

    seq: int
    reading_id: str
    revision: int
    at: str
    who: str
    action: str
    detail: str
    before: str
    after: str
    software: str
    document_sha256: str
    previous: str
    hash: str

    @property
    def time(self) -> datetime:
        """Raises ValueError for a row whose time was altered to none."""
        return datetime.fromisoformat(self.at)

    def values(self) -> tuple[int | str, ...]:
        """All fields in order."""
        return (
            self.seq, self.reading_id, self.revision, self.at, self.who, self.action, self.detail, self.before, self.after,
            self.software, self.document_sha256, self.previous, self.hash,
        )  # fmt: skip


FIELDS = tuple(field.name for field in dataclasses.fields(AuditRow))
_NUMBERS = frozenset({"seq", "revision"})


def digest(text: str) -> str:
    """SHA-256 of the text in UTF-8, hex."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def row_hash(values: Sequence[int | str]) -> str:
    """The hash of a row from all its fields but the last: SHA-256 of them as a JSON list, ASCII, without spaces."""
    return digest(json.dumps(list(values), ensure_ascii=True, separators=(",", ":")))


def broken_rows(rows: Iterable[AuditRow]) -> list[str]:
    """What does not fit in the chain, in words, by row; empty when it is whole from its first row to its last."""
    found = []
    expected, previous = 1, START
    for row in rows:
        if row.seq < expected:
            found.append(f"Audit row {row.seq} stands twice or out of order.")
            continue
        if row.seq > expected:
            missing = str(expected) if row.seq == expected + 1 else f"{expected} to {row.seq - 1}"
            found.append(f"Audit row {missing} is missing.")
        elif row.previous != previous:
            found.append(f"Audit row {row.seq} does not follow on row {row.seq - 1}.")
        if row_hash(row.values()[:-1]) != row.hash:
            found.append(f"Audit row {row.seq} was changed after it was written.")
        expected, previous = row.seq + 1, row.hash
    return found


def notes(rows: Iterable[AuditRow]) -> list[str]:
    """What is odd but no breach: a time before that of the row before. It is recorded as the clock said it."""
    found = []
    last: tuple[int, datetime] | None = None
    for row in rows:
        try:
            now = row.time
            back = last is not None and now + CLOCK_SLACK < last[1]
        except (TypeError, ValueError):
            found.append(f"Audit row {row.seq} has no time that can be read: {row.at}")
            continue
        if last is not None and back:
            found.append(
                f"Audit row {row.seq} is dated {row.at}, before row {last[0]}: the clock was set back, or the change "
                "waited to be saved."
            )
        last = (row.seq, now)
    return found


def continued(export: Sequence[AuditRow], present: Iterable[AuditRow]) -> list[str]:
    """Where the rows that are there now are not those of the export and more after them; empty where they are.

    This finds what the chain alone cannot: rows that were cut off at the end, and a chain made anew.
    """
    found = []
    there = {row.seq: row for row in present}
    lost = [row.seq for row in export if row.seq not in there]
    if lost:
        which = f"row {lost[0]} is" if len(lost) == 1 else f"rows {lost[0]} to {lost[-1]} are"
        found.append(f"Audit {which} in the export and no longer in the data base: cut off after it was made.")
    for row in export:
        if row.seq in there and there[row.seq].hash != row.hash:
            found.append(f"Audit row {row.seq} of the data base is another than in the export, and all after it.")
            break
    return found


# ---------------------------------------------------------------------------------------- files
def to_jsonl(rows: Iterable[AuditRow]) -> str:
    """One JSON object a line, plain ASCII."""
    return "".join(json.dumps(dict(zip(FIELDS, row.values(), strict=True)), ensure_ascii=True) + "\n" for row in rows)


def to_csv(rows: Iterable[AuditRow]) -> str:
    """A header line and one line a row. A cell that a spreadsheet would run as a formula has ``'`` before it."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(FIELDS)
    for row in rows:
        writer.writerow([_guarded(value) for value in row.values()])
    return out.getvalue()


def _guarded(value: int | str) -> int | str:
    return CELL_GUARD + value if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r", CELL_GUARD) else value


def parse_export(text: str, name: str) -> list[AuditRow]:
    """Rows of an export; ``name`` ends in .jsonl or .csv. Raises InputError 'export' with the line at fault."""
    if name.lower().endswith(".csv"):
        return _parse_csv(text, name)
    if not name.lower().endswith(".jsonl"):
        raise InputError(f"'{name}' is no export by its name.", "Name a .jsonl or .csv file.", code="export")
    rows = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                rows.append(_row(json.loads(line)))
            except (ValueError, TypeError, KeyError, RecursionError) as error:
                raise _no_row(name, number, error) from None
    return rows


def _parse_csv(text: str, name: str) -> list[AuditRow]:
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    rows = []
    try:
        if tuple(next(reader, ())) != FIELDS:
            raise InputError(f"'{name}' does not begin with the header of an export.", "Export again.", code="export")
        for cells in reader:
            given = {field: cell.removeprefix(CELL_GUARD) for field, cell in zip(FIELDS, cells, strict=True)}
            rows.append(_row({k: int(v) if k in _NUMBERS else v for k, v in given.items()}))
    except (csv.Error, ValueError, TypeError, KeyError) as error:
        raise _no_row(name, reader.line_num, error) from None
    return rows


def _row(data: object) -> AuditRow:
    if not isinstance(data, dict):
        raise ValueError("no JSON object")
    for name in FIELDS:
        if type(data[name]) is not (int if name in _NUMBERS else str):
            raise ValueError(f"'{name}' has another type")
    return AuditRow(**{name: data[name] for name in FIELDS})


def _no_row(name: str, line: int, error: Exception) -> InputError:
    return InputError(f"'{name}', line {line}, is no audit row ({error}).", "The export was altered or cut.", code="export")
