"""A signature written into a PDF as an incremental update: page, field, box, and the CMS (PAdES B-B or B-T)."""

from __future__ import annotations

import asyncio
import io
import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from boneage_desk.common.errors import BoneAgeError, FilmError, StoreError
from boneage_desk.reading.signature import Signature
from boneage_desk.reports import signing_box
from boneage_desk.reports.signing_cms import certificates_digest
from boneage_desk.reports.signing_keys import OpenKey

if TYPE_CHECKING:
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.timestamps import TimeStamper

DIGEST = "sha256"
OURS = "/BoneAgeDesk"
"""Key of the signature dictionary under which number, role, an addendum's words
and whether a time stamp goes with it are kept, signed with the rest."""
CERTIFICATES = "/Certificates"
"""Key in `OURS` of the SHA-256 of the certificates that the signature carries."""
PAGE_KEYS = ("/MediaBox", "/CropBox", "/Rotate", "/Resources", "/Contents")
"""What of a page is taken over; nothing that acts, links or annotates."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What is shown: PDFs of one page. ``page`` None: the box goes on the first page that is there."""

    box: bytes
    page: bytes | None = None


def field_name(number: int) -> str:
    return f"Signature{number}"


def open_pdf(pdf: bytes) -> PdfFileReader:
    """Raises FilmError 'not-a-pdf', or 'damaged' for one that cannot be signed."""
    from pyhanko.pdf_utils.misc import PdfError
    from pyhanko.pdf_utils.reader import PdfFileReader

    if b"%PDF-" not in pdf[:1024]:
        raise FilmError("The file is no PDF.", "Name a PDF file.", code="not-a-pdf")
    try:
        reader = PdfFileReader(io.BytesIO(pdf), strict=True)
        encrypted = reader.encrypted
        _ = reader.root["/Pages"]["/Kids"]
    except (PdfError, ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise FilmError(
            f"The PDF is damaged, or not written as the standard asks ({type(error).__name__}).",
            "Make it again.",
            code="damaged",
        ) from error
    if encrypted:
        raise FilmError("The PDF is encrypted.", "Take its password off first.", code="encrypted")
    return reader


@lru_cache(maxsize=1)
def _update_class() -> type[IncrementalPdfFileWriter]:
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

    class Update(IncrementalPdfFileWriter):
        """Leaves Info and XMP as they are: a signature changes nothing but what it shows, and has no clock."""

        def _update_meta(self) -> None:
            pass

    return Update


def write(
    pdf: bytes, signature: Signature, key: OpenKey, drawn: Drawn, timestamper: TimeStamper | None = None
) -> bytes:
    """``pdf`` with the signature after its last byte.

    Raises FilmError as :func:`open_pdf`, BoneAgeError 'time-stamp', StoreError 'signing'.
    """
    from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter
    from pyhanko.sign.general import SigningError
    from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder, SigIOSetup, SigObjSetup
    from pyhanko.sign.signers.constants import ESIC_EXTENSION_1
    from pyhanko.sign.signers.pdf_byterange import SignatureObject

    writer = _update_class().from_reader(open_pdf(pdf))
    if drawn.page is not None:
        _append_page(writer, drawn.page)
    on_page = 0 if drawn.page is None else -1
    left, low, wide, high = _media_box(writer, on_page)
    x0, y0, x1, y1 = signing_box.place(wide, high)
    spec = SigFieldSpec(
        field_name(signature.number), on_page=on_page, box=(left + x0, low + y0, left + x1, low + y1)  # type: ignore[arg-type]
    )
    try:
        steps = PdfCMSEmbedder(new_field_spec=spec).write_cms(spec.sig_field_name, writer)
        field = next(steps).get_object()
        field["/AP"] = _appearance(writer, drawn.box)
        trial = _cms(key, bytes(32), timestamper, dry_run=True)
        writer.register_extension(ESIC_EXTENSION_1)
        holder = SignatureObject(
            timestamp=signature.at, subfilter=SigSeedSubFilter.PADES, name=signature.name, reason=signature.reason,
            bytes_reserved=_room(trial),
        )  # fmt: skip
        holder[OURS] = _ours(signature, certificates_digest(trial["content"]), stamped=timestamper is not None)
        steps.send(SigObjSetup(sig_placeholder=holder))
        digest, out = steps.send(SigIOSetup(md_algorithm=DIGEST))
        steps.send(_cms(key, digest.document_digest, timestamper))
    except SigningError as error:
        raise StoreError(f"The report could not be signed ({error}).", "Check the key.", code="signing") from error
    return bytes(out.getvalue())


def _ours(signature: Signature, certificates: str, *, stamped: bool) -> Any:
    from pyhanko.pdf_utils import generic

    facts: dict[str, Any] = {
        "/Number": generic.NumberObject(signature.number),
        CERTIFICATES: generic.pdf_string(certificates),
        "/Role": generic.pdf_string(str(signature.role)),
    }
    if signature.text:
        facts["/Text"] = generic.pdf_string(signature.text)
    if stamped:
        facts["/TimeStamp"] = generic.BooleanObject(True)
    return generic.DictionaryObject({generic.pdf_name(key): value for key, value in facts.items()})


def _append_page(writer: IncrementalPdfFileWriter, page: bytes) -> None:
    """The page at the end of the page tree's top node; nothing else of its file is taken over."""
    from pyhanko.pdf_utils import generic

    reader = open_pdf(page)
    source = reader.root["/Pages"]["/Kids"][0]
    pages = writer.root["/Pages"]
    new = generic.DictionaryObject({generic.pdf_name("/Type"): generic.pdf_name("/Page")})
    for key in PAGE_KEYS:
        if key in source:
            new[generic.pdf_name(key)] = writer.import_object(source.raw_get(key))
    new[generic.pdf_name("/Parent")] = writer.root.raw_get("/Pages")
    pages["/Kids"].append(writer.add_object(new))
    pages[generic.pdf_name("/Count")] = generic.NumberObject(int(pages["/Count"]) + 1)
    writer.update_container(pages["/Kids"])
    writer.update_container(pages)


def _media_box(writer: IncrementalPdfFileWriter, on_page: int) -> tuple[float, float, float, float]:
    """(left, bottom, width, height) of a page in points."""
    node = writer.find_page_for_modification(on_page)[0].get_object()
    while "/MediaBox" not in node and "/Parent" in node:
        node = node["/Parent"]
    try:
        x0, y0, x1, y1 = (float(value) for value in node["/MediaBox"])
    except (KeyError, ValueError, TypeError) as error:
        raise FilmError("The PDF's page has no size.", "Make it again.", code="damaged") from error
    return min(x0, x1), min(y0, y1), abs(x1 - x0), abs(y1 - y0)


def _appearance(writer: IncrementalPdfFileWriter, box: bytes) -> Any:
    from pyhanko.pdf_utils import generic

    shown = writer.import_page_as_xobject(open_pdf(box), page_ix=0)
    return generic.DictionaryObject({generic.pdf_name("/N"): shown})


def _room(trial: Any) -> int:
    """Hex digits to keep free: for the trial without a key, and a tenth for a time stamp that is a little longer."""
    size = len(trial.dump())
    return 2 * (size + size // 10 + 256)


def _cms(key: OpenKey, digest: bytes, timestamper: TimeStamper | None, *, dry_run: bool = False) -> Any:
    return run(
        key.signer.async_sign(digest, DIGEST, dry_run=dry_run, use_pades=True, timestamper=timestamper)
    )


def run(work: Any) -> Any:
    """The result of a coroutine, in whichever thread this is; one that runs an event loop gets a thread beside it."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    outcome: list[Any] = []

    def beside() -> None:
        try:
            outcome.append((True, asyncio.run(work)))
        except BaseException as error:
            outcome.append((False, error))

    thread = threading.Thread(target=beside, name="signing")
    thread.start()
    thread.join()
    done, value = outcome[0]
    if not done:
        raise value
    return value


@lru_cache(maxsize=1)
def _stamper_class() -> type[TimeStamper]:
    import urllib.error
    import urllib.request

    from asn1crypto import tsp
    from pyhanko.sign.timestamps import TimeStamper

    class Authority(TimeStamper):
        """A time-stamp authority over HTTP (RFC 3161)."""

        def __init__(self, url: str, seconds: float) -> None:
            super().__init__()
            self._url, self._seconds = url, seconds

        async def async_request_tsa_response(self, req: Any) -> Any:
            kinds = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
            request = urllib.request.Request(self._url, data=req.dump(), headers=kinds, method="POST")
            try:
                with urllib.request.urlopen(request, timeout=self._seconds) as answer:
                    body = answer.read(LARGEST_STAMP + 1)
            except (OSError, ValueError) as error:
                raise _no_stamp(str(getattr(error, "reason", error))) from error
            if len(body) > LARGEST_STAMP:
                raise _no_stamp("the answer is too long")
            try:
                return tsp.TimeStampResp.load(body, strict=True)
            except ValueError as error:
                raise _no_stamp("the answer is no time stamp") from error

        async def async_timestamp(self, message_digest: Any, md_algorithm: Any) -> Any:
            try:
                return await super().async_timestamp(message_digest, md_algorithm)
            except BoneAgeError:
                raise
            except Exception as error:  # refused, wrong nonce, malformed: pyHanko has several classes for it
                raise _no_stamp(str(error)) from error

    return Authority


LARGEST_STAMP = 1 << 17
SECONDS = 8.0


def _no_stamp(why: str) -> BoneAgeError:
    return BoneAgeError(
        f"The time-stamp authority gave no time stamp ({why.rstrip('.')}); nothing was signed.",
        "Try again later, or clear the setting 'signing_tsa'.",
        code="time-stamp",
    )


def authority(url: str, seconds: float = SECONDS) -> TimeStamper:
    """A client of the time-stamp authority at ``url``; its failures are BoneAgeError 'time-stamp'."""
    return _stamper_class()(url, seconds)  # type: ignore[call-arg]
