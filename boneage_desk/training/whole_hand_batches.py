"""Training batches of whole-hand pictures: drawn by seed and place alone, spoiled on the device that trains.

The same functions run on a GPU, where the films lie as uint8, and on a CPU, where they come from the store's file.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from boneage_desk.training.whole_hand_films import Films

BLOCK = 2048
LEVELLING = 0.35  # films of a sex and year of bone age are drawn as their number to the power 1 - LEVELLING
SHARP_WEIGHT = 2.0  # of a half-size film, beside the same film at 299 px


def share_of_draws(films: Films, rows: NDArray[np.intp], levelling: float = LEVELLING) -> NDArray[np.float64]:
    """How often each of ``rows`` is drawn, sum 1: rare ages and the sharper films more often than they come."""
    year = np.minimum(films.months[rows] // 12, 18)
    _, which, count = np.unique(films.male[rows] * 100 + year, return_inverse=True, return_counts=True)
    share = np.minimum(count[which] ** -levelling, 6 * (count**-levelling).min())
    share = share * np.where(films.sources[rows] == "half", SHARP_WEIGHT, 1.0)
    return np.asarray(share / share.sum(), np.float64)


class Sampler:
    """Draws rows of a store: the same for the same seed and place, however a run was broken off."""

    def __init__(self, films: Films, rows: NDArray[np.intp], seed: int) -> None:
        if not len(rows):
            raise ValueError("there are no films to train on")
        self._rows, self._seed = rows, seed
        self._sum = np.cumsum(share_of_draws(films, rows))
        self._block: tuple[int, NDArray[np.intp]] = (-1, rows[:0])

    def _picks(self, block: int) -> NDArray[np.intp]:
        """A systematic draw: every film comes as often as it should."""
        if self._block[0] != block:
            rng = np.random.default_rng([self._seed, 1, block])
            ticks = (np.arange(BLOCK) + rng.random()) / BLOCK
            picks = self._rows[np.searchsorted(self._sum, ticks).clip(max=len(self._rows) - 1)]
            self._block = (block, rng.permutation(picks))
        return self._block[1]

    def rows(self, first: int, count: int) -> NDArray[np.intp]:
        """The ``first``-th to ``first + count``-th film drawn."""
        places = range(first, first + count)
        return np.array([self._picks(p // BLOCK)[p % BLOCK] for p in places], np.intp)


class Bank:
    """A store's pictures and labels where training needs them: on a GPU all at once, else read row by row."""

    def __init__(self, films: Films, device: torch.device) -> None:
        self.films, self.device = films, device
        self._all = torch.from_numpy(np.array(films.pictures)).to(device) if device.type == "cuda" else None

    def take(self, rows: NDArray[np.intp]) -> tuple[Tensor, Tensor, Tensor]:
        """Pictures [B, S, S] uint8, male [B], months [B] on the device."""
        if self._all is not None:
            pictures = self._all[torch.from_numpy(rows).to(self.device)]
        else:
            pictures = torch.from_numpy(np.array(self.films.pictures[rows])).to(self.device)
        male, months = (torch.from_numpy(a[rows]).to(self.device) for a in (self.films.male, self.films.months))
        return pictures, male, months


@dataclass(frozen=True, slots=True)
class Spoiling:
    """How much pictures are spoiled. turn_deg, shift (share of the side), zoom (log), stretch (log): standard
    deviations; grey: of the log gamma; the rest: how often."""

    turn_deg: float = 8.0
    shift: float = 0.03
    zoom: float = 0.08
    stretch: float = 0.04
    grey: float = 0.3
    mirror: float = 0.5
    haze: float = 0.2
    blur: float = 0.35
    noise: float = 0.35
    cutout: float = 0.3


def milder(how: Spoiling, share: float) -> Spoiling:
    """``how`` with every spread and every chance times ``share``; the mirrored half stays. A run of few passes over the
    films learns the plain picture first."""
    return Spoiling(**{k: v if k == "mirror" else v * share for k, v in asdict(how).items()})


NO_SPOILING = Spoiling(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)


def spoil(pictures: Tensor, size: int, seed: tuple[int, int], how: Spoiling) -> Tensor:
    """Pictures [B, S, S] uint8 -> [B, 1, size, size] float32 in -1..1, each spoiled in its own way by ``seed``.

    What is done to which picture is drawn on the CPU, so that it is the same on every device; only noise is not.
    """
    device, n = pictures.device, len(pictures)
    rng = np.random.default_rng([*seed, 5])
    x = pictures.float().div(255.0)[:, None]
    x = _moved(x, size, _matrices(n, how, rng).to(device))
    x = _greys(x, how, rng)
    x = _blurred(x, how, rng)
    if how.noise:
        source = torch.Generator(device).manual_seed(int(rng.integers(2**62)))
        grain = torch.randn(x.shape, generator=source, device=device)
        sd = rng.uniform(0.005, 0.05, n) * (rng.random(n) < how.noise)
        x = x + grain * _column(sd, device)
    x = _cut_out(x, how, rng)
    return (x.clamp(0, 1) * 2 - 1).contiguous(memory_format=torch.channels_last)


def _column(values: NDArray[np.floating], device: torch.device) -> Tensor:
    return torch.from_numpy(np.asarray(values, np.float32)).to(device)[:, None, None, None]


def _matrices(n: int, how: Spoiling, rng: np.random.Generator) -> Tensor:
    """Affine matrices [n, 2, 3] for `grid_sample`: from the new picture's -1..1 to the old one's."""
    turn = np.radians(rng.normal(0, 1, n) * how.turn_deg)
    zoom, stretch = np.exp(rng.normal(0, 1, n) * how.zoom), np.exp(rng.normal(0, 1, n) * how.stretch)
    shift = rng.normal(0, 1, (n, 2)) * 2 * how.shift
    flip = np.where(rng.random(n) < how.mirror, -1.0, 1.0)
    c, s = np.cos(turn), np.sin(turn)
    m = np.empty((n, 2, 3), np.float32)
    m[:, 0, 0], m[:, 0, 1] = flip * c / zoom * stretch, -flip * s / zoom * stretch
    m[:, 1, 0], m[:, 1, 1] = s / zoom / stretch, c / zoom / stretch
    m[:, :, 2] = shift
    return torch.from_numpy(m)


def _moved(x: Tensor, size: int, matrices: Tensor) -> Tensor:
    if x.shape[-1] > 1.2 * size:  # shrink first, or fine lines turn into a moire pattern
        x = F.interpolate(x, (size, size), mode="bilinear", antialias=True, align_corners=False)
    grid = F.affine_grid(matrices, [len(x), 1, size, size], align_corners=False)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def _greys(x: Tensor, how: Spoiling, rng: np.random.Generator) -> Tensor:
    """Gamma, contrast, brightness, and now and then a veil."""
    n, device = len(x), x.device
    gamma = np.exp(rng.normal(0, 1, n) * how.grey)
    gain = np.exp(rng.normal(0, 1, n) * how.grey * 0.4)
    lift = rng.normal(0, 1, n) * how.grey * 0.15
    veil = rng.uniform(0.1, 0.5, n) * (rng.random(n) < how.haze)
    x = x.clamp(min=1e-4) ** _column(gamma, device) * _column(gain, device) + _column(lift, device)
    v = _column(veil, device)
    return v + (1 - v) * x


def _blurred(x: Tensor, how: Spoiling, rng: np.random.Generator) -> Tensor:
    """A Gaussian of its own for each picture."""
    n = len(x)
    sigma = rng.uniform(0.4, 1.6, n) * (rng.random(n) < how.blur)
    if not sigma.any():
        return x
    at = np.arange(-3, 4)
    kernel = np.exp(-(at**2) / (2 * np.maximum(sigma, 1e-3)[:, None] ** 2))
    kernel /= kernel.sum(1, keepdims=True)
    k = torch.from_numpy(kernel.astype(np.float32)).to(x.device)
    rows = x.reshape(1, n, *x.shape[-2:])
    rows = F.conv2d(F.pad(rows, (3, 3, 0, 0), mode="replicate"), k[:, None, None, :], groups=n)
    rows = F.conv2d(F.pad(rows, (0, 0, 3, 3), mode="replicate"), k[:, None, :, None], groups=n)
    return rows.reshape(x.shape)


def _cut_out(x: Tensor, how: Spoiling, rng: np.random.Generator) -> Tensor:
    """Some pictures lose one or two rectangles, as under a marker, a ring or a collimator."""
    size = x.shape[-1]
    for k in np.flatnonzero(rng.random(len(x)) < how.cutout):
        for _ in range(int(rng.integers(1, 3))):
            h, w = (max(1, int(v * size)) for v in rng.uniform(0.05, 0.2, 2))
            top, left = int(rng.integers(0, size - h + 1)), int(rng.integers(0, size - w + 1))
            x[int(k), :, top : top + h, left : left + w] = float(rng.choice([0.0, 0.5, 1.0]))
    return x
