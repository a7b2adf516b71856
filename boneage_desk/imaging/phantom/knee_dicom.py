"""A drawn knee as a DICOM CR object that says that it is synthetic."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import cast

from boneage_desk.imaging.phantom.dicom import PhantomPatient, Photometric, write_dicom
from boneage_desk.imaging.phantom.knee_form import KneeFilm
from boneage_desk.imaging.phantom.spec import PhantomFilm

SYNTHETIC_KNEE = "Synthetic drawn knee phantom, not a patient"
_SAYS = MappingProxyType(
    {
        "ManufacturerModelName": "Drawn knee phantom",
        "StudyDescription": "Knee AP (synthetic)",
        "SeriesDescription": "Knee AP (synthetic)",
        "DerivationDescription": SYNTHETIC_KNEE,
        "PatientComments": SYNTHETIC_KNEE,
        "ImageComments": SYNTHETIC_KNEE,
        "BodyPartExamined": "KNEE",
        "ViewPosition": "AP",
    }
)


def write_knee_dicom(
    film: KneeFilm, path: str | Path, *, patient: PhantomPatient | None = None, photometric: Photometric = "MONOCHROME2",
    changes: dict[str, object] | None = None,
) -> None:  # fmt: skip
    """Write a drawn knee as DICOM (JPEG-LS lossless); parameters as of `phantom.dicom.write_dicom`."""
    who = patient or PhantomPatient(name="PHANTOM^KNEE", patient_id="PHANTOM-KNEE", sex=film.spec.sex, accession="KNEE0001")
    # the writer looks at pixels and at the spec's side and bits, which both drawings have
    write_dicom(
        cast(PhantomFilm, film), path, patient=who, photometric=photometric, spacing_mm=0.2, changes={**_SAYS, **(changes or {})}
    )
