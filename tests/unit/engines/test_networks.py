"""The hand's consistency, the grader's probabilities, the detector's peaks, and the shipped weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from boneage_desk.engines.networks.consistency import BONES, Detection, fit_hand, template
from boneage_desk.imaging.crops import SIDE_SHARE

MODELS = Path(__file__).parents[3] / "models"


def _hand(
    degrees: float = 0.0, mirror: bool = False, length: float = 300.0, at: complex = 800 + 900j,
    skip: tuple[str, ...] = (), confidence: float = 0.8, seed: int = 0,
) -> list[Detection]:  # fmt: skip
    """Detections of one typical hand."""
    rng = np.random.default_rng(seed)
    t = template().mean @ np.array([1, 1j])
    t = t + 0.01 * (rng.normal(size=13) + 1j * rng.normal(size=13))
    z = (-t.conj() if mirror else t) * length * np.exp(1j * np.radians(degrees)) + at
    found = []
    for bone, p in zip(BONES, z, strict=True):
        half = SIDE_SHARE[bone] * length / 2
        if bone not in skip:
            found.append((bone, (p.real - half, p.imag - half, p.real + half, p.imag + half), confidence))
    return found


def _moved(d: Detection, dx: float, dy: float, confidence: float = 0.9) -> Detection:
    x0, y0, x1, y1 = d[1]
    return d[0], (x0 + dx, y0 + dy, x1 + dx, y1 + dy), confidence


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("degrees", [0, 17, 90, 180, -90, 135])
def test_a_hand_is_known_however_it_lies(degrees: float, mirror: bool) -> None:
    fit = fit_hand(_hand(degrees, mirror))
    assert fit.n_hands == 1
    assert fit.mirror is mirror
    assert all(b.certain and b.found for b in fit.bones)
    turn = (fit.rotation_deg - degrees + 180) % 360 - 180
    assert abs(turn) < 3
    assert fit.length == pytest.approx(300, rel=0.03)
    assert [b.bone for b in fit.bones] == list(BONES)


def test_a_bone_not_seen_is_filled_and_called_uncertain() -> None:
    whole, fit = fit_hand(_hand()), fit_hand(_hand(skip=("mp3",)))
    bone = fit.bones[BONES.index("mp3")]
    assert fit.missing == ("mp3",)
    assert not bone.certain and not bone.found
    assert "not seen" in bone.reason
    assert np.hypot(*np.subtract(bone.centre, whole.bones[BONES.index("mp3")].centre)) < 0.1 * 300


def test_a_bone_seen_far_off_is_not_believed() -> None:
    found, whole = _hand(), fit_hand(_hand())
    k = BONES.index("mp3")
    found[k] = _moved(found[k], 130, 10, 0.3)
    bone = fit_hand(found).bones[k]
    assert not bone.certain and not bone.found
    assert np.hypot(*np.subtract(bone.centre, whole.bones[k].centre)) < 30


def test_a_bone_seen_oddly_is_kept_but_uncertain() -> None:
    found = _hand()
    k = BONES.index("mp3")
    found[k] = _moved(found[k], 70, 0, 0.6)
    bone = fit_hand(found).bones[k]
    assert bone.found and not bone.certain
    assert "oddly" in bone.reason


def test_the_better_placed_of_two_candidates_is_taken() -> None:
    found = _hand()
    stray = _moved(found[0], 500, -700, 0.95)
    fit = fit_hand([stray, *found])
    assert fit.bones[0].certain
    assert fit.n_hands == 1


def test_a_faint_bone_is_uncertain_but_kept() -> None:
    found = _hand()
    found[4] = (found[4][0], found[4][1], 0.1)
    bone = fit_hand(found).bones[4]
    assert bone.found and not bone.certain
    assert "faint" in bone.reason


@pytest.mark.parametrize("mirror", [False, True])
def test_two_hands_are_counted(mirror: bool) -> None:
    fit = fit_hand(_hand(at=700 + 900j) + _hand(at=1700 + 950j, mirror=mirror, seed=3))
    assert fit.n_hands == 2


def test_nothing_and_noise_are_no_hand() -> None:
    assert fit_hand([]).n_hands == 0
    rng = np.random.default_rng(4)
    noise: list[Detection] = []
    for bone in BONES:
        x, y = rng.uniform(0, 1500, 2)
        noise.append((bone, (x, y, x + 120, y + 120), 0.5))
    assert fit_hand(noise).n_hands == 0
    assert fit_hand(_hand(confidence=0.1)).n_hands == 0
    assert fit_hand(_hand()[:5]).n_hands == 0


def test_probabilities_sum_to_one_and_have_a_place_for_every_grade() -> None:
    import torch

    from boneage_desk.engines.networks.grader import probabilities
    from boneage_desk.standards.rus_chn import max_grade

    logits = torch.randn(13, 14).sort(dim=1, descending=True).values * 3
    for bone, row in zip(BONES, probabilities(logits, torch.arange(13)), strict=True):
        assert len(row) == max_grade(bone) + 1
        assert sum(row) == pytest.approx(1.0)
        assert min(row) >= 0


def test_the_contrast_of_a_crop_does_not_matter() -> None:
    from boneage_desk.engines.networks.grader import normalise_crops

    crop = np.random.default_rng(0).integers(0, 200, (1, 96, 96)).astype(np.uint8)
    a, b = normalise_crops(crop), normalise_crops((crop // 2 + 60).astype(np.uint8))
    assert a.shape == (1, 1, 96, 96)
    assert np.abs(a - b).max() < 0.03


def test_thresholds_rise() -> None:
    from boneage_desk.engines.networks.grader import OrdinalHeads

    assert bool((OrdinalHeads(8).thresholds().diff(dim=1) > 0).all())


def test_peaks_are_one_for_each_place() -> None:
    from boneage_desk.engines.networks.detector import _peaks

    raw = np.zeros((17, 4), np.float32)
    raw[:4] = np.array([[50, 52, 200, 10], [50, 50, 200, 10], [40, 40, 40, 40], [40, 40, 40, 40]])
    raw[4] = [0.9, 0.8, 0.5, 0.001]
    found = _peaks(raw)
    assert [(b, round(float(box[0])), round(c, 1)) for b, box, c in found] == [(0, 51, 0.9), (0, 200, 0.5)]


@pytest.fixture(scope="module")
def shipped():  # type: ignore[no-untyped-def]
    """The shipped detector and grader, and the grader's card."""
    from boneage_desk.engines.cards import find_card
    from boneage_desk.engines.networks.detector import load_detector
    from boneage_desk.engines.networks.grader import load_grader

    if not MODELS.is_dir():
        pytest.skip("no models folder")
    detector, grader = find_card(MODELS, "detector"), find_card(MODELS, "grader")
    return (
        load_detector(detector, detector.verified_weights()),
        load_grader(grader, grader.verified_weights()),
        detector,
        grader,
    )


def test_the_two_networks_hold_no_more_than_the_papers(shipped) -> None:  # type: ignore[no-untyped-def]
    assert shipped[2].parameters + shipped[3].parameters <= 15_800_000


def test_a_card_of_other_bones_is_refused() -> None:
    from types import SimpleNamespace

    from boneage_desk.engines.networks.detector import load_detector
    from boneage_desk.engines.networks.grader import load_grader

    for load in (load_detector, load_grader):
        with pytest.raises(ValueError, match="classes"):
            load(SimpleNamespace(classes=("femur",)), Path("nowhere"))


@pytest.mark.parametrize(
    ("side", "rotation", "mirrored"), [("left", 0.0, False), ("right", 90.0, False), ("left", 180.0, True)]
)
def test_the_shipped_weights_find_and_grade_a_phantom(shipped, side: str, rotation: float, mirrored: bool) -> None:  # type: ignore[no-untyped-def]
    from boneage_desk.engines.networks.detector import detect
    from boneage_desk.engines.networks.grader import grade
    from boneage_desk.imaging.crops import crop_specs, cut
    from boneage_desk.imaging.normalise import normalise_film
    from boneage_desk.imaging.phantom import PhantomSpec, draw_hand

    grades = dict.fromkeys(BONES, 6)
    film = draw_hand(PhantomSpec(grades, side=side, rotation_deg=rotation, mirrored=mirrored, size=(640, 560), seed=9))  # type: ignore[arg-type]
    unit = normalise_film(film.pixels)
    fit = fit_hand(detect(shipped[0], unit))
    assert fit.n_hands == 1
    for bone in fit.bones:
        assert bone.found, bone
        assert np.hypot(*np.subtract(bone.centre, film.centres[bone.bone])) < 0.1 * film.unit_px, bone
    crops = np.stack([cut(unit, s, shipped[3].input_size) for s in crop_specs(fit.centres(), fit.length).values()])
    rows = grade(shipped[1], crops, list(BONES))
    assert all(sum(row) == pytest.approx(1.0) for row in rows)


def test_a_blank_film_and_noise_show_no_hand(shipped) -> None:  # type: ignore[no-untyped-def]
    from boneage_desk.engines.networks.detector import detect

    noise = np.random.default_rng(0).integers(0, 255, (400, 300)).astype(np.uint8)
    for film in (np.zeros((400, 300), np.uint8), noise):
        assert fit_hand(detect(shipped[0], film)).n_hands == 0


def test_two_phantoms_on_a_film_are_two_hands(shipped) -> None:  # type: ignore[no-untyped-def]
    from boneage_desk.engines.networks.detector import detect
    from boneage_desk.imaging.normalise import normalise_film
    from boneage_desk.imaging.phantom import PhantomSpec, draw_hand

    halves = [
        draw_hand(PhantomSpec(dict.fromkeys(BONES, 7), side=side, size=(420, 340), bits=8, seed=k)).pixels  # type: ignore[arg-type]
        for k, side in enumerate(("left", "right"))
    ]
    unit = normalise_film(np.concatenate(halves, axis=1))
    assert fit_hand(detect(shipped[0], unit)).n_hands == 2


def test_a_hand_on_a_large_canvas_is_found(shipped) -> None:  # type: ignore[no-untyped-def]
    from boneage_desk.engines.networks.detector import detect
    from boneage_desk.imaging.normalise import normalise_film
    from boneage_desk.imaging.phantom import PhantomSpec, draw_hand

    film = normalise_film(draw_hand(PhantomSpec(dict.fromkeys(BONES, 7), size=(420, 340), bits=8, seed=2)).pixels)
    canvas = np.zeros((900, 1300), np.uint8)
    canvas[200:620, 700:1040] = film
    fit = fit_hand(detect(shipped[0], canvas))
    assert fit.n_hands == 1
    assert not fit.missing


def test_weights_older_than_the_calibration_load_as_they_were() -> None:
    import copy

    import torch

    from boneage_desk.engines.networks.grader import Grader

    torch.manual_seed(3)
    model = Grader().eval()
    torch.nn.init.normal_(model.heads.latent.weight, std=0.5)
    state = model.state_dict()
    older = {k: v for k, v in state.items() if k != "calibration"}
    pixels, bones = torch.rand(4, 1, 64, 64), torch.tensor([0, 3, 7, 12])
    with torch.no_grad():
        before = model(pixels, bones)
        other = copy.deepcopy(model)
        other.calibration.fill_(0.3)
        assert not torch.allclose(other(pixels, bones)[1], before[1], atol=1e-3)
        other.load_state_dict(older, strict=True)
        assert torch.equal(other(pixels, bones)[1], before[1])


def test_calibration_keeps_the_order_of_the_thresholds() -> None:
    import torch

    from boneage_desk.engines.networks.grader import calibrate

    torch.manual_seed(4)
    s, top = torch.linspace(-3, 17, 50), torch.tensor(14.0)
    logits = s[:, None] - torch.arange(14) - 0.5
    for _ in range(5):
        warped = calibrate(s, logits, torch.randn(1, 2, 4), top)
        assert (warped.diff(dim=1) < 0).all()
    assert torch.equal(calibrate(s, logits, torch.zeros(1, 2, 4), top), logits)


def test_the_middle_grade_is_where_half_of_the_probability_is_reached() -> None:
    from boneage_desk.engines.networks.grader import middle_grade

    assert middle_grade([0.0, 0.2, 0.5, 0.3]) == 2
    assert middle_grade([0.3, 0.25, 0.45]) == 1  # the most probable is an end that gathers what lies beyond
    assert middle_grade([0.0, 0.0, 1.0]) == 2
    assert middle_grade([0.1, 0.1, 0.2999999]) == 2  # a sum a little short of one stays inside
