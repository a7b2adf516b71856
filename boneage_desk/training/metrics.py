"""What an evaluation of a site's films is told by. Numpy only; a figure that does not exist is None, never 0."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boneage_desk.standards import rus_chn
from boneage_desk.standards.rus_chn import BONES, STANDARD_ID
from boneage_desk.standards.types import Qualifier, Sex

YEARS = (0.5, 1.0, 1.5, 2.0)
IOUS = tuple(round(0.5 + 0.05 * k, 2) for k in range(10))


@dataclass(frozen=True, slots=True)
class Graded:
    """One bone that a reader graded and the model read. probabilities: over the bone's grades, sum 1."""

    bone: str
    truth: int
    probabilities: tuple[float, ...]

    @property
    def grade(self) -> int:
        """The middle grade, as the program gives it (`engines.networks.grader.middle_grade`)."""
        return min(int((np.cumsum(self.probabilities) < 0.5).sum()), len(self.probabilities) - 1)


@dataclass(frozen=True, slots=True)
class Aged:
    """Bone ages of one film in months: the reference and what the model's 13 grades give.

    open_ended: one of the two is only a bound ('< 1 y', '>= 17 y'), taken at the bound.
    """

    sex: Sex
    reference: float
    read: float
    open_ended: bool

    @property
    def error(self) -> float:
        """Model minus reference, months."""
        return self.read - self.reference


def wilson(hits: int, total: int) -> list[float] | None:
    """95 % interval of a share."""
    if not total:
        return None
    z, p = 1.96, hits / total
    middle, half = p + z * z / (2 * total), z * math.sqrt(p * (1 - p) / total + z * z / (4 * total * total))
    return [round(max(0.0, (middle - half) / (1 + z * z / total)), 4), round(min(1.0, (middle + half) / (1 + z * z / total)), 4)]


def quadratic_kappa(matrix: NDArray[np.int64]) -> float | None:
    """Quadratic weighted kappa of a confusion matrix [K, K]; None where chance agreement leaves nothing to explain."""
    n = matrix.sum()
    if not n:
        return None
    k = np.arange(len(matrix))
    weight = (k[:, None] - k[None, :]) ** 2
    by_chance = np.outer(matrix.sum(1), matrix.sum(0)) / n
    expected = float((weight * by_chance).sum())
    return None if expected == 0 else 1.0 - float((weight * matrix).sum()) / expected


def confusion(graded: Sequence[Graded], bone: str) -> NDArray[np.int64]:
    """Counts [truth, model] of one bone over its grades."""
    top = rus_chn.max_grade(bone) + 1
    matrix = np.zeros((top, top), np.int64)
    for g in graded:
        if g.bone == bone:
            matrix[g.truth, g.grade] += 1
    return matrix


def reliability(graded: Sequence[Graded], bins: int = 10) -> dict[str, Any] | None:
    """Expected calibration error of the most probable grade, and its bins of equal numbers (said, was, n)."""
    if not graded:
        return None
    said = np.array([max(g.probabilities) for g in graded])
    was = np.array([g.grade == g.truth for g in graded], float)
    order = np.argsort(said, kind="stable")
    rows = [
        {"said": float(said[part].mean()), "was": float(was[part].mean()), "n": len(part)}
        for part in np.array_split(order, min(bins, len(order)))
    ]
    return {"expected_calibration_error": sum(abs(r["said"] - r["was"]) * r["n"] for r in rows) / len(said), "bins": rows}


def grade_metrics(graded: Sequence[Graded]) -> dict[str, Any]:
    """Exact, within one, bias and quadratic weighted kappa, over all and by bone, with confusion matrices.

    ``kappa_mean``: mean over the bones that have a kappa; grades of different bones are not pooled for it.
    """
    by_bone = {}
    for bone in BONES:
        of = [g for g in graded if g.bone == bone]
        matrix = confusion(of, bone)
        by_bone[bone] = _rates(of) | {"kappa": quadratic_kappa(matrix), "confusion": matrix.tolist()}
    kappas = [r["kappa"] for r in by_bone.values() if r["kappa"] is not None]
    pooled = _rates(graded)
    return pooled | {
        "exact_95": wilson(sum(g.grade == g.truth for g in graded), len(graded)),
        "within_one_95": wilson(sum(abs(g.grade - g.truth) <= 1 for g in graded), len(graded)),
        "kappa_mean": float(np.mean(kappas)) if kappas else None,
        "calibration": reliability(graded),
        "bones": by_bone,
    }


def _rates(graded: Sequence[Graded]) -> dict[str, Any]:
    errors = np.array([g.grade - g.truth for g in graded])
    if not len(errors):
        return {"n": 0, "exact": None, "within_one": None, "bias_grades": None}
    return {
        "n": len(errors), "exact": float((errors == 0).mean()), "within_one": float((np.abs(errors) <= 1).mean()),
        "bias_grades": float(errors.mean()),
    }  # fmt: skip


def age_of(grades: dict[str, int], sex: Sex) -> tuple[float, bool]:
    """Bone age in months of 13 grades through the standard, and whether it is only a bound."""
    age = rus_chn.bone_age(rus_chn.total_score(grades, sex), sex)
    return age.months, age.qualifier is not Qualifier.POINT


def age_metrics(aged: Sequence[Aged]) -> dict[str, Any]:
    """MAE, RMSE, bias, 95 % limits of agreement (Bland and Altman 1986), shares within 0.5 to 2 years, by sex and
    two-year band of the reference; and the points themselves for the plot (months)."""
    bands = {}
    for sex in Sex:
        for low in range(0, 240, 24):
            of = [a for a in aged if a.sex is sex and low <= a.reference < low + 24]
            if of:
                bands[f"{sex} {low // 12}-{low // 12 + 2} y"] = _ages(of)
    return _ages(aged) | {
        "standard": STANDARD_ID,
        "by_sex": {str(sex): _ages([a for a in aged if a.sex is sex]) for sex in Sex},
        "by_band": bands,
        "points": [{"sex": str(a.sex), "reference": round(a.reference, 2), "read": round(a.read, 2)} for a in aged],
    }


def _ages(aged: Sequence[Aged]) -> dict[str, Any]:
    if not aged:
        return {"n": 0}
    e = np.array([a.error for a in aged])
    spread = float(e.std(ddof=1)) if len(e) > 1 else None
    limits = None if spread is None else [float(e.mean() - 1.96 * spread), float(e.mean() + 1.96 * spread)]
    return {
        "n": len(e), "open_ended": sum(a.open_ended for a in aged),
        "mae_months": float(np.abs(e).mean()), "rmse_months": float(np.sqrt((e**2).mean())),
        "bias_months": float(e.mean()), "sd_months": spread, "limits_of_agreement_months": limits,
        "within_years": {f"{y:g}": float((np.abs(e) <= 12 * y + 1e-9).mean()) for y in YEARS},
    }  # fmt: skip


# ---------------------------------------------------------------------------------------- boxes
Box = tuple[float, float, float, float]
Found = tuple[str, Box, float]


def iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes x0 y0 x1 y1."""
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    inter = max(w, 0.0) * max(h, 0.0)
    both = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inter
    return inter / both if both > 0 else 0.0


def box_metrics(films: Sequence[tuple[Sequence[Found], dict[str, Box]]]) -> dict[str, Any]:
    """mAP50, mAP75 and mAP50-95 over the bones that have truth, and each bone's own.

    films: for each the detections (bone, box, confidence) and the truth by bone. 101-point interpolation, as COCO.
    """
    by_bone = {}
    for bone in BONES:
        rows, total = [], sum(bone in truth for _, truth in films)
        for found, truth in films:
            rows += _hits(bone, found, truth)
        ap = {t: _average_precision([(c, hit[k]) for c, hit in rows], total) for k, t in enumerate(IOUS)}
        mean = None if not total else float(np.mean([v for v in ap.values() if v is not None]))
        by_bone[bone] = {"n": total, "AP50": ap[0.5], "AP75": ap[0.75], "AP50-95": mean}
    overall = {}
    for name in ("AP50", "AP75", "AP50-95"):
        values = [r[name] for r in by_bone.values() if r[name] is not None]
        overall["m" + name] = float(np.mean(values)) if values else None
    return overall | {"bones": by_bone}


def _hits(bone: str, found: Sequence[Found], truth: dict[str, Box]) -> list[tuple[float, list[bool]]]:
    """Confidence of each detection of ``bone`` and, per IoU, whether it is the first to hit the true box."""
    free = [True] * len(IOUS)
    rows = []
    for _, box, confidence in sorted((d for d in found if d[0] == bone), key=lambda d: -d[2]):
        overlap = iou(box, truth[bone]) if bone in truth else 0.0
        hit = [f and overlap >= t for f, t in zip(free, IOUS, strict=True)]
        free = [f and not h for f, h in zip(free, hit, strict=True)]
        rows.append((confidence, hit))
    return rows


def _average_precision(rows: list[tuple[float, bool]], total: int) -> float | None:
    if not total:
        return None
    ordered = np.array([hit for _, hit in sorted(rows, key=lambda r: -r[0])], bool)
    recall, precision = np.cumsum(ordered) / total, np.cumsum(ordered) / np.arange(1, len(ordered) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    places = np.searchsorted(recall, np.linspace(0, 1, 101), side="left")
    return float(np.mean([best[k] if k < len(best) else 0.0 for k in places]))
