"""One mutant of a form: a few changes, chosen by chance from what breaks readers, most of them where the form says."""

from __future__ import annotations

import random
import struct
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO

from boneage_desk.imaging.hostile import containers
from boneage_desk.imaging.hostile.elements import EXPLICIT, PREAMBLE, Element, Encoding, elements, meta_end
from boneage_desk.imaging.hostile.forms import Form, deflated, inflated

DEEPEST = 3000
"""Sequences in each other that a mutant may have."""
LARGEST = 4 << 20
"""Bytes of a mutant."""
_SYNTAXES = (
    "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.5",
    *(f"1.2.840.10008.1.2.4.{last}" for last in (50, 51, 57, 70, 80, 81, 90, 91, 92, 100, 102, 201, 202, 203)),
    "1.2.840.10008.1.2.6.1", "1.2.3", "", "\0",
)  # fmt: skip
_VRS = "AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR US UT UV ?? \0\0".split(" ")
TRICKS = (
    b"../../../../tmp/escaped", b"/etc/passwd", b"C:\\Windows\\x", b"..\\..\\x", b"~/x", b"a\0b", b"%n%s%x", b"{0.__class__}",
    b"$(touch /tmp/escaped)", b"'; DROP TABLE readings;--", b"<script>", b"\x1b$B\x1b(J", b"\xff\xfe\xfd", b"\xd4\xc2" * 9, b"=" * 40,
    b"\\" * 70, b"^" * 70, b" ", b"", b"-", b"nan", b"inf", b"-inf", b"1e999", b"1e-999", b"9" * 400, b"-9" * 30, b"0.0\\0",
    b"1.2." * 40, b"19000101", b"99999999", b"00000000", b"M", b"FOOT", b"CHEST", b"\xe9\xaa\xa8",
)  # fmt: skip
_NUMBERS = (0, 1, 2, 3, 4, 7, 8, 12, 15, 16, 17, 31, 32, 64, 255, 256, 4095, 10_000, 13_000, 32767, 32768, 65535)
_LENGTHS = (0, 1, 2, 3, 7, 8, 255, 65534, 65535, 1 << 20, 1 << 30, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
_IMAGE_TAGS = {
    0x0028: (
        0x0002, 0x0004, 0x0006, 0x0008, 0x0009, 0x0010, 0x0011, 0x0100, 0x0101, 0x0102, 0x0103, 0x0120, 0x0121, 0x1050,
        0x1051, 0x1052, 0x1053, 0x1056, 0x1101, 0x1201, 0x3000, 0x3002, 0x3006, 0x3010,
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mutant:
    """``files``: by name in the folder of its own; ``opened``: the one that is read. ``how``: what was done to it."""

    files: Mapping[str, bytes]
    opened: str
    how: str


def mutant(forms: Sequence[Form], seed: int, number: int) -> Mutant:
    """Mutant ``number`` of ``seed``: the forms take turns, the rest is chance that these two numbers decide."""
    chance = random.Random(f"{seed}:{number}")
    form = forms[number % len(forms)]
    data, how = form.data, [form.name]
    for _ in range(chance.choice((1, 1, 1, 2, 3, 5))):
        changed, what = _changed(data, form, chance)
        if len(changed) <= LARGEST:
            data = changed
            how.append(what)
    name = form.file_name
    if form.kind != "dicomdir" and chance.random() < 0.04:
        out = BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo(name, (2024, 7, 11, 9, 30, 0)), data)
        data, name = out.getvalue(), "in.zip"
        how.append("in a zip")
    return Mutant({name: data, **form.beside}, name, ", ".join(how))


Change = Callable[[bytes, random.Random], bytes]


def _changed(data: bytes, form: Form, chance: random.Random) -> tuple[bytes, str]:
    if chance.random() < 0.2:
        return _bytes_changed(data, chance)
    if form.kind in ("dicom", "bare", "deflated", "dicomdir"):
        return _dicom_changed(data, form, chance)
    return containers.changed(form.kind, data, chance)


# ------------------------------------------------------------------------------------- any bytes
def _flip(data: bytes, chance: random.Random) -> bytes:
    out = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 8, 64))):
        out[chance.randrange(len(out))] ^= 1 << chance.randrange(8)
    return bytes(out)


def _overwrite(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    number = struct.pack("<I", chance.choice(_LENGTHS))
    new = chance.choice((b"\0" * 8, b"\xff" * 8, b"\xff" * 4, number, chance.randbytes(16), chance.choice(TRICKS)))
    return data[:at] + new + data[at + len(new) :]


def _cut_out(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + data[at + chance.choice((1, 2, 8, 100, 4096)) :]


def _put_in(data: bytes, chance: random.Random) -> bytes:
    at, size = chance.randrange(len(data)), chance.choice((1, 2, 8, 100, 4096))
    return data[:at] + (data[at : at + size] if chance.random() < 0.5 else chance.randbytes(size)) + data[at:]


def _end_early(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(1, len(data) + 1)]


_ANY: dict[str, Change] = {
    "bits": _flip, "bytes": _overwrite, "cut out": _cut_out, "put in": _put_in, "cut off": _end_early,
}  # fmt: skip


def _bytes_changed(data: bytes, chance: random.Random) -> tuple[bytes, str]:
    name = chance.choice(list(_ANY))
    return (_ANY[name](data, chance) if data else data), name


# ------------------------------------------------------------------------------------- DICOM
def _dicom_changed(data: bytes, form: Form, chance: random.Random) -> tuple[bytes, str]:
    if form.kind == "bare":
        return _elements_changed(data, elements(data, 0, form.encoding), chance)
    start = meta_end(data)
    if chance.random() < 0.15:
        return _meta_changed(data, chance)
    if form.kind == "deflated":
        try:
            body = inflated(data, start)
        except Exception:  # an earlier change broke it
            return _bytes_changed(data, chance)
        body, how = _elements_changed(body, elements(body, 0, EXPLICIT), chance)
        if chance.random() < 0.05:
            body, how = body + bytes(chance.choice((1 << 20, 32 << 20))), f"{how}, much behind it"
        return data[:start] + deflated(body), how
    return _elements_changed(data, elements(data, start, form.encoding), chance)


def _meta_changed(data: bytes, chance: random.Random) -> tuple[bytes, str]:
    found = [element for element in elements(data, PREAMBLE, EXPLICIT) if element.group == 2]
    if not found:
        return _bytes_changed(data, chance)
    syntaxes = [element for element in found if element.element == 0x0010]
    if syntaxes and chance.random() < 0.6:
        stated = chance.choice(_SYNTAXES).encode()
        return _with_value(data, syntaxes[0], stated + b"\0" * (len(stated) % 2)), f"transfer syntax {stated.decode('latin-1')!r}"
    if chance.random() < 0.2:
        private = EXPLICIT.number(2, 2) + EXPLICIT.number(0x0001, 2) + b"OB\0\0" + EXPLICIT.number(5000, 4) + bytes(5000)
        at = found[0].at
        return data[:at] + private + data[at:], "long meta group"
    data, how = _elements_changed(data, found, chance)
    return data, f"meta: {how}"


def _elements_changed(data: bytes, found: list[Element], chance: random.Random) -> tuple[bytes, str]:
    if not found:
        return _bytes_changed(data, chance)
    image = [e for e in found if e.element in _IMAGE_TAGS.get(e.group, ())]
    if image and chance.random() < 0.3:
        chosen = chance.choice(image)
        return _with_value(data, chosen, _number_or_text(chosen, chance)), f"{_name(chosen)} value"
    pixels = [i for i, e in enumerate(found) if (e.group, e.element) == (0x7FE0, 0x0010)]
    if pixels and chance.random() < 0.2:
        return _pixels_changed(data, found[pixels[0] :], chance)
    chosen = chance.choice(found)
    how, change = chance.choice(_ELEMENT)
    return change(data, chosen, found, chance), f"{_name(chosen)} {how}"


def _name(element: Element) -> str:
    return f"({element.group:04X},{element.element:04X})"


def _with_value(data: bytes, element: Element, value: bytes) -> bytes:
    """The value exchanged, its length set to what it is now."""
    length = element.encoding.number(len(value), element.length_size)
    return data[: element.length_at] + length + value + data[element.end :]


def _number_or_text(element: Element, chance: random.Random) -> bytes:
    vr, encoding = element.vr, element.encoding
    size = element.end - element.value_at
    if vr in ("US", "SS") or (not vr and size == 2):
        return b"".join(encoding.number(chance.choice(_NUMBERS), 2) for _ in range(max(size // 2, chance.choice((0, 1, 1, 1, 3)))))
    if vr in ("UL", "SL", "AT", "FL", "OF") or (not vr and size == 4):
        return encoding.number(chance.choice((*_NUMBERS, *_LENGTHS)), 4)
    if vr in ("IS", "DS") or (not vr and element.group == 0x0028):
        text = chance.choice((*TRICKS, *(str(number).encode() for number in (*_NUMBERS, 1 << 31, 1 << 63, -1))))
        return text + b" " * (len(text) % 2)
    if vr in ("OB", "OW", "UN", "FD", "OD"):
        return chance.choice((b"", b"\0", b"\xff" * 8, chance.randbytes(64), bytes(1 << 16)))
    text = chance.choice((*TRICKS, chance.choice(TRICKS) * chance.choice((2, 50, 1000)), chance.randbytes(20)))
    limit = 65534 if element.length_size == 2 else 1 << 20
    return (text + b" " * (len(text) % 2))[:limit]


def _value(data: bytes, chosen: Element, found: list[Element], chance: random.Random) -> bytes:
    return _with_value(data, chosen, _number_or_text(chosen, chance))


def _length(data: bytes, chosen: Element, found: list[Element], chance: random.Random) -> bytes:
    now = chosen.end - chosen.value_at
    stated = chance.choice((*_LENGTHS, now + 1, now + 2, max(now - 1, 0), max(now - 2, 0), len(data)))
    return data[: chosen.length_at] + chosen.encoding.number(stated, chosen.length_size) + data[chosen.value_at :]


def _vr(data: bytes, chosen: Element, found: list[Element], chance: random.Random) -> bytes:
    return data[: chosen.at + 4] + chance.choice(_VRS).encode()[:2].ljust(2, b"\0") + data[chosen.at + 6 :]


def _tag(data: bytes, chosen: Element, found: list[Element], chance: random.Random) -> bytes:
    other = chance.choice(found)
    anything = chance.randrange(1 << 16), chance.randrange(1 << 16)
    group, element = chance.choice(
        ((other.group, other.element), (0x7FE0, 0x0010), (0xFFFE, 0xE0DD), (0xFFFE, 0xE000), anything)
    )
    return data[: chosen.at] + chosen.encoding.number(group, 2) + chosen.encoding.number(element, 2) + data[chosen.at + 4 :]


def _drop(data: bytes, chosen: Element, found: list[Element], chance: random.Random) -> bytes:
    return data[: chosen.at] + data[chosen.end :]


def _twice(data: bytes, chosen: Element, found: list[Element], chance: random.Random) -> bytes:
    return data[: chosen.end] + data[chosen.at : chosen.end] * chance.choice((1, 1, 100)) + data[chosen.end :]


def _elsewhere(data: bytes, chosen: Element, found: list[Element], chance: random.Random) -> bytes:
    other = chance.choice(found)
    piece = data[chosen.at : chosen.end]
    rest = data[: chosen.at] + data[chosen.end :]
    at = other.at if other.at <= chosen.at else other.at - len(piece)
    return rest[:at] + piece + rest[at:]


def _nest(data: bytes, chosen: Element, found: list[Element], chance: random.Random) -> bytes:
    encoding, depth = chosen.encoding, chance.choice((1, 5, 50, 500, DEEPEST))
    kept = chance.choice((chosen.group, 0x0008)), chance.choice((chosen.element, 0x1140))
    nest = _sequence_head(encoding, *kept) * depth
    if chance.random() < 0.5:
        nest += (_delimiter(encoding, 0xE00D) + _delimiter(encoding, 0xE0DD)) * depth
    return data[: chosen.at] + nest + data[chosen.at :]


def _sequence_head(encoding: Encoding, group: int, element: int) -> bytes:
    undefined = encoding.number(0xFFFFFFFF, 4)
    head = encoding.number(group, 2) + encoding.number(element, 2) + (b"" if encoding.implicit else b"SQ\0\0") + undefined
    return head + encoding.number(0xFFFE, 2) + encoding.number(0xE000, 2) + undefined


def _delimiter(encoding: Encoding, element: int) -> bytes:
    return encoding.number(0xFFFE, 2) + encoding.number(element, 2) + bytes(4)


_ELEMENT: tuple[tuple[str, Callable[[bytes, Element, list[Element], random.Random], bytes]], ...] = (
    ("value", _value), ("value", _value), ("value", _value), ("length", _length), ("length", _length), ("VR", _vr), ("tag", _tag),
    ("dropped", _drop), ("repeated", _twice), ("moved", _elsewhere), ("nested", _nest),
)  # fmt: skip


def _pixels_changed(data: bytes, found: list[Element], chance: random.Random) -> tuple[bytes, str]:
    """Changes where the picture is: fragments and offsets that lie, a codestream whose head was changed."""
    fragments = [element for element in found[1:] if element.is_item]
    if not fragments:
        chosen = found[0]
        return _with_value(data, chosen, chance.randbytes(chance.choice((0, 1, 2, 1000, chosen.end - chosen.value_at)))), "pixels"
    chosen = chance.choice(fragments)
    if chance.random() < 0.3:
        return _length(data, chosen, found, chance), "fragment length"
    if chance.random() < 0.3:
        return _with_value(data, chosen, chance.randbytes(chance.choice((0, 4, 64, 500)))), "fragment"
    pieces = [element for element in fragments if element.end - element.value_at > 16]
    if not pieces:
        return _with_value(data, chosen, chance.randbytes(8)), "offset table"
    chosen = chance.choice(pieces)
    stream = containers.codestream_changed(data[chosen.value_at : chosen.end], chance)
    return _with_value(data, chosen, stream + b"\0" * (len(stream) % 2)), "codestream"
