"""The child's age in the FHIR Bundle: a birth date only as exact as it is known, the span that an estimate allows, the age
corrected for a premature birth; and the mark of a film that is no patient's."""

from __future__ import annotations

from datetime import date
from typing import Any

from boneage_desk.reading.ages import BirthPrecision
from boneage_desk.reading.assessment import Reading
from boneage_desk.reading.summary import Summary

OWN, UCUM = "urn:boneage-desk", "http://unitsofmeasure.org"
SYNTHETIC = "Synthetic film: drawn or made, not of a patient."
TEST_DATA = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST", "display": "test health data"
}  # fmt: skip
"""HL7's security label for data that are of no patient (FHIR R4, 'Security Labels', core)."""

Resource = dict[str, Any]


def birth_date(birth: date, precision: BirthPrecision) -> str:
    """FHIR's date with no more than is known: 'YYYY', 'YYYY-MM' or the day.

    >>> birth_date(date(2014, 3, 2), BirthPrecision.MONTH)
    '2014-03'
    """
    return birth.isoformat()[: {BirthPrecision.YEAR: 4, BirthPrecision.MONTH: 7, BirthPrecision.DAY: 10}[precision]]


def age_parts(reading: Reading, summary: Summary) -> Resource:
    """Components and note of the chronological age: the corrected age, and the ages that an estimated birth date allows."""
    corrected, span = summary.corrected_months, summary.age_span_months
    parts = [] if corrected is None else [_part("corrected-age", "Age corrected for premature birth", corrected)]
    if span is None:
        return {"component": parts}
    of = "Age" if corrected is None else "Age corrected for premature birth"
    parts += [
        _part("age-span-low", f"{of}, the least that the estimated birth date allows", span[0]),
        _part("age-span-high", f"{of}, the greatest that the estimated birth date allows", span[1]),
    ]
    known = reading.age_basis.birth_precision.value
    text = f"The birth date is an estimate, known to the {known}: {of.lower()} of {span[0]:.1f} to {span[1]:.1f} months."
    return {"component": parts, "note": [{"text": text}]}


def _part(code: str, text: str, months: float) -> Resource:
    return {
        "code": {"coding": [{"system": f"{OWN}:finding", "code": code}], "text": text},
        "valueQuantity": {"value": round(months, 2), "unit": "mo", "system": UCUM, "code": "mo"},
    }


def marked(reading: Reading, resource: Resource) -> Resource:
    """``resource`` with the label of test data where the film is no patient's, so that it keeps it wherever it goes."""
    return {**resource, "meta": {"security": [TEST_DATA]}} if reading.study.synthetic else resource
