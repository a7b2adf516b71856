"""A site's folder of drawn knees, to prove the knee path without a patient:

    python -m boneage_desk.training.knee_phantoms --out site --patients 120 [--size 320] [--hands]

knees.csv and DICOM films that say that they are drawings. The chronological age lies about the bone age as children's do
(normal, ``--spread`` months). With ``--hands`` each knee has a drawn hand film instead of a bone age, for the labelling.
"""

from __future__ import annotations

import argparse
import csv
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from boneage_desk.imaging.phantom import LAST_GRADE, PhantomSpec, draw_hand
from boneage_desk.imaging.phantom.dicom import PhantomPatient, write_dicom
from boneage_desk.imaging.phantom.knee import draw_knee
from boneage_desk.imaging.phantom.knee_dicom import write_knee_dicom
from boneage_desk.imaging.phantom.knee_form import KneeSpec
from boneage_desk.reading.ages import DAYS_PER_MONTH
from boneage_desk.standards.rus_chn import BONES
from boneage_desk.standards.types import Sex
from boneage_desk.training.knee_data import TABLE
from boneage_desk.training.targets import share_target

STUDY = date(2024, 7, 11)
AGES = (24.0, 216.0)


def write_site(out: Path, patients: int, *, size: int = 320, spread: float = 12.0, seed: int = 1, hands: bool = False) -> int:
    """Draw ``patients`` children, every third with both knees; returns the number of films."""
    rng = np.random.default_rng([seed, 31])
    (out / "films").mkdir(parents=True, exist_ok=True)
    rows = []
    for k in range(patients):
        sex = "F" if rng.random() < 0.5 else "M"
        bone_age = float(rng.uniform(*AGES))
        ca = float(np.clip(bone_age + spread * rng.standard_normal(), 6.0, 228.0))
        born = STUDY - timedelta(days=round(ca * DAYS_PER_MONTH))
        who = PhantomPatient("PHANTOM^KNEE", f"K{seed:02d}{k:04d}", sex, f"{born:%Y%m%d}", f"{STUDY:%Y%m%d}", accession=f"K{k:04d}")
        hand = ""
        if hands:
            hand = f"films/{k:04d}-hand.dcm"
            _hand(out / hand, bone_age, sex, k, who)
        for side in ("left", "right") if k % 3 == 0 else ("left",):
            name = f"films/{k:04d}-{side}.dcm"
            spec = KneeSpec(
                bone_age, sex, side, rotation_deg=float(rng.normal(0, 3)), size=(size, round(0.75 * size)), bits=12,  # type: ignore[arg-type]
                seed=int(seed * 100_000 + 2 * k + (side == "right")), knee_fraction=float(rng.uniform(0.85, 1.2)),
                marker=bool(rng.random() < 0.7),
            )  # fmt: skip
            write_knee_dicom(draw_knee(spec), out / name, patient=who, photometric="MONOCHROME1" if k % 5 == 0 else "MONOCHROME2")
            rows.append([name, sex, who.patient_id, f"{ca:.2f}", "" if hands else f"{bone_age:.2f}", hand, "0" if hands else ""])
    with open(out / TABLE, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["film", "sex", "patient", "chronological_age_months", "bone_age_months", "hand_film", "days_between"])
        writer.writerows(rows)
    return len(rows)


def _hand(path: Path, bone_age: float, sex: str, seed: int, who: PhantomPatient) -> None:
    """The same child's hand, every bone at its usual grade."""
    grades = np.rint(share_target(bone_age, Sex(sex)))
    spec = PhantomSpec(
        grades={b: int(np.clip(g, 0, LAST_GRADE[b])) for b, g in zip(BONES, grades, strict=True)}, sex="M" if sex == "M" else "F",
        size=(900, 700), seed=seed,
    )  # fmt: skip
    write_dicom(draw_hand(spec), path, patient=who)


def main(arguments: list[str] | None = None) -> int:
    """Command line."""
    p = argparse.ArgumentParser(prog="python -m boneage_desk.training.knee_phantoms", description=__doc__)
    p.formatter_class = argparse.RawDescriptionHelpFormatter
    p.add_argument("--out", type=Path, required=True, help="the folder to fill")
    p.add_argument("--patients", type=int, default=120)
    p.add_argument("--size", type=int, default=320, help="rows of a film")
    p.add_argument("--spread", type=float, default=12.0, help="standard deviation of chronological minus bone age, months")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--hands", action="store_true", help="hand films in the place of bone ages")
    a = p.parse_args(arguments)
    print(f"{write_site(a.out, a.patients, size=a.size, spread=a.spread, seed=a.seed, hands=a.hands)} films")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
