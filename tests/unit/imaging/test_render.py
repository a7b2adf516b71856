"""The film as a picture: bounded, right way up in grey, and labels beside the joints."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from boneage_desk.imaging.render import draw, place_label, to_png
from boneage_desk.reading.film import Frame, Voi
from boneage_desk.reading.findings import Box

FRAME = Frame(np.tile(np.linspace(0, 4095, 600).astype(np.uint16), (900, 1)), 4095, (Voi("w", centre=2048, width=4096),))


def test_without_boxes_grey_and_bounded(tmp_path: Path) -> None:
    path = to_png(FRAME, tmp_path / "名 字.png", max_side=300)
    with Image.open(path) as picture:
        assert picture.mode == "L" and picture.size == (200, 300)
        row = np.asarray(picture)[150]
    assert row[0] < 5 and row[-1] > 250 and (np.diff(row.astype(int)) >= 0).all()


def test_invert_and_another_window() -> None:
    assert np.asarray(draw(FRAME, invert=True))[0, 0] == 255
    dark = draw(FRAME, voi=Voi("x", centre=40000, width=10))
    assert not np.asarray(dark).any()


def marks() -> dict[str, tuple[Box, str, bool]]:
    """13 boxes as close as those of a small hand."""
    boxes = {}
    for number in range(13):
        x, y = 120 + (number % 4) * 95, 90 + (number // 4) * 190
        boxes[f"b{number}"] = (Box(x, y, x + 70, y + 80), f"mp{number} 7(0) 72%", number != 4)
    return boxes


def test_labels_cover_no_joint() -> None:
    frame = Frame(np.full((900, 600), 2000, np.uint16), 4095, (Voi("w", centre=2048, width=4096),))
    boxes = marks()
    picture = np.asarray(draw(frame, boxes)).astype(int)
    assert picture.shape == (900, 600, 3)
    for name, (box, _, certain) in boxes.items():
        inner = picture[int(box.y0) + 3 : int(box.y1) - 2, int(box.x0) + 3 : int(box.x1) - 2]
        # only grey of the film inside: no label, and no more than a few leader pixels of another bone
        coloured = (inner.max(axis=2) - inner.min(axis=2)) > 10
        assert coloured.mean() < 0.02, name
        assert (inner[~coloured] == inner[~coloured][0]).all(), name
        edge = picture[int(box.y0), int(box.x0) : int(box.x1)]
        drawn = ((edge.max(axis=1) - edge.min(axis=1)) > 10).mean()
        assert (drawn > 0.95) if certain else (0.3 < drawn < 0.8), name  # dashed when uncertain


def test_label_stays_in_the_picture_and_takes_the_least_bad_place() -> None:
    size = (80.0, 20.0)
    grey = np.zeros((900, 600), np.uint8)
    place = place_label((570, 10, 598, 40), size, grey, [(570, 10, 598, 40)])
    assert place[0] >= 0 and place[2] <= 600 and place[1] >= 0
    assert place[2] <= 570 or place[1] >= 40
    everything = [(0.0, 0.0, 100.0, 100.0)]
    assert place_label((10, 10, 30, 30), size, grey[:100, :100], everything)


def test_label_goes_to_the_background() -> None:
    """Bone right of the box, above and below; the background is on the left."""
    grey = np.full((300, 400), 200, np.uint8)
    grey[:, :150] = 5
    place = place_label((160, 120, 220, 180), (80.0, 20.0), grey, [(160, 120, 220, 180)])
    assert place[2] <= 150


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("boneage_desk.imaging.render", ["pydicom"]),
        ("boneage_desk.imaging", ["pydicom", "numpy", "PIL"]),
        ("boneage_desk.imaging.reader", ["pydicom", "numpy", "PIL"]),
    ],
)
def test_imports_stay_light(module: str, absent: list[str]) -> None:
    code = f"import sys, {module}; print([m for m in {absent!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
