"""Changes to pictures and archives that keep their outer form whole, so that the change reaches the code behind it."""

from __future__ import annotations

import random
import struct
import zlib

_WORDS = (0, 1, 2, 255, 256, 1 << 15, (1 << 16) - 1, 1 << 16, 13_000, 1 << 24, (1 << 31) - 1, 1 << 31, (1 << 32) - 1)


def changed(kind: str, data: bytes, chance: random.Random) -> tuple[bytes, str]:
    """``data`` of the kind 'png', 'jpeg', 'tiff', 'webp' or 'zip' with one change, and what it was."""
    if len(data) < 64:
        return data + chance.randbytes(8), "bytes"
    return {"png": _png, "jpeg": _jpeg, "tiff": _tiff, "webp": _webp, "zip": _zip}[kind](data, chance)


def _number(place: int, size: int, order: str, data: bytes, chance: random.Random) -> bytes:
    """The number of ``size`` bytes at ``place`` exchanged."""
    new = (chance.choice(_WORDS) % (1 << 8 * size)).to_bytes(size, "big" if order == "big" else "little")
    return data[:place] + new + data[place + size :]


def codestream_changed(stream: bytes, chance: random.Random) -> bytes:
    """A JPEG, JPEG-LS, JPEG 2000 or RLE stream: mostly its first bytes, where sizes and tables are."""
    out = bytearray(stream)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        reach = len(out) if chance.random() < 0.3 else min(len(out), 160)
        at = chance.randrange(reach)
        how = chance.random()
        if how < 0.5:
            out[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        elif how < 0.8:
            out[at : at + 2] = struct.pack(">H", chance.choice((0, 1, 96, 80, 13_000, 65535)))
        elif how < 0.9:
            out[at : at + 4] = struct.pack(">I", chance.choice(_WORDS))
        else:
            del out[at : at + chance.choice((1, 4, 100))]
        if not out:
            return b"\xff\xd8"
    return bytes(out)


# ------------------------------------------------------------------------------------- PNG
def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 8
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        found.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    return found


def png_of(chunks: list[tuple[bytes, bytes]]) -> bytes:
    """A PNG of these chunks, with right lengths and checksums."""
    parts = [b"\x89PNG\r\n\x1a\n"]
    for kind, content in chunks:
        parts += [struct.pack(">I", len(content)), kind, content, struct.pack(">I", zlib.crc32(kind + content))]
    return b"".join(parts)


def _png(data: bytes, chance: random.Random) -> tuple[bytes, str]:
    chunks = _chunks(data)
    if not chunks:
        return data, "nothing"
    at = chance.randrange(len(chunks))
    kind, content = chunks[at]
    how = chance.choice(("content", "content", "kind", "dropped", "twice", "new", "picture"))
    if how == "content":
        chunks[at] = kind, codestream_changed(content, chance) if content else chance.randbytes(4)
    elif how == "kind":
        chunks[at] = chance.choice((b"IDAT", b"PLTE", b"tRNS", b"iCCP", b"acTL", b"fcTL", b"eXIf", b"zTXt")), content
    elif how == "dropped":
        del chunks[at]
    elif how == "twice":
        chunks.insert(at, (kind, content))
    elif how == "new":
        packed = b"x\0\0" + zlib.compress(bytes(chance.choice((10, 1 << 20, 8 << 20))))
        frames = struct.pack(">II", chance.choice(_WORDS[:-2]), 0)
        new = ((b"zTXt", packed), (b"iCCP", packed), (b"acTL", frames), (b"eXIf", chance.randbytes(60)))
        chunks.insert(1, chance.choice(new))
    else:
        raw = bytes(chance.choice((0, 100, 1 << 20)))
        chunks[at] = b"IDAT", zlib.compress(raw)
    return png_of(chunks), f"chunk {kind.decode('latin-1')} {how}"


# ------------------------------------------------------------------------------------- others
def _jpeg(data: bytes, chance: random.Random) -> tuple[bytes, str]:
    places = [i for i in range(2, min(len(data) - 4, 4000)) if data[i] == 0xFF and 0xC0 <= data[i + 1] < 0xFF]
    if not places or chance.random() < 0.3:
        return data[:2] + codestream_changed(data[2:], chance), "stream"
    at = chance.choice(places)
    how = chance.choice(("marker", "length", "content", "dropped"))
    if how == "marker":
        return data[: at + 1] + bytes([chance.randrange(0xC0, 0xFF)]) + data[at + 2 :], how
    if how == "length":
        return _number(at + 2, 2, "big", data, chance), how
    length = int.from_bytes(data[at + 2 : at + 4], "big")
    if how == "content":
        end = at + 2 + max(length, 4)
        return data[: at + 4] + codestream_changed(data[at + 4 : end] or b"\0", chance) + data[end:], how
    return data[:at] + data[at + 2 + length :], how


def _tiff(data: bytes, chance: random.Random) -> tuple[bytes, str]:
    order = "little" if data[:2] == b"II" else "big"

    def number(place: int, size: int) -> int:
        return int.from_bytes(data[place : place + size], "big" if order == "big" else "little")

    start = number(4, 4)
    count = number(start, 2)
    if not 0 < start < len(data) - 6 or not 0 < count < 100:
        return _number(chance.randrange(len(data) - 8), 4, order, data, chance), "number"
    entry = start + 2 + 12 * chance.randrange(count)
    how, place, size = chance.choice((("tag", 0, 2), ("type", 2, 2), ("count", 4, 4), ("value", 8, 4), ("value", 8, 2), ("next", -1, 4)))
    if how == "next":
        after = start + 2 + 12 * count
        target = chance.choice((start, after, 0, 8, len(data) - 2, len(data) + 10))
        return data[:after] + target.to_bytes(4, "big" if order == "big" else "little") + data[after + 4 :], "next page"
    tag = number(entry, 2)
    return _number(entry + place, size, order, data, chance), f"tag {tag} {how}"


def _webp(data: bytes, chance: random.Random) -> tuple[bytes, str]:
    if chance.random() < 0.5:
        return _number(chance.choice((4, 16, 20, 24, 28)), 4, "little", data, chance), "chunk"
    return data[:12] + codestream_changed(data[12:], chance), "stream"


def _zip(data: bytes, chance: random.Random) -> tuple[bytes, str]:
    marks = {b"PK\1\2": "central", b"PK\3\4": "local", b"PK\5\6": "end"}
    mark = chance.choice(list(marks))
    places = _all_places(data, mark)
    if not places:
        return data + chance.randbytes(4), "bytes"
    at = chance.choice(places)
    if chance.random() < 0.2 and mark != b"PK\5\6":
        name = chance.choice((b"../../x.dcm", b"/etc/pass.d", b"C:\\a\\x.dcm\0"))[:10]
        where = at + (46 if mark == b"PK\1\2" else 30)
        return data[:where] + name + data[where + 10 :], f"{marks[mark]} name"
    fields = ((4, 2), (6, 2), (8, 2), (10, 2), (14, 4), (16, 4), (18, 4), (20, 4), (22, 4), (24, 4), (26, 2), (28, 2), (42, 4))
    place, size = chance.choice(fields)
    return _number(at + place, size, "little", data, chance), f"{marks[mark]} header"


def _all_places(data: bytes, mark: bytes) -> list[int]:
    places, at = [], data.find(mark)
    while at >= 0:
        places.append(at)
        at = data.find(mark, at + 1)
    return places
