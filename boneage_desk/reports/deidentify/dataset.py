"""A film's data set without its patient: made anew from what may stay, never by taking things out of the old one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from boneage_desk import __version__
from boneage_desk.imaging.dicom_tags import clean, text, value
from boneage_desk.reading.exports import DeidentifyOptions
from boneage_desk.reports.deidentify import profile
from boneage_desk.reports.deidentify.names import Names
from boneage_desk.reports.deidentify.profile import Action

if TYPE_CHECKING:
    from pydicom.tag import BaseTag

_IDENTIFYING = (
    "PatientID IssuerOfPatientID OtherPatientIDs AccessionNumber StudyID InstitutionName InstitutionAddress StationName "
    "InstitutionalDepartmentName DeviceSerialNumber PatientAddress PatientTelephoneNumbers MilitaryRank Occupation "
    "RequestedProcedureID ScheduledProcedureStepID PerformedProcedureStepID PlateID CassetteID DetectorID"
).split()
_WORD = re.compile(r"[^\W_]+", re.UNICODE)
_FREE_VRS = frozenset("PN LO LT SH ST UC UT UR AE UN".split())
_OURS = frozenset(
    "PatientName PatientID PatientIdentityRemoved DeidentificationMethod DeidentificationMethodCodeSequence "
    "LongitudinalTemporalInformationModified SpecificCharacterSet".split()
)
"""What this program wrote itself: a patient may be called 'Option'."""
_GONE = "removed"
"""In place of words without which an element may not be."""
SHORTEST = 4
"""Characters of an id that is looked for in the remaining texts: a '1' stands in all of them."""
_DEEPEST = 8


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a film is of, for its new name, and words by which the patient or the place could be known."""

    key: str
    birth: date | None
    study: date | None
    sex: str
    age: str
    words: frozenset[str]
    phrases: frozenset[str]

    def named_in(self, text: str, *, short: bool = True) -> bool:
        """Whether ``text`` holds one of the words or phrases. ``short``: words of two letters count too."""
        folded = text.casefold()
        said = set(_WORD.findall(folded))
        words = self.words if short else {word for word in self.words if len(word) > 2 or not word.isascii()}
        return (
            not said.isdisjoint(words)
            or any(word in folded for word in self.words if not word.isascii() or len(word) >= SHORTEST)
            or any(phrase in folded for phrase in self.phrases)
        )


def identity_of(ds: Dataset, sha256: str, birth: date | None, study: date | None) -> Identity:
    """From the whole header, nested items and private elements with it. ``sha256``: of the file, for a film of nobody."""
    names = [words for words in _names(ds) if words]
    number = text(ds, "PatientID")
    issuer = text(ds, "IssuerOfPatientID")
    if number:
        key = f"id {number} of {issuer}" if issuer else f"id {number}"
    elif text(ds, "PatientName"):
        key = f"name {text(ds, 'PatientName')} born {birth or 'unknown'}"
    else:
        key = f"film {sha256}"
    words = {word for name in names for word in _WORD.findall(name.casefold()) if len(word) > 1 or not word.isascii()}
    phrases = {name.casefold() for name in names if not name.isascii()}
    for keyword in _IDENTIFYING:
        for part in text(ds, keyword).casefold().split("\\"):
            if len(part) >= SHORTEST:
                phrases.add(part)
    if birth is not None:
        phrases |= {birth.strftime("%Y%m%d"), birth.isoformat(), birth.strftime("%d.%m.%Y")}
    return Identity(
        key, birth, study, text(ds, "PatientSex").upper(), text(ds, "PatientAge").upper(),
        frozenset(words - profile.HARMLESS), frozenset(phrases),
    )  # fmt: skip


def _names(ds: Dataset, depth: int = 0) -> Iterator[str]:
    """Every person's name in the data set, its component groups apart."""
    for tag in list(ds.keys()):
        try:
            element = ds[tag]
            if element.VR == "PN":
                values = element.value if element.VM > 1 else [element.value]
                for one in values or ():
                    yield from (clean(group.replace("^", " ")) for group in str(one or "").split("="))
            elif element.VR == "SQ" and depth < _DEEPEST:
                for item in element.value or ():
                    yield from _names(item, depth + 1)
        except Exception:  # an element that cannot be understood goes anyway
            continue


# ------------------------------------------------------------------------------------- the new data set
def cleaned(ds: Dataset, who: Identity, names: Names, options: DeidentifyOptions) -> Dataset:
    """All but the pixels; nothing of ``ds`` is changed."""
    made = Dataset()
    _copy(ds, made, who, names, options, 0)
    subject = names.subject(who.key)
    made.SpecificCharacterSet = "ISO_IR 192"
    made.PatientName, made.PatientID = f"Subject^{subject}", subject
    if "PixelSpacingCalibrationType" in made:  # the description that must go with it is free text
        made.PixelSpacingCalibrationDescription = _GONE
    for keyword in ("PatientBirthDate", "PatientSex", "StudyTime", "AccessionNumber", "ReferringPhysicianName", "StudyID"):
        setattr(made, keyword, "")
    if "FrameOfReferenceUID" in made:
        made.PositionReferenceIndicator = ""
    if "Manufacturer" not in made:
        made.Manufacturer = ""
    if "StudyDate" not in made:
        made.StudyDate = ""
    if options.keep_sex_age:
        _characteristics(made, who)
    if options.clean_descriptions:
        for keyword in ("StudyDescription", "SeriesDescription"):
            if kept := harmless(text(ds, keyword), who):
                setattr(made, keyword, kept)
    _mark(made, options)
    return made


def _characteristics(made: Dataset, who: Identity) -> None:
    made.PatientSex = who.sex if who.sex in ("M", "F", "O") else ""
    age = months_text(who.birth, who.study) or (who.age if re.fullmatch(r"\d{3}[DWMY]", who.age) else "")
    if age:
        made.PatientAge = age


def months_text(birth: date | None, study: date | None) -> str:
    """Whole months as DICOM AS ('124M'); '' where a date is missing or they contradict each other."""
    if birth is None or study is None or study < birth:
        return ""
    months = (study.year - birth.year) * 12 + study.month - birth.month - (study.day < birth.day)
    return f"{months:03d}M" if months < 1000 else ""


def harmless(words: str, who: Identity) -> str:
    """The words of a description that are in the list of harmless ones, in order; a patient's name is in none."""
    kept = []
    for word in _WORD.findall(words):
        folded = word.casefold()
        if folded in profile.HARMLESS and folded not in who.words:
            kept.append(word)
        elif not word.isascii():
            kept += re.findall("|".join(profile.HARMLESS_CHINESE), word)
    return " ".join(kept)[:64]


def _mark(made: Dataset, options: DeidentifyOptions) -> None:
    """What was done, in the terms of PS3.3 C.7.1.1 and CID 7050."""
    done = ["basic", *(name for name in ("clean_descriptions", "keep_sex_age") if getattr(options, name))]
    done += ["shift"] if options.dates == "shift" else []
    made.PatientIdentityRemoved = "YES"
    made.DeidentificationMethod = [
        f"BoneAge Desk {__version__}"[:64], f"DICOM PS3.15 {profile.EDITION} Basic Profile; pixels not cleaned",
    ]  # fmt: skip
    codes = []
    for name in done:
        item = Dataset()
        item.CodeValue, item.CodeMeaning = profile.CODES[name]
        item.CodingSchemeDesignator = "DCM"
        codes.append(item)
    made.DeidentificationMethodCodeSequence = codes
    made.LongitudinalTemporalInformationModified = "MODIFIED" if options.dates == "shift" else "REMOVED"


def _copy(ds: Dataset, made: Dataset, who: Identity, names: Names, options: DeidentifyOptions, depth: int) -> None:
    for tag in sorted(ds.keys()):
        if tag.is_private or any(tag.group in group for group in profile.GROUPS_OUT) or tag == 0x7FE00010:
            continue
        try:
            new = _element(ds[tag], who, names, options, depth)
        except Exception:  # what cannot be understood cannot be judged: it goes
            continue
        if new is not None:
            made.add(new)


def _element(
    element: DataElement, who: Identity, names: Names, options: DeidentifyOptions, depth: int
) -> DataElement | None:
    """What stands in the new data set for an element; None for nothing."""
    tag, keyword = element.tag, keyword_for_tag(element.tag)
    action = profile.table().get((tag.group, tag.element))
    if keyword in profile.SHIFTED and options.dates == "shift":
        return _shifted(element, who, names)
    if action is Action.REMOVE:
        return None
    if action is Action.EMPTY:
        return DataElement(tag, element.VR, [] if element.VR == "SQ" else None)
    if action is Action.UID:
        return _renamed(element, names)
    if element.VR == "SQ":
        return _sequence(element, who, names, options, depth) if keyword in profile.KEPT and depth < _DEEPEST else None
    if element.VR == "UI":
        return element if keyword in profile.KEPT and _registered(element) else None
    if keyword not in profile.KEPT and element.VR not in profile.PLAIN_VRS:
        return None
    return _looked_at(element, tag, who)


def _looked_at(element: DataElement, tag: BaseTag, who: Identity) -> DataElement | None:
    """The element, unless it names the patient or breaks the rules of its kind."""
    from pydicom import config
    from pydicom.valuerep import validate_value

    if element.VR not in _FREE_VRS and element.VR not in ("CS", "DS", "IS"):
        return element
    values = element.value if element.VM > 1 else [element.value]
    said = [clean(str(one)) if one is not None else "" for one in values]
    if any(who.named_in(one, short=element.VR != "CS") for one in said if element.VR in _FREE_VRS or element.VR == "CS"):
        return None
    for one in said:
        validate_value(element.VR, one, config.RAISE)
    return DataElement(tag, element.VR, said if len(said) > 1 else said[0])


def _registered(element: DataElement) -> bool:
    """Whether a UID is one of the standard's own, which names no object."""
    return element.VM == 1 and str(element.value).startswith("1.2.840.10008.")


def _renamed(element: DataElement, names: Names) -> DataElement | None:
    if element.VR != "UI" or not element.value:
        return None
    values = element.value if element.VM > 1 else [element.value]
    new = [one if str(one).startswith("1.2.840.10008.") else names.uid(str(one)) for one in values]
    return DataElement(element.tag, "UI", new if len(new) > 1 else new[0])


def _shifted(element: DataElement, who: Identity, names: Names) -> DataElement:
    from boneage_desk.imaging.dicom_facts import _date

    day = _date(clean(str(element.value or "")), "", "date", [])
    return DataElement(element.tag, "DA", names.shifted(day, who.key).strftime("%Y%m%d") if day else "")


def _sequence(
    element: DataElement, who: Identity, names: Names, options: DeidentifyOptions, depth: int
) -> DataElement | None:
    kept = []
    for item in element.value or ():
        if value(item, "CodeValue") is not None and text(item, "CodingSchemeDesignator") not in profile.CODING_SCHEMES:
            continue
        made = Dataset()
        _copy(item, made, who, names, options, depth + 1)
        if "CodeValue" in made and "CodeMeaning" not in made:
            made.CodeMeaning = _GONE
        if len(made):
            kept.append(made)
    return DataElement(element.tag, "SQ", kept) if kept else None


def leftovers(made: Dataset, who: Identity) -> list[str]:
    """Keywords of elements of a finished data set that still name the patient: a last look at all of it, with another
    eye than the rules above."""
    found = []
    for top in made:
        if top.keyword in _OURS:
            continue
        for element in [top, *(inner for item in (top.value if top.VR == "SQ" else ()) for inner in item.iterall())]:
            if element.VR in ("SQ", "OB", "OW", "UI") or element.value == _GONE:
                continue
            if who.named_in(str(element.value or ""), short=element.VR in _FREE_VRS):
                found.append(element.keyword or str(element.tag))
    return found
