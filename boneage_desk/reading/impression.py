"""Templates for the impression: a site's own sentences with places for the facts of the reading.

Kept as ``impressions.json`` in the data folder: ``{"version": 1, "templates": [{"title": {"en": ..., "zh": ...},
"text": {"en": ..., "zh": ...}}]}``; docs/report.md lists the places.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from boneage_desk.common.errors import InputError
from boneage_desk.reading.assessment import Command, Filled, Reading
from boneage_desk.reading.report_both import languages
from boneage_desk.reading.report_facts import Words, examination_facts, patient_facts
from boneage_desk.reading.report_result import age_text, headline_note, results, span_text
from boneage_desk.reading.report_texts import LANGUAGES
from boneage_desk.reading.summary import Summary, summarise
from boneage_desk.standards import rus_chn

FILE_NAME = "impressions.json"
VERSION = 1
MOST = 60
_PLACE = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Template:
    """One sentence or more. ``titles``, ``texts``: by language; a text has places such as {bone_age}."""

    titles: Mapping[str, str]
    texts: Mapping[str, str]

    def title(self, language: str) -> str:
        """In the window's language, else in any that there is."""
        return self.titles.get(language) or next(iter(self.titles.values()))


def parse(raw: Any) -> tuple[Template, ...]:
    """Templates of the file's content. Raises InputError that names the one that is wrong."""
    listed = raw.get("templates") if isinstance(raw, dict) else None
    if not isinstance(listed, list) or raw.get("version") != VERSION or len(listed) > MOST:
        raise _wrong(f"It needs 'version' {VERSION} and a list 'templates' of at most {MOST}")
    return tuple(_template(item, number) for number, item in enumerate(listed, 1))


def _template(item: Any, number: int) -> Template:
    parts = []
    for name in ("title", "text"):
        part = item.get(name) if isinstance(item, dict) else None
        if not isinstance(part, dict) or not part or any(
            key not in LANGUAGES or not isinstance(value, str) or not value.strip() for key, value in part.items()
        ):
            raise _wrong(f"Template {number} has no '{name}' with words for {' or '.join(LANGUAGES)}")
        parts.append(dict(part))
    for text in parts[1].values():
        for place in _PLACE.findall(text):
            if place not in PLACES:
                raise _wrong(f"Template {number} has the place {{{place}}}; known are {', '.join(sorted(PLACES))}")
    return Template(*parts)


def _wrong(why: str) -> InputError:
    return InputError(f"The templates of the impression cannot be used. {why}.", f"Mend or delete {FILE_NAME}.", code="templates")


def fill(template: Template, reading: Reading, language: str) -> str:
    """The text with the reading's facts in its places, in the report's language ('en+zh': one after the other). A fact that
    is not known is said to be unknown, in square brackets."""
    return _fill(template.texts, reading, language)


def filled(template: Template, reading: Reading, language: str) -> Filled:
    """:func:`fill`, with what it was filled from: so the reading can tell when its figures are no longer those."""
    return Filled(tuple(template.texts.items()), language, fill(template, reading, language))


def stale(reading: Reading) -> tuple[Filled, ...]:
    """What templates put into the impression, stands there as it was put, and would read differently now."""
    there = (one for one in reading.filled if one.words in reading.impression)
    return tuple(one for one in there if _fill(dict(one.texts), reading, one.language) != one.words)


@dataclass(frozen=True, slots=True)
class RefillImpression(Command):
    """The templates' sentences in the impression with the figures of now; what a person wrote stays."""

    action = "refill-impression"

    def apply(self, reading: Reading) -> Reading:
        text, made = reading.impression, []
        for one in reading.filled:
            now = dataclasses.replace(one, words=_fill(dict(one.texts), reading, one.language))
            text = text.replace(one.words, now.words)
            made.append(now)
        return dataclasses.replace(reading, impression=text, filled=tuple(one for one in dict.fromkeys(made) if one.words in text))

    def describe(self, before: Reading, after: Reading) -> tuple[str, str, str]:
        return "impression", before.impression, after.impression


def _fill(texts: Mapping[str, str], reading: Reading, language: str) -> str:
    summary = summarise(reading)
    lines = []
    for one in languages(language):
        text = texts.get(one)
        if text is not None:
            lines.append(_filled(text, reading, summary, Words(one)))
    if not lines:
        raise InputError(f"The template has no words in '{language}'.", f"Write them in {FILE_NAME}.", code="templates")
    return "\n".join(dict.fromkeys(lines)).replace("\N{NO-BREAK SPACE}", " ")  # as a text field gives it back


def _filled(text: str, reading: Reading, summary: Summary, words: Words) -> str:
    return _PLACE.sub(lambda found: _fact(found.group(1), reading, summary, words), text)


def _fact(place: str, reading: Reading, summary: Summary, words: Words) -> str:
    found = PLACES[place](reading, summary, words)
    return found or f"[{words('not_recorded')}]"


def _of(key: str) -> Callable[[Reading, Summary, Words], str]:
    """The value of a fact of the report, '' where it is not known."""

    def value(reading: Reading, summary: Summary, words: Words) -> str:
        facts = (*patient_facts(reading, summary, words), *examination_facts(reading, words))
        return next((fact.value for fact in facts if fact.key == key and fact.known), "")

    return value


def _bone_age(_reading: Reading, summary: Summary, words: Words) -> str:
    return age_text(summary.bone_age, words) if summary.bone_age is not None else f"[{words('bone_age.none')}]"


def _interval(reading: Reading, summary: Summary, words: Words) -> str:
    if summary.interval_months is None:
        return ""
    low, high = (words.years_months(months) for months in summary.interval_months)
    high = words("or_more", age=high) if summary.interval_open else high
    return words("to", low=low, high=high)


def _why(reading: Reading, summary: Summary, words: Words) -> str:
    return headline_note(reading, summary, words) if summary.bone_age is None else ""


def _age(_reading: Reading, summary: Summary, words: Words) -> str:
    """The chronological age, and the corrected one with which the bone age is compared."""
    if summary.chronological_months is None:
        return ""
    age = words.years_months(summary.chronological_months)
    corrected = summary.corrected_months
    return age if corrected is None else words("age.corrected", age=age, corrected=words.years_months(corrected))


def _result(key: str) -> Callable[[Reading, Summary, Words], str]:
    """The value of a line of the report's result, '' where it is not known."""

    def value(reading: Reading, summary: Summary, words: Words) -> str:
        return next((fact.value for fact in results(reading, summary, words, "") if fact.key == key and fact.known), "")

    return value


PLACES: Mapping[str, Callable[[Reading, Summary, Words], str]] = {
    "bone_age": _bone_age,
    "age": _age,
    "conclusion": _result("conclusion"),
    "normal_range": _result("normal_range"),
    "difference": lambda _reading, summary, words: (
        span_text(summary.difference_months, words) if summary.difference_months is not None else ""
    ),
    "interval": _interval,
    "why_not": _why,
    "score": lambda _reading, summary, _words: str(summary.score) if summary.score is not None else "",
    "method": lambda reading, _summary, _words: rus_chn.NAME if reading.standard == rus_chn.STANDARD_ID else reading.standard,
    "sex": _of("sex"),
    "side": _of("side"),
    "study_date": _of("study_date"),
}
"""What may stand in a template, and how it is worked out."""

DEFAULTS: Mapping[str, Any] = {
    "version": VERSION,
    "templates": [
        {
            "title": {"en": "Bone age", "zh": "骨龄"},
            "text": {
                "en": "Bone age {bone_age} by {method} at a chronological age of {age}.",
                "zh": "生活年龄 {age}，按 {method} 评定骨龄为 {bone_age}。",
            },
        },
        {
            "title": {"en": "Bone age and difference", "zh": "骨龄及差值"},
            "text": {
                "en": "Bone age {bone_age} by {method} at a chronological age of {age}: difference {difference}.",
                "zh": "生活年龄 {age}，按 {method} 评定骨龄为 {bone_age}，相差 {difference}。",
            },
        },
        {
            "title": {"en": "No bone age", "zh": "无骨龄结果"},
            "text": {"en": "No bone age is given. {why_not}", "zh": "不予给出骨龄。{why_not}"},
        },
        {
            "title": {"en": "Film not sufficient", "zh": "影像不合格"},
            "text": {
                "en": "The film of {study_date} does not allow a reliable reading; a repeat film is needed.",
                "zh": "{study_date} 的影像无法可靠评定，需重新摄片。",
            },
        },
        {
            "title": {"en": "Other findings", "zh": "其他所见"},
            "text": {"en": "Other findings on the film: ___", "zh": "影像其他所见：___"},
        },
        {
            "title": {"en": "Control", "zh": "复查"},
            "text": {"en": "A control film is suggested in ___ months.", "zh": "建议 ___ 个月后复查。"},
        },
    ],
}
"""The templates of a station that has no file of its own."""
