"""The second-opinion strip as text: 13 bones, whole hand, their difference, what is usual, and what is to be said."""

from __future__ import annotations

from dataclasses import dataclass

from boneage_desk.common.i18n import said, tr
from boneage_desk.reading.analysis import WholeHandOpinion
from boneage_desk.reading.second_opinion import (
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
    return text.engine(engine)


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
    notes = list(dict.fromkeys(said(flag.message) for flag in flags))
    if trouble and not asked:
        notes.insert(0, tr("Second opinion cancelled") if trouble == "cancelled" else tr("No second opinion: {trouble}", trouble=trouble))
    if not chosen and opinion is None and reading.analysed_at is not None:
        notes.append(tr("No second opinion: none is chosen (menu Reading)."))
    leading = opinion.engine if opinion is not None else (asked[0] if asked else "")
    lines = {
        "cells": opinion is not None or bool(asked),
        "notes": tuple(notes),
        "doubt": len(silent) < len(flags),
        "waiting": bool(asked),
        "again": not asked and film and editable and bool(chosen) and bool(trouble or silent),
        "bones": text.bone_age(summary.bone_age) if summary.bone_age is not None else DASH,
        "name": engine_name(leading),
        "age": tr("reading \N{HORIZONTAL ELLIPSIS}") if opinion is None and asked else DASH,
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
    words = {"difference": DASH, "usual": tr("up to {usual:.1f} m", usual=usual) if usual is not None else tr("not measured")}
    if found is None:
        return {**words, "mark": tr("Usual")}
    words["difference"] = _bound(found) + tr("{months} m", months=text.signed(found.months))
    if usual is None:
        return {**words, "mark": tr("Usual")}
    mark = f"{BEYOND} {tr('beyond usual')}" if found.beyond else f"{USUAL} {tr('within usual')}"
    return {**words, "mark": mark, "beyond": found.beyond}


def _bound(found: Difference) -> str:
    """The sign before a difference that the end of the table cuts off."""
    if not found.at_least:
        return ""
    return "\N{GREATER-THAN OR EQUAL TO} " if found.months >= 0 else "\N{LESS-THAN OR EQUAL TO} "


def _others(reading: Reading, asked: tuple[str, ...]) -> str:
    """The opinions after the first, each with its difference from the 13 bones and the mark where it is unusual."""
    parts = []
    for opinion in reading.whole_hand[1:]:
        told = difference(reading, opinion)
        words = f"{engine_name(opinion.engine)} {text.months(opinion.bone_age_months)}"
        if told is not None:
            words += f" ({BEYOND + ' ' if told.beyond else ''}{_bound(told)}{tr('{months} m', months=text.signed(told.months))})"
        parts.append(words)
    parts += [tr("{engine_name}: reading \N{HORIZONTAL ELLIPSIS}", engine_name=text.engine(engine)) for engine in asked]
    return DOT.join(parts)


def _tip(opinion: WholeHandOpinion) -> str:
    """The model, and its interval, for a tool tip."""
    lines = [opinion.model]
    if opinion.interval_months is not None:
        low, high = opinion.interval_months
        lines.insert(0, tr("{low} \N{EN DASH} {high} by its measured error", low=text.months(low), high=text.months(high)))
    return "\n".join(lines)
