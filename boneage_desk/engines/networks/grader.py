"""System 1's grader: one EfficientNet-B3 (timm) shared by 13 bones, one ordinal head a bone.

Differences from timm's stock B3, written in the card: one grey channel, ReLU6 in place of SiLU (so that the
ImageNet weights of EfficientNet-Lite2 can be taken over) and no classifier.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from boneage_desk.engines.networks.frozen import with_weights
from boneage_desk.imaging.normalise import byte_percentiles
from boneage_desk.standards.rus_chn import BONES, max_grade

LOW_PERCENTILE = 2.0
HIGH_PERCENTILE = 99.5


def normalise_crops(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Contrast of each crop by itself: 2nd and 99.5th percentile become 0 and 1, clipped to -0.25..1.25,
    then mapped to -1..1 (0 -> -1, 1 -> 1). crops: [N, S, S] uint8 -> [N, 1, S, S] float32."""
    low, high = byte_percentiles(crops.reshape(len(crops), -1), (LOW_PERCENTILE, HIGH_PERCENTILE))
    low, span = low[:, None, None], np.maximum(high - low, 4.0)[:, None, None]
    unit = np.clip((crops.astype(np.float32) - low) / span, -0.25, 1.25)
    return ((unit - 0.5) * 2.0).astype(np.float32)[:, None]


class OrdinalHeads(nn.Module):
    """Cumulative-logit heads: per bone one latent grade s and ordered thresholds.

    P(grade >= k) = sigmoid((s - theta_k) / width), k = 1..max; s is in units of the grade index.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.grades = [max_grade(b) for b in BONES]
        top = max(self.grades)
        self.latent = nn.Linear(features, len(BONES))
        first, step = torch.full((len(BONES), 1), 0.5), torch.full((len(BONES), top - 1), 0.5413)
        self.first = nn.Parameter(first)  # theta_1
        self.step = nn.Parameter(step)  # softplus(step) = theta_(k+1) - theta_k; 0.5413 gives 1.0
        self.log_width = nn.Parameter(torch.full((len(BONES),), -1.2))
        nn.init.normal_(self.latent.weight, std=0.002)
        with torch.no_grad():
            self.latent.bias.copy_(torch.tensor([g * 0.5 for g in self.grades]))

    def thresholds(self) -> Tensor:
        """theta [13, 14], rising; those above a bone's last grade mean nothing."""
        return torch.cat([self.first, self.first + F.softplus(self.step).cumsum(1)], 1)

    def forward(self, features: Tensor, bones: Tensor) -> tuple[Tensor, Tensor]:
        """features [N, C], bones [N] (index) -> latent grade s [N] and cumulative logits [N, 14]."""
        s = self.latent(features).gather(1, bones[:, None])[:, 0]
        theta = self.thresholds()[bones]
        width = self.log_width.exp()[bones][:, None]
        return s, (s[:, None] - theta) / width


def calibrate(s: Tensor, logits: Tensor, coefficients: Tensor, top: Tensor) -> Tensor:
    """Cumulative logits [..., K] made honest: (logits + shift) / temperature, monotone in K as they were.

    Shift and log temperature are cubics of the latent grade s [...] (0 to 1 over the bone's grades ``top``, centred),
    ``coefficients`` [..., 2, 4]: log temperature, then shift, constant first. All zeros change nothing.
    """
    u = (s / top - 0.5).clamp(-0.6, 0.6)
    powers = torch.stack([torch.ones_like(u), u, u**2, u**3], -1)
    log_temperature, shift = (coefficients * powers[..., None, :]).sum(-1).unbind(-1)
    return (logits + shift[..., None]) / log_temperature.clamp(-2, 2).exp()[..., None]


def _without_calibration(module: nn.Module, state: dict[str, Tensor], prefix: str, *_: object) -> None:
    """Weights older than `calibrate` load as they were."""
    state.setdefault(f"{prefix}calibration", torch.zeros_like(module.calibration))


class Grader(nn.Module):
    """Crops [N, 1, S, S] and bone indices [N] -> latent grades [N], cumulative logits [N, 14]."""

    top: Tensor
    temperature: Tensor
    calibration: Tensor

    def __init__(self, drop_path: float = 0.0) -> None:
        super().__init__()
        self.trunk = timm.create_model(
            "efficientnet_b3", pretrained=False, in_chans=1, num_classes=0,
            act_layer=nn.ReLU6, drop_path_rate=drop_path,
        )  # fmt: skip
        self.heads = OrdinalHeads(int(self.trunk.num_features))
        self.register_buffer("temperature", torch.ones(len(BONES)))  # of weights before `calibration`
        self.register_buffer("calibration", torch.zeros(len(BONES), 2, 4))  # see `calibrate`, set after training
        self.register_buffer("top", torch.tensor([float(max_grade(b)) for b in BONES]), persistent=False)
        self.register_load_state_dict_pre_hook(_without_calibration)

    def forward(self, pixels: Tensor, bones: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        s, logits = self.heads(self.trunk(pixels).float(), bones)
        logits = logits / self.temperature[bones][:, None]
        return s, calibrate(s, logits, self.calibration[bones], self.top[bones])


def probabilities(logits: Tensor, bones: Tensor) -> list[list[float]]:
    """Cumulative logits [N, 14] -> for each crop the probability of every grade of its bone, sum 1."""
    result = []
    for row, bone in zip(torch.sigmoid(logits.double()), bones.tolist(), strict=True):
        top = max_grade(BONES[bone])
        at_least = [1.0, *row[:top].tolist(), 0.0]
        p = [max(0.0, a - b) for a, b in zip(at_least, at_least[1:], strict=False)]
        total = sum(p)
        result.append([v / total for v in p])
    return result


def load_grader(card: Any, weights_path: Path) -> Grader:
    """The trained network in float32 evaluation mode; the caller has checked the file's hash.

    card: the model's `ModelCard`; its classes must be the standard's 13 bones.
    """
    if tuple(card.classes) != BONES:
        raise ValueError(f"the card's classes {card.classes} are not the grader's {BONES}")
    return with_weights(Grader(), weights_path)


def grade(model: nn.Module, crops: NDArray[np.uint8], bones: list[str]) -> list[list[float]]:
    """Grade crops: [N, S, S] uint8 cut by `imaging.crops.cut` (S = the card's input size), one bone id each.

    Returns for each crop the probability of each grade of its bone (table index 0 first), sum 1.
    """
    if len(crops) != len(bones):
        raise ValueError(f"{len(crops)} crops but {len(bones)} bones")
    index = torch.tensor([BONES.index(b) for b in bones])
    device = next(model.parameters()).device
    pixels = torch.from_numpy(normalise_crops(crops)).to(device).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        _, logits = model(pixels, index.to(device))
    return probabilities(logits.cpu(), index)


def middle_grade(p: Sequence[float] | NDArray[np.floating]) -> int:
    """The median of a grade's probabilities: the first grade at which half of them are reached.

    Grades are ordered, and the median errs by the fewest grades on average; the most probable one is drawn to the
    two ends, where the last grade gathers all that lies beyond. On 731 held-out hands the bone age is 8.39 months
    off by the median and 8.55 by the mode (girls of 14 to 16 years: bias 0.8 and 10 months).
    """
    return min(int((np.cumsum(p) < 0.5).sum()), len(p) - 1)


def expected_grade(p: list[float]) -> float:
    """Mean of the grade index under probabilities ``p``."""
    return sum(k * v for k, v in enumerate(p))
