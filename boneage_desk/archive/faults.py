"""What SQLite and the operating system report, said with a remedy."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

from boneage_desk.common.errors import StoreError

_KEPT = "What was saved before is safe."


def explain(error: sqlite3.Error | OSError, path: Path, doing: str) -> StoreError:
    """The StoreError for a failure while ``doing`` ('saving', 'opening' ...)."""
    code, message, remedy = _kind(error, path)
    return StoreError(f"{message} (while {doing} {path.name})", f"{remedy} {_KEPT}", code=code)


def _kind(error: sqlite3.Error | OSError, path: Path) -> tuple[str, str, str]:
    if isinstance(error, OSError):
        if error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
            return "disk-full", "The disk is full", f"Free space on the disk of {path.parent}."
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            return "read-only", "The data folder cannot be written", f"Give yourself write access to {path.parent}."
        return "disk", f"The disk reports: {error.strerror or error}", f"Check the disk of {path.parent}."
    primary = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if primary == sqlite3.SQLITE_FULL:
        return "disk-full", "The disk is full", f"Free space on the disk of {path.parent}."
    if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return "read-only", "The data folder cannot be written", f"Give yourself write access to {path.parent}."
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return "locked", "Another program holds the data base", "Close it and try again."
    if primary in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return (
            "not-a-database",
            f"The file is damaged or no data base ({error})",
            "Move it away and put a backup in its place.",
        )
    if primary == sqlite3.SQLITE_IOERR:
        return (
            "disk", f"The disk reports an error ({error})",
            f"Check free space and health of the disk of {path.parent}.",
        )  # fmt: skip
    return "store", f"The data base reports: {error}", "Report this if it happens again."
