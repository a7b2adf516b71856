"""``boneage-desk users``: who reads at this station, and as what."""

from __future__ import annotations

import argparse
import getpass
import sys

from boneage_desk.cli import output
from boneage_desk.cli.app import App
from boneage_desk.cli.station import keeper
from boneage_desk.common.errors import InputError
from boneage_desk.reading.people import Person, Role, parse_role
from boneage_desk.reading.ports import Services


def add_arguments(parser: argparse.ArgumentParser) -> None:
    groups = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    listed = groups.add_parser("list", help="the profiles of this station")
    listed.add_argument("--json", action="store_true", help="one JSON object on stdout")
    one = groups.add_parser("set", help="make or change a profile")
    one.add_argument("account", metavar="ACCOUNT", help="account of the operating system")
    one.add_argument("--name", help="as printed in reports")
    one.add_argument("--role", help=", ".join(role.value for role in Role))
    one.add_argument("--pin", action="store_true", help="ask for a PIN that unlocks the window (an empty one takes it away)")


def run(options: argparse.Namespace, app: App) -> int:
    services = app.services(options.data_dir)
    try:
        return _list(options, services) if options.what == "list" else _set(options, services)
    finally:
        services.close()


def _list(options: argparse.Namespace, services: Services) -> int:
    station, people = keeper(services), services.store().people()
    rows = [
        {"account": p.account, "name": p.name, "role": p.role.value, "may_sign": p.may_sign, "pin": station.has_pin(p.account)}
        for p in people
    ]
    if options.json:
        output.emit({"people": rows, "you": services.who()})
        return 0
    for row in rows:
        more = [word for word, on in (("signs", row["may_sign"]), ("PIN", row["pin"])) if on]
        print(f"{row['account']}  {row['name']}  {row['role']}" + (f"  ({', '.join(more)})" if more else ""))
    if not rows:
        print(f"no profiles yet; you are '{services.who()}'")
    return 0


def _set(options: argparse.Namespace, services: Services) -> int:
    if not (options.name or options.role or options.pin):
        raise InputError("Nothing to set.", "Give --name, --role or --pin.", code="usage")
    store, who = services.store(), services.who()
    present = store.person(options.account)
    if options.name or options.role:
        if present is None and not (options.name and options.role):
            raise InputError(f"'{options.account}' has no profile yet.", "Give --name and --role.", code="usage")
        person = Person(
            options.account,
            options.name or (present.name if present else ""),
            parse_role(options.role) if options.role else present.role,  # type: ignore[union-attr]  # asked for above
        )
        store.set_person(person, at=services.now(), who=who)
        print(f"{person.account}: {person.name}, {person.role.value}")
    if options.pin:
        station = keeper(services)
        old = _secret("Present PIN: ") if options.account == who and station.has_pin(who) else ""
        new = _secret("New PIN: ")
        if _secret("New PIN again: ") != new:
            raise InputError("The two PINs differ.", "Try again.", code="pin")
        station.set_pin(options.account, new, at=services.now(), who=who, old=old)
        print(f"{options.account}: {'the PIN is set' if new else 'no PIN'}")
    return 0


def _secret(words: str) -> str:
    """Typed unseen at a terminal, else a line of stdin. Never an argument: other accounts see those."""
    if sys.stdin.isatty():
        return getpass.getpass(words)
    return sys.stdin.readline().rstrip("\r\n")
