"""What was measured on a bone, in the words of the RUS-CHN criteria, beside the network's opinion.

A small segmentation outlines epiphysis and metaphysis on the crop; from the outlines come the widths, the gap
and the capping that the standard's criteria speak of. Values only: the measuring is in the engines.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Measurements of one bone on its box in force.

    ``width_ratio``: greatest width of the epiphysis over the metaphysis' width at its edge, both across the
    bone's axis. ``gap``: least distance between the two along the axis as a share of the metaphysis' width;
    0 where they touch, negative where they overlap. ``caps_thumb_side``, ``caps_little_side``: the epiphysis
    reaches proximally past the metaphysis' corner on that side. ``fused_share``: share of the metaphysis'
    width over which no gap is left. Each None where it could not be measured; an absent centre (``present``
    False) has none of them. ``epiphysis_line``, ``metaphysis_line``: where the two widths were taken, ends in
    film pixels (x, y). ``quality``: 0..1, how far the outline can be trusted.
    """

    bone: str
    present: bool
    quality: float
    width_ratio: float | None = None
    gap: float | None = None
    caps_thumb_side: bool | None = None
    caps_little_side: bool | None = None
    fused_share: float | None = None
    epiphysis_line: tuple[Point, Point] | None = None
    metaphysis_line: tuple[Point, Point] | None = None

    def __post_init__(self) -> None:
        numbers = [self.quality, self.width_ratio, self.gap, self.fused_share]
        if not all(math.isfinite(v) for v in numbers if v is not None):
            raise ValueError(f"evidence of {self.bone} with a value that is no number")
        if not 0 <= self.quality <= 1:
            raise ValueError(f"quality of {self.bone} outside 0..1")


def evidence_words(evidence: Evidence) -> tuple[str, ...]:
    """Short phrases in the standard's terms, the most telling first, such as 'as wide as the shaft (1.02)'."""
    raise NotImplementedError


def contradiction(evidence: Evidence, grade: int) -> str:
    """One sentence where the measurement speaks against the grade (table index) by its criteria, else ''."""
    raise NotImplementedError
