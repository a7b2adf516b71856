"""Chronological age by the calendar: of a birth date that is known, or estimated; corrected for a premature birth.

Dates are days of a calendar without time or zone: the birth date as the family writes it and the study date as the
film has it, both local. A film taken at 00:30 in one zone is not a day older in another.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from boneage_desk.common.errors import InputError

DAYS_PER_MONTH = 365.2425 / 12
TERM_DAYS, PRETERM_DAYS = 280, 259
"""40 weeks, to which is corrected; below 37 weeks a birth is premature."""
LEAST_GESTATION_DAYS, MOST_GESTATION_DAYS = 154, 314
"""22 weeks to 44 weeks and 6 days: what is taken for a duration of pregnancy at all."""
CORRECTED_UNTIL_MONTHS = 36.0
"""Corrected age is used up to 3 years of age (American Academy of Pediatrics 2004); not beyond."""
FIRST_YEAR, LAST_YEAR = 1901, 2200
"""Years of a date that is taken for a day of a patient's life; beyond lie fillers such as 9999-12-31."""


class BirthPrecision(StrEnum):
    """How exactly the birth date is known: to the day, or an estimate of which only month or year can be relied on."""

    DAY = "day"
    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class AgeBasis:
    """What the age of a reading rests on beside the two dates.

    ``gestation_days``: duration of pregnancy in days, None: not known. ``correct_prematurity``: compare the bone age with
    the corrected age; it has an effect only where the birth was premature and the child is under 3 years.
    """

    birth_precision: BirthPrecision = BirthPrecision.DAY
    gestation_days: int | None = None
    correct_prematurity: bool = False

    def __post_init__(self) -> None:
        days = self.gestation_days
        if days is not None and not LEAST_GESTATION_DAYS <= days <= MOST_GESTATION_DAYS:
            raise ValueError(f"a pregnancy of {days} days")


def is_day_of_life(on: date) -> bool:
    """Whether a date can be a birth or a study at all."""
    return FIRST_YEAR <= on.year <= LAST_YEAR


def parse_date(text: str) -> date:
    """'2014-03-02' or DICOM '20140302' to a date in `FIRST_YEAR` to `LAST_YEAR`; raises InputError otherwise."""
    digits = text.strip().replace("-", "").replace("/", "").replace(".", "")
    try:
        if len(digits) != 8:
            raise ValueError(digits)
        found = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
        if not is_day_of_life(found):
            raise ValueError(digits)
        return found
    except ValueError:
        raise InputError(f"'{text}' is not a date.", "Write it as 2014-03-02.", code="bad-date") from None


def age_months(birth: date, on: date) -> float:
    """Months of life on the day ``on``: whole calendar months plus the share of the running one.

    A child born on the 31st completes a month on the last day of a shorter month. Raises InputError when ``on`` is before
    ``birth`` (code 'birth-after-study') or after `LAST_YEAR` ('bad-date').

    >>> age_months(date(2014, 3, 2), date(2024, 7, 2))
    124.0
    """
    if on < birth:
        raise InputError(
            f"The birth date {birth.isoformat()} lies after the study date {on.isoformat()}.",
            "Correct one of them; no chronological age is computed.",
            code="birth-after-study",
        )
    if on.year > LAST_YEAR:
        raise InputError(f"'{on.isoformat()}' is not a possible date.", "Correct it.", code="bad-date")
    whole = (on.year - birth.year) * 12 + on.month - birth.month
    if _anniversary(birth, whole) > on:
        whole -= 1
    start = _anniversary(birth, whole)
    end = _anniversary(birth, whole + 1)
    return whole + (on - start).days / (end - start).days


def parse_gestation(text: str) -> int:
    """'30+4', '30' (weeks, and days) to days; InputError unless it lies in 22+0 to 44+6.

    >>> parse_gestation("30+4")
    214
    """
    found = re.fullmatch(r"\s*(\d{2})(?:\+([0-6]))?\s*", text, re.ASCII)
    days = int(found[1]) * 7 + int(found[2] or 0) if found else 0
    if not LEAST_GESTATION_DAYS <= days <= MOST_GESTATION_DAYS:
        raise InputError(
            f"'{text}' is no duration of pregnancy.", "Write weeks and days from 22+0 to 44+6, e.g. 30+4.",
            code="bad-gestation",
        )  # fmt: skip
    return days


def gestation_text(days: int) -> str:
    """'30+4' for 214 days."""
    return f"{days // 7}+{days % 7}"


def corrected_months(ca_months: float, basis: AgeBasis) -> float | None:
    """Age in months counted from the date of term instead of birth; None where nothing is to be corrected.

    That is: not asked for, pregnancy not known or not under 37 weeks, age from 3 years on, or term not reached yet.

    >>> round(corrected_months(18.0, AgeBasis(gestation_days=parse_gestation("30+0"), correct_prematurity=True)), 1)
    15.7
    """
    days = basis.gestation_days
    if not basis.correct_prematurity or days is None or days >= PRETERM_DAYS or ca_months >= CORRECTED_UNTIL_MONTHS:
        return None
    corrected = ca_months - (TERM_DAYS - days) / DAYS_PER_MONTH
    return corrected if corrected >= 0 else None


def age_span(birth: date, on: date, precision: BirthPrecision) -> tuple[float, float] | None:
    """Least and greatest age in months that an estimated birth date allows; None where it is known to the day.

    >>> [round(v, 1) for v in age_span(date(2014, 1, 1), date(2024, 7, 1), BirthPrecision.YEAR)]
    [114.0, 126.0]
    """
    if precision is BirthPrecision.DAY:
        return None
    first = birth.replace(month=1, day=1) if precision is BirthPrecision.YEAR else birth.replace(day=1)
    month = 12 if precision is BirthPrecision.YEAR else birth.month
    last = min(date(birth.year, month, monthrange(birth.year, month)[1]), on)
    return age_months(last, on), age_months(first, on)


def _anniversary(birth: date, months: int) -> date:
    index = birth.year * 12 + birth.month - 1 + months
    year, month = divmod(index, 12)
    following = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    last = date.fromordinal(following.toordinal() - 1).day
    return date(year, month + 1, min(birth.day, last))
