"""Fix the grades' meaning by the standard's printed examples, without losing the bone age; and the ablation table.

``python -m boneage_desk.training.anchor_grader anchor --crops C --weights W --plates P --out O``: trains the last
stages on hands and printed examples together: the sum through the standard's table and the share target hold the
bone age, the examples move where each grade begins. Five runs that each leave out a fifth of the examples measure
what it brings (folds.json, fold0.safetensors ...); the last run has all of them (weights.safetensors).
``... ablation ...``: the same last stages, begun anew, once for each row of the table (ablation.json).
"""

from __future__ import annotations

import argparse
import copy
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from boneage_desk.engines.networks.grader import BONES, Grader, OrdinalHeads, load_grader, middle_grade, probabilities
from boneage_desk.training import grader_tail
from boneage_desk.training.grader_batches import Anchors, Hands, load_hands
from boneage_desk.training.grader_loss import GradeLoss, LossWeights, class_weights
from boneage_desk.training.grader_run import GraderConfig, GraderRun, hold_thresholds, level_thresholds
from boneage_desk.training.targets import MAX_GRADE, months_of_grades, sex_of
from boneage_desk.training.train_detector import save_half
from boneage_desk.training.train_grader import PLATE_BONES, plate_files, read_plates

FOLDS = 5
THUMB_UP = 35.0
_NONE = LossWeights(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
ROWS: tuple[tuple[str, LossWeights, bool, bool], ...] = (
    # name, loss, with printed examples, with films at half and full size
    ("cross-entropy only", replace(_NONE, order=1.0), False, False),
    ("+ centre loss", replace(_NONE, order=1.0, centre=0.02), False, False),
    ("+ class weights", replace(_NONE, order=1.0, centre=0.02, rarity=0.5), False, False),
    ("+ share target", LossWeights(0.5, 0.02, 1.0, 0.0, 0.0, 0.5), False, False),
    ("+ sum through the standard", LossWeights(0.5, 0.02, 1.0, 0.25, 0.0, 0.5), False, False),
    ("+ printed examples as anchors", LossWeights(0.5, 0.02, 1.0, 0.25, 0.5, 0.5), True, False),
    ("+ films at half and full size", LossWeights(0.5, 0.02, 1.0, 0.25, 0.5, 0.5), True, True),
)


class Bench:
    """Everything that does not change from run to run: stored maps of hands and examples."""

    def __init__(self, args: argparse.Namespace) -> None:
        if args.threads:
            torch.set_num_threads(args.threads)
        self.args = args
        self.model: Grader = load_grader(SimpleNamespace(classes=BONES), args.weights)
        level_thresholds(self.model)
        self.hands: Hands = load_hands(args.crops)
        early = grader_tail.early_stages(self.model, args.stages, args.size, args.out / "early", torch.get_num_threads())
        self.stored = grader_tail.store_maps(early, self.hands, args.size, args.count, args.seed)
        sharp = self.hands.where(validation=True, source="half")
        soft = self.hands.where(validation=True, source="blurred")[: args.blurred]
        self.held = np.concatenate([sharp, soft])
        self.held_maps = grader_tail.held_out_maps(early, self.hands, self.held, args.size)
        self.sharp = len(sharp)
        self.anchors: Anchors = read_plates(args.plates, args.size, args.seed)
        self.stored_anchors = grader_tail.store_anchors(early, self.anchors, args.versions)
        self.plate_maps = {turn: self._plates(early, turn) for turn in (0.0, THUMB_UP)}
        drawn = np.bincount(self.stored.which, minlength=len(self.hands.rows)).astype(float)
        self.drawn = drawn
        print(f"{len(self.stored.which)} hands and {len(self.stored_anchors.which)} examples stored", flush=True)

    def _plates(self, early: torch.nn.Module, turn: float) -> grader_tail.Half:
        """Maps of the examples as they are printed, the thumb turned up by ``turn`` degrees."""
        crops = []
        for kind, path in plate_files(self.args.plates):
            image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_GRAYSCALE)
            if turn and kind in ("mc1", "pp1", "dp1"):
                h, w = image.shape
                matrix = cv2.getRotationMatrix2D((w / 2, h / 2), turn, 1.0)
                image = cv2.warpAffine(image, matrix, (w, h), borderMode=cv2.BORDER_REPLICATE)
            crops.append(np.asarray(cv2.resize(image, (self.args.size,) * 2, interpolation=cv2.INTER_AREA), np.uint8))
        return grader_tail.maps_of(early, np.stack(crops))

    def run(
        self, name: str, weights: LossWeights, *, left_out: frozenset[int] | None, anew: bool, sharp_films: bool = True
    ) -> grader_tail.Tail:
        """Train the tail; ``left_out`` None: no examples at all. Returns the mean of its weights."""
        a = self.args
        torch.manual_seed(a.seed)
        tail = grader_tail.Tail(self.model, a.stages)
        if anew:
            tail.heads = OrdinalHeads(int(self.model.trunk.num_features))
            for part in (tail.trunk.conv_head, *(tail.trunk.blocks[-1][-1:] if a.stages < 7 else ())):
                for m in part.modules():
                    if isinstance(m, torch.nn.Conv2d):
                        torch.nn.init.kaiming_normal_(m.weight, mode="fan_in")
        else:
            hold_thresholds(tail)
        anchors = None
        if left_out is not None and weights.plate:
            anchors = replace(self.stored_anchors, left_out=left_out)
        stored = self.stored if sharp_films else self.stored.only(("blurred",))
        config = GraderConfig(
            budget_min=600, max_steps=a.steps, every_min=600, size=a.size, hands=a.hands,
            anchors=a.anchors if anchors else 0, rate=a.rate * (3 if anew else 1), weights=weights, freeze=-1, seed=a.seed,
        )  # fmt: skip
        loss = GradeLoss(weights, class_weights(self.hands.targets, self.drawn, weights.rarity))
        run = GraderRun(tail, stored, loss, config, a.out / name.strip("+ ").replace(" ", "_"), anchors=anchors, say=_quiet)  # type: ignore[arg-type]
        run.to_input = _maps
        run.train()
        return run.mean  # type: ignore[return-value]

    def measure(self, tail: grader_tail.Tail, only: list[int] | None = None) -> dict[str, Any]:
        """Bone age on held-out hands; exact and within one on the printed examples (those in ``only``)."""
        tail.eval()
        with torch.inference_mode():
            rows, middle = [], []
            for maps in self.held_maps:
                s, logits = tail.heads(tail.trunk(_maps(maps, torch.device("cpu"))), torch.arange(13))
                rows.append(np.clip(s.numpy(), 0, MAX_GRADE))
                middle.append([middle_grade(p) for p in probabilities(logits, torch.arange(13))])
        latent = np.array(rows)
        errors = []
        for k, row in zip(self.held, middle, strict=True):
            r = self.hands.rows[k]
            errors.append(months_of_grades(np.array(row, float), sex_of(str(r["sex"]))) - float(str(r["months"])))
        e = np.abs(errors)
        result = {
            "mae_months_sharp": float(e[: self.sharp].mean()), "mae_months": float(e.mean()),
            "bias_months": float(np.mean(errors)),
            "grade_error": float(np.abs(latent - self.hands.targets[self.held]).mean()),
        }  # fmt: skip
        for turn, maps in self.plate_maps.items():
            said = self._said(tail, maps)
            chosen = list(range(len(said))) if only is None else only
            wrong = np.array([said[k] - self.anchors.grades[k] for k in chosen])
            key = "as_printed" if not turn else "thumb_up"
            result[key] = {
                "errors": wrong.tolist(), "exact": float((wrong == 0).mean()),
                "within_one": float((np.abs(wrong) <= 1).mean()), "bias": float(wrong.mean()),
            }  # fmt: skip
        return result

    def _said(self, tail: grader_tail.Tail, maps: grader_tail.Half) -> list[int]:
        """The middle grade of each printed example, mean over the bones of its class."""
        with torch.inference_mode():
            features = tail.trunk(_maps(maps, torch.device("cpu")))
            said = []
            for row, bones in zip(features, self.anchors.bones, strict=True):
                index = torch.tensor(bones)
                _, logits = tail.heads(row.expand(len(bones), -1), index)
                said.append(middle_grade(np.mean(probabilities(logits, index), axis=0)))
        return said


def _maps(maps: NDArray[Any], device: torch.device) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(maps, np.float32)).to(device)


def _quiet(_text: str) -> None:
    pass


def anchor(bench: Bench) -> None:
    """Folds, then all examples; see the module's head."""
    a = bench.args
    weights = LossWeights(0.5, a.weight_centre, 1.0, a.weight_age, a.weight_plate, a.rarity)
    report: dict[str, Any] = {"before": bench.measure(grader_tail.Tail(bench.model, a.stages)), "folds": []}
    _tell("before", report["before"])
    n = len(bench.anchors.grades)
    if not a.no_control:
        report["control"] = bench.measure(bench.run("control", replace(weights, plate=0.0), left_out=None, anew=False))
        _tell("the same steps without examples", report["control"])
    together: dict[str, list[int]] = {"as_printed": [], "thumb_up": []}
    for fold in range(0 if a.no_folds else FOLDS):
        out = [k for k in range(n) if k % FOLDS == fold]
        tail = bench.run(f"fold{fold}", weights, left_out=frozenset(out), anew=False)
        save_half(tail.into(copy.deepcopy(bench.model)), a.out / f"fold{fold}.safetensors")
        one = bench.measure(tail, out)
        report["folds"].append(one)
        _tell(f"without fifth {fold}", one)
        for key, errors in together.items():
            errors += one[key]["errors"]
    for key, errors in together.items():
        if errors:
            e = np.array(errors)
            report[f"left_out_{key}"] = {
                "crops": len(e), "exact": float((e == 0).mean()), "within_one": float((np.abs(e) <= 1).mean()),
                "bias": float(e.mean()),
            }  # fmt: skip
            print(key, "left out:", report[f"left_out_{key}"], flush=True)
    tail = bench.run("all", weights, left_out=frozenset(), anew=False)
    report["after"] = bench.measure(tail)
    _tell("with all", report["after"])
    save_half(tail.into(copy.deepcopy(bench.model)), a.out / "weights.safetensors")
    report["classes"] = list(PLATE_BONES)
    (a.out / "folds.json").write_text(json.dumps(report, indent=1))


def ablation(bench: Bench) -> None:
    """One run a row; the rows with examples leave out every fifth, on which alone they are counted."""
    out = [k for k in range(len(bench.anchors.grades)) if k % FOLDS == 0]
    rows = []
    for name, weights, with_examples, sharp_films in ROWS:
        left_out = frozenset(out) if with_examples else None
        tail = bench.run(name, weights, left_out=left_out, anew=True, sharp_films=sharp_films)
        rows.append({"row": name, **bench.measure(tail, out)})
        rows[-1]["all_examples"] = bench.measure(tail)["thumb_up"] if not with_examples else None
        _tell(name, rows[-1])
    (bench.args.out / "ablation.json").write_text(json.dumps(rows, indent=1))


def _tell(name: str, m: dict[str, Any]) -> None:
    up = m["thumb_up"]
    print(
        f"{name}: MAE {m['mae_months_sharp']:.2f} sharp, {m['mae_months']:.2f} all, bias {m['bias_months']:+.2f}; "
        f"grade {m['grade_error']:.3f}; examples exact {up['exact']:.3f} within one {up['within_one']:.3f} "
        f"(as printed {m['as_printed']['exact']:.3f} {m['as_printed']['within_one']:.3f}) bias {up['bias']:+.2f}",
        flush=True,
    )


def main() -> None:
    """Command line."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("what", choices=("anchor", "ablation"))
    p.add_argument("--crops", type=Path, required=True)
    p.add_argument("--weights", type=Path, required=True)
    p.add_argument("--plates", type=Path, required=True, help="folder of the standard's printed examples")
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--stages", type=int, default=6, help="stages of the trunk that stay as they are, 0 to 7")
    p.add_argument("--steps", type=int, default=250)
    p.add_argument("--hands", type=int, default=12)
    p.add_argument("--anchors", type=int, default=40)
    p.add_argument("--rate", type=float, default=2e-4)
    p.add_argument("--weight-age", type=float, default=0.5)
    p.add_argument("--weight-plate", type=float, default=1.0)
    p.add_argument("--weight-centre", type=float, default=0.02)
    p.add_argument("--rarity", type=float, default=0.5, help="power of the class weights; 0: none")
    p.add_argument("--count", type=int, default=4000, help="hands stored")
    p.add_argument("--versions", type=int, default=40, help="how often each example is stored, spoiled anew")
    p.add_argument("--blurred", type=int, default=200)
    p.add_argument("--no-folds", action="store_true")
    p.add_argument("--no-control", action="store_true", help="leave out the run that sees no examples")
    p.add_argument("--size", type=int, default=96)
    p.add_argument("--threads", type=int, default=0)
    p.add_argument("--seed", type=int, default=3)
    a = p.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    {"anchor": anchor, "ablation": ablation}[a.what](Bench(a))


if __name__ == "__main__":
    main()
