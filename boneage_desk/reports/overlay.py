"""Boxes and labels over the film, as lines and text, not as pixels."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from boneage_desk.reading.findings import Box
from boneage_desk.reading.report_content import Overlay, ReportContent
from boneage_desk.reports import fonts
from boneage_desk.reports.film_picture import Picture, Rect, Shown, place_labels

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

MACHINE = (0.45, 0.80, 1.0)
PERSON = (1.0, 0.70, 0.28)
LEADER_FROM = 4.0
"""Points between box and label from which a line joins them."""


@contextmanager
def unspoken(canvas: Canvas) -> Iterator[None]:
    """What is drawn inside is passed over when text is copied or read aloud: the table says it in order."""
    canvas._code.append("/Span <</ActualText ()>> BDC")  # type: ignore[attr-defined]
    try:
        yield
    finally:
        canvas._code.append("EMC")  # type: ignore[attr-defined]


def draw_film(
    canvas: Canvas, content: ReportContent, film: Shown, picture: Picture, x: float, top: float, size: float
) -> None:
    """The picture with its top-left corner at (x, top), then boxes, then labels."""
    from reportlab.lib.utils import ImageReader

    bottom = top - picture.high
    canvas.drawImage(ImageReader(io.BytesIO(picture.jpeg)), x, bottom, picture.wide, picture.high)
    across, down = picture.wide / film.columns, picture.high / film.rows
    boxes = [_rect(o.box, film, across, down) for o in content.overlays]
    size = min(size, 6.6)
    sizes = [(fonts.width(o.label, size, bold=True) + 3, size * 1.25) for o in content.overlays]
    spots = place_labels(boxes, sizes, picture)
    canvas.saveState()
    clip = canvas.beginPath()
    clip.rect(x, bottom, picture.wide, picture.high)
    canvas.clipPath(clip, stroke=0, fill=0)
    for overlay, box, spot in zip(content.overlays, boxes, spots, strict=True):
        _box(canvas, overlay, box, spot, x, top)
    with unspoken(canvas):
        for overlay, spot in zip(content.overlays, spots, strict=True):
            _label(canvas, overlay, spot, x, top, size)
    canvas.restoreState()
    canvas.setStrokeGray(0.4)
    canvas.setLineWidth(0.4)
    canvas.rect(x, bottom, picture.wide, picture.high, stroke=1, fill=0)


def _rect(box: Box, film: Shown, across: float, down: float) -> Rect:
    """A box of film pixels in points from the picture's top-left corner."""
    return Rect(
        (box.x0 - film.x0) * across, (box.y0 - film.y0) * down, (box.x1 - film.x0) * across, (box.y1 - film.y0) * down
    )


def _box(canvas: Canvas, overlay: Overlay, box: Rect, spot: Rect, x: float, top: float) -> None:
    """A dark line under a light one: seen over bone and over air, in colour and in grey."""
    place = (x + box.x0, top - box.y1, box.x1 - box.x0, box.y1 - box.y0)
    weight = 1.3 if overlay.by_person else 0.6
    canvas.setDash([] if overlay.certain else [2.4, 1.8])
    canvas.setStrokeColorRGB(0, 0, 0)
    canvas.setLineWidth(weight + 0.8)
    canvas.rect(*place, stroke=1, fill=0)
    canvas.setStrokeColorRGB(*(PERSON if overlay.by_person else MACHINE))
    canvas.setLineWidth(weight)
    canvas.rect(*place, stroke=1, fill=0)
    canvas.setDash([])
    if spot.distance(box) > LEADER_FROM:
        start, end = box.nearest(spot), spot.nearest(box)
        canvas.setLineWidth(0.4)
        canvas.line(x + start[0], top - start[1], x + end[0], top - end[1])


def _label(canvas: Canvas, overlay: Overlay, spot: Rect, x: float, top: float, size: float) -> None:
    canvas.setFillGray(0, alpha=0.55)
    canvas.rect(x + spot.x0, top - spot.y1, spot.x1 - spot.x0, spot.y1 - spot.y0, stroke=0, fill=1)
    canvas.setFillAlpha(1)
    line = canvas.beginText(x + spot.x0 + 1.5, top - spot.y1 + size * 0.32)
    line.setFont(fonts.BOLD, size)
    line.setFillColorRGB(*(PERSON if overlay.by_person else (1, 1, 1)))
    line.textOut(overlay.label)
    canvas.drawText(line)
