"""Typical grades of an age: they fit the age, never fall with it, and end where the bones end."""

from __future__ import annotations

import math

import pytest

from boneage_desk.common.errors import StandardError
from boneage_desk.standards import gp, rus_chn
from boneage_desk.standards.types import Qualifier, Sex
from boneage_desk.standards.typical import typical_grades


@pytest.mark.parametrize("sex", Sex)
def test_the_grades_of_an_age_score_as_that_age_does(sex: Sex) -> None:
    """To half a step of one bone, the least that whole grades allow; in school age that is up to four months."""
    scores = [rus_chn.scores(bone, sex) for bone in rus_chn.BONES]
    widest = max(b - a for points in scores for a, b in zip(points, points[1:], strict=False))
    for months in range(12, 12 * (18 if sex is Sex.MALE else 17)):
        total = rus_chn.total_score(typical_grades(months, sex), sex)
        assert abs(total - rus_chn.score_at_age(months, sex)) <= widest / 2, months
        if 60 <= months <= 170:
            assert abs(rus_chn.bone_age(total, sex).months - months) <= 4, months


@pytest.mark.parametrize("sex", Sex)
def test_no_bone_falls_back_while_the_hand_grows(sex: Sex) -> None:
    before = typical_grades(0, sex)
    assert set(before) == set(rus_chn.BONES) and not any(before.values())
    for months in range(1, 240):
        now = typical_grades(months, sex)
        assert all(now[bone] >= before[bone] for bone in rus_chn.BONES), months
        before = now
    assert all(before[bone] == rus_chn.max_grade(bone) for bone in rus_chn.BONES)


def test_girls_are_ahead_of_boys_and_plates_of_school_age_differ() -> None:
    for months in (60, 96, 120, 144, 168):
        boy, girl = (rus_chn.total_score(typical_grades(months, sex), Sex.MALE) for sex in (Sex.MALE, Sex.FEMALE))
        assert girl > boy, months
    for sex in Sex:
        hands = [tuple(typical_grades(p.months, sex).values()) for p in gp.plates(sex) if 60 <= p.months <= 180]
        assert len(set(hands)) == len(hands)
    assert rus_chn.bone_age(rus_chn.total_score(typical_grades(228, Sex.MALE), Sex.MALE), Sex.MALE).qualifier is Qualifier.AT_LEAST


@pytest.mark.parametrize("months", [-1.0, math.nan, math.inf])
def test_no_hand_of_no_age(months: float) -> None:
    with pytest.raises(StandardError):
        typical_grades(months, Sex.MALE)
