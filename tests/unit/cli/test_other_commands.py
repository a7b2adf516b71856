"""``grade``, ``doctor``, ``bench``, ``demo``, ``gui`` and the command line itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from boneage_desk import __version__
from boneage_desk.cli.app import ModelCheck
from boneage_desk.cli.main import COMMANDS, build_parser
from boneage_desk.standards import rus_chn
from tests.samples import sha


@pytest.fixture
def crops(tmp_path: Path) -> list[Path]:
    paths = []
    for i in range(3):
        path = tmp_path / f"crop {i}.png"
        Image.fromarray(np.full((60 + i, 50), 40 * (i + 1), np.uint8) ^ np.arange(50, dtype=np.uint8)).save(path)
        paths.append(path)
    return paths


# --------------------------------------------------------------------------------------------- grade
def test_grade_prints_one_object_a_crop_in_order(program: Any, crops: list[Path]) -> None:
    code, out, err = program.run("grade", *crops, "--bone", "radius", "--json")
    found = [json.loads(line) for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert [v["input"]["path"] for v in found] == [str(path) for path in crops]
    assert [v["grade"] for v in found] == [1, 2, 3]
    assert found[0]["bone"] == "radius"
    assert found[0]["grade_label"] == rus_chn.label("radius", 1)
    assert sum(found[0]["probabilities"]) == pytest.approx(1, abs=0.001)
    assert program.engine.crops == [(60, 50), (61, 50), (62, 50)]


def test_grade_puts_a_bad_crop_in_its_place(program: Any, crops: list[Path], tmp_path: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_text("no picture")
    code, out, err = program.run("grade", crops[0], bad, crops[1], "--bone", "ulna", "--json")
    found = [json.loads(line) for line in out.splitlines()]
    assert code == 1
    assert ["error" in v for v in found] == [False, True, False]
    assert found[1]["input"]["path"] == str(bad)
    assert err.startswith("boneage-desk: not-an-image: ")
    assert err.count("\n") == 1


def test_grade_of_many_crops_keeps_the_order(program: Any, crops: list[Path]) -> None:
    code, out, _ = program.run("grade", *crops, *crops, *crops, *crops, *crops, *crops, "--bone", "radius")
    assert code == 0
    assert [line.split(":")[0] for line in out.splitlines()] == [str(path) for path in crops * 6]


def test_grade_refuses_a_bone_that_is_none(program: Any, crops: list[Path]) -> None:
    code, _, err = program.run("grade", *crops, "--bone", "mc2", "--json")
    assert (code, err.split(": ")[1]) == (2, "unknown-bone")
    assert program.run("grade", *crops)[0] == 2


# -------------------------------------------------------------------------------------------- doctor
def test_doctor_says_what_is_there(program: Any, own_data_folder: Path) -> None:
    code, out, err = program.run("doctor", "--json")
    found = json.loads(out)
    assert (code, err) == (0, "")
    checks = {check["name"]: check for check in found["checks"]}
    assert {"standard", "model detector", "data folder", "disk", "store", "decoders", "display", "engine"} <= set(checks)
    assert checks["engine"]["detail"].startswith("ready: cpu")
    missing = checks["model segmenter"]  # a reading does without: said, and no failure
    assert (missing["ok"], missing["needed"]) == (False, False) and "not measured" in missing["detail"]
    assert found["device"] == "cpu"
    assert found["models"][0]["sha256"] == sha("detector")
    assert found["packages"]["pydicom"]
    assert found["data_dir"] == str(own_data_folder)
    assert program.run("doctor")[0] == 0


def test_doctor_fails_when_weights_are_wrong(program: Any) -> None:
    wrong = [ModelCheck("grader", "g", "g", sha("g"), False, "The weights are not those of its card.")]
    object.__setattr__(program.app, "check_models", lambda: wrong)
    code, out, err = program.run("doctor", "--json", "--quick")
    assert code == 1
    assert json.loads(out)["ok"] is False
    assert err.startswith("boneage-desk: doctor: Not in order: model grader: The weights")
    assert err.count("\n") == 1


def test_doctor_warns_of_two_models_of_one_task(program: Any, own_data_folder: Path) -> None:
    there = [
        ModelCheck("grader", "g", "net.rus13-v2", sha("a"), True), ModelCheck("grader", "g", "net.rus13-v10", sha("b"), True),
        ModelCheck("whole-hand", "w", "w.v1", sha("c"), True, engine="whole-hand"),
        ModelCheck("whole-hand", "d", "d.v1", sha("d"), True, engine="dual"),
    ]  # fmt: skip
    object.__setattr__(program.app, "check_models", lambda: there)
    checks = {check["name"]: check for check in json.loads(program.run("doctor", "--quick", "--json")[1])["checks"]}
    assert not checks["models grader"]["ok"] and not checks["models grader"]["needed"]
    assert "net.rus13-v10 is used" in checks["models grader"]["detail"]
    assert [name for name in checks if name.startswith("models ")] == ["models grader"]


def test_doctor_names_a_damaged_store(program: Any, own_data_folder: Path) -> None:
    (own_data_folder / "boneage.sqlite3").write_text("not a data base at all" * 50)
    code, _, err = program.run("doctor", "--quick")
    assert code == 1
    assert "store: " in err


# --------------------------------------------------------------------------------------------- bench
@pytest.mark.parametrize(
    ("what", "keys"),
    [
        ("read", {"engine_up_ms", "read_ms", "backends", "torch_over_fast"}),
        ("recompute", {"recompute_ms", "save_ms", "bone_age_ms"}),
        ("report", {"report_ms"}),
        ("batch", {"films_per_minute"}),
    ],
)
def test_bench_prints_its_numbers(program: Any, film: Callable[..., Path], what: str, keys: set[str]) -> None:
    code, out, err = program.run("bench", what, "-n", "2", "--film", film(), "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert keys <= set(found)
    assert found["n"] == 2


def test_bench_opens_a_film_of_the_size_that_counts(program: Any, own_data_folder: Path) -> None:
    code, out, _ = program.run("bench", "open", "-n", "1", "--json")
    found = json.loads(out)
    assert (code, found["width"], found["height"], found["bits"]) == (0, 2000, 2500, 16)
    assert found["open_ms"] > 0
    assert list(own_data_folder.iterdir()) == []


@pytest.mark.gui
@pytest.mark.qt_log_ignore("This plugin does not support")
@pytest.mark.parametrize(("what", "keys"), [
    ("list", ("first_rows_ms", "longest_gap_ms", "scroll_wide_cpu_ms", "filter_ms", "sort_ms")),
    ("next", ("next_ms", "next_cpu_ms", "next_at_once_ms")),
    ("memory", ("growth_mb", "end_mb", "sessions")),
])  # fmt: skip
def test_bench_of_the_window(program: Any, film: Any, qapp: Any, what: str, keys: tuple[str, ...]) -> None:
    code, out, err = program.run("bench", what, "--studies", "6", "--film", film(), "--json")
    assert code == 0, err
    found = json.loads(out)
    assert found["bench"] == what and all(isinstance(found[key], int | float) for key in keys)
    assert program.run("bench", what, "--studies", "1", "--json")[0] == 2


def test_a_change_of_grade_is_far_below_thirty_milliseconds(program: Any, film: Callable[..., Path]) -> None:
    found = json.loads(program.run("bench", "recompute", "-n", "50", "--film", film(), "--json")[1])
    assert found["recompute_ms"] < 30
    assert found["bone_age_ms"] < 5


# ----------------------------------------------------------------------------------- windows and demo
def test_without_a_command_the_window_opens(program: Any) -> None:
    assert program.run()[0] == 0
    assert program.run("gui", "a.dcm", "b")[0] == 0
    assert program.run("gui", "--demo")[0] == 0
    assert program.run("demo")[0] == 0
    assert program.windows == [([], False), (["a.dcm", "b"], False), ([], True), ([], True)]


def test_the_demo_without_a_display_writes_four_files(program: Any, tmp_path: Path) -> None:
    code, out, err = program.run("demo", "--headless", "--out", tmp_path / "out put")
    assert (code, err) == (0, "")
    assert sorted(path.name for path in (tmp_path / "out put").iterdir()) == [
        "film.png", "reading.json", "report.pdf", "window.png",
    ]  # fmt: skip
    assert "bone age" in out


# -------------------------------------------------------------------------------------------- itself
def test_version_and_help(program: Any) -> None:
    assert program.run("--version")[:2] == (0, f"BoneAge Desk {__version__}\n")
    for name in COMMANDS:
        code, out, _ = program.run(name, "--help")
        assert code == 0
        assert "--data-dir" in out


def test_an_unknown_command_is_one_line(program: Any) -> None:
    code, out, err = program.run("reed", "x")
    assert (code, out) == (2, "")
    assert err.startswith("boneage-desk: usage: ")
    assert err.count("\n") == 1


def test_every_command_that_takes_json_says_so() -> None:
    for name in ("read", "batch", "grade", "score", "doctor", "bench"):
        text = build_parser([name])._subparsers._group_actions[0].choices[name].format_help()  # type: ignore[union-attr, index]
        assert "--json" in text
