"""What the clinical panel shows of the reading on the desk: conclusion, every standard, growth, visits.

All of it is worked out anew when it is asked for (a few milliseconds), so it follows every override; only the earlier readings
of the child are fetched from the store, on a thread of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from boneage_desk.common import i18n
from boneage_desk.common.errors import InputError
from boneage_desk.common.i18n import tr
from boneage_desk.common.jobs import CancelToken, Progress
from boneage_desk.reading.ages import parse_date
from boneage_desk.reading.assessment import Command
from boneage_desk.reading.follow_up import FollowUp, follow_up
from boneage_desk.reading.growing import SetAtlasAge, SetMeasurement, SetParents
from boneage_desk.reading.growth import parse_length, parse_weight
from boneage_desk.reading.growth_view import GrowthView, growth_view
from boneage_desk.reading.plate_ladder import PlateLadder, plate_ladder
from boneage_desk.reading.report_facts import Words, patient_facts
from boneage_desk.reading.report_growth import GrowthReport, growth_report
from boneage_desk.reading.report_result import results
from boneage_desk.reading.report_standards import StandardsBlock, standards_block
from boneage_desk.reading.report_values import Fact
from boneage_desk.reading.session import Reading
from boneage_desk.ui.jobs import Job
from boneage_desk.ui.presenters.plates import PlateDrawings

if TYPE_CHECKING:
    from boneage_desk.ui.presenters.desk import Desk

CONCLUSION = ("conclusion", "chronological", "difference", "normal_range", "reference")
"""Keys of the report's facts that the conclusion is made of."""


class Clinical(QObject):
    """``changed``: something of what it tells may be different now."""

    changed = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._desk = desk
        self._others: tuple[Reading, ...] = ()
        self._of: tuple[str, str] | None = None
        self._job: Job | None = None
        self.trouble = ""
        """Why the earlier readings could not be fetched; '' when all is well."""
        self.reference = desk.services.settings.growth_reference
        self.drawings = PlateDrawings(desk)
        desk.case_changed.connect(self._follow)
        desk.reading_changed.connect(self._follow)
        self._follow()

    @property
    def reading(self) -> Reading | None:
        return self._desk.reading

    def holds(self, reading: Reading) -> bool:
        """It is the one on the desk, of whatever value."""
        return self.reading is not None and self.reading.reading_id == reading.reading_id

    def newest(self, reading: Reading | None) -> Reading | None:
        """``reading`` as it is now, where it is the one on the desk; else as it was."""
        return self.reading if reading is not None and self.holds(reading) else reading

    @property
    def fetching(self) -> bool:
        """The earlier readings are on their way."""
        return self._job is not None

    def choose(self, reference: str) -> None:
        """Draw the charts by another growth reference, in this window until it is closed."""
        if reference != self.reference:
            self.reference = reference
            self.changed.emit()

    def not_kept(self, why: str) -> None:
        """What was typed and not entered could not be handed over when the reading was left."""
        self._desk.tell(tr("Typed, and not kept: {why}", why=why), "warning", topic="not-kept")

    # --- what is shown --------------------------------------------------------------------------
    def conclusion(self) -> tuple[Fact, ...]:
        """Lines of the report about bone age against age, in the window's language; () without a reading."""
        desk = self._desk
        if desk.reading is None or desk.summary is None:
            return ()
        words = Words(i18n.language())
        facts = (*patient_facts(desk.reading, desk.summary, words), *results(desk.reading, desk.summary, words, ""))
        found = {fact.key: fact for fact in facts}
        return tuple(found[key] for key in CONCLUSION if key in found)

    def standards(self) -> StandardsBlock | None:
        """The reading by every standard; None without one."""
        desk = self._desk
        if desk.reading is None or desk.summary is None:
            return None
        return standards_block(desk.reading, desk.summary, Words(i18n.language()))

    def ladder(self) -> PlateLadder | None:
        """The plates of the child's sex with what is marked between them; None without a reading or a sex."""
        desk = self._desk
        if desk.reading is None or desk.summary is None:
            return None
        return plate_ladder(desk.reading, desk.summary)

    def visits(self) -> FollowUp | None:
        """The child over visits, with the earlier readings that were fetched."""
        return follow_up(self.reading, self._others) if self.reading is not None else None

    def growth(self) -> tuple[GrowthView, GrowthReport | None] | None:
        """Growth as figures and in words; the words are None where nothing is known."""
        desk = self._desk
        if desk.reading is None:
            return None
        visits = self.visits()
        history = visits.measurements if visits is not None else ()
        view = growth_view(desk.reading, self.reference, summary=desk.summary, history=history)
        return view, growth_report(view, visits, i18n.language())

    # --- earlier readings -----------------------------------------------------------------------
    def _follow(self) -> None:
        reading = self.reading
        now = (reading.reading_id, reading.patient.patient_id.strip()) if reading is not None else None
        if now != self._of:
            self._of, self._others, self.trouble = now, (), ""
            self._drop()
            if now is not None and now[1]:
                self._fetch(now)
        self.changed.emit()

    def _fetch(self, now: tuple[str, str]) -> None:
        services = self._desk.services

        def work(_token: CancelToken, _progress: Progress) -> tuple[Reading, ...]:
            return tuple(services.store().every_of_patient(now[1]))

        self._job = self._desk.runner.submit(
            "visits", tr("Earlier readings"), work, on_result=partial(self._here, now), on_failed=partial(self._failed, now)
        )

    def _drop(self) -> None:
        if self._job is not None:
            self._job.cancel()
            self._job = None

    def _here(self, of: tuple[str, str], others: Sequence[Reading]) -> None:
        if of == self._of:
            self._job, self._others = None, tuple(others)
            self.changed.emit()

    def _failed(self, of: tuple[str, str], error: BaseException) -> None:
        if of == self._of:
            self._job, self.trouble = None, str(error)
            self.changed.emit()


# --- what a person types ------------------------------------------------------------------------
def typed_measurement(on: str, height: str, length_unit: str, weight: str, weight_unit: str) -> Command:
    """A line of the form as a command; a figure without a unit has the one that stands beside its field. Raises InputError."""
    if not height.strip() and not weight.strip():
        raise InputError("A measurement needs a height or a weight.", "Enter one of them.", code="measurement")
    day: date = parse_date(on)
    return SetMeasurement(
        day,
        parse_length(with_unit(height, length_unit)) if height.strip() else None,
        parse_weight(with_unit(weight, weight_unit)) if weight.strip() else None,
    )


def typed_parents(father: str, mother: str, unit: str) -> Command:
    """Both parents' heights; an empty field: not known. Raises InputError."""
    tall = [parse_length(with_unit(text, unit)) if text.strip() else None for text in (father, mother)]
    return SetParents(*tall)


def typed_atlas(text: str) -> Command:
    """'10 y 6 m', '10;6', '10.5' (years) or '' for none, to the reader's Greulich-Pyle bone age. Raises InputError."""
    import re

    plain = text.strip().lower()
    if not plain:
        return SetAtlasAge(None)
    found = re.fullmatch(r"(\d{1,2})(?:\s*(?:y|;|\u5c81)\s*(\d{1,2})?\s*(?:m|\u4e2a?\u6708)?|[.,](\d))?", plain, re.ASCII)
    if not found or int(found[2] or 0) > 11:
        raise InputError(f"'{text}' is no bone age.", "Write years and months, e.g. 10 y 6 m.", code="bad-age")
    return SetAtlasAge(int(found[1]) * 12.0 + int(found[2] or 0) + 1.2 * int(found[3] or 0))


def with_unit(text: str, unit: str) -> str:
    """A bare figure gets ``unit``; what has a unit keeps its own."""
    plain = text.strip()
    return f"{plain} {unit}" if plain and plain.replace(",", ".").replace(".", "", 1).isdigit() else plain
