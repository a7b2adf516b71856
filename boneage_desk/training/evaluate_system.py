"""Detector and grader together on whole films held out, as the program reads them:
``python -m boneage_desk.training.evaluate_system --data D --models models --out E.json``.

The interval's coverage here is of the card's own table on the way that the program goes, boxes of the detector
included; its factors were fitted on hands of the same films, cut at the labels' places.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from boneage_desk.engines.cards import ModelCard, find_card
from boneage_desk.engines.networks.consistency import fit_hand
from boneage_desk.engines.networks.detector import detect, load_detector
from boneage_desk.engines.networks.grader import BONES, grade, load_grader
from boneage_desk.imaging.crops import crop_specs, cut
from boneage_desk.imaging.normalise import hand_is_negative
from boneage_desk.training.dataset import is_validation, read_labels, read_points
from boneage_desk.training.evaluate_detector import Films
from boneage_desk.training.evaluate_interval import bounds, inside_table, moments
from boneage_desk.training.grader_loss import GRADES
from boneage_desk.training.grader_tables import bone_age
from boneage_desk.training.held_out import HeldOut
from boneage_desk.training.targets import sex_of, share_target


def evaluate(data: Path, models: Path, limit: int | None) -> dict[str, Any]:
    """Bone age against the label on every half-size film held out; none is left out for being hard."""
    cards = [find_card(models, task) for task in ("detector", "grader")]
    detector = load_detector(cards[0], cards[0].verified_weights())
    grader = load_grader(cards[1], cards[1].verified_weights())
    labels, points = read_labels(data), read_points(data)
    films = Films(data, points)
    ids = sorted(k for k in films.sharp if is_validation(k) and k in labels)[:limit]
    refused, read, chances = [], [], []
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
        read.append(film_id)
        chances.append([row + [0.0] * (GRADES - len(row)) for row in p])
    sexes, months = (np.array([labels[k][n] for k in read]) for n in (0, 1))
    targets = np.array([share_target(m, sex_of(s)) for m, s in zip(months, sexes, strict=True)], np.float32)
    hands = HeldOut(np.array(chances), sexes, months.astype(float), targets, np.ones(len(read), bool))
    worst = np.argsort(-np.abs(hands.errors))[:10]
    return {
        "command": "python -m boneage_desk.training.evaluate_system --data DIR --models models --out system.json",
        "weights": {c.full_tag: c.sha256 for c in cards},
        "films": len(ids), "refused": refused, **bone_age(hands), "interval": covered(hands, cards[1]),
        "largest_errors": [
            {"film": read[k], "sex": str(sexes[k]), "label_months": float(months[k]), "read_months": round(float(hands.given[k]), 1)}
            for k in worst
        ],
    }  # fmt: skip


def covered(hands: HeldOut, card: ModelCard) -> dict[str, float] | None:
    """Coverage and mean width in months of the intervals that the card gives these hands; None without factors."""
    fitted = {f"{b.sex} {b.from_months:.0f}-{b.to_months:.0f}": (b.factor, b.hands) for b in card.intervals if b.factor}
    if not fitted:
        return None
    low, high = bounds("joint", hands, moments(hands), fitted, card.interval_correlation, card.interval_floor_months)
    has = inside_table(hands)
    hit = (low <= hands.clipped) & (hands.clipped <= high)
    return {"films": int(has.sum()), "coverage": float(hit[has].mean()), "width_months": float((high - low)[has].mean())}


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
    a.out.write_text(json.dumps(report, indent=1), encoding="utf-8")
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
