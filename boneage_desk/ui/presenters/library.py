"""Opening files and stored readings, and the list of all readings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePath

from PySide6.QtCore import QObject, Signal

from boneage_desk.common.errors import FilmError
from boneage_desk.common.i18n import mark, said, tr
from boneage_desk.common.jobs import CancelToken, Progress
from boneage_desk.reading.codec import Unread
from boneage_desk.reading.film import Film
from boneage_desk.reading.ports import FilmEntry, FilmProblem, Services
from boneage_desk.reading.session import Reading
from boneage_desk.reading.study_row import StudyRow, study_row
from boneage_desk.ui.jobs import BACKGROUND, NORMAL
from boneage_desk.ui.presenters import opening, text
from boneage_desk.ui.presenters.desk import Desk
from boneage_desk.ui.presenters.importing import UNSEEN, Importer, Report, import_words
from boneage_desk.ui.presenters.messages import Choice, Message
from boneage_desk.ui.presenters.study_texts import Entry

FIRST_PAGE, PAGE = 60, 150
"""Readings that are read from the store at once: at first as many as a window shows, so that they are there at once."""

KNEES = mark("A film of the knee has a window of its own, in the menu File.")

class _Page:
    """Readings of one request as rows. One that makes no row (``failed``: what to call it, and why) costs the others nothing."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.count, self.last, self.whole = 0, "", True
        self.failed: tuple[str, Exception] | None = None

    def add(self, reading: Reading | Unread) -> None:
        self.count, self.last = self.count + 1, reading.reading_id
        if isinstance(reading, Unread):
            self.failed = reading.reading_id, reading.error
            return
        try:
            self.entries.append(Entry(study_row(reading)))
        except Exception as error:
            self.failed = reading.source.path, error


class Library(QObject):
    """The readings of the store, newest first, kept in step with what happens on the desk."""

    listed = Signal(object, bool)
    """A page of the store's list as Entry values, newest first, and whether it is the last."""
    updated = Signal(object)
    """One reading, new or changed."""
    choose_frame = Signal(object)
    """A FilmEntry with several frames: somebody has to say which."""
    busy_changed = Signal(str)
    """What is being opened, '' when nothing is."""
    arrived = Signal(object)
    """A Reading that was imported: the machine may read it in the background."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._desk = desk
        self._places: dict[str, opening.Place] = {}
        """Where a film lay when it was opened last, by its SHA-256."""
        self._opening = 0
        self._ticket = 0
        self._newest: StudyRow | None = None
        self._ahead: tuple[str, Film] | None = None
        self._ahead_of = ""
        self.importer = Importer(desk)
        self.importer.filed.connect(self._filed)
        desk.changed_reading.connect(self.updated)
        desk.reload_wanted.connect(self.open_reading)

    ways_out: Callable[[BaseException], tuple[Choice, ...]] = staticmethod(lambda _error: ())
    """What can be done when the list cannot be read; set by who can ask the person."""

    @property
    def _services(self) -> Services:
        return self._desk.services

    # --- the list ---------------------------------------------------------------------------

    def load(self) -> None:
        """Read the list from the store, page by page so that saves need not wait; then offer to go on with the newest."""
        self._newest = None
        self._page(None)

    def _page(self, before: str | None) -> None:
        count = PAGE if before else FIRST_PAGE

        def work(_token: object, _progress: object) -> _Page:
            page = _Page()
            for reading in self._services.store().page(count, before):
                page.add(reading)
            page.whole = page.count < count
            return page

        self._desk.runner.submit(
            "store", tr("Loading the list"), work, on_result=self._paged, priority=BACKGROUND if before else NORMAL,
            on_failed=lambda error: self._desk.report(
                error, tr("The list could not be read"), self.ways_out(error), topic="store"
            ),
        )  # fmt: skip

    def _paged(self, page: _Page) -> None:
        entries, whole = page.entries, page.whole
        if page.failed is not None:
            name, error = page.failed
            self._desk.report(error, tr("{name} cannot be shown in the list", name=name), topic="list-row")
        for entry in entries:
            if self._newest is None or entry.row.changed_at > self._newest.changed_at:
                self._newest = entry.row
        if not whole:
            self._page(page.last)
        self.listed.emit(entries, whole)
        if whole and self._newest is not None and self._desk.reading is None and not self._opening:
            self._offer(self._newest.reading_id)

    def _offer(self, reading_id: str) -> None:
        def loaded(newest: Reading) -> None:
            if self._desk.reading is not None or self._opening:
                return
            line = self._desk.last_line([newest])
            go_on = Choice(tr("Go on"), lambda: self.open_reading(reading_id))
            self._desk.message.emit(Message("info", tr("Go on with {line}?", line=line), choices=(go_on,), topic="go-on"))

        self._desk.run_later(
            "store", tr("Loading the reading"), lambda _t, _p: self._services.store().get(reading_id), loaded,
            tr("The reading could not be loaded"),
        )  # fmt: skip

    # --- files ------------------------------------------------------------------------------

    def open_paths(self, paths: Sequence[str]) -> None:
        """Open files, folders, zips or DICOMDIRs: the first film is shown, the others are listed."""
        if not paths:
            return
        names = PurePath(paths[0]).name + (" \N{HORIZONTAL ELLIPSIS}" if len(paths) > 1 else "")
        ticket = self._begin(names)
        self._desk.runner.submit(
            "films", tr("Opening {names}", names=names),
            lambda token, progress: opening.find_films(self._services, paths, token, progress),
            on_result=lambda found: self._found(found, names, ticket),
            on_failed=lambda error: self._failed(error, tr("{names} was not opened", names=names)),
            on_cancelled=self._end,
        )  # fmt: skip

    def open_frame(self, entry: FilmEntry, frame: int) -> None:
        """Open the frame that the person chose."""
        name = PurePath(entry.path).name
        ticket = self._begin(name)
        self._desk.runner.submit(
            "films", tr("Opening {name}", name=name),
            lambda _token, _progress: opening.open_frame(self._services, entry, frame),
            on_result=lambda film: self._file(film, ticket),
            on_failed=lambda error: self._failed(error, tr("{name} was not opened", name=name)),
            on_cancelled=self._end,
        )  # fmt: skip

    def _begin(self, name: str) -> int:
        self._opening += 1
        self._ticket += 1
        self.busy_changed.emit(tr("Opening {name}", name=name))
        return self._ticket

    def _end(self) -> None:
        self._opening -= 1
        if not self._opening:
            self.busy_changed.emit("")

    def _failed(self, error: BaseException, doing: str) -> None:
        self._end()
        self._desk.report(error, doing, topic="open")

    def _found(self, found: opening.Found, names: str, ticket: int) -> None:
        self._tell_problems(found.problems, bool(found.film or found.choose))
        if found.choose is not None:
            self._end()
            self.choose_frame.emit(found.choose)
        elif found.film is not None:
            self._file(found.film, ticket)
        else:
            self._end()
            if not found.problems:
                self._desk.report(FilmError(f"No film was found in {names}.", "Open a DICOM or picture file."))
        if found.rest:
            self.importer.add(found.rest, self._tell_import)

    def _tell_problems(self, problems: Sequence[FilmProblem], some_opened: bool) -> None:
        if not problems:
            return
        first = problems[0]
        name = PurePath(first.member or first.path).name
        words = said(first.message)
        head = words if name in words else tr("{name} was not opened: {words}", name=name, words=words)
        if len(problems) > 1:
            head = tr("{counted} could not be opened. First: {head}", counted=text.plural(len(problems), 'file'), head=head)
        details = "\n".join(f"{p.path}{' / ' + p.member if p.member else ''}: {p.message}" for p in problems)
        kind = "warning" if some_opened else "error"
        remedy = tr(KNEES) if any(problem.code == "not-hand-film" and "knee" in problem.message.lower() for problem in problems) else ""
        self._desk.message.emit(Message(kind, head, remedy, details=details if len(problems) > 1 else "", topic="open"))

    def _file(self, film: Film, ticket: int) -> None:
        """The film has pixels; find or make its reading, then show both."""
        draft = opening.draft_of(self._services, film)
        self._places[film.source.sha256] = film.source.path, film.source.member

        def filed(result: opening.Filed) -> None:
            self._end()
            self.updated.emit(self._desk.knows(result.reading.reading_id) or result.reading)
            if ticket != self._ticket:
                return  # something else was opened since; this film waits in the list
            self._show(result.reading, film, existed=result.existed)

        self._desk.runner.submit(
            "store", tr("Filing the film"),
            lambda _token, _progress: opening.file_draft(self._services, draft),
            on_result=filed,
            on_failed=lambda error: self._failed(error, tr("The film could not be filed")),
            on_cancelled=self._end,
        )  # fmt: skip

    def _show(self, reading: Reading, film: Film, *, existed: bool) -> None:
        shown = self._desk.reading
        if shown is not None and shown.reading_id == reading.reading_id and self._desk.film is not None:
            self._desk.tell(tr("This film is on the desk already."), topic="open")
            return
        self._desk.show(reading, film)
        if existed:
            line = self._desk.last_line([reading])
            self._desk.tell(tr("This film was opened before: going on with its reading, {line}.", line=line), topic="open")

    # --- many -------------------------------------------------------------------------------

    def import_paths(self, paths: Sequence[str], done: Callable[[Report], None] | None = None) -> None:
        """List the films under ``paths`` and show none. ``done``: told what became of them, instead of the person."""
        names = PurePath(paths[0]).name + (" \N{HORIZONTAL ELLIPSIS}" if len(paths) > 1 else "")

        def found(entries: list[FilmEntry | FilmProblem]) -> None:
            films = [entry for entry in entries if isinstance(entry, FilmEntry)]
            problems = [entry for entry in entries if isinstance(entry, FilmProblem)]

            def ended(report: Report) -> None:
                report.problems[:0] = problems
                (done or self._tell_import)(report)

            if films:
                self.importer.add(films, ended)
            else:
                ended(Report())

        def failed(error: BaseException) -> None:
            if done is not None:
                done(Report(problems=[FilmProblem(paths[0], UNSEEN, str(error))], stopped=len(paths)))
            else:
                self._desk.report(error, tr("{names} was not opened", names=names), topic="import")

        self._desk.runner.submit(
            "import", tr("Looking for films in {names}", names=names),
            lambda token, progress: list(self._services.films().scan(list(paths), progress=progress, cancel=token)),
            on_result=found, on_failed=failed, on_cancelled=lambda: (done or self._tell_import)(Report(stopped=len(paths))),
        )  # fmt: skip

    def _tell_import(self, report: Report) -> None:
        self._tell_problems(report.problems, some_opened=True)
        words = import_words(report)
        if words:
            self._desk.tell(words, topic="import")
        elif not report.problems:
            self._desk.tell(tr("No film was found there."), "warning", topic="import")

    def _filed(self, reading: Reading, existed: bool) -> None:
        self.updated.emit(reading)
        self.arrived.emit(reading)

    # --- the next study ---------------------------------------------------------------------

    def prefetch(self, reading_id: str) -> None:
        """Read and film of a study that will probably be opened next, made ready behind what is being done."""
        if not reading_id or reading_id == self._ahead_of:
            return
        self._ahead_of = reading_id
        known = self._desk.knows(reading_id)

        def work(_token: CancelToken, _progress: Progress) -> tuple[str, Film]:
            reading = known or self._services.store().get(reading_id)
            place = self._places.get(reading.source.sha256)
            return reading_id, opening.for_screen(opening.open_film_of(self._services, reading, place))

        def here(found: tuple[str, Film]) -> None:
            if found[0] == self._ahead_of:
                self._ahead = found

        def missing(_error: BaseException) -> None:
            self._ahead_of = ""  # told when it is opened

        self._desk.runner.submit(
            "ahead", tr("Making the next study ready"), work, on_result=here, on_failed=missing, priority=BACKGROUND
        )

    # --- stored readings --------------------------------------------------------------------

    def open_reading(self, reading_id: str) -> None:
        """Show a reading of the list as it was left, then its film."""
        shown = self._desk.reading
        if shown is not None and shown.reading_id == reading_id and self._desk.film is not None:
            self._ticket += 1  # what was chosen before and is still on its way does not take its place
            return
        ticket = self._begin(tr("the reading"))
        known = self._desk.knows(reading_id)

        def loaded(reading: Reading) -> None:
            if ticket != self._ticket:
                self._end()
                return
            ahead = self._ahead
            if ahead is not None and ahead[0] == reading_id:
                self._ahead, self._ahead_of = None, ""
                self._end()
                self._desk.show(reading, ahead[1])
                return
            self._desk.show(reading, None)
            self._load_film(reading)

        self._desk.runner.submit(
            "store", tr("Loading the reading"),
            lambda _token, _progress: known or self._services.store().get(reading_id),
            on_result=loaded,
            on_failed=lambda error: self._failed(error, tr("The reading could not be loaded")),
            on_cancelled=self._end,
        )  # fmt: skip

    def _load_film(self, reading: Reading) -> None:
        place = self._places.get(reading.source.sha256)

        def waited_for() -> Reading | None:
            """The reading, if it is on the desk and has no film yet; whatever else was chosen since (that was no film, or
            is on its way)."""
            shown = self._desk.reading
            there = shown is not None and shown.reading_id == reading.reading_id and self._desk.film is None
            return shown if there else None

        def here(film: Film) -> None:
            self._end()
            shown = waited_for()
            if shown is not None:
                self._desk.show(shown, film)

        def failed(error: BaseException) -> None:
            self._end()
            shown = waited_for()
            if shown is not None:
                self._desk.show(shown, None, film_error=said(str(error)))
            self._desk.report(error, tr("The reading is here, its film is not"), topic="open")

        self._desk.runner.submit(
            "films", tr("Opening the film"),
            lambda _token, _progress: opening.for_screen(opening.open_film_of(self._services, reading, place)),
            on_result=here, on_failed=failed, on_cancelled=self._end,
        )  # fmt: skip
