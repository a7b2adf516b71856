"""A data base as an earlier version of the program left it, or as somebody with the file may: past its triggers."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from boneage_desk.archive.migrations import Migration, migrate


def as_of(steps: Sequence[Migration], present: Path, target: Path) -> Path:
    """Make ``target`` by ``steps``, with what ``present`` (closed, of the newest schema) has in their tables and columns."""
    with closing(sqlite3.connect(target, isolation_level=None)) as made:
        migrate(made, steps, lambda: "2024-07-12T12:00:00+00:00")
        made.execute("ATTACH ? AS present", (str(present),))
        with triggers_off(made):
            tables = made.execute("SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
            for (table,) in tables.fetchall():
                if table != "schema_migrations":
                    columns = ", ".join(row[1] for row in made.execute(f"PRAGMA main.table_info({table})"))
                    made.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM present.{table} ORDER BY 1")
    return target


@contextmanager
def triggers_off(connection: sqlite3.Connection) -> Iterator[None]:
    """What is done meanwhile is refused by no trigger; they are as they were afterwards."""
    triggers = connection.execute("SELECT name, sql FROM main.sqlite_schema WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER main.{name}")
    yield
    for _, sql in triggers:
        connection.execute(sql)
