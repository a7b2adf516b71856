"""The installed commands in processes of their own: real films, real models, real store."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from boneage_desk.standards import rus_chn
from tests.dicom_cases import by_modality, groups, name_of, number


@pytest.fixture
def run(repository: Path) -> Any:
    def call(*words: object, timeout: float = 280, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "boneage_desk", *(str(word) for word in words)],
            cwd=repository, env={**os.environ, **environment}, capture_output=True, text=True, timeout=timeout,
            stdin=subprocess.DEVNULL, encoding="utf-8",
        )  # fmt: skip

    return call


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A data folder that several tests share: the models are converted once."""
    return {"BONEAGE_DESK_DATA": str(tmp_path_factory.mktemp("station"))}


@pytest.fixture
def demo(repository: Path) -> Path:
    films = sorted((repository / "resources" / "demo").glob("*.dcm"))
    if not films:
        pytest.skip("the demo study is not drawn yet")
    return films[0]


@pytest.fixture
def models(repository: Path) -> Path:
    folder = repository / "models"
    if len(list(folder.glob("*/weights.safetensors"))) < 2:
        pytest.skip("the weights of detector and grader are not there yet")
    return folder


def test_version(run: Any) -> None:
    done = run("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("BoneAge Desk ")


def test_the_terminals_encoding_does_not_matter(run: Any, tmp_path: Path) -> None:
    bad = tmp_path / "左手 film.dcm"
    bad.write_text("no film")
    done = run("read", bad, "--json", PYTHONIOENCODING="ascii", LC_ALL="C", PYTHONUTF8="0")
    assert done.returncode == 1
    assert json.loads(done.stdout)["input"]["path"] == str(bad)
    assert done.stderr.startswith("boneage-desk: not-an-image: ")


def test_a_reader_that_goes_away_is_no_bug(repository: Path) -> None:
    code = "from boneage_desk.cli.main import main; import sys; sys.exit(main(['--help'], None))"
    child = subprocess.Popen([sys.executable, "-c", code], cwd=repository, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.close()
    said = child.stderr.read()
    child.stderr.close()
    child.wait(30)
    assert b"Traceback" not in said


def test_missing_weights_are_told(run: Any, demo: Path, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    done = run("read", demo, "--json", BONEAGE_DESK_MODELS=str(tmp_path / "none"))
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["code"] == "weights-missing"
    assert done.stderr.startswith("boneage-desk: weights-missing: ")
    assert done.stderr.count("\n") == 1


def test_altered_weights_are_refused(run: Any, demo: Path, models: Path, tmp_path: Path) -> None:
    altered = tmp_path / "models"
    shutil.copytree(models, altered)
    for weights in altered.glob("*/weights.safetensors"):
        with open(weights, "r+b") as file:
            file.seek(-1, os.SEEK_END)
            last = file.read(1)
            file.seek(-1, os.SEEK_END)
            file.write(bytes([last[0] ^ 1]))
    done = run("read", demo, "--json", BONEAGE_DESK_MODELS=str(altered))
    assert (done.returncode, json.loads(done.stdout)["error"]["code"]) == (1, "weights-hash")
    checked = run("doctor", "--quick", "--json", BONEAGE_DESK_MODELS=str(altered))
    assert checked.returncode == 1
    assert json.loads(checked.stdout)["ok"] is False


@pytest.mark.slow
def test_read_finds_and_grades_the_demo_hand(
    run: Any, demo: Path, models: Path, tmp_path: Path, repository: Path, station: dict[str, str]
) -> None:
    done = run("read", demo, "--json", "--pdf", tmp_path / "r.pdf", "--png", tmp_path / "r.png", **station)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    schema = json.loads((repository / "resources/schema/reading-v1.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(found)
    assert [bone["bone"] for bone in found["bones"] if bone["box"]] == list(rus_chn.BONES)
    # drawn as a hand of 10.5 years
    assert 96 < found["standards"]["rus-chn"]["bone_age_months"] < 156
    assert {len(model["sha256"]) for model in found["models"]} == {64}
    assert (tmp_path / "r.pdf").read_bytes()[:5] == b"%PDF-"
    assert (tmp_path / "r.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.slow
def test_read_leaves_dicom_results_that_other_programs_take(
    run: Any, demo: Path, models: Path, tmp_path: Path, station: dict[str, str]
) -> None:
    out = tmp_path / "DICOM 结果"
    done = run("read", demo, "--json", "--dicom-out", out, **station)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    results = by_modality(found["dicom_results"])
    assert list(results) == ["SR", "PR", "OT", "DOC", "KO"]
    force = groups(results["SR"])["Bone age by RUS-CHN, grades in force"]
    told = found["standards"]["rus-chn"]
    assert number(force, "SCORE") == told["score"]
    assert number(force, "37362-1") == pytest.approx(told["bone_age_months"], abs=0.01)
    for bone in found["bones"]:
        group = groups(results["SR"])[f"RUS-CHN, {rus_chn.bone_name(bone['bone'])}"]
        assert number(group, "POINTS") == bone["score"]
    hashes = [str(item.TextValue) for item in force.ContentSequence if name_of(item) == "111002"]
    assert [words.rpartition(" ")[2] for words in hashes] == [m["sha256"] for m in found["models"] if m["sha256"] in str(hashes)]
    assert len(hashes) >= 2
    if shutil.which("dciodvfy"):
        for path in found["dicom_results"]:
            checked = subprocess.run(["dciodvfy", path], capture_output=True, text=True, timeout=120)
            assert "Error" not in checked.stderr + checked.stdout, path
    if shutil.which("dsrdump"):
        path = next(path for path in found["dicom_results"] if Path(path).name.startswith("SR."))
        shown = subprocess.run(["dsrdump", path], capture_output=True, text=True, timeout=120, encoding="utf-8")
        assert shown.returncode == 0
        assert "XR Bones Bone age" in shown.stdout


@pytest.mark.slow
def test_batch_reads_and_goes_on(run: Any, demo: Path, models: Path, tmp_path: Path, station: dict[str, str]) -> None:
    films = tmp_path / "films 胶片"
    films.mkdir()
    for name in ("a.dcm", "b.dcm"):
        shutil.copyfile(demo, films / name)
    (films / "bad.dcm").write_bytes(demo.read_bytes()[:5000])
    out = tmp_path / "r.jsonl"
    for _ in range(2):
        done = run("batch", films, "--out", out, "--json", **station)
        assert done.returncode == 0, done.stderr
        lines = [json.loads(line) for line in out.read_text(encoding="ascii").splitlines()]
        assert [Path(v["input"]["path"]).name for v in lines] == ["a.dcm", "b.dcm", "bad.dcm"]
        assert ["error" in v for v in lines] == [False, False, True]
        assert lines[0]["bones"] == lines[1]["bones"]
    assert json.loads(done.stdout)["skipped"] == 3


@pytest.mark.slow
@pytest.mark.needs_data
def test_grade_on_the_printed_examples(run: Any, models: Path, shared_data: Path, station: dict[str, str]) -> None:
    plates = sorted((shared_data / "plates").glob("radius_*.png"))
    done = run("grade", *plates, "--bone", "radius", "--json", **station)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [v["input"]["path"] for v in found] == [str(path) for path in plates]


@pytest.mark.slow
def test_doctor_with_everything(run: Any, models: Path, station: dict[str, str]) -> None:
    done = run("doctor", "--json", **station)
    assert done.returncode == 0, done.stderr
    checks = {check["name"]: check["ok"] for check in json.loads(done.stdout)["checks"]}
    assert checks["engine"]
