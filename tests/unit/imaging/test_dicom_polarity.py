"""Bright is bone, turned round once. All four combinations, windows and tables with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from boneage_desk.imaging.voi import apply_voi
from boneage_desk.reading.film import Film, VoiKind

from .conftest import codes, ramp

Open = Callable[..., Film]


@pytest.mark.parametrize(
    ("photometric", "shape", "inverted", "warned"),
    [
        ("MONOCHROME2", None, False, False),
        ("MONOCHROME2", "IDENTITY", False, False),
        ("MONOCHROME2", "INVERSE", True, True),
        ("MONOCHROME1", None, True, False),
        ("MONOCHROME1", "INVERSE", True, False),
        ("MONOCHROME1", "IDENTITY", True, True),
    ],
)
def test_turned_round_once(reopen: Open, photometric: str, shape: str | None, inverted: bool, warned: bool) -> None:
    stored = ramp()
    film = reopen(stored, BitsStored=12, HighBit=11, PhotometricInterpretation=photometric, PresentationLUTShape=shape)
    expected = 4095 - stored if inverted else stored
    assert np.array_equal(film.frame.pixels, expected)
    assert film.frame.max_value == 4095
    assert ("polarity_contradiction" in codes(film)) is warned


def reference(stored: np.ndarray, tags: dict[str, Any], mono1: bool) -> np.ndarray:
    """Screen greys straight from the stored values, as PS3.3 writes the pipeline, on floats."""
    modality = stored.astype(float) * tags.get("RescaleSlope", 1) + tags.get("RescaleIntercept", 0)
    c, w = float(tags["WindowCenter"]), float(tags["WindowWidth"])
    function = tags.get("VOILUTFunction", "LINEAR")
    if function == "SIGMOID":
        grey = 1 / (1 + np.exp(-4 * (modality - c) / w))
    elif function == "LINEAR_EXACT":
        grey = np.clip((modality - c) / w + 0.5, 0, 1)
    else:
        grey = np.clip((modality - (c - 0.5)) / (w - 1) + 0.5, 0, 1)
    return 255 * (1 - grey if mono1 else grey)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize("slope", [1, 0.25, -1, 3.7, -0.5])
@pytest.mark.parametrize("dtype", [np.uint16, np.int16])
def test_screen_greys_equal_the_standards_pipeline(
    reopen: Open, photometric: str, function: str, slope: float, dtype: Any
) -> None:
    stored = ramp(dtype=dtype) - (2048 if dtype is np.int16 else 0)
    stored = stored.astype(dtype)
    middle = float(stored.mean()) * slope - 100
    tags = {
        "RescaleSlope": slope,
        "RescaleIntercept": -100,
        "WindowCenter": round(middle, 2),
        "WindowWidth": round(1500 * abs(slope), 2),
        "VOILUTFunction": function,
    }
    film = reopen(stored, BitsStored=12, HighBit=11, PhotometricInterpretation=photometric, **tags)
    seen = apply_voi(film.frame.pixels, film.frame.vois[0], max_value=film.frame.max_value)
    expected = reference(stored, tags, photometric == "MONOCHROME1")
    assert film.frame.vois[0].name == "Window 1"
    assert np.abs(seen - expected).max() <= 0.51
    assert seen.min() < 20 and seen.max() > 235


def lut_item(first: int, entries: list[int], bits: int = 16, explanation: str = "") -> Any:
    from pydicom.dataset import Dataset

    item = Dataset()
    item.LUTDescriptor = [len(entries), first, bits]
    item["LUTDescriptor"].VR = "US" if first >= 0 else "SS"
    item.LUTData = np.asarray(entries, "<u2").tobytes()
    item["LUTData"].VR = "OW"
    if explanation:
        item.LUTExplanation = explanation
    return item


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_voi_lut_sequence_is_turned_with_the_film(reopen: Open, photometric: str) -> None:
    stored = ramp(top=1023)
    curve = np.round((np.arange(800) / 799) ** 2 * 4095).astype(int)
    film = reopen(
        stored,
        BitsStored=10,
        HighBit=9,
        PhotometricInterpretation=photometric,
        VOILUTSequence=[lut_item(100, curve.tolist(), 12, "BONE")],
    )
    voi = film.frame.vois[0]
    assert (voi.name, voi.kind) == ("BONE", VoiKind.LUT)
    grey = curve[np.clip(stored.astype(int) - 100, 0, 799)] * 255 / 4095
    expected = 255 - grey if photometric == "MONOCHROME1" else grey
    seen = apply_voi(film.frame.pixels, voi, max_value=film.frame.max_value)
    assert np.abs(seen - expected).max() <= 0.51


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_modality_lut_sequence_makes_the_values(reopen: Open, photometric: str) -> None:
    stored = ramp(top=255, dtype=np.uint8)
    table = (np.sqrt(np.arange(256) / 255) * 4095).astype(int)
    item = lut_item(0, table.tolist(), 12)
    item.ModalityLUTType = "US"
    film = reopen(
        stored,
        PhotometricInterpretation=photometric,
        ModalityLUTSequence=[item],
        WindowCenter=2048,
        WindowWidth=4096,
    )
    made = table[stored]
    assert film.frame.max_value == 4095
    assert np.array_equal(film.frame.pixels, 4095 - made if photometric == "MONOCHROME1" else made)
    seen = apply_voi(film.frame.pixels, film.frame.vois[0], max_value=4095)
    expected = np.clip((made - 2047.5) / 4095 + 0.5, 0, 1) * 255
    assert np.abs(seen - (255 - expected if photometric == "MONOCHROME1" else expected)).max() <= 0.51


def test_zero_slope_is_left_out_with_a_warning(reopen: Open) -> None:
    film = reopen(ramp(), RescaleSlope=0, RescaleIntercept=5)
    assert np.array_equal(film.frame.pixels, ramp())
    assert "rescale_invalid" in codes(film)
