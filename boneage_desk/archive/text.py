"""Text and bytes on their way into SQLite."""

from __future__ import annotations

import hashlib


def clean(text: str) -> str:
    """Text that SQLite can hold: bytes of a path that are no UTF-8 become '?'."""
    return text.encode("utf-8", "replace").decode("utf-8")


def sha256_of(content: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()
