"""One fold of a knee training: resumes, stops at a time budget, keeps a mean of the weights.

Every batch and all its spoiling follow from the seed, the fold and the step's number, so that a resumed run sees what an
uninterrupted one sees.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from boneage_desk.common.errors import EngineError
from boneage_desk.engines.networks.knee import SPREAD_MONTHS, KneeNet, normalise_pictures
from boneage_desk.training.knee_data import KneeFilms
from boneage_desk.training.loop import cosine_rate, follow, weight_groups, write_checkpoint

Watch = Callable[[int, float], None]
"""Called before every step with its number and the share done; raises Cancelled to stop."""


@dataclass(frozen=True, slots=True)
class FoldConfig:
    """How one fold is trained. steps 0: until ``budget_s`` seconds are used, over all parts of a resumed run."""

    fold: int
    steps: int
    budget_s: float
    batch: int
    rate: float
    seed: int
    ema: float
    every_s: float
    mixed_precision: bool = False


def spoil(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Pictures [N, 1, S, S] -1..1 turned, scaled, shifted, flipped, in other contrast and with noise; same device."""
    n, device = len(pixels), pixels.device

    def even(low: float, high: float) -> Tensor:
        return (torch.rand(n, generator=generator) * (high - low) + low).to(device)

    turn, scale = torch.deg2rad(even(-12, 12)), 1 / even(0.85, 1.2)
    flip = torch.where(even(0, 1) < 0.5, -1.0, 1.0)
    zero, c, s = torch.zeros(n, device=device), torch.cos(turn) * scale, torch.sin(turn) * scale
    matrix = torch.stack([torch.stack([flip * c, -s, even(-0.1, 0.1) + zero], 1), torch.stack([flip * s, c, even(-0.1, 0.1) + zero], 1)], 1)
    grid = F.affine_grid(matrix, list(pixels.shape), align_corners=False)
    out = F.grid_sample(pixels + 1, grid, mode="bilinear", padding_mode="zeros", align_corners=False) - 1
    unit = ((out + 1) / 2).clamp(0, 1) ** torch.exp(even(-0.35, 0.35))[:, None, None, None]
    out = unit * (2 * even(0.85, 1.1))[:, None, None, None] - 1 + even(-0.1, 0.1)[:, None, None, None]
    noise = torch.randn(out.shape, generator=generator).to(device)
    return out + even(0, 0.06)[:, None, None, None] * noise


class FoldRun:
    """Trains one network on the films ``chosen`` of ``films``, in the folder ``out`` (last.pt)."""

    def __init__(self, net: KneeNet, films: KneeFilms, chosen: NDArray[np.intp], config: FoldConfig, out: Path, watch: Watch) -> None:
        self.net, self.films, self.chosen, self.config, self.out, self.watch = net, films, chosen, config, out, watch
        self.step, self.used_s, self.log = 0, 0.0, list[dict[str, float]]()
        self.mean = copy.deepcopy(net).eval()
        self.optimiser = torch.optim.AdamW(weight_groups(net, 0.05), lr=config.rate)
        out.mkdir(parents=True, exist_ok=True)

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.net.parameters()).device

    @property
    def checkpoint(self) -> Path:
        """Where the last checkpoint lies, if there is one."""
        return self.out / "last.pt"

    def save(self) -> None:
        """Write the checkpoint; a kill leaves the old or the new one whole."""
        state = {
            "net": self.net.state_dict(), "mean": self.mean.state_dict(), "optimiser": self.optimiser.state_dict(),
            "step": self.step, "used": self.used_s, "log": self.log,
        }  # fmt: skip
        write_checkpoint(self.checkpoint, state)

    def resume(self) -> None:
        """Go on from the checkpoint."""
        saved = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
        self.net.load_state_dict(saved["net"])
        self.mean.load_state_dict(saved["mean"])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.step, self.used_s, self.log = saved["step"], saved["used"], saved["log"]

    def done(self) -> bool:
        """Whether the steps or the seconds are used up."""
        c = self.config
        return self.used_s >= c.budget_s or (c.steps > 0 and self.step >= c.steps)

    def train(self) -> None:
        """Until done; a checkpoint now and then, at the end, and when ``watch`` stops it."""
        began, before, written = time.monotonic(), self.used_s, time.monotonic()
        self.net.train()
        try:
            while not self.done():
                self.watch(self.step, self._share())
                try:
                    self._one()
                except torch.OutOfMemoryError as error:
                    raise EngineError(
                        "The GPU is out of memory.", "Lower training.batch or training.size in a new run.", code="out-of-memory"
                    ) from error
                self.used_s = before + time.monotonic() - began
                if time.monotonic() - written > self.config.every_s:
                    self.save()
                    written = time.monotonic()
        finally:
            self.save()

    def _share(self) -> float:
        c = self.config
        by_time = self.used_s / c.budget_s if c.budget_s > 0 else 1.0
        return min(1.0, self.step / c.steps if c.steps else by_time)

    def batch(self, step: int) -> NDArray[np.intp]:
        """The films of a step; each round through them is a new order of all."""
        c, n = self.config, len(self.chosen)
        out = []
        for at in range(step * c.batch, (step + 1) * c.batch):
            order = np.random.default_rng([c.seed, c.fold, 1, at // n]).permutation(n)
            out.append(self.chosen[order[at % n]])
        return np.array(out, np.intp)

    def _one(self) -> None:
        c, device = self.config, self.device
        index = self.batch(self.step)
        torch.manual_seed(int(np.random.default_rng([c.seed, c.fold, 2, self.step]).integers(2**31)))  # dropout
        generator = torch.Generator().manual_seed(int(np.random.default_rng([c.seed, c.fold, 3, self.step]).integers(2**31)))
        pixels = spoil(torch.from_numpy(normalise_pictures(self.films.pictures[index])).to(device), generator)
        male = torch.from_numpy(self.films.male[index].astype(np.int64)).to(device)
        ca = torch.from_numpy(self.films.ca_months[index].astype(np.float32)).to(device)
        truth = torch.from_numpy(self.films.months[index].astype(np.float32)).to(device)
        warm = max(1, min(60, c.steps // 10)) if c.steps else 40
        for group in self.optimiser.param_groups:
            group["lr"] = c.rate * cosine_rate(self._share(), self.step, warm)
        half = torch.autocast("cuda", torch.bfloat16) if c.mixed_precision and device.type == "cuda" else nullcontext()
        self.optimiser.zero_grad(set_to_none=True)
        with half:
            said = self.net(pixels, male, ca)
        loss = F.smooth_l1_loss((said.float() - truth) / SPREAD_MONTHS, torch.zeros_like(truth), beta=0.1)
        if not torch.isfinite(loss):
            raise EngineError(f"The loss is not a number at step {self.step}.", "Lower training.rate.", code="diverged")
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), 3.0)
        self.optimiser.step()
        self.step += 1
        follow(self.mean, self.net, c.ema * (1 - math.exp(-self.step / 40)))
        error = float((said.detach().float() - truth).abs().mean())
        self.log.append({"fold": c.fold, "step": self.step, "loss": round(float(loss.detach()), 5), "error_months": round(error, 2)})


def describe_films(net: KneeNet, films: KneeFilms, chosen: NDArray[np.intp], batch: int = 16) -> NDArray[np.float32]:
    """`KneeNet.describe` of films as they are, mean with their mirror images, as in use [N, C]."""
    device, out = next(net.parameters()).device, []
    with torch.inference_mode():
        for at in range(0, len(chosen), batch):
            pixels = torch.from_numpy(normalise_pictures(films.pictures[chosen[at : at + batch]])).to(device)
            out.append(torch.stack([net.describe(pixels), net.describe(pixels.flip(3))]).mean(0).cpu().numpy())
    return np.concatenate(out).astype(np.float32)
