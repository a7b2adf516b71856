"""Accept the grades of all bones that are left, once those that are worth a look were looked at."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from boneage_desk.common.errors import InputError
from boneage_desk.reading.assessment import Command, Reading
from boneage_desk.reading.attention import to_look_at
from boneage_desk.reading.blind import refuse_unseen
from boneage_desk.standards import rus_chn


def remaining(reading: Reading) -> tuple[str, ...]:
    """The bones that nobody looked at yet, in table order."""
    return tuple(finding.bone for finding in reading.bones if not finding.reviewed)


@dataclass(frozen=True, slots=True)
class AcceptAll(Command):
    """The person agrees with the grade in force of every bone that is left: one step. Refused while one of them is in
    doubt, has no grade, or has a measurement that speaks against its grade."""

    action = "accept-all"

    def apply(self, reading: Reading) -> Reading:
        left = remaining(reading)
        if not left:
            raise InputError("All 13 bones were looked at.", code="nothing-left")
        refuse_unseen(reading, left)
        first = to_look_at(reading)
        if first:
            names = ", ".join(rus_chn.bone_name(bone) for bone in first)
            raise InputError(
                f"To be looked at before the rest is accepted: {names}.", "Accept or grade each of them.",
                code="not-looked-at",
            )  # fmt: skip
        bones = tuple(
            finding
            if finding.reviewed
            else dataclasses.replace(finding, human_grade=finding.final_grade, reviewed=True)
            for finding in reading.bones
        )
        return dataclasses.replace(reading, bones=bones)

    def describe(self, before: Reading, after: Reading) -> tuple[str, str, str]:
        left = remaining(before)
        grades = " ".join(
            f"{bone}={rus_chn.label(bone, grade)}"
            for bone in left
            if (grade := after.bone(bone).human_grade) is not None
        )
        return f"{len(left)} bones: {', '.join(left)}", "", grades
