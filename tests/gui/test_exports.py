"""Exports from the window, written by the real exporter; and the passphrase of an encrypted data base."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PySide6.QtWidgets import QDialogButtonBox, QFileDialog

from boneage_desk.archive import vault
from boneage_desk.archive.station import Station
from boneage_desk.archive.store import FILE_NAME, SqliteStore
from boneage_desk.imaging.phantom.dicom import PhantomPatient, write_dicom
from boneage_desk.reading.session import AuditEvent
from boneage_desk.reports.deidentify.export import FilmExports
from boneage_desk.ui.main_window import MainWindow
from tests.dicom_cases import drawn, open_film, session
from tests.gui.conftest import settle, texts
from tests.gui.fakes import Fakes
from tests.samples import analysed

pytestmark = pytest.mark.gui
AT = datetime(2024, 7, 12, 12, 0, tzinfo=UTC)


@pytest.fixture
def station(fakes: Fakes, tmp_path: Path) -> Iterator[Station]:
    """The window's exports and chain are the real ones, on a store beside the stand-in."""
    store = SqliteStore(tmp_path / FILE_NAME)
    made = Station(tmp_path / FILE_NAME, lambda: store)
    fakes.services = dataclasses.replace(fakes.services, station=lambda: made, exports=FilmExports)
    yield made
    store.close()


def events(station: Station) -> list[tuple[str, str, str]]:
    return [(row.action, row.detail, row.after) for row in station.rows()]


def test_films_without_names(qtbot, desk_window: Callable[..., MainWindow], station: Station, tmp_path: Path) -> None:
    write_dicom(drawn(250, 200), tmp_path / "a.dcm", patient=PhantomPatient("MUSTERMANN^Erika", "PID556677"))
    window = desk_window()
    window.actions_["export-films"].trigger()
    dialog = window.commands.exports.dialog
    assert dialog is not None
    ok = dialog.buttons.button(QDialogButtonBox.StandardButton.Ok)
    assert not ok.isEnabled()
    dialog.out.setText(str(tmp_path / "out"))
    assert not ok.isEnabled()
    dialog._take([str(tmp_path / "a.dcm")])
    dialog.keep.setChecked(True)
    dialog.dates.setCurrentIndex(1)
    dialog.key.setText(str(tmp_path / "key.json"))
    assert ok.isEnabled()
    ok.click()
    settle(qtbot, window)
    settle(qtbot, window)
    told = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert told["options"] == {"keep_sex_age": True, "clean_descriptions": False, "dates": "shift"}
    assert (tmp_path / "key.json").exists()
    assert any("1 film without names written" in words and "Look at each picture" in words for words in texts(window))
    assert events(station) == [("export", "de-identified, with a key", "1 films")]


def test_the_film_on_the_desk_is_there_to_begin_with(qtbot, read: MainWindow, fakes: Fakes) -> None:
    read.actions_["export-films"].trigger()
    dialog = read.commands.exports.dialog
    assert dialog is not None and dialog.paths == [fakes.path]
    dialog.reject()


def test_a_failure_is_told_and_nothing_noted(qtbot, desk_window: Callable[..., MainWindow], station: Station, tmp_path: Path) -> None:
    window = desk_window()
    window.actions_["export-films"].trigger()
    dialog = window.commands.exports.dialog
    assert dialog is not None
    (tmp_path / "empty").mkdir()
    dialog._take([str(tmp_path / "empty")])
    dialog.out.setText(str(tmp_path / "out"))
    dialog.accept()
    settle(qtbot, window)
    assert any("Nothing was exported" in words and "no film" in words for words in texts(window))
    assert not (tmp_path / "out").exists() and events(station) == []


def test_decisions_for_training(
    qtbot, desk_window: Callable[..., MainWindow], fakes: Fakes, station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from boneage_desk.reading.session import AcceptGrade, MarkReviewed
    from boneage_desk.standards import rus_chn

    hand = drawn(500, 400)
    case = session(open_film(tmp_path, hand), hand, second=False)
    for command in (*(AcceptGrade(bone) for bone in rus_chn.BONES), MarkReviewed()):
        case.do(command, at=AT, who="reader")
    fakes.store.add(case.reading, AuditEvent("r1", AT, "reader", "open"))
    window = desk_window()
    settle(qtbot, window)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "set"))
    window.actions_["export-training"].trigger()
    for _ in range(3):
        settle(qtbot, window)
    assert (tmp_path / "set" / "grades.csv").exists() and (tmp_path / "set" / "boxes.csv").exists()
    assert any("1 film with 13 decided bones, 0 other than the machine's" in words for words in texts(window))
    assert events(station) == [("export", "training set, without a key", "1 films, 13 grades, 0 overrides")]



# ------------------------------------------------------------------------- an encrypted data base
PASSPHRASE = "correct horse battery"


def test_the_passphrase_of_an_encrypted_data_base_is_asked_for(
    qtbot, desk_window: Callable[..., MainWindow], fakes: Fakes, tmp_path: Path
) -> None:
    path, keys = tmp_path / FILE_NAME, vault.Keys()
    with closing(SqliteStore(path)) as store:
        store.add(analysed("r1").reading, AuditEvent("r1", AT, "reader", "open"))
    maker = Station(path, lambda: SqliteStore(path), vault.Keys())
    maker.encrypt(at=AT, who="reader", passphrase=PASSPHRASE, delete_clear=True)
    opened: list[SqliteStore] = []

    def open_store() -> SqliteStore:
        if not opened:
            opened.append(SqliteStore(path, keys=keys))
        return opened[0]

    station = Station(path, open_store, keys)
    fakes.services = dataclasses.replace(fakes.services, store=open_store, station=lambda: station)
    window = desk_window()
    settle(qtbot, window)
    (message,) = [m for m in window.messages.messages if m.topic == "store"]
    assert "encrypted" in message.text and message.choices[0].title == "Enter the passphrase"
    message.choices[0].act()
    dialog = window.commands.key.dialog
    assert dialog is not None
    dialog.reject()
    (message,) = [m for m in window.messages.messages if m.topic == "store"]
    message.choices[0].act()  # who put the question away is not shut out
    dialog = window.commands.key.dialog
    assert dialog is not None
    dialog.field.setText("not this passphrase")
    dialog.accept()
    settle(qtbot, window)
    (message,) = [m for m in window.messages.messages if m.topic == "store"]
    assert "not the passphrase" in message.text
    message.choices[0].act()
    assert window.commands.key.dialog is not None
    window.commands.key.dialog.field.setText(PASSPHRASE)
    window.commands.key.dialog.accept()
    settle(qtbot, window)
    settle(qtbot, window)
    assert [m.text for m in window.messages.messages if m.topic == "store"] == []
    assert opened and window.work_list.model.rowCount() == 1
    window.close()
    opened[0].close()
