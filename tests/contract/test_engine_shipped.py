"""The shipped models in the real process, on drawn hands with exact truth: places, sides, bit depths, polarity.

What the grades mean is measured in the models' evaluations, not here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from boneage_desk.engines.service import InferenceService
from boneage_desk.imaging.phantom import PhantomSpec, draw_hand
from boneage_desk.reading.analysis import AnalysisResult
from boneage_desk.reading.film import Frame, Voi
from boneage_desk.standards.rus_chn import BONES

pytestmark = pytest.mark.slow
GRADES = dict.fromkeys(BONES, 6)
SIZE = (1000, 800)


@pytest.fixture(scope="module")
def engine(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InferenceService]:
    models = repository / "models"
    if len(list(models.glob("*/weights.safetensors"))) < 2:
        pytest.skip("needs the trained models")
    service = InferenceService(models, scratch=tmp_path_factory.mktemp("engine"), threads=1)
    yield service
    service.stop()


def frame(pixels: np.ndarray) -> Frame:
    pixels = np.ascontiguousarray(pixels)
    pixels.flags.writeable = False
    return Frame(pixels, int(pixels.max()), (Voi("as is"),))


def codes(result: AnalysisResult) -> set[str]:
    return {flag.code for flag in result.flags}


def probabilities(result: AnalysisResult) -> np.ndarray:
    rows = []
    for bone in result.bones:
        assert bone.grade is not None, bone.bone
        rows.append(bone.grade.expected)
    return np.array(rows)


@pytest.mark.parametrize(
    ("side", "turn", "mirrored", "expected"),
    [
        ("left", 0, False, "L"),
        ("right", 0, False, "R"),
        ("left", 90, False, "L"),
        ("right", 180, False, "R"),
        ("left", -30, True, "R"),
    ],
)
def test_thirteen_bones_in_their_places(
    engine: InferenceService, side: str, turn: float, mirrored: bool, expected: str
) -> None:
    size = SIZE if turn % 180 == 0 else (1000, 1000)
    film = draw_hand(PhantomSpec(GRADES, side=side, rotation_deg=turn, mirrored=mirrored, size=size))  # type: ignore[arg-type]
    result = engine.analyse(frame(film.pixels))
    assert result.hand_mirror == expected
    assert not [flag for flag in result.flags if flag.blocking]
    length = np.hypot(*np.subtract(film.centres["dp3"], film.centres["mc3"]))
    for bone in result.bones:
        assert bone.region is not None and bone.grade is not None, bone.bone
        off = np.hypot(*np.subtract(bone.region.box.centre, film.centres[bone.bone])) / length
        assert off < 0.12, f"{bone.bone} is off by {off:.2f} of the hand's length"


def test_bit_depth_and_polarity_do_not_matter(engine: InferenceService) -> None:
    film = draw_hand(PhantomSpec(GRADES, size=SIZE, bits=16))
    deep = engine.analyse(frame(film.pixels))
    shallow = engine.analyse(frame((film.pixels >> 8).astype(np.uint8)))
    negative = engine.analyse(frame(film.pixels.max() - film.pixels))
    np.testing.assert_allclose(probabilities(shallow), probabilities(deep), atol=0.3)
    np.testing.assert_allclose(probabilities(negative), probabilities(deep), atol=0.01)
    assert "inverted" in codes(negative) and "inverted" not in codes(deep)


def test_the_boxes_picture_alone_gives_the_same_grade(engine: InferenceService) -> None:
    film = frame(draw_hand(PhantomSpec(GRADES, size=SIZE)).pixels)
    result = engine.analyse(film)
    for bone in result.bones[:3]:
        assert bone.region is not None and bone.grade is not None
        again = engine.regrade(film, bone.bone, bone.region.box, bone.region.angle_deg)
        assert again.grade is not None and again.region is None
        assert again.grade.expected == pytest.approx(bone.grade.expected, abs=0.02)


@pytest.mark.parametrize(("side", "turn"), [("left", 0.0), ("right", 90.0)])
def test_bones_are_measured_where_they_lie_and_again_on_a_box(engine: InferenceService, side: str, turn: float) -> None:
    film = draw_hand(PhantomSpec(GRADES, side=side, rotation_deg=turn, size=(1000, 1000)))  # type: ignore[arg-type]
    pixels = frame(film.pixels)
    result = engine.analyse(pixels)
    assert result.timing_ms["measure"] > 0 and len(result.models) == 3
    measured = [bone for bone in result.bones if bone.evidence is not None and bone.evidence.width_ratio is not None]
    assert len(measured) >= 11
    for bone in measured:
        assert bone.evidence is not None and bone.evidence.epiphysis_line is not None and bone.region is not None
        middle = np.mean(bone.evidence.epiphysis_line, axis=0)
        box = bone.region.box
        assert np.hypot(*(middle - film.centres[bone.bone])) < 0.12 * box.side, bone.bone
        (x0, y0), (x1, y1) = bone.evidence.epiphysis_line
        assert 0.15 * box.side < np.hypot(x1 - x0, y1 - y0) < 0.9 * box.side
    bone = measured[0]
    assert bone.evidence is not None and bone.region is not None
    again = engine.regrade(pixels, bone.bone, bone.region.box, bone.region.angle_deg).evidence
    assert again is not None and again.width_ratio == pytest.approx(bone.evidence.width_ratio, abs=0.03)


def test_saliency_map_is_there_for_every_bone(engine: InferenceService) -> None:
    film = frame(draw_hand(PhantomSpec(GRADES, size=SIZE)).pixels)
    for bone in engine.analyse(film).bones:
        assert bone.region is not None
        values = engine.saliency(film, bone.bone, bone.region.box, bone.region.angle_deg)
        assert values.max() > 0.5


@pytest.mark.parametrize("what", ["noise", "gradient", "letters"])
def test_what_is_no_hand_is_not_graded(engine: InferenceService, what: str) -> None:
    random = np.random.default_rng(1)
    if what == "noise":
        pixels = random.integers(0, 4000, SIZE).astype(np.uint16)
    elif what == "gradient":
        pixels = np.add.outer(np.arange(SIZE[0]), np.arange(SIZE[1])).astype(np.uint16)
    else:
        pixels = np.kron(random.integers(0, 2, (50, 40)), np.ones((20, 20))).astype(np.uint16) * 3000
    result = engine.analyse(frame(pixels))
    assert "no_hand" in codes(result)
    assert all(bone.grade is None for bone in result.bones)


def test_two_hands_are_not_graded(engine: InferenceService) -> None:
    left = draw_hand(PhantomSpec(GRADES, size=SIZE)).pixels
    right = draw_hand(PhantomSpec(GRADES, size=SIZE, side="right", seed=2)).pixels
    result = engine.analyse(frame(np.hstack([right, left])))
    assert "several_hands" in codes(result)
    assert all(bone.grade is None for bone in result.bones)
