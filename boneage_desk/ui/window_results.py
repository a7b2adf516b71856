"""DICOM results of the reading on the desk, from the window into a folder: `reading.results` off the window's thread."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from boneage_desk.common.errors import BoneAgeError, InputError, StoreError
from boneage_desk.common.i18n import tr
from boneage_desk.common.jobs import CancelToken, Progress
from boneage_desk.reading.dicom_study import check_study
from boneage_desk.reading.film import Film
from boneage_desk.reading.results import ResultsWritten, write_results
from boneage_desk.reading.session import Reading
from boneage_desk.ui.jobs import Job
from boneage_desk.ui.presenters.messages import Choice, Message
from boneage_desk.ui.presenters.noting import note_export
from boneage_desk.ui.presenters.saving import Saving

if TYPE_CHECKING:
    from boneage_desk.ui.main_window import MainWindow

LANE = TOPIC = "dicom-results"
KEPT_FOLDER = "results_folder"


class WindowResults(QObject):
    """One export at a time. ``open_folder``: shows a folder in the system's own program."""

    def __init__(self, window: MainWindow, open_folder: Callable[[Path], object]) -> None:
        super().__init__(window)
        self._w = window
        self._open_folder = open_folder
        self._waiting: tuple[Reading, Film, Path] | None = None
        self._job: Job | None = None
        window.desk.saver.changed.connect(self._go_on)

    def ask(self) -> None:
        """Ask for a folder, once it is clear that there is something to write."""
        self._w.flush()
        found = self._ready()
        if found is None:
            return
        path = QFileDialog.getExistingDirectory(self._w, tr("A folder for the DICOM results"), self._folder())
        if path and self._w.commands.still(found[0]):
            self.write(Path(path))

    def write(self, out: Path) -> None:
        """The results of the reading as it is now. They are made when this value of it is on the disk: UIDs name a
        revision, which must never come again with other content."""
        found = self._ready()
        if found is None:
            return
        if self._waiting is not None or self._job is not None:
            self._w.desk.tell(tr("DICOM results are being written already."), "warning", topic=TOPIC)
            return
        self._waiting = (*found, out)
        self._go_on()

    def _ready(self) -> tuple[Reading, Film] | None:
        """The reading and its film, or None where nothing can be written (and that is told)."""
        desk = self._w.desk
        found = self._w.reporting.ready(film=False)
        if found is None:
            return None
        if desk.film is None:
            error: BoneAgeError = InputError("The film is still being opened.", "Try again in a moment.")
            if desk.film_error:
                error = InputError(
                    "DICOM results need the film's file, which could not be opened.",
                    "Put it back where it was, or open the film from where it lies now.",
                )
            desk.report(error, topic=TOPIC)
            return None
        try:
            check_study(desk.film)
        except BoneAgeError as error:
            desk.report(error, topic=TOPIC)
            return None
        return found[0], desk.film

    def _folder(self) -> str:
        """The last one, where it is still there."""
        kept = self._w._settings().value(KEPT_FOLDER)
        return kept if isinstance(kept, str) and Path(kept).is_dir() else self._w.commands._folder()

    def _go_on(self) -> None:
        """Something came to the disk, or did not."""
        if self._waiting is None:
            return
        reading, film, out = self._waiting
        saver = self._w.desk.saver
        if not saver.unsaved_of(reading.reading_id):
            self._waiting = None
            self._start(reading, film, out)
        elif saver.state is Saving.FAILED:
            self._waiting = None
            error = StoreError("The reading is not saved, and DICOM results must be of what is kept.", "Save it, then export again.")
            self._w.desk.report(error, choices=(Choice(tr("Save again"), saver.retry),), topic=TOPIC)

    def _start(self, reading: Reading, film: Film, out: Path) -> None:
        desk = self._w.desk
        services = desk.services
        name = reading.patient.display_name or tr("The film")  # another case may be on the desk by then

        def work(token: CancelToken, progress: Progress) -> ResultsWritten:
            return write_results(services, reading, film, out, progress=progress, cancel=token)

        def done(made: ResultsWritten) -> None:
            self._job = None
            self._w._settings().setValue(KEPT_FOLDER, str(made.folder))
            note_export(desk, "DICOM results", f"{reading.reading_id}, revision {reading.revision}: {len(made.paths)} objects")
            self._told(name, made)

        def failed(error: BaseException) -> None:
            self._job = None
            other = (Choice(tr("Choose another folder"), self.ask),) if isinstance(error, StoreError) else ()
            desk.report(error, tr("{name}: no DICOM results were written", name=name), choices=other, topic=TOPIC)

        def cancelled() -> None:
            self._job = None
            desk.tell(tr("{name}: cancelled, no DICOM results were written.", name=name), topic=TOPIC)

        self._job = desk.runner.submit(
            LANE, tr("Writing DICOM results"), work, on_result=done, on_failed=failed, on_cancelled=cancelled,
            on_progress=self._show_progress,
        )  # fmt: skip
        self._show_progress(self._job)

    def _show_progress(self, job: Job) -> None:
        words = tr("Writing DICOM results \N{HORIZONTAL ELLIPSIS} {percent} %", percent=f"{100 * job.share:.0f}")
        self._w.desk.message.emit(Message("info", words, choices=(Choice(tr("Cancel"), job.cancel),), topic=TOPIC))

    def _told(self, name: str, made: ResultsWritten) -> None:
        words = tr("{name}: {count} DICOM objects written to {folder}.", name=name, count=len(made.paths), folder=made.folder)
        if not made.report:
            words += " " + tr("The report's PDF is not among them: the reading is not signed.")
        choice = Choice(tr("Open the folder"), lambda: self._open_folder(made.folder))
        self._w.desk.message.emit(Message("info", words, choices=(choice,), topic=TOPIC))
