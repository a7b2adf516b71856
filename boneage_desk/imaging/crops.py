"""Square crops of single bones, cut alike in training, at inference and for the window's thumbnails.

A crop is centred on the epiphysis, turned so that distal is up, and its side is a share of ``L``, the
distance from the head of the third metacarpal (mc3) to the third distal phalanx (dp3). The shares frame
a bone nearly as the printed examples of the standard do.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians, sin

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE_SHARE: dict[str, float] = {
    "radius": 0.62, "ulna": 0.45, "mc1": 0.45, "mc3": 0.46, "mc5": 0.46,
    "pp1": 0.42, "pp3": 0.42, "pp5": 0.40, "mp3": 0.38, "mp5": 0.34,
    "dp1": 0.34, "dp3": 0.30, "dp5": 0.28,
}  # fmt: skip
"""Side of a bone's square over L, by bone id, in the order of the RUS-CHN table."""


@dataclass(frozen=True, slots=True)
class CropSpec:
    """A square on the film. Lengths in film pixels (x right, y down, pixel centres at .5).

    angle_deg: direction of 'distal' on the film, degrees clockwise from straight up; the cut turns the
    film by its negative, so that distal is up in the crop.
    mirror: the crop is mirrored left to right after turning (brings both hands to one chirality).
    """

    cx: float
    cy: float
    side: float
    angle_deg: float = 0.0
    mirror: bool = False

    def __post_init__(self) -> None:
        if not self.side > 0:
            raise ValueError(f"a crop's side must be positive, got {self.side}")


def _axes(spec: CropSpec) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Unit vectors on the film [2] of the crop's right and down directions."""
    a = radians(spec.angle_deg)
    right = np.array([cos(a), sin(a)])
    down = np.array([-sin(a), cos(a)])
    return (-right if spec.mirror else right), down


def crop_to_film(points: NDArray[np.floating], spec: CropSpec, size: int) -> NDArray[np.float64]:
    """Points [N, 2] of a crop of ``size`` pixels -> film pixels [N, 2]."""
    right, down = _axes(spec)
    unit = (np.asarray(points, np.float64) / size - 0.5) * spec.side
    return np.array([spec.cx, spec.cy]) + unit[:, :1] * right + unit[:, 1:] * down


def film_to_crop(points: NDArray[np.floating], spec: CropSpec, size: int) -> NDArray[np.float64]:
    """Points [N, 2] in film pixels -> pixels of a crop of ``size`` [N, 2]. Inverse of `crop_to_film`."""
    right, down = _axes(spec)
    offset = np.asarray(points, np.float64) - np.array([spec.cx, spec.cy])
    unit = np.stack([offset @ right, offset @ down], axis=1) / spec.side
    return (unit + 0.5) * size


def cut(pixels: NDArray[np.generic], spec: CropSpec, size: int) -> NDArray[np.generic]:
    """Cut the square ``spec`` out of a film.

    pixels: [H, W] uint8, uint16 or float32. Returns [size, size] of the same dtype; outside the film 0.
    Where the crop shrinks the film, the region is box-averaged first (whole factors), so that no trabecula
    turns into a moire pattern; then one bilinear affine.
    """
    if pixels.ndim != 2:
        raise ValueError(f"a film has two dimensions, got shape {pixels.shape}")
    corners = crop_to_film(np.array([[0, 0], [size, 0], [size, size], [0, size]], float), spec, size)
    height, width = pixels.shape
    factor = max(1, int(spec.side / size))
    pad = 2 * factor + 2
    x0, y0 = (int(v) for v in np.floor(corners.min(axis=0)) - pad)
    x1, y1 = (int(v) for v in np.ceil(corners.max(axis=0)) + pad)
    x0c, y0c, x1c, y1c = max(0, x0), max(0, y0), min(width, x1), min(height, y1)
    if x1c <= x0c or y1c <= y0c:
        return np.zeros((size, size), pixels.dtype)
    region = np.asarray(pixels[y0c:y1c, x0c:x1c], np.float32)
    image = Image.fromarray(region)
    if factor > 1:
        image = image.reduce(factor)  # an edge cell averages what there is
    right, down = _axes(spec)
    step = spec.side / size / factor
    ox, oy = (corners[0] - np.array([x0c, y0c])) / factor
    matrix = (right[0] * step, down[0] * step, ox, right[1] * step, down[1] * step, oy)
    out = np.asarray(
        image.transform((size, size), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    )
    if pixels.dtype == np.float32:
        return out
    top = np.iinfo(pixels.dtype).max  # type: ignore[type-var]
    return np.clip(np.rint(out), 0, top).astype(pixels.dtype)


_AXES: dict[str, tuple[tuple[str, str], ...]] = {
    "radius": (("wrist", "mc3"),), "ulna": (("wrist", "mc3"),),
    "mc1": (("mc1", "pp1"),), "mc3": (("wrist", "mc3"), ("mc3", "mp3")), "mc5": (("wrist", "mc5"), ("mc5", "mp5")),
    "pp1": (("pp1", "dp1"),), "pp3": (("pp3", "mp3"),), "pp5": (("pp5", "mp5"),),
    "mp3": (("pp3", "mp3"), ("mp3", "dp3")), "mp5": (("pp5", "mp5"), ("mp5", "dp5")),
    "dp1": (("pp1", "dp1"),), "dp3": (("mp3", "dp3"),), "dp5": (("mp5", "dp5"),),
}  # fmt: skip
"""A bone's distal direction: the mean of the unit vectors between these epiphyses (wrist: radius and ulna)."""


def thumb_on_right(centres: dict[str, tuple[float, float]]) -> bool:
    """Whether the thumb lies to the image's right when the fingers are turned up (film pixels, y down)."""
    p = {b: np.array(c, float) for b, c in centres.items()}
    wrist = (p["radius"] + p["ulna"]) / 2
    up, thumb = p["mc3"] - wrist, (p["mc1"] + p["pp1"]) / 2 - (wrist + p["mc5"]) / 2
    return bool(up[0] * thumb[1] - up[1] * thumb[0] > 0)


def crop_specs(
    centres: dict[str, tuple[float, float]], length: float, *, mirror: bool | None = None
) -> dict[str, CropSpec]:
    """The 13 squares of one hand, in the order of `SIDE_SHARE`.

    centres: bone -> (x, y) of its epiphysis in film pixels, all 13. length: L in film pixels.
    mirror: mirror the crops; None mirrors where the thumb is not on the right, which brings every hand to
    the chirality of a left hand seen from the back.
    """
    missing = [b for b in SIDE_SHARE if b not in centres]
    if missing:
        raise ValueError(f"crops need all 13 epiphyses; missing: {', '.join(missing)}")
    p = {b: np.array(c, float) for b, c in centres.items()}
    p["wrist"] = (p["radius"] + p["ulna"]) / 2
    flip = not thumb_on_right(centres) if mirror is None else mirror
    specs = {}
    for bone, share in SIDE_SHARE.items():
        direction = np.zeros(2)
        for start, end in _AXES[bone]:
            v = p[end] - p[start]
            direction += v / max(float(np.hypot(*v)), 1e-6)
        angle = float(np.degrees(np.arctan2(direction[0], -direction[1])))
        specs[bone] = CropSpec(float(p[bone][0]), float(p[bone][1]), share * length, angle, flip)
    return specs
