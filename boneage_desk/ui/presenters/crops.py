"""Crop pictures of the 13 bones, cut off the window's thread and kept while their box stays."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Signal

from boneage_desk.common.i18n import tr
from boneage_desk.common.jobs import CancelToken, Progress
from boneage_desk.reading.angles import angle_of
from boneage_desk.reading.findings import Box
from boneage_desk.standards import rus_chn
from boneage_desk.ui.presenters.desk import Desk

SIZE = 192
_Key = tuple[str, Box, float]


class Crops(QObject):
    """Pictures (grey arrays) by bone for the shown reading."""

    changed = Signal(object)

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._desk = desk
        self._made: dict[_Key, Any] = {}
        self._frame: object = None
        self._asked: frozenset[_Key] = frozenset()
        desk.case_changed.connect(self.refresh)
        desk.reading_changed.connect(self.refresh)

    def refresh(self) -> None:
        """Tell the pictures that are there; cut those that are missing."""
        reading, frame = self._desk.reading, self._desk.frame
        if frame is not self._frame:
            self._frame = frame
            self._made.clear()
            self._asked = frozenset()
        keys: list[_Key] = []
        if reading is not None and frame is not None:
            for bone in rus_chn.BONES:
                box = reading.bone(bone).box
                if box is not None:
                    keys.append((bone, box, angle_of(reading, bone)))
        self.changed.emit({key[0]: self._made[key] for key in keys if key in self._made})
        missing = [key for key in keys if key not in self._made]
        if not missing or frozenset(missing) == self._asked or frame is None:
            return
        self._asked = frozenset(missing)
        cut = self._desk.services.cut_crop

        def work(token: CancelToken, _progress: Progress) -> dict[_Key, Any]:
            made = {}
            for bone, box, angle in missing:
                token.check()
                made[bone, box, angle] = cut(frame, box, angle, SIZE)
            return made

        def here(made: dict[_Key, Any]) -> None:
            if frame is self._frame:
                self._made.update(made)
                self.refresh()

        self._desk.run_later("crops", tr("Cutting crops"), work, here, tr("The crops could not be cut"))
