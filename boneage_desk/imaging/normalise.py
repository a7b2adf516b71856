"""Bring a film of any bit depth to one 8-bit grey scale that the networks were trained on.

The rule is part of every model card (``preprocessing.film = "percentile-0.5-99.8"``): the 0.5th and the
99.8th percentile of the film's own pixels become 0 and 255, linear in between. An 8-bit export and the
16-bit original of one picture so give the same result within rounding, whatever window was used.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LOW_PERCENTILE = 0.5
HIGH_PERCENTILE = 99.8
_SAMPLE = 400_000  # pixels looked at for the percentiles; a stride keeps large films fast


def _sample(pixels: NDArray[np.generic]) -> NDArray[np.generic]:
    """A regular subsample [N] of at most about ``_SAMPLE`` pixels of ``pixels`` [H, W]."""
    step = max(1, int(np.ceil(np.sqrt(pixels.size / _SAMPLE))))
    return pixels[::step, ::step].ravel()


def normalise_film(
    pixels: NDArray[np.uint8] | NDArray[np.uint16], *, padding: int | None = None
) -> NDArray[np.uint8]:
    """Stretch a film to 8 bits, bright staying bright.

    pixels: [H, W] uint8 or uint16, bone already bright (polarity is the loader's business).
    padding: grey value that means 'no film here' (DICOM PixelPaddingValue); left out of the percentiles
    and written as 0.
    Returns [H, W] uint8. A film of one single grey gives all zeros.
    """
    if pixels.ndim != 2:
        raise ValueError(f"a film has two dimensions, got shape {pixels.shape}")
    if pixels.dtype not in (np.uint8, np.uint16):
        raise TypeError(f"a film is uint8 or uint16, got {pixels.dtype}")
    if pixels.size == 0:
        raise ValueError("the film is empty")
    seen = _sample(pixels)
    if padding is not None:
        kept = seen[seen != padding]
        seen = kept if kept.size else seen
    low, high = np.percentile(seen, [LOW_PERCENTILE, HIGH_PERCENTILE])
    levels = np.iinfo(pixels.dtype).max + 1
    if high <= low:
        low, high = float(seen.min()), float(seen.max())
        if high <= low:
            return np.zeros(pixels.shape, np.uint8)
    table = (np.arange(levels, dtype=np.float64) - low) * (255.0 / (high - low))
    lut = np.clip(np.rint(table), 0, 255).astype(np.uint8)
    if padding is not None and 0 <= padding < levels:
        lut[padding] = 0
    result: NDArray[np.uint8] = lut[pixels]
    return result


def looks_inverted(unit: NDArray[np.uint8]) -> bool:
    """Guess whether a film is a negative (dark bone on a bright ground).

    unit: [H, W] uint8 as `normalise_film` returns it. Only a guess for raster files, which carry no
    polarity: the air round a hand is the largest even region of a film, so a mostly bright film whose
    bright part is its even part is taken for inverted. Black shutters round a bright film count as such.
    """
    small = unit[:: max(1, unit.shape[0] // 160), :: max(1, unit.shape[1] // 160)].astype(np.float32)
    inside = small[small > 2]  # black shutters and padding say nothing
    if inside.size < 0.15 * small.size:
        return False
    hist, _ = np.histogram(inside, bins=32, range=(0, 256))
    smooth = np.convolve(hist, [1, 2, 3, 2, 1], mode="same")
    mode = (int(np.argmax(smooth)) + 0.5) * 8
    return bool(mode > 150 and np.median(inside) > 128)
