"""Whole-hand networks on the fast CPU backends, checked against PyTorch before one is used. Child process only.

What cannot be traced as one piece (a network for each sex, a cascade that cuts where it looked) is converted in parts.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from boneage_desk.engines import backends
from boneage_desk.engines.cards import ModelCard
from boneage_desk.engines.networks.cascade import LOCATOR_SIDE, Cascade, Locator, Reader, crop_side
from boneage_desk.engines.networks.whole_hand import WholeHand
from boneage_desk.engines.networks.whole_hand_nets import RegressionHand

MONTHS_APART, LOGIT_APART = 0.1, 0.05
"""How far the fast network may be from PyTorch's on the test pictures; a further one is not used."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece that is traced as one: its name, the module, example inputs."""

    name: str
    module: nn.Module
    example: tuple[Tensor, ...]


class _Traceable(nn.Module):
    """Months alone, or (months, sex logit): tracing knows no None. ``alone``: the sex is not an input."""

    def __init__(self, model: nn.Module, *, alone: bool) -> None:
        super().__init__()
        self.model, self.alone = model, alone

    def forward(self, pixels: Tensor, *male: Tensor) -> Any:
        """pixels [N, 1, S, S], male [N] unless ``alone``."""
        sex = pixels.new_full((pixels.shape[0],), 0.5) if self.alone else male[0]
        months, logit = self.model(pixels, sex)
        return months if logit is None else (months, logit)


class _Features(nn.Module):
    """A locator's last feature map, of pixels that it need not shrink."""

    def __init__(self, locator: Locator) -> None:
        super().__init__()
        self.locator = locator

    def forward(self, pixels: Tensor) -> Tensor:
        """[N, 1, s, s] -> [N, C, h, w]."""
        return self.locator.features(pixels)


class FastWholeHand(nn.Module):
    """Called as the network that it stands for."""

    def __init__(self, fast: nn.Module, *, alone: bool, needs_sex: bool, flips: bool) -> None:
        super().__init__()
        self.fast, self.alone, self.needs_sex, self.flips = fast, alone, needs_sex, flips

    def forward(self, pixels: Tensor, male: Tensor) -> tuple[Tensor, Tensor | None]:
        """See `WholeHand.forward`."""
        found = self.fast(pixels) if self.alone else self.fast(pixels, male)
        return found if isinstance(found, tuple) else (found, None)


class _FastLocator(nn.Module):
    """A locator whose trunk is fast; its head of one number a feature stays in PyTorch."""

    def __init__(self, fast: nn.Module, locator: Locator) -> None:
        super().__init__()
        self.fast, self.head = fast, locator.head

    def features(self, pixels: Tensor) -> Tensor:
        """See `Locator.features`."""
        if pixels.shape[-1] > LOCATOR_SIDE:
            pixels = F.interpolate(pixels, (LOCATOR_SIDE, LOCATOR_SIDE), mode="bilinear", antialias=True)
        return cast(Tensor, self.fast(pixels))

    def age_map(self, features: Tensor) -> Tensor:
        """See `Locator.age_map`, which reads nothing but the head."""
        return Locator.age_map(cast(Locator, self), features)


class _Crops(nn.Module):
    """A reader's last feature maps of both regions' crops."""

    def __init__(self, reader: Reader) -> None:
        super().__init__()
        self.reader = reader

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """See `Reader.features`."""
        return self.reader.features(crops)


class _FastReader(nn.Module):
    """A reader whose two trunks are fast; its last layers, which pair a picture's crops, stay in PyTorch."""

    def __init__(self, fast: nn.Module, reader: Reader) -> None:
        super().__init__()
        self.fast, self.join, self.sex, self.answer = fast, reader.join, reader.sex, reader.answer
        self.weigh = reader.weigh

    def forward(self, crops: Tensor, male: Tensor) -> Tensor:
        """See `Reader`."""
        return Reader.months(cast(Reader, self), *self.fast(crops.flatten(0, 1)), male)


def parts(model: nn.Module, size: int, engine: str, male: float) -> list[Part]:
    """What of ``model`` is converted for pictures of ``size`` pixels a side and this sex."""
    role = engine.replace("-", "_")  # a hyphen would end the role in the kept file's name
    pixels = torch.zeros(2, 1, size, size)
    if isinstance(model, RegressionHand) and male in (0.0, 1.0):
        name, one = ("male", model.male) if male == 1.0 else ("female", model.female)
        return [Part(f"{role}_{name}", _Traceable(one, alone=True), (pixels,))]
    if isinstance(model, Cascade):
        side = min(size, LOCATOR_SIDE)
        crops = torch.zeros(2, 1, crop_side(size), crop_side(size))
        return [
            Part(f"{role}_locator", _Features(model.locator), (torch.zeros(2, 1, side, side),)),
            Part(f"{role}_reader", _Crops(model.reader), (crops,)),
        ]
    alone = not getattr(model, "needs_sex", True)
    example = (pixels,) if alone else (pixels, torch.tensor([0.0, 1.0]))
    return [Part(role, _Traceable(model, alone=alone), example)]


def _key(part: Part, card: ModelCard) -> str:
    return f"{part.name}-{card.sha256[:16]}-{card.input_size}"


def kept(model: nn.Module, card: ModelCard, engine: str, male: float, *, backend: str, cache: Path) -> bool:
    """Whether every part was converted before."""
    return all(
        backends.kept(backend, cache, _key(part, card)).exists() for part in parts(model, card.input_size, engine, male)
    )


def faster(
    model: WholeHand, card: ModelCard, engine: str, male: float, *, backend: str, cache: Path, threads: int
) -> nn.Module | None:
    """``model`` for a child told to be ``male`` (1, 0, 0.5 unknown) run by ``backend``; None where that fails, or
    where it does not say what PyTorch says."""
    pieces = parts(model, card.input_size, engine, male)
    modules = []
    for part in pieces:
        fast = backends.fast_module(
            part.module, *part.example, backend=backend, cache=cache, key=_key(part, card), threads=threads, compare=False
        )
        if fast is None:
            return None
        modules.append(fast)
    built = _assembled(model, modules, male)
    apart = _disagreement(model, built, card.input_size, male)
    if apart:
        sys.stderr.write(f"{backend} is not used for {card.full_tag}: {apart}\n")
        return None
    return built


def _assembled(model: WholeHand, modules: Sequence[nn.Module], male: float) -> nn.Module:
    if isinstance(model, Cascade):
        built = copy.copy(model)
        built._modules = {"locator": _FastLocator(modules[0], model.locator), "reader": _FastReader(modules[1], model.reader)}
        return built
    alone = not model.needs_sex or (isinstance(model, RegressionHand) and male in (0.0, 1.0))
    return FastWholeHand(modules[0], alone=alone, needs_sex=model.needs_sex, flips=model.flips).eval()


def _disagreement(model: nn.Module, fast: nn.Module, size: int, male: float) -> str:
    """'' where both say the same of drawn pictures, else what differs."""
    coarse = torch.linspace(-1, 1, 3 * 9 * 9).sin().mul(37).sin().view(3, 1, 9, 9)
    pixels = F.interpolate(coarse, (size, size), mode="bilinear").contiguous(memory_format=torch.channels_last)
    sex = torch.full((3,), male)
    with torch.inference_mode():
        months, logit = model(pixels, sex)
        try:
            fast_months, fast_logit = fast(pixels, sex)
        except Exception as error:  # a number of pictures that the tracing took for fixed, an operation it lacks
            return f"it fails ({type(error).__name__}: {error})"
    if fast_months.shape != months.shape:
        return f"it gives {tuple(fast_months.shape)} answers"
    apart = float((months - fast_months).abs().max())
    if not apart <= MONTHS_APART:
        return f"its ages are up to {apart:.2f} months off"
    if (logit is None) != (fast_logit is None):
        return "one tells the sex and one does not"
    apart = 0.0 if logit is None else float((logit - fast_logit).abs().max())
    return "" if apart <= LOGIT_APART else f"its sex logits are up to {apart:.2f} off"
