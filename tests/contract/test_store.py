"""What every ReadingStore must do; run on the SQLite store."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from boneage_desk.archive.store import SqliteStore
from boneage_desk.common.errors import InputError, StoreError
from boneage_desk.reading.people import Person, Role
from boneage_desk.reading.ports import ReadingStore
from boneage_desk.reading.session import AuditEvent, Reading, ReadingSession, SetGrade, SetImpression
from boneage_desk.reading.signing import as_signed
from boneage_desk.standards import rus_chn
from tests import scripted
from tests.samples import NOON, WHO, analysed, reading, sha


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ReadingStore]:
    opened = SqliteStore(tmp_path / "boneage.sqlite3")
    yield opened
    opened.close()


def opened(value: Reading) -> AuditEvent:
    return AuditEvent(value.reading_id, NOON, WHO, "open")


def put(store: ReadingStore, reading_id: str = "r1", **facts: object) -> ReadingSession:
    session = analysed(reading_id, **facts)
    store.add(session.reading, opened(session.reading))
    return session


def test_what_is_saved_comes_back_the_same(store: ReadingStore) -> None:
    session = put(store)
    event = session.do(SetGrade("radius", 8, "clear"), at=NOON, who=WHO)
    store.save(session.reading, event)
    assert store.get("r1") == session.reading
    assert store.events("r1")[-1] == event


def test_an_id_is_taken_once(store: ReadingStore) -> None:
    put(store)
    with pytest.raises(StoreError) as caught:
        put(store)
    assert caught.value.code == "exists"
    assert len(store.events()) == 1


def test_unknown_readings_are_told(store: ReadingStore) -> None:
    with pytest.raises(StoreError) as caught:
        store.get("nobody")
    assert caught.value.code == "not-found"
    session = analysed("nobody")
    with pytest.raises(StoreError) as caught:
        store.save(session.reading, opened(session.reading))
    assert caught.value.code == "not-found"


def test_the_newest_comes_first_whatever_the_clock_says(store: ReadingStore) -> None:
    for name in ("a", "b", "c"):
        put(store, name, film=name)
    assert [value.reading_id for value in store.list()] == ["c", "b", "a"]
    assert [value.reading_id for value in store.page(2)] == ["c", "b"]
    assert [value.reading_id for value in store.page(2, "b")] == ["a"]
    assert store.page(2, "a") == []


def test_the_same_film_is_found_again(store: ReadingStore) -> None:
    put(store, "a", film="one")
    put(store, "b", film="two")
    put(store, "c", film="one")
    found = store.find_by_film(sha("one"), 1)
    assert found is not None and found.reading_id == "c"
    assert store.find_by_film(sha("one"), 2) is None
    assert store.find_by_film(sha("three"), 1) is None


def test_all_readings_of_a_patient_are_found_drafts_too(store: ReadingStore) -> None:
    for name in ("first", "second"):
        store.add(reading(name, film=name), opened(reading(name, film=name)))
    other = reading("other", film="other")
    other = dataclasses.replace(other, patient=dataclasses.replace(other.patient, patient_id="0043"))
    store.add(other, opened(other))
    assert [found.reading_id for found in store.every_of_patient("0042")] == ["second", "first"]
    assert [found.reading_id for found in store.every_of_patient("0043")] == ["other"]
    assert list(store.every_of_patient("0044")) == []


def test_events_are_in_order_and_by_reading(store: ReadingStore) -> None:
    first, second = put(store, "a"), put(store, "b")
    for session, grade in ((first, 5), (second, 6), (first, 7)):
        event = session.do(SetGrade("ulna", grade), at=NOON, who=WHO)
        store.save(session.reading, event)
    assert [event.reading_id for event in store.events()] == ["a", "b", "a", "b", "a"]
    assert [event.action for event in store.events("a")] == ["open", "set-grade", "set-grade"]
    assert store.events("nobody") == []


def test_someone_elses_change_is_not_overwritten(store: ReadingStore, tmp_path: Path) -> None:
    mine = put(store)
    other = SqliteStore(tmp_path / "boneage.sqlite3")
    try:
        theirs = ReadingSession(other.get("r1"))
        event = theirs.do(SetGrade("radius", 3), at=NOON, who="colleague")
        other.save(theirs.reading, event)
    finally:
        other.close()
    for _ in range(2):  # also after more changes of mine
        event = mine.do(SetGrade("radius", 8), at=NOON, who=WHO)
        with pytest.raises(StoreError) as caught:
            store.save(mine.reading, event)
        assert caught.value.code == "conflict"
        store.list()
    again = ReadingSession(store.get("r1"))
    assert again.reading.bone("radius").human_grade == 3
    event = again.do(SetGrade("radius", 8), at=NOON, who=WHO)
    store.save(again.reading, event)
    assert [e.who for e in store.events("r1")] == [WHO, "colleague", WHO]
    assert store.verify() == []


def test_any_thread_may_save(store: ReadingStore) -> None:
    sessions = [put(store, f"r{i}") for i in range(4)]
    failures: list[BaseException] = []

    def work(session: ReadingSession) -> None:
        try:
            for i in range(25):
                event = session.do(SetGrade("mc1", i % 10), at=NOON, who=WHO)
                store.save(session.reading, event)
                assert store.get(session.reading.reading_id) == session.reading
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(session,)) for session in sessions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(store.events()) == 4 * 26
    assert store.verify() == []


def test_text_of_any_kind_survives(store: ReadingStore) -> None:
    session = put(store, name="O'Neill; DROP TABLE audit; -- \udce9")
    event = session.do(SetImpression("Δ 骨龄 \x00 \n 'x'"), at=NOON, who=WHO)
    store.save(session.reading, event)
    assert store.get("r1") == session.reading
    assert store.verify() == []


def test_an_event_of_another_reading_is_a_bug(store: ReadingStore) -> None:
    session = put(store)
    with pytest.raises(ValueError, match="event of reading"):
        store.save(session.reading, AuditEvent("r2", NOON, WHO, "set-grade"))


def test_an_empty_store_is_whole(store: ReadingStore) -> None:
    assert store.verify() == []
    assert store.list() == []
    assert store.events() == []


def test_closing_twice_is_safe_and_use_after_it_is_told(store: ReadingStore) -> None:
    store.close()
    store.close()
    with pytest.raises(StoreError) as caught:
        store.list()
    assert caught.value.code == "closed"


def test_all_thirteen_bones_survive_each_grade(store: ReadingStore) -> None:
    session = put(store)
    for bone in rus_chn.BONES:
        event = session.do(SetGrade(bone, rus_chn.max_grade(bone)), at=NOON, who=WHO)
        store.save(session.reading, event)
    assert [f.human_grade for f in store.get("r1").bones] == [rus_chn.max_grade(b) for b in rus_chn.BONES]


def test_a_reading_without_analysis_is_kept(store: ReadingStore) -> None:
    value = reading("raw", sex=None)
    store.add(value, opened(value))
    assert store.get("raw") == value


# ---------------------------------------------------------------------------------- sealed reports
def test_a_report_is_kept_with_the_signature_that_it_belongs_to(store: ReadingStore) -> None:
    session = scripted.play(store)
    assert [s.number for s in store.get("r1").signatures] == [1, 2, 3]
    assert store.report("r1") == store.report("r1", 3) == scripted.pdf("r1", 3)
    assert store.report("r1", 1) == scripted.pdf("r1", 1)
    assert store.get("r1") == session.reading
    assert store.verify() == []


@pytest.mark.parametrize(("reading_id", "number"), [("nobody", None), ("r1", 2), ("r1", 0), ("r2", None)])
def test_a_report_that_is_not_there_is_told(store: ReadingStore, reading_id: str, number: int | None) -> None:
    scripted.play(store, steps=scripted.SIGNED_AT)
    scripted.play(store, "r2", steps=3)
    with pytest.raises(StoreError) as caught:
        store.report(reading_id, number)
    assert caught.value.code == "not-found"


def test_no_signature_without_its_report_and_no_report_without_a_signature(store: ReadingStore) -> None:
    session = scripted.play(store, steps=scripted.SIGNED_AT - 1)
    before = session.reading
    done = scripted.go_on(session)
    assert done is not None
    event, report = done
    for wrong in (None, b"%PDF another"):
        with pytest.raises(ValueError, match="report"):
            store.save(session.reading, event, report=wrong)
        assert store.get("r1") == before
    with pytest.raises(ValueError, match="no signature"):
        store.save(dataclasses.replace(before, revision=before.revision + 1), event, report=report)
    with pytest.raises(StoreError) as caught:
        store.report("r1")
    assert caught.value.code == "not-found"
    store.save(session.reading, event, report=report)
    assert store.report("r1") == report
    with pytest.raises(ValueError, match="before it is signed"):
        store.add(dataclasses.replace(session.reading, reading_id="r9"), opened(dataclasses.replace(before, reading_id="r9")))
    assert store.verify() == []


def test_of_a_signed_reading_nothing_changes_but_by_an_addendum(store: ReadingStore) -> None:
    session = scripted.play(store, steps=scripted.SIGNED_AT)
    signed = session.reading
    event = AuditEvent("r1", NOON, WHO, "set-impression")
    forged = dataclasses.replace(signed, impression="other", revision=signed.revision + 1)
    with pytest.raises(StoreError) as caught:
        store.save(forged, event)
    assert caught.value.code == "sealed"
    addendum = scripted.at_revision("r1", scripted.SIGNED_AT + 1).reading
    forged = dataclasses.replace(addendum, impression="other")
    with pytest.raises(StoreError) as caught:
        store.save(forged, event, report=scripted.pdf("r1", 2))
    assert caught.value.code == "sealed"
    first = dataclasses.replace(addendum.signatures[0], name="Somebody")
    forged = dataclasses.replace(addendum, signatures=(first, addendum.signatures[1]))
    with pytest.raises(StoreError):
        store.save(forged, event, report=scripted.pdf("r1", 2))
    assert store.get("r1") == signed
    store.save(addendum, event, report=scripted.pdf("r1", 2))
    assert store.get("r1") == addendum
    assert store.verify() == []


def test_two_seals_in_one_save_are_refused(store: ReadingStore) -> None:
    session = scripted.play(store, steps=scripted.SIGNED_AT - 1)
    second = scripted.at_revision("r1", scripted.SIGNED_AT + 1).reading
    forged = dataclasses.replace(second, revision=session.reading.revision + 1)
    with pytest.raises(ValueError, match="2 new signatures"):
        store.save(forged, AuditEvent("r1", NOON, WHO, "sign"), report=scripted.pdf("r1", 2))
    third = as_signed(second, dataclasses.replace(second.signatures[1], number=3))
    assert len(third.signatures) == 3


# ---------------------------------------------------------------------------------------- profiles
BOSS = Person("boss", "Dr. Boss", Role.ADMINISTRATOR)
WANG = Person("wang", "\u738b\u533b\u751f", Role.RADIOLOGIST)


def test_profiles_come_back_by_account_and_in_the_chain(store: ReadingStore) -> None:
    assert store.people() == []
    assert store.person("boss") is None
    store.set_person(BOSS, at=NOON, who="boss")
    store.set_person(WANG, at=NOON, who="boss")
    other = dataclasses.replace(WANG, role=Role.ENDOCRINOLOGIST)
    store.set_person(other, at=NOON, who="boss")
    store.set_person(other, at=NOON, who="boss")  # no change, no row
    assert list(store.people()) == [BOSS, other]
    assert store.person("wang") == other
    events = store.events("")
    assert [(e.action, e.detail, e.who) for e in events] == [
        ("set-person", "boss", "boss"), ("set-person", "wang", "boss"), ("set-person", "wang", "boss"),
    ]  # fmt: skip
    assert events[-1].before == "\u738b\u533b\u751f, radiologist"
    assert events[-1].after == "\u738b\u533b\u751f, endocrinologist"
    assert store.verify() == []


def test_only_an_administrator_changes_profiles(store: ReadingStore) -> None:
    store.set_person(BOSS, at=NOON, who="anybody")  # the first one
    store.set_person(WANG, at=NOON, who="boss")
    for who in ("wang", "nobody", ""):
        for person in (WANG, dataclasses.replace(WANG, role=Role.ADMINISTRATOR), Person(who or "x", "X", Role.RADIOLOGIST)):
            if store.person(person.account) == person:
                continue
            with pytest.raises(InputError) as caught:
                store.set_person(person, at=NOON, who=who)
            assert caught.value.code == "role"
            assert caught.value.remedy
    assert list(store.people()) == [BOSS, WANG]
    assert len(store.events()) == 2


def test_a_station_without_administrator_can_still_get_one(store: ReadingStore) -> None:
    store.set_person(WANG, at=NOON, who="wang")
    with pytest.raises(InputError):
        store.set_person(dataclasses.replace(WANG, name="Other"), at=NOON, who="wang")
    with pytest.raises(InputError):
        store.set_person(Person("li", "Dr. Li", Role.RADIOLOGIST), at=NOON, who="li")
    store.set_person(BOSS, at=NOON, who="boss")
    with pytest.raises(InputError):
        store.set_person(Person("li", "Dr. Li", Role.ADMINISTRATOR), at=NOON, who="li")
    store.set_person(Person("li", "Dr. Li", Role.RADIOLOGIST), at=NOON, who="boss")
    assert len(store.people()) == 3
