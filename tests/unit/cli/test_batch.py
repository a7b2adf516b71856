"""``batch``: every film one line, resumes, and one bad film is never the end."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from boneage_desk.cli.app import ModelCheck
from boneage_desk.cli.lines import Results
from boneage_desk.common.errors import EngineError
from tests.samples import analysis, sha

Film = Callable[..., Path]
CRASH = EngineError("The model process ended.", "Again.", code="engine-crashed")


@pytest.fixture
def films(film: Film, tmp_path: Path) -> Path:
    for name in ("a", "b", "c"):
        film(f"films/{name}.dcm", patient_id=f"P{name}")
    return tmp_path / "films"


def lines(path: Path) -> list[Any]:
    text = path.read_text(encoding="ascii")
    assert text.endswith("\n") or not text
    return [json.loads(line) for line in text.splitlines()]


def test_every_film_is_one_line_that_fits_the_schema(program: Any, films: Path, tmp_path: Path, repository: Path) -> None:
    out = tmp_path / "r.jsonl"
    (films / "bad.dcm").write_bytes(b"no film")
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        archive.write(films / "a.dcm", "deep/z.dcm")
        archive.writestr("deep/broken.png", b"\x89PNG\r\n\x1a\n")
        archive.writestr("readme.txt", "hello")
    code, said, err = program.run("batch", films, tmp_path / "more.zip", films / "a.dcm", "--out", out)
    assert (code, said) == (0, "")
    schema = json.loads((repository / "resources/schema/reading-v1.schema.json").read_text(encoding="utf-8"))
    for value in lines(out):
        jsonschema.Draft202012Validator(schema).validate(value)
    zipped = tmp_path / "more.zip"
    assert [(value["input"]["path"], "error" in value) for value in lines(out)] == [
        (str(films / "a.dcm"), False), (str(films / "b.dcm"), False), (str(films / "bad.dcm"), True),
        (str(films / "c.dcm"), False), (f"{zipped}!deep/broken.png", True), (f"{zipped}!deep/z.dcm", False),
    ]  # fmt: skip
    assert err.splitlines()[-1].startswith("6 films: 4 read, 2 with an error, 0 done before")


def test_it_goes_on_where_it_stopped_and_cuts_a_torn_line(program: Any, films: Path, tmp_path: Path) -> None:
    out = tmp_path / "r.jsonl"
    assert program.run("batch", films, "--out", out)[0] == 0
    whole = out.read_bytes()
    first, second, third = whole.splitlines(keepends=True)
    for left in (first + second + third[:-1], first + second + third[:50], first + second, whole):
        out.write_bytes(left)
        before = program.engine.calls
        code, _, err = program.run("batch", films, "--out", out)
        assert code == 0
        assert program.engine.calls - before == (0 if left == whole else 1)
        assert [v["input"]["path"] for v in lines(out)] == [str(films / f"{n}.dcm") for n in "abc"]
        assert "done before" in err


def test_a_file_that_is_no_results_is_left_alone(program: Any, films: Path, tmp_path: Path) -> None:
    out = tmp_path / "thesis.txt"
    out.write_text("Chapter one\n")
    code, _, err = program.run("batch", films, "--out", out)
    assert code == 2
    assert "line 1 is no reading" in err
    assert out.read_text() == "Chapter one\n"


def test_errors_are_kept_or_tried_again(program: Any, films: Path, tmp_path: Path) -> None:
    out = tmp_path / "r.jsonl"
    bad = films / "bb.dcm"
    good = bad.with_name("b.dcm").read_bytes()
    bad.write_bytes(good[: len(good) // 2])
    program.run("batch", films, "--out", out)
    assert ["error" in v for v in lines(out)] == [False, False, True, False]
    bad.write_bytes(good)
    assert "3 read" not in program.run("batch", films, "--out", out)[2]
    assert ["error" in v for v in lines(out)] == [False, False, True, False]
    assert program.run("batch", films, "--out", out, "--retry-errors")[0] == 0
    assert sorted((v["input"]["path"], "error" in v) for v in lines(out)) == [
        (str(films / f"{n}.dcm"), False) for n in ("a", "b", "bb", "c")
    ]


def test_the_table_gives_sex_and_birth_date(program: Any, film: Film, tmp_path: Path) -> None:
    for name in ("one", "two.x", "three", "four"):
        film(f"films/{name}.dcm", patient_id=f"P {name}", sex="", birth_date="")
    table = tmp_path / "t.csv"
    table.write_text("\ufeffid, Sex ,birth_date,remark\none,F,2014-02-15,x\ntwo.x.dcm,m,,\nP three,女,20140215,\n", "utf-8")
    out = tmp_path / "r.jsonl"
    code, _, err = program.run("batch", tmp_path / "films", "--table", table, "--out", out, "--json")
    assert code == 0
    assert "(1 without a bone age)" in err
    found = {Path(v["input"]["path"]).stem: v for v in lines(out)}
    assert {name: v["sex"] for name, v in found.items()} == {"one": "F", "two.x": "M", "three": "F", "four": None}
    assert found["one"]["chronological_age_months"] == found["three"]["chronological_age_months"] > 120
    assert found["two.x"]["chronological_age_months"] is None
    assert found["four"]["standards"] == {"rus-chn": None}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("id,sex\na,F\nb,X\n", "line 3"),
        ("id,sex,birth_date\na,F,2014-13-01\n", "line 2"),
        ("id,sex\n,F\n", "line 2"),
        ("id,sex\na,F\na,M\n", "line 3"),
        ("name,sex\na,F\n", "no columns 'id' and 'sex'"),
        ("", "no columns 'id' and 'sex'"),
    ],
)
def test_a_wrong_table_names_its_line(program: Any, films: Path, tmp_path: Path, text: str, says: str) -> None:
    table = tmp_path / "t.csv"
    table.write_text(text)
    code, _, err = program.run("batch", films, "--table", table, "--out", tmp_path / "r.jsonl")
    assert code == 2
    assert err.startswith("boneage-desk: table: ")
    assert says in err
    assert not (tmp_path / "r.jsonl").exists()


def test_a_birth_date_after_the_study_is_that_films_error(program: Any, films: Path, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,sex,birth_date\na,F,2030-01-01\n")
    out = tmp_path / "r.jsonl"
    assert program.run("batch", films, "--table", tmp_path / "t.csv", "--out", out)[0] == 0
    assert [v.get("error", {}).get("code") for v in lines(out)] == ["birth-after-study", None, None]


def test_a_crash_on_one_film_is_its_error_line(program: Any, films: Path, tmp_path: Path) -> None:
    program.engine.answers = [analysis(), CRASH, analysis()]
    out = tmp_path / "r.jsonl"
    assert program.run("batch", films, "--out", out)[0] == 0
    assert {Path(v["input"]["path"]).stem: v.get("error", {}).get("code") for v in lines(out)} == {
        "a": None, "b": "engine-crashed", "c": None,
    }  # fmt: skip


def test_an_engine_that_never_works_ends_the_run_and_leaves_the_films_to_do(
    program: Any, films: Path, tmp_path: Path
) -> None:
    program.engine.answers = [CRASH]
    out = tmp_path / "r.jsonl"
    code, _, err = program.run("batch", films, "--out", out)
    assert code == 1
    assert err.splitlines()[-1].startswith("boneage-desk: engine-crashed: ")
    assert lines(out) == []
    program.engine.answers = [analysis()]
    assert program.run("batch", films, "--out", out)[0] == 0
    assert len(lines(out)) == 3


def test_a_bug_on_one_film_is_its_error_line(program: Any, films: Path, tmp_path: Path) -> None:
    program.engine.answers = [ZeroDivisionError("by design"), analysis()]
    out = tmp_path / "r.jsonl"
    assert program.run("batch", films, "--out", out)[0] == 0
    assert [v.get("error", {}).get("code") for v in lines(out)] == ["bug", None, None]


def test_when_no_film_can_be_read_it_is_no_success(program: Any, tmp_path: Path) -> None:
    (tmp_path / "x.dcm").write_bytes(b"no film")
    assert program.run("batch", tmp_path / "x.dcm", "--out", tmp_path / "r.jsonl")[0] == 1
    assert len(lines(tmp_path / "r.jsonl")) == 1
    (tmp_path / "empty").mkdir()
    code, _, err = program.run("batch", tmp_path / "empty", "--out", tmp_path / "s.jsonl")
    assert (code, err.split(": ")[1]) == (2, "no-film")


@pytest.mark.parametrize(
    ("engines", "code"),
    [("detector,grader,magic", "unknown-engine"), ("detector", "engines"), ("detector,grader,whole-hand", "weights-missing")],
)
def test_engines_that_are_not_there_are_refused(
    program: Any, films: Path, tmp_path: Path, engines: str, code: str
) -> None:
    status, _, err = program.run("batch", films, "--engines", engines, "--out", tmp_path / "r.jsonl")
    assert status != 0
    assert err.startswith(f"boneage-desk: {code}: ")
    assert program.engine.calls == 0


def test_weights_that_are_not_whole_are_told_before_the_run(program: Any, films: Path, tmp_path: Path) -> None:
    checks = [
        ModelCheck("detector", "d", "d", sha("d"), True), ModelCheck("grader", "g", "g", sha("g"), False, "Wrong hash."),
    ]  # fmt: skip
    object.__setattr__(program.app, "check_models", lambda: checks)
    status, _, err = program.run("batch", films, "--out", tmp_path / "r.jsonl")
    assert (status, err) == (1, "boneage-desk: weights: Wrong hash. See: boneage-desk doctor\n")


def test_ctrl_c_keeps_what_is_done(program: Any, films: Path, tmp_path: Path) -> None:
    program.engine.answers = [analysis(), KeyboardInterrupt()]
    out = tmp_path / "r.jsonl"
    assert program.run("batch", films, "--out", out)[0] == 130
    assert len(lines(out)) == 1


FULL = """
import resource, sys
from pathlib import Path
from boneage_desk.cli.lines import Results
from boneage_desk.cli.output import write_bytes
from boneage_desk.common.errors import StoreError
out = Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
results = Results(out)
try:
    for i in range(100):
        results.add({"input": {"path": f"film {i}"}, "note": "x" * 400})
        print(i)
except StoreError as error:
    print(error.code, "goes on where it stopped" in error.remedy)
try:
    write_bytes(b"x" * 5000, out.with_name("film.png"))
except StoreError as error:
    print(error.code, sorted(path.name for path in out.parent.iterdir()))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file size are POSIX")
def test_a_full_disk_keeps_every_whole_line(tmp_path: Path, repository: Path) -> None:
    out = tmp_path / "r.jsonl"
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(out)], cwd=repository, capture_output=True, text=True, timeout=60
    )
    said = done.stdout.splitlines()
    assert said[-2:] == ["disk True", "disk ['r.jsonl']"], done.stderr
    results = Results(out)
    assert results.done == {f"film {i}" for i in range(len(said) - 2)}
    results.close()
    assert len(lines(out)) == len(said) - 2
