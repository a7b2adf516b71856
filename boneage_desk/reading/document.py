"""The JSON document of one reading: what ``read`` and ``batch`` write. docs/json.md describes it.

Stable and versioned (resources/schema/reading-v1.schema.json). Within version 1, keys are only added.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from boneage_desk import __version__
from boneage_desk.common.errors import BoneAgeError
from boneage_desk.reading.analysis import WholeHandOpinion
from boneage_desk.reading.annotations import Annotation, measure
from boneage_desk.reading.assessment import Blind
from boneage_desk.reading.document_standards import age_basis, reference, standards_table
from boneage_desk.reading.evidence import Evidence, Point, contradiction, evidence_words
from boneage_desk.reading.findings import BoneFinding
from boneage_desk.reading.growth import Measurement
from boneage_desk.reading.growth_document import growth_document
from boneage_desk.reading.second_opinion import difference
from boneage_desk.reading.session import Reading
from boneage_desk.reading.signature import Signature
from boneage_desk.reading.summary import Summary, summarise
from boneage_desk.standards import rus_chn
from boneage_desk.standards.types import BoneAge, Sex

SCHEMA_VERSION = 1
SOFTWARE = {"name": "BoneAge Desk", "version": __version__}


def film_path(path: str, member: str = "") -> str:
    """The key of a film: its path, and for a member of a zip ``zip!member``.

    A path that an ASCII terminal handed over byte by byte is put together again where it is UTF-8.
    """
    text = f"{path}!{member}" if member else path
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8")
    except UnicodeError:
        return text

BLIND_FIRST = {Blind.NO: "no", Blind.SHOWN: "no", Blind.HIDDEN: "hidden", Blind.REVEALED: "revealed"}
"""'no': the machine's grades were shown as they came; 'hidden': not yet; 'revealed': after the person's own."""


def document(reading: Reading, history: Sequence[Measurement] = ()) -> dict[str, Any]:
    """The reading as it stands. ``grade``/``probabilities`` are the machine's on the box in force,
    ``human_grade`` the person's, ``score`` is of the grade in force (the person's, else the machine's).
    ``history``: measurements of earlier readings of the child, which the growth rests on too.
    """
    summary = summarise(reading)
    source = reading.source
    return {
        "schema_version": SCHEMA_VERSION,
        "software": dict(SOFTWARE),
        "input": {
            "path": film_path(source.path, source.member),
            "sha256": source.sha256,
            "width": reading.width,
            "height": reading.height,
            "laterality": reading.study.laterality.value or None,
            "frame": source.frame_number,
            "synthetic": reading.study.synthetic,
        },
        "sex": reading.patient.sex.value if reading.patient.sex else None,
        "chronological_age_months": _round(summary.chronological_months),
        "bones": [_bone(finding, reading.patient.sex) for finding in reading.bones],
        "standards": {reading.standard: _standard(summary)},
        "whole_hand": [_opinion(opinion) for opinion in reading.whole_hand],
        "second_opinion": _second_opinion(reading),
        "age_basis": age_basis(reading, summary),
        "reference": reference(summary, reading.patient.sex),
        "standards_table": standards_table(reading, summary),
        "models": [{"name": m.name, "tag": m.tag, "sha256": m.sha256} for m in reading.models],
        "flags": [
            {"code": f.code, "message": f.message, "bone": f.bone or None, "blocking": f.blocking}
            for f in summary.flags
        ],
        "timing_ms": {step: round(ms, 1) for step, ms in reading.timing_ms.items()},
        "reading_id": reading.reading_id,
        "state": reading.state.value,
        "blind_first": BLIND_FIRST[reading.blind],
        "growth": growth_document(reading, summary, history),
        "impression": reading.impression,
        "difference_comment": reading.difference_comment,
        "answers": [{"code": one.code, "message": one.message, "words": one.words} for one in reading.answers],
        "signatures": [_signature(signature) for signature in reading.signatures],
        "annotations": [_annotation(annotation) for annotation in reading.annotations],
        "key_image": reading.key_image,
    }


def _annotation(annotation: Annotation) -> dict[str, Any]:
    found = measure(annotation)
    return {
        "number": annotation.number,
        "kind": annotation.kind.value,
        "points": [[round(v, 2) for v in point] for point in annotation.points],
        "value": None if found is None else round(found.value, 2),
        "unit": "" if found is None else found.unit,
        "text": annotation.text,
    }


def _signature(signature: Signature) -> dict[str, Any]:
    """A document inside a sealed file cannot know its certificate or hash: null there."""
    return {
        "number": signature.number,
        "at": signature.at.isoformat(),
        "name": signature.name,
        "role": signature.role.value,
        "reason": signature.reason,
        "text": signature.text,
        "certificate_sha256": signature.certificate_sha256 or None,
        "self_issued": signature.self_issued if signature.certificate_sha256 else None,
        "pdf_sha256": signature.pdf_sha256 or None,
    }


def error_document(path: str, error: BoneAgeError) -> dict[str, Any]:
    """The document of a film that could not be read."""
    return {
        "schema_version": SCHEMA_VERSION,
        "software": dict(SOFTWARE),
        "input": {"path": film_path(path)},
        "error": {"code": error.code, "message": str(error)},
    }


def bone_age_fields(score: int, age: BoneAge) -> dict[str, Any]:
    """``score``, ``bone_age_months`` and ``qualifier``: '' a point, '<' or '>=' the table's end."""
    return {"score": score, "bone_age_months": _round(age.months), "qualifier": age.qualifier.value}


def _standard(summary: Summary) -> dict[str, Any] | None:
    if summary.score is None or summary.bone_age is None:
        return None
    return {
        **bone_age_fields(summary.score, summary.bone_age),
        "interval_months": _pair(summary.interval_months),
        "interval_open": summary.interval_open,
    }


def _opinion(opinion: WholeHandOpinion) -> dict[str, Any]:
    return {
        "engine": opinion.engine,
        "model": opinion.model,
        "bone_age_months": _round(opinion.bone_age_months),
        "interval_months": _pair(opinion.interval_months),
        "usual_difference_months": _round(opinion.usual_difference_months),
        "sex": opinion.sex.value if opinion.sex else None,
        "male_probability": None if opinion.male_probability is None else round(opinion.male_probability, 4),
        "areas": [
            {"name": area.name, "corners": [[round(v, 2) for v in corner] for corner in area.corners]}
            for area in opinion.areas
        ],
    }


def _second_opinion(reading: Reading) -> dict[str, Any] | None:
    found = difference(reading)
    if found is None:
        return None
    return {
        "engine": found.opinion.engine,
        "difference_months": _round(found.months),
        "at_least": found.at_least,
        "beyond_usual": found.beyond,
        "comment": reading.difference_comment,
    }


def _bone(finding: BoneFinding, sex: Sex | None) -> dict[str, Any]:
    opinion, region, final = finding.opinion, finding.machine_region, finding.final_grade
    return {
        "bone": finding.bone,
        "box": [round(v, 2) for v in finding.box.as_list()] if finding.box else None,
        "detection_confidence": round(region.confidence, 4) if region else None,
        "grade": opinion.grade if opinion else None,
        "grade_label": rus_chn.label(finding.bone, opinion.grade) if opinion else None,
        "probabilities": [round(p, 5) for p in opinion.probabilities] if opinion else [],
        "score": rus_chn.score(finding.bone, final, sex) if final is not None and sex is not None else None,
        "human_grade": finding.human_grade,
        "comment": finding.comment,
        "blind_grade": finding.blind_grade,
        "box_removed": finding.box_removed,
        "evidence": _evidence(finding.evidence, final),
    }


def _evidence(evidence: Evidence | None, final: int | None) -> dict[str, Any] | None:
    if evidence is None:
        return None

    def line(ends: tuple[Point, Point] | None) -> list[list[float]] | None:
        return None if ends is None else [[round(v, 2) for v in end] for end in ends]

    return {
        "present": evidence.present,
        "quality": evidence.quality,
        "width_ratio": evidence.width_ratio,
        "gap": evidence.gap,
        "caps_thumb_side": evidence.caps_thumb_side,
        "caps_little_side": evidence.caps_little_side,
        "fused_share": evidence.fused_share,
        "epiphysis_line": line(evidence.epiphysis_line),
        "metaphysis_line": line(evidence.metaphysis_line),
        "words": list(evidence_words(evidence)),
        "against_grade": contradiction(evidence, final) if final is not None else "",
    }


def _round(months: float | None) -> float | None:
    return None if months is None else round(months, 2)


def _pair(interval: tuple[float, float] | None) -> list[float] | None:
    return None if interval is None else [round(interval[0], 2), round(interval[1], 2)]
