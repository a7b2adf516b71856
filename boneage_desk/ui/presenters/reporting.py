"""Writing the report of the reading on the desk, off the window's thread."""

from __future__ import annotations

import re
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from boneage_desk.common.errors import InputError
from boneage_desk.reading.session import Reading
from boneage_desk.ui.presenters import text
from boneage_desk.ui.presenters.desk import Desk


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
