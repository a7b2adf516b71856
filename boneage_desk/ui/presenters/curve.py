"""The curve from score to bone age with the case on it, as values."""

from __future__ import annotations

from dataclasses import dataclass

from boneage_desk.common.i18n import tr
from boneage_desk.reading.session import Reading
from boneage_desk.reading.summary import Summary
from boneage_desk.standards import rus_chn
from boneage_desk.standards.types import Qualifier
from boneage_desk.ui.presenters import text


@dataclass(frozen=True, slots=True)
class Curve:
    """Months and points. ``knots``: of the sex's median curve. ``case``, ``machine``: (months, score) of the grades in
    force and of the machine's alone, None where there is no bone age; ``bound``: the case lies beyond the curve's end.
    ``interval_months``: (low, high) or None. ``age_months``: of the child, or None."""

    knots: tuple[tuple[float, float], ...]
    case: tuple[float, float] | None
    machine: tuple[float, float] | None
    bound: bool
    interval_months: tuple[float, float] | None
    age_months: float | None

    @property
    def words(self) -> str:
        """What the picture shows, for a tool tip and for those who do not see it."""
        parts = [tr("Score (up) and bone age (right) by the table of this sex.")]
        if self.case is not None:
            parts.append(tr("This case: {score} points, {age}.", score=round(self.case[1]), age=text.months(self.case[0])))
        if self.machine is not None:
            parts.append(tr("The AI alone: {score} points, {age}.", score=round(self.machine[1]), age=text.months(self.machine[0])))
        if self.age_months is not None:
            parts.append(tr("Dashed: the age of the child, {age}.", age=text.months(self.age_months)))
        return " ".join(parts)


def curve(reading: Reading, summary: Summary) -> Curve | None:
    """Of a reading; None while the sex is not known, which picks the curve."""
    sex = reading.patient.sex
    if sex is None:
        return None
    case = machine = None
    if summary.bone_age is not None and summary.score is not None:
        case = (summary.bone_age.months, float(summary.score))
    if summary.machine_bone_age is not None and summary.machine_score is not None:
        machine = (summary.machine_bone_age.months, float(summary.machine_score))
    return Curve(
        knots=rus_chn.knots(sex),
        case=case,
        machine=machine if machine != case else None,
        bound=summary.bone_age is not None and summary.bone_age.qualifier is not Qualifier.POINT,
        interval_months=summary.interval_months,
        age_months=summary.chronological_months,
    )
