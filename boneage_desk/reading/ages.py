"""Chronological age by the calendar."""

from __future__ import annotations

from datetime import date

from boneage_desk.common.errors import InputError

DAYS_PER_MONTH = 365.2425 / 12


def parse_date(text: str) -> date:
    """'2014-03-02' or DICOM '20140302' to a date; raises InputError otherwise."""
    digits = text.strip().replace("-", "").replace("/", "").replace(".", "")
    try:
        if len(digits) != 8:
            raise ValueError(digits)
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        raise InputError(f"'{text}' is not a date.", "Write it as 2014-03-02.", code="bad-date") from None


def age_months(birth: date, on: date) -> float:
    """Months of life on the day ``on``: whole calendar months plus the share of the running one.

    A child born on the 31st completes a month on the last day of a shorter month. Raises InputError
    (code 'birth-after-study') when ``on`` is before ``birth``.

    >>> age_months(date(2014, 3, 2), date(2024, 7, 2))
    124.0
    """
    if on < birth:
        raise InputError(
            f"The birth date {birth.isoformat()} lies after the study date {on.isoformat()}.",
            "Correct one of them; no chronological age is computed.",
            code="birth-after-study",
        )
    whole = (on.year - birth.year) * 12 + on.month - birth.month
    if _anniversary(birth, whole) > on:
        whole -= 1
    start = _anniversary(birth, whole)
    end = _anniversary(birth, whole + 1)
    return whole + (on - start).days / (end - start).days


def _anniversary(birth: date, months: int) -> date:
    index = birth.year * 12 + birth.month - 1 + months
    year, month = divmod(index, 12)
    following = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    last = date.fromordinal(following.toordinal() - 1).day
    return date(year, month + 1, min(birth.day, last))
