"""The picture item, and a guard for drawing functions."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import pyqtgraph as pg
from PySide6.QtGui import QImage, QPainter


def told(draw: Callable[..., None]) -> Callable[..., None]:
    """An exception that leaves a drawing function called by Qt's scene ends the process (PySide6 6.11
    on Python 3.11): it goes to the excepthook from here, which shows it as the bug that it is."""

    @functools.wraps(draw)
    def guarded(*args: Any) -> None:
        try:
            draw(*args)
        except Exception:
            sys.excepthook(*sys.exc_info())

    return guarded


class FilmItem(pg.ImageItem):
    """Screen pixels (uint32 [h, w], 0xffRRGGBB) that were mapped already; drawn smoothly since a radiograph is no pixel art."""

    smooth = True

    def render(self) -> None:
        self._drawn = image = self.image  # the picture below lies in its memory
        rows, columns = image.shape
        self.qimage = QImage(image.data, columns, rows, image.strides[0], QImage.Format.Format_RGB32)
        self._renderRequired = self._unrenderable = False

    @told
    def paint(self, painter: QPainter, *args: Any) -> None:
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self.smooth)
        super().paint(painter, *args)
