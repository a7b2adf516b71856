"""Bone age against the child's age: normal range and conclusion by the reading's rule, and the named table's SD score.

The rule is one of `standards.rules`; the default is that of paediatric radiology reports: normal is the age -+ 2 SD of the
Brush Foundation table. Its tables were read with the Greulich-Pyle standards and a RUS-CHN bone age is another measure;
the report says both. The age is the corrected one where that was asked for (`Summary.compared_months`).
"""

from __future__ import annotations

from dataclasses import dataclass

from boneage_desk.reading.summary import Summary
from boneage_desk.standards import gp_sd
from boneage_desk.standards.rules import Conclusion, Degree, Rule, conclude, normal_range
from boneage_desk.standards.types import BoneAge, Sex

DELAYED, NORMAL, ADVANCED = Conclusion.DELAYED.value, Conclusion.NORMAL.value, Conclusion.ADVANCED.value


@dataclass(frozen=True, slots=True)
class Reference:
    """What is said of the bone age at the child's age, months.

    ``low_months``/``high_months``: the normal range of ``rule``. ``name``: the table of ``mean_months`` and ``sd_months``: the
    rule's own, by years Brush Foundation; None where the table has no value. ``sd_score``: (bone age - age) / SD;
    ``mean_sd_score``: (bone age - mean) / SD; None where the bone age is only a bound or there is no SD. ``conclusion``:
    'delayed', 'normal', 'advanced', or '' where the bone age is missing, a bound leaves it open, or an estimated birth
    date does (``open_by_birth``). ``degree``: 'slight', 'clear', or '' where the rule tells none.
    """

    name: str
    mean_months: float | None
    sd_months: float | None
    low_months: float
    high_months: float
    sd_score: float | None
    conclusion: str
    rule: Rule = Rule.BRUSH_2SD
    degree: str = ""
    mean_sd_score: float | None = None
    open_by_birth: bool = False


def reference_of(summary: Summary, sex: Sex | None) -> Reference | None:
    """The reference for this child; None without sex or age, or at an age for which the rule's table has no SD."""
    age, rule = summary.compared_months, summary.rule
    if sex is None or age is None:
        return None
    found = normal_range(rule, age, sex)
    if found is None:
        return None
    name, mean, sd = gp_sd.NAME, None, found.sd_months
    if rule is Rule.STUART_2SD:
        name = gp_sd.SECOND_NAME
    elif (spread := gp_sd.spread(age, sex)) is not None:
        mean, sd = spread.mean_months, spread.sd_months
    score = mean_score = None
    if summary.difference_months is not None and sd is not None:
        score = summary.difference_months / sd
        if mean is not None:
            mean_score = (summary.difference_months + age - mean) / sd
    word, degree, unsure = conclusion_of(summary.bone_age, summary, sex)
    return Reference(
        name, mean, sd, found.low_months, found.high_months, score, word.value, rule, degree.value, mean_score, unsure
    )


def conclusion_of(bone_age: BoneAge | None, summary: Summary, sex: Sex) -> tuple[Conclusion, Degree, bool]:
    """What the reading's rule says of a bone age at the child's age, and at both ends where the birth date is estimated:
    only what they agree on. The third value is true where only the estimate leaves it open."""
    age = summary.compared_months
    if bone_age is None or age is None:
        return Conclusion.OPEN, Degree.UNTOLD, False
    word, degree = conclude(summary.rule, bone_age, age, sex)
    if summary.age_span_months is None or word is Conclusion.OPEN:
        return word, degree, False
    ends = [conclude(summary.rule, bone_age, end, sex) for end in summary.age_span_months]
    if any(other is not word for other, _ in ends):
        return Conclusion.OPEN, Degree.UNTOLD, True
    return word, degree if all(other is degree for _, other in ends) else Degree.UNTOLD, False
