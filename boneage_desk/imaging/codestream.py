"""The size that a compressed picture states of itself, read from its markers without decoding it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Codestream:
    rows: int
    columns: int
    precision: int


def look_into(frame: bytes) -> Codestream | None:
    """Size and bits of a JPEG, JPEG-LS or JPEG 2000 frame; None when it is none of them."""
    if frame[:2] == b"\xff\xd8":
        return _jpeg(frame)
    start = frame.find(b"\xff\x4f\xff\x51", 0, 4096)  # also behind the boxes of a JP2 file
    if start >= 0:
        return _jpeg2000(frame, start + 4)
    return None


def ends_properly(frame: bytes) -> bool:
    """Whether the end marker (EOI, EOC: both FFD9) stands at the end, padding aside."""
    return frame[-64:].rstrip(b"\0\xff").endswith(b"\xff\xd9") or b"\xff\xd9" in frame[-64:]


def _jpeg(frame: bytes) -> Codestream | None:
    """Walk the segments to the frame header (SOF0..SOF15, SOF55 of JPEG-LS)."""
    at = 2
    while at + 9 < len(frame):
        if frame[at] != 0xFF:
            return None
        marker = frame[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if (0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)) or marker == 0xF7:
            rows, columns = int.from_bytes(frame[at + 5 : at + 7], "big"), int.from_bytes(frame[at + 7 : at + 9], "big")
            return Codestream(rows, columns, frame[at + 4])
        if marker == 0xDA:
            return None
        at += 2 + int.from_bytes(frame[at + 2 : at + 4], "big")
    return None


def _jpeg2000(frame: bytes, at: int) -> Codestream | None:
    """The SIZ segment; ``at`` is behind its marker."""
    if at + 38 > len(frame):
        return None
    x1, y1, x0, y0 = (int.from_bytes(frame[at + 4 + 4 * i : at + 8 + 4 * i], "big") for i in range(4))
    return Codestream(y1 - y0, x1 - x0, (frame[at + 36] & 0x7F) + 1)
