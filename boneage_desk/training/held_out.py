"""What the grader said of hands held out, as arrays that every table of its evaluation is made from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from boneage_desk.standards import rus_chn
from boneage_desk.training.grader_batches import Hands
from boneage_desk.training.targets import months_of_grades, sex_of


@dataclass(frozen=True)
class HeldOut:
    """N hands: P [N, 13, 15] of each grade, sexes [N] ('M', 'F'), labels [N] in months as the film has them, share
    targets [N, 13], sharp [N] (half-size film; else the 299 px one)."""

    p: NDArray[np.float64]
    sexes: NDArray[np.str_]
    labels: NDArray[np.float64]
    targets: NDArray[np.float32]
    sharp: NDArray[np.bool_]

    @cached_property
    def grades(self) -> NDArray[np.int64]:
        """The middle grade [N, 13] of its probabilities: the one that the program gives."""
        return (self.p.cumsum(-1) < 0.5).sum(-1).clip(max=self.p.shape[-1] - 1)

    @cached_property
    def expected(self) -> NDArray[np.float64]:
        """Mean grade index [N, 13]."""
        return self.p @ np.arange(self.p.shape[-1])

    @cached_property
    def given(self) -> NDArray[np.float64]:
        """Bone age [N] in months of the middle grades, as the program gives it."""
        return months_of(self.grades.astype(float), self.sexes)

    @cached_property
    def ends(self) -> NDArray[np.float64]:
        """Where the standard's table ends for the hand's sex [N], months: older than this it only says '>='."""
        return np.array([rus_chn.knots(sex_of(s))[-1][0] for s in self.sexes])

    @cached_property
    def clipped(self) -> NDArray[np.float64]:
        """The labels [N], those past the table's end taken at the end."""
        return np.minimum(self.labels, self.ends)

    @property
    def errors(self) -> NDArray[np.float64]:
        """Bone age given minus clipped label [N], months."""
        return self.given - self.clipped

    def part(self, of: NDArray[np.bool_]) -> HeldOut:
        """The hands chosen by a mask [N]."""
        return HeldOut(self.p[of], self.sexes[of], self.labels[of], self.targets[of], self.sharp[of])


def months_of(grades: NDArray[np.float64], sexes: NDArray[np.str_]) -> NDArray[np.float64]:
    """Bone ages [N] in months of grades [N, 13]."""
    return np.array([months_of_grades(g, sex_of(str(s))) for g, s in zip(grades, sexes, strict=True)])


def held_out(hands: Hands, indices: NDArray[np.intp], p: NDArray[np.float64]) -> HeldOut:
    """Probabilities [N, 13, 15] of the stored hands ``indices`` with what is known of them."""
    rows = [hands.rows[k] for k in indices]
    return HeldOut(
        p,
        np.array([str(r["sex"]) for r in rows]),
        np.array([float(str(r["months"])) for r in rows]),
        hands.targets[indices],
        np.array([r["source"] == "half" for r in rows]),
    )


@dataclass(frozen=True)
class Outputs:
    """The network's own numbers: latent grades [N, 13] and cumulative logits [N, 13, 14], uncalibrated."""

    indices: NDArray[np.intp]
    latent: NDArray[np.float64]
    logits: NDArray[np.float64]

    def save(self, path: Path, key: str) -> None:
        """Write them under ``key`` (see `outputs_key`)."""
        np.savez_compressed(
            path, key=np.array(key), indices=self.indices,
            latent=self.latent.astype(np.float32), logits=self.logits.astype(np.float32),
        )  # fmt: skip


def load_outputs(path: Path, key: str) -> Outputs | None:
    """What was saved under the same key, or None."""
    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as z:
        if str(z["key"]) != key:
            return None
        return Outputs(z["indices"], z["latent"].astype(np.float64), z["logits"].astype(np.float64))


def outputs_key(weights: Path, hands: Hands, indices: NDArray[np.intp], views: int) -> str:
    """What the outputs depend on, as one text."""
    of = hashlib.sha256(weights.read_bytes())
    of.update(repr([(hands.rows[k]["id"], hands.rows[k]["source"]) for k in indices]).encode())
    return f"{of.hexdigest()}-{views}"
