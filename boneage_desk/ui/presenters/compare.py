"""A second film beside the one on the desk: which it may be, whose it is, and a view of it that shows the same bone alike."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from boneage_desk.common.i18n import tr
from boneage_desk.reading.blind import shown
from boneage_desk.reading.film import Film, Spacing, SpacingKind
from boneage_desk.reading.findings import Box
from boneage_desk.reading.session import Reading
from boneage_desk.reading.summary import summarise
from boneage_desk.ui.jobs import Job
from boneage_desk.ui.presenters import opening, text
from boneage_desk.ui.presenters.viewport import Viewport

if TYPE_CHECKING:
    from boneage_desk.ui.presenters.desk import Desk

PAGE = 200


def same_child(one: Reading, other: Reading) -> bool:
    """By patient id, and no recorded birth date or sex that speaks against it. An empty id tells nothing."""
    a, b = one.patient, other.patient
    if not a.patient_id.strip() or a.patient_id.strip() != b.patient_id.strip():
        return False
    births = {patient.birth_date for patient in (a, b) if patient.birth_date is not None}
    return len(births) < 2 and len({patient.sex for patient in (a, b) if patient.sex is not None}) < 2


def films_of_child(reading: Reading, others: Sequence[Reading]) -> tuple[Reading, ...]:
    """Other films of the same child, the newest first; earlier ones before later and undated ones."""
    on = reading.study.study_date
    found = [o for o in others if o.reading_id != reading.reading_id and same_child(reading, o) and not _same_film(reading, o)]

    def order(other: Reading) -> tuple[int, int]:
        day = other.study.study_date
        earlier = day is not None and on is not None and day <= on
        return (0 if earlier else 1, -day.toordinal() if day is not None else 0)

    return tuple(sorted(found, key=order))


def _same_film(one: Reading, other: Reading) -> bool:
    a, b = one.source, other.source
    return (a.sha256, a.frame_number) == (b.sha256, b.frame_number)


def line_of(reading: Reading) -> str:
    """One line for a menu: date, age at the film, bone age, state; of a blind reading without what the machine said."""
    summary = summarise(shown(reading))
    ba, ca = summary.bone_age, summary.chronological_months
    parts = [
        text.day(reading.study.study_date) if reading.study.study_date else tr("no date"),
        tr("age {age}", age=text.months(ca)) if ca is not None else "",
        tr("bone age {age}", age=text.bone_age(ba)) if ba is not None else tr("no bone age"),
    ]
    return " \N{MIDDLE DOT} ".join(part for part in parts if part)


def person_line(reading: Reading) -> str:
    patient = reading.patient
    return " ".join(part for part in (patient.display_name or tr("No name"), patient.patient_id) if part)


def linked(
    lead: Viewport, lead_box: Box | None, lead_spacing: Spacing, other: Viewport, other_box: Box | None, other_spacing: Spacing
) -> Viewport:
    """``other`` so placed and zoomed that its box lies where ``lead``'s lies, at the same scale.

    Scale: millimetres where both spacings are of the same kind, else boxes of the same size. ``other`` keeps its own
    turn and mirror. Without a box on either side both show the same share of their films.
    """
    if lead_box is None or other_box is None:
        share = other.film[1] / lead.film[1]
        place = (lead.centre[0] * other.film[0] / lead.film[0], lead.centre[1] * share)
        return dataclasses.replace(other.zoomed_to(lead.zoom / share), centre=place)
    zoom = lead.zoom * scale(lead_box, lead_spacing, other_box, other_spacing)
    x, y = lead.to_screen(*lead_box.centre)
    dx, dy = x - lead.widget[0] / 2, y - lead.widget[1] / 2
    moved = other.zoomed_to(zoom).centred_on(*other_box.centre)
    return moved.panned(dx, dy)


def in_millimetres(one: Spacing, other: Spacing) -> bool:
    """Whether two films can be shown at one scale: spacings of one kind."""
    return one.kind is other.kind and one.kind is not SpacingKind.NONE


def scale(lead_box: Box, lead_spacing: Spacing, other_box: Box, other_spacing: Spacing) -> float:
    """Zoom of the other over the zoom of the lead."""
    if in_millimetres(lead_spacing, other_spacing):
        return other_spacing.row / lead_spacing.row
    return lead_box.side / other_box.side


class Compare(QObject):
    """The film beside: off, on its way, or there."""

    changed = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._desk = desk
        self.reading: Reading | None = None
        self.film: Film | None = None
        self.linked = True
        self._job: Job | None = None
        self._of = ""

    @property
    def wanted(self) -> bool:
        return self.reading is not None

    @property
    def other_child(self) -> bool:
        """The film beside is not known to be of the same child."""
        shown = self._desk.reading
        return self.reading is not None and shown is not None and not same_child(shown, self.reading)

    @property
    def title(self) -> str:
        """What the film beside is: PRIOR, LATER, or ANOTHER CHILD."""
        shown, other = self._desk.reading, self.reading
        if shown is None or other is None:
            return ""
        if self.other_child:
            return tr("NOT KNOWN TO BE THE SAME CHILD")
        days = shown.study.study_date, other.study.study_date
        if days[0] is None or days[1] is None or days[0] == days[1]:
            return tr("SAME CHILD")
        return tr("PRIOR") if days[1] < days[0] else tr("LATER FILM")

    def find(self) -> None:
        """Show the newest earlier film of this child, or say that there is none."""
        reading = self._desk.reading
        if reading is None:
            return
        if not reading.patient.patient_id.strip():
            self._desk.tell(
                tr("Without a patient id earlier films of this child cannot be found. Choose one of the list."), topic="compare"
            )
            return

        def here(found: Sequence[Reading]) -> None:
            films = films_of_child(reading, found)
            if self._desk.reading is None or self._desk.reading.reading_id != reading.reading_id:
                return
            if not films:
                self._desk.tell(tr("The work list holds no other film of this child."), topic="compare")
            else:
                self.show(films[0])

        self.candidates(here)

    def candidates(self, then: object) -> None:
        """Hand the readings of this child's patient id to ``then``."""
        reading = self._desk.reading
        if reading is None:
            return
        patient_id = reading.patient.patient_id
        self._desk.runner.submit(
            "store", tr("Looking for earlier films"),
            lambda _token, _progress: self._desk.services.store().every_of_patient(patient_id) if patient_id.strip() else (),
            on_result=then,  # type: ignore[arg-type]
            on_failed=partial(self._desk.report, doing=tr("Earlier films could not be looked for"), topic="compare"),
        )  # fmt: skip

    def show(self, reading: Reading) -> None:
        """Put a reading's film beside; it is opened off the window's thread."""
        shown = self._desk.reading
        if shown is None:
            return
        self._drop()
        self.reading, self._of = reading, shown.reading_id
        services = self._desk.services
        self._job = self._desk.runner.submit(
            "films", tr("Opening the film beside"),
            lambda _token, _progress: opening.for_screen(opening.open_film_of(services, reading)),
            on_result=partial(self._here, reading.reading_id), on_failed=partial(self._failed, reading.reading_id),
        )  # fmt: skip
        self.changed.emit()

    def off(self) -> None:
        if self.reading is not None:
            self._drop()
            self.changed.emit()

    def follow(self) -> None:
        """Another case is on the desk: what stood beside the last does not stay."""
        shown = self._desk.reading
        if self.reading is not None and (shown is None or shown.reading_id != self._of):
            self.off()

    def toggle(self) -> None:
        if self.wanted:
            self.off()
        else:
            self.find()

    def set_linked(self, on: bool) -> None:
        self.linked = on
        self.changed.emit()

    def _drop(self) -> None:
        if self._job is not None:
            self._job.cancel()
        self._job, self.reading, self.film = None, None, None

    def _here(self, reading_id: str, film: Film) -> None:
        if self.reading is not None and self.reading.reading_id == reading_id:
            self._job, self.film = None, film
            self.changed.emit()

    def _failed(self, reading_id: str, error: BaseException) -> None:
        if self.reading is not None and self.reading.reading_id == reading_id:
            self._drop()
            self._desk.report(error, tr("The film beside was not opened"), topic="compare")
            self.changed.emit()
