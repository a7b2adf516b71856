"""``boneage-desk restore``: a backup takes the data base's place, and what was there stays beside it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from boneage_desk.cli import output
from boneage_desk.cli.app import App
from boneage_desk.cli.station import keeper
from boneage_desk.common.errors import BoneAgeError, InputError
from boneage_desk.reading.station import StationKeeper


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a backup")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(options: argparse.Namespace, app: App) -> int:
    if not options.yes:
        _ask(options.file, options.data_dir)
    services = app.services(options.data_dir)
    try:
        # nothing here may open the store: a restore needs it closed
        station = keeper(services)
        sealed = _encrypted(station)
        done = station.restore(Path(options.file), at=services.now(), who=services.who())
        if sealed and not _encrypted(station):
            output.note("What was there was encrypted, and this is in clear: boneage-desk encrypt on")
    finally:
        services.close()
    if options.json:
        output.emit(
            {
                "restored": options.file, "kept": str(done.kept) if done.kept else None, "readings": done.readings,
                "audit_rows": done.rows, "migrated": list(done.migrated),
            }
        )  # fmt: skip
        return 0
    print(f"restored: {done.readings} readings, {done.rows} audit rows")
    if done.migrated:
        print(f"brought to this version: {', '.join(done.migrated)}")
    if done.kept is not None:
        print(f"what was there before lies at {done.kept}")
    return 0


def _encrypted(station: StationKeeper) -> bool:
    """Whether the data base is encrypted; False for one that cannot be read."""
    try:
        return station.encryption().on
    except BoneAgeError:
        return False


def _ask(file: str, folder: Path) -> None:
    if not sys.stdin.isatty():
        raise InputError("A restore replaces all readings of this station.", "Say --yes to do it.", code="not-confirmed")
    print(f"All readings in {folder} are replaced by those of {file}. What is there now is kept beside it.")
    if input("Go on? Type yes: ").strip().lower() != "yes":
        raise InputError("Nothing was changed.", code="not-confirmed")
