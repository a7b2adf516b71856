"""What to draw and what was drawn: the phantom's two values.

Lengths inside the phantom are in units of L, the distance from the epiphysis
of the third metacarpal to that of the third distal phalanx; film positions are
in pixels, x to the right and y down, pixel (0, 0) centred on (0.5, 0.5).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

#: Bone ids of RUS-CHN, in the table's order, with the index of the last grade.
LAST_GRADE: Mapping[str, int] = MappingProxyType(
    {
        "radius": 14,
        "ulna": 12,
        "mc1": 11,
        "mc3": 10,
        "mc5": 10,
        "pp1": 12,
        "pp3": 12,
        "pp5": 12,
        "mp3": 12,
        "mp5": 12,
        "dp1": 11,
        "dp3": 11,
        "dp5": 11,
    }
)

BONES: tuple[str, ...] = tuple(LAST_GRADE)

#: Side of the standard square crop of each bone, as a share of L.
CROP_SHARE: Mapping[str, float] = MappingProxyType(
    {
        "radius": 0.62,
        "ulna": 0.45,
        "mc1": 0.45,
        "mc3": 0.46,
        "mc5": 0.46,
        "pp1": 0.42,
        "pp3": 0.42,
        "pp5": 0.40,
        "mp3": 0.38,
        "mp5": 0.34,
        "dp1": 0.34,
        "dp3": 0.30,
        "dp5": 0.28,
    }
)


def check_canvas(side: str, bits: int, size: tuple[int, int]) -> None:
    """Raises ValueError for a side, a depth in bits or a size (rows, columns) that no drawn film has."""
    if side not in ("left", "right"):
        raise ValueError(f"side {side!r} is neither 'left' nor 'right'")
    if bits not in (8, 10, 12, 14, 16):
        raise ValueError(f"bits {bits} is not one of 8, 10, 12, 14, 16")
    if min(size) < 48:
        raise ValueError(f"size {size}: a film has at least 48 rows and columns")


@dataclass(frozen=True, slots=True)
class PhantomSpec:
    """One film to draw. The same spec always gives the same pixels.

    grades: bone id -> RUS-CHN grade index, all 13 bones.
    side: which hand; a left hand seen from its back has the thumb on the right.
    rotation_deg: turn of the hand on the film, counter-clockwise as seen.
    mirrored: the finished film is flipped left to right, marker and all.
    size: rows, columns.
    bits: stored bits; 8 gives uint8 pixels, 10, 12, 14 and 16 give uint16.
    seed: noise, texture, pose and proportions.
    hand_fraction: part of the film's height that the upright hand fills, from
        the longest fingertip to the distal forearm; a turned hand that would
        leave the film is drawn smaller.
    marker: a burnt-in L or R beside the wrist.
    sex: 'M' draws slightly broader bones; None is between the two.
    """

    grades: Mapping[str, int]
    side: Literal["left", "right"] = "left"
    rotation_deg: float = 0.0
    mirrored: bool = False
    size: tuple[int, int] = (2500, 2000)
    bits: int = 12
    seed: int = 0
    fingers_together: bool = False
    hand_fraction: float = 0.85
    marker: bool = True
    sex: Literal["M", "F"] | None = None

    def __post_init__(self) -> None:
        missing = [bone for bone in BONES if bone not in self.grades]
        unknown = [bone for bone in self.grades if bone not in LAST_GRADE]
        if missing or unknown:
            raise ValueError(f"grades: missing {missing}, unknown {unknown}")
        for bone, grade in self.grades.items():
            if not 0 <= grade <= LAST_GRADE[bone]:
                raise ValueError(f"{bone}: grade {grade} is not in 0..{LAST_GRADE[bone]}")
        check_canvas(self.side, self.bits, self.size)
        if not 0.1 <= self.hand_fraction <= 1.0:
            raise ValueError(f"hand_fraction {self.hand_fraction} is not in 0.1..1")
        if self.sex not in ("M", "F", None):
            raise ValueError(f"sex {self.sex!r} is neither 'M', 'F' nor None")
        ordered = {bone: int(self.grades[bone]) for bone in BONES}
        object.__setattr__(self, "grades", MappingProxyType(ordered))


@dataclass(frozen=True, slots=True)
class Truth:
    """Where the epiphyses of a film lie; the fields are those of `PhantomFilm`."""

    boxes: Mapping[str, tuple[float, float, float, float]]
    centres: Mapping[str, tuple[float, float]]
    unit_px: float
    others: Mapping[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class PhantomFilm:
    """A drawn film with its truth.

    pixels: uint8 or uint16 [rows, columns], read-only, bright = bone.
    boxes: bone id -> (x0, y0, x1, y1) in film pixels: the square that an
        upright crop of the bone would take, centred on the epiphysis.
    centres: bone id -> (x, y) of the epiphysis, film pixels; where there is no
        ossification centre yet, the place where it will appear.
    unit_px: L in pixels.
    others: centres of the eight epiphyses of rays 2 and 4 (mc2, mc4, pp2 ... dp4).
    spec: what was asked for.
    """

    pixels: NDArray[np.unsignedinteger]
    boxes: Mapping[str, tuple[float, float, float, float]]
    centres: Mapping[str, tuple[float, float]]
    unit_px: float
    others: Mapping[str, tuple[float, float]]
    spec: PhantomSpec = field(repr=False)
