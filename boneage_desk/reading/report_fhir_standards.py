"""The conclusion with its rule, and the bone ages by other standards, as parts of the FHIR Bundle.

The conclusion is the bone age's ``interpretation`` (HL7's own codes L, N, H, with the words of the report) and the report's
``conclusionCode``; the normal range of its rule is the ``referenceRange``. A bone age by another standard is an Observation
with a code of this project's own: nobody may take one for the result. What the whole-hand model says is among the second
opinions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from boneage_desk.reading.all_standards import READER, WHOLE_HAND, StandardRow, all_standards
from boneage_desk.reading.assessment import Reading
from boneage_desk.reading.reference import Reference, reference_of
from boneage_desk.reading.report_facts import Words
from boneage_desk.reading.report_result import results
from boneage_desk.reading.report_values import clean
from boneage_desk.reading.summary import Summary
from boneage_desk.standards import rus_chn
from boneage_desk.standards.rules import Rule
from boneage_desk.standards.types import BoneAge

UCUM, OWN = "http://unitsofmeasure.org", "urn:boneage-desk"
INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
MEANING = "http://terminology.hl7.org/CodeSystem/referencerange-meaning"
LEVELS = {"delayed": ("L", "Low"), "normal": ("N", "Normal"), "advanced": ("H", "High")}
RULES = {
    Rule.BRUSH_2SD: "Normal is the age -+ 2 SD of the Brush Foundation table (Greulich and Pyle 1959)",
    Rule.STUART_2SD: "Normal is the age -+ 2 SD of tables V and VI of Greulich and Pyle 1959",
    Rule.RUS_CHN_YEARS: "Up to 1 year from the age is normal, up to 2 years slightly, more clearly delayed or advanced",
}

Resource = dict[str, Any]


def conclusion_codes(reading: Reading, summary: Summary) -> list[Resource]:
    """What the rule concludes, for ``conclusionCode``: a code of this project's own, none where the conclusion is open, and
    the report's words with the rule. [] without a reference. ``conclusion`` itself is the physician's words."""
    found = reference_of(summary, reading.patient.sex)
    if summary.bone_age is None or found is None:
        return []
    facts = {fact.key: fact.value for fact in results(reading, summary, Words("en"), "")}
    text = f"Bone age for age: {facts['conclusion']}. Normal range: {facts['normal_range']}. Rule: {RULES[found.rule]}."
    code = "-".join(part for part in (found.degree, found.conclusion) if part)
    return [{**(_concept(f"{OWN}:conclusion", code, code.replace("-", " ")) if code else {}), "text": clean(text)}]


def judged(reading: Reading, summary: Summary) -> Resource:
    """``interpretation`` and ``referenceRange`` of the bone age in force; {} where there is no reference."""
    found = reference_of(summary, reading.patient.sex)
    if found is None or summary.bone_age is None:
        return {}
    made: Resource = {
        "referenceRange": [
            {
                "low": _quantity(max(0.0, found.low_months), "mo"),
                "high": _quantity(found.high_months, "mo"),
                "type": _concept(MEANING, "normal", "Normal Range"),
                "text": RULES[found.rule],
            }
        ]
    }
    if found.conclusion:
        made["interpretation"] = [_interpretation(found.conclusion, found.degree)]
    return made


def reference_components(reading: Reading, summary: Summary) -> list[Resource]:
    """Mean and SD of the named table at the child's age, and the SD score, where there are any."""
    found = reference_of(summary, reading.patient.sex)
    if found is None or found.sd_months is None:
        return []
    return [
        {"code": _own(code, f"{text}, {found.name}"), "valueQuantity": _quantity(value, unit)}
        for code, text, value, unit in _reference_values(found)
        if value is not None
    ]


def _reference_values(found: Reference) -> tuple[tuple[str, str, float | None, str], ...]:
    return (
        ("reference-mean", "Mean bone age at the child's age", found.mean_months, "mo"),
        ("reference-sd", "SD of the bone age at the child's age", found.sd_months, "mo"),
        ("sd-score", "SD score: bone age minus age, over the SD", found.sd_score, "{SD}"),
    )


def other_standards(reading: Reading, summary: Summary) -> list[tuple[str, Resource]]:
    """(key for an id, what differs from a plain Observation of this reading): every other standard's bone age, and the
    reader's own by Greulich-Pyle."""
    return [
        (f"standard:{row.standard}:{row.origin}", _other(row))
        for row in all_standards(reading, summary).rows
        if row.standard != rus_chn.STANDARD_ID and row.origin != WHOLE_HAND and row.bone_age is not None
    ]


def _other(row: StandardRow) -> Resource:
    assert row.bone_age is not None
    own = row.origin == READER
    how = "read by the reader" if own else "from the same 13 grades"
    code = "atlas-bone-age" if own else "bone-age-by-other-standard"
    made: Resource = {
        "code": _own(code, f"Bone age by {row.name}, {how}"),
        "method": {**_concept(f"{OWN}:standard", row.standard, row.name), "text": f"{row.name}, {clean(row.edition)}"},
        "valueQuantity": _age(row.bone_age),
        "component": _components(row),
    }
    if row.conclusion:
        made["interpretation"] = [_interpretation(row.conclusion, row.degree)]
    return made


def _components(row: StandardRow) -> Sequence[Resource]:
    made: list[Resource] = []
    if row.score is not None:
        made.append({"code": _own("score", "Total score"), "valueInteger": row.score})
    if row.difference_months is not None:
        made.append(
            {"code": _own("bone-age-minus-age", "Bone age minus age"), "valueQuantity": _quantity(row.difference_months, "mo")}
        )
    return made


def _interpretation(conclusion: str, degree: str) -> Resource:
    code, display = LEVELS[conclusion]
    return {**_concept(INTERPRETATION, code, display), "text": Words("en")(f"conclusion.{conclusion}.{degree or 'plain'}")}


def _age(age: BoneAge) -> Resource:
    made = _quantity(age.months, "mo")
    if age.qualifier:
        made["comparator"] = age.qualifier.value
    return made


def _quantity(value: float, unit: str) -> Resource:
    return {"value": round(float(value), 2) + 0.0, "unit": unit.strip("{}"), "system": UCUM, "code": unit}


def _concept(system: str, code: str, display: str) -> Resource:
    return {"coding": [{"system": system, "code": code, "display": display}]}


def _own(code: str, text: str) -> Resource:
    return {"coding": [{"system": f"{OWN}:finding", "code": code}], "text": text}
