"""The knee model in use: what it refuses and why, what it answers, and where it looked. Trained on drawings for a minute."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from boneage_desk.common.errors import EngineError
from boneage_desk.common.jobs import CancelToken, no_progress
from boneage_desk.common.paths import packaged_dir
from boneage_desk.engines.cards import read_card
from boneage_desk.engines.knee import KneeDesk, KneeReader, find_knee, unavailable
from boneage_desk.engines.knee_check import check
from boneage_desk.engines.networks.knee import Familiar, KneeModel, read_knees
from boneage_desk.engines.service import InferenceService
from boneage_desk.imaging.knee_frame import knee_picture
from boneage_desk.imaging.phantom.demo import DEMO_GRADES
from boneage_desk.imaging.phantom.hand import draw_hand
from boneage_desk.imaging.phantom.knee import draw_knee
from boneage_desk.imaging.phantom.knee_form import KneeSpec
from boneage_desk.imaging.phantom.spec import PhantomSpec
from boneage_desk.reading.film import Frame, Voi, VoiKind
from boneage_desk.reading.knee import KneeQuestion
from boneage_desk.standards.types import Sex
from boneage_desk.training import train_knee
from tests.knee_site import RECIPE, ages, write_films, write_table

DRAWING = KneeQuestion(Sex.FEMALE, 120.0, drawn=True)
Edit = Callable[[str], str]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with a knee model that has seen some drawn knees."""
    folder = tmp_path_factory.mktemp("model")
    site = folder / "site"
    site.mkdir()
    write_table(site, write_films(site, ages(24)))
    text = RECIPE.format(age="true", folds=2, epochs=12)
    (folder / "knee.toml").write_text(text, encoding="utf-8")
    train_knee.train(folder / "knee.toml", resume=False, tell=lambda _: None, progress=no_progress, cancel=CancelToken())
    return folder / "run" / "model"


def models(trained: Path, tmp_path: Path, edit: Edit = lambda text: text) -> Path:
    """The trained folder with its card edited."""
    (source,) = trained.iterdir()
    place = tmp_path / "models" / source.name
    place.mkdir(parents=True)
    (place / "weights.safetensors").write_bytes((source / "weights.safetensors").read_bytes())
    (place / "card.toml").write_text(edit((source / "card.toml").read_text(encoding="utf-8")), encoding="utf-8")
    return place.parent


def site_card(text: str) -> str:
    return text.replace('trained_on = "drawn phantoms"', 'trained_on = "site films"')


def reader(models_dir: Path, *, hand: bool = False) -> KneeReader:
    card = find_knee(models_dir)
    assert card is not None
    return KneeReader.load(card, "cpu", lambda unit: hand)


def knee(seed: int, months: float = 120.0, **more: Any) -> np.ndarray:
    """A drawn knee that was not trained on."""
    return draw_knee(KneeSpec(months, "F", seed=1000 + seed, size=(128, 96), marker=False, **more)).pixels


def code(result: Any) -> str:
    assert result.months is None
    (flag,) = [f for f in result.flags if f.blocking]
    return str(flag.code)


def test_a_drawn_knee_is_read_with_all_that_the_card_knows(trained: Path, tmp_path: Path) -> None:
    asked = reader(models(trained, tmp_path))
    said = [asked.read(knee(k, months), None, DRAWING) for k, months in enumerate((36, 40, 205, 210))]
    assert all(r.months is not None and 0 <= r.months <= 264 for r in said), [r.flags for r in said]
    assert [r.strangeness is not None and r.strangeness <= 1 for r in said] == [True] * 4
    result = said[0]
    assert result.model is not None and result.model.trained_on == "drawn phantoms" and result.model.uses_chronological_age
    assert result.model.measured["films"] == 24 and result.spread_months is not None
    assert result.model.ref.sha256 == asked.card.sha256


def test_what_is_no_knee_gets_no_number(trained: Path, tmp_path: Path) -> None:
    asked = reader(models(trained, tmp_path))
    rng = np.random.default_rng(3)
    hand = draw_hand(PhantomSpec(grades=DEMO_GRADES, size=(128, 96), seed=4)).pixels
    noise = rng.integers(0, 4096, (128, 96)).astype(np.uint16)
    stripes = (np.indices((128, 96))[0] // 8 % 2 * 3000).astype(np.uint16)
    for name, film in (("hand", hand), ("noise", noise), ("stripes", stripes), ("blank", np.full((128, 96), 700, np.uint16))):
        assert code(asked.read(film, None, DRAWING)) == "knee_not_seen", name
    assert code(reader(models(trained, tmp_path / "b"), hand=True).read(knee(0), None, DRAWING)) == "knee_not_seen"
    negative = (4095 - knee(0)).astype(np.uint16)
    assert code(asked.read(negative, None, DRAWING)) == "knee_not_seen"


def test_a_model_of_drawings_gives_no_number_for_a_patient(trained: Path, tmp_path: Path) -> None:
    asked = reader(models(trained, tmp_path))
    result = asked.read(knee(0), None, dataclasses.replace(DRAWING, drawn=False))
    assert code(result) == "knee_drawn_only" and "docs/knee.md" in result.flags[0].message
    with pytest.raises(EngineError, match="trained on drawings"):
        asked.saliency(knee(0), None, dataclasses.replace(DRAWING, drawn=False))


def test_a_missing_fact_is_no_default(trained: Path, tmp_path: Path) -> None:
    asked = reader(models(trained, tmp_path, site_card))
    patient = KneeQuestion(Sex.FEMALE, 120.0)
    assert asked.read(knee(0), None, patient).months is not None
    assert code(asked.read(knee(0), None, dataclasses.replace(patient, sex=None))) == "knee_sex_missing"
    assert code(asked.read(knee(0), None, dataclasses.replace(patient, chronological_months=None))) == "knee_age_missing"
    for outside in (3.0, 250.0):
        assert code(asked.read(knee(0), None, dataclasses.replace(patient, chronological_months=outside))) == "knee_outside_training"
    with pytest.raises(ValueError, match="needs the chronological age"):
        read_knees(asked.model, np.zeros((1, 64, 64), np.uint8), np.array([True]), np.array([np.nan]))


def test_no_model_says_that_a_site_must_train_one(tmp_path: Path) -> None:
    result = unavailable(tmp_path)
    assert result is not None and code(result) == "knee_unavailable"
    assert "a site must train it" in result.flags[0].message and "docs/knee.md" in result.flags[0].message
    desk = KneeDesk(tmp_path, "cpu", lambda unit: False)
    desk.hold(knee(0), None)
    assert code(desk.read(DRAWING)) == "knee_unavailable"


def test_a_broken_or_changed_model_is_not_used(trained: Path, tmp_path: Path) -> None:
    for number, edit in enumerate((
        lambda text: text.replace("knee-square-1", "knee-square-9"), lambda text: text.replace("folds = 2", ""),
        lambda text: text.replace('task = "knee"', 'task = "knee"\nnot toml ['),
    )):  # fmt: skip
        result = unavailable(models(trained, tmp_path / str(number), edit))
        assert result is not None and code(result) == "knee_unavailable" and "broken" in result.flags[0].message or number == 2
    place = models(trained, tmp_path / "hash")
    (folder,) = place.iterdir()
    data = bytearray((folder / "weights.safetensors").read_bytes())
    data[-1] ^= 1
    (folder / "weights.safetensors").write_bytes(bytes(data))
    with pytest.raises(EngineError, match="not those of its card"):
        reader(place)


def test_the_map_lies_over_the_film(trained: Path, tmp_path: Path) -> None:
    asked = reader(models(trained, tmp_path))
    seen = asked.saliency(knee(0), None, DRAWING)
    assert seen.shape == (256, 192) and seen.dtype == np.float32 and 0 <= seen.min() and seen.max() <= 1
    assert float(seen.std()) > 0
    again = asked.read(knee(0), None, DRAWING)  # a map leaves no trace
    assert again.months == asked.read(knee(0), None, DRAWING).months


def test_the_rule_of_the_check() -> None:
    passes = {"hand_found": False, "blank": False}
    assert check([0.7, 0.9, 0.8], [2.0, 2.0, 2.0], **passes) is None
    for strange, negative, more, words in (
        ([1.2, 1.3, 0.9], [2.0] * 3, passes, "1.2 times the limit"), ([0.9], [0.5], passes, "negative"),
        ([1.5], [1.1], passes, "1.5 times the limit"), ([1.5], [0.9], passes, "negative"),
        ([0.5], [0.9], passes | {"hand_found": True}, "a hand"),
        ([0.5], [0.9], passes | {"blank": True}, "one grey"),
    ):  # fmt: skip
        flag = check(strange, negative, **more)
        assert flag is not None and flag.blocking and words in flag.message, (strange, negative)


def test_familiar_films_are_those_like_the_seen_ones() -> None:
    rng = np.random.default_rng(0)
    basis = rng.standard_normal((3, 40)).astype(np.float32)
    like = lambda n: (rng.standard_normal((n, 3)) @ basis + 0.05 * rng.standard_normal((n, 40))).astype(np.float32)  # noqa: E731
    known = Familiar(40)
    assert float(known.strangeness(torch.zeros(1, 40))) == 0  # nothing learned yet: nothing is refused
    known.learn(like(60), like(30))
    off = like(50) + 0.8 * rng.standard_normal((50, 40)).astype(np.float32)
    assert (known.strangeness(torch.from_numpy(like(50))) <= 1).float().mean() > 0.9
    assert (known.strangeness(torch.from_numpy(off)) > 1).all()


def test_the_picture_is_the_film_in_a_square_whatever_its_depth() -> None:
    film = knee(1)
    eight = (film >> 4).astype(np.uint8)
    one, other = knee_picture(eight, 64), knee_picture(np.ascontiguousarray(eight[:, ::-1]), 64)
    assert one.shape == (64, 64) and not one[:, :7].any() and not one[:, -7:].any()
    assert np.abs(one[:, ::-1].astype(int) - other).max() <= 2
    assert np.abs(knee_picture((eight // 2 + 40).astype(np.uint8), 64).astype(int) - one).mean() < 4
    assert not knee_picture(np.full((50, 40), 9, np.uint8), 64).any()


def test_sex_and_age_change_the_answer_and_the_mirror_image_does_not() -> None:
    torch.manual_seed(1)
    model = KneeModel("test_convnext", 2, uses_age=True).eval()
    pictures = np.random.default_rng(1).integers(0, 256, (1, 64, 64), dtype=np.uint8)
    said = {
        name: read_knees(model, p, np.array([male]), np.array([age])).months
        for name, p, male, age in (
            ("plain", pictures, True, 100.0), ("girl", pictures, False, 100.0), ("older", pictures, True, 150.0),
            ("mirrored", np.ascontiguousarray(pictures[:, :, ::-1]), True, 100.0),
        )
    }  # fmt: skip
    assert said["plain"].shape == (1, 2)
    assert np.abs(said["plain"] - said["mirrored"]).max() < 1e-3
    assert np.abs(said["plain"] - said["girl"]).max() > 1e-3 < np.abs(said["plain"] - said["older"]).max()


def test_the_card_travels_as_json(trained: Path) -> None:
    (folder,) = trained.iterdir()
    assert json.loads(json.dumps(read_card(folder).tables["knee"]))["engine"] == "knee"


def frame_of(pixels: np.ndarray) -> Frame:
    still = np.ascontiguousarray(pixels)
    still.setflags(write=False)
    return Frame(still, 4095, (Voi("", VoiKind.LINEAR, 2048.0, 4096.0),))


def test_without_a_model_no_process_is_started(tmp_path: Path) -> None:
    service = InferenceService(tmp_path, scratch=tmp_path / "scratch")
    assert code(service.knee(frame_of(knee(0)), DRAWING)) == "knee_unavailable"
    assert service.state() == "stopped"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_model_process_reads_knees_with_the_shipped_hand_detector(trained: Path, tmp_path: Path) -> None:
    place = models(trained, tmp_path)
    for folder in packaged_dir("models").iterdir():
        if (folder / "card.toml").is_file():
            shutil.copytree(folder, place / folder.name)
    service = InferenceService(place, scratch=tmp_path / "scratch", backend="torch", threads=1)
    try:
        film = frame_of(knee(0))
        first = service.knee(film, DRAWING)
        assert first.months is not None and first.model is not None and first.model.ref.engine == "knee"
        assert service.knee(film, DRAWING).months == first.months  # the process holds the film now
        assert service.knee_saliency(film, DRAWING).shape == (256, 192)
        hand = draw_hand(PhantomSpec(grades=DEMO_GRADES, size=(400, 320), seed=4)).pixels
        result = service.knee(frame_of(hand), DRAWING)
        assert code(result) == "knee_not_seen" and "hand detector" in result.flags[0].message
        assert code(service.knee(film, dataclasses.replace(DRAWING, drawn=False))) == "knee_drawn_only"
    finally:
        service.stop()
