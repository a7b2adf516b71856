"""All bone-age standards: what each is, what it needs, how far its tables go, how certain they are; and what was refused.

``certainty`` and ``source`` are the words of the packaged tables; ``population`` is not in them and is what the
literature says of each survey. :data:`REFUSED` are methods that a reader may ask for and for which there are no scores.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from boneage_desk.common.errors import StandardError
from boneage_desk.standards import chn_1988, gp, rus_chn, tw3
from boneage_desk.standards.tables import load
from boneage_desk.standards.types import BoneAge, Qualifier, Sex


@dataclass(frozen=True, slots=True)
class StandardInfo:
    """One standard. ``needs``: what is read off the film. ``bones``: ids, empty for an atlas.

    ``lowest``, ``highest``: ends of its tables by sex, months. ``derived``: follows from 13 RUS-CHN grades. ``sources``
    and ``certainty``: in the words of the table file ``table``.
    """

    standard: str
    name: str
    edition: str
    needs: str
    bones: tuple[str, ...]
    population: str
    lowest: dict[Sex, BoneAge]
    highest: dict[Sex, BoneAge]
    derived: bool
    use: str
    certainty: str
    sources: tuple[str, ...]
    table: str

    def range_text(self, sex: Sex) -> str:
        """'1 y 0 m to 18 y 0 m': the ends of the table of ``sex``; past them a bound is given."""
        return f"{BoneAge(self.lowest[sex].months).text} to {BoneAge(self.highest[sex].months).text}"


REFUSED: dict[str, str] = {
    "tw3-carpal": "TW3 carpal: the packaged tables hold no carpal scores and no conversion, only stage texts exist; none are made up",
    "tw2-carpal": "TW2 carpal: the packaged tables hold no carpal scores and no conversion; none are made up",
    "tw2-20": "TW2 with 20 bones: the only table found has invented numbers; it is not used",
    "tw3-c-carpal": "TW3-C carpal (Chinese-05): no carpal scores are in the packaged tables; none are made up",
    "fels": "Fels hand-wrist: no table of it is packaged",
    "mfels": "Modified Fels of the knee: no coefficients were found; the facts known are not enough for a knee score",
}
"""Methods that are asked for and cannot be computed, with the reason."""

OF_A_SITE = (rus_chn.STANDARD_ID, tw3.TW3_RUS, tw3.TW3_C_RUS)
"""Standards that follow from the 13 grades and that a site may go by; TW2 ages are for height predictions only."""

_RUS = "13 RUS-CHN grades (or TW3 stages A to I)"


def _words(value: Any) -> tuple[str, ...]:
    """Sources of a table, which are texts or objects, as texts."""
    if isinstance(value, str):
        return (value,)
    return tuple(": ".join(str(part) for part in one.values()) if isinstance(one, dict) else str(one) for one in value)


def _ends(first: float, last: float) -> tuple[BoneAge, BoneAge]:
    return BoneAge(first, Qualifier.BELOW), BoneAge(last, Qualifier.AT_LEAST)


def _info(standard: str, ends: dict[Sex, tuple[BoneAge, BoneAge]], **facts: Any) -> StandardInfo:
    return StandardInfo(
        standard=standard,
        lowest={sex: pair[0] for sex, pair in ends.items()},
        highest={sex: pair[1] for sex, pair in ends.items()},
        **facts,
    )


@cache
def standards() -> tuple[StandardInfo, ...]:
    """Every standard of the program, the main one first.

    >>> [one.standard for one in standards()]
    ['rus-chn', 'tw3-rus', 'tw3-c-rus', 'tw2-rus', 'chn-1988', 'greulich-pyle']
    """
    rus, tw, chn, atlas = load("rus_chn"), load("tw3_rus"), load("chn_1988"), load("gp_standards")
    tw_sources = _words(tw["source"])
    scores = "; ".join(tw["cells_in_doubt"][:2])
    return (
        _info(
            rus_chn.STANDARD_ID,
            {sex: _ends(rus_chn.knots(sex)[0][0], rus_chn.knots(sex)[-1][0]) for sex in Sex},
            name=rus_chn.NAME,
            edition=rus_chn.EDITION,
            needs="13 RUS-CHN grades",
            bones=rus_chn.BONES,
            population="Chinese children of five cities, surveyed 2003 to 2005 (Chinese-05)",
            derived=True,
            use="the program's main method",
            certainty=f"Scores: {_agreement(rus)}. Score to age: {rus['score_to_age']['uncertainty']}",
            sources=_words(rus["source"]),
            table="rus_chn",
        ),
        _info(
            tw3.TW3_RUS,
            {sex: _ends(tw3.knots(sex)[0][0], tw3.knots(sex)[-1][0]) for sex in Sex},
            name="TW3 RUS",
            edition="Tanner, Healy, Goldstein, Cameron 2001",
            needs=_RUS,
            bones=tw3.BONES,
            population="European and North American children, norms of about 1990",
            derived=True,
            use="comparison with the international method",
            certainty="; ".join(tw["cells_in_doubt"]),
            sources=tw_sources,
            table="tw3_rus",
        ),
        _info(
            tw3.TW3_C_RUS,
            {sex: _ends(tw3.knots(sex, tw3.TW3_C_RUS)[0][0], tw3.knots(sex, tw3.TW3_C_RUS)[-1][0]) for sex in Sex},
            name="TW3-C RUS",
            edition="Chinese-05 norms of TW3 RUS",
            needs=_RUS,
            bones=tw3.BONES,
            population="Chinese children of five cities, surveyed 2003 to 2005 (Chinese-05)",
            derived=True,
            use="TW3 points by Chinese norms",
            certainty=f"{tw['tw3_c_rus']['certainty']}; scores: {scores}",
            sources=tw_sources,
            table="tw3_rus",
        ),
        _info(
            tw3.TW2_RUS,
            {sex: _ends(tw3.tw2_steps(sex)[0][0], tw3.tw2_steps(sex)[-1][0]) for sex in Sex},
            name="TW2 RUS (ages)",
            edition="British norms of the 1950s for the same points",
            needs=_RUS,
            bones=tw3.BONES,
            population="British children of the 1950s",
            derived=True,
            use="only for height predictions that ask for a TW2 age",
            certainty=f"{tw['tw2_rus_age_norms']['certainty']}; scores: {scores}",
            sources=tw_sources,
            table="tw3_rus",
        ),
        _info(
            chn_1988.STANDARD_ID,
            {sex: _ends(chn_1988.bins(sex)[0][0], chn_1988.bins(sex)[-1][0]) for sex in Sex},
            name="CHN 1988",
            edition="Li Guozhen 1988/1992",
            needs="14 CHN grades, with capitate and hamate, without ulna",
            bones=chn_1988.BONES,
            population="Chinese children of the 1980s",
            derived=False,
            use=chn["use"],
            certainty=chn["certainty"],
            sources=_words(chn["source"]),
            table="chn_1988",
        ),
        _info(
            gp.STANDARD_ID,
            {sex: _ends(gp.plates(sex)[0].months, gp.plates(sex)[-1].months) for sex in Sex},
            name="Greulich-Pyle",
            edition="second edition 1959",
            needs="the nearest plate, or a whole-hand model taught with Greulich-Pyle ages",
            bones=(),
            population="American children of Cleveland, Ohio, of the 1930s (Brush Foundation)",
            derived=False,
            use=f"atlas; {atlas['notes'][2]}",
            certainty=f"{atlas['notes'][1]}; {atlas['notes'][3]}",
            sources=_words(atlas["source"]),
            table="gp_standards",
        ),
    )  # fmt: skip


def _agreement(rus: dict[str, Any]) -> str:
    return next(str(row["where"]) for row in rus["source"] if row["what"] == "agreement")


def info(standard: str) -> StandardInfo:
    """One standard by its id. Raises StandardError: 'no-scores' for a method of :data:`REFUSED`, else 'unknown-standard'.

    >>> info("tw3-rus").range_text(Sex.MALE)
    '2 y 0 m to 16 y 6 m'
    """
    for one in standards():
        if one.standard == standard:
            return one
    known = f"Use one of: {', '.join(one.standard for one in standards())}."
    if standard in REFUSED:
        raise StandardError(f"No bone age by {REFUSED[standard]}.", known, code="no-scores")
    raise StandardError(f"'{standard}' is no standard of this program.", known, code="unknown-standard")
