"""What the page of an addendum says, as one frozen value."""

from __future__ import annotations

from dataclasses import dataclass

from boneage_desk.common.errors import InputError
from boneage_desk.reading.report_both import both, languages
from boneage_desk.reading.report_facts import Words, patient_facts
from boneage_desk.reading.report_seal import report_revision, signed_line
from boneage_desk.reading.report_values import Fact, clean
from boneage_desk.reading.session import Reading
from boneage_desk.reading.signature import REPORT, Signature
from boneage_desk.reading.summary import summarise


@dataclass(frozen=True, slots=True)
class AddendumContent:
    """``facts``: whose film, and which report. ``signed``: who says so, in what role, when."""

    title: str
    site: str
    notices: tuple[str, ...]
    facts: tuple[Fact, ...]
    text_title: str
    text: str
    signed: str


def addendum_content(
    reading: Reading, signature: Signature, *, language: str = "en", site_name: str = ""
) -> AddendumContent:
    """``language``: 'en', 'zh' or 'en+zh'. Raises InputError 'no-text' for an addendum that says nothing, and for an
    unknown language."""
    if not clean(signature.text, lines=True):
        raise InputError("An addendum needs words.", "Write what has to be said.", code="no-text")
    return both([_content(reading, signature, Words(one), site_name) for one in languages(language)])


def _content(reading: Reading, signature: Signature, words: Words, site_name: str) -> AddendumContent:
    study, source = reading.study, reading.source
    known = {fact.key: fact for fact in patient_facts(reading, summarise(reading), words)}
    first = next((one for one in reading.signatures if one.number == REPORT), None)
    report = words("reading.value", id=clean(reading.reading_id), revision=report_revision(reading))
    facts = (
        *(known[key] for key in ("name", "patient_id", "sex", "birth_date")),
        words.fact("study_date", study.study_date.isoformat() if study.study_date else ""),
        words.fact("accession", clean(study.accession)),
        words.fact("film_hash", clean(source.sha256)),
        Fact("report", words("addendum.report"), report),
        words.fact("report_signed", signed_line(first, words) if first is not None else ""),
    )
    number = signature.number - REPORT
    return AddendumContent(
        title=words("addendum.title", number=number),
        site=clean(site_name),
        notices=(words("synthetic"),) if study.synthetic else (),
        facts=facts,
        text_title=words("addendum.number", number=number),
        text=clean(signature.text, lines=True),
        signed=signed_line(signature, words),
    )
