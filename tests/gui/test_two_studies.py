"""What was typed, asked or looked at for one child never reaches the next one that comes onto the desk."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QLineEdit

from boneage_desk.reading.assessment import Blind
from boneage_desk.reading.film import Patient
from boneage_desk.reading.findings import Box
from boneage_desk.reading.session import Reading, SetPatient, State
from boneage_desk.standards.types import Sex
from boneage_desk.ui.views.clinical_panel import GROWTH, STANDARDS
from tests.gui.conftest import settle, texts
from tests.gui.fakes import Fakes, engine_died, make_film, make_result
from tests.gui.test_signoff import look_at_all, press_sign, ready

pytestmark = pytest.mark.gui
Key = Qt.Key


@pytest.fixture
def other(fakes: Fakes) -> str:
    """The path of another child's film."""
    girl = Patient(name="ZHAO^Lan", patient_id="0099", sex=Sex.FEMALE, birth_date=date(2013, 5, 1))
    return fakes.films.put(make_film("/films/b.dcm", patient=girl))


@pytest.fixture
def comes(qtbot, read, fakes: Fakes, other: str) -> Callable[[Callable[[], object]], tuple[Reading, Reading]]:
    """Opens the other film, does what is given while it is on its way, and gives both readings as they are stored then."""

    def meanwhile(act: Callable[[], object]) -> tuple[Reading, Reading]:
        first = read.desk.reading.reading_id
        read.open_paths([other])
        act()
        assert read.desk.reading.reading_id == first, "the second film is still on its way"
        settle(qtbot, read)
        second = read.desk.reading.reading_id
        assert second != first
        return fakes.store.get(first), fakes.store.get(second)

    return meanwhile


def buttons(window) -> list[str]:
    return [choice.title for message in window.messages.messages for choice in message.choices]


# --- typed while the next one is on its way -------------------------------------------------------------


def test_a_field_of_the_facts(qtbot, read, comes):
    read.tabs.setCurrentWidget(read.clinic)

    def typed() -> None:
        read.clinical.patient_id.setFocus()
        read.clinical.patient_id.selectAll()
        qtbot.keyClicks(read.clinical.patient_id, "0042-A")

    first, second = comes(typed)
    assert (first.patient.patient_id, second.patient.patient_id) == ("0042-A", "0099")
    assert read.clinical.patient_id.text() == "0099" and not read.clinical.patient_id.isModified()


def test_the_impression(qtbot, read, comes):
    read.tabs.setCurrentWidget(read.clinic)

    def typed() -> None:
        read.clinical.impression.setFocus()
        qtbot.keyClicks(read.clinical.impression, "Delayed by two years.")
        read.clinical.name.setText("LI^Min")
        read.clinical.name.setModified(True)

    first, second = comes(typed)
    assert (first.impression, second.impression) == ("Delayed by two years.", "")
    assert (first.patient.name, second.patient.name) == ("LI^Min", "ZHAO^Lan")
    assert read.clinical.impression.toPlainText() == ""


def test_the_growth_of_a_child(qtbot, read, comes):
    read.tabs.setCurrentWidget(read.clinic)
    read.clinic.choose(GROWTH)
    pane = read.clinic.panes[GROWTH]

    def typed() -> None:
        pane.father.setFocus()
        qtbot.keyClicks(pane.father, "178")
        pane.height.setFocus()
        qtbot.keyClicks(pane.height, "135.5")
        pane.atlas.setText("10 y 6 m")
        pane.atlas.setModified(True)

    first, second = comes(typed)
    assert first.growth.father_cm == 178 and first.growth.atlas_months == 126
    assert [one.height_cm for one in first.growth.measurements if one.height_cm == 135.5] == [135.5]
    assert second.growth.father_cm is None and second.growth.atlas_months is None
    assert all(one.height_cm != 135.5 for one in second.growth.measurements)
    assert pane.father.text() == pane.height.text() == ""


def test_what_cannot_be_is_told_and_not_kept(qtbot, read, comes):
    read.tabs.setCurrentWidget(read.clinic)
    read.clinic.choose(GROWTH)
    pane = read.clinic.panes[GROWTH]
    first, second = comes(lambda: (pane.father.setText("17.8"), pane.father.setModified(True)))
    assert first.growth.father_cm is None and second.growth.father_cm is None
    assert any(words.startswith("Typed, and not kept:") for words in texts(read))


def test_the_weeks_of_a_pregnancy(qtbot, read, comes):
    read.tabs.setCurrentWidget(read.clinic)
    read.clinic.choose(STANDARDS)
    pane = read.clinic.panes[STANDARDS]
    first, second = comes(lambda: (pane.pregnancy.setText("30+4"), pane.pregnancy.setModified(True)))
    assert (first.age_basis.gestation_days, second.age_basis.gestation_days) == (214, None)


def test_a_note_on_the_film(qtbot, read, comes):
    def typed() -> None:
        read.film_panel._note((300.0, 400.0))
        qtbot.keyClicks(read.film_panel.film.findChild(QLineEdit, "note-line"), "old fracture")

    first, second = comes(typed)
    assert [one.text for one in first.annotations] == ["old fracture"] and not second.annotations


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_a_reason_picked_from_the_list_of_the_last_case(qtbot, read, comes):
    read.desk.select("radius")
    read.desk.step_grade(+1)
    read.bone_joins.pick_reason()
    pick = read.bone_joins._menu.actions()[0]
    first, second = comes(lambda: None)
    pick.trigger()
    settle(qtbot, read)
    assert not read.desk.reading.bone("radius").comment and second.bone("radius").human_grade is None
    assert first.bone("radius").human_grade is not None


# --- an impression is not lost --------------------------------------------------------------------------


def test_an_impression_survives_what_else_is_done(qtbot, read, fakes):
    read.tabs.setCurrentWidget(read.clinic)
    words = read.clinical.impression
    words.setFocus()
    qtbot.keyClicks(words, "Delayed by two years.")
    film = read.film_panel.film
    film.setFocus()
    qtbot.keyClick(film, Key.Key_Right)  # a grade, before the words were kept
    settle(qtbot, read)
    assert words.toPlainText() == "Delayed by two years."
    read.clinical.name.setFocus()
    read.clinical.name.selectAll()
    qtbot.keyClicks(read.clinical.name, "LI^Min")
    qtbot.keyClick(read.clinical.name, Key.Key_Return)
    read.flush()
    settle(qtbot, read)
    kept = fakes.store.get(read.desk.reading.reading_id)
    assert (kept.impression, kept.patient.name) == ("Delayed by two years.", "LI^Min")


# --- buttons of an old message --------------------------------------------------------------------------


def test_grade_again_is_of_the_study_that_asked(qtbot, read, fakes, other):
    fakes.engine.regrade_error = engine_died()
    read.desk.set_box("radius", Box(10, 20, 110, 120))
    settle(qtbot, read)
    assert "Grade again" in buttons(read)
    again = next(choice for message in read.messages.messages for choice in message.choices if choice.title == "Grade again")
    fakes.engine.regrade_error = None
    read.open_paths([other])
    settle(qtbot, read)
    before = read.desk.reading.bone("radius")
    assert "Grade again" not in buttons(read)
    again.act()  # as if it had been pressed in the same moment
    settle(qtbot, read)
    assert read.desk.reading.bone("radius") == before


def test_a_blind_study_is_not_shown_by_the_answer_to_another(qtbot, desk_window, fakes, other):
    window = desk_window()
    window.actions_["blind-first"].trigger()
    window.open_paths([fakes.path])
    settle(qtbot, window)
    window.desk.blind_first.ask()
    show = next(choice for message in window.messages.messages for choice in message.choices)
    window.open_paths([other])
    settle(qtbot, window)
    assert "Show the AI now" not in buttons(window)
    show.act()
    settle(qtbot, window)
    assert window.desk.session.reading.blind is Blind.HIDDEN


def test_reopen_is_of_the_study_that_asked(qtbot, read, fakes, other):
    look_at_all(read)
    settle(qtbot, read)
    gate = fakes.engine.whole_hand_gate = threading.Event()
    read.desk.opinions.again()
    qtbot.waitUntil(lambda: read.desk.opinions.job_of(read.desk.reading.reading_id) is not None)
    read.desk.mark_reviewed()
    gate.set()
    settle(qtbot, read)
    reopen = next(choice for message in read.messages.messages for choice in message.choices if choice.title == "Reopen")
    read.open_paths([other])
    settle(qtbot, read)
    look_at_all(read)
    read.desk.mark_reviewed()
    settle(qtbot, read)
    assert read.desk.reading.state is State.REVIEWED and "Reopen" not in buttons(read)
    reopen.act()
    settle(qtbot, read)
    assert read.desk.reading.state is State.REVIEWED


def test_a_grade_that_was_only_looked_at_stays_with_its_case(qtbot, desk_window, fakes, other):
    window = desk_window()
    window.actions_["blind-first"].trigger()
    window.open_paths([fakes.path])
    settle(qtbot, window)
    for _ in range(3):
        window.desk.step_grade(+1)
    assert window.desk.bone_pass.browsed is not None
    window.open_paths([other])
    settle(qtbot, window)
    assert window.desk.bone_pass.browsed is None
    window.bones.table.setFocus()
    qtbot.keyClick(window.bones.table, Key.Key_Return)
    settle(qtbot, window)
    assert window.desk.session.reading.bone(window.desk.bone).human_grade is None


# --- what is sealed -------------------------------------------------------------------------------------


def test_words_of_an_addendum_come_back_with_their_report_alone(qtbot, read, fakes, other):
    fakes.engine.result = make_result(fakes.film.frame, flags=())
    ready(qtbot, read, fakes)
    press_sign(qtbot, read)
    first = read.desk.reading.reading_id
    read.open_paths([other])
    settle(qtbot, read)
    look_at_all(read)
    settle(qtbot, read)
    press_sign(qtbot, read)
    second = read.desk.reading.reading_id
    assert fakes.store.get(second).state is fakes.store.get(first).state is State.SIGNED
    read.open_reading(first)
    settle(qtbot, read)
    panel = read.signoff.panel
    panel.words.setPlainText("A: fracture of the ulna overlooked")
    read.open_reading(second)
    settle(qtbot, read)
    assert panel.words.toPlainText() == "" and not panel.add.isEnabled()
    read.open_reading(first)
    settle(qtbot, read)
    assert panel.words.toPlainText() == "A: fracture of the ulna overlooked"


def test_an_answer_to_a_doubt_stays_with_its_study(qtbot, desk_window, fakes, other):
    fakes.engine.result = make_result(fakes.film.frame, hand_mirror="R")
    window = desk_window(fakes.path)
    settle(qtbot, window)
    first = window.desk.reading.reading_id

    def answers() -> list[str]:
        return [field.text() for field in window.signoff.panel.list.findChildren(QLineEdit)]

    assert answers() == [""]
    window.signoff.panel.list.findChildren(QLineEdit)[0].setText("marker checked for LI Ming")
    window.open_paths([other])
    settle(qtbot, window)
    assert answers() == [""], "the other film raises the same doubt"
    window.open_reading(first)
    settle(qtbot, window)
    assert answers() == ["marker checked for LI Ming"]


def test_a_report_is_not_written_under_the_name_of_another(qtbot, read, other, tmp_path: Path, monkeypatch):
    def dialog(_parent, _title, suggested, _kinds) -> tuple[str, str]:
        settle(qtbot, read)  # a dialog turns the event loop: the other film arrives
        return str(tmp_path / Path(suggested).name), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", dialog)
    first = read.desk.reading.reading_id
    there = set(tmp_path.iterdir())
    for write in (read.commands.write_report_as, lambda: read.commands.export_report("JSON")):
        read.open_paths([other])
        write()
        settle(qtbot, read)
        assert set(tmp_path.iterdir()) == there
        assert any("Another study came onto the desk" in words for words in texts(read))
        read.messages.clear_topic("report")
        read.open_reading(first)
        settle(qtbot, read)


# --- facts that go and come back ------------------------------------------------------------------------


def test_a_second_opinion_comes_back_with_the_facts(qtbot, desk_window, fakes):
    fakes.engine.whole_hand_changes = {"bone_age_months": 160.0, "age_range_months": (15.0, 216.0)}
    window = desk_window(fakes.path)
    settle(qtbot, window)
    born = window.desk.reading.patient.birth_date
    wrong = date(born.year - 10, born.month, born.day)
    for _ in range(2):  # by hand: asked anew each time
        window.desk.do(SetPatient(birth_date=wrong))
        settle(qtbot, window)
        assert not window.desk.reading.whole_hand
        window.desk.do(SetPatient(birth_date=born))
        settle(qtbot, window)
        assert [one.bone_age_months for one in window.desk.reading.whole_hand] == [160.0]
    window.desk.do(SetPatient(birth_date=wrong))
    settle(qtbot, window)
    window.desk.undo()
    settle(qtbot, window)
    assert [one.bone_age_months for one in window.desk.reading.whole_hand] == [160.0]
    assert all(flag.code != "age_outside_training" for flag in window.desk.reading.flags)
