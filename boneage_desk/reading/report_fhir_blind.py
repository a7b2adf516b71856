"""Blind-first reading as parts of the FHIR Bundle: an extension with a code for programs, a note for persons, and the grades that
the reader gave before the machine's were shown as components."""

from __future__ import annotations

from typing import Any

from boneage_desk.reading.assessment import Blind, Reading
from boneage_desk.reading.blind import graded_blind
from boneage_desk.standards import rus_chn

OWN = "urn:boneage-desk"
CODES = {Blind.SHOWN: "no", Blind.HIDDEN: "hidden", Blind.REVEALED: "revealed"}
"""As in the JSON document. Nothing is said of a reading to which no result of the machine came."""

Resource = dict[str, Any]


def blind_extension(reading: Reading) -> list[Resource]:
    """For the Observation of the bone age: 'no', 'hidden' or 'revealed'."""
    code = CODES.get(reading.blind)
    return [] if code is None else [{"url": f"{OWN}:blind-first", "valueCode": code}]


def blind_notes(reading: Reading) -> list[Resource]:
    """The same in words, of a reading that was or is blind."""
    if reading.blind is Blind.HIDDEN:
        return [{"text": "Blind-first reading: the machine's grades are not shown to the reader yet."}]
    if reading.blind is not Blind.REVEALED:
        return []
    graded, changed = graded_blind(reading)
    return [
        {
            "text": f"Blind-first reading: {graded} of {len(reading.bones)} bones were graded before the machine's grades were "
            f"shown; {changed} of these have another grade in force now."
        }
    ]


def blind_components(reading: Reading) -> list[Resource]:
    """The grade of each bone as it stood when the machine's was first shown, beside the one in force."""
    return [
        {
            "code": {
                "coding": [{"system": f"{OWN}:finding", "code": f"blind-grade-{finding.bone}"}],
                "text": f"Grade of {rus_chn.bone_name(finding.bone)} before the machine's was shown",
            },
            "valueCodeableConcept": _grade(finding.bone, finding.blind_grade),
        }
        for finding in reading.bones
        if finding.blind_grade is not None
    ]


def _grade(bone: str, grade: int) -> Resource:
    label = rus_chn.label(bone, grade)
    return {"coding": [{"system": f"{OWN}:rus-chn-grade", "code": f"{bone}-{grade}", "display": label}], "text": label}
