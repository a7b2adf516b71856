"""A reading of a newer version among others: refused untouched, told by its id, and the others go on."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from boneage_desk.archive import store as module
from boneage_desk.archive.station import Station
from boneage_desk.archive.store import SqliteStore
from boneage_desk.common.errors import StoreError
from boneage_desk.reading.codec import Unread, encode_reading
from boneage_desk.reading.session import AuditEvent, Reading, ReadingSession, SetGrade
from tests.earlier_schema import triggers_off
from tests.samples import NOON, WHO, analysed


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """a and c of this version, b of one that knows a fact more."""
    target = tmp_path / "boneage.sqlite3"

    def newer(reading: Reading) -> str:
        data = encode_reading(reading)
        data["reading"]["sedation"] = "given"
        return json.dumps(data)

    with closing(SqliteStore(target)) as store:
        for name in "abc":
            with monkeypatch.context() as patched:
                if name == "b":
                    patched.setattr(module, "_document", newer)
                session = analysed(name, film=name)
                store.add(session.reading, AuditEvent(name, NOON, WHO, "open"))
    return target


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore(path)) as opened:
        yield opened


def test_a_page_goes_on_past_it(store: SqliteStore) -> None:
    first, second, third = store.page(5)
    assert isinstance(first, Reading) and isinstance(third, Reading)
    assert (first.reading_id, second.reading_id, third.reading_id) == ("c", "b", "a")
    assert isinstance(second, Unread) and second.error.code == "newer"
    assert [item.reading_id for item in store.page(2, "b")] == ["a"]


def test_it_is_refused_and_stays_as_it_is(store: SqliteStore, path: Path) -> None:
    def stored() -> str:
        with closing(sqlite3.connect(path)) as plain:
            return str(plain.execute("SELECT document FROM assessments WHERE reading_id = 'b'").fetchone()[0])

    before, film = stored(), analysed("b", film="b").reading.source
    for ask in (lambda: store.get("b"), lambda: store.find_by_film(film.sha256, film.frame_number), store.list):
        with pytest.raises(StoreError) as caught:
            ask()
        assert caught.value.code == "newer"
    assert stored() == before and "sedation" in before
    session = ReadingSession(store.get("a"))
    event = session.do(SetGrade("radius", 3), at=NOON, who=WHO)
    store.save(session.reading, event)
    assert store.verify() == []


def test_a_backup_is_made_with_it_and_names_it(store: SqliteStore, path: Path, tmp_path: Path) -> None:
    made = Station(path, lambda: store).backup(tmp_path / "copy.sqlite3", at=NOON, who=WHO)
    assert (made.readings, made.newer) == (3, ("b",))
    assert store.events("")[-1].after.endswith(", 1 readings of a newer version")
    with closing(SqliteStore(made.path)) as copy:
        assert copy.verify() == []
        assert [type(item) for item in copy.page(3)] == [Reading, Unread, Reading]


def test_nothing_is_restored_or_encrypted_over_it(store: SqliteStore, path: Path, tmp_path: Path) -> None:
    it = Station(path, lambda: store)
    copy = it.backup(tmp_path / "copy.sqlite3", at=NOON, who=WHO).path
    store.close()

    def content() -> list[str]:
        with closing(sqlite3.connect(path)) as plain:
            return list(plain.iterdump())

    before = content()
    for do in (
        lambda: it.restore(copy, at=NOON, who=WHO),
        lambda: it.encrypt(at=NOON, who=WHO, passphrase="correct horse battery"),
    ):
        with pytest.raises(StoreError) as caught:
            do()
        assert caught.value.code == "newer"
    assert content() == before


def test_a_damaged_one_costs_the_others_nothing_either(store: SqliteStore, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection, triggers_off(connection):
        connection.execute("UPDATE assessments SET document = '{' WHERE reading_id = 'a'")
    found = store.page(3)
    assert [(item.reading_id, item.error.code) for item in found if isinstance(item, Unread)] == [("b", "newer"), ("a", "damaged")]
