"""The prediction interval of the bone age, measured and chosen on hands held out.

Candidates, all conformal by sex and band of the bone age given (bands of few hands take their sex's factor):
``fixed`` half width; ``scaled``: the bone age given, plus and minus a multiple of its spread in months; ``joint``: the
total score's mean and spread through the curve (`boneage_desk.reading.interval`, which the program uses). Each is fitted
on four fifths of the hands and measured on the last, five times over.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boneage_desk.reading import interval as joint
from boneage_desk.standards.rus_chn import BONES, max_grade
from boneage_desk.training.held_out import HeldOut
from boneage_desk.training.targets import curve, sex_of

BANDS = ((0.0, 84.0), (84.0, 132.0), (132.0, 168.0), (168.0, 241.0))
COVERAGE = 0.9
FEWEST = 30
FOLDS = 5
CORRELATIONS = (0.0, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0)
FLOORS = (2.0, 3.0, 4.0, 5.0, 6.0, 8.0)
FLOOR_COST = 1.005
"""The largest floor is taken whose intervals are at most this much worse than the best: graded by the machine alone,
the hands tell little about it, and a person's grades should not make an interval look exact."""


@dataclass(frozen=True)
class Moments:
    """Of each hand [N]: mean points of the total, sum of variances, squared sum of deviations, score of the label,
    points a month at the bone age given, and its cell (see `cells`)."""

    total: NDArray[np.float64]
    apart: NDArray[np.float64]
    together: NDArray[np.float64]
    truth: NDArray[np.float64]
    slope: NDArray[np.float64]
    cell: NDArray[np.str_]

    def spread(self, correlation: float, floor: float) -> NDArray[np.float64]:
        """Standard deviation of the total, points, with a floor in months."""
        return np.sqrt((1 - correlation) * self.apart + correlation * self.together + (floor * self.slope) ** 2)


def moments(hands: HeldOut) -> Moments:
    """By the program's own functions."""
    rows = []
    for p, s, given, label in zip(hands.p, hands.sexes, hands.given, hands.clipped, strict=True):
        sex = sex_of(str(s))
        parts = [joint.points_of(b, q[: max_grade(b) + 1].tolist(), sex) for b, q in zip(BONES, p, strict=True)]
        d = [deviation for _, deviation in parts]
        total = sum(mean for mean, _ in parts)
        truth, slope = joint.curve_score(float(label), sex), joint.slope(float(given), sex)
        rows.append((total, sum(x * x for x in d), sum(d) ** 2, truth, slope))
    return Moments(*np.array(rows).T, cells(hands))


def quantile(values: NDArray[np.float64]) -> float:
    """The conformal quantile of absolute values at COVERAGE: the ceil((n + 1) c)-th smallest, of too few the largest."""
    rank = min(len(values), math.ceil((len(values) + 1) * COVERAGE - 1e-9))
    return float(np.sort(np.abs(values))[rank - 1])


def cells(hands: HeldOut) -> NDArray[np.str_]:
    """'F 84-132' and so on [N], by sex and band of the bone age given."""
    band = np.digitize(hands.given, [low for low, _ in BANDS[1:]])
    return np.array([f"{s} {BANDS[b][0]:.0f}-{BANDS[b][1]:.0f}" for s, b in zip(hands.sexes, band, strict=True)])


def factors(
    hands: HeldOut, where: NDArray[np.str_], values: NDArray[np.float64], of: NDArray[np.bool_]
) -> dict[str, tuple[float, int]]:
    """Cell -> conformal quantile of ``values`` [N] over the hands ``of`` [N] (cells ``where`` [N]), and of how many."""
    table = {}
    for sex in "FM":
        for low, high in BANDS:
            name = f"{sex} {low:.0f}-{high:.0f}"
            used = of & (where == name)
            if used.sum() < FEWEST:
                used = of & (hands.sexes == sex)
            if used.any():
                table[name] = (quantile(values[used]), int(used.sum()))
    return table


def interval_score(low: NDArray[np.float64], high: NDArray[np.float64], truth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Width plus what is missed, weighted by coverage (Gneiting and Raftery 2007) [N]; smaller is better."""
    missed = np.maximum(low - truth, 0) + np.maximum(truth - high, 0)
    return np.asarray(high - low + 2 / (1 - COVERAGE) * missed)


def bounds(
    method: str, hands: HeldOut, m: Moments, fitted: dict[str, tuple[float, int]], correlation: float, floor: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(low, high) months [N] of a method, inside birth and the table's end."""
    q = np.array([fitted.get(c, (np.nan, 0))[0] for c in m.cell])
    if method == "joint":  # as `boneage_desk.reading.interval.stretched`, all hands at once
        reach = q * m.spread(correlation, floor)
        low, high = np.empty(len(q)), np.empty(len(q))
        for s in "FM":
            of, (ages, scores) = hands.sexes == s, curve(sex_of(s))
            low[of], high[of] = (np.interp((m.total + way * reach)[of], scores, ages) for way in (-1, 1))
        low, high = np.minimum(low, hands.given), np.maximum(high, hands.given)
    else:
        half = q * (m.spread(correlation, floor) / m.slope if method == "scaled" else 1.0)
        low, high = hands.given - half, hands.given + half
    return np.maximum(low, 0), np.minimum(high, hands.ends)


def standardised(method: str, hands: HeldOut, m: Moments, correlation: float, floor: float) -> NDArray[np.float64]:
    """The error [N] in units of what the method multiplies."""
    if method == "joint":
        return (m.truth - m.total) / m.spread(correlation, floor)
    return hands.errors / (m.spread(correlation, floor) / m.slope if method == "scaled" else 1.0)


def choose(method: str, hands: HeldOut, m: Moments, of: NDArray[np.bool_]) -> tuple[float, float]:
    """Correlation and floor in months with the best interval score on the hands ``of``, see FLOOR_COST."""
    if method == "fixed":
        return 0.0, 0.0
    scores = {}
    for floor in FLOORS:
        for correlation in CORRELATIONS:
            table = factors(hands, m.cell, standardised(method, hands, m, correlation, floor), of)
            low, high = bounds(method, hands, m, table, correlation, floor)
            scores[correlation, floor] = float(np.nanmean(interval_score(low, high, hands.clipped)[of]))
    best = min(scores.values())
    return max((k for k, v in scores.items() if v <= FLOOR_COST * best), key=lambda k: (k[1], -scores[k]))


def cross_fitted(method: str, hands: HeldOut, m: Moments, measured: NDArray[np.bool_]) -> dict[str, NDArray[np.float64]]:
    """Bounds [N] of every hand by what the other folds gave; ``measured`` [N]: hands that have an interval at all."""
    fold = np.random.default_rng(0).permutation(len(hands.labels)) % FOLDS
    low, high = np.empty(len(fold)), np.empty(len(fold))
    for k in range(FOLDS):
        fit, test = measured & (fold != k), fold == k
        correlation, floor = choose(method, hands, m, fit)
        table = factors(hands, m.cell, standardised(method, hands, m, correlation, floor), fit)
        a, b = bounds(method, hands, m, table, correlation, floor)
        low[test], high[test] = a[test], b[test]
    return {"low": low, "high": high}


def inside_table(hands: HeldOut) -> NDArray[np.bool_]:
    """Hands [N] whose bone age is a number and no bound ('< 1 y', '>= 17 y'): only these are given an interval."""
    return (hands.given >= 12.0) & (hands.given < hands.ends)


def coverage_tables(hands: HeldOut, m: Moments, got: dict[str, NDArray[np.float64]]) -> dict[str, Any]:
    """Coverage and width by sex and band of the bone age given, by 2-year band of the label, by the doubt told."""
    has = inside_table(hands)
    low, high, truth = got["low"], got["high"], hands.clipped
    hit, width = (low - 1e-9 <= truth) & (truth <= high + 1e-9), high - low

    def of(mask: NDArray[np.bool_]) -> dict[str, float]:
        k = mask & has
        return {"hands": int(k.sum()), "coverage": float(hit[k].mean()), "width_months": float(width[k].mean())}

    where, years = m.cell, (hands.labels // 24).astype(int)
    doubt = np.sqrt(m.apart) / m.slope
    third = np.digitize(doubt, np.quantile(doubt[has], [1 / 3, 2 / 3]))
    return {
        "all": of(has), "sharp": of(hands.sharp),
        "interval_score_months": float(interval_score(low, high, truth)[has].mean()),
        "by_sex_and_band_given": {
            c: of(where == c) for s in "FM" for low, high in BANDS
            if (has & (where == (c := f"{s} {low:.0f}-{high:.0f}"))).any()
        },
        "by_sex_and_label": {
            f"{s} {24 * y}-{24 * y + 24}": of(k)
            for s in "FM" for y in range(10) if (has & (k := (hands.sexes == s) & (years == y))).any()
        },
        "by_third_of_doubt": {n: of(third == k) for k, n in enumerate(("least", "middle", "most"))},
    }  # fmt: skip


def residual_correlation(hands: HeldOut) -> float:
    """Mean correlation of two bones' errors of expected grade against the share target, over the hands."""
    c = np.corrcoef((hands.expected - hands.targets).T)
    return float(c[~np.eye(len(c), dtype=bool)].mean())


def evaluate_interval(hands: HeldOut) -> dict[str, Any]:
    """The candidates' cross-fitted measures, the joint one's tables, and the card's table fitted on all hands."""
    m, has = moments(hands), inside_table(hands)
    methods = {name: coverage_tables(hands, m, cross_fitted(name, hands, m, has)) for name in ("fixed", "scaled", "joint")}
    correlation, floor = choose("joint", hands, m, has)
    joint_table = factors(hands, m.cell, standardised("joint", hands, m, correlation, floor), has)
    fixed = factors(hands, m.cell, hands.errors, has)
    bands = [
        {
            "sex": name[0], "from_months": low, "to_months": high, "half_width_months": round(fixed[name][0], 1),
            "hands": joint_table[name][1], "factor": round(joint_table[name][0], 3),
            "coverage_measured": _coverage(methods["joint"], name),
        }
        for s in "FM" for low, high in BANDS if (name := f"{s} {low:.0f}-{high:.0f}") in joint_table
    ]  # fmt: skip
    return {
        "card": {
            "coverage": COVERAGE, "correlation": correlation, "floor_months": floor,
            "source": "conformal, on films held out, against Greulich-Pyle labels; joint spread of the grades",
            "bands": bands,
        },
        "residual_correlation": residual_correlation(hands),
        "hands_with_an_interval": int(has.sum()), "hands_at_the_tables_end": int((~has).sum()),
        "methods": {
            n: {"coverage": v["all"]["coverage"], "mean_width_months": v["all"]["width_months"],
                "interval_score_months": v["interval_score_months"],
                "coverage_by_third_of_doubt": {k: r["coverage"] for k, r in v["by_third_of_doubt"].items()},
                "least_coverage_of_a_band": min(r["coverage"] for r in v["by_sex_and_band_given"].values())}
            for n, v in methods.items()
        },
        "joint": methods["joint"],
    }  # fmt: skip


def _coverage(tables: dict[str, Any], cell: str) -> float:
    return round(tables["by_sex_and_band_given"].get(cell, {"coverage": 0.0})["coverage"], 3)
