"""The ladder of plates as values: what is marked where, what is told first, and that a hidden machine stays hidden."""

from __future__ import annotations

import dataclasses
from datetime import date

import pytest

from boneage_desk.reading.ages import AgeBasis
from boneage_desk.reading.assessment import Blind, Reading
from boneage_desk.reading.growth import Growth
from boneage_desk.reading.plate_ladder import PlateLadder, plate_ladder
from boneage_desk.reading.session import SetGrade
from boneage_desk.reading.summary import summarise
from boneage_desk.standards import gp, gp_sd, rus_chn
from boneage_desk.standards.rules import Rule
from boneage_desk.standards.types import Sex
from tests.samples import NOON, WHO, analysed


def of(reading: Reading) -> PlateLadder:
    made = plate_ladder(reading, summarise(reading))
    assert made is not None
    return made


def with_patient(reading: Reading, **facts: object) -> Reading:
    return dataclasses.replace(reading, patient=dataclasses.replace(reading.patient, **facts))  # type: ignore[arg-type]


def test_the_ladder_of_a_girl_of_ten_years_and_four_months() -> None:
    """9 y 8 m by RUS-CHN: between 8 y 10 m and 10 y 0 m, nearer to the second."""
    ladder = of(analysed().reading)
    assert ladder.sex is Sex.FEMALE and ladder.plates == gp.plates(Sex.FEMALE)
    assert ladder.nearest is ladder.start and ladder.nearest is not None and ladder.nearest.months == 120
    assert ladder.bone_age is not None and 16 < ladder.rung(ladder.bone_age.months) < 17
    assert ladder.whole_hand is not None and ladder.whole_hand.text == "10 y 1 m" and ladder.own is None
    assert ladder.age_months is not None
    spread = gp_sd.spread(ladder.age_months, Sex.FEMALE)
    assert spread is not None
    assert ladder.band == pytest.approx((spread.mean_months - 2 * spread.sd_months, spread.mean_months + 2 * spread.sd_months))
    assert ladder.normal == pytest.approx((ladder.age_months - 2 * spread.sd_months, ladder.age_months + 2 * spread.sd_months))


def test_rungs_are_plates_and_ages_between_lie_by_their_share() -> None:
    ladder = of(analysed().reading)
    for plate in ladder.plates:
        assert ladder.rung(plate.months) == plate.number - 1
    low, high = ladder.plates[10], ladder.plates[11]
    assert ladder.rung((low.months + high.months) / 2) == 10.5
    assert ladder.rung(-3) == -0.5 and ladder.rung(500) == len(ladder.plates) - 0.5


def test_the_rule_without_a_mean_has_a_range_and_no_band() -> None:
    ladder = of(dataclasses.replace(analysed().reading, rule=Rule.STUART_2SD))
    assert ladder.band is None and ladder.normal is not None
    years = of(dataclasses.replace(analysed().reading, rule=Rule.RUS_CHN_YEARS))
    assert years.band == of(analysed().reading).band and years.normal is not None
    assert years.normal[1] - years.normal[0] == pytest.approx(24)


def test_without_a_bone_age_it_begins_at_what_is_known_and_without_a_sex_there_is_none() -> None:
    reading = analysed().reading
    bones = tuple(dataclasses.replace(f, machine_grade=None) if f.bone == "ulna" else f for f in reading.bones)
    missing = dataclasses.replace(reading, bones=bones)
    assert of(missing).nearest is None
    assert of(dataclasses.replace(missing, growth=Growth(atlas_months=50.0))).start == gp.plate(12, Sex.FEMALE)
    start = of(missing).start
    assert start is not None and start.months == 120, "nearest to the child's age"
    unborn = of(with_patient(missing, birth_date=None))
    assert unborn.start is None and unborn.band is None and unborn.normal is None and unborn.age_months is None
    assert plate_ladder(with_patient(reading, sex=None), summarise(with_patient(reading, sex=None))) is None


def test_a_hidden_machine_marks_nothing_and_the_readers_own_is_seen() -> None:
    hidden = of(dataclasses.replace(analysed().reading, blind=Blind.HIDDEN, growth=Growth(atlas_months=106.0)))
    assert hidden.bone_age is None and hidden.whole_hand is None and hidden.nearest is None
    assert hidden.own is not None and hidden.start is not None and hidden.start.months == 106


def test_a_fused_hand_begins_at_the_plates_of_its_bound() -> None:
    session = analysed()
    for bone in rus_chn.BONES:
        session.do(SetGrade(bone, rus_chn.max_grade(bone)), at=NOON, who=WHO)
    ladder = of(session.reading)
    assert ladder.bone_age is not None and ladder.bone_age.text == ">= 17 y 0 m"
    assert ladder.nearest is not None and ladder.nearest.months == 204


def test_a_corrected_age_is_the_one_that_is_marked_and_is_said_to_be() -> None:
    """Born ten weeks early, filmed at 14 months."""
    reading = with_patient(analysed().reading, birth_date=date(2023, 5, 11))
    plain = of(reading)
    reading = dataclasses.replace(reading, age_basis=AgeBasis(gestation_days=210, correct_prematurity=True))
    ladder = of(reading)
    assert plain.age_months is not None and ladder.age_months == pytest.approx(plain.age_months - 70 / 30.4375, abs=0.1)
    assert ladder.corrected and not plain.corrected
