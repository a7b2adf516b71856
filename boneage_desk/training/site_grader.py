"""A site's own grader: train from its graded films or crops, and measure any grader on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from boneage_desk.common.errors import Cancelled, EngineError, InputError
from boneage_desk.common.jobs import CancelToken, Progress
from boneage_desk.engines.networks.detector import detect
from boneage_desk.engines.networks.grader import Grader, grade, middle_grade
from boneage_desk.standards import rus_chn
from boneage_desk.standards.rus_chn import BONES, bone_name
from boneage_desk.standards.types import Sex
from boneage_desk.training import metrics
from boneage_desk.training.grader_batches import HandBatch, augment_hand
from boneage_desk.training.grader_loss import GradeLoss, LossWeights, class_weights
from boneage_desk.training.grader_run import GraderConfig, GraderRun, settle_batch_norm
from boneage_desk.training.recipe import Recipe
from boneage_desk.training.runs import RunFolder, write_log
from boneage_desk.training.site_data import HELD_OUT, TRAIN, Tell, add_boxes, missing_grades, read_site
from boneage_desk.training.site_films import Doubt, Opener, SiteCrops, cut_site
from boneage_desk.training.site_models import Start, build, device_of, find_model, load_to_use

NO_LIMIT_MIN = 1e9
FEW_STEPS = 180
"""The rate rises over 60 steps and then falls: a run of fewer than three times that hardly leaves its start."""
DEFAULT_SIZE = 96
DOUBT_GRADES = 3
"""A starting model that reads so many grades off the table's grade has its row looked at again."""


@dataclass(frozen=True, slots=True)
class Work:
    """Where messages go, how far it is, and whether it is to stop."""

    tell: Tell
    progress: Progress
    cancel: CancelToken


class SiteSampler:
    """The site's training hands in an order that follows from the seed alone (see `grader_run.Sampler`)."""

    def __init__(self, crops: SiteCrops, ages: NDArray[np.float32], size: int, seed: int, watch: Callable[[int], None]) -> None:
        self.crops, self.ages, self.size, self.seed, self.watch = crops, ages, size, seed, watch
        self.pool = crops.where(TRAIN)

    def batch(self, step: int, hands: int) -> HandBatch:
        """The batch of a step; each round through the films is a new order of all of them."""
        self.watch(step)
        n, chosen = len(self.pool), []
        for at in range(step * hands, (step + 1) * hands):
            order = np.random.default_rng([self.seed, 1, at // n]).permutation(n)
            chosen.append(int(self.pool[order[at % n]]))
        rng = np.random.default_rng([self.seed, 2, step])
        crops = np.stack([augment_hand(self.crops.stored[k], self.size, "half", rng) for k in chosen])
        sexes = [self.crops.sexes[k] or "M" for k in chosen]  # a crop's sex is not used: its age is NaN
        return HandBatch(crops, self.crops.grades[chosen], sexes, [float(self.ages[k]) for k in chosen])


class _Run(GraderRun):
    """The loop with its losses as lines of log.jsonl."""

    def save(self) -> None:
        """See GraderRun."""
        super().save()
        write_log(self.out / "log.jsonl", self.rows())

    def rows(self) -> list[dict[str, float]]:
        """Step, whole loss and its parts."""
        of = self.config.weights
        return [
            {"step": k, "loss": round(sum(getattr(of, name) * v for name, v in parts.items()), 5), **parts}
            for k, parts in enumerate(self.log, 1)
        ]


# --------------------------------------------------------------------------------------- the data
def gather(recipe: Recipe, folder: Path, size: int, device: torch.device, work: Work) -> tuple[SiteCrops, dict[str, Any]]:
    """The site's crops, cut into ``folder`` unless they lie there, and what is to be said of them in metrics.json."""
    site = add_boxes(read_site(recipe.resolve(recipe.data.folder), recipe.data.table, "grader", recipe.data.grades, work.tell), work.tell)
    facts: dict[str, Any] = {"table_sha256": site.sha256, "table": site.table.name}
    crops = SiteCrops.load(folder)
    found = {}
    if site.layout == "films":
        finder = find_model(recipe.start.detector, "detector", recipe)
        if finder.path is None or finder.card is None:
            raise InputError("'start.detector' must be \"shipped\" or a model's folder.", code="recipe")
        found = {"detector": {"tag": finder.card.full_tag, "sha256": finder.sha256}}
    if crops is None:
        network = load_to_use("detector", finder.path).to(device) if site.layout == "films" else nn.Identity()
        opener = Opener.of(site, recipe.data.skip_bad_films, work.tell, work.progress, work.cancel)
        crops = cut_site(opener, folder, size, recipe.data.held_out, lambda unit: detect(network, unit))
    what = "films" if crops.layout == "films" else "hands put together of single crops"
    train, held = (len(crops.where(side)) for side in (TRAIN, HELD_OUT))
    facts["words"] = f"{train} {what} to train on, {held} held out"
    return crops, {"films": facts, **found}


def reference_ages(crops: SiteCrops, of: NDArray[np.intp]) -> tuple[NDArray[np.float32], str]:
    """Months [N] (NaN = none) and, in words, where those of hands ``of`` come from: the table, or the reader's grades."""
    ages = crops.months.copy()
    given = int(np.isfinite(ages[of]).sum())
    for k, grades in enumerate(crops.grades):
        if not np.isfinite(ages[k]) and np.isfinite(grades).all() and crops.sexes[k]:
            ages[k] = metrics.age_of({b: int(g) for b, g in zip(BONES, grades, strict=True)}, Sex(crops.sexes[k]))[0]
    derived = int(np.isfinite(ages[of]).sum()) - given
    parts = [f"the table's bone_age_months ({given} films)"] if given else []
    parts += [f"the reader's own 13 grades through the standard ({derived} films)"] if derived else []
    return ages, " and ".join(parts) or "none"


def check_classes(crops: SiteCrops, recipe: Recipe, start: Start, tell: Tell) -> list[str]:
    """Refuse a bone without any example; tell grades without one. Returns limits for the card."""
    counts = crops.counts()
    bare = [b for b in BONES if not counts[b]]
    if bare and not recipe.data.allow_missing_bones:
        raise InputError(
            f"No example to train on of {', '.join(bare)}.",
            "Grade some, or set data.allow_missing_bones = true: these bones are then left to the starting model.",
            code="missing-bones",
        )
    none = {bone: names for bone, names in missing_grades(counts).items() if names}
    if not none:
        return []
    lines = [f"{bone}: {'no grade at all' if bone in bare else ', '.join(names)}" for bone, names in none.items()]
    if start.path is None:
        words = "Trained from random weights: it cannot know them."
    else:
        words = f"What it knows of them comes from {start.card.full_tag if start.card else 'the starting weights'}."
    tell("Grades of which there is no example to train on (labels of the standard):")
    for line in lines:
        tell(f"  {line}")
    tell(f"  {words}")
    return [f"No example to train on of these grades: {'; '.join(lines)}. {words}"]


# -------------------------------------------------------------------------------------- measuring
def read_hands(model: nn.Module, crops: SiteCrops, indices: NDArray[np.intp], work: Work) -> list[list[list[float]]]:
    """Probabilities of each hand's 13 bones, as in use."""
    out = []
    for n, k in enumerate(indices):
        work.cancel.check()
        work.progress(n / len(indices), f"reading {n + 1} of {len(indices)}")
        out.append(grade(model, np.asarray(crops.exact[k]), list(BONES)))
    return out


def measure(crops: SiteCrops, indices: NDArray[np.intp], read: list[list[list[float]]]) -> dict[str, Any]:
    """Grades against the reader's and bone ages against the reference: parts of metrics.json."""
    graded, aged = [], []
    ages, words = reference_ages(crops, indices)
    for k, hand in zip(indices, read, strict=True):
        for b, bone in enumerate(BONES):
            if np.isfinite(crops.grades[k][b]):
                graded.append(metrics.Graded(bone, int(crops.grades[k][b]), tuple(hand[b])))
        if np.isfinite(ages[k]) and crops.usable[k].all() and crops.sexes[k]:
            sex = Sex(crops.sexes[k])
            months, bound = metrics.age_of({b: middle_grade(p) for b, p in zip(BONES, hand, strict=True)}, sex)
            curve = rus_chn.knots(sex)
            end = not curve[0][0] < ages[k] < curve[-1][0]
            aged.append(metrics.Aged(sex, float(ages[k]), months, bool(bound or end)))
    out: dict[str, Any] = {"grades": metrics.grade_metrics(graded)}
    if crops.layout == "films":
        out["ages"] = metrics.age_metrics(aged) | {"reference": words}
    return out


def doubtful(crops: SiteCrops, indices: NDArray[np.intp], read: list[list[list[float]]], words: str) -> list[Doubt]:
    """Rows whose grade lies far from what ``words`` (a model) reads: a wrong bone, a slip of the pen, or a hard case."""
    found = []
    for k, hand in zip(indices, read, strict=True):
        for b, bone in enumerate(BONES):
            truth, said = crops.grades[k][b], middle_grade(hand[b])
            if np.isfinite(truth) and abs(said - truth) >= DOUBT_GRADES:
                table, model = rus_chn.label(bone, int(truth)), rus_chn.label(bone, said)
                found.append((abs(said - truth), {
                    "row": crops.rows[k][b], "bone": bone, "words": f"the table says {table}, {words} reads {model}",
                }))  # fmt: skip
    return [doubt for _, doubt in sorted(found, key=lambda f: -f[0])][:200]


# --------------------------------------------------------------------------------------- training
@dataclass(frozen=True, slots=True)
class Trained:
    """What a training leaves: weights in the run folder, result for metrics.json, and what the card is to say."""

    weights: Path
    result: dict[str, Any]
    limits: list[str]
    facts: dict[str, Any]
    size: int
    start: Start


def train(recipe: Recipe, run: RunFolder, work: Work) -> Trained:
    """Train as the recipe says, from the checkpoint where there is one."""
    t, device = recipe.training, device_of(recipe.training.device)
    start = find_model(recipe.start.weights, "grader", recipe)
    size = t.size or (start.card.input_size if start.card else DEFAULT_SIZE)
    run.same("The weights to start from", "start_sha256", start.sha256)
    network = build("grader", start, t.seed)
    crops, facts = gather(recipe, run.path, size, device, work)
    run.same("The table", "table_sha256", facts["films"]["table_sha256"])
    limits = check_classes(crops, recipe, start, work.tell)
    warnings = _warnings(crops, recipe, start, size)
    for text in warnings:
        work.tell(text)
    before, doubts = _before(crops, start, device, work)
    loop = _loop(recipe, run, crops, network, size, device, work, fixed=start.path is not None)
    _guarded(loop, work)
    if start.path is None:
        settle_batch_norm(loop.mean, _as_in_use(crops, t.seed), 8, frozen=-1)
        loop.save()
    trained = load_to_use("grader", run.path / "weights.safetensors").to(device)
    held = crops.where(HELD_OUT)
    result = facts | measure(crops, held, read_hands(trained, crops, held, work))
    result |= {"warnings": [*warnings, *limits], "doubts": crops.doubts + doubts, "log": _thin(loop.rows())}
    if before is not None:
        result["before"] = before
    how = {
        "films": len(crops.split) if crops.layout == "films" else int(np.isfinite(crops.grades).sum()),
        "layout": crops.layout, "held_out": facts["films"]["words"], "steps": loop.step,
        "minutes": round(loop.used_s / 60, 1), "seed": t.seed,
    }  # fmt: skip
    limits = [
        f"Trained and measured on one site's own data ({facts['films']['words']}); nothing is known of films from elsewhere.",
        *limits, "Probabilities keep the starting model's calibration; no interval of the bone age was measured for it.",
    ]  # fmt: skip
    return Trained(run.path / "weights.safetensors", result, limits, how, size, start)


def few_steps(recipe: Recipe, pictures: int) -> list[str]:
    """A warning where the recipe's rounds make too few steps to learn much."""
    steps = recipe.training.epochs * -(-pictures // recipe.training.batch)
    if not 0 < steps < FEW_STEPS:
        return []
    return [f"Only {steps} steps: the model will hardly change. Set training.epochs so that there are {FEW_STEPS} or more."]


def _warnings(crops: SiteCrops, recipe: Recipe, start: Start, size: int) -> list[str]:
    held, out = len(crops.where(HELD_OUT)), few_steps(recipe, len(crops.where(TRAIN)))
    if held < 30:
        out.append(f"Only {held} hands are held out: the figures say little of how it will do on others.")
    if start.card and size != start.card.input_size:
        out.append(f"The input is {size} pixels, the starting model's {start.card.input_size}: it begins worse than that was.")
    if crops.left_out:
        out.append(f"{len(crops.left_out)} films were left out: rows {', '.join(map(str, sorted(crops.left_out)))}.")
    bare = [bone_name(b) for b in BONES if not np.isfinite(crops.grades[crops.where(HELD_OUT)][:, BONES.index(b)]).any()]
    if bare:
        out.append(f"Not measured, for no graded one is held out: {', '.join(bare)}.")
    if crops.layout == "crops":
        out.append("Single crops: that each shows the bone that the table names is not checked, nor is a bone age measured.")
    return out


def _before(crops: SiteCrops, start: Start, device: torch.device, work: Work) -> tuple[dict[str, Any] | None, list[Doubt]]:
    """What the starting model makes of the site's data: its figures on what is held out, and rows in doubt."""
    if start.path is None:
        return None, []
    model = load_to_use("grader", start.path).to(device)
    held, rest = crops.where(HELD_OUT), crops.where(TRAIN)
    read, others = read_hands(model, crops, held, work), read_hands(model, crops, rest, work)
    doubts = doubtful(crops, np.concatenate([held, rest]), read + others, "the starting model")
    if doubts:
        work.tell(f"{len(doubts)} grades lie {DOUBT_GRADES} or more off the starting model's: listed in report.html")
    return measure(crops, held, read)["grades"], doubts


def _loop(
    recipe: Recipe, run: RunFolder, crops: SiteCrops, network: nn.Module, size: int, device: torch.device, work: Work,
    *, fixed: bool,
) -> _Run:  # fmt: skip
    t, w = recipe.training, recipe.loss
    pool = crops.where(TRAIN)
    rounds = -(-len(pool) // t.batch)
    steps = t.epochs * rounds
    weights = LossWeights(order=w.order, centre=w.centre, share=w.share, age=w.age, plate=0.0, rarity=w.rarity)
    config = GraderConfig(
        budget_min=t.budget_min or NO_LIMIT_MIN, max_steps=steps, every_min=t.checkpoint_min, size=size, hands=t.batch,
        rate=t.rate, weights=weights, freeze=t.freeze, fixed_norm=fixed, mixed_precision=t.mixed_precision, seed=t.seed,
    )  # fmt: skip
    ages, _ = reference_ages(crops, pool)
    ages[~crops.usable.all(1)] = np.nan

    def watch(step: int) -> None:
        work.cancel.check()
        if not steps or step < steps:
            work.progress(step / steps if steps else 0.0, f"step {step + 1}" + (f" of {steps}" if steps else ""))

    sampler = SiteSampler(crops, ages, size, t.seed, watch)
    loss = GradeLoss(weights, _class_weights(crops.grades[pool], w.rarity))
    assert isinstance(network, Grader)
    loop = _Run(network.to(device), sampler, loss, config, run.path, say=work.tell)
    if run.resumed and run.checkpoint.exists():
        loop.resume()
        work.tell(f"going on after step {loop.step}")
    work.tell(f"training on {device.type}: {len(pool)} hands, {rounds} steps a round" + (f", {steps} steps" if steps else ""))
    return loop


def _class_weights(grades: NDArray[np.float32], rarity: float) -> torch.Tensor:
    """Weights [13, grades] by how rare each is among the graded; a bone without examples weighs evenly."""
    rows = []
    for b in range(len(BONES)):
        known = grades[np.isfinite(grades[:, b]), b]
        known = known if len(known) else np.zeros(1, np.float32)
        rows.append(class_weights(np.repeat(known[:, None], len(BONES), 1), np.ones(len(known)), rarity)[b])
    return torch.stack(rows)


def _guarded(loop: GraderRun, work: Work) -> None:
    """Train; being stopped keeps a checkpoint, and what the loop cannot do is told as an error with a remedy."""
    try:
        loop.train()
    except Cancelled:
        loop.save()
        raise Cancelled(f"Stopped after step {loop.step}.", "Go on with --resume.") from None
    except torch.OutOfMemoryError as error:
        raise EngineError(
            "The GPU has too little memory even for one hand at a time.",
            "Set training.size lower or training.device = \"cpu\".",
            code="gpu-memory",
        ) from error
    except FloatingPointError as error:
        raise EngineError(f"The training ran off: {error}.", "Set training.rate lower.", code="diverged") from error


def _as_in_use(crops: SiteCrops, seed: int) -> Callable[[], NDArray[np.uint8]]:
    """Draws unspoiled training crops [1, M, S, S] for the batch norms."""
    rng, pool = np.random.default_rng([seed, 4]), crops.where(TRAIN)

    def draw() -> NDArray[np.uint8]:
        chosen = rng.choice(pool, min(12, len(pool)), replace=False)
        return np.concatenate([np.asarray(crops.exact[k])[crops.usable[k]] for k in chosen])[None]

    return draw


def _thin(rows: list[dict[str, float]], most: int = 200) -> list[Mapping[str, float]]:
    """The losses in at most ``most`` points, each the mean of its stretch."""
    width = max(1, -(-len(rows) // most))
    return [
        {"step": part[-1]["step"], "loss": sum(r["loss"] for r in part) / len(part)}
        for part in (rows[k : k + width] for k in range(0, len(rows), width))
    ]
