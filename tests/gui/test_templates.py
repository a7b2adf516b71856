"""The menu beside the impression."""

from __future__ import annotations

import json

import pytest

from boneage_desk.reading.impression import DEFAULTS
from boneage_desk.reading.session import AcceptGrade, MarkReviewed
from boneage_desk.standards import rus_chn
from tests.gui.conftest import settle, texts

pytestmark = pytest.mark.gui


def choose(window, title: str) -> None:
    menu = window.clinical.templates.menu()
    menu.aboutToShow.emit()
    next(action for action in menu.actions() if action.text() == title).trigger()


def test_a_template_is_inserted_with_the_numbers_and_kept(qtbot, read):
    read.tabs.setCurrentWidget(read.clinic)
    choose(read, "Bone age")
    choose(read, "Control")
    read.flush()
    settle(qtbot, read)
    lines = read.desk.reading.impression.splitlines()
    assert lines[0] == f"Bone age {read.desk.summary.bone_age.text} by {rus_chn.NAME} at a chronological age of 10 y 4 m."
    assert lines[1] == "A control film is suggested in ___ months."


def test_the_stations_own_file_counts_at_once_and_is_made_from_the_defaults(qtbot, read, fakes):
    path = fakes.services.data_dir / "impressions.json"
    choose(read, "Edit the templates\N{HORIZONTAL ELLIPSIS}")
    assert json.loads(path.read_text(encoding="utf-8")) == DEFAULTS
    assert any(str(path) in line for line in texts(read))
    own = {"version": 1, "templates": [{"title": {"en": "Mine"}, "text": {"en": "Sex {sex}."}}]}
    path.write_text(json.dumps(own), encoding="utf-8")
    choose(read, "Mine")
    assert read.clinical.impression.toPlainText() == "Sex female."
    choose(read, "Edit the templates\N{HORIZONTAL ELLIPSIS}")
    assert json.loads(path.read_text(encoding="utf-8")) == own, "an own file is never written over"


def test_a_broken_file_is_told_and_nothing_is_inserted(qtbot, read, fakes):
    (fakes.services.data_dir / "impressions.json").write_text("{ not json", encoding="utf-8")
    read.clinical.templates.menu().aboutToShow.emit()
    titles = [action.text() for action in read.clinical.templates.menu().actions()]
    assert "Bone age" not in titles and any("cannot be read" in line for line in texts(read))


def test_no_template_for_a_reading_that_is_closed(qtbot, read):
    assert read.clinical.templates.isEnabled()
    for bone in rus_chn.BONES:
        read.desk.do(AcceptGrade(bone))
    read.desk.do(MarkReviewed())
    assert not read.clinical.templates.isEnabled()
