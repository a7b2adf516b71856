"""What one does on the film, with keys and mouse on a whole window: measuring, notes, filters, turning, boxes, two films."""

from __future__ import annotations

import dataclasses
from datetime import date

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QLineEdit

from boneage_desk.reading.annotations import AnnotationKind, words
from boneage_desk.reading.film import Patient, Spacing, SpacingKind, Study, VoiKind
from boneage_desk.reading.findings import Box
from boneage_desk.reading.session import SetBox
from boneage_desk.standards import rus_chn
from boneage_desk.ui.presenters import overlay, rows
from boneage_desk.ui.presenters.filtering import DisplayFilter
from boneage_desk.ui.presenters.overlay import Show
from tests.gui.conftest import settle, texts
from tests.gui.fakes import make_film

pytestmark = pytest.mark.gui
Key, LEFT = Qt.Key, Qt.MouseButton.LeftButton
SHIFT, CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


def press(qtbot, window, key, modifier=Qt.KeyboardModifier.NoModifier):
    window.film_panel.film.setFocus()
    qtbot.keyClick(window.film_panel.film, key, modifier)


def spot(view, x, y):
    at = view.view.to_screen(x, y)
    return QPoint(round(at[0]), round(at[1]))


def drag(qtbot, view, start, end):
    pad = view.viewport()
    qtbot.mousePress(pad, LEFT, pos=start)
    for k in (1, 2, 3):
        qtbot.mouseMove(pad, start + (end - start) * k / 3)
        qtbot.wait(20)
    qtbot.mouseRelease(pad, LEFT, pos=end)


def click(qtbot, view, x, y):
    qtbot.mouseClick(view.viewport(), LEFT, pos=spot(view, x, y))
    qtbot.wait(QApplication.doubleClickInterval() + 20)  # two clicks, no double click


def state(window):
    return " | ".join(window.film_panel.film._corners.bottom_right)


def lower_left(window):
    return " | ".join(window.film_panel.film._corners.bottom_left)


def drawn(window):
    return window.desk.reading.annotations


def events(fakes, *actions):
    return [event for event in fakes.store.log if event.action in actions]


# --- measuring ----------------------------------------------------------------------------------


def test_d_and_a_drag_measure_a_distance_that_is_saved_audited_and_undone(qtbot, read, fakes):
    view = read.film_panel.film
    press(qtbot, read, Key.Key_D)
    assert view.tool == "distance" and read.actions_["distance-tool"].isChecked() and "DISTANCE" in state(read)
    drag(qtbot, view, spot(view, 200, 900), spot(view, 400, 900))
    (found,) = drawn(read)
    assert found.kind is AnnotationKind.DISTANCE and found.spacing == read.desk.frame.spacing
    assert found.points[0] == pytest.approx((200, 900), abs=1.5) and found.points[1] == pytest.approx((400, 900), abs=1.5)
    assert words(found).endswith(" mm at detector") and float(words(found).split()[0]) == pytest.approx(30, abs=0.5)
    assert "1 measurement" in state(read) and view.chosen == 1
    settle(qtbot, read)
    (event,) = events(fakes, "add-annotation")
    assert event.detail == "distance 1" and "mm at detector" in event.after
    assert fakes.store.get(read.desk.reading.reading_id).annotations == drawn(read)
    press(qtbot, read, Key.Key_Z, CTRL)
    assert drawn(read) == () and view.chosen == 0
    press(qtbot, read, Key.Key_Y, CTRL)
    assert drawn(read) == (found,)


def test_two_clicks_measure_as_a_drag_does_and_escape_drops_the_first(qtbot, read):
    view = read.film_panel.film
    press(qtbot, read, Key.Key_D)
    click(qtbot, view, 200, 900)
    assert view.input.drawing.pending and drawn(read) == ()
    press(qtbot, read, Key.Key_Escape)
    assert not view.input.drawing.pending
    click(qtbot, view, 200, 900)
    click(qtbot, view, 200, 1000)
    assert len(drawn(read)) == 1 and words(drawn(read)[0]).startswith(("14.", "15."))


@pytest.mark.parametrize(
    ("spacing", "unit"),
    [(Spacing(), "px"), (Spacing(0.1, 0.1, SpacingKind.PIXEL), "mm"), (Spacing(0.1, 0.1, SpacingKind.AT_DETECTOR), "mm at detector")],
)
def test_the_unit_on_the_film_is_that_of_the_file(qtbot, desk_window, fakes, spacing, unit):
    film = make_film("/films/unit.dcm")
    film = dataclasses.replace(film, frame=dataclasses.replace(film.frame, spacing=spacing))
    window = desk_window(fakes.films.put(film))
    settle(qtbot, window)
    view = window.film_panel.film
    press(qtbot, window, Key.Key_D)
    drag(qtbot, view, spot(view, 200, 900), spot(view, 300, 900))
    from boneage_desk.ui.presenters.film_marks import label

    assert label(drawn(window)[0]).split(" ", 1)[1] == unit


def test_a_measures_an_angle_by_three_clicks_on_a_turned_film(qtbot, read):
    view = read.film_panel.film
    view.set_view(view.view.turned(True).rotated(20))
    press(qtbot, read, Key.Key_A)
    assert read.actions_["angle-tool"].isChecked()
    for x, y in ((600, 600), (500, 600), (500, 500)):
        click(qtbot, view, x, y)
    (found,) = drawn(read)
    assert found.kind is AnnotationKind.ANGLE
    assert float(words(found).rstrip("\N{DEGREE SIGN}")) == pytest.approx(90, abs=2)


def test_an_end_is_dragged_and_the_whole_is_deleted(qtbot, read, fakes):
    view = read.film_panel.film
    press(qtbot, read, Key.Key_D)
    drag(qtbot, view, spot(view, 200, 900), spot(view, 400, 900))
    press(qtbot, read, Key.Key_W)
    before = view.voi
    drag(qtbot, view, spot(view, *drawn(read)[0].points[1]), spot(view, 400, 1000))
    assert drawn(read)[0].points[1] == pytest.approx((400, 1000), abs=2) and view.voi == before
    assert read.actions_["remove-annotation"].isEnabled()
    press(qtbot, read, Key.Key_Delete, SHIFT)
    assert drawn(read) == () and not read.actions_["remove-annotation"].isEnabled()
    for _ in range(2):
        press(qtbot, read, Key.Key_Z, CTRL)
    assert drawn(read)[0].points[1] == pytest.approx((400, 900), abs=2)
    settle(qtbot, read)
    assert [e.action for e in events(fakes, "change-annotation", "remove-annotation")] == ["change-annotation", "remove-annotation"]


def test_the_line_is_moved_with_a_tool_that_draws(qtbot, read):
    view = read.film_panel.film
    press(qtbot, read, Key.Key_D)
    drag(qtbot, view, spot(view, 200, 900), spot(view, 400, 900))
    drag(qtbot, view, spot(view, 300, 900), spot(view, 300, 950))
    assert len(drawn(read)) == 1
    assert [p[1] for p in drawn(read)[0].points] == pytest.approx([950, 950], abs=2)


def note_line(window):
    return window.film_panel.film.findChild(QLineEdit, "note-line")


def test_a_note_is_written_changed_and_emptied(qtbot, read):
    view = read.film_panel.film
    press(qtbot, read, Key.Key_N, SHIFT)
    click(qtbot, view, 300, 1000)
    line = note_line(read)
    assert line.isVisible() and line.hasFocus()
    qtbot.keyClicks(line, "old fracture?")
    qtbot.keyClick(line, Key.Key_Return)
    assert [(a.text, a.kind) for a in drawn(read)] == [("old fracture?", AnnotationKind.NOTE)]
    assert "1 note" in state(read)
    qtbot.waitUntil(lambda: note_line(read) is None)
    qtbot.mouseDClick(view.viewport(), LEFT, pos=spot(view, *drawn(read)[0].points[0]))
    line = note_line(read)
    assert line.text() == "old fracture?"
    line.selectAll()
    qtbot.keyClicks(line, "no fracture")
    qtbot.keyClick(line, Key.Key_Return)
    assert drawn(read)[0].text == "no fracture"
    qtbot.waitUntil(lambda: note_line(read) is None)
    click(qtbot, view, 600, 1100)
    qtbot.keyClicks(note_line(read), "not this one")
    qtbot.keyClick(note_line(read), Key.Key_Escape)
    assert len(drawn(read)) == 1
    press(qtbot, read, Key.Key_Z, CTRL)
    assert drawn(read)[0].text == "old fracture?"


def test_a_key_image_is_marked_named_and_undone(qtbot, read, fakes):
    press(qtbot, read, Key.Key_K)
    assert read.desk.reading.key_image and "KEY IMAGE" in state(read) and read.actions_["key-image"].isChecked()
    settle(qtbot, read)
    assert events(fakes, "set-key-image")[0].after == "True"
    press(qtbot, read, Key.Key_Z, CTRL)
    assert not read.desk.reading.key_image and "KEY IMAGE" not in state(read) and not read.actions_["key-image"].isChecked()


def test_a_closed_reading_is_not_drawn_on_and_says_why(qtbot, read):
    for _ in range(13):
        qtbot.keyClick(read.bones.table, Key.Key_Return)
    qtbot.keyClick(read.bones.table, Key.Key_Return, CTRL)
    view = read.film_panel.film
    press(qtbot, read, Key.Key_D)
    click(qtbot, view, 200, 900)
    assert drawn(read) == () and not view.input.drawing.pending
    assert any("marked reviewed" in line for line in texts(read))


def test_what_is_hidden_is_named_too(qtbot, read):
    view = read.film_panel.film
    press(qtbot, read, Key.Key_D)
    drag(qtbot, view, spot(view, 200, 900), spot(view, 400, 900))
    for _ in range(2):
        press(qtbot, read, Key.Key_Space)
    assert view.show_state is Show.NONE and "no overlay" in state(read) and "hidden: 1 measurement" in state(read)
    assert view.annotation_at(QPointF(spot(view, 200, 900))) is None


@pytest.mark.parametrize("angle", [0, 33])
def test_labels_of_measurements_stand_on_no_joint_and_no_line(qtbot, read, angle):
    view = read.film_panel.film
    view.set_view(view.view.rotated(angle))
    boxes = {bone: read.desk.reading.bone(bone).box for bone in rus_chn.BONES}
    press(qtbot, read, Key.Key_D)
    for bone in ("mc3", "radius", "pp5"):
        box = boxes[bone]
        drag(qtbot, view, spot(view, box.x0 + 6, box.centre[1] - 9), spot(view, box.x1 - 6, box.centre[1] + 9))
    read.grab()
    places = view._painter._marks._places
    assert len(places) == 3
    for place in places.values():
        assert not any(overlay._overlaps(place, view.view.rect_to_screen(box)) for box in boxes.values())
    rects = [*places.values(), *view._painter._places.values()]
    assert not any(overlay._overlaps(a, b) for i, a in enumerate(rects) for b in rects[i + 1 :])


# --- windows, filters, turning ------------------------------------------------------------------


def test_figures_go_on_from_the_files_windows_to_bone_and_soft_tissue(qtbot, read):
    view = read.film_panel.film
    names = []
    for key in (Key.Key_1, Key.Key_2, Key.Key_3, Key.Key_4, Key.Key_0):
        press(qtbot, read, key)
        names.append(view.voi.name)
    assert names == ["NORMAL", "BONE", "Bone, by histogram", "Soft tissue, by histogram", "Auto"]
    bone, soft = read.film_panel._windows[2:]
    assert soft.centre < bone.centre, "soft tissue is darker than bone"
    assert not read.actions_["preset-5"].isEnabled()
    menu = [action.text() for action in read.film_panel._presets.menu().actions()]
    assert f"Soft tissue, by histogram   W {soft.width:.0f}  L {soft.centre:.0f}" in menu and len(set(menu)) == len(menu)


def test_sigmoid_and_linear_keep_centre_and_width_and_are_named(qtbot, read):
    view = read.film_panel.film
    before = view.voi
    press(qtbot, read, Key.Key_W, SHIFT)
    assert view.voi.kind is VoiKind.SIGMOID and (view.voi.centre, view.voi.width) == (before.centre, before.width)
    assert "sigmoid" in lower_left(read) and read.actions_["sigmoid"].isChecked()
    press(qtbot, read, Key.Key_W, SHIFT)
    assert view.voi == before and "sigmoid" not in lower_left(read)
    press(qtbot, read, Key.Key_2)
    assert read.actions_["sigmoid"].isChecked(), "the file's own BONE is one"


@pytest.mark.parametrize(
    ("key", "modifier", "kind", "name"),
    [(Key.Key_S, Qt.KeyboardModifier.NoModifier, DisplayFilter.SHARPEN, "sharpened"), (Key.Key_S, SHIFT, DisplayFilter.CLAHE, "CLAHE")],
)
def test_a_filter_changes_the_picture_alone_and_is_named(qtbot, read, fakes, key, modifier, kind, name):
    panel, pixels = read.film_panel, read.desk.frame.pixels
    before, looks = pixels.copy(), []

    def regrade(frame, bone, box, angle_deg, *, cancel=None):
        looks.append(frame.pixels)
        return original(frame, bone, box, angle_deg, cancel=cancel)

    def as_filed():
        film = panel.film
        return np.array_equal(film._item.image & 0xFF, film.pixels.patch(film._patch_key, film._lut).grey)

    original, fakes.engine.regrade = fakes.engine.regrade, regrade
    assert as_filed()
    press(qtbot, read, key, modifier)
    qtbot.waitUntil(lambda: panel.filtering.pixels is not None)
    assert panel.filtering.kind is kind and f"Display filter: {name}" in state(read)
    assert not as_filed()
    for _ in range(2):
        press(qtbot, read, Key.Key_Space)
    assert f"Display filter: {name}" in state(read), "named with no overlay too"
    press(qtbot, read, key, modifier)
    assert panel.filtering.kind is DisplayFilter.NONE and "Display filter" not in state(read)
    assert as_filed()
    press(qtbot, read, key, modifier)
    assert panel.filtering.pixels is not None, "made once"
    box = read.desk.reading.bone("mc3").box
    read.desk.set_box("mc3", Box(box.x0 + 4, box.y0, box.x1 + 4, box.y1))
    settle(qtbot, read)
    assert read.desk.frame.pixels is pixels and np.array_equal(pixels, before) and looks[0] is pixels
    read.open_paths([fakes.films.put(make_film("/films/next.dcm"))])
    settle(qtbot, read)
    assert panel.filtering.kind is DisplayFilter.NONE and not read.actions_["sharpen"].isChecked()


def test_a_filter_that_fails_is_told_and_gone(qtbot, read, monkeypatch, caplog):
    def broken(*_args):
        raise MemoryError

    monkeypatch.setattr("boneage_desk.imaging.display_filter.sharpened", broken)
    with caplog.at_level("ERROR"):
        press(qtbot, read, Key.Key_S)
        qtbot.waitUntil(lambda: read.film_panel.filtering.kind is DisplayFilter.NONE)
    assert any("filter" in line for line in texts(read)) and read.film_panel.film._filtered is None


def test_free_turn_by_keys_and_mouse_is_named_and_undone_by_reset(qtbot, read):
    view = read.film_panel.film
    for _ in range(3):
        press(qtbot, read, Key.Key_R, SHIFT)
    press(qtbot, read, Key.Key_L, SHIFT)
    assert "turned 2\N{DEGREE SIGN}" in lower_left(read)
    press(qtbot, read, Key.Key_Q)
    assert view.tool == "rotate" and read.actions_["rotate-tool"].isChecked()
    middle = QPoint(view.width() // 2, view.height() // 2)
    drag(qtbot, view, middle + QPoint(150, 0), middle + QPoint(0, 150))
    assert view.view.angle_deg == pytest.approx(92, abs=1.5)
    press(qtbot, read, Key.Key_R, CTRL)
    assert view.view.angle_deg == 0 and "turned" not in lower_left(read)


def test_a_box_is_dragged_where_it_is_seen_on_a_freely_turned_film(qtbot, read):
    view = read.film_panel.film
    view.set_view(view.view.rotated(30))
    read.desk.select("mc3")
    press(qtbot, read, Key.Key_E)
    box = read.desk.reading.bone("mc3").box
    start = spot(view, *box.centre)
    drag(qtbot, view, start, start + QPoint(30, 10))
    settle(qtbot, read)
    moved = read.desk.reading.bone("mc3").human_box
    at = view.view.to_screen(*moved.centre)
    assert at == pytest.approx((start.x() + 30, start.y() + 10), abs=2)
    corner = spot(view, moved.x1, moved.y0)
    drag(qtbot, view, corner, corner + (corner - QPoint(*map(round, at))) / 3)
    settle(qtbot, read)
    larger = read.desk.reading.bone("mc3").human_box
    assert larger.x1 > moved.x1 and larger.y0 < moved.y0 and (larger.x0, larger.y1) == pytest.approx((moved.x0, moved.y1))


def test_the_magnifier_follows_the_cursor_and_the_wheel_changes_it(qtbot, read):
    view = read.film_panel.film
    before = view.grab().toImage()
    press(qtbot, read, Key.Key_X)
    assert view.lens.on and "magnifier 2.5\N{MULTIPLICATION SIGN}" in state(read)
    at = spot(view, *read.desk.reading.bone("mc3").box.centre)
    qtbot.mouseMove(view.viewport(), at)
    assert view.lens.at.toPoint() == at
    after = view.grab().toImage()
    assert after.pixel(at + QPoint(60, 60)) != before.pixel(at + QPoint(60, 60))
    zoom = view.view.zoom
    wheel = QWheelEvent(QPointF(at), QPointF(at), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton, CTRL,
                        Qt.ScrollPhase.NoScrollPhase, False)  # fmt: skip
    QApplication.sendEvent(view.viewport(), wheel)
    assert view.lens.power > 2.5 and view.view.zoom == zoom
    press(qtbot, read, Key.Key_X)
    assert not view.lens.on and "magnifier" not in state(read)


# --- boxes --------------------------------------------------------------------------------------


def test_arrows_nudge_the_box_in_edit_mode_and_it_is_graded_once(qtbot, read, fakes):
    view = read.film_panel.film
    read.desk.select("mc3")
    old = read.desk.reading.bone("mc3").box
    press(qtbot, read, Key.Key_E)
    assert view.hasFocus()
    for key, modifier in ((Key.Key_Right, SHIFT), (Key.Key_Right, Qt.KeyboardModifier.NoModifier), (Key.Key_Down, SHIFT)):
        qtbot.keyClick(view, key, modifier)
    assert read.desk.bone == "mc3" and read.desk.reading.bone("mc3").human_grade is None, "no bone moved, no grade changed"
    qtbot.waitUntil(lambda: read.desk.reading.bone("mc3").human_box is not None, timeout=5000)
    found = read.desk.reading.bone("mc3").human_box
    assert found.as_list() == pytest.approx([old.x0 + 11, old.y0 + 10, old.x1 + 11, old.y1 + 10])
    settle(qtbot, read)
    assert fakes.engine.calls.count(("regrade", "mc3")) == 1
    qtbot.keyClick(view, Key.Key_Right, CTRL)
    qtbot.keyClick(view, Key.Key_Up, CTRL | SHIFT)
    read.desk.select("mc5")  # going on hands the box over
    settle(qtbot, read)
    grown = read.desk.reading.bone("mc3").human_box
    assert grown.centre == pytest.approx(found.centre)
    assert grown.x1 - grown.x0 == pytest.approx(found.x1 - found.x0 + 1)
    assert grown.y1 - grown.y0 == pytest.approx(found.y1 - found.y0 + 10)
    press(qtbot, read, Key.Key_Z, CTRL)
    assert read.desk.reading.bone("mc3").human_box == found
    press(qtbot, read, Key.Key_E)
    qtbot.keyClick(view, Key.Key_Right)
    assert read.desk.reading.bone("mc5").human_grade is not None, "out of edit mode the arrows grade again"


def test_arrows_go_where_they_point_on_a_turned_and_mirrored_film(qtbot, read):
    view = read.film_panel.film
    view.set_view(view.view.turned(True).flipped(True))
    read.desk.select("mc3")
    press(qtbot, read, Key.Key_E)
    before = view.view.to_screen(*read.desk.reading.bone("mc3").box.centre)
    qtbot.keyClick(view, Key.Key_Right, SHIFT)
    after = view.view.to_screen(*view.input.edited[1].centre)
    assert after[0] - before[0] == pytest.approx(10 * view.view.zoom) and after[1] == pytest.approx(before[1])


def test_a_box_is_taken_off_and_brought_back(qtbot, read, fakes):
    view = read.film_panel.film
    read.desk.select("dp5")
    press(qtbot, read, Key.Key_E)
    qtbot.keyClick(view, Key.Key_Delete)
    finding = read.desk.reading.bone("dp5")
    assert finding.box is None and finding.final_grade is None and read.desk.summary.bone_age is None
    assert "dp5" not in view.boxes()
    press(qtbot, read, Key.Key_E)
    assert "machine's own boxes" not in state(read)
    press(qtbot, read, Key.Key_E, SHIFT)
    assert view._machine == (finding.machine_region.box,) and "the machine's own boxes, dotted" in state(read)
    press(qtbot, read, Key.Key_Backspace)
    assert read.desk.reading.bone("dp5").box == finding.machine_region.box and view._machine == ()
    press(qtbot, read, Key.Key_Backspace, SHIFT)
    assert read.desk.reading.bone("dp5").box is None
    press(qtbot, read, Key.Key_Z, CTRL)
    assert read.desk.reading.bone("dp5").box is not None
    settle(qtbot, read)
    assert [event.detail for event in events(fakes, "remove-box")] == ["dp5", "dp5"]


def test_the_machines_boxes_are_seen_beside_moved_ones(qtbot, read):
    own = read.desk.reading.bone("mc1").machine_region.box
    read.desk.do(SetBox("mc1", Box(own.x0 + 20, own.y0, own.x1 + 20, own.y1)))
    for _ in range(2):
        press(qtbot, read, Key.Key_Space)
    press(qtbot, read, Key.Key_E, SHIFT)
    assert read.film_panel.film._machine == (own,)
    assert read.film_panel.film.show_state is Show.BOXES, "what was asked for is seen"


# --- two films ----------------------------------------------------------------------------------

CHILD = Patient(name="LI^Ming", patient_id="0042", birth_date=date(2014, 3, 2))


@pytest.fixture
def both(qtbot, desk_window, fakes):
    """The film of 2024 on the desk; one of 2022, one of 2023 and another child's in the store, all read."""
    for name, day, patient in (
        ("2022", date(2022, 5, 1), CHILD), ("2023", date(2023, 5, 1), CHILD),
        ("other", date(2023, 9, 1), Patient(name="WANG^Fang", patient_id="0099")),
    ):  # fmt: skip
        film = make_film(f"/films/{name}.dcm", size=(800, 1000), patient=patient,
                         study=Study(study_date=day, modality="CR"))  # fmt: skip
        if name == "2023":
            film = dataclasses.replace(film, frame=dataclasses.replace(film.frame, spacing=Spacing(0.3, 0.3, SpacingKind.AT_DETECTOR)))
        fakes.films.put(film)
    window = desk_window("/films/2022.dcm")
    settle(qtbot, window)
    for path in ("/films/2023.dcm", "/films/other.dcm", fakes.path):
        window.open_paths([path])
        settle(qtbot, window)
    assert window.desk.reading.source.path == fakes.path
    return window


def test_the_newest_earlier_film_stands_beside_at_one_scale(qtbot, both):
    panel, desk = both.film_panel, both.desk
    press(qtbot, both, Key.Key_P)
    qtbot.waitUntil(lambda: panel.compare.film is not None)
    assert panel.compare.reading.source.path == "/films/2023.dcm"
    assert panel.beside.isVisible() and panel.beside.title.text() == "PRIOR" and panel.beside.line.text().startswith("2023-05-01")
    assert both.actions_["compare"].isChecked() and panel.beside.film.width() > 160
    desk.select("mc3")
    press(qtbot, both, Key.Key_B)
    lead, other = panel.film.view, panel.beside.film.view
    here, there = desk.reading.bone("mc3").box, panel.compare.reading.bone("mc3").box
    assert other.zoom == pytest.approx(lead.zoom * 2), "0.3 mm against 0.15 mm a pixel: the same millimetres"
    assert other.to_screen(*there.centre)[1] - other.widget[1] / 2 == pytest.approx(
        lead.to_screen(*here.centre)[1] - lead.widget[1] / 2, abs=1
    )
    assert any("same scale (mm at detector)" in line for line in panel.beside.film._corners.bottom_right)
    panel.beside.film.set_view(other.zoomed(1.5, (50, 50)))
    assert panel.film.view.zoom == pytest.approx(lead.zoom * 1.5), "the other way round too"
    press(qtbot, both, Key.Key_Z, SHIFT)
    zoom = panel.beside.film.view.zoom
    panel.film.set_view(panel.film.view.zoomed(2, (50, 50)))
    assert panel.beside.film.view.zoom == zoom and not both.actions_["compare-link"].isChecked()
    press(qtbot, both, Key.Key_P)
    assert not panel.beside.isVisible() and not both.actions_["compare-link"].isEnabled()


def test_any_other_film_is_chosen_of_the_list_and_another_child_is_said_to_be_one(qtbot, both):
    from boneage_desk.ui.views.compare_picker import ComparePicker

    press(qtbot, both, Key.Key_P, SHIFT)
    picker = both.findChild(ComparePicker)
    qtbot.waitUntil(lambda: picker.list.count() == 3)
    assert "0042" in picker.list.item(0).text() and "0042" in picker.list.item(1).text()
    qtbot.keyClicks(picker.typed, "wang")
    assert [i for i in range(3) if not picker.list.item(i).isHidden()] == [2]
    qtbot.keyClick(picker.typed, Key.Key_Return)
    panel = both.film_panel
    qtbot.waitUntil(lambda: panel.compare.film is not None)
    assert panel.beside.title.text() == "NOT KNOWN TO BE THE SAME CHILD" and "WANG" in panel.beside.line.text()


def test_what_stands_beside_goes_with_the_case(qtbot, both):
    press(qtbot, both, Key.Key_P)
    qtbot.waitUntil(lambda: both.film_panel.compare.film is not None)
    both.open_paths(["/films/2022.dcm"])
    settle(qtbot, both)
    assert not both.film_panel.compare.wanted and not both.film_panel.beside.isVisible()
    press(qtbot, both, Key.Key_P)
    qtbot.waitUntil(lambda: both.film_panel.compare.film is not None)
    assert both.film_panel.beside.title.text() == "LATER FILM"


def test_without_an_earlier_film_or_an_id_it_is_said(qtbot, read, fakes):
    press(qtbot, read, Key.Key_P)
    settle(qtbot, read)
    assert any("no other film of this child" in line for line in texts(read)) and not read.film_panel.compare.wanted
    read.open_paths([fakes.films.put(make_film("/films/who.png", patient=Patient()))])
    settle(qtbot, read)
    press(qtbot, read, Key.Key_P)
    assert any("Without a patient id" in line for line in texts(read))


def test_an_earlier_film_that_is_gone_is_told(qtbot, both, fakes):
    del fakes.films.films["/films/2023.dcm"]
    press(qtbot, both, Key.Key_P)
    qtbot.waitUntil(lambda: any("beside was not opened" in line for line in texts(both)))
    assert not both.film_panel.compare.wanted and not both.actions_["compare"].isChecked()


def test_a_click_beside_a_box_of_a_turned_film_is_no_click_on_it(qtbot, read):
    view = read.film_panel.film
    view.set_view(view.view.rotated(45))
    box = read.desk.reading.bone("radius").box
    x0, y0, _x1, _y1 = view.view.rect_to_screen(box)
    assert view.box_at(QPointF(x0 + 3, y0 + 3)) == "", "the corner of the screen rectangle around it is not the box"
    assert view.box_at(QPointF(spot(view, *box.centre))) == "radius"


def test_a_box_taken_off_is_said_to_be_so_in_its_row(read):
    read.desk.select("dp5")
    read.desk.remove_box("dp5")
    assert "taken off" in rows.doubt_of(read.desk.reading, "dp5")
