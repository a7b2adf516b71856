"""Patient, study, side and spacing as a DICOM header gives them; doubts come back as (code, text)."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from boneage_desk.imaging.assemble import Warnings
from boneage_desk.imaging.dicom_accept import body_part_words
from boneage_desk.imaging.dicom_tags import clean, group_items, holder, items, numbers, text, value
from boneage_desk.reading.ages import is_day_of_life
from boneage_desk.reading.film import Laterality, Patient, Spacing, SpacingKind, Study
from boneage_desk.reading.growth import HEIGHT_CM, WEIGHT_KG
from boneage_desk.standards.types import Sex

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_TEXT_VRS_WITH_CHARSET = (
    "PatientName PatientID StudyDescription SeriesDescription InstitutionName ReferringPhysicianName AccessionNumber"
).split()
_RIGHT = {"G-A100", "24028007", "RIGHT", "T-A0100"}
_LEFT = {"G-A101", "7771000", "LEFT"}
_BOTH = {"G-A102", "51440002", "BILATERAL"}


def mend_charset(ds: Dataset, warnings: Warnings) -> None:
    """Name the character set of a file that does not, where its bytes leave little doubt.

    Without (0008,0005) only ASCII is allowed (PS3.3 C.12.1.1.2), yet hospital systems write GBK or
    UTF-8 there. UTF-8 hardly ever passes by chance, so it is tried first, then GB18030.
    """
    if value(ds, "SpecificCharacterSet") is not None:
        return
    raw = b""
    for keyword in _TEXT_VRS_WITH_CHARSET:
        if keyword in ds:
            stored = ds.get_item(keyword)
            content = getattr(stored, "value", b"")
            raw += content if isinstance(content, bytes) else b""
    if raw.isascii():
        return
    for encoding, term in (("utf-8", "ISO_IR 192"), ("gb18030", "GB18030")):
        try:
            raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        _set_charset(ds, term)
        warnings.append(("charset_guessed", f"The file names no character set; its names were read as {encoding}."))
        return
    warnings.append(("charset_guessed", "The file names no character set; names may be shown wrongly."))


def _set_charset(ds: Dataset, term: str) -> None:
    """Make the elements that are still raw decode with ``term``."""
    from pydicom.charset import convert_encodings

    ds.SpecificCharacterSet = term
    implicit, little = ds.original_encoding
    ds.set_original_encoding(implicit, little, convert_encodings(term))


def patient_of(ds: Dataset, warnings: Warnings) -> Patient:
    """Who the film is of. A sex other than M or F is kept as recorded, and is no sex."""
    recorded = text(ds, "PatientSex").upper()
    sex = Sex(recorded) if recorded in ("M", "F") else None
    name, ideographic = _names(value(ds, "PatientName"))
    birth = _date(text(ds, "PatientBirthDate"), "birth_date_invalid", "birth date", warnings)
    return Patient(
        name=name,
        name_ideographic=ideographic,
        patient_id=text(ds, "PatientID"),
        sex=sex,
        birth_date=birth,
        sex_as_recorded="" if sex else recorded,
    )


def _names(stored: object) -> tuple[str, str]:
    """(alphabetic, ideographic) of a PN: groups joined by '='."""
    if stored is None:
        return "", ""
    first = stored if isinstance(stored, str) or not hasattr(stored, "__getitem__") else stored[0]
    groups = [clean(part).rstrip("^").strip() for part in str(first).split("=")]
    return groups[0], groups[1] if len(groups) > 1 else ""


def study_of(ds: Dataset, index: int, warnings: Warnings) -> Study:
    """The examination of frame ``index`` (from 0)."""
    study_date = _date(text(ds, "StudyDate"), "study_date_invalid", "study date", warnings)
    if study_date is None:
        study_date = _date(text(ds, "AcquisitionDate"), "study_date_invalid", "acquisition date", warnings)
        if study_date is not None:
            warnings.append(
                ("study_date_from_acquisition", "The study date is missing: the acquisition date is used.")
            )
    return Study(
        study_uid=text(ds, "StudyInstanceUID"),
        series_uid=text(ds, "SeriesInstanceUID"),
        sop_uid=text(ds, "SOPInstanceUID"),
        sop_class_uid=text(ds, "SOPClassUID"),
        study_date=study_date,
        accession=text(ds, "AccessionNumber"),
        description=text(ds, "StudyDescription") or text(ds, "SeriesDescription"),
        modality=text(ds, "Modality").upper(),
        body_part=body_part_words(ds),
        view=text(ds, "ViewPosition"),
        laterality=laterality_of(ds, index, warnings),
        referrer=_names(value(ds, "ReferringPhysicianName"))[0].replace("^", " ").strip(),
        institution=text(ds, "InstitutionName"),
        synthetic=_is_synthetic(ds),
        age_as_recorded=text(ds, "PatientAge"),
        recorded_height_m=_body(ds, "PatientSize"),
        recorded_weight_kg=_body(ds, "PatientWeight"),
    )


def _body(ds: Dataset, keyword: str) -> float | None:
    """Height or weight as the file has it; None where it has none. 0 is how apparatus write that nobody asked."""
    found = numbers(ds, keyword)
    return found[0] if len(found) == 1 and found[0] != 0 else None


def check_body(study: Study, warnings: Warnings) -> None:
    """Height and weight that no child has: told, and left out (`reading.growth.from_file`)."""
    height, weight = study.recorded_height_m, study.recorded_weight_kg
    if height is not None and not HEIGHT_CM[0] <= height * 100 <= HEIGHT_CM[1]:
        warnings.append(
            ("height_invalid", f"The file says that the child is {height:g} m tall: that is left out (a wrong unit?).")
        )
    if weight is not None and not WEIGHT_KG[0] <= weight <= WEIGHT_KG[1]:
        warnings.append(
            ("weight_invalid", f"The file says that the child weighs {weight:g} kg: that is left out (a wrong unit?).")
        )


def laterality_of(ds: Dataset, index: int, warnings: Warnings) -> Laterality:
    """The side that the tags say. Tags that contradict each other, or say both, are no side."""
    said: dict[str, str] = {}
    for keyword in ("ImageLaterality", "Laterality"):
        side = text(ds, keyword).upper()[:1]
        if side in ("L", "R", "B"):
            said[keyword] = side
    for item in group_items(ds, index, "FrameAnatomySequence"):
        side = text(item, "FrameLaterality").upper()[:1]
        if side in ("L", "R", "B"):
            said["FrameLaterality"] = side
        side = _side_of_region(item)
        if side:
            said.setdefault("AnatomicRegionModifier", side)
    side = _side_of_region(ds)
    if side:
        said["AnatomicRegionModifier"] = side
    sides = set(said.values())
    if len(sides) == 1:
        side = sides.pop()
        if side == "B":
            warnings.append(("laterality_both", "The file says that both sides are on the film."))
            return Laterality.UNKNOWN
        return Laterality(side)
    if sides:
        tags = ", ".join(f"{tag} {side}" for tag, side in said.items())
        warnings.append(("laterality_tags_disagree", f"The file contradicts itself about the side: {tags}."))
    return Laterality.UNKNOWN


def _side_of_region(ds: Dataset) -> str:
    """Side from the modifier codes of the anatomic region (SRT, SNM3, SCT), or ''."""
    for region in items(ds, "AnatomicRegionSequence"):
        for modifier in items(region, "AnatomicRegionModifierSequence"):
            words = {text(modifier, "CodeValue").upper(), text(modifier, "CodeMeaning").upper()}
            for side, codes in (("R", _RIGHT), ("L", _LEFT), ("B", _BOTH)):
                if words & codes:
                    return side
    return ""


def spacing_of(ds: Dataset, index: int, warnings: Warnings) -> Spacing:
    """Millimetres a pixel, and what they are worth (PS3.3 10.7.1.3).

    PixelSpacing of a projection that equals ImagerPixelSpacing, without PixelSpacingCalibrationType, was
    copied, not calibrated: it is the distance at the detector. EstimatedRadiographicMagnificationFactor
    alone corrects nothing here: it is an estimate, and the label stays 'at detector'.
    """
    plain = _pair(holder(ds, index, "PixelMeasuresSequence", "PixelSpacing"), "PixelSpacing", warnings)
    imager = _pair(ds, "ImagerPixelSpacing", warnings)
    scanned = _pair(ds, "NominalScannedPixelSpacing", warnings)
    at_detector = imager or scanned
    if plain and not (plain == imager and not text(ds, "PixelSpacingCalibrationType")):
        spacing = Spacing(*plain, SpacingKind.PIXEL)
    elif at_detector:
        spacing = Spacing(*at_detector, SpacingKind.AT_DETECTOR)
    else:
        spacing = Spacing()
        aspect = numbers(ds, "PixelAspectRatio")
        if len(aspect) == 2 and aspect[0] > 0 and aspect[1] > 0 and abs(aspect[0] / aspect[1] - 1) > 0.01:
            warnings.append(
                ("aspect_ratio", f"The pixels are not square ({aspect[0]:g}:{aspect[1]:g}): the film looks stretched.")
            )
    if spacing.kind is not SpacingKind.NONE and abs(spacing.row / spacing.column - 1) > 0.01:
        warnings.append(
            (
                "aspect_ratio",
                f"The pixels are not square ({spacing.row:g} x {spacing.column:g} mm): the film looks stretched.",
            )
        )
    return spacing


def _pair(ds: Dataset, keyword: str, warnings: Warnings) -> tuple[float, float] | None:
    found = numbers(ds, keyword)
    if not found and value(ds, keyword) is None:
        return None
    if len(found) == 2 and all(1e-4 < v < 10 for v in found):
        return found[0], found[1]
    warnings.append(("spacing_invalid", f"{keyword} is not a possible distance and was left out."))
    return None


def check_dates(patient: Patient, study: Study, warnings: Warnings) -> None:
    """Birth after study: one of the two is wrong, and no age can be had."""
    if patient.birth_date and study.study_date and patient.birth_date > study.study_date:
        warnings.append(
            (
                "birth_after_study",
                f"The birth date {patient.birth_date} lies after the study date {study.study_date}: one is wrong.",
            )
        )


_DATE = re.compile(r"^(\d{4})[.\-/]?(\d{2})[.\-/]?(\d{2})(\d{6}.*)?$")


def _date(written: str, code: str, words: str, warnings: Warnings) -> date | None:
    """A DICOM date, also in ACR-NEMA's 'YYYY.MM.DD'; impossible ones are None with a warning."""
    if not written:
        return None
    match = _DATE.match(written)
    if match:
        try:
            found = date(int(match[1]), int(match[2]), int(match[3]))
        except ValueError:
            found = None
        if found is not None and is_day_of_life(found):
            return found
    warnings.append((code, f"The {words} '{written[:20]}' is not a possible date and was left out."))
    return None


def _is_synthetic(ds: Dataset) -> bool:
    """Whether the header says that no patient was ever X-rayed for it."""
    told = (
        text(ds, key)
        for key in ("ImageType", "DerivationDescription", "ImageComments", "StudyDescription", "SeriesDescription")
    )
    return any("SYNTHETIC" in words.upper() for words in told)
