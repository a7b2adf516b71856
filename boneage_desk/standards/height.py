"""Adult height: the published methods side by side, each with its error and limits or the reason why it gives nothing.

Bayley-Pinneau (1952), Roche-Wainer-Thissen (1975, amended 1993), Tanner-Whitehouse Mark I (1975), mid-parental height
(Tanner; Chinese CMH-C). Heights in cm, weights in kg, ages in months. Each method takes the bone age that it was made
with and no other: Greulich-Pyle for Bayley-Pinneau and Roche-Wainer-Thissen, TW2 RUS for Mark I. No table is
extrapolated, and a fact that is missing has no default: not a parent's height, not menarche, not a bone age.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from boneage_desk.common.errors import InputError
from boneage_desk.standards.height_words import NAMES, Remark, remark
from boneage_desk.standards.tables import load
from boneage_desk.standards.types import BoneAge, Qualifier, Sex

METHODS: tuple[str, ...] = tuple(NAMES)
"""Ids of the methods, in the order in which they are shown."""
CM_PER_INCH = 2.54
LENGTH_OVER_HEIGHT_CM = 1.25
"""Recumbent length less standing height, for a child whose length was not measured (Roche 1975)."""
TW_MIDPARENT_CM = 168.0
"""Mean mid-parent height of the sample of TW Mark I."""
FAR_MONTHS = 36.0
"""From here on between bone age and age it is told that the methods' samples held hardly such children."""
BELOW_CM = 0.5
"""A prediction lower than the present height by more than this is refused; less is the error of measuring."""


@dataclass(frozen=True, slots=True)
class HeightInputs:
    """What the methods may use; None is not known, and nothing stands in for it.

    ``gp``: Greulich-Pyle bone age; ``tw2_rus``: TW2 RUS bone age; ``gp_source`` ('gp', 'atlas', 'whole-hand') and
    ``tw2_source`` ('tw2', 'grades'): whose they are, for print. ``other_ages``: names of bone ages that are at hand and do
    not fit (such as 'RUS-CHN'), for the reason. ``menarche``: whether it has been (girls). ``mature_share``: share of the
    graded bones that are mature, 0 to 1. Raises InputError for a number that is none or not positive.
    """

    sex: Sex
    ca_months: float | None = None
    height_cm: float | None = None
    weight_kg: float | None = None
    father_cm: float | None = None
    mother_cm: float | None = None
    gp: BoneAge | None = None
    tw2_rus: BoneAge | None = None
    menarche: bool | None = None
    length_cm: float | None = None
    gp_source: str = "gp"
    tw2_source: str = "tw2"
    other_ages: tuple[str, ...] = ()
    mature_share: float | None = None

    def __post_init__(self) -> None:
        for name in ("ca_months", "height_cm", "weight_kg", "father_cm", "mother_cm", "length_cm"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise InputError(f"{name} is {value}.", "Give a number above zero.", code="height-input")

    @property
    def mid_parent_cm(self) -> float | None:
        if self.father_cm is None or self.mother_cm is None:
            return None
        return (self.father_cm + self.mother_cm) / 2


@dataclass(frozen=True, slots=True)
class HeightPrediction:
    """One method's answer. ``cm`` None: ``why_not`` says why. ``low_cm``, ``high_cm``: the range that ``error`` names,
    None where no error is known. ``basis``: what it was made of. ``limits``: what to bear in mind."""

    method: str
    cm: float | None = None
    low_cm: float | None = None
    high_cm: float | None = None
    error: Remark | None = None
    basis: Remark | None = None
    limits: tuple[Remark, ...] = ()
    why_not: tuple[Remark, ...] = ()

    def name(self, language: str = "en") -> str:
        return NAMES[self.method][0 if language == "en" else 1]

    def reason(self, language: str = "en") -> str:
        """Why there is no value; '' where there is one."""
        return "".join(one.text(language) for one in self.why_not)


def predict_all(inputs: HeightInputs, methods: Iterable[str] = METHODS) -> tuple[HeightPrediction, ...]:
    """Every method's answer, in the order of ``methods``. Raises InputError for an unknown method.

    >>> [p.method for p in predict_all(HeightInputs(Sex.MALE, father_cm=178, mother_cm=165)) if p.cm is not None]
    ['mid-parental', 'mid-parental-chinese']
    """
    return tuple(predict(method, inputs) for method in methods)


def predict(method: str, inputs: HeightInputs) -> HeightPrediction:
    """One method's answer. Raises InputError for an unknown method."""
    if method not in _MAKERS:
        raise InputError(f"'{method}' is no method of height prediction.", f"Use one of: {', '.join(METHODS)}.", code="method")
    made = _MAKERS[method](inputs)
    own = not method.startswith("mid-parental")  # the family's height may well lie below the child's
    if own and made.cm is not None and inputs.height_cm is not None and made.cm < inputs.height_cm - BELOW_CM:
        return _none(method, remark("below-present", cm=f"{made.cm:.1f}"))
    return made


def _none(method: str, *why: Remark) -> HeightPrediction:
    return HeightPrediction(method, why_not=why)


def _missing(method: str, needed: dict[str, object | None], inputs: HeightInputs) -> HeightPrediction | None:
    """The refusal that names all that is missing; None when nothing is."""
    lacking = [f"@what.{name}" for name, value in needed.items() if value is None]
    if not lacking:
        return None
    why = [remark("missing", what=" ".join(lacking))]
    others = (*inputs.other_ages, *(("Greulich-Pyle",) if "@what.tw2" in lacking and inputs.gp is not None else ()))
    if others and ("@what.gp" in lacking or "@what.tw2" in lacking):
        why.append(remark("only", ages=", ".join(others)))
    return _none(method, *why)


# --- Bayley and Pinneau 1952 ---------------------------------------------------------------------------
@cache
def _bp() -> dict[str, Any]:
    return load("bayley_pinneau")


@cache
def _bp_rows(sex: Sex, column: str) -> tuple[tuple[float, float], ...]:
    return tuple((float(age), float(percent)) for age, percent in _bp()[sex.table][column])


@cache
def _bp_errors(sex: Sex) -> tuple[tuple[float, float], ...]:
    """(age in months, SD in inches)."""
    key = "boys" if sex is Sex.MALE else "girls"
    return tuple((float(age), float(sd)) for age, sd in _bp()["error_sd_inches"][key])


def bayley_pinneau_column(ba_months: float, ca_months: float) -> str:
    """Which table: 'average', or 'accelerated' / 'retarded' where the bone age is a year or more off."""
    difference = ba_months - ca_months
    return "accelerated" if difference >= 12 else "retarded" if difference <= -12 else "average"


def percent_of_mature(ba_months: float, column: str, sex: Sex) -> float | None:
    """Percent of mature height at a Greulich-Pyle bone age, linear between tabulated ages; None outside the table.

    >>> percent_of_mature(159, "average", Sex.MALE)
    89.0
    """
    return _linear(_bp_rows(sex, column), ba_months)


def _bayley_pinneau(inputs: HeightInputs) -> HeightPrediction:
    method = "bayley-pinneau"
    refused = _missing(method, {"height": inputs.height_cm, "ca": inputs.ca_months, "gp": inputs.gp}, inputs)
    if refused is not None:
        return refused
    assert inputs.height_cm is not None and inputs.ca_months is not None and inputs.gp is not None
    if inputs.gp.qualifier is not Qualifier.POINT:
        return _none(method, remark("bound.gp", age=_bound(inputs.gp)))
    age = inputs.gp.months
    column = bayley_pinneau_column(age, inputs.ca_months)
    percent = percent_of_mature(age, column, inputs.sex)
    if percent is None:
        rows = _bp_rows(inputs.sex, column)
        if inputs.sex is Sex.MALE and column == "retarded" and age > rows[-1][0]:
            return _none(method, remark("no-table.bp"))
        ends = {"low": _age(rows[0][0]), "high": _age(rows[-1][0]), "age": _age(age)}
        return _none(method, remark("outside.bp", column=f"@column.{column}", **ends))
    cm = inputs.height_cm / (percent / 100)
    spread = _linear(_bp_errors(inputs.sex), inputs.ca_months)
    return _given(
        method, cm, None if spread is None else 2 * spread * CM_PER_INCH,
        remark("error.bp-none" if spread is None else "error.bp"),
        remark("basis.bp", percent=f"{percent:.1f}", age=_age(age), source=f"@source.{inputs.gp_source}", column=f"@column.{column}"),
        remark("limit.healthy"), *_far(age, inputs.ca_months),
    )  # fmt: skip


# --- Roche, Wainer, Thissen ----------------------------------------------------------------------------
@cache
def _rwt(edition: str) -> dict[str, Any]:
    found: dict[str, Any] = load("rwt")[edition]
    return found


@cache
def _rwt_rows(edition: str, sex: Sex) -> tuple[tuple[float, ...], ...]:
    """(age in months, stature, weight, mid-parent, skeletal age, intercept) of either edition."""
    if edition == "original_1975":
        return tuple(tuple(float(v) for v in row) for row in _rwt(edition)[sex.table])
    return tuple((row[0] * 12.0, row[2], row[3], row[4], row[5], row[1]) for row in _rwt(edition)[sex.table])


_DOUBTED = {("original_1975", Sex.MALE): (189.0, 192.1), ("original_1975", Sex.FEMALE): (162.0, 168.0)}
"""Ages (months, exclusive) between which a coefficient plays a part that the table says is in doubt."""


def _rwt_of(method: str, edition: str, inputs: HeightInputs) -> HeightPrediction:
    stature = inputs.height_cm
    if edition == "original_1975" and inputs.length_cm is not None:
        stature = inputs.length_cm
    refused = _missing(
        method,
        {"height": stature, "weight": inputs.weight_kg, "father": inputs.father_cm, "mother": inputs.mother_cm,
         "ca": inputs.ca_months, "gp": inputs.gp},
        inputs,
    )  # fmt: skip
    if refused is not None:
        return refused
    mid = inputs.mid_parent_cm
    assert stature is not None and inputs.weight_kg is not None and mid is not None
    assert inputs.ca_months is not None and inputs.gp is not None
    if inputs.gp.qualifier is not Qualifier.POINT:
        return _none(method, remark("bound.gp", age=_bound(inputs.gp)))
    rows = _rwt_rows(edition, inputs.sex)
    found = _between(rows, inputs.ca_months)
    if found is None:
        ends = {"low": _age(rows[0][0]), "high": _age(rows[-1][0])}
        return _none(method, remark("outside.age", **ends, age=_age(inputs.ca_months)))
    if inputs.mature_share is not None and inputs.mature_share > 0.5:
        return _none(method, remark("mature", share=f"{inputs.mature_share * 100:.0f} %"))
    limits = [remark("limit.healthy"), *_far(inputs.gp.months, inputs.ca_months), remark("limit.gp-median")]
    if edition == "original_1975" and inputs.length_cm is None:
        stature += LENGTH_OVER_HEIGHT_CM
        limits.append(remark("limit.length"))
    low, high = _DOUBTED.get((edition, inputs.sex), (math.inf, -math.inf))
    if low < inputs.ca_months < high:
        limits.append(remark("limit.cell"))
    by_stature, by_weight, by_parents, by_age, intercept = found[1:]
    age = inputs.gp.months
    cm = by_stature * stature + by_weight * inputs.weight_kg + by_parents * mid + by_age * age / 12 + intercept
    basis = remark(
        "basis.rwt", age=_age(age), source=f"@source.{inputs.gp_source}", weight=f"{inputs.weight_kg:.1f}", mid=f"{mid:.1f}"
    )
    return _given(method, cm, None, remark(f"error.{method}"), basis, *limits)


# --- Tanner and Whitehouse, Mark I ---------------------------------------------------------------------
@cache
def _tw() -> dict[str, Any]:
    return load("tw_1975_height")


def _tw_row(inputs: HeightInputs, years: float) -> dict[str, Any] | str:
    """The equation at an age: its row, 'menarche' where that must be known, 'outside' beyond the table."""
    table = _tw()[inputs.sex.table]
    if inputs.sex is Sex.MALE:
        groups: Sequence[list[dict[str, Any]]] = [table]
    else:
        told = [] if inputs.menarche is None else [table["postmenarcheal" if inputs.menarche else "premenarcheal"]]
        groups = [table["childhood"], *told, table["all_from_15"]]
    for group in groups:
        for row in group:
            if row["age_from"] <= years < row["age_to_below"]:
                return dict(row)
    if inputs.sex is Sex.FEMALE and inputs.menarche is None:
        asked = [*table["premenarcheal"], *table["postmenarcheal"]]
        if any(row["age_from"] <= years < row["age_to_below"] for row in asked):
            return "menarche"
    return "outside"


def _tw_ends(sex: Sex) -> tuple[float, float]:
    """First and last age of the table, months."""
    table = _tw()[sex.table]
    rows = table if sex is Sex.MALE else [row for group in table.values() for row in group]
    return min(row["age_from"] for row in rows) * 12.0, max(row["age_to_below"] for row in rows) * 12.0


def _tanner_whitehouse(method: str, with_parents: bool, inputs: HeightInputs) -> HeightPrediction:
    needed: dict[str, object | None] = {"height": inputs.height_cm, "ca": inputs.ca_months}
    if with_parents:
        needed |= {"father": inputs.father_cm, "mother": inputs.mother_cm}
    row: dict[str, Any] | str = ""
    if inputs.ca_months is not None:
        row = _tw_row(inputs, inputs.ca_months / 12)
        if row == "outside":
            low, high = _tw_ends(inputs.sex)
            age = _age(inputs.ca_months)
            return _none(method, remark("outside.age", low=_age(low), high=_age(high), age=age))
        if row == "menarche":
            needed["menarche"] = None
    if isinstance(row, str) or row["rus_bone_age_y"]:
        needed["tw2"] = inputs.tw2_rus
    refused = _missing(method, needed, inputs)
    if refused is not None:
        return refused
    assert inputs.height_cm is not None and inputs.ca_months is not None and not isinstance(row, str)
    cm = row["height_cm"] * inputs.height_cm + row["chronological_age_y"] * inputs.ca_months / 12 + row["constant"]
    basis = remark("basis.tw-no-age")
    limits = [remark("limit.healthy")]
    if row["rus_bone_age_y"]:
        assert inputs.tw2_rus is not None
        if inputs.tw2_rus.qualifier is not Qualifier.POINT:
            return _none(method, remark("bound.tw2", age=_bound(inputs.tw2_rus)))
        cm += row["rus_bone_age_y"] * inputs.tw2_rus.months / 12
        basis = remark("basis.tw", age=_age(inputs.tw2_rus.months), source=f"@source.{inputs.tw2_source}")
        limits += [*_far(inputs.tw2_rus.months, inputs.ca_months), remark("limit.tw2"), remark("limit.tw2-one-source")]
    if with_parents:
        mid = inputs.mid_parent_cm
        assert mid is not None
        young_boy = inputs.sex is Sex.MALE and inputs.ca_months < 96
        cm += (mid - TW_MIDPARENT_CM) / (2 if young_boy else 3)
        limits.append(remark("limit.allowance"))
    return _given(method, cm, 2 * row["residual_sd_cm"], remark("error.tw"), basis, *limits)


# --- parents -------------------------------------------------------------------------------------------
_BETWEEN_SEXES_CM = {"mid-parental": 13.0, "mid-parental-chinese": 11.94}
_FAMILY_CM = 8.5


def _mid_parental(method: str, inputs: HeightInputs) -> HeightPrediction:
    refused = _missing(method, {"father": inputs.father_cm, "mother": inputs.mother_cm}, inputs)
    if refused is not None:
        return refused
    assert inputs.father_cm is not None and inputs.mother_cm is not None
    apart = _BETWEEN_SEXES_CM[method] * (1 if inputs.sex is Sex.MALE else -1)
    cm = (inputs.father_cm + inputs.mother_cm + apart) / 2
    basis = remark("basis.parents", father=f"{inputs.father_cm:.1f}", mother=f"{inputs.mother_cm:.1f}")
    if method == "mid-parental":
        return _given(method, cm, _FAMILY_CM, remark("error.mid"), basis, remark("limit.family"))
    return _given(method, cm, None, remark("error.cmh-c"), basis, remark("limit.family"), remark("limit.one-source"))


def _age(months: float) -> str:
    """An age for :class:`Remark`."""
    return f"#{months:.3f}"


def _bound(age: BoneAge) -> str:
    return f"#{age.qualifier}{age.months:.3f}"


# --- shared --------------------------------------------------------------------------------------------
def _given(
    method: str, cm: float, half: float | None, error: Remark, basis: Remark, *limits: Remark
) -> HeightPrediction:
    low, high = (None, None) if half is None else (cm - half, cm + half)
    return HeightPrediction(method, cm, low, high, error, basis, limits)


def _far(ba_months: float, ca_months: float) -> tuple[Remark, ...]:
    apart = abs(ba_months - ca_months)
    return (remark("limit.far", apart=_age(apart)),) if apart >= FAR_MONTHS else ()


def _linear(rows: Sequence[tuple[float, float]], at: float) -> float | None:
    found = _between(rows, at)
    return None if found is None else found[1]


def _between(rows: Sequence[tuple[float, ...]], at: float) -> tuple[float, ...] | None:
    """The row at ``at`` (rows by rising first column), linear between rows; None outside."""
    if not rows[0][0] <= at <= rows[-1][0]:
        return None
    k = min(bisect_right(rows, (at, math.inf)), len(rows) - 1)
    before, after = rows[k - 1], rows[k]
    share = (at - before[0]) / (after[0] - before[0])
    return tuple(a if a == b else a + share * (b - a) for a, b in zip(before, after, strict=True))


_MAKERS: dict[str, Callable[[HeightInputs], HeightPrediction]] = {
    "bayley-pinneau": _bayley_pinneau,
    "rwt-1975": lambda inputs: _rwt_of("rwt-1975", "original_1975", inputs),
    "rwt-1993": lambda inputs: _rwt_of("rwt-1993", "amended_1993", inputs),
    "tw-mark-1": lambda inputs: _tanner_whitehouse("tw-mark-1", False, inputs),
    "tw-mark-1-parents": lambda inputs: _tanner_whitehouse("tw-mark-1-parents", True, inputs),
    "mid-parental": lambda inputs: _mid_parental("mid-parental", inputs),
    "mid-parental-chinese": lambda inputs: _mid_parental("mid-parental-chinese", inputs),
}
