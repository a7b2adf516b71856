"""The display transform: every viewer's favourite place for faults."""

from __future__ import annotations

import numpy as np
import pytest

from boneage_desk.imaging.voi import apply_voi, auto_window, voi_lut
from boneage_desk.reading.film import Frame, Voi, VoiKind


def standard_linear(x: int, c: float, w: float) -> float:
    """PS3.3 C.11.2.1.2.1, word for word, for an output of 0 to 255."""
    if x <= c - 0.5 - (w - 1) / 2:
        return 0.0
    if x > c - 0.5 + (w - 1) / 2:
        return 255.0
    return ((x - (c - 0.5)) / (w - 1) + 0.5) * 255.0


@pytest.mark.parametrize(("centre", "width"), [(2048, 4096), (100, 50), (0.5, 2), (1000.25, 333.3), (30, 1)])
def test_linear_is_the_formula_of_the_standard(centre: float, width: float) -> None:
    table = voi_lut(Voi("w", VoiKind.LINEAR, centre, width), 4095, np.uint16)
    assert table.shape == (65536,) and table.dtype == np.uint8
    for x in range(0, 4096, 7):
        assert abs(int(table[x]) - standard_linear(x, centre, width)) <= 0.51


def test_linear_exact_differs_from_linear_by_the_half() -> None:
    """C.11.2.1.3.2: centre 128, width 256 sends 0 to 0 and 256 to 255; LINEAR reaches 255 at 255."""
    exact = voi_lut(Voi("w", VoiKind.LINEAR_EXACT, 2, 4), 4, np.uint8)
    linear = voi_lut(Voi("w", VoiKind.LINEAR, 2, 4), 4, np.uint8)
    assert [int(v) for v in exact[:5]] == [0, 64, 128, 191, 255]
    assert [int(v) for v in linear[:5]] == [0, 85, 170, 255, 255]


def test_sigmoid_passes_the_half_at_its_centre() -> None:
    table = voi_lut(Voi("w", VoiKind.SIGMOID, 2000, 400), 4095, np.uint16)
    assert abs(int(table[2000]) - 127.5) <= 1
    assert abs(int(table[2100]) - 255 / (1 + np.exp(-1))) <= 1
    assert table[0] == 0 and table[4095] == 255


def test_lut_outside_its_range_takes_the_end_entries() -> None:
    voi = Voi("t", VoiKind.LUT, first=10, table=bytes([5, 100, 200]))
    table = voi_lut(voi, 255, np.uint8)
    assert [int(table[i]) for i in (0, 9, 10, 11, 12, 13, 255)] == [5, 5, 5, 100, 200, 200, 200]


@pytest.mark.parametrize("kind", [VoiKind.LINEAR, VoiKind.LINEAR_EXACT, VoiKind.SIGMOID])
def test_invert_is_the_exact_mirror(kind: VoiKind) -> None:
    pixels = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    voi = Voi("w", kind, 1500, 900)
    plain = apply_voi(pixels, voi, max_value=4095)
    turned = apply_voi(pixels, voi, max_value=4095, invert=True)
    assert np.array_equal(turned, 255 - plain)
    assert plain[0, 0] < plain[-1, -1]


def test_values_above_the_maximum_take_its_grey() -> None:
    table = voi_lut(Voi("w", VoiKind.LINEAR, 512, 2048), 1023, np.uint16)
    assert table[1023] == table[65535] < 255


def film_like() -> np.ndarray:
    """Background 300, hand 1500 to 2500, in a black field and a white collimation border."""
    rng = np.random.default_rng(3)
    pixels = np.full((600, 500), 300, np.uint16) + rng.integers(0, 20, (600, 500), dtype=np.uint16)
    pixels[150:550, 150:350] = rng.integers(1500, 2500, (400, 200), dtype=np.uint16)
    pixels[:80] = 4095
    pixels[:, :60] = 4095
    pixels[-40:] = 0
    return pixels


def test_auto_window_leaves_out_collimation_and_black_borders() -> None:
    frame = Frame(film_like(), 4095, (Voi("w", width=4096, centre=2048),))
    voi = auto_window(frame)
    low, high = voi.centre - voi.width / 2, voi.centre + voi.width / 2
    assert 250 <= low <= 330
    assert 2350 <= high <= 2600
    assert voi.name == "Auto"


def test_auto_window_leaves_out_padding() -> None:
    pixels = film_like()
    pixels[200:400, :] = 0  # across the film: no border, only the padding value tells
    pixels[pixels == 0] = 4000
    padded = Frame(pixels, 4095, (Voi("w", width=4096, centre=2048),), padding=4000)
    unpadded = Frame(pixels, 4095, (Voi("w", width=4096, centre=2048),))
    assert auto_window(padded).centre + auto_window(padded).width / 2 < 2700
    assert auto_window(unpadded).centre + auto_window(unpadded).width / 2 > 3900


def test_auto_window_of_a_single_grey_is_legal() -> None:
    frame = Frame(np.full((50, 50), 7, np.uint8), 255, (Voi("w", width=255, centre=128),))
    assert auto_window(frame).width >= 2
