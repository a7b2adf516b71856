"""Blind-first reading: a person grades all bones before the machine's grades are shown. Both are kept, and that the
first were given blind.

A reading becomes blind before the machine's result is in and stays so until the person asks for the machine's grades.
What was seen cannot be unseen: undo and redo keep it (:func:`kept`).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from boneage_desk.common.errors import InputError
from boneage_desk.reading.assessment import Blind, Command, Reading
from boneage_desk.standards import rus_chn


def shown(reading: Reading) -> Reading:
    """The reading as a person may see it: while it is blind without any grade, probability or measurement of the machine
    and without second opinions. The boxes stay: a person has to see what is to be graded. For showing, never for keeping.
    """
    if reading.blind is not Blind.HIDDEN:
        return reading
    bones = tuple(
        dataclasses.replace(finding, machine_grade=None, regrade=None, machine_evidence=None, human_evidence=None)
        for finding in reading.bones
    )
    flags = tuple(flag for flag in reading.flags if not flag.engine)
    return dataclasses.replace(reading, bones=bones, flags=flags, whole_hand=(), interval=None)


def kept(now: Reading, other: Reading) -> Reading:
    """``other``, a value that undo or redo brings back, with what was seen until ``now``."""
    if now.blind not in (Blind.SHOWN, Blind.REVEALED):
        return other
    bones = tuple(
        dataclasses.replace(finding, blind_grade=known.blind_grade)
        for finding, known in zip(other.bones, now.bones, strict=True)
    )
    return dataclasses.replace(other, blind=now.blind, bones=bones)


def graded_blind(reading: Reading) -> tuple[int, int]:
    """(bones that the person graded before the machine's grades were shown, those of them whose grade in force is
    another now). (0, 0) of a reading that was not blind."""
    graded = [finding for finding in reading.bones if finding.blind_grade is not None]
    return len(graded), sum(finding.blind_grade != finding.final_grade for finding in graded)


@dataclass(frozen=True, slots=True)
class StartBlind(Command):
    """From now on the machine's grades stay hidden until :class:`Reveal`. Only before they were shown."""

    action = "start-blind"

    def apply(self, reading: Reading) -> Reading:
        if reading.blind is not Blind.NO or reading.analysed_at is not None:
            raise InputError(
                "The machine's grades of this film were shown already.", "Blind reading begins with the next film.",
                code="blind",
            )  # fmt: skip
        return dataclasses.replace(reading, blind=Blind.HIDDEN)


@dataclass(frozen=True, slots=True)
class Reveal(Command):
    """Show the machine's grades. The person's grades until now are kept as given blind. It is no step of undo."""

    action = "reveal"

    def apply(self, reading: Reading) -> Reading:
        if reading.blind is not Blind.HIDDEN:
            raise InputError("The machine's grades are not hidden.", code="blind")
        bones = tuple(dataclasses.replace(finding, blind_grade=finding.human_grade) for finding in reading.bones)
        return dataclasses.replace(reading, blind=Blind.REVEALED, bones=bones)

    def describe(self, before: Reading, after: Reading) -> tuple[str, str, str]:
        given = [f for f in after.bones if f.blind_grade is not None]
        grades = " ".join(
            f"{f.bone}={rus_chn.label(f.bone, f.blind_grade)}" for f in given if f.blind_grade is not None
        )
        return f"{len(given)} of {len(after.bones)} bones graded blind", "", grades


def refuse_hidden(reading: Reading) -> None:
    """InputError while the machine's grades are hidden: nothing that shows them may leave the station."""
    if reading.blind is Blind.HIDDEN:
        raise InputError(
            "DICOM results would show the machine's grades, which are still hidden (blind reading).", "Show them first.",
            code="blind",
        )  # fmt: skip


def refuse_unseen(reading: Reading, bones: tuple[str, ...]) -> None:
    """InputError while the machine's grades of ``bones`` are hidden and the person gave none: nobody can agree with what
    he did not see."""
    if reading.blind is not Blind.HIDDEN:
        return
    waiting = [rus_chn.bone_name(bone) for bone in bones if reading.bone(bone).human_grade is None]
    if waiting:
        raise InputError(
            f"Not graded yet: {', '.join(waiting)}. The machine's grades are hidden (blind reading).",
            "Type your grade.", code="blind",
        )  # fmt: skip
