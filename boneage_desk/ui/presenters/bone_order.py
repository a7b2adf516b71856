"""The order in which the 13 bones are shown and gone through."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from boneage_desk.common.i18n import mark
from boneage_desk.reading.assessment import Blind, Reading
from boneage_desk.reading.attention import RAYS, by_worth
from boneage_desk.standards import rus_chn

if TYPE_CHECKING:
    from boneage_desk.ui.presenters.desk import Desk


class Order(StrEnum):
    """How the rows are sorted; `NAMES` has it in words."""

    ANATOMY = "anatomy"
    RAY = "ray"
    WORTH = "worth"


NAMES = {
    Order.ANATOMY: mark("By anatomy"),
    Order.RAY: mark("By ray"),
    Order.WORTH: mark("Worth a look first"),
}
TIPS = {
    Order.ANATOMY: mark("As the standard lists them: forearm, metacarpals, then the phalanges from the palm to the tips"),
    Order.RAY: mark("Forearm, thumb, middle finger, little finger, each from the wrist to the tip"),
    Order.WORTH: mark("The bone most worth a look first: the doubt about its grade times the months that it is worth"),
}
_FIXED = {
    Order.ANATOMY: rus_chn.BONES,
    Order.RAY: tuple(bone for _, bones in RAYS for bone in bones),
}


class BoneOrder(QObject):
    """The order chosen, and the bones in it. By worth it stands still while a person works: rows that change places
    under the hands are graded wrongly. It is made anew for another reading, another analysis, or another sex."""

    changed = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._desk = desk
        self.mode = Order.ANATOMY
        self._key: tuple[object, ...] = ()
        self._by_worth = rus_chn.BONES

    def choose(self, mode: Order) -> None:
        self._key = ()
        if mode is not self.mode:
            self.mode = mode
            self.changed.emit()

    def next(self) -> None:
        """The order after this one, going round."""
        modes = list(Order)
        self.choose(modes[(modes.index(self.mode) + 1) % len(modes)])

    def remember(self, mode: object) -> None:
        """The order of the last time; an unknown one is passed over."""
        if isinstance(mode, str) and mode in list(Order):
            self.mode = Order(mode)

    @property
    def bones(self) -> tuple[str, ...]:
        """All 13, in the order in which they are gone through."""
        if self.mode is not Order.WORTH:
            return _FIXED[self.mode]
        reading = self._desk.reading
        if reading is None:
            return rus_chn.BONES
        key = _key(reading)
        if key != self._key:
            self._key, self._by_worth = key, by_worth(reading)
        return self._by_worth


def _key(reading: Reading) -> tuple[object, ...]:
    return reading.reading_id, reading.analysed_at, reading.patient.sex, reading.blind is Blind.HIDDEN
