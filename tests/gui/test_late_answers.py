"""What comes late, after the reader has gone on: films, readings, the machine's word on them."""

from __future__ import annotations

import dataclasses
import threading
import zipfile
from contextlib import closing
from datetime import date

import pytest
from PIL import Image
from PySide6.QtWidgets import QPushButton

from boneage_desk.archive.store import FILE_NAME, SqliteStore
from boneage_desk.imaging.reader import FilmFiles
from boneage_desk.reading.assessment import Blind
from boneage_desk.reading.film import Patient
from boneage_desk.reading.findings import Box
from boneage_desk.reading.session import ReadingSession, SetBox, SetImpression, SetStudy
from boneage_desk.standards.types import Sex
from boneage_desk.ui.presenters import overlay
from boneage_desk.ui.presenters.compare import line_of
from boneage_desk.ui.presenters.saving import Saving
from boneage_desk.ui.presenters.study_texts import JobState
from tests.gui.conftest import settle, texts
from tests.gui.fakes import draw_hand, make_film
from tests.gui.test_work_list import _DiesOnce, add
from tests.samples import NOON

pytestmark = pytest.mark.gui


# --- what is drawn over and beside a film -----------------------------------------------------------


def test_the_corner_and_the_banner_have_one_date(qtbot, read):
    read.desk.do(SetStudy(study_date=date(2023, 7, 11)))
    assert read.film_panel.film._corners.top_right[0].startswith("2023-07-11")
    assert "2023-07-11" in read.banner._facts["film"].text()


def test_a_map_of_where_the_box_was_is_not_drawn_over_the_box_that_is_there(qtbot, read, fakes):
    fakes.engine.saliency_gate = threading.Event()
    read.desk.heat.toggle()
    qtbot.waitUntil(lambda: any(name == "grad-cam" for name, _ in fakes.engine.calls))
    box = Box(200, 220, 310, 320)
    read.desk.do(SetBox("radius", box))
    fakes.engine.saliency_gate.set()
    settle(qtbot, read)
    assert read.desk.heat.value.box == box == read.desk.reading.bone("radius").box


def test_a_film_read_blind_says_beside_another_no_more_than_on_the_desk(qtbot, desk_window, fakes):
    window = desk_window()
    settle(qtbot, window)
    window.actions_["blind-first"].trigger()
    window.open_paths([fakes.path])
    settle(qtbot, window)
    window.desk.set_grade(2)
    settle(qtbot, window)
    own = {mark.bone: mark.label for mark in overlay.marks(window.desk.reading)}
    blind = fakes.store.get(window.desk.reading.reading_id)
    assert blind.blind is Blind.HIDDEN
    window.open_paths([fakes.films.put(make_film("/films/d.dcm", patient=Patient("LI^Ming", "", "0042", Sex.FEMALE)))])
    settle(qtbot, window)
    window.film_panel.compare.show(blind)
    settle(qtbot, window)
    assert {mark.bone: mark.label for mark in window.film_panel.beside.film._marks} == own
    assert "no bone age" in line_of(blind)


# --- films on their way -----------------------------------------------------------------------------


def test_a_film_that_is_awaited_comes_although_a_file_that_is_none_was_opened_meanwhile(qtbot, desk_window, fakes):
    add(fakes, 2, read=True)
    window = desk_window()
    settle(qtbot, window)
    real, gate = fakes.films.open, threading.Event()
    fakes.films.open = lambda *a, **k: (gate.wait(5), real(*a, **k))[1]
    window.open_reading("s0")
    qtbot.waitUntil(lambda: window.desk.reading is not None)
    window.open_paths(["/films/notes.txt"])
    gate.set()
    settle(qtbot, window)
    assert window.desk.film is not None and not window.library._opening


def test_who_goes_back_to_the_study_shown_stays_there(qtbot, desk_window, fakes):
    add(fakes, 2, read=True)
    window = desk_window()
    settle(qtbot, window)
    window.open_reading("s0")
    settle(qtbot, window)
    window.library._ahead, window.library._ahead_of = None, ""
    real, gate = fakes.store.get, threading.Event()
    fakes.store.get = lambda id: (gate.wait(5), real(id))[1]
    window.open_reading("s1")
    window.open_reading("s0")
    gate.set()
    settle(qtbot, window)
    assert window.desk.reading.reading_id == "s0" and not window.library._opening


def test_a_film_of_an_archive_that_was_opened_as_a_file_too_is_found_again(qtbot, tmp_path, desk_window, fakes):
    plain, other, packed = tmp_path / "hand.png", tmp_path / "other.png", tmp_path / "cd.zip"
    Image.fromarray(draw_hand(200, 250, 255)).save(plain)
    Image.fromarray(255 - draw_hand(200, 250, 255)).save(other)
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(plain, "IM1.png")
    reader = FilmFiles()
    fakes.services = dataclasses.replace(fakes.services, films=lambda: reader)
    window = desk_window(str(packed))
    settle(qtbot, window)
    first = window.desk.reading.reading_id
    for path in (other, plain, other):
        window.open_paths([str(path)])
        settle(qtbot, window)
    window.open_reading(first)
    settle(qtbot, window)
    assert window.desk.reading.reading_id == first and window.desk.film is not None, "where it was opened last"
    window.open_paths([str(other)])
    settle(qtbot, window)
    plain.unlink()
    window.library._ahead, window.library._ahead_of = None, ""
    window.open_reading(first)
    settle(qtbot, window)
    assert window.desk.film is not None and window.desk.film.source.member == "IM1.png", "and where it was read"


# --- the queue of the background ----------------------------------------------------------------------


def test_a_film_of_the_queue_that_was_opened_is_read_although_the_model_process_dies(qtbot, desk_window, fakes):
    add(fakes, 1)
    dies, begun, gate = _DiesOnce(fakes.engine, 1), threading.Event(), threading.Event()

    def analyse(frame, **how):
        begun.set()
        gate.wait(10)
        return dies(frame, **how)

    fakes.engine.analyse = analyse
    window = desk_window()
    qtbot.waitUntil(begun.is_set, timeout=10000)
    window.open_reading("s0")
    qtbot.waitUntil(lambda: window.desk.film is not None, timeout=10000)
    gate.set()
    qtbot.waitUntil(lambda: window.desk.reading.analysed_at is not None, timeout=10000)
    settle(qtbot, window)
    assert any("tried once more" in line for line in texts(window)) and not window.lists.queue.items


def test_a_pause_leaves_the_film_that_the_reader_has_opened(qtbot, desk_window, fakes):
    add(fakes, 1)
    fakes.engine.gate = threading.Event()
    window = desk_window()
    queue = window.lists.queue
    qtbot.waitUntil(lambda: queue.running is not None and queue.running.share > 0, timeout=10000)
    window.open_reading("s0")
    qtbot.waitUntil(lambda: window.desk.film is not None, timeout=10000)
    queue.pause()
    assert window.desk.job is not None and not window.desk.job.token.cancelled
    fakes.engine.gate.set()
    settle(qtbot, window)
    assert window.desk.reading.analysed_at is not None and queue.paused and not queue.items


def test_a_film_that_waits_in_a_paused_queue_is_read_when_it_is_shown_and_the_queue_goes_on(qtbot, desk_window, fakes):
    add(fakes, 1)
    fakes.engine.gate = threading.Event()
    window = desk_window()
    queue = window.lists.queue
    qtbot.waitUntil(lambda: queue.running is not None and queue.running.share > 0, timeout=10000)
    queue.pause()
    qtbot.waitUntil(lambda: queue.count(JobState.WAITING) == 1, timeout=10000)
    window.open_reading("s0")
    qtbot.waitUntil(lambda: window.desk.job is not None, timeout=10000)
    window.desk.job.cancel()  # as a failure leaves it: shown, not read, waiting
    qtbot.waitUntil(lambda: window.desk.job is None, timeout=10000)
    assert queue.view_of("s0").state is JobState.WAITING
    fakes.engine.gate.set()
    queue.resume()
    settle(qtbot, window)
    assert window.desk.reading.analysed_at is not None and not queue.items


# --- a value that another program changed ---------------------------------------------------------------


@pytest.fixture(params=["dictionary", "SQLite"])
def store(request, tmp_path, fakes):
    """The stand-in's store, and the real one."""
    if request.param == "dictionary":
        yield fakes.store
        return
    with closing(SqliteStore(tmp_path / FILE_NAME)) as opened:
        fakes.services = dataclasses.replace(fakes.services, store=lambda: opened)
        yield opened


def theirs(store, reading_id: str) -> None:
    """Another program writes an impression."""
    session = ReadingSession(store.get(reading_id))
    event = session.do(SetImpression("theirs"), at=NOON, who="other")
    store.save(session.reading, event)


def test_what_was_asked_for_a_value_that_was_given_up_is_not_laid_over_the_saved_one(qtbot, desk_window, fakes, store):
    window = desk_window(fakes.path)
    settle(qtbot, window)
    desk = window.desk
    id = desk.reading.reading_id
    fakes.engine.gate = threading.Event()
    desk.read()  # once more, and it takes its time
    qtbot.waitUntil(lambda: desk.job is not None and desk.job.share > 0, timeout=10000)
    desk.set_box("ulna", Box(200, 220, 310, 320))  # waits behind it
    settle_saves(qtbot, window)
    theirs(store, id)
    desk.set_grade(3)
    qtbot.waitUntil(lambda: desk.saver.state is Saving.FAILED, timeout=10000)
    old = desk.session
    next(b for b in window.messages.findChildren(QPushButton) if b.text() == "Load the saved one").click()
    qtbot.waitUntil(lambda: desk.reading is not None and desk.reading.impression == "theirs", timeout=10000)
    assert desk.session is not old and desk.job is None
    fakes.engine.gate.set()
    settle(qtbot, window)
    now = store.get(id)
    assert now.impression == "theirs" and now.bone("radius").human_grade is None and desk.reading == now
    assert now.bone("ulna").human_box == Box(200, 220, 310, 320), "saved before theirs"
    revision = now.revision
    assert not desk.apply(old, SetImpression("late")) and store.get(id).revision == revision
    assert any("given up" in line for line in texts(window))


def settle_saves(qtbot, window) -> None:
    qtbot.waitUntil(lambda: not window.desk.saver.busy and not window.desk.saver.unsaved, timeout=10000)
