"""A Key Object Selection that names the film and all its results, so that they are found together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydicom.dataset import Dataset

from boneage_desk.reading.session import Reading
from boneage_desk.reports.dicom_results import base, coding
from boneage_desk.reports.dicom_results.structured_report import observer_contexts

if TYPE_CHECKING:
    from boneage_desk.reports.dicom_results.origin import Origin


def selection(origin: Origin, reading: Reading, results: Sequence[Dataset], content: str) -> Dataset:
    """TID 2010 'Of Interest'. ``content``: the report's SHA-256, '' without one; it is part of the UID."""
    made = base.begin(origin, reading, base.SELECTION, content)
    made.ReferencedPerformedProcedureStepSequence = []
    for element in _root(origin, reading, results):
        made[element.tag] = element
    series = [base.series_reference(origin.series_uid, [origin.whole()])]
    series += [base.series_reference(result.SeriesInstanceUID, [base.plain_reference(result)]) for result in results]
    made.CurrentRequestedProcedureEvidenceSequence = [base.study_reference(origin.study_uid, series)]
    return made


def _root(origin: Origin, reading: Reading, results: Sequence[Dataset]) -> Dataset:
    from highdicom.ko import KeyObjectSelection

    person, device = observer_contexts(reading)
    film = Dataset()
    film.SOPClassUID, film.SOPInstanceUID, film.Rows, film.Columns = origin.sop_class, origin.sop_uid, origin.rows, origin.columns
    root: Any = KeyObjectSelection(
        document_title=coding.dcm("of-interest"),
        referenced_objects=[film, *results],
        observer_person_context=person,
        observer_device_context=device,
        description=f"The film and what was made of it. {base.description(reading, 'all results')}.",
    )[0]
    shown = next(item for item in root.ContentSequence if item.ValueType == "IMAGE")
    reference = shown.ReferencedSOPSequence[0]
    if origin.frame is not None:
        reference.ReferencedFrameNumber = origin.frame
    states = [result for result in results if result.Modality == "PR"]
    if states:  # the film is to be shown with its boxes
        reference.ReferencedSOPSequence = [base.plain_reference(states[0])]
    return root
