"""Cards are read whole or refused, and the weights' hash is checked."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from boneage_desk.common.errors import EngineError
from boneage_desk.engines.cards import find_card, read_card, read_cards

CARD = """
[model]
name = "A grader"
architecture = "net"
tag = "try-v1"
task = "grader"
input_size = 96
classes = ["radius", "ulna"]
licence = "none"
limits = ["not for use"]
parameters = 7
[weights]
file = "weights.safetensors"
sha256 = "{sha}"
[interval]
coverage = 0.9
bands = [ {{ sex = "F", from_months = 0.0, to_months = 84, half_width_months = 14.5, hands = 40 }} ]
"""


@pytest.fixture
def models(tmp_path: Path) -> Path:
    folder = tmp_path / "net.try-v1"
    folder.mkdir()
    (folder / "weights.safetensors").write_bytes(b"weights")
    text = CARD.format(sha=hashlib.sha256(b"weights").hexdigest())
    (folder / "card.toml").write_text(text, encoding="utf-8")
    return tmp_path


def _change(models: Path, old: str, new: str) -> Path:
    path = models / "net.try-v1" / "card.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path.parent


def test_a_card_is_read_whole(models: Path) -> None:
    card = find_card(models, "grader")
    assert card.full_tag == "net.try-v1"
    assert card.classes == ("radius", "ulna")
    assert card.intervals[0].half_width_months == 14.5
    assert card.interval_coverage == 0.9
    assert card.verified_weights().read_bytes() == b"weights"


def test_of_several_models_the_last_is_taken_and_numbers_count_by_value(models: Path) -> None:
    text = (models / "net.try-v1" / "card.toml").read_text(encoding="utf-8")
    for tag in ("try-v2", "try-v10", "Try-v9", "clinic-2025"):
        (models / f"net.{tag}").mkdir()
        (models / f"net.{tag}" / "card.toml").write_text(text.replace("try-v1", tag), encoding="utf-8")
    assert [card.tag for card in read_cards(models)] == ["clinic-2025", "try-v1", "try-v2", "Try-v9", "try-v10"]
    assert find_card(models, "grader").tag == "try-v10"


def test_changed_weights_are_refused(models: Path) -> None:
    (models / "net.try-v1" / "weights.safetensors").write_bytes(b"Weights")
    with pytest.raises(EngineError) as caught:
        find_card(models, "grader").verified_weights()
    assert caught.value.code == "weights-hash"


def test_missing_weights_are_refused(models: Path) -> None:
    (models / "net.try-v1" / "weights.safetensors").unlink()
    with pytest.raises(EngineError) as caught:
        find_card(models, "grader").verified_weights()
    assert caught.value.code == "weights-missing"


def test_a_task_without_a_model_is_told(models: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="no detector"):
        find_card(models, "detector")
    with pytest.raises(EngineError):
        read_cards(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('tag = "try-v1"\n', "", "tag"),
        ('tag = "try-v1"', 'tag = "try-v2"', "lies in"),
        ('task = "grader"', 'task = "oracle"', "oracle"),
        ("weights.safetensors", "weights.pt", "safetensors"),
        ("weights.safetensors", "../weights.safetensors", "beside"),
        ("input_size = 96", "input_size = 'x'", "broken"),
        ("[model]", "[model", "cannot be read"),
    ],
)
def test_a_broken_card_says_what_is_wrong(models: Path, old: str, new: str, says: str) -> None:
    folder = _change(models, old, new)
    with pytest.raises(EngineError, match=says) as caught:
        read_card(folder)
    assert caught.value.code == "card-broken"


def test_the_interval_of_the_joint_spread_reaches_the_reading(models: Path) -> None:
    from boneage_desk.engines.catalogue import interval_table
    from boneage_desk.standards.types import Sex

    fixed = interval_table(find_card(models, "grader"))
    assert fixed is not None and fixed.rows[0].factor == 0 and fixed.correlation == 0
    _change(models, "coverage = 0.9", "coverage = 0.9\ncorrelation = 0.4\nfloor_months = 5")
    _change(models, "hands = 40 }", "hands = 40, factor = 1.25 }")
    table = interval_table(find_card(models, "grader"))
    assert table is not None and (table.correlation, table.floor_months) == (0.4, 5.0)
    row = table.row(Sex.FEMALE, 83.9)
    assert row is not None and row.factor == 1.25
    assert table.row(Sex.FEMALE, 84) is None and table.row(Sex.MALE, 50) is None
    with pytest.raises(EngineError, match="correlation"):
        read_card(_change(models, "correlation = 0.4", "correlation = 1.4"))
