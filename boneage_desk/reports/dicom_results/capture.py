"""The annotated film as a Secondary Capture: for viewers that show neither structured reports nor overlays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.dataset import Dataset

from boneage_desk import __version__
from boneage_desk.imaging.annotated import annotated
from boneage_desk.reading.film import Film
from boneage_desk.reading.session import Reading
from boneage_desk.reports.dicom_results import base, coding

if TYPE_CHECKING:
    from boneage_desk.reports.dicom_results.origin import Origin

LONGER_SIDE = 2048
"""Pixels at most: for looking at, not for measuring."""
DERIVATION = (
    "Copy of the film with boxes, grades and bone age drawn in by BoneAge Desk: made smaller where needed, 8 bit, "
    "window as displayed. For information; not for diagnosis or measurement."
)


def capture(origin: Origin, reading: Reading, film: Film) -> Dataset:
    """RGB, 8 bit. No spacing: distances belong to the film itself."""
    from PIL import Image

    lines = [f"{base.status_words(reading)}; {base.SOFTWARE} {__version__}"]
    if reading.study.synthetic:
        lines.append("SYNTHETIC film, not of a patient")
    picture = annotated(film.frame, reading, lines=lines)
    share = LONGER_SIDE / max(picture.size)
    if share < 1:
        size = (max(1, round(picture.width * share)), max(1, round(picture.height * share)))
        picture = picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    made = base.begin(origin, reading, base.CAPTURE)
    made.Laterality = reading.study.laterality.value
    made.BodyPartExamined = "HAND"
    made.PatientOrientation = ""
    made.ConversionType = "WSD"
    made.ImageType = ["DERIVED", "SECONDARY", "", "SYNTHETIC"] if reading.study.synthetic else ["DERIVED", "SECONDARY"]
    made.DateOfSecondaryCapture, made.TimeOfSecondaryCapture = base.when(reading.changed_at)
    made.DerivationDescription = DERIVATION + (" The film is synthetic, not of a patient." if reading.study.synthetic else "")
    made.BurnedInAnnotation = "YES"
    made.SourceImageSequence = [_source(origin)]
    made.LossyImageCompression = "00"
    made.SamplesPerPixel = 3
    made.PhotometricInterpretation = "RGB"
    made.PlanarConfiguration = 0
    made.Rows, made.Columns = picture.height, picture.width
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 8, 8, 7, 0
    pixels = picture.tobytes()
    made.add_new("PixelData", "OB", pixels + bytes(len(pixels) % 2))
    return made


def _source(origin: Origin) -> Dataset:
    item = origin.reference()
    purpose = Dataset()
    code = coding.source_image()
    purpose.CodeValue, purpose.CodingSchemeDesignator, purpose.CodeMeaning = code.value, code.scheme_designator, code.meaning
    item.PurposeOfReferenceCodeSequence = [purpose]
    return item
