"""Writes the DICOM results of a reading: fulfils :class:`boneage_desk.reading.ports.ResultsWriter`."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from boneage_desk.common.errors import InputError, StoreError
from boneage_desk.common.settings import Settings
from boneage_desk.reading.film import Film
from boneage_desk.reading.session import Reading
from boneage_desk.reports.pdf import write_whole

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


class DicomResults:
    """Safe to call from any thread. Equal readings give equal files."""

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()

    def write(self, reading: Reading, film: Film, out: Path, *, report: bytes | None = None) -> Sequence[Path]:
        """Files named by kind and SOP Instance UID, the key object that names the others last; ``out`` is made if
        missing. A colour film gets no presentation state, for a greyscale one may not refer to it. All is made before the
        first file is written.

        Raises FilmError 'no-dicom', 'film-changed' or as opening does; InputError 'other-film' where film and reading
        do not belong together, 'not-a-pdf' for other bytes; StoreError when the disk refuses.
        """
        made = self.make(reading, film, report=report)
        _folder(out)
        return [_written(dataset, out) for dataset in made]

    def make(self, reading: Reading, film: Film, *, report: bytes | None = None) -> list[Dataset]:
        """The objects themselves, as data sets."""
        from boneage_desk.imaging.hush import collected_warnings
        from boneage_desk.imaging.voi import apply_voi
        from boneage_desk.reports.dicom_results.capture import capture
        from boneage_desk.reports.dicom_results.document import digest, document
        from boneage_desk.reports.dicom_results.origin import origin_of
        from boneage_desk.reports.dicom_results.presentation import state
        from boneage_desk.reports.dicom_results.selection import selection
        from boneage_desk.reports.dicom_results.structured_report import report as structured

        _belong_together(reading, film)
        if report is not None and not report.startswith(b"%PDF-"):
            raise InputError("The report handed over is no PDF.", "Make it again.", code="not-a-pdf")
        origin = origin_of(film, reading)
        frame = film.frame
        grey = apply_voi(frame.pixels, frame.vois[0], max_value=frame.max_value)
        with collected_warnings():  # of highdicom and pydicom, about what the film itself has wrong
            results = [structured(origin, reading, self._settings.site_name.strip()), state(origin, reading, grey)]
            results += [capture(origin, reading, film)]
            results += [document(origin, reading, report)] if report is not None else []
            kept = [result for result in results if result is not None]
            kept.append(selection(origin, reading, kept, digest(report) if report is not None else ""))
        site = self._settings.site_name.strip()
        for result in kept if site else ():
            result.InstitutionName = site[:64]
        return kept


def _belong_together(reading: Reading, film: Film) -> None:
    same = reading.source.sha256 == film.source.sha256 and reading.source.frame_number == film.source.frame_number
    if not same:
        raise InputError(
            "The reading is of another film.", "Open the film that was read; nothing was written.", code="other-film"
        )


def _folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"The folder '{out}' could not be made ({error.strerror}).", "Name another one.", code="disk"
        ) from error


def _written(dataset: Dataset, out: Path) -> Path:
    path = out / f"{dataset.Modality}.{dataset.SOPInstanceUID}.dcm"
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    try:
        write_whole(path, buffer.getvalue())
    except StoreError as error:
        raise StoreError(f"'{path}' could not be written.", error.remedy, code="disk") from error
    return path

