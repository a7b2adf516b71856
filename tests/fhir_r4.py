"""What FHIR R4 (4.0.1) asks of the resources that this program writes: every element with its type and cardinality, the formats
of primitive types, required value sets, invariants, and the targets of references. Written down from the published
definitions of the resources; what is not in the tables here is refused, so that nothing passes unlooked at.

``"name": "Type"`` optional, ``"name!"`` required; ``"Type*"`` a list.
"""

from __future__ import annotations

import re
from typing import Any

TYPES: dict[str, dict[str, str]] = {
    "Coding": {"system": "uri", "version": "string", "code": "code", "display": "string", "userSelected": "boolean"},
    "CodeableConcept": {"coding": "Coding*", "text": "string"},
    "Identifier": {"use": "code", "type": "CodeableConcept", "system": "uri", "value": "string"},
    "Quantity": {"value": "decimal", "comparator": "code", "unit": "string", "system": "uri", "code": "code"},
    "Reference": {"reference": "string", "type": "uri", "display": "string"},
    "Annotation": {"time": "dateTime", "text!": "markdown"},
    "HumanName": {"use": "code", "text": "string", "family": "string", "given": "string*", "prefix": "string*", "suffix": "string*"},
    "Meta": {"security": "Coding*", "tag": "Coding*"},
    "Extension": {"url!": "uri", "valueCode": "code", "valueString": "string", "valueInteger": "integer"},
    "Bundle": {
        "id": "id", "meta": "Meta", "identifier": "Identifier", "type!": "code", "timestamp": "instant", "entry": "Bundle.entry*",
    },
    "Bundle.entry": {"fullUrl": "uri", "resource!": "Resource"},
    "DiagnosticReport": {
        "id": "id", "meta": "Meta",
        "extension": "Extension*", "identifier": "Identifier*", "status!": "code", "category": "CodeableConcept*",
        "code!": "CodeableConcept", "subject": "Reference", "effectiveDateTime": "dateTime", "issued": "instant",
        "performer": "Reference*", "resultsInterpreter": "Reference*", "result": "Reference*", "imagingStudy": "Reference*",
        "conclusion": "string", "conclusionCode": "CodeableConcept*",
    },
    "Observation": {
        "id": "id", "meta": "Meta",
        "extension": "Extension*", "identifier": "Identifier*", "status!": "code", "category": "CodeableConcept*",
        "code!": "CodeableConcept", "subject": "Reference", "effectiveDateTime": "dateTime", "issued": "instant",
        "performer": "Reference*", "valueQuantity": "Quantity", "dataAbsentReason": "CodeableConcept",
        "interpretation": "CodeableConcept*", "note": "Annotation*", "bodySite": "CodeableConcept", "method": "CodeableConcept",
        "device": "Reference", "referenceRange": "Observation.referenceRange*", "derivedFrom": "Reference*",
        "component": "Observation.component*",
    },
    "Observation.referenceRange": {
        "low": "Quantity", "high": "Quantity", "type": "CodeableConcept", "appliesTo": "CodeableConcept*", "text": "string",
    },
    "Observation.component": {
        "code!": "CodeableConcept", "valueQuantity": "Quantity", "valueCodeableConcept": "CodeableConcept", "valueString": "string",
        "valueInteger": "integer", "dataAbsentReason": "CodeableConcept", "interpretation": "CodeableConcept*",
    },
    "Patient": {"id": "id", "meta": "Meta", "identifier": "Identifier*", "name": "HumanName*", "gender": "code", "birthDate": "date"},
    "ImagingStudy": {
        "id": "id", "meta": "Meta", "identifier": "Identifier*", "status!": "code", "modality": "Coding*", "subject!": "Reference",
        "started": "dateTime", "description": "string", "series": "ImagingStudy.series*",
    },
    "ImagingStudy.series": {"uid!": "id", "modality!": "Coding", "instance": "ImagingStudy.instance*"},
    "ImagingStudy.instance": {"uid!": "id", "sopClass!": "Coding"},
    "Device": {
        "id": "id", "meta": "Meta",
        "identifier": "Identifier*", "status": "code", "deviceName": "Device.deviceName*", "version": "Device.version*",
        "parent": "Reference",
    },
    "Device.deviceName": {"name!": "string", "type!": "code"},
    "Device.version": {"value!": "string"},
    "Practitioner": {"id": "id", "meta": "Meta", "name": "HumanName*"},
}  # fmt: skip

_DAY = r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
_TIME = r"([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?(Z|[+-]((0\d|1[0-3]):[0-5]\d|14:00))"
PRIMITIVES = {
    "id": r"[A-Za-z0-9\-.]{1,64}",
    "uri": r"[A-Za-z][A-Za-z0-9+.\-]*:\S+",  # absolute: all of ours are
    "code": r"[^\s]+(\s[^\s]+)*",
    "string": r"[ \r\n\t\S]+",
    "markdown": r"[ \r\n\t\S]+",
    "date": r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?",
    "dateTime": rf"\d{{4}}(-(0[1-9]|1[0-2]))?|{_DAY}(T{_TIME})?",
    "instant": rf"{_DAY}T{_TIME}",
}
NUMBERS: dict[str, type | tuple[type, ...]] = {"decimal": (int, float), "integer": int, "boolean": bool}

STATUS = {
    "registered", "partial", "preliminary", "final", "amended", "corrected", "appended", "cancelled", "entered-in-error", "unknown",
}  # fmt: skip
VALUE_SETS: dict[tuple[str, str], set[str]] = {
    ("DiagnosticReport", "status"): STATUS,
    ("Observation", "status"): STATUS - {"partial", "appended"},
    ("ImagingStudy", "status"): {"registered", "available", "cancelled", "entered-in-error", "unknown"},
    ("Device", "status"): {"active", "inactive", "entered-in-error", "unknown"},
    ("Device.deviceName", "type"): {
        "udi-label-name", "user-friendly-name", "patient-reported-name", "manufacturer-name", "model-name", "other",
    },
    ("Patient", "gender"): {"male", "female", "other", "unknown"},
    ("Quantity", "comparator"): {"<", "<=", ">=", ">"},
    ("Identifier", "use"): {"usual", "official", "temp", "secondary", "old"},
    ("HumanName", "use"): {"usual", "official", "temp", "nickname", "anonymous", "old", "maiden"},
    ("Bundle", "type"): {
        "document", "message", "transaction", "transaction-response", "batch", "batch-response", "history", "searchset", "collection",
    },
}  # fmt: skip
CODES = {  # of HL7's own code systems: those that may stand there
    "http://terminology.hl7.org/CodeSystem/data-absent-reason": {
        "unknown", "asked-unknown", "temp-unknown", "not-asked", "asked-declined", "masked", "not-applicable", "unsupported",
        "as-text", "error", "not-a-number", "negative-infinity", "positive-infinity", "not-performed", "not-permitted",
    },
    "http://terminology.hl7.org/CodeSystem/observation-category": {
        "social-history", "vital-signs", "imaging", "laboratory", "procedure", "survey", "exam", "therapy", "activity",
    },
    "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation": {"L", "N", "H", "LL", "HH", "A"},
    "http://terminology.hl7.org/CodeSystem/referencerange-meaning": {"normal", "recommended", "treatment", "therapeutic", "pre", "post"},
    "http://terminology.hl7.org/CodeSystem/v3-ActReason": {"HTEST"},
    "http://terminology.hl7.org/CodeSystem/v2-0074": {"RAD", "RX", "IMG"},
    "http://terminology.hl7.org/CodeSystem/v2-0203": {"ACSN", "MR", "PI"},
    "http://loinc.org": {"37362-1", "8302-2", "29463-7"},
    "http://snomed.info/sct": {"85562004"},
}  # fmt: skip
UNITS = {"mo", "cm", "kg", "{SD}"}
UCUM = "http://unitsofmeasure.org"
VITAL_UNITS = {"8302-2": {"cm", "[in_i]"}, "29463-7": {"g", "kg", "[lb_av]"}}
TARGETS = {
    "subject": {"Patient"}, "result": {"Observation"}, "imagingStudy": {"ImagingStudy"}, "derivedFrom": {"ImagingStudy"},
    "device": {"Device"}, "parent": {"Device"}, "resultsInterpreter": {"Practitioner"},
}  # fmt: skip
UUID = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
OID = re.compile(r"urn:oid:[0-2](\.[0-9]+)+")
"""Also one with zeros in front, as some modalities make them: an archive finds the study by no other."""


def problems(bundle: dict[str, Any]) -> list[str]:
    """Everything by which a Bundle breaks R4, in words."""
    found = _element(bundle, "Bundle", "Bundle")
    entries = bundle.get("entry", [])
    types = {entry.get("fullUrl"): entry["resource"]["resourceType"] for entry in entries}
    if len(types) != len(entries):
        found.append("bdl-7: a fullUrl twice")
    for entry in entries:
        one = entry["resource"]
        if not UUID.fullmatch(entry.get("fullUrl", "")) or entry["fullUrl"] != f"urn:uuid:{one.get('id')}":
            found.append(f"fullUrl {entry.get('fullUrl')}")
        for name, reference in _references(one):
            if not UUID.fullmatch(reference) or types.get(reference) not in TARGETS[name]:
                found.append(f"{one['resourceType']}.{name} leads to {types.get(reference)} by {reference}")
    return found


def _element(value: Any, kind: str, where: str) -> list[str]:
    """An element of a complex type: its members, their types, and the rules of the type."""
    if not isinstance(value, dict):
        return [f"{where} is no {kind}"]
    if not value.keys() - {"resourceType"}:
        return [f"{where}: ele-1, it is empty"]
    members = {name.rstrip("!"): (type_, name.endswith("!")) for name, type_ in TYPES[kind].items()}
    found = [f"{where} lacks {name}" for name, (_, required) in members.items() if required and name not in value]
    for name, item in value.items():
        if name == "resourceType" and "." not in kind:
            continue
        if name not in members:
            found.append(f"{where} has no element {name}")
            continue
        found += _member(item, members[name][0], f"{where}.{name}")
        if item not in VALUE_SETS.get((kind, name), {item} if isinstance(item, str) else [item]):
            found.append(f"{where}.{name} is {item}")
    return found + _rules(value, kind, where)


def _member(value: Any, type_: str, where: str) -> list[str]:
    if type_.endswith("*"):
        if not isinstance(value, list) or not value:
            return [f"{where} is no list, or an empty one"]
        return [found for i, item in enumerate(value) for found in _member(item, type_[:-1], f"{where}[{i}]")]
    if type_ == "Resource":
        kind = value.get("resourceType") if isinstance(value, dict) else None
        return _element(value, kind, kind) if kind in TYPES else [f"{where} is a {kind}"]
    if type_ in TYPES:
        return _element(value, type_, where)
    if type_ in NUMBERS:
        good = isinstance(value, NUMBERS[type_]) and (type_ == "boolean" or not isinstance(value, bool))
        return [] if good else [f"{where} is {value!r}, no {type_}"]
    good = isinstance(value, str) and value == value.strip() and re.fullmatch(PRIMITIVES[type_], value)
    return [] if good else [f"{where} is {value!r}, no {type_}"]


def _rules(value: dict[str, Any], kind: str, where: str) -> list[str]:
    """Invariants of the types."""
    found = []
    if kind in ("Observation", "Observation.component"):
        found += _observed(value, kind, where)
    if kind == "Observation.referenceRange" and not value.keys() & {"low", "high", "text"}:
        found.append(f"{where}: obs-3")
    if kind == "Quantity":
        if "code" in value and "system" not in value:
            found.append(f"{where}: qty-3, a code without its system")
        if value.get("system") != UCUM or value.get("code") not in UNITS or "value" not in value:
            found.append(f"{where}: quantity {value}")
    if kind == "Extension" and sum(name.startswith("value") for name in value) != 1:
        found.append(f"{where}: ext-1")
    if kind == "Coding":
        if not {"system", "code"} <= value.keys():
            found.append(f"{where}: a coding without system or code")
        elif value["code"] not in CODES.get(value["system"], {value["code"]}):
            found.append(f"{where}: {value['system']} has no {value['code']} here")
    for name in ("value", "code"):
        words = value.get(name)
        if isinstance(words, str) and words.startswith("urn:oid:") and not OID.fullmatch(words):
            found.append(f"{where}.{name} is {words}")
    return found


def _observed(value: dict[str, Any], kind: str, where: str) -> list[str]:
    values = [name for name in value if name.startswith("value")]
    found = [f"{where}: several values"] if len(values) > 1 else []
    if values and "dataAbsentReason" in value:
        found.append(f"{where}: obs-6, a value and a reason for its absence")
    if not values and "dataAbsentReason" not in value and "component" not in value:
        found.append(f"{where}: neither value nor reason")
    if kind == "Observation":
        codes = {(c.get("system"), c.get("code")) for c in value.get("code", {}).get("coding", ())}
        for part in value.get("component", ()):
            if values and codes & {(c.get("system"), c.get("code")) for c in part.get("code", {}).get("coding", ())}:
                found.append(f"{where}: obs-7")
        if any(c.get("code") == "vital-signs" for one in value.get("category", ()) for c in one.get("coding", ())):
            found += _vital(value, where)
    return found


def _vital(value: dict[str, Any], where: str) -> list[str]:
    """The profile that R4 asks of all vital signs: whose, when (to the day), LOINC, UCUM."""
    found = [f"{where}: a vital sign lacks {name}" for name in ("subject", "effectiveDateTime") if name not in value]
    loinc = [c["code"] for c in value["code"]["coding"] if c.get("system") == "http://loinc.org"]
    if len(loinc) != 1 or value.get("valueQuantity", {}).get("code") not in VITAL_UNITS.get(loinc[0], ()):
        found.append(f"{where}: vital sign {loinc} in {value.get('valueQuantity')}")
    if len(value.get("effectiveDateTime", "")) < len("2024-07-11"):
        found.append(f"{where}: vs-1")
    return found


def _references(value: Any, name: str = "") -> list[tuple[str, str]]:
    if isinstance(value, dict):
        if "reference" in value:
            return [(name, value["reference"])]
        return [found for key, item in value.items() for found in _references(item, key)]
    return [found for item in value for found in _references(item, name)] if isinstance(value, list) else []
