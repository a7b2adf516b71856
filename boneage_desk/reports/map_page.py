"""The page of the film with the map of where the second opinion's model looked, and its colour key."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from boneage_desk.reading.report_content import ReportContent
from boneage_desk.reading.report_map import MapText
from boneage_desk.reports import fonts
from boneage_desk.reports.film_picture import Shown, fit
from boneage_desk.reports.page_head import BODY, SMALL, head, rule
from boneage_desk.reports.tagging import block

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

KEY_WIDE, KEY_HIGH = 120.0, 7.0
STEPS = 60


def draw(
    canvas: Canvas, content: ReportContent, words: MapText, film: Shown, paper: tuple[float, float], margin: float
) -> None:
    """Caption, key, and the film as large as the page allows; ``film`` has the map in its pixels."""
    from reportlab.lib.utils import ImageReader

    wide = paper[0] - 2 * margin
    y = head(canvas, content, words.title, paper, margin) - 6
    rule(canvas, paper, margin, y)
    y -= 4
    with block(canvas, "P"):
        for line in fonts.wrap(words.caption, BODY, wide):
            y -= BODY * fonts.LEADING
            fonts.draw(canvas, margin, y, line, BODY)
    y -= 16
    _key(canvas, words, margin, y)
    y -= 10
    across, high = fit(film.columns, film.rows, wide, y - margin)
    picture = film.picture(across, high)
    with block(canvas, "Figure", alt=words.alt):
        canvas.drawImage(ImageReader(io.BytesIO(picture.jpeg)), margin + (wide - across) / 2, y - high, across, high)


def _key(canvas: Canvas, words: MapText, x: float, y: float) -> None:
    """The colours from little to most, between their words."""
    import numpy as np

    from boneage_desk.imaging.map_colours import coloured

    with block(canvas, "P"):
        fonts.draw(canvas, x, y + 1, words.less, SMALL)
        x += fonts.width(words.less, SMALL) + 5
        fonts.draw(canvas, x + KEY_WIDE + 5, y + 1, words.more, SMALL)
    step = KEY_WIDE / STEPS
    for i, (red, green, blue, alpha) in enumerate(coloured(np.linspace(0, 1, STEPS)[None], 1.0)[0] / 255.0):
        share = float(alpha)  # over the film's black, as in the picture
        canvas.setFillColorRGB(float(red) * share, float(green) * share, float(blue) * share)
        canvas.rect(x + i * step, y, step + 0.3, KEY_HIGH, stroke=0, fill=1)
    canvas.setStrokeGray(0.4)
    canvas.setLineWidth(0.4)
    canvas.rect(x, y, KEY_WIDE, KEY_HIGH, stroke=1, fill=0)
