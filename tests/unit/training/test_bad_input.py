"""What a site gets wrong, told by ``boneage-desk train`` itself: the row, the remedy, the exit code, and no half run."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from boneage_desk import wiring
from boneage_desk.cli.main import main
from boneage_desk.standards.rus_chn import BONES

RECIPE = (
    'task = "grader"\n[data]\nfolder = "."\ngrades = "index"\n[start]\nweights = "scratch"\n'
    '[training]\nepochs = 1\nbatch = 2\nsize = 32\nfreeze = -1\n[output]\nfolder = "run"\n'
)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Three noisy crops of each bone, the last held out, and a recipe; a bone's rows follow each other from row 2."""
    rng = np.random.default_rng(2)
    with open(tmp_path / "crops.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["crop", "bone", "grade", "split"])
        for bone in BONES:
            for k, side in enumerate(("train", "train", "val")):
                Image.fromarray(rng.integers(0, 255, (32, 32)).astype(np.uint8)).save(tmp_path / f"{bone}_{k}.png")
                table.writerow([f"{bone}_{k}.png", bone, 4 + k, side])
    (tmp_path / "recipe.toml").write_text(RECIPE)
    return tmp_path


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def illegal_grade(site: Path) -> None:
    change(site / "crops.csv", "ulna_1.png,ulna,5,", "ulna_1.png,ulna,13,")


def empty_crop(site: Path) -> None:
    Image.fromarray(np.full((32, 32), 90, np.uint8)).save(site / "mc1_0.png")


def class_missing(site: Path) -> None:
    rows = (site / "crops.csv").read_text().splitlines()
    (site / "crops.csv").write_text("\n".join(r for r in rows if ",dp5," not in r) + "\n")


def other_architecture(site: Path) -> None:
    from boneage_desk.engines.networks.segmenter import Segmenter
    from boneage_desk.training.train_detector import save_half

    save_half(Segmenter(), site / "other.safetensors")
    change(site / "recipe.toml", '"scratch"', '"other.safetensors"')


def misspelt_key(site: Path) -> None:
    change(site / "recipe.toml", "epochs", "epoch")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (illegal_grade, ("crops.csv, row 6, column 'grade': has no grade '13': indices of ulna are 0 to 12",)),
        (empty_crop, ("crops.csv, row 8, column 'crop': 'mc1_0.png' is empty: it shows one grey only",)),
        (class_missing, ("missing-bones: No example to train on of dp5.", "allow_missing_bones = true")),
        (other_architecture, ("wrong-architecture: 'other.safetensors' holds weights of another architecture",)),
        (misspelt_key, ("recipe: ", "'training.epoch' is not known")),
    ],
)
def test_it_is_told_and_nothing_is_begun(
    site: Path, capsys: pytest.CaptureFixture[str], spoil: Callable[[Path], None], said: tuple[str, ...]
) -> None:
    spoil(site)
    assert main(["train", "grader", str(site / "recipe.toml"), "--quiet"], wiring.build_app()) == 2
    err = capsys.readouterr().err
    for part in said:
        assert part in err
    assert not (site / "run").exists()


def test_a_gpu_without_memory_halves_the_batch_and_then_gives_up(
    site: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from boneage_desk.training.grader_run import GraderRun

    def never(*_: Any) -> dict[str, float]:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(GraderRun, "_one", never)
    assert main(["train", "grader", str(site / "recipe.toml"), "--quiet"], wiring.build_app()) == 1
    err = capsys.readouterr().err
    assert "The GPU is out of memory: the batch is halved to 1 hands." in err
    assert "gpu-memory: The GPU has too little memory even for one hand at a time." in err
    assert not (site / "run").exists()
