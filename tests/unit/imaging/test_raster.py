"""PNG, JPEG, TIFF and WebP films."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from boneage_desk.common.errors import FilmError
from boneage_desk.imaging.reader import FilmFiles
from boneage_desk.reading.film import Film, Laterality, SpacingKind

from .conftest import ramp

GREY = ramp(60, 80, 250, np.uint8)


def saved(folder: Path, image: Image.Image, name: str, **how: object) -> Film:
    path = folder / name
    image.save(path, **how)  # type: ignore[arg-type]
    return FilmFiles().open(str(path))


@pytest.mark.parametrize(
    ("name", "how"),
    [("f.png", {}), ("f.tif", {}), ("f.tiff", {"compression": "tiff_lzw"}), ("f.webp", {"lossless": True})],
)
def test_lossless_formats(tmp_path: Path, name: str, how: dict[str, object]) -> None:
    film = saved(tmp_path, Image.fromarray(GREY), name, **how)
    assert np.array_equal(film.frame.pixels, GREY)
    assert film.frame.max_value == 255 and film.frame.pixels.dtype == np.uint8
    assert not film.source.is_dicom and len(film.source.sha256) == 64
    assert film.frame.spacing.kind is SpacingKind.NONE
    assert film.patient.sex is None and film.patient.birth_date is None
    assert film.study.laterality is Laterality.UNKNOWN and film.study.study_date is None
    assert [voi.name for voi in film.frame.vois] == ["Auto"]


def test_jpeg_and_a_wrong_ending(tmp_path: Path) -> None:
    film = saved(tmp_path, Image.fromarray(GREY), "really_a_jpeg.png", format="JPEG", quality=95)
    assert np.abs(film.frame.pixels.astype(int) - GREY).max() < 6


@pytest.mark.parametrize("name", ["f.png", "f.tif"])
def test_16_bits_stay_16(tmp_path: Path, name: str) -> None:
    deep = ramp(60, 80, 60000)
    film = saved(tmp_path, Image.fromarray(deep), name)
    assert np.array_equal(film.frame.pixels, deep)
    assert film.frame.max_value == 65535 and film.frame.pixels.dtype == np.uint16


@pytest.mark.parametrize("deep", [False, True])
def test_tiff_whose_minimum_is_white(tmp_path: Path, deep: bool) -> None:
    tifffile = pytest.importorskip("tifffile")
    values = ramp(60, 80, 60000) if deep else GREY
    tifffile.imwrite(tmp_path / "w.tif", values, photometric="miniswhite")
    film = FilmFiles().open(str(tmp_path / "w.tif"))
    assert np.array_equal(film.frame.pixels, film.frame.max_value - values)


def test_tiff_resolution_is_no_spacing(tmp_path: Path) -> None:
    film = saved(tmp_path, Image.fromarray(GREY), "r.tif", dpi=(254, 254))
    assert film.frame.spacing.kind is SpacingKind.NONE


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P", "CMYK"])
def test_grey_in_any_mode(tmp_path: Path, mode: str) -> None:
    name = "m.tif" if mode == "CMYK" else "m.png"
    film = saved(tmp_path, Image.fromarray(GREY).convert(mode), name)
    assert np.abs(film.frame.pixels.astype(int) - GREY).max() <= 1


def test_transparent_parts_are_black(tmp_path: Path) -> None:
    alpha = np.full(GREY.shape, 255, np.uint8)
    alpha[:10] = 0
    image = Image.fromarray(np.full(GREY.shape, 200, np.uint8))
    for mode in ("LA", "RGBA"):
        made = image.convert(mode)
        made.putalpha(Image.fromarray(alpha))
        film = saved(tmp_path, made, f"{mode}.png")
        assert not film.frame.pixels[:10].any()
        assert (film.frame.pixels[10:] == 200).all()


@pytest.mark.parametrize(("orientation", "turn"), [(1, 0), (3, 2), (6, -1), (8, 1)])
@pytest.mark.parametrize("name", ["e.jpg", "e.tif", "e.png", "e.webp"])
def test_exif_orientation(tmp_path: Path, orientation: int, turn: int, name: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    film = saved(tmp_path, Image.fromarray(GREY), name, exif=exif)
    expected = np.rot90(GREY, turn)
    assert film.frame.pixels.shape == expected.shape
    assert np.abs(film.frame.pixels.astype(int) - expected).mean() < 4


def test_16_bit_film_turned_by_exif(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    deep = ramp(60, 80, 60000)
    film = saved(tmp_path, Image.fromarray(deep), "deep.png", exif=exif)
    assert np.array_equal(film.frame.pixels, np.rot90(deep, -1))


def test_a_cameras_preview_is_no_second_frame(tmp_path: Path) -> None:
    path = tmp_path / "camera.jpg"
    Image.fromarray(GREY).save(path, "MPO", save_all=True, append_images=[Image.fromarray(GREY[::2, ::2].copy())])
    film = FilmFiles().open(str(path))
    assert film.frame.width == 80 and film.source.frame_count == 1


def tinted(strength: float, share: float) -> Image.Image:
    colour = np.repeat(GREY[:, :, None], 3, axis=2).astype(float)
    rows = round(share * len(colour))
    colour[:rows, :, 2] = np.clip(colour[:rows, :, 2] + strength, 0, 255)
    return Image.fromarray(colour.astype(np.uint8))


def test_slight_tint_and_small_markers_pass_and_colour_does_not(tmp_path: Path) -> None:
    assert saved(tmp_path, tinted(15, 1.0), "blue_base.png").frame.width == 80
    assert saved(tmp_path, tinted(200, 0.034), "marker.png").frame.width == 80
    for share in (0.2, 1.0):
        with pytest.raises(FilmError) as caught:
            saved(tmp_path, tinted(100, share), "photo.png")
        assert caught.value.code == "not-radiograph"


@pytest.mark.parametrize("name", ["many.tif", "many.webp", "many.png"])
def test_several_pages_ask_which(tmp_path: Path, name: str) -> None:
    pages = [Image.fromarray(page) for page in (GREY, GREY[:, ::-1].copy(), GREY[::-1].copy())]
    extra = {"lossless": True} if name.endswith("webp") else {}
    path = tmp_path / name
    pages[0].save(path, save_all=True, append_images=pages[1:], **extra)
    with pytest.raises(FilmError) as caught:
        FilmFiles().open(str(path))
    assert caught.value.code == "choose-frame" and "3 frames" in caught.value.message
    film = FilmFiles().open(str(path), frame=2)
    assert np.abs(film.frame.pixels.astype(int) - GREY[:, ::-1]).max() <= 1
    assert (film.source.frame_number, film.source.frame_count) == (2, 3)


def test_a_tiffs_thumbnail_is_no_page(tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile")
    with tifffile.TiffWriter(tmp_path / "t.tif") as writer:
        writer.write(GREY, photometric="minisblack")
        writer.write(GREY[::4, ::4], photometric="minisblack", subfiletype=1)
    film = FilmFiles().open(str(tmp_path / "t.tif"))
    assert np.array_equal(film.frame.pixels, GREY)
    assert film.source.frame_count == 1


def test_floating_point_tiff_of_0_to_1(tmp_path: Path) -> None:
    film = saved(tmp_path, Image.fromarray((GREY / 255).astype(np.float32)), "float.tif")
    assert np.abs(film.frame.pixels / 257 - GREY).max() < 0.01
    with pytest.raises(FilmError) as caught:
        saved(tmp_path, Image.fromarray(np.full((5, 5), -3, np.float32)), "negative.tif")
    assert caught.value.code == "unsupported-pixels"


@pytest.mark.needs_data
def test_real_hands_open_with_bright_bone(shared_data: Path) -> None:
    """Between the hand's middle and the film's edge a real film gets darker, whatever its file format."""
    paths = sorted((shared_data / "hands").glob("*.jpg")) + sorted((shared_data / "fullsize").glob("*.webp"))[:5]
    assert len(paths) == 10
    for path in paths:
        film = FilmFiles().open(str(path))
        pixels = film.frame.pixels
        rows, columns = pixels.shape
        middle = np.percentile(pixels[rows // 2 - 100 : rows // 2 + 100, columns // 3 : -columns // 3], 90)
        assert middle > np.median(pixels[20:-20, 20:80]) or middle > np.median(pixels[20:-20, -80:-20]), path.name
        assert film.frame.vois[0].name == "Auto"
