"""The fast paths agree with PyTorch, keep what they converted, and fall back when they cannot."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from boneage_desk.common.errors import InputError
from boneage_desk.engines import backends

FAST = [
    pytest.param(name, marks=pytest.mark.skipif(not backends.installed(name), reason=f"needs {name}"))
    for name in backends.FAST
]


def small() -> object:
    import torch
    from torch import nn

    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)
    ).eval()


@pytest.mark.parametrize("backend", FAST)
def test_agrees_with_torch_for_any_batch_and_is_kept(backend: str, tmp_path: Path) -> None:
    import torch

    model = small()
    fast = backends.fast_module(
        model, torch.zeros(2, 1, 32, 32), backend=backend, cache=tmp_path, key="small", threads=1
    )  # type: ignore[arg-type]
    assert fast is not None
    kept = backends.kept(backend, tmp_path, "small")
    assert kept.exists()
    for count in (1, 2, 13):
        pixels = torch.rand(count, 1, 32, 32)
        with torch.inference_mode():
            np.testing.assert_allclose(fast(pixels).numpy(), model(pixels).numpy(), atol=1e-4)  # type: ignore[operator]
    stamp = kept.stat().st_mtime_ns
    again = backends.fast_module(
        model, torch.zeros(2, 1, 32, 32), backend=backend, cache=tmp_path, key="small", threads=1
    )  # type: ignore[arg-type]
    assert again is not None
    assert kept.stat().st_mtime_ns == stamp
    assert not [path for path in tmp_path.iterdir() if path.stem != kept.stem], "no temporary file is left"


def test_files_of_old_weights_go_when_new_ones_come(tmp_path: Path) -> None:
    old, recent, other = (tmp_path / name for name in ("grader-old.onnx", "grader-recent.onnx", "detector-old.onnx"))
    for path in (old, recent, other, tmp_path / "new"):
        path.write_text("", encoding="utf-8")
    for path in (old, other):
        os.utime(path, (0, 0))
    backends._publish(tmp_path / "new", tmp_path / "grader-new.onnx")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "detector-old.onnx", "grader-new.onnx", "grader-recent.onnx",
    ]  # fmt: skip


@pytest.mark.skipif(not backends.installed("openvino"), reason="needs openvino")
def test_a_broken_kept_file_is_made_again(tmp_path: Path) -> None:
    import torch

    kept = backends.kept("openvino", tmp_path, "small")
    kept.write_text("cut sho", encoding="utf-8")
    fast = backends.fast_module(
        small(), torch.zeros(2, 1, 32, 32), backend="openvino", cache=tmp_path, key="small", threads=1
    )  # type: ignore[arg-type]
    assert fast is not None
    assert kept.read_text(encoding="utf-8").startswith("<?xml")


@pytest.mark.parametrize("backend", FAST)
def test_a_kept_network_with_one_altered_weight_is_made_anew(
    backend: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    model, pixels = small(), torch.rand(2, 1, 32, 32)

    def fast() -> object:
        return backends.fast_module(model, pixels, backend=backend, cache=tmp_path, key="small", threads=1)  # type: ignore[arg-type]

    assert fast() is not None
    kept = backends.kept(backend, tmp_path, "small")
    weights = kept.with_suffix(".bin") if kept.suffix == ".xml" else kept
    made = weights.read_bytes()
    last = model[5].weight.detach().numpy()  # type: ignore[index]
    assert last.tobytes() in made
    weights.write_bytes(made.replace(last.tobytes(), (last * np.float32(1.5)).tobytes()))
    again = fast()
    assert again is not None
    with torch.inference_mode():
        np.testing.assert_allclose(again(pixels).numpy(), model(pixels).numpy(), atol=1e-4)  # type: ignore[operator]
    assert "is not the file that was made here" in capsys.readouterr().err
    assert backends.sealed(kept) is not None, "made anew, and sealed"
    kept.with_suffix(backends.SEAL).unlink()
    assert backends.sealed(kept) is None, "what has no seal is not read"


@pytest.mark.parametrize("backend", FAST)
def test_a_network_that_converts_to_another_is_not_used_and_not_kept(
    backend: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    name = "_make_openvino" if backend == "openvino" else "_make_onnx"
    make = getattr(backends, name)

    def wrong(module: object, example: object, path: Path) -> dict[str, bytes]:
        torch.manual_seed(0)
        other = small()
        torch.nn.init.constant_(other[5].bias, 0.5)  # type: ignore[index]
        return make(other, example, path)  # type: ignore[no-any-return]

    monkeypatch.setattr(backends, name, wrong)
    given = (small(), torch.zeros(2, 1, 32, 32))
    assert backends.fast_module(*given, backend=backend, cache=tmp_path, key="small", threads=1) is None  # type: ignore[arg-type]
    assert "off" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("backend", FAST)
def test_a_new_wrapper_does_not_set_its_network_to_training(backend: str, tmp_path: Path) -> None:
    import torch
    from torch import nn

    network, pixels = small(), torch.rand(2, 1, 32, 32)
    wrapper = nn.Sequential(network)  # type: ignore[arg-type]
    wrapper.training = True  # as a module just made is
    assert backends.fast_module(wrapper, pixels, backend=backend, cache=tmp_path, key="small", threads=1) is not None
    assert not network.training  # type: ignore[attr-defined]


def test_what_cannot_be_converted_falls_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import torch

    file = tmp_path / "not a folder"
    file.write_text("", encoding="utf-8")
    assert (
        backends.fast_module(small(), torch.zeros(1, 1, 8, 8), backend="openvino", cache=file, key="x", threads=1)  # type: ignore[arg-type]
        is None
    )
    assert "is not used" in capsys.readouterr().err
    assert (
        backends.fast_module(small(), torch.zeros(1, 1, 8, 8), backend="torch", cache=tmp_path, key="x", threads=1)  # type: ignore[arg-type]
        is None
    )


def test_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "installed", lambda name: name == "onnxruntime")
    assert backends.choose("auto", "cpu") == "onnxruntime"
    assert backends.choose("fast", "cpu") == "onnxruntime"
    assert backends.choose("openvino", "cpu") == "openvino"
    assert backends.choose("auto", "cuda") == "torch"
    monkeypatch.setattr(backends, "installed", lambda name: False)
    assert backends.choose("auto", "cpu") == "torch"
    with pytest.raises(InputError, match="tensorrt"):
        backends.choose("tensorrt", "cpu")


@pytest.mark.slow
@pytest.mark.parametrize("backend", FAST)
def test_the_real_networks_agree_with_torch(backend: str, tmp_path: Path) -> None:
    """Stated tolerance: 1e-3 of a grade's probability, 0.05 pixel of a box."""
    import torch

    from boneage_desk.engines.networks.detector import Raw, build_detector
    from boneage_desk.engines.networks.grader import BONES, Grader, grade

    torch.manual_seed(1)
    detector, grader = Raw(build_detector()).eval(), Grader().eval()
    torch.nn.init.normal_(grader.heads.latent.weight, std=0.5)
    pixels = torch.rand(1, 1, 320, 320)
    fast = backends.fast_module(detector, pixels, backend=backend, cache=tmp_path, key="d", threads=1)
    trunk = backends.fast_module(
        grader.trunk, torch.zeros(2, 1, 96, 96), backend=backend, cache=tmp_path, key="g", threads=1
    )
    assert fast is not None and trunk is not None
    with torch.inference_mode():
        np.testing.assert_allclose(fast(pixels).numpy(), detector(pixels).numpy(), atol=0.05)
    crops = np.random.default_rng(0).integers(0, 255, (13, 96, 96), dtype=np.uint8)
    slow = np.concatenate(grade(grader, crops, list(BONES)))
    grader.trunk = trunk
    np.testing.assert_allclose(np.concatenate(grade(grader, crops, list(BONES))), slow, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("backend", FAST)
def test_the_shipped_grader_agrees_with_torch_on_drawn_bones(backend: str, tmp_path: Path, repository: Path) -> None:
    """Trained weights reach further than random ones. Tolerance: 1e-3 of a probability, 0.02 of the mean grade."""
    import cv2
    import torch

    from boneage_desk.engines.cards import find_card
    from boneage_desk.engines.networks.grader import BONES, expected_grade, grade, load_grader
    from boneage_desk.imaging.phantom.hand import draw_bone

    if not list((repository / "models").glob("efficientnet_b3.*/weights.safetensors")):
        pytest.skip("needs the trained grader")
    card = find_card(repository / "models", "grader")
    model = load_grader(card, card.verified_weights())
    side = card.input_size
    crops = np.stack([cv2.resize(draw_bone(b, g), (side, side)) for g in (3, 8) for b in BONES])
    slow = grade(model, crops, list(BONES) * 2)
    trunk = backends.fast_module(
        model.trunk, torch.zeros(2, 1, side, side), backend=backend, cache=tmp_path, key="g", threads=1
    )
    assert trunk is not None
    model.trunk = trunk
    fast = grade(model, crops, list(BONES) * 2)
    np.testing.assert_allclose(np.concatenate(fast), np.concatenate(slow), atol=1e-3)
    assert max(abs(expected_grade(a) - expected_grade(b)) for a, b in zip(fast, slow, strict=True)) < 0.02
