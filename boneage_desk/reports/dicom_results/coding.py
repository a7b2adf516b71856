"""Coded concepts of the results, and the private coding scheme. docs/dicom.md lists them with their certainty."""

from __future__ import annotations

from typing import TYPE_CHECKING

from boneage_desk import __version__
from boneage_desk.reading.film import Laterality
from boneage_desk.reading.second_opinion import ENGINE_NAMES
from boneage_desk.standards import rus_chn

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pydicom.sr.coding import Code

SCHEME = "99BONEAGEDESK"

_DCM = {
    "comment": ("121106", "Comment"),
    "impression": ("121073", "Impression"),
    "equivalent-name": ("121050", "Equivalent Meaning of Concept Name"),
    "equivalent-value": ("121051", "Equivalent Meaning of Value"),
    "subject-age": ("121033", "Subject Age"),
    "out-of-range": ("114009", "Value out of range"),
    "z-score": ("121416", "Z-Score of measurement"),
    "population-sd": ("121414", "Standard deviation of population"),
    "value-unknown": ("114010", "Value unknown"),
    "of-interest": ("113000", "Of Interest"),
    "manifest": ("113030", "Manifest"),
    "verifying": ("121098", "Verifying"),
    "source-image": ("121322", "Source image for image processing operation"),
    "algorithm-name": ("111001", "Algorithm Name"),
}
_SCT = {
    "plain-radiography": ("168537006", "Plain radiography"),
    "hand": ("85562004", "Hand"),
    "left": ("7771000", "Left"),
    "right": ("24028007", "Right"),
    "distal-radius": ("75129005", "Distal Radius"),
    "distal-ulna": ("91238003", "Distal Ulna"),
    "metacarpal": ("36455000", "Metacarpal"),
    "thumb": ("76505004", "Thumb"),
    "finger": ("7569003", "Finger"),
    "physician": ("309343006", "Physician"),
    "source": ("260753009", "Source"),
    "unknown": ("261665006", "Unknown"),
}
_UCUM = {"month": ("mo", "month"), "none": ("1", "no units"), "percent": ("%", "Percent"), "ratio": ("{ratio}", "ratio")}
_PRIVATE = {
    # methods
    "RUS-CHN": "RUS-CHN of Chinese-05 (TY/T 3001-2006)",
    "GREULICH-PYLE": "Atlas of Greulich and Pyle, second edition 1959",
    # concept names of numbers
    "SCORE": "RUS-CHN maturity score, 0 to 1000 points",
    "POINTS": "RUS-CHN points of the grade in force",
    "BA-AT-LEAST": "Bone age is at least this (table ends)",
    "BA-BELOW": "Bone age is below this (table begins)",
    "BA-MACHINE": "Bone age by the machine's grades alone",
    "BA-SECOND": "Second bone age of the whole film",
    "BA-ATLAS": "Bone age by the atlas, read by the reader",
    "SCORE-MACHINE": "RUS-CHN maturity score of the machine's grades",
    "INTERVAL-LOW": "Lower bound of the prediction interval",
    "INTERVAL-HIGH": "Upper bound of the prediction interval",
    "BA-MINUS-CA": "Bone age minus chronological age",
    "REF-MEAN": "Mean bone age of the reference at this age",
    "BA-MINUS-CORR": "Bone age minus age corrected for premature birth",
    "CORRECTED-AGE": "Age corrected for premature birth",
    "AGE-LOW": "Least age in use that the estimated birth date allows",
    "AGE-HIGH": "Greatest age in use that the estimated birth date allows",
    "REF-LOW": "Normal range by the rule, lower bound",
    "REF-HIGH": "Normal range by the rule, upper bound",
    "BA-MINUS-SECOND": "Bone age minus second bone age",
    "GRADE-PROB": "Probability of the machine's grade",
    "WIDTH-RATIO": "Width of the epiphysis over that of the metaphysis",
    "FUSED-SHARE": "Share of the growth plate that is closed",
    "BLIND-COUNT": "Bones graded before the machine's grades were shown",
    "BLIND-CHANGED": "Of these, bones with another grade in force now",
    # concept names of codes
    "GRADE-FINAL": "RUS-CHN grade in force",
    "GRADE-MACHINE": "RUS-CHN grade by the machine",
    "GRADE-FIRST": "RUS-CHN grade by the machine on its own region",
    "GRADE-BLIND": "RUS-CHN grade by the reader before the machine's",
    "GRADE-BY": "Grade in force decided by",
    "BOX-BY": "Region drawn by",
    "REVIEW": "Grades in force reviewed",
    "BLIND-FIRST": "Blind-first reading",
    "REFERENCE": "Reference of the bone age",
    "CONCLUSION": "Bone age for chronological age",
    "RULE": "Rule of the conclusion",
    "DEGREE": "Degree of delay or advance by the rule",
    # values of codes
    "BRUSH": "Brush Foundation, Greulich and Pyle 1959 (read by their atlas)",
    "STUART": "Second study (tables V and VI), Greulich and Pyle 1959",
    "BRUSH-2SD": "Normal is age -+ 2 SD of the Brush Foundation",
    "STUART-2SD": "Normal is age -+ 2 SD of tables V and VI",
    "RUS-CHN-YEARS": "Up to 1 year normal, to 2 years slight, more clear",
    "SLIGHT": "Slight",
    "CLEAR": "Clear",
    "DELAYED": "Delayed",
    "NORMAL": "Normal",
    "ADVANCED": "Advanced",
    "MACHINE": "Machine, not reviewed",
    "ACCEPTED": "Machine, accepted by a reader",
    "READER": "Reader",
    "REVIEWED-ALL": "All 13 bones by a reader",
    "REVIEWED-PART": "Some of the 13 bones by a reader",
    "REVIEWED-NONE": "By nobody: the machine's grades",
    "BOX-MACHINE": "Machine",
    "BLIND-NO": "No: the machine's grades were never hidden",
    "BLIND-REVEALED": "Yes: hidden until the reader asked for them",
    # concept names of texts
    "COVERAGE": "Coverage of the prediction interval on held-out films",
    "NO-BONE-AGE": "Why there is no bone age",
    "DOUBT": "Doubt about the film or the result",
    "ANSWER": "What the reader says of a doubt",
    "ADDENDUM": "Signed addendum",
    "SYNTHETIC": "The film is synthetic: not of a patient",
}


def _code(value: str, scheme: str, meaning: str) -> Code:
    from pydicom.sr.coding import Code

    return Code(value, scheme, meaning)


def dcm(name: str) -> Code:
    """A code of PS3.16."""
    value, meaning = _DCM[name]
    return _code(value, "DCM", meaning)


def sct(name: str) -> Code:
    """A SNOMED CT code that PS3.16 uses."""
    value, meaning = _SCT[name]
    return _code(value, "SCT", meaning)


def ucum(name: str) -> Code:
    value, meaning = _UCUM[name]
    return _code(value, "UCUM", meaning)


def private(value: str) -> Code:
    """A code of this program's own scheme."""
    return _code(value, SCHEME, _PRIVATE[value])


def bone_age() -> Code:
    """LOINC 37362-1, which pydicom's dictionaries lack."""
    return _code("37362-1", "LN", "XR Bones Bone age")


def imaging_report() -> Code:
    """Title of the encapsulated report (CID 7020 leaves document titles open; LOINC as in CID 7000)."""
    return _code("18748-4", "LN", "Diagnostic Imaging Report")


def source_image() -> Code:
    """Purpose of a reference to the image that another was derived from (CID 7202)."""
    return dcm("source-image")


def grade(bone: str, index: int) -> Code:
    """A grade of one bone: 'radius 7(0)'."""
    label = rus_chn.label(bone, index)
    return _code(f"{bone} {label}", SCHEME, f"{rus_chn.bone_name(bone)}, RUS-CHN grade {label}")


def engine(name: str) -> Code:
    """The method of a second opinion."""
    words = ENGINE_NAMES.get(name, name)
    return _code(f"E {name}"[:16], SCHEME, f"Bone age of the whole film by a neural network: {words}"[:64])


def epiphysis(bone: str) -> Code:
    """Which epiphysis: the modifier of a finding site that names only its kind of bone."""
    return _code(f"EPI {bone}", SCHEME, f"Epiphysis that RUS-CHN grades: {rus_chn.bone_name(bone)}")


def site(bone: str) -> Code:
    """The nearest SNOMED CT structure that is certain: distal radius, distal ulna, metacarpal, thumb, finger."""
    if bone in ("radius", "ulna"):
        return sct(f"distal-{bone}")
    if bone.startswith("mc"):
        return sct("metacarpal")
    return sct("thumb" if bone.endswith("1") else "finger")


def side(laterality: Laterality) -> Code | None:
    """Left, right, or None where it is not known."""
    return {Laterality.LEFT: sct("left"), Laterality.RIGHT: sct("right")}.get(laterality)


def scheme_items() -> list[Dataset]:
    """Coding Scheme Identification Sequence (0008,0110): the private scheme, and by whom."""
    from pydicom.dataset import Dataset

    item = Dataset()
    item.CodingSchemeDesignator = SCHEME
    item.CodingSchemeName = "BoneAge Desk private codes"
    item.CodingSchemeVersion = __version__
    item.CodingSchemeResponsibleOrganization = "BoneAge Desk"
    return [item]
