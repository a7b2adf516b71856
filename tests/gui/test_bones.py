"""The page of the 13 bones: order, ladder, pass by keyboard, accept all, blind first, reasons, numbers and curve."""

from __future__ import annotations

import dataclasses
import threading
import time

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QMenu

from boneage_desk.common import i18n
from boneage_desk.common.errors import BoneAgeError
from boneage_desk.reading.assessment import Blind
from boneage_desk.reading.attention import by_worth
from boneage_desk.reading.film import Laterality
from boneage_desk.reading.reference import reference_of
from boneage_desk.reading.session import SetPatient, State
from boneage_desk.standards import rus_chn
from boneage_desk.standards.types import Sex
from boneage_desk.ui.models import bone_table
from boneage_desk.ui.presenters import overlay
from boneage_desk.ui.presenters.atlas import drawn_side
from boneage_desk.ui.presenters.bone_order import Order
from boneage_desk.ui.presenters.curve import curve
from boneage_desk.ui.presenters.reasons import picks
from boneage_desk.ui.presenters.rows import BoneRow, Heading
from tests.gui.conftest import settle, texts
from tests.gui.fakes import GRADES, make_film, make_result, opinion

pytestmark = pytest.mark.gui
Key = Qt.Key
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


class Hands:
    """Presses keys where the window has its focus, and counts them."""

    def __init__(self, qtbot, window) -> None:
        self._qtbot, self._window, self.presses = qtbot, window, 0

    def __call__(self, key, modifier=Qt.KeyboardModifier.NoModifier) -> None:
        self.presses += 1
        self._qtbot.keyClick(self._window.focusWidget(), key, modifier)

    def type(self, label: str) -> None:
        for sign in label:
            if sign.isdigit():
                self(getattr(Key, f"Key_{sign}"))


@pytest.fixture
def hands(qtbot, read) -> Hands:
    return Hands(qtbot, read)


def column(window, index: int) -> list[str]:
    model = window.bones.model
    rows = [model.index(i, index) for i in range(model.rowCount())]
    return [cell.data() for cell in rows if isinstance(cell.data(bone_table.RowRole), BoneRow)]


def shown_bones(window) -> list[str]:
    found = [window.bones.model.index(i, 0).data(bone_table.RowRole) for i in range(window.bones.model.rowCount())]
    return [row.bone for row in found if isinstance(row, BoneRow)]


# --- the pass by keyboard ---------------------------------------------------------------------------


def test_a_case_that_one_agrees_with_takes_fewer_than_20_presses_to_reviewed(read, hands):
    """Worst of the three ways: worth a look first, or J from one to the next, then the rest at once; or Enter 13 times."""
    read.desk.order.choose(Order.WORTH)
    while read.desk.bone_pass.flagged:
        hands(Key.Key_Return)
    hands(Key.Key_Return, SHIFT)
    assert read.desk.reading.all_reviewed
    assert all(f.human_grade == f.machine_grade.grade for f in read.desk.reading.bones)
    hands(Key.Key_Return, CTRL)
    assert read.desk.reading.state is State.REVIEWED
    assert hands.presses < 20, hands.presses


def test_the_same_by_jumping_to_what_is_worth_a_look(read, hands):
    flagged = read.desk.bone_pass.flagged
    assert len(flagged) == 7  # two in doubt, five with a measurement against the grade
    for _ in flagged:
        hands(Key.Key_J)
        assert read.desk.bone in flagged
        hands(Key.Key_Return)
    hands(Key.Key_Return, SHIFT)
    hands(Key.Key_Return, CTRL)
    assert read.desk.reading.state is State.REVIEWED and hands.presses == 16


def test_the_same_by_enter_alone(read, hands):
    for _ in rus_chn.BONES:
        hands(Key.Key_Return)
    hands(Key.Key_Return, CTRL)
    assert read.desk.reading.state is State.REVIEWED and hands.presses == 14


def test_accept_all_is_closed_until_the_flagged_were_looked_at_and_is_one_step(qtbot, read, hands, fakes):
    before = read.desk.reading
    bar = read.bones.bar
    assert not bar.accept.isEnabled() and bar.waits.text() == "7 to look at" and "Ulna" in bar.accept.toolTip()
    hands(Key.Key_Return, SHIFT)
    assert read.desk.reading == before and read.desk.bone in read.desk.bone_pass.flagged
    assert any("To be looked at before the rest is accepted" in line for line in texts(read))
    for bone in read.desk.bone_pass.flagged:
        read.desk.select(bone)
        hands(Key.Key_Return)
    looked = read.desk.reading
    assert bar.accept.isEnabled() and not bar.waits.isVisible()
    qtbot.mouseClick(bar.accept, Qt.MouseButton.LeftButton)
    assert read.desk.reading.all_reviewed and not bar.accept.isVisible()
    hands(Key.Key_Z, CTRL)
    assert read.desk.reading.bones == looked.bones
    hands(Key.Key_Y, CTRL)
    assert read.desk.reading.all_reviewed
    settle(qtbot, read)
    assert [event.action for event in fakes.store.log][-3:] == ["accept-all", "undo", "redo"]
    assert fakes.store.get(before.reading_id).all_reviewed


def test_j_says_when_nothing_is_left(read, hands):
    for bone in read.desk.bone_pass.flagged:
        read.desk.select(bone)
        hands(Key.Key_Return)
    assert not read.actions_["next-flagged"].isEnabled()
    read.desk.bone_pass.next_flagged()
    assert any("No bone is left" in line for line in texts(read))


ACTS = {
    "grade": lambda w, hands: hands(Key.Key_Right),
    "typed": lambda w, hands: hands.type("3"),
    "accept": lambda w, hands: hands(Key.Key_Return),
    "tick": lambda w, hands: w.desk.toggle_reviewed("mc3"),
    "take back": lambda w, hands: hands(Key.Key_Delete),
    "reason": lambda w, hands: w.desk.set_reason("ulna", picks()[1]),
    "rest": lambda w, hands: w.desk.bone_pass.accept_all(),
}


@pytest.mark.parametrize("act", ACTS)
def test_each_act_is_one_step_of_undo_and_redo_and_is_audited(qtbot, read, hands, fakes, act):
    read.desk.select("ulna")
    read.desk.set_grade(GRADES["ulna"] + 1)
    if act == "rest":
        for bone in read.desk.bone_pass.flagged:
            read.desk.select(bone)
            read.desk.accept()
    read.desk.select("mc3" if act in ("grade", "typed", "accept") else "ulna")
    before = read.desk.reading
    ACTS[act](read, hands)
    after = read.desk.reading
    assert after.bones != before.bones and after.revision == before.revision + 1
    hands(Key.Key_Z, CTRL)
    assert read.desk.reading.bones == before.bones
    hands(Key.Key_Y, CTRL)
    assert read.desk.reading.bones == after.bones
    settle(qtbot, read)
    assert [event.action for event in fakes.store.log][-2:] == ["undo", "redo"]
    assert fakes.store.get(before.reading_id).bones == after.bones


# --- order ------------------------------------------------------------------------------------------


def test_rows_and_arrows_follow_the_order_and_it_is_kept(qtbot, desk_window, read, hands, fakes):
    assert shown_bones(read) == list(rus_chn.BONES)
    hands(Key.Key_O, SHIFT)
    assert read.desk.order.mode is Order.RAY and read.actions_["order-ray"].isChecked()
    model = read.bones.model
    titles = [model.index(row, 0).data() for row in model.headings]
    assert len(titles) == 4 and titles[0] == "Forearm" and titles[3].endswith("little finger")
    assert shown_bones(read) == [
        "radius", "ulna", "mc1", "pp1", "dp1", "mc3", "pp3", "mp3", "dp3", "mc5", "pp5", "mp5", "dp5",
    ]  # fmt: skip
    for _ in range(3):
        hands(Key.Key_Down)
    assert read.desk.bone == "pp1", "arrows pass the headings over"
    assert model.bone_at(read.bones.table.currentIndex().row()) == "pp1"
    heading = read.bones.table.visualRect(model.index(model.headings[2], 0)).center()
    qtbot.mouseClick(read.bones.table.viewport(), Qt.MouseButton.LeftButton, pos=heading)
    assert read.desk.bone == "pp1", "a heading is no bone"
    hands(Key.Key_O, SHIFT)
    assert read.desk.order.mode is Order.WORTH and shown_bones(read) == list(by_worth(read.desk.reading))
    assert read.bones.bar.order.text() == "Worth a look first"
    other = desk_window(fakes.films.put(make_film("/films/next.dcm")))
    settle(qtbot, other)
    assert other.desk.order.mode is Order.WORTH and other.actions_["order-worth"].isChecked()
    assert other.desk.bone == shown_bones(other)[0] == "mp5", "it begins where it is most worth a look"


def test_the_order_by_worth_stands_still_under_the_hands_and_follows_the_sex(read, hands):
    read.actions_["order-worth"].trigger()
    first = shown_bones(read)
    assert first[0] == "mp5" and first[1] == "ulna", "the uncertain place, then the months of the doubt"
    read.desk.select("ulna")
    hands(Key.Key_Right)
    hands(Key.Key_Return)
    assert shown_bones(read) == first
    read.desk.do(SetPatient(sex=Sex.MALE))
    assert shown_bones(read) == list(by_worth(read.desk.reading))


def test_the_row_of_the_bone_chosen_stays_chosen_when_the_order_changes(read):
    read.desk.select("mp3")
    for mode in (Order.RAY, Order.WORTH, Order.ANATOMY):
        read.desk.order.choose(mode)
        assert read.desk.bone == "mp3"
        assert read.bones.model.bone_at(read.bones.table.currentIndex().row()) == "mp3"


# --- the ladder -------------------------------------------------------------------------------------


def drawings(window):
    return [rung.drawing for rung in window.bones.strip.ladder.rungs]


def wait_for_drawings(qtbot, window):
    qtbot.waitUntil(lambda: all(d._image is not None for d in drawings(window) if d.isVisible()), timeout=8000)


def test_the_grades_below_this_and_above_are_drawn_at_one_scale_off_the_windows_thread(qtbot, read, fakes):
    asked, threads = [], set()
    plain = fakes.services.draw_bone

    def draw(bone, grade, size, side):
        asked.append((bone, grade, side))
        threads.add(threading.current_thread())
        return plain(bone, grade, size, side)

    object.__setattr__(fakes.services, "draw_bone", draw)
    read.desk.select("pp3")
    wait_for_drawings(qtbot, read)
    settle(qtbot, read)
    assert asked[0] == ("pp3", GRADES["pp3"], "left"), "this grade first"
    assert {grade for _, grade, _ in asked} >= {GRADES["pp3"] + step for step in (-1, 0, 1)}
    assert threading.main_thread() not in threads
    assert len({(d.width(), d.height()) for d in drawings(read)}) == 1
    greys = [d._image.pixelColor(5, 5).value() for d in drawings(read)]
    assert greys == [40 + 12 * (GRADES["pp3"] + step) for step in (-1, 0, 1)]
    count = len(asked)
    read.desk.select("radius")
    read.desk.select("pp3")
    wait_for_drawings(qtbot, read)
    assert [ask for ask in asked[count:] if ask[0] == "pp3" and abs(ask[1] - GRADES["pp3"]) <= 1] == [], "kept"


def test_a_step_shows_the_next_drawing_and_a_click_on_a_rung_is_a_step(qtbot, read):
    rungs = read.bones.strip.ladder.rungs
    qtbot.mouseClick(rungs[2], Qt.MouseButton.LeftButton)
    assert read.desk.reading.bone("radius").human_grade == GRADES["radius"] + 1
    qtbot.mouseClick(rungs[0], Qt.MouseButton.LeftButton)
    assert read.desk.reading.bone("radius").human_grade == GRADES["radius"]
    qtbot.mouseClick(rungs[1], Qt.MouseButton.LeftButton)
    assert read.desk.reading.bone("radius").human_grade == GRADES["radius"]
    wait_for_drawings(qtbot, read)


def test_the_ends_of_the_scale_have_no_neighbour(read):
    read.desk.set_grade(0)
    below, this, _above = read.bones.strip.ladder.rungs
    assert not below.drawing.isVisible() and below.head.text() == "" and this.head.text() == "0"
    read.desk.set_grade(rus_chn.max_grade("radius"))
    assert read.bones.strip.ladder.rungs[2].head.text() == ""


def test_drawings_lie_as_the_film_does_and_an_unknown_side_is_said(read):
    reading = read.desk.reading
    assert drawn_side(reading) == "left"
    assert drawn_side(dataclasses.replace(reading, hand_mirror="R")) == "right", "what is seen, not what is recorded"
    unknown = dataclasses.replace(
        reading, hand_mirror="", study=dataclasses.replace(reading.study, laterality=Laterality.UNKNOWN)
    )
    assert drawn_side(unknown) == ""
    from boneage_desk.ui.presenters.atlas import side_words

    assert "not known" in side_words("") and "thumb to the left" in side_words("right")
    assert read.bones.strip.ladder.rungs[1].drawing.toolTip() == side_words("left")


def test_the_criteria_are_in_the_windows_language(read):
    words = read.bones.strip.ladder.rungs[1].words
    assert words.text() == rus_chn.criterion("radius", GRADES["radius"])
    i18n.use("zh")
    try:
        read.bone_joins.show_bone()
        assert words.text() == rus_chn.criterion("radius", GRADES["radius"], "zh")
    finally:
        i18n.use("en")


def test_drawings_that_cannot_be_made_are_told_once_and_the_criteria_stay(qtbot, read, fakes):
    settle(qtbot, read)

    def broken(*_args):
        raise BoneAgeError("No drawing.", "Install again.")

    object.__setattr__(fakes.services, "draw_bone", broken)
    for bone in ("dp5", "mc5"):
        read.desk.select(bone)
        qtbot.wait(300)
        settle(qtbot, read)
    assert sum("drawings of the grades cannot be made" in line for line in texts(read)) == 1
    assert read.bones.strip.ladder.rungs[1].words.text()


def test_the_real_drawings_compare_at_one_scale():
    from boneage_desk.wiring import draw_bone

    left, right = (draw_bone("radius", 7, 96, side).astype(float) for side in ("left", "right"))
    assert left.shape == (96, 96)
    same, turned = (np.corrcoef(left.ravel(), other.ravel())[0, 1] for other in (right, right[:, ::-1]))
    assert turned > 0.95 > same
    above = draw_bone("radius", 8, 96, "left").astype(float)
    assert 0.8 < np.corrcoef(left.ravel(), above.ravel())[0, 1] < 0.999, "the same shaft at the same place, another grade"


# --- reasons ----------------------------------------------------------------------------------------


def menu_of(qtbot) -> QMenu:
    qtbot.waitUntil(lambda: isinstance(QApplication.activePopupWidget(), QMenu), timeout=3000)
    found = QApplication.activePopupWidget()
    assert isinstance(found, QMenu)
    return found


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_a_reason_is_picked_by_two_keys_typed_or_undone(qtbot, read, hands):
    assert not read.actions_["pick-reason"].isEnabled() and not read.bones.strip.pick.isVisible()
    hands(Key.Key_Right)
    assert read.bones.strip.pick.isVisible()
    hands(Key.Key_Y)
    qtbot.keyClick(menu_of(qtbot), Key.Key_3)
    assert read.desk.reading.bone("radius").comment == picks()[2] == read.bones.strip.reason.text()
    hands(Key.Key_Z, CTRL)
    assert read.desk.reading.bone("radius").comment == ""
    hands(Key.Key_Y, CTRL)
    assert read.desk.reading.bone("radius").comment == picks()[2]
    hands(Key.Key_C)
    read.bones.strip.reason.selectAll()
    qtbot.keyClicks(read.bones.strip.reason, "Seen on an earlier film")
    hands(Key.Key_Return)
    assert read.desk.reading.bone("radius").comment == "Seen on an earlier film"
    assert read.focusWidget() is read.bones.table


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_the_last_line_of_the_reasons_gives_the_keys_to_the_field(qtbot, read, hands):
    hands(Key.Key_Right)
    qtbot.mouseClick(read.bones.strip.pick, Qt.MouseButton.LeftButton)
    menu_of(qtbot).actions()[-1].trigger()
    QApplication.activePopupWidget().close()
    assert read.bones.strip.reason.hasFocus()


def test_a_reason_stays_with_another_override_and_goes_with_the_machines_grade(read, hands):
    hands(Key.Key_Right)
    read.desk.set_reason("radius", picks()[0])
    hands(Key.Key_Right)
    assert read.desk.reading.bone("radius").comment == picks()[0]
    hands(Key.Key_Left)
    hands(Key.Key_Left)
    assert read.desk.reading.bone("radius").human_grade == GRADES["radius"]
    assert read.desk.reading.bone("radius").comment == ""


def test_the_reasons_fit_their_keys_and_the_field():
    assert 1 <= len(picks()) <= 9 and len(set(picks())) == len(picks())
    assert all(len(reason) <= 200 for reason in picks())


# --- blind first ------------------------------------------------------------------------------------


@pytest.fixture
def blind(qtbot, desk_window, fakes):
    """A film read blind: the machine's result is in and hidden."""
    window = desk_window()
    settle(qtbot, window)
    window.actions_["blind-first"].trigger()
    window.open_paths([fakes.path])
    settle(qtbot, window)
    assert window.desk.session.reading.analysed_at is not None
    return window


def test_nothing_of_the_machine_is_seen_while_blind(qtbot, blind, fakes):
    window = blind
    real = window.desk.session.reading
    assert real.blind is Blind.HIDDEN and real.bone("radius").machine_grade is not None and real.whole_hand
    assert set(column(window, bone_table.MACHINE)) == {"hidden"}
    assert set(column(window, bone_table.MEASURED)) == {""} and set(column(window, bone_table.POINTS)) == {""}
    assert window.bones.numbers.bone_age.isHidden() and "0 of 13 bones are graded" in window.bones.numbers.why.text()
    assert window.bones.numbers.values["machine"].text() == "hidden"
    assert not window.bones.opinion.isVisible()
    assert not any("!" in mark.label for mark in overlay.marks(window.desk.reading) if mark.bone != "mp5")
    for command in ("saliency", "grad-cam", "occlusion", "whole-map", "regions"):
        assert not window.actions_[command].isEnabled(), command
    assert curve(window.desk.reading, window.desk.summary).machine is None
    settle(qtbot, window)
    assert fakes.store.get(real.reading_id).bone("radius").machine_grade is not None, "kept in the store all the while"


def test_the_list_before_the_signature_asks_for_the_machine_first(qtbot, blind):
    from PySide6.QtWidgets import QLabel

    def told() -> str:
        return " ".join(label.text() for label in blind.report.findChildren(QLabel) if not label.isHidden())

    blind.tabs.setCurrentWidget(blind.report)
    settle(qtbot, blind)
    assert "still hidden" in told() and "No unusual difference" not in told()


def test_grades_first_then_the_machine_and_both_are_kept(qtbot, blind, fakes):
    hands = Hands(qtbot, blind)
    blind.bones.table.setFocus()
    hands(Key.Key_Return)
    assert not blind.desk.reading.bone("radius").reviewed
    assert any("The machine's grades are hidden" in line for line in texts(blind))
    hands(Key.Key_Return, SHIFT)
    assert not any(f.reviewed for f in blind.desk.reading.bones)
    for bone in rus_chn.BONES:
        assert blind.desk.bone == bone
        hands.type(rus_chn.label(bone, GRADES[bone] - (bone == "mc1")))
        hands(Key.Key_Return)
    assert any("Shift+B shows" in line for line in texts(blind))
    assert blind.bones.numbers.bone_age.isVisible() and blind.bones.numbers.change.text() == ""
    hands(Key.Key_Return, CTRL)
    assert blind.desk.reading.state is State.DRAFT, "not before the machine was shown"
    hands(Key.Key_B, SHIFT)
    assert any("It grades 1 of 13 bones otherwise" in line for line in texts(blind))
    reading = blind.desk.reading
    assert reading.blind is Blind.REVEALED and blind.desk.session.reading == reading
    assert [f.blind_grade for f in reading.bones] == [f.human_grade for f in reading.bones]
    assert column(blind, bone_table.MACHINE)[0].startswith("7(0)") and blind.bones.numbers.change.text()
    blind.desk.select("mc1")
    hands(Key.Key_Right)
    assert not blind.desk.reading.bone("mc1").overridden
    cell = blind.bones.model.index(2, bone_table.HUMAN)
    assert rus_chn.label("mc1", GRADES["mc1"] - 1) in cell.data(Qt.ItemDataRole.ToolTipRole)
    hands(Key.Key_Return, CTRL)
    settle(qtbot, blind)
    stored = fakes.store.get(reading.reading_id)
    assert stored.state is State.REVIEWED and stored.bone("mc1").blind_grade == GRADES["mc1"] - 1
    actions = [event.action for event in fakes.store.log]
    assert actions.index("start-blind") < actions.index("set-analysis") < actions.index("reveal")


def test_showing_the_machine_early_is_asked_first_and_cannot_be_undone(qtbot, blind):
    hands = Hands(qtbot, blind)
    blind.desk.set_grade(5)
    qtbot.mouseClick(blind.bones.bar.blind, Qt.MouseButton.LeftButton)
    assert blind.desk.blind_first.hidden
    message = blind.messages.messages[-1]
    assert "12 of 13 bones are not graded" in message.text
    message.choices[0].act()
    assert blind.desk.reading.blind is Blind.REVEALED and blind.desk.reading.bone("radius").blind_grade == 5
    assert blind.desk.reading.bone("ulna").blind_grade is None
    for _ in range(4):
        hands(Key.Key_Z, CTRL)
    assert blind.desk.reading.blind is Blind.REVEALED and blind.desk.reading.bone("radius").blind_grade == 5


def test_a_blind_reading_has_no_report_yet(qtbot, blind, fakes):
    hands = Hands(qtbot, blind)
    hands(Key.Key_E, CTRL)
    settle(qtbot, blind)
    assert not (fakes.services.data_dir / "reports").exists()
    assert any("still hidden" in line for line in texts(blind))
    sheets = []
    blind.preview.changed.connect(sheets.append)
    blind.tabs.setCurrentWidget(blind.report)
    settle(qtbot, blind)
    assert sheets and all(sheet.pdf is None for sheet in sheets) and "once the AI is shown" in sheets[-1].words


def test_blind_begins_with_the_next_film_where_this_one_was_seen_and_is_kept(qtbot, read, desk_window, fakes):
    read.actions_["blind-first"].trigger()
    assert read.desk.reading.blind is Blind.SHOWN and any("next film" in line for line in texts(read))
    read.open_paths([fakes.films.put(make_film("/films/next.dcm"))])
    settle(qtbot, read)
    assert read.desk.reading.blind is Blind.HIDDEN
    other = desk_window()
    settle(qtbot, other)
    assert other.desk.blind_first.on and other.actions_["blind-first"].isChecked()
    read.actions_["blind-first"].trigger()
    assert not read.desk.blind_first.on and read.desk.reading.blind is Blind.HIDDEN, "what is hidden stays so"


def test_a_film_read_in_the_background_is_blind_too(qtbot, desk_window, fakes):
    window = desk_window()
    settle(qtbot, window)
    window.actions_["blind-first"].trigger()
    paths = [fakes.films.put(make_film(f"/films/{n}.dcm")) for n in range(2)]
    window.open_paths(paths)
    qtbot.waitUntil(
        lambda: len(fakes.store.readings) == 2 and all(r.analysed_at for r in fakes.store.readings.values()), timeout=15000
    )
    settle(qtbot, window)
    assert all(reading.blind is Blind.HIDDEN for reading in fakes.store.readings.values())


def test_a_bone_without_a_grade_is_looked_through_with_the_arrows(qtbot, blind):
    hands = Hands(qtbot, blind)
    blind.bones.table.setFocus()
    hands(Key.Key_Right)
    middle = rus_chn.max_grade("radius") // 2
    assert blind.desk.reading.bone("radius").human_grade is None, "looking is no grade"
    assert blind.bones.strip.ladder.rungs[1].head.text() == rus_chn.label("radius", middle)
    assert blind.bones.table.delegate.browsed == ("radius", rus_chn.label("radius", middle))
    hands(Key.Key_Right)
    hands(Key.Key_Return)
    assert blind.desk.reading.bone("radius").human_grade == middle + 1 and blind.desk.bone == "ulna"
    assert blind.bones.table.delegate.browsed == ("", "") and blind.bones.strip.ladder.rungs[1].head.text() == ""


def test_what_is_hidden_is_never_lost(qtbot, blind, fakes):
    """A reading that comes back to the desk as it was seen keeps the machine's grades."""
    seen = blind.desk.reading
    assert seen.bone("radius").machine_grade is None
    blind.desk.show(seen, blind.desk.film)
    blind.desk.set_grade(5)
    settle(qtbot, blind)
    assert fakes.store.get(seen.reading_id).bone("radius").machine_grade is not None


# --- numbers and curve ------------------------------------------------------------------------------


def test_sds_conclusion_and_curve_follow_each_grade(read, hands):
    strip = read.bones.numbers
    found = reference_of(read.desk.summary, Sex.FEMALE)
    assert strip.values["sds"].text() == f"{found.sd_score:+.1f}" and strip.conclusion.text() == "normal"
    assert found.name in strip.values["sds"].toolTip()
    before = curve(read.desk.reading, read.desk.summary)
    assert before.case == (read.desk.summary.bone_age.months, read.desk.summary.score) and before.machine is None
    assert before.interval_months == read.desk.summary.interval_months and before.age_months == pytest.approx(124.3, abs=0.1)
    hands(Key.Key_Right)
    after = curve(read.desk.reading, read.desk.summary)
    assert after.case[0] > before.case[0] and after.machine == before.case
    assert strip.values["sds"].text() != f"{found.sd_score:+.1f}"
    assert "The AI alone" in strip.curve.accessibleDescription()
    low, high = after.knots[0], after.knots[-1]
    assert low[1] < after.case[1] < high[1]


def test_the_case_lies_on_the_drawn_curve(qtbot, read):
    """The mark is drawn where score and age say, within the picture."""
    picture = read.bones.numbers.curve
    image = picture.grab().toImage()
    orange = [
        (x, y) for x in range(image.width()) for y in range(image.height())
        if (c := image.pixelColor(x, y)).red() > 220 and 110 < c.green() < 190 and c.blue() < 120
    ]  # fmt: skip
    assert orange
    x = sum(p[0] for p in orange) / len(orange) / image.width()
    months = read.desk.summary.bone_age.months
    assert x == pytest.approx(months / 216, abs=0.05)


def test_unknown_sex_and_age_have_no_sds_and_no_curve(qtbot, desk_window, fakes):
    from boneage_desk.reading.film import Patient, Study

    window = desk_window(fakes.films.put(make_film("/films/who.png", patient=Patient(), study=Study())))
    settle(qtbot, window)
    strip = window.bones.numbers
    assert strip.values["sds"].text() == "\N{EN DASH}" and "not known" in strip.values["sds"].toolTip()
    assert strip.conclusion.text() == "" and strip.curve._value is None


def test_a_missing_grade_is_said_once_and_by_the_bones_name(qtbot, read):
    read.desk.remove_box("mc1")
    settle(qtbot, read)
    told = read.bones.numbers.why.text()
    assert told.startswith("No bone age. Without a grade: MC 1.") and told.count("No bone age") == 1 and "mc1" not in told


# --- hints and heights ------------------------------------------------------------------------------


def test_hints_and_messages_name_the_keys_in_force(read, hands):
    assert read.hint.text() == "Enter accept \N{MIDDLE DOT} arrows grade \N{MIDDLE DOT} N next \N{MIDDLE DOT} F1 all keys"
    assert read.bones.strip.reason.placeholderText() == "Reason for your grade (C)"
    keys = {"accept": ("F",), "grade-up": ("+",), "grade-down": ("-",), "next-unreviewed": (), "reason": (),
            "mark-reviewed": ("Ctrl+M",), "comment-difference": ("Alt+C",)}  # fmt: skip
    read.actions_.set_keys(keys)
    read.bone_joins.show_keys()
    assert read.hint.text() == "F accept \N{MIDDLE DOT} - + grade \N{MIDDLE DOT} F1 all keys", "what has no key is not named"
    assert read.bones.strip.reason.placeholderText() == "Reason for your grade"
    assert read.bones.opinion.comment.placeholderText().endswith("(Alt+C)")
    for _ in rus_chn.BONES:
        hands(Key.Key_F)
    assert "All 13 bones were looked at. Ctrl+M marks the reading reviewed." in texts(read)


def test_rows_are_of_one_height_again_after_the_rays(read):
    table = read.bones.table
    for mode in (Order.RAY, Order.WORTH, Order.ANATOMY):
        read.desk.order.choose(mode)
        heights = {table.rowHeight(row) for row in range(read.bones.model.rowCount()) if read.bones.model.bone_at(row)}
        assert len(heights) == 1, (mode, heights)


# --- never blocks -----------------------------------------------------------------------------------


def test_a_step_costs_the_windows_thread_far_less_than_100_ms(read, hands):
    """CPU time of the thread, so that other programs do not count."""
    for mode in Order:
        read.desk.order.choose(mode)
        costs = []
        for step in (1, -1, 1, -1, 1):
            start = time.thread_time()
            read.desk.step_grade(step)
            read.desk.move(1)
            costs.append(time.thread_time() - start)
        assert sorted(costs)[2] < 0.1, (mode, costs)


def test_headings_and_rows_have_texts_for_those_who_do_not_see(read):
    read.desk.order.choose(Order.RAY)
    model = read.bones.model
    role = Qt.ItemDataRole.AccessibleTextRole
    for row in range(model.rowCount()):
        found = model.index(row, 0).data(bone_table.RowRole)
        if isinstance(found, Heading):
            assert model.index(row, 0).data(role) == found.title
        else:
            assert model.index(row, bone_table.MACHINE).data(role).startswith(found.name)


def test_a_sure_machine_leaves_only_one_press(qtbot, desk_window, fakes):
    bones = tuple(
        dataclasses.replace(
            row, region=dataclasses.replace(row.region, certain=True), grade=opinion(row.bone, GRADES[row.bone], 0.97),
            evidence=None,
        )
        for row in make_result(make_film().frame).bones
    )  # fmt: skip
    fakes.engine.result = make_result(make_film().frame, bones=bones)
    window = desk_window(fakes.path)
    settle(qtbot, window)
    assert window.desk.bone_pass.flagged == () and window.bones.bar.accept.text() == "Accept all (13)"
    hands = Hands(qtbot, window)
    hands(Key.Key_Return, SHIFT)
    hands(Key.Key_Return, CTRL)
    assert window.desk.reading.state is State.REVIEWED and hands.presses == 2


def test_the_longest_figure_of_a_width_has_its_sign_beside_it(read):
    """'fused' with its mark is drawn whole where the column is as narrow as it gets, and in its own room elsewhere."""
    from PySide6.QtCore import QRect
    from PySide6.QtGui import QColor, QImage, QPainter

    from boneage_desk.ui import theme
    from boneage_desk.ui.presenters.measured import Measured

    row = read.bones.model.index(0, 0).data(bone_table.RowRole)
    long = dataclasses.replace(row, measured=Measured("fused", ("fused with the shaft",), "It is open."))
    delegate, table = read.bones.table.delegate, read.bones.table

    def drawn(width: int) -> int:
        """Columns of pixels that the figure takes, without the sign."""
        image = QImage(width, 24, QImage.Format.Format_RGB32)
        image.fill(QColor("black"))
        painter = QPainter(image)
        painter.setFont(table.font())
        delegate._measured(painter, QRect(5, 0, width - 10, 24), long)
        painter.end()
        text = [x for x in range(width) if any(_is_grey(image.pixelColor(x, y)) for y in range(24))]
        return len(text)

    def _is_grey(colour) -> bool:
        return colour.red() > 60 and abs(colour.red() - colour.blue()) < 12

    assert theme.TEXT != theme.ATTENTION
    assert drawn(58) == drawn(100), "as many columns of letters as where there is room to spare"
    assert drawn(40) < drawn(100), "the test sees a figure that is cut"
    table.resize(560, table.height())
    assert table.columnWidth(bone_table.MEASURED) >= table.fontMetrics().horizontalAdvance("fused \N{NOT EQUAL TO}") + 10


def test_a_figure_is_never_cut_in_a_narrow_column(read):
    """A cut '-2.8 / +4.4' reads as another number: the font gives way, and a bold font is as large as the plain one."""
    from PySide6.QtCore import QRect
    from PySide6.QtGui import QImage, QPainter

    from boneage_desk.ui.views.bone_delegate import bold, fit_words

    table, words = read.bones.table, "\N{MINUS SIGN}12.8 / +14.4"
    assert bold(table.font()).pointSizeF() == table.font().pointSizeF()
    image = QImage(200, 24, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    painter.setFont(table.font())
    full = painter.fontMetrics().horizontalAdvance(words)
    fit_words(painter, QRect(0, 0, full + 1, 24), words)
    assert painter.font().pointSizeF() == table.font().pointSizeF()
    fit_words(painter, QRect(0, 0, round(full * 0.75), 24), words)
    assert painter.fontMetrics().horizontalAdvance(words) <= round(full * 0.75)
    painter.end()
