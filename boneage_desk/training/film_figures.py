"""From the rows of an evaluation on films to its figures, as plain values for JSON. `agreement` has the formulas.

A row without a number never enters a mean: it is counted and named by its reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boneage_desk.common.errors import InputError
from boneage_desk.common.files import TABLE_BYTES, parse_json, small_text
from boneage_desk.standards import rus_chn
from boneage_desk.standards.types import Qualifier, Sex
from boneage_desk.training import agreement

Row = Mapping[str, Any]
BAND_MONTHS, OLDEST = 24, 264
SEXES = {"F": "girls", "M": "boys", None: "sex not known"}


def figures(rows: Sequence[Row]) -> dict[str, Any]:
    """All figures of one model's rows; see docs/engines.md for what each means."""
    given = [row for row in rows if row["months"] is not None]
    return {
        "counts": {
            "films": len(rows), "opened": sum(row["sha256"] is not None for row in rows), "with_number": len(given),
            "without_number": len(rows) - len(given),
            "at_table_end": sum(bool(row["qualifier"]) for row in given),
            "sex_conflict": sum("sex_conflict" in row["flags"] for row in rows),
        },
        "without_number": reasons(rows),
        "ages": _ages(given),
        "by_sex": {name: _ages(of) for sex, name in SEXES.items() if (of := [r for r in given if r["sex"] == sex])},
        "by_band": _bands(given),
        "interval": agreement.coverage(_column(given, "reference_months"), [row["interval_months"] for row in given]),
        "labels_at_table_end": _clipped(given),
        "sex": _sex(given),
        "time_ms": _times(given),
    }  # fmt: skip


def reasons(rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """Films without a number by the code of the reason, the most frequent first."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row["months"] is None:
            of = found.setdefault(row["reason"], {"films": 0, "which": []})
            of["films"] += 1
            of["which"].append({"film": row["film"], "message": row["message"]})
    return dict(sorted(found.items(), key=lambda item: (-item[1]["films"], item[0])))


def headline(result: Row) -> dict[str, Any]:
    """The few figures of the last message."""
    ages, counts, sex, interval = result["ages"], result["counts"], result["sex"], result["interval"]
    icc = ages.get("icc_2_1")
    values = {
        "model": result["model"]["tag"], "films": counts["films"], "opened": counts["opened"],
        "without_number": counts["without_number"],
        "mae_months": ages.get("mae_months"), "rmse_months": ages.get("rmse_months"), "bias_months": ages.get("bias_months"),
        "within_a_year": ages.get("within_years", {}).get("1"), "icc_2_1": icc["value"] if icc else None,
        "interval_coverage": interval["coverage"] if interval else None,
    }  # fmt: skip
    if sex is not None:
        values |= {"sex_accuracy": sex["accuracy"], "sex_auc": sex["auc"]["value"] if sex["auc"] else None, "sex_kappa": sex["kappa"]}
    for other in result["comparisons"]:
        values[f"usual_difference_to_{other['other']['engine']}"] = other.get("usual_difference_months")
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in values.items()}


# ------------------------------------------------------------------------------------- one model
def _column(rows: Sequence[Row], key: str) -> NDArray[np.float64]:
    return np.array([row[key] for row in rows], float)


def _ages(rows: Sequence[Row]) -> dict[str, Any]:
    figures_ = agreement.age_figures(_column(rows, "reference_months"), _column(rows, "months"))
    covered = agreement.coverage(_column(rows, "reference_months"), [row["interval_months"] for row in rows])
    return figures_ | {"interval": covered}


def _bands(rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """By sex and two years of the reference."""
    found = {}
    for sex, name in SEXES.items():
        for low in range(0, OLDEST, BAND_MONTHS):
            of = [r for r in rows if r["sex"] == sex and low <= r["reference_months"] < low + BAND_MONTHS]
            if of:
                found[f"{name} {low // 12}-{(low + BAND_MONTHS) // 12} y"] = _ages(of)
    return found


def _clipped(rows: Sequence[Row]) -> dict[str, Any] | None:
    """The same figures with references past the end of the standard's table taken at the end; None where none is.

    RUS-CHN ends at 17 (girls) and 18 years (boys) and then only says 'or more': no grading can give a higher number.
    """
    ends = [rus_chn.knots(Sex(row["sex"]))[-1][0] if row["sex"] else np.inf for row in rows]
    reference = _column(rows, "reference_months")
    past = int((reference > ends).sum()) if rows else 0
    if not past:
        return None
    return {"past": past} | agreement.age_figures(np.minimum(reference, ends), _column(rows, "months"))


def _sex(rows: Sequence[Row]) -> dict[str, Any] | None:
    """Of a model that tells the sex, against the table's; None of any other."""
    of = [row for row in rows if row["male_probability"] is not None and row["sex"] is not None]

    def told(part: Sequence[Row]) -> dict[str, Any] | None:
        return agreement.sex_figures(_column(part, "male_probability"), np.array([row["sex"] == "M" for row in part], bool))

    found = told(of)
    if found is None:
        return None
    bands = {}
    for low in range(0, OLDEST, BAND_MONTHS):
        part = [row for row in of if low <= row["reference_months"] < low + BAND_MONTHS]
        if part:
            bands[f"{low // 12}-{(low + BAND_MONTHS) // 12} y"] = told(part)
    return found | {"by_band": bands}


def _times(rows: Sequence[Row]) -> dict[str, float] | None:
    ms = _column([row for row in rows if row["ms"] is not None], "ms")
    return {"median": float(np.median(ms)), "longest": float(ms.max())} if len(ms) else None


# ------------------------------------------------------------------------------------ two models
def read_result(path: Path) -> dict[str, Any]:
    """An evaluation's JSON. Raises InputError 'no-evaluation'."""
    try:
        value = parse_json(small_text(path, TABLE_BYTES))
        if value["evaluation"] == "whole-hand" and value["schema_version"] == 1 and value["per_film"] is not None:
            return dict(value)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise InputError(
        f"'{path}' is no result of 'evaluate whole-hand'.", "Name the file that --json wrote.", code="no-evaluation"
    )


def comparison(rows: Sequence[Row], engine: str, other: Row) -> dict[str, Any]:
    """This model and ``other`` (a result) on the films that gave a number with both, the same film of the same source.

    As in the program, a bone age at the end of the standard's table counts only where the other model contradicts it
    (it lies on the other side of the bound). ``by_film`` holds what the figures are made from.
    Raises InputError 'nothing-in-common'.
    """
    theirs = {(row["source"], row["film"]): row for row in other["per_film"]}
    both = [(row, theirs[row["source"], row["film"]]) for row in rows if (row["source"], row["film"]) in theirs]
    if not both:
        raise InputError(
            f"No film was read by both models: '{other['source']}' there.",
            "Give the same --films (or the same --source) to both.", code="nothing-in-common",
        )  # fmt: skip
    differ = [a["film"] for a, b in both if (a["sex"], a["reference_months"]) != (b["sex"], b["reference_months"])]
    if differ:
        raise InputError(
            f"The two results have other labels for {len(differ)} films ({', '.join(differ[:5])}).",
            "Measure both with the same table.", code="other-labels",
        )  # fmt: skip
    given = [(a, b) for a, b in both if a["months"] is not None and b["months"] is not None]
    pairs = [(a, b) for a, b in given if not _silent(a, b) and not _silent(b, a)]
    this, that = _column([a for a, _ in pairs], "months"), _column([b for _, b in pairs], "months")
    return {
        "engine": engine, "other": {k: other["model"][k] for k in ("engine", "tag", "weights")},
        "films_of_both": len(both), "without_a_number_of_either": len(both) - len(given),
        "table_end_says_nothing": len(given) - len(pairs),
        **agreement.compare(_column([a for a, _ in pairs], "reference_months"), this, that),
        "by_film": [
            {"film": a["film"], "source": a["source"], "this": a["months"], "other": b["months"]} for a, b in pairs
        ],
    }  # fmt: skip


def _silent(bound: Row, other: Row) -> bool:
    """``bound`` is only '>=' or '<', and ``other`` lies on the side that it leaves open."""
    qualifier, months = bound["qualifier"], bound["months"] - other["months"]
    return (qualifier == Qualifier.AT_LEAST and months < 0) or (qualifier == Qualifier.BELOW and months > 0)
