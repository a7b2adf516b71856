"""The growth references and the methods of adult height: what each is, how far its table goes, how certain it is.

``certainty`` and ``source`` are the words of the packaged tables; ranges are read from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from boneage_desk.standards import growth
from boneage_desk.standards.growth import GrowthReference
from boneage_desk.standards.height import METHODS
from boneage_desk.standards.height_words import NAMES
from boneage_desk.standards.tables import load
from boneage_desk.standards.types import Sex, years_months

_MID = "height_prediction_other"


@dataclass(frozen=True, slots=True)
class TableInfo:
    """A growth reference or a method of adult height. ``ages``: ends by sex in months, None where any age will do; of
    Bayley-Pinneau bone ages of its widest table, of all others ages."""

    id: str
    name: str
    needs: str
    ages: dict[Sex, tuple[float, float]] | None
    source: str
    certainty: str
    table: str

    @property
    def range_text(self) -> str:
        if self.ages is None:
            return "any age"
        told = {sex: f"{years_months(low)} to {years_months(high)}" for sex, (low, high) in self.ages.items()}
        if told[Sex.MALE] == told[Sex.FEMALE]:
            return told[Sex.MALE]
        return f"boys {told[Sex.MALE]}; girls {told[Sex.FEMALE]}"


def references() -> tuple[TableInfo, ...]:
    """WHO 2007, CDC 2000, China 2009."""
    made = []
    for one in GrowthReference:
        table = load(f"growth_{one.value}")
        certainty = table["lms_fitted"]["note"] if "lms_fitted" in table else "; ".join(table["source"])
        needs = " and ".join(measure.value for measure in growth.measures(one))
        ages = dict.fromkeys(Sex, growth.age_range(one))
        made.append(TableInfo(one.value, one.print_name, needs, ages, table["standard"], certainty, f"growth_{one.value}"))
    return tuple(made)


def height_methods() -> tuple[TableInfo, ...]:
    """Every method of adult height, in the order in which they are shown."""
    return tuple(_METHODS[method](method) for method in METHODS)


def _bayley_pinneau(method: str) -> TableInfo:
    table = load("bayley_pinneau")
    ages = {sex: (float(table[sex.table]["average"][0][0]), float(table[sex.table]["average"][-1][0])) for sex in Sex}
    needs = "height, age, Greulich-Pyle bone age (the range is of it)"
    return TableInfo(method, NAMES[method][0], needs, ages, table["standard"], "; ".join(table["source"]), "bayley_pinneau")


def _rwt(method: str) -> TableInfo:
    whole = load("rwt")
    table: dict[str, Any] = whole["original_1975" if method == "rwt-1975" else "amended_1993"]
    unit = 1.0 if method == "rwt-1975" else 12.0
    ages = {sex: (table[sex.table][0][0] * unit, table[sex.table][-1][0] * unit) for sex in Sex}
    height = "recumbent length or height" if method == "rwt-1975" else "height"
    needs = f"{height}, weight, both parents, Greulich-Pyle bone age"
    return TableInfo(method, NAMES[method][0], needs, ages, table["standard"], "; ".join(whole["source"]), "rwt")


def _tanner_whitehouse(method: str) -> TableInfo:
    table = load("tw_1975_height")
    rows = {
        Sex.MALE: table["male"],
        Sex.FEMALE: [row for group in table["female"].values() for row in group],
    }
    ages = {sex: (min(r["age_from"] for r in one) * 12.0, max(r["age_to_below"] for r in one) * 12.0) for sex, one in rows.items()}
    needs = "height, age, TW2 RUS bone age, menarche of girls of 11 to 15 y"
    needs += ", both parents" if method.endswith("parents") else ""
    certainty = "; ".join((*table["source"], *table["cells_in_doubt"]))
    return TableInfo(method, NAMES[method][0], needs, ages, table["standard"], certainty, "tw_1975_height")


def _mid_parental(method: str) -> TableInfo:
    table = load(_MID)["mid_parental_target_height"]["tanner" if method == "mid-parental" else "cmh_c"]
    told = table["source"]
    source = told if isinstance(told, str) else "; ".join(told)
    return TableInfo(method, NAMES[method][0], "both parents", None, source, source, _MID)


_METHODS = {
    "bayley-pinneau": _bayley_pinneau,
    "rwt-1975": _rwt,
    "rwt-1993": _rwt,
    "tw-mark-1": _tanner_whitehouse,
    "tw-mark-1-parents": _tanner_whitehouse,
    "mid-parental": _mid_parental,
    "mid-parental-chinese": _mid_parental,
}
