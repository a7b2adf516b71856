"""``boneage-desk audit``: check, show or export the audit chain."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from boneage_desk.cli import output
from boneage_desk.cli.app import App
from boneage_desk.cli.station import keeper, private_bytes
from boneage_desk.common.errors import BoneAgeError, InputError
from boneage_desk.common.files import read_small
from boneage_desk.reading import chain
from boneage_desk.reading.ages import parse_date
from boneage_desk.reading.chain import AuditRow
from boneage_desk.reading.ports import Services

LARGEST_EXPORT = 512 << 20
"""Bytes of an export that is checked: about a million rows."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    groups = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    verify = groups.add_parser("verify", help="exit code 0 when nothing was altered; else each broken row is named")
    verify.add_argument("--file", metavar="EXPORT", help="check this export, and that the data base goes on from it")
    verify.add_argument("--alone", action="store_true", help="with --file: look at the export only, not at a data base")
    verify.add_argument("--json", action="store_true", help="one JSON object on stdout")
    show = groups.add_parser("show", help="the rows as a table")
    show.add_argument("--reading", metavar="ID", help="of one reading only; 'station' for events of the station")
    show.add_argument("--since", metavar="DATE", help="from this day on (YYYY-MM-DD)")
    show.add_argument("--who", metavar="ACCOUNT", help="of one account only")
    show.add_argument("--json", action="store_true", help="one JSON object on stdout")
    export = groups.add_parser("export", help="all rows with their hashes, to be kept elsewhere")
    export.add_argument("out", metavar="OUT", help="a .jsonl or .csv file")


def run(options: argparse.Namespace, app: App) -> int:
    if options.what == "verify" and options.file and options.alone:
        return _told(options, *_export(Path(options.file)), "the export")
    services = app.services(options.data_dir)
    try:
        return {"verify": _verify, "show": _show, "export": _write}[options.what](options, services)
    finally:
        services.close()


# ----------------------------------------------------------------------------------------- verify
def _verify(options: argparse.Namespace, services: Services) -> int:
    if options.alone:
        raise InputError("--alone looks at an export.", "Name it with --file.", code="usage")
    rows = list(keeper(services).rows())
    broken = list(services.store().verify())
    if not options.file:
        return _told(options, rows, broken, "the chain")
    export, wrong = _export(Path(options.file))
    wrong = [f"In the export: {words}" for words in wrong]
    return _told(options, rows, broken + wrong + chain.continued(export, rows), "the export and the chain that goes on from it")


def _export(path: Path) -> tuple[list[AuditRow], list[str]]:
    """Rows of an export and what is broken in it."""
    try:
        text = read_small(path, LARGEST_EXPORT).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise InputError(f"The export '{path}' cannot be read ({reason}).", code="export") from None
    rows = chain.parse_export(text, path.name)
    return rows, chain.broken_rows(rows)


def _told(options: argparse.Namespace, rows: Sequence[AuditRow], broken: list[str], what: str) -> int:
    from boneage_desk.cli.main import FAILED, OK

    notes = chain.notes(rows)
    if options.json:
        last = rows[-1].hash if rows else chain.START
        output.emit({"ok": not broken, "rows": len(rows), "last_hash": last, "broken": broken, "notes": notes})
        options.printed = True
    else:
        for words in broken:
            print(f"BROKEN {words}")
        for words in notes:
            print(f"note   {words}")
        if not broken:
            print(f"{len(rows)} audit rows: {what} whole")
    if broken:
        output.complain(BoneAgeError(f"{len(broken)} faults: {broken[0]}", "Look at the last good backup.", code="audit"))
    return FAILED if broken else OK


# ------------------------------------------------------------------------------------------- show
def _show(options: argparse.Namespace, services: Services) -> int:
    rows = list(keeper(services).rows())
    wanted = chain.STATION if options.reading == "station" else options.reading
    since = datetime.combine(parse_date(options.since), datetime.min.time()).astimezone() if options.since else None
    shown = [
        row
        for row in rows
        if (wanted is None or row.reading_id == wanted)
        and (since is None or row.time >= since)
        and (not options.who or row.who == options.who)
    ]
    seqs = {f"Audit row {row.seq} " for row in shown}
    notes = [words for words in chain.notes(rows) if any(words.startswith(seq) for seq in seqs)]
    if options.json:
        output.emit({"rows": [dict(zip(chain.FIELDS, row.values(), strict=True)) for row in shown], "notes": notes})
        return 0
    for line in table(shown):
        print(line)
    for words in notes:
        print(f"note: {words}")
    return 0


def table(rows: Sequence[AuditRow]) -> list[str]:
    """Rows in columns, the newest last, with a heading."""
    cells: list[tuple[str, ...]] = [("row", "time", "who", "reading", "action", "what")]
    for row in rows:
        change = f"{row.before} -> {row.after}" if row.before and row.after else row.before or row.after
        what = ": ".join(part for part in (row.detail, change) if part)
        cells.append(
            (
                str(row.seq), row.time.astimezone().strftime("%Y-%m-%d %H:%M:%S"), row.who,
                row.reading_id[:12] if row.reading_id else "station", row.action, " ".join(what.split()),
            )  # fmt: skip
        )
    # nothing that a person typed may move the cursor
    cells = [tuple("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in cell) for cell in line) for line in cells]
    widths = [max(len(line[i]) for line in cells) for i in range(5)]
    return ["  ".join([*(text.ljust(width) for text, width in zip(line[:5], widths, strict=True)), line[5]]).rstrip() for line in cells]


# ----------------------------------------------------------------------------------------- export
def _write(options: argparse.Namespace, services: Services) -> int:
    path = Path(options.out)
    writers = {".jsonl": chain.to_jsonl, ".csv": chain.to_csv}
    writer = writers.get(path.suffix.lower())
    if writer is None:
        raise InputError(f"'{path.name}' is neither .jsonl nor .csv.", "Name one of them.", code="bad-output")
    output.check_target(options.out, path.suffix, [])
    rows = list(keeper(services).rows())
    broken = chain.broken_rows(rows)
    if broken:
        raise BoneAgeError(f"The chain is broken: {broken[0]}", "See: boneage-desk audit verify", code="audit")
    private_bytes(writer(rows).encode("utf-8"), path)
    print(f"{len(rows)} audit rows written to {path}")
    output.note("The export holds patient data (facts entered, comments): keep it as you keep the readings.")
    return 0
