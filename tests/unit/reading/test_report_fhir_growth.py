"""Height, weight and predicted adult height in the FHIR Bundle."""

from __future__ import annotations

import dataclasses
from datetime import date
from typing import Any

from boneage_desk.reading.assessment import Reading
from boneage_desk.reading.growth import Growth, Measurement, Origin
from boneage_desk.reading.growth_view import growth_view
from boneage_desk.reading.report_fhir import bundle
from tests.fhir_r4 import problems
from tests.samples import analysed

FILM = date(2024, 7, 11)
GROWTH = Growth((Measurement(FILM, None, 33.4, Origin.FILE), Measurement(FILM, 138.2)), 176.0, 162.0, False)


def observations(reading: Reading) -> list[dict[str, Any]]:
    made = bundle(reading)
    assert problems(made) == []
    found = [entry["resource"] for entry in made["entry"] if entry["resource"]["resourceType"] == "Observation"]
    report = made["entry"][0]["resource"]
    assert len(report["result"]) == len(found)
    return found


def coded(found: list[dict[str, Any]], code: str) -> list[dict[str, Any]]:
    return [one for one in found if one["code"]["coding"][0]["code"] == code]


def test_height_and_weight_are_vital_signs_of_their_day_with_sd_scores() -> None:
    value = dataclasses.replace(analysed().reading, growth=GROWTH)
    found = observations(value)
    (height,), (weight,) = coded(found, "8302-2"), coded(found, "29463-7")
    assert height["valueQuantity"] == {"value": 138.2, "unit": "cm", "system": "http://unitsofmeasure.org", "code": "cm"}
    assert weight["valueQuantity"]["value"] == 33.4 and "header of the film's file" in weight["note"][0]["text"]
    assert height["category"][0]["coding"][0]["code"] == "vital-signs" and height["effectiveDateTime"] == "2024-07-11"
    assert "note" not in height and "derivedFrom" not in height
    scores = {one["code"]["coding"][0]["code"]: one["valueQuantity"]["value"] for one in height["component"]}
    assert set(scores) == {"sd-score-who2007", "sd-score-cdc2000", "sd-score-china2009"}
    assert [one["code"]["coding"][0]["code"] for one in weight["component"]] == ["sd-score-china2009"]


def test_each_prediction_has_its_method_range_and_limits() -> None:
    value = dataclasses.replace(analysed().reading, growth=GROWTH)
    made = {one["method"]["coding"][0]["code"]: one for one in coded(observations(value), "predicted-adult-height")}
    view = growth_view(value)
    assert set(made) == {one.method for one in view.predictions if one.cm is not None} and "bayley-pinneau" in made
    one = made["mid-parental"]
    assert one["valueQuantity"]["value"] == 162.5
    assert [part["valueQuantity"]["value"] for part in one["component"]] == [154.0, 171.0]
    assert "P3 to P97 of the family" in one["note"][0]["text"] and "category" not in one


def test_nothing_known_adds_nothing() -> None:
    found = observations(analysed().reading)
    assert not coded(found, "8302-2") and not coded(found, "predicted-adult-height")
