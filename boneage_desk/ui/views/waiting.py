"""Waiting without standing still, and the widths of the window's three columns."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QDeadlineTimer, QEventLoop
from PySide6.QtWidgets import QApplication

from boneage_desk.ui import theme

LARGER = 0.4
"""By what share of the growth of the words the columns beside the film grow: it has the most room in any font."""
TOOL_BAR = 666
"""Pixels that the film's tool bar takes in one line, with the two handles beside it."""


def wait_until(done: Callable[[], bool], at_most_ms: int) -> bool:
    """Keep the window alive until ``done`` or the time is over."""
    deadline = QDeadlineTimer(at_most_ms)
    while not done() and not deadline.hasExpired():
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
    return done()


def columns_for(width: int) -> list[int]:
    """Widths of work list, film and bones: the film gets the most room. The bones have what their rows need, and the list
    gives way for the film's tool bar in one line; on an upright screen that goes on in a second. Larger words have more room."""
    words = 1 + LARGER * max(0.0, theme.points(1) - 1)
    side = min(round(600 * words), max(round((500 if width >= 1200 else 470) * words), round(width * 0.37)))
    listed = max(round(180 * words), min(round(320 * words), round(width * 0.155), width - side - TOOL_BAR))
    return [listed, width - side - listed, side]
