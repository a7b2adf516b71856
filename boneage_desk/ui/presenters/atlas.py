"""Drawings of single grades for the ladder: made off the window's thread, once, and kept.

They come from the phantom's renderer, by rule from the grade: no film and no book. All grades of a bone are drawn at one
scale, that of its standard crop, so that they compare with each other and with the crop.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

from boneage_desk.common.i18n import tr
from boneage_desk.common.jobs import CancelToken, Progress
from boneage_desk.reading.film import Laterality
from boneage_desk.reading.session import Reading
from boneage_desk.standards import rus_chn
from boneage_desk.ui.jobs import BACKGROUND, LATER, Job

if TYPE_CHECKING:
    from boneage_desk.ui.presenters.desk import Desk

SIZE = 192
"""Pixels of a drawing's side."""
WAIT_MS = 120
"""A bone is drawn when the choice stood still for so long: who runs through the rows with a held key asks for nothing."""
_Key = tuple[str, int, str]


def drawn_side(reading: Reading) -> str:
    """The hand to draw so that the thumb lies as on the film's crops, 'left' or 'right'; '' where nothing tells it."""
    if reading.hand_mirror:
        return "right" if reading.hand_mirror == "R" else "left"
    return {Laterality.LEFT: "left", Laterality.RIGHT: "right"}.get(reading.study.laterality, "")


def side_words(side: str) -> str:
    """How the drawings lie, for their tool tip."""
    if side == "right":
        return tr("Drawn by rule from the grade, all grades at one scale; as a right hand, thumb to the left.")
    if side == "left":
        return tr("Drawn by rule from the grade, all grades at one scale; as a left hand, thumb to the right.")
    return tr("Drawn by rule from the grade, all grades at one scale; as a left hand: the side of this one is not known.")


class Atlas(QObject):
    """Pictures (grey arrays [SIZE, SIZE] uint8) by bone, grade and side."""

    changed = Signal()
    """A drawing was made."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._desk = desk
        self._made: dict[_Key, Any] = {}
        self._wanted: list[_Key] = []
        self._job: Job | None = None
        self._failed = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(WAIT_MS)
        self._timer.timeout.connect(self._draw)

    def picture(self, bone: str, grade: int, side: str) -> Any | None:
        """The drawing of a grade (index), or None while it is not made."""
        return self._made.get((bone, grade, side or "left"))

    def want(self, bone: str, grades: Sequence[int | None], side: str, after: Sequence[tuple[str, int]] = ()) -> None:
        """Draw these grades of a bone, the middle one first, then one further on each side, then those (bone, grade) that
        are likely to come ``after``; what was wanted before and is not begun is passed over."""
        there = [grade for grade in grades if grade is not None]
        if self._desk.services.draw_bone is None:
            return
        near: list[int] = []
        if there:
            middle, top = there[len(there) // 2], rus_chn.max_grade(bone)
            further = (grade for grade in (min(there) - 1, max(there) + 1) if 0 <= grade <= top)
            near = sorted({*there, *further}, key=lambda grade: abs(grade - middle))
        keys = [(bone, grade, side or "left") for grade in near] + [(other, grade, side or "left") for other, grade in after]
        self._wanted = [key for key in keys if key not in self._made]
        if self._wanted and self._job is None and not self._failed:
            self._timer.start()

    def _draw(self) -> None:
        """The next drawing that is wanted; one job each, so that a new choice waits for one drawing at most."""
        draw = self._desk.services.draw_bone
        if not self._wanted or self._job is not None or draw is None or self._desk.runner.closed:
            return
        key = self._wanted.pop(0)

        def work(_token: CancelToken, _progress: Progress) -> Any:
            bone, grade, side = key
            return draw(bone, grade, SIZE, side)

        def here(picture: Any) -> None:
            self._job = None
            self._made[key] = picture
            self.changed.emit()
            self._draw()

        def failed(error: BaseException) -> None:
            self._job, self._failed = None, True  # told once; the criteria stand there without
            self._desk.report(error, tr("The drawings of the grades cannot be made"), topic="atlas")

        self._job = self._desk.runner.submit(
            "atlas", tr("Drawing a grade"), work, on_result=here, on_failed=failed,
            on_cancelled=lambda: None, priority=LATER if len(self._wanted) > 1 else BACKGROUND,
        )  # fmt: skip
