"""Grad-CAM: it depends on the weights and on the picture, and comes back to the film in its place."""

from __future__ import annotations

import numpy as np
import pytest

from boneage_desk.engines import saliency
from boneage_desk.imaging.crops import CropSpec, film_to_crop
from boneage_desk.reading.findings import Box


@pytest.fixture(scope="module")
def crop() -> np.ndarray:
    y, x = np.indices((96, 96))
    blob = np.exp(-((x - 30) ** 2 + (y - 60) ** 2) / 90)
    noise = np.random.default_rng(0).normal(0, 0.02, (96, 96))
    return ((0.2 + 0.7 * blob + noise).clip(0, 1) * 255).astype(np.uint8)


def grader(seed: int) -> object:
    import torch

    from boneage_desk.engines.networks.grader import Grader

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    model = Grader().eval()
    torch.nn.init.normal_(model.heads.latent.weight, std=0.5)
    return model


def test_randomised_weights_change_the_map(crop: np.ndarray) -> None:
    first, again, other = (
        saliency.to_unit(saliency.grad_cam(grader(seed), crop, "radius"))  # type: ignore[arg-type]
        for seed in (1, 1, 2)
    )
    np.testing.assert_allclose(first, again, atol=1e-5)
    assert np.abs(first - other).mean() > 0.05


def test_another_bone_has_another_map(crop: np.ndarray) -> None:
    model = grader(1)
    one, other = (saliency.to_unit(saliency.grad_cam(model, crop, b)) for b in ("radius", "dp5"))  # type: ignore[arg-type]
    assert np.abs(one - other).mean() > 0.02


def test_the_layer_is_the_last_picture_of_the_trunk() -> None:
    model = grader(1)
    assert saliency.last_convolution(model.trunk) is model.trunk.bn2  # type: ignore[attr-defined]


@pytest.mark.parametrize("angle", [0.0, 30.0, -90.0, 180.0])
@pytest.mark.parametrize("mirror", [False, True])
def test_a_hot_cell_comes_back_to_its_place_on_the_film(angle: float, mirror: bool) -> None:
    spec = CropSpec(500, 700, 200, angle, mirror)
    coarse = np.zeros((6, 6), np.float32)
    coarse[3, 4] = 2
    box = Box(400, 600, 600, 800)
    values = saliency.over_box(coarse, spec, box)
    assert values.shape == (200, 200)
    row, column = np.unravel_index(int(values.argmax()), values.shape)
    hot = film_to_crop(np.array([[400 + column + 0.5, 600 + row + 0.5]]), spec, 6)[0]
    np.testing.assert_allclose(hot, [4.5, 3.5], atol=0.1)


def test_the_map_of_a_large_oblong_box_is_small_and_keeps_its_shape() -> None:
    values = saliency.over_box(np.ones((3, 3), np.float32), CropSpec(500, 500, 900), Box(50, 300, 950, 600))
    assert values.shape == (85, 256)


def test_a_flat_map_is_nothing() -> None:
    assert not saliency.to_unit(np.full((4, 4), 3, np.float32)).any()
