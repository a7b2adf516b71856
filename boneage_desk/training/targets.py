"""Grade targets without graded films: the share of each bone's maximum at the film's bone age.

Tanner's scores were fitted so that the bones of one child agree, so at total score S each bone sits, on
average, at S/1000 of its own maximum. A film's bone age and sex so give a (fractional) grade for each bone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boneage_desk.standards import rus_chn
from boneage_desk.standards.types import Sex

BONES: tuple[str, ...] = rus_chn.BONES
MAX_GRADE: NDArray[np.int64] = np.array([rus_chn.max_grade(b) for b in BONES])


def sex_of(text: str) -> Sex:
    """'M' or 'F' of the label file."""
    return {"M": Sex.MALE, "F": Sex.FEMALE}[text]


def score_table(sex: Sex) -> NDArray[np.float64]:
    """Scores [13, 15] by bone and grade index, filled on with the bone's last score."""
    rows = [list(map(float, rus_chn.scores(b, sex))) for b in BONES]
    width = max(map(len, rows))
    return np.array([r + [r[-1]] * (width - len(r)) for r in rows])


def curve(sex: Sex) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(months, score) of the median curve, from birth (score 0) on; for training, not for reading."""
    rows = [(0.0, 0.0), *rus_chn.knots(sex)]
    return np.array([r[0] for r in rows]), np.array([r[1] for r in rows])


def share_target(months: float, sex: Sex) -> NDArray[np.float32]:
    """Fractional grade index [13] of each bone at a bone age in months."""
    ages, scores = curve(sex)
    share = float(np.interp(months, ages, scores)) / rus_chn.MAX_SCORE
    out = np.zeros(len(BONES), np.float32)
    for k, bone in enumerate(BONES):
        points = np.array(rus_chn.scores(bone, sex), float)
        out[k] = np.interp(share * points[-1], points, np.arange(len(points)))
    return out


def months_of_grades(grades: NDArray[np.floating], sex: Sex) -> float:
    """Bone age in months of 13 grades (fractions allowed: scores are interpolated), for evaluation."""
    table = score_table(sex)
    total = sum(float(np.interp(g, np.arange(table.shape[1]), row)) for g, row in zip(grades, table, strict=True))
    ages, scores = curve(sex)
    return float(np.interp(total, scores, ages))
