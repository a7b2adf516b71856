"""Opening files and stored readings, and the list of all readings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from PySide6.QtCore import QObject, Signal

from boneage_desk.common.errors import FilmError
from boneage_desk.common.i18n import mark, said, tr
from boneage_desk.reading.film import Film
from boneage_desk.reading.ports import FilmEntry, FilmProblem
from boneage_desk.reading.session import Reading
from boneage_desk.ui.presenters import opening, text
from boneage_desk.ui.presenters.desk import Desk
from boneage_desk.ui.presenters.messages import Choice, Message

KNEES = mark("A film of the knee has a window of its own, in the menu File.")

class Library(QObject):
    """The readings of the store, newest first, kept in step with what happens on the desk."""

    listed = Signal(object)
    """All readings, when they were loaded."""
    updated = Signal(object)
    """One reading, new or changed."""
    choose_frame = Signal(object)
    """A FilmEntry with several frames: somebody has to say which."""
    busy_changed = Signal(str)
    """What is being opened, '' when nothing is."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._desk = desk
        self._services = desk.services
        self._paths: dict[str, str] = {}
        self._opening = 0
        self._ticket = 0
        self._listed = False
        desk.changed_reading.connect(self.updated)
        desk.reload_wanted.connect(self.open_reading)

    # --- the list ---------------------------------------------------------------------------

    def load(self) -> None:
        """Read the list from the store; then offer to go on with the newest reading."""
        self._desk.run_later(
            "store", tr("Loading the list"), lambda _t, _p: list(self._services.store().list()),
            self._loaded, tr("The list could not be read"),
        )  # fmt: skip

    def _loaded(self, readings: list[Reading]) -> None:
        self._listed = True
        self.listed.emit(readings)
        if readings and self._desk.reading is None and not self._opening:
            newest = max(readings, key=lambda reading: reading.changed_at)
            line = self._desk.last_line([newest])
            self._desk.message.emit(
                Message(
                    "info",
                    tr("Go on with {line}?", line=line),
                    choices=(Choice(tr("Go on"), lambda: self.open_reading(newest.reading_id)),),
                    topic="go-on",
                )
            )

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
            self._import(found.rest)

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
        self._paths[film.source.sha256] = film.source.path

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

    def _import(self, entries: Sequence[FilmEntry]) -> None:
        self._begin(text.plural(len(entries), "more film"))
        self._ticket -= 1  # an import never takes the place of what is shown
        self._desk.runner.submit(
            "import", tr("Importing {counted}", counted=text.plural(len(entries), 'film')),
            lambda token, progress: opening.import_films(self._services, entries, token, progress),
            on_result=self._imported,
            on_failed=lambda error: self._failed(error, tr("The other films were not imported")),
            on_cancelled=self._end,
        )  # fmt: skip

    def _imported(self, result: tuple[list[Reading], list[FilmProblem]]) -> None:
        drafts, problems = result
        self._tell_problems(problems, some_opened=True)

        def filed(results: list[opening.Filed]) -> None:
            self._end()
            for item in results:
                self.updated.emit(self._desk.knows(item.reading.reading_id) or item.reading)
                self._desk.read_in_background(item.reading)
            self._desk.tell(tr("{counted} in the list.", counted=text.plural(len(results), 'more film')), topic="import")

        self._desk.runner.submit(
            "store", tr("Filing films"),
            lambda _token, _progress: [opening.file_draft(self._services, draft) for draft in drafts],
            on_result=filed,
            on_failed=lambda error: self._failed(error, tr("The other films could not be filed")),
            on_cancelled=self._end,
        )  # fmt: skip

    # --- stored readings --------------------------------------------------------------------

    def open_reading(self, reading_id: str) -> None:
        """Show a reading of the list as it was left, then its film."""
        shown = self._desk.reading
        if shown is not None and shown.reading_id == reading_id and self._desk.film is not None:
            return
        ticket = self._begin(tr("the reading"))
        known = self._desk.knows(reading_id)

        def loaded(reading: Reading) -> None:
            if ticket != self._ticket:
                self._end()
                return
            self._desk.show(reading, None)
            self._load_film(reading, ticket)

        self._desk.runner.submit(
            "store", tr("Loading the reading"),
            lambda _token, _progress: known or self._services.store().get(reading_id),
            on_result=loaded,
            on_failed=lambda error: self._failed(error, tr("The reading could not be loaded")),
            on_cancelled=self._end,
        )  # fmt: skip

    def _load_film(self, reading: Reading, ticket: int) -> None:
        path = self._paths.get(reading.source.sha256, "")

        def here(film: Film) -> None:
            self._end()
            shown = self._desk.reading
            if ticket == self._ticket and shown is not None and shown.reading_id == reading.reading_id:
                self._desk.show(shown, film)

        def failed(error: BaseException) -> None:
            self._end()
            shown = self._desk.reading
            if shown is not None and shown.reading_id == reading.reading_id:
                self._desk.show(shown, None, film_error=said(str(error)))
            self._desk.report(error, tr("The reading is here, its film is not"), topic="open")

        self._desk.runner.submit(
            "films", tr("Opening the film"),
            lambda _token, _progress: opening.for_screen(opening.open_film_of(self._services, reading, path)),
            on_result=here, on_failed=failed, on_cancelled=self._end,
        )  # fmt: skip
