"""The grader's training loop: resumes, stops at a time budget, and halves its batch when a GPU is out of memory.

Every batch is made from the seed and the step's number alone, so a resumed run sees what an uninterrupted one sees.
"""

from __future__ import annotations

import copy
import json
import math
import os
import queue
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from boneage_desk.engines.networks.grader import Grader, OrdinalHeads, normalise_crops
from boneage_desk.training.grader_batches import Anchors, HandBatch
from boneage_desk.training.grader_loss import GradeLoss, LossWeights
from boneage_desk.training.train_detector import save_half

Say = Callable[[str], None]


class Sampler(Protocol):
    """Gives the hands of a step: see `grader_batches.HandSampler`."""

    def batch(self, step: int, hands: int) -> HandBatch:
        """The batch of step ``step`` with ``hands`` hands; the same arguments give the same batch."""
        ...


@dataclass(frozen=True, slots=True)
class GraderConfig:
    """How to train. budget_min: minutes, over all parts of a resumed run. max_steps: 0: until the budget ends.

    hands: whole hands in a batch; anchors: single crops of known grade beside them. freeze: stages of the
    trunk that stay as they start (the stem with them), -1: none. fixed_norm: batch norms keep their running
    statistics, which a batch of a few whole hands would otherwise spoil.
    """

    budget_min: float = 60.0
    max_steps: int = 0
    every_min: float = 5.0
    size: int = 96
    hands: int = 8
    anchors: int = 0
    rate: float = 8e-4
    weights: LossWeights = field(default_factory=LossWeights)
    freeze: int = 2
    fixed_norm: bool = True
    mixed_precision: bool = False
    compile: bool = False
    threads: int = 0
    seed: int = 1


def freeze(model: Grader, stages: int) -> None:
    """Stop gradients and batch statistics in the stem and the first ``stages`` stages."""
    if stages < 0:
        return
    for part in [model.trunk.conv_stem, model.trunk.bn1, *model.trunk.blocks[:stages]]:
        part.eval()
        for p in part.parameters():
            p.requires_grad_(False)


def fix_batch_norm(model: nn.Module) -> None:
    """Hold every batch norm at its running statistics from here on.

    A batch is a few whole hands, so its own statistics tell the ages of just those children: a network
    trained to the end on them reads worse one hand at a time than one that is finished with fixed norms.
    """
    for m in model.modules():
        if isinstance(m, nn.BatchNorm2d):
            m.eval()


def level_thresholds(model: Grader) -> Grader:
    """Put every threshold half a grade below its grade, at equal widths: the latent grade itself is the grade.

    Class weights and examples move thresholds away from the share target, which the latent grade follows. On 731
    held-out hands that cost half a month of bone age (9.02 to 8.55), and 18 months of bias in girls of 14 to 16 years.
    """
    with torch.no_grad():
        fresh = OrdinalHeads(1)
        for name in ("first", "step", "log_width"):
            getattr(model.heads, name).copy_(getattr(fresh, name))
    return model


def hold_thresholds(model: Any) -> None:
    """Keep a grader's (or a tail's) thresholds and widths as they are through a training."""
    for p in (model.heads.first, model.heads.step, model.heads.log_width):
        p.requires_grad_(False)


def settle_batch_norm(model: Grader, next_crops: Callable[[], np.ndarray], batches: int = 24, frozen: int = -1) -> None:
    """Recompute batch norms' statistics (cumulative mean) over crops [B, 13, S, S], weights untouched.

    The stem and the first ``frozen`` stages keep theirs. Before training it brings ImageNet's statistics to
    radiographs. After training with moving norms it replaces those gathered over small spoiled batches by those
    of larger unspoiled ones.
    """
    keep = () if frozen < 0 else ("bn1", *(f"blocks.{k}." for k in range(frozen)))
    norms = [
        m for name, m in model.trunk.named_modules()
        if isinstance(m, nn.BatchNorm2d) and not (keep and (name == "bn1" or name.startswith(keep[1:])))
    ]  # fmt: skip
    before = [m.momentum for m in norms]
    model.eval()
    for m in norms:
        m.reset_running_stats()
        m.momentum = None
        m.train()
    with torch.no_grad():
        for _ in range(batches):
            crops = next_crops()
            model.trunk(_pixels(crops.reshape(-1, *crops.shape[2:]), _device(model)))
    for m, momentum in zip(norms, before, strict=True):
        m.momentum = momentum
    model.eval()


def _device(model: nn.Module) -> torch.device:
    return next(model.parameters()).device


def _pixels(crops: NDArray[np.uint8], device: torch.device) -> Tensor:
    return torch.from_numpy(normalise_crops(crops)).to(device).contiguous(memory_format=torch.channels_last)


class GraderRun:
    """One run in a folder: ``last.pt`` (checkpoint), ``weights.safetensors`` (mean of the weights), ``log.json``.

    model: a `Grader` or what looks like one (trunk, heads), on its device; it is trained in
    place. sampler: see `Sampler`. anchors: crops of known grade.
    """

    def __init__(
        self, model: Any, sampler: Sampler, loss: GradeLoss, config: GraderConfig, out: Path,
        *, anchors: Anchors | None = None, say: Say = print,
    ) -> None:  # fmt: skip
        self.model, self.sampler, self.loss, self.config, self.out = model, sampler, loss, config, out
        self.anchors, self.say = anchors, say
        self.step, self.used_s, self.hands = 0, 0.0, config.hands
        self.log: list[dict[str, float]] = []
        self.to_input: Callable[[Any, torch.device], Tensor] = _pixels
        self.on_checkpoint: Callable[[GraderRun], None] = lambda run: None
        out.mkdir(parents=True, exist_ok=True)
        self.mean = copy.deepcopy(model).eval()
        freeze(model, config.freeze)
        trunk = [p for p in model.trunk.parameters() if p.requires_grad]
        self.optimiser = torch.optim.RAdam(
            [{"params": trunk, "share": 1.0}, {"params": list(model.heads.parameters()), "share": 2.0, "weight_decay": 0.0}],
            lr=config.rate, weight_decay=0.02, decoupled_weight_decay=True,
        )  # fmt: skip

    # -------------------------------------------------------------------------- checkpoints
    def save(self) -> None:
        """Checkpoint, the mean's weights, and the losses; a kill leaves the old or the new one whole."""
        state = {
            "model": self.model.state_dict(), "mean": self.mean.state_dict(), "optimiser": self.optimiser.state_dict(),
            "loss": self.loss.state_dict(), "step": self.step, "used": self.used_s, "hands": self.hands,
            "config": asdict(self.config),
        }  # fmt: skip
        torch.save(state, self.out / "last.tmp")
        os.replace(self.out / "last.tmp", self.out / "last.pt")
        save_half(self.mean, self.out / "weights.safetensors")
        (self.out / "log.json").write_text(json.dumps(self.log))

    def resume(self) -> None:
        """Go on from ``last.pt``: weights, optimiser, centres, step, time used."""
        saved = torch.load(self.out / "last.pt", map_location=_device(self.model), weights_only=True)
        self.model.load_state_dict(saved["model"])
        self.mean.load_state_dict(saved["mean"])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.loss.load_state_dict(saved["loss"])
        self.step, self.used_s, self.hands = saved["step"], saved["used"], saved["hands"]
        if (self.out / "log.json").exists():
            self.log = json.loads((self.out / "log.json").read_text())[: self.step]

    # ------------------------------------------------------------------------------ the loop
    def train(self) -> None:
        """Until the budget or the steps are used up; writes a checkpoint at the end."""
        c = self.config
        self.model.train()
        freeze(self.model, c.freeze)
        if c.fixed_norm:
            fix_batch_norm(self.model)
        trunk = torch.compile(self.model.trunk) if c.compile else self.model.trunk
        feed = _Feed(self.sampler, self.anchors, c.anchors, self.step, self.hands)
        started = written = time.monotonic()
        before = self.used_s
        try:
            while (not c.max_steps or self.step < c.max_steps) and self.used_s < c.budget_min * 60:
                self._set_rate()
                batch, crops, bones, grades = feed.next()
                try:
                    parts = self._one(trunk, batch, crops, bones, grades)
                except torch.OutOfMemoryError:
                    feed.stop()
                    self._halve()
                    feed = _Feed(self.sampler, self.anchors, c.anchors, self.step, self.hands)
                    continue
                self.step += 1
                self.used_s = before + time.monotonic() - started
                self._follow()
                self.log.append({k: round(v, 4) for k, v in parts.items()})
                if self.step % 25 == 0:
                    now = {k: round(float(np.mean([p[k] for p in self.log[-25:] if k in p])), 3) for k in parts}
                    self.say(f"step {self.step} {self.used_s / 60:.1f} min {now}")
                if time.monotonic() - written > c.every_min * 60:
                    self.save()
                    self.on_checkpoint(self)
                    written = time.monotonic()
        finally:
            feed.stop()
        self.save()

    def _set_rate(self) -> None:
        c = self.config
        share = self.step / c.max_steps if c.max_steps else self.used_s / (c.budget_min * 60)
        warm = max(1, min(60, c.max_steps // 10)) if c.max_steps else 60
        rate = c.rate * min(1.0, (self.step + 1) / warm) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, share))))
        for g in self.optimiser.param_groups:
            g["lr"] = rate * g["share"]

    def _one(
        self, trunk: Any, batch: HandBatch, crops: NDArray[np.uint8] | None,
        anchor_bones: NDArray[np.intp] | None, anchor_grades: NDArray[np.intp] | None,
    ) -> dict[str, float]:  # fmt: skip
        """One step; raises torch.OutOfMemoryError with the weights untouched."""
        device, n = _device(self.model), len(batch.crops)
        pictures = batch.crops.reshape(-1, *batch.crops.shape[2:])
        bones = torch.arange(13).repeat(n)
        if crops is not None and anchor_bones is not None:
            pictures = np.concatenate([pictures, crops])
            bones = torch.cat([bones, torch.from_numpy(anchor_bones)])
        half = torch.autocast("cuda", torch.bfloat16) if self.config.mixed_precision and device.type == "cuda" else nullcontext()
        self.optimiser.zero_grad(set_to_none=True)
        with half:
            features = trunk(self.to_input(pictures, device)).float()
        s, logits = self.model.heads(features, bones.to(device))
        s, logits, features = s.cpu(), logits.cpu(), features.cpu()
        m = 13 * n
        loss, parts = self.loss(
            s[:m].view(n, 13), logits[:m].view(n, 13, -1), features[:m].view(n, 13, -1),
            torch.from_numpy(batch.targets), batch.sexes, batch.months,
        )  # fmt: skip
        if len(pictures) > m and anchor_grades is not None:
            plate = self.loss.plate(logits[m:], bones[m:], torch.from_numpy(anchor_grades))
            loss, parts["plate"] = loss + self.config.weights.plate * plate, float(plate.detach())
        if not torch.isfinite(loss):
            raise FloatingPointError(f"the loss is not a number at step {self.step}: {parts}; lower the rate")
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        self.optimiser.step()
        return parts

    def _halve(self) -> None:
        if self.hands == 1:
            raise torch.OutOfMemoryError("The GPU is out of memory with one hand in a batch: lower the size, or train on the CPU.")
        self.hands = max(1, self.hands // 2)
        self.optimiser.zero_grad(set_to_none=True)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        self.say(f"The GPU is out of memory: the batch is halved to {self.hands} hands.")

    def _follow(self) -> None:
        """The mean of the weights follows the model."""
        keep = 0.998 * (1 - math.exp(-self.step / 150))
        with torch.no_grad():
            for a, b in zip(self.mean.state_dict().values(), self.model.state_dict().values(), strict=True):
                if a.is_floating_point():
                    a.lerp_(b, 1 - keep)
                else:
                    a.copy_(b)


class _Feed:
    """Makes the next batches in a thread."""

    def __init__(self, sampler: Sampler, anchors: Anchors | None, count: int, step: int, hands: int) -> None:
        self._sampler, self._anchors, self._count, self._step, self._hands = sampler, anchors, count, step, hands
        self._ready: queue.Queue[Any] = queue.Queue(maxsize=3)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="grader batches", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        step = self._step
        while not self._stopped.is_set():
            try:
                item: Any = (self._sampler.batch(step, self._hands), None, None, None)
                if self._anchors is not None and self._count:
                    item = (item[0], *self._anchors.batch(step, self._count))
            except Exception as error:
                item = error
            while not self._stopped.is_set():
                try:
                    self._ready.put(item, timeout=0.2)
                    break
                except queue.Full:
                    pass
            if isinstance(item, Exception):
                return
            step += 1

    def next(self) -> tuple[HandBatch, NDArray[np.uint8] | None, NDArray[np.intp] | None, NDArray[np.intp] | None]:
        """The next step's batch; raises what went wrong while it was made."""
        item = self._ready.get()
        if isinstance(item, Exception):
            raise item
        return item  # type: ignore[no-any-return]

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        self._thread.join(5)
