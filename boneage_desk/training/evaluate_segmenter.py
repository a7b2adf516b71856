"""Measure the segmenter and what is read from its outlines on films held out:
``python -m boneage_desk.training.evaluate_segmenter --drawn D --crops C --weights W --out evaluation.json``.

D: folder of `segmenter_crops` (held-out drawn films). C: folder of `grader_crops` (held-out films given whole at half
size, most of them not drawn): there the widths are held against the grade that is typical of the film's bone age.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from boneage_desk.engines.cards import file_sha256
from boneage_desk.engines.measure import Measured, evidence_of, measure, upright
from boneage_desk.engines.networks.segmenter import CLASSES, load_segmenter, segment
from boneage_desk.imaging.crops import CropSpec
from boneage_desk.reading.evidence import CAPS_ONE, CLOSED, FUSION, OPEN, TRUSTED, Evidence, contradiction
from boneage_desk.standards.rus_chn import BONES, max_grade
from boneage_desk.training.grader_batches import load_hands
from boneage_desk.training.segmenter_crops import EDGE, EPIPHYSIS, UNKNOWN
from boneage_desk.training.train_segmenter import SIZE, Drawn, framed, load_drawn, placing

COMMAND = "python -m boneage_desk.training.evaluate_segmenter --drawn DRAWN --crops CROPS --weights W --out E"
WIDE_CROP = 100.0
"""Side in film pixels given to `evidence_of` for stored crops of half-size films: fine enough to read gaps."""


def rank_correlation(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Spearman's, ties at their mean rank."""

    def ranks(values: NDArray[np.floating]) -> NDArray[np.float64]:
        _, place, count = np.unique(values, return_inverse=True, return_counts=True)
        return (np.cumsum(count) - (count - 1) / 2)[place]

    return float(np.corrcoef(ranks(a), ranks(b))[0, 1])


def mask_ratio(label: NDArray[np.uint8]) -> float | None:
    """Width of the drawn epiphysis over that of the drawn edge, columns counted; None where one was not drawn."""
    widths = [int((label == k).any(0).sum()) for k in (EPIPHYSIS, EDGE)]
    return widths[0] / widths[1] if min(widths) >= 3 and widths[1] > 0.6 * widths[0] else None


def against_drawings(drawn: Drawn, model: torch.nn.Module, *, whole: bool) -> dict[str, Any]:
    """Dice and width errors on the held-out drawn crops, of films given whole or of laid ones."""
    dice: dict[int, list[float]] = {EPIPHYSIS: [], EDGE: []}
    ratios: list[tuple[float, float, float | None]] = []
    known, measurable = 0, 0
    for flat in drawn.where(validation=True, whole=whole):
        hand, bone = divmod(int(flat), len(BONES))
        image = framed(drawn.crops[hand, bone], placing())
        label = framed(drawn.labels[hand, bone], placing(), label=True)
        outlines = segment(model, image[None])[0]
        guess, seen = outlines.argmax(0), label != UNKNOWN
        for k, values in dice.items():
            truth, mine = (label == k) & seen, (guess == k) & seen
            if truth.any():
                values.append(2 * float((truth & mine).sum()) / float(truth.sum() + mine.sum()))
        if not (label == EPIPHYSIS).any() or not (label == EDGE).any():
            continue
        known += 1
        by_net = measure(image, outlines)
        by_hand = measure(image, np.stack([label == k for k in range(3)]).astype(np.float32))
        measurable += by_net is not None and by_net.width_ratio is not None
        if by_net and by_hand and by_net.width_ratio and by_hand.width_ratio:
            ratios.append((by_net.width_ratio, by_hand.width_ratio, mask_ratio(label)))
    error = np.array([a - b for a, b, _ in ratios])
    plain = np.array([(a, c) for a, _, c in ratios if c is not None])
    return {
        "crops": sum(1 for _ in drawn.where(validation=True, whole=whole)),
        "epiphysis_dice_median": round(float(np.median(dice[EPIPHYSIS])), 3),
        "epiphysis_dice_tenth": round(float(np.percentile(dice[EPIPHYSIS], 10)), 3),
        "edge_dice_median": round(float(np.median(dice[EDGE])), 3),
        "measurable": round(measurable / max(known, 1), 3),
        "ratios": len(ratios),
        "ratio_error_median": round(float(np.median(np.abs(error))), 3),
        "ratio_error_ninth_tenth": round(float(np.percentile(np.abs(error), 90)), 3),
        "ratio_bias": round(float(np.median(error)), 3),
        "ratio_error_median_against_bare_drawing": round(float(np.median(np.abs(plain[:, 0] - plain[:, 1]))), 3),
        "ratio_bias_against_bare_drawing": round(float(np.median(plain[:, 0] - plain[:, 1])), 3),
    }


def readings(folder: Path, model: torch.nn.Module) -> Iterator[tuple[str, float, Evidence | None]]:
    """Bone, typical (fractional) grade and evidence of every crop of the held-out half-size films."""
    hands = load_hands(folder)
    for hand in hands.where(validation=True, source="half"):
        images = [framed(np.ascontiguousarray(crop), placing()) for crop in hands.crops[hand]]
        crops = np.stack([np.asarray(upright(image, bone)) for image, bone in zip(images, BONES, strict=True)])
        for k, (bone, crop, outlines) in enumerate(zip(BONES, crops, segment(model, crops), strict=True)):
            found: Measured | None = measure(crop, outlines)
            yield bone, float(hands.targets[hand, k]), evidence_of(bone, found, CropSpec(0, 0, WIDE_CROP), SIZE)


def against_ages(rows: list[tuple[str, float, Evidence | None]]) -> dict[str, Any]:
    """Share measurable, rank correlation of width with the typical grade, fusion, contradictions."""
    trusted = [(b, g, e) for b, g, e in rows if e is not None and e.quality >= TRUSTED]
    by_bone = {}
    for bone in BONES:
        mine = [(g, e.width_ratio) for b, g, e in trusted if b == bone and e.width_ratio is not None and g < FUSION[b]]
        a, b = np.array(mine).T
        by_bone[bone] = {"crops": len(mine), "rank_correlation": round(rank_correlation(a, b), 3)}
    phases: dict[str, list[float]] = {"open": [], "complete": []}
    for bone, grade, evidence in trusted:
        if evidence.fused_share is not None:
            if grade < FUSION[bone] - 2:
                phases["open"].append(evidence.fused_share)
            elif grade > max_grade(bone) - 0.8:
                phases["complete"].append(evidence.fused_share)
    caps: dict[str, list[bool]] = {"before": [], "on both sides": []}
    for bone, grade, evidence in trusted:
        if bone in CAPS_ONE and grade < FUSION[bone]:
            phase = "on both sides" if grade >= CAPS_ONE[bone] + 1 else "before" if grade < CAPS_ONE[bone] - 1.5 else ""
            if phase:
                caps[phase].append(bool(evidence.caps_thumb_side or evidence.caps_little_side))
    spoken = [contradiction(e, round(g)) for _, g, e in trusted]
    kinds = {"width": "The epiphysis measures", "closed": "No gap", "open": "The gap", "caps": "The epiphysis caps"}
    return {
        "crops": len(rows),
        "measurable": round(sum(e.width_ratio is not None for _, _, e in trusted) / len(rows), 3),
        "absent_told": sum(not e.present for _, _, e in trusted),
        "absent_told_though_typically_there": sum(not e.present and g >= 1.5 for _, g, e in trusted),
        "width_by_bone": by_bone,
        "width_rank_correlation_median": round(float(np.median([v["rank_correlation"] for v in by_bone.values()])), 3),
        "plate": {
            name: {
                "crops": len(shares),
                "read_open": round(float(np.mean(np.array(shares) <= OPEN)), 3),
                "read_closed": round(float(np.mean(np.array(shares) >= CLOSED)), 3),
            }
            for name, shares in phases.items()
        },
        "caps": {name: {"crops": len(seen), "seen": round(float(np.mean(seen)), 3)} for name, seen in caps.items() if seen},
        "contradictions_at_the_typical_grade": round(sum(map(bool, spoken)) / max(len(spoken), 1), 4),
        "contradictions_by_kind": {k: sum(text.startswith(v) for text in spoken) for k, v in kinds.items()},
    }


def markdown(found: dict[str, Any]) -> list[str]:
    """The evaluation as a page."""
    lines = ["# Segmenter and measured evidence on films held out", "", f"`{COMMAND}`", ""]
    names = {"whole": "Drawn films given whole", "laid": "Drawn joints laid over the film at 299 px"}
    for key, title in names.items():
        lines += [f"| {title} | |", "|---|---|", *(f"| {k} | {v} |" for k, v in found[key].items()), ""]
    lines += [
        "'ratio_error' compares the width ratio from the network's outlines with that from the drawn outlines, greys read "
        "alike; 'bare drawing' is the drawn epiphysis' width over the drawn edge's, which are drawn generously.",
        "",
    ]
    ages = found["ages"]
    lines += ["| Held-out films at half size, against the grade typical of the bone age | |", "|---|---|"]
    lines += [f"| {k} | {v} |" for k, v in ages.items() if not isinstance(v, dict)]
    for name, plate in ages["plate"].items():
        lines += [f"| plate typically {name}: {k} | {v} |" for k, v in plate.items()]
    for name, cap in ages["caps"].items():
        lines += [f"| caps typically {name}: {k} | {v} |" for k, v in cap.items()]
    lines += [f"| contradictions, {k} | {v} |" for k, v in ages["contradictions_by_kind"].items()]
    lines += ["", "| bone | crops before fusion | rank correlation of width ratio and typical grade |", "|---|---|---|"]
    lines += [f"| {b} | {v['crops']} | {v['rank_correlation']} |" for b, v in ages["width_by_bone"].items()]
    lines += ["", f"One hand of 13 crops, outlines and measuring, one thread: {found['ms_per_hand']} ms."]
    return lines


def evaluate(drawn: Path, crops: Path, weights: Path) -> dict[str, Any]:
    """All measurements, with the card's table and the page."""
    torch.set_num_threads(1)
    model = load_segmenter(SimpleNamespace(classes=CLASSES), weights)
    stored = load_drawn(drawn)
    found: dict[str, Any] = {
        "weights_sha256": file_sha256(weights),
        "whole": against_drawings(stored, model, whole=True),
        "laid": against_drawings(stored, model, whole=False),
    }
    began, rows = time.process_time(), list(readings(crops, model))
    found["ms_per_hand"] = round((time.process_time() - began) * 1e3 / max(len(rows) / len(BONES), 1), 1)
    found["ages"] = against_ages(rows)
    whole, ages = found["whole"], found["ages"]
    found["card"] = {
        "command": COMMAND,
        **{k: whole[k] for k in ("epiphysis_dice_median", "ratio_error_median", "ratio_error_ninth_tenth", "ratio_bias")},
        "drawn_crops": whole["crops"],
        **{k: ages[k] for k in ("measurable", "width_rank_correlation_median", "contradictions_at_the_typical_grade")},
        "crops": ages["crops"],
    }
    found["markdown"] = markdown(found)
    return found


def main() -> None:
    """Command line."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--drawn", type=Path, required=True)
    p.add_argument("--crops", type=Path, required=True)
    p.add_argument("--weights", type=Path, required=True)
    p.add_argument("--out", type=Path, required=True)
    a = p.parse_args()
    a.out.write_text(json.dumps(evaluate(a.drawn, a.crops, a.weights), indent=1) + "\n")


if __name__ == "__main__":
    main()
