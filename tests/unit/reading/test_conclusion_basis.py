"""What the conclusion rests on: rule, estimated birth date, premature birth; in summary, report, JSON, store and audit."""

from __future__ import annotations

import dataclasses
from datetime import date

import pytest

from boneage_desk.common.errors import InputError
from boneage_desk.reading.ages import AgeBasis, BirthPrecision, age_months, age_span, corrected_months, parse_gestation
from boneage_desk.reading.basis import SetAgeBasis, SetRule
from boneage_desk.reading.codec import decode_reading, encode_reading
from boneage_desk.reading.document import document
from boneage_desk.reading.reference import reference_of
from boneage_desk.reading.report_content import build
from boneage_desk.reading.session import MarkReviewed, Reading, SetReviewed
from boneage_desk.reading.summary import summarise
from boneage_desk.standards.rules import Rule
from boneage_desk.standards.types import Sex
from tests.samples import NOON, WHO, analysed

PRETERM = AgeBasis(gestation_days=parse_gestation("28+0"), correct_prematurity=True)
DAY = AgeBasis()


def born(birth: date, basis: AgeBasis = DAY, rule: Rule = Rule.BRUSH_2SD, sex: Sex = Sex.FEMALE) -> Reading:
    reading = analysed().reading
    patient = dataclasses.replace(reading.patient, birth_date=birth, sex=sex)
    return dataclasses.replace(reading, patient=patient, age_basis=basis, rule=rule)


def facts(reading: Reading, language: str = "en") -> dict[str, str]:
    made = build(reading, language=language)
    return {fact.key: fact.value for fact in (*made.patient, *made.results)}


def test_leap_days_and_ends_of_months() -> None:
    assert age_months(date(2016, 2, 29), date(2017, 2, 28)) == 12
    assert age_months(date(2016, 2, 29), date(2020, 2, 29)) == 48
    assert age_months(date(2015, 8, 31), date(2016, 2, 29)) == 6
    assert age_months(date(2015, 12, 31), date(2016, 1, 1)) == pytest.approx(1 / 31)


@pytest.mark.parametrize("text", ["21+6", "45", "30+7", "thirty", "", "30 4", "٣٠", "030"])
def test_a_pregnancy_that_cannot_be(text: str) -> None:
    with pytest.raises(InputError):
        parse_gestation(text)


def test_correction_stops_at_term_at_three_years_and_without_facts() -> None:
    assert corrected_months(12, PRETERM) == pytest.approx(12 - 84 * 12 / 365.2425)
    assert corrected_months(2, PRETERM) is None, "term is not reached"
    assert corrected_months(36, PRETERM) is None
    assert corrected_months(12, AgeBasis(gestation_days=259, correct_prematurity=True)) is None, "37 weeks are term"
    assert corrected_months(12, AgeBasis(correct_prematurity=True)) is None
    assert corrected_months(12, dataclasses.replace(PRETERM, correct_prematurity=False)) is None


def test_a_corrected_age_is_compared_and_printed() -> None:
    birth = date(2022, 9, 11)  # 22 months on the study date
    plain, corrected = summarise(born(birth)), summarise(born(birth, PRETERM))
    assert plain.chronological_months == corrected.chronological_months == 22
    assert corrected.compared_months == pytest.approx(22 - 2.76, abs=0.01)
    assert plain.difference_months is not None and corrected.difference_months is not None
    assert corrected.difference_months - plain.difference_months == pytest.approx(2.76, abs=0.01)
    told = facts(born(birth, PRETERM))
    assert "corrected for birth at 28+0 weeks: 1 y 7 m (19.2 months)" in told["chronological"]
    assert facts(born(birth, PRETERM), "zh")["chronological"].count("矫正") == 1
    silent = dataclasses.replace(PRETERM, correct_prematurity=False)
    assert "born at 28+0 weeks, not corrected" in facts(born(birth, silent))["chronological"]
    assert "not corrected from 3 years on" in facts(born(date(2014, 3, 2), PRETERM))["chronological"]
    assert "duration of pregnancy not recorded" in facts(born(birth, AgeBasis(correct_prematurity=True)))["chronological"]
    found = document(born(birth, PRETERM))
    assert found["age_basis"]["gestation_days"] == 196
    assert found["age_basis"]["compared_age_months"] == found["age_basis"]["corrected_age_months"] == pytest.approx(19.24)
    assert found["chronological_age_months"] == 22


def test_the_span_of_an_estimated_birth_date() -> None:
    on = date(2024, 7, 11)
    assert age_span(date(2014, 3, 2), on, BirthPrecision.DAY) is None
    low, high = age_span(date(2014, 3, 2), on, BirthPrecision.MONTH) or (0, 0)
    assert (low, high) == (age_months(date(2014, 3, 31), on), age_months(date(2014, 3, 1), on))
    low, high = age_span(date(2024, 3, 2), on, BirthPrecision.YEAR) or (0, 0)
    assert low == 0 and high == age_months(date(2024, 1, 1), on), "nobody is born after the film"


def test_an_estimated_birth_date_concludes_only_what_all_its_ages_agree_on() -> None:
    """A girl's bone age of 9 y 8 m (115.9): delayed at the age of a January child of 2013, normal of a December one."""
    year = AgeBasis(birth_precision=BirthPrecision.YEAR)
    unsure = born(date(2013, 12, 2), year)
    known = reference_of(summarise(born(date(2013, 1, 1))), Sex.FEMALE)
    found = reference_of(summarise(unsure), Sex.FEMALE)
    assert known is not None and known.conclusion == "delayed"
    assert found is not None and found.conclusion == "" and found.open_by_birth
    assert "estimated" in facts(unsure)["conclusion"] and "only the year known" in facts(unsure)["chronological"]
    assert document(unsure)["reference"]["open_by_birth_date"] is True
    sure = reference_of(summarise(born(date(2014, 3, 2), year)), Sex.FEMALE)
    assert sure is not None and sure.conclusion == "normal" and not sure.open_by_birth


@pytest.mark.parametrize(
    ("birth", "said"),
    [(date(2014, 3, 2), "normal ("), (date(2013, 3, 2), "slightly delayed ("), (date(2012, 1, 2), "clearly delayed (")],
)
def test_the_rule_of_years_in_report_and_json(birth: date, said: str) -> None:
    reading = born(birth, rule=Rule.RUS_CHN_YEARS)
    told = facts(reading)
    assert told["conclusion"].startswith(said)
    assert "age +- 1 year; 1 to 2 years off: slightly" in told["normal_range"]
    found = document(reading)["reference"]
    assert found["rule"] == "rus-chn-years" and found["degree"] == {"n": None, "s": "slight", "c": "clear"}[said[0]]
    low, high = found["normal_range_months"]
    assert high - low == pytest.approx(24, abs=0.011)


def test_the_rule_of_years_concludes_where_the_table_of_sd_ends() -> None:
    old = born(date(2007, 3, 2), rule=Rule.RUS_CHN_YEARS)
    found = reference_of(summarise(old), Sex.FEMALE)
    assert found is not None and found.sd_months is None and found.sd_score is None and found.conclusion == "delayed"
    told = facts(old)
    assert told["conclusion"] == "clearly delayed" and "reference" not in told
    assert reference_of(summarise(born(date(2007, 3, 2))), Sex.FEMALE) is None


def test_the_second_table_is_named_and_has_no_mean() -> None:
    reading = born(date(2014, 3, 2), rule=Rule.STUART_2SD)
    found = reference_of(summarise(reading), Sex.FEMALE)
    assert found is not None and found.mean_months is None and found.mean_sd_score is None
    assert "tables V and VI" in facts(reading)["reference"]


def test_the_default_is_the_rule_of_before() -> None:
    found = reference_of(summarise(born(date(2014, 3, 2))), Sex.FEMALE)
    assert found is not None and found.rule is Rule.BRUSH_2SD and found.degree == ""
    assert found.mean_sd_score is not None and found.sd_score is not None and found.mean_months is not None
    assert found.mean_sd_score < found.sd_score, "the girls' mean of the table lies above the age here"


def test_rule_and_age_are_commands_with_undo_audit_and_store() -> None:
    session = analysed()
    event = session.do(SetRule(Rule.RUS_CHN_YEARS), at=NOON, who=WHO)
    assert (event.action, event.before, event.after) == ("set-rule", "brush-2sd", "rus-chn-years")
    event = session.do(SetAgeBasis(PRETERM), at=NOON, who=WHO)
    assert "pregnancy=28+0 corrected=True" in event.after
    assert decode_reading(encode_reading(session.reading)) == session.reading
    session.undo(at=NOON, who=WHO)
    session.undo(at=NOON, who=WHO)
    assert session.reading.rule is Rule.BRUSH_2SD and session.reading.age_basis == AgeBasis()
    for bone in session.reading.bones:
        session.do(SetReviewed(bone.bone, True), at=NOON, who=WHO)
    session.do(MarkReviewed(), at=NOON, who=WHO)
    with pytest.raises(InputError):
        session.do(SetRule(Rule.STUART_2SD), at=NOON, who=WHO)


def test_an_older_store_has_neither_and_takes_the_default() -> None:
    data = encode_reading(analysed().reading)
    del data["reading"]["rule"], data["reading"]["age_basis"]
    assert decode_reading(data).rule is Rule.BRUSH_2SD
