"""What is done to a training picture keeps the bones where their boxes say, and the recipe's new parts."""

from __future__ import annotations

import numpy as np
import pytest

from boneage_desk.training import detector_batches as batches
from boneage_desk.training.dataset import BONES, IN21, POINTS21, FilmPoints, collapsed

SIZE = 192
INSIDE = np.array([60.0, 40.0, 130.0, 150.0])


def _hand() -> np.ndarray:  # type: ignore[type-arg]
    """Bright rods on a dark ground."""
    image = np.full((SIZE, SIZE), 20, np.uint8)
    for x in range(64, 130, 16):
        image[44:150, x : x + 7] = 180
    return image


@pytest.mark.parametrize("seed", range(12))
def test_a_field_leaves_the_bones_inside_it(seed: int) -> None:
    image = _hand()
    out = batches._field(image, INSIDE, np.random.default_rng(seed))
    assert out.dtype == np.uint8
    assert out.shape == image.shape
    y, x = slice(50, 140), slice(66, 126)
    assert np.abs(out[y, x].astype(int) - image[y, x]).mean() < 12
    assert (out != image).any()  # something was done outside


@pytest.mark.parametrize("seed", range(6))
def test_edge_enhancement_keeps_bones_brighter_than_what_lies_beside(seed: int) -> None:
    out = batches._edges(_hand(), np.random.default_rng(seed)).astype(int)
    assert (out[60:140, 66] > out[60:140, 75]).mean() > 0.9


def test_faint_bones_stay_visible() -> None:
    rng = np.random.default_rng(0)
    spans = []
    for _ in range(300):
        out = batches._spoil(_hand(), INSIDE, rng)
        spans.append(abs(float(np.median(out[60:140, 66:69])) - float(np.median(out[60:140, 75:78]))))
    assert min(spans) < 40  # faint ones are among them
    assert np.mean(np.array(spans) < 3) < 0.03  # bones that cannot be seen are not


def test_radius_and_ulna_on_one_place_do_not_teach() -> None:
    xy = np.random.default_rng(1).uniform(0.2, 0.8, (21, 2)).astype(np.float32)
    xy[POINTS21.index("mc3")], xy[POINTS21.index("dp3")] = (0.5, 0.5), (0.5, 0.1)
    xy[IN21[BONES.index("radius")]], xy[IN21[BONES.index("ulna")]] = (0.55, 0.8), (0.40, 0.8)
    apart = FilmPoints("a", xy, np.ones(21, np.float32), np.zeros(21, bool), 1000, 1000)
    together = xy.copy()
    together[IN21[BONES.index("ulna")]] = (0.54, 0.8)
    assert not collapsed(apart)
    assert collapsed(FilmPoints("b", together, apart.conf, apart.human, 1000, 1000))


def test_fixed_norms_keep_their_statistics() -> None:
    import torch

    from boneage_desk.training.train_detector import fix_norms

    model = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.BatchNorm2d(4)).train()
    fix_norms(model)
    model(torch.randn(2, 1, 8, 8) + 5).mean().backward()
    assert torch.equal(model[1].running_mean, torch.zeros(4))
    assert model[0].weight.grad is not None
