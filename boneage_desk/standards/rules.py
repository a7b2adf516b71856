"""When a bone age is called delayed, normal or advanced: the rules that a site may choose from.

``brush-2sd`` (default) and ``stuart-2sd``: normal is the child's age -+ 2 SD of a named table of Greulich and Pyle 1959;
there is no conclusion at ages for which the table has no SD. ``rus-chn-years``: up to 1 year of difference is normal, up
to 2 years slightly, more is clearly delayed or advanced (Chinese practice beside RUS-CHN; a convention, not the standard).
Differences are compared in whole months there, as they are printed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from boneage_desk.common.errors import InputError
from boneage_desk.standards import gp_sd
from boneage_desk.standards.types import BoneAge, Qualifier, Sex

LIMIT_SD = 2.0
NORMAL_MONTHS, SLIGHT_MONTHS = 12, 24


class Rule(StrEnum):
    """Id of a rule, as settings, the store and the JSON write it."""

    BRUSH_2SD = "brush-2sd"
    STUART_2SD = "stuart-2sd"
    RUS_CHN_YEARS = "rus-chn-years"

    @classmethod
    def parse(cls, text: str) -> Rule:
        """The rule of this id; InputError for another word."""
        try:
            return cls(text)
        except ValueError:
            raise InputError(f"'{text}' is no rule.", f"Use one of: {', '.join(cls)}.", code="unknown-rule") from None


DEFAULT = Rule.BRUSH_2SD


class Conclusion(StrEnum):
    """What a rule says. OPEN: the bone age is missing, or only a bound that leaves it open."""

    OPEN = ""
    DELAYED = "delayed"
    NORMAL = "normal"
    ADVANCED = "advanced"


class Degree(StrEnum):
    """How far; only ``rus-chn-years`` tells it, and not of a bound that leaves it open."""

    UNTOLD = ""
    SLIGHT = "slight"
    CLEAR = "clear"


@dataclass(frozen=True, slots=True)
class NormalRange:
    """Normal range at an age, months. ``sd_months`` is that of the rule's table, None by years."""

    low_months: float
    high_months: float
    sd_months: float | None


def normal_range(rule: Rule, ca_months: float, sex: Sex) -> NormalRange | None:
    """The range that ``rule`` calls normal at an age in months; None where its table has no SD.

    >>> boy = normal_range(Rule.BRUSH_2SD, 120, Sex.MALE)
    >>> round(boy.low_months, 2), round(boy.high_months, 2), boy.sd_months
    (100.42, 139.58, 9.79)
    >>> normal_range(Rule.RUS_CHN_YEARS, 120, Sex.MALE)
    NormalRange(low_months=108.0, high_months=132.0, sd_months=None)
    >>> normal_range(Rule.BRUSH_2SD, 210, Sex.MALE) is None
    True
    """
    if rule is Rule.RUS_CHN_YEARS:
        return NormalRange(float(ca_months - NORMAL_MONTHS), float(ca_months + NORMAL_MONTHS), None)
    if rule is Rule.BRUSH_2SD:
        spread = gp_sd.spread(ca_months, sex)
        sd = None if spread is None else spread.sd_months
    else:
        sd = gp_sd.second_sd(ca_months, sex)
    return None if sd is None else NormalRange(ca_months - LIMIT_SD * sd, ca_months + LIMIT_SD * sd, sd)


def conclude(rule: Rule, ba: BoneAge, ca_months: float, sex: Sex) -> tuple[Conclusion, Degree]:
    """What ``rule`` says of a bone age at an age in months. OPEN where its table ends or a bound leaves it open.

    >>> conclude(Rule.RUS_CHN_YEARS, BoneAge(135), 120, Sex.MALE)
    (<Conclusion.ADVANCED: 'advanced'>, <Degree.SLIGHT: 'slight'>)
    """
    found = normal_range(rule, ca_months, sex)
    if found is None:
        return Conclusion.OPEN, Degree.UNTOLD
    if rule is Rule.RUS_CHN_YEARS:
        return _by_years(ba, ca_months)
    low, high = found.low_months, found.high_months
    if ba.qualifier is Qualifier.AT_LEAST:
        return (Conclusion.ADVANCED if ba.months > high else Conclusion.OPEN), Degree.UNTOLD
    if ba.qualifier is Qualifier.BELOW:
        return (Conclusion.DELAYED if ba.months <= low else Conclusion.OPEN), Degree.UNTOLD
    word = Conclusion.DELAYED if ba.months < low else Conclusion.ADVANCED if ba.months > high else Conclusion.NORMAL
    return word, Degree.UNTOLD


def _by_years(ba: BoneAge, ca_months: float) -> tuple[Conclusion, Degree]:
    apart = ba.months - ca_months
    whole = math.floor(abs(apart) + 0.5)
    word = Conclusion.NORMAL if whole <= NORMAL_MONTHS else Conclusion.DELAYED if apart < 0 else Conclusion.ADVANCED
    degree = Degree.UNTOLD if word is Conclusion.NORMAL else Degree.SLIGHT if whole <= SLIGHT_MONTHS else Degree.CLEAR
    if ba.qualifier is Qualifier.POINT:
        return word, degree
    # a bound says only 'at least so far': towards its own side, and no degree short of the last
    side = Conclusion.ADVANCED if ba.qualifier is Qualifier.AT_LEAST else Conclusion.DELAYED
    if word is not side:
        return Conclusion.OPEN, Degree.UNTOLD
    return word, degree if degree is Degree.CLEAR else Degree.UNTOLD
