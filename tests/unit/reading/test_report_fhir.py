"""The FHIR Bundle against what R4 (4.0.1) asks of each resource: a checker of required elements, value sets and types."""

from __future__ import annotations

import dataclasses
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from boneage_desk.reading.all_standards import all_standards
from boneage_desk.reading.assessment import Reading, State
from boneage_desk.reading.film import Patient, Study
from boneage_desk.reading.growth import Growth
from boneage_desk.reading.people import Role
from boneage_desk.reading.report_fhir import bundle
from boneage_desk.reading.session import AcceptGrade, MarkReviewed, SetAnalysis, SetGrade
from boneage_desk.reading.signature import Signature
from boneage_desk.reading.summary import summarise
from boneage_desk.standards import rus_chn
from boneage_desk.standards.rules import Rule
from tests.samples import NOON, WHO, analysed, analysis, reading

REQUIRED = {
    "Bundle": {"type"},
    "DiagnosticReport": {"status", "code"},
    "Observation": {"status", "code"},
    "Patient": set(),
    "ImagingStudy": {"status", "subject"},
    "Device": set(),
    "Practitioner": set(),
}
KNOWN = {
    "Bundle": {"id", "identifier", "type", "timestamp", "entry"},
    "DiagnosticReport": {
        "id", "identifier", "status", "category", "code", "subject", "effectiveDateTime", "issued", "resultsInterpreter",
        "result", "imagingStudy", "conclusion", "conclusionCode",
    },
    "Observation": {
        "id", "status", "category", "code", "subject", "effectiveDateTime", "issued", "valueQuantity", "dataAbsentReason",
        "note", "bodySite", "method", "device", "derivedFrom", "component",
        "interpretation", "referenceRange",
    },
    "Patient": {"id", "identifier", "name", "gender", "birthDate"},
    "ImagingStudy": {"id", "identifier", "status", "modality", "subject", "started", "description", "series"},
    "Device": {"id", "identifier", "status", "deviceName", "version", "parent"},
    "Practitioner": {"id", "name"},
}  # fmt: skip
VALUE_SETS = {
    ("DiagnosticReport", "status"): {
        "registered", "partial", "preliminary", "final", "amended", "corrected", "appended", "cancelled",
        "entered-in-error", "unknown",
    },
    ("Observation", "status"): {
        "registered", "preliminary", "final", "amended", "corrected", "cancelled", "entered-in-error", "unknown",
    },
    ("ImagingStudy", "status"): {"registered", "available", "cancelled", "entered-in-error", "unknown"},
    ("Device", "status"): {"active", "inactive", "entered-in-error", "unknown"},
    ("Patient", "gender"): {"male", "female", "other", "unknown"},
    ("Bundle", "type"): {
        "document", "message", "transaction", "transaction-response", "batch", "batch-response", "history", "searchset",
        "collection",
    },
}  # fmt: skip
TARGETS = {
    "subject": {"Patient"}, "result": {"Observation"}, "imagingStudy": {"ImagingStudy"}, "derivedFrom": {"ImagingStudy"},
    "device": {"Device"}, "parent": {"Device"}, "resultsInterpreter": {"Practitioner"},
}  # fmt: skip
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
DATE = re.compile(r"\d{4}-\d\d-\d\d")
UUID = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
UNITS = {"mo", "cm", "kg", "{SD}"}
COMPARATORS = {"<", "<=", ">=", ">"}
ABSENT = {
    "unknown", "asked-unknown", "temp-unknown", "not-asked", "asked-declined", "masked", "not-applicable", "unsupported",
    "as-text", "error", "not-a-number", "negative-infinity", "positive-infinity", "not-performed", "not-permitted",
}  # fmt: skip
DEVICE_NAMES = {"udi-label-name", "user-friendly-name", "patient-reported-name", "manufacturer-name", "model-name", "other"}


def problems(value: dict[str, Any]) -> list[str]:
    """Everything by which a Bundle breaks R4, in words."""
    found = _resource(value)
    entries = value.get("entry", [])
    types = {entry["fullUrl"]: entry["resource"]["resourceType"] for entry in entries}
    if len(types) != len(entries):
        found.append("bdl-7: a fullUrl twice")
    for entry in entries:
        one = entry["resource"]
        if not UUID.fullmatch(entry["fullUrl"]) or entry["fullUrl"] != f"urn:uuid:{one['id']}":
            found.append(f"fullUrl {entry['fullUrl']}")
        found += _resource(one)
        for name, reference in _references(one):
            if types.get(reference) not in TARGETS[name]:
                found.append(f"{one['resourceType']}.{name} leads to {types.get(reference)}")
    return found + _empty(value, "Bundle")


def _resource(one: dict[str, Any]) -> list[str]:
    kind = one["resourceType"]
    found = [f"{kind} lacks {name}" for name in REQUIRED[kind] if name not in one]
    found += [f"{kind} has no element {name}" for name in one.keys() - KNOWN[kind] - {"resourceType"}]
    for (resource, name), allowed in VALUE_SETS.items():
        if resource == kind and name in one and one[name] not in allowed:
            found.append(f"{kind}.{name} is {one[name]}")
    times = dict.fromkeys(("issued", "timestamp"), INSTANT) | dict.fromkeys(("effectiveDateTime", "birthDate", "started"), DATE)
    for name, pattern in times.items():
        if name in one and not pattern.fullmatch(one[name]):
            found.append(f"{kind}.{name} is {one[name]}")
    if kind == "Observation":
        found += _observed(one, "Observation")
        for part in one.get("component", []):
            found += _observed(part, "component") + ([] if "code" in part else ["component without code"])
    if kind == "Device":
        names = one.get("deviceName", [])
        found += [f"deviceName {name}" for name in names if name.get("type") not in DEVICE_NAMES or not name.get("name")]
        found += ["version without value" for version in one.get("version", []) if not version.get("value")]
    for series in one.get("series", []) if kind == "ImagingStudy" else []:
        found += [f"series lacks {name}" for name in ("uid", "modality") if name not in series]
        for instance in series.get("instance", []):
            found += [f"instance lacks {name}" for name in ("uid", "sopClass") if name not in instance]
    return found


def _observed(one: dict[str, Any], where: str) -> list[str]:
    """obs-6 and the value's own rules."""
    values = [name for name in one if name.startswith("value")]
    found = [f"{where}: several values"] if len(values) > 1 else []
    if values and "dataAbsentReason" in one:
        found.append(f"{where}: obs-6, a value and a reason for its absence")
    if not values and "dataAbsentReason" not in one and "component" not in one:
        found.append(f"{where}: neither value nor reason")
    quantity = one.get("valueQuantity")
    if quantity is not None:
        if not isinstance(quantity.get("value"), float) or quantity.get("code") not in UNITS or "system" not in quantity:
            found.append(f"{where}: quantity {quantity}")
        if quantity.get("comparator", "<") not in COMPARATORS:
            found.append(f"{where}: comparator {quantity['comparator']}")
    for coding in one.get("dataAbsentReason", {}).get("coding", []):
        if coding["code"] not in ABSENT:
            found.append(f"{where}: absent because {coding['code']}")
    return found


def _references(value: Any, name: str = "") -> list[tuple[str, str]]:
    if isinstance(value, dict):
        if "reference" in value:
            return [(name, value["reference"])]
        return [found for key, item in value.items() for found in _references(item, key)]
    return [found for item in value for found in _references(item, name)] if isinstance(value, list) else []


def _empty(value: Any, where: str) -> list[str]:
    if value in ("", [], {}, None):
        return [f"{where} is empty"]
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in _empty(item, f"{where}.{key}")]
    if isinstance(value, list):
        return [found for item in value for found in _empty(item, where)]
    return [f"{where} has white space around it"] if isinstance(value, str) and value != value.strip() else []


def whole(**facts: Any) -> Reading:
    session = analysed(film="77", **facts)
    session.do(SetGrade("mc3", 4, "cap is missing"), at=NOON, who=WHO)
    for bone in rus_chn.BONES:
        session.do(AcceptGrade(bone), at=NOON, who=WHO)
    session.do(MarkReviewed(), at=NOON, who=WHO)
    study = dataclasses.replace(
        session.reading.study, series_uid="1.2.3.4", sop_uid="1.2.3.5", sop_class_uid="1.2.840.10008.5.1.4.1.1.1",
        accession="A 77", description="Hand",
    )  # fmt: skip
    return dataclasses.replace(session.reading, study=study, impression="In keeping with the age.")


def signed(*texts: str) -> Reading:
    at = datetime(2024, 7, 13, 9, 30, tzinfo=UTC)
    seals = tuple(
        Signature(n, at, "awis", "Anna Wisniewska", Role.RADIOLOGIST, "read", "a" * 64, False, "b" * 64, text)
        for n, text in enumerate(("", *texts), 1)
    )
    return dataclasses.replace(whole(), state=State.AMENDED if texts else State.SIGNED, signatures=seals)


def bare() -> Reading:
    return dataclasses.replace(reading(), patient=Patient(), study=Study())


def at_end(frac: float) -> Reading:
    session = analysed()
    grades = {bone: round(rus_chn.max_grade(bone) * frac) for bone in rus_chn.BONES}
    session.do(SetAnalysis(analysis(grades), NOON), at=NOON, who=WHO)
    return session.reading


def of(made: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in made["entry"] if entry["resource"]["resourceType"] == kind]


def main(made: dict[str, Any]) -> dict[str, Any]:
    """The Observation of the bone age: the only one with its LOINC code."""
    found = [one for one in of(made, "Observation") if any(c.get("code") == "37362-1" for c in one["code"]["coding"])]
    assert len(found) == 1
    return found[0]


CASES = {
    "draft": analysed().reading, "unread": reading(), "bare": bare(), "reviewed": whole(), "signed": signed(),
    "amended": signed("More.", "Still more."), "top": at_end(1.0), "bottom": at_end(0.0),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_every_condition_gives_a_bundle_that_keeps_to_r4(name: str) -> None:
    made = json.loads(json.dumps(bundle(CASES[name]), allow_nan=False))
    assert problems(made) == []
    assert bundle(CASES[name]) == bundle(CASES[name])


def test_the_checker_finds_what_is_wrong() -> None:
    def broken(change: Any) -> list[str]:
        made = bundle(whole())
        change(made)
        return problems(made)

    assert broken(lambda made: of(made, "DiagnosticReport")[0].pop("status"))
    assert broken(lambda made: of(made, "Observation")[0].update(status="signed"))
    assert broken(lambda made: main(made).update(dataAbsentReason={"coding": [{"code": "unknown"}]}))
    assert broken(lambda made: main(made)["valueQuantity"].update(comparator="~"))
    assert broken(lambda made: of(made, "Patient")[0].update(name=[{"text": ""}]))
    assert broken(lambda made: made["entry"].pop(1))
    assert broken(lambda made: of(made, "ImagingStudy")[0]["series"][0].pop("modality"))
    assert broken(lambda made: of(made, "Observation")[0].update(colour="blue"))
    assert broken(lambda made: made.update(timestamp="yesterday"))


@pytest.mark.parametrize(
    ("name", "status"),
    [("draft", "preliminary"), ("reviewed", "preliminary"), ("signed", "final"), ("amended", "amended")],
)
def test_the_status_follows_the_state(name: str, status: str) -> None:
    made = bundle(CASES[name])
    assert of(made, "DiagnosticReport")[0]["status"] == status and main(made)["status"] == status


def test_the_bone_age_is_in_months_with_score_and_13_grades() -> None:
    value = whole()
    summary, one = summarise(value), main(bundle(value))
    assert summary.bone_age is not None
    assert one["valueQuantity"] == {
        "value": round(summary.bone_age.months, 2), "unit": "mo", "system": "http://unitsofmeasure.org", "code": "mo"
    }  # fmt: skip
    parts = {part["code"]["coding"][0]["code"]: part for part in one["component"]}
    assert parts["score"]["valueInteger"] == summary.score
    assert parts["grade-mc3"]["valueCodeableConcept"]["text"] == rus_chn.label("mc3", 4)
    assert parts["machine-grade-mc3"]["valueCodeableConcept"]["text"] == rus_chn.label("mc3", 6)
    assert {f"grade-{bone}" for bone in rus_chn.BONES} <= parts.keys() and "machine-grade-radius" not in parts


@pytest.mark.parametrize(("name", "sign"), [("top", ">="), ("bottom", "<")])
def test_a_table_s_end_has_its_comparator(name: str, sign: str) -> None:
    assert main(bundle(CASES[name]))["valueQuantity"]["comparator"] == sign


def test_without_a_bone_age_there_is_a_reason_and_no_number() -> None:
    unread = main(bundle(reading()))
    assert "valueQuantity" not in unread and unread["dataAbsentReason"]["coding"][0]["code"] == "not-performed"
    no_sex = main(bundle(analysed(sex=None).reading))
    assert no_sex["dataAbsentReason"]["coding"][0]["code"] == "unknown" and "sex" in no_sex["dataAbsentReason"]["text"]
    assert of(bundle(bare()), "Patient")[0]["gender"] == "unknown"


def test_every_model_is_a_device_with_its_hash_and_a_second_opinion_is_not_the_bone_age() -> None:
    made = bundle(whole())
    hashes = {d["identifier"][0]["value"] for d in of(made, "Device") if "identifier" in d}
    assert hashes == {model.sha256 for model in whole().models}
    second = [one for one in of(made, "Observation") if one["code"]["coding"][0]["code"] == "second-opinion-bone-age"]
    assert len(second) == 2


def test_the_study_is_referred_to_by_its_uids() -> None:
    study = of(bundle(whole()), "ImagingStudy")[0]
    assert study["identifier"][0] == {"system": "urn:dicom:uid", "value": "urn:oid:1.2.3.77"}
    assert study["series"][0]["instance"][0]["uid"] == "1.2.3.5"
    assert of(bundle(bare()), "ImagingStudy") == []


def test_the_conclusion_is_the_impression_with_the_addenda() -> None:
    report = of(bundle(signed("The date was wrong.")), "DiagnosticReport")[0]
    assert report["conclusion"].startswith("In keeping with the age.\nAddendum 1, Anna Wisniewska, 2024-07-13T09:30:00+00:00")
    assert report["conclusion"].endswith("The date was wrong.")
    assert report["issued"] == "2024-07-13T09:30:00+00:00"
    assert "conclusion" not in of(bundle(reading()), "DiagnosticReport")[0]


def test_the_path_of_the_film_is_nowhere() -> None:
    assert "films with spaces" not in json.dumps(bundle(whole()), ensure_ascii=False)


def coded(one: dict[str, Any], code: str) -> bool:
    return any(coding["code"] == code for coding in one["code"]["coding"])


def test_the_conclusion_comes_with_its_rule_and_the_normal_range() -> None:
    """A girl of 10 y 4 m with 9 y 8 m."""
    made = bundle(whole())
    age = main(made)
    assert age["interpretation"][0]["coding"][0]["code"] == "N" and age["interpretation"][0]["text"] == "normal"
    (normal,) = age["referenceRange"]
    summary = summarise(whole())
    assert normal["low"]["value"] < summary.bone_age.months < normal["high"]["value"] and "2 SD" in normal["text"]
    parts = {part["code"]["coding"][0]["code"]: part for part in age["component"]}
    assert parts["sd-score"]["valueQuantity"]["code"] == "{SD}" and parts["reference-sd"]["valueQuantity"]["value"] > 5
    (code,) = of(made, "DiagnosticReport")[0]["conclusionCode"]
    assert code["coding"][0]["code"] == "normal" and code["text"].startswith("Bone age for age: normal (")
    years = bundle(dataclasses.replace(at_end(1.0), rule=Rule.RUS_CHN_YEARS))
    assert main(years)["interpretation"][0] | {"coding": 0} == {"coding": 0, "text": "clearly advanced"}
    (code,) = of(years, "DiagnosticReport")[0]["conclusionCode"]
    assert code["coding"][0]["code"] == "clear-advanced" and "Rule: Up to 1 year" in code["text"]
    for nothing in (bare(), reading()):
        made = bundle(nothing)
        assert not {"interpretation", "referenceRange"} & main(made).keys()
        assert "conclusionCode" not in of(made, "DiagnosticReport")[0]


def test_other_standards_are_observations_of_their_own_and_never_the_bone_age() -> None:
    def others(value: Reading) -> dict[str, dict[str, Any]]:
        found = (one for one in of(bundle(value), "Observation") if coded(one, "bone-age-by-other-standard"))
        return {one["method"]["coding"][0]["code"]: one for one in found}

    found = others(whole())
    assert set(found) == {"tw3-rus", "tw3-c-rus"}
    rows = {row.standard: row for row in all_standards(whole()).rows}
    tw3 = found["tw3-rus"]
    assert tw3["valueQuantity"]["value"] == round(rows["tw3-rus"].bone_age.months, 2) and "2001" in tw3["method"]["text"]
    assert tw3["component"][0]["valueInteger"] == rows["tw3-rus"].score
    assert {one["valueQuantity"]["comparator"] for one in others(at_end(1.0)).values()} == {">="}
    assert others(reading()) == {} and others(bare()) == {}
    assert not any(coded(one, "atlas-bone-age") for one in of(bundle(whole()), "Observation"))


def test_the_readers_own_atlas_reading_is_told_as_his() -> None:
    own = dataclasses.replace(whole(), growth=Growth(atlas_months=120.0))
    made = bundle(own)
    assert problems(json.loads(json.dumps(made))) == []
    (atlas,) = [one for one in of(made, "Observation") if coded(one, "atlas-bone-age")]
    assert atlas["valueQuantity"]["value"] == 120.0 and "read by the reader" in atlas["code"]["text"]
    assert main(made)["valueQuantity"] == main(bundle(whole()))["valueQuantity"]
    assert f"urn:uuid:{atlas['id']}" in {one["reference"] for one in of(made, "DiagnosticReport")[0]["result"]}
    last = dataclasses.replace(own, growth=Growth(atlas_months=216.0))
    (atlas,) = [one for one in of(bundle(last), "Observation") if coded(one, "atlas-bone-age")]
    assert atlas["valueQuantity"]["comparator"] == ">=", "the fused hand of a girl's last plate"
