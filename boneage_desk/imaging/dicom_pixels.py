"""Pixel Data -> stored values of one frame, or RGB for colour objects. No grey-scale meaning is applied here.

Everything that a hostile or damaged file can state is checked before memory is taken: rows x columns,
the length of the data against what the header promises (pydicom would fill up with zeros), and the size
inside a compressed frame against the header's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from boneage_desk.imaging.codestream import Codestream, ends_properly, look_into
from boneage_desk.imaging.dicom_file import PIXEL_DATA, UNDEFINED, Parsed
from boneage_desk.imaging.dicom_tags import integer, text, value
from boneage_desk.imaging.failures import MAX_PIXELS, refusal

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

# In this order: the packages that do one codec well, then Pillow as a second opinion. GDCM is left out: what the others
# refuse it may end the process over (an exception in C++ that nobody catches; found by `bench fuzz --seed 7777 --case 1804`),
# and that process is the window's.
_PLUGINS = ("pyjpegls", "pylibjpeg", "pydicom", "pillow")

_NATIVE = {
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2.1.99",
    "1.2.840.10008.1.2.2",
}
_RLE = "1.2.840.10008.1.2.5"


@dataclass(frozen=True, slots=True)
class Layout:
    """What the header promises of the pixels."""

    rows: int
    columns: int
    samples: int
    allocated: int
    stored: int
    high_bit: int
    signed: bool
    frames: int
    photometric: str

    @property
    def frame_bytes(self) -> int:
        return self.rows * self.columns * self.samples * self.allocated // 8

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one decoded frame: (rows, columns) or (rows, columns, samples)."""
        return (self.rows, self.columns) if self.samples == 1 else (self.rows, self.columns, self.samples)

    @property
    def is_grey(self) -> bool:
        """One sample a pixel that is no index into a palette, whatever else the header calls it."""
        return self.samples == 1 and self.photometric != "PALETTE COLOR"


def layout_of(ds: Dataset, name: str) -> Layout:
    """The Image Pixel module, checked. Raises FilmError."""
    if value(ds, "Rows") is None or value(ds, "Columns") is None:
        raise refusal("no-pixels", name, "its header describes no image")
    rows, columns = integer(ds, "Rows"), integer(ds, "Columns")
    if rows < 1 or columns < 1:
        raise refusal("damaged", name, f"it states a picture of {columns} x {rows} pixels")
    if rows * columns > MAX_PIXELS:
        raise refusal("too-large", name, f"{columns} x {rows} = {rows * columns / 1e6:.0f} megapixels")
    allocated = integer(ds, "BitsAllocated", 16)
    stored = integer(ds, "BitsStored", allocated)
    samples = integer(ds, "SamplesPerPixel", 1)
    photometric = text(ds, "PhotometricInterpretation").upper()
    if not photometric:
        photometric = "MONOCHROME2" if samples == 1 else "RGB"
    if (
        allocated not in ((8, 16, 32) if samples == 1 else (8, 16))
        or not 1 < stored <= allocated
        or samples not in (1, 3)
    ):
        raise refusal(
            "unsupported-pixels", name, f"{samples} sample(s) of {stored} bits in {allocated} ({photometric})"
        )
    high_bit = integer(ds, "HighBit", stored - 1)
    if not stored - 1 <= high_bit < allocated:
        high_bit = stored - 1
    return Layout(
        rows=rows,
        columns=columns,
        samples=samples,
        allocated=allocated,
        stored=stored,
        high_bit=high_bit,
        signed=integer(ds, "PixelRepresentation") == 1,
        frames=max(1, integer(ds, "NumberOfFrames", 1)),
        photometric=photometric,
    )


def check_present(parsed: Parsed, name: str) -> None:
    """Raises FilmError 'no-pixels' when there is no Pixel Data."""
    ds = parsed.dataset
    if PIXEL_DATA in ds:
        return
    if "FloatPixelData" in ds or "DoubleFloatPixelData" in ds:
        raise refusal("unsupported-pixels", name, "floating point numbers")
    if value(ds, "Rows") is None and value(ds, "SOPClassUID") is not None:
        raise refusal("no-pixels", name, "it ends before the description of the image, or never had one")
    raise refusal("no-pixels", name, "only the header is there")


def decode(parsed: Parsed, layout: Layout, index: int, name: str) -> npt.NDArray[Any]:
    """Frame ``index`` (from 0) as it is stored: (rows, columns[, 3]), all allocated bits. Raises FilmError."""
    if str(parsed.transfer_syntax) in _NATIVE:
        return _native(parsed, layout, index, name)
    return _encapsulated(parsed, layout, index, name)


def _native(parsed: Parsed, layout: Layout, index: int, name: str) -> npt.NDArray[Any]:
    ds = parsed.dataset
    raw = ds.get_item(PIXEL_DATA)
    if getattr(raw, "length", 0) == UNDEFINED:
        raise refusal("damaged", name, "its pixels are compressed, but it does not say how")
    data = raw.value if raw is not None else b""
    if not isinstance(data, bytes):
        raise refusal("damaged", name, "its pixels are not bytes")
    promised = layout.frame_bytes * layout.frames
    if layout.photometric == "YBR_FULL_422":
        promised = promised * 2 // 3
    if len(data) < promised:
        raise refusal("truncated", name, f"{len(data):,} of {promised:,} bytes of the picture are there")
    little = str(parsed.transfer_syntax) != "1.2.840.10008.1.2.2"
    if layout.samples == 1 and little:
        dtype = np.dtype(f"<{'i' if layout.signed else 'u'}{layout.allocated // 8}")
        count = layout.rows * layout.columns
        flat = np.frombuffer(data, dtype, count, offset=index * layout.frame_bytes)
        return flat.reshape(layout.rows, layout.columns)
    return _by_pydicom(parsed, layout, index, name, ("",))


def _encapsulated(parsed: Parsed, layout: Layout, index: int, name: str) -> npt.NDArray[Any]:
    from pydicom.encaps import get_frame

    ds = parsed.dataset
    raw = ds.get_item(PIXEL_DATA)
    data = raw.value if raw is not None else None
    if not isinstance(data, bytes) or not data:
        raise refusal("truncated", name, "its compressed picture is not complete")
    try:
        frame = get_frame(data, index, number_of_frames=layout.frames, extended_offsets=_offsets(ds))
    except Exception as error:
        raise refusal("truncated", name, f"its compressed picture is not complete ({error})") from error
    if str(parsed.transfer_syntax) != _RLE:
        inside = look_into(frame)
        if inside is None and parsed.cut_short:
            raise refusal("truncated", name, "its compressed picture is not complete")
        if inside is not None:
            _check_size(inside, layout, name)
            if not ends_properly(frame):
                raise refusal("truncated", name, "its compressed picture ends too soon")
    if parsed.cut_short:
        raise refusal("truncated", name, "its compressed picture ends too soon")
    return _by_pydicom(parsed, layout, index, name, _PLUGINS)


def _offsets(ds: Dataset) -> tuple[bytes, bytes] | None:
    starts, lengths = value(ds, "ExtendedOffsetTable"), value(ds, "ExtendedOffsetTableLengths")
    if isinstance(starts, bytes) and isinstance(lengths, bytes):
        return starts, lengths
    return None


def _check_size(inside: Codestream, layout: Layout, name: str) -> None:
    """A compressed frame whose own size is another: decoders would take memory for that one."""
    if (inside.rows, inside.columns) != (layout.rows, layout.columns):
        raise refusal(
            "damaged",
            name,
            f"its header says {layout.columns} x {layout.rows} pixels, its picture {inside.columns} x {inside.rows}",
        )


def _by_pydicom(
    parsed: Parsed, layout: Layout, index: int, name: str, plugins: tuple[str, ...]
) -> npt.NDArray[Any]:
    """Decode with the first plugin that can; what each said goes into the log."""
    from pydicom.pixels.decoders.base import get_decoder

    ds, syntax = parsed.dataset, parsed.transfer_syntax
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError as error:
        raise refusal("no-decoder", name, syntax.name) from error
    usable = ("",) if decoder.is_native else tuple(p for p in plugins if p in decoder.available_plugins)
    if not usable:
        raise refusal("no-decoder", name, syntax.name)
    reasons = []
    for plugin in usable:
        try:
            array, _ = decoder.as_array(ds, index=index, raw=layout.samples == 1, decoding_plugin=plugin)
        except MemoryError:
            raise
        except BaseException as error:
            if type(error).__name__ == "PanicException":
                # A codec in Rust met what cannot be. It raises past Exception and would end a thread without a word;
                # another decoder may make a picture of it, which would be a wrong one.
                raise refusal("truncated", name, "its compressed picture breaks the rules of its format") from error
            if not isinstance(error, Exception):
                raise
            reasons.append(f"{plugin or 'pydicom'}: {error}".replace("\n", " "))
            continue
        if array.shape == layout.shape:
            return np.asarray(array)
        reasons.append(f"{plugin}: shape {array.shape}")
    raise refusal("truncated", name, f"its picture cannot be unpacked ({'; '.join(reasons)[:200]})")


def load_decoders() -> None:
    """Import the codec packages."""
    from pydicom.pixels.decoders import base

    for decoder in base._PIXEL_DATA_DECODERS.values():
        _ = decoder[0].available_plugins


def decoder_report() -> dict[str, tuple[str, ...]]:
    """Transfer syntax name -> decoder packages at hand, for ``doctor``."""
    from pydicom.pixels.decoders import base

    return {
        decoder.UID.name: ("pydicom",) if decoder.is_native else decoder.available_plugins
        for decoder, _ in base._PIXEL_DATA_DECODERS.values()
    }
