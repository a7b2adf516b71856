"""The case on the desk: which reading and film are shown, what the person does, what is saved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QObject, Signal

from boneage_desk.common.errors import BoneAgeError, EngineError, InputError, StoreError
from boneage_desk.common.i18n import mark, said, tr
from boneage_desk.common.jobs import CancelToken, Progress
from boneage_desk.reading import session as commands
from boneage_desk.reading.analysis import AnalysisResult
from boneage_desk.reading.blind import shown
from boneage_desk.reading.film import Film, Frame
from boneage_desk.reading.findings import Box
from boneage_desk.reading.ports import Services
from boneage_desk.reading.session import Command, Reading, ReadingSession, State
from boneage_desk.reading.summary import Summary, summarise
from boneage_desk.standards import rus_chn
from boneage_desk.ui.jobs import Job, JobRunner
from boneage_desk.ui.presenters import key_words, messages, numbers
from boneage_desk.ui.presenters.blind_first import BlindFirst
from boneage_desk.ui.presenters.bone_order import BoneOrder, Order
from boneage_desk.ui.presenters.bone_pass import BonePass
from boneage_desk.ui.presenters.boxes import Boxes
from boneage_desk.ui.presenters.heat import Heat
from boneage_desk.ui.presenters.messages import Choice, Message
from boneage_desk.ui.presenters.opinions import Opinions
from boneage_desk.ui.presenters.reading_work import ReadingWork
from boneage_desk.ui.presenters.report_map import ReportMaps
from boneage_desk.ui.presenters.saving import Saver
from boneage_desk.ui.presenters.sessions import Sessions
from boneage_desk.ui.presenters.whole_map import MapLook, WholeMap

BONES = rus_chn.BONES


class Desk(QObject):
    """State of the window's case. Views listen to its signals and call its methods."""

    leaving = Signal()
    """Another reading is about to take the desk: what was typed of this one is handed over now."""
    case_changed = Signal()
    """Another reading or film is shown."""
    reading_changed = Signal()
    """The shown reading has a new value."""
    bone_changed = Signal(str)
    work_changed = Signal()
    """Jobs, the engine's state, or the state of saving."""
    reload_wanted = Signal(str)
    """A reading whose stored value should take the place of the one on the desk."""
    changed_reading = Signal(object)
    """Any reading's new value, for the work list."""
    reading_cancelled = Signal(str)
    """The person broke off the machine's reading of the study that is shown; its reading id."""
    message = Signal(object)
    comment_wanted = Signal()
    """The person should say something of an unusual difference."""

    def __init__(self, services: Services, runner: JobRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.services, self.runner = services, runner
        self.saver = Saver(runner, services.store, services.now, self._save_failed, self)
        self.work = ReadingWork(services, runner, self)
        self._sessions = Sessions(self._busy)
        self._session: ReadingSession | None = None
        self._film: Film | None = None
        self._summary: Summary | None = None
        self._bone = BONES[0]
        self.heat, self.whole_map, self.look = Heat(self), WholeMap(self), MapLook(self)
        self.opinions = Opinions(self)
        self.order, self.blind_first, self.bone_pass = BoneOrder(self), BlindFirst(self), BonePass(self)
        self.report_maps = ReportMaps()
        self.boxes = Boxes(self)
        self.film_error = ""
        self.saver.changed.connect(self.work_changed)
        self.work.state_changed.connect(lambda _state: self.work_changed.emit())
        runner.changed.connect(self.work_changed)
        self.opinions.changed.connect(self.work_changed)
        self.opinions.changed.connect(self.whole_map.follow)

    # --- what is shown ----------------------------------------------------------------------

    @property
    def session(self) -> ReadingSession | None:
        return self._session

    @property
    def reading(self) -> Reading | None:
        """As the person may see it: while it is blind without the machine's grades (`reading.blind`)."""
        return shown(self._session.reading) if self._session else None

    @property
    def film(self) -> Film | None:
        return self._film

    @property
    def frame(self) -> Frame | None:
        return self._film.frame if self._film else None

    @property
    def summary(self) -> Summary | None:
        return self._summary

    @property
    def bone(self) -> str:
        return self._bone

    @property
    def job(self) -> Job | None:
        """The reading job of the film shown."""
        return self.work.job_of(self.reading.reading_id) if self.reading else None

    @property
    def editable(self) -> bool:
        return self.reading is not None and self.reading.state is State.DRAFT

    def show(self, reading: Reading, film: Film | None, *, film_error: str = "") -> None:
        """Put a reading on the desk. Its undo history of this run comes back with it."""
        here = self._session is not None and self._session.reading.reading_id == reading.reading_id
        # of the reading shown the session, never ``reading``, which may be what a blind reading lets be seen
        known = self._session if here and self._session is not None else self._sessions.of(reading)
        other = self._session is not known
        if other and self._session is not None:
            self.leaving.emit()
            self.bone_pass.forget_browsed()
        self._session, self._film, self.film_error = known, film, film_error
        if other:
            self._bone = self.order.bones[0]
            self._no_maps()
            self._sessions.trim()
        self._summary = summarise(known.reading)
        self.case_changed.emit()
        self.opinions.follow(known)
        if film is not None and known.reading.analysed_at is None and self.editable and not self._blocked():
            self.read()

    def _no_maps(self) -> None:
        self.heat.off()
        self.whole_map.off()

    def knows(self, reading_id: str) -> Reading | None:
        """The value of a reading that was on the desk in this run; newer than the store's for a moment."""
        known = self._sessions.get(reading_id)
        return known.reading if known else None

    def gave_up(self, session: ReadingSession) -> bool:
        """Whether the store's value has taken the place of this one (:meth:`reload`): nothing that comes late is added."""
        return self._sessions.is_given_up(session)

    def session_of(self, reading: Reading) -> ReadingSession:
        """The session of a reading that is worked on in the background."""
        return self._sessions.of(reading)

    def _busy(self, reading_id: str) -> bool:
        """Something of the reading is shown, under way, or not on the disk yet."""
        if self._session is not None and self._session.reading.reading_id == reading_id:
            return True
        jobs = self.work.job_of(reading_id) is not None or self.opinions.job_of(reading_id) is not None
        return self.boxes.busy(reading_id) or jobs or self.saver.unsaved_of(reading_id)

    def on_this(self, act: Callable[..., object]) -> Callable[..., object]:
        """``act`` as long as the reading that is on the desk now is there: for menus, lines and buttons that outlast it."""
        id = self.reading.reading_id if self.reading is not None else ""

        def held(*args: object) -> object:
            return act(*args) if self.reading is not None and self.reading.reading_id == id else None

        return held

    def choice(self, title: str, act: Callable[[], object]) -> Choice:
        """A message's button for the reading that is on the desk now."""
        return Choice(title, self.on_this(act), self.reading.reading_id if self.reading is not None else "")

    def report(self, error: BaseException, doing: str = "", choices: tuple[Choice, ...] = (), topic: str = "") -> None:
        """Show an error. The only way by which one reaches the person."""
        self.message.emit(messages.of_error(error, doing=doing, choices=choices, topic=topic))

    def tell(self, text: str, kind: str = "info", topic: str = "") -> None:
        self.message.emit(Message(kind, text, topic=topic))

    # --- commands ---------------------------------------------------------------------------

    def do(self, command: Command) -> bool:
        """Apply a command to the shown reading and save it. False when it was refused (and told)."""
        if self._session is None:
            return False
        return self.apply(self._session, command)

    def apply(self, session: ReadingSession, command: Command, report: bytes | None = None) -> bool:
        """:meth:`do` for any reading that was on the desk. ``report``: the sealed PDF of a signature."""
        if self.gave_up(session):
            self.tell(tr("What came late for a value that was given up was not taken."), "warning", topic="given-up")
            return False
        try:
            event = session.do(command, at=self.services.now(), who=self.services.who())
        except BoneAgeError as error:
            choices: tuple[Choice, ...] = ()
            if isinstance(error, InputError) and error.code == "locked" and session.reading.state is State.REVIEWED:
                choices = (self.choice(tr("Reopen"), self.reopen),)
            elif isinstance(error, InputError) and error.code == "blind" and isinstance(command, commands.MarkReviewed):
                choices = (self.choice(tr("Show the AI"), self.blind_first.ask),)
            elif isinstance(error, InputError) and error.code == "difference-comment":
                choices = (self.choice(tr("Write it"), self.comment_wanted.emit),)
            self.report(error, choices=choices if session is self._session else (), topic="refused")
            return False
        self._changed(session, event, report)
        return True

    def _changed(self, session: ReadingSession, event: commands.AuditEvent, report: bytes | None = None) -> None:
        on_desk = session is self._session
        if on_desk:
            self._summary = summarise(session.reading)
        self.boxes.follow(session)
        self.opinions.follow(session)
        if on_desk:
            self.reading_changed.emit()
            self.heat.follow_box()
            self.whole_map.follow()
        self.saver.save(session.reading, event, report)
        self.changed_reading.emit(session.reading)

    def undo(self) -> None:
        self._step("undo", mark("{what} undone."), tr("Nothing to undo."))

    def redo(self) -> None:
        self._step("redo", mark("{what} done again."), tr("Nothing to do again."))

    def _step(self, name: str, word: str, nothing: str) -> None:
        session = self._session
        if session is None:
            return
        before = session.reading
        try:
            event = getattr(session, name)(at=self.services.now(), who=self.services.who())
        except BoneAgeError as error:
            self.report(error, topic="refused")
            return
        if event is None:
            self.tell(nothing, topic="undo")
            return
        self._changed(session, event)
        self.boxes.ask_waiting(before)
        if event.detail == "set-analysis" and session.reading.analysed_at is None:
            told = tr("The machine's reading was undone.")
            if key_words.key("redo"):
                told = tr("The machine's reading was undone. {key} brings it back.", key=key_words.key("redo"))
            self.tell(told, topic="undo")
        else:
            self.tell(tr(word, what=said(event.detail.replace("-", " ").capitalize())), topic="undo")

    def mark_reviewed(self) -> None:
        if self.do(commands.MarkReviewed()):
            self.tell(tr("The reading is marked reviewed."))

    def dismiss_flag(self, code: str, reason: str) -> None:
        """The person says that a blocking flag is wrong; the film is read again then."""
        if self.do(commands.DismissFlag(code, reason)) and not self._blocked():
            self.read()

    def _blocked(self) -> bool:
        """A flag stands against any reading (a foot by its tag)."""
        return self.reading is not None and any(flag.blocking for flag in self.reading.flags)

    def reopen(self) -> None:
        self.do(commands.Reopen())

    # --- bones ------------------------------------------------------------------------------

    def select(self, bone: str) -> None:
        if bone == self._bone or bone not in BONES:
            return
        self._bone = bone
        self.bone_pass.forget_browsed()
        self.bone_changed.emit(bone)
        self.heat.ask()

    def move(self, step: int) -> None:
        """The bone above or below in the order chosen; stops at the ends."""
        bones = self.order.bones
        self.select(bones[min(max(bones.index(self._bone) + step, 0), len(bones) - 1)])

    def next_unreviewed(self) -> bool:
        """Go to the next bone that was not looked at, going round. False when there is none."""
        if self.reading is None:
            return False
        return self.bone_pass.go_round(lambda bone: not self.reading.bone(bone).reviewed)  # type: ignore[union-attr]

    def accept(self) -> None:
        """Agree with the grade in force and go on to the next bone that was not looked at."""
        if self.reading is None:
            return
        if not self.reading.bone(self._bone).reviewed and not self.bone_pass.agree():
            return
        if not self.next_unreviewed():
            self.bone_pass.tell_done()

    def step_grade(self, step: int) -> None:
        """One grade less or more than the one in force; stops at the ends."""
        if self.reading is None:
            return
        final = self.reading.bone(self._bone).final_grade
        if final is None:
            self.bone_pass.browse(step)
            return
        grade = min(max(final + step, 0), rus_chn.max_grade(self._bone))
        if grade != final:
            self.set_grade(grade)

    def set_grade(self, grade: int | None) -> None:
        finding = self.reading.bone(self._bone) if self.reading is not None else None
        machine = finding.opinion.grade if finding is not None and finding.opinion is not None else None
        # the reason stays while the grade is still another than the machine's
        reason = finding.comment if finding is not None and grade not in (None, machine) else ""
        self.do(commands.SetGrade(self._bone, grade, reason))

    def set_reason(self, bone: str, reason: str) -> None:
        """Why the person's grade of a bone differs; passed over where no grade of a person is."""
        grade = self.reading.bone(bone).human_grade if self.reading is not None else None
        if grade is not None:
            self.do(commands.SetGrade(bone, grade, reason))

    def comment_difference(self, words: str) -> None:
        """What the person says of the difference between the 13 bones and the second opinion."""
        if self.reading is not None and words != self.reading.difference_comment:
            self.do(commands.SetDifferenceComment(words))

    def toggle_reviewed(self, bone: str) -> None:
        if self.reading is not None:
            self.do(commands.SetReviewed(bone, not self.reading.bone(bone).reviewed))

    # --- the models -------------------------------------------------------------------------

    def read(self) -> None:
        """Let the models read the film that is shown."""
        session, frame = self._session, self.frame
        if session is None or frame is None:
            return
        under_way = self.work.job_of(session.reading.reading_id)
        if under_way is not None:
            under_way.gives_way = False  # begun in the background: now it is the reader's
            return
        if not self.editable:
            self.tell(tr("The reading was marked reviewed. Reopen it to read it again."), "warning", topic="refused")
            return
        self._read(session, frame)

    def _read(self, session: ReadingSession, frame: Frame, *, once_more: bool = True) -> None:
        """``once_more``: the film is read again when the model process dies over it."""
        self.blind_first.begin(session)
        name = session.reading.patient.display_name or tr("The film")

        def failed(error: BaseException) -> None:
            if once_more and isinstance(error, EngineError) and error.code == "engine-crashed":
                self.tell(
                    tr("The model process ended. It was started again, and the film is read once more."), "warning", "read"
                )
                self._read(session, frame, once_more=False)
                return
            again = (self.choice(tr("Read again"), self.read),) if session is self._session else ()
            doing = tr("The models stopped while reading") if isinstance(error, EngineError) else tr("{name} was not read", name=name)
            self.report(error, doing, choices=again, topic="read")
            self.work_changed.emit()

        def cancelled() -> None:
            if self.gave_up(session):
                self.work_changed.emit()
                return
            again = (self.choice(tr("Read again"), self.read),) if session is self._session else ()
            self.message.emit(Message("info", tr("Reading cancelled."), choices=again, topic="read"))
            self.work_changed.emit()

        self.work.analyse(
            session.reading, frame,
            on_result=partial(self.take_analysis, session), on_failed=failed, on_cancelled=cancelled,
        )  # fmt: skip
        self.work_changed.emit()

    def take_analysis(self, session: ReadingSession, result: AnalysisResult) -> None:
        """The machine's reading of any study; hidden from here on where films are read blind."""
        if self.gave_up(session):
            return
        self.blind_first.begin(session)
        self.apply(session, commands.SetAnalysis(result, self.services.now()))
        if session is self._session:
            self.boxes.ask_waiting()  # moved boxes that other models had graded
        self._sessions.trim()
        untouched = not any(finding.reviewed for finding in session.reading.bones)
        if session is self._session and untouched and self.order.mode is Order.WORTH:
            self.select(self.order.bones[0])  # the order was made just now

    def cancel_reading(self) -> None:
        """Stop the 13 bones of the film shown; else, where these are in, its second opinion."""
        if self.job is not None and self.reading is not None:
            self.job.cancel()
            self.reading_cancelled.emit(self.reading.reading_id)
        else:
            self.opinions.cancel()
        self.work_changed.emit()

    # --- boxes ------------------------------------------------------------------------------

    def set_box(self, bone: str, box: Box) -> None:
        """A box that a person moved or drew: kept at once, its grade a moment later (`Boxes.set`)."""
        self.boxes.set(bone, box)

    def grading_box(self, bone: str) -> bool:
        """Whether a moved box of the shown reading waits for its grade."""
        return self.reading is not None and self.boxes.grading(self.reading.reading_id, bone)

    def reset_box(self) -> None:
        self.boxes.reset(self._bone)

    def remove_box(self, bone: str) -> None:
        self.boxes.remove(bone)

    # --- saving -----------------------------------------------------------------------------

    def _save_failed(self, error: BaseException, reading_id: str) -> None:
        choices = [Choice(tr("Save again"), self.saver.retry)]
        if isinstance(error, StoreError) and error.code == "conflict":
            choices.append(Choice(tr("Load the saved one"), lambda: self.reload(reading_id)))
        self.report(error, tr("NOT SAVED"), choices=tuple(choices), topic="save")

    def reload(self, reading_id: str) -> None:
        """Give up what could not be saved of a reading and show what the store holds."""
        self.saver.give_up(reading_id)
        self._sessions.give_up(reading_id)
        self.work.drop(reading_id)
        self.boxes.forget(reading_id)
        self.opinions.forget(reading_id)
        if self.reading is not None and self.reading.reading_id == reading_id:
            self._session = self._film = self._summary = None
            self._no_maps()
            self.case_changed.emit()
        self.reload_wanted.emit(reading_id)

    def run_later(
        self,
        lane: str,
        title: str,
        work: Callable[[CancelToken, Progress], object],
        then: Callable[..., None],
        doing: str,
    ) -> Job:
        """A job whose failure is simply told."""
        return self.runner.submit(
            lane, title, work, on_result=then, on_failed=partial(self.report, doing=doing, topic=lane)
        )

    def last_line(self, readings: Sequence[Reading]) -> str:
        """The newest reading in one line, for 'go on with ...'."""
        return numbers.reading_line(readings[0], self.services.now()) if readings else ""
