"""The films and labels that the networks are trained on, read from a data folder handed in.

Films: RSNA 2017 paediatric bone age training set (Halabi et al., Radiology 2019) as 299 px squares; the
true sizes undo the squash. Points: pseudo-labels of 21 epiphyses on every film, replaced by the centres
of hand-drawn epiphyses where there are any. Nothing from the data folder may be committed.
"""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from boneage_desk.imaging.crops import SIDE_SHARE
from boneage_desk.imaging.normalise import normalise_film

BONES: tuple[str, ...] = tuple(SIDE_SHARE)
POINTS21: tuple[str, ...] = (
    "radius", "ulna", "mc1", "mc2", "mc3", "mc4", "mc5", "pp1", "pp2", "pp3", "pp4", "pp5",
    "mp2", "mp3", "mp4", "mp5", "dp1", "dp2", "dp3", "dp4", "dp5",
)  # fmt: skip
IN21: NDArray[np.intp] = np.array([POINTS21.index(b) for b in BONES])
"""Where each of the 13 RUS bones stands among the 21 points."""


def is_validation(film_id: str) -> bool:
    """The fixed split, by film id: one eighth of the ids (12.5 %) is never trained on, by any model."""
    return hashlib.sha256(f"boneage-desk:{film_id}".encode()).digest()[0] % 8 == 0


@dataclass(frozen=True, slots=True)
class FilmPoints:
    """Where the 21 epiphyses are on one film.

    xy: [21, 2] normalised to 0..1 of width and height. conf: [21] heat-map peak of the pseudo-label, 1 for
    a human label. human: [21] whether the point is the centre of a hand-drawn epiphysis.
    height, width: true size of the film, pixels.
    """

    film_id: str
    xy: NDArray[np.float32]
    conf: NDArray[np.float32]
    human: NDArray[np.bool_]
    height: int
    width: int

    def pixels(self) -> NDArray[np.float64]:
        """Points [21, 2] in pixels of the true film."""
        return self.xy.astype(np.float64) * np.array([self.width, self.height])

    def hand_length(self) -> float:
        """L: distance from mc3 to dp3, pixels of the true film."""
        p = self.pixels()
        return float(np.linalg.norm(p[POINTS21.index("dp3")] - p[POINTS21.index("mc3")]))


def read_labels(data: Path) -> dict[str, tuple[str, float]]:
    """Film id -> (sex 'M' or 'F', bone age in months)."""
    with open(data / "rsna_labels.csv", newline="") as f:
        return {r["id"]: (r["sex"], float(r["bone_age_months"])) for r in csv.DictReader(f)}


def read_sizes(data: Path) -> dict[str, tuple[int, int]]:
    """Film id -> (height, width) in pixels of the true film."""
    with open(data / "film_sizes.csv", newline="") as f:
        return {r["id"]: (int(r["height"]), int(r["width"])) for r in csv.DictReader(f)}


def read_human_boxes(data: Path) -> dict[str, dict[str, NDArray[np.float32]]]:
    """Film id -> bone -> drawn box [x0, y0, x1, y1] normalised; doubtful rows left out."""
    boxes: dict[str, dict[str, NDArray[np.float32]]] = {}
    with open(data / "epiphyses" / "boxes.csv", newline="") as f:
        for r in csv.DictReader(f):
            if r["doubt"] != "1" and r["bone"] in POINTS21:
                box = np.array([r["x0"], r["y0"], r["x1"], r["y1"]], np.float32)
                boxes.setdefault(r["id"], {})[r["bone"]] = box
    return boxes


def read_points(data: Path, human_tolerance: float = 0.12) -> dict[str, FilmPoints]:
    """Points of every film; a human centre replaces the pseudo-label unless they differ by more than
    ``human_tolerance`` of L (a wrong name in the drawing, or a lost pseudo-label: the shape test decides)."""
    sizes = read_sizes(data)
    human = read_human_boxes(data)
    films: dict[str, FilmPoints] = {}
    with zipfile.ZipFile(data / "points21.csv.zip") as z:
        text = z.read("points21.csv").decode()
    for r in csv.DictReader(io.StringIO(text)):
        film_id = r["id"]
        xy = np.array([[r[f"{b}_x"], r[f"{b}_y"]] for b in POINTS21], np.float32)
        conf = np.array([r[f"{b}_c"] for b in POINTS21], np.float32)
        height, width = sizes[film_id]
        drawn = np.zeros(21, bool)
        scale = np.array([width, height])
        length = np.linalg.norm((xy[POINTS21.index("dp3")] - xy[POINTS21.index("mc3")]) * scale)
        for bone, box in human.get(film_id, {}).items():
            k = POINTS21.index(bone)
            centre = (box[:2] + box[2:]) / 2
            if np.linalg.norm((centre - xy[k]) * scale) <= human_tolerance * length:
                xy[k], conf[k], drawn[k] = centre, 1.0, True
        films[film_id] = FilmPoints(film_id, xy, conf, drawn, height, width)
    return films


def align(shape: NDArray[np.float64], mean: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Best similarity or reflection of ``shape`` [N, 2] onto ``mean`` [N, 2] (least squares).

    Returns the moved shape and the root mean square residual in units of ``mean``.
    """
    best: tuple[NDArray[np.float64], float] | None = None
    for flip in (1.0, -1.0):
        s = (shape - shape.mean(0)) * np.array([flip, 1.0])
        z, m = s[:, 0] + 1j * s[:, 1], mean[:, 0] + 1j * mean[:, 1]
        m0 = m - m.mean()
        moved = z * (np.vdot(z, m0) / np.vdot(z, z).real) + m.mean()
        rms = float(np.sqrt(np.mean(np.abs(moved - m) ** 2)))
        if best is None or rms < best[1]:
            best = (np.stack([moved.real, moved.imag], 1), rms)
    assert best is not None
    return best


def shape_model(
    films: dict[str, FilmPoints], rounds: int = 3
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean hand [21, 2] (units of L, y down, thumb on the right, fingers up) and covariances [21, 2, 2]."""
    start = films["1379"].pixels() / films["1379"].hand_length()
    mean = start - start.mean(0)
    shapes = [f.pixels() / max(f.hand_length(), 1.0) for f in films.values()]
    moved = np.empty((0,))
    for _ in range(rounds):
        aligned = [align(s, mean) for s in shapes]
        cut = np.quantile([r for _, r in aligned], 0.9)
        moved = np.stack([m for m, r in aligned if r <= cut])
        mean = moved.mean(0)
        mean = mean - mean.mean(0)
        length = np.linalg.norm(mean[POINTS21.index("dp3")] - mean[POINTS21.index("mc3")])
        mean = mean / length
    aligned = [align(s, mean) for s in shapes]
    cut = np.quantile([r for _, r in aligned], 0.95)
    d = np.stack([m for m, r in aligned if r <= cut]) - mean
    cov = np.einsum("nki,nkj->kij", d, d) / len(d)
    return mean, cov


def plausible(
    film: FilmPoints, mean: NDArray[np.float64], cov: NDArray[np.float64], low_conf: float = 0.25
) -> bool:
    """Whether the film's 13 RUS points may teach: hand-shaped, none faint, none far from its place."""
    moved, rms = align(film.pixels() / max(film.hand_length(), 1.0), mean)
    d = moved - mean
    far = np.sqrt(np.einsum("ki,kij,kj->k", d, np.linalg.inv(cov), d))
    return bool(rms < 0.30 and far.max() < 6.0 and film.conf[IN21].min() >= low_conf)


def collapsed(film: FilmPoints) -> bool:
    """Whether the points put radius and ulna on one place, a known fault of the pseudo-labels."""
    radius, ulna = film.pixels()[IN21[:2]]
    return bool(np.hypot(*(radius - ulna)) < 0.15 * film.hand_length())


def read_films299(data: Path, ids: list[str]) -> NDArray[np.uint8]:
    """Films [N, 299, 299] uint8 in the order of ``ids``, on the cards' grey scale (still squashed)."""
    films = np.zeros((len(ids), 299, 299), np.uint8)
    with zipfile.ZipFile(data / "rsna299.zip") as z:
        for k, film_id in enumerate(ids):
            raw = np.frombuffer(z.read(f"{film_id}.webp"), np.uint8)
            films[k] = normalise_film(cv2.imdecode(raw, cv2.IMREAD_GRAYSCALE))
    return films
