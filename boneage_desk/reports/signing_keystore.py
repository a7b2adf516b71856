"""Passphrases of signing keys: in the system's key store (keyring), or asked of the person; nowhere else."""

from __future__ import annotations

import hashlib
from typing import Any

from boneage_desk.common.errors import InputError

SERVICE = "BoneAge Desk"
_IN_CLEAR = ("keyrings.alt", "keyring.backends.null", "keyring.backends.fail")
"""Backends that keep nothing, or keep it where any file reader finds it."""


def account_of(key: bytes) -> str:
    """The name under which the passphrase of a key file is kept: it goes with the file's content, not its place."""
    return f"key {hashlib.sha256(key).hexdigest()[:32]}"


def _store() -> Any:
    """The keyring library, or None where this session has no key store that is fit for a secret."""
    try:
        import keyring

        backend: Any = keyring.get_keyring()
    except Exception:  # a backend that cannot start may raise anything: then there is none
        return None
    chained = getattr(backend, "backends", None)
    parts = [backend] if chained is None else list(chained)
    names = [type(part).__module__ for part in parts]
    if not names or any(name.startswith(_IN_CLEAR) for name in names):
        return None
    return keyring


def available() -> bool:
    """Whether a passphrase can be kept here."""
    return _store() is not None


def kept(account: str) -> str | None:
    """The passphrase kept for ``account``; None where there is none, or no key store, or it is locked."""
    store = _store()
    if store is None:
        return None
    try:
        found = store.get_password(SERVICE, account)
    except Exception:  # locked, refused by the person, or gone: the person is asked instead
        return None
    return found if isinstance(found, str) else None


def keep(account: str, passphrase: str) -> None:
    """Keep ``passphrase``. Raises InputError 'keyring' where that fails."""
    store = _store()
    why = "there is none here"
    if store is not None:
        try:
            store.set_password(SERVICE, account, passphrase)
            if store.get_password(SERVICE, account) == passphrase:
                return
            why = "it gives back something else"
        except Exception as error:  # a backend's own errors; their text may not be shown, it could name the secret
            why = type(error).__name__
    raise InputError(
        f"The system's key store could not keep the passphrase ({why}).",
        "Unlock it, or give the passphrase at each signature.",
        code="keyring",
    )


def forget(account: str) -> None:
    """Take a passphrase out again; nothing happens where it is not there."""
    store = _store()
    if store is not None:
        try:
            store.delete_password(SERVICE, account)
        except Exception:  # not there, or locked
            return
