"""Writes the DICOM results of a reading: fulfils :class:`boneage_desk.reading.ports.ResultsWriter`."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from boneage_desk.common.errors import InputError, StoreError
from boneage_desk.common.jobs import CancelToken, Progress, no_progress
from boneage_desk.common.settings import Settings
from boneage_desk.reading.blind import refuse_hidden
from boneage_desk.reading.film import Film
from boneage_desk.reading.session import Reading
from boneage_desk.reports.pdf import write_whole

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_MADE = 0.9
"""Share of the work that is done when all objects are made."""


class DicomResults:
    """Safe to call from any thread. Equal readings give equal files."""

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()

    def write(
        self, reading: Reading, film: Film, out: Path, *, report: bytes | None = None,
        progress: Progress = no_progress, cancel: CancelToken | None = None,
    ) -> Sequence[Path]:  # fmt: skip
        """Files named by kind and SOP Instance UID, the key object that names the others last; ``out`` is made if
        missing. A colour film gets no presentation state, for a greyscale one may not refer to it. All is made before the
        first file is written; where the disk refuses one, those that were new are taken away again.

        Raises FilmError 'no-dicom', 'film-changed' or as opening does; InputError 'blind' while the machine's grades are
        hidden, 'other-film' where film and reading do not belong together, 'not-a-pdf' for other bytes; StoreError when
        the disk refuses; Cancelled before the first file.
        """
        made = self.make(reading, film, report=report, progress=progress, cancel=cancel)
        progress(_MADE, "files")
        _folder(out)
        paths = _all_written(made, out)
        progress(1.0, "done")
        return paths

    def make(
        self, reading: Reading, film: Film, *, report: bytes | None = None,
        progress: Progress = no_progress, cancel: CancelToken | None = None,
    ) -> list[Dataset]:  # fmt: skip
        """The objects themselves, as data sets."""
        from boneage_desk.imaging.hush import collected_warnings
        from boneage_desk.imaging.voi import apply_voi
        from boneage_desk.reports.dicom_results.capture import capture
        from boneage_desk.reports.dicom_results.document import digest, document
        from boneage_desk.reports.dicom_results.origin import origin_of
        from boneage_desk.reports.dicom_results.presentation import state
        from boneage_desk.reports.dicom_results.selection import key_image, manifest
        from boneage_desk.reports.dicom_results.structured_report import report as structured

        refuse_hidden(reading)
        _belong_together(reading, film)
        if report is not None and not report.startswith(b"%PDF-"):
            raise InputError("The report handed over is no PDF.", "Make it again.", code="not-a-pdf")
        site = self._settings.site_name.strip()
        origin = origin_of(film, reading, site)
        frame = film.frame
        grey = apply_voi(frame.pixels, frame.vois[0], max_value=frame.max_value)
        content = digest(report) if report is not None else ""
        steps: tuple[tuple[str, Callable[[], Dataset | None]], ...] = (
            ("structured report", lambda: structured(origin, reading)),
            ("boxes and labels", lambda: state(origin, reading, grey)),
            ("annotated film", lambda: capture(origin, reading, film)),
            ("report", lambda: document(origin, reading, report) if report is not None else None),
            ("key image", lambda: key_image(origin, reading)),
        )
        kept: list[Dataset] = []
        with collected_warnings():  # of highdicom and pydicom, about what the film itself has wrong
            for done, (words, make) in enumerate(steps):
                if cancel is not None:
                    cancel.check()
                progress(_MADE * done / len(steps), words)
                result = make()
                kept += [result] if result is not None else []
            kept.append(manifest(origin, reading, kept, content))
        if cancel is not None:
            cancel.check()
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


def _all_written(made: Sequence[Dataset], out: Path) -> list[Path]:
    """One file each; all of them, or none that was not there before."""
    paths: list[Path] = []
    new: list[Path] = []
    try:
        for dataset in made:
            path = _path(dataset, out)
            there = os.path.exists(path)
            _write(dataset, path)
            paths.append(path)
            new += [] if there else [path]
    except StoreError:
        for path in new:
            with contextlib.suppress(OSError):
                path.unlink()
        raise
    return paths


def _path(dataset: Dataset, out: Path) -> Path:
    return out / f"{dataset.Modality}.{dataset.SOPInstanceUID}.dcm"


def _write(dataset: Dataset, path: Path) -> None:
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    try:
        write_whole(path, buffer.getvalue())
    except StoreError as error:
        raise StoreError(f"'{path}' could not be written.", error.remedy, code="disk") from error
