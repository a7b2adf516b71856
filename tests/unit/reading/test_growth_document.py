"""Growth in the JSON document: fits the schema, holds each reference's score, and null where nothing is known."""

from __future__ import annotations

import dataclasses
import json
from datetime import date
from pathlib import Path

import jsonschema
import pytest

from boneage_desk.reading.document import document
from boneage_desk.reading.growth import Growth, Measurement, Origin
from boneage_desk.standards import growth
from boneage_desk.standards.growth import GrowthReference, Measure
from boneage_desk.standards.height import METHODS
from boneage_desk.standards.types import Sex
from tests.samples import analysed, reading

FILM = date(2024, 7, 11)
FULL = Growth(
    (Measurement(date(2023, 7, 11), 134.0), Measurement(FILM, 139.0, 35.0, Origin.FILE), Measurement(FILM, 140.0)), 178.0, 165.0, False,
)  # fmt: skip


def check(made: dict[str, object], repository: Path) -> None:
    schema = json.loads((repository / "resources" / "schema" / "reading-v1.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(json.loads(json.dumps(made, allow_nan=False)))


def test_nothing_known_is_null(repository: Path) -> None:
    made = document(reading())
    assert made["growth"] is None
    check(made, repository)


def test_all_of_it(repository: Path) -> None:
    value = dataclasses.replace(analysed().reading, growth=FULL)
    made = document(value)
    check(made, repository)
    told = made["growth"]
    assert [one["origin"] for one in told["measurements"]] == ["person", "file", "person"]
    assert (told["height"]["cm"], told["height"]["origin"]) == (140.0, "person")
    assert (told["weight"]["kg"], told["weight"]["origin"]) == (35.0, "file")
    age = told["height"]["age_months"]
    for reference in GrowthReference:
        expected = growth.sds(reference, Measure.HEIGHT, 140.0, age, Sex.FEMALE)
        assert expected is not None and told["height"]["sds"][reference.value] == pytest.approx(expected, abs=0.006)
    assert told["weight"]["sds"]["who2007"] is None and told["weight"]["sds"]["china2009"] is not None
    assert told["velocity"]["from"] == "2023-07-11" and told["velocity"]["cm_per_year"] == pytest.approx(6, abs=0.05)
    assert [one["method"] for one in told["adult_height"]] == list(METHODS)
    for one in told["adult_height"]:
        assert (one["adult_height_cm"] is None) is (one["why_not"] is not None), one["method"]
    assert told["doubts"] == []


@pytest.mark.parametrize("lacking", ["sex", "birth_date"])
def test_facts_that_are_missing_give_null_and_not_a_guess(repository: Path, lacking: str) -> None:
    value = dataclasses.replace(analysed().reading, growth=FULL)
    made = document(dataclasses.replace(value, patient=dataclasses.replace(value.patient, **{lacking: None})))
    check(made, repository)
    assert set(made["growth"]["height"]["sds"].values()) == {None}
    assert made["growth"]["doubts"]
