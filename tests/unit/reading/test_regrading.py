"""The grade of a moved box comes after the box, and belongs to it."""

from __future__ import annotations

import pytest

from boneage_desk.common.errors import InputError
from boneage_desk.reading.analysis import AnalysisResult, ModelRef
from boneage_desk.reading.evidence import Evidence
from boneage_desk.reading.findings import Box
from boneage_desk.reading.regrading import waiting
from boneage_desk.reading.session import (
    AcceptGrade,
    MarkReviewed,
    ReadingSession,
    RegradeBox,
    SetAnalysis,
    SetBox,
    SetGrade,
    SetReviewed,
)
from boneage_desk.reading.summary import summarise
from tests import samples
from tests.unit.reading.test_session import NOW, do, opinion, session

BOX = Box(0, 0, 30, 30)
READ = session().reading.models
OTHERS = (ModelRef("d", "yolov8n.y", "cd" * 32),)


def moved() -> ReadingSession:
    """Every bone looked at; then the box of one was moved."""
    it = session()
    for finding in it.reading.bones:
        do(it, SetReviewed(finding.bone, True))
    do(it, SetBox("mc3", BOX))
    return it


def undo(it: ReadingSession) -> None:
    it.undo(at=NOW, who="t")


def redo(it: ReadingSession) -> None:
    it.redo(at=NOW, who="t")


def test_until_the_grade_is_there_the_bone_has_none_and_nothing_can_be_signed() -> None:
    it = moved()
    assert it.reading.bone("mc3").final_grade is None and summarise(it.reading).bone_age is None
    assert waiting(it.reading) == (("mc3", BOX),)
    with pytest.raises(InputError) as caught:
        do(it, MarkReviewed())
    assert caught.value.code == "not-reviewed"
    event = do(it, RegradeBox("mc3", BOX, opinion("mc3", 7), Evidence("mc3", True, 0.8, 0.7), models=READ))
    found = it.reading.bone("mc3")
    assert (found.final_grade, found.reviewed, found.evidence) == (7, False, Evidence("mc3", True, 0.8, 0.7))
    assert waiting(it.reading) == () and summarise(it.reading).bone_age is not None
    assert event is None or (event.action, event.before) == ("regrade-box", "-")


def test_undo_takes_box_and_grade_back_in_one_step_and_redo_brings_both() -> None:
    it = moved()
    before = it.reading.bone("mc3")
    do(it, RegradeBox("mc3", BOX, opinion("mc3", 7), models=READ))
    after = it.reading.bone("mc3")
    undo(it)
    assert it.reading.bone("mc3").human_box is None and it.reading.bone("mc3").reviewed and before.human_box == BOX
    redo(it)
    assert it.reading.bone("mc3") == after


def test_a_step_between_box_and_grade_is_undone_without_taking_the_grade() -> None:
    it = moved()
    do(it, SetGrade("ulna", 3))
    do(it, RegradeBox("mc3", BOX, opinion("mc3", 7), models=READ))
    undo(it)
    assert it.reading.bone("ulna").human_grade is None and it.reading.bone("mc3").final_grade == 7


def test_a_grade_of_another_box_is_refused() -> None:
    it = moved()
    do(it, SetBox("mc3", Box(5, 5, 40, 40)))
    before = it.reading
    with pytest.raises(InputError) as caught:
        do(it, RegradeBox("mc3", BOX, opinion("mc3", 7), models=READ))
    assert caught.value.code == "box-changed" and it.reading is before
    undo(it)
    assert it.reading.bone("mc3").human_box == BOX


def test_what_the_person_decided_on_the_new_box_stays_decided() -> None:
    it = moved()
    do(it, SetGrade("mc3", 4))
    assert waiting(it.reading) == ()
    do(it, RegradeBox("mc3", BOX, opinion("mc3", 7), models=READ))
    found = it.reading.bone("mc3")
    assert (found.final_grade, found.reviewed, found.overridden) == (4, True, True)


@pytest.mark.parametrize("models", [OTHERS, (*READ, *OTHERS), ()])
def test_a_grade_by_other_models_than_the_film_was_read_by_is_refused(models: tuple[ModelRef, ...]) -> None:
    it = moved()
    before = it.reading
    with pytest.raises(InputError, match="other models") as caught:
        do(it, RegradeBox("mc3", BOX, opinion("mc3", 7), models=models))
    assert caught.value.code == "other-models" and "Read the film again" in caught.value.remedy
    assert it.reading is before and waiting(it.reading) == (("mc3", BOX),)


def test_a_second_opinions_model_is_none_of_the_13_bones() -> None:
    it = moved()
    second = ModelRef("w", "lite0.v1", "ef" * 32, "whole-hand")
    do(it, RegradeBox("mc3", BOX, opinion("mc3", 7), models=(*READ, second)))
    assert it.reading.bone("mc3").final_grade == 7


def again(it: ReadingSession, models: tuple[ModelRef, ...]) -> None:
    """The film is read again by ``models``."""
    do(it, SetAnalysis(AnalysisResult(bones=(), models=models), NOW))


def test_read_again_by_others_a_moved_box_waits_for_its_grade_anew() -> None:
    it = moved()
    do(it, RegradeBox("mc3", BOX, opinion("mc3", 7), Evidence("mc3", True, 0.8, 0.7), models=READ))
    do(it, SetReviewed("mc3", True))
    again(it, READ)
    assert it.reading.bone("mc3").final_grade == 7, "the same models gave it"
    again(it, OTHERS)
    found = it.reading.bone("mc3")
    assert (found.human_box, found.opinion, found.evidence, found.reviewed) == (BOX, None, None, False)
    assert waiting(it.reading) == (("mc3", BOX),)
    do(it, RegradeBox("mc3", BOX, opinion("mc3", 5), models=OTHERS))
    assert it.reading.bone("mc3").final_grade == 5
    undo(it)
    assert it.reading.models == READ and it.reading.bone("mc3").final_grade == 7


def test_read_again_by_others_the_persons_grade_on_a_moved_box_stays() -> None:
    it = moved()
    do(it, RegradeBox("mc3", BOX, opinion("mc3", 7), models=READ))
    do(it, SetGrade("mc3", 4))
    again(it, OTHERS)
    found = it.reading.bone("mc3")
    assert (found.final_grade, found.reviewed, found.opinion) == (4, True, None)


def test_a_late_grade_does_not_enter_a_value_that_other_models_read() -> None:
    it = moved()
    again(it, OTHERS)
    do(it, RegradeBox("mc3", BOX, opinion("mc3", 7), models=OTHERS))
    undo(it)
    assert it.reading.models == READ and it.reading.bone("mc3").opinion is None


def test_a_tick_on_the_machines_grade_goes_where_another_reading_grades_otherwise() -> None:
    of = samples.analysed()
    for bone in ("radius", "ulna"):
        do(of, SetReviewed(bone, True))
    do(of, AcceptGrade("mc1"))
    grades = {finding.bone: finding.final_grade for finding in of.reading.bones if finding.final_grade is not None}
    do(of, SetAnalysis(samples.analysis(grades | {"radius": 3, "mc1": 3}), NOW))
    assert [of.reading.bone(bone).reviewed for bone in ("radius", "ulna", "mc1")] == [False, True, True]
    assert of.reading.bone("mc1").final_grade == grades["mc1"], "a person's grade stays with its tick"
