"""Pseudo-labels: the hand's bone age with the models' names and hashes, or the row is excluded with its reason."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from boneage_desk.imaging.phantom.demo import DEMO_GRADES
from boneage_desk.imaging.phantom.dicom import PhantomPatient, write_dicom
from boneage_desk.imaging.phantom.hand import draw_hand
from boneage_desk.imaging.phantom.spec import PhantomSpec
from boneage_desk.reading.analysis import AnalysisResult, BoneResult, Flag, ModelRef
from boneage_desk.reading.findings import Box, GradeOpinion, Region
from boneage_desk.standards import rus_chn
from boneage_desk.standards.types import Sex
from boneage_desk.training.knee_data import read_table
from boneage_desk.training.knee_labels import label_table
from tests.knee_site import COLUMNS, STUDY, write_films, write_table

MODELS = (ModelRef("Detector", "yolov8n.x", "a" * 64), ModelRef("Grader", "efficientnet_b3.x", "b" * 64))


class Engine:
    """Answers every film with the demo's grades, or with what a test sets."""

    def __init__(self) -> None:
        self.result = AnalysisResult(tuple(_result(bone, DEMO_GRADES[bone]) for bone in rus_chn.BONES), models=MODELS)
        self.asked = 0

    def analyse(self, _frame: object, **_how: object) -> AnalysisResult:
        self.asked += 1
        return self.result


def _result(bone: str, grade: int) -> BoneResult:
    top = rus_chn.max_grade(bone)
    p = tuple(1.0 if k == grade else 0.0 for k in range(top + 1))
    return BoneResult(bone, Region(Box(10, 10, 40, 40), 0.9, True, "", 0.0), GradeOpinion(bone, grade, p))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """One knee film and its hand film."""
    folder = tmp_path_factory.mktemp("pairs")
    row = write_films(folder, [120.0])[0]
    film = draw_hand(PhantomSpec(grades=DEMO_GRADES, size=(240, 180), sex="F", bits=8))
    for name, who in (
        ("hand.dcm", PhantomPatient("A", "K0", "F", "20140101", f"{STUDY:%Y%m%d}")),
        ("boy.dcm", PhantomPatient("A", "K0", "M", "20140101", f"{STUDY:%Y%m%d}")),
        ("other.dcm", PhantomPatient("A", "K7", "F", "20140101", f"{STUDY:%Y%m%d}")),
        ("late.dcm", PhantomPatient("A", "K0", "F", "20140101", "20241011")),
        ("undated.dcm", PhantomPatient("A", "K0", "F", "", "")),
    ):
        write_dicom(film, folder / name, patient=who)
    return folder, row


def labelled(site: tuple[Path, list[str]], engine: Any, hand: str = "hand.dcm", **cells: str) -> dict[str, str]:
    folder, row = site
    columns = [*COLUMNS, "hand_film", *cells]
    write_table(folder, [[*row[:4], "", hand, *cells.values()]], columns)
    counts = label_table(read_table(folder, "", str), engine, folder / "out.csv", 30.0, lambda _: None)
    assert sum(counts.values()) == 1
    with open(folder / "out.csv", newline="", encoding="utf-8") as file:
        (found,) = csv.DictReader(file)
    return found


def test_a_hand_films_bone_age_comes_with_models_and_hashes(site: tuple[Path, list[str]]) -> None:
    found = labelled(site, Engine())
    expected = rus_chn.bone_age(rus_chn.total_score(dict(DEMO_GRADES), Sex.FEMALE), Sex.FEMALE)
    assert float(found["bone_age_months"]) == pytest.approx(expected.months, abs=0.01)
    assert found["label"] == "hand-model" and found["label_model"] == "yolov8n.x+efficientnet_b3.x"
    assert found["label_sha256"] == "a" * 64 + "+" + "b" * 64
    assert found["excluded"] == ""
    (row,) = read_table(site[0], "out.csv", str).rows  # and training can read it
    assert row.months is not None and row.label_sha256.startswith("aaa")


def test_a_doubtful_pair_is_excluded_with_its_reason(site: tuple[Path, list[str]]) -> None:
    engine = Engine()
    for hand, words in (
        ("boy.dcm", "the hand film says M"), ("other.dcm", "of patient 'K7'"), ("late.dcm", "92 days apart"),
        ("undated.dcm", "nothing tells the days"),
    ):  # fmt: skip
        found = labelled(site, engine, hand)
        assert words in found["excluded"] and found["bone_age_months"] == "", hand
    assert engine.asked == 0
    assert "100 days apart" in labelled(site, engine, days_between="100")["excluded"]
    assert labelled(site, engine, "undated.dcm", days_between="3")["excluded"] == ""


def test_a_knee_in_the_place_of_a_hand_is_excluded(site: tuple[Path, list[str]]) -> None:
    found = labelled(site, Engine(), "films/0-left.dcm")
    assert "not a plain film of the hand" in found["excluded"] and found["bone_age_months"] == ""


def test_no_number_is_made_of_a_film_that_gives_none(site: tuple[Path, list[str]]) -> None:
    engine = Engine()
    plain = engine.result
    engine.result = dataclasses.replace(plain, flags=(Flag("no_hand", "No hand was found.", blocking=True),))
    assert "No hand was found" in labelled(site, engine)["excluded"]
    engine.result = dataclasses.replace(plain, bones=(BoneResult("radius", None, None), *plain.bones[1:]))
    assert "no bone age" in labelled(site, engine)["excluded"]
    grown = tuple(_result(bone, rus_chn.max_grade(bone)) for bone in rus_chn.BONES)
    engine.result = dataclasses.replace(plain, bones=grown)
    assert "only a bound" in labelled(site, engine)["excluded"]


def test_readers_ages_are_kept(site: tuple[Path, list[str]]) -> None:
    folder, row = site
    engine = Engine()
    write_table(folder, [[*row, "hand.dcm"]], [*COLUMNS, "hand_film"])
    counts = label_table(read_table(folder, "", str), engine, folder / "out.csv", 30.0, lambda _: None)
    assert counts == {"labelled": 0, "excluded": 0, "kept": 1} and engine.asked == 0
