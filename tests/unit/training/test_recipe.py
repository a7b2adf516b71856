"""The recipe's parts that need no data: split, targets, pictures, crops, calibration, export."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from boneage_desk.standards import rus_chn
from boneage_desk.standards.types import Sex
from boneage_desk.training.targets import BONES, MAX_GRADE, months_of_grades, share_target


def test_the_split_is_fixed_and_one_eighth() -> None:
    from boneage_desk.training.dataset import is_validation

    held = [str(k) for k in range(1377, 15612) if is_validation(str(k))]
    assert 0.11 < len(held) / 14235 < 0.14
    assert held[:4] == ["1401", "1405", "1415", "1417"], "another split would train on what was measured on"


@pytest.mark.parametrize("sex", list(Sex))
def test_targets_rise_with_age_and_lead_back_to_it(sex: Sex) -> None:
    before = np.zeros(13)
    for months in range(24, 200, 8):
        target = share_target(months, sex)
        assert (target >= before - 1e-6).all()
        assert months_of_grades(target, sex) == pytest.approx(months, abs=1.0)
        before = target
    assert (share_target(240, sex) == MAX_GRADE).all()


def test_whole_grades_give_the_standards_own_age() -> None:
    grades = {b: min(7, rus_chn.max_grade(b)) for b in BONES}
    total = rus_chn.total_score(grades, Sex.MALE)
    assert months_of_grades(np.array(list(grades.values()), float), Sex.MALE) == pytest.approx(
        rus_chn.bone_age(total, Sex.MALE).months
    )


def _picture():  # type: ignore[no-untyped-def]
    from boneage_desk.engines.networks.consistency import template
    from boneage_desk.training.dataset import POINTS21, FilmPoints
    from boneage_desk.training.detector_batches import Picture
    from boneage_desk.training.phantoms import _STAND_IN

    places = dict(zip(BONES, template().mean * 80 + np.array([120, 150]), strict=True))
    xy = np.array([places[_STAND_IN.get(p, p)] for p in POINTS21], np.float32) / np.array([240, 300], np.float32)
    pixels = np.zeros((300, 240), np.uint8)
    for x, y in places.values():
        pixels[int(y) - 4 : int(y) + 5, int(x) - 4 : int(x) + 5] = 200
    film = FilmPoints("x", xy, np.ones(21, np.float32), np.ones(21, bool), 3000, 2400)
    return Picture(pixels, film)


def test_boxes_follow_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    from boneage_desk.training import detector_batches

    monkeypatch.setattr(detector_batches, "_spoil", lambda image, *_: image)
    picture, rng = _picture(), np.random.default_rng(0)
    seen = []
    for _ in range(12):
        image, boxes = detector_batches.sample(picture, 192, rng)
        for cx, cy in boxes[:, :2] * 192:
            if 4 < cx < 188 and 4 < cy < 188:
                seen.append(image[int(cy), int(cx)] > 100)
    assert len(seen) > 80
    assert np.mean(seen) > 0.97


def test_a_batch_names_pictures_and_classes() -> None:
    from boneage_desk.training.detector_batches import batch

    images, index, classes, boxes = batch([_picture()] * 3, 192, np.random.default_rng(1))
    assert images.shape == (3, 1, 192, 192)
    assert len(index) == len(classes) == len(boxes)
    assert set(index) <= {0, 1, 2}
    assert classes.max() <= 12


def test_augmented_crops_keep_size_and_kind() -> None:
    from boneage_desk.training.grader_batches import augment_hand, plain

    stored = np.random.default_rng(0).integers(0, 255, (13, 128, 128)).astype(np.uint8)
    out = augment_hand(stored, 96, "half", np.random.default_rng(2))
    assert out.shape == (13, 96, 96)
    assert out.dtype == np.uint8
    assert plain(stored[0], 96).shape == (96, 96)


def test_an_export_is_a_model_that_loads(tmp_path: Path) -> None:
    from boneage_desk.engines.cards import find_card
    from boneage_desk.engines.networks.detector import build_detector, load_detector
    from boneage_desk.training.export import export
    from boneage_desk.training.train_detector import save_half

    save_half(build_detector(), tmp_path / "w.safetensors")
    folder = export("detector", tmp_path / "w.safetensors", {"card": {"films": 3}, "markdown": ["# x"]}, tmp_path / "models")
    card = find_card(tmp_path / "models", "detector")
    assert card.folder == folder
    assert 2_900_000 < card.parameters < 3_100_000
    assert card.tables["metrics"]["films"] == 3
    assert json.loads((folder / "evaluation.json").read_text())["card"] == {"films": 3}
    load_detector(card, card.verified_weights())
    sha = card.sha256
    export("detector", tmp_path / "w.safetensors", {"weights_sha256": sha}, tmp_path / "models")
    for other, words in (("a" * 64, "is of weights aaaaaaaaaaaa"), ("", "--calibrated")):
        with pytest.raises(ValueError, match=words):
            export("detector", tmp_path / "w.safetensors", {"weights_sha256": other}, tmp_path / "models")


def test_averages_precision() -> None:
    from boneage_desk.training.evaluate_detector import average_precision

    assert average_precision([0.9, 0.8], [True, True], 2) == 1.0
    assert average_precision([0.9, 0.8, 0.7], [True, False, True], 2) == pytest.approx(0.83, abs=0.02)
    assert average_precision([0.9], [True], 2) == pytest.approx(0.5, abs=0.02)
