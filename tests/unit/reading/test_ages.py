"""Chronological age by the calendar."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boneage_desk.common.errors import InputError
from boneage_desk.reading.ages import age_months, parse_date


@pytest.mark.parametrize(
    ("birth", "on", "months"),
    [
        (date(2014, 3, 2), date(2024, 3, 2), 120.0),
        (date(2014, 3, 2), date(2014, 3, 2), 0.0),
        (date(2012, 2, 29), date(2013, 2, 28), 12.0),  # leap day: completed on the last of February
        (date(2012, 1, 31), date(2012, 2, 29), 1.0),
        (date(2014, 12, 15), date(2015, 1, 14), 30 / 31),
        (date(2014, 3, 2), date(2024, 7, 11), 124 + 9 / 31),
    ],
)
def test_known_ages(birth: date, on: date, months: float) -> None:
    assert age_months(birth, on) == pytest.approx(months)


@given(st.dates(date(1990, 1, 1), date(2030, 1, 1)), st.integers(0, 7000))
def test_a_day_later_is_older_by_about_a_day(birth: date, days: int) -> None:
    on = birth + timedelta(days=days)
    step = age_months(birth, on + timedelta(days=1)) - age_months(birth, on)
    assert -1e-9 <= step <= 1 / 27


def test_birth_after_study_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        age_months(date(2024, 7, 12), date(2024, 7, 11))
    assert caught.value.code == "birth-after-study"


@pytest.mark.parametrize("text", ["2024-02-30", "20241301", "yesterday", "", "24-1-1"])
def test_impossible_dates_are_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_date(text)


@pytest.mark.parametrize("text", ["2014-03-02", "20140302", "2014/03/02", "2014.03.02"])
def test_dates_as_people_and_dicom_write_them(text: str) -> None:
    assert parse_date(text) == date(2014, 3, 2)
