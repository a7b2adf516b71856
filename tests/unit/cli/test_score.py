"""``score``: grades to bone age, and what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from boneage_desk.standards import rus_chn

SIX = {bone: "6" for bone in rus_chn.BONES}


def words(**changes: str | None) -> str:
    return ",".join(f"{bone}={grade}" for bone, grade in {**SIX, **changes}.items() if grade is not None)


def run(program: Any, grades: str, sex: str = "F", *more: str) -> tuple[int, str, str]:
    return program.run("score", "--standard", "rus-chn", "--sex", sex, "--grades", grades, *more)  # type: ignore[no-any-return]


def test_it_prints_score_and_age(program: Any) -> None:
    code, out, err = run(program, words(), "F", "--json")
    found = json.loads(out)
    assert (code, err, out.count("\n")) == (0, "", 1)
    assert (found["score"], found["bone_age_months"], found["qualifier"]) == (416, 115.89, "")
    assert run(program, words()) == (0, "RUS-CHN (Chinese-05): score 416, bone age 9 y 8 m\n", "")


@pytest.mark.parametrize(
    ("sex", "grade", "months", "qualifier"), [("M", "top", 216, ">="), ("F", "top", 204, ">="), ("F", "0", 12, "<")]
)
def test_at_the_tables_ends_it_gives_a_bound(program: Any, sex: str, grade: str, months: int, qualifier: str) -> None:
    grades = {bone: str(rus_chn.max_grade(bone)) if grade == "top" else grade for bone in rus_chn.BONES}
    found = json.loads(run(program, words(**grades), sex, "--json")[1])
    assert (found["bone_age_months"], found["qualifier"]) == (months, qualifier)


def test_a_plain_number_is_the_index_and_a_name_has_brackets(program: Any) -> None:
    assert rus_chn.labels("radius").index("7(0)") == 8
    assert rus_chn.labels("radius")[7] == "6"
    by_index = json.loads(run(program, words(radius="8"), "F", "--json")[1])
    by_name = json.loads(run(program, words(radius="7(0)"), "F", "--json")[1])
    assert by_index == by_name
    assert by_index["grades"]["radius"] == 8


@pytest.mark.parametrize(
    ("grades", "code"),
    [
        (words(ulna=None), "missing-bones"),
        ("", "missing-bones"),
        (words() + ",ulna=6", "bad-grades"),
        (words(radius="15"), "illegal-grade"),
        (words(radius="-1"), "illegal-grade"),
        (words(radius="six"), "illegal-grade"),
        (words(radius="7(9)"), "illegal-grade"),
        (words(radius="٧"), "illegal-grade"),
        (words(radius=""), "bad-grades"),
        (words() + ",pp2=4", "unknown-bone"),
        (words() + ",6", "bad-grades"),
    ],
)
def test_it_refuses_what_is_not_thirteen_grades(program: Any, grades: str, code: str) -> None:
    status, out, err = run(program, grades, "F", "--json")
    assert status == 2
    assert json.loads(out)["error"]["code"] == code
    assert err.startswith(f"boneage-desk: {code}: ")
    assert err.count("\n") == 1


def test_sex_and_standard_are_never_assumed(program: Any) -> None:
    assert program.run("score", "--standard", "rus-chn", "--grades", words())[0] == 2
    assert program.run("score", "--sex", "F", "--grades", words())[0] == 2
    assert run(program, words(), "X")[0] == 2
    assert program.run("score", "--standard", "tw3", "--sex", "F", "--grades", words())[0] == 2


HEAVY = """
import sys
from boneage_desk.__main__ import main
sys.argv = ["boneage-desk", "score", "--standard", "rus-chn", "--sex", "F", "--grades", {grades!r}]
assert main() == 0
heavy = {{"torch", "torchvision", "PySide6", "pydicom", "numpy", "PIL", "reportlab", "sqlite3", "ultralytics", "timm",
          "captum", "openvino"}}
print(sorted(heavy & set(sys.modules)))
"""


def test_it_imports_nothing_heavy(repository: Path) -> None:
    code = HEAVY.format(grades=words())
    done = subprocess.run([sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
