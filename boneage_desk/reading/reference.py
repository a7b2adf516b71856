"""Bone age against the child's age: the named table's normal range, SD score and conclusion.

The rule of paediatric radiology reports: normal is the chronological age -+ 2 SD (Brush Foundation, `standards.gp_sd`).
That table was read with the Greulich-Pyle standards and a RUS-CHN bone age is another measure; the report says both.
"""

from __future__ import annotations

from dataclasses import dataclass

from boneage_desk.reading.summary import Summary
from boneage_desk.standards import gp_sd
from boneage_desk.standards.types import Qualifier, Sex

LIMIT_SD = 2.0
DELAYED, NORMAL, ADVANCED = "delayed", "normal", "advanced"


@dataclass(frozen=True, slots=True)
class Reference:
    """What the table says at the child's age. Months; ``low_months``/``high_months``: the normal range, age -+ 2 SD.

    ``sd_score``: (bone age - chronological age) / SD, None where the bone age is only a bound. ``conclusion``: 'delayed',
    'normal', 'advanced', or '' where the bone age is missing or a bound that leaves it open.
    """

    name: str
    mean_months: float
    sd_months: float
    low_months: float
    high_months: float
    sd_score: float | None
    conclusion: str


def reference_of(summary: Summary, sex: Sex | None) -> Reference | None:
    """The reference for this child; None without sex or age, or at an age for which the table has no SD."""
    age = summary.chronological_months
    if sex is None or age is None:
        return None
    found = gp_sd.spread(age, sex)
    if found is None:
        return None
    low, high = age - LIMIT_SD * found.sd_months, age + LIMIT_SD * found.sd_months
    score = None if summary.difference_months is None else summary.difference_months / found.sd_months
    return Reference(
        gp_sd.NAME, found.mean_months, found.sd_months, low, high, score, _conclusion(summary, low, high)
    )


def _conclusion(summary: Summary, low: float, high: float) -> str:
    bone_age = summary.bone_age
    if bone_age is None:
        return ""
    if bone_age.qualifier is Qualifier.AT_LEAST:
        return ADVANCED if bone_age.months > high else ""
    if bone_age.qualifier is Qualifier.BELOW:
        return DELAYED if bone_age.months <= low else ""
    return DELAYED if bone_age.months < low else ADVANCED if bone_age.months > high else NORMAL
