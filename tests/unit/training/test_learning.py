"""That a site's training learns: on drawn bones with known grades, and drawn hands with boxes in an odd place.

From the command line to the figures. Each takes a minute or so on a machine that does nothing else.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from boneage_desk import wiring
from boneage_desk.cli.main import main
from boneage_desk.imaging.phantom import LAST_GRADE, PhantomSpec, draw_bone, draw_hand
from boneage_desk.standards.rus_chn import BONES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def trained(task: str, recipe: Path, tmp_path: Path) -> dict[str, Any]:
    """metrics.json of ``boneage-desk train``."""
    words = ["--data-dir", str(tmp_path / "data"), "train", task, str(recipe), "--quiet"]
    assert main(words, wiring.build_app()) == 0
    return dict(json.loads((tmp_path / "run" / "metrics.json").read_text()))


def drawn_grades(bone: str) -> list[int]:
    """Five grades over the bone's table."""
    return [int(g) for g in np.rint(np.linspace(1, LAST_GRADE[bone], 5))]


def grades_off(part: dict[str, Any]) -> float:
    """Mean distance in grades of what was read from the truth, from the confusion matrices."""
    cells = [np.abs(np.subtract.outer(np.arange(len(m)), np.arange(len(m)))) * m for m in
             (np.array(row["confusion"]) for row in part["bones"].values())]  # fmt: skip
    return float(sum(c.sum() for c in cells)) / part["n"]


def test_a_grader_learns_the_grades_of_a_site(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    with open(tmp_path / "crops.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["crop", "bone", "grade", "split"])
        for bone in BONES:
            for grade in drawn_grades(bone):
                picture = draw_bone(bone, grade, 64).astype(float)
                for k, side in enumerate(("train", "train", "val")):
                    name = f"{bone}_{grade}_{k}.png"
                    spoiled = np.clip(picture * rng.uniform(0.8, 1.0) + rng.normal(0, 6, picture.shape), 0, 255)
                    Image.fromarray(spoiled.astype(np.uint8)).save(tmp_path / name)
                    table.writerow([name, bone, grade, side])
    (tmp_path / "r.toml").write_text(
        'task = "grader"\n[data]\nfolder = "."\ngrades = "index"\n[training]\nepochs = 36\nbatch = 2\nsize = 64\n'
        'rate = 2e-3\n[loss]\ncentre = 0.0\n[output]\nfolder = "run"\n'
    )
    found = trained("grader", tmp_path / "r.toml", tmp_path)
    guess = np.mean([abs(g - np.median(drawn_grades(b))) for b in BONES for g in drawn_grades(b)])
    after, before = found["grades"], found["before"]
    assert after["n"] == before["n"] == 5 * 13
    off = {when: grades_off(part) for when, part in (("after", after), ("before", before))}
    assert off["after"] < 0.4 * min(guess, off["before"])
    assert after["within_one"] > 0.9


def test_a_detector_learns_where_a_site_puts_its_boxes(tmp_path: Path) -> None:
    """Boxes lie an eighth of mc3-dp3 further towards the fingertips than the shipped detector has them."""
    with open(tmp_path / "boxes.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["film", "bone", "x0", "y0", "x1", "y1", "split"])
        for k in range(12):
            grades = {b: min(top, 3 + k % 8) for b, top in LAST_GRADE.items()}
            film = draw_hand(PhantomSpec(grades=grades, sex="MF"[k % 2], seed=k, size=(400, 320), bits=8, hand_fraction=0.7))  # type: ignore[arg-type]
            Image.fromarray(np.asarray(film.pixels, np.uint8)).save(tmp_path / f"{k}.png")
            up = 0.125 * film.unit_px
            for bone, (x0, y0, x1, y1) in film.boxes.items():
                table.writerow([f"{k}.png", bone, *(round(v, 1) for v in (x0, y0 - up, x1, y1 - up)), "train" if k < 9 else "val"])
    (tmp_path / "r.toml").write_text(
        'task = "detector"\n[data]\nfolder = "."\n[training]\nepochs = 30\nbatch = 3\nsize = 192\nrate = 1e-3\n'
        '[output]\nfolder = "run"\n'
    )
    found = trained("detector", tmp_path / "r.toml", tmp_path)
    assert found["before"]["mAP50-95"] < 0.2, "as it starts it puts them elsewhere"
    assert found["boxes"]["mAP50-95"] > 0.3
    assert found["hands"]["median_centre_error_L"] < 0.08, "0.125 at the start"
