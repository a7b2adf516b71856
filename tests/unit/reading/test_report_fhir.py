"""The FHIR Bundle against what R4 (4.0.1) asks (tests/fhir_r4.py), and what it says."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from boneage_desk.reading.ages import AgeBasis, BirthPrecision
from boneage_desk.reading.all_standards import all_standards
from boneage_desk.reading.assessment import Reading, State
from boneage_desk.reading.blind import Reveal, StartBlind
from boneage_desk.reading.film import Laterality, Patient, Study
from boneage_desk.reading.growth import Growth, Measurement, Origin
from boneage_desk.reading.people import Role
from boneage_desk.reading.report_fhir import bundle
from boneage_desk.reading.session import AcceptGrade, MarkReviewed, ReadingSession, SetAnalysis, SetGrade
from boneage_desk.reading.signature import Signature
from boneage_desk.reading.summary import summarise
from boneage_desk.standards import rus_chn
from boneage_desk.standards.rules import Rule
from tests.fhir_r4 import problems
from tests.samples import NOON, WHO, analysed, analysis, reading


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


def blind(shown: bool = True) -> Reading:
    """Radius and mc3 graded before the machine was shown, mc3 otherwise afterwards."""
    session = ReadingSession(reading())
    steps = [StartBlind(), SetAnalysis(analysis(), NOON), SetGrade("radius", 6), SetGrade("mc3", 4)]
    for step in (*steps, *((Reveal(), SetGrade("mc3", 5)) if shown else ())):
        session.do(step, at=NOON, who=WHO)
    return session.reading


def odd() -> Reading:
    """Names with white space, a side that is not known, UIDs that no archive should make, a sex of 'other'."""
    value = whole()
    study = dataclasses.replace(
        value.study, study_uid="1.2.840.007", series_uid="1.2/x", accession="  ", description=" \n", laterality=Laterality.UNKNOWN
    )
    patient = dataclasses.replace(value.patient, name=" ^^", name_ideographic="\u674e^\u660e", patient_id=" 7 ", birth_date=None)
    return dataclasses.replace(value, study=study, patient=patient, impression=" \n ")


def grown() -> Reading:
    """Everything of growth, and the reader's own atlas reading."""
    growth = Growth(
        (Measurement(date(2024, 7, 11), 138.5, 32.0, Origin.PERSON),), father_cm=178.0, mother_cm=165.0, menarche=False,
        atlas_months=120.0,
    )  # fmt: skip
    return dataclasses.replace(analysed().reading, growth=growth)


def estimated(precision: BirthPrecision = BirthPrecision.YEAR, corrected: bool = True) -> Reading:
    """Two years old by an estimated birth date; born at 28+4 weeks where it is corrected."""
    value = analysed().reading
    patient = dataclasses.replace(value.patient, birth_date=date(2022, 7, 1))
    return dataclasses.replace(value, patient=patient, age_basis=AgeBasis(precision, 200 if corrected else None, corrected))


def synthetic() -> Reading:
    value = signed("More.")
    return dataclasses.replace(value, study=dataclasses.replace(value.study, synthetic=True))


def main(made: dict[str, Any]) -> dict[str, Any]:
    """The Observation of the bone age: the only one with its LOINC code."""
    found = [one for one in of(made, "Observation") if any(c.get("code") == "37362-1" for c in one["code"]["coding"])]
    assert len(found) == 1
    return found[0]


CASES = {
    "draft": analysed().reading, "unread": reading(), "bare": bare(), "reviewed": whole(), "signed": signed(),
    "amended": signed("More.", "Still more."), "top": at_end(1.0), "bottom": at_end(0.0),
    "blind": blind(), "still blind": blind(shown=False), "odd": odd(), "grown": grown(),
    "estimated": estimated(), "corrected": estimated(BirthPrecision.DAY), "synthetic": synthetic(),
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
    assert broken(lambda made: made.update(timestamp="2024-07-11T12:00:00")), "no zone"
    assert broken(lambda made: main(made)["component"].append({}))
    assert broken(lambda made: main(made).update(note=[]))
    assert broken(lambda made: main(made).update(note={"text": "no list"}))
    assert broken(lambda made: main(made)["bodySite"].update(text=" hand"))
    assert broken(lambda made: main(made)["device"].update(reference="Device/1"))
    assert broken(lambda made: main(made)["valueQuantity"].update(value="116"))
    assert broken(lambda made: main(made)["referenceRange"].append({"type": {"text": "normal"}}))
    assert broken(lambda made: main(made)["extension"][0].update(valueString="x")), "two values"
    assert broken(lambda made: main(made)["code"]["coding"][0].update(code="37362-2"))
    assert broken(lambda made: of(made, "ImagingStudy")[0]["identifier"][0].update(value="urn:oid:1.2.x"))
    assert broken(lambda made: of(made, "Device")[0].update(version=["0.1"]))
    assert broken(lambda made: made["entry"][0].pop("fullUrl"))


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


def age_of(made: dict[str, Any]) -> dict[str, Any]:
    return next(one for one in of(made, "Observation") if one["code"]["coding"][0]["code"] == "chronological-age")


@pytest.mark.parametrize(
    ("precision", "born"), [(BirthPrecision.YEAR, "2022"), (BirthPrecision.MONTH, "2022-07"), (BirthPrecision.DAY, "2022-07-01")]
)
def test_a_birth_date_is_no_more_exact_than_it_is_known_and_the_span_is_told(precision: BirthPrecision, born: str) -> None:
    value = estimated(precision, corrected=False)
    made = bundle(value)
    assert of(made, "Patient")[0]["birthDate"] == born
    one, span = age_of(made), summarise(value).age_span_months
    parts = {part["code"]["coding"][0]["code"]: part["valueQuantity"]["value"] for part in one.get("component", ())}
    if span is None:
        assert precision is BirthPrecision.DAY and parts == {} and "note" not in one
    else:
        assert parts == {"age-span-low": round(span[0], 2), "age-span-high": round(span[1], 2)}
        assert f"estimate, known to the {precision.value}" in one["note"][0]["text"]


def test_the_age_corrected_for_premature_birth_stands_beside_the_age() -> None:
    value = estimated()
    summary, one = summarise(value), age_of(bundle(value))
    assert summary.corrected_months is not None and summary.age_span_months is not None
    parts = {part["code"]["coding"][0]["code"]: part for part in one["component"]}
    assert parts["corrected-age"]["valueQuantity"]["value"] == round(summary.corrected_months, 2)
    assert parts["age-span-low"]["valueQuantity"]["value"] == round(summary.age_span_months[0], 2)
    assert "corrected for premature birth" in parts["age-span-low"]["code"]["text"], "the span is of the age in use"
    assert one["valueQuantity"]["value"] == round(summary.chronological_months or 0, 2)


def test_a_synthetic_film_is_marked_in_every_resource_and_in_words() -> None:
    made = bundle(synthetic())
    for one in (made, *(entry["resource"] for entry in made["entry"])):
        assert [label["code"] for label in one["meta"]["security"]] == ["HTEST"], one["resourceType"]
    assert main(made)["note"][0]["text"].startswith("Synthetic film")
    assert of(made, "DiagnosticReport")[0]["conclusion"].startswith("Synthetic film")
    assert "HTEST" not in json.dumps(bundle(signed())) and "Synthetic" not in json.dumps(bundle(signed()))


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


def test_a_blind_reading_says_so_with_the_grades_given_before() -> None:
    one = main(bundle(blind()))
    assert one["extension"] == [{"url": "urn:boneage-desk:blind-first", "valueCode": "revealed"}]
    assert any("2 of 13 bones were graded before the machine's grades were shown; 1 of these" in n["text"] for n in one["note"])
    parts = {part["code"]["coding"][0]["code"]: part for part in one["component"]}
    assert {name for name in parts if name.startswith("blind-")} == {"blind-grade-radius", "blind-grade-mc3"}
    assert parts["blind-grade-mc3"]["valueCodeableConcept"]["text"] == rus_chn.label("mc3", 4)
    assert parts["grade-mc3"]["valueCodeableConcept"]["text"] == rus_chn.label("mc3", 5)


def test_a_reading_that_was_not_blind_does_not_claim_it() -> None:
    one = main(bundle(whole()))
    assert one["extension"][0]["valueCode"] == "no"
    assert "lind" not in json.dumps([one.get("note", []), one["component"]])
    assert "extension" not in main(bundle(reading())), "no machine's result: nothing was shown or hidden"


def test_while_it_is_blind_nothing_of_the_machine_is_in_it() -> None:
    made = bundle(blind(shown=False))
    one = main(made)
    assert one["extension"][0]["valueCode"] == "hidden" and "valueQuantity" not in one
    parts = {part["code"]["coding"][0]["code"]: part for part in one["component"]}
    assert "valueCodeableConcept" in parts["grade-radius"] and "dataAbsentReason" in parts["grade-ulna"]
    assert not any("machine-grade" in name for name in parts)
    assert not any(coded(o, "second-opinion-bone-age") for o in of(made, "Observation"))


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
