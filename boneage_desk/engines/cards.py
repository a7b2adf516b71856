"""Model cards: what a model is, what it was trained on, what it may be used for, and the hash of its weights.

A model is a folder ``models/<architecture>.<tag>`` with ``card.toml``, the weights (safetensors, never a
pickle) and its evaluation. The weights' SHA-256 is checked at every load. Standard library only.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from boneage_desk.common.errors import EngineError
from boneage_desk.common.files import SETTINGS_BYTES, read_small, small_text

TASKS = ("detector", "grader", "segmenter", "whole-hand", "knee")
LARGEST_INPUT = 4096
"""Pixels of a side; a card that asks for more asks for all memory."""
_REMEDY = "Install BoneAge Desk again, or restore the folder of the model."


@dataclass(frozen=True, slots=True)
class IntervalBand:
    """Conformal half width, months, of the bone age for one sex ('M', 'F') and band of bone age; ``factor``: of the
    grades' joint spread (0: not measured), see `boneage_desk.reading.interval`."""

    sex: str
    from_months: float
    to_months: float
    half_width_months: float
    hands: int
    factor: float = 0.0


@dataclass(frozen=True, slots=True)
class ModelCard:
    """One card. ``folder`` is where it lies; ``tables`` holds every table of the TOML file as read.

    input_size: side of the network's square input, pixels. classes: bone ids in the order of the outputs.
    interval_*: see `IntervalBand` and `IntervalTable`; intervals is empty where the model gives no bone age.
    """

    folder: Path
    name: str
    architecture: str
    tag: str
    task: str
    input_size: int
    classes: tuple[str, ...]
    parameters: int
    weights_file: str
    sha256: str
    licence: str
    limits: tuple[str, ...]
    interval_coverage: float
    interval_correlation: float
    interval_floor_months: float
    intervals: tuple[IntervalBand, ...]
    tables: Mapping[str, Any]

    @property
    def full_tag(self) -> str:
        """'architecture.tag', the folder's name."""
        return f"{self.architecture}.{self.tag}"

    @property
    def weights_path(self) -> Path:
        """Where the weights should lie; not checked."""
        return self.folder / self.weights_file

    def verified_weights(self) -> Path:
        """The weights' path after checking their hash. Raises EngineError weights-missing, weights-hash."""
        path = self.weights_path
        try:
            digest = file_sha256(path)
        except FileNotFoundError:
            raise EngineError(f"The weights of {self.full_tag} are missing: {path}", _REMEDY, code="weights-missing") from None
        except OSError as error:
            raise EngineError(
                f"The weights of {self.full_tag} cannot be read: {error}", _REMEDY, code="weights-missing"
            ) from error
        if digest != self.sha256:
            raise EngineError(
                f"The weights of {self.full_tag} are not those of its card: SHA-256 {digest[:12]}..., "
                f"expected {self.sha256[:12]}....",
                _REMEDY,
                code="weights-hash",
            )
        return path


def file_sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    if path.exists() and not path.is_file():
        raise OSError(f"{path} is no file")
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def read_card(folder: Path) -> ModelCard:
    """Parse ``folder/card.toml``; raises EngineError card-missing or card-broken. The weights are not read."""
    path = folder / "card.toml"
    try:
        data = tomllib.loads(small_text(path, SETTINGS_BYTES))
    except FileNotFoundError:
        raise EngineError(f"The model card {path} is missing.", _REMEDY, code="card-missing") from None
    except (ValueError, RecursionError, OSError) as error:
        raise EngineError(f"The model card {path} cannot be read: {error}", _REMEDY, code="card-broken") from error
    try:
        card = _parse(folder, data)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        what = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise EngineError(f"The model card {path} is broken: {what}.", _REMEDY, code="card-broken") from error
    return card


def _parse(folder: Path, data: dict[str, Any]) -> ModelCard:
    model, weights = data["model"], data["weights"]
    interval = data.get("interval", {})
    bands = tuple(
        IntervalBand(
            str(r["sex"]), float(r["from_months"]), float(r["to_months"]), float(r["half_width_months"]),
            int(r["hands"]), float(r.get("factor", 0.0)),
        )  # fmt: skip
        for r in interval.get("bands", ())
    )
    card = ModelCard(
        folder=folder,
        name=str(model["name"]),
        architecture=str(model["architecture"]),
        tag=str(model["tag"]),
        task=str(model["task"]),
        input_size=int(model["input_size"]),
        classes=tuple(str(c) for c in model["classes"]),
        parameters=int(model["parameters"]),
        weights_file=str(weights["file"]),
        sha256=str(weights["sha256"]).lower(),
        licence=str(model["licence"]),
        limits=tuple(str(text) for text in model["limits"]),
        interval_coverage=float(interval.get("coverage", 0.0)),
        interval_correlation=float(interval.get("correlation", 0.0)),
        interval_floor_months=float(interval.get("floor_months", 0.0)),
        intervals=bands,
        tables=MappingProxyType(data),
    )
    if card.task not in TASKS:
        raise ValueError(f"the task '{card.task}' is not one of {', '.join(TASKS)}")
    if card.full_tag != folder.name:
        raise ValueError(f"it names {card.full_tag} but lies in {folder.name}")
    if Path(card.weights_file).name != card.weights_file or not card.weights_file.endswith(".safetensors"):
        raise ValueError(f"'{card.weights_file}' is not a safetensors file beside the card")
    if len(card.sha256) != 64:
        raise ValueError("its SHA-256 does not have 64 digits")
    if not 0 <= card.interval_correlation <= 1 or card.interval_floor_months < 0:
        raise ValueError("the interval's correlation lies in 0 to 1 and its floor is not negative")
    if not 1 <= card.input_size <= LARGEST_INPUT or not card.classes:
        raise ValueError(f"input size (1 to {LARGEST_INPUT}) and classes must be given")
    return card


def read_cards(models_dir: Path) -> tuple[ModelCard, ...]:
    """Every card in ``models_dir``, by folder name; folders without a card are passed over."""
    return tuple(read_card(folder) for folder in card_folders(models_dir))


def card_folders(models_dir: Path) -> list[Path]:
    """Folders with a card, by name (`natural`). Raises EngineError weights-missing where ``models_dir`` is no folder."""
    if not models_dir.is_dir():
        raise EngineError(f"The folder of the models is missing: {models_dir}", _REMEDY, code="weights-missing")
    return [folder for folder in sorted(models_dir.iterdir(), key=natural) if (folder / "card.toml").is_file()]


def natural(folder: Path) -> tuple[tuple[str | int, ...], str]:
    """The order of folder names with numbers by their value: rus13-v2 before rus13-v10. Large letters as small ones."""
    parts = re.split(r"([0-9]+)", folder.name.casefold())
    return tuple(int(part) if k % 2 else part for k, part in enumerate(parts)), folder.name


def cards_of(models_dir: Path, task: str) -> tuple[ModelCard, ...]:
    """The cards of ``task``, by folder name. A broken card is told where it is, or may be, of this task: the models
    of another task do without it."""
    found = []
    for folder in card_folders(models_dir):
        try:
            card = read_card(folder)
        except EngineError:
            if named_task(folder) in (task, ""):
                raise
            continue
        if card.task == task:
            found.append(card)
    return tuple(found)


def named_task(folder: Path) -> str:
    """The task that a card names in a line of its own, whatever else is wrong with it; '' where none is to be read."""
    try:
        text = read_small(folder / "card.toml", SETTINGS_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
    found = re.search(r'^\s*task\s*=\s*"([^"]*)"', text, re.MULTILINE)
    return found[1] if found and found[1] in TASKS else ""


def find_optional_card(models_dir: Path, task: str) -> ModelCard | None:
    """As :func:`find_card`, or None where no model for ``task`` is installed."""
    cards = cards_of(models_dir, task)
    return cards[-1] if cards else None


def find_card(models_dir: Path, task: str) -> ModelCard:
    """The model for ``task``: the last by folder name (`natural`). Raises EngineError weights-missing if there is none."""
    card = find_optional_card(models_dir, task)
    if card is None:
        raise EngineError(f"There is no {task} in {models_dir}.", _REMEDY, code="weights-missing")
    return card
