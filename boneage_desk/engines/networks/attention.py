"""Attention blocks, and how they are put after the Inception blocks of timm's InceptionV3.

Squeeze-excitation: Hu et al., CVPR 2018. CBAM: Woo et al., ECCV 2018 (channel attention, then spatial attention).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

INCEPTION_BLOCKS: dict[str, int] = {
    "Mixed_5b": 256, "Mixed_5c": 288, "Mixed_5d": 288,
    "Mixed_6a": 768, "Mixed_6b": 768, "Mixed_6c": 768, "Mixed_6d": 768, "Mixed_6e": 768,
    "Mixed_7a": 1280, "Mixed_7b": 2048, "Mixed_7c": 2048,
}  # fmt: skip
"""Inception blocks of timm's ``inception_v3`` and the channels that they give."""


class SqueezeExcitation(nn.Module):
    """Each channel times a weight 0..1 that all channels' means decide: [N, C, H, W] -> [N, C, H, W]."""

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, max(1, channels // reduction), 1)
        self.expand = nn.Conv2d(max(1, channels // reduction), channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        squeezed = x.mean((2, 3), keepdim=True)
        return x * torch.sigmoid(self.expand(torch.relu(self.reduce(squeezed))))


class Cbam(nn.Module):
    """Convolutional block attention module: channel weights from mean and maximum through one shared pair of layers,
    then a weight for each place from the channels' mean and maximum: [N, C, H, W] -> [N, C, H, W]."""

    def __init__(self, channels: int, reduction: int = 16, kernel: int = 7) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, max(1, channels // reduction), 1, bias=False)
        self.expand = nn.Conv2d(max(1, channels // reduction), channels, 1, bias=False)
        self.place = nn.Conv2d(2, 1, kernel, padding=kernel // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        mean, most = x.mean((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)
        x = x * torch.sigmoid(self.expand(torch.relu(self.reduce(mean))) + self.expand(torch.relu(self.reduce(most))))
        places = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)
        return x * torch.sigmoid(self.place(places))


def attend(trunk: nn.Module, make: Callable[[int], nn.Module]) -> None:
    """Put ``make(channels)`` after each Inception block of ``trunk`` (timm's inception_v3), in place.

    A block named Mixed_x becomes a pair: its weights are named ``Mixed_x.0.``, the attention's ``Mixed_x.1.``.
    """
    for name, channels in INCEPTION_BLOCKS.items():
        setattr(trunk, name, nn.Sequential(getattr(trunk, name), make(channels)))
