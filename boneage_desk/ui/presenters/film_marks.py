"""Distances, angles and notes over the film: what is under the cursor, how one is drawn or moved, what is written beside it."""

from __future__ import annotations

import dataclasses
import math
import textwrap
from dataclasses import dataclass

from boneage_desk.common.i18n import mark, tr
from boneage_desk.reading.annotations import (
    AT_DETECTOR,
    DEGREES_IN_PIXELS,
    MILLIMETRES,
    PIXELS,
    POINTS,
    Annotation,
    AnnotationKind,
    Point,
    measure,
)
from boneage_desk.reading.film import Spacing
from boneage_desk.ui.presenters.viewport import Rect, Viewport

REACH = 7.0
"""Screen pixels within which an end or a line is taken hold of."""
NOTE_WIDTH, NOTE_LINES = 30, 5
"""Characters in a line of a note on the film, and how many lines it has at most."""
KINDS = {f"{kind}-tool": kind for kind in AnnotationKind}
"""Command of each tool that draws."""
_UNITS = {MILLIMETRES: mark("mm"), AT_DETECTOR: mark("mm at detector"), PIXELS: mark("px"),
          DEGREES_IN_PIXELS: mark("\N{DEGREE SIGN} in pixels")}  # fmt: skip


def label(annotation: Annotation) -> str:
    """Its value with its unit in the window's language, or its words in short lines."""
    found = measure(annotation)
    if found is None:
        lines = textwrap.wrap(annotation.text, NOTE_WIDTH)
        if len(lines) > NOTE_LINES:
            lines = [*lines[: NOTE_LINES - 1], f"{lines[NOTE_LINES - 1]} \N{HORIZONTAL ELLIPSIS}"]
        return "\n".join(lines)
    unit = tr(_UNITS.get(found.unit, found.unit))
    number = f"{found.value:.0f}" if found.unit == PIXELS else f"{found.value:.1f}"
    return f"{number}{unit}" if unit.startswith("\N{DEGREE SIGN}") else f"{number} {unit}"


def anchor(points: tuple[Point, ...], kind: AnnotationKind) -> Rect:
    """The screen rectangle that a label stands beside: the vertex of an angle, the right end of a distance, a note's dot."""
    x, y = points[1] if kind is AnnotationKind.ANGLE and len(points) > 1 else max(points)
    return x - 4, y - 4, x + 4, y + 4


def along(points: tuple[Point, ...], most: int = 24) -> list[Rect]:
    """Small rectangles along the lines, in screen pixels, for labels to keep off what is measured."""
    found: list[Rect] = []
    for (ax, ay), (bx, by) in zip(points, points[1:], strict=False):
        steps = min(most, max(1, int(math.dist((ax, ay), (bx, by)) / 14)))
        for k in range(steps + 1):
            x, y = ax + (bx - ax) * k / steps, ay + (by - ay) * k / steps
            found.append((x - 2, y - 2, x + 2, y + 2))
    return found


def on_screen(annotation: Annotation, view: Viewport) -> tuple[Point, ...]:
    return tuple(view.to_screen(*point) for point in annotation.points)


@dataclass(frozen=True, slots=True)
class Hit:
    """What a screen point lies on: an annotation's point by its place, or -1 for its line."""

    number: int
    index: int


def hit(annotations: tuple[Annotation, ...], view: Viewport, x: float, y: float) -> Hit | None:
    """The end, else the line, that is nearest within reach; later ones lie above."""
    best: tuple[float, Hit] | None = None
    for annotation in annotations:
        points = on_screen(annotation, view)
        found = [(math.dist(point, (x, y)), Hit(annotation.number, i)) for i, point in enumerate(points)]
        found += [
            (_to_line((x, y), a, b) + REACH / 2, Hit(annotation.number, -1))  # an end wins over its line
            for a, b in zip(points, points[1:], strict=False)
        ]
        near = min(found, key=lambda pair: pair[0])
        limit = REACH if near[1].index >= 0 else REACH * 1.5
        if near[0] <= limit and (best is None or near[0] <= best[0]):
            best = near
    return best[1] if best else None


def _to_line(p: Point, a: Point, b: Point) -> float:
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = dx * dx + dy * dy
    t = 0.0 if not length else min(1.0, max(0.0, ((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / length))
    return math.dist(p, (a[0] + t * dx, a[1] + t * dy))


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a drag or the last click made. ``number`` 0: a new one."""

    kind: AnnotationKind
    points: tuple[Point, ...]
    number: int = 0


class Drawing:
    """One annotation while it is drawn or moved, in film pixels: by drags or by clicks. No Qt, no reading."""

    def __init__(self) -> None:
        self._kind: AnnotationKind | None = None
        self._points: list[Point] = []
        self._fresh = False
        self._cursor: Point | None = None
        self._held: tuple[Annotation, Hit, Point] | None = None

    @property
    def pending(self) -> bool:
        """Something was begun and is not done."""
        return self._kind is not None or self._held is not None

    @property
    def moving(self) -> int:
        """Number of the annotation that is moved; 0 for none."""
        return self._held[0].number if self._held else 0

    def drop(self) -> None:
        self._kind, self._points, self._cursor, self._held = None, [], None, None

    # --- a new one --------------------------------------------------------------------------

    def press(self, kind: AnnotationKind, at: Point) -> None:
        if self._kind is not kind:
            self.drop()
            self._kind = kind
        self._fresh = not self._points
        if self._fresh:
            self._points = [at]
        self._cursor = at

    def hover(self, at: Point) -> None:
        self._cursor = at

    def release(self, at: Point, moved: bool) -> Drawn | None:
        """The end of a press: a click sets one point, a drag sets where it began and where it ended."""
        if self._held is not None:
            return self._dropped(at, moved)
        if self._kind is None:
            return None
        if (moved or not self._fresh) and self._points[-1] != at:
            self._points.append(at)
        if len(self._points) < POINTS[self._kind]:
            return None
        done = Drawn(self._kind, tuple(self._points))
        self.drop()
        return done

    # --- one that is there ------------------------------------------------------------------

    def hold(self, annotation: Annotation, what: Hit, at: Point) -> None:
        self.drop()
        self._held = (annotation, what, at)

    def _dropped(self, at: Point, moved: bool) -> Drawn | None:
        assert self._held is not None
        annotation, self._cursor = self._held[0], at
        points = self._moved_points()
        self.drop()
        return Drawn(annotation.kind, points, annotation.number) if moved and points != annotation.points else None

    def _moved_points(self) -> tuple[Point, ...]:
        assert self._held is not None
        annotation, what, start = self._held
        now = self._cursor or start
        dx, dy = now[0] - start[0], now[1] - start[1]
        return tuple(
            (x + dx, y + dy) if what.index in (-1, i) else (x, y) for i, (x, y) in enumerate(annotation.points)
        )

    # --- to draw ----------------------------------------------------------------------------

    def shape(self, spacing: Spacing) -> tuple[tuple[Point, ...], AnnotationKind, str] | None:
        """Points in film pixels, kind and label of what is drawn or moved now; None for nothing."""
        if self._held is not None:
            moved = dataclasses.replace(self._held[0], points=self._moved_points())
            return moved.points, moved.kind, label(moved)
        if self._kind is None or not self._points:
            return None
        points = tuple(self._points)
        if self._cursor is not None and self._cursor != points[-1]:
            points = (*points, self._cursor)
        done = len(points) == POINTS[self._kind]
        return points, self._kind, label(Annotation(1, self._kind, points, spacing=spacing)) if done else ""


def words_of(annotations: tuple[Annotation, ...], shown: bool) -> str:
    """For the state of the overlay: '2 measurements, 1 note'; that they are there but hidden; '' for none."""
    notes = sum(a.kind is AnnotationKind.NOTE for a in annotations)
    measured = len(annotations) - notes
    parts = [
        (tr("1 measurement") if measured == 1 else tr("{count} measurements", count=measured)) if measured else "",
        (tr("1 note") if notes == 1 else tr("{count} notes", count=notes)) if notes else "",
    ]
    said = ", ".join(part for part in parts if part)
    return said if shown or not said else tr("hidden: {what}", what=said)
