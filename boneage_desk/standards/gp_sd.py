"""How bone ages of healthy children spread at an age: mean and SD of the Brush Foundation study, by sex.

Greulich and Pyle 1959, tables III (boys) and IV (girls): films read with the Greulich-Pyle standards. Between the
tabulated ages mean and SD are linear; outside of them (below 3 months, above 17 years in boys and 16 in girls) there is
no value and none is made up. The table file names its sources and the cells in doubt.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cache
from typing import Any

from boneage_desk.common.errors import StandardError
from boneage_desk.standards.tables import load
from boneage_desk.standards.types import Sex

NAME = "Brush Foundation (Greulich-Pyle 1959)"


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean and standard deviation of the bone age at one chronological age, in months."""

    mean_months: float
    sd_months: float


@cache
def _rows(sex: Sex) -> tuple[tuple[float, float, float], ...]:
    table: dict[str, Any] = load("gp_sd")
    rows = tuple((float(age), float(mean), float(sd)) for age, mean, sd in table["brush_foundation"][sex.table])
    if table["unit"] != "months" or any(a[0] >= b[0] for a, b in zip(rows, rows[1:], strict=False)):
        raise StandardError("The table of standard deviations is not in months by rising age.", code="table-altered")
    return rows


def age_range(sex: Sex) -> tuple[float, float]:
    """The first and last chronological age of the table, months."""
    rows = _rows(sex)
    return rows[0][0], rows[-1][0]


def spread(ca_months: float, sex: Sex) -> Spread | None:
    """Mean and SD at chronological age ``ca_months``; None where the table has none.

    >>> spread(120, Sex.MALE)
    Spread(mean_months=125.68, sd_months=9.79)
    >>> spread(205, Sex.MALE) is None
    True
    """
    rows = _rows(sex)
    if not rows[0][0] <= ca_months <= rows[-1][0]:
        return None
    at = min(bisect_right(rows, (ca_months, float("inf"), float("inf"))), len(rows) - 1)
    (age, mean, sd), (next_age, next_mean, next_sd) = rows[at - 1], rows[at]
    share = (ca_months - age) / (next_age - age)
    return Spread(mean + share * (next_mean - mean), sd + share * (next_sd - sd))


SECOND_NAME = "Greulich-Pyle 1959, tables V and VI"


@cache
def _second(sex: Sex) -> tuple[tuple[float, float], ...]:
    rows = tuple((float(age), float(sd)) for age, sd in load("gp_sd")["table_V_VI"][sex.table])
    if any(a[0] >= b[0] for a, b in zip(rows, rows[1:], strict=False)):
        raise StandardError("The second table of standard deviations is not by rising age.", code="table-altered")
    return rows


def second_sd(ca_months: float, sex: Sex) -> float | None:
    """SD in months by the atlas's second study (tables V and VI), linear between ages; None outside of it.

    >>> second_sd(156, Sex.FEMALE), second_sd(11, Sex.FEMALE)
    (14.6, None)
    """
    rows = _second(sex)
    if not rows[0][0] <= ca_months <= rows[-1][0]:
        return None
    at = min(bisect_right(rows, (ca_months, float("inf"))), len(rows) - 1)
    (age, sd), (next_age, next_sd) = rows[at - 1], rows[at]
    return sd + (ca_months - age) / (next_age - age) * (next_sd - sd)
