"""Train the grader within a time budget:
``python -m boneage_desk.training.train_grader --crops FOLDER --out O --budget-min N [--resume]``.

FOLDER is what `boneage_desk.training.grader_crops` wrote. Runs unchanged on CUDA or CPU. RAdam, cosine rate,
exponential mean of the weights; the loss is `boneage_desk.training.grader_loss`, the loop
`boneage_desk.training.grader_run`. --start takes ImageNet's weights of EfficientNet-Lite2, nothing, or a file of
weights to go on from. --plates takes the standard's printed examples as anchors.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import torch

from boneage_desk.engines.networks.grader import BONES, Grader, load_grader, normalise_crops
from boneage_desk.training.grader_batches import SOURCE_WEIGHT, Anchors, Hands, HandSampler, load_hands, plain
from boneage_desk.training.grader_loss import GradeLoss, LossWeights, class_weights
from boneage_desk.training.grader_run import (
    GraderConfig,
    GraderRun,
    hold_thresholds,
    level_thresholds,
    settle_batch_norm,
)
from boneage_desk.training.targets import MAX_GRADE, months_of_grades, sex_of
from boneage_desk.training.warm_start import warm_start

PLATE_BONES = {
    "radius": ["radius"], "ulna": ["ulna"], "mc1": ["mc1"], "mc": ["mc3", "mc5"], "pp1": ["pp1"],
    "pp": ["pp3", "pp5"], "mp": ["mp3", "mp5"], "dp1": ["dp1"], "dp": ["dp3", "dp5"],
}  # fmt: skip
"""Classes of the printed examples (``<class>_<grade index>.png``) and the bones of each."""


def evaluate_hands(model: Grader, hands: Hands, indices: np.ndarray, size: int) -> dict[str, float]:
    """Bone-age error in months from latent grades and from rounded grades, and grade error, on ``indices``."""
    was = model.training
    model.eval()
    bones = torch.arange(13)
    exact, rounded, index = [], [], []
    with torch.inference_mode():
        for k in indices:
            x = torch.from_numpy(normalise_crops(np.stack([plain(c, size) for c in hands.crops[k]])))
            s = model(x.contiguous(memory_format=torch.channels_last), bones)[0].numpy()
            g = np.clip(s, 0, MAX_GRADE)
            sex, months = sex_of(str(hands.rows[k]["sex"])), float(hands.rows[k]["months"])  # type: ignore[arg-type]
            exact.append(months_of_grades(g, sex) - months)
            rounded.append(months_of_grades(np.rint(g), sex) - months)
            index.append(g - hands.targets[k])
    model.train(was)
    return {
        "mae_months": float(np.abs(exact).mean()), "bias_months": float(np.mean(exact)),
        "mae_months_rounded": float(np.abs(rounded).mean()), "grade_mae": float(np.abs(index).mean()),
    }  # fmt: skip


def unspoiled(hands: Hands, size: int, seed: int, per_batch: int = 12) -> Callable[[], np.ndarray]:
    """Draws sharp training hands as they are: crops [per_batch, 13, size, size] a call."""
    pool = hands.where(validation=False, source="half")
    rng = np.random.default_rng(seed)

    def draw() -> np.ndarray:
        chosen = rng.choice(pool, min(per_batch, len(pool)), replace=False)
        return np.stack([np.stack([plain(c, size) for c in hands.crops[k]]) for k in chosen])

    return draw


def read_plates(folder: Path, size: int, seed: int, without: int = -1, parts: int = 5) -> Anchors:
    """The printed examples as anchors, but for every ``parts``-th from ``without`` on (-1: all)."""
    pictures, bones, grades = [], [], []
    for n, (kind, path) in enumerate(plate_files(folder)):
        if without >= 0 and n % parts == without:
            continue
        pictures.append(np.asarray(cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8))
        bones.append([BONES.index(b) for b in PLATE_BONES[kind]])
        grades.append(int(path.stem.rsplit("_", 1)[1]))
    return Anchors(pictures, bones, grades, size, seed)


def plate_files(folder: Path) -> list[tuple[str, Path]]:
    """(class, file) of every printed example, in the order that its number in a fold follows."""
    found = [(p.stem.rsplit("_", 1)[0], p) for p in folder.glob("*_*.png")]
    order = list(PLATE_BONES)
    return sorted(found, key=lambda f: (order.index(f[0]), int(f[1].stem.rsplit("_", 1)[1])))


def start_model(start: str) -> Grader:
    """'lite2', 'scratch', or the path of weights to go on from."""
    if start == "scratch":
        return Grader()
    if start == "lite2":
        model = Grader()
        warm_start(model.trunk)
        return model
    model = load_grader(SimpleNamespace(classes=BONES), Path(start))
    for p in model.parameters():
        p.requires_grad_(True)
    return model


def train(args: argparse.Namespace) -> None:
    """The run; see the module's head."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(args.seed)
    if args.threads:
        torch.set_num_threads(args.threads)
    weights = LossWeights(
        args.weight_order, args.weight_centre, args.weight_share, args.weight_age, args.weight_plate, args.rarity
    )
    config = GraderConfig(
        budget_min=args.budget_min, max_steps=args.max_steps, every_min=args.every_min, size=args.size, hands=args.hands,
        anchors=args.anchors if args.plates else 0, rate=args.rate, weights=weights, freeze=args.freeze,
        fixed_norm=not args.moving_norm, mixed_precision=True, compile=args.compile, seed=args.seed,
    )  # fmt: skip
    hands = load_hands(args.crops)
    mix = dict(zip(SOURCE_WEIGHT, args.mix, strict=True)) if args.mix else None
    sampler = HandSampler(hands, args.size, args.seed, mix)
    validation = hands.where(validation=True, source="half")
    print(f"{len(hands.where(validation=False))} hands to train, {len(validation)} sharp ones held out", flush=True)
    resuming = args.resume and (args.out / "last.pt").exists()
    model = Grader() if resuming else start_model(args.start)
    if args.level:
        level_thresholds(model)
        hold_thresholds(model)
    model.to(device, memory_format=torch.channels_last)
    if args.settle and not resuming:
        counter = iter(range(10**9, 2 * 10**9))
        settle_batch_norm(model, lambda: sampler.batch(next(counter), 16).crops, args.settle)
    anchors = read_plates(args.plates, args.size, args.seed, args.without) if args.plates else None
    loss = GradeLoss(weights, class_weights(hands.targets, sampler.drawn, args.rarity))
    run = GraderRun(model, sampler, loss, config, args.out, anchors=anchors, say=_say)
    run.on_checkpoint = lambda r: _say(f"held out {evaluate_hands(r.mean, hands, validation[:24], args.size)}")
    if resuming:
        run.resume()
    run.train()
    if args.moving_norm:  # weights finished with fixed norms belong to those norms
        settle_batch_norm(run.mean, unspoiled(hands, args.size, 3), frozen=args.freeze)
        run.save()
    _say(f"held out {evaluate_hands(run.mean, hands, validation, args.size)}")


def _say(text: str) -> None:
    print(text, flush=True)


def main() -> None:
    """Command line."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--crops", type=Path, required=True)
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--budget-min", type=float, default=60)
    p.add_argument("--max-steps", type=int, default=0)
    p.add_argument("--every-min", type=float, default=5)
    p.add_argument("--size", type=int, default=96)
    p.add_argument("--hands", type=int, default=8, help="hands in a batch, 13 crops each")
    p.add_argument("--rate", type=float, default=8e-4)
    p.add_argument("--weight-order", type=float, default=0.5)
    p.add_argument("--weight-centre", type=float, default=0.02)
    p.add_argument("--weight-share", type=float, default=1.0)
    p.add_argument("--weight-age", type=float, default=0.25)
    p.add_argument("--weight-plate", type=float, default=0.5)
    p.add_argument("--rarity", type=float, default=0.5, help="power of the class weights; 0: none")
    p.add_argument("--plates", type=Path, help="folder of the standard's printed examples")
    p.add_argument("--anchors", type=int, default=16, help="printed examples in a batch")
    p.add_argument("--without", type=int, default=-1, help="leave out this fifth of the printed examples")
    p.add_argument("--start", default="lite2", help="lite2, scratch or a file of weights")
    p.add_argument("--mix", type=float, nargs=3, metavar=("HALF", "JOINTS", "BLURRED"), help="how often each source is drawn")
    p.add_argument("--level", action="store_true", help="put thresholds half a grade below their grades and hold them there")
    p.add_argument("--settle", type=int, default=64, help="batches over which batch norms are settled at the start")
    p.add_argument("--freeze", type=int, default=2, help="stages that stay as they start; -1: train all")
    p.add_argument("--moving-norm", action="store_true", help="let batch norms follow the batches")
    p.add_argument("--compile", action="store_true", help="torch.compile: near twice as fast on a CPU, a minute to start")
    p.add_argument("--threads", type=int, default=0)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--resume", action="store_true")
    train(p.parse_args())


if __name__ == "__main__":
    main()
