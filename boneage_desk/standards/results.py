"""Bone ages by every standard that one set of 13 RUS-CHN grades feeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from boneage_desk.standards import rus_chn, tw3
from boneage_desk.standards.types import BoneAge, Sex


@dataclass(frozen=True, slots=True)
class Result:
    """Score (0 to 1000 points) and bone age by one standard."""

    standard: str
    score: int
    bone_age: BoneAge


DERIVED = (rus_chn.STANDARD_ID, tw3.TW3_RUS, tw3.TW3_C_RUS)
"""Standards that are shown beside each other; TW2 RUS ages come from :func:`boneage_desk.standards.tw3.bone_age`."""


def from_grades(grades: Mapping[str, int], sex: Sex) -> tuple[Result, ...]:
    """RUS-CHN, TW3 RUS and TW3-C RUS of 13 RUS-CHN grade indices by bone, in this order; some 50 microseconds.

    Raises StandardError for a missing or unknown bone and a grade that the bone does not have.

    >>> for one in from_grades({bone: 6 for bone in rus_chn.BONES}, Sex.FEMALE):
    ...     print(one.standard, one.score, one.bone_age.text)
    rus-chn 416 9 y 8 m
    tw3-rus 445 9 y 3 m
    tw3-c-rus 445 9 y 3 m
    """
    points = rus_chn.total_score(grades, sex)
    stage_points = tw3.total_of_grades(grades, sex)
    return (
        Result(rus_chn.STANDARD_ID, points, rus_chn.bone_age(points, sex)),
        *(Result(name, stage_points, tw3.bone_age(stage_points, sex, name)) for name in DERIVED[1:]),
    )
