"""The soft parts: skin envelope, muscle of the palm, forearm.

Built from tapered capsules joined with a smooth union, so that webs between
the fingers and the thumb come by themselves; computed on a coarse grid.
"""

from __future__ import annotations

import numpy as np

from boneage_desk.imaging.phantom import fields
from boneage_desk.imaging.phantom.anatomy import Anatomy
from boneage_desk.imaging.phantom.fields import Doubles, Floats, Grid

Capsule = tuple[tuple[float, float], float, tuple[float, float], float]

#: Radius of the soft finger at: knuckle, first joint, second joint, tip (L).
_FINGER = {
    2: (0.150, 0.122, 0.104, 0.088),
    3: (0.150, 0.126, 0.108, 0.090),
    4: (0.140, 0.118, 0.102, 0.086),
    5: (0.125, 0.102, 0.088, 0.074),
}


def capsules(anatomy: Anatomy) -> list[tuple[Capsule, float]]:
    """Tapered capsules of the hand in the hand frame, each with its web (smoothing, L)."""
    closed = anatomy.poses["dp1"].origin[0] < 0.75
    plump = 1.10 - 0.10 * anatomy.maturity
    at = {bone: pose.origin for bone, pose in anatomy.poses.items()}

    def ahead(bone: str, t: float) -> tuple[float, float]:
        pose = anatomy.poses[bone]
        return pose.origin[0] + pose.axis[0] * t, pose.origin[1] + pose.axis[1] * t

    out: list[tuple[Capsule, float]] = []
    # forearm, wrist and palm
    wrist = 1.0 + 0.20 * (1.0 - anatomy.maturity)
    out.append((((-0.10, 1.15), 0.250 * wrist, (-0.14, 3.4), 0.36), 0.05))
    out.append((((0.13, 1.15), 0.255 * wrist, (0.20, 3.4), 0.40), 0.10))
    out.append((((-0.09, 0.95), 0.265 * wrist, (0.15, 0.92), 0.270 * wrist), 0.10))
    for ray in (2, 3, 4, 5):
        knuckle, first, second, nail = (r * plump for r in _FINGER[ray])
        base = ahead(f"mc{ray}", anatomy.reach[f"mc{ray}"])
        web = 0.10
        out.append(((base, 0.17, at[f"mc{ray}"], knuckle * 1.04), web))
        out.append(((at[f"mc{ray}"], knuckle * 1.02, ahead(f"pp{ray}", 0.10), knuckle), web))
        web = 0.035
        out.append(((ahead(f"pp{ray}", 0.05), knuckle * 0.97, at[f"mp{ray}"], first), web))
        out.append(((at[f"mp{ray}"], first, at[f"dp{ray}"], second), web))
        far = ahead(f"dp{ray}", anatomy.reach[f"dp{ray}"] - 0.035)
        out.append(((at[f"dp{ray}"], second, far, nail), web))
    tip = ahead("dp1", anatomy.reach["dp1"] - 0.06)
    out.append(((ahead("mc1", 0.05), 0.19, at["pp1"], 0.150 * plump), 0.12))
    out.append((((0.28, 0.62), 0.16, ahead("mc1", 0.42), 0.14), 0.16))
    if not closed:  # the muscle between thumb and index finger
        out.append((((0.28, 0.40), 0.17, (0.42, 0.44), 0.17), 0.12))
    out.append(((at["pp1"], 0.150 * plump, at["dp1"], 0.128 * plump), 0.03))
    out.append(((at["dp1"], 0.126 * plump, tip, 0.098 * plump), 0.03))
    return out


def _capsule_depth(x: Floats, y: Floats, capsule: Capsule) -> Floats:
    (ax, ay), ra, (bx, by), rb = capsule
    ex, ey = bx - ax, by - ay
    u, v = x - np.float32(ax), y - np.float32(ay)
    h = np.clip((u * ex + v * ey) / np.float32(max(ex * ex + ey * ey, 1e-9)), 0.0, 1.0)
    away = np.sqrt((u - h * ex) ** 2 + (v - h * ey) ** 2)
    return np.asarray(np.float32(ra) + h * np.float32(rb - ra) - away, dtype=np.float32)


def _join(a: Floats, b: Floats, k: float) -> Floats:
    """Smooth union of two depths (positive inside)."""
    gap = np.maximum(np.float32(k) - np.abs(a - b), 0.0) / np.float32(k)
    return np.asarray(np.maximum(a, b) + gap * gap * np.float32(k / 4), dtype=np.float32)


def envelope(anatomy: Anatomy, spacing: float, lo: Doubles, hi: Doubles) -> Grid:
    """Depth under the skin, L, on a grid over the hand frame's rectangle lo..hi."""
    xs = np.arange(lo[0], hi[0] + spacing, spacing)
    ys = np.arange(lo[1], hi[1] + spacing, spacing)
    gx, gy = np.meshgrid(xs.astype(np.float32), ys.astype(np.float32))
    depth = np.full(gx.shape, -9.0, np.float32)
    for capsule, web in capsules(anatomy):
        (ax, ay), ra, (bx, by), rb = capsule
        margin = max(ra, rb) + 0.30
        i0, i1 = np.searchsorted(ys, [min(ay, by) - margin, max(ay, by) + margin])
        j0, j1 = np.searchsorted(xs, [min(ax, bx) - margin, max(ax, bx) + margin])
        if i1 <= i0 or j1 <= j0:
            continue
        part = (slice(i0, i1), slice(j0, j1))
        depth[part] = _join(depth[part], _capsule_depth(gx[part], gy[part], capsule), web)
    return Grid(np.maximum(depth, -1.0), (float(xs[0]), float(ys[0])), spacing)


def _smooth_noise(rng: np.random.Generator, shape: tuple[int, int], times: int) -> Floats:
    noise = rng.standard_normal(shape).astype(np.float32)
    for _ in range(times):
        for axis in (0, 1):
            noise = (np.roll(noise, 1, axis) + noise + np.roll(noise, -1, axis)) / np.float32(3)
    return np.asarray(noise / max(1e-6, float(noise.std())), dtype=np.float32)


def thickness(depth: Grid, seed: int) -> Grid:
    """Attenuation of the soft parts on the envelope's grid, before the skin's edge.

    Fingers are round; the palm is thicker, thickest at its heel; muscle bellies
    make it a little uneven.
    """
    d = np.maximum(depth.values, 0.0)
    palm = 1.0 - (1.0 - np.clip((d - 0.06) / 0.34, 0.0, 1.0)) ** 2
    rows, cols = d.shape
    y = depth.origin[1] + depth.spacing * np.arange(rows, dtype=np.float32)[:, None]
    heel = np.exp(-(((y - 0.85) / 0.42) ** 2))
    rng = np.random.default_rng([seed, 2])
    uneven = 1.0 + 0.035 * _smooth_noise(rng, (rows, cols), 3)
    value = (0.17 * palm + 0.13 * heel * palm) * uneven
    for _ in range(max(2, round(0.11 / depth.spacing))):  # muscle has no creases
        for axis in (0, 1):
            inner = [slice(None), slice(None)]
            inner[axis] = slice(1, -1)
            before, after = list(inner), list(inner)
            before[axis], after[axis] = slice(None, -2), slice(2, None)
            mean = (value[tuple(before)] + value[tuple(inner)] + value[tuple(after)]) / np.float32(3)
            value[tuple(inner)] = mean
    return Grid(value.astype(np.float32), depth.origin, depth.spacing)


def soft_attenuation(anatomy: Anatomy, shape: tuple[int, int], to_film: Doubles, seed: int) -> Floats:
    """Attenuation of the soft parts, float32 [rows, cols]."""
    rows, cols = shape
    corners = np.array([[0, 0], [cols, 0], [0, rows], [cols, rows]], float)
    hand = fields.apply(np.asarray(np.linalg.inv(to_film), np.float64), corners)
    lo: Doubles = np.maximum(hand.min(0) - 0.1, [-1.9, -1.7])
    hi: Doubles = np.minimum(hand.max(0) + 0.1, [1.9, 3.9])
    if np.any(hi <= lo):
        return np.zeros(shape, np.float32)
    unit = float(np.sqrt(abs(np.linalg.det(to_film[:2, :2]))))
    spacing = max(0.014, 1.6 / unit)
    grid = envelope(anatomy, spacing, lo, hi)
    box = fields.Box(0, 0, cols, rows)
    depth = fields.carry(grid, to_film, box, fill=-1.0)
    value = fields.carry(thickness(grid, seed), to_film, box, fill=0.0)
    # a round finger: the chord rises steeply under the skin, then flattens
    d = np.clip(depth * np.float32(1.0 / 0.09), 0.0, 1.0)
    value += np.float32(0.15) * np.sqrt(d * (2.0 - d))
    return value
