"""The result part of the report: bone age, interval, differences, second opinions."""

from __future__ import annotations

import math

from boneage_desk.reading.analysis import WholeHandOpinion
from boneage_desk.reading.assessment import Blind
from boneage_desk.reading.blind import graded_blind
from boneage_desk.reading.reference import Reference, reference_of
from boneage_desk.reading.report_annotations import annotation_facts
from boneage_desk.reading.report_facts import Words
from boneage_desk.reading.report_texts import has
from boneage_desk.reading.report_values import Fact, clean
from boneage_desk.reading.second_opinion import ENGINE_NAMES, difference
from boneage_desk.reading.session import Reading, State
from boneage_desk.reading.summary import Summary
from boneage_desk.standards import rus_chn
from boneage_desk.standards.rules import Rule
from boneage_desk.standards.types import BoneAge, Qualifier, Sex


def headline(reading: Reading, summary: Summary, words: Words) -> Fact:
    """The bone age in years and months, or that none is given."""
    label = words("bone_age.draft" if reading.state is State.DRAFT else "bone_age")
    if summary.bone_age is None:
        return Fact("bone_age", label, words("bone_age.none"), known=False)
    return Fact("bone_age", label, age_text(summary.bone_age, words))


def age_text(age: BoneAge, words: Words) -> str:
    """Years and months, with the sign of a bound."""
    sign = f"{age.qualifier} " if age.qualifier else ""
    return sign + words.years_months(age.months)


def headline_note(reading: Reading, summary: Summary, words: Words) -> str:
    """Interval and what it is, or why there is a bound, or why there is no bone age."""
    if summary.bone_age is None:
        return words("why", reason=_reason(reading, summary, words))
    if summary.bone_age.qualifier is Qualifier.AT_LEAST:
        return words("bound.at_least")
    if summary.bone_age.qualifier is Qualifier.BELOW:
        return words("bound.below")
    if summary.interval_months is None or reading.interval is None:
        return words("interval.none")
    low, high = summary.interval_months
    source = clean(reading.interval.source)
    changed = any(finding.overridden for finding in reading.bones)
    said = words(
        "interval",
        percent=f"{reading.interval.coverage * 100:.0f}",
        low=words.years_months(low),
        high=words("or_more", age=words.years_months(high)) if summary.interval_open else words.years_months(high),
        source=words("interval.source", source=source) if source else "",
    )
    return said + words("interval.changed") if changed else said


def _reason(reading: Reading, summary: Summary, words: Words) -> str:
    """Why there is no bone age; in the words of :class:`Summary` where the program knows no others."""
    blocking = [flag for flag in summary.flags if flag.blocking]
    if blocking:
        return words.flag(blocking[0]).rstrip(".。")
    if len(summary.missing) == len(rus_chn.BONES):
        return words("why.not_read")
    if reading.patient.sex is None:
        return words("why.sex")
    if summary.missing:
        names = ", ".join(rus_chn.bone_name(bone, words.language) for bone in summary.missing)
        return words("why.missing", count=len(summary.missing), bones=names)
    return clean(summary.why_not)


def results(
    reading: Reading, summary: Summary, words: Words, reader: str, reference: tuple[Fact, ...] = ()
) -> tuple[Fact, ...]:
    """Method, score, differences, second opinions, and how much of it a person looked at.

    ``reference``: lines in place of what the program's own table says of the child's age (`reading.reference`)."""
    sex = reading.patient.sex
    known_standard = reading.standard == rus_chn.STANDARD_ID
    method = words(
        "method.value",
        name=rus_chn.NAME if known_standard else clean(reading.standard),
        edition=clean(reading.edition),
        table=words(f"method.{sex.value}") if sex is not None else "",
    )
    score = Fact("score", words("score"), words("bone_age.none"), known=False)
    if summary.score is not None:
        score = Fact("score", words("score"), words("score.value", score=summary.score))
    seen = sum(finding.reviewed for finding in reading.bones)
    changed = sum(finding.overridden for finding in reading.bones)
    moved = sum(finding.human_box is not None for finding in reading.bones)
    verification = words(
        "verification.value",
        seen=seen,
        changed=changed,
        moved=moved,
        plural="" if changed == 1 else "s",
        es="" if moved == 1 else "es",
    )
    facts = [
        Fact("method", words("method"), method),
        score,
        _difference(summary, words),
        *(reference or _reference(summary, sex, words)),
        _machine(reading, summary, words),
        *_second_opinions(reading, summary, words),
        Fact("verification", words("verification"), verification),
        *_blind_first(reading, words),
        *annotation_facts(reading, words),
    ]
    if reader:
        facts.append(Fact("reader", words("reader"), reader))
    return tuple(facts)


def _blind_first(reading: Reading, words: Words) -> tuple[Fact, ...]:
    """That the person graded before the machine's grades were shown, and what was changed afterwards."""
    if reading.blind not in (Blind.HIDDEN, Blind.REVEALED):
        return ()
    label = words("blind_first")
    if reading.blind is Blind.HIDDEN:
        return (Fact("blind_first", label, words("blind_first.hidden"), known=False),)
    graded, changed = graded_blind(reading)
    return (Fact("blind_first", label, words("blind_first.value", graded=graded, changed=changed)),)


def _reference(summary: Summary, sex: Sex | None, words: Words) -> tuple[Fact, ...]:
    """Mean, SD and source of the named table, normal range, conclusion; or why there is none."""
    found = reference_of(summary, sex)
    label = words("normal_range")
    if found is None:
        known = sex is not None and summary.chronological_months is not None
        return (Fact("normal_range", label, words("normal_range.none" if known else "normal_range.unknown"), known=False),)
    low, high = words.years_months(max(0.0, found.low_months)), words.years_months(found.high_months)
    rule = "normal_range.years" if found.rule is Rule.RUS_CHN_YEARS else "normal_range.value"
    facts = [Fact("normal_range", label, words(rule, low=low, high=high))]
    if found.sd_months is not None:
        sd = f"{found.sd_months:.1f}"
        if found.mean_months is None:
            value = words("reference.no_mean", name=found.name, sd=sd)
        else:
            value = words("reference.value", name=found.name, mean=words.years_months(found.mean_months), sd=sd)
        facts.append(Fact("reference", words("reference"), value))
    if summary.bone_age is not None:
        facts.insert(0, _conclusion(summary.bone_age, found, words))
    return tuple(facts)


def _conclusion(bone_age: BoneAge, found: Reference, words: Words) -> Fact:
    label = words("conclusion")
    if not found.conclusion:
        return Fact("conclusion", label, words("conclusion.open_birth" if found.open_by_birth else "conclusion.open"), known=False)
    key = f"conclusion.{found.conclusion}"
    said = words(f"{key}.{found.degree or 'plain'}")
    if bone_age.qualifier is not Qualifier.POINT:
        return Fact("conclusion", label, said if found.degree else words(f"{key}.bound"))
    if found.sd_score is None:
        return Fact("conclusion", label, said)
    return Fact("conclusion", label, words("conclusion.score", words=said, score=f"{round(found.sd_score, 1) + 0.0:+.1f}"))


def _difference(summary: Summary, words: Words) -> Fact:
    label = words("difference" if summary.corrected_months is None else "difference.corrected")
    if summary.bone_age is None:
        return Fact("difference", label, words("difference.no_bone_age"), known=False)
    if summary.chronological_months is None:
        return Fact("difference", label, words("difference.no_age"), known=False)
    if summary.difference_months is None:
        return Fact("difference", label, words("difference.bound"), known=False)
    # the band follows the whole months that are printed, so that the line agrees with itself
    whole = math.floor(abs(summary.difference_months) + 0.5)
    behind = summary.difference_months < 0
    if whole <= 12:
        band = "within"
    elif whole <= 24:
        band = "behind" if behind else "ahead"
    else:
        band = "far_behind" if behind else "far_ahead"
    value = words(
        "difference.value",
        span=span_text(summary.difference_months, words),
        months=_signed(summary.difference_months),
        words=words(band),
    )
    return Fact("difference", label, value)


def span_text(months: float, words: Words, plus: str = "+") -> str:
    """'+1 y 2 m', '-0 y 3 m', '0 y 0 m': a difference in whole months."""
    whole = math.floor(abs(months) + 0.5)
    sign = "" if whole == 0 else "-" if months < 0 else plus
    return words("span", sign=sign, years=whole // 12, months=whole % 12)


def _signed(months: float) -> str:
    """'+1.9', '-12.0', '0.0' (never '-0.0')."""
    shown = f"{months:+.1f}"
    return "0.0" if shown in ("+0.0", "-0.0") else shown


def _machine(reading: Reading, summary: Summary, words: Words) -> Fact:
    label = words("machine")
    if reading.analysed_at is None:
        return Fact("machine", label, words("machine.not_read"), known=False)
    if summary.machine_bone_age is None or summary.machine_score is None:
        return Fact("machine", label, words("machine.none"), known=False)
    age = age_text(summary.machine_bone_age, words)
    return Fact("machine", label, words("machine.value", age=age, score=summary.machine_score))


UNGIVEN = ("whole_hand_unavailable", "outside_training")
"""Flags that stand for a second opinion that was asked for and not given; they are told in its place."""


def _second_opinions(reading: Reading, summary: Summary, words: Words) -> list[Fact]:
    """Every engine that was asked, the default first, and what the person says of an unusual difference."""
    label = words("second_opinion")
    facts = [Fact("second_opinion", label, _opinion(reading, opinion, words)) for opinion in reading.whole_hand]
    for flag in summary.flags:
        if flag.code in UNGIVEN:
            name, said = _engine(flag.engine, words), words.flag(flag)
            said = said if said.startswith(name) else words("named", name=name, text=said)
            facts.append(Fact("second_opinion", label, said, known=False))
    found, comment = difference(reading), clean(reading.difference_comment)
    if comment or (found is not None and found.beyond):
        value = comment or words("difference_comment.none")
        facts.append(Fact("difference_comment", words("difference_comment"), value, known=bool(comment)))
    return facts


def _engine(engine: str, words: Words) -> str:
    key = f"second_opinion.{engine}"
    return words(key) if engine in ENGINE_NAMES and has(words.language, key) else clean(engine)


def _opinion(reading: Reading, opinion: WholeHandOpinion, words: Words) -> str:
    interval = apart = ""
    if opinion.interval_months is not None:
        low, high = (words.years_months(value) for value in opinion.interval_months)
        interval = words("second_opinion.interval", low=low, high=high)
    if (found := difference(reading, opinion)) is not None:
        key = "second_opinion.at_least" if found.months >= 0 else "second_opinion.at_most"
        bound = words(key) if found.at_least else ""
        apart = words("second_opinion.difference", months=_signed(found.months) + bound)
        if found.usual_months is None:
            apart += words("second_opinion.not_measured")
        else:
            key = "second_opinion.not_usual" if found.beyond else "second_opinion.usual"
            apart += words(key, months=f"{found.usual_months:.1f}")
    return words(
        "second_opinion.value",
        name=_engine(opinion.engine, words),
        age=words.years_months(opinion.bone_age_months),
        interval=interval,
        difference=apart,
        model=clean(opinion.model),
    )
