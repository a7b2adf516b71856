"""Where film points lie on the screen: zoom, place and orientation as one value."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from dataclasses import dataclass

from boneage_desk.common.i18n import tr
from boneage_desk.reading.findings import Box

Point = tuple[float, float]
Rect = tuple[float, float, float, float]
"""x0, y0, x1, y1"""

MIN_ZOOM, MAX_ZOOM = 0.02, 40.0

_TURNS = {(1, 0, 0, 1): 0, (0, -1, 1, 0): 90, (-1, 0, 0, -1): 180, (0, 1, -1, 0): 270}


@dataclass(frozen=True, slots=True)
class Viewport:
    """screen = zoom * R * M * (film - centre) + middle of the widget.

    ``matrix`` (a, b, c, d), M, holds only turns by 90 degrees and mirrors: x' = a x + b y, y' = c x + d y. R turns by
    ``angle_deg`` clockwise on the screen, over -180 to 180.
    """

    film: tuple[int, int]
    widget: tuple[int, int]
    zoom: float = 1.0
    centre: Point = (0.0, 0.0)
    matrix: tuple[int, int, int, int] = (1, 0, 0, 1)
    angle_deg: float = 0.0

    # --- points -----------------------------------------------------------------------------

    @property
    def linear(self) -> tuple[float, float, float, float]:
        """R * M as (a, b, c, d)."""
        if not self.angle_deg:
            return self.matrix
        (a, b, c, d), turn = self.matrix, math.radians(self.angle_deg)
        cos, sin = math.cos(turn), math.sin(turn)
        return cos * a - sin * c, cos * b - sin * d, sin * a + cos * c, sin * b + cos * d

    @property
    def upright(self) -> Viewport:
        """The same view without the free turn: boxes are upright there. `unturned` gives the points of it."""
        return dataclasses.replace(self, angle_deg=0.0) if self.angle_deg else self

    def unturned(self, x: float, y: float) -> Point:
        """Where a screen point would lie without the free turn."""
        if not self.angle_deg:
            return x, y
        turn, mx, my = math.radians(-self.angle_deg), self.widget[0] / 2, self.widget[1] / 2
        u, v = x - mx, y - my
        return math.cos(turn) * u - math.sin(turn) * v + mx, math.sin(turn) * u + math.cos(turn) * v + my

    def to_screen(self, x: float, y: float) -> Point:
        a, b, c, d = self.linear
        u, v = x - self.centre[0], y - self.centre[1]
        return (
            self.zoom * (a * u + b * v) + self.widget[0] / 2,
            self.zoom * (c * u + d * v) + self.widget[1] / 2,
        )

    def to_film(self, x: float, y: float) -> Point:
        a, b, c, d = self.linear
        u, v = (x - self.widget[0] / 2) / self.zoom, (y - self.widget[1] / 2) / self.zoom
        # the matrix is orthogonal: its inverse is its transpose
        return a * u + c * v + self.centre[0], b * u + d * v + self.centre[1]

    def rect_to_screen(self, box: Box) -> Rect:
        """The screen rectangle that holds a box."""
        return _around(self.to_screen(x, y) for x in (box.x0, box.x1) for y in (box.y0, box.y1))

    def visible_film(self) -> Rect:
        """The part of the film that is on the screen, cut to the film; empty when none is."""
        x0, y0, x1, y1 = _around(self.to_film(x, y) for x in (0, self.widget[0]) for y in (0, self.widget[1]))
        return max(0.0, x0), max(0.0, y0), min(float(self.film[0]), x1), min(float(self.film[1]), y1)

    # --- moves ------------------------------------------------------------------------------

    def fitted(self, content: Rect | None = None, margin: int = 4) -> Viewport:
        """The whole film, or the part of it that is picture, as large as it goes."""
        x0, y0, x1, y1 = content or (0.0, 0.0, float(self.film[0]), float(self.film[1]))
        a, b, c, d = (abs(v) for v in self.linear)
        width, height = a * (x1 - x0) + b * (y1 - y0), c * (x1 - x0) + d * (y1 - y0)
        room_x, room_y = max(1, self.widget[0] - 2 * margin), max(1, self.widget[1] - 2 * margin)
        zoom = min(room_x / width, room_y / height)
        return dataclasses.replace(self, zoom=_clamp(zoom), centre=((x0 + x1) / 2, (y0 + y1) / 2))

    def panned(self, dx: float, dy: float) -> Viewport:
        """Moved by screen pixels."""
        x, y = self.to_film(self.widget[0] / 2 - dx, self.widget[1] / 2 - dy)
        return dataclasses.replace(self, centre=(x, y))

    def zoomed(self, factor: float, at: Point) -> Viewport:
        """Larger by ``factor``; the film point under the screen point ``at`` stays there."""
        x, y = self.to_film(*at)
        after = dataclasses.replace(self, zoom=_clamp(self.zoom * factor))
        moved = after.to_screen(x, y)
        return after.panned(at[0] - moved[0], at[1] - moved[1])

    def zoomed_to(self, zoom: float) -> Viewport:
        return dataclasses.replace(self, zoom=_clamp(zoom))

    def resized(self, width: int, height: int) -> Viewport:
        return dataclasses.replace(self, widget=(width, height))

    def centred_on(self, x: float, y: float) -> Viewport:
        return dataclasses.replace(self, centre=(x, y))

    def turned(self, clockwise: bool) -> Viewport:
        return self._with(((0, -1), (1, 0)) if clockwise else ((0, 1), (-1, 0)))

    def flipped(self, horizontal: bool) -> Viewport:
        """Mirrored as seen on the screen, whatever the turn."""
        flipped = self._with(((-1, 0), (0, 1)) if horizontal else ((1, 0), (0, -1)))
        return dataclasses.replace(flipped, angle_deg=-self.angle_deg)

    def rotated(self, degrees: float) -> Viewport:
        """Turned freely about the middle of the widget, clockwise."""
        angle = math.remainder(self.angle_deg + degrees, 360.0)
        return dataclasses.replace(self, angle_deg=0.0 if abs(angle) < 1e-9 else angle)

    def _with(self, left: tuple[tuple[int, int], tuple[int, int]]) -> Viewport:
        (p, q), (r, s) = left
        a, b, c, d = self.matrix
        matrix = (p * a + q * c, p * b + q * d, r * a + s * c, r * b + s * d)
        return dataclasses.replace(self, matrix=matrix)

    # --- words ------------------------------------------------------------------------------

    @property
    def mirrored(self) -> bool:
        a, b, c, d = self.matrix
        return a * d - b * c < 0

    @property
    def orientation(self) -> str:
        """'' as filed, else e.g. 'turned 90°', 'mirrored', 'mirrored, turned 180°'."""
        matrix = self.matrix
        words = []
        if self.mirrored:
            words.append("mirrored")
            a, b, c, d = matrix
            matrix = (-a, -b, c, d)
        turn = (_TURNS[matrix] + self.angle_deg) % 360
        if turn:
            words.append(tr("turned {turn}\N{DEGREE SIGN}", turn=f"{turn:.0f}" if turn == round(turn) else f"{turn:.1f}"))
        return ", ".join(words)


def _around(points: Iterable[Point]) -> Rect:
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def _clamp(zoom: float) -> float:
    return min(MAX_ZOOM, max(MIN_ZOOM, zoom))
