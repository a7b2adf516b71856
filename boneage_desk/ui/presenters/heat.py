"""Where the grader looked for the selected bone, by one of two methods: asked for when it is wanted, dropped
when its box moved."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from boneage_desk.common.i18n import mark, tr
from boneage_desk.reading.angles import angle_of
from boneage_desk.ui.jobs import Job
from boneage_desk.ui.presenters.reading_work import Saliency

if TYPE_CHECKING:
    from boneage_desk.ui.presenters.desk import Desk
METHODS = {"grad-cam": mark("Grad-CAM"), "occlusion": mark("Occlusion")}
"""Methods of AnalysisEngine.saliency, and their names."""


class Heat(QObject):
    changed = Signal()
    """Another picture, or another method."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._desk = desk
        self._value: Saliency | None = None
        self._job: Job | None = None
        self._ticket = 0
        self.wanted = False
        self.method = next(iter(METHODS))

    @property
    def name(self) -> str:
        """The method's name."""
        return tr(METHODS[self.method])

    def choose(self, method: str) -> None:
        """Draw by this method from now on, and show it; the same one again takes it away. Unknown ones are
        passed over (a settings file of another version)."""
        if method not in METHODS:
            return
        if self.wanted and method == self.method:
            self.toggle()
            return
        self.method = method
        self._show()

    def remember(self, method: object) -> None:
        """The method of the last time, without drawing."""
        if isinstance(method, str) and method in METHODS:
            self.method = method

    @property
    def value(self) -> Saliency | None:
        """The picture to draw, or None."""
        return self._value if self.wanted else None

    def _show(self) -> None:
        self._desk.whole_map.off()  # one map at a time
        self.wanted = True
        self.ask()

    def toggle(self) -> None:
        if not self.wanted:
            self._show()
        else:
            self.wanted = False
            self._drop()
            self.changed.emit()

    def off(self) -> None:
        """Another case: nothing is drawn over it."""
        self.wanted = False
        self._drop()
        self.changed.emit()

    def ask(self) -> None:
        """Ask for the selected bone's, when one is wanted."""
        if not self.wanted:
            return
        self._drop()
        desk = self._desk
        reading, frame, bone = desk.reading, desk.frame, desk.bone
        box = reading.bone(bone).box if reading else None
        if reading is not None and frame is not None and box is not None:
            self._job = desk.work.saliency(
                frame, bone, box, angle_of(reading, bone), self.method,
                on_result=partial(self._here, self._ticket), on_failed=partial(self._failed, self._ticket),
            )  # fmt: skip
        self.changed.emit()

    def follow_box(self) -> None:
        """The reading changed: a picture of other pixels does not stay."""
        reading = self._desk.reading
        if self._value is not None and reading is not None and reading.bone(self._value.bone).box != self._value.box:
            self.ask()

    def _drop(self) -> None:
        """Forget the picture and what was asked for. A job that runs goes on and its result is passed over: to
        break it off in the middle ends the model process, which then takes seconds to come up."""
        self._value = None
        self._ticket += 1
        if self._job is not None and not self._job.began:
            self._job.cancel()
        self._job = None

    def _here(self, ticket: int, value: Saliency) -> None:
        if ticket != self._ticket:
            return
        reading = self._desk.reading
        if reading is None or reading.bone(value.bone).box != value.box:
            self.ask()  # the box was moved while the picture was made
            return
        self._job, self._value = None, value
        self.changed.emit()

    def _failed(self, ticket: int, error: BaseException) -> None:
        if ticket != self._ticket:
            return
        self._job, self.wanted = None, False
        self._desk.report(error, tr("No {name}", name=self.name), topic="saliency")
        self.changed.emit()
