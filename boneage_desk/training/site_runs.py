"""``boneage-desk train`` and ``boneage-desk evaluate`` from recipe to report: what wiring hands to the command line."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from boneage_desk import __version__
from boneage_desk.common.errors import BoneAgeError, InputError, StoreError
from boneage_desk.common.jobs import CancelToken, Progress
from boneage_desk.training import html_report, site_detector, site_grader
from boneage_desk.training.recipe import SCRATCH, read_recipe
from boneage_desk.training.runs import now, open_run, write_json
from boneage_desk.training.site_data import HELD_OUT, Tell
from boneage_desk.training.site_grader import Work
from boneage_desk.training.site_models import device_of, find_model, load_to_use, write_model

_TRAIN = {"grader": site_grader.train, "detector": site_detector.train}
_PAGE = {"grader": html_report.grader_page, "detector": html_report.detector_page}


def train(
    task: str, recipe_path: Path, *, resume: bool, tell: Tell, progress: Progress, cancel: CancelToken
) -> dict[str, Any]:
    """Train as the recipe says; returns where the model, the report and its figures lie.

    Raises InputError (recipe, tables, run folder, weights), EngineError (GPU, divergence), Cancelled (checkpoint
    written), StoreError (disk).
    """
    recipe = read_recipe(recipe_path, task)
    try:
        run = open_run(recipe, resume)
        try:
            done = _TRAIN[task](recipe, run, Work(tell, progress, cancel))
        except BoneAgeError as error:
            run.forget(error)
            raise
        headline = _headline(task, done.result)
        folder = write_model(
            recipe, done.start, done.size, done.weights,
            done.facts | {"table_sha256": done.result["films"]["table_sha256"], "held_out_share": recipe.data.held_out},
            headline, done.limits, run.path / "model",
        )  # fmt: skip
        from boneage_desk.engines.cards import read_card

        card = read_card(folder)
        result = done.result | _heading(card.name, card.full_tag, card.sha256)
        _write(task, result, run.path)
        run.note(ended=now(), steps=done.facts["steps"], model=folder.name)
    except OSError as error:
        raise _disk(error) from error
    return {"task": task, "model": str(folder), "report": str(run.path / "report.html")} | headline


def evaluate(
    task: str, recipe_path: Path, *, model: str, every: bool, out: Path, tell: Tell, progress: Progress, cancel: CancelToken
) -> dict[str, Any]:
    """Measure a model on the recipe's films: those held out, or ``every`` one; writes metrics.json and report.html.

    model: 'shipped', a model's folder or a finished run's. Raises as `train`.
    """
    recipe = read_recipe(recipe_path, task, to_train=False)
    work, device = Work(tell, progress, cancel), device_of(recipe.training.device)
    start = find_model(model, task, recipe)
    if model == SCRATCH or start.path is None or start.card is None:
        raise InputError("A model to measure needs its card: 'shipped' or a model's folder.", code="wrong-model")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"'{out}' is not an empty folder.", "Name another with --out.", code="run-folder")
    try:
        network = load_to_use(task, start.path).to(device)
        if task == "grader":
            with tempfile.TemporaryDirectory(prefix="boneage-desk-") as scratch:
                crops, result = site_grader.gather(recipe, Path(scratch), start.card.input_size, device, work)
                chosen = crops.where(HELD_OUT)
                if every:
                    chosen = np.arange(len(crops.split))
                read = site_grader.read_hands(network, crops, chosen, work)
                result |= site_grader.measure(crops, chosen, read)
                result |= {"doubts": crops.doubts + site_grader.doubtful(crops, chosen, read, "the model")}
                left_out, n = crops.left_out, len(chosen)
        else:
            site, films, split, doubts, opener = site_detector.gather(recipe, network, work)
            used = [f for f, s in zip(films, split, strict=True) if every or s == HELD_OUT]
            result = site_detector.measure(network, used, work) | {"doubts": doubts}
            result |= {"films": {"table": site.table.name, "table_sha256": site.sha256}}
            left_out, n = opener.left_out, len(used)
        result["films"]["words"] = f"{n} {'films or hands' if task == 'grader' else 'films'}, {'all of the table' if every else 'held out'}"
        result["warnings"] = [f"{len(left_out)} films were left out: rows {', '.join(map(str, left_out))}."] if left_out else []
        result["warnings"] += _other_split(start.card.tables.get("training", {}), recipe.data.held_out, result["films"]["table_sha256"])
        if every:
            result["warnings"].append("All rows of the table were read: a model that was trained on some of them looks better than it is.")
        out.mkdir(parents=True, exist_ok=True)
        _write(task, result | _heading(start.card.name, start.card.full_tag, start.sha256), out)
    except OSError as error:
        raise _disk(error) from error
    return {"task": task, "report": str(out / "report.html")} | _headline(task, result)


def _other_split(trained: Mapping[str, Any], share: float, table_sha256: str) -> list[str]:
    """A warning where a site's model was trained on another table or split than it is measured on."""
    if "table_sha256" not in trained or (trained["table_sha256"], trained["held_out_share"]) == (table_sha256, share):
        return []
    return ["This model was trained with another table or share held out: films counted here as held out may be among its own."]


def _heading(name: str, tag: str, sha256: str) -> dict[str, Any]:
    return {"model": {"name": name, "tag": tag, "sha256": sha256}, "made": now(), "program": f"BoneAge Desk {__version__}"}


def _write(task: str, result: dict[str, Any], folder: Path) -> None:
    write_json(folder / "metrics.json", result)
    part = folder / "report.html.part"
    part.write_text(_PAGE[task](result), encoding="utf-8")
    part.replace(folder / "report.html")


def _headline(task: str, result: dict[str, Any]) -> dict[str, Any]:
    """The few figures of the last message and of the card."""
    if task == "detector":
        boxes = {k: result["boxes"][k] for k in ("mAP50", "mAP75", "mAP50-95")}
        return _rounded({"films": result["hands"]["films"], **boxes, **{
            k: result["hands"][k] for k in ("median_centre_error_L", "within_4_percent_of_hand")}})  # fmt: skip
    grades, ages = result["grades"], result.get("ages", {})
    error = (grades["calibration"] or {}).get("expected_calibration_error")
    return _rounded({
        "bones": grades["n"], "exact": grades["exact"], "within_one": grades["within_one"], "kappa": grades["kappa_mean"],
        "calibration_error": error, "bone_ages": ages.get("n"), "bone_age_mae_months": ages.get("mae_months"),
        "bone_age_bias_months": ages.get("bias_months"),
    })  # fmt: skip


def _rounded(values: dict[str, Any]) -> dict[str, Any]:
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in values.items()}


def _disk(error: OSError) -> StoreError:
    return StoreError(
        f"The disk refused ({error.strerror or error}: {error.filename}).", "Check space and rights.", code="disk"
    )
