"""Filters for the eye: what they leave alone, what they raise, and OpenCV's CLAHE as the measure."""

from __future__ import annotations

import numpy as np
import pytest

from boneage_desk.imaging.display_filter import CLIP, TILES, clahe_of, sharpened


def film(dtype: type = np.uint16, top: int = 4095, size: tuple[int, int] = (403, 317)) -> np.ndarray:
    """A slope with a fine weave and a bright block."""
    y, x = np.mgrid[0 : size[0], 0 : size[1]]
    values = 0.15 + 0.5 * x / size[1] + 0.03 * ((x // 3 + y // 3) % 2)
    values[150:200, 100:180] += 0.2
    return (np.clip(values, 0, 1) * top).astype(dtype)


@pytest.mark.parametrize(("dtype", "top"), [(np.uint8, 255), (np.uint16, 4095), (np.uint16, 65535)])
def test_sharpening_raises_detail_and_leaves_flat_areas(dtype: type, top: int) -> None:
    pixels = film(dtype, top)
    kept = pixels.copy()
    found = sharpened(pixels, top)
    assert found.dtype == pixels.dtype and found.shape == pixels.shape and np.array_equal(pixels, kept)
    inner = (slice(20, 120), slice(20, 80))
    assert found[inner].std() > pixels[inner].astype(float).std() * 1.05
    assert abs(found[inner].mean() - pixels[inner].mean()) < 0.01 * top
    assert found.max() <= top
    flat = np.full((40, 50), top // 3, dtype)
    assert np.array_equal(sharpened(flat, top), flat)


def test_clahe_is_near_opencvs_on_eight_bits() -> None:
    """OpenCV stretches to 0..255 and this to the film's own range: compared as ranks within tiles, by correlation."""
    import cv2

    pixels = film(np.uint8, 255)
    ours = clahe_of(pixels, 255).apply(pixels)
    theirs = cv2.createCLAHE(clipLimit=CLIP, tileGridSize=(TILES, TILES)).apply(pixels)
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.97


def test_clahe_raises_contrast_of_a_dull_corner_within_the_films_range() -> None:
    pixels = film()
    found = clahe_of(pixels, 4095).apply(pixels)
    assert found.dtype == np.uint16 and found.max() <= pixels.max() and found.min() >= np.percentile(pixels, 0.1) - 1
    corner = (slice(300, 400), slice(0, 40))
    assert found[corner].std() > 1.3 * pixels[corner].std()
    smooth = np.abs(np.diff(found[50].astype(float))).max(), np.abs(np.diff(pixels[50].astype(float))).max()
    assert smooth[0] < 6 * smooth[1], "no seams between tiles"


def test_clahe_of_a_small_size_serves_the_large_one() -> None:
    pixels = film(size=(800, 640))
    whole = clahe_of(pixels, 4095).apply(pixels).astype(float)
    coarse = clahe_of(pixels[::2, ::2], 4095).apply(pixels).astype(float)
    assert np.abs(whole - coarse).mean() < 0.02 * 4095


def test_clahe_leaves_a_film_of_one_grey_and_passes_padding_over() -> None:
    flat = np.full((64, 64), 700, np.uint16)
    assert np.array_equal(clahe_of(flat, 4095).apply(flat), flat)
    pixels = film()
    padded = pixels.copy()
    padded[:, :60] = 0
    curves = clahe_of(padded, 4095, padding=0)
    assert curves.low > 400
    tiny = film(size=(5, 4))
    assert clahe_of(tiny, 4095).apply(tiny).shape == (5, 4)
