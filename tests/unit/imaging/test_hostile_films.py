"""Attacks by films, folders and archives: each ends in a refusal, in bounded time and memory, with nothing written.

Each is read in the child process of ``bench fuzz``: the kernel lets it write no file, and its time and memory are counted.
docs/security.md lists them.
"""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from boneage_desk.cli.bench_fuzz import Child
from boneage_desk.common.errors import FilmError
from boneage_desk.imaging import scan as scanning
from boneage_desk.imaging import source
from boneage_desk.imaging.hostile.containers import png_of
from boneage_desk.imaging.hostile.forms import all_forms
from boneage_desk.imaging.hostile.probe import READ, REFUSED
from boneage_desk.imaging.reader import FilmFiles
from boneage_desk.reading.ports import FilmEntry, FilmProblem

from .conftest import ramp

Make = Callable[..., Path]
MB = 1 << 20
CPU_S = 20.0
"""For scanning and opening an attack as a hand and as a knee, on a machine that does other things as well."""
DEFLATED, RLE = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.5"
HEAD = bytes(128) + b"DICM"
EXPLICIT_META = b"\2\0\x10\0UI\x14\0" + b"1.2.840.10008.1.2.1\0"
IMPLICIT_META = b"\2\0\x10\0UI\x12\0" + b"1.2.840.10008.1.2\0"
DEFLATED_META = b"\2\0\x10\0UI\x16\0" + DEFLATED.encode()


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    made = Child(quiet=True)
    yield made
    made.end()


def attack(child: Child, path: Path, *codes: str, megabytes: int = 600, kind: str = REFUSED) -> None:
    """Reading ``path`` gives ``kind`` with one of ``codes``, within the limits."""
    found, detail, seconds, peak = child.read(path)
    assert found == kind and (found == READ or not codes or detail in codes), (found, detail)
    assert seconds < CPU_S, seconds
    assert peak < (300 + megabytes) * MB, f"{peak / MB:.0f} MB"


def zeros(size: int) -> bytes:
    """A raw deflate stream that becomes ``size`` zeros, made without packing them all."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    piece = packer.compress(bytes(MB)) + packer.flush(zlib.Z_FULL_FLUSH)
    more = packer.compress(bytes(MB)) + packer.flush(zlib.Z_FULL_FLUSH)
    return piece + more * (size // MB - 1) + packer.flush()


def element(group: int, number: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    """Explicit VR little endian; long form for the VRs that have it."""
    size = len(value) if length is None else length
    if vr in (b"OB", b"OW", b"SQ", b"UN", b"UT"):
        return struct.pack("<HH2sHI", group, number, vr, 0, size) + value
    return struct.pack("<HH2sH", group, number, vr, size) + value


def film_with(make: Make, extra: bytes) -> Path:
    """A good film with more bytes between the meta group and its first element."""
    path = make(ramp())
    whole = path.read_bytes()
    at = whole.index(b"\x08\0\x05\0CS")
    path.write_bytes(whole[:at] + extra + whole[at:])
    return path


# ------------------------------------------------------------------------------------- deflate
@pytest.mark.slow
def test_a_deflated_bomb(child: Child, tmp_path: Path) -> None:
    path = tmp_path / "film.dcm"
    path.write_bytes(HEAD + DEFLATED_META + zeros(2000 * MB))
    assert path.stat().st_size < 3 * MB
    attack(child, path, "too-large", "damaged", megabytes=1100)


@pytest.mark.slow
def test_a_deflated_bomb_that_hides_its_syntax_behind_a_long_meta_group(child: Child, tmp_path: Path) -> None:
    path = tmp_path / "film.dcm"
    path.write_bytes(HEAD + element(2, 1, b"OB", bytes(6000)) + DEFLATED_META + zeros(2000 * MB))
    attack(child, path, "too-large", "damaged", megabytes=1100)


@pytest.mark.slow
def test_a_deflated_bomb_without_a_preamble(child: Child, tmp_path: Path) -> None:
    path = tmp_path / "film.dcm"
    path.write_bytes(element(2, 2, b"UI", b"1.2.840.10008.5.1.4.1.1.1\0") + DEFLATED_META + zeros(2000 * MB))
    attack(child, path, "too-large", "damaged", megabytes=1100)


def test_a_deflated_film_with_a_long_meta_group_is_read(child: Child, make: Make) -> None:
    path = make(ramp(), syntax=DEFLATED)
    whole = path.read_bytes()
    at = whole.index(b"\2\0\x10\0UI")
    path.write_bytes(whole[:at] + element(2, 1, b"OB", bytes(6000)) + whole[at:])
    assert np.array_equal(FilmFiles().open(str(path)).frame.pixels, ramp())


# ------------------------------------------------------------------------------------- headers
@pytest.mark.parametrize("length", [0xFFFFFFFF, 0xFFFFFFFE, 0x7FFFFFFF, 0x80000000])
@pytest.mark.parametrize("vr", [b"OB", b"UN", b"SQ", b"UT"])
def test_lengths_of_gigabytes(child: Child, make: Make, vr: bytes, length: int) -> None:
    attack(child, film_with(make, element(8, 1, vr, b"", length)), "truncated", "damaged", "no-pixels")


@pytest.mark.parametrize("depth", [500, 10_000])
def test_undefined_sequences_nested(child: Child, make: Make, depth: int) -> None:
    nest = (element(8, 0x1140, b"SQ", b"", 0xFFFFFFFF) + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)) * depth
    ends = (struct.pack("<HHI", 0xFFFE, 0xE00D, 0) + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)) * depth
    attack(child, film_with(make, nest + ends), "damaged", "truncated")


@pytest.mark.slow
def test_millions_of_empty_elements(child: Child, make: Make, tmp_path: Path) -> None:
    """24 MB of zeros are 3 million data elements to pydicom; in an item and behind the pixels as well."""
    attack(child, film_with(make, bytes(24 * MB)), "damaged")
    item = element(8, 0x1140, b"SQ", b"", 0xFFFFFFFF) + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    attack(child, film_with(make, item + bytes(24 * MB)), "damaged")
    path = make(ramp())
    path.write_bytes(path.read_bytes() + bytes(24 * MB))
    attack(child, path, "damaged")


def test_millions_of_empty_elements_in_a_sequence_of_stated_length(child: Child, make: Make) -> None:
    """Such a sequence is taken apart when it is looked at: AnatomicRegionSequence always is."""
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 24 * MB) + bytes(24 * MB)
    path = make(ramp())
    whole = path.read_bytes()
    at = whole.index(b"\x28\0\x02\0US")
    path.write_bytes(whole[:at] + element(8, 0x2218, b"SQ", item) + whole[at:])
    attack(child, path, kind=READ)


@pytest.mark.slow
def test_a_value_of_fifty_million_backslashes(child: Child, tmp_path: Path) -> None:
    """Split it would be as many objects: a name, a window centre, a spacing."""
    many = b"\\" * (50 * MB)
    body = struct.pack("<HHI", 8, 0x60, 2) + b"CR"
    for group, number in ((0x10, 0x10), (0x28, 0x30), (0x28, 0x1050)):
        body += struct.pack("<HHI", group, number, len(many)) + many
    path = tmp_path / "film.dcm"
    path.write_bytes(HEAD + IMPLICIT_META + body)
    attack(child, path, "no-pixels", "truncated")


def restated(path: Path, rows: int, columns: int) -> Path:
    """The file with another size in its header, for a picture of 40 x 64."""
    whole = path.read_bytes()
    old = element(0x28, 0x10, b"US", struct.pack("<H", 40)) + element(0x28, 0x11, b"US", struct.pack("<H", 64))
    new = element(0x28, 0x10, b"US", struct.pack("<H", rows)) + element(0x28, 0x11, b"US", struct.pack("<H", columns))
    assert whole.count(old) == 1
    path.write_bytes(whole.replace(old, new))
    return path


@pytest.mark.parametrize("syntax", [RLE, "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90"])
@pytest.mark.parametrize("size", [(13_000, 13_000), (65_535, 2716), (1, 65_535)])
def test_a_compressed_picture_of_another_size_than_stated(child: Child, make: Make, size: tuple[int, int], syntax: str) -> None:
    attack(child, restated(make(ramp(), compress=syntax), *size), "truncated", "damaged", megabytes=1000)


@pytest.mark.parametrize("frames", ["2147483647", "99999999999999999999", "-5"])
def test_frames_without_end(child: Child, make: Make, frames: str) -> None:
    attack(child, make(ramp(), NumberOfFrames=frames), "choose-frame", "truncated", kind=READ if frames == "-5" else REFUSED)


def test_a_codec_that_panics_is_a_refusal(child: Child, make: Make) -> None:
    """pylibjpeg's RLE decoder panics where more bytes come out than the picture has."""
    attack(child, restated(make(np.full((40, 64), 7, np.uint16), compress=RLE), 40, 63), "truncated")


@pytest.mark.parametrize("bits", [1, 8, 12, 32, 64])
def test_a_jpeg_whose_header_states_other_bits(child: Child, bits: int, tmp_path: Path) -> None:
    """GDCM ended the process over 32; it decodes nothing any more."""
    whole = next(form.data for form in all_forms() if form.name == "jpeg")
    stated = element(0x28, 0x100, b"US", struct.pack("<H", 8))
    assert whole.count(stated) == 1
    path = tmp_path / "film.dcm"
    path.write_bytes(whole.replace(stated, element(0x28, 0x100, b"US", struct.pack("<H", bits))))
    found, detail, _, _ = child.read(path)
    assert found in (READ, REFUSED), (found, detail)


def test_uids_of_a_film_never_name_a_file(tmp_path: Path, make: Make) -> None:
    """Results and reports of a film whose UIDs and ids are paths stay in their folder."""
    from boneage_desk.reports.dicom_results.writer import DicomResults
    from tests.dicom_cases import drawn, open_film, session

    hand = drawn(250, 200)
    tricks = "../../../escaped"
    (tmp_path / "films").mkdir()
    film = open_film(tmp_path / "films", hand, changes={"AccessionNumber": tricks, "StudyID": tricks}, patient_id="../../x")
    before = {path for path in tmp_path.rglob("*")}
    written = DicomResults().write(session(film, hand).reading, film, tmp_path / "out" / "results")
    new = {path for path in tmp_path.rglob("*")} - before - {tmp_path / "out", tmp_path / "out" / "results"}
    assert written and new == set(written) and {path.parent for path in written} == {tmp_path / "out" / "results"}


def test_a_film_whose_uids_are_paths(child: Child, make: Make, tmp_path: Path) -> None:
    from boneage_desk.reading.assessment import new_reading
    from tests.samples import NOON

    path = make(ramp())
    for old, new in ((b"1.2.826.0.1.3680043.8.498.", b"../../../../../../../tmp/x"),):
        path.write_bytes(path.read_bytes().replace(old, new))
    attack(child, path, kind=READ)
    film = FilmFiles().open(str(path))
    assert film.study is not None and film.study.study_uid.startswith("../")
    assert new_reading(film, "r", NOON).source.path == str(path)


# ------------------------------------------------------------------------------------- folders
def test_folders_a_thousand_deep(child: Child, make: Make, tmp_path: Path) -> None:
    """Python's own walk ends with a RecursionError there."""
    top = tmp_path / "deep"
    top.mkdir()
    (top / "film.dcm").write_bytes(make(ramp()).read_bytes())
    here = os.getcwd()
    try:
        os.chdir(top)
        for _ in range(1100):
            os.mkdir("d")
            os.chdir("d")
    finally:
        os.chdir(here)
    attack(child, top, kind=READ)
    found = list(FilmFiles().scan([str(top)]))
    assert [one.path for one in found] == [str(top / "film.dcm")]


def test_links_to_themselves_and_to_nowhere(child: Child, make: Make, tmp_path: Path) -> None:
    top = tmp_path / "films"
    top.mkdir()
    (top / "film.dcm").write_bytes(make(ramp()).read_bytes())
    for name, target in (("a", top), ("b", top / "b"), ("c.dcm", Path("/dev/zero")), ("d.dcm", top / "none")):
        (top / name).symlink_to(target)
    attack(child, top, kind=READ)
    assert len(list(FilmFiles().scan([str(top)]))) == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipes_and_devices_are_no_films(child: Child, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "film.dcm")
    attack(child, tmp_path / "film.dcm", "not-an-image")
    attack(child, Path("/dev/zero"), "not-an-image")


def dicomdir(make: Make, folder: Path, *files: object) -> Path:
    from pydicom.config import disable_value_validation
    from pydicom.dataset import Dataset

    from .conftest import dataset

    ds = dataset(None, SOPClassUID="1.2.840.10008.1.3.10")
    records = []
    path = folder / "DICOMDIR"
    with disable_value_validation():
        for name in files:
            record = Dataset()
            record.DirectoryRecordType = "IMAGE"
            record.add_new(0x00041500, "CS", name)
            records.append(record)
        ds.DirectoryRecordSequence = records
        ds.save_as(path, enforce_file_format=True)
    return path


def test_a_dicomdir_that_points_elsewhere(child: Child, make: Make, tmp_path: Path) -> None:
    secret = make(ramp(), "secret.dcm")
    folder = tmp_path / "cd"
    folder.mkdir()
    (folder / "LINK").symlink_to(tmp_path)
    tricks = (
        ["..", "secret.dcm"], "../secret.dcm", str(secret), ["", "etc", "passwd"], ["C:", "x"], "..\\secret.dcm", ["LINK", "secret.dcm"],
        [".", "x"],
    )  # fmt: skip
    path = dicomdir(make, folder, *tricks)
    problems = list(FilmFiles().scan([str(path)]))
    assert len(problems) == len(tricks)
    assert all(isinstance(one, FilmProblem) and one.code in ("unsafe-path", "file-not-found") for one in problems), problems
    attack(child, path)


# ------------------------------------------------------------------------------------- archives
def archive_of(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as opened:
        for name, content in members.items():
            opened.writestr(zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0)), content, method)
    return path


def problems_of(path: Path) -> list[str]:
    return [one.code for one in FilmFiles().scan([str(path)]) if isinstance(one, FilmProblem)]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_packed_in_a_way_that_python_unpacks_without_a_limit(child: Child, tmp_path: Path, method: int) -> None:
    """4 kB of bzip2 become 80 MB at the first byte that is read, whatever is asked for."""
    path = archive_of(tmp_path / "a.zip", {"bomb.dcm": HEAD + bytes(60 * MB)}, method)
    assert path.stat().st_size < MB // 4
    attack(child, path, "zip-method", "choose-member", megabytes=50)
    assert problems_of(path) == ["zip-method"]
    with pytest.raises(FilmError, match="packed in a way"):
        FilmFiles().open(str(path), member="bomb.dcm")


@pytest.mark.slow
def test_bombs_in_an_archive(child: Child, tmp_path: Path) -> None:
    path = archive_of(tmp_path / "a.zip", {f"{i}.{end}": HEAD + bytes(16 * MB) for i, end in enumerate(("dcm", "png", "tif"))})
    attack(child, path, "choose-member", megabytes=200)


def test_looking_through_an_archive_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every member needs to be unpacked as a whole to be judged: after so many bytes the rest is refused in words."""
    tiff = io.BytesIO()
    Image.new("L", (1000, 1000)).save(tiff, "TIFF")
    path = archive_of(tmp_path / "a.zip", {f"{i:03}.tif": tiff.getvalue() for i in range(50)})
    assert len(list(FilmFiles().scan([str(path)]))) == 50
    monkeypatch.setattr(scanning, "_UNPACKED_BYTES", 5_000_000)
    found = list(FilmFiles().scan([str(path)]))
    assert isinstance(found[-1], FilmProblem) and found[-1].code == "too-large" and len(found) < 12
    assert isinstance(found[0], FilmEntry)


def test_archives_in_archives_stay_closed(child: Child, make: Make, tmp_path: Path) -> None:
    inner = archive_of(tmp_path / "inner.zip", {"film.dcm": make(ramp()).read_bytes()}).read_bytes()
    for depth in range(20):
        inner = archive_of(tmp_path / "next.zip", {f"{depth}.zip": inner, "n.dcm": inner}).read_bytes()
    attack(child, tmp_path / "next.zip", "choose-member")
    assert problems_of(tmp_path / "next.zip") == ["not-an-image"]


def test_names_and_links_in_an_archive_that_leave_it(child: Child, make: Make, tmp_path: Path) -> None:
    path, film = tmp_path / "a.zip", make(ramp()).read_bytes()
    names = ("../../up.dcm", "/abs.dcm", "C:/x.dcm", "a/../../x.dcm", "..\\x.dcm")
    with zipfile.ZipFile(path, "w") as opened:
        for name in names:
            opened.writestr(name, film)
        link = zipfile.ZipInfo("link.dcm")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        opened.writestr(link, "/etc/passwd")
    before = sorted(tmp_path.rglob("*"))
    attack(child, path, "choose-member")
    assert sorted(problems_of(path)) == ["not-an-image"] + ["unsafe-path"] * len(names)
    assert sorted(tmp_path.rglob("*")) == before


def test_an_archives_list_of_members_has_a_limit(child: Child, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = archive_of(tmp_path / "a.zip", {f"{i:0200}.dcm": b"" for i in range(200)})
    attack(child, path)
    monkeypatch.setattr(source, "MAX_DIRECTORY_BYTES", 10_000)
    assert problems_of(path) == ["too-large"]


# ------------------------------------------------------------------------------------- pictures
def small_png() -> list[tuple[bytes, bytes]]:
    head = struct.pack(">IIBBBBB", 40, 40, 8, 0, 0, 0, 0)
    return [(b"IHDR", head), (b"IDAT", zlib.compress(bytes(41 * 40))), (b"IEND", b"")]


def test_a_png_that_states_two_billion_frames(child: Child, tmp_path: Path) -> None:
    """A list of them would take all memory."""
    chunks = small_png()
    chunks.insert(1, (b"acTL", struct.pack(">II", 0x7FFFFFFF, 0)))
    (tmp_path / "a.png").write_bytes(png_of(chunks))
    attack(child, tmp_path / "a.png", "too-large", megabytes=50)


@pytest.mark.parametrize("kind", [b"iCCP", b"zTXt"])
def test_a_bomb_in_a_pngs_profile_or_text(child: Child, tmp_path: Path, kind: bytes) -> None:
    chunks = small_png()
    chunks.insert(1, (kind, b"x\0\0" + b"\x78\x9c" + zeros(300 * MB) + b"\0\0\0\0"))
    (tmp_path / "a.png").write_bytes(png_of(chunks))
    found, detail, seconds, peak = child.read(tmp_path / "a.png")
    assert (found == READ or detail == "truncated") and seconds < CPU_S and peak < 400 * MB


@pytest.mark.slow
def test_a_picture_bomb(child: Child, tmp_path: Path) -> None:
    """The largest that is opened, in 175 kB; and one larger, which is not."""
    for side, kind, codes in ((13_300, READ, ()), (13_400, REFUSED, ("too-large",)), (200_000, REFUSED, ("too-large",))):
        head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
        raw = b"\x78\x9c" + zeros((side + 1) * side // MB * MB + MB) if side < 20_000 else zlib.compress(b"")
        (tmp_path / "a.png").write_bytes(png_of([(b"IHDR", head), (b"IDAT", raw), (b"IEND", b"")]))
        attack(child, tmp_path / "a.png", *codes, kind=kind, megabytes=1200)


@pytest.mark.slow
def test_a_tiff_of_very_many_pages_and_one_in_a_circle(child: Child, tmp_path: Path) -> None:
    entries = [(256, 3, 1, 8), (257, 3, 1, 8), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 8), (279, 4, 1, 64)]
    body = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    start, size = 80, len(body) + 4
    parts = [b"II*\0" + struct.pack("<I", start) + bytes(72)]
    parts += [body + struct.pack("<I", start + (page + 1) * size if page < 59_999 else 0) for page in range(60_000)]
    (tmp_path / "many.tif").write_bytes(b"".join(parts))
    attack(child, tmp_path / "many.tif", "too-large")
    circle = b"II*\0" + struct.pack("<I", start) + bytes(72) + body + struct.pack("<I", start)
    (tmp_path / "circle.tif").write_bytes(circle)
    found, detail, seconds, _ = child.read(tmp_path / "circle.tif")
    assert found in (READ, REFUSED) and seconds < CPU_S, (found, detail)


@pytest.mark.parametrize(
    "content",
    [
        b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        b"<!DOCTYPE x [<!ENTITY a 'a'><!ENTITY b '&a;&a;'>]><x>&b;</x>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) run",
        b"\x80\x04\x95\x1d\0\0\0\0\0\0\0\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x02id\x94\x85\x94R\x94.",
        b"MZ" + bytes(400), b"#!/bin/sh\nid\n", b"8BPS" + bytes(100), b"\0\0\1\0" + bytes(100),
    ],
)  # fmt: skip
def test_files_that_others_would_run_are_no_films(child: Child, tmp_path: Path, content: bytes) -> None:
    for name in ("film.dcm", "film.png", "film.tif"):
        (tmp_path / name).write_bytes(content)
        attack(child, tmp_path / name, "not-an-image")
