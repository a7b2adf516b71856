"""Bytes -> pydicom Dataset, with what pydicom lets pass silently told apart: cut off files, bombs, odd headers.

pydicom reads a file that ends in the middle of an element without an error. Here every read that came
back shorter than asked is noted, and whoever needs the missing part asks :attr:`Parsed.cut_short`.
"""

from __future__ import annotations

import io
import logging
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pydicom
from pydicom import config, filereader
from pydicom.dataelem import RawDataElement
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from boneage_desk.imaging.failures import MAX_UNPACKED_BYTES, refusal
from boneage_desk.imaging.hush import collected_warnings
from boneage_desk.imaging.sniff import Kind

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset

PIXEL_DATA = 0x7FE00010
UNDEFINED = 0xFFFFFFFF
MAX_READS = 300_000
"""Pieces that are read of one header, two or three an element."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A dataset, its transfer syntax, and whether the file ended before an element did."""

    dataset: FileDataset
    transfer_syntax: UID
    cut_short: bool


@contextmanager
def quiet() -> Iterator[list[warnings.WarningMessage]]:
    """pydicom reads without complaining about values; its remarks are collected, not shown or logged."""
    logger = logging.getLogger("pydicom")
    with collected_warnings() as said:
        mode, level = config.settings.reading_validation_mode, logger.level
        config.settings.reading_validation_mode = config.IGNORE
        logger.setLevel(logging.CRITICAL)
        try:
            yield said
        finally:
            config.settings.reading_validation_mode = mode
            logger.setLevel(level)


class _Watched(io.BytesIO):
    """Notes when an element's head (tag, length) came back incomplete, and ends what has no end.

    A megabyte of zeros is 131,072 data elements to pydicom, in an undefined-length item as well as outside.
    """

    cut_short = False
    left = MAX_READS

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.left -= 1
        if self.left < 0:
            raise ValueError("it has too many data elements")
        if size is not None and size in (2, 4, 8) and 0 < len(data) < size:
            self.cut_short = True
        return data


def parse(
    data: bytes, name: str, kind: Kind, *, header_only: bool = False, part: bool = False, reads: int = MAX_READS
) -> Parsed:
    """The dataset in ``data``. Raises FilmError 'damaged', 'truncated' or 'too-large'.

    ``part``: these are only the first bytes of the file. ``reads``: pieces of it that are looked at before it is refused.
    """
    if kind is Kind.DICOM_BARE and data[:4] == b"DICM":
        data = bytes(128) + data
    with quiet() as said:
        try:
            plain = _inflated(data, name, part)
            stream = _Watched(plain)
            stream.left = reads
            dataset = pydicom.dcmread(stream, force=kind is Kind.DICOM_BARE, stop_before_pixels=header_only)
        except (zlib.error, EOFError) as error:
            raise refusal("truncated", name, f"its header ends too soon ({error})") from error
        except (RecursionError, MemoryError) as error:
            raise refusal("damaged", name, "its header is nested without end") from error
        except Exception as error:
            if type(error).__module__.startswith("boneage_desk"):
                raise
            # a header cut in the middle of the meta group also ends here
            code = "truncated" if len(data) < 1024 else "damaged"
            raise refusal(code, name, f"its header cannot be understood ({_first_line(error)})") from error
        cut = stream.cut_short or any("End of file" in str(remark.message) for remark in said)
    cut = cut or any(_is_short(element) for element in dataset._dict.values())
    syntax = _transfer_syntax(dataset) if plain is data else DeflatedExplicitVRLittleEndian
    return Parsed(dataset, syntax, cut)


def _is_short(element: object) -> bool:
    """Whether the file ended before this element's value did."""
    if not isinstance(element, RawDataElement) or element.length in (0, UNDEFINED):
        return False
    return isinstance(element.value, bytes) and len(element.value) < element.length


def _transfer_syntax(dataset: FileDataset) -> UID:
    """As the file says; where it says nothing, as pydicom found out."""
    stated = str(getattr(dataset, "file_meta", {}).get("TransferSyntaxUID", "") or "").strip("\0 ")
    if stated:
        return UID(stated)
    implicit, little = dataset.original_encoding
    if not little:
        return UID("1.2.840.10008.1.2.2")
    return ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian


def _inflated(data: bytes, name: str, part: bool) -> bytes:
    """A deflated file unpacked, never past the limit; any other file as it is.

    pydicom would unpack without a limit. So what the meta group says is read the way pydicom reads it, wherever it
    stands, and what is handed on has a meta group that says nothing but the plain transfer syntax.
    """
    if DeflatedExplicitVRLittleEndian.encode() not in data:
        return data
    stream = io.BytesIO(data)
    filereader.read_preamble(stream, force=True)
    meta = filereader._read_file_meta_info(stream)
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return data
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    body = unpacker.decompress(memoryview(data)[stream.tell() :], MAX_UNPACKED_BYTES)
    if unpacker.unconsumed_tail:
        raise refusal("too-large", name, f"more than {MAX_UNPACKED_BYTES / 1e6:.0f} MB unpacked")
    if not unpacker.eof and not part:
        raise refusal("truncated", name, "its compressed part ends too soon")
    return _plain_head(str(meta.get("MediaStorageSOPClassUID") or "")) + body


def _plain_head(sop_class: str) -> bytes:
    """Preamble and a meta group of class and transfer syntax, both of which the acceptance looks at."""
    parts = b""
    for element, uid in ((0x0002, sop_class), (0x0010, str(ExplicitVRLittleEndian))):
        value = uid.encode("ascii", "replace")[:64]
        value += b"\0" * (len(value) % 2)
        parts += struct.pack("<HH2sH", 2, element, b"UI", len(value)) + value if value else b""
    return bytes(128) + b"DICM" + parts


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
