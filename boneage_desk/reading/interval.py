"""The prediction interval of a bone age, carried from the grades' joint distribution through the standard.

Each bone's probabilities give the mean and the spread of its points; the bones of one hand err together, so their
spreads add with a correlation. The total's mean and spread go through the score-age curve, which makes the interval
lopsided where the curve bends. A factor measured on held-out films (split conformal prediction: Vovk 2005; by sex
and band of bone age) stretches it to the stated coverage.

Decided by a person: a bone whose grade a person set to another than the machine's, or graded without the machine,
brings the points of that grade and no spread: the machine's doubt is about a grade no longer in force. A grade that
a person merely accepted keeps its doubt. Whoever graded, ``IntervalTable.floor_months`` remains: what the films'
labels scatter about any grading. So an interval never shrinks to a point. The measured coverage is that of the
machine's grades alone; for changed grades it is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from boneage_desk.reading.analysis import IntervalTable
from boneage_desk.reading.findings import BoneFinding
from boneage_desk.standards import rus_chn
from boneage_desk.standards.types import BoneAge, Sex


def points_of(bone: str, probabilities: Sequence[float], sex: Sex) -> tuple[float, float]:
    """Mean and standard deviation of a bone's points under the probabilities of its grades."""
    points = rus_chn.scores(bone, sex)
    mean = sum(p * s for p, s in zip(probabilities, points, strict=True))
    square = sum(p * (s - mean) ** 2 for p, s in zip(probabilities, points, strict=True))
    return mean, square**0.5


def total_spread(deviations: Sequence[float], correlation: float) -> float:
    """Standard deviation of a sum of which every two parts correlate by ``correlation`` (0 to 1), in points."""
    apart = sum(d * d for d in deviations)
    together = sum(deviations) ** 2
    return float(((1 - correlation) * apart + correlation * together) ** 0.5)


def slope(months: float, sex: Sex) -> float:
    """Points that the median score grows in a month, over a year about ``months``."""
    return (curve_score(months + 6, sex) - curve_score(months - 6, sex)) / 12


def curve_score(months: float, sex: Sex) -> float:
    """Median score at an age: the standard's curve, a straight line from birth (0 points) to its first knot, flat
    past its end. For intervals only."""
    first_age, first = rus_chn.knots(sex)[0]
    return max(0.0, months) / first_age * first if months < first_age else rus_chn.score_at_age(months, sex)


def curve_months(points: float, sex: Sex) -> float:
    """The curve of :func:`curve_score` read the other way, held at birth and at the table's end."""
    knots = ((0.0, 0.0), *rus_chn.knots(sex))
    for (age0, value0), (age1, value1) in pairwise(knots):
        if points <= value1:
            return age0 + (max(points, 0.0) - value0) / (value1 - value0) * (age1 - age0)
    return knots[-1][0]


def bone_age_interval(
    table: IntervalTable, age: BoneAge, sex: Sex, findings: Sequence[BoneFinding]
) -> tuple[float, float] | None:
    """(low, high) months about ``age``, which the grades in force of all 13 ``findings`` gave.

    None at the table's end, where no width was measured for this sex and age, or where a bone has no grade. A table
    without factors (of an older model) gives its fixed half width.
    """
    row = table.row(sex, age.months)
    if age.qualifier or row is None:
        return None
    if row.factor <= 0:
        return max(0.0, age.months - row.half_width_months), age.months + row.half_width_months
    total, deviations = 0.0, []
    for finding in findings:
        if finding.final_grade is None:
            return None
        if finding.opinion is None or finding.overridden:
            total += rus_chn.score(finding.bone, finding.final_grade, sex)
        else:
            mean, deviation = points_of(finding.bone, finding.opinion.probabilities, sex)
            total += mean
            deviations.append(deviation)
    return stretched(
        total, total_spread(deviations, table.correlation), row.factor, table.floor_months, age.months, sex
    )


def stretched(
    total: float, deviation: float, factor: float, floor_months: float, months: float, sex: Sex
) -> tuple[float, float]:
    """(low, high) months: ``factor`` times the spread about the mean ``total``, both in points, through the curve.

    ``floor_months`` counts as a part of the spread that knows nothing of the grades. ``months``, the bone age
    given, is never left outside.
    """
    reach = factor * float((deviation**2 + (floor_months * slope(months, sex)) ** 2) ** 0.5)
    return min(months, curve_months(total - reach, sex)), max(months, curve_months(total + reach, sex))
