"""Commands for the child's growth: measurements, parents, menarche, the reader's Greulich-Pyle bone age; and what the
film's file says of height and weight."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import date

from boneage_desk.common.errors import InputError
from boneage_desk.reading.assessment import Command, Reading
from boneage_desk.reading.growth import (
    ATLAS_MONTHS,
    PARENT_CM,
    Growth,
    Origin,
    check_range,
    measured,
    with_measurement,
)
from boneage_desk.standards.types import Sex, years_months


def _with(reading: Reading, growth: Growth) -> Reading:
    return dataclasses.replace(reading, growth=growth)


@dataclass(frozen=True, slots=True)
class SetMeasurement(Command):
    """Height (cm) and weight (kg) of a day, as a person says; takes the place of what a person said of that day.

    Refused: nothing or the impossible ('measurement', 'implausible'), a day before birth ('before-birth') or after the
    film ('after-study').
    """

    on: date
    height_cm: float | None = None
    weight_kg: float | None = None
    action = "set-measurement"

    def apply(self, reading: Reading) -> Reading:
        refuse_day(reading, self.on)
        measurements = with_measurement(reading.growth, measured(self.on, self.height_cm, self.weight_kg))
        return _with(reading, dataclasses.replace(reading.growth, measurements=measurements))

    def describe(self, before: Reading, after: Reading) -> tuple[str, str, str]:
        return f"measured {self.on.isoformat()}", _measured(before, self.on), _measured(after, self.on)


@dataclass(frozen=True, slots=True)
class RemoveMeasurement(Command):
    """Take a day's height and weight away: what a person said, or what the file says."""

    on: date
    origin: Origin = Origin.PERSON
    action = "remove-measurement"

    def apply(self, reading: Reading) -> Reading:
        kept = tuple(one for one in reading.growth.measurements if (one.on, one.origin) != (self.on, self.origin))
        if len(kept) == len(reading.growth.measurements):
            raise InputError(f"There is no measurement of {self.on.isoformat()}.", code="no-measurement")
        return _with(reading, dataclasses.replace(reading.growth, measurements=kept))

    def describe(self, before: Reading, after: Reading) -> tuple[str, str, str]:
        return f"measured {self.on.isoformat()}", _measured(before, self.on), _measured(after, self.on)


@dataclass(frozen=True, slots=True)
class SetParents(Command):
    """The parents' heights in cm; None: not known."""

    father_cm: float | None
    mother_cm: float | None
    action = "set-parents"

    def apply(self, reading: Reading) -> Reading:
        check_range("father's height", self.father_cm, PARENT_CM, "cm")
        check_range("mother's height", self.mother_cm, PARENT_CM, "cm")
        return _with(
            reading, dataclasses.replace(reading.growth, father_cm=self.father_cm, mother_cm=self.mother_cm)
        )

    def describe(self, before: Reading, after: Reading) -> tuple[str, str, str]:
        def text(growth: Growth) -> str:
            return f"father={_cm(growth.father_cm)} mother={_cm(growth.mother_cm)}"

        return "parents", text(before.growth), text(after.growth)


@dataclass(frozen=True, slots=True)
class SetMenarche(Command):
    """Whether menarche had been at the film's date; None: not known. Girls only."""

    reached: bool | None
    action = "set-menarche"

    def apply(self, reading: Reading) -> Reading:
        if self.reached is not None and reading.patient.sex is not Sex.FEMALE:
            raise InputError("Menarche is asked of girls only.", "Look at the sex.", code="menarche")
        return _with(reading, dataclasses.replace(reading.growth, menarche=self.reached))

    def describe(self, before: Reading, after: Reading) -> tuple[str, str, str]:
        words = {None: "?", True: "yes", False: "no"}
        return "menarche", words[before.growth.menarche], words[after.growth.menarche]


@dataclass(frozen=True, slots=True)
class SetAtlasAge(Command):
    """The reader's own Greulich-Pyle bone age of this film in months; None: not read by the atlas."""

    months: float | None
    action = "set-atlas-age"

    def apply(self, reading: Reading) -> Reading:
        check_range("Greulich-Pyle bone age", self.months, ATLAS_MONTHS, "months")
        return _with(reading, dataclasses.replace(reading.growth, atlas_months=self.months))

    def describe(self, before: Reading, after: Reading) -> tuple[str, str, str]:
        def text(growth: Growth) -> str:
            return "?" if growth.atlas_months is None else years_months(growth.atlas_months)

        return "Greulich-Pyle", text(before.growth), text(after.growth)


def refuse_day(reading: Reading, on: date) -> None:
    """InputError for a day on which this child cannot have been measured for this film."""
    birth, study = reading.patient.birth_date, reading.study.study_date
    if birth is not None and on < birth:
        raise InputError(
            f"The measurement of {on.isoformat()} lies before the birth date {birth.isoformat()}.",
            "Correct one of them.",
            code="before-birth",
        )
    if study is not None and on > study:
        raise InputError(
            f"The measurement of {on.isoformat()} is later than the film of {study.isoformat()}.",
            "Enter it with the film that it belongs to.",
            code="after-study",
        )


def _cm(value: float | None) -> str:
    return "?" if value is None else f"{value:g} cm"


def _measured(reading: Reading, on: date) -> str:
    """All that is kept of a day, for the audit; '-' for nothing."""
    said = []
    for one in reading.growth.measurements:
        if one.on == on:
            parts = [f"{one.height_cm:g} cm"] if one.height_cm is not None else []
            parts += [f"{one.weight_kg:g} kg"] if one.weight_kg is not None else []
            said.append(f"{' '.join(parts)} ({one.origin})")
    return ", ".join(said) or "-"
