"""Boxes that a person moves, draws or takes off. A box counts from the moment it is put down; the grade on it comes from
the models a moment later, and until then the bone has none of the machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from boneage_desk.common.i18n import tr
from boneage_desk.reading.analysis import BoneResult
from boneage_desk.reading.angles import angle_of
from boneage_desk.reading.annotating import RemoveBox
from boneage_desk.reading.film import Frame
from boneage_desk.reading.findings import Box
from boneage_desk.reading.regrading import waiting
from boneage_desk.reading.session import Reading, ReadingSession, RegradeBox, SetBox, State
from boneage_desk.ui.jobs import Job
from boneage_desk.ui.presenters import text

if TYPE_CHECKING:
    from boneage_desk.ui.presenters.desk import Desk


class Boxes(QObject):
    """At most one box of each bone is being graded; the job of a box that is no longer in force is broken off."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._desk = desk
        self._jobs: dict[tuple[str, str], tuple[Box, Job]] = {}
        """By reading id and bone."""
        desk.case_changed.connect(self.ask_waiting)

    def busy(self, reading_id: str) -> bool:
        """Whether a box of the reading waits for its grade."""
        return any(id == reading_id for id, _bone in self._jobs)

    def grading(self, reading_id: str, bone: str) -> bool:
        return (reading_id, bone) in self._jobs

    # --- what the person does ---------------------------------------------------------------

    def set(self, bone: str, box: Box) -> None:
        """A box that a person moved or drew: kept at once, and this bone alone is graded anew.

        When the models cannot grade it the box stays without an opinion, and the person is told. On a film that no model
        has read it waits for the reading, after which `ask_waiting` finds it.
        """
        desk = self._desk
        session, frame = desk.session, desk.frame
        if session is None or frame is None:
            return
        if desk.editable and session.reading.analysed_at is not None:
            self._grade(session, frame, bone, box)  # before anything that the new box makes others ask of the models
        if not desk.do(SetBox(bone, box)):
            self._drop(session.reading.reading_id, bone)

    def reset(self, bone: str) -> None:
        """Back to the machine's box and its opinion."""
        finding = self._desk.reading.bone(bone) if self._desk.reading is not None else None
        if finding is not None and (finding.human_box is not None or finding.box_removed):
            self._desk.do(SetBox(bone, None))

    def remove(self, bone: str) -> None:
        """Take the box off a bone: it has no opinion of the machine then, and no points without a person's grade."""
        if self._desk.reading is not None:
            self._desk.do(RemoveBox(bone))

    # --- what happens to the reading --------------------------------------------------------

    def follow(self, session: ReadingSession) -> None:
        """A reading changed: boxes that are no longer in force need no grade."""
        reading = session.reading
        for (id, bone), (box, _job) in list(self._jobs.items()):
            if id == reading.reading_id and reading.bone(bone).human_box != box:
                self._drop(id, bone)

    def forget(self, reading_id: str) -> None:
        """Another value takes the reading's place: what was asked for this one is passed over."""
        for id, bone in list(self._jobs):
            if id == reading_id:
                self._drop(id, bone)

    def ask_waiting(self, before: Reading | None = None) -> None:
        """Ask for the grade of boxes of the reading shown that have none yet (the program was closed before it came).
        ``before``: only of those that are others there."""
        session, frame = self._desk.session, self._desk.frame
        if session is None or frame is None:
            return
        reading = session.reading
        if reading.state is not State.DRAFT or reading.analysed_at is None or any(flag.blocking for flag in reading.flags):
            return
        for bone, box in waiting(reading):
            new = before is None or before.bone(bone).human_box != box
            if new and not self.grading(reading.reading_id, bone):
                self._grade(session, frame, bone, box)

    def _drop(self, reading_id: str, bone: str) -> None:
        dropped = self._jobs.pop((reading_id, bone), None)
        if dropped is not None:
            dropped[1].cancel()

    # --- the models -------------------------------------------------------------------------

    def _grade(self, session: ReadingSession, frame: Frame, bone: str, box: Box) -> None:
        desk, key = self._desk, (session.reading.reading_id, bone)
        self._drop(*key)

        def ended() -> bool:
            """Whether the answer can still be taken."""
            self._jobs.pop(key, None)
            return session.reading.state is State.DRAFT

        def graded(result: BoneResult) -> None:
            if not ended():
                words = tr("The grade of the moved box came after the reading was marked reviewed and was not taken.")
                desk.tell(words, "warning", topic="box")
                return
            found = session.reading.bone(bone)
            same = (result.grade, result.evidence) == (found.regrade, found.human_evidence)
            if same or not desk.apply(session, RegradeBox(bone, box, result.grade, result.evidence, result.models)):
                self._as_it_was(session)

        def failed(error: BaseException) -> None:
            ended()
            shown = session is desk.session
            again = (desk.choice(tr("Grade again"), lambda: self._again(bone, box)),) if shown else ()
            desk.report(error, tr("{bone} was not graded on the new box", bone=text.bone(bone)), again, topic="box")
            self._as_it_was(session)

        job = desk.work.regrade(
            frame, bone, box, angle_of(session.reading, bone),
            on_result=graded, on_failed=failed, on_cancelled=lambda: None,
        )  # fmt: skip
        self._jobs[key] = box, job

    def _as_it_was(self, session: ReadingSession) -> None:
        """Nothing came of a box: the views no longer wait for it."""
        if session is self._desk.session:
            self._desk.reading_changed.emit()

    def _again(self, bone: str, box: Box) -> None:
        """Ask once more about a box that is shown."""
        session, frame = self._desk.session, self._desk.frame
        if session is None or frame is None or session.reading.bone(bone).human_box != box:
            self._desk.tell(tr("That box was changed meanwhile."), topic="box")
        else:
            self._grade(session, frame, bone, box)
