"""The ladder of the Greulich-Pyle plates: around the bone age, drawn off the window's thread, a plate taken and taken back."""

from __future__ import annotations

import dataclasses
import threading

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor

from boneage_desk.common.errors import BoneAgeError
from boneage_desk.reading.film import Laterality
from boneage_desk.reading.session import AcceptGrade, MarkReviewed, SetDifferenceComment, SetPatient, SetStudy, State
from boneage_desk.standards import gp, rus_chn
from boneage_desk.standards.types import Sex
from boneage_desk.ui import theme
from boneage_desk.ui.views import clinical_panel
from tests.gui.conftest import settle, texts

pytestmark = pytest.mark.gui


def pane(window, at: int = clinical_panel.STANDARDS):
    window.tabs.setCurrentWidget(window.clinic)
    window.clinic.choose(at)
    return window.clinic.panes[at]


def tiles(view):
    return [tile for tile in view.ladder.tiles if not tile.isHidden()]


def drawn(qtbot, view):
    qtbot.waitUntil(lambda: all(tile._image is not None for tile in tiles(view)), timeout=10000)


def test_five_plates_around_the_bone_age_with_the_nearest_in_the_middle(qtbot, read):
    """A girl of 10 y 4 m with 10 y 7 m: 11 y is nearest."""
    view = pane(read)
    shown = tiles(view)
    assert [tile.plate.months for tile in shown] == [106, 120, 132, 144, 156]
    assert [tile.nearest for tile in shown] == [False, False, True, False, False]
    assert "girls" in view.ladder.title.text() and "not the atlas's plates" in view.ladder.note.text()
    assert view.ladder.which.text() == "Plate 19, 11 y 0 m" and view.ladder.away.text() == "0 y 5 m above the bone age"
    assert shown[2].accessibleName() == "Plate 19, 11 y 0 m, nearest to the bone age"
    told = view.ladder.scale.accessibleDescription().replace("\N{NO-BREAK SPACE}", " ")
    assert "bone age (RUS-CHN) 10 y 7 m" in told and "whole hand (AI)" in told and "age 10 y 4 m" in told
    assert "Brush Foundation" in told and "normal range by the rule: 8 y 5 m to 12 y 4 m" in told


def test_the_marks_lie_between_the_plates_where_the_ages_are(read):
    view = pane(read)
    scale, shown = view.ladder.scale, tiles(view)
    for tile in shown:
        middle = tile.geometry().center().x()
        assert scale.at(tile.plate.months) == pytest.approx(middle, abs=3), "each tick under its tile"
    marks = {one.kind.name: one.months for one in scale._marks}
    assert scale.at(120) < scale.at(marks["AGE"]) < scale.at(marks["BONE_AGE"]) < scale.at(132)
    low, high = scale._band.low, scale._band.high
    picture = scale.grab().toImage()
    ratio = picture.devicePixelRatio()

    def colour(months: float) -> QColor:
        return picture.pixelColor(round(scale.at(months) * ratio), round(28 * ratio))

    inside, outside = colour((low + high) / 2 - 3), colour(high + 2)
    assert inside.blue() > outside.blue() + 20, "the band is filled between its ends and not past them"


def test_drawings_are_made_off_the_windows_thread_once_the_nearest_first(qtbot, read, fakes):
    asked, threads = [], set()
    plain = fakes.services.draw_hand

    def draw(grades, sex, size, side):
        asked.append((sum(grades.values()), sex, side))
        threads.add(threading.current_thread())
        return plain(grades, sex, size, side)

    object.__setattr__(fakes.services, "draw_hand", draw)
    view = pane(read)
    drawn(qtbot, view)
    settle(qtbot, read)
    assert threading.main_thread() not in threads
    assert {(sex, side) for _, sex, side in asked} == {(Sex.FEMALE, "left")}
    greys = [tile._image.pixelColor(20, 20).value() for tile in tiles(view)]
    assert greys == sorted(greys) and len(set(greys)) == 5 and asked[0][0] + 40 == greys[2]
    assert len(asked) == 7, "the five and one further at each end"
    count = len(asked)
    pane(read, clinical_panel.GROWTH)
    pane(read)
    qtbot.wait(300)
    settle(qtbot, read)
    assert len(asked) == count, "kept"


def test_the_drawings_lie_as_the_films_hand_does(qtbot, read):
    view = pane(read)
    drawn(qtbot, view)
    assert "thumb to the right" in view.ladder.note.text() and tiles(view)[0]._image.pixelColor(190, 50).value() == 0
    read.desk.do(SetStudy(laterality=Laterality.RIGHT))
    assert "thumb to the right" in view.ladder.note.text(), "what is seen on the film counts, not what is recorded"
    view.ladder.show_ladder(view.ladder._ladder, read.desk.reading.reading_id, "right", open_=True)
    assert all(tile._image is None for tile in tiles(view)), "never the other hand while this one is being drawn"
    drawn(qtbot, view)
    assert "thumb to the left" in view.ladder.note.text() and tiles(view)[0]._image.pixelColor(2, 50).value() == 0


def test_a_click_takes_a_plate_growth_shows_it_and_it_is_taken_back(qtbot, read):
    view = pane(read)
    tile = tiles(view)[1]
    qtbot.mouseClick(tile, Qt.MouseButton.LeftButton)
    assert read.desk.reading.growth.atlas_months == 120
    assert tile.own and "my atlas reading" in tile.accessibleName() and view.ladder.back.isVisible()
    rows = view.table.words()
    assert ["read by the reader" in row[0] for row in rows] == [False, False, False, False, True, False] and rows[4][2] == "10 y 0 m"
    assert pane(read, clinical_panel.GROWTH).atlas.text() == "10 y 0 m"
    view = pane(read)
    qtbot.mouseClick(tile, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(view.ladder.back, Qt.MouseButton.LeftButton)
    assert read.desk.reading.growth.atlas_months is None and not view.ladder.back.isVisible()
    read.desk.undo()
    assert read.desk.reading.growth.atlas_months == 120, "the second click on the same plate was no step"
    read.desk.undo()
    assert read.desk.reading.growth.atlas_months is None


def test_the_keys_go_along_the_ladder_to_its_ends_and_enter_takes_a_plate(qtbot, read):
    view = pane(read)
    view.ladder.tiles[2].setFocus()
    qtbot.keyClick(view.ladder.tiles[2], Qt.Key.Key_Right)
    assert view.ladder.which.text() == "Plate 20, 12 y 0 m" and tiles(view)[0].plate.number == 17
    for _ in range(3):
        qtbot.keyClick(tiles(view)[-1], Qt.Key.Key_Right)
    assert tiles(view)[-1].plate.number == 23 and view.ladder.which.text().startswith("Plate 23,")
    qtbot.keyClick(tiles(view)[-1], Qt.Key.Key_End)
    assert tiles(view)[-1].plate.last and not view.ladder.older.isEnabled()
    qtbot.keyClick(tiles(view)[-1], Qt.Key.Key_Return)
    assert read.desk.reading.growth.atlas_months == 216 and view.table.words()[4][2] == ">= 18 y 0 m"
    qtbot.keyClick(tiles(view)[-1], Qt.Key.Key_Home)
    assert tiles(view)[0].plate.number == 1 and not view.ladder.younger.isEnabled()
    assert sum(tile.focusPolicy() == Qt.FocusPolicy.StrongFocus for tile in tiles(view)) == 1, "one stop of the tab key"
    assert read.desk.reading.bone("radius").human_grade is None, "Enter and arrows are the ladder's here, not the bones'"


def test_the_pointer_only_shows_and_the_button_names_the_age_that_it_takes(qtbot, read):
    view = pane(read)
    view.ladder._hover(4, True)
    assert view.ladder.which.text() == "Plate 21, 13 y 0 m"
    view.ladder._hover(4, False)
    assert view.ladder.which.text() == "Plate 19, 11 y 0 m" and view.ladder.take.text() == "Take 11 y 0 m as mine"
    qtbot.mouseClick(view.ladder.take, Qt.MouseButton.LeftButton)
    assert read.desk.reading.growth.atlas_months == 132 and not view.ladder.take.isEnabled()


def test_it_goes_with_the_bone_age_and_stays_where_it_was_led(qtbot, read):
    view = pane(read)
    qtbot.mouseClick(view.ladder.older, Qt.MouseButton.LeftButton)
    assert tiles(view)[0].plate.number == 18
    read.desk.select("radius")
    read.desk.step_grade(+1)
    if view.ladder._ladder.nearest.number == 19:
        assert tiles(view)[0].plate.number == 18, "another bone age, the same plate: it stays"
    for bone in rus_chn.BONES:
        read.desk.select(bone)
        read.desk.set_grade(rus_chn.max_grade(bone))
    assert view.ladder._ladder.nearest.months == 204 and tiles(view)[-1].plate.last


def test_a_reading_that_is_closed_cannot_be_changed_by_a_click(qtbot, read):
    view = pane(read)
    for bone in rus_chn.BONES:
        read.desk.do(AcceptGrade(bone))
    read.desk.do(SetDifferenceComment("Seen."))
    read.desk.do(MarkReviewed())
    assert read.desk.reading.state is State.REVIEWED
    qtbot.mouseClick(tiles(view)[0], Qt.MouseButton.LeftButton)
    qtbot.keyClick(tiles(view)[0], Qt.Key.Key_Return)
    assert read.desk.reading.growth.atlas_months is None and not view.ladder.take.isEnabled()
    qtbot.mouseClick(view.ladder.older, Qt.MouseButton.LeftButton)
    assert tiles(view)[0].plate.number == 18, "one may look"


def test_another_sex_has_other_plates_and_takes_the_reading_away(qtbot, read):
    view = pane(read)
    qtbot.mouseClick(tiles(view)[1], Qt.MouseButton.LeftButton)
    read.desk.do(SetPatient(sex=Sex.MALE))
    settle(qtbot, read)
    assert "boys" in view.ladder.title.text() and read.desk.reading.growth.atlas_months is None
    assert all(tile.plate in gp.plates(Sex.MALE) for tile in tiles(view))


def test_without_a_sex_there_is_no_ladder_and_it_says_why(qtbot, desk_window, fakes):
    from tests.gui.fakes import make_film

    film = make_film("/films/unknown.dcm")
    film = dataclasses.replace(film, patient=dataclasses.replace(film.patient, sex=None))
    window = desk_window(fakes.films.put(film))
    settle(qtbot, window)
    view = pane(window)
    assert not view.ladder.isVisible() and view.no_ladder.isVisible() and "sex is not known" in view.no_ladder.text()


def test_drawings_that_cannot_be_made_are_told_once_and_the_ages_stay(qtbot, read, fakes):
    def broken(*_args):
        raise BoneAgeError("No drawing.", "Install again.")

    object.__setattr__(fakes.services, "draw_hand", broken)
    view = pane(read)
    for _ in range(2):
        qtbot.wait(300)
        settle(qtbot, read)
        qtbot.mouseClick(view.ladder.older, Qt.MouseButton.LeftButton)
    assert sum("drawings of the hands cannot be made" in line for line in texts(read)) == 1
    qtbot.mouseClick(tiles(view)[0], Qt.MouseButton.LeftButton)
    assert read.desk.reading.growth.atlas_months == tiles(view)[0].plate.months


@pytest.mark.parametrize("wanted", ["dark", "light"])
def test_tiles_stand_out_and_nothing_is_clipped_at_1366_by_768(qtbot, qapp, read, wanted):
    view = pane(read)
    drawn(qtbot, view)
    theme.repaint(qapp, wanted)
    try:
        qtbot.wait(10)
        assert view.ladder.width() <= view.property("area").viewport().width()
        for tile in tiles(view):
            assert tile.width() >= tile.least_wide and abs(tile.height() - tile.high(tile.width())) <= 3
        picture = view.ladder.grab().toImage()
        at = tiles(view)[0].mapTo(view.ladder, QPoint(2, 10))
        panel, text = picture.pixelColor(at), QColor(theme.TEXT)
        assert abs(panel.lightness() - text.lightness()) > 100, "the age is legible on its tile"
    finally:
        theme.repaint(qapp, "dark")


def test_the_real_hands_differ_by_their_grades_alone_and_turn_with_the_side():
    from boneage_desk.standards.typical import typical_grades
    from boneage_desk.wiring import draw_hand

    grades = typical_grades(126.0, Sex.MALE)
    left, right = (draw_hand(grades, Sex.MALE, (160, 96), side) for side in ("left", "right"))
    assert left.shape == (160, 96) and left.dtype == np.uint8
    assert np.array_equal(left, right[:, ::-1]), "the thumb on the other side"
    thumb = left[60:110].astype(float).mean(0)
    assert thumb[72:92].mean() > thumb[4:24].mean(), "a left hand seen from its back has the thumb to the right"
    older = draw_hand(typical_grades(150.0, Sex.MALE), Sex.MALE, (160, 96), "left").astype(float)
    assert 0.8 < np.corrcoef(left.astype(float).ravel(), older.ravel())[0, 1] < 0.999
    with pytest.raises(ValueError, match="side"):
        draw_hand(grades, Sex.MALE, (160, 96), "")
