"""``boneage-desk sign``: a PDF sealed with the signer's key, or with an addendum and sealed again."""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
from pathlib import Path

from boneage_desk.cli import output
from boneage_desk.cli.app import App
from boneage_desk.cli.secret import add_arguments as add_secret
from boneage_desk.cli.secret import secret
from boneage_desk.cli.station import keeper
from boneage_desk.common.errors import BoneAgeError, InputError, StoreError
from boneage_desk.common.files import read_small
from boneage_desk.reading.people import MAY_SIGN, Person, Role, parse_role
from boneage_desk.reading.ports import ReportSigner, Services, Verification
from boneage_desk.reading.signature import REPORT, Signature
from boneage_desk.reading.station import SIGN_FILE

REASON = "Report reviewed and signed"
ADDENDUM_REASON = "Addendum"
LARGEST_TEXT = 64 << 10
LARGEST_PDF = 200 << 20
"""Bytes; what checks signatures refuses more."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("report", metavar="REPORT.pdf", help="the report (any PDF can be signed)")
    parser.add_argument("-o", "--out", required=True, metavar="OUT.pdf", help="where the signed file goes")
    parser.add_argument("--pkcs12", metavar="FILE", help="sign with this key file (else as set, else a key of this station)")
    parser.add_argument("--name", help="who signs; needed where this account has no profile (see: users)")
    parser.add_argument("--role", help=", ".join(sorted(role.value for role in MAY_SIGN)))
    parser.add_argument("--reason", help=f"(else: {REASON})")
    parser.add_argument("--addendum", metavar="TEXT|@FILE", help="add a page with these words and sign it too")
    parser.add_argument("--keep-passphrase", action="store_true", help="keep it in the system's key store")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    add_secret(parser)


def run(options: argparse.Namespace, app: App) -> int:
    output.check_target(options.out, ".pdf", [options.report])
    pdf = read_pdf(Path(options.report))
    text = addendum_text(options.addendum)
    services = app.services(options.data_dir)
    try:
        signer = signer_of(services, options.pkcs12)
        person = who_signs(services, options.name, options.role)
        found = signer.verify(pdf)
        _check_turn(found, text)
        if not found.seals:
            _note_state(found)
        reason = options.reason if options.reason is not None else ADDENDUM_REASON if text else REASON
        signature = Signature(
            number=len(found.seals) + REPORT, at=services.now().replace(microsecond=0), account=person.account,
            name=person.name, role=person.role, reason=reason.strip(), text=text,
        )  # fmt: skip
        given = secret(signer.asks(signature), options.passphrase_fd)
        sealed = signer.seal(pdf, signature, passphrase=given)
        sha256 = hashlib.sha256(sealed.pdf).hexdigest()
        # first: no signed file is handed out that the audit chain does not know
        keeper(services).note(
            SIGN_FILE, at=signature.at, who=services.who(), before=f"sha256 {hashlib.sha256(pdf).hexdigest()}",
            detail=f"{Path(options.out).name}, signature {signature.number} by {signature.name}, {signature.role}",
            after=f"sha256 {sha256}, certificate sha256 {sealed.certificate_sha256}",
        )  # fmt: skip
        output.write_bytes(sealed.pdf, Path(options.out))
        if options.keep_passphrase and given is not None:
            signer.keep(signature, given)
        if options.json:
            output.emit(
                {
                    "file": options.out, "sha256": sha256, "number": signature.number, "name": signature.name,
                    "role": signature.role.value, "at": signature.at.isoformat(), "reason": signature.reason,
                    "certificate_sha256": sealed.certificate_sha256, "self_issued": sealed.self_issued,
                }
            )  # fmt: skip
        else:
            key = "a self-issued key" if sealed.self_issued else "the certificate"
            print(
                f"{options.out}: signature {signature.number} by {signature.name}, {signature.role}, "
                f"with {key} {sealed.certificate_sha256[:12]}; SHA-256 {sha256}"
            )
        return 0
    finally:
        services.close()


def signer_of(services: Services, pkcs12: str | None = None) -> ReportSigner:
    """The signer of the settings, or with the key file that was named."""
    if services.signer is None:
        raise BoneAgeError("This program was put together without signatures.", "Install BoneAge Desk again.", code="installation")
    if not pkcs12:
        return services.signer()
    named = dataclasses.replace(
        services.settings, signing_pkcs12=pkcs12, signing_pkcs11_module="", signing_pkcs11_key=""
    )
    return services.signer(named)


def who_signs(services: Services, name: str | None, role: str | None) -> Person:
    """The profile of this account; where it has none, who was named. Raises InputError 'role'."""
    wanted = parse_role(role) if role is not None else None
    person = services.store().person(services.who())
    if person is None:
        if not name or wanted is None:
            raise InputError(
                f"The account '{services.who()}' has no profile.", "Give --name and --role, or set one: users set.", code="profile"
            )
        person = Person(services.who(), name.strip(), wanted)
    elif (name and name.strip() != person.name) or (wanted is not None and wanted is not person.role):
        raise InputError(
            f"This account is registered as {person.name}, {person.role}.", "Sign as that, or let an administrator change it.",
            code="role",
        )  # fmt: skip
    if not person.may_sign:
        able = " or ".join(_a(role) for role in sorted(MAY_SIGN))
        raise InputError(f"{person.name} is {_a(person.role)}, who does not sign.", f"Let {able} sign.", code="role")
    return person


def _a(role: Role) -> str:
    return f"{'an' if role.value[0] in 'aeiou' else 'a'} {role.value}"


def read_pdf(path: Path) -> bytes:
    """Raises StoreError 'disk'; what is larger than any report is not taken into memory."""
    try:
        return read_small(path, LARGEST_PDF)
    except OSError as error:
        raise StoreError(f"'{path}' cannot be read ({error.strerror}).", "Name a PDF file.", code="disk") from error


def addendum_text(given: str | None) -> str:
    """The words, or those of the file after '@'. Raises InputError 'no-text'."""
    if given is None:
        return ""
    text = given
    if given.startswith("@"):
        try:
            with open(given[1:], encoding="utf-8") as file:
                text = file.read(LARGEST_TEXT + 1)
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"'{given[1:]}' cannot be read as text.", "Name a UTF-8 file.", code="no-text") from error
    text = text.strip()
    if not text or len(text) > LARGEST_TEXT:
        raise InputError("An addendum needs words, and not too many.", "Write what has to be said.", code="no-text")
    return text


def _check_turn(found: Verification, text: str) -> None:
    if text and not found.seals:
        raise InputError("The file is not signed: only a signed report takes an addendum.", "Sign it first.", code="state")
    if found.seals and not text:
        raise InputError("The file is signed already.", "Add what has to be said with --addendum.", code="state")


def _note_state(found: Verification) -> None:
    """Signing a draft is allowed: it is said."""
    if found.reading is None:
        output.note("The file carries no reading of BoneAge Desk: film and models cannot be compared later.")
        return
    state = found.reading.get("state")
    if state not in ("signed", "amended"):
        output.note(f"The attached reading is {'a draft' if state == 'draft' else state or 'of an unknown state'}, not a signed one.")
