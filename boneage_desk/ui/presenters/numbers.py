"""The numbers strip, the patient banner and the flags, as text."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath

from boneage_desk.common.i18n import mark, said, tr
from boneage_desk.reading.analysis import Flag
from boneage_desk.reading.assessment import Blind
from boneage_desk.reading.reference import ADVANCED, DELAYED, NORMAL, reference_of
from boneage_desk.reading.second_opinion import FLAGS as OPINION_FLAGS
from boneage_desk.reading.session import Reading, State
from boneage_desk.reading.summary import Summary
from boneage_desk.standards import rus_chn
from boneage_desk.ui.presenters import text


@dataclass(frozen=True, slots=True)
class Numbers:
    """Texts of the numbers strip. ``why_not`` is set exactly when ``bone_age`` is empty."""

    score: str
    bone_age: str
    interval: str
    machine: str
    age: str
    difference: str
    why_not: str
    change: str
    sds: str = ""
    conclusion: str = ""
    sds_tip: str = ""
    """Table, mean, SD, normal range and conclusion; or why there is no SD score."""


_CONCLUSIONS = {DELAYED: mark("delayed"), NORMAL: mark("normal"), ADVANCED: mark("advanced")}


def _sds(reading: Reading, summary: Summary) -> tuple[str, str, str]:
    """'+0.2', 'normal', and the tool tip of both."""
    sex = reading.patient.sex
    found = reference_of(summary, sex)
    if found is None:
        if sex is None or summary.chronological_months is None:
            return "", "", tr("No SD score: sex or age are not known.")
        return "", "", tr("No SD score: the table has none at this age.")
    low, high = text.months(max(0.0, found.low_months)), text.months(found.high_months)
    lines = [tr("{name}. Normal range at this age: {low} to {high}.", name=said(found.name), low=low, high=high)]
    if found.mean_months is not None and found.sd_months is not None:
        lines.append(tr("Mean {mean}, SD {sd:.1f} months.", mean=text.months(found.mean_months), sd=found.sd_months))
    word = tr(_CONCLUSIONS[found.conclusion]) if found.conclusion in _CONCLUSIONS else ""
    score = text.signed(found.sd_score) if found.sd_score is not None else ""
    if not word and summary.bone_age is not None:
        lines.append(tr("Delayed, normal or advanced stays open."))
    return score, word, "\n".join(lines)


def numbers(reading: Reading, summary: Summary) -> Numbers:
    bone_age = text.bone_age(summary.bone_age) if summary.bone_age else ""
    interval = ""
    if summary.interval_months is not None:
        low, high = summary.interval_months
        end = "\N{GREATER-THAN OR EQUAL TO} " if summary.interval_open else ""
        interval = f"{text.months(low)} \N{EN DASH} {end}{text.months(high)}"
        if reading.interval is not None:
            interval = f"{reading.interval.coverage:.0%}: {interval}"
    machine = ""
    if summary.machine_bone_age is not None:
        machine = text.bone_age(summary.machine_bone_age)
    elif reading.analysed_at is not None and reading.patient.sex is not None:
        machine = tr("hidden") if reading.blind is Blind.HIDDEN else tr("none")
    age = text.months(summary.chronological_months) if summary.chronological_months is not None else tr("unknown")
    if summary.corrected_months is not None:
        age = tr("{age} corrected", age=text.months(summary.corrected_months))
    sds, conclusion, sds_tip = _sds(reading, summary)
    change = ""
    if summary.change_months is not None and abs(summary.change_months) >= 0.05:
        change = tr("{change_months} m against AI", change_months=text.signed(summary.change_months))
    return Numbers(
        score=str(summary.score) if summary.score is not None else "",
        bone_age=bone_age,
        interval=interval,
        machine=machine,
        age=age,
        difference=text.difference(summary.difference_months) if summary.difference_months is not None else "",
        why_not="" if bone_age else _why_not(reading, summary),
        change=change,
        sds=sds,
        conclusion=conclusion,
        sds_tip=sds_tip,
    )


def _why_not(reading: Reading, summary: Summary) -> str:
    if reading.blind is Blind.HIDDEN and reading.patient.sex is not None and not any(f.blocking for f in summary.flags):
        done = sum(finding.human_grade is not None for finding in reading.bones)
        return tr("Blind reading: {done} of 13 bones are graded.", done=done)
    blocked = reading.analysed_at is None or reading.patient.sex is None or any(f.blocking for f in summary.flags)
    if summary.missing and not blocked:
        names = ", ".join(text.short(bone) for bone in summary.missing)
        return tr("Without a grade: {bones}. Grade what is missing; a missing bone is not scored as zero.", bones=names)
    return said(summary.why_not)


@dataclass(frozen=True, slots=True)
class Banner:
    """Facts of the banner. ``asks``: what is missing and can be entered: 'sex', 'birth_date', 'side'."""

    name: str
    sex: str
    born: str
    patient_id: str
    age: str
    side: str
    film_date: str
    state: str
    asks: tuple[str, ...]
    synthetic: bool
    source: str


def banner(reading: Reading, summary: Summary) -> Banner:
    patient, study = reading.patient, reading.study
    asks = []
    if patient.sex is None:
        asks.append("sex")
    if patient.birth_date is None:
        asks.append("birth_date")
    if not study.laterality:
        asks.append("side")
    age = text.months(summary.chronological_months) if summary.chronological_months is not None else ""
    return Banner(
        name=patient.display_name or tr("No name ({name})", name=PurePath(reading.source.member or reading.source.path).name),
        sex=tr(text.SEX_NAMES[patient.sex]) if patient.sex else "",
        born=text.day(patient.birth_date),
        patient_id=patient.patient_id or tr("no id"),
        age=age,
        side=tr(text.SIDE_NAMES[study.laterality]) if study.laterality else "",
        film_date=tr("film {study_date}", study_date=text.day(study.study_date)) if study.study_date else tr("no film date"),
        state=tr(STATE_NAMES[reading.state]),
        asks=tuple(asks),
        synthetic=study.synthetic,
        source="" if reading.source.is_dicom else tr("no DICOM"),
    )


STATE_NAMES = {
    State.DRAFT: mark("DRAFT"),
    State.REVIEWED: mark("REVIEWED"),
    State.SIGNED: mark("SIGNED"),
    State.AMENDED: mark("AMENDED"),
}

# Asked for by the banner itself, or shown at the bone's own row or with the second opinion
_SHOWN_ELSEWHERE = frozenset(
    {"sex_missing", "birth_date_missing", "laterality_unknown", "bone_uncertain", "bone_missing", *OPINION_FLAGS}
)


def strip_flags(summary: Summary) -> tuple[Flag, ...]:
    """Flags for the strip under the banner, blocking ones first."""
    flags = [flag for flag in summary.flags if flag.code not in _SHOWN_ELSEWHERE]
    return tuple(sorted(flags, key=lambda flag: not flag.blocking))


def progress_line(reading: Reading) -> str:
    """'9 of 13 reviewed'."""
    done = sum(finding.reviewed for finding in reading.bones)
    return tr("{done} of {count} reviewed", done=done, count=len(rus_chn.BONES))


def reading_line(reading: Reading, now: datetime) -> str:
    """A reading in one line, for 'go on with ...'."""
    return tr("{who} ({state}, changed {when})", who=text.who(reading), state=tr(STATE_NAMES[reading.state]).lower(),
              when=text.when(reading.changed_at, now))  # fmt: skip
