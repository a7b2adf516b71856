"""Weights as they lie in a file: half precision, or whole numbers of 8 bits with a scale for each output channel.

Eight bits halve a large network's file; in use the weights are single precision again. What they cost in accuracy is in
the card, whose figures are measured with the weights of the file.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

SCALE = ":scale"
SMALLEST = 2048
"""Tensors of fewer numbers stay in half precision."""


def halved(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Floats in half precision, contiguous, on the CPU."""
    return {k: (v.detach().half() if v.is_floating_point() else v.detach()).contiguous().cpu() for k, v in state.items()}


def packed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """As `halved`, but weights of convolutions and linear layers as int8 ``name`` and float32 ``name:scale`` [out]."""
    out = halved(state)
    for name, value in state.items():
        if not value.is_floating_point() or value.ndim < 2 or value.numel() < SMALLEST:
            continue
        rows = value.detach().float().cpu().flatten(1)
        scale = rows.abs().amax(1).clamp(min=1e-12) / 127
        out[name] = torch.round(rows / scale[:, None]).to(torch.int8).view(value.shape).contiguous()
        out[name + SCALE] = scale
    return out


def unpacked(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Floats in single precision, int8 weights times their scale; whatever the file's precision was."""
    out = {}
    for name, value in state.items():
        if name.endswith(SCALE):
            continue
        scale = state.get(name + SCALE)
        if scale is not None:
            if scale.shape != value.shape[:1]:
                raise ValueError(f"the scale of {name} is not one number for each output channel")
            out[name] = value.float() * scale.float().view(-1, *[1] * (value.ndim - 1))
        else:
            out[name] = value.float() if value.is_floating_point() else value
    return out
