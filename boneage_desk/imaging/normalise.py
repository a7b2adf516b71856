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


def byte_percentiles(rows: NDArray[np.uint8], percents: tuple[float, ...]) -> NDArray[np.float64]:
    """``np.percentile(rows, percents, axis=1)`` [len(percents), N] of bytes [N, P], the same numbers in a fifth of the
    time: greys are counted, not sorted."""
    n, size = rows.shape
    counted = np.bincount((rows + (np.arange(n) * 256)[:, None]).ravel(), minlength=256 * n).reshape(n, 256).cumsum(1)
    found = np.empty((len(percents), n))
    for k, percent in enumerate(percents):
        at = percent / 100 * (size - 1)
        below = int(at)
        low, high = ((counted <= place).sum(1) for place in (below, min(below + 1, size - 1)))
        step, share = high - low, at - below
        found[k] = high - step * (1 - share) if share >= 0.5 else low + step * share
    return found


def looks_inverted(unit: NDArray[np.uint8]) -> bool:
    """Guess whether a film is a negative (dark bone on a bright ground), before anything was found on it.

    unit: [H, W] uint8 as `normalise_film` returns it. Only a guess for raster files, which carry no
    polarity: the air round a hand is the commonest grey of the film's inner part, and tissue lies to one
    side of it. On 2,102 films: 6 wrongly called negative, 72 of their negatives missed. Where the bones are
    known, `hand_is_negative` knows better.
    """
    y, x = (int(0.1 * n) for n in unit.shape)
    inner = unit[y : unit.shape[0] - y, x : unit.shape[1] - x]
    inner = inner[:: max(1, inner.shape[0] // 120), :: max(1, inner.shape[1] // 120)]
    hist, _ = np.histogram(inner, bins=32, range=(0, 256))
    smooth = np.convolve(hist, [1, 2, 3, 2, 1], mode="same")
    mode = (int(np.argmax(smooth)) + 0.5) * 8
    brighter, darker = int((inner > mode + 20).sum()), int((inner < mode - 20).sum())
    return bool(mode > 128 and darker > 2 * brighter)


def hand_is_negative(unit: NDArray[np.uint8], centres: dict[str, tuple[float, float]], length: float) -> bool:
    """Whether the bones are darker than the air beside the hand. The detector finds both polarities.

    unit: [H, W] uint8; centres: bone -> (x, y) film pixels of the 13 epiphyses; length: L, film pixels.
    The 13 places are compared with places beyond the fingertips and beside the hand that lie on the film.
    """
    p = {bone: np.array(c, float) for bone, c in centres.items()}
    up = p["mc3"] - (p["radius"] + p["ulna"]) / 2
    up /= max(float(np.hypot(*up)), 1e-6)
    thumb = p["pp1"] - p["mc5"]
    thumb = thumb - up * float(thumb @ up)
    thumb /= max(float(np.hypot(*thumb)), 1e-6)
    air = [
        p["dp3"] + 0.45 * length * up, p["dp5"] + 0.40 * length * up, p["dp1"] + 0.45 * length * up,
        p["mp5"] - 0.40 * length * thumb, p["mc5"] - 0.45 * length * thumb, p["dp1"] + 0.40 * length * thumb,
        p["pp5"] - 0.35 * length * thumb, p["dp5"] - 0.35 * length * thumb,
    ]  # fmt: skip
    inside, outside = _greys(unit, list(p.values()), length), _greys(unit, air, length)
    return bool(len(outside) >= 2 and np.median(inside) < np.median(outside))


def _greys(unit: NDArray[np.uint8], points: list[NDArray[np.float64]], length: float) -> list[float]:
    """Mean grey of a small square round each point that lies on the film."""
    half = max(1, int(0.03 * length))
    greys = []
    for x, y in points:
        column, row = int(x), int(y)
        if half <= column < unit.shape[1] - half and half <= row < unit.shape[0] - half:
            greys.append(float(unit[row - half : row + half + 1, column - half : column + half + 1].mean()))
    return greys
