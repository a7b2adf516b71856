"""What a person draws on the film becomes commands of its reading."""

from __future__ import annotations

from typing import TYPE_CHECKING

from boneage_desk.common.i18n import tr
from boneage_desk.reading.annotating import (
    AddAnnotation,
    ChangeAnnotation,
    RemoveAnnotation,
    SetKeyImage,
    annotation_of,
    next_number,
)
from boneage_desk.reading.annotations import AnnotationKind
from boneage_desk.ui.presenters.film_marks import Drawn
from boneage_desk.ui.presenters.viewport import Point

if TYPE_CHECKING:
    from boneage_desk.ui.presenters.desk import Desk


class Marking:
    """Distances, angles, notes and the key image of the reading on the desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def draw(self, drawn: Drawn) -> int:
        """Add what was drawn, or move it; its number, 0 where it was refused (and told)."""
        desk = self._desk
        if desk.reading is None or desk.frame is None:
            return 0
        if drawn.number:
            return drawn.number if desk.do(ChangeAnnotation(drawn.number, drawn.points)) else 0
        number = next_number(desk.reading)
        return number if desk.do(AddAnnotation(drawn.kind, drawn.points, spacing=desk.frame.spacing)) else 0

    def note(self, at: Point, words: str) -> int:
        """A new note; one without words is none."""
        desk = self._desk
        if desk.reading is None or desk.frame is None or not words.strip():
            return 0
        number = next_number(desk.reading)
        done = desk.do(AddAnnotation(AnnotationKind.NOTE, (at,), words, desk.frame.spacing))
        return number if done else 0

    def reword(self, number: int, words: str) -> None:
        """Other words of a note; without words it is taken away."""
        reading = self._desk.reading
        if reading is None:
            return
        old = annotation_of(reading, number)
        if not words.strip():
            self._desk.do(RemoveAnnotation(number))
        elif " ".join(words.split()) != old.text:
            self._desk.do(ChangeAnnotation(number, old.points, words))

    def remove(self, number: int) -> None:
        if self._desk.reading is not None and number:
            self._desk.do(RemoveAnnotation(number))

    def toggle_key_image(self) -> None:
        reading = self._desk.reading
        if reading is not None:
            self._desk.do(SetKeyImage(not reading.key_image))

    def refused(self) -> None:
        """Somebody would draw where nothing may be changed: say so as any other change would."""
        reading = self._desk.reading
        if reading is not None and not self._desk.editable:
            self._desk.do(SetKeyImage(reading.key_image))  # refused, with its reason and remedy

    def hint(self, kind: AnnotationKind | None) -> str:
        """What to do with a tool, in one line."""
        if kind is AnnotationKind.DISTANCE:
            return tr("DISTANCE: drag, or click both ends")
        if kind is AnnotationKind.ANGLE:
            return tr("ANGLE: click arm, corner, arm")
        return tr("NOTE: click the place") if kind is AnnotationKind.NOTE else ""
