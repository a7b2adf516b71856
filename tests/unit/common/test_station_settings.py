"""Settings of backups and of the lock: whole numbers in their range, and nothing guessed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from boneage_desk.common import settings
from boneage_desk.common.errors import InputError


def test_what_holds_where_nothing_is_set(tmp_path: Path) -> None:
    chosen = settings.load(tmp_path)
    assert (chosen.backup_folder, chosen.backup_every_hours, chosen.backup_keep, chosen.lock_minutes) == ("", 24, 14, 15)


def test_they_come_back(tmp_path: Path) -> None:
    chosen = settings.Settings(backup_folder="D:/copies", backup_every_hours=0, backup_keep=1, lock_minutes=0)
    settings.save(tmp_path, chosen)
    assert settings.load(tmp_path) == chosen


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("backup_folder", 3), ("backup_every_hours", -1), ("backup_every_hours", 1.5), ("backup_every_hours", True),
        ("backup_keep", 0), ("backup_keep", "14"), ("lock_minutes", -5), ("lock_minutes", 1441), ("lock_minutes", None),
    ],
)  # fmt: skip
def test_a_wrong_one_is_told_by_name(tmp_path: Path, key: str, value: object) -> None:
    (tmp_path / "settings.json").write_text(json.dumps({key: value}))
    with pytest.raises(InputError) as caught:
        settings.load(tmp_path)
    assert key in caught.value.message
    assert caught.value.remedy
