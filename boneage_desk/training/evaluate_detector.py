"""Measure the detector on films held out:
``python -m boneage_desk.training.evaluate_detector --data D --weights W --out E.json [--films 300]``.

Human truth: the centre of a drawn epiphysis, made a square whose side is the bone's share of mc3-dp3
(drawn centres of mc3 and dp3 where both are there, else the pseudo-labels'). Average precision counts only
bones with human truth. Centre errors are also given against the pseudo-labels of more films; where those
put radius and ulna on one place (seen to be their fault), the two are left out.
"""

from __future__ import annotations

import argparse
import json
import time
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from boneage_desk.engines.cards import file_sha256
from boneage_desk.engines.networks.consistency import HandFit, fit_hand
from boneage_desk.engines.networks.detector import Detection, detect, load_detector
from boneage_desk.imaging.crops import SIDE_SHARE
from boneage_desk.imaging.normalise import normalise_film
from boneage_desk.training.dataset import (
    BONES,
    IN21,
    FilmPoints,
    is_validation,
    plausible,
    read_points,
    shape_model,
)

_SHARES = np.array(list(SIDE_SHARE.values()))


class Films:
    """Films by id: half size where there is one, else the 299 px square brought back to its true shape."""

    def __init__(self, data: Path, points: dict[str, FilmPoints]) -> None:
        self.half = zipfile.ZipFile(data / "rsna_half.zip")
        self.small = zipfile.ZipFile(data / "rsna299.zip")
        self.sharp = {Path(n).stem for n in self.half.namelist()}
        self.points = points

    def load(self, film_id: str) -> NDArray[np.uint8]:
        """[H, W] uint8 on the cards' grey scale."""
        archive = self.half if film_id in self.sharp else self.small
        raw = np.frombuffer(archive.read(f"{film_id}.webp"), np.uint8)
        image = cv2.imdecode(raw, cv2.IMREAD_GRAYSCALE)
        if film_id not in self.sharp:
            p = self.points[film_id]
            scale = 299 / max(p.height, p.width)
            image = cv2.resize(image, (round(p.width * scale), round(p.height * scale)), interpolation=cv2.INTER_LINEAR)
        return normalise_film(np.asarray(image, np.uint8))


def truth_of(film: FilmPoints, shape: tuple[int, ...]) -> tuple[NDArray[np.float64], float, NDArray[np.bool_]]:
    """Centres [13, 2] and L in pixels of a film of ``shape``, and which centres are human."""
    points = film.xy[IN21].astype(np.float64) * np.array([shape[1], shape[0]])
    length = float(np.hypot(*(points[BONES.index("dp3")] - points[BONES.index("mc3")])))
    return points, length, film.human[IN21]


def average_precision(scores: list[float], hits: list[bool], total: int) -> float:
    """101-point interpolated average precision."""
    if not total:
        return float("nan")
    order = np.argsort(-np.array(scores), kind="stable")
    hit = np.array(hits, bool)[order]
    recall = np.cumsum(hit) / total
    precision = np.cumsum(hit) / np.arange(1, len(hit) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    places = np.searchsorted(recall, np.linspace(0, 1, 101), side="left")
    return float(np.mean([best[k] if k < len(best) else 0.0 for k in places]))


def square_iou(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Intersection over union of two boxes x0 y0 x1 y1."""
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    inter = max(w, 0) * max(h, 0)
    area = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inter
    return float(inter / area)


def precision_over_iou(results: list[tuple[list[Detection], NDArray[np.float64], float, NDArray[np.bool_]]]) -> dict[str, float]:
    """mAP50 and mAP50-95 over the 13 bones, counting films where the bone has human truth."""
    table = {}
    for limit in np.arange(0.5, 0.96, 0.05):
        rows = []
        for b, bone in enumerate(BONES):
            scores, hits, total = [], [], 0
            for found, centres, length, human in results:
                if not human[b]:
                    continue
                total += 1
                half = _SHARES[b] * length / 2
                box = np.concatenate([centres[b] - half, centres[b] + half])
                free = True
                for _, other, confidence in sorted((d for d in found if d[0] == bone), key=lambda d: -d[2]):
                    hit = free and square_iou(np.array(other), box) >= limit
                    free = free and not hit
                    scores.append(confidence)
                    hits.append(hit)
            rows.append(average_precision(scores, hits, total))
        table[f"{limit:.2f}"] = float(np.nanmean(rows))
    return {"mAP50": table["0.50"], "mAP75": table["0.75"], "mAP50-95": float(np.mean(list(table.values())))}


def centre_errors(fit: HandFit, centres: NDArray[np.float64], length: float) -> NDArray[np.float64] | None:
    """Distance [13] of the fitted centres to the truth in L; None where no hand was found."""
    if not fit.bones:
        return None
    return np.array([np.hypot(*(np.array(b.centre) - c)) for b, c in zip(fit.bones, centres, strict=True)]) / length


VARIANTS = {
    "as it is": lambda u: u, "turned 90": lambda u: np.rot90(u, 1), "turned 180": lambda u: np.rot90(u, 2),
    "turned 270": lambda u: np.rot90(u, 3), "mirrored": lambda u: u[:, ::-1], "inverted": lambda u: 255 - u,
    "a fifth of a canvas": lambda u: _on_canvas(u), "at 299 px": lambda u: _shrunk(u),
}  # fmt: skip


def _on_canvas(unit: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The film in the middle third of a black landscape canvas: its hand fills about a fifth."""
    height, width = unit.shape
    canvas = np.zeros((int(height * 2.2), int(height * 3.4)), np.uint8)
    y, x = (canvas.shape[0] - height) // 2, (canvas.shape[1] - width) // 3
    canvas[y : y + height, x : x + width] = unit
    return canvas


def _shrunk(unit: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The film with 299 pixels on its longer side."""
    scale = 299 / max(unit.shape)
    return np.asarray(cv2.resize(unit, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def robustness(model: torch.nn.Module, films: Films, ids: list[str]) -> dict[str, Any]:
    """Share of films on which every variant gives one hand, all 13 bones found by detection, right handedness."""
    counts = {name: np.zeros(3) for name in VARIANTS}
    for film_id in ids:
        unit = films.load(film_id)
        base = fit_hand(detect(model, unit))
        for name, change in VARIANTS.items():
            fit = base if name == "as it is" else fit_hand(detect(model, np.ascontiguousarray(change(unit))))
            right = bool(fit.bones) and fit.mirror == (base.mirror != (name == "mirrored"))
            whole = fit.n_hands == 1 and not fit.missing
            counts[name] += whole, right, sum(b.found for b in fit.bones) / len(BONES)
    shares = {name: (c / max(len(ids), 1)).tolist() for name, c in counts.items()}
    return {n: dict(zip(("all_13", "handedness_agrees", "bones_found"), s, strict=True)) for n, s in shares.items()}


def evaluate(data: Path, weights: Path, limit: int, robust: int) -> dict[str, Any]:
    """All measurements as plain values."""
    model = load_detector(SimpleNamespace(classes=BONES), weights)
    points = read_points(data)
    mean, cov = shape_model(points)
    held = [k for k in points if is_validation(k) and plausible(points[k], mean, cov)]
    films = Films(data, points)
    drawn = [k for k in held if points[k].human[IN21].any()]
    rest = [k for k in held if k not in set(drawn)][:limit]
    results, human_errors, pseudo_errors = [], [], []
    all_found = certain = hands = 0
    seconds: list[float] = []
    collapsed: list[str] = []
    for film_id in drawn + rest:
        unit = films.load(film_id)
        started = time.perf_counter()
        found = detect(model, unit)
        fit = fit_hand(found)
        seconds.append(time.perf_counter() - started)
        centres, length, human = truth_of(points[film_id], unit.shape)
        hands += fit.n_hands == 1
        all_found += fit.n_hands == 1 and not fit.missing
        certain += fit.n_hands == 1 and all(b.certain for b in fit.bones)
        errors = centre_errors(fit, centres, length)
        errors = np.full(len(BONES), 9.0) if errors is None else errors
        if np.hypot(*(centres[0] - centres[1])) < 0.15 * length:  # the pseudo-labels took one bone for both
            collapsed.append(film_id)
            errors = np.where((np.arange(len(BONES)) < 2) & ~human, np.nan, errors)
        pseudo_errors.append(errors)
        if human.any():
            results.append((found, centres, length, human))
            human_errors += errors[human].tolist()
    size = np.linalg.norm(mean[0] - mean[IN21[BONES.index("dp3")]])  # radius to dp3, in L
    human_array, pseudo = np.array(human_errors), np.array(pseudo_errors)
    judged = ~np.isnan(pseudo)
    near = np.where(judged, pseudo < 0.04 * size, True)
    sharp = [k for k in held if k in films.sharp][:robust]
    return {
        "weights_sha256": file_sha256(weights),
        "films": len(drawn) + len(rest), "films_with_human_truth": len(drawn), "human_bones": len(human_errors),
        "human_truth": precision_over_iou(results)
        | {
            "median_centre_error_L": float(np.median(human_array)),
            "within_4_percent_of_hand": float((human_array < 0.04 * size).mean()),
            "within_8_percent_of_L": float((human_array < 0.08).mean()),
        },
        "all_held_out": {
            "one_hand": hands / len(pseudo), "all_13_detected": all_found / len(pseudo), "all_13_certain": certain / len(pseudo),
            "median_centre_error_L": float(np.nanmedian(pseudo)),
            "bones_within_4_percent_of_hand": float(near[judged].mean()),
            "films_all_bones_within_4_percent_of_hand": float(near.all(1).mean()),
            "films_whose_pseudo_labels_of_radius_and_ulna_coincide": len(collapsed),
            "by_bone_median_L": dict(zip(BONES, np.nanmedian(pseudo, 0).round(4).tolist(), strict=True)),
            "worst_films": [(drawn + rest)[k] for k in np.argsort(-np.nanmax(pseudo, 1))[:12]],
        },
        "hand_length_in_L": float(size),
        "robustness": robustness(model, films, sharp),
        "robustness_films": len(sharp),
        "seconds_a_film_median": float(np.median(seconds)),
    }  # fmt: skip


HOW_MAPPED = (
    "Human truth: people outlined the ossified epiphyses on the full-size film; the outline's bounding box was named by "
    "its place in the hand. The detector's boxes are not outlines but squares on the epiphysis, so the truth of a bone is "
    "the square round the middle of its drawn box whose side is the bone's share of mc3-dp3 "
    "(`boneage_desk.imaging.crops.SIDE_SHARE`, .28 to .62), with mc3-dp3 between the drawn middles where both are drawn "
    "and the pseudo-labels' otherwise. A drawn box counts where its middle lies within .12 of mc3-dp3 of the pseudo-label "
    "and is not marked doubtful; other bones of the film are not counted. So average precision measures place and, "
    "through mc3-dp3, size, not the outline. It counts all detections before the consistency step; 'all 13', 'certain' "
    "and centres are measured after it. 4 percent of the hand is 4 percent of radius to dp3."
)


def main() -> None:
    """Command line."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--weights", type=Path, required=True)
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--films", type=int, default=300, help="held-out films without human truth to add")
    p.add_argument("--robust", type=int, default=25, help="films turned, mirrored, inverted, shrunk")
    p.add_argument("--threads", type=int, default=0)
    a = p.parse_args()
    if a.threads:
        torch.set_num_threads(a.threads)
    report = evaluate(a.data, a.weights, a.films, a.robust)
    human, held = report["human_truth"], report["all_held_out"]
    report["command"] = (
        f"python -m boneage_desk.training.evaluate_detector --data DIR --weights weights.safetensors --out evaluation.json "
        f"--films {a.films} --robust {a.robust}"
    )
    report["card"] = {
        "command": report["command"], "films": report["films"], "films_with_human_truth": report["films_with_human_truth"],
        **{k: round(human[k], 4) for k in ("mAP50", "mAP50-95", "median_centre_error_L", "within_4_percent_of_hand")},
        **{k: round(held[k], 4) for k in ("one_hand", "all_13_detected", "all_13_certain", "bones_within_4_percent_of_hand")},
    }  # fmt: skip
    rows = [f"| {n} | {r['all_13']:.2f} | {r['bones_found']:.3f} | {r['handedness_agrees']:.2f} |" for n, r in report["robustness"].items()]
    report["markdown"] = [
        "# Detector on films held out", "", f"`{report['command']}`", "",
        f"{report['films']} films held out by id, {report['films_with_human_truth']} of them with drawn epiphyses "
        f"({report['human_bones']} bones).", "", HOW_MAPPED, "",
        "| against human truth | |", "|---|---|", *[f"| {k} | {v:.4f} |" for k, v in human.items()], "",
        "| all films (pseudo-labels where no human truth) | |", "|---|---|",
        *[f"| {k} | {v:.4f} |" for k, v in held.items() if isinstance(v, float)], "",
        f"| the same {report['robustness_films']} films | all 13 on the film | bones found | handedness agrees |",
        "|---|---|---|---|", *rows,
    ]  # fmt: skip
    a.out.write_text(json.dumps(report, indent=1))
    print(json.dumps({k: v for k, v in report.items() if k != "markdown"}, indent=1))


if __name__ == "__main__":
    main()
