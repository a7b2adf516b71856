"""A tiny site of drawn knees for tests: clearly young and clearly grown ones, so that a few steps can learn."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from boneage_desk.imaging.phantom.dicom import PhantomPatient
from boneage_desk.imaging.phantom.knee import draw_knee
from boneage_desk.imaging.phantom.knee_dicom import write_knee_dicom
from boneage_desk.imaging.phantom.knee_form import KneeSpec

STUDY = date(2024, 7, 11)
COLUMNS = ["film", "sex", "patient", "chronological_age_months", "bone_age_months"]

RECIPE = """task = "knee"
[data]
folder = "site"
[start]
weights = "scratch"
[knee]
architecture = "test_convnext"
chronological_age = {age}
folds = {folds}
ema = 0.8
[training]
epochs = {epochs}
batch = 4
rate = 1e-3
size = 64
[output]
folder = "run"
"""


def write_films(folder: Path, months: list[float], *, both: int = 0, rows: int = 96) -> list[list[str]]:
    """One child an entry of ``months`` (bone age), the first ``both`` with two knees; returns the table's rows."""
    (folder / "films").mkdir(parents=True, exist_ok=True)
    table = []
    for k, age in enumerate(months):
        sex = "FM"[k % 2]
        ca = age + (9 if k % 3 else -9)
        born = STUDY - timedelta(days=round(ca * 30.4369))
        who = PhantomPatient("PHANTOM^KNEE", f"K{k}", sex, f"{born:%Y%m%d}", f"{STUDY:%Y%m%d}")
        for side in ("left", "right")[: 2 if k < both else 1]:
            name = f"films/{k}-{side}.dcm"
            spec = KneeSpec(age, sex, side, size=(rows, rows * 3 // 4), bits=8, seed=2 * k + (side == "right"), marker=False)  # type: ignore[arg-type]
            write_knee_dicom(draw_knee(spec), folder / name, patient=who)
            table.append([name, sex, f"K{k}", f"{ca:.1f}", f"{age:.1f}"])
    return table


def write_table(folder: Path, rows: list[list[str]], columns: list[str] | None = None, name: str = "knees.csv") -> None:
    """The table beside the films."""
    with open(folder / name, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns or COLUMNS, *rows])


def ages(count: int) -> list[float]:
    """Bone ages, young and grown by turns."""
    rng = np.random.default_rng(5)
    return [float(rng.uniform(24, 60) if k % 2 else rng.uniform(190, 216)) for k in range(count)]
