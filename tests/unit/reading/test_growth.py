"""The child's growth in a reading: what is refused, commands, undo, sealing, the file's own figures, the store's form."""

from __future__ import annotations

import dataclasses
import json
from datetime import date
from typing import Any

import pytest

from boneage_desk.common.errors import InputError, StoreError
from boneage_desk.reading import growing
from boneage_desk.reading.codec import decode_reading, encode_reading
from boneage_desk.reading.growth import Growth, Measurement, Origin, from_file, parse_length, parse_weight
from boneage_desk.reading.session import AcceptGrade, Command, MarkReviewed, ReadingSession
from boneage_desk.standards import rus_chn
from boneage_desk.standards.types import Sex
from tests.samples import NOON, WHO, analysed, reading
from tests.unit.reading.test_report_fhir import signed

DAY = date(2024, 7, 10)


def session(sex: Sex | None = Sex.FEMALE) -> ReadingSession:
    return ReadingSession(reading(sex=sex))


def do(of: ReadingSession, command: Command) -> Any:
    return of.do(command, at=NOON, who=WHO)


@pytest.mark.parametrize(
    ("text", "cm"),
    [("135.5 cm", 135.5), ("135,5cm", 135.5), ("1.355 m", 135.5), ("1355 mm", 135.5), ("53.3 in", 135.382), ("4 ft 5 in", 134.62),
     ("4'5\"", 134.62), ("4'5", 134.62), ("4.5 ft", 137.16), ("  60IN ", 152.4)],
)  # fmt: skip
def test_lengths_are_understood_with_their_unit(text: str, cm: float) -> None:
    assert parse_length(text) == pytest.approx(cm)


@pytest.mark.parametrize("text", ["135", "53.3", "", "tall", "135 kg", "-3 cm", "1.2.3 cm", "135 cm 2", "nan cm", "1e3 cm"])
def test_a_length_without_a_unit_is_refused_for_53_may_be_inches(text: str) -> None:
    with pytest.raises(InputError, match=r"135\.5 cm or 53\.3 in"):
        parse_length(text)


def test_weights() -> None:
    assert parse_weight("34.2 kg") == 34.2 and parse_weight("75.4 lbs") == pytest.approx(34.2, abs=0.01)
    for text in ("34.2", "34 cm", "kg"):
        with pytest.raises(InputError):
            parse_weight(text)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (growing.SetMeasurement(DAY, parse_length("150 m")), "implausible"),
        (growing.SetMeasurement(DAY, 13.55), "implausible"),
        (growing.SetMeasurement(DAY, float("nan")), "implausible"),
        (growing.SetMeasurement(DAY, 135, 3400), "implausible"),
        (growing.SetMeasurement(DAY), "measurement"),
        (growing.SetMeasurement(date(2014, 3, 1), 50), "before-birth"),
        (growing.SetMeasurement(date(2024, 7, 12), 135), "after-study"),
        (growing.SetParents(1.78, 165), "implausible"),
        (growing.SetParents(178, 16.5), "implausible"),
        (growing.SetAtlasAge(-1), "implausible"),
        (growing.SetAtlasAge(1200), "implausible"),
        (growing.RemoveMeasurement(DAY), "no-measurement"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(command: Command, code: str) -> None:
    of = session()
    before = of.reading
    with pytest.raises(InputError) as caught:
        do(of, command)
    assert caught.value.code == code
    assert of.reading is before and not of.can_undo


def test_commands_are_audited_and_can_be_undone() -> None:
    of = session()
    first = do(of, growing.SetMeasurement(DAY, 135.5, 32))
    second = do(of, growing.SetMeasurement(DAY, 136.5))
    assert (first.action, first.detail, first.before, first.after) == (
        "set-measurement", "measured 2024-07-10", "-", "135.5 cm 32 kg (person)"
    )  # fmt: skip
    assert (second.before, second.after) == ("135.5 cm 32 kg (person)", "136.5 cm 32 kg (person)"), "the weight stays"
    parents = do(of, growing.SetParents(178, None))
    assert (parents.before, parents.after) == ("father=? mother=?", "father=178 cm mother=?")
    assert do(of, growing.SetMenarche(False)).after == "no"
    assert do(of, growing.SetAtlasAge(126)).after == "10 y 6 m"
    assert of.reading.growth == Growth((Measurement(DAY, 136.5, 32),), 178, None, False, 126)
    for _ in range(5):
        of.undo(at=NOON, who=WHO)
    assert of.reading.growth == Growth() and not of.reading.growth.known
    of.redo(at=NOON, who=WHO)
    assert of.reading.growth.measurements == (Measurement(DAY, 135.5, 32),)
    gone = do(of, growing.RemoveMeasurement(DAY))
    assert (gone.before, gone.after) == ("135.5 cm 32 kg (person)", "-")


def test_measurements_stand_by_date_one_a_day_and_origin() -> None:
    of = ReadingSession(dataclasses.replace(reading(), growth=Growth((Measurement(DAY, 134, 30, Origin.FILE),))))
    for on, cm in ((date(2024, 1, 5), 132.0), (DAY, 135.0), (date(2023, 1, 5), 126.0), (DAY, 135.5)):
        do(of, growing.SetMeasurement(on, cm))
    found = of.reading.growth.measurements
    assert [(one.on.isoformat(), one.height_cm, one.origin.value) for one in found] == [
        ("2023-01-05", 126.0, "person"), ("2024-01-05", 132.0, "person"), ("2024-07-10", 134, "file"),
        ("2024-07-10", 135.5, "person"),
    ]  # fmt: skip
    event = do(of, growing.RemoveMeasurement(DAY, Origin.FILE))
    assert event.before == "134 cm 30 kg (file), 135.5 cm (person)" and event.after == "135.5 cm (person)"


@pytest.mark.parametrize("sex", [Sex.MALE, None])
def test_menarche_is_asked_of_girls_only(sex: Sex | None) -> None:
    with pytest.raises(InputError, match="girls only"):
        do(session(sex), growing.SetMenarche(True))


def test_a_reviewed_and_a_sealed_reading_stay_as_they_are() -> None:
    of = analysed()
    for bone in rus_chn.BONES:
        do(of, AcceptGrade(bone))
    do(of, MarkReviewed())
    for command in (growing.SetMeasurement(DAY, 135), growing.SetParents(178, 165), growing.SetAtlasAge(120)):
        with pytest.raises(InputError) as caught:
            do(of, command)
        assert caught.value.code == "locked"
    assert not of.reading.growth.known
    sealed = ReadingSession(signed())
    for command in (growing.SetMeasurement(DAY, 135), growing.SetMenarche(True), growing.RemoveMeasurement(DAY)):
        with pytest.raises(InputError, match="read-only"):
            do(sealed, command)
    assert not sealed.can_undo and sealed.reading == signed()


def test_what_the_file_says_is_taken_only_where_it_can_be() -> None:
    assert from_file(DAY, 1.355, 32) == Growth((Measurement(DAY, 135.5, 32, Origin.FILE),))
    assert from_file(DAY, 135.5, 32) == Growth((Measurement(DAY, None, 32, Origin.FILE),))
    assert from_file(DAY, 135.5, 0.1) == from_file(DAY, None, None) == from_file(None, 1.3, 30) == Growth()


def test_the_store_gives_it_back_and_refuses_what_is_damaged() -> None:
    of = session()
    for command in (growing.SetMeasurement(DAY, 135.5, 32), growing.SetParents(178, 165), growing.SetMenarche(True)):
        do(of, command)
    stored = json.loads(json.dumps(encode_reading(of.reading)))
    assert decode_reading(stored) == of.reading
    without = json.loads(json.dumps(stored))
    del without["reading"]["growth"], without["reading"]["study"]["recorded_height_m"]
    assert decode_reading(without).growth == Growth()  # of an older version
    for damage in ({"father_cm": 17.8}, {"measurements": [{"on": "2024-07-10"}]}, {"atlas_months": 999}):
        broken = json.loads(json.dumps(stored))
        broken["reading"]["growth"] |= damage
        with pytest.raises(StoreError, match="damaged"):
            decode_reading(broken)
