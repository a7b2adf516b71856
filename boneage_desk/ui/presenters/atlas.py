"""Drawings of single grades for the ladder: made off the window's thread, once, and kept.

They come from the phantom's renderer, by rule from the grade: no film and no book. All grades of a bone are drawn at one
scale, that of its standard crop, so that they compare with each other and with the crop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from boneage_desk.common.i18n import tr
from boneage_desk.reading.film import Laterality
from boneage_desk.reading.session import Reading
from boneage_desk.standards import rus_chn
from boneage_desk.ui.presenters.drawings import Drawings

if TYPE_CHECKING:
    from boneage_desk.ui.presenters.desk import Desk

SIZE = 192
"""Pixels of a drawing's side."""


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


class Atlas(Drawings):
    """Pictures (grey arrays [SIZE, SIZE] uint8) by bone, grade and side."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, tr("Drawing a grade"), tr("The drawings of the grades cannot be made"))

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
        self.ask([(bone, grade, side or "left") for grade in near] + [(other, grade, side or "left") for other, grade in after])

    def worker(self, key: tuple[str, int, str]) -> Callable[[], Any]:
        draw = self._desk.services.draw_bone
        assert draw is not None
        bone, grade, side = key
        return lambda: draw(bone, grade, SIZE, side)
