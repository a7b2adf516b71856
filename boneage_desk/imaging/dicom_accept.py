"""Which DICOM objects are plain films of a hand. What is refused is refused before its pixels are touched."""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import TYPE_CHECKING

from boneage_desk.imaging.dicom_tags import items, text
from boneage_desk.imaging.failures import refusal

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

PLAIN_FILM_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.1": "CR",
    "1.2.840.10008.5.1.4.1.1.1.1": "DX for presentation",
    "1.2.840.10008.5.1.4.1.1.1.1.1": "DX for processing",
    "1.2.840.10008.5.1.4.1.1.7": "secondary capture",
    "1.2.840.10008.5.1.4.1.1.7.1": "multi-frame 1-bit secondary capture",
    "1.2.840.10008.5.1.4.1.1.7.2": "multi-frame 8-bit grey secondary capture",
    "1.2.840.10008.5.1.4.1.1.7.3": "multi-frame 16-bit grey secondary capture",
    "1.2.840.10008.5.1.4.1.1.7.4": "multi-frame colour secondary capture",
}
OWN_MODEL = "BoneAge Desk"
"""Manufacturer's Model Name of what this program writes (the drawn films have another)."""
DICOMDIR_CLASS = "1.2.840.10008.1.3.10"

# Storage classes that hold no image at all (PS3.4 B.5): prefix -> words
_NO_IMAGE = {
    "1.2.840.10008.5.1.4.1.1.88.": "a structured report",
    "1.2.840.10008.5.1.4.1.1.104.": "a document inside DICOM",
    "1.2.840.10008.5.1.4.1.1.11.": "a presentation state",
    "1.2.840.10008.5.1.4.1.1.481.2": "a radiotherapy dose",
    "1.2.840.10008.5.1.4.1.1.481.3": "a radiotherapy structure set",
    "1.2.840.10008.5.1.4.1.1.481.": "a radiotherapy object",
    "1.2.840.10008.5.1.4.1.1.9.": "a waveform",
    "1.2.840.10008.5.1.4.1.1.66": "raw data or a registration",
    "1.2.840.10008.5.1.4.1.1.67": "a mapping",
    DICOMDIR_CLASS: "a DICOMDIR, which only lists films",
}
_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"

_OTHER_MODALITY = {
    "CT": "a CT image",
    "MR": "an MR image",
    "PT": "a PET image",
    "NM": "a nuclear medicine image",
    "US": "an ultrasound image",
    "MG": "a mammogram",
    "XA": "an angiogram",
    "RF": "a fluoroscopy",
    "ES": "an endoscopy picture",
    "XC": "a photograph",
    "GM": "a microscopy picture",
    "SM": "a microscopy picture",
    "OP": "an eye photograph",
    "IO": "a dental film",
    "PX": "a dental panorama",
    "BMD": "a bone density scan",
    "SEG": "a segmentation",
}
_NO_IMAGE_MODALITY = {
    "SR": "a structured report",
    "DOC": "a document inside DICOM",
    "PR": "a presentation state",
    "KO": "a key object note",
    "RTSTRUCT": "a radiotherapy structure set",
    "RTPLAN": "a radiotherapy plan",
    "ECG": "a waveform",
}
_PLAIN_MODALITY = {"CR", "DX", "RG", "SC", "OT", "DR", ""}


class BodyPart(Enum):
    """What a body part tag says about a hand reading."""

    HAND = auto()
    FOOT = auto()
    ELSEWHERE = auto()
    OPEN = auto()
    """Empty, or a word that rules nothing out (EXTREMITY, a local term)."""


_HAND = re.compile(
    r"HAND|WRIST|FINGER|THUMB|CARP(US|AL)|PHALAN|BONE\s*AGE|KNOCHENALTER|手|腕|指|骨龄|RADIUS|ULNA|FOREARM|\bMAIN\b|POIGNET"
)
_FOOT = re.compile(r"FOOT|FEET|\bTOES?\b|ANKLE|CALCAN|HEEL|TARS(US|AL)|HALLUX|足|踝|趾")
_KNEE = re.compile(r"KNEE|PATELLA|\bKNIE\b|GENOU|膝|髌")
_ELSEWHERE = re.compile(
    r"CHEST|THORA|LUNG|RIBS?\b|STERNUM|CLAVICLE|SHOULDER|SCAPULA|HUMERUS|ELBOW|UP(PER)? ?ARM|"
    r"ABDOM|PELVI|\bHIPS?\b|FEMUR|THIGH|KNEE|PATELLA|TIBIA|FIBULA|LOWER ?LEG|LOWLEG|\bLEGS?\b|"
    r"SPINE|SACRUM|COCCYX|SKULL|HEAD|NECK|FACE|FACIAL|\bNOSE|NASAL|SINUS|ORBIT|MANDIBLE|\bJAW|TEETH|TOOTH|DENTAL|"
    r"BREAST|HEART|WHOLE ?BODY|BABYGRAM|胸|腹|骨盆|脊|颅|头|膝|肘|肩|髋"
)


def check_object(ds: Dataset, name: str) -> None:
    """Raises FilmError 'no-pixels' or 'not-hand-film' for objects that are no plain film."""
    sop_class = text(ds, "SOPClassUID") or _media_class(ds)
    modality = text(ds, "Modality").upper()
    if sop_class not in PLAIN_FILM_CLASSES:
        if sop_class.startswith(_SEGMENTATION):
            raise refusal("not-hand-film", name, "it is a segmentation")
        for prefix, words in _NO_IMAGE.items():
            if sop_class.startswith(prefix):
                raise refusal("no-pixels", name, f"it is {words}")
    if modality in _NO_IMAGE_MODALITY:
        raise refusal("no-pixels", name, f"it is {_NO_IMAGE_MODALITY[modality]}")
    if modality in _OTHER_MODALITY:
        raise refusal("not-hand-film", name, f"it is {_OTHER_MODALITY[modality]}")
    if is_own_result(ds):
        raise refusal("own-result", name)
    if sop_class in PLAIN_FILM_CLASSES:
        return
    if sop_class.startswith("1.2.840.10008."):
        raise refusal("not-hand-film", name, f"it is an object of the kind '{_class_name(sop_class)}'")
    if modality not in _PLAIN_MODALITY:
        raise refusal("not-hand-film", name, f"its modality is '{modality}'")


def is_own_result(ds: Dataset) -> bool:
    """Whether this is the secondary capture of `reports.dicom_results`: in a study that was sent there and back it lies
    beside the film, and what is drawn on it must never be read again."""
    return text(ds, "ManufacturerModelName") == OWN_MODEL and text(ds, "SOPClassUID") == "1.2.840.10008.5.1.4.1.1.7"


def check_body_part(ds: Dataset, name: str) -> BodyPart:
    """What the film shows by its tags; raises FilmError 'not-hand-film' for chest, knee and so on."""
    words = body_part_words(ds)
    found = body_part_of(words)
    if found is BodyPart.ELSEWHERE:
        raise refusal("not-hand-film", name, f"its body part says '{words}'")
    return found


def check_knee(ds: Dataset, name: str) -> None:
    """Raises FilmError 'not-knee-film' where the tags say another part of the body; silence is let pass."""
    words = body_part_words(ds)
    if not _KNEE.search(words.upper()) and body_part_of(words) is not BodyPart.OPEN:
        raise refusal("not-knee-film", name, f"its body part says '{words}'")


def body_part_words(ds: Dataset) -> str:
    """BodyPartExamined, else the anatomic region's meaning."""
    stated = text(ds, "BodyPartExamined")
    if stated:
        return _readable(stated)
    for item in items(ds, "AnatomicRegionSequence"):
        meaning = text(item, "CodeMeaning")
        if meaning:
            return meaning
    return ""


def _readable(words: str) -> str:
    """A code string is ASCII by the standard; where a station wrote Chinese, its bytes came as Latin-1."""
    if words.isascii():
        return words
    for encoding in ("utf-8", "gb18030"):
        try:
            return words.encode("latin-1").decode(encoding)
        except UnicodeError:
            continue
    return words


def body_part_of(words: str) -> BodyPart:
    """Sort a body part term, standard or local."""
    upper = words.upper().replace("_", " ")
    if _HAND.search(upper):
        return BodyPart.HAND
    if _FOOT.search(upper):
        return BodyPart.FOOT
    if _ELSEWHERE.search(upper):
        return BodyPart.ELSEWHERE
    return BodyPart.OPEN


def _media_class(ds: Dataset) -> str:
    meta = getattr(ds, "file_meta", None)
    return text(meta, "MediaStorageSOPClassUID") if meta is not None else ""


def _class_name(sop_class: str) -> str:
    from pydicom.uid import UID

    return str(UID(sop_class).name).removesuffix(" Storage")
