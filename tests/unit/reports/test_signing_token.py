"""A PKCS#11 token: SoftHSM, which behaves as a smart card does."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from boneage_desk.common.errors import BoneAgeError
from boneage_desk.common.settings import Settings
from boneage_desk.reports.signing import Seals
from tests import signers
from tests.signers import MemoryKeyring, signature

pytestmark = pytest.mark.slow
PIN, LABEL, KEY = "246810", "desk", "signer"
PLACES = (
    "/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so", "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
)  # fmt: skip


def settings(**changes: Any) -> Settings:
    chosen = {"signing_pkcs11_token": LABEL, "signing_pkcs11_key": KEY, "signing_pkcs11_module": module()} | changes
    return Settings(**chosen)


def module() -> str:
    return next((place for place in PLACES if Path(place).exists()), "")


@pytest.fixture(scope="module", params=["rsa", "ec"])
def token(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The label of a key on a token that holds an RSA and an EC key, each with its certificate."""
    pkcs11 = pytest.importorskip("pkcs11", reason="needs python-pkcs11")
    if not module() or shutil.which("softhsm2-util") is None:
        pytest.skip("needs softhsm2")
    import os

    folder = tmp_path_factory.getbasetemp() / "softhsm"
    if not folder.exists():  # the driver reads its settings once in a process
        (folder / "tokens").mkdir(parents=True)
        (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\n")
        os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
        make_token(pkcs11, folder)
    yield f"{KEY}-{request.param}"


def make_token(pkcs11: Any, folder: Path) -> None:
    def tool(*words: str) -> None:
        subprocess.run(["softhsm2-util", *words], check=True, capture_output=True)

    tool("--init-token", "--free", "--label", LABEL, "--pin", PIN, "--so-pin", "1234567890")
    for number, kind in enumerate(("rsa", "ec"), start=1):
        key = signers.private_key(kind)
        path = folder / "key.pem"
        path.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        tool("--import", str(path), "--label", f"{KEY}-{kind}", "--id", f"0{number}", "--token", LABEL, "--pin", PIN)
        path.unlink()
    with pkcs11.lib(module()).get_token(token_label=LABEL).open(user_pin=PIN, rw=True) as session:
        for number, kind in enumerate(("rsa", "ec"), start=1):
            found = signers.certificate(signers.private_key(kind), signers.NAME)
            session.create_object({
                pkcs11.Attribute.CLASS: pkcs11.ObjectClass.CERTIFICATE, pkcs11.Attribute.TOKEN: True,
                pkcs11.Attribute.CERTIFICATE_TYPE: pkcs11.CertificateType.X_509, pkcs11.Attribute.LABEL: f"{KEY}-{kind}",
                pkcs11.Attribute.ID: bytes([number]), pkcs11.Attribute.SUBJECT: found.subject.public_bytes(),
                pkcs11.Attribute.VALUE: found.public_bytes(serialization.Encoding.DER),
            })  # fmt: skip


def test_a_token_signs_and_adds_an_addendum(token: str, tmp_path: Path, report: bytes) -> None:
    seals = Seals(settings(signing_pkcs11_key=token), tmp_path)
    assert seals.asks(signature()) == "pin"
    first = seals.seal(report, signature(), passphrase=PIN)
    both = seals.seal(first.pdf, signature(2, text="From the token."), passphrase=PIN)
    found = seals.verify(both.pdf)
    assert found.problems == ()
    assert [(s.intact, s.whole, s.certificate_sha256) for s in found.seals] == [(True, True, first.certificate_sha256)] * 2


def test_its_pin_can_be_kept(token: str, tmp_path: Path, report: bytes, key_store: MemoryKeyring) -> None:
    seals = Seals(settings(signing_pkcs11_key=token), tmp_path)
    seals.keep(signature(), PIN)
    assert seals.asks(signature()) == ""
    assert seals.verify(seals.seal(report, signature()).pdf).problems == ()


@pytest.mark.parametrize(("changes", "pin", "code"), [
    ({}, "000000", "passphrase"), ({}, "1", "passphrase"), ({}, None, "passphrase"),
    ({"signing_pkcs11_token": "unplugged"}, PIN, "token"), ({"signing_pkcs11_slot": 99}, PIN, "token"),
    ({"signing_pkcs11_key": "no such key"}, PIN, "token"), ({"signing_pkcs11_module": "/nowhere/driver.so"}, PIN, "token"),
])  # fmt: skip
def test_what_fails_is_told_apart(
    changes: dict[str, Any], pin: str | None, code: str, token: str, tmp_path: Path, report: bytes
) -> None:
    seals = Seals(settings(**({"signing_pkcs11_key": token} | changes)), tmp_path)
    with pytest.raises(BoneAgeError) as error:
        seals.seal(report, signature(), passphrase=pin)
    assert error.value.code == code and error.value.remedy
    assert PIN not in str(error.value)
