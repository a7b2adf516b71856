"""Whether the saliency maps show what the grader uses, on hands held out with epiphyses drawn by hand:
``python -m boneage_desk.training.evaluate_saliency --data D --models models --out E.json``.

Per method: the share of the map's mass on the drawn epiphysis beside the epiphysis' share of the area; the share on a
bright letter painted into a corner, beside its own; how far the latent grade moves when the map's first tenths of the
crop are blurred away (deletion; more is more faithful), beside cells chosen by chance; and the rank correlation with the map of
a network of random weights, which should be low.
"""

from __future__ import annotations

import argparse
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from boneage_desk.engines.cards import find_card
from boneage_desk.engines.networks.grader import BONES, Grader, load_grader, normalise_crops
from boneage_desk.engines.saliency import METHODS, saliency_map
from boneage_desk.imaging.normalise import normalise_film
from boneage_desk.training.dataset import IN21, is_validation, read_points
from boneage_desk.training.grader_batches import plain
from boneage_desk.training.grader_crops import _decode, _unsquashed, hand_crops

DELETED = (0.1, 0.2, 0.3)
EPIPHYSIS = 2
LEAST_AREA = 0.02
LETTER = (0, 28, 68, 96)  # rows and columns of the painted letter, on a crop of 96 px


def drawn_crops(data: Path, hands: int, bones: int, size: int, seed: int = 1) -> Iterator[tuple[str, Any, NDArray[np.bool_]]]:
    """(bone, crop [size, size] of the 299 px film, drawn epiphysis [size, size]) of hands held out."""
    points, rng = read_points(data), np.random.default_rng(seed)
    films, masks = zipfile.ZipFile(data / "rsna299.zip"), zipfile.ZipFile(data / "epiphyses" / "masks.zip")
    names = {Path(n).stem: n for n in masks.namelist() if n.endswith(".png")}
    ids = [k for k in sorted(names) if k in points and is_validation(k) and points[k].human[IN21].sum() >= 9]
    for film_id in rng.permutation(ids)[:hands]:
        film = points[str(film_id)]
        pixels = _unsquashed(normalise_film(_decode(films, f"{film_id}.webp")), film, 420)
        drawn = np.asarray(Image.open(io.BytesIO(masks.read(names[str(film_id)]))))  # a palette's index, not its colour
        crops = hand_crops(pixels, film)
        epiphyses = hand_crops((drawn == EPIPHYSIS).astype(np.uint8) * 255, film)
        for b in rng.permutation(len(BONES))[:bones]:
            inside = plain(epiphyses[b], size) > 127
            if film.human[IN21[b]] and inside.mean() >= LEAST_AREA:
                yield BONES[b], plain(crops[b], size), inside


def fine(values: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """A map of any cells over the whole crop -> [size, size], sum 1."""
    wide = np.asarray(cv2.resize(values, (size, size), interpolation=cv2.INTER_LINEAR), np.float32)
    return np.asarray(wide / max(float(wide.sum()), 1e-12))


def deletion(model: Grader, crop: NDArray[np.uint8], bone: str, order: NDArray[np.intp]) -> float:
    """Grades that the latent moves by, mean over DELETED shares of the pixels ``order`` blurred away."""
    unit = normalise_crops(crop[None])[0, 0]
    cover = cv2.GaussianBlur(unit, (0, 0), len(unit) / 8)
    batch = np.repeat(unit.reshape(1, -1), len(DELETED) + 1, 0)
    for k, share in enumerate(DELETED, 1):
        gone = order[: int(share * order.size)]
        batch[k, gone] = cover.reshape(-1)[gone]
    x = torch.from_numpy(batch.reshape(-1, 1, *unit.shape))
    with torch.inference_mode():
        s = model(x, torch.full((len(x),), BONES.index(bone)))[0].numpy()
    return float(np.abs(s[1:] - s[0]).mean())


def rank_correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Spearman's of two maps on 6 x 6 cells."""
    small = [cv2.resize(v, (6, 6), interpolation=cv2.INTER_AREA).ravel() for v in (a, b)]
    return float(np.corrcoef(*[np.argsort(np.argsort(v)) for v in small])[0, 1])


def lettered(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The crop with a bright L in its upper right corner."""
    scale = len(crop) / 96
    at, letter = (int(72 * scale), int(24 * scale)), max(1, round(3 * scale))
    return np.asarray(cv2.putText(crop.copy(), "L", at, cv2.FONT_HERSHEY_SIMPLEX, 0.8 * scale, 255, letter), np.uint8)


def random_grader(seed: int = 0) -> Grader:
    """The same network, of random weights."""
    torch.manual_seed(seed)
    other = Grader().eval()
    torch.nn.init.normal_(other.heads.latent.weight, std=0.02)
    return other


def measure(model: Grader, other: Grader, crop: NDArray[np.uint8], bone: str, method: str) -> dict[str, Any]:
    """The maps of one crop [S, S]: of the model, on the lettered crop, of the random network."""
    size = len(crop)
    of = fine(saliency_map(model, crop, bone, method), size)
    r0, r1, c0, c1 = (round(v * size / 96) for v in LETTER)
    marked = fine(saliency_map(model, lettered(crop), bone, method), size)
    return {
        "map": of, "letter_mass": float(marked[r0:r1, c0:c1].sum()), "letter_mass_before": float(of[r0:r1, c0:c1].sum()),
        "letter_area": (r1 - r0) * (c1 - c0) / size**2,
        "rank_correlation_random_weights": rank_correlation(of, fine(saliency_map(other, crop, bone, method), size)),
        "deletion_grades": deletion(model, crop, bone, np.argsort(-of.ravel(), kind="stable")),
    }  # fmt: skip


def evaluate(a: argparse.Namespace) -> dict[str, Any]:
    """Means over the crops, by method; arguments: see `main`."""
    card = find_card(a.models, "grader")
    model, other, rng = load_grader(card, card.verified_weights()), random_grader(), np.random.default_rng(0)
    rows: dict[str, list[dict[str, float]]] = {m: [] for m in METHODS}
    by_chance = []
    for bone, crop, inside in drawn_crops(a.data, a.hands, a.bones, card.input_size):
        chance = fine(rng.random((6, 6)).astype(np.float32), len(crop))  # cells, as a map has: single pixels make noise
        by_chance.append(deletion(model, crop, bone, np.argsort(-chance.ravel())))
        for method in METHODS:
            r = measure(model, other, crop, bone, method)
            of = r.pop("map")
            rows[method].append({"epiphysis_mass": float(of[inside].sum()), "epiphysis_area": float(inside.mean()), **r})
        print(len(by_chance), bone, flush=True)
        a.out.write_text(json.dumps(summary(a, {card.full_tag: card.sha256}, by_chance, rows), indent=1), encoding="utf-8")
    return summary(a, {card.full_tag: card.sha256}, by_chance, rows)


def summary(
    a: argparse.Namespace, weights: dict[str, str], by_chance: list[float], rows: dict[str, list[dict[str, float]]]
) -> dict[str, Any]:
    """What is known after so many crops."""
    return {
        "command": "python -m boneage_desk.training.evaluate_saliency --data DIR --models models --out saliency.json "
        f"--hands {a.hands} --bones {a.bones}",
        "weights": weights, "crops": len(by_chance), "deletion_grades_by_chance": float(np.mean(by_chance)),
        "methods": {m: {k: float(np.mean([r[k] for r in v])) for k in v[0]} for m, v in rows.items() if v},
    }  # fmt: skip


def main() -> None:
    """Command line."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--models", type=Path, required=True)
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--hands", type=int, default=30)
    p.add_argument("--bones", type=int, default=5, help="bones of each hand, drawn by chance")
    p.add_argument("--threads", type=int, default=0)
    a = p.parse_args()
    if a.threads:
        torch.set_num_threads(a.threads)
    report = evaluate(a)
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
