"""`boneage-desk train` and `evaluate`: what they hand on, what they print, and how they are stopped."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest

from boneage_desk.cli.train import stopping
from boneage_desk.common.errors import Cancelled, InputError

from .conftest import Program


@pytest.fixture
def calls(program: Program) -> list[tuple[str, dict[str, Any]]]:
    """What the commands handed to the trainer and the evaluator."""
    made: list[tuple[str, dict[str, Any]]] = []

    def train(task: str, recipe_path: Path, **how: Any) -> dict[str, Any]:
        made.append(("train", {"task": task, "recipe": recipe_path, **how}))
        how["tell"]("a line")
        if recipe_path.name == "stopped.toml":
            raise Cancelled("Stopped after step 3.", "Go on with --resume.")
        if recipe_path.name == "wrong.toml":
            raise InputError("The recipe has 1 fault: 'training.epoch' is not known.", code="recipe")
        return {"task": task, "exact": 0.5, "bone_age_mae_months": None}

    def evaluate(task: str, recipe_path: Path, **how: Any) -> dict[str, Any]:
        made.append(("evaluate", {"task": task, "recipe": recipe_path, **how}))
        return {"task": task, "mAP50": 0.9}

    program.app = dataclasses.replace(program.app, train=train, evaluate=evaluate)
    return made


def test_train_hands_on_and_prints(program: Program, calls: list[tuple[str, dict[str, Any]]]) -> None:
    code, out, err = program.run("train", "grader", "r.toml", "--resume")
    assert (code, calls[0][1]["task"], calls[0][1]["recipe"], calls[0][1]["resume"]) == (0, "grader", Path("r.toml"), True)
    assert "exact: 0.5\nbone age mae months: not measured\n" in out
    assert err == "a line\n"
    code, out, _ = program.run("train", "grader", "r.toml", "--json")
    assert json.loads(out) == {"task": "grader", "exact": 0.5, "bone_age_mae_months": None}


def test_evaluate_hands_on(program: Program, calls: list[tuple[str, dict[str, Any]]], tmp_path: Path) -> None:
    assert program.run("evaluate", "detector", "r.toml", "--out", tmp_path / "o", "--all", "--json")[0] == 0
    how = calls[0][1]
    assert (how["task"], how["model"], how["every"], how["out"]) == ("detector", "shipped", True, tmp_path / "o")
    program.run("evaluate", "grader", "r.toml", "--out", tmp_path / "o", "--model", tmp_path / "m")
    assert calls[1][1]["model"] == str(tmp_path / "m")
    assert calls[1][1]["every"] is False


@pytest.mark.parametrize("task", ["grader", "detector"])
def test_the_example_is_a_recipe(program: Program, calls: list[Any], task: str) -> None:
    code, out, _ = program.run("train", task, "--example")
    assert (code, tomllib.loads(out)["task"], calls) == (0, task, [])


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("train", "grader", "stopped.toml"), 130, "boneage-desk: cancelled: Stopped after step 3. Go on with --resume."),
        (("train", "grader", "wrong.toml"), 2, "boneage-desk: recipe: The recipe has 1 fault"),
        (("train", "carpus", "r.toml"), 2, "invalid choice: 'carpus'"),
        (("train", "grader"), 2, "RECIPE.toml"),
        (("evaluate", "grader", "r.toml"), 2, "--out"),
    ],
)
def test_failures(program: Program, calls: list[Any], words: tuple[str, ...], code: int, said: str) -> None:
    result, _, err = program.run(*words)
    assert result == code
    assert said in err


@pytest.mark.skipif(sys.platform == "win32", reason="signals to oneself")
def test_once_stops_after_the_step_twice_at_once() -> None:
    before = signal.getsignal(signal.SIGINT)
    with stopping() as cancel:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.01)
        assert cancel.cancelled
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)
    assert signal.getsignal(signal.SIGINT) is before


def test_the_help_loads_no_model_library(tmp_path: Path) -> None:
    code = (
        "import sys; from boneage_desk.cli.main import main; from boneage_desk.wiring import build_app; "
        "assert main(['train', '--help'], build_app()) == 0; "
        "sys.exit(int(any(m in sys.modules for m in ('torch', 'timm', 'ultralytics', 'cv2', 'numpy'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, "RECIPE.toml" in done.stdout) == (0, True), done.stderr
