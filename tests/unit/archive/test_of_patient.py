"""Readings of a patient id, for the comparison in reports."""

from __future__ import annotations

from pathlib import Path

from boneage_desk.archive.store import SqliteStore
from boneage_desk.reading.session import AcceptGrade, AuditEvent, MarkReviewed
from boneage_desk.standards import rus_chn
from tests.samples import NOON, WHO, analysed


def test_only_looked_at_readings_of_that_patient(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "boneage.sqlite3")
    try:
        for name in ("first", "second", "draft"):
            session = analysed(name, film=name)
            store.add(session.reading, AuditEvent(name, NOON, WHO, "open"))
            if name != "draft":
                for bone in rus_chn.BONES:
                    event = session.do(AcceptGrade(bone), at=NOON, who=WHO)
                    store.save(session.reading, event)
                event = session.do(MarkReviewed(), at=NOON, who=WHO)
                store.save(session.reading, event)
        assert [reading.reading_id for reading in store.of_patient("0042")] == ["second", "first"]
        assert store.of_patient("0043") == [] and store.of_patient("") == []
    finally:
        store.close()
