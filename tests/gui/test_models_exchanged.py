"""Other models are installed than those that read the film shown."""

from __future__ import annotations

import dataclasses

import pytest

from boneage_desk.reading.analysis import ModelRef
from boneage_desk.reading.findings import Box
from tests.gui.conftest import settle, texts
from tests.gui.fakes import GRADES, make_result

pytestmark = pytest.mark.gui
BOX = Box(200, 220, 310, 320)


def test_their_grade_of_a_moved_box_is_refused_and_asked_for_anew_when_the_film_is_read_again(qtbot, read, fakes):
    fakes.engine.regrade_models = (ModelRef("grader", "b3.exchanged", "99" * 32),)
    read.desk.set_box("radius", BOX)
    settle(qtbot, read)
    found = read.desk.reading.bone("radius")
    assert (found.human_box, found.opinion, found.final_grade) == (BOX, None, None) and not read.desk.grading_box("radius")
    assert any("graded by other models" in line for line in texts(read))
    fakes.engine.result = dataclasses.replace(make_result(read.desk.frame), models=fakes.engine.regrade_models)
    read.desk.read()
    settle(qtbot, read)
    assert fakes.engine.regrade_models[0] in read.desk.reading.models
    assert read.desk.reading.bone("radius").final_grade == GRADES["radius"] - 1
