"""The report's PDF inside DICOM (Encapsulated PDF Storage)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from pydicom.dataset import Dataset

from boneage_desk.reading.session import Reading
from boneage_desk.reports.dicom_results import base, coding

if TYPE_CHECKING:
    from boneage_desk.reports.dicom_results.origin import Origin


def digest(pdf: bytes) -> str:
    """What tells two reports of the same reading apart (paper, language, seal)."""
    return hashlib.sha256(pdf).hexdigest()


def document(origin: Origin, reading: Reading, pdf: bytes) -> Dataset:
    """``pdf`` byte for byte: a seal on it still verifies when it is taken out again (without the pad byte that an odd
    length needs; Encapsulated Document Length says how long it is)."""
    made = base.begin(origin, reading, base.DOCUMENT, digest(pdf))
    made.ConversionType = "WSD"
    made.AcquisitionDateTime = ""
    made.BurnedInAnnotation = "YES"
    made.RecognizableVisualFeatures = "NO"
    made.SourceInstanceSequence = [origin.whole()]
    made.DocumentTitle = base.description(reading, "report")
    code = coding.imaging_report()
    title = Dataset()
    title.CodeValue, title.CodingSchemeDesignator, title.CodeMeaning = code.value, code.scheme_designator, code.meaning
    made.ConceptNameCodeSequence = [title]
    made.VerificationFlag = "VERIFIED" if base.signed(reading) else "UNVERIFIED"
    made.MIMETypeOfEncapsulatedDocument = "application/pdf"
    made.EncapsulatedDocumentLength = len(pdf)
    made.add_new("EncapsulatedDocument", "OB", pdf + bytes(len(pdf) % 2))
    return made
