"""Writing the report of the reading on the desk, and its preview, off the window's thread."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from boneage_desk.common.errors import InputError
from boneage_desk.reading.session import Reading
from boneage_desk.ui.jobs import Job
from boneage_desk.ui.presenters import text
from boneage_desk.ui.presenters.desk import Desk

PREVIEW_DELAY_MS = 250
"""A preview is drawn when the reading stood still for so long."""


def report_name(reading: Reading) -> str:
    """A file name that any system takes: who, when, and the reading's own id."""
    who = reading.patient.patient_id or reading.patient.name or "hand"
    words = re.sub(r"[^\w-]+", "-", who).strip("-")[:40] or "hand"
    day = text.day(reading.study.study_date)
    return "_".join(part for part in ("bone-age", words, day, reading.reading_id[:8]) if part) + ".pdf"


class Reporting(QObject):
    """``written``: (reading id, path, whether to open it)."""

    written = Signal(str, object, bool)

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._desk = desk

    def write(self, out: Path | None = None, *, open_it: bool = True) -> None:
        """Write the PDF to ``out`` or to the data folder's ``reports``."""
        reading, frame, services = self._desk.reading, self._desk.frame, self._desk.services
        if reading is None:
            return
        if frame is None and not self._desk.film_error:
            self._desk.report(InputError("The film is still being opened.", "Try again in a moment."), topic="report")
            return
        target = out if out is not None else services.data_dir / "reports" / report_name(reading)

        def work(_token: object, _progress: object) -> Path:
            target.parent.mkdir(parents=True, exist_ok=True)
            return services.reports().write(reading, frame, target, paper=services.settings.paper)

        def done(path: Path) -> None:
            self.written.emit(reading.reading_id, path, open_it)
            self._desk.tell(f"Report written: {path}", topic="report")

        def failed(error: BaseException) -> None:
            if isinstance(error, OSError):
                error = InputError(f"The report could not be written ({error.strerror}).", "Choose another folder.")
            self._desk.report(error, topic="report")

        self._desk.runner.submit("report", "Writing the report", work, on_result=done, on_failed=failed)


@dataclass(frozen=True, slots=True)
class Sheet:
    """The preview: the whole PDF, or None and ``words`` that say why there is none."""

    pdf: bytes | None = None
    words: str = ""


class Preview(QObject):
    """The report of the reading on the desk as it would be written now, while somebody looks at it.

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
        if desk.frame is None and not desk.film_error:
            self.changed.emit(Sheet(words="The film is still being opened."))
            return
        if self._key is None:
            self.changed.emit(Sheet(words="The report is being drawn \N{HORIZONTAL ELLIPSIS}"))
        self._timer.start()

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
            with tempfile.TemporaryDirectory(prefix="preview-", dir=services.data_dir) as folder:
                out = Path(folder) / "report.pdf"
                return services.reports().write(reading, frame, out, paper=services.settings.paper).read_bytes()

        def here(pdf: bytes) -> None:
            self._job = None
            self.changed.emit(Sheet(pdf))

        def failed(error: BaseException) -> None:
            self._job = None
            self._drop(Sheet(words=f"The preview could not be drawn: {error}"))
            self._desk.report(error, "The preview could not be drawn", topic="preview")

        self._job = self._desk.runner.submit("report", "Drawing the preview", work, on_result=here, on_failed=failed)
