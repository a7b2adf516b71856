"""Sanity of the saliency maps with the shipped weights on drawn bones (Adebayo 2018): they hang on what was learned,
lie on the epiphysis and not on a marker, and follow the bone. Measured on films in the grader's evaluation."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from boneage_desk.engines import saliency
from boneage_desk.imaging.phantom.hand import draw_bone
from boneage_desk.standards.rus_chn import BONES

pytestmark = pytest.mark.slow
SIDE = 96
MIDDLE = (slice(26, 70), slice(18, 78))  # epiphysis and plate of a bone drawn at its standard framing
CORNER = (slice(0, 28), slice(68, 96))
SOME = {"grad-cam": BONES, "occlusion": ("radius", "mc3", "pp5", "dp1")}


@pytest.fixture(scope="module")
def nets(repository: Path) -> tuple[Any, Any]:
    import torch

    from boneage_desk.engines.networks.grader import load_grader
    from boneage_desk.training.evaluate_saliency import random_grader

    found = list((repository / "models").glob("efficientnet_b3.*/weights.safetensors"))
    if not found:
        pytest.skip("needs the trained grader")
    torch.set_num_threads(1)
    return load_grader(SimpleNamespace(classes=BONES), found[-1]), random_grader()


def drawn(bone: str) -> np.ndarray:
    return cv2.resize(draw_bone(bone, 6), (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def map_of(net: Any, crop: np.ndarray, bone: str, method: str) -> np.ndarray:
    values = saliency.saliency_map(net, np.ascontiguousarray(crop), bone, method)
    wide = cv2.resize(values, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    return np.asarray(wide / wide.sum())


@pytest.mark.parametrize("method", saliency.METHODS)
def test_a_map_of_random_weights_is_another(nets: tuple[Any, Any], method: str) -> None:
    from boneage_desk.training.evaluate_saliency import rank_correlation

    same = [rank_correlation(*(map_of(n, drawn(b), b, method) for n in nets)) for b in SOME[method]]
    assert np.mean(same) < 0.5, same


@pytest.mark.parametrize("method", saliency.METHODS)
def test_the_mass_lies_on_the_epiphysis_and_not_on_a_marker(nets: tuple[Any, Any], method: str) -> None:
    from boneage_desk.training.evaluate_saliency import lettered

    middle, corner, without = [], [], []
    for bone in SOME[method]:
        crop = drawn(bone)
        values = map_of(nets[0], lettered(crop), bone, method)
        middle.append(values[MIDDLE].sum())
        corner.append(values[CORNER].sum())
        without.append(map_of(nets[0], crop, bone, method)[CORNER].sum())
    area = np.zeros((SIDE, SIDE))
    area[MIDDLE] = 1
    assert np.mean(middle) > 1.25 * area.mean(), middle
    assert np.mean(corner) < 1.5 * (28 / SIDE) ** 2, (corner, without)


@pytest.mark.parametrize("method", saliency.METHODS)
def test_the_map_follows_the_bone(nets: tuple[Any, Any], method: str) -> None:
    """A bone moved by a sixth of the crop: its map is liker to the first one moved along than left where it was."""
    along, stayed, step = [], [], 16
    for bone in SOME[method]:
        wide = cv2.copyMakeBorder(drawn(bone), 0, 0, step, step, cv2.BORDER_REPLICATE)
        first, moved = (map_of(nets[0], wide[:, x : x + SIDE], bone, method) for x in (step, 0))
        along.append(np.corrcoef(moved[:, step:].ravel(), first[:, :-step].ravel())[0, 1])
        stayed.append(np.corrcoef(moved[:, step:].ravel(), first[:, step:].ravel())[0, 1])
    assert np.mean(along) > np.mean(stayed) + 0.1, (along, stayed)
