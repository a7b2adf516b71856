"""A film whose words are hostile is read, stored and reported like any other: the words stay words."""

from __future__ import annotations

import dataclasses
import json
from contextlib import closing
from pathlib import Path

import pytest

from boneage_desk.archive.store import SqliteStore
from boneage_desk.imaging.reader import FilmFiles
from boneage_desk.reading.film import Film
from boneage_desk.reading.session import AuditEvent
from boneage_desk.reports.dicom_results.writer import DicomResults
from boneage_desk.reports.pdf import PdfReports
from tests.dicom_cases import AT, drawn, open_film, session

TRICKS = {
    "control characters": "a\x01\x0b\x1f\x7f<&>]]>",
    "markup": '<img src="http://host/x"/><b>',
    "bytes of no character": "x\ud800y",
    "no characters": "\ufffe\uffff",
    "right to left": "\u202egnimiL",
    "very long": "A" * 5000,
    "marks on marks": "e" + "\u0300" * 800,
    "SQL and formulas": "'; DROP TABLE readings;--\n=cmd|' /C calc'!A0",
    "paths": "../../../../etc/passwd\0",
}


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Film:
    return open_film(tmp_path_factory.mktemp("film"), drawn(250, 200))


FAST = ("control characters", "markup", "bytes of no character")


@pytest.mark.parametrize("trick", [pytest.param(name, marks=[] if name in FAST else [pytest.mark.slow]) for name in TRICKS])
def test_it_is_stored_and_reported(film: Film, tmp_path: Path, trick: str) -> None:
    words = TRICKS[trick]
    patient = dataclasses.replace(film.patient, name=words, name_ideographic=words, patient_id=words)
    study = dataclasses.replace(film.study, description=words, accession=words, institution=words, referrer=words)
    found = session(dataclasses.replace(film, patient=patient, study=study), drawn(250, 200))
    reading = found.reading
    with closing(SqliteStore(tmp_path / "desk.sqlite3")) as store:
        store.add(reading, AuditEvent(reading.reading_id, AT, "reader", "open"))
        assert store.get(reading.reading_id).patient.sex == film.patient.sex
    pdf = PdfReports().write(reading, film.frame, tmp_path / "report.pdf")
    assert pdf.read_bytes().startswith(b"%PDF-") and b"/URI" not in pdf.read_bytes()
    shown = dataclasses.replace(film, patient=patient, study=study)
    written = DicomResults().write(reading, shown, tmp_path / "out")
    assert {path.parent for path in written} == {tmp_path / "out"}
    assert {path.name for path in tmp_path.iterdir()} <= {"desk.sqlite3", "desk.sqlite3-wal", "desk.sqlite3-shm", "report.pdf", "out"}
    json.dumps(list(map(str, FilmFiles().scan([str(tmp_path)]))))
