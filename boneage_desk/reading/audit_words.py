"""What the audit trail says of a reading before and after a change."""

from __future__ import annotations

import dataclasses

from boneage_desk.reading.assessment import Reading
from boneage_desk.reading.findings import BoneFinding
from boneage_desk.standards import rus_chn
from boneage_desk.standards.types import years_months

_COUNTED = ("changed_at", "revision")
"""They change with every step."""


def patient_text(reading: Reading) -> str:
    """What is known of the child, with the reader's atlas reading, which another sex takes away."""
    patient, atlas = reading.patient, reading.growth.atlas_months
    own = "" if atlas is None else f" Greulich-Pyle={years_months(atlas)}"
    name = "=".join(one for one in (patient.name, patient.name_ideographic) if one) or "?"
    return (
        f"name={name} sex={patient.sex or '?'} born={patient.birth_date or '?'} id={patient.patient_id or '?'}{own}"
    )


def study_text(reading: Reading) -> str:
    """Date and side of the film."""
    return f"date={reading.study.study_date or '?'} side={reading.study.laterality or '?'}"


def differences(before: Reading, after: Reading) -> tuple[str, str]:
    """What differs between two values of a reading, of either one: for a step back or forth, which no command describes.

    In full the child, the film's facts, grades, boxes, impression and state; of anything else that it differs.
    """
    told: list[tuple[str, str]] = []
    for field in dataclasses.fields(Reading):
        old, new = getattr(before, field.name), getattr(after, field.name)
        if old == new or field.name in _COUNTED:
            continue
        if field.name == "patient":
            told.append((patient_text(before), patient_text(after)))
        elif field.name == "study":
            told.append((study_text(before), study_text(after)))
        elif field.name == "bones":
            told += [(_bone_text(a), _bone_text(b)) for a, b in zip(old, new, strict=True) if a != b]
        elif field.name in ("impression", "difference_comment", "state"):
            told.append((f"{field.name}={old}", f"{field.name}={new}"))
        else:
            told.append((f"{field.name} as it was", f"{field.name} otherwise"))
    return "; ".join(one for one, _ in told), "; ".join(one for _, one in told)


def _bone_text(finding: BoneFinding) -> str:
    """'radius 7(0), looked at, box 1 2 3 4, reason: ...'; the grade in force."""
    grade, box = finding.final_grade, finding.box
    parts = [f"{finding.bone} {'-' if grade is None else rus_chn.label(finding.bone, grade)}"]
    parts += ["looked at"] if finding.reviewed else []
    parts += ["no box" if box is None else "box " + " ".join(f"{v:.0f}" for v in box.as_list())]
    return ", ".join(parts) + (f", reason: {finding.comment}" if finding.comment else "")
