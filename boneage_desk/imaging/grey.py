"""Colour pictures that are grey in truth. A photo is no radiograph, whatever its file format."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from boneage_desk.imaging.failures import refusal

TINT = 24 / 255
"""Difference between the strongest and weakest of R, G, B up to which a pixel counts as grey (JPEG, film tint)."""
COLOURED_SHARE = 0.04
"""Share of coloured pixels up to which they are burnt-in markers and not a photo."""
_SAMPLE = 1_000_000


def coloured_share(rgb: npt.NDArray[Any], top: int) -> float:
    """Share of pixels of (rows, columns, 3) that have a colour; large pictures are sampled."""
    step = max(1, int(np.ceil(np.sqrt(rgb.shape[0] * rgb.shape[1] / _SAMPLE))))
    seen = rgb[::step, ::step].astype(np.int32)
    return float(np.mean(seen.max(axis=2) - seen.min(axis=2) > TINT * top))


def check_grey(share: float, name: str) -> None:
    """Raises FilmError 'not-radiograph' for a picture with more colour than markers have."""
    if share > COLOURED_SHARE:
        raise refusal("not-radiograph", name, f"{share:.0%} of it is coloured")


def grey_of_colour(rgb: npt.NDArray[Any], name: str) -> tuple[npt.NDArray[Any], int]:
    """(grey values, their largest possible value) of (rows, columns, 3) uint8 or uint16."""
    top = 255 if rgb.dtype == np.uint8 else 65535
    check_grey(coloured_share(rgb, top), name)
    grey = np.zeros(rgb.shape[:2], np.uint32)
    for channel, weight in enumerate((77, 150, 29)):  # ITU-R 601, sum 256
        grey += rgb[:, :, channel].astype(np.uint32) * weight
    return (grey >> 8).astype(rgb.dtype), top
