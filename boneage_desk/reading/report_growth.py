"""The report's growth page as values: chart, facts, adult height by each method, what to look at; in one language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from boneage_desk.reading.assessment import State
from boneage_desk.reading.follow_up import FollowUp, Step, Strip, Visit
from boneage_desk.reading.growth import Origin
from boneage_desk.reading.growth_view import GrowthView, Point
from boneage_desk.reading.report_values import Fact
from boneage_desk.standards import growth, rus_chn
from boneage_desk.standards.growth import Curve, Measure
from boneage_desk.standards.height import HeightPrediction
from boneage_desk.standards.height_words import LANGUAGES, age_words
from boneage_desk.standards.types import Sex

_WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("Growth and adult height", "生长与成年身高预测"),
    "chart": ("Height for age, {sex}, {reference}: P3 to P97", "年龄别身高，{sex}，{reference}：P3 至 P97"),
    "girls": ("girls", "女孩"),
    "boys": ("boys", "男孩"),
    "alt": (
        "Height for age with percentiles 3 to 97 of {reference}; {count} heights of the child, the last {cm} cm.",
        "{reference} 年龄别身高曲线（P3 至 P97）；儿童身高 {count} 次，末次 {cm} cm。",
    ),
    "axis.age": ("age, years", "年龄，岁"),
    "axis.height": ("height, cm", "身高，cm"),
    "mark.age": ("height at chronological age", "生活年龄处身高"),
    "mark.bone": ("at bone age", "骨龄处身高"),
    "mark.target": ("target height band", "靶身高范围"),
    "mark.predicted": ("{method}", "{method}"),
    "reference": ("Reference", "生长参照"),
    "height": ("Height", "身高"),
    "weight": ("Weight", "体重"),
    "on": ("{value} on {on}", "{value}（{on}）"),
    "of-file": (" (from the film's file)", "（取自影像文件）"),
    "sds-age": ("SD score at age {age}", "生活年龄 {age} SD 值"),
    "sds-bone": ("SD score at bone age {age}", "骨龄 {age} SD 值"),
    "sds": ("{sds} (P{percentile})", "{sds}（P{percentile}）"),
    "no-score": ("none: not in the reference", "无：参照中无数据"),
    "no-bone": ("none: no bone age in figures", "无：无确定骨龄"),
    "not-measured": ("not recorded", "未记录"),
    "none-near": ("none near the film's date", "影像检查日期附近无测值"),
    "height-age": ("Height age", "身高年龄"),
    "velocity": ("Growth velocity", "生长速度"),
    "velocity.value": (
        "{rate} cm/year since {since} (error of measuring +-{error}, 2 SD){short}",
        "自 {since} 起 {rate} cm/年（测量误差 ±{error}，2 SD）{short}",
    ),
    "velocity.short": ("; short interval, season counts", "；间隔短，受季节影响"),
    "velocity.none": ("needs two heights 3 months to 2 years apart", "需间隔 3 个月至 2 年的两次身高"),
    "parents": ("Parents", "父母身高"),
    "parents.value": ("father {father}, mother {mother}", "父 {father}，母 {mother}"),
    "unknown": ("not known", "未知"),
    "target": ("Target height (Tanner)", "靶身高（Tanner）"),
    "target.value": ("{cm} cm ({low} to {high})", "{cm} cm（{low} 至 {high}）"),
    "table": ("Adult height by each method", "各法成年身高预测"),
    "col.method": ("Method", "方法"),
    "col.cm": ("cm", "cm"),
    "col.range": ("Range, cm", "范围，cm"),
    "col.basis": ("Made of; error; limits", "依据；误差；局限"),
    "not-available": ("not available: ", "不可用："),
    "join": ("; ", "；"),
    "range": ("{low} - {high}", "{low} - {high}"),
    "doubts": ("Points to check", "需核对事项"),
    "note": (
        "Predictions by bone age are for healthy untreated children, not with precocious puberty, endocrine disease or "
        "dysplasia. They are of groups and say little of one child; methods that differ are not averaged. SD scores by LMS, "
        "linear between tabulated ages, never beyond them.",
        "按骨龄的预测适用于健康未治疗儿童，不适用于性早熟、内分泌疾病或骨发育不良。预测来自群体，对个体意义有限；各法结果不作平均。"
        "SD 值按 LMS 法，表间线性内插，不外推。",
    ),
    "visits": ("Bone age over visits", "历次骨龄"),
    "visits.alt": ("Bone age against age of {count} films.", "{count} 次影像的骨龄与生活年龄。"),
    "by.read": ("reviewed or signed", "已审核或已签名"),
    "by.draft": ("draft, not reviewed yet", "草稿，尚未审核"),
    "by.machine": ("AI alone: nobody looked at it yet", "仅 AI：尚无人阅片"),
    "bound": ("at an end of the table: a bound", "到达表的端点：界限值"),
    "axis.bone": ("bone age, years", "骨龄，岁"),
    "col.from": ("From", "自"),
    "col.to": ("To", "至"),
    "col.ba": ("Bone age, months", "骨龄变化，月"),
    "col.ca": ("Age, months", "年龄变化，月"),
    "col.rate": ("Ratio", "比值"),
    "step.error": ("{value} (+-{error}, {coverage} %)", "{value} (+-{error}, {coverage} %)"),
    "step.short": ("too short", "间隔过短"),
    "strip": ("Grades of each bone over visits (!: lower than before)", "各骨历次等级（!：低于既往）"),
    "bone": ("Bone", "骨"),
    "all": ("all visits: ", "全程："),
}
BACK = "! "
"""Before a grade that is lower than one before it."""
IN_NOTE = "limit.healthy"
"""A limit of several methods that the page says once."""
MOST_VISITS = 8
"""Films whose grades and changes are printed, the last ones; the chart has all."""
CHART_FROM_MONTHS = 24.0
"""The chart begins here, or at the reference's start, unless the child was measured earlier."""


@dataclass(frozen=True, slots=True)
class PredictionRow:
    """One method: printed words. ``known`` False: ``basis`` says why there is none."""

    name: str
    cm: str
    span: str
    basis: str
    known: bool


@dataclass(frozen=True, slots=True)
class ChartMark:
    """A mark at (months, cm). ``kind``: 'age' a height at its age, 'bone' the last one at the bone age."""

    kind: str
    months: float
    cm: float


@dataclass(frozen=True, slots=True)
class GrowthChart:
    """Figures of the chart: curves, marks by date, ends of the age axis (months), target band and one prediction with its
    range, both as (cm, low, high)."""

    curves: tuple[Curve, ...]
    marks: tuple[ChartMark, ...]
    ends: tuple[float, float]
    target: tuple[float, float, float] | None
    predicted: tuple[float, float | None, float | None] | None


@dataclass(frozen=True, slots=True)
class StepRow:
    """A change between two visits, printed; ``cells``: from, to, bone age, age, ratio."""

    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VisitPoint:
    """A film on the chart of visits, ages in months. ``figure``: False for a bound. ``by``: 'read' (reviewed or signed),
    'draft' (a person is at it), 'machine' (nobody looked at it)."""

    age_months: float
    bone_months: float
    figure: bool
    by: str


@dataclass(frozen=True, slots=True)
class VisitsReport:
    """Bone age over visits: the points, the steps, the strip. ``legend``: (`VisitPoint.by`, or 'bound'; what it is) of the
    marks that occur. ``strip``: a row for each bone of (name, grades, marked where one is lower than before)."""

    title: str
    alt: str
    axis_age: str
    axis_bone: str
    points: tuple[VisitPoint, ...]
    legend: tuple[tuple[str, str], ...]
    columns: tuple[str, ...]
    steps: tuple[StepRow, ...]
    strip_title: str
    strip_columns: tuple[str, ...]
    strip: tuple[tuple[str, ...], ...]
    warnings_title: str
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GrowthReport:
    """The growth page. ``chart`` None: no sex, or nothing that the reference's ages hold."""

    title: str
    chart_title: str
    chart_alt: str
    axis_age: str
    axis_height: str
    legend: tuple[str, ...]
    """Of the marks: height at age, at bone age, target band, prediction; '' for one that is not drawn."""
    chart: GrowthChart | None
    facts: tuple[Fact, ...]
    table_title: str
    columns: tuple[str, ...]
    rows: tuple[PredictionRow, ...]
    doubts_title: str
    doubts: tuple[str, ...]
    note: str
    measured: bool
    """Whether there is more than visits: a measurement or a parent's height."""
    visits: VisitsReport | None = None


def say(language: str, key: str, /, **values: object) -> str:
    """The words of ``key`` in 'en' or 'zh'."""
    return _WORDS[key][LANGUAGES.index(language)].format(**values)


def growth_report(view: GrowthView, visits: FollowUp | None, language: str) -> GrowthReport | None:
    """The page in 'en' or 'zh'; None where there is nothing to print: no measurement, no parents, no earlier film."""
    seen = visits is not None and len(visits.visits) > 1
    if not view.anything and not seen:
        return None
    chart = growth_chart(view)
    reference = view.reference.print_name
    return GrowthReport(
        title=say(language, "title"),
        chart_title=""
        if view.sex is None
        else say(language, "chart", sex=say(language, "boys" if view.sex is Sex.MALE else "girls"), reference=reference),
        chart_alt=say(
            language, "alt", reference=reference, count=len(view.heights), cm=f"{view.heights[-1].value:.1f}" if view.heights else "-"
        ),
        axis_age=say(language, "axis.age"),
        axis_height=say(language, "axis.height"),
        legend=_legend(view, chart, language),
        chart=chart,
        facts=_facts(view, language),
        table_title=say(language, "table"),
        columns=tuple(say(language, f"col.{key}") for key in ("method", "cm", "range", "basis")),
        rows=tuple(_row(one, language) for one in view.predictions),
        doubts_title=say(language, "doubts"),
        doubts=tuple(one.text(language) for one in view.doubts),
        note=say(language, "note"),
        measured=view.anything,
        visits=_visits(visits, language) if visits is not None and seen else None,
    )


# --- the chart -----------------------------------------------------------------------------------------
def growth_chart(view: GrowthView) -> GrowthChart | None:
    """Figures of the height chart; None without a sex."""
    if view.sex is None:
        return None
    low, high = growth.age_range(view.reference)
    marks = [ChartMark("age", one.age_months, one.value) for one in view.heights if one.age_months is not None]
    last = view.height
    if last is not None and view.ba_months is not None and last.age_months is not None:
        marks.append(ChartMark("bone", view.ba_months, last.value))
    first = max(low, CHART_FROM_MONTHS)
    first = min([first, *(mark.months // 12 * 12 for mark in marks)])
    end = max([high, *(mark.months for mark in marks)])
    target, best = view.target, best_prediction(view)
    return GrowthChart(
        curves=growth.chart(view.reference, Measure.HEIGHT, view.sex, low=first, high=end),
        marks=tuple(marks),
        ends=(first, end),
        target=(target.cm, target.low_cm, target.high_cm)
        if target is not None and target.cm is not None and target.low_cm is not None and target.high_cm is not None
        else None,
        predicted=None if best is None or best.cm is None else (best.cm, best.low_cm, best.high_cm),
    )


def best_prediction(view: GrowthView) -> HeightPrediction | None:
    """The first method, in their order, that looks at the child and gives a height: that one is drawn."""
    own = (one for one in view.predictions if not one.method.startswith("mid-parental"))
    return next((one for one in own if one.cm is not None), None)


def _legend(view: GrowthView, chart: GrowthChart | None, language: str) -> tuple[str, ...]:
    if chart is None:
        return ("", "", "", "")
    kinds = {mark.kind for mark in chart.marks}
    best = best_prediction(view)
    return (
        say(language, "mark.age") if "age" in kinds else "",
        say(language, "mark.bone") if "bone" in kinds else "",
        say(language, "mark.target") if chart.target is not None else "",
        best.name(language) if best is not None else "",
    )


# --- facts ---------------------------------------------------------------------------------------------
def _facts(view: GrowthView, language: str) -> tuple[Fact, ...]:
    def age(months: float | None) -> str:
        return "-" if months is None else age_words(f"#{months:.3f}", language)

    def fact(key: str, value: str, label: str = "", **missing: str) -> Fact:
        told = label or say(language, key)
        return Fact(key, told, value or say(language, missing.get("without", "not-measured")), known=bool(value))

    height, weight, target = view.height, view.weight, view.target
    made = [
        fact("reference", view.reference.print_name),
        fact("height", _measured(height, "cm", language), without="none-near" if view.heights else "not-measured"),
    ]
    if height is not None:
        label = say(language, "sds-age", age=age(height.age_months))
        made.append(fact("sds-age", _score(height.sds, language), label, without="no-score"))
        bone = say(language, "sds-bone", age=age(view.ba_months))
        without = "no-bone" if view.ba_months is None else "no-score"
        made.append(fact("sds-bone", _score(view.height_sds_at_ba, language), bone, without=without))
        if view.height_age_months is not None:
            made.append(fact("height-age", age(view.height_age_months)))
    weighed = _measured(weight, "kg", language)
    if weight is not None and weight.sds is not None:
        weighed += f", {_score(weight.sds, language)}"
    made.append(fact("weight", weighed, without="none-near" if view.weights else "not-measured"))
    made.append(fact("velocity", _velocity(view, language), without="velocity.none"))
    father, mother = (
        say(language, "unknown") if cm is None else f"{cm:.1f} cm" for cm in (view.father_cm, view.mother_cm)
    )
    parents = "" if view.father_cm is None and view.mother_cm is None else say(language, "parents.value", father=father, mother=mother)
    made.append(fact("parents", parents))
    if target is not None and target.cm is not None:
        ends = {"low": f"{target.low_cm:.1f}", "high": f"{target.high_cm:.1f}"}
        made.append(fact("target", say(language, "target.value", cm=f"{target.cm:.1f}", **ends)))
    return tuple(made)


def _measured(point: Point | None, unit: str, language: str) -> str:
    if point is None:
        return ""
    told = say(language, "on", value=f"{point.value:.1f} {unit}", on=point.on.isoformat())
    return told + (say(language, "of-file") if point.origin is Origin.FILE else "")


def _score(sds: float | None, language: str) -> str:
    if sds is None:
        return ""
    return say(language, "sds", sds=sds_text(sds), percentile=percentile_text(sds))


def sds_text(sds: float) -> str:
    """'+0.15', '-2.10'; never '-0.00'."""
    return f"{round(sds, 2) + 0.0:+.2f}"


def percentile_text(sds: float) -> str:
    """'37', '0.4', '<0.1', '>99.9': no more figures than a percentile deserves."""
    value = growth.percentile_of(sds)
    if value < 0.1 or value > 99.9:
        return "<0.1" if value < 50 else ">99.9"
    return f"{value:.1f}" if value < 3 or value > 97 else f"{value:.0f}"


def _velocity(view: GrowthView, language: str) -> str:
    if view.velocity is None or view.velocity_from is None:
        return ""
    return say(
        language, "velocity.value", rate=f"{view.velocity.cm_per_year:.1f}", since=view.velocity_from.isoformat(),
        error=f"{2 * view.velocity.sd_cm_per_year:.1f}", short=say(language, "velocity.short") if view.velocity.short else "",
    )  # fmt: skip


# --- adult height and visits ---------------------------------------------------------------------------
def _row(made: HeightPrediction, language: str) -> PredictionRow:
    if made.cm is None:
        return PredictionRow(made.name(language), "-", "-", say(language, "not-available") + made.reason(language), False)
    parts = [made.basis, made.error, *(one for one in made.limits if one.code != IN_NOTE)]
    span = "-"
    if made.low_cm is not None and made.high_cm is not None:
        span = say(language, "range", low=f"{made.low_cm:.1f}", high=f"{made.high_cm:.1f}")
    basis = say(language, "join").join(one.text(language) for one in parts if one is not None)
    return PredictionRow(made.name(language), f"{made.cm:.1f}", span, basis, True)


def _visits(found: FollowUp, language: str) -> VisitsReport:
    steps = [_step(step, language) for step in found.steps[1 - MOST_VISITS :]]
    if found.overall is not None:
        steps.append(_step(found.overall, language, say(language, "all")))
    points = tuple(
        VisitPoint(v.ca_months, v.bone_age.months, not v.bone_age.qualifier, _by(v)) for v in found.visits if v.bone_age
    )
    return VisitsReport(
        title=say(language, "visits"),
        alt=say(language, "visits.alt", count=len(found.visits)),
        axis_age=say(language, "axis.age"),
        axis_bone=say(language, "axis.bone"),
        points=points,
        legend=_visit_legend(points, language),
        columns=tuple(say(language, f"col.{key}") for key in ("from", "to", "ba", "ca", "rate")),
        steps=tuple(steps),
        strip_title=say(language, "strip"),
        strip_columns=(say(language, "bone"), *(visit.on.isoformat() for visit in found.visits[-MOST_VISITS:])),
        strip=tuple(
            (rus_chn.bone_name(one.bone, language), *(f"{mark}{label}" for mark, label in _marked(one)))
            for one in found.strips
        ),
        warnings_title=say(language, "doubts"),
        warnings=tuple(one.text(language) for one in found.warnings),
    )


def _by(visit: Visit) -> str:
    if visit.state is not State.DRAFT:
        return "read"
    return "draft" if visit.looked else "machine"


def _visit_legend(points: Sequence[VisitPoint], language: str) -> tuple[tuple[str, str], ...]:
    there = {point.by for point in points}
    told: list[tuple[str, str]] = [(by, say(language, f"by.{by}")) for by in ("read", "draft", "machine") if by in there]
    if any(not point.figure for point in points):
        told.append(("bound", say(language, "bound")))
    return tuple(told)


def _marked(strip: Strip) -> list[tuple[str, str]]:
    """Each grade with the mark before it where it is lower than one before."""
    shown = list(zip(strip.labels, strip.back, strict=True))[-MOST_VISITS:]
    return [(BACK if back else "", label) for label, back in shown]


def _step(step: Step, language: str, before: str = "") -> StepRow:
    """Months of bone age over months of age, with the measured error."""

    def months(value: float) -> str:
        return f"{value:+.1f}"

    def with_error(value: str, error: float | None, figures: int) -> str:
        if error is None or step.coverage is None:
            return value
        return say(language, "step.error", value=value, error=f"{error:.{figures}f}", coverage=f"{step.coverage * 100:.0f}")

    rate = say(language, "step.short") if step.rate is None else with_error(f"{step.rate:.2f}", step.rate_error, 2)
    return StepRow(
        (before + step.earlier.isoformat(), step.later.isoformat(), with_error(months(step.ba_months), step.error_months, 1),
         months(step.ca_months), rate)
    )  # fmt: skip
