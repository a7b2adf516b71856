"""Seals reports and checks their seals: fulfils :class:`boneage_desk.reading.ports.ReportSigner`."""

from __future__ import annotations

import hashlib
import logging
import platform
from pathlib import Path
from typing import TYPE_CHECKING

from boneage_desk.common.errors import InputError
from boneage_desk.common.settings import Settings
from boneage_desk.reading.ports import SealedReport, Verification
from boneage_desk.reading.report_values import clean
from boneage_desk.reading.seal_words import page_title, seal_lines
from boneage_desk.reading.signature import Signature
from boneage_desk.reports import signing_box, signing_write
from boneage_desk.reports.page import PAPERS
from boneage_desk.reports.signing_check import Trust, check, check_last, trust_of
from boneage_desk.reports.signing_keys import KeySource, OpenKey, Pkcs12File, Token, check_certificate
from boneage_desk.reports.signing_station import FOLDER, StationKey

if TYPE_CHECKING:
    from pyhanko.sign.timestamps import TimeStamper

for _name in ("pyhanko", "pyhanko_certvalidator"):
    # what they log of damaged files is in our verdicts, and no text of theirs may name a secret
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)


class Seals:
    """Signs with the key that the settings name. Safe to call from any thread; ``timestamper``: instead of the
    settings' authority."""

    def __init__(self, settings: Settings, data_dir: Path, *, timestamper: TimeStamper | None = None) -> None:
        self._settings = settings
        self._data_dir = data_dir
        self._key = key_source(settings, data_dir)
        self._timestamper = timestamper

    def asks(self, signature: Signature) -> str:
        return self._key.asks(signature)

    def keep(self, signature: Signature, passphrase: str) -> None:
        self._key.keep(signature, passphrase)

    def seal(
        self, pdf: bytes, signature: Signature, *, passphrase: str | None = None, page: bytes | None = None
    ) -> SealedReport:
        if signature.at.tzinfo is None:
            raise ValueError("the time of a signature needs a zone")
        signing_write.open_pdf(pdf)
        self._check_earlier(pdf, signature)
        with self._key.open(signature, passphrase) as key:
            check_certificate(key.certificate, signature.at)
            drawn = self._drawn(signature, key, page, pdf)
            sealed = signing_write.write(pdf, signature, key, drawn, self._authority())
            result = SealedReport(sealed, key.sha256, key.self_issued)
        self._check_result(sealed, signature)
        return result

    def verify(self, pdf: bytes) -> Verification:
        return check(pdf, self._trust())

    def _trust(self) -> Trust:
        folders = [self._data_dir / FOLDER]
        if self._settings.signing_trust:
            folders.append(Path(self._settings.signing_trust).expanduser())
        return trust_of(folders)

    def _authority(self) -> TimeStamper | None:
        if self._timestamper is not None or not self._settings.signing_tsa:
            return self._timestamper
        return signing_write.authority(self._settings.signing_tsa)

    def _check_earlier(self, pdf: bytes, signature: Signature) -> None:
        """Nobody signs under signatures that do not hold, or out of turn."""
        found = check(pdf, Trust())
        if found.seals and not signature.text:
            raise InputError("The file is signed already.", "Add what has to be said as an addendum.", code="state")
        if signature.number != len(found.seals) + 1:
            raise InputError(
                f"The file has {len(found.seals)} signatures; number {signature.number} is not the next.",
                "Open the report again.",
                code="state",
            )
        if found.seals and found.problems:
            raise InputError(
                f"The file cannot be signed: its earlier signatures do not hold. {found.problems[0]}",
                "Use the file as it was signed.",
                code="altered",
            )

    def _check_result(self, sealed: bytes, signature: Signature) -> None:
        """What a key or token made is looked at before anybody relies on it."""
        last = check_last(sealed)
        if last is None or last.number != signature.number or last.problem:
            raise InputError(
                "The key made a signature that does not hold; nothing was signed.", "Check the key.", code="certificate"
            )

    def _drawn(self, signature: Signature, key: OpenKey, page: bytes | None, pdf: bytes) -> signing_write.Drawn:
        language = self._settings.of_report
        lines = seal_lines(
            signature, language=language, issuer=str(key.certificate.issuer.human_friendly),
            certificate_sha256=key.sha256, self_issued=key.self_issued,
        )  # fmt: skip
        box = signing_box.draw_box(lines, signing_box.SEAL_WIDE, signing_box.SEAL_HIGH)
        if signature.text and page is None:
            facts = (f"SHA-256 {hashlib.sha256(pdf).hexdigest()}", clean(self._settings.site_name))
            page = signing_box.draw_addendum(
                page_title(signature, language), [fact for fact in facts if fact], signature.text,
                PAPERS[self._settings.paper],
            )  # fmt: skip
        return signing_write.Drawn(box, page)


def key_source(settings: Settings, data_dir: Path) -> KeySource:
    """The key that signs: the settings' file or token, else the station's own."""
    if settings.signing_pkcs12:
        return Pkcs12File(Path(settings.signing_pkcs12).expanduser())
    if settings.signing_pkcs11_module:
        return Token(
            settings.signing_pkcs11_module, token=settings.signing_pkcs11_token, slot=settings.signing_pkcs11_slot,
            key=settings.signing_pkcs11_key,
        )  # fmt: skip
    return StationKey(data_dir, settings.site_name or platform.node())
