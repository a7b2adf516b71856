"""Boxes and labels over the film in screen pixels; where a label goes so that no joint is covered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from boneage_desk.common.i18n import mark, tr
from boneage_desk.reading.findings import Box
from boneage_desk.reading.session import Reading
from boneage_desk.standards import rus_chn
from boneage_desk.ui.presenters import text
from boneage_desk.ui.presenters.rows import doubt_of
from boneage_desk.ui.presenters.viewport import Rect, Viewport


class Show(Enum):
    """What is drawn over the film; Space goes round."""

    ALL = mark("boxes and labels")
    BOXES = mark("boxes only")
    NONE = mark("no overlay")

    def next(self) -> Show:
        order = list(Show)
        return order[(order.index(self) + 1) % len(order)]


@dataclass(frozen=True, slots=True)
class BoxMark:
    """One box to draw, in film pixels. ``label`` carries the letters that stand for colours. ``certain`` False:
    dashed, since the place is uncertain or the grade is and nobody looked at it yet."""

    bone: str
    box: Box
    label: str
    human: bool
    certain: bool


def marks(reading: Reading) -> tuple[BoxMark, ...]:
    """The boxes in force. '!' = worth a look, 'H' = graded otherwise or placed by a person."""
    result = []
    for bone in rus_chn.BONES:
        finding = reading.bone(bone)
        if finding.box is None:
            continue
        human = finding.human_box is not None
        region = finding.machine_region
        certain = human or region is None or region.certain
        doubted = not finding.reviewed and bool(doubt_of(reading, bone))
        sign = (" H" if human or finding.overridden else "") + (" !" if doubted else "")
        result.append(BoxMark(bone, finding.box, text.short(bone) + sign, human, certain and not doubted))
    return tuple(result)


def machine_boxes(reading: Reading) -> tuple[Box, ...]:
    """The machine's own boxes where a person's are in force, or none is."""
    return tuple(
        finding.machine_region.box
        for finding in reading.bones
        if finding.machine_region is not None and (finding.human_box is not None or finding.box_removed)
    )


@dataclass(frozen=True, slots=True)
class RegionMark:
    """A region that a second opinion cut out, in film pixels. ``dashed``: the joints of the fingers, not the carpals."""

    name: str
    label: str
    corners: tuple[tuple[float, float], ...]
    dashed: bool


_REGIONS = {"carpal": mark("carpal"), "metacarpophalangeal": mark("MCP joints")}
REGION_LEGEND = mark("regions: carpal solid, MCP joints dashed")


def regions(reading: Reading) -> tuple[RegionMark, ...]:
    """The regions of the first second opinion that has any."""
    areas = next((opinion.areas for opinion in reading.whole_hand if opinion.areas), ())
    return tuple(
        RegionMark(area.name, tr(_REGIONS.get(area.name, area.name)), area.corners, area.name != "carpal") for area in areas
    )


def region_rect(view: Viewport, region: RegionMark) -> Rect:
    """The screen rectangle that holds a region."""
    points = [view.to_screen(*corner) for corner in region.corners]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs), min(ys), max(xs), max(ys)


def _overlaps(a: Rect, b: Rect, gap: float = 0.0) -> bool:
    return a[0] < b[2] + gap and b[0] < a[2] + gap and a[1] < b[3] + gap and b[1] < a[3] + gap


def _candidates(box: Rect, size: tuple[float, float]) -> list[tuple[Rect, float]]:
    """Places beside a box with their distance: right, left, above and below, near to far."""
    x0, y0, x1, y1 = box
    w, h = size
    result = []
    for gap in (4.0, 14.0, 28.0, 48.0, 72.0, 100.0, 140.0, 190.0):
        for y in (y0 + (y1 - y0 - h) / 2, y0, y1 - h):
            result.append(((x1 + gap, y, x1 + gap + w, y + h), gap))
            result.append(((x0 - gap - w, y, x0 - gap, y + h), gap))
        x = x0 + (x1 - x0 - w) / 2
        result.append(((x, y0 - gap - h, x + w, y0 - gap), gap))
        result.append(((x, y1 + gap, x + w, y1 + gap + h), gap))
    return result


def place_labels(
    boxes: list[tuple[str, Rect]],
    sizes: dict[str, tuple[float, float]],
    bounds: Rect,
    brightness: Callable[[Rect], float] = lambda _rect: 0.0,
    others: Sequence[Rect] = (),
) -> dict[str, Rect]:
    """A place for each label that touches no box, no other label, none of the ``others`` (corner texts)
    and lies within ``bounds``. A box that is out of sight has no label.

    Of the free places the one over the darkest ground nearest to its box wins (``brightness`` of a
    screen rectangle, 0..1), so that a label lies beside the bones and not on them. A label without a
    free place is left out: nothing covers a joint.
    """
    taken: list[Rect] = list(others)
    result: dict[str, Rect] = {}
    obstacles = [rect for _, rect in boxes]
    for bone, box in boxes:
        if not _overlaps(box, bounds):
            continue
        best: tuple[float, Rect] | None = None
        for rect, gap in _candidates(box, sizes[bone]):
            if best is not None and gap / 120.0 >= best[0]:
                break  # they only get farther
            if rect[0] < bounds[0] or rect[1] < bounds[1] or rect[2] > bounds[2] or rect[3] > bounds[3]:
                continue
            if any(_overlaps(rect, other, 2.0) for other in obstacles) or any(
                _overlaps(rect, other, 1.0) for other in taken
            ):
                continue
            cost = 2.5 * brightness(rect) + gap / 120.0
            if best is None or cost < best[0]:
                best = (cost, rect)
        if best is not None:
            taken.append(best[1])
            result[bone] = best[1]
    return result


SMALLEST = 8.0
"""Film pixels a side that a box has at least."""
HANDLES = ("nw", "n", "ne", "e", "se", "s", "sw", "w")


def handle_points(rect: Rect) -> dict[str, tuple[float, float]]:
    x0, y0, x1, y1 = rect
    mx, my = (x0 + x1) / 2, (y0 + y1) / 2
    return {
        "nw": (x0, y0), "n": (mx, y0), "ne": (x1, y0), "e": (x1, my),
        "se": (x1, y1), "s": (mx, y1), "sw": (x0, y1), "w": (x0, my),
    }  # fmt: skip


def grip_at(rect: Rect, x: float, y: float, reach: float = 7.0) -> str:
    """The handle under a screen point, 'move' inside the box, '' elsewhere."""
    for name, (hx, hy) in handle_points(rect).items():
        if abs(x - hx) <= reach and abs(y - hy) <= reach:
            return name
    return "move" if rect[0] <= x <= rect[2] and rect[1] <= y <= rect[3] else ""


def dragged(view: Viewport, box: Box, grip: str, start: tuple[float, float], now: tuple[float, float]) -> Box:
    """``box`` after a drag of ``grip`` between two screen points: at least 8 film pixels a side and
    with its centre on the film."""
    x0, y0, x1, y1 = view.upright.rect_to_screen(box)
    start, now = view.unturned(*start), view.unturned(*now)
    dx, dy = now[0] - start[0], now[1] - start[1]
    if grip == "move":
        x0, x1, y0, y1 = x0 + dx, x1 + dx, y0 + dy, y1 + dy
    else:
        x0 += dx if "w" in grip else 0
        x1 += dx if "e" in grip else 0
        y0 += dy if "n" in grip else 0
        y1 += dy if "s" in grip else 0
    return drawn(view.upright, (x0, y0), (x1, y1))


def nudged(view: Viewport, box: Box, right: int, down: int, *, grow: bool = False) -> Box:
    """``box`` moved by so many film pixels as seen on the screen, or with ``grow`` made larger by them, in place."""
    a, b, c, d = view.matrix
    if grow:
        (x, y), wide, high = box.centre, abs(a) * right + abs(c) * down, abs(b) * right + abs(d) * down
        half_w, half_h = (max(SMALLEST, side) / 2 for side in (box.x1 - box.x0 + wide, box.y1 - box.y0 + high))
        return _legal(view, x - half_w, y - half_h, x + half_w, y + half_h)
    dx, dy = a * right + c * down, b * right + d * down
    return _legal(view, box.x0 + dx, box.y0 + dy, box.x1 + dx, box.y1 + dy)


def drawn(view: Viewport, a: tuple[float, float], b: tuple[float, float], smallest: float = SMALLEST) -> Box:
    """The film box between two screen points, made legal: a least size, and its centre on the film."""
    return _legal(view, *view.to_film(*a), *view.to_film(*b), smallest)


def _legal(view: Viewport, ax: float, ay: float, bx: float, by: float, smallest: float = SMALLEST) -> Box:
    half_w, half_h = max(smallest, abs(bx - ax)) / 2, max(smallest, abs(by - ay)) / 2
    cx = min(max((ax + bx) / 2, 0.0), float(view.film[0]))
    cy = min(max((ay + by) / 2, 0.0), float(view.film[1]))
    return Box(cx - half_w, cy - half_h, cx + half_w, cy + half_h)
