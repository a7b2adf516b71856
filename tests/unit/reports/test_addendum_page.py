"""The page of an addendum."""

from __future__ import annotations

import dataclasses
import io
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pypdf
import pytest

from boneage_desk.common.errors import InputError
from boneage_desk.common.settings import Settings
from boneage_desk.reading.assessment import Reading, State
from boneage_desk.reading.people import Role
from boneage_desk.reading.signature import Signature
from boneage_desk.reports.addendum_page import addendum_page, signature_box
from boneage_desk.reports.page import PAPERS
from tests import samples

AT = datetime(2024, 7, 13, 9, 30, tzinfo=UTC)


def seal(number: int, text: str = "", reason: str = "I have read the film") -> Signature:
    return Signature(
        number, AT, "awis", "Anna Wisniewska", Role.RADIOLOGIST, reason, "a" * 64, False, "b" * 64, text
    )


def signed(*more: Signature) -> Reading:
    reading = samples.analysed().reading
    seals = (seal(1), *more)  # each made a revision more
    return dataclasses.replace(reading, state=State.SIGNED, signatures=seals, revision=reading.revision + len(seals))


def words_of(pdf: bytes, tmp_path: Path) -> str:
    path = tmp_path / "page.pdf"
    path.write_bytes(pdf)
    return subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, check=True, text=True).stdout


@pytest.mark.parametrize("paper", sorted(PAPERS))
def test_one_page_says_whose_film_which_report_and_what(paper: str, tmp_path: Path) -> None:
    reading = signed()
    pdf = addendum_page(reading, seal(2, "The birth date was wrong.\nShe is 11."), paper=paper)
    pages = pypdf.PdfReader(io.BytesIO(pdf)).pages
    assert len(pages) == 1
    assert [round(float(v), 1) for v in pages[0].mediabox[2:]] == [round(v, 1) for v in PAPERS[paper]]
    words = words_of(pdf, tmp_path)
    for said in (
        "Addendum 1", "LI Ming", "0042", "female", "2014-03-02", "2024-07-11", reading.source.sha256, "Anna Wisniewska",
        "radiologist", "2024-07-13 09:30", "The birth date was wrong.", "She is 11.", "I have read the film",
    ):  # fmt: skip
        assert said in words


@pytest.mark.parametrize("language", ["en", "zh", "en+zh"])
def test_nothing_is_drawn_where_the_seal_goes(language: str, tmp_path: Path) -> None:
    text = "\n".join(f"Line {i} of a long addendum." for i in range(60))
    pdf = addendum_page(signed(), seal(2, text), settings=Settings(report_language=language))
    path = tmp_path / "page.pdf"
    path.write_bytes(pdf)
    _, x0, y0, x1, y1 = signature_box("A4")
    box = ["-x", f"{x0:.0f}", "-y", f"{PAPERS['A4'][1] - y1 + 1:.0f}", "-W", f"{x1 - x0:.0f}", "-H", f"{y1 - y0 - 2:.0f}"]
    found = subprocess.run(["pdftotext", "-r", "72", *box, path, "-"], capture_output=True, check=True, text=True).stdout
    assert not found.strip()
    assert "Line 59 of a long addendum." in words_of(pdf, tmp_path)


def test_a_text_that_does_not_fit_is_refused_and_never_cut() -> None:
    with pytest.raises(InputError) as caught:
        addendum_page(signed(), seal(2, "word " * 6000))
    assert caught.value.code == "too-long"
    with pytest.raises(InputError) as caught:
        addendum_page(signed(), seal(2, "short", reason="word " * 500))
    assert caught.value.code == "too-long"


def test_an_addendum_without_words_and_an_unknown_paper_are_refused() -> None:
    for text, paper, code in (("  ", "A4", "no-text"), ("x", "A3", "paper")):
        with pytest.raises(InputError) as caught:
            addendum_page(signed(), seal(2, text), paper=paper)
        assert caught.value.code == code


def test_equal_input_gives_equal_bytes_and_the_seal_itself_does_not_matter() -> None:
    text = seal(2, "More.")
    assert addendum_page(signed(), text) == addendum_page(signed(text), text)


def test_both_languages_say_equal_things_once(tmp_path: Path) -> None:
    words = words_of(
        addendum_page(signed(), seal(3, "More."), settings=Settings(report_language="en+zh")), tmp_path
    )
    assert "Patient ID 患者编号" in words
    assert "female 女" in words
    assert words.count("0042") == 1
