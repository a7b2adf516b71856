"""Put trained weights into ``models/`` with their card and evaluation:
``python -m boneage_desk.training.export detector --weights W --evaluation E.json --models models``."""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

from safetensors import safe_open

from boneage_desk.engines.cards import file_sha256, read_card
from boneage_desk.training.card_texts import CARDS


def _toml(value: Any) -> str:
    """A value as TOML; strings and keys here hold no control characters."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list | tuple):
        if value and isinstance(value[0], dict | str) and len(value) > 1:
            return "[\n" + "".join(f"    {_toml(v)},\n" for v in value) + "]"
        return "[" + ", ".join(_toml(v) for v in value) + "]"
    return json.dumps(value, ensure_ascii=False)  # strings, numbers, booleans: JSON is TOML here


def write_card(folder: Path, tables: dict[str, dict[str, Any]]) -> None:
    """Write ``folder/card.toml`` and read it back."""
    lines = []
    for table, rows in tables.items():
        lines.append(f"[{table}]")
        lines += [f"{k} = {_toml(v)}" for k, v in rows.items()]
        lines.append("")
    (folder / "card.toml").write_text("\n".join(lines), encoding="utf-8")
    read_card(folder)


def count_parameters(weights: Path, besides: str = "\0") -> int:
    """Numbers in the file that are learned (no running statistics, buffers or fixed kernels, nor names with ``besides``)."""
    skip = ("running_mean", "running_var", "num_batches_tracked", "temperature", "calibration", "dfl.conv.weight")
    total = 0
    with safe_open(weights, "pt") as f:
        for name in f.keys():
            if not name.endswith(skip) and besides not in name:
                size = 1
                for n in f.get_slice(name).get_shape():
                    size *= n
                total += size
    return total


def export(task: str, weights: Path, evaluation: dict[str, Any], models: Path) -> Path:
    """Write the model's folder; returns it. Raises ValueError where ``evaluation`` says that it is of other weights."""
    told = evaluation.get("weights_sha256")
    if told is not None and told != file_sha256(weights):
        raise ValueError(
            f"the evaluation is of weights {told[:12]}, not of {weights} ({file_sha256(weights)[:12]})"
            if told else "the evaluation's figures are of calibrated weights that it did not write: give it --calibrated"
        )
    tables: dict[str, dict[str, Any]] = json.loads(json.dumps(CARDS[task]))
    model = tables["model"]
    folder = models / f"{model['architecture']}.{model['tag']}"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(weights, folder / "weights.safetensors")
    model["parameters"] = count_parameters(weights)
    tables["weights"] = {
        "file": "weights.safetensors",
        "sha256": file_sha256(folder / "weights.safetensors"),
        "precision": "float16 in the file, float32 in use",
    }
    if "interval" in evaluation:
        tables["interval"] = evaluation["interval"]
    tables["metrics"] = evaluation.get("card", {"state": "not evaluated yet"})
    write_card(folder, tables)
    (folder / "evaluation.json").write_text(json.dumps(evaluation, indent=1) + "\n", encoding="utf-8")
    if "markdown" in evaluation:
        (folder / "evaluation.md").write_text("\n".join(evaluation["markdown"]) + "\n", encoding="utf-8")
    return folder


def main() -> None:
    """Command line."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("task", choices=sorted(CARDS))
    p.add_argument("--weights", type=Path, required=True)
    p.add_argument("--evaluation", type=Path)
    p.add_argument("--models", type=Path, required=True)
    a = p.parse_args()
    evaluation = json.loads(a.evaluation.read_text()) if a.evaluation else {}
    print(export(a.task, a.weights, evaluation, a.models))


if __name__ == "__main__":
    main()
