"""Whole-hand networks: a picture of the hand (and its sex) to a bone age in months, and for system 4 to a sex.

What all of them share: how they are called, built by the architecture of their card, loaded and asked. The networks
themselves are in `whole_hand_nets` and `cascade`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from boneage_desk.engines.networks.frozen import with_weights

SCALED = ("tf_efficientnet_lite0", "tf_efficientnet_lite2", "tf_efficientnetv2_b3", "convnextv2_atto", "convnextv2_nano", "convnextv2_tiny")
"""timm backbones that the default second opinion ("whole-hand") may be made of."""
DUAL, REGRESSION, CASCADE = "inception_v3_se", "inception_resnet_v2", "inception_v3_cbam_cascade"

_NETWORKS = "boneage_desk.engines.networks"
_BUILDERS: dict[str, tuple[str, str]] = {
    **{name: (f"{_NETWORKS}.whole_hand_nets", "build_distribution") for name in SCALED},
    DUAL: (f"{_NETWORKS}.whole_hand_nets", "build_dual"),
    REGRESSION: (f"{_NETWORKS}.whole_hand_nets", "build_regression"),
    CASCADE: (f"{_NETWORKS}.cascade", "build_cascade"),
}
"""Architecture of a card -> module and function that makes it; the function takes the architecture's name."""


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a network gives for N pictures, as training needs it.

    months: [N] bone age. sex_logit: [N], above 0 is male, or None. bins: [N, K] logits of a distribution over months
    0..K-1 whose mean ``months`` is, or None. extra: whatever more a network's own loss needs, by name.
    """

    months: Tensor
    sex_logit: Tensor | None = None
    bins: Tensor | None = None
    extra: dict[str, Tensor] | None = None


class WholeHand(nn.Module, ABC):
    """Base of all: a subclass gives `outputs` and `gradcam_layer`.

    needs_sex: the answer depends on the sex that is handed in. flips: read_pictures asks the mirrored picture too.
    """

    needs_sex: bool = True
    flips: bool = False

    @abstractmethod
    def outputs(self, pixels: Tensor, male: Tensor) -> Outputs:
        """pixels [N, 1, S, S] in -1..1, male [N] (1 male, 0 female, 0.5 unknown) -> `Outputs`."""

    def forward(self, pixels: Tensor, male: Tensor) -> tuple[Tensor, Tensor | None]:
        """As `outputs`: months [N], and sex logit [N] or None."""
        found = self.outputs(pixels, male)
        return found.months, found.sex_logit

    @abstractmethod
    def gradcam_layer(self, male: float | None = None) -> nn.Module:
        """The module whose output [N, C, h, w] a saliency map is made of. male: where two models share a file."""


@dataclass(frozen=True, slots=True)
class Answers:
    """months: [N] float64, not below 0. male_probability: [N] float64 of the networks that tell the sex, else None."""

    months: NDArray[np.float64]
    male_probability: NDArray[np.float64] | None = None


def build_whole_hand(architecture: str) -> WholeHand:
    """The untrained network of a card's architecture. Raises ValueError for one that is not known."""
    if architecture not in _BUILDERS:
        raise ValueError(f"no whole-hand network is called '{architecture}' (known: {', '.join(_BUILDERS)})")
    module, function = _BUILDERS[architecture]
    make: Callable[[str], WholeHand] = getattr(import_module(module), function)
    return make(architecture)


def load_whole_hand(card: Any, path: Path) -> WholeHand:
    """The trained network of a card (`ModelCard`), evaluation mode, no gradients; the file's hash was checked."""
    model = with_weights(build_whole_hand(card.architecture), path)
    model.flips = bool(card.tables.get("whole_hand", {}).get("flips", False))
    return model


def to_input(pictures: Tensor) -> Tensor:
    """Pictures [N, S, S] uint8 as `imaging.hand_frame.hand_picture` cuts them -> [N, 1, S, S] float32 in -1..1."""
    return (pictures.float() / 127.5 - 1.0)[:, None].contiguous(memory_format=torch.channels_last)


def read_pictures(
    model: nn.Module, pictures: NDArray[np.uint8], male: NDArray[np.floating], *, flips: bool | None = None
) -> Answers:
    """Bone ages of pictures [N, S, S] uint8; male [N]: 1 male, 0 female, 0.5 unknown.

    flips: whether the mirrored picture counts too; None: as the model's card says. Raises ValueError where the model
    needs the sex of a picture and it is unknown, or where the numbers of pictures and sexes differ.
    """
    sexes = np.asarray(male, np.float32)
    if pictures.ndim != 3 or sexes.shape != (len(pictures),):
        raise ValueError(f"{pictures.shape} pictures but {sexes.shape} sexes")
    if not np.isin(sexes, (0.0, 0.5, 1.0)).all():
        raise ValueError("a sex is 1 (male), 0 (female) or 0.5 (unknown)")
    if getattr(model, "needs_sex", True) and (sexes == 0.5).any():
        raise ValueError("this model needs the sex of the child")
    if not len(pictures):
        return Answers(np.zeros(0))
    both = bool(getattr(model, "flips", False)) if flips is None else flips
    device = next(model.parameters()).device
    x, s = to_input(torch.from_numpy(np.ascontiguousarray(pictures)).to(device)), torch.from_numpy(sexes).to(device)
    if both:
        x, s = torch.cat([x, x.flip(-1)]).contiguous(memory_format=torch.channels_last), torch.cat([s, s])
    with torch.inference_mode():
        months, logit = model(x, s)
    looks = 2 if both else 1
    ages = months.double().view(looks, -1).mean(0).clamp(min=0.0).cpu().numpy()
    if logit is None:
        return Answers(ages)
    return Answers(ages, torch.sigmoid(logit.double().view(looks, -1).mean(0)).cpu().numpy())


def gradcam_layer(model: WholeHand, male: float | None = None) -> nn.Module:
    """The module for Grad-CAM; ``male`` picks the model where a file holds one for each sex."""
    return model.gradcam_layer(male)
