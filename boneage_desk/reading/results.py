"""DICOM results of a reading: one set of rules for the window and for the command line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from boneage_desk.common.errors import BoneAgeError, Cancelled, InputError
from boneage_desk.common.jobs import CancelToken, Progress, no_progress
from boneage_desk.reading.assessment import SEALED
from boneage_desk.reading.blind import refuse_hidden
from boneage_desk.reading.dicom_study import check_study
from boneage_desk.reading.film import Film
from boneage_desk.reading.ports import Services
from boneage_desk.reading.session import Reading

REPORT_SHARE = 0.3
"""Share of the work that the report takes where there is one."""


@dataclass(frozen=True, slots=True)
class ResultsWritten:
    """Complete on disk. ``report``: the report is among them. ``trouble``: why it is not, although it was wanted."""

    folder: Path
    paths: tuple[Path, ...]
    report: bool
    trouble: str = ""


def write_results(
    services: Services, reading: Reading, film: Film, out: Path, *, draw: Callable[[], bytes] | None = None,
    progress: Progress = no_progress, cancel: CancelToken | None = None,
) -> ResultsWritten:  # fmt: skip
    """The DICOM results of ``reading`` in the folder ``out``, which is made if missing. Blocks.

    Readings of every state may leave; each object says which it is. A reading that is still blind may not (InputError
    'blind'), nor one of a film without a study (FilmError 'no-dicom'). Of a signed reading the PDF that was sealed
    with its last signature is inside (not one of an addendum that this value does not know), and without it nothing is
    written (StoreError). Of another one it is what ``draw`` gives, None: no report;
    where it fails the rest is written and ``trouble`` says why. Else raises as `ports.ResultsWriter` does.
    """
    if services.results is None:
        raise InputError("This program is put together without DICOM results.", "Install BoneAge Desk again.", code="usage")
    refuse_hidden(reading)
    check_study(film)
    pdf, trouble = None, ""
    progress(0.0, "report")
    if reading.state in SEALED:
        pdf = services.store().report(reading.reading_id, reading.signatures[-1].number)
    elif draw is not None:
        try:
            pdf = draw()
        except Cancelled:
            raise
        except (BoneAgeError, OSError) as error:
            trouble = str(error)
    if cancel is not None:
        cancel.check()
    begin = REPORT_SHARE if pdf is not None else 0.0

    def on(share: float, step: str) -> None:
        progress(begin + (1 - begin) * share, step)

    paths = services.results().write(reading, film, out, report=pdf, progress=on, cancel=cancel)
    return ResultsWritten(out, tuple(paths), pdf is not None, trouble)
