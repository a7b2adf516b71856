"""Profiles and their PINs: rows that change only together with their audit row."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime

from boneage_desk.archive import audit, pins
from boneage_desk.archive.text import clean
from boneage_desk.common.errors import InputError
from boneage_desk.reading.assessment import AuditEvent
from boneage_desk.reading.chain import STATION
from boneage_desk.reading.people import MAY_MANAGE, Person, Role, parse_role
from boneage_desk.reading.station import LONGEST_PIN, SET_PERSON, SET_PIN, SHORTEST_PIN


def every(connection: sqlite3.Connection) -> list[Person]:
    """All profiles, by account."""
    found = connection.execute("SELECT account, name, role FROM people ORDER BY account")
    return [Person(account, name, parse_role(role)) for account, name, role in found]


def one(connection: sqlite3.Connection, account: str) -> Person | None:
    """The profile of an account, None where there is none."""
    row = connection.execute("SELECT account, name, role FROM people WHERE account = ?", (clean(account),)).fetchone()
    return Person(row[0], row[1], parse_role(row[2])) if row else None


def pin_of(connection: sqlite3.Connection, account: str) -> str:
    """The stored hash; '' where no PIN or no profile is."""
    row = connection.execute("SELECT pin FROM people WHERE account = ?", (clean(account),)).fetchone()
    return str(row[0]) if row else ""


def documents(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """(account, what its audit row has the hash of) of each profile."""
    found = connection.execute("SELECT account, name, role, pin FROM people ORDER BY account")
    return [(row[0], _document(*row)) for row in found]


def _document(account: str, name: str, role: str, pin: str) -> str:
    return json.dumps([account, name, role, pin], ensure_ascii=True, separators=(",", ":"))


def may_manage(connection: sqlite3.Connection, who: str) -> bool:
    """Whether ``who`` may change profiles: an administrator."""
    person = one(connection, who)
    return person is not None and person.role in MAY_MANAGE


def has_manager(connection: sqlite3.Connection) -> bool:
    """Whether anybody at this station may change profiles."""
    marks = ", ".join("?" * len(MAY_MANAGE))
    roles = [role.value for role in MAY_MANAGE]
    return connection.execute(f"SELECT 1 FROM people WHERE role IN ({marks})", roles).fetchone() is not None


def set_person(connection: sqlite3.Connection, person: Person, at: datetime, who: str) -> None:
    """Make or change a profile; the caller holds the transaction. Raises InputError 'role'.

    While the station has no administrator, anybody may make one: else a station whose first profile is a physician's
    could never have a second.
    """
    account, name = clean(person.account), clean(person.name)
    before = one(connection, account)
    if before == Person(account, name, person.role):
        return
    first = connection.execute("SELECT 1 FROM people").fetchone() is None
    bootstrap = person.role is Role.ADMINISTRATOR and not has_manager(connection)
    if not first and not bootstrap and not may_manage(connection, who):
        raise InputError(
            f"Account '{who}' is not an administrator of this station, who alone changes profiles.",
            "Let an administrator do it." if has_manager(connection) else "Make an account administrator first.",
            code="role",
        )
    pin = pin_of(connection, account)
    event = AuditEvent(STATION, at, who, SET_PERSON, account, _words(before), f"{name}, {person.role.value}")
    _write(connection, event, account, name, person.role, pin)


def set_pin(connection: sqlite3.Connection, account: str, pin: str, at: datetime, who: str, old: str) -> None:
    """See `StationKeeper.set_pin`; the caller holds the transaction."""
    person = one(connection, account)
    if person is None:
        raise InputError(f"Account '{account}' has no profile.", "Make it first: users set.", code="no-profile")
    kept = pin_of(connection, account)
    if clean(who) == person.account:
        if kept and not pins.matches(old, kept):
            raise InputError("The old PIN is another one.", "An administrator can set a new one.", code="pin")
    elif not may_manage(connection, who):
        raise InputError(f"'{who}' may not set the PIN of '{account}'.", "Let an administrator do it.", code="role")
    if pin and not SHORTEST_PIN <= len(pin) <= LONGEST_PIN:
        raise InputError(f"A PIN has {SHORTEST_PIN} to {LONGEST_PIN} characters.", "Choose another; 6 or more.", code="pin")
    event = AuditEvent(
        STATION, at, who, SET_PIN, person.account, "a PIN" if kept else "no PIN", "a PIN" if pin else "no PIN"
    )
    _write(connection, event, person.account, person.name, person.role, pins.hashed(pin) if pin else "")


def _words(person: Person | None) -> str:
    return f"{person.name}, {person.role.value}" if person else ""


def _write(connection: sqlite3.Connection, event: AuditEvent, account: str, name: str, role: Role, pin: str) -> None:
    # the audit row first: a trigger refuses a profile's change that does not follow on its row
    audit.append(connection, event, document=_document(account, name, role.value, pin))
    connection.execute(
        """
        INSERT INTO people (account, name, role, pin) VALUES (?, ?, ?, ?)
        ON CONFLICT (account) DO UPDATE SET name = excluded.name, role = excluded.role, pin = excluded.pin
        """,
        (account, name, role.value, pin),
    )
