"""Tables, recipes, exports and backups from others: a refusal in words, whatever is in them."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from boneage_desk.archive.restore import restore
from boneage_desk.archive.store import SqliteStore
from boneage_desk.cli.audit import _export
from boneage_desk.cli.table import read_table
from boneage_desk.common.errors import BoneAgeError
from boneage_desk.training.film_figures import read_result
from boneage_desk.training.film_labels import FilmLabel, Labels, read_labels, read_split, with_sizes
from boneage_desk.training.recipe import read_recipe
from boneage_desk.training.site_data import read_site

AT = datetime(2024, 7, 12, tzinfo=UTC)


def silent(_: str) -> None:
    """Faults told line by line."""


def site(path: Path) -> object:
    return read_site(path.parent, path.name, "grader", "index", silent)


READERS: dict[str, Callable[[Path], object]] = {
    "batch": read_table,
    "labels": lambda path: read_labels(path, silent),
    "split": read_split,
    "sizes": lambda path: with_sizes(Labels({"a": FilmLabel("a", 1, None, 100.0)}, ""), path),
    "site": site,
    "recipe": lambda path: read_recipe(path, "grader"),
    "result": read_result,
    "export.jsonl": lambda path: _export(path),
    "restore": lambda path: restore(path, path.parent / "desk.sqlite3", at=AT, who="x"),
}
ATTACKS: dict[str, bytes] = {
    "empty": b"",
    "not text": bytes(range(256)) * 10,
    "a cell of megabytes": b"id,sex,validation,height,width,film,boneage\n" + b"x" * 400_000 + b",M,1,9,9,a,1\n",
    "a quote that never ends": b'id,sex,validation,height,width,film,boneage\n"' + b"x,\n" * 200_000,
    "numbers that are none": b"id,sex,validation,height,width,film,boneage\na,M,x,1e999,nan,a,inf\n",
    "numbers that are huge": b"id,sex,validation,height,width,film,boneage\na,M,7," + b"9" * 300 + b"," + b"9" * 300 + b",a,1e300\n",
    "JSON nested": b'{"a":' * 100_000,
    "TOML nested": b"a = " + b"[" * 100_000,
    "pickle": b"\x80\x04\x95\x1d\0\0\0\0\0\0\0\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x02id\x94\x85\x94R\x94.",
    "SQLite head alone": b"SQLite format 3\0" + bytes(84),
    "SQLite that lies": b"SQLite format 3\0\x10\0\1\1\0\x40\x20\x20" + b"\xff" * 4000,
}


@pytest.mark.parametrize("attack", list(ATTACKS))
@pytest.mark.parametrize("reader", list(READERS))
def test_it_is_refused(tmp_path: Path, reader: str, attack: str) -> None:
    path = tmp_path / (reader if "." in reader else "table.csv")
    path.write_bytes(ATTACKS[attack])
    if (reader, attack) == ("export.jsonl", "empty") or (reader == "batch" and attack.startswith("numbers")):
        READERS[reader](path)  # an export of no rows; a table that needs no numbers
        return
    before = sorted(tmp_path.iterdir())
    with pytest.raises(BoneAgeError) as caught:
        READERS[reader](path)
    assert caught.value.message and len(caught.value.message) < 400_600
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("reader", [name for name in READERS if name != "restore"])
def test_a_file_without_an_end_is_not_read(tmp_path: Path, reader: str) -> None:
    path = tmp_path / (reader if "." in reader else "table.csv")
    with open(path, "wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(BoneAgeError):
        READERS[reader](path)
    path.unlink()
    if hasattr(os, "mkfifo"):
        os.mkfifo(path)
        with pytest.raises(BoneAgeError):
            READERS[reader](path)


def test_a_data_base_of_others_with_code_in_its_schema_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "evil.sqlite3"
    with closing(sqlite3.connect(source)) as made:
        made.executescript(
            "CREATE TABLE assessments(reading_id TEXT, document TEXT, assessment_id INTEGER);"
            "CREATE VIEW people AS SELECT load_extension('/tmp/evil.so');"
            "CREATE TRIGGER t AFTER INSERT ON assessments BEGIN SELECT writefile('/tmp/evil', 'x'); END;"
        )
    with pytest.raises(BoneAgeError):
        restore(source, tmp_path / "desk.sqlite3", at=AT, who="x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["evil.sqlite3"]


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TRIGGER t AFTER INSERT ON audit BEGIN UPDATE assessments SET reading_id = 'x'; END",
        "CREATE VIEW people_of_others AS SELECT 1",
        "DROP TRIGGER audit_refuses_update",
    ],
)
def test_a_backup_whose_triggers_are_not_ours_is_refused(tmp_path: Path, change: str) -> None:
    """The readings in it are whole; what was added would change them later, what was taken away would let it."""
    source = tmp_path / "backup.sqlite3"
    SqliteStore(source).close()
    assert restore(source, tmp_path / "good.sqlite3", at=AT, who="x").rows >= 1
    with closing(sqlite3.connect(source, isolation_level=None)) as made:
        made.execute(change)
    with pytest.raises(BoneAgeError, match="schema was changed"):
        restore(source, tmp_path / "desk.sqlite3", at=AT, who="x")
    assert not (tmp_path / "desk.sqlite3").exists()
