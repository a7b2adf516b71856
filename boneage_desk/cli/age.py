"""Options of the child's age and of the conclusion: an estimated birth date, a premature birth, the rule."""

from __future__ import annotations

import argparse

from boneage_desk.common.errors import InputError
from boneage_desk.common.settings import CONCLUSION_RULES
from boneage_desk.reading.ages import AgeBasis, BirthPrecision, parse_gestation
from boneage_desk.reading.assessment import Reading
from boneage_desk.reading.reference import reference_of
from boneage_desk.reading.summary import Summary
from boneage_desk.standards.types import years_months


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--birth-date-known-to", choices=[one.value for one in BirthPrecision],
        help="an estimated birth date: only its month or year is known (else day)",
    )  # fmt: skip
    parser.add_argument("--pregnancy", metavar="WEEKS+DAYS", help="its duration at birth, e.g. 30+4")
    parser.add_argument(
        "--correct-prematurity", action="store_true",
        help="compare with the age from term: born before 37 weeks, until 3 years of age; the report says so",
    )  # fmt: skip
    parser.add_argument("--rule", choices=CONCLUSION_RULES, help="of the conclusion (else as set)")


def basis(options: argparse.Namespace) -> AgeBasis | None:
    """What the options say; None where they say nothing. InputError when a correction lacks the pregnancy."""
    known, weeks, correct = options.birth_date_known_to, options.pregnancy, options.correct_prematurity
    if correct and not weeks:
        raise InputError(
            "The age cannot be corrected without the duration of pregnancy.", "Give it with --pregnancy.", code="usage"
        )
    if not known and not weeks:
        return None
    return AgeBasis(BirthPrecision(known or "day"), parse_gestation(weeks) if weeks else None, correct)


def corrected_words(summary: Summary) -> str:
    """What follows the chronological age: the corrected one, and the span of an estimated birth date."""
    said = "" if summary.corrected_months is None else f", corrected {years_months(summary.corrected_months)}"
    if summary.age_span_months is not None:
        low, high = (years_months(months) for months in summary.age_span_months)
        said += f", birth date estimated: {low} to {high}"
    return said


def conclusion_lines(reading: Reading, summary: Summary) -> list[str]:
    """The conclusion with its rule; nothing without a bone age or a reference."""
    found = reference_of(summary, reading.patient.sex)
    if found is None or summary.bone_age is None:
        return []
    how = {"slight": "slightly ", "clear": "clearly "}.get(found.degree, "")
    low, high = years_months(max(0.0, found.low_months)), years_months(found.high_months)
    return [f"conclusion {how}{found.conclusion or 'open'} ({found.rule}: normal {low} to {high})"]
