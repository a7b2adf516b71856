"""``read --dicom-out``: what it writes, lists and refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from PIL import Image

from boneage_desk.common.errors import StoreError
from boneage_desk.reports.pdf import PdfReports
from tests.dicom_cases import by_modality, groups, number

Film = Callable[..., Path]


def test_writes_and_lists_the_results(program: Any, film: Film, tmp_path: Path) -> None:
    out = tmp_path / "not there yet" / "结果"
    code, said, err = program.run("read", film("左手.dcm"), "--dicom-out", out)
    assert (code, err) == (0, "")
    listed = [line.removeprefix("wrote ") for line in said.splitlines() if line.startswith("wrote ")]
    assert sorted(listed) == sorted(str(path) for path in out.iterdir())
    found = by_modality(listed)
    assert list(found) == ["SR", "PR", "OT", "DOC", "KO"]
    assert number(groups(found["SR"])["Bone age by RUS-CHN, grades in force"], "SCORE") == 416
    document = found["DOC"]
    assert document.EncapsulatedDocument[: document.EncapsulatedDocumentLength].rstrip().endswith(b"%%EOF")
    assert "bone age 9 y 8 m" in said


def test_the_json_lists_them_too(program: Any, film: Film, tmp_path: Path, repository: Path) -> None:
    code, said, err = program.run("read", film(), "--dicom-out", tmp_path / "out", "--json")
    assert (code, err) == (0, "")
    found = json.loads(said)
    schema = json.loads((repository / "resources/schema/reading-v1.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(found)
    assert sorted(found["dicom_results"]) == sorted(str(path) for path in (tmp_path / "out").iterdir())
    assert "dicom_results" not in json.loads(program.run("read", film(), "--json")[1])


def test_without_a_bone_age_they_are_written_all_the_same(program: Any, film: Film, tmp_path: Path) -> None:
    code, _, err = program.run("read", film(sex=""), "--dicom-out", tmp_path / "out")
    assert code == 3
    assert "sex-missing" in err
    report = by_modality((tmp_path / "out").glob("SR.*"))["SR"]
    assert number(groups(report)["Bone age by RUS-CHN, grades in force"], "37362-1") is None


def test_facts_of_the_command_line_are_in_them(program: Any, film: Film, tmp_path: Path) -> None:
    program.run("read", film(), "--dicom-out", tmp_path / "out", "--sex", "M", "--birth-date", "2015-01-02")
    found = by_modality((tmp_path / "out").iterdir())
    assert {(ds.PatientSex, ds.PatientBirthDate) for ds in found.values()} == {("M", "20150102")}


def test_a_picture_is_refused_before_it_is_read(program: Any, tmp_path: Path) -> None:
    path = tmp_path / "film.png"
    Image.new("L", (200, 250), 90).save(path)
    code, _, err = program.run("read", path, "--dicom-out", tmp_path / "out", "--sex", "F")
    assert code == 1
    assert err.startswith("boneage-desk: no-dicom: ")
    assert program.engine.calls == 0
    assert not (tmp_path / "out").exists()


def test_a_report_that_fails_leaves_the_others(
    program: Any, film: Film, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> Path:
        raise StoreError("No room.", code="report")

    monkeypatch.setattr(PdfReports, "write", fail)
    code, _, err = program.run("read", film(), "--dicom-out", tmp_path / "out")
    assert code == 0
    assert "No room." in err
    assert sorted(path.name.split(".")[0] for path in (tmp_path / "out").iterdir()) == ["KO", "OT", "PR", "SR"]


@pytest.mark.parametrize("target", ["film.dcm", "taken.txt", "out.zip"])
def test_a_file_is_no_folder(program: Any, film: Film, tmp_path: Path, target: str) -> None:
    path = film()
    (tmp_path / "taken.txt").write_text("mine")
    before = path.read_bytes()
    code, _, err = program.run("read", path, "--dicom-out", tmp_path / target)
    assert code == 2
    assert "bad-output" in err
    assert program.engine.calls == 0
    assert path.read_bytes() == before
    assert (tmp_path / "taken.txt").read_text() == "mine"


def test_the_folder_of_the_films_is_refused(program: Any, film: Film, tmp_path: Path) -> None:
    film("films/a.dcm")
    code, _, err = program.run("read", tmp_path / "films", "--dicom-out", tmp_path / "films")
    assert (code, "bad-output" in err) == (2, True)


def test_results_beside_a_film_do_not_hide_it(program: Any, film: Film, tmp_path: Path) -> None:
    path = film("study/a.dcm")
    program.run("read", path, "--dicom-out", tmp_path / "study" / "results")
    code, _, err = program.run("read", tmp_path / "study")
    assert (code, err) == (0, "")


def test_a_knee_has_no_such_results(program: Any, film: Film, tmp_path: Path) -> None:
    code, _, err = program.run("read", film(), "--engines", "knee", "--dicom-out", tmp_path / "out")
    assert (code, "usage" in err) == (2, True)
