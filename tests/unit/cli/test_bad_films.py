"""Bad input as the command line meets it: each with its code, its remedy, one line, and nothing written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from boneage_desk.reading.analysis import Flag
from tests.samples import analysis

Film = Callable[..., Path]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"PixelData": None}, "no-pixels"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "Modality": "CT"}, "not-hand-film"),
        ({"BodyPartExamined": "CHEST", "StudyDescription": "Chest PA"}, "not-hand-film"),
    ],
)
def test_dicom_that_is_no_hand_film(
    program: Any, film: Film, tmp_path: Path, changes: dict[str, object], code: str
) -> None:
    path = film("bad.dcm", changes=changes)
    before = sorted(tmp_path.iterdir())
    status, out, err = program.run(
        "read", path, "--json", "--pdf", tmp_path / "r.pdf", "--png", tmp_path / "r.png", "--save"
    )
    assert status == 1
    assert json.loads(out)["error"]["code"] == code
    assert err.startswith(f"boneage-desk: {code}: 'bad.dcm' ")
    assert err.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before
    assert program.engine.calls == 0


def test_a_truncated_film(program: Any, film: Film) -> None:
    path = film()
    path.write_bytes(path.read_bytes()[:-3000])
    status, out, _ = program.run("read", path, "--json")
    assert (status, json.loads(out)["error"]["code"]) == (1, "truncated")


def test_a_colour_photograph(program: Any, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    ramp = np.linspace(0, 255, 300).astype(np.uint8)
    colour = np.stack([np.tile(ramp, (300, 1)), np.tile(ramp[::-1], (300, 1)), np.full((300, 300), 90, np.uint8)], -1)
    Image.fromarray(colour).save(path)
    status, out, _ = program.run("read", path, "--sex", "F", "--json")
    assert (status, json.loads(out)["error"]["code"]) == (1, "not-radiograph")


def test_fifty_megapixels_are_read(program: Any, tmp_path: Path) -> None:
    path = tmp_path / "large.tif"
    rows = np.add.outer(np.arange(7200, dtype=np.uint16), np.arange(7000, dtype=np.uint16)) % 251
    Image.fromarray(rows.astype(np.uint8)).save(path)
    status, out, err = program.run("read", path, "--sex", "F", "--json")
    found = json.loads(out)
    assert (status, err) == (0, "")
    assert (found["input"]["width"], found["input"]["height"]) == (7000, 7200)


@pytest.mark.parametrize("code", ["foot", "several_hands", "no_hand"])
def test_what_is_flagged_has_bones_but_no_age(program: Any, film: Film, code: str) -> None:
    program.engine.answers = [analysis(flags=(Flag(code, "Not one hand.", blocking=True),))]
    status, out, err = program.run("read", film(), "--json")
    found = json.loads(out)
    assert (status, found["standards"]) == (3, {"rus-chn": None})
    assert [flag["code"] for flag in found["flags"] if flag["blocking"]] == [code]
    assert err.startswith(f"boneage-desk: {code.replace('_', '-')}: ")


def test_the_same_film_saved_twice_is_one_reading(program: Any, film: Film, tmp_path: Path) -> None:
    path = film("a.dcm")
    copy = tmp_path / "the same 同.dcm"
    copy.write_bytes(path.read_bytes())
    assert program.run("read", path, "--save")[0] == 0
    status, _, err = program.run("read", copy, "--save")
    assert status == 0
    assert "already" in err


def test_a_store_that_cannot_be_written_does_not_cost_the_results(
    program: Any, film: Film, own_data_folder: Path, tmp_path: Path
) -> None:
    (own_data_folder / "boneage.sqlite3").write_text("a letter" * 100)
    out = tmp_path / "r.json"
    status, _, err = program.run("read", film(), "--save", "--json", out)
    assert status == 1
    assert any(line.startswith("boneage-desk: not-a-database: ") for line in err.splitlines())
    assert "Earlier heights and weights are left out" in err
    assert json.loads(out.read_text())["standards"]["rus-chn"]["score"] == 416
