"""Findings of one bone: what the machine said and what the person decided, both kept."""

from __future__ import annotations

import math
from dataclasses import dataclass

from boneage_desk.reading.evidence import Evidence
from boneage_desk.standards import rus_chn


@dataclass(frozen=True, slots=True)
class Box:
    """Axis-aligned rectangle in film pixels; the film's top-left pixel corner is (0, 0)."""

    x0: float
    y0: float
    x1: float
    y1: float

    def __post_init__(self) -> None:
        if not all(math.isfinite(v) for v in (self.x0, self.y0, self.x1, self.y1)):
            raise ValueError("box with a coordinate that is no number")
        if self.x1 - self.x0 < 1 or self.y1 - self.y0 < 1:
            raise ValueError(f"box of {self.x1 - self.x0} x {self.y1 - self.y0} pixels")

    @property
    def centre(self) -> tuple[float, float]:
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    @property
    def side(self) -> float:
        """The longer side in pixels."""
        return max(self.x1 - self.x0, self.y1 - self.y0)

    def as_list(self) -> list[float]:
        return [self.x0, self.y0, self.x1, self.y1]


@dataclass(frozen=True, slots=True)
class Region:
    """Where the machine found a bone. ``certain`` False: drawn dashed, ``reason`` says why.

    ``angle_deg`` turns the film clockwise-positive so that distal points up in the crop.
    """

    box: Box
    confidence: float
    certain: bool = True
    reason: str = ""
    angle_deg: float = 0.0


@dataclass(frozen=True, slots=True)
class GradeOpinion:
    """A machine's grade for one bone: table index, probabilities over all indices (sum 1)."""

    bone: str
    grade: int
    probabilities: tuple[float, ...]

    def __post_init__(self) -> None:
        rus_chn.check_grade(self.bone, self.grade)
        if len(self.probabilities) != len(rus_chn.labels(self.bone)):
            raise ValueError(f"{len(self.probabilities)} probabilities for {self.bone}")
        if not all(0 <= p <= 1.0001 for p in self.probabilities):
            raise ValueError(f"probabilities of {self.bone} outside 0..1")
        if abs(sum(self.probabilities) - 1) > 0.01:
            raise ValueError(f"probabilities of {self.bone} do not sum to one")

    @property
    def probability(self) -> float:
        """Probability of the grade given."""
        return self.probabilities[self.grade]

    @property
    def expected(self) -> float:
        """Mean grade index over the probabilities."""
        return sum(i * p for i, p in enumerate(self.probabilities))


@dataclass(frozen=True, slots=True)
class BoneFinding:
    """One bone of the reading.

    ``machine_region``/``machine_grade``/``machine_evidence``: the first automatic result, never erased.
    ``human_box``/``regrade``/``human_evidence``: a corrected box, the machine's opinion and measurement on it.
    ``human_grade``: the person's decision (index) or None; ``reviewed``: the person looked and agreed
    or decided; ``comment``: reason for an override. ``box_removed``: the person took the box away and drew no other.
    ``blind_grade``: the person's grade as it stood when the machine's was first shown to him (blind-first reading),
    never changed later.
    """

    bone: str
    machine_region: Region | None = None
    machine_grade: GradeOpinion | None = None
    human_box: Box | None = None
    regrade: GradeOpinion | None = None
    human_grade: int | None = None
    reviewed: bool = False
    comment: str = ""
    machine_evidence: Evidence | None = None
    human_evidence: Evidence | None = None
    box_removed: bool = False
    blind_grade: int | None = None

    def __post_init__(self) -> None:
        rus_chn.check_bone(self.bone)
        if self.human_grade is not None:
            rus_chn.check_grade(self.bone, self.human_grade)
        if self.blind_grade is not None:
            rus_chn.check_grade(self.bone, self.blind_grade)
        for opinion in (self.machine_grade, self.regrade):
            if opinion is not None and opinion.bone != self.bone:
                raise ValueError(f"opinion on {opinion.bone} filed under {self.bone}")
        for evidence in (self.machine_evidence, self.human_evidence):
            if evidence is not None and evidence.bone != self.bone:
                raise ValueError(f"evidence of {evidence.bone} filed under {self.bone}")
        if self.box_removed and self.human_box is not None:
            raise ValueError(f"{self.bone} has a person's box that was taken away")

    @property
    def box(self) -> Box | None:
        """The box in force: the person's, else the machine's; None where the person took it away."""
        if self.human_box is not None:
            return self.human_box
        return self.machine_region.box if self.machine_region and not self.box_removed else None

    @property
    def opinion(self) -> GradeOpinion | None:
        """The machine's opinion on the box in force.

        A moved box without a regrade has no opinion: the old one was of other pixels. Nor has a bone without a box.
        """
        if self.human_box is not None:
            return self.regrade
        return None if self.box_removed else self.machine_grade

    @property
    def evidence(self) -> Evidence | None:
        """What was measured on the box in force; None after a move that was not measured."""
        if self.human_box is not None:
            return self.human_evidence
        return None if self.box_removed else self.machine_evidence

    @property
    def final_grade(self) -> int | None:
        """The person's grade, else the machine's on the box in force, else None (never 0)."""
        if self.human_grade is not None:
            return self.human_grade
        return self.opinion.grade if self.opinion else None

    @property
    def overridden(self) -> bool:
        """True when the person's grade differs from the machine's."""
        return (
            self.human_grade is not None
            and self.opinion is not None
            and self.human_grade != self.opinion.grade
        )

    @property
    def uncertain(self) -> bool:
        """The region was filled in or doubted, or no region or grade is there."""
        if self.human_box is not None:
            return self.opinion is None
        return self.box is None or self.machine_region is None or not self.machine_region.certain or self.opinion is None
