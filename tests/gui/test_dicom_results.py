"""DICOM results from the window, written by the real writer from a drawn film."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QFileDialog

from boneage_desk.archive.station import Station
from boneage_desk.archive.store import FILE_NAME, SqliteStore
from boneage_desk.common.errors import StoreError
from boneage_desk.reading.annotating import SetKeyImage
from boneage_desk.reports.dicom_results import writer
from boneage_desk.reports.dicom_results.writer import DicomResults
from boneage_desk.ui import app
from boneage_desk.ui.main_window import MainWindow
from boneage_desk.ui.presenters.reporting import Kind
from tests.dicom_cases import by_modality, drawn, open_film, read_strictly
from tests.gui.conftest import settle, texts
from tests.gui.fakes import Fakes
from tests.gui.test_report_output import sealed

pytestmark = pytest.mark.gui
TOPIC = "dicom-results"


@pytest.fixture(scope="module")
def hand() -> Any:
    return drawn(250, 200)


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the person chooses."""
    folder = tmp_path / "结果"
    folder.mkdir()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(folder))
    return folder


@pytest.fixture
def window(qtbot, desk_window: Callable[..., MainWindow], fakes: Fakes, hand: Any, tmp_path: Path) -> Iterator[MainWindow]:
    """A drawn DICOM film opened and read; results and audit chain are the real ones."""
    film = open_film(tmp_path, hand)
    fakes.films.put(film)
    store = SqliteStore(tmp_path / FILE_NAME)
    station = Station(tmp_path / FILE_NAME, lambda: store)
    fakes.services = dataclasses.replace(fakes.services, results=DicomResults, station=lambda: station)
    shown = desk_window(film.source.path)
    settle(qtbot, shown)
    yield shown
    store.close()


def export(qtbot, window: MainWindow) -> None:
    window.actions_["export-dicom"].trigger()
    finish(qtbot, window)


def finish(qtbot, window: MainWindow) -> None:
    """Until the job and the note in the chain are through."""
    for _ in range(3):
        settle(qtbot, window)


def last(window: MainWindow) -> Any:
    (message,) = [message for message in window.messages.messages if message.topic == TOPIC]
    return message


def test_a_draft_leaves_without_a_report_and_that_is_told(qtbot, window: MainWindow, out: Path) -> None:
    export(qtbot, window)
    found = by_modality(out.iterdir())
    assert set(found) == {"SR", "PR", "OT", "KO"}
    assert found["SR"].CompletionFlag == "PARTIAL" and "draft" in found["SR"].SeriesDescription
    message = last(window)
    assert message.text.startswith(f"PHANTOM DEMO: 4 DICOM objects written to {out}.") and "not signed" in message.text
    assert [choice.title for choice in message.choices] == ["Open the folder"]
    events = [(row.action, row.detail, row.after) for row in window.services.station().rows()]
    reading = window.desk.reading
    assert events == [("export", "DICOM results", f"{reading.reading_id}, revision {reading.revision}: 4 objects")]


def test_reports_that_leave_are_in_the_chain(qtbot, window: MainWindow, tmp_path: Path) -> None:
    reading = window.desk.reading
    window.reporting.write(tmp_path / "r.pdf", open_it=False)
    finish(qtbot, window)
    window.reporting.write(tmp_path / "r.json", open_it=False, kind=Kind.JSON)
    finish(qtbot, window)
    window.actions_["copy-report"].trigger()
    finish(qtbot, window)
    window.reporting.write(tmp_path, open_it=False)  # a folder: nothing leaves
    finish(qtbot, window)
    events = [(row.action, row.detail, row.after) for row in window.services.station().rows()]
    what = f"{reading.reading_id}, revision {reading.revision}"
    assert events == [("export", f"report, {how}", what) for how in ("PDF", "JSON", "copied as text")]


def test_the_same_reading_again_is_no_duplicate(qtbot, window: MainWindow, out: Path) -> None:
    export(qtbot, window)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    export(qtbot, window)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_a_signed_reading_takes_its_sealed_file_along(qtbot, window: MainWindow, fakes: Fakes, out: Path) -> None:
    kept = sealed(qtbot, window, fakes)
    export(qtbot, window)
    found = by_modality(out.iterdir())
    assert set(found) == {"SR", "PR", "OT", "DOC", "KO"}
    document = found["DOC"]
    assert document.EncapsulatedDocument[: document.EncapsulatedDocumentLength] == kept
    assert (document.VerificationFlag, found["SR"].VerificationFlag) == ("VERIFIED", "VERIFIED")
    assert last(window).text == f"PHANTOM DEMO: 5 DICOM objects written to {out}."


def test_a_sealed_file_that_is_gone_stops_it(qtbot, window: MainWindow, fakes: Fakes, out: Path) -> None:
    sealed(qtbot, window, fakes)
    fakes.store.files.clear()
    export(qtbot, window)
    assert last(window).text.startswith("PHANTOM DEMO: no DICOM results were written: ") and list(out.iterdir()) == []


def test_the_mark_of_a_key_image_goes_with_the_film(qtbot, window: MainWindow, out: Path) -> None:
    assert window.desk.do(SetKeyImage(True))
    export(qtbot, window)  # while the mark is still on its way to the disk
    titles = {read_strictly(path).ConceptNameCodeSequence[0].CodeMeaning for path in out.glob("KO.*")}
    assert titles == {"Manifest", "Of Interest"}
    assert last(window).text.startswith("PHANTOM DEMO: 5 DICOM objects")


def test_the_report_page_has_it_and_the_last_folder_is_offered(
    qtbot, window: MainWindow, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (action,) = [a for a in window.report.export.menu().actions() if a.text() == "DICOM results\N{HORIZONTAL ELLIPSIS}"]
    action.trigger()
    finish(qtbot, window)
    assert len(list(out.iterdir())) == 4
    offered: list[str] = []
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda _w, _title, folder: offered.append(folder) or "")
    action.trigger()
    assert offered == [str(out)]


def test_a_disk_that_refuses_is_told_and_leaves_nothing(
    qtbot, window: MainWindow, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, _data: bytes) -> None:
        raise StoreError("No room.", "Free some space.", code="report")

    monkeypatch.setattr(writer, "write_whole", refuse)
    export(qtbot, window)
    message = last(window)
    assert message.kind == "error" and message.text.startswith("PHANTOM DEMO: no DICOM results were written: ")
    assert message.remedy == "Free some space." and [choice.title for choice in message.choices] == ["Choose another folder"]
    assert list(out.iterdir()) == [] and list(window.services.station().rows()) == []


def test_a_film_without_dicom_is_refused_before_a_folder_is_asked_for(
    qtbot, read: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: pytest.fail("it asked"))
    read.actions_["export-dicom"].trigger()
    assert last(read).kind == "error" and "no UID" in last(read).text and last(read).remedy


def test_while_it_is_blind_nothing_leaves(
    qtbot, desk_window: Callable[..., MainWindow], fakes: Fakes, hand: Any, tmp_path: Path, out: Path
) -> None:
    film = open_film(tmp_path, hand)
    fakes.films.put(film)
    fakes.services = dataclasses.replace(fakes.services, results=DicomResults)
    shown = desk_window()
    shown.desk.blind_first.toggle()
    shown.open_paths([film.source.path])
    settle(qtbot, shown)
    assert shown.desk.blind_first.hidden
    shown.actions_["export-dicom"].trigger()
    settle(qtbot, shown)
    assert any("still hidden" in words for words in texts(shown)) and list(out.iterdir()) == []


def test_what_is_not_on_the_disk_does_not_leave(qtbot, window: MainWindow, fakes: Fakes, out: Path) -> None:
    fakes.store.broken = StoreError("The disk is full.", "Free some space.")
    window.desk.do(SetKeyImage(True))
    settle(qtbot, window)
    export(qtbot, window)
    message = last(window)
    assert "not saved" in message.text and [choice.title for choice in message.choices] == ["Save again"]
    assert list(out.iterdir()) == []
    fakes.store.broken = None
    message.choices[0].act()
    settle(qtbot, window)
    export(qtbot, window)
    assert len(list(out.glob("KO.*"))) == 2


def test_it_can_be_cancelled(qtbot, window: MainWindow, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def press_cancel(self: object, *_: object, progress: Callable[[float, str], None], cancel: Any, **__: object) -> list[Path]:
        progress(0.5, "half")
        stopped = threading.Event()
        cancel.on_cancel(stopped.set)
        stopped.wait(20)
        cancel.check()
        return []

    monkeypatch.setattr(DicomResults, "write", press_cancel)
    window.actions_["export-dicom"].trigger()
    qtbot.waitUntil(lambda: any("50 %" in words for words in texts(window)), timeout=20000)
    (choice,) = last(window).choices
    assert choice.title == "Cancel"
    choice.act()
    finish(qtbot, window)
    assert last(window).text == "PHANTOM DEMO: cancelled, no DICOM results were written." and list(out.iterdir()) == []


def test_a_reports_last_folder_is_offered_again(qtbot, read: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offered: list[str] = []
    (tmp_path / "out").mkdir()

    def choose(_w: object, _title: str, suggested: str, _filter: str) -> tuple[str, str]:
        offered.append(str(Path(suggested).parent))
        return str(tmp_path / "out" / Path(suggested).name), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", choose)
    for command in ("export-json", "export-fhir", "report-as"):
        read.actions_[command].trigger()
        settle(qtbot, read)
    assert offered[1:] == [str(tmp_path / "out")] * 2 and offered[0] != offered[1]
    assert sorted(path.suffix for path in (tmp_path / "out").iterdir()) == [".json", ".json", ".pdf"]


def test_qts_file_dialog_is_chinese_where_qt_itself_is_not(qapp) -> None:
    try:
        app._use_qt_words(qapp, "zh")
        words = {QCoreApplication.translate("QFileDialog", text) for text in ("&Look in:", "Files of &type:", "&Choose", "Directory:")}
        assert not any(word.isascii() for word in words)
    finally:
        app._use_qt_words(qapp, "en")
    assert QCoreApplication.translate("QFileDialog", "&Look in:") == "&Look in:"
