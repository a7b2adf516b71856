"""Detector and grader together on whole films held out, as the program reads them:
``python -m boneage_desk.training.evaluate_system --data D --models models --out E.json``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from boneage_desk.engines.cards import find_card
from boneage_desk.engines.networks.consistency import fit_hand
from boneage_desk.engines.networks.detector import detect, load_detector
from boneage_desk.engines.networks.grader import BONES, grade, load_grader
from boneage_desk.imaging.crops import crop_specs, cut
from boneage_desk.imaging.normalise import hand_is_negative
from boneage_desk.training.dataset import is_validation, read_labels, read_points
from boneage_desk.training.evaluate_detector import Films
from boneage_desk.training.targets import months_of_grades, sex_of


def evaluate(data: Path, models: Path, limit: int | None) -> dict[str, Any]:
    """Bone age against the label on every half-size film held out; none is left out for being hard."""
    cards = [find_card(models, task) for task in ("detector", "grader")]
    detector = load_detector(cards[0], cards[0].verified_weights())
    grader = load_grader(cards[1], cards[1].verified_weights())
    labels, points = read_labels(data), read_points(data)
    films = Films(data, points)
    ids = sorted(k for k in films.sharp if is_validation(k) and k in labels)[:limit]
    errors, refused, rows = [], [], {}
    for film_id in ids:
        unit = films.load(film_id)
        fit = fit_hand(detect(detector, unit))
        if fit.n_hands != 1:
            refused.append(film_id)
            continue
        centres = fit.centres()
        if hand_is_negative(unit, centres, fit.length):
            unit = 255 - unit
        specs = crop_specs(centres, fit.length, mirror=fit.mirror)
        crops = np.stack([np.asarray(cut(unit, specs[b], cards[1].input_size), np.uint8) for b in BONES])
        p = grade(grader, crops, list(BONES))
        sex, months = labels[film_id]
        read = months_of_grades(np.array([np.argmax(row) for row in p], float), sex_of(sex))
        errors.append(read - months)
        rows[film_id] = {"sex": sex, "label_months": months, "read_months": round(read, 1)}
    e = np.array(errors)
    return {
        "command": "python -m boneage_desk.training.evaluate_system --data DIR --models models --out system.json",
        "weights": {c.full_tag: c.sha256 for c in cards},
        "films": len(ids), "refused": refused,
        "mae_months": float(np.abs(e).mean()), "rmse_months": float(np.sqrt((e**2).mean())),
        "bias_months": float(e.mean()), "within_12_months": float((np.abs(e) <= 12).mean()),
        "largest_errors": sorted(rows.items(), key=lambda r: -abs(r[1]["read_months"] - r[1]["label_months"]))[:10],
    }  # fmt: skip


def main() -> None:
    """Command line."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--models", type=Path, required=True)
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--limit", type=int)
    p.add_argument("--threads", type=int, default=0)
    a = p.parse_args()
    if a.threads:
        torch.set_num_threads(a.threads)
    report = evaluate(a.data, a.models, a.limit)
    a.out.write_text(json.dumps(report, indent=1))
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
