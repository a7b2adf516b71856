"""Widths, gap, capping and fusion of one bone from its outlines on the crop. Numpy only.

The outlines say where to look; where the metaphysis ends to its sides and whether a gap is left is then read
from the greys, for outlines are drawn with a hand's error and a closed gap is a question of greys. What cannot
be read stays None: a dull crop, an outline that the network doubts, edges on which outline and greys disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from boneage_desk.imaging.crops import CropSpec, crop_to_film
from boneage_desk.imaging.normalise import byte_percentiles
from boneage_desk.reading.evidence import TRUSTED, Evidence, Point

Grey = NDArray[np.float32]

SHAFT_BELOW = frozenset({"radius", "ulna", "mc3", "mc5"})
"""Bones whose epiphysis is at the distal end: with distal up their shaft lies below it."""
CENTRE_REACH = 0.2
"""The epiphysis lies within this share of the crop's side from the crop's middle."""
SMALLEST = 0.0012
"""Least area of an epiphysis, share of the crop."""
CONTRAST = 0.12
"""Bone over soft tissue, share of the crop's greys, below which nothing is read from greys."""
OPEN_DIP = 0.15
"""A gap is left where the greys between epiphysis and metaphysis dip by this share of bone over soft tissue."""
FUSES_FROM = 0.85
"""A narrower epiphysis is not closing yet: no dark line means that the film does not show the gap."""
WIDEST = 1.5
"""No epiphysis is wider than this over its metaphysis: one of the two was outlined wrongly."""
FINE_PX = 64.0
"""A crop of fewer film pixels a side is too coarse to tell a closed gap from a blurred one."""
DISAGREE = 0.2
"""Widths from outline and greys may differ by this share before the measurement is given up."""


def upright(crop: NDArray[np.generic], bone: str) -> NDArray[np.generic]:
    """A crop [..., S, S] turned over where needed, so that the shaft lies below the epiphysis (its own inverse)."""
    return crop if bone in SHAFT_BELOW else crop[..., ::-1, :]


@dataclass(frozen=True, slots=True)
class Measured:
    """Measurements of an upright crop; lengths in crop pixels, lines as two points (x, y). See `Evidence`."""

    present: bool
    quality: float
    width_ratio: float | None = None
    gap: float | None = None
    caps_right: bool | None = None
    caps_left: bool | None = None
    fused_share: float | None = None
    epiphysis_line: tuple[Point, Point] | None = None
    metaphysis_line: tuple[Point, Point] | None = None


def evidence_of(bone: str, measured: Measured | None, spec: CropSpec, size: int) -> Evidence | None:
    """The measurement as the reading has it: lines in film pixels, sides by the thumb (on a crop's right)."""
    if measured is None:
        return None

    def on_film(line: tuple[Point, Point] | None) -> tuple[Point, Point] | None:
        if line is None:
            return None
        points = np.array(line)
        if bone not in SHAFT_BELOW:
            points[:, 1] = size - points[:, 1]
        (x0, y0), (x1, y1) = crop_to_film(points, spec, size).tolist()
        return (round(x0, 2), round(y0, 2)), (round(x1, 2), round(y1, 2))

    fine = spec.side >= FINE_PX

    def rounded(value: float | None) -> float | None:
        return None if value is None else round(float(value), 3)

    return Evidence(
        bone,
        measured.present,
        round(measured.quality, 3),
        width_ratio=rounded(measured.width_ratio),
        gap=rounded(measured.gap) if fine else None,
        caps_thumb_side=measured.caps_right if fine else None,
        caps_little_side=measured.caps_left if fine else None,
        # the radius' plate is wavy and crossed by trabeculae: how much of it is closed could not be told (card)
        fused_share=rounded(measured.fused_share) if fine and bone != "radius" else None,
        epiphysis_line=on_film(measured.epiphysis_line),
        metaphysis_line=on_film(measured.metaphysis_line),
    )


def measure(crop: NDArray[np.uint8], outlines: Grey) -> Measured | None:
    """Measure one upright crop [S, S] with the network's probabilities [3, S, S] (neither, epiphysis, edge).

    None where the crop shows no bone end at all, or no epiphysis without telling whether it is absent or fused.
    """
    image = _greys(crop)
    own = _own(outlines[1])
    if own is None:
        return _without_epiphysis(image)
    edge = _below(outlines[2], own)
    sure = float(outlines[1][own].mean())
    if edge is None:
        return Measured(True, round(0.5 * sure, 3))
    frame = _Frame(image, outlines[1] * own, outlines[2] * edge)
    return frame.measured(sure)


def _greys(crop: NDArray[np.uint8]) -> Grey:
    """0..1 by the crop's own 2nd and 99.5th percentile, not clipped."""
    low, high = byte_percentiles(crop.reshape(1, -1), (2.0, 99.5))[:, 0]
    return ((crop.astype(np.float32) - low) / max(float(high - low), 4.0)).astype(np.float32)


def _quantile(values: NDArray[np.floating], share: float = 0.5) -> float:
    """``np.quantile`` of a few values, without its long way round."""
    ordered = np.sort(values, axis=None)
    at = share * (ordered.size - 1)
    low = float(ordered[int(at)])
    return low + (at - int(at)) * (float(ordered[min(int(at) + 1, ordered.size - 1)]) - low)


# --- which pixels ---------------------------------------------------------------------------------
def _own(chance: Grey) -> NDArray[np.bool_] | None:
    """The patch of epiphysis nearest to the crop's middle, or None."""
    size = len(chance)
    left = chance > 0.5
    distance = _from_middle(size)
    while left.any():
        nearest = np.unravel_index(np.where(left, distance, np.inf).argmin(), left.shape)
        if distance[nearest] > CENTRE_REACH * size:
            return None
        patch = _patch(left, (int(nearest[0]), int(nearest[1])))
        if patch.sum() >= max(8.0, SMALLEST * size * size):
            return patch
        left = left & ~patch
    return None


@cache
def _from_middle(size: int) -> NDArray[np.float64]:
    """Distance [S, S] of each pixel from the middle of a square; not to be written to."""
    off = (np.arange(size) - (size - 1) / 2) ** 2
    return np.asarray(np.sqrt(off[:, None] + off[None]))


def _patch(mask: NDArray[np.bool_], seed: tuple[int, int]) -> NDArray[np.bool_]:
    """The connected part (4 neighbours) of ``mask`` that holds ``seed``: from run to touching run of the rows."""
    framed = np.zeros((len(mask), mask.shape[1] + 2), np.int8)
    framed[:, 1:-1] = mask
    steps = np.diff(framed, axis=1)
    rows, starts = np.nonzero(steps == 1)
    ends = np.nonzero(steps == -1)[1]
    first = np.searchsorted(rows, np.arange(len(mask) + 2))
    runs = list(zip(rows.tolist(), starts.tolist(), ends.tolist(), strict=True))
    row, column = seed
    todo = [k for k in range(first[row], first[row + 1]) if runs[k][1] <= column < runs[k][2]]
    seen = set(todo)
    patch = np.zeros_like(mask)
    while todo:
        row, start, end = runs[todo.pop()]
        patch[row, start:end] = True
        for other in (row - 1, row + 1):
            if 0 <= other < len(mask):
                for k in range(first[other], first[other + 1]):
                    if k not in seen and runs[k][1] < end and runs[k][2] > start:
                        seen.add(k)
                        todo.append(k)
    return patch


def _below(chance: Grey, own: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """The edge's strip that belongs to the epiphysis: under it, and at most its own width away; None if none."""
    rows, columns = np.nonzero(own)
    width = columns.max() - columns.min() + 1
    strip = chance > 0.4
    strip[: rows.min()] = False
    strip[int(rows.max() + max(width, 0.12 * len(own))) :] = False
    middle = int(columns.mean())
    reach = int(max(width, 0.2 * len(own)))
    strip[:, : max(0, middle - reach)] = False
    strip[:, middle + reach + 1 :] = False
    return strip if strip.sum() >= 6 else None


def _without_epiphysis(image: Grey) -> Measured | None:
    """No epiphysis was outlined: absent where the place above the shaft's end is as dark as soft tissue."""
    size = len(image)
    middle, band = size // 2, max(2, size // 24)
    column = image[:, middle - band : middle + band + 1].mean(1)
    shaft = _quantile(column[int(0.6 * size) : int(0.9 * size)], 0.8)
    side = np.concatenate([image[int(0.6 * size) : int(0.9 * size), k] for k in (size // 8, size - size // 8)])
    soft = _quantile(side)
    if shaft - soft < CONTRAST:
        return None
    here = (column[int(0.42 * size) : int(0.52 * size)].max() - soft) / (shaft - soft)
    return Measured(False, 0.7) if here < 0.35 else None


# --- in the bone's own frame ----------------------------------------------------------------------
def _turned(image: Grey, centre: tuple[float, float], angle: float) -> Grey:
    """The picture turned so that its direction ``angle`` (radians, x to y) lies level; bilinear, 0 outside."""
    if abs(angle) < 0.02:
        return image
    cos, sin = float(np.cos(angle)), float(np.sin(angle))
    x, y = centre[0] + 0.5, centre[1] + 0.5
    matrix = (cos, -sin, x - cos * x + sin * y, sin, cos, y - sin * x - cos * y)
    picture = Image.fromarray(np.ascontiguousarray(image))
    return np.asarray(picture.transform(picture.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR))


def _extent(profile: NDArray[np.floating], level: float) -> tuple[float, float] | None:
    """Where a bump first and last crosses ``level``, between pixel centres; None if it never does."""
    above = np.flatnonzero(profile >= level)
    if not len(above):
        return None
    a, b = int(above[0]), int(above[-1])
    left, right = float(a), float(b)
    if a > 0:
        left = a - (profile[a] - level) / max(profile[a] - profile[a - 1], 1e-6)
    if b + 1 < len(profile):
        right = b + (profile[b] - level) / max(profile[b] - profile[b + 1], 1e-6)
    return float(left), float(right)


@dataclass(frozen=True, slots=True)
class Dips:
    """By column: depth of the dark line as a share of bone over soft tissue, its height, the row where the shaft begins."""

    depth: NDArray[np.float64]
    height: NDArray[np.float64]
    shaft: NDArray[np.float64]


class _Frame:
    """One bone with its axis upright: greys and outlines turned level, measured row by row."""

    def __init__(self, image: Grey, own: Grey, edge: Grey) -> None:
        weight = own + edge
        places, total = np.arange(len(weight)), float(weight.sum())
        across, along = weight.sum(0), weight.sum(1)
        self.centre = (float(across @ places / total), float(along @ places / total))
        du, dv = places - self.centre[0], places - self.centre[1]
        uu, vv, uv = float(across @ du**2 / total), float(along @ dv**2 / total), float(dv @ weight @ du / total)
        long = uu > 2.0 * vv  # else the outline has no direction
        angle = 0.5 * float(np.arctan2(2 * uv, uu - vv)) if long else 0.0
        self.angle = float(np.clip(angle, -0.25, 0.25))
        self.image, self.own, self.edge = (_turned(a, self.centre, self.angle) for a in (image, own, edge))
        self.size = len(image)

    def back(self, u: float, v: float) -> Point:
        """A place of the frame in crop pixels (pixel centres at .5)."""
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        du, dv = u - self.centre[0], v - self.centre[1]
        return float(self.centre[0] + du * cos - dv * sin + 0.5), float(self.centre[1] + du * sin + dv * cos + 0.5)

    def measured(self, sure: float) -> Measured:
        """All that can be read; the rest None."""
        drawn = _extent(self.own.sum(0), max(1.0, 0.15 * float(self.own.sum(0).max())))
        if drawn is None or drawn[1] - drawn[0] < 3:
            return Measured(True, round(0.5 * sure, 3))
        strip = self._strip(drawn)
        bottoms = self._bottoms()
        columns = self._over(drawn, strip)
        dips = self._dips(columns, bottoms, strip)
        epiphysis = self._epiphysis(drawn)
        sides, row, agree = self._metaphysis(strip, bottoms, dips)
        quality = round(float(np.clip(sure, 0, 1) * agree * self._shaft_seen(sides, row)), 3)
        if quality < TRUSTED:
            return Measured(True, quality)
        width = sides[1] - sides[0]
        ratio = (epiphysis[1] - epiphysis[0]) / width
        if ratio > WIDEST:
            return Measured(True, round(0.6 * TRUSTED, 3))
        gap, fused, edge_row = _gap(dips, width)
        if fused is not None and fused >= 0.4 and ratio < FUSES_FROM:
            gap = fused = None
        caps = self._caps(epiphysis, sides, edge_row) if edge_row is not None else (None, None)
        level = float((self.own.sum(1) * np.arange(self.size)).sum() / self.own.sum())
        return Measured(
            True,
            quality,
            width_ratio=ratio,
            gap=gap,
            caps_right=caps[1],
            caps_left=caps[0],
            fused_share=fused,
            epiphysis_line=(self.back(epiphysis[0], level), self.back(epiphysis[1], level)),
            metaphysis_line=(self.back(sides[0], row), self.back(sides[1], row)),
        )

    def _strip(self, drawn: tuple[float, float]) -> tuple[float, float]:
        """Sides of the outlined metaphysis edge; of the epiphysis where only a scrap of the edge was outlined."""
        heights = self.edge.sum(0)
        strip = _extent(heights, max(0.8, 0.35 * float(heights.max())))
        middle = (drawn[0] + drawn[1]) / 2
        if strip is None or not strip[0] < middle < strip[1] or strip[1] - strip[0] < 0.6 * (drawn[1] - drawn[0]):
            return drawn
        return strip

    def _over(self, a: tuple[float, float], b: tuple[float, float]) -> NDArray[np.intp]:
        """Columns where both lie over each other, without the outermost."""
        first, last = max(a[0], b[0]), min(a[1], b[1])
        inner = 0.08 * (last - first)
        return np.arange(max(0, int(np.ceil(first + inner))), min(self.size - 1, int(last - inner)) + 1)

    def _epiphysis(self, drawn: tuple[float, float]) -> tuple[float, float]:
        """Sides of the epiphysis where the greys fall, near the outline's; the outline's where they do not."""
        width = drawn[1] - drawn[0]
        rows = np.flatnonzero((self.own > 0.5).any(1))
        ends = []
        for end, way in ((drawn[0], -1), (drawn[1], 1)):
            flank = np.arange(self.size) * way > (end * way - 0.25 * width)
            beside = (self.own[:, flank] > 0.5).any(1)
            used = np.flatnonzero(beside) if beside.any() else rows
            profile = self.image[used[0] : used[-1] + 1].max(0)[::way]
            near = end if way > 0 else self.size - 1 - end
            at = _falls(profile[None], near, 0.1 * width)
            ends.append(end if not len(at) else float(at[0] if way > 0 else self.size - 1 - at[0]))
        return ends[0], ends[1]

    def _bottoms(self) -> NDArray[np.float64]:
        """Lowest row of the epiphysis [S] by column; beyond its sides that of the nearest column."""
        inside = self.own > 0.5
        has = inside.any(0)
        lowest = self.size - 1 - inside[::-1].argmax(0)
        if not has.any():
            return np.full(self.size, self.size / 2)
        return np.interp(np.arange(self.size), np.flatnonzero(has), lowest[has]).astype(np.float64)

    def _metaphysis(
        self, strip: tuple[float, float], bottoms: NDArray[np.float64], dips: Dips | None
    ) -> tuple[tuple[float, float], float, float]:
        """Sides of the metaphysis where it is widest near its edge, the row, and 0..1 how far greys and outline agree."""
        width = strip[1] - strip[0]
        start = _quantile(bottoms[int(strip[0]) : int(strip[1]) + 1]) + 1
        if dips is not None and (dips.depth >= OPEN_DIP).mean() > 0.3:
            start = _quantile(dips.shaft[dips.depth >= OPEN_DIP])
        rows = np.arange(int(start), min(self.size - 2, int(start + max(3.0, 0.2 * width))))
        profiles = (self.image[rows - 1] + self.image[rows] + self.image[rows + 1]) / 3 if len(rows) else self.image[:0]
        reach = max(2.0, 0.18 * width)
        lefts = self.size - 1 - _falls(profiles[:, ::-1], self.size - 1 - strip[0], reach)
        rights = _falls(profiles, strip[1], reach)
        row = float(start + 0.06 * width)
        if min(len(lefts), len(rights)) < max(2, len(rows) // 3):
            return strip, row, 0.6  # no edge in the greys: the outline alone
        sides = (_quantile(lefts, 0.25), _quantile(rights, 0.75))
        off = max(abs(a - b) for a, b in zip(sides, strip, strict=True)) / width
        return sides, row, float(np.clip(1 - 0.5 * off / DISAGREE, 0, 1))

    def _shaft_seen(self, sides: tuple[float, float], row: float) -> float:
        """0..1 how plainly the metaphysis' line lies on bone: brighter than what is beside it."""
        width, at = sides[1] - sides[0], int(np.clip(round(row), 1, self.size - 2))
        rows = slice(at - 1, at + 2)
        inner = self.image[rows, int(sides[0] + 0.1 * width) : int(sides[1] - 0.1 * width) + 1]
        if not inner.size:
            return 0.0
        over = _quantile(inner, 0.3) - self._soft(sides, rows)
        return float(np.clip(over / CONTRAST, 0, 1))

    def _soft(self, sides: tuple[float, float], rows: slice) -> float:
        """Grey of the soft tissue just beside the bone."""
        width = sides[1] - sides[0]
        left = self.image[rows, max(0, int(sides[0] - 0.2 * width)) : max(1, int(sides[0] - 0.08 * width))]
        right = self.image[rows, int(sides[1] + 0.08 * width) + 1 : int(sides[1] + 0.2 * width) + 2]
        levels = [_quantile(part) for part in (left, right) if part.size]
        return min(levels) if levels else 0.0

    def _dips(
        self, columns: NDArray[np.intp], bottoms: NDArray[np.float64], sides: tuple[float, float]
    ) -> Dips | None:
        """Dips of the columns where epiphysis and metaphysis lie over each other; None where bone hardly stands out."""
        if len(columns) < 5:
            return None
        reach = int(max(3, 0.14 * (sides[1] - sides[0])))
        smooth = np.empty_like(self.image)
        smooth[:, 1:-1] = (self.image[:, :-2] + self.image[:, 1:-1] + self.image[:, 2:]) / 3
        smooth[:, 0], smooth[:, -1] = smooth[:, 1], smooth[:, -2]
        middle = round(_quantile(bottoms[columns]))
        soft = self._soft(sides, slice(max(0, middle - reach), middle + reach))
        inside = (self.own > 0.5)[:, columns]
        top = np.where(inside.any(0), inside.argmax(0), 0)
        first = np.rint(bottoms[columns]).astype(np.intp) - reach
        rows = np.clip(first[:, None] + np.arange(2 * reach + 2)[None], top[:, None], self.size - 1)
        profiles = smooth[rows, columns[:, None]].astype(np.float64)
        if _quantile(profiles.max(1)) - soft < CONTRAST:
            return None
        depth, height, end = _dips_of(profiles, soft)
        return Dips(depth, height, end + first)

    def _caps(
        self, epiphysis: tuple[float, float], sides: tuple[float, float], edge_row: float
    ) -> tuple[bool | None, bool | None]:
        """Whether the epiphysis reaches past the metaphysis' edge on its left and right side; None: not seen to.

        A cap is thin, and the outline often stops short of it: that none was seen does not say that there is none.
        """
        width = sides[1] - sides[0]
        inside = self.own > 0.5
        found: list[bool | None] = []
        for end, way in ((epiphysis[0], 1), (epiphysis[1], -1)):
            a, b = sorted((end, end + way * 0.12 * width))
            flank = inside[:, max(0, int(np.floor(a))) : int(np.ceil(b)) + 1]
            lowest = np.flatnonzero(flank.any(1))
            found.append(True if len(lowest) and lowest[-1] > edge_row + 0.04 * width else None)
        return found[0], found[1]


def _gap(dips: Dips | None, width: float) -> tuple[float | None, float | None, float | None]:
    """Least gap and fused share (of the width), and the row where the shaft begins; None if unreadable."""
    if dips is None:
        return None, None, None
    is_open = dips.depth >= OPEN_DIP
    gap = _quantile(np.where(is_open, dips.height, 0.0), 0.1) / width
    row = _quantile(dips.shaft[is_open]) if is_open.mean() > 0.3 else None
    return gap, 1.0 - float(is_open.mean()), row


def _falls(profiles: NDArray[np.floating], near: float, reach: float) -> NDArray[np.float64]:
    """Where each profile [N, L] falls most steeply to the right within ``reach`` of ``near``, of those that do."""
    a, b = int(max(1, np.floor(near - reach))), int(min(profiles.shape[1] - 2, np.ceil(near + reach)))
    if b - a < 2 or not len(profiles):
        return np.empty(0)
    slopes = (profiles[:, a - 1 : b] - profiles[:, a + 1 : b + 2]) / 2  # at pixels a..b
    # a nearer edge is the likelier one: the skin's is farther out
    slopes = slopes * np.exp(-0.5 * ((np.arange(a, b + 1) - near) / (0.6 * reach + 0.5)) ** 2)
    best = slopes.argmax(1)
    n, inner = np.arange(len(slopes)), np.clip(best, 1, slopes.shape[1] - 2)
    before, here, after = slopes[n, inner - 1], slopes[n, inner], slopes[n, inner + 1]
    bend = before - 2 * here + after
    bowed = (inner == best) & (bend < -1e-9)
    places = a + best + np.where(bowed, 0.5 * (before - after) / np.where(bowed, bend, 1.0), 0.0)
    return np.asarray(places[slopes[n, best] >= CONTRAST / 8], np.float64)


def _dips_of(
    profiles: NDArray[np.float64], soft: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Deepest dip between two bright ends of each profile [N, L]: depth, height at half depth, its lower end.

    Depth as a share of the duller end over soft tissue, 0 where that end is hardly brighter than soft tissue.
    """
    above = np.maximum.accumulate(profiles, 1)
    below = np.maximum.accumulate(profiles[:, ::-1], 1)[:, ::-1]
    bone = np.minimum(above, below)
    stands = bone - soft
    depths = np.where(stands > CONTRAST, (bone - profiles) / np.maximum(stands, CONTRAST), 0.0)
    at = depths.argmax(1)
    n, columns = np.arange(len(profiles)), np.arange(profiles.shape[1])[None]
    level = (bone[n, at] + profiles[n, at]) / 2
    bright = profiles >= level[:, None]
    start = np.where(bright & (columns < at[:, None]), columns, -1).max(1)
    end = np.where(bright & (columns > at[:, None]), columns, profiles.shape[1]).min(1)
    depth = depths[n, at]
    return depth, np.where(depth > 0, end - start - 1.0, 0.0), end.astype(np.float64)
