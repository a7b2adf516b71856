"""The Greulich-Pyle reading aid as values: the plates of the child's sex, and what is marked between them.

The ladder is no scale of time: its rungs are as far apart as the plates are many, and an age lies between two of them by
its share of the months (:meth:`PlateLadder.rung`). While the machine is hidden (`reading.blind`) nothing of it is marked.
"""

from __future__ import annotations

from dataclasses import dataclass

from boneage_desk.reading.all_standards import all_standards
from boneage_desk.reading.assessment import Reading
from boneage_desk.reading.reference import Reference, reference_of
from boneage_desk.reading.summary import Summary
from boneage_desk.standards import gp, rus_chn
from boneage_desk.standards.gp import Plate
from boneage_desk.standards.rules import LIMIT_SD
from boneage_desk.standards.types import BoneAge, Sex


@dataclass(frozen=True, slots=True)
class PlateLadder:
    """``bone_age``: by RUS-CHN, of the grades in force; ``whole_hand``: by the whole-hand model, which was taught with ages
    read by this atlas; ``own``: the reader's own reading by the atlas; each None without. ``age_months``: the age that they
    are compared with, None where it is not known; ``corrected``: it is corrected for a premature birth. ``reference``: the
    named table at that age and the normal range of the reading's rule; None where there is none.
    """

    sex: Sex
    plates: tuple[Plate, ...]
    bone_age: BoneAge | None
    whole_hand: BoneAge | None
    own: BoneAge | None
    age_months: float | None
    reference: Reference | None
    corrected: bool = False

    @property
    def band(self) -> tuple[float, float] | None:
        """Mean -+ 2 SD of the named table at the child's age, months; None where the table has no mean or no SD there."""
        found = self.reference
        if found is None or found.mean_months is None or found.sd_months is None:
            return None
        reach = LIMIT_SD * found.sd_months
        return found.mean_months - reach, found.mean_months + reach

    @property
    def normal(self) -> tuple[float, float] | None:
        """The normal range of the reading's rule, months."""
        return None if self.reference is None else (self.reference.low_months, self.reference.high_months)

    @property
    def nearest(self) -> Plate | None:
        """The plate nearest to the bone age in force; None without one."""
        return None if self.bone_age is None else gp.nearest(self.bone_age.months, self.sex, 1)[0]

    @property
    def start(self) -> Plate | None:
        """The plate to look at first: nearest to the bone age, else to the reader's own, else to the child's age."""
        ages = [age.months for age in (self.bone_age, self.own) if age is not None]
        ages += [self.age_months] if self.age_months is not None and self.age_months >= 0 else []
        return gp.nearest(ages[0], self.sex, 1)[0] if ages else None

    def rung(self, months: float) -> float:
        """Where an age lies on the ladder: 0.0 at the first plate, 1.5 halfway between the second and the third; before the
        first and past the last half a rung at most."""
        low, high = gp.around(months, self.sex)
        if low is None:
            return -0.5
        if high is None:
            return len(self.plates) - (1.0 if months <= low.months else 0.5)
        return low.number - 1 + (months - low.months) / (high.months - low.months)


def plate_ladder(reading: Reading, summary: Summary) -> PlateLadder | None:
    """The ladder of ``reading`` as it stands; None without a sex, since the plates are of one."""
    sex = reading.patient.sex
    if sex is None:
        return None
    found = all_standards(reading, summary)
    return PlateLadder(
        sex=sex,
        plates=gp.plates(sex),
        bone_age=found.row(rus_chn.STANDARD_ID).bone_age,
        whole_hand=found.row(gp.STANDARD_ID).bone_age,
        own=found.own.bone_age if found.own is not None else None,
        age_months=summary.compared_months,
        reference=reference_of(summary, sex),
        corrected=summary.corrected_months is not None,
    )
