"""CHN 1988: sums, bins, their meeting points, refusals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boneage_desk.common.errors import StandardError
from boneage_desk.standards import chn_1988, rus_chn
from boneage_desk.standards.types import BoneAge, Qualifier, Sex

SEXES = list(Sex)


def same(found: BoneAge, months: float, qualifier: Qualifier = Qualifier.POINT) -> None:
    assert (found.months, found.qualifier) == (pytest.approx(months), qualifier)


@pytest.mark.parametrize("sex", SEXES)
def test_maxima_add_up_to_1000_which_is_a_bound(sex: Sex) -> None:
    assert chn_1988.total_score({bone: chn_1988.max_grade(bone) for bone in chn_1988.BONES}, sex) == 1000
    end = chn_1988.bone_age(1000, sex)
    same(end, 18.4 * 12 if sex is Sex.MALE else 17.3 * 12, Qualifier.AT_LEAST)


@pytest.mark.parametrize(
    ("sex", "score", "years"),
    [
        (Sex.MALE, 14, 0.1), (Sex.MALE, 720, 11.6), (Sex.MALE, 721, 11.7), (Sex.MALE, 992, 17.0), (Sex.MALE, 999, 17.6),
        (Sex.FEMALE, 5, 0.1), (Sex.FEMALE, 784, 10.0), (Sex.FEMALE, 996, 16.3), (Sex.FEMALE, 999, 17.2),
    ],
)  # fmt: skip
def test_bins(sex: Sex, score: int, years: float) -> None:
    same(chn_1988.bone_age(score, sex), years * 12)


def test_the_first_bin_is_a_bound() -> None:
    found = chn_1988.bone_age(0, Sex.MALE)
    assert found.qualifier is Qualifier.BELOW and found.months == pytest.approx(1.2)


@given(st.sampled_from(SEXES), st.integers(0, 999))
def test_age_never_falls(sex: Sex, score: int) -> None:
    assert chn_1988.bone_age(score, sex).months <= chn_1988.bone_age(score + 1, sex).months


def test_grades_rise_in_points() -> None:
    for sex in SEXES:
        for bone in chn_1988.BONES:
            points = chn_1988.scores(bone, sex)
            assert points[0] == 0 and all(a < b for a, b in zip(points, points[1:], strict=False)), (sex, bone)


def test_the_13_grades_of_rus_chn_do_not_give_it() -> None:
    grades = {bone: 3 for bone in rus_chn.BONES}
    with pytest.raises(StandardError) as caught:
        chn_1988.total_score(grades, Sex.MALE)
    assert caught.value.code == "unknown-bone"
    del grades["ulna"]
    with pytest.raises(StandardError, match="capitate, hamate") as caught:
        chn_1988.total_score(grades, Sex.MALE)
    assert caught.value.code == "missing-bones"


@pytest.mark.parametrize("grade", [-1, 8, True, "3", 2.0])
def test_a_grade_that_the_bone_does_not_have(grade: object) -> None:
    with pytest.raises(StandardError):
        chn_1988.score("capitate", grade, Sex.MALE)  # type: ignore[arg-type]
