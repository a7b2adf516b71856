"""Every line of 'Bad input' that concerns files: its own code, a message, and what helps."""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from boneage_desk.common.errors import FilmError
from boneage_desk.imaging import dicom_file, failures, source
from boneage_desk.imaging.reader import FilmFiles
from boneage_desk.reading.ports import FilmProblem

from .conftest import dataset, ramp

Make = Callable[..., Path]
RLE, JPEG_LS, J2K = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90"


def refused(path: Path | str, **how: object) -> FilmError:
    with pytest.raises(FilmError) as caught:
        FilmFiles().open(str(path), **how)  # type: ignore[arg-type]
    error = caught.value
    assert error.code in failures.REFUSALS
    assert error.message.endswith(".") and error.remedy
    return error


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"Dear doctor,\nplease find attached", ""),
        (b"%PDF-1.7 ...", "PDF"),
        (b"GIF89a" + bytes(50), "GIF"),
        (b"\x7fELF" + bytes(300), ""),
        (b"\0" * 5000, ""),
        (b"id,sex\n1,M\n", ""),
        (bytes(range(256)) * 8, ""),
    ],
)
def test_not_an_image(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "film.dcm"
    path.write_bytes(content)
    error = refused(path)
    assert error.code == "not-an-image"
    assert words in error.message and "film.dcm" in error.message


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "film.dcm").touch()
    assert refused(tmp_path / "film.dcm").code == "empty-file"


def test_missing_file_and_folder(tmp_path: Path) -> None:
    assert refused(tmp_path / "none.dcm").code == "file-not-found"
    (tmp_path / "file").write_text("x")
    assert refused(tmp_path / "file" / "below.dcm").code == "file-not-found"
    assert refused(tmp_path).code == "is-a-folder"
    assert refused("with\0nul.dcm").code == "file-not-found"


def test_no_right_to_read(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(ramp())
    if os.name == "posix" and os.geteuid() != 0:
        path.chmod(0)
    else:  # root may read everything: let the system call say no

        def deny(*_a: object, **_k: object) -> object:
            raise PermissionError(13, "Permission denied", str(path))

        monkeypatch.setattr("builtins.open", deny)
    try:
        assert refused(path).code == "no-permission"
    finally:
        monkeypatch.undo()
        path.chmod(0o600)


def test_a_disk_that_fails(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(ramp())

    def fail(*_a: object, **_k: object) -> object:
        raise OSError(5, "Input/output error", str(path))

    monkeypatch.setattr("builtins.open", fail)
    error = refused(path)
    assert error.code == "read-failed" and "Input/output error" in error.message


def test_path_with_spaces_and_chinese_characters(make: Make, tmp_path: Path) -> None:
    folder = tmp_path / "王小明 的 片子"
    folder.mkdir()
    path = folder / "左手 正位片 (1).dcm"
    path.write_bytes(make(ramp()).read_bytes())
    Image.fromarray(ramp(top=255, dtype=np.uint8)).save(folder / "左手 图.png")
    film = FilmFiles().open(str(path))
    assert film.source.path == str(path)
    assert FilmFiles().open(str(folder / "左手 图.png")).frame.width == 64
    assert [one.path for one in FilmFiles().scan([str(folder)])] == [str(folder / "左手 图.png"), str(path)]


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"])
def test_truncated_anywhere_is_never_a_film(make: Make, syntax: str) -> None:
    """Cut at every tenth byte of the header and at steps in the pixels: pydicom itself would pad or stop silently."""
    path = make(ramp(), syntax=syntax)
    whole = path.read_bytes()
    start = whole.rindex(ramp().astype(">u2" if syntax.endswith(".2.2") else "<u2").tobytes()[:64])
    for cut in [*range(140, start, 10), start, start + 1, start + 2000, len(whole) - 2, len(whole) - 1]:
        path.write_bytes(whole[:cut])
        error = refused(path)
        assert error.code in ("truncated", "no-pixels", "damaged"), cut
        if cut >= start:
            assert error.code == "truncated", cut
    path.write_bytes(whole)
    FilmFiles().open(str(path))


def test_header_cut_in_the_middle_is_called_truncated(make: Make) -> None:
    path = make(ramp(), StudyDescription="A long description of the study that is cut")
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"description of") + 4])
    assert refused(path).code == "truncated"
    path.write_bytes(whole[:150])
    assert refused(path).code == "truncated"
    path.write_bytes(whole[:132])
    assert refused(path).code == "truncated"


@pytest.mark.parametrize("compress", [RLE, JPEG_LS, J2K])
def test_truncated_compressed_pixels(make: Make, compress: str) -> None:
    noise = np.random.default_rng(1).integers(0, 4095, (200, 200), dtype=np.uint16)
    path = make(noise, compress=compress, BitsStored=12, HighBit=11)
    whole = path.read_bytes()
    for share in (0.3, 0.6, 0.9, 0.99):
        path.write_bytes(whole[: int(len(whole) * share)])
        assert refused(path).code == "truncated", share


@pytest.mark.parametrize("compress", [JPEG_LS, J2K])
def test_compressed_picture_cut_inside_a_whole_file(make: Make, compress: str) -> None:
    """The DICOM structure is whole, the codestream in it is not: decoders would fill up with grey."""
    from pydicom.encaps import encapsulate, get_frame

    noise = np.random.default_rng(1).integers(0, 4095, (200, 200), dtype=np.uint16)
    ds = dataset(noise, BitsStored=12, HighBit=11)
    ds.compress(compress, generate_instance_uid=False)
    frame = get_frame(ds.PixelData, 0, number_of_frames=1)
    ds.PixelData = encapsulate([frame[: len(frame) // 2]])
    path = make(ramp())
    ds.save_as(path, enforce_file_format=True)
    assert refused(path).code == "truncated"


def test_fewer_frames_than_stated(make: Make) -> None:
    path = make(np.stack([ramp(), ramp()]), NumberOfFrames=3)
    error = refused(path, frame=1)
    assert error.code == "truncated"


def test_deflated_and_cut(make: Make) -> None:
    path = make(ramp(), syntax="1.2.840.10008.1.2.1.99")
    path.write_bytes(path.read_bytes()[:-200])
    assert refused(path).code == "truncated"


def test_deflate_bomb(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicom_file, "MAX_UNPACKED_BYTES", 1 << 16)
    path = make(np.zeros((600, 600), np.uint16), syntax="1.2.840.10008.1.2.1.99")
    assert path.stat().st_size < 1 << 16
    assert refused(path).code == "too-large"


def test_no_pixel_data(make: Make) -> None:
    path = make(ramp(), PixelData=None)
    assert refused(path).code == "no-pixels"


def test_no_decoder(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A syntax that nobody decodes (MPEG-4), and one whose packages are not installed."""
    from pydicom.encaps import encapsulate
    from pydicom.pixels.decoders.base import Decoder

    path = make(ramp(), syntax="1.2.840.10008.1.2.4.102", PixelData=encapsulate([b"\0" * 100]))
    error = refused(path)
    assert error.code == "no-decoder" and "MPEG-4" in error.message and "doctor" in error.remedy
    path = make(ramp(), compress=J2K)
    monkeypatch.setattr(Decoder, "available_plugins", property(lambda _self: ()))
    error = refused(path)
    assert error.code == "no-decoder" and "JPEG 2000" in error.message


def test_sizes_that_lie_are_refused_before_memory_is_taken(make: Make) -> None:
    path = make(ramp(), Rows=65535, Columns=65535)
    assert refused(path).code == "too-large"
    path = make(ramp(), Rows=10_000, Columns=10_000)
    assert refused(path).code == "truncated"
    path = make(ramp(), Rows=0)
    assert refused(path).code == "damaged"
    path = make(ramp(), NumberOfFrames="2000000000")
    assert refused(path, frame=1).code == "truncated"


@pytest.mark.parametrize("compress", [JPEG_LS, J2K])
def test_codestream_of_another_size_than_the_header(make: Make, compress: str) -> None:
    path = make(ramp(64, 64), compress=compress)
    whole = path.read_bytes()
    size = struct.pack(">HH", 64, 64) if compress == JPEG_LS else struct.pack(">II", 64, 64)
    huge = struct.pack(">HH", 60000, 60000) if compress == JPEG_LS else struct.pack(">II", 60000, 60000)
    assert size in whole
    path.write_bytes(whole.replace(size, huge, 1))
    assert refused(path).code == "damaged"


def test_file_of_gigabytes(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(ramp())
    monkeypatch.setattr(source, "MAX_FILE_BYTES", 1000)
    assert refused(path).code == "too-large"


def test_sequences_nested_without_end(tmp_path: Path) -> None:
    """40,000 undefined-length sequences, one in the other."""
    head = b"\0" * 128 + b"DICM" + b"\2\0\x10\0UI\x14\0" + b"1.2.840.10008.1.2.1\0"
    body = (struct.pack("<HH2sHI", 8, 0x1140, b"SQ", 0, 0xFFFFFFFF) + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)) * 40_000
    path = tmp_path / "nested.dcm"
    path.write_bytes(head + body)
    assert refused(path).code in ("damaged", "truncated")


def test_colour_jpeg(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    photo = np.stack([rng.integers(150, 220, (300, 400)), rng.integers(90, 130, (300, 400)), rng.integers(50, 90, (300, 400))], -1)
    Image.fromarray(photo.astype(np.uint8)).save(tmp_path / "photo.jpg", quality=90)
    error = refused(tmp_path / "photo.jpg")
    assert error.code == "not-radiograph" and "100%" in error.message


def test_colour_dicom(make: Make) -> None:
    photo = np.zeros((60, 60, 3), np.uint8)
    photo[:, :, 0] = 200
    error = refused(make(photo, SOPClassUID="1.2.840.10008.5.1.4.1.1.7", Modality="OT"))
    assert error.code == "not-radiograph"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_truncated_raster(tmp_path: Path, kind: str) -> None:
    noise = np.random.default_rng(2).integers(0, 255, (200, 200), dtype=np.uint8)
    whole = io.BytesIO()
    Image.fromarray(noise).save(whole, kind)
    path = tmp_path / "film"
    for share in (0.05, 0.5, 0.95):
        path.write_bytes(whole.getvalue()[: int(len(whole.getvalue()) * share)])
        assert refused(path).code == "truncated", share


def test_fifty_megapixels_open_and_two_hundred_do_not(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    Image.new("L", (8000, 6250), 40).save(path, compress_level=1)
    film = FilmFiles().open(str(path))
    assert film.frame.pixels.size == 50_000_000
    del film
    path.write_bytes(png_header(15_000, 14_000))
    assert refused(path).code == "too-large"
    path.write_bytes(png_header(13_000, 14_000))  # 182: between Pillow's own two limits and ours
    assert refused(path).code == "too-large"


def test_fifty_megapixel_dicom(make: Make) -> None:
    film = FilmFiles().open(str(make(np.full((6250, 8000), 9, np.uint16))))
    assert film.frame.pixels.size == 50_000_000


def png_header(width: int, height: int) -> bytes:
    """A PNG that states a size and holds nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    ihdr = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", ihdr) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


def test_zip_member_bomb_and_lies(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "films.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.dcm", b"\0" * 128 + b"DICM" + bytes(3_000_000))
        archive.write(make(ramp()), "good.dcm")
    monkeypatch.setattr(source, "MAX_FILE_BYTES", 1_000_000)
    assert refused(path, member="bomb.dcm").code == "too-large"
    assert FilmFiles().open(str(path), member="good.dcm").frame.width == 64
    # an archive that understates the size: the stream is cut off, and the checksum tells
    lying = path.read_bytes().replace(struct.pack("<I", 3_000_132), struct.pack("<I", 1_000))
    path.write_bytes(lying)
    assert refused(path, member="bomb.dcm").code in ("zip-damaged", "too-large", "truncated", "no-pixels", "damaged")


def test_zip_faults(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "films.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(make(ramp()), "a/good.dcm")
        archive.writestr("../../escape.dcm", b"x")
    assert refused(path).code == "choose-member"
    assert refused(path, member="none.dcm").code == "no-such-member"
    for name in ("../../escape.dcm", "/etc/passwd", "C:\\x.dcm", "..\\x.dcm"):
        assert refused(path, member=name).code == "unsafe-path"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert refused(path, member="a/good.dcm").code == "zip-damaged"
    assert [one.code for one in FilmFiles().scan([str(path)]) if isinstance(one, FilmProblem)] == ["zip-damaged"]


def test_every_refusal_has_its_words() -> None:
    for code, (message, remedy) in failures.REFUSALS.items():
        error = failures.refusal(code, "film.dcm", "why")
        assert error.code == code and "film.dcm" in str(error) and remedy and message
        assert "{" not in str(error)
