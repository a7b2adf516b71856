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


def by(program: Any, standard: str, grades: str, sex: str = "F", *more: str) -> tuple[int, Any, str]:
    code, out, err = program.run("score", "--standard", standard, "--sex", sex, "--grades", grades, "--json", *more)
    return code, json.loads(out), err


def test_all_standards_of_one_set_of_grades(program: Any) -> None:
    code, found, _ = by(program, "all", words())
    assert code == 0
    assert {one["standard"]: (one["score"], one["bone_age_months"]) for one in found["standards"]} == {
        "rus-chn": (416, 115.89), "tw3-rus": (445, 111.09), "tw3-c-rus": (445, 111.07),
    }  # fmt: skip
    assert found["grades"]["radius"] == 6


@pytest.mark.parametrize(("standard", "months"), [("tw3-rus", 111.09), ("tw3-c-rus", 111.07), ("tw2-rus", 122.4)])
def test_tw_takes_rus_chn_grades_and_stages(program: Any, standard: str, months: float) -> None:
    by_grade = by(program, standard, words())[1]
    by_stage = by(program, standard, ",".join(f"{bone}=f" for bone in rus_chn.BONES))[1]
    assert by_grade == by_stage
    assert (by_grade["score"], by_grade["bone_age_months"], by_grade["stages"]["ulna"]) == (445, months, "F")


def test_chn_takes_its_own_fourteen_bones(program: Any) -> None:
    bones = [bone for bone in rus_chn.BONES if bone != "ulna"]
    grades = ",".join(f"{bone}=5" for bone in (*bones, "capitate", "hamate"))
    code, found, _ = by(program, "chn-1988", grades, "M")
    assert (code, found["score"]) == (0, 59 + 75 + 87 + 15 + 60 + 38 + 17 + 88 + 57 + 62 + 12 + 73 + 49 + 13)
    assert by(program, "chn-1988", words())[1]["error"]["code"] == "unknown-bone"
    assert by(program, "chn-1988", grades.replace("hamate=5", "hamate=9"), "M")[1]["error"]["code"] == "illegal-grade"
    assert by(program, "chn-1988", grades.replace(",hamate=5", ""), "M")[1]["error"]["code"] == "missing-bones"


@pytest.mark.parametrize(
    ("plate", "sex", "months", "qualifier"),
    [("12", "M", 48, ""), ("12-13", "M", 51, ""), ("31", "M", 228, ">="), ("27", "F", 216, ">="), ("1", "F", 0, "")],
)
def test_plates(program: Any, plate: str, sex: str, months: float, qualifier: str) -> None:
    found = by(program, "greulich-pyle", f"plate={plate}", sex)[1]
    assert (found["bone_age_months"], found["qualifier"], found["score"]) == (months, qualifier, None)


@pytest.mark.parametrize(
    ("standard", "grades", "code"),
    [
        ("tw3-carpal", words(), "no-scores"), ("fels", words(), "no-scores"), ("tw4", words(), "unknown-standard"),
        ("tw3-rus", words(ulna="I"), "illegal-grade"), ("tw3-rus", words(ulna=None), "missing-bones"),
        ("greulich-pyle", "plate=32", "illegal-grade"), ("greulich-pyle", "plate=12-14", "bad-grades"),
        ("greulich-pyle", words(), "bad-grades"), ("greulich-pyle", "plate=31-32", "illegal-grade"),
    ],
)  # fmt: skip
def test_what_a_standard_does_not_have_is_refused(program: Any, standard: str, grades: str, code: str) -> None:
    status, found, err = by(program, standard, grades, "M")
    assert status == 2 and found["error"]["code"] == code and err.startswith(f"boneage-desk: {code}: ")


def test_against_an_age_by_the_rule_asked_for(program: Any) -> None:
    found = by(program, "rus-chn", words(), "F", "--age-months", "140")[1]
    assert (found["rule"], found["conclusion"], found["difference_months"]) == ("brush-2sd", "delayed", -24.11)
    assert found["sd_score"] == -2.23 and found["normal_range_months"] == [118.39, 161.61]
    found = by(program, "rus-chn", words(), "F", "--age-months", "140", "--rule", "rus-chn-years")[1]
    assert (found["conclusion"], found["degree"], found["sd_score"]) == ("delayed", "slight", None)
    found = by(program, "rus-chn", words(), "F", "--age-months", "200")[1]
    assert found["conclusion"] is None and found["normal_range_months"] is None
    told = run(program, words(), "F", "--age-months", "200")[1]
    assert told.endswith("the table of brush-2sd has no SD: no conclusion\n")


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (("--age-months", "-1"), "bad-age"), (("--age-months", "nan"), "bad-age"), (("--age-months", "1200"), "bad-age"),
        (("--rule", "brush-2sd"), "usage"), (("--age-months", "100", "--rule", "3sd"), "unknown-rule"),
    ],
)  # fmt: skip
def test_an_age_or_rule_that_cannot_be(program: Any, more: tuple[str, ...], code: str) -> None:
    assert by(program, "rus-chn", words(), "F", *more)[1]["error"]["code"] == code


def test_the_list_of_standards(program: Any) -> None:
    code, out, _ = program.run("standards", "--json")
    found = json.loads(out)
    assert code == 0
    by_name = {one["standard"]: one for one in found["standards"]}
    assert list(by_name) == ["rus-chn", "tw3-rus", "tw3-c-rus", "tw2-rus", "chn-1988", "greulich-pyle"]
    assert by_name["rus-chn"]["range_months"] == {"M": [12, 216], "F": [12, 204]}
    assert by_name["tw3-rus"]["range_months"] == {"M": [24, 198], "F": [24, 180]}
    assert all(one["certainty"] and one["edition"] and one["sources"] and len(one["sha256"]) == 64 for one in by_name.values())
    assert "tw3-carpal" in found["refused"]
    code, out, _ = program.run("standards")
    assert code == 0 and all(name in out for name in by_name) and "Not given:" in out
