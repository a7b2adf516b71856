"""The window's picture of a bone is turned the same way as the model's."""

from __future__ import annotations

import math

import numpy as np
import pytest

from boneage_desk import wiring
from boneage_desk.engines import hands
from boneage_desk.imaging.crops import cut
from boneage_desk.reading.film import Frame, Voi
from boneage_desk.reading.findings import Box

SIZE = 100


@pytest.mark.parametrize("distal_deg", [0, 30, -45, 90, 180])
def test_distal_is_up_in_the_window_and_in_the_model(distal_deg: float) -> None:
    """A bright spot where distal points (degrees clockwise from up on the film) comes out on top."""
    film = np.zeros((400, 400), np.uint8)
    a = math.radians(distal_deg)
    x, y = round(200 + 60 * math.sin(a)), round(200 - 60 * math.cos(a))
    film[y - 6 : y + 7, x - 6 : x + 7] = 255
    box = Box(120, 120, 280, 280)
    shown = wiring.cut_crop(Frame(film, 255, (Voi("all", centre=128, width=256),)), box, -distal_deg, SIZE)
    graded = cut(film, hands.spec_of(box, -distal_deg, mirror=False), SIZE)
    for picture in (shown, graded):
        rows, columns = np.nonzero(picture > 200)
        assert rows.mean() < 25
        assert abs(columns.mean() - SIZE / 2) < 3
