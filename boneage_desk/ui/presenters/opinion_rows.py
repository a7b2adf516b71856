"""The second-opinion strip as text: 13 bones, whole hand, their difference, what is usual, and what is to be said."""

from __future__ import annotations

from dataclasses import dataclass

from boneage_desk.reading.analysis import WholeHandOpinion
from boneage_desk.reading.second_opinion import (
    ENGINE_NAMES,
    FLAGS,
    UNAVAILABLE,
    Difference,
    default_opinion,
    difference,
)
from boneage_desk.reading.session import Reading
from boneage_desk.reading.summary import Summary
from boneage_desk.ui.presenters import text

DASH = "\N{EN DASH}"
DOT = " \N{MIDDLE DOT} "
BEYOND = "\N{BLACK UP-POINTING TRIANGLE}"
"""The shape of a difference that is larger than usual; words stand beside it."""
USUAL = "\N{CHECK MARK}"


@dataclass(frozen=True, slots=True)
class OpinionView:
    """Texts of the strip. ``cells``: there is a number, or one is being read; else only ``notes`` are shown.

    ``beyond``: None where it cannot be said. ``notes``: reasons and doubts; ``doubt``: one of them is about the film.
    ``state``: '' or what the question is at; ``waiting``: it can be cancelled, ``again``: it can be asked again.
    """

    cells: bool = False
    bones: str = ""
    name: str = ""
    age: str = ""
    tip: str = ""
    difference: str = ""
    mark: str = ""
    usual: str = ""
    beyond: bool | None = None
    others: str = ""
    notes: tuple[str, ...] = ()
    doubt: bool = False
    waiting: bool = False
    again: bool = False
    comment: str = ""
    comment_field: bool = False


def engine_name(engine: str) -> str:
    """'Whole hand' for 'whole-hand'; an unknown id as it is."""
    return ENGINE_NAMES.get(engine, engine)


def opinion_view(
    reading: Reading,
    summary: Summary,
    *,
    chosen: tuple[str, ...] = (),
    asked: tuple[str, ...] = (),
    trouble: str = "",
    film: bool = True,
    editable: bool = True,
) -> OpinionView:
    """Of a reading. ``asked``: engines under way. ``trouble``: 'cancelled' or why the last question failed."""
    opinion = default_opinion(reading)
    found = difference(reading)
    flags = [flag for flag in summary.flags if flag.code in FLAGS and flag.engine not in asked]
    silent = [flag for flag in flags if flag.code == UNAVAILABLE]
    notes = list(dict.fromkeys(flag.message for flag in flags))
    if trouble and not asked:
        notes.insert(0, f"Second opinion {trouble}" if trouble == "cancelled" else f"No second opinion: {trouble}")
    if not chosen and opinion is None and reading.analysed_at is not None:
        notes.append("No second opinion: none is chosen (menu Reading).")
    leading = opinion.engine if opinion is not None else (asked[0] if asked else "")
    lines = {
        "cells": opinion is not None or bool(asked),
        "notes": tuple(notes),
        "doubt": len(silent) < len(flags),
        "waiting": bool(asked),
        "again": not asked and film and editable and bool(chosen) and bool(trouble or silent),
        "bones": summary.bone_age.text if summary.bone_age is not None else DASH,
        "name": engine_name(leading),
        "age": f"reading {chr(0x2026)}" if opinion is None and asked else DASH,
        "others": _others(reading, asked if opinion is not None else asked[1:]),
        "comment": reading.difference_comment,
        "comment_field": bool(reading.difference_comment) or (found is not None and found.beyond),
    }
    if opinion is not None:
        lines |= {"age": text.months(opinion.bone_age_months), "tip": _tip(opinion)}
        lines |= _against(found, opinion)
    return OpinionView(**lines)  # type: ignore[arg-type]


def _against(found: Difference | None, opinion: WholeHandOpinion) -> dict[str, object]:
    usual = opinion.usual_difference_months
    said = {"difference": DASH, "usual": f"up to {usual:.1f} m" if usual is not None else "not measured"}
    if found is None:
        return {**said, "mark": "Usual"}
    said["difference"] = f"{_bound(found)}{text.signed(found.months)} m"
    if usual is None:
        return {**said, "mark": "Usual"}
    mark = f"{BEYOND} beyond usual" if found.beyond else f"{USUAL} within usual"
    return {**said, "mark": mark, "beyond": found.beyond}


def _bound(found: Difference) -> str:
    """The sign before a difference that the end of the table cuts off."""
    if not found.at_least:
        return ""
    return "\N{GREATER-THAN OR EQUAL TO} " if found.months >= 0 else "\N{LESS-THAN OR EQUAL TO} "


def _others(reading: Reading, asked: tuple[str, ...]) -> str:
    """The opinions after the first, each with its difference from the 13 bones and the mark where it is unusual."""
    parts = []
    for opinion in reading.whole_hand[1:]:
        said = difference(reading, opinion)
        words = f"{engine_name(opinion.engine)} {text.months(opinion.bone_age_months)}"
        if said is not None:
            words += f" ({BEYOND + ' ' if said.beyond else ''}{_bound(said)}{text.signed(said.months)} m)"
        parts.append(words)
    parts += [f"{engine_name(engine)}: reading \N{HORIZONTAL ELLIPSIS}" for engine in asked]
    return DOT.join(parts)


def _tip(opinion: WholeHandOpinion) -> str:
    """The model, and its interval, for a tool tip."""
    lines = [opinion.model]
    if opinion.interval_months is not None:
        low, high = opinion.interval_months
        lines.insert(0, f"{text.months(low)} \N{EN DASH} {text.months(high)} by its measured error")
    return "\n".join(lines)
