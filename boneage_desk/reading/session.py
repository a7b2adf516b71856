"""The commands that make a reading's next value, and the session with undo that applies them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import date, datetime

from boneage_desk.common.errors import InputError
from boneage_desk.reading.analysis import AnalysisResult
from boneage_desk.reading.assessment import SEALED, AuditEvent, Blind, Command, Filled, Reading, State, new_reading
from boneage_desk.reading.audit_words import differences, patient_text, study_text
from boneage_desk.reading.blind import Reveal, kept, refuse_unseen
from boneage_desk.reading.evidence import Evidence
from boneage_desk.reading.film import Laterality
from boneage_desk.reading.findings import BoneFinding, Box, GradeOpinion
from boneage_desk.reading.regrading import RegradeBox, after_analysis, weights
from boneage_desk.reading.second_opinion import (
    FLAGS,
    SetDifferenceComment,
    SetWholeHand,
    carried,
    difference,
    needs_comment,
    with_new_facts,
)
from boneage_desk.reading.signing import not_looked_at, refuse_stale
from boneage_desk.standards import rus_chn
from boneage_desk.standards.types import Sex, whole_months

__all__ = [
    "AcceptGrade",
    "AuditEvent",
    "Command",
    "DismissFlag",
    "MarkReviewed",
    "Reading",
    "ReadingSession",
    "RegradeBox",
    "Reopen",
    "SetAnalysis",
    "SetBox",
    "SetDifferenceComment",
    "SetGrade",
    "SetImpression",
    "SetPatient",
    "SetReviewed",
    "SetStudy",
    "SetWholeHand",
    "State",
    "new_reading",
]


def _with_bone(reading: Reading, finding: BoneFinding) -> Reading:
    bones = tuple(finding if old.bone == finding.bone else old for old in reading.bones)
    return dataclasses.replace(reading, bones=bones)


def _grade_text(finding: BoneFinding) -> str:
    if finding.human_grade is None:
        return "-"
    return rus_chn.label(finding.bone, finding.human_grade)


def _reasoned(finding: BoneFinding) -> str:
    """The person's grade with the reason given for it, where there is one."""
    return f"{_grade_text(finding)}, reason: {finding.comment}" if finding.comment else _grade_text(finding)


@dataclass(frozen=True, slots=True)
class SetGrade(Command):
    """The person's grade (index), or None to go back to the machine's. Counts as looked at."""

    bone: str
    grade: int | None
    comment: str = ""
    action = "set-grade"

    def apply(self, reading: Reading) -> Reading:
        if self.grade is not None:
            rus_chn.check_grade(self.bone, self.grade)
        finding = dataclasses.replace(
            reading.bone(self.bone),
            human_grade=self.grade,
            comment=self.comment,
            reviewed=self.grade is not None,
        )
        return _with_bone(reading, finding)

    def describe(self, before: Reading, after: Reading) -> tuple[str, str, str]:
        return self.bone, _reasoned(before.bone(self.bone)), _reasoned(after.bone(self.bone))


@dataclass(frozen=True, slots=True)
class AcceptGrade(Command):
    """The person looked at the bone and agrees with the grade in force."""

    bone: str
    action = "accept-grade"

    def apply(self, reading: Reading) -> Reading:
        finding = reading.bone(self.bone)
        refuse_unseen(reading, (self.bone,))
        if finding.final_grade is None:
            raise InputError(
                f"{rus_chn.bone_name(self.bone)} has no grade to accept.", "Enter a grade.", code="no-grade"
            )
        return _with_bone(
            reading, dataclasses.replace(finding, human_grade=finding.final_grade, reviewed=True)
        )

    def describe(self, before: Reading, after: Reading) -> tuple[str, str, str]:
        return self.bone, _grade_text(before.bone(self.bone)), _grade_text(after.bone(self.bone))


@dataclass(frozen=True, slots=True)
class SetReviewed(Command):
    """Tick or untick 'looked at' without touching the grade."""

    bone: str
    reviewed: bool
    action = "set-reviewed"

    def apply(self, reading: Reading) -> Reading:
        finding = reading.bone(self.bone)
        if self.reviewed:
            refuse_unseen(reading, (self.bone,))
        if self.reviewed and finding.final_grade is None:
            raise InputError(
                f"{rus_chn.bone_name(self.bone)} has no grade.", "Enter a grade.", code="no-grade"
            )
        return _with_bone(reading, dataclasses.replace(finding, reviewed=self.reviewed))

    def describe(self, before: Reading, after: Reading) -> tuple[str, str, str]:
        return self.bone, str(before.bone(self.bone).reviewed), str(self.reviewed)


@dataclass(frozen=True, slots=True)
class SetBox(Command):
    """A corrected box (None: back to the machine's) with the machine's opinion and measurement on it, if they are there
    already. The window hands none in: they come with `RegradeBox`, which checks which models gave them.

    The bone must be looked at again: what was decided on other pixels does not count.
    """

    bone: str
    box: Box | None
    regrade: GradeOpinion | None = None
    evidence: Evidence | None = None
    action = "set-box"

    def apply(self, reading: Reading) -> Reading:
        if self.box is not None and not _touches(self.box, reading):
            raise InputError("The box lies outside the film.", "Draw it over the bone.", code="box-outside")
        finding = dataclasses.replace(
            reading.bone(self.bone),
            human_box=self.box,
            regrade=self.regrade if self.box is not None else None,
            human_evidence=self.evidence if self.box is not None else None,
            box_removed=False,
            reviewed=False,
        )
        return _with_bone(reading, finding)

    def describe(self, before: Reading, after: Reading) -> tuple[str, str, str]:
        old, new = before.bone(self.bone).box, after.bone(self.bone).box
        return self.bone, _box_text(old), _box_text(new)


def _touches(box: Box, reading: Reading) -> bool:
    return box.x1 > 0 and box.y1 > 0 and box.x0 < reading.width and box.y0 < reading.height


def _box_text(box: Box | None) -> str:
    return "-" if box is None else " ".join(f"{v:.0f}" for v in box.as_list())


@dataclass(frozen=True, slots=True)
class SetPatient(Command):
    """Facts that the file lacked or had wrong. None or '' leaves a fact as it is. Another name takes the ideographic one away,
    which may be another child's; the same letters, written otherwise, keep it."""

    name: str = ""
    patient_id: str = ""
    sex: Sex | None = None
    birth_date: date | None = None
    action = "set-patient"

    def apply(self, reading: Reading) -> Reading:
        birth = self.birth_date or reading.patient.birth_date
        on = reading.study.study_date
        if self.birth_date and birth and on and birth > on:
            raise InputError(
                f"The birth date {birth.isoformat()} lies after the study date {on.isoformat()}.",
                "Correct one of them.",
                code="birth-after-study",
            )
        patient = dataclasses.replace(
            reading.patient,
            name=self.name or reading.patient.name,
            name_ideographic=reading.patient.name_ideographic if self._same_name(reading) else "",
            patient_id=self.patient_id or reading.patient.patient_id,
            sex=self.sex or reading.patient.sex,
            birth_date=birth,
        )
        return with_new_facts(reading, dataclasses.replace(reading, patient=patient))

    def _same_name(self, reading: Reading) -> bool:
        def letters(name: str) -> str:
            return "".join(char for char in name.casefold() if char.isalnum())

        return not self.name or letters(self.name) == letters(reading.patient.name)

    def describe(self, before: Reading, after: Reading) -> tuple[str, str, str]:
        return "patient", patient_text(before), patient_text(after)


@dataclass(frozen=True, slots=True)
class SetStudy(Command):
    """Study date and side that the file lacked or had wrong. None leaves a fact as it is."""

    study_date: date | None = None
    laterality: Laterality | None = None
    action = "set-study"

    def apply(self, reading: Reading) -> Reading:
        on = self.study_date or reading.study.study_date
        birth = reading.patient.birth_date
        if self.study_date and on and birth and birth > on:
            raise InputError(
                f"The study date {on.isoformat()} lies before the birth date {birth.isoformat()}.",
                "Correct one of them.",
                code="birth-after-study",
            )
        side = reading.study.laterality if self.laterality is None else self.laterality
        study = dataclasses.replace(reading.study, study_date=on, laterality=side)
        return with_new_facts(reading, dataclasses.replace(reading, study=study))

    def describe(self, before: Reading, after: Reading) -> tuple[str, str, str]:
        return "study", study_text(before), study_text(after)


@dataclass(frozen=True, slots=True)
class SetImpression(Command):
    """Free text of the conclusion. ``filled``: what a template just put into it."""

    text: str
    filled: Filled | None = None
    action = "set-impression"

    def apply(self, reading: Reading) -> Reading:
        known = reading.filled if self.filled is None else (*reading.filled, self.filled)
        there = tuple(one for one in dict.fromkeys(known) if one.words in self.text)
        return dataclasses.replace(reading, impression=self.text, filled=there)

    def describe(self, before: Reading, after: Reading) -> tuple[str, str, str]:
        return "impression", before.impression, after.impression


@dataclass(frozen=True, slots=True)
class SetAnalysis(Command):
    """A machine's result arrives. Human grades and boxes that are there stay as they are; what other models said of a moved
    box goes.

    Flags that analysis gives replace those of an earlier analysis; flags of the film stay, and while one
    of them blocks (a foot), no machine grade is taken. A comment on the difference of other models goes with them.
    """

    result: AnalysisResult
    at: datetime
    action = "set-analysis"

    def apply(self, reading: Reading) -> Reading:
        by_bone = {row.bone: row for row in self.result.bones}
        kept = tuple(flag for flag in reading.flags if flag.code not in _ANALYSIS_FLAGS)
        blocked = any(flag.blocking for flag in kept)
        same = weights(reading.models) == weights(self.result.models)
        bones = []
        for finding in reading.bones:
            row = by_bone.get(finding.bone)
            new = dataclasses.replace(
                after_analysis(finding, same_models=same),
                machine_region=row.region if row else None,
                machine_grade=row.grade if row and not blocked else None,
                machine_evidence=row.evidence if row and not blocked else None,
            )
            if new.human_grade is None and new.final_grade != finding.final_grade:
                new = dataclasses.replace(new, reviewed=False)  # nobody has looked at this grade
            bones.append(new)
        return dataclasses.replace(
            reading,
            bones=tuple(bones),
            flags=kept + self.result.flags,
            models=self.result.models,
            interval=self.result.interval,
            whole_hand=self.result.whole_hand,
            difference_comment=reading.difference_comment if same else "",
            hand_mirror=self.result.hand_mirror,
            timing_ms=dict(self.result.timing_ms),
            analysed_at=self.at,
            blind=Blind.SHOWN if reading.blind is Blind.NO else reading.blind,
        )

    def describe(self, before: Reading, after: Reading) -> tuple[str, str, str]:
        models = ", ".join(f"{model.tag}@{model.sha256[:12]}" for model in after.models)
        return models, "", " ".join(f"{b.bone}={b.machine_grade.grade}" for b in after.bones if b.machine_grade)


_ANALYSIS_FLAGS = frozenset((*"no_hand several_hands bone_uncertain bone_missing low_quality inverted".split(), *FLAGS))


@dataclass(frozen=True, slots=True)
class DismissFlag(Command):
    """The person says, with a reason, that a film flag is wrong (a hand whose tag says FOOT).

    The film must be read again after a blocking flag went. Flags that facts bring cannot be dismissed.
    """

    code: str
    reason: str
    action = "dismiss-flag"

    def apply(self, reading: Reading) -> Reading:
        if not self.reason.strip():
            raise InputError("A flag is dismissed only with a reason.", "Write why.", code="no-reason")
        if all(flag.code != self.code for flag in reading.flags):
            raise InputError(f"There is no flag '{self.code}' to dismiss.", code="no-flag")
        return dataclasses.replace(reading, flags=tuple(f for f in reading.flags if f.code != self.code))

    def describe(self, before: Reading, after: Reading) -> tuple[str, str, str]:
        return self.code, "raised", self.reason


@dataclass(frozen=True, slots=True)
class MarkReviewed(Command):
    """Draft to reviewed: every bone looked at and graded, sex known, no blocking flag, a comment where the second
    opinion differs more than usual, and no figures of an earlier state in the impression."""

    action = "mark-reviewed"

    def apply(self, reading: Reading) -> Reading:
        if reading.state is not State.DRAFT:
            raise InputError(f"The reading is {reading.state}, not a draft.", code="state")
        waiting = [f.bone for f in reading.bones if not f.reviewed or f.final_grade is None]
        if waiting:
            raise InputError(not_looked_at(waiting), "Accept or grade them.", code="not-reviewed")
        if reading.patient.sex is None:
            raise InputError("The sex is not known.", "Enter it: it picks the table.", code="sex-missing")
        if reading.blind is Blind.HIDDEN:
            raise InputError("The machine's grades are still hidden (blind reading).", "Show them first.", code="blind")
        found = difference(reading)
        if found is not None and found.usual_months is not None and needs_comment(reading):
            raise InputError(
                f"13 bones and the whole hand differ by {abs(whole_months(found.months))} months; 95 of 100 films differ by "
                f"at most {whole_months(found.usual_months)}.",
                "Look again, then write a comment on the difference.",
                code="difference-comment",
            )
        refuse_stale(reading)
        return dataclasses.replace(reading, state=State.REVIEWED)

    def describe(self, before: Reading, after: Reading) -> tuple[str, str, str]:
        return "state", before.state.value, after.state.value


@dataclass(frozen=True, slots=True)
class Reopen(Command):
    """Reviewed back to draft."""

    action = "reopen"
    states = frozenset({State.REVIEWED})

    def apply(self, reading: Reading) -> Reading:
        if reading.state is not State.REVIEWED:
            raise InputError(f"The reading is {reading.state}; it cannot be reopened.", code="state")
        return dataclasses.replace(reading, state=State.DRAFT)

    def describe(self, before: Reading, after: Reading) -> tuple[str, str, str]:
        return "state", before.state.value, after.state.value


def _not_now(state: State) -> InputError:
    """Why a command is refused in ``state``."""
    if state in SEALED:
        return InputError("A signed reading is read-only.", "Write an addendum.", code="locked")
    if state is State.REVIEWED:
        return InputError("The reading was marked reviewed.", "Reopen it to change it.", code="locked")
    return InputError(f"The reading is {state}, which this cannot follow on.", "Mark it reviewed first.", code="state")


class ReadingSession:
    """The present value of a reading with undo and redo without limit.

    It holds no clock and no store: callers pass time and person in, and save what comes out.
    """

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._undo: list[tuple[Reading, str]] = []
        self._redo: list[tuple[Reading, str]] = []

    @property
    def reading(self) -> Reading:
        return self._reading

    @property
    def can_undo(self) -> bool:
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        return bool(self._redo)

    @property
    def undo_action(self) -> str:
        """The action that undo would take back, e.g. 'set-grade'; '' when there is none."""
        return self._undo[-1][1] if self._undo else ""

    @property
    def redo_action(self) -> str:
        """The action that redo would do again; '' when there is none."""
        return self._redo[-1][1] if self._redo else ""

    def do(self, command: Command, *, at: datetime, who: str) -> AuditEvent:
        """Apply ``command``; returns its audit event. A refused command changes nothing.

        Raises InputError 'locked' for a signed reading, and for any edit but Reopen of a reviewed one.
        A second opinion that arrives between a person's steps is none of them, nor is that the machine's grades were
        shown: undo passes these over and keeps them. Nor is the grade of a moved box: it belongs to the box, also in the
        values that undo and redo bring back.
        """
        before = self._reading
        if before.state not in command.states:
            raise _not_now(before.state)
        after = dataclasses.replace(command.apply(before), changed_at=at, revision=before.revision + 1)
        detail, old, new = command.describe(before, after)
        if after.state in SEALED:
            self._undo.clear()
            self._redo.clear()
        elif isinstance(command, RegradeBox):
            for steps in (self._undo, self._redo):
                steps[:] = [(command.filled(value), action) for value, action in steps]
        elif not isinstance(command, SetWholeHand | Reveal):
            self._undo.append((before, command.action))
            self._redo.clear()
        self._reading = after
        return AuditEvent(after.reading_id, at, who, command.action, detail, old, new)

    def undo(self, *, at: datetime, who: str) -> AuditEvent | None:
        """Go back one command; None when there is nothing to undo."""
        return self._step(self._undo, self._redo, "undo", at, who)

    def redo(self, *, at: datetime, who: str) -> AuditEvent | None:
        """Do again what was undone; None when there is nothing."""
        return self._step(self._redo, self._undo, "redo", at, who)

    def _step(
        self,
        source: list[tuple[Reading, str]],
        target: list[tuple[Reading, str]],
        action: str,
        at: datetime,
        who: str,
    ) -> AuditEvent | None:
        if self._reading.state in SEALED:
            raise _not_now(self._reading.state)
        if not source:
            return None
        value, undone = source[-1]
        value = kept(self._reading, carried(self._reading, value))
        if value.state is State.REVIEWED and self._reading.state is State.DRAFT:
            # what came in between (a second opinion) may ask for something first
            value = MarkReviewed().apply(dataclasses.replace(value, state=State.DRAFT))
        source.pop()
        target.append((self._reading, undone))
        old, new = differences(self._reading, value)
        self._reading = dataclasses.replace(value, changed_at=at, revision=self._reading.revision + 1)
        return AuditEvent(value.reading_id, at, who, action, undone, old, new)
