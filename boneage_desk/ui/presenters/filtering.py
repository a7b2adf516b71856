"""The display filter of the film on the desk: made off the window's thread, named on the screen, gone with the film.

Only what is drawn changes. The frame that models, crops and reports read is never touched.
"""

from __future__ import annotations

from enum import Enum
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from boneage_desk.common.i18n import mark, tr
from boneage_desk.ui.jobs import Job
from boneage_desk.ui.presenters.film_pixels import FilmPixels

if TYPE_CHECKING:
    from boneage_desk.ui.presenters.desk import Desk


class DisplayFilter(Enum):
    NONE = ""
    SHARPEN = mark("sharpened")
    CLAHE = "CLAHE"


def filtered(pixels: FilmPixels, kind: DisplayFilter) -> FilmPixels:
    """The film as ``kind`` shows it. Sharpening is done at each size, so that it is seen at every zoom; the curves of CLAHE
    are those of one size for all. From any thread."""
    from boneage_desk.imaging.display_filter import clahe_of, sharpened

    frame = pixels.frame
    if kind is DisplayFilter.SHARPEN:
        return FilmPixels(frame, tuple(sharpened(level, frame.max_value) for level in pixels.levels))
    if kind is DisplayFilter.CLAHE:
        coarse = next((level for level in pixels.levels if max(level.shape) <= 1400), pixels.levels[-1])
        curves = clahe_of(coarse, frame.max_value, frame.padding)
        return FilmPixels(frame, tuple(curves.apply(level) for level in pixels.levels))
    return pixels


class Filtering(QObject):
    """Which filter is wanted, and its pixels when they are made."""

    changed = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._desk = desk
        self.kind = DisplayFilter.NONE
        self._made: dict[DisplayFilter, FilmPixels] = {}
        self._source: FilmPixels | None = None
        self._job: Job | None = None

    @property
    def pixels(self) -> FilmPixels | None:
        """What is to be drawn in place of the film's own pixels; None: those."""
        return self._made.get(self.kind)

    @property
    def words(self) -> str:
        """For the state of the overlay; '' for none."""
        if self.kind is DisplayFilter.NONE:
            return ""
        name = tr("Display filter: {name}", name=tr(self.kind.value))
        return name if self.pixels is not None else f"{name} \N{HORIZONTAL ELLIPSIS}"

    def begin(self, source: FilmPixels | None) -> None:
        """Another film: no filter."""
        self._drop()
        self._made.clear()
        self._source, self.kind = source, DisplayFilter.NONE
        self.changed.emit()

    def choose(self, kind: DisplayFilter) -> None:
        """Show by this filter; the same one again takes it away."""
        self._drop()
        self.kind = DisplayFilter.NONE if kind is self.kind else kind
        if self.kind is not DisplayFilter.NONE and self.kind not in self._made and self._source is not None:
            kind, source = self.kind, self._source
            self._job = self._desk.runner.submit(
                "filter", tr("Display filter"), lambda _token, _progress: filtered(source, kind),
                on_result=partial(self._here, source, kind), on_failed=self._failed,
            )  # fmt: skip
        self.changed.emit()

    def _drop(self) -> None:
        if self._job is not None:
            self._job.cancel()
            self._job = None

    def _here(self, source: FilmPixels, kind: DisplayFilter, made: FilmPixels) -> None:
        if source is self._source:
            self._made[kind] = made
            self._job = None
            self.changed.emit()

    def _failed(self, error: BaseException) -> None:
        self._job, self.kind = None, DisplayFilter.NONE
        self._desk.report(error, tr("The display filter could not be made"), topic="filter")
        self.changed.emit()
