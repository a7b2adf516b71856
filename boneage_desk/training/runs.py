"""The run folder of a training: what went in, how far it came, what came out; and how it is resumed.

recipe.toml (the very text), run.json (versions, seed, device, hashes), log.jsonl (losses), last.pt (checkpoint),
weights.safetensors, metrics.json, report.html, model/<architecture>.<tag>/ (what the program loads).
"""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from boneage_desk import __version__
from boneage_desk.common.errors import BoneAgeError, Cancelled, InputError
from boneage_desk.training.recipe import Recipe, read_recipe

CHECKPOINT = "last.pt"
_MAY_CHANGE = ("budget_min", "checkpoint_min", "device")
_PACKAGES = ("torch", "torchvision", "timm", "ultralytics", "numpy", "pillow", "pydicom", "safetensors")


def environment() -> dict[str, Any]:
    """What this training ran on, as far as it may matter for its numbers."""
    import torch

    found = {"boneage-desk": __version__, "python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else ""
    return {
        "versions": found, "system": platform.platform(), "processor": platform.machine(), "threads": torch.get_num_threads(),
        "cores": os.cpu_count(), "gpu": gpu, "byte_order": sys.byteorder,
    }  # fmt: skip


def now() -> str:
    """The time as it stands in reports, UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


@dataclass(frozen=True, slots=True)
class RunFolder:
    """One run's folder. ``resumed``: it was there before."""

    path: Path
    resumed: bool

    @property
    def checkpoint(self) -> Path:
        """Where the last checkpoint lies, if there is one."""
        return self.path / CHECKPOINT

    def facts(self) -> dict[str, Any]:
        """run.json."""
        return dict(json.loads((self.path / "run.json").read_text(encoding="utf-8")))

    def note(self, **more: Any) -> None:
        """Add to run.json."""
        write_json(self.path / "run.json", self.facts() | more)

    def forget(self, error: BoneAgeError) -> None:
        """After ``error``, take away what a run left that never came to a checkpoint, so that it can be begun again.

        Crops that were all cut when a person stopped it are kept: --resume goes on from them.
        """
        cut = isinstance(error, Cancelled) and (self.path / "crops.json").exists()
        if self.resumed or self.checkpoint.exists() or cut:
            return
        with suppress(OSError):  # the error that led here is the one to tell
            for name in ("recipe.toml", "run.json", "stored.npy", "exact.npy", "crops.json"):
                (self.path / name).unlink(missing_ok=True)
            if not any(self.path.iterdir()):
                self.path.rmdir()

    def same(self, what: str, name: str, value: str) -> None:
        """Keep ``value`` (a hash) at the first call; refuse to resume when it has changed since."""
        kept = self.facts().get(name)
        if kept is None:
            self.note(**{name: value})
        elif kept != value:
            raise InputError(
                f"{what} changed since this run began.", "Start a new run in another folder.", code="resume"
            )


def open_run(recipe: Recipe, resume: bool) -> RunFolder:
    """Make the run folder of ``recipe``, or with ``resume`` open it again.

    Raises InputError 'run-folder' when it is not empty, and 'resume' when there is nothing to go on from or the
    recipe says something else than then.
    """
    path = recipe.resolve(recipe.output.folder)
    begun = (path / "run.json").is_file() and (path / "recipe.toml").is_file()
    if resume:
        if not begun:
            raise InputError(f"There is no run in '{path}' to go on with.", "Leave --resume out.", code="resume")
        changed = _changes(read_recipe(path / "recipe.toml", recipe.task, beside=recipe.path), recipe)
        if changed:
            raise InputError(
                f"The recipe has changed since this run began: {', '.join(changed)}.",
                f"Only {', '.join(_MAY_CHANGE)} may change; start a new run in another folder.",
                code="resume",
            )
        return RunFolder(path, True)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InputError(
            f"The run folder '{path}' is not empty.",
            "Go on with --resume, or name another in output.folder." if begun else "Name another in output.folder.",
            code="run-folder",
        )
    path.mkdir(parents=True, exist_ok=True)
    (path / "recipe.toml").write_text(recipe.text, encoding="utf-8")
    write_json(path / "run.json", {"task": recipe.task, "began": now(), "seed": recipe.training.seed} | environment())
    return RunFolder(path, False)


def _changes(old: Recipe, new: Recipe) -> list[str]:
    """Keys whose values differ and may not."""
    out = []
    for part in ("data", "start", "training", "loss", "knee", "model"):
        a, b = dataclasses.asdict(getattr(old, part)), dataclasses.asdict(getattr(new, part))
        out += [f"{part}.{key} was {a[key]!r}" for key in a if a[key] != b[key] and key not in _MAY_CHANGE]
    return out


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(value, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    os.replace(part, path)


def write_log(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """log.jsonl anew: a resumed run has no line twice."""
    part = path.with_name(path.name + ".part")
    part.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    os.replace(part, path)
