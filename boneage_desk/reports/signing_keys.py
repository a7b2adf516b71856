"""The keys that sign: a PKCS#12 file, a token, or the station's own. Each opens to a pyHanko signer."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from boneage_desk.common.errors import InputError, StoreError
from boneage_desk.common.files import read_small
from boneage_desk.reading.signature import Signature
from boneage_desk.reports import signing_keystore

if TYPE_CHECKING:
    from asn1crypto import x509
    from pyhanko.sign.signers.pdf_cms import Signer

LARGEST_FILE = 1 << 20
SIGNING_USES = ("digital_signature", "non_repudiation")
NOT_FOR_DOCUMENTS = frozenset({"server_auth", "code_signing", "time_stamping", "ocsp_signing"})
LEAST_RSA_BITS = 2048


@dataclass(frozen=True)
class OpenKey:
    """A key ready to sign. ``self_issued``: its certificate was issued by nobody but itself."""

    signer: Signer
    certificate: x509.Certificate

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.certificate.dump()).hexdigest()

    @property
    def self_issued(self) -> bool:
        return bool(self.certificate.issuer == self.certificate.subject)


class KeySource(Protocol):
    """Where a key lies."""

    def asks(self, signature: Signature) -> str:
        """What the person must be asked first: '' nothing, 'passphrase', 'pin', 'new-passphrase'."""

    def open(self, signature: Signature, passphrase: str | None) -> AbstractContextManager[OpenKey]:
        """The key, until the block ends. Raises InputError 'passphrase', 'certificate', 'token'; StoreError 'key-file',
        'token'."""

    def keep(self, signature: Signature, passphrase: str) -> None:
        """Keep the passphrase in the system's key store. Raises InputError 'keyring'."""


def check_certificate(certificate: x509.Certificate, at: datetime) -> None:
    """Raise InputError 'certificate' where it is not in force at ``at`` or not for signing documents."""
    problem = certificate_problem(certificate, at)
    if problem:
        raise InputError(problem, "Use another certificate, or set the computer's clock right.", code="certificate")


def certificate_problem(certificate: x509.Certificate, at: datetime) -> str:
    """'' or why ``certificate`` may not sign a document at ``at``."""
    if at < certificate.not_valid_before:
        return f"The certificate is valid only from {certificate.not_valid_before:%Y-%m-%d %H:%M} UTC."
    if at > certificate.not_valid_after:
        return f"The certificate has expired on {certificate.not_valid_after:%Y-%m-%d %H:%M} UTC."
    usage = certificate.key_usage_value
    if usage is not None and not usage.native & set(SIGNING_USES):
        return f"The certificate is not for signing (key usage: {', '.join(sorted(usage.native)) or 'none'})."
    extended = certificate.extended_key_usage_value
    if extended is not None and set(extended.native) <= NOT_FOR_DOCUMENTS:
        return f"The certificate is not for signing documents ({', '.join(sorted(extended.native))})."
    kind = certificate.public_key.algorithm
    if kind == "rsa" and certificate.public_key.bit_size < LEAST_RSA_BITS:
        return f"The certificate's RSA key of {certificate.public_key.bit_size} bits is too weak."
    if kind not in ("rsa", "ec"):
        return f"A key of kind '{kind}' cannot sign here."
    return ""


def subject_of(certificate: x509.Certificate) -> str:
    """The subject in words."""
    return str(certificate.subject.human_friendly)


class Pkcs12File:
    """A signer's own file (.p12, .pfx)."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def asks(self, signature: Signature) -> str:
        return "" if signing_keystore.kept(signing_keystore.account_of(read_key_file(self._path))) else "passphrase"

    @contextlib.contextmanager
    def open(self, signature: Signature, passphrase: str | None) -> Iterator[OpenKey]:
        data = read_key_file(self._path)
        if passphrase is None:
            passphrase = signing_keystore.kept(signing_keystore.account_of(data))
        if passphrase is None:
            raise InputError(
                f"The key file {self._path.name} needs its passphrase.", "Enter it.", code="passphrase"
            )
        yield open_pkcs12(data, passphrase, self._path.name)

    def keep(self, signature: Signature, passphrase: str) -> None:
        signing_keystore.keep(signing_keystore.account_of(read_key_file(self._path)), passphrase)


def read_key_file(path: Path) -> bytes:
    """The bytes of a key file. Raises StoreError 'key-file'."""
    try:
        return read_small(path, LARGEST_FILE)
    except OSError as error:
        raise StoreError(
            f"The key file '{path}' cannot be read ({error.strerror}).", "Check the setting and its rights.", code="key-file"
        ) from error


def open_pkcs12(data: bytes, passphrase: str, name: str) -> OpenKey:
    """The key and its chain. Raises InputError 'passphrase' or 'certificate', StoreError 'key-file'."""
    from asn1crypto import keys, pkcs12, x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates
    from pyhanko.sign.signers.pdf_cms import SimpleSigner
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    try:
        pkcs12.Pfx.load(data, strict=True)["auth_safe"]["content"].native  # noqa: B018 - parses all of it
    except (ValueError, TypeError, KeyError) as error:
        raise StoreError(f"{name} is no PKCS#12 file, or damaged.", "Name a .p12 or .pfx file.", code="key-file") from error
    try:
        key, certificate, others = load_key_and_certificates(data, passphrase.encode())
    except Exception as error:  # ValueError for a wrong passphrase; others for what the library does not know
        if isinstance(error, ValueError):
            raise InputError(
                f"The passphrase of {name} is wrong.", "Enter it again.", code="passphrase"
            ) from None  # nothing of the library's text is shown: it may say more than it should
        raise StoreError(f"{name} cannot be opened ({type(error).__name__}).", "Export it again.", code="key-file") from None
    if key is None or certificate is None:
        raise InputError(f"{name} holds no key with a certificate.", "Export both.", code="certificate")
    der = serialization.Encoding.DER
    found = x509.Certificate.load(certificate.public_bytes(der))
    registry = SimpleCertificateStore.from_certs(
        [x509.Certificate.load(other.public_bytes(der)) for other in others]
    )
    private = key.private_bytes(der, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    signer = SimpleSigner(
        signing_cert=found, signing_key=keys.PrivateKeyInfo.load(private), cert_registry=registry
    )
    return OpenKey(signer, found)


class Token:
    """A PKCS#11 token: smart card, USB key, or a server's key store."""

    def __init__(self, module: str, *, token: str, slot: int | None, key: str) -> None:
        self._module, self._token, self._slot, self._key = module, token, slot, key

    @property
    def _account(self) -> str:
        return f"token {self._token or self._slot} {self._key}"

    def asks(self, signature: Signature) -> str:
        return "" if signing_keystore.kept(self._account) else "pin"

    def keep(self, signature: Signature, passphrase: str) -> None:
        signing_keystore.keep(self._account, passphrase)

    @contextlib.contextmanager
    def open(self, signature: Signature, passphrase: str | None) -> Iterator[OpenKey]:
        try:
            import pkcs11
            from pyhanko.sign.pkcs11 import PKCS11Signer
        except ImportError as error:
            raise InputError(
                "Tokens need the package python-pkcs11.", "Install boneage-desk[token].", code="token"
            ) from error
        pin = passphrase if passphrase is not None else signing_keystore.kept(self._account)
        if pin is None:
            raise InputError("The token needs its PIN.", "Enter it.", code="passphrase")
        failed = pkcs11.exceptions.PKCS11Error
        wrong = (pkcs11.exceptions.PinIncorrect, pkcs11.exceptions.PinInvalid, pkcs11.exceptions.PinLenRange)
        try:
            token = self._find(pkcs11)
            with token.open(user_pin=pin) as session:
                label = {"cert_label": self._key, "key_label": self._key}
                certificate = self._certificate(PKCS11Signer(session, **label))
                elliptic = certificate.public_key.algorithm == "ec"
                whole = pkcs11.Mechanism.ECDSA_SHA256 if elliptic else pkcs11.Mechanism.SHA256_RSA_PKCS
                # many tokens only sign a hash that was made outside
                raw = whole not in token.slot.get_mechanisms()
                signer = PKCS11Signer(session, use_raw_mechanism=raw, **label)
                yield OpenKey(signer, certificate)
        except wrong:
            raise InputError("The token's PIN is wrong.", "Enter it again.", code="passphrase") from None
        except pkcs11.exceptions.PinLocked:
            raise StoreError(
                "The token is locked after too many wrong PINs.", "Unlock it with its own program.", code="token"
            ) from None
        except failed as error:
            raise StoreError(
                f"The token does not answer ({type(error).__name__}).", "Plug it in and try again.", code="token"
            ) from error

    def _find(self, pkcs11: Any) -> Any:
        """The token. Raises StoreError 'token'."""
        try:
            library = pkcs11.lib(self._module)
            slots = list(library.get_slots(token_present=True))
        except Exception as error:  # a driver that cannot be loaded raises RuntimeError, OSError or its own
            raise StoreError(
                f"The token's driver '{self._module}' cannot be loaded ({type(error).__name__}).",
                "Check the setting 'signing_pkcs11_module'.",
                code="token",
            ) from error
        found = []
        for slot in slots:
            with contextlib.suppress(pkcs11.exceptions.PKCS11Error):
                token = slot.get_token()
                if (self._slot is None or slot.slot_id == self._slot) and self._token in ("", token.label.strip()):
                    found.append(token)
        if len(found) == 1:
            return found[0]
        if self._token or self._slot is not None:
            named = f"'{self._token}'" if self._token else f"in slot {self._slot}"
        else:
            named = "at all"
        raise StoreError(
            f"{'There is no token' if not found else 'There are several tokens'} {named}.",
            "Plug it in, or set its label and slot.",
            code="token",
        )

    def _certificate(self, signer: Any) -> x509.Certificate:
        from pyhanko.sign.general import SigningError

        try:
            return signer.signing_cert
        except SigningError as error:
            raise StoreError(
                f"The token holds no key and certificate with the label '{self._key}'.",
                "Check the setting 'signing_pkcs11_key'.",
                code="token",
            ) from error
