"""Real keys and certificates for tests of signatures, each made once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from keyring.backend import KeyringBackend

from boneage_desk.reading.people import Role
from boneage_desk.reading.signature import Signature

PASSPHRASE = "correct horse battery staple"
AT = datetime(2026, 3, 2, 14, 5, 6, tzinfo=UTC)
START = datetime(2026, 1, 1, tzinfo=UTC)
NAME = "Dr 李明 Ångström"
REASON = "Report reviewed 已审阅"


class MemoryKeyring(KeyringBackend):
    """A key store of this process; ``broken``: it is locked."""

    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}
        self.broken = False

    def _open(self) -> dict[tuple[str, str], str]:
        if self.broken:
            raise RuntimeError("locked")
        return self.kept

    def get_password(self, service: str, username: str) -> str | None:
        return self._open().get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._open()[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self._open()[service, username]


def signature(number: int = 1, *, text: str = "", **facts: Any) -> Signature:
    values = {
        "at": AT + timedelta(minutes=number - 1), "account": "ming", "name": NAME, "role": Role.RADIOLOGIST,
        "reason": REASON,
    }  # fmt: skip
    return Signature(number=number, text=text, **(values | facts))


@lru_cache
def private_key(kind: str, which: str = "") -> Any:
    """``kind``: 'rsa', 'rsa-weak' or 'ec'; ``which`` parts several of a kind."""
    if kind == "ec":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(65537, 1024 if kind == "rsa-weak" else 2048)


def usage(*, sign: bool = True, certify: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=sign, content_commitment=sign, key_encipherment=not sign, data_encipherment=False,
        key_agreement=False, key_cert_sign=certify, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def certificate(
    key: Any, common_name: str, *, issuer: tuple[Any, x509.Certificate] | None = None, ca: bool = False,
    start: datetime = START, days: int = 3650, sign: bool = True, stamps: bool = False,
) -> x509.Certificate:  # fmt: skip
    """Of ``key``; ``issuer``: (key, certificate) of who issues it, else itself."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test")])
    by_key, by_name = (key, name) if issuer is None else (issuer[0], issuer[1].subject)
    builder = (
        x509.CertificateBuilder().subject_name(name).issuer_name(by_name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(start).not_valid_after(start + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
        .add_extension(usage(sign=sign, certify=ca), critical=True)
    )  # fmt: skip
    if stamps:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
    return builder.sign(by_key, hashes.SHA256())


def pem(value: x509.Certificate) -> bytes:
    return value.public_bytes(serialization.Encoding.PEM)


def p12(key: Any, value: x509.Certificate, *others: x509.Certificate, passphrase: str = PASSPHRASE) -> bytes:
    how = serialization.BestAvailableEncryption(passphrase.encode())
    return pkcs12.serialize_key_and_certificates(b"test", key, value, list(others) or None, how)


@lru_cache
def own(kind: str) -> bytes:
    """PKCS#12 of a self-signed certificate."""
    key = private_key(kind)
    return p12(key, certificate(key, NAME))


@lru_cache
def chain() -> tuple[bytes, x509.Certificate, x509.Certificate]:
    """(PKCS#12 of a signer with its intermediate, intermediate, root)."""
    root_key, middle_key, key = private_key("ec", "root"), private_key("ec", "middle"), private_key("ec", "leaf")
    root = certificate(root_key, "Test Root", ca=True)
    middle = certificate(middle_key, "Test Intermediate", issuer=(root_key, root), ca=True)
    leaf = certificate(key, "Dr Chain", issuer=(middle_key, middle))
    return p12(key, leaf, middle, root), middle, root
