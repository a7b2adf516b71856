"""Cards and weights that attack: no code of theirs runs, and what they state is refused before it is believed."""

from __future__ import annotations

import json
import os
import pickle
import struct
from pathlib import Path
from typing import Any

import pytest

from boneage_desk.common.errors import EngineError
from boneage_desk.engines.cards import file_sha256, find_optional_card, read_card

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from boneage_desk.engines.networks.frozen import with_weights  # noqa: E402

CARD = """
[model]
name = "Finder"
architecture = "net"
tag = "test"
task = "detector"
input_size = 640
classes = ["a"]
parameters = 1
licence = "x"
limits = []
[weights]
file = "weights.safetensors"
sha256 = "{sha256}"
"""


class Touch:
    """Pickled, it makes a file where it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.path),)


def stated(header: object, content: bytes = b"", size: int | None = None) -> bytes:
    """A safetensors file with this header, whatever it says."""
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw) if size is None else size) + raw + content


def tensor(start: int, end: int, shape: list[int] | None = None, dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": [1, 1] if shape is None else shape, "data_offsets": [start, end]}


ATTACKS: dict[str, bytes] = {
    "empty": b"",
    "short": b"\1\2\3",
    "header of 2^63": stated({}, size=1 << 63),
    "header of 2^64-1": stated({}, size=(1 << 64) - 1),
    "header of a gigabyte": stated({}, size=1 << 30),
    "header longer than the file": stated({}, size=100),
    "no JSON": stated(b"{" * 50),
    "nested JSON": stated(b'{"a":' * 50_000),
    "not UTF-8": stated(b'{"\xff\xfe": 1}'),
    "offsets past the end": stated({"weight": tensor(0, 4), "bias": tensor(4, 1 << 40, [1 << 38])}, bytes(8)),
    "offsets that overlap": stated({"weight": tensor(0, 4), "bias": tensor(0, 4, [1])}, bytes(4)),
    "offsets backwards": stated({"weight": tensor(4, 0), "bias": tensor(0, 4, [1])}, bytes(8)),
    "offsets negative": stated({"weight": tensor(-4, 0), "bias": tensor(0, 4, [1])}, bytes(8)),
    "a hole": stated({"weight": tensor(0, 4), "bias": tensor(8, 12, [1])}, bytes(12)),
    "shape that overflows": stated({"weight": tensor(0, 4, [1 << 32, 1 << 32]), "bias": tensor(4, 8, [1])}, bytes(8)),
    "shape of other size": stated({"weight": tensor(0, 4, [50_000, 50_000]), "bias": tensor(4, 8, [1])}, bytes(8)),
    "unknown type": stated({"weight": tensor(0, 4, dtype="OBJECT"), "bias": tensor(4, 8, [1])}, bytes(8)),
    "bytes behind the end": stated({"weight": tensor(0, 4), "bias": tensor(4, 8, [1])}, bytes(100)),
    "same name twice": stated(b'{"weight":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]},"weight":3}', bytes(4)),
    "other names": stated({"evil": tensor(0, 4)}, bytes(4)),
    "a scale that would be multiplied out": stated(
        {"weight": tensor(0, 100_000, [1, 100_000], "I8"), "weight:scale": tensor(100_000, 500_000, [100_000])}, bytes(500_000)
    ),
}


@pytest.mark.parametrize("attack", list(ATTACKS))
def test_weights_that_lie(tmp_path: Path, attack: str) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(ATTACKS[attack])
    with pytest.raises(EngineError) as caught:
        with_weights(nn.Linear(1, 1), path)
    assert caught.value.code == "weights-architecture"


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_pickle_is_not_run_whatever_it_is_called(tmp_path: Path, protocol: int) -> None:
    path, made = tmp_path / "weights.safetensors", tmp_path / "made"
    path.write_bytes(pickle.dumps(Touch(made), protocol))
    with pytest.raises(EngineError):
        with_weights(nn.Linear(1, 1), path)
    torch.save({"weight": Touch(made)}, path)
    with pytest.raises(EngineError):
        with_weights(nn.Linear(1, 1), path)
    assert not made.exists()
    pickle.loads(pickle.dumps(Touch(made), protocol))
    assert made.exists(), "the attack itself works"


def test_a_checkpoint_of_training_is_read_without_code(tmp_path: Path) -> None:
    """The one place that reads torch's own format: tools/arch_rules.py holds every torch.load to weights_only."""
    path, made = tmp_path / "checkpoint.pt", tmp_path / "made"
    torch.save({"model": Touch(made)}, path)
    with pytest.raises(pickle.UnpicklingError):
        torch.load(path, weights_only=True)
    assert not made.exists()


def model(folder: Path, text: str = CARD, weights: bytes = b"x") -> Path:
    place = folder / "net.test"
    place.mkdir(exist_ok=True)
    (place / "weights.safetensors").write_bytes(weights)
    (place / "card.toml").write_text(text.replace("{sha256}", file_sha256(place / "weights.safetensors")), encoding="utf-8")
    return place


@pytest.mark.parametrize(
    "name",
    ["../weights.safetensors", "/etc/weights.safetensors", "a/b.safetensors", "..", "", "weights.pt", "weights.pkl", "x.safetensors/.."],
)
def test_a_card_names_no_file_but_one_beside_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(EngineError) as caught:
        read_card(model(tmp_path, CARD.replace('file = "weights.safetensors"', f'file = "{name}"')))
    assert caught.value.code == "card-broken"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("input_size = 640", "input_size = inf"), ("input_size = 640", "input_size = nan"), ("input_size = 640", "input_size = 1000000"),
        ("input_size = 640", "input_size = []"), ("parameters = 1", "parameters = inf"), ('classes = ["a"]', "classes = 5"),
        ("[weights]", "[interval]\nbands = 7\n[weights]"), ("[weights]", "[interval]\nbands = [1]\n[weights]"),
        ("[weights]", 'interval = "x"\n[weights]'), ('tag = "test"', 'tag = "../../x"'), ('sha256 = "{sha256}"', 'sha256 = ""'),
        ("[model]", "model = 5\n[other]"), ("limits = []", "limits = 3"), ("[model]", "a = " + "[" * 5000),
        ("[weights]", "interval = 3\n[weights]"), ('task = "detector"', 'task = "shell"'),
    ],
)  # fmt: skip
def test_a_card_that_lies(tmp_path: Path, old: str, new: str) -> None:
    text = CARD.replace(old, new, 1)
    if new.startswith("interval"):
        text = new.partition("\n")[0] + "\n" + CARD
    assert text != CARD
    with pytest.raises(EngineError) as caught:
        read_card(model(tmp_path, text))
    assert caught.value.code == "card-broken"


def test_a_card_of_gigabytes_is_not_read(tmp_path: Path) -> None:
    place = model(tmp_path)
    with open(place / "card.toml", "ab") as file:
        file.truncate(1 << 30)
    with pytest.raises(EngineError, match="larger than 1 MB"):
        read_card(place)
    with pytest.raises(EngineError):
        find_optional_card(tmp_path, "detector")


def test_weights_that_are_others_are_not_loaded(tmp_path: Path) -> None:
    """Exchanged after the card was written; and no file at all."""
    place = model(tmp_path)
    card = read_card(place)
    assert card.verified_weights() == place / "weights.safetensors"
    (place / "weights.safetensors").write_bytes(b"y")
    with pytest.raises(EngineError) as caught:
        card.verified_weights()
    assert caught.value.code == "weights-hash"
    (place / "weights.safetensors").unlink()
    (place / "weights.safetensors").mkdir()
    with pytest.raises(EngineError) as caught:
        card.verified_weights()
    assert caught.value.code == "weights-missing"
