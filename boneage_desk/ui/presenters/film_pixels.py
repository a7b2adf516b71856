"""Pixels of a film for the screen: integer levels of detail, windows as look-up tables. numpy only.

The full film is never mapped: the level of detail that matches the zoom is (each half the size of the
one before, by averaging, so that a shrunk film neither flickers nor loses trabeculae), cut to what is
on the screen. One table look-up per visible pixel makes grey; see ``boneage-desk bench view``.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from boneage_desk.reading.film import Frame, Voi, VoiKind
from boneage_desk.ui.presenters.viewport import Rect

Pixels = npt.NDArray[Any]
VoiLut = Callable[[Voi, int, "np.dtype[Any]"], npt.NDArray[np.uint8]]
"""(voi, max_value, dtype) -> uint8 table over all values of the dtype."""

SMALLEST_SIDE = 256


def linear_lut(voi: Voi, max_value: int, dtype: np.dtype[Any]) -> npt.NDArray[np.uint8]:
    """Window by DICOM PS3.3 C.11.2.1.2 (and LINEAR_EXACT, SIGMOID, LUT): for tests and benchmarks;
    the program uses the one that wiring hands over."""
    values = np.arange(np.iinfo(dtype).max + 1, dtype=np.float64)
    if voi.kind is VoiKind.LUT:
        table = np.frombuffer(voi.table, np.uint8)
        return table[np.clip(values.astype(np.int64) - voi.first, 0, len(table) - 1)]
    if voi.kind is VoiKind.SIGMOID:
        return (255.0 / (1 + np.exp(-4 * (values - voi.centre) / voi.width)) + 0.5).astype(np.uint8)
    if voi.kind is VoiKind.LINEAR:
        share = (values - (voi.centre - 0.5)) / max(voi.width - 1, 1e-6) + 0.5
    else:
        share = (values - voi.centre) / voi.width + 0.5
    return (np.clip(share, 0, 1) * 255 + 0.5).astype(np.uint8)


def screen_lut(lut: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    """A grey table as one of screen pixels (0xffRRGGBB): one look-up makes what is painted without a change of format,
    upright in a third and turned in half of the time that 8-bit grey takes."""
    return lut.astype(np.uint32) * np.uint32(0x010101) | np.uint32(0xFF000000)


def halved(pixels: Pixels) -> Pixels:
    """Half the size by averaging 2 x 2; an odd last row or column is repeated."""
    rows, columns = pixels.shape
    if rows % 2 or columns % 2:
        pixels = np.pad(pixels, ((0, rows % 2), (0, columns % 2)), mode="edge")
    wide = np.uint16 if pixels.dtype == np.uint8 else np.uint32
    total: Any = pixels[0::2, 0::2].astype(wide)
    total += pixels[0::2, 1::2]
    total += pixels[1::2, 0::2]
    total += pixels[1::2, 1::2]
    total += 2
    total >>= 2
    result: Pixels = total.astype(pixels.dtype)
    return result


@dataclass(frozen=True, slots=True)
class Patch:
    """Pixels to draw, as the table gives them (grey uint8, or uint32 of `screen_lut`), and the film rectangle that they cover."""

    grey: npt.NDArray[Any]
    rect: Rect
    key: tuple[int, ...]


class FilmPixels:
    """A frame's levels of detail. Making it costs some 15 ms for 5 megapixels of 16 bits. ``levels``: others in their
    place, as a display filter made them."""

    def __init__(self, frame: Frame, levels: tuple[Pixels, ...] = ()) -> None:
        self.frame = frame
        self._sums: tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]] | None = None
        self.levels: list[Pixels] = list(levels) or [frame.pixels]
        if levels:
            return
        while min(self.levels[-1].shape) > SMALLEST_SIDE:
            self.levels.append(halved(self.levels[-1]))

    def level_for(self, zoom: float) -> int:
        """The coarsest level that still has a pixel for every screen pixel."""
        return max(0, min(len(self.levels) - 1, math.floor(math.log2(1 / zoom) + 1e-6) if zoom < 1 else 0))

    def patch_key(self, rect: Rect, zoom: float, margin: float = 0.1) -> tuple[int, ...]:
        """(level, first row, end row, first column, end column) that covers a film rectangle."""
        level = self.level_for(zoom)
        step = 2**level
        rows, columns = self.levels[level].shape
        mx, my = (rect[2] - rect[0]) * margin, (rect[3] - rect[1]) * margin
        return (
            level,
            max(0, math.floor((rect[1] - my) / step)),
            min(rows, math.ceil((rect[3] + my) / step)),
            max(0, math.floor((rect[0] - mx) / step)),
            min(columns, math.ceil((rect[2] + mx) / step)),
        )

    def covers(self, key: tuple[int, ...], rect: Rect, zoom: float) -> bool:
        """Whether a patch made for ``key`` still does for this view."""
        level, r0, r1, c0, c1 = key
        if level != self.level_for(zoom):
            return False
        step = 2**level
        return bool(c0 * step <= rect[0] and r0 * step <= rect[1] and rect[2] <= c1 * step and rect[3] <= r1 * step)

    def patch(self, key: tuple[int, ...], lut: npt.NDArray[Any]) -> Patch | None:
        level, r0, r1, c0, c1 = key
        if r1 <= r0 or c1 <= c0:
            return None
        grey = np.take(lut, self.levels[level][r0:r1, c0:c1], mode="clip" if len(lut) < 65536 else "raise")
        step = 2**level
        return Patch(grey, (c0 * step, r0 * step, c1 * step, r1 * step), key)

    def brightness(self, rect: Rect, lut: npt.NDArray[np.uint8]) -> float:
        """Mean grey 0..1 of a film rectangle on the coarsest level; 0 outside the film."""
        step = 2 ** (len(self.levels) - 1)
        if self._sums is None or self._sums[0] is not lut:
            small = lut[self.levels[-1]].astype(np.int64)
            self._sums = (lut, np.pad(small.cumsum(0).cumsum(1), ((1, 0), (1, 0))))
        sums = self._sums[1]
        rows, columns = sums.shape[0] - 1, sums.shape[1] - 1
        r0, r1 = min(max(0, int(rect[1] / step)), rows), min(max(0, math.ceil(rect[3] / step)), rows)
        c0, c1 = min(max(0, int(rect[0] / step)), columns), min(max(0, math.ceil(rect[2] / step)), columns)
        if r1 <= r0 or c1 <= c0:
            return 0.0
        total = int(sums[r1, c1]) - int(sums[r0, c1]) - int(sums[r1, c0]) + int(sums[r0, c0])
        return float(total / ((r1 - r0) * (c1 - c0) * 255))

    def content(self) -> Rect:
        """The film without flat borders (a film scanned onto a larger black sheet): what is brighter
        than the border somewhere in its row or column. The whole film where that leaves little."""
        small = self.levels[-1]
        step = 2 ** (len(self.levels) - 1)
        edge = np.concatenate((small[0], small[-1], small[:, 0], small[:, -1]))
        ground = int(np.median(edge)) + max(2, int(0.02 * self.frame.max_value))
        rows, columns = np.flatnonzero((small > ground).any(1)), np.flatnonzero((small > ground).any(0))
        whole = (0.0, 0.0, float(self.frame.width), float(self.frame.height))
        if (
            not rows.size
            or rows[-1] - rows[0] < small.shape[0] * 0.25
            or columns[-1] - columns[0] < small.shape[1] * 0.25
        ):
            return whole
        top, bottom, left, right = (int(v) for v in (rows[0], rows[-1], columns[0], columns[-1]))
        return (
            max(0.0, (left - 1.0) * step),
            max(0.0, (top - 1.0) * step),
            min(whole[2], (right + 2.0) * step),
            min(whole[3], (bottom + 2.0) * step),
        )

    def value_at(self, x: float, y: float) -> int | None:
        column, row = math.floor(x), math.floor(y)
        if 0 <= column < self.frame.width and 0 <= row < self.frame.height:
            return int(self.frame.pixels[row, column])
        return None

    def inside(self) -> Pixels:
        """The values of what is film on the coarsest level: no padding, no flat black ground."""
        values = self.levels[-1].ravel()
        if self.frame.padding is not None:
            values = values[values != self.frame.padding]
        return values[values > values.min()] if values.size else values

    def auto_window(self) -> Voi:
        """From the 1st to the 99.5th percentile of the histogram of what is film."""
        inside = self.inside()
        if inside.size < 16:
            return self.frame.vois[0]
        low, high = (float(v) for v in np.percentile(inside, (1.0, 99.5)))
        return Voi("Auto", VoiKind.LINEAR, (low + high) / 2, max(2.0, high - low))


_prepared: list[FilmPixels] = []
"""Made by a worker for the frame that is about to be shown; at most the last two."""


def prepare(frame: Frame) -> None:
    """Make a frame's levels of detail ahead of time. From any thread."""
    _prepared[:] = [*_prepared[-1:], FilmPixels(frame)]


def pixels_of(frame: Frame) -> FilmPixels:
    """The frame's levels of detail: those made ahead, else made now."""
    ready = next((pixels for pixels in _prepared if pixels.frame is frame), None)
    _prepared.clear()
    return ready or FilmPixels(frame)


def as_window(voi: Voi, max_value: int) -> Voi:
    """A linear window like ``voi`` to start a drag from; a LUT is taken by the span of its values."""
    if voi.kind is not VoiKind.LUT:
        return voi
    table = np.frombuffer(voi.table, np.uint8)
    rising = np.flatnonzero((table > 12) & (table < 243))
    low, high = (int(rising[0]), int(rising[-1])) if rising.size else (0, min(len(table) - 1, max_value))
    return Voi("", VoiKind.LINEAR, voi.first + (low + high) / 2, max(2.0, float(high - low)))


def dragged_window(start: Voi, dx: float, dy: float, max_value: int) -> Voi:
    """Right = wider, up (negative dy) = brighter. A function of start and way only: dragging back undoes."""
    base = as_window(start, max_value)
    width = min(base.width * math.exp(dx / 250), 4.0 * (max_value + 1))
    centre = base.centre + dy * max(base.width, 8.0) / 400
    return dataclasses.replace(base, name="", width=max(1.0, width), centre=centre)
