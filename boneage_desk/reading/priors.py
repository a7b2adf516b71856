"""Earlier readings of the same child: which may be compared at all, and the change since."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from boneage_desk.reading.assessment import SEALED, Reading, State
from boneage_desk.reading.summary import summarise
from boneage_desk.standards.types import BoneAge

RATE_FROM_MONTHS = 6.0
"""Months of life between two films below which no rate is given: the error of two readings would outweigh it."""


@dataclass(frozen=True, slots=True)
class Prior:
    """An earlier reading that a person looked at: when, how old the child was, and its bone age (ages in months)."""

    reading_id: str
    study_date: date
    ca_months: float
    bone_age: BoneAge
    state: State


@dataclass(frozen=True, slots=True)
class Change:
    """From a prior to now: months of bone age over months of life. ``rate``: their ratio, None below
    `RATE_FROM_MONTHS`."""

    ba_months: float
    ca_months: float
    rate: float | None


def priors(reading: Reading, others: Iterable[Reading]) -> tuple[Prior, ...]:
    """Those of ``others`` that ``reading`` may be compared with, newest first; one a film, the last that was changed.

    Only readings that were reviewed or signed, of the same patient id, sex, birth date, standard and edition, and of an
    earlier day; none where one of these facts is missing. Drawn films are held against drawn ones only.
    """
    patient, on = reading.patient, reading.study.study_date
    if not patient.patient_id.strip() or patient.sex is None or patient.birth_date is None or on is None:
        return ()
    found: dict[tuple[str, int], tuple[Reading, Prior]] = {}
    for other in others:
        if (
            other.reading_id == reading.reading_id
            or (other.state is not State.REVIEWED and other.state not in SEALED)
            or other.patient.patient_id.strip() != patient.patient_id.strip()
            or other.patient.sex is not patient.sex
            or other.patient.birth_date != patient.birth_date
            or (other.standard, other.edition) != (reading.standard, reading.edition)
            or other.study.synthetic != reading.study.synthetic
            or other.study.study_date is None
            or other.study.study_date >= on
        ):
            continue
        summary = summarise(other)
        if summary.bone_age is None or summary.chronological_months is None:
            continue
        prior = Prior(
            other.reading_id, other.study.study_date, summary.chronological_months, summary.bone_age, other.state
        )
        film = (other.source.sha256, other.source.frame_number)
        if film not in found or found[film][0].changed_at < other.changed_at:
            found[film] = (other, prior)
    return tuple(sorted((prior for _, prior in found.values()), key=lambda p: (p.study_date, p.reading_id), reverse=True))


def known_then(reading: Reading, others: Iterable[Reading]) -> tuple[Reading, ...]:
    """Those of ``others`` that may stand in what is made of ``reading``: all until it is signed; of a signed one those that
    were as they are now when it was signed, for its sealed report says nothing of later ones. An addendum to another
    reading changes nothing of what it says."""
    if reading.state not in SEALED:
        return tuple(others)
    at = _zoned(reading.signatures[0].at)
    return tuple(
        other for other in others
        if _zoned(other.signatures[0].at if other.state in SEALED and other.signatures else other.changed_at) <= at
    )  # fmt: skip


def _zoned(at: datetime) -> datetime:
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def change(reading: Reading, prior: Prior) -> Change | None:
    """Since ``prior``; None where either bone age is a bound or not given."""
    now = summarise(reading)
    if now.bone_age is None or now.chronological_months is None or now.bone_age.qualifier or prior.bone_age.qualifier:
        return None
    ba, ca = now.bone_age.months - prior.bone_age.months, now.chronological_months - prior.ca_months
    return Change(ba, ca, ba / ca if ca >= RATE_FROM_MONTHS else None)
