"""Tanner-Whitehouse RUS: 13 stages A to I, their points, and three conversions of the total to a bone age.

* TW3 RUS (2001): boys 2.0 to 16.5 years, girls 2.0 to 15.0, a row each tenth of a year, linear between rows.
* TW3-C RUS: the norms of the Chinese-05 survey for the same points, from 1 year; boys to 16.0, girls to 15.0.
* TW2 RUS: the British norms of the 1950s for the same points; old height predictions ask for this age and for no
  other. Steps of a tenth of a year: the row's value is the smallest score of that age.

A RUS-CHN grade has one stage (:func:`stage_of_grade`): the half grades fall together. One set of 13 RUS-CHN grades so
gives the TW3 score too; the way back does not exist. The table file names its sources and the cells in doubt.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from functools import cache
from typing import Any

from boneage_desk.common.errors import StandardError
from boneage_desk.standards import rus_chn
from boneage_desk.standards.curve import Curve, age_of_score, checked
from boneage_desk.standards.tables import load
from boneage_desk.standards.types import BoneAge, Qualifier, Sex

TW3_RUS, TW3_C_RUS, TW2_RUS = "tw3-rus", "tw3-c-rus", "tw2-rus"
BONES = rus_chn.BONES
MAX_SCORE = 1000


@cache
def _table() -> dict[str, Any]:
    table = load("tw3_rus")
    if tuple(table["bones"]) != BONES:
        raise StandardError("The TW3 table lists other bones than the program.", code="table-altered")
    return table


@cache
def stages(bone: str) -> tuple[str, ...]:
    """Stages of ``bone``, 'A' (no centre) first; the ulna ends at 'H', all others at 'I'."""
    rus_chn.check_bone(bone)
    return tuple(_table()["stages"][bone])


def check_stage(bone: str, stage: str) -> None:
    """Raise StandardError (code 'illegal-grade') unless ``bone`` has ``stage``."""
    if stage not in stages(bone):
        raise StandardError(
            f"{bone} has no TW3 stage '{stage}'.", f"Its stages are {', '.join(stages(bone))}.", code="illegal-grade"
        )


def stage_of_grade(bone: str, grade: int) -> str:
    """The TW3 stage of a RUS-CHN grade index.

    >>> stage_of_grade("radius", rus_chn.grade_of_label("radius", "5(2)"))
    'F'
    """
    return str(_table()["tw3_c_rus"]["map_from_rus_chn_grade"][bone][rus_chn.label(bone, grade)])


@cache
def scores(bone: str, sex: Sex) -> tuple[int, ...]:
    """Points of every stage of ``bone`` for ``sex``, stage 'A' (0 points) first."""
    rus_chn.check_bone(bone)
    points = tuple(int(value) for value in _table()["scores"][sex.table][bone])
    if len(points) != len(stages(bone)):
        raise StandardError(f"The TW3 table has {len(points)} scores for {bone}.", code="table-altered")
    return points


def score(bone: str, stage: str, sex: Sex) -> int:
    """Points of one bone at a stage.

    >>> score("radius", "I", Sex.MALE)
    213
    """
    check_stage(bone, stage)
    return scores(bone, sex)[stages(bone).index(stage)]


def total_score(by_bone: Mapping[str, str], sex: Sex) -> int:
    """Sum over the 13 bones' stages, 0 to 1000 points.

    Raises StandardError: 'missing-bones' unless every bone has a stage, 'unknown-bone', 'illegal-grade'.
    """
    for bone in by_bone:
        rus_chn.check_bone(bone)
    missing = [bone for bone in BONES if bone not in by_bone]
    if missing:
        raise StandardError(
            f"No bone age: {len(missing)} of 13 bones have no stage ({', '.join(missing)}).",
            "Give them; a missing bone is not scored as zero.",
            code="missing-bones",
        )
    return sum(score(bone, by_bone[bone], sex) for bone in BONES)


def total_of_grades(grades: Mapping[str, int], sex: Sex) -> int:
    """TW3 RUS score of 13 RUS-CHN grade indices; raises as :func:`total_score` does.

    >>> total_of_grades({bone: rus_chn.max_grade(bone) for bone in BONES}, Sex.FEMALE)
    1000
    """
    for bone in grades:
        rus_chn.check_bone(bone)
    return total_score({bone: stage_of_grade(bone, grade) for bone, grade in grades.items()}, sex)


@cache
def knots(sex: Sex, standard: str = TW3_RUS) -> Curve:
    """(age in months, score) rows of TW3 RUS or TW3-C RUS; TW3-C from 1 year, as its row at birth is a convention."""
    if standard == TW3_RUS:
        rows = _table()["score_to_age"][sex.table]
    elif standard == TW3_C_RUS:
        rows = [row for row in _table()["tw3_c_rus"][sex.table] if row[0] >= 1]
    else:
        raise StandardError(f"'{standard}' has no curve of TW3 scores.", code="unknown-standard")
    return checked(tuple((round(float(years) * 12.0, 6), float(points)) for years, points in rows), standard)


def bone_age(points: float, sex: Sex, standard: str = TW3_RUS) -> BoneAge:
    """Bone age for a total score of 0 to 1000 points by TW3 RUS, TW3-C RUS or TW2 RUS; never extrapolated.

    >>> bone_age(427, Sex.MALE).text, bone_age(427, Sex.MALE, TW3_C_RUS).text, bone_age(427, Sex.MALE, TW2_RUS).text
    ('12 y 0 m', '12 y 1 m', '13 y 5 m')
    >>> bone_age(41, Sex.MALE).text
    '< 2 y 0 m'
    """
    if not 0 <= points <= MAX_SCORE:
        raise StandardError(f"A TW3 score of {points} is outside 0 to 1000.", code="score-range")
    if standard == TW2_RUS:
        return _tw2_age(points, sex)
    return age_of_score(knots(sex, standard), points)


@cache
def tw2_steps(sex: Sex) -> tuple[tuple[float, int], ...]:
    """(age in months, smallest score of that age) of TW2 RUS; ages whose smallest score is 0 are left out."""
    norms = [int(value) for value in _table()["tw2_rus_age_norms"][sex.table]]
    rows = tuple((round((10 + i) * 1.2, 6), value) for i, value in enumerate(norms) if value > 0)
    if any(a[1] > b[1] for a, b in zip(rows, rows[1:], strict=False)) or rows[-1][1] != MAX_SCORE:
        raise StandardError("The TW2 RUS norms fall, or do not end at 1000.", code="table-altered")
    return rows


def _tw2_age(points: float, sex: Sex) -> BoneAge:
    steps = tw2_steps(sex)
    if points < steps[0][1]:
        return BoneAge(steps[0][0], Qualifier.BELOW)
    if points >= MAX_SCORE:
        return BoneAge(next(age for age, least in steps if least == MAX_SCORE), Qualifier.AT_LEAST)
    return BoneAge(steps[bisect_right(steps, points, key=lambda step: step[1]) - 1][0])
