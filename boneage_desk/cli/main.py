"""Parses the command line, runs the command, and turns every outcome into an exit code.

0 success; 1 a film, the engine or the disk failed; 2 the command line or what it supplied is wrong;
3 read, but no bone age is to be had; 4 a signed file is whole, but its signer is not known here; 70 a bug;
130 cancelled.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from boneage_desk import __version__
from boneage_desk.cli import output
from boneage_desk.cli.app import App
from boneage_desk.common import paths, private
from boneage_desk.common.errors import BoneAgeError, Cancelled, InputError, StandardError, StoreError

OK, FAILED, USAGE, NO_AGE, BUG, CANCELLED = 0, 1, 2, 3, 70, 130
COMMANDS = {
    "gui": "open the window, with films",
    "read": "read one film",
    "batch": "read many films, also inside zips, to a JSONL file",
    "grade": "grade crops of one bone (distal end up)",
    "score": "score and bone age of 13 grades, by any standard",
    "standards": "list the standards: edition, source, range, certainty",
    "height": "adult height by each published method, or one of them",
    "doctor": "check versions, models, device, display, disk, decoders and store",
    "sign": "seal a report, or add a signed addendum to it",
    "verify": "check the signatures of a report, offline",
    "audit": "check, show or export the audit chain",
    "backup": "make a checked copy of the data base",
    "restore": "put a backup in the data base's place",
    "encrypt": "encrypt the patients' words in the data base, or take that away",
    "export": "films without their patients, or decisions as a training set",
    "users": "list or set the profiles of this station",
    "bench": "measure first paint, opening, reading, recomputing, report and batch",
    "train": "train a detector, grader or knee model on a site's own films",
    "evaluate": "measure a detector, grader or knee model on a site's own films",
    "demo": "the bundled demo study: in the window, or without a display into files",
}
"""Names and what they do. Each is a module here with ``add_arguments(parser)`` and ``run(options, app)``."""


class _Parser(argparse.ArgumentParser):
    """Errors in one line, as all others are."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}.", f"See: {self.prog} --help", code="usage")


def build_parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """The parser for ``argv``. Only modules of commands that stand in it are imported."""
    common = _Parser(add_help=False)
    common.add_argument(
        "--data-dir",
        metavar="DIR",
        default=argparse.SUPPRESS,
        help="folder of the store, settings and logs (else BONEAGE_DESK_DATA, else the system's place)",
    )
    common.add_argument(
        "--store-passphrase-fd", type=int, metavar="N", default=argparse.SUPPRESS,
        help="read the passphrase of an encrypted data base from this open file descriptor, where no key store has its key",
    )  # fmt: skip
    parser = _Parser(
        prog="boneage-desk",
        description="Reads hand films: 13 bones, RUS-CHN grades, bone age. Without a command: opens the window.",
        parents=[common],
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"BoneAge Desk {__version__}")
    groups = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    for name, what in COMMANDS.items():
        sub = groups.add_parser(name, help=what, description=what, parents=[common], allow_abbrev=False)
        if name in argv:
            module = import_module(f"boneage_desk.cli.{name}")
            module.add_arguments(sub)
            sub.set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str], app: App) -> int:
    """Run one command; returns the exit code and never raises."""
    options = argparse.Namespace(command=None)
    try:
        options = build_parser(argv).parse_args(list(argv))
        options.data_dir = _data_dir(getattr(options, "data_dir", None))
        app = _with_passphrase(app, getattr(options, "store_passphrase_fd", None))
        if options.command is None:
            from boneage_desk.cli import gui

            options.paths, options.demo = [], False
            return gui.run(options, app)
        return int(options.run(options, app))
    except SystemExit as end:  # --help and --version
        return int(end.code or 0)
    except KeyboardInterrupt:
        return _failed(Cancelled("Stopped."), options, CANCELLED)
    except Cancelled as error:
        return _failed(error, options, CANCELLED)
    except (InputError, StandardError) as error:
        return _failed(error, options, USAGE)
    except BoneAgeError as error:
        return _failed(error, options, FAILED)
    except BrokenPipeError:
        # the reader of our output went away; keep Python from complaining at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:
        return _bug(error, options)


def _with_passphrase(app: App, fd: int | None) -> App:
    """The program with the passphrase of its data base, where one was given."""
    if fd is None:
        return app
    from dataclasses import replace
    from functools import partial

    from boneage_desk.cli.secret import secret

    return replace(app, services=partial(app.services, passphrase=secret("store", fd)))


def _data_dir(given: str | None) -> Path:
    try:
        folder = paths.data_dir(given)
    except OSError as error:
        raise StoreError(
            f"The data folder cannot be made ({error.strerror}: {error.filename}).",
            "Name another with --data-dir or BONEAGE_DESK_DATA.",
            code="data-folder",
        ) from error
    private.tighten_data(folder)
    private.sweep(folder, time.time())
    return folder


def _failed(error: BoneAgeError, options: argparse.Namespace, code: int) -> int:
    """One line on stderr, and where JSON was asked for on stdout, the same as an object."""
    output.complain(error)
    # a command that has printed its own object says so
    if _json_on_stdout(options) and not getattr(options, "printed", False):
        output.emit({"error": {"code": error.code, "message": str(error)}})
    return code


def _json_on_stdout(options: argparse.Namespace) -> bool:
    wanted = getattr(options, "json", None)
    return wanted is True or wanted == output.STDOUT


def _bug(error: Exception, options: argparse.Namespace) -> int:
    log = _write_trace(getattr(options, "data_dir", None))
    told = BoneAgeError(
        f"{type(error).__name__}: {error}", f"This is a bug in BoneAge Desk; details are in {log}.", code="bug"
    )
    return _failed(told, options, BUG)


def _write_trace(folder: object) -> str:
    """The trace to the log in the data folder; where that fails, to a temporary file."""
    import logging

    from boneage_desk.common import logs

    if isinstance(folder, Path):
        try:
            logger = logs.configure(folder)
            logger.error("bug\n%s", _trace())
            for handler in logger.handlers:
                handler.flush()
            return str(folder / "boneage-desk.log")
        except OSError:
            logging.lastResort = None
    import tempfile

    with tempfile.NamedTemporaryFile("w", prefix="boneage-desk-", suffix=".log", delete=False) as file:
        file.write(_trace())
    return file.name


def _trace() -> str:
    """Where it happened, without what the error says: that may name a patient, and no log holds one."""
    kind, value, trace = sys.exc_info()
    return "Traceback:\n" + "".join(traceback.format_tb(trace)) + (kind.__name__ if kind is not None else str(value))
