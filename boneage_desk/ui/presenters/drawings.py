"""Drawings by rule: made off the window's thread, once each, and kept."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QImage

from boneage_desk.common.jobs import CancelToken, Progress
from boneage_desk.ui.jobs import BACKGROUND, LATER, Job

if TYPE_CHECKING:
    from boneage_desk.ui.presenters.desk import Desk

WAIT_MS = 120
"""A drawing is begun when the choice stood still for so long: who runs through the rows with a held key asks for nothing."""


def grey_image(grey: Any) -> QImage:
    """A picture of its own from a grey array [H, W] uint8."""
    height, width = grey.shape
    return QImage(grey.tobytes(), width, height, width, QImage.Format.Format_Grayscale8).copy()


class Drawings(QObject):
    """Grey arrays [H, W] uint8 by key. A kind of drawing fills in `worker` and the words ``title`` (of the job) and
    ``trouble`` (why there are none); one job at a time, so that a new choice waits for one drawing at most."""

    changed = Signal()
    """A drawing was made."""

    worker: Callable[[Any], Callable[[], Any]]
    """Of a key: what makes its drawing, on another thread."""

    topic = "atlas"

    def __init__(self, desk: Desk, title: str, trouble: str) -> None:
        super().__init__(desk)
        self._desk = desk
        self._title, self._trouble = title, trouble
        self._made: dict[Hashable, Any] = {}
        self._wanted: list[Any] = []
        self._job: Job | None = None
        self._failed = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(WAIT_MS)
        self._timer.timeout.connect(self._draw)

    @property
    def failed(self) -> bool:
        """They cannot be made; it was told."""
        return self._failed

    def ask(self, keys: Sequence[Hashable]) -> None:
        """Draw these, in this order; what was wanted before and is not begun is passed over."""
        self._wanted = [key for key in dict.fromkeys(keys) if key not in self._made]
        if self._wanted and self._job is None and not self._failed:
            self._timer.start()

    def _draw(self) -> None:
        self._wanted = [key for key in self._wanted if key not in self._made]
        if not self._wanted or self._job is not None or self._desk.runner.closed:
            return
        key = self._wanted.pop(0)
        make = self.worker(key)

        def work(_token: CancelToken, _progress: Progress) -> Any:
            return make()

        def here(picture: Any) -> None:
            self._job = None
            self._made[key] = picture
            self.changed.emit()
            self._draw()

        def failed(error: BaseException) -> None:
            self._job, self._failed = None, True  # told once; the words stand there without
            self._desk.report(error, self._trouble, topic=self.topic)

        self._job = self._desk.runner.submit(
            "atlas", self._title, work, on_result=here, on_failed=failed,
            on_cancelled=lambda: None, priority=LATER if len(self._wanted) > 1 else BACKGROUND,
        )  # fmt: skip
