"""What the views show, computed from values: rows, figures typed, numbers, banner, view, labels, pixels."""

from __future__ import annotations

import dataclasses
import math
from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boneage_desk.common.errors import FilmError
from boneage_desk.reading.analysis import Flag
from boneage_desk.reading.angles import angle_of
from boneage_desk.reading.film import Laterality, Patient, Study, Voi, VoiKind
from boneage_desk.reading.findings import Box
from boneage_desk.reading.session import ReadingSession, SetAnalysis, SetBox, SetGrade, new_reading
from boneage_desk.reading.summary import summarise
from boneage_desk.standards import rus_chn
from boneage_desk.ui.presenters import corners, messages, numbers, overlay, reporting, rows, text
from boneage_desk.ui.presenters.film_pixels import FilmPixels, dragged_window, halved, linear_lut, screen_lut
from boneage_desk.ui.presenters.reading_work import engine_words
from boneage_desk.ui.presenters.viewport import Viewport
from tests.gui.fakes import GRADES, make_film, make_result

NOW = datetime(2024, 7, 11, 12, 4, 5, tzinfo=UTC)


def session(read: bool = True, **film) -> ReadingSession:
    shown = make_film(**film)
    made = ReadingSession(new_reading(shown, "r1", NOW))
    if read:
        made.do(SetAnalysis(make_result(shown.frame), NOW), at=NOW, who="x")
    return made


# --- rows ---------------------------------------------------------------------------------------


def test_a_row_says_what_machine_and_person_think():
    case = session()
    case.do(SetGrade("radius", 9), at=NOW, who="x")
    row = rows.bone_row(case.reading, "radius")
    assert (row.machine, row.human, row.overridden, row.reviewed) == ("7(0)", "7(2)", True, True)
    assert row.points == str(rus_chn.score("radius", 9, case.reading.patient.sex))
    assert row.down is not None and row.down < 0 < row.up


def test_rows_of_a_film_that_was_not_read_are_empty_and_doubt_nothing():
    for row in rows.bone_rows(session(read=False).reading):
        assert (row.machine, row.human, row.points, row.doubt, row.final) == ("", "", "", "", None)
        assert row.steps == "\N{EN DASH} / \N{EN DASH}"


def test_doubt_says_why_and_goes_when_the_person_decided():
    case = session()
    assert rows.bone_row(case.reading, "mp5").doubt == "Fingers overlap here."
    assert "unsure" in rows.bone_row(case.reading, "ulna").doubt
    assert rows.bone_row(case.reading, "radius").doubt == ""
    case.do(SetGrade("mp5", 6), at=NOW, who="x")
    assert rows.bone_row(case.reading, "mp5").doubt == ""


def with_probabilities(bone: str, probabilities: dict[int, float], grade: int, **film) -> ReadingSession:
    shown = make_film(**film)
    result = make_result(shown.frame)
    values = tuple(probabilities.get(i, 0.0) for i in range(len(rus_chn.labels(bone))))
    bones = tuple(
        dataclasses.replace(b, grade=dataclasses.replace(b.grade, grade=grade, probabilities=values))
        if b.bone == bone
        else b
        for b in result.bones
    )
    case = session(read=False, **film)
    case.do(SetAnalysis(dataclasses.replace(result, bones=bones), NOW), at=NOW, who="x")
    return case


RADIUS_DOUBTS = [
    ({7: 0.09, 8: 0.46, 9: 0.45}, False),  # torn between neighbours, as every reader is
    ({6: 0.15, 7: 0.18, 8: 0.34, 9: 0.33}, True),  # low
    ({4: 0.3, 8: 0.6, 9: 0.1}, True),  # two places far apart
    ({8: 1.0}, False),
]


@pytest.mark.parametrize(("probabilities", "doubted"), RADIUS_DOUBTS)
@pytest.mark.parametrize("patient", [None, Patient(name="LI^Ming")], ids=["sex known", "sex not known"])
def test_what_counts_as_unsure(probabilities, doubted, patient):
    case = with_probabilities("radius", probabilities, 8, patient=patient)
    assert bool(rows.bone_row(case.reading, "radius").doubt) is doubted


def test_a_doubt_that_moves_the_age_little_is_not_worth_a_look_when_the_age_is_known():
    """A distal phalanx torn among four grades of a point or two each; the same without a sex is marked."""
    torn = {5: 0.2, 6: 0.3, 7: 0.3, 8: 0.2}
    assert rows.bone_row(with_probabilities("dp5", torn, 6).reading, "dp5").doubt == ""
    without = with_probabilities("dp5", torn, 6, patient=Patient(name="LI^Ming")).reading
    assert "unsure" in rows.bone_row(without, "dp5").doubt


def test_a_bone_that_was_not_found_asks_for_its_box():
    film = make_film()
    result = make_result(film.frame)
    lost = tuple(dataclasses.replace(b, region=None, grade=None) if b.bone == "dp5" else b for b in result.bones)
    case = session(read=False)
    case.do(SetAnalysis(dataclasses.replace(result, bones=lost), NOW), at=NOW, who="x")
    assert "draw its box" in rows.bone_row(case.reading, "dp5").doubt
    assert "dp5" not in [mark.bone for mark in overlay.marks(case.reading)]


def test_the_ladder_ends_where_the_grades_end():
    case = session()
    below, this, above = rows.ladder(case.reading, "radius")
    assert [below.label, this.label, above.label] == ["6", "7(0)", "7(2)"]
    assert this.criterion == rus_chn.criterion("radius", 8)
    case.do(SetGrade("radius", rus_chn.max_grade("radius")), at=NOW, who="x")
    assert rows.ladder(case.reading, "radius")[2] == rows.Step(None, "", "", None, None)
    case.do(SetGrade("radius", 0), at=NOW, who="x")
    assert rows.ladder(case.reading, "radius")[0].grade is None


@pytest.mark.parametrize("bone", rus_chn.BONES)
def test_every_grade_can_be_typed_by_the_figures_of_its_name(bone):
    for index, label in enumerate(rus_chn.labels(bone)):
        entry, got = rows.GradeEntry(), None
        for figure in (sign for sign in label if sign.isdigit()):
            assert got is None, f"{bone} {label} was taken before its last figure"
            got = entry.key(bone, figure)
        assert got == index
        assert entry.typed == ""


def test_a_first_figure_waits_and_says_what_it_may_become():
    entry = rows.GradeEntry()
    assert entry.key("radius", "8") is None
    assert entry.choices("radius") == ("8(0)", "8(1)", "8(2)", "8(3)", "8(4)")
    assert entry.key("radius", "6") == 7, "86 is no name: 6 begins anew"
    assert entry.key("radius", "9") is None and entry.typed == ""


def test_figures_typed_for_one_bone_do_not_count_for_the_next():
    entry = rows.GradeEntry()
    entry.key("radius", "7")
    assert entry.key("mc3", "2") == 2


# --- numbers and banner -------------------------------------------------------------------------


def test_numbers_of_a_read_film():
    case = session()
    shown = numbers.numbers(case.reading, summarise(case.reading))
    assert shown.bone_age == "10 y 7 m" and shown.why_not == "" and shown.change == ""
    assert shown.machine == "10 y 7 m" and shown.age == "10 y 4 m"
    assert shown.interval == "90%: 9 y 11 m \N{EN DASH} 11 y 3 m"
    case.do(SetGrade("radius", 11), at=NOW, who="x")
    after = numbers.numbers(case.reading, summarise(case.reading))
    assert after.machine == "10 y 7 m" and after.change.startswith("+") and after.bone_age != shown.bone_age


def test_no_number_without_a_sex_and_the_banner_asks():
    case = session(patient=Patient(name="X"))
    summary = summarise(case.reading)
    shown = numbers.numbers(case.reading, summary)
    assert shown.bone_age == "" and "sex" in shown.why_not.lower()
    assert numbers.banner(case.reading, summary).asks == ("sex", "birth_date")


def test_blocking_flags_come_first_and_what_the_banner_asks_is_not_said_twice():
    case = session(patient=Patient(), study=Study(laterality=Laterality.RIGHT))
    reading = dataclasses.replace(case.reading, flags=(Flag("low_quality", "dark"), Flag("no_hand", "none", True)))
    codes = [flag.code for flag in numbers.strip_flags(summarise(reading))]
    assert codes == ["no_hand", "low_quality", "laterality_conflict"]


def test_words():
    assert text.signed(-3.14) == "\N{MINUS SIGN}3.1" and text.signed(0.04) == "0.0"
    assert text.difference(1.2) == "+1 month" and text.difference(-0.3) == "none"
    assert text.month_steps(None, 2.7) == "\N{EN DASH} / +2.7"
    assert engine_words("ready: cuda") == "GPU ready" and engine_words("failed: no weights") == "failed: no weights"


@pytest.mark.parametrize(
    ("report", "screen"),
    [
        ("-0 y 2 m (-2.3 months)", "\N{MINUS SIGN}0 y 2 m (\N{MINUS SIGN}2.3 months)"),
        ("5 y 3 m to 8 y 6 m (age +- 2 SD)", "5 y 3 m to 8 y 6 m (age \N{PLUS-MINUS SIGN} 2 SD)"),
        ("(156.2 - 168.2)", "(156.2 \N{EN DASH} 168.2)"),
        ("TY/T 3001-2006, Greulich-Pyle, on 2021-01-10, rus13-v2", "TY/T 3001-2006, Greulich-Pyle, on 2021-01-10, rus13-v2"),
        ("-", "\N{EN DASH}"),
    ],
)
def test_the_reports_plain_signs_are_typeset_on_the_screen(report, screen):
    assert text.typeset(report) == screen


def test_names_of_percentiles_do_not_touch():
    from boneage_desk.ui.views.growth_chart import _apart

    heights = {"P3": 150.0, "P10": 153.0, "P25": 156.6, "P50": 160.6, "P75": 164.5, "P90": 168.0, "P97": 171.5}
    assert _apart(heights, 5.5) == ["P3", "P97", "P50"]
    assert set(_apart(heights, 3.0)) == set(heights)
    assert _apart({}, 3.0) == []


def test_report_name_is_harmless():
    case = session(patient=Patient(patient_id="../../a b/\\:*?"))
    assert reporting.report_name(case.reading) == "bone-age_a-b_2024-07-11_r1.pdf"


def test_an_expected_error_is_told_with_its_remedy_and_a_bug_as_a_bug(caplog):
    told = messages.of_error(FilmError("Truncated.", "Send it again."), doing="a.dcm")
    assert (told.kind, told.text, told.remedy) == ("error", "a.dcm: Truncated.", "Send it again.")
    with caplog.at_level("ERROR"):
        bug = messages.of_error(KeyError("LI^Ming"))
    assert bug.kind == "bug" and "went wrong in the program" in bug.text and "KeyError" in bug.details
    assert "LI^Ming" not in caplog.text, "the log holds no patient data"


# --- view ---------------------------------------------------------------------------------------

VIEWS = st.builds(
    Viewport,
    film=st.just((2000, 2500)),
    widget=st.just((900, 700)),
    zoom=st.floats(0.05, 8),
    centre=st.tuples(st.floats(0, 2000), st.floats(0, 2500)),
)


@given(VIEWS, st.lists(st.sampled_from("hvrl"), max_size=6), st.floats(0, 2000), st.floats(0, 2500))
def test_a_film_point_comes_back_from_the_screen(view, moves, x, y):
    for move in moves:
        view = view.flipped(move == "h") if move in "hv" else view.turned(move == "r")
    back = view.to_film(*view.to_screen(x, y))
    assert math.isclose(back[0], x, abs_tol=1e-6) and math.isclose(back[1], y, abs_tol=1e-6)


@given(VIEWS, st.floats(0.3, 3), st.floats(0, 900), st.floats(0, 700))
def test_the_wheel_keeps_the_point_under_the_cursor(view, factor, x, y):
    before = view.to_film(x, y)
    after = view.zoomed(factor, (x, y)).to_film(x, y)
    assert math.isclose(before[0], after[0], abs_tol=1e-6) and math.isclose(before[1], after[1], abs_tol=1e-6)


def test_turns_and_mirrors_act_as_seen_on_the_screen():
    view = Viewport((100, 200), (400, 400)).fitted()
    right_of_centre = (80.0, 100.0)
    assert view.to_screen(*right_of_centre)[0] > 200
    assert view.flipped(True).to_screen(*right_of_centre)[0] < 200
    turned = view.turned(True)
    assert turned.to_screen(*right_of_centre)[1] > 200, "turned right: what was right is below"
    assert turned.flipped(True).to_screen(*right_of_centre)[1] > 200, "a left-right mirror leaves below below"
    assert turned.orientation == "turned 90\N{DEGREE SIGN}"
    assert view.flipped(True).orientation == "mirrored"
    assert view.flipped(True).flipped(False).orientation == "turned 180\N{DEGREE SIGN}"
    assert view.turned(True).turned(False).orientation == ""


def test_fit_shows_the_whole_film_whatever_the_turn():
    for view in (Viewport((2000, 1000), (300, 600)), Viewport((2000, 1000), (300, 600)).turned(True)):
        fitted = view.fitted()
        for corner in ((0, 0), (2000, 1000)):
            x, y = fitted.to_screen(*corner)
            assert 0 <= x <= 300 and 0 <= y <= 600


# --- boxes and labels ---------------------------------------------------------------------------


def test_letters_stand_for_colours():
    case = session()
    case.do(SetBox("dp1", Box(50, 500, 150, 600)), at=NOW, who="x")
    case.do(SetGrade("mc1", 2), at=NOW, who="x")
    labels = {mark.bone: mark for mark in overlay.marks(case.reading)}
    assert labels["dp1"].label == "DP 1 H !" and labels["dp1"].human
    assert labels["mc1"].label == "MC 1 H" and not labels["mc1"].human
    assert labels["mp5"].label == "MP 5 !" and not labels["mp5"].certain
    assert labels["radius"].label == "Radius"


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("zoom", [0.3, 0.52, 1.0, 2.0])
def test_labels_cover_no_joint_and_no_other_label(turns, zoom):
    case = session()
    view = Viewport((1000, 1250), (700, 700)).fitted().zoomed_to(zoom)
    for _ in range(turns):
        view = view.turned(True)
    boxes = [(mark.bone, view.rect_to_screen(mark.box)) for mark in overlay.marks(case.reading)]
    places = overlay.place_labels(boxes, dict.fromkeys(rus_chn.BONES, (46.0, 15.0)), (2, 2, 698, 698))
    rects = list(places.values())
    for i, rect in enumerate(rects):
        assert not any(overlay._overlaps(rect, box) for _, box in boxes)
        assert not any(overlay._overlaps(rect, other) for other in rects[i + 1 :])
        assert rect[0] >= 0 and rect[2] <= 700
    if zoom == 0.52:
        assert len(rects) == 13


def test_a_label_prefers_dark_ground():
    boxes = [("mc3", (300.0, 300.0, 340.0, 340.0))]
    right_is_bone = overlay.place_labels(
        boxes, {"mc3": (40, 14)}, (0, 0, 700, 700), lambda rect: 0.9 if rect[0] > 300 else 0.0
    )
    assert right_is_bone["mc3"][2] <= 300


def test_a_label_keeps_off_the_corner_texts_and_a_box_out_of_sight_has_none():
    boxes = [("mc3", (40.0, 640.0, 80.0, 680.0)), ("dp5", (900.0, 100.0, 940.0, 140.0))]
    corner = (0.0, 600.0, 200.0, 700.0)
    places = overlay.place_labels(boxes, {"mc3": (40, 14), "dp5": (40, 14)}, (0, 0, 700, 700), others=[corner])
    assert set(places) == {"mc3"} and not overlay._overlaps(places["mc3"], corner)


@pytest.mark.parametrize("turns", range(4))
def test_a_dragged_handle_moves_that_side_on_the_screen(turns):
    view = Viewport((1000, 1000), (500, 500)).fitted()
    for _ in range(turns):
        view = view.turned(True)
    box = Box(400, 400, 500, 520)
    x0, y0, x1, y1 = view.rect_to_screen(box)
    after = view.rect_to_screen(overlay.dragged(view, box, "e", (x1, y0), (x1 + 20, y0)))
    assert after == pytest.approx((x0, y0, x1 + 20, y1))
    moved = view.rect_to_screen(overlay.dragged(view, box, "move", (0, 0), (5, -7)))
    assert moved == pytest.approx((x0 + 5, y0 - 7, x1 + 5, y1 - 7))


def test_a_box_stays_legal_however_it_is_dragged():
    view = Viewport((1000, 1000), (500, 500)).fitted()
    flat = overlay.dragged(view, Box(400, 400, 500, 500), "e", (0, 0), (-50, 0))
    assert flat.x1 - flat.x0 >= 8
    away = overlay.dragged(view, Box(400, 400, 500, 500), "move", (0, 0), (5000, 5000))
    assert away.centre == (1000, 1000)


def test_the_turn_of_a_missing_bone_is_that_of_its_hand():
    film = make_film()
    result = make_result(film.frame)
    turned = tuple(
        dataclasses.replace(b, region=dataclasses.replace(b.region, angle_deg=170.0 if i % 2 else -170.0))
        for i, b in enumerate(result.bones)
    )
    turned = tuple(dataclasses.replace(b, region=None, grade=None) if b.bone == "ulna" else b for b in turned)
    case = session(read=False)
    case.do(SetAnalysis(dataclasses.replace(result, bones=turned), NOW), at=NOW, who="x")
    assert abs(abs(angle_of(case.reading, "ulna")) - 180) < 2
    assert angle_of(session(read=False).reading, "ulna") == 0.0


# --- pixels -------------------------------------------------------------------------------------


def test_halving_averages_and_keeps_odd_edges():
    pixels = np.array([[0, 4, 7], [8, 12, 7]], np.uint16)
    assert halved(pixels).tolist() == [[6, 7]]
    top = np.full((4, 4), 65535, np.uint16)
    assert (halved(top) == 65535).all()


def test_the_level_of_detail_has_a_pixel_for_every_screen_pixel():
    pixels = FilmPixels(make_film(size=(1000, 1250)).frame)
    assert [level.shape for level in pixels.levels] == [(1250, 1000), (625, 500), (313, 250)]
    assert [pixels.level_for(zoom) for zoom in (4.0, 1.0, 0.9, 0.5, 0.3, 0.2, 0.05)] == [0, 0, 0, 1, 1, 2, 2]


def test_a_patch_covers_what_is_seen_and_shows_the_same_grey():
    frame = make_film().frame
    pixels = FilmPixels(frame)
    lut = linear_lut(Voi("", VoiKind.LINEAR, 2048, 4096), 4095, frame.pixels.dtype)
    seen = (300.0, 400.0, 500.0, 640.0)
    key = pixels.patch_key(seen, 1.5)
    patch = pixels.patch(key, lut)
    assert patch is not None
    x0, y0, x1, y1 = patch.rect
    assert x0 <= 300 and y0 <= 400 and x1 >= 500 and y1 >= 640
    assert (patch.grey == lut[frame.pixels[int(y0) : int(y1), int(x0) : int(x1)]]).all()
    screen = pixels.patch(key, screen_lut(lut))
    assert screen is not None and screen.grey.dtype == np.uint32
    for shift in (0, 8, 16):  # red, green and blue are the same grey, and opaque
        assert (screen.grey >> shift & 0xFF == patch.grey).all()
    assert (screen.grey >> 24 == 0xFF).all()
    assert pixels.covers(key, seen, 1.5) and not pixels.covers(key, (0, 0, 10, 10), 1.5)
    assert not pixels.covers(key, seen, 0.4)


@given(st.floats(-600, 600), st.floats(-600, 600))
def test_a_window_drag_is_a_function_of_its_way(dx, dy):
    start = Voi("x", VoiKind.LINEAR, 2000, 1500)
    after = dragged_window(start, dx, dy, 4095)
    assert (after.width > start.width) == (dx > 0) or abs(dx) < 1e-3 or after.width == 1.0
    assert (after.centre < start.centre) == (dy < 0) or dy == 0 or abs(dy) < 1e-6
    back = dragged_window(start, 0, 0, 4095)
    assert (back.width, back.centre) == (1500, 2000)


def test_a_lut_can_be_dragged_too():
    table = bytes(max(0, min(255, (i - 100) // 2)) for i in range(1000))
    after = dragged_window(Voi("F", VoiKind.LUT, first=50, table=table), 0, 0, 4095)
    assert after.kind is VoiKind.LINEAR and 350 < after.centre < 450 and after.width > 300


def test_auto_window_ignores_the_ground_and_flat_films():
    frame = make_film().frame
    auto = FilmPixels(frame).auto_window()
    assert auto.width > 100 and 0 < auto.centre < 4095
    flat = dataclasses.replace(frame, pixels=np.zeros((300, 300), np.uint16))
    assert FilmPixels(flat).auto_window() == frame.vois[0]


def test_corners_say_what_the_millimetres_are():
    film = make_film()
    view = Viewport((1000, 1250), (500, 500)).fitted().flipped(True)
    lines = corners.image_lines(film, view, film.frame.vois[0], True)
    assert "0.150 mm/px at detector" in lines and any("INVERTED" in line and "mirrored" in line for line in lines)
    assert corners.study_lines(film, film.study)[0] == "2024-07-11 A77"
    mended = dataclasses.replace(film.study, study_date=date(2023, 7, 11))
    assert corners.study_lines(film, mended)[0] == "2023-07-11 A77"
    assert "sex ?" in corners.patient_lines(session(patient=Patient()).reading)[1]


def test_one_to_one_on_the_screen_is_a_hundred_percent_on_a_screen_of_fine_pixels():
    film = make_film()
    view = Viewport((1000, 1250), (500, 500)).zoomed_to(1 / 2)  # what 'one to one' asks for at a scale of 200 %
    assert "zoom 100%" in corners.image_lines(film, view, None, False, 2.0)[-1]
    assert "zoom 50%" in corners.image_lines(film, view, None, False)[-1]


def test_levels_made_ahead_are_taken_once_and_only_for_their_frame():
    from boneage_desk.ui.presenters import film_pixels

    first, second = make_film("/a").frame, make_film("/b").frame
    film_pixels._prepared.clear()
    film_pixels.prepare(first)
    made = film_pixels._prepared[0]
    assert film_pixels.pixels_of(first) is made
    film_pixels.prepare(first)
    assert film_pixels.pixels_of(second).frame is second
    assert film_pixels._prepared == [], "no film is held that is not shown"


def test_the_picture_is_fitted_and_not_the_sheet_around_it():
    picture = np.zeros((1200, 2000), np.uint8)
    picture[100:1100, 600:1400] = 120
    x0, y0, x1, y1 = FilmPixels(make_film(pixels=picture).frame).content()
    assert 560 <= x0 <= 600 and 60 <= y0 <= 100 and 1400 <= x1 <= 1440 and 1100 <= y1 <= 1140
    assert FilmPixels(make_film(pixels=np.zeros((600, 600), np.uint8)).frame).content() == (0, 0, 600, 600)


def test_grades_of_the_stand_in_are_legal():
    for bone, grade in GRADES.items():
        rus_chn.check_grade(bone, grade)
