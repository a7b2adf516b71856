"""Every packaged table is the pinned one, every pin has a table, and an altered file is refused by each reader."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from boneage_desk.common.errors import StandardError
from boneage_desk.standards import catalogue, chn_1988, gp, gp_sd, rus_chn, tables, tw3
from boneage_desk.standards.types import Sex

FOLDER = Path(tables.__file__).parent
MODULES = (catalogue, chn_1988, gp, gp_sd, rus_chn, tw3)


def forget() -> None:
    """Empty every cache of these modules: each function that keeps what it read."""
    cached = [value for module in MODULES for value in vars(module).values() if hasattr(value, "cache_clear")]
    assert len(cached) > 10
    for one in cached:
        one.cache_clear()


def test_every_table_has_a_pin_and_every_pin_its_table() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(tables.PINS)
    for name, sha256 in tables.PINS.items():
        assert hashlib.sha256((FOLDER / f"{name}.json").read_bytes()).hexdigest() == sha256, name
        assert tables.load(name)


def test_a_table_without_a_pin_is_not_loaded() -> None:
    with pytest.raises(StandardError) as caught:
        tables.load("../types")
    assert caught.value.code == "table-missing"


@pytest.fixture
def altered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the tables that the program reads, to alter; caches are empty before and after."""
    forget()
    copy = tmp_path / "tables"
    shutil.copytree(FOLDER, copy)
    monkeypatch.setattr("boneage_desk.standards.tables.resources.files", lambda _: copy)
    yield copy
    forget()


@pytest.mark.parametrize(
    ("name", "use"),
    [
        ("rus_chn", lambda: rus_chn.bone_age(512, Sex.MALE)),
        ("tw3_rus", lambda: tw3.bone_age(512, Sex.MALE)),
        ("chn_1988", lambda: chn_1988.bone_age(512, Sex.MALE)),
        ("gp_standards", lambda: gp.plates(Sex.MALE)),
        ("gp_sd", lambda: gp_sd.spread(120, Sex.MALE)),
        ("gp_sd", lambda: gp_sd.second_sd(120, Sex.MALE)),
    ],
)
def test_one_changed_digit_is_refused(altered: Path, name: str, use: object) -> None:
    assert callable(use)
    use()
    forget()
    path = altered / f"{name}.json"
    raw = bytearray(path.read_bytes())
    at = next(i for i, char in enumerate(raw) if chr(char).isdigit())
    raw[at] = ord("9") if raw[at] != ord("9") else ord("8")
    path.write_bytes(raw)
    with pytest.raises(StandardError) as caught:
        use()
    assert caught.value.code == "table-altered"
