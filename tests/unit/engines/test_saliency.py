"""Saliency maps: they depend on the weights and on the picture, and come back to the film in its place."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from boneage_desk.common.errors import InputError
from boneage_desk.engines import saliency
from boneage_desk.imaging.crops import CropSpec, crop_to_film, film_to_crop
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


@pytest.mark.parametrize("method", saliency.METHODS)
def test_randomised_weights_change_the_map(crop: np.ndarray, method: str) -> None:
    first, again, other = (
        saliency.to_unit(saliency.saliency_map(grader(seed), crop, "radius", method))  # type: ignore[arg-type]
        for seed in (1, 1, 2)
    )
    np.testing.assert_allclose(first, again, atol=1e-5)
    assert np.abs(first - other).mean() > 0.05


@pytest.mark.parametrize("method", saliency.METHODS)
def test_another_bone_has_another_map(crop: np.ndarray, method: str) -> None:
    model = grader(1)
    one, other = (saliency.to_unit(saliency.saliency_map(model, crop, b, method)) for b in ("radius", "dp5"))  # type: ignore[arg-type]
    assert np.abs(one - other).mean() > 0.02


def test_the_layer_has_a_cell_to_sixteen_pixels_and_the_map_of_covers_is_as_fine_as_the_crop(crop: np.ndarray) -> None:
    model = grader(1)
    assert saliency.grad_cam(model, crop, "mc3").shape == (6, 6)  # type: ignore[arg-type]
    assert saliency.occlusion(model, crop, "mc3").shape == (96, 96)  # type: ignore[arg-type]


def test_covering_shows_the_only_place_that_a_grade_hangs_on(crop: np.ndarray) -> None:
    """A network whose grade is the brightness of one corner, so that the answer is known."""
    import torch

    class Corner(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(1))

        def forward(self, pixels: torch.Tensor, bones: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            assert (bones == 0).all()
            latent = pixels[:, 0, 64:88, 8:32].mean((1, 2)) * self.weight
            return latent, latent

    noise = np.random.default_rng(1).integers(0, 255, (96, 96)).astype(np.uint8)
    values = saliency.occlusion(Corner(), noise, "radius")  # type: ignore[arg-type]
    inside = values[56:96, 0:40].sum() / values.sum()
    assert inside > 0.99


def test_an_unknown_method_is_refused(crop: np.ndarray) -> None:
    with pytest.raises(InputError, match="tarot") as caught:
        saliency.saliency_map(grader(1), crop, "radius", "tarot")  # type: ignore[arg-type]
    assert "occlusion" in caught.value.remedy


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


@pytest.mark.parametrize("angle", [7.0, 25.0, 45.0, -63.0])
def test_the_edge_of_a_turned_crop_is_a_line_and_no_stair(angle: float) -> None:
    """As the window draws it: the map enlarged by bilinear interpolation, its contours followed along the crop's edges."""
    coarse = np.full((2, 2), 5, np.float32)
    coarse[0, 0] = 4.5  # to_unit: 0 in one corner, 1 in the others
    spec = CropSpec(1500, 1125, 1400, angle)
    values = saliency.over_box(coarse, spec, Box(0, 0, 3000, 2250))
    scale = values.shape[1] / 3000
    y, x = np.mgrid[: values.shape[0], : values.shape[1]] + 0.5
    unit = film_to_crop(np.stack([x.ravel(), y.ravel()], 1) / scale, spec, 1).reshape(*values.shape, 2)
    within = np.minimum(unit, 1 - unit).min(-1)
    assert values[within < 0].max() == 0, "nothing is said of what the model did not see"
    assert values[within > 2.5 / (1400 * scale)].max() == pytest.approx(1)
    big = np.asarray(Image.fromarray(values).resize((values.shape[1] * 8, values.shape[0] * 8), Image.Resampling.BILINEAR))
    along = np.linspace(0.3, 0.7, 200)  # of the lower edge, far from the faint corner
    depths = np.linspace(-4, 6, 201)  # pixels of the map, inwards
    at = np.stack(np.broadcast_arrays(along[:, None], 1 - depths[None] / (1400 * scale)), -1)
    film = crop_to_film(at.reshape(-1, 2), spec, 1) * scale * 8
    across = big[film[:, 1].astype(int), film[:, 0].astype(int)].reshape(200, 201)
    contour = depths[(across > 0.5).argmax(1)]
    assert contour.std() < 0.12 and np.ptp(contour) < 0.6, "pixels of the map; a stair is one pixel high"


def test_the_map_of_a_large_oblong_box_is_small_and_keeps_its_shape() -> None:
    values = saliency.over_box(np.ones((3, 3), np.float32), CropSpec(500, 500, 900), Box(50, 300, 950, 600))
    assert values.shape == (85, 256)


def test_a_flat_map_is_nothing() -> None:
    assert not saliency.to_unit(np.full((4, 4), 3, np.float32)).any()
