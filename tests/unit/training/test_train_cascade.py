"""System 3's two stages through the program: drawn hands, a store, training in parts.

The stages run on small networks in the places of the three real ones, but for the slow test, which trains those.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from boneage_desk.engines.networks import cascade
from boneage_desk.engines.networks.cascade import MASKED, MEAN_MONTHS, REGION_SIDES, Cascade
from boneage_desk.engines.networks.whole_hand import to_input
from boneage_desk.training import train_cascade, train_whole_hand, whole_hand_run
from boneage_desk.training.train_cascade import LOCATOR_SHARE, hidden, stage_configs
from boneage_desk.training.whole_hand_batches import NO_SPOILING
from boneage_desk.training.whole_hand_films import draw_films, load_films
from boneage_desk.training.whole_hand_run import RunConfig

SIZE = 139
STEPS = 110


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight drawn hands, two of them held out."""
    folder = tmp_path_factory.mktemp("store")
    draw_films(folder, 8, SIZE)
    return folder


class Trunk(nn.Sequential):
    """In InceptionV3's place: three cells a side on 139 px."""

    num_features = 8

    def __init__(self) -> None:
        super().__init__(nn.Conv2d(1, 8, 33, 37), nn.BatchNorm2d(8), nn.ReLU())


class SmallReader(nn.Module):
    """In the two readers' place."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(1, 4, 5, 4), nn.Linear(9, 1)
        self.drop = nn.Dropout(0.5)

    def forward(self, crops: Tensor, male: Tensor) -> Tensor:
        seen = self.drop(self.one(crops.flatten(0, 1)).relu()).mean((2, 3)).view(len(male), -1)
        return MEAN_MONTHS + 40 * self.two(torch.cat([seen, male[:, None]], 1))[:, 0]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small networks."""
    monkeypatch.setattr(cascade.timm, "create_model", lambda name, **_: Trunk())
    monkeypatch.setattr(cascade, "Reader", SmallReader)


def train(store: Path, out: Path, *more: str) -> None:
    """The program with steps in place of minutes."""
    words = ["--system", "cascade", "--films", str(store), "--out", str(out), "--size", str(SIZE), "--batch", "2", "--cpu"]
    train_whole_hand.train(train_whole_hand.parser().parse_args([*words, "--no-flips", "--budget-min", "1000", *more]))


def test_half_of_the_pictures_lose_a_square_of_a_regions_size() -> None:
    pictures = torch.rand(400, 1, 50, 50)
    torch.manual_seed(1)
    seen = hidden(pictures)
    gone = seen == MASKED
    assert torch.equal(seen[~gone], pictures[~gone])
    area = gone.flatten(1).sum(1).float()
    assert 0.4 < float((area > 0).float().mean()) < 0.6
    assert torch.allclose(area[area > 0].sqrt(), torch.tensor(50 * REGION_SIDES[0]), atol=1)
    assert gone.any(0).all()  # anywhere
    torch.manual_seed(1)
    assert torch.equal(hidden(pictures), seen)  # a resumed run sees the same


def test_the_stages_share_one_budget() -> None:
    first, second = stage_configs(RunConfig(budget_min=60))
    assert first.budget_min == pytest.approx(60 * LOCATOR_SHARE)
    assert first.budget_min + second.budget_min == pytest.approx(60)
    assert first.max_steps == second.max_steps == 0  # no limit of steps, in neither
    for steps in (2, 3, 100):
        first, second = stage_configs(RunConfig(max_steps=steps))
        assert first.max_steps + second.max_steps == steps and min(first.max_steps, second.max_steps) > 0


def test_a_run_broken_off_in_either_stage_ends_like_one_that_was_not(
    small: None, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(store, whole, "--max-steps", "5")  # 2 of the locator, 3 of the readers

    steps: list[str] = []
    stop_after = 1
    one = train_whole_hand.WholeHandRun._one

    def counted(run: Any) -> Any:
        """Break off as SIGTERM does, after ``stop_after`` steps of this part."""
        steps.append("locator" if run.out.name == "locator" else "readers")
        run.stopping = len(steps) >= stop_after
        return one(run)

    monkeypatch.setattr(train_whole_hand.WholeHandRun, "_one", counted)
    train(store, parts, "--max-steps", "5")
    assert steps == ["locator"] and not (parts / "weights.safetensors").exists()
    assert not (parts / "held_out.json").exists()  # nothing pretends to be a model yet
    with pytest.raises(SystemExit, match="--resume"):
        train(store, parts, "--max-steps", "5")
    stop_after = 4
    train(store, parts, "--max-steps", "5", "--resume")
    assert steps == ["locator"] * 2 + ["readers"] * 2
    assert not json.loads((parts / "held_out.json").read_text())["finished"]
    stop_after = 99
    train(store, parts, "--max-steps", "5", "--resume")
    assert steps == ["locator"] * 2 + ["readers"] * 3
    said = json.loads((parts / "held_out.json").read_text())
    assert said["finished"] and said["system"] == "cascade" and len(said["films"]) == 2
    a, b = load_file(whole / "weights.safetensors"), load_file(parts / "weights.safetensors")
    assert Cascade().state_dict().keys() == a.keys() == b.keys()
    assert all(torch.equal(a[k], b[k]) for k in a)
    stage = load_file(whole / "locator" / "weights.safetensors")
    assert all(torch.equal(a[f"locator.{k}"], v) for k, v in stage.items()), "the second stage changed the locator"

    # more steps are asked for: the locator, which the readers were trained on, is left alone all the same
    train(store, parts, "--max-steps", "8", "--resume")
    assert steps == ["locator"] * 2 + ["readers"] * 5
    c = load_file(parts / "weights.safetensors")
    same = {k for k in a if torch.equal(a[k], c[k])}
    assert {k for k in a if k.startswith("locator.")} <= same and "reader.two.weight" not in same


def test_a_part_that_ends_with_the_first_stage_begins_no_second(
    small: None, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--part-min: what the locator used up is not given to the readers once more."""
    looks = iter(range(0, 10**6, 20))  # each look at the clock is 20 s later
    clock = SimpleNamespace(monotonic=lambda: float(next(looks)))
    monkeypatch.setattr(whole_hand_run, "time", clock)
    monkeypatch.setattr(train_cascade, "time", clock)

    def minutes() -> float:
        logs = [out / "log.json" for out in (tmp_path / "locator", tmp_path) if (out / "log.json").exists()]
        return float(sum(json.loads(p.read_text())["minutes"] for p in logs))

    train(store, tmp_path, "--budget-min", "20", "--part-min", "9")
    assert 20 * LOCATOR_SHARE < minutes() < 11
    train(store, tmp_path, "--budget-min", "20", "--part-min", "9", "--resume")
    assert 15 < minutes() < 20
    assert not json.loads((tmp_path / "held_out.json").read_text())["finished"]
    train(store, tmp_path, "--budget-min", "20", "--part-min", "9", "--resume")
    assert 20 <= minutes() < 22
    assert json.loads((tmp_path / "held_out.json").read_text())["finished"]


def test_a_stage_ends_with_settled_norms(small: None, store: Path, tmp_path: Path) -> None:
    """Statistics of the weights as they are, not of those some steps ago: the locator's first layer, worked out anew."""
    train(store, tmp_path, "--max-steps", "5")
    stage = load_file(tmp_path / "locator" / "weights.safetensors")
    films = load_films(store)
    rows = films.training()
    pixels = to_input(torch.from_numpy(np.array(films.pictures[rows])))
    with torch.no_grad():
        seen = nn.functional.conv2d(pixels, stage["trunk.0.weight"].float(), stage["trunk.0.bias"].float(), stride=37)
    spread = seen.std((0, 2, 3))
    plain = seen.mean((0, 2, 3))
    settled, fresh = stage["trunk.1.running_mean"].float(), torch.zeros(8)
    # half of the pictures lose a square, so the means are near, not the same
    assert ((settled - plain).abs() < 0.5 * spread).all()
    assert (fresh - plain).abs().max() > spread[(fresh - plain).abs().argmax()], "the test could not tell"


@pytest.mark.slow
@pytest.mark.timeout(5400)
def test_both_stages_learn_the_age_of_drawn_hands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real networks from chance weights: better than the mean age, by the locator and by the readers, on hands never
    seen. The pictures are not spoiled here, so that some hundred steps are enough."""
    made = train_cascade.run_config
    monkeypatch.setattr(train_cascade, "run_config", lambda *a: replace(made(*a), spoiling=NO_SPOILING))
    monkeypatch.setattr(train_cascade, "HIDDEN_SHARE", 0.25)
    monkeypatch.setattr(train_cascade, "LOCATOR_SHARE", 0.5)
    monkeypatch.setattr(train_cascade, "SETTLE_BATCHES", 6)
    draw_films(tmp_path / "store", 96, SIZE)
    out = tmp_path / "run"
    words = ["--system", "cascade", "--films", str(tmp_path / "store"), "--out", str(out), "--size", str(SIZE), "--cpu"]
    words += ["--batch", "8", "--rate", "8e-4", "--no-flips", "--budget-min", "10000", "--every-min", "10000"]
    train_whole_hand.train(train_whole_hand.parser().parse_args([*words, "--max-steps", str(STEPS)]))
    table = json.loads((out / "held_out.json").read_text())["films"]
    months = np.array([r["months"] for r in table])
    by_chance = float(np.abs(months - months.mean()).mean())
    readers = float(np.abs(np.array([r["read"] for r in table]) - months).mean())
    locator = json.loads((out / "locator" / "log.json").read_text())["curve"][-1]["mae_months"]
    print(f"mean age {by_chance:.1f}, locator {locator:.1f}, readers {readers:.1f} months")
    assert locator < 0.8 * by_chance
    assert readers < 0.8 * by_chance
