"""System 2: bone age from a knee film by ConvNeXt (timm), after Beber et al. 2026: film, sex and chronological age in.

One grey channel; sex and age are embedded and joined with the film's features; the answer is in months. A model is the
mean of the networks of its folds. Each keeps what its own training films look like inside the network (`Familiar`), so
that a film that looks otherwise can be refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from boneage_desk.engines.networks.frozen import with_weights

ARCHITECTURES = (
    "convnext_atto", "convnext_femto", "convnext_pico", "convnext_nano", "convnext_tiny", "convnext_small", "test_convnext",
)  # fmt: skip
"""The last is timm's ConvNeXt of 0.2 million weights, for trials."""
MIDDLE_MONTHS, SPREAD_MONTHS = 108.0, 54.0
AXES = 24
"""Directions in which familiar films are let vary; the rest is one number."""


def normalise_pictures(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """[N, S, S] of `imaging.knee_frame.knee_picture` -> [N, 1, S, S] float32, 0..255 to -1..1."""
    return (pictures.astype(np.float32) / 127.5 - 1.0)[:, None]


class Familiar(nn.Module):
    """How far a film's description [N, C] lies from those of the training films, as a share of what is usual for films
    held out; 0 while `learn` was not called."""

    centre: Tensor
    axes: Tensor
    scale: Tensor
    rest: Tensor
    limit: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(features))
        self.register_buffer("axes", torch.zeros(AXES, features))
        self.register_buffer("scale", torch.ones(AXES))
        self.register_buffer("rest", torch.ones(()))
        self.register_buffer("limit", torch.zeros(()))

    def distance(self, described: Tensor) -> Tensor:
        """[N]: root mean square of the standardised directions and the rest."""
        off = described - self.centre
        along = off @ self.axes.T
        left = off - along @ self.axes
        inside = ((along / self.scale) ** 2).mean(1)
        return (inside + (left**2).sum(1) / self.rest**2).sqrt()

    def learn(self, seen: NDArray[np.float32], held_out: NDArray[np.float32], share: float = 0.99, margin: float = 1.25) -> None:
        """From the descriptions of training films [N, C] and of films held out [M, C] (at least three and one).

        The limit is ``margin`` times the ``share`` quantile of the distances of those held out.
        """
        centre = seen.mean(0)
        off = seen - centre
        _, sizes, axes = np.linalg.svd(off.astype(np.float64), full_matrices=False)
        kept = min(AXES, len(seen) // 3, int((sizes > 1e-6 * sizes[0]).sum()))
        scale, kept_axes = np.ones(AXES), np.zeros((AXES, seen.shape[1]))
        scale[:kept] = np.maximum(sizes[:kept] / np.sqrt(len(seen) - 1), 1e-6)
        kept_axes[:kept] = axes[:kept]
        left = off - (off @ kept_axes.T) @ kept_axes
        rest = max(1e-6, float(np.sqrt((left**2).sum(1).mean())))
        for name, value in (("centre", centre), ("axes", kept_axes), ("scale", scale), ("rest", rest)):
            getattr(self, name).copy_(torch.as_tensor(np.asarray(value, np.float32)))
        with torch.no_grad():
            usual = self.distance(torch.from_numpy(held_out).to(self.centre.device)).cpu().numpy()
        self.limit.fill_(float(np.quantile(usual, share)) * margin)

    def strangeness(self, described: Tensor) -> Tensor:
        """[N]: distance over the limit; above 1 is a film unlike those that the network knows."""
        if float(self.limit) <= 0:
            return torch.zeros(len(described), device=described.device)
        return self.distance(described) / self.limit


class KneeNet(nn.Module):
    """Pictures [N, 1, S, S] -1..1, male [N] (1, 0), chronological age [N] months -> bone age [N] months.

    uses_age: whether the chronological age takes part; without, it is not looked at and may be NaN.
    """

    def __init__(self, architecture: str, *, uses_age: bool = True, drop_path: float = 0.0) -> None:
        super().__init__()
        if architecture not in ARCHITECTURES:
            raise ValueError(f"{architecture} is none of {', '.join(ARCHITECTURES)}")
        self.uses_age = uses_age
        self.trunk = timm.create_model(  # from scratch a block that starts at 1e-6 hardly takes part
            architecture, pretrained=False, in_chans=1, num_classes=0, drop_path_rate=drop_path, ls_init_value=0.5
        )
        width = int(self.trunk.num_features)
        self.sex = nn.Embedding(2, 16)
        self.age = nn.Sequential(nn.Linear(1, 32), nn.GELU(), nn.Linear(32, 32)) if uses_age else None
        self.head = nn.Sequential(nn.Linear(width + 16 + (32 if uses_age else 0), 128), nn.GELU(), nn.Dropout(0.1), nn.Linear(128, 1))
        self.familiar = Familiar(sum(int(stage["num_chs"]) for stage in self.trunk.feature_info))

    def stages(self, pixels: Tensor) -> list[Tensor]:
        """The maps after each stage."""
        maps = [self.trunk.stem(pixels)]
        for stage in self.trunk.stages:
            maps.append(stage(maps[-1]))
        return maps[1:]

    def describe(self, pixels: Tensor) -> Tensor:
        """Mean of every channel after every stage [N, C]: what `Familiar` judges by."""
        return torch.cat([m.mean((2, 3)) for m in self.stages(pixels)], 1).float()

    def answer(self, last: Tensor, male: Tensor, ca_months: Tensor) -> Tensor:
        """Months [N] of the last stage's maps."""
        parts = [self.trunk.forward_head(self.trunk.norm_pre(last)).float(), self.sex(male.long())]
        if self.age is not None:
            parts.append(self.age(((ca_months - MIDDLE_MONTHS) / SPREAD_MONTHS)[:, None]))
        return MIDDLE_MONTHS + SPREAD_MONTHS * self.head(torch.cat(parts, 1))[:, 0]

    def forward(self, pixels: Tensor, male: Tensor, ca_months: Tensor) -> Tensor:
        """See the class."""
        return self.answer(self.stages(pixels)[-1], male, ca_months)


class KneeModel(nn.Module):
    """The networks of all folds of one training."""

    def __init__(self, architecture: str, folds: int, *, uses_age: bool) -> None:
        super().__init__()
        self.uses_age = uses_age
        self.folds = nn.ModuleList(KneeNet(architecture, uses_age=uses_age) for _ in range(folds))


@dataclass(frozen=True, slots=True)
class KneeAnswers:
    """months, strangeness: [N, folds]; strangeness above 1: unlike the films that the fold was trained on."""

    months: NDArray[np.float64]
    strangeness: NDArray[np.float64]


def load_knee(card: Any, weights_path: Path) -> KneeModel:
    """The trained networks in float32 evaluation mode; the caller has checked the file's hash.

    card: the model's `ModelCard`, whose table [knee] says ``folds`` and ``uses_chronological_age``.
    """
    table = card.tables["knee"]
    return with_weights(KneeModel(card.architecture, int(table["folds"]), uses_age=bool(table["uses_chronological_age"])), weights_path)


def read_knees(
    model: KneeModel, pictures: NDArray[np.uint8], male: NDArray[np.bool_], ca_months: NDArray[np.float64]
) -> KneeAnswers:
    """Every fold's answer for pictures [N, S, S] (and their mirror images, averaged). ca_months [N]: NaN where the model
    does not use it. Raises ValueError for a NaN that it would use."""
    if model.uses_age and not np.isfinite(ca_months).all():
        raise ValueError("this model needs the chronological age")
    device = next(model.parameters()).device
    pixels = torch.from_numpy(normalise_pictures(pictures)).to(device)
    sex, age = torch.from_numpy(male.astype(np.int64)).to(device), torch.from_numpy(ca_months.astype(np.float32)).to(device)
    months, strange = [], []
    with torch.inference_mode():
        for net in model.folds:
            both = [net.stages(p) for p in (pixels, pixels.flip(3))]
            months.append(torch.stack([net.answer(maps[-1], sex, age) for maps in both]).mean(0))
            described = torch.stack([torch.cat([m.mean((2, 3)) for m in maps], 1) for maps in both]).mean(0)
            strange.append(net.familiar.strangeness(described.float()))
    return KneeAnswers(torch.stack(months, 1).double().cpu().numpy(), torch.stack(strange, 1).double().cpu().numpy())


def saliency(model: KneeModel, picture: NDArray[np.uint8], male: bool, ca_months: float) -> NDArray[np.float32]:
    """Grad-CAM of the months over one picture [S, S]: float32 [S, S] 0..1, mean of the folds.

    The size of each place's effect, up or down: a regression has no class to be for.
    """
    device = next(model.parameters()).device
    pixels = torch.from_numpy(normalise_pictures(picture[None])).to(device)
    sex, age = torch.tensor([int(male)], device=device), torch.tensor([ca_months], dtype=torch.float32, device=device)
    total = torch.zeros(pixels.shape[2:], device=device)
    for net in model.folds:
        with torch.enable_grad():
            kept = net.stages(pixels)[-2].detach().requires_grad_(True)
            months = net.answer(net.trunk.stages[-1](kept), sex, age)
            (slope,) = torch.autograd.grad(months.sum(), kept)
            cam = (slope.mean((2, 3), keepdim=True) * kept.detach()).sum(1, keepdim=True).abs()
            cam = nn.functional.interpolate(cam, size=pixels.shape[2:], mode="bilinear", align_corners=False)[0, 0]
            total += cam / cam.max().clamp_min(1e-9)
    total = total - total.min()
    return np.asarray((total / total.max().clamp_min(1e-9)).cpu(), np.float32)

