"""Where the bones of a hand lie and how wide they are.

Hand frame: a left hand seen from its back, fingers up, thumb to the right; x
to the thumb's side, y toward the elbow, origin in the epiphysis of the third
metacarpal, unit L. Positions and widths are averages that one would measure on
many films (rounded); nothing here follows one person's outline. Seen in units
of L they hardly change from 3 to 17 years.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from boneage_desk.imaging.phantom.fields import Doubles, affine
from boneage_desk.imaging.phantom.forms import last_grade
from boneage_desk.imaging.phantom.spec import BONES, PhantomSpec

#: Epiphyses, and for the fingers the tip of the last bone.
_PLACE: dict[str, tuple[float, float]] = {
    "radius": (0.15, 1.14), "ulna": (-0.155, 1.19),
    "mc1": (0.435, 0.765), "mc2": (0.287, -0.025), "mc3": (0.0, 0.0),
    "mc4": (-0.221, 0.121), "mc5": (-0.423, 0.257),
    "pp1": (0.735, 0.315), "pp2": (0.298, -0.125), "pp3": (-0.004, -0.104),
    "pp4": (-0.250, 0.022), "pp5": (-0.468, 0.166),
    "mp2": (0.360, -0.62), "mp3": (-0.054, -0.652), "mp4": (-0.408, -0.464), "mp5": (-0.715, -0.122),
    "dp1": (0.943, -0.02), "dp2": (0.382, -0.902), "dp3": (-0.097, -0.995), "dp4": (-0.500, -0.780),
    "dp5": (-0.845, -0.315),
}  # fmt: skip
_MC_BASE = {2: (0.205, 0.745), 3: (0.045, 0.70), 4: (-0.115, 0.675), 5: (-0.245, 0.70)}
#: How much farther from the knuckles the forearm lies in a grown hand, L.
_LONGER_WRIST = {"radius": 0.05, "ulna": 0.02}
_TIP_LENGTH = {1: 0.29, 2: 0.215, 3: 0.225, 4: 0.225, 5: 0.20}

#: Width of the metaphysis of a nearly grown hand, in L.
_WIDTH: dict[str, float] = {
    "radius": 0.368, "ulna": 0.192,
    "mc1": 0.150, "mc2": 0.172, "mc3": 0.172, "mc4": 0.148, "mc5": 0.146,
    "pp1": 0.152, "pp2": 0.172, "pp3": 0.175, "pp4": 0.158, "pp5": 0.142,
    "mp2": 0.132, "mp3": 0.145, "mp4": 0.136, "mp5": 0.105,
    "dp1": 0.128, "dp2": 0.103, "dp3": 0.110, "dp4": 0.107, "dp5": 0.090,
}  # fmt: skip

LONG_BONES: tuple[str, ...] = tuple(_PLACE)


@dataclass(frozen=True, slots=True)
class Pose:
    """A bone's frame in the hand frame: origin, lateral axis, axis from joint to shaft."""

    origin: tuple[float, float]
    lateral: tuple[float, float]
    axis: tuple[float, float]

    def matrix(self) -> Doubles:
        """3x3, local (s, t) -> hand (x, y)."""
        return affine(
            [
                [self.lateral[0], self.axis[0], self.origin[0]],
                [self.lateral[1], self.axis[1], self.origin[1]],
            ]
        )


@dataclass(frozen=True, slots=True)
class Anatomy:
    """The posed hand: frames, widths and reach of its long bones, and its maturity.

    grades: of all 21 long bones; rays 2 and 4 follow their neighbours.
    reach: t of the far end of the shaft's room, in L (for a phalanx the next
        epiphysis, for a metacarpal of a finger its base).
    maturity: mean of grade / last grade over the 13 bones, 0..1.
    """

    poses: Mapping[str, Pose]
    widths: Mapping[str, float]
    reach: Mapping[str, float]
    grades: Mapping[str, int]
    maturity: float


def _turned(angle: float, length: float) -> tuple[float, float]:
    """A vector `angle` radians from straight up toward the thumb's side."""
    return length * math.sin(angle), -length * math.cos(angle)


def all_grades(grades: Mapping[str, int]) -> dict[str, int]:
    """Grades of all 21 long bones: those given, and analogous ones for rays 2 and 4."""
    share = {bone: grades[bone] / last_grade(bone) for bone in BONES}
    out = dict(grades)
    for bone, low, high in (
        ("mc2", "mc3", "mc3"), ("mc4", "mc3", "mc5"), ("pp2", "pp3", "pp3"), ("pp4", "pp3", "pp5"),
        ("mp2", "mp3", "mp3"), ("mp4", "mp3", "mp5"), ("dp2", "dp3", "dp3"), ("dp4", "dp3", "dp5"),
    ):  # fmt: skip
        out[bone] = round((share[low] + share[high]) / 2 * last_grade(bone))
    return out


def bone_age_guess(maturity: float) -> float:
    """Years of a typical hand (boys' scale) of this mean share of the grades; for the carpus."""
    share = [0.0, 0.08, 0.175, 0.24, 0.31, 0.40, 0.54, 0.64, 0.75, 0.875, 1.0]
    years = [0.5, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 13.0, 14.0, 15.0, 17.5]
    return float(np.interp(maturity, share, years))


def pose_hand(spec: PhantomSpec) -> Anatomy:
    """Lay the bones out: mean places, turned and scaled a little by the seed."""
    rng = np.random.default_rng([spec.seed, 1])
    maturity = float(np.mean([spec.grades[bone] / last_grade(bone) for bone in BONES]))
    places = {bone: np.array(at) for bone, at in _PLACE.items()}
    poses: dict[str, Pose] = {}
    reach: dict[str, float] = {}
    spread = 1.0 + 0.10 * rng.standard_normal()
    bend = 0.02 * rng.standard_normal(6)
    middle = math.atan2(-0.097, 0.995)

    for ray in (1, 2, 3, 4, 5):
        chain = [f"mc{ray}", f"pp{ray}", f"mp{ray}", f"dp{ray}"]
        if ray == 1:
            chain.remove("mp1")
        steps = [places[b] - places[a] for a, b in zip(chain[:-1], chain[1:], strict=True)]
        lengths = [float(np.hypot(*step)) for step in steps] + [_TIP_LENGTH[ray]]
        angles = [math.atan2(step[0], -step[1]) for step in steps]
        angles.append(angles[-1] + (0.0 if ray > 1 else 0.02))
        if ray == 1:
            if spec.fingers_together:
                angles = [angles[0] - 0.20, angles[1] - 0.36, angles[2] - 0.36]
            else:
                angles = [a + (spread - 1.0) * 0.6 for a in angles]
        else:
            share = 0.14 if spec.fingers_together else min(1.25, max(0.7, spread))
            first = 0.5 if spec.fingers_together else 1.0  # the knuckle row turns less
            angles = [
                middle + (a - middle) * (first if k == 0 else share) + bend[ray] * (k > 0) for k, a in enumerate(angles)
            ]
        at = np.array(_PLACE[chain[0]])
        for k, bone in enumerate(chain):
            places[bone] = at
            step = np.array(_turned(angles[k], lengths[k]))
            if k or ray == 1:
                axis = step / lengths[k]
                poses[bone] = Pose(
                    (float(at[0]), float(at[1])),
                    (float(-axis[1]), float(axis[0])),
                    (float(axis[0]), float(axis[1])),
                )
                reach[bone] = lengths[k]
            else:
                base = np.array(_MC_BASE[ray])
                length = float(np.hypot(*(base - at)))
                axis = (base - at) / length
                poses[bone] = Pose(
                    (float(at[0]), float(at[1])),
                    (float(axis[1]), float(-axis[0])),
                    (float(axis[0]), float(axis[1])),
                )
                reach[bone] = length
            at = at + step
    for bone, angle in (("radius", -0.035), ("ulna", 0.02)):
        axis = np.array([math.sin(angle), math.cos(angle)])
        place = (_PLACE[bone][0], _PLACE[bone][1] + _LONGER_WRIST[bone] * max(0.0, maturity - 0.6) / 0.4)
        poses[bone] = Pose(place, (float(axis[1]), float(-axis[0])), (float(axis[0]), float(axis[1])))
        reach[bone] = 3.2

    broad = {"M": 1.03, "F": 0.97, None: 1.0}[spec.sex] * (1.0 + 0.03 * rng.standard_normal())
    young = 0.93 + 0.07 * min(1.0, maturity / 0.75)
    widths = {bone: width * broad * young for bone, width in _WIDTH.items()}
    return Anatomy(poses, widths, reach, all_grades(spec.grades), maturity)
