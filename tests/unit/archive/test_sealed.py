"""Signed readings, reports and profiles: the data base itself refuses, and verify finds what was done without it."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from boneage_desk.archive.migrations import FIRST, MIGRATIONS
from boneage_desk.archive.schema import strangers
from boneage_desk.archive.store import SqliteStore
from boneage_desk.common.errors import InputError, StoreError
from boneage_desk.reading.people import Person, Role
from boneage_desk.reading.session import AuditEvent, ReadingSession, SetGrade
from tests import scripted
from tests.earlier_schema import as_of
from tests.samples import NOON, WHO
from tests.unit.archive.test_audit_chain import tamper


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """s1 signed, s2 with two addenda, d1 a draft; boss the administrator and wang with a PIN."""
    target = tmp_path_factory.mktemp("made") / "boneage.sqlite3"
    with closing(SqliteStore(target)) as store:
        scripted.play(store, "s1", scripted.SIGNED_AT)
        scripted.play(store, "s2")
        scripted.play(store, "d1", 4)
        store.set_person(Person("boss", "Boss", Role.ADMINISTRATOR), at=NOON, who="boss")
        store.set_person(Person("wang", "Wang", Role.RADIOLOGIST), at=NOON, who="boss")
        store.set_pin("wang", "471100", at=NOON, who="wang")
    return target


@pytest.fixture
def path(made: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copy(made, tmp_path / "boneage.sqlite3"))


def test_untouched_it_is_whole(path: Path) -> None:
    assert tamper(path) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE assessments SET document = '{}' WHERE reading_id = 's1'",
        "UPDATE assessments SET state = 'draft' WHERE reading_id = 's1'",
        "UPDATE assessments SET state = 'reviewed', revision = revision + 1 WHERE reading_id = 's2'",
        "UPDATE assessments SET state = 'signed', revision = revision + 1 WHERE reading_id = 's2'",
        "UPDATE assessments SET state = 'amended', revision = revision + 1 WHERE reading_id = 's1'",  # no report 2
        "UPDATE assessments SET document = '{}', state = 'amended' WHERE reading_id = 's2'",  # the same revision
        "UPDATE assessments SET laterality = 'R', revision = revision + 1 WHERE reading_id = 's2'",
        "UPDATE assessments SET patient_id = 'x', state = 'amended', revision = revision + 1 WHERE reading_id = 's2'",
        "UPDATE assessments SET film_sha256 = 'x', revision = revision + 1 WHERE reading_id = 's2'",
        "UPDATE assessments SET state = 'signed', revision = revision + 1 WHERE reading_id = 'd1'",  # no report
        "UPDATE assessments SET reading_id = 'x' WHERE reading_id = 'd1'",
        "UPDATE OR REPLACE assessments SET reading_id = 's1' WHERE reading_id = 'd1'",
        "UPDATE OR REPLACE assessments SET assessment_id = 1 WHERE reading_id = 'd1'",
        "INSERT OR REPLACE INTO assessments SELECT * FROM assessments WHERE reading_id = 's1'",
        "DELETE FROM assessments WHERE reading_id = 's1'",
        "UPDATE findings SET human_grade = 1 WHERE reading_id = 's1'",
        "DELETE FROM findings WHERE reading_id = 's2'",
        "INSERT OR REPLACE INTO findings SELECT * FROM findings WHERE reading_id = 's2'",
        "UPDATE reports SET pdf = x'00'",
        "UPDATE reports SET sha256 = sha256",
        "DELETE FROM reports WHERE reading_id = 's2' AND number = 3",
        "INSERT OR REPLACE INTO reports SELECT * FROM reports WHERE reading_id = 's1'",
        "INSERT INTO reports SELECT reading_id, 4, pdf, sha256, at FROM reports WHERE reading_id = 's1'",
        "UPDATE people SET role = 'radiologist' WHERE account = 'boss'",
        "UPDATE people SET pin = '' WHERE account = 'boss'",
        "UPDATE people SET account = 'wang2' WHERE account = 'wang'",
        "INSERT INTO people VALUES ('thief', 'Thief', 'administrator', '')",
        "INSERT OR REPLACE INTO people VALUES ('boss', 'Thief', 'administrator', '')",
        "DELETE FROM people WHERE account = 'boss'",
    ],
)
@pytest.mark.parametrize("recursive", [0, 1])
def test_the_data_base_itself_refuses(path: Path, statement: str, recursive: int) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA recursive_triggers = {recursive}")
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(statement)
    assert tamper(path) == []


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE reports SET pdf = x'00' WHERE reading_id = 's1'", "Report 1 of reading s1 is not the file that was signed."),
        (
            "UPDATE reports SET pdf = CAST(pdf || x'00' AS BLOB), sha256 = '" + "0" * 64 + "' WHERE reading_id = 's2' AND number = 2",
            "Report 2 of reading s2 is not the file that was signed.",
        ),
        ("DELETE FROM reports WHERE reading_id = 's2' AND number = 3", "Report 3 of reading s2 is missing."),
        (
            "INSERT INTO reports SELECT reading_id, 2, pdf, sha256, at FROM reports WHERE reading_id = 's1'",
            "Report 2 of reading s1 has no signature.",
        ),
        ("UPDATE people SET role = 'radiologist' WHERE account = 'boss'", "The profile of boss is not as audit row 52 left it."),
        ("UPDATE people SET pin = '' WHERE account = 'wang'", "The profile of wang is not as audit row 54 left it."),
        ("INSERT INTO people VALUES ('thief', 'Thief', 'administrator', '')", "The profile of thief has no audit row."),
        ("DELETE FROM people WHERE account = 'boss'", "Audit row 52 speaks of the profile of boss, which is not there."),
        (
            "UPDATE assessments SET document = replace(document, 'carpals', 'capitals') WHERE reading_id = 's1'",
            "Reading s1 is not as audit row 22 left it.",
        ),
    ],
)
def test_what_was_done_without_the_triggers_is_named(path: Path, statement: str, words: str) -> None:
    assert tamper(path, statement) == [words]


def test_a_report_changed_behind_the_programs_back_is_not_handed_out(path: Path) -> None:
    tamper(path, "UPDATE reports SET pdf = x'00' WHERE reading_id = 's1'")
    with closing(SqliteStore(path)) as store:
        with pytest.raises(StoreError) as caught:
            store.report("s1")
        assert caught.value.code == "damaged"
        assert store.report("s2") == scripted.pdf("s2", 3)


def test_a_report_that_could_not_be_saved_is_kept_for_the_retry(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path / "boneage.sqlite3")) as store:
        session = scripted.play(store, steps=scripted.SIGNED_AT - 1)
        connection = store._connection
        assert connection is not None
        connection.execute("PRAGMA query_only = ON")
        sign = scripted.go_on(session)
        assert sign is not None
        signed = session.reading
        with pytest.raises(StoreError):
            store.save(signed, sign[0], report=sign[1])
        with pytest.raises(StoreError):
            store.save(signed, sign[0])
        connection.execute("PRAGMA query_only = OFF")
        store.save(signed, sign[0])  # without the bytes: they were kept
        assert store.report("r1") == sign[1]

        # and an addendum that comes while the signature waits goes to disk with it
        session = scripted.play(store, "r2", scripted.SIGNED_AT - 1)
        connection.execute("PRAGMA query_only = ON")
        sign = scripted.go_on(session)
        assert sign is not None
        with pytest.raises(StoreError):
            store.save(session.reading, sign[0], report=sign[1])
        connection.execute("PRAGMA query_only = OFF")
        addendum = scripted.go_on(session)
        assert addendum is not None
        store.save(session.reading, addendum[0], report=addendum[1])
        assert [store.report("r2", n) for n in (1, 2)] == [sign[1], addendum[1]]
        assert [e.action for e in store.events("r2")][-2:] == ["sign", "addendum"]
        assert store.verify() == []


# --------------------------------------------------------------------------------------------- PINs
def test_pins(path: Path) -> None:
    with closing(SqliteStore(path)) as store:
        assert store.has_pin("wang") and not store.has_pin("boss") and not store.has_pin("nobody")
        assert store.check_pin("wang", "471100")
        for wrong in ("", "471101", "4711000"):
            assert not store.check_pin("wang", wrong)
        assert not store.check_pin("boss", "")

        def refused(*words: str, who: str, old: str = "") -> str:
            with pytest.raises(InputError) as caught:
                store.set_pin(*words, at=NOON, who=who, old=old)
            return caught.value.code

        assert refused("wang", "123456", who="wang") == "pin"
        assert refused("wang", "123", who="wang", old="471100") == "pin"
        assert refused("wang", "1" * 65, who="boss") == "pin"
        assert refused("boss", "123456", who="wang") == "role"
        assert refused("nobody", "123456", who="boss") == "no-profile"
        store.set_pin("wang", "", at=NOON, who="boss")
        assert not store.has_pin("wang")
        store.set_pin("wang", "\u4e00\u4e8c\u4e09\u56db", at=NOON, who="wang")
        assert store.check_pin("wang", "\u4e00\u4e8c\u4e09\u56db")
        # a new name or role leaves the PIN
        store.set_person(Person("wang", "Wang Li", Role.ENDOCRINOLOGIST), at=NOON, who="boss")
        assert store.check_pin("wang", "\u4e00\u4e8c\u4e09\u56db")
        assert [e.after for e in store.events("") if e.action == "set-pin"] == ["a PIN", "no PIN", "a PIN"]
        assert store.verify() == []


def test_the_same_pin_is_stored_differently_each_time() -> None:
    from boneage_desk.archive import pins

    a, b = pins.hashed("471100"), pins.hashed("471100")
    assert a != b and pins.matches("471100", a) and pins.matches("471100", b)
    assert not any(pins.matches("471100", text) for text in ("", "plain", "scrypt$1$1$1$zz$zz", a.replace("scrypt", "md5")))


# --------------------------------------------------------------------------- from the earlier schema
def test_a_file_of_the_first_schema_with_readings_goes_on(tmp_path: Path) -> None:
    """Readings as 0001 kept them, in tables of its own statements."""
    path = tmp_path / "boneage.sqlite3"
    first = scripted.at_revision("old", 9)
    with closing(SqliteStore(tmp_path / "present.sqlite3")) as store:
        scripted.play(store, "old", 9)
        scripted.play(store, "other", 1)
        rows = list(store.audit_rows())
    as_of((FIRST,), tmp_path / "present.sqlite3", path)
    with closing(SqliteStore(path, now=lambda: "2026-01-02T03:04:05+00:00", who=lambda: "wang")) as store:
        assert store.get("old") == first.reading
        assert store.verify() == []
        assert list(store.audit_rows())[: len(rows)] == rows
        steps = [(event.action, event.who, event.before, event.after) for event in store.events("")]
        names = [step.name for step in MIGRATIONS]
        assert steps == [("migrate", "wang", old, new) for old, new in pairwise(names)]
        session = ReadingSession(store.get("old"))
        while (done := scripted.go_on(session)) is not None:
            store.save(session.reading, done[0], report=done[1])
        assert store.report("old") == scripted.pdf("old", 3)
        assert store.verify() == []
    copy = next(tmp_path.glob("boneage.0001-*.backup.sqlite3"))
    with closing(sqlite3.connect(copy)) as plain:
        assert plain.execute("SELECT count(*) FROM assessments").fetchone() == (2,)
        assert plain.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'reports'").fetchone() == (0,)


def test_files_of_later_schemas_with_all_that_they_had_go_on(path: Path, tmp_path: Path) -> None:
    with closing(SqliteStore(path)) as store:
        every, rows, people = store.list(), list(store.audit_rows()), store.people()
    for number in range(2, len(MIGRATIONS)):
        target = as_of(MIGRATIONS[:number], path, tmp_path / f"of-{number}.sqlite3")
        with closing(SqliteStore(target)) as store:
            assert (store.list(), store.people()) == (every, people)
            assert store.every_of_patient(every[0].patient.patient_id) == every
            assert list(store.audit_rows())[: len(rows)] == rows
            assert store.verify() == []
        with closing(sqlite3.connect(target)) as plain:
            assert strangers(plain) == []


def test_station_events_need_no_reading_and_are_in_the_chain(path: Path) -> None:
    with closing(SqliteStore(path)) as store:
        store.note(AuditEvent("", NOON, WHO, "lock", "by command"))
        assert store.events("")[-1].action == "lock"
        assert store.events()[-1].reading_id == ""
        with pytest.raises(ValueError, match="without its reading"):
            store.note(AuditEvent("s1", NOON, WHO, "lock"))
        session = ReadingSession(store.get("d1"))
        event = session.do(SetGrade("radius", 3), at=NOON, who=WHO)
        store.save(session.reading, event)
        assert store.verify() == []
    assert "Audit row 55 was changed after it was written." in tamper(path, "UPDATE audit SET who = 'x' WHERE seq = 55")
