"""Outlines of one bone's epiphysis and metaphysis edge on its crop: a small U-Net, beside the grader.

It names no bone: every crop is turned so that the shaft lies below (`engines.measure.upright`), and the network
outlines the epiphysis in the middle and the strip between it and the shaft with the metaphysis' edge.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from boneage_desk.engines.networks.frozen import with_weights
from boneage_desk.engines.networks.grader import normalise_crops

CLASSES = ("neither", "epiphysis", "metaphysis edge")
WIDTHS = (16, 32, 64, 96)


def _pair(inside: int, outside: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (inside, outside):
        layers += [nn.Conv2d(channels, outside, 3, padding=1, bias=False), nn.BatchNorm2d(outside), nn.ReLU()]
    return nn.Sequential(*layers)


class Segmenter(nn.Module):
    """Crops [N, 1, S, S] in -1..1 (S a multiple of 16) -> logits [N, 3, S, S] of :data:`CLASSES`.

    Works at half size: the picture goes in as four channels and the logits come out as four.
    """

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList(_pair(a, b) for a, b in zip((4, *WIDTHS), WIDTHS, strict=False))
        pairs = zip(WIDTHS[:0:-1], WIDTHS[-2::-1], strict=True)
        self.up = nn.ModuleList(_pair(deep + flat, flat) for deep, flat in pairs)
        self.head = nn.Conv2d(WIDTHS[0], 4 * len(CLASSES), 1)
        # pixel_unshuffle as a convolution: OpenVINO's CPU plug-in cannot compile the former before another one
        self.register_buffer("fold", torch.eye(4).reshape(4, 1, 2, 2), persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """See the class."""
        x = F.conv2d(pixels, self.fold, stride=2)
        kept: list[Tensor] = []
        for k, layer in enumerate(self.down):
            x = layer(x if k == 0 else F.max_pool2d(x, 2))
            kept.append(x)
        for layer, flat in zip(self.up, kept[-2::-1], strict=True):
            x = layer(torch.cat([F.interpolate(x, scale_factor=2.0, mode="nearest"), flat], 1))
        return F.pixel_shuffle(self.head(x), 2)


def load_segmenter(card: Any, weights_path: Path) -> Segmenter:
    """The trained network in float32 evaluation mode; the caller has checked the file's hash."""
    if tuple(card.classes) != CLASSES:
        raise ValueError(f"the card's classes {card.classes} are not the segmenter's {CLASSES}")
    return with_weights(Segmenter(), weights_path)


def segment(model: nn.Module, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Probabilities [N, 3, S, S] of :data:`CLASSES` on upright crops [N, S, S] uint8."""
    pixels = torch.from_numpy(normalise_crops(crops)).contiguous(memory_format=torch.channels_last)
    weight = next(model.parameters(), None)
    with torch.inference_mode():
        logits = model(pixels if weight is None else pixels.to(weight.device))
        return logits.float().softmax(1).cpu().numpy()
