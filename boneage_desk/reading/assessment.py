"""The reading as one immutable value, its states, and what every command and audit event is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from boneage_desk.common.errors import InputError
from boneage_desk.reading.ages import AgeBasis
from boneage_desk.reading.analysis import Flag, IntervalTable, ModelRef, WholeHandOpinion
from boneage_desk.reading.annotations import Annotation
from boneage_desk.reading.film import Film, FilmSource, Patient, Study
from boneage_desk.reading.findings import BoneFinding
from boneage_desk.reading.growth import Growth, from_file
from boneage_desk.reading.signature import FlagAnswer, Signature
from boneage_desk.standards import rules, rus_chn
from boneage_desk.standards.catalogue import OF_A_SITE


class State(StrEnum):
    """Life of an assessment. A signed one is read-only; amended is signed with at least one signed addendum."""

    DRAFT = "draft"
    REVIEWED = "reviewed"
    SIGNED = "signed"
    AMENDED = "amended"


SEALED = frozenset({State.SIGNED, State.AMENDED})
"""States in which nothing of the reading may change any more."""


class Blind(StrEnum):
    """Whether the person graded before the machine's grades were shown (`reading.blind`). NO: nothing was shown yet;
    SHOWN: the machine's grades were shown as they came; HIDDEN: they wait until the person has graded; REVEALED: they
    were shown after that."""

    NO = ""
    SHOWN = "shown"
    HIDDEN = "hidden"
    REVEALED = "revealed"


@dataclass(frozen=True, slots=True)
class Filled:
    """What a template put into the impression: ``words``, from the template's ``texts`` (language, text with places) in the
    report's ``language`` of then. Its figures can be worked out anew (`reading.impression`)."""

    texts: tuple[tuple[str, str], ...]
    language: str
    words: str


@dataclass(frozen=True, slots=True)
class Reading:
    """One assessment of one film: facts, findings, flags, state. ``bones`` are in table order.

    ``analysed_at``: when the machine's result came in, None before. ``interval`` is the measured
    error of the machine's bone age. ``difference_comment``: what the person says of a second opinion that
    differs more than usual (`reading.second_opinion`). ``answers``: what the person says of flags. ``signatures``:
    the report's seal and those of its addenda, in order; empty before it is signed. ``annotations``: what a person drew on
    the film; ``key_image``: a person marked it as one. ``blind``: whether the machine's grades are or were hidden until
    the person had graded. ``rule``: by which the conclusion is drawn. ``site_standard``: the standard that the site goes by,
    listed first among all; the bone age is that of ``standard`` in any case. ``age_basis``: how exactly the birth date is known, and
    a premature birth. ``revision`` rises by one with every change.
    """

    reading_id: str
    source: FilmSource
    width: int
    height: int
    patient: Patient
    study: Study
    created_at: datetime
    changed_at: datetime
    standard: str = rus_chn.STANDARD_ID
    edition: str = rus_chn.EDITION
    bones: tuple[BoneFinding, ...] = field(
        default_factory=lambda: tuple(BoneFinding(bone) for bone in rus_chn.BONES)
    )
    flags: tuple[Flag, ...] = ()
    models: tuple[ModelRef, ...] = ()
    interval: IntervalTable | None = None
    whole_hand: tuple[WholeHandOpinion, ...] = ()
    hand_mirror: str = ""
    timing_ms: dict[str, float] = field(default_factory=dict)
    analysed_at: datetime | None = None
    impression: str = ""
    difference_comment: str = ""
    state: State = State.DRAFT
    revision: int = 0
    answers: tuple[FlagAnswer, ...] = ()
    signatures: tuple[Signature, ...] = ()
    rule: rules.Rule = rules.DEFAULT
    age_basis: AgeBasis = AgeBasis()
    blind: Blind = Blind.NO
    annotations: tuple[Annotation, ...] = ()
    key_image: bool = False
    growth: Growth = Growth()
    """Heights, weights, parents' heights: what a person entered and what the film's file says (`reading.growth`)."""
    site_standard: str = rus_chn.STANDARD_ID
    filled: tuple[Filled, ...] = ()
    """What templates put into ``impression`` and stands there as it was put."""

    def __post_init__(self) -> None:
        if self.site_standard not in OF_A_SITE:
            raise ValueError(f"'{self.site_standard}' is no standard that follows from the 13 grades")
        if tuple(finding.bone for finding in self.bones) != rus_chn.BONES:
            raise ValueError("a reading needs the 13 bones in table order")
        if len({found.number for found in self.annotations}) != len(self.annotations):
            raise ValueError("two annotations with one number")
        if bool(self.signatures) != (self.state in SEALED):
            raise ValueError(f"{len(self.signatures)} signatures on a reading that is {self.state}")

    def bone(self, bone: str) -> BoneFinding:
        """The finding of one bone; StandardError for an unknown id."""
        rus_chn.check_bone(bone)
        return self.bones[rus_chn.BONES.index(bone)]

    @property
    def all_reviewed(self) -> bool:
        return all(finding.reviewed for finding in self.bones)


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """Who did what, when. ``before``/``after`` are short texts; ``at`` carries a time zone."""

    reading_id: str
    at: datetime
    who: str
    action: str
    detail: str = ""
    before: str = ""
    after: str = ""


_BLOCKING_WARNINGS = frozenset({"foot"})
"""Film warnings under which nothing may be graded until the person says that they are wrong."""


def new_reading(
    film: Film, reading_id: str, at: datetime, rule: str = rules.DEFAULT, site_standard: str = rus_chn.STANDARD_ID
) -> Reading:
    """A draft of an opened film, nothing analysed yet; film warnings become flags. ``rule``: id of the site's rule for
    the conclusion (`standards.rules`); ``site_standard``: id of the standard it goes by; InputError for an unknown one."""
    if site_standard not in OF_A_SITE:
        raise InputError(
            f"'{site_standard}' is no standard of a site.", f"Use one of: {', '.join(OF_A_SITE)}.", code="unknown-standard"
        )
    return Reading(
        reading_id=reading_id,
        source=film.source,
        width=film.frame.width,
        height=film.frame.height,
        patient=film.patient,
        study=film.study,
        created_at=at,
        changed_at=at,
        rule=rules.Rule.parse(rule),
        site_standard=site_standard,
        growth=from_file(film.study.study_date, film.study.recorded_height_m, film.study.recorded_weight_kg),
        flags=tuple(Flag(code, text, blocking=code in _BLOCKING_WARNINGS) for code, text in film.warnings),
    )


# --- commands: each is a value with ``action`` and ``apply(reading) -> Reading`` -----------------


class Command:
    """A change to a reading. ``describe`` gives (detail, before, after) for the audit. ``states``: those in which it
    is allowed at all."""

    action = ""
    states: frozenset[State] = frozenset({State.DRAFT})

    def apply(self, reading: Reading) -> Reading:
        """The next value; raises InputError or StandardError when the change is not allowed."""
        raise TypeError(f"{type(self).__name__} does not say how it changes a reading")

    def describe(self, before: Reading, after: Reading) -> tuple[str, str, str]:
        return "", "", ""
