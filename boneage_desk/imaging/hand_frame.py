"""The picture of a whole hand that the whole-hand models see, cut alike in training and at inference.

The rule is part of every card (``preprocessing.picture = "hand-upright-1"``): a square round all 13 epiphyses with
margins in shares of L (mc3 to dp3), the fingers up, the thumb on the right, bone bright, contrast by the 1st and 99.7th
percentile of what lies near the bones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boneage_desk.imaging.crops import SIDE_SHARE, CropSpec, crop_to_film, cut, film_to_crop, thumb_on_right
from boneage_desk.imaging.normalise import hand_is_negative, looks_inverted

PICTURE = "hand-upright-1"
TEMPLATE: dict[str, tuple[float, float]] = {
    "radius": (0.075, 1.023), "ulna": (-0.217, 1.038), "mc1": (0.408, 0.661), "mc3": (0.048, -0.120),
    "mc5": (-0.397, 0.091), "pp1": (0.739, 0.263), "pp3": (0.056, -0.221), "pp5": (-0.430, 0.024),
    "mp3": (0.065, -0.771), "mp5": (-0.636, -0.318), "dp1": (0.968, -0.035), "dp3": (0.059, -1.113),
    "dp5": (-0.738, -0.520),
}  # fmt: skip
"""Mean places of the epiphyses of the training films, in L (x right, y down, fingers up, thumb on the right): the
hand's direction on a film is that of the best fit, so that no single bone decides it."""
ABOVE, BELOW, BESIDE = 0.28, 0.42, 0.22
"""Room in L beyond the outermost epiphyses: for the fingertips, the distal forearm, and the soft tissue."""
LOW_PERCENTILE, HIGH_PERCENTILE = 1.0, 99.7
NEAR = 0.16
"""Distance in L from the lines between the epiphyses within which the contrast is measured: a marker, a frame or a
collimator's edge beside the hand would decide it else."""
RAYS: tuple[tuple[str, ...], ...] = (
    ("radius", "mc1", "pp1", "dp1"), ("radius", "mc3", "pp3", "mp3", "dp3"), ("ulna", "mc5", "pp5", "mp5", "dp5"),
)  # fmt: skip
INNER = 0.1
"""Where no bones are known: share of the square's side left out at each edge when the contrast is measured."""


@dataclass(frozen=True, slots=True)
class HandSpec(CropSpec):
    """A hand's square, with where its epiphyses are (film pixels, bone -> place) and L, which tell its polarity."""

    places: tuple[tuple[str, tuple[float, float]], ...] = ()
    length: float = 0.0


def hand_spec(
    centres: dict[str, tuple[float, float]], length: float, *, mirror: bool | None = None
) -> HandSpec:
    """The square of one hand. centres: bone -> (x, y) of its epiphysis in film pixels, all 13; length: L, film pixels.

    mirror: whether the picture is mirrored; None: where the thumb is not on the right. Raises ValueError where a bone
    is missing, or all lie on one place.
    """
    missing = [b for b in SIDE_SHARE if b not in centres]
    if missing:
        raise ValueError(f"a hand's picture needs all 13 epiphyses; missing: {', '.join(missing)}")
    flip = not thumb_on_right(centres) if mirror is None else mirror
    points = np.array([centres[b] for b in SIDE_SHARE], np.float64)
    angle = _direction(points, flip)
    turned = CropSpec(0.0, 0.0, 1.0, angle, flip)
    place = film_to_crop(points, turned, 1) - 0.5  # film pixels along the picture's axes, from the film's corner
    low = place.min(0) - length * np.array([BESIDE, ABOVE])
    high = place.max(0) + length * np.array([BESIDE, BELOW])
    side = float((high - low).max())
    if not side > 0:
        raise ValueError("the epiphyses of a hand lie on one place")
    cx, cy = _to_film((low + high) / 2, turned)
    return HandSpec(cx, cy, side, angle, flip, tuple((b, centres[b]) for b in SIDE_SHARE), length)


def _direction(points: NDArray[np.float64], mirror: bool) -> float:
    """Degrees clockwise from straight up in which the fingers point: best fit of `TEMPLATE` on points [13, 2]."""
    model = np.array([TEMPLATE[b] for b in SIDE_SHARE]) * np.array([-1.0 if mirror else 1.0, 1.0])
    model = model - model.mean(0)
    found = points - points.mean(0)
    return float(np.degrees(np.angle(np.vdot(model[:, 0] + 1j * model[:, 1], found[:, 0] + 1j * found[:, 1]))))


def _to_film(offset: NDArray[np.float64], spec: CropSpec) -> tuple[float, float]:
    """A place [2] along the axes of ``spec`` (film pixels) -> film (x, y); inverse of `film_to_crop` at unit side."""
    a = np.radians(spec.angle_deg)
    x = -offset[0] if spec.mirror else offset[0]
    return float(x * np.cos(a) - offset[1] * np.sin(a)), float(x * np.sin(a) + offset[1] * np.cos(a))


def whole_film_spec(height: int, width: int) -> CropSpec:
    """The whole film of ``height`` x ``width`` pixels in a square, as it lies: for training films without a hand fit."""
    return CropSpec(width / 2, height / 2, float(max(height, width)))


def hand_picture(unit: NDArray[np.uint8], spec: CropSpec, size: int) -> NDArray[np.uint8]:
    """Cut ``spec`` out of a film [H, W] uint8 (`normalise_film`) -> [size, size] uint8, bone bright, contrast stretched.

    The polarity of a `HandSpec` is told by its bones and the air beside them, of any other square by the film's greys.
    Outside the film 0.
    """
    if unit.dtype != np.uint8:
        raise TypeError(f"a normalised film is uint8, got {unit.dtype}")
    if isinstance(spec, HandSpec) and spec.places:
        negative = hand_is_negative(unit, dict(spec.places), spec.length)
    else:
        negative = looks_inverted(unit)
    on_film = _on_film(spec, size, *unit.shape)
    picture = np.asarray(cut(unit, spec, size), np.float32)
    if negative:
        picture = 255.0 - picture
    seen = picture[_measured(spec, size) & on_film]
    if not seen.size:
        return np.zeros((size, size), np.uint8)
    low, high = np.percentile(seen, [LOW_PERCENTILE, HIGH_PERCENTILE])
    stretched = np.clip(np.rint((picture - low) * (255.0 / max(high - low, 4.0))), 0, 255)
    return np.where(on_film, stretched, 0).astype(np.uint8)


def _on_film(spec: CropSpec, size: int, height: int, width: int) -> NDArray[np.bool_]:
    """Which pixels of a picture [size, size] have their middle on the film."""
    y, x = np.mgrid[0:size, 0:size] + 0.5
    at = crop_to_film(np.stack([x.ravel(), y.ravel()], 1), spec, size)
    inside = (at >= 0).all(1) & (at[:, 0] < width) & (at[:, 1] < height)
    return np.asarray(inside.reshape(size, size))


def _measured(spec: CropSpec, size: int) -> NDArray[np.bool_]:
    """Where in a picture [size, size] the contrast is measured."""
    if not isinstance(spec, HandSpec) or not spec.places:
        inner = np.zeros((size, size), bool)
        edge = int(INNER * size)
        inner[edge : size - edge, edge : size - edge] = True
        return inner
    at = dict(zip(SIDE_SHARE, film_to_crop(np.array([p for _, p in spec.places]), spec, size), strict=True))
    reach = NEAR * spec.length / spec.side * size
    y, x = np.mgrid[0:size, 0:size] + 0.5
    near = np.zeros((size, size), bool)
    for ray in RAYS:
        for a, b in zip(ray, ray[1:], strict=False):
            along = at[b] - at[a]
            t = ((x - at[a][0]) * along[0] + (y - at[a][1]) * along[1]) / max(float(along @ along), 1e-6)
            t = np.clip(t, 0, 1)
            near |= (x - at[a][0] - t * along[0]) ** 2 + (y - at[a][1] - t * along[1]) ** 2 < reach**2
    return near
