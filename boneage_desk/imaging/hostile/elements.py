"""Where the data elements of a DICOM file stand in its bytes: heads, lengths and values, without understanding them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

_LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_UNDEFINED = 0xFFFFFFFF
_PIXELS = (0x7FE0, 0x0010)
PREAMBLE = 132
MOST = 2000
"""Elements that are looked at: a mutant may have millions."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a data set is written."""

    implicit: bool = False
    big: bool = False

    def number(self, value: int, size: int) -> bytes:
        """``value`` in ``size`` bytes; what does not fit is cut off."""
        return (value % (1 << 8 * size)).to_bytes(size, "big" if self.big else "little")


EXPLICIT, IMPLICIT, BIG = Encoding(), Encoding(implicit=True), Encoding(big=True)


@dataclass(frozen=True, slots=True)
class Element:
    """Offsets in the file: of the tag, of the length (``length_size`` bytes), of the value and behind it.

    ``vr``: '' where none is written. Sequences and items end behind their head: what is in them comes as elements.
    """

    group: int
    element: int
    vr: str
    at: int
    length_at: int
    length_size: int
    value_at: int
    end: int
    encoding: Encoding

    @property
    def is_item(self) -> bool:
        return self.group == 0xFFFE


def elements(data: bytes, at: int, encoding: Encoding) -> list[Element]:
    """The data elements from ``at`` on, items included, as far as they can be followed; `MOST` at most."""
    return list(islice(_walk(data, at, encoding), MOST))


def meta_end(data: bytes) -> int:
    """Where the data set begins behind the meta group of a file with a preamble."""
    at = PREAMBLE
    for found in _walk(data, PREAMBLE, EXPLICIT):
        if found.group != 2:
            break
        at = found.end
    return at


def _walk(data: bytes, at: int, encoding: Encoding) -> Iterator[Element]:
    order = "big" if encoding.big else "little"
    compressed = False

    def number(place: int, size: int) -> int:
        return int.from_bytes(data[place : place + size], "big" if order == "big" else "little")

    while at + 8 <= len(data):
        group, element = number(at, 2), number(at + 2, 2)
        vr, length_at, length_size = "", at + 4, 4
        if group != 0xFFFE and not encoding.implicit:
            raw = data[at + 4 : at + 6]
            vr = raw.decode("latin-1")
            length_at, length_size = (at + 8, 4) if raw in _LONG else (at + 6, 2)
        value_at = length_at + length_size
        length = number(length_at, length_size)
        inside = vr == "SQ" or length == _UNDEFINED or (group == 0xFFFE and not compressed)
        end = value_at if inside else value_at + length
        if end > len(data):
            return
        if (group, element) == _PIXELS and length == _UNDEFINED:
            compressed = True
        yield Element(group, element, vr, at, length_at, length_size, value_at, end, encoding)
        at = end
