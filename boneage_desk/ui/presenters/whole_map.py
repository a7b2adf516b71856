"""Where the whole-hand model looked, over the whole film: asked for when it is wanted, drawn with an opacity that one
can change; and whether the regions that the cascade cut out are outlined."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from boneage_desk.common.i18n import tr
from boneage_desk.reading.second_opinion import default_opinion, weights_of
from boneage_desk.standards.types import Sex
from boneage_desk.ui.jobs import Job
from boneage_desk.ui.presenters.reading_work import FilmSaliency

if TYPE_CHECKING:
    from boneage_desk.ui.presenters.desk import Desk

OPACITIES = (0.2, 0.9)
OPACITY, STEP = 0.6, 0.1


class MapLook(QObject):
    """The opacity of every map over the film, 0.2 to 0.9 in tenths."""

    changed = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.opacity = OPACITY

    def set_opacity(self, value: float) -> None:
        value = round(min(max(value, OPACITIES[0]), OPACITIES[1]), 1)
        if value != self.opacity:
            self.opacity = value
            self.changed.emit()

    def step(self, by: int) -> None:
        """So many tenths more."""
        self.set_opacity(self.opacity + by * STEP)

    def remember(self, value: object) -> None:
        """The opacity of the last time, from a settings file that may hold anything."""
        try:
            self.set_opacity(float(str(value)))
        except ValueError:
            return


class WholeMap(QObject):
    """The map of the second opinion that the 13 bones are held against."""

    changed = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._desk = desk
        self._value: FilmSaliency | None = None
        self._job: Job | None = None
        self._ticket = 0
        self._of: tuple[str, Sex | None, str] | None = None
        self.wanted = False

    @property
    def value(self) -> FilmSaliency | None:
        """The map to draw, or None."""
        return self._value if self.wanted else None

    def toggle(self) -> None:
        if self.wanted:
            self.off()
            return
        self._desk.heat.off()  # one map at a time
        self.wanted = True
        self._ask()

    def off(self) -> None:
        """Another case, or another map: nothing is drawn over it."""
        self.wanted = False
        self._drop()
        self.changed.emit()

    def follow(self) -> None:
        """The reading changed: the map of another model, or of one that was told another sex, does not stay. While
        the second opinion is read anew, the map waits for it."""
        if not self.wanted:
            return
        now, reading = self._what(), self._desk.reading
        if now is None:
            if reading is None or self._desk.opinions.job_of(reading.reading_id) is None:
                self.off()
            elif self._of is not None:
                self._drop()
                self._of = None
                self.changed.emit()
        elif now != self._of:
            self._ask()

    def _what(self) -> tuple[str, Sex | None, str] | None:
        """Engine, sex, and the SHA-256 of the weights that gave the opinion shown."""
        reading = self._desk.reading
        opinion = default_opinion(reading) if reading is not None else None
        if opinion is None or reading is None:
            return None
        return opinion.engine, reading.patient.sex, weights_of(reading, opinion)

    def _ask(self) -> None:
        self._drop()
        what, frame = self._what(), self._desk.frame
        self._of = what
        if what is None or frame is None:
            self.wanted = False
        else:
            self._job = self._desk.work.film_saliency(
                frame, *what, on_result=partial(self._here, self._ticket), on_failed=partial(self._failed, self._ticket)
            )
        self.changed.emit()

    def _drop(self) -> None:
        """Forget the map and what was asked for; a job that runs goes on, as with `Heat`."""
        self._value = None
        self._ticket += 1
        if self._job is not None and not self._job.began:
            self._job.cancel()
        self._job = None

    def _here(self, ticket: int, value: FilmSaliency) -> None:
        if ticket == self._ticket:
            self._job, self._value = None, value
            self.changed.emit()

    def _failed(self, ticket: int, error: BaseException) -> None:
        if ticket == self._ticket:
            self._job, self.wanted = None, False
            self._desk.report(error, tr("No map of the whole-hand model"), topic="saliency")
            self.changed.emit()
