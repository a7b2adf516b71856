"""The work list's model: values, order, filter, and 5,000 rows."""

from __future__ import annotations

import dataclasses
import time
from datetime import UTC, date, datetime, timedelta

import pytest
from PySide6.QtCore import Qt

from boneage_desk.common import i18n
from boneage_desk.reading.film import Patient, Study
from boneage_desk.reading.session import Reading, ReadingSession, SetAnalysis, SetReviewed, State, new_reading
from boneage_desk.reading.study_row import StudyRow, study_row
from boneage_desk.standards.types import Sex
from boneage_desk.ui.models.study_list import PLACE, ReadingIdRole, StudyListModel
from boneage_desk.ui.presenters import study_texts
from boneage_desk.ui.presenters.study_texts import COLUMNS, Column, Entry, JobState, JobView
from tests.gui.fakes import make_film, make_result

pytestmark = pytest.mark.gui
NOW = datetime(2024, 7, 11, tzinfo=UTC)
FILM = make_film()
UP, DOWN = Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder


def reading(reading_id: str, read: bool = True, **facts: object) -> Reading:
    session = ReadingSession(new_reading(FILM, reading_id, NOW))
    if read:
        session.do(SetAnalysis(make_result(FILM.frame), NOW), at=NOW, who="x")
    return dataclasses.replace(session.reading, **facts)


def row(reading_id: str, read: bool = True, **facts: object) -> StudyRow:
    return study_row(reading(reading_id, read, **facts))


def model_of(*rows: StudyRow) -> StudyListModel:
    model = StudyListModel()
    model.set_rows(rows)
    return model


def ids(model: StudyListModel) -> list[str]:
    return [model.index(i, 0).data(ReadingIdRole) for i in range(model.rowCount())]


def word(model: StudyListModel, index: int, column: Column) -> str:
    return model.index(index, PLACE[column]).data()


def test_a_row_in_words(qapp):
    model = model_of(row("a"), row("b", read=False), row("c", state=State.REVIEWED))
    shown = {column: word(model, 0, column) for column in COLUMNS[:10]}
    assert shown == {
        Column.STATE: "unread", Column.NAME: "LI Ming", Column.ID: "0042", Column.SEX: "F", Column.AGE: "10 y 4 m",
        Column.DATE: "2024-07-11", Column.ACCESSION: "A77", Column.DESCRIPTION: "Hand PA left", Column.MACHINE: "look (1)",
        Column.BONE_AGE: "AI 10 y 7 m",
    }  # fmt: skip
    assert word(model, 1, Column.BONE_AGE) == "" and word(model, 1, Column.MACHINE) == "not read"
    assert word(model, 2, Column.STATE) == "reviewed"


def test_what_a_person_decided_is_no_longer_the_machines_alone(qapp):
    session = ReadingSession(reading("a"))
    session.do(SetReviewed("radius", True), at=NOW, who="x")
    assert word(model_of(study_row(session.reading)), 0, Column.STATE) == "draft"
    bones = tuple(dataclasses.replace(b, human_grade=b.machine_grade.grade) for b in session.reading.bones)
    decided = study_row(dataclasses.replace(session.reading, bones=bones))
    assert word(model_of(decided), 0, Column.BONE_AGE) == "10 y 7 m"


def test_states_are_told_by_shape_and_letter_and_not_by_colour_alone():
    for signs in (study_texts.STATE_SIGNS, study_texts.MACHINE_SIGNS):
        assert len({(sign.shape, sign.letter) for sign in signs.values()}) == len(signs)
    assert len({sign.shape for sign in study_texts.STATE_SIGNS.values()}) == len(study_texts.STATE_SIGNS)
    assert len({sign.letter for sign in study_texts.STATE_SIGNS.values()}) == len(study_texts.STATE_SIGNS)


@pytest.mark.parametrize(("language", "letters"), [("en", "UDRSA"), ("zh", "未稿核签补")])
def test_the_letter_of_a_state_is_its_own_in_each_language(language, letters):
    """'R' alone is the right side elsewhere."""
    i18n.use(language)
    try:
        assert "".join(sign.told for sign in study_texts.STATE_SIGNS.values()) == letters
        assert study_texts.MACHINE_SIGNS[study_texts.MachineState.LOOK].told == "!"
    finally:
        i18n.use("en")


def test_a_film_without_dicom_and_without_a_name(qapp):
    source = dataclasses.replace(FILM.source, is_dicom=False)
    model = model_of(row("a", patient=Patient(), study=Study(), source=source))
    assert word(model, 0, Column.NAME) == "hand.dcm" and word(model, 0, Column.SEX) == "?"
    assert word(model, 0, Column.DESCRIPTION) == "no DICOM"
    assert word(model, 0, Column.BONE_AGE) == "", "no sex, no bone age"
    assert "sex" in model.index(0, PLACE[Column.BONE_AGE]).data(Qt.ItemDataRole.ToolTipRole)


def test_a_change_stays_in_its_row_and_a_new_reading_comes_on_top(qapp, qtbot):
    model = model_of(row("a"), row("b"))
    with qtbot.waitSignal(model.dataChanged):
        model.update(row("b", state=State.REVIEWED))
    assert word(model, 1, Column.STATE) == "reviewed" and model.unread == 1
    with qtbot.waitSignal(model.rowsInserted):
        model.update(row("c"))
    assert ids(model) == ["c", "a", "b"] and model.row_of("c") == 0 and model.row_of("a") == 1 and model.unread == 2


def test_the_place_in_the_queue_is_told_while_there_is_no_result(qapp):
    model = model_of(row("a", read=False))
    model.set_job("a", JobView(JobState.READING, 0.4))
    assert word(model, 0, Column.MACHINE) == "reading 40 %"
    model.set_job("a", JobView(JobState.FAILED, why="The file is gone."))
    assert model.index(0, PLACE[Column.MACHINE]).data(Qt.ItemDataRole.ToolTipRole) == "The file is gone."
    model.set_filter("failed")
    assert ids(model) == ["a"]
    model.update(row("a"))
    assert word(model, 0, Column.MACHINE) == "look (1)"


def test_pages_of_older_readings_come_below_and_none_twice(qapp):
    model = model_of(row("c"))
    model.update(row("new"))
    model.add_older([Entry(row("c")), Entry(row("b")), Entry(row("a"))])
    assert ids(model) == ["new", "c", "b", "a"] and model.every == 4 and model.unread == 4


def test_sorting_goes_by_value_and_what_is_not_known_stands_last_either_way(qapp):
    young = make_result(FILM.frame)
    bones = tuple(dataclasses.replace(b, grade=dataclasses.replace(b.grade, grade=2)) for b in young.bones)
    session = ReadingSession(new_reading(FILM, "young", NOW))
    session.do(SetAnalysis(dataclasses.replace(young, bones=bones), NOW), at=NOW, who="x")
    model = model_of(row("old"), study_row(session.reading), row("none", read=False))
    model.sort(PLACE[Column.BONE_AGE], UP)
    assert ids(model) == ["young", "old", "none"]
    model.sort(PLACE[Column.BONE_AGE], DOWN)
    assert ids(model) == ["old", "young", "none"]
    model.sort(-1)
    assert ids(model) == ["old", "young", "none"] and model.sorted_by is None


def test_numbers_in_ids_are_sorted_as_numbers(qapp):
    model = model_of(*(row(i, patient=Patient(name="X", patient_id=i)) for i in ("A10", "A9", "a2", "7", "")))
    model.sort(PLACE[Column.ID], UP)
    assert ids(model) == ["7", "a2", "A9", "A10", ""]


@pytest.mark.parametrize("down", [False, True])
def test_a_new_reading_comes_to_its_place_in_a_sorted_list(qapp, down):
    def on(day: int) -> StudyRow:
        return row(str(day), study=Study(study_date=date(2024, 7, day)))

    model = model_of(on(3), on(9), on(5), row("none", study=Study()))
    model.sort(PLACE[Column.DATE], DOWN if down else UP)
    for day in (7, 1, 11):
        model.update(on(day))
    days = ["1", "3", "5", "7", "9", "11"]
    assert ids(model) == [*(reversed(days) if down else days), "none"]


@pytest.mark.parametrize("typed", ["li ming", "0042", "2024-07", "a77 hand", "10 y 4", "UNREAD", "10 y 7 m"])
def test_the_filter_looks_at_every_column(qapp, typed):
    other = row("b", patient=Patient(name="WANG^Lei", patient_id="99", sex=Sex.MALE, birth_date=date(2012, 1, 1)),
                study=Study(study_date=date(2023, 1, 2)), state=State.REVIEWED)  # fmt: skip
    model = model_of(row("a"), other)
    model.set_filter(typed)
    assert ids(model) == ["a"]
    model.set_filter("")
    assert ids(model) == ["a", "b"]


def test_the_next_unread_goes_by_the_lists_own_order_and_round(qapp):
    done = {"state": State.REVIEWED}
    model = model_of(row("a"), row("b", **done), row("c"), row("d"))
    assert model.next_unread("a") == "c" and model.next_unread("d") == "a" and model.next_unread("") == "a"
    model.set_filter("", unread_only=True)
    assert ids(model) == ["a", "c", "d"]
    model.update(row("c", **done))
    assert ids(model) == ["a", "c", "d"], "it does not vanish under the reader's hand"
    assert model.next_unread("c") == "d"
    model.set_filter("nobody")
    assert model.next_unread("c") == ""


def test_five_thousand_readings_are_filtered_and_sorted_at_once(qapp):
    base = row("x")
    entries = [
        Entry(dataclasses.replace(base, reading_id=str(i), name=f"N{i}", created_at=NOW + timedelta(minutes=i)))
        for i in range(5000)
    ]
    model = StudyListModel()
    model.add_older(entries)
    began = time.thread_time()
    model.set_filter("n49 unread")
    filtered = time.thread_time() - began
    assert model.rowCount() == 111
    model.set_filter("")
    began = time.thread_time()
    model.sort(PLACE[Column.NAME], DOWN)
    assert time.thread_time() - began < 0.25 and filtered < 0.1
    assert ids(model)[0] == "4999"
