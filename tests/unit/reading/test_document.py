"""The JSON of one reading: its keys, its meaning, its schema."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from boneage_desk.common.errors import FilmError
from boneage_desk.reading.analysis import Flag
from boneage_desk.reading.document import document, error_document, film_path
from boneage_desk.reading.evidence import Evidence
from boneage_desk.reading.findings import Box
from boneage_desk.reading.people import Role
from boneage_desk.reading.session import (
    ReadingSession,
    SetAnalysis,
    SetBox,
    SetDifferenceComment,
    SetGrade,
    SetImpression,
)
from boneage_desk.reading.signature import Signature
from boneage_desk.reading.signing import AnswerFlag, as_signed
from boneage_desk.standards import rus_chn
from tests.samples import NOON, WHO, analysed, analysis, opinion, reading


@pytest.fixture(scope="module")
def validator(repository: Path) -> jsonschema.Draft202012Validator:
    schema = json.loads((repository / "resources" / "schema" / "reading-v1.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_it_says_what_the_issue_lists() -> None:
    found = document(analysed().reading)
    assert set(found) == {
        "schema_version", "software", "input", "sex", "chronological_age_months", "bones", "standards", "whole_hand",
        "second_opinion", "reference", "models", "flags", "timing_ms", "reading_id", "state", "signatures",
        "annotations", "key_image", "blind_first", "age_basis", "standards_table", "growth",
        "impression", "difference_comment", "answers",
    }  # fmt: skip
    assert found["input"]["path"].endswith("左手 film.dcm")
    assert (found["input"]["width"], found["input"]["height"], found["input"]["laterality"]) == (2000, 2500, "L")
    assert found["sex"] == "F"
    assert found["chronological_age_months"] == pytest.approx(124.29, abs=0.005)
    assert [bone["bone"] for bone in found["bones"]] == list(rus_chn.BONES)
    assert set(found["bones"][0]) == {
        "bone", "box", "detection_confidence", "grade", "grade_label", "probabilities", "score", "human_grade",
        "box_removed", "evidence", "blind_grade", "comment",
    }  # fmt: skip
    assert found["bones"][0]["box"] == [100.5, 200.25, 160.5, 262.75]
    assert set(found["standards"]["rus-chn"]) == {"score", "bone_age_months", "interval_months", "interval_open", "qualifier"}
    assert found["standards"]["rus-chn"]["score"] == 416
    low, high = found["standards"]["rus-chn"]["interval_months"]
    assert high - low == pytest.approx(23, abs=0.02)
    assert found["whole_hand"][1] == {
        "engine": "dual", "model": "other", "bone_age_months": 120.0, "interval_months": None,
        "usual_difference_months": None, "sex": None, "male_probability": None, "areas": [],
    }  # fmt: skip
    age = found["standards"]["rus-chn"]["bone_age_months"]
    assert found["second_opinion"] == {
        "engine": "whole-hand", "difference_months": round(age - 121.25, 2), "at_least": False, "beyond_usual": False,
        "comment": "",
    }  # fmt: skip
    assert found["timing_ms"] == {"detect": 41.2, "grade": 120.5}


def test_a_signed_reading_says_who_signed_and_leaves_out_what_is_not_known_yet(
    validator: jsonschema.Draft202012Validator,
) -> None:
    seal = Signature(1, NOON, WHO, "Dr Li", Role.RADIOLOGIST, "seen")
    found = document(as_signed(analysed().reading, seal))
    assert (found["state"], len(found["signatures"])) == ("signed", 1)
    assert found["signatures"][0] == {
        "number": 1, "at": "2024-07-12T12:00:00+00:00", "name": "Dr Li", "role": "radiologist", "reason": "seen", "text": "",
        "certificate_sha256": None, "self_issued": None, "pdf_sha256": None,
    }  # fmt: skip
    validator.validate(found)
    done = dataclasses.replace(seal, certificate_sha256="a" * 64, pdf_sha256="b" * 64)
    found = document(as_signed(analysed().reading, done))
    assert (found["signatures"][0]["certificate_sha256"], found["signatures"][0]["self_issued"]) == ("a" * 64, False)
    validator.validate(found)


def test_what_a_person_wrote_is_in_it_whole_and_a_synthetic_film_is_called_so(validator: jsonschema.Draft202012Validator) -> None:
    session = ReadingSession(dataclasses.replace(analysed().reading, flags=(Flag("low_quality", "Low contrast."),)))
    long = "\n".join(f"Line {i} of the impression." for i in range(400))
    flag = session.reading.flags[0]
    steps = (
        SetImpression(long), SetGrade("radius", 5, "the cap is not there"), SetDifferenceComment("looked again"),
        AnswerFlag(flag.code, flag.message, "good enough"),
    )  # fmt: skip
    for step in steps:
        session.do(step, at=NOON, who=WHO)
    found = document(session.reading)
    validator.validate(found)
    assert (found["impression"], found["difference_comment"]) == (long, "looked again")
    assert found["answers"] == [{"code": flag.code, "message": flag.message, "words": "good enough"}]
    assert [bone["comment"] for bone in found["bones"]][:2] == ["the cap is not there", ""]
    assert found["input"]["synthetic"] is False
    drawn = dataclasses.replace(session.reading, study=dataclasses.replace(session.reading.study, synthetic=True))
    assert document(drawn)["input"]["synthetic"] is True


def test_scores_of_the_bones_sum_to_the_score() -> None:
    found = document(analysed().reading)
    assert sum(bone["score"] for bone in found["bones"]) == found["standards"]["rus-chn"]["score"]


def test_the_machines_and_the_persons_grade_are_both_there() -> None:
    session = analysed()
    session.do(SetGrade("radius", 9), at=NOON, who=WHO)
    bone = document(session.reading)["bones"][0]
    assert (bone["grade"], bone["human_grade"]) == (6, 9)
    assert bone["score"] == rus_chn.score("radius", 9, session.reading.patient.sex)  # type: ignore[arg-type]


def _without_sex() -> Any:
    return document(analysed(sex=None).reading)


def _blocked() -> Any:
    session = analysed()
    flag = Flag("several_hands", "Two hands on one film.", blocking=True)
    session.do(SetAnalysis(analysis(flags=(flag,)), NOON), at=NOON, who=WHO)
    return document(session.reading)


def _moved_box() -> Any:
    session = analysed()
    session.do(SetBox("ulna", Box(1, 2, 30, 40)), at=NOON, who=WHO)
    return document(session.reading)


SEEN = Evidence("ulna", True, 0.8, 0.7, 0.05, True, None, 0.1, ((1.0, 2.0), (9.0, 2.25)), ((0.5, 8.0), (9.5, 8.0)))


def _measured(evidence: Evidence = SEEN) -> Any:
    session = analysed()
    session.do(SetBox("ulna", Box(1, 2, 30, 40), opinion("ulna", 2), evidence), at=NOON, who=WHO)
    return document(session.reading)


def test_evidence_is_written_with_its_words_and_what_it_says_against_the_grade() -> None:
    written = {bone["bone"]: bone["evidence"] for bone in _measured()["bones"]}
    assert written["radius"] is None
    ulna = written["ulna"]
    assert (ulna["width_ratio"], ulna["gap"], ulna["caps_thumb_side"], ulna["caps_little_side"]) == (0.7, 0.05, True, None)
    assert ulna["epiphysis_line"] == [[1.0, 2.0], [9.0, 2.25]]
    assert ulna["words"][1] == "half the shaft or more (0.70)" and ulna["against_grade"] == ""
    wide = _measured(dataclasses.replace(SEEN, width_ratio=0.9))["bones"][1]["evidence"]
    assert "more than half" in wide["against_grade"]


@pytest.mark.parametrize(
    "make",
    [
        _measured,
        lambda: _measured(Evidence("ulna", False, 0.7)),
        lambda: document(analysed().reading),
        lambda: document(reading()),
        lambda: document(reading(sex=None)),
        _without_sex,
        _blocked,
        _moved_box,
        lambda: error_document("a.zip!b.dcm", FilmError("No pixels.", code="no-pixels")),
    ],
)
def test_every_kind_fits_the_schema(validator: jsonschema.Draft202012Validator, make: Any) -> None:
    validator.validate(json.loads(json.dumps(make(), allow_nan=False)))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: d.pop("bones"),
        lambda d: d["bones"].pop(),
        lambda d: d["standards"]["rus-chn"].pop("qualifier"),
        lambda d: d.update(schema_version=2),
        lambda d: d["input"].update(sha256="x"),
        lambda d: d.update(error={"code": "a", "message": "b"}),
    ],
)
def test_the_schema_refuses_what_is_wrong(validator: jsonschema.Draft202012Validator, spoil: Any) -> None:
    value = document(analysed().reading)
    spoil(value)
    assert not validator.is_valid(value)


def test_without_sex_there_are_bones_but_no_age_and_no_scores() -> None:
    found = _without_sex()
    assert found["standards"] == {"rus-chn": None}
    assert found["bones"][0]["grade"] == 6
    assert found["bones"][0]["score"] is None
    assert "sex_missing" in [flag["code"] for flag in found["flags"]]


def test_a_blocking_flag_leaves_no_age() -> None:
    found = _blocked()
    assert found["standards"] == {"rus-chn": None}
    assert [flag["code"] for flag in found["flags"] if flag["blocking"]] == ["several_hands"]


def test_a_moved_box_has_no_grade_until_it_is_graded_again() -> None:
    bone = _moved_box()["bones"][1]
    assert (bone["box"], bone["grade"], bone["probabilities"], bone["score"]) == ([1, 2, 30, 40], None, [], None)


def test_members_of_a_zip_have_a_key_of_their_own() -> None:
    assert film_path("films.zip", "a/b.dcm") == "films.zip!a/b.dcm"
