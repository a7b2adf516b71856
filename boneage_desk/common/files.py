"""Small files from outside: never more than a limit is read, and only from a file (a pipe waits, a device never ends)."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path
from typing import Any

SETTINGS_BYTES = 1 << 20
"""Of a file that a person writes by hand: settings, templates, a model's card, a recipe."""
TABLE_BYTES = 64 << 20
"""Of a table: a million rows."""


def read_small(path: Path, most: int) -> bytes:
    """All bytes of ``path``. Raises OSError: EFBIG for more than ``most`` bytes, EINVAL for what is no file."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(errno.EISDIR if path.is_dir() else errno.EINVAL, "it is no file", str(path))
    with open(path, "rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"it is larger than {most >> 20} MB", str(path))
    return data


def small_text(path: Path, most: int, encoding: str = "utf-8") -> str:
    """As `read_small`, with every line end as a plain one. Raises OSError, UnicodeDecodeError."""
    return read_small(path, most).decode(encoding).replace("\r\n", "\n").replace("\r", "\n")


def parse_json(text: str | bytes) -> Any:
    """As json.loads, but everything that is wrong is a ValueError: also what is nested thousands deep."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
