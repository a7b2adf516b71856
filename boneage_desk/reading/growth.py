"""The child's growth as part of a reading: dated heights and weights, the parents' heights, menarche, and the reader's
own Greulich-Pyle bone age. Values and what refuses them; the commands are in `reading.growing`.

Nothing here has a default: what was not measured or not asked is None. What is impossible is refused on entry; what is
possible but odd (`doubts`) is said and left to the person.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from boneage_desk.common.errors import InputError

HEIGHT_CM = (30.0, 230.0)
WEIGHT_KG = (1.0, 250.0)
PARENT_CM = (120.0, 230.0)
"""What is taken for a height or weight at all; outside it is a slip of unit or finger."""
ATLAS_MONTHS = (0.0, 228.0)
FAR_SDS = 5.0
"""SD scores beyond which a measurement is told as unlikely: of a million children hardly one."""
KG_PER_LB = 0.45359237
CM_PER_INCH = 2.54


class Origin(StrEnum):
    """Who says so: a person at this station, or the film's file (DICOM Patient's Size and Weight)."""

    PERSON = "person"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Measurement:
    """Standing height (cm) and weight (kg) on one day by one origin; at least one of the two. :func:`measured` makes one of
    what a person enters."""

    on: date
    height_cm: float | None = None
    weight_kg: float | None = None
    origin: Origin = Origin.PERSON

    def __post_init__(self) -> None:
        if self.height_cm is None and self.weight_kg is None:
            raise ValueError("a measurement of nothing")
        if not (_inside(self.height_cm, HEIGHT_CM) and _inside(self.weight_kg, WEIGHT_KG)):
            raise ValueError(f"a height of {self.height_cm} cm, a weight of {self.weight_kg} kg")


@dataclass(frozen=True, slots=True)
class Growth:
    """What is known of the child's growth. ``measurements``: by rising date, one a day and origin: what a person enters does
    not erase what the file says. ``menarche``: whether it had been at the film's date (girls). ``atlas_months``: the
    reader's own Greulich-Pyle bone age of this film."""

    measurements: tuple[Measurement, ...] = ()
    father_cm: float | None = None
    mother_cm: float | None = None
    menarche: bool | None = None
    atlas_months: float | None = None

    def __post_init__(self) -> None:
        keys = [(one.on, one.origin.value) for one in self.measurements]
        if any(a >= b for a, b in zip(keys, keys[1:], strict=False)):
            raise ValueError("measurements by rising date, one a day and origin")
        parents = _inside(self.father_cm, PARENT_CM) and _inside(self.mother_cm, PARENT_CM)
        if not parents or not _inside(self.atlas_months, ATLAS_MONTHS):
            raise ValueError(f"parents of {self.father_cm} and {self.mother_cm} cm, an atlas age of {self.atlas_months}")

    @property
    def known(self) -> bool:
        """Whether anything at all is known."""
        return self != Growth()


def _inside(value: float | None, ends: tuple[float, float]) -> bool:
    return value is None or (math.isfinite(value) and ends[0] <= value <= ends[1])


def check_range(name: str, value: float | None, ends: tuple[float, float], unit: str) -> None:
    """InputError 'implausible' for a value outside ``ends``; None passes."""
    if value is None or _inside(value, ends):
        return
    raise InputError(
        f"A {name} of {value:g} {unit} is not possible here ({ends[0]:g} to {ends[1]:g} {unit}).",
        "Look at the unit and the figure.",
        code="implausible",
    )


_NUMBER = r"(\d+(?:[.,]\d+)?)"
_LENGTHS = {"cm": 1.0, "mm": 0.1, "m": 100.0, "in": CM_PER_INCH, '"': CM_PER_INCH, "inch": CM_PER_INCH, "ft": 30.48, "'": 30.48}
_WEIGHTS = {"kg": 1.0, "g": 0.001, "lb": KG_PER_LB, "lbs": KG_PER_LB}
_FEET = re.compile(rf"^{_NUMBER} ?(?:ft|feet|') ?{_NUMBER} ?(?:in|inch|inches|\")?$")


def parse_length(text: str) -> float:
    """'135.5 cm', '1.355m', '53.3 in', "4 ft 5 in", "4'5" to cm. A number without a unit is refused: 53 may be inches.

    >>> round(parse_length("4 ft 5 in"), 2), parse_length("135,5 cm")
    (134.62, 135.5)
    """
    feet = _FEET.match(text.strip().lower())
    if feet:
        return _value(feet[1]) * 30.48 + _value(feet[2]) * CM_PER_INCH
    return _parse(text, _LENGTHS, "length", "135.5 cm or 53.3 in")


def parse_weight(text: str) -> float:
    """'34.2 kg' or '75.4 lb' to kg; a number without a unit is refused.

    >>> round(parse_weight("75.4 lb"), 2)
    34.2
    """
    return _parse(text, _WEIGHTS, "weight", "34.2 kg or 75.4 lb")


_AGE = re.compile(rf"^(?:{_NUMBER} ?(?:y|years?|a))? ?(?:{_NUMBER} ?(?:m|mo|months?))?$")


def parse_age(text: str) -> float:
    """'10y 4m', '10.5 y' or '124 m' to months; a number without a unit is refused.

    >>> parse_age("10y 4m"), parse_age("10.5y"), parse_age("124m")
    (124.0, 126.0, 124.0)
    """
    found = _AGE.match(text.strip().lower())
    if not found or (found[1] is None and found[2] is None):
        raise InputError(f"'{text}' is no age.", "Write it as 10y 4m, 10.5y or 124m.", code="unit")
    return (_value(found[1]) * 12 if found[1] else 0.0) + (_value(found[2]) if found[2] else 0.0)


def _parse(text: str, units: dict[str, float], what: str, example: str) -> float:
    found = re.match(rf"^{_NUMBER} ?([a-z'\"]*)$", text.strip().lower())
    if not found:
        raise InputError(f"'{text}' is no {what}.", f"Write it as {example}.", code="unit")
    if found[2] not in units:
        said = f"has the unit '{found[2]}', which is not known here" if found[2] else "has no unit"
        raise InputError(f"The {what} '{text}' {said}.", f"Write it as {example}.", code="unit")
    return _value(found[1]) * units[found[2]]


def _value(text: str) -> float:
    return float(text.replace(",", "."))


def measured(
    on: date, height_cm: float | None, weight_kg: float | None, origin: Origin = Origin.PERSON
) -> Measurement:
    """A measurement as entered; raises InputError: 'measurement' for nothing, 'implausible' for an impossible figure."""
    if height_cm is None and weight_kg is None:
        raise InputError("A measurement needs a height or a weight.", "Enter one of them.", code="measurement")
    check_range("height", height_cm, HEIGHT_CM, "cm")
    check_range("weight", weight_kg, WEIGHT_KG, "kg")
    return Measurement(on, height_cm, weight_kg, origin)


def with_measurement(growth: Growth, added: Measurement) -> tuple[Measurement, ...]:
    """The measurements with one more; it takes the place of the same origin's of that day, of which it keeps what it does
    not say itself: a weight entered after a height does not erase it."""
    others = [one for one in growth.measurements if (one.on, one.origin) != (added.on, added.origin)]
    before = next((one for one in growth.measurements if (one.on, one.origin) == (added.on, added.origin)), None)
    if before is not None:
        added = replace(
            added,
            height_cm=before.height_cm if added.height_cm is None else added.height_cm,
            weight_kg=before.weight_kg if added.weight_kg is None else added.weight_kg,
        )
    return tuple(sorted((*others, added), key=lambda one: (one.on, one.origin.value)))


def dated(growth: Growth, study_date: date | None) -> tuple[Measurement, ...]:
    """The measurements, the file's on the day of the film (None: not known) whatever that was corrected to."""
    if study_date is None:
        return growth.measurements
    return tuple(replace(one, on=study_date) if one.origin is Origin.FILE else one for one in growth.measurements)


def from_file(on: date | None, height_m: float | None, weight_kg: float | None) -> Growth:
    """What the film's file says of height (metres, as DICOM has it) and weight on the day of the film. What is not
    possible, such as a height of 135 m, is left out: the opening of the file tells it."""
    height = None if height_m is None else height_m * 100
    height = height if _inside(height, HEIGHT_CM) else None
    weight = weight_kg if _inside(weight_kg, WEIGHT_KG) else None
    if on is None or (height is None and weight is None):
        return Growth()
    return Growth((Measurement(on, height, weight, Origin.FILE),))
