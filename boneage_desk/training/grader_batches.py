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
SOURCE_WEIGHT = {"half": 0.48, "joints": 0.12, "blurred": 0.40}
BLOCK = 512
LEVELLING = 0.5  # hands of a sex and year of bone age are drawn as their number to the power 1 - LEVELLING


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


def _greys(rng: np.random.Generator) -> NDArray[np.uint8]:
    """A random table of greys: gamma, sometimes haze, sometimes few levels."""
    x = np.linspace(0, 1, 256) ** np.exp(rng.normal(0, 0.3))
    if rng.random() < 0.2:
        low = rng.uniform(0.2, 0.6)
        x = low + (1 - low) * x  # haze, as in the printed examples
    levels = int(rng.integers(16, 64)) if rng.random() < 0.12 else 255
    return np.asarray(np.round(x * levels) / levels * 255, np.uint8)


def augment_hand(stored: NDArray[np.uint8], size: int, source: str, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Spoiled crops [13, size, size] of one hand's stored crops [13, 128, 128]."""
    mirror = rng.random() < 0.15
    lut = _greys(rng)
    blur = rng.uniform(0.4, 1.3) if rng.random() < (0.4 if source != "blurred" else 0.1) else 0.0
    noise = rng.uniform(0.5, 5) if rng.random() < 0.4 else 0.0
    upright_thumb = rng.random() < 0.25
    out = np.empty((len(stored), size, size), np.uint8)
    for k, crop in enumerate(stored):
        angle = rng.normal(0, 6)
        if k in _THUMB and upright_thumb:
            angle += rng.uniform(0, 50)  # the standard prints the thumb as it lies
        image = _warp(crop, size, angle, np.exp(rng.normal(0, 0.09)), *rng.normal(0, 0.04, 2), mirror)
        image = cv2.LUT(image, lut)
        if blur:
            image = cv2.GaussianBlur(image, (0, 0), blur)
        if noise:
            image = np.clip(image + rng.normal(0, noise, image.shape), 0, 255).astype(np.uint8)
        out[k] = image
    return out


@dataclass(frozen=True, slots=True)
class HandBatch:
    """Crops [B, 13, S, S], target grades [B, 13] (fractions allowed), sexes ('M' or 'F') and bone ages in months
    of B hands. A grade or bone age that is not known is NaN and teaches nothing."""

    crops: NDArray[np.uint8]
    targets: NDArray[np.float32]
    sexes: list[str]
    months: list[float]


class HandSampler:
    """Draws training hands, each source by its weight in ``mix`` and rare ages more often than they come.

    ``drawn`` [N]: how often each hand is drawn, relative.
    """

    def __init__(self, hands: Hands, size: int, seed: int, mix: dict[str, float] | None = None) -> None:
        self.hands, self.size, self.seed = hands, size, seed
        self.drawn = np.zeros(len(hands.rows))
        cells = np.array([f"{r['sex']}{min(18, int(float(str(r['months'])) // 12))}" for r in hands.rows])
        for source, weight in (mix or SOURCE_WEIGHT).items():
            pool = hands.where(validation=False, source=source)
            if len(pool):
                _, which, count = np.unique(cells[pool], return_inverse=True, return_counts=True)
                share = np.minimum(count[which] ** -LEVELLING, 6 * (count**-LEVELLING).min())
                self.drawn[pool] = weight * share / share.sum()
        self.drawn /= self.drawn.sum()
        self._block: tuple[int, NDArray[np.intp]] = (-1, np.empty(0, np.intp))

    def _picks(self, block: int) -> NDArray[np.intp]:
        """512 hands, a systematic draw: every hand comes as often as it should."""
        if self._block[0] != block:
            rng = np.random.default_rng([self.seed, 1, block])
            ticks = (np.arange(BLOCK) + rng.random()) / BLOCK
            picks = np.searchsorted(np.cumsum(self.drawn), ticks).clip(max=len(self.drawn) - 1)
            self._block = (block, rng.permutation(picks))
        return self._block[1]

    def batch(self, step: int, hands: int) -> HandBatch:
        """The batch of a step: the same for the same seed, step and number of hands."""
        first = step * hands
        chosen = [int(self._picks((first + k) // BLOCK)[(first + k) % BLOCK]) for k in range(hands)]
        rng = np.random.default_rng([self.seed, 2, step])
        rows = [self.hands.rows[k] for k in chosen]
        crops = np.stack([
            augment_hand(self.hands.crops[k], self.size, str(r["source"]), rng) for k, r in zip(chosen, rows, strict=True)
        ])  # fmt: skip
        return HandBatch(
            crops, self.hands.targets[chosen], [str(r["sex"]) for r in rows], [float(str(r["months"])) for r in rows]
        )


@dataclass(frozen=True, slots=True)
class Anchors:
    """Single crops of known grade: pictures (any size, uint8), the bones each may stand for, grades (index).

    A picture of a class of two bones, such as mc3 and mc5, is shown now as one and now as the other.
    """

    pictures: list[NDArray[np.uint8]]
    bones: list[list[int]]
    grades: list[int]
    size: int
    seed: int

    def batch(self, step: int, count: int) -> tuple[NDArray[np.uint8], NDArray[np.intp], NDArray[np.intp]]:
        """Crops [count, S, S], bones [count], grades [count] of a step, each spoiled anew."""
        rng = np.random.default_rng([self.seed, 3, step])
        chosen = rng.integers(len(self.pictures), size=count)
        crops, bones = self._spoiled(chosen, rng)
        return crops, bones, np.array([self.grades[k] for k in chosen], np.intp)

    def all(self, step: int) -> tuple[NDArray[np.uint8], NDArray[np.intp], NDArray[np.intp]]:
        """Every picture once: crops [N, S, S], bones [N], numbers [N]."""
        chosen = np.arange(len(self.pictures))
        crops, bones = self._spoiled(chosen, np.random.default_rng([self.seed, 7, step]))
        return crops, bones, chosen

    def _spoiled(
        self, chosen: NDArray[np.intp], rng: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
        crops = [_spoil_anchor(self.pictures[k], self.size, rng) for k in chosen]
        return np.stack(crops), np.array([int(rng.choice(self.bones[k])) for k in chosen], np.intp)


def _spoil_anchor(picture: NDArray[np.uint8], size: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A picture stretched to the square, turned, shifted, mirrored, and spoiled like the films' crops."""
    h, w = picture.shape
    stretch = np.diag([size / w, size / h]) * np.exp(rng.normal(0, 0.07))
    a = np.radians(rng.normal(0, 7))
    turn = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]) @ stretch
    if rng.random() < 0.5:
        turn = turn @ np.diag([-1.0, 1.0])
    shift = rng.normal(0, 0.035, 2) * size + (size - 1) / 2 - turn @ np.array([(w - 1) / 2, (h - 1) / 2])
    image = cv2.warpAffine(
        picture, np.hstack([turn, shift[:, None]]), (size, size), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE
    )
    image = cv2.LUT(image, _greys(rng))
    if rng.random() < 0.5:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.3))
    if rng.random() < 0.4:
        image = np.clip(image + rng.normal(0, rng.uniform(0.5, 6), image.shape), 0, 255)
    return np.asarray(image, np.uint8)
