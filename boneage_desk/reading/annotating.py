"""Commands for what a person draws on the film, for taking a box off a bone, and for the key image."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from boneage_desk.common.errors import InputError
from boneage_desk.reading.annotations import POINTS, TEXT_LENGTH, Annotation, AnnotationKind, Point, words
from boneage_desk.reading.assessment import Command, Reading
from boneage_desk.reading.film import Spacing
from boneage_desk.standards import rus_chn


def annotation_of(reading: Reading, number: int) -> Annotation:
    """The annotation with this number; InputError where it is gone."""
    for found in reading.annotations:
        if found.number == number:
            return found
    raise InputError(f"There is no annotation {number} on this film.", code="no-annotation")


def _said(annotation: Annotation | None) -> str:
    """For the audit: value or text, and where."""
    if annotation is None:
        return "-"
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in annotation.points)
    return f"{words(annotation)} ({places})"


def _of(reading: Reading, number: int) -> Annotation | None:
    return next((found for found in reading.annotations if found.number == number), None)


def _checked(kind: AnnotationKind, points: tuple[Point, ...], text: str) -> str:
    """``text`` as it is kept; refuses what no annotation may be."""
    if len(points) != POINTS[kind]:
        raise InputError(f"A {kind} needs {POINTS[kind]} points, not {len(points)}.", code="annotation")
    if kind is not AnnotationKind.NOTE:
        if any(points[i] == points[i + 1] for i in range(len(points) - 1)):
            raise InputError(f"A {kind} needs points that differ.", "Draw it again.", code="annotation")
        return ""
    kept = " ".join(text.split())
    if not kept:
        raise InputError("A note without words is not kept.", "Write it, or press Escape.", code="annotation")
    if len(kept) > TEXT_LENGTH:
        raise InputError(f"A note has at most {TEXT_LENGTH} characters.", "Write more into the impression.", code="annotation")
    return kept


@dataclass(frozen=True, slots=True)
class AddAnnotation(Command):
    """A distance, angle or note, with the spacing that the film has; it takes the next number."""

    kind: AnnotationKind
    points: tuple[Point, ...]
    text: str = ""
    spacing: Spacing = Spacing()
    action = "add-annotation"

    def apply(self, reading: Reading) -> Reading:
        text = _checked(self.kind, self.points, self.text)
        made = Annotation(next_number(reading), self.kind, self.points, text, self.spacing)
        return dataclasses.replace(reading, annotations=(*reading.annotations, made))

    def describe(self, before: Reading, after: Reading) -> tuple[str, str, str]:
        made = after.annotations[-1]
        return made.name, "-", _said(made)


def next_number(reading: Reading) -> int:
    return max((found.number for found in reading.annotations), default=0) + 1


@dataclass(frozen=True, slots=True)
class ChangeAnnotation(Command):
    """Other points or another text of one that is there; its spacing stays."""

    number: int
    points: tuple[Point, ...]
    text: str = ""
    action = "change-annotation"

    def apply(self, reading: Reading) -> Reading:
        old = annotation_of(reading, self.number)
        text = _checked(old.kind, self.points, self.text or old.text)
        new = dataclasses.replace(old, points=self.points, text=text)
        return dataclasses.replace(
            reading, annotations=tuple(new if found is old else found for found in reading.annotations)
        )

    def describe(self, before: Reading, after: Reading) -> tuple[str, str, str]:
        old, new = annotation_of(before, self.number), annotation_of(after, self.number)
        return new.name, _said(old), _said(new)


@dataclass(frozen=True, slots=True)
class RemoveAnnotation(Command):
    """Take one away."""

    number: int
    action = "remove-annotation"

    def apply(self, reading: Reading) -> Reading:
        old = annotation_of(reading, self.number)
        return dataclasses.replace(reading, annotations=tuple(found for found in reading.annotations if found is not old))

    def describe(self, before: Reading, after: Reading) -> tuple[str, str, str]:
        return annotation_of(before, self.number).name, _said(_of(before, self.number)), "-"


@dataclass(frozen=True, slots=True)
class SetKeyImage(Command):
    """Mark the film as a key image, or take the mark away."""

    on: bool
    action = "set-key-image"

    def apply(self, reading: Reading) -> Reading:
        return dataclasses.replace(reading, key_image=self.on)

    def describe(self, before: Reading, after: Reading) -> tuple[str, str, str]:
        return "key image", str(before.key_image), str(after.key_image)


@dataclass(frozen=True, slots=True)
class RemoveBox(Command):
    """The box on a bone is wrong and no other is drawn yet: the bone has none, and so no opinion of the machine counts.

    What the machine found is kept; SetBox draws another or goes back to it. A grade that a person gave stays, to be
    looked at again.
    """

    bone: str
    action = "remove-box"

    def apply(self, reading: Reading) -> Reading:
        finding = reading.bone(self.bone)
        if finding.box is None:
            raise InputError(f"{rus_chn.bone_name(self.bone)} has no box to take away.", code="no-box")
        finding = dataclasses.replace(
            finding, human_box=None, regrade=None, human_evidence=None, box_removed=True, reviewed=False
        )
        bones = tuple(finding if old.bone == self.bone else old for old in reading.bones)
        return dataclasses.replace(reading, bones=bones)

    def describe(self, before: Reading, after: Reading) -> tuple[str, str, str]:
        box = before.bone(self.bone).box
        return self.bone, "-" if box is None else " ".join(f"{v:.0f}" for v in box.as_list()), "no box"
