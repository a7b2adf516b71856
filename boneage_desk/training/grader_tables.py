"""Tables of the grader's evaluation: plain values out of `HeldOut` and of crops whose grade is printed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from boneage_desk.standards.rus_chn import BONES
from boneage_desk.training.grader_batches import Hands
from boneage_desk.training.held_out import HeldOut, months_of
from boneage_desk.training.targets import MAX_GRADE, months_of_grades, sex_of, share_target

YEARS = 24.0  # months of a band


def errors(e: NDArray[np.float64]) -> dict[str, Any]:
    """Hands, MAE, RMSE, bias and the bias' 95 % half width of errors [N] in months."""
    return {
        "hands": len(e), "mae_months": float(np.abs(e).mean()), "rmse_months": float(np.sqrt((e**2).mean())),
        "bias_months": float(e.mean()), "within_12_months": float((np.abs(e) <= 12).mean()),
        "bias_half_width_months": float(1.96 * e.std(ddof=1) / np.sqrt(len(e))) if len(e) > 1 else None,
    }  # fmt: skip


def by_two_years(hands: HeldOut, of: NDArray[np.float64]) -> dict[str, dict[str, Any]]:
    """`errors` by sex and 2-year band of ``of`` [N] in months (labels, or bone ages given)."""
    band = (of // YEARS).astype(int)
    return {
        f"{s} {YEARS * k:.0f}-{YEARS * (k + 1):.0f}": errors(hands.errors[of])
        for s in "FM" for k in range(int(band.max()) + 1) if (of := (hands.sexes == s) & (band == k)).any()
    }  # fmt: skip


def bone_age(hands: HeldOut) -> dict[str, Any]:
    """Errors of the bone age overall and in bands; labels past the table's end clipped to it, once also unclipped."""
    bands = by_two_years(hands, hands.labels)
    full = [r for r in bands.values() if r["hands"] >= 20]
    mean = months_of(hands.expected, hands.sexes) - hands.clipped
    return {
        "all": errors(hands.errors), "sharp": errors(hands.errors[hands.sharp]) if hands.sharp.any() else None,
        "blurred": errors(hands.errors[~hands.sharp]) if (~hands.sharp).any() else None,
        "by_sex": {s: errors(hands.errors[of]) for s in "FM" if (of := hands.sexes == s).any()},
        "labels_not_clipped": errors(hands.given - hands.labels),
        "labels_past_the_tables_end": int((hands.labels > hands.ends).sum()),
        "from_mean_grades": errors(mean),
        "by_sex_and_label": bands, "by_sex_and_age_given": by_two_years(hands, hands.given),
        "bands_of_20_hands": len(full), "bands_within_3_months_bias": sum(abs(r["bias_months"]) <= 3 for r in full),
    }  # fmt: skip


def rates(e: NDArray[np.int64]) -> dict[str, float]:
    """Exact, within one and bias of grade errors [N]."""
    return {
        "crops": len(e), "exact": float((e == 0).mean()), "within_one": float((abs(e) <= 1).mean()),
        "bias_grades": float(e.mean()),
    }  # fmt: skip


def agreement(hands: HeldOut) -> dict[str, Any]:
    """Grades against the share target (rounded), and the distance of the mean grade from it."""
    e = hands.grades - np.rint(hands.targets).astype(int)
    far = np.abs(hands.expected - hands.targets)
    return {
        "all": {**rates(e.ravel()), "mae_grades": float(far.mean())},
        "by_bone": {b: {**rates(e[:, k]), "mae_grades": float(far[:, k].mean())} for k, b in enumerate(BONES)},
    }


def spearman(hands: HeldOut) -> dict[str, float]:
    """Rank correlation of the mean grade with the label by bone, mean of the sexes (ties share their rank)."""
    result = {}
    for k, bone in enumerate(BONES):
        values = [
            np.corrcoef(_ranks(hands.expected[of, k]), _ranks(hands.labels[of]))[0, 1]
            for s in "MF" if (of := hands.sexes == s).sum() > 2
        ]  # fmt: skip
        result[bone] = float(np.mean(values))
    return result


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _, which, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[which]


def without_image(stored: Hands, hands: HeldOut) -> dict[str, Any]:
    """The baseline that looks at no image: of every bone the middle share target of the sex's training films.

    What the images bring: the baseline's error less the grader's, in months and in grades.
    """
    train = stored.where(validation=False)
    ids = {stored.rows[k]["id"]: k for k in train}  # a film counts once, however often it is stored
    of = np.array(list(ids.values()))
    sexes = np.array([str(stored.rows[k]["sex"]) for k in of])
    typical = {s: np.median(stored.targets[of[sexes == s]], axis=0) for s in np.unique(sexes)}
    guess = np.array([typical[s] for s in hands.sexes])
    e = np.rint(guess).astype(int) - np.rint(hands.targets).astype(int)
    age = errors(months_of(guess, hands.sexes) - hands.clipped)
    seen, there = agreement(hands)["all"], errors(hands.errors)
    far = float(np.abs(guess - hands.targets).mean())
    grade = {**rates(e.ravel()), "mae_grades": far}
    return {
        "baseline": "the middle grade of the sex's training films for every bone; no image",
        "training_films": len(of), "bone_age": age, "grades": grade,
        "images_take_off_months_mae": age["mae_months"] - there["mae_months"],
        "images_take_off_share_of_mae": 1 - there["mae_months"] / age["mae_months"],
        "images_take_off_grades_mae": far - seen["mae_grades"],
        "images_add_exact": seen["exact"] - grade["exact"], "images_add_within_one": seen["within_one"] - grade["within_one"],
    }  # fmt: skip


def typical_of_age(truth: NDArray[np.int64], sex: str) -> NDArray[np.int64]:
    """Grades [13] typical for the bone age that true grades [13] give: what a reader of the age alone would say."""
    months = months_of_grades(truth.astype(float), sex_of(sex))
    return np.rint(share_target(months, sex_of(sex))).astype(int)


def offset_by_printed(bias: dict[str, list[int]], kinds: dict[str, list[str]]) -> dict[str, Any]:
    """How many months older (+) the printed examples' scale reads than the grader's, if its error on them holds on films.

    bias: class -> errors in grades on the printed examples (grader minus print) of its middle grades; kinds: class ->
    its bones. The films' labels are Greulich-Pyle readings and the grader is trained to return them through the
    Chinese-05 table, so the films alone cannot tell the offset of the two standards; the printed examples are the one
    anchor. The half width is of the examples' number alone (bootstrap), not of their choice.
    """
    rng = np.random.default_rng(0)
    result: dict[str, Any] = {}
    for s in "FM":
        for months in (72, 96, 120, 144, 168):
            target = share_target(months, sex_of(s)).astype(float)
            draws = []
            for n in range(201):
                shift = np.zeros(len(BONES))
                for kind, bones in kinds.items():
                    values = np.array(bias[kind]) if n == 0 else rng.choice(bias[kind], len(bias[kind]))
                    shift[[BONES.index(b) for b in bones]] = values.mean()
                draws.append(months_of_grades(np.clip(target - shift, 0, MAX_GRADE), sex_of(s)) - months)
            result[f"{s} {months}"] = {
                "offset_months": round(float(draws[0]), 1), "half_width_months": round(1.96 * float(np.std(draws[1:])), 1),
            }  # fmt: skip
    return result
