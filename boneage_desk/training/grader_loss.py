"""The grader's loss on whole hands: the terms that the ablation switches one by one.

For hand h and bone b the target is a fractional grade t (see `boneage_desk.training.targets`), so a film at
t = 4.3 speaks for grade 4 with weight .7 and for grade 5 with weight .3.
- order: binary cross-entropy of the cumulative logits on t, each crop weighted by how rare its grade is
  (weighted cross-entropy of Pang 2025, in its ordinal form).
- centre: distance of the features to the centre of their bone's grade, between two centres for a fraction
  (centre loss, Wen 2016, as Pang 2025).
- share: smooth L1 of the latent grade on t.
- age: smooth L1 of the bone age that the thirteen latent grades give through the standard's table.
- plate: cross-entropy of single crops whose grade is printed in the standard.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from boneage_desk.training.targets import MAX_GRADE, curve, score_table, sex_of

GRADES = int(MAX_GRADE.max()) + 1
TERMS = ("order", "centre", "share", "age", "plate")


@dataclass(frozen=True, slots=True)
class LossWeights:
    """Weight of each term of the module's head; 0 leaves it out. rarity: power of the class weights."""

    order: float = 0.5
    centre: float = 0.02
    share: float = 1.0
    age: float = 0.25
    plate: float = 0.5
    rarity: float = 0.5


def soft_grades(targets: Tensor) -> Tensor:
    """Fractional grades [..., 13] -> weights [..., 13, GRADES] over the grades, sum 1."""
    top = torch.tensor(MAX_GRADE, dtype=targets.dtype)
    t = torch.minimum(targets.clamp(min=0), top)
    k = torch.arange(GRADES, dtype=targets.dtype)
    return (1 - (t[..., None] - k).abs()).clamp(min=0)


def class_weights(targets: NDArray[np.float32], drawn: NDArray[np.float64], power: float) -> Tensor:
    """Weight [13, GRADES] of each grade: its share among the hands as they are drawn, to the power -``power``,
    mean 1 over the crops, at most 4 times and at least a quarter of the mean.

    targets [N, 13]; drawn [N] how often a hand is drawn.
    """
    soft = soft_grades(torch.from_numpy(targets).double())
    share = (soft * torch.from_numpy(drawn / drawn.sum())[:, None, None]).sum(0)
    raw = (share + 1e-3) ** -power
    mean = (raw * share).sum(1, keepdim=True)
    return (raw / mean).clamp(0.25, 4.0).float()


class GradeLoss(torch.nn.Module):
    """See the module's head. ``centres``: [13, GRADES, C], a running mean, no gradient."""

    def __init__(self, weights: LossWeights, classes: Tensor | None = None, features: int = 1536) -> None:
        super().__init__()
        self.weights = weights
        self.top = torch.tensor(MAX_GRADE, dtype=torch.float32)
        self.tables = {s: torch.tensor(score_table(sex_of(s)), dtype=torch.float32) for s in "MF"}
        self.curves = {s: [torch.tensor(a, dtype=torch.float32) for a in curve(sex_of(s))] for s in "MF"}
        self.classes = torch.ones(len(MAX_GRADE), GRADES) if classes is None else classes
        self.register_buffer("centres", torch.zeros(len(MAX_GRADE), GRADES, features))
        self.register_buffer("seen", torch.zeros(len(MAX_GRADE), GRADES))

    def months(self, s: Tensor, sex: str) -> Tensor:
        """Bone age in months of latent grades [13], differentiable."""
        table = self.tables[sex]
        g = torch.minimum(s.clamp(min=0), self.top - 1e-4)
        low = g.floor().long()
        a = table.gather(1, low[:, None])[:, 0]
        b = table.gather(1, low[:, None] + 1)[:, 0]
        total = (a + (g - low) * (b - a)).sum()
        ages, scores = self.curves[sex]
        i = int(torch.searchsorted(scores, total.detach()).clamp(1, len(scores) - 1))
        share = (total - scores[i - 1]) / (scores[i] - scores[i - 1])
        return ages[i - 1] + share * (ages[i] - ages[i - 1])

    def _share(self, s: Tensor, target: Tensor, known: Tensor) -> Tensor:
        error = s - target
        beyond = ((target >= self.top - 1e-3) & (error > 0)) | ((target <= 1e-3) & (error < 0))
        error = torch.where(beyond, 0.1 * error, error)
        each = F.smooth_l1_loss(error, torch.zeros_like(error), beta=0.5, reduction="none")
        return (each * known).sum() / known.sum().clamp(min=1)

    def _order(self, logits: Tensor, target: Tensor, rare: Tensor) -> Tensor:
        k = torch.arange(1, logits.shape[-1] + 1, dtype=torch.float32)
        at_least = (target[..., None] - k + 1).clamp(0, 1)
        used = (k <= self.top[:, None]).float().expand_as(logits)
        each = (F.binary_cross_entropy_with_logits(logits, at_least, reduction="none") * used).sum(-1)
        return (each * rare).sum() / (rare > 0).sum().clamp(min=1)

    def _centre(self, features: Tensor, soft: Tensor, known: Tensor) -> Tensor:
        centres, seen = self.centres, self.seen
        with torch.no_grad():
            weight = soft.sum(0)
            mean = torch.einsum("hbg,hbc->bgc", soft, features) / weight.clamp(min=1e-6)[..., None]
            rate = torch.where(seen > 0, 0.1 * weight.clamp(max=1), (weight > 0).float())[..., None]
            centres += rate * (mean - centres)
            seen += weight
        place = torch.einsum("hbg,bgc->hbc", soft, centres)
        each = ((features - place) ** 2).sum(-1).clamp(max=400)
        return (each * known).sum() / known.sum().clamp(min=1)

    def forward(
        self, s: Tensor, logits: Tensor, features: Tensor, target: Tensor, sexes: list[str], months: list[float]
    ) -> tuple[Tensor, dict[str, float]]:
        """s, target [B, 13]; logits [B, 13, 14]; features [B, 13, C] -> loss and its parts.

        A target that is NaN teaches nothing, nor does a bone age that is NaN.
        """
        w = self.weights
        known = torch.isfinite(target)
        target = torch.where(known, target, torch.zeros_like(target))
        soft = soft_grades(target) * known[..., None]
        rare = (soft * self.classes).sum(-1)
        parts = {"order": self._order(logits, target, rare), "share": self._share(s, target, known)}
        if w.centre:
            parts["centre"] = self._centre(features, soft, known)
        dated = [k for k, m in enumerate(months) if math.isfinite(m)]
        if dated:
            ages = torch.stack([self.months(s[k], sexes[k]) for k in dated])
            parts["age"] = F.smooth_l1_loss(ages / 12, torch.tensor([months[k] for k in dated]) / 12, beta=0.25)
        loss = sum((getattr(w, name) * value for name, value in parts.items()), torch.zeros(()))
        return loss, {name: float(value.detach()) for name, value in parts.items()}

    def plate(self, logits: Tensor, bones: Tensor, grades: Tensor) -> Tensor:
        """Cross-entropy of crops with a known grade: logits [N, 14], bones [N], grades [N] (index)."""
        p = torch.sigmoid(logits)
        top = self.top[bones].long()[:, None]
        k = torch.arange(1, logits.shape[-1] + 1)
        p = torch.where(k <= top, p, torch.zeros_like(p))
        edges = torch.cat([torch.ones(len(p), 1), p, torch.zeros(len(p), 1)], 1)
        each = (edges[:, :-1] - edges[:, 1:]).clamp(min=1e-4)
        return -each.gather(1, grades[:, None])[:, 0].log().mean()
