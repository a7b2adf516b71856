"""What a reading's growth comes to: heights over age with SD scores, velocity, adult height by every method, doubts.

One function, :func:`growth_view`, gives all of it as a frozen value; it takes a few milliseconds and may be called at
every change. Pure: the reading is all that it looks at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from boneage_desk.common.errors import InputError
from boneage_desk.reading.ages import BirthPrecision, age_months
from boneage_desk.reading.assessment import Reading
from boneage_desk.reading.blind import shown
from boneage_desk.reading.growth import FAR_SDS, Measurement, Origin, dated
from boneage_desk.reading.growth_texts import Doubt, doubt
from boneage_desk.reading.second_opinion import WHOLE_HAND
from boneage_desk.reading.summary import Summary, summarise
from boneage_desk.standards import growth, rus_chn, tw3
from boneage_desk.standards.gp import on_the_ladder
from boneage_desk.standards.growth import GrowthReference, Measure, Velocity
from boneage_desk.standards.height import HeightInputs, HeightPrediction, predict_all
from boneage_desk.standards.types import Qualifier, Sex

MOST_DAYS = 92
"""Days before the film up to which a height may stand for the child's height at the film."""
TOLD_DAYS = 31
"""From here on the days between are told."""
FALL_CM = 1.0
"""A later height lower by more than this is told: it is more than the error of two measurements."""
YEAR_DAYS = 365.25


@dataclass(frozen=True, slots=True)
class Point:
    """One height or weight on the chart. ``age_months`` None: the birth date is not known. ``sds``, ``percentile``: by the
    reference at that age, None where it has no answer."""

    on: date
    value: float
    origin: Origin
    age_months: float | None
    sds: float | None

    @property
    def percentile(self) -> float | None:
        return None if self.sds is None else growth.percentile_of(self.sds)


@dataclass(frozen=True, slots=True)
class GrowthView:
    """All that is shown of a child's growth.

    ``heights``, ``weights``: those in use, by date. ``height``, ``weight``: the last of them not older than
    :data:`MOST_DAYS` before the film. ``ba_months``: the bone age in force, None without one or at a table's end;
    ``height_sds_at_ba``: SD score of ``height`` at that age. ``height_age_months``: age of which ``height`` is the median.
    ``velocity``: between the height and the one nearest to a year before, ``velocity_from`` its day. ``mid_parental``: the
    target height (Tanner). ``predictions``: every method. ``doubts``: what the reader should look at.
    """

    reference: GrowthReference
    sex: Sex | None
    ca_months: float | None
    ba_months: float | None
    heights: tuple[Point, ...]
    weights: tuple[Point, ...]
    height: Point | None
    weight: Point | None
    height_sds_at_ba: float | None
    height_age_months: float | None
    velocity: Velocity | None
    velocity_from: date | None
    father_cm: float | None
    mother_cm: float | None
    predictions: tuple[HeightPrediction, ...]
    doubts: tuple[Doubt, ...]

    @property
    def target(self) -> HeightPrediction | None:
        """The mid-parental height (Tanner); None without sex or a parent's height."""
        return next((one for one in self.predictions if one.method == "mid-parental" and one.cm is not None), None)

    @property
    def anything(self) -> bool:
        """Whether there is anything to show: a measurement or a parent's height."""
        return bool(self.heights or self.weights or self.father_cm or self.mother_cm)


def growth_view(
    reading: Reading,
    reference: GrowthReference | str = GrowthReference.CHINA_2009,
    *,
    summary: Summary | None = None,
    history: Sequence[Measurement] = (),
) -> GrowthView:
    """The reading's growth by ``reference``. ``history``: measurements of earlier readings of the same child
    (`reading.follow_up`). ``summary`` is worked out when not given. Raises StandardError for an unknown reference."""
    reference = GrowthReference.parse(str(reference))
    summary = summarise(reading) if summary is None else summary
    sex, own = reading.patient.sex, reading.growth
    doubts: list[Doubt] = []
    kept = _in_use(reading, history, doubts)
    heights, weights = (_points(reading, reference, measure, kept, doubts) for measure in (Measure.HEIGHT, Measure.WEIGHT))
    height, weight = (_present(reading, points, doubts, told) for points, told in ((heights, True), (weights, False)))
    point = summary.bone_age is not None and summary.bone_age.qualifier is Qualifier.POINT
    ba = summary.bone_age.months if summary.bone_age is not None and point else None
    pace, since = _velocity(height, heights)
    _look(reading, reference, height, weight, heights, doubts)
    return GrowthView(
        reference=reference,
        sex=sex,
        ca_months=summary.chronological_months,
        ba_months=ba,
        heights=heights,
        weights=weights,
        height=height,
        weight=weight,
        height_sds_at_ba=_sds(reference, Measure.HEIGHT, height, ba, sex),
        height_age_months=None if height is None or sex is None else growth.height_age(reference, height.value, sex),
        velocity=pace,
        velocity_from=since,
        father_cm=own.father_cm,
        mother_cm=own.mother_cm,
        predictions=() if sex is None else predict_all(_inputs(reading, summary, sex, height, weight)),
        doubts=tuple(dict.fromkeys(doubts)),
    )


# --- measurements --------------------------------------------------------------------------------------
def _in_use(reading: Reading, history: Sequence[Measurement], doubts: list[Doubt]) -> list[Measurement]:
    """Measurements that can be of this child up to this film, by date. The file's are of the film's day, whatever the day
    is corrected to."""
    birth, study = reading.patient.birth_date, reading.study.study_date
    kept = []
    for one in (*history, *dated(reading.growth, study)):
        if study is not None and one.on > study:
            doubts.append(doubt("after-study", on=one.on.isoformat()))
        elif birth is not None and one.on < birth:
            doubts.append(doubt("before-birth", on=one.on.isoformat()))
        else:
            kept.append(one)
    return kept


def _points(
    reading: Reading, reference: GrowthReference, measure: Measure, kept: Sequence[Measurement], doubts: list[Doubt]
) -> tuple[Point, ...]:
    """One value a day: a person's before the file's, this reading's before an earlier one's. A file's value that is
    unlikely is left out, a person's is told."""
    found: dict[date, Point] = {}
    for one in kept:
        value = one.height_cm if measure is Measure.HEIGHT else one.weight_kg
        if value is None or (one.on in found and found[one.on].origin is Origin.PERSON and one.origin is Origin.FILE):
            continue
        age = _age(reading, one.on)
        sds = None if age is None or reading.patient.sex is None else _any_sds(reference, measure, value, age, reading.patient.sex)
        if sds is not None and abs(sds[1]) > FAR_SDS:
            if one.origin is Origin.FILE:
                doubts.append(doubt("file-left-out"))
                continue
            code = "height-far" if measure is Measure.HEIGHT else "weight-far"
            doubts.append(
                doubt(code, on=one.on.isoformat(), value=f"{value:g}", sds=f"{sds[1]:+.1f}", reference=sds[0].print_name)
            )
        own = sds[1] if sds is not None and sds[0] is reference else None
        found[one.on] = Point(one.on, value, one.origin, age, own)
    return tuple(found[on] for on in sorted(found))


def _any_sds(
    reference: GrowthReference, measure: Measure, value: float, age: float, sex: Sex
) -> tuple[GrowthReference, float] | None:
    """SD score by the chosen reference, else by another that has one at this age: an unlikely value is told by any."""
    for one in (reference, GrowthReference.CHINA_2009, GrowthReference.CDC_2000):
        score = growth.sds(one, measure, value, age, sex)
        if score is not None:
            return one, score
    return None


def _age(reading: Reading, on: date) -> float | None:
    birth = reading.patient.birth_date
    if birth is None:
        return None
    try:
        return age_months(birth, on)
    except InputError:
        return None


def _present(reading: Reading, points: Sequence[Point], doubts: list[Doubt], told: bool) -> Point | None:
    """The last value, where it is near enough to the film to stand for it."""
    if not points:
        return None
    study = reading.study.study_date
    if study is None:
        if told:
            doubts.append(doubt("no-study-date"))
        return None
    days = (study - points[-1].on).days
    if days > MOST_DAYS:
        doubts.append(doubt("height-too-old" if told else "weight-too-old", days=days, most=MOST_DAYS))
        return None
    if days >= TOLD_DAYS and told:
        doubts.append(doubt("height-old", days=days))
    return points[-1]


def _velocity(height: Point | None, heights: Sequence[Point]) -> tuple[Velocity | None, date | None]:
    """From the height whose day is nearest to a year before the last one, within what a velocity may span."""
    if height is None:
        return None, None
    earlier = [one for one in heights if growth.velocity(one.value, height.value, (height.on - one.on).days) is not None]
    if not earlier:
        return None, None
    best = min(earlier, key=lambda one: (abs((height.on - one.on).days - YEAR_DAYS), one.on))
    return growth.velocity(best.value, height.value, (height.on - best.on).days), best.on


def _sds(reference: GrowthReference, measure: Measure, point: Point | None, age: float | None, sex: Sex | None) -> float | None:
    if point is None or age is None or sex is None:
        return None
    return growth.sds(reference, measure, point.value, age, sex)


def _look(
    reading: Reading, reference: GrowthReference, height: Point | None, weight: Point | None, heights: Sequence[Point],
    doubts: list[Doubt],
) -> None:  # fmt: skip
    """What else the reader should know."""
    own = reading.growth
    if own.father_cm is not None and own.mother_cm is not None and own.mother_cm > own.father_cm:
        doubts.append(doubt("parents-swapped", mother=f"{own.mother_cm:g}", father=f"{own.father_cm:g}"))
    for before, after in zip(heights, heights[1:], strict=False):
        if after.value < before.value - FALL_CM:
            doubts.append(
                doubt("height-fell", on=after.on.isoformat(), value=f"{after.value:g}", earlier=before.on.isoformat(),
                      before=f"{before.value:g}")
            )  # fmt: skip
    if not heights and weight is None:
        return
    if reading.patient.sex is None:
        doubts.append(doubt("no-sex"))
    if height is not None and height.age_months is None:
        doubts.append(doubt("no-age", on=height.on.isoformat()))
    elif height is not None and height.sds is None and reading.patient.sex is not None and height.age_months is not None:
        low, high = growth.age_range(reference)
        age = f"#{height.age_months:.3f}"
        if low <= height.age_months <= high:
            doubts.append(doubt("gap-reference", age=age))
        else:
            doubts.append(doubt("outside-reference", reference=reference.print_name, age=age, low=f"#{low}", high=f"#{high}"))
    if weight is not None and Measure.WEIGHT not in growth.measures(reference):
        doubts.append(doubt("no-weight-reference", reference=reference.print_name))
    if reading.age_basis.birth_precision is not BirthPrecision.DAY and heights:
        doubts.append(doubt("birth-estimated"))


# --- adult height --------------------------------------------------------------------------------------
def _inputs(reading: Reading, summary: Summary, sex: Sex, height: Point | None, weight: Point | None) -> HeightInputs:
    """What the methods get: each bone age only as what it is. While the reading is blind the machine's play no part."""
    seen, own = shown(reading), reading.growth
    gp, gp_source = None, "gp"
    if own.atlas_months is not None:
        gp, gp_source = on_the_ladder(own.atlas_months, sex), "atlas"
    else:
        opinion = next((one for one in seen.whole_hand if one.engine == WHOLE_HAND), None)
        if opinion is not None:
            gp, gp_source = on_the_ladder(max(0.0, opinion.bone_age_months), sex), "whole-hand"
    tw2, mature = None, None
    others: tuple[str, ...] = ()
    if summary.bone_age is not None:
        grades = {f.bone: f.final_grade for f in seen.bones if f.final_grade is not None}
        tw2 = tw3.bone_age(tw3.total_of_grades(grades, sex), sex, tw3.TW2_RUS)
        others = (rus_chn.NAME,)
        mature = sum(grade == rus_chn.max_grade(bone) for bone, grade in grades.items()) / len(grades)
    ca = summary.chronological_months
    return HeightInputs(
        sex=sex,
        ca_months=ca if ca is not None and ca > 0 else None,
        height_cm=height.value if height is not None else None,
        weight_kg=weight.value if weight is not None else None,
        father_cm=own.father_cm,
        mother_cm=own.mother_cm,
        gp=gp,
        gp_source=gp_source,
        tw2_rus=tw2,
        tw2_source="grades",
        menarche=own.menarche,
        other_ages=others,
        mature_share=mature,
    )
