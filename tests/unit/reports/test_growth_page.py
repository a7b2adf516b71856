"""The growth page of the report: when it is there, what stands on it, that nothing leaves the page, that it is tagged."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Sequence
from datetime import date

import pikepdf
import pytest
from pypdf import PdfReader

from boneage_desk.common.errors import InputError
from boneage_desk.common.settings import Settings
from boneage_desk.reading.analysis import WholeHandOpinion
from boneage_desk.reading.follow_up import follow_up
from boneage_desk.reading.growth import Growth, Measurement, Origin
from boneage_desk.reading.growth_view import growth_view
from boneage_desk.reading.report_growth import growth_chart, growth_report, percentile_text, sds_text
from boneage_desk.reading.session import Reading
from boneage_desk.reports.page import MARGIN
from boneage_desk.reports.pdf import PdfReports
from boneage_desk.standards.types import Sex
from tests.samples import analysed
from tests.unit.reading.test_follow_up import three

FILM = date(2024, 7, 11)
GROWTH = Growth(
    (Measurement(date(2023, 7, 5), 132.5, 29.5), Measurement(FILM, 138.2, 33.4, Origin.FILE)), 176.0, 162.0, False,
)  # fmt: skip


def child(growth: Growth = GROWTH) -> Reading:
    value = analysed().reading
    return dataclasses.replace(
        value, growth=growth, width=800, height=600, whole_hand=(WholeHandOpinion("m", 121.25, (110.0, 132.5)),)
    )


def render(value: Reading, kept: Sequence[Reading] = (), growth: bool | None = True, **settings: object) -> bytes:
    writer = PdfReports(Settings(**settings), lambda _: kept)  # type: ignore[arg-type]
    return writer.render(value, None, paper=str(settings.get("paper", "A4")), detail=False, growth=growth)


def words(data: bytes, page: int) -> str:
    return " ".join(PdfReader(io.BytesIO(data)).pages[page].extract_text().split())


def count(data: bytes) -> int:
    return len(PdfReader(io.BytesIO(data)).pages)


def test_it_is_there_when_asked_for_and_by_setting_and_not_otherwise() -> None:
    assert count(render(child(), growth=None)) == 1
    assert count(render(child(), growth=True)) == 2
    assert count(render(child(), growth=None, report_growth=True)) == 2
    assert count(render(child(), growth=False, report_growth=True)) == 1
    assert count(render(child(Growth()), growth=True)) == 1  # nothing is known


def test_what_stands_on_it() -> None:
    text = words(render(child()), 1)
    view = growth_view(child())
    assert view.height is not None and view.height.sds is not None and view.height_sds_at_ba is not None
    for expected in (
        "Growth and adult height", "LI Ming", "0042", "Height for age, girls, China 2009: P3 to P97", "P3", "P97",
        "138.2 cm on 2024-07-11 (from the film's file)", f"{view.height.sds:+.2f} (P", f"{view.height_sds_at_ba:+.2f} (P",
        "cm/year since 2023-07-05 (error of measuring +-0.7, 2 SD)", "father 176.0 cm, mother 162.0 cm",
        "162.5 cm (154.0 to 171.0)", "Bayley-Pinneau 1952", "Tanner-Whitehouse Mark I 1975", "not averaged", "Page 2 of 2",
    ):  # fmt: skip
        assert expected in text, expected
    for made in view.predictions:
        assert made.cm is None or f"{made.cm:.1f}" in text


def test_what_is_not_known_or_not_available_is_said() -> None:
    text = words(render(child(Growth((Measurement(FILM, 138.2),)))), 1)
    assert "Weight not recorded" in text and "Parents not recorded" in text
    assert "Growth velocity needs two heights 3 months to 2 years apart" in text
    assert text.count("not available: needs ") == 5  # of seven; Bayley-Pinneau and Mark I (a girl below 11) need none of it


def test_another_reference_is_named() -> None:
    text = words(render(child(), growth_reference="who2007"), 1)
    assert "Height for age, girls, WHO 2007" in text and "China" not in text.split("Adult height")[0]
    assert "WHO 2007 has no weights in this program" in text


def test_the_visits_have_a_page_with_change_error_and_what_went_back() -> None:
    now, earlier = three(mc3=3)
    now = dataclasses.replace(now, growth=GROWTH, width=800, height=600)
    data = render(now, earlier)
    assert count(data) == 3
    text = words(data, 2)
    assert "Bone age over visits" in text and "90 %)" in text and "! 3" in text
    assert "Metacarpal 3: grade 3 on 2024-07-11, but 4(2) on 2023-07-11" in text
    assert "reviewed or signed" in text
    alone = render(dataclasses.replace(now, growth=Growth()), earlier)
    assert count(alone) == 2 and "Bone age over visits" in words(alone, 1)


@pytest.mark.parametrize("paper", ["A4", "Letter"])
@pytest.mark.parametrize("language", ["en", "zh", "en+zh"])
def test_nothing_leaves_the_page(language: str, paper: str) -> None:
    swapped = dataclasses.replace(GROWTH, father_cm=150.0, mother_cm=182.0)
    now, earlier = three(**dict.fromkeys(("mc3", "mc5", "pp1", "pp3", "pp5", "mp3", "mp5", "dp1", "dp3", "dp5"), 3))
    data = render(
        dataclasses.replace(now, growth=swapped, width=800, height=600), earlier, report_language=language, paper=paper,
        growth_reference="who2007",
    )  # fmt: skip
    for page in PdfReader(io.BytesIO(data)).pages[1:]:
        wide, high = float(page.mediabox.width), float(page.mediabox.height)
        outside: list[str] = []

        def visit(text: str, cm: list[float], tm: list[float], _font: object, _size: float) -> None:
            x, y = cm[0] * tm[4] + cm[2] * tm[5] + cm[4], cm[1] * tm[4] + cm[3] * tm[5] + cm[5]
            inside = MARGIN - 1 <= x <= wide - MARGIN and MARGIN - 14 <= y <= high - MARGIN  # noqa: B023
            if text.strip() and not inside:
                outside.append(text)  # noqa: B023

        page.extract_text(visitor_text=visit)
        assert outside == []


def test_the_page_is_tagged_with_the_chart_as_a_figure() -> None:
    with pikepdf.open(io.BytesIO(render(child()))) as pdf:
        found: list[tuple[str, str]] = []

        def walk(node: pikepdf.Object) -> None:
            if isinstance(node, pikepdf.Dictionary):
                if "/S" in node:
                    found.append((str(node["/S"]), str(node.get("/Alt", ""))))
                kids = node.get("/K")
                for kid in kids if isinstance(kids, pikepdf.Array) else [kids]:
                    if isinstance(kid, pikepdf.Dictionary):
                        walk(kid)

        walk(pdf.Root["/StructTreeRoot"])
    figures = [alt for role, alt in found if role == "/Figure"]
    assert any("China 2009; 2 heights of the child, the last 138.2 cm" in alt for alt in figures)
    assert [role for role, _ in found].count("/Table") >= 2


def test_the_chart_has_the_childs_marks_at_both_ages_and_no_picture() -> None:
    view = growth_view(child())
    chart = growth_chart(view)
    assert chart is not None and view.height is not None
    marks = [(mark.kind, mark.months, mark.cm) for mark in chart.marks]
    assert marks[-2:] == [("age", view.height.age_months, 138.2), ("bone", view.ba_months, 138.2)]
    assert chart.target == (162.5, 154.0, 171.0) and chart.ends == (24.0, 216.0)
    page = PdfReader(io.BytesIO(render(child()))).pages[1]
    assert list(page.images) == []
    assert growth_chart(growth_view(dataclasses.replace(child(), patient=dataclasses.replace(child().patient, sex=None)))) is None


def test_without_a_sex_there_is_no_chart_and_no_prediction() -> None:
    value = dataclasses.replace(child(), patient=dataclasses.replace(child().patient, sex=None))
    text = words(render(value), 1)
    assert "No SD scores and no prediction: the sex is not known." in text
    assert "Height for age" not in text and "Bayley" not in text
    made = growth_report(growth_view(value), None, "en")
    assert made is not None and made.rows == () and made.chart is None


def test_the_text_copy_says_the_same_in_ascii() -> None:
    now, earlier = three()
    now = dataclasses.replace(now, growth=GROWTH, patient=dataclasses.replace(now.patient, name_ideographic=""))
    text = PdfReports(Settings(report_growth=True), lambda _: earlier).text(now)
    told = text.split("GROWTH AND ADULT HEIGHT")[1].split("MODELS AND ORIGIN")[0]
    assert told.isascii()
    assert "162.5 cm (154.0 - 171.0)" in told and "Bone age over visits" in told
    assert "GROWTH AND ADULT HEIGHT" not in PdfReports(Settings(), lambda _: earlier).text(now)
    assert "GROWTH AND ADULT HEIGHT" in PdfReports(Settings(), lambda _: earlier).text(now, growth=True)


def test_no_minus_before_nothing() -> None:
    assert (sds_text(-0.001), sds_text(0.004), sds_text(-2.1), percentile_text(-3.5), percentile_text(0.0)) == (
        "+0.00", "+0.00", "-2.10", "<0.1", "50",
    )  # fmt: skip


def test_boys_get_the_boys_chart() -> None:
    girl = child(dataclasses.replace(GROWTH, menarche=None))
    value = dataclasses.replace(girl, patient=dataclasses.replace(girl.patient, sex=Sex.MALE))
    assert "Height for age, boys" in words(render(value), 1)


@pytest.mark.parametrize("wrong", [{"growth_reference": "who"}, {"report_growth": "yes"}, {"growth_reference": 5}])
def test_settings_that_are_illegal_are_told(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        Settings(**wrong)  # type: ignore[arg-type]


def test_only_visits_and_no_more_than_eight_are_printed() -> None:
    from tests.unit.reading.test_follow_up import visit

    films = [visit(20 + k, date(2024 - k, 1, 11), max(1, 6 - k // 2)) for k in range(1, 10)]
    now = visit(1, FILM, 6)
    found = follow_up(now, films)
    report = growth_report(growth_view(now), found, "en")
    assert report is not None and report.visits is not None and not report.measured
    assert len(report.visits.points) == len(found.visits) > 8
    assert len(report.visits.strip_columns) == 9 and len(report.visits.strip[0]) == 9
    assert report.visits.strip_columns[-1] == "2024-07-11"
