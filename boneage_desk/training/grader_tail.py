"""The grader's last stages trained alone, on what the stages before them give for stored crops.

The early stages stay as they are, so their output is computed once (through the fast backend where there is one):
a step then costs a small part of a step of the whole network. For anchors, for folds and for the ablation table.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from boneage_desk.engines import backends
from boneage_desk.engines.networks.grader import Grader, normalise_crops
from boneage_desk.training.grader_batches import Anchors, HandBatch, Hands, HandSampler, augment_hand, plain

Half = NDArray[np.float16]


class Early(nn.Module):
    """Stem and the first ``stages`` stages of a trunk: crops [N, 1, S, S] -> maps [N, C, h, w]."""

    def __init__(self, trunk: nn.Module, stages: int) -> None:
        super().__init__()
        self.conv_stem, self.bn1 = trunk.conv_stem, trunk.bn1
        self.blocks = trunk.blocks[:stages]

    def forward(self, pixels: Tensor) -> Tensor:
        """See the class."""
        x: Tensor = self.blocks(self.bn1(self.conv_stem(pixels)))
        return x


class Late(nn.Module):
    """The rest of a trunk: maps [N, C, h, w] -> features [N, 1536]."""

    def __init__(self, trunk: nn.Module, stages: int) -> None:
        super().__init__()
        self.blocks = trunk.blocks[stages:]
        self.conv_head, self.bn2, self.global_pool = trunk.conv_head, trunk.bn2, trunk.global_pool

    def forward(self, maps: Tensor) -> Tensor:
        """See the class."""
        x: Tensor = self.global_pool(self.bn2(self.conv_head(self.blocks(maps))))
        return x


class Tail(nn.Module):
    """What `grader_run.GraderRun` trains in place of a whole grader: ``trunk`` is a `Late`, heads as they are."""

    def __init__(self, model: Grader, stages: int) -> None:
        super().__init__()
        model = copy.deepcopy(model)
        self.trunk, self.heads = Late(model.trunk, stages), model.heads
        for p in self.parameters():
            p.requires_grad_(True)

    def into(self, model: Grader) -> Grader:
        """``model`` with its last stages and heads replaced by these; returns it."""
        # a slice of torch's Sequential keeps the stages' own numbers
        missing, unexpected = model.trunk.load_state_dict(self.trunk.state_dict(), strict=False)
        if unexpected or any(k.startswith(("conv_head", "bn2")) for k in missing):
            raise ValueError(f"the tail does not fit the trunk: {unexpected}")
        model.heads.load_state_dict(self.heads.state_dict())
        return model


def early_stages(model: Grader, stages: int, size: int, cache: Path, threads: int) -> nn.Module:
    """The first stages, through OpenVINO or ONNX Runtime where one is installed."""
    early = Early(copy.deepcopy(model.trunk), stages).eval()
    example = torch.zeros(2, 1, size, size)
    backend = backends.choose("auto", "cpu")
    fast = backends.fast_module(early, example, backend=backend, cache=cache, key="early", threads=threads)
    return fast or early


def maps_of(early: nn.Module, crops: NDArray[np.uint8]) -> Half:
    """Crops [N, S, S] -> maps [N, C, h, w], half precision."""
    with torch.inference_mode():
        out = early(torch.from_numpy(normalise_crops(crops)))
    return np.asarray(out.numpy(), np.float16)


@dataclass(frozen=True, slots=True)
class StoredMaps:
    """Maps [M, 13, C, h, w] of M spoiled hands and which of ``hands`` each is; a `grader_run.Sampler`."""

    hands: Hands
    maps: Half
    which: NDArray[np.intp]
    seed: int

    def batch(self, step: int, hands: int) -> HandBatch:
        """See `grader_batches.HandSampler.batch`; the pictures are maps."""
        rng = np.random.default_rng([self.seed, 4, step])
        chosen = rng.choice(len(self.which), hands, replace=False)
        k = self.which[chosen]
        rows = [self.hands.rows[i] for i in k]
        return HandBatch(
            self.maps[chosen], self.hands.targets[k],  # type: ignore[arg-type]
            [str(r["sex"]) for r in rows], [float(str(r["months"])) for r in rows],
        )  # fmt: skip

    def only(self, sources: tuple[str, ...]) -> StoredMaps:
        """The maps of hands from these sources."""
        keep = np.array([self.hands.rows[k]["source"] in sources for k in self.which])
        return StoredMaps(self.hands, self.maps[keep], self.which[keep], self.seed)


def store_maps(early: nn.Module, hands: Hands, size: int, count: int, seed: int) -> StoredMaps:
    """Maps of ``count`` training hands, drawn and spoiled as in training."""
    sampler = HandSampler(hands, size, seed)
    rng = np.random.default_rng([seed, 5])
    which = np.array([k for n in range(-(-count // 512)) for k in sampler._picks(10**6 + n)][:count])
    out: list[Half] = []
    for k in which:
        out.append(maps_of(early, augment_hand(hands.crops[k], size, str(hands.rows[k]["source"]), rng)))
    return StoredMaps(hands, np.stack(out), which, seed)


def held_out_maps(early: nn.Module, hands: Hands, indices: NDArray[np.intp], size: int) -> Half:
    """Maps [N, 13, C, h, w] of unspoiled hands."""
    return np.stack([maps_of(early, np.stack([plain(c, size) for c in hands.crops[k]])) for k in indices])


@dataclass(frozen=True, slots=True)
class StoredAnchors:
    """Maps of spoiled anchors: [M, C, h, w], which anchor each is; gives batches as `Anchors` does.

    left_out: numbers of the anchors that are not given.
    """

    anchors: Anchors
    maps: Half
    which: NDArray[np.intp]
    bones: NDArray[np.intp]
    left_out: frozenset[int] = frozenset()

    def batch(self, step: int, count: int) -> tuple[Any, NDArray[np.intp], NDArray[np.intp]]:
        """See `Anchors.batch`."""
        rng = np.random.default_rng([self.anchors.seed, 6, step])
        usable = np.flatnonzero([k not in self.left_out for k in self.which])
        chosen = rng.choice(usable, count, replace=False)
        grades = np.array(self.anchors.grades)[self.which[chosen]]
        return self.maps[chosen], self.bones[chosen], grades


def store_anchors(early: nn.Module, anchors: Anchors, versions: int) -> StoredAnchors:
    """Every anchor ``versions`` times, spoiled anew each time."""
    maps, which, bones = [], [], []
    for step in range(versions):
        crops, bone, picked = anchors.all(step)
        maps.append(maps_of(early, crops))
        which.append(picked)
        bones.append(bone)
    return StoredAnchors(anchors, np.concatenate(maps), np.concatenate(which), np.concatenate(bones))
