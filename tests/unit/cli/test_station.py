"""audit, backup, restore and users, on a real data base."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from boneage_desk import wiring
from boneage_desk.archive.store import FILE_NAME, SqliteStore
from boneage_desk.reading.people import Person, Role
from boneage_desk.reading.session import AuditEvent, ReadingSession, SetGrade, SetImpression
from tests.earlier_schema import triggers_off
from tests.samples import NOON, WHO, analysed


@pytest.fixture
def filled(own_data_folder: Path) -> Path:
    """The data base: r1 opened and graded three times, r2 opened, with a text that a spreadsheet would run."""
    path = own_data_folder / FILE_NAME
    with closing(SqliteStore(path)) as store:
        session = analysed("r1")
        store.add(session.reading, AuditEvent("r1", NOON, WHO, "open"))
        for i, command in enumerate((SetGrade("radius", 3), SetGrade("radius", 4), SetImpression('=1+1\n"a",\r\x00 骨龄'))):
            event = session.do(command, at=NOON + timedelta(days=i), who=WHO)
            store.save(session.reading, event)
        other = analysed("r2").reading
        store.add(other, AuditEvent("r2", NOON + timedelta(days=3), "colleague", "open"))
    return path


def tampered(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection, triggers_off(connection):
        for statement in statements:
            connection.execute(statement)


# ------------------------------------------------------------------------------------------ audit
def test_a_whole_chain_ends_with_0(program: Any, filled: Path) -> None:
    code, out, err = program.run("audit", "verify")
    assert (code, err) == (0, "")
    assert out == "5 audit rows: the chain whole\n"


def test_a_broken_row_is_named(program: Any, filled: Path) -> None:
    tampered(filled, "UPDATE audit SET who = 'x' WHERE seq = 3")
    code, out, err = program.run("audit", "verify")
    assert code == 1
    assert "BROKEN Audit row 3 was changed after it was written." in out
    assert err.startswith("boneage-desk: audit: 1 faults: Audit row 3")
    code, out, _ = program.run("audit", "verify", "--json")
    assert code == 1
    assert json.loads(out)["broken"] == ["Audit row 3 was changed after it was written."]


def test_a_clock_that_went_back_is_a_note_and_no_breach(program: Any, filled: Path) -> None:
    with closing(SqliteStore(filled)) as store:
        session = ReadingSession(store.get("r2"))
        event = session.do(SetGrade("ulna", 3), at=NOON - timedelta(days=400), who=WHO)
        store.save(session.reading, event)
        assert store.events("r2")[-1].at == NOON - timedelta(days=400)
    code, out, _ = program.run("audit", "verify")
    assert code == 0
    assert "note   Audit row 6 is dated 2023-06-08T12:00:00+00:00, before row 5: the clock was set back" in out
    assert "note: Audit row 6" in program.run("audit", "show")[1]
    assert "note" not in program.run("audit", "show", "--reading", "r1")[1]


def test_show_is_a_table_and_can_be_narrowed(program: Any, filled: Path) -> None:
    _, out, _ = program.run("audit", "show")
    lines = out.splitlines()
    assert lines[0].split() == ["row", "time", "who", "reading", "action", "what"]
    assert len(lines) == 6
    assert lines[3].split()[3:] == ["reader", "r1", "set-grade", "radius:", "3", "->", "4"]
    assert lines[4].endswith("=1+1 \"a\", \N{REPLACEMENT CHARACTER} 骨龄")  # nothing that moves the cursor

    def seqs(*words: object) -> list[int]:
        code, out, _ = program.run("audit", "show", "--json", *words)
        assert code == 0
        return [row["seq"] for row in json.loads(out)["rows"]]

    assert seqs("--reading", "r2") == [5]
    assert seqs("--who", "colleague") == [5]
    assert seqs("--since", (NOON + timedelta(days=2)).date().isoformat()) == [4, 5]
    assert seqs("--reading", "station") == []
    assert program.run("audit", "show", "--since", "yesterday")[0] == 2


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_an_export_is_checked_elsewhere_and_finds_rows_cut_off(
    program: Any, filled: Path, tmp_path: Path, ending: str, own_data_folder: Path
) -> None:
    out = tmp_path / f"audit.{ending}"
    assert program.run("audit", "export", out)[0] == 0
    if sys.platform != "win32":
        assert out.stat().st_mode & 0o077 == 0
    assert program.run("audit", "verify", "--file", out)[0] == 0
    assert program.run("--data-dir", tmp_path / "nowhere", "audit", "verify", "--file", out, "--alone")[0] == 0

    with closing(SqliteStore(filled)) as store:  # more rows: the data base goes on from the export
        session = ReadingSession(store.get("r1"))
        event = session.do(SetGrade("ulna", 3), at=NOON + timedelta(days=9), who=WHO)
        store.save(session.reading, event)
    assert program.run("audit", "verify", "--file", out)[0] == 0

    # the last rows and the reading that they made are gone: the chain alone cannot know
    tampered(filled, "DELETE FROM audit WHERE seq >= 5", "DELETE FROM findings WHERE reading_id = 'r2'",
             "DELETE FROM assessments WHERE reading_id = 'r2'")  # fmt: skip
    code, text, _ = program.run("audit", "verify", "--file", out)
    assert code == 1
    assert "Audit row 5 is in the export and no longer in the data base" in text


def test_cut_off_rows_are_not_seen_without_an_export(program: Any, own_data_folder: Path, tmp_path: Path) -> None:
    path = own_data_folder / FILE_NAME
    with closing(SqliteStore(path)) as store:
        for name in ("a", "b"):
            store.add(analysed(name).reading, AuditEvent(name, NOON, WHO, "open"))
    out = tmp_path / "audit.jsonl"
    program.run("audit", "export", out)
    tampered(path, "DELETE FROM audit WHERE seq = 2", "DELETE FROM findings WHERE reading_id = 'b'",
             "DELETE FROM assessments WHERE reading_id = 'b'")  # fmt: skip
    assert program.run("audit", "verify")[0] == 0  # what a chain alone cannot show
    assert program.run("audit", "verify", "--file", out)[0] == 1


def test_a_csv_export_runs_nothing_and_a_program_of_others_checks_its_hashes(program: Any, filled: Path, tmp_path: Path) -> None:
    import hashlib

    out = tmp_path / "audit.csv"
    program.run("audit", "export", out)
    with open(out, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(io.StringIO(file.read(), newline="")))
    assert rows[3]["after"].startswith("'=1+1")
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())
    previous = "0" * 64
    for row in rows:
        values = [v.removeprefix("'") for v in row.values()]
        fields = [int(values[0]), values[1], int(values[2]), *values[3:]]
        text = json.dumps(fields[:-1], separators=(",", ":"))
        assert hashlib.sha256(text.encode()).hexdigest() == row["hash"]
        assert row["previous"] == previous
        previous = row["hash"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda lines: [*lines[:2], *lines[3:]], "In the export: Audit row 3 is missing."),
        (lambda lines: [lines[0].replace('"open"', '"shut"'), *lines[1:]], "In the export: Audit row 1 was changed"),
        (lambda lines: [*lines, lines[0]], "In the export: Audit row 1 stands twice or out of order."),
    ],
)
def test_an_altered_export_is_told(
    program: Any, filled: Path, tmp_path: Path, change: Callable[[list[str]], list[str]], words: str
) -> None:
    out = tmp_path / "audit.jsonl"
    program.run("audit", "export", out)
    out.write_text("".join(change(out.read_text().splitlines(keepends=True))))
    code, text, _ = program.run("audit", "verify", "--file", out)
    assert code == 1
    assert words in text


@pytest.mark.parametrize("text", ["", "[1, 2]\n", "{}\n", "nonsense", '{"seq": "1"}'])
def test_what_is_no_export_is_refused(program: Any, filled: Path, tmp_path: Path, text: str) -> None:
    for name in ("a.jsonl", "a.csv", "a.txt"):
        (tmp_path / name).write_text(text)
        code, _, err = program.run("audit", "verify", "--file", tmp_path / name)
        if text or name != "a.jsonl":
            assert code == 2, name
            assert "export" in err
    assert program.run("audit", "verify", "--file", tmp_path / "none.jsonl")[0] == 2
    assert program.run("audit", "verify", "--alone")[0] == 2
    assert program.run("audit", "export", tmp_path / "a.txt")[0] == 2


def test_no_patient_is_named_in_a_log(program: Any, filled: Path, own_data_folder: Path, monkeypatch: pytest.MonkeyPatch,
                                      caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:  # fmt: skip
    """Every command of the station, and a bug whose message has the name in it."""
    import logging

    for words in (("audit", "verify"), ("audit", "show"), ("audit", "export", tmp_path / "a.csv"), ("users", "list"),
                  ("backup", tmp_path)):  # fmt: skip
        assert program.run(*words)[0] == 0

    patient = analysed().reading.patient

    def bug(_self: SqliteStore) -> None:
        raise ValueError(f"{patient.name}, {patient.patient_id}")

    monkeypatch.setattr(SqliteStore, "audit_rows", bug)
    with caplog.at_level(logging.ERROR):
        assert program.run("audit", "show")[0] == 70
    logs = [path.read_text(encoding="utf-8") for path in own_data_folder.rglob("*.log")]
    assert logs and "ValueError" in logs[0]
    assert not any("LI^Ming" in text or "0042" in text for text in logs)
    for handler in list(logging.getLogger("boneage_desk").handlers):
        logging.getLogger("boneage_desk").removeHandler(handler)
        handler.close()


# --------------------------------------------------------------------------------- backup, restore
def test_a_backup_is_restored_and_what_was_there_is_kept(program: Any, filled: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()
    code, out, _ = program.run("backup", folder, "--json")
    assert code == 0
    made = json.loads(out)
    assert (made["readings"], made["audit_rows"]) == (2, 5)
    with closing(SqliteStore(filled)) as store:
        session = ReadingSession(store.get("r1"))
        event = session.do(SetGrade("ulna", 3), at=NOON + timedelta(days=9), who=WHO)
        store.save(session.reading, event)
        rows = len(store.events())
    code, out, err = program.run("restore", made["path"], "--yes", "--json")
    assert code == 0, err
    done = json.loads(out)
    with closing(SqliteStore(filled)) as store:
        assert store.get("r1").bone("ulna").human_grade is None
        assert [event.action for event in store.events()][-1] == "restore"
        assert f"{rows} audit rows, the last " in store.events()[-1].before
        assert store.verify() == []
    with closing(SqliteStore(done["kept"])) as old:
        assert old.get("r1").bone("ulna").human_grade == 3
        assert old.verify() == []
    if sys.platform != "win32":
        assert filled.stat().st_mode & 0o077 == 0
    assert sorted(p.name for p in filled.parent.iterdir() if "restore-" in p.name) == []


def test_a_restore_asks_first(program: Any, filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "copy.sqlite3"
    assert program.run("backup", copy)[0] == 0
    before = filled.read_bytes()
    monkeypatch.setattr(sys, "stdin", io.StringIO("yes\n"))
    code, _, err = program.run("restore", copy)
    assert code == 2
    assert "not-confirmed" in err
    assert filled.read_bytes() == before


def test_backups_in_a_folder_are_kept_by_number(
    program: Any, filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter(datetime.fromisoformat(f"2026-01-0{day}T00:00:00+00:00") for day in range(1, 6))
    monkeypatch.setattr(wiring, "_now", lambda: next(times))
    (tmp_path / "boneage-other-00000000-20200101T000000Z.sqlite3").write_bytes(b"another station's")
    (tmp_path / "notes.txt").write_bytes(b"x")
    for _ in range(5):
        assert program.run("backup", tmp_path, "--keep", 2)[0] == 0
    mine = sorted(p.name[-24:] for p in tmp_path.glob("boneage-*Z.sqlite3") if "other-00000000" not in p.name)
    assert mine == ["20260104T000000Z.sqlite3", "20260105T000000Z.sqlite3"]
    assert len(list(tmp_path.iterdir())) == 4
    assert program.run("backup", tmp_path, "--keep", 0)[0] == 2


def test_a_backup_overwrites_nothing(program: Any, filled: Path, tmp_path: Path) -> None:
    target = tmp_path / "thesis.doc"
    target.write_bytes(b"mine")
    assert program.run("backup", target)[0] == 2
    assert target.read_bytes() == b"mine"
    assert program.run("backup", tmp_path / "none" / "a.sqlite3")[0] == 2
    assert program.run("backup", target, "--keep", 3)[0] == 2


# ------------------------------------------------------------------------------------------ users
def test_profiles_are_made_and_listed(program: Any, own_data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "_who", lambda: "boss")
    assert "no profiles yet; you are 'boss'" in program.run("users", "list")[1]
    assert program.run("users", "set", "boss", "--name", "Dr. Boss")[0] == 2
    assert program.run("users", "set", "boss", "--name", "Dr. Boss", "--role", "janitor")[0] == 2
    assert program.run("users", "set", "boss", "--name", "Dr. Boss", "--role", "Administrator")[0] == 0
    assert program.run("users", "set", "wang", "--name", "Dr. Wang", "--role", "radiologist")[0] == 0
    assert program.run("users", "set", "wang", "--role", "endocrinologist")[0] == 0
    people = json.loads(program.run("users", "list", "--json")[1])["people"]
    assert people == [
        {"account": "boss", "name": "Dr. Boss", "role": "administrator", "may_sign": False, "pin": False},
        {"account": "wang", "name": "Dr. Wang", "role": "endocrinologist", "may_sign": True, "pin": False},
    ]
    monkeypatch.setattr(wiring, "_who", lambda: "wang")
    code, _, err = program.run("users", "set", "wang", "--role", "administrator")
    assert code == 2
    assert "not an administrator" in err


def test_a_pin_comes_from_a_prompt(program: Any, own_data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "_who", lambda: "wang")
    path = own_data_folder / FILE_NAME
    with closing(SqliteStore(path)) as store:
        store.set_person(Person("wang", "Dr. Wang", Role.RADIOLOGIST), at=NOON, who="wang")

    def typed(*lines: str) -> int:
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        return int(program.run("users", "set", "wang", "--pin")[0])

    assert typed("4711", "4712") == 2
    assert typed("471", "471") == 2
    assert typed("471100", "471100") == 0
    assert typed("wrong0", "815000", "815000") == 2
    assert typed("471100", "815000", "815000") == 0
    with closing(SqliteStore(path)) as store:
        assert store.check_pin("wang", "815000")
        assert not store.check_pin("wang", "471100")
        assert store.verify() == []
    content = b"".join(p.read_bytes() for p in own_data_folder.rglob("*") if p.is_file())
    assert b"815000" not in content
    assert b"scrypt$" in content
