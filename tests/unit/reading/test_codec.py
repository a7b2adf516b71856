"""Every reading goes to plain JSON and back unchanged; damage is told, never guessed over."""

from __future__ import annotations

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boneage_desk.common.errors import StoreError
from boneage_desk.reading.codec import CODEC_VERSION, decode_reading, encode_reading
from boneage_desk.reading.evidence import Evidence
from boneage_desk.reading.findings import Box
from boneage_desk.reading.session import MarkReviewed, Reading, SetBox, SetGrade, SetImpression, SetPatient
from boneage_desk.standards import rus_chn
from boneage_desk.standards.types import Sex
from tests.samples import NOON, WHO, analysed, opinion, reading


def there_and_back(value: Reading) -> Reading:
    return decode_reading(json.loads(json.dumps(encode_reading(value), allow_nan=False)))


def test_a_fresh_reading_survives() -> None:
    value = reading(sex=None)
    assert there_and_back(value) == value


def test_an_analysed_and_edited_reading_survives() -> None:
    session = analysed()
    for bone in rus_chn.BONES:
        session.do(SetGrade(bone, 5, "clearly 5"), at=NOON, who=WHO)
    seen = Evidence("ulna", True, 0.8, 0.7, -0.1, None, None, 0.2, ((1.5, 2.5), (9.0, 2.5)), ((1.0, 8.0), (9.5, 8.0)))
    session.do(SetBox("ulna", Box(1.25, 2.5, 30.75, 40.125), opinion("ulna", 4), seen), at=NOON, who=WHO)
    session.do(SetGrade("ulna", 4), at=NOON, who=WHO)
    session.do(SetImpression("Δ 正常 \udce9 \n\x00"), at=NOON, who=WHO)
    session.do(MarkReviewed(), at=NOON, who=WHO)
    assert session.reading.bone("ulna").evidence == seen
    assert there_and_back(session.reading) == session.reading


@given(
    name=st.text(max_size=30),
    birth=st.one_of(st.none(), st.dates(date(1900, 1, 1), date(2024, 7, 11))),
    sex=st.sampled_from([None, *Sex]),
    grades=st.lists(st.one_of(st.none(), st.integers(0, 10)), min_size=13, max_size=13),
)
def test_any_facts_and_grades_survive(
    name: str, birth: date | None, sex: Sex | None, grades: list[int | None]
) -> None:
    session = analysed()
    session.do(SetPatient(name=name, sex=sex, birth_date=birth), at=NOON, who=WHO)
    for bone, grade in zip(rus_chn.BONES, grades, strict=True):
        session.do(SetGrade(bone, grade), at=NOON, who=WHO)
    assert there_and_back(session.reading) == session.reading


def test_fields_added_later_take_their_defaults() -> None:
    data = encode_reading(reading())
    for name in ("impression", "hand_mirror", "whole_hand"):
        del data["reading"][name]
    assert decode_reading(data) == reading()


def test_a_newer_shape_is_refused() -> None:
    data = {**encode_reading(reading()), "codec": CODEC_VERSION + 1}
    with pytest.raises(StoreError) as caught:
        decode_reading(data)
    assert caught.value.code == "newer"


@pytest.mark.parametrize("place", ["reading", "patient", "bone"])
def test_a_fact_that_this_version_does_not_know_is_refused_not_lost(place: str) -> None:
    data = encode_reading(analysed().reading)
    where = {"reading": data["reading"], "patient": data["reading"]["patient"], "bone": data["reading"]["bones"][0]}[place]
    where["sedation"] = "a fact of a later version"
    with pytest.raises(StoreError) as caught:
        decode_reading(data)
    assert caught.value.code == "newer"


@pytest.mark.parametrize(
    ("field", "value"),
    [("width", "wide"), ("bones", []), ("state", "finished"), ("created_at", 5), ("source", None), ("revision", True)],
)
def test_damage_is_told(field: str, value: object) -> None:
    data = encode_reading(reading())
    data["reading"][field] = value
    with pytest.raises(StoreError) as caught:
        decode_reading(data)
    assert caught.value.code == "damaged"


@pytest.mark.parametrize("data", [None, [], {}, {"codec": "1"}, {"codec": 1}, {"codec": 1, "reading": 4}])
def test_what_is_no_reading_is_told(data: object) -> None:
    with pytest.raises(StoreError) as caught:
        decode_reading(data)
    assert caught.value.code == "damaged"
