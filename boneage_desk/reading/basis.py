"""Commands that say what the conclusion rests on: the rule, how exactly the birth date is known, a premature birth."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from boneage_desk.reading.ages import AgeBasis, gestation_text
from boneage_desk.reading.assessment import Command, Reading
from boneage_desk.standards.rules import Rule


@dataclass(frozen=True, slots=True)
class SetRule(Command):
    """The rule by which this reading is called delayed, normal or advanced."""

    rule: Rule
    action = "set-rule"

    def apply(self, reading: Reading) -> Reading:
        return dataclasses.replace(reading, rule=self.rule)

    def describe(self, before: Reading, after: Reading) -> tuple[str, str, str]:
        return "rule", before.rule.value, after.rule.value


@dataclass(frozen=True, slots=True)
class SetAgeBasis(Command):
    """Precision of the birth date, duration of pregnancy, and whether the age is corrected for a premature birth."""

    basis: AgeBasis
    action = "set-age-basis"

    def apply(self, reading: Reading) -> Reading:
        return dataclasses.replace(reading, age_basis=self.basis)

    def describe(self, before: Reading, after: Reading) -> tuple[str, str, str]:
        return "age", _text(before.age_basis), _text(after.age_basis)


def _text(basis: AgeBasis) -> str:
    weeks = "?" if basis.gestation_days is None else gestation_text(basis.gestation_days)
    return f"birth date to the {basis.birth_precision} pregnancy={weeks} corrected={basis.correct_prematurity}"
