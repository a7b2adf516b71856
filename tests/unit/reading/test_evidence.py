"""Measured evidence: its words, when it speaks against a grade, and how it follows the box in force."""

from __future__ import annotations

import pytest

from boneage_desk.common.errors import StandardError
from boneage_desk.reading.evidence import CAPS_ONE, FUSION, WIDE_BOTH, Evidence, contradiction, evidence_words
from boneage_desk.reading.findings import BoneFinding, Box, Region
from boneage_desk.standards import rus_chn


def measured(bone: str = "pp3", **values: object) -> Evidence:
    return Evidence(bone, **{"present": True, "quality": 0.9, **values})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"width_ratio": 0.41, "gap": 0.12}, ("less than half the shaft (0.41)", "gap 0.12 of the shaft's width")),
        ({"width_ratio": 0.71, "gap": 0.0}, ("half the shaft or more (0.71)", "touches the shaft in places")),
        ({"width_ratio": 1.02}, ("as wide as the shaft (1.02)",)),
        ({"width_ratio": 1.14, "gap": -0.1}, ("wider than the shaft (1.14)", "overlaps the shaft")),
        ({"caps_thumb_side": True, "caps_little_side": True}, ("caps the shaft on both sides",)),
        ({"caps_thumb_side": True, "caps_little_side": False}, ("caps the shaft on the thumb side",)),
        ({"caps_thumb_side": False, "caps_little_side": True}, ("caps the shaft on the little finger side",)),
        ({"fused_share": 0.5, "width_ratio": 1.0, "gap": 0.0}, ("gap closed over about half of the width", "as wide as the shaft (1.00)")),
        ({"fused_share": 0.8}, ("gap closed over about 3/4 of the width",)),
        ({"fused_share": 1.0}, ("no gap to the shaft is left",)),
        ({"fused_share": 0.05}, ("nothing could be measured",)),
        ({"present": False}, ("no ossification centre seen",)),
        ({"quality": 0.2, "width_ratio": 1.0}, ("not measured: the outline is unclear",)),
    ],
)
def test_words_are_those_of_the_standard(values: dict[str, object], words: tuple[str, ...]) -> None:
    assert evidence_words(measured(**values)) == words


@pytest.mark.parametrize(
    ("values", "grade", "part"),
    [
        ({"present": False}, 2, "No ossification centre"),
        ({"width_ratio": 0.3}, 0, "grade 0 has none"),
        ({"width_ratio": 0.3}, 3, "asks for half or more"),
        ({"width_ratio": 0.8}, 2, "more than half"),
        ({"width_ratio": 0.7}, 7, "grade 5(2) asks for the full width"),
        ({"caps_thumb_side": False, "caps_little_side": False}, 9, "caps the shaft on neither side"),
        ({"caps_thumb_side": True, "caps_little_side": True}, 6, "grade 5(0) comes before"),
        ({"fused_share": 0.05}, 12, "open over 95 %"),
        ({"fused_share": 0.9}, 8, "comes before fusion"),
    ],
)
def test_a_measurement_speaks_against_a_grade(values: dict[str, object], grade: int, part: str) -> None:
    assert part in contradiction(measured(**values), grade)


@pytest.mark.parametrize(
    ("values", "grade"),
    [
        ({"present": False}, 0),
        ({"width_ratio": 0.42}, 3),  # within the error of measuring
        ({"width_ratio": 0.55}, 2),
        ({"width_ratio": 1.05}, 4),  # criteria are minima
        ({"width_ratio": 0.93}, 7),
        ({"caps_thumb_side": True, "caps_little_side": False}, 6),
        ({"fused_share": 1.0}, 9),
        ({"fused_share": 1.0}, 12),
        ({"fused_share": 0.0}, 10),
        ({"fused_share": 0.5}, 12),
        ({"quality": 0.3, "width_ratio": 0.1}, 9),
        ({}, 5),
    ],
)
def test_it_is_silent_where_it_agrees_or_cannot_tell(values: dict[str, object], grade: int) -> None:
    assert contradiction(measured(**values), grade) == ""


def test_several_centres_of_the_thumb_may_be_wide() -> None:
    assert contradiction(measured("pp1", width_ratio=0.8), 2) == ""
    assert contradiction(measured("pp5", width_ratio=0.8), 2) != ""


@pytest.mark.parametrize("bone", rus_chn.BONES)
def test_the_grades_are_those_whose_criteria_name_the_feature(bone: str) -> None:
    texts = [rus_chn.criterion(bone, grade).lower() for grade in range(rus_chn.max_grade(bone) + 1)]
    assert "fusion" in texts[FUSION[bone]] and not any("fus" in text for text in texts[: FUSION[bone]])
    if bone in CAPS_ONE:
        assert "on one side" in texts[CAPS_ONE[bone]] and "on both sides" in texts[CAPS_ONE[bone] + 1]
        assert not any("epiphysis caps" in text for text in texts[: CAPS_ONE[bone]])
    if bone in WIDE_BOTH:
        assert "wide" in texts[WIDE_BOTH[bone]]


def test_an_unknown_grade_or_bone_is_refused() -> None:
    with pytest.raises(StandardError):
        contradiction(measured(), 13)
    with pytest.raises(StandardError):
        measured("mc2")
    with pytest.raises(ValueError, match="fused share"):
        measured(fused_share=1.2)


def test_evidence_follows_the_box_in_force() -> None:
    machine, human = measured(width_ratio=0.6), measured(width_ratio=0.9)
    finding = BoneFinding("pp3", Region(Box(0, 0, 9, 9), 0.9), machine_evidence=machine)
    assert finding.evidence is machine
    moved = BoneFinding("pp3", finding.machine_region, human_box=Box(1, 1, 9, 9), machine_evidence=machine)
    assert moved.evidence is None
    again = BoneFinding("pp3", human_box=Box(1, 1, 9, 9), machine_evidence=machine, human_evidence=human)
    assert again.evidence is human
    with pytest.raises(ValueError, match="pp3 filed under mc3"):
        BoneFinding("mc3", machine_evidence=machine)
