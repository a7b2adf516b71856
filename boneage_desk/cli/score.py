"""``boneage-desk score``: grades to score and bone age by a standard, and against an age; with no film."""

from __future__ import annotations

import argparse
from typing import Any

from boneage_desk.cli import output
from boneage_desk.cli.app import App
from boneage_desk.cli.grades import ALL, Scored, parse_grades, scored
from boneage_desk.common.errors import InputError
from boneage_desk.standards import catalogue
from boneage_desk.standards.rules import DEFAULT, Rule, conclude, normal_range
from boneage_desk.standards.types import Qualifier, Sex, years_months

__all__ = ["add_arguments", "parse_grades", "run"]
MOST_MONTHS = 300.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    names = ", ".join(one.standard for one in catalogue.standards())
    parser.add_argument(
        "--standard", required=True, metavar="NAME", help=f"{names}; all: by each that 13 RUS-CHN grades feed"
    )
    parser.add_argument("--sex", required=True, metavar="M|F")
    parser.add_argument(
        "--grades",
        required=True,
        metavar="BONE=GRADE,...",
        help="all bones; a plain number is always the index into the RUS-CHN table (0: not there yet), a printed name with "
        "brackets such as 7(0) is that name, for TW a letter A to I is the stage; chn-1988: CHN's own numbers of its 14 "
        "bones; greulich-pyle: plate=12, or plate=12-13 for a hand between two",
    )
    parser.add_argument("--age-months", type=float, metavar="N", help="the child's age: difference and conclusion too")
    parser.add_argument(
        "--rule", metavar="RULE", help=f"of the conclusion: {', '.join(Rule)} (else {DEFAULT})"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(options: argparse.Namespace, app: App) -> int:
    sex = Sex.parse(options.sex)
    if options.rule and options.age_months is None:
        raise InputError("A rule needs the child's age.", "Give it with --age-months.", code="usage")
    rule = Rule.parse(options.rule) if options.rule else DEFAULT
    age = options.age_months
    if age is not None and not 0 <= age <= MOST_MONTHS:
        raise InputError(f"{age} months is no age of a child.", f"Give 0 to {MOST_MONTHS:.0f} months.", code="bad-age")
    found = scored(options.standard, options.grades, sex)
    if not options.json:
        for one in found:
            print(_words(one, age, sex, rule))
        return 0
    rows = [_row(one, age, sex, rule) for one in found]
    if options.standard == ALL:
        read = rows[0].pop("grades")
        for row in rows[1:]:
            row.pop("grades")
        output.emit({"standard": ALL, "sex": sex.value, "grades": read, "standards": rows})
    else:
        output.emit(rows[0])
    return 0


def _row(one: Scored, ca_months: float | None, sex: Sex, rule: Rule) -> dict[str, Any]:
    row: dict[str, Any] = {
        "standard": one.standard,
        "edition": catalogue.info(one.standard).edition,
        "sex": sex.value,
        **one.read,
        "score": one.score,
        "bone_age_months": round(one.bone_age.months, 2),
        "qualifier": one.bone_age.qualifier.value,
    }
    if ca_months is None:
        return row
    normal = normal_range(rule, ca_months, sex)
    word, degree = conclude(rule, one.bone_age, ca_months, sex)
    apart = one.bone_age.months - ca_months if one.bone_age.qualifier is Qualifier.POINT else None
    sd = None if normal is None else normal.sd_months
    return {
        **row,
        "chronological_age_months": ca_months,
        "difference_months": None if apart is None else round(apart, 2),
        "rule": rule.value,
        "normal_range_months": None if normal is None else [round(normal.low_months, 2), round(normal.high_months, 2)],
        "sd_months": sd if sd is None else round(sd, 2),
        "sd_score": None if apart is None or sd is None else round(apart / sd, 2),
        "conclusion": word.value or None,
        "degree": degree.value or None,
    }


def _words(one: Scored, ca_months: float | None, sex: Sex, rule: Rule) -> str:
    info = catalogue.info(one.standard)
    points = "" if one.score is None else f"score {one.score}, "
    said = f"{info.name}: {points}bone age {one.bone_age.text}"
    if ca_months is None:
        return said
    normal = normal_range(rule, ca_months, sex)
    if normal is None:
        return f"{said}; at {years_months(ca_months)} the table of {rule} has no SD: no conclusion"
    word, degree = conclude(rule, one.bone_age, ca_months, sex)
    low, high = years_months(max(0.0, normal.low_months)), years_months(normal.high_months)
    how = {"slight": "slightly ", "clear": "clearly "}.get(degree.value, "")
    return f"{said}; at {years_months(ca_months)} {how}{word.value or 'open'} ({rule}: normal {low} to {high})"
