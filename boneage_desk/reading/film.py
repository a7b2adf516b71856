"""A film as the program holds it: pixels, display transforms, spacing, patient and study facts."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING

from boneage_desk.standards.types import Sex

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class Laterality(StrEnum):
    """Side of the hand, DICOM (0020,0060)/(0020,0062). UNKNOWN is a fact, not a default side."""

    LEFT = "L"
    RIGHT = "R"
    UNKNOWN = ""


class SpacingKind(StrEnum):
    """Where the millimetres come from. Only PIXEL may be shown as plain mm."""

    PIXEL = "pixel"
    """PixelSpacing (0028,0030): calibrated, or of a raster whose owner said so."""
    AT_DETECTOR = "at detector"
    """ImagerPixelSpacing (0018,1164): at the detector's front plane, not at the bone."""
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Spacing:
    """Distance between pixel centres in mm: ``row`` between rows (vertical), ``column`` horizontal."""

    row: float = 0.0
    column: float = 0.0
    kind: SpacingKind = SpacingKind.NONE

    def __post_init__(self) -> None:
        if self.kind is not SpacingKind.NONE and not (
            math.isfinite(self.row) and math.isfinite(self.column) and self.row > 0 and self.column > 0
        ):
            raise ValueError(f"spacing {self.row} x {self.column} mm")


class VoiKind(StrEnum):
    """VOI LUT functions of DICOM PS3.3 C.11.2."""

    LINEAR = "LINEAR"
    LINEAR_EXACT = "LINEAR_EXACT"
    SIGMOID = "SIGMOID"
    LUT = "LUT"


@dataclass(frozen=True, slots=True)
class Voi:
    """One named display transform from Frame values to grey.

    ``centre`` and ``width`` are in Frame values (already turned round when the film was
    MONOCHROME1). For LUT, ``table`` holds output values 0..255 for Frame values
    ``first`` .. ``first + len(table) - 1``; values outside take the end entries.
    """

    name: str
    kind: VoiKind = VoiKind.LINEAR
    centre: float = 0.0
    width: float = 1.0
    first: int = 0
    table: bytes = b""

    def __post_init__(self) -> None:
        if self.kind is VoiKind.LUT:
            if not self.table:
                raise ValueError("a LUT without entries")
        elif not (math.isfinite(self.centre) and math.isfinite(self.width) and self.width > 0):
            raise ValueError(f"window {self.centre}/{self.width}")


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One image, ready for display and models.

    ``pixels``: (rows, columns) uint8 or uint16, C-contiguous, read-only. Modality LUT applied,
    polarity settled so that **bright is bone** as the sender meant it (MONOCHROME1 and an INVERSE
    presentation LUT are turned round), stored bits right-aligned. ``max_value`` is the largest value
    that the bit depth allows. ``padding``: Frame value that means 'no image here', or None.
    ``vois``: display transforms offered by the file, by name; the first is the default. Never empty.
    """

    pixels: npt.NDArray[np.uint8 | np.uint16]
    max_value: int
    vois: tuple[Voi, ...]
    spacing: Spacing = Spacing()
    padding: int | None = None

    def __post_init__(self) -> None:
        if self.pixels.ndim != 2 or self.pixels.size == 0:
            raise ValueError(f"pixels of shape {self.pixels.shape}")
        if str(self.pixels.dtype) not in ("uint8", "uint16"):
            raise ValueError(f"pixels of type {self.pixels.dtype}")
        if not self.vois:
            raise ValueError("a frame without a display transform")

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])


@dataclass(frozen=True, slots=True)
class Patient:
    """Who the film is of. Empty text, None = not known; nothing is filled in silently.

    ``name`` is shown as given (DICOM PN: the representation groups joined by '=' are split:
    ``name`` the alphabetic, ``name_ideographic`` the ideographic group). ``sex_as_recorded`` keeps a
    recorded value that is neither M nor F (DICOM 'O').
    """

    name: str = ""
    name_ideographic: str = ""
    patient_id: str = ""
    sex: Sex | None = None
    birth_date: date | None = None
    sex_as_recorded: str = ""

    @property
    def display_name(self) -> str:
        """Name for the banner: family name in capitals as DICOM's '^' groups give it."""
        parts = [part for part in self.name.split("^") if part]
        latin = " ".join([parts[0].upper(), *parts[1:]]) if parts else ""
        return " ".join(text for text in (latin, self.name_ideographic.replace("^", "")) if text)


@dataclass(frozen=True, slots=True)
class Study:
    """What the file says of the examination. UIDs empty for raster files."""

    study_uid: str = ""
    series_uid: str = ""
    sop_uid: str = ""
    sop_class_uid: str = ""
    study_date: date | None = None
    accession: str = ""
    description: str = ""
    modality: str = ""
    body_part: str = ""
    view: str = ""
    laterality: Laterality = Laterality.UNKNOWN
    referrer: str = ""
    institution: str = ""
    synthetic: bool = False
    age_as_recorded: str = ""
    """PatientAge (0010,1010) as written, e.g. '010Y'; used only to warn."""
    recorded_height_m: float | None = None
    """PatientSize (0010,1020) in metres as the file has it, possible or not; None where it has none."""
    recorded_weight_kg: float | None = None
    """PatientWeight (0010,1030) in kg, the same."""


@dataclass(frozen=True, slots=True)
class FilmSource:
    """The file a frame came from. ``path`` as the person gave it; ``member`` inside a zip, else ''.

    ``sha256`` of the file's bytes; ``is_dicom`` False for raster files ('no DICOM').
    """

    path: str
    sha256: str
    is_dicom: bool
    frame_number: int = 1
    frame_count: int = 1
    member: str = ""
    transfer_syntax: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """Everything that opening a file yields. ``warnings``: (code, text) of what is doubtful."""

    source: FilmSource
    frame: Frame
    patient: Patient = Patient()
    study: Study = Study()
    warnings: tuple[tuple[str, str], ...] = field(default=())
