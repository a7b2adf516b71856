"""Greulich-Pyle, second edition 1959: the skeletal ages of the plates, as a ladder. No plate is shown or packaged.

31 plates for boys, 27 for girls, unevenly spaced; the age printed under a plate is its skeletal age. The last plate is
a fused hand and is reported as a bound: '>= 19 y' (boys), '>= 18 y' (girls). What a child's age makes of a bone age
(SD, normal range) is in `gp_sd`.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from functools import cache

from boneage_desk.common.errors import StandardError
from boneage_desk.standards.tables import load
from boneage_desk.standards.types import BoneAge, Qualifier, Sex

STANDARD_ID = "greulich-pyle"


@dataclass(frozen=True, slots=True)
class Plate:
    """One plate: ``number`` from 1 as the atlas counts, ``months`` its skeletal age. ``last``: fused, a bound only."""

    number: int
    months: float
    last: bool = False

    @property
    def bone_age(self) -> BoneAge:
        """The plate's age as a bone age; '>=' at the last plate."""
        return BoneAge(self.months, Qualifier.AT_LEAST if self.last else Qualifier.POINT)


@cache
def plates(sex: Sex) -> tuple[Plate, ...]:
    """The ladder of ``sex``, youngest first.

    >>> len(plates(Sex.MALE)), plates(Sex.FEMALE)[-1].bone_age.text
    (31, '>= 18 y 0 m')
    """
    table = load("gp_standards")
    months = [float(value) for value in table[sex.table]]
    if table["unit"] != "months" or any(a >= b for a, b in zip(months, months[1:], strict=False)):
        raise StandardError("The plate ages are not in months by rising age.", code="table-altered")
    return tuple(Plate(i, value, i == len(months)) for i, value in enumerate(months, 1))


def plate(number: int, sex: Sex) -> Plate:
    """The plate of this number; StandardError (code 'illegal-grade') where ``sex`` has none."""
    ladder = plates(sex)
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= len(ladder):
        raise StandardError(
            f"There is no plate {number!r} of this sex.", f"Its plates are 1 to {len(ladder)}.", code="illegal-grade"
        )
    return ladder[number - 1]


def on_the_ladder(ba_months: float, sex: Sex) -> BoneAge:
    """A bone age as Greulich-Pyle can say it: from the fused hand of the last plate on it is a bound.

    >>> on_the_ladder(216.0, Sex.FEMALE).text, on_the_ladder(216.0, Sex.MALE).text
    ('>= 18 y 0 m', '18 y 0 m')
    """
    last = plates(sex)[-1]
    return last.bone_age if ba_months >= last.months else BoneAge(ba_months)


def between(number: int, sex: Sex) -> BoneAge:
    """A hand between plate ``number`` and the next: halfway, which practice allows. StandardError past the last plate."""
    low, high = plate(number, sex), plate(number + 1, sex)
    return BoneAge((low.months + high.months) / 2)


def nearest(ba_months: float, sex: Sex, count: int = 2) -> tuple[Plate, ...]:
    """The ``count`` plates nearest to a bone age in months, by rising age; of two equally near the younger first.

    >>> [p.months for p in nearest(126.0, Sex.MALE)]
    [120.0, 132.0]
    """
    if not math.isfinite(ba_months) or ba_months < 0:
        raise StandardError(f"A bone age of {ba_months} months has no plate.", code="age-range")
    near = sorted(plates(sex), key=lambda p: (abs(p.months - ba_months), p.months))[:count]
    return tuple(sorted(near, key=lambda p: p.months))


def around(ba_months: float, sex: Sex) -> tuple[Plate | None, Plate | None]:
    """The last plate not older than a bone age, and the first that is older; None past an end of the ladder."""
    ladder = plates(sex)
    at = bisect_right(ladder, ba_months, key=lambda p: p.months)
    return (ladder[at - 1] if at else None), (ladder[at] if at < len(ladder) else None)
