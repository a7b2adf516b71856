"""CHN (Li Guozhen 1988/1992): 14 bones with capitate and hamate and without the ulna, by its own grades.

For reading old reports only: it runs 0.4 to 0.9 years ahead of RUS-CHN in today's Chinese children. The 13 grades of
RUS-CHN do not give it: capitate and hamate are not among them, and no map of the grades is known. Ages are bins of a
tenth of a year and more; the first bin (age 0) is reported as '< 0.1 y', the last score as '>='. At 999 points two
bins of the table meet; the earlier holds. One source only: see ``certainty`` in the table.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from functools import cache
from typing import Any

from boneage_desk.common.errors import StandardError
from boneage_desk.standards.tables import load
from boneage_desk.standards.types import BoneAge, Qualifier, Sex

STANDARD_ID = "chn-1988"
MAX_SCORE = 1000
_NAMES = {
    "radius": "radius", "capitate": "capitate", "hamate": "hamate",
    "mc1": "first-metacarpal", "mc3": "third-metacarpal", "mc5": "fifth-metacarpal",
    "pp1": "first-proximal-phalange", "pp3": "third-proximal-phalange", "pp5": "fifth-proximal-phalange",
    "mp3": "third-middle-phalange", "mp5": "fifth-middle-phalange",
    "dp1": "first-distal-phalange", "dp3": "third-distal-phalange", "dp5": "fifth-distal-phalange",
}  # fmt: skip
BONES: tuple[str, ...] = tuple(_NAMES)


@cache
def _table() -> dict[str, Any]:
    table = load("chn_1988")
    if any(set(table["scores"][sex.table]) != set(_NAMES.values()) for sex in Sex):
        raise StandardError("The CHN table lists other bones than the program.", code="table-altered")
    return table


def check_bone(bone: str) -> None:
    """Raise StandardError (code 'unknown-bone') unless ``bone`` is one of the 14."""
    if bone not in BONES:
        raise StandardError(
            f"'{bone}' is not a bone of CHN 1988.", f"Use one of: {', '.join(BONES)}.", code="unknown-bone"
        )


@cache
def scores(bone: str, sex: Sex) -> tuple[int, ...]:
    """Points of every grade of ``bone`` for ``sex``; index 0 is 'centre absent'."""
    check_bone(bone)
    return tuple(int(points) for points in _table()["scores"][sex.table][_NAMES[bone]])


def max_grade(bone: str) -> int:
    """The highest grade index of ``bone``."""
    return len(scores(bone, Sex.MALE)) - 1


def score(bone: str, grade: int, sex: Sex) -> int:
    """Points of one bone; raises StandardError (code 'illegal-grade') for a grade that it does not have."""
    points = scores(bone, sex)
    if isinstance(grade, bool) or not isinstance(grade, int) or not 0 <= grade < len(points):
        raise StandardError(
            f"{bone} has no CHN grade {grade!r}.", f"Its grades are 0 to {len(points) - 1}.", code="illegal-grade"
        )
    return points[grade]


def total_score(grades: Mapping[str, int], sex: Sex) -> int:
    """Sum over the 14 bones, 0 to 1000 points; StandardError 'missing-bones' unless every bone has a grade.

    >>> total_score({bone: max_grade(bone) for bone in BONES}, Sex.MALE)
    1000
    """
    for bone in grades:
        check_bone(bone)
    missing = [bone for bone in BONES if bone not in grades]
    if missing:
        raise StandardError(
            f"No bone age: {len(missing)} of 14 bones have no grade ({', '.join(missing)}).",
            "Grade them by CHN's own grades; a missing bone is not scored as zero.",
            code="missing-bones",
        )
    return sum(score(bone, grades[bone], sex) for bone in BONES)


@cache
def bins(sex: Sex) -> tuple[tuple[float, int], ...]:
    """(age in months, smallest score) of every bin but the first; where two bins share a score the earlier has it."""
    rows = _table()["score_to_age"][sex.table]
    if rows[0][1] != 0 or rows[-1][2] != MAX_SCORE or any(a[0] >= b[0] or a[1] >= b[1] for a, b in zip(rows, rows[1:], strict=False)):
        raise StandardError("The bins of CHN do not rise from 0 to 1000.", code="table-altered")
    starts = [max(int(row[1]), int(before[2]) + 1) for before, row in zip(rows, rows[1:], strict=False)]
    return tuple((round(float(row[0]) * 12, 6), start) for row, start in zip(rows[1:], starts, strict=True))


def bone_age(points: float, sex: Sex) -> BoneAge:
    """Bone age of a total score of 0 to 1000 points.

    >>> bone_age(740, Sex.MALE).text, bone_age(5, Sex.MALE).text, bone_age(1000, Sex.FEMALE).text
    ('12 y 0 m', '< 0 y 1 m', '>= 17 y 4 m')
    """
    if not 0 <= points <= MAX_SCORE:
        raise StandardError(f"A CHN score of {points} is outside 0 to 1000.", code="score-range")
    table = bins(sex)
    if points < table[0][1]:
        return BoneAge(table[0][0], Qualifier.BELOW)
    if points >= MAX_SCORE:
        return BoneAge(table[-1][0], Qualifier.AT_LEAST)
    return BoneAge(table[bisect_right(table, points, key=lambda row: row[1]) - 1][0])
