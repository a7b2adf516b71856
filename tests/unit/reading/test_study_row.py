"""A reading as a row of the work list."""

from __future__ import annotations

import dataclasses
import sys

import pytest

from boneage_desk.reading.analysis import Flag
from boneage_desk.reading.film import Patient
from boneage_desk.reading.session import ReadingSession, SetAnalysis, SetGrade, SetReviewed, State
from boneage_desk.reading.study_row import MachineState, ReadState, study_row
from boneage_desk.standards import rus_chn
from tests.samples import NOON, WHO, analysed, analysis, reading


def test_what_only_the_machine_read_is_unread() -> None:
    row = study_row(analysed().reading)
    assert (row.state, row.machine, row.by_machine) == (ReadState.UNREAD, MachineState.READ, True)
    assert row.bone_age is not None and row.why_not == ""
    assert row.who == "LI Ming 李明" and row.age_months == pytest.approx(124.3, abs=0.2)


@pytest.mark.parametrize("command", [SetReviewed("radius", True), SetGrade("radius", 7)], ids=["tick", "grade"])
def test_a_persons_first_decision_begins_it(command: SetReviewed | SetGrade) -> None:
    session = analysed()
    session.do(command, at=NOON, who=WHO)
    row = study_row(session.reading)
    assert row.state is ReadState.BEGUN and row.by_machine is isinstance(command, SetReviewed)


def test_a_film_that_was_not_read_has_no_bone_age_and_says_why() -> None:
    row = study_row(reading())
    assert (row.machine, row.bone_age, row.doubtful) == (MachineState.NONE, None, 0)
    assert row.why_not == "Not read yet."


def test_without_a_sex_there_is_no_bone_age_whatever_the_machine_graded() -> None:
    row = study_row(analysed(sex=None).reading)
    assert row.sex is None and row.bone_age is None and "sex" in row.why_not


def test_a_missing_bone_and_an_uncertain_place_are_worth_a_look_until_a_person_looked() -> None:
    found = analysis()
    first, second, *rest = found.bones
    region = dataclasses.replace(second.region, certain=False, reason="Fingers overlap here.")
    changed = (dataclasses.replace(first, region=None, grade=None), dataclasses.replace(second, region=region), *rest)
    session = ReadingSession(reading())
    session.do(SetAnalysis(dataclasses.replace(found, bones=changed), NOON), at=NOON, who=WHO)
    row = study_row(session.reading)
    assert (row.machine, row.doubtful, row.bone_age) == (MachineState.LOOK, 2, None)
    session.do(SetGrade(rus_chn.BONES[0], 7), at=NOON, who=WHO)
    session.do(SetReviewed(rus_chn.BONES[1], True), at=NOON, who=WHO)
    assert study_row(session.reading).machine is MachineState.READ


def test_a_film_that_may_not_be_read_is_refused() -> None:
    foot = dataclasses.replace(reading(), flags=(Flag("foot", "A foot.", blocking=True),))
    assert study_row(foot).machine is MachineState.REFUSED


def test_a_nameless_film_is_known_by_its_file() -> None:
    row = study_row(dataclasses.replace(reading(), patient=Patient()))
    assert row.who == "左手 film.dcm" and row.sex is None and row.age_months is None


def test_states_after_the_draft_are_the_readings_own() -> None:
    assert study_row(dataclasses.replace(analysed().reading, state=State.REVIEWED)).state is ReadState.REVIEWED


def test_a_row_is_small() -> None:
    row = study_row(analysed().reading)
    assert sum(sys.getsizeof(getattr(row, field.name)) for field in dataclasses.fields(row)) < 2500
