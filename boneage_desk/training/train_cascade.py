"""The two stages of system 3's training, called by `train_whole_hand --system cascade`.

Stage 1 (folder ``OUT/locator``) trains InceptionV3 with CBAM on age, for LOCATOR_SHARE of the budget. On half of its
pictures a square as large as a region is masked, so that the masked picture of the cascade is nothing new to it.
Stage 2 (``OUT``) takes the mean of its weights, fixed from there on, finds the two regions of every spoiled picture with
it as at inference, and trains the two readers for the rest. Either stage goes on with --resume; once the second has
begun, the locator is the one in its checkpoint, and is trained no more.

Each stage ends with the batch norms of its mean settled on plain pictures: running statistics lag behind the weights, and
an age without a constant turns that lag into months.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from boneage_desk.engines.networks.cascade import REGION_SIDES, Cascade, Locator, masked, squares
from boneage_desk.engines.networks.whole_hand import Outputs, to_input
from boneage_desk.training.train_whole_hand import SYSTEMS, finish, run_config, run_stage, say, start_model
from boneage_desk.training.whole_hand_films import Films
from boneage_desk.training.whole_hand_run import RunConfig, WholeHandRun, plain_pictures

LOCATOR_SHARE = 0.35
HIDDEN_SHARE = 0.5
SETTLE_BATCHES, SETTLE_BATCH = 24, 16


class TrainedLocator(Locator):
    """The locator while it is trained: some pictures lose a square as large as the carpal region, anywhere."""

    def outputs(self, pixels: Tensor, male: Tensor | None = None) -> Outputs:
        """As the locator; in training mode on `hidden` pictures."""
        return super().outputs(hidden(pixels) if self.training else pixels, male)


def hidden(pixels: Tensor) -> Tensor:
    """Pictures [N, 1, S, S], each masked with a chance of HIDDEN_SHARE. Drawn on the CPU by torch's seed."""
    n = len(pixels)
    chosen, places = torch.rand(n) < HIDDEN_SHARE, torch.rand(n, 2)
    square = squares(places, REGION_SIDES[0]).to(pixels.device)
    return torch.where(chosen.to(pixels.device)[:, None, None, None], masked(pixels, square), pixels)


def stage_configs(config: RunConfig) -> tuple[RunConfig, RunConfig]:
    """The run's budget (minutes, or steps) shared out between the stages."""
    minutes, steps = config.budget_min * LOCATOR_SHARE, round(config.max_steps * LOCATOR_SHARE)
    if config.max_steps:
        steps = min(max(steps, 1), config.max_steps - 1)
    first = replace(config, budget_min=minutes, max_steps=steps)
    return first, replace(config, budget_min=config.budget_min - minutes, max_steps=config.max_steps - steps)


def settle(run: WholeHandRun, part: nn.Module) -> None:
    """Recompute the batch norms of ``part`` of a run's mean over plain training pictures (cumulative mean), measure it
    on held-out films once more and write it. Every second picture is `hidden` from a locator, as it is in training."""
    norms = [m for m in part.modules() if isinstance(m, nn.BatchNorm2d)]
    kept = [m.momentum for m in norms]
    for m in norms:
        m.reset_running_stats()
        m.momentum = None
        m.train()
    films, rows = run.films, run.rows[np.linspace(0, len(run.rows) - 1, SETTLE_BATCHES * SETTLE_BATCH).astype(int)]
    rows = np.random.default_rng(run.config.seed).permutation(rows)
    torch.manual_seed(run.config.seed)
    with torch.no_grad():
        for k in range(0, len(rows), SETTLE_BATCH):
            few = rows[k : k + SETTLE_BATCH]
            pixels = to_input(torch.from_numpy(plain_pictures(films, few, run.config.size)).to(run.device))
            male = torch.from_numpy(films.male[few]).to(run.device)
            run.mean(hidden(pixels) if part is run.mean else pixels, male)
    for m, momentum in zip(norms, kept, strict=True):
        m.momentum = momentum
    run.mean.eval()
    run.check()
    run.save()


def train_cascade(args: argparse.Namespace, facts: dict[str, Any], films: Films, device: torch.device) -> None:
    """Both stages, or what is left of them; see the module's head. ``facts``: run.json of the run."""
    if args.max_steps == 1:
        raise SystemExit("the cascade is trained in two stages: give it 2 steps or more")
    first, second = stage_configs(run_config(facts, args))
    began = time.monotonic()
    say(f"{len(films.training())} pictures to train on, {len(films.held_out())} held out, {device}")
    locator: Locator = Locator()
    if not (args.out / "last.pt").exists():
        torch.manual_seed(facts["seed"])
        trained = TrainedLocator()
        if not (args.out / "locator" / "last.pt").exists():
            start_model(trained, "inception_v3_cbam", facts["start"])
        run = run_stage(trained, films, SYSTEMS["cascade"].loss, first, args.out / "locator", device)
        if not run.finished:
            say("the locator is not finished: go on with --resume")
            return
        settle(run, run.mean)
        locator.load_state_dict(run.mean.state_dict())
    if args.part_min:
        left = args.part_min - (time.monotonic() - began) / 60
        if left <= 0:
            say("the readers are yet to be trained: go on with --resume")
            return
        second = replace(second, part_min=left)
    torch.manual_seed(facts["seed"] + 1)
    model = Cascade(locator)
    if args.compile:
        model.locator.trunk.compile()
        model.reader.compile()
    run = run_stage(model, films, SYSTEMS["cascade"].loss, second, args.out, device)
    if run.finished:
        settle(run, run.mean.get_submodule("reader"))
    finish(run.mean, films, facts, args.out, finished=run.finished)
