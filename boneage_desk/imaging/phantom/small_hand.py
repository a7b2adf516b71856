"""A whole hand as a small picture, for comparing hands of several ages at one scale."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from boneage_desk.imaging.phantom.hand import draw_hand
from boneage_desk.imaging.phantom.spec import PhantomSpec


def small_hand(
    grades: Mapping[str, int], rows: int, columns: int, *, side: str = "left", sex: str | None = None
) -> NDArray[np.uint8]:
    """A hand of these 13 grades, upright, uint8 [rows, columns], bright = bone, its contrast stretched.

    Every hand has the same pose and size, so that two differ by their grades alone. ``side``: 'left' has the thumb on the
    right. ``sex``: 'M', 'F' or None. Raises ValueError as `PhantomSpec` does.
    """
    if side not in ("left", "right"):
        raise ValueError(f"side {side!r} is neither 'left' nor 'right'")
    spec = PhantomSpec(
        grades=grades, side="left", size=(rows, columns), bits=8, marker=False, hand_fraction=0.97, fingers_together=True,
        sex=sex,  # type: ignore[arg-type]
    )  # fmt: skip
    picture = draw_hand(spec).pixels.astype(np.float32)
    low, high = np.quantile(picture, (0.02, 0.998))
    grey = np.clip((picture - low) / max(1.0, float(high - low)), 0.0, 1.0) * 250
    # a right hand is the left one turned over: the same pose, also where the drawing depends on chance
    return np.ascontiguousarray((grey if side == "left" else grey[:, ::-1]).astype(np.uint8))
