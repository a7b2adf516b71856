"""System 3's network: the regions by Grad-CAM, the masking, the exchange of features, the sex. Random weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from boneage_desk.engines.networks import cascade
from boneage_desk.engines.networks.cascade import (
    CELL_STEP,
    FIRST_CELL,
    MASKED,
    REGION_SIDES,
    Cascade,
    cut_regions,
    find_peaks,
    lay_regions,
    masked,
    named_regions,
    peaks,
    squares,
)
from boneage_desk.engines.networks.whole_hand import CASCADE, build_whole_hand, read_pictures
from boneage_desk.imaging.normalise import normalise_film
from boneage_desk.imaging.phantom import LAST_GRADE, PhantomSpec, draw_hand

SIDE = 171  # 4 x 4 cells
MALE = torch.tensor([1.0, 0.0, 0.0])


@pytest.fixture(scope="module")
def pictures() -> Tensor:
    """Three drawn hands of different ages [3, 1, SIDE, SIDE] in -1..1."""
    drawn = []
    for k, share in enumerate((0.2, 0.6, 1.0)):
        grades = {b: round(share * top) for b, top in LAST_GRADE.items()}
        film = draw_hand(PhantomSpec(grades, size=(SIDE, SIDE), bits=8, seed=k, rotation_deg=15.0 * k, marker=False))
        drawn.append(normalise_film(np.ascontiguousarray(film.pixels)))
    return torch.from_numpy(np.stack(drawn)[:, None]).float() / 127.5 - 1


@pytest.fixture(scope="module")
def network(pictures: Tensor) -> Cascade:
    """The real network with random weights, batch norms settled on the pictures (else nothing is finite)."""
    torch.manual_seed(5)
    model = build_whole_hand(CASCADE)
    assert isinstance(model, Cascade)
    settled = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    for m in settled:
        m.momentum = None
        m.train()
    with torch.no_grad():
        model.locator(pictures, MALE)
        for m in settled:
            m.train()  # regions() needs the locator as it was settled, the reader then settles on its crops
        model.locator.eval()
        model.reader(cut_regions(pictures, model.regions(pictures), 64), MALE)
    return model.eval()


def test_the_map_is_grad_cam_without_a_gradient(network: Cascade, pictures: Tensor) -> None:
    """The closed form against plain autograd and against captum, negative cells cut off."""
    from captum.attr import LayerGradCam

    with torch.no_grad():
        maps = network.locator.age_map(network.locator.features(pictures))
        months = network.locator(pictures, MALE)[0]
    assert torch.allclose(maps.mean((1, 2)), months, rtol=1e-4)
    cells = maps[0].numel()
    pixels = pictures.clone().requires_grad_(True)
    kept: list[Tensor] = []
    hook = network.locator.attention.register_forward_hook(lambda m, i, o: (o.retain_grad(), kept.append(o))[0])
    network.locator(pixels, MALE)[0].sum().backward()
    hook.remove()
    weights = kept[0].grad.mean((2, 3), keepdim=True)
    assert torch.allclose((weights * kept[0]).sum(1).relu(), maps.relu() / cells, rtol=1e-3, atol=1e-4)
    by_captum = LayerGradCam(lambda x: network.locator(x, None)[0], network.locator.gradcam_layer())
    found = by_captum.attribute(pixels, relu_attributions=True)[:, 0]
    assert torch.allclose(found, maps.relu() / cells, rtol=1e-3, atol=1e-4)
    assert maps.std() > 0


def test_a_cell_stands_where_its_convolutions_look(network: Cascade) -> None:
    """The places of the cells, followed through the trunk's own strides and paddings."""
    t = network.locator.trunk
    path = [
        t.Conv2d_1a_3x3.conv, t.Conv2d_2a_3x3.conv, t.Conv2d_2b_3x3.conv, t.Pool1, t.Conv2d_3b_1x1.conv, t.Conv2d_4a_3x3.conv,
        t.Pool2, t.Mixed_6a.branch3x3.conv, t.Mixed_7a.branch3x3_2.conv,
    ]  # fmt: skip
    first, step = 0.5, 1.0
    for layer in path:
        kernel, stride, pad = ((v if isinstance(v, int) else v[0]) for v in (layer.kernel_size, layer.stride, layer.padding))
        first, step = first + ((kernel - 1) / 2 - pad) * step, step * stride
    assert (FIRST_CELL, CELL_STEP) == (first, step)
    assert 2 * FIRST_CELL + 7 * CELL_STEP == 299  # as far from either edge


class Brightness:
    """In the locator's place: how bright each cell's neighbourhood is, and that is its age."""

    def features(self, pixels: Tensor) -> Tensor:
        cells = nn.functional.avg_pool2d(pixels[..., 22:-21, 22:-21] + 1, 32)  # cells round 37.5 + 32 k, as InceptionV3's
        return cells + 0.8 * nn.functional.max_pool2d(cells, 5, 1, 2)  # sees beyond its cell, as InceptionV3's do

    def age_map(self, features: Tensor) -> Tensor:
        return features[:, 0]


def blobs(*places: tuple[float, float, float]) -> Tensor:
    """A dark picture [1, 1, 299, 299] with squares (x, y, grey) of a cell's size."""
    picture = torch.full((1, 1, 299, 299), -1.0)
    for x, y, grey in places:
        c, r = round(x * 299), round(y * 299)
        picture[..., r - 16 : r + 16, c - 16 : c + 16] = grey
    return picture


def test_the_brightest_gives_the_first_peak_and_the_next_outside_its_square_the_second(monkeypatch: pytest.MonkeyPatch) -> None:
    low, high = (0.45, 0.76), (0.55, 0.34)
    picture = torch.cat([blobs((*low, 1.0), (*high, -0.4)), blobs((*low, -0.4), (*high, 1.0))])
    found = find_peaks(Brightness(), picture)  # type: ignore[arg-type]
    assert (found - torch.tensor([[low, high], [high, low]])).abs().max() < 0.04
    # without the masking, what the cells beside the first square see of it outshines the second place
    monkeypatch.setattr(cascade, "masked", lambda pixels, region: pixels)
    unmasked = find_peaks(Brightness(), picture)  # type: ignore[arg-type]
    assert torch.allclose(unmasked[:, 0], found[:, 0])
    assert ((unmasked[:, 1] - found[:, 1]).abs() > 0.05).any(1).all()


def test_the_region_nearer_the_wrist_is_the_carpal_one() -> None:
    places = torch.tensor([[[0.45, 0.76], [0.5, 0.44]], [[0.5, 0.44], [0.45, 0.76]], [[0.02, 0.99], [0.97, 0.01]]])
    found = named_regions(places)
    carpal, joints = REGION_SIDES
    assert torch.allclose(found[0], found[1])
    assert torch.allclose(found[0, 0, :2], torch.tensor([0.45, 0.76]) - carpal / 2)
    assert torch.allclose(found[0, 1, 2:], torch.tensor([0.5, 0.44]) + joints / 2)
    corners = torch.tensor([[0, 1 - carpal, carpal, 1], [1 - joints, 0, 1, joints]])  # moved inside, not cut
    assert torch.allclose(found[2], corners, atol=1e-6)


def test_masking_covers_the_square_and_nothing_else() -> None:
    picture = torch.rand(2, 1, 100, 100)
    region = torch.tensor([[0.1, 0.2, 0.5, 0.6], [0.6, 0.0, 1.0, 0.4]])
    out = masked(picture, region)
    for k, (x0, y0, x1, y1) in enumerate([(10, 20, 50, 60), (60, 0, 100, 40)]):
        assert (out[k, 0, y0:y1, x0:x1] == MASKED).all()
        out[k, 0, y0:y1, x0:x1] = picture[k, 0, y0:y1, x0:x1]
    assert torch.equal(out, picture)


def test_the_real_network_looks_elsewhere_the_second_time(network: Cascade, pictures: Tensor) -> None:
    places = find_peaks(network.locator, pictures)
    gone = squares(places[:, 0], REGION_SIDES[0])
    assert not ((places[:, 1] >= gone[:, :2]) & (places[:, 1] < gone[:, 2:])).all(1).any()
    with torch.no_grad():
        second = network.locator.age_map(network.locator.features(masked(pictures, gone)))
        plain = network.locator.age_map(network.locator.features(pictures))
    assert (second - plain).abs().amax((1, 2)).min() > 1e-3, "the masked picture is read like the plain one"
    centres = (FIRST_CELL + CELL_STEP * torch.arange(4)) / SIDE
    assert torch.allclose(places[:, 1], peaks(second, centres, gone), atol=1e-4)
    found = network.regions(pictures, MALE)
    assert found.shape == (3, 2, 4) and found.min() >= 0 and found.max() <= 1 + 1e-6
    assert (found[:, 0] - found[:, 1]).abs().amax(1).min() > 0.05
    alone = torch.cat([network.regions(p[None]) for p in pictures])
    assert torch.allclose(alone, found, atol=1e-4), "a picture's regions depend on its neighbours in the batch"


def test_peaks_are_refined_and_always_found() -> None:
    centres = torch.tensor([0.1, 0.3, 0.5, 0.7, 0.9])
    maps = torch.zeros(4, 5, 5)
    maps[0, 1, 3] = 2.0  # alone: the cell itself
    maps[1, 1, 3], maps[1, 1, 2] = 2.0, 2.0  # two alike: half way
    maps[2] = -3.0
    maps[2, 4, 0] = -1.0  # all below 0: still the highest
    maps[3, 0, 0], maps[3, 4, 4] = 5.0, 1.0
    taken = torch.tensor([[2.0, 2, 3, 3], [2.0, 2, 3, 3], [0.0, 0, 1, 1], [0.0, 0.0, 0.4, 0.4]])
    found = peaks(maps, centres, taken)
    assert torch.allclose(found, torch.tensor([[0.7, 0.3], [0.6, 0.3], [0.1, 0.9], [0.9, 0.9]]), atol=1e-3)
    assert torch.allclose(peaks(maps[3:], centres), torch.tensor([[0.1, 0.1]]), atol=1e-3)


def test_crops_show_the_region() -> None:
    size, c = 200, 64
    ramp = (torch.arange(size) + 0.5) / size
    x, y = ramp.expand(1, 1, size, size), ramp[:, None].expand(1, 1, size, size)
    regions = torch.tensor([[[0.1, 0.5, 0.48, 0.88], [0.5, 0.2, 0.94, 0.64]]])
    step = (torch.arange(c) + 0.5) / c
    for picture, low, high in ((x, 0, 2), (y, 1, 3)):
        crops = cut_regions(picture, regions, c)
        assert crops.shape == (1, 2, 1, c, c)
        for k in range(2):
            along = crops[0, k, 0].mean(low)  # over the other axis
            expected = regions[0, k, low] + step * (regions[0, k, high] - regions[0, k, low])
            assert torch.allclose(along, expected, atol=2e-3)


def test_features_are_exchanged_both_ways(network: Cascade, pictures: Tensor) -> None:
    reader, crops = network.reader, cut_regions(pictures, network.regions(pictures), 64)
    for side, other in ((0, "right.layer2.0.downsample.0.weight"), (1, "left.block2.rep.1.conv1.weight")):
        reader.zero_grad()
        reader.features(crops.flatten(0, 1))[side].square().mean().backward()
        slope = reader.get_parameter(other).grad
        assert slope is not None and slope.abs().max() > 0, f"{other} does not reach the other network"
    with torch.no_grad():
        before = reader(crops, MALE)
        for name in ("to_left", "to_right"):
            for k in range(2):
                weight = getattr(reader.exchanges[k], name).weight
                kept = weight.clone()
                weight.zero_()
                assert (reader(crops, MALE) - before).abs().max() > 1e-4, f"{name} of exchange {k} does nothing"
                weight.copy_(kept)
        assert torch.allclose(reader(crops, MALE), before)


def test_both_regions_and_the_sex_change_the_answer(network: Cascade, pictures: Tensor) -> None:
    with torch.no_grad():
        regions = network.regions(pictures)
        months, sex = network(pictures, MALE)
        assert sex is None and months.shape == (3,) and torch.isfinite(months).all()
        assert torch.allclose(network.read(pictures, regions, MALE), months)
        assert (network.read(pictures, regions, 1 - MALE) - months).abs().min() > 1e-3
        for k in range(2):
            moved = regions.clone()
            moved[:, k] = squares(torch.rand(3, 2), REGION_SIDES[k])
            assert (network.read(pictures, moved, MALE) - months).abs().max() > 1e-3
        for k in range(2):
            kept = float(network.reader.weigh[k])
            network.reader.weigh[k] = 0.0
            assert (network.read(pictures, regions, MALE) - months).abs().max() > 1e-4
            network.reader.weigh[k] = kept


def test_training_leaves_the_locator_as_it_is_and_reaches_all_of_the_reader(network: Cascade, pictures: Tensor) -> None:
    network.train()
    try:
        assert network.reader.training and not any(m.training for m in network.locator.modules())
        network.reader.zero_grad()
        network(pictures, MALE)[0].sum().backward()
        assert all(p.grad is None and not p.requires_grad for p in network.locator.parameters())
        without = [n for n, p in network.reader.named_parameters() if p.grad is None]
        assert not without
    finally:
        network.zero_grad()
        network.eval()


def test_saliency_lies_on_the_regions_and_follows_the_answer(network: Cascade, pictures: Tensor) -> None:
    regions, cells = network.regions(pictures), 100
    laid = lay_regions(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), torch.tensor([[[0.2, 0.5, 0.4, 0.9]]]), cells)[0]
    assert laid[:50].max() == laid[90:].max() == laid[:, :20].max() == laid[:, 40:].max() == 0
    corners = [laid[51, 21], laid[51, 38], laid[88, 21], laid[88, 38]]
    assert torch.allclose(torch.stack(corners), torch.tensor([1.0, 2.0, 3.0, 4.0]), atol=1e-4)
    maps = network.saliency(pictures, MALE, cells)
    assert maps.shape == (3, cells, cells) and maps.min() >= 0 and torch.isfinite(maps).all()
    at = (torch.arange(cells) + 0.5) / cells
    for k in range(3):
        outside = torch.ones(cells, cells, dtype=torch.bool)
        for x0, y0, x1, y1 in regions[k].tolist():
            outside &= ~(((at >= y0) & (at <= y1))[:, None] & ((at >= x0) & (at <= x1))[None])
        assert maps[k][outside].max() == 0 and maps[k].max() > 0
    with torch.no_grad():
        kept = network.reader.answer[2].weight.clone()
        network.reader.answer[2].weight.zero_()
        assert network.saliency(pictures, MALE, cells).max() == 0, "the map does not depend on the answer"
        network.reader.answer[2].weight.copy_(kept)


def test_it_is_called_like_every_whole_hand_network(network: Cascade, pictures: Tensor) -> None:
    drawn = ((pictures[:, 0] + 1) * 127.5).round().to(torch.uint8).numpy()
    answers = read_pictures(network, drawn, np.array([1.0, 0.0, 0.0]))
    assert answers.months.shape == (3,) and answers.male_probability is None
    with torch.no_grad():
        assert np.allclose(answers.months, network(pictures, MALE)[0].double().clamp_min(0), atol=0.05)
    with pytest.raises(ValueError, match="needs the sex"):
        read_pictures(network, drawn, np.array([1.0, 0.5, 0.0]))


def test_parts_are_the_published_ones(network: Cascade) -> None:
    """InceptionV3 with CBAM, Xception and ResNet50 of timm, one grey channel each."""
    locator, reader = network.locator, network.reader
    assert type(locator.trunk).__name__ == "InceptionV3" and type(locator.attention).__name__ == "Cbam"
    assert type(reader.left).__name__ == "Xception" and type(reader.right).__name__ == "ResNet"
    assert [len(layer) for layer in (reader.right.layer1, reader.right.layer2, reader.right.layer3, reader.right.layer4)] == [3, 4, 6, 3]
    assert locator.head.bias is None
