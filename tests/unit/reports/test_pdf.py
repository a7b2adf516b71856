"""The PDF, read back with pypdf."""

from __future__ import annotations

import dataclasses
import errno
import io
import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from pypdf import PdfReader

from boneage_desk.common.errors import InputError, StoreError
from boneage_desk.common.settings import Settings
from boneage_desk.reading.analysis import Flag
from boneage_desk.reading.film import Frame, Patient, Study, Voi
from boneage_desk.reading.growth import Growth, Measurement, Origin
from boneage_desk.reading.people import Person, Role
from boneage_desk.reading.report_addendum import AddendumContent, addendum_content
from boneage_desk.reading.report_content import ReportContent
from boneage_desk.reading.session import AcceptGrade, MarkReviewed, Reading, SetGrade, State
from boneage_desk.reading.signature import FlagAnswer, Signature
from boneage_desk.reading.signing import AddAddendum, AnswerFlag, Sign, as_signed, draft_signature
from boneage_desk.reading.summary import summarise
from boneage_desk.reports import page, pdf
from boneage_desk.reports.page import MARGIN, PAPERS
from boneage_desk.reports.pdf import PdfReports
from boneage_desk.standards import rus_chn
from tests.samples import NOON, WHO, analysed, reading


def frame(value: Reading) -> Frame:
    """A grey ramp with bright squares where the boxes are."""
    pixels = np.full((value.height, value.width), 300, np.uint16)
    for finding in value.bones:
        if finding.box:
            pixels[int(finding.box.y0) : int(finding.box.y1), int(finding.box.x0) : int(finding.box.x1)] = 3500
    return Frame(pixels, 4095, (Voi("default", centre=2048, width=4096),))


def small(value: Reading) -> Reading:
    return dataclasses.replace(value, width=800, height=600)


def render(value: Reading, *, film: bool = True, paper: str = "A4", **settings: str) -> bytes:
    writer = PdfReports(Settings(**settings))
    return writer.render(value, frame(value) if film else None, paper=paper, detail=False)


def text_of(data: bytes) -> str:
    """The page's text in drawing order, one space where the PDF has any white space."""
    return " ".join(PdfReader(io.BytesIO(data)).pages[0].extract_text().split())


def reviewed() -> Reading:
    session = analysed()
    session.do(SetGrade("mc3", 4, "cap is missing"), at=NOON, who=WHO)
    for bone in rus_chn.BONES:
        session.do(AcceptGrade(bone), at=NOON, who=WHO)
    session.do(MarkReviewed(), at=NOON, who=WHO)
    return dataclasses.replace(small(session.reading), flags=(Flag("low_quality", "Low contrast."),))


def outside(data: bytes) -> list[str]:
    """Texts whose start lies outside the margins."""
    found: list[str] = []
    page = PdfReader(io.BytesIO(data)).pages[0]
    wide, high = float(page.mediabox.width), float(page.mediabox.height)

    def visit(text: str, cm: list[float], tm: list[float], _font: object, size: float) -> None:
        if text.strip() and not (MARGIN - 1 <= tm[4] <= wide - MARGIN and MARGIN - 1 <= tm[5] <= high - MARGIN):
            found.append(text)

    page.extract_text(visitor_text=visit)
    return found


# --- what stands on it ---------------------------------------------------------------------------------


@pytest.mark.parametrize("paper", sorted(PAPERS))
def test_one_page_of_the_paper_asked_for_with_the_numbers_on_it(paper: str) -> None:
    value = reviewed()
    summary = summarise(value)
    assert summary.bone_age is not None
    data = render(value, paper=paper, site_name="St. Elsewhere", reader_name="Dr. Who")
    pages = PdfReader(io.BytesIO(data)).pages
    assert len(pages) == 1
    assert (float(pages[0].mediabox.width), float(pages[0].mediabox.height)) == pytest.approx(PAPERS[paper], abs=0.1)
    text = text_of(data)
    for expected in (
        summary.bone_age.text, f"{summary.score} of 1000 points", "10 y 4 m (124.", "LI Ming 李明", "0042", "female",
        "2014-03-02", "2024-07-11", "left", "90 % interval", "TY/T 3001-2006", "cap is missing", "Low contrast.",
        "St. Elsewhere", "Dr. Who", "REVIEWED by a reader - not signed", "not a cleared medical device",
        value.models[0].sha256[:12], value.source.sha256[:16], "r1, revision", "2024-07-12 12:00",
    ):  # fmt: skip
        assert expected in text, expected
    for finding in value.bones:
        assert rus_chn.bone_name(finding.bone) in text
    assert "DRAFT" not in text


def test_a_draft_says_so_in_the_header() -> None:
    text = text_of(render(small(analysed().reading)))
    assert text.startswith("Bone age report DRAFT - not verified by a reader")
    assert "Signature:" not in text


def test_no_bone_age_says_why() -> None:
    value = small(analysed(sex=None).reading)
    text = text_of(render(value))
    assert "No bone age: the sex is not recorded; it picks the table" in text
    assert "of 1000 points" not in text


def test_unknown_facts_are_printed_as_unknown() -> None:
    value = small(dataclasses.replace(reading(), patient=Patient(), study=Study(), flags=()))
    text = text_of(render(value))
    assert text.count("not recorded") >= 12
    assert "None" not in text and "nan" not in text


def test_a_synthetic_film_says_so() -> None:
    value = small(analysed().reading)
    value = dataclasses.replace(value, study=dataclasses.replace(value.study, synthetic=True))
    assert "SYNTHETIC FILM" in text_of(render(value))


def test_without_the_film_the_page_says_so() -> None:
    value = small(analysed().reading)
    data = render(value, film=False)
    assert "The film was not available" in text_of(data)
    assert not PdfReader(io.BytesIO(data)).pages[0].images
    with_film = render(value)
    assert "The film was not available" not in text_of(with_film)
    assert len(PdfReader(io.BytesIO(with_film)).pages[0].images) == 1


def test_the_film_keeps_its_aspect_and_its_boxes() -> None:
    value = small(analysed().reading)
    data = render(value)
    page = PdfReader(io.BytesIO(data)).pages[0]
    picture = page.images[0].image
    assert picture is not None and picture.width / picture.height == pytest.approx(800 / 600, rel=0.02)
    drawn = page.get_contents().get_data().decode("latin-1")
    assert drawn.count(" re S") >= 2 * 13
    assert "[2.4 1.8] 0 d" not in drawn.replace("[2.4 1.8 ]", "[2.4 1.8]")


def test_an_uncertain_box_is_dashed() -> None:
    value = small(analysed().reading)
    region = dataclasses.replace(value.bones[0].machine_region, certain=False, reason="filled in")
    bones = (dataclasses.replace(value.bones[0], machine_region=region), *value.bones[1:])
    data = render(dataclasses.replace(value, bones=bones))
    drawn = PdfReader(io.BytesIO(data)).pages[0].get_contents().get_data().decode("latin-1")
    assert "[2.4 1.8" in drawn
    assert "AI uncertain: filled in" in text_of(data)


def test_chinese_report_can_be_read_back() -> None:
    text = text_of(render(reviewed(), language="zh", site_name="上海市儿童医院"))
    for expected in ("骨龄评估报告", "已由医师审阅", "上海市儿童医院", "李明", "第三掌骨", "女孩表"):
        assert expected in text, expected


def test_what_no_font_holds_is_shown_by_its_code() -> None:
    value = small(analysed().reading)
    value = dataclasses.replace(value, patient=dataclasses.replace(value.patient, name_ideographic="龘㐀𠮷"))
    text = text_of(render(value))
    assert "龘" in text and "㐀" in text and "[U+20BB7]" in text


# --- the file ------------------------------------------------------------------------------------------


def test_every_font_is_embedded_and_a_subset() -> None:
    data = render(reviewed(), language="zh")
    fonts = PdfReader(io.BytesIO(data)).pages[0]["/Resources"]["/Font"]
    assert len(fonts) >= 3
    for reference in fonts.values():
        font = reference.get_object()
        assert "/FontFile2" in font["/FontDescriptor"].get_object(), font["/BaseFont"]
        assert "+" in font["/BaseFont"] and "/ToUnicode" in font
    assert len(data) < 400_000


def test_title_author_language_and_time() -> None:
    reader = PdfReader(io.BytesIO(render(reviewed(), language="zh", site_name="Site")))
    assert reader.metadata is not None
    assert reader.metadata.title == "骨龄评估报告 - 已由医师审阅 - 未签名"
    assert reader.metadata.author == "Site"
    assert reader.trailer["/Root"]["/Lang"] == "zh-Hans-CN"
    assert reader.metadata.creation_date is not None and reader.metadata.creation_date.timestamp() == NOON.timestamp()
    assert "LI" not in str(reader.metadata.title), "a window's title would show the name to passers-by"


def test_equal_readings_give_equal_bytes() -> None:
    first, second = render(reviewed()), render(reviewed())
    assert first == second
    render(small(analysed().reading), language="zh")
    assert render(reviewed()) == first, "what was written before must not matter"
    other = dataclasses.replace(reviewed(), revision=99)
    assert render(other) != first


def test_long_texts_stay_on_the_page() -> None:
    session = analysed(name="Wolfeschlegelsteinhausenbergerdorff" * 6 + "^Maximilian")
    for bone in rus_chn.BONES:
        session.do(SetGrade(bone, 2, f"{bone}: a reason that goes on " * 12), at=NOON, who=WHO)
    value = dataclasses.replace(
        small(session.reading),
        impression="A long impression, word by word. " * 300,
        flags=tuple(Flag("low_quality", f"Doubt number {i} about this film. " * 3) for i in range(40)),
    )
    value = dataclasses.replace(value, patient=dataclasses.replace(value.patient, patient_id="9" * 200))
    for paper in PAPERS:
        data = render(value, paper=paper, site_name="W" * 300)
        assert len(PdfReader(io.BytesIO(data)).pages) == 1
        assert outside(data) == []
        text = text_of(data)
        assert "cut to fit the page" in text
        assert "not a cleared medical device" in text and "Distal phalanx 5" in text


def test_a_moderate_text_is_not_cut() -> None:
    value = dataclasses.replace(reviewed(), impression="One sentence of an impression. " * 12)
    assert "cut to fit" not in text_of(render(value))


def test_hostile_text_does_not_break_the_file() -> None:
    value = small(analysed(name=") Tj ET (\x00<script>\\^&lt;b&gt;").reading)
    value = dataclasses.replace(value, impression="\u202egnp.exe <b>bold</b> %s {0} \\( \x1b[31m")
    text = text_of(render(value))
    assert "<b>bold</b> %s {0}" in text and "\u202e" not in text


# --- refusals ------------------------------------------------------------------------------------------


def test_unknown_paper_and_foreign_film_are_refused(tmp_path: Path) -> None:
    value = small(analysed().reading)
    with pytest.raises(InputError, match="A5"):
        PdfReports().write(value, None, tmp_path / "r.pdf", paper="A5")
    other = Frame(np.zeros((10, 10), np.uint8), 255, (Voi("default", centre=128, width=256),))
    with pytest.raises(InputError) as caught:
        PdfReports().write(value, other, tmp_path / "r.pdf")
    assert caught.value.code == "other-film"
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_old_report_and_no_torn_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "report.pdf"
    out.write_bytes(b"old report")

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(pdf.os, "fsync", full)
    with pytest.raises(StoreError) as caught:
        PdfReports().write(small(analysed().reading), None, out)
    assert "No space left" in caught.value.message and "Free some space" in caught.value.remedy
    assert out.read_bytes() == b"old report"
    assert [path.name for path in tmp_path.iterdir()] == ["report.pdf"]


@pytest.mark.skipif(sys.platform == "win32", reason="no file size limit to set there")
def test_a_write_that_the_system_stops_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    """A real refusal of the kernel, in a child: the file may grow to 4 KB only."""
    code = f"""
import pathlib, resource, sys
sys.path.insert(0, {str(Path(__file__).resolve().parents[3])!r})
from boneage_desk.common.errors import StoreError
from boneage_desk.reports.pdf import PdfReports
from tests.samples import analysed
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    PdfReports().write(analysed().reading, None, pathlib.Path(sys.argv[1]) / "report.pdf")
except StoreError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert "could not be saved" in done.stdout and "Free some space" in done.stdout, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_named_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="Choose a folder that exists"):
        PdfReports().write(small(analysed().reading), None, tmp_path / "nowhere" / "r.pdf")


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "r.pdf").mkdir()
    with pytest.raises(StoreError):
        PdfReports().write(small(analysed().reading), None, tmp_path / "r.pdf")
    assert [path.name for path in tmp_path.iterdir()] == ["r.pdf"]


def test_importing_the_package_loads_no_pdf_library() -> None:
    code = "import sys, boneage_desk.reports.pdf; print('reportlab' in sys.modules, 'PIL' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_content_is_for_the_text_copy_too() -> None:
    content = PdfReports(Settings(language="zh", site_name="Site")).content(reviewed())
    assert isinstance(content, ReportContent) and content.language == "zh" and content.site == "Site"


# --- signed --------------------------------------------------------------------------------------------


def signed(*texts: str) -> Reading:
    seals = tuple(
        Signature(n, NOON, "awis", "Anna Wisniewska", Role.RADIOLOGIST, "I have read the film", "a" * 64, False, "b" * 64, text)
        for n, text in enumerate(("", *texts), 1)
    )
    return dataclasses.replace(reviewed(), state=State.AMENDED if texts else State.SIGNED, signatures=seals)


@pytest.mark.parametrize("paper", sorted(PAPERS))
@pytest.mark.parametrize("language", ["en", "zh", "en+zh"])
def test_the_place_of_the_seal_stays_free(paper: str, language: str, tmp_path: Path) -> None:
    value = dataclasses.replace(signed("More."), impression="A long impression, word by word. " * 40)
    data = render(value, paper=paper, report_language=language, report_footer="One\nTwo", site_name="Site")
    (tmp_path / "r.pdf").write_bytes(data)
    index, x0, y0, x1, y1 = page.signature_box(paper)
    high = PAPERS[paper][1]
    picture = tmp_path / "seal"
    box = [round(v * 2) for v in (x0, high - y1, x1 - x0, y1 - y0)]
    where = ["-x", str(box[0]), "-y", str(box[1]), "-W", str(box[2]), "-H", str(box[3])]
    subprocess.run(["pdftoppm", "-r", "144", "-gray", "-singlefile", "-f", str(index + 1), *where, tmp_path / "r.pdf", picture], check=True)
    from PIL import Image

    assert Image.open(f"{picture}.pgm").getextrema() == (255, 255), "nothing is drawn there"
    assert "Anna Wisniewska" in text_of(data) and len(PdfReader(io.BytesIO(data)).pages) == 1


def test_a_reason_that_has_no_room_beside_the_seal_is_refused_and_never_cut() -> None:
    seal = dataclasses.replace(signed().signatures[0], reason="because " * 300)
    with pytest.raises(InputError) as caught:
        render(dataclasses.replace(signed(), signatures=(seal,)))
    assert caught.value.code == "too-long"


def test_an_impression_is_whole_in_what_is_sealed_or_refused() -> None:
    value = dataclasses.replace(signed(), impression="The growth plates were compared. " * 80 + "ENDMARK")
    text = text_of(render(value, site_name="W" * 300))
    assert "ENDMARK" in text and "cut to fit" not in text.replace("W", "").split("ENDMARK")[0]
    longer = dataclasses.replace(value, impression="The growth plates were compared. " * 400 + "ENDMARK")
    with pytest.raises(InputError, match=r"the impression \(13207\)") as caught:
        render(longer)
    assert caught.value.code == "too-long" and "shorten" in caught.value.remedy
    draft = dataclasses.replace(longer, state=State.REVIEWED, signatures=())
    assert "cut to fit the page" in text_of(render(draft)), "a print of it before is"


def test_reasons_and_answers_are_whole_in_what_is_sealed_or_refused() -> None:
    def with_words(count: int) -> Reading:
        value = signed()
        flags = tuple(Flag("low_quality", f"Doubt {i}.") for i in range(4))
        bones = tuple(dataclasses.replace(bone, comment="why " * count + f"END{bone.bone}") for bone in value.bones[:2])
        answers = tuple(FlagAnswer(flag.code, flag.message, "seen " * count + f"ANSWER{i}") for i, flag in enumerate(flags))
        return dataclasses.replace(value, flags=flags, bones=bones + value.bones[2:], answers=answers)

    text = text_of(render(with_words(40)))
    assert all(word in text for word in ("ENDradius", "ENDulna", "ANSWER0", "ANSWER3"))
    with pytest.raises(InputError) as caught:
        render(with_words(700))
    assert caught.value.code == "too-long"
    alone = signed()
    alone = dataclasses.replace(alone, bones=(dataclasses.replace(alone.bones[0], comment="why " * 301), *alone.bones[1:]))
    with pytest.raises(InputError, match="page of the bones"):
        PdfReports(Settings()).render(alone, None)


def test_earlier_readings_of_the_station_are_compared() -> None:
    now = reviewed()
    before = dataclasses.replace(
        now, reading_id="before", study=dataclasses.replace(now.study, study_date=date(2023, 7, 11))
    )
    asked: list[str] = []

    def kept(patient_id: str) -> list[Reading]:
        asked.append(patient_id)
        return [now, before]

    text = text_of(PdfReports(Settings(), kept).render(now, None, detail=False))
    assert set(asked) == {"0042"} and "2023-07-11 age 9 y 4 m, bone age" in text
    asked.clear()
    nobody = dataclasses.replace(now, patient=dataclasses.replace(now.patient, patient_id=""))
    assert "earlier readings" not in PdfReports(Settings(), kept).text(nobody) and asked == []


def test_what_is_made_of_a_signed_reading_knows_no_earlier_film_that_came_after_the_signature() -> None:
    now = signed()
    study = dataclasses.replace(now.study, study_date=date(2023, 7, 11))
    growth = Growth((Measurement(date(2023, 7, 11), 131.0, None, Origin.PERSON),))
    before = dataclasses.replace(reviewed(), reading_id="before", study=study, changed_at=NOON, growth=growth)
    after = dataclasses.replace(before, changed_at=NOON + timedelta(seconds=1))
    seal = dataclasses.replace(now.signatures[0], at=NOON - timedelta(days=9))
    amended = dataclasses.replace(after, state=State.AMENDED, signatures=(seal, dataclasses.replace(seal, number=2, text="More.")))

    def of(other: Reading, value: Reading = now) -> tuple[bool, bool, int]:
        reports = PdfReports(Settings(), lambda _: [other])
        text = reports.text(value)
        return "2023-07-11" in text, "after this report was signed" in text, len(reports.history(value))

    assert of(before) == (True, False, 1)
    assert of(amended) == (True, False, 1), "an addendum to the earlier one came later, and changed nothing that is compared"
    assert of(after) == (False, True, 0), "the sealed PDF has no such comparison"
    assert of(after, reviewed()) == (True, False, 1)


def test_the_revision_is_the_one_whose_report_was_sealed() -> None:
    session = analysed()
    for bone in rus_chn.BONES:
        session.do(AcceptGrade(bone), at=NOON, who=WHO)
    for flag in session.reading.flags:
        session.do(AnswerFlag(flag.code, flag.message, "seen"), at=NOON, who=WHO)
    session.do(MarkReviewed(), at=NOON, who=WHO)
    person, reports = Person("awis", "Anna Wisniewska", Role.RADIOLOGIST), PdfReports(Settings())

    def told(content: ReportContent | AddendumContent) -> str:
        facts = content.provenance if isinstance(content, ReportContent) else content.facts
        return next(fact.value for fact in facts if fact.key in ("reading", "report"))

    drawn = draft_signature(session.reading, person, "read", NOON)
    printed = told(reports.content(as_signed(session.reading, drawn)))
    assert printed.endswith(f"revision {session.reading.revision}")
    for i in range(3):
        seal = dataclasses.replace(drawn, certificate_sha256="c" * 64, pdf_sha256="d" * 64)
        session.do(AddAddendum(seal) if i else Sign(seal), at=NOON, who=WHO)
        drawn = draft_signature(session.reading, person, "more", NOON, "Something more.")
        assert told(addendum_content(session.reading, drawn)) == printed
        assert told(reports.content(session.reading)) == printed, "the text says what the sealed file says"
