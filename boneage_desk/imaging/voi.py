"""From Frame values to the 256 greys of a screen: the one place where VOI and polarity meet.

The window, the PNG and the PDF all use :func:`voi_lut`. The functions are those of DICOM PS3.3 C.11.2.1:
LINEAR (C.11.2.1.2.1), LINEAR_EXACT (C.11.2.1.3.2) and SIGMOID (C.11.2.1.3.1).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from boneage_desk.reading.film import Frame, Voi, VoiKind

AUTO = "Auto"
"""Name of the window that this program finds by itself."""

LOW_PERCENTILE = 1.0
HIGH_PERCENTILE = 99.5
_PIXELS_AT_ONCE = 1 << 20
_SAMPLE_SIDE = 400  # pixels a side looked at for the automatic window

Pixels = npt.NDArray[np.uint8 | np.uint16]


def voi_lut(voi: Voi, max_value: int, dtype: npt.DTypeLike, *, invert: bool = False) -> npt.NDArray[np.uint8]:
    """Grey 0..255 for every value of ``dtype`` (uint8: 256 entries, uint16: 65,536).

    Values above ``max_value`` do not occur in a Frame and get the grey of ``max_value``.
    ``invert``: white and black exchanged after the VOI, as the person's I key asks.
    """
    size = 256 if np.dtype(dtype) == np.uint8 else 65536
    top = min(max(int(max_value), 0), size - 1)
    if voi.kind is VoiKind.LUT:
        index = np.clip(np.arange(top + 1) - voi.first, 0, len(voi.table) - 1)
        grey = np.frombuffer(voi.table, np.uint8)[index]
    else:
        grey = np.rint(_share(voi, np.arange(top + 1, dtype=np.float64)) * 255.0).astype(np.uint8)
    if invert:
        grey = 255 - grey
    table = np.full(size, grey[-1], np.uint8)
    table[: top + 1] = grey
    return table


def _share(voi: Voi, x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Brightness 0..1 of Frame values ``x``."""
    centre, width = voi.centre, voi.width
    if voi.kind is VoiKind.SIGMOID:
        return np.asarray(1.0 / (1.0 + np.exp(np.clip(-4.0 * (x - centre) / width, -500.0, 500.0))))
    if voi.kind is VoiKind.LINEAR_EXACT:
        return np.clip((x - centre) / width + 0.5, 0.0, 1.0)
    if width <= 1.0:  # C.11.2.1.2.1: a threshold
        return np.asarray(x > centre - 0.5, dtype=np.float64)
    return np.clip((x - (centre - 0.5)) / (width - 1.0) + 0.5, 0.0, 1.0)


def apply_voi(pixels: Pixels, voi: Voi, *, max_value: int, invert: bool = False) -> npt.NDArray[np.uint8]:
    """``pixels`` (rows, columns) as they look on a screen: uint8, bright is bone unless ``invert``."""
    table = voi_lut(voi, max_value, pixels.dtype, invert=invert)
    grey = np.empty(pixels.shape, np.uint8)
    step = max(1, _PIXELS_AT_ONCE // max(pixels.shape[-1], 1))
    for row in range(0, len(pixels), step):  # numpy makes 8 bytes of each index: 1.4 GB for the largest film at once
        grey[row : row + step] = np.take(table, pixels[row : row + step])
    return grey


def auto_window(frame: Frame) -> Voi:
    """A window over the part of the film that shows something: 1st to 99.5th percentile of it."""
    return auto_window_of(frame.pixels, frame.padding)


def auto_window_of(pixels: npt.NDArray[Any], padding: int | None = None) -> Voi:
    """:func:`auto_window` of bare pixels; padding and flat borders (collimation, black, white) do not count."""
    step = max(1, -(-max(pixels.shape) // _SAMPLE_SIDE))
    seen = np.asarray(pixels[::step, ::step], np.int32)
    values = _without_borders(seen, padding)
    low, high = (float(v) for v in np.percentile(values, (LOW_PERCENTILE, HIGH_PERCENTILE)))
    if high - low < 1.0:
        low, high = float(values.min()), float(values.max())
    span = max(high - low, 1.0)
    # LINEAR maps centre - 0.5 -+ (width - 1) / 2 to black and white
    return Voi(AUTO, VoiKind.LINEAR, centre=(low + high) / 2 + 0.5, width=span + 1.0)


def _without_borders(seen: npt.NDArray[np.int32], padding: int | None) -> npt.NDArray[np.int32]:
    """The values inside the collimation: flat lines at the edges are peeled off."""
    area = _peel(_peel(seen, padding).T, padding).T
    if area.size < 0.05 * seen.size:
        area = seen
    values = area.ravel()
    if padding is not None:
        kept = values[values != padding]
        values = kept if kept.size else values
    return values


def _peel(area: npt.NDArray[np.int32], padding: int | None) -> npt.NDArray[np.int32]:
    """``area`` without the rows at its top and bottom that show nothing: one grey from end to end."""
    low, high = (int(v) for v in np.percentile(area, (0.1, 99.9)))
    p5, p95 = np.percentile(area, (5, 95), axis=1)
    flat = p95 - p5 <= 0.05 * max(high - low, 1)
    if padding is not None:
        flat |= np.mean(area == padding, axis=1) > 0.95
    shown = np.flatnonzero(~flat)
    if not shown.size:
        return area
    return area[shown[0] : shown[-1] + 1]


def is_nonsense(voi: Voi, auto: Voi, max_value: int, dtype: npt.DTypeLike) -> bool:
    """Whether a window from the file hides the picture: nearly one grey over the range of the ``auto`` window."""
    middle, half = auto.centre - 0.5, (auto.width - 1) / 2
    if half < 1:
        return False  # the picture itself is one grey
    table = voi_lut(voi, max_value, dtype)
    inner = table[np.clip(np.linspace(middle - half, middle + half, 33).round().astype(int), 0, table.size - 1)]
    return int(inner.max()) - int(inner.min()) < 32
