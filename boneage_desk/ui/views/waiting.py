"""Waiting without standing still, and the widths of the window's three columns."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QDeadlineTimer, QEventLoop
from PySide6.QtWidgets import QApplication


def wait_until(done: Callable[[], bool], at_most_ms: int) -> bool:
    """Keep the window alive until ``done`` or the time is over."""
    deadline = QDeadlineTimer(at_most_ms)
    while not done() and not deadline.hasExpired():
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
    return done()


def columns_for(width: int) -> list[int]:
    """Widths of work list, film and bones: the film gets the most room."""
    side = min(600, max(430, round(width * 0.352)))
    listed = min(320, max(190, round(width * 0.155)))
    return [listed, width - side - listed, side]
