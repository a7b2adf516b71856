"""``boneage-desk encrypt``, with a key store in memory and a passphrase through a descriptor."""

from __future__ import annotations

import json
import os
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from boneage_desk.archive.store import FILE_NAME, SqliteStore
from boneage_desk.reading.session import AuditEvent
from boneage_desk.reports import signing_keystore
from tests.samples import NOON, WHO, analysed


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The key store of the system, in memory."""
    kept: dict[str, str] = {}
    monkeypatch.setattr(signing_keystore, "available", lambda: True)
    monkeypatch.setattr(signing_keystore, "kept", kept.get)
    monkeypatch.setattr(signing_keystore, "keep", kept.__setitem__)
    monkeypatch.setattr(signing_keystore, "forget", lambda account: kept.pop(account, None))
    return kept


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


def test_on_status_and_off(program: Any, ring: dict[str, str], filled: Path) -> None:
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


def test_copies_in_clear_are_told(program: Any, ring: dict[str, str], filled: Path) -> None:
    code, out, _ = program.run("encrypt", "on")
    assert (code, "IN CLEAR: " in out) == (0, True)
    assert "IN CLEAR: " in program.run("encrypt", "status")[1]
    checks = {check["name"]: check for check in json.loads(program.run("doctor", "--quick", "--json")[1])["checks"]}
    assert not checks["encryption"]["ok"] and "1 copies in clear" in checks["encryption"]["detail"]


def test_a_lost_key_is_told_and_a_passphrase_brings_it_back(program: Any, ring: dict[str, str], filled: Path) -> None:
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
