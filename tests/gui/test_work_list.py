"""The work list in the window: columns, next study, the queue of the background, imports, the watched folder."""

from __future__ import annotations

import dataclasses
import json
import logging
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication, QImage
from PySide6.QtWidgets import QMenu, QPushButton

from boneage_desk.common import settings
from boneage_desk.common.errors import EngineError
from boneage_desk.reading.film import Patient
from boneage_desk.reading.ports import FilmEntry, FilmProblem
from boneage_desk.reading.session import AuditEvent, ReadingSession, SetAnalysis, new_reading
from boneage_desk.standards.types import Sex
from boneage_desk.ui.models.study_list import PLACE, ReadingIdRole
from boneage_desk.ui.presenters import watching
from boneage_desk.ui.presenters.list_layout import ListLayout
from boneage_desk.ui.presenters.sessions import Sessions
from boneage_desk.ui.presenters.study_texts import Column, JobState
from tests.gui.conftest import settle, texts
from tests.gui.fakes import engine_died, make_film, make_result
from tests.samples import NOON, reading

pytestmark = pytest.mark.gui
Key = Qt.Key


def add(fakes, count: int, *, read: bool = False) -> list[str]:
    """Films with stored readings, the newest last; their reading ids."""
    ids = []
    for number in range(count):
        film = make_film(f"/films/{number}.dcm", size=(200, 250), patient=Patient(f"N{number}^X", "", f"{number}", Sex.FEMALE))
        fakes.films.put(film)
        at = NOON + timedelta(minutes=number)
        made = new_reading(film, f"s{number}", at)
        if read:
            session = ReadingSession(made)
            session.do(SetAnalysis(make_result(film.frame), at), at=at, who="x")
            made = dataclasses.replace(session.reading, revision=0)
        fakes.store.add(made, AuditEvent(made.reading_id, at, "x", "open"))
        ids.append(made.reading_id)
    return ids


def shown_ids(window) -> list[str]:
    model = window.work_list.model
    return [model.index(row, 0).data(ReadingIdRole) for row in range(model.rowCount())]


def all_read(qtbot, window, fakes) -> None:
    qtbot.waitUntil(lambda: all(r.analysed_at for r in fakes.store.readings.values()), timeout=20000)
    settle(qtbot, window)


def quiet_queue(window) -> None:
    """No waiting between two films."""
    window.desk.work.asked_at = -1e9


# --- the list -----------------------------------------------------------------------------------


def test_f8_opens_the_next_study_that_nobody_began_in_the_lists_order(qtbot, desk_window, fakes):
    add(fakes, 3, read=True)
    window = desk_window()
    settle(qtbot, window)
    assert shown_ids(window) == ["s2", "s1", "s0"]
    qtbot.keyClick(window, Key.Key_F8)
    settle(qtbot, window)
    assert window.desk.reading.reading_id == "s2" and window.desk.film is not None
    qtbot.keyClick(window.bones.table, Key.Key_Return)
    qtbot.keyClick(window, Key.Key_F8)
    settle(qtbot, window)
    assert window.desk.reading.reading_id == "s1"
    window.work_list.table.sort_by(Column.NAME, False)
    window.open_reading("s0")
    settle(qtbot, window)
    qtbot.keyClick(window, Key.Key_F8)
    settle(qtbot, window)
    assert window.desk.reading.reading_id == "s1", "sorted by name: s0, s1, s2; s2 was begun"
    for bone_of in ("s1", "s0"):
        window.open_reading(bone_of)
        settle(qtbot, window)
        qtbot.keyClick(window.bones.table, Key.Key_Return)
    qtbot.keyClick(window, Key.Key_F8)
    settle(qtbot, window)
    assert window.desk.reading.reading_id == "s0" and any("No further unread" in line for line in texts(window))


def test_the_next_film_is_made_ready_while_this_one_is_read(qtbot, desk_window, fakes):
    add(fakes, 2, read=True)
    window = desk_window()
    settle(qtbot, window)
    qtbot.keyClick(window, Key.Key_F8)
    settle(qtbot, window)
    assert fakes.films.opened == [("/films/1.dcm", None), ("/films/0.dcm", None)]
    films = []
    window.desk.case_changed.connect(lambda: films.append(window.desk.film is not None))
    qtbot.keyClick(window, Key.Key_F8)
    settle(qtbot, window)
    assert window.desk.reading.reading_id == "s0" and films == [True], "shown with its film at once"


def test_f9_gives_the_list_the_windows_width_and_enter_goes_back_to_the_film(qtbot, desk_window, fakes):
    add(fakes, 3, read=True)
    window = desk_window()
    settle(qtbot, window)
    table = window.work_list.table
    assert not table.horizontalHeader().isVisible()
    qtbot.keyClick(window, Key.Key_F9)
    assert window.work_list.wide and table.horizontalHeader().isVisible() and not window.tabs.isVisible()
    qtbot.waitUntil(lambda: table.width() > 1300)
    assert window.actions_["work-list"].isChecked()
    qtbot.keyClick(table, Key.Key_Down)
    assert window.desk.reading is None, "a row that is only chosen is not opened"
    qtbot.keyClick(table, Key.Key_Return)
    settle(qtbot, window)
    assert window.desk.reading is not None and not window.work_list.wide and window.tabs.isVisible()
    qtbot.waitUntil(lambda: window.stack.width() > window.work_list.width())


def test_a_click_opens_in_the_narrow_list_and_a_double_click_in_the_wide_one(qtbot, desk_window, fakes):
    add(fakes, 3, read=True)
    window = desk_window()
    settle(qtbot, window)
    table = window.work_list.table

    def at(row: int) -> QPoint:
        return table.visualRect(window.work_list.model.index(row, PLACE[Column.NAME])).center()

    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=at(1))
    settle(qtbot, window)
    assert window.desk.reading.reading_id == "s1"
    window.lists.set_wide(True)
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=at(0))
    settle(qtbot, window)
    assert window.desk.reading.reading_id == "s1"
    qtbot.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=at(0))
    settle(qtbot, window)
    assert window.desk.reading.reading_id == "s2"


def test_columns_widths_order_and_sort_are_kept_for_the_next_start(qtbot, desk_window, fakes):
    add(fakes, 2, read=True)
    first = desk_window()
    settle(qtbot, first)
    first.lists.set_wide(True)
    table = first.work_list.table
    header = table.horizontalHeader()
    table.show_column(Column.ACCESSION, False)
    table.show_column(Column.SIDE, True)
    table.setColumnWidth(PLACE[Column.NAME], 333)
    header.moveSection(header.visualIndex(PLACE[Column.AGE]), 0)
    table.sort_by(Column.NAME, True)
    first.close()
    kept = json.loads((fakes.services.data_dir / "work-list.json").read_text())
    assert kept["widths"]["name"] == 333 and kept["sort"] == ["name", True] and kept["order"][0] == "age"
    again = desk_window()
    settle(qtbot, again)
    again.lists.set_wide(True)
    table = again.work_list.table
    assert table.columnWidth(PLACE[Column.NAME]) == 333
    assert table.isColumnHidden(PLACE[Column.ACCESSION]) and not table.isColumnHidden(PLACE[Column.SIDE])
    assert table.horizontalHeader().visualIndex(PLACE[Column.AGE]) == 0 and shown_ids(again) == ["s1", "s0"]
    again.lists.set_wide(False)
    assert table.horizontalHeader().visualIndex(PLACE[Column.STATE]) == 0, "the narrow list is as it always is"


def test_a_study_that_is_opened_from_the_list_takes_the_keys_to_its_bones_once(qtbot, desk_window, fakes):
    add(fakes, 2, read=True)
    window = desk_window()
    window.show()
    settle(qtbot, window)
    window.work_list.filter.setFocus()
    window.work_list.reading_chosen.emit("s0")
    qtbot.waitUntil(lambda: window.desk.reading is not None and window.desk.film is not None)
    settle(qtbot, window)
    assert window.focusWidget() is window.bones.table
    qtbot.keyClick(window.focusWidget(), Key.Key_Return)
    settle(qtbot, window)
    assert [finding.reviewed for finding in window.desk.reading.bones].count(True) == 1
    window.work_list.filter.setFocus()
    window.desk.case_changed.emit()
    assert window.focusWidget() is window.work_list.filter, "who filters again is left there"


def test_a_click_in_the_messages_leaves_the_keys_with_the_bones(qtbot, desk_window, fakes):
    add(fakes, 1, read=True)
    window = desk_window()
    window.show()
    settle(qtbot, window)
    window.bones.table.setFocus()
    (button,) = [one for one in window.messages.findChildren(QPushButton) if one.text() == "Go on"]
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.desk.reading is not None)
    settle(qtbot, window)
    assert window.focusWidget() is window.bones.table


def test_long_words_share_the_room_of_a_wide_window_until_a_width_is_chosen(qtbot, desk_window, fakes):
    add(fakes, 1, read=True)
    window = desk_window()
    settle(qtbot, window)
    window.lists.set_wide(True)
    table = window.work_list.table
    first = ListLayout().widths

    def widths() -> dict[Column, int]:
        return {column: table.columnWidth(PLACE[column]) for column in first if not table.isColumnHidden(PLACE[column])}

    for width in (1900, 1300, 1900):
        window.resize(width, 900)
        qtbot.waitUntil(lambda width=width: window.width() == width)
        settle(qtbot, window)
        assert (sum(widths().values()), table.horizontalScrollBar().maximum()) == (table.viewport().width(), 0), width
        assert table.columnWidth(PLACE[Column.AGE]) == first[Column.AGE]
    assert widths()[Column.DESCRIPTION] > widths()[Column.NAME] > first[Column.NAME]
    assert widths()[Column.BONE_AGE] < first[Column.BONE_AGE] + 10, "the arrow of the sort stands beside its heading"
    assert table.list_layout().widths == first, "what the window gave is not kept as a choice"
    seen = widths()
    table.horizontalHeader().resizeSection(PLACE[Column.NAME], 250)
    kept = table.list_layout().widths
    assert kept[Column.NAME] == 250 and kept[Column.DESCRIPTION] == seen[Column.DESCRIPTION]
    window.lists.set_wide(False)
    window.lists.set_wide(True)
    assert widths()[Column.NAME] == 250 and widths()[Column.DESCRIPTION] == seen[Column.DESCRIPTION]
    table._first_layout()
    qtbot.waitUntil(lambda: widths()[Column.NAME] > 250)


def test_closing_with_the_wide_list_leaves_the_film_its_room(qtbot, desk_window, fakes):
    first = desk_window()
    settle(qtbot, first)
    first.lists.set_wide(True)
    first.close()
    again = desk_window()
    settle(qtbot, again)
    assert not again.work_list.wide and again.stack.isVisible()
    qtbot.waitUntil(lambda: again.stack.width() > 400)


@pytest.mark.parametrize("content", ["", "[1]", '{"order": 7, "widths": {"name": "x"}, "sort": ["no", 1]}', "{"])
def test_a_layout_file_that_is_damaged_is_passed_over(qtbot, desk_window, fakes, content):
    add(fakes, 1, read=True)
    (fakes.services.data_dir / "work-list.json").write_text(content)
    window = desk_window()
    settle(qtbot, window)
    window.lists.set_wide(True)
    assert window.work_list.table.list_layout().widths[Column.NAME] == 190 and shown_ids(window) == ["s0"]


def test_the_status_bar_counts(qtbot, desk_window, fakes):
    add(fakes, 3)
    fakes.engine.gate = threading.Event()
    window = desk_window()
    qtbot.waitUntil(lambda: window.lists.queue.running is not None)
    assert window.lists.words() == "3 unread \N{MIDDLE DOT} queue 3" == window._queue.text()
    fakes.engine.gate.set()
    all_read(qtbot, window, fakes)
    assert window._queue.text() == "3 unread"


# --- the queue ----------------------------------------------------------------------------------


def test_films_that_were_not_read_are_read_in_the_background_and_kept(qtbot, desk_window, fakes):
    add(fakes, 3)
    window = desk_window()
    all_read(qtbot, window, fakes)
    assert window.lists.queue.items == () and window.desk.reading is None
    model = window.work_list.model
    assert {model.index(row, PLACE[Column.MACHINE]).data() for row in range(3)} == {"look (1)"}
    assert all(r.whole_hand for r in fakes.store.readings.values()), "second opinions too"


def test_the_study_that_is_opened_goes_first_and_the_one_under_way_makes_way(qtbot, desk_window, fakes):
    add(fakes, 3)
    fakes.engine.gate = threading.Event()
    window = desk_window()
    queue = window.lists.queue
    qtbot.waitUntil(lambda: queue.running is not None and queue.running.share > 0)
    assert queue.running.reading_id == "s2"
    window.open_reading("s0")
    qtbot.waitUntil(lambda: window.desk.job is not None and window.desk.job.began, timeout=5000)
    qtbot.waitUntil(lambda: (queue.items[0].reading_id, queue.items[0].state) == ("s2", JobState.WAITING))
    fakes.engine.gate.set()
    qtbot.waitUntil(lambda: window.desk.reading is not None and window.desk.reading.analysed_at is not None, timeout=5000)
    assert fakes.store.readings["s2"].analysed_at is None or fakes.store.readings["s0"].analysed_at is not None
    all_read(qtbot, window, fakes)
    assert queue.items == () and not any("cancelled" in line for line in texts(window))


def test_the_film_under_way_that_is_opened_is_not_begun_again(qtbot, desk_window, fakes):
    add(fakes, 1)
    fakes.engine.gate = threading.Event()
    window = desk_window()
    qtbot.waitUntil(lambda: window.lists.queue.running is not None and window.lists.queue.running.share > 0)
    window.open_reading("s0")
    qtbot.waitUntil(lambda: window.desk.film is not None)
    assert window.desk.job is not None and not window.desk.job.gives_way
    fakes.engine.gate.set()
    all_read(qtbot, window, fakes)
    assert [name for name, _ in fakes.engine.calls].count("analyse") == 1


@pytest.mark.qt_log_ignore("This plugin does not support raise")
def test_pause_go_on_first_and_take_out(qtbot, desk_window, fakes):
    add(fakes, 4)
    fakes.engine.gate = threading.Event()
    window = desk_window()
    queue = window.lists.queue
    qtbot.waitUntil(lambda: queue.running is not None and queue.running.share > 0)
    window.actions_["queue"].trigger()
    view = window.lists.queue_window
    qtbot.mouseClick(view.pause, Qt.MouseButton.LeftButton)
    settle(qtbot, window)
    assert queue.paused and queue.running is None and queue.count(JobState.WAITING) == 4
    assert "paused" in window.lists.words()
    qtbot.waitUntil(lambda: view.model.rowCount() == 4 and view.pause.text() == "Go on")
    view.table.selectRow(view.model.row_of("s0"))
    qtbot.mouseClick(view.first, Qt.MouseButton.LeftButton)
    assert queue.items[0].reading_id == "s0"
    qtbot.waitUntil(lambda: view.model.row_of("s0") == 0)
    view.table.selectRow(view.model.row_of("s1"))
    qtbot.mouseClick(view.take_out, Qt.MouseButton.LeftButton)
    assert queue.view_of("s1").state is JobState.CANCELLED
    fakes.engine.gate.set()
    settle(qtbot, window)
    assert not any(r.analysed_at for r in fakes.store.readings.values()), "nothing begins while it is paused"
    qtbot.mouseClick(view.pause, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: queue.count(JobState.WAITING) + queue.count(JobState.READING) == 0, timeout=10000)
    settle(qtbot, window)
    read = [id for id, r in fakes.store.readings.items() if r.analysed_at]
    assert sorted(read) == ["s0", "s2", "s3"]
    view.table.selectRow(view.model.row_of("s1"))
    qtbot.mouseClick(view.again, Qt.MouseButton.LeftButton)
    all_read(qtbot, window, fakes)


def test_a_pause_lasts_over_a_new_start(qtbot, desk_window, fakes):
    first = desk_window()
    settle(qtbot, first)
    first.lists.toggle_pause()
    first.close()
    add(fakes, 2)
    again = desk_window()
    settle(qtbot, again)
    assert again.lists.queue.paused and again.lists.queue.count(JobState.WAITING) == 2
    again.lists.toggle_pause()
    all_read(qtbot, again, fakes)


def test_a_film_that_cannot_be_read_says_why_and_keeps_none_from_being_read(qtbot, desk_window, fakes):
    add(fakes, 3)
    del fakes.films.films["/films/1.dcm"]
    window = desk_window()
    queue = window.lists.queue
    qtbot.waitUntil(lambda: queue.count(JobState.FAILED) == 1 and len(queue.items) == 1, timeout=10000)
    settle(qtbot, window)
    assert "is not there" in queue.view_of("s1").why and fakes.store.readings["s1"].analysed_at is None
    assert fakes.store.readings["s0"].analysed_at and fakes.store.readings["s2"].analysed_at
    assert any("was not read in the background" in line for line in texts(window))
    assert "1 failed" in window.lists.words()
    menu = QMenu(window)
    window.lists.fill_row_menu(menu, "s1")
    assert "Read by the machine next" in [action.text() for action in menu.actions()]


def test_the_queue_waits_while_boxes_are_being_moved(qtbot, desk_window, fakes):
    window = desk_window(fakes.path)
    settle(qtbot, window)
    box = window.desk.reading.bone("radius").box
    window.desk.set_box("radius", box)
    settle(qtbot, window)
    add(fakes, 1)
    window.library.load()
    settle(qtbot, window)
    qtbot.wait(300)
    assert fakes.store.readings["s0"].analysed_at is None, "some seconds are the reader's"
    quiet_queue(window)
    window.lists.queue._pump_soon.start(0)
    all_read(qtbot, window, fakes)


# --- the model process --------------------------------------------------------------------------


class _DiesOnce:
    """An engine's answer: it dies over the first films."""

    def __init__(self, engine, times: int) -> None:
        self.times, self.real = times, engine.analyse
        engine.analyse = self

    def __call__(self, frame, **how):
        if self.times:
            self.times -= 1
            raise engine_died()
        return self.real(frame, **how)


def test_a_death_over_the_film_shown_is_told_and_the_film_read_once_more(qtbot, desk_window, fakes):
    _DiesOnce(fakes.engine, 1)
    window = desk_window(fakes.path)
    settle(qtbot, window)
    assert window.desk.reading.analysed_at is not None
    assert any("It was started again, and the film is read once more" in line for line in texts(window))


def test_a_death_over_a_film_of_the_queue_is_told_and_it_is_tried_once_more(qtbot, desk_window, fakes):
    add(fakes, 2)
    _DiesOnce(fakes.engine, 1)
    window = desk_window()
    all_read(qtbot, window, fakes)
    assert any("The model process ended while it read N1 X in the background" in line for line in texts(window))


def test_deaths_in_a_row_pause_the_queue_and_no_film_is_lost(qtbot, desk_window, fakes):
    add(fakes, 4)
    died = _DiesOnce(fakes.engine, 99)
    window = desk_window()
    queue = window.lists.queue
    qtbot.waitUntil(lambda: queue.paused, timeout=10000)
    settle(qtbot, window)
    assert 99 - died.times == 3 and len(queue.items) == 4
    assert any("the model process ended 3 times in a row" in line for line in texts(window))
    died.times = 0
    queue.resume()
    qtbot.waitUntil(lambda: not queue.count(JobState.WAITING) and not queue.count(JobState.READING), timeout=10000)
    settle(qtbot, window)


def test_models_that_are_missing_pause_the_queue_and_fail_no_film(qtbot, desk_window, fakes):
    add(fakes, 3)
    fakes.engine.error = EngineError("The weights are missing.", "Install them.", code="weights-missing")
    window = desk_window()
    qtbot.waitUntil(lambda: window.lists.queue.paused, timeout=10000)
    settle(qtbot, window)
    assert window.lists.queue.count(JobState.WAITING) == 3
    assert any("The queue is paused: The weights are missing." in line for line in texts(window))


def test_a_death_while_idle_is_told(qtbot, desk_window, fakes):
    window = desk_window()
    settle(qtbot, window)
    fakes.engine.words = "starting"
    qtbot.waitUntil(lambda: any("ended while it was idle" in line for line in texts(window)), timeout=3000)
    fakes.engine.words = "ready: cpu"


# --- imports ------------------------------------------------------------------------------------


def test_what_is_dropped_on_the_wide_list_is_listed_and_not_shown(qtbot, desk_window, fakes):
    paths = [fakes.films.put(make_film(f"/films/{n}.dcm", size=(200, 250))) for n in range(20)]
    fakes.films.entries["/films"] = [FilmEntry(path) for path in paths] + [
        FilmProblem("/films/x.dcm", "truncated", "The file ends too early.")
    ]
    window = desk_window()
    settle(qtbot, window)
    window.lists.set_wide(True)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile("/films")])
    window.dropEvent(QDropEvent(
        QPointF(10, 10), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    ))  # fmt: skip
    qtbot.waitUntil(lambda: window.work_list.model.every == 20, timeout=20000)
    all_read(qtbot, window, fakes)
    assert window.desk.reading is None
    assert any("20 films came into the list" in line for line in texts(window))
    assert any("x.dcm was not opened" in line for line in texts(window))
    window.lists.import_paths(["/films"])
    settle(qtbot, window)
    assert any("20 were there already" in line for line in texts(window)) and window.work_list.model.every == 20


def test_a_picture_of_the_clipboard_is_a_film_without_dicom(qtbot, desk_window, fakes, tmp_path):
    from boneage_desk.wiring import build

    fakes.services = dataclasses.replace(fakes.services, films=build(tmp_path).films)
    window = desk_window()
    settle(qtbot, window)
    QGuiApplication.clipboard().clear()
    window.actions_["paste"].trigger()
    assert any("no picture on the clipboard" in line for line in texts(window))
    grey = QImage(400, 500, QImage.Format.Format_Grayscale8)
    for y in range(500):
        for x in range(0, 400, 1):
            grey.setPixel(x, y, (x * 255 // 400) * 0x010101 | 0xFF000000)
    QGuiApplication.clipboard().setImage(grey)
    window.actions_["paste"].trigger()
    settle(qtbot, window)
    assert window.desk.reading is not None and not window.desk.reading.source.is_dicom
    assert window.desk.reading.patient == Patient() and window.desk.frame.width == 400
    first = window.desk.reading.reading_id
    assert "no DICOM" in window.work_list.model.index(0, PLACE[Column.DESCRIPTION]).data()
    window.actions_["paste"].trigger()
    settle(qtbot, window)
    assert window.desk.reading.reading_id == first and window.work_list.model.every == 1
    (kept,) = (fakes.services.data_dir / "pasted").glob("*.png")
    assert kept.stat().st_mode & 0o077 == 0
    QGuiApplication.clipboard().clear()


# --- the watched folder -------------------------------------------------------------------------


def test_a_file_is_whole_when_it_rests():
    now = 100_000_000_000
    old, young = (10, now - 5_000_000_000), (10, now - 500_000_000)
    assert watching.whole({"a": old}, {}, {}, now) == [], "seen for the first time"
    assert watching.whole({"a": old}, {"a": old}, {}, now) == ["a"]
    assert watching.whole({"a": young}, {"a": young}, {}, now) == [], "it was written just now"
    assert watching.whole({"a": (20, old[1])}, {"a": old}, {}, now) == [], "it grows"
    assert watching.whole({"a": (0, old[1])}, {"a": (0, old[1])}, {}, now) == [], "nothing in it yet"
    assert watching.whole({"a": old}, {"a": old}, {watching.key("a"): old}, now) == [], "taken before"
    assert watching.whole({"a": old}, {"a": old}, {watching.key("a"): (9, 1)}, now) == ["a"], "written anew"
    ahead = (10, now + 3_600_000_000_000)
    assert watching.whole({"a": ahead}, {"a": ahead}, {}, now) == ["a"], "the other computer's clock is ahead"


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(watching, "REST_S", 0.0)
    monkeypatch.setattr(watching, "EVERY_MS", 30)


def watch(window, folder: Path) -> None:
    window.lists.watch._timer.setInterval(30)
    window.lists.watch.set_folder(str(folder))


def test_films_that_come_into_the_folder_come_into_the_list_and_refused_ones_are_told(qtbot, desk_window, fakes, tmp_path, quick):
    folder = tmp_path / "in"
    folder.mkdir()
    path = folder / "a.dcm"
    fakes.films.put(make_film(str(path), size=(200, 250)))
    window = desk_window()
    settle(qtbot, window)
    watch(window, folder)
    path.write_bytes(b"film")
    (folder / "bad.dcm").write_bytes(b"no film")
    (folder / "letter.txt").write_bytes(b"Dear colleague")
    (folder / ".hidden.dcm").write_bytes(b"x")
    qtbot.waitUntil(lambda: window.work_list.model.every == 1, timeout=10000)
    qtbot.waitUntil(lambda: any("Refused from the watched folder: bad.dcm" in line for line in texts(window)), timeout=10000)
    assert window.desk.reading is None and not any("letter.txt" in line or "hidden" in line for line in texts(window))
    qtbot.waitUntil(lambda: (fakes.services.data_dir / watching.FILE_NAME).exists(), timeout=5000)
    window.close()
    again = desk_window()
    settle(qtbot, again)
    all_read(qtbot, again, fakes)
    asked = len(fakes.films.opened)
    watch(again, folder)
    qtbot.wait(400)
    assert len(fakes.films.opened) == asked, "what was taken is not opened again"
    again.lists.watch.stop()


def test_a_file_over_which_the_search_breaks_keeps_no_other_out_and_is_told_when_it_stays_so(
    qtbot, desk_window, fakes, tmp_path, quick
):
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(4):
        path = folder / f"{number}.dcm"
        path.write_bytes(b"x%d" % number)
        fakes.films.put(make_film(str(path), size=(200, 250)))
    window = desk_window()
    settle(qtbot, window)
    real, broken = fakes.films.scan, ["2.dcm"]

    def scan(paths, **how):
        for path in paths:
            if broken and path.endswith(broken[0]):
                raise FileNotFoundError(2, "gone", path)
            yield from real([path], **how)

    fakes.films.scan = scan
    watch(window, folder)
    qtbot.waitUntil(lambda: window.work_list.model.every == 3, timeout=10000)
    qtbot.waitUntil(lambda: any("Refused from the watched folder: 2.dcm" in line for line in texts(window)), timeout=10000)
    qtbot.waitUntil(lambda: len(window.lists.watch._taken) == 4, timeout=10000)
    broken.clear()
    (folder / "2.dcm").write_bytes(b"written anew")
    qtbot.waitUntil(lambda: window.work_list.model.every == 4, timeout=10000)
    window.lists.watch.set_folder("")
    all_read(qtbot, window, fakes)


def test_a_folder_that_vanishes_is_told_once_and_taken_up_again(qtbot, desk_window, fakes, tmp_path, quick):
    folder = tmp_path / "share"
    folder.mkdir()
    window = desk_window()
    settle(qtbot, window)
    watch(window, folder)
    qtbot.wait(100)
    folder.rmdir()
    qtbot.waitUntil(lambda: any("cannot be read" in line for line in texts(window)), timeout=5000)
    assert window.lists.watch.missing
    folder.mkdir()
    path = folder / "a.dcm"
    fakes.films.put(make_film(str(path), size=(200, 250)))
    path.write_bytes(b"film")
    qtbot.waitUntil(lambda: window.work_list.model.every == 1, timeout=10000)
    assert not window.lists.watch.missing
    window.lists.watch.set_folder("")
    all_read(qtbot, window, fakes)


def test_the_watched_folder_is_a_setting(qtbot, desk_window, fakes, tmp_path, monkeypatch):
    folder = tmp_path / "in"
    folder.mkdir()
    window = desk_window()
    settle(qtbot, window)
    monkeypatch.setattr(
        "boneage_desk.ui.window_lists.QFileDialog.getExistingDirectory", lambda *_: str(folder)
    )
    window.actions_["watch-folder"].trigger()
    settle(qtbot, window)
    assert window.lists.watch.folder == str(folder) and window.actions_["watch-folder"].isChecked()
    assert settings.load(fakes.services.data_dir).watch_folder == str(folder)
    window.actions_["watch-folder"].trigger()
    settle(qtbot, window)
    assert not window.lists.watch.folder and not window.actions_["watch-folder"].isChecked()
    assert settings.load(fakes.services.data_dir).watch_folder == ""


# --- many studies -------------------------------------------------------------------------------


def test_sessions_are_forgotten_but_for_those_that_are_under_way():
    busy = {"r0"}
    sessions = Sessions(busy.__contains__, kept=3)
    made = [sessions.of(reading(f"r{n}")) for n in range(6)]
    sessions.trim()
    assert len(sessions) == 3 and sessions.get("r0") is made[0] and sessions.get("r5") is made[5]
    assert sessions.get("r1") is None and sessions.of(made[4].reading) is made[4]


def test_an_undo_history_comes_back_with_a_study_that_was_just_left(qtbot, desk_window, fakes):
    add(fakes, 2, read=True)
    window = desk_window()
    settle(qtbot, window)
    window.open_reading("s0")
    settle(qtbot, window)
    qtbot.keyClick(window.bones.table, Key.Key_Right)
    settle(qtbot, window)
    window.open_reading("s1")
    settle(qtbot, window)
    window.open_reading("s0")
    settle(qtbot, window)
    assert window.desk.session.can_undo


def test_one_reading_that_makes_no_row_costs_the_others_nothing(qtbot, desk_window, fakes, monkeypatch, caplog):
    from boneage_desk.ui.presenters import library

    add(fakes, 5, read=True)
    real = library.study_row

    def row(reading):
        if reading.reading_id == "s2":
            raise ValueError("year 10000 is out of range")
        return real(reading)

    monkeypatch.setattr(library, "study_row", row)
    with caplog.at_level(logging.ERROR):
        window = desk_window()
        settle(qtbot, window)
    assert window.work_list.model.rowCount() == 4
    assert any("cannot be shown in the list" in said or "went wrong" in said for said in texts(window))
