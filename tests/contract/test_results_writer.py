"""What every ResultsWriter must do; run on the DICOM writer."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from boneage_desk.common.errors import BoneAgeError, FilmError
from boneage_desk.reading.ports import ResultsWriter
from boneage_desk.reports.dicom_results.writer import DicomResults
from tests.dicom_cases import PDF, drawn, open_film, read_strictly, session


@pytest.fixture
def writer() -> ResultsWriter:
    return DicomResults()


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    hand = drawn(250, 200)
    film = open_film(tmp_path_factory.mktemp("case"), hand)
    return film, session(film, hand).reading


def test_writes_into_a_folder_that_it_makes(writer: ResultsWriter, case: tuple[Any, Any], tmp_path: Path) -> None:
    film, reading = case
    before = Path(film.source.path).read_bytes()
    out = tmp_path / "made here" / "结果"
    paths = list(writer.write(reading, film, out, report=PDF))
    assert sorted(path.name for path in out.iterdir()) == sorted(path.name for path in paths)
    found = [read_strictly(path) for path in paths]
    assert [str(ds.Modality) for ds in found] == ["SR", "PR", "OT", "DOC", "KO"]
    assert {ds.StudyInstanceUID for ds in found} == {film.study.study_uid}
    assert len({ds.SeriesInstanceUID for ds in found} | {film.study.series_uid}) == 6
    assert Path(film.source.path).read_bytes() == before


def test_a_resend_is_no_duplicate_and_a_revision_is_new(
    writer: ResultsWriter, case: tuple[Any, Any], tmp_path: Path
) -> None:
    film, reading = case
    first = {path.name for path in writer.write(reading, film, tmp_path)}
    assert {path.name for path in writer.write(reading, film, tmp_path)} == first
    later = dataclasses.replace(reading, revision=reading.revision + 1)
    assert first & {path.name for path in writer.write(later, film, tmp_path)} == set()


def test_the_report_is_left_out_where_there_is_none(
    writer: ResultsWriter, case: tuple[Any, Any], tmp_path: Path
) -> None:
    film, reading = case
    kinds = [path.name.split(".")[0] for path in writer.write(reading, film, tmp_path)]
    assert kinds == ["SR", "PR", "OT", "KO"]


def test_refuses_with_a_known_error(writer: ResultsWriter, case: tuple[Any, Any], tmp_path: Path) -> None:
    film, reading = case
    raster = dataclasses.replace(film, source=dataclasses.replace(film.source, is_dicom=False))
    of_raster = dataclasses.replace(reading, source=raster.source)
    with pytest.raises(FilmError) as caught:
        writer.write(of_raster, raster, tmp_path / "out")
    assert (caught.value.code, bool(caught.value.remedy)) == ("no-dicom", True)
    (tmp_path / "file").write_text("")
    with pytest.raises(BoneAgeError):
        writer.write(reading, film, tmp_path / "file")
