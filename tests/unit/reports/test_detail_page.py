"""The report's second page: a row for each bone with picture, grades and measurement; nothing is lost or clipped."""

from __future__ import annotations

import dataclasses
import io
import itertools
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from pypdf import PdfReader

from boneage_desk.common.settings import Settings
from boneage_desk.reading.evidence import Evidence
from boneage_desk.reading.film import Frame
from boneage_desk.reading.report_detail import translated
from boneage_desk.reading.report_facts import Words
from boneage_desk.reading.session import Reading, SetGrade
from boneage_desk.reports import fonts
from boneage_desk.reports.detail_page import PICTURE, plan
from boneage_desk.reports.page import MARGIN, PAPERS
from boneage_desk.reports.pdf import PdfReports
from boneage_desk.standards import rus_chn
from tests.samples import NOON, WHO, analysed
from tests.unit.reports.test_pdf import frame, small


def measured(ratio: float = 1.02) -> Reading:
    """Read, mc3 changed with a reason, each bone measured but the ulna, dp5 without a centre."""
    session = analysed()
    session.do(SetGrade("mc3", 4, "cap is missing"), at=NOON, who=WHO)
    value = small(session.reading)
    bones = []
    for finding in value.bones:
        (x, y), half = finding.box.centre, 14.0
        evidence = Evidence(
            finding.bone, True, 0.9, width_ratio=0.3 if finding.bone == "pp3" else ratio, gap=0.05,
            epiphysis_line=((x - half, y - 6), (x + half, y - 6)),
            metaphysis_line=((x - half, y + 6), (x + half, y + 6)),
        )  # fmt: skip
        if finding.bone == "dp5":
            evidence = Evidence("dp5", False, 0.9)
        bones.append(dataclasses.replace(finding, machine_evidence=None if finding.bone == "ulna" else evidence))
    return dataclasses.replace(value, bones=tuple(bones))


def pdf(value: Reading, *, film: bool = True, paper: str = "A4", detail: bool = True, **settings: str) -> PdfReader:
    made = PdfReports(Settings(**settings)).render(value, frame(value) if film else None, paper=paper, detail=detail)
    return PdfReader(io.BytesIO(made))


def text(page) -> str:
    return " ".join(page.extract_text().split())


def spots(page) -> list[tuple[float, float, float, str]]:
    """(x, y, size, text) of each piece of text."""
    found: list[tuple[float, float, float, str]] = []

    def visit(words: str, _cm: list[float], tm: list[float], _font: object, size: float) -> None:
        if words.strip():
            found.append((tm[4], tm[5], size, words.strip()))

    page.extract_text(visitor_text=visit)
    return found


@pytest.mark.parametrize("paper", sorted(PAPERS))
def test_the_second_page_tells_of_each_bone_in_order(paper: str) -> None:
    value = measured()
    pages = pdf(value, paper=paper).pages
    assert len(pages) == 2
    told = text(pages[1])
    places = [told.index(f"{rus_chn.bone_name(bone)} ") for bone in rus_chn.BONES]
    assert places == sorted(places), "read aloud, the bones come in the order of the table"
    mc3 = told[told.index("Metacarpal 3") : told.index("Metacarpal 5")]
    for expected in (f"{rus_chn.label('mc3', 6)} 75 {rus_chn.label('mc3', 4)}", "as wide as the shaft (1.02)", "cap is missing"):
        assert expected in mc3, expected
    pp3 = told[told.index("Proximal phalanx 3") : told.index("Proximal phalanx 5")]
    assert "Against the grade: The epiphysis measures 0.30" in pp3
    ulna = told[told.index("Ulna") : told.index("Metacarpal 1")]
    assert "not measured" in ulna and "Against" not in ulna
    assert told.count("Against the grade: ") == 2
    assert pages[1].get_contents().get_data().decode("latin-1").count(" Do") == 13
    for words in ("LI Ming", "0042", "2014-03-02", "2024-07-11", "left", "DRAFT", "Page 2 of 2"):
        assert words in told, words
    assert "2 of 13 bones (PP3, DP5)" in text(pages[0]) and "Page 1 of 2" in text(pages[0])


def test_with_detail_off_the_report_is_one_page_as_before() -> None:
    pages = pdf(measured(), detail=False).pages
    assert len(pages) == 1
    assert "Page 1" not in text(pages[0]) and "detail page" not in text(pages[0])


def test_a_reading_that_nobody_and_nothing_read_has_no_detail_page() -> None:
    from tests.samples import reading

    assert len(pdf(small(reading())).pages) == 1


def test_what_speaks_against_a_grade_follows_the_final_grade() -> None:
    value = measured()
    bones = tuple(dataclasses.replace(b, human_grade=2) if b.bone == "pp3" else b for b in value.bones)
    told = text(pdf(dataclasses.replace(value, bones=bones)).pages[1])
    assert told.count("Against the grade: ") == 1 and "grade 2" not in told


def test_the_two_widths_are_drawn_solid_and_dashed_where_they_were_taken() -> None:
    """One bone measured: two lines as long as they are on the crop, one of them dashed."""
    value = measured()
    bones = tuple(
        finding if finding.bone == "mc1" else dataclasses.replace(finding, machine_evidence=None) for finding in value.bones
    )
    value = dataclasses.replace(value, bones=bones)
    drawn = pdf(value).pages[1].get_contents().get_data().decode("latin-1").replace("[1.6 1.2 ]", "[1.6 1.2]")
    assert drawn.count("[1.6 1.2] 0 d") == 1
    box = value.bone("mc1").box
    content = PdfReports(Settings()).content(value)
    assert content.detail is not None
    long = 28.0 / box.side * PICTURE * plan(content, content.detail, PAPERS["A4"], MARGIN).scale
    ends = re.findall(r"n (\S+) (\S+) m (\S+) (\S+) l S", drawn)
    lengths = [float(np.hypot(float(bx) - float(ax), float(by) - float(ay))) for ax, ay, bx, by in ends]
    assert sum(abs(length - long) < 0.2 for length in lengths) == 2, lengths


def test_without_the_film_there_are_empty_frames_and_all_words() -> None:
    page = pdf(measured(), film=False).pages[1]
    assert not page.images and "as wide as the shaft" in text(page)


@pytest.mark.parametrize("paper", sorted(PAPERS))
@pytest.mark.parametrize("language", ["en", "zh"])
def test_long_reasons_wrap_and_go_on_to_a_further_page(paper: str, language: str) -> None:
    session = analysed(name="Wolfeschlegelsteinhausenbergerdorff" * 6 + "^Maximilian")
    for bone in rus_chn.BONES:
        session.do(SetGrade(bone, 2, f"{bone}: a reason that goes on " * 30 + f"end of {bone}"), at=NOON, who=WHO)
    pages = pdf(small(session.reading), paper=paper, language=language).pages
    assert len(pages) > 2
    rest = " ".join(text(page) for page in pages[1:])
    for bone in rus_chn.BONES:
        assert f"end of {bone}" in rest
    wide, high = PAPERS[paper]
    for page in pages[1:]:
        for x, y, size, words in spots(page):
            numbering = y == MARGIN - 12 and x > wide * 0.6
            assert MARGIN - 1 <= x and (numbering or MARGIN - 1 <= y <= high - MARGIN), words
            assert x + fonts.width(words, size) <= wide - MARGIN + 0.5, words


def test_every_phrase_of_the_measurement_has_chinese_words() -> None:
    from boneage_desk.reading.evidence import contradiction, evidence_words

    said: set[str] = set()
    for bone in ("radius", "ulna", "mc1", "pp1", "pp3", "dp5"):
        evidences = [Evidence(bone, False, 0.9), Evidence(bone, True, 0.1), Evidence(bone, True, 0.9)]
        evidences += [Evidence(bone, True, 0.9, width_ratio=r) for r in (0.3, 0.7, 1.0, 1.2)]
        evidences += [Evidence(bone, True, 0.9, gap=g) for g in (-0.1, 0.0, 0.1)]
        evidences += [Evidence(bone, True, 0.9, fused_share=f) for f in (0.0, 0.3, 0.5, 0.7, 1.0)]
        evidences += [
            Evidence(bone, True, 0.9, caps_thumb_side=a, caps_little_side=b)
            for a, b in itertools.product((True, False), repeat=2)
        ]
        for evidence in evidences:
            said.update(evidence_words(evidence))
            said.update(contradiction(evidence, grade) for grade in range(rus_chn.max_grade(bone) + 1))
    said.discard("")
    assert len(said) > 40
    left = [phrase for phrase in said if any("a" <= c <= "z" for c in translated(phrase, Words("zh")))]
    assert left == []


@pytest.mark.skipif(shutil.which("qpdf") is None, reason="qpdf is not there")
def test_qpdf_finds_no_fault_and_fonts_are_embedded(tmp_path: Path) -> None:
    value = measured()
    out = PdfReports(Settings(language="zh")).write(value, frame(value), tmp_path / "r.pdf")
    done = subprocess.run(["qpdf", "--check", str(out)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    for page in PdfReader(out).pages:
        for reference in page["/Resources"]["/Font"].values():
            assert "/FontFile2" in reference.get_object()["/FontDescriptor"].get_object()
    assert out.stat().st_size < 500_000


def test_equal_readings_give_equal_bytes() -> None:
    value = measured()
    same = Frame(frame(value).pixels.copy(), 4095, frame(value).vois)
    assert PdfReports().render(value, same) == PdfReports().render(value, frame(value))
