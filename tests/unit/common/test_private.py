"""Owner-only rights on what the program writes; wider ones are taken away or told."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from boneage_desk.archive.store import FILE_NAME, SqliteStore
from boneage_desk.common import logs, private, settings

pytestmark = pytest.mark.skipif(os.name != "posix", reason="rights are access lists here")


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def test_settings_log_and_data_base_are_the_owners_under_any_umask(open_umask: None, tmp_path: Path) -> None:
    settings.save(tmp_path, settings.Settings())
    logger = logs.configure(tmp_path)
    try:
        logger.info("started")
        with closing(SqliteStore(tmp_path / FILE_NAME)):
            names = ["settings.json", "boneage-desk.log", FILE_NAME, f"{FILE_NAME}-wal", f"{FILE_NAME}-shm"]
            assert {name: oct(mode(tmp_path / name)) for name in names} == dict.fromkeys(names, "0o600")
    finally:
        for handler in list(logger.handlers):
            if isinstance(handler, logging.handlers.RotatingFileHandler):
                logger.removeHandler(handler)
                handler.close()


def test_wider_rights_are_taken_away(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o755)
    (folder / "signing").mkdir(mode=0o755)
    for name in (FILE_NAME, "settings.json", "signing/a.p12"):
        (folder / name).write_bytes(b"")
        (folder / name).chmod(0o644)
    assert len(private.wide_data(folder)) == 4
    private.tighten_data(folder)
    assert private.wide_data(folder) == []
    assert (mode(folder), mode(folder / FILE_NAME), mode(folder / "signing/a.p12")) == (0o700, 0o600, 0o600)


def test_the_program_writes_for_its_owner() -> None:
    # a real process: what it writes outside of its data folder too
    script = "import os, sys; os.umask(0); from boneage_desk.__main__ import main; main(); print(oct(os.umask(0)))"
    done = subprocess.run([sys.executable, "-c", script, "--version"], check=True, capture_output=True, text=True, timeout=120)
    assert done.stdout.splitlines()[-1] == "0o77"


def test_what_a_killed_program_left_of_a_report_is_swept_away(tmp_path: Path) -> None:
    now = 1_800_000_000.0
    for name, age_s in (("report-old", 7200), ("sign-old", 7200), ("report-new", 60), ("reports", 7200), ("report-file", 7200)):
        place = tmp_path / name
        if name == "report-file":
            place.write_text("no folder")
        else:
            place.mkdir()
            (place / "report.pdf").write_text("in clear")
        os.utime(place, (now - age_s, now - age_s))
    assert private.sweep(tmp_path, now) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report-file", "report-new", "reports"]
    assert private.sweep(tmp_path / "nowhere", now) == 0
