"""Owner-only rights, as the command line keeps and tells them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="rights are access lists here")


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_folder_with_other_things_in_it_is_left_and_told(program: Any, tmp_path: Path) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    folder.chmod(0o755)
    (folder / "letters.txt").write_text("mine")
    (folder / "letters.txt").chmod(0o644)
    (folder / "settings.json").write_text("{}")
    (folder / "settings.json").chmod(0o644)
    _, out, _ = program.run("doctor", "--quick", "--json", "--data-dir", folder)
    check = next(check for check in json.loads(out)["checks"] if check["name"] == "rights")
    assert (check["ok"], check["needed"]) == (False, False)
    assert "home" in check["detail"] and "chmod" in check["detail"]
    assert (mode(folder), mode(folder / "letters.txt"), mode(folder / "settings.json")) == (0o755, 0o644, 0o600)
