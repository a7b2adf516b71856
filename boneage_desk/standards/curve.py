"""From a total score to a bone age along a standard's curve; shared by all standards of knots."""

from __future__ import annotations

from bisect import bisect_right

from boneage_desk.common.errors import StandardError
from boneage_desk.standards.types import BoneAge, Qualifier

Curve = tuple[tuple[float, float], ...]
"""(age in months, score in points), both strictly rising."""


def checked(rows: Curve, table: str) -> Curve:
    """``rows`` as they are; StandardError (code 'table-altered') unless ages and scores strictly rise."""
    if len(rows) < 2 or any(a[0] >= b[0] or a[1] >= b[1] for a, b in zip(rows, rows[1:], strict=False)):
        raise StandardError(f"Ages and scores of {table} do not rise strictly.", code="table-altered")
    return rows


def age_of_score(curve: Curve, points: float) -> BoneAge:
    """Bone age where ``curve`` reaches ``points``: linear between knots, '<' before the first, '>=' from the last on.

    >>> age_of_score(((12.0, 10.0), (24.0, 30.0)), 20).months
    18.0
    >>> age_of_score(((12.0, 10.0), (24.0, 30.0)), 30).text
    '>= 2 y 0 m'
    """
    if points < curve[0][1]:
        return BoneAge(curve[0][0], Qualifier.BELOW)
    if points >= curve[-1][1]:
        return BoneAge(curve[-1][0], Qualifier.AT_LEAST)
    i = bisect_right(curve, points, key=lambda knot: knot[1]) - 1
    (age0, score0), (age1, score1) = curve[i], curve[i + 1]
    return BoneAge(age0 + (points - score0) / (score1 - score0) * (age1 - age0))
