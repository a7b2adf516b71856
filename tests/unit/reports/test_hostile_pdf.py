"""PDFs that attack whoever verifies them: a verdict in bounded time and memory, and never 'as it was signed'."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from boneage_desk.common.errors import BoneAgeError
from boneage_desk.reports.signing_check import Trust, check
from tests.bounded import counted

MB = 1 << 20


def zeros(size: int) -> bytes:
    """A zlib stream that becomes ``size`` zeros, made without packing them all."""
    packer = zlib.compressobj(9)
    first = packer.compress(bytes(MB)) + packer.flush(zlib.Z_FULL_FLUSH)
    more = packer.compress(bytes(MB)) + packer.flush(zlib.Z_FULL_FLUSH)
    return first + more * (size // MB - 1)


def pdf_of(objects: dict[int, bytes], trailer: bytes = b"") -> bytes:
    """A PDF with a plain table of these objects; object 1 is the catalogue."""
    out, places = b"%PDF-1.7\n", {}
    for number, body in objects.items():
        places[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start, most = len(out), max(objects) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n" % most
    for number in range(1, most):
        out += b"%010d 00000 %s \n" % (places.get(number, 0), b"n" if number in places else b"f")
    return out + b"trailer\n<</Size %d /Root 1 0 R %s>>\nstartxref\n%d\n%%%%EOF\n" % (most, trailer, start)


PAGES = {2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>", 3: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>"}


def stream(content: bytes, more: bytes = b"/Filter/FlateDecode") -> bytes:
    return b"<</Length %d %s>>\nstream\n" % (len(content), more) + content + b"\nendstream"


def attached(content: bytes, more: bytes = b"/Filter/FlateDecode") -> bytes:
    return pdf_of({
        1: b"<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles<</Names[(reading.json) 4 0 R]>>>>>>", **PAGES,
        4: b"<</Type/Filespec/F(reading.json)/UF(reading.json)/EF<</F 5 0 R>>>>", 5: stream(content, more),
    })  # fmt: skip


def xref_stream_bomb() -> bytes:
    content = zeros(3000 * MB)
    body = b"%PDF-1.7\n1 0 obj\n<</Type/Catalog>>\nendobj\n"
    return body + b"2 0 obj\n" + stream(
        content, b"/Filter/FlateDecode/Type/XRef/W[1 4 2]/Size 3/Root 1 0 R"
    ) + b"\nendobj\nstartxref\n%d\n%%%%EOF\n" % len(body)  # fmt: skip


def kids_in_a_circle() -> bytes:
    return pdf_of({
        1: b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[4 0 R]/SigFlags 3>>>>",
        2: b"<</Type/Pages/Kids[2 0 R]/Count 1>>", 4: b"<</FT/Sig/T(a)/Kids[4 0 R]>>",
    })  # fmt: skip


def names_in_a_circle() -> bytes:
    tree = {1: b"<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles 4 0 R>>>>", **PAGES, 4: b"<</Kids[" + b"4 0 R " * 100 + b"]>>"}
    return pdf_of(tree)


def previous_in_a_circle() -> bytes:
    made = pdf_of({1: b"<</Type/Catalog/Pages 2 0 R>>", **PAGES})
    return pdf_of({1: b"<</Type/Catalog/Pages 2 0 R>>", **PAGES}, b"/Prev %d" % made.rindex(b"xref\n0"))


ATTACKS: dict[str, Callable[[], bytes]] = {
    "attached bomb": lambda: attached(zeros(3000 * MB)),
    "attached bomb in a bomb": lambda: attached(zlib.compress(zeros(3000 * MB)), b"/Filter[/FlateDecode/FlateDecode]"),
    "attached, nested": lambda: attached(zlib.compress(b"[" * 500_000)),
    "cross references, bomb": xref_stream_bomb,
    "arrays nested": lambda: pdf_of({1: b"<</Type/Catalog/X " + b"[" * 200_000 + b"]" * 200_000 + b">>"}),
    "kids in a circle": kids_in_a_circle,
    "names in a circle": names_in_a_circle,
    "previous in a circle": previous_in_a_circle,
    "length of gigabytes": lambda: attached(b"").replace(b"/Length 0", b"/Length 9999999999999"),
    "count of billions": lambda: pdf_of({1: b"<</Type/Catalog/Pages 2 0 R>>", **PAGES}).replace(b"/Count 1", b"/Count 2147483647"),
    "size of billions": lambda: pdf_of({1: b"<</Type/Catalog/Pages 2 0 R>>", **PAGES}).replace(b"/Size 4", b"/Size 2147483647"),
    "table of billions": lambda: pdf_of({1: b"<</Type/Catalog/Pages 2 0 R>>", **PAGES}).replace(b"xref\n0 4", b"xref\n0 2147483647"),
}
IMPORTS = """
from pathlib import Path
from boneage_desk.reports.signing_check import Trust, check
def verdict(path):
    from boneage_desk.common.errors import BoneAgeError
    check(b"%PDF-1.7 nothing", Trust())
    try:
        found = check(Path(path).read_bytes(), Trust())
    except BoneAgeError as error:
        return error.code
    return [len(found.seals), list(found.problems)]
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits of a process as Linux has them")
@pytest.mark.parametrize("attack", list(ATTACKS))
def test_it_ends_in_a_verdict(tmp_path: Path, attack: str) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(ATTACKS[attack]())
    found = counted(IMPORTS, "verdict(sys.argv[3])", path)
    assert found.value[0] == 0, "no signature is seen where there is none"
    assert found.seconds < 30 and found.megabytes < 1500, found


@pytest.mark.parametrize("attack", ["kids in a circle", "names in a circle", "previous in a circle", "count of billions"])
def test_circles_end(attack: str) -> None:
    found = check(ATTACKS[attack](), Trust())
    assert not found.seals


def test_what_is_larger_than_a_report_is_not_taken_into_memory(tmp_path: Path) -> None:
    from boneage_desk.cli.sign import read_pdf

    path = tmp_path / "report.pdf"
    with open(path, "wb") as file:
        file.write(b"%PDF-1.7")
        file.truncate(1 << 31)
    with pytest.raises(BoneAgeError, match="larger than 200 MB"):
        read_pdf(path)
    with pytest.raises(BoneAgeError, match="no file"):
        read_pdf(Path("/dev/zero"))
