"""One grey scale for every bit depth."""

from __future__ import annotations

import numpy as np
import pytest

from boneage_desk.imaging.normalise import byte_percentiles, hand_is_negative, looks_inverted, normalise_film


def _film(seed: int = 0) -> np.ndarray:
    """A dark film with a bright shape, 16 bits."""
    rng = np.random.default_rng(seed)
    film = rng.normal(3000, 300, (300, 240))
    film[60:240, 80:160] += 20000
    film[100:200, 100:140] += 15000
    return np.clip(film, 0, 65535).astype(np.uint16)


@pytest.mark.parametrize("spread", [0.0, 1.0, 40.0])
def test_counted_percentiles_are_the_sorted_ones(spread: float) -> None:
    rng = np.random.default_rng(3)
    rows = rng.normal(120, spread, (5, 961)).clip(0, 255).astype(np.uint8)
    percents = (0.0, 2.0, 37.3, 50.0, 99.5, 100.0)
    assert np.array_equal(byte_percentiles(rows, percents), np.percentile(rows, percents, axis=1))


def test_an_8_bit_export_gives_the_same_as_its_16_bit_original() -> None:
    film = _film()
    eight = np.rint(film / 65535 * 255).astype(np.uint8)
    a, b = normalise_film(film).astype(int), normalise_film(eight).astype(int)
    assert np.abs(a - b).max() <= 2  # half a level of 8 bits, stretched


def test_exact_multiples_give_exactly_the_same() -> None:
    eight = (normalise_film(_film()) // 2 + 40).astype(np.uint8)
    assert np.array_equal(normalise_film(eight), normalise_film(eight.astype(np.uint16) * 257))


def test_few_grey_levels_are_stretched_to_the_whole_range() -> None:
    unit = normalise_film((_film() // 4096 + 100).astype(np.uint8))
    assert unit.min() == 0
    assert unit.max() == 255


def test_padding_neither_counts_nor_shows() -> None:
    film = _film()
    padded = np.full((900, 900), 65535, np.uint16)
    padded[:300, :240] = film
    unit = normalise_film(padded, padding=65535)
    assert unit[500, 500] == 0
    assert np.abs(unit[:300, :240].astype(int) - normalise_film(film)).max() <= 3


def test_one_single_grey_is_black() -> None:
    assert not normalise_film(np.full((10, 10), 77, np.uint8)).any()


@pytest.mark.parametrize("bad", [np.zeros((2, 2, 3), np.uint8), np.zeros((0, 4), np.uint8)])
def test_what_is_not_a_film_is_refused(bad: np.ndarray) -> None:
    with pytest.raises(ValueError):
        normalise_film(bad)


def test_floats_are_refused() -> None:
    with pytest.raises(TypeError):
        normalise_film(np.zeros((4, 4), np.float32))  # type: ignore[arg-type]


def test_a_negative_is_told_from_a_film() -> None:
    unit = normalise_film(_film())
    assert not looks_inverted(unit)
    assert looks_inverted(255 - unit)


@pytest.mark.parametrize("negative", [False, True])
def test_the_bones_places_tell_a_negative(negative: bool) -> None:
    centres = {
        "radius": (130, 260), "ulna": (100, 260), "mc1": (165, 220), "mc3": (120, 150), "mc5": (75, 170),
        "pp1": (190, 185), "pp3": (120, 140), "pp5": (72, 165), "mp3": (120, 85), "mp5": (55, 135),
        "dp1": (210, 160), "dp3": (120, 55), "dp5": (45, 120),
    }  # fmt: skip
    unit = np.full((340, 280), 30, np.uint8)
    for x, y in centres.values():
        unit[y - 8 : y + 9, x - 8 : x + 9] = 120
    unit[:, 265:] = 255  # a bright shutter and a dark one say nothing
    unit[:15] = 0
    assert hand_is_negative(255 - unit if negative else unit, centres, 95.0) is negative
