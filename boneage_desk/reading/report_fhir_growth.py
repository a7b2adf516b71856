"""Height, weight and adult height as FHIR Observations: LOINC where FHIR's own vital-signs profile names it (body height
8302-2, body weight 29463-7), codes of this project for what has no public code that it could verify."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from boneage_desk.reading.assessment import Reading
from boneage_desk.reading.growth import Measurement
from boneage_desk.reading.growth_view import GrowthView, Point, growth_view
from boneage_desk.reading.summary import Summary
from boneage_desk.standards import growth
from boneage_desk.standards.growth import GrowthReference, Measure
from boneage_desk.standards.height import HeightPrediction

LOINC, UCUM, OWN = "http://loinc.org", "http://unitsofmeasure.org", "urn:boneage-desk"
CODES = {
    Measure.HEIGHT: ({"system": LOINC, "code": "8302-2", "display": "Body height"}, "cm"),
    Measure.WEIGHT: ({"system": LOINC, "code": "29463-7", "display": "Body weight"}, "kg"),
}


def growth_resources(
    reading: Reading, summary: Summary, history: Sequence[Measurement] = ()
) -> list[tuple[str, dict[str, Any]]]:
    """(key for an id, what differs from a plain Observation of this reading); none where nothing is known. ``history``:
    measurements of earlier readings of the child."""
    if not reading.growth.known and not history:
        return []
    view = growth_view(reading, summary=summary, history=history)
    made = [
        (f"growth:{measure}", _measured(point, measure, view))
        for measure, point in ((Measure.HEIGHT, view.height), (Measure.WEIGHT, view.weight))
        if point is not None
    ]
    return made + [(f"adult-height:{one.method}", _predicted(one)) for one in view.predictions if one.cm is not None]


def _measured(point: Point, measure: Measure, view: GrowthView) -> dict[str, Any]:
    """A vital sign with its SD score by each reference as a component."""
    code, unit = CODES[measure]
    made: dict[str, Any] = {
        "category": [
            {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs",
                         "display": "Vital Signs"}]}
        ],
        "code": {"coding": [code], "text": code["display"]},
        "effectiveDateTime": point.on.isoformat(),
        "valueQuantity": _quantity(point.value, unit),
        "derivedFrom": [],
    }  # fmt: skip
    if point.origin.value == "file":
        made["note"] = [{"text": "As recorded in the header of the film's file."}]
    components = []
    for reference in GrowthReference:
        if point.age_months is None or view.sex is None:
            continue
        score = growth.sds(reference, measure, point.value, point.age_months, view.sex)
        if score is not None:
            components.append(
                {
                    "code": {
                        "coding": [{"system": f"{OWN}:finding", "code": f"sd-score-{reference.value}"}],
                        "text": f"SD score for age by {reference.print_name}",
                    },
                    "valueQuantity": {"value": round(score, 2), "unit": "SD", "system": UCUM, "code": "{SD}"},
                }
            )
    made["component"] = components
    return made


def _predicted(made: HeightPrediction) -> dict[str, Any]:
    """A predicted adult height, with its range as components and its basis and limits as a note."""
    assert made.cm is not None
    text = "; ".join(one.text() for one in (made.basis, made.error, *made.limits) if one is not None)
    ends = (("low", made.low_cm), ("high", made.high_cm))
    return {
        "category": [],
        "code": {"coding": [{"system": f"{OWN}:finding", "code": "predicted-adult-height"}], "text": "Predicted adult height"},
        "method": {"coding": [{"system": f"{OWN}:height-method", "code": made.method}], "text": made.name()},
        "valueQuantity": _quantity(made.cm, "cm"),
        "note": [{"text": text}],
        "component": [
            {
                "code": {
                    "coding": [{"system": f"{OWN}:finding", "code": f"predicted-adult-height-{name}"}],
                    "text": f"{name} end of the range",
                },
                "valueQuantity": _quantity(value, "cm"),
            }
            for name, value in ends
            if value is not None
        ],
    }


def _quantity(value: float, unit: str) -> dict[str, Any]:
    return {"value": round(value, 2), "unit": unit, "system": UCUM, "code": unit}
