"""A training recipe: one TOML file, checked key by key, all its faults told together.

docs/training.md describes every key. Paths in a recipe are relative to the recipe's folder.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_type_hints

from boneage_desk.common.errors import InputError
from boneage_desk.common.files import SETTINGS_BYTES, small_text

TASKS = ("detector", "grader", "knee")
KNEE_NETWORKS = (
    "convnext_atto", "convnext_femto", "convnext_pico", "convnext_nano", "convnext_tiny", "convnext_small", "test_convnext",
)  # fmt: skip
SHIPPED, SCRATCH = "shipped", "scratch"
_TAG = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")


def _key(default: Any, *, low: float | None = None, high: float | None = None, choices: tuple[str, ...] = ()) -> Any:
    """A key with its default; low and high are allowed themselves."""
    return field(default=default, metadata={"low": low, "high": high, "choices": choices})


@dataclass(frozen=True, slots=True)
class DataPart:
    """``[data]``: where the site's films are and how its tables are to be read.

    table: CSV in ``folder``; '' means grades.csv, crops.csv or boxes.csv, whichever the task has.
    grades: 'index' (0 = absent, 1, 2 ...) or 'label' ('5(0)', '8'); it is never guessed, for a bare '8' may
    mean either. held_out: share of patients kept from training where the table has no split.
    """

    folder: str = ""
    table: str = ""
    grades: str = _key("", choices=("", "index", "label"))
    held_out: float = _key(0.125, low=0.02, high=0.9)
    allow_missing_bones: bool = False
    skip_bad_films: bool = False
    description: str = ""
    terms: str = ""


@dataclass(frozen=True, slots=True)
class StartPart:
    """``[start]``: 'shipped', 'scratch', a model's folder or a safetensors file. detector: what finds the
    bones on a grader's films, 'shipped' or a model's folder."""

    weights: str = SHIPPED
    detector: str = SHIPPED


@dataclass(frozen=True, slots=True)
class TrainingPart:
    """``[training]``. epochs 0: until ``budget_min`` minutes are over; budget_min 0: no limit of time.

    batch: films (or single crops) a step. size: side of the network's input, 0 = as the starting model.
    freeze: stages of the grader's trunk that stay as they start, -1 = none. phantoms: drawn hands mixed into a
    detector's films.
    """

    epochs: int = _key(0, low=0, high=100_000)
    budget_min: float = _key(0.0, low=0.0, high=60.0 * 24 * 30)
    batch: int = _key(4, low=1, high=1024)
    rate: float = _key(3e-4, low=1e-8, high=0.1)
    seed: int = _key(1, low=0, high=2**31 - 1)
    size: int = _key(0, low=0, high=1024)
    freeze: int = _key(2, low=-1, high=7)
    mixed_precision: bool = True
    checkpoint_min: float = _key(5.0, low=0.0, high=600.0)
    phantoms: int = _key(0, low=0, high=5000)
    device: str = _key("auto", choices=("auto", "cpu", "cuda"))


@dataclass(frozen=True, slots=True)
class LossPart:
    """``[loss]``: weights of the grader's terms (`boneage_desk.training.grader_loss`), 0 = left out. rarity: power
    of the class weights, 0 = every grade counts alike."""

    order: float = _key(1.0, low=0.0, high=100.0)
    centre: float = _key(0.02, low=0.0, high=100.0)
    share: float = _key(1.0, low=0.0, high=100.0)
    age: float = _key(0.25, low=0.0, high=100.0)
    rarity: float = _key(0.5, low=0.0, high=1.0)


@dataclass(frozen=True, slots=True)
class KneePart:
    """``[knee]``: docs/knee.md. chronological_age: whether the network is told it. folds: of the cross-validation, which
    are the networks of the model too. architecture: test_convnext is for trials.
    ema: how much of the mean of the weights is kept at each step."""

    architecture: str = _key("convnext_pico", choices=KNEE_NETWORKS)
    chronological_age: bool = True
    folds: int = _key(5, low=2, high=10)
    ema: float = _key(0.998, low=0.0, high=0.99999)


@dataclass(frozen=True, slots=True)
class ModelPart:
    """``[model]``: the name of what comes out: folder ``<architecture>.<tag>``."""

    tag: str = "site-v1"
    name: str = ""
    licence: str = "as the site decides; not to be passed on without asking it"


@dataclass(frozen=True, slots=True)
class OutputPart:
    """``[output]``: the run folder."""

    folder: str = ""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One checked recipe. ``path`` is the file it came from, ``text`` its very words."""

    task: str
    data: DataPart
    start: StartPart
    training: TrainingPart
    loss: LossPart
    knee: KneePart
    model: ModelPart
    output: OutputPart
    path: Path
    text: str

    def resolve(self, path: str) -> Path:
        """A path of the recipe, as the file system has it."""
        return (self.path.parent / Path(path).expanduser()).resolve()


_PARTS = {
    "data": DataPart, "start": StartPart, "training": TrainingPart, "loss": LossPart, "knee": KneePart,
    "model": ModelPart, "output": OutputPart,
}  # fmt: skip
_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text in quotes"}


def read_recipe(path: Path, task: str, *, to_train: bool = True, beside: Path | None = None) -> Recipe:
    """The recipe in ``path`` for ``task``. Raises InputError 'recipe' that names every key at fault.

    to_train: an output folder and an end (epochs or budget) are needed; an evaluation needs neither.
    beside: where the recipe lay when ``path`` is a copy of it; its paths are relative to that.
    """
    try:
        text = small_text(path, SETTINGS_BYTES, "utf-8-sig")
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"The recipe '{path}' is not TOML: {error}.", "Mend that line.", code="recipe") from error
    except (OSError, UnicodeDecodeError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or ("it is not UTF-8 text" if isinstance(error, ValueError) else "it is nested too deep")
        raise InputError(f"The recipe '{path}' cannot be read ({reason}).", code="recipe") from error
    faults: list[str] = []
    parts: dict[str, Any] = {}
    for name, kind in _PARTS.items():
        table = given.get(name, {})
        if not isinstance(table, dict):
            faults.append(f"'{name}' must be a table, [{name}]")
            table = {}
        parts[name] = _part(name, kind, table, faults)
    for name in given:
        if name not in _PARTS and name != "task":
            faults.append(_unknown(f"'{name}'", name, [*_PARTS, "task"]))
    if given.get("task") != task:
        faults.append(f"'task' is {given.get('task')!r}, this command trains or evaluates a {task}: task = \"{task}\"")
    recipe = Recipe(task=task, path=(beside or path).resolve(), text=text, **parts)
    faults += _together(recipe, to_train)
    if faults:
        raise InputError(
            f"The recipe '{path}' has {len(faults)} fault{'s' * (len(faults) > 1)}: {'; '.join(faults)}.",
            "docs/training.md lists the keys.",
            code="recipe",
        )
    return recipe


def _part(name: str, kind: type, table: dict[str, Any], faults: list[str]) -> Any:
    """One table as its dataclass; a key at fault is told and keeps its default."""
    hints = get_type_hints(kind)
    fields = {f.name: f for f in dataclasses.fields(kind)}
    values = {}
    for key, value in table.items():
        where = f"'{name}.{key}'"
        if key not in fields:
            faults.append(_unknown(where, key, list(fields)))
            continue
        want = hints[key]
        if want is float and type(value) is int:
            value = float(value)
        if type(value) is not want:
            faults.append(f"{where} is {value!r}, it must be {_WORDS[want]}")
            continue
        rule = fields[key].metadata
        low, high, choices = rule.get("low"), rule.get("high"), rule.get("choices", ())
        if choices and value not in choices:
            faults.append(f"{where} is '{value}', it must be one of {', '.join(c for c in choices if c)}")
        elif (low is not None and not value >= low) or (high is not None and not value <= high):
            faults.append(f"{where} is {value}, it must be from {low:g} to {high:g}")
        else:
            values[key] = value
    return kind(**values)


def _unknown(where: str, key: str, known: list[str]) -> str:
    near = difflib.get_close_matches(key, known, 1)
    return f"{where} is not known" + (f" (is '{near[0]}' meant?)" if near else f" (known: {', '.join(known)})")


def _together(recipe: Recipe, to_train: bool) -> list[str]:
    """Faults of keys that are each legal."""
    faults = []
    if not recipe.data.folder:
        faults.append("'data.folder' is missing: the folder with the site's films")
    elif not recipe.resolve(recipe.data.folder).is_dir():
        faults.append(f"'data.folder': there is no folder '{recipe.resolve(recipe.data.folder)}'")
    if recipe.task == "grader" and not recipe.data.grades:
        faults.append(
            "'data.grades' is missing: \"index\" or \"label\" (a bare 8 is index 8, or the label '8' that mc3 has as index 10)"
        )
    if recipe.task == "detector" and recipe.training.size % 32:
        faults.append(f"'training.size' is {recipe.training.size}, a detector's must be a multiple of 32")
    if recipe.task == "grader" and 0 < recipe.training.size < 32:
        faults.append(f"'training.size' is {recipe.training.size}, a grader's must be 32 or more")
    if recipe.task == "knee" and (recipe.training.size % 32 or 0 < recipe.training.size < 64):
        faults.append(f"'training.size' is {recipe.training.size}, a knee's must be a multiple of 32, 64 or more")
    if recipe.task == "knee" and recipe.start.weights == SHIPPED and to_train:
        faults.append("'start.weights' must be \"scratch\" or a safetensors file: no weights for knees are shipped")
    if not _TAG.fullmatch(recipe.model.tag):
        faults.append(f"'model.tag' is '{recipe.model.tag}', it must be small letters, digits and '-'")
    if not to_train:
        return faults
    if not recipe.output.folder:
        faults.append("'output.folder' is missing: the run folder to make")
    if not recipe.training.epochs and not recipe.training.budget_min:
        faults.append("'training.epochs' and 'training.budget_min' are both 0: the training would never end")
    if recipe.task == "grader" and not (recipe.loss.order or recipe.loss.share):
        faults.append("'loss.order' and 'loss.share' are both 0: nothing would teach a grade")
    if recipe.start.weights == SCRATCH and recipe.training.freeze >= 0 and recipe.task == "grader":
        faults.append("'training.freeze' must be -1 where 'start.weights' is \"scratch\": there is nothing to keep")
    return faults
