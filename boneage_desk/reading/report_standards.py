"""The report's table of all standards as values: a row for each, one line on why they differ, the nearest plates."""

from __future__ import annotations

from dataclasses import dataclass

from boneage_desk.reading.all_standards import READER, WHOLE_HAND, StandardRow, all_standards
from boneage_desk.reading.report_facts import Words
from boneage_desk.reading.report_result import age_text, span_text
from boneage_desk.reading.session import Reading
from boneage_desk.reading.summary import Summary
from boneage_desk.standards import catalogue

NOTHING = "-"


@dataclass(frozen=True, slots=True)
class StandardLine:
    """One row in words: name and edition, points, bone age or why there is none, bone age minus age."""

    standard: str
    name: str
    score: str
    bone_age: str
    difference: str
    known: bool = True


@dataclass(frozen=True, slots=True)
class StandardsBlock:
    """The table. ``notes``: why the two furthest apart differ, plates, what is left out; one line each."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[StandardLine, ...]
    notes: tuple[str, ...]


def standards_block(reading: Reading, summary: Summary, words: Words) -> StandardsBlock:
    """The table of ``reading`` as it stands."""
    found = all_standards(reading, summary)
    notes = []
    if found.apart is not None:
        older, younger = (catalogue.info(one).name for one in (found.apart.older, found.apart.younger))
        reason = words(f"standards.reason.{found.apart.reason}")
        notes.append(
            words("standards.apart", older=older, younger=younger, months=f"{found.apart.months:.0f}", reason=reason)
        )
    if found.plates:
        plates = words("join").join(age_text(plate.bone_age, words) for plate in found.plates)
        notes.append(words("standards.plates", plates=plates))
    notes.append(words("standards.carpal"))
    return StandardsBlock(
        title=words("standards"),
        columns=tuple(words(f"standards.col.{key}") for key in ("standard", "score", "bone_age", "difference")),
        rows=tuple(_line(row, words) for row in found.rows),
        notes=tuple(notes),
    )


def _line(row: StandardRow, words: Words) -> StandardLine:
    key = "standards.name"
    if row.bone_age is not None:
        key = {WHOLE_HAND: "standards.whole_hand", READER: "standards.reader"}.get(row.origin, key)
    name = words(key, name=row.name, edition=row.edition)
    if row.bone_age is None:
        return StandardLine(row.standard, name, NOTHING, words(f"standards.why.{row.why_not}"), NOTHING, known=False)
    return StandardLine(
        row.standard,
        name,
        NOTHING if row.score is None else str(row.score),
        age_text(row.bone_age, words),
        _against_age(row, words),
    )


def _against_age(row: StandardRow, words: Words) -> str:
    """'-1 y 1 m, delayed': the difference to the age and what the rule says of it."""
    told = [span_text(row.difference_months, words)] if row.difference_months is not None else []
    if row.conclusion:
        told.append(words(f"conclusion.{row.conclusion}.{row.degree or 'plain'}"))
    return words("comma").join(told) or NOTHING
