"""The detector with its shipped weights: one film in many dresses gives the same 13 bones in the same places,
and what is no hand gives none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from boneage_desk.engines.networks import detector
from boneage_desk.engines.networks.consistency import BONES, HandFit, fit_hand
from boneage_desk.imaging.normalise import normalise_film
from boneage_desk.imaging.phantom import PhantomSpec, draw_hand

if TYPE_CHECKING:
    from torch import nn

MODELS = Path(__file__).parents[3] / "models"
Film = npt.NDArray[np.uint8]
Places = npt.NDArray[np.float64]

HELD_OUT = {"1405": (False, 0.15), "1415": (False, 0.10), "1452": (True, 0.10), "7036": (True, 0.10)}
"""Full-size films that no network was trained on: whether the thumb lies on the image's right, as seen by eye, and
how far a bone may move, in L. 1405 wears a cast over its mc5, whose place moves by .13 when the film is turned."""


@pytest.fixture(scope="module")
def model() -> nn.Module:
    from boneage_desk.engines.cards import find_card

    card = find_card(MODELS, "detector")
    return detector.load_detector(card, card.verified_weights())


def _small(film: Film) -> tuple[Film, float]:
    """The film at 299 pixels on its longer side, and the scale."""
    scale = 299 / max(film.shape)
    size = (round(film.shape[1] * scale), round(film.shape[0] * scale))
    return normalise_film(np.asarray(Image.fromarray(film).resize(size, Image.Resampling.BOX))), scale


def _turned(turns: int) -> Callable[[Film], tuple[Film, Callable[[Places], Places]]]:
    """Counter-clockwise quarter turns, and how places go with them."""

    def change(film: Film) -> tuple[Film, Callable[[Places], Places]]:
        sizes = [film.shape[1] if k % 2 == 0 else film.shape[0] for k in range(turns)]

        def move(p: Places) -> Places:
            for width in sizes:
                p = np.stack([p[:, 1], width - p[:, 0]], axis=1)
            return p

        return np.ascontiguousarray(np.rot90(film, turns)), move

    return change


def _mirrored(film: Film) -> tuple[Film, Callable[[Places], Places]]:
    return np.ascontiguousarray(film[:, ::-1]), lambda p: np.stack([film.shape[1] - p[:, 0], p[:, 1]], axis=1)


def _inverted(film: Film) -> tuple[Film, Callable[[Places], Places]]:
    return 255 - film, lambda p: p


def _at_299(film: Film) -> tuple[Film, Callable[[Places], Places]]:
    small, scale = _small(film)
    return small, lambda p: p * scale


CHANGES = {
    "turned 90": _turned(1), "turned 180": _turned(2), "turned 270": _turned(3),
    "mirrored": _mirrored, "inverted": _inverted, "299 px": _at_299,
}  # fmt: skip


def _places(fit: HandFit) -> Places:
    return np.array([b.centre for b in fit.bones])


def _same_bones(model: nn.Module, film: Film, change: str, tolerance_l: float, *, thumb_on_right: bool = True) -> None:
    """All 13 seen on the film and on the changed one, at the same places, and handedness follows a mirror."""
    base = fit_hand(detector.detect(model, film))
    changed, move = CHANGES[change](film)
    fit = fit_hand(detector.detect(model, changed))
    for each in (base, fit):
        assert each.n_hands == 1
        assert each.missing == ()
    assert base.thumb_on_right is thumb_on_right
    assert fit.thumb_on_right is (thumb_on_right != (change == "mirrored"))
    scale = fit.length / base.length
    away = np.hypot(*(_places(fit) - move(_places(base))).T) / (base.length * scale)
    assert away.max() < tolerance_l, dict(zip(BONES, away.round(3), strict=True))


@pytest.mark.needs_data
@pytest.mark.parametrize("film_id", HELD_OUT)
@pytest.mark.parametrize("change", CHANGES)
def test_a_film_is_the_same_hand_however_it_is_shown(
    model: nn.Module, shared_data: Path, film_id: str, change: str
) -> None:
    with Image.open(shared_data / "fullsize" / f"{film_id}.webp") as image:
        film = normalise_film(np.asarray(image.convert("L")))
    assert max(film.shape) > 900
    thumb_on_right, tolerance = HELD_OUT[film_id]
    _same_bones(model, film, change, tolerance, thumb_on_right=thumb_on_right)


@pytest.mark.parametrize("change", CHANGES)
def test_a_phantom_is_the_same_hand_however_it_is_shown(model: nn.Module, change: str) -> None:
    spec = PhantomSpec(dict.fromkeys(BONES, 7), size=(900, 720), bits=8, seed=3)
    film = draw_hand(spec)
    unit = normalise_film(film.pixels)
    fit = fit_hand(detector.detect(model, unit))
    away = np.hypot(*(_places(fit) - [film.centres[b] for b in BONES]).T) / film.unit_px
    assert away.max() < 0.08
    _same_bones(model, unit, change, 0.08)


# --------------------------------------------------------------------------- the further look
def _phantom(**changes: object) -> tuple[Film, Places, float]:
    """A drawn hand in 8 bits, its 13 places and mc3-dp3 in pixels."""
    film = draw_hand(PhantomSpec(dict.fromkeys(BONES, 7), **{"size": (640, 512), "bits": 8, "seed": 5, **changes}))  # type: ignore[arg-type]
    return normalise_film(film.pixels), np.array([film.centres[b] for b in BONES]), film.unit_px


def _detections(places: Places, length: float, skip: tuple[str, ...] = (), confidence: float = 0.8) -> list[detector.Detection]:
    found: list[detector.Detection] = []
    for bone, (x, y) in zip(BONES, places.tolist(), strict=True):
        half = detector.SIDE_SHARE[bone] * length / 2
        if bone not in skip:
            found.append((bone, (x - half, y - half, x + half, y + half), confidence))
    return found


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[bool]]:
    """Replaces the network: whole and zoom give ``first``, further passes ``later``; returns what was asked."""

    def replace(first: list[detector.Detection], later: list[detector.Detection]) -> list[bool]:
        asked: list[bool] = []

        def fake(_model: object, _unit: Film, square: detector.CropSpec, *, negative: bool = False) -> list[detector.Detection]:
            further = bool(negative or square.angle_deg or square.mirror)
            asked.append(further)
            return later if further else first

        monkeypatch.setattr(detector, "_pass", fake)
        return asked

    return replace


def test_an_ordinary_hand_is_looked_at_twice_and_no_more(passes: Callable[..., list[bool]]) -> None:
    unit, places, length = _phantom(rotation_deg=8.0)
    asked = passes(_detections(places, length), [])
    assert fit_hand(detector.detect(None, unit)).missing == ()  # type: ignore[arg-type]
    assert len(asked) <= 2
    assert not any(asked)


def test_a_bone_not_seen_is_looked_for_again(passes: Callable[..., list[bool]]) -> None:
    unit, places, length = _phantom(rotation_deg=8.0)
    asked = passes(_detections(places, length, skip=("dp5",)), _detections(places, length))
    fit = fit_hand(detector.detect(None, unit))  # type: ignore[arg-type]
    assert sum(asked) == len(detector.AGAIN)
    assert all(b.certain and b.found for b in fit.bones)


def test_a_further_look_that_sees_less_changes_nothing(passes: Callable[..., list[bool]]) -> None:
    unit, places, length = _phantom(rotation_deg=8.0)
    first = _detections(places, length, skip=("dp5",))
    passes(first, [])
    assert detector.detect(None, unit) == first  # type: ignore[arg-type]


def test_what_one_pass_alone_sees_counts_half() -> None:
    _, places, length = _phantom()
    whole, less = _detections(places, length, confidence=0.6), _detections(places, length, skip=("mc1",), confidence=0.5)
    merged = {bone: confidence for bone, _, confidence in detector._merge([less, whole, less])}
    assert merged["mc1"] == pytest.approx(0.3)
    assert merged["dp3"] == pytest.approx(0.55)


def test_a_turned_and_mirrored_pass_finds_the_same_places(model: nn.Module) -> None:
    unit, places, length = _phantom(side="right", rotation_deg=40.0)
    low, high = places.min(0), places.max(0)
    middle, side = (low + high) / 2, float((high - low).max()) / 0.7
    for angle, mirror, negative in ((0.0, False, False), (-40.0, True, False), (-40.0, True, True)):
        square = detector.CropSpec(float(middle[0]), float(middle[1]), side, angle, mirror)
        fit = fit_hand(detector._pass(model, unit, square, negative=negative))
        assert fit.n_hands == 1
        assert fit.mirror
        assert np.hypot(*(_places(fit) - places).T).max() < 0.08 * length, (angle, mirror, negative)


# --------------------------------------------------------------------- cut hands and no hands
def test_fingers_cut_off_by_the_film_are_told_and_not_graded(model: nn.Module) -> None:
    from boneage_desk.engines import hands

    unit, places, length = _phantom(hand_fraction=0.9)
    top = int((places[BONES.index("dp3"), 1] + places[BONES.index("mp3"), 1]) / 2)
    cut = np.ascontiguousarray(unit[top:])
    hand = hands.fit(detector.detect(model, cut), cut.shape[1], cut.shape[0])
    missing = {flag.bone for flag in hand.flags if flag.code == "bone_missing"}
    assert missing == {b for b, (_, y) in zip(BONES, places, strict=True) if y < top}
    assert "dp3" in missing
    assert not missing & set(hand.specs)
    for bone in ("radius", "mc3", "pp5"):
        away = np.hypot(*(np.array(hand.centres[bone]) + [0, top] - places[BONES.index(bone)]))
        assert away < 0.08 * length


def test_a_forearm_without_its_hand_is_no_hand(model: nn.Module) -> None:
    unit, places, length = _phantom(size=(1200, 960))
    wrist = places[BONES.index("radius"), 1]
    below = unit[int(wrist - 0.1 * length) :]
    fingertips = unit[: int(places[BONES.index("pp3"), 1] - 0.2 * length)]
    for part in (below, fingertips, unit[:, :200]):
        assert fit_hand(detector.detect(model, np.ascontiguousarray(part))).n_hands == 0


@pytest.mark.needs_data
@pytest.mark.parametrize("name", ["Monochrome1-Jpeg", "RG3_J2KR", "RG3_JPLL"])
def test_a_limb_is_no_hand(model: nn.Module, shared_data: Path, name: str) -> None:
    from boneage_desk.imaging.reader import FilmFiles

    pixels = FilmFiles().open(str(shared_data / "dicom" / f"{name}.dcm")).frame.pixels
    unit = normalise_film(np.ascontiguousarray(pixels))
    for film in (unit, 255 - unit):
        assert fit_hand(detector.detect(model, film)).n_hands == 0
