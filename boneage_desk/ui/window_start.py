"""What follows the first paint on the window's thread, in pieces: the film view, then the imports of what is opened later.

On a thread of their own first: what has nothing of Qt in it.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from boneage_desk.common.i18n import tr
from boneage_desk.ui.slices import Slices, modules, package, qt_classes

if TYPE_CHECKING:
    from boneage_desk.ui.main_window import MainWindow

BELOW_PYQTGRAPH = (
    "numpy", "numpy.typing", "subprocess", "multiprocessing.connection", "xml.etree.ElementTree", "cProfile", "pydoc",
    "cuda.bindings.runtime",
)  # fmt: skip
"""What pyqtgraph imports and is not Qt; the last is there where torch brought it, and takes longer than all others."""
BELOW_THE_PAGES = ("boneage_desk.reading.report_standards", "boneage_desk.reading.report_growth", "boneage_desk.reading.plate_ladder",
                   "boneage_desk.reading.growth_view", "boneage_desk.reading.follow_up")  # fmt: skip
"""Standards and growth with their tables: what the pages of `PAGES` import and is not Qt."""
PAGES = tuple(f"boneage_desk.ui.{name}" for name in (
    "presenters.plates", "presenters.clinical", "views.plate_ladder", "views.standards_pane", "views.growth_pane", "views.visits_pane",
    "views.settings_keys", "views.settings_dialog", "views.queue_window", "views.export_dialog",
))  # fmt: skip
PAUSE_MS = 30
"""Between the imports of pages: nobody waits for them."""


class WindowStart(QObject):
    """Completes the window without holding it."""

    completed = Signal()
    """The film view is there."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._w = window
        self._slices: Slices | None = None
        self.active = False
        """The film view is being made."""

    def begin(self) -> None:
        """The film view as soon as may be, then the pages."""
        self.active = True

        def load(_token: object, _progress: object) -> None:
            for name in BELOW_PYQTGRAPH:
                with contextlib.suppress(ImportError):  # pyqtgraph does without, or says what is missing
                    importlib.import_module(name)

        self._w.desk.runner.submit(
            "import", tr("Preparing the film view"), load, on_result=lambda _done: self._film_view(), on_failed=self._failed
        )

    def _film_view(self) -> None:
        work = chain(qt_classes(), package("pyqtgraph"), modules(["boneage_desk.ui.views.film_panel"]), self._complete())
        self._slices = Slices(self, work, self._pages, self._failed)

    def _failed(self, error: BaseException) -> None:
        self.active = False
        self._w.desk.report(error, tr("The film view could not be made"), topic="import")

    def _complete(self) -> Iterator[None]:
        self._w.complete()
        yield

    def _pages(self) -> None:
        self.active = False
        self.completed.emit()

        def load(_token: object, _progress: object) -> None:
            for name in BELOW_THE_PAGES:
                importlib.import_module(name)

        def loaded(_done: object) -> None:
            self._slices = Slices(self, modules(PAGES), lambda: None, self._w.desk.report, PAUSE_MS)

        self._w.desk.run_later("import", tr("Clinical"), load, loaded, tr("Clinical"))

    def stop(self) -> None:
        """The window closes."""
        self.active = False
        if self._slices is not None:
            self._slices.stop()
