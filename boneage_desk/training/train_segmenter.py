"""Train the segmenter on the drawn outlines, within a time budget on the CPU.

``python -m boneage_desk.training.train_segmenter --crops FOLDER --out FOLDER [--minutes 12]`` writes
``weights.safetensors`` (half precision) and ``log.txt``. `segmenter_crops` makes FOLDER.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from boneage_desk.engines.networks.grader import normalise_crops
from boneage_desk.engines.networks.segmenter import Segmenter
from boneage_desk.training.grader_crops import MARGIN, STORED
from boneage_desk.training.segmenter_crops import EDGE, UNKNOWN

SIZE = 96
WHOLE_SHARE = 0.4
"""Share of the drawn crops that come from films given whole (an eighth of them)."""
SEAMLESS = 0.7
"""Share of the laid crops blurred until the seam is gone; on the rest the edge counts as unknown."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """Stored crops and labels [N, 13, 128, 128], and a row a hand (id, source, sex, months, validation)."""

    crops: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    rows: list[dict[str, object]]

    def where(self, *, validation: bool, whole: bool) -> NDArray[np.intp]:
        """Flat indices (hand * 13 + bone) of the crops with any label; ``whole``: from films given whole."""
        known = (self.labels[:, :, ::8, ::8] != UNKNOWN).any(axis=(2, 3))
        hands = [r["validation"] == validation and (r["source"] != "laid") == whole for r in self.rows]
        return np.flatnonzero(known & np.array(hands)[:, None])


def load_drawn(folder: Path) -> Drawn:
    """Open what `segmenter_crops` wrote."""
    arrays = [np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("crops", "labels")]
    return Drawn(arrays[0], arrays[1], json.loads((folder / "hands.json").read_text()))


def framed(stored: NDArray[np.uint8], matrix: NDArray[np.float64], *, label: bool = False) -> NDArray[np.uint8]:
    """The network's square [SIZE, SIZE] out of a stored crop by an affine matrix [2, 3]."""
    flags, fill = (cv2.INTER_NEAREST, UNKNOWN) if label else (cv2.INTER_LINEAR, 0)
    border = cv2.BORDER_CONSTANT if label else cv2.BORDER_REPLICATE
    return np.asarray(cv2.warpAffine(stored, matrix, (SIZE, SIZE), flags=flags, borderMode=border, borderValue=fill), np.uint8)


def placing(angle: float = 0.0, zoom: float = 1.0, shift: tuple[float, float] = (0.0, 0.0), mirror: bool = False) -> NDArray[np.float64]:
    """Matrix [2, 3] for :func:`framed`: angle in degrees, shift in shares of the square's side."""
    scale, a = SIZE / (STORED / MARGIN) * zoom, math.radians(angle)
    turn = scale * np.array([[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]])
    if mirror:
        turn = turn @ np.diag([-1.0, 1.0])
    half = (STORED - 1) / 2
    move = np.array(shift) * SIZE + (SIZE - 1) / 2 - turn @ np.array([half, half])
    return np.hstack([turn, move[:, None]])


def spoiled(
    crop: NDArray[np.uint8], label: NDArray[np.uint8], laid: bool, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """One training pair [SIZE, SIZE] from a stored pair: moved, turned, mirrored, greys changed."""
    matrix = placing(rng.normal(0, 7), float(np.exp(rng.normal(0, 0.1))), tuple(rng.normal(0, 0.04, 2)), rng.random() < 0.5)
    image, target = framed(crop, matrix), framed(label, matrix, label=True)
    blur = rng.uniform(0.3, 1.2) if rng.random() < 0.3 else 0.0
    if laid:
        if rng.random() < SEAMLESS:
            blur = rng.uniform(0.9, 1.6)
        else:
            target[target == EDGE] = UNKNOWN
    if blur:
        image = cv2.GaussianBlur(image, (0, 0), blur)
    levels = np.linspace(0, 1, 256) ** np.exp(rng.normal(0, 0.35))
    image = cv2.LUT(image, np.round(levels * 255).astype(np.uint8))
    if rng.random() < 0.4:
        image = np.clip(image + rng.normal(0, rng.uniform(1, 7), image.shape), 0, 255).astype(np.uint8)
    return np.asarray(image, np.uint8), target


def loss_of(logits: Tensor, target: Tensor) -> Tensor:
    """Cross entropy plus soft Dice of both outlines over the known pixels. target: [N, S, S]."""
    known = (target != UNKNOWN).float()
    entropy = F.cross_entropy(logits, target, ignore_index=UNKNOWN)
    p = logits.softmax(1)
    dice = logits.new_zeros(())
    for k in (1, 2):
        truth, guess = (target == k).float(), p[:, k] * known
        both, sizes = (truth * guess).sum((1, 2)), truth.sum((1, 2)) + guess.sum((1, 2))
        dice = dice + (1 - (2 * both + 8) / (sizes + 8)).mean()
    return entropy + 0.5 * dice


def train(drawn: Drawn, out: Path, minutes: float, batch: int = 20, seed: int = 4) -> None:
    """Train until the time is up: the rate follows the clock. Writes the weights once."""
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    pools = [drawn.where(validation=False, whole=whole) for whole in (True, False)]
    model = Segmenter().to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-4)
    print(f"{[len(p) for p in pools]} crops, {sum(p.numel() for p in model.parameters())} parameters", flush=True)
    started, step, smooth = time.time(), 0, 0.0
    while (share := (time.time() - started) / (60 * minutes)) < 1:
        rate = 3e-3 * (min(1.0, (step + 1) / 60) * (0.5 + 0.5 * math.cos(math.pi * share)) + 0.003)
        for group in optimiser.param_groups:
            group["lr"] = rate
        pairs = []
        for _ in range(batch):
            pool = pools[0 if rng.random() < WHOLE_SHARE else 1]
            hand, bone = divmod(int(rng.choice(pool)), 13)
            pairs.append(spoiled(drawn.crops[hand, bone], drawn.labels[hand, bone], drawn.rows[hand]["source"] == "laid", rng))
        pixels = torch.from_numpy(normalise_crops(np.stack([a for a, _ in pairs]))).contiguous(memory_format=torch.channels_last)
        target = torch.from_numpy(np.stack([b for _, b in pairs])).long()
        loss = loss_of(model(pixels), target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        step += 1
        smooth = float(loss.detach()) if step == 1 else 0.98 * smooth + 0.02 * float(loss.detach())
        if step % 50 == 0:
            print(f"step {step} {time.time() - started:.0f} s loss {smooth:.3f} rate {rate:.5f}", flush=True)
    model.eval()
    state = {k: v.half() if v.is_floating_point() else v for k, v in model.state_dict().items()}
    save_file({k: v.contiguous() for k, v in state.items()}, out / "weights.safetensors")
    (out / "log.txt").write_text(f"{step} steps of {batch} crops in {minutes} minutes, loss {smooth:.3f}\n")


def main() -> None:
    """Command line."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--crops", type=Path, required=True)
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--minutes", type=float, default=12)
    a = p.parse_args()
    train(load_drawn(a.crops), a.out, a.minutes)


if __name__ == "__main__":
    main()
