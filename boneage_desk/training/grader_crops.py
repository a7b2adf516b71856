"""Cut the 13 crops of every hand once, into one uint8 memory map that training draws from.

``python -m boneage_desk.training.grader_crops --data D --out FOLDER [--blurred N] [--detector W]`` writes
``crops.npy`` [N, 13, 128, 128] and ``hands.json`` (film id, source, sex, months, validation). A stored crop
shows 1.3 times the network's square, so that training can shift, turn and scale inside it.
Sources: ``half`` (half-size films), ``joints`` (full-size pixels inside the drawn joint regions, black
elsewhere), ``blurred`` (299 px films).
"""

from __future__ import annotations

import argparse
import json
import time
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from boneage_desk.engines.networks.consistency import fit_hand
from boneage_desk.engines.networks.detector import detect, load_detector
from boneage_desk.imaging.crops import CropSpec, crop_specs, cut
from boneage_desk.imaging.normalise import normalise_film
from boneage_desk.training.dataset import (
    BONES,
    IN21,
    POINTS21,
    FilmPoints,
    is_validation,
    plausible,
    read_labels,
    read_points,
    shape_model,
)

STORED = 128
MARGIN = 1.3


def hand_crops(pixels: NDArray[np.uint8], film: FilmPoints) -> NDArray[np.uint8]:
    """Crops [13, STORED, STORED] of one film [h, w] of any size, its points given by ``film``."""
    height, width = pixels.shape
    points = film.xy[IN21] * np.array([width, height])
    centres = {b: (float(x), float(y)) for b, (x, y) in zip(BONES, points, strict=True)}
    length = float(np.hypot(*(points[BONES.index("dp3")] - points[BONES.index("mc3")])))
    out = np.empty((len(BONES), STORED, STORED), np.uint8)
    for k, spec in enumerate(crop_specs(centres, length).values()):
        wide = CropSpec(spec.cx, spec.cy, spec.side * MARGIN, spec.angle_deg, spec.mirror)
        out[k] = cut(pixels, wide, STORED)
    return out


def coincident(film: FilmPoints) -> bool:
    """Whether the pseudo-labels put radius and ulna on one place (8 % of the films do)."""
    p = film.pixels()
    return float(np.hypot(*(p[0] - p[1]))) < 0.15 * film.hand_length()


def mended(film: FilmPoints, pixels: NDArray[np.uint8], model: torch.nn.Module) -> FilmPoints | None:
    """``film`` with the centres that are not human taken from the trained detector; None if it sees no hand.

    pixels: the film [h, w] at any size, true aspect.
    """
    fit = fit_hand(detect(model, pixels))
    if fit.n_hands != 1:
        return None
    xy = film.xy.copy()
    for bone in fit.bones:
        k = POINTS21.index(bone.bone)
        if not film.human[k]:
            xy[k] = np.array(bone.centre) / np.array([pixels.shape[1], pixels.shape[0]])
    return replace(film, xy=xy)


def _unsquashed(pixels: NDArray[np.uint8], film: FilmPoints, side: int) -> NDArray[np.uint8]:
    """A stored square film brought back to its true shape, longest side ``side`` pixels."""
    scale = side / max(film.height, film.width)
    size = (round(scale * film.width), round(scale * film.height))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def _decode(archive: zipfile.ZipFile, name: str) -> NDArray[np.uint8]:
    image = cv2.imdecode(np.frombuffer(archive.read(name), np.uint8), cv2.IMREAD_GRAYSCALE)
    return np.asarray(image, np.uint8)


def build(data: Path, out: Path, blurred: int, detector: Path | None = None, seed: int = 5) -> None:
    """Write the memory map; see the module's head."""
    out.mkdir(parents=True, exist_ok=True)
    labels, films = read_labels(data), read_points(data)
    mean, cov = shape_model(films)
    good = [k for k, f in films.items() if k in labels and plausible(f, mean, cov)]
    archives = {
        "half": zipfile.ZipFile(data / "rsna_half.zip"),
        "joints": zipfile.ZipFile(data / "epiphyses" / "joints.zip"),
        "blurred": zipfile.ZipFile(data / "rsna299.zip"),
    }
    names = {source: {Path(n).stem for n in a.namelist()} for source, a in archives.items()}
    jobs = [(k, "half") for k in good if k in names["half"]]
    jobs += [(k, "joints") for k in good if k in names["joints"] and films[k].human[IN21].sum() >= 9]
    rest = [k for k in good if k not in names["half"]]
    chosen = np.random.default_rng(seed).permutation(len(rest))[:blurred]
    jobs += [(rest[i], "blurred") for i in chosen]
    crops = np.lib.format.open_memmap(out / "crops.npy", "w+", np.uint8, (len(jobs), len(BONES), STORED, STORED))
    model = load_detector(SimpleNamespace(classes=BONES), detector) if detector else None
    hands, started = [], time.time()
    for n, (film_id, source) in enumerate(jobs):
        pixels = _decode(archives[source], f"{film_id}.webp")
        film = films[film_id]
        if source != "joints":
            pixels = normalise_film(pixels)
        if source == "blurred":
            pixels = _unsquashed(pixels, film, 420)
        if model is not None and coincident(film):
            small = normalise_film(_decode(archives["blurred"], f"{film_id}.webp"))
            film = mended(film, _unsquashed(small, film, 420), model) or film
        crops[n] = hand_crops(pixels, film)
        sex, months = labels[film_id]
        hands.append({"id": film_id, "source": source, "sex": sex, "months": months, "validation": is_validation(film_id)})
        if n % 500 == 0:
            print(f"{n}/{len(jobs)} {source} {time.time() - started:.0f} s", flush=True)
    crops.flush()
    (out / "hands.json").write_text(json.dumps(hands))


def main() -> None:
    """Command line."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--blurred", type=int, default=5000)
    p.add_argument("--detector", type=Path, help="detector weights that mend films whose radius and ulna coincide")
    a = p.parse_args()
    build(a.data, a.out, a.blurred, a.detector)


if __name__ == "__main__":
    main()
