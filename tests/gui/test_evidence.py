"""Measured widths, doubts, methods of saliency and reasons in the window, on made-up measurements."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage

from boneage_desk.ui import theme
from boneage_desk.ui.models import bone_table
from boneage_desk.ui.views.bone_delegate import machine_places
from tests.gui.conftest import settle
from tests.gui.test_window import grade, press

pytestmark = pytest.mark.gui
Key = Qt.Key


def near(widget, value: str, reach: int = 40) -> int:
    """Pixels of a widget that are about this colour."""
    picture, wanted = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGBX8888), QColor(value)
    seen = np.frombuffer(picture.constBits(), np.uint8).reshape(picture.height(), picture.width(), 4)
    away = np.abs(seen[..., :3].astype(int) - [wanted.red(), wanted.green(), wanted.blue()]).max(axis=-1)
    return int((away < reach).sum())


def cell(window, bone: str, column: int = bone_table.MEASURED) -> str:
    return window.bones.model.index(window.bones.model.row_of(bone), column).data()


def test_the_row_and_the_strip_say_what_was_measured_and_what_speaks_against_the_grade(qtbot, read):
    assert (cell(read, "radius"), cell(read, "ulna")) == ("1.02", "\N{EN DASH}")
    assert cell(read, "pp3") == "0.70 \N{NOT EQUAL TO}" and cell(read, "dp5") == "none \N{NOT EQUAL TO}"
    strip = read.bones.strip.measured
    assert "as wide as the shaft (1.02)" in strip.words.text() and strip.against.text() == ""
    read.desk.select("pp3")
    assert "0.70" in strip.against.text() and strip.against.height() > 0
    for _ in range(2):
        press(qtbot, read, Key.Key_Left)
    assert strip.against.text() == "" and cell(read, "pp3") == "0.70"
    read.desk.select("ulna")
    assert strip.words.text() == "Not measured"


@pytest.mark.parametrize("size", [(1280, 720), (1366, 768), (1600, 1000), (1920, 1080), (1080, 1920)])
def test_the_bars_of_the_probabilities_have_room_at_any_size(qtbot, desk_window, fakes, size):
    window = desk_window(fakes.path, size=size)
    settle(qtbot, window)
    qtbot.wait(50)
    table = window.bones.table
    index = window.bones.model.index(2, bone_table.MACHINE)
    place = table.visualRect(index)
    inner = place.adjusted(5, 0, -5, -1).translated(-place.topLeft())
    words, bars = machine_places(inner, table.fontMetrics(), index.data(bone_table.RowRole))
    assert bars is not None and bars.width() >= 28 and bars.height() >= 8, (place, bars)
    assert inner.contains(bars.toRect()) and inner.contains(words), (inner, bars, words)
    # bars rise above the line on which they stand
    picture = table.viewport().grab(place).toImage()
    area = bars.toRect()
    blue = {
        (x, y)
        for x in range(area.left(), area.right() + 1)
        for y in range(area.top(), area.bottom() + 1)
        if picture.pixelColor(x, y).blue() > 150
    }
    columns = {x for x, _ in blue}
    highest = max(sum(x == column for x, _ in blue) for column in columns)
    assert len(columns) >= 3 and highest >= area.height() - 5, (area, sorted(columns), highest)
    assert table.horizontalScrollBar().maximum() == 0


def test_m_hides_and_shows_the_two_lines_and_is_kept(qtbot, read, desk_window):
    crop, view = read.bones.strip.crop, read.film_panel.film
    assert near(crop, theme.EPIPHYSIS) > 10 and near(crop, theme.SHAFT) > 10
    press(qtbot, read, Key.Key_B)
    qtbot.wait(50)
    assert near(view, theme.EPIPHYSIS) > 10 and near(view, theme.SHAFT) > 10
    assert "epiphysis solid, shaft dashed" in " ".join(view._corners.bottom_right)
    press(qtbot, read, Key.Key_M)
    assert near(crop, theme.EPIPHYSIS) == near(view, theme.EPIPHYSIS) == near(view, theme.SHAFT) == 0
    assert "epiphysis" not in " ".join(view._corners.bottom_right)
    again = desk_window()
    assert not again.widths and not again.actions_["widths"].isChecked()
    read.actions_["widths"].trigger()
    assert near(crop, theme.SHAFT) > 10


def test_a_doubted_bone_is_dashed_on_the_film_until_it_was_looked_at(qtbot, read):
    def certain(bone: str) -> bool:
        return next(mark.certain for mark in read.film_panel.film._marks if mark.bone == bone)

    assert certain("radius") and not certain("mp5") and not certain("ulna")
    read.desk.select("ulna")
    press(qtbot, read, Key.Key_Return)
    assert certain("ulna") and not certain("mp5"), "the place of mp5 stays uncertain"


def test_the_interval_says_for_how_many_films_it_holds(read):
    assert read.bones.numbers.interval.text().startswith("90%: ")


def test_the_method_of_saliency_is_chosen_named_and_kept(qtbot, read, fakes, desk_window):
    read.actions_["occlusion"].trigger()
    settle(qtbot, read)
    assert fakes.engine.calls[-1] == ("occlusion", "radius")
    assert any(line.startswith("Occlusion Radius") for line in read.film_panel.film._corners.bottom_right)
    assert read.actions_["occlusion"].isChecked() and read.actions_["saliency"].isChecked()
    press(qtbot, read, Key.Key_Down)
    settle(qtbot, read)
    assert fakes.engine.calls[-1] == ("occlusion", "ulna")
    read.actions_["grad-cam"].trigger()
    settle(qtbot, read)
    assert fakes.engine.calls[-1] == ("grad-cam", "ulna") and not read.actions_["occlusion"].isChecked()
    assert any(line.startswith("Grad-CAM Ulna") for line in read.film_panel.film._corners.bottom_right)
    read.actions_["grad-cam"].trigger()
    assert read.film_panel.film._saliency is None and not read.actions_["saliency"].isChecked()
    read.actions_["occlusion"].trigger()
    settle(qtbot, read)
    again = desk_window()
    assert again.desk.heat.method == "occlusion" and not again.desk.heat.wanted


def test_a_slow_map_that_runs_is_not_broken_off_and_none_is_made_of_bones_passed_over(qtbot, read, fakes):
    fakes.engine.saliency_gate = threading.Event()
    read.actions_["occlusion"].trigger()
    qtbot.waitUntil(lambda: fakes.engine.calls[-1] == ("occlusion", "radius"))
    for _ in range(3):
        press(qtbot, read, Key.Key_Down)
    qtbot.wait(60)
    fakes.engine.saliency_gate.set()
    settle(qtbot, read)
    assert [call for call in fakes.engine.calls if call[0] == "occlusion"] == [("occlusion", "radius"), ("occlusion", "mc3")]
    assert fakes.engine.maps_made == ["radius", "mc3"]
    assert read.desk.heat.value.bone == "mc3" and read.film_panel.film._saliency is not None


def test_the_reason_of_a_changed_grade_is_typed_without_running_commands(qtbot, read, fakes):
    field = read.bones.strip.reason
    assert not field.isVisible() and not read.actions_["reason"].isEnabled()
    press(qtbot, read, Key.Key_Right)
    assert field.isVisible()
    press(qtbot, read, Key.Key_C)
    assert field.hasFocus()
    qtbot.keyClicks(field, "gap still open, no cap 7")
    qtbot.keyClick(field, Key.Key_Left)
    qtbot.keyClick(field, Key.Key_Return)
    assert grade(read).comment == "gap still open, no cap 7" and not read.film_panel.film.inverted
    assert read.desk.bone == "radius" and read.bones.table.hasFocus()
    settle(qtbot, read)
    assert fakes.store.get("r1").bone("radius").comment == "gap still open, no cap 7"
    press(qtbot, read, Key.Key_C)
    qtbot.keyClicks(field, " and more")
    read.desk.select("ulna")
    assert grade(read, "radius").comment.endswith("and more") and not field.isVisible()
    assert grade(read, "ulna").comment == ""
