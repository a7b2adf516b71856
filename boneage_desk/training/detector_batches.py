"""Training pictures for the detector: one random affine from the stored film, then film-like spoiling."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from boneage_desk.imaging.crops import SIDE_SHARE
from boneage_desk.training.dataset import IN21, POINTS21, FilmPoints

_SHARES = np.array(list(SIDE_SHARE.values()))
_MC3, _DP3 = POINTS21.index("mc3"), POINTS21.index("dp3")


@dataclass(frozen=True, slots=True)
class Picture:
    """One stored film: pixels [h, w] uint8 (any squash), its true size, its 21 points normalised."""

    pixels: NDArray[np.uint8]
    film: FilmPoints


def _affine(film: FilmPoints, stored: tuple[int, int], size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Random map [2, 3] from stored pixels (h, w) to a picture of ``size``: unsquash, turn, mirror, zoom."""
    points = film.pixels()
    length = film.hand_length()
    angle = rng.uniform(-180, 180) if rng.random() < 0.5 else rng.normal(0, 15)
    if rng.random() < 0.15:
        angle += 90 * rng.integers(1, 4)
    a = np.radians(angle)
    flip = -1.0 if rng.random() < 0.5 else 1.0
    turn = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]) @ np.diag([flip, 1.0])
    moved = points @ turn.T
    low, high = moved.min(0) - 0.3 * length, moved.max(0) + 0.3 * length
    span = float((high - low).max())
    draw = rng.random()
    fill = rng.uniform(0.2, 0.45) if draw < 0.12 else rng.uniform(0.45, 0.75) if draw < 0.45 else rng.uniform(0.75, 1.12)
    scale = size * fill / span
    stretch = np.exp(rng.normal(0, 0.03))
    zoom = np.diag([scale * stretch, scale / stretch])
    low, high = zoom @ low, zoom @ high
    room = size - (high - low)
    shift = np.where(room > 0, rng.random(2) * room, room / 2 + room * rng.uniform(-0.3, 0.3, 2)) - low
    squash = np.diag([film.width / stored[1], film.height / stored[0]])
    return np.hstack([zoom @ turn @ squash, shift[:, None]])


def _tone(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Contrast, gamma, few grey levels, and hands that use a small part of the grey scale."""
    x = np.linspace(0, 1, 256)
    x = np.clip((x - 0.5) * np.exp(rng.normal(0, 0.25)) + 0.5 + rng.normal(0, 0.08), 0, 1)
    x = x ** np.exp(rng.normal(0, 0.35))
    if rng.random() < 0.15:  # few grey levels
        levels = rng.integers(12, 60)
        x = np.round(x * levels) / levels
    draw = rng.random()
    if draw < 0.12:  # faint, on any ground: black, grey, nearly white
        span = rng.uniform(0.08, 0.35)
        x = x * span + rng.uniform(0, 1 - span)
    elif draw < 0.33:
        x = x * rng.uniform(0.35, 1.0) + rng.uniform(0, 0.15)
    return np.asarray(cv2.LUT(image, np.clip(x * 255, 0, 255).astype(np.uint8)), np.uint8)


def _edges(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """What a station's edge enhancement makes: detail on an even, often bright ground, dark rims."""
    values = image.astype(np.float32)
    detail = values - cv2.GaussianBlur(values, (0, 0), rng.uniform(0.015, 0.15) * image.shape[0])
    gain = rng.uniform(50, 110) / max(float(np.percentile(np.abs(detail), 97)), 1.0)
    enhanced = rng.uniform(60, 225) + gain * detail
    share = rng.uniform(0.5, 1.0)
    return np.clip(share * enhanced + (1 - share) * values, 0, 255).astype(np.uint8)


def _field(image: NDArray[np.uint8], inside: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A collimated field at any angle round the points' box ``inside``: soft rim, at times a bright frame."""
    size = image.shape[0]
    angle = rng.normal(0, 10) if rng.random() < 0.6 else rng.uniform(-45, 45)
    turn = cv2.getRotationMatrix2D((0, 0), angle, 1.0)[:, :2]
    corners = inside[[[0, 1], [2, 1], [2, 3], [0, 3]]]
    turned = corners @ turn.T
    free = (0.03 + rng.uniform(0, 0.2, 4)) * size
    (x0, y0), (x1, y1) = turned.min(0) - free[:2], turned.max(0) + free[2:]
    outline = np.rint(np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]) @ turn).astype(np.int32)
    mask = cv2.fillPoly(np.zeros((size, size), np.float32), [outline], 1.0)
    mask = cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.4, 4.0))
    around = image * rng.uniform(0, 0.4) + (rng.uniform(0, 25) if rng.random() < 0.7 else rng.uniform(0, 200))
    out = mask * image + (1 - mask) * around
    if rng.random() < 0.4:
        frame = cv2.polylines(np.zeros((size, size), np.float32), [outline], True, 1.0, int(rng.integers(1, 7)))
        frame = cv2.GaussianBlur(frame, (0, 0), rng.uniform(0.6, 2.5))
        out = np.maximum(out, frame * rng.uniform(130, 255))
    return np.clip(out, 0, 255).astype(np.uint8)


def _band(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """One side of a line is a little brighter or darker: cassette edges, sheets, overlapping exposures."""
    size = image.shape[0]
    a, at = rng.uniform(0, 2 * np.pi), rng.uniform(-0.3, 0.3) * size
    y, x = np.mgrid[:size, :size] - size / 2
    side = (np.cos(a) * x + np.sin(a) * y > at) * rng.uniform(-40, 40)
    return np.clip(image + side, 0, 255).astype(np.uint8)


def _marks(image: NDArray[np.uint8], inside: NDArray[np.float64], rng: np.random.Generator) -> None:
    """Burnt-in markers that stay off the bones, in place."""
    size = image.shape[0]
    for _ in range(rng.integers(0, 3)):
        at = (int(rng.integers(0, size)), int(rng.integers(8, size)))
        text = str(rng.choice(["L", "R", "LEFT", "R PA", "12 04", "*", "JD"]))
        grey = int(rng.integers(160, 256))
        if not (inside[0] - 20 < at[0] < inside[2] and inside[1] < at[1] < inside[3] + 20):
            font = int(rng.choice([cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX]))
            cv2.putText(image, text, at, font, rng.uniform(0.3, 1.0) * size / 256, grey, int(rng.integers(1, 4)))


def _shutters(image: NDArray[np.uint8], inside: NDArray[np.float64], rng: np.random.Generator) -> None:
    """Even strips along the picture's edges that stay off the bones, in place."""
    size = image.shape[0]
    grey = 0 if rng.random() < 0.8 else int(rng.integers(0, 255))
    for side in range(4):
        if rng.random() < 0.5:
            free = (inside[0], inside[1], size - inside[2], size - inside[3])[side] - 0.06 * size
            width = int(rng.uniform(0, max(free, 0)))
            if width > 0:
                image[(np.s_[:, :width], np.s_[:width], np.s_[:, -width:], np.s_[-width:])[side]] = grey


def _spoil(image: NDArray[np.uint8], inside: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Contrast, edge enhancement, fields, shutters, markers, blur, noise, polarity.

    inside: the points' box [x0, y0, x1, y1]."""
    size = image.shape[0]
    if rng.random() < 0.12:
        image = _edges(image, rng)
    image = _tone(image, rng)
    if rng.random() < 0.08:
        image = _band(image, rng)
    if rng.random() < 0.18:
        image = _field(image, inside, rng)
    _marks(image, inside, rng)
    if rng.random() < 0.3:
        _shutters(image, inside, rng)
    if rng.random() < 0.35:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.4)), np.uint8)
    if rng.random() < 0.4:
        strength = rng.uniform(1, 9) * min(1.0, float(image.std()) / 30)  # a faint hand must not drown
        noise = rng.normal(0, strength, (size, size)).astype(np.float32)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.2:
        image = 255 - image
    return image


def sample(picture: Picture, size: int, rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """One training picture [size, size] uint8 and its 13 boxes [13, 4] (cx, cy, w, h in 0..1)."""
    film, stored = picture.film, picture.pixels.shape
    matrix = _affine(film, (stored[0], stored[1]), size, rng)
    border = 0 if rng.random() < 0.7 else int(rng.integers(0, 140))
    shrink = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    source = picture.pixels
    if shrink < 0.5:  # keep the affine from skipping pixels
        factor = int(1 / shrink)
        source = cv2.resize(source, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA)
        matrix = matrix @ np.diag([stored[1] / source.shape[1], stored[0] / source.shape[0], 1.0])
    image = cv2.warpAffine(source, matrix, (size, size), flags=cv2.INTER_LINEAR, borderValue=border)
    points = film.xy * np.array([source.shape[1], source.shape[0]]) @ matrix[:, :2].T + matrix[:, 2]
    length = float(np.linalg.norm(points[_DP3] - points[_MC3]))
    inside = np.concatenate([points.min(0), points.max(0)])
    image = _spoil(image, inside, rng)
    boxes = np.zeros((len(_SHARES), 4), np.float32)
    boxes[:, :2] = points[IN21] / size
    boxes[:, 2] = boxes[:, 3] = _SHARES * length / size
    return image, boxes


def batch(
    pictures: list[Picture], size: int, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Pictures [N, 1, size, size], and per box: index of its picture [M], class [M, 1], box [M, 4]."""
    images, index, classes, boxes = [], [], [], []
    for k, p in enumerate(pictures):
        image, found = sample(p, size, rng)
        centre = found[:, :2]
        keep = np.flatnonzero(((centre > 0.005) & (centre < 0.995)).all(1))
        images.append(image[None])
        index.append(np.full(len(keep), k, np.float32))
        classes.append(keep.astype(np.float32)[:, None])
        boxes.append(found[keep])
    return np.stack(images), np.concatenate(index), np.concatenate(classes), np.concatenate(boxes)
