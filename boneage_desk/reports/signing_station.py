"""The key that a station makes itself for somebody who has none: on first use, one for each person and role."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from boneage_desk.common.errors import InputError, StoreError
from boneage_desk.common.files import SETTINGS_BYTES, read_small
from boneage_desk.reading.signature import Signature
from boneage_desk.reports import signing_keystore
from boneage_desk.reports.signing_keys import OpenKey, open_pkcs12, read_key_file

FOLDER = "signing"
ORGANISATION = "Self-issued by BoneAge Desk"
UNIT = "Not confirmed by any authority"
YEARS = 5
LEAST_PASSPHRASE = 8
"""Characters of a passphrase that a person chooses; the station's own have 256 random bits."""
ROUNDS = {"random": 10_000, "chosen": 300_000}
"""Rounds of the key derivation: what a person chose can be guessed, 256 random bits cannot."""
LONGEST_NAME = 64
"""Characters of an X.509 name (ub-common-name)."""


class StationKey:
    """EC P-256 in an encrypted PKCS#12 below the data folder, owner-only, with its certificate beside it in clear.

    The passphrase is random and in the system's key store; where there is none, the person chooses it.
    """

    def __init__(self, data_dir: Path, station: str) -> None:
        self._folder = data_dir / FOLDER
        self._station = station

    def asks(self, signature: Signature) -> str:
        path = self._newest(signature)
        if path is None:
            return "" if signing_keystore.available() else "new-passphrase"
        return "" if signing_keystore.kept(signing_keystore.account_of(read_key_file(path))) else "passphrase"

    def keep(self, signature: Signature, passphrase: str) -> None:
        path = self._newest(signature)
        if path is not None:
            signing_keystore.keep(signing_keystore.account_of(read_key_file(path)), passphrase)

    @contextlib.contextmanager
    def open(self, signature: Signature, passphrase: str | None) -> Iterator[OpenKey]:
        path = self._newest(signature)
        if path is None:
            path, passphrase = self._make(signature, passphrase)
        data = read_key_file(path)
        if passphrase is None:
            passphrase = signing_keystore.kept(signing_keystore.account_of(data))
        if passphrase is None:
            raise InputError(
                "The passphrase of this station's key is not in the system's key store, or that is locked.",
                f"Unlock it or enter the passphrase. If it is lost, move {path.name} away: a new key is made.",
                code="passphrase",
            )
        yield open_pkcs12(data, passphrase, path.name)

    def _stem(self, signature: Signature) -> str:
        """The same for the same account, name and role: a certificate never says another name than the report."""
        who = "\0".join((signature.account, signature.name, str(signature.role)))
        return hashlib.sha256(who.encode()).hexdigest()[:16]

    def _newest(self, signature: Signature) -> Path | None:
        """The key in force at the signature's time, the newest of several; None: one must be made."""
        for path in sorted(self._folder.glob(f"{self._stem(signature)}-*.p12"), reverse=True):
            for certificate in certificates(path.with_suffix(".pem")):
                if certificate.not_valid_before <= signature.at <= certificate.not_valid_after:
                    return path
        return None

    def _make(self, signature: Signature, passphrase: str | None) -> tuple[Path, str]:
        """A new key on disk and its passphrase, kept where it can be. Raises InputError 'passphrase', StoreError."""
        in_store = passphrase is None
        if passphrase is None:
            if not signing_keystore.available():
                raise InputError(
                    "This station has no key yet, and no key store of the system to keep a passphrase in.",
                    f"Choose a passphrase of at least {LEAST_PASSPHRASE} characters for the new key.",
                    code="passphrase",
                )
            passphrase = secrets.token_urlsafe(32)
        elif len(passphrase) < LEAST_PASSPHRASE:
            raise InputError(
                f"A passphrase of at least {LEAST_PASSPHRASE} characters is needed for the new key.",
                "Choose a longer one.",
                code="passphrase",
            )
        pkcs12, pem = make_key(
            signature, self._station, passphrase, ROUNDS["random" if in_store else "chosen"]
        )
        path = self._folder / f"{self._stem(signature)}-{signature.at.astimezone(UTC):%Y%m%d%H%M%S}.p12"
        account = signing_keystore.account_of(pkcs12)
        if in_store:
            signing_keystore.keep(account, passphrase)
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            _write(path.with_suffix(".pem"), pem)
            _write(path, pkcs12)
        except OSError as error:
            if in_store:
                signing_keystore.forget(account)
            raise StoreError(
                f"The station's key could not be saved ({error.strerror}).", "Check disk space and rights.", code="key-file"
            ) from error
        return path, passphrase


def certificates(path: Path) -> list[Any]:
    """The certificates (asn1crypto) in a PEM or DER file; empty where it cannot be read or holds none."""
    from asn1crypto import pem, x509

    try:
        data = read_small(path, SETTINGS_BYTES)
        if not pem.detect(data):
            return [x509.Certificate.load(data, strict=True)]
        return [x509.Certificate.load(der, strict=True) for _, _, der in pem.unarmor(data, multiple=True)]
    except (OSError, ValueError):
        return []


def make_key(signature: Signature, station: str, passphrase: str, rounds: int) -> tuple[bytes, bytes]:
    """(PKCS#12, certificate as PEM) of a fresh key for the signer of ``signature``, in force from a day before it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import pkcs12
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    parts = (
        (NameOID.COMMON_NAME, signature.name), (NameOID.TITLE, str(signature.role)),
        (NameOID.ORGANIZATION_NAME, ORGANISATION), (NameOID.ORGANIZATIONAL_UNIT_NAME, UNIT),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, f"Station {station}".strip()),
    )  # fmt: skip
    name = x509.Name([x509.NameAttribute(oid, value[:LONGEST_NAME]) for oid, value in parts])
    start = signature.at.astimezone(UTC) - timedelta(days=1)
    public = key.public_key()
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=True, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(_years_later(start, YEARS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )
    how = (
        serialization.PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(rounds)
        .key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
        .hmac_hash(hashes.SHA256())
        .build(passphrase.encode())
    )
    data = pkcs12.serialize_key_and_certificates(b"BoneAge Desk", key, certificate, None, how)
    return data, certificate.public_bytes(serialization.Encoding.PEM)


def _years_later(at: datetime, years: int) -> datetime:
    try:
        return at.replace(year=at.year + years)
    except ValueError:  # 29 February
        return at.replace(year=at.year + years, day=28)


def _write(path: Path, data: bytes) -> None:
    """Owner-only, on disk, whole or not there; an older file of that name stays as it was."""
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            raise FileExistsError(17, "it is there already", str(path))
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
