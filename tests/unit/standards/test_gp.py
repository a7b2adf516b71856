"""Greulich-Pyle plates: numbers known from the atlas, nearest plates, the fused hand as a bound."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boneage_desk.common.errors import StandardError
from boneage_desk.standards import gp, gp_sd
from boneage_desk.standards.types import BoneAge, Qualifier, Sex


def test_plates_that_the_table_file_names() -> None:
    assert (len(gp.plates(Sex.MALE)), len(gp.plates(Sex.FEMALE))) == (31, 27)
    assert gp.plate(9, Sex.MALE).months == 32  # 2 y 8 mo
    assert [gp.plate(n, Sex.FEMALE).months for n in (12, 14, 15, 16, 17)] == [50, 69, 82, 94, 106]
    assert gp.plate(31, Sex.MALE).bone_age == BoneAge(228, Qualifier.AT_LEAST)
    assert gp.plate(27, Sex.FEMALE).bone_age == BoneAge(216, Qualifier.AT_LEAST)
    assert gp.plate(26, Sex.FEMALE).bone_age == BoneAge(204)


@given(st.sampled_from(list(Sex)), st.floats(0, 228))
def test_nearest_are_nearest(sex: Sex, months: float) -> None:
    near = gp.nearest(months, sex)
    worst = max(abs(p.months - months) for p in near)
    assert len(near) == 2 and near[0].months < near[1].months
    assert all(abs(p.months - months) >= worst for p in gp.plates(sex) if p not in near)
    below, above = gp.around(months, sex)
    assert below is not None and below.months <= months
    assert above is None or above.months > months


def test_of_two_equally_near_the_younger_comes_first_and_ends_are_kept() -> None:
    assert [p.months for p in gp.nearest(126, Sex.MALE, 1)] == [120]
    assert gp.nearest(300, Sex.MALE)[-1].last
    assert gp.around(300, Sex.MALE)[1] is None


@pytest.mark.parametrize("number", [0, 32, -1, True, 3.0])
def test_a_plate_that_is_not_there(number: object) -> None:
    with pytest.raises(StandardError):
        gp.plate(number, Sex.MALE)  # type: ignore[arg-type]


def test_between_two_plates() -> None:
    assert gp.between(12, Sex.MALE) == BoneAge(51)
    with pytest.raises(StandardError):
        gp.between(31, Sex.MALE)


@pytest.mark.parametrize("months", [-1, float("nan"), float("inf")])
def test_no_plate_for_what_is_no_age(months: float) -> None:
    with pytest.raises(StandardError):
        gp.nearest(months, Sex.MALE)


@pytest.mark.parametrize(
    ("sex", "age", "sd"),
    [(Sex.MALE, 12, 2.1), (Sex.MALE, 204, 15.4), (Sex.MALE, 126, 10.95), (Sex.FEMALE, 156, 14.6), (Sex.FEMALE, 180, 11.2)],
)
def test_the_second_table(sex: Sex, age: float, sd: float) -> None:
    assert gp_sd.second_sd(age, sex) == pytest.approx(sd)


def test_the_second_table_ends() -> None:
    assert gp_sd.second_sd(11.9, Sex.MALE) is None and gp_sd.second_sd(204.1, Sex.MALE) is None
    assert gp_sd.second_sd(180.1, Sex.FEMALE) is None
