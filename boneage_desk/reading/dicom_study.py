"""Whether a film has a DICOM study in which results can be put."""

from __future__ import annotations

from boneage_desk.common.errors import FilmError
from boneage_desk.reading.film import Film


def check_study(film: Film) -> None:
    """Raises FilmError 'no-dicom' for a raster film, and for a file without UIDs of study, series and image."""
    if not film.source.is_dicom:
        raise FilmError(
            "This film is a picture without DICOM: there is no patient, study and image that DICOM results could refer to.",
            "Open the film as DICOM, from the archive or the modality. PDF, PNG and JSON can be written of any film.",
            code="no-dicom",
        )
    study = film.study
    uids = (("study", study.study_uid), ("series", study.series_uid), ("image", study.sop_uid))
    missing = [name for name, uid in uids if not uid]
    if missing:
        raise FilmError(
            f"The film's file has no UID of its {' and '.join(missing)}: DICOM results could not refer to it.",
            "Get the film again from the archive.",
            code="no-dicom",
        )
