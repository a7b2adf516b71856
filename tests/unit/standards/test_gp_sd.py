"""The Brush Foundation table: its numbers, between them, and nothing outside."""

from __future__ import annotations

import pytest

from boneage_desk.standards.gp_sd import Spread, age_range, spread
from boneage_desk.standards.types import Sex


@pytest.mark.parametrize(
    ("sex", "age", "mean", "sd"),
    [(Sex.MALE, 3, 3.01, 0.69), (Sex.MALE, 204, 206.21, 13.05), (Sex.MALE, 132, 137.32, 10.09),
     (Sex.FEMALE, 3, 3.02, 0.72), (Sex.FEMALE, 192, 189.44, 7.31), (Sex.FEMALE, 156, 162.28, 10.67)],
)  # fmt: skip
def test_tabulated_ages(sex: Sex, age: float, mean: float, sd: float) -> None:
    assert spread(age, sex) == Spread(mean, sd)


def test_between_two_ages_it_is_linear() -> None:
    found = spread(126, Sex.MALE)
    assert found is not None
    assert found.mean_months == pytest.approx((125.68 + 137.32) / 2) and found.sd_months == pytest.approx((9.79 + 10.09) / 2)


@pytest.mark.parametrize(("sex", "last"), [(Sex.MALE, 204.0), (Sex.FEMALE, 192.0)])
def test_nothing_is_made_up_outside(sex: Sex, last: float) -> None:
    assert age_range(sex) == (3.0, last)
    assert spread(2.9, sex) is None and spread(last + 0.1, sex) is None
    assert spread(last, sex) is not None


def test_sd_is_positive_and_the_sexes_differ() -> None:
    for month in range(3, 193):
        boy, girl = spread(month, Sex.MALE), spread(month, Sex.FEMALE)
        assert boy is not None and girl is not None and boy.sd_months > 0 and girl.sd_months > 0
    assert spread(54, Sex.MALE) != spread(54, Sex.FEMALE)
