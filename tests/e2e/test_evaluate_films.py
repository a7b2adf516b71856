"""``evaluate whole-hand`` with all parts real but the whole-hand weights: drawn hands in a zip, the shipped detector and
grader, random networks of systems 4 and ours. Their numbers mean nothing; that the way is the window's own is what counts."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from boneage_desk.engines.service import InferenceService
from boneage_desk.imaging.phantom import LAST_GRADE, PhantomSpec, draw_hand
from boneage_desk.imaging.reader import FilmFiles
from boneage_desk.standards.types import Sex

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # four starts of the model process


@pytest.fixture(scope="module")
def models(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped detector and grader beside random whole-hand models."""
    folder = tmp_path_factory.mktemp("models")
    for task in ("yolov8n", "efficientnet_b3"):
        (source,) = (repository / "models").glob(f"{task}.*")
        shutil.copytree(source, folder / source.name)
    made = [sys.executable, "-W", "ignore", "-m", "tests.whole_hand_models", str(folder), "whole-hand", "dual"]
    subprocess.run(made, check=True, cwd=repository, env={**os.environ, "YOLO_CONFIG_DIR": str(folder)})
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three drawn hands, one of them twice with another sex, and a picture without a hand."""
    folder = tmp_path_factory.mktemp("site")
    rows = ["film,sex,bone_age_months"]
    with zipfile.ZipFile(folder / "films.zip", "w") as archive:

        def add(name: str, values: Any, sex: str, months: int) -> None:
            out = io.BytesIO()
            Image.fromarray(values).save(out, "PNG")
            archive.writestr(f"a/{name}.png", out.getvalue())
            rows.append(f"{name},{sex},{months}")

        for k, grade in enumerate((4, 7, 10)):
            grades = {bone: min(top, grade) for bone, top in LAST_GRADE.items()}
            drawn = draw_hand(PhantomSpec(grades=grades, sex="M", seed=k, size=(500, 400), bits=8)).pixels.astype(np.uint8)
            add(f"hand{k}", drawn, "M", 60 + 40 * k)
            if k == 1:
                add("again", drawn, "girl", 100)
        add("none", np.random.default_rng(1).integers(90, 110, (400, 300)).astype(np.uint8), "M", 100)
    (folder / "labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def test_real_parts_give_what_the_engine_gives(
    models: Path, site: Path, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def evaluate(model: str, *more: object) -> Any:
        done = subprocess.run(
            [
                sys.executable, "-m", "boneage_desk", "evaluate", "whole-hand", "--films", str(site / "films.zip"), "--labels",
                str(site / "labels.csv"), "--model", model, "--json", str(tmp_path / f"{model}.json"), "--report",
                str(tmp_path / f"{model}.html"), *(str(word) for word in more),
            ],
            cwd=repository, env={**os.environ, "BONEAGE_DESK_MODELS": str(models)}, capture_output=True, text=True, timeout=280,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads((tmp_path / f"{model}.json").read_text(encoding="utf-8"))

    found = evaluate("whole-hand")
    rows = {row["film"]: row for row in found["per_film"]}
    assert found["counts"]["without_number"] == 1
    assert rows["none"]["months"] is None
    assert rows["none"]["reason"]
    assert found["ages"]["n"] == 4
    assert rows["again"]["sha256"] == rows["hand1"]["sha256"]
    assert rows["again"]["months"] != rows["hand1"]["months"]  # the same film, told another sex
    assert [rows["hand1"]["interval_months"][k] - rows["hand1"]["months"] for k in (0, 1)] == pytest.approx([-14, 14], abs=0.01)
    # the same film through the engine alone
    engine = InferenceService(models, scratch=tmp_path / "engine")
    try:
        film = FilmFiles().open(str(site / "films.zip"), member="a/hand1.png")
        for name, sex in (("hand1", Sex.MALE), ("again", Sex.FEMALE)):
            (opinion,) = engine.whole_hand(film.frame, sex).opinions
            assert rows[name]["months"] == pytest.approx(opinion.bone_age_months, abs=0.05)  # backends round differently
    finally:
        engine.stop()
    both = evaluate("rus13", "--compare-with", tmp_path / "whole-hand.json")
    (other,) = both["comparisons"]
    assert other["n"] + other["table_end_says_nothing"] == min(both["counts"]["with_number"], 4)
    assert {row["film"] for row in other["by_film"]} <= {"hand0", "hand1", "hand2", "again"}
    dual = evaluate("dual")
    assert dual["sex"]["n"] == 4
    assert dual["per_film"][0]["male_probability"] is not None
