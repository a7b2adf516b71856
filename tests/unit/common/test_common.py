"""Errors cross processes; paths, settings and cancel tokens keep their word."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

from boneage_desk.common import paths, settings
from boneage_desk.common.errors import BoneAgeError, Cancelled, EngineError, InputError
from boneage_desk.common.jobs import CancelToken


def test_errors_keep_code_and_remedy_when_copied_to_another_process() -> None:
    error = EngineError("The model stopped.", "Read again.", code="engine-crashed")
    back = copy.copy(error)
    assert type(back) is EngineError
    assert (back.message, back.remedy, back.code) == ("The model stopped.", "Read again.", "engine-crashed")
    assert str(back) == "The model stopped. Read again."
    assert copy.copy(Cancelled()).code == "cancelled"


def test_data_dir_given_wins_over_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(paths.DATA_ENV, str(tmp_path / "env"))
    assert paths.data_dir() == tmp_path / "env"
    given = paths.data_dir(tmp_path / "数据 dir")
    assert given.is_dir() and given.name == "数据 dir"
    assert given.stat().st_mode & 0o077 == 0


def test_packaged_folders_are_found_and_others_refused() -> None:
    assert paths.packaged_dir("resources").is_dir()
    with pytest.raises(ValueError):
        paths.packaged_dir("secrets")


def test_settings_round_trip_keeps_foreign_keys_and_refuses_nonsense(tmp_path: Path) -> None:
    assert settings.load(tmp_path) == settings.Settings()
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({"paper": "Letter", "from_the_future": 1}), encoding="utf-8")
    loaded = settings.load(tmp_path)
    assert loaded.paper == "Letter"
    settings.save(tmp_path, loaded)
    assert json.loads(path.read_text(encoding="utf-8"))["from_the_future"] == 1
    path.write_text(json.dumps({"paper": "A5"}), encoding="utf-8")
    with pytest.raises(InputError, match="A5"):
        settings.load(tmp_path)
    settings.save(tmp_path, settings.Settings(second_opinion_engines=("dual", "whole-hand", "dual")))
    assert settings.load(tmp_path).second_opinion_engines == ("dual", "whole-hand")
    path.write_text(json.dumps({"second_opinion_engines": []}), encoding="utf-8")
    assert settings.load(tmp_path).second_opinion_engines == ()
    for wrong in ("whole-hand", ["palm"], 3, [["dual"]]):
        path.write_text(json.dumps({"second_opinion_engines": wrong}), encoding="utf-8")
        with pytest.raises(InputError, match="second_opinion_engines"):
            settings.load(tmp_path)
    path.write_text("{not json", encoding="utf-8")
    with pytest.raises(InputError):
        settings.load(tmp_path)
    path.write_text(json.dumps({"version": 99}), encoding="utf-8")
    with pytest.raises(InputError, match="newer"):
        settings.load(tmp_path)


def test_cancel_runs_each_callback_once_and_late_ones_at_once() -> None:
    token = CancelToken()
    calls: list[str] = []
    token.on_cancel(lambda: calls.append("early"))
    token.check()
    token.cancel()
    token.cancel()
    token.on_cancel(lambda: calls.append("late"))
    assert calls == ["early", "late"]
    with pytest.raises(BoneAgeError):
        token.check()
