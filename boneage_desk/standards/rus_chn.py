"""RUS-CHN of Chinese-05 (TY/T 3001-2006): 13 bones, grades, scores, bone age.

A grade is a table index: 0 means 'ossification centre absent', ``k`` the k-th RUS-CHN grade;
:func:`label` gives the printed name ('7(0)'). The score of a hand is the sum of 13 bone scores,
0 to 1000 points; the bone age is where the sex's median curve reaches that score, linear between
knots. Below the first printed knot (1 year) the answer is '< 1 y'; at 1000 points it is
'>= 18 y' (boys) or '>= 17 y' (girls). Nothing is extrapolated and a missing bone is never grade 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from boneage_desk.common.errors import StandardError
from boneage_desk.standards.curve import age_of_score
from boneage_desk.standards.tables import PINS, load
from boneage_desk.standards.types import BoneAge, Sex

STANDARD_ID = "rus-chn"
NAME = "RUS-CHN (Chinese-05)"
EDITION = "TY/T 3001-2006"
BONES: tuple[str, ...] = (
    "radius", "ulna", "mc1", "mc3", "mc5", "pp1", "pp3", "pp5", "mp3", "mp5", "dp1", "dp3", "dp5",
)  # fmt: skip
MAX_SCORE = 1000
SHA256 = PINS["rus_chn"]

_BONE_NAMES_EN = {
    "radius": "Radius", "ulna": "Ulna",
    "mc1": "Metacarpal 1", "mc3": "Metacarpal 3", "mc5": "Metacarpal 5",
    "pp1": "Proximal phalanx 1", "pp3": "Proximal phalanx 3", "pp5": "Proximal phalanx 5",
    "mp3": "Middle phalanx 3", "mp5": "Middle phalanx 5",
    "dp1": "Distal phalanx 1", "dp3": "Distal phalanx 3", "dp5": "Distal phalanx 5",
}  # fmt: skip


@cache
def _table() -> dict[str, Any]:
    table = load("rus_chn")
    if tuple(table["bones"]) != BONES:
        raise StandardError("The RUS-CHN table lists other bones than the program.", code="table-altered")
    return table


@cache
def _criteria() -> dict[str, Any]:
    return load("rus_chn_criteria")


def check_bone(bone: str) -> None:
    """Raise StandardError unless ``bone`` is one of :data:`BONES`."""
    if bone not in BONES:
        raise StandardError(
            f"'{bone}' is not a bone of RUS-CHN.", f"Use one of: {', '.join(BONES)}.", code="unknown-bone"
        )


def bone_name(bone: str, language: str = "en") -> str:
    """The bone's name in English ('Metacarpal 1') or Chinese (language 'zh')."""
    check_bone(bone)
    return str(_table()["names_zh"][bone]) if language == "zh" else _BONE_NAMES_EN[bone]


@cache
def labels(bone: str) -> tuple[str, ...]:
    """Printed names of all grades of ``bone``, index 0 first: ('0', '1', ... '5(0)', '5(2)' ...)."""
    check_bone(bone)
    return tuple(str(text) for text in _table()["grade_labels"][bone])


def max_grade(bone: str) -> int:
    """The highest grade index of ``bone`` (fused)."""
    return len(labels(bone)) - 1


def check_grade(bone: str, grade: int) -> None:
    """Raise StandardError unless ``bone`` has the grade index ``grade``."""
    top = max_grade(bone)
    if isinstance(grade, bool) or not isinstance(grade, int) or not 0 <= grade <= top:
        raise StandardError(
            f"{bone} has no grade {grade!r}.", f"Its grades are 0 to {top}.", code="illegal-grade"
        )


def label(bone: str, grade: int) -> str:
    """Printed name of grade index ``grade``, e.g. index 8 of the radius is '7(0)'."""
    check_grade(bone, grade)
    return labels(bone)[grade]


def grade_of_label(bone: str, text: str) -> int:
    """The grade index of a printed name; raises StandardError when the bone has no such name."""
    try:
        return labels(bone).index(text.strip())
    except ValueError:
        raise StandardError(
            f"{bone} has no grade named '{text}'.",
            f"Its names are {', '.join(labels(bone))}.",
            code="illegal-grade",
        ) from None


@cache
def scores(bone: str, sex: Sex) -> tuple[int, ...]:
    """Points of every grade of ``bone`` for ``sex``, index 0 first."""
    check_bone(bone)
    return tuple(int(points) for points in _table()["scores"][sex.table][bone])


def score(bone: str, grade: int, sex: Sex) -> int:
    """Points of one bone."""
    check_grade(bone, grade)
    return scores(bone, sex)[grade]


def total_score(grades: Mapping[str, int], sex: Sex) -> int:
    """Sum over the 13 bones, 0 to 1000 points.

    Raises StandardError (code 'missing-bones') unless every bone has a grade, and for unknown
    bones or grades.
    """
    for bone in grades:
        check_bone(bone)
    missing = [bone for bone in BONES if bone not in grades]
    if missing:
        raise StandardError(
            f"No bone age: {len(missing)} of 13 bones have no grade ({', '.join(missing)}).",
            "Grade them; a missing bone is not scored as zero.",
            code="missing-bones",
        )
    return sum(score(bone, grades[bone], sex) for bone in BONES)


@cache
def knots(sex: Sex) -> tuple[tuple[float, float], ...]:
    """(age in months, score) knots of the median curve, from 12 months up; both strictly rising."""
    rows = _table()["score_to_age"][sex.table]
    return tuple((float(years) * 12.0, float(points)) for years, points in rows if years >= 1)


def bone_age(points: float, sex: Sex) -> BoneAge:
    """Bone age for a total score (0 to 1000 points); linear between knots, never extrapolated.

    >>> bone_age(512, Sex.FEMALE).text
    '10 y 6 m'
    >>> bone_age(1000, Sex.MALE).text
    '>= 18 y 0 m'
    """
    if not 0 <= points <= MAX_SCORE:
        raise StandardError(f"A RUS-CHN score of {points} is outside 0 to 1000.", code="score-range")
    return _age_at(points, sex)


@lru_cache(maxsize=4096)
def _age_at(points: float, sex: Sex) -> BoneAge:
    """Kept, since a window asks for the ages of some hundred neighbouring scores at each change."""
    return age_of_score(knots(sex), points)


def score_at_age(months: float, sex: Sex) -> float:
    """Median score at a bone age in months (the curve read the other way), clamped to its ends.

    For drawing the curve and for training targets; not for reading a patient.
    """
    curve = knots(sex)
    if months <= curve[0][0]:
        return curve[0][1]
    for (age0, value0), (age1, value1) in zip(curve, curve[1:], strict=False):
        if months <= age1:
            return value0 + (months - age0) / (age1 - age0) * (value1 - value0)
    return curve[-1][1]


def criterion(bone: str, grade: int, language: str = "en") -> str:
    """What the grade looks like, condensed in our own words; language 'en' or 'zh'."""
    check_grade(bone, grade)
    row = _criteria()["bones"][bone][grade]
    return str(row["zh" if language == "zh" else "en"])
