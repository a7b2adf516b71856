"""The audit chain: no row changes unseen, and verify names the row."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from boneage_desk.archive.store import SqliteStore
from boneage_desk.reading.session import AuditEvent, SetGrade
from tests.earlier_schema import triggers_off
from tests.samples import NOON, WHO, analysed


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Five rows: r1 opened, r1 graded three times, r2 opened."""
    target = tmp_path / "boneage.sqlite3"
    with closing(SqliteStore(target)) as store:
        session = analysed("r1")
        store.add(session.reading, AuditEvent("r1", NOON, WHO, "open"))
        for grade in (3, 4, 5):
            event = session.do(SetGrade("radius", grade), at=NOON, who=WHO)
            store.save(session.reading, event)
        other = analysed("r2").reading
        store.add(other, AuditEvent("r2", NOON, WHO, "open"))
    return target


def tamper(path: Path, *statements: str) -> list[str]:
    """What verify says after someone with the file and time has run ``statements`` past our triggers, and put these back."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection, triggers_off(connection):
        for statement in statements:
            connection.execute(statement)
    with closing(SqliteStore(path)) as store:
        return store.verify()


def test_untouched_it_is_whole(path: Path) -> None:
    assert tamper(path) == []


@pytest.mark.parametrize(
    "column", ["reading_id", "at", "who", "action", "detail", "before", "after", "software", "document_sha256"]
)
def test_a_changed_row_is_named(path: Path, column: str) -> None:
    found = tamper(path, f"UPDATE audit SET {column} = 'other' WHERE seq = 3")
    assert "Audit row 3 was changed after it was written." in found


def test_a_row_changed_with_its_hash_breaks_the_next(path: Path) -> None:
    found = tamper(path, f"UPDATE audit SET who = 'x', hash = '{'0' * 64}' WHERE seq = 3")
    assert "Audit row 4 does not follow on row 3." in found


def test_a_removed_row_is_named(path: Path) -> None:
    assert "Audit row 3 is missing." in tamper(path, "DELETE FROM audit WHERE seq = 3")


def test_removed_rows_are_named_by_range(path: Path) -> None:
    assert "Audit row 2 to 3 is missing." in tamper(path, "DELETE FROM audit WHERE seq IN (2, 3)")


def test_the_last_rows_cannot_go_unseen_while_their_reading_stays(path: Path) -> None:
    assert tamper(path, "DELETE FROM audit WHERE seq = 5") == ["Reading r2 has no audit row."]


def test_a_reading_changed_behind_the_programs_back_is_named(path: Path) -> None:
    found = tamper(path, "UPDATE assessments SET document = replace(document, '\"human_grade\":5', '\"human_grade\":6')")
    assert found == ["Reading r1 is not as audit row 4 left it."]


def test_a_removed_reading_is_named(path: Path) -> None:
    found = tamper(path, "DELETE FROM findings WHERE reading_id = 'r2'", "DELETE FROM assessments WHERE reading_id = 'r2'")
    assert found == ["Audit row 5 speaks of reading r2, which is not there."]


@pytest.mark.parametrize(
    ("statements", "name"),
    [
        # the last row of a station event belongs to no reading: without this nothing would show that it is gone
        (("DROP TRIGGER audit_refuses_delete", "DELETE FROM audit WHERE seq = 6"), "audit_refuses_delete"),
        (("DROP TRIGGER people_are_kept",), "people_are_kept"),
        (("CREATE TRIGGER later AFTER INSERT ON audit BEGIN DELETE FROM findings; END",), "later"),
        (("CREATE VIEW names AS SELECT document FROM assessments",), "names"),
        (
            (
                "DROP TRIGGER audit_refuses_update",
                "CREATE TRIGGER audit_refuses_update BEFORE UPDATE ON audit WHEN 0 BEGIN SELECT RAISE(ABORT, 'no'); END",
            ),
            "audit_refuses_update",
        ),
    ],
)
def test_a_rule_of_the_data_base_that_is_not_ours_is_named(path: Path, statements: tuple[str, ...], name: str) -> None:
    with closing(SqliteStore(path)) as store:
        store.note(AuditEvent("", NOON, WHO, "export", "without a key", after="500 films"))
        assert store.verify() == []
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)
    with closing(SqliteStore(path)) as store:
        assert store.verify() == [f"The rule '{name}' of the data base is missing, was added or was changed."]


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE audit SET who = 'x' WHERE seq = 1", "never changed"),
        ("DELETE FROM audit", "never deleted"),
        ("INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE seq = 1", "only added at the end"),
        ("DELETE FROM assessments", "never deleted"),
    ],
)
def test_the_data_base_itself_refuses(path: Path, statement: str, message: str) -> None:
    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.IntegrityError, match=message):
        connection.execute(statement)


def run_in(store: SqliteStore, work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def test_a_thousand_rows_are_verified_in_a_moment(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path / "boneage.sqlite3")) as store:
        session = analysed("r1")
        store.add(session.reading, AuditEvent("r1", NOON, WHO, "open"))
        connection = store._connection
        assert connection is not None
        connection.execute("PRAGMA synchronous = OFF")  # not what is measured here
        for i in range(999):
            event = session.do(SetGrade("radius", i % 9), at=NOON, who=WHO)
            store.save(session.reading, event)
        seconds = min(run_in(store, lambda: store.verify() and None) for _ in range(3))
        assert len(store.events()) == 1000
    assert seconds < 0.2
