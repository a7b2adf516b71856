"""The 13 rows of the grade panel, the selected bone's criteria, and the two-digit grade entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from boneage_desk.common.i18n import language, mark, said, tr
from boneage_desk.reading.assessment import Blind
from boneage_desk.reading.attention import RAYS, Why, attention
from boneage_desk.reading.findings import BoneFinding
from boneage_desk.reading.session import Reading
from boneage_desk.reading.summary import step_months
from boneage_desk.standards import rus_chn
from boneage_desk.ui.presenters import text
from boneage_desk.ui.presenters.measured import Measured, measured

NEIGHBOURS = 2
"""So many grades on each side of the machine's are drawn with it."""


@dataclass(frozen=True, slots=True)
class Share:
    """The machine's probability of one grade near its own; ``human``: the person's grade."""

    label: str
    probability: float
    machine: bool
    human: bool


@dataclass(frozen=True, slots=True)
class BoneRow:
    """One bone as the table shows it. Empty text where there is nothing to say."""

    bone: str
    name: str
    short: str
    machine: str
    probability: float | None
    human: str
    overridden: bool
    points: str
    down: float | None
    up: float | None
    reviewed: bool
    doubt: str
    """Why the bone is worth a look, in words; '' when it is not."""
    moved: bool
    final: int | None
    spread: tuple[Share, ...] = ()
    """Probabilities of the machine's grade and its neighbours, in order; none without an opinion."""
    reason: str = ""
    """Why the person's grade differs, in the person's words."""
    measured: Measured = field(default_factory=Measured)
    hidden: bool = False
    """The machine's grade is not shown yet (blind reading)."""
    blind: str = ""
    """The person's grade before the machine's was shown, where it is another now; else ''."""

    @property
    def spread_words(self) -> str:
        """'5(2) 12 %, 6 39 %, ...' and what is left for the others."""
        told = [f"{share.label} {share.probability:.0%}" for share in self.spread]
        rest = 1 - sum(share.probability for share in self.spread)
        return ", ".join(told + ([tr("others {rest:.0%}", rest=rest)] if rest >= 0.005 else []))

    @property
    def steps(self) -> str:
        return text.month_steps(self.down, self.up)


@dataclass(frozen=True, slots=True)
class Heading:
    """A line above the bones of one ray."""

    title: str


_RAY_NAMES = {
    "forearm": mark("Forearm"),
    "1": mark("Ray 1 \N{MIDDLE DOT} thumb"),
    "3": mark("Ray 3 \N{MIDDLE DOT} middle finger"),
    "5": mark("Ray 5 \N{MIDDLE DOT} little finger"),
}


def bone_rows(reading: Reading, bones: Sequence[str] = rus_chn.BONES) -> tuple[BoneRow, ...]:
    """A row for each of the 13 bones, in the order of ``bones``."""
    return tuple(bone_row(reading, bone) for bone in bones)


def by_ray(rows: Sequence[BoneRow]) -> tuple[BoneRow | Heading, ...]:
    """The rows by ray, each ray below its heading."""
    known = {row.bone: row for row in rows}
    result: list[BoneRow | Heading] = []
    for ray, bones in RAYS:
        result.append(Heading(tr(_RAY_NAMES[ray])))
        result += [known[bone] for bone in bones]
    return tuple(result)


def bone_row(reading: Reading, bone: str) -> BoneRow:
    finding = reading.bone(bone)
    opinion, final, sex = finding.opinion, finding.final_grade, reading.patient.sex
    points = str(rus_chn.score(bone, final, sex)) if final is not None and sex is not None else ""
    return BoneRow(
        bone=bone,
        name=text.bone(bone),
        short=text.short(bone),
        machine=rus_chn.label(bone, opinion.grade) if opinion else "",
        probability=opinion.probability if opinion else None,
        human=rus_chn.label(bone, finding.human_grade) if finding.human_grade is not None else "",
        overridden=finding.overridden,
        points=points,
        down=step_months(reading, bone, -1),
        up=step_months(reading, bone, +1),
        reviewed=finding.reviewed,
        doubt=doubt_of(reading, bone),
        moved=finding.human_box is not None,
        final=final,
        spread=_spread(finding),
        reason=finding.comment if finding.overridden else "",
        measured=measured(reading, bone),
        hidden=reading.blind is Blind.HIDDEN,
        blind=_blind(finding),
    )


def _blind(finding: BoneFinding) -> str:
    given = finding.blind_grade
    return "" if given is None or given == finding.final_grade else rus_chn.label(finding.bone, given)


def _spread(finding: BoneFinding) -> tuple[Share, ...]:
    """Five grades around the machine's; at an end of the scale the five that are there."""
    opinion, bone = finding.opinion, finding.bone
    if opinion is None:
        return ()
    last = rus_chn.max_grade(bone)
    first = max(0, min(opinion.grade - NEIGHBOURS, last - 2 * NEIGHBOURS))
    return tuple(
        Share(rus_chn.label(bone, i), opinion.probabilities[i], i == opinion.grade, i == finding.human_grade)
        for i in range(first, min(last, first + 2 * NEIGHBOURS) + 1)
    )


def doubt_of(reading: Reading, bone: str) -> str:
    """Why a bone is worth a look, in words; '' when it is not."""
    found = attention(reading, bone)
    if found is None:
        return ""
    if found.why is Why.NOT_FOUND and reading.bone(bone).box_removed:
        return tr("Its box was taken off: draw another, or enter the grade.")
    if found.why is Why.NOT_FOUND:
        return tr("Not found on the film: draw its box, or enter the grade.")
    if found.why is Why.NOT_GRADED:
        return tr("The box was drawn by hand and not graded by the machine yet.")
    if found.why is Why.PLACE:
        return said(found.reason) or tr("The place of this bone is uncertain.")
    if found.months is not None:
        return tr("The machine is unsure by {worth:.1f} months.", worth=found.months)
    return tr("The machine is unsure ({probability:.0%}).", probability=found.probability)


@dataclass(frozen=True, slots=True)
class Step:
    """One rung of the criteria ladder: a grade's name and what it looks like."""

    grade: int | None
    label: str
    criterion: str
    probability: float | None
    months: float | None


def ladder(reading: Reading, bone: str, browsed: int | None = None) -> tuple[Step, Step, Step]:
    """The grade below, the one in force, the one above; empty rungs at the ends. ``browsed``: of a bone without a grade,
    the one that is being looked at."""
    final = reading.bone(bone).final_grade
    final = browsed if final is None else final
    return (
        _rung(reading, bone, None if final is None else final - 1, -1),
        _rung(reading, bone, final, 0),
        _rung(reading, bone, None if final is None else final + 1, +1),
    )


def _rung(reading: Reading, bone: str, grade: int | None, step: int) -> Step:
    if grade is None or not 0 <= grade <= rus_chn.max_grade(bone):
        return Step(None, "", "", None, None)
    opinion = reading.bone(bone).opinion
    return Step(
        grade,
        rus_chn.label(bone, grade),
        rus_chn.criterion(bone, grade, language()),
        opinion.probabilities[grade] if opinion else None,
        step_months(reading, bone, step) if step else None,
    )


class GradeEntry:
    """Typed figures to a grade: the figures of its printed name, '6' or '70' for 7(0).

    A figure that is a whole name by itself counts at once; one that only begins names ('7' of 7(0),
    7(2)) waits for the second. Every first figure of every bone is one or the other, never both.
    """

    def __init__(self) -> None:
        self._bone = ""
        self._typed = ""

    @property
    def typed(self) -> str:
        """What waits for a second figure."""
        return self._typed

    def clear(self) -> None:
        self._typed = ""

    def key(self, bone: str, figure: str) -> int | None:
        """The grade index when the figures name one, None while more are needed or none fits."""
        if bone != self._bone:
            self._bone, self._typed = bone, ""
        figures = {_figures(name): index for index, name in enumerate(rus_chn.labels(bone))}
        for typed in (self._typed + figure, figure):
            if typed in figures:
                self._typed = ""
                return figures[typed]
            if any(name.startswith(typed) for name in figures):
                self._typed = typed
                return None
        self._typed = ""
        return None

    def choices(self, bone: str) -> tuple[str, ...]:
        """The printed names that what was typed may become."""
        return tuple(name for name in rus_chn.labels(bone) if self._typed and _figures(name).startswith(self._typed))


def _figures(label: str) -> str:
    return "".join(sign for sign in label if sign.isdigit())
