"""Each grade changes the drawn form as its criteria ask."""

from __future__ import annotations

import numpy as np
import pytest

from boneage_desk.imaging.phantom import BONES, LAST_GRADE
from boneage_desk.imaging.phantom.forms import form_of
from boneage_desk.imaging.phantom.outlines import epiphysis_outline, long_bone
from boneage_desk.standards import rus_chn

WIDTH = 0.15


def label(bone: str, grade: int) -> str:
    return rus_chn.labels(bone)[grade]


def epiphysis_width(bone: str, grade: int) -> float:
    """Width of the drawn epiphysis over that of the metaphysis."""
    outline = epiphysis_outline(form_of(bone, grade), WIDTH, bone)
    return 0.0 if outline is None else float(np.ptp(outline[:, 0])) / WIDTH


def drawn_gap(bone: str, grade: int) -> float:
    """Distance of the epiphysis from the metaphysis in the middle of the plate, over the metaphysis' width."""
    form = form_of(bone, grade)
    drawn = long_bone(bone, form, WIDTH, 0.6)
    assert drawn.epiphysis is not None
    middle = (form.lateral - form.medial) * WIDTH / 4
    near = np.abs(drawn.epiphysis[:, 0] - middle) < 0.12 * WIDTH
    return float(drawn.plate - drawn.epiphysis[near, 1].max()) / WIDTH


def test_the_grades_are_those_of_the_standard() -> None:
    assert BONES == rus_chn.BONES
    assert {bone: rus_chn.max_grade(bone) for bone in BONES} == dict(LAST_GRADE)


@pytest.mark.parametrize("bone", BONES)
def test_absent_at_grade_0_and_a_blurred_speck_at_1(bone: str) -> None:
    assert epiphysis_outline(form_of(bone, 0), WIDTH, bone) is None
    assert 0.1 < epiphysis_width(bone, 1) < 0.25
    assert form_of(bone, 1).blur and not form_of(bone, 2).blur
    assert epiphysis_width(bone, 2) < 0.5


@pytest.mark.parametrize("bone", BONES)
def test_width_rises_and_the_gap_shrinks_until_fusion(bone: str) -> None:
    open_grades = [g for g in range(1, LAST_GRADE[bone] + 1) if form_of(bone, g).fused == 0]
    widths = [epiphysis_width(bone, g) for g in open_grades]
    assert all(b >= a for a, b in zip(widths, widths[1:], strict=False)), widths
    gaps = [form_of(bone, g).gap for g in open_grades]
    assert all(b < a for a, b in zip(gaps, gaps[1:], strict=False)), gaps
    drawn = [drawn_gap(bone, g) for g in open_grades]
    assert drawn[0] > 0.1 > drawn[-1]


@pytest.mark.parametrize("bone", BONES)
def test_grade_3_is_at_least_half_the_metaphysis(bone: str) -> None:
    assert 0.5 <= epiphysis_width(bone, 3) < 0.8


@pytest.mark.parametrize("bone", BONES)
def test_neighbouring_grades_differ(bone: str) -> None:
    for grade in range(LAST_GRADE[bone]):
        assert form_of(bone, grade) != form_of(bone, grade + 1)


def test_flush_with_the_metaphysis_where_the_criteria_say_so() -> None:
    for bone in ("pp1", "pp3", "pp5", "mp3", "mp5"):
        assert label(bone, 5) == "4(2)" and form_of(bone, 5).lateral >= 1 > form_of(bone, 5).medial
        assert label(bone, 6) == "5(0)" and min(form_of(bone, 6).lateral, form_of(bone, 6).medial) >= 1
    for bone in ("mc3", "mc5"):
        assert label(bone, 5) == "4(2)" and form_of(bone, 5).lateral >= 1 > form_of(bone, 5).medial
        assert label(bone, 7) == "6" and min(form_of(bone, 7).lateral, form_of(bone, 7).medial) >= 1
    for bone in ("mc1", "dp1", "dp3", "dp5"):
        assert label(bone, 4) == "4" and epiphysis_width(bone, 4) == pytest.approx(1.0, abs=0.03)
        assert epiphysis_width(bone, 3) < 0.85
    assert label("radius", 6) == "5(2)" and form_of("radius", 6).medial >= 1 > form_of("radius", 5).medial
    assert label("ulna", 6) == "5(2)" and form_of("ulna", 6).medial >= 1 > form_of("ulna", 6).lateral
    assert label("ulna", 7) == "6" and min(form_of("ulna", 7).medial, form_of("ulna", 7).lateral) >= 1


@pytest.mark.parametrize("bone", [b for b in BONES if b not in ("ulna", "mc3", "mc5")])
def test_capping_first_one_side_then_both(bone: str) -> None:
    one, both = {"radius": (8, 9), "mc1": (7, 8), "dp1": (7, 8), "dp3": (7, 8), "dp5": (7, 8)}.get(bone, (8, 9))
    assert label(bone, one) in ("6(0)", "7(0)") and label(bone, both) in ("6(2)", "7(2)")
    caps = [(form_of(bone, g).cap_medial > 0, form_of(bone, g).cap_lateral > 0) for g in (one - 1, one, both)]
    assert [sum(pair) for pair in caps] == [0, 1, 2]
    # the horns do reach over the metaphysis
    drawn = long_bone(bone, form_of(bone, both), WIDTH, 0.6)
    assert drawn.epiphysis is not None and drawn.epiphysis[:, 1].max() > drawn.plate + 0.02 * WIDTH


@pytest.mark.parametrize("bone", BONES)
def test_fusion_grows_to_the_whole_plate(bone: str) -> None:
    parts = [form_of(bone, g).fused for g in range(1, LAST_GRADE[bone] + 1)]
    assert parts == sorted(parts) and parts[-1] == 1.0
    for grade in range(1, LAST_GRADE[bone] + 1):
        name = label(bone, grade)
        fused = form_of(bone, grade).fused
        if bone in ("radius", "ulna"):
            first = "8" if bone == "radius" else "7"
            quarters = {f"{first}(0)": 0.05, f"{first}(1)": 0.25, f"{first}(2)": 0.5, f"{first}(3)": 0.75}
            if name in quarters:
                assert quarters[name] <= fused < quarters[name] + 0.15
        elif name == "7(0)":
            assert 0 < fused < 0.5
        elif name == "7(2)":
            assert 0.5 < fused < 1


def test_outlines_do_not_turn_inside_out() -> None:
    for bone in BONES:
        for grade in range(1, LAST_GRADE[bone] + 1):
            outline = epiphysis_outline(form_of(bone, grade), WIDTH, bone)
            assert outline is not None and np.isfinite(outline).all()
            x, y = outline.T
            area = 0.5 * abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1)))
            box = float(np.ptp(x) * np.ptp(y))
            assert 0.4 * box < area <= box, (bone, grade, area / box)
