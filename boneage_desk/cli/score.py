"""``boneage-desk score``: 13 grades to score and bone age, with no film."""

from __future__ import annotations

import argparse

from boneage_desk.cli import output
from boneage_desk.cli.app import App
from boneage_desk.common.errors import InputError, StandardError
from boneage_desk.reading.document import bone_age_fields
from boneage_desk.standards import rus_chn
from boneage_desk.standards.types import Sex


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--standard", required=True, choices=[rus_chn.STANDARD_ID])
    parser.add_argument("--sex", required=True, metavar="M|F")
    parser.add_argument(
        "--grades",
        required=True,
        metavar="BONE=GRADE,...",
        help="all 13 bones; a plain number is always the index into the table (0: not there yet), "
        "a printed name with brackets such as 7(0) is that name",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(options: argparse.Namespace, app: App) -> int:
    sex = Sex.parse(options.sex)
    grades = parse_grades(options.grades)
    score = rus_chn.total_score(grades, sex)
    age = rus_chn.bone_age(score, sex)
    if options.json:
        output.emit(
            {
                "standard": rus_chn.STANDARD_ID,
                "edition": rus_chn.EDITION,
                "sex": sex.value,
                "grades": {bone: grades[bone] for bone in rus_chn.BONES},
                **bone_age_fields(score, age),
            }
        )
    else:
        print(f"{rus_chn.NAME}: score {score}, bone age {age.text}")
    return 0


def parse_grades(text: str) -> dict[str, int]:
    """'radius=7,ulna=5,...' to indices by bone. Missing bones are the standard's to refuse.

    >>> parse_grades("radius=7,ulna=5")
    {'radius': 7, 'ulna': 5}
    """
    grades: dict[str, int] = {}
    for part in text.split(","):
        if not part.strip():
            continue
        bone, equals, value = (word.strip() for word in part.partition("="))
        if not equals or not value:
            raise InputError(f"'{part.strip()}' is no grade.", "Write bone=grade, e.g. radius=7.", code="bad-grades")
        rus_chn.check_bone(bone)
        if bone in grades:
            raise InputError(f"{bone} is given twice.", "Give each bone once.", code="bad-grades")
        grades[bone] = _grade(bone, value)
    return grades


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
