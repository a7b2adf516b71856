"""The child's growth in the JSON document of a reading."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from boneage_desk.reading.assessment import Reading
from boneage_desk.reading.growth import Measurement
from boneage_desk.reading.growth_view import Point, growth_view
from boneage_desk.reading.summary import Summary
from boneage_desk.standards import growth
from boneage_desk.standards.growth import GrowthReference, Measure
from boneage_desk.standards.height import HeightPrediction


def growth_document(reading: Reading, summary: Summary, history: Sequence[Measurement] = ()) -> dict[str, Any] | None:
    """Measurements, SD scores by each reference, velocity, adult height by each method; None where nothing is known.
    ``history``: measurements of earlier readings of the child, as the report's growth page uses them."""
    known = reading.growth
    if not known.known and not history:
        return None
    view = growth_view(reading, summary=summary, history=history)
    ages = {"sds": view.height.age_months if view.height else None, "sds_at_bone_age": view.ba_months}
    return {
        "measurements": [_measurement(one) for one in known.measurements],
        "earlier_measurements": [_measurement(one) for one in history],
        "father_cm": known.father_cm,
        "mother_cm": known.mother_cm,
        "menarche": known.menarche,
        "atlas_bone_age_months": known.atlas_months,
        "height": _point(view.height, "cm", Measure.HEIGHT, reading, ages),
        "weight": _point(view.weight, "kg", Measure.WEIGHT, reading, {"sds": view.weight.age_months if view.weight else None}),
        "velocity": None
        if view.velocity is None or view.velocity_from is None
        else {
            "from": view.velocity_from.isoformat(),
            "cm_per_year": _round(view.velocity.cm_per_year),
            "sd_cm_per_year": _round(view.velocity.sd_cm_per_year),
        },
        "adult_height": [prediction_document(one) for one in view.predictions],
        "doubts": [{"code": one.code, "message": one.text()} for one in view.doubts],
    }


def _measurement(one: Measurement) -> dict[str, Any]:
    return {"date": one.on.isoformat(), "height_cm": one.height_cm, "weight_kg": one.weight_kg, "origin": one.origin.value}


def prediction_document(made: HeightPrediction) -> dict[str, Any]:
    """One method's answer as JSON; also of ``boneage-desk height``."""
    return {
        "method": made.method,
        "name": made.name(),
        "adult_height_cm": _round(made.cm),
        "low_cm": _round(made.low_cm),
        "high_cm": _round(made.high_cm),
        "error": made.error.text() if made.error is not None else None,
        "basis": made.basis.text() if made.basis is not None else None,
        "limits": [one.text() for one in made.limits],
        "why_not": made.reason() or None,
    }


def _point(
    point: Point | None, unit: str, measure: Measure, reading: Reading, ages: dict[str, float | None]
) -> dict[str, Any] | None:
    if point is None:
        return None
    sex = reading.patient.sex
    made: dict[str, Any] = {
        "date": point.on.isoformat(),
        unit: round(point.value, 2),
        "origin": point.origin.value,
        "age_months": _round(point.age_months),
    }
    for key, age in ages.items():
        made[key] = {
            one.value: None if age is None or sex is None else _round(growth.sds(one, measure, point.value, age, sex))
            for one in GrowthReference
        }
    return made


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
