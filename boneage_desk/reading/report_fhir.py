"""The reading as a FHIR R4 (4.0.1) Bundle: a DiagnosticReport with its Observations, and what they refer to.

Codes: LOINC 37362-1 for the bone age itself, UCUM months, HL7's own value sets; everything that has no public code which
this project could verify stands in code systems of its own (``urn:boneage-desk:...``). Ids are digests of the reading's
id, so that the same reading gives the same Bundle.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from boneage_desk import __version__
from boneage_desk.reading.assessment import Reading, State
from boneage_desk.reading.blind import shown
from boneage_desk.reading.film import Laterality
from boneage_desk.reading.findings import BoneFinding
from boneage_desk.reading.growth import Measurement
from boneage_desk.reading.report_fhir_age import SYNTHETIC, age_parts, birth_date, marked
from boneage_desk.reading.report_fhir_blind import blind_components, blind_extension, blind_notes
from boneage_desk.reading.report_fhir_growth import growth_resources
from boneage_desk.reading.report_fhir_standards import conclusion_codes, judged, other_standards, reference_components
from boneage_desk.reading.report_values import clean
from boneage_desk.reading.second_opinion import ENGINE_NAMES
from boneage_desk.reading.signature import REPORT
from boneage_desk.reading.summary import Summary, summarise
from boneage_desk.standards import rus_chn
from boneage_desk.standards.types import Qualifier, Sex

LOINC, UCUM, SNOMED = "http://loinc.org", "http://unitsofmeasure.org", "http://snomed.info/sct"
DICOM_CODES = "http://dicom.nema.org/resources/ontology/DCM"
ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
OWN = "urn:boneage-desk"
BONE_AGE = {"system": LOINC, "code": "37362-1", "display": "XR Bones Bone age"}
HAND = {"system": SNOMED, "code": "85562004", "display": "Hand structure"}
STATUS = {
    State.DRAFT: "preliminary",
    State.REVIEWED: "preliminary",
    State.SIGNED: "final",
    State.AMENDED: "amended",
}

Resource = dict[str, Any]

_FHIR_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
"""R4's type 'id', which it asks of the UIDs of series and instance."""


def bundle(reading: Reading, history: Sequence[Measurement] = ()) -> Resource:
    """A Bundle of type 'collection'; the DiagnosticReport is its first entry. Facts that are not known are left out, a
    bone age that is not given is an Observation with ``dataAbsentReason``. Of a reading that is still blind: what may be seen.
    ``history``: measurements of earlier readings of the child, which the growth rests on too."""
    made = _Bundle(shown(reading), history)
    whole: Resource = {
        "resourceType": "Bundle",
        "id": made.id("bundle"),
        "identifier": {"system": f"{OWN}:reading", "value": f"{clean(reading.reading_id)}/{reading.revision}"},
        "type": "collection",
        "timestamp": _instant(reading.changed_at),
        "entry": [{"fullUrl": f"urn:uuid:{one['id']}", "resource": one} for one in made.resources()],
    }
    return _pruned(marked(made.reading, whole))  # type: ignore[no-any-return]


class _Bundle:
    """The resources of one reading, and the references between them."""

    def __init__(self, reading: Reading, history: Sequence[Measurement] = ()) -> None:
        self.reading, self.history = reading, history
        self.summary: Summary = summarise(reading)
        self.status = STATUS[reading.state]
        self.subject = {"reference": self.ref("patient")}

    def id(self, name: str) -> str:
        """A UUID made of the reading's id and ``name`` (RFC 9562, version 8: a digest of this program's own)."""
        text = hashlib.sha256(f"{OWN}:{self.reading.reading_id}:{name}".encode()).hexdigest()[:32]
        text = f"{text[:12]}8{text[13:16]}{'89ab'[int(text[16], 16) % 4]}{text[17:]}"
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))

    def ref(self, name: str) -> str:
        return f"urn:uuid:{self.id(name)}"

    def resources(self) -> list[Resource]:
        observations = [self._bone_age(), *self._chronological(), *self._opinions(), *self._others(), *self._growth()]
        study = self._study()
        report = self._report([f"urn:uuid:{one['id']}" for one in observations], bool(study))
        made = [report, self._patient(), *study, *observations, *self._devices(), *self._practitioners()]
        return [marked(self.reading, one) for one in made]

    # --- who and what ---------------------------------------------------------------------------

    def _patient(self) -> Resource:
        patient = self.reading.patient
        made: Resource = {"resourceType": "Patient", "id": self.id("patient")}
        if clean(patient.patient_id):
            made["identifier"] = [{"value": clean(patient.patient_id)}]
        if names := [_name(text) for text in (patient.name, patient.name_ideographic) if clean(text.replace("^", " "))]:
            made["name"] = names
        if patient.sex is not None:
            made["gender"] = "male" if patient.sex is Sex.MALE else "female"
        else:
            made["gender"] = "other" if patient.sex_as_recorded.strip().upper() == "O" else "unknown"
        if patient.birth_date is not None:
            made["birthDate"] = birth_date(patient.birth_date, self.reading.age_basis.birth_precision)
        return made

    def _study(self) -> list[Resource]:
        """The film's study by its UIDs; none for a film without."""
        study = self.reading.study
        if not study.study_uid:
            return []
        made: Resource = {
            "resourceType": "ImagingStudy",
            "id": self.id("study"),
            "identifier": [{"system": "urn:dicom:uid", "value": f"urn:oid:{clean(study.study_uid)}"}],
            "status": "available",
            "subject": self.subject,
        }
        if study.study_date is not None:
            made["started"] = study.study_date.isoformat()
        if clean(study.accession):
            made["identifier"].append(_accession(study.accession))
        if clean(study.description):
            made["description"] = clean(study.description)
        if _FHIR_ID.fullmatch(clean(study.series_uid)) and clean(study.modality):
            series: Resource = {"uid": clean(study.series_uid), "modality": _modality(study.modality)}
            if _FHIR_ID.fullmatch(clean(study.sop_uid)) and study.sop_class_uid:
                sop = {"system": "urn:ietf:rfc:3986", "code": f"urn:oid:{clean(study.sop_class_uid)}"}
                series["instance"] = [{"uid": clean(study.sop_uid), "sopClass": sop}]
            made["series"] = [series]
        return [made]

    def _devices(self) -> list[Resource]:
        """The program, and each model with the hash of its weights."""
        own: Resource = {
            "resourceType": "Device",
            "id": self.id("software"),
            "status": "active",
            "deviceName": [{"name": "BoneAge Desk", "type": "model-name"}],
            "version": [{"value": __version__}],
        }
        models = [
            {
                "resourceType": "Device",
                "id": self.id(f"model:{model.sha256}:{model.engine}"),
                "identifier": [{"system": f"{OWN}:weights-sha256", "value": clean(model.sha256)}],
                "status": "active",
                "deviceName": [{"name": clean(model.name) or clean(model.tag), "type": "model-name"}],
                "version": [{"value": clean(model.tag)}],
                "parent": {"reference": self.ref("software")},
            }
            for model in self.reading.models
        ]
        return [own, *models]

    def _practitioners(self) -> list[Resource]:
        """Everybody who signed, once."""
        names = dict.fromkeys((one.account, one.name) for one in self.reading.signatures)
        return [
            {"resourceType": "Practitioner", "id": self.id(f"person:{account}:{name}"), "name": [{"text": clean(name)}]}
            for account, name in names
        ]

    # --- results --------------------------------------------------------------------------------

    def _observation(self, key: str, code: Resource) -> Resource:
        study = self.reading.study
        made: Resource = {
            "resourceType": "Observation",
            "id": self.id(key),
            "status": self.status,
            "category": [_concept("http://terminology.hl7.org/CodeSystem/observation-category", "imaging", "Imaging")],
            "code": code,
            "subject": self.subject,
            "issued": _instant(self.reading.changed_at),
        }
        if study.study_date is not None:
            made["effectiveDateTime"] = study.study_date.isoformat()
        if study.study_uid:
            made["derivedFrom"] = [{"reference": self.ref("study")}]
        return made

    def _bone_age(self) -> Resource:
        """By the 13 bones: the value, or why there is none; a component for the score and for each bone."""
        reading, summary = self.reading, self.summary
        made = self._observation("bone-age", {"coding": [BONE_AGE], "text": "Bone age"})
        if summary.bone_age is not None:
            made["valueQuantity"] = _months(summary.bone_age.months, summary.bone_age.qualifier)
        else:
            unread = reading.analysed_at is None and len(summary.missing) == len(rus_chn.BONES)
            code, display = ("not-performed", "Not Performed") if unread else ("unknown", "Unknown")
            made["dataAbsentReason"] = {**_concept(ABSENT, code, display), "text": clean(summary.why_not)}
        made["bodySite"] = {"coding": [HAND], **_side(reading.study.laterality)}
        name = rus_chn.NAME if reading.standard == rus_chn.STANDARD_ID else clean(reading.standard)
        made["method"] = {
            **_concept(f"{OWN}:standard", clean(reading.standard), name), "text": f"{name}, {clean(reading.edition)}"
        }
        made["device"] = {"reference": self.ref("software")}
        if summary.interval_months is not None and reading.interval is not None:
            low, high = summary.interval_months
            percent = f"{reading.interval.coverage * 100:.0f}"
            end = " or more (the end of the table)" if summary.interval_open else ""
            made["note"] = [{"text": f"{percent} % interval of the model's measured error: {low:.1f} to {high:.1f} months{end}."}]
        synthetic = [{"text": SYNTHETIC}] if reading.study.synthetic else []
        made["note"] = [*synthetic, *made.get("note", ()), *blind_notes(reading)]
        made["extension"] = blind_extension(reading)
        components = [self._bone(finding) for finding in reading.bones]
        components += [_machine(finding) for finding in reading.bones if finding.overridden]
        components += blind_components(reading)
        if summary.score is not None:
            score = {"code": _own("score", "Total score"), "valueInteger": summary.score}
            components.insert(0, score)
        made["component"] = components + reference_components(reading, summary)
        return {**made, **judged(reading, summary)}

    def _bone(self, finding: BoneFinding) -> Resource:
        made: Resource = {"code": _own(f"grade-{finding.bone}", f"Grade of {rus_chn.bone_name(finding.bone)}")}
        if finding.final_grade is None:
            return {**made, "dataAbsentReason": _concept(ABSENT, "unknown", "Unknown")}
        return {**made, "valueCodeableConcept": _grade(finding.bone, finding.final_grade)}

    def _chronological(self) -> list[Resource]:
        months = self.summary.chronological_months
        if months is None:
            return []
        made = self._observation("chronological-age", _own("chronological-age", "Chronological age at the film"))
        return [{**made, "valueQuantity": _months(months), **age_parts(self.reading, self.summary)}]

    def _opinions(self) -> list[Resource]:
        """Bone ages from the whole film. Not under the bone age's LOINC code: nobody may take one for the result."""
        found = []
        for opinion in self.reading.whole_hand:
            name = ENGINE_NAMES.get(opinion.engine, clean(opinion.engine))
            made = self._observation(
                f"opinion:{opinion.engine}", _own("second-opinion-bone-age", f"Second opinion on the bone age: {name}")
            )
            made["valueQuantity"] = _months(opinion.bone_age_months)
            made["method"] = {"text": f"{name} ({clean(opinion.model)})"}
            model = next((m for m in self.reading.models if m.engine == opinion.engine), None)
            if model is not None:
                made["device"] = {"reference": self.ref(f"model:{model.sha256}:{model.engine}")}
            found.append(made)
        return found

    def _others(self) -> list[Resource]:
        """Bone ages by the other standards, and the reader's own by the atlas."""
        found = other_standards(self.reading, self.summary)
        return [{**self._observation(key, changed["code"]), **changed} for key, changed in found]

    def _growth(self) -> list[Resource]:
        """Height, weight and predicted adult height."""
        found = growth_resources(self.reading, self.summary, self.history)
        return [{**self._observation(key, changed["code"]), **changed} for key, changed in found]

    def _report(self, results: Sequence[str], study: bool) -> Resource:
        reading = self.reading
        made: Resource = {
            "resourceType": "DiagnosticReport",
            "id": self.id("report"),
            "identifier": [{"system": f"{OWN}:reading", "value": clean(reading.reading_id)}],
            "status": self.status,
            "category": [_concept("http://terminology.hl7.org/CodeSystem/v2-0074", "RAD", "Radiology")],
            "code": {"coding": [BONE_AGE], "text": "Bone age report"},
            "subject": self.subject,
            "issued": _instant(reading.signatures[-1].at if reading.signatures else reading.changed_at),
            "result": [{"reference": one} for one in results],
        }
        if reading.study.study_date is not None:
            made["effectiveDateTime"] = reading.study.study_date.isoformat()
        if study:
            made["imagingStudy"] = [{"reference": self.ref("study")}]
        if clean(reading.study.accession):
            made["identifier"].append(_accession(reading.study.accession))
        if reading.signatures:
            people = dict.fromkeys(self.ref(f"person:{one.account}:{one.name}") for one in reading.signatures)
            made["resultsInterpreter"] = [{"reference": one} for one in people]
        said = [SYNTHETIC if reading.study.synthetic else "", clean(reading.impression, lines=True)]
        said += [
            f"Addendum {one.number - REPORT}, {clean(one.name)}, {_instant(one.at)}: {clean(one.text, lines=True)}"
            for one in reading.signatures
            if one.number > REPORT
        ]
        if conclusion := "\n".join(text for text in said if text):
            made["conclusion"] = conclusion
        made["conclusionCode"] = conclusion_codes(reading, self.summary)
        return made


def _pruned(value: Any) -> Any:
    """Without empty texts, lists and objects, which FHIR forbids."""
    if isinstance(value, dict):
        kept = {key: _pruned(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in ("", [], {})}
    if isinstance(value, list):
        return [item for item in (_pruned(item) for item in value) if item not in ("", [], {})]
    return value


def _machine(finding: BoneFinding) -> Resource:
    """What the model said of a bone whose grade the reader changed."""
    made: Resource = {
        "code": _own(f"machine-grade-{finding.bone}", f"The model's grade of {rus_chn.bone_name(finding.bone)}")
    }
    if finding.opinion is None:
        return {**made, "dataAbsentReason": _concept(ABSENT, "unknown", "Unknown")}
    return {**made, "valueCodeableConcept": _grade(finding.bone, finding.opinion.grade)}


def _months(months: float, qualifier: Qualifier = Qualifier.POINT) -> Resource:
    """A Quantity in months; a bound has its comparator."""
    made: Resource = {"value": round(months, 2), "unit": "mo", "system": UCUM, "code": "mo"}
    if qualifier is not Qualifier.POINT:
        made["comparator"] = qualifier.value
    return made


def _concept(system: str, code: str, display: str) -> Resource:
    return {"coding": [{"system": system, "code": code, "display": display}]}


def _own(code: str, text: str) -> Resource:
    return {"coding": [{"system": f"{OWN}:finding", "code": code}], "text": text}


def _grade(bone: str, grade: int) -> Resource:
    label = rus_chn.label(bone, grade)
    return {"coding": [{"system": f"{OWN}:rus-chn-grade", "code": f"{bone}-{grade}", "display": label}], "text": label}


def _side(side: Laterality) -> Resource:
    words = {Laterality.LEFT: "left hand", Laterality.RIGHT: "right hand", Laterality.UNKNOWN: "hand, side not recorded"}
    return {"text": words[side]}


def _modality(code: str) -> Resource:
    return {"system": DICOM_CODES, "code": clean(code)}


def _accession(number: str) -> Resource:
    return {"type": _concept("http://terminology.hl7.org/CodeSystem/v2-0203", "ACSN", "Accession ID"), "value": clean(number)}


def _name(text: str) -> Resource:
    """A DICOM person name, without its other groups, as a HumanName."""
    parts = [clean(part) for part in text.split("=")[0].split("^")]
    made: Resource = {"text": " ".join(part for part in parts if part)}
    if len(parts) > 1 and parts[0]:
        made["family"] = parts[0]
        if given := [part for part in parts[1:3] if part]:
            made["given"] = given
    return made


def _instant(at: datetime) -> str:
    """A FHIR instant: to the second, with a zone."""
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return at.isoformat(timespec="seconds")
