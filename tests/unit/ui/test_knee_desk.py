"""The knee window's presenter, on the real film reader and report: facts, answers, refusals, maps, failures."""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from pypdf import PdfReader

from boneage_desk.common.errors import EngineError
from boneage_desk.engines.service import InferenceService
from boneage_desk.imaging.phantom.knee import draw_knee
from boneage_desk.imaging.phantom.knee_dicom import write_knee_dicom
from boneage_desk.imaging.phantom.knee_form import KneeSpec
from boneage_desk.reading.film import Laterality
from boneage_desk.reading.knee import KneeQuestion
from boneage_desk.standards.types import Sex
from boneage_desk.ui.jobs import JobRunner
from boneage_desk.ui.presenters.knee_desk import KneeDesk
from boneage_desk.ui.presenters.knee_view import knee_banner, knee_lacks, knee_view, waiting_words
from boneage_desk.ui.presenters.messages import Message
from boneage_desk.wiring import build
from tests.knee_engine import KneeEngine, write_knee, write_picture

pytestmark = pytest.mark.gui


class Bench:
    """A presenter on real services but for the engine, and what it said."""

    def __init__(self, folder: Path, engine: object) -> None:
        self.engine = engine
        self.runner = JobRunner()
        self.services = dataclasses.replace(build(folder), engine=lambda: engine)  # type: ignore[arg-type, return-value]
        self.desk = KneeDesk(self.services, self.runner)
        self.said: list[Message] = []
        self.desk.message.connect(self.said.append)

    def open(self, qtbot, path: Path) -> None:
        self.desk.open_paths([str(path)])
        self.settle(qtbot)

    def settle(self, qtbot) -> None:
        qtbot.waitUntil(lambda: not self.runner.jobs, timeout=20_000)

    @property
    def view(self):
        assert self.desk.reading is not None
        return knee_view(self.desk.reading)


@pytest.fixture
def bench(qapp, tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path, KneeEngine())
    yield made
    gate = made.engine.gate  # type: ignore[attr-defined]
    if gate is not None:
        gate.set()
    assert made.runner.close()
    made.services.close()


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_knee(tmp_path / "knee.dcm")


def test_a_film_that_says_everything_is_read_at_once(qtbot, bench: Bench, film: Path) -> None:
    bench.open(qtbot, film)
    assert bench.engine.asked == [KneeQuestion(Sex.FEMALE, 120.0, drawn=True)]
    view = bench.view
    rows = dict(view.rows)
    assert view.value == "10 y 6 m" and "90 % interval 9 y 0 m to 12 y 0 m" in view.note and view.how == ""
    assert rows["Chronological age"] == "10 y 0 m" and rows["Bone age - chron. age"].startswith("+6.0 months")
    assert rows["Model"] == "Knee model, convnext_tiny.site" and rows["Weights SHA-256"] == "c" * 64
    assert view.limits == ("Only of one site.",) and bench.said == []
    desk = bench.desk
    banner = knee_banner(desk.film, desk.question)
    assert (banner.name, banner.sex, banner.born, banner.patient_id) == ("KNEE CHILD", "Female", "2014-07-11", "K77")
    assert (banner.age, banner.side, banner.film_date, banner.synthetic) == ("10 y 0 m", "LEFT knee", "film 2024-07-11", True)
    assert not knee_lacks(desk.opened).any


def test_a_picture_says_nothing_and_nothing_is_assumed(qtbot, bench: Bench, tmp_path: Path) -> None:
    bench.open(qtbot, write_picture(tmp_path / "knee.png"))
    desk = bench.desk
    lacks = knee_lacks(desk.opened)
    assert (lacks.sex, lacks.birth_date, lacks.study_date, lacks.side) == (True,) * 4
    banner = knee_banner(desk.film, desk.question)
    assert (banner.sex, banner.born, banner.age, banner.side, banner.film_date) == ("sex ?", "?", "?", "side ?", "film date ?")
    assert bench.engine.asked == [KneeQuestion(None, None)]
    assert bench.view.value == "" and "sex is not known" in bench.view.note
    desk.give(sex=Sex.MALE)
    bench.settle(qtbot)
    assert "chronological age is not known" in bench.view.note
    desk.give(birth_date=date(2012, 7, 11))
    desk.give(study_date=date(2024, 7, 11))
    bench.settle(qtbot)
    assert bench.engine.asked[-1] == KneeQuestion(Sex.MALE, 144.0)
    assert bench.view.value == "10 y 6 m"
    assert bench.view.flags == ("Given by the person, not by the file: sex, birth date, study date.",)
    assert knee_lacks(desk.opened) == lacks  # an entry stays open to correction
    count = len(bench.engine.asked)
    desk.give(side=Laterality.RIGHT)  # no input of the model
    assert len(bench.engine.asked) == count and knee_banner(desk.film, desk.question).side == "RIGHT knee"
    assert bench.view.flags[0].endswith("study date, side.")
    desk.give(sex=None)
    assert desk.reading is None  # the number that was told with the other sex is gone at once
    bench.settle(qtbot)
    assert bench.view.value == "" and "sex is not known" in bench.view.note


def test_an_answer_to_facts_that_changed_is_passed_over(qtbot, bench: Bench, tmp_path: Path) -> None:
    bench.engine.gate = threading.Event()
    write_knee(tmp_path / "knee.dcm", sex="")
    bench.desk.open_paths([str(tmp_path / "knee.dcm")])
    qtbot.waitUntil(lambda: bool(bench.engine.asked))
    bench.desk.give(sex=Sex.FEMALE)
    assert bench.desk.reading is None and bench.desk.job is not None
    bench.engine.gate.set()
    bench.settle(qtbot)
    assert [question.sex for question in bench.engine.asked] == [None, Sex.FEMALE]
    assert bench.view.value == "10 y 6 m" and bench.desk.reading.question.sex is Sex.FEMALE


def test_without_a_model_it_says_so_and_how_to_train_one(qtbot, qapp, tmp_path: Path, film: Path) -> None:
    """The real engine on a folder without models: no process is started for the answer."""
    (tmp_path / "models").mkdir()
    service = InferenceService(tmp_path / "models", scratch=tmp_path / "scratch")
    bench = Bench(tmp_path, service)
    bench.open(qtbot, film)
    view = bench.view
    assert view.value == "" and "No knee model is installed" in view.note and "docs/knee.md" in view.note
    assert "boneage-desk train knee --example" in view.how and not bench.desk.can_map
    assert dict(view.rows) == {"Chronological age": "10 y 0 m"} and service.state() == "stopped"
    bench.desk.show_map(True)
    bench.settle(qtbot)
    assert bench.desk.map is None
    bench.desk.write_report()
    bench.settle(qtbot)
    (report,) = (tmp_path / "reports").iterdir()
    words = " ".join(PdfReader(report).pages[0].extract_text().split())
    assert "not given" in words and "docs/knee.md" in words
    assert bench.runner.close()
    bench.services.close()


def test_the_map_comes_when_it_is_wanted_and_goes_with_the_answer(qtbot, bench: Bench, film: Path) -> None:
    desk = bench.desk
    bench.open(qtbot, film)
    assert desk.can_map and desk.map is None and bench.engine.mapped == []
    desk.show_map(True)
    bench.settle(qtbot)
    assert desk.map is not None and desk.map.shape == (256, 192)
    desk.look.step(-1)
    assert desk.look.opacity == 0.5 and len(bench.engine.mapped) == 1  # nothing is asked again for another opacity
    bench.engine.gate = threading.Event()
    desk.ask()
    assert desk.map is None
    bench.engine.gate.set()
    bench.settle(qtbot)
    assert desk.map is not None and len(bench.engine.mapped) == 2  # still wanted: made for the new answer
    bench.engine.map_error = EngineError("The model process ended.", "Read the film again.")
    desk.show_map(False)
    desk.show_map(True)
    bench.settle(qtbot)
    assert not desk.map_wanted and desk.map is None
    assert [m.text for m in bench.said] == ["No map of the knee model: The model process ended."]


def test_the_report_is_written_and_never_over_another(qtbot, bench: Bench, film: Path, tmp_path: Path) -> None:
    bench.open(qtbot, film)
    written: list[Path] = []
    bench.desk.written.connect(written.append)
    for _ in range(2):
        bench.desk.write_report()
        bench.settle(qtbot)
    assert len(set(written)) == 2 and all(path.is_file() and path.parent == tmp_path / "reports" for path in written)
    assert written[0].name.startswith("knee-bone-age_K77_2024-07-11_")
    text = " ".join(PdfReader(written[0]).pages[0].extract_text().split())
    assert "10 y 6 m" in text and "convnext_tiny.site" in text
    (tmp_path / "a-file").write_text("in the way")
    bench.desk.write_report(tmp_path / "a-file" / "report.pdf")
    bench.settle(qtbot)
    assert bench.said[-1].kind == "error" and "could not be written" in bench.said[-1].text


def test_cancel_stops_the_reading_and_it_can_be_asked_again(qtbot, bench: Bench, film: Path) -> None:
    bench.engine.gate = threading.Event()
    bench.desk.open_paths([str(film)])
    qtbot.waitUntil(lambda: bool(bench.engine.asked))
    bench.desk.cancel()
    bench.settle(qtbot)
    assert bench.desk.reading is None and bench.desk.job is None and bench.said == []
    bench.engine.gate = None
    bench.desk.ask()
    bench.settle(qtbot)
    assert bench.view.value == "10 y 6 m"


def test_an_engine_that_fails_is_told_and_brought_up_again(qtbot, bench: Bench, film: Path, caplog) -> None:
    bench.engine.error = EngineError("The model process ended.", "Read the film again.", code="engine-crashed")
    bench.open(qtbot, film)
    assert bench.desk.failed and bench.desk.reading is None
    assert [m.text for m in bench.said] == ["The knee was not read: The model process ended."]
    bench.engine.error, bench.engine.words = None, "failed: it ended"
    bench.desk.ask()
    bench.settle(qtbot)
    assert bench.engine.started == 1 and bench.view.value == "10 y 6 m" and not bench.desk.failed
    bench.engine.error = ZeroDivisionError("a bug")
    with caplog.at_level(logging.ERROR):
        bench.desk.ask()
        bench.settle(qtbot)
    assert bench.said[-1].kind == "bug" and bench.desk.reading is None


def test_what_is_no_knee_film_is_refused_by_its_header(qtbot, bench: Bench, film: Path, tmp_path: Path) -> None:
    drawn = draw_knee(KneeSpec(120.0, "F", size=(120, 90)))
    write_knee_dicom(drawn, tmp_path / "hand.dcm", changes={"BodyPartExamined": "HAND"})
    (tmp_path / "letter.txt").write_text("Dear colleague")
    bench.open(qtbot, film)
    for name in ("hand.dcm", "letter.txt", "absent.dcm"):
        bench.open(qtbot, tmp_path / name)
        assert bench.said[-1].kind == "error" and name in bench.said[-1].text, name
    assert "Hand films are opened in the main window." in bench.said[0].remedy
    assert bench.desk.opened.source.path == str(film) and bench.view.value  # the film that was there stays


def test_of_several_films_the_first_is_read_and_the_rest_is_told(qtbot, bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / "two"
    folder.mkdir()
    write_knee(folder / "a.dcm", patient_id="A")
    write_knee(folder / "b.dcm", patient_id="B")
    bench.open(qtbot, folder)
    assert bench.desk.film.patient.patient_id == "A"
    assert [m.text for m in bench.said] == ["1 further film not opened: knee films are read one at a time."]


def test_closing_forgets_the_patient_and_what_still_runs(qtbot, bench: Bench, film: Path) -> None:
    bench.engine.gate = threading.Event()
    bench.desk.open_paths([str(film)])
    qtbot.waitUntil(lambda: bool(bench.engine.asked))
    bench.desk.give(sex=None)
    bench.desk.close_film()
    bench.engine.gate.set()
    bench.settle(qtbot)
    desk = bench.desk
    assert desk.film is None and desk.reading is None and desk.question is None and desk.job is None and desk.map is None
    desk.ask()
    desk.give(sex=Sex.MALE)
    desk.write_report()
    assert desk.report_path() is None and bench.runner.jobs == ()


def test_without_knee_services_it_says_so(qtbot, qapp, tmp_path: Path, film: Path) -> None:
    bench = Bench(tmp_path, KneeEngine())
    desk = KneeDesk(dataclasses.replace(bench.services, knee=None), bench.runner)
    desk.message.connect(bench.said.append)
    desk.open_paths([str(film)])
    assert [m.text for m in bench.said] == ["This program is put together without knee films."] and bench.runner.jobs == ()
    assert bench.runner.close()
    bench.services.close()


def test_words_while_there_is_no_answer() -> None:
    assert waiting_words(film=False, job="", failed=False) == "No knee film is open."
    assert waiting_words(film=True, job="Reading the knee", failed=False).startswith("Reading the knee")
    assert waiting_words(film=True, job="", failed=True) == "Not read: see the message below."
    assert waiting_words(film=True, job="", failed=False) == "Not read."
