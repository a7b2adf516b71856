"""`boneage-desk read --engines knee`: its own document, report and exit codes; a hand's engines stand elsewhere."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pypdf import PdfReader

from boneage_desk.imaging.phantom.dicom import PhantomPatient
from boneage_desk.imaging.phantom.knee import draw_knee
from boneage_desk.imaging.phantom.knee_dicom import write_knee_dicom
from boneage_desk.imaging.phantom.knee_form import KneeSpec
from boneage_desk.reading.analysis import ModelRef
from boneage_desk.reading.knee import KneeModelFacts, KneeQuestion, KneeResult, refused
from boneage_desk.standards.types import Sex

from .conftest import Program

MODEL = KneeModelFacts(
    ModelRef("Knee model", "convnext_tiny.site", "c" * 64, "knee"), True, 5, "site films", "reader (300 films)",
    {"films": 300.0, "mae_months": 9.1, "guess_mae_months": 11.0}, ("Only of one site.",),
)  # fmt: skip


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn left knee of a girl of 10 years."""
    path = tmp_path_factory.mktemp("knee") / "knee.dcm"
    drawn = draw_knee(KneeSpec(120.0, "F", size=(120, 90), bits=8))
    write_knee_dicom(drawn, path, patient=PhantomPatient("KNEE^CHILD", "K77", "F", "20140711", "20240711"))
    return path


@pytest.fixture
def asked(program: Program, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the engine was asked, and the answer that it gives."""
    said: dict[str, Any] = {"questions": [], "result": KneeResult(126.0, (), (108.0, 144.0), 0.9, 2.0, 0.6, MODEL, {"total": 5.0}, "cpu")}

    def knee(_frame: object, question: KneeQuestion, **_how: object) -> KneeResult:
        said["questions"].append(question)
        return said["result"]  # type: ignore[no-any-return]

    def saliency(_frame: object, _question: KneeQuestion, **_how: object) -> Any:
        said["mapped"] = True
        return np.full((256, 192), 0.5, np.float32)

    monkeypatch.setattr(program.engine, "knee", knee, raising=False)
    monkeypatch.setattr(program.engine, "knee_saliency", saliency, raising=False)
    return said


def test_a_knee_is_read_to_json_report_and_picture(program: Program, film: Path, asked: dict[str, Any], tmp_path: Path) -> None:
    out = [tmp_path / name for name in ("k.json", "k.pdf", "k.png")]
    code, said, err = program.run("read", "--engines", "knee", film, "--json", out[0], "--pdf", out[1], "--png", out[2])
    assert (code, err) == (0, "")
    assert asked["questions"] == [KneeQuestion(Sex.FEMALE, 120.0, drawn=True)] and asked["mapped"]
    assert "knee bone age 10 y 6 m (9 y 0 m to 12 y 0 m)" in said and "was told the chronological age" in said
    found = json.loads(out[0].read_text())
    assert found["schema"] == "boneage-desk/knee-1" and found["knee"]["bone_age_months"] == 126.0
    assert found["knee"]["used_chronological_age"] is True and found["film"]["drawn"] is True and found["side"] == "L"
    assert "bones" not in found and program.engine.calls == 0  # no hand was read
    (page,) = PdfReader(out[1]).pages
    text = page.extract_text()
    for words in (
        "bone age by a site's own model", "SYNTHETIC FILM", "10 y 6 m", "9 y 0 m to 12 y 0 m", "left knee", "Chronological age as input",
        "yes", "convnext_tiny.site", "9.1 months on 300 films", "Only of one site.", "does not replace a hand film",
    ):  # fmt: skip
        assert words in " ".join(text.split()), words
    assert out[2].stat().st_size > 500


def test_without_a_model_it_says_how_to_get_one(program: Program, film: Path, asked: dict[str, Any], tmp_path: Path) -> None:
    asked["result"] = refused("knee_unavailable", "No knee model is installed: a site must train it, see docs/knee.md.")
    code, said, err = program.run("read", "--engines", "knee", film, "--pdf", tmp_path / "k.pdf", "--png", tmp_path / "k.png")
    assert code == 3 and "knee-unavailable" in err and "docs/knee.md" in err
    assert "no bone age from the knee" in said and "mapped" not in asked
    text = " ".join(PdfReader(tmp_path / "k.pdf").pages[0].extract_text().split())
    assert "not given" in text and "docs/knee.md" in text and "10 y 6 m" not in text


def test_a_folder_and_a_zip_with_one_knee_are_taken(program: Program, film: Path, asked: dict[str, Any], tmp_path: Path) -> None:
    packed = tmp_path / "knees.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(film, "a/knee.dcm")
    for path in (film.parent, packed):
        code, said, err = program.run("read", "--engines", "knee", path)
        assert (code, err) == (0, "") and "knee bone age 10 y 6 m" in said
    code, _, err = program.run("read", packed)
    assert code == 1 and "not a plain film of the hand" in err


def test_given_facts_win_and_contradictions_are_told(program: Program, film: Path, asked: dict[str, Any]) -> None:
    code, said, _ = program.run("read", "--engines", "knee", film, "--sex", "M", "--birth-date", "2012-07-11", "--side", "R")
    assert code == 0
    assert asked["questions"] == [KneeQuestion(Sex.MALE, 144.0, drawn=True)]
    for words in ("sex_conflict", "birth_date_conflict", "side_conflict"):
        assert words in said


def test_a_knee_stands_alone_and_films_of_other_parts_are_refused(
    program: Program, film: Path, asked: dict[str, Any], tmp_path: Path
) -> None:
    code, _, err = program.run("read", "--engines", "knee,dual", film)
    assert code == 2 and "stands alone" in err
    code, _, err = program.run("read", "--engines", "knee", film, "--save")
    assert code == 2 and "no work list" in err
    code, _, err = program.run("read", film)
    assert code == 1 and "not-hand-film" in err
    drawn = draw_knee(KneeSpec(120.0, "F", size=(120, 90), bits=8))
    write_knee_dicom(drawn, tmp_path / "hand.dcm", changes={"BodyPartExamined": "HAND"})
    code, _, err = program.run("read", "--engines", "knee", tmp_path / "hand.dcm", "--json", tmp_path / "e.json")
    assert code == 1 and "not-knee-film" in err
    assert json.loads((tmp_path / "e.json").read_text())["error"]["code"] == "not-knee-film"
    assert asked["questions"] == []


def test_the_report_speaks_chinese(film: Path, tmp_path: Path) -> None:
    from datetime import UTC, datetime

    from boneage_desk.common.settings import Settings
    from boneage_desk.imaging.reader import FilmFiles
    from boneage_desk.reading.knee import KneeReading, question_of
    from boneage_desk.reading.report_knee import knee_keys, knee_report, knee_text
    from boneage_desk.reports.knee_section import KneePdf

    opened = FilmFiles(knee=True).open(str(film))
    question, _ = question_of(opened)
    for result in (KneeResult(126.0, model=MODEL), refused("knee_not_seen", "Not read as a knee: noise.")):
        reading = KneeReading(opened, question, result, datetime(2026, 1, 2, tzinfo=UTC))
        content = knee_report(reading, language="zh", site_name="医院")
        english = knee_report(reading, language="en")
        assert [f.key for f in content.results] == [f.key for f in english.results]
        assert "膝" in content.title and content.headline.known == (result.months is not None)
        KneePdf(Settings(language="zh", site_name="医院"))(reading, tmp_path / "zh.pdf")
        assert len(PdfReader(tmp_path / "zh.pdf").pages) == 1
    assert all(knee_text("zh", key) for key in knee_keys())
    assert all(knee_text("en", key) for key in knee_keys() if not key.startswith("flag."))
