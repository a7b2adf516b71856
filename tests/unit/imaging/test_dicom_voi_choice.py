"""Which display transforms a film offers, and under which names."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from boneage_desk.reading.film import Film

from .conftest import codes, ramp
from .test_dicom_polarity import lut_item

Open = Callable[..., Film]


def names(film: Film) -> list[str]:
    return [voi.name for voi in film.frame.vois]


def test_several_luts_and_windows_by_name_then_auto(reopen: Open) -> None:
    curve = np.linspace(0, 65535, 4096).astype(int).tolist()
    film = reopen(
        ramp(),
        VOILUTSequence=[lut_item(0, curve, 16, "HARD"), lut_item(0, [v // 2 for v in curve])],
        WindowCenter=[2000, 1800],
        WindowWidth=[4000, 2000],
        WindowCenterWidthExplanation=["NORMAL", "SOFT"],
    )
    assert names(film) == ["HARD", "VOI LUT 2", "NORMAL", "SOFT", "Auto"]


def test_without_any_auto_is_first(reopen: Open) -> None:
    assert names(reopen(ramp())) == ["Auto"]


def test_a_window_that_hides_the_picture_comes_after_auto(reopen: Open) -> None:
    film = reopen(ramp(), WindowCenter=40000, WindowWidth=400)
    assert names(film) == ["Auto", "Window 1"]
    assert "window_nonsense" in codes(film)
    wide = reopen(ramp(top=200), name="wide.dcm", WindowCenter=32768, WindowWidth=65536)
    assert names(wide)[0] == "Auto"


def test_equal_names_are_told_apart_and_twins_offered_once(reopen: Open) -> None:
    film = reopen(
        ramp(),
        WindowCenter=[2000, 1800, 2000],
        WindowWidth=[4000, 2000, 4000],
        WindowCenterWidthExplanation=["WINDOW1", "WINDOW1", "AGAIN"],
    )
    assert names(film) == ["WINDOW1", "WINDOW1 (2)", "Auto"]


def test_impossible_windows_are_left_out_with_a_warning(reopen: Open) -> None:
    film = reopen(ramp(), WindowCenter=[2000, 1800], WindowWidth=[0, 2000])
    assert names(film) == ["Window 2", "Auto"]
    assert "window_invalid" in codes(film)
    uneven = reopen(ramp(), name="uneven.dcm", WindowCenter=[2000, 1800], WindowWidth=[4000])
    assert names(uneven) == ["Window 1", "Auto"]
    assert "window_invalid" in codes(uneven)


def test_lut_of_8_bit_entries_and_wrong_bit_count(reopen: Open) -> None:
    from pydicom.dataset import Dataset

    packed = Dataset()
    packed.LUTDescriptor = [256, 0, 8]
    packed.LUTData = bytes(range(256))
    packed["LUTData"].VR = "OW"
    film = reopen(ramp(top=255, dtype=np.uint8), VOILUTSequence=[packed])
    assert film.frame.vois[0].table == bytes(range(256))
    # 12-bit entries said to be 16: taken at their word the film would be nearly black
    lying = lut_item(0, np.linspace(0, 4095, 4096).astype(int).tolist(), 16)
    film = reopen(ramp(), name="lying.dcm", BitsStored=12, HighBit=11, VOILUTSequence=[lying])
    assert film.frame.vois[0].name == "VOI LUT 1"
    assert max(film.frame.vois[0].table) == 255


def test_broken_lut_is_left_out_with_a_warning(reopen: Open) -> None:
    from pydicom.dataset import Dataset

    broken = Dataset()
    broken.LUTDescriptor = [4096, 0, 12]
    broken.LUTData = b"\1\0\2\0"
    broken["LUTData"].VR = "OW"
    film = reopen(ramp(), VOILUTSequence=[broken])
    assert names(film) == ["Auto"]
    assert "voi_lut_invalid" in codes(film)
