"""What a file is, told from its first bytes and never from its name."""

from __future__ import annotations

from enum import StrEnum

HEAD = 4096
"""Bytes that :func:`sniff` wants to see."""


class Kind(StrEnum):
    """What the first bytes say."""

    DICOM = "DICOM"
    DICOM_BARE = "DICOM without preamble"
    PNG = "PNG"
    JPEG = "JPEG"
    TIFF = "TIFF"
    WEBP = "WebP"
    ZIP = "zip"
    PDF = "PDF"
    GIF = "GIF"
    BMP = "BMP"
    JP2 = "JPEG 2000"
    OTHER = ""

    @property
    def is_dicom(self) -> bool:
        return self in (Kind.DICOM, Kind.DICOM_BARE)

    @property
    def is_raster(self) -> bool:
        return self in (Kind.PNG, Kind.JPEG, Kind.TIFF, Kind.WEBP)


_MAGIC: tuple[tuple[bytes, Kind], ...] = (
    (b"\x89PNG\r\n\x1a\n", Kind.PNG),
    (b"\xff\xd8\xff", Kind.JPEG),
    (b"II*\x00", Kind.TIFF),
    (b"MM\x00*", Kind.TIFF),
    (b"II+\x00", Kind.TIFF),
    (b"MM\x00+", Kind.TIFF),
    (b"PK\x03\x04", Kind.ZIP),
    (b"PK\x05\x06", Kind.ZIP),
    (b"%PDF", Kind.PDF),
    (b"GIF8", Kind.GIF),
    (b"BM", Kind.BMP),
    (b"\x00\x00\x00\x0cjP  ", Kind.JP2),
    (b"\xff\x4f\xff\x51", Kind.JP2),
)

_VRS = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR US UT UV".split()
)
_LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())


def sniff(head: bytes) -> Kind:
    """The kind of a file that begins with ``head`` (:data:`HEAD` bytes, or all of a shorter file)."""
    if head[128:132] == b"DICM":
        return Kind.DICOM
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return Kind.WEBP
    if head[:4] == b"DICM" or _bare_dicom(head):
        return Kind.DICOM_BARE
    return Kind.OTHER


def _bare_dicom(head: bytes) -> bool:
    """Whether two data elements in rising order, of group 2 or 8, stand at the very start."""
    for order in ("little", "big"):
        first = _element(head, 0, order)
        if first is None or first[0] not in (2, 8):
            continue
        second = _element(head, first[2], order)
        if second is not None and first[:2] < second[:2] and second[0] in (2, 8, 16):
            return True
    return False


def _element(head: bytes, at: int, order: str) -> tuple[int, int, int] | None:
    """(group, element, offset of the next one) of the data element at ``at``, explicit or implicit VR."""
    if len(head) < at + 8:
        return None
    big = order == "big"

    def number(start: int, size: int) -> int:
        return int.from_bytes(head[start : start + size], "big" if big else "little")

    group, element = number(at, 2), number(at + 2, 2)
    vr = head[at + 4 : at + 6]
    if vr in _VRS:
        long = vr in _LONG_VRS
        length = number(at + 8, 4) if long else number(at + 6, 2)
        start = at + (12 if long else 8)
    elif not big:
        length, start = number(at + 4, 4), at + 8
    else:
        return None
    if length > 1024 or length % 2:
        return None
    return group, element, start + length
