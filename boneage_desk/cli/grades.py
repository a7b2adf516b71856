"""Grades on the command line, ``bone=grade,...``, for each standard; and what they score."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from boneage_desk.common.errors import InputError, StandardError
from boneage_desk.standards import catalogue, chn_1988, gp, results, rus_chn, tw3
from boneage_desk.standards.types import BoneAge, Sex

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Scored:
    """One standard's answer. ``read``: the grades as they were understood, for JSON."""

    standard: str
    score: int | None
    bone_age: BoneAge
    read: dict[str, Any]


ALL = "all"
TW = (tw3.TW3_RUS, tw3.TW3_C_RUS, tw3.TW2_RUS)


def scored(standard: str, text: str, sex: Sex) -> tuple[Scored, ...]:
    """What ``text`` scores by ``standard``; 'all': by each standard that 13 RUS-CHN grades feed.

    Raises StandardError or InputError for what the standard does not have, 'no-scores' for a method without scores.
    """
    if standard == ALL:
        grades = parse_grades(text)
        found = results.from_grades(grades, sex)
        return tuple(Scored(one.standard, one.score, one.bone_age, {"grades": _in_order(grades)}) for one in found)
    catalogue.info(standard)
    if standard in TW:
        stages = parsed(text, rus_chn.check_bone, _stage)
        points = tw3.total_score(stages, sex)
        read = {"stages": {bone: stages[bone] for bone in tw3.BONES}}
        return (Scored(standard, points, tw3.bone_age(points, sex, standard), read),)
    if standard == chn_1988.STANDARD_ID:
        numbers = parsed(text, chn_1988.check_bone, _number)
        points = chn_1988.total_score(numbers, sex)
        read = {"grades": {bone: numbers[bone] for bone in chn_1988.BONES}}
        return (Scored(standard, points, chn_1988.bone_age(points, sex), read),)
    if standard == gp.STANDARD_ID:
        return (_plate(text, sex),)
    grades = parse_grades(text)
    points = rus_chn.total_score(grades, sex)
    return (Scored(standard, points, rus_chn.bone_age(points, sex), {"grades": _in_order(grades)}),)


def _in_order(grades: dict[str, int]) -> dict[str, int]:
    return {bone: grades[bone] for bone in rus_chn.BONES}


def parsed(text: str, check: Callable[[str], None], value: Callable[[str, str], T]) -> dict[str, T]:
    """'radius=7,ulna=5,...' to values by bone. Missing bones are the standard's to refuse."""
    found: dict[str, T] = {}
    for part in text.split(","):
        if not part.strip():
            continue
        bone, equals, word = (piece.strip() for piece in part.partition("="))
        if not equals or not word:
            raise InputError(f"'{part.strip()}' is no grade.", "Write bone=grade, e.g. radius=7.", code="bad-grades")
        check(bone)
        if bone in found:
            raise InputError(f"{bone} is given twice.", "Give each bone once.", code="bad-grades")
        found[bone] = value(bone, word)
    return found


def parse_grades(text: str) -> dict[str, int]:
    """RUS-CHN grades to indices by bone.

    >>> parse_grades("radius=7,ulna=5")
    {'radius': 7, 'ulna': 5}
    """
    return parsed(text, rus_chn.check_bone, _grade)


def _grade(bone: str, text: str) -> int:
    if text.isascii() and text.isdigit():
        grade = int(text)
        rus_chn.check_grade(bone, grade)
        return grade
    if "(" in text:
        return rus_chn.grade_of_label(bone, text)
    raise StandardError(
        f"'{text}' is no grade of {bone}.",
        f"Give an index from 0 to {rus_chn.max_grade(bone)}, or a printed name with brackets.",
        code="illegal-grade",
    )


def _stage(bone: str, text: str) -> str:
    """A TW3 stage by its letter, or of a RUS-CHN grade."""
    if len(text) == 1 and text.isascii() and text.isalpha():
        tw3.check_stage(bone, text.upper())
        return text.upper()
    return tw3.stage_of_grade(bone, _grade(bone, text))


def _number(bone: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise StandardError(
            f"'{text}' is no CHN grade of {bone}.", f"Give a number from 0 to {chn_1988.max_grade(bone)}.",
            code="illegal-grade",
        )  # fmt: skip
    chn_1988.score(bone, int(text), Sex.MALE)
    return int(text)


def _plate(text: str, sex: Sex) -> Scored:
    """'plate=12', or 'plate=12-13' for a hand between two that follow each other."""
    key, _, word = (piece.strip() for piece in text.partition("="))
    first, dash, second = word.partition("-")
    numbers = [first, second] if dash else [first]
    if key != "plate" or not all(one.isascii() and one.isdigit() for one in numbers):
        raise InputError(
            f"'{text}' names no plate.", "Write plate=12, or plate=12-13 for a hand between two.", code="bad-grades"
        )
    low = int(first)
    if dash and int(second) != low + 1:
        raise InputError(f"Plates {word} do not follow each other.", "Write plate=12-13.", code="bad-grades")
    age = gp.between(low, sex) if dash else gp.plate(low, sex).bone_age
    return Scored(gp.STANDARD_ID, None, age, {"plates": [int(one) for one in numbers]})
