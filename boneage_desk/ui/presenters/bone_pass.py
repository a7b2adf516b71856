"""Going through the 13 bones: agreeing one by one or with all that are left, looking through the grades of a bone that
has none."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from boneage_desk.common.i18n import tr
from boneage_desk.reading.accept_all import AcceptAll, remaining
from boneage_desk.reading.attention import to_look_at
from boneage_desk.reading.session import AcceptGrade, Reading, SetGrade
from boneage_desk.standards import rus_chn
from boneage_desk.ui.presenters import key_words, text

if TYPE_CHECKING:
    from boneage_desk.ui.presenters.desk import Desk


class BonePass(QObject):
    """``browsed``: index of the grade that is being looked at on a bone without one; it is no grade until the person
    accepts it."""

    browsed_changed = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._desk = desk
        self.browsed: int | None = None
        self._flagged: tuple[Reading, tuple[str, ...]] | None = None

    # --- one bone -----------------------------------------------------------------------------

    def browse(self, step: int) -> None:
        """Look at a grade less or more; the middle of the scale first."""
        top = rus_chn.max_grade(self._desk.bone)
        self.browsed = top // 2 if self.browsed is None else min(max(self.browsed + step, 0), top)
        self.browsed_changed.emit()

    def forget_browsed(self) -> None:
        self.browsed = None

    def agree(self) -> bool:
        """Accept the grade in force of the bone chosen, or give it the grade looked at. False when it was refused."""
        desk, reading = self._desk, self._desk.reading
        if reading is None:
            return False
        if reading.bone(desk.bone).final_grade is None and self.browsed is not None:
            return desk.do(SetGrade(desk.bone, self.browsed))
        return desk.do(AcceptGrade(desk.bone))

    def go_round(self, wanted: Callable[[str], bool]) -> bool:
        """Choose the next bone after the present one that is ``wanted``, going round. False when there is none."""
        bones = self._desk.order.bones
        start = bones.index(self._desk.bone)
        for bone in (*bones[start + 1 :], *bones[: start + 1]):
            if wanted(bone):
                self._desk.select(bone)
                return True
        return False

    # --- all that are left --------------------------------------------------------------------

    @property
    def left(self) -> int:
        """Bones that nobody looked at yet."""
        return len(remaining(self._desk.reading)) if self._desk.reading is not None else 0

    @property
    def flagged(self) -> tuple[str, ...]:
        """Bones that must be looked at before the rest can be accepted together."""
        reading = self._desk.reading
        if reading is None:
            return ()
        if self._flagged is None or self._flagged[0] is not reading:  # asked for many times at each change
            self._flagged = (reading, to_look_at(reading))
        return self._flagged[1]

    def next_flagged(self) -> None:
        """Go to the next bone that is worth a look."""
        flagged = self.flagged
        if not self.go_round(lambda bone: bone in flagged):
            self._desk.tell(tr("No bone is left that is worth a look."), topic="pass")

    def accept_all(self) -> None:
        """Accept all that are left as one step; while a flagged bone waits, go there and say so."""
        desk = self._desk
        if desk.reading is None:
            return
        if desk.do(AcceptAll()):
            self.tell_done()
        elif self.flagged and desk.editable and desk.bone not in self.flagged:
            self.next_flagged()

    def tell_done(self) -> None:
        """The pass is over; what comes next."""
        desk = self._desk
        if desk.blind_first.hidden:
            told, key = tr("All 13 bones are graded."), key_words.key("reveal")
            if key:
                told = tr("All 13 bones are graded. {key} shows the machine's grades.", key=key)
        else:
            told, key = tr("All 13 bones were looked at."), key_words.key("mark-reviewed")
            if key:
                told = tr("All 13 bones were looked at. {key} marks the reading reviewed.", key=key)
        desk.tell(told, topic="pass")

    def short_words(self) -> str:
        """The same beside the button."""
        if self._desk.blind_first.hidden:
            return ""
        return tr("{count} to look at", count=len(self.flagged)) if self.left and self.flagged else ""

    def words(self) -> str:
        """What 'accept all' would do, or what it waits for."""
        if self._desk.reading is None or not self.left:
            return ""
        if self._desk.blind_first.hidden:
            return tr("Blind reading: each bone is graded by itself.")
        names = [text.short(bone) for bone in self.flagged]
        if names:
            return tr("Look first at {bones}.", bones=", ".join(names))
        return tr("Accepts the grade in force of all {count} bones that are left, as one step.", count=self.left)
