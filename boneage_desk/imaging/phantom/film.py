"""From attenuation to a film: scatter, response, beam edge, marker, noise, stored bits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from boneage_desk.imaging.phantom import fields
from boneage_desk.imaging.phantom.fields import Box, Doubles, Floats

_LETTERS: dict[str, list[list[tuple[float, float]]]] = {
    "L": [[(-0.30, -0.5), (-0.30, 0.5), (0.32, 0.5)]],
    "R": [
        [(-0.32, 0.5), (-0.32, -0.5)],
        [(-0.32, -0.5), (0.08, -0.5), (0.27, -0.42), (0.32, -0.26), (0.27, -0.08), (0.08, 0.0),
         (-0.32, 0.0)],
        [(0.02, 0.0), (0.34, 0.5)],
    ],
}  # fmt: skip


def _shrunk(values: Floats, side: int) -> Floats:
    rows, cols = values.shape
    k = max(rows, cols) / side
    size = (max(2, round(cols / k)), max(2, round(rows / k)))
    return np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BOX), np.float32)


def _blurred(values: Floats, times: int) -> Floats:
    padded = values
    for _ in range(times):
        for axis in (0, 1):
            before = np.concatenate([padded.take([0], axis), np.delete(padded, -1, axis)], axis)
            after = np.concatenate([np.delete(padded, 0, axis), padded.take([-1], axis)], axis)
            padded = (before + padded + after) / np.float32(3)
    return padded


def scatter(value: Floats, rng: np.random.Generator) -> Floats:
    """Veil of scattered rays and the beam's slope across the film, float32 [rows, cols]."""
    small = _blurred(_shrunk(value, 48), 10)
    rows, cols = small.shape
    y, x = np.mgrid[-0.5 : 0.5 : rows * 1j, -0.5 : 0.5 : cols * 1j]
    slope = 0.012 * (rng.uniform(-1, 1) * x + rng.uniform(-1, 1) * y)
    veil = (0.10 * small + slope).astype(np.float32)
    shape = (value.shape[1], value.shape[0])
    return np.asarray(Image.fromarray(veil).resize(shape, Image.Resampling.BICUBIC), np.float32)


def response(value: Floats) -> Floats:
    """Display value 0..1 of attenuation: nearly straight, flattening where it is dense."""
    out = np.float32(0.045) + np.float32(1.12) * value
    return np.asarray(out / (1.0 + np.float32(0.26) * out), dtype=np.float32)


def exposed(film: Floats, rng: np.random.Generator) -> Floats:
    """The same film with another exposure and contrast, as films differ."""
    gain, lift, bend = rng.uniform(0.88, 1.12), rng.uniform(-0.02, 0.05), rng.uniform(-0.15, 0.15)
    film = film * np.float32(1.0 - bend) + np.float32(bend) * film * film
    return np.asarray(np.maximum(film * np.float32(gain) + np.float32(lift), 0.0), dtype=np.float32)


def marker(film: Floats, letter: str, to_film: Doubles, level: float) -> None:
    """Burn a letter into the film; `to_film` carries its unit square (height 1) to pixels."""
    unit = float(np.sqrt(abs(np.linalg.det(to_film[:2, :2]))))
    half = 0.085
    for stroke in _LETTERS[letter]:
        line = np.array(stroke)
        box = fields.covered(to_film, line, half * unit + 2.0, film.shape)
        if box is None:
            continue
        away = fields.polyline_distance(line, to_film, box)
        cover = np.clip((np.float32(half) - away) * np.float32(unit) + 0.5, 0.0, 1.0)
        film[box.slices] += (np.float32(level) - film[box.slices]) * cover


def collimation(film: Floats, rng: np.random.Generator) -> None:
    """The beam's edge on some sides: outside it the plate is unexposed, so bright, or shuttered."""
    rows, cols = film.shape
    shuttered = rng.random() < 0.4
    for side in range(4):
        margin = rng.uniform(0.006, 0.022) if rng.random() < 0.45 else 0.0
        if margin == 0.0:
            continue
        length = rows if side < 2 else cols
        edge = margin * length
        soft = max(1.0, 0.003 * length)
        tilt = rng.uniform(-0.004, 0.004) * (cols if side < 2 else rows)
        deep = int(np.ceil(edge + 4 * soft + abs(tilt)))
        across = np.linspace(-tilt, tilt, cols if side < 2 else rows, dtype=np.float32)
        inward = np.arange(deep, dtype=np.float32)[:, None] + 0.5 - across[None, :]
        cover = np.clip((np.float32(edge) - inward) / np.float32(soft) + 0.5, 0.0, 1.0)
        part = {
            0: film[:deep],
            1: film[rows - deep :][::-1],
            2: film[:, :deep].T,
            3: film[:, cols - deep :][:, ::-1].T,
        }[side]
        target = np.float32(0.0 if shuttered else 0.80)
        part += (target - part) * cover


def sharpen_loss(film: Floats, amount: float) -> Floats:
    """The detector's blur: a 3 x 3 kernel, `amount` 0..1/3 of weight on each neighbour."""
    a = np.float32(amount)
    out = film * (1 - 2 * a)
    out[1:] += a * film[:-1]
    out[0] += a * film[0]
    out[:-1] += a * film[1:]
    out[-1] += a * film[-1]
    wide = out * (1 - 2 * a)
    wide[:, 1:] += a * out[:, :-1]
    wide[:, 0] += a * out[:, 0]
    wide[:, :-1] += a * out[:, 1:]
    wide[:, -1] += a * out[:, -1]
    return wide


def noise(film: Floats, rng: np.random.Generator, sigma: float) -> None:
    """Quantum noise: more where less of the beam arrives."""
    if sigma <= 0.0:
        return
    grain = rng.standard_normal(film.shape, dtype=np.float32)
    grain *= np.float32(sigma) * (np.float32(0.45) + film)
    film += grain


def stored(film: Floats, bits: int, top: float = 0.97) -> NDArray[np.unsignedinteger]:
    """Stored values: 0..top of the range for 0..1, read-only uint8 or uint16."""
    last = (1 << bits) - 1
    kind = np.uint8 if bits == 8 else np.uint16
    values = film * np.float32(top * last) + np.float32(0.5)
    pixels: NDArray[np.unsignedinteger] = np.clip(values, 0, last).astype(kind)
    pixels.setflags(write=False)
    return pixels


def whole(film: Floats) -> Box:
    """The box of all of a film."""
    return Box(0, 0, film.shape[1], film.shape[0])
