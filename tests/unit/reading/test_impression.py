"""Templates of the impression."""

from __future__ import annotations

import copy
import dataclasses
from datetime import date
from typing import Any

import pytest

from boneage_desk.common.errors import InputError
from boneage_desk.reading.ages import AgeBasis
from boneage_desk.reading.impression import DEFAULTS, Template, fill, parse
from boneage_desk.reading.report_content import build
from tests.samples import analysed, reading


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
