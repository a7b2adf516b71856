"""The rules of the conclusion at their limits, at bounds, and where their tables end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boneage_desk.common.errors import InputError
from boneage_desk.common.settings import CONCLUSION_RULES
from boneage_desk.standards.rules import Conclusion, Degree, Rule, conclude, normal_range
from boneage_desk.standards.types import BoneAge, Qualifier, Sex

YEARS = Rule.RUS_CHN_YEARS


def test_settings_name_the_same_rules() -> None:
    assert CONCLUSION_RULES == tuple(rule.value for rule in Rule)
    with pytest.raises(InputError):
        Rule.parse("3-sd")


@pytest.mark.parametrize(
    ("apart", "word", "degree"),
    [
        (0, "normal", ""), (12, "normal", ""), (-12, "normal", ""), (12.4, "normal", ""), (12.6, "advanced", "slight"),
        (-13, "delayed", "slight"), (24, "advanced", "slight"), (24.6, "advanced", "clear"), (-25, "delayed", "clear"),
    ],
)  # fmt: skip
def test_one_and_two_years(apart: float, word: str, degree: str) -> None:
    found = conclude(YEARS, BoneAge(120 + apart), 120, Sex.MALE)
    assert found == (Conclusion(word), Degree(degree))


@pytest.mark.parametrize(
    ("age", "ca", "word", "degree"),
    [
        (BoneAge(216, Qualifier.AT_LEAST), 210, "", ""), (BoneAge(216, Qualifier.AT_LEAST), 200, "advanced", ""),
        (BoneAge(216, Qualifier.AT_LEAST), 180, "advanced", "clear"), (BoneAge(216, Qualifier.AT_LEAST), 250, "", ""),
        (BoneAge(12, Qualifier.BELOW), 20, "", ""), (BoneAge(12, Qualifier.BELOW), 30, "delayed", ""),
        (BoneAge(12, Qualifier.BELOW), 40, "delayed", "clear"), (BoneAge(12, Qualifier.BELOW), 3, "", ""),
    ],
)  # fmt: skip
def test_a_bound_says_only_what_it_must_by_years(age: BoneAge, ca: float, word: str, degree: str) -> None:
    assert conclude(YEARS, age, ca, Sex.MALE) == (Conclusion(word), Degree(degree))


def test_the_two_tables_differ_and_end() -> None:
    """Girls of 13 years: SD 10.67 by one table, 14.6 by the other; 25 months ahead is advanced by the first alone."""
    age = BoneAge(156 + 25)
    assert conclude(Rule.BRUSH_2SD, age, 156, Sex.FEMALE)[0] is Conclusion.ADVANCED
    assert conclude(Rule.STUART_2SD, age, 156, Sex.FEMALE)[0] is Conclusion.NORMAL
    assert normal_range(Rule.BRUSH_2SD, 6, Sex.FEMALE) is not None and normal_range(Rule.STUART_2SD, 6, Sex.FEMALE) is None
    assert conclude(Rule.STUART_2SD, BoneAge(6), 6, Sex.FEMALE)[0] is Conclusion.OPEN
    assert conclude(YEARS, BoneAge(220), 230, Sex.FEMALE)[0] is Conclusion.NORMAL


@given(st.sampled_from(list(Rule)), st.sampled_from(list(Sex)), st.floats(3, 204), st.floats(0, 240), st.floats(0, 240))
def test_an_older_bone_never_makes_the_conclusion_younger(rule: Rule, sex: Sex, ca: float, a: float, b: float) -> None:
    order = [Conclusion.DELAYED, Conclusion.NORMAL, Conclusion.ADVANCED]
    low, high = (conclude(rule, BoneAge(months), ca, sex)[0] for months in sorted((a, b)))
    if Conclusion.OPEN in (low, high):
        assert normal_range(rule, ca, sex) is None
    else:
        assert order.index(low) <= order.index(high)
