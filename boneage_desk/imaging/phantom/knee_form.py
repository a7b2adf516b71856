"""How a drawn knee looks at a bone age: sizes, gaps and closing of its three growth plates.

The knee frame: a left knee seen from the front, femur above, fibula to the right (+x), y toward the ankle, origin in
the middle of the joint. Unit W: width of the femur's end beside its plate, at every age, so that a film's scale tells
no age. Ages of the drawn signs are rounded from what text books say of the knee (distal femoral centre at birth,
proximal tibia soon after, fibular head at 3 to 4 years, patella at 3 to 5, tibial spines from 6 years, plates closed at
15 to 16 years in girls and 17 to 18 in boys): a drawing of growth, no standard.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from boneage_desk.imaging.phantom.spec import check_canvas

OLDEST_MONTHS = 228.0
"""A grown knee; older ages draw the same."""
SCATTER_YEARS = 0.25
"""Spread of each sign about the bone age, boys' years: children's signs do not agree exactly."""

# girl's bone age -> age at which a boy's knee looks so, years
_GIRL = ((0, 2, 4, 6, 8, 10, 12, 13, 14, 15, 16, 19), (0, 2.4, 5, 7.4, 9.7, 12, 14.2, 15.2, 16.2, 17.2, 18, 19))

# sign -> (boys' years, value); lengths in W
_SIGNS: MappingProxyType[str, tuple[tuple[float, ...], tuple[float, ...]]] = MappingProxyType(
    {
        "femur_width": ((0, 1, 2, 4, 6, 9, 12, 15, 18), (0.32, 0.56, 0.71, 0.86, 0.94, 1.01, 1.05, 1.08, 1.08)),
        "femur_height": ((0, 1, 2, 4, 6, 9, 12, 18), (0.20, 0.29, 0.33, 0.37, 0.40, 0.425, 0.44, 0.45)),
        "femur_gap": ((0, 1, 2, 4, 6, 9, 12, 14.5, 16, 17), (0.16, 0.11, 0.085, 0.062, 0.05, 0.041, 0.034, 0.025, 0.015, 0.01)),
        "femur_shape": ((1, 4, 8, 13), (0.0, 0.45, 0.85, 1.0)),
        "tibia_width": ((0, 1, 2, 4, 6, 9, 12, 18), (0.18, 0.48, 0.65, 0.81, 0.91, 0.99, 1.04, 1.06)),
        "tibia_height": ((0, 1, 2, 4, 6, 9, 12, 18), (0.11, 0.15, 0.17, 0.19, 0.205, 0.22, 0.23, 0.24)),
        "tibia_gap": ((0, 1, 2, 4, 6, 9, 12, 14.5, 16, 17), (0.13, 0.09, 0.072, 0.054, 0.045, 0.037, 0.031, 0.023, 0.013, 0.01)),
        "spines": ((5, 7, 10, 14, 18), (0.0, 0.016, 0.04, 0.06, 0.066)),
        "fibula": ((3.4, 3.7, 6, 9, 13), (0.0, 0.30, 0.62, 0.85, 1.0)),
        "fibula_gap": ((3, 8, 12, 15, 17), (0.075, 0.05, 0.036, 0.024, 0.01)),
        "patella": ((3.6, 4.0, 6, 10, 14), (0.0, 0.10, 0.26, 0.40, 0.46)),
        "femur_fused": ((15.2, 17.2), (0.0, 1.0)),
        "tibia_fused": ((15.0, 17.0), (0.0, 1.0)),
        "fibula_fused": ((15.8, 17.6), (0.0, 1.0)),
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class KneeForm:
    """Sizes in W; ``*_shape`` 0 (an egg) to 1 (grown), ``*_fused`` share of the plate that is bridged, 0 to 1;
    ``fibula`` share of the head's width (0: no centre yet), ``patella`` its width (0: none yet)."""

    femur_width: float
    femur_height: float
    femur_gap: float
    femur_shape: float
    tibia_width: float
    tibia_height: float
    tibia_gap: float
    spines: float
    fibula: float
    fibula_gap: float
    patella: float
    femur_fused: float
    tibia_fused: float
    fibula_fused: float


@dataclass(frozen=True, slots=True)
class KneeSpec:
    """One knee film to draw. The same spec always gives the same pixels.

    bone_age_months: what the signs show, 0 to 228 (older draws as grown); sex: a girl's knee is ahead of a boy's of the
    same age. side: which knee; on a film from the front a left knee's fibula is on the image's right. rotation_deg:
    counter-clockwise as seen. mirrored: the finished film is flipped. size: rows, columns. bits: stored bits. seed:
    noise, texture, proportions, exposure and the scatter of the signs. knee_fraction: part of the film's height that the
    upright knee from 1.25 W above the joint to 1.35 W below it fills. scatter: years, see `SCATTER_YEARS`.
    """

    bone_age_months: float
    sex: Literal["M", "F"]
    side: Literal["left", "right"] = "left"
    rotation_deg: float = 0.0
    mirrored: bool = False
    size: tuple[int, int] = (1200, 900)
    bits: int = 12
    seed: int = 0
    knee_fraction: float = 1.0
    marker: bool = True
    scatter: float = SCATTER_YEARS

    def __post_init__(self) -> None:
        if not 0 <= self.bone_age_months <= 264:
            raise ValueError(f"bone_age_months {self.bone_age_months} is not in 0..264")
        if self.sex not in ("M", "F"):
            raise ValueError(f"sex {self.sex!r} is neither 'M' nor 'F'")
        check_canvas(self.side, self.bits, self.size)
        if not 0.3 <= self.knee_fraction <= 1.6:
            raise ValueError(f"knee_fraction {self.knee_fraction} is not in 0.3..1.6")
        if not 0 <= self.scatter <= 2:
            raise ValueError(f"scatter {self.scatter} years is not in 0..2")


@dataclass(frozen=True, slots=True)
class KneeFilm:
    """A drawn knee. pixels: uint8 or uint16 [rows, columns], read-only, bright = bone. joint: (x, y) of the joint's
    middle, plates: name -> (x, y) of the middle of each plate, film pixels; unit_px: W in pixels."""

    pixels: NDArray[np.unsignedinteger]
    joint: tuple[float, float]
    plates: dict[str, tuple[float, float]]
    unit_px: float
    form: KneeForm
    spec: KneeSpec


def boys_years(bone_age_months: float, sex: str) -> float:
    """The age at which a boy's knee looks as this knee does, years."""
    years = min(bone_age_months, OLDEST_MONTHS) / 12.0
    return years if sex == "M" else float(np.interp(years, *_GIRL))


def knee_form(spec: KneeSpec) -> KneeForm:
    """The signs of a spec, each moved by its own scatter."""
    years = boys_years(spec.bone_age_months, spec.sex)
    rng = np.random.default_rng([spec.seed, 11])
    moved = years + spec.scatter * rng.standard_normal(len(_SIGNS))
    form = KneeForm(**{name: float(np.interp(at, *curve)) for at, (name, curve) in zip(moved, _SIGNS.items(), strict=True)})
    if years >= OLDEST_MONTHS / 12 - 0.6:  # grown is grown: no scatter opens a plate again
        form = replace(form, femur_fused=1.0, tibia_fused=1.0, fibula_fused=1.0)
    return form


def sign_names() -> tuple[str, ...]:
    """The signs, in the order of `KneeForm`."""
    return tuple(f.name for f in fields(KneeForm))
