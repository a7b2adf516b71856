"""``boneage-desk evaluate``: a detector or grader measured on a site's own films. docs/training.md tells how."""

from __future__ import annotations

import argparse
from pathlib import Path

from boneage_desk.cli.app import App
from boneage_desk.cli.train import TASKS, finish, shown, stopping, told


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("task", choices=TASKS, help="what to measure")
    parser.add_argument("recipe", metavar="RECIPE.toml", help="its [data] says which films; see docs/training.md")
    parser.add_argument("--model", default="shipped", metavar="MODEL", help="'shipped', a model's folder, or a run folder")
    parser.add_argument("--all", action="store_true", help="every row of the table, not only the patients held out")
    parser.add_argument("--out", required=True, metavar="DIR", help="new folder for metrics.json and report.html")
    parser.add_argument("--quiet", action="store_true", help="no lines of progress")
    parser.add_argument("--json", action="store_true", help="the main figures as one JSON object on stdout")


def run(options: argparse.Namespace, app: App) -> int:
    model = options.model if options.model == "shipped" else str(Path(options.model).resolve())
    with stopping() as cancel:
        done = app.evaluate(
            options.task, Path(options.recipe), model=model, every=options.all, out=Path(options.out),
            tell=told, progress=shown(options.quiet), cancel=cancel,
        )  # fmt: skip
    finish(done, options)
    return 0
