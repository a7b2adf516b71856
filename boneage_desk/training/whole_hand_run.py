"""The training loop of every whole-hand network, on a GPU or a CPU: it resumes, stops at a time budget, and halves its
batch when a GPU is out of memory.

What a step sees depends on the seed, its number and how many films were drawn before it alone, so a resumed run does
what an uninterrupted one does (bit by bit on a CPU).
"""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from boneage_desk.engines.networks.whole_hand import Answers, WholeHand, read_pictures
from boneage_desk.training.loop import cosine_rate, follow, save_half, weight_groups, write_checkpoint
from boneage_desk.training.whole_hand_batches import Bank, Sampler, Spoiling, spoil
from boneage_desk.training.whole_hand_films import Films
from boneage_desk.training.whole_hand_loss import Loss

Say = Callable[[str], None]
WARM_STEPS = 100
SPEAK = 25


@dataclass(frozen=True, slots=True)
class RunConfig:
    """How to train. budget_min: minutes over all parts of a resumed run, the rate ends with them; part_min: minutes of
    this part, 0: no limit of its own. max_steps: 0: until the budget ends. every_min: between checkpoints. check: held-out
    films that are read at a checkpoint, 0: all. keep: most that the mean of the weights keeps at a step. compile:
    torch.compile of the trunk. size: side of the pictures that the network sees. half: bfloat16 where it pays, also on a
    CPU; a GPU always does.
    """

    budget_min: float = 60.0
    part_min: float = 0.0
    max_steps: int = 0
    every_min: float = 5.0
    size: int = 299
    batch: int = 32
    rate: float = 5e-4
    decay: float = 0.02
    keep: float = 0.999
    check: int = 400
    flips: bool = True
    compile: bool = False
    half: bool = False
    seed: int = 1
    spoiling: Spoiling = field(default_factory=Spoiling)


def plain_pictures(films: Films, rows: NDArray[np.intp], size: int) -> NDArray[np.uint8]:
    """Pictures [B, size, size] of ``rows`` as they are."""
    pictures = np.array(films.pictures[rows])
    if pictures.shape[-1] == size:
        return pictures
    way = cv2.INTER_AREA if size < pictures.shape[-1] else cv2.INTER_CUBIC
    return np.stack([np.asarray(cv2.resize(p, (size, size), interpolation=way), np.uint8) for p in pictures])


def read_films(
    model: nn.Module, films: Films, rows: NDArray[np.intp], size: int, *, flips: bool = True, batch: int = 32
) -> Answers:
    """What ``model`` (evaluation mode) says of ``rows`` of a store."""
    parts = [
        read_pictures(model, plain_pictures(films, rows[k : k + batch], size), films.male[rows[k : k + batch]], flips=flips)
        for k in range(0, len(rows), batch)
    ]
    if not parts:
        return Answers(np.zeros(0))
    sexes = [p.male_probability for p in parts if p.male_probability is not None]
    return Answers(np.concatenate([p.months for p in parts]), np.concatenate(sexes) if sexes else None)


class WholeHandRun:
    """One training in a folder: ``last.pt`` (checkpoint), ``weights.safetensors`` (mean of the weights, half precision),
    ``log.json`` (losses, and the learning curve on held-out films).

    model: on its device, trained in place. rows: of ``films`` to train on, None: all that are not held out. checked:
    rows that the learning curve is measured on, None: the held-out ones.
    """

    def __init__(
        self, model: WholeHand, films: Films, loss: Loss, config: RunConfig, out: Path,
        *, rows: NDArray[np.intp] | None = None, checked: NDArray[np.intp] | None = None, say: Say = print,
    ) -> None:  # fmt: skip
        self.model, self.films, self.loss, self.config, self.out, self.say = model, films, loss, config, out, say
        self.device = next(model.parameters()).device
        self.rows = films.training() if rows is None else rows
        if films.validation[self.rows].any():
            raise ValueError("held-out films are among those to train on")
        held_out = films.held_out() if checked is None else checked
        every = max(1, len(held_out) // config.check) if config.check else 1
        self.checked = held_out[::every]
        self.sampler, self.bank = Sampler(films, self.rows, config.seed), Bank(films, self.device)
        self.step, self.drawn, self.used_s, self.batch = 0, 0, 0.0, config.batch
        self.log: list[dict[str, float]] = []
        self.curve: list[dict[str, float]] = []
        self.stopping = False
        self.mean: WholeHand = copy.deepcopy(model).eval()
        self.optimiser = torch.optim.AdamW(
            weight_groups(model, config.decay), lr=config.rate, betas=(0.9, 0.98), fused=self.device.type == "cuda"
        )
        out.mkdir(parents=True, exist_ok=True)

    # -------------------------------------------------------------------------- checkpoints
    def save(self) -> None:
        """Checkpoint, the mean's weights, and the log."""
        write_checkpoint(
            self.out / "last.pt",
            {
                "model": self.model.state_dict(), "mean": self.mean.state_dict(), "optimiser": self.optimiser.state_dict(),
                "step": self.step, "drawn": self.drawn, "used": self.used_s, "batch": self.batch, "log": self.log,
                "curve": self.curve,
            },
        )  # fmt: skip
        save_half(self.mean, self.out / "weights.safetensors")
        self.write_log()

    def write_log(self) -> None:
        """log.json: the configuration, losses by step, and the learning curve."""
        facts: dict[str, Any] = {"config": asdict(self.config), "films": len(self.rows), "device": str(self.device)}
        facts |= {"steps": self.step, "minutes": round(self.used_s / 60, 2), "curve": self.curve, "losses": self.log}
        (self.out / "log.json").write_text(json.dumps(facts))

    def resume(self) -> bool:
        """Go on from ``last.pt``; False where there is none."""
        path = self.out / "last.pt"
        if not path.exists():
            return False
        saved = torch.load(path, map_location=self.device, weights_only=True)
        self.model.load_state_dict(saved["model"])
        self.mean.load_state_dict(saved["mean"])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.step, self.drawn, self.used_s, self.batch = (saved[k] for k in ("step", "drawn", "used", "batch"))
        self.log, self.curve = saved["log"], saved["curve"]
        return True

    @property
    def finished(self) -> bool:
        """Whether the budget or the steps are used up."""
        c = self.config
        return bool(self.used_s >= c.budget_min * 60 or (c.max_steps and self.step >= c.max_steps))

    # ------------------------------------------------------------------------------ the loop
    def train(self) -> None:
        """Until the budget, the steps or this part's minutes are used up, or `stopping`; ends with a checkpoint."""
        c = self.config
        self.model.train()
        if c.compile and hasattr(self.model, "trunk"):
            self.model.trunk.compile()
        began = written = time.monotonic()
        before, recent = self.used_s, []
        while not (self.finished or self.stopping or (c.part_min and self.used_s - before >= c.part_min * 60)):
            share = self.step / c.max_steps if c.max_steps else self.used_s / (c.budget_min * 60)
            warm = min(WARM_STEPS, max(1, c.max_steps // 10)) if c.max_steps else WARM_STEPS
            for group in self.optimiser.param_groups:
                group["lr"] = c.rate * cosine_rate(share, self.step, warm)
            try:
                recent.append(self._one())
            except torch.OutOfMemoryError:
                self._halve()
                continue
            self.drawn += self.batch
            self.step += 1
            follow(self.mean, self.model, c.keep * (1 - math.exp(-self.step / 200)))
            self.used_s = before + time.monotonic() - began
            if len(recent) == SPEAK:
                self._note(recent)
                recent = []
            if time.monotonic() - written > c.every_min * 60:
                self.check()
                self.used_s = before + time.monotonic() - began
                self.save()
                written = time.monotonic()
        self._note(recent)
        if not self.curve or self.curve[-1]["step"] != self.step:
            self.check()
        self.save()

    def _one(self) -> dict[str, torch.Tensor]:
        """One step; an out-of-memory error leaves the weights untouched."""
        c = self.config
        torch.manual_seed(c.seed * 1_000_003 + self.step)  # dropout
        pictures, male, months = self.bank.take(self.sampler.rows(self.drawn, self.batch))
        pixels = spoil(pictures, c.size, (c.seed, self.step), c.spoiling)
        on = self.device.type == "cuda" or c.half
        half = torch.autocast(self.device.type, torch.bfloat16) if on else nullcontext()
        self.optimiser.zero_grad(set_to_none=True)
        with half:
            found = self.model.outputs(pixels, male)
        loss, parts = self.loss(found, months, male)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        self.optimiser.step()
        return {"loss": loss.detach(), **parts}

    def _note(self, recent: list[dict[str, torch.Tensor]]) -> None:
        """The mean of some steps' losses into the log. Raises FloatingPointError where they are no numbers."""
        if not recent:
            return
        row = {k: round(float(np.mean([float(r[k]) for r in recent])), 4) for k in recent[0]}
        if not all(map(math.isfinite, row.values())):
            raise FloatingPointError(f"the loss is not a number at step {self.step}: {row}; lower the rate")
        self.log.append({"step": self.step, "minutes": round(self.used_s / 60, 2), **row})
        self.say(f"step {self.step} {self.used_s / 60:.1f} min {row}")

    def _halve(self) -> None:
        if self.batch == 1:
            raise torch.OutOfMemoryError("The GPU is out of memory with one film in a batch: lower the size.")
        self.batch //= 2
        self.optimiser.zero_grad(set_to_none=True)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        self.say(f"The GPU is out of memory: the batch is halved to {self.batch} films.")

    def check(self) -> dict[str, float]:
        """A row of the learning curve: the mean of the weights on held-out films; {} where there are none."""
        if not len(self.checked):
            return {}
        found = read_films(self.mean, self.films, self.checked, self.config.size, flips=self.config.flips)
        error = found.months - self.films.months[self.checked]
        row = {
            "minutes": round(self.used_s / 60, 2), "step": self.step,
            "epochs": round(self.drawn / len(self.rows), 2), "films": len(self.checked),
            "mae_months": round(float(np.abs(error).mean()), 3), "bias_months": round(float(error.mean()), 3),
        }  # fmt: skip
        if found.male_probability is not None:
            right = (found.male_probability > 0.5) == (self.films.male[self.checked] > 0.5)
            row["sex_right"] = round(float(right.mean()), 4)
        self.curve.append(row)
        self.say(f"held out {row}")
        return row
