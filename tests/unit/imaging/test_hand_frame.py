"""The picture of the whole hand: the same whatever way the film lies, and showing the whole hand."""

from __future__ import annotations

import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from boneage_desk.imaging.crops import film_to_crop
from boneage_desk.imaging.hand_frame import TEMPLATE, hand_picture, hand_spec, whole_film_spec
from boneage_desk.imaging.normalise import normalise_film
from boneage_desk.imaging.phantom import BONES, PhantomSpec, draw_hand

SIZE = 96


def film_of(turn: float = 0.0, side: str = "left", mirrored: bool = False) -> tuple[NDArray[np.uint8], dict, float]:
    drawn = draw_hand(
        PhantomSpec(
            grades=dict.fromkeys(BONES, 7), size=(520, 420), bits=8, seed=3, marker=False, rotation_deg=turn,
            side=side, mirrored=mirrored, hand_fraction=0.7,
        )  # fmt: skip
    )
    return normalise_film(np.ascontiguousarray(drawn.pixels)), dict(drawn.centres), drawn.unit_px


def likeness(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    inner = (slice(8, -8),) * 2
    return float(np.corrcoef(a[inner].ravel(), b[inner].ravel())[0, 1])


@pytest.fixture(scope="module")
def upright() -> NDArray[np.uint8]:
    unit, centres, length = film_of()
    return hand_picture(unit, hand_spec(centres, length), SIZE)


@pytest.mark.parametrize("turn", [25.0, 90.0, 180.0, -130.0])
def test_a_turned_film_gives_the_same_picture(upright: NDArray[np.uint8], turn: float) -> None:
    unit, centres, length = film_of(turn)
    assert likeness(upright, hand_picture(unit, hand_spec(centres, length), SIZE)) > 0.96


def test_a_mirrored_film_and_a_negative_give_the_same_picture(upright: NDArray[np.uint8]) -> None:
    unit, centres, length = film_of(mirrored=True)
    assert likeness(upright, hand_picture(unit, hand_spec(centres, length), SIZE)) > 0.98
    unit, centres, length = film_of()
    negative = normalise_film(np.asarray(255 - unit, np.uint8))
    assert likeness(upright, hand_picture(negative, hand_spec(centres, length), SIZE)) > 0.98
    wrong = hand_picture(unit, hand_spec(centres, length, mirror=True), SIZE)
    assert likeness(upright, wrong) < 0.9, "the likeness would not see a mirrored picture"


def test_fingers_are_up_the_thumb_on_the_right_and_the_whole_hand_inside() -> None:
    unit, centres, length = film_of(70.0, side="right")
    spec = hand_spec(centres, length)
    place = {b: film_to_crop(np.array([c]), spec, SIZE)[0] for b, c in centres.items()}
    assert place["dp3"][1] < place["mc3"][1] < place["radius"][1]
    assert place["dp1"][0] > place["mc3"][0] > place["mc5"][0]
    room = length / spec.side * SIZE
    for x, y in place.values():
        assert 0.2 * room < x < SIZE - 0.2 * room
        assert 0.25 * room < y < SIZE - 0.4 * room


def test_a_lost_bone_hardly_turns_the_picture() -> None:
    _, centres, length = film_of()
    moved = centres | {"radius": centres["ulna"]}
    assert abs(hand_spec(moved, length).angle_deg - hand_spec(centres, length).angle_deg) < 4


def test_what_is_missing_or_senseless_is_refused() -> None:
    _, centres, length = film_of()
    del centres["ulna"]
    with pytest.raises(ValueError, match="ulna"):
        hand_spec(centres, length)
    with pytest.raises(ValueError, match="one place"):
        hand_spec(dict.fromkeys(TEMPLATE, (5.0, 5.0)), 0.0)


def test_a_film_without_a_hand_fit_is_shown_whole_and_an_empty_one_is_black() -> None:
    picture = hand_picture(np.full((40, 60), 9, np.uint8), whole_film_spec(40, 60), 30)
    assert picture.shape == (30, 30)
    assert picture.max() == 0
    ramp = np.tile(np.linspace(0, 200, 60).astype(np.uint8), (40, 1))
    shown = hand_picture(ramp, whole_film_spec(40, 60), 30)
    assert (shown[:4] == 0).all(), "outside the film"
    assert shown[15, -1] == 255


@pytest.mark.needs_data
def test_a_real_film_gives_the_same_picture_however_it_lies(shared_data: Path) -> None:
    from boneage_desk.training.dataset import BONES as RUS
    from boneage_desk.training.dataset import IN21, read_points

    film = read_points(shared_data)["1379"]
    with zipfile.ZipFile(shared_data / "rsna299.zip") as z:
        raw = cv2.imdecode(np.frombuffer(z.read("1379.webp"), np.uint8), cv2.IMREAD_GRAYSCALE)
    unit = normalise_film(np.asarray(cv2.resize(raw, (film.width * 400 // film.height, 400)), np.uint8))
    height, width = unit.shape
    points = film.xy[IN21] * np.array([width, height])
    length = float(np.hypot(*(points[RUS.index("dp3")] - points[RUS.index("mc3")])))

    def picture(pixels: NDArray[np.uint8], places: NDArray[np.float64]) -> NDArray[np.uint8]:
        centres = {b: (float(x), float(y)) for b, (x, y) in zip(RUS, places, strict=True)}
        return hand_picture(np.ascontiguousarray(pixels), hand_spec(centres, length), SIZE)

    there = picture(unit, points)
    lying = picture(np.rot90(unit), np.stack([points[:, 1], width - points[:, 0]], 1))
    other = picture(255 - unit[:, ::-1], np.stack([width - points[:, 0], points[:, 1]], 1))
    assert likeness(there, lying) > 0.99
    assert likeness(there, other) > 0.99
