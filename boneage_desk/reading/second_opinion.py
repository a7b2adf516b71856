"""Second bone ages from the whole film beside the 13 bones: how they enter a reading, and what their difference asks for.

They never touch the 13 bones. An opinion that rests on a fact is dropped when that fact is corrected.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from boneage_desk.reading.analysis import Flag, WholeHandOpinion, WholeHandResult
from boneage_desk.reading.assessment import Command, Reading
from boneage_desk.reading.summary import chronological_months, summarise
from boneage_desk.standards.types import Qualifier, years_months

WHOLE_HAND = "whole-hand"
"""The default second opinion."""
ENGINE_NAMES = {
    WHOLE_HAND: "Whole hand",
    "dual": "Dual output",
    "cascade": "Region cascade",
    "regression": "Regression",
}
"""Engines that give a second opinion, by id, in the order in which they are shown."""
UNAVAILABLE = "whole_hand_unavailable"
OUTSIDE = "outside_training"
FLAGS = (UNAVAILABLE, OUTSIDE, "sex_mismatch")


@dataclass(frozen=True, slots=True)
class Difference:
    """The bone age by 13 bones minus a second opinion, in months.

    ``at_least``: the standard's table ends, and the true difference may be larger. ``usual_months``: 95th percentile
    on held-out films, None where it was not measured. ``beyond``: larger than usual, which needs a comment.
    """

    months: float
    opinion: WholeHandOpinion
    usual_months: float | None
    beyond: bool
    at_least: bool = False


def default_opinion(reading: Reading) -> WholeHandOpinion | None:
    """The opinion that the 13 bones are held against: the default engine's, else the first that answered."""
    return reading.whole_hand[0] if reading.whole_hand else None


def weights_of(reading: Reading, opinion: WholeHandOpinion) -> str:
    """The SHA-256 of the weights that gave ``opinion``; '' where the reading does not tell."""
    named = [m.sha256 for m in reading.models if m.engine == opinion.engine and m.tag == opinion.model]
    return named[0] if len(named) == 1 else ""


def difference(reading: Reading, opinion: WholeHandOpinion | None = None) -> Difference | None:
    """From ``opinion``, else from the default one. None without a bone age, without an opinion, or where a table's
    end says nothing against the opinion."""
    age, opinion = summarise(reading).bone_age, opinion or default_opinion(reading)
    if age is None or opinion is None:
        return None
    months = age.months - opinion.bone_age_months
    if (age.qualifier is Qualifier.AT_LEAST and months < 0) or (age.qualifier is Qualifier.BELOW and months > 0):
        return None
    usual = opinion.usual_difference_months
    return Difference(months, opinion, usual, usual is not None and abs(months) > usual, age.qualifier != "")


def needs_comment(reading: Reading) -> bool:
    """The difference is larger than usual and nothing was written about it."""
    found = difference(reading)
    return found is not None and found.beyond and not reading.difference_comment.strip()


def wanted(reading: Reading, engines: Sequence[str]) -> tuple[str, ...]:
    """Those of ``engines`` that were not asked yet, or whose answer a corrected fact has settled.

    None before the 13 bones are in, and none while a flag blocks.
    """
    if reading.analysed_at is None or any(flag.blocking for flag in reading.flags):
        return ()
    there = {o.engine for o in reading.whole_hand} | {f.engine for f in reading.flags if f.code in FLAGS}
    return tuple(engine for engine in engines if engine not in there)


# ------------------------------------------------------------------------------------- commands
@dataclass(frozen=True, slots=True)
class SetWholeHand(Command):
    """Second opinions arrive: those of the same engines are replaced, the 13 bones stay untouched.

    While a flag blocks (no hand, a foot) no number is taken. Not a step of undo: see `ReadingSession.do`. A comment on the
    difference goes where the difference is now to the other side.
    """

    result: WholeHandResult
    at: datetime
    action = "set-whole-hand"

    def apply(self, reading: Reading) -> Reading:
        result = self.result
        blocking = [flag for flag in reading.flags if flag.blocking]
        sex = reading.patient.sex
        opinions, flags = list(result.opinions), [flag for flag in result.flags if flag.code != "sex_mismatch"]
        if blocking:
            flags += [_refused(o, f"no second opinion on this film: {blocking[0].message}") for o in opinions]
            opinions = []
        late = [o for o in opinions if o.sex not in (None, sex)]
        flags += [_refused(o, "the sex was changed meanwhile; ask again.") for o in late]
        opinions = [o for o in opinions if o not in late]
        asked = {o.engine for o in result.opinions} | {f.engine for f in flags} | {m.engine for m in result.models}
        asked.discard("")
        kept = dataclasses.replace(
            reading,
            whole_hand=_in_order(o for o in (*reading.whole_hand, *opinions) if o.engine not in asked or o in opinions),
            flags=(*(f for f in reading.flags if f.code not in FLAGS or f.engine not in asked), *flags),
            models=(*(m for m in reading.models if m.engine not in asked), *result.models),
            timing_ms={**reading.timing_ms, **result.timing_ms},
        )
        return _without_stale_comment(reading, within_training(kept))

    def describe(self, before: Reading, after: Reading) -> tuple[str, str, str]:
        models = ", ".join(f"{m.tag}@{m.sha256[:12]}" for m in self.result.models)
        return models, _opinions_text(before), _opinions_text(after)


@dataclass(frozen=True, slots=True)
class SetDifferenceComment(Command):
    """What the person says of a difference that is larger than usual; '' takes it back."""

    text: str
    action = "set-difference-comment"

    def apply(self, reading: Reading) -> Reading:
        return dataclasses.replace(reading, difference_comment=self.text)

    def describe(self, before: Reading, after: Reading) -> tuple[str, str, str]:
        return "difference", before.difference_comment, after.difference_comment


def _without_stale_comment(before: Reading, after: Reading) -> Reading:
    old, new = difference(before), difference(after)
    if old is None or new is None or (old.months < 0) == (new.months < 0):
        return after
    return dataclasses.replace(after, difference_comment="")


def _refused(opinion: WholeHandOpinion, why: str) -> Flag:
    return Flag(UNAVAILABLE, f"{ENGINE_NAMES.get(opinion.engine, opinion.engine)}: {why}", engine=opinion.engine)


def _opinions_text(reading: Reading) -> str:
    return " ".join(f"{o.engine}={o.bone_age_months:.1f}" for o in reading.whole_hand)


def _in_order(opinions: Iterable[WholeHandOpinion]) -> tuple[WholeHandOpinion, ...]:
    order = list(ENGINE_NAMES)
    return tuple(sorted(opinions, key=lambda o: order.index(o.engine) if o.engine in order else len(order)))


# ------------------------------------------------------------------------------- corrected facts
def with_new_facts(before: Reading, after: Reading) -> Reading:
    """``after`` without what rested on facts of ``before``.

    Another sex drops the opinions that used it, their models, what was said of their difference, and every flag of a
    second opinion: `wanted` then names what must be asked anew. A reading by the atlas of the other sex, and a girl's
    menarche, go too. Another age only looks at the training range.
    """
    if before.patient.sex is not None and after.patient.sex is not before.patient.sex:
        after = dataclasses.replace(after, growth=dataclasses.replace(after.growth, atlas_months=None, menarche=None))
    if after.patient.sex is not before.patient.sex:
        kept = tuple(o for o in after.whole_hand if o.sex is None)
        engines = {o.engine for o in kept}
        after = dataclasses.replace(
            after,
            whole_hand=kept,
            models=tuple(m for m in after.models if not m.engine or m.engine in engines),
            flags=tuple(f for f in after.flags if f.code not in FLAGS),
            difference_comment="",
        )
    if chronological_months(after) != chronological_months(before):
        after = dataclasses.replace(after, flags=tuple(f for f in after.flags if f.code != OUTSIDE))
    return within_training(after)


def within_training(reading: Reading) -> Reading:
    """The reading without opinions of models that were not trained on children of this age: a flag each instead."""
    months = chronological_months(reading)
    out = [o for o in reading.whole_hand if months is not None and o.age_range_months and _outside(months, o)]
    if months is None or not out:
        return reading
    flags = [outside_training(o.engine, o.age_range_months or (0.0, 0.0), f"the child is {years_months(months)} old") for o in out]
    return dataclasses.replace(
        reading,
        whole_hand=tuple(o for o in reading.whole_hand if o not in out),
        flags=(*reading.flags, *flags),
    )


def _outside(months: float, opinion: WholeHandOpinion) -> bool:
    low, high = opinion.age_range_months or (float("-inf"), float("inf"))
    return not low <= months <= high


def outside_training(engine: str, age_range: tuple[float, float], what: str) -> Flag:
    """The flag that stands for a number; ``what``: which age lies outside, in words."""
    low, high = age_range
    text = (
        f"{ENGINE_NAMES.get(engine, engine)}: no second opinion, {what} and the model was trained on "
        f"{years_months(low)} to {years_months(high)}."
    )
    return Flag(OUTSIDE, text, engine=engine)


def carried(now: Reading, value: Reading) -> Reading:
    """``value`` from the undo history with the opinions of ``now``, where both rest on the same analysis and facts; where
    the ages differ, with those too that the age of ``now`` has dropped."""
    if value.analysed_at != now.analysed_at or value.patient.sex is not now.patient.sex:
        return value
    opinions, told = now.whole_hand, tuple(f for f in now.flags if f.code in FLAGS)
    if chronological_months(now) != chronological_months(value):
        there = {opinion.engine for opinion in opinions}
        opinions = _in_order((*opinions, *(o for o in value.whole_hand if o.engine not in there)))
        told = tuple(flag for flag in told if flag.code != OUTSIDE)  # of the age that is in force now; looked at again below
    same = dataclasses.replace(
        value,
        whole_hand=opinions,
        flags=(*(f for f in value.flags if f.code not in FLAGS), *told),
        models=(*(m for m in value.models if not m.engine), *(m for m in now.models if m.engine)),
        timing_ms=dict(now.timing_ms),
    )
    return within_training(same)
