"""The film for the page: a grey picture of sensible size, and where the labels go."""

from __future__ import annotations

import dataclasses
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from boneage_desk.reading.film import Frame
    from boneage_desk.reading.findings import Box

DPI = 220
JPEG_QUALITY = 88
BLOCK = 8
BLACK = 12
"""Grey of 255 up to which paper shows black."""
MAP_OPACITY = 0.6
LEAST_TRIM = 0.95
"""Borders are trimmed only where that leaves less than this share of the film."""


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle in points, y downwards from the picture's top-left corner."""

    x0: float
    y0: float
    x1: float
    y1: float

    def overlap(self, other: Rect) -> float:
        """Shared area in square points."""
        across = min(self.x1, other.x1) - max(self.x0, other.x0)
        down = min(self.y1, other.y1) - max(self.y0, other.y0)
        return across * down if across > 0 and down > 0 else 0.0

    def distance(self, other: Rect) -> float:
        """Of the nearest points; 0 when they touch."""
        across = max(other.x0 - self.x1, self.x0 - other.x1, 0.0)
        down = max(other.y0 - self.y1, self.y0 - other.y1, 0.0)
        return math.hypot(across, down)

    def nearest(self, other: Rect) -> tuple[float, float]:
        """The point of this rectangle that is nearest to the middle of ``other``."""
        x, y = (other.x0 + other.x1) / 2, (other.y0 + other.y1) / 2
        return min(max(x, self.x0), self.x1), min(max(y, self.y0), self.y1)

    def inside(self, wide: float, high: float) -> bool:
        return self.x0 >= 0 and self.y0 >= 0 and self.x1 <= wide and self.y1 <= high


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """JPEG of the film as it is printed and its size in points. ``grey``: the same pixels, for labels."""

    jpeg: bytes
    wide: float
    high: float
    grey: npt.NDArray[np.uint8]


def fit(columns: float, rows: float, room_wide: float, room_high: float) -> tuple[float, float]:
    """The largest size in points with this aspect that fits the room."""
    scale = min(room_wide / columns, room_high / rows)
    return columns * scale, rows * scale


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """The part of a film that is printed: ``grey`` pixels whose top-left corner is (x0, y0) of the film.

    ``trimmed``: black borders were left out. Nothing that can be seen on paper is ever left out.
    """

    grey: npt.NDArray[np.uint8]
    x0: int = 0
    y0: int = 0
    trimmed: bool = False
    film: tuple[int, int] = (0, 0)
    """Columns and rows of the whole film, (0, 0) where this is all of it."""
    colour: npt.NDArray[np.uint8] | None = None
    """(rows, columns, 3) with a map in them, drawn in place of ``grey``."""

    @property
    def columns(self) -> int:
        return int(self.grey.shape[1])

    @property
    def rows(self) -> int:
        return int(self.grey.shape[0])

    def mapped(self, values: npt.NDArray[np.float32]) -> Shown:
        """The same part with a map over it; ``values``: (height, width) 0..1 over the whole film."""
        import numpy as np
        from PIL import Image

        from boneage_desk.imaging.map_colours import blend

        columns, rows = self.film if self.film != (0, 0) else (self.columns, self.rows)
        across, down = values.shape[1] / columns, values.shape[0] / rows
        part = (self.x0 * across, self.y0 * down, (self.x0 + self.columns) * across, (self.y0 + self.rows) * down)
        fine = Image.fromarray(np.asarray(values, np.float32)).resize(
            (self.columns, self.rows), Image.Resampling.BILINEAR, box=part
        )
        return dataclasses.replace(self, colour=blend(self.grey, np.asarray(fine), MAP_OPACITY))

    def picture(self, wide: float, high: float) -> Picture:
        """As JPEG for a place of this size on paper, never enlarged beyond its own pixels."""
        import numpy as np
        from PIL import Image

        share = min(1.0, wide / 72 * DPI / self.columns)
        size = (max(1, round(self.columns * share)), max(1, round(self.rows * share)))
        grey = image = Image.fromarray(np.ascontiguousarray(self.grey))
        if self.colour is not None:
            image = Image.fromarray(self.colour)
        if size != image.size:
            small = grey.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
            image = small if image is grey else image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
            grey = small
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=JPEG_QUALITY, dpi=(DPI, DPI))
        return Picture(buffer.getvalue(), wide, high, np.asarray(grey))


def show(frame: Frame, boxes: Sequence[Box]) -> Shown:
    """The frame with its default display transform and without black borders; all ``boxes`` stay."""
    from boneage_desk.imaging.voi import apply_voi

    grey = apply_voi(frame.pixels, frame.vois[0], max_value=frame.max_value)
    if frame.padding is not None:
        grey[frame.pixels == frame.padding] = 0
    x0, y0, x1, y1 = _lit(grey)
    if x1 <= x0:
        return Shown(grey)
    x0 = int(min([x0, *(box.x0 for box in boxes)]))
    y0 = int(min([y0, *(box.y0 for box in boxes)]))
    x1 = int(max([x1, *(box.x1 for box in boxes)]))
    y1 = int(max([y1, *(box.y1 for box in boxes)]))
    edge = round(0.03 * max(x1 - x0, y1 - y0))
    x0, y0 = max(0, x0 - edge), max(0, y0 - edge)
    x1, y1 = min(frame.width, x1 + edge), min(frame.height, y1 + edge)
    if (x1 - x0) * (y1 - y0) > LEAST_TRIM * frame.width * frame.height:
        return Shown(grey)
    return Shown(grey[y0:y1, x0:x1], x0, y0, trimmed=True, film=(frame.width, frame.height))


def _lit(grey: npt.NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """Bounds (x0, y0, x1, y1) of what is brighter than paper can show as black; x1 <= x0 where nothing is.

    Means of 8 x 8 pixels are looked at: a marker counts, the noise of air does not.
    """
    import numpy as np
    from PIL import Image

    lit = np.asarray(Image.fromarray(grey).reduce(BLOCK)) > BLACK
    columns, rows = np.flatnonzero(lit.any(axis=0)), np.flatnonzero(lit.any(axis=1))
    if columns.size == 0:
        return 0, 0, 0, 0
    return (
        int(columns[0]) * BLOCK,
        int(rows[0]) * BLOCK,
        min(grey.shape[1], (int(columns[-1]) + 1) * BLOCK),
        min(grey.shape[0], (int(rows[-1]) + 1) * BLOCK),
    )


def place_labels(boxes: Sequence[Rect], sizes: Sequence[tuple[float, float]], picture: Picture) -> list[Rect]:
    """One place for each label: beside its own box, off other boxes and labels, over dark ground."""
    placed: list[Rect] = []
    for i, (box, (wide, high)) in enumerate(zip(boxes, sizes, strict=True)):
        others = [other for j, other in enumerate(boxes) if j != i]
        best = min(
            _candidates(box, wide, high, picture),
            key=lambda spot: _cost(spot, box, others, placed, picture),
        )
        placed.append(best)
    return placed


def _candidates(box: Rect, wide: float, high: float, picture: Picture) -> list[Rect]:
    spots = []
    across = ((box.x0 + box.x1) / 2 - wide / 2, box.x0, box.x1 - wide)
    down = ((box.y0 + box.y1) / 2 - high / 2, box.y0, box.y1 - high)
    for gap in (1.5, 5.0, 10.0, 18.0, 30.0):
        spots += [(x, y) for y in down for x in (box.x1 + gap, box.x0 - gap - wide)]
        spots += [(x, y) for x in across for y in (box.y0 - gap - high, box.y1 + gap)]
    rects = [Rect(x, y, x + wide, y + high) for x, y in spots]
    inside = [rect for rect in rects if rect.inside(picture.wide, picture.high)]
    if inside:
        return inside
    x = min(max(0.0, box.x1), max(0.0, picture.wide - wide))
    y = min(max(0.0, (box.y0 + box.y1) / 2 - high / 2), max(0.0, picture.high - high))
    return [Rect(x, y, x + wide, y + high)]


def _cost(spot: Rect, box: Rect, others: Sequence[Rect], placed: Sequence[Rect], picture: Picture) -> float:
    """Overlap with boxes and labels, light ground, distance; and to stand nearer to another bone's box."""
    rows, columns = picture.grey.shape
    x0, x1 = (int(x / picture.wide * columns) for x in (spot.x0, spot.x1))
    y0, y1 = (int(y / picture.high * rows) for y in (spot.y0, spot.y1))
    under = picture.grey[max(0, y0) : y1 + 1, max(0, x0) : x1 + 1]
    brightness = float(under.mean()) / 255 if under.size else 0.0
    area = (spot.x1 - spot.x0) * (spot.y1 - spot.y0)
    hidden = sum(spot.overlap(other) for other in others) + spot.overlap(box)
    clash = sum(spot.overlap(other) for other in placed)
    away = spot.distance(box)
    # of two boxes that overlap, the label of the upper one stands higher
    askew = abs(spot.y0 + spot.y1 - box.y0 - box.y1) / 2 / (box.y1 - box.y0)
    strays = any(spot.distance(other) <= away + 1.0 for other in others)
    return hidden / area * 4 + clash / area * 8 + brightness * 2.5 + away / 15 + askew * 0.6 + (2.0 if strays else 0.0)
