"""Whole-hand model folders with random weights, real architectures and real cards: their numbers mean nothing.

For tests of everything round the networks. Needs the model libraries; call it in a child process where the test's own
process must stay free of them: ``python -m tests.whole_hand_models FOLDER whole-hand dual``; with a side [px] in front of the
engines, as in ``FOLDER 299 dual``, pictures of that side are read mirrored too, as trained models do: for timing.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

ARCHITECTURES = {
    "whole-hand": ("tf_efficientnet_lite0", 96),
    "dual": ("inception_v3_se", 107),
    "regression": ("inception_resnet_v2", 107),
    "cascade": ("inception_v3_cbam_cascade", 139),
}
"""By engine: the smallest architecture that it may have, and a small side of its picture."""
HALF_WIDTH = {"M": 14.0, "F": 11.0}
"""Half width in months of the interval of each sex, up to 240 months."""
BONES_WEIGHTS = ("d" * 64, "e" * 64)
"""SHA-256 of the detector and the grader to which the cards' usual difference was measured."""


def write_whole_hand(
    models: Path,
    engine: str = "whole-hand",
    *,
    tag: str = "random",
    seed: int = 1,
    needs_sex: bool | None = None,
    flips: bool = False,
    age_range: tuple[float, float] = (0.0, 240.0),
    usual_difference_months: float | None = 12.5,
    usual_difference_to: tuple[str, str] = BONES_WEIGHTS,
    sex_limit: float | None = None,
    picture: str = "hand-upright-1",
    side: int = 0,
) -> Path:
    """A model of ``engine`` in ``models``: its folder, with half-precision weights whose answers depend on the picture.

    needs_sex: as the card says; None: all but 'dual'. sex_limit: None leaves it out of the card. side: of the
    picture [px]; 0: a small one.
    """
    import torch
    from safetensors.torch import save_file

    from boneage_desk.engines.cards import file_sha256
    from boneage_desk.engines.networks.whole_hand import build_whole_hand

    architecture, size = ARCHITECTURES[engine]
    size = side or size
    torch.manual_seed(seed)
    network = build_whole_hand(architecture)
    _wake(network, size)
    place = models / f"{architecture}.{tag}"
    place.mkdir(parents=True)
    state = {k: v.detach().clone().contiguous() for k, v in network.state_dict().items()}
    half = {k: v.half() if v.is_floating_point() else v for k, v in state.items()}
    save_file(half, place / "weights.safetensors")
    needs = engine != "dual" if needs_sex is None else needs_sex
    lines = [
        "[model]",
        f'name = "Random {engine} for tests"',
        f'architecture = "{architecture}"',
        f'tag = "{tag}"',
        'task = "whole-hand"',
        f"input_size = {size}",
        'classes = ["months"]',
        f"parameters = {sum(p.numel() for p in network.parameters())}",
        'licence = "none"',
        'limits = ["Random weights: for tests only."]',
        "[preprocessing]",
        f'picture = "{picture}"',
        "[whole_hand]",
        f'engine = "{engine}"',
        f"needs_sex = {str(needs).lower()}",
        f"flips = {str(flips).lower()}",
        f"age_range_months = [{age_range[0]}, {age_range[1]}]",
    ]
    if usual_difference_months is not None:
        lines.append(f"usual_difference_months = {usual_difference_months}")
        lines.append(f"usual_difference_to = {json.dumps(usual_difference_to)}")
    if sex_limit is not None:
        lines.append(f"sex_limit = {sex_limit}")
    lines += [
        "[weights]",
        'file = "weights.safetensors"',
        f'sha256 = "{file_sha256(place / "weights.safetensors")}"',
        "[interval]",
        "coverage = 0.9",
        "bands = [",
    ]
    lines += [
        f'{{ sex = "{sex}", from_months = -1, to_months = 241, half_width_months = {width}, hands = 40 }},'
        for sex, width in HALF_WIDTH.items()
    ]
    (place / "card.toml").write_text("\n".join([*lines, "]", ""]), encoding="utf-8")
    return place


def _wake(network: object, size: int) -> None:
    """Batch norms of random pictures, and last layers whose answers lie near the middle and differ by the picture."""
    import torch
    from torch import nn

    assert isinstance(network, nn.Module)
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    momenta = [m.momentum for m in norms]
    for norm in norms:
        norm.momentum = None  # the plain mean of the batches
    pixels = torch.cat([
        (2 * nn.functional.interpolate(torch.rand(2, 1, n, n), (size, size), mode="bilinear") - 1) * contrast
        for n, contrast in ((4, 1.0), (12, 1.0), (32, 0.7), (size, 1.0), (6, 0.2), (2, 0.02))
    ])  # fmt: skip
    male = torch.tensor([0.0, 1.0] * (len(pixels) // 2))
    seen: dict[nn.Linear, torch.Tensor] = {}
    last = [m for m in network.modules() if isinstance(m, nn.Linear) and m.out_features == 1 and m.bias is not None]
    hooks = [m.register_forward_hook(lambda layer, given, _out: seen.__setitem__(layer, given[0])) for m in last]
    with torch.no_grad():
        network.train()
        network(pixels, male)
        network.eval()
        network(pixels, male)
        for layer, given in seen.items():
            answers = given @ layer.weight.T
            layer.weight *= 0.3 / answers.std().clamp_min(1e-9)
            layer.bias -= (given @ layer.weight.T).mean()
    for hook in hooks:
        hook.remove()
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    bins = getattr(network, "bins", None)
    if isinstance(bins, nn.Linear):
        nn.init.normal_(bins.weight, std=0.3)


def main(arguments: list[str]) -> None:
    """FOLDER [SIDE] ENGINE...: a model of each engine in the folder, its usual difference to the bones' models there."""
    cards = {kind: Path(arguments[0]).glob(f"{kind}*/weights.safetensors") for kind in ("yolov8n", "efficientnet_b3")}
    found = [hashlib.sha256(path.read_bytes()).hexdigest() for paths in cards.values() for path in paths]
    bones = (found[0], found[1]) if len(found) == 2 else BONES_WEIGHTS
    side = next((int(word) for word in arguments[1:] if word.isdigit()), 0)
    for engine in (word for word in arguments[1:] if not word.isdigit()):
        write_whole_hand(Path(arguments[0]), engine, side=side, flips=bool(side), usual_difference_to=bones)


if __name__ == "__main__":
    main(sys.argv[1:])
