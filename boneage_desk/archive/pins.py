"""PINs of profiles: kept only as a salted scrypt hash.

A PIN has few digits: who has the file can try them all. It keeps a passer-by from a locked desk, no more; docs/store.md
says so.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

_N, _R, _P = 2**15, 8, 1  # 32 MiB and some 0.1 s
_MEMORY = 64 * 1024 * 1024


def hashed(pin: str) -> str:
    """``scrypt$n$r$p$salt$hash`` with a salt of its own."""
    salt = secrets.token_bytes(16)
    return f"scrypt${_N}${_R}${_P}${salt.hex()}${_scrypt(pin, salt, _N, _R, _P).hex()}"


def matches(pin: str, stored: str) -> bool:
    """Whether ``pin`` is the one of ``stored``; False for '' and for what is no such hash."""
    kind, _, rest = stored.partition("$")
    parts = rest.split("$")
    if kind != "scrypt" or len(parts) != 5:
        return False
    try:
        n, r, p = (int(part) for part in parts[:3])
        return hmac.compare_digest(_scrypt(pin, bytes.fromhex(parts[3]), n, r, p), bytes.fromhex(parts[4]))
    except ValueError:
        return False


def _scrypt(pin: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(pin.encode("utf-8", "replace"), salt=salt, n=n, r=r, p=p, maxmem=_MEMORY, dklen=32)
