"""The parts of the JSON document that speak of the child's age and of all standards; docs/json.md describes them."""

from __future__ import annotations

from typing import Any

from boneage_desk.reading.all_standards import StandardRow, all_standards
from boneage_desk.reading.assessment import Reading
from boneage_desk.reading.reference import reference_of
from boneage_desk.reading.summary import Summary
from boneage_desk.standards.types import Sex


def age_basis(reading: Reading, summary: Summary) -> dict[str, Any]:
    """What the age rests on, and the age that the bone age is compared with."""
    basis, span = reading.age_basis, summary.age_span_months
    return {
        "birth_date_known_to": basis.birth_precision.value,
        "age_span_months": None if span is None else [_round(age) for age in span],
        "gestation_days": basis.gestation_days,
        "corrected_age_months": _round(summary.corrected_months),
        "compared_age_months": _round(summary.compared_months),
    }


def reference(summary: Summary, sex: Sex | None) -> dict[str, Any] | None:
    """Normal range, SD score and conclusion with the rule; None where there is no reference."""
    found = reference_of(summary, sex)
    if found is None:
        return None
    return {
        "name": found.name,
        "mean_months": _round(found.mean_months),
        "sd_months": _round(found.sd_months),
        "normal_range_months": [_round(found.low_months), _round(found.high_months)],
        "sd_score": _round(found.sd_score),
        "mean_sd_score": _round(found.mean_sd_score),
        "rule": found.rule.value,
        "conclusion": found.conclusion or None,
        "degree": found.degree or None,
        "open_by_birth_date": found.open_by_birth,
    }


def standards_table(reading: Reading, summary: Summary) -> dict[str, Any]:
    """Every standard with its answer, that of the site first; the two furthest apart, the nearest Greulich-Pyle plates."""
    found = all_standards(reading, summary)
    apart = found.apart
    return {
        "site_standard": found.site,
        "rows": [_row(row) for row in found.rows],
        "apart": None
        if apart is None
        else {"older": apart.older, "younger": apart.younger, "months": _round(apart.months), "reason": apart.reason},
        "nearest_plates": [{"number": plate.number, "months": plate.months} for plate in found.plates],
    }


def _row(row: StandardRow) -> dict[str, Any]:
    age = row.bone_age
    return {
        "standard": row.standard,
        "name": row.name,
        "edition": row.edition,
        "origin": row.origin,
        "score": row.score,
        "bone_age_months": None if age is None else _round(age.months),
        "qualifier": None if age is None else age.qualifier.value,
        "difference_months": _round(row.difference_months),
        "conclusion": row.conclusion or None,
        "degree": row.degree or None,
        "why_not": row.why_not or None,
        "certainty": row.certainty,
    }


def _round(months: float | None) -> float | None:
    return None if months is None else round(months, 2)
