"""The drawn film and its truth."""

from __future__ import annotations

import math

import numpy as np
import pytest

from boneage_desk.imaging.phantom import BONES, CROP_SHARE, LAST_GRADE, PhantomSpec, draw_bone, draw_hand, truth
from boneage_desk.imaging.phantom.demo import DEMO_GRADES, DEMO_SPEC
from boneage_desk.standards import rus_chn
from boneage_desk.standards.types import Sex

SMALL = (400, 320)


def spec(**changes: object) -> PhantomSpec:
    values: dict[str, object] = {"grades": DEMO_GRADES, "size": SMALL, "bits": 8, "seed": 3}
    return PhantomSpec(**(values | changes))  # type: ignore[arg-type]


def points(of: PhantomSpec) -> np.ndarray:
    known = truth(of)
    return np.array([known.centres[bone] for bone in BONES])


def turn_between(a: np.ndarray, b: np.ndarray) -> tuple[float, float, float]:
    """Angle (degrees counter-clockwise as seen) and scale that carry points a to b, and the worst rest, px."""
    za, zb = a[:, 0] - 1j * a[:, 1], b[:, 0] - 1j * b[:, 1]
    za, zb = za - za.mean(), zb - zb.mean()
    factor = (zb @ za.conj()) / (za @ za.conj())
    return math.degrees(np.angle(factor)), abs(factor), float(np.abs(zb - factor * za).max())


@pytest.mark.parametrize("angle", [-180, -135, -90, -30, 0, 17.5, 45, 90, 180])
@pytest.mark.parametrize("side", ["left", "right"])
def test_truth_turns_with_the_hand(side: str, angle: float) -> None:
    found, scale, rest = turn_between(points(spec(side=side)), points(spec(side=side, rotation_deg=angle)))
    assert rest < 1e-6
    assert math.cos(math.radians(found - angle)) == pytest.approx(1.0, abs=1e-9)
    assert scale <= 1.0 + 1e-9


def test_a_mirrored_film_is_the_film_flipped_with_its_truth() -> None:
    plain, mirrored = draw_hand(spec(rotation_deg=20)), draw_hand(spec(rotation_deg=20, mirrored=True))
    assert np.array_equal(mirrored.pixels, plain.pixels[:, ::-1])
    for bone in BONES:
        x0, y0, x1, y1 = plain.boxes[bone]
        assert mirrored.boxes[bone] == pytest.approx((SMALL[1] - x1, y0, SMALL[1] - x0, y1), abs=1e-9)


def test_boxes_are_squares_of_the_standard_share_on_the_film() -> None:
    film = draw_hand(spec())
    mc3, dp3 = np.array(film.centres["mc3"]), np.array(film.centres["dp3"])
    assert float(np.hypot(*(mc3 - dp3))) == pytest.approx(film.unit_px, rel=0.03)
    for bone in BONES:
        x0, y0, x1, y1 = film.boxes[bone]
        assert x1 - x0 == pytest.approx(CROP_SHARE[bone] * film.unit_px)
        assert y1 - y0 == pytest.approx(x1 - x0)
        assert ((x0 + x1) / 2, (y0 + y1) / 2) == pytest.approx(film.centres[bone])
        assert 0 <= x0 and 0 <= y0 and x1 <= SMALL[1] and y1 <= SMALL[0]
    assert truth(spec()).boxes == film.boxes


def test_the_other_rays_are_told_too() -> None:
    known = truth(spec())
    assert sorted(known.others) == sorted(f"{row}{ray}" for row in ("mc", "pp", "mp", "dp") for ray in (2, 4))
    for row, ray in (("mc", 4), ("pp", 4), ("dp", 4)):  # between their neighbours, from thumb to little finger
        x3, x, x5 = known.centres[f"{row}3"][0], known.others[f"{row}{ray}"][0], known.centres[f"{row}5"][0]
        assert x3 > x > x5


def test_a_left_hand_has_its_thumb_on_the_right() -> None:
    for side, sign in (("left", 1), ("right", -1)):
        at = truth(spec(side=side)).centres
        assert sign * (at["dp1"][0] - at["dp5"][0]) > 0
        assert at["dp3"][1] < at["mc3"][1] < at["radius"][1]  # fingers up


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("angle", [0, 70])
def test_bone_is_drawn_where_the_truth_says(side: str, angle: float) -> None:
    film = draw_hand(spec(side=side, rotation_deg=angle, marker=False, size=(640, 512)))
    pixels = film.pixels.astype(float)
    rows, cols = np.mgrid[: pixels.shape[0], : pixels.shape[1]] + 0.5
    for bone in BONES:
        x, y = film.centres[bone]
        away = np.hypot(cols - x, rows - y)
        here = pixels[away < 0.02 * film.unit_px].mean()
        # the joint or plate beside the epiphysis is darker, the film far darker
        ring = (away > 0.04 * film.unit_px) & (away < 0.5 * CROP_SHARE[bone] * film.unit_px)
        assert here > np.quantile(pixels[ring], 0.35), bone
        assert here > 2 * np.quantile(pixels, 0.2), bone


def test_the_same_spec_gives_the_same_pixels_and_another_seed_others() -> None:
    first, again, other = draw_hand(spec()), draw_hand(spec()), draw_hand(spec(seed=4))
    assert np.array_equal(first.pixels, again.pixels)
    assert not np.array_equal(first.pixels, other.pixels)


@pytest.mark.parametrize(("bits", "kind"), [(8, np.uint8), (10, np.uint16), (12, np.uint16), (16, np.uint16)])
def test_stored_bits(bits: int, kind: type) -> None:
    film = draw_hand(spec(bits=bits))
    assert film.pixels.dtype == kind and film.pixels.shape == SMALL
    assert not film.pixels.flags.writeable
    assert 0.6 * (1 << bits) < film.pixels.max() < 1 << bits


def test_every_depth_shows_the_same_film() -> None:
    shallow, deep = draw_hand(spec(bits=8)), draw_hand(spec(bits=16))
    assert np.abs(shallow.pixels / 255 - deep.pixels / 65535).max() < 0.01


def test_fingers_together_lie_closer() -> None:
    open_hand, closed = truth(spec()).centres, truth(spec(fingers_together=True)).centres
    unit = truth(spec()).unit_px, truth(spec(fingers_together=True)).unit_px
    for bone in ("dp1", "dp5"):
        far = math.dist(open_hand[bone], open_hand["dp3"]) / unit[0]
        near = math.dist(closed[bone], closed["dp3"]) / unit[1]
        assert near < 0.85 * far


def test_the_hand_fills_the_part_of_the_film_that_was_asked() -> None:
    small, large = truth(spec(hand_fraction=0.4)), truth(spec(hand_fraction=0.8))
    assert large.unit_px == pytest.approx(2 * small.unit_px)


def test_the_marker_can_be_left_out() -> None:
    with_marker, without = draw_hand(spec()), draw_hand(spec(marker=False))
    assert with_marker.pixels.max() > 0.85 * 255
    changed = np.abs(with_marker.pixels.astype(int) - without.pixels) > 60
    assert 5 < changed.sum() < 0.01 * changed.size


@pytest.mark.parametrize("level", ["none", "all"])
def test_the_youngest_and_the_grown_hand(level: str) -> None:
    grades = {bone: 0 if level == "none" else last for bone, last in LAST_GRADE.items()}
    film = draw_hand(spec(grades=grades))
    assert set(film.boxes) == set(BONES)
    assert film.pixels.std() > 10


@pytest.mark.parametrize(
    "changes",
    [
        {"grades": {"radius": 3}},
        {"grades": {**DEMO_GRADES, "mc2": 3}},
        {"grades": {**DEMO_GRADES, "mc3": 11}},
        {"grades": {**DEMO_GRADES, "mc3": -1}},
        {"side": "both"},
        {"bits": 9},
        {"size": (20, 20)},
        {"hand_fraction": 0.0},
        {"sex": "X"},
    ],
)
def test_a_spec_that_cannot_be_drawn_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        spec(**changes)


def test_the_demo_is_a_girl_near_ten_and_a_half() -> None:
    total = rus_chn.total_score(DEMO_SPEC.grades, Sex.FEMALE)
    assert total == 511
    assert 10.3 * 12 < rus_chn.bone_age(total, Sex.FEMALE).months < 10.7 * 12
    assert (DEMO_SPEC.sex, DEMO_SPEC.side) == ("F", "left")


# --------------------------------------------------------------------------------------- one bone


@pytest.mark.parametrize("bone", BONES)
def test_each_grade_changes_the_picture_of_the_bone(bone: str) -> None:
    size = 96
    pictures = [draw_bone(bone, g, size).astype(float) for g in range(LAST_GRADE[bone] + 1)]
    middle = slice(size // 5, -size // 5)
    for grade, (a, b) in enumerate(zip(pictures, pictures[1:], strict=False)):
        changed = np.abs(a - b)[middle, middle]
        assert changed.max() > 25 and (changed > 12).mean() > 0.003, (bone, grade)


def test_one_bone_is_a_square_picture_that_repeats() -> None:
    a, b = draw_bone("mp3", 8, 128), draw_bone("mp3", 8, 128)
    assert a.shape == (128, 128) and a.dtype == np.uint8 and np.array_equal(a, b)
    with pytest.raises(ValueError, match="mc2"):
        draw_bone("mc2", 3)
    with pytest.raises(ValueError, match="13"):
        draw_bone("pp3", 13)


def test_one_bone_of_the_other_hand_is_its_mirror() -> None:
    left, right = (draw_bone("radius", 8, 96, side=side).astype(float) for side in ("left", "right"))
    same = np.corrcoef(left.ravel(), right[:, ::-1].ravel())[0, 1]
    assert same > 0.97 > np.corrcoef(left.ravel(), right.ravel())[0, 1]


def dark_part_of_the_plate(bone: str, grade: int) -> float:
    """Part of the plate's width that is darker than the bone beside it, on the picture."""
    size = 320
    picture = draw_bone(bone, grade, size).astype(float)
    centre = size // 2
    half = int(0.15 * size)
    # the plate lies between the middle of the epiphysis and the shaft, which for mc3 is below
    near, far = int(0.02 * size), int((0.22 if bone == "mc3" else 0.13) * size)
    rows_of = slice(centre + near, centre + far) if bone == "mc3" else slice(centre - far, centre - near)
    band = picture[rows_of, centre - half : centre + half]
    rows = np.arange(3, band.shape[0] - 3)
    beside = np.minimum(band[rows - 3], band[rows + 3])
    line = (band[rows] < 0.86 * beside).mean(axis=1)
    return float(line.max())


@pytest.mark.parametrize("bone", ["pp3", "mp3", "mc3"])
def test_the_dark_line_shortens_as_the_plate_fuses(bone: str) -> None:
    last = LAST_GRADE[bone]
    begun, half, done = (dark_part_of_the_plate(bone, g) for g in (last - 2, last - 1, last))
    assert begun > half > done
    assert done < 0.1
