"""Work list and pages as docks: locked, moved, in windows of their own, kept, reset; and what must not be seen of them."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QApplication, QDockWidget

from boneage_desk.ui.jobs import Job
from boneage_desk.ui.views.progress_row import ProgressRow
from tests.gui.conftest import settle

pytestmark = pytest.mark.gui
LEFT, RIGHT = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea


def test_locked_docks_take_no_room(qtbot, window):
    docks = window.docks
    for dock in (docks.list, docks.pages):
        assert dock.features() == QDockWidget.DockWidgetFeature.NoDockWidgetFeatures
        assert not dock.title.isVisible() and dock.widget().height() == docks.height()


def test_unlocked_docks_have_titles_to_drag_them_by(qtbot, window):
    window.actions_["move-panels"].trigger()
    QApplication.processEvents()
    for dock in (window.docks.list, window.docks.pages):
        assert dock.title.isVisible() and dock.title.name.text() == dock.windowTitle()
        assert dock.features() & QDockWidget.DockWidgetFeature.DockWidgetMovable
        assert dock.widget().height() < window.docks.height()
    assert window.actions_["move-panels"].isChecked()
    window.actions_["move-panels"].trigger()
    QApplication.processEvents()
    assert not window.docks.list.title.isVisible()


def test_the_pages_in_a_window_of_their_own_go_on_working(qtbot, read):
    pages = read.docks.pages
    read.actions_["pages-window"].trigger()
    QApplication.processEvents()
    assert pages.isFloating() and pages.isVisible() and pages.window() is pages
    assert pages.title.isVisible() and read.actions_["pages-window"].isChecked()
    film = read.stack.width()
    read.desk.select("radius")
    read.bones.table.setFocus()
    before = read.desk.reading.bone("radius").final_grade
    read.actions_["grade-up"].trigger()
    settle(qtbot, read)
    assert read.desk.reading.bone("radius").final_grade != before
    pages.title.button.click()
    QApplication.processEvents()
    assert not pages.isFloating() and pages.window() is read and not pages.title.isVisible()
    assert not read.actions_["pages-window"].isChecked() and read.stack.width() < film


@pytest.mark.parametrize("size", [(1366, 768), (1080, 1800)], ids=["beside", "under"])
def test_the_pages_have_the_room_of_a_film_that_is_elsewhere(qtbot, desk_window, fakes, size):
    window = desk_window(fakes.path, size=size)
    settle(qtbot, window)
    docks = window.docks
    long = docks.pages.height if size[1] > size[0] else docks.pages.width
    first, film = long(), docks.film.height() if size[1] > size[0] else docks.film.width()
    window.actions_["film-window"].trigger()
    QApplication.processEvents()
    assert long() >= first + film - 300, "what the note does not need is the pages'"
    back = window.layout_.place.back
    assert docks.film.rect().contains(back.mapTo(docks.film, back.rect().bottomRight()))
    window.actions_["film-window"].trigger()
    QApplication.processEvents()
    assert abs(long() - first) <= 4 and window.film_panel.isVisible()


def test_a_narrow_bar_says_the_beginning_of_its_words(qtbot):
    row = ProgressRow()
    qtbot.addWidget(row)
    row.resize(600, 40)
    job = Job("engine", "Reading the film", lambda _token, _progress: None)
    job.step = "starting the models"
    row.show_job(job, unread=True)
    row.show()
    assert row.bar.text() == "Reading the film: starting the models"
    row.resize(220, 40)
    QApplication.processEvents()
    assert row.bar.text().startswith("Reading") and row.bar.text().endswith("\N{HORIZONTAL ELLIPSIS}")
    assert row.bar.fontMetrics().horizontalAdvance(row.bar.text()) < row.bar.width()
    assert row.bar.toolTip() == "Reading the film: starting the models"


def test_the_room_of_a_film_that_is_elsewhere_is_not_kept(qtbot, desk_window, fakes):
    window = desk_window(fakes.path)
    settle(qtbot, window)
    before = window.docks.pages.width()
    window.actions_["film-window"].trigger()
    QApplication.processEvents()
    assert window.docks.pages.width() > before
    window.close()
    again = desk_window(fakes.path)
    settle(qtbot, again)
    assert abs(again.docks.pages.width() - before) <= 4


def test_closing_a_floating_dock_brings_it_back(qtbot, read):
    read.actions_["pages-window"].trigger()
    event = QCloseEvent()
    QApplication.sendEvent(read.docks.pages, event)
    assert not event.isAccepted() and not read.docks.pages.isFloating() and read.tabs.isVisible()


def test_places_are_kept_and_reset(qtbot, desk_window):
    first = desk_window()
    first.docks.addDockWidget(RIGHT, first.docks.list)
    first.docks.addDockWidget(LEFT, first.docks.pages)
    QApplication.processEvents()
    first.close()
    second = desk_window()
    assert second.docks.dockWidgetArea(second.docks.list) == RIGHT
    assert second.docks.dockWidgetArea(second.docks.pages) == LEFT
    second.actions_["move-panels"].trigger()
    second.actions_["pages-window"].trigger()
    second.actions_["reset-layout"].trigger()
    QApplication.processEvents()
    assert second.docks.dockWidgetArea(second.docks.list) == LEFT
    assert second.docks.dockWidgetArea(second.docks.pages) == RIGHT and not second.docks.pages.isFloating()
    assert not second.docks.list.title.isVisible() and not second.actions_["move-panels"].isChecked()


def test_a_floating_dock_comes_back_floating_and_closes_with_the_window(qtbot, desk_window):
    first = desk_window()
    first.actions_["pages-window"].trigger()
    QApplication.processEvents()
    first.close()
    assert not first.docks.pages.isVisible()
    second = desk_window()
    assert second.docks.pages.isFloating() and second.docks.pages.title.isVisible()
    assert second.actions_["pages-window"].isChecked()


def test_a_hidden_list_stays_hidden_and_says_so(qtbot, desk_window):
    first = desk_window()
    first.actions_["side-list"].trigger()
    first.close()
    second = desk_window()
    assert not second.work_list.isVisible() and not second.actions_["side-list"].isChecked()
    second.actions_["side-list"].trigger()
    assert second.work_list.isVisible()


def test_the_wide_list_has_the_window_to_itself_wherever_it_lay(qtbot, read):
    docks = read.docks
    docks.list.setFloating(True)
    read.actions_["pages-window"].trigger()
    read.actions_["work-list"].trigger()
    QApplication.processEvents()
    assert not docks.list.isFloating() and read.work_list.width() == docks.width()
    assert not read.tabs.isVisible()
    read.actions_["work-list"].trigger()
    QApplication.processEvents()
    assert docks.pages.isFloating() and read.tabs.isVisible() and read.stack.isVisible()


def test_nothing_of_a_floating_dock_is_seen_while_the_window_is_locked(qtbot, read):
    read.actions_["pages-window"].trigger()
    QApplication.processEvents()
    read.lock.lock()
    QApplication.processEvents()
    assert read.lock.presenter.locked and not read.docks.pages.isVisible()
    read.lock.presenter.go_on()
    qtbot.waitUntil(lambda: not read.lock.presenter.locked)
    assert read.docks.pages.isVisible() and read.docks.pages.isFloating()


def test_an_upright_window_has_the_pages_under_the_film(qtbot, desk_window):
    window = desk_window(size=(1080, 1920))
    QApplication.processEvents()
    docks = window.docks
    assert docks.dockWidgetArea(docks.pages) == Qt.DockWidgetArea.BottomDockWidgetArea
    assert docks.pages.y() >= docks.film.y() + docks.film.height() and docks.pages.width() > 800
    assert 0.35 * docks.height() < docks.pages.height() < 0.55 * docks.height()
