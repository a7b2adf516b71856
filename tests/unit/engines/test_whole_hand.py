"""Every whole-hand network: it answers in months, heeds or ignores the sex as it says, and is loaded by its card."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from boneage_desk.common.errors import EngineError
from boneage_desk.engines.networks.attention import INCEPTION_BLOCKS, Cbam, SqueezeExcitation
from boneage_desk.engines.networks.packed import packed, unpacked
from boneage_desk.engines.networks.whole_hand import (
    DUAL,
    REGRESSION,
    SCALED,
    WholeHand,
    build_whole_hand,
    gradcam_layer,
    load_whole_hand,
    read_pictures,
    to_input,
)
from boneage_desk.engines.networks.whole_hand_nets import MEAN_MONTHS, DistributionHand, Regressor
from boneage_desk.training.loop import save_half

SIZES = {DUAL: 75, REGRESSION: 75}


def pictures(count: int, size: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, size, size), dtype=np.uint8)


def settled(model: WholeHand, size: int) -> WholeHand:
    """Batch norms that know their inputs: an untrained network's numbers else run away."""
    model.train()
    with torch.no_grad():
        for k in range(2):
            model(to_input(torch.from_numpy(pictures(4, size, k))), torch.tensor([0.0, 1.0, 0.0, 1.0]))
    return model.eval()


@pytest.mark.parametrize("architecture", [DUAL, REGRESSION, "tf_efficientnet_lite0", "convnextv2_atto"])
def test_a_network_answers_in_months_and_learns_everywhere(architecture: str) -> None:
    torch.manual_seed(0)
    size = SIZES.get(architecture, 64)
    model = build_whole_hand(architecture)
    model.train()
    male = torch.tensor([1.0, 0.0, 1.0, 0.0])
    found = model.outputs(to_input(torch.from_numpy(pictures(4, size))), male)
    assert found.months.shape == (4,)
    assert found.months.dtype == torch.float32
    loss = (found.months - 60).abs().mean()
    if found.sex_logit is not None:
        loss = loss + found.sex_logit.abs().mean()
    loss.backward()
    idle = [name for name, p in model.named_parameters() if p.grad is None]
    assert idle == []
    seen: list[torch.Size] = []
    hook = gradcam_layer(model, 1.0).register_forward_hook(lambda m, i, o: seen.append(o.shape))
    with torch.no_grad():
        model.eval()(to_input(torch.from_numpy(pictures(1, size))), torch.ones(1))
    hook.remove()
    assert len(seen) == 1 and len(seen[0]) == 4 and seen[0][1] >= 320


@pytest.mark.parametrize("architecture", SCALED)
def test_every_backbone_of_ours_can_be_built(architecture: str) -> None:
    with torch.device("meta"):
        model = build_whole_hand(architecture)
    assert isinstance(model, DistributionHand)
    assert model.gradcam_layer() is not None


def test_an_unknown_architecture_is_refused() -> None:
    with pytest.raises(ValueError, match="resnet9000"):
        build_whole_hand("resnet9000")


def test_attention_stands_after_each_inception_block_and_scales_what_it_gets() -> None:
    with torch.device("meta"):
        trunk = build_whole_hand(DUAL).get_submodule("trunk")
    for name, channels in INCEPTION_BLOCKS.items():
        block = trunk.get_submodule(name)
        assert isinstance(block[1], SqueezeExcitation)
        assert block[1].expand.out_channels == channels
    for make in (SqueezeExcitation, Cbam):
        x = torch.rand(2, 32, 5, 5)
        share = make(32)(x) / x
        assert share.shape == x.shape
        assert ((share > 0) & (share < 1)).all()


def test_the_relu_neuron_is_alive_at_the_start() -> None:
    torch.manual_seed(3)
    model = settled(Regressor(), 75)
    with torch.no_grad():
        months = model(to_input(torch.from_numpy(pictures(3, 75))), torch.zeros(3))[0]
    assert (months - MEAN_MONTHS).abs().max() < 12


def test_the_sexes_have_models_of_their_own_and_an_unknown_sex_takes_both_by_half() -> None:
    torch.manual_seed(0)
    model = settled(build_whole_hand(REGRESSION), 75)
    with torch.no_grad():
        model.get_submodule("male").age.bias += 3.0  # three years
        x = to_input(torch.from_numpy(pictures(1, 75))).repeat(3, 1, 1, 1)
        boy, girl, unknown = model(x, torch.tensor([1.0, 0.0, 0.5]))[0].tolist()
        alone = model.get_submodule("female")(x[:1], torch.zeros(1))[0].item()
    assert boy == pytest.approx(girl + 36, abs=2)
    assert girl == pytest.approx(alone, abs=1e-3)
    assert unknown == pytest.approx((boy + girl) / 2, abs=1e-3)
    assert gradcam_layer(model, 1.0) is not gradcam_layer(model, 0.0)
    with pytest.raises(ValueError, match="sex"):
        gradcam_layer(model)


@pytest.fixture(scope="module")
def ours() -> WholeHand:
    torch.manual_seed(1)
    return settled(build_whole_hand("tf_efficientnet_lite0"), 64)


def test_a_missing_sex_is_refused_by_what_needs_it_and_not_by_system_4(ours: WholeHand) -> None:
    with pytest.raises(ValueError, match="needs the sex"):
        read_pictures(ours, pictures(2, 64), np.array([1.0, 0.5]))
    with pytest.raises(ValueError, match="0.5"):
        read_pictures(ours, pictures(1, 64), np.array([0.7]))
    with pytest.raises(ValueError, match="2 sexes|sexes"):
        read_pictures(ours, pictures(1, 64), np.array([1.0, 0.0]))
    assert read_pictures(ours, pictures(0, 64), np.zeros(0)).months.shape == (0,)
    torch.manual_seed(1)
    dual = settled(build_whole_hand(DUAL), 75)
    unknown = read_pictures(dual, pictures(2, 75), np.array([0.5, 0.5]))
    boy = read_pictures(dual, pictures(2, 75), np.array([1.0, 1.0]))
    assert np.array_equal(unknown.months, boy.months), "system 4 looked at the sex that it was given"
    assert unknown.male_probability is not None
    assert ((unknown.male_probability > 0) & (unknown.male_probability < 1)).all()


def test_flips_read_the_mirrored_picture_too(ours: WholeHand) -> None:
    shown = pictures(2, 64)
    sex = np.array([1.0, 0.0])
    one = read_pictures(ours, shown, sex).months
    mirrored = read_pictures(ours, shown[:, :, ::-1], sex).months
    both = read_pictures(ours, shown, sex, flips=True).months
    assert not np.allclose(one, mirrored, atol=1e-4)
    assert np.allclose(both, (one + mirrored) / 2, atol=1e-3)
    assert np.allclose(both, read_pictures(ours, shown[:, :, ::-1], sex, flips=True).months, atol=1e-3)


def test_the_sex_counts_in_ours(ours: WholeHand) -> None:
    with torch.no_grad():
        ours.get_submodule("bins").weight.mul_(20)
    shown = pictures(1, 64)
    assert abs(read_pictures(ours, shown, np.ones(1)).months - read_pictures(ours, shown, np.zeros(1)).months) > 1e-3


def test_weights_come_back_from_their_file_with_the_cards_flips(ours: WholeHand, tmp_path: Path) -> None:
    save_half(ours, tmp_path / "w.safetensors")
    card = SimpleNamespace(architecture="tf_efficientnet_lite0", tables={"whole_hand": {"flips": True}})
    loaded = load_whole_hand(card, tmp_path / "w.safetensors")
    assert loaded.flips
    assert not any(p.requires_grad for p in loaded.parameters())
    shown, sex = pictures(2, 64), np.array([1.0, 0.0])
    assert np.allclose(
        read_pictures(loaded, shown, sex).months, read_pictures(ours, shown, sex, flips=True).months, atol=1.0
    )
    with pytest.raises(EngineError, match="trunk"):
        load_whole_hand(SimpleNamespace(architecture="convnextv2_atto", tables={}), tmp_path / "w.safetensors")


def test_weights_of_eight_bits_are_half_the_file_and_say_nearly_the_same(ours: WholeHand, tmp_path: Path) -> None:
    state = packed(ours.state_dict())
    back = unpacked(state)
    assert back.keys() == ours.state_dict().keys()
    for name, value in ours.state_dict().items():
        apart = (back[name].float() - value.float()).abs().max()
        assert apart <= value.float().abs().max() / 127 + 1e-3, name
    assert state["trunk.conv_head.weight"].dtype == torch.int8
    assert state["trunk.bn1.running_var"].dtype == torch.float16
    assert packed(back).keys() == state.keys()
    assert torch.equal(packed(back)["trunk.conv_head.weight"], state["trunk.conv_head.weight"])
    save_file(state, tmp_path / "w.safetensors")
    save_half(ours, tmp_path / "half.safetensors")
    assert (tmp_path / "w.safetensors").stat().st_size < 0.56 * (tmp_path / "half.safetensors").stat().st_size
    card = SimpleNamespace(architecture="tf_efficientnet_lite0", tables={})
    loaded = load_whole_hand(card, tmp_path / "w.safetensors")
    shown, sex = pictures(2, 64), np.array([1.0, 0.0])
    assert np.allclose(read_pictures(loaded, shown, sex).months, read_pictures(ours, shown, sex).months, atol=3.0)
    torch.manual_seed(5)
    other = read_pictures(settled(build_whole_hand("tf_efficientnet_lite0"), 64), shown, sex).months
    assert not np.allclose(other, read_pictures(ours, shown, sex).months, atol=3.0), "any network would pass"
