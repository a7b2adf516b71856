"""Values that every standard shares."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from boneage_desk.common.errors import InputError


class Sex(StrEnum):
    """Sex as DICOM (0010,0040) writes it. It picks the table; there is no default."""

    MALE = "M"
    FEMALE = "F"

    @classmethod
    def parse(cls, text: str) -> Sex:
        """'M', 'F', 'male', 'girl', '男' ... to a value; raises InputError for anything else."""
        word = text.strip().lower()
        if word in ("m", "male", "boy", "男"):
            return cls.MALE
        if word in ("f", "female", "girl", "女"):
            return cls.FEMALE
        raise InputError(f"Sex '{text}' is not known.", "Give M or F: it picks the table.")

    @property
    def table(self) -> str:
        """The key that the table files use."""
        return "male" if self is Sex.MALE else "female"


class Qualifier(StrEnum):
    """Whether the table gives a point or only a bound."""

    POINT = ""
    BELOW = "<"
    AT_LEAST = ">="


@dataclass(frozen=True, slots=True)
class BoneAge:
    """A bone age in months, or the bound that the table ends with (``qualifier`` '<' or '>=')."""

    months: float
    qualifier: Qualifier = Qualifier.POINT

    def __post_init__(self) -> None:
        if not math.isfinite(self.months) or self.months < 0:
            raise ValueError(f"bone age of {self.months} months")

    @property
    def text(self) -> str:
        """Years and months, for example '10 y 6 m' or '>= 17 y 0 m'."""
        sign = f"{self.qualifier} " if self.qualifier else ""
        return sign + years_months(self.months)


def whole_months(months: float) -> int:
    """The nearest whole month, a half away from 0: so wherever months are told.

    >>> whole_months(12.5), whole_months(-12.5), whole_months(0.4)
    (13, -13, 0)
    """
    whole = math.floor(abs(months) + 0.5)
    return -whole if months < 0 else whole


def years_months(months: float) -> str:
    """'10 y 6 m' for 126.2; the nearest whole month. Negative values keep their sign."""
    whole = abs(whole_months(months))
    sign = "-" if months < 0 and whole else ""
    return f"{sign}{whole // 12} y {whole % 12} m"
