"""Crops and their inverse."""

from __future__ import annotations

import numpy as np
import pytest

from boneage_desk.imaging.crops import (
    SIDE_SHARE,
    CropSpec,
    crop_specs,
    crop_to_film,
    cut,
    film_to_crop,
    thumb_on_right,
)
from boneage_desk.standards.rus_chn import BONES

SPECS = [
    CropSpec(60, 50, 40),
    CropSpec(60.3, 50.7, 33.5, 37.0),
    CropSpec(60, 50, 70, -120.0, True),
    CropSpec(65, 48, 34, 180.0),
]


def _blobs() -> np.ndarray:
    y, x = np.mgrid[0:120, 0:140] + 0.5
    return (40 + 200 * np.exp(-((x - 66) ** 2 + (y - 47) ** 2) / 18)).astype(np.float32)


def test_the_shares_name_the_standards_bones_in_order() -> None:
    assert tuple(SIDE_SHARE) == BONES


@pytest.mark.parametrize("spec", SPECS)
def test_the_two_maps_are_each_others_inverse(spec: CropSpec) -> None:
    points = np.random.default_rng(0).uniform(0, 96, (20, 2))
    assert np.allclose(film_to_crop(crop_to_film(points, spec, 96), spec, 96), points)


@pytest.mark.parametrize("spec", SPECS)
def test_a_blob_lands_where_the_map_says(spec: CropSpec) -> None:
    crop = cut(_blobs(), spec, 96)
    weight = np.maximum(crop - 60, 0)
    y, x = np.mgrid[0:96, 0:96] + 0.5
    seen = np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum()
    want = film_to_crop(np.array([[66.0, 47.0]]), spec, 96)[0]
    assert np.abs(seen - want).max() < 96 / spec.side * 0.35 + 0.3


def test_distal_is_up() -> None:
    film = np.zeros((100, 100), np.uint8)
    film[40:60, 70:90] = 255  # a bright block to the right: distal points right
    crop = cut(film, CropSpec(60, 50, 60, 90.0), 60)
    assert crop[:25].sum() > 0.9 * crop.sum()


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_the_type_is_kept(kind: type) -> None:
    assert cut(np.full((50, 50), 200, kind), CropSpec(25, 25, 20), 32).dtype == kind


def test_shrinking_averages_instead_of_skipping() -> None:
    stripes = np.zeros((800, 800), np.uint8)
    stripes[:, ::2] = 200
    crop = cut(stripes, CropSpec(400, 400, 700), 96)
    assert np.abs(crop[5:-5, 5:-5].astype(int) - 100).max() <= 20  # skipping would give 100


def test_outside_the_film_is_black() -> None:
    assert not cut(np.full((50, 50), 255, np.uint8), CropSpec(500, 500, 20), 32).any()
    half = cut(np.full((50, 50), 255, np.uint8), CropSpec(0, 25, 20), 32)
    assert half[:, :14].max() < 255
    assert half[:, -10:].min() == 255


def test_a_crop_without_a_side_is_refused() -> None:
    with pytest.raises(ValueError):
        CropSpec(1, 1, 0)


def _hand() -> dict[str, tuple[float, float]]:
    from boneage_desk.engines.networks.consistency import template

    return {b: (500 + 300 * x, 600 + 300 * y) for b, (x, y) in zip(BONES, template().mean, strict=True)}


def _turned(hand: dict[str, tuple[float, float]], degrees: float, mirror: bool) -> dict[str, tuple[float, float]]:
    a = np.radians(degrees)
    turn = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]) @ np.diag([-1.0 if mirror else 1.0, 1.0])
    return {b: tuple(turn @ np.array(c)) for b, c in hand.items()}  # type: ignore[misc]


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("degrees", [0, 90, 180, 222])
def test_the_same_hand_gives_the_same_crops_however_it_lies(degrees: float, mirror: bool) -> None:
    hand = _hand()
    moved = _turned(hand, degrees, mirror)
    assert thumb_on_right(hand)
    assert thumb_on_right(moved) is not mirror
    length = 300.0
    before, after = crop_specs(hand, length), crop_specs(moved, length)
    assert list(after) == list(BONES)
    for bone in BONES:
        a = film_to_crop(np.array(list(hand.values())), before[bone], 96)
        b = film_to_crop(np.array(list(moved.values())), after[bone], 96)
        assert np.allclose(a, b, atol=1e-6), bone
        assert after[bone].mirror is mirror
    for bone in ("mc3", "pp3", "mp3"):  # the thumb side is on the right, as the models and the evidence's words take it
        (thumb,), (little,) = (film_to_crop(np.array([moved[b]]), after[bone], 96) for b in ("pp1", "mc5"))
        assert thumb[0] > little[0]


def test_a_missing_bone_is_named() -> None:
    hand = _hand()
    del hand["mp5"]
    with pytest.raises(ValueError, match="mp5"):
        crop_specs(hand, 300.0)
