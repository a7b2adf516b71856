"""The picture of one bone as window and report show it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from boneage_desk.imaging.crops import CropSpec, cut


def bone_picture_spec(box: tuple[float, float, float, float], angle_deg: float) -> CropSpec:
    """The square around a box (x0, y0, x1, y1) in film pixels, distal up.

    ``angle_deg`` as Region has it, the turn that brings distal up: the opposite of where distal points.
    """
    x0, y0, x1, y1 = box
    return CropSpec((x0 + x1) / 2, (y0 + y1) / 2, max(x1 - x0, y1 - y0), -angle_deg)


def bone_picture(pixels: NDArray[np.generic], spec: CropSpec, size: int) -> NDArray[np.uint8]:
    """``spec`` of a film [H, W] as (size, size) uint8, stretched to its own 2nd and 99.5th percentile."""
    crop = cut(pixels, spec, size).astype(np.float32)
    low, high = (float(v) for v in np.percentile(crop, (2, 99.5)))
    scaled: Any = np.clip((crop - low) * (255.0 / max(high - low, 1.0)), 0, 255)
    return np.asarray(np.rint(scaled), np.uint8)
