"""What becomes of each attribute: table E.1-1 of DICOM PS3.15 as the library dicom-anonymizer has it, and a list of what
may stay beside it.

The table names what must go; the standard leaves to the implementer what it does not name. A film of a hand needs few
attributes, so that here everything with free text, every sequence and every block of bytes goes unless it is in `KEPT`.
"""

from __future__ import annotations

from enum import Enum, auto
from functools import cache

EDITION = "2026c"
"""Of PS3.15 table E.1-1."""


class Action(Enum):
    """What is done to an attribute that is there."""

    REMOVE = auto()
    EMPTY = auto()
    UID = auto()
    KEEP = auto()


@cache
def table() -> dict[tuple[int, int], Action]:
    """(group, element) -> action of the basic profile, as it is carried out for films.

    Where the table leaves a choice: 'X/Z' is emptied, for type 2 needs it. 'D' of an attribute of type 1, 'X/D', 'X/Z/D'
    and references to other objects are removed: no film class (CR, DX, SC) has one of them as type 1 or 2.
    """
    from dicomanonymizer.dicom_anonymization_databases import dicomfields_2026c as fields

    groups = (
        (Action.REMOVE, (fields.X_TAGS, fields.D_TAGS, fields.X_D_TAGS, fields.X_Z_D_TAGS, fields.X_Z_U_STAR_TAGS)),
        (Action.EMPTY, (fields.Z_TAGS, fields.Z_D_TAGS, fields.X_Z_TAGS)),
        (Action.UID, (fields.U_TAGS,)),
    )
    return {tag: action for action, lists in groups for tags in lists for tag in tags if len(tag) == 2}


PLAIN_VRS = frozenset("AT CS DS FD FL IS SL SS SV UL US UV".split())
"""Kinds of values that hold numbers or terms of a closed list; what the table does not name of them stays."""

KEPT = frozenset(
    """
    Manufacturer ManufacturerModelName RescaleType ModalityLUTType SpecificCharacterSet SOPClassUID
    CodeValue LongCodeValue CodingSchemeDesignator CodingSchemeVersion CodeMeaning
    AnatomicRegionSequence AnatomicRegionModifierSequence PrimaryAnatomicStructureSequence
    PrimaryAnatomicStructureModifierSequence ViewCodeSequence ViewModifierCodeSequence
    PatientOrientationCodeSequence PatientOrientationModifierCodeSequence
    ModalityLUTSequence VOILUTSequence LUTDescriptor LUTData
    SharedFunctionalGroupsSequence PerFrameFunctionalGroupsSequence PixelMeasuresSequence FrameAnatomySequence
    FrameVOILUTSequence PixelValueTransformationSequence
    RedPaletteColorLookupTableDescriptor GreenPaletteColorLookupTableDescriptor BluePaletteColorLookupTableDescriptor
    RedPaletteColorLookupTableData GreenPaletteColorLookupTableData BluePaletteColorLookupTableData
    SmallestImagePixelValue LargestImagePixelValue PixelPaddingValue PixelPaddingRangeLimit PixelData
    """.split()
)  # fmt: skip
"""Keywords with text, bytes or items that a viewer or the object's class needs."""

CODING_SCHEMES = frozenset({"SCT", "SRT", "SNM3", "DCM", "UCUM", "LN"})
"""Codes of other schemes are a site's own words, and go."""

GROUPS_OUT = (range(0x5000, 0x5100), range(0x6000, 0x6100))
"""Curves and overlays: drawings over the film, of unknown content."""

CODES = {
    "basic": ("113100", "Basic Application Confidentiality Profile"),
    "clean_descriptions": ("113105", "Clean Descriptors Option"),
    "shift": ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
    "keep_sex_age": ("113108", "Retain Patient Characteristics Option"),
}
"""CID 7050 (scheme DCM)."""

SHIFTED = frozenset({"StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"})

HARMLESS = frozenset(
    """
    hand hands wrist finger fingers thumb carpus forearm left right both bilateral l r pa ap dp lateral lat oblique
    bone age skeletal maturity xray x ray radiograph radiography view study series cr dx dr synthetic
    mano main handgelenk knochenalter izquierda gauche links rechts
    """.split()
)  # fmt: skip
HARMLESS_CHINESE = ("骨龄", "左手", "右手", "双手", "手腕", "手", "腕关节", "腕", "正位", "侧位", "斜位", "片", "摄影")
"""Words that a cleaned description may hold."""
