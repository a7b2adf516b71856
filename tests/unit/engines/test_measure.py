"""Geometry on drawn bones whose widths, gap, closure and caps are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from boneage_desk.engines.measure import Measured, _patch, evidence_of, measure, upright
from boneage_desk.imaging.crops import CropSpec, cut

SIZE = 96
AIR, SOFT, BONE = 5.0, 70.0, 200.0


@dataclass(frozen=True)
class Drawn:
    """A bone in share of the crop's side, shaft below; ``closed``: share of the gap that is filled, from the left."""

    shaft: float = 0.4
    epiphysis: float = 0.4
    gap: float = 0.03
    height: float = 0.1
    closed: float = 0.0
    cap: str = ""
    tilt: float = 0.0
    soft: float = SOFT

    def crop(self) -> tuple[np.ndarray, np.ndarray]:
        """Greys [S, S] and the outlines' probabilities [3, S, S]."""
        fine = 4
        n = SIZE * fine
        v, u = np.indices((n, n)) / n + 0.5 / n - 0.5
        a = np.radians(self.tilt)
        x, y = u * np.cos(a) + v * np.sin(a), -u * np.sin(a) + v * np.cos(a)
        bottom = self.height / 2
        top = bottom + self.gap
        own = (np.abs(x) < self.epiphysis / 2) & (np.abs(y) < self.height / 2)
        for side in {"both": (-1, 1), "right": (1,), "left": (-1,)}.get(self.cap, ()):
            own |= (np.abs(x * side - self.epiphysis / 2 + 0.02) < 0.02) & (y > -bottom) & (y < top + 0.05)
        shaft = (np.abs(x) < self.shaft / 2) & (y >= top) & ~own
        filled = (np.abs(x) < self.shaft / 2) & (y >= bottom) & (y < top) & (x < self.shaft * (self.closed - 0.5))
        image = np.where(np.abs(x) < 0.42, self.soft, AIR)
        image = np.where(own | shaft | filled, BONE, image)
        edge = (np.abs(x) < self.shaft / 2) & (y >= bottom) & (y < top + 0.06) & ~own

        def small(picture: np.ndarray) -> np.ndarray:
            return picture.astype(np.float32).reshape(SIZE, fine, SIZE, fine).mean((1, 3))

        greys = small(image) + np.random.default_rng(0).normal(0, 2, (SIZE, SIZE))
        outlines = np.stack([1 - small(own) - small(edge), small(own), small(edge)])
        return greys.clip(0, 255).astype(np.uint8), outlines.astype(np.float32)


def measured(**values: object) -> Measured:
    found = measure(*Drawn(**values).crop())  # type: ignore[arg-type]
    assert found is not None
    return found


@pytest.mark.parametrize("tilt", [0.0, 9.0, -9.0])
@pytest.mark.parametrize("ratio", [0.4, 0.55, 0.75, 1.0, 1.2])
def test_width_ratio_and_gap_are_those_drawn(ratio: float, tilt: float) -> None:
    found = measured(epiphysis=0.4 * ratio, gap=0.04, tilt=tilt)
    assert found.quality > 0.6
    assert found.width_ratio == pytest.approx(ratio, abs=0.05)
    assert found.gap == pytest.approx(0.1, abs=0.04)
    assert found.fused_share == pytest.approx(0.0, abs=0.05)
    assert found.caps_left is None and found.caps_right is None


def test_the_lines_are_where_the_widths_are() -> None:
    found = measured(epiphysis=0.3, shaft=0.4, gap=0.04)
    assert found.epiphysis_line is not None and found.metaphysis_line is not None
    (x0, y0), (x1, y1) = found.epiphysis_line
    assert (x0, x1) == (pytest.approx(0.35 * SIZE, abs=1.5), pytest.approx(0.65 * SIZE, abs=1.5))
    assert y0 == pytest.approx(0.5 * SIZE, abs=1.5) and y1 == pytest.approx(y0, abs=1)
    (x0, y0), (x1, _) = found.metaphysis_line
    assert (x0, x1) == (pytest.approx(0.3 * SIZE, abs=1.5), pytest.approx(0.7 * SIZE, abs=1.5))
    assert 0.58 * SIZE < y0 < 0.7 * SIZE


@pytest.mark.parametrize("closed", [0.0, 0.25, 0.5, 0.75, 1.0])
def test_the_closed_share_is_that_drawn(closed: float) -> None:
    found = measured(closed=closed, gap=0.04)
    assert found.fused_share == pytest.approx(closed, abs=0.12)
    assert (found.gap == 0) == (closed > 0)


def test_a_narrow_epiphysis_without_a_gap_is_a_gap_not_seen() -> None:
    found = measured(epiphysis=0.28, closed=1.0, gap=0.04)
    assert found.width_ratio == pytest.approx(0.7, abs=0.05)
    assert found.fused_share is None and found.gap is None


@pytest.mark.parametrize(
    ("cap", "left", "right"), [("left", True, None), ("right", None, True), ("both", True, True), ("", None, None)]
)
def test_caps_are_seen_on_their_side(cap: str, left: bool | None, right: bool | None) -> None:
    found = measured(cap=cap, epiphysis=0.48, gap=0.05)
    assert (found.caps_left, found.caps_right) == (left, right)


def test_an_epiphysis_far_wider_than_its_shaft_is_an_error_of_outlining() -> None:
    found = measured(epiphysis=0.4, shaft=0.24)
    assert found.width_ratio is None and found.quality < 0.5


def test_where_bone_does_not_stand_out_nothing_is_measured() -> None:
    found = measured(soft=BONE - 1)
    assert found.width_ratio is None and found.quality < 0.5


def nothing() -> np.ndarray:
    return np.stack([np.ones((SIZE, SIZE)), *np.zeros((2, SIZE, SIZE))]).astype(np.float32)


def test_without_an_epiphysis_it_says_absent_or_nothing() -> None:
    above = Drawn(epiphysis=0.0, gap=0.08).crop()[0]
    absent = measure(above, nothing())
    assert absent is not None and not absent.present and absent.width_ratio is None
    fused = Drawn(closed=1.0).crop()[0]  # bone lies in its place: fused, or not outlined; not told apart
    assert measure(fused, nothing()) is None
    noise = np.random.default_rng(1).normal(90, 3, (SIZE, SIZE)).clip(0, 255).astype(np.uint8)
    assert measure(noise, nothing()) is None
    assert measure(np.zeros((SIZE, SIZE), np.uint8), nothing()) is None


def test_an_outline_beside_the_middle_is_another_bones() -> None:
    greys, outlines = Drawn(gap=0.08).crop()
    assert measure(greys, outlines) is not None
    assert measure(np.roll(greys, -30, 0), np.roll(outlines, -30, 1)) is None


def test_a_patch_is_what_hangs_together() -> None:
    mask = np.array([[1, 1, 0, 1], [0, 1, 0, 1], [1, 0, 0, 1], [1, 1, 1, 1]], bool)
    assert _patch(mask, (0, 0)).tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert _patch(mask, (2, 0)).sum() == 8


@pytest.mark.parametrize("bone", ["radius", "pp3"])
@pytest.mark.parametrize("mirror", [False, True])
def test_lines_go_back_to_the_film_where_they_were_seen(bone: str, mirror: bool) -> None:
    film = np.zeros((400, 500), np.uint8)
    film[100:106, 260:266] = 255  # a mark beside the crop's middle
    spec = CropSpec(250, 120, 160, 35.0, mirror)
    crop = np.asarray(upright(np.asarray(cut(film, spec, SIZE)), bone), float)
    v, u = np.indices(crop.shape) + 0.5
    mark = (float((crop * u).sum() / crop.sum()), float((crop * v).sum() / crop.sum()))
    found = evidence_of(bone, Measured(True, 0.9, 1.0, epiphysis_line=(mark, mark)), spec, SIZE)
    assert found is not None and found.epiphysis_line is not None
    assert found.epiphysis_line[0] == (pytest.approx(263, abs=1), pytest.approx(103, abs=1))


def test_sides_are_named_by_the_thumb_and_coarse_films_show_no_gap() -> None:
    seen = Measured(True, 0.9, 1.0, gap=0.1, caps_right=True, caps_left=None, fused_share=0.2)
    fine = evidence_of("pp3", seen, CropSpec(0, 0, 100), SIZE)
    assert fine is not None and (fine.caps_thumb_side, fine.caps_little_side) == (True, None)
    assert (fine.gap, fine.fused_share) == (0.1, 0.2)
    coarse = evidence_of("pp3", seen, CropSpec(0, 0, 40), SIZE)
    assert coarse is not None and coarse.width_ratio == 1.0
    assert coarse.gap is coarse.fused_share is coarse.caps_thumb_side is None
    radius = evidence_of("radius", seen, CropSpec(0, 0, 100), SIZE)
    assert radius is not None and radius.fused_share is None
    assert evidence_of("pp3", None, CropSpec(0, 0, 100), SIZE) is None
