"""Figures of an evaluation against values worked out by hand, and the page that shows them."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from boneage_desk.standards import rus_chn
from boneage_desk.standards.types import Sex
from boneage_desk.training import html_report, metrics, svg
from boneage_desk.training.metrics import Aged, Graded


def read(bone: str, truth: int, said: int, sure: float = 0.7) -> Graded:
    top = rus_chn.max_grade(bone)
    p = [(1 - sure) / top] * (top + 1)
    p[said] = sure
    return Graded(bone, truth, tuple(p))


def test_kappa_against_a_textbook_table() -> None:
    # Observed disagreement 15 + 10 + 4 * 5 + 10, by chance from the margins 60/40/30 and 55/40/35
    matrix = np.array([[45, 10, 5], [10, 20, 10], [0, 10, 20]])
    weight = np.array([[0, 1, 4], [1, 0, 1], [4, 1, 0]])
    by_chance = np.outer([60, 40, 30], [55, 40, 35]) / 130
    assert metrics.quadratic_kappa(matrix) == pytest.approx(1 - (weight * matrix).sum() / (weight * by_chance).sum())
    assert metrics.quadratic_kappa(np.diag([3, 4])) == 1.0
    assert metrics.quadratic_kappa(np.array([[0, 5], [5, 0]])) == pytest.approx(-1.0)
    assert metrics.quadratic_kappa(np.diag([5, 0])) is None


def test_grades_exact_within_one_bias_and_confusion() -> None:
    found = metrics.grade_metrics([read("radius", 3, 3), read("radius", 3, 4), read("radius", 5, 2), read("ulna", 1, 1)])
    assert (found["n"], found["exact"], found["within_one"]) == (4, 0.5, 0.75)
    radius = found["bones"]["radius"]
    assert (radius["exact"], radius["within_one"], radius["bias_grades"]) == (1 / 3, 2 / 3, pytest.approx(-2 / 3))
    assert radius["confusion"][3][3:5] == [1, 1]
    assert radius["confusion"][5][2] == 1
    assert found["bones"]["mc1"]["exact"] is None
    assert found["calibration"]["expected_calibration_error"] == pytest.approx(0.5 * 0.7 + 0.5 * 0.3)


def test_wilsons_interval() -> None:
    assert metrics.wilson(8, 10) == [pytest.approx(0.4902, abs=1e-3), pytest.approx(0.9433, abs=1e-3)]
    assert metrics.wilson(0, 0) is None


def test_ages_bland_altman_and_shares() -> None:
    errors = [-6.0, 0.0, 6.0, 12.0, 24.0]
    found = metrics.age_metrics([Aged(Sex.FEMALE, 100.0, 100.0 + e, False) for e in errors])
    assert found["mae_months"] == pytest.approx(9.6)
    assert found["bias_months"] == pytest.approx(7.2)
    assert found["rmse_months"] == pytest.approx(np.sqrt(np.mean(np.square(errors))))
    spread = np.std(errors, ddof=1)
    assert found["limits_of_agreement_months"] == pytest.approx([7.2 - 1.96 * spread, 7.2 + 1.96 * spread])
    assert found["within_years"] == {"0.5": 0.6, "1": 0.8, "1.5": 0.8, "2": 1.0}
    assert found["by_sex"]["M"] == {"n": 0}
    assert list(found["by_band"]) == ["F 8-10 y"]


def test_the_age_of_grades_is_the_standards_and_says_when_it_is_a_bound() -> None:
    grades = {b: min(7, rus_chn.max_grade(b)) for b in rus_chn.BONES}
    months, bound = metrics.age_of(grades, Sex.MALE)
    assert (months, bound) == (rus_chn.bone_age(rus_chn.total_score(grades, Sex.MALE), Sex.MALE).months, False)
    assert metrics.age_of({b: rus_chn.max_grade(b) for b in rus_chn.BONES}, Sex.FEMALE) == (204.0, True)


def test_average_precision_of_boxes() -> None:
    truth = {"radius": (0.0, 0.0, 10.0, 10.0)}
    exact, off = (0.0, 0.0, 10.0, 10.0), (2.0, 0.0, 12.0, 10.0)  # the second: 8 / 12
    found = metrics.box_metrics([([("radius", exact, 0.9)], truth), ([("radius", off, 0.8)], truth)])
    assert (found["mAP50"], found["bones"]["radius"]["n"]) == (1.0, 2)
    assert found["mAP75"] == pytest.approx(0.5, abs=0.01)
    assert found["bones"]["ulna"]["AP50"] is None
    twice = metrics.box_metrics([([("radius", exact, 0.9), ("radius", exact, 0.8), ("ulna", exact, 0.9)], truth)])
    assert twice["mAP50"] == 1.0
    assert metrics.box_metrics([([("radius", (50.0, 50.0, 60.0, 60.0), 0.9)], truth)])["mAP50"] == 0.0


def result() -> dict[str, object]:
    graded = [read(b, g % 5, (g + k) % 6) for k, b in enumerate(rus_chn.BONES) for g in range(4)]
    aged = [Aged(sex, 60.0 + 9 * k, 62.0 + 8 * k, k == 0) for k in range(8) for sex in Sex]
    return {
        "model": {"name": "A <b> & co", "tag": "efficientnet_b3.x", "sha256": "0" * 64}, "made": "today", "program": "test",
        "films": {"words": "8 films held out", "table_sha256": "1" * 64, "table": "grades.csv"},
        "warnings": ["few"], "doubts": [{"row": 12, "bone": "radius", "words": "the table says 3"}],
        "grades": metrics.grade_metrics(graded), "before": metrics.grade_metrics(graded),
        "ages": metrics.age_metrics(aged) | {"reference": "the table"},
        "log": [{"step": k, "loss": 3.0 / (k + 1)} for k in range(5)],
    }  # fmt: skip


def test_the_page_stands_alone_and_its_plots_are_whole() -> None:
    page = html_report.grader_page(result())
    assert "A &lt;b&gt; &amp; co" in page
    for heading in ("Grades", "Bone age", "Calibration", "Confusion matrices", "Training", "Rows to look at again"):
        assert f"<h2>{heading}</h2>" in page
    assert not re.findall(r"(?:src|href)=|url\(|<script|@import", page)
    assert set(re.findall(r'https?://[^"\s<]+', page)) == {"http://www.w3.org/2000/svg"}
    drawings = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(drawings) == 1 + 2 + 1 + 13 + 1
    for drawing in drawings:
        root = ET.fromstring(drawing)
        width, height = (float(v) for v in root.attrib["viewBox"].split()[2:])
        for mark in root.iter():
            for name, limit in (("x", width), ("cx", width), ("y", height), ("cy", height)):
                if name in mark.attrib and "transform" not in mark.attrib:
                    assert -1 <= float(mark.attrib[name]) <= limit + 1


def test_figures_that_do_not_exist_are_dashes_not_zeros() -> None:
    empty = result() | {"grades": metrics.grade_metrics([]), "ages": {"n": 0, "reference": "none"}}
    empty.pop("before")
    page = html_report.grader_page(empty)
    assert "<td>Radius</td><td>0</td><td>–</td><td>–</td><td>–</td><td>–</td>" in page
    assert "nothing was measured" in page


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-33.4, 24.3), (97.0, 136.0), (0.0, 0.013), (0.0, 12345.0)])
def test_ticks_are_few_round_and_inside(low: float, high: float) -> None:
    found = svg.ticks(low, high)
    assert 3 <= len(found) <= 9
    assert all(low - 1e-9 <= v <= high + 1e-9 for v in found)
    assert all(len(f"{v:g}") <= 7 for v in found)
