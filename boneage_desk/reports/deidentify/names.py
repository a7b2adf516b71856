"""New names for old: subjects, UIDs and days, all from one secret of the export, so that they fit together in it.

Without the secret nobody can get from a new name to an old one, nor try names out. It is kept only in a key file, if one
was asked for.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from boneage_desk.common import private
from boneage_desk.common.errors import InputError, StoreError

_FORMAT = "boneage-desk de-identification key 1"
LONGEST_SHIFT_DAYS = 3650


@dataclass(slots=True)
class Names:
    """``subjects``: new -> who it was, by patient id or name. ``uids``: old -> new. ``readers``: new -> account. ``films``:
    SHA-256 of the new file -> its name and what it was made from."""

    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    subjects: dict[str, str] = field(default_factory=dict)
    uids: dict[str, str] = field(default_factory=dict)
    readers: dict[str, str] = field(default_factory=dict)
    films: dict[str, dict[str, str]] = field(default_factory=dict)

    def _digest(self, kind: str, text: str) -> bytes:
        return hmac.digest(self.secret, f"{kind}\0{text}".encode("utf-8", "replace"), hashlib.sha256)

    def subject(self, identity: str) -> str:
        """'S' and 8 letters or digits for a patient; the same for the same one."""
        new = "S" + base64.b32encode(self._digest("subject", identity)[:5]).decode()
        self.subjects[new] = identity
        return new

    def reader(self, account: str) -> str:
        """'R' and 8 letters or digits for an account."""
        new = "R" + base64.b32encode(self._digest("reader", account)[:5]).decode()
        self.readers[new] = account
        return new

    def uid(self, old: str) -> str:
        """A UID below 2.25 (PS3.5 B.2) for an old one; the same for the same one."""
        new = f"2.25.{uuid.UUID(bytes=self._digest('uid', old)[:16], version=4).int}"
        self.uids[old] = new
        return new

    def shifted(self, day: date, identity: str) -> date:
        """``day`` earlier by 1 to 3,650 days, the same number for all days of one patient."""
        days = 1 + int.from_bytes(self._digest("days", identity)[:8]) % LONGEST_SHIFT_DAYS
        return day - timedelta(days=days)


def read_key(path: Path) -> Names:
    """The names of an earlier export. Raises InputError 'key-file'."""
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
        if data["format"] != _FORMAT:
            raise ValueError("another format")
        secret = bytes.fromhex(data["secret"])
        if len(secret) != 32:
            raise ValueError("a short secret")
        return Names(secret, dict(data["subjects"]), dict(data["uids"]), dict(data["readers"]), dict(data["films"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = getattr(error, "strerror", None) or "it is none"
        raise InputError(
            f"The key file '{path}' cannot be used ({reason}).", "Name the key of an earlier export, or a new file.", code="key-file"
        ) from error


def write_key(path: Path, names: Names) -> None:
    """For the owner alone, whole or not at all. Raises StoreError 'disk'."""
    data = {
        "format": _FORMAT, "secret": names.secret.hex(), "subjects": names.subjects, "readers": names.readers,
        "uids": names.uids, "films": names.films,
    }  # fmt: skip
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        private.write_bytes(part, json.dumps(data, indent=1, ensure_ascii=True).encode())
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StoreError(f"'{path}' could not be written ({error.strerror}).", "Check disk space and rights.", code="disk") from error
