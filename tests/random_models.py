"""Model folders of the real architectures with random weights: the whole engine runs, its answers mean nothing."""

from __future__ import annotations

from pathlib import Path

CROP_SIZE = 64
"""Side of the grader's input here; the trained one has its own."""


def write_models(folder: Path, seed: int = 3) -> Path:
    """Folders of a detector and a grader in ``folder``; needs the model libraries. Returns ``folder``."""
    import torch
    from safetensors.torch import save_file

    from boneage_desk.engines.cards import file_sha256
    from boneage_desk.engines.networks.detector import BONES, build_detector
    from boneage_desk.engines.networks.grader import Grader

    torch.manual_seed(seed)
    grader = Grader()
    torch.nn.init.normal_(grader.heads.latent.weight, std=0.5)  # grades that depend on the picture
    for task, name, network in (
        ("detector", "yolov8n.random", build_detector()),
        ("grader", "efficientnet_b3.random", grader),
    ):
        place = folder / name
        place.mkdir(parents=True)
        state = {k: v.detach().clone().contiguous() for k, v in network.state_dict().items()}
        save_file(state, place / "weights.safetensors")
        architecture, _, tag = name.partition(".")
        classes = ", ".join(f'"{bone}"' for bone in BONES)
        (place / "card.toml").write_text(
            f"""
[model]
name = "Random {task} for tests"
architecture = "{architecture}"
tag = "{tag}"
task = "{task}"
input_size = {320 if task == "detector" else CROP_SIZE}
classes = [{classes}]
parameters = {sum(p.numel() for p in network.parameters())}
licence = "none"
limits = ["Random weights: for tests only."]

[weights]
file = "weights.safetensors"
sha256 = "{file_sha256(place / "weights.safetensors")}"

[interval]
coverage = 0.9
bands = [{{ sex = "F", from_months = 0, to_months = 240, half_width_months = 12.5, hands = 40 }}]
""",
            encoding="utf-8",
        )
    return folder
