"""Measure and calibrate the grader on hands held out:
``python -m boneage_desk.training.evaluate_grader --data D --crops FOLDER --weights W --out E.json [--calibrated W2]``.

Bone age: from the most probable grade of each bone through the standard's table, against the film's label.
Printed examples of the standard and graded crops of another hospital: exact and within one grade; neither is
trained on. Calibration: one temperature a bone, fitted on half of the held-out hands against the age's share
targets, its error measured on the other half. Interval: conformal half width of the bone age at 90 %.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from boneage_desk.engines.networks.grader import BONES, Grader, load_grader, normalise_crops, probabilities
from boneage_desk.training.grader_batches import Hands, load_hands, plain
from boneage_desk.training.targets import MAX_GRADE, months_of_grades, sex_of
from boneage_desk.training.train_detector import save_half

SIZE = 96
PLATE_BONES = {
    "radius": ["radius"], "ulna": ["ulna"], "mc1": ["mc1"], "mc": ["mc3", "mc5"], "pp1": ["pp1"],
    "pp": ["pp3", "pp5"], "mp": ["mp3", "mp5"], "dp1": ["dp1"], "dp": ["dp3", "dp5"],
}  # fmt: skip
BANDS = ((0.0, 84.0), (84.0, 132.0), (132.0, 168.0), (168.0, 241.0))
COVERAGE = 0.9
_DIGITS = {"First": "1", "Third": "3", "Fifth": "5"}
_KINDS = {"Metacarpal": "mc", "Proximal": "pp", "Middle": "mp", "Distal": "dp"}


def logits_of(model: Grader, crops: NDArray[np.uint8], bones: NDArray[np.intp]) -> NDArray[np.float64]:
    """Cumulative logits [N, 14] of crops [N, S, S], uncalibrated."""
    out = []
    with torch.inference_mode():
        for k in range(0, len(crops), 52):
            x = torch.from_numpy(normalise_crops(crops[k : k + 52])).contiguous(memory_format=torch.channels_last)
            index = torch.from_numpy(bones[k : k + 52])
            out.append(model.heads(model.trunk(x), index)[1].double().numpy())
    return np.concatenate(out)


def hand_logits(model: Grader, hands: Hands, indices: NDArray[np.intp]) -> NDArray[np.float64]:
    """Cumulative logits [N, 13, 14] of stored hands."""
    return np.stack([logits_of(model, np.stack([plain(c, SIZE) for c in hands.crops[k]]), np.arange(13)) for k in indices])


def grade_probabilities(logits: NDArray[np.float64], temperature: NDArray[np.float64]) -> list[list[list[float]]]:
    """Logits [N, 13, 14] -> per hand and bone the probability of each grade."""
    scaled = torch.from_numpy(logits / temperature[None, :, None])
    return [probabilities(hand, torch.arange(13)) for hand in scaled]


def soft_targets(targets: NDArray[np.float32], bone: int) -> NDArray[np.float64]:
    """Fractional grades [N] -> weights over the bone's grades [N, max + 1] (two neighbours share)."""
    top = int(MAX_GRADE[bone])
    t = np.clip(targets, 0, top).astype(float)
    low = np.minimum(np.floor(t).astype(int), top - 1)
    out = np.zeros((len(t), top + 1))
    out[np.arange(len(t)), low] = 1 - (t - low)
    out[np.arange(len(t)), low + 1] += t - low
    return out


def fit_temperature(logits: NDArray[np.float64], targets: NDArray[np.float32]) -> NDArray[np.float64]:
    """The temperature [13] with the least cross-entropy against the soft targets, by a grid."""
    best = np.ones(13)
    grid = np.exp(np.linspace(np.log(0.3), np.log(4.0), 40))
    for b in range(13):
        want = soft_targets(targets[:, b], b)
        index = torch.full((len(logits),), b)
        losses = []
        for t in grid:
            p = np.array(probabilities(torch.from_numpy(logits[:, b] / t), index))
            losses.append(float(-(want * np.log(p + 1e-9)).sum(1).mean()))
        best[b] = grid[int(np.argmin(losses))]
    return best


def calibration_error(p: list[list[list[float]]], targets: NDArray[np.float32]) -> tuple[float, dict[str, float]]:
    """Expected calibration error of the most probable grade against the soft targets, overall and by bone."""
    by_bone, pooled = {}, []
    for b, bone in enumerate(BONES):
        rows = np.array([hand[b] for hand in p])
        want = soft_targets(targets[:, b], b)
        best = rows.argmax(1)
        said, was = rows.max(1), want[np.arange(len(rows)), best]
        pooled.append(np.stack([said, was], 1))
        by_bone[bone] = _binned(said, was)
    both = np.concatenate(pooled)
    return _binned(both[:, 0], both[:, 1]), by_bone


def _binned(said: NDArray[np.float64], was: NDArray[np.float64]) -> float:
    edges = np.quantile(said, np.linspace(0, 1, 11))
    which = np.clip(np.searchsorted(edges, said, side="right") - 1, 0, 9)
    return float(sum(abs(said[which == k].sum() - was[which == k].sum()) for k in range(10)) / len(said))


def ages(hands: Hands, indices: NDArray[np.intp], p: list[list[list[float]]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bone age error in months [N] from the most probable and from the mean grades."""
    top, mean = [], []
    for k, hand in zip(indices, p, strict=True):
        row = hands.rows[k]
        sex, months = sex_of(str(row["sex"])), float(str(row["months"]))
        top.append(months_of_grades(np.array([np.argmax(b) for b in hand], float), sex) - months)
        mean.append(months_of_grades(np.array([np.dot(b, np.arange(len(b))) for b in hand]), sex) - months)
    return np.array(top), np.array(mean)


def interval(hands: Hands, indices: NDArray[np.intp], errors: NDArray[np.float64]) -> dict[str, Any]:
    """Half widths by sex and band of the bone age given; bands of under 25 hands take the sex's pooled width."""
    months = np.array([float(str(hands.rows[k]["months"])) for k in indices]) + errors
    sexes = np.array([hands.rows[k]["sex"] for k in indices])

    def width(of: NDArray[np.bool_]) -> float:
        n = int(of.sum())
        rank = min(1.0, np.ceil((n + 1) * COVERAGE) / n)
        return float(np.quantile(np.abs(errors[of]), rank, method="higher"))

    bands = []
    for sex in "FM":
        for low, high in BANDS:
            of = (sexes == sex) & (months >= low) & (months < high)
            used = of if of.sum() >= 25 else sexes == sex
            bands.append({
                "sex": sex, "from_months": low, "to_months": high,
                "half_width_months": round(width(used), 1), "hands": int(used.sum()),
            })  # fmt: skip
    return {
        "coverage": COVERAGE,
        "source": "conformal, on films held out, against Greulich-Pyle labels; from the most probable grades",
        "bands": bands,
    }


def plates(model: Grader, temperature: NDArray[np.float64], data: Path, turn_thumb: float) -> dict[str, Any]:
    """Exact and within-one rates on the standard's printed examples; ``turn_thumb`` degrees turn the thumb up."""
    table: dict[str, dict[str, float]] = {}
    rows = []
    for kind, bones in PLATE_BONES.items():
        errors = []
        for path in sorted((data / "plates").glob(f"{kind}_*.png")):
            truth = int(path.stem.rsplit("_", 1)[1])
            image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_GRAYSCALE)
            if kind in ("mc1", "pp1", "dp1") and turn_thumb:
                h, w = image.shape
                matrix = cv2.getRotationMatrix2D((w / 2, h / 2), turn_thumb, 1.0)
                image = cv2.warpAffine(image, matrix, (w, h), borderMode=cv2.BORDER_REPLICATE)
            crop = np.asarray(cv2.resize(image, (SIZE, SIZE), interpolation=cv2.INTER_AREA), np.uint8)
            index = np.array([BONES.index(b) for b in bones])
            logits = logits_of(model, np.repeat(crop[None], len(bones), 0), index) / temperature[index][:, None]
            p = np.mean(probabilities(torch.from_numpy(logits), torch.from_numpy(index)), axis=0)
            errors.append(int(np.argmax(p)) - truth)
        e = np.array(errors)
        rows += errors
        table[kind] = _rates(e)
    return {"all": _rates(np.array(rows)), "by_class": table}


def _rates(errors: NDArray[np.int64]) -> dict[str, float]:
    return {
        "crops": len(errors), "exact": float((errors == 0).mean()), "within_one": float((abs(errors) <= 1).mean()),
        "bias_grades": float(errors.mean()),
    }  # fmt: skip


def graded(model: Grader, temperature: NDArray[np.float64], data: Path) -> dict[str, float]:
    """The same on the graded crops of another hospital (framed otherwise than ours)."""
    errors = []
    for path in sorted((data / "graded").glob("*/*_Grade*.png")):
        name, _, grade = path.stem.partition("_Grade")
        first, _, rest = name.partition("_")
        bone = first.lower() if first in ("Radius", "Ulna") else _KINDS[rest.split("_")[0]] + _DIGITS[first]
        image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_GRAYSCALE)
        crop = np.asarray(cv2.resize(image, (SIZE, SIZE), interpolation=cv2.INTER_AREA), np.uint8)
        index = np.array([BONES.index(bone)])
        logits = logits_of(model, crop[None], index) / temperature[index][:, None]
        p = probabilities(torch.from_numpy(logits), torch.from_numpy(index))[0]
        errors.append(int(np.argmax(p)) - int(grade))
    return _rates(np.array(errors))


def no_image(hands: Hands, indices: NDArray[np.intp]) -> float:
    """MAE in months of a guess that looks at no image: the sex's median label of the training hands."""
    train = hands.where(validation=False)
    middle = {s: np.median([float(str(hands.rows[k]["months"])) for k in train if hands.rows[k]["sex"] == s]) for s in "MF"}
    return float(np.mean([abs(float(str(hands.rows[k]["months"])) - middle[str(hands.rows[k]["sex"])]) for k in indices]))


def evaluate(data: Path, crops: Path, weights: Path, blurred: int, calibrated: Path | None) -> dict[str, Any]:
    """All measurements as plain values; writes weights with the temperatures set to ``calibrated``."""
    model = load_grader(SimpleNamespace(classes=BONES), weights)
    hands = load_hands(crops)
    sharp = hands.where(validation=True, source="half")
    soft = hands.where(validation=True, source="blurred")[:blurred]
    both = np.concatenate([sharp, soft])
    logits = hand_logits(model, hands, both)
    targets = hands.targets[both]
    fit, test = np.arange(len(both)) % 2 == 0, np.arange(len(both)) % 2 == 1
    before, _ = calibration_error(grade_probabilities(logits[test], np.ones(13)), targets[test])
    half_temperature = fit_temperature(logits[fit], targets[fit])
    after, by_bone = calibration_error(grade_probabilities(logits[test], half_temperature), targets[test])
    temperature = fit_temperature(logits, targets)
    p = grade_probabilities(logits, temperature)
    top, mean = ages(hands, both, p)
    n = len(sharp)
    expected = np.array([[np.dot(b, np.arange(len(b))) for b in hand] for hand in p])
    months = np.array([float(str(hands.rows[k]["months"])) for k in both])
    sexes = np.array([hands.rows[k]["sex"] for k in both])
    by_band = {
        f"{s} {low:.0f}-{high:.0f}": {
            "hands": int(of.sum()), "mae_months": float(np.abs(top[of]).mean()), "bias_months": float(top[of].mean()),
        }
        for s in "FM" for low, high in BANDS if (of := (sexes == s) & (months >= low) & (months < high)).any()
    }  # fmt: skip
    if calibrated:
        with torch.no_grad():
            model.temperature.copy_(torch.from_numpy(temperature))
        save_half(model, calibrated)
    odd, even = np.arange(len(both)) % 2 == 1, np.arange(len(both)) % 2 == 0
    check = interval(hands, both[even], top[even])
    return {
        "hands_sharp": n, "hands_blurred": len(soft),
        "bone_age_sharp": _age_table(top[:n], mean[:n]), "bone_age_all": _age_table(top, mean),
        "bone_age_by_band": by_band,
        "no_image_mae_months": no_image(hands, both),
        "grade_mae_to_share_target": float(np.abs(expected - targets).mean()),
        "spearman_by_bone": {b: _spearman(expected[:, k], months, sexes) for k, b in enumerate(BONES)},
        "plates_as_printed": plates(model, temperature, data, 0.0),
        "plates_thumb_turned_up": plates(model, temperature, data, 35.0),
        "graded_other_hospital": graded(model, temperature, data),
        "calibration_error_before": before, "calibration_error_after": after, "calibration_error_by_bone": by_bone,
        "temperature": dict(zip(BONES, temperature.round(3).tolist(), strict=True)),
        "interval": interval(hands, both, top),
        "interval_coverage_on_the_other_half": _covered(check, hands, both[odd], top[odd]),
    }  # fmt: skip


def _covered(table: dict[str, Any], hands: Hands, indices: NDArray[np.intp], errors: NDArray[np.float64]) -> float:
    hit = []
    for k, e in zip(indices, errors, strict=True):
        months = float(str(hands.rows[k]["months"])) + e
        for r in table["bands"]:
            if r["sex"] == hands.rows[k]["sex"] and r["from_months"] <= months < r["to_months"]:
                hit.append(abs(e) <= r["half_width_months"])
    return float(np.mean(hit))


def _age_table(top: NDArray[np.float64], mean: NDArray[np.float64]) -> dict[str, float]:
    return {
        "mae_months": float(np.abs(top).mean()), "rmse_months": float(np.sqrt((top**2).mean())),
        "bias_months": float(top.mean()), "mae_months_from_mean_grades": float(np.abs(mean).mean()),
        "within_12_months": float((np.abs(top) <= 12).mean()),
    }  # fmt: skip


def _spearman(grades: NDArray[np.float64], months: NDArray[np.float64], sexes: NDArray[Any]) -> float:
    """Rank correlation of expected grade and age, mean of the sexes."""
    values = []
    for s in "MF":
        a, b = (np.argsort(np.argsort(x[sexes == s])) for x in (grades, months))
        values.append(float(np.corrcoef(a, b)[0, 1]))
    return float(np.mean(values))


def main() -> None:
    """Command line."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--crops", type=Path, required=True)
    p.add_argument("--weights", type=Path, required=True)
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--calibrated", type=Path, help="write the weights with the fitted temperatures here")
    p.add_argument("--blurred", type=int, default=400)
    p.add_argument("--threads", type=int, default=0)
    a = p.parse_args()
    if a.threads:
        torch.set_num_threads(a.threads)
    r = evaluate(a.data, a.crops, a.weights, a.blurred, a.calibrated)
    r["command"] = (
        "python -m boneage_desk.training.evaluate_grader --data DIR --crops FOLDER --weights weights.safetensors "
        f"--out evaluation.json --blurred {a.blurred}"
    )
    r["card"] = _card(r)
    r["markdown"] = _markdown(r)
    a.out.write_text(json.dumps(r, indent=1))
    print(json.dumps({k: v for k, v in r.items() if k not in ("markdown", "interval")}, indent=1))


def _card(r: dict[str, Any]) -> dict[str, Any]:
    printed, turned, other = r["plates_as_printed"]["all"], r["plates_thumb_turned_up"]["all"], r["graded_other_hospital"]
    return {
        "command": r["command"], "hands_sharp": r["hands_sharp"], "hands_blurred": r["hands_blurred"],
        "bone_age_mae_months_sharp": round(r["bone_age_sharp"]["mae_months"], 2),
        "bone_age_bias_months_sharp": round(r["bone_age_sharp"]["bias_months"], 2),
        "bone_age_mae_months_all": round(r["bone_age_all"]["mae_months"], 2),
        "no_image_mae_months": round(r["no_image_mae_months"], 2),
        "printed_examples_exact": round(printed["exact"], 3), "printed_examples_within_one": round(printed["within_one"], 3),
        "printed_examples_thumb_up_exact": round(turned["exact"], 3),
        "printed_examples_thumb_up_within_one": round(turned["within_one"], 3),
        "other_hospital_exact": round(other["exact"], 3), "other_hospital_within_one": round(other["within_one"], 3),
        "calibration_error": round(r["calibration_error_after"], 3),
        "interval_coverage_measured": round(r["interval_coverage_on_the_other_half"], 3),
    }  # fmt: skip


def _markdown(r: dict[str, Any]) -> list[str]:
    lines = ["# Grader on hands held out", "", f"`{r['command']}`", ""]
    lines += [f"{r['hands_sharp']} hands at half resolution, {r['hands_blurred']} at 299 px. No graded crop was trained on.", ""]
    lines += ["| | |", "|---|---|", *[f"| {k} | {v} |" for k, v in r["card"].items() if k != "command"], ""]
    lines += ["| sex, label in months | hands | MAE | bias |", "|---|---|---|---|"]
    lines += [f"| {k} | {v['hands']} | {v['mae_months']:.1f} | {v['bias_months']:+.1f} |" for k, v in r["bone_age_by_band"].items()]
    lines += ["", "| printed examples | crops | exact | within one | bias |", "|---|---|---|---|---|"]
    for k, v in r["plates_thumb_turned_up"]["by_class"].items():
        lines.append(f"| {k} | {v['crops']} | {v['exact']:.2f} | {v['within_one']:.2f} | {v['bias_grades']:+.2f} |")
    lines += ["", "| bone | rank correlation with age | calibration error |", "|---|---|---|"]
    for b in BONES:
        lines.append(f"| {b} | {r['spearman_by_bone'][b]:.3f} | {r['calibration_error_by_bone'][b]:.3f} |")
    return lines


if __name__ == "__main__":
    main()
