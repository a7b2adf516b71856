"""Filters for the eye alone: unsharp mask and contrast-limited adaptive histogram equalisation (CLAHE). numpy only.

They give other pixels of the same type and scale, so that windows work on them as before. Models never see them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[Any]

SIGMA, AMOUNT = 1.4, 1.2
"""Radius of the unsharp mask in pixels, and what is added of the difference."""
TILES, CLIP, BINS, FINE = 8, 2.5, 256, 4096
"""CLAHE: tiles a side, clip limit in mean bin heights (as OpenCV counts it), bins, and steps of the curve between them."""
LOW_PERCENTILE, HIGH_PERCENTILE = 0.1, 99.9


def sharpened(pixels: Pixels, max_value: int) -> Pixels:
    """``pixels`` [H, W] uint8 or uint16 with fine detail raised (unsharp mask); a flat area stays as it is."""
    values = pixels.astype(np.float32)
    values += AMOUNT * (values - _blurred(values))
    np.rint(values, out=values)
    np.clip(values, 0, max_value, out=values)
    return values.astype(pixels.dtype)


def _blurred(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Gaussian of `SIGMA`, edges repeated."""
    radius = int(3 * SIGMA + 0.5)
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / SIGMA) ** 2)
    kernel = (kernel / kernel.sum()).astype(np.float32)
    result = values
    for axis in (0, 1):
        size = result.shape[axis]
        wide = np.pad(result, [(radius, radius) if a == axis else (0, 0) for a in (0, 1)], mode="edge")
        total = np.zeros_like(result)
        for k, weight in enumerate(kernel):
            part = wide[k : k + size] if axis == 0 else wide[:, k : k + size]
            total += weight * part
        result = total
    return result


@dataclass(frozen=True, slots=True, eq=False)
class Clahe:
    """Curves of a film: ``tables`` [TILES, TILES, FINE] float32, from values ``low`` .. ``high`` to the same range."""

    low: float
    high: float
    tables: npt.NDArray[np.float32]

    def apply(self, pixels: Pixels) -> Pixels:
        """The film at any size, each pixel by the curves of the four tiles around it."""
        if self.high <= self.low:
            return pixels.copy()
        rows, columns = pixels.shape
        place = (np.arange(np.iinfo(pixels.dtype).max + 1, dtype=np.float32) - self.low) * (
            (FINE - 1) / (self.high - self.low)
        )
        index = np.clip(np.rint(place), 0, FINE - 1).astype(np.intp)
        result = np.empty_like(pixels)
        for r0, r1, top, bottom, down in _bands(rows):
            for c0, c1, left, right, across in _bands(columns):
                at = index[pixels[r0:r1, c0:c1]]
                upper = self.tables[top, left][at] * (1 - across) + self.tables[top, right][at] * across
                lower = self.tables[bottom, left][at] * (1 - across) + self.tables[bottom, right][at] * across
                result[r0:r1, c0:c1] = np.rint(upper * (1 - down[:, None]) + lower * down[:, None])
        return result


def clahe_of(pixels: Pixels, max_value: int, padding: int | None = None) -> Clahe:
    """The curves of a film, from any of its sizes. ``padding``: a value that is no film and does not count."""
    counted = pixels[pixels != padding] if padding is not None else pixels
    low, high = (float(v) for v in np.percentile(counted if counted.size else pixels, (LOW_PERCENTILE, HIGH_PERCENTILE)))
    tables = np.empty((TILES, TILES, FINE), np.float32)
    if high <= low:
        return Clahe(low, low, tables)
    edges = np.linspace(low, high, BINS + 1)
    fine = np.linspace(low, high, FINE)
    bounds = [[round(i * size / TILES) for i in range(TILES + 1)] for size in pixels.shape]
    for r in range(TILES):
        for c in range(TILES):
            tile = pixels[bounds[0][r] : max(bounds[0][r + 1], bounds[0][r] + 1),
                          bounds[1][c] : max(bounds[1][c + 1], bounds[1][c] + 1)]  # fmt: skip
            counts = np.histogram(np.clip(tile, low, high), edges)[0].astype(np.float64)
            limit = max(1.0, CLIP * counts.sum() / BINS)
            spare = np.maximum(counts - limit, 0).sum()
            counts = np.minimum(counts, limit) + spare / BINS
            rising = np.concatenate(([0.0], counts.cumsum())) / max(counts.sum(), 1e-9)
            tables[r, c] = np.clip(low + np.interp(fine, edges, rising) * (high - low), 0, max_value)
    return Clahe(low, high, tables)


def _bands(size: int) -> list[tuple[int, int, int, int, npt.NDArray[np.float32]]]:
    """Parts of a side between the middles of tiles: (start, end, tile before, tile after, share of the one after)."""
    middles = [(i + 0.5) * size / TILES for i in range(TILES)]
    cuts = [0, *(round(middle) for middle in middles), size]
    found = []
    for k, (start, end) in enumerate(zip(cuts, cuts[1:], strict=False)):
        before, after = max(k - 1, 0), min(k, TILES - 1)
        if end > start:
            span = middles[after] - middles[before]
            share = (np.arange(start, end) + 0.5 - middles[before]) / span if span else np.zeros(end - start)
            found.append((start, end, before, after, np.clip(share, 0, 1).astype(np.float32)))
    return found
