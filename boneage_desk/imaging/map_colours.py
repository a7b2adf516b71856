"""The colours of every map of where a model looked, on the screen and on paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

CIVIDIS = ((0, 34, 78), (53, 69, 108), (102, 105, 112), (148, 142, 119), (200, 184, 102), (254, 232, 56))
"""Anchors of the 'cividis' map, from dark blue to yellow: told apart by every kind of colour vision (Nunez et al. 2018)."""


def coloured(values: npt.ArrayLike, opacity: float) -> npt.NDArray[np.uint8]:
    """(height, width, 4) RGBA of ``values`` 0..1. Colour and opacity both rise with the value, so that what was not
    looked at stays plain film; ``opacity`` 0..1 is that of the highest."""
    import numpy as np

    share = np.clip(np.asarray(values, np.float32), 0, 1)
    at = np.linspace(0, 1, len(CIVIDIS))
    rgba = np.empty((*share.shape, 4), np.uint8)
    for channel in range(3):
        rgba[..., channel] = np.interp(share, at, [anchor[channel] for anchor in CIVIDIS])
    rgba[..., 3] = np.clip(share * 1.2, 0, 1) * opacity * 255
    return rgba


def blend(
    grey: npt.NDArray[np.uint8], values: npt.NDArray[np.float32], opacity: float
) -> npt.NDArray[np.uint8]:
    """(height, width, 3): the film ``grey`` with the map over the whole of it; ``values`` of any size, 0..1."""
    import numpy as np
    from PIL import Image

    high, wide = grey.shape
    fine = Image.fromarray(np.clip(np.asarray(values, np.float32), 0, 1)).resize((wide, high), Image.Resampling.BILINEAR)
    rgba = coloured(np.asarray(fine), opacity)
    share = rgba[..., 3:].astype(np.float32) / 255
    return np.rint(grey[..., None] * (1 - share) + rgba[..., :3] * share).astype(np.uint8)
