"""What every ReportWriter must do; run on the PDF writer."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest

from boneage_desk.common.errors import BoneAgeError, StoreError
from boneage_desk.common.settings import Settings
from boneage_desk.reading.film import Frame, Voi
from boneage_desk.reading.ports import ReportWriter
from boneage_desk.reading.session import Reading
from boneage_desk.reports.pdf import PdfReports
from tests.samples import analysed, reading


@pytest.fixture(params=["en", "zh"])
def writer(request: pytest.FixtureRequest) -> ReportWriter:
    return PdfReports(Settings(language=request.param))


def film(value: Reading) -> Frame:
    return Frame(np.zeros((value.height, value.width), np.uint8), 255, (Voi("default", centre=128, width=256),))


def small(value: Reading) -> Reading:
    return dataclasses.replace(value, width=400, height=500)


@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_writes_the_file_and_returns_its_path(writer: ReportWriter, tmp_path: Path, paper: str) -> None:
    value = small(analysed().reading)
    out = tmp_path / "报告 with spaces.pdf"
    assert writer.write(value, film(value), out, paper=paper) == out
    assert out.read_bytes().startswith(b"%PDF-")
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_the_page_of_the_bones_can_be_left_out(writer: ReportWriter, tmp_path: Path) -> None:
    from pypdf import PdfReader

    value = small(analysed().reading)
    pages = {}
    for detail in (True, False):
        pages[detail] = len(PdfReader(writer.write(value, film(value), tmp_path / "r.pdf", detail=detail)).pages)
    assert pages == {True: 2, False: 1}


def test_replaces_an_old_report(writer: ReportWriter, tmp_path: Path) -> None:
    out = tmp_path / "r.pdf"
    out.write_bytes(b"old")
    writer.write(small(reading()), None, out)
    assert out.read_bytes().startswith(b"%PDF-")


def test_takes_readings_in_every_condition(writer: ReportWriter, tmp_path: Path) -> None:
    for value in (reading(), reading(sex=None), analysed().reading, analysed(sex=None).reading):
        writer.write(small(value), film(small(value)), tmp_path / "r.pdf")


def test_does_not_change_pixels_or_reading(writer: ReportWriter, tmp_path: Path) -> None:
    value = small(analysed().reading)
    shown = film(value)
    shown.pixels.flags.writeable = False
    writer.write(value, shown, tmp_path / "r.pdf")
    assert value == small(analysed().reading)


def test_refuses_with_a_known_error(writer: ReportWriter, tmp_path: Path) -> None:
    with pytest.raises(BoneAgeError):
        writer.write(small(reading()), None, tmp_path / "r.pdf", paper="A0")
    with pytest.raises(StoreError) as caught:
        writer.write(small(reading()), None, tmp_path / "missing" / "r.pdf")
    assert caught.value.remedy


def test_the_text_says_the_same_and_a_plain_setting_has_no_trouble(writer: ReportWriter) -> None:
    value = analysed().reading
    text = writer.text(value)
    assert value.patient.patient_id in text and text.endswith("\n") and writer.trouble() == ""


def test_the_copy_for_the_eye_has_the_same_pages_and_what_is_no_pdf_is_told(writer: ReportWriter, tmp_path: Path) -> None:
    from pypdf import PdfReader

    made = writer.write(small(analysed().reading), None, tmp_path / "r.pdf").read_bytes()
    flat = writer.flat(made)
    assert [page.extract_text() for page in PdfReader(io.BytesIO(flat)).pages] == [
        page.extract_text() for page in PdfReader(io.BytesIO(made)).pages
    ]
    with pytest.raises(BoneAgeError) as caught:
        writer.flat(b"no PDF at all")
    assert caught.value.code == "damaged" and caught.value.remedy
