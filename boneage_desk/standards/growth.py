"""Growth references: height and weight for age as LMS values; SD scores, percentiles, curves, growth velocity.

WHO 2007, CDC 2000 and China 2009 as packaged tables. Between tabulated ages L, M and S are linear; outside a table, and
for a measure that a table lacks, there is no value. Ages in months, heights in cm, weights in kg. China 2009 prints
percentiles: its LMS values were fitted to these (SD scores within +-2.5 are right to about 0.05), and its curves are the
printed percentiles. At 36 months that table goes over from lying length to standing height, some 0.7 cm less; between 30
and 36 months it has no height that could be read off.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any

from boneage_desk.common.errors import StandardError
from boneage_desk.standards.tables import load
from boneage_desk.standards.types import Sex

if TYPE_CHECKING:
    from statistics import NormalDist

PERCENTILES = (3, 10, 25, 50, 75, 90, 97)
"""The curves of a chart."""
SINGLE_SD_CM = 0.25
"""Standard deviation of one height measurement by an experienced observer: 0.2 to 0.3 cm (Voss and others, Arch Dis Child
1990;65:1340)."""
VELOCITY_FROM_MONTHS = 3.0
"""Below this time between two measurements no velocity is given: its error would be as large as the velocity."""
VELOCITY_TO_MONTHS = 24.0
"""Above this time there is none either: a mean over years says nothing of how fast a child grows now."""
VELOCITY_SOUND_MONTHS = 6.0
"""Below this time a velocity is told to be of a short interval: growth runs by seasons."""


class Measure(StrEnum):
    """What is measured: height in cm or weight in kg."""

    HEIGHT = "height"
    WEIGHT = "weight"


class GrowthReference(StrEnum):
    """A reference by id, as in the settings and on the command line."""

    WHO_2007 = "who2007"
    CDC_2000 = "cdc2000"
    CHINA_2009 = "china2009"

    @classmethod
    def parse(cls, text: str) -> GrowthReference:
        """The reference of that id; raises StandardError for another."""
        try:
            return cls(text.strip().lower())
        except ValueError:
            known = ", ".join(one.value for one in cls)
            raise StandardError(f"'{text}' is no growth reference.", f"Use one of: {known}.", code="reference") from None

    @property
    def print_name(self) -> str:
        """Name for print: 'WHO 2007'."""
        return {"who2007": "WHO 2007", "cdc2000": "CDC 2000", "china2009": "China 2009"}[self.value]


@dataclass(frozen=True, slots=True)
class Lms:
    """Box-Cox power, median and coefficient of variation at one age."""

    power: float
    median: float
    variation: float

    def sds(self, value: float) -> float:
        """The SD score of a positive value."""
        if self.power == 0:
            return math.log(value / self.median) / self.variation
        return float(((value / self.median) ** self.power - 1) / (self.power * self.variation))

    def value(self, sds: float) -> float | None:
        """The value with that SD score; None where the distribution has none so far out."""
        if self.power == 0:
            return self.median * math.exp(self.variation * sds)
        base = 1 + self.power * self.variation * sds
        return self.median * float(base ** (1 / self.power)) if base > 0 else None


@dataclass(frozen=True, slots=True)
class Curve:
    """One percentile over age: (months, value) points. ``points`` may be in several parts where the table has a gap."""

    percentile: float
    parts: tuple[tuple[tuple[float, float], ...], ...]


@dataclass(frozen=True, slots=True)
class Velocity:
    """Growth between two measurements, cm a year. ``sd_cm_per_year``: from the error of both measurements
    (:data:`SINGLE_SD_CM` each). ``years``: the time between. ``short``: below :data:`VELOCITY_SOUND_MONTHS`."""

    cm_per_year: float
    sd_cm_per_year: float
    years: float

    @property
    def short(self) -> bool:
        return self.years * 12 < VELOCITY_SOUND_MONTHS


Row = tuple[float, float, float, float]
_RANGES: dict[GrowthReference, tuple[float, float]] = {
    # the first has a knot more at each end, and the second one at its end, that only serve the interpolation
    GrowthReference.WHO_2007: (61.0, 228.0),
    GrowthReference.CDC_2000: (24.0, 240.0),
    GrowthReference.CHINA_2009: (0.0, 216.0),
}
_LENGTH_TO, _HEIGHT_FROM = 30.0, 36.0
"""Months: China 2009's last lying length, and its first standing height."""


@cache
def _table(reference: GrowthReference) -> dict[str, Any]:
    return load(f"growth_{reference.value}")


@cache
def _rows(reference: GrowthReference, measure: Measure, sex: Sex) -> tuple[tuple[float, ...], tuple[Row, ...]]:
    """Ages, and (age, L, M, S) rows; empty where the table lacks the measure."""
    table = _table(reference)
    part = table["lms_fitted"] if reference is GrowthReference.CHINA_2009 else table
    found = part.get(measure.value)
    if found is None:
        return (), ()
    rows = tuple((float(r[0]), float(r[1]), float(r[2]), float(r[3])) for r in found[sex.table])
    if any(a[0] >= b[0] for a, b in zip(rows, rows[1:], strict=False)) or any(r[2] <= 0 or r[3] <= 0 for r in rows):
        raise StandardError(f"The table of {reference.print_name} is not by rising age.", code="table-altered")
    return tuple(row[0] for row in rows), rows


def source(reference: GrowthReference) -> str:
    """What the table is, in its own words."""
    return str(_table(reference)["standard"])


def measures(reference: GrowthReference) -> tuple[Measure, ...]:
    """What the reference has a table for."""
    return tuple(one for one in Measure if _rows(reference, one, Sex.MALE)[1])


def age_range(reference: GrowthReference) -> tuple[float, float]:
    """The first and last age of the reference, months.

    >>> age_range(GrowthReference.WHO_2007)
    (61.0, 228.0)
    """
    return _RANGES[reference]


def lms(reference: GrowthReference, measure: Measure, age_months: float, sex: Sex) -> Lms | None:
    """L, M and S at an age; None outside the table, for a measure it lacks, and in China 2009's gap of height."""
    low, high = _RANGES[reference]
    ages, rows = _rows(reference, measure, sex)
    if not rows or not low <= age_months <= high or _in_gap(reference, measure, age_months):
        return None
    at = min(bisect_right(ages, age_months), len(rows) - 1)
    before, after = rows[at - 1], rows[at]
    share = (age_months - before[0]) / (after[0] - before[0])
    power, median, variation = (a + share * (b - a) for a, b in zip(before[1:], after[1:], strict=True))
    return Lms(power, median, variation)


def _in_gap(reference: GrowthReference, measure: Measure, age_months: float) -> bool:
    of_china = reference is GrowthReference.CHINA_2009 and measure is Measure.HEIGHT
    return of_china and _LENGTH_TO < age_months < _HEIGHT_FROM


def sds(reference: GrowthReference, measure: Measure, value: float, age_months: float, sex: Sex) -> float | None:
    """SD score of a height (cm) or weight (kg) at an age; None where the table has no answer.

    >>> round(sds(GrowthReference.WHO_2007, Measure.HEIGHT, 137.8, 120, Sex.MALE), 2)
    0.0
    >>> sds(GrowthReference.WHO_2007, Measure.HEIGHT, 100, 48, Sex.MALE) is None
    True
    """
    found = lms(reference, measure, age_months, sex)
    return None if found is None or value <= 0 else found.sds(value)


def value_at(reference: GrowthReference, measure: Measure, score: float, age_months: float, sex: Sex) -> float | None:
    """The height (cm) or weight (kg) with SD score ``score`` at an age; None where the table has no answer."""
    found = lms(reference, measure, age_months, sex)
    return None if found is None else found.value(score)


@cache
def _normal() -> NormalDist:
    """The standard normal distribution; its module brings fractions and decimals, which the window's start need not wait for."""
    from statistics import NormalDist

    return NormalDist()


def percentile_of(score: float) -> float:
    """Percent of children below an SD score.

    >>> round(percentile_of(-1.881), 1)
    3.0
    """
    return 100 * _normal().cdf(score)


def sds_of(percentile: float) -> float:
    """The SD score of a percentile between 0 and 100 (exclusive)."""
    if not 0 < percentile < 100:
        raise StandardError(f"There is no percentile {percentile}.", "Give one between 0 and 100.", code="percentile")
    return _normal().inv_cdf(percentile / 100)


def curve(
    reference: GrowthReference, measure: Measure, sex: Sex, percentile: float, *, low: float = 0.0, high: float = 1e9
) -> Curve:
    """A percentile's curve between two ages (months), at the table's own ages. Empty where the table lacks the measure.

    China 2009: the printed percentile where it is one of the seven.
    """
    first, last = max(low, _RANGES[reference][0]), min(high, _RANGES[reference][1])
    points = _printed(reference, measure, sex, percentile)
    if not points:
        score = sds_of(percentile)
        ages, _ = _rows(reference, measure, sex)
        ends = [first, last] if ages else []
        read = sorted({*(age for age in ages if first <= age <= last), *ends})
        values = ((age, value_at(reference, measure, score, age, sex)) for age in read)
        points = tuple((age, value) for age, value in values if value is not None)
    points = tuple(point for point in points if first <= point[0] <= last)
    parts: list[tuple[tuple[float, float], ...]] = [points]
    if reference is GrowthReference.CHINA_2009 and measure is Measure.HEIGHT:
        parts = [tuple(p for p in points if p[0] <= _LENGTH_TO), tuple(p for p in points if p[0] >= _HEIGHT_FROM)]
    return Curve(percentile, tuple(part for part in parts if len(part) > 1))


def _printed(
    reference: GrowthReference, measure: Measure, sex: Sex, percentile: float
) -> tuple[tuple[float, float], ...]:
    """The percentile as the table prints it; empty where it does not."""
    if reference is not GrowthReference.CHINA_2009:
        return ()
    part = _table(reference)["percentiles"]
    titles = [str(title) for title in part["columns"]]
    wanted = f"P{percentile:g}"
    if wanted not in titles or measure.value not in part:
        return ()
    at = titles.index(wanted)
    return tuple((float(row[0]), float(row[at])) for row in part[measure.value][sex.table])


def chart(
    reference: GrowthReference, measure: Measure, sex: Sex, *, low: float = 0.0, high: float = 1e9,
    percentiles: Sequence[float] = PERCENTILES,
) -> tuple[Curve, ...]:  # fmt: skip
    """The curves of a growth chart, the lowest percentile first; see :func:`curve`."""
    return tuple(curve(reference, measure, sex, one, low=low, high=high) for one in percentiles)


def height_age(reference: GrowthReference, height_cm: float, sex: Sex) -> float | None:
    """The age (months) at which this height is the median; None below and above the table's medians.

    The first such age, for a median of printed figures does not rise at every step of the last years.
    """
    low, high = _RANGES[reference]
    ages, _ = _rows(reference, Measure.HEIGHT, sex)
    before: tuple[float, float] | None = None
    for age in (low, *(one for one in ages if low < one < high), high):
        found = lms(reference, Measure.HEIGHT, age, sex)
        if found is None:
            continue
        now = (age, found.median)
        if now[1] == height_cm:
            return age
        if before is not None and before[1] < height_cm < now[1]:
            if _in_gap(reference, Measure.HEIGHT, (before[0] + age) / 2):
                return None
            return before[0] + (height_cm - before[1]) / (now[1] - before[1]) * (age - before[0])
        before = now
    return None


def velocity(earlier_cm: float, later_cm: float, days: float) -> Velocity | None:
    """Growth velocity over ``days``; None below :data:`VELOCITY_FROM_MONTHS` and above :data:`VELOCITY_TO_MONTHS`.

    >>> velocity(130.0, 136.0, 365.25)
    Velocity(cm_per_year=6.0, sd_cm_per_year=0.3535533905932738, years=1.0)
    """
    years = days / 365.25
    if not VELOCITY_FROM_MONTHS <= years * 12 <= VELOCITY_TO_MONTHS:
        return None
    return Velocity((later_cm - earlier_cm) / years, math.sqrt(2) * SINGLE_SD_CM / years, years)
