"""TW3 RUS, TW3-C RUS and TW2 ages: printed rows, sums by hand, the map of the grades, order, bounds, refusals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boneage_desk.common.errors import StandardError
from boneage_desk.standards import rus_chn, tw3
from boneage_desk.standards.types import BoneAge, Qualifier, Sex

SEXES = list(Sex)


def same(found: BoneAge, months: float, qualifier: Qualifier = Qualifier.POINT) -> None:
    assert (found.months, found.qualifier) == (pytest.approx(months), qualifier)


NAMES = (tw3.TW3_RUS, tw3.TW3_C_RUS, tw3.TW2_RUS)


@st.composite
def grade_sets(draw: st.DrawFn) -> dict[str, int]:
    return {bone: draw(st.integers(0, rus_chn.max_grade(bone))) for bone in rus_chn.BONES}


@pytest.mark.parametrize("sex", SEXES)
def test_a_mature_hand_is_1000_points_and_only_a_bound(sex: Sex) -> None:
    stages = {bone: tw3.stages(bone)[-1] for bone in tw3.BONES}
    assert tw3.total_score(stages, sex) == 1000
    ends = {tw3.TW3_RUS: (198, 180), tw3.TW3_C_RUS: (192, 180), tw3.TW2_RUS: (218.4, 192)}
    for name, (boys, girls) in ends.items():
        assert tw3.bone_age(1000, sex, name) == BoneAge(boys if sex is Sex.MALE else girls, Qualifier.AT_LEAST)


def test_a_sum_by_hand() -> None:
    """A girl's hand, all bones at stage F: 78 + 74 + 31 + 23 + 23 + 31 + 27 + 26 + 27 + 28 + 33 + 22 + 22."""
    assert tw3.total_score({bone: "F" for bone in tw3.BONES}, Sex.FEMALE) == 445
    assert tw3.total_score({bone: "F" for bone in tw3.BONES}, Sex.MALE) == 59 + 58 + 26 + 19 + 18 + 26 + 23 + 21 + 22 + 23 + 26 + 18 + 18


@pytest.mark.parametrize(
    ("name", "sex", "score", "months"),
    [
        (tw3.TW3_RUS, Sex.MALE, 42, 24), (tw3.TW3_RUS, Sex.MALE, 501, 156), (tw3.TW3_RUS, Sex.MALE, 977, 16.4 * 12),
        (tw3.TW3_RUS, Sex.FEMALE, 126, 24), (tw3.TW3_RUS, Sex.FEMALE, 501, 120), (tw3.TW3_RUS, Sex.FEMALE, 505, 10.05 * 12),
        (tw3.TW3_C_RUS, Sex.MALE, 543, 156), (tw3.TW3_C_RUS, Sex.FEMALE, 244, 60),
        (tw3.TW3_C_RUS, Sex.FEMALE, 640, 11.5 * 12 - 6 * 48 / 63),
        (tw3.TW2_RUS, Sex.MALE, 501, 14.3 * 12), (tw3.TW2_RUS, Sex.MALE, 511, 14.3 * 12), (tw3.TW2_RUS, Sex.FEMALE, 748, 13.7 * 12),
    ],
)  # fmt: skip
def test_printed_rows_and_between_them(name: str, sex: Sex, score: int, months: float) -> None:
    same(tw3.bone_age(score, sex, name), months)


@pytest.mark.parametrize(
    ("name", "sex", "first", "months"),
    [
        (tw3.TW3_RUS, Sex.MALE, 42, 24), (tw3.TW3_RUS, Sex.FEMALE, 126, 24), (tw3.TW3_C_RUS, Sex.MALE, 27, 12),
        (tw3.TW3_C_RUS, Sex.FEMALE, 65, 12), (tw3.TW2_RUS, Sex.MALE, 26, 19.2), (tw3.TW2_RUS, Sex.FEMALE, 32, 12),
    ],
)  # fmt: skip
def test_below_the_first_row_there_is_only_a_bound(name: str, sex: Sex, first: int, months: float) -> None:
    same(tw3.bone_age(first, sex, name), months)
    found = tw3.bone_age(first - 1, sex, name)
    assert found.qualifier is Qualifier.BELOW and found.months == pytest.approx(months)


def test_every_rus_chn_grade_has_a_stage_in_order() -> None:
    for bone in rus_chn.BONES:
        stages = [tw3.stage_of_grade(bone, grade) for grade in range(rus_chn.max_grade(bone) + 1)]
        assert stages == sorted(stages) and set(stages) == set(tw3.stages(bone)), bone
        assert stages[0] == "A" and stages[-1] == tw3.stages(bone)[-1]


def test_the_half_grades_fall_together() -> None:
    assert tw3.stage_of_grade("radius", rus_chn.grade_of_label("radius", "7(0)")) == "H"
    assert tw3.stage_of_grade("radius", rus_chn.grade_of_label("radius", "7(2)")) == "H"
    assert tw3.stage_of_grade("radius", rus_chn.grade_of_label("radius", "8(0)")) == "I"
    assert tw3.stage_of_grade("ulna", rus_chn.grade_of_label("ulna", "7(4)")) == "H"


@given(grade_sets(), st.sampled_from(SEXES), st.sampled_from(rus_chn.BONES))
def test_a_higher_grade_never_lowers_score_or_age(grades: dict[str, int], sex: Sex, bone: str) -> None:
    if grades[bone] == rus_chn.max_grade(bone):
        grades[bone] -= 1
    before = tw3.total_of_grades(grades, sex)
    after = tw3.total_of_grades({**grades, bone: grades[bone] + 1}, sex)
    assert after >= before
    for name in NAMES:
        assert tw3.bone_age(after, sex, name).months >= tw3.bone_age(before, sex, name).months


@pytest.mark.parametrize("sex", SEXES)
def test_a_higher_stage_has_more_points_but_for_one_cell(sex: Sex) -> None:
    level = []
    for bone in tw3.BONES:
        points = tw3.scores(bone, sex)
        level += [(bone, i) for i in range(len(points) - 1) if points[i] >= points[i + 1]]
    assert level == ([("pp3", 1)] if sex is Sex.MALE else [])


def test_sexes_are_never_swapped() -> None:
    for score in range(130, 1000, 7):
        for name in NAMES:
            assert tw3.bone_age(score, Sex.FEMALE, name).months < tw3.bone_age(score, Sex.MALE, name).months


def test_what_is_missing_or_not_there_is_refused() -> None:
    stages = {bone: "C" for bone in tw3.BONES}
    with pytest.raises(StandardError, match="dp5") as caught:
        tw3.total_score({bone: stage for bone, stage in stages.items() if bone != "dp5"}, Sex.MALE)
    assert caught.value.code == "missing-bones"
    for wrong, code in (({"ulna": "I"}, "illegal-grade"), ({"radius": "J"}, "illegal-grade"), ({"capitate": "C"}, "unknown-bone")):
        with pytest.raises(StandardError) as caught:
            tw3.total_score({**stages, **wrong}, Sex.MALE)
        assert caught.value.code == code
    for points in (-1, 1001, float("nan")):
        with pytest.raises(StandardError):
            tw3.bone_age(points, Sex.MALE)
    with pytest.raises(StandardError):
        tw3.bone_age(500, Sex.MALE, "tw3-carpal")
