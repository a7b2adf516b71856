"""Distance fields, strokes and bone texture, drawn at any resolution.

An outline is a closed polygon [n, 2] in a bone's own frame (s, t), unit L. Its
signed distance (positive inside) is computed once on a coarse grid and carried
onto the film by an affine map, so that the cost hardly depends on the film's
size and edges stay sharp.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

#: Side of one pixel of the texture tile, in L, and the tile's side in pixels.
TEXTURE_PIXEL = 0.0021
TEXTURE_SIDE = 256

_FAR = -10.0


@dataclass(frozen=True, slots=True)
class Box:
    """A part of the film: columns x0..x1, rows y0..y1, ends excluded."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def shape(self) -> tuple[int, int]:
        return self.y1 - self.y0, self.x1 - self.x0

    @property
    def slices(self) -> tuple[slice, slice]:
        return slice(self.y0, self.y1), slice(self.x0, self.x1)


@dataclass(frozen=True, slots=True)
class Grid:
    """A signed distance [rows, cols] on points origin + spacing * (col, row)."""

    values: Floats
    origin: tuple[float, float]
    spacing: float


def affine(rows: list[list[float]] | Doubles) -> Doubles:
    """A 3x3 homogeneous matrix from its two upper rows."""
    return np.vstack([np.asarray(rows, dtype=np.float64), [0.0, 0.0, 1.0]])


def apply(matrix: Doubles, points: Doubles) -> Doubles:
    """Points [n, 2] through a 3x3 affine matrix."""
    return np.asarray(points @ matrix[:2, :2].T + matrix[:2, 2])


def smooth(points: list[tuple[float, float]] | Doubles, per_segment: int = 5) -> Doubles:
    """A closed Catmull-Rom curve through control points [n, 2]."""
    p1 = np.asarray(points, dtype=np.float64)
    p0, p2, p3 = np.roll(p1, 1, 0), np.roll(p1, -1, 0), np.roll(p1, -2, 0)
    u = np.linspace(0.0, 1.0, per_segment, endpoint=False)[:, None, None]
    curve = 0.5 * (2 * p1 + (p2 - p0) * u + (2 * p0 - 5 * p1 + 4 * p2 - p3) * u**2 + (3 * p1 - p0 - 3 * p2 + p3) * u**3)
    return np.asarray(curve.transpose(1, 0, 2).reshape(-1, 2))


def _signed_distance(points: Floats, polygon: Floats) -> Floats:
    """Distance of points [n, 2] to a closed polygon [m, 2], positive inside."""
    a, b = polygon, np.roll(polygon, -1, 0)
    edge = b - a
    length2 = np.maximum((edge**2).sum(1), 1e-12)
    best = np.full(len(points), np.inf, np.float32)
    inside = np.zeros(len(points), bool)
    x, y = points[:, :1], points[:, 1:]
    step = max(1, 400_000 // max(1, len(points)))
    for k in range(0, len(a), step):
        ax, ay = a[k : k + step, 0], a[k : k + step, 1]
        by = b[k : k + step, 1]
        ex, ey = edge[k : k + step, 0], edge[k : k + step, 1]
        wx, wy = x - ax, y - ay
        h = np.clip((wx * ex + wy * ey) / length2[k : k + step], 0.0, 1.0)
        best = np.minimum(best, ((wx - h * ex) ** 2 + (wy - h * ey) ** 2).min(1))
        crosses = (ay > y) != (by > y)
        slope = ex / np.where(np.abs(ey) < 1e-9, 1e-9, ey)
        inside ^= (np.count_nonzero(crosses & (wx < wy * slope), axis=1) & 1).astype(bool)
    distance = np.sqrt(best)
    return np.where(inside, distance, -distance).astype(np.float32)


def distance_grid(polygon: Doubles, pixel: float, fine: float = 28.0) -> Grid:
    """The signed distance of a polygon on a grid fit for a film pixel of side `pixel` L."""
    if pixel > 0.006 and len(polygon) > 40:  # a small film does not show every vertex
        polygon = polygon[::2]
    lo, hi = polygon.min(0), polygon.max(0)
    spacing = max(0.8 * pixel, float((hi - lo).min()) / fine)
    pad = 2.0 * max(spacing, pixel)
    cols, rows = (np.ceil((hi - lo + 2 * pad) / spacing).astype(int) + 1).tolist()
    xs = lo[0] - pad + spacing * np.arange(cols)
    ys = lo[1] - pad + spacing * np.arange(rows)
    gx, gy = np.meshgrid(xs, ys)
    points = np.stack([gx.ravel(), gy.ravel()], 1).astype(np.float32)
    values = _signed_distance(points, polygon.astype(np.float32)).reshape(rows, cols)
    return Grid(values, (float(xs[0]), float(ys[0])), spacing)


def covered(matrix: Doubles, points: Doubles, margin: float, shape: tuple[int, int]) -> Box | None:
    """The film box around points carried by `matrix`, grown by `margin` pixels; None if off it."""
    on_film = apply(matrix, points)
    x0, y0 = np.floor(on_film.min(0) - margin).astype(int)
    x1, y1 = np.ceil(on_film.max(0) + margin).astype(int)
    box = Box(max(0, x0), max(0, y0), min(shape[1], x1), min(shape[0], y1))
    return box if box.x1 > box.x0 and box.y1 > box.y0 else None


def _warp(values: Floats, to_index: Doubles, box: Box, fill: float) -> Floats:
    """Sample values bilinearly; `to_index` carries film points to (column, row) of `values`."""
    shift = affine([[1.0, 0.0, box.x0], [0.0, 1.0, box.y0]])
    half = affine([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5]])
    m = (half @ to_index @ shift)[:2].ravel()
    rows, cols = box.shape
    image = Image.fromarray(values).transform(
        (cols, rows), Image.Transform.AFFINE, m.tolist(), Image.Resampling.BILINEAR, fillcolor=fill
    )
    return np.array(image, dtype=np.float32)


def carry(grid: Grid, to_film: Doubles, box: Box, fill: float = _FAR) -> Floats:
    """A distance grid seen through `to_film` (local -> film pixels) in one box."""
    k = 1.0 / grid.spacing
    to_index = affine([[k, 0.0, -grid.origin[0] * k], [0.0, k, -grid.origin[1] * k]])
    return _warp(grid.values, to_index @ np.linalg.inv(to_film), box, fill)


def local_axis(to_film: Doubles, box: Box, axis: int) -> Floats:
    """The s (axis 0) or t (axis 1) coordinate of every pixel of a box."""
    a, b, c = np.linalg.inv(to_film)[axis]
    rows, cols = box.shape
    x = np.arange(box.x0, box.x0 + cols, dtype=np.float32) + 0.5
    y = np.arange(box.y0, box.y0 + rows, dtype=np.float32) + 0.5
    return np.asarray((a * x)[None, :] + (b * y + c)[:, None], dtype=np.float32)


def polyline_distance(line: Doubles, to_film: Doubles, box: Box) -> Floats:
    """Distance in L of every pixel of a box to an open polyline [n, 2] of the local frame."""
    s, t = local_axis(to_film, box, 0), local_axis(to_film, box, 1)
    best = np.full(box.shape, np.inf, np.float32)
    for (ax, ay), (bx, by) in zip(line[:-1], line[1:], strict=True):
        ex, ey = float(bx - ax), float(by - ay)
        u, v = s - np.float32(ax), t - np.float32(ay)
        h = np.clip((u * ex + v * ey) / max(ex * ex + ey * ey, 1e-12), 0.0, 1.0)
        np.minimum(best, (u - h * ex) ** 2 + (v - h * ey) ** 2, out=best)
    return np.sqrt(best)


@lru_cache(maxsize=1)
def texture_tile() -> Floats:
    """Trabecular network, periodic [1024, 512] (4 x 2 tiles), mean 0, about -1..1.8."""
    rng = np.random.default_rng(20260)
    n = TEXTURE_SIDE
    fy, fx = np.meshgrid(np.fft.fftfreq(n), np.fft.fftfreq(n), indexing="ij")
    radius = np.hypot(fx, fy)
    tile = np.zeros((n, n))
    for wave, weight in ((9.0, 0.6), (5.0, 0.4)):  # wave lengths in tile pixels
        band = np.exp(-(((radius * wave) - 1.0) ** 2) / 0.16)
        waves = np.fft.ifft2(np.fft.fft2(rng.standard_normal((n, n))) * band).real
        waves /= waves.std()
        tile += weight * np.exp(-((waves / 0.55) ** 2))  # thin bright plates
    band = np.exp(-(((radius * 40.0) - 1.0) ** 2) / 0.4)
    slow = np.fft.ifft2(np.fft.fft2(rng.standard_normal((n, n))) * band).real
    tile = (tile - tile.mean()) / tile.std() * 0.5 + 0.25 * slow / slow.std()
    return np.tile(np.clip(tile, -1.2, 1.8), (4, 2)).astype(np.float32)


def carry_texture(to_film: Doubles, box: Box, stretch: float, phase: tuple[int, int]) -> Floats:
    """The texture in a bone's frame; `stretch` > 1 lengthens it along the bone."""
    k = 1.0 / TEXTURE_PIXEL
    to_index = affine([[k, 0.0, 128.0 + phase[0]], [0.0, k / stretch, 128.0 + phase[1]]])
    return _warp(texture_tile(), to_index @ np.linalg.inv(to_film), box, 0.0)
