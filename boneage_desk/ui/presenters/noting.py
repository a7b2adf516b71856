"""What leaves the station, as events of the audit chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from boneage_desk.common.i18n import tr
from boneage_desk.reading.exports import EXPORT

if TYPE_CHECKING:
    from boneage_desk.reading.session import Reading
    from boneage_desk.ui.presenters.desk import Desk


def note_export(desk: Desk, detail: str, after: str) -> None:
    """Patients' data left the station: an event of the audit chain, where there is one. ``after``: what left."""
    services = desk.services
    if services.station is None:
        return
    station, at = services.station, services.now()
    desk.run_later(
        "store", tr("Noting the export"),
        lambda _t, _p: station().note(EXPORT, at=at, who=services.who(), detail=detail, after=after),
        lambda _done: None, tr("The export could not be noted in the audit chain"),
    )  # fmt: skip


def note_report(desk: Desk, reading: Reading, how: str) -> None:
    """A report of ``reading`` left the window; ``how``: 'PDF', 'printed' and the like."""
    note_export(desk, f"report, {how}", f"{reading.reading_id}, revision {reading.revision}")
