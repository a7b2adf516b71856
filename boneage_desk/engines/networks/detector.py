"""System 1's detector: YOLOv8n on the 13 RUS epiphyses, one grey channel, square boxes.

A box is a square centred on the epiphysis whose side is a share of L (`boneage_desk.imaging.crops`), so
that an epiphysis that is still absent has a place too. ultralytics gives the network and its loss; its
predictor and trainer (which write settings and print) are not used.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("YOLO_CONFIG_DIR", tempfile.gettempdir())
os.environ.setdefault("YOLO_OFFLINE", "1")
os.environ.setdefault("YOLO_VERBOSE", "False")

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from ultralytics.cfg import get_cfg
from ultralytics.nn.tasks import DetectionModel

from boneage_desk.engines.networks.consistency import MIN_CONFIDENCE, HandFit, fit_hand
from boneage_desk.engines.networks.frozen import with_weights
from boneage_desk.imaging.crops import SIDE_SHARE, CropSpec, crop_to_film, cut

BONES: tuple[str, ...] = tuple(SIDE_SHARE)
DETECTOR_PASS_SIZE = 320  # input side at inference, both passes; multiple of 32
_ZOOM_SHARE = 0.80  # the second pass is cut so that the hand's points fill this share of the input
_MIN_CONFIDENCE = 0.02

Detection = tuple[str, tuple[float, float, float, float], float]


def build_detector() -> DetectionModel:
    """The untrained network: YOLOv8n from ultralytics' packaged yaml, 13 classes, one input channel."""
    model = DetectionModel("yolov8n.yaml", ch=1, nc=len(BONES), verbose=False)
    model.args = get_cfg()
    model.names = dict(enumerate(BONES))
    return model


def load_detector(card: Any, weights_path: Path) -> nn.Module:
    """The trained network in float32 evaluation mode, layers fused for speed.

    card: the model's `ModelCard`; weights_path: the safetensors file whose hash the caller has checked. Raises
    ValueError where the card's classes are not this module's, EngineError for weights of another network.
    """
    if tuple(card.classes) != BONES:
        raise ValueError(f"the card's classes {card.classes} are not the detector's {BONES}")
    fused: nn.Module = with_weights(build_detector(), weights_path).fuse(verbose=False)
    return fused.requires_grad_(False).to(memory_format=torch.channels_last)  # fusing makes new parameters


class Raw(nn.Module):
    """The network with its one useful output: [N, 1, S, S] in 0..1 -> [N, 4 + 13, A], boxes as cx, cy, w, h
    in input pixels and class probabilities. For conversion to other run times."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> Tensor:
        """See the class."""
        output = self.model(pixels)
        first: Tensor = output[0] if isinstance(output, tuple | list) else output
        return first


def _peaks(raw: NDArray[np.float32], per_bone: int = 3) -> list[tuple[int, NDArray[np.float64], float]]:
    """Non-maximum suppression of one picture's output [17, A]: (bone, box cx cy w h in input pixels,
    confidence); a kept box is the mean of its like neighbours, weighted by confidence."""
    boxes, scores = raw[:4].T.astype(np.float64), raw[4:]
    found = []
    for bone, row in enumerate(scores):
        left = np.flatnonzero(row >= _MIN_CONFIDENCE)
        left = left[np.argsort(-row[left])][:200]
        for _ in range(per_bone):
            if not len(left):
                break
            best = boxes[left[0]]
            gap = np.abs(boxes[left, :2] - best[:2]).max(1) / max(best[2], 1e-6)
            near = gap < 0.15
            weight = row[left[near]] ** 2
            found.append((bone, np.average(boxes[left[near]], axis=0, weights=weight), float(row[left[0]])))
            left = left[gap > 0.5]
    return found


def _pass(model: nn.Module, unit: NDArray[np.uint8], square: CropSpec, *, negative: bool = False) -> list[Detection]:
    """Detect on one square of the film, turned and mirrored as ``square`` says."""
    size = DETECTOR_PASS_SIZE
    crop = np.asarray(cut(unit, square, size), np.float32) / 255.0
    picture = torch.from_numpy(1.0 - crop if negative else crop)[None, None]
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    with torch.inference_mode():
        output = model(picture.to(device).contiguous(memory_format=torch.channels_last))
    raw = (output[0] if isinstance(output, tuple | list) else output)[0].float().cpu().numpy()
    scale = square.side / size
    result = []
    for bone, (cx, cy, w, h), confidence in _peaks(raw):
        cx, cy = crop_to_film(np.array([[cx, cy]]), square, size)[0].tolist()
        w, h = w * scale, h * scale
        result.append((BONES[bone], (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2), confidence))
    return result


def _hands_square(found: list[Detection], fit: HandFit, film_side: float) -> CropSpec | None:
    """The square in which what was found fills `_ZOOM_SHARE`, or None where the film is filled already."""
    likely = [d for d in found if d[2] >= 0.25]
    if fit.n_hands == 1:
        boxes = np.array([b.box for b in fit.bones])
    elif len(likely) >= 5:
        boxes = np.array([d[1] for d in likely])
    else:
        return None
    low, high = boxes[:, :2].min(0), boxes[:, 2:].max(0)
    side = float((high - low).max()) / _ZOOM_SHARE
    if side > 0.88 * film_side:
        return None
    cx, cy = ((low + high) / 2).tolist()
    return CropSpec(cx, cy, side)


def _content_square(unit: NDArray[np.uint8]) -> CropSpec | None:
    """The square round what differs from the canvas's grey, where a film lies on a larger even canvas."""
    step = max(1, max(unit.shape) // 400)
    small = unit[::step, ::step].astype(np.int16)
    edge = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    other = np.abs(small - int(np.median(edge))) > 6
    rows, columns = np.flatnonzero(other.mean(1) > 0.02), np.flatnonzero(other.mean(0) > 0.02)
    if not len(rows) or not len(columns):
        return None
    high, wide = (rows[-1] - rows[0] + 1) * step, (columns[-1] - columns[0] + 1) * step
    side = 1.04 * float(max(high, wide))
    if side > 0.85 * max(unit.shape):
        return None
    return CropSpec((columns[0] * step) + wide / 2, (rows[0] * step) + high / 2, side)


def _tiles(height: int, width: int) -> list[CropSpec]:
    """Overlapping squares of half the film's longer side."""
    side = max(height, width) / 2
    xs = np.arange(side / 2, max(width - side / 2, side / 2) + 1, side / 2)
    ys = np.arange(side / 2, max(height - side / 2, side / 2) + 1, side / 2)
    return [CropSpec(float(x), float(y), side) for y in ys for x in xs]


def detect(model: nn.Module, unit_film: NDArray[np.uint8]) -> list[Detection]:
    """Find the epiphyses on a film: one pass over the whole, then one over the hand where that is smaller.

    Where the whole film shows no hand, the part that differs from the canvas and then overlapping tiles are
    looked at; where a bone of the hand is not seen or only faintly, the hand is looked at again (`_look_again`).
    unit_film: [H, W] uint8 from `imaging.normalise.normalise_film`, either polarity. Returns (bone, box x0 y0
    x1 y1 in film pixels, confidence), up to three a bone, the likeliest first within a bone;
    `consistency.fit_hand` makes a hand of them.
    """
    found = _look(model, unit_film)
    fit = fit_hand(found)
    return _look_again(model, unit_film, found, fit) if fit.n_hands == 1 and _weak(fit) else found


def _weak(fit: HandFit) -> int:
    """How many bones are not seen, or only faintly."""
    return sum(not b.found or b.confidence < MIN_CONFIDENCE for b in fit.bones)


def _look(model: nn.Module, unit_film: NDArray[np.uint8]) -> list[Detection]:
    """The ordinary passes."""
    height, width = unit_film.shape
    side = 1.02 * max(height, width)
    whole = CropSpec(width / 2, height / 2, side)
    found = _pass(model, unit_film, whole)
    fit = fit_hand(found)
    if fit.n_hands == 0 and int(unit_film.max()) > int(unit_film.min()):
        content = _content_square(unit_film)
        for square in [*([content] if content else []), *_tiles(height, width)]:
            again = _pass(model, unit_film, square)
            again_fit = fit_hand(again)
            if again_fit.n_hands:
                found, fit, side = again, again_fit, square.side
                break
    closer = _hands_square(found, fit, side)
    if closer is None:
        return found
    if fit.n_hands == 1 and closer.side < 0.75 * max(height, width):
        other = _other_hand(model, unit_film, closer)
        if other:
            return found + other
    return _pass(model, unit_film, closer)


AGAIN = ((0.62, False), (0.80, False), (0.70, True))
"""The further passes over a hand that is badly seen: share of the input that it fills, negative."""


def _look_again(model: nn.Module, unit: NDArray[np.uint8], found: list[Detection], fit: HandFit) -> list[Detection]:
    """The hand as most training films have it, fingers up and thumb on the right, at several sizes and in the
    negative; what is found is merged with ``found``. The merged detections, unless they see fewer bones."""
    boxes = np.array([b.box for b in fit.bones])
    low, high = boxes[:, :2].min(0), boxes[:, 2:].max(0)
    cx, cy = ((low + high) / 2).tolist()
    passes = [found]
    for share, negative in AGAIN:
        square = CropSpec(cx, cy, float((high - low).max()) / share, fit.rotation_deg, fit.mirror)
        passes.append(_pass(model, unit, square, negative=negative))
    merged = _merge(passes)
    again = fit_hand(merged)
    better = again.n_hands == 1 and _weak(again) < _weak(fit) and again.mirror == fit.mirror
    return merged if better else found


def _merge(passes: list[list[Detection]]) -> list[Detection]:
    """Detections of several passes as one list: those of one bone in one place become their mean, weighted by
    confidence; its confidence is the mean of the two clearest, so that one pass alone counts half."""
    merged: list[Detection] = []
    for bone in BONES:
        rows = [(np.array(d[1]), d[2], k) for k, found in enumerate(passes) for d in found if d[0] == bone]
        rows.sort(key=lambda r: -r[1])
        places = []
        while rows and len(places) < 3:
            best = rows[0][0]
            gap = [float(np.abs(r[0][:2] + r[0][2:] - best[:2] - best[2:]).max()) / 2 / max(best[2] - best[0], 1e-6) for r in rows]
            near = [r for r, g in zip(rows, gap, strict=True) if g < 0.25]
            clearest: dict[int, float] = {}
            for _, confidence, k in near:
                clearest.setdefault(k, confidence)
            top = sorted(clearest.values(), reverse=True)[:2]
            box = np.average([r[0] for r in near], axis=0, weights=[r[1] ** 2 for r in near])
            places.append((bone, (float(box[0]), float(box[1]), float(box[2]), float(box[3])), sum(top) / 2))
            rows = [r for r, g in zip(rows, gap, strict=True) if g > 0.5]
        merged += sorted(places, key=lambda d: -d[2])
    return merged


def _other_hand(model: nn.Module, unit: NDArray[np.uint8], first: CropSpec) -> list[Detection]:
    """What is found beside the first hand, whose square is painted over; empty unless it makes a hand."""
    height, width = unit.shape
    half = 0.46 * first.side
    rows = slice(max(0, int(first.cy - half)), max(0, int(first.cy + half)))
    columns = slice(max(0, int(first.cx - half)), max(0, int(first.cx + half)))
    rest = unit.copy()
    rest[rows, columns] = int(np.median(unit[:: max(1, height // 100), :: max(1, width // 100)]))
    found = _pass(model, rest, CropSpec(width / 2, height / 2, 1.02 * max(height, width)))
    return found if fit_hand(found).n_hands else []
