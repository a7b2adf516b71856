"""The child over visits: bone age against age, its change with the measured error, each bone's grades side by side, and
what went backwards. Earlier readings are those that `reading.priors` lets be compared."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from boneage_desk.reading.assessment import Reading, State
from boneage_desk.reading.blind import shown
from boneage_desk.reading.growth import Measurement, Origin, dated
from boneage_desk.reading.growth_texts import Doubt, doubt
from boneage_desk.reading.priors import RATE_FROM_MONTHS, priors
from boneage_desk.reading.summary import summarise
from boneage_desk.standards import rus_chn
from boneage_desk.standards.types import BoneAge, Qualifier

AGE_BACK_MONTHS = 1.0
"""A bone age that is lower than the visit's before by more than this is told."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One film. Ages in months; ``interval_months``: of its bone age at ``coverage``, None where not measured. ``grades``:
    final grade index by bone in table order, None where there is none. ``present``: the reading itself. ``looked``: a
    person looked at a bone at least."""

    reading_id: str
    on: date
    ca_months: float
    bone_age: BoneAge | None
    interval_months: tuple[float, float] | None
    coverage: float | None
    grades: tuple[int | None, ...]
    state: State
    present: bool = False
    looked: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """From one visit to the next: change in bone age over change in age, months.

    ``error_months``: half width of the change at ``coverage``, from both bone ages' intervals as if their errors were
    independent (errors that both share cancel, so this is rather too wide); None where one was not measured. ``rate``:
    the ratio, None below `RATE_FROM_MONTHS` of life; ``rate_error`` its half width.
    """

    earlier: date
    later: date
    ba_months: float
    ca_months: float
    error_months: float | None
    coverage: float | None
    rate: float | None
    rate_error: float | None


@dataclass(frozen=True, slots=True)
class Strip:
    """One bone over the visits: printed grades ('-' for none), and whether each is lower than one before."""

    bone: str
    labels: tuple[str, ...]
    back: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class FollowUp:
    """``visits``: oldest first, the present reading last; ``steps``: between neighbours that both have a bone age in
    figures; ``overall``: from the first such visit to the last, None with fewer than three. ``measurements``: heights and
    weights of earlier readings. ``warnings``: what went backwards. Empty visits: nothing to compare."""

    visits: tuple[Visit, ...]
    steps: tuple[Step, ...]
    overall: Step | None
    strips: tuple[Strip, ...]
    measurements: tuple[Measurement, ...]
    warnings: tuple[Doubt, ...]


def follow_up(reading: Reading, others: Iterable[Reading]) -> FollowUp:
    """``reading`` and those of ``others`` (the store's, of the same patient id) that may be compared with it. With none,
    or without the reading's own age, ``visits`` is empty."""
    kept = {other.reading_id: other for other in others}
    earlier = [kept[prior.reading_id] for prior in reversed(priors(reading, kept.values()))]
    present = _visit(reading, present=True)
    if present is None or not earlier:
        return FollowUp((), (), None, (), (), ())
    visits = (*(visit for one in earlier if (visit := _visit(one)) is not None), present)
    strips = tuple(_strip(i, bone, visits) for i, bone in enumerate(rus_chn.BONES))
    plain = [visit for visit in visits if visit.bone_age is not None and visit.bone_age.qualifier is Qualifier.POINT]
    steps = tuple(_step(a, b) for a, b in zip(plain, plain[1:], strict=False))
    measured = [one for other in earlier for one in dated(other.growth, other.study.study_date)]
    measured = [one for one in measured if one.on <= present.on]
    return FollowUp(
        visits=visits,
        steps=steps,
        overall=_step(plain[0], plain[-1]) if len(plain) > 2 else None,
        strips=strips,
        measurements=tuple(dict.fromkeys(sorted(measured, key=lambda one: (one.on, one.origin is Origin.PERSON)))),
        warnings=(*_ages_back(steps), *_grades_back(visits)),
    )


def _visit(reading: Reading, present: bool = False) -> Visit | None:
    """None without a study date or an age."""
    summary = summarise(reading)
    on, age = reading.study.study_date, summary.chronological_months
    if on is None or age is None:
        return None
    grades = tuple(finding.final_grade for finding in shown(reading).bones)
    coverage = reading.interval.coverage if reading.interval is not None else None
    return Visit(
        reading.reading_id, on, age, summary.bone_age, summary.interval_months, coverage, grades, reading.state, present,
        any(finding.reviewed for finding in reading.bones),
    )  # fmt: skip


def _step(a: Visit, b: Visit) -> Step:
    assert a.bone_age is not None and b.bone_age is not None
    ba, ca = b.bone_age.months - a.bone_age.months, b.ca_months - a.ca_months
    error = coverage = None
    if a.interval_months is not None and b.interval_months is not None and a.coverage == b.coverage:
        halves = [(one[1] - one[0]) / 2 for one in (a.interval_months, b.interval_months)]
        error, coverage = math.hypot(*halves), a.coverage
    long = ca >= RATE_FROM_MONTHS
    return Step(
        a.on, b.on, ba, ca, error, coverage, ba / ca if long else None, error / ca if long and error is not None else None
    )


def _strip(i: int, bone: str, visits: Sequence[Visit]) -> Strip:
    labels, back = [], []
    highest = -1
    for visit in visits:
        grade = visit.grades[i]
        labels.append("-" if grade is None else rus_chn.label(bone, grade))
        back.append(grade is not None and grade < highest)
        highest = max(highest, -1 if grade is None else grade)
    return Strip(bone, tuple(labels), tuple(back))


def _ages_back(steps: Sequence[Step]) -> list[Doubt]:
    return [
        doubt("age-back", on=step.later.isoformat(), earlier=step.earlier.isoformat(), months=f"#{-step.ba_months:.3f}")
        for step in steps
        if step.ba_months < -AGE_BACK_MONTHS
    ]


def _grades_back(visits: Sequence[Visit]) -> list[Doubt]:
    """Each bone whose grade is lower than at an earlier visit, against the highest before."""
    told = []
    for i, bone in enumerate(rus_chn.BONES):
        best: tuple[int, Visit] | None = None
        for visit in visits:
            grade = visit.grades[i]
            if grade is None:
                continue
            if best is not None and grade < best[0]:
                told.append(
                    doubt("grade-back", bone=f"%{bone}", now=rus_chn.label(bone, grade), on=visit.on.isoformat(),
                          before=rus_chn.label(bone, best[0]), earlier=best[1].on.isoformat())
                )  # fmt: skip
            elif best is None or grade > best[0]:
                best = (grade, visit)
    return told
