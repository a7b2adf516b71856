"""All total scores that a hand can have, to ages: no gap, no fall, and every step over 0.1 y a point is on a list.

docs/clinical.md tells of the same list.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence

import pytest

from boneage_desk.standards import chn_1988, rus_chn, tw3
from boneage_desk.standards.types import BoneAge, Qualifier, Sex


def reachable(points: Sequence[Sequence[int]]) -> list[int]:
    """Every sum of one value from each list; bit i of a number stands for the sum i."""
    sums = 1
    for one in points:
        sums = functools.reduce(operator.or_, (sums << p for p in one))
    return [i for i in range(1001) if sums >> i & 1]


Case = tuple[Callable[[Sex], list[int]], Callable[[float, Sex], BoneAge]]
CASES: dict[str, Case] = {
    "rus-chn": (lambda sex: reachable([rus_chn.scores(bone, sex) for bone in rus_chn.BONES]), rus_chn.bone_age),
    "tw3-rus": (lambda sex: reachable([tw3.scores(bone, sex) for bone in tw3.BONES]), tw3.bone_age),
    "tw3-c-rus": (
        lambda sex: reachable([tw3.scores(bone, sex) for bone in tw3.BONES]), lambda points, sex: tw3.bone_age(points, sex, "tw3-c-rus"),
    ),
    "tw2-rus": (
        lambda sex: reachable([tw3.scores(bone, sex) for bone in tw3.BONES]), lambda points, sex: tw3.bone_age(points, sex, "tw2-rus"),
    ),
    "chn-1988": (lambda sex: reachable([chn_1988.scores(bone, sex) for bone in chn_1988.BONES]), chn_1988.bone_age),
}  # fmt: skip

COUNTS = {
    ("rus-chn", "M"): 996, ("rus-chn", "F"): 996, ("tw3-rus", "M"): 989, ("tw3-rus", "F"): 992,
    ("chn-1988", "M"): 996, ("chn-1988", "F"): 993,
}  # fmt: skip
STEEP: dict[tuple[str, str], list[tuple[int, int]]] = {
    ("rus-chn", "M"): [(75, 78), (996, 1000)], ("rus-chn", "F"): [(990, 1000)],
    ("tw3-c-rus", "F"): [(994, 1000)],
    ("chn-1988", "M"): [(922, 924), (990, 993), (999, 1000)], ("chn-1988", "F"): [(927, 928), (929, 930), (990, 997)],
}  # fmt: skip
"""Stretches of score over which one point is more than 0.1 y: flat ends of the curves, and boys' knots at 4 to 4.5 y."""


@pytest.mark.parametrize("name", sorted(CASES))
@pytest.mark.parametrize("sex", list(Sex))
def test_every_reachable_score_has_an_age_and_ages_never_fall(name: str, sex: Sex) -> None:
    scores, age = CASES[name]
    found = scores(sex)
    assert (found[0], found[-1]) == (0, 1000)
    if (name, sex.value) in COUNTS:
        assert len(found) == COUNTS[name, sex.value]
    assert max(b - a for a, b in zip(found, found[1:], strict=False)) <= 7
    ages = [age(points, sex) for points in found]
    kinds = [one.qualifier for one in ages]
    order = [Qualifier.BELOW, Qualifier.POINT, Qualifier.AT_LEAST]
    assert [order.index(kind) for kind in kinds] == sorted(order.index(kind) for kind in kinds)
    assert kinds.count(Qualifier.AT_LEAST) == 1, "only the mature hand is past the table"
    assert all(a.months <= b.months for a, b in zip(ages, ages[1:], strict=False))


@pytest.mark.parametrize("name", sorted(CASES))
@pytest.mark.parametrize("sex", list(Sex))
def test_no_point_is_worth_more_than_a_tenth_of_a_year_but_at_the_listed_knots(name: str, sex: Sex) -> None:
    _, age = CASES[name]
    steep = [
        points for points in range(1000)
        if age(points, sex).qualifier is not Qualifier.BELOW and age(points + 1, sex).months - age(points, sex).months > 1.2 + 1e-6
    ]  # fmt: skip
    listed = [points for low, high in STEEP.get((name, sex.value), []) for points in range(low, high)]
    if name == "chn-1988":
        assert set(steep) <= set(listed) and steep
    else:
        assert steep == listed
