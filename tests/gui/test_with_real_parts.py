"""The window on the real film reader, store, report and (slow) the real models, on the bundled demo study."""

from __future__ import annotations

import dataclasses
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from boneage_desk.common.errors import StoreError
from boneage_desk.reading.film import Laterality
from boneage_desk.reading.ports import AnalysisEngine
from boneage_desk.reading.session import SetPatient, SetStudy, State
from boneage_desk.standards import rus_chn
from boneage_desk.standards.types import Sex
from boneage_desk.ui import theme
from boneage_desk.ui.app import go_on
from boneage_desk.ui.main_window import MainWindow
from boneage_desk.ui.views.signoff_panel import PassphraseDialog, ProfileDialog
from boneage_desk.wiring import build
from tests.gui.conftest import settle, texts
from tests.gui.fakes import FakeEngine

pytestmark = pytest.mark.gui


@pytest.fixture
def real(qtbot, qapp, tmp_path):
    """Makes windows on real parts but for the models; each has services of its own, as a new start has."""
    theme.apply(qapp)
    made = []

    def make(*paths: str, engine: AnalysisEngine | None = None) -> MainWindow:
        engine = engine or FakeEngine()
        services = dataclasses.replace(build(tmp_path), engine=lambda: engine)
        window = MainWindow(services)
        made.append((window, services))
        window.resize(1366, 768)
        window.show()
        go_on(window, list(paths), demo=False)
        settle(qtbot, window)
        return window

    yield make
    for window, services in made:
        window.close()
        window.deleteLater()
        services.close()


def demo() -> str:
    return str(build(Path(os.environ["BONEAGE_DESK_DATA"])).demo_film())


def test_a_new_start_finds_the_last_change(qtbot, real):
    window = real(demo())
    qtbot.keyClick(window.bones.table, Qt.Key.Key_Right)
    settle(qtbot, window)
    before = window.desk.reading
    assert before.bone("radius").human_grade is not None
    # no close: what is on disk now is what a kill would leave
    again = real()
    again.open_reading(before.reading_id)
    settle(qtbot, again)
    assert again.desk.reading == before and again.desk.film is not None


def test_a_path_with_spaces_and_chinese_characters(qtbot, real, tmp_path):
    folder = tmp_path / "手部 片子"
    folder.mkdir()
    film = folder / "左手 hand.dcm"
    shutil.copy(demo(), film)
    window = real(str(folder))
    assert window.desk.film is not None and window.desk.reading.source.path == str(film)
    window.commands.write_report()
    settle(qtbot, window)
    assert any("Report written" in line for line in texts(window))


def test_the_real_report_is_previewed_with_its_detail_page(qtbot, real):
    window = real(demo())
    window.tabs.setCurrentWidget(window.report)
    qtbot.waitUntil(lambda: window.report.pages == 2, timeout=15000)
    qtbot.waitUntil(lambda: window.report._preview.isVisible())


@pytest.mark.parametrize("name", ["letter.txt", "cut.dcm", "not there.dcm"])
def test_what_is_no_film_is_told(qtbot, real, tmp_path, name):
    path = tmp_path / name
    if name == "letter.txt":
        path.write_text("Dear colleague")
    elif name == "cut.dcm":
        path.write_bytes(Path(demo()).read_bytes()[:20000])
    window = real(str(path))
    assert window.desk.reading is None
    assert any(name in line for line in texts(window))


def test_a_locked_data_base_is_told_and_the_change_saved_later(qtbot, real, tmp_path, monkeypatch):
    window = real(demo())
    store = window.services.store()
    save = store.save

    def locked(*_args):
        raise StoreError("The data base is locked.", "Close the other program.")

    monkeypatch.setattr(store, "save", locked)
    qtbot.keyClick(window.bones.table, Qt.Key.Key_Right)
    settle(qtbot, window)
    assert "NOT SAVED" in window.banner._state.text()
    monkeypatch.setattr(store, "save", save)
    qtbot.keyClick(window.bones.table, Qt.Key.Key_Right)
    settle(qtbot, window)
    with sqlite3.connect(next(tmp_path.glob("*.sqlite3"))) as connection:
        actions = [row[0] for row in connection.execute("SELECT action FROM audit ORDER BY rowid")]
    connection.close()
    assert actions[-2:] == ["set-grade", "set-grade"]


@pytest.mark.slow
def test_a_second_opinion_of_the_real_model_process_stands_beside_the_13_bones(qtbot, real, repository, tmp_path):
    """The shipped models find and grade the bones; the whole-hand model is a small one of random weights."""
    from boneage_desk.engines.service import InferenceService

    models = tmp_path / "models"
    shutil.copytree(repository / "models", models, ignore=shutil.ignore_patterns("*.md", "*.html"))
    if len(list(models.glob("*/weights.safetensors"))) < 2:
        pytest.skip("needs the trained models")
    code = [sys.executable, "-m", "tests.whole_hand_models", str(models), "whole-hand"]
    subprocess.run(code, check=True, timeout=250, cwd=repository)
    service = InferenceService(models, scratch=tmp_path / "scratch", threads=1)
    try:
        window = real(engine=service)
        window.open_paths([demo()])
        qtbot.waitUntil(lambda: bool(window.desk.reading and window.desk.reading.whole_hand), timeout=200_000)
        settle(qtbot, window)
        reading = window.desk.reading
        assert [o.engine for o in reading.whole_hand] == ["whole-hand"] and reading.whole_hand[0].sex is reading.patient.sex
        assert any(model.engine == "whole-hand" and len(model.sha256) == 64 for model in reading.models)
        assert all(bone.machine_grade is not None for bone in reading.bones)
        assert window.services.store().get(reading.reading_id).whole_hand == reading.whole_hand
        strip = window.bones.opinion
        assert strip.isVisible() and strip.values["usual"].text() == "up to 12.5 m"
        window.actions_["whole-map"].trigger()
        qtbot.waitUntil(lambda: window.desk.whole_map.value is not None, timeout=100_000)
        values, frame = window.desk.whole_map.value.values, window.desk.frame
        assert max(values.shape) <= 256 and values.shape[0] / values.shape[1] == pytest.approx(frame.height / frame.width, rel=0.05)
        assert window.film_panel.film._saliency is not None
        other = Sex.MALE if reading.patient.sex is Sex.FEMALE else Sex.FEMALE
        window.desk.do(SetPatient(sex=other))
        assert window.desk.reading.whole_hand == ()
        qtbot.waitUntil(lambda: bool(window.desk.reading.whole_hand), timeout=100_000)
        assert window.desk.reading.whole_hand[0].sex is other
        settle(qtbot, window)
    finally:
        service.stop()


@pytest.mark.slow
def test_the_picture_of_the_window_with_the_real_models(tmp_path):
    """In a process of its own, as `make run` without a display does it."""
    out = tmp_path / "window.png"
    code = (
        "import sys\nfrom pathlib import Path\nfrom boneage_desk.wiring import build, screenshot\n"
        "if __name__ == '__main__':\n    s = build(Path(sys.argv[1]))\n"
        "    screenshot(s, s.demo_film(), Path(sys.argv[2]))\n    s.close()\n"
    )
    script = tmp_path / "shot.py"
    script.write_text(code)
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), str(out)],
        capture_output=True, text=True, timeout=280, env={**os.environ, "PYTHONPATH": os.getcwd()},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert out.read_bytes()[:4] == b"\x89PNG" and out.stat().st_size > 50_000


def test_signed_amended_and_checked_with_the_real_parts(qtbot, real, tmp_path):
    """Reviewed, sealed with a key that this station makes, kept, amended; the check finds a byte that was changed."""
    window = real(demo())
    desk = window.desk
    for bone in rus_chn.BONES:
        desk.select(bone)
        desk.accept()
    settle(qtbot, window)
    for problem in window.signoff.presenter.view().problems:
        if problem.code == "flag":
            window.signoff.presenter.answer(problem.key, "looked at")
        elif problem.code == "difference-comment":
            desk.comment_difference("seen")
    desk.do(SetStudy(laterality=Laterality.LEFT))
    settle(qtbot, window)
    assert window.signoff.presenter.view().problems == ()
    window.signoff.sign()
    settle(qtbot, window)
    (who,) = window.findChildren(ProfileDialog)
    who.name.setText("Dr Li Hua 李华")
    who.role.setCurrentIndex(0)
    who.accept()
    settle(qtbot, window)
    for secret in window.findChildren(PassphraseDialog):  # no key store of the system here
        secret.field.setText("a passphrase for tests")
        secret.again.setText("a passphrase for tests")
        secret.accept()
        settle(qtbot, window)
    signed = desk.reading
    assert signed is not None and signed.state is State.SIGNED, texts(window)
    window.signoff.presenter.addendum("The height came in later: 132 cm.")
    settle(qtbot, window)
    for secret in window.findChildren(PassphraseDialog):
        if secret.isVisible():
            secret.field.setText("a passphrase for tests")
            secret.accept()
            settle(qtbot, window)
    assert desk.reading is not None and desk.reading.state is State.AMENDED, texts(window)
    window.signoff.presenter.verify()
    settle(qtbot, window)
    assert any("All 2 signatures hold" in line for line in texts(window)), texts(window)
    services = window.services
    store = services.store()
    first, second = store.report(signed.reading_id, 1), store.report(signed.reading_id)
    assert second.startswith(first) and len(second) > len(first)
    assert store.get(signed.reading_id) == desk.reading and store.verify() == []
    signer = services.signer()
    assert signer.verify(second).problems == ()
    place = len(first) // 2
    assert signer.verify(second[:place] + bytes([second[place] ^ 1]) + second[place + 1 :]).problems
