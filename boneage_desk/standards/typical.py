"""Grades of a hand at an age, for drawings: an illustration, neither a child nor a plate of an atlas.

The points of RUS-CHN were fitted so that the bones of one child agree; so at a total score S each bone stands, on average,
at S / 1000 of its own last points. The steps of all bones from one grade to the next are put in the order in which they
come by that (each halfway between the points of its two grades), and a hand of an age has gone as many of them as brings
its total nearest to the median score of that age. Grades so never fall with age. Below the first printed knot (1 year) the
median runs straight from 0 points at birth. A real hand has bones ahead of and behind these. Never used for reading.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from boneage_desk.common.errors import StandardError
from boneage_desk.standards import rus_chn
from boneage_desk.standards.types import Sex


@cache
def _steps(sex: Sex) -> tuple[tuple[str, int, int], ...]:
    """Every step of every bone by rising maturity: bone, the grade that it leads to, total score after it."""
    order = sorted(
        ((points[grade - 1] + points[grade]) / (2 * points[-1]), at, bone, grade)
        for at, bone in enumerate(rus_chn.BONES)
        for points in (rus_chn.scores(bone, sex),)
        for grade in range(1, len(points))
    )
    total, found = 0, []
    for _, _, bone, grade in order:
        total += rus_chn.score(bone, grade, sex) - rus_chn.score(bone, grade - 1, sex)
        found.append((bone, grade, total))
    return tuple(found)


def typical_grades(months: float, sex: Sex) -> Mapping[str, int]:
    """RUS-CHN grade index of each of the 13 bones at a bone age in months. StandardError (code 'age-range') for an age
    that is none; past the curve's end the hand is fused.

    >>> typical_grades(0.0, Sex.MALE)["radius"], typical_grades(228.0, Sex.MALE)["radius"]
    (0, 14)
    """
    if not math.isfinite(months) or months < 0:
        raise StandardError(f"There is no hand of {months} months.", code="age-range")
    first_months, first_score = rus_chn.knots(sex)[0]
    wanted = rus_chn.score_at_age(months, sex)
    if months < first_months:
        wanted = first_score * months / first_months
    grades, total = dict.fromkeys(rus_chn.BONES, 0), 0
    for bone, grade, after in _steps(sex):
        if abs(after - wanted) > abs(total - wanted):
            break
        grades[bone], total = grade, after
    return MappingProxyType(grades)
