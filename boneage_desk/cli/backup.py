"""``boneage-desk backup``: a copy of the data base that was read again before it counts."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from boneage_desk.cli import output
from boneage_desk.cli.app import App
from boneage_desk.cli.station import keeper
from boneage_desk.common.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", metavar="TARGET", help="a folder, for a copy under a dated name; or the new file's name")
    parser.add_argument("--keep", type=int, metavar="N", help="in a folder: keep the newest N of this station's copies")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(options: argparse.Namespace, app: App) -> int:
    target = Path(options.target)
    if options.keep is not None and options.keep < 1:
        raise InputError(f"--keep {options.keep} would keep none.", "Keep at least 1.", code="usage")
    if options.keep is not None and not target.is_dir():
        raise InputError("--keep needs a folder, and that is none.", "Make it, or leave --keep out.", code="usage")
    if not target.is_dir() and (options.target.endswith(os.sep) or not target.parent.is_dir()):
        raise InputError(f"There is no folder for '{target}'.", "Make it first.", code="bad-output")
    services = app.services(options.data_dir)
    try:
        made = keeper(services).backup(target, at=services.now(), who=services.who(), keep=options.keep)
    finally:
        services.close()
    if options.json:
        output.emit(
            {
                "path": str(made.path), "readings": made.readings, "audit_rows": made.rows, "sha256": made.sha256,
                "removed": [str(path) for path in made.removed], "newer_readings": list(made.newer),
            }
        )  # fmt: skip
        return 0
    if made.newer:
        ids = ", ".join(made.newer[:3]) + (f" and {len(made.newer) - 3} more" if len(made.newer) > 3 else "")
        output.note(f"Copied as they are, but written by a newer version of BoneAge Desk and not looked into: {ids}")
    print(f"written and read again: {made.path}, {made.readings} readings, {made.rows} audit rows, sha256 {made.sha256}")
    for path in made.removed:
        print(f"removed: {path}")
    return 0
