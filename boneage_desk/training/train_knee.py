"""``boneage-desk train knee`` and ``boneage-desk evaluate knee``: cross-validation by patient, model, figures.

One network a fold; the model is their mean. Every figure of a training is of films that the answering network did not
see, nor any other film of that patient. docs/knee.md.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from boneage_desk import __version__
from boneage_desk.common.errors import BoneAgeError, Cancelled, InputError, StoreError
from boneage_desk.common.jobs import CancelToken, Progress
from boneage_desk.engines.cards import ModelCard, file_sha256, read_card
from boneage_desk.engines.networks.knee import KneeModel, KneeNet, load_knee, read_knees
from boneage_desk.imaging.knee_frame import PICTURE
from boneage_desk.training import knee_figures
from boneage_desk.training.export import count_parameters, write_card
from boneage_desk.training.knee_data import SITE, KneeFilms, Opening, fold_of, keep, kept, open_films, read_table
from boneage_desk.training.knee_run import FoldConfig, FoldRun, describe_films
from boneage_desk.training.recipe import SCRATCH, Recipe, read_recipe
from boneage_desk.training.runs import RunFolder, now, open_run, write_json, write_log
from boneage_desk.training.site_data import Tell
from boneage_desk.training.site_models import device_of

DEFAULT_SIZE = 320
NO_LIMIT_S = 1e12
LEAN_MONTHS = 12.0


@dataclass(frozen=True, slots=True)
class Work:
    """Where messages go, how far it is, and whether it is to stop."""

    tell: Tell
    progress: Progress
    cancel: CancelToken


def train(recipe_path: Path, *, resume: bool, tell: Tell, progress: Progress, cancel: CancelToken) -> dict[str, Any]:
    """Train as the recipe says; returns where the model and the report lie, and the main figures.

    Raises InputError (recipe, table, run folder, weights), EngineError (GPU, divergence), Cancelled (checkpoint written),
    StoreError (disk).
    """
    recipe = read_recipe(recipe_path, "knee")
    work = Work(tell, progress, cancel)
    try:
        run = open_run(recipe, resume)
        try:
            return _train(recipe, run, work)
        except BoneAgeError as error:
            run.forget(error)
            raise
    except OSError as error:
        raise _disk(error) from error


def _train(recipe: Recipe, run: RunFolder, work: Work) -> dict[str, Any]:
    device, size = device_of(recipe.training.device), recipe.training.size or DEFAULT_SIZE
    table = read_table(recipe.resolve(recipe.data.folder), recipe.data.table, work.tell)
    run.same("The table", "table_sha256", table.sha256)
    weights = _start(recipe)
    run.same("The weights to start from", "start_sha256", file_sha256(weights) if weights else "")
    films = kept(run.path)
    if films is None:
        films = open_films(table, size, Opening(recipe.data.skip_bad_films, work.tell, work.progress, work.cancel))
        fold = films.folds(recipe.knee.folds)
        keep(films, run.path)
    else:
        fold = films.folds(recipe.knee.folds)
    work.tell(f"{len(films.rows)} films of {len(set(films.patients))} patients, {recipe.knee.folds} folds, {films.trained_on}")
    model = KneeModel(recipe.knee.architecture, recipe.knee.folds, uses_age=recipe.knee.chronological_age).to(device).eval()
    said, by_fold, logs, used = np.full(len(fold), np.nan), [], list[dict[str, float]](), 0.0
    for k in range(recipe.knee.folds):
        chosen, held = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        loop = _fold(recipe, run, films, chosen, k, used, device, weights, work)
        used += loop.used_s
        loop.mean.familiar.learn(describe_films(loop.mean, films, chosen), describe_films(loop.mean, films, held))
        model.folds[k].load_state_dict(loop.mean.state_dict())
        said[held] = read_fold(model, k, films, held)
        mae = float(np.abs(said[held] - films.months[held]).mean())
        by_fold.append({"fold": k, "trained_on": len(chosen), "held_out": len(held), "steps": loop.step, "mae_months": mae})
        logs += loop.log
        work.tell(f"fold {k + 1} of {recipe.knee.folds}: {loop.step} steps, held out MAE {mae:.1f} months")
    write_log(run.path / "log.jsonl", logs)
    _save(model, run.path / "weights.safetensors")
    result = knee_figures.figures(films, np.arange(len(fold)), said)
    result |= {
        "films": {"words": _words(films, "each held out once", recipe.knee.folds), "table": table.path.name, "table_sha256": table.sha256},
        "leans_on_age": lean(model, films, fold) if model.uses_age else None, "by_fold": by_fold, "trained_on": films.trained_on,
        "left_out": {str(k): v for k, v in films.left_out.items()}, "warnings": _warnings(recipe, films, by_fold),
        "log": _thin([row for row in logs if row["fold"] == 0]), "minutes": round(used / 60, 2),
    }  # fmt: skip
    for text in result["warnings"]:
        work.tell(text)
    folder = _export(recipe, films, result, said, size, run.path)
    card = read_card(folder)
    _write(result | _heading(card), run.path)
    run.note(ended=now(), model=folder.name)
    done = {"task": "knee", "model": str(folder), "report": str(run.path / "report.html"), "trained_on": films.trained_on}
    return done | knee_figures.headline(result)


def _start(recipe: Recipe) -> Path | None:
    if recipe.start.weights == SCRATCH:
        return None
    path = recipe.resolve(recipe.start.weights)
    if not path.is_file() or path.suffix != ".safetensors":
        raise InputError(f"'{path}' is not a safetensors file.", "Give one of the same timm ConvNeXt, or \"scratch\".", code="wrong-model")
    return path


def begin(recipe: Recipe, fold: int, weights: Path | None) -> KneeNet:
    """A fold's network as it starts: random by seed and fold, its trunk from a file where the recipe names one."""
    torch.manual_seed(recipe.training.seed * 1000 + fold)
    net = KneeNet(recipe.knee.architecture, uses_age=recipe.knee.chronological_age, drop_path=0.05)
    if weights is None:
        return net
    try:
        state = {k.removeprefix("trunk."): v.float() for k, v in load_file(weights).items()}
    except (SafetensorError, OSError) as error:
        raise InputError(f"'{weights}' cannot be read as safetensors ({error}).", code="wrong-model") from error
    stem = state.get("stem.0.weight")
    if stem is not None and stem.shape[1] == 3:
        state["stem.0.weight"] = stem.sum(1, keepdim=True)  # colour weights to grey
    own = net.trunk.state_dict()
    wrong = [k for k in own if k not in state or state[k].shape != own[k].shape]
    if wrong:
        raise InputError(
            f"'{weights.name}' does not fit {recipe.knee.architecture}: {len(wrong)} of {len(own)} tensors ({', '.join(wrong[:3])}).",
            "Take weights of the same timm model.", code="wrong-architecture",
        )  # fmt: skip
    net.trunk.load_state_dict({k: state[k] for k in own})
    return net


def _fold(
    recipe: Recipe, run: RunFolder, films: KneeFilms, chosen: NDArray[np.intp], k: int, used_s: float, device: torch.device,
    weights: Path | None, work: Work,
) -> FoldRun:  # fmt: skip
    """One fold, trained to its end: from its checkpoint where there is one."""
    t, folds = recipe.training, recipe.knee.folds
    steps = t.epochs * -(-len(chosen) // t.batch)
    share = (t.budget_min * 60 - used_s) / (folds - k) if t.budget_min else NO_LIMIT_S

    def watch(step: int, share_done: float) -> None:
        if work.cancel.cancelled:
            raise Cancelled(f"Stopped in fold {k + 1} after step {step}.", "Go on with --resume.")
        work.progress((k + share_done) / folds, f"fold {k + 1} of {folds}, step {step}")

    config = FoldConfig(k, steps, max(0.0, share), t.batch, t.rate, t.seed, recipe.knee.ema, t.checkpoint_min * 60, t.mixed_precision)
    folder = run.path / f"fold-{k + 1}"
    loop = FoldRun(begin(recipe, k, weights).to(device), films, chosen, config, folder, watch)
    if loop.checkpoint.exists():
        loop.resume()
    # what forget() looks for: a run that came to a checkpoint is kept
    if not run.checkpoint.exists():
        run.checkpoint.touch()
    if not (folder / "done").exists():
        loop.train()
        (folder / "done").touch()
    return loop


def read_fold(
    model: KneeModel, k: int, films: KneeFilms, chosen: NDArray[np.intp], *, shift: float = 0.0, batch: int = 16
) -> NDArray[np.float64]:
    """Months [n] of one fold's network for films ``chosen``, as in use; ``shift``: months added to the age it is told."""
    one = KneeModel.__new__(KneeModel)
    torch.nn.Module.__init__(one)
    one.uses_age, one.folds = model.uses_age, torch.nn.ModuleList([model.folds[k].eval()])
    out = []
    for at in range(0, len(chosen), batch):
        part = chosen[at : at + batch]
        answers = read_knees(one, films.pictures[part], films.male[part], films.ca_months[part] + shift)
        out.append(answers.months[:, 0])
    return np.concatenate(out)


def out_of_fold(model: KneeModel, films: KneeFilms, fold: NDArray[np.intp], shift: float = 0.0) -> NDArray[np.float64]:
    """Months [N]: each film by the network that did not see its patient."""
    said = np.full(len(fold), np.nan)
    for k in range(len(model.folds)):
        held = np.flatnonzero(fold == k)
        if len(held):
            said[held] = read_fold(model, k, films, held, shift=shift)
    return said


def lean(model: KneeModel, films: KneeFilms, fold: NDArray[np.intp]) -> float:
    """Months of answer for a month of chronological age told, on the same films."""
    older, younger = (out_of_fold(model, films, fold, shift) for shift in (LEAN_MONTHS, -LEAN_MONTHS))
    return float((older - younger).mean() / (2 * LEAN_MONTHS))


# ------------------------------------------------------------------------------------- the model
def _save(model: KneeModel, path: Path) -> None:
    """Weights in half precision; what `Familiar` knows in full, for its smallest scales would vanish."""
    state = {
        k: (v.detach() if ".familiar." in k or not v.is_floating_point() else v.detach().half()).contiguous().cpu()
        for k, v in model.state_dict().items()
    }
    part = path.with_suffix(".part")
    save_file(state, part)
    part.replace(path)


def _export(recipe: Recipe, films: KneeFilms, result: dict[str, Any], said: NDArray[np.float64], size: int, run: Path) -> Path:
    """model/<architecture>.<tag> with card and weights."""
    folder = run / "model" / f"{recipe.knee.architecture}.{recipe.model.tag}"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(run / "weights.safetensors", folder / "weights.safetensors")
    ages = result["ages"]
    drawn = films.trained_on != SITE
    limits = ["Not a medical device. Research use; a reader decides."]
    if drawn:
        limits.append("Trained on drawings: it proves that the program works and must never read a patient's film.")
    limits += [
        f"Trained and cross-validated on one site's films ({result['films']['words']}); nothing is known of films from elsewhere.",
        f"Its bone ages are those of: {ages['reference']}.",
        "One AP film of one knee, upright. Other views, implants, fractures and dysplasias were not looked at.",
    ]
    if recipe.knee.chronological_age:
        limits.append("It is told the chronological age and leans on it: a child whose bones are far from the age is drawn toward it.")
    tables: dict[str, dict[str, Any]] = {
        "model": {
            "name": recipe.model.name or f"Knee model ({'drawn phantoms' if drawn else 'trained on site'})",
            "architecture": recipe.knee.architecture, "tag": recipe.model.tag, "task": "knee", "input_size": size, "classes": ["knee"],
            "parameters": count_parameters(folder / "weights.safetensors", "familiar."), "licence": recipe.model.licence, "limits": limits,
        },
        "preprocessing": {"picture": PICTURE},
        "knee": {
            "engine": "knee", "needs_sex": True, "uses_chronological_age": recipe.knee.chronological_age, "folds": recipe.knee.folds,
            "flips": True, "trained_on": films.trained_on, "labels": ages["reference"],
            "age_range_months": [round(float(films.ca_months.min()), 1), round(float(films.ca_months.max()), 1)],
        },
        "training": {
            "data": [{"name": recipe.data.description or "The site's own films", "terms": recipe.data.terms or recipe.model.licence}],
            "started_from": recipe.start.weights, "program": "boneage-desk train knee", "films": len(films.rows),
            "patients": len(set(films.patients)), "minutes": result["minutes"], "seed": recipe.training.seed,
            "table_sha256": result["films"]["table_sha256"],
        },
        "weights": {
            "file": "weights.safetensors", "sha256": file_sha256(folder / "weights.safetensors"),
            "precision": "float16 in the file, float32 in use",
        },
        "metrics": {k: v for k, v in knee_figures.headline(result).items() if v is not None},
    }  # fmt: skip
    if interval := knee_figures.interval(films, said):
        tables["interval"] = interval
    write_card(folder, tables)
    return folder


def _words(films: KneeFilms, how: str, folds: int) -> str:
    return f"{len(films.rows)} {films.trained_on} of {len(set(films.patients))} patients, {how}, {folds} folds by patient"


def _warnings(recipe: Recipe, films: KneeFilms, by_fold: list[dict[str, Any]]) -> list[str]:
    out = []
    if films.trained_on != SITE:
        out.append("Drawn phantoms: the figures show that the parts hold together and say nothing of a patient's knee.")
    if len(set(films.patients)) < 100:
        out.append(f"Only {len(set(films.patients))} patients: the figures may lie far off.")
    if films.left_out:
        out.append(f"{len(films.left_out)} rows were left out: {', '.join(map(str, sorted(films.left_out)))}.")
    if min(row["steps"] for row in by_fold) < 180:
        out.append("A fold had fewer than 180 steps: the model will hardly have left its start.")
    for sex, of in (("girls", ~films.male), ("boys", films.male)):
        if not of.any():
            out.append(f"No film of {sex}: the model knows nothing of them.")
    return out


# ------------------------------------------------------------------------------------ evaluation
def evaluate(
    recipe_path: Path, *, model: str, every: bool, out: Path, tell: Tell, progress: Progress, cancel: CancelToken
) -> dict[str, Any]:
    """Measure a model on the recipe's films; writes metrics.json and report.html into ``out``.

    model: a model's folder or a run folder. Each film is read by the network that by its patient's name did not see it;
    with ``every`` by the mean of all networks, as in use, which is only honest for patients that were never trained on.
    """
    recipe = read_recipe(recipe_path, "knee", to_train=False)
    card = find_knee(model, recipe)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"'{out}' is not an empty folder.", "Name another with --out.", code="run-folder")
    try:
        network = load_knee(card, card.verified_weights()).to(device_of(recipe.training.device))
        table = read_table(recipe.resolve(recipe.data.folder), recipe.data.table, tell)
        films = open_films(table, card.input_size, Opening(recipe.data.skip_bad_films, tell, progress, cancel))
        count = len(network.folds)
        if every:
            said = np.stack([read_fold(network, k, films, np.arange(len(films.rows))) for k in range(count)]).mean(0)
        else:
            said = out_of_fold(network, films, np.array([fold_of(p, count) for p in films.patients], np.intp))
        result = knee_figures.figures(films, np.arange(len(films.rows)), said)
        how = "each by the mean of all networks" if every else "each by the network that held its patient out"
        warnings = ["Films read by networks that may have seen them look better than they are."] if every else []
        if not every and card.tables["training"].get("table_sha256") != table.sha256:
            warnings.append("Another table than the model was trained on: a patient under another name may be among its own.")
        if card.tables["knee"]["trained_on"] != films.trained_on:
            warnings.append(f"The model was trained on {card.tables['knee']['trained_on']}, these are {films.trained_on}.")
        facts = {"words": _words(films, how, count), "table": table.path.name, "table_sha256": table.sha256}
        result |= {"films": facts, "warnings": warnings}
        out.mkdir(parents=True, exist_ok=True)
        _write(result | _heading(card), out)
    except OSError as error:
        raise _disk(error) from error
    return {"task": "knee", "report": str(out / "report.html")} | knee_figures.headline(result)


def find_knee(given: str, recipe: Recipe) -> ModelCard:
    """The card of a model's folder or of a finished run. Raises InputError 'wrong-model'."""
    path = recipe.resolve(given)
    inside = sorted((path / "model").glob("*/card.toml")) if path.is_dir() else []
    folder = inside[0].parent if inside and not (path / "card.toml").is_file() else path
    if given == "shipped" or not (folder / "card.toml").is_file():
        said = "No knee model is shipped" if given == "shipped" else f"There is no model in '{path}'"
        raise InputError(f"{said}.", "Train one (docs/knee.md) and name its folder with --model.", code="wrong-model")
    card = read_card(folder)
    if card.task != "knee":
        raise InputError(f"The model in '{folder}' is a {card.task}, not a knee model.", code="wrong-model")
    return card


def _heading(card: ModelCard) -> dict[str, Any]:
    return {
        "model": {"name": card.name, "tag": card.full_tag, "sha256": card.sha256}, "made": now(),
        "program": f"BoneAge Desk {__version__}",
    }  # fmt: skip


def _write(result: dict[str, Any], folder: Path) -> None:
    write_json(folder / "metrics.json", json.loads(json.dumps(result)))
    part = folder / "report.html.part"
    part.write_text(knee_figures.page(result), encoding="utf-8")
    part.replace(folder / "report.html")


def _thin(rows: list[dict[str, float]], most: int = 200) -> list[dict[str, float]]:
    """At most ``most`` rows, each the mean loss since the one before."""
    step = max(1, -(-len(rows) // most))
    parts = [rows[k : k + step] for k in range(0, len(rows), step)]
    return [{"step": part[-1]["step"], "loss": float(np.mean([r["loss"] for r in part]))} for part in parts]


def _disk(error: OSError) -> StoreError:
    return StoreError(f"The disk refused ({error.strerror or error}: {error.filename}).", "Check space and rights.", code="disk")
