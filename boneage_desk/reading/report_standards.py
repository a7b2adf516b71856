"""The report's table of all standards as values: a row for each, one line on why they differ, the nearest plates."""

from __future__ import annotations

from dataclasses import dataclass

from boneage_desk.reading.all_standards import READER, WHOLE_HAND, StandardRow, all_standards
from boneage_desk.reading.reference import reference_of
from boneage_desk.reading.report_facts import Words
from boneage_desk.reading.report_result import age_text, span_text
from boneage_desk.reading.session import Reading
from boneage_desk.reading.summary import Summary
from boneage_desk.standards import catalogue, rus_chn
from boneage_desk.standards.types import Sex, whole_months

NOTHING = "-"


@dataclass(frozen=True, slots=True)
class StandardLine:
    """One row in words: name and edition, points, bone age or why there is none, bone age minus age. ``site``: it is the
    standard of the site, where that is not the report's own."""

    standard: str
    name: str
    score: str
    bone_age: str
    difference: str
    known: bool = True
    site: bool = False


@dataclass(frozen=True, slots=True)
class StandardsBlock:
    """The table. ``notes``: what the site's standard says, why the two furthest apart differ, plates, what is left out; one line each."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[StandardLine, ...]
    notes: tuple[str, ...]


def standards_block(reading: Reading, summary: Summary, words: Words) -> StandardsBlock:
    """The table of ``reading`` as it stands."""
    found = all_standards(reading, summary)
    notes = []
    if found.site != rus_chn.STANDARD_ID:
        notes.append(_site_note(found.row(found.site), summary, reading.patient.sex, words))
    if found.apart is not None:
        older, younger = (catalogue.info(one).name for one in (found.apart.older, found.apart.younger))
        reason = words(f"standards.reason.{found.apart.reason}")
        notes.append(
            words("standards.apart", older=older, younger=younger, months=str(whole_months(found.apart.months)), reason=reason)
        )
    if found.plates:
        plates = words("join").join(age_text(plate.bone_age, words) for plate in found.plates)
        notes.append(words("standards.plates", plates=plates))
    notes.append(words("standards.carpal"))
    return StandardsBlock(
        title=words("standards"),
        columns=tuple(words(f"standards.col.{key}") for key in ("standard", "score", "bone_age", "difference")),
        rows=tuple(_line(row, words, row.standard == found.site != rus_chn.STANDARD_ID) for row in found.rows),
        notes=tuple(notes),
    )


def _site_note(row: StandardRow, summary: Summary, sex: Sex | None, words: Words) -> str:
    """The bone age by the site's standard with what the named table says of it, or that there is none."""
    if row.bone_age is None:
        return words("standards.site.none", name=row.name, why=words(f"standards.why.{row.why_not}"))
    told = [words("named", name=row.name, text=age_text(row.bone_age, words))]
    against = _against_age(row, words)
    if against != NOTHING:
        told.append(against)
    found = reference_of(summary, sex)
    if found is not None and found.sd_months is not None and row.difference_months is not None:
        score, sd = f"{row.difference_months / found.sd_months + 0.0:+.1f}", f"{found.sd_months:.1f}"
        if found.mean_months is None:
            told.append(words("standards.site.sd", score=score, name=found.name, sd=sd))
        else:
            mean = words.years_months(found.mean_months)
            told.append(words("standards.site.mean", score=score, name=found.name, mean=mean, sd=sd))
    return words("standards.site.note", told=words("join").join(told))


def _line(row: StandardRow, words: Words, site: bool = False) -> StandardLine:
    key = "standards.name"
    if row.bone_age is not None:
        key = {WHOLE_HAND: "standards.whole_hand", READER: "standards.reader"}.get(row.origin, key)
    name = words(key, name=row.name, edition=row.edition)
    if site:
        name = words("standards.site", name=name)
    if row.bone_age is None:
        why = words(f"standards.why.{row.why_not}")
        return StandardLine(row.standard, name, NOTHING, why, NOTHING, known=False, site=site)
    return StandardLine(
        row.standard,
        name,
        NOTHING if row.score is None else str(row.score),
        age_text(row.bone_age, words),
        _against_age(row, words),
        site=site,
    )


def _against_age(row: StandardRow, words: Words) -> str:
    """'-1 y 1 m, delayed': the difference to the age and what the rule says of it."""
    told = [span_text(row.difference_months, words)] if row.difference_months is not None else []
    if row.conclusion:
        told.append(words(f"conclusion.{row.conclusion}.{row.degree or 'plain'}"))
    return words("comma").join(told) or NOTHING
