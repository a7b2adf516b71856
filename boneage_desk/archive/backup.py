"""Copies of the data base that were read again before they count."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from boneage_desk.common.errors import StoreError


def copy_to(connection: sqlite3.Connection, target: Path) -> Path:
    """Copy the open data base to ``target``, check the copy, then give it its name.

    Raises StoreError 'backup' when the copy is not whole; sqlite3.Error when it cannot be written.
    """
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_WRONLY, 0o600))
    try:
        with closing(sqlite3.connect(part, isolation_level=None)) as copy:
            connection.backup(copy)
            # a copy is one file, with no -wal beside it
            copy.execute("PRAGMA journal_mode = DELETE")
            verdict = copy.execute("PRAGMA integrity_check").fetchone()[0]
        if verdict != "ok":
            raise StoreError(f"The backup is not whole ({verdict}).", "Check the disk.", code="backup")
        with open(part, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(part, target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return target


def before_migrating(connection: sqlite3.Connection, path: Path, last: str, stamp: str) -> Path:
    """A copy beside ``path``, named by the last step that the file has and the time."""
    safe = "".join(c for c in stamp if c.isdigit())[:14]
    return copy_to(connection, path.with_name(f"{path.stem}.{last[:4]}-{safe}.backup.sqlite3"))
