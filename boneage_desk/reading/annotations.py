"""What a person draws on the film: distances, angles and notes, in film pixels, with units that say where they are from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from boneage_desk.reading.film import Spacing, SpacingKind

Point = tuple[float, float]
"""(x, y) in film pixels; the film's top left pixel corner is (0, 0)."""

TEXT_LENGTH = 200
"""Characters that a note may have."""


class AnnotationKind(StrEnum):
    """``angle``: at the second of its three points."""

    DISTANCE = "distance"
    ANGLE = "angle"
    NOTE = "note"


POINTS = {AnnotationKind.DISTANCE: 2, AnnotationKind.ANGLE: 3, AnnotationKind.NOTE: 1}
"""How many points each kind has."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """One of them. ``number`` names it in the reading (from 1). ``text``: of a note, else ''. ``spacing``: the film's when
    it was drawn, so that the value stays what it was."""

    number: int
    kind: AnnotationKind
    points: tuple[Point, ...]
    text: str = ""
    spacing: Spacing = Spacing()

    def __post_init__(self) -> None:
        if len(self.points) != POINTS[self.kind]:
            raise ValueError(f"{self.kind} of {len(self.points)} points")
        if not all(math.isfinite(v) for point in self.points for v in point):
            raise ValueError("a point with a coordinate that is no number")
        if self.kind is AnnotationKind.NOTE and not 0 < len(self.text.strip()) <= TEXT_LENGTH:
            raise ValueError(f"a note of {len(self.text)} characters")
        if self.number < 1:
            raise ValueError(f"annotation {self.number}")

    @property
    def name(self) -> str:
        """'distance 2'."""
        return f"{self.kind} {self.number}"


@dataclass(frozen=True, slots=True)
class Measure:
    """``unit``: 'mm', 'mm at detector', 'px', or degrees: '°' of a film with known pixel shape, else '° in pixels'
    (square pixels taken)."""

    value: float
    unit: str

    def __str__(self) -> str:
        digits = 0 if self.unit == PIXELS else 1
        return f"{self.value:.{digits}f}{'' if self.unit.startswith(DEGREES) else ' '}{self.unit}"


MILLIMETRES, AT_DETECTOR, PIXELS, DEGREES = "mm", "mm at detector", "px", "\N{DEGREE SIGN}"
DEGREES_IN_PIXELS = f"{DEGREES} in pixels"


def measure(annotation: Annotation) -> Measure | None:
    """The length or angle; None of a note."""
    spacing, kind = annotation.spacing, annotation.kind
    if kind is AnnotationKind.NOTE:
        return None
    known = spacing.kind is not SpacingKind.NONE
    sx, sy = (spacing.column, spacing.row) if known else (1.0, 1.0)
    points = [(x * sx, y * sy) for x, y in annotation.points]
    if kind is AnnotationKind.DISTANCE:
        unit = {SpacingKind.PIXEL: MILLIMETRES, SpacingKind.AT_DETECTOR: AT_DETECTOR, SpacingKind.NONE: PIXELS}[spacing.kind]
        return Measure(math.dist(*points), unit)
    return Measure(angle_between(*points), DEGREES if known else DEGREES_IN_PIXELS)


def angle_between(start: Point, vertex: Point, end: Point) -> float:
    """Degrees 0..180 at ``vertex``; 0 where an arm has no length."""
    ax, ay = start[0] - vertex[0], start[1] - vertex[1]
    bx, by = end[0] - vertex[0], end[1] - vertex[1]
    return math.degrees(math.atan2(abs(ax * by - ay * bx), ax * bx + ay * by))


def words(annotation: Annotation) -> str:
    """Its value or its text, e.g. '12.3 mm at detector'."""
    found = measure(annotation)
    return annotation.text if found is None else str(found)
