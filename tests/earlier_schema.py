"""A data base as an earlier version of the program left it: its schema, with the rows of a present one."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from boneage_desk.archive.migrations import Migration, migrate


def as_of(steps: Sequence[Migration], present: Path, target: Path) -> Path:
    """Make ``target`` by ``steps``, with what ``present`` (closed, of the newest schema) has in their tables and columns."""
    with closing(sqlite3.connect(target, isolation_level=None)) as made:
        migrate(made, steps, lambda: "2024-07-12T12:00:00+00:00")
        made.execute("ATTACH ? AS present", (str(present),))
        made.execute("BEGIN")
        triggers = made.execute("SELECT name, sql FROM main.sqlite_schema WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            made.execute(f"DROP TRIGGER main.{name}")
        tables = made.execute("SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        for (table,) in tables.fetchall():
            if table != "schema_migrations":
                columns = ", ".join(row[1] for row in made.execute(f"PRAGMA main.table_info({table})"))
                made.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM present.{table} ORDER BY 1")
        for _, sql in triggers:
            made.execute(sql)
        made.execute("COMMIT")
    return target
