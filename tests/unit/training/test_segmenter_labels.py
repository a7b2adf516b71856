"""What a drawing teaches the segmenter: the bone's own epiphysis, the edge below it, and what stays unknown."""

from __future__ import annotations

import numpy as np
import pytest

from boneage_desk.reading.evidence import Evidence
from boneage_desk.standards.rus_chn import BONES
from boneage_desk.training.evaluate_segmenter import against_ages, mask_ratio, rank_correlation
from boneage_desk.training.segmenter_crops import EDGE, EPIPHYSIS, NEITHER, UNKNOWN, label_of
from boneage_desk.training.train_segmenter import SIZE, framed, placing

S = 128


def drawing(own: bool = True, merged: bool = False, next_joint: bool = False) -> tuple[np.ndarray, np.ndarray]:
    epiphyses, region = np.zeros((2, S, S), bool)
    region[50:78, 40:88] = True
    if own:
        epiphyses[58:68, 44:84] = True
    if merged:
        epiphyses[20:68, 50:70] = True
    if next_joint:
        region[68:78] = False
        region[68:70, 40:46] = True
        region[110:128, 40:88] = True
    return epiphyses, region


def label(**how: bool) -> np.ndarray | None:
    absent = how.pop("absent", False)
    return label_of(*drawing(**how), highest=0.24, absent_allowed=absent)


def test_epiphysis_and_the_edge_below_it() -> None:
    found = label()
    assert found is not None
    assert (found[58:68, 44:84] == EPIPHYSIS).all() and (found[68:78, 44:84] == EDGE).all()
    assert (found[50:57, 44:84] == NEITHER).all(), "the region above is the joint, not the metaphysis"
    assert not (found == UNKNOWN).any()
    assert mask_ratio(found) == pytest.approx(40 / 48)


def test_what_is_merged_with_a_neighbour_teaches_nothing() -> None:
    assert label(merged=True) is None


def test_the_next_joint_is_not_this_bones_edge() -> None:
    found = label(next_joint=True)
    assert found is not None and not (found == EDGE).any()
    assert (found[70:100, 60] == UNKNOWN).all() and (found[58:68, 44:84] == EPIPHYSIS).all()


def test_no_epiphysis_is_absent_only_in_a_young_hand() -> None:
    assert label(own=False) is None
    found = label(own=False, absent=True)
    assert found is not None and not np.isin(found, (EPIPHYSIS, EDGE)).any()
    assert found[64, 64] == NEITHER and found[50, 64] == UNKNOWN


def test_the_networks_square_is_the_graders() -> None:
    stored = np.zeros((S, S), np.uint8)
    stored[64:, 64:] = 255
    square = framed(stored, placing())
    assert square.shape == (SIZE, SIZE)
    assert square[: SIZE // 2 - 1].max() == 0 and square[SIZE // 2 + 1 :, SIZE // 2 + 1 :].min() == 255
    turned = framed(stored, placing(mirror=True))
    assert turned[SIZE // 2 + 1 :, : SIZE // 2 - 1].min() == 255 and turned[:, SIZE // 2 + 1 :].max() == 0


def test_ties_share_their_rank() -> None:
    assert rank_correlation(np.array([1.0, 1.0, 2.0, 3.0]), np.array([5.0, 5.0, 7.0, 9.0])) == pytest.approx(1)
    assert rank_correlation(np.array([1.0, 2.0, 3.0]), np.array([3.0, 2.0, 1.0])) == pytest.approx(-1)


def test_the_evaluation_counts_widths_plates_and_caps_by_the_typical_grade() -> None:
    rows: list[tuple[str, float, Evidence | None]] = []
    for bone in BONES:
        for grade in (2.0, 5.0, 9.0):
            capped = True if bone == "pp3" and grade == 9.0 else None
            rows.append((bone, grade, Evidence(bone, True, 0.9, grade / 10, fused_share=0.0, caps_thumb_side=capped)))
    rows += [("pp5", 9.0, Evidence("pp5", True, 0.3)), ("dp1", 9.0, None), ("pp3", 12.0, Evidence("pp3", True, 0.9, 1.0, fused_share=1.0))]
    found = against_ages(rows)
    assert found["caps"]["on both sides"] == {"crops": 6, "seen": 0.167}  # fused from 9 on: mc1, dp
    assert found["caps"]["before"]["seen"] == 0
    assert found["measurable"] == round(40 / 42, 3)
    assert found["width_by_bone"]["radius"] == {"crops": 3, "rank_correlation": 1.0}
    assert (found["plate"]["open"]["read_open"], found["plate"]["complete"]["read_closed"]) == (1.0, 1.0)
