"""``boneage-desk encrypt``: the patients' words in the data base encrypted, or in clear again."""

from __future__ import annotations

import argparse
from pathlib import Path

from boneage_desk.cli import output
from boneage_desk.cli.app import App
from boneage_desk.cli.secret import add_arguments as add_secret
from boneage_desk.cli.secret import secret
from boneage_desk.cli.station import keeper
from boneage_desk.common.errors import InputError
from boneage_desk.reading.ports import Services
from boneage_desk.reading.station import Encrypted, StationKeeper


def add_arguments(parser: argparse.ArgumentParser) -> None:
    groups = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    on = groups.add_parser("on", help="encrypt; the key goes into the system's key store")
    on.add_argument("--passphrase", action="store_true", help="ask for a passphrase that opens it too, where the key store is lost")
    on.add_argument("--delete-clear", action="store_true", help="delete the data base in clear in the end, and older copies beside it")
    off = groups.add_parser("off", help="in clear again")
    status = groups.add_parser("status", help="whether it is encrypted, and where its key is")
    unlock = groups.add_parser("unlock", help="put the key into this account's key store, with the passphrase")
    for sub in (on, unlock):
        add_secret(sub)
    for sub in (on, off, status, unlock):
        sub.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(options: argparse.Namespace, app: App) -> int:
    services = app.services(options.data_dir)
    try:
        # nothing here may open the store: what switches needs it closed
        station = keeper(services)
        return {"on": _on, "off": _off, "status": _status, "unlock": _unlock}[options.what](options, services, station)
    finally:
        services.close()


def _on(options: argparse.Namespace, services: Services, station: StationKeeper) -> int:
    wanted = options.passphrase or options.passphrase_fd is not None
    given = secret("new-store", options.passphrase_fd) if wanted else None
    clear = options.delete_clear
    done = station.encrypt(at=services.now(), who=services.who(), passphrase=given, delete_clear=clear)
    state = station.encryption()
    copies = state.clear_copies
    removed, why = [], ""
    for path in copies if clear else ():
        try:
            path.unlink(missing_ok=True)
            removed.append(path)
        except OSError as error:
            why = error.strerror or type(error).__name__
    left = tuple(path for path in copies if path not in removed)
    if options.json:
        output.emit({**_values(done), "removed": [str(path) for path in removed], "clear_copies": [str(path) for path in left]})
    else:
        print(f"encrypted and read again: {done.readings} readings, {done.rows} audit rows, key {done.key_id}")
        for path in removed:
            print(f"removed: {path}")
        for path in left:
            print(f"IN CLEAR: {path}: delete it once you have seen that all is well")
        for path in state.clear_folders:
            print(f"IN CLEAR: {path}: reports or films that were written there")
    if given is None:
        output.note(
            "The key is in the key store of this account and nowhere else: if that is lost, so are the readings and all "
            "backups made from now on. 'encrypt off', then 'encrypt on --passphrase' adds a second way in."
        )
    output.note("Backups and copies made before are still in clear. On flash disks deleted files may be found for some time.")
    if why:
        output.note(f"The data base is encrypted, but {len(left)} copies in clear could not be deleted ({why}): delete them.")
    return 1 if why else 0


def _off(options: argparse.Namespace, services: Services, station: StationKeeper) -> int:
    done = station.decrypt(at=services.now(), who=services.who())
    if options.json:
        output.emit(_values(done))
    else:
        print(f"in clear and read again: {done.readings} readings, {done.rows} audit rows")
        if done.kept is not None:
            print(f"what was there before lies at {done.kept}; it and older backups still need the key or passphrase")
    return 0


def _status(options: argparse.Namespace, services: Services, station: StationKeeper) -> int:
    state = station.encryption()
    if options.json:
        output.emit(
            {
                "on": state.on, "key_id": state.key_id, "in_key_store": state.kept, "passphrase": state.passphrase,
                "clear_copies": [str(path) for path in state.clear_copies],
                "clear_folders": [str(path) for path in state.clear_folders],
            }
        )  # fmt: skip
        return 0
    print(words(station))
    for path in (*state.clear_copies, *state.clear_folders):
        print(f"IN CLEAR: {path}")
    return 0


def words(station: StationKeeper) -> str:
    """How the data base is encrypted, in a line."""
    state = station.encryption()
    if not state.on:
        return "not encrypted"
    ways = [*(["this account's key store"] if state.kept else []), *(["a passphrase"] if state.passphrase else [])]
    clear = f"; {len(state.clear_copies)} copies in clear beside it" if state.clear_copies else ""
    clear += "".join(f"; files in clear in {path.name}" for path in state.clear_folders)
    return f"encrypted, key {state.key_id}, opened by {' or '.join(ways) or 'nothing that is here'}{clear}"


def _unlock(options: argparse.Namespace, services: Services, station: StationKeeper) -> int:
    given = secret("store", options.passphrase_fd)
    if given is None:
        raise InputError("Nothing was entered.", "Enter the passphrase.", code="passphrase")
    station.unlock(given)
    if options.json:
        output.emit({"unlocked": True})
    else:
        print("The key is in this account's key store now.")
    return 0


def _values(done: Encrypted) -> dict[str, object]:
    kept: Path | None = done.kept
    return {
        "encrypted": bool(done.key_id), "key_id": done.key_id, "readings": done.readings, "audit_rows": done.rows,
        "passphrase": done.passphrase, "kept": str(kept) if kept is not None else None,
    }  # fmt: skip
