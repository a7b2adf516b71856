"""PNG, JPEG, TIFF and WebP pictures of a film -> Film. What DICOM would have said, the person is asked for."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from boneage_desk.common.errors import FilmError
from boneage_desk.imaging.assemble import finished, frame_number
from boneage_desk.imaging.failures import MAX_PIXELS, refusal
from boneage_desk.imaging.grey import check_grey, coloured_share
from boneage_desk.imaging.hush import collected_warnings
from boneage_desk.imaging.sniff import Kind
from boneage_desk.reading.film import Film, FilmSource

if TYPE_CHECKING:
    from boneage_desk.imaging.source import Loaded

_FORMATS = {
    Kind.PNG: ("PNG",),
    Kind.JPEG: ("JPEG",),
    Kind.TIFF: ("TIFF",),
    Kind.WEBP: ("WEBP",),
}
_PHOTOMETRIC, _SUBFILE = 262, 254
MAX_PAGES = 1000
"""Pages or frames of one file. A head of some bytes may state billions, and Pillow takes time by their square."""


def read_raster(loaded: Loaded, path: str, member: str, kind: Kind, frame: int | None) -> Film:
    """The picture in ``loaded``; ``frame`` (from 1) for pages and animations. Raises FilmError."""
    name = loaded.name
    with collected_warnings():
        image = open_image(loaded.data, name, kind)
        pages = pages_of(image, name)
        number = frame_number(frame, len(pages), name)
        with _pillow(name, kind):
            image.seek(pages[number - 1])
            _check_pixels(image, name)
            values, top = _grey(image, kind, name)
    source = FilmSource(
        path=path, sha256=loaded.sha256, is_dicom=False, frame_number=number, frame_count=len(pages), member=member
    )
    return Film(source, finished(values, top))


def open_image(data: bytes | BinaryIO, name: str, kind: Kind) -> Image.Image:
    """The picture, header read only. Raises FilmError."""
    with _pillow(name, kind):
        image = Image.open(io.BytesIO(data) if isinstance(data, bytes) else data, formats=_FORMATS[kind])
        _check_pixels(image, name)
        return image


@contextmanager
def _pillow(name: str, kind: str) -> Iterator[None]:
    """What Pillow says of a damaged picture as a FilmError: there is no end of kinds (TypeError for a TIFF without size)."""
    try:
        yield
    except (FilmError, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise refusal("too-large", name, f"more than {MAX_PIXELS // 1_000_000} megapixels") from error
    except UnidentifiedImageError as error:
        words = f"it begins as a {kind} file, but goes on as none that is known"
        raise refusal("truncated", name, words) from error
    except Exception as error:
        raise refusal("truncated", name, _words(error)) from error


def _check_pixels(image: Image.Image, name: str) -> None:
    if image.width * image.height > MAX_PIXELS:
        size = f"{image.width} x {image.height} = {image.width * image.height / 1e6:.0f} megapixels"
        raise refusal("too-large", name, size)


def pages_of(image: Image.Image, name: str) -> list[int]:
    """Places of the pictures in the file; reduced copies of a page in a TIFF are none of their own. Raises FilmError."""
    if image.format == "MPO":  # the second picture of a camera's JPEG is a preview
        return [0]
    with _pillow(name, image.format or "picture"):
        if image.format == "TIFF":
            return _tiff_pages(image, name)
        count = int(getattr(image, "n_frames", 1))
        _check_pages(count, name)
        return list(range(count))


def _tiff_pages(image: Image.Image, name: str) -> list[int]:
    pages, place = [], 0
    while True:
        try:
            image.seek(place)
        except EOFError:
            break
        _check_pages(place + 1, name)
        tags: Any = getattr(image, "tag_v2", {})
        if not int(tags.get(_SUBFILE, 0)) & 1:
            pages.append(place)
        place += 1
    image.seek(0)
    return pages or [0]


def _check_pages(count: int, name: str) -> None:
    if count > MAX_PAGES:
        raise refusal("too-large", name, f"more than {MAX_PAGES:,} pages")


def _grey(image: Image.Image, kind: Kind, name: str) -> tuple[npt.NDArray[Any], int]:
    """(rows, columns) uint8 or uint16, bright is bone if the picture is a film as it is looked at."""
    tags: Any = getattr(image, "tag_v2", {}) if kind is Kind.TIFF else {}
    min_is_white = tags.get(_PHOTOMETRIC) == 0
    image.load()
    image = ImageOps.exif_transpose(image)
    mode = image.mode
    if mode.startswith("I;16"):
        values = np.asarray(image).astype(np.uint16)
        # Pillow turns 1- to 8-bit MinIsWhite round, 16-bit not
        return (65535 - values if min_is_white else values), 65535
    if mode in ("I", "F"):
        return _wide(np.asarray(image), name)
    if mode in ("1", "L"):
        return np.array(image.convert("L")), 255
    if mode in ("LA", "La", "PA") or (mode == "P" and "transparency" in image.info) or mode in ("RGBA", "RGBa"):
        image = _on_black(image)
    if image.mode == "L":
        return np.array(image), 255
    if image.mode != "RGB":
        image = image.convert("RGB")
    step = max(1, int(np.sqrt(image.width * image.height / 1_000_000)))
    sample = image if step == 1 else image.resize(
        (max(1, image.width // step), max(1, image.height // step)), Image.Resampling.NEAREST
    )
    check_grey(coloured_share(np.asarray(sample), 255), name)
    return np.array(image.convert("L")), 255


def _wide(values: npt.NDArray[Any], name: str) -> tuple[npt.NDArray[Any], int]:
    """32-bit TIFF: taken as it is where 16 bits hold it, and refused otherwise (no grey scale is known)."""
    if not np.all(np.isfinite(values)) or values.min() < 0 or values.max() > 65535:
        raise refusal("unsupported-pixels", name, "32-bit values outside of 0 to 65535")
    if values.dtype.kind == "f" and values.max() <= 1.0:
        return np.rint(values * 65535.0).astype(np.uint16), 65535
    return np.rint(values).astype(np.uint16), 65535


def _on_black(image: Image.Image) -> Image.Image:
    """A picture with transparency laid on black, as 'L' or 'RGB'."""
    if image.mode in ("LA", "La"):
        plain = image.convert("LA") if image.mode == "La" else image
        grey, alpha = plain.split()
        if alpha.getextrema() == (255, 255):
            return grey
        return Image.composite(grey, Image.new("L", image.size), alpha)
    full = image.convert("RGBA")
    alpha = full.getchannel("A")
    if alpha.getextrema() == (255, 255):
        return full.convert("RGB")
    return Image.composite(full.convert("RGB"), Image.new("RGB", image.size), alpha)


def _words(error: Exception) -> str:
    said = str(error).splitlines()
    return (said[0] if said else type(error).__name__)[:120]
