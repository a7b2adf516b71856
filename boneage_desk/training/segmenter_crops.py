"""Cut crops with the drawn outlines of epiphysis and metaphysis edge, once, for the segmenter's training.

``python -m boneage_desk.training.segmenter_crops --data D --out FOLDER`` writes ``crops.npy`` and
``labels.npy`` [N, 13, 128, 128] and ``hands.json``, framed as the grader's stored crops but with the shaft below in
every crop (``upright``). Only the joint regions are given at full size, so they are laid over the same film at
299 px (source ``laid``): every film has its surroundings, sharp where it matters. Films that are given whole
are taken as they are as well (``full``, ``half``).

Labels: 0 neither, 1 the bone's own epiphysis, 2 the drawn region between it and the shaft with the metaphysis'
edge, 255 unknown (not drawn, merged with a neighbour, or out of the drawing).
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

from boneage_desk.engines.measure import upright
from boneage_desk.imaging.crops import CropSpec, crop_specs, cut
from boneage_desk.imaging.normalise import normalise_film
from boneage_desk.training.dataset import BONES, IN21, FilmPoints, is_validation, read_labels, read_points
from boneage_desk.training.grader_crops import MARGIN, STORED
from boneage_desk.training.targets import sex_of, share_target

NEITHER, EPIPHYSIS, EDGE, UNKNOWN = 0, 1, 2, 255
CENTRE_REACH = 0.1
"""The bone's own epiphysis lies within this share of the stored crop from its middle."""
DEEPEST = 0.2
"""The edge's region ends at most this share of the stored crop below the epiphysis."""
HIGHEST = {"mc3": 0.32, "mc5": 0.32}
"""Share of the stored crop that the epiphysis may take in height; 0.24 for the other bones."""
ABSENT_BELOW = 1.6
"""Share target (grade index) below which an undrawn epiphysis is taken for absent."""


def label_of(
    epiphyses: NDArray[np.bool_], region: NDArray[np.bool_], *, highest: float, absent_allowed: bool
) -> NDArray[np.uint8] | None:
    """Labels [S, S] of one upright crop from the drawing's two classes, or None where nothing is known.

    highest: an epiphysis that takes more than this share of the crop's height is merged with its neighbour.
    absent_allowed: the film is so young that no epiphysis in the middle means that there is none.
    """
    size = len(region)
    middle = (size - 1) / 2
    count, parts, stats, _ = cv2.connectedComponentsWithStats(epiphyses.astype(np.uint8))
    label = np.full((size, size), NEITHER, np.uint8)
    best, reach = 0, CENTRE_REACH * size
    for k in range(1, count):
        rows, columns = np.nonzero(parts == k)
        distance = float(np.hypot(rows - middle, columns - middle).min())
        if distance < reach and stats[k, cv2.CC_STAT_AREA] > 12:
            best, reach = k, distance
    if not best:
        near = region[int(0.35 * size) : int(0.65 * size), int(0.35 * size) : int(0.65 * size)]
        if not absent_allowed or near.mean() < 0.3:
            return None
        label[region] = UNKNOWN  # it is no epiphysis; how far the edge goes was not drawn
        label[_opened(region)] = NEITHER
        return label
    own = parts == best
    x0, y0, wide, high = (int(v) for v in stats[best, :4])
    if x0 == 0 or y0 == 0 or x0 + wide == size or y0 + high == size or wide > 0.8 * size or high > highest * size:
        return None
    columns = np.arange(size)
    has = own.any(0)
    bottom = np.where(has, size - 1 - own[::-1].argmax(0), -1)
    bottom = np.interp(columns, columns[has], bottom[has])
    below = np.arange(size)[:, None] > bottom[None]
    edge = region & below & ~epiphyses
    count, parts, stats, _ = cv2.connectedComponentsWithStats(edge.astype(np.uint8))
    beside = cv2.dilate(own.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
    touching = np.array([0, *((beside & (parts == k)).sum() for k in range(1, count))])
    part = parts == int(touching.argmax())
    rows = np.flatnonzero(part.any(1)) if touching.max() >= wide / 4 else np.array([size])
    if rows[-1] <= y0 + high + DEEPEST * size:  # else it is the next joint's region
        label[part] = EDGE
    else:
        label[below & (np.abs(columns - x0 - wide / 2) < wide)[None]] = UNKNOWN
    label[own] = EPIPHYSIS
    return label


def _opened(region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The inside of a region: the drawn line itself is left out."""
    return cv2.erode(region.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool)


def hand_specs(film: FilmPoints, height: int, width: int) -> list[CropSpec]:
    """The 13 stored squares (:data:`MARGIN` times the grader's) on a film of this size."""
    points = film.xy[IN21] * np.array([width, height])
    centres = {b: (float(x), float(y)) for b, (x, y) in zip(BONES, points, strict=True)}
    length = float(np.hypot(*(points[BONES.index("dp3")] - points[BONES.index("mc3")])))
    specs = crop_specs(centres, length).values()
    return [CropSpec(s.cx, s.cy, s.side * MARGIN, s.angle_deg, s.mirror) for s in specs]


def _decode(raw: bytes) -> NDArray[np.uint8]:
    return np.asarray(cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8)


def _laid(joints: NDArray[np.uint8], region: NDArray[np.bool_], small: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Full-size joints over the small film, its greys moved to theirs by a straight line."""
    height, width = joints.shape
    wide = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    a, b = wide[region].astype(np.float32)[::37], joints[region].astype(np.float32)[::37]
    slope, offset = np.polyfit(a, b, 1) if a.std() > 1 else (1.0, 0.0)
    moved = np.clip(wide * slope + offset, 0, 255).astype(np.uint8)
    return np.where(region, joints, moved)


def build(data: Path, out: Path) -> None:
    """Write the arrays; see the module's head."""
    out.mkdir(parents=True, exist_ok=True)
    labels, films = read_labels(data), read_points(data)
    masks, joints = (zipfile.ZipFile(data / "epiphyses" / f"{name}.zip") for name in ("masks", "joints"))
    small, half = (zipfile.ZipFile(data / f"{name}.zip") for name in ("rsna299", "rsna_half"))
    halves = {Path(n).stem for n in half.namelist()}
    ids = sorted(Path(n).stem for n in masks.namelist())
    ids = [k for k in ids if k in labels and films[k].human[IN21].sum() >= 9]
    jobs = [(k, "full") for k in ids if (data / "fullsize" / f"{k}.webp").exists()]
    jobs += [(k, "half") for k in ids if k in halves and (k, "full") not in jobs]
    jobs += [(k, "laid") for k in ids]
    shape = (len(jobs), len(BONES), STORED, STORED)
    crops, drawn = (np.lib.format.open_memmap(out / f"{n}.npy", "w+", np.uint8, shape) for n in ("crops", "labels"))
    hands, started = [], time.time()
    for n, (film_id, source) in enumerate(jobs):
        film = films[film_id]
        mask = _decode(masks.read(f"{film_id}.png"))
        region, epiphyses = mask > 45, mask > 170
        if source == "full":
            pixels = normalise_film(_decode((data / "fullsize" / f"{film_id}.webp").read_bytes()))
        elif source == "half":
            pixels = normalise_film(_decode(half.read(f"{film_id}.webp")))
        else:
            pixels = _laid(_decode(joints.read(f"{film_id}.webp")), region, _decode(small.read(f"{film_id}.webp")))
        sex, months = labels[film_id]
        typical = share_target(months, sex_of(sex))
        areas = [np.asarray(m, np.float32) for m in (epiphyses, region)]
        places = zip(hand_specs(film, *pixels.shape), hand_specs(film, *mask.shape), strict=True)
        for k, (bone, (spec, drawn_spec)) in enumerate(zip(BONES, places, strict=True)):
            crops[n, k] = upright(np.asarray(cut(pixels, spec, STORED), np.uint8), bone)
            two = [upright(np.asarray(cut(a, drawn_spec, STORED)) > 0.5, bone) for a in areas]
            # a point that no drawing confirms may lie beside the bone: then its place says nothing
            absent = bool(typical[k] < ABSENT_BELOW) and not film.human[IN21][k]
            label = label_of(*two, highest=HIGHEST.get(bone, 0.24), absent_allowed=absent) if film.human[IN21][k] or absent else None
            drawn[n, k] = UNKNOWN if label is None else label
        row = {"id": film_id, "source": source, "sex": sex, "months": months, "validation": is_validation(film_id)}
        hands.append(row)
        if n % 100 == 0:
            print(f"{n}/{len(jobs)} {source} {time.time() - started:.0f} s", flush=True)
    crops.flush()
    drawn.flush()
    (out / "hands.json").write_text(json.dumps(hands))


def main() -> None:
    """Command line."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--out", type=Path, required=True)
    a = p.parse_args()
    build(a.data, a.out)


if __name__ == "__main__":
    main()
