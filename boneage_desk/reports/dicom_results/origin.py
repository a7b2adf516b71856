"""The film's object as results refer to it: patient and study as its file has them, and where the person put them right."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydicom import config
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from boneage_desk.common.errors import FilmError
from boneage_desk.imaging.dicom_facts import mend_charset
from boneage_desk.imaging.dicom_file import parse, quiet
from boneage_desk.imaging.dicom_pixels import layout_of
from boneage_desk.imaging.dicom_tags import clean, numbers, text, value
from boneage_desk.imaging.sniff import HEAD, sniff
from boneage_desk.imaging.source import load
from boneage_desk.reading.dicom_study import check_study
from boneage_desk.reading.film import Film, SpacingKind
from boneage_desk.reading.session import Reading
from boneage_desk.reports.dicom_results.display import Display, display_of

if TYPE_CHECKING:
    from boneage_desk.imaging.dicom_file import Parsed

_TYPE_2 = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex",
    "StudyDate", "StudyTime", "ReferringPhysicianName", "StudyID", "AccessionNumber",
)  # fmt: skip
"""Patient and study attributes that every object has, empty where the film does not say."""
_OPTIONAL = (
    "IssuerOfPatientID", "TypeOfPatientID", "PatientBirthTime", "OtherPatientNames", "EthnicGroup", "PatientComments",
    "PatientSpeciesDescription", "PatientIdentityRemoved", "DeidentificationMethod", "QualityControlSubject",
    "StudyDescription", "PhysiciansOfRecord", "NameOfPhysiciansReadingStudy", "PatientAge", "PatientSize", "PatientWeight",
)  # fmt: skip
_SEQUENCES = (
    "IssuerOfPatientIDQualifiersSequence", "OtherPatientIDsSequence", "DeidentificationMethodCodeSequence",
    "IssuerOfAccessionNumberSequence", "ProcedureCodeSequence",
)  # fmt: skip
_VERBATIM = frozenset({"PatientName", "PatientID", "IssuerOfPatientID", "StudyID", "AccessionNumber", "StudyInstanceUID"})
"""What the archive matches by: kept as the film has it even where it breaks a rule of DICOM."""


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """The film's SOP instance. ``header``: patient and study attributes for results, in UTF-8.

    ``frame``: the frame's number in an object of several frames, else None. ``aspect``: height and width of a pixel
    to each other, as Pixel Aspect Ratio has it. ``display``: how the film is shown, for a
    presentation state; None for a colour object. ``institution``: where the film was made, '' unknown. ``site``: the name of
    the station's site, '' where it is not set.
    """

    header: Dataset
    study_uid: str
    series_uid: str
    sop_class: str
    sop_uid: str
    rows: int
    columns: int
    modality: str
    frame: int | None
    aspect: tuple[int, int]
    display: Display | None
    institution: str
    site: str = ""

    def whole(self) -> Dataset:
        """Referenced SOP item of the film: where frames are not told."""
        item = Dataset()
        item.ReferencedSOPClassUID = self.sop_class
        item.ReferencedSOPInstanceUID = self.sop_uid
        return item

    def reference(self) -> Dataset:
        """Referenced SOP item of the film, with its frame."""
        item = self.whole()
        if self.frame is not None:
            item.ReferencedFrameNumber = self.frame
        return item


def origin_of(film: Film, reading: Reading, site: str = "") -> Origin:
    """Reads the film's header again. ``site``: the name of the station's site. Raises FilmError: 'no-dicom',
    'film-changed', or as opening it does."""
    check_study(film)
    loaded = load(film.source.path, film.source.member)
    if loaded.sha256 != film.source.sha256:
        raise FilmError(
            f"'{loaded.name}' was changed since it was read.", "Open it again; no DICOM results were written.",
            code="film-changed",
        )  # fmt: skip
    with quiet():
        parsed = parse(loaded.data, loaded.name, sniff(loaded.data[:HEAD]))
        mend_charset(parsed.dataset, [])
        return _origin(parsed, film, reading, loaded.name, site)


def _origin(parsed: Parsed, film: Film, reading: Reading, name: str, site: str) -> Origin:
    ds, study = parsed.dataset, film.study
    layout = layout_of(ds, name)
    sop_class = study.sop_class_uid or text(ds.file_meta, "MediaStorageSOPClassUID")
    if not sop_class:
        raise FilmError(f"'{name}' does not say what kind of object it is.", "Get it again from the archive.", code="no-dicom")
    return Origin(
        header=_header(ds, film, reading),
        study_uid=study.study_uid,
        series_uid=study.series_uid,
        sop_class=sop_class,
        sop_uid=study.sop_uid,
        rows=layout.rows,
        columns=layout.columns,
        modality=study.modality,
        frame=film.source.frame_number if film.source.frame_count > 1 else None,
        aspect=_aspect(ds, film),
        display=display_of(parsed, layout, film.source.frame_number - 1, film.frame.vois[0], name) if layout.is_grey else None,
        institution=study.institution,
        site=site,
    )


def _aspect(ds: Dataset, film: Film) -> tuple[int, int]:
    """Vertical to horizontal, 1:1 unless the film says otherwise."""
    spacing = film.frame.spacing
    ratio = numbers(ds, "PixelAspectRatio")
    if spacing.kind is not SpacingKind.NONE:
        if abs(spacing.row / spacing.column - 1) < 1e-4:
            return 1, 1
        return max(1, round(spacing.row * 1000)), max(1, round(spacing.column * 1000))
    return (int(ratio[0]), int(ratio[1])) if len(ratio) == 2 and min(ratio) >= 1 else (1, 1)


def _header(ds: Dataset, film: Film, reading: Reading) -> Dataset:
    header = Dataset()
    for keyword in (*_TYPE_2, *_OPTIONAL):
        _copy(ds, header, keyword, keep_empty=keyword in _TYPE_2)
    for keyword in _SEQUENCES:
        items = _copied_items(ds, keyword)
        if items:
            setattr(header, keyword, items)
    _set(header, "StudyInstanceUID", film.study.study_uid)
    _corrected(header, film, reading)
    return header


def _corrected(header: Dataset, film: Film, reading: Reading) -> None:
    """What a person put right, in place of what the film says."""
    was, now = film.patient, reading.patient
    if now.sex is not None and now.sex is not was.sex:
        header.PatientSex = now.sex.value
    if now.birth_date is not None:  # also where the film writes it in a form that DICOM forbids
        header.PatientBirthDate = now.birth_date.strftime("%Y%m%d")
    if (now.birth_date, reading.study.study_date) != (was.birth_date, film.study.study_date):
        header.pop("PatientAge", None)  # it followed from what was wrong
    if now.name != was.name:
        _set(header, "PatientName", f"{now.name}={now.name_ideographic}" if now.name_ideographic else now.name)
    if now.patient_id != was.patient_id:
        _set(header, "PatientID", now.patient_id)


def _copy(source: Dataset, target: Dataset, keyword: str, *, keep_empty: bool) -> None:
    found = value(source, keyword)
    words = ""
    if found is not None:
        several = hasattr(found, "__iter__") and not isinstance(found, str) and dictionary_VR(keyword) != "PN"
        words = "\\".join(clean(str(part)) for part in found) if several else clean(str(found))
    if words and _set(target, keyword, words):
        return
    if keep_empty:
        target.add_new(keyword, dictionary_VR(keyword), "")


def _set(target: Dataset, keyword: str, words: str) -> bool:
    """False where ``words`` break DICOM's rules for the attribute and nothing is matched by it: it is left out."""
    tag, vr = tag_for_keyword(keyword), dictionary_VR(keyword)
    if tag is None:
        raise ValueError(keyword)
    try:
        target[tag] = DataElement(tag, vr, words, validation_mode=config.RAISE)
    except (ValueError, TypeError, OverflowError):
        if keyword not in _VERBATIM:
            return False
        target[tag] = DataElement(tag, vr, words, validation_mode=config.IGNORE)
    return True


def _copied_items(ds: Dataset, keyword: str) -> list[Dataset]:
    """Items whose values all keep to DICOM's rules; others are left out whole."""
    found = value(ds, keyword) or []
    kept = []
    for item in found:
        try:
            kept.append(_copied_item(item))
        except (ValueError, TypeError, OverflowError):
            continue
    return [item for item in kept if len(item)]


def _copied_item(item: Dataset) -> Dataset:
    made = Dataset()
    for element in item:
        if element.tag.is_private:
            continue
        if element.VR == "SQ":
            made.add_new(element.tag, "SQ", [_copied_item(part) for part in element.value])
        else:
            content = copy.deepcopy(element.value)
            made[element.tag] = DataElement(element.tag, element.VR, content, validation_mode=config.RAISE)
    return made
