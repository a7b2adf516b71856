"""The report page: its preview is of the reading on the desk, drawn when the page is looked at."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtPdf import QPdfDocument

from boneage_desk.common.errors import StoreError
from boneage_desk.reading.session import State
from tests.gui.conftest import settle, texts
from tests.gui.fakes import make_film
from tests.gui.test_window import press

pytestmark = pytest.mark.gui


def shown(window) -> str:
    """'id revision' of the report in the view; '' where there is none."""
    page = window.report
    if page.pages == 0 or page._preview is None or not page._preview.isVisible():
        return ""
    return str(page._document.metaData(QPdfDocument.MetaDataField.Title))


def of(window) -> str:
    return f"{window.desk.reading.reading_id} {window.desk.reading.revision}"


def test_choosing_the_page_of_a_reviewed_reading_shows_its_report(qtbot, read):
    for _ in range(13):
        press(qtbot, read, Qt.Key.Key_Return)
    press(qtbot, read, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert read.desk.reading.state is State.REVIEWED
    read.tabs.setCurrentWidget(read.report)
    assert "being drawn" in read.report.notice.text()
    qtbot.waitUntil(lambda: shown(read) == of(read))
    assert not read.report.notice.isVisible()


def test_the_preview_follows_changes_while_it_is_looked_at(qtbot, read):
    read.tabs.setCurrentWidget(read.report)
    qtbot.waitUntil(lambda: shown(read) == of(read))
    before = shown(read)
    read.desk.set_grade(3)
    qtbot.waitUntil(lambda: shown(read) == of(read))
    assert shown(read) != before
    read.tabs.setCurrentWidget(read.bones)
    read.desk.set_grade(4)
    qtbot.wait(400)
    read.tabs.setCurrentWidget(read.report)
    qtbot.waitUntil(lambda: shown(read) == of(read))


def test_a_window_closed_before_the_preview_was_drawn_draws_none(qtbot, read):
    read.tabs.setCurrentWidget(read.report)
    assert read.close()
    qtbot.wait(400)


def test_an_impression_just_typed_is_on_the_preview(qtbot, read):
    read.tabs.setCurrentWidget(read.clinic)
    read.clinical.impression.setPlainText("Normal for age.")
    read.tabs.setCurrentWidget(read.report)
    assert read.desk.reading.impression == "Normal for age."
    qtbot.waitUntil(lambda: shown(read) == of(read))


def test_the_report_of_another_patient_never_stays(qtbot, read, fakes):
    read.tabs.setCurrentWidget(read.report)
    qtbot.waitUntil(lambda: shown(read) == of(read))
    read.commands.write_report()
    settle(qtbot, read)
    assert "Written" in read.report.words.text()
    seen = []
    read.desk.case_changed.connect(lambda: seen.append(shown(read)))
    read.open_paths([fakes.films.put(make_film("/films/other.dcm"))])
    settle(qtbot, read)
    assert seen and set(seen) == {""} and read.report.words.text() == ""
    qtbot.waitUntil(lambda: shown(read) == of(read))
    assert shown(read).startswith("r2 ")


def test_a_preview_that_fails_says_so_and_leaves_no_old_one(qtbot, read, fakes):
    read.tabs.setCurrentWidget(read.report)
    qtbot.waitUntil(lambda: shown(read) == of(read))
    fakes.reports.error = StoreError("The disk is full.", "Make room.")
    read.desk.set_grade(3)
    qtbot.waitUntil(lambda: "The disk is full" in read.report.notice.text())
    assert shown(read) == "" and read.report.notice.isVisible()
    assert any("preview could not be drawn" in line for line in texts(read))
    assert not list(fakes.services.data_dir.glob("preview-*"))
