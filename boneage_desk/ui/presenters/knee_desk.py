"""The knee film in its own window: opened, its facts, the site's model asked, where it looked, its report.

Nothing of it enters a hand's reading or the work list. A fact that is entered or changed drops the answer that was
given without it and asks again.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path, PurePath
from typing import Any

from PySide6.QtCore import QObject, Signal

from boneage_desk.common.errors import BoneAgeError, FilmError, InputError
from boneage_desk.common.i18n import said, tr
from boneage_desk.common.jobs import CancelToken, Progress
from boneage_desk.reading.film import Film, Frame
from boneage_desk.reading.knee import (
    KneeFacts,
    KneeQuestion,
    KneeReading,
    KneeResult,
    question_of,
    with_facts,
)
from boneage_desk.reading.ports import AnalysisEngine, FilmEntry, KneeServices, Services
from boneage_desk.ui.jobs import NORMAL, URGENT, Job, JobRunner
from boneage_desk.ui.presenters import messages, opening, text
from boneage_desk.ui.presenters.messages import Message
from boneage_desk.ui.presenters.whole_map import MapLook


class KneeDesk(QObject):
    """State of the knee window. One film at a time."""

    film_changed = Signal()
    """Another film, or none."""
    changed = Signal()
    """Facts, answer, or the job that runs."""
    map_changed = Signal()
    message = Signal(object)
    choose_frame = Signal(object)
    """A FilmEntry of several frames: which one is the knee?"""
    written = Signal(object)
    """Where the report lies now (Path)."""

    def __init__(self, services: Services, runner: JobRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._services, self._runner = services, runner
        self.look = MapLook(self)
        self.look.changed.connect(self.map_changed)
        self._opened: Film | None = None
        self.facts = KneeFacts()
        self._result: KneeResult | None = None
        self._read_at: datetime | None = None
        self.failed = False
        """The model was asked and something went wrong; the message says what."""
        self._job: Job | None = None
        self._ticket = 0
        self._map: Any = None
        self._map_job: Job | None = None
        self._map_ticket = 0
        self.map_wanted = False

    # --- what there is ----------------------------------------------------------------------

    @property
    def opened(self) -> Film | None:
        """The film as the file says it."""
        return self._opened

    @property
    def film(self) -> Film | None:
        """The film with the facts that a person gave."""
        return with_facts(self._opened, self.facts) if self._opened is not None else None

    @property
    def frame(self) -> Frame | None:
        return self._opened.frame if self._opened is not None else None

    @property
    def question(self) -> KneeQuestion | None:
        """What the model is told beside the film."""
        film = self.film
        return question_of(film, self.facts.sex)[0] if film is not None else None

    @property
    def reading(self) -> KneeReading | None:
        """The answer, or the reason why there is none; None while there is neither."""
        film, result, at = self.film, self._result, self._read_at
        if film is None or result is None or at is None:
            return None
        question, flags = question_of(film, self.facts.sex)
        return KneeReading(film, question, dataclasses.replace(result, flags=(*result.flags, *flags)), at)

    @property
    def job(self) -> Job | None:
        """The opening or reading that waits or runs."""
        return self._job

    @property
    def map(self) -> Any:
        """Where the model looked: values 0..1 [h, w] over the film; None where it is not wanted or not here yet."""
        return self._map if self.map_wanted else None

    @property
    def can_map(self) -> bool:
        """There is a number, and so something that moved it."""
        return self._result is not None and self._result.months is not None

    # --- opening ----------------------------------------------------------------------------

    def open_paths(self, paths: Sequence[str]) -> None:
        """The first knee film under ``paths`` takes the place of the one that is shown."""
        knee = self._knee()
        if knee is None or not paths:
            return
        services = dataclasses.replace(self._services, films=knee.films)
        wanted = list(paths)

        def work(token: CancelToken, progress: Progress) -> opening.Found:
            return opening.find_films(services, wanted, token, progress)

        self._begin("films", tr("Opening the film"), work, self._found)

    def open_frame(self, entry: FilmEntry, frame: int) -> None:
        """One frame (from 1) of a file that has several."""
        knee = self._knee()
        if knee is None:
            return
        services = dataclasses.replace(self._services, films=knee.films)
        self._begin(
            "films", tr("Opening the film"), lambda _token, _progress: opening.open_frame(services, entry, frame), self._show
        )

    def _knee(self) -> KneeServices | None:
        if self._services.knee is None:
            self.report(InputError("This program is put together without knee films.", code="usage"))
        return self._services.knee

    def _found(self, found: opening.Found) -> None:
        if found.problems:
            first = found.problems[0]
            name = PurePath(first.member or first.path).name
            told = said(first.message)
            words = told if name in told else f"{name}: {told}"
            if found.problems[1:]:
                counted = text.plural(len(found.problems), "file")
                words = tr("{counted} could not be opened. First: {head}", counted=counted, head=words)
            self.report(FilmError(words, code=first.code), topic="open")
        if found.choose is not None:
            self.choose_frame.emit(found.choose)
        elif found.film is not None:
            self._show(found.film)
        elif not found.problems:
            self.report(FilmError("No film was found there.", "Choose the knee film's file.", code="no-film"), topic="open")
        if found.rest:
            left = text.plural(len(found.rest), "further film")
            self.tell(tr("{left} not opened: knee films are read one at a time.", left=left), "warning", topic="rest")
        self.changed.emit()

    def _show(self, film: Film) -> None:
        self._forget()
        self._opened = film
        self.film_changed.emit()
        self.ask()

    def close_film(self) -> None:
        """Nobody looks any more: what runs is let go, the film and its facts leave the screen and the memory."""
        self._drop_job()
        self._forget()
        self.film_changed.emit()
        self.changed.emit()

    def _forget(self) -> None:
        self._opened, self.facts = None, KneeFacts()
        self._drop_answer()

    # --- asking -----------------------------------------------------------------------------

    def give(self, **facts: object) -> None:
        """Facts that the file lacks (fields of `KneeFacts`; None takes one back). The answer that was given without
        them goes, and the model is asked again."""
        now = dataclasses.replace(self.facts, **facts)  # type: ignore[arg-type]
        if self._opened is None or now == self.facts:
            return
        before, self.facts = self.question, now
        if self.question == before and self._result is not None:
            self.changed.emit()  # the side, for one: no input of the model, but of the report
        else:
            self.ask()

    def ask(self) -> None:
        """Ask the model for this film with the facts that are known."""
        film, question = self.film, self.question
        if film is None or question is None:
            return
        self._drop_answer()
        frame = film.frame

        def work(token: CancelToken, progress: Progress) -> KneeResult:
            return self._engine().knee(frame, question, progress=progress, cancel=token)

        self._begin("engine", tr("Reading the knee"), work, self._answered)

    def _engine(self) -> AnalysisEngine:
        """On the engine's lane; brought up again where it went down."""
        engine = self._services.engine()
        if engine.state().startswith("failed"):
            engine.start()
        return engine

    def _answered(self, result: KneeResult) -> None:
        self._result, self._read_at = result, self._services.now()
        self.changed.emit()
        if self.map_wanted:
            self._ask_map()

    def cancel(self) -> None:
        """Stop the opening or reading under way."""
        if self._job is not None:
            self._job.cancel()

    def _begin(
        self, lane: str, title: str, work: Callable[[CancelToken, Progress], Any], then: Callable[[Any], None]
    ) -> None:
        """One job at a time; what another one still brings is passed over."""
        self._drop_job()
        ticket = self._ticket

        def current(call: Callable[..., None]) -> Callable[..., None]:
            def maybe(*values: Any) -> None:
                if ticket == self._ticket:
                    self._job = None
                    call(*values)

            return maybe

        def failed(error: BaseException) -> None:
            self.failed = lane == "engine"
            self.report(error, tr("The knee was not read") if self.failed else "", topic="read" if self.failed else "open")
            self.changed.emit()

        self._job = self._runner.submit(
            lane, title, work,
            on_result=current(then), on_failed=current(failed), on_cancelled=current(self.changed.emit),
            on_progress=lambda _job: self.changed.emit() if ticket == self._ticket else None, priority=NORMAL,
        )  # fmt: skip
        self.changed.emit()

    def _drop_job(self) -> None:
        """A job that runs goes on unheard, as with `Heat`: to break off the model process costs seconds."""
        self._ticket += 1
        if self._job is not None and (not self._job.began or self._job.lane == "films"):
            self._job.cancel()
        self._job = None

    def _drop_answer(self) -> None:
        self._result, self._read_at, self.failed = None, None, False
        self._drop_map()

    # --- where it looked --------------------------------------------------------------------

    def show_map(self, on: bool) -> None:
        """Draw where the model looked, or not."""
        if on == self.map_wanted:
            return
        self.map_wanted = on
        if on and self.can_map:
            self._ask_map()
        elif not on:
            self._drop_map()

    def _ask_map(self) -> None:
        self._drop_map()
        frame, question, ticket = self.frame, self.question, self._map_ticket
        if frame is None or question is None or not self.can_map:
            return
        self._map_job = self._runner.submit(
            "engine", tr("Where the knee model looked"),
            lambda token, _progress: self._engine().knee_saliency(frame, question, cancel=token),
            on_result=partial(self._map_here, ticket), on_failed=partial(self._map_failed, ticket), priority=URGENT,
        )  # fmt: skip
        self.map_changed.emit()

    def _drop_map(self) -> None:
        self._map = None
        self._map_ticket += 1
        if self._map_job is not None and not self._map_job.began:
            self._map_job.cancel()
        self._map_job = None
        self.map_changed.emit()

    def _map_here(self, ticket: int, values: Any) -> None:
        if ticket == self._map_ticket:
            self._map_job, self._map = None, values
            self.map_changed.emit()

    def _map_failed(self, ticket: int, error: BaseException) -> None:
        if ticket == self._map_ticket:
            self._map_job, self.map_wanted = None, False
            self.report(error, tr("No map of the knee model"), topic="map")
            self.map_changed.emit()

    # --- the report -------------------------------------------------------------------------

    def report_path(self) -> Path | None:
        """Where the report goes unless another place is chosen; None where there is nothing to report."""
        reading = self.reading
        if reading is None:
            return None
        first = Path(self._services.data_dir) / "reports" / knee_report_name(reading)
        later = (first.with_stem(f"{first.stem}-{n}") for n in itertools.count(2))
        return first if not first.exists() else next(path for path in later if not path.exists())

    def write_report(self, out: Path | None = None) -> None:
        """Write the PDF of what is shown to ``out``, or to the data folder's ``reports``."""
        reading, knee, target = self.reading, self._services.knee, out or self.report_path()
        if reading is None or knee is None or target is None:
            return
        paper = self._services.settings.paper

        def work(_token: CancelToken, _progress: Progress) -> Path:
            target.parent.mkdir(parents=True, exist_ok=True)
            return knee.report()(reading, target, paper=paper)

        def failed(error: BaseException) -> None:
            if isinstance(error, OSError):
                error = InputError(f"The report could not be written ({error.strerror}).", "Choose another folder.")
            self.report(error, topic="report")

        self._runner.submit("report", tr("Writing the knee report"), work, on_result=self.written.emit, on_failed=failed)

    # --- words ------------------------------------------------------------------------------

    def report(self, error: BaseException, doing: str = "", topic: str = "") -> None:
        """Show an error in the knee window."""
        if isinstance(error, BoneAgeError) and error.code == "not-knee-film":
            elsewhere = tr("Hand films are opened in the main window.")
            error = FilmError(error.message, f"{said(error.remedy)} {elsewhere}".strip(), code=error.code)
        self.message.emit(messages.of_error(error, doing=doing, topic=topic))

    def tell(self, words: str, kind: str = "info", topic: str = "") -> None:
        self.message.emit(Message(kind, words, topic=topic))


def knee_report_name(reading: KneeReading) -> str:
    """A file name that any system takes: who, day of the film, film, and when it was read."""
    film = reading.film
    who = film.patient.patient_id or film.patient.name or "knee"
    words = re.sub(r"[^\w-]+", "-", who).strip("-")[:40] or "knee"
    parts = ("knee-bone-age", words, text.day(film.study.study_date), film.source.sha256[:8], f"{reading.read_at:%Y%m%d-%H%M%S}")
    return "_".join(part for part in parts if part) + ".pdf"
