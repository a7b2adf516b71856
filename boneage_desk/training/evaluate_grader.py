"""Measure and calibrate the grader on hands held out:
``python -m boneage_desk.training.evaluate_grader --data D --crops FOLDER --weights W --out E.json [--calibrated W2]``.

Bone age: from the middle grade (median) of each bone through the standard's table, against the film's label.
Printed examples of the standard and graded crops of another hospital: exact and within one grade.
Calibration and interval: see `grader_calibration`, `evaluate_interval`; both are measured on hands that they were not
fitted on. ``--outputs FILE.npz`` keeps what the network said, so that the tables can be made again without it.
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

from boneage_desk.engines.cards import file_sha256
from boneage_desk.engines.networks.grader import BONES, Grader, load_grader, middle_grade, normalise_crops
from boneage_desk.training import grader_tables as tables
from boneage_desk.training.anchor_grader import FOLDS
from boneage_desk.training.evaluate_interval import evaluate_interval
from boneage_desk.training.grader_batches import Hands, load_hands, plain
from boneage_desk.training.grader_calibration import (
    calibration_error,
    cross_fitted,
    fit_calibration,
    grade_probabilities,
)
from boneage_desk.training.grader_report import card, markdown
from boneage_desk.training.held_out import HeldOut, Outputs, held_out, load_outputs, outputs_key
from boneage_desk.training.train_detector import save_half
from boneage_desk.training.train_grader import PLATE_BONES, plate_files

SIZE = 96
THUMB_UP = 35.0  # degrees that turn the printed thumb, which lies, to distal up
VIEWS = ((0.0, 0.0, 1.0, False), (0.0, 0.0, 1.0, True), (0.03, 0.0, 1.06, False), (-0.03, 0.03, 0.95, False), (0.0, -0.03, 1.0, True))
"""Shift in shares of the side, zoom, mirror: the first so many are looked at."""
_DIGITS = {"First": "1", "Third": "3", "Fifth": "5"}
_KINDS = {"Metacarpal": "mc", "Proximal": "pp", "Middle": "mp", "Distal": "dp"}


def outputs_of(
    model: Grader, crops: NDArray[np.uint8], bones: NDArray[np.intp], views: int = 1
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Latent grades [N] and cumulative logits [N, 14] of crops [N, S, S], uncalibrated, mean over ``views``.

    The one place where crops go through the network.
    """
    latent, logits = np.zeros(len(crops)), np.zeros((len(crops), 14))
    device = next(model.parameters()).device
    with torch.inference_mode():
        for dx, dy, zoom, mirror in VIEWS[:views]:
            for k in range(0, len(crops), 52):
                part = np.stack([_view(c, dx, dy, zoom, mirror) for c in crops[k : k + 52]])
                x = torch.from_numpy(normalise_crops(part)).to(device).contiguous(memory_format=torch.channels_last)
                index = torch.from_numpy(bones[k : k + 52]).to(device)
                s, raw = model.heads(model.trunk(x).float(), index)
                latent[k : k + 52] += s.double().cpu().numpy() / views
                logits[k : k + 52] += raw.double().cpu().numpy() / views
    return latent, logits


def _view(crop: NDArray[np.uint8], dx: float, dy: float, zoom: float, mirror: bool) -> NDArray[np.uint8]:
    if (dx, dy, zoom, mirror) == VIEWS[0]:
        return crop
    side = len(crop)
    half, x = (side - 1) / 2, -zoom if mirror else zoom
    matrix = np.array([[x, 0, half + dx * side - x * half], [0, zoom, half + dy * side - zoom * half]])
    return np.asarray(cv2.warpAffine(crop, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE), np.uint8)


def hand_outputs(model: Grader, hands: Hands, indices: NDArray[np.intp], views: int) -> Outputs:
    """What the network says of the stored hands ``indices``."""
    latent, logits = np.empty((len(indices), 13)), np.empty((len(indices), 13, 14))
    for n, k in enumerate(indices):
        crops = np.stack([plain(c, SIZE) for c in hands.crops[k]])
        latent[n], logits[n] = outputs_of(model, crops, np.arange(13), views)
        if n % 200 == 0:
            print(f"{n}/{len(indices)} hands", flush=True)
    return Outputs(indices, latent, logits)


def crop_probabilities(
    model: Grader, crops: list[NDArray[np.uint8]], bones: list[str], calibration: NDArray[np.float64], views: int
) -> NDArray[np.float64]:
    """P [N, 15] of single crops of any size, one bone id each."""
    index = np.array([BONES.index(b) for b in bones])
    small = np.stack([np.asarray(cv2.resize(c, (SIZE, SIZE), interpolation=cv2.INTER_AREA), np.uint8) for c in crops])
    latent, logits = outputs_of(model, small, index, views)
    wide, deep = np.zeros((len(small), 13)), np.zeros((len(small), 13, 14))
    rows = np.arange(len(small))
    wide[rows, index], deep[rows, index] = latent, logits
    return grade_probabilities(wide, deep, calibration)[rows, index]


def _grey(path: Path) -> NDArray[np.uint8]:
    return np.asarray(cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8)


def printed_errors(
    models: list[Grader], data: Path, calibration: NDArray[np.float64], turn_thumb: float, views: int
) -> dict[str, list[tuple[int, int]]]:
    """Class -> (printed grade, error) of the standard's printed examples; ``turn_thumb`` degrees turn the thumb up.

    models: one, or one for each fold of examples that it was not trained on (`train_grader.read_plates`).
    """
    found: dict[str, list[tuple[int, int]]] = {}
    for n, (kind, path) in enumerate(plate_files(data / "plates")):
        truth, image = int(path.stem.rsplit("_", 1)[1]), _grey(path)
        if kind in ("mc1", "pp1", "dp1") and turn_thumb:
            h, w = image.shape
            matrix = cv2.getRotationMatrix2D((w / 2, h / 2), turn_thumb, 1.0)
            image = np.asarray(cv2.warpAffine(image, matrix, (w, h), borderMode=cv2.BORDER_REPLICATE), np.uint8)
        bones = PLATE_BONES[kind]
        p = crop_probabilities(models[n % len(models)], [image] * len(bones), bones, calibration, views).mean(0)
        found.setdefault(kind, []).append((truth, middle_grade(p) - truth))
    return found


def _printed_table(found: dict[str, list[tuple[int, int]]]) -> dict[str, Any]:
    everything = np.array([e for rows in found.values() for _, e in rows])
    return {"all": tables.rates(everything), "by_class": {k: tables.rates(np.array([e for _, e in v])) for k, v in found.items()}}


def graded(model: Grader, calibration: NDArray[np.float64], data: Path, views: int) -> dict[str, Any]:
    """The same on the graded crops of another hospital (framed otherwise than ours), beside the grades that are
    typical of the bone age that the crops' own grades give (which looks at no image, but knows the age)."""
    e, typical = [], []
    for folder in sorted(p for p in (data / "graded").iterdir() if p.is_dir()):
        truth: dict[str, int] = {}
        crops: list[NDArray[np.uint8]] = []
        for path in sorted(folder.glob("*_Grade*.png")):
            name, _, grade = path.stem.partition("_Grade")
            first, _, rest = name.partition("_")
            bone = first.lower() if first in ("Radius", "Ulna") else _KINDS[rest.split("_")[0]] + _DIGITS[first]
            truth[bone] = int(grade)
            crops.append(_grey(path))
        p = crop_probabilities(model, crops, list(truth), calibration, views)
        e += [middle_grade(row) - grade for row, grade in zip(p, truth.values(), strict=True)]
        if len(truth) == len(BONES):  # their sex is not known: both tables, each counted half as often as a crop
            row = np.array([truth[b] for b in BONES])
            typical += [tables.typical_of_age(row, s) - row for s in "FM"]
    return {**tables.rates(np.array(e)), "typical_of_the_age": tables.rates(np.concatenate(typical)) if typical else None}


def calibrated(model: Grader, outputs: Outputs, targets: NDArray[np.float32], path: Path | None) -> NDArray[np.float64]:
    """The calibration [13, 2, 4] fitted on all hands; written into the weights ``path``."""
    coefficients = fit_calibration(outputs.latent, outputs.logits, targets)
    if path:
        with torch.no_grad():
            model.temperature.fill_(1.0)
            model.calibration.copy_(torch.from_numpy(coefficients))
        save_half(model, path)
    return coefficients


def evaluate(a: argparse.Namespace) -> dict[str, Any]:
    """All measurements as plain values; arguments: see `main`. Raises ValueError for a wrong number of folds."""
    if a.folds and len(a.folds) != FOLDS:  # each must read the very examples that it did not see
        raise ValueError(f"{len(a.folds)} weights of folds; anchor_grader writes {FOLDS}")
    model = load_grader(SimpleNamespace(classes=BONES), a.weights)
    stored = load_hands(a.crops)
    indices = np.concatenate(
        [stored.where(validation=True, source="half"), stored.where(validation=True, source="blurred")[: a.blurred]]
    )
    key = outputs_key(a.weights, stored, indices, a.views)
    outputs = load_outputs(a.outputs, key) if a.outputs else None
    if outputs is None:
        outputs = hand_outputs(model, stored, indices, a.views)
        if a.outputs:
            outputs.save(a.outputs, key)
    targets = stored.targets[indices]
    raw = held_out(stored, indices, grade_probabilities(outputs.latent, outputs.logits, np.zeros((13, 2, 4))))
    hands = held_out(stored, indices, cross_fitted(outputs.latent, outputs.logits, targets))
    calibration = calibrated(model, outputs, targets, a.calibrated)
    one = cross_fitted(outputs.latent, outputs.logits, targets, temperature=0)
    folds = [load_grader(SimpleNamespace(classes=BONES), w) for w in a.folds] if a.folds else [model]
    turned = printed_errors(folds, a.data, calibration, THUMB_UP, a.views)
    return {
        "weights_sha256": file_sha256(a.calibrated) if a.calibrated else "",  # of those that the figures are of
        "hands_sharp": int(hands.sharp.sum()), "hands_blurred": int((~hands.sharp).sum()), "views": a.views,
        "printed_examples": {
            "read_by": f"{len(folds)} networks, each of which saw none of its examples" if a.folds else "the network itself",
            "as_printed": _printed_table(printed_errors(folds, a.data, calibration, 0.0, a.views)),
            "thumb_turned_up": _printed_table(turned),
        },
        "graded_other_hospital": graded(model, calibration, a.data, a.views),
        **_of_hands(stored, hands, raw),
        "calibration": {
            "error_uncalibrated": calibration_error(raw.p, targets)[0],
            "error_one_temperature_a_bone": calibration_error(one, targets)[0],
            "worst_bone_one_temperature": max(calibration_error(one, targets)[1].values()),
            "error": calibration_error(hands.p, targets)[0], "error_by_bone": calibration_error(hands.p, targets)[1],
            "worst_bone": max(calibration_error(hands.p, targets)[1].values()),
            "coefficients": dict(zip(BONES, calibration.round(4).tolist(), strict=True)),
        },
        "offset_to_printed_scale": tables.offset_by_printed(_middle(turned), PLATE_BONES),
    }  # fmt: skip


def _of_hands(stored: Hands, hands: HeldOut, raw: HeldOut) -> dict[str, Any]:
    interval = evaluate_interval(hands)
    return {
        "bone_age": tables.bone_age(hands), "bone_age_uncalibrated_mae_months": tables.errors(raw.errors)["mae_months"],
        "agreement_with_share_target": tables.agreement(hands), "spearman_by_bone": tables.spearman(hands),
        "without_image": tables.without_image(stored, hands),
        "interval": interval.pop("card"), "interval_evaluation": interval,
    }  # fmt: skip


def _middle(found: dict[str, list[tuple[int, int]]]) -> dict[str, list[int]]:
    """Errors on printed grades that are neither among the two lowest nor the two highest: no end holds them back."""
    return {k: [e for t, e in v if 2 <= t <= max(t for t, _ in v) - 2] for k, v in found.items()}


def main() -> None:
    """Command line."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--crops", type=Path, required=True)
    p.add_argument("--weights", type=Path, required=True)
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--calibrated", type=Path, help="write the weights with the fitted calibration here")
    p.add_argument("--blurred", type=int, default=400, help="held-out hands of 299 px films beside the sharp ones")
    p.add_argument("--views", type=int, default=1, choices=range(1, len(VIEWS) + 1), help="looks at each crop")
    p.add_argument("--outputs", type=Path, help="keep the network's outputs here, and take them from here when they fit")
    p.add_argument("--folds", type=Path, nargs="*", help="weights trained without every n-th printed example, in order")
    p.add_argument("--saliency", type=Path, help="what `evaluate_saliency` wrote, to be told beside the rest")
    p.add_argument("--threads", type=int, default=0)
    a = p.parse_args()
    if a.threads:
        torch.set_num_threads(a.threads)
    r = evaluate(a)
    r["command"] = (
        "python -m boneage_desk.training.evaluate_grader --data DIR --crops FOLDER --weights weights.safetensors "
        f"--out evaluation.json --blurred {a.blurred}" + (f" --views {a.views}" if a.views > 1 else "")
        + (" --folds fold?.safetensors" if a.folds else "") + (" --calibrated calibrated.safetensors" if a.calibrated else "")
    )
    if a.saliency:
        r["saliency"] = json.loads(a.saliency.read_text(encoding="utf-8"))
    r["card"], r["markdown"] = card(r), markdown(r)
    a.out.write_text(json.dumps(r, indent=1), encoding="utf-8")
    print("\n".join(r["markdown"]))


if __name__ == "__main__":
    main()
