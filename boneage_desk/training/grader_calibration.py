"""Calibration of the grader's probabilities on hands held out, and how far off they are.

The truth of a bone is its share target, which lies between two grades and counts for both. One temperature a bone
is not enough (late grades are told apart worse than early ones: error of the worst bone .070 on 1,474 hands), so it is
a cubic of the latent grade (.040), fitted by likelihood on one half of the hands and measured on the other, both ways. A
shift beside it brings no more (.045) and moves grades, so it is left out unless asked for.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from boneage_desk.engines.networks.grader import calibrate
from boneage_desk.standards.rus_chn import BONES
from boneage_desk.training.grader_loss import GRADES, soft_grades
from boneage_desk.training.targets import MAX_GRADE

DEGREE = 3  # of the cubic that `calibrate` knows
TEMPERATURE_DEGREE = 3
SHIFT_DEGREE = -1
BINS = 10
_EXIST = torch.from_numpy(np.arange(GRADES) <= MAX_GRADE[:, None])


def grade_probabilities(
    latent: NDArray[np.float64], logits: NDArray[np.float64], coefficients: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Latent grades [N, 13], cumulative logits [N, 13, 14], coefficients [13, 2, 4] -> P [N, 13, 15] of each grade."""
    with torch.no_grad():
        return _probabilities(*map(torch.from_numpy, (latent, logits, coefficients))).numpy()


def _probabilities(latent: Tensor, logits: Tensor, coefficients: Tensor) -> Tensor:
    top = torch.from_numpy(MAX_GRADE).to(latent.dtype)
    warped = calibrate(latent, logits, coefficients[None], top)
    at_least = torch.sigmoid(warped) * _EXIST[:, 1:]
    one, none = torch.ones_like(at_least[..., :1]), torch.zeros_like(at_least[..., :1])
    p = (torch.cat([one, at_least], -1) - torch.cat([at_least, none], -1)).clamp(min=1e-9) * _EXIST
    return p / p.sum(-1, keepdim=True)


def soft_targets(targets: NDArray[np.float32]) -> NDArray[np.float64]:
    """Fractional grades [N, 13] -> weights [N, 13, 15] over the grades (two neighbours share)."""
    return soft_grades(torch.from_numpy(np.asarray(targets, np.float64))).numpy()


def fit_calibration(
    latent: NDArray[np.float64],
    logits: NDArray[np.float64],
    targets: NDArray[np.float32],
    temperature: int = TEMPERATURE_DEGREE,
    shift: int = SHIFT_DEGREE,
) -> NDArray[np.float64]:
    """Coefficients [13, 2, 4] (log temperature, shift) of the least cross-entropy against the soft targets.

    temperature, shift: degrees of their polynomials, 0 to 3; -1: none. A little ridge keeps rare grades quiet.
    """
    s, raw, want = (torch.from_numpy(np.asarray(a, np.float64)) for a in (latent, logits, soft_targets(targets)))
    free = torch.zeros(2, DEGREE + 1, dtype=torch.float64)
    free[0, : temperature + 1] = 1
    free[1, : shift + 1] = 1
    c = torch.zeros(len(BONES), 2, DEGREE + 1, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([c], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        value = -(want * _probabilities(s, raw, c * free).clamp(min=1e-9).log()).sum() / len(s)
        value = value + 1e-5 * ((c * free) ** 2).sum()
        value.backward()
        return value

    optimiser.step(loss)
    return (c * free).detach().numpy()


def cross_fitted(
    latent: NDArray[np.float64],
    logits: NDArray[np.float64],
    targets: NDArray[np.float32],
    temperature: int = TEMPERATURE_DEGREE,
    shift: int = SHIFT_DEGREE,
) -> NDArray[np.float64]:
    """P [N, 13, 15], each half of the hands (every second one) by the calibration of the other half."""
    p = np.empty((len(latent), len(BONES), GRADES))
    half = np.arange(len(latent)) % 2
    for k in (0, 1):
        c = fit_calibration(latent[half != k], logits[half != k], targets[half != k], temperature, shift)
        p[half == k] = grade_probabilities(latent[half == k], logits[half == k], c)
    return p


def calibration_error(p: NDArray[np.float64], targets: NDArray[np.float32]) -> tuple[float, dict[str, float]]:
    """Expected calibration error of the most probable grade against the soft targets, overall and by bone."""
    want, best = soft_targets(targets), p.argmax(-1)[..., None]
    said, was = p.max(-1), np.take_along_axis(want, best, -1)[..., 0]
    return _binned(said.ravel(), was.ravel()), {b: _binned(said[:, k], was[:, k]) for k, b in enumerate(BONES)}


def _binned(said: NDArray[np.float64], was: NDArray[np.float64]) -> float:
    """Mean distance of what was said from what was, in ten bins of equally many."""
    bins = np.array_split(np.argsort(said, kind="stable"), BINS)
    return float(sum(abs(said[k].sum() - was[k].sum()) for k in bins) / len(said))
