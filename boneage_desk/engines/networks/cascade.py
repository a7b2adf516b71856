"""System 3: two regions found without a label, read by two networks that exchange features (Li et al. 2023).

"Bone age assessment based on deep neural networks with annotation-free cascaded critical bone region extraction",
Front. Artif. Intell. 6:1142895. `Locator` (InceptionV3 with CBAM) is trained on age alone. The peak of its Grad-CAM is
the centre of the carpal region; that region is masked, the picture is read again, and the new peak is the centre of the
metacarpal-phalangeal region. `Reader` takes both crops through Xception and ResNet50, which exchange mid-level
features, and joins the sex by learned weights.

What is decided here: both crops go through both networks, so that a cell of one and the cell of the other that it is
exchanged with show the same place. The locator sees no sex: its regions are the same for girls and boys. The picture
is upright (`imaging.hand_frame`), so of the two places the one nearer the wrist is called carpal, whichever peak it was.
"""

from __future__ import annotations

from typing import cast

import timm
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from boneage_desk.engines.networks.attention import Cbam
from boneage_desk.engines.networks.whole_hand import Outputs, WholeHand

REGIONS = ("carpal", "metacarpophalangeal")
REGION_SIDES = (0.38, 0.42)
"""Sides of the two square regions as shares of the picture's side, in the order of REGIONS. On 413 films with key
points 99 % of the rows of second to fifth MCP joints fit into 0.32; a carpus with its box drawn is 0.30 wide (mean of 27)."""
LOCATOR_SIDE = 299
"""Larger pictures are shrunk to this many pixels for the locator; crops are cut from the picture as it came."""
FIRST_CELL, CELL_STEP = 37.5, 32.0
"""Where the centre of InceptionV3's first output cell lies, and how far the next: pixels from the picture's edge. Its
convolutions without padding make the cells reach less far than the picture (8 cells span 37.5 to 261.5 of 299 px)."""
MASKED = -1.0
"""What a masked pixel holds: the darkest grey, as outside the film."""
MONTHS_PER_UNIT = 10.0
"""Scale of the locator's head: a step of Adam at rate 0.001 moves the answer by some 2 months at most, not by 20."""
MEAN_MONTHS, SPREAD_MONTHS = 127.3, 41.2
"""Mean and standard deviation of the bone ages of the 12,611 RSNA training films."""
SEX_FEATURES = 32


class Locator(WholeHand):
    """Pictures [N, 1, S, S] in -1..1 (S >= 75) -> (bone age in months [N], None).

    The age is a linear function, without a constant, of the averaged last feature map. So it is the mean over the cells
    of `age_map`, and a hand of any age above 0 has a cell that speaks for it: a Grad-CAM that has a peak.
    """

    needs_sex = False

    def __init__(self) -> None:
        super().__init__()
        self.trunk = timm.create_model("inception_v3", pretrained=False, in_chans=1, num_classes=0, global_pool="")
        features = int(self.trunk.num_features)
        self.attention = Cbam(features)
        self.head = nn.Linear(features, 1, bias=False)
        # features after both gates are some 0.1 at the start: begin near the mean age, not at 0
        start = MEAN_MONTHS / MONTHS_PER_UNIT / (0.1 * features)
        nn.init.normal_(self.head.weight, start, start)

    def features(self, pixels: Tensor) -> Tensor:
        """The last feature map [N, C, h, w] of pictures [N, 1, S, S], after the attention."""
        if pixels.shape[-1] > LOCATOR_SIDE:
            pixels = F.interpolate(pixels, (LOCATOR_SIDE, LOCATOR_SIDE), mode="bilinear", antialias=True)
        return cast(Tensor, self.attention(self.trunk(pixels)))

    def outputs(self, pixels: Tensor, male: Tensor | None = None) -> Outputs:
        """See the class; ``male`` is not used."""
        return Outputs(MONTHS_PER_UNIT * self.head(self.features(pixels).float().mean((2, 3)))[:, 0])

    def gradcam_layer(self, male: float | None = None) -> nn.Module:
        """The layer whose Grad-CAM `age_map` is."""
        return self.attention

    def age_map(self, features: Tensor) -> Tensor:
        """Months [N, h, w] that each cell of `features` speaks for; their mean is the answer of `forward`.

        Where a linear head follows global average pooling over P cells, the gradient of the answer to feature k is
        the head's weight k over P in every cell. Grad-CAM (the features weighted by their mean gradients, negative
        cells cut off) is therefore this map over P, cut off below 0, and needs no backward pass.
        """
        weight = self.head.weight.float()[:, :, None, None]
        return MONTHS_PER_UNIT * F.conv2d(features.float(), weight)[:, 0]


def peaks(maps: Tensor, centres: Tensor, taken: Tensor | None = None) -> Tensor:
    """Highest places of maps [N, h, w], refined over the neighbour cells -> (x, y) [N, 2] in the unit of ``centres``.

    centres: of the cells along one side, [h] (h = w). taken: squares [N, 4] (x0, y0, x1, y1); a cell with its centre
    in its map's square is no candidate, unless all are. The place is the mean of the peak and its eight neighbours, by
    how far they rise above half the peak.
    """
    n, h, w = maps.shape
    y, x = torch.meshgrid(centres, centres, indexing="ij")
    free = torch.ones_like(maps, dtype=torch.bool)
    if taken is not None:
        x0, y0, x1, y1 = (v[:, None, None] for v in taken.unbind(1))
        free = ~((x >= x0) & (x < x1) & (y >= y0) & (y < y1))
        free |= ~free.flatten(1).any(1)[:, None, None]
    best, index = maps.masked_fill(~free, -torch.inf).flatten(1).max(1)
    row, column = (index // w)[:, None], (index % w)[:, None]
    at = torch.arange(h, device=maps.device)
    near = ((at - row).abs() <= 1)[:, :, None] & ((at - column).abs() <= 1)[:, None, :] & free
    weight = (maps - 0.5 * best[:, None, None]).clamp_min(0) * near
    weight = weight.flatten(1) + 1e-6 * F.one_hot(index, h * w)  # a peak below 0 is still the peak
    total = weight.sum(1)
    return torch.stack([(weight * x.flatten()).sum(1) / total, (weight * y.flatten()).sum(1) / total], 1)


def squares(places: Tensor, side: float) -> Tensor:
    """Squares [N, 4] (x0, y0, x1, y1) of ``side`` round places [N, 2], moved inside 0..1."""
    centre = places.clamp(side / 2, 1 - side / 2)
    return torch.cat([centre - side / 2, centre + side / 2], 1)


def masked(pixels: Tensor, region: Tensor) -> Tensor:
    """Pictures [N, 1, S, S] with one square each [N, 4] (shares of the picture) set to MASKED."""
    centre = (torch.arange(pixels.shape[-1], device=pixels.device) + 0.5) / pixels.shape[-1]
    x0, y0, x1, y1 = (v[:, None] for v in region.unbind(1))
    inside = ((centre >= y0) & (centre < y1))[:, :, None] & ((centre >= x0) & (centre < x1))[:, None, :]
    return pixels.masked_fill(inside[:, None], MASKED)


def find_peaks(locator: Locator, pixels: Tensor) -> Tensor:
    """The Grad-CAM's peak, and its peak once the square round the first is masked, of pictures [N, 1, S, S].

    Places [N, 2, 2] (peak, x and y), shares of the picture. Two passes of the locator over the batch, no gradient. A
    picture's peaks do not depend on the others of its batch while the locator is in evaluation mode.
    """
    with torch.no_grad():
        first = _peak(locator, pixels, None)
        gone = squares(first, REGION_SIDES[0])
        return torch.stack([first, _peak(locator, masked(pixels, gone), gone)], 1)


def _peak(locator: Locator, pixels: Tensor, taken: Tensor | None) -> Tensor:
    maps = locator.age_map(locator.features(pixels))
    seen = min(pixels.shape[-1], LOCATOR_SIDE)
    centres = (FIRST_CELL + CELL_STEP * torch.arange(maps.shape[-1], device=maps.device)) / seen
    return peaks(maps, centres, taken)


def named_regions(places: Tensor) -> Tensor:
    """Squares [N, 2, 4] (x0, y0, x1, y1; order of REGIONS) round two places [N, 2, 2] each, the lower one carpal."""
    lower = places[..., 1].argmax(1)
    at = torch.arange(len(places), device=places.device)
    pair = (places[at, lower], places[at, 1 - lower])
    return torch.stack([squares(place, side) for place, side in zip(pair, REGION_SIDES, strict=True)], 1)


def crop_side(side: int) -> int:
    """Pixels of the crops' side for pictures of ``side`` pixels: some 0.55 of it, a multiple of 32, at least 64."""
    return max(64, 32 * round(0.55 * side / 32))


def cut_regions(pixels: Tensor, regions: Tensor, size: int) -> Tensor:
    """Squares [N, R, 4] out of pictures [N, 1, S, S], bilinear -> [N, R, 1, size, size]."""
    n, r = regions.shape[:2]
    x0, y0, x1, y1 = regions.flatten(0, 1).to(pixels.dtype).unbind(1)
    none = torch.zeros_like(x0)
    # affine_grid's coordinates run from -1 to 1 over the picture, edge to edge
    matrix = torch.stack([x1 - x0, none, x0 + x1 - 1, none, y1 - y0, y0 + y1 - 1], 1).view(-1, 2, 3)
    grid = F.affine_grid(matrix, [n * r, 1, size, size], align_corners=False)
    many = pixels.repeat_interleave(r, 0)
    return F.grid_sample(many, grid, padding_mode="border", align_corners=False).view(n, r, 1, size, size)


class Exchange(nn.Module):
    """Two feature maps of one picture at one stride: each gains the other's, through a convolution of 1 x 1."""

    def __init__(self, left: int, right: int) -> None:
        super().__init__()
        self.to_left = nn.Conv2d(right, left, 1, bias=False)
        self.to_right = nn.Conv2d(left, right, 1, bias=False)

    def forward(self, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        """[N, left, h, w] and [N, right, h', w'] -> the same shapes; maps a row apart are brought to one size."""
        given = _fitted(self.to_left(F.relu(right)), left), _fitted(self.to_right(F.relu(left)), right)
        return left + given[0], right + given[1]


def _fitted(x: Tensor, like: Tensor) -> Tensor:
    size = like.shape[-2:]
    return x if x.shape[-2:] == size else F.interpolate(x, size, mode="bilinear")


class Reader(nn.Module):
    """Crops of the two regions [N, 2, 1, c, c] in -1..1 and male [N] (1, 0; 0.5 unknown) -> months [N].

    Xception (left) and ResNet50 (right) exchange features at strides 8 and 16. ``weigh``: the learned weights by which
    the pictures' features and the sex' features enter the last layers.
    """

    def __init__(self) -> None:
        super().__init__()
        self.left = timm.create_model("legacy_xception", pretrained=False, in_chans=1, num_classes=0)
        self.right = timm.create_model("resnet50", pretrained=False, in_chans=1, num_classes=0)
        self.exchanges = nn.ModuleList([Exchange(256, 512), Exchange(728, 1024)])
        each = int(self.left.num_features) + int(self.right.num_features)
        self.join = nn.Sequential(nn.Dropout(0.2), nn.Linear(len(REGIONS) * each, 256), nn.LayerNorm(256), nn.ReLU())
        self.sex = nn.Sequential(nn.Linear(1, SEX_FEATURES), nn.ReLU())
        self.weigh = nn.Parameter(torch.ones(2))
        self.answer = nn.Sequential(nn.Linear(256 + SEX_FEATURES, 128), nn.ReLU(), nn.Linear(128, 1))

    def features(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Last feature maps of Xception and ResNet50 of crops [M, 1, c, c] -> two of [M, 2048, h, w]."""
        a, b = self.left, self.right
        left = a.act2(a.bn2(a.conv2(a.act1(a.bn1(a.conv1(crops))))))
        left = a.block2(a.block1(left))
        right = b.layer2(b.layer1(b.maxpool(b.act1(b.bn1(b.conv1(crops))))))
        left, right = self.exchanges[0](left, right)
        for k in range(3, 12):
            left = getattr(a, f"block{k}")(left)
        left, right = self.exchanges[1](left, b.layer3(right))
        left = a.act3(a.bn3(a.conv3(a.block12(left))))
        return a.act4(a.bn4(a.conv4(left))), b.layer4(right)

    def months(self, left: Tensor, right: Tensor, male: Tensor) -> Tensor:
        """Months [N] of the last feature maps [2N, 2048, h, w] (a picture's two crops side by side) and male [N]."""
        pooled = torch.cat([left.float().mean((2, 3)), right.float().mean((2, 3))], 1)
        seen = self.join(pooled.view(len(male), -1))
        sex = self.sex(2 * male.float()[:, None] - 1)
        joined = torch.cat([self.weigh[0] * seen, self.weigh[1] * sex], 1)
        return MEAN_MONTHS + SPREAD_MONTHS * self.answer(joined)[:, 0].float()

    def forward(self, crops: Tensor, male: Tensor) -> Tensor:
        """See the class."""
        return self.months(*self.features(crops.flatten(0, 1)), male)


class Cascade(WholeHand):
    """Pictures [N, 1, S, S] in -1..1 (S >= 139) and male [N] (1, 0; 0.5 unknown) -> (months [N], None).

    The locator is trained before and is fixed here: in evaluation mode always, without gradients.
    """

    def __init__(self, locator: Locator | None = None) -> None:
        super().__init__()
        self.locator = locator if locator is not None else Locator()
        self.reader = Reader()
        self.locator.requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> Cascade:
        """Training mode for the reader alone."""
        super().train(mode)
        self.locator.eval()
        return self

    def regions(self, pixels: Tensor, male: Tensor | None = None) -> Tensor:
        """The two regions [N, 2, 4] (x0, y0, x1, y1 in shares of the picture; order of REGIONS); no sex is needed."""
        return named_regions(find_peaks(self.locator, pixels))

    def outputs(self, pixels: Tensor, male: Tensor) -> Outputs:
        """See the class; ``extra`` holds the regions [N, 2, 4] that were read."""
        regions = self.regions(pixels)
        return Outputs(self.read(pixels, regions, male), extra={"regions": regions})

    def read(self, pixels: Tensor, regions: Tensor, male: Tensor) -> Tensor:
        """Months [N] from the regions [N, 2, 4] of pictures [N, 1, S, S]."""
        return cast(Tensor, self.reader(cut_regions(pixels, regions, crop_side(pixels.shape[-1])), male))

    def gradcam_layer(self, male: float | None = None) -> nn.Module:
        """The layer that the regions are found by. The answer has no gradient to it: see `saliency`."""
        return self.locator.attention

    def saliency(self, pixels: Tensor, male: Tensor, cells: int = 64) -> Tensor:
        """Where the reader looked: maps [N, cells, cells] >= 0 over the whole picture, 0 outside the two regions.

        Gradient times activation of the answer, cell by cell, in the last maps of both networks, each laid on its
        region and added up.
        """
        with torch.no_grad():
            regions = self.regions(pixels)
            crops = cut_regions(pixels, regions, crop_side(pixels.shape[-1]))
            kept = [f.float() for f in self.reader.features(crops.flatten(0, 1))]
        with torch.enable_grad():
            maps = [f.detach().requires_grad_(True) for f in kept]
            slopes = torch.autograd.grad(self.reader.months(maps[0], maps[1], male).sum(), maps)
        found = [(f * g).sum(1).abs().unflatten(0, regions.shape[:2]) for f, g in zip(kept, slopes, strict=True)]
        return torch.stack([lay_regions(f, regions, cells) for f in found]).sum(0)


def lay_regions(maps: Tensor, regions: Tensor, cells: int) -> Tensor:
    """Maps [N, R, h, w] over regions [N, R, 4] of a picture -> their sum over the picture [N, cells, cells]."""
    x0, y0, x1, y1 = regions.flatten(0, 1).unbind(1)
    none = torch.zeros_like(x0)
    # the inverse of cut_regions: where a place of the picture lies in the region, -1 to 1 edge to edge
    wide, high = 1 / (x1 - x0), 1 / (y1 - y0)
    matrix = torch.stack([wide, none, (1 - x0 - x1) * wide, none, high, (1 - y0 - y1) * high], 1).view(-1, 2, 3)
    grid = F.affine_grid(matrix, [len(matrix), 1, cells, cells], align_corners=False)
    laid = F.grid_sample(maps.flatten(0, 1)[:, None], grid, padding_mode="border", align_corners=False)
    inside = (grid.abs() <= 1).all(-1)[:, None]
    return (laid * inside).view(*regions.shape[:2], cells, cells).sum(1)


def build_cascade(architecture: str) -> Cascade:
    """The untrained cascade; ``architecture`` is `whole_hand.CASCADE`."""
    return Cascade()
