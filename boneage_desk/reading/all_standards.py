"""One reading by every standard, side by side, for window, report and JSON; some 0.2 ms, so that it can follow every override.

RUS-CHN, TW3 RUS and TW3-C RUS come from the 13 grades in force. Greulich-Pyle comes from the whole-hand model, which was
taught with ages read by that atlas; without its opinion there is none. The reader's own reading by the atlas is a row
more, where there is one. CHN 1988 needs bones that are not among the 13.
Carpal methods have no scores (`standards.catalogue.REFUSED`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from boneage_desk.reading.analysis import WholeHandOpinion
from boneage_desk.reading.assessment import Blind, Reading
from boneage_desk.reading.reference import conclusion_of
from boneage_desk.reading.second_opinion import default_opinion
from boneage_desk.reading.summary import Summary, summarise
from boneage_desk.standards import catalogue, chn_1988, gp, results, rus_chn, tw3
from boneage_desk.standards.gp import Plate
from boneage_desk.standards.types import BoneAge, Qualifier, Sex

SHOWN = (rus_chn.STANDARD_ID, tw3.TW3_RUS, tw3.TW3_C_RUS, gp.STANDARD_ID, chn_1988.STANDARD_ID)
"""The standards of a table, in its order."""
GRADES, WHOLE_HAND, READER = "13-grades", "whole-hand-model", "reader"


@dataclass(frozen=True, slots=True)
class StandardRow:
    """One standard's answer. ``score``: 0 to 1000 points, None without. ``origin``: GRADES, WHOLE_HAND or
    READER.

    ``difference_months``: bone age minus the age it is compared with, None at a bound or without an age. ``why_not``: ''
    where there is a bone age, else 'no-grades', 'no-model' or 'other-bones'. ``conclusion``, ``degree``: by the reading's
    rule, as in `reading.reference`; '' where it is open.
    """

    standard: str
    name: str
    edition: str
    certainty: str
    origin: str
    score: int | None = None
    bone_age: BoneAge | None = None
    difference_months: float | None = None
    why_not: str = ""
    conclusion: str = ""
    degree: str = ""


@dataclass(frozen=True, slots=True)
class Apart:
    """The two standards that are furthest apart, the older bone age first, and the kind of reason for it.

    ``reason``: 'norms' (same points, other children), 'points' (same children, other points), 'both', or 'atlas'.
    """

    older: str
    younger: str
    months: float
    reason: str


@dataclass(frozen=True, slots=True)
class AllStandards:
    """``rows`` in the order of :data:`SHOWN`, the standard of the site (``site``) before the others; after the whole-hand
    model's the reader's own by Greulich-Pyle, where there is one. ``apart``: None unless two have a bone age that is no
    bound; the reader's own is not asked there.

    ``plates``: the Greulich-Pyle plates nearest to the RUS-CHN bone age, the reading aid; empty at a bound.
    """

    rows: tuple[StandardRow, ...]
    apart: Apart | None
    plates: tuple[Plate, ...]
    site: str = rus_chn.STANDARD_ID

    def row(self, standard: str) -> StandardRow:
        """The row of one standard, by grades or model; KeyError where it is not shown."""
        return {row.standard: row for row in self.rows if row.origin != READER}[standard]

    @property
    def own(self) -> StandardRow | None:
        """The reader's own reading by Greulich-Pyle; None where the reader gave none."""
        return next((row for row in self.rows if row.origin == READER), None)


def all_standards(reading: Reading, summary: Summary | None = None) -> AllStandards:
    """Every standard of ``reading`` as it stands. ``summary`` is worked out when not given.

    While the machine's grades are hidden (`reading.blind`) only a person's own 13 grades are used.
    """
    summary = summarise(reading) if summary is None else summary
    sex = reading.patient.sex
    found: dict[str, tuple[int | None, BoneAge]] = {}
    hidden = reading.blind is Blind.HIDDEN and any(finding.human_grade is None for finding in reading.bones)
    if summary.bone_age is not None and sex is not None and not hidden:
        grades = {finding.bone: finding.final_grade for finding in reading.bones if finding.final_grade is not None}
        found = {one.standard: (one.score, one.bone_age) for one in results.from_grades(grades, sex)}
    opinion = _opinion(reading)
    if opinion is not None and sex is not None:
        found[gp.STANDARD_ID] = None, gp.on_the_ladder(opinion.bone_age_months, sex)
    site = reading.site_standard
    shown = (site, *(standard for standard in SHOWN if standard != site))
    rows = [_row(standard, found.get(standard), summary, sex) for standard in shown]
    age, apart = rows[shown.index(rus_chn.STANDARD_ID)].bone_age, _apart(rows)
    own = reading.growth.atlas_months
    if own is not None and sex is not None:
        answer = None, gp.on_the_ladder(own, sex)
        rows.insert(shown.index(gp.STANDARD_ID) + 1, _row(gp.STANDARD_ID, answer, summary, sex, READER))
    point = age is not None and sex is not None and age.qualifier is Qualifier.POINT
    plates = gp.nearest(age.months, sex) if point and age is not None and sex is not None else ()
    return AllStandards(tuple(rows), apart, plates, site)


def _opinion(reading: Reading) -> WholeHandOpinion | None:
    """The default second opinion; None while the machine's answers are hidden from the reader."""
    return None if reading.blind is Blind.HIDDEN else default_opinion(reading)


def _row(
    standard: str, found: tuple[int | None, BoneAge] | None, summary: Summary, sex: Sex | None, origin: str = ""
) -> StandardRow:
    info = catalogue.info(standard)
    origin = origin or (WHOLE_HAND if standard == gp.STANDARD_ID else GRADES)
    if found is None or sex is None:
        why_not = "other-bones" if standard == chn_1988.STANDARD_ID else "no-model" if origin == WHOLE_HAND else "no-grades"
        return StandardRow(standard, info.name, info.edition, info.certainty, origin, why_not=why_not)
    score, age = found
    compared = summary.compared_months
    difference = None if compared is None or age.qualifier is not Qualifier.POINT else age.months - compared
    word, degree, _ = conclusion_of(age, summary, sex)
    return StandardRow(
        standard, info.name, info.edition, info.certainty, origin, score, age, difference,
        conclusion=word.value, degree=degree.value,
    )  # fmt: skip


_REASONS = {
    frozenset((tw3.TW3_RUS, tw3.TW3_C_RUS)): "norms",
    frozenset((rus_chn.STANDARD_ID, tw3.TW3_C_RUS)): "points",
    frozenset((rus_chn.STANDARD_ID, tw3.TW3_RUS)): "both",
}


def _apart(rows: Sequence[StandardRow]) -> Apart | None:
    ages = [(row.bone_age.months, row.standard) for row in rows if row.bone_age is not None and not row.bone_age.qualifier]
    if len(ages) < 2:
        return None
    (low, younger), (high, older) = min(ages), max(ages)
    if math.floor(high - low + 0.5) == 0:
        return None
    return Apart(older, younger, high - low, _REASONS.get(frozenset((older, younger)), "atlas"))
