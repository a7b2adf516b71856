"""Facts of a knee film: the person's word beside the file's, and what is told of it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

from boneage_desk.reading.film import Film, FilmSource, Laterality, Patient, Study
from boneage_desk.reading.knee import (
    GIVEN,
    KneeFacts,
    KneeQuestion,
    KneeReading,
    document,
    question_of,
    refused,
    with_facts,
)
from boneage_desk.reading.report_knee import knee_report
from boneage_desk.standards.types import Sex


def film(**facts: Any) -> Film:
    """A film without pixels; ``facts``: of patient and study."""
    patient = Patient(sex=facts.get("sex"), birth_date=facts.get("born"))
    study = Study(study_date=facts.get("day"), laterality=facts.get("side", Laterality.UNKNOWN))
    return Film(FilmSource("knee.png", "a" * 64, is_dicom=False), SimpleNamespace(), patient, study)  # type: ignore[arg-type]


def test_what_the_file_lacks_is_taken_and_named() -> None:
    given = KneeFacts(Sex.MALE, date(2012, 7, 11), date(2024, 7, 11), Laterality.RIGHT)
    taken = with_facts(film(), given)
    question, flags = question_of(taken, given.sex)
    assert question == KneeQuestion(Sex.MALE, 144.0)
    assert taken.study.laterality is Laterality.RIGHT and taken.patient.sex is None
    assert [(flag.code, flag.blocking) for flag in flags] == [(GIVEN, False)]
    assert flags[0].message == "Given by the person, not by the file: sex, birth date, study date, side."


def test_nothing_is_made_up() -> None:
    bare = film()
    question, flags = question_of(with_facts(bare, KneeFacts()))
    assert question == KneeQuestion(None, None) and flags == ()
    full = film(sex=Sex.FEMALE, born=date(2014, 7, 11), day=date(2024, 7, 11), side=Laterality.LEFT)
    same = KneeFacts(Sex.FEMALE, date(2014, 7, 11), date(2024, 7, 11), Laterality.LEFT)
    for facts in (KneeFacts(), same, KneeFacts(side=Laterality.UNKNOWN)):
        taken = with_facts(full, facts)
        assert taken.study == full.study and taken.patient == full.patient and taken.warnings == ()


def test_contradictions_win_and_are_told() -> None:
    full = film(sex=Sex.FEMALE, born=date(2014, 7, 11), day=date(2024, 7, 11), side=Laterality.LEFT)
    said = KneeFacts(Sex.MALE, date(2012, 7, 11), date(2024, 1, 11), Laterality.RIGHT)
    question, flags = question_of(with_facts(full, said), said.sex)
    assert question == KneeQuestion(Sex.MALE, 138.0)
    assert {flag.code for flag in flags} == {"birth_date_conflict", "study_date_conflict", "side_conflict", "sex_conflict"}


def test_given_facts_are_in_document_and_report() -> None:
    given = KneeFacts(sex=Sex.MALE)
    taken = with_facts(film(), given)
    question, flags = question_of(taken, given.sex)
    result = refused("knee_age_missing", "The chronological age is not known.")
    result = type(result)(None, (*result.flags, *flags))
    reading = KneeReading(taken, question, result, datetime(2026, 1, 2, tzinfo=UTC))
    assert [flag["code"] for flag in document(reading)["flags"]] == ["knee_age_missing", GIVEN]
    assert ("Given by the person, not by the file: sex.", False) in knee_report(reading).flags
    assert any("由使用者录入" in words for words, _ in knee_report(reading, language="zh").flags)
