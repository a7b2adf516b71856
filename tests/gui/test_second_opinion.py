"""The second opinion in the window: asked in the background, held against the 13 bones, drawn over the film."""

from __future__ import annotations

import dataclasses
import threading

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton

from boneage_desk.common import settings
from boneage_desk.common.errors import StoreError
from boneage_desk.reading.analysis import Flag
from boneage_desk.reading.session import SetPatient, SetStudy, State
from boneage_desk.standards.types import Sex
from boneage_desk.ui import theme
from boneage_desk.ui.presenters.opinion_rows import BEYOND, USUAL
from boneage_desk.ui.presenters.overlay import Show
from tests.gui.conftest import settle, texts
from tests.gui.fakes import engine_died, make_film, make_result
from tests.gui.test_evidence import near
from tests.gui.test_window import press, unknown

pytestmark = pytest.mark.gui
Key = Qt.Key
SHIFT = Qt.KeyboardModifier.ShiftModifier
ALL = ("whole-hand", "dual", "cascade", "regression")


def strip(window):
    return window.bones.opinion


def shown(window, key: str) -> str:
    return strip(window).values[key].text() if strip(window).values[key].isVisible() else ""


def asked(fakes) -> list[str]:
    return [engines for what, engines in fakes.engine.calls if what == "whole-hand"]


def choose(fakes, *engines: str) -> None:
    """As the settings file would say it."""
    fakes.services = dataclasses.replace(fakes.services, settings=settings.Settings(second_opinion_engines=engines))


def button(window, words: str) -> QPushButton:
    return next(b for b in window.messages.findChildren(QPushButton) if b.text() == words)


# --- the strip ----------------------------------------------------------------------------------


def test_13_bones_whole_hand_and_their_difference_stand_together(read, fakes):
    view = strip(read)
    assert view.isVisible() and [shown(read, key) for key in ("bones", "age")] == ["10 y 7 m", "10 y 2 m"]
    assert view.titles["age"].text() == "Whole hand"
    assert shown(read, "difference") == "+5.4 m" and shown(read, "usual") == "up to 15.0 m"
    assert view.titles["usual"].text() == f"{USUAL} within usual" and not view.property("beyond")
    assert not view.asks_comment and not view.comment.isVisible() and not read.actions_["comment-difference"].isEnabled()
    assert fakes.store.get("r1").whole_hand == read.desk.reading.whole_hand
    assert asked(fakes) == ["whole-hand"] and fakes.store.log[-1].action == "set-whole-hand"


def test_a_grade_moves_the_difference_at_once_and_undo_keeps_the_opinion(qtbot, read, fakes):
    press(qtbot, read, Key.Key_Right)
    assert read.bones.numbers.change.text().startswith("+1.3") and shown(read, "difference") == "+6.6 m"
    press(qtbot, read, Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    settle(qtbot, read)
    assert shown(read, "difference") == "+5.4 m" and read.desk.reading.bone("radius").human_grade is None
    assert asked(fakes) == ["whole-hand"], "what is answered is not asked again"


def test_an_unusual_difference_is_marked_and_asks_for_a_comment_before_sign_off(qtbot, desk_window, fakes):
    fakes.engine.whole_hand_changes = {"bone_age_months": 160.0}
    window = desk_window(fakes.path)
    settle(qtbot, window)
    view = strip(window)
    assert shown(window, "difference").startswith("\N{MINUS SIGN}32.")
    assert view.titles["usual"].text() == f"{BEYOND} beyond usual" and view.property("beyond")
    assert view.comment.isVisible() and "needed" in view.asks.text()
    for _ in range(13):
        press(qtbot, window, Key.Key_Return)
    window.desk.mark_reviewed()
    assert window.desk.reading.state is State.DRAFT
    button(window, "Write it").click()
    assert view.comment.hasFocus()
    qtbot.keyClicks(view.comment, "gap in the ulna, g h v")
    qtbot.keyClick(view.comment, Key.Key_Return)
    assert window.desk.reading.difference_comment == "gap in the ulna, g h v"
    assert window.bones.table.hasFocus() and "needed" not in view.asks.text() and not window.desk.heat.wanted
    window.desk.mark_reviewed()
    settle(qtbot, window)
    assert window.desk.reading.state is State.REVIEWED and view.comment.isReadOnly()
    assert fakes.store.get("r1").difference_comment == "gap in the ulna, g h v"


def test_a_comment_in_the_making_goes_to_its_reading(qtbot, desk_window, fakes):
    fakes.engine.whole_hand_changes = {"bone_age_months": 160.0}
    window = desk_window(fakes.path)
    settle(qtbot, window)
    press(qtbot, window, Key.Key_C, SHIFT)
    qtbot.keyClicks(strip(window).comment, "of the first")
    window.open_paths([fakes.films.put(make_film("/films/next.dcm"))])
    settle(qtbot, window)
    assert fakes.store.get("r1").difference_comment == "of the first"
    assert window.desk.reading.reading_id == "r2" and strip(window).comment.text() == ""
    assert window.desk.reading.difference_comment == ""


def test_every_engine_that_was_chosen_is_shown_and_one_that_is_not_there_says_so(qtbot, desk_window, fakes):
    choose(fakes, *ALL)
    fakes.engine.installed = ALL[:3]
    window = desk_window(fakes.path)
    settle(qtbot, window)
    assert asked(fakes) == [",".join(ALL)] and shown(window, "age") == "10 y 2 m"
    assert strip(window).others.text().count("(+5.4 m)") == 2 and "Dual output 10 y 2 m" in strip(window).others.text()
    assert "no model is installed" in strip(window).notes.text() and strip(window).again.isVisible()
    assert not window.actions_["opinion-regression"].isEnabled()
    assert window.actions_["opinion-regression"].text() == "Regression (not installed)"


def test_the_films_sex_against_the_record_is_a_quiet_note(qtbot, desk_window, fakes):
    choose(fakes, "dual")
    fakes.engine.installed = ALL
    fakes.engine.whole_hand_changes = {"male_probability": 0.98}
    window = desk_window(fakes.path)
    settle(qtbot, window)
    assert "looks like a male hand (98%)" in strip(window).doubts.text() and not window.flags.isVisible()
    assert texts(window) == [] and shown(window, "age") == "10 y 2 m", "no message interrupts"
    window.desk.do(SetPatient(sex=Sex.MALE))
    settle(qtbot, window)
    assert strip(window).doubts.isHidden()


def test_without_a_sex_the_reason_is_said_and_the_number_comes_with_the_sex(qtbot, desk_window, fakes):
    window = desk_window(unknown(fakes))
    settle(qtbot, window)
    assert shown(window, "age") == "" and "the sex is not known" in strip(window).notes.text()
    window.desk.do(SetPatient(sex=Sex.MALE))
    settle(qtbot, window)
    assert window.desk.reading.whole_hand[0].sex is Sex.MALE and shown(window, "age") == "10 y 2 m"
    assert asked(fakes) == ["whole-hand", "whole-hand"] and strip(window).notes.isHidden()


# --- in the background --------------------------------------------------------------------------


def test_the_reading_does_not_wait_for_it(qtbot, desk_window, fakes):
    fakes.engine.whole_hand_gate = threading.Event()
    window = desk_window(fakes.path)
    qtbot.waitUntil(lambda: asked(fakes) == ["whole-hand"])
    assert shown(window, "age").startswith("reading") and strip(window).cancel.isVisible()
    assert window.bones.numbers.bone_age.text() == "10 y 7 m" and not window.progress.isVisible()
    press(qtbot, window, Key.Key_Right)
    press(qtbot, window, Key.Key_Return)
    assert window.desk.reading.bone("radius").reviewed
    fakes.engine.whole_hand_gate.set()
    settle(qtbot, window)
    assert shown(window, "age") == "10 y 2 m" and asked(fakes) == ["whole-hand"] and strip(window).cancel.isHidden()
    assert window.desk.reading.bone("radius").reviewed
    press(qtbot, window, Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert not window.desk.reading.bone("radius").reviewed, "undo takes back the person's step, not the opinion"
    assert window.desk.reading.whole_hand


def test_it_can_be_cancelled_and_asked_again(qtbot, desk_window, fakes):
    fakes.engine.whole_hand_gate = threading.Event()
    window = desk_window(fakes.path)
    qtbot.waitUntil(lambda: strip(window).cancel.isVisible() and asked(fakes) == ["whole-hand"])
    qtbot.mouseClick(strip(window).cancel, Qt.MouseButton.LeftButton)
    settle(qtbot, window)
    assert "cancelled" in strip(window).notes.text() and window.desk.reading.whole_hand == ()
    press(qtbot, window, Key.Key_Right)
    settle(qtbot, window)
    assert asked(fakes) == ["whole-hand"], "not asked again by itself"
    fakes.engine.whole_hand_gate = None
    qtbot.mouseClick(strip(window).again, Qt.MouseButton.LeftButton)
    settle(qtbot, window)
    assert shown(window, "age") == "10 y 2 m" and strip(window).notes.isHidden()


def test_escape_cancels_it(qtbot, desk_window, fakes):
    fakes.engine.whole_hand_gate = threading.Event()
    window = desk_window(fakes.path)
    qtbot.waitUntil(lambda: strip(window).cancel.isVisible() and asked(fakes) == ["whole-hand"])
    press(qtbot, window, Key.Key_Escape)
    settle(qtbot, window)
    assert "cancelled" in strip(window).notes.text()


def test_one_that_fails_is_told_and_costs_nothing_else(qtbot, desk_window, fakes):
    fakes.engine.whole_hand_error = engine_died()
    window = desk_window(fakes.path)
    settle(qtbot, window)
    assert any("No second opinion: The model process ended" in line for line in texts(window))
    assert "The model process ended" in strip(window).notes.text()
    assert window.bones.numbers.bone_age.text() == "10 y 7 m" and asked(fakes) == ["whole-hand"]
    fakes.engine.whole_hand_error = None
    button(window, "Ask again").click()
    settle(qtbot, window)
    assert shown(window, "age") == "10 y 2 m"


def test_a_sex_corrected_while_it_is_read_passes_the_answer_over(qtbot, desk_window, fakes):
    gate = fakes.engine.whole_hand_gate = threading.Event()
    window = desk_window(fakes.path)
    qtbot.waitUntil(lambda: asked(fakes) == ["whole-hand"])
    window.desk.do(SetPatient(sex=Sex.MALE))
    assert shown(window, "age").startswith("reading")
    gate.set()
    settle(qtbot, window)
    assert asked(fakes) == ["whole-hand"] * 2
    assert [opinion.sex for opinion in window.desk.reading.whole_hand] == [Sex.MALE]
    assert [event.action for event in fakes.store.log].count("set-whole-hand") == 1
    window.desk.undo()
    settle(qtbot, window)
    assert [opinion.sex for opinion in window.desk.reading.whole_hand] == [Sex.FEMALE]
    window.desk.do(SetStudy(study_date=window.desk.reading.study.study_date))
    settle(qtbot, window)
    assert asked(fakes) == ["whole-hand"] * 3


def test_one_that_comes_after_sign_off_is_told_and_taken_after_reopening(qtbot, desk_window, fakes):
    gate = fakes.engine.whole_hand_gate = threading.Event()
    window = desk_window(fakes.path)
    qtbot.waitUntil(lambda: asked(fakes) == ["whole-hand"])
    for _ in range(13):
        press(qtbot, window, Key.Key_Return)
    window.desk.mark_reviewed()
    assert window.desk.reading.state is State.REVIEWED
    gate.set()
    settle(qtbot, window)
    assert window.desk.reading.whole_hand == () and any("was not taken" in line for line in texts(window))
    button(window, "Reopen").click()
    settle(qtbot, window)
    assert window.desk.reading.whole_hand and window.desk.reading.state is State.DRAFT


def test_films_read_in_the_background_have_theirs_too(qtbot, read, fakes):
    other = fakes.films.put(make_film("/films/other.dcm"))
    fakes.films.entries["/films"] = list(fakes.films.scan([fakes.path, other]))
    read.open_paths(["/films"])
    settle(qtbot, read)
    qtbot.waitUntil(lambda: all(r.whole_hand for r in fakes.store.readings.values()), timeout=8000)
    settle(qtbot, read)
    assert len(fakes.store.readings) == 2


def test_none_is_asked_for_where_there_is_no_hand(qtbot, desk_window, fakes):
    empty = make_result(fakes.film.frame)
    bones = tuple(dataclasses.replace(bone, region=None, grade=None) for bone in empty.bones)
    flag = Flag("no_hand", "No hand was found on this film.", blocking=True)
    fakes.engine.result = dataclasses.replace(empty, bones=bones, flags=(flag,))
    window = desk_window(fakes.path)
    settle(qtbot, window)
    assert asked(fakes) == [] and not strip(window).isVisible()


# --- which engines ------------------------------------------------------------------------------


def test_engines_are_chosen_in_the_menu_asked_at_once_and_kept(qtbot, desk_window, fakes):
    fakes.engine.installed = ALL
    window = desk_window(fakes.path)
    settle(qtbot, window)
    assert window.actions_["opinion-whole-hand"].isChecked() and not window.actions_["opinion-dual"].isChecked()
    window.actions_["opinion-dual"].trigger()
    settle(qtbot, window)
    assert asked(fakes) == ["whole-hand", "dual"], "what answered already is not asked again"
    assert window.actions_["opinion-dual"].isChecked() and "Dual output" in strip(window).others.text()
    assert settings.load(fakes.services.data_dir).second_opinion_engines == ("whole-hand", "dual")
    for engine in ("dual", "whole-hand"):
        window.actions_[f"opinion-{engine}"].trigger()
    settle(qtbot, window)
    assert settings.load(fakes.services.data_dir).second_opinion_engines == ()
    window.open_paths([fakes.films.put(make_film("/films/next.dcm"))])
    settle(qtbot, window)
    assert len(asked(fakes)) == 2 and "none is chosen" in strip(window).notes.text()


def test_a_choice_that_cannot_be_kept_is_told(qtbot, read, monkeypatch):
    def full(*_args):
        raise StoreError("Settings could not be saved (disk full).", "Make room.")

    monkeypatch.setattr(settings, "save", full)
    read.desk.opinions.toggle("dual")
    settle(qtbot, read)
    assert any("The choice was not kept" in line for line in texts(read))


# --- over the film ------------------------------------------------------------------------------


def corner(window) -> str:
    return " ".join(window.film_panel.film._corners.bottom_right)


def test_the_map_lies_over_the_whole_film_where_the_model_looked(qtbot, read, fakes):
    view = read.film_panel.film
    plain = np.array(grey(view))
    press(qtbot, read, Key.Key_G, SHIFT)
    settle(qtbot, read)
    assert fakes.engine.calls[-1] == ("whole-hand-saliency", "whole-hand")
    assert fakes.engine.saliency_of == ["ef" * 32], "of the weights that gave the opinion"
    assert "Grad-CAM whole hand, opacity 60%" in corner(read) and view._corners.key == 0.6
    frame = read.desk.frame
    at, away = view.view.to_screen(frame.width / 2, frame.height * 0.65), view.view.to_screen(20, 20)
    tinted = np.array(grey(view))

    def change(place):
        x, y = round(place[0]), round(place[1])
        return int(np.abs(tinted[y, x].astype(int) - plain[y, x]).max())

    assert change(at) > 40 and change(away) == 0, "what was not looked at stays plain film"
    for _ in range(3):
        press(qtbot, read, Key.Key_Comma)
    assert "opacity 30%" in corner(read) and read.film_panel._slider.value() == 3
    assert int(np.abs(np.array(grey(view))[round(at[1]), round(at[0])].astype(int) - tinted[round(at[1]), round(at[0])]).max()) > 10
    read.film_panel._slider.setValue(9)
    assert "opacity 90%" in corner(read)
    press(qtbot, read, Key.Key_G, SHIFT)
    assert view._saliency is None and "Grad-CAM" not in corner(read) and view._corners.key == 0


def grey(widget):
    picture = widget.grab().toImage().convertToFormat(widget.grab().toImage().Format.Format_RGBX8888)
    return np.frombuffer(picture.constBits(), np.uint8).reshape(picture.height(), picture.width(), 4)[..., :3].copy()


def test_no_overlay_hides_the_map_and_asking_for_one_shows_it(qtbot, read):
    view = read.film_panel.film
    press(qtbot, read, Key.Key_G, SHIFT)
    settle(qtbot, read)
    boxes = np.array(grey(view))
    for _ in range(2):
        press(qtbot, read, Key.Key_Space)
    assert view.show_state is Show.NONE and "Grad-CAM" not in corner(read) and view._corners.key == 0
    bare = np.array(grey(view))
    x, y = (round(v) for v in view.view.to_screen(read.desk.frame.width / 2, read.desk.frame.height * 0.65))
    assert np.abs(boxes[y, x].astype(int) - bare[y, x]).max() > 40
    press(qtbot, read, Key.Key_G)
    settle(qtbot, read)
    assert view.show_state is Show.BOXES and "Grad-CAM Radius" in corner(read)
    assert not read.desk.whole_map.wanted and not read.actions_["whole-map"].isChecked(), "one map at a time"


def test_a_map_that_fails_is_told_and_another_sex_makes_another(qtbot, read, fakes):
    fakes.engine.saliency_error = engine_died()
    press(qtbot, read, Key.Key_G, SHIFT)
    settle(qtbot, read)
    assert any("No map of the whole-hand model" in line for line in texts(read)) and not read.desk.whole_map.wanted
    fakes.engine.saliency_error = None
    press(qtbot, read, Key.Key_G, SHIFT)
    settle(qtbot, read)
    first = read.desk.whole_map.value
    read.desk.do(SetPatient(sex=Sex.MALE))
    assert read.desk.whole_map.value is None, "a map of the other sex does not stay"
    settle(qtbot, read)
    assert (first.sex, read.desk.whole_map.value.sex) == (Sex.FEMALE, Sex.MALE)
    fakes.engine.whole_hand_error = engine_died()
    read.desk.do(SetPatient(sex=Sex.FEMALE))
    settle(qtbot, read)
    assert not read.desk.whole_map.wanted, "it does not wait for an opinion that does not come"
    read.open_paths([fakes.films.put(make_film("/films/next.dcm"))])
    settle(qtbot, read)
    assert not read.desk.whole_map.wanted and read.film_panel.film._saliency is None


def test_the_cascades_regions_are_outlined_told_apart_and_hidden_by_o(qtbot, desk_window, fakes):
    choose(fakes, "whole-hand", "cascade")
    fakes.engine.installed = ALL
    window = desk_window(fakes.path)
    settle(qtbot, window)
    view = window.film_panel.film
    qtbot.wait(30)
    assert near(view, theme.CARPAL) > 200 and near(view, theme.METACARPAL) > 100
    assert near(view, theme.CARPAL) > near(view, theme.METACARPAL), "the second is dashed"
    assert "carpal solid, MCP joints dashed" in corner(window)
    picture = grey(view)
    x, y = (round(v) for v in view.view.to_screen(500, 1000))
    green = picture[y - 2 : y + 3, x].astype(int)
    assert (green[:, 1] - green[:, 0]).max() > 80, "the lower side of the carpal square lies where the engine said"
    press(qtbot, window, Key.Key_O)
    assert near(view, theme.CARPAL) == 0 and "MCP" not in corner(window)
    again = desk_window()
    assert not again.regions and not again.actions_["regions"].isChecked()


@pytest.mark.parametrize("size", [(1366, 768), (1920, 1080)])
def test_all_rows_stay_in_sight_beside_an_unusual_difference(qtbot, desk_window, fakes, size):
    fakes.engine.whole_hand_changes = {"bone_age_months": 160.0}
    window = desk_window(fakes.path, size=size)
    settle(qtbot, window)
    qtbot.wait(60)
    assert window.height() <= size[1] and window.bones.table.verticalScrollBar().maximum() == 0
    for label in (*strip(window).values.values(), *strip(window).titles.values()):
        assert label.width() >= label.fontMetrics().horizontalAdvance(label.text()), label.text()


# --- the map in the report ------------------------------------------------------------------------


def test_the_report_gets_the_map_where_the_settings_want_one_and_asks_once(qtbot, desk_window, fakes, tmp_path):
    fakes.services = dataclasses.replace(fakes.services, settings=settings.Settings(report_map=True))
    window = desk_window(fakes.path)
    settle(qtbot, window)
    for name in ("a.pdf", "b.pdf"):
        window.reporting.write(tmp_path / name, open_it=False)
        settle(qtbot, window)
    maps = fakes.reports.maps
    assert maps[0] is maps[1] is not None and maps[0].opinion == window.desk.reading.whole_hand[0]
    assert fakes.engine.calls.count(("whole-hand-saliency", "whole-hand")) == 1
    window.desk.do(SetPatient(sex=Sex.MALE))
    settle(qtbot, window)
    window.reporting.write(tmp_path / "c.pdf", open_it=False)
    settle(qtbot, window)
    assert maps[-1].opinion == window.desk.reading.whole_hand[0] and maps[-1].opinion.sex is Sex.MALE


def test_a_map_that_cannot_be_had_costs_no_report_and_is_told(qtbot, desk_window, fakes, tmp_path):
    fakes.services = dataclasses.replace(fakes.services, settings=settings.Settings(report_map=True))
    window = desk_window(fakes.path)
    settle(qtbot, window)
    fakes.engine.saliency_error = engine_died()
    window.reporting.write(tmp_path / "a.pdf", open_it=False)
    settle(qtbot, window)
    assert (tmp_path / "a.pdf").exists() and fakes.reports.maps == [None]
    assert any("no map of the second opinion" in line for line in texts(window))


def test_without_the_setting_no_map_is_asked_for(qtbot, read, fakes, tmp_path):
    read.reporting.write(tmp_path / "a.pdf", open_it=False)
    settle(qtbot, read)
    assert fakes.reports.maps == [None] and ("whole-hand-saliency", "whole-hand") not in fakes.engine.calls
