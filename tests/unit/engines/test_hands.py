"""Regions, crops and flags from what the detector found: places of a drawn hand, no network."""

from __future__ import annotations

import numpy as np
import pytest

from boneage_desk.engines import hands
from boneage_desk.engines.networks.consistency import Detection, template
from boneage_desk.imaging.crops import SIDE_SHARE
from boneage_desk.reading.findings import Box
from boneage_desk.standards.rus_chn import BONES

WIDTH, HEIGHT, LENGTH = 900, 1200, 180.0


def detections(
    turn_deg: float = 0.0, *, mirror: bool = False, length: float = LENGTH, at: tuple[float, float] = (450, 600)
) -> list[Detection]:
    """A hand like the template's mean; thumb on the right unless mirrored."""
    places = template().mean * length
    if mirror:
        places = places * [-1, 1]
    a = np.radians(turn_deg)
    places = places @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]]) + at
    found: list[Detection] = []
    for bone, (x, y) in zip(BONES, places, strict=True):
        half = SIDE_SHARE[bone] * length / 2
        found.append((bone, (x - half, y - half, x + half, y + half), 0.9))
    return found


def codes(hand: hands.Hand) -> list[tuple[str, str]]:
    return [(flag.code, flag.bone) for flag in hand.flags]


@pytest.mark.parametrize("turn", [0, 37, 90, 180, -135])
@pytest.mark.parametrize("mirror", [False, True])
def test_side_is_told_whatever_the_turn(turn: float, mirror: bool) -> None:
    hand = hands.fit(detections(turn, mirror=mirror), WIDTH, HEIGHT)
    assert codes(hand) == []
    assert hand.side == ("R" if mirror else "L")
    assert list(hand.regions) == list(BONES)
    assert (hand.rotation_deg - turn + 180) % 360 - 180 == pytest.approx(0, abs=1)


@pytest.mark.parametrize("turn", [0, 90, -60])
def test_region_angle_is_the_turn_that_brings_distal_up(turn: float) -> None:
    hand = hands.fit(detections(turn), WIDTH, HEIGHT)
    # the third ray points where the hand points, within its natural tilt
    assert (hand.regions["pp3"].angle_deg + turn + 180) % 360 - 180 == pytest.approx(0, abs=12)


def test_a_region_and_its_crop_are_the_same_square() -> None:
    hand = hands.fit(detections(25, mirror=True), WIDTH, HEIGHT)
    for bone, region in hand.regions.items():
        again = hands.spec_of(region.box, region.angle_deg, mirror=hand.mirror)
        spec = hand.specs[bone]
        assert (again.cx, again.cy, again.side) == pytest.approx((spec.cx, spec.cy, spec.side))
        assert (again.angle_deg, again.mirror) == (spec.angle_deg, spec.mirror)


def test_nothing_found_is_no_hand() -> None:
    hand = hands.fit([], WIDTH, HEIGHT)
    assert codes(hand) == [("no_hand", "")]
    assert hand.flags[0].blocking
    assert not hand.regions and not hand.specs and hand.side == ""


def test_two_hands_block() -> None:
    both = detections(at=(240, 600), length=120) + detections(mirror=True, at=(660, 600), length=120)
    hand = hands.fit(both, WIDTH, HEIGHT)
    assert [(flag.code, flag.blocking) for flag in hand.flags if flag.blocking] == [("several_hands", True)]


def test_a_bone_not_seen_is_filled_and_said_to_be_uncertain() -> None:
    hand = hands.fit([d for d in detections() if d[0] != "mp5"], WIDTH, HEIGHT)
    assert codes(hand) == [("bone_uncertain", "mp5")]
    assert hand.unseen == ("mp5",)
    region = hand.regions["mp5"]
    assert not region.certain
    assert region.confidence == 0
    assert "not seen" in region.reason
    truth = next(d[1] for d in detections() if d[0] == "mp5")
    assert region.box.centre == pytest.approx(Box(*truth).centre, abs=0.05 * LENGTH)


def test_a_bone_seen_in_an_impossible_place_is_uncertain() -> None:
    wrong = [("dp1", (60, 1020, 114, 1074), 0.95) if d[0] == "dp1" else d for d in detections()]
    hand = hands.fit(wrong, WIDTH, HEIGHT)
    assert ("bone_uncertain", "dp1") in codes(hand)
    truth = next(d[1] for d in detections() if d[0] == "dp1")
    assert hand.regions["dp1"].box.centre == pytest.approx(Box(*truth).centre, abs=0.08 * LENGTH)


def test_a_bone_outside_the_film_is_missing() -> None:
    low = max(d[1][1] for d in detections() if d[0] in ("radius", "ulna"))
    cut = [d for d in detections() if d[0] not in ("radius", "ulna")]
    hand = hands.fit(cut, WIDTH, int(low))
    assert {bone for code, bone in codes(hand) if code == "bone_missing"} == {"radius", "ulna"}
    assert "radius" not in hand.regions and "radius" not in hand.specs


def test_a_small_hand_is_of_low_quality() -> None:
    hand = hands.fit(detections(length=40), WIDTH, HEIGHT)
    assert ("low_quality", "") in codes(hand)


def test_faint_bones_are_of_low_quality() -> None:
    faint: list[Detection] = [(bone, box, 0.35) for bone, box, _ in detections()]
    assert ("low_quality", "") in codes(hands.fit(faint, WIDTH, HEIGHT))
