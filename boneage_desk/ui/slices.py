"""Work of the window's thread in small pieces, between which it answers the person; and imports as such work.

PySide6 6.11 on Python 3.11 ends the process when two threads make Qt's enumerations at once, so that what walks through
them (pyqtgraph) cannot be imported on another thread.
"""

from __future__ import annotations

import ast
import gc
import importlib
import importlib.util
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import QObject, QTimer

PIECE_S = 0.008
"""So long the pieces of one turn may take together; a single one may take longer."""


class Slices(QObject):
    """Runs ``work``, a piece at each ``next``, some milliseconds in each turn of the event loop. ``done`` is called on the
    window's thread at its end, ``failed`` with what it raised."""

    def __init__(
        self, parent: QObject, work: Iterator[None], done: Callable[[], None], failed: Callable[[BaseException], None],
        pause_ms: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self._work, self._done, self._failed = work, done, failed
        self._timer = QTimer(self)
        self._timer.setInterval(pause_ms)
        self._timer.timeout.connect(self._turn)
        self._timer.start()

    @property
    def active(self) -> bool:
        """There is work left."""
        return self._timer.isActive()

    def stop(self) -> None:
        """Leave the rest undone; neither ``done`` nor ``failed`` is called."""
        self._timer.stop()

    def _turn(self) -> None:
        until = time.perf_counter() + PIECE_S
        try:
            while time.perf_counter() < until:
                next(self._work)
        except StopIteration:
            self._timer.stop()
            self._done()
        except Exception as error:
            self._timer.stop()
            self._failed(error)


class Collector(QObject):
    """Collects Python's garbage on the window's thread alone, once a second where there is enough of it.

    A collection that a job's thread began could destroy a closed view's Qt objects there, and Qt crashes. As pyqtgraph's
    GarbageCollector, without the import of all of pyqtgraph right after the first paint.
    """

    def __init__(self, interval_ms: int = 1000) -> None:
        super().__init__()
        gc.disable()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._look)
        self._timer.start(interval_ms)

    @staticmethod
    def _look() -> None:
        for generation, (count, most) in enumerate(zip(gc.get_count(), gc.get_threshold(), strict=True)):
            if count <= most:
                return
            gc.collect(generation)


# --- imports ----------------------------------------------------------------------------------


def modules(names: Iterable[str]) -> Iterator[None]:
    """Import each; one is a piece."""
    for name in names:
        importlib.import_module(name)
        yield


def qt_classes() -> Iterator[None]:
    """Make the classes of Qt, which PySide6 makes on first use, each with its enumerations."""
    for module in (QtCore, QtGui, QtWidgets):
        for name in dir(module):
            getattr(module, name)
            yield


def package(name: str) -> Iterator[None]:
    """Import a package whose ``__init__`` imports all of its modules; one statement of it is a piece.

    Who uses the package before the end gets the rest of it imported at that moment; a module of it must not be imported by
    itself meanwhile. In one piece where there is no source (a frozen program).
    """
    spec = None if name in sys.modules else importlib.util.find_spec(name)
    get_source: Any = getattr(spec.loader, "get_source", None) if spec is not None else None
    source: str | None = get_source(name) if get_source is not None else None
    if spec is None or source is None:
        importlib.import_module(name)
        yield
        return
    module = importlib.util.module_from_spec(spec)
    left = [compile(ast.Module([line], []), spec.origin or name, "exec") for line in ast.parse(source).body]
    left.reverse()
    sys.modules[name] = module

    def run() -> None:
        module.__dict__.pop("__getattr__", None)  # what is asked for within a statement is asked as in any import
        try:
            exec(left.pop(), module.__dict__)
        except BaseException:
            left.clear()
            sys.modules.pop(name, None)
            raise
        if left:
            module.__dict__["__getattr__"] = rest

    def rest(wanted: str) -> Any:
        if wanted.startswith("__"):
            raise AttributeError(wanted)
        while left:
            run()
        return getattr(module, wanted)

    while left:
        run()
        yield


__all__ = ["Collector", "Slices", "modules", "package", "qt_classes"]
