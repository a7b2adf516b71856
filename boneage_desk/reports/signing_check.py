"""Checks every signature of a PDF, offline: what it covers, by whom, and whether anything changed since."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from boneage_desk.common.errors import FilmError
from boneage_desk.reading.ports import SealCheck, Verification
from boneage_desk.reports import signing_cms
from boneage_desk.reports.signing_attached import attached_reading, disagreements
from boneage_desk.reports.signing_changes import policy
from boneage_desk.reports.signing_keys import certificate_problem, subject_of
from boneage_desk.reports.signing_station import LONGEST_NAME, ORGANISATION, certificates
from boneage_desk.reports.signing_write import CERTIFICATES, OURS, run

if TYPE_CHECKING:
    from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature

LARGEST_FILE = 200 << 20
TRUST_FILES = ("*.pem", "*.crt", "*.cer")


@dataclass(frozen=True)
class Trust:
    """Whom this station trusts: certificates (asn1crypto) that stand for themselves and may have issued others."""

    roots: list[Any] = field(default_factory=list)

    @property
    def own(self) -> frozenset[str]:
        return frozenset(hashlib.sha256(root.dump()).hexdigest() for root in self.roots)


def trust_of(folders: Iterable[Path]) -> Trust:
    """The certificates in ``folders``; what is none is passed over, as is a folder that is not there."""
    found: dict[bytes, Any] = {}
    for folder in folders:
        for pattern in TRUST_FILES:
            for path in sorted(folder.glob(pattern)):
                for certificate in certificates(path):
                    found[certificate.dump()] = certificate
    return Trust(list(found.values()))


def check(pdf: bytes, trust: Trust) -> Verification:
    """See `reading.ports.ReportSigner.verify`."""
    if b"%PDF-" not in pdf[:1024]:
        raise FilmError("The file is no PDF.", "Name a PDF file.", code="not-a-pdf")
    if len(pdf) > LARGEST_FILE:
        raise FilmError(f"The file is larger than {LARGEST_FILE >> 20} MB.", "Name a report.", code="too-large")
    try:
        return _check(pdf, trust)
    except Exception as error:  # the parser of a damaged file may raise anything; then nothing of it is vouched for
        words = f"The file is damaged, or not written as the standard asks ({type(error).__name__}): it proves nothing."
        return Verification((), True, None, (words,))


def check_last(pdf: bytes) -> SealCheck | None:
    """The last signature alone, trusting nobody; None where there is none that can be read."""
    from pyhanko.pdf_utils.reader import PdfFileReader

    try:
        found = PdfFileReader(io.BytesIO(pdf), strict=True).embedded_signatures
        return _seal(pdf, found[-1], len(found), Trust()) if found else None
    except Exception:  # as in `check`: a damaged signature may raise anything
        return None


def _check(pdf: bytes, trust: Trust) -> Verification:
    from pyhanko.pdf_utils.reader import PdfFileReader

    reader = PdfFileReader(io.BytesIO(pdf), strict=True)
    if reader.encrypted:
        return Verification((), False, None, ("The file is encrypted; it cannot be checked.",))
    found = reader.embedded_signatures
    problems: list[str] = []
    seals = []
    for index, sig in enumerate(found):
        seal = _seal(pdf, sig, index + 1, trust)
        seals.append(seal)
        if seal.problem:
            problems.append(f"Signature {seal.number}: {seal.problem}")
    places = [tuple(int(value) for value in sig.byte_range) for sig in found]
    if len(set(places)) != len(places):
        problems.append("A signature stands in several fields.")
    numbers = [seal.number for seal in seals]
    if numbers != list(range(1, len(numbers) + 1)):
        problems.append(f"The signatures are numbered {', '.join(map(str, numbers))}: one is missing or was moved.")
    ends = [start + length for _, _, start, length in places]
    changed = bool(ends) and max(ends) != len(pdf)
    if changed:
        problems.append(f"{_since(found, ends, len(pdf))} after the last signature, unsigned.")
    signed = reader.get_historical_resolver(found[0].signed_revision).root if found else reader.root
    reading, damage = attached_reading(signed)
    if damage:
        problems.append(damage)
    problems += disagreements(reading, [(seal.number, seal.name, seal.role) for seal in seals])
    return Verification(tuple(seals), changed, reading, tuple(problems))


def _since(found: list[EmbeddedPdfSignature], ends: list[int], size: int) -> str:
    """What came after the last signature, in words."""
    from pyhanko.sign.diff_analysis import SuspiciousModification

    extra = size - max(ends)
    last = found[ends.index(max(ends))]
    revisions = last.reader.xrefs.total_revisions - 1 - last.signed_revision
    if revisions < 1:
        return f"{extra} bytes were put"
    result = last.diff_result
    why = f" ({' '.join(str(result).split())[:200]})" if isinstance(result, SuspiciousModification) else ""
    return f"The document was changed{why}, {extra} bytes added,"


def _seal(pdf: bytes, sig: EmbeddedPdfSignature, index: int, trust: Trust) -> SealCheck:
    """One signature; what cannot be read of it is a problem of it."""
    entry = sig.sig_object
    ours = entry[OURS] if OURS in entry else {}
    certificate = sig.signer_cert
    sha256 = hashlib.sha256(certificate.dump()).hexdigest()
    at = sig.self_reported_timestamp
    number = int(ours["/Number"]) if "/Number" in ours else index
    problems = [signing_cms.gap_problem(pdf, sig, digest=_text(ours, CERTIFICATES) if ours else None), signing_cms.chain_problem(sig)]
    intact = whole = trusted = False
    stamp = ""
    try:
        status = _status(sig, trust, at)
        intact = bool(status.intact and status.valid)
        whole = not problems[0] and status.coverage.name in ("ENTIRE_FILE", "ENTIRE_REVISION")
        problems += _changes(status, sig, whole)
        stamp, at_stamp, stamp_problem = _stamp(status, ours)
        problems.append(stamp_problem)
        trusted = intact and (status.trusted or sha256 in trust.own)
        if not _same_name(certificate, _text(entry, "/Name")):
            problems.append("The name is not that of the station's certificate.")
        wrong = "" if at is None else certificate_problem(certificate, at_stamp or at)
        if wrong:
            problems.append(wrong)
            trusted = False
    except Exception as error:  # pyHanko's own classes, and what a damaged certificate raises
        problems.append(f"It cannot be checked ({type(error).__name__}: {error}).")
    return SealCheck(
        number=number, name=_text(entry, "/Name") or _common_name(certificate), role=_text(ours, "/Role"), at=at,
        reason=_text(entry, "/Reason"), certificate_sha256=sha256, certificate_subject=subject_of(certificate),
        self_issued=certificate.issuer == certificate.subject, intact=intact, whole=whole, trusted=trusted,
        problem=" ".join(filter(None, problems)), text=_text(ours, "/Text"), time_stamp=stamp,
    )  # fmt: skip


def _status(sig: EmbeddedPdfSignature, trust: Trust, at: datetime | None) -> Any:
    """pyHanko's verdict at the time of signing, with this station's trust and our rules of change."""
    from pyhanko.sign.validation.pdf_embedded import async_validate_pdf_signature, async_validate_pdf_timestamp
    from pyhanko.sign.validation.settings import KeyUsageConstraints
    from pyhanko_certvalidator import ValidationContext

    def context() -> Any:
        return ValidationContext(
            trust_roots=list(trust.roots), other_certs=list(sig.other_embedded_certs), allow_fetching=False, moment=at
        )

    if sig.sig_object_type == "/DocTimeStamp":
        return run(async_validate_pdf_timestamp(sig, validation_context=context(), diff_policy=policy()))
    usage = KeyUsageConstraints(key_usage={"non_repudiation", "digital_signature"}, match_all_key_usages=False)
    return run(
        async_validate_pdf_signature(
            sig, signer_validation_context=context(), ts_validation_context=context(), diff_policy=policy(),
            key_usage_settings=usage,
        )  # fmt: skip
    )


def _changes(status: Any, sig: EmbeddedPdfSignature, whole: bool) -> list[str]:
    from pyhanko.sign.diff_analysis import SuspiciousModification

    found = []
    if not status.intact:
        found.append("What it covers was altered.")
    elif not status.valid:
        found.append("It was not made by the key of its certificate.")
    if not whole:
        found.append("It does not cover all of its revision of the document.")
    elif isinstance(sig.diff_result, SuspiciousModification):
        found.append(f"The document was changed after it: {' '.join(str(sig.diff_result).split())[:300]}")
    elif not status.docmdp_ok:
        found.append("The document was changed after it in a way that it forbids.")
    return found


def _stamp(status: Any, ours: Any) -> tuple[str, datetime | None, str]:
    """(words, time, problem) of the time stamp of an authority, '' and None where there is none."""
    promised = "/TimeStamp" in ours
    stamp = getattr(status, "timestamp_validity", None)
    if stamp is None:
        return "", None, "Its time stamp is missing." if promised else ""
    if not (stamp.intact and stamp.valid):
        return "", None, "Its time stamp does not hold."
    who = subject_of(stamp.signing_cert)
    known = "trusted" if stamp.trusted else "not known here"
    return f"{stamp.timestamp:%Y-%m-%d %H:%M:%S} UTC by {who} ({known})", stamp.timestamp if stamp.trusted else None, ""


def _text(entry: Any, key: str) -> str:
    value = entry[key] if key in entry else ""
    return str(value)


def _same_name(certificate: Any, name: str) -> bool:
    """Whether a key that a station made for somebody signs in that name; other certificates may be written otherwise."""
    if str(certificate.subject.native.get("organization_name", "")) != ORGANISATION:
        return True
    return name[:LONGEST_NAME] == _common_name(certificate)


def _common_name(certificate: Any) -> str:
    return str(certificate.subject.native.get("common_name", ""))
