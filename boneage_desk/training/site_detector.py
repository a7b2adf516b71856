"""A site's own detector: train from its boxes, and measure any detector on them.

The site's box tells where a bone is; what is trained and measured is the square round its middle whose side is the
bone's share of mc3-dp3, for that is how the program frames a bone (`boneage_desk.imaging.crops`).
"""

from __future__ import annotations

import copy
import math
import os
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from boneage_desk.common.errors import Cancelled, EngineError, InputError
from boneage_desk.engines import hands
from boneage_desk.engines.networks.consistency import fit_hand, template
from boneage_desk.engines.networks.detector import DETECTOR_PASS_SIZE, detect
from boneage_desk.engines.pipeline import HeldFilm
from boneage_desk.imaging.crops import SIDE_SHARE
from boneage_desk.imaging.reader import FilmFiles
from boneage_desk.standards.rus_chn import BONES
from boneage_desk.training import detector_batches as batches
from boneage_desk.training import metrics
from boneage_desk.training.dataset import IN21, POINTS21, FilmPoints
from boneage_desk.training.phantoms import phantom_pictures
from boneage_desk.training.recipe import Recipe
from boneage_desk.training.runs import RunFolder, write_log
from boneage_desk.training.site_data import HELD_OUT, TRAIN, Picture, Site, read_site
from boneage_desk.training.site_films import Doubt, Opener
from boneage_desk.training.site_grader import NO_LIMIT_MIN, Trained, Work, _thin, few_steps
from boneage_desk.training.site_models import Start, build, device_of, find_model, load_to_use
from boneage_desk.training.train_detector import save_half

STORED_SIDE = 640
"""Longer side at which a film is kept for training, pixels."""
MIN_BOXES = 4
_SHARES = np.array(list(SIDE_SHARE.values()))
_NEIGHBOUR = str.maketrans("24", "35")
_MC3, _DP3 = BONES.index("mc3"), BONES.index("dp3")


@dataclass(frozen=True, slots=True)
class BoxedFilm:
    """One film with its boxes. unit: 8 bits, at most 640 pixels a side, for training. places [13, 2]: middles in
    pixels of the true film, those without a box inferred from the others; drawn [13]: which have one. length: L in
    pixels of the true film. size: rows and columns of the true film."""

    picture: Picture
    unit: NDArray[np.uint8]
    places: NDArray[np.float64]
    drawn: NDArray[np.bool_]
    length: float
    size: tuple[int, int]

    def truth(self) -> dict[str, metrics.Box]:
        """The square of each drawn bone, pixels of the true film."""
        out = {}
        for b, bone in enumerate(BONES):
            if self.drawn[b]:
                (x, y), half = self.places[b], _SHARES[b] * self.length / 2
                out[bone] = (float(x - half), float(y - half), float(x + half), float(y + half))
        return out


def place_all(boxes: dict[str, metrics.Box]) -> tuple[NDArray[np.float64], NDArray[np.bool_], float]:
    """Middles [13, 2] of the boxes, those lacking put where the hand template has them; which are drawn; and L."""
    drawn = np.array([b in boxes for b in BONES])
    z = np.array([complex((x0 + x1) / 2, (y0 + y1) / 2) for x0, y0, x1, y1 in (boxes.get(b, (0, 0, 0, 0)) for b in BONES)])
    best: tuple[float, NDArray[np.complex128], complex] | None = None
    for mirror in (False, True):
        t = template().mean @ np.array([1, 1j])
        t = -t.conj() if mirror else t
        z0, t0 = z[drawn].mean(), t[drawn].mean()
        scale = complex(np.vdot(t[drawn] - t0, z[drawn] - z0) / np.vdot(t[drawn] - t0, t[drawn] - t0).real)
        placed = scale * (t - t0) + z0
        off = float(np.abs(placed[drawn] - z[drawn]).sum())
        if best is None or off < best[0]:
            best = (off, placed, scale)
    assert best is not None
    z = np.where(drawn, z, best[1])
    length = float(abs(z[_DP3] - z[_MC3])) if drawn[_MC3] and drawn[_DP3] else float(abs(best[2]))
    return np.stack([z.real, z.imag], 1), drawn, length


def gather(recipe: Recipe, network: nn.Module | None, work: Work) -> tuple[Site, list[BoxedFilm], list[str], list[Doubt], Opener]:
    """Films with their boxes, the side of the split of each, and boxes in which ``network`` finds another bone."""
    site = read_site(recipe.resolve(recipe.data.folder), recipe.data.table, "detector", "", work.tell)
    opener = Opener.of(site, recipe.data.skip_bad_films, work.tell, work.progress, work.cancel)
    films, doubts = [], list[Doubt]()
    for picture, film in opener.films():
        lacking = [b for b in BONES if b not in picture.boxes]
        if lacking and not recipe.data.allow_missing_bones:
            opener.faults.add(picture.row, "bone", f"'{picture.name}' has no box of {', '.join(lacking)} "
                              "(data.allow_missing_bones = true takes such bones for not on the film)")  # fmt: skip
            continue
        if len(picture.boxes) < MIN_BOXES:
            opener.faults.add(picture.row, "", f"'{picture.name}' has {len(picture.boxes)} boxes; {MIN_BOXES} are the least")
            continue
        places, drawn, length = place_all(dict(picture.boxes))
        if length < 1:
            opener.faults.add(picture.row, "", f"the boxes of '{picture.name}' lie on one another")
            continue
        held = HeldFilm(0, film.frame.pixels, film.frame.padding)
        if network is not None:
            hand = held.find(lambda unit: hands.fit(detect(network, unit), unit.shape[1], unit.shape[0]))
            doubts += _other_bones(picture, hand.centres)
        films.append(BoxedFilm(picture, _small(held.unit), places, drawn, length, held.unit.shape))
    return site, films, opener.split([f.picture for f in films], recipe.data.held_out), doubts, opener


def _small(unit: NDArray[np.uint8]) -> NDArray[np.uint8]:
    scale = min(1.0, STORED_SIDE / max(unit.shape))
    return np.asarray(cv2.resize(unit, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def _other_bones(picture: Picture, centres: dict[str, tuple[float, float]]) -> list[Doubt]:
    """Boxes in which the starting detector sees a bone of another name, and not the named one."""
    out = []
    for bone, (x0, y0, x1, y1) in picture.boxes.items():
        inside = [b for b, (x, y) in centres.items() if x0 <= x <= x1 and y0 <= y <= y1]
        if inside and bone not in inside:
            words = f"the starting detector finds {inside[0]} in this box"
            out.append({"row": picture.box_rows[bone], "bone": bone, "words": words})
    return out


# -------------------------------------------------------------------------------------- measuring
def measure(network: nn.Module, films: list[BoxedFilm], work: Work) -> dict[str, Any]:
    """Average precision of the network's boxes and centre errors of the fitted hands: parts of metrics.json."""
    rows, errors, one, whole, near = [], [], 0, 0, []
    t = template().mean
    reach = 0.04 * float(np.linalg.norm(t[BONES.index("radius")] - t[_DP3]))
    for n, film in enumerate(films):
        work.cancel.check()
        work.progress(n / len(films), f"finding bones {n + 1} of {len(films)}")
        unit = _true_size(film)
        found = detect(network, unit)
        fit = fit_hand(found)
        rows.append((found, film.truth()))
        one += fit.n_hands == 1
        whole += fit.n_hands == 1 and not fit.missing
        centres = fit.centres()
        for b, bone in enumerate(BONES):
            if film.drawn[b]:
                off = float(np.hypot(*(np.array(centres[bone]) - film.places[b]))) / film.length if centres else math.inf
                errors.append(off)
                near.append(off <= reach)
    shown = [e for e in errors if math.isfinite(e)]
    return {
        "boxes": metrics.box_metrics(rows),
        "hands": {
            "films": len(films), "one_hand": one, "all_13": whole,
            "median_centre_error_L": float(np.median(shown)) if shown else None,
            "within_4_percent_of_hand": float(np.mean(near)) if near else None,
        },
    }  # fmt: skip


def _true_size(film: BoxedFilm) -> NDArray[np.uint8]:
    """The film as the program shows it to the detector."""
    frame = FilmFiles().open(str(film.picture.path)).frame
    return HeldFilm(0, frame.pixels, frame.padding).unit


# --------------------------------------------------------------------------------------- training
def _training_picture(film: BoxedFilm) -> batches.Picture:
    """The film as the batches want it: 21 points, of which the rays that RUS-CHN leaves out only bound the hand."""
    height, width = film.size
    at = dict(zip(BONES, film.places, strict=True))
    xy = np.array([at[p.translate(_NEIGHBOUR)] for p in POINTS21], np.float32) / np.array([width, height], np.float32)
    human = np.ones(len(POINTS21), bool)
    human[IN21] = film.drawn
    return batches.Picture(film.unit, FilmPoints(film.picture.name, xy, human.astype(np.float32), human, height, width))


class _Feed:
    """Batches ahead of the loop, each made from the seed and its step alone."""

    def __init__(self, pictures: list[batches.Picture], size: int, seed: int, watch: Callable[[int], None]) -> None:
        self.pictures, self.size, self.seed, self.watch = pictures, size, seed, watch
        self._pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="detector batches")
        self._ahead: dict[tuple[int, int], Future[tuple[NDArray[Any], ...]]] = {}

    def batch(self, step: int, count: int) -> tuple[NDArray[Any], ...]:
        """Pictures [N, 1, S, S], and per box its picture [M], class [M, 1], box [M, 4]."""
        self.watch(step)
        for ahead in range(step, step + 3):
            self._ahead.setdefault((ahead, count), self._pool.submit(self._make, ahead, count))
        return self._ahead.pop((step, count)).result()

    def _make(self, step: int, count: int) -> tuple[NDArray[Any], ...]:
        n, chosen = len(self.pictures), []
        for at in range(step * count, (step + 1) * count):
            chosen.append(self.pictures[int(np.random.default_rng([self.seed, 1, at // n]).permutation(n)[at % n])])
        images, index, classes, boxes = batches.batch(chosen, self.size, np.random.default_rng([self.seed, 2, step]))
        human = np.array([p.film.human[IN21] for p in chosen])
        keep = human[index.astype(int), classes[:, 0].astype(int)]
        return images, index[keep], classes[keep], boxes[keep]

    def close(self) -> None:
        """Drop what was not asked for."""
        self._pool.shutdown(wait=True, cancel_futures=True)


class DetectorRun:
    """The detector's loop: AdamW, a cosine rate, a running mean of the weights; it resumes, and halves its batch
    when a GPU is out of memory. network: on its device, trained in place; a start's batch norms stay as they are."""

    def __init__(self, network: nn.Module, feed: _Feed, recipe: Recipe, out: Path, work: Work, *, steps: int, fixed: bool) -> None:
        self.network, self.feed, self.recipe, self.out, self.work = network, feed, recipe, out, work
        self.steps, self.fixed, self.step, self.used_s, self.count = steps, fixed, 0, 0.0, recipe.training.batch
        self.log: list[dict[str, float]] = []
        self.mean = copy.deepcopy(network).eval()
        free = [(n, p) for n, p in network.named_parameters() if p.requires_grad]
        self.optimiser = torch.optim.AdamW(
            [{"params": [p for _, p in free if p.ndim > 1], "weight_decay": 0.01},
             {"params": [p for _, p in free if p.ndim <= 1], "weight_decay": 0.0}],
            lr=recipe.training.rate, betas=(0.9, 0.99),
        )  # fmt: skip
        self.device = next(network.parameters()).device

    def save(self) -> None:
        """Checkpoint, the mean's weights, the losses; a kill leaves the old or the new one whole."""
        state = {
            "model": self.network.state_dict(), "mean": self.mean.state_dict(), "optimiser": self.optimiser.state_dict(),
            "step": self.step, "used": self.used_s, "count": self.count, "log": self.log,
        }  # fmt: skip
        torch.save(state, self.out / "last.tmp")
        os.replace(self.out / "last.tmp", self.out / "last.pt")
        save_half(self.mean, self.out / "weights.safetensors")
        write_log(self.out / "log.jsonl", self.log)

    def resume(self) -> None:
        """Go on from ``last.pt``."""
        saved = torch.load(self.out / "last.pt", map_location=self.device, weights_only=True)
        self.network.load_state_dict(saved["model"])
        self.mean.load_state_dict(saved["mean"])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.step, self.used_s, self.count, self.log = saved["step"], saved["used"], saved["count"], saved["log"]

    def train(self) -> None:
        """Until the steps or the budget are used up. Raises Cancelled after writing a checkpoint."""
        t = self.recipe.training
        budget = (t.budget_min or NO_LIMIT_MIN) * 60
        self.network.train()
        if self.fixed:
            for layer in self.network.modules():
                if isinstance(layer, nn.BatchNorm2d):
                    layer.eval()
        started = written = time.monotonic()
        before = self.used_s
        try:
            while (not self.steps or self.step < self.steps) and self.used_s < budget:
                share = self.step / self.steps if self.steps else self.used_s / budget
                for g in self.optimiser.param_groups:
                    g["lr"] = t.rate * min(1.0, (self.step + 1) / 60) * (0.01 + 0.495 * (1 + math.cos(math.pi * min(1.0, share))))
                try:
                    parts = self._one(self.feed.batch(self.step, self.count))
                except torch.OutOfMemoryError:
                    self._halve()
                    continue
                self.step += 1
                self.used_s = before + time.monotonic() - started
                self._follow()
                self.log.append({"step": self.step} | parts)
                if self.step % 25 == 0:
                    loss = float(np.mean([r["loss"] for r in self.log[-25:]]))
                    self.work.tell(f"step {self.step} {self.used_s / 60:.1f} min loss {loss:.3f}")
                if time.monotonic() - written > t.checkpoint_min * 60:
                    self.save()
                    written = time.monotonic()
        except Cancelled:
            self.save()
            raise Cancelled(f"Stopped after step {self.step}.", "Go on with --resume.") from None
        finally:
            self.feed.close()
        self.save()

    def _one(self, batch: tuple[NDArray[Any], ...]) -> dict[str, float]:
        """One step; raises torch.OutOfMemoryError with the weights untouched."""
        images, index, classes, boxes = (torch.from_numpy(a).to(self.device) for a in batch)
        pixels = images.float().div_(255).contiguous(memory_format=torch.channels_last)
        mixed = self.recipe.training.mixed_precision and self.device.type == "cuda"
        self.optimiser.zero_grad(set_to_none=True)
        with torch.autocast("cuda", torch.bfloat16) if mixed else nullcontext():
            predicted = self.network(pixels)
        loss, parts = self.network.loss({"img": pixels, "batch_idx": index, "cls": classes, "bboxes": boxes}, predicted)
        whole = loss.sum() / len(images)
        if not torch.isfinite(whole):
            raise EngineError(f"The loss is not a number at step {self.step}.", "Set training.rate lower.", code="diverged")
        whole.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 10.0)
        self.optimiser.step()
        values = parts.values() if isinstance(parts, dict) else parts
        named = dict(zip(("box", "cls", "dfl"), (round(float(v), 5) for v in values), strict=False))
        return {"loss": round(float(whole.detach()), 5)} | named

    def _halve(self) -> None:
        self.optimiser.zero_grad(set_to_none=True)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if self.count == 1:
            raise EngineError(
                "The GPU has too little memory even for one film at a time.",
                "Set training.size lower or training.device = \"cpu\".",
                code="gpu-memory",
            )
        self.count = max(1, self.count // 2)
        self.work.tell(f"The GPU is out of memory: the batch is halved to {self.count} films.")

    def _follow(self) -> None:
        """The mean of the weights follows the network."""
        keep = 0.998 * (1 - math.exp(-self.step / 150))
        with torch.no_grad():
            for a, b in zip(self.mean.state_dict().values(), self.network.state_dict().values(), strict=True):
                if a.is_floating_point():
                    a.lerp_(b, 1 - keep)
                else:
                    a.copy_(b)


def train(recipe: Recipe, run: RunFolder, work: Work) -> Trained:
    """Train as the recipe says, from the checkpoint where there is one."""
    t, device = recipe.training, device_of(recipe.training.device)
    start = find_model(recipe.start.weights, "detector", recipe)
    size = t.size or DETECTOR_PASS_SIZE
    run.same("The weights to start from", "start_sha256", start.sha256)
    network = build("detector", start, t.seed)
    old = load_to_use("detector", start.path).to(device) if start.path else None
    site, films, split, doubts, opener = gather(recipe, old, work)
    run.same("The table", "table_sha256", site.sha256)
    held = [f for f, s in zip(films, split, strict=True) if s == HELD_OUT]
    own = [_training_picture(f) for f, s in zip(films, split, strict=True) if s == TRAIN]
    bare = [b for k, b in enumerate(BONES) if not any(f.drawn[k] for f, s in zip(films, split, strict=True) if s == TRAIN)]
    if bare:
        raise InputError(f"No box to train on of {', '.join(bare)}.", "A detector needs all 13 bones.", code="missing-bones")
    pictures = own + (phantom_pictures(t.phantoms, t.seed) if t.phantoms else [])
    warnings = few_steps(recipe, len(pictures)) + _warnings(held, doubts, start, opener)
    for text in warnings:
        work.tell(text)
    before = measure(old, held, work)["boxes"] if old is not None else None
    steps = t.epochs * -(-len(pictures) // t.batch)

    def watch(step: int) -> None:
        work.cancel.check()
        work.progress(step / steps if steps else 0.0, f"step {step + 1}" + (f" of {steps}" if steps else ""))

    feed = _Feed(pictures, size, t.seed, watch)
    loop = DetectorRun(network.to(device), feed, recipe, run.path, work, steps=steps, fixed=start.path is not None)
    if run.resumed and run.checkpoint.exists():
        loop.resume()
        work.tell(f"going on after step {loop.step}")
    work.tell(f"training on {device.type}: {len(own)} films, {t.phantoms} phantoms" + (f", {steps} steps" if steps else ""))
    loop.train()
    trained = load_to_use("detector", run.path / "weights.safetensors").to(device)
    words = f"{len(own)} films to train on, {len(held)} held out"
    result = measure(trained, held, work)
    result |= {"films": {"words": words, "table": site.table.name, "table_sha256": site.sha256}}
    result |= {"warnings": warnings, "doubts": doubts, "log": _thin(loop.log)} | ({"before": before} if before else {})
    how = {
        "films": len(films), "phantoms": t.phantoms, "held_out": words, "steps": loop.step,
        "minutes": round(loop.used_s / 60, 1), "seed": t.seed,
    }  # fmt: skip
    limits = [f"Trained and measured on one site's own data ({words}); nothing is known of films from elsewhere."]
    return Trained(run.path / "weights.safetensors", result, limits, how, DETECTOR_PASS_SIZE, start)


def _warnings(held: list[BoxedFilm], doubts: list[Doubt], start: Start, opener: Opener) -> list[str]:
    out = []
    if len(held) < 30:
        out.append(f"Only {len(held)} films are held out: the figures say little of how it will do on others.")
    if doubts:
        out.append(f"In {len(doubts)} boxes the starting detector finds a bone of another name: see the rows below.")
    if opener.left_out:
        out.append(f"{len(opener.left_out)} films were left out: rows {', '.join(map(str, sorted(opener.left_out)))}.")
    if start.path is None:
        out.append("Trained from random weights: names of bones were not compared with another detector's.")
    return out
