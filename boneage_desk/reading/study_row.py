"""What a work list shows of a reading: few small facts, so that thousands of them cost little memory.

A reading with its boxes and probabilities takes some 20 KB, its row less than one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from pathlib import PurePath

from boneage_desk.reading.assessment import Reading, State
from boneage_desk.reading.film import Laterality
from boneage_desk.reading.summary import summarise
from boneage_desk.standards.types import BoneAge, Sex


class ReadState(StrEnum):
    """How far persons are. UNREAD: nobody decided or ticked anything yet, whatever the machine did."""

    UNREAD = "unread"
    BEGUN = "draft"
    REVIEWED = "reviewed"
    SIGNED = "signed"
    AMENDED = "amended"


class MachineState(StrEnum):
    """How far the machine is, as it is stored. LOOK: read, with a bone whose place is uncertain or that has no grade.
    REFUSED: a flag stands against any reading of the film."""

    NONE = "not read"
    READ = "read"
    LOOK = "look"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class StudyRow:
    """A reading in a work list. Text '' and None: not known. ``file``: name of the film's file.

    ``bone_age``: of the grades in force; ``by_machine``: no grade of a person is in it. ``doubtful``: bones worth a look.
    ``film``: SHA-256 of the file and number of the frame.
    """

    reading_id: str
    name: str
    patient_id: str
    sex: Sex | None
    age_months: float | None
    study_date: date | None
    accession: str
    description: str
    modality: str
    side: Laterality
    is_dicom: bool
    file: str
    film: tuple[str, int]
    state: ReadState
    machine: MachineState
    doubtful: int
    bone_age: BoneAge | None
    by_machine: bool
    why_not: str
    created_at: datetime
    changed_at: datetime

    @property
    def who(self) -> str:
        """The name, else the id, else the file: five nameless films stay apart."""
        return self.name or self.patient_id or self.file


def study_row(reading: Reading) -> StudyRow:
    """The row of a reading's present value."""
    patient, study, summary = reading.patient, reading.study, summarise(reading)
    doubtful = sum(_doubtful(reading, finding.bone) for finding in reading.bones) if reading.analysed_at else 0
    return StudyRow(
        reading_id=reading.reading_id,
        name=patient.display_name,
        patient_id=patient.patient_id,
        sex=patient.sex,
        age_months=summary.chronological_months,
        study_date=study.study_date,
        accession=study.accession,
        description=study.description,
        modality=study.modality,
        side=study.laterality,
        is_dicom=reading.source.is_dicom,
        file=PurePath(reading.source.member or reading.source.path).name,
        film=(reading.source.sha256, reading.source.frame_number),
        state=_state(reading),
        machine=_machine(reading, doubtful),
        doubtful=doubtful,
        bone_age=summary.bone_age,
        by_machine=not any(finding.human_grade is not None for finding in reading.bones),
        why_not=summary.why_not,
        created_at=reading.created_at,
        changed_at=reading.changed_at,
    )


def begun(reading: Reading) -> bool:
    """Whether a person decided or ticked anything of a reading."""
    return any(
        finding.reviewed or finding.human_grade is not None or finding.human_box is not None or finding.box_removed
        for finding in reading.bones
    )


def _state(reading: Reading) -> ReadState:
    if reading.state is not State.DRAFT:
        return ReadState(reading.state.value)
    return ReadState.BEGUN if begun(reading) else ReadState.UNREAD


def _doubtful(reading: Reading, bone: str) -> bool:
    """The machine could not place or grade the bone for sure, and no person has looked since."""
    finding = reading.bone(bone)
    if finding.reviewed:
        return False
    uncertain = finding.human_box is None and finding.machine_region is not None and not finding.machine_region.certain
    return uncertain or finding.final_grade is None


def _machine(reading: Reading, doubtful: int) -> MachineState:
    if any(flag.blocking for flag in reading.flags):
        return MachineState.REFUSED
    if reading.analysed_at is None:
        return MachineState.NONE
    return MachineState.LOOK if doubtful else MachineState.READ
