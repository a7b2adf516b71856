"""The steps from pixels to graded bones, in this process: a random grader, detections given."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from boneage_desk.common.errors import EngineError
from boneage_desk.engines.measurer import Measurer
from boneage_desk.engines.networks import detector as detector_module
from boneage_desk.engines.networks.consistency import Detection
from boneage_desk.engines.pipeline import Pipeline
from boneage_desk.reading.analysis import AnalysisResult, ModelRef
from boneage_desk.standards.rus_chn import BONES
from tests.unit.engines.test_cards import CARD
from tests.unit.engines.test_hands import HEIGHT, LENGTH, WIDTH, detections

SIZE = 64


@pytest.fixture(scope="module")
def pipeline() -> Iterator[Pipeline]:
    import torch

    from boneage_desk.engines.networks.grader import Grader

    torch.set_num_threads(1)
    torch.manual_seed(4)
    grader = Grader().eval()
    torch.nn.init.normal_(grader.heads.latent.weight, std=0.5)
    for parameter in grader.parameters():
        parameter.requires_grad_(False)
    yield Pipeline(torch.nn.Identity(), grader, crop_size=SIZE, refs=(), interval=None, device="cpu")


def film(found: list[Detection], seed: int = 1) -> np.ndarray:
    """Dark ground, a textured disc for each bone; 16 bits."""
    random = np.random.default_rng(seed)
    pixels = random.normal(3000, 200, (HEIGHT, WIDTH))
    y, x = np.indices((HEIGHT, WIDTH))
    for _, (x0, y0, x1, y1), _ in found:
        r = np.hypot(x - (x0 + x1) / 2, y - (y0 + y1) / 2) / (x1 - x0)
        pixels += 30000 * np.clip(1 - 2 * r, 0, 1) + 3000 * np.sin(x / 9) * (r < 0.5)
    return pixels.clip(0, 65535).astype(np.uint16)


def analyse(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, pixels: np.ndarray, found: list[Detection]
) -> AnalysisResult:
    monkeypatch.setattr(detector_module, "detect", lambda model, unit: found)
    analyse.key = getattr(analyse, "key", 0) + 1  # type: ignore[attr-defined]
    pipeline.hold(analyse.key, pixels, None)  # type: ignore[attr-defined]
    return pipeline.analyse()


def grades(result: AnalysisResult) -> dict[str, int]:
    return {bone.bone: bone.grade.grade for bone in result.bones if bone.grade is not None}


def test_thirteen_bones_in_table_order(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    found = detections(15)
    result = analyse(pipeline, monkeypatch, film(found), found)
    assert [bone.bone for bone in result.bones] == list(BONES)
    assert list(grades(result)) == list(BONES)
    assert result.flags == ()
    assert result.hand_mirror == "L"
    assert set(result.timing_ms) == {"normalise", "detect", "crop", "grade", "total"}


def test_sixteen_and_eight_bits_give_the_same_grades(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    found = detections()
    deep = film(found)
    shallow = (deep >> 8).astype(np.uint8)
    a, b = (analyse(pipeline, monkeypatch, pixels, found) for pixels in (deep, shallow))
    assert grades(a) == grades(b)
    for one, other in zip(a.bones, b.bones, strict=True):
        assert one.grade is not None and other.grade is not None
        np.testing.assert_allclose(one.grade.probabilities, other.grade.probabilities, atol=0.05)


def test_a_negative_is_turned_round_and_flagged(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    found = detections()
    positive = film(found)
    a, b = (analyse(pipeline, monkeypatch, pixels, found) for pixels in (positive, 65535 - positive))
    assert [flag.code for flag in a.flags] == []
    assert [(flag.code, flag.blocking) for flag in b.flags] == [("inverted", False)]
    for one, other in zip(a.bones, b.bones, strict=True):
        assert one.grade is not None and other.grade is not None
        np.testing.assert_allclose(one.grade.probabilities, other.grade.probabilities, atol=0.05)


def test_mirrored_film_gives_the_same_grades_and_the_other_side(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = detections(at=(WIDTH / 2, 600))
    pixels = film(found)
    turned: list[Detection] = [(bone, (WIDTH - x1, y0, WIDTH - x0, y1), c) for bone, (x0, y0, x1, y1), c in found]
    a = analyse(pipeline, monkeypatch, pixels, found)
    b = analyse(pipeline, monkeypatch, np.ascontiguousarray(pixels[:, ::-1]), turned)
    assert (a.hand_mirror, b.hand_mirror) == ("L", "R")
    for one, other in zip(a.bones, b.bones, strict=True):
        assert one.grade is not None and other.grade is not None
        np.testing.assert_allclose(one.grade.probabilities, other.grade.probabilities, atol=0.03)


def test_regrade_on_the_machines_own_box_is_the_machines_grade(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = detections(-40, mirror=True)
    result = analyse(pipeline, monkeypatch, film(found), found)
    for bone in result.bones:
        assert bone.region is not None and bone.grade is not None
        again = pipeline.regrade(bone.bone, bone.region.box, bone.region.angle_deg)
        assert again.grade is not None
        np.testing.assert_allclose(again.grade.probabilities, bone.grade.probabilities, atol=1e-4)


def test_the_grade_is_the_middle_one_not_the_most_probable(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    from boneage_desk.engines.networks import grader

    row = [0.0] * 4 + [0.3, 0.25, 0.25, 0.2] + [0.0] * 5
    monkeypatch.setattr(grader, "grade", lambda model, crops, bones: [row] * len(bones))
    (opinion,) = pipeline.grade_crops([np.eye(40, dtype=np.uint8) * 200], "ulna")
    assert (opinion.grade, opinion.probability) == (5, 0.25)


class FixedOutlines(nn.Module):
    """Says of every crop: an epiphysis in the middle, the metaphysis' edge below it."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        logits = torch.zeros(len(pixels), 3, *pixels.shape[2:])
        logits[:, 0] = 1
        middle = SIZE // 2
        logits[:, 1, middle - 4 : middle + 3, middle - 10 : middle + 10] = 9
        logits[:, 2, middle + 3 : middle + 9, middle - 12 : middle + 12] = 9
        return logits


@pytest.mark.parametrize("size", [SIZE, 96])
def test_evidence_stands_beside_the_grades_and_changes_none(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    found = detections(15)
    plain = analyse(pipeline, monkeypatch, film(found), found)
    assert [bone.evidence for bone in plain.bones] == [None] * 13
    monkeypatch.setattr(pipeline, "_measurer", Measurer(FixedOutlines(), size))
    monkeypatch.setattr(pipeline, "refs", (ModelRef("grader", "b3.test", "ab" * 32),))
    result = analyse(pipeline, monkeypatch, film(found), found)
    assert [bone.grade for bone in result.bones] == [bone.grade for bone in plain.bones]
    assert "measure" in result.timing_ms
    for bone in result.bones:
        assert bone.evidence is not None and bone.evidence.bone == bone.bone and bone.evidence.present
        assert bone.region is not None
        moved = pipeline.regrade(bone.bone, bone.region.box, bone.region.angle_deg)
        again = moved.evidence
        assert again is not None and moved.models == result.models
        assert again.quality == pytest.approx(bone.evidence.quality, abs=0.05)


def test_altered_segmenter_weights_are_refused(tmp_path: Path) -> None:
    for task in ("detector", "grader", "segmenter"):
        folder = tmp_path / f"net.{task}"
        folder.mkdir()
        (folder / "weights.safetensors").write_bytes(task.encode())
        digest = hashlib.sha256(task.encode() if task != "segmenter" else b"other").hexdigest()
        text = CARD.format(sha=digest).replace('tag = "try-v1"', f'tag = "{task}"').replace('"grader"', f'"{task}"')
        (folder / "card.toml").write_text(text, encoding="utf-8")
    with pytest.raises(EngineError, match="segmenter") as caught:
        Pipeline.load(tmp_path, scratch=tmp_path / "scratch")
    assert caught.value.code == "weights-hash"


@pytest.mark.parametrize("hands", [0, 2])
def test_no_grade_without_exactly_one_hand(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, hands: int) -> None:
    found = detections(at=(240, 600), length=120) + detections(mirror=True, at=(660, 600), length=120)
    result = analyse(pipeline, monkeypatch, film(found), found if hands else [])
    assert [flag.code for flag in result.flags if flag.blocking] == ["several_hands" if hands else "no_hand"]
    assert grades(result) == {}


def test_a_missing_finger_has_no_grade(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = ("pp5", "mp5", "dp5")
    found = [d for d in detections() if d[0] not in gone]
    pixels = film(found)
    for bone, (x0, y0, x1, y1), _ in detections():
        if bone in gone:  # bare ground
            pixels[int(y0 - LENGTH / 5) : int(y1 + LENGTH / 5), int(x0) : int(x1 + LENGTH / 5)] = 3000
    result = analyse(pipeline, monkeypatch, pixels, found)
    assert set(BONES) - set(grades(result)) >= {"mp5", "dp5"}
    assert {"mp5", "dp5"} <= {flag.bone for flag in result.flags if flag.code == "bone_missing"}
    assert all(flag.message for flag in result.flags)


def test_saliency_lies_over_the_box(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    found = detections(30)
    result = analyse(pipeline, monkeypatch, film(found), found)
    region = result.bones[0].region
    assert region is not None
    values = pipeline.saliency("radius", region.box, region.angle_deg, "grad-cam")
    assert max(values.shape) <= 256
    assert values.max() > 0.2
    assert values[0, 0] == 0, "a corner of a turned crop's box lies outside the crop"


def test_no_film_in_hand_is_said(pipeline: Pipeline) -> None:
    pipeline._film = None
    with pytest.raises(EngineError) as caught:
        pipeline.analyse()
    assert caught.value.code == "film-not-held"


def test_a_negative_that_its_greys_do_not_betray_is_told_by_its_bones(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = detections()
    positive = film(found)
    monkeypatch.setattr("boneage_desk.engines.pipeline.looks_inverted", lambda unit: False)
    a, b = (analyse(pipeline, monkeypatch, pixels, found) for pixels in (positive, 65535 - positive))
    assert ([flag.code for flag in a.flags], [flag.code for flag in b.flags]) == ([], ["inverted"])
    assert grades(a) == grades(b)


def test_a_wrong_guess_of_the_polarity_is_taken_back(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    found = detections()
    monkeypatch.setattr("boneage_desk.engines.pipeline.looks_inverted", lambda unit: True)
    result = analyse(pipeline, monkeypatch, film(found), found)
    assert [flag.code for flag in result.flags] == []


def test_every_analysis_does_the_whole_work(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    found = detections()
    analyse(pipeline, monkeypatch, film(found), found)
    calls: list[int] = []
    monkeypatch.setattr(detector_module, "detect", lambda model, unit: calls.append(1) or found)
    for _ in range(2):
        pipeline.analyse()
    assert len(calls) == 2
