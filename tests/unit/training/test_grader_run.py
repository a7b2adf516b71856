"""The grader's loss and loop on drawn noise: what each term wants, resuming, and a GPU without memory."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from boneage_desk.engines.networks.grader import Grader
from boneage_desk.standards.types import Sex
from boneage_desk.training.grader_batches import Anchors, Hands, HandSampler
from boneage_desk.training.grader_loss import GradeLoss, LossWeights, class_weights, soft_grades
from boneage_desk.training.grader_run import GraderConfig, GraderRun, hold_thresholds, level_thresholds
from boneage_desk.training.targets import MAX_GRADE, share_target

SIZE = 32


def hands(n: int = 6) -> Hands:
    rng = np.random.default_rng(4)
    crops = rng.integers(0, 255, (n, 13, 128, 128)).astype(np.uint8)
    months = rng.uniform(30, 190, n)
    rows: list[dict[str, object]] = [
        {"id": str(k), "source": "half", "sex": "MF"[k % 2], "months": float(m), "validation": False}
        for k, m in enumerate(months)
    ]
    sexes = {"M": Sex.MALE, "F": Sex.FEMALE}
    targets = np.array([share_target(float(m), sexes["MF"[k % 2]]) for k, m in enumerate(months)], np.float32)
    return Hands(crops, rows, targets)


def latent_logits(s: torch.Tensor) -> torch.Tensor:
    return (s[..., None] - (torch.arange(1, 15) - 0.5)) / 0.3


def loss_at(loss: GradeLoss, s: torch.Tensor, target: torch.Tensor, months: float = 120.0) -> float:
    return float(loss(s, latent_logits(s), torch.zeros(1, 13, 4), target, ["F"], [months])[0])


@pytest.mark.parametrize("only", ["order", "share", "age"])
def test_each_term_is_least_at_the_target(only: str) -> None:
    weights = LossWeights(**{**dict.fromkeys(("order", "centre", "share", "age", "plate"), 0.0), only: 1.0})
    loss = GradeLoss(weights, features=4)
    target = torch.tensor(share_target(120, Sex.FEMALE))[None]
    at = loss_at(loss, target, target)
    assert at < loss_at(loss, target + 0.7, target)
    assert at < loss_at(loss, target - 0.7, target)
    assert float(loss.months(target[0], "F")) == pytest.approx(120, abs=0.5)


def test_unknown_grades_and_ages_teach_nothing() -> None:
    loss = GradeLoss(LossWeights(), features=4)
    target = torch.tensor(share_target(120, Sex.FEMALE))[None]
    gaps = target.clone()
    gaps[0, 3:] = float("nan")
    s = target.clone().requires_grad_(True)
    moved = s + 1.0
    loss(moved, latent_logits(moved), torch.zeros(1, 13, 4), gaps, ["F"], [float("nan")])[0].backward()
    assert s.grad is not None
    assert (s.grad[0, :3] != 0).all()
    assert (s.grad[0, 3:] == 0).all()


def test_the_centre_term_draws_crops_of_a_grade_together() -> None:
    loss = GradeLoss(LossWeights(0.0, 1.0, 0.0, 0.0, 0.0), features=2)
    target = torch.full((4, 13), 3.0)
    apart = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [2.0, 2.0]])[:, None].expand(4, 13, 2)
    s = torch.zeros(4, 13)
    near = loss(s, latent_logits(s), torch.ones(4, 13, 2), target, list("FFMM"), [120.0] * 4)[0]
    wide = GradeLoss(LossWeights(0.0, 1.0, 0.0, 0.0, 0.0), features=2)(
        s, latent_logits(s), apart, target, list("FFMM"), [120.0] * 4
    )[0]
    assert float(near) == pytest.approx(0.0, abs=1e-6)
    assert float(wide) == pytest.approx(2.0, abs=1e-5)


def test_rare_grades_weigh_more() -> None:
    targets = np.full((50, 13), 5.0, np.float32)
    targets[0] = 8.0
    weights = class_weights(targets, np.ones(50), 0.5)
    assert (weights[:, 8] > 2 * weights[:, 5]).all()
    assert torch.equal(class_weights(targets, np.ones(50), 0.0), torch.ones_like(weights))
    assert (soft_grades(torch.tensor(np.tile(MAX_GRADE, (2, 1)), dtype=torch.float32)).sum(-1) == 1).all()


def test_a_printed_example_is_cheapest_at_its_grade() -> None:
    loss = GradeLoss(LossWeights(), features=4)
    bones = torch.arange(13)
    grades = torch.full((13,), 4)
    values = [float(loss.plate(latent_logits(torch.full((13,), float(s))), bones, grades)) for s in range(9)]
    assert int(np.argmin(values)) == 4


def run_of(out: Path, steps: int, anchors: Anchors | None = None) -> GraderRun:
    torch.manual_seed(0)
    h = hands()
    config = GraderConfig(budget_min=5, max_steps=steps, size=SIZE, hands=2, anchors=2 if anchors else 0, freeze=2)
    loss = GradeLoss(config.weights)
    return GraderRun(Grader(), HandSampler(h, SIZE, 1), loss, config, out, anchors=anchors, say=lambda text: None)


def test_levelled_thresholds_are_held_through_a_training(tmp_path: Path) -> None:
    run = run_of(tmp_path, 2)
    with torch.no_grad():
        run.model.heads.first += 0.4
    level_thresholds(run.model)
    hold_thresholds(run.model)
    before = run.model.heads.thresholds().clone()
    assert torch.allclose(before[:, 3] - before[:, 2], torch.ones(13), atol=1e-5)
    assert torch.allclose(before[:, 0], torch.full((13,), 0.5), atol=1e-5)
    weights = [p.detach().clone() for p in run.model.heads.parameters() if p.requires_grad]
    run.train()
    assert torch.equal(run.model.heads.thresholds(), before)
    trained = [p for p in run.model.heads.parameters() if p.requires_grad]
    assert all(not torch.equal(a, b) for a, b in zip(weights, trained, strict=True))


def test_a_source_that_the_mix_leaves_out_is_not_drawn() -> None:
    h = hands()
    for k, row in enumerate(h.rows):
        row["source"] = ("half", "blurred")[k % 2]
    drawn = HandSampler(h, SIZE, 1, {"half": 0.0, "blurred": 1.0}).drawn
    assert (drawn[::2] == 0).all()
    assert (drawn[1::2] > 0).all()
    assert drawn.sum() == pytest.approx(1)


def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    whole = run_of(tmp_path / "whole", 4)
    whole.train()
    first = run_of(tmp_path / "parts", 4)
    save = first.save

    def stop() -> None:
        save()
        raise KeyboardInterrupt

    taken = 0
    follow = first._follow

    def count() -> None:
        nonlocal taken
        follow()
        taken += 1
        if taken == 2:
            stop()

    first._follow = count  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        first.train()
    second = run_of(tmp_path / "parts", 4)
    second.resume()
    second.train()
    assert second.step == 4
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, second.model.state_dict()[name]), name
        assert torch.equal(whole.mean.state_dict()[name], second.mean.state_dict()[name]), f"mean of {name}"


def test_without_gpu_memory_the_batch_is_halved(tmp_path: Path) -> None:
    said: list[str] = []
    run = run_of(tmp_path / "run", 2)
    run.say = said.append
    one = run._one
    sizes: list[int] = []

    def full(*args: object) -> dict[str, float]:
        sizes.append(len(args[1].crops))  # type: ignore[attr-defined]
        if sizes[-1] > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return one(*args)  # type: ignore[arg-type]

    run._one = full  # type: ignore[method-assign, assignment]
    run.train()
    assert sizes == [2, 1, 1]
    assert said == ["The GPU is out of memory: the batch is halved to 1 hands."]
    assert json.loads((tmp_path / "run" / "log.json").read_text())[0].keys() >= {"order", "share", "age"}


def test_a_held_out_hand_is_never_drawn() -> None:
    h = hands(12)
    for k, row in enumerate(h.rows):
        row["validation"] = k % 3 == 0
    sampler = HandSampler(h, SIZE, 1)
    held = [k for k, row in enumerate(h.rows) if row["validation"]]
    assert (sampler.drawn[held] == 0).all() and sampler.drawn.sum() == pytest.approx(1)
    shown = {float(m) for step in range(30) for m in sampler.batch(step, 2).months}
    assert shown == {float(str(row["months"])) for row in h.rows if not row["validation"]}


def test_anchors_join_the_batch(tmp_path: Path) -> None:
    pictures = [np.random.default_rng(k).integers(0, 255, (40, 50)).astype(np.uint8) for k in range(3)]
    anchors = Anchors(pictures, [[0], [3, 4], [12]], [4, 5, 6], SIZE, 1)
    crops, bones, grades = anchors.batch(3, 8)
    assert crops.shape == (8, SIZE, SIZE)
    assert set(zip(bones.tolist(), grades.tolist(), strict=True)) <= {(0, 4), (3, 5), (4, 5), (12, 6)}
    again = anchors.batch(3, 8)
    assert all(np.array_equal(a, b) for a, b in zip((crops, bones, grades), again, strict=True))
    run = run_of(tmp_path / "run", 1, anchors)
    run.train()
    assert run.log[0]["plate"] > 0


def test_an_anchor_that_is_left_out_is_never_given() -> None:
    from boneage_desk.training.grader_tail import StoredAnchors

    anchors = Anchors([np.zeros((4, 4), np.uint8)] * 5, [[k] for k in range(5)], [2, 3, 4, 5, 6], SIZE, 1)
    which = np.tile(np.arange(5), 4)
    maps = which[:, None, None, None].astype(np.float16) * np.ones((1, 1, 2, 2), np.float16)
    stored = StoredAnchors(anchors, maps, which, which.copy(), frozenset({1, 3}))
    seen = set()
    for step in range(6):
        pictures, bones, grades = stored.batch(step, 8)
        assert (grades == bones + 2).all() and (pictures[:, 0, 0, 0] == bones).all()
        seen |= set(bones.tolist())
    assert seen == {0, 2, 4}


def test_the_tail_is_the_rest_of_the_network_and_goes_back_into_it() -> None:
    from boneage_desk.training.grader_tail import Early, Tail

    torch.manual_seed(0)
    model = Grader().eval()
    pixels, bones = torch.rand(13, 1, SIZE, SIZE), torch.arange(13)
    tail = Tail(model, 6).eval()
    with torch.inference_mode():
        maps = Early(model.trunk, 6)(pixels)
        assert torch.allclose(tail.heads(tail.trunk(maps), bones)[0], model(pixels, bones)[0], atol=1e-5)
    with torch.no_grad():
        for p in tail.parameters():
            p.add_(0.01)
    other = Grader().eval()
    other.load_state_dict(model.state_dict())
    tail.into(other)
    with torch.inference_mode():
        assert torch.allclose(tail.heads(tail.trunk(maps), bones)[0], other(pixels, bones)[0], atol=1e-5)
        assert not torch.allclose(other(pixels, bones)[0], model(pixels, bones)[0], atol=1e-3)
