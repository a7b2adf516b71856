"""Which bones are worth a look before the rest is accepted, and the order in which they are looked at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from boneage_desk.reading.assessment import Blind, Reading
from boneage_desk.reading.evidence import contradiction
from boneage_desk.reading.summary import doubt_months
from boneage_desk.standards import rus_chn

WORTH_MONTHS = 1.5
"""A grade is worth a look when the doubt about it is worth so many months of bone age. A low probability
alone is not enough: between grades that differ by a point or two every reader and model is torn, and a
mark on eleven of thirteen bones would say nothing."""
UNSURE_BELOW = 0.35
NEAR_BELOW = 0.85
"""While no bone age is to be had: its own probability below the first, or that of it and its two
neighbours together below the second."""


class Why(StrEnum):
    """Why a bone is worth a look, the most pressing first."""

    NOT_FOUND = "not-found"
    NOT_GRADED = "not-graded"
    PLACE = "place"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Attention:
    """A bone that is worth a look. ``reason``: of an uncertain place, in the detector's words or ''. ``months``: what
    the doubt about its grade is worth; None where that cannot be said, and then ``probability`` of the grade."""

    bone: str
    why: Why
    reason: str = ""
    months: float | None = None
    probability: float | None = None


def attention(reading: Reading, bone: str) -> Attention | None:
    """Why ``bone`` is worth a look, or None. Before the machine's reading nothing is; while a blind reading hides the
    machine's grades only a place can be doubted."""
    if reading.analysed_at is None:
        return None
    finding = reading.bone(bone)
    if finding.human_grade is not None and finding.box is not None:
        return None
    if finding.box is None:
        return Attention(bone, Why.NOT_FOUND)
    blind = reading.blind is Blind.HIDDEN
    if finding.opinion is None and not blind:
        return Attention(bone, Why.NOT_GRADED)
    if finding.human_box is None and finding.machine_region and not finding.machine_region.certain:
        return Attention(bone, Why.PLACE, finding.machine_region.reason)
    opinion = finding.opinion
    if opinion is None or blind:
        return None
    worth = doubt_months(reading, bone)
    if worth is not None:
        return Attention(bone, Why.UNSURE, months=worth) if worth >= WORTH_MONTHS else None
    near = sum(opinion.probabilities[max(0, opinion.grade - 1) : opinion.grade + 2])
    if opinion.probability < UNSURE_BELOW or near < NEAR_BELOW:
        return Attention(bone, Why.UNSURE, probability=opinion.probability)
    return None


def contradicted(reading: Reading, bone: str) -> bool:
    """A measurement speaks against the grade in force."""
    finding = reading.bone(bone)
    final, evidence = finding.final_grade, finding.evidence
    return evidence is not None and final is not None and bool(contradiction(evidence, final))


def to_look_at(reading: Reading) -> tuple[str, ...]:
    """The flagged bones that nobody looked at yet, in table order: in doubt, without a grade, or with a measurement that
    speaks against the grade. 'Accept all' waits for them."""
    return tuple(
        finding.bone
        for finding in reading.bones
        if not finding.reviewed
        and (
            finding.final_grade is None
            or attention(reading, finding.bone) is not None
            or contradicted(reading, finding.bone)
        )
    )


_RANK = {Why.NOT_FOUND: 0, Why.NOT_GRADED: 1, Why.PLACE: 2}


def by_worth(reading: Reading) -> tuple[str, ...]:
    """All 13 bones, the one most worth a look first: not found, not graded, uncertain place, then by the months of bone
    age that the doubt about the grade is worth (`summary.doubt_months`: probability of each other grade times the months
    that it would move the bone age), then by 1 - probability where no bone age is to be had. Ties stay in table order.
    While a blind reading hides the machine's grades they play no part.
    """

    def key(bone: str) -> tuple[int, float]:
        found = attention(reading, bone)
        rank = _RANK.get(found.why, 3) if found is not None else 3
        opinion = None if reading.blind is Blind.HIDDEN else reading.bone(bone).opinion
        if opinion is None:
            return rank, 0.0
        worth = doubt_months(reading, bone)
        return rank, -(worth if worth is not None else 1 - opinion.probability)

    return tuple(sorted(rus_chn.BONES, key=key))


RAYS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("forearm", ("radius", "ulna")),
    ("1", ("mc1", "pp1", "dp1")),
    ("3", ("mc3", "pp3", "mp3", "dp3")),
    ("5", ("mc5", "pp5", "mp5", "dp5")),
)
"""The bones by ray, from the wrist to the fingertip."""
