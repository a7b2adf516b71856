"""Joins the exports to the window: films without their patients, and decisions as a training set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QFileDialog

from boneage_desk.common.errors import BoneAgeError
from boneage_desk.common.i18n import said, tr
from boneage_desk.common.jobs import CancelToken, Progress
from boneage_desk.reading.exports import Exported, ExportedFilm, FilmExporter, LeftOut, TrainingExported
from boneage_desk.reading.session import AuditEvent, Reading
from boneage_desk.ui.jobs import BACKGROUND
from boneage_desk.ui.presenters.messages import Choice, Message
from boneage_desk.ui.presenters.noting import note_export

if TYPE_CHECKING:
    from boneage_desk.ui.main_window import MainWindow
    from boneage_desk.ui.views.export_dialog import ExportDialog

LANE = "export"


class WindowExports(QObject):
    """``open_folder``: shows a folder in the system's own program."""

    def __init__(self, window: MainWindow, open_folder: Callable[[Path], object], films_filter: Callable[[], str]) -> None:
        super().__init__(window)
        self._w = window
        self._open_folder = open_folder
        self._filter = films_filter
        self.dialog: ExportDialog | None = None

    def handlers(self) -> dict[str, Callable[[], object]]:
        """Of the commands that export."""
        return {"export-films": self.ask_films, "export-training": self.ask_training}

    def _exporter(self) -> FilmExporter | None:
        make = self._w.services.exports
        if make is None:
            self._w.desk.report(BoneAgeError("This program was put together without exports.", "Install BoneAge Desk again."))
            return None
        return make()

    # --- films ------------------------------------------------------------------------------

    def ask_films(self) -> None:
        """Ask for films, folder and options; the film on the desk is there to begin with."""
        from boneage_desk.ui.views.export_dialog import ExportDialog

        reading = self._w.desk.reading
        paths = [reading.source.path] if reading is not None else []
        dialog = ExportDialog(self._w, paths, self._w.commands._folder(), self._filter())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(lambda: self.export_films(dialog))
        dialog.finished.connect(lambda _result: setattr(self, "dialog", None))
        self.dialog = dialog
        dialog.open()

    def export_films(self, dialog: ExportDialog) -> None:
        """Write what the dialog says, off the window's thread."""
        exporter, services = self._exporter(), self._w.services
        if exporter is None:
            return
        paths, out, options = list(dialog.paths), Path(dialog.out.text().strip()), dialog.options()
        key = Path(dialog.key.text().strip()) if dialog.key.text().strip() else None

        def work(token: CancelToken, progress: Progress) -> Exported:
            return exporter.deidentified(paths, out, options, at=services.now(), key=key, progress=progress, cancel=token)

        def done(made: Exported) -> None:
            self._note("de-identified", key is not None, f"{len(made.films)} films")
            one = len(made.films) == 1
            words = tr("1 film without names written to {folder}.", folder=made.folder) if one else tr(
                "{count} films without names written to {folder}.", count=len(made.films), folder=made.folder
            )  # fmt: skip
            self._told(words, made.folder, made.films, made.left_out)

        self._submit(tr("Exporting films"), work, done)

    # --- training ---------------------------------------------------------------------------

    def ask_training(self) -> None:
        """Ask for a folder; then the decisions of this station go there."""
        path = QFileDialog.getExistingDirectory(
            self._w, tr("A new or empty folder for the training set"), self._w.commands._folder()
        )
        if path:
            self.export_training(Path(path))

    def export_training(self, out: Path) -> None:
        """The store is read on its own lane, the films are written on another."""
        exporter, services = self._exporter(), self._w.services
        if exporter is None:
            return
        self._w.flush()

        def load(_token: CancelToken, _progress: Progress) -> tuple[Sequence[Reading], Sequence[AuditEvent]]:
            store = services.store()
            return store.list(), store.events()

        def loaded(found: tuple[Sequence[Reading], Sequence[AuditEvent]]) -> None:
            def work(token: CancelToken, progress: Progress) -> TrainingExported:
                return exporter.training(*found, out, at=services.now(), progress=progress, cancel=token)

            self._submit(tr("Exporting decisions"), work, done)

        def done(made: TrainingExported) -> None:
            self._note("training set", False, f"{made.grades} films, {made.decided} grades, {made.overridden} overrides")
            facts = {"decided": made.decided, "overridden": made.overridden, "folder": made.folder}
            words = tr(
                "{count} films with {decided} decided bones, {overridden} other than the machine's, written to {folder}.",
                count=made.grades, **facts,
            )  # fmt: skip
            if made.grades == 1:
                words = tr(
                    "1 film with {decided} decided bones, {overridden} other than the machine's, written to {folder}.", **facts
                )  # fmt: skip
            missing = [one for one in made.left_out if one.code not in ("draft", "no-decision")]
            self._told(words, made.folder, made.warnings, missing)

        self._w.desk.run_later("store", tr("Loading the decisions"), load, loaded, tr("Nothing was exported"))

    # --- both -------------------------------------------------------------------------------

    def _submit(self, title: str, work: Callable[[CancelToken, Progress], object], done: Callable[..., None]) -> None:
        desk = self._w.desk
        desk.tell(f"{title} \N{HORIZONTAL ELLIPSIS}", topic=LANE)
        desk.runner.submit(
            LANE, title, work, on_result=done, priority=BACKGROUND,
            on_failed=lambda error: desk.report(error, tr("Nothing was exported"), topic=LANE),
        )  # fmt: skip

    def _note(self, what: str, key: bool, counts: str) -> None:
        note_export(self._w.desk, f"{what}, {'with' if key else 'without'} a key", counts)

    def _told(self, words: str, folder: Path, films: Sequence[ExportedFilm], left: Sequence[LeftOut]) -> None:
        """What was written, and what a person has to look at."""
        suspected = sum(any(code in ("text-like", "burned-in", "recognizable") for code, _ in film.warnings) for film in films)
        parts = [words]
        if left:
            parts.append(tr("{count} were left out, the first: {why}", count=len(left), why=said(left[0].message)))
        if suspected:
            parts.append(tr("{count} seem to have text in the picture.", count=suspected))
        parts.append(tr("Look at each picture before you give it away."))
        choice = Choice(tr("Open the folder"), lambda: self._open_folder(folder))
        self._w.desk.message.emit(Message("warning" if left or suspected else "info", " ".join(parts), choices=(choice,), topic=LANE))
