"""Measurement groups of the structured report: the bone age, the machine's, second opinions, the 13 bones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from boneage_desk.reading.all_standards import all_standards
from boneage_desk.reading.analysis import ModelRef, WholeHandOpinion
from boneage_desk.reading.assessment import Blind
from boneage_desk.reading.blind import graded_blind
from boneage_desk.reading.evidence import TRUSTED
from boneage_desk.reading.findings import BoneFinding, Box
from boneage_desk.reading.reference import Reference, reference_of
from boneage_desk.reading.second_opinion import ENGINE_NAMES, default_opinion, difference
from boneage_desk.reading.session import Reading
from boneage_desk.reading.summary import Summary
from boneage_desk.reports.dicom_results import coding, items, uids
from boneage_desk.standards import rus_chn
from boneage_desk.standards.rules import Rule
from boneage_desk.standards.types import BoneAge, Qualifier, Sex, years_months

if TYPE_CHECKING:
    from highdicom.sr import FindingSite, ImageRegion, Measurement, QualitativeEvaluation, TrackingIdentifier

    from boneage_desk.reports.dicom_results.origin import Origin


_BLIND = {Blind.SHOWN: "BLIND-NO", Blind.REVEALED: "BLIND-REVEALED"}
"""Nothing is said of a reading without a result of the machine; one that is still blind has no results."""


def groups(origin: Origin, reading: Reading, summary: Summary) -> list[Any]:
    """All groups, the bone age in force first."""
    found = [_bone_age(reading, summary)]
    if reading.analysed_at is not None:
        found.append(_machine(reading, summary))
    found += [_second(reading, opinion) for opinion in reading.whole_hand]
    found += _atlas(reading, summary)
    return found + [_bone(origin, reading, finding) for finding in reading.bones]


def bone_models(reading: Reading) -> tuple[ModelRef, ...]:
    """The models that found, graded and measured the 13 bones."""
    return tuple(ref for ref in reading.models if not ref.engine)


# ------------------------------------------------------------------------------- numbers of the hand
def _bone_age(reading: Reading, summary: Summary) -> Any:
    numbers = _age_numbers(summary)
    if summary.score is not None:
        numbers.append(items.number(coding.private("SCORE"), summary.score, coding.ucum("none")))
    numbers += _interval(reading, summary)
    if summary.chronological_months is not None:
        numbers.append(_months(coding.dcm("subject-age"), summary.chronological_months))
    if summary.corrected_months is not None:
        numbers.append(_months(coding.private("CORRECTED-AGE"), summary.corrected_months))
    if summary.age_span_months is not None:  # of the age in use: corrected where that is
        low, high = summary.age_span_months
        numbers += [_months(coding.private("AGE-LOW"), low), _months(coding.private("AGE-HIGH"), high)]
    if summary.difference_months is not None:
        name = "BA-MINUS-CA" if summary.corrected_months is None else "BA-MINUS-CORR"
        numbers.append(_months(coding.private(name), summary.difference_months))
    said = [items.evaluation(coding.private("REVIEW"), coding.private(_review(reading)))]
    if reading.blind in _BLIND:
        said.append(items.evaluation(coding.private("BLIND-FIRST"), coding.private(_BLIND[reading.blind])))
    if reading.blind is Blind.REVEALED:
        for name, count in zip(("BLIND-COUNT", "BLIND-CHANGED"), graded_blind(reading), strict=True):
            numbers.append(items.number(coding.private(name), count, coding.ucum("none")))
    reference = reference_of(summary, reading.patient.sex)
    if reference is not None:
        numbers += _reference_numbers(reference)
        if reference.sd_months is not None:
            table = "STUART" if reference.rule is Rule.STUART_2SD else "BRUSH"
            said.append(items.evaluation(coding.private("REFERENCE"), coding.private(table)))
        said.append(items.evaluation(coding.private("RULE"), coding.private(reference.rule.value.upper())))
        if reference.conclusion:
            said.append(items.evaluation(coding.private("CONCLUSION"), coding.private(reference.conclusion.upper())))
        if reference.degree:
            said.append(items.evaluation(coding.private("DEGREE"), coding.private(reference.degree.upper())))
    group = _group(
        _tracked(reading, "bone-age", "Bone age by RUS-CHN, grades in force"), [_hand(reading)], numbers, said,
        coding.private("RUS-CHN"),
    )  # fmt: skip
    items.add_models(group, bone_models(reading))
    if summary.bone_age is None:
        group[0].ContentSequence.append(items.text(coding.private("NO-BONE-AGE"), summary.why_not))
    return group


def _reference_numbers(reference: Reference) -> list[Measurement]:
    """What the named table says at the child's age, under names of their own: none of them is the bone age."""
    found = [
        _months(concept, months)
        for concept, months in (
            (coding.private("REF-MEAN"), reference.mean_months), (coding.dcm("population-sd"), reference.sd_months),
            (coding.private("REF-LOW"), reference.low_months), (coding.private("REF-HIGH"), reference.high_months),
        )
        if months is not None
    ]  # fmt: skip
    if reference.sd_score is not None:
        found.append(items.number(coding.dcm("z-score"), float(reference.sd_score), coding.ucum("none")))
    return found


def _age_numbers(summary: Summary) -> list[Measurement]:
    """The bone age as a number only where it is one. At a table's end the number is empty, 'value out of range', and
    the bound stands beside it under a name that says that it is one."""
    age, method = summary.bone_age, coding.private("RUS-CHN")
    if age is None:
        return [items.no_number(coding.bone_age(), coding.dcm("value-unknown"), method=method)]
    words = [items.text(coding.dcm("equivalent-value"), age.text, "HAS CONCEPT MOD")]
    if age.qualifier is Qualifier.POINT:
        return [items.number(coding.bone_age(), float(age.months), coding.ucum("month"), method=method, modifiers=words)]
    none = items.no_number(coding.bone_age(), coding.dcm("out-of-range"), method=method, modifiers=words)
    return [none, _months(coding.private(_bound(age)), age.months)]


def _bound(age: BoneAge) -> str:
    return "BA-AT-LEAST" if age.qualifier is Qualifier.AT_LEAST else "BA-BELOW"


def _interval(reading: Reading, summary: Summary) -> list[Measurement]:
    table = reading.interval
    if summary.interval_months is None or table is None:
        return []
    words = f"{table.coverage:.0%}" + (f", {table.source}" if table.source else "")
    return [
        items.number(
            coding.private(name), float(value), coding.ucum("month"),
            modifiers=[items.text(coding.private("COVERAGE"), words, "HAS CONCEPT MOD")],
        )
        for name, value in zip(("INTERVAL-LOW", "INTERVAL-HIGH"), summary.interval_months, strict=True)
    ]  # fmt: skip


def _review(reading: Reading) -> str:
    seen = sum(finding.reviewed for finding in reading.bones)
    if seen == 0:
        return "REVIEWED-NONE"
    return "REVIEWED-ALL" if seen == len(reading.bones) else "REVIEWED-PART"


def _machine(reading: Reading, summary: Summary) -> Any:
    """What the machine's grades alone give. Its concept is not that of the bone age in force, so that nothing that
    looks for 37362-1 finds two; the equivalent meaning says what it is."""
    numbers, method = [], coding.private("RUS-CHN")
    age = summary.machine_bone_age
    if age is not None and summary.machine_score is not None:
        words = [_means_bone_age(), items.text(coding.dcm("equivalent-value"), age.text, "HAS CONCEPT MOD")]
        name = coding.private("BA-MACHINE")
        if age.qualifier is Qualifier.POINT:
            numbers.append(items.number(name, float(age.months), coding.ucum("month"), method=method, modifiers=words))
        else:
            numbers.append(items.no_number(name, coding.dcm("out-of-range"), method=method, modifiers=words))
        numbers.append(items.number(coding.private("SCORE-MACHINE"), summary.machine_score, coding.ucum("none")))
    else:
        numbers.append(items.no_number(coding.private("BA-MACHINE"), coding.dcm("value-unknown"), method=method))
    return _group(
        _tracked(reading, "machine", "Bone age by RUS-CHN, the machine's grades alone"), [_hand(reading)], numbers, [],
        method, items.pipeline(bone_models(reading)),
    )  # fmt: skip


def _means_bone_age() -> Any:
    return items.code(coding.dcm("equivalent-name"), coding.bone_age(), "HAS CONCEPT MOD")


def _second(reading: Reading, opinion: WholeHandOpinion) -> Any:
    """A second opinion, a group of its own with its own model."""
    name = ENGINE_NAMES.get(opinion.engine, opinion.engine)
    numbers = [
        items.number(
            coding.private("BA-SECOND"), float(opinion.bone_age_months), coding.ucum("month"),
            modifiers=[
                _means_bone_age(),
                items.text(coding.dcm("equivalent-value"), years_months(opinion.bone_age_months), "HAS CONCEPT MOD"),
            ],
        )
    ]  # fmt: skip
    if opinion.interval_months is not None:
        low, high = opinion.interval_months
        numbers += [_months(coding.private("INTERVAL-LOW"), low), _months(coding.private("INTERVAL-HIGH"), high)]
    found = difference(reading, opinion)
    if found is not None and not found.at_least:
        numbers.append(_months(coding.private("BA-MINUS-SECOND"), found.months))
    models = [ref for ref in reading.models if ref.engine == opinion.engine]
    group = _group(
        _tracked(reading, f"second {opinion.engine}", f"Second bone age, {name}"), [_hand(reading)], numbers, [],
        coding.engine(opinion.engine),
    )  # fmt: skip
    items.add_models(group, models)
    if not models:  # the reading knows no more of the model than its tag
        group[0].ContentSequence.append(
            items.text(coding.dcm("algorithm-name"), opinion.model, "HAS CONCEPT MOD")
        )
    if opinion is default_opinion(reading) and reading.difference_comment.strip():
        group[0].ContentSequence.append(items.text(coding.dcm("comment"), reading.difference_comment))
    return group


def _atlas(reading: Reading, summary: Summary) -> list[Any]:
    """The reader's own Greulich-Pyle bone age, a group of its own; at the fused hand of the last plate a bound."""
    own = all_standards(reading, summary).own
    if own is None or own.bone_age is None:
        return []
    age, method = own.bone_age, coding.private("GREULICH-PYLE")
    words = [_means_bone_age(), items.text(coding.dcm("equivalent-value"), age.text, "HAS CONCEPT MOD")]
    name = coding.private("BA-ATLAS")
    if age.qualifier is Qualifier.POINT:
        numbers = [items.number(name, float(age.months), coding.ucum("month"), method=method, modifiers=words)]
    else:
        none = items.no_number(name, coding.dcm("out-of-range"), method=method, modifiers=words)
        numbers = [none, _months(coding.private(_bound(age)), age.months)]
    tracked = _tracked(reading, "atlas", "Bone age by Greulich-Pyle, read by the reader")
    return [_group(tracked, [_hand(reading)], numbers, [], method)]


# -------------------------------------------------------------------------------------- the 13 bones
def _bone(origin: Origin, reading: Reading, finding: BoneFinding) -> Any:
    from highdicom.sr import PlanarROIMeasurementsAndQualitativeEvaluations as Planar

    machine = finding.machine_region is not None or finding.opinion is not None
    common = {
        "tracking_identifier": _tracked(reading, finding.bone, f"RUS-CHN, {rus_chn.bone_name(finding.bone)}"),
        "finding_sites": [_site(reading, finding.bone)],
        "measurements": _bone_numbers(finding, reading.patient.sex) or None,
        "qualitative_evaluations": _bone_codes(finding),
        "method": coding.private("RUS-CHN"),
        "algorithm_id": items.pipeline(bone_models(reading)) if machine else None,
    }
    region = _region(origin, finding.box) if finding.box is not None else None
    group = Planar(referenced_region=region, **common) if region is not None else _plain_group(**common)
    if finding.comment.strip():
        group[0].ContentSequence.append(items.text(coding.dcm("comment"), finding.comment))
    return group


def _bone_codes(finding: BoneFinding) -> list[QualitativeEvaluation]:
    final = finding.final_grade
    value = coding.sct("unknown") if final is None else coding.grade(finding.bone, final)
    found = [items.evaluation(coding.private("GRADE-FINAL"), value)]
    if final is not None:
        found.append(items.evaluation(coding.private("GRADE-BY"), coding.private(_decided_by(finding))))
    if finding.opinion is not None:
        machine = coding.grade(finding.bone, finding.opinion.grade)
        found.append(items.evaluation(coding.private("GRADE-MACHINE"), machine))
    if finding.blind_grade is not None:
        found.append(items.evaluation(coding.private("GRADE-BLIND"), coding.grade(finding.bone, finding.blind_grade)))
    if finding.human_box is not None and finding.machine_grade is not None:
        first = coding.grade(finding.bone, finding.machine_grade.grade)
        found.append(items.evaluation(coding.private("GRADE-FIRST"), first))
    if finding.box is not None:
        by = "READER" if finding.human_box is not None else "BOX-MACHINE"
        found.append(items.evaluation(coding.private("BOX-BY"), coding.private(by)))
    return found


def _decided_by(finding: BoneFinding) -> str:
    """Whose the grade in force is. A person's grade that is the machine's too is an acceptance, while it is looked at
    on the box in force."""
    if finding.human_grade is not None and (finding.opinion is None or finding.overridden or not finding.reviewed):
        return "READER"
    return "ACCEPTED" if finding.reviewed else "MACHINE"


def _bone_numbers(finding: BoneFinding, sex: Sex | None) -> list[Measurement]:
    numbers = []
    final, opinion, evidence = finding.final_grade, finding.opinion, finding.evidence
    if final is not None and sex is not None:
        numbers.append(items.number(coding.private("POINTS"), rus_chn.score(finding.bone, final, sex), coding.ucum("none")))
    if opinion is not None:
        share = min(opinion.probability, 1.0) * 100
        numbers.append(items.number(coding.private("GRADE-PROB"), share, coding.ucum("percent")))
    if evidence is not None and evidence.quality >= TRUSTED:
        if evidence.width_ratio is not None:
            numbers.append(items.number(coding.private("WIDTH-RATIO"), evidence.width_ratio, coding.ucum("ratio")))
        if evidence.fused_share is not None:
            numbers.append(items.number(coding.private("FUSED-SHARE"), evidence.fused_share * 100, coding.ucum("percent")))
    return numbers


def _region(origin: Origin, box: Box) -> ImageRegion | None:
    """The box as a closed outline in pixels of the film, whose top left corner is (0, 0) as PS3.3 C.18.6 has it."""
    import numpy as np
    from highdicom.sr import ImageRegion, SourceImageForRegion

    frames = None if origin.frame is None else [origin.frame]
    try:
        return ImageRegion(
            "POLYLINE", np.array(outline(origin, box)),
            SourceImageForRegion(origin.sop_class, origin.sop_uid, referenced_frame_numbers=frames),
        )  # fmt: skip
    except KeyError:  # an object of a private kind, of which highdicom knows no more
        return None


def outline(origin: Origin, box: Box) -> list[tuple[float, float]]:
    """Corners of a box within the film, the first one again at the end."""
    x0, x1 = (min(max(x, 0.0), float(origin.columns)) for x in (box.x0, box.x1))
    y0, y1 = (min(max(y, 0.0), float(origin.rows)) for y in (box.y0, box.y1))
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)]


# ------------------------------------------------------------------------------------------ helpers
def _months(name: Any, value: float) -> Measurement:
    return items.number(name, float(value), coding.ucum("month"))


def _tracked(reading: Reading, what: str, words: str) -> TrackingIdentifier:
    from highdicom.sr import TrackingIdentifier

    return TrackingIdentifier(uid=uids.tracking(reading, what), identifier=words)


def _hand(reading: Reading) -> FindingSite:
    from highdicom.sr import FindingSite

    return FindingSite(coding.sct("hand"), laterality=coding.side(reading.study.laterality))


def _site(reading: Reading, bone: str) -> FindingSite:
    from highdicom.sr import FindingSite

    return FindingSite(coding.site(bone), coding.side(reading.study.laterality), coding.epiphysis(bone))


def _group(
    tracked: TrackingIdentifier, sites: list[FindingSite], numbers: list[Any], codes: list[Any], method: Any,
    algorithm: Any = None,
) -> Any:  # fmt: skip
    return _plain_group(
        tracking_identifier=tracked, finding_sites=sites, measurements=numbers or None,
        qualitative_evaluations=codes or None, method=method, algorithm_id=algorithm,
    )  # fmt: skip


def _plain_group(**what: Any) -> Any:
    from highdicom.sr import MeasurementsAndQualitativeEvaluations

    return MeasurementsAndQualitativeEvaluations(**what)
