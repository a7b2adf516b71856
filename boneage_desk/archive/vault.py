"""Patients' words in the data base, sealed: AES-256-GCM on columns, the key outside of the file.

What is sealed: `assessments.document`, of `audit` the words and all hashes, `reports.pdf`. `studies` and `findings`, which
only copy parts of the documents, hold tokens (HMAC-SHA-256, to find a patient's readings by) and blanks instead. Hashes of
the chain are of the plain words, sealed or not, so that an export made before still fits. docs/store.md says why columns.

A sealed text is ``bd1:`` and base64 of 12 random bytes, the ciphertext and its tag. Where a value belongs is sealed with
it: one that was moved to another row does not open.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from boneage_desk.common.errors import InputError, StoreError

CIPHER = "AES-256-GCM"
LEAST_PASSPHRASE = 12
"""Characters: who has the file can try passphrases for as long as they like."""
_N, _R, _P = 2**17, 8, 1  # 128 MiB and some half a second
_MEMORY = 256 * 1024 * 1024
_MARK, _BYTES_MARK = "bd1:", b"bd1:"
_NONCE = 12


class Vault:
    """Seals nothing: the data base is in clear."""

    sealed = False

    def seal(self, text: str, *place: object) -> str:
        """``text`` as it is stored at ``place`` (table, column, row)."""
        return text

    def unseal(self, stored: str, *place: object) -> str:
        """The text again. Raises StoreError 'damaged'."""
        return stored

    def seal_bytes(self, data: bytes, *place: object) -> bytes:
        """As `seal`."""
        return data

    def unseal_bytes(self, stored: bytes, *place: object) -> bytes:
        """As `unseal`."""
        return stored

    def token(self, text: str) -> str:
        """What stands for ``text`` where it is looked for: the same for the same text."""
        return text

    def copy(self, text: str | None, blank: str | None = "") -> str | None:
        """A value that is only a copy of what the document holds."""
        return text


CLEAR = Vault()


class Sealing(Vault):
    """Seals with a key of 32 bytes."""

    sealed = True

    def __init__(self, key: bytes) -> None:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._wrong = (InvalidTag, ValueError)
        self._aead = AESGCM(hmac.digest(key, b"boneage-desk seal", hashlib.sha256))
        self._index = hmac.digest(key, b"boneage-desk index", hashlib.sha256)

    def seal(self, text: str, *place: object) -> str:
        return _MARK + base64.b64encode(self._closed(text.encode("utf-8"), place)).decode("ascii")

    def unseal(self, stored: str, *place: object) -> str:
        if not stored.startswith(_MARK):
            raise _damaged(place)
        try:
            return self._opened(binascii.a2b_base64(stored[len(_MARK) :], strict_mode=True), place).decode("utf-8")
        except ValueError as error:
            raise _damaged(place) from error

    def seal_bytes(self, data: bytes, *place: object) -> bytes:
        return _BYTES_MARK + self._closed(data, place)

    def unseal_bytes(self, stored: bytes, *place: object) -> bytes:
        if not stored.startswith(_BYTES_MARK):
            raise _damaged(place)
        return self._opened(stored[len(_BYTES_MARK) :], place)

    def token(self, text: str) -> str:
        return "" if not text else "t1:" + hmac.digest(self._index, text.encode("utf-8", "replace"), hashlib.sha256).hex()

    def copy(self, text: str | None, blank: str | None = "") -> str | None:
        return blank

    def _closed(self, data: bytes, place: tuple[object, ...]) -> bytes:
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._aead.encrypt(nonce, data, _where(place))

    def _opened(self, stored: bytes, place: tuple[object, ...]) -> bytes:
        try:
            return self._aead.decrypt(stored[:_NONCE], stored[_NONCE:], _where(place))
        except self._wrong as error:
            raise _damaged(place) from error


def _where(place: tuple[object, ...]) -> bytes:
    return "\x1f".join(map(str, place)).encode("utf-8", "replace")


def _damaged(place: tuple[object, ...]) -> StoreError:
    where = " ".join(str(part) for part in place)
    return StoreError(f"A sealed value of the data base was altered ({where}).", "Restore a backup.", code="damaged")


# --------------------------------------------------------------------------------------- connections
class Connection(sqlite3.Connection):
    """A connection that knows how its data base is sealed."""

    vault: Vault = CLEAR


def vault_of(connection: sqlite3.Connection) -> Vault:
    """How the values of a connection are sealed; not at all for one of another kind."""
    return connection.vault if isinstance(connection, Connection) else CLEAR


# ---------------------------------------------------------------------------------------------- keys
class KeyStore(Protocol):
    """The system's key store (keyring)."""

    def available(self) -> bool:
        """Whether a secret can be kept here."""

    def kept(self, account: str) -> str | None:
        """The secret kept for ``account``; None where there is none, no store, or it is locked."""

    def keep(self, account: str, passphrase: str) -> None:
        """Raises InputError 'keyring'."""

    def forget(self, account: str) -> None:
        """Nothing happens where it is not there."""


class NoKeyStore:
    """A station without one."""

    def available(self) -> bool:
        return False

    def kept(self, account: str) -> str | None:
        return None

    def keep(self, account: str, passphrase: str) -> None:
        raise InputError("There is no key store.", code="keyring")

    def forget(self, account: str) -> None:
        return


@dataclass(frozen=True, slots=True)
class Keys:
    """Where keys come from: ``held``, those that a person opened while the program runs, by name; the system's key store,
    made when it is first needed; else a passphrase that ``ask`` gets of a person (None: nobody is there to ask)."""

    store: Callable[[], KeyStore] = NoKeyStore
    ask: Callable[[], str | None] = lambda: None
    held: dict[str, bytes] = field(default_factory=dict)


NO_KEYS = Keys()


@dataclass(frozen=True, slots=True)
class Lock:
    """The row of table ``encryption``. ``wrapped``: the key sealed by a passphrase, as JSON; '' where only the key store
    has it."""

    key_id: str
    wrapped: str


def lock_of(connection: sqlite3.Connection) -> Lock | None:
    """How the data base is locked; None for one in clear, also of an earlier schema."""
    if connection.execute("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'encryption'").fetchone() is None:
        return None
    row = connection.execute("SELECT cipher, key_id, wrapped FROM encryption").fetchone()
    if row is None:
        return None
    if row[0] != CIPHER:
        raise StoreError(f"The data base is encrypted by {row[0]}.", "Update BoneAge Desk.", code="newer")
    return Lock(row[1], row[2])


def load(connection: sqlite3.Connection, keys: Keys) -> Vault:
    """The vault of a data base. Raises StoreError 'encrypted' where its key is not to be had, InputError 'passphrase' for a
    wrong one."""
    lock = lock_of(connection)
    return CLEAR if lock is None else Sealing(key_of(lock, keys))


def key_of(lock: Lock, keys: Keys) -> bytes:
    """The key of a locked data base; see `load`."""
    if lock.key_id in keys.held:
        return keys.held[lock.key_id]
    kept = keys.store().kept(account(lock.key_id))
    if kept is not None:
        try:
            key = bytes.fromhex(kept)
        except ValueError:
            key = b""
        if key_id(key) == lock.key_id:
            return key
    if lock.wrapped:
        passphrase = keys.ask()
        if passphrase is not None:
            keys.held[lock.key_id] = unwrapped(lock, passphrase)
            return keys.held[lock.key_id]
    remedy = (
        "Enter its passphrase: in the window, at a terminal, or once with: boneage-desk encrypt unlock."
        if lock.wrapped
        else "Unlock the key store, or log in to the account that has it. Without that key nobody can read the data base."
    )
    raise StoreError(
        f"The data base is encrypted, and its key ({lock.key_id}) is not in the key store of this account.", remedy, code="encrypted"
    )


def account(name: str) -> str:
    """Under which name the key store keeps the key."""
    return f"data {name}"


def key_id(key: bytes) -> str:
    """Names a key without telling it."""
    return hmac.digest(key, b"boneage-desk key id", hashlib.sha256).hex()[:16] if key else ""


def new_key() -> bytes:
    """32 random bytes."""
    return secrets.token_bytes(32)


def wrapped(key: bytes, passphrase: str) -> str:
    """The key sealed by a passphrase (scrypt, AES-256-GCM), as JSON. Raises InputError 'passphrase' for a short one."""
    if len(passphrase) < LEAST_PASSPHRASE:
        raise InputError(
            f"A passphrase of at least {LEAST_PASSPHRASE} characters is needed.", "Choose a longer one: some words.", code="passphrase"
        )
    salt = secrets.token_bytes(16)
    sealed = Sealing(_scrypt(passphrase, salt, _N, _R, _P)).seal_bytes(key, "key", key_id(key))
    return json.dumps({"kdf": "scrypt", "n": _N, "r": _R, "p": _P, "salt": salt.hex(), "key": sealed.hex()})


def unwrapped(lock: Lock, passphrase: str) -> bytes:
    """Raises InputError 'passphrase' for a wrong one, StoreError 'damaged'."""
    try:
        data: dict[str, Any] = json.loads(lock.wrapped)
        n, r, p = (int(data[name]) for name in "nrp")
        if data["kdf"] != "scrypt" or not (n <= 2**20 and r <= 16 and p <= 4):
            raise ValueError("another derivation")
        salt, sealed = bytes.fromhex(data["salt"]), bytes.fromhex(data["key"])
        opener = Sealing(_scrypt(passphrase, salt, n, r, p))
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError("The sealed key of the data base was altered.", "Restore a backup.", code="damaged") from error
    try:
        return opener.unseal_bytes(sealed, "key", lock.key_id)
    except StoreError as error:
        raise InputError("That is not the passphrase of the data base.", "Try again.", code="passphrase") from error


def _scrypt(passphrase: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(passphrase.encode("utf-8", "replace"), salt=salt, n=n, r=r, p=p, maxmem=_MEMORY, dklen=32)
