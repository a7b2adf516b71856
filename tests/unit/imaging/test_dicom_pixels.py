"""From bytes to stored values: transfer syntaxes, bits, padding, overlays, frames."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from boneage_desk.common.errors import FilmError
from boneage_desk.imaging.reader import FilmFiles
from boneage_desk.reading.film import Film, SpacingKind

from .conftest import codes, dataset, ramp

Open = Callable[..., Film]

IMPLICIT, EXPLICIT, DEFLATED, BIG = (
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2.1.99",
    "1.2.840.10008.1.2.2",
)
RLE, JPEG_LS, JPEG_LS_LOSSY = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"
J2K_LOSSLESS, J2K = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, DEFLATED, BIG])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_uncompressed_syntaxes(reopen: Open, syntax: str, dtype: type) -> None:
    stored = ramp(40, 63, 250 if dtype is np.uint8 else 60000, dtype)
    film = reopen(stored, syntax=syntax)
    assert np.array_equal(film.frame.pixels, stored)
    assert film.frame.pixels.dtype == dtype
    assert film.source.transfer_syntax == syntax
    assert film.source.is_dicom


@pytest.mark.parametrize("syntax", [RLE, JPEG_LS, J2K_LOSSLESS])
@pytest.mark.parametrize(("dtype", "bits"), [(np.uint8, 8), (np.uint16, 12), (np.uint16, 16), (np.int16, 16)])
def test_lossless_syntaxes(reopen: Open, syntax: str, dtype: type, bits: int) -> None:
    signed = dtype is np.int16
    stored = ramp(48, 64, (1 << bits) - 1, np.int64) - ((1 << (bits - 1)) if signed else 0)
    stored = stored.astype(dtype)
    film = reopen(stored, compress=syntax, BitsStored=bits, HighBit=bits - 1)
    expected = stored.astype(int) + (1 << (bits - 1)) if signed else stored
    assert np.array_equal(film.frame.pixels, expected)
    assert film.frame.max_value == (1 << bits) - 1
    assert film.source.transfer_syntax == syntax


def test_jpeg_baseline(reopen: Open, make: Callable[..., Path]) -> None:
    """Written by Pillow into an encapsulated frame, as pydicom has no encoder for it."""
    from io import BytesIO

    from PIL import Image
    from pydicom.encaps import encapsulate

    stored = ramp(48, 64, 250, np.uint8)
    jpeg = BytesIO()
    Image.fromarray(stored).save(jpeg, "JPEG", quality=95)
    film = reopen(stored, syntax="1.2.840.10008.1.2.4.50", PixelData=encapsulate([jpeg.getvalue()]))
    assert np.abs(film.frame.pixels.astype(int) - stored).max() <= 4
    assert film.frame.pixels[0, -1] > film.frame.pixels[0, 0] + 200


@pytest.mark.needs_data
@pytest.mark.parametrize(
    ("name", "syntax", "top"),
    [
        ("RG3_J2KR.dcm", J2K_LOSSLESS, 1023),
        ("RG3_JPLL.dcm", "1.2.840.10008.1.2.4.70", 1023),
        ("Monochrome1-Jpeg.dcm", "1.2.840.10008.1.2.4.50", 255),
    ],
)
def test_real_computed_radiography(shared_data: Path, name: str, syntax: str, top: int) -> None:
    film = FilmFiles().open(str(shared_data / "dicom" / name))
    assert film.source.transfer_syntax == syntax
    assert film.frame.max_value == top
    assert int(film.frame.pixels.max()) > 0.9 * top


@pytest.mark.needs_data
def test_two_codecs_give_the_same_real_film_with_bright_bone(shared_data: Path) -> None:
    a = FilmFiles().open(str(shared_data / "dicom" / "RG3_J2KR.dcm"))
    b = FilmFiles().open(str(shared_data / "dicom" / "RG3_JPLL.dcm"))
    assert np.array_equal(a.frame.pixels, b.frame.pixels)
    assert a.source.sha256 != b.source.sha256
    # lower leg, MONOCHROME1: the tibia's shaft is brighter than the air beside the calf
    row = a.frame.pixels[900]
    assert int(row[850:950].max()) > int(np.median(row[560:640])) + 300


def test_real_chest_film_says_at_detector(shared_data: Path) -> None:
    """PixelSpacing that only repeats ImagerPixelSpacing is no calibration."""
    film = FilmFiles().open(str(shared_data / "dicom" / "Monochrome1-Jpeg.dcm"))
    assert film.frame.spacing.kind is SpacingKind.AT_DETECTOR
    assert film.frame.spacing.row == pytest.approx(0.175)


@pytest.mark.parametrize(("bits", "high"), [(12, 11), (12, 15), (10, 13), (16, 15)])
def test_bits_stored_and_high_bit(reopen: Open, bits: int, high: int) -> None:
    values = ramp(top=(1 << bits) - 1)
    film = reopen((values << (high + 1 - bits)).astype(np.uint16), BitsStored=bits, HighBit=high)
    assert np.array_equal(film.frame.pixels, values)
    assert film.frame.max_value == (1 << bits) - 1
    assert "bits_outside" not in codes(film)


def test_signed_12_bits_without_sign_extension(reopen: Open) -> None:
    values = (ramp().astype(int) - 2048).astype(np.int16)
    film = reopen((values & 0x0FFF).astype(np.int16), BitsStored=12, HighBit=11)
    assert np.array_equal(film.frame.pixels, values.astype(int) + 2048)


def test_overlay_in_the_high_bits_is_masked_off(reopen: Open) -> None:
    values = ramp()
    marked = values.copy()
    marked[5:20, 5:20] |= 0x8000
    plain = reopen(marked, BitsStored=12, HighBit=11)
    assert np.array_equal(plain.frame.pixels, values)
    assert "bits_outside" in codes(plain)

    path = Path(plain.source.path)
    ds = dataset(marked, BitsStored=12, HighBit=11)
    ds.add_new(0x60000010, "US", 40)
    ds.add_new(0x60000011, "US", 64)
    ds.add_new(0x60000040, "CS", "G")
    ds.add_new(0x60000100, "US", 16)
    ds.add_new(0x60000102, "US", 15)
    ds.save_as(path, enforce_file_format=True)
    film = FilmFiles().open(str(path))
    assert np.array_equal(film.frame.pixels, values)
    assert "bits_outside" not in codes(film)


def test_overlay_planes_and_icons_are_never_the_film(make: Callable[..., Path], tmp_path: Path) -> None:
    from pydicom.dataset import Dataset

    values = ramp()
    ds = dataset(values)
    ds.add_new(0x60000010, "US", 8)
    ds.add_new(0x60000011, "US", 8)
    ds.add_new(0x60000100, "US", 1)
    ds.add_new(0x60003000, "OW", b"\xff" * 8)
    icon = Dataset()
    icon.Rows = icon.Columns = 4
    icon.BitsAllocated = icon.BitsStored = 8
    icon.HighBit, icon.PixelRepresentation, icon.SamplesPerPixel = 7, 0, 1
    icon.PhotometricInterpretation = "MONOCHROME2"
    icon.PixelData = b"\7" * 16
    ds.IconImageSequence = [icon]
    path = tmp_path / "with.dcm"
    ds.save_as(path, enforce_file_format=True)
    assert np.array_equal(FilmFiles().open(str(path)).frame.pixels, values)

    del ds.PixelData
    ds.save_as(path, enforce_file_format=True)
    with pytest.raises(FilmError) as caught:
        FilmFiles().open(str(path))
    assert caught.value.code == "no-pixels"


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_from_the_edge_is_black_and_named(reopen: Open, photometric: str) -> None:
    values = (ramp().astype(int) // 2 + 500).astype(np.uint16)
    values[:, :10] = 0
    values[20, 30] = 0  # the padding's value inside the picture stays a pixel
    film = reopen(values, BitsStored=12, HighBit=11, PhotometricInterpretation=photometric, PixelPaddingValue=0)
    assert film.frame.padding == 0
    assert not film.frame.pixels[:, :10].any()
    inside = 4095 - values if photometric == "MONOCHROME1" else values
    assert np.array_equal(film.frame.pixels[:, 10:], inside[:, 10:])


def test_padding_of_a_turned_film_in_all_four_corners(reopen: Open) -> None:
    values = (ramp(60, 60).astype(int) // 2 + 500).astype(np.uint16)
    rows, columns = np.indices(values.shape)
    corners = np.minimum(rows, 59 - rows) + np.minimum(columns, 59 - columns) < 20
    values[corners] = 4095
    film = reopen(values, BitsStored=12, HighBit=11, PixelPaddingValue=4095)
    assert not film.frame.pixels[corners].any()
    assert np.array_equal(film.frame.pixels[~corners], values[~corners])


def test_padding_range(reopen: Open) -> None:
    values = (ramp().astype(int) // 2 + 500).astype(np.uint16)
    values[:10] = np.arange(64) % 8 + 4000
    film = reopen(values, BitsStored=12, HighBit=11, PixelPaddingValue=4000, PixelPaddingRangeLimit=4095)
    assert film.frame.padding == 0
    assert not film.frame.pixels[:10].any()
    assert np.array_equal(film.frame.pixels[10:], values[10:])


def test_padding_that_touches_no_edge_is_none(reopen: Open) -> None:
    values = (ramp() + 500).astype(np.uint16)
    values[10, 10] = 0
    film = reopen(values, PixelPaddingValue=0)
    assert film.frame.padding is None
    assert np.array_equal(film.frame.pixels, values)


def test_signed_padding(reopen: Open) -> None:
    values = (ramp().astype(int) - 1000).astype(np.int16)
    values[-5:] = -2000
    film = reopen(values, PixelPaddingValue=-2000)
    assert film.frame.padding == 0
    assert not film.frame.pixels[-5:].any()
    assert film.frame.pixels[0, 0] == int(values[0, 0]) + 32768


def test_multi_frame_asks_which(reopen: Open) -> None:
    frames = np.stack([ramp(), ramp()[:, ::-1], ramp()[::-1]])
    with pytest.raises(FilmError) as caught:
        reopen(frames)
    assert caught.value.code == "choose-frame"
    assert "3 frames" in caught.value.message and "--frame" in caught.value.remedy
    for number in (1, 2, 3):
        film = reopen(frames, frame=number)
        assert np.array_equal(film.frame.pixels, frames[number - 1])
        assert (film.source.frame_number, film.source.frame_count) == (number, 3)
    for number in (0, 4, -1):
        with pytest.raises(FilmError) as caught:
            reopen(frames, frame=number)
        assert caught.value.code == "no-such-frame"


@pytest.mark.parametrize("syntax", [RLE, J2K_LOSSLESS])
def test_multi_frame_compressed(reopen: Open, syntax: str) -> None:
    frames = np.stack([ramp(), ramp()[:, ::-1]])
    film = reopen(frames, frame=2, compress=syntax)
    assert np.array_equal(film.frame.pixels, frames[1])


def test_grey_in_colour_is_grey(reopen: Open) -> None:
    grey = ramp(60, 64, 250, np.uint8)
    colour = np.repeat(grey[:, :, None], 3, axis=2)
    colour[:3, :3] = (255, 0, 0)  # a burnt-in marker
    film = reopen(colour, SOPClassUID="1.2.840.10008.5.1.4.1.1.7", Modality="OT")
    assert np.abs(film.frame.pixels[3:].astype(int) - grey[3:]).max() <= 1


def test_one_sample_with_an_odd_photometric_is_grey(reopen: Open) -> None:
    assert np.array_equal(reopen(ramp(), PhotometricInterpretation="RGB").frame.pixels, ramp())
    assert np.array_equal(reopen(ramp(), name="none.dcm", PhotometricInterpretation=None).frame.pixels, ramp())


def test_palette_in_truth_grey(reopen: Open) -> None:
    stored = ramp(40, 64, 255, np.uint8)
    ramp16 = (np.arange(256) * 257).astype("<u2").tobytes()
    tags = {f"{c}PaletteColorLookupTableDescriptor": [256, 0, 16] for c in ("Red", "Green", "Blue")}
    tags |= {f"{c}PaletteColorLookupTableData": ramp16 for c in ("Red", "Green", "Blue")}
    film = reopen(stored, PhotometricInterpretation="PALETTE COLOR", **tags)
    assert np.abs((film.frame.pixels.astype(int) >> 8) - stored).max() <= 1


def test_frame_is_read_only_and_contiguous(reopen: Open) -> None:
    frame = reopen(ramp()).frame
    assert frame.pixels.flags.c_contiguous and not frame.pixels.flags.writeable


def test_without_preamble(make: Callable[..., Path]) -> None:
    path = make(ramp())
    whole = path.read_bytes()
    for bare in (whole[132:], whole[128:]):
        path.write_bytes(bare)
        assert np.array_equal(FilmFiles().open(str(path)).frame.pixels, ramp())


@pytest.mark.parametrize("implicit", [True, False])
def test_without_meta_group(tmp_path: Path, implicit: bool) -> None:
    ds = dataset(ramp())
    del ds.file_meta
    path = tmp_path / "old.ima"
    ds.save_as(path, implicit_vr=implicit, little_endian=True)
    assert np.array_equal(FilmFiles().open(str(path)).frame.pixels, ramp())


def test_32_bit_grey_is_squeezed_with_its_window(reopen: Open) -> None:
    from boneage_desk.imaging.voi import apply_voi

    stored = ramp(top=4095, dtype=np.uint32) * 1000
    film = reopen(stored, WindowCenter=2_000_000, WindowWidth=4_000_000)
    assert film.frame.pixels.dtype == np.uint16
    seen = apply_voi(film.frame.pixels, film.frame.vois[0], max_value=film.frame.max_value)
    assert np.abs(seen - np.clip(stored / 4_000_000 * 255, 0, 255)).max() <= 1


@pytest.mark.parametrize(
    ("kind", "syntax", "bits"),
    [
        ("JPEGLosslessProcess14", "1.2.840.10008.1.2.4.57", 12),
        ("JPEGLosslessProcess14_1", "1.2.840.10008.1.2.4.70", 16),
        ("JPEGLSNearLossless", JPEG_LS_LOSSY, 12),
        ("JPEG2000", J2K, 12),
    ],
)
def test_syntaxes_that_only_gdcm_writes(make: Callable[..., Path], kind: str, syntax: str, bits: int) -> None:
    gdcm = pytest.importorskip("gdcm")
    values = ramp(64, 80, (1 << bits) - 1)
    path = str(make(values, BitsStored=bits, HighBit=bits - 1))
    reader = gdcm.ImageReader()
    reader.SetFileName(path)
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, kind)))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    writer.SetFileName(path)
    assert writer.Write()
    film = FilmFiles().open(path)
    assert film.source.transfer_syntax == syntax
    assert np.abs(film.frame.pixels.astype(int) - values).max() <= 2
