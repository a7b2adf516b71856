"""The picture that a knee network sees: the whole film in a square, contrast set. One function for training and use.

The rule is in every knee model's card (``preprocessing.picture = "knee-square-1"``). Nothing finds the joint: the film
is taken as it is, upright, from the front.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boneage_desk.imaging.crops import CropSpec, cut

PICTURE = "knee-square-1"
LOW_PERCENTILE, HIGH_PERCENTILE = 2.0, 99.5


def knee_spec(width: int, height: int) -> CropSpec:
    """The square round a whole film of ``width`` x ``height`` pixels."""
    return CropSpec(width / 2, height / 2, float(max(width, height)))


def knee_picture(unit: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """The network's picture [size, size] of a film [H, W], bright = bone: squared with black, 2nd and 99.5th percentile
    of the film itself to 0 and 255. A film of one grey gives all zeros."""
    height, width = unit.shape
    small = np.asarray(cut(unit, knee_spec(width, height), size), np.float32)
    seen = np.asarray(unit[:: max(1, height // 200), :: max(1, width // 200)])
    low, high = np.percentile(seen, [LOW_PERCENTILE, HIGH_PERCENTILE])
    if high - low < 2:
        return np.zeros((size, size), np.uint8)
    return np.asarray(np.clip(np.rint((small - low) * (255.0 / (high - low))), 0, 255), np.uint8)
