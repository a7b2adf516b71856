"""Who and what the report is about, line by line, and the words of one language."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from boneage_desk.reading.ages import CORRECTED_UNTIL_MONTHS, PRETERM_DAYS, gestation_text
from boneage_desk.reading.analysis import Flag
from boneage_desk.reading.film import Laterality
from boneage_desk.reading.report_texts import has, text
from boneage_desk.reading.report_values import Fact, clean, person
from boneage_desk.reading.session import Reading
from boneage_desk.reading.summary import Summary
from boneage_desk.standards import rus_chn


@dataclass(frozen=True, slots=True)
class Words:
    """The report's words in one language: ``words("score")``."""

    language: str

    def __call__(self, key: str, /, **values: object) -> str:
        return text(self.language, key, **values)

    def years_months(self, months: float) -> str:
        """'10 y 6 m' for 126.2: the nearest whole month, as everywhere in the program."""
        whole = math.floor(abs(months) + 0.5)
        return self("years_months", years=whole // 12, months=whole % 12)

    def moment(self, at: datetime) -> str:
        """'2026-03-02 14:05 +08:00'; the zone is left out when the clock gave none."""
        zone = at.strftime("%z")
        return at.strftime("%Y-%m-%d %H:%M") + (f" {zone[:3]}:{zone[3:5]}" if zone else "")

    def flag(self, flag: Flag) -> str:
        """A flag in words; the program's own message where this language has none for the code."""
        key = f"flag.{flag.code}"
        said = self(key) if has(self.language, key) else clean(flag.message)
        if flag.bone in rus_chn.BONES:
            name = rus_chn.bone_name(flag.bone, self.language)
            if name.lower() not in said.lower() and flag.bone not in said.lower().split():
                said = self("named", name=name, text=said)
        return said

    def fact(self, key: str, value: str) -> Fact:
        """A fact, or 'not recorded' when ``value`` is empty."""
        return Fact(key, self(key), value or self("not_recorded"), known=bool(value))


def patient_facts(reading: Reading, summary: Summary, words: Words) -> tuple[Fact, ...]:
    """Name, id, sex, birth date, age on the study date, referrer."""
    patient = reading.patient
    recorded = clean(patient.sex_as_recorded)
    if patient.sex is not None:
        sex = Fact("sex", words("sex"), words(f"sex.{patient.sex.value}"))
    elif recorded:
        sex = Fact("sex", words("sex"), words("sex.other", recorded=recorded), known=False)
    else:
        sex = words.fact("sex", "")
    return (
        words.fact("name", clean(patient.display_name)),
        words.fact("patient_id", clean(patient.patient_id)),
        sex,
        words.fact("birth_date", patient.birth_date.isoformat() if patient.birth_date else ""),
        _chronological(reading, summary, words),
        words.fact("referrer", person(reading.study.referrer)),
    )


def _chronological(reading: Reading, summary: Summary, words: Words) -> Fact:
    label = words("chronological")
    months = summary.chronological_months
    if months is not None:
        value = f"{words.years_months(months)} ({words('months', months=f'{months:.1f}')})"
        return Fact("chronological", label, value + _premature(reading, summary, words) + _estimated(reading, summary, words))
    if reading.patient.birth_date is None:
        reason = "chronological.no_birth"
    elif reading.study.study_date is None:
        reason = "chronological.no_study"
    else:
        reason = "chronological.conflict"
    return Fact("chronological", label, words(reason), known=False)


def _premature(reading: Reading, summary: Summary, words: Words) -> str:
    """What is said of a premature birth: the corrected age, or that and why there is none."""
    basis, corrected = reading.age_basis, summary.corrected_months
    if basis.gestation_days is None:
        return words("chronological.no_weeks") if basis.correct_prematurity else ""
    if basis.gestation_days >= PRETERM_DAYS:
        return ""
    weeks = gestation_text(basis.gestation_days)
    if corrected is not None:
        return words("chronological.corrected", weeks=weeks, age=words.years_months(corrected), months=f"{corrected:.1f}")
    old = summary.chronological_months is not None and summary.chronological_months >= CORRECTED_UNTIL_MONTHS
    return words("chronological.too_old" if basis.correct_prematurity and old else "chronological.uncorrected", weeks=weeks)


def _estimated(reading: Reading, summary: Summary, words: Words) -> str:
    if summary.age_span_months is None:
        return ""
    low, high = (words.years_months(age) for age in summary.age_span_months)
    return words(f"chronological.estimated.{reading.age_basis.birth_precision.value}", low=low, high=high)


def examination_facts(reading: Reading, words: Words) -> tuple[Fact, ...]:
    """Date, accession, what was asked for, view, side, image quality, institution."""
    study = reading.study
    parts = (clean(study.modality), clean(study.body_part), clean(study.description))
    described = ", ".join(dict.fromkeys(part for part in parts if part))
    if not described and not reading.source.is_dicom:
        described = words("file.raster")
    side = "" if study.laterality is Laterality.UNKNOWN else words(f"side.{study.laterality.value}")
    return (
        words.fact("study_date", study.study_date.isoformat() if study.study_date else ""),
        words.fact("accession", clean(study.accession)),
        words.fact("study", described),
        words.fact("view", clean(study.view)),
        words.fact("side", side),
        _quality(reading, words),
        words.fact("institution", clean(study.institution)),
    )


_QUALITY = ("low_quality", "inverted", "window_nonsense", "window_invalid", "bits_outside")


def _quality(reading: Reading, words: Words) -> Fact:
    """What was said against the film's quality, with the person's answer."""
    label = words("quality")
    doubts = [answered(reading, flag, words) for flag in reading.flags if flag.code in _QUALITY]
    if doubts:
        return Fact("quality", label, " ".join(dict.fromkeys(doubts)))
    if reading.analysed_at is None:
        return Fact("quality", label, words("quality.not_read"), known=False)
    return Fact("quality", label, words("quality.no_doubt"))


def answered(reading: Reading, flag: Flag, words: Words) -> str:
    """A flag in words, and what the person says of it."""
    said = words.flag(flag)
    answer = next((a.words for a in reading.answers if (a.code, a.message) == (flag.code, flag.message)), "")
    return words("flags.answer", text=said, answer=clean(answer)) if clean(answer) else said
