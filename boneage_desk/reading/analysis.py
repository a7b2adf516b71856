"""What the engines return for one film, as values."""

from __future__ import annotations

from dataclasses import dataclass, field

from boneage_desk.reading.evidence import Evidence
from boneage_desk.reading.findings import GradeOpinion, Region
from boneage_desk.standards.types import Sex


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A model that took part: card name, 'architecture.tag' and SHA-256 of its weights.

    ``engine``: the id of the second opinion that it gave ('whole-hand', 'dual' ...), '' for the 13 bones.
    """

    name: str
    tag: str
    sha256: str
    engine: str = ""


@dataclass(frozen=True, slots=True)
class Flag:
    """A doubt about the film or result. ``blocking``: no bone age may be given.

    Codes in use: no_hand, several_hands, foot, laterality_conflict, laterality_unknown,
    bone_uncertain, bone_missing, low_quality, inverted, sex_missing, birth_date_missing,
    age_mismatch, not_radiograph, weights_missing, sex_mismatch, outside_training, whole_hand_unavailable.

    ``engine``: the second opinion that the flag is about, '' for the film or the 13 bones.
    """

    code: str
    message: str
    blocking: bool = False
    bone: str = ""
    engine: str = ""


@dataclass(frozen=True, slots=True)
class IntervalRow:
    """The prediction interval of one sex and band of the bone age given.

    ``half_width_months``: fixed half width. ``factor``: that by which the spread of the grades' joint distribution
    is stretched instead; 0 where it was not measured (models before it).
    """

    sex: Sex
    from_months: float
    to_months: float
    half_width_months: float
    factor: float = 0.0


@dataclass(frozen=True, slots=True)
class IntervalTable:
    """Conformal widths measured on held-out films; ``coverage`` e.g. 0.9; ``source`` in words.

    ``correlation`` of the errors of any two bones' points (0 to 1) and ``floor_months``, the least spread in months:
    see `reading.interval`, which makes the interval.
    """

    coverage: float
    rows: tuple[IntervalRow, ...]
    source: str = ""
    correlation: float = 0.0
    floor_months: float = 0.0

    def row(self, sex: Sex, months: float) -> IntervalRow | None:
        """The row of a bone age in months, or None where nothing was measured."""
        for row in self.rows:
            if row.sex is sex and row.from_months <= months < row.to_months:
                return row
        return None


@dataclass(frozen=True, slots=True)
class FilmArea:
    """A region that a model looked at: ``name`` 'carpal' or 'metacarpophalangeal'; ``corners``: the four (x, y) of a
    turned square in film pixels, in order round it; they may lie outside the film."""

    name: str
    corners: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class WholeHandOpinion:
    """A second bone age from the whole film, with the model ('architecture.tag') that gave it.

    ``engine``: its id. ``interval_months``: (low, high) of the coverage that the model's card measured.
    ``usual_difference_months``: 95th percentile of the difference to the bone age of 13 bones on held-out films.
    ``sex``: the sex that the model was told, None where it used none. ``male_probability``: of the film, where the
    model tells sex; ``sex_limit``: probability of the other sex from which the film is said to disagree.
    ``age_range_months``: youngest and oldest that the model was trained on. ``areas``: what it cut out.
    """

    model: str
    bone_age_months: float
    interval_months: tuple[float, float] | None = None
    engine: str = "whole-hand"
    usual_difference_months: float | None = None
    male_probability: float | None = None
    areas: tuple[FilmArea, ...] = ()
    sex: Sex | None = None
    sex_limit: float | None = None
    age_range_months: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class WholeHandResult:
    """What the engines asked for said of one film: for each an opinion, or a flag with the reason why not.

    ``timing_ms``: step name to milliseconds.
    """

    opinions: tuple[WholeHandOpinion, ...]
    flags: tuple[Flag, ...] = ()
    models: tuple[ModelRef, ...] = ()
    timing_ms: dict[str, float] = field(default_factory=dict)
    device: str = ""


@dataclass(frozen=True, slots=True)
class BoneResult:
    """The machine's region, grade and measurement of one bone; each may be None (not found, graded, measured).

    On a box that a person drew, ``region`` is None: the box is the person's; ``models`` are then those that graded and
    measured it. In an `AnalysisResult`, which names its own, they are empty.
    """

    bone: str
    region: Region | None
    grade: GradeOpinion | None
    evidence: Evidence | None = None
    models: tuple[ModelRef, ...] = ()


@dataclass(frozen=True, slots=True)
class AnalysisResult:
    """Outcome of reading one film. ``bones`` holds all 13 in table order (some perhaps empty).

    ``hand_mirror``: what geometry says of the side on a PA film held fingers up: 'L', 'R' or ''.
    ``rotation_deg``: turn of the hand on the film. ``timing_ms``: step name to milliseconds.
    """

    bones: tuple[BoneResult, ...]
    flags: tuple[Flag, ...] = ()
    models: tuple[ModelRef, ...] = ()
    interval: IntervalTable | None = None
    whole_hand: tuple[WholeHandOpinion, ...] = ()
    hand_mirror: str = ""
    rotation_deg: float = 0.0
    timing_ms: dict[str, float] = field(default_factory=dict)
    device: str = ""
