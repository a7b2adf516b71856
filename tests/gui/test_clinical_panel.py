"""Conclusion, standards, growth and visits beside the facts: they follow every override, and what is typed is never guessed."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta

import pytest
from PySide6.QtCore import Qt

from boneage_desk.common.errors import InputError
from boneage_desk.reading.ages import BirthPrecision
from boneage_desk.reading.growing import SetAtlasAge, SetParents
from boneage_desk.reading.growth import Measurement
from boneage_desk.reading.session import AcceptGrade, MarkReviewed, SetDifferenceComment, SetPatient, State
from boneage_desk.standards import rus_chn
from boneage_desk.standards.rules import Rule
from boneage_desk.standards.types import Sex
from boneage_desk.ui.presenters.clinical import typed_atlas, typed_measurement, typed_parents, with_unit
from boneage_desk.ui.views import clinical_panel
from tests.gui.conftest import settle

pytestmark = pytest.mark.gui


def pane(window, at: int):
    window.tabs.setCurrentWidget(window.clinic)
    window.clinic.choose(at)
    return window.clinic.panes[at]


def typed(qtbot, line, words: str) -> None:
    """As a person: the old words are selected, new ones typed, Enter."""
    line.setFocus()
    line.selectAll()
    qtbot.keyClicks(line, words)
    qtbot.keyClick(line, Qt.Key.Key_Return)


# --- standards ------------------------------------------------------------------------------------


def test_every_standard_follows_an_override_and_its_undo(qtbot, read):
    view = pane(read, clinical_panel.STANDARDS)
    before = view.table.words()
    assert [row[0].split(",")[0] for row in before] == ["RUS-CHN (Chinese-05)", "TW3 RUS", "TW3-C RUS", "Greulich-Pyle", "CHN 1988"]
    assert before[0][2] == "10 y 7 m" and "not given" in before[4][2]
    for bone in rus_chn.BONES:
        read.desk.select(bone)
        read.desk.step_grade(-1)
    after = view.table.words()
    assert after[0] != before[0] and after[1] != before[1] and after[3] == before[3], "the whole hand saw no grade"
    for _ in rus_chn.BONES:
        read.desk.undo()
    assert view.table.words() == before


def test_the_rule_and_what_the_age_rests_on_are_chosen_and_told(qtbot, read):
    view = pane(read, clinical_panel.STANDARDS)
    words = view.facts.words()
    assert "SD" in words["Conclusion"] and "2 SD" in words["Normal range"]
    view.rule.setCurrentIndex(2)
    view.rule.activated.emit(2)
    assert read.desk.reading.rule is Rule.RUS_CHN_YEARS and "2 SD" not in view.facts.words()["Normal range"]
    view.precision.setCurrentIndex(2)
    view.precision.activated.emit(2)
    assert read.desk.reading.age_basis.birth_precision is BirthPrecision.YEAR
    assert not view.corrected.isEnabled(), "nothing to correct without a premature birth"
    typed(qtbot, view.pregnancy, "60")
    assert view.wrong.isVisible() and read.desk.reading.age_basis.gestation_days is None
    assert view.pregnancy.text() == "60", "what was typed stays to be mended"
    typed(qtbot, view.pregnancy, "30+4")
    assert read.desk.reading.age_basis.gestation_days == 214 and view.corrected.isEnabled() and not view.wrong.isVisible()
    view.corrected.click()
    assert read.desk.reading.age_basis.correct_prematurity
    for _ in range(4):
        read.desk.undo()
    assert read.desk.reading.rule is Rule.BRUSH_2SD and view.pregnancy.text() == "" and not view.corrected.isChecked()


def test_without_a_sex_no_standard_has_an_age(qtbot, desk_window, fakes):
    from tests.gui.fakes import make_film

    film = make_film("/films/unknown.dcm")
    film = dataclasses.replace(film, patient=dataclasses.replace(film.patient, sex=None))
    window = desk_window(fakes.films.put(film))
    settle(qtbot, window)
    view = pane(window, clinical_panel.STANDARDS)
    assert all("not given" in row[2] or row[2] == "-" for row in view.table.words())
    growth = pane(window, clinical_panel.GROWTH)
    assert not growth.menarche.isVisible() and not growth.chart.isVisible()


# --- growth ---------------------------------------------------------------------------------------


def test_a_height_is_typed_kept_charted_and_taken_away(qtbot, read):
    view = pane(read, clinical_panel.GROWTH)
    assert not view.chart.isVisible() and "enter them above" in view.note.text()
    qtbot.keyClicks(view.height, "53.9")
    view.length_unit.setCurrentText("in")
    qtbot.keyClicks(view.weight, "31")
    qtbot.mouseClick(view.add, Qt.MouseButton.LeftButton)
    (one,) = read.desk.reading.growth.measurements
    assert one.height_cm == pytest.approx(53.9 * 2.54) and one.weight_kg == 31 and one.on == read.desk.reading.study.study_date
    assert view.height.text() == "" and view.chart.isVisible() and view.facts.words()["Height"].startswith("136.9 cm")
    assert [name for name, _, _ in view.table.words()][0].startswith("Bayley-Pinneau")
    settle(qtbot, read)
    assert "137" not in view.wrong.text()
    from PySide6.QtWidgets import QPushButton

    away = view.measurements.itemAt(0).widget().findChild(QPushButton)
    qtbot.mouseClick(away, Qt.MouseButton.LeftButton)
    assert read.desk.reading.growth.measurements == ()
    read.desk.undo()
    assert read.desk.reading.growth.measurements == (one,)


@pytest.mark.parametrize(
    ("field", "words", "told"),
    [("height", "150 m", "not possible"), ("height", "135.5 stones", "not known"), ("weight", "3100", "not possible"),
     ("on", "2030-01-01", "later")],
)  # fmt: skip
def test_the_impossible_is_refused_said_and_left_to_be_mended(qtbot, read, field, words, told):
    view = pane(read, clinical_panel.GROWTH)
    if field == "on":
        qtbot.keyClicks(view.height, "135")
    line = getattr(view, field)
    line.clear()
    qtbot.keyClicks(line, words)
    qtbot.mouseClick(view.add, Qt.MouseButton.LeftButton)
    settle(qtbot, read)
    assert read.desk.reading.growth.measurements == ()
    shown = view.wrong.text() + " ".join(label.text() for label in read.messages.findChildren(type(view.wrong)))
    assert told in shown
    assert line.text() == words


def test_parents_atlas_and_menarche_become_part_of_the_reading(qtbot, read):
    view = pane(read, clinical_panel.GROWTH)
    typed(qtbot, view.father, "178")
    typed(qtbot, view.mother, "165")
    assert (read.desk.reading.growth.father_cm, read.desk.reading.growth.mother_cm) == (178, 165)
    assert "165.0 cm" in view.facts.words()["Target height (Tanner)"]
    typed(qtbot, view.mother, "185")
    assert "swapped" in view.doubts.text()
    typed(qtbot, view.atlas, "10 y 6 m")
    assert read.desk.reading.growth.atlas_months == 126
    assert view.menarche.isVisible()
    view.menarche.setCurrentIndex(2)
    view.menarche.activated.emit(2)
    assert read.desk.reading.growth.menarche is False
    read.desk.do(SetPatient(sex=Sex.MALE))
    assert not view.menarche.isVisible(), "asked of girls only"


def test_another_reference_is_drawn_and_a_prediction_follows_a_grade(qtbot, read):
    read.desk.do(SetParents(178, 165))
    view = pane(read, clinical_panel.GROWTH)
    qtbot.keyClicks(view.height, "137.2")
    qtbot.mouseClick(view.add, Qt.MouseButton.LeftButton)
    assert "China 2009" in view.chart_title.text()
    view.reference.setCurrentIndex(0)
    view.reference.activated.emit(0)
    assert "WHO 2007" in view.chart_title.text() and view.facts.words()["Reference"] == "WHO 2007"
    before = {name: value for name, value, _ in view.table.words()}
    for bone in rus_chn.BONES:
        read.desk.select(bone)
        read.desk.step_grade(-1)
    after = {name: value for name, value, _ in view.table.words()}
    assert after["Tanner-Whitehouse Mark I 1975"] != before["Tanner-Whitehouse Mark I 1975"]


def test_a_reviewed_reading_takes_no_measurement(qtbot, read):
    view = pane(read, clinical_panel.GROWTH)
    assert view.add.isEnabled()
    for bone in rus_chn.BONES:
        read.desk.do(AcceptGrade(bone))
    read.desk.do(SetDifferenceComment("seen"))
    read.desk.do(MarkReviewed())
    assert read.desk.reading.state is State.REVIEWED
    assert not view.add.isEnabled() and not view.father.isEnabled() and not view.height.isEnabled()


# --- visits ---------------------------------------------------------------------------------------


def earlier(reading, years: int = 1):
    """The same child a year before, one grade lower on each bone but one that was higher."""
    on = reading.study.study_date - timedelta(days=365 * years)
    bones = []
    for finding in reading.bones:
        grade = max(1, finding.final_grade - 1) if finding.bone != "ulna" else finding.final_grade + 1
        bones.append(dataclasses.replace(finding, human_grade=grade))
    source = dataclasses.replace(reading.source, sha256="b" * 64)
    study = dataclasses.replace(reading.study, study_date=on)
    growth = dataclasses.replace(reading.growth, measurements=(Measurement(on, 131.0),))
    return dataclasses.replace(
        reading, reading_id="earlier", bones=tuple(bones), source=source, study=study, state=State.REVIEWED, growth=growth
    )


def test_visits_are_fetched_compared_and_a_grade_that_went_back_is_told(qtbot, read, fakes):
    view = pane(read, clinical_panel.VISITS)
    settle(qtbot, read)
    assert view.note.isVisible() and not view.chart.isVisible()
    fakes.store.readings["earlier"] = earlier(read.desk.reading)
    read.clinic.clinical._of = None
    read.clinic.clinical._follow()
    settle(qtbot, read)
    assert view.chart.isVisible() and not view.note.isVisible()
    assert len(view.steps.words()) == 1 and "Ulna" in view.doubts.text()
    strip = {row[0]: row[1:] for row in view.strip.words()}
    assert strip["Ulna"][1].startswith("! ")
    for column in (0, 1):
        assert view.steps.columnWidth(column) >= view.steps.sizeHintForColumn(column), "the dates are whole"
    growth = pane(read, clinical_panel.GROWTH)
    assert growth.chart.isVisible(), "the height of the earlier visit is on the chart"


def test_a_film_that_nobody_read_has_a_mark_of_its_own_and_a_legend(qtbot, read, fakes):
    fakes.store.readings["earlier"] = earlier(read.desk.reading)
    view = pane(read, clinical_panel.VISITS)
    read.clinic.clinical._of = None
    read.clinic.clinical._follow()
    settle(qtbot, read)

    def symbols() -> list[str]:
        import pyqtgraph as pg

        found = [item for item in view.chart.plot.items() if isinstance(item, pg.ScatterPlotItem)]
        return sorted(item.opts["symbol"] for item in found if len(item.data))

    assert symbols() == ["o", "s"] and view.legend.isVisible()
    assert [words[0] for words in view.legend.words()] == ["\N{BLACK CIRCLE}", "\N{BLACK SQUARE}"]
    assert view.legend.words()[1].endswith("AI alone: nobody looked at it yet")
    read.actions_["accept"].trigger()
    settle(qtbot, read)
    assert symbols() == ["o", "t1"] and view.legend.words()[1].endswith("draft, not reviewed yet")


def test_a_store_that_fails_is_told_in_its_place(qtbot, read, fakes):
    from boneage_desk.common.errors import StoreError

    view = pane(read, clinical_panel.VISITS)
    fakes.store.unreadable = StoreError("The disk is gone.")
    read.clinic.clinical._of = None
    read.clinic.clinical._follow()
    settle(qtbot, read)
    assert "The disk is gone." in view.note.text()


# --- what a person types --------------------------------------------------------------------------


def test_a_bare_figure_gets_the_unit_beside_it_and_a_unit_stays() -> None:
    assert with_unit(" 135,5 ", "cm") == "135,5 cm" and with_unit("4 ft 5 in", "cm") == "4 ft 5 in" and with_unit("", "cm") == ""
    made = typed_measurement("2024-07-11", "1.355 m", "in", "", "kg")
    assert made.height_cm == pytest.approx(135.5) and made.weight_kg is None and made.on == date(2024, 7, 11)
    with pytest.raises(InputError, match="height or a weight"):
        typed_measurement("2024-07-11", " ", "cm", "", "kg")
    assert typed_parents("", "165", "cm") == SetParents(None, 165)


@pytest.mark.parametrize(
    ("words", "months"),
    [("10 y 6 m", 126), ("10;6", 126), ("10.5", 126), ("9", 108), ("10 岁 6 个月", 126), ("", None)],
)
def test_an_atlas_age_is_years_and_months(words, months) -> None:
    assert typed_atlas(words) == SetAtlasAge(months)


@pytest.mark.parametrize("words", ["126 months", "10 y 14 m", "ten", "10;6;2"])
def test_another_word_is_no_atlas_age(words) -> None:
    with pytest.raises(InputError, match="no bone age"):
        typed_atlas(words)


