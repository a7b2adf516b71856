"""Writing the report of the reading on the desk, and its preview, off the window's thread."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

from boneage_desk.common.errors import InputError
from boneage_desk.common.i18n import tr
from boneage_desk.reading.assessment import SEALED
from boneage_desk.reading.film import Frame
from boneage_desk.reading.ports import Services
from boneage_desk.reading.session import Reading
from boneage_desk.ui.jobs import Job, Work
from boneage_desk.ui.presenters import text
from boneage_desk.ui.presenters.desk import Desk
from boneage_desk.ui.presenters.noting import note_report
from boneage_desk.ui.presenters.report_map import ReportMaps

if TYPE_CHECKING:
    from PySide6.QtPrintSupport import QPrinter

PREVIEW_DELAY_MS = 250
"""A preview is drawn when the reading stood still for so long."""


def report_name(reading: Reading, kind: Kind | None = None) -> str:
    """A file name that any system takes: who, when, and the reading's own id."""
    who = reading.patient.patient_id or reading.patient.name or "hand"
    words = re.sub(r"[^\w-]+", "-", who).strip("-")[:40] or "hand"
    day = text.day(reading.study.study_date)
    return "_".join(part for part in ("bone-age", words, day, reading.reading_id[:8]) if part) + (kind or Kind.PDF).value


class Kind(StrEnum):
    """What the report can leave the window as; the value is the file's ending."""

    PDF = ".pdf"
    TEXT = ".txt"
    JSON = ".json"
    FHIR = ".fhir.json"


def report_pdf(services: Services, maps: ReportMaps, reading: Reading, frame: Frame | None) -> bytes:
    """The PDF of a reading: of a signed one the file that was sealed with the last signature that the reading knows (it may
    have been amended elsewhere since) and never another; else drawn now.

    Blocks; not for the window's thread.
    """
    if reading.state in SEALED:
        return services.store().report(reading.reading_id, reading.signatures[-1].number)
    with tempfile.TemporaryDirectory(prefix="report-", dir=services.data_dir) as folder:
        out = Path(folder) / "report.pdf"
        film_map = maps.get(services, reading, frame)
        paper = services.settings.paper
        return services.reports().write(reading, frame, out, paper=paper, film_map=film_map).read_bytes()


def shown_pdf(services: Services, maps: ReportMaps, reading: Reading, frame: Frame | None) -> bytes:
    """As `report_pdf`, for preview and printer: Qt draws no signature fields, so that of a signed reading it is a copy of
    the sealed file with them in its pages. Blocks; not for the window's thread."""
    pdf = report_pdf(services, maps, reading, frame)
    return services.reports().flat(pdf) if reading.state in SEALED else pdf


def exported(services: Services, maps: ReportMaps, reading: Reading, frame: Frame | None, kind: Kind) -> bytes:
    """The report as a file's bytes. Blocks; not for the window's thread."""
    if kind is Kind.PDF:
        return report_pdf(services, maps, reading, frame)
    if kind is Kind.TEXT:
        return services.reports().text(reading).encode("utf-8")
    from boneage_desk.reading.document import document
    from boneage_desk.reading.report_fhir import bundle

    history = services.reports().history(reading)
    made = bundle(reading, history) if kind is Kind.FHIR else document(reading, history)
    return (json.dumps(made, ensure_ascii=False, allow_nan=False, indent=1) + "\n").encode("utf-8")


def tell_map(desk: Desk) -> None:
    """Say that the report has no map of the second opinion, where one was wanted and could not be had."""
    if desk.report_maps.trouble:
        why = desk.report_maps.trouble
        desk.tell(tr("The report has no map of the second opinion: {why}", why=why), "warning", topic="report-map")


class Reporting(QObject):
    """``written``: (reading id, path, whether to open it). ``copied``: text for the clipboard."""

    written = Signal(str, object, bool)
    copied = Signal(str)

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._desk = desk

    def write(self, out: Path | None = None, *, open_it: bool = True, kind: Kind = Kind.PDF) -> None:
        """Write the report to ``out`` or to the data folder's ``reports``."""
        found = self.ready(kind is Kind.PDF)
        if found is None:
            return
        reading, frame = found
        services = self._desk.services
        target = out if out is not None else services.data_dir / "reports" / report_name(reading, kind)

        def work(_token: object, _progress: object) -> Path:
            target.parent.mkdir(parents=True, exist_ok=True)
            put(target, exported(services, self._desk.report_maps, reading, frame, kind))
            return target

        def done(path: Path) -> None:
            self.written.emit(reading.reading_id, path, open_it)
            note_report(self._desk, reading, kind.name)
            left_out = services.reports().trouble() if kind is Kind.PDF and reading.state not in SEALED else ""
            self._desk.tell(tr("Report written: {path}", path=path), topic="report")
            if left_out:
                words = tr("{left_out} It was left out. Mend the setting 'report_logo'.", left_out=left_out)
                self._desk.tell(words, "warning", topic="logo")
            if kind is Kind.PDF:
                tell_map(self._desk)

        self._submit(tr("Writing the report"), work, done, tr("The report could not be written"))

    def copy_text(self) -> None:
        """The report as plain text, for the clipboard and with it the RIS."""
        found = self.ready(film=False)
        if found is None:
            return
        services = self._desk.services

        def done(words: str) -> None:
            self.copied.emit(words)
            note_report(self._desk, found[0], "copied as text")
            self._desk.tell(tr("The report is in the clipboard as text."), topic="report")

        self._submit(
            tr("Copying the report"), lambda _token, _progress: services.reports().text(found[0]), done,
            tr("The report could not be copied"),
        )  # fmt: skip

    def to_print(self, then: Callable[[Reading, bytes], None]) -> None:
        """``then`` gets the reading on the desk and its PDF as it is printed, on the window's thread: to ask which printer."""
        found = self.ready()
        if found is None:
            return
        services = self._desk.services
        self._submit(
            tr("Drawing the report"), lambda _token, _progress: shown_pdf(services, self._desk.report_maps, *found),
            lambda pdf: then(found[0], pdf), tr("The report could not be drawn"),
        )  # fmt: skip

    def print(self, reading: Reading, pdf: bytes, printer: QPrinter) -> None:
        """Send the pages of ``reading``'s report to a printer that was set up."""
        from boneage_desk.ui.presenters.printing import print_pdf

        def done(sheets: int) -> None:
            note_report(self._desk, reading, "printed")
            self._desk.tell(tr("{counted} sent to the printer.", counted=text.plural(sheets, 'page')), topic="report")

        self._submit(
            tr("Printing the report"), lambda token, _progress: print_pdf(pdf, printer, token), done,
            tr("The report could not be printed"),
        )  # fmt: skip

    def ready(self, film: bool = True) -> tuple[Reading, Frame | None] | None:
        """The reading and its film, or None where there is nothing to report on yet (and that is told)."""
        desk = self._desk
        if desk.reading is None:
            return None
        if desk.blind_first.hidden:
            desk.report(
                InputError("A report would show the machine's grades, which are still hidden (blind reading).", "Show them first."),
                choices=(desk.choice(tr("Show the AI"), desk.blind_first.ask),), topic="report",
            )  # fmt: skip
            return None
        sealed = desk.reading.state in SEALED
        if film and not sealed and desk.frame is None and not desk.film_error:
            desk.report(InputError("The film is still being opened.", "Try again in a moment."), topic="report")
            return None
        if sealed and desk.saver.unsaved_of(desk.reading.reading_id):
            desk.report(InputError("The signed report is still being kept.", "Try again in a moment."), topic="report")
            return None
        return desk.reading, desk.frame

    def _submit(self, title: str, work: Work, done: Callable[[Any], None], doing: str) -> None:
        def failed(error: BaseException) -> None:
            if isinstance(error, OSError):
                error = InputError(f"{doing} ({error.strerror}).", "Choose another folder.")
            self._desk.report(error, topic="report")

        self._desk.runner.submit("report", title, work, on_result=done, on_failed=failed)


def put(out: Path, data: bytes) -> None:
    """Write beside ``out`` and put it in place; no torn file stays behind. Raises OSError."""
    part = out.with_name(f".{out.name}.part")
    try:
        with open(part, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, out)
    except OSError:
        part.unlink(missing_ok=True)
        raise


@dataclass(frozen=True, slots=True)
class Sheet:
    """The preview: the whole PDF, or None and ``words`` that say why there is none."""

    pdf: bytes | None = None
    words: str = ""


class Preview(QObject):
    """The report of the reading on the desk as it would be written now, while somebody looks at it; of a signed reading
    the file that was sealed, with its signatures drawn into the pages.

    ``changed``: a :class:`Sheet`. The sheet of another reading is taken away at once.
    """

    changed = Signal(object)

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._desk = desk
        self._watched = False
        self._key: tuple[str, int, bool] | None = None
        self._job: Job | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PREVIEW_DELAY_MS)
        self._timer.timeout.connect(self._draw)
        desk.case_changed.connect(self._follow)
        desk.reading_changed.connect(self._follow)
        desk.saver.changed.connect(self._kept)

    def watch(self, on: bool) -> None:
        """Somebody looks at the preview, or no longer."""
        self._watched = on
        if not on:
            self._timer.stop()
        self._follow()

    def _follow(self) -> None:
        reading, desk = self._desk.reading, self._desk
        key = (reading.reading_id, reading.revision, desk.frame is not None) if reading is not None else None
        if key is None or self._key is None or key[0] != self._key[0]:
            self._drop(Sheet())
        if not self._watched or key is None or key == self._key:
            return
        if desk.blind_first.hidden:
            self._drop(Sheet(words=tr("Blind reading: the report is drawn once the AI is shown.")))
            return
        sealed = reading is not None and reading.state in SEALED
        if not sealed and desk.frame is None and not desk.film_error:
            self.changed.emit(Sheet(words=tr("The film is still being opened.")))
            return
        if self._waits_for_file():
            self._drop(Sheet(words=tr("The signed report is being kept \N{HORIZONTAL ELLIPSIS}")))
            return
        if self._key is None:
            self.changed.emit(Sheet(words=tr("The report is being drawn \N{HORIZONTAL ELLIPSIS}")))
        self._timer.start()

    def _waits_for_file(self) -> bool:
        """The reading is signed, and its file on the way to the disk."""
        reading = self._desk.reading
        return reading is not None and reading.state in SEALED and self._desk.saver.unsaved_of(reading.reading_id)

    def _kept(self) -> None:
        """Something came to the disk: perhaps the signed file that was waited for."""
        reading = self._desk.reading
        if self._watched and self._key is None and reading is not None and reading.state in SEALED:
            self._follow()

    def _drop(self, sheet: Sheet) -> None:
        self._timer.stop()
        self._key = None
        if self._job is not None:
            self._job.cancel()
            self._job = None
        self.changed.emit(sheet)

    def _draw(self) -> None:
        reading, frame, services = self._desk.reading, self._desk.frame, self._desk.services
        if reading is None or not self._watched:
            return
        if self._job is not None:
            self._job.cancel()
        self._key = (reading.reading_id, reading.revision, frame is not None)

        def work(_token: object, _progress: object) -> bytes:
            return shown_pdf(services, self._desk.report_maps, reading, frame)

        def here(pdf: bytes) -> None:
            self._job = None
            self.changed.emit(Sheet(pdf))
            left_out = services.reports().trouble() if reading.state not in SEALED else ""
            if left_out:
                self._desk.tell(tr("{left_out} It is left out of the report.", left_out=left_out), "warning", topic="logo")
            tell_map(self._desk)

        def failed(error: BaseException) -> None:
            self._job = None
            self._drop(Sheet(words=tr("The preview could not be drawn: {error}", error=error)))
            self._desk.report(error, tr("The preview could not be drawn"), topic="preview")

        self._job = self._desk.runner.submit("report", tr("Drawing the preview"), work, on_result=here, on_failed=failed)
