"""Films as pictures: the display transform, and a film with its boxes drawn for ``--png`` and reports."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from boneage_desk.imaging.voi import AUTO, apply_voi, auto_window, voi_lut
from boneage_desk.reading.film import Film, Frame, Voi
from boneage_desk.reading.findings import Box

__all__ = ["AUTO", "Mark", "apply_voi", "auto_window", "draw", "to_png", "voi_lut"]

Mark = tuple[Box, str, bool]
"""(box in film pixels, label, whether the machine is certain); an uncertain box is dashed."""

_BLUE, _YELLOW, _DARK = (86, 160, 255), (255, 204, 64), (12, 12, 14)
_Rect = tuple[float, float, float, float]


def to_png(
    film: Film | Frame,
    out: str | os.PathLike[str],
    boxes: Mapping[str, Mark] | None = None,
    *,
    voi: Voi | None = None,
    invert: bool = False,
    max_side: int = 1600,
) -> Path:
    """Write the film, with boxes by bone id, as a PNG of at most ``max_side`` pixels a side."""
    path = Path(out)
    draw(film, boxes, voi=voi, invert=invert, max_side=max_side).save(path, "PNG")
    return path


def draw(
    film: Film | Frame,
    boxes: Mapping[str, Mark] | None = None,
    *,
    voi: Voi | None = None,
    invert: bool = False,
    max_side: int = 1600,
) -> Image.Image:
    """The picture of :func:`to_png`. Grey when there are no boxes, RGB otherwise."""
    frame = film.frame if isinstance(film, Film) else film
    grey = apply_voi(frame.pixels, voi or frame.vois[0], max_value=frame.max_value, invert=invert)
    picture = Image.fromarray(grey)
    scale = min(1.0, max_side / max(picture.size))
    if scale < 1.0:
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        picture = picture.resize(size, Image.Resampling.BOX if scale < 0.5 else Image.Resampling.BICUBIC)
    if not boxes:
        return picture
    small = np.asarray(picture)
    picture = picture.convert("RGB")
    pen = ImageDraw.Draw(picture)
    line = max(1, round(max(picture.size) / 800))
    font = ImageFont.load_default(max(11, round(max(picture.size) / 75)))
    rects: dict[str, _Rect] = {
        bone: (box.x0 * scale, box.y0 * scale, box.x1 * scale, box.y1 * scale) for bone, (box, _, _) in boxes.items()
    }
    taken = list(rects.values())
    for bone, (_, label, certain) in boxes.items():
        colour = _BLUE if certain else _YELLOW
        _outline(pen, rects[bone], colour, line, dashed=not certain)
        if not label:
            continue
        left, top, right, bottom = pen.textbbox((0, 0), label, font=font)
        place = place_label(rects[bone], (right - left + 6, bottom - top + 4), small, taken)
        taken.append(place)
        _leader(pen, rects[bone], place, colour, line)
        pen.rectangle(place, fill=_DARK)
        pen.text((place[0] + 3 - left, place[1] + 2 - top), label, fill=colour, font=font)
    return picture


def place_label(
    box: _Rect, size: tuple[float, float], grey: npt.NDArray[np.uint8], taken: list[_Rect]
) -> _Rect:
    """A place near ``box`` for a label: over no box (the joints), over no other label, and rather on the dark
    background of ``grey`` than on bone, even if that is a little further away.

    Where everything is taken, the place that covers least.
    """
    rows, columns = grey.shape
    width, height = size
    x0, y0, x1, y1 = box
    middle_x, middle_y = (x0 + x1) / 2, (y0 + y1) / 2
    best: tuple[float, float, _Rect] | None = None
    for ring in range(10):
        gap = 4 + ring * height * 0.8
        for step in (0.0, -1.0, 1.0, -2.0, 2.0, -3.0, 3.0):
            down, across = step * height, step * width / 4
            for left, top in (
                (x1 + gap, middle_y - height / 2 + down),
                (x0 - gap - width, middle_y - height / 2 + down),
                (middle_x - width / 2 + across, y0 - gap - height),
                (middle_x - width / 2 + across, y1 + gap),
            ):
                left = min(max(left, 0.0), max(columns - width - 1, 0.0))
                top = min(max(top, 0.0), max(rows - height - 1, 0.0))
                place = (left, top, left + width, top + height)
                covered = sum(_overlap(place, other) for other in taken)
                under = grey[int(top) : int(top + height) + 1 : 2, int(left) : int(left + width) + 1 : 3]
                cost = float(under.mean()) + 6.0 * ring + 3.0 * abs(step)
                if best is None or (covered, cost) < best[:2]:
                    best = (covered, cost, place)
    assert best is not None
    return best[2]


def _overlap(a: _Rect, b: _Rect) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return width * height if width > 0 and height > 0 else 0.0


def _outline(pen: ImageDraw.ImageDraw, rect: _Rect, colour: tuple[int, int, int], line: int, *, dashed: bool) -> None:
    if not dashed:
        pen.rectangle(rect, outline=colour, width=line)
        return
    x0, y0, x1, y1 = rect
    dash = 5.0 * line
    for ax, ay, bx, by in ((x0, y0, x1, y0), (x1, y0, x1, y1), (x1, y1, x0, y1), (x0, y1, x0, y0)):
        length = max(abs(bx - ax), abs(by - ay), 1.0)
        ux, uy = (bx - ax) / length, (by - ay) / length
        at = 0.0
        while at < length:
            end = min(at + dash, length)
            pen.line((ax + ux * at, ay + uy * at, ax + ux * end, ay + uy * end), fill=colour, width=line)
            at += 2 * dash


def _leader(pen: ImageDraw.ImageDraw, box: _Rect, label: _Rect, colour: tuple[int, int, int], line: int) -> None:
    """A thin line from the box's edge to a label that stands away from it."""
    x = min(max((label[0] + label[2]) / 2, box[0]), box[2])
    y = min(max((label[1] + label[3]) / 2, box[1]), box[3])
    to_x = min(max(x, label[0]), label[2])
    to_y = min(max(y, label[1]), label[3])
    if abs(to_x - x) + abs(to_y - y) > 10:
        pen.line((x, y, to_x, to_y), fill=colour, width=max(1, line // 2))
