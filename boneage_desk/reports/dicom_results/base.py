"""What all result objects have in common: file meta, patient, study, a series of its own, equipment, times."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from boneage_desk import __version__
from boneage_desk.reading.assessment import SEALED, State
from boneage_desk.reading.report_values import clean
from boneage_desk.reading.session import Reading
from boneage_desk.reports.dicom_results import uids

if TYPE_CHECKING:
    from boneage_desk.reports.dicom_results.origin import Origin

SOFTWARE = "BoneAge Desk"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of result. ``number`` of its series: high, so that it stands after the film's own."""

    name: str
    sop_class: str
    modality: str
    number: int
    words: str


REPORT = Kind("sr", "1.2.840.10008.5.1.4.1.1.88.22", "SR", 9601, "structured report")
STATE = Kind("gsps", "1.2.840.10008.5.1.4.1.1.11.1", "PR", 9602, "boxes and labels")
CAPTURE = Kind("sc", "1.2.840.10008.5.1.4.1.1.7", "OT", 9603, "annotated film")
DOCUMENT = Kind("pdf", "1.2.840.10008.5.1.4.1.1.104.1", "DOC", 9604, "report PDF")
MANIFEST = Kind("manifest", "1.2.840.10008.5.1.4.1.1.88.59", "KO", 9605, "film and results")
KEY_IMAGE = Kind("key-image", "1.2.840.10008.5.1.4.1.1.88.59", "KO", 9606, "key image")


def status_words(reading: Reading) -> str:
    """'draft', 'reviewed, not signed', 'signed' or 'signed, amended'."""
    return {
        State.DRAFT: "draft",
        State.REVIEWED: "reviewed, not signed",
        State.SIGNED: "signed",
        State.AMENDED: "signed, amended",
    }[reading.state]


def description(reading: Reading, words: str) -> str:
    """At most 64 characters, as LO wants; a film that is no patient's is called so."""
    mark = "SYNTHETIC, " if reading.study.synthetic else ""
    return f"Bone age RUS-CHN, {mark}{words}, {status_words(reading)}"[:64]


def begin(origin: Origin, reading: Reading, kind: Kind, content: str = "") -> Dataset:
    """A data set with all common modules. The times are the reading's own, so that a resend is the same object."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.MediaStorageSOPClassUID = kind.sop_class
    made.file_meta.MediaStorageSOPInstanceUID = uids.instance(reading, kind.name, content, origin.site)
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.ImplementationClassUID = uids.made("implementation", SOFTWARE)
    made.file_meta.ImplementationVersionName = f"BONEAGE_{__version__}"[:16]
    made.SpecificCharacterSet = "ISO_IR 192"
    made.update(origin.header)
    made.SOPClassUID = kind.sop_class
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID
    made.SeriesInstanceUID = uids.series(reading, kind.name, content, origin.site)
    made.Modality = kind.modality
    made.SeriesNumber = kind.number
    made.InstanceNumber = 1
    made.SeriesDescription = description(reading, kind.words)
    made.Manufacturer = SOFTWARE
    made.ManufacturerModelName = SOFTWARE
    made.SoftwareVersions = __version__
    day, time = when(reading.changed_at)
    for keyword in ("InstanceCreation", "Series", "Content"):
        setattr(made, f"{keyword}Date", day)
        setattr(made, f"{keyword}Time", time)
    return made


def when(at: datetime) -> tuple[str, str]:
    """A moment as DA and TM, in the zone in which it was taken."""
    return at.strftime("%Y%m%d"), at.strftime("%H%M%S")


def moment(at: datetime) -> str:
    """A moment as DT, with its zone."""
    return at.strftime("%Y%m%d%H%M%S%z")


def person_name(name: str) -> str:
    """A name typed as one line, as PN. Chinese characters stand in the ideographic group, and in the first one too:
    many viewers show no other, and a signer whose name is blank would be nobody.

    >>> person_name("Dr. A. Reader")
    'Dr. A. Reader'
    """
    plain = clean(name).replace("\\", " ").replace("=", " ").replace("^", " ")[:64].strip()
    return plain if plain.isascii() else f"{plain}={plain}"


def signed(reading: Reading) -> bool:
    return reading.state in SEALED


def series_reference(series_uid: str, items: list[Dataset]) -> Dataset:
    """An item of Referenced Series Sequence."""
    made = Dataset()
    made.SeriesInstanceUID = series_uid
    made.ReferencedSOPSequence = items
    return made


def study_reference(study_uid: str, series: list[Dataset]) -> Dataset:
    """An item of the evidence sequences."""
    made = Dataset()
    made.StudyInstanceUID = study_uid
    made.ReferencedSeriesSequence = series
    return made


def plain_reference(result: Dataset) -> Dataset:
    """A Referenced SOP item of a result."""
    item = Dataset()
    item.ReferencedSOPClassUID = result.SOPClassUID
    item.ReferencedSOPInstanceUID = result.SOPInstanceUID
    return item
