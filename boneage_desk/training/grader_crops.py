"""Cut the 13 crops of every hand once, into one uint8 memory map that training draws from.

``python -m boneage_desk.training.grader_crops --data D --out FOLDER [--blurred N]`` writes
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
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from boneage_desk.imaging.crops import CropSpec, crop_specs, cut
from boneage_desk.imaging.normalise import normalise_film
from boneage_desk.training.dataset import (
    BONES,
    IN21,
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


def _decode(archive: zipfile.ZipFile, name: str) -> NDArray[np.uint8]:
    image = cv2.imdecode(np.frombuffer(archive.read(name), np.uint8), cv2.IMREAD_GRAYSCALE)
    return np.asarray(image, np.uint8)


def build(data: Path, out: Path, blurred: int, seed: int = 5) -> None:
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
    hands, started = [], time.time()
    for n, (film_id, source) in enumerate(jobs):
        pixels = _decode(archives[source], f"{film_id}.webp")
        film = films[film_id]
        if source != "joints":
            pixels = normalise_film(pixels)
        if source == "blurred":  # undo the squash at about the stored size
            height = round(420 * film.height / max(film.height, film.width))
            width = round(420 * film.width / max(film.height, film.width))
            pixels = np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
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
    a = p.parse_args()
    build(a.data, a.out, a.blurred)


if __name__ == "__main__":
    main()
