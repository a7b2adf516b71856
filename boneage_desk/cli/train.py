"""``boneage-desk train``: a site's own detector, grader (docs/training.md) or knee model (docs/knee.md)."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from boneage_desk.cli import output
from boneage_desk.cli.app import App
from boneage_desk.common.errors import InputError
from boneage_desk.common.jobs import CancelToken, Progress
from boneage_desk.common.paths import packaged_dir

TASKS = ("detector", "grader", "knee")
EVERY_S = 10.0
"""Seconds between two lines of progress where they do not overwrite each other."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("task", choices=TASKS, help="what to train")
    parser.add_argument("recipe", metavar="RECIPE.toml", nargs="?", help="data, start, training, output: see docs/training.md")
    parser.add_argument("--example", action="store_true", help="print a recipe to begin with, and end")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint of the recipe's run folder")
    parser.add_argument("--quiet", action="store_true", help="no lines of progress")
    parser.add_argument("--json", action="store_true", help="the figures at the end as one JSON object on stdout")


def run(options: argparse.Namespace, app: App) -> int:
    if options.example:
        print((packaged_dir("resources") / "recipes" / f"{options.task}.toml").read_text(encoding="utf-8"), end="")
        return 0
    if options.recipe is None:
        raise InputError("A recipe is missing: RECIPE.toml.", "--example prints one to begin with.", code="usage")
    with stopping() as cancel:
        done = app.train(
            options.task, Path(options.recipe), resume=options.resume, tell=told,
            progress=shown(options.quiet), cancel=cancel,
        )  # fmt: skip
    finish(done, options)
    return 0


def finish(done: dict[str, Any], options: argparse.Namespace) -> None:
    """The figures, as JSON or in lines."""
    if options.json:
        output.emit(done)
        options.printed = True
        return
    for key, value in done.items():
        print(f"{key.replace('_', ' ')}: {'not measured' if value is None else value}", flush=True)


@contextmanager
def stopping() -> Iterator[CancelToken]:
    """Ctrl+C or a polite kill once: stop after the step in hand, with a checkpoint. Twice: stop at once."""
    cancel = CancelToken()

    def stop(_number: int, _frame: object) -> None:
        if cancel.cancelled:
            raise KeyboardInterrupt
        output.note("stopping after this step; once more to stop at once")
        cancel.cancel()

    before: dict[int, Any] = {}
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, stop)
    except ValueError:  # not the main thread
        pass
    try:
        yield cancel
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def told(text: str) -> None:
    """A line on stderr; on a terminal it takes the place of the line of progress."""
    output.note(("\r\x1b[K" if sys.stderr.isatty() else "") + text)


def shown(quiet: bool) -> Progress:
    """Progress on stderr: one line that is written over on a terminal, else a line now and then."""
    terminal = sys.stderr.isatty()
    last = [time.monotonic(), ""]

    def show(share: float, step: str) -> None:
        if terminal:
            print(f"\r\x1b[K{share:4.0%} {step}", end="\n" if share >= 1 else "", file=sys.stderr, flush=True)
        elif time.monotonic() - float(last[0]) > EVERY_S:
            last[0] = time.monotonic()
            output.note(f"{share:.0%} {step}")

    def nothing(_share: float, _step: str) -> None:
        pass

    chosen: Callable[[float, str], None] = nothing if quiet else show
    return chosen
