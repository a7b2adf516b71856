"""How two readings of the same films agree: intraclass correlation, limits of agreement, coverage, sex.

Numpy only. A figure that does not exist is None, never 0. All ages are in months.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boneage_desk.training.metrics import YEARS, quadratic_kappa, wilson

Z = 1.959964


# ------------------------------------------------------------------------------- distributions
def beta_share(x: float, a: float, b: float) -> float:
    """Regularised incomplete beta function I_x(a, b) by its continued fraction (Abramowitz and Stegun 26.5.8)."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):  # the other tail converges faster
        return 1.0 - beta_share(1 - x, b, a)
    value, c, d = 1.0, 1e300, 1.0  # Lentz's way of working it out from the front, after its first term
    for k in range(1, 5000):
        m, odd = divmod(k, 2)
        if odd:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d, c = 1.0 / _not_zero(1.0 + term * d), _not_zero(1.0 + term / c)
        value *= c * d
        if abs(c * d - 1.0) < 1e-14:
            break
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(front) * value / a


def _not_zero(value: float) -> float:
    return value if abs(value) > 1e-300 else 1e-300


def f_quantile(share: float, df1: float, df2: float) -> float:
    """The value that an F distribution with ``df1`` and ``df2`` degrees of freedom stays below with chance ``share``."""
    low, high = 0.0, 1.0
    for _ in range(200):  # in x = df1 f / (df1 f + df2), which lies between 0 and 1
        middle = (low + high) / 2
        low, high = (middle, high) if beta_share(middle, df1 / 2, df2 / 2) < share else (low, middle)
    x = (low + high) / 2
    return math.inf if x >= 1 else df2 * x / (df1 * (1 - x))


def t_quantile(df: float) -> float:
    """The 97.5 % point of Student's t."""
    return math.sqrt(f_quantile(0.95, 1, df))


# ------------------------------------------------------------------------------------ two ages
def icc(ratings: NDArray[np.float64]) -> dict[str, Any] | None:
    """ICC(2,1) of ratings [films, raters] with its 95 % interval; None below three films or without any spread.

    Two-way random effects, absolute agreement, single rater: Shrout and Fleiss 1979; the interval as there and as
    ICC(A,1) of McGraw and Wong 1996.
    """
    n, k = ratings.shape
    if n < 3 or k < 2:
        return None
    mean = ratings.mean()
    rows, columns = ratings.mean(1), ratings.mean(0)
    between = float(k * ((rows - mean) ** 2).sum() / (n - 1))
    raters = float(n * ((columns - mean) ** 2).sum() / (k - 1))
    rest = float(((ratings - rows[:, None] - columns[None, :] + mean) ** 2).sum() / ((n - 1) * (k - 1)))
    whole = between + (k - 1) * rest + k * (raters - rest) / n
    if whole <= 0:
        return None
    r = (between - rest) / whole
    if r > 1 - 1e-12:
        return {"value": 1.0, "interval_95": None}
    a, b = k * r / (n * (1 - r)), 1 + k * r * (n - 1) / (n * (1 - r))
    v = (a * raters + b * rest) ** 2 / ((a * raters) ** 2 / (k - 1) + (b * rest) ** 2 / ((n - 1) * (k - 1)))
    over, under = f_quantile(0.975, n - 1, v), f_quantile(0.975, v, n - 1)
    others = k * raters + (k * n - k - n) * rest
    low = n * (between - over * rest) / (over * others + n * between)
    high = n * (under * between - rest) / (others + n * under * between)
    return {"value": r, "interval_95": [low, high]}


def bland_altman(errors: NDArray[np.float64]) -> dict[str, Any] | None:
    """Bias and 95 % limits of agreement of differences [N], each with its 95 % interval; None below two films.

    Bland and Altman 1986; the standard error of a limit as in Bland and Altman 1999,
    s sqrt(1/n + 1.96^2 / (2 (n - 1))).
    """
    n = len(errors)
    if n < 2:
        return None
    bias, sd, t = float(errors.mean()), float(errors.std(ddof=1)), t_quantile(n - 1)
    of_bias, of_limit = t * sd / math.sqrt(n), t * sd * math.sqrt(1 / n + Z**2 / (2 * (n - 1)))
    limits = [bias - 1.96 * sd, bias + 1.96 * sd]
    return {
        "bias_months": bias, "bias_95": [bias - of_bias, bias + of_bias], "sd_months": sd,
        "limits_months": limits, "limits_95": [[x - of_limit, x + of_limit] for x in limits],
    }  # fmt: skip


def age_figures(reference: NDArray[np.float64], read: NDArray[np.float64]) -> dict[str, Any]:
    """MAE, RMSE, bias, SD, shares within 0.5 to 2 years (Wilson intervals), limits of agreement and ICC(2,1) of
    ages [N] against references [N]; ``{"n": 0}`` of none."""
    errors = read - reference
    n = len(errors)
    if not n:
        return {"n": 0}
    size = np.abs(errors)
    hits = {f"{y:g}": int((size <= 12 * y + 1e-9).sum()) for y in YEARS}
    return {
        "n": n, "mae_months": float(size.mean()), "mae_95": mean_interval(size, least=0.0),
        "rmse_months": float(np.sqrt((errors**2).mean())),
        "bias_months": float(errors.mean()), "sd_months": float(errors.std(ddof=1)) if n > 1 else None,
        "within_years": {y: h / n for y, h in hits.items()}, "within_years_95": {y: wilson(h, n) for y, h in hits.items()},
        "bland_altman": bland_altman(errors), "icc_2_1": icc(np.stack([reference, read], 1)),
    }  # fmt: skip


def mean_interval(values: NDArray[np.float64], least: float = -math.inf) -> list[float] | None:
    """95 % interval of a mean by Student's t, over films taken as independent, not below ``least``; None below two."""
    if len(values) < 2:
        return None
    half = t_quantile(len(values) - 1) * float(values.std(ddof=1)) / math.sqrt(len(values))
    return [max(least, float(values.mean()) - half), float(values.mean()) + half]


def coverage(reference: NDArray[np.float64], intervals: Sequence[Sequence[float] | None]) -> dict[str, Any] | None:
    """How many references [N] lie inside their interval (low, high), ends included; None where no film has one."""
    pairs = [(r, i) for r, i in zip(reference, intervals, strict=True) if i is not None]
    if not pairs:
        return None
    hits = sum(i[0] - 1e-9 <= r <= i[1] + 1e-9 for r, i in pairs)
    return {
        "n": len(pairs), "without": len(reference) - len(pairs), "coverage": hits / len(pairs),
        "coverage_95": wilson(hits, len(pairs)), "mean_width_months": float(np.mean([i[1] - i[0] for _, i in pairs])),
    }  # fmt: skip


# ------------------------------------------------------------------------------------------ sex
def auc(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> dict[str, Any] | None:
    """Area under the ROC curve as the Mann-Whitney share, ties by half; 95 % interval with the standard error of
    Hanley and McNeil 1982 (normal, so it may be wide of the mark near 1). None with one class only."""
    yes, no = scores[truth], scores[~truth]
    if not len(yes) or not len(no):
        return None
    area = float(((yes[:, None] > no[None, :]) + 0.5 * (yes[:, None] == no[None, :])).mean())
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    spread = area * (1 - area) + (len(yes) - 1) * (q1 - area**2) + (len(no) - 1) * (q2 - area**2)
    error = math.sqrt(max(spread, 0.0) / (len(yes) * len(no)))
    return {"value": area, "standard_error": error, "interval_95": [max(0.0, area - Z * error), min(1.0, area + Z * error)]}


def sex_figures(male_probability: NDArray[np.float64], male: NDArray[np.bool_]) -> dict[str, Any] | None:
    """Accuracy at one half, AUC and Cohen's kappa (1960) of a sex output [N] against the sex on record [N]."""
    if not len(male):
        return None
    said = male_probability >= 0.5
    matrix = np.array([[int((~male & ~said).sum()), int((~male & said).sum())], [int((male & ~said).sum()), int((male & said).sum())]])
    right = int((said == male).sum())
    return {
        "n": len(male), "accuracy": right / len(male), "accuracy_95": wilson(right, len(male)),
        "auc": auc(male_probability, male), "kappa": quadratic_kappa(matrix),  # of two classes the weights change nothing
        "confusion": matrix.tolist(), "labels": ["F", "M"],
    }  # fmt: skip


# --------------------------------------------------------------------------------- two models
def compare(reference: NDArray[np.float64], this: NDArray[np.float64], other: NDArray[np.float64]) -> dict[str, Any]:
    """Two models on the same films [N]: how far apart they usually are, and which of them errs less.

    ``usual_difference_months``: 95th percentile of |this - other|, the next larger of two values where it falls
    between them; its 95 % interval by ranks (Conover 1999), None for an end that so few films do not hold.
    ``mae_difference_months``: MAE of this minus MAE of the other, 95 % interval paired by film. ``errors_correlate``:
    Pearson's r of the two errors: 1 says that both err on the same films in the same way.
    """
    n = len(this)
    if not n:
        return {"n": 0}
    apart = np.sort(np.abs(this - other))
    gain = np.abs(this - reference) - np.abs(other - reference)
    one, two = this - reference, other - reference
    r = float(np.corrcoef(one, two)[0, 1]) if n > 2 and one.std() > 0 and two.std() > 0 else None
    return {
        "n": n, "percentile": 95, "usual_difference_months": float(np.quantile(apart, 0.95, method="higher")),
        "usual_difference_95": _rank_interval(apart, 0.95), "median_difference_months": float(np.median(apart)),
        "mean_difference_months": float((this - other).mean()), "agreement": bland_altman(this - other),
        "icc_2_1": icc(np.stack([this, other], 1)),
        "mae_months": float(np.abs(one).mean()), "other_mae_months": float(np.abs(two).mean()),
        "mae_difference_months": float(gain.mean()), "mae_difference_95": mean_interval(gain), "errors_correlate": r,
        "mean_of_both_mae_months": float(np.abs((this + other) / 2 - reference).mean()),
    }  # fmt: skip


def _rank_interval(ordered: NDArray[np.float64], share: float) -> list[float | None]:
    n = len(ordered)
    half = Z * math.sqrt(n * share * (1 - share))
    low, high = math.ceil(n * share - half), math.ceil(n * share + half)
    return [float(ordered[low - 1]) if low >= 1 else None, float(ordered[high - 1]) if high <= n else None]
