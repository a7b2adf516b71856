"""The structured report: every number and code against the reading itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from boneage_desk.common.settings import Settings
from boneage_desk.reading.assessment import new_reading
from boneage_desk.reading.film import Laterality
from boneage_desk.reading.findings import Box
from boneage_desk.reading.growing import SetAtlasAge
from boneage_desk.reading.reference import reference_of
from boneage_desk.reading.second_opinion import SetDifferenceComment, difference
from boneage_desk.reading.session import AcceptGrade, SetBox, SetGrade, SetImpression, SetPatient, SetStudy
from boneage_desk.reading.summary import summarise
from boneage_desk.reports.dicom_results.writer import DicomResults
from boneage_desk.standards import rus_chn
from boneage_desk.standards.types import Sex
from tests.dicom_cases import (
    AT,
    MODELS,
    PDF,
    all_grades,
    blind,
    by_modality,
    coded,
    groups,
    name_of,
    number,
    open_film,
    said,
    session,
    signed,
    walk,
)  # fmt: skip
from tests.samples import WHO, opinion

FORCE = "Bone age by RUS-CHN, grades in force"
MACHINE = "Bone age by RUS-CHN, the machine's grades alone"
SECOND = "Second bone age, Whole hand"
BONE_AGE = "37362-1"

Results = Callable[..., dict[str, Any]]
Film = Callable[..., Any]


def bone_group(report: Any, bone: str) -> Any:
    return groups(report)[f"RUS-CHN, {rus_chn.bone_name(bone)}"]


def items(group: Any, code: str) -> list[Any]:
    return [item for item in group.ContentSequence if name_of(item) == code]


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory, hand: Any) -> tuple[Any, Any]:
    """A film and a session in which a person accepted the radius, changed two bones and moved a box."""
    opened = open_film(tmp_path_factory.mktemp("changed"), hand)
    value = session(opened, hand, grades={"mc3": 5, "dp5": 8})
    box = Box(*(v + 3 for v in hand.boxes["pp3"]))
    for command in (
        AcceptGrade("radius"),
        SetGrade("ulna", 7, "cap on one side 帽"),
        SetGrade("mc1", 4),
        SetBox("pp3", box, opinion("pp3", 7)),
        SetImpression("Delayed.\nSee 附件."),
        SetDifferenceComment("looked again"),
    ):
        value.do(command, at=AT, who=WHO)
    return opened, value


@pytest.fixture(scope="module")
def told(changed: tuple[Any, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Its results, strictly read."""
    film, value = changed
    return by_modality(DicomResults().write(value.reading, film, tmp_path_factory.mktemp("told"), report=PDF))


def test_numbers_of_the_hand_are_those_of_the_reading(changed: tuple[Any, Any], told: dict[str, Any]) -> None:
    film, value = changed
    reading = value.reading
    summary = summarise(reading)
    force = groups(told["SR"])[FORCE]
    assert summary.bone_age is not None
    assert summary.interval_months is not None
    assert number(force, BONE_AGE) == pytest.approx(summary.bone_age.months, abs=0.005)
    assert number(force, "SCORE") == summary.score
    assert number(force, "INTERVAL-LOW") == pytest.approx(summary.interval_months[0], abs=0.005)
    assert number(force, "INTERVAL-HIGH") == pytest.approx(summary.interval_months[1], abs=0.005)
    assert number(force, "121033") == pytest.approx(summary.chronological_months, abs=0.005)
    assert number(force, "BA-MINUS-CA") == pytest.approx(summary.difference_months, abs=0.005)
    reference = reference_of(summary, reading.patient.sex)
    assert reference is not None and reference.sd_score is not None
    assert number(force, "121416") == pytest.approx(reference.sd_score, abs=0.005)
    assert number(force, "REF-LOW") == pytest.approx(reference.low_months, abs=0.005)
    assert number(force, "REF-HIGH") == pytest.approx(reference.high_months, abs=0.005)
    (conclusion,) = items(force, "CONCLUSION")
    assert conclusion.ConceptCodeSequence[0].CodeValue == reference.conclusion.upper()
    (item,) = items(force, BONE_AGE)
    assert item.ConceptNameCodeSequence[0].CodingSchemeDesignator == "LN"
    (unit,) = item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence
    assert (unit.CodeValue, unit.CodingSchemeDesignator) == ("mo", "UCUM")
    under = {name_of(child): child for child in item.ContentSequence}
    method = under["370129005"].ConceptCodeSequence[0]
    assert (method.CodeValue, method.CodingSchemeDesignator) == ("RUS-CHN", "99BONEAGEDESK")
    assert under["121051"].TextValue == summary.bone_age.text
    assert coded(force, "REVIEW") == ["REVIEWED-PART"]


def test_the_score_is_a_whole_number(changed: tuple[Any, Any], told: dict[str, Any]) -> None:
    film, value = changed
    (item,) = items(groups(told["SR"])[FORCE], "SCORE")
    assert str(item.MeasuredValueSequence[0].NumericValue) == str(summarise(value.reading).score)


def test_the_machines_own_bone_age_is_told_under_another_name(changed: tuple[Any, Any], told: dict[str, Any]) -> None:
    film, value = changed
    summary = summarise(value.reading)
    report = told["SR"]
    machine = groups(report)[MACHINE]
    assert summary.machine_bone_age is not None
    assert summary.bone_age is not None
    assert summary.machine_bone_age.months != summary.bone_age.months
    assert number(machine, "BA-MACHINE") == pytest.approx(summary.machine_bone_age.months, abs=0.005)
    assert number(machine, "SCORE-MACHINE") == summary.machine_score
    # whoever looks for the bone age finds one, that in force
    assert len([item for item in walk(report) if item.ValueType == "NUM" and name_of(item) == BONE_AGE]) == 1
    (item,) = items(machine, "BA-MACHINE")
    means = next(child for child in item.ContentSequence if name_of(child) == "121050")
    assert means.ConceptCodeSequence[0].CodeValue == BONE_AGE


def test_each_bone_has_its_grades_points_and_region(changed: tuple[Any, Any], told: dict[str, Any], hand: Any) -> None:
    film, value = changed
    reading = value.reading
    report = told["SR"]
    for finding in reading.bones:
        group = bone_group(report, finding.bone)
        final, machine = finding.final_grade, finding.opinion
        assert final is not None
        assert machine is not None
        assert coded(group, "GRADE-FINAL") == [f"{finding.bone} {rus_chn.label(finding.bone, final)}"]
        assert coded(group, "GRADE-MACHINE") == [f"{finding.bone} {rus_chn.label(finding.bone, machine.grade)}"]
        assert number(group, "POINTS") == rus_chn.score(finding.bone, final, Sex.FEMALE)
        assert number(group, "GRADE-PROB") == pytest.approx(75.0)
        box = finding.box
        assert box is not None
        (region,) = items(group, "111030")
        assert list(region.GraphicData) == pytest.approx(
            [box.x0, box.y0, box.x1, box.y0, box.x1, box.y1, box.x0, box.y1, box.x0, box.y0], abs=0.01
        )
        (image,) = region.ContentSequence
        assert image.RelationshipType == "SELECTED FROM"
        assert image.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == film.study.sop_uid
        assert "ReferencedFrameNumber" not in image.ReferencedSOPSequence[0]
    decided = {bone: coded(bone_group(report, bone), "GRADE-BY") for bone in ("radius", "ulna", "mc1", "mc3", "pp3")}
    assert decided == {
        "radius": ["ACCEPTED"], "ulna": ["READER"], "mc1": ["READER"], "mc3": ["MACHINE"], "pp3": ["MACHINE"],
    }  # fmt: skip
    assert coded(bone_group(report, "pp3"), "BOX-BY") == ["READER"]
    assert coded(bone_group(report, "pp3"), "GRADE-FIRST") == [f"pp3 {rus_chn.label('pp3', 6)}"]
    assert coded(bone_group(report, "radius"), "BOX-BY") == ["BOX-MACHINE"]
    assert said(bone_group(report, "ulna"), "121106") == ["cap on one side 帽"]


def test_finding_sites_name_bone_and_side(changed: tuple[Any, Any], told: dict[str, Any]) -> None:
    film, value = changed
    report = told["SR"]
    sites = {}
    for bone in rus_chn.BONES:
        (site,) = items(bone_group(report, bone), "363698007")
        under = {name_of(child): str(child.ConceptCodeSequence[0].CodeValue) for child in site.ContentSequence}
        assert under["272741003"] == "7771000"
        assert under["106233006"] == f"EPI {bone}"
        sites[bone] = str(site.ConceptCodeSequence[0].CodeValue)
    assert sites["radius"] == "75129005"
    assert sites["ulna"] == "91238003"
    assert sites["mc1"] == sites["mc5"] == "36455000"
    assert sites["pp1"] == sites["dp1"] == "76505004"
    assert sites["pp3"] == sites["dp5"] == "7569003"
    assert len({coded(site, "106233006")[0] for b in rus_chn.BONES for site in items(bone_group(report, b), "363698007")}) == 13


@pytest.mark.parametrize(("side", "code"), [(Laterality.RIGHT, ["24028007"]), (Laterality.UNKNOWN, [])])
def test_the_side_is_told_only_where_it_is_known(film: Film, hand: Any, results: Results, side: Any, code: Any) -> None:
    opened = film(laterality=side.value)
    report = results(session(opened, hand).reading, opened)["SR"]
    (site,) = items(groups(report)[FORCE], "363698007")
    assert [str(c.ConceptCodeSequence[0].CodeValue) for c in site.get("ContentSequence", ())] == code


def test_a_side_that_a_person_gave_counts(film: Film, hand: Any, results: Results) -> None:
    opened = film(laterality="")
    value = session(opened, hand)
    value.do(SetStudy(laterality=Laterality.RIGHT), at=AT, who=WHO)
    made = results(value.reading, opened)
    (site,) = items(groups(made["SR"])[FORCE], "363698007")
    assert site.ContentSequence[0].ConceptCodeSequence[0].CodeValue == "24028007"
    assert made["OT"].Laterality == "R"


def test_models_are_identified_with_their_weights(changed: tuple[Any, Any], told: dict[str, Any]) -> None:
    film, value = changed
    found = groups(told["SR"])

    def algorithm(group: Any) -> list[tuple[str, str]]:
        names = {"111001": "name", "111003": "version", "111002": "parameters"}
        return [(names[name_of(i)], str(i.TextValue)) for i in group.ContentSequence if name_of(i) in names]

    expected = []
    for ref in MODELS[:2]:
        expected += [("name", ref.name), ("version", ref.tag), ("parameters", f"SHA-256 of weights: {ref.sha256}")]
    assert algorithm(found[FORCE]) == expected
    whole = MODELS[2]
    assert algorithm(found[SECOND]) == [
        ("name", whole.name), ("version", whole.tag), ("parameters", f"SHA-256 of weights: {whole.sha256}"),
    ]  # fmt: skip
    in_bone = dict(algorithm(found["RUS-CHN, Radius"]))
    assert in_bone["name"] == "BoneAge Desk, 13 bones of RUS-CHN"
    parameters = [words for kind, words in algorithm(found["RUS-CHN, Radius"]) if kind == "parameters"]
    assert [MODELS[0].sha256 in parameters[0], MODELS[1].sha256 in parameters[1]] == [True, True]
    order = [item.ValueType for item in found[FORCE].ContentSequence]
    assert order.index("NUM") > max(i for i, item in enumerate(found[FORCE].ContentSequence) if name_of(item) == "111002")


def test_a_bone_without_the_machine_names_no_algorithm(film: Film, hand: Any, results: Results) -> None:
    opened = film()
    value = session(opened, hand, without=("ulna",))
    value.do(SetGrade("ulna", 6), at=AT, who=WHO)
    group = bone_group(results(value.reading, opened)["SR"], "ulna")
    assert items(group, "111001") == []
    assert items(group, "111030") == []
    assert coded(group, "GRADE-BY") == ["READER"]
    assert coded(group, "GRADE-MACHINE") == []


def test_second_opinions_are_groups_of_their_own(changed: tuple[Any, Any], told: dict[str, Any]) -> None:
    film, value = changed
    report = told["SR"]
    group = groups(report)[SECOND]
    found = difference(value.reading)
    assert found is not None
    assert number(group, "BA-SECOND") == 121.25
    assert (number(group, "INTERVAL-LOW"), number(group, "INTERVAL-HIGH")) == (110.0, 132.5)
    assert number(group, "BA-MINUS-SECOND") == pytest.approx(found.months, abs=0.005)
    assert coded(group, "370129005") == ["E whole-hand"]
    assert said(group, "121106") == ["looked again"]


def test_without_second_opinions_there_is_no_such_group(film: Film, hand: Any, results: Results) -> None:
    opened = film()
    report = results(session(opened, hand, second=False).reading, opened)["SR"]
    assert [name for name in groups(report) if name.startswith("Second")] == []


def test_the_readers_own_atlas_reading_is_a_group_of_its_own(film: Film, hand: Any, results: Results) -> None:
    opened, title = film(), "Bone age by Greulich-Pyle, read by the reader"
    value = session(opened, hand)
    assert title not in groups(results(value.reading, opened)["SR"])
    value.do(SetAtlasAge(106.0), at=AT, who=WHO)
    report = results(value.reading, opened)["SR"]
    group = groups(report)[title]
    assert number(group, "BA-ATLAS") == 106.0 and coded(group, "370129005") == ["GREULICH-PYLE"]
    assert items(group, BONE_AGE) == [] and len(items(groups(report)[FORCE], BONE_AGE)) == 1
    value.do(SetAtlasAge(216.0), at=AT, who=WHO)
    group = groups(results(value.reading, opened)["SR"])[title]
    assert number(group, "BA-ATLAS") is None and number(group, "BA-AT-LEAST") == 216.0, "the fused hand is a bound"


@pytest.mark.parametrize(
    ("grades", "bound", "months", "text"),
    [
        (all_grades(rus_chn.max_grade), "BA-AT-LEAST", 204.0, ">= 17 y 0 m"),
        (all_grades(lambda _: 0), "BA-BELOW", 12.0, "< 1 y 0 m"),
    ],
)
def test_a_tables_end_is_never_a_plain_number(
    film: Film, hand: Any, results: Results, grades: Any, bound: str, months: float, text: str
) -> None:
    opened = film()
    reading = session(opened, hand, grades=grades).reading
    report = results(reading, opened)["SR"]
    force = groups(report)[FORCE]
    (item,) = items(force, BONE_AGE)
    assert list(item.MeasuredValueSequence) == []
    assert item.NumericValueQualifierCodeSequence[0].CodeValue == "114009"
    assert next(c for c in item.ContentSequence if name_of(c) == "121051").TextValue == text
    assert number(force, bound) == months
    for absent in ("BA-MINUS-CA", "INTERVAL-LOW", "INTERVAL-HIGH", "121416"):
        assert items(force, absent) == []
    assert number(groups(report)[MACHINE], "BA-MACHINE") is None
    assert items(groups(report)[SECOND], "BA-MINUS-SECOND") == []


def test_without_a_sex_there_is_no_bone_age(film: Film, hand: Any, results: Results) -> None:
    opened = film(sex="")
    reading = session(opened, hand).reading
    made = results(reading, opened)
    force = groups(made["SR"])[FORCE]
    (item,) = items(force, BONE_AGE)
    assert list(item.MeasuredValueSequence) == []
    assert item.NumericValueQualifierCodeSequence[0].CodeValue == "114010"
    for absent in ("121416", "121414", "CONCLUSION", "REFERENCE", "REF-LOW"):
        assert items(force, absent) == []
    assert items(force, "SCORE") == []
    assert said(force, "NO-BONE-AGE") == [summarise(reading).why_not]
    assert items(bone_group(made["SR"], "radius"), "POINTS") == []
    assert coded(bone_group(made["SR"], "radius"), "GRADE-FINAL") == [f"radius {rus_chn.label('radius', 6)}"]
    assert [ds.PatientSex for ds in made.values()] == [""] * 5


def test_a_missing_bone_is_unknown_and_never_zero(film: Film, hand: Any, results: Results) -> None:
    opened = film()
    reading = session(opened, hand, without=("mp3",)).reading
    made = results(reading, opened)
    group = bone_group(made["SR"], "mp3")
    assert coded(group, "GRADE-FINAL") == ["261665006"]
    for absent in ("GRADE-BY", "GRADE-MACHINE", "POINTS", "BOX-BY", "111030"):
        assert items(group, absent) == []
    assert number(groups(made["SR"])[FORCE], BONE_AGE) is None
    assert "mp3" in said(made["SR"], "NO-BONE-AGE")[0]
    labels = [t.UnformattedTextValue for a in made["PR"].GraphicAnnotationSequence for t in a.get("TextObjectSequence", ())]
    assert len(labels) == 12


def test_nothing_is_said_of_a_reference_that_is_not_known(changed: tuple[Any, Any], told: dict[str, Any]) -> None:
    film, value = changed
    names = {name_of(item) for item in walk(told["SR"])}
    # number of standard deviations, reference authority, normality: not ours to say
    assert names & {"113071", "121406", "121417", "121418", "R-0038B"} == set()


def test_the_rule_of_the_conclusion_is_told_and_a_corrected_age_has_its_own_name(film: Film, hand: Any, results: Results) -> None:
    from boneage_desk.reading.ages import AgeBasis
    from boneage_desk.standards.rules import Rule

    opened = film()
    reading = session(opened, hand).reading
    assert coded(groups(results(reading, opened)["SR"])[FORCE], "RULE") == ["BRUSH-2SD"]
    on = reading.study.study_date
    young = dataclasses.replace(
        reading, rule=Rule.RUS_CHN_YEARS, patient=dataclasses.replace(reading.patient, birth_date=on.replace(year=on.year - 2)),
        age_basis=AgeBasis(gestation_days=200, correct_prematurity=True), reading_id="r2",
    )  # fmt: skip
    force = groups(results(young, opened)["SR"])[FORCE]
    assert (coded(force, "RULE"), coded(force, "CONCLUSION"), coded(force, "DEGREE")) == (["RUS-CHN-YEARS"], ["ADVANCED"], ["CLEAR"])
    summary = summarise(young)
    assert number(force, "CORRECTED-AGE") == pytest.approx(summary.corrected_months, abs=0.005)
    assert number(force, "BA-MINUS-CORR") == pytest.approx(summary.difference_months, abs=0.005)
    assert items(force, "BA-MINUS-CA") == [] and number(force, "121033") == pytest.approx(24, abs=0.005)


def test_an_estimated_birth_date_has_the_span_of_ages_beside_the_age(film: Film, hand: Any, results: Results) -> None:
    from boneage_desk.reading.ages import AgeBasis, BirthPrecision

    opened = film()
    reading = session(opened, hand).reading
    known = groups(results(reading, opened)["SR"])[FORCE]
    assert items(known, "AGE-LOW") == [] == items(known, "AGE-HIGH")
    guess = dataclasses.replace(reading, age_basis=AgeBasis(BirthPrecision.YEAR), reading_id="r2")
    span = summarise(guess).age_span_months
    assert span is not None and span[1] - span[0] > 11
    force = groups(results(guess, opened)["SR"])[FORCE]
    assert (number(force, "AGE-LOW"), number(force, "AGE-HIGH")) == pytest.approx(span, abs=0.005)


def test_a_draft_is_partial_and_nobodys(changed: tuple[Any, Any], told: dict[str, Any]) -> None:
    film, value = changed
    report = told["SR"]
    flags = (report.CompletionFlag, report.VerificationFlag, report.PreliminaryFlag)
    assert flags == ("PARTIAL", "UNVERIFIED", "PRELIMINARY")
    assert "VerifyingObserverSequence" not in report
    assert [i for i in walk(report) if name_of(i) == "121008"] == []
    devices = [i for i in walk(report) if name_of(i) in ("121013", "121014", "121015")]
    assert {str(i.TextValue) for i in devices} == {"BoneAge Desk"}


def test_a_reviewed_reading_is_complete_but_not_verified(film: Film, hand: Any, results: Results) -> None:
    from boneage_desk.reading.assessment import State

    opened = film()
    reading = dataclasses.replace(session(opened, hand).reading, state=State.REVIEWED)
    report = results(reading, opened)["SR"]
    flags = (report.CompletionFlag, report.VerificationFlag, report.PreliminaryFlag)
    assert flags == ("COMPLETE", "UNVERIFIED", "PRELIMINARY")


def test_a_signed_one_is_verified_by_its_signer(changed: tuple[Any, Any], results: Results) -> None:
    film, value = changed
    reading = signed(value.reading, "王医生", "The left hand was meant. 左手")
    made = results(reading, film, settings=Settings(site_name="Kinderspital 儿童医院"))
    report = made["SR"]
    flags = (report.CompletionFlag, report.VerificationFlag, report.PreliminaryFlag)
    assert flags == ("COMPLETE", "VERIFIED", "FINAL")
    first, second = report.VerifyingObserverSequence
    assert str(first.VerifyingObserverName) == "王医生=王医生"
    assert first.VerifyingOrganization == "Kinderspital 儿童医院"
    assert str(first.VerificationDateTime) == "20240712120005+0000"
    assert second.VerifyingObserverName == first.VerifyingObserverName
    (person,) = [i for i in walk(report) if name_of(i) == "121008"]
    assert person.PersonName.ideographic == "王医生"
    (addendum,) = said(report, "ADDENDUM")
    assert "The left hand was meant. 左手" in addendum
    assert "王医生" in addendum
    assert {str(ds.InstitutionName) for ds in made.values()} == {"Kinderspital 儿童医院"}
    assert all("signed, amended" in ds.SeriesDescription for ds in made.values())


def test_an_organization_that_nobody_named_is_not_invented(film: Film, hand: Any, results: Results) -> None:
    opened = film(institution="")
    report = results(signed(session(opened, hand).reading), opened)["SR"]
    assert report.VerifyingObserverSequence[0].VerifyingOrganization == "not stated"


def test_words_of_the_reader_and_doubts_are_told(changed: tuple[Any, Any], told: dict[str, Any]) -> None:
    film, value = changed
    reading = value.reading
    report = told["SR"]
    assert said(report, "121073") == ["Delayed.\r\nSee 附件."]
    assert said(report, "DOUBT") == [flag.message for flag in summarise(reading).flags]
    assert len(said(report, "SYNTHETIC")) == 1


def test_a_blind_reading_says_so_with_the_grades_given_before(film: Film, hand: Any, results: Results) -> None:
    opened = film()
    found = groups(results(blind(opened, hand).reading, opened)["SR"])
    age = found["Bone age by RUS-CHN, grades in force"]
    assert coded(age, "BLIND-FIRST") == ["BLIND-REVEALED"]
    assert (number(age, "BLIND-COUNT"), number(age, "BLIND-CHANGED")) == (13, 2)
    radius = found["RUS-CHN, Radius"]
    assert coded(radius, "GRADE-BLIND") == [f"radius {rus_chn.label('radius', 5)}"]
    assert coded(radius, "GRADE-FINAL") == [f"radius {rus_chn.label('radius', 6)}"]


def test_a_reading_that_was_not_blind_does_not_claim_it(changed: tuple[Any, Any], told: dict[str, Any], results: Results) -> None:
    age = groups(told["SR"])["Bone age by RUS-CHN, grades in force"]
    assert coded(age, "BLIND-FIRST") == ["BLIND-NO"]
    names = {name_of(item) for item in walk(told["SR"])}
    assert not names & {"BLIND-COUNT", "BLIND-CHANGED", "GRADE-BLIND"}
    opened = changed[0]
    unread = results(new_reading(opened, "r9", AT), opened)["SR"]
    assert "BLIND-FIRST" not in {name_of(item) for item in walk(unread)}, "the machine said nothing yet"


def test_private_codes_are_of_the_scheme_that_is_named(changed: tuple[Any, Any], told: dict[str, Any]) -> None:
    film, value = changed
    report = told["SR"]
    (scheme,) = report.CodingSchemeIdentificationSequence
    assert scheme.CodingSchemeDesignator == "99BONEAGEDESK"
    used = set()
    for element in report.iterall():
        if element.keyword == "CodingSchemeDesignator":
            used.add(str(element.value))
    assert used == {"99BONEAGEDESK", "DCM", "LN", "RFC5646", "SCT", "UCUM", "UMLS"}


def test_codes_of_pydicoms_dictionaries_mean_what_is_written(changed: tuple[Any, Any], results: Results) -> None:
    from pydicom.sr._concepts_dict import concepts

    film, value = changed
    report = results(signed(value.reading), film)["SR"]
    known = {
        (scheme, code): {meaning for entry in entries.values() if code in entry for meaning in (entry[code][0],)}
        for scheme, entries in concepts.items()
        if scheme in ("DCM", "SCT")
        for entry in entries.values()
        for code in entry
    }
    checked = 0
    for item in [report, *walk(report)]:
        for keyword in ("ConceptNameCodeSequence", "ConceptCodeSequence"):
            for code in item.get(keyword, ()):
                if code.CodingSchemeDesignator in ("DCM", "SCT"):
                    checked += 1
                    meanings = known[(code.CodingSchemeDesignator, code.CodeValue)]
                    plain = {m.lower() for m in meanings}
                    assert any(code.CodeMeaning.lower() in m or m in code.CodeMeaning.lower() for m in plain), code
    assert checked > 100


def test_evidence_is_the_film(changed: tuple[Any, Any], told: dict[str, Any]) -> None:
    film, value = changed
    report = told["SR"]
    (study,) = report.CurrentRequestedProcedureEvidenceSequence
    (series,) = study.ReferencedSeriesSequence
    (image,) = series.ReferencedSOPSequence
    assert study.StudyInstanceUID == film.study.study_uid == report.StudyInstanceUID
    assert series.SeriesInstanceUID == film.study.series_uid != report.SeriesInstanceUID
    assert (image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID) == (film.study.sop_class_uid, film.study.sop_uid)


def test_a_corrected_sex_picks_table_and_tag(film: Film, hand: Any, results: Results) -> None:
    opened = film(sex="F")
    value = session(opened, hand)
    value.do(SetPatient(sex=Sex.MALE), at=AT, who=WHO)
    made = results(value.reading, opened)
    assert {ds.PatientSex for ds in made.values()} == {"M"}
    assert number(groups(made["SR"])[FORCE], "SCORE") == summarise(value.reading).score
    assert number(bone_group(made["SR"], "radius"), "POINTS") == rus_chn.score("radius", 6, Sex.MALE)
