"""Templates of the impression."""

from __future__ import annotations

import copy
import dataclasses
from datetime import date
from typing import Any

import pytest

from boneage_desk.common.errors import InputError
from boneage_desk.reading.ages import AgeBasis
from boneage_desk.reading.assessment import Filled, Reading
from boneage_desk.reading.codec import decode_reading, encode_reading
from boneage_desk.reading.impression import DEFAULTS, RefillImpression, Template, fill, filled, parse, stale
from boneage_desk.reading.report_content import build
from boneage_desk.reading.second_opinion import needs_comment
from boneage_desk.reading.session import AcceptGrade, MarkReviewed, SetDifferenceComment, SetImpression, SetPatient
from boneage_desk.reading.signing import signoff_problems
from boneage_desk.standards.types import Sex
from tests.samples import NOON, WHO, analysed, reading


def one(text: str, **more: str) -> Template:
    return Template({"en": "T"}, {"en": text, **more})


def test_the_programs_own_templates_fit_every_reading_in_every_language() -> None:
    for template in parse(DEFAULTS):
        for value in (analysed().reading, reading(), analysed(sex=None).reading):
            for language in ("en", "zh", "en+zh"):
                text = fill(template, value, language)
                assert text.strip() and "{" not in text


def test_places_take_the_facts_as_the_report_says_them() -> None:
    value = analysed().reading
    made = build(value)
    text = fill(one("{bone_age}|{age}|{difference}|{score}|{sex}|{side}|{study_date}|{interval}|{method}"), value, "en")
    assert text.split("|") == [
        made.headline.value, "10 y 4 m", "-0 y 8 m", "416", "female", "left", "2024-07-11", "8 y 8 m to 10 y 7 m",
        "RUS-CHN (Chinese-05)",
    ]  # fmt: skip


def test_conclusion_and_a_corrected_age_have_places() -> None:
    value = analysed().reading
    made = {fact.key: fact.value for fact in build(value).results}
    assert fill(one("{conclusion}|{normal_range}"), value, "en") == f"{made['conclusion']}|{made['normal_range']}"
    young = dataclasses.replace(
        value, patient=dataclasses.replace(value.patient, birth_date=date(2022, 9, 11)),
        age_basis=AgeBasis(gestation_days=196, correct_prematurity=True),
    )  # fmt: skip
    assert fill(one("{age}"), young, "en") == "1 y 10 m (corrected 1 y 7 m)"


def test_what_is_not_known_is_said_to_be_unknown() -> None:
    value = analysed(sex=None).reading
    assert fill(one("{bone_age}; {sex}; {score}"), value, "en") == "[not given]; [not recorded]; [not recorded]"
    assert fill(one("{bone_age}", zh="{bone_age}"), value, "zh") == "[不予给出]"
    assert "No bone age" in fill(one("{why_not}"), value, "en")


def test_both_languages_follow_each_other_and_a_missing_one_is_left_out() -> None:
    value = analysed().reading
    assert fill(one("Age {age}.", zh="年龄 {age}。"), value, "en+zh") == "Age 10 y 4 m.\n年龄 10 岁 4 个月。"
    assert fill(one("Age."), value, "en+zh") == "Age."
    with pytest.raises(InputError, match="no words in 'zh'"):
        fill(one("Age."), value, "zh")


def changed(change: Any) -> Any:
    raw = copy.deepcopy(dict(DEFAULTS))
    change(raw)
    return raw


@pytest.mark.parametrize(
    "raw",
    [
        None, [], {}, {"version": 1}, {"version": 1, "templates": {}},
        changed(lambda raw: raw.update(version=2)),
        changed(lambda raw: raw["templates"][0].pop("text")),
        changed(lambda raw: raw["templates"][0].update(text="words")),
        changed(lambda raw: raw["templates"][0]["text"].update(fr="mots")),
        changed(lambda raw: raw["templates"][0]["text"].update(en=" ")),
        changed(lambda raw: raw["templates"][0]["text"].update(en="{password}")),
        changed(lambda raw: raw["templates"][0]["text"].update(en="{bone_age.__class__}")),
        changed(lambda raw: raw["templates"].extend(raw["templates"] * 20)),
    ],
    ids=lambda raw: "",
)  # fmt: skip
def test_a_file_that_is_wrong_is_refused_with_a_remedy(raw: Any) -> None:
    with pytest.raises(InputError) as caught:
        parse(raw)
    assert caught.value.code == "templates" and "impressions.json" in caught.value.remedy


def sentence(reading: Reading) -> Filled:
    return filled(one("Bone age {bone_age} at {age}."), reading, "en")


def test_figures_of_an_earlier_state_are_known_and_filled_in_again() -> None:
    session = analysed(sex=Sex.FEMALE)
    made = sentence(session.reading)
    session.do(SetImpression(f"Seen. {made.words} Review in a year.", made), at=NOON, who=WHO)
    assert stale(session.reading) == () and all(problem.code != "impression" for problem in signoff_problems(session.reading))
    session.do(SetPatient(birth_date=date(2016, 3, 2)), at=NOON, who=WHO)
    assert stale(session.reading) == (made,)
    assert [problem.code for problem in signoff_problems(session.reading)].count("impression") == 1
    for finding in session.reading.bones:
        session.do(AcceptGrade(finding.bone), at=NOON, who=WHO)
    if needs_comment(session.reading):
        session.do(SetDifferenceComment("seen"), at=NOON, who=WHO)
    with pytest.raises(InputError) as caught:
        session.do(MarkReviewed(), at=NOON, who=WHO)
    assert caught.value.code == "impression"
    session.do(RefillImpression(), at=NOON, who=WHO)
    now = sentence(session.reading)
    assert now.words != made.words and session.reading.impression == f"Seen. {now.words} Review in a year."
    assert stale(session.reading) == ()
    session.do(MarkReviewed(), at=NOON, who=WHO)


def test_a_sentence_that_a_person_changed_is_his() -> None:
    session = analysed(sex=Sex.FEMALE)
    made = sentence(session.reading)
    session.do(SetImpression(made.words, made), at=NOON, who=WHO)
    session.do(SetImpression(made.words.replace("Bone age", "A bone age of")), at=NOON, who=WHO)
    assert session.reading.filled == ()
    session.do(SetPatient(birth_date=date(2016, 3, 2)), at=NOON, who=WHO)
    assert stale(session.reading) == ()


def test_what_was_filled_is_kept_in_the_store() -> None:
    session = analysed(sex=Sex.FEMALE)
    made = sentence(session.reading)
    session.do(SetImpression(made.words, made), at=NOON, who=WHO)
    assert decode_reading(encode_reading(session.reading)) == session.reading
