"""``read`` with height, weight and parents: into JSON, report, text and the work list; what is refused."""

from __future__ import annotations

import io
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from boneage_desk.archive.store import FILE_NAME, SqliteStore
from boneage_desk.reading.growth import Growth, Measurement

GIVEN = ("--height", "138.2cm", "--weight", "33.4kg", "--father", "176cm", "--mother", "162cm")


def test_it_goes_into_json_report_and_text(program: Any, film: Any, tmp_path: Path) -> None:
    pdf, text = tmp_path / "r.pdf", tmp_path / "r.txt"
    code, out, err = program.run("read", film(), *GIVEN, "--menarche", "no", "--growth", "--pdf", pdf, "--text", text, "--json")
    assert code == 0, err
    grown = json.loads(out)["growth"]
    assert grown["measurements"] == [{"date": "2024-07-11", "height_cm": 138.2, "weight_kg": 33.4, "origin": "person"}]
    assert (grown["father_cm"], grown["mother_cm"], grown["menarche"]) == (176, 162, False)
    assert grown["height"]["sds"]["china2009"] is not None
    pages = PdfReader(io.BytesIO(pdf.read_bytes())).pages
    assert "Growth and adult height" in pages[-1].extract_text()
    assert "GROWTH AND ADULT HEIGHT" in text.read_text(encoding="utf-8")


def test_without_being_asked_for_the_report_has_no_growth_page(program: Any, film: Any, tmp_path: Path) -> None:
    pdf = tmp_path / "r.pdf"
    code, out, _ = program.run("read", film(), *GIVEN, "--pdf", pdf)
    assert code == 0
    assert all("Growth and adult height" not in page.extract_text() for page in PdfReader(io.BytesIO(pdf.read_bytes())).pages)
    assert "height 138.2 cm, " in out and "SD for bone age by China 2009" in out
    assert "adult height 162.5 cm (154.0 to 171.0) by Mid-parental height (Tanner)" in out


def test_the_files_height_is_named_as_the_files(program: Any, film: Any) -> None:
    changes = {"PatientSize": "1.382", "PatientWeight": "33.4"}
    grown = json.loads(program.run("read", film(changes=changes), "--json")[1])["growth"]
    assert grown["measurements"] == [{"date": "2024-07-11", "height_cm": 138.2, "weight_kg": 33.4, "origin": "file"}]
    found = json.loads(program.run("read", film("b.dcm", changes={"PatientSize": "138.2"}), "--json")[1])
    assert found["growth"] is None and "height_invalid" in [flag["code"] for flag in found["flags"]]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--height", "138.2"), "unit"),
        (("--height", "138m"), "implausible"),
        (("--height", "138cm", "--measured-on", "2024-07-12"), "after-study"),
        (("--height", "50cm", "--measured-on", "2014-02-14"), "before-birth"),
        (("--measured-on", "2024-07-01"), "usage"),
        (("--atlas-age", "126"), "unit"),
        (("--engines", "knee", "--height", "138cm"), "usage"),
        (("--engines", "knee", "--growth"), "usage"),
        (("--sex", "M", "--menarche", "yes"), "menarche"),
    ],
)
def test_what_cannot_be_is_refused(program: Any, film: Any, words: tuple[str, ...], code: str) -> None:
    found, out, err = program.run("read", film(), *words, "--json")
    assert found == 2 and json.loads(out)["error"]["code"] == code, err


def test_what_was_entered_is_in_the_work_list_with_its_audit(program: Any, film: Any, tmp_path: Path) -> None:
    assert program.run("read", film(), *GIVEN, "--atlas-age", "10y6m", "--save", "--data-dir", tmp_path)[0] == 0
    out = program.run("audit", "--data-dir", tmp_path, "show", "--json")[1]
    for action in ("set-measurement", "set-parents", "set-atlas-age"):
        assert action in out
    assert "138.2 cm 33.4 kg (person)" in out
    store = SqliteStore(tmp_path / FILE_NAME)
    (kept,) = store.list()
    store.close()
    assert kept.growth == Growth((Measurement(date(2024, 7, 11), 138.2, 33.4),), 176.0, 162.0, None, 126.0)
