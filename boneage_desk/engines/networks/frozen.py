"""Trained weights put into a network for inference."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import channels_last, nn

from boneage_desk.common.errors import EngineError
from boneage_desk.engines.networks.packed import unpacked

Network = TypeVar("Network", bound=nn.Module)


def with_weights(model: Network, weights_path: Path) -> Network:
    """``model`` with the file's weights in float32, in evaluation mode, without gradients, channels last.

    The caller has checked the file's hash. Raises EngineError weights-architecture where the file is no safetensors or
    a tensor is missing, too many or of another shape.
    """
    try:
        model.load_state_dict(unpacked(load_file(weights_path)), strict=True)
    except (SafetensorError, RuntimeError, ValueError, TypeError, OSError) as error:
        first = " ".join(str(error).split())[:300]
        raise EngineError(
            f"'{weights_path}' does not hold the weights of a {type(model).__name__} as this program builds it: {first}",
            "Take the model out of the folder of models, or one that was made by this version.",
            code="weights-architecture",
        ) from error
    model.eval()
    for p in model.parameters():
        p.requires_grad_(False)
    return model.to(memory_format=channels_last)
