"""A film that was squashed to another shape, brought back to its own."""

from __future__ import annotations

import numpy as np
from PIL import Image

from boneage_desk.imaging.assemble import finished
from boneage_desk.reading.film import Frame

NEAR = 0.01
"""Share by which two aspects may differ and count as the same (a pixel lost in rounding)."""


def true_shape(frame: Frame, height: int, width: int) -> Frame:
    """``frame`` stretched, never shrunk, to the aspect of a film of ``height`` x ``width`` pixels; as it is where it has
    that aspect. Bilinear, in the frame's own grey scale; a stretched frame has no spacing, for none holds any more."""
    stretch = (height / width) / (frame.height / frame.width)
    if abs(stretch - 1) <= NEAR:
        return frame
    size = (round(frame.width * max(1.0, 1 / stretch)), round(frame.height * max(1.0, stretch)))
    picture = Image.fromarray(frame.pixels.astype(np.float32)).resize(size, Image.Resampling.BILINEAR)
    values = np.rint(np.asarray(picture)).clip(0, frame.max_value).astype(frame.pixels.dtype)
    return finished(values, frame.max_value, frame.vois[:1], padding=frame.padding)
