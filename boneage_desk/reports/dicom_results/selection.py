"""Key Object Selections (TID 2010): the list of what was made of the film, and the reader's mark of a key image.

They are two objects, because a title is said of all that an object names: 'Of Interest' is what the reader said of the film
and of nothing else, and is never written where he did not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydicom.dataset import Dataset

from boneage_desk.reading.session import Reading
from boneage_desk.reports.dicom_results import base, coding
from boneage_desk.reports.dicom_results.structured_report import observer_contexts

if TYPE_CHECKING:
    from boneage_desk.reports.dicom_results.origin import Origin


def manifest(origin: Origin, reading: Reading, results: Sequence[Dataset], content: str) -> Dataset:
    """'Manifest' (CID 7010): names the film and all its results, so that they are found together, and shows the film
    with its boxes. ``content``: the report's SHA-256, '' without one; it is part of the UID."""
    words = f"The film and what was made of it. {base.description(reading, 'all results')}."
    made = _selection(origin, reading, base.MANIFEST, "manifest", results, words, content)
    states = [result for result in results if result.Modality == "PR"]
    if states:
        _film_item(made).ReferencedSOPSequence = [base.plain_reference(states[0])]
    return made


def key_image(origin: Origin, reading: Reading) -> Dataset | None:
    """'Of Interest' (CID 7010): names the film alone, with its frame. None where the reader did not mark it."""
    if not reading.key_image:
        return None
    words = f"Marked as a key image by the reader. {base.description(reading, 'key image')}."
    return _selection(origin, reading, base.KEY_IMAGE, "of-interest", (), words)


def _selection(
    origin: Origin, reading: Reading, kind: base.Kind, title: str, results: Sequence[Dataset], words: str, content: str = ""
) -> Dataset:
    """An object that names the film and ``results``."""
    made = base.begin(origin, reading, kind, content)
    made.ReferencedPerformedProcedureStepSequence = []
    for element in _root(origin, reading, title, results, words):
        made[element.tag] = element
    if origin.frame is not None:
        _film_item(made).ReferencedFrameNumber = origin.frame
    series = [base.series_reference(origin.series_uid, [origin.whole()])]
    series += [base.series_reference(result.SeriesInstanceUID, [base.plain_reference(result)]) for result in results]
    made.CurrentRequestedProcedureEvidenceSequence = [base.study_reference(origin.study_uid, series)]
    return made


def _film_item(made: Dataset) -> Any:
    """Referenced SOP item of the film, which is named first."""
    return next(item for item in made.ContentSequence if item.ValueType == "IMAGE").ReferencedSOPSequence[0]


def _root(origin: Origin, reading: Reading, title: str, results: Sequence[Dataset], words: str) -> Dataset:
    from highdicom.ko import KeyObjectSelection

    person, device = observer_contexts(reading)
    film = Dataset()
    film.SOPClassUID, film.SOPInstanceUID, film.Rows, film.Columns = origin.sop_class, origin.sop_uid, origin.rows, origin.columns
    root: Dataset = KeyObjectSelection(
        document_title=coding.dcm(title),
        referenced_objects=[film, *results],
        observer_person_context=person,
        observer_device_context=device,
        description=words,
    )[0]
    return root
