"""Training batches for the grader: whole hands of 13 crops, each shifted, turned, scaled and spoiled."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from boneage_desk.training.dataset import BONES
from boneage_desk.training.grader_crops import MARGIN, STORED
from boneage_desk.training.targets import sex_of, share_target

_THUMB = [BONES.index(b) for b in ("mc1", "pp1", "dp1")]
SOURCE_WEIGHT = {"half": 0.55, "joints": 0.10, "blurred": 0.35}


@dataclass(frozen=True, slots=True)
class Hands:
    """Stored crops [N, 13, 128, 128] with, per hand, source, sex, months and the 13 share targets."""

    crops: NDArray[np.uint8]
    rows: list[dict[str, object]]
    targets: NDArray[np.float32]

    def where(self, *, validation: bool, source: str | None = None) -> NDArray[np.intp]:
        """Indices of the hands of one side of the split (and one source)."""
        return np.array(
            [k for k, r in enumerate(self.rows)
             if r["validation"] == validation and (source is None or r["source"] == source)]
        )  # fmt: skip


def load_hands(folder: Path) -> Hands:
    """Open what `grader_crops` wrote."""
    rows = json.loads((folder / "hands.json").read_text())
    targets = np.array([share_target(float(r["months"]), sex_of(r["sex"])) for r in rows], np.float32)
    return Hands(np.load(folder / "crops.npy", mmap_mode="r"), rows, targets)


def plain(stored: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """The network's square out of a stored crop [128, 128], unspoiled -> [size, size]."""
    return _warp(stored, size, 0.0, 1.0, 0.0, 0.0, False)


def _warp(
    stored: NDArray[np.uint8], size: int, angle: float, zoom: float, dx: float, dy: float, mirror: bool
) -> NDArray[np.uint8]:
    """Affine cut; dx, dy in shares of the square's side, angle in degrees."""
    scale = size / (STORED / MARGIN) * zoom
    a = np.radians(angle)
    turn = scale * np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    if mirror:
        turn = turn @ np.diag([-1.0, 1.0])
    half = (STORED - 1) / 2
    shift = np.array([dx, dy]) * size + (size - 1) / 2 - turn @ np.array([half, half])
    matrix = np.hstack([turn, shift[:, None]])
    return np.asarray(cv2.warpAffine(stored, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def augment_hand(stored: NDArray[np.uint8], size: int, source: str, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Spoiled crops [13, size, size] of one hand's stored crops [13, 128, 128]."""
    mirror = rng.random() < 0.15
    x = np.linspace(0, 1, 256) ** np.exp(rng.normal(0, 0.3))
    if rng.random() < 0.2:
        low = rng.uniform(0.2, 0.6)
        x = low + (1 - low) * x  # haze, as in the printed examples
    levels = int(rng.integers(16, 64)) if rng.random() < 0.12 else 255
    lut = (np.round(x * levels) / levels * 255).astype(np.uint8)
    blur = rng.uniform(0.4, 1.3) if rng.random() < (0.4 if source != "blurred" else 0.1) else 0.0
    noise = rng.uniform(0.5, 5) if rng.random() < 0.4 else 0.0
    upright_thumb = rng.random() < 0.25
    out = np.empty((len(stored), size, size), np.uint8)
    for k, crop in enumerate(stored):
        angle = rng.normal(0, 6)
        if k in _THUMB and upright_thumb:
            angle += rng.uniform(0, 50)  # the standard prints the thumb as it lies
        image = _warp(crop, size, angle, np.exp(rng.normal(0, 0.07)), *rng.normal(0, 0.035, 2), mirror)
        image = cv2.LUT(image, lut)
        if blur:
            image = cv2.GaussianBlur(image, (0, 0), blur)
        if noise:
            image = np.clip(image + rng.normal(0, noise, image.shape), 0, 255).astype(np.uint8)
        out[k] = image
    return out


class HandSampler:
    """Draws training hands, each source by its weight, and returns one batch a call."""

    def __init__(self, hands: Hands, size: int, per_batch: int, seed: int) -> None:
        self.hands, self.size, self.per_batch = hands, size, per_batch
        self.rng = np.random.default_rng(seed)
        self.pools = {s: hands.where(validation=False, source=s) for s in SOURCE_WEIGHT}
        self.orders: dict[str, list[int]] = {s: [] for s in SOURCE_WEIGHT}

    def next(self) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
        """Crops [B, 13, size, size] and the hands' indices [B]."""
        sources = [s for s in SOURCE_WEIGHT if len(self.pools[s])]
        weights = np.array([SOURCE_WEIGHT[s] for s in sources])
        crops, chosen = [], []
        for source in self.rng.choice(sources, self.per_batch, p=weights / weights.sum()):
            if not self.orders[source]:
                self.orders[source] = self.rng.permutation(self.pools[source]).tolist()
            k = self.orders[source].pop()
            crops.append(augment_hand(self.hands.crops[k], self.size, str(source), self.rng))
            chosen.append(k)
        return np.stack(crops), np.array(chosen)
