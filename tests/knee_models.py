"""A knee model that has seen some drawn knees, by the real training: its numbers mean little, its card and refusals are real.

Training brings the model libraries; call it in a child process where the test's own process must stay free of them:
``python -m tests.knee_models FOLDER``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.knee_site import RECIPE, ages, write_films, write_table


def train_small(folder: Path, *, films: int = 24, epochs: int = 12) -> Path:
    """Train in ``folder``; returns the models folder, with one knee model in it (`ages` of 64 pixel films, two folds)."""
    from boneage_desk.common.jobs import CancelToken, no_progress
    from boneage_desk.training import train_knee

    site = folder / "site"
    site.mkdir(parents=True)
    write_table(site, write_films(site, ages(films)))
    (folder / "knee.toml").write_text(RECIPE.format(age="true", folds=2, epochs=epochs), encoding="utf-8")
    train_knee.train(folder / "knee.toml", resume=False, tell=lambda _: None, progress=no_progress, cancel=CancelToken())
    return folder / "run" / "model"


if __name__ == "__main__":
    print(train_small(Path(sys.argv[1])))
