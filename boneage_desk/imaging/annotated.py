"""The film with boxes, grades and measured widths as a picture: of ``read --png`` and of the DICOM secondary capture."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from boneage_desk.reading.evidence import TRUSTED, Point
from boneage_desk.reading.findings import BoneFinding
from boneage_desk.reading.session import Reading
from boneage_desk.reading.summary import summarise
from boneage_desk.standards import rus_chn

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL import Image, ImageDraw, ImageFont

    from boneage_desk.reading.film import Frame

MACHINE, HUMAN, DOUBT = (90, 170, 255), (255, 150, 60), (255, 220, 70)
"""Colours of the window: what the machine says, what a person says, what needs a look."""
EPIPHYSIS, SHAFT = (63, 224, 208), (240, 154, 210)
"""Where the widths were measured: the epiphysis solid, the end of the shaft dashed."""
LEAST_WIDTH = 24.0
"""Film pixels that a measured width takes at least where it is drawn: on a smaller joint it would hide the bone."""
_GROUND = (12, 12, 14)

Rect = tuple[float, float, float, float]
"""x0, y0, x1, y1 in film pixels."""
_Pen = tuple["ImageDraw.ImageDraw", "ImageFont.FreeTypeFont | ImageFont.ImageFont"]


def annotated_png(frame: Frame, reading: Reading) -> bytes:
    """`annotated` as a PNG."""
    buffer = io.BytesIO()
    annotated(frame, reading).save(buffer, "PNG", compress_level=3)  # noise does not get smaller, only slower
    return buffer.getvalue()


def annotated(frame: Frame, reading: Reading, *, lines: Sequence[str] = ()) -> Image.Image:
    """The whole film at its own size, RGB: boxes, measured widths, and a label beside each box and off the others.

    ``lines``: further lines under the headline.
    """
    from PIL import Image, ImageDraw, ImageFont

    from boneage_desk.imaging.voi import apply_voi

    grey = apply_voi(frame.pixels, frame.vois[0], max_value=frame.max_value)
    image = Image.fromarray(grey).convert("RGB")
    draw = ImageDraw.Draw(image)
    size = max(12, round(max(image.size) / 75))
    pen = (draw, ImageFont.load_default(size))
    shown = [finding for finding in reading.bones if finding.box is not None]
    taken = [_corners(finding) for finding in shown]
    for finding in shown:
        _outline(draw, finding, max(2, size // 9))
        _widths(draw, finding, max(1, size // 12))
    for finding in shown:
        taken.append(_label(pen, finding, taken, grey))
    _headline(pen, reading, size, lines)
    return image


def _corners(finding: BoneFinding) -> Rect:
    box = finding.box
    if box is None:
        raise ValueError(f"{finding.bone} has no box")
    return box.x0, box.y0, box.x1, box.y1


def _colour(finding: BoneFinding) -> tuple[int, int, int]:
    if finding.human_box is not None or finding.overridden:
        return HUMAN
    return DOUBT if finding.uncertain else MACHINE


def _outline(draw: ImageDraw.ImageDraw, finding: BoneFinding, width: int) -> None:
    """Solid; dashed where the machine doubts, so that colour is not all that tells."""
    x0, y0, x1, y1 = _corners(finding)
    colour = _colour(finding)
    if not finding.uncertain:
        draw.rectangle((x0, y0, x1, y1), outline=colour, width=width)
        return
    corners = ((x0, y0), (x1, y0), (x1, y1), (x0, y1))
    for start, end in zip(corners, (*corners[1:], corners[0]), strict=True):
        _dashed(draw, start, end, colour, width)


def _dashed(draw: ImageDraw.ImageDraw, a: Point, b: Point, colour: tuple[int, int, int], width: int) -> None:
    steps = max(1, round(math.dist(a, b) / (4.0 * width)))
    for step in range(0, steps, 2):
        start, end = step / steps, min(1.0, (step + 1) / steps)
        line = (a[0] + (b[0] - a[0]) * start, a[1] + (b[1] - a[1]) * start,
                a[0] + (b[0] - a[0]) * end, a[1] + (b[1] - a[1]) * end)  # fmt: skip
        draw.line(line, fill=colour, width=width)


def _widths(draw: ImageDraw.ImageDraw, finding: BoneFinding, width: int) -> None:
    """The two lines of the measured evidence, each on a darker one; none of an outline that cannot be trusted."""
    evidence = finding.evidence
    if evidence is None or evidence.quality < TRUSTED:
        return
    lines = [line for line in (evidence.epiphysis_line, evidence.metaphysis_line) if line is not None]
    if not lines or math.dist(*lines[-1]) < LEAST_WIDTH:
        return
    for start, end in lines:
        draw.line((*start, *end), fill=_GROUND, width=width + 2)
    if evidence.epiphysis_line is not None:
        (start, end) = evidence.epiphysis_line
        draw.line((*start, *end), fill=EPIPHYSIS, width=width)
    if evidence.metaphysis_line is not None:
        _dashed(draw, *evidence.metaphysis_line, SHAFT, width)


def _label(pen: _Pen, finding: BoneFinding, taken: list[Rect], grey: npt.NDArray[np.uint8]) -> Rect:
    """Write the bone and its grade beside the box: off boxes and other labels, over dark ground."""
    draw, font = pen
    final = finding.final_grade
    text = f"{finding.bone} {'?' if final is None else rus_chn.label(finding.bone, final)}"
    left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
    wide, high = right - left, bottom - top
    own = _corners(finding)
    best = label_place(own, wide, high, taken, grey)
    pad = high / 6
    draw.rectangle((best[0] - pad, best[1] - pad, best[2] + pad, best[3] + pad), fill=_GROUND)
    draw.text((best[0] - left, best[1] - top), text, font=font, fill=_colour(finding))
    away_x = max(best[0] - own[2], own[0] - best[2])
    if away_x > 2 * high:  # a thin line back to the box
        middle = (best[1] + best[3]) / 2
        from_x, to_x = (own[2], best[0] - pad) if best[0] > own[2] else (own[0], best[2] + pad)
        draw.line((from_x, min(max(middle, own[1]), own[3]), to_x, middle), fill=_colour(finding), width=1)
    return best


def label_place(own: Rect, wide: float, high: float, taken: list[Rect], grey: npt.NDArray[np.uint8]) -> Rect:
    """Where a label of that size stands beside the box ``own``: off ``taken``, over dark ground, not far away."""
    rows, columns = grey.shape
    rects = _places(own, wide, high)
    inside = [r for r in rects if r[0] >= 0 and r[1] >= 0 and r[2] <= columns and r[3] <= rows]
    return min(inside or rects, key=lambda rect: _cost(rect, own, taken, grey))


def _places(own: Rect, wide: float, high: float) -> list[Rect]:
    middle = (own[1] + own[3] - high) / 2
    spots = []
    for away in (0.4, 1, 2, 4, 6, 9, 12):
        gap = away * high
        for y in (middle, own[1], own[3] - high):
            spots += [(own[2] + gap, y), (own[0] - gap - wide, y)]
        if away <= 2:
            for x in (own[0], own[2] - wide):
                spots += [(x, own[1] - gap - high), (x, own[3] + gap)]
    return [(x, y, x + wide, y + high) for x, y in spots]


def _cost(rect: Rect, own: Rect, taken: list[Rect], grey: npt.NDArray[np.uint8]) -> float:
    """Covered boxes and labels weigh most, then bone under any part of the label, then distance."""
    import numpy as np

    area = (rect[2] - rect[0]) * (rect[3] - rect[1])
    x0, y0, x1, y1 = (max(0, int(v)) for v in rect)
    under = grey[y0 : y1 + 1, x0 : x1 + 1]
    bright = float(np.percentile(under[::2, ::2], 97)) / 255 if under.size else 0.0
    covered = sum(_overlap(rect, other) for other in taken) / area
    across = max(rect[0] - own[2], own[0] - rect[2], 0.0)
    down = max(rect[1] - own[3], own[1] - rect[3], 0.0)
    return 6 * covered + 3 * bright + (across + down) / (rect[3] - rect[1]) / 20


def _overlap(a: Rect, b: Rect) -> float:
    across, down = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return across * down if across > 0 and down > 0 else 0.0


def _headline(pen: _Pen, reading: Reading, size: int, lines: Sequence[str]) -> None:
    draw, font = pen
    summary = summarise(reading)
    age = summary.bone_age.text if summary.bone_age else "no bone age"
    first = f"{rus_chn.NAME}  {summary.score if summary.score is not None else '-'}  {age}"
    text = "\n".join((first, *lines))
    box = draw.textbbox((size, size), text, font=font)
    draw.rectangle((box[0] - 6, box[1] - 6, box[2] + 6, box[3] + 6), fill=_GROUND)
    draw.text((size, size), text, font=font, fill=(235, 235, 235))
