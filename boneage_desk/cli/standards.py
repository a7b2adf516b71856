"""``boneage-desk standards``: every standard, growth reference and method of adult height with edition, source,
range and certainty, and what is refused."""

from __future__ import annotations

import argparse
import textwrap
from typing import Any

from boneage_desk.cli import output
from boneage_desk.cli.app import App
from boneage_desk.standards import catalogue, growth_catalogue
from boneage_desk.standards.catalogue import StandardInfo
from boneage_desk.standards.growth_catalogue import TableInfo
from boneage_desk.standards.tables import PINS
from boneage_desk.standards.types import Sex


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(options: argparse.Namespace, app: App) -> int:
    found = catalogue.standards()
    if options.json:
        output.emit(
            {
                "standards": [_row(one) for one in found],
                "refused": dict(catalogue.REFUSED),
                "growth_references": [_table(one) for one in growth_catalogue.references()],
                "adult_height": [_table(one) for one in growth_catalogue.height_methods()],
            }
        )
        return 0
    print("\n\n".join(_words(one) for one in found))
    for title, tables in (
        ("Growth references", growth_catalogue.references()), ("Adult height", growth_catalogue.height_methods()),
    ):  # fmt: skip
        print(f"\n{title}:\n")
        print("\n\n".join(_table_words(one) for one in tables))
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


def _table(one: TableInfo) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "needs": one.needs,
        "range_months": None if one.ages is None else {sex.value: list(one.ages[sex]) for sex in Sex},
        "source": one.source,
        "certainty": one.certainty,
        "table": f"{one.table}.json",
        "sha256": PINS[one.table],
    }


def _table_words(one: TableInfo) -> str:
    lines = [
        ("needs", one.needs),
        ("range", one.range_text),
        ("source", one.source),
        ("certainty", one.certainty),
        ("table", f"{one.table}.json, SHA-256 {PINS[one.table][:12]}"),
    ]
    return "\n".join([f"{one.id}  {one.name}", *_body(lines)])


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
    return "\n".join([f"{one.standard}  {one.name}", *_body(lines)])


def _body(lines: list[tuple[str, str]]) -> list[str]:
    return [
        textwrap.fill(f"{key + ':':<11}{value}", 100, initial_indent="  ", subsequent_indent=" " * 13) for key, value in lines
    ]
