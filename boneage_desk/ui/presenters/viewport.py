"""Where film points lie on the screen: zoom, place and orientation as one value."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from boneage_desk.reading.findings import Box

Point = tuple[float, float]
Rect = tuple[float, float, float, float]
"""x0, y0, x1, y1"""

MIN_ZOOM, MAX_ZOOM = 0.02, 40.0

_TURNS = {(1, 0, 0, 1): 0, (0, -1, 1, 0): 90, (-1, 0, 0, -1): 180, (0, 1, -1, 0): 270}


@dataclass(frozen=True, slots=True)
class Viewport:
    """screen = zoom * M * (film - centre) + middle of the widget.

    ``matrix`` (a, b, c, d) holds only turns by 90 degrees and mirrors: x' = a x + b y, y' = c x + d y.
    """

    film: tuple[int, int]
    widget: tuple[int, int]
    zoom: float = 1.0
    centre: Point = (0.0, 0.0)
    matrix: tuple[int, int, int, int] = (1, 0, 0, 1)

    # --- points -----------------------------------------------------------------------------

    def to_screen(self, x: float, y: float) -> Point:
        a, b, c, d = self.matrix
        u, v = x - self.centre[0], y - self.centre[1]
        return (
            self.zoom * (a * u + b * v) + self.widget[0] / 2,
            self.zoom * (c * u + d * v) + self.widget[1] / 2,
        )

    def to_film(self, x: float, y: float) -> Point:
        a, b, c, d = self.matrix
        u, v = (x - self.widget[0] / 2) / self.zoom, (y - self.widget[1] / 2) / self.zoom
        # the matrix is orthogonal: its inverse is its transpose
        return a * u + c * v + self.centre[0], b * u + d * v + self.centre[1]

    def rect_to_screen(self, box: Box) -> Rect:
        (x0, y0), (x1, y1) = self.to_screen(box.x0, box.y0), self.to_screen(box.x1, box.y1)
        return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)

    def visible_film(self) -> Rect:
        """The part of the film that is on the screen, cut to the film; empty when none is."""
        (x0, y0), (x1, y1) = self.to_film(0, 0), self.to_film(*self.widget)
        return (
            max(0.0, min(x0, x1)),
            max(0.0, min(y0, y1)),
            min(float(self.film[0]), max(x0, x1)),
            min(float(self.film[1]), max(y0, y1)),
        )

    # --- moves ------------------------------------------------------------------------------

    def fitted(self, content: Rect | None = None, margin: int = 4) -> Viewport:
        """The whole film, or the part of it that is picture, as large as it goes."""
        x0, y0, x1, y1 = content or (0.0, 0.0, float(self.film[0]), float(self.film[1]))
        turned = self.matrix[0] == 0
        width, height = (y1 - y0, x1 - x0) if turned else (x1 - x0, y1 - y0)
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
        return self._with(((-1, 0), (0, 1)) if horizontal else ((1, 0), (0, -1)))

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
        turn = _TURNS[matrix]
        if turn:
            words.append(f"turned {turn}\N{DEGREE SIGN}")
        return ", ".join(words)


def _clamp(zoom: float) -> float:
    return min(MAX_ZOOM, max(MIN_ZOOM, zoom))
