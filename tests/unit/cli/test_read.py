"""``read``: what it writes, what it refuses, and its exit codes."""

from __future__ import annotations

import io
import json
import logging
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from PIL import Image
from pypdf import PdfReader

from boneage_desk.archive.store import FILE_NAME, SqliteStore
from boneage_desk.common.errors import EngineError
from boneage_desk.reading.analysis import Flag
from tests.samples import analysis

Film = Callable[..., Path]


@pytest.fixture(scope="module")
def check(repository: Path) -> Callable[[Any], None]:
    schema = json.loads((repository / "resources/schema/reading-v1.schema.json").read_text(encoding="utf-8"))
    return jsonschema.Draft202012Validator(schema).validate  # type: ignore[no-any-return]


def test_json_on_stdout_is_one_object_and_nothing_else(program: Any, film: Film, check: Any) -> None:
    path = film("a b/左手.dcm")
    code, out, err = program.run("read", path, "--json")
    assert (code, err) == (0, "")
    assert out.count("\n") == 1
    found = json.loads(out)
    check(found)
    assert found["input"]["path"] == str(path)
    assert found["standards"]["rus-chn"]["score"] == 416
    assert program.engine.stopped == 1


def test_the_option_may_stand_before_the_film(program: Any, film: Film) -> None:
    path = film()
    before = path.read_bytes()
    code, out, _ = program.run("read", "--json", path)
    assert (code, json.loads(out)["input"]["path"]) == (0, str(path))
    assert path.read_bytes() == before
    assert program.run("read", "--json", "gone.dcm")[0] == 2
    assert program.run("read")[0] == 2


def test_text_and_fhir_of_a_film(program: Any, film: Film, tmp_path: Path) -> None:
    text, fhir = tmp_path / "r.txt", tmp_path / "r.fhir.json"
    code, _, err = program.run("read", film(), "--text", text, "--fhir", fhir)
    assert (code, err) == (0, "")
    assert "BONE AGE (DRAFT): 9 y 8 m" in text.read_text(encoding="utf-8")
    made = json.loads(fhir.read_text(encoding="utf-8"))
    ages = [e["resource"]["valueQuantity"]["value"] for e in made["entry"] if "valueQuantity" in e["resource"]]
    assert made["resourceType"] == "Bundle" and 115.89 in ages
    for words in (["--text", film()], ["--fhir", "no/folder.json"], ["--engines", "knee", "--text", text]):
        assert program.run("read", film(), *words)[0] == 2


def test_a_logo_that_is_not_there_is_told_and_the_report_written(
    program: Any, film: Film, tmp_path: Path
) -> None:
    folder = Path(os.environ["BONEAGE_DESK_DATA"])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "settings.json").write_text(json.dumps({"report_logo": "/gone/logo.png"}), encoding="utf-8")
    out = tmp_path / "r.pdf"
    code, _, err = program.run("read", film(), "--pdf", out)
    assert code == 0 and out.exists() and "logo" in err and "left out" in err


def test_every_output_at_once(program: Any, film: Film, check: Any, tmp_path: Path) -> None:
    names = [tmp_path / name for name in ("out 出.json", "out 出.pdf", "out 出.png")]
    code, out, err = program.run(
        "read", film(), "--json", names[0], "--pdf", names[1], "--png", names[2], "--paper", "Letter"
    )
    assert (code, err) == (0, "")
    assert "bone age 9 y 8 m" in out
    check(json.loads(names[0].read_text()))
    assert names[1].read_bytes()[:5] == b"%PDF-"
    with Image.open(names[2]) as picture:
        assert picture.size == (200, 250)


def test_the_report_is_written_with_its_page_of_the_bones_or_without(program: Any, film: Film, tmp_path: Path) -> None:
    out = tmp_path / "r.pdf"
    pages = []
    for more in ([], ["--no-detail"]):
        assert program.run("read", film(), "--pdf", out, *more)[0] == 0
        pages.append(len(PdfReader(out).pages))
    assert pages == [2, 1]


def test_facts_given_win_but_not_in_silence(program: Any, film: Film) -> None:
    code, out, _ = program.run(
        "read", film(sex="F"), "--sex", "M", "--birth-date", "2013-02-15", "--side", "R", "--json"
    )
    found = json.loads(out)
    assert (code, found["sex"], found["input"]["laterality"]) == (0, "M", "R")
    assert found["chronological_age_months"] > 136
    assert {"sex_conflict", "birth_date_conflict", "laterality_conflict"} <= {f["code"] for f in found["flags"]}


def test_the_age_and_the_rule_of_the_conclusion_can_be_given(program: Any, film: Film, check: Any) -> None:
    code, out, _ = program.run("read", film(), "--rule", "rus-chn-years", "--birth-date-known-to", "year", "--json")
    found = json.loads(out)
    check(found)
    assert (code, found["reference"]["rule"], found["age_basis"]["birth_date_known_to"]) == (0, "rus-chn-years", "year")
    low, high = found["age_basis"]["age_span_months"]
    assert low <= found["chronological_age_months"] <= high and 11 < high - low <= 12
    study = program.run("read", film(), "--birth-date", "2023-01-15", "--pregnancy", "30+4", "--correct-prematurity", "--json")
    found = json.loads(study[1])
    assert found["age_basis"]["gestation_days"] == 214
    assert found["age_basis"]["compared_age_months"] == pytest.approx(found["chronological_age_months"] - 66 * 12 / 365.2425, abs=0.01)


@pytest.mark.parametrize(
    ("more", "code"),
    [(("--correct-prematurity",), "usage"), (("--pregnancy", "12+0"), "bad-gestation"), (("--rule", "4sd"), "usage")],
)
def test_an_age_or_rule_that_cannot_be(program: Any, film: Film, more: tuple[str, ...], code: str) -> None:
    status, out, err = program.run("read", film(), *more)
    assert (status, out) == (2, "") and err.startswith(f"boneage-desk: {code}: ")


def test_the_rule_is_that_of_the_settings(program: Any, film: Film) -> None:
    folder = Path(os.environ["BONEAGE_DESK_DATA"])
    (folder / "settings.json").write_text(json.dumps({"version": 1, "conclusion_rule": "stuart-2sd"}), encoding="utf-8")
    assert json.loads(program.run("read", film(), "--json")[1])["reference"]["rule"] == "stuart-2sd"


def test_without_sex_the_bones_are_written_and_the_exit_code_says_no_age(
    program: Any, film: Film, check: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("F\n"))  # no terminal: nobody is asked
    code, out, err = program.run("read", film(sex=""), "--json")
    found = json.loads(out)
    check(found)
    assert code == 3
    assert found["standards"] == {"rus-chn": None}
    assert len(found["bones"]) == 13
    assert "sex_missing" in [flag["code"] for flag in found["flags"]]
    assert err.startswith("boneage-desk: sex-missing: ")
    assert "--sex" in err
    assert err.count("\n") == 1


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_it_asks_for_the_sex(program: Any, film: Film, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", _Terminal("x\nm\n"))
    monkeypatch.setattr("sys.stderr", _Terminal())
    code, out, _ = program.run("read", film(sex=""), "--json")
    assert (code, json.loads(out)["sex"]) == (0, "M")


def test_a_blocking_flag_is_no_success(program: Any, film: Film) -> None:
    program.engine.answers = [analysis(flags=(Flag("several_hands", "Two hands on one film.", blocking=True),))]
    code, out, err = program.run("read", film(), "--json")
    assert code == 3
    assert json.loads(out)["standards"] == {"rus-chn": None}
    assert err.startswith("boneage-desk: several-hands: No bone age: Two hands")


def test_birth_after_study_is_refused(program: Any, film: Film) -> None:
    path = film()
    code, out, err = program.run("read", path, "--birth-date", "2030-01-01", "--json")
    assert code == 2
    assert json.loads(out)["input"]["path"] == str(path)
    assert json.loads(out)["error"]["code"] == "birth-after-study"
    assert err.startswith("boneage-desk: birth-after-study: ")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--sex", "X"], "input"),
        (["--birth-date", "2014-02-30"], "bad-date"),
        (["--side", "B"], "usage"),
        (["--frame", "two"], "usage"),
        (["--nonsense"], "usage"),
    ],
)
def test_a_wrong_option_is_one_line(program: Any, film: Film, words: list[str], code: str) -> None:
    status, out, err = program.run("read", film(), *words)
    assert (status, out) == (2, "")
    assert err.startswith(f"boneage-desk: {code}: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"a letter " * 40, "not-an-image"), (b"", "empty-file"), (None, "file-not-found")],
)
def test_a_film_that_fails_is_an_object_with_an_error(
    program: Any, tmp_path: Path, check: Any, content: bytes | None, code: str
) -> None:
    path = tmp_path / "bad.dcm"
    if content is not None:
        path.write_bytes(content)
    status, out, err = program.run("read", path, "--json")
    found = json.loads(out)
    check(found)
    assert status == 1
    assert (found["input"]["path"], found["error"]["code"]) == (str(path), code)
    assert err.startswith(f"boneage-desk: {code}: ")
    assert err.count("\n") == 1


def test_an_engine_that_fails_is_told(program: Any, film: Film, tmp_path: Path) -> None:
    program.engine.answers = [EngineError("Weights missing.", "Install again.", code="weights-missing")]
    out = tmp_path / "r.json"
    status, said, err = program.run("read", film(), "--json", out)
    assert (status, said) == (1, "")
    assert json.loads(out.read_text())["error"] == {
        "code": "weights-missing", "message": "Weights missing. Install again.",
    }  # fmt: skip
    assert err == "boneage-desk: weights-missing: Weights missing. Install again.\n"


def test_a_folder_with_one_film_is_that_film(program: Any, film: Film) -> None:
    path = film("study/one.dcm")
    (path.parent / "notes.txt").write_text("beside it")
    code, out, _ = program.run("read", path.parent, "--json")
    assert (code, json.loads(out)["input"]["path"]) == (0, str(path))


def test_a_folder_with_several_films_names_them(program: Any, film: Film) -> None:
    first = film("study/one.dcm")
    film("study/two.dcm")
    code, out, err = program.run("read", first.parent, "--json")
    assert code == 2
    assert json.loads(out)["error"]["code"] == "choose-film"
    assert "one.dcm" in err
    assert "two.dcm" in err
    assert "batch" in err


def test_an_empty_folder_is_told(program: Any, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    code, _, err = program.run("read", tmp_path / "empty")
    assert (code, err.split(": ")[1]) == (1, "no-film")


def test_a_member_of_a_zip(program: Any, film: Film, tmp_path: Path) -> None:
    packed = tmp_path / "films.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(film("x/one.dcm"), "in/one.dcm")
        archive.write(film("x/two.dcm"), "in/two.dcm")
    code, out, _ = program.run("read", f"{packed}!in/two.dcm", "--json")
    assert (code, json.loads(out)["input"]["path"]) == (0, f"{packed}!in/two.dcm")
    assert program.run("read", packed)[0] == 2


def test_a_picture_without_facts(program: Any, tmp_path: Path, drawn: Any) -> None:
    path = tmp_path / "hand.png"
    Image.fromarray((drawn.pixels >> 4).astype("uint8")).save(path)
    code, out, _ = program.run("read", path, "--sex", "f", "--birth-date", "2014-02-15", "--json")
    found = json.loads(out)
    assert (code, found["sex"], found["chronological_age_months"]) == (0, "F", None)


def test_a_film_is_never_overwritten(program: Any, film: Film, tmp_path: Path) -> None:
    path, other = film(), film("other.dcm")
    before = other.read_bytes()
    for words in ([path, "--json", path], [path, "--json", other], [path, "--png", tmp_path], [path, "--pdf", "no/o.pdf"]):
        code, _, err = program.run("read", *words)
        assert code == 2, words
        assert err.startswith("boneage-desk: bad-output: ")
    assert other.read_bytes() == before
    assert program.engine.calls == 0


def test_only_with_save_it_goes_to_the_work_list(program: Any, film: Film, own_data_folder: Path) -> None:
    path = film()
    assert program.run("read", path)[0] == 0
    assert not (own_data_folder / FILE_NAME).exists()
    assert program.run("read", path, "--save")[0] == 0
    code, _, err = program.run("read", path, "--save")
    assert code == 0
    assert "in the work list already" in err
    store = SqliteStore(own_data_folder / FILE_NAME)
    assert len(store.list()) == 1
    assert [event.action for event in store.events()] == ["open", "set-analysis"]
    assert store.verify() == []
    store.close()


def test_the_data_folder_may_be_named_before_or_after_the_command(program: Any, film: Film, tmp_path: Path) -> None:
    path = film()
    for i, words in enumerate((["--data-dir", "{}", "read", path, "--save"], ["read", path, "--save", "--data-dir", "{}"])):
        folder = tmp_path / f"data 数据 {i}"
        assert program.run(*(str(word).replace("{}", str(folder)) for word in words))[0] == 0
        assert (folder / FILE_NAME).exists()


def test_a_data_folder_that_cannot_be_made_is_told(program: Any, film: Film, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    code, _, err = program.run("read", film(), "--data-dir", tmp_path / "file" / "below")
    assert code == 1
    assert err.startswith("boneage-desk: data-folder: ")


def test_a_bug_is_one_line_and_a_log(
    program: Any, film: Film, own_data_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    program.engine.answers = [ZeroDivisionError("by design")]
    with caplog.at_level(logging.ERROR):
        code, out, err = program.run("read", film(), "--json")
    assert code == 70
    assert json.loads(out)["error"]["code"] == "bug"
    assert err.startswith("boneage-desk: bug: ZeroDivisionError: by design")
    assert err.count("\n") == 1
    assert "Traceback" in (own_data_folder / "boneage-desk.log").read_text()
    for handler in list(logging.getLogger("boneage_desk").handlers):
        logging.getLogger("boneage_desk").removeHandler(handler)
        handler.close()


def test_ctrl_c_ends_quietly(program: Any, film: Film) -> None:
    program.engine.answers = [KeyboardInterrupt()]
    code, _, err = program.run("read", film())
    assert (code, err) == (130, "boneage-desk: cancelled: Stopped.\n")
    assert program.engine.stopped == 1
