"""What was measured on a bone, in the words of the RUS-CHN criteria, beside the network's opinion.

A small segmentation outlines epiphysis and metaphysis on the crop; from the outlines come the widths, the gap
and the capping that the standard's criteria speak of. Values only: the measuring is in the engines.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from boneage_desk.standards import rus_chn

Point = tuple[float, float]

TRUSTED = 0.5
"""Below this quality a measurement says nothing: its numbers are None and contradict no grade."""
HALF_WIDE = 3
"""The grade index from which every bone's epiphysis is at least half as wide as the metaphysis."""
WIDE_BOTH = {"ulna": 7, "mc1": 4, "mc3": 7, "mc5": 7, "pp1": 6, "pp3": 6, "pp5": 6, "mp3": 6, "mp5": 6,
             "dp1": 4, "dp3": 4, "dp5": 4}  # fmt: skip
"""The grade index from which the epiphysis is as wide as the metaphysis (radius: on one side only)."""
CAPS_ONE = {"radius": 8, "mc1": 7, "pp1": 8, "pp3": 8, "pp5": 8, "mp3": 8, "mp5": 8, "dp1": 7, "dp3": 7, "dp5": 7}
"""The grade index of capping on one side; the next is capping on both (none for ulna, mc3 and mc5)."""
FUSION = {"radius": 10, "ulna": 8, "mc1": 9, "mc3": 8, "mc5": 8, "pp1": 10, "pp3": 10, "pp5": 10, "mp3": 10,
          "mp5": 10, "dp1": 9, "dp3": 9, "dp5": 9}  # fmt: skip
"""The grade index at which fusion has begun."""
WIDTH_SLACK = 0.15
"""A width speaks against a grade only when it misses what is asked by more than this share of the metaphysis."""
NARROW_SLACK = 0.25
"""The same where a centre is wider than its early grade: small centres are outlined too large."""
OPEN, CLOSED = 0.1, 0.9
"""Fused shares at which a plate is plainly open or closed; between them a grey line decides too little."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Measurements of one bone on its box in force.

    ``width_ratio``: greatest width of the epiphysis over the metaphysis' width at its edge, both across the
    bone's axis. ``gap``: least distance between the two along the axis as a share of the metaphysis' width;
    0 where they touch, negative where they overlap. ``caps_thumb_side``, ``caps_little_side``: the epiphysis
    reaches past the metaphysis' corner towards the shaft's middle on that side; a cap that was not seen is None,
    for the outline often stops short of it. ``fused_share``: share of the metaphysis' width over which no dark
    line is left: fused, or projected over each other. Each None where it could not be measured; an absent centre
    (``present`` False) has none of them. ``epiphysis_line``, ``metaphysis_line``: where the two widths were taken,
    ends in film pixels (x, y). ``quality``: 0..1, how far the outline can be trusted.
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
        rus_chn.check_bone(self.bone)
        numbers = [self.quality, self.width_ratio, self.gap, self.fused_share]
        if not all(math.isfinite(v) for v in numbers if v is not None):
            raise ValueError(f"evidence of {self.bone} with a value that is no number")
        if not 0 <= self.quality <= 1:
            raise ValueError(f"quality of {self.bone} outside 0..1")
        if self.fused_share is not None and not 0 <= self.fused_share <= 1:
            raise ValueError(f"fused share of {self.bone} outside 0..1")


# --- in words -------------------------------------------------------------------------------------
def evidence_words(evidence: Evidence) -> tuple[str, ...]:
    """Short phrases in the standard's terms, the most telling first, such as 'as wide as the shaft (1.02)'."""
    if evidence.quality < TRUSTED:
        return ("not measured: the outline is unclear",)
    if not evidence.present:
        return ("no ossification centre seen",)
    words = [_fused_words(evidence.fused_share), _cap_words(evidence), _width_words(evidence.width_ratio)]
    words.append(_gap_words(evidence))
    return tuple(text for text in words if text) or ("nothing could be measured",)


def _width_words(ratio: float | None) -> str:
    if ratio is None:
        return ""
    if ratio < 0.5:
        return f"less than half the shaft ({ratio:.2f})"
    if ratio < 0.92:
        return f"half the shaft or more ({ratio:.2f})"
    return f"{'as wide as' if ratio <= 1.08 else 'wider than'} the shaft ({ratio:.2f})"


def _fused_words(share: float | None) -> str:
    """How much of the plate is closed; '' while most of it is open."""
    if share is None or share < 0.4:
        return ""
    if share >= CLOSED:
        return "no gap to the shaft is left"
    return f"gap closed over about {'half' if share < 0.65 else '3/4'} of the width"


def _cap_words(evidence: Evidence) -> str:
    thumb, little = evidence.caps_thumb_side, evidence.caps_little_side
    if thumb and little:
        return "caps the shaft on both sides"
    if thumb or little:
        return f"caps the shaft on the {'thumb' if thumb else 'little finger'} side"
    return ""


def _gap_words(evidence: Evidence) -> str:
    gap = evidence.gap
    if gap is None or _fused_words(evidence.fused_share):
        return ""
    if gap < -0.02:
        return "overlaps the shaft"
    return "touches the shaft in places" if gap < 0.02 else f"gap {gap:.2f} of the shaft's width"


# --- against a grade ------------------------------------------------------------------------------
def contradiction(evidence: Evidence, grade: int) -> str:
    """One sentence where the measurement speaks against the grade (table index) by its criteria, else ''.

    Criteria are minima: a wide epiphysis does not refute a grade that asks for less, except where the next
    criterion is plainly passed (half the width, capping on both sides, fusion).
    """
    bone = evidence.bone
    rus_chn.check_grade(bone, grade)
    if evidence.quality < TRUSTED:
        return ""
    label = rus_chn.label(bone, grade)
    if not evidence.present:
        return "" if grade == 0 else f"No ossification centre is seen; grade {label} has one."
    if grade == 0:
        return "An ossification centre is seen; grade 0 has none."
    return _fusion_against(evidence, grade, label) or _width_against(evidence, grade, label) or _caps_against(
        evidence, grade, label
    )


def _fusion_against(evidence: Evidence, grade: int, label: str) -> str:
    share, begins = evidence.fused_share, FUSION[evidence.bone]
    if share is None:
        return ""
    if share <= OPEN and grade > begins:
        fused = "fused" if grade == rus_chn.max_grade(evidence.bone) else "fused in part"
        return f"The gap to the shaft is open over {100 * (1 - share):.0f} % of the width; grade {label} is {fused}."
    if share >= CLOSED and grade < begins - 1:
        return f"No gap to the shaft is left over {100 * share:.0f} % of the width; grade {label} comes before fusion."
    return ""


def _width_against(evidence: Evidence, grade: int, label: str) -> str:
    ratio = evidence.width_ratio
    if ratio is None or grade >= FUSION[evidence.bone]:
        return ""
    told = f"The epiphysis measures {ratio:.2f} of the shaft's width"
    if grade >= WIDE_BOTH.get(evidence.bone, 99) and ratio < 1 - WIDTH_SLACK:
        return f"{told}; grade {label} asks for the full width."
    if grade >= HALF_WIDE and ratio < 0.5 - WIDTH_SLACK:
        return f"{told}; grade {label} asks for half or more."
    several = evidence.bone == "pp1" and grade == 2  # several centres together may be wider than half
    if grade < HALF_WIDE and not several and ratio > 0.5 + NARROW_SLACK:
        return f"{told}, more than half; grade {label} is narrower."
    return ""


def _caps_against(evidence: Evidence, grade: int, label: str) -> str:
    one = CAPS_ONE.get(evidence.bone)
    thumb, little = evidence.caps_thumb_side, evidence.caps_little_side
    if one is None or thumb is None or little is None or grade >= FUSION[evidence.bone]:
        return ""
    if grade >= one and not thumb and not little:
        return f"The epiphysis caps the shaft on neither side; grade {label} caps it."
    if grade < one - 1 and thumb and little:
        return f"The epiphysis caps the shaft on both sides; grade {label} comes before."
    return ""
