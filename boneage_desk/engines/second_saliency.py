"""Where a whole-hand model looked, over the picture of the hand: Grad-CAM. Child process only.

Gradient of the bone age times activation, cell by cell (HiResCAM: Draelos and Carin 2020), as for the grader: what
makes the age younger counts as what makes it older. A cascade is shown by its readers, on the two regions that they
read; beyond them its answer has seen nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from torch import Tensor

    from boneage_desk.engines.networks.whole_hand import WholeHand

UNPADDED = ("inception_v3_se", "inception_resnet_v2")
"""Architectures whose cells do not reach the picture's edge: see `networks.cascade.FIRST_CELL`."""
GRID = 48
"""Side of the map over the picture when its cells had to be moved to where they are, or lie in regions of it."""


def cells(
    model: WholeHand, architecture: str, picture: npt.NDArray[np.uint8], male: float
) -> npt.NDArray[np.float32]:
    """The map [h, w] >= 0 over one picture [S, S] uint8, its cells evenly spread over it. male: 1, 0 or 0.5."""
    import torch

    from boneage_desk.engines.networks.cascade import Cascade
    from boneage_desk.engines.networks.whole_hand import to_input

    device = next(model.parameters()).device
    pixels = to_input(torch.from_numpy(np.ascontiguousarray(picture[None])).to(device))
    if isinstance(model, Cascade):
        raw = model.saliency(pixels, pixels.new_full((1,), male), GRID)[0]
    else:
        raw = _gradient_times_activation(model, pixels, male)
    values = raw.detach().float().cpu().numpy().astype(np.float32)
    return spread(values, picture.shape[0]) if architecture in UNPADDED else values


def _gradient_times_activation(model: WholeHand, pixels: Tensor, male: float) -> Tensor:
    import torch

    from boneage_desk.engines.networks.whole_hand import gradcam_layer

    seen: list[Tensor] = []
    hook = gradcam_layer(model, male).register_forward_hook(lambda _layer, _given, out: seen.append(out))
    try:
        with torch.enable_grad():
            months = model(pixels.requires_grad_(True), pixels.new_full((1,), male))[0]
            (slope,) = torch.autograd.grad(months.sum(), seen[-1])
    finally:
        hook.remove()
    return (seen[-1] * slope)[0].sum(0).abs()


def spread(values: npt.NDArray[np.float32], side: int) -> npt.NDArray[np.float32]:
    """A map [n, n] whose cells lie FIRST_CELL + k CELL_STEP pixels from the edge of a picture of ``side`` pixels, as a
    map [GRID, GRID] evenly spread over that picture; beyond the outermost cells their values are held."""
    from boneage_desk.engines.networks.cascade import CELL_STEP, FIRST_CELL

    where = ((np.arange(GRID) + 0.5) / GRID * side - FIRST_CELL) / CELL_STEP
    rows = np.stack([np.interp(where, np.arange(values.shape[1]), row) for row in values])
    columns = np.stack([np.interp(where, np.arange(values.shape[0]), column) for column in rows.T], axis=1)
    return columns.astype(np.float32)
