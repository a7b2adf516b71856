"""Readings of a patient id, for the comparison in reports."""

from __future__ import annotations

import dataclasses
from contextlib import closing
from pathlib import Path

import pytest

from boneage_desk.archive.store import SqliteStore
from boneage_desk.reading.session import AcceptGrade, AuditEvent, MarkReviewed, ReadingSession, SetPatient
from boneage_desk.standards import rus_chn
from tests.samples import NOON, WHO, analysed, reading
from tests.unit.archive.test_encryption import Keyring, Place


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


@pytest.mark.parametrize("sealed", [False, True])
def test_the_corrected_id_of_one_film_of_a_study_leaves_the_others_where_they_are(tmp_path: Path, sealed: bool) -> None:
    """Two films of one study; the second is another child's. The first is still found by its own id, also after a switch."""
    place = Place(tmp_path / "boneage.sqlite3", Keyring())

    def found(store: SqliteStore, patient_id: str) -> list[str]:
        return [one.reading_id for one in store.every_of_patient(patient_id)]

    with closing(place.store()) as store:
        for name in ("A", "B"):
            made = reading(name, film=name)
            made = dataclasses.replace(made, study=dataclasses.replace(made.study, study_uid="1.2.3"))
            store.add(made, AuditEvent(name, NOON, WHO, "open"))
    if sealed:
        place.encrypt()
    with closing(place.store()) as store:
        assert found(store, "0042") == ["B", "A"]
        session = ReadingSession(store.get("B"))
        event = session.do(SetPatient(patient_id="0024"), at=NOON, who=WHO)
        store.save(session.reading, event)
        assert (found(store, "0042"), found(store, "0024")) == (["A"], ["B"])
        assert found(store, " 0042 ") == ["A"] and found(store, "") == found(store, " ") == []
        assert store.verify() == []
    if sealed:
        place.station().decrypt(at=NOON, who=WHO)
    else:
        place.encrypt()
    with closing(place.store()) as store:
        assert (found(store, "0042"), found(store, "0024")) == (["A"], ["B"])


def test_a_reading_that_is_filed_under_another_id_than_its_own_is_named(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path / "boneage.sqlite3")) as store:
        store.add(reading("A"), AuditEvent("A", NOON, WHO, "open"))
        connection = store._connection
        assert connection is not None
        connection.execute("UPDATE assessments SET patient_id = '0043'")
        assert store.verify() == ["Reading A is filed under another patient id than its own."]
