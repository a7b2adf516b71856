"""A phantom film as a DICOM CR object that says that it is synthetic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)

from boneage_desk.imaging.phantom.spec import PhantomFilm

SYNTHETIC = "Synthetic drawn hand phantom, not a patient"
_IMPLEMENTATION = generate_uid(entropy_srcs=["boneage-desk phantom writer"])

#: Named, not left to chance: GDCM's RLE encoder ends the process on odd sizes.
_ENCODERS = {JPEGLSLossless: "pyjpegls", JPEG2000Lossless: "pylibjpeg", RLELossless: "pylibjpeg"}

Photometric = Literal["MONOCHROME1", "MONOCHROME2"]


@dataclass(frozen=True, slots=True)
class PhantomPatient:
    """Who the drawn film claims to be of; dates as DICOM DA (YYYYMMDD), '' = not recorded."""

    name: str = "PHANTOM^DEMO"
    patient_id: str = "PHANTOM-0001"
    sex: str = "F"
    birth_date: str = "20140215"
    study_date: str = "20240711"
    study_time: str = "093000"
    accession: str = "DEMO0001"
    referrer: str = ""
    institution: str = "BoneAge Desk demonstration"


def dataset(
    film: PhantomFilm,
    *,
    photometric: Photometric = "MONOCHROME2",
    transfer_syntax: str = JPEGLSLossless,
    laterality: str | None = None,
    patient: PhantomPatient | None = None,
    spacing_mm: float = 0.1,
    changes: Mapping[str, object] | None = None,
) -> Dataset:
    """The DICOM dataset of a film, its pixel data encoded. Parameters: see `write_dicom`."""
    who = patient or PhantomPatient()
    spec = film.spec
    bits = spec.bits
    last = (1 << bits) - 1
    pixels = np.ascontiguousarray(film.pixels)
    if photometric == "MONOCHROME1":
        pixels = (last - pixels).astype(pixels.dtype)
    side = laterality if laterality is not None else spec.side[0].upper()

    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.ImageType = ["DERIVED", "PRIMARY", "", "SYNTHETIC"]
    ds.SOPClassUID = ComputedRadiographyImageStorage
    seed = [who.name, who.patient_id, who.study_date, who.accession, repr(spec), photometric, side]
    ds.StudyInstanceUID = generate_uid(entropy_srcs=["study", *seed])
    ds.SeriesInstanceUID = generate_uid(entropy_srcs=["series", *seed])
    ds.SOPInstanceUID = generate_uid(entropy_srcs=["image", *seed])
    for keyword in ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"):
        setattr(ds, keyword, who.study_date)
    for keyword in ("StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime"):
        setattr(ds, keyword, who.study_time)
    ds.AccessionNumber = who.accession
    ds.Modality = "CR"
    ds.Manufacturer = "BoneAge Desk"
    ds.ManufacturerModelName = "Drawn hand phantom"
    ds.InstitutionName = who.institution
    ds.ReferringPhysicianName = who.referrer
    ds.StudyDescription = "Bone age, hand PA (synthetic)"
    ds.SeriesDescription = "Hand PA (synthetic)"
    ds.DerivationDescription = SYNTHETIC
    ds.PatientName = who.name
    ds.PatientID = who.patient_id
    ds.PatientBirthDate = who.birth_date
    ds.PatientSex = who.sex
    ds.PatientComments = SYNTHETIC
    ds.BodyPartExamined = "HAND"
    ds.ViewPosition = "PA"
    ds.PlateType = ""
    ds.ImagerPixelSpacing = [spacing_mm, spacing_mm]
    ds.StudyID = "1"
    ds.SeriesNumber = 1
    ds.InstanceNumber = 1
    ds.PatientOrientation = ""
    ds.Laterality = side
    ds.ImageComments = SYNTHETIC
    ds.BurnedInAnnotation = "NO"
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = photometric
    ds.Rows, ds.Columns = (int(n) for n in pixels.shape)
    # the drawn hand lies on the detector: no magnification
    ds.PixelSpacing = [spacing_mm, spacing_mm]
    ds.PixelSpacingCalibrationType = "GEOMETRY"
    ds.PixelSpacingCalibrationDescription = "Drawn to scale, magnification 1"
    ds.BitsAllocated = 8 if bits == 8 else 16
    ds.BitsStored = bits
    ds.HighBit = bits - 1
    ds.PixelRepresentation = 0
    # a window such as the plate reader would set: from the film's ground to its densest bone
    lo, hi = np.quantile(film.pixels[::4, ::4], (0.10, 0.985)) * (0.6, 1.15)
    centre = (lo + hi) / 2
    ds.WindowCenter = [round(float(last - centre if photometric == "MONOCHROME1" else centre))]
    ds.WindowWidth = [max(1, round(float(hi - lo)))]
    ds.WindowCenterWidthExplanation = ["BONE"]
    ds.PresentationLUTShape = "INVERSE" if photometric == "MONOCHROME1" else "IDENTITY"
    ds.LossyImageCompression = "00"

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ds.SOPClassUID
    meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    meta.ImplementationClassUID = _IMPLEMENTATION
    meta.ImplementationVersionName = "BONEAGE_PHANTOM"
    ds.file_meta = meta
    _encode(ds, pixels, UID(transfer_syntax))
    for keyword, value in (changes or {}).items():
        if value is None:
            if keyword in ds:
                delattr(ds, keyword)
        else:
            setattr(ds, keyword, value)
    meta.MediaStorageSOPInstanceUID = ds.get("SOPInstanceUID", meta.MediaStorageSOPInstanceUID)
    return ds


def _encode(ds: Dataset, pixels: np.ndarray, syntax: UID) -> None:
    if syntax.is_compressed and syntax.is_encapsulated:
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        if syntax not in _ENCODERS:
            raise ValueError(f"the phantom is not written as {syntax.name}")
        ds.compress(syntax, pixels, encoding_plugin=_ENCODERS[syntax], generate_instance_uid=False)
        return
    if syntax not in (ExplicitVRLittleEndian, ImplicitVRLittleEndian):
        raise ValueError(f"the phantom is not written as {syntax.name}")
    ds.file_meta.TransferSyntaxUID = syntax
    raw = pixels.tobytes()
    ds.PixelData = raw + b"\0" * (len(raw) % 2)
    ds["PixelData"].VR = "OB" if ds.BitsAllocated == 8 else "OW"


def write_dicom(
    film: PhantomFilm,
    path: str | Path,
    *,
    photometric: Photometric = "MONOCHROME2",
    transfer_syntax: str = JPEGLSLossless,
    laterality: str | None = None,
    patient: PhantomPatient | None = None,
    spacing_mm: float = 0.1,
    changes: Mapping[str, object] | None = None,
) -> None:
    """Write a film as a DICOM CR file.

    photometric: MONOCHROME1 stores the values inverted, so that the film looks the same.
    transfer_syntax: JPEG-LS, JPEG 2000 or RLE lossless, or explicit or implicit little endian.
    laterality: 'L', 'R' or '' where the tag shall say something else than the drawn side.
    spacing_mm: pixel side, mm.
    changes: keyword -> value set last of all, None removes it: for files that lack or belie something.
    """
    ds = dataset(
        film,
        photometric=photometric,
        transfer_syntax=transfer_syntax,
        laterality=laterality,
        patient=patient,
        spacing_mm=spacing_mm,
        changes=changes,
    )
    ds.save_as(path, enforce_file_format=True)
