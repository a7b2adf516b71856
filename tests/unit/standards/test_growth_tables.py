"""A growth or height table that was altered on disk gives no figure."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from boneage_desk.common.errors import StandardError
from boneage_desk.standards import growth, height, tables
from boneage_desk.standards.growth import GrowthReference, Measure
from boneage_desk.standards.height import HeightInputs, predict
from boneage_desk.standards.types import BoneAge, Sex

FOLDER = Path(tables.__file__).parent
CHILD = HeightInputs(Sex.MALE, 120, 135, 35, 178, 164, gp=BoneAge(118), tw2_rus=BoneAge(118))


def clear() -> None:
    for module in (growth, height):
        for value in vars(module).values():
            if callable(getattr(value, "cache_clear", None)):
                value.cache_clear()


@pytest.fixture
def altered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    clear()
    copy = tmp_path / "tables"
    shutil.copytree(FOLDER, copy)
    monkeypatch.setattr("boneage_desk.standards.tables.resources.files", lambda _: copy)
    yield copy
    clear()


@pytest.mark.parametrize(
    ("name", "use"),
    [
        *((f"growth_{one.value}", lambda one=one: growth.sds(one, Measure.HEIGHT, 135, 120, Sex.MALE)) for one in GrowthReference),
        ("growth_china2009", lambda: growth.chart(GrowthReference.CHINA_2009, Measure.HEIGHT, Sex.MALE)),
        ("bayley_pinneau", lambda: predict("bayley-pinneau", CHILD).cm),
        ("rwt", lambda: predict("rwt-1975", CHILD).cm),
        ("rwt", lambda: predict("rwt-1993", CHILD).cm),
        ("tw_1975_height", lambda: predict("tw-mark-1", CHILD).cm),
    ],
)
def test_one_changed_digit_is_refused(altered: Path, name: str, use: Callable[[], object]) -> None:
    assert use() is not None
    clear()
    path = altered / f"{name}.json"
    raw = bytearray(path.read_bytes())
    at = max(i for i, char in enumerate(raw) if chr(char).isdigit())
    raw[at] = ord("9") if raw[at] != ord("9") else ord("8")
    path.write_bytes(raw)
    with pytest.raises(StandardError) as caught:
        use()
    assert caught.value.code == "table-altered"


def test_the_figures_between_the_parents_are_those_of_the_table() -> None:
    """`height_prediction_other.json` holds its formulas as text: the code's figures are held against it."""
    told = tables.load("height_prediction_other")["mid_parental_target_height"]
    assert told["tanner"]["boys"] == "(father+mother+13)/2" and told["tanner"]["girls"] == "(father+mother-13)/2"
    assert told["tanner"]["range"].startswith("+-8.5 cm (about 2 SD")
    assert told["cmh_c"]["boys"] == "(father+mother+11.94)/2" and told["cmh_c"]["girls"] == "(father+mother-11.94)/2"
    made = predict("mid-parental", CHILD)
    assert (made.cm, made.high_cm) == ((178 + 164 + 13) / 2, (178 + 164 + 13) / 2 + 8.5)


def test_the_allowance_for_parents_and_the_length_are_those_of_the_tables() -> None:
    assert "(midparent - 168 cm)/3" in tables.load("tw_1975_height")["parents"] and height.TW_MIDPARENT_CM == 168
    assert any("add 1.25 cm" in rule for rule in tables.load("rwt")["original_1975"]["input_rules"])
    assert height.LENGTH_OVER_HEIGHT_CM == 1.25
