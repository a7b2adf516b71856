"""Put a trained whole-hand model into ``models/`` with its card and evaluation:
``python -m boneage_desk.training.whole_hand_export --run O --tag v1 --models models [--bones RESULT.json]``.

O is what `train_whole_hand` left. RESULT.json is what ``boneage-desk evaluate whole-hand`` says of the 13 bones on the
same held-out films; without it the card has no usual difference, and the program asks for no comment.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

from boneage_desk.common.errors import InputError
from boneage_desk.engines.cards import file_sha256
from boneage_desk.engines.catalogue import SYSTEM_1
from boneage_desk.engines.networks.packed import SCALE
from boneage_desk.training.export import count_parameters, write_card
from boneage_desk.training.whole_hand_figures import (
    HeldOutFilms,
    failures,
    figures,
    interval,
    read_held_out,
    sex_limit,
    usual_difference,
)
from boneage_desk.training.whole_hand_texts import TEXTS, card_tables, started_from

_PRECISION = {
    "half": "float16 in the file, float32 in use",
    "int8": "whole numbers of 8 bits with a scale for each output channel in the file, float32 in use",
}
COMMAND = "python -m boneage_desk.training.whole_hand_export --run O --tag {tag} --models models"


def learning_curves(run: Path) -> dict[str, Any]:
    """The held-out error by time of a run, or of each of its stages (folders with a log of their own)."""
    logs = sorted(p for p in run.glob("**/log.json"))
    found = {}
    for path in logs:
        facts = json.loads(path.read_text())
        name = str(path.parent.relative_to(run)) if path.parent != run else "model"
        found[name] = {k: facts[k] for k in ("device", "films", "steps", "minutes", "curve")}
    return found


def metrics(films: HeldOutFilms, told: dict[str, Any], command: str) -> dict[str, Any]:
    """The card's table [metrics]."""
    of = told[films.main]
    ages, icc = of["ages"], of["ages"]["icc_2_1"]
    rows: dict[str, Any] = {
        "command": command, "finished": bool(films.facts["finished"]), "films_held_out": ages["n"], "source": films.main,
        "mae_months": ages["mae_months"], "mae_months_girls": of["by_sex"].get("girls", {}).get("mae_months"),
        "mae_months_boys": of["by_sex"].get("boys", {}).get("mae_months"), "rmse_months": ages["rmse_months"],
        "bias_months": ages["bias_months"],
        **{f"within_{y.replace('.', '_')}_years": v for y, v in ages["within_years"].items()},
        "icc_2_1": icc["value"] if icc else None, "icc_2_1_interval_95": icc["interval_95"] if icc else None,
        "no_image_mae_months": of["mean_guess_mae_months"],
    }  # fmt: skip
    for source, other in told.items():
        if source != films.main:
            rows[f"mae_months_{source}"] = other["ages"]["mae_months"]
            rows[f"films_{source}"] = other["ages"]["n"]
    if of["fitted"]:
        rows |= {"films_fitted": of["fitted"]["n"], "mae_months_fitted": of["fitted"].get("mae_months")}
    if of["sex"]:
        rows |= {
            "sex_accuracy": of["sex"]["accuracy"], "sex_auc": of["sex"]["auc"]["value"] if of["sex"]["auc"] else None,
            "sex_kappa": of["sex"]["kappa"],
        }  # fmt: skip
    return {k: _rounded(v) for k, v in rows.items() if v is not None}


def _rounded(value: Any) -> Any:
    if isinstance(value, list):
        return [_rounded(v) for v in value]
    return round(value, 4) if isinstance(value, float) else value


def export(run: Path, tag: str, models: Path, *, bones: Path | None = None, bones_source: str = "half") -> Path:
    """Write the model's folder; returns it. Raises ValueError where the held-out answers are of other weights."""
    films = read_held_out(run / "held_out.json")
    weights, facts = run / "weights.safetensors", films.facts
    if file_sha256(weights) != facts["sha256"]:
        raise ValueError("held_out.json was written by other weights: finish the run with train_whole_hand --resume")
    told, chosen, system = figures(films), sex_limit(films), str(facts["system"])
    usual = usual_difference(films, json.loads(bones.read_text()), bones_source) if bones else None
    measured_to = [] if usual is None else bones_weights(usual)
    tables = card_tables(system, str(facts["architecture"]), tag, int(facts["size"]))
    folder = models / f"{facts['architecture']}.{tag}"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(weights, folder / "weights.safetensors")
    tables["model"]["failures"] = failures(told[films.main])
    tables["model"]["parameters"] = count_parameters(weights, SCALE)
    tables["network"]["started_from"] = started_from(
        str(facts["architecture"]), str(facts["start"]), facts.get("earlier", ())
    )
    tables["training"] |= dict(facts["training"])
    tables["weights"] = {
        "file": "weights.safetensors", "sha256": facts["sha256"], "precision": _PRECISION[str(facts["precision"])],
    }  # fmt: skip
    table: dict[str, Any] = {
        "engine": system, "needs_sex": TEXTS[system]["needs_sex"], "flips": bool(facts["flips"]),
        "age_range_months": facts["age_range_months"],
    }  # fmt: skip
    if usual is not None:
        table["usual_difference_months"] = round(usual["usual_difference_months"], 1)
        table["usual_difference_films"] = usual["n"]
        table["usual_difference_to"] = measured_to
    if chosen is not None:
        table["sex_limit"] = chosen["limit"]
    tables["whole_hand"], tables["interval"] = table, interval(films)
    tables["metrics"] = metrics(films, told, COMMAND.format(tag=tag))
    write_card(folder, tables)
    said = {"figures": told, "interval": tables["interval"], "sex_limit": chosen, "usual_difference": usual}
    said |= {"learning_curves": learning_curves(run), "facts": dict(facts)}
    (folder / "evaluation.json").write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    (folder / "evaluation.md").write_text("\n".join(page(tables, said)) + "\n", encoding="utf-8")
    return folder


def bones_weights(usual: dict[str, Any]) -> list[str]:
    """SHA-256 of the detector and the grader to whose 13 bones the usual difference was measured, in the order of
    `catalogue.SYSTEM_1`. Raises InputError 'no-weights' where the result does not name both."""
    rows = usual["other"].get("weights", ())
    if len(rows) < len(SYSTEM_1) or not all(len(str(row.get("sha256", ""))) == 64 for row in rows[: len(SYSTEM_1)]):
        raise InputError(
            "The result of the 13 bones does not say which detector and grader read them.",
            "Make it again with boneage-desk evaluate whole-hand --engines rus13.", code="no-weights",
        )  # fmt: skip
    return [str(row["sha256"]).lower() for row in rows[: len(SYSTEM_1)]]


def page(tables: dict[str, dict[str, Any]], said: dict[str, Any]) -> list[str]:
    """The evaluation in words: figures, bands, learning curve."""
    m = tables["metrics"]
    lines = [
        f"# {tables['model']['name']}: on held-out films", "",
        f"`{m['command']}`", "", *(() if m["finished"] else ("**The training was not finished.**", "")),
        "| | |", "|---|---|", *(f"| {k} | {v} |" for k, v in m.items() if k != "command"), "",
        _covered(tables["interval"]), "",
        "## By sex and two years of the label", "", "| | films | MAE months | bias |", "|---|---|---|---|",
    ]  # fmt: skip
    for name, v in said["figures"][m["source"]]["by_band"].items():
        lines.append(f"| {name} | {v['n']} | {v['mae_months']:.2f} | {v['bias_months']:+.2f} |")
    for name, curve in said["learning_curves"].items():
        lines += ["", f"## Learning curve: {name}, on {curve['device']}", "", "| minutes | epochs | MAE months |", "|---|---|---|"]
        lines += [f"| {c['minutes']} | {c['epochs']} | {c['mae_months']} |" for c in curve["curve"]]
    return lines


def _covered(interval_: dict[str, Any]) -> str:
    if "coverage_measured" not in interval_:
        return "There are too few held-out films to measure an interval."
    return (
        f"Interval of {interval_['coverage']:.0%}: {interval_['coverage_measured']:.1%} covered on the half of the films that "
        "did not choose it."
    )


def main() -> None:
    """Command line."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--run", type=Path, required=True)
    p.add_argument("--tag", required=True)
    p.add_argument("--models", type=Path, required=True)
    p.add_argument("--bones", type=Path, help="evaluate whole-hand's result for the 13 bones on held-out films")
    p.add_argument("--bones-source", default="half", choices=("half", "299"), help="which of the films those are")
    a = p.parse_args()
    print(export(a.run, a.tag, a.models, bones=a.bones, bones_source=a.bones_source))


if __name__ == "__main__":
    main()
