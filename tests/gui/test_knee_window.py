"""The window of the knees, on the real film reader and report; once (slow) with a trained model in the real process."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel

from boneage_desk.common.paths import packaged_dir
from boneage_desk.engines.service import InferenceService
from boneage_desk.reading.film import Laterality
from boneage_desk.reading.knee import KneeQuestion
from boneage_desk.reading.ports import FilmEntry
from boneage_desk.standards.types import Sex
from boneage_desk.ui import theme
from boneage_desk.ui.jobs import JobRunner
from boneage_desk.ui.views.knee_window import KneeWindow
from boneage_desk.wiring import build
from tests.gui.conftest import settle
from tests.knee_engine import KneeEngine, write_knee, write_picture

pytestmark = pytest.mark.gui


class Shown:
    """A knee window on real services but for the engine; the PDFs that it opened."""

    def __init__(self, qtbot, folder: Path, engine: object) -> None:
        self.qtbot = qtbot
        self.runner = JobRunner()
        self.services = dataclasses.replace(build(folder), engine=lambda: engine)  # type: ignore[arg-type, return-value]
        self.pdfs: list[Path] = []
        self.opens = True
        self.window = KneeWindow(self.services, self.runner, self._open_pdf)
        self.window.show()

    def _open_pdf(self, path: Path) -> bool:
        self.pdfs.append(path)
        return self.opens

    def open(self, path: Path) -> None:
        self.window.desk.open_paths([str(path)])
        self.settle()

    def settle(self, most_ms: int = 20_000) -> None:
        self.qtbot.waitUntil(lambda: not self.runner.jobs, timeout=most_ms)

    def words(self) -> str:
        """All that can be read in the window."""
        QApplication.processEvents()  # what was added to a layout is shown in the next turn
        labels = self.window.findChildren(QLabel)
        return " | ".join(label.text() for label in labels if label.isVisible() and label.text())

    def close(self) -> None:
        self.window.close()
        assert self.runner.close()
        self.window.deleteLater()
        self.services.close()


@pytest.fixture
def engine() -> KneeEngine:
    return KneeEngine()


@pytest.fixture
def show(qtbot, qapp, tmp_path: Path) -> Iterator[Callable[[object], Shown]]:
    theme.apply(qapp)
    made: list[Shown] = []

    def make(engine: object) -> Shown:
        made.append(Shown(qtbot, tmp_path, engine))
        return made[-1]

    yield make
    for shown in made:
        shown.close()


def pixels_of(window: KneeWindow) -> np.ndarray:
    """The film view as it is on the screen, [h, w, 3] int."""
    image = window.film.grab().toImage().convertToFormat(window.film.grab().toImage().Format.Format_RGB888)
    data = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return data[:, : image.width() * 3].reshape(image.height(), image.width(), 3).astype(int)


def test_a_film_that_says_everything(show, engine: KneeEngine, tmp_path: Path) -> None:
    shown = show(engine)
    assert "No knee film is open." in shown.words() and not shown.window.write.isEnabled()
    assert "No knee weights are shipped" in shown.words()
    shown.open(write_knee(tmp_path / "knee.dcm"))
    said, window = shown.words(), shown.window
    for fact in ("KNEE CHILD", "Female", "born 2014-07-11", "age 10 y 0 m", "K77", "LEFT knee", "film 2024-07-11", "SYNTHETIC"):
        assert fact in said, fact
    for word in ("10 y 6 m", "90 % interval 9 y 0 m to 12 y 0 m", "+6.0 months", "convnext_tiny.site", "c" * 16, "Only of one site."):
        assert word in said, word
    assert "No knee weights are shipped" in said and "not verified" in said
    assert not window.facts.isVisible() and window.write.isEnabled() and not window.progress.isVisible()
    assert window.film._corners.top_left == ("KNEE CHILD", "K77 F *2014-07-11") and window.film._corners.side == "L"


def test_what_the_file_lacks_is_asked_for_and_nothing_assumed(qtbot, show, engine: KneeEngine, tmp_path: Path) -> None:
    shown = show(engine)
    shown.open(write_picture(tmp_path / "knee.png"))
    window, form = shown.window, shown.window.facts
    assert form.isVisible() and form.sex.currentText() == form.side.currentText() == "not known"
    assert form.birth_date.text() == "" and form.study_date.text() == ""
    said = shown.words()
    for word in ("sex ?", "born ?", "age ?", "side ?", "film date ?", "no number", "The sex is not known"):
        assert word in said, word
    assert window.film._corners.top_left == ("No name", "sex ? born ?")
    form.sex.setFocus()
    qtbot.keyClick(form.sex, Qt.Key.Key_Down)  # Female
    qtbot.keyClicks(form.birth_date, "2014-07-11")
    qtbot.keyClick(form.birth_date, Qt.Key.Key_Return)
    qtbot.keyClicks(form.study_date, "2024-07-11")
    qtbot.keyClick(form.study_date, Qt.Key.Key_Return)
    shown.settle()
    assert window.desk.facts.sex is Sex.FEMALE and engine.asked[-1] == KneeQuestion(Sex.FEMALE, 120.0)
    said = shown.words()
    assert "10 y 6 m" in said and "age 10 y 0 m" in said and "Given by the person" in said and "side ?" in said
    form.side.setCurrentIndex(2)
    form.side.activated.emit(2)
    assert window.desk.facts.side is Laterality.RIGHT and "RIGHT knee" in shown.words()


@pytest.mark.parametrize("typed", ["2014-13-40", "ten", "2999-01-01"])
def test_a_wrong_date_counts_as_not_known(qtbot, show, engine: KneeEngine, tmp_path: Path, typed: str) -> None:
    shown = show(engine)
    shown.open(write_knee(tmp_path / "knee.dcm", birth_date=""))
    form = shown.window.facts
    assert form.birth_date.isVisible() and not form.sex.isVisible() and not form.study_date.isVisible()
    qtbot.keyClicks(form.birth_date, "2014-07-11")
    qtbot.keyClick(form.birth_date, Qt.Key.Key_Return)
    shown.settle()
    assert shown.window.desk.facts.birth_date == date(2014, 7, 11) and "10 y 6 m" in shown.words()
    form.birth_date.selectAll()
    qtbot.keyClicks(form.birth_date, typed)
    qtbot.keyClick(form.birth_date, Qt.Key.Key_Return)
    shown.settle()
    assert shown.window.desk.facts.birth_date is None and form.wrong.isVisible() and form.wrong.text()
    assert "10 y 6 m" not in shown.words() and "chronological age is not known" in shown.words()


def test_without_a_model(show, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    shown = show(InferenceService(tmp_path / "models", scratch=tmp_path / "scratch"))
    shown.open(write_knee(tmp_path / "knee.dcm"))
    said, window = shown.words(), shown.window
    assert "no number" in said and "No knee model is installed" in said and "docs/knee.md" in said
    assert "boneage-desk train knee --example" in said
    assert not window._actions["saliency"].isEnabled() and not window.slider.isVisible() and window.write.isEnabled()


def test_the_map_on_the_film_with_its_key(qtbot, show, engine: KneeEngine, tmp_path: Path) -> None:
    shown = show(engine)
    shown.open(write_knee(tmp_path / "knee.dcm"))
    window = shown.window

    def yellow() -> float:
        rgb = pixels_of(window)
        return float(np.mean(rgb[..., 0] - rgb[..., 2] > 40))

    assert yellow() < 0.001  # a film is grey
    window.film.setFocus()
    qtbot.keyClick(window.film, Qt.Key.Key_G)
    shown.settle()
    faint = yellow()
    assert faint > 0.01 and window.film._corners.key == 0.6
    assert window.film._corners.bottom_right == ("Grad-CAM knee model, opacity 60%",)
    assert window.slider.isVisible()
    window.slider.setValue(9)
    assert window.desk.look.opacity == 0.9 and yellow() > faint
    qtbot.keyClick(window.film, Qt.Key.Key_G)
    assert yellow() < 0.001 and window.film._corners.key == 0.0 and not window.slider.isVisible()


def test_the_view_of_the_film(qtbot, show, engine: KneeEngine, tmp_path: Path) -> None:
    shown = show(engine)
    window = shown.window
    window.film.setFocus()
    qtbot.keyClick(window.film, Qt.Key.Key_I)  # nothing is open: nothing happens
    assert not window.film.inverted
    shown.open(write_knee(tmp_path / "knee.dcm"))
    dark = pixels_of(window)
    qtbot.keyClick(window.film, Qt.Key.Key_I)
    assert window.film.inverted and window._actions["invert"].isChecked()
    middle = slice(200, 400), slice(300, 450)
    assert np.abs(pixels_of(window)[middle] + dark[middle] - 255).mean() < 8
    assert "INVERTED" in window.film._corners.bottom_left[-1]
    before = window.film.view.zoom
    window._actions["one-to-one"].trigger()
    assert window.film.view.zoom != before
    window._actions["fit"].trigger()
    assert window.film.view.zoom == before
    window._actions["presets"].trigger()
    assert window.film.voi.name == "Auto"
    window._actions["reset-view"].trigger()
    assert not window.film.inverted and not window._actions["invert"].isChecked()


def test_the_report(qtbot, show, engine: KneeEngine, tmp_path: Path, monkeypatch) -> None:
    shown = show(engine)
    shown.open(write_knee(tmp_path / "knee.dcm", study_date=""))
    window = shown.window
    qtbot.mouseClick(window.write, Qt.MouseButton.LeftButton)
    shown.settle()
    (first,) = shown.pdfs
    assert first.is_file() and f"Written: {first}" in shown.words()
    qtbot.keyClicks(window.facts.study_date, "2024-07-11")  # typed, not entered
    window._actions["report"].trigger()
    assert window.messages.messages[-1].text == "There is no answer to report yet."
    shown.settle()
    assert "10 y 6 m" in shown.words() and len(shown.pdfs) == 1
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a, **k: (str(tmp_path / "mine"), ""))
    shown.opens = False
    qtbot.mouseClick(window.write_as, Qt.MouseButton.LeftButton)
    shown.settle()
    assert shown.pdfs[-1] == tmp_path / "mine.pdf" and shown.pdfs[-1].is_file()
    assert "No program of this computer opens PDF files" in window.messages.messages[-1].text


def test_cancel_and_read_again(qtbot, show, engine: KneeEngine, tmp_path: Path) -> None:
    shown = show(engine)
    engine.gate = threading.Event()
    window = shown.window
    window.desk.open_paths([str(write_knee(tmp_path / "knee.dcm"))])
    qtbot.waitUntil(lambda: bool(engine.asked))
    assert window.progress.isVisible() and "Reading the knee" in window.answer.note.text()
    qtbot.mouseClick(window.progress.cancel, Qt.MouseButton.LeftButton)
    shown.settle()
    assert window.answer.note.text() == "Not read." and window.progress.again.isVisible() and not window.write.isEnabled()
    engine.gate = None
    qtbot.mouseClick(window.progress.again, Qt.MouseButton.LeftButton)
    shown.settle()
    assert "10 y 6 m" in shown.words() and not window.progress.isVisible()


def test_a_fault_is_told_in_this_window(show, engine: KneeEngine, tmp_path: Path) -> None:
    from boneage_desk.common.errors import EngineError

    shown = show(engine)
    engine.error = EngineError("The model process ended.", "Read the film again.", code="engine-crashed")
    shown.open(write_knee(tmp_path / "knee.dcm"))
    assert "The knee was not read: The model process ended." in shown.words() and "Not read: see the message" in shown.words()
    engine.error = None
    shown.window._actions["again"].trigger()
    shown.settle()
    assert "10 y 6 m" in shown.words() and shown.window.messages.messages == []


def test_a_film_is_dropped_and_a_frame_is_asked_for(qtbot, show, engine: KneeEngine, tmp_path: Path) -> None:
    shown = show(engine)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(write_knee(tmp_path / "knee.dcm")))])
    drop = QDropEvent(QPointF(50, 50), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    shown.window.dropEvent(drop)
    shown.settle()
    assert "10 y 6 m" in shown.words()
    shown.window.desk.choose_frame.emit(FilmEntry("/films/many.dcm", frame_count=3))
    assert "many.dcm holds 3 frames. Which one shows the knee?" in shown.words()


def test_closing_lets_go_of_the_patient(show, engine: KneeEngine, tmp_path: Path) -> None:
    shown = show(engine)
    shown.open(write_knee(tmp_path / "knee.dcm"))
    shown.window.close()
    shown.window.show()
    assert "KNEE CHILD" not in shown.words() and "10 y 6 m" not in shown.words()
    assert "No knee film is open." in shown.words()
    assert shown.window.film._corners.top_left == ()


@pytest.mark.qt_log_ignore("does not support raise")
def test_the_command_of_the_main_window(qtbot, fakes, desk_window, engine: KneeEngine, tmp_path: Path, monkeypatch) -> None:
    real = build(tmp_path)
    fakes.services = dataclasses.replace(fakes.services, knee=real.knee, engine=lambda: engine)
    window = desk_window()
    settle(qtbot, window)
    chosen = [([], ""), ([str(write_knee(tmp_path / "knee.dcm"))], "")]
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *a, **k: chosen.pop(0))
    window.actions_["open-knee"].trigger()
    assert window.commands.knee is None  # nothing was chosen
    window.actions_["open-knee"].trigger()
    settle(qtbot, window)
    knee = window.commands.knee
    assert knee.isVisible() and not knee.isModal() and "10 y 6 m" in knee.answer.value.text()
    assert window.desk.reading is None and fakes.store.readings == {}  # nothing of it is a hand's reading
    window.close()
    assert not knee.isVisible() and QApplication.activeModalWidget() is None


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_trained_model_in_the_real_process(qtbot, show, repository: Path, tmp_path: Path) -> None:
    """Trained on drawings for a minute, as a site would; it reads a drawing and gives no number for a picture."""
    code = [sys.executable, "-m", "tests.knee_models", str(tmp_path / "training")]
    subprocess.run(code, check=True, timeout=1500, cwd=repository)
    models = tmp_path / "training" / "run" / "model"
    for folder in packaged_dir("models").iterdir():
        if (folder / "card.toml").is_file():
            shutil.copytree(folder, models / folder.name)
    service = InferenceService(models, scratch=tmp_path / "scratch", backend="torch", threads=1, start_timeout_s=600)
    try:
        shown = show(service)
        window = shown.window
        window.desk.open_paths([str(write_knee(tmp_path / "knee.dcm", months=45.0, birth_date="20200711"))])
        shown.settle(700_000)
        reading = window.desk.reading
        assert reading.result.months is not None, reading.result.flags
        assert reading.result.model.trained_on == "drawn phantoms" and len(reading.result.model.ref.sha256) == 64
        said = shown.words()
        assert "drawings, for a proof of the program" in said and reading.result.model.ref.sha256[:16] in said
        assert reading.question == KneeQuestion(Sex.FEMALE, 48.0, drawn=True) and "age 4 y 0 m" in said
        window.desk.show_map(True)
        shown.settle(700_000)
        assert window.desk.map.shape == (256, 192) and window.film._saliency is not None and window.film._corners.key
        window._actions["report"].trigger()
        shown.settle(60_000)
        assert shown.pdfs[0].stat().st_size > 10_000
        shown.open(write_picture(tmp_path / "knee.png"))  # no header says that it is a drawing
        shown.settle(700_000)
        assert window.desk.reading.result.months is None and "trained on drawings" in shown.words()
        assert window.desk.map is None and not window._actions["saliency"].isEnabled()
    finally:
        service.stop()
