"""What a knee evaluation is told by: the model's errors beside those of the guess 'bone age = chronological age'.

Numpy only. A figure that does not exist is None, never 0. Ages in months.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boneage_desk.standards.types import Sex
from boneage_desk.training import html_report
from boneage_desk.training.knee_data import HAND_MODEL, KneeFilms
from boneage_desk.training.metrics import Aged, age_metrics

COVERAGE = 0.9
FEWEST = 30
"""Films of one sex below which the interval takes all films."""
OLDEST = 264.0


def figures(films: KneeFilms, chosen: NDArray[np.intp], said: NDArray[np.float64]) -> dict[str, Any]:
    """Model (``said`` [n] for films ``chosen`` [n]) and guess against the bone ages given; their difference by patient."""
    reference = _reference(films, chosen)
    guess = films.ca_months[chosen]
    return {
        "ages": _ages(films, chosen, said) | {"reference": reference},
        "guess": _ages(films, chosen, guess) | {"reference": reference},
        "better_than_guess_months": gain(films, chosen, said, guess),
        "patients": len({films.patients[k] for k in chosen}),
    }  # fmt: skip


def _ages(films: KneeFilms, chosen: NDArray[np.intp], said: NDArray[np.float64]) -> dict[str, Any]:
    sexes = [Sex.MALE if films.male[k] else Sex.FEMALE for k in chosen]
    rows = [Aged(s, float(films.months[k]), float(m), False) for s, k, m in zip(sexes, chosen, said, strict=True)]
    return {k: v for k, v in age_metrics(rows).items() if k != "standard"}


def _reference(films: KneeFilms, chosen: NDArray[np.intp]) -> str:
    labels: dict[str, int] = {}
    for k in chosen:
        labels[films.labels[k]] = labels.get(films.labels[k], 0) + 1
    words = "; ".join(f"{name} ({n} films)" for name, n in sorted(labels.items()))
    if any(name.startswith(HAND_MODEL) for name in labels):
        words += ". A hand model's bone age is no truth: agreement with it contains its errors"
    return words


def gain(
    films: KneeFilms, chosen: NDArray[np.intp], said: NDArray[np.float64], guess: NDArray[np.float64], draws: int = 2000
) -> dict[str, Any]:
    """Mean absolute error of the guess minus the model's, with a 95 % interval from patients drawn again (seeded)."""
    off = np.abs(guess - films.months[chosen]) - np.abs(said - films.months[chosen])
    names = sorted({films.patients[k] for k in chosen})
    place = {name: k for k, name in enumerate(names)}
    at = np.array([place[films.patients[k]] for k in chosen])
    sums, counts = np.bincount(at, off, len(names)), np.bincount(at, minlength=len(names))
    if len(names) < 3:
        return {"months": float(off.mean()), "interval_95": None}
    drawn = np.random.default_rng(0).integers(0, len(names), (draws, len(names)))
    means = sums[drawn].sum(1) / counts[drawn].sum(1)
    return {"months": float(off.mean()), "interval_95": [float(v) for v in np.quantile(means, [0.025, 0.975])]}


def interval(films: KneeFilms, said: NDArray[np.float64]) -> dict[str, Any]:
    """The card's [interval]: conformal half width of the out-of-fold errors by sex (all films where one has few)."""
    off = np.abs(said - films.months)
    bands = []
    for sex, of in (("F", ~films.male), ("M", films.male)):
        used = of if of.sum() >= FEWEST else np.ones(len(off), bool)
        rank = math.ceil((used.sum() + 1) * COVERAGE)
        if rank > used.sum():
            continue  # too few films for any interval: none is given
        half = float(np.sort(off[used])[rank - 1])
        bands.append({"sex": sex, "from_months": 0.0, "to_months": OLDEST, "half_width_months": round(half, 1), "hands": int(used.sum())})
    return {"coverage": COVERAGE, "source": "conformal, films held out in cross-validation", "bands": bands} if bands else {}


def headline(result: Mapping[str, Any]) -> dict[str, Any]:
    """The few figures of the last message and of the card."""
    ages, guess, better = result["ages"], result["guess"], result["better_than_guess_months"]
    said = {
        "films": ages["n"], "patients": result["patients"], "mae_months": ages["mae_months"], "rmse_months": ages["rmse_months"],
        "bias_months": ages["bias_months"], "guess_mae_months": guess["mae_months"],
        "better_than_guess_months": better["months"], "leans_on_age": result.get("leans_on_age"),
    }  # fmt: skip
    return {k: round(v, 3) if isinstance(v, float) else v for k, v in said.items()}


def page(result: Mapping[str, Any]) -> str:
    """The report as one HTML file."""
    model, films = result["model"], result["films"]
    first = [html_report.note(f"{result['program']}, {result['made']}. Model {model['tag']}, SHA-256 {model['sha256'][:16]}... "
                              f"Films: {films['words']}.")]  # fmt: skip
    first += [html_report.warning(text) for text in result.get("warnings", ())]
    better, lean = result["better_than_guess_months"], result.get("leans_on_age")
    limits = better["interval_95"]
    words = f"The model's mean absolute error is {better['months']:+.2f} months better than the guess 'bone age = chronological age'"
    words += f" (95 % interval {limits[0]:+.2f} to {limits[1]:+.2f}, patients drawn again)." if limits else "."
    if lean is not None:
        words += (
            f" Told a chronological age one month older, the model answers {lean:.2f} months older on the same film: 0 would be"
            " a model that reads the film only, 1 one that repeats the age."
        )
    guess: Sequence[str] = html_report.age_pieces(result["guess"])
    sections = [
        ("", first), ("Model", [html_report.note(words), *html_report.age_pieces(result["ages"])]),
        ("The guess: bone age = chronological age", guess),
    ]  # fmt: skip
    if result.get("by_fold"):
        rows = [[f"fold {r['fold'] + 1}", r["trained_on"], r["held_out"], r["steps"], r["mae_months"]] for r in result["by_fold"]]
        sections.append(("Folds", [html_report.table(["", "films trained on", "held out", "steps", "MAE held out"], rows)]))
    if result.get("check"):
        rows = [[name, n, share] for name, n, share in result["check"]]
        sections.append(("Films refused as not a knee like those of the training", [html_report.table(["", "films", "refused"], rows)]))
    if result.get("log"):
        sections.append(("Training, first fold", html_report.curve_pieces(result["log"])))
    return html_report.page(f"Knee {model['tag']}: {films['words']}", sections)
