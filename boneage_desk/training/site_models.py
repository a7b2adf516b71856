"""The weights that a site's training starts from, the model whose bones it trusts, and the model that comes out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from boneage_desk.common.errors import EngineError, InputError
from boneage_desk.common.paths import packaged_dir
from boneage_desk.engines.cards import ModelCard, file_sha256, find_card, read_card
from boneage_desk.engines.networks.detector import build_detector
from boneage_desk.engines.networks.grader import Grader
from boneage_desk.training.card_texts import CARDS
from boneage_desk.training.export import count_parameters, write_card
from boneage_desk.training.recipe import SCRATCH, SHIPPED, Recipe

_BUILD = {"grader": Grader, "detector": build_detector}


@dataclass(frozen=True, slots=True)
class Start:
    """Where weights come from. path: the file, None for random weights. card: of a model's folder, else None."""

    path: Path | None
    card: ModelCard | None
    sha256: str

    @property
    def words(self) -> str:
        """For cards and messages."""
        if self.path is None:
            return "random weights"
        return f"{self.card.full_tag if self.card else self.path.name} (SHA-256 {self.sha256})"


def find_model(given: str, task: str, recipe: Recipe) -> Start:
    """'shipped', 'scratch', a model's folder, a run folder, or a safetensors file. Raises InputError, EngineError."""
    if given == SCRATCH:
        return Start(None, None, "")
    if given == SHIPPED:
        card = find_card(packaged_dir("models"), task)
        return Start(card.verified_weights(), card, card.sha256)
    path = recipe.resolve(given)
    inside = sorted((path / "model").glob("*/card.toml")) if path.is_dir() else []
    folder = inside[0].parent if inside and not (path / "card.toml").is_file() else path
    if (folder / "card.toml").is_file():
        card = read_card(folder)
        if card.task != task:
            raise InputError(f"The model in '{folder}' is a {card.task}, not a {task}.", code="wrong-model")
        return Start(card.verified_weights(), card, card.sha256)
    if not path.is_file():
        raise InputError(
            f"There is no model in '{path}'.",
            "Name 'shipped', a folder with card.toml, a finished run's folder, or a safetensors file.",
            code="wrong-model",
        )
    if path.suffix != ".safetensors":
        raise InputError(
            f"'{path.name}' is not a safetensors file.",
            "Other formats may hold code that runs when they are opened; convert it first.",
            code="wrong-model",
        )
    return Start(path, None, file_sha256(path))


def load_weights(network: nn.Module, path: Path, task: str) -> None:
    """Put a file's weights into ``network``. Raises InputError 'wrong-architecture' naming the tensors that do not fit."""
    try:
        state = {k: v.float() if v.is_floating_point() else v for k, v in load_file(path).items()}
    except (SafetensorError, OSError) as error:
        raise InputError(f"'{path}' cannot be read as safetensors ({error}).", code="wrong-model") from error
    own = network.state_dict()
    differ = [k for k, v in state.items() if k in own and v.shape != own[k].shape]
    wrong = [f"{k} is {tuple(state[k].shape)} there and {tuple(own[k].shape)} here" for k in differ]
    fitting = {k: v for k, v in state.items() if k not in differ}
    result = network.load_state_dict(fitting, strict=False)  # the network's own hooks fill what older weights lack
    lacking, foreign = [k for k in result.missing_keys if k not in differ], list(result.unexpected_keys)
    if wrong or lacking or foreign:
        parts = [
            f"{len(found)} {words} ({'; '.join(sorted(found, key=_weights_first)[:3])}{'; ...' if len(found) > 3 else ''})"
            for words, found in (("have another size", wrong), ("are missing", lacking), ("are not known", foreign)) if found
        ]  # fmt: skip
        raise InputError(
            f"'{path.name}' holds weights of another architecture than this {task}'s: of {len(own)} tensors {', '.join(parts)}.",
            f"Take weights of a {CARDS[task]['model']['architecture']} as this program builds it.",
            code="wrong-architecture",
        )


def _weights_first(name: str) -> tuple[bool, str]:
    return "weight" not in name, name


def build(task: str, start: Start, seed: int) -> nn.Module:
    """The network to train, all of its parameters free, with the start's weights."""
    torch.manual_seed(seed)
    network: nn.Module = _BUILD[task]()
    if start.path is not None:
        load_weights(network, start.path, task)
    return network


def load_to_use(task: str, weights: Path) -> nn.Module:
    """The network as the program would load it. Raises InputError 'wrong-architecture'."""
    from types import SimpleNamespace

    from boneage_desk.engines.networks.detector import BONES, load_detector
    from boneage_desk.engines.networks.grader import load_grader

    load_weights(_BUILD[task](), weights, task)
    card = SimpleNamespace(classes=BONES)
    return load_grader(card, weights) if task == "grader" else load_detector(card, weights)


def device_of(given: str) -> torch.device:
    """'auto', 'cpu' or 'cuda' to a device. Raises EngineError no-cuda."""
    if given == "cuda" and not torch.cuda.is_available():
        raise EngineError("There is no CUDA device.", "Set training.device to \"auto\" or \"cpu\".", code="no-cuda")
    return torch.device("cuda" if given != "cpu" and torch.cuda.is_available() else "cpu")


def write_model(
    recipe: Recipe, start: Start, size: int, weights: Path, facts: Mapping[str, Any], metrics: Mapping[str, Any],
    limits: list[str], out: Path,
) -> Path:  # fmt: skip
    """The folder that the program can load, below ``out``; returns it.

    facts: what the card's [training] says beside the data. metrics: for [metrics]. limits: what this model must not
    be taken for. The licence and data of the starting model stay with what was trained from it.
    """
    words = json.loads(json.dumps(CARDS[recipe.task]))
    before = dict(start.card.tables) if start.card else {}
    model = words["model"] | {
        "name": recipe.model.name or f"{words['model']['name']}, trained on site",
        "tag": recipe.model.tag, "input_size": size, "parameters": count_parameters(weights),
    }  # fmt: skip
    own = {"name": recipe.data.description or "The site's own films", "terms": recipe.data.terms or recipe.model.licence}
    data = [*(before.get("training", {}).get("data", []) if start.path else []), own]
    kept = f"{start.card.licence}; " if start.card else ("the starting weights' own terms; " if start.path else "")
    model["licence"] = f"{kept}this site's part: {recipe.model.licence}"
    inherited = [t for t in (start.card.limits if start.card else ()) if "Not a medical device" not in t]
    model["limits"] = [
        "Not a medical device. Research use; a reader decides.", *limits,
        *(f"Of the starting model: {text}" for text in inherited),
    ]  # fmt: skip
    folder = out / f"{model['architecture']}.{model['tag']}"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(weights, folder / "weights.safetensors")
    tables = {
        "model": model,
        "preprocessing": before.get("preprocessing", words["preprocessing"]),
        "network": before.get("network", words["network"]),
        "training": {"data": data, "started_from": start.words, "program": f"boneage-desk train {recipe.task}", **facts},
        "weights": {
            "file": "weights.safetensors", "sha256": file_sha256(folder / "weights.safetensors"),
            "precision": "float16 in the file, float32 in use",
        },
        "metrics": {k: v for k, v in metrics.items() if v is not None},
    }  # fmt: skip
    write_card(folder, tables)
    return folder
