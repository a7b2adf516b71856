"""Outlines of the long bones in their own frame, unit L.

s to the lateral side, t from the joint to the shaft, origin in the middle of
the epiphysis. Outlines are closed polygons [n, 2].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from boneage_desk.imaging.phantom.fields import Doubles, smooth
from boneage_desk.imaging.phantom.forms import Form, family

#: Half widths of a shaft along it: (part of its length, or L for the forearm; half widths of the
#: metaphysis).
_PROFILE: dict[str, tuple[tuple[float, float], ...]] = {
    "pp": ((0.06, 0.97), (0.15, 0.88), (0.30, 0.74), (0.5, 0.65), (0.68, 0.64), (0.82, 0.73)),
    "mp": ((0.06, 0.97), (0.16, 0.87), (0.32, 0.74), (0.5, 0.66), (0.66, 0.67), (0.80, 0.78)),
    "dp": ((0.06, 0.96), (0.18, 0.76), (0.34, 0.60), (0.50, 0.51), (0.62, 0.48)),
    "mc": ((0.04, 0.98), (0.11, 0.86), (0.24, 0.69), (0.45, 0.60), (0.62, 0.62), (0.78, 0.72)),
    "mc1": ((0.05, 0.97), (0.16, 0.84), (0.32, 0.70), (0.5, 0.64), (0.68, 0.68), (0.82, 0.82)),
    "radius": ((0.03, 0.99), (0.10, 0.90), (0.25, 0.75), (0.5, 0.61), (0.9, 0.53), (1.6, 0.50)),
    "ulna": ((0.03, 0.98), (0.10, 0.89), (0.25, 0.76), (0.5, 0.70), (0.9, 0.70), (1.6, 0.78)),
}

#: Half width of the far end: head of a phalanx, tuft, base of a metacarpal.
_FAR_END: dict[str, float] = {
    "pp": 0.79, "pp1": 0.84, "mp": 0.83, "dp": 0.66, "dp1": 0.72, "mc1": 0.93, "mc2": 1.28,
    "mc3": 1.0, "mc4": 0.95, "mc5": 1.2,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class LongBone:
    """The outlines of one long bone and the heights that its lines follow.

    epiphysis: None before ossification has begun.
    plate: t of the metaphysis' border, L; half: half width there, L; dip: how far
    its middle lies toward the shaft, L.
    """

    epiphysis: Doubles | None
    shaft: Doubles
    plate: float
    half: float
    form: Form
    dip: float


def _step(x: Doubles, lo: float, hi: float) -> Doubles:
    u = np.clip((x - lo) / (hi - lo), 0.0, 1.0)
    return np.asarray(u * u * (3.0 - 2.0 * u))


def extents(form: Form, width: float) -> tuple[float, float]:
    """s of the medial and lateral ends of the epiphysis, L."""
    return -form.medial * width / 2, form.lateral * width / 2


def joint_border(form: Form, width: float, bone: str, u: Doubles) -> Doubles:
    """t of the joint's border of the epiphysis at u = -1 (medial) .. 1 (lateral), L."""
    kind = family(bone)
    height = form.height * width
    square = np.where(u > 0, form.square_lateral, form.square_medial)
    if kind == "mc":  # a dome: nearly round, a little flattened at the end
        dome = 2.0 + 0.55 * min(1.0, form.rim + 0.3 * (form.square_medial > 3.0))
        end = (1.0 - np.abs(u) ** dome) ** (1.0 / dome)
        return np.asarray(0.24 * height - 0.74 * height * end)
    end = (1.0 - np.abs(u) ** square) ** (1.0 / square)
    if kind == "mc1":
        end = np.minimum(end, (1.0 - np.abs(u) ** 2.6) ** (1.0 / 2.6))  # rounder than at the plate
    thick = 0.5 * height * (1.0 + form.wedge * u)
    t = -thick * end
    if kind == "radius":
        # styloid process laterally; two facets with a hump between them
        t = t - form.styloid * 0.13 * width * _step(u, 0.1, 0.95) * end
        t = t - form.facets * 0.018 * width * np.exp(-(((u + 0.12) / 0.12) ** 2))
        t = t + form.facets * 0.030 * width * (
            np.exp(-(((u + 0.55) / 0.22) ** 2)) + np.exp(-(((u - 0.28) / 0.25) ** 2))
        )
    elif kind == "ulna":
        # styloid process medially, a notch, then the head
        t = t - form.styloid * 0.20 * width * np.exp(-(((u + 0.74) / 0.20) ** 2)) * end**0.5
        t = t + form.styloid * 0.02 * width * np.exp(-(((u + 0.34) / 0.12) ** 2))
        t = t - form.styloid * 0.09 * width * np.exp(-(((u - 0.28) / 0.48) ** 2)) * end**0.5
    elif form.ridge:
        lobes = 0.6 * form.hollow * (np.exp(-(((np.abs(u) - 0.55) / 0.30) ** 2)))
        t = t + width * (lobes - 0.6 * form.ridge * np.exp(-((u / 0.45) ** 2)))
    elif form.hollow:
        t = t + width * form.hollow * (1.0 - u * u) ** 1.2
    return np.asarray(t)


def plate_border(form: Form, width: float, bone: str, u: Doubles) -> Doubles:
    """t of the border that faces the plate, at u = -1..1, L."""
    square = np.where(u > 0, form.square_lateral, form.square_medial)
    end = (1.0 - np.abs(u) ** square) ** (1.0 / square)
    if family(bone) == "mc":
        return np.asarray((0.24 + 0.26 * end) * form.height * width)
    height = form.height * width
    t = 0.5 * height * (1.0 + form.wedge * u) * end
    if family(bone) == "radius":  # the plate side stays straight; the wedge is at the joint
        t = 0.5 * height * (1.0 + 0.25 * form.wedge * u) * end - form.hollow * width * (1 - u * u)
    horn = np.where(u > 0, form.cap_lateral, form.cap_medial) * width
    reach = np.where(np.abs(u) < 1.0, _step(np.abs(u), 0.84, 0.95), 0.0)
    return np.asarray(t + horn * reach * end + form.bulge * width * (1 - u * u) ** 2)


def epiphysis_outline(form: Form, width: float, bone: str) -> Doubles | None:
    """The ossified epiphysis of a bone whose metaphysis is `width` L wide."""
    if not form.present:
        return None
    u = np.sin(np.linspace(-np.pi / 2, np.pi / 2, 31))
    lo, hi = extents(form, width)
    s = (lo + hi) / 2 + u * (hi - lo) / 2
    near = np.stack([s, joint_border(form, width, bone, u)], 1)
    far = np.stack([s, plate_border(form, width, bone, u)], 1)[::-1]
    return np.concatenate([near, far[1:-1]])


def _far_end(bone: str, half: float, end: float, young: float) -> list[tuple[float, float]]:
    """Control points of the shaft's far end from the lateral to the medial side."""
    kind = family(bone)
    if kind in ("radius", "ulna"):
        return [(half * 0.5, end), (-half * 0.5, end)]
    wide = half * _FAR_END.get(bone, _FAR_END[bone[:2]] if bone[:2] in _FAR_END else 1.0)
    if kind in ("dp", "dp1"):  # tuft
        return [
            (wide * 0.88, end - 0.74 * half), (wide, end - 0.46 * half), (wide * 0.82, end - 0.16 * half),
            (wide * 0.38, end), (-wide * 0.38, end), (-wide * 0.82, end - 0.16 * half),
            (-wide, end - 0.46 * half), (-wide * 0.88, end - 0.74 * half),
        ]  # fmt: skip
    if kind == "mc1":  # round head
        return [
            (wide, end - 0.75 * half), (wide * 0.86, end - 0.32 * half),
            (wide * 0.45, end - 0.05 * half), (-wide * 0.45, end - 0.05 * half),
            (-wide * 0.86, end - 0.32 * half), (-wide, end - 0.75 * half),
        ]  # fmt: skip
    if kind == "mc":  # base: squared, its border slanting or notched
        slant = {"mc2": 0.28, "mc3": 0.10, "mc4": -0.10, "mc5": -0.34}[bone] * half
        notch = 0.26 * half if bone == "mc2" else 0.04 * half
        return [
            (wide * 0.92, end - 0.75 * half), (wide, end - 0.30 * half - slant * 0.6),
            (wide * 0.72, end - 0.02 * half - slant * 0.5), (0.05 * wide, end - notch),
            (-wide * 0.72, end - 0.02 * half + slant * 0.5),
            (-wide, end - 0.30 * half + slant * 0.6), (-wide * 0.92, end - 0.75 * half),
        ]  # fmt: skip
    wide *= 1.0 + 0.18 * (0.5 - young)  # the head broadens as the hand matures
    return [  # two condyles with a groove
        (wide, end - 0.44 * half), ((0.90 - 0.08 * young) * wide, end - 0.14 * half), (wide * 0.50, end),
        (0.0, end - (0.07 - 0.09 * young) * half), (-wide * 0.50, end), ((0.08 * young - 0.90) * wide, end - 0.14 * half),
        (-wide, end - 0.44 * half),
    ]  # fmt: skip


def metaphysis_dip(form: Form, width: float, bone: str) -> float:
    """How far the middle of the metaphysis' border lies toward the shaft (< 0: domed toward the plate), L."""
    if bone == "radius":
        return -(0.02 + 0.8 * form.hollow) * width
    return (0.10 * form.bulge + 0.012) * width


def shaft_outline(form: Form, width: float, bone: str, end: float, young: float) -> tuple[Doubles, float]:
    """The shaft from its metaphysis to t = end, and t of the metaphysis' border. Young shafts are stouter."""
    half = width / 2
    plate = 0.5 * form.height * width + form.gap * width
    kind = family(bone)
    profile = _PROFILE[kind if kind in _PROFILE else bone[:2]]
    length = 1.0 if kind in ("radius", "ulna") else end - plate
    side = [((h + 0.42 * young * (1.0 - h)) * half, plate + f * length) for f, h in profile]
    dip = metaphysis_dip(form, width, bone)
    shoulder = 0.75 * dip if dip < 0 else 0.0
    border = [
        (-half * 0.86, plate + 0.012 * width),
        (-half * 0.45, plate + shoulder),
        (0.0, plate + dip),
        (half * 0.45, plate + shoulder),
        (half * 0.86, plate + 0.012 * width),
    ]
    corner = [(half * 0.99, plate + 0.055 * width)]
    far = _far_end(bone, half, end, young)
    other = [(-s, t) for s, t in reversed(corner + side)]
    return smooth(np.array(border + corner + side + far + other)), plate


def long_bone(bone: str, form: Form, width: float, end: float, young: float = 0.0) -> LongBone:
    """All outlines of one bone; end is t of the shaft's far end, L; young is 1 in an infant, 0 when grown."""
    shaft, plate = shaft_outline(form, width, bone, end, young)
    return LongBone(
        epiphysis_outline(form, width, bone), shaft, plate, width / 2, form, metaphysis_dip(form, width, bone)
    )


#: Carpals, sesamoid: place in the hand frame, years (boys' scale) of first appearance and of
#: full size, turn in degrees, outline as (angle from x axis to y axis in degrees, radius L).
_CARPALS: dict[str, tuple[float, float, float, float, tuple[tuple[float, float], ...]]] = {
    "capitate": (0.025, 0.845, 0.2, 14.5, (
        (0, 0.076), (35, 0.098), (62, 0.125), (90, 0.134), (118, 0.122), (145, 0.095), (180, 0.072),
        (215, 0.085), (242, 0.136), (270, 0.142), (298, 0.138), (330, 0.090))),
    "hamate": (-0.145, 0.815, 0.3, 14.5, (
        (0, 0.062), (45, 0.112), (68, 0.150), (90, 0.118), (130, 0.092), (180, 0.092), (210, 0.118),
        (240, 0.128), (270, 0.112), (305, 0.118), (330, 0.084))),
    "triquetrum": (-0.205, 0.965, 2.5, 14.0, (
        (0, 0.078), (45, 0.106), (75, 0.092), (120, 0.080), (165, 0.078), (210, 0.090),
        (235, 0.104), (270, 0.082), (315, 0.074))),
    "lunate": (-0.045, 1.035, 3.7, 14.0, (
        (0, 0.086), (35, 0.092), (90, 0.082), (145, 0.098), (180, 0.098), (215, 0.088),
        (250, 0.060), (290, 0.056), (325, 0.082))),
    "scaphoid": (0.165, 0.955, 5.6, 14.0, (
        (0, 0.082), (40, 0.080), (90, 0.092), (115, 0.116), (135, 0.124), (160, 0.098),
        (200, 0.072), (245, 0.074), (285, 0.108), (312, 0.124), (335, 0.104))),
    "trapezium": (0.300, 0.835, 5.4, 14.0, (
        (0, 0.080), (30, 0.088), (75, 0.098), (120, 0.098), (165, 0.084), (210, 0.088), (250, 0.098),
        (290, 0.088), (325, 0.096))),
    "trapezoid": (0.190, 0.812, 5.9, 14.0, (
        (0, 0.068), (50, 0.080), (95, 0.074), (135, 0.078), (180, 0.062), (230, 0.076), (270, 0.074),
        (310, 0.080))),
    "pisiform": (-0.205, 0.935, 9.8, 14.5, (
        (0, 0.050), (60, 0.055), (120, 0.054), (180, 0.050), (240, 0.058), (300, 0.058))),
    "sesamoid": (0.635, 0.385, 12.4, 15.0, (
        (0, 0.024), (90, 0.030), (180, 0.024), (270, 0.030))),
}  # fmt: skip

CARPALS: tuple[str, ...] = tuple(_CARPALS)


def carpal_outline(name: str, years: float) -> tuple[Doubles, float] | None:
    """A carpal in the hand frame at a maturity given in years, with its growth 0..1."""
    x, y, first, grown, rim = _CARPALS[name]
    if years < first:
        return None
    growth = min(1.0, 0.16 + 0.84 * ((years - first) / (grown - first)) ** (0.36 if first < 1 else 0.62))
    angle = np.radians([a for a, _ in rim])
    radius = np.array([r for _, r in rim])
    form = growth**1.5  # round at first, then its own shape
    radius = growth * ((1.0 - form) * 0.92 * radius.mean() + form * radius)
    radius *= 1.09
    y = y - 0.015 if y < 0.9 else y
    points = np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)], 1)
    return smooth(points, 6), growth
