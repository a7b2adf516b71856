"""The second-opinion strip as text."""

from __future__ import annotations

import dataclasses

import pytest

from boneage_desk.reading.analysis import FilmArea, Flag, WholeHandOpinion
from boneage_desk.reading.session import Reading
from boneage_desk.reading.summary import summarise
from boneage_desk.standards import rus_chn
from boneage_desk.ui.presenters.opinion_rows import BEYOND, OpinionView, opinion_view
from boneage_desk.ui.presenters.overlay import REGION_LEGEND, regions
from tests.samples import analysed

MINUS = "\N{MINUS SIGN}"


def reading(months: float, usual: float | None = 12.0, grade_share: float | None = None, **more: object) -> Reading:
    """A reading whose second opinion lies ``months`` below the 13 bones; ``grade_share``: of every bone's last grade."""
    value = analysed().reading
    if grade_share is not None:
        grades = {bone: round(rus_chn.max_grade(bone) * grade_share) for bone in rus_chn.BONES}
        value = dataclasses.replace(
            value, bones=tuple(dataclasses.replace(b, human_grade=grades[b.bone]) for b in value.bones)
        )
    age = summarise(value).bone_age
    assert age is not None
    one = WholeHandOpinion("lite2.v1", age.months - months, usual_difference_months=usual)
    return dataclasses.replace(value, whole_hand=(one,), **more)


def view(value: Reading, **state: object) -> OpinionView:
    return opinion_view(value, summarise(value), chosen=("whole-hand",), **state)  # type: ignore[arg-type]


@pytest.mark.parametrize(("months", "beyond"), [(11.94, False), (12.06, True), (-11.94, False), (-12.06, True)])
def test_beyond_the_usual_on_either_side(months: float, beyond: bool) -> None:
    said = view(reading(months))
    assert said.beyond is beyond and said.comment_field is beyond and (BEYOND in said.mark) is beyond
    assert said.difference == f"{'+' if months > 0 else MINUS}{abs(months):.1f} m" and said.usual == "up to 12.0 m"


def test_where_the_usual_difference_was_not_measured_nothing_is_said_of_it() -> None:
    said = view(reading(60, usual=None))
    assert said.beyond is None and said.usual == "not measured" and not said.comment_field
    assert said.difference == "+60.0 m"


def test_at_a_tables_end_the_difference_is_a_bound_or_none() -> None:
    above = view(reading(20, grade_share=1.0))
    assert above.bones.startswith(">=") and above.difference == "\N{GREATER-THAN OR EQUAL TO} +20.0 m" and above.beyond
    assert view(reading(-20, grade_share=1.0)).difference == "\N{EN DASH}", "an older hand does not speak against a bound"


def test_a_comment_stays_in_sight_when_the_difference_became_usual() -> None:
    said = view(reading(3, difference_comment="turned wrist"))
    assert said.comment_field and said.comment == "turned wrist" and said.beyond is False


def test_what_it_is_at_is_said_and_what_can_be_done() -> None:
    value = dataclasses.replace(reading(0), whole_hand=())
    asked = view(value, asked=("whole-hand", "dual"))
    assert asked.cells and asked.name == "Whole hand" and asked.age.startswith("reading") and asked.waiting
    assert asked.others.startswith("Dual output: reading") and not asked.again
    failed = view(value, trouble="The model process ended.")
    assert failed.notes == ("No second opinion: The model process ended.",) and failed.again and not failed.cells
    assert not view(value, trouble="cancelled", film=False).again and not view(value, trouble="cancelled", editable=False).again
    off = opinion_view(value, summarise(value), chosen=())
    assert "none is chosen" in off.notes[0] and not off.again
    assert view(value) == OpinionView(bones=view(value).bones, age="\N{EN DASH}")


def test_reasons_are_quiet_and_doubts_of_the_film_are_not() -> None:
    value = dataclasses.replace(reading(0), whole_hand=())
    away = Flag("whole_hand_unavailable", "Whole hand: no model is installed.", engine="whole-hand")
    young = Flag("outside_training", "Whole hand: no second opinion, the child is 1 y old.", engine="whole-hand")
    quiet = view(dataclasses.replace(value, flags=(away,)))
    assert quiet.notes == (away.message,) and not quiet.doubt and quiet.again
    loud = view(dataclasses.replace(value, flags=(young,)))
    assert loud.doubt and not loud.again


def test_the_cascades_regions_come_from_whichever_opinion_has_them() -> None:
    square = ((0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0))
    cut = WholeHandOpinion("c.v1", 120.0, engine="cascade", areas=(FilmArea("carpal", square), FilmArea("metacarpophalangeal", square)))
    value = dataclasses.replace(reading(0), whole_hand=(*reading(0).whole_hand, cut))
    carpal, joints = regions(value)
    assert (carpal.dashed, joints.dashed) == (False, True) and carpal.label in REGION_LEGEND and joints.label in REGION_LEGEND
    assert regions(reading(0)) == ()
