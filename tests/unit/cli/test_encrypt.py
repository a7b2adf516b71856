"""``boneage-desk encrypt``, through the library keyring with a store in memory, and a passphrase through a descriptor."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import keyring
import pytest

from boneage_desk.archive.store import FILE_NAME, SqliteStore
from boneage_desk.reading.session import AuditEvent
from tests.samples import NOON, WHO, analysed
from tests.signers import MemoryKeyring


@pytest.fixture
def ring() -> Iterator[dict[tuple[str, str], str]]:
    """The library keyring with a key store in memory; what is in it, by service and account."""
    before = keyring.get_keyring()
    store = MemoryKeyring()
    keyring.set_keyring(store)
    yield store.kept
    keyring.set_keyring(before)


@pytest.fixture
def filled(own_data_folder: Path) -> Path:
    path = own_data_folder / FILE_NAME
    with closing(SqliteStore(path)) as store:
        store.add(analysed("r1").reading, AuditEvent("r1", NOON, WHO, "open"))
    return path


def piped(words: str) -> int:
    read, write = os.pipe()
    os.write(write, words.encode() + b"\n")
    os.close(write)
    return read


def test_on_status_and_off(program: Any, ring: dict[tuple[str, str], str], filled: Path) -> None:
    code, out, err = program.run("encrypt", "on", "--delete-clear")
    assert (code, "1 readings" in out, "nowhere else" in err) == (0, True, True)
    assert b"LI^Ming" not in b"".join(path.read_bytes() for path in filled.parent.iterdir() if path.is_file())
    told = json.loads(program.run("encrypt", "status", "--json")[1])
    assert (told["on"], told["in_key_store"], told["passphrase"], told["clear_copies"]) == (True, True, False, [])
    code, out, _ = program.run("audit", "verify")
    assert (code, out) == (0, "2 audit rows: the chain whole\n")
    assert program.run("encrypt", "on")[0] == 2
    checks = {check["name"]: check for check in json.loads(program.run("doctor", "--quick", "--json")[1])["checks"]}
    assert checks["encryption"]["ok"] and "key store" in checks["encryption"]["detail"]
    code, out, _ = program.run("encrypt", "off")
    assert (code, "in clear" in out) == (0, True)
    assert b"LI^Ming" in filled.read_bytes()
    assert program.run("encrypt", "status")[1] == "not encrypted\n"


def test_copies_in_clear_are_told(program: Any, ring: dict[tuple[str, str], str], filled: Path) -> None:
    code, out, _ = program.run("encrypt", "on")
    assert (code, "IN CLEAR: " in out) == (0, True)
    assert "IN CLEAR: " in program.run("encrypt", "status")[1]
    checks = {check["name"]: check for check in json.loads(program.run("doctor", "--quick", "--json")[1])["checks"]}
    assert not checks["encryption"]["ok"] and "1 copies in clear" in checks["encryption"]["detail"]


def test_a_copy_in_clear_that_cannot_be_deleted_is_told(
    program: Any, ring: dict[tuple[str, str], str], filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.unlink

    def held_open(self: Path, missing_ok: bool = False) -> None:
        if ".replaced-" in self.name:
            raise PermissionError(13, "Permission denied", str(self))
        real(self, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", held_open)
    code, out, err = program.run("encrypt", "on", "--delete-clear")
    assert (code, "encrypted and read again" in out, "IN CLEAR: " in out) == (1, True, True), err
    assert "1 copies in clear could not be deleted (Permission denied)" in err
    assert len(ring) == 1
    assert program.run("audit", "verify")[0] == 0


def test_a_lost_key_is_told_and_a_passphrase_brings_it_back(program: Any, ring: dict[tuple[str, str], str], filled: Path) -> None:
    words = "a passphrase of some words"
    assert program.run("encrypt", "on", "--passphrase-fd", piped(words), "--delete-clear")[0] == 0
    ring.clear()
    code, _, err = program.run("audit", "show")
    assert code == 1
    assert err.startswith("boneage-desk: encrypted: The data base is encrypted") and "encrypt unlock" in err
    assert program.run("encrypt", "unlock", "--passphrase-fd", piped("another one of these"))[0] == 2
    assert program.run("encrypt", "unlock", "--passphrase-fd", piped(words))[0] == 0
    assert program.run("audit", "show")[0] == 0
    assert words not in "".join(ring.values())


def test_without_key_store_or_passphrase_nothing_is_done(program: Any, filled: Path) -> None:
    before = filled.read_bytes()
    code, _, err = program.run("encrypt", "on")
    assert (code, "passphrase" in err, filled.read_bytes() == before) == (2, True, True)


def test_a_backup_in_clear_over_an_encrypted_data_base_is_told(
    program: Any, ring: dict[tuple[str, str], str], filled: Path, tmp_path: Path
) -> None:
    assert program.run("backup", tmp_path / "clear.sqlite3")[0] == 0
    assert program.run("encrypt", "on", "--delete-clear")[0] == 0
    code, _, err = program.run("restore", tmp_path / "clear.sqlite3", "--yes")
    assert (code, "this is in clear" in err) == (0, True)


def test_a_server_without_key_store_gives_the_passphrase_by_descriptor(program: Any, filled: Path) -> None:
    words = "a passphrase of some words"
    assert program.run("encrypt", "on", "--passphrase-fd", piped(words), "--delete-clear")[0] == 0
    code, _, err = program.run("audit", "verify")
    assert (code, err.split(":")[1]) == (1, " encrypted")
    code, _, err = program.run("--store-passphrase-fd", piped("another one of these"), "audit", "verify")
    assert (code, "not the passphrase" in err) == (2, True)
    code, _, err = program.run("--store-passphrase-fd", piped(words), "audit", "verify")
    assert code == 0, err
    assert program.run("--store-passphrase-fd", piped(words), "encrypt", "off")[0] == 0
    assert b"LI^Ming" in filled.read_bytes()
