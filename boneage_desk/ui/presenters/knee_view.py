"""What the knee window says, as text: who, the answer or why there is none, and what it stands on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from boneage_desk.common.i18n import language, mark, tr
from boneage_desk.reading.film import Film, Laterality
from boneage_desk.reading.knee import UNAVAILABLE, KneeQuestion, KneeReading
from boneage_desk.reading.report_knee import knee_report
from boneage_desk.ui.presenters import text
from boneage_desk.ui.presenters.numbers import Banner

NOTICE = (
    mark("Research and reading aid, not a diagnosis and no cleared medical device. No knee weights are shipped with this program: "
    "a number comes from a model that this site trained. It does not replace a hand film, enters no hand's reading, and is not "
    "kept in the work list: write the report to keep it.")
)
HOW_TO_TRAIN = (
    mark("How a site trains one (docs/knee.md):\n"
    "1.  a folder with AP knee films and the table knees.csv: film, sex, patient, ages\n"
    "2.  boneage-desk train knee --example > knee.toml\n"
    "3.  boneage-desk train knee knee.toml\n"
    "4.  boneage-desk evaluate knee knee.toml --model runs/knee-1\n"
    "5.  put the model's folder beside the others, then Read again")
)
SIDES = {Laterality.LEFT: mark("LEFT knee"), Laterality.RIGHT: mark("RIGHT knee"), Laterality.UNKNOWN: mark("side ?")}


@dataclass(frozen=True, slots=True)
class KneeView:
    """The answer. ``value``: bone age, or '' with ``note`` as the reason. ``rows``: (label, value) of what it stands on;
    ``flags``: points to check, not blocking; ``limits``: of the model; ``how``: how to get a model, where none is there."""

    value: str
    note: str
    rows: tuple[tuple[str, str], ...]
    flags: tuple[str, ...]
    limits: tuple[str, ...]
    how: str


def knee_view(reading: KneeReading) -> KneeView:
    """The same words as in the report."""
    content, result = knee_report(reading, language=language()), reading.result
    blocking = next((flag for flag in result.flags if flag.blocking), None)
    known = result.months is not None
    age = reading.question.chronological_months
    rows = [(tr("Chronological age"), tr("not known") if age is None else text.months(age))]
    rows += [(fact.label, fact.value) for fact in content.results]
    model = result.model
    if model is not None:
        rows.append((tr("Model"), f"{model.ref.name}, {model.ref.tag}"))
        rows.append((tr("Weights SHA-256"), model.ref.sha256))
    return KneeView(
        value=content.headline.value if known else "",
        note=content.note,
        rows=tuple(rows),
        flags=tuple(words for words, stops in content.flags if not stops),
        limits=tuple(content.limits[1:]),
        how=tr(HOW_TO_TRAIN) if blocking is not None and blocking.code == UNAVAILABLE else "",
    )


def knee_banner(film: Film, question: KneeQuestion) -> Banner:
    """Who, and what is not known of it; nothing that the model is told goes unseen."""
    patient, study, source = film.patient, film.study, film.source
    recorded = ""
    if patient.sex_as_recorded and question.sex is None:
        recorded = tr(" (file: {recorded})", recorded=patient.sex_as_recorded)
    age = question.chronological_months
    return Banner(
        name=patient.display_name or tr("No name ({name})", name=PurePath(source.member or source.path).name),
        sex=text.SEX_NAMES[question.sex] if question.sex else tr("sex ?") + recorded,
        born=text.day(patient.birth_date) or "?",
        patient_id=patient.patient_id or tr("no id"),
        age="?" if age is None else text.months(age),
        side=SIDES[study.laterality],
        film_date=tr("film {study_date}", study_date=text.day(study.study_date)) if study.study_date else tr("film date ?"),
        state="",
        asks=(),
        synthetic=study.synthetic,
        source="" if source.is_dicom else tr("no DICOM"),
    )


@dataclass(frozen=True, slots=True)
class KneeLacks:
    """Which facts the file does not say, and a person may give."""

    sex: bool
    birth_date: bool
    study_date: bool
    side: bool

    @property
    def any(self) -> bool:
        return self.sex or self.birth_date or self.study_date or self.side


def knee_lacks(opened: Film) -> KneeLacks:
    """Of the film as the file says it: what was entered stays open to correction."""
    patient, study = opened.patient, opened.study
    return KneeLacks(
        patient.sex is None, patient.birth_date is None, study.study_date is None, not study.laterality
    )


def waiting_words(*, film: bool, job: str, failed: bool) -> str:
    """What stands where the answer will. ``job``: title of what runs, '' for nothing."""
    if job:
        return f"{job} \N{HORIZONTAL ELLIPSIS}"
    if not film:
        return tr("No knee film is open.")
    return tr("Not read: see the message below.") if failed else tr("Not read.")
