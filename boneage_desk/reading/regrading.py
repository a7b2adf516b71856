"""The machine's opinion on a box that a person moved: it comes after the box, which counts without a grade until then."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

from boneage_desk.common.errors import InputError
from boneage_desk.reading.analysis import ModelRef
from boneage_desk.reading.assessment import Command, Reading
from boneage_desk.reading.evidence import Evidence
from boneage_desk.reading.findings import BoneFinding, Box, GradeOpinion
from boneage_desk.standards import rus_chn


@dataclass(frozen=True, slots=True)
class RegradeBox(Command):
    """The opinion and measurement on the person's ``box`` arrive. ``reviewed`` stays: only a grade that the person gave
    on this box can have set it. Not a step of undo: see `ReadingSession.do`.

    ``models``: those that graded and measured. Raises InputError 'box-changed' where another box, or none of a person, is
    in force; 'other-models' where they are not those that read the film: the reading would name others than gave the grade.
    """

    bone: str
    box: Box
    regrade: GradeOpinion | None
    evidence: Evidence | None = None
    models: tuple[ModelRef, ...] = ()
    action = "regrade-box"

    def apply(self, reading: Reading) -> Reading:
        if reading.bone(self.bone).human_box != self.box:
            raise InputError(f"The box of {rus_chn.bone_name(self.bone)} was changed meanwhile.", code="box-changed")
        if weights(self.models) != weights(reading.models):
            raise InputError(
                f"The moved box of {rus_chn.bone_name(self.bone)} was graded by other models than those that read this film.",
                "Read the film again: all of it is then graded by the models that are installed now.",
                code="other-models",
            )
        return self.filled(reading, again=True)

    def filled(self, reading: Reading, *, again: bool = False) -> Reading:
        """``reading`` with the opinion, where this very box is in force, the same models read the film and, but for
        ``again``, the box has none yet."""
        found = reading.bone(self.bone)
        if found.human_box != self.box or (found.regrade is not None and not again):
            return reading
        if weights(self.models) != weights(reading.models):
            return reading
        new = dataclasses.replace(found, regrade=self.regrade, human_evidence=self.evidence)
        return dataclasses.replace(reading, bones=tuple(new if old is found else old for old in reading.bones))

    def describe(self, before: Reading, after: Reading) -> tuple[str, str, str]:
        return self.bone, _grade(before, self.bone), _grade(after, self.bone)


def weights(models: Iterable[ModelRef]) -> frozenset[str]:
    """SHA-256 of those of ``models`` that read the 13 bones (detector, grader, segmenter)."""
    return frozenset(model.sha256 for model in models if not model.engine)


def after_analysis(found: BoneFinding, *, same_models: bool) -> BoneFinding:
    """``found`` when the film was read again. The opinion and measurement on a person's box go unless the same models gave
    them: the box waits for its grade anew. A tick on the machine's grade alone goes with it."""
    if same_models or (found.regrade is None and found.human_evidence is None):
        return found
    ticked = found.reviewed and found.human_grade is not None
    return dataclasses.replace(found, regrade=None, human_evidence=None, reviewed=ticked)


def _grade(reading: Reading, bone: str) -> str:
    """The machine's grade on the box in force by its printed name; '-' for none."""
    opinion = reading.bone(bone).opinion
    return "-" if opinion is None else rus_chn.label(bone, opinion.grade)


def waiting(reading: Reading) -> tuple[tuple[str, Box], ...]:
    """Bones, each with its person's box, on which the machine said nothing and which nobody has looked at since."""
    return tuple(
        (found.bone, found.human_box)
        for found in reading.bones
        if found.human_box is not None and found.regrade is None and found.human_evidence is None and not found.reviewed
    )
