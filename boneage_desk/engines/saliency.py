"""Where the grader looked: Grad-CAM (captum) on the last convolution of its trunk. Child process only.

The target is the bone's latent grade, the one number that its ordinal head cuts into grades: the
probability of a single grade has no slope at its own peak. Grad-CAM keeps what pushes that number up or
down; what is alike all over the crop (its median) says nothing about a place and is taken off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from boneage_desk.imaging.crops import CropSpec, film_to_crop
from boneage_desk.reading.findings import Box

if TYPE_CHECKING:
    from torch import nn

    from boneage_desk.engines.networks.grader import Grader

MAP_SIDE = 256  # longest side of the returned map, pixels


def last_convolution(model: nn.Module) -> nn.Module:
    """The layer behind the last convolution whose output is still a picture: its norm and activation where
    they are one layer (timm's ``bn2``), else the convolution itself."""
    from torch import nn

    found: nn.Module | None = None
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.BatchNorm2d):
            found = module
    if found is None:
        raise ValueError("a network without a convolution")
    return found


def grad_cam(model: Grader, crop: npt.NDArray[np.uint8], bone: str) -> npt.NDArray[np.float32]:
    """Grad-CAM of ``bone``'s latent grade for one crop (S, S) uint8 -> (h, w) of the last layer, >= 0."""
    import torch
    from captum.attr import LayerGradCam

    from boneage_desk.engines.networks.grader import BONES, normalise_crops

    device = next(model.parameters()).device
    pixels = torch.from_numpy(normalise_crops(crop[None])).to(device)
    index = torch.tensor([BONES.index(bone)], device=device)

    def latent(batch: torch.Tensor, bones: torch.Tensor) -> torch.Tensor:
        return model(batch, bones)[0]

    with torch.enable_grad():
        cam = LayerGradCam(latent, last_convolution(model.trunk))
        pixels.requires_grad_(True)
        raw = cam.attribute(pixels, additional_forward_args=(index,), relu_attributions=False)
    signed = raw[0, 0].detach().float().cpu().numpy()
    result: npt.NDArray[np.float32] = np.abs(signed - np.median(signed)).astype(np.float32)
    return result


def to_unit(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Stretched to 0..1; all zeros where there is nothing but one value."""
    low, high = float(values.min()), float(values.max())
    if not np.isfinite(high) or high - low < 1e-12:
        return np.zeros_like(values)
    return ((values - low) / (high - low)).astype(np.float32)


def over_box(coarse: npt.NDArray[np.float32], spec: CropSpec, box: Box) -> npt.NDArray[np.float32]:
    """The map of a turned crop as a picture over ``box`` in film orientation, 0..1.

    ``coarse``: (h, w) over the whole crop ``spec``. Pixels of the box outside the crop are 0.
    """
    width, height = box.x1 - box.x0, box.y1 - box.y0
    scale = min(1.0, MAP_SIDE / max(width, height))
    columns, rows = max(1, round(width * scale)), max(1, round(height * scale))
    x = box.x0 + (np.arange(columns) + 0.5) * (width / columns)
    y = box.y0 + (np.arange(rows) + 0.5) * (height / rows)
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    unit = film_to_crop(points, spec, 1)
    inside = ((unit >= 0) & (unit <= 1)).all(axis=1)
    sampled = _bilinear(to_unit(coarse), unit)
    return np.where(inside, sampled, 0).astype(np.float32).reshape(rows, columns)


def _bilinear(grid: npt.NDArray[np.float32], unit: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Values of ``grid`` (cells over the unit square) at points [N, 2] (x, y) in 0..1."""
    rows, columns = grid.shape
    u = np.clip(unit[:, 0] * columns - 0.5, 0, columns - 1)
    v = np.clip(unit[:, 1] * rows - 0.5, 0, rows - 1)
    x0, y0 = u.astype(int), v.astype(int)
    x1, y1 = np.minimum(x0 + 1, columns - 1), np.minimum(y0 + 1, rows - 1)
    fx, fy = u - x0, v - y0
    top = grid[y0, x0] * (1 - fx) + grid[y0, x1] * fx
    bottom = grid[y1, x0] * (1 - fx) + grid[y1, x1] * fx
    result: npt.NDArray[np.float64] = top * (1 - fy) + bottom * fy
    return result
