"""The window from opening a film to the report, driven by keys and mouse, on stand-ins."""

from __future__ import annotations

import dataclasses
import threading
from datetime import date
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QPushButton

from boneage_desk.common.errors import FilmError, InputError, StoreError
from boneage_desk.reading.analysis import Flag
from boneage_desk.reading.film import Laterality, Patient, Study
from boneage_desk.reading.findings import Box
from boneage_desk.reading.ports import FilmEntry, FilmProblem
from boneage_desk.reading.session import State
from boneage_desk.standards import rus_chn
from boneage_desk.standards.types import Sex
from boneage_desk.ui.models import bone_table, study_list
from boneage_desk.ui.presenters.overlay import Show
from boneage_desk.ui.presenters.saving import Saving
from boneage_desk.ui.presenters.study_texts import Column
from boneage_desk.ui.views.elided import ElidedLabel
from tests.gui.conftest import settle, texts
from tests.gui.fakes import GRADES, engine_died, make_film, make_result

pytestmark = pytest.mark.gui
Key = Qt.Key
CTRL = Qt.KeyboardModifier.ControlModifier


def press(qtbot, window, key, modifier=Qt.KeyboardModifier.NoModifier, on=None):
    target = on or window.bones.table
    target.setFocus()
    qtbot.keyClick(target, key, modifier)


def grade(window, bone=None):
    return window.desk.reading.bone(bone or window.desk.bone)


# --- the main job -------------------------------------------------------------------------------


def test_from_file_to_report(qtbot, read, fakes):
    window = read
    shown = window.bones.numbers
    assert shown.bone_age.text() == "10 y 7 m" and window.bones.model.rowCount() == 13
    assert window.banner._state.text().startswith("DRAFT \N{MIDDLE DOT} saved ")
    press(qtbot, window, Key.Key_Right)
    assert rus_chn.label("radius", grade(window).human_grade) == "7(2)"
    assert shown.bone_age.text() != "10 y 7 m" and shown.change.text().startswith("+")
    for _ in range(13):
        press(qtbot, window, Key.Key_Return)
    assert window.desk.reading.all_reviewed
    press(qtbot, window, Key.Key_Return, CTRL)
    assert window.desk.reading.state is State.REVIEWED
    press(qtbot, window, Key.Key_E, CTRL)
    settle(qtbot, window)
    written = list((fakes.services.data_dir / "reports").glob("*.pdf"))
    assert len(written) == 1 and str(written[0]) in window.report.words.text()
    stored = fakes.store.get(window.desk.reading.reading_id)
    assert stored == window.desk.reading and stored.state is State.REVIEWED


def test_the_keyboard_pass_of_a_case_that_one_agrees_with_takes_thirteen_keys(qtbot, read):
    for _ in range(13):
        press(qtbot, read, Key.Key_Return)
    assert read.desk.reading.all_reviewed
    assert any("Ctrl+Enter" in line for line in texts(read))


def test_arrows_choose_bone_and_grade_and_stop_at_the_ends(qtbot, read):
    press(qtbot, read, Key.Key_Up)
    assert read.desk.bone == "radius"
    press(qtbot, read, Key.Key_Down)
    press(qtbot, read, Key.Key_Down)
    assert read.desk.bone == "mc1" and read.bones.table.currentIndex().row() == 2
    for _ in range(20):
        press(qtbot, read, Key.Key_Left)
    assert grade(read).human_grade == 0
    for _ in range(20):
        press(qtbot, read, Key.Key_Right)
    assert grade(read).human_grade == rus_chn.max_grade("mc1")


def test_figures_typed_in_the_table_are_the_printed_grade(qtbot, read):
    press(qtbot, read, Key.Key_8)
    assert grade(read).human_grade is None
    assert read.bones.table.delegate.typed == ("radius", "8")
    press(qtbot, read, Key.Key_3)
    assert rus_chn.label("radius", grade(read).human_grade) == "8(3)"
    press(qtbot, read, Key.Key_4)
    assert rus_chn.label("radius", grade(read).human_grade) == "4"


def test_n_goes_round_to_what_was_not_looked_at(qtbot, read):
    press(qtbot, read, Key.Key_Return)
    assert read.desk.bone == "ulna"
    read.desk.select("dp5")
    press(qtbot, read, Key.Key_N)
    assert read.desk.bone == "ulna", "radius was looked at; round to ulna"


def test_undo_and_redo_of_each_step_are_saved(qtbot, read, fakes):
    start = read.desk.reading
    press(qtbot, read, Key.Key_Right)
    press(qtbot, read, Key.Key_Right)
    press(qtbot, read, Key.Key_Z, CTRL)
    press(qtbot, read, Key.Key_Z, CTRL)
    assert read.desk.reading.bones == start.bones
    press(qtbot, read, Key.Key_Y, CTRL)
    settle(qtbot, read)
    assert fakes.store.get(start.reading_id).bone("radius").human_grade == GRADES["radius"] + 1
    assert [event.action for event in fakes.store.log][-3:] == ["undo", "undo", "redo"]


def test_undoing_the_machines_reading_says_how_to_get_it_back(qtbot, read):
    press(qtbot, read, Key.Key_Z, CTRL)
    assert read.desk.reading.analysed_at is None
    assert any("Ctrl+Y" in line for line in texts(read))
    assert read.progress.again.isVisible()
    press(qtbot, read, Key.Key_Y, CTRL)
    assert read.desk.reading.analysed_at is not None


def test_delete_takes_the_persons_grade_back(qtbot, read):
    press(qtbot, read, Key.Key_Right)
    press(qtbot, read, Key.Key_Delete)
    assert grade(read).human_grade is None and grade(read).final_grade == GRADES["radius"]


def test_a_click_on_the_tick_reviews_and_takes_it_back(qtbot, read):
    index = read.bones.model.index(3, bone_table.REVIEWED)
    at = read.bones.table.visualRect(index).center()
    qtbot.mouseClick(read.bones.table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert grade(read, "mc3").reviewed and read.desk.bone == "mc3"
    qtbot.mouseClick(read.bones.table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert not grade(read, "mc3").reviewed


def test_a_reviewed_reading_is_closed_until_it_is_reopened(qtbot, read):
    for _ in range(13):
        press(qtbot, read, Key.Key_Return)
    press(qtbot, read, Key.Key_Return, CTRL)
    before = read.desk.reading
    read.desk.set_grade(3)
    assert read.desk.reading == before
    reopen = next(b for b in read.messages.findChildren(QPushButton) if b.text() == "Reopen")
    reopen.click()
    assert read.desk.reading.state is State.DRAFT
    read.desk.mark_reviewed()
    read.tabs.setCurrentWidget(read.report)
    assert read.report.reopen.isVisible() and not read.report.reviewed.isVisible()
    qtbot.mouseClick(read.report.reopen, Qt.MouseButton.LeftButton)
    assert read.desk.reading.state is State.DRAFT


def test_marking_reviewed_too_early_says_what_is_missing(qtbot, read):
    press(qtbot, read, Key.Key_Return, CTRL)
    assert read.desk.reading.state is State.DRAFT
    assert any("13 bones were not looked at" in line for line in texts(read))


# --- missing facts ------------------------------------------------------------------------------


def unknown(fakes, **patient):
    return fakes.films.put(make_film("/films/who.png", patient=Patient(**patient), study=Study()))


def test_a_missing_sex_is_asked_for_and_nothing_assumed(qtbot, desk_window, fakes):
    window = desk_window(unknown(fakes))
    settle(qtbot, window)
    assert window.bones.numbers.bone_age.isHidden()
    assert "sex" in window.bones.numbers.why.text().lower()
    button = next(b for b in window.banner.findChildren(QPushButton) if b.text() == "Male")
    assert button.isVisible()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert window.desk.reading.patient.sex is Sex.MALE
    assert window.bones.numbers.bone_age.isVisible() and not button.isVisible()
    qtbot.keyClick(window.focusWidget(), Key.Key_Return)  # the keys are at the bones, not in the next question
    assert window.desk.reading.bone("radius").reviewed


def test_the_side_is_asked_for_where_the_file_does_not_say(qtbot, desk_window, fakes):
    window = desk_window(unknown(fakes, sex=Sex.MALE))
    settle(qtbot, window)
    button = next(b for b in window.banner.findChildren(QPushButton) if b.text() == "Right")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert window.desk.reading.study.laterality is Laterality.RIGHT and not button.isVisible()
    assert any(flag.code == "laterality_conflict" for flag in window.desk.summary.flags)


def test_a_birth_date_is_entered_in_the_banner_and_a_wrong_one_is_told(qtbot, desk_window, fakes):
    window = desk_window(unknown(fakes, sex=Sex.FEMALE))
    settle(qtbot, window)
    field = window.banner._birth
    assert field.isVisible()
    field.setFocus()
    qtbot.keyClicks(field, "2014-13-45")
    qtbot.keyClick(field, Key.Key_Return)
    assert field.property("wrong") and window.desk.reading.patient.birth_date is None
    field.clear()
    qtbot.keyClicks(field, "2014-03-02")
    qtbot.keyClick(field, Key.Key_Return)
    assert window.desk.reading.patient.birth_date == date(2014, 3, 2) and not field.isVisible()


def test_a_birth_date_after_the_film_is_refused(qtbot, read):
    page = read.clinical
    read.tabs.setCurrentWidget(page)
    page.birth_date.setFocus()
    page.birth_date.selectAll()
    qtbot.keyClicks(page.birth_date, "2024-12-31")
    qtbot.keyClick(page.birth_date, Key.Key_Return)
    assert read.desk.reading.patient.birth_date == date(2014, 3, 2)
    assert any("lies after the study date" in line for line in texts(read))


def test_clinical_facts_become_commands(qtbot, read):
    page = read.clinical
    read.tabs.setCurrentWidget(page)
    page.side.setCurrentIndex(2)
    page.side.activated.emit(2)
    assert read.desk.reading.study.laterality is Laterality.RIGHT
    assert any("thumb" in flag.message for flag in read.desk.summary.flags)
    assert read.flags.isVisible()
    page.impression.setPlainText("Normal for age.")
    page.flush()
    assert read.desk.reading.impression == "Normal for age."
    page.study_date.setFocus()
    qtbot.keyClicks(page.study_date, "x")
    qtbot.keyClick(page.study_date, Key.Key_Return)
    assert "is not a date" in page.wrong.text()


def test_typing_in_a_field_runs_no_command_of_the_film(qtbot, read):
    read.tabs.setCurrentWidget(read.clinic)
    read.clinical.impression.setFocus()
    qtbot.keyClicks(read.clinical.impression, "inhv = rlneg 7")
    assert read.clinical.impression.toPlainText() == "inhv = rlneg 7"
    assert not read.film_panel.film.inverted and read.desk.bone == "radius"


def test_a_name_typed_and_not_entered_is_kept_when_the_window_closes(qtbot, read, fakes):
    read.tabs.setCurrentWidget(read.clinic)
    read.clinical.name.setFocus()
    read.clinical.name.selectAll()
    qtbot.keyClicks(read.clinical.name, "WANG^Lei")
    assert read.close()
    assert fakes.store.get("r1").patient.name == "WANG^Lei"


def test_a_field_that_was_only_looked_at_changes_nothing(qtbot, read):
    from boneage_desk.reading.session import SetPatient

    read.tabs.setCurrentWidget(read.clinic)
    read.clinical.name.setFocus()
    read.desk.do(SetPatient(name="NEW^Name"))
    read.clinical.impression.setFocus()
    assert read.desk.reading.patient.name == "NEW^Name"


def test_an_impression_in_the_making_is_kept_when_another_film_is_opened(qtbot, read, fakes):
    first = read.desk.reading.reading_id
    read.clinical.impression.setPlainText("Half a sen")
    read.open_paths([fakes.films.put(make_film("/films/next.dcm"))])
    settle(qtbot, read)
    assert fakes.store.get(first).impression == "Half a sen"
    assert read.desk.reading.impression == "" and read.clinical.impression.toPlainText() == ""


# --- opening ------------------------------------------------------------------------------------


def test_the_same_film_opened_twice_goes_to_its_reading_and_says_so(qtbot, read, fakes):
    press(qtbot, read, Key.Key_Right)
    read.open_paths([fakes.path])
    settle(qtbot, read)
    assert len(fakes.store.readings) == 1 and any("on the desk already" in line for line in texts(read))
    other = fakes.films.put(make_film("/films/other.dcm"))
    read.open_paths([other])
    settle(qtbot, read)
    read.open_paths([fakes.path])
    settle(qtbot, read)
    assert len(fakes.store.readings) == 2
    assert grade(read, "radius").human_grade == GRADES["radius"] + 1
    assert any("was opened before" in line for line in texts(read))
    assert sum(call[0] == "analyse" for call in fakes.engine.calls) == 2, "it was not read again"


def test_a_file_that_is_no_film_is_told_and_nothing_lost(qtbot, read, fakes):
    before = read.desk.reading
    read.open_paths(["/films/letter.docx"])
    settle(qtbot, read)
    assert any("letter.docx was not opened: This file is no picture" in line for line in texts(read))
    assert read.desk.reading == before and len(fakes.store.readings) == 1


def test_an_empty_folder_is_told(qtbot, window):
    window.open_paths(["/films/empty/"])
    settle(qtbot, window)
    assert any("No film was found" in line for line in texts(window))


def test_a_broken_reader_is_a_bug_that_is_told(qtbot, window, fakes, monkeypatch, caplog):
    def broken(*_args, **_more):
        raise ZeroDivisionError("x")
        yield

    monkeypatch.setattr(fakes.films, "scan", broken)
    with caplog.at_level("ERROR"):
        window.open_paths(["/films/a.dcm"])
        settle(qtbot, window)
    bug = window.messages.messages[-1]
    assert bug.kind == "bug" and "ZeroDivisionError" in bug.details
    assert any(b.text() == "Copy details" for b in window.messages.findChildren(QPushButton))


def test_a_folder_shows_the_first_film_and_lists_and_reads_the_others(qtbot, desk_window, fakes):
    paths = [fakes.films.put(make_film(f"/films/{n}.dcm")) for n in range(3)]
    fakes.films.entries["/films"] = [FilmEntry(path) for path in paths] + [
        FilmProblem("/films/x.dcm", "truncated", "The file ends too early.")
    ]
    window = desk_window("/films")
    settle(qtbot, window)
    qtbot.waitUntil(lambda: all(r.analysed_at for r in fakes.store.readings.values()), timeout=5000)
    settle(qtbot, window)
    assert window.desk.reading.source.path == paths[0] and window.work_list.model.rowCount() == 3
    assert any("x.dcm was not opened" in line for line in texts(window))


def test_a_file_of_several_frames_asks_which(qtbot, desk_window, fakes):
    path = fakes.films.put(make_film("/films/multi.dcm", frame_number=2, frame_count=3))
    window = desk_window(path)
    settle(qtbot, window)
    assert window.desk.reading is None
    button = next(b for b in window.messages.findChildren(QPushButton) if b.text() == "Open")
    window.messages.findChildren(type(window.clinical.sex))[0].setCurrentIndex(1)
    button.click()
    settle(qtbot, window)
    assert fakes.films.opened[-1] == (path, 2) and window.desk.reading is not None


def test_files_dropped_on_the_window_are_opened(qtbot, window, fakes):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(fakes.path)])
    event = QDropEvent(
        QPointF(10, 10), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    window.dropEvent(event)
    settle(qtbot, window)
    assert window.desk.reading is not None


def test_the_last_reading_is_offered_as_it_was_left(qtbot, desk_window, fakes):
    first = desk_window(fakes.path)
    settle(qtbot, first)
    press(qtbot, first, Key.Key_Right)
    press(qtbot, first, Key.Key_Down)
    settle(qtbot, first)
    first.close()
    again = desk_window()
    settle(qtbot, again)
    offer = next(b for b in again.messages.findChildren(QPushButton) if b.text() == "Go on")
    offer.click()
    settle(qtbot, again)
    assert grade(again, "radius").human_grade == GRADES["radius"] + 1
    assert again.desk.film is not None and again.work_list.model.rowCount() == 1


def test_a_reading_whose_film_is_gone_is_still_shown(qtbot, desk_window, fakes):
    first = desk_window(fakes.path)
    settle(qtbot, first)
    first.close()
    fakes.films.films.clear()
    again = desk_window()
    settle(qtbot, again)
    again.open_reading("r1")
    settle(qtbot, again)
    assert again.bones.numbers.bone_age.text() == "10 y 7 m"
    assert "is not there" in again.empty.more.text()
    assert any("its film is not" in line for line in texts(again))


def test_a_changed_file_is_not_taken_for_the_film_that_was_read(qtbot, desk_window, fakes):
    first = desk_window(fakes.path)
    settle(qtbot, first)
    first.close()
    changed = dataclasses.replace(fakes.film.source, sha256="0" * 64)
    fakes.films.put(dataclasses.replace(fakes.film, source=changed))
    again = desk_window()
    settle(qtbot, again)
    again.open_reading("r1")
    settle(qtbot, again)
    assert again.desk.film is None and any("contents have changed" in line for line in texts(again))


def test_the_list_that_cannot_be_read_is_told(qtbot, desk_window, fakes, monkeypatch):
    def broken(*_which):
        raise StoreError("The data base is newer than this program.", "Update BoneAge Desk.")

    monkeypatch.setattr(fakes.store, "page", broken)
    window = desk_window()
    settle(qtbot, window)
    assert any("newer than this program" in line for line in texts(window))


def test_filter_and_columns_of_the_work_list(qtbot, desk_window, fakes):
    paths = [
        fakes.films.put(make_film(f"/films/{n}.dcm", patient=Patient(name=name, sex=Sex.MALE)))
        for n, name in enumerate(("WANG^Lei", "LI^Ming"))
    ]
    window = desk_window(*paths)
    settle(qtbot, window)
    qtbot.waitUntil(lambda: window.work_list.model.rowCount() == 2)
    qtbot.keyClick(window, Key.Key_F, CTRL)
    qtbot.keyClicks(window.work_list.filter, "wang unr")
    assert window.work_list.model.rowCount() == 1
    index = window.work_list.model.index(0, study_list.PLACE[Column.NAME])
    assert index.data() == "WANG Lei"


# --- the models ---------------------------------------------------------------------------------


def test_models_killed_in_the_middle_cost_a_message_and_no_reading(qtbot, desk_window, fakes):
    fakes.engine.error = engine_died()
    window = desk_window(fakes.path)
    settle(qtbot, window)
    assert window.desk.reading is not None and window.desk.film is not None
    assert any("The models stopped while reading" in line for line in texts(window))
    assert "Not read yet" in window.bones.numbers.why.text()
    fakes.engine.error = None
    again = next(b for b in window.messages.findChildren(QPushButton) if b.text() == "Read again")
    again.click()
    settle(qtbot, window)
    assert window.desk.reading.analysed_at is not None and window.bones.numbers.bone_age.text() == "10 y 7 m"


def test_grades_can_be_entered_by_hand_without_the_models(qtbot, desk_window, fakes):
    fakes.engine.error = engine_died()
    window = desk_window(fakes.path)
    settle(qtbot, window)
    for bone, value in GRADES.items():
        window.desk.select(bone)
        window.desk.set_grade(value)
    assert window.bones.numbers.bone_age.text() == "10 y 7 m"


def test_cancel_while_the_models_work(qtbot, desk_window, fakes):
    fakes.engine.gate = threading.Event()
    window = desk_window(fakes.path)
    qtbot.waitUntil(lambda: window.desk.job is not None and window.desk.job.step == "finding bones")
    assert window.progress.bar.isVisible() and window.progress.cancel.isVisible()
    qtbot.mouseClick(window.progress.cancel, Qt.MouseButton.LeftButton)
    settle(qtbot, window)
    assert window.desk.reading.analysed_at is None and window.progress.again.isVisible()
    fakes.engine.gate = None
    qtbot.mouseClick(window.progress.again, Qt.MouseButton.LeftButton)
    settle(qtbot, window)
    assert window.desk.reading.analysed_at is not None and not window.progress.isVisible()


def test_a_result_goes_to_its_reading_though_another_is_shown(qtbot, desk_window, fakes):
    fakes.engine.gate = threading.Event()
    window = desk_window(fakes.path)
    qtbot.waitUntil(lambda: window.desk.job is not None)
    window.open_paths([fakes.films.put(make_film("/films/second.dcm"))])
    qtbot.waitUntil(lambda: window.desk.reading.source.path == "/films/second.dcm")
    fakes.engine.gate.set()
    settle(qtbot, window)
    assert all(reading.analysed_at for reading in fakes.store.readings.values())


def test_no_hand_on_the_film_is_a_prominent_flag_and_no_bone_age(qtbot, desk_window, fakes):
    empty = make_result(fakes.film.frame)
    bones = tuple(dataclasses.replace(bone, region=None, grade=None) for bone in empty.bones)
    flag = Flag("no_hand", "No hand was found on this film.", blocking=True)
    fakes.engine.result = dataclasses.replace(empty, bones=bones, flags=(flag,))
    window = desk_window(fakes.path)
    settle(qtbot, window)
    assert window.flags.isVisible() and window.bones.numbers.bone_age.isHidden()
    assert "No hand was found" in window.bones.numbers.why.text()


def test_a_foot_by_its_tag_is_not_read_until_a_person_says_why_it_is_a_hand(qtbot, desk_window, fakes):
    film = dataclasses.replace(make_film("/films/foot.dcm"), warnings=(("foot", "The file says FOOT."),))
    window = desk_window(fakes.films.put(film))
    settle(qtbot, window)
    assert fakes.engine.calls == [] and window.flags.isVisible()
    assert "FOOT" in window.bones.numbers.why.text()
    next(b for b in window.flags.findChildren(QPushButton) if "wrong" in b.text()).click()
    field = window.flags.findChildren(type(window.banner._birth))[0]
    field.setFocus()
    qtbot.keyClick(field, Key.Key_Return)
    assert any("only with a reason" in line for line in texts(window))
    qtbot.keyClicks(field, "wrong tag, it is a hand")
    qtbot.keyClick(field, Key.Key_Return)
    settle(qtbot, window)
    assert window.desk.reading.analysed_at is not None and window.bones.numbers.bone_age.text() == "10 y 7 m"
    assert any(event.after == "wrong tag, it is a hand" for event in fakes.store.log)


def test_models_that_do_not_come_up_are_told(qtbot, desk_window, fakes, monkeypatch):
    def broken():
        raise InputError("The weights are missing.", "Install again.", code="weights")

    monkeypatch.setattr(fakes.engine, "start", broken)
    window = desk_window()
    settle(qtbot, window)
    assert any("The models are not available: The weights are missing" in line for line in texts(window))
    assert "failed" in window._engine.text()


def test_grad_cam_is_drawn_named_and_follows_the_bone(qtbot, read, fakes):
    press(qtbot, read, Key.Key_G)
    settle(qtbot, read)
    corner = read.film_panel.film._corners.bottom_right
    assert any("Grad-CAM Radius" in line for line in corner) and read.film_panel.film._saliency is not None
    press(qtbot, read, Key.Key_Down)
    settle(qtbot, read)
    assert fakes.engine.calls[-1] == ("grad-cam", "ulna")
    press(qtbot, read, Key.Key_G)
    assert read.film_panel.film._saliency is None


def test_grad_cam_that_fails_is_told(qtbot, read, fakes):
    fakes.engine.saliency_error = engine_died()
    press(qtbot, read, Key.Key_G)
    settle(qtbot, read)
    assert any("No Grad-CAM" in line for line in texts(read)) and not read.desk.heat.wanted


# --- boxes --------------------------------------------------------------------------------------


def drag(qtbot, view, start, end, button=Qt.MouseButton.LeftButton):
    area = view.viewport()
    qtbot.mousePress(area, button, pos=QPoint(*map(round, start)))
    middle = [(a + b) / 2 for a, b in zip(start, end, strict=True)]
    for at in (middle, end):
        qtbot.mouseMove(area, QPoint(*map(round, at)))
        qtbot.wait(25)
    qtbot.mouseRelease(area, button, pos=QPoint(*map(round, end)))


def test_a_moved_box_is_graded_anew_in_one_step(qtbot, read, fakes):
    view = read.film_panel.film
    before = grade(read, "radius").box
    press(qtbot, read, Key.Key_E)
    x, y = view.view.to_screen(*before.centre)
    drag(qtbot, view, (x, y), (x + 30, y - 12))
    settle(qtbot, read)
    after = grade(read, "radius")
    zoom = view.view.zoom
    assert after.human_box is not None
    assert after.human_box.centre[0] == pytest.approx(before.centre[0] + 30 / zoom, abs=1.5 / zoom)
    assert fakes.engine.calls[-1] == ("regrade", "radius") and after.regrade is not None
    assert after.machine_region.box == before
    press(qtbot, read, Key.Key_Z, CTRL)
    assert grade(read, "radius").box == before, "one step back"


def test_a_moved_box_that_cannot_be_graded_is_kept_and_told(qtbot, read, fakes):
    fakes.engine.regrade_error = engine_died()
    read.desk.set_box("radius", Box(100, 100, 200, 200))
    settle(qtbot, read)
    assert grade(read, "radius").human_box == Box(100, 100, 200, 200) and grade(read, "radius").opinion is None
    assert read.bones.numbers.bone_age.isHidden(), "a bone without a grade is not scored"
    fakes.engine.regrade_error = None
    next(b for b in read.messages.findChildren(QPushButton) if b.text() == "Grade again").click()
    settle(qtbot, read)
    assert grade(read, "radius").opinion is not None


def test_a_missing_box_is_drawn(qtbot, desk_window, fakes):
    result = make_result(fakes.film.frame)
    bones = tuple(dataclasses.replace(b, region=None, grade=None) if b.bone == "dp5" else b for b in result.bones)
    fakes.engine.result = dataclasses.replace(result, bones=bones)
    window = desk_window(fakes.path)
    settle(qtbot, window)
    window.desk.select("dp5")
    press(qtbot, window, Key.Key_E)
    view = window.film_panel.film
    a, b = view.view.to_screen(850, 400), view.view.to_screen(910, 470)
    drag(qtbot, view, a, b)
    settle(qtbot, window)
    box = grade(window, "dp5").human_box
    assert box is not None and box.centre == pytest.approx((880, 435), abs=3)
    assert grade(window, "dp5").final_grade is not None


def test_a_missing_box_is_drawn_also_where_the_drag_begins_in_anothers(qtbot, read):
    """Boxes of neighbours overlap: the drag for the bone chosen must not carry the neighbour's box away."""
    before = grade(read, "radius").box
    read.desk.select("ulna")
    read.desk.remove_box("ulna")
    settle(qtbot, read)
    press(qtbot, read, Key.Key_E)
    view = read.film_panel.film
    x, y = before.centre
    drag(qtbot, view, view.view.to_screen(x, y), view.view.to_screen(x + 70, y + 70))
    settle(qtbot, read)
    box = grade(read, "ulna").human_box
    assert box is not None and box.centre == pytest.approx((x + 35, y + 35), abs=3)
    assert grade(read, "radius").box == before and grade(read, "radius").human_box is None


def test_what_was_said_of_one_case_goes_with_it(qtbot, read, fakes):
    read.desk.mark_reviewed()
    assert any(message.topic == "refused" for message in read.messages.messages)
    read.open_paths([fakes.films.put(make_film("/films/next.dcm"))])
    settle(qtbot, read)
    assert not any(message.topic == "refused" for message in read.messages.messages)


def test_backspace_goes_back_to_the_machines_box(qtbot, read):
    read.desk.set_box("radius", Box(100, 100, 200, 200))
    settle(qtbot, read)
    press(qtbot, read, Key.Key_Backspace)
    assert grade(read, "radius").human_box is None and grade(read, "radius").opinion is not None


def test_a_click_on_a_box_chooses_the_bone_on_a_turned_and_mirrored_film(qtbot, read):
    view = read.film_panel.film
    for key in (Key.Key_R, Key.Key_H):
        press(qtbot, read, key)
    for bone in ("dp5", "mc1", "ulna"):
        x, y = view.view.to_screen(*grade(read, bone).box.centre)
        qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(round(x), round(y)))
        assert read.desk.bone == bone


# --- the film -----------------------------------------------------------------------------------


def test_mouse_on_the_film(qtbot, read):
    view = read.film_panel.film
    start = view.voi
    drag(qtbot, view, (300, 300), (400, 250))
    assert view.voi.width > start.width and view.voi.centre < start.centre, "right is wider, up is brighter"
    place = view.view
    drag(qtbot, view, (300, 300), (340, 330), Qt.MouseButton.MiddleButton)
    assert view.view.zoom == place.zoom and view.view.centre != place.centre
    drag(qtbot, view, (300, 300), (300, 220), Qt.MouseButton.RightButton)
    assert view.view.zoom > place.zoom
    qtbot.keyClick(view, Key.Key_R, CTRL)
    assert view.voi == start and view.view.zoom == place.zoom


def test_keys_on_the_film(qtbot, read):
    view = read.film_panel.film
    press(qtbot, read, Key.Key_I)
    assert view.inverted and read.actions_["invert"].isChecked()
    press(qtbot, read, Key.Key_V)
    assert view.view.orientation == "mirrored, turned 180\N{DEGREE SIGN}"
    press(qtbot, read, Key.Key_L)
    press(qtbot, read, Key.Key_0, CTRL)
    assert view.view.zoom == 1.0
    press(qtbot, read, Key.Key_Equal)
    assert view.view.zoom != 1.0
    for wanted in (Show.BOXES, Show.NONE, Show.ALL):
        press(qtbot, read, Key.Key_Space)
        assert view.show_state is wanted
        assert wanted.value in view._corners.bottom_right[0]
    press(qtbot, read, Key.Key_2, on=view)
    assert view.voi.name == "BONE"
    press(qtbot, read, Key.Key_0, on=view)
    assert view.voi.name == "Auto"
    assert grade(read).human_grade is None, "figures on the film are presets, not grades"
    press(qtbot, read, Key.Key_T)
    assert view.tool == "pan" and read.actions_["pan-tool"].isChecked()
    assert not read.actions_["window-tool"].isChecked()


def test_the_picture_lies_where_the_boxes_are(qtbot, read):
    """The blob of every bone is drawn in the middle of its box, on turned and mirrored films too."""
    view = read.film_panel.film
    view.set_show(Show.NONE)
    for moves in ((), (Key.Key_R,), (Key.Key_H,), (Key.Key_L, Key.Key_V)):
        read.film_panel.reset()
        for key in moves:
            press(qtbot, read, key)
        picture = view.grab().toImage()
        for bone in rus_chn.BONES:
            x, y = view.view.to_screen(*grade(read, bone).box.centre)
            assert picture.pixelColor(round(x), round(y)).lightness() > 200, (bone, moves)


def test_a_new_film_starts_upright_in_its_own_window(qtbot, read, fakes):
    for key in (Key.Key_I, Key.Key_R, Key.Key_H):
        press(qtbot, read, key)
    read.open_paths([fakes.films.put(make_film("/films/next.dcm"))])
    settle(qtbot, read)
    view = read.film_panel.film
    assert not view.inverted and view.view.orientation == "" and view.voi.name == "NORMAL"
    assert not read.actions_["invert"].isChecked()


# --- saving and closing -------------------------------------------------------------------------


def test_a_full_disk_is_shown_and_nothing_is_lost(qtbot, read, fakes):
    fakes.store.broken = StoreError("The disk is full.", "Make room.")
    press(qtbot, read, Key.Key_Right)
    press(qtbot, read, Key.Key_Right)
    settle(qtbot, read)
    assert "NOT SAVED" in read.banner._state.text() and read.banner._again.isVisible()
    assert any("The disk is full" in line for line in texts(read))
    fakes.store.broken = None
    qtbot.mouseClick(read.banner._again, Qt.MouseButton.LeftButton)
    settle(qtbot, read)
    assert read.desk.saver.state is Saving.SAVED and "saved" in read.banner._state.text()
    assert fakes.store.get("r1") == read.desk.reading
    assert [event.action for event in fakes.store.log][-2:] == ["set-grade", "set-grade"]


def test_a_reading_that_another_program_changed_is_set_aside_and_can_be_loaded(qtbot, read, fakes):
    stored = fakes.store.get("r1")
    theirs = dataclasses.replace(stored, revision=stored.revision + 3, impression="theirs")
    fakes.store.readings["r1"] = theirs
    press(qtbot, read, Key.Key_Right)
    press(qtbot, read, Key.Key_Right)
    settle(qtbot, read)
    assert "NOT SAVED (2 changes)" in read.banner._state.text()
    read.open_paths([fakes.films.put(make_film("/films/other.dcm"))])
    settle(qtbot, read)
    other = fakes.store.get(read.desk.reading.reading_id)
    assert other.analysed_at is not None, "other readings still reach the disk"
    next(b for b in read.messages.findChildren(QPushButton) if b.text() == "Load the saved one").click()
    settle(qtbot, read)
    assert read.desk.reading == theirs and "NOT SAVED" not in read.banner._state.text()
    press(qtbot, read, Key.Key_Right)
    settle(qtbot, read)
    assert fakes.store.get("r1").bone("radius").human_grade == GRADES["radius"] + 1


def test_saved_is_said_only_when_it_is_on_disk(qtbot, read, fakes, monkeypatch):
    going, go, save = threading.Event(), threading.Event(), fakes.store.save

    def slow(reading, event):
        going.set()
        go.wait(5)
        save(reading, event)

    monkeypatch.setattr(fakes.store, "save", slow)
    press(qtbot, read, Key.Key_Right)
    assert going.wait(5)
    assert "saving" in read.banner._state.text() and "saved" not in read.banner._state.text()
    assert read.bones.numbers.change.text(), "the new bone age does not wait for the disk"
    go.set()
    settle(qtbot, read)
    assert "saved" in read.banner._state.text()


def test_closing_asks_before_changes_are_lost(qtbot, read, fakes, monkeypatch):
    from PySide6.QtWidgets import QMessageBox

    asked = []
    monkeypatch.setattr(
        QMessageBox, "warning", lambda *args: asked.append(args[2]) or QMessageBox.StandardButton.Cancel
    )
    fakes.store.broken = StoreError("The disk is full.")
    press(qtbot, read, Key.Key_Right)
    settle(qtbot, read)
    assert not read.close() and "1 change" in asked[0]
    fakes.store.broken = None
    assert read.close() and len(asked) == 1, "what waited was saved on the way out"
    assert fakes.store.get("r1").bone("radius").human_grade is not None


# --- report, help, sizes ------------------------------------------------------------------------


def test_a_report_that_cannot_be_written_is_told(qtbot, read, fakes, monkeypatch):
    fakes.reports.error = PermissionError(13, "Permission denied")
    read.reporting.write(Path("/nowhere/report.pdf"), open_it=False)
    settle(qtbot, read)
    assert any("could not be written" in line for line in texts(read))


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_the_command_palette_runs_what_is_typed(qtbot, read):
    from boneage_desk.ui.views.help import CommandPalette

    qtbot.keyClick(read, Key.Key_K, CTRL)
    palette = read.findChild(CommandPalette)
    qtbot.keyClicks(palette.typed, "invert")
    qtbot.keyClick(palette.typed, Key.Key_Return)
    assert read.film_panel.film.inverted


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_the_shortcut_sheet_lists_every_key(qtbot, window):
    from PySide6.QtWidgets import QLabel

    from boneage_desk.ui.actions import ACTIONS

    qtbot.keyClick(window, Key.Key_F1)
    words = {label.text() for label in window.commands._sheet.findChildren(QLabel)}
    assert {spec.title for spec in ACTIONS if spec.keys} <= words


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_about_says_what_the_program_is_not_and_names_the_models(qtbot, window):
    from PySide6.QtWidgets import QLabel

    from boneage_desk.ui.views.about import AboutBox

    window.actions_["about"].trigger()
    box = window.findChild(AboutBox)
    words = " ".join(label.text() for label in box.findChildren(QLabel))
    assert words.count("not a cleared medical device") == 1
    for model in window.services.engine().models():
        assert model.tag in words and model.sha256[:16] in words
    assert "AGPL" in words or "Affero" in words
    box.close()


def test_a_read_error_of_the_film_keeps_what_was_on_the_desk(qtbot, read, fakes, monkeypatch):
    def broken(*_args, **_more):
        raise FilmError("The file ends too early.", "Send it again.", code="truncated")

    before = read.desk.reading
    path = fakes.films.put(make_film("/films/cut.dcm"))
    monkeypatch.setattr(fakes.films, "open", broken)
    read.open_paths([path])
    settle(qtbot, read)
    assert any("cut.dcm was not opened: The file ends too early" in line for line in texts(read))
    assert read.desk.reading == before


@pytest.mark.parametrize("size", [(1366, 768), (1920, 1080), (2560, 1440), (1440, 2560)])
def test_no_label_is_clipped_at_any_size(qtbot, desk_window, fakes, size):
    from PySide6.QtWidgets import QLabel

    window = desk_window(fakes.path, size=size)
    settle(qtbot, window)
    qtbot.wait(50)
    assert window.size().width() <= size[0] and window.size().height() <= size[1]
    for label in window.findChildren(QLabel):
        if label.isVisible() and label.text() and not label.wordWrap() and not isinstance(label, ElidedLabel):
            assert label.width() >= label.sizeHint().width() - 1, (
                label.text(),
                label.width(),
                label.sizeHint().width(),
            )
