"""The figures of an evaluation against published worked examples, each named where it stands."""

from __future__ import annotations

import numpy as np
import pytest

from boneage_desk.training import agreement

# Shrout and Fleiss 1979, table 2: four judges on six targets
JUDGES = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float)

# Bland and Altman 1986, table 1: peak flow of 17 persons with two meters, first readings, litres a minute
WRIGHT = np.array([494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427], float)
MINI = np.array([512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451], float)


def test_icc_of_shrout_and_fleiss_with_its_interval() -> None:
    found = agreement.icc(JUDGES)
    assert found is not None
    assert found["value"] == pytest.approx(0.29, abs=0.005)  # Shrout and Fleiss 1979, table 4
    # the interval that R's psych::ICC prints of the same table (single random raters)
    assert found["interval_95"] == pytest.approx([0.019, 0.761], abs=0.0005)


def test_icc_sees_a_bias_that_a_correlation_does_not() -> None:
    ages = np.arange(24.0, 200.0, 8.0)
    same, shifted = (agreement.icc(np.stack([ages, ages + d], 1)) for d in (0.0, 60.0))
    assert same == {"value": 1.0, "interval_95": None}
    assert shifted is not None
    n, variance = len(ages), ages.var(ddof=1)
    # by hand: MSR = 2 var, MSC = n 60^2 / 2, MSE = 0, so r = 2 var / (2 var + 60^2)
    assert shifted["value"] == pytest.approx(2 * variance / (2 * variance + 3600))
    assert n == 22
    assert agreement.icc(np.array([[1.0, 2.0], [3.0, 4.0]])) is None
    assert agreement.icc(np.full((5, 2), 7.0)) is None


def test_limits_of_agreement_of_bland_and_altman() -> None:
    found = agreement.bland_altman(WRIGHT - MINI)
    assert found is not None
    assert found["bias_months"] == pytest.approx(-2.1, abs=0.05)
    assert found["sd_months"] == pytest.approx(38.8, abs=0.05)
    assert found["bias_95"] == pytest.approx([-22.0, 17.8], abs=0.1)
    # 1999, blood pressure of 85 persons: difference -16.29, SD 19.61; only these two are needed
    made = np.linspace(-1, 1, 85)
    made = made / made.std(ddof=1) * 19.61 - 16.29
    pressure = agreement.bland_altman(made)
    assert pressure is not None
    assert pressure["limits_months"] == pytest.approx([-54.7, 22.1], abs=0.05)
    assert pressure["limits_95"][0] == pytest.approx([-61.9, -47.5], abs=0.1)
    assert pressure["limits_95"][1] == pytest.approx([14.9, 29.3], abs=0.15)  # printed from rounded values
    assert agreement.bland_altman(np.array([1.0])) is None


def test_area_of_hanley_and_mcneil() -> None:
    """1982, table I: 109 tomograms rated 1 to 5; area 0.893, standard error 0.032."""
    normal = np.repeat([1, 2, 3, 4, 5], [33, 6, 6, 11, 2]).astype(float)
    ill = np.repeat([1, 2, 3, 4, 5], [3, 2, 2, 11, 33]).astype(float)
    truth = np.r_[np.zeros(len(normal), bool), np.ones(len(ill), bool)]
    found = agreement.auc(np.r_[normal, ill], truth)
    assert found is not None
    assert found["value"] == pytest.approx(0.893, abs=0.0005)
    assert found["standard_error"] == pytest.approx(0.032, abs=0.0005)
    assert agreement.auc(normal, np.zeros(len(normal), bool)) is None


def test_sex_is_counted_by_hand() -> None:
    """The two-by-two table 20, 5, 10, 15: agreement .7, by chance .5, kappa .4."""
    male = np.r_[np.zeros(25, bool), np.ones(25, bool)]
    said = np.r_[np.full(20, 0.1), np.full(5, 0.9), np.full(10, 0.2), np.full(15, 0.5)]
    found = agreement.sex_figures(said, male)
    assert found is not None
    assert found["confusion"] == [[20, 5], [10, 15]]
    assert found["accuracy"] == pytest.approx(0.7)
    assert found["kappa"] == pytest.approx(0.4)
    # pairs (girl, boy) in the right order: none of the 5 girls at .9; of the 20 at .1 all 25 boys lie above
    assert found["auc"]["value"] == pytest.approx(20 * 25 / 625)
    assert agreement.sex_figures(np.array([]), np.array([], bool)) is None


def test_quadratic_weights_change_nothing_in_two_classes() -> None:
    """So the kappa of the sex is Cohen's plain one (1960): (observed - by chance) / (1 - by chance)."""
    from boneage_desk.training.metrics import quadratic_kappa

    table = np.array([[150, 22], [8, 20]])
    share = table / table.sum()
    chance = float((share.sum(0) * share.sum(1)).sum())
    assert quadratic_kappa(table) == pytest.approx((np.trace(share) - chance) / (1 - chance))


def test_age_figures_by_hand() -> None:
    reference = np.array([100.0, 100.0, 100.0, 100.0])
    found = agreement.age_figures(reference, reference + np.array([6.0, -6.0, 18.0, -30.0]))
    assert (found["n"], found["mae_months"], found["bias_months"]) == (4, 15.0, -3.0)
    assert found["rmse_months"] == pytest.approx(((36 + 36 + 324 + 900) / 4) ** 0.5)
    assert found["within_years"] == {"0.5": 0.5, "1": 0.5, "1.5": 0.75, "2": 0.75}
    assert found["sd_months"] == pytest.approx(((81 + 9 + 441 + 729) / 3) ** 0.5)
    assert agreement.age_figures(np.array([]), np.array([])) == {"n": 0}
    one = agreement.age_figures(np.array([10.0]), np.array([11.0]))
    assert (one["sd_months"], one["bland_altman"], one["icc_2_1"], one["mae_95"]) == (None, None, None, None)


def test_coverage_counts_the_ends_and_those_without() -> None:
    found = agreement.coverage(np.array([10.0, 20.0, 30.0, 40.0]), [(5.0, 10.0), (21.0, 25.0), None, (30.0, 50.0)])
    assert found is not None
    assert (found["n"], found["without"], found["coverage"]) == (3, 1, pytest.approx(2 / 3))
    assert found["mean_width_months"] == pytest.approx((5 + 4 + 20) / 3)
    assert agreement.coverage(np.array([1.0]), [None]) is None


def test_two_models_on_the_same_films() -> None:
    reference = np.full(100, 120.0)
    this = reference + np.where(np.arange(100) % 2, 3.0, -3.0)
    other = this + np.arange(1.0, 101.0)
    found = agreement.compare(reference, this, other)
    assert found["usual_difference_months"] == 96.0  # the next larger of 95 and 96
    # ranks 95 -+ 1.96 sqrt(100 .95 .05): 90.7 and 99.3
    assert found["usual_difference_95"] == [91.0, 100.0]
    assert found["mean_difference_months"] == pytest.approx(-50.5)
    assert found["mae_difference_months"] < 0
    assert found["mae_difference_95"][1] < 0
    few = agreement.compare(reference[:10], this[:10], other[:10])
    assert few["usual_difference_95"][1] is None
    assert agreement.compare(reference[:0], this[:0], other[:0]) == {"n": 0}


@pytest.mark.parametrize(
    ("share", "df1", "df2", "printed"),
    # tables of F as every textbook has them
    [(0.95, 1, 10, 4.965), (0.95, 5, 15, 2.901), (0.975, 5, 15, 3.576), (0.99, 10, 20, 3.368), (0.95, 120, 120, 1.352)],
)  # fmt: skip
def test_quantiles_of_f(share: float, df1: int, df2: int, printed: float) -> None:
    assert agreement.f_quantile(share, df1, df2) == pytest.approx(printed, abs=0.001)


def test_quantiles_of_t() -> None:
    assert [agreement.t_quantile(df) for df in (5, 16, 100)] == pytest.approx([2.571, 2.120, 1.984], abs=0.001)
