"""The work list's model: values, order, filter, and 5,000 rows."""

from __future__ import annotations

import dataclasses
import time
from datetime import UTC, datetime

import pytest
from PySide6.QtCore import Qt

from boneage_desk.reading.film import Patient
from boneage_desk.reading.session import Reading, ReadingSession, SetAnalysis, State, new_reading
from boneage_desk.standards.types import Sex
from boneage_desk.ui.models import study_list as columns
from boneage_desk.ui.models.study_list import StudyFilter, StudyListModel
from tests.gui.fakes import make_film, make_result

pytestmark = pytest.mark.gui
NOW = datetime(2024, 7, 11, tzinfo=UTC)
FILM = make_film()


def reading(reading_id: str, read: bool = True, **facts: object) -> Reading:
    session = ReadingSession(new_reading(FILM, reading_id, NOW))
    if read:
        session.do(SetAnalysis(make_result(FILM.frame), NOW), at=NOW, who="x")
    return dataclasses.replace(session.reading, **facts)


def row(model, index):
    return [model.index(index, column).data() for column in range(len(columns.COLUMNS))]


def test_a_row_in_words(qapp):
    model = StudyListModel()
    model.set_readings([reading("a"), reading("b", read=False), reading("c", state=State.REVIEWED)])
    assert row(model, 0)[1:] == ["LI Ming", "F", "10 y 4 m", "10 y 7 m", "2024-07-11", "0042", "draft"]
    assert row(model, 1)[4:] == ["", "2024-07-11", "0042", "unread"]
    marks = [row(model, index)[0] for index in range(3)]
    assert len(set(marks)) == 3, "states are told apart by shape, not by colour alone"


def test_a_film_without_a_name_is_known_by_its_file(qapp):
    model = StudyListModel()
    model.set_readings([reading("a", patient=Patient())])
    assert row(model, 0)[columns.NAME] == "hand.dcm" and row(model, 0)[columns.SEX] == "?"


def test_a_change_stays_in_its_row_and_a_new_reading_comes_on_top(qapp, qtbot):
    model = StudyListModel()
    model.set_readings([reading("a"), reading("b")])
    with qtbot.waitSignal(model.dataChanged):
        model.update(reading("b", state=State.REVIEWED))
    assert row(model, 1)[columns.STATE] == "reviewed"
    model.update(reading("c"))
    assert model.rowCount() == 3 and model.row_of("c") == 0 and model.row_of("a") == 1


def test_sorting_goes_by_value_and_not_by_its_words(qapp):
    young = make_result(FILM.frame)
    session = ReadingSession(new_reading(FILM, "young", NOW))
    bones = tuple(dataclasses.replace(bone, grade=dataclasses.replace(bone.grade, grade=2)) for bone in young.bones)
    session.do(SetAnalysis(dataclasses.replace(young, bones=bones), NOW), at=NOW, who="x")
    model = StudyListModel()
    model.set_readings([reading("old"), session.reading, reading("none", read=False)])
    proxy = StudyFilter(model)
    proxy.sort(columns.BONE_AGE, Qt.SortOrder.AscendingOrder)
    order = [proxy.index(i, 0).data(columns.ReadingIdRole) for i in range(3)]
    assert order == ["none", "young", "old"]


def test_five_thousand_readings_are_filtered_at_once(qapp):
    base = reading("x")
    many = [
        dataclasses.replace(base, reading_id=str(i), patient=Patient(name=f"N{i}", patient_id=str(i), sex=Sex.MALE))
        for i in range(5000)
    ]
    model = StudyListModel()
    proxy = StudyFilter(model)
    began = time.thread_time()
    model.set_readings(many)
    proxy.set_words("n49 draft")
    used = time.thread_time() - began
    assert proxy.rowCount() == 111
    assert used < 1.0, f"{used:.2f} s of processor time"
