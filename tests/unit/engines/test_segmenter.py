"""The segmenter: its shape, its fast path, and the shipped weights on drawn hands whose grades are known."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from boneage_desk.engines import backends
from boneage_desk.reading.evidence import TRUSTED, Evidence
from boneage_desk.standards.rus_chn import BONES, max_grade

MODELS = Path(__file__).parents[3] / "models"
FAST = [
    pytest.param(name, marks=pytest.mark.skipif(not backends.installed(name), reason=f"needs {name}"))
    for name in backends.FAST
]


@pytest.fixture(scope="module")
def shipped():  # type: ignore[no-untyped-def]
    """The shipped segmenter and its card."""
    import torch

    from boneage_desk.engines.cards import find_card
    from boneage_desk.engines.networks.segmenter import load_segmenter

    if not list(MODELS.glob("unet.*/weights.safetensors")):
        pytest.skip("no trained segmenter")
    torch.set_num_threads(1)
    card = find_card(MODELS, "segmenter")
    return load_segmenter(card, card.verified_weights()), card


def evidence_of_phantom(shipped, share: float) -> dict[str, Evidence]:  # type: ignore[no-untyped-def]
    """Evidence on a drawn hand with every bone at this share of its last grade, cut at the true places."""
    from boneage_desk.engines.measurer import Measurer
    from boneage_desk.imaging.crops import crop_specs, cut
    from boneage_desk.imaging.normalise import normalise_film
    from boneage_desk.imaging.phantom import PhantomSpec, draw_hand

    model, card = shipped
    film = draw_hand(PhantomSpec({b: round(share * max_grade(b)) for b in BONES}, size=(1000, 760), seed=3))
    unit = normalise_film(film.pixels)
    centres = {bone: film.centres[bone] for bone in BONES}
    length = float(np.hypot(*np.subtract(centres["dp3"], centres["mc3"])))
    specs = crop_specs(centres, length)
    crops = np.stack([np.asarray(cut(unit, spec, card.input_size), np.uint8) for spec in specs.values()])
    return Measurer(model, card.input_size).evidence(crops, list(specs), list(specs.values()))


def ratios(found: dict[str, Evidence]) -> dict[str, float]:
    return {b: e.width_ratio for b, e in found.items() if e.width_ratio is not None}


def test_the_width_rises_from_a_young_to_a_middle_hand_and_the_gap_closes_in_an_old_one(shipped) -> None:  # type: ignore[no-untyped-def]
    young, middle, old = (evidence_of_phantom(shipped, share) for share in (0.25, 0.5, 1.0))
    a, b = ratios(young), ratios(middle)
    both = [bone for bone in BONES if bone in a and bone in b]
    assert len(both) >= 11
    assert all(a[bone] < b[bone] + 0.03 for bone in both)
    assert np.median([a[bone] for bone in both]) < 0.85 < 0.93 < np.median([b[bone] for bone in both]) < 1.15
    closed = [e.fused_share for e in old.values() if e.fused_share is not None]
    still_open = [e.fused_share for e in young.values() if e.fused_share is not None]
    assert len(closed) >= 4 and len(still_open) >= 8
    assert np.median(still_open) < 0.2 < 0.7 < np.median(closed)


def test_chances_of_every_pixel_add_up(shipped) -> None:  # type: ignore[no-untyped-def]
    from boneage_desk.engines.networks.segmenter import segment

    model, card = shipped
    crops = np.random.default_rng(2).integers(40, 60, (2, card.input_size, card.input_size)).astype(np.uint8)
    chances = segment(model, crops)
    assert chances.shape == (2, 3, card.input_size, card.input_size)
    np.testing.assert_allclose(chances.sum(1), 1, atol=1e-4)


def test_nothing_is_measured_where_there_is_no_bone(shipped) -> None:  # type: ignore[no-untyped-def]
    from boneage_desk.engines.measurer import Measurer
    from boneage_desk.imaging.crops import CropSpec

    model, card = shipped
    size = card.input_size
    noise = np.random.default_rng(5).normal(90, 6, (2, size, size)).clip(0, 255).astype(np.uint8)
    noise[1] = 0
    found = Measurer(model, size).evidence(noise, ["pp3", "radius"], [CropSpec(50, 50, 100)] * 2)
    assert all(e.quality < TRUSTED and e.width_ratio is None for e in found.values())


@pytest.mark.parametrize("backend", FAST)
def test_the_fast_path_agrees_with_torch(backend: str, tmp_path: Path) -> None:
    import torch

    from boneage_desk.engines.networks.segmenter import Segmenter, segment

    torch.manual_seed(2)
    model = Segmenter().eval()
    fast = backends.fast_module(
        model, torch.zeros(2, 1, 96, 96), backend=backend, cache=tmp_path, key="segmenter", threads=1
    )
    assert fast is not None
    crops = np.random.default_rng(0).integers(0, 255, (3, 96, 96)).astype(np.uint8)
    np.testing.assert_allclose(segment(fast, crops), segment(model, crops), atol=1e-3)


def test_it_is_small_and_refuses_a_card_of_other_classes() -> None:
    from boneage_desk.engines.networks.segmenter import Segmenter, load_segmenter

    assert sum(p.numel() for p in Segmenter().parameters()) <= 500_000
    with pytest.raises(ValueError, match="classes"):
        load_segmenter(SimpleNamespace(classes=("bone",)), Path("nowhere"))
