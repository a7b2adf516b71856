"""Extra pictures for the detector: drawn hand phantoms, and films sharper than the 299 px ones."""

from __future__ import annotations

import zipfile
from pathlib import Path

import cv2
import numpy as np

from boneage_desk.imaging.normalise import normalise_film
from boneage_desk.imaging.phantom import LAST_GRADE, PhantomSpec, draw_hand
from boneage_desk.standards.types import Sex
from boneage_desk.training.dataset import (
    BONES,
    POINTS21,
    FilmPoints,
    collapsed,
    is_validation,
    plausible,
    read_points,
    shape_model,
)
from boneage_desk.training.detector_batches import Picture
from boneage_desk.training.targets import share_target

_STAND_IN = {"mc2": "mc3", "mc4": "mc5", "pp2": "pp3", "pp4": "pp5", "mp2": "mp3", "mp4": "mp5", "dp2": "dp3", "dp4": "dp5"}
"""A phantom's truth holds the 13 RUS bones; the other rays' points only bound the hand."""


def random_grades(rng: np.random.Generator) -> dict[str, int]:
    """Grades of one hand: typical of a random age with scatter, now and then of no age at all."""
    if rng.random() < 0.15:
        return {b: int(rng.integers(0, top + 1)) for b, top in LAST_GRADE.items()}
    target = share_target(rng.uniform(12, 216), Sex.MALE if rng.random() < 0.5 else Sex.FEMALE)
    noisy = np.rint(target + rng.normal(0, 0.8, len(target)))
    return {b: int(np.clip(g, 0, LAST_GRADE[b])) for b, g in zip(BONES, noisy, strict=True)}


def phantom_pictures(count: int, seed: int) -> list[Picture]:
    """Draw ``count`` upright phantoms of either side; the batches turn and spoil them."""
    rng = np.random.default_rng(seed + 77)
    out = []
    for k in range(count):
        spec = PhantomSpec(
            grades=random_grades(rng),
            side="left" if rng.random() < 0.5 else "right",
            rotation_deg=float(rng.normal(0, 8)),
            mirrored=bool(rng.random() < 0.1),
            size=(560, 448),
            bits=8 if rng.random() < 0.5 else 12,
            seed=int(seed * 100_000 + k),
            fingers_together=bool(rng.random() < 0.25),
            hand_fraction=float(rng.uniform(0.75, 0.95)),
            marker=bool(rng.random() < 0.7),
            sex="M" if rng.random() < 0.5 else "F",
        )
        film = draw_hand(spec)
        height, width = film.pixels.shape
        names = [_STAND_IN.get(p, p) for p in POINTS21]
        xy = np.array([film.centres[b] for b in names], np.float32) / np.array([width, height], np.float32)
        points = FilmPoints(f"phantom-{k}", xy, np.ones(21, np.float32), np.ones(21, bool), height, width)
        out.append(Picture(normalise_film(np.ascontiguousarray(film.pixels)), points))
    return out


def sharp_pictures(data: Path, side: int = 640) -> list[Picture]:
    """The half-size films (training ids only), longest side at most ``side`` pixels."""
    films = read_points(data)
    mean, cov = shape_model(films)
    out = []
    with zipfile.ZipFile(data / "rsna_half.zip") as z:
        for name in z.namelist():
            film_id = Path(name).stem
            film = films.get(film_id)
            if is_validation(film_id) or film is None or collapsed(film) or not plausible(film, mean, cov):
                continue
            image = cv2.imdecode(np.frombuffer(z.read(name), np.uint8), cv2.IMREAD_GRAYSCALE)
            scale = min(1.0, side / max(image.shape))
            small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            out.append(Picture(normalise_film(np.asarray(small, np.uint8)), film))
    return out
