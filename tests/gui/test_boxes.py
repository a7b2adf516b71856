"""A box counts from the moment it is put down; its grade comes a moment later."""

from __future__ import annotations

import threading
import time

import pytest

from boneage_desk.reading.findings import Box
from boneage_desk.reading.session import State
from tests.gui.conftest import settle, texts
from tests.gui.fakes import GRADES, make_film
from tests.gui.test_signoff import ready

pytestmark = pytest.mark.gui
BOX = Box(200, 220, 310, 320)


@pytest.fixture
def gate(fakes, monkeypatch):
    """While it is not set no box is graded."""
    it, real = threading.Event(), fakes.engine.regrade
    monkeypatch.setattr(fakes.engine, "regrade", lambda *a, **k: (it.wait(5), real(*a, **k))[1])
    yield it
    it.set()


def wait_for(met, seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while not met() and time.monotonic() < until:
        time.sleep(0.005)


def kept(fakes, bone: str = "radius"):
    return fakes.store.get("r1").bone(bone)


def test_a_moved_box_counts_at_once_and_without_the_grade_of_the_old_one(qtbot, read, fakes, gate):
    read.desk.set_box("radius", BOX)
    found = read.desk.reading.bone("radius")
    assert (found.human_box, found.final_grade, found.reviewed) == (BOX, None, False) and read.desk.grading_box("radius")
    assert read.desk.summary.bone_age is None and read.bones.numbers.bone_age.isHidden()
    gate.set()
    settle(qtbot, read)
    assert kept(fakes).human_box == BOX and kept(fakes).final_grade == GRADES["radius"] - 1
    assert read.desk.summary.bone_age is not None and not read.desk.grading_box("radius")
    assert [event.action for event in fakes.store.log][-2:] == ["set-box", "regrade-box"]


def test_nothing_is_signed_while_a_box_waits_for_its_grade(qtbot, read, fakes, gate):
    ready(qtbot, read, fakes)
    assert read.signoff.presenter.view().ready
    read.desk.set_box("radius", BOX)
    view = read.signoff.presenter.view()
    assert not view.ready and view.problems
    read.signoff.sign()
    assert read.desk.reading.state is State.DRAFT
    gate.set()
    settle(qtbot, read)
    assert not read.signoff.presenter.view().ready, "the bone must be looked at again"


def test_a_window_that_closes_keeps_a_box_that_waits_and_the_next_one_has_it_graded(qtbot, desk_window, fakes, gate):
    window = desk_window(fakes.path)
    settle(qtbot, window)
    gate.wait = lambda _seconds: wait_for(lambda: window.runner.closed)  # never comes before the jobs end
    window.desk.set_box("radius", BOX)
    assert window.close()
    assert kept(fakes).human_box == BOX and kept(fakes).regrade is None, "closed before the grade came"
    again = desk_window(fakes.path)
    settle(qtbot, again)
    assert kept(fakes).final_grade == GRADES["radius"] - 1
    calls = len(fakes.engine.calls)
    again.open_paths([fakes.films.put(make_film("/films/next.dcm"))])
    settle(qtbot, again)
    again.open_reading("r1")
    settle(qtbot, again)
    assert ("regrade", "radius") not in fakes.engine.calls[calls:], "asked once"


def test_back_to_the_machines_box_while_another_waits(qtbot, read, fakes, gate):
    read.desk.set_box("radius", BOX)
    read.desk.reset_box()
    assert not read.desk.grading_box("radius")
    gate.set()
    settle(qtbot, read)
    assert kept(fakes).human_box is None and kept(fakes).final_grade == GRADES["radius"]


def test_undo_takes_a_box_that_waits_back_and_no_earlier_step(qtbot, read, fakes, gate):
    read.desk.select("ulna")
    read.desk.set_grade(3)
    read.desk.set_box("radius", BOX)
    read.desk.undo()
    gate.set()
    settle(qtbot, read)
    assert kept(fakes, "ulna").human_grade == 3 and kept(fakes).human_box is None
    read.desk.redo()
    settle(qtbot, read)
    assert kept(fakes).human_box == BOX and kept(fakes).final_grade == GRADES["radius"] - 1, "graded when it came back"
    read.desk.undo()
    settle(qtbot, read)
    assert kept(fakes).human_box is None and kept(fakes, "ulna").human_grade == 3, "box and grade in one step"


def test_a_grade_that_comes_after_the_review_is_not_taken_and_that_is_told(qtbot, read, fakes, gate):
    ready(qtbot, read, fakes)
    read.desk.set_box("radius", BOX)
    read.desk.select("radius")
    read.desk.set_grade(5)
    read.desk.mark_reviewed()
    assert read.desk.reading.state is State.REVIEWED
    gate.set()
    settle(qtbot, read)
    assert kept(fakes).regrade is None and kept(fakes).final_grade == 5
    assert any("came after the reading was marked reviewed" in line for line in texts(read))
