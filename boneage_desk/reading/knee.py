"""A knee film's bone age as values: what is asked, what comes back, and the JSON document.

It stands apart from the reading of a hand: no grade, no standard's table, its own report. Until a site has trained a
model there is none, and the answer says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from boneage_desk.common.errors import BoneAgeError
from boneage_desk.reading.ages import age_months
from boneage_desk.reading.analysis import Flag, ModelRef
from boneage_desk.reading.film import Film, Laterality
from boneage_desk.standards.types import Sex

KNEE = "knee"
"""Id of the engine."""
UNTRAINED = "No knee model is installed. None is shipped: a site must train it on its own films, see docs/knee.md."
NOT_SEEN, UNAVAILABLE, DRAWN_ONLY = "knee_not_seen", "knee_unavailable", "knee_drawn_only"
NO_SEX, NO_AGE, OUTSIDE = "knee_sex_missing", "knee_age_missing", "knee_outside_training"
GIVEN = "knee_facts_given"
SCHEMA = "boneage-desk/knee-1"


@dataclass(frozen=True, slots=True)
class KneeQuestion:
    """What a knee model is told beside the film. chronological_months: None where it is not known. drawn: the film's
    header says that it is a drawing."""

    sex: Sex | None
    chronological_months: float | None
    drawn: bool = False


@dataclass(frozen=True, slots=True)
class KneeFacts:
    """What a person says of the child and the film, beside the file; None leaves what the file says."""

    sex: Sex | None = None
    birth_date: date | None = None
    study_date: date | None = None
    side: Laterality | None = None


@dataclass(frozen=True, slots=True)
class KneeModelFacts:
    """What the model's card says of it. trained_on: 'site films' or 'drawn phantoms'; labels: where its bone ages come
    from; measured: cross-validated figures by name."""

    ref: ModelRef
    uses_chronological_age: bool
    folds: int
    trained_on: str
    labels: str
    measured: dict[str, float] = field(default_factory=dict)
    limits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KneeResult:
    """months: the bone age, None with a flag that says why not. spread_months: standard deviation between the model's
    networks. strangeness: how unlike the training films this one is, above 1 it is refused; None where not looked at."""

    months: float | None
    flags: tuple[Flag, ...] = ()
    interval_months: tuple[float, float] | None = None
    interval_coverage: float = 0.0
    spread_months: float | None = None
    strangeness: float | None = None
    model: KneeModelFacts | None = None
    timing_ms: dict[str, float] = field(default_factory=dict)
    device: str = ""

    def __post_init__(self) -> None:
        if self.months is None and not any(flag.blocking for flag in self.flags):
            raise ValueError("no bone age and no reason")
        if self.months is not None and any(flag.blocking for flag in self.flags):
            raise ValueError("a bone age beside a flag that forbids it")


@dataclass(frozen=True, slots=True)
class KneeReading:
    """One knee film read: the facts as they were used, and the answer. chronological_months: as in `KneeQuestion`."""

    film: Film
    question: KneeQuestion
    result: KneeResult
    read_at: datetime


def refused(code: str, text: str) -> KneeResult:
    """No number, for one reason."""
    return KneeResult(None, (Flag(code, text, blocking=True, engine=KNEE),))


def with_facts(film: Film, facts: KneeFacts) -> Film:
    """The film with the dates and the side of ``facts``; what contradicts the file becomes a warning, and so does what
    the file does not say. The sex is left to `question_of`, so that the file's own stays known."""
    patient, study, warnings, given = film.patient, film.study, list(film.warnings), []
    for name, value, recorded, code in (
        ("Birth date", facts.birth_date, patient.birth_date, "birth_date_conflict"),
        ("Study date", facts.study_date, study.study_date, "study_date_conflict"),
        ("Side", facts.side or None, study.laterality or None, "side_conflict"),
    ):
        if value is None:
            continue
        if recorded is None:
            given.append(name.lower())
        elif recorded != value:
            warnings.append((code, f"{name} given as {value}, recorded in the file as {recorded}."))
    if facts.sex is not None and patient.sex is None:
        given.insert(0, "sex")
    if given:
        warnings.append((GIVEN, f"Given by the person, not by the file: {', '.join(given)}."))
    patient = replace(patient, birth_date=facts.birth_date or patient.birth_date)
    study = replace(study, study_date=facts.study_date or study.study_date, laterality=facts.side or study.laterality)
    return replace(film, patient=patient, study=study, warnings=tuple(warnings))


def question_of(film: Film, sex: Sex | None = None) -> tuple[KneeQuestion, tuple[Flag, ...]]:
    """What a film's header tells a knee model; ``sex``: given by the person, it wins and a contradiction is flagged."""
    flags = [Flag(code, text, engine=KNEE) for code, text in film.warnings]
    recorded = film.patient.sex
    if sex is not None and recorded is not None and sex is not recorded:
        flags.append(Flag("sex_conflict", f"Sex given as {sex}, recorded in the file as {recorded}.", engine=KNEE))
    months = None
    if film.patient.birth_date is not None and film.study.study_date is not None:
        try:
            months = age_months(film.patient.birth_date, film.study.study_date)
        except BoneAgeError as error:
            flags.append(Flag("birth_after_study", error.message, engine=KNEE))
    return KneeQuestion(sex or recorded, months, film.study.synthetic), tuple(flags)


def document(reading: KneeReading) -> dict[str, Any]:
    """The knee reading as JSON values; docs/knee.md describes it."""
    film, asked, result = reading.film, reading.question, reading.result
    model = result.model
    return {
        "schema": SCHEMA,
        "film": {
            "path": film.source.path, "member": film.source.member, "sha256": film.source.sha256,
            "frame": film.source.frame_number, "drawn": asked.drawn,
        },
        "patient": {
            "id": film.patient.patient_id, "sex": None if asked.sex is None else asked.sex.value,
            "chronological_age_months": asked.chronological_months,
        },
        "side": film.study.laterality.value,
        "read_at": reading.read_at.isoformat(),
        "knee": {
            "bone_age_months": result.months,
            "interval_months": None if result.interval_months is None else list(result.interval_months),
            "interval_coverage": result.interval_coverage or None,
            "spread_months": result.spread_months,
            "strangeness": result.strangeness,
            "used_chronological_age": None if model is None else model.uses_chronological_age,
            "model": None if model is None else {
                "name": model.ref.name, "tag": model.ref.tag, "sha256": model.ref.sha256, "folds": model.folds,
                "trained_on": model.trained_on, "labels": model.labels, "measured": dict(model.measured),
            },
        },
        "flags": [{"code": f.code, "message": f.message, "blocking": f.blocking} for f in result.flags],
        "timing_ms": dict(result.timing_ms), "device": result.device,
    }  # fmt: skip
