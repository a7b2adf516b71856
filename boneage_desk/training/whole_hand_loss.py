"""What each whole-hand system is trained by. A loss takes the network's outputs and the labels; months on [B]."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from boneage_desk.engines.networks.whole_hand import Outputs

Loss = Callable[[Outputs, Tensor, Tensor], tuple[Tensor, dict[str, Tensor]]]
"""(outputs, months [B], male [B]) -> (loss, its parts for the log)."""
LABEL_SD_MONTHS = 5.0
"""Spread of the label's distribution: two readers of one film differ by about as much."""
SEX_WEIGHT = 0.4


def age_loss(found: Outputs, months: Tensor, male: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Systems 3 and 5: mean absolute error, in years so that the rate suits every system."""
    years = (found.months - months).abs().mean() / 12
    return years, {"years": years.detach()}


def dual_loss(found: Outputs, months: Tensor, male: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """System 4: mean absolute error in years and cross-entropy of the sex."""
    if found.sex_logit is None:
        raise ValueError("this network gives no sex")
    years = (found.months - months).abs().mean() / 12
    sex = F.binary_cross_entropy_with_logits(found.sex_logit, male)
    right = ((found.sex_logit > 0) == (male > 0.5)).float().mean()
    return years + SEX_WEIGHT * sex, {"years": years.detach(), "sex": sex.detach(), "sex_right": right}


def label_distribution(months: Tensor, bins: int) -> Tensor:
    """Normal distributions [B, bins] round labels [B], over months 0..bins-1."""
    at = torch.arange(bins, device=months.device, dtype=torch.float32)
    return torch.softmax(-((at - months[:, None]) ** 2) / (2 * LABEL_SD_MONTHS**2), 1)


def distribution_loss(found: Outputs, months: Tensor, male: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Ours: cross-entropy with the label's distribution, and the mean's absolute error in years."""
    if found.bins is None:
        raise ValueError("this network gives no distribution over months")
    wanted = label_distribution(months, found.bins.shape[1])
    cross = -(wanted * torch.log_softmax(found.bins, 1)).sum(1).mean()
    years = (found.months - months).abs().mean() / 12
    return 0.3 * cross + years, {"years": years.detach(), "cross": cross.detach()}
