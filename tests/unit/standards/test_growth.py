"""Growth references: the tables' own figures, between them, nothing outside; velocity."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boneage_desk.common.errors import StandardError
from boneage_desk.standards import growth
from boneage_desk.standards.growth import GrowthReference, Lms, Measure
from boneage_desk.standards.tables import load
from boneage_desk.standards.types import Sex

WHO, CDC, CHINA = GrowthReference.WHO_2007, GrowthReference.CDC_2000, GrowthReference.CHINA_2009
HEIGHT, WEIGHT = Measure.HEIGHT, Measure.WEIGHT


@pytest.mark.parametrize("sex", list(Sex))
@pytest.mark.parametrize("reference", list(GrowthReference))
def test_median_and_one_sd_are_the_tables_at_every_age_of_it(reference: GrowthReference, sex: Sex) -> None:
    table = load(f"growth_{reference.value}")
    rows = (table["lms_fitted"] if reference is CHINA else table)["height"][sex.table]
    low, high = growth.age_range(reference)
    seen = 0
    for age, power, median, variation, *_ in rows:
        if low <= age <= high:
            assert growth.lms(reference, HEIGHT, age, sex) == Lms(power, median, variation)
            assert growth.sds(reference, HEIGHT, median, age, sex) == pytest.approx(0, abs=1e-9)
            seen += 1
    assert seen >= len(rows) - 2


@pytest.mark.parametrize("sex", list(Sex))
@pytest.mark.parametrize("measure", list(Measure))
def test_the_fitted_scores_give_back_the_printed_percentiles_of_china(measure: Measure, sex: Sex) -> None:
    """Within what its note claims: 0.05 SD inside +-2.5 SD (a little more for the youngest)."""
    part = load("growth_china2009")["percentiles"]
    for row in part[measure.value][sex.table]:
        for name, value in zip(part["columns"][1:], row[1:], strict=True):
            score = growth.sds(CHINA, measure, value, row[0], sex)
            assert score == pytest.approx(growth.sds_of(float(name[1:])), abs=0.06), (row[0], name)


def test_who_worked_value() -> None:
    """A boy of 120 months: median 137.7795, S 0.04697 (WHO's table): 1 SD above is M * (1 + S)."""
    at = growth.lms(WHO, HEIGHT, 120, Sex.MALE)
    assert at is not None and at.power == 1
    assert growth.value_at(WHO, HEIGHT, 1, 120, Sex.MALE) == pytest.approx(at.median * (1 + at.variation))
    assert growth.sds(WHO, HEIGHT, at.median * (1 - 2 * at.variation), 120, Sex.MALE) == pytest.approx(-2)


@pytest.mark.parametrize(
    ("reference", "below", "above"), [(WHO, 60.9, 228.1), (CDC, 23.9, 240.1), (CHINA, -0.1, 216.1)]
)
def test_nothing_is_made_up_outside(reference: GrowthReference, below: float, above: float) -> None:
    for age in (below, above):
        assert growth.lms(reference, HEIGHT, age, Sex.MALE) is None
        assert growth.sds(reference, HEIGHT, 120, age, Sex.MALE) is None
        assert growth.value_at(reference, HEIGHT, 0, age, Sex.FEMALE) is None
    for age in growth.age_range(reference):
        assert growth.lms(reference, HEIGHT, age, Sex.MALE) is not None


def test_weight_is_only_in_the_chinese_table_and_never_borrowed() -> None:
    assert growth.measures(CHINA) == (HEIGHT, WEIGHT)
    assert growth.measures(WHO) == growth.measures(CDC) == (HEIGHT,)
    assert growth.sds(WHO, WEIGHT, 30, 120, Sex.MALE) is None
    assert growth.sds(CHINA, WEIGHT, 33.74, 120, Sex.MALE) == pytest.approx(0, abs=0.02)


def test_china_has_no_height_where_length_goes_over_into_height() -> None:
    for age in (30.5, 33, 35.9):
        assert growth.lms(CHINA, HEIGHT, age, Sex.MALE) is None
        assert growth.lms(CHINA, WEIGHT, age, Sex.MALE) is not None
    assert growth.lms(CHINA, HEIGHT, 30, Sex.MALE) and growth.lms(CHINA, HEIGHT, 36, Sex.MALE)
    (below, above) = growth.curve(CHINA, HEIGHT, Sex.MALE, 50).parts
    assert (below[-1], above[0]) == ((30, 93.3), (36, 96.8))


def test_curves_of_china_are_the_printed_ones_and_lie_in_order() -> None:
    curves = growth.chart(CHINA, HEIGHT, Sex.FEMALE, low=60, high=216)
    assert [one.percentile for one in curves] == list(growth.PERCENTILES)
    assert dict(curves[0].parts[0])[120] == 128.3 and dict(curves[-1].parts[0])[216] == 170.7
    ages = [age for age, _ in curves[0].parts[0]]
    assert ages[0] == 60 and ages[-1] == 216
    for lower, upper in zip(curves, curves[1:], strict=False):
        assert all(a[1] < b[1] for a, b in zip(lower.parts[0], upper.parts[0], strict=True))


def test_curves_reach_the_ends_that_were_asked_for() -> None:
    (part,) = growth.curve(CDC, HEIGHT, Sex.MALE, 97, low=100.2, high=180.7).parts
    assert (part[0][0], part[-1][0]) == (100.2, 180.7)
    assert growth.curve(WHO, WEIGHT, Sex.MALE, 50).parts == ()


@given(
    st.sampled_from(list(GrowthReference)), st.sampled_from(list(Sex)), st.floats(61, 216), st.floats(-3, 3),
    st.floats(0.1, 2),
)  # fmt: skip
def test_score_and_value_are_inverse_and_rise_together(
    reference: GrowthReference, sex: Sex, age: float, score: float, step: float
) -> None:
    low, high = (growth.value_at(reference, HEIGHT, s, age, sex) for s in (score, score + step))
    assert low is not None and high is not None and low < high
    assert growth.sds(reference, HEIGHT, low, age, sex) == pytest.approx(score, abs=1e-6)


@pytest.mark.parametrize("reference", list(GrowthReference))
def test_the_sexes_are_not_swapped(reference: GrowthReference) -> None:
    """Men are some 12 cm taller; girls of 12 y are taller than boys."""
    last = growth.age_range(reference)[1]
    men, women = (growth.value_at(reference, HEIGHT, 0, last, sex) for sex in (Sex.MALE, Sex.FEMALE))
    assert men is not None and women is not None and 10 < men - women < 15
    boy, girl = (growth.value_at(reference, HEIGHT, 0, 138, sex) for sex in (Sex.MALE, Sex.FEMALE))
    assert boy is not None and girl is not None and girl > boy


def test_height_age_is_where_the_height_is_the_median() -> None:
    age = growth.height_age(WHO, 140, Sex.FEMALE)
    assert age is not None
    assert growth.value_at(WHO, HEIGHT, 0, age, Sex.FEMALE) == pytest.approx(140, abs=0.01)
    assert growth.height_age(WHO, 90, Sex.FEMALE) is None and growth.height_age(WHO, 190, Sex.FEMALE) is None
    assert growth.height_age(CHINA, 95, Sex.MALE) is None  # in the gap from length to height


def test_velocity_and_its_error() -> None:
    found = growth.velocity(130, 133, 365.25 / 2)
    assert found is not None and not found.short
    assert found.cm_per_year == pytest.approx(6) and found.sd_cm_per_year == pytest.approx(0.707, abs=0.001)
    short = growth.velocity(130, 131.5, 120)
    assert short is not None and short.short
    assert growth.velocity(120, 130, 730) is not None and growth.velocity(120, 130, 740) is None
    assert growth.velocity(130, 131, 80) is None and growth.velocity(130, 131, 0) is None


def test_percentiles() -> None:
    assert growth.percentile_of(0) == 50 and growth.percentile_of(growth.sds_of(97)) == pytest.approx(97)
    for wrong in (0, 100, -5):
        with pytest.raises(StandardError, match="percentile"):
            growth.sds_of(wrong)
    with pytest.raises(StandardError, match="who2007, cdc2000, china2009"):
        GrowthReference.parse("who")
