"""Trained weights put into a network for inference."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import torch
from safetensors.torch import load_file
from torch import nn

Network = TypeVar("Network", bound=nn.Module)


def with_weights(model: Network, weights_path: Path) -> Network:
    """``model`` with the file's weights in float32, in evaluation mode, without gradients, channels last.

    The caller has checked the file's hash. Raises RuntimeError where a tensor is missing, too many or of another shape.
    """
    state = {k: v.float() if v.is_floating_point() else v for k, v in load_file(weights_path).items()}
    model.load_state_dict(state, strict=True)
    model.eval()
    for p in model.parameters():
        p.requires_grad_(False)
    return model.to(memory_format=torch.channels_last)
