"""Whether a data base has the triggers and views of this program, and no others: a trigger is code that runs at a change."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing

from boneage_desk.archive.migrations import MIGRATIONS, Migration, migrate


def strangers(connection: sqlite3.Connection, steps: Sequence[Migration] = MIGRATIONS) -> list[str]:
    """Names of triggers and views that are missing, were added or say something else, in a file that all ``steps`` made."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as own:
        migrate(own, steps, lambda: "")
        return sorted({name for _, name, _ in _objects(own) ^ _objects(connection)})


def faults(connection: sqlite3.Connection, steps: Sequence[Migration] = MIGRATIONS) -> list[str]:
    """The same in words, one each."""
    return [f"The rule '{name}' of the data base is missing, was added or was changed." for name in strangers(connection, steps)]


def _objects(connection: sqlite3.Connection) -> set[tuple[str, str, str]]:
    rows = connection.execute("SELECT type, name, sql FROM sqlite_schema WHERE type IN ('trigger', 'view')")
    return {(str(kind), str(name), " ".join(str(sql).split())) for kind, name, sql in rows}
