"""Small DICOM films written with pydicom, one property at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from boneage_desk.imaging.reader import FilmFiles
from boneage_desk.reading.film import Film

CR = "1.2.840.10008.5.1.4.1.1.1"
EXPLICIT = "1.2.840.10008.1.2.1"

Make = Callable[..., Path]


def dataset(pixels: np.ndarray | None, syntax: str = EXPLICIT, **tags: Any) -> Any:
    """A CR film with ``pixels``; ``tags`` are keywords, None takes one away."""
    from pydicom.config import disable_value_validation
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import UID, generate_uid

    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = UID(syntax)
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID = CR
    ds.SOPInstanceUID = generate_uid()
    ds.StudyInstanceUID = generate_uid()
    ds.SeriesInstanceUID = generate_uid()
    ds.Modality = "CR"
    ds.PatientName = "Li^Ming"
    ds.PatientID = "0042"
    ds.PatientSex = "F"
    ds.PatientBirthDate = "20140302"
    ds.StudyDate = "20240711"
    if pixels is not None:
        colour = pixels.ndim == 3 and pixels.shape[-1] == 3
        ds.Rows, ds.Columns = pixels.shape[-3:-1] if colour else pixels.shape[-2:]
        ds.SamplesPerPixel = 3 if colour else 1
        ds.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
        if colour:
            ds.PlanarConfiguration = 0
        elif pixels.ndim == 3:
            ds.NumberOfFrames = len(pixels)
        ds.BitsAllocated = pixels.dtype.itemsize * 8
        ds.BitsStored = ds.BitsAllocated
        ds.HighBit = ds.BitsStored - 1
        ds.PixelRepresentation = 1 if pixels.dtype.kind == "i" else 0
        big = syntax == "1.2.840.10008.1.2.2"
        data = (pixels.astype(pixels.dtype.newbyteorder(">")) if big else pixels).tobytes()
        ds.PixelData = data + b"\0" * (len(data) % 2)
        ds["PixelData"].VR = "OW" if ds.BitsAllocated > 8 else "OB"
    with disable_value_validation():  # tests want illegal values, too
        for keyword, value in tags.items():
            if value is None:
                if keyword in ds:
                    delattr(ds, keyword)
            else:
                setattr(ds, keyword, value)
    ds.file_meta.MediaStorageSOPClassUID = ds.get("SOPClassUID", CR)
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    return ds


def ramp(rows: int = 40, columns: int = 64, top: int = 4095, dtype: Any = np.uint16) -> np.ndarray:
    """Dark left, bright right, a little different in every row."""
    picture = np.linspace(0, top - rows, columns)[None, :] + np.arange(rows)[:, None]
    return picture.astype(dtype)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """make(pixels, name=..., syntax=..., compress=..., **tags) -> path of a DICOM file."""

    def write(
        pixels: np.ndarray | None,
        name: str = "film.dcm",
        syntax: str = EXPLICIT,
        compress: str = "",
        **tags: Any,
    ) -> Path:
        ds = dataset(pixels, syntax, **tags)
        if compress:
            ds.compress(compress, generate_instance_uid=False)
        path = tmp_path / name
        ds.save_as(path, enforce_file_format=True)
        return path

    return write


@pytest.fixture
def reopen(make: Make) -> Callable[..., Film]:
    """Write a film and open it."""

    def run(pixels: np.ndarray | None, *, frame: int | None = None, **tags: Any) -> Film:
        return FilmFiles().open(str(make(pixels, **tags)), frame=frame)

    return run


def codes(film: Film) -> set[str]:
    """Codes of the film's warnings."""
    return {code for code, _ in film.warnings}
