"""Train the detector within a time budget: ``python -m boneage_desk.training.train_detector --data D --out O``.

Runs unchanged on CUDA or CPU. Sizes grow with the share of the budget used (192, 256, 320 px); AdamW,
cosine rate, exponential mean of the weights. ``last.pt`` in the output folder resumes with ``--resume``;
``weights.safetensors`` there is the mean in half precision, rewritten every few minutes. ``--start`` begins
with finished weights; ``--fixed-norm`` then keeps their batch norms' statistics.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import queue
import threading
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from boneage_desk.engines.networks.detector import build_detector
from boneage_desk.training.dataset import (
    collapsed,
    is_validation,
    plausible,
    read_films299,
    read_points,
    shape_model,
)
from boneage_desk.training.detector_batches import Picture, batch
from boneage_desk.training.loop import save_half
from boneage_desk.training.phantoms import phantom_pictures, sharp_pictures

STAGES = ((0.0, 192), (0.35, 256), (0.80, 320))  # share of the budget -> picture side


def load_pictures(data: Path, limit: int | None = None) -> list[Picture]:
    """Every training film whose points are a plausible hand; not those whose radius and ulna share a place."""
    films = read_points(data)
    mean, cov = shape_model(films)
    ids = [k for k, f in films.items() if not is_validation(k) and plausible(f, mean, cov) and not collapsed(f)][:limit]
    pixels = read_films299(data, ids)
    return [Picture(p, films[k]) for k, p in zip(ids, pixels, strict=True)]


def picture_groups(args: argparse.Namespace) -> list[tuple[list[Picture], float]]:
    """Kinds of pictures and how often each is drawn: all films, hand-drawn truth, phantoms, sharp films."""
    pictures = load_pictures(args.data, args.limit)
    drawn = [p for p in pictures if p.film.human.sum() >= 8]
    print(f"{len(pictures)} films, {len(drawn)} of them drawn by hand", flush=True)
    groups = [(pictures, 0.85), (drawn, 0.15)]
    if args.phantoms:
        groups.append((phantom_pictures(args.phantoms, args.seed), 0.06))
    if args.sharp:
        groups.append((sharp_pictures(args.data), 0.25))
    return groups


def fix_norms(model: torch.nn.Module) -> None:
    """Batch norms use, and keep, the statistics they have."""
    for layer in model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.eval()


class Feeder:
    """Makes batches in one thread ahead of the loop; the side of the pictures may change at any time."""

    def __init__(self, groups: list[tuple[list[Picture], float]], per_batch: int, side: int, seed: int) -> None:
        self.groups, self.per_batch, self.side = groups, per_batch, side
        self.rng = np.random.default_rng(seed)
        self.ready: queue.Queue[tuple[NDArray[np.generic], ...]] = queue.Queue(maxsize=4)
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    def _work(self) -> None:
        orders = [np.empty(0, int) for _ in self.groups]
        shares = np.array([s for _, s in self.groups])
        while True:
            chosen = []
            for g in self.rng.choice(len(self.groups), self.per_batch, p=shares / shares.sum()):
                if not len(orders[g]):
                    orders[g] = self.rng.permutation(len(self.groups[g][0]))
                chosen.append(self.groups[g][0][orders[g][-1]])
                orders[g] = orders[g][:-1]
            self.ready.put(batch(chosen, self.side, self.rng))


def train(args: argparse.Namespace) -> None:
    """The loop; see the module's head."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(args.seed)
    if args.threads:
        torch.set_num_threads(args.threads)
    out: Path = args.out
    out.mkdir(parents=True, exist_ok=True)
    groups = picture_groups(args)
    model = build_detector().to(device, memory_format=torch.channels_last)
    if args.start:
        model.load_state_dict(load_file(args.start))
    mean = copy.deepcopy(model).eval()
    decay_group = [p for n, p in model.named_parameters() if p.ndim > 1 and p.requires_grad]
    plain_group = [p for n, p in model.named_parameters() if p.ndim <= 1 and p.requires_grad]
    optimiser = torch.optim.AdamW(
        [{"params": decay_group, "weight_decay": 0.01}, {"params": plain_group, "weight_decay": 0.0}],
        lr=args.rate, betas=(0.9, 0.99),
    )
    step, used = 0, 0.0
    if args.resume and (out / "last.pt").exists():
        saved = torch.load(out / "last.pt", map_location=device, weights_only=True)
        model.load_state_dict(saved["model"])
        mean.load_state_dict(saved["mean"])
        if not args.restart_clock:
            optimiser.load_state_dict(saved["optimiser"])
            step, used = saved["step"], saved["used"]
    budget = args.budget_min * 60.0
    stages = STAGES if not args.side else ((0.0, args.side),)
    feeder = Feeder(groups, args.batch, stages[0][1], args.seed + step)
    started, written, log = time.time() - used, time.time(), []
    model.train()
    if args.fixed_norm:
        fix_norms(model)
    while (used := time.time() - started) < budget:
        share = used / budget
        feeder.side = next(s for at, s in reversed(stages) if share >= at)
        warm = min(1.0, (step + 1) / (20 if args.start else 150))
        rate = args.rate * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share)))
        for g in optimiser.param_groups:
            g["lr"] = rate
        images, index, classes, boxes = (torch.from_numpy(a) for a in feeder.ready.get())
        pixels = images.to(device).float().div_(255).contiguous(memory_format=torch.channels_last)
        with torch.autocast(device.type, torch.bfloat16):
            predicted = model(pixels)
        truth = {"img": pixels, "batch_idx": index.to(device), "cls": classes.to(device), "bboxes": boxes.to(device)}
        loss, parts = model.loss(truth, predicted)
        optimiser.zero_grad(set_to_none=True)
        (loss.sum() / len(images)).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimiser.step()
        step += 1
        keep = 0.999 * (1 - math.exp(-step / 300))
        with torch.no_grad():
            for a, b in zip(mean.state_dict().values(), model.state_dict().values(), strict=True):
                if a.is_floating_point():
                    a.lerp_(b, 1 - keep)
                else:
                    a.copy_(b)
        log.append([float(v) for v in (parts.values() if isinstance(parts, dict) else parts)])
        if step % 50 == 0:
            now = np.mean(log[-50:], axis=0).round(3).tolist()
            print(f"step {step} {used / 60:.1f} min side {feeder.side} box/cls/dfl {now}", flush=True)
        if time.time() - written > args.every_min * 60:
            _write(out, model, mean, optimiser, step, used, log)
            written = time.time()
    _write(out, model, mean, optimiser, step, used, log)
    print(f"finished after {step} steps", flush=True)


def _write(
    out: Path, model: torch.nn.Module, mean: torch.nn.Module, optimiser: torch.optim.Optimizer,
    step: int, used: float, log: list[list[float]],
) -> None:
    """Checkpoint and the mean's weights."""
    state = {"model": model.state_dict(), "mean": mean.state_dict(), "optimiser": optimiser.state_dict()}
    torch.save(state | {"step": step, "used": used}, out / "last.tmp")
    (out / "last.tmp").replace(out / "last.pt")
    save_half(mean, out / "weights.safetensors")
    (out / "log.json").write_text(json.dumps([np.mean(log[k : k + 50], axis=0).tolist() for k in range(0, len(log), 50)]))


def main() -> None:
    """Command line."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--budget-min", type=float, default=45)
    p.add_argument("--every-min", type=float, default=3)
    p.add_argument("--batch", type=int, default=32)
    p.add_argument("--rate", type=float, default=2e-3)
    p.add_argument("--side", type=int, default=0, help="one picture side for the whole run")
    p.add_argument("--threads", type=int, default=0)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--limit", type=int, default=None, help="use only so many films (for trying)")
    p.add_argument("--phantoms", type=int, default=150, help="draw so many phantoms and mix them in")
    p.add_argument("--sharp", action=argparse.BooleanOptionalAction, default=True, help="mix in the half-size films")
    p.add_argument("--start", type=Path, help="weights.safetensors to begin with")
    p.add_argument("--fixed-norm", action="store_true", help="keep the batch norms' statistics")
    p.add_argument("--resume", action="store_true")
    p.add_argument("--restart-clock", action="store_true", help="resume weights only: a new budget and schedule")
    train(p.parse_args())


if __name__ == "__main__":
    main()
