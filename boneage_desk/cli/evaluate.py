"""``boneage-desk evaluate``: a detector or grader on a site's own films (docs/training.md), or a whole system on films
with a known bone age (docs/engines.md)."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from boneage_desk.cli import output
from boneage_desk.cli.app import App
from boneage_desk.cli.bar import Bar
from boneage_desk.cli.train import TASKS, finish, shown, stopping, told
from boneage_desk.common.errors import InputError

FILMS = "whole-hand"
_OF_FILMS = ("films", "labels", "report", "split", "compare_with", "limit", "retry_errors", "sizes", "source")
_OF_RECIPE = ("recipe", "out", "all")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("task", choices=(*TASKS, FILMS), help="what to measure")
    parser.add_argument(
        "recipe", metavar="RECIPE.toml", nargs="?", help="detector, grader: its [data] says which films; see docs/training.md"
    )
    parser.add_argument(
        "--model", metavar="MODEL",
        help="detector, grader: 'shipped', a model's folder, or a run folder. whole-hand: an engine (whole-hand, dual, cascade, "
        "regression), a model's 'architecture.tag', or rus13 for the 13 bones",
    )  # fmt: skip
    parser.add_argument("--all", action="store_true", help="every row of the recipe's table, not only the patients held out")
    parser.add_argument("--out", metavar="DIR", help="detector, grader: new folder for metrics.json and report.html")
    films = parser.add_argument_group("whole-hand")
    films.add_argument("--films", metavar="ZIP|DIR", help="the films; a zip is not unpacked")
    films.add_argument("--labels", metavar="CSV", help="film, sex, bone_age_months; see docs/engines.md")
    films.add_argument("--report", metavar="OUT.html", help="the page with tables and plots")
    films.add_argument("--split", metavar="CSV", help="id,validation: only the films held out")
    films.add_argument(
        "--compare-with", metavar="OUT.json", action="append", help="another model's result on the same films; may be repeated"
    )
    films.add_argument("--limit", type=int, metavar="N", help="N films, chosen by a hash of the name")
    films.add_argument("--retry-errors", action="store_true", help="read films again that gave no number")
    films.add_argument("--sizes", metavar="CSV", help="id,height,width of the true films, where the pictures were squashed")
    films.add_argument("--source", metavar="NAME", help="what the films are called in the result (else the name of --films)")
    parser.add_argument("--quiet", action="store_true", help="no lines of progress")
    parser.add_argument(
        "--json", nargs="?", const=output.STDOUT, metavar="OUT.json",
        help="the main figures as one JSON object on stdout; whole-hand: the file for all figures",
    )  # fmt: skip


def run(options: argparse.Namespace, app: App) -> int:
    _check_use(options)
    return _films(options, app) if options.task == FILMS else _recipe(options, app)


def _check_use(options: argparse.Namespace) -> None:
    """Refuse options of the other kind of task, and what is missing, before anything is done."""
    films = options.task == FILMS
    if not films and options.json not in (None, output.STDOUT):
        raise InputError(f"--json takes no file with {options.task}.", "metrics.json in --out has all figures.", code="usage")
    foreign = [name for name in (_OF_RECIPE if films else _OF_FILMS) if getattr(options, name)]
    if foreign:
        raise InputError(f"{_flag(foreign[0])} does not go with {options.task}.", "See: boneage-desk evaluate --help", code="usage")
    needed = ("films", "labels", "model", "json", "report") if films else ("recipe", "out")
    missing = [_flag(name) for name in needed if not getattr(options, name)]
    if missing:
        raise InputError(f"{options.task} needs {', '.join(missing)}.", "See: boneage-desk evaluate --help", code="usage")
    if films and options.json == output.STDOUT:
        raise InputError("--json needs the name of a file.", "For example --json rus13.json", code="usage")
    if options.limit is not None and options.limit < 1:
        raise InputError("--limit must be 1 or more.", code="usage")


def _flag(name: str) -> str:
    return "RECIPE.toml" if name == "recipe" else f"--{name.replace('_', '-')}"


def _recipe(options: argparse.Namespace, app: App) -> int:
    model = options.model or "shipped"
    model = model if model == "shipped" else str(Path(model).resolve())
    options.json = options.json == output.STDOUT
    with stopping() as cancel:
        done = app.evaluate(
            options.task, Path(options.recipe), model=model, every=options.all, out=Path(options.out),
            tell=told, progress=shown(options.quiet), cancel=cancel,
        )  # fmt: skip
    finish(done, options)
    return 0


def _films(options: argparse.Namespace, app: App) -> int:
    from boneage_desk.cli.main import FAILED, NO_AGE, OK

    given = [options.films] if Path(options.films).is_file() else []
    output.check_target(options.json, ".json", given)
    output.check_target(options.report, ".html", given)
    targets = {Path(name).resolve() for name in (options.json, options.report)}
    sources = {Path(name).resolve() for name in (options.labels, options.split, options.sizes, *(options.compare_with or ())) if name}
    if len(targets) < 2 or targets & sources:
        raise InputError("--json and --report need files of their own.", code="bad-output")
    if not Path(options.films).exists():
        raise InputError(f"There are no films at '{options.films}'.", "Name a folder or a zip.", code="no-film")
    bar = Bar(options.quiet)
    services = app.services(options.data_dir)
    try:
        with stopping() as cancel:
            done = app.evaluate_films(
                services, films=Path(options.films), labels=Path(options.labels), model=options.model, out=Path(options.json),
                report=Path(options.report), split=Path(options.split) if options.split else None,
                compare=tuple(Path(name) for name in options.compare_with or ()), limit=options.limit or 0,
                retry=options.retry_errors, sizes=Path(options.sizes) if options.sizes else None, source=options.source or "",
                command=shlex.join(["boneage-desk", *sys.argv[1:]]),
                tell=told, show=bar.show, cancel=cancel,
            )  # fmt: skip
    finally:
        services.close()
    bar.end(done["films"])
    options.json = False
    finish(done, options)
    if done["mae_months"] is not None:
        return OK
    output.complain(InputError("No film gave a bone age; the report says why of each.", code="no-bone-age"))
    return NO_AGE if done["opened"] else FAILED
