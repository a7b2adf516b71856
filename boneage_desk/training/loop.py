"""What training loops share: rate by share of the run, mean of the weights, checkpoints that are whole or not there."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from boneage_desk.engines.networks.packed import halved


def cosine_rate(share: float, step: int, warm: int) -> float:
    """Factor of the rate: up over the first ``warm`` steps, then down a cosine to 1 % at ``share`` = 1."""
    return min(1.0, (step + 1) / max(1, warm)) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, share))))


def follow(mean: nn.Module, model: nn.Module, keep: float) -> None:
    """``mean`` goes a share 1 - keep of the way to ``model``: weights and running statistics; counters are copied."""
    with torch.no_grad():
        pairs = list(zip(mean.state_dict().values(), model.state_dict().values(), strict=True))
        floats = [(a, b) for a, b in pairs if a.is_floating_point()]
        torch._foreach_lerp_([a for a, _ in floats], [b for _, b in floats], 1 - keep)  # at once: a GPU waits less
        for a, b in pairs:
            if not a.is_floating_point():
                a.copy_(b)


def write_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write ``state`` whole; a kill leaves the old file or the new one."""
    part = path.with_name(path.name + ".part")
    torch.save(state, part)
    os.replace(part, path)


def save_half(model: nn.Module, path: Path) -> None:
    """Write the state dict as safetensors, floats in half precision, in one rename."""
    temporary = path.with_suffix(".tmp")
    save_file(halved(model.state_dict()), temporary)
    temporary.replace(path)


def weight_groups(model: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Parameter groups: norms, biases and other vectors are not drawn to zero."""
    wide = [p for p in model.parameters() if p.requires_grad and p.ndim > 1]
    rest = [p for p in model.parameters() if p.requires_grad and p.ndim <= 1]
    return [{"params": wide, "weight_decay": decay}, {"params": rest, "weight_decay": 0.0}]
