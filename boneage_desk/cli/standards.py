"""``boneage-desk standards``: every standard with edition, source, range and certainty, and what is refused."""

from __future__ import annotations

import argparse
import textwrap
from typing import Any

from boneage_desk.cli import output
from boneage_desk.cli.app import App
from boneage_desk.standards import catalogue
from boneage_desk.standards.catalogue import StandardInfo
from boneage_desk.standards.tables import PINS
from boneage_desk.standards.types import Sex


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(options: argparse.Namespace, app: App) -> int:
    found = catalogue.standards()
    if options.json:
        output.emit({"standards": [_row(one) for one in found], "refused": dict(catalogue.REFUSED)})
        return 0
    print("\n\n".join(_words(one) for one in found))
    print("\nNot given:")
    for name, why in catalogue.REFUSED.items():
        print(textwrap.fill(f"{name}: {why}", 100, initial_indent="  ", subsequent_indent="    "))
    return 0


def _row(one: StandardInfo) -> dict[str, Any]:
    return {
        "standard": one.standard,
        "name": one.name,
        "edition": one.edition,
        "needs": one.needs,
        "bones": list(one.bones),
        "from_13_grades": one.derived,
        "population": one.population,
        "range_months": {sex.value: [one.lowest[sex].months, one.highest[sex].months] for sex in Sex},
        "use": one.use,
        "certainty": one.certainty,
        "sources": list(one.sources),
        "table": f"{one.table}.json",
        "sha256": PINS[one.table],
    }


def _words(one: StandardInfo) -> str:
    lines = [
        ("edition", one.edition),
        ("needs", one.needs),
        ("range", f"boys {one.range_text(Sex.MALE)}; girls {one.range_text(Sex.FEMALE)}"),
        ("children", one.population),
        ("use", one.use),
        ("certainty", one.certainty),
        ("source", "; ".join(one.sources)),
        ("table", f"{one.table}.json, SHA-256 {PINS[one.table][:12]}"),
    ]
    body = [
        textwrap.fill(f"{key + ':':<11}{value}", 100, initial_indent="  ", subsequent_indent=" " * 13) for key, value in lines
    ]
    return "\n".join([f"{one.standard}  {one.name}", *body])
