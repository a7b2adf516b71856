"""Where the grader looked: Grad-CAM and occlusion (captum), on the crop and back on the film. Child process only.

The target is the bone's latent grade, the one number that its ordinal head cuts into grades: the
probability of a single grade has no slope at its own peak. What pushes that number up counts as what pushes it down.
Grad-CAM reads the last layer with 6 x 6 cells on a crop of 96 px (at the network's end there are 3 x 3: too coarse for
an epiphysis), gradient times activation cell by cell (HiResCAM: Draelos and Carin 2020): with gradients averaged over the
crop, as in the first Grad-CAM, blurring the places shown moved the grade less far (0.96 against 1.28 grades). Occlusion
covers a square at a time with the blurred crop, which shows no edge, and asks how far the grade moves: slower, and
it needs no gradient. `boneage_desk.training.evaluate_saliency` measures both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt

from boneage_desk.common.errors import InputError
from boneage_desk.imaging.crops import CropSpec, film_to_crop
from boneage_desk.reading.findings import Box

if TYPE_CHECKING:
    from torch import Tensor, nn

    from boneage_desk.engines.networks.grader import Grader

METHODS = ("grad-cam", "occlusion")
MAP_SIDE = 256  # longest side of the returned map, pixels
EDGE = 1.5  # pixels of the map over which it fades to nothing at the edge of what the model saw
CELLS = 16  # pixels of the crop to a cell of the layer that Grad-CAM reads
PATCH, STRIDE = 1 / 6, 1 / 8  # side and step of the covering square, shares of the crop
BLUR = 1 / 8  # standard deviation of what covers, share of the crop


def cell_layer(model: Grader) -> nn.Module:
    """The trunk's last stage whose output is the crop at one cell to CELLS pixels."""
    found = [k for k, info in enumerate(model.trunk.feature_info) if info["reduction"] == CELLS]
    if not found:
        raise ValueError(f"a trunk without a layer of {CELLS} pixels a cell")
    return cast("nn.Module", model.trunk.get_submodule(model.trunk.feature_info[found[-1]]["module"]))


def saliency_map(
    model: Grader, crop: npt.NDArray[np.uint8], bone: str, method: str = METHODS[0]
) -> npt.NDArray[np.float32]:
    """Map (h, w) over one crop (S, S) uint8, >= 0, by a method of METHODS. Raises InputError for another."""
    if method == "grad-cam":
        return grad_cam(model, crop, bone)
    if method == "occlusion":
        return occlusion(model, crop, bone)
    raise InputError(f"There is no saliency method '{method}'.", f"Use one of: {', '.join(METHODS)}.", code="method")


def _latent_of(
    model: Grader, crop: npt.NDArray[np.uint8], bone: str
) -> tuple[Callable[[Tensor], Tensor], Tensor]:
    """The bone's latent grade as a function of pixels [N, 1, S, S], and the crop as such pixels."""
    import torch

    from boneage_desk.engines.networks.grader import BONES, normalise_crops

    device = next(model.parameters()).device
    number = BONES.index(bone)

    def latent(batch: Tensor) -> Tensor:
        return model(batch, torch.full((len(batch),), number, device=batch.device))[0]

    return latent, torch.from_numpy(normalise_crops(crop[None])).to(device)


def grad_cam(model: Grader, crop: npt.NDArray[np.uint8], bone: str) -> npt.NDArray[np.float32]:
    """Grad-CAM of ``bone``'s latent grade for one crop (S, S) uint8 -> (S / 16, S / 16), >= 0."""
    import torch
    from captum.attr import LayerGradientXActivation

    latent, pixels = _latent_of(model, crop, bone)
    with torch.enable_grad():
        raw = LayerGradientXActivation(latent, cell_layer(model)).attribute(pixels.requires_grad_(True))
    signed = raw[0].detach().sum(0).float().cpu().numpy()
    result: npt.NDArray[np.float32] = np.abs(signed).astype(np.float32)
    return result


def occlusion(model: Grader, crop: npt.NDArray[np.uint8], bone: str) -> npt.NDArray[np.float32]:
    """How far ``bone``'s latent grade moves when a place of the crop (S, S) uint8 is covered -> (S, S), >= 0, in grades.

    Of a pixel: the mean over the squares that cover it.
    """
    import torch
    from captum.attr import Occlusion
    from torchvision.transforms.functional import gaussian_blur

    latent, pixels = _latent_of(model, crop, bone)
    side = pixels.shape[-1]
    patch, stride = max(2, round(side * PATCH)), max(1, round(side * STRIDE))
    with torch.inference_mode():
        cover = gaussian_blur(pixels, [2 * (side // 3) + 1] * 2, [side * BLUR] * 2)
        raw = Occlusion(latent).attribute(
            pixels, sliding_window_shapes=(1, patch, patch), strides=(1, stride, stride), baselines=cover,
            perturbations_per_eval=32,
        )  # fmt: skip
    result: npt.NDArray[np.float32] = np.abs(raw[0, 0].float().cpu().numpy()).astype(np.float32)
    return result


def to_unit(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Stretched to 0..1; all zeros where there is nothing but one value."""
    low, high = float(values.min()), float(values.max())
    if not np.isfinite(high) or high - low < 1e-12:
        return np.zeros_like(values)
    return ((values - low) / (high - low)).astype(np.float32)


def over_box(coarse: npt.NDArray[np.float32], spec: CropSpec, box: Box) -> npt.NDArray[np.float32]:
    """The map of a turned crop as a picture over ``box`` in film orientation, 0..1.

    ``coarse``: (h, w) over the whole crop ``spec``. Outside the crop nothing is said: 0. Towards the crop's edge, from
    `EDGE` pixels of the map within, the values fade to 0, so that the edge of a turned crop is a line and no stair.
    """
    width, height = box.x1 - box.x0, box.y1 - box.y0
    scale = min(1.0, MAP_SIDE / max(width, height))
    columns, rows = max(1, round(width * scale)), max(1, round(height * scale))
    x = box.x0 + (np.arange(columns) + 0.5) * (width / columns)
    y = box.y0 + (np.arange(rows) + 0.5) * (height / rows)
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    unit = film_to_crop(points, spec, 1)
    within = np.minimum(unit, 1 - unit).min(axis=1) * spec.side * (columns / width)  # pixels of the map; outside negative
    sampled = _bilinear(to_unit(coarse), unit) * np.clip(within / EDGE, 0, 1)
    return sampled.astype(np.float32).reshape(rows, columns)


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
