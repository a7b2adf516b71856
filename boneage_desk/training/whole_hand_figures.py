"""What a trained whole-hand model is told by on held-out films: error, interval, sex, usual difference to the 13 bones.

The interval and the sex limit are chosen on one half of the held-out films and measured on the other. Figures of 299 px
films and of half-size films are never pooled: they are the same children.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boneage_desk.training import agreement, film_figures
from boneage_desk.training.evaluate_interval import BANDS, COVERAGE, FEWEST, quantile

SEX_LIMITS = (0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
WRONG_SEX = 0.01
"""Share of right records that may at most be doubted: the sex limit is the lowest of SEX_LIMITS that keeps it."""
BAND_MONTHS = 24
FEWEST_IN_A_BAND = 10


@dataclass(frozen=True)
class HeldOutFilms:
    """N pictures of held-out films: ids, sources [N] (text), male [N] bool, months (label) and read [N] float64,
    male_probability [N] or None; ``facts``: the rest of held_out.json. fitted [N]: whether the hand was cut out by its
    points (else the picture is the whole film, which the program would not read so); None: not known."""

    ids: NDArray[np.str_]
    sources: NDArray[np.str_]
    male: NDArray[np.bool_]
    months: NDArray[np.float64]
    read: NDArray[np.float64]
    male_probability: NDArray[np.float64] | None
    facts: Mapping[str, Any]
    fitted: NDArray[np.bool_] | None = None

    def of(self, chosen: NDArray[np.bool_]) -> HeldOutFilms:
        """The pictures chosen by a mask [N]."""
        p = self.male_probability
        return HeldOutFilms(
            self.ids[chosen], self.sources[chosen], self.male[chosen], self.months[chosen], self.read[chosen],
            None if p is None else p[chosen], self.facts, None if self.fitted is None else self.fitted[chosen],
        )  # fmt: skip

    @property
    def main(self) -> str:
        """The source that holds most films: every film is in it."""
        names, counts = np.unique(self.sources, return_counts=True)
        return str(names[counts.argmax()])

    def first_half(self) -> NDArray[np.bool_]:
        """Pictures [N] of the half of the films that limits are chosen on: by the hash of the id."""
        return np.array([hashlib.sha256(f"half:{k}".encode()).digest()[0] % 2 == 0 for k in self.ids], bool)


def read_held_out(path: Path) -> HeldOutFilms:
    """What `train_whole_hand` wrote as held_out.json."""
    facts = json.loads(path.read_text())
    rows = facts.pop("films")
    if not rows:
        raise ValueError(f"{path} holds no films")
    tells_sex = "male_probability" in rows[0]
    return HeldOutFilms(
        np.array([r["id"] for r in rows]),
        np.array([r["source"] for r in rows]),
        np.array([r["sex"] == "M" for r in rows], bool),
        np.array([r["months"] for r in rows], float),
        np.array([r["read"] for r in rows], float),
        np.array([r["male_probability"] for r in rows], float) if tells_sex else None,
        facts,
        np.array([r["fitted"] for r in rows], bool),
    )


def interval(films: HeldOutFilms) -> dict[str, Any]:
    """The card's table [interval]: conformal half widths by sex and band of the bone age given, chosen on the first half
    of the main source's films and measured on the second; bands of few films take their sex's."""
    main = films.of(films.sources == films.main)
    first = main.first_half()
    fit, test = main.of(first), main.of(~first)
    bands, hits = [], np.zeros(len(test.ids), bool)
    for sex, male in (("F", False), ("M", True)):
        for low, high in BANDS:
            of = (fit.male == male) & (fit.read >= low) & (fit.read < high)
            if of.sum() < FEWEST:
                of = fit.male == male
            if not of.any():
                continue
            half = round(quantile((fit.read - fit.months)[of]), 1)
            checked = (test.male == male) & (test.read >= low) & (test.read < high)
            covered = np.abs(test.read - test.months) <= half + 1e-9
            hits |= checked & covered
            measured = {"coverage_measured": round(float(covered[checked].mean()), 3)} if checked.any() else {}
            bands.append({
                "sex": sex, "from_months": low, "to_months": high, "half_width_months": half, "hands": int(of.sum()),
                **measured, "hands_measured": int(checked.sum()),
            })  # fmt: skip
    return {
        "coverage": COVERAGE, **({"coverage_measured": round(float(hits.mean()), 3)} if bands and len(hits) else {}),
        "source": "conformal, half widths chosen on one half of the held-out films and measured on the other",
        "bands": bands,
    }  # fmt: skip


def sex_limit(films: HeldOutFilms) -> dict[str, Any] | None:
    """Probability of the other sex from which a record is doubted, chosen on the first half; how often right records of
    the second half would be doubted, and wrong ones caught. None of a model that tells no sex."""
    if films.male_probability is None:
        return None
    main = films.of(films.sources == films.main)
    first = main.first_half()
    of_other = np.where(main.male, 1 - main.male_probability, main.male_probability)  # type: ignore[operator]
    fitting = [limit for limit in SEX_LIMITS if np.mean(of_other[first] >= limit) <= WRONG_SEX]
    limit = fitting[0] if fitting else SEX_LIMITS[-1]
    return {
        "limit": limit, "right_records_doubted": float(np.mean(of_other[~first] >= limit)),
        "wrong_records_caught": float(np.mean(1 - of_other[~first] >= limit)), "films": int((~first).sum()),
    }  # fmt: skip


def usual_difference(films: HeldOutFilms, bones: Mapping[str, Any], source: str) -> dict[str, Any]:
    """How far this model and the 13 bones usually are apart, on held-out films of ``source``.

    bones: the result of ``boneage-desk evaluate whole-hand`` for the 13 bones on those films. Raises InputError where
    they have no film in common or other labels.
    """
    of = films.of(films.sources == source)
    rows = [
        {
            "film": str(k), "source": bones["source"], "sex": "M" if male else "F", "reference_months": float(months),
            "months": float(read), "qualifier": None,
        }
        for k, male, months, read in zip(of.ids, of.male, of.months, of.read, strict=True)
    ]  # fmt: skip
    found = film_figures.comparison(rows, str(films.facts["system"]), bones)
    return {k: v for k, v in found.items() if k != "by_film"}


def figures(films: HeldOutFilms) -> dict[str, Any]:
    """By source: age figures over all, by sex and by sex and two years; sex figures where the model tells the sex."""
    return {str(source): _of_source(films.of(films.sources == source)) for source in np.unique(films.sources)}


def _of_source(films: HeldOutFilms) -> dict[str, Any]:
    sexes = {"girls": ~films.male, "boys": films.male}
    bands = {}
    for name, of in sexes.items():
        for low in range(0, 240, BAND_MONTHS):
            inside = of & (films.months >= low) & (films.months < low + BAND_MONTHS)
            if inside.any():
                part = films.of(inside)
                bands[f"{name} {low // 12}-{low // 12 + 2} y"] = agreement.age_figures(part.months, part.read)
    p = films.male_probability
    return {
        "ages": agreement.age_figures(films.months, films.read),
        "by_sex": {name: agreement.age_figures(films.months[of], films.read[of]) for name, of in sexes.items() if of.any()},
        "by_band": bands,
        "fitted": None if (f := films.fitted) is None else agreement.age_figures(films.months[f], films.read[f]),
        "sex": None if p is None else agreement.sex_figures(p, films.male),
        "mean_guess_mae_months": float(np.abs(films.months - films.months.mean()).mean()),
    }  # fmt: skip


def failures(of_source: Mapping[str, Any], most: int = 4) -> list[str]:
    """The bands that the model reads worst, as the card tells them."""
    rows = [(k, v) for k, v in of_source["by_band"].items() if v["n"] >= FEWEST_IN_A_BAND]
    rows.sort(key=lambda row: -row[1]["mae_months"])
    told = []
    for name, v in rows[:most]:
        way = "too old" if v["bias_months"] > 0 else "too young"
        told.append(
            f"{name[0].upper()}{name[1:]}: {v['mae_months']:.1f} months off on average, "
            f"{abs(v['bias_months']):.1f} of them {way} ({v['n']} held out)."
        )
    return told
