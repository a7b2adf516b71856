"""Draw a hand, or one epiphysis, from a spec."""

from __future__ import annotations

import math
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from boneage_desk.imaging.phantom import fields, film
from boneage_desk.imaging.phantom.anatomy import Anatomy, pose_hand
from boneage_desk.imaging.phantom.fields import Doubles, affine
from boneage_desk.imaging.phantom.forms import form_of, last_grade
from boneage_desk.imaging.phantom.outlines import extents
from boneage_desk.imaging.phantom.render import Canvas, draw_bones
from boneage_desk.imaging.phantom.soft import soft_attenuation
from boneage_desk.imaging.phantom.spec import (
    BONES,
    CROP_SHARE,
    LAST_GRADE,
    PhantomFilm,
    PhantomSpec,
    Truth,
)

#: y of the distal forearm's cut in the hand frame: what "the hand fills" counts to.
_FOREARM = 1.70


def _hull(anatomy: Anatomy) -> Doubles:
    """Points [n, 2] round the hand, hand frame: fingertips with their soft parts, wrist."""
    tips = []
    for ray in range(1, 6):
        pose = anatomy.poses[f"dp{ray}"]
        reach = anatomy.reach[f"dp{ray}"] + 0.06
        tip = (pose.origin[0] + pose.axis[0] * reach, pose.origin[1] + pose.axis[1] * reach)
        tips += [(tip[0] - 0.08, tip[1]), (tip[0] + 0.08, tip[1])]
    return np.array([*tips, (-0.40, _FOREARM), (0.45, _FOREARM), (0.80, 0.45), (-0.62, 0.25)])


def _to_film(spec: PhantomSpec, anatomy: Anatomy) -> tuple[Doubles, Doubles]:
    """3x3 maps hand frame -> pixels of the unmirrored film: for bones, and for the marker."""
    rows, cols = spec.size
    flip = affine([[1.0 if spec.side == "left" else -1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    angle = math.radians(spec.rotation_deg)
    c, s = math.cos(angle), math.sin(angle)
    turn = affine([[c, s, 0.0], [-s, c, 0.0]])  # counter-clockwise as seen, y down
    hull = fields.apply(turn @ flip, _hull(anatomy))
    upright = fields.apply(flip, _hull(anatomy))
    size = np.ptp(hull, axis=0)
    scale = min(
        spec.hand_fraction * rows / float(np.ptp(upright[:, 1])),
        0.96 * cols / float(size[0]),
        0.96 * rows / float(size[1]),
    )
    middle = (hull.min(0) + hull.max(0)) / 2
    rng = np.random.default_rng([spec.seed, 3])
    free = np.maximum(np.array([cols, rows]) - size * scale, 0.0) / 2
    shift = rng.uniform(-0.35, 0.35, 2) * free
    place = affine(
        [
            [scale, 0.0, cols / 2 + shift[0] - scale * middle[0]],
            [0.0, scale, rows / 2 + shift[1] - scale * middle[1]],
        ]
    )
    upright_map = place @ turn
    return upright_map @ flip, upright_map


def epiphysis_centre(anatomy: Anatomy, bone: str) -> tuple[float, float]:
    """Centre of an epiphysis in the hand frame; its expected place while it is absent."""
    pose = anatomy.poses[bone]
    form = form_of(bone, anatomy.grades[bone])
    lo, hi = extents(form, anatomy.widths[bone])
    s = (lo + hi) / 2
    return pose.origin[0] + pose.lateral[0] * s, pose.origin[1] + pose.lateral[1] * s


def truth(spec: PhantomSpec) -> Truth:
    """Boxes, centres and L in pixels of a film, without drawing it."""
    anatomy = pose_hand(spec)
    to_film, _ = _to_film(spec, anatomy)
    return _truth(spec, anatomy, to_film)


def draw_hand(spec: PhantomSpec) -> PhantomFilm:
    """Draw a whole film with its truth."""
    anatomy = pose_hand(spec)
    to_film, letters = _to_film(spec, anatomy)
    canvas = Canvas(spec.size, to_film, spec.seed)
    draw_bones(canvas, anatomy)
    value = canvas.bone
    value += soft_attenuation(anatomy, spec.size, to_film, spec.seed)
    rng = np.random.default_rng([spec.seed, 4])
    value += film.scatter(value, rng)
    picture = film.exposed(film.response(value), rng)
    film.collimation(picture, rng)
    if spec.marker:
        x = -0.80 if spec.side == "left" else 0.80
        size = rng.uniform(0.13, 0.17)
        at = (x + rng.uniform(-0.05, 0.05), 1.0 + rng.uniform(-0.12, 0.2))
        square = affine([[size, 0.0, at[0]], [0.0, size, at[1]]])
        film.marker(picture, spec.side[0].upper(), letters @ square, rng.uniform(0.92, 1.0))
    picture = film.sharpen_loss(picture, 0.14)
    film.noise(picture, rng, 0.013 * min(1.0, 0.35 + canvas.unit / 900.0))
    if spec.mirrored:
        picture = np.ascontiguousarray(picture[:, ::-1])
    known = _truth(spec, anatomy, to_film)
    return PhantomFilm(film.stored(picture, spec.bits), known.boxes, known.centres, known.unit_px, known.others, spec)


def _truth(spec: PhantomSpec, anatomy: Anatomy, to_film: Doubles) -> Truth:
    if spec.mirrored:
        to_film = affine([[-1.0, 0.0, float(spec.size[1])], [0.0, 1.0, 0.0]]) @ to_film
    at = {bone: epiphysis_centre(anatomy, bone) for bone in BONES}
    on_film = fields.apply(to_film, np.array(list(at.values())))
    unit = float(np.sqrt(abs(np.linalg.det(to_film[:2, :2]))))
    centres: dict[str, tuple[float, float]] = {}
    boxes: dict[str, tuple[float, float, float, float]] = {}
    for bone, (x, y) in zip(BONES, on_film.tolist(), strict=True):
        half = CROP_SHARE[bone] * unit / 2
        centres[bone] = (x, y)
        boxes[bone] = (x - half, y - half, x + half, y + half)
    rest = {bone: epiphysis_centre(anatomy, bone) for bone in anatomy.poses if bone not in LAST_GRADE}
    places = fields.apply(to_film, np.array(list(rest.values()))).tolist()
    others = {bone: (x, y) for bone, (x, y) in zip(rest, places, strict=True)}
    return Truth(MappingProxyType(boxes), MappingProxyType(centres), unit, MappingProxyType(others))


def draw_bone(bone: str, grade: int, size: int = 256, *, side: str = "left", seed: int = 0) -> NDArray[np.uint8]:
    """One epiphysis at its standard framing, distal up, uint8 [size, size], bright = bone.

    The neighbours are drawn at the same share of their own grades. The scale is
    that of the bone's standard crop at every grade, so that grades compare.
    A left hand has the lateral side on the right.
    """
    if bone not in LAST_GRADE:
        raise ValueError(f"unknown bone {bone!r}")
    if not 0 <= grade <= LAST_GRADE[bone]:
        raise ValueError(f"{bone}: grade {grade} is not in 0..{LAST_GRADE[bone]}")
    share = grade / last_grade(bone)
    grades = {b: round(share * last_grade(b)) for b in BONES} | {bone: grade}
    anatomy = pose_hand(PhantomSpec(grades=grades, seed=0))
    pose = anatomy.poses[bone]
    distal = np.array(pose.axis) * (-1.0 if bone in ("radius", "ulna", "mc3", "mc5") else 1.0)
    lateral = np.array(pose.lateral) * (1.0 if side == "left" else -1.0)
    k = size / CROP_SHARE[bone]
    linear = np.stack([lateral, -distal]) * k
    centre = np.array(epiphysis_centre(anatomy, bone))
    # keep the shaft's axis in the middle, whatever the epiphysis' own asymmetry
    centre = centre * 0.4 + np.array(pose.origin) * 0.6
    offset = np.array([size / 2, size / 2]) - linear @ centre
    to_film = affine(np.concatenate([linear, offset[:, None]], 1))
    canvas = Canvas((size, size), to_film, seed)
    draw_bones(canvas, anatomy)
    value = canvas.bone + soft_attenuation(anatomy, (size, size), to_film, seed)
    picture = film.response(value)
    rng = np.random.default_rng([seed, 5])
    picture = film.sharpen_loss(picture, 0.10)
    film.noise(picture, rng, 0.010)
    lo, hi = 0.10, max(0.62, float(np.quantile(picture, 0.995)))
    return np.asarray(film.stored((picture - lo) / (hi - lo), 8, top=0.98), dtype=np.uint8)
