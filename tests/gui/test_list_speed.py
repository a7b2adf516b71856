"""The long work list: what a step of the wheel paints, and keys to sort by that are kept."""

from __future__ import annotations

import dataclasses

import pytest
from PySide6.QtWidgets import QApplication

from boneage_desk.reading.study_row import MachineState, study_row
from boneage_desk.ui import theme
from boneage_desk.ui.models.study_list import StudyListModel
from boneage_desk.ui.presenters.study_texts import COLUMNS, Column, Entry, JobState, JobView, sort_key
from boneage_desk.ui.views.study_delegate import WIDE_HEIGHT, StudyDelegate
from boneage_desk.ui.views.study_table import StudyTable
from tests.samples import reading

pytestmark = pytest.mark.gui
SHOWN = 600


@pytest.fixture
def table(qtbot, qapp):
    """The wide list with rows that tell their number, on the screen."""
    theme.apply(qapp)
    row = study_row(reading())
    model = StudyListModel()
    model.set_rows(dataclasses.replace(row, reading_id=f"r{n}", name=f"N {n}", accession=f"A{n}") for n in range(SHOWN))
    shown = StudyTable(model)
    qtbot.addWidget(shown)
    shown.set_wide(True)
    shown.resize(1400, 900)
    shown.show()
    qtbot.waitExposed(shown)
    QApplication.processEvents()
    return shown


class Counting(StudyDelegate):
    """Notes which rows are painted."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: set[int] = set()

    def paint(self, painter, option, index) -> None:
        self.rows.add(index.row())
        super().paint(painter, option, index)


def test_a_step_of_the_wheel_paints_the_new_rows_alone(table):
    counting = Counting()
    table.setItemDelegate(counting)
    table.viewport().update()
    QApplication.processEvents()
    assert len(counting.rows) > 25, "all rows that are seen"
    painted = []
    for step in range(1, 6):  # Qt paints all of a list that was never scrolled once more, and what else wants it now and then
        last = max(counting.rows)
        counting.rows.clear()
        table.verticalScrollBar().setValue(step * 3 * WIDE_HEIGHT)
        QApplication.processEvents()
        painted.append([row - last for row in sorted(counting.rows)])
    # three came in at the lower edge; where another test left the pointer over the list, the row it leaves and the row it meets
    under_pointer = [[row for row in rows if row < -1] for rows in painted]
    few = [rows for rows, met in zip(painted, under_pointer, strict=True) if 0 < len(rows) - len(met) <= 5 and len(met) <= 2]
    assert len(few) >= 3 and all({1, 2, 3} <= set(rows) for rows in few), painted


@pytest.mark.parametrize("wanted", ["dark", "light"])
def test_below_the_last_row_is_the_lists_own_colour(table, qapp, wanted):
    table._model.set_filter("n 12")
    theme.repaint(qapp, wanted)
    try:
        QApplication.processEvents()
        picture = table.viewport().grab().toImage()
        assert picture.pixelColor(700, picture.height() - 5).name() == theme.PALETTES[wanted]["PANEL"]
    finally:
        theme.repaint(qapp, "dark")


def test_kept_keys_are_those_of_the_row_as_it_is():
    row = dataclasses.replace(study_row(reading()), machine=MachineState.NONE)
    entry = Entry(row)
    for job in (None, JobView(JobState.WAITING), JobView(JobState.FAILED)):
        entry = entry.with_job(job)
        assert {column: entry.key(column) for column in COLUMNS} == {column: sort_key(row, job, column) for column in COLUMNS}
    assert sort_key(row, None, Column.MACHINE) != sort_key(row, job, Column.MACHINE), "the check looks at a key that changes"
