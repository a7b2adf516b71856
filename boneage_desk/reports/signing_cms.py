"""The bytes that no signature covers: the signature itself. They are held to the one form that we write."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature

_HEX = (re.compile(rb"<[0-9A-F]*>"), re.compile(rb"<[0-9a-f]*>"))
_DEEPEST = 40


def certificates_digest(signed: Any) -> str:
    """SHA-256 (hex) of the certificates in a CMS SignedData (asn1crypto), whatever their order. It is written beside the
    signature, where it is signed: the chain is then covered too."""
    ders = sorted(one.chosen.dump() for one in signed["certificates"])
    return hashlib.sha256(b"".join(ders)).hexdigest()


def gap_problem(pdf: bytes, sig: EmbeddedPdfSignature, *, digest: str | None) -> str:
    """'' or what is wrong between the two ranges of bytes that the signature covers.

    It must be one hexadecimal string, in capitals or small letters throughout, with the DER and then zeros alone: else
    something could be hidden or changed there unseen. ``digest``: of the certificates (`certificates_digest`) where
    this program made the signature, and then the DER must be as it writes it; None: other programs may write otherwise.
    """
    ranges = [int(value) for value in sig.byte_range]
    if len(ranges) != 4 or ranges[0] != 0 or min(ranges) < 0:
        return "It covers an unusual range of bytes."
    start, after, length = ranges[1], ranges[2], ranges[3]
    if not start < after <= after + length <= len(pdf):
        return "It covers bytes that the file does not have."
    gap = pdf[start:after]
    if not any(form.fullmatch(gap) for form in _HEX):
        return "Between the bytes that it covers is more than a signature."
    content = bytes.fromhex(gap[1:-1].decode("ascii"))
    if content != sig.pkcs7_content:
        return "The signature that was checked is not the one in its place."
    size = der_length(content)
    if size is None or any(content[size:]):
        return "After the signature's end is something else."
    if digest is None:
        return ""
    if certificates_digest(sig.signed_data) != digest:
        return "A certificate in the signature was changed."
    return form_problem(content[:size], sig.signer_cert)


def der_length(data: bytes, start: int = 0) -> int | None:
    """Bytes of the DER value that begins at ``start``, header included; None where none does. Lengths are as short as
    they can be, as DER asks."""
    header = _header(data, start)
    return None if header is None else header[0] + header[1]


def _header(data: bytes, at: int) -> tuple[int, int] | None:
    """(bytes of tag and length, bytes of content)."""
    if len(data) < at + 2 or data[at] & 0x1F == 0x1F:
        return None
    first = data[at + 1]
    if first < 0x80:
        head, size = 2, first
    else:
        count = first & 0x7F
        raw = data[at + 2 : at + 2 + count]
        if not 1 <= count <= 4 or len(raw) < count or raw[0] == 0:
            return None
        head, size = 2 + count, int.from_bytes(raw, "big")
        if size < 0x80:
            return None
    return (head, size) if at + head + size <= len(data) else None


def is_der(data: bytes, start: int = 0, end: int | None = None, depth: int = 0) -> bool:
    """Whether the bytes are DER values throughout: lengths, booleans and whole numbers in their one form."""
    end = len(data) if end is None else end
    while start < end:
        header = _header(data, start)
        if header is None or depth > _DEEPEST:
            return False
        tag, inside, size = data[start], start + header[0], header[1]
        if tag == 0 or inside + size > end:
            return False
        if tag & 0x20:
            if not is_der(data, inside, inside + size, depth + 1):
                return False
        elif tag == 0x01 and (size != 1 or data[inside] not in (0x00, 0xFF)):
            return False
        elif tag == 0x02 and not _whole_number(data[inside : inside + size]):
            return False
        elif tag == 0x05 and size:
            return False
        start = inside + size
    return True


def _whole_number(content: bytes) -> bool:
    if not content:
        return False
    spare = len(content) > 1 and (content[0], content[1] >> 7) in ((0x00, 0), (0xFF, 1))
    return not spare


def form_problem(der: bytes, certificate: Any) -> str:
    """'' or where a CMS signature differs from its own plain DER form: what no signature protects is then pinned down.

    Checked: it is written as DER writes it; version numbers, algorithms and content type are ours; one signer, named by
    the very bytes of its ``certificate`` (asn1crypto); no attribute beside a time stamp that it does not cover.
    """
    from asn1crypto import cms

    try:
        info = cms.ContentInfo.load(der, strict=True)
        if not is_der(der):
            return "The signature is not written as DER."
        signed = info["content"]
        signers = signed["signer_infos"]
        if info["content_type"].native != "signed_data" or len(signers) != 1:
            return "The signature is not one of one signer."
        signer = signers[0]
        digests = [one["algorithm"].native for one in signed["digest_algorithms"]]
        if digests != [signer["digest_algorithm"]["algorithm"].native]:
            return "The signature names several digests."
        if (signed["version"].native, signer["version"].native) != ("v1", "v1"):
            return "The signature has an unknown version."
        sid = signer["sid"]
        if sid.name != "issuer_and_serial_number" or not (
            sid.chosen["issuer"].dump() == certificate.issuer.dump()
            and sid.chosen["serial_number"].native == certificate.serial_number
        ):
            return "The signature names another certificate than its own."
        parameters = [signed["digest_algorithms"][0]["parameters"], signer["digest_algorithm"]["parameters"]]
        if any(one.native is not None for one in parameters):
            return "The signature's digest has odd parameters."
        if any(one["type"].native != "signature_time_stamp_token" for one in signer["unsigned_attrs"]):
            return "The signature has attributes that it does not cover."
        return ""
    except (ValueError, TypeError, KeyError) as error:
        return f"The signature cannot be read ({type(error).__name__})."


def chain_problem(sig: EmbeddedPdfSignature) -> str:
    """'' or which certificate in the signature does not belong to its signer: a changed or slipped-in one."""
    signer = sig.signer_cert.dump()
    known = [one.chosen for one in sig.signed_data["certificates"] if one.name == "certificate"]
    if [one.dump() for one in known].count(signer) != 1:
        return "The signer's certificate is not in the signature once."
    for certificate in known:
        issuers = [one for one in known if one.subject.dump() == certificate.issuer.dump()]
        if issuers and not any(signed_by(certificate, issuer) for issuer in issuers):
            return f"A certificate in the signature was changed: {certificate.subject.human_friendly}."
        used = certificate.dump() == signer or any(
            other is not certificate and other.issuer.dump() == certificate.subject.dump() for other in known
        )
        if not used:
            return f"A certificate in the signature has nothing to do with it: {certificate.subject.human_friendly}."
    return ""


def signed_by(certificate: Any, issuer: Any) -> bool:
    """Whether ``issuer``'s key (asn1crypto certificates) made the signature on ``certificate``."""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        child = x509.load_der_x509_certificate(certificate.dump())
        child.verify_directly_issued_by(x509.load_der_x509_certificate(issuer.dump()))
        return True
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
