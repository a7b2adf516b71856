"""Copies of the data base that were read again before they count."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from boneage_desk.archive.vault import Connection, vault_of
from boneage_desk.common.errors import StoreError

_PAGES = 256
"""Copied at a time; between two such steps a copy can be cancelled."""
Check = Callable[[sqlite3.Connection], list[str]]


def copy_to(
    connection: sqlite3.Connection, target: Path, *, check: Check | None = None, step: Callable[[], None] | None = None
) -> Path:
    """Copy the open data base to ``target``, check the copy, then give it its name.

    ``check`` says what is wrong with the copy beyond SQLite's own look at it. ``step`` is called between pages, and
    stops the copy with what it raises. Raises StoreError 'backup' when the copy is not whole; sqlite3.Error when it
    cannot be written.
    """
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_WRONLY, 0o600))
    try:
        with closing(sqlite3.connect(part, isolation_level=None, factory=Connection)) as copy:
            if step is None:
                connection.backup(copy)
            else:
                connection.backup(copy, pages=_PAGES, progress=lambda *_: step())
            copy.vault = vault_of(connection)
            # a copy is one file, with no -wal beside it
            copy.execute("PRAGMA journal_mode = DELETE")
            verdict = copy.execute("PRAGMA integrity_check").fetchone()[0]
            problems = ([verdict] if verdict != "ok" else []) or (check(copy) if check is not None else [])
        if problems:
            more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
            raise StoreError(
                f"The backup is not whole ({problems[0].rstrip('.')}{more}).",
                "Look at the data base with: boneage-desk audit verify. Older backups are kept.",
                code="backup",
            )
        with open(part, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(part, target)
        sync_folder(target.parent)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return target


def before_migrating(connection: sqlite3.Connection, path: Path, last: str, stamp: str) -> Path:
    """A copy beside ``path``, named by the last step that the file has and the time."""
    safe = "".join(c for c in stamp if c.isdigit())[:14]
    return copy_to(connection, path.with_name(f"{path.stem}.{last[:4]}-{safe}.backup.sqlite3"))


def sync_folder(folder: Path) -> None:
    """Names on disk too; where a folder cannot be opened (Windows), the system sees to it."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:  # some network file systems cannot
        pass
    finally:
        os.close(handle)


def sha256_of_file(path: Path) -> str:
    """In hex, read in pieces."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# ---------------------------------------------------------------------------------- dated copies in a folder
def series(path: Path) -> str:
    """The part of a dated name that tells whose copies they are: several stations may share a folder."""
    computer = re.sub(r"[^A-Za-z0-9]+", "-", platform.node().partition(".")[0])[:24].strip("-") or "station"
    place = f"{platform.node()}\0{path.resolve()}"
    return f"boneage-{computer}-{hashlib.sha256(place.encode('utf-8', 'replace')).hexdigest()[:8]}"


def dated_name(path: Path, at: datetime) -> str:
    """The name of a copy of ``path`` made at ``at``, in UTC."""
    return f"{series(path)}-{at.astimezone(UTC):%Y%m%dT%H%M%SZ}.sqlite3"


def copies_in(folder: Path, path: Path) -> list[tuple[datetime, str]]:
    """(time, name) of the dated copies of ``path`` in a folder; other files are none of ours. Raises OSError."""
    pattern = re.compile(re.escape(series(path)) + r"-(\d{8}T\d{6})Z\.sqlite3")
    found = []
    for name in os.listdir(folder):
        match = pattern.fullmatch(name)
        if match:
            try:
                found.append((datetime.strptime(match[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC), name))
            except ValueError:  # a 31st of February is not ours
                continue
    return sorted(found)


def remove_leavings(folder: Path, path: Path) -> None:
    """Half copies of ``path`` that a killed program left. Raises OSError."""
    for name in os.listdir(folder):
        if name.startswith(series(path)) and name.endswith(".sqlite3.part"):
            (folder / name).unlink(missing_ok=True)
