"""Training and measuring on drawn films from the table to the model: resumes, halves its batch, refuses, can be used.

Inputs are tiny and steps few: what is learned means nothing, that the parts hold together does.
"""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from boneage_desk.common.errors import Cancelled, EngineError, InputError
from boneage_desk.common.jobs import CancelToken, no_progress
from boneage_desk.imaging.phantom import LAST_GRADE, PhantomSpec, draw_bone, draw_hand
from boneage_desk.standards.rus_chn import BONES
from boneage_desk.training import site_runs
from boneage_desk.training.grader_run import GraderRun
from boneage_desk.training.recipe import read_recipe
from boneage_desk.training.runs import open_run
from boneage_desk.training.site_detector import DetectorRun, place_all
from boneage_desk.training.site_grader import Work, _warnings, check_classes, gather
from boneage_desk.training.site_models import Start

FILMS = 6
CROPS_RECIPE = """task = "grader"
[data]
folder = "crops"
grades = "index"
[start]
weights = "scratch"
[training]
epochs = 2
batch = 2
size = 32
freeze = -1
[output]
folder = "run"
"""


def grades_of(k: int) -> dict[str, int]:
    """A hand from young to grown, so that grades differ from film to film."""
    return {b: min(top, 3 + k + (j % 2)) for j, (b, top) in enumerate(LAST_GRADE.items())}


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six drawn films with grades.csv and boxes.csv; the last two are held out."""
    folder = tmp_path_factory.mktemp("site")
    with open(folder / "grades.csv", "w", newline="") as g, open(folder / "boxes.csv", "w", newline="") as b:
        table, boxes = csv.writer(g), csv.writer(b)
        table.writerow(["film", "sex", "split", *BONES])
        boxes.writerow(["film", "bone", "x0", "y0", "x1", "y1", "split"])
        for k in range(FILMS):
            split, sex = "train" if k < FILMS - 2 else "val", "MF"[k % 2]
            spec = PhantomSpec(grades=grades_of(k), sex="F" if k % 2 else "M", seed=k, size=(400, 320), bits=8)  # type: ignore[arg-type]
            film = draw_hand(spec)
            Image.fromarray(np.asarray(film.pixels, np.uint8)).save(folder / f"{k}.png")
            table.writerow([f"{k}.png", sex, split, *(spec.grades[bone] for bone in BONES)])
            for bone, box in film.boxes.items():
                boxes.writerow([f"{k}.png", bone, *(round(v, 1) for v in box), split])
    return folder


@pytest.fixture(scope="module")
def drawn_crops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four crops of each bone, the last held out."""
    folder = tmp_path_factory.mktemp("crops")
    with open(folder / "crops.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["crop", "bone", "grade", "split"])
        for bone in BONES:
            for k, side in enumerate(("train", "train", "train", "val")):
                Image.fromarray(draw_bone(bone, 4 + k, 48)).save(folder / f"{bone}_{k}.png")
                table.writerow([f"{bone}_{k}.png", bone, 4 + k, side])
    return folder


@pytest.fixture
def crops(drawn_crops: Path, tmp_path: Path) -> Path:
    """A folder with the crops and a recipe."""
    shutil.copytree(drawn_crops, tmp_path / "crops")
    (tmp_path / "recipe.toml").write_text(CROPS_RECIPE, encoding="utf-8")
    return tmp_path


def train(recipe: Path, task: str = "grader", *, resume: bool = False, cancel: CancelToken | None = None,
          progress: Callable[[float, str], None] = no_progress) -> tuple[dict[str, Any], list[str]]:  # fmt: skip
    said: list[str] = []
    done = site_runs.train(
        task, recipe, resume=resume, tell=said.append, progress=progress, cancel=cancel or CancelToken()
    )
    return done, said


def gathered(recipe: Path) -> tuple[Any, list[str]]:
    """The site's crops, cut beside the recipe, and what was said."""
    said: list[str] = []
    work = Work(said.append, no_progress, CancelToken())
    cut, _ = gather(read_recipe(recipe, "grader", to_train=False), recipe.parent / "cut", 32, torch.device("cpu"), work)
    return cut, said


def changed(recipe: Path, old: str, new: str) -> Path:
    text = recipe.read_text(encoding="utf-8")
    assert old in text
    recipe.write_text(text.replace(old, new), encoding="utf-8")
    return recipe


# ---------------------------------------------------------------------------------------- grader
def test_a_site_trains_on_its_films_and_the_program_loads_the_result(films: Path, tmp_path: Path) -> None:
    from boneage_desk.engines.cards import find_card
    from boneage_desk.engines.networks.grader import grade, load_grader

    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        f'task = "grader"\n[data]\nfolder = "{films.as_posix()}"\ngrades = "index"\ndescription = "drawn hands"\n'
        'terms = "none"\n[training]\nepochs = 1\nbatch = 2\nsize = 64\nrate = 1e-6\n[model]\ntag = "drawn-v1"\n'
        '[output]\nfolder = "run"\n'
    )
    done, said = train(recipe)
    run = tmp_path / "run"
    assert any("  radius: 0, 1, 2" in line for line in said), said
    assert any("What it knows of them comes from efficientnet_b3." in line for line in said)
    result = json.loads((run / "metrics.json").read_text())
    assert result["grades"]["n"] == 2 * 13
    assert result["ages"]["n"] == 2
    assert result["detector"]["tag"].startswith("yolov8n.")
    # one step of a tiny rate: the trained grader must still read as the one it started from
    assert abs(result["grades"]["within_one"] - result["before"]["within_one"]) < 0.1
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "Bland-Altman" in page
    assert page.count("<svg") >= 17
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2]
    facts = json.loads((run / "run.json").read_text())
    assert facts["versions"]["torch"] == torch.__version__.partition("+")[0]
    assert facts["seed"] == 1
    assert (run / "recipe.toml").read_text() == recipe.read_text()
    card = find_card(run / "model", "grader")
    assert Path(done["model"]) == card.folder
    assert card.full_tag == "efficientnet_b3.drawn-v1"
    assert card.input_size == 64
    assert card.tables["training"]["data"][-1] == {"name": "drawn hands", "terms": "none"}
    assert len(card.tables["training"]["data"]) > 1, "the starting model's data stay named"
    assert card.tables["metrics"]["bones"] == 26
    model = load_grader(card, card.verified_weights())
    (p,) = grade(model, np.zeros((1, 64, 64), np.uint8), ["radius"])
    assert sum(p) == pytest.approx(1.0)
    out = tmp_path / "evaluation"
    measured = site_runs.evaluate(
        "grader", recipe, model=str(run), every=False, out=out, tell=said.append, progress=no_progress, cancel=CancelToken()
    )
    assert measured["exact"] == pytest.approx(result["grades"]["exact"], abs=1e-3)
    assert json.loads((out / "metrics.json").read_text())["model"]["tag"] == "efficientnet_b3.drawn-v1"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_run_that_was_stopped_and_resumed_equals_one_that_was_not(crops: Path) -> None:
    recipe = crops / "recipe.toml"
    train(recipe)
    whole = (crops / "run" / "weights.safetensors").read_bytes()
    (crops / "run").rename(crops / "whole")
    cancel = CancelToken()

    def stop(_share: float, step: str) -> None:
        if step.startswith("step 3"):
            cancel.cancel()

    with pytest.raises(Cancelled, match="--resume"):
        train(recipe, cancel=cancel, progress=stop)
    saved = torch.load(crops / "run" / "last.pt", weights_only=True)["step"]
    assert 0 < saved < 4
    _, said = train(recipe, resume=True)
    assert f"going on after step {saved}" in said
    assert (crops / "run" / "weights.safetensors").read_bytes() == whole
    logs = [(crops / name / "log.jsonl").read_text() for name in ("run", "whole")]
    assert logs[0] == logs[1]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_run_that_was_killed_goes_on_to_the_same_end(crops: Path) -> None:
    recipe = changed(crops / "recipe.toml", "freeze = -1", "freeze = -1\ncheckpoint_min = 0")
    train(recipe)
    run = crops / "run"
    whole = (run / "weights.safetensors").read_bytes()
    run.rename(crops / "whole")
    child = subprocess.Popen(
        [sys.executable, "-m", "boneage_desk", "train", "grader", str(recipe), "--quiet"],
        stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(2400):
            if (run / "log.jsonl").exists() or child.poll() is not None:
                break
            time.sleep(0.1)
    finally:
        child.kill()
        child.wait()
    assert not (run / "metrics.json").exists(), "it was killed on its way"
    _, said = train(recipe, resume=True)
    assert any(line.startswith("going on after step") for line in said)
    assert (run / "weights.safetensors").read_bytes() == whole


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_gpu_without_memory_halves_the_batch_and_says_so(crops: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, sizes = GraderRun._one, []

    def full(self: GraderRun, trunk: Any, batch: Any, *more: Any) -> dict[str, float]:
        sizes.append(len(batch.crops))
        if len(sizes) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return one(self, trunk, batch, *more)

    monkeypatch.setattr(GraderRun, "_one", full)
    _, said = train(changed(crops / "recipe.toml", "epochs = 2", "epochs = 1"))
    assert sizes == [2, 1, 1]
    assert any("halved to 1" in line for line in said)

    def never(*_: Any) -> dict[str, float]:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(GraderRun, "_one", never)
    with pytest.raises(EngineError, match="too little memory"):
        train(changed(crops / "recipe.toml", 'folder = "run"', 'folder = "run2"'))
    assert not (crops / "run2" / "weights.safetensors").exists()


def test_the_run_folder_and_the_recipe_are_guarded(crops: Path) -> None:
    path = crops / "recipe.toml"
    recipe = read_recipe(path, "grader")
    with pytest.raises(InputError, match="no run"):
        open_run(recipe, True)
    (crops / "run").mkdir()
    (crops / "run" / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        open_run(recipe, False)
    assert [f.name for f in (crops / "run").iterdir()] == ["thesis.txt"]
    (crops / "run" / "thesis.txt").unlink()
    run = open_run(recipe, False)
    run.same("The table", "table_sha256", "aa")
    with pytest.raises(InputError, match="--resume"):
        open_run(recipe, False)
    again = open_run(read_recipe(changed(path, "batch = 2", "batch = 2\nbudget_min = 9"), "grader"), True)
    again.same("The table", "table_sha256", "aa")
    with pytest.raises(InputError, match="The table changed"):
        again.same("The table", "table_sha256", "bb")
    with pytest.raises(InputError, match=r"training\.epochs was 2"):
        open_run(read_recipe(changed(path, "epochs = 2", "epochs = 5"), "grader"), True)


def test_weights_of_another_architecture_are_refused_by_name(crops: Path) -> None:
    from boneage_desk.engines.networks.detector import build_detector
    from boneage_desk.training.train_detector import save_half

    save_half(build_detector(), crops / "detector.safetensors")
    recipe = changed(crops / "recipe.toml", 'weights = "scratch"', 'weights = "detector.safetensors"')
    with pytest.raises(InputError) as caught:
        train(recipe)
    assert caught.value.code == "wrong-architecture"
    assert "trunk.blocks.0.0.bn1.weight" in str(caught.value)
    assert "are not known (model." in str(caught.value)
    assert not (crops / "run").exists(), "nothing was begun"
    (crops / "old.pt").write_bytes(b"x")
    with pytest.raises(InputError, match="not a safetensors file"):
        train(changed(recipe, "detector.safetensors", "old.pt"))
    (crops / "cut.safetensors").write_bytes((crops / "detector.safetensors").read_bytes()[:5000])
    with pytest.raises(InputError, match="cannot be read"):
        train(changed(recipe, "old.pt", "cut.safetensors"))


def test_a_bone_without_an_example_is_refused_unless_allowed(crops: Path) -> None:
    table = crops / "crops" / "crops.csv"
    rows = table.read_text().splitlines()
    table.write_text("\n".join(r for r in rows if not (",mc1," in r and r.endswith("train"))) + "\n")
    path, said = crops / "recipe.toml", list[str]()
    cut, _ = gathered(path)
    start = Start(None, None, "")
    with pytest.raises(InputError, match=r"No example to train on of mc1\."):
        check_classes(cut, read_recipe(path, "grader"), start, said.append)
    changed(path, 'grades = "index"', 'grades = "index"\nallow_missing_bones = true')
    (limit,) = check_classes(cut, read_recipe(path, "grader"), start, said.append)
    assert "  mc1: no grade at all" in said
    assert "  dp5: 0, 1, 2, 3, 6(0), 6(2), 7(0), 7(2), 8" in said
    assert "  Trained from random weights: it cannot know them." in said
    assert "mc1: no grade at all" in limit


def test_too_few_steps_to_learn_are_told(crops: Path) -> None:
    cut, _ = gathered(crops / "recipe.toml")
    said = " ".join(_warnings(cut, read_recipe(crops / "recipe.toml", "grader"), Start(None, None, ""), 32))
    assert "Only 4 steps" in said
    assert "that each shows the bone that the table names is not checked" in said
    changed(crops / "recipe.toml", "epochs = 2", "epochs = 200")
    assert "steps" not in " ".join(_warnings(cut, read_recipe(crops / "recipe.toml", "grader"), Start(None, None, ""), 32))


def test_empty_and_doubled_crops_are_named_by_row(crops: Path) -> None:
    folder = crops / "crops"
    Image.fromarray(np.full((40, 40), 90, np.uint8)).save(folder / "radius_1.png")
    (folder / "ulna_1.png").write_bytes((folder / "ulna_0.png").read_bytes())
    (folder / "mc1_1.png").write_bytes(b"no picture")
    said: list[str] = []
    with pytest.raises(InputError) as caught:
        site_runs.train(
            "grader", crops / "recipe.toml", resume=False, tell=said.append, progress=no_progress, cancel=CancelToken()
        )
    assert caught.value.code == "site-data"
    wanted = ["row 3, column 'crop': 'radius_1.png' is empty", "row 7, column 'crop': 'ulna_1.png' is the same file as row 6's",
              "row 11: 'mc1_1.png' cannot be used"]  # fmt: skip
    for part in wanted:
        assert any(part in line for line in said), (part, said)
    assert not (crops / "run").exists()


def test_films_that_contradict_the_table_are_named(films: Path, tmp_path: Path) -> None:
    from boneage_desk.imaging.phantom.dicom import PhantomPatient, write_dicom
    from boneage_desk.training.site_data import add_boxes, read_site
    from boneage_desk.training.site_films import Opener

    film = draw_hand(PhantomSpec(grades=grades_of(3), seed=9, size=(200, 160)))
    write_dicom(film, tmp_path / "a.dcm", patient=PhantomPatient(sex="M", patient_id="p7"))
    write_dicom(film, tmp_path / "b.dcm", patient=PhantomPatient(sex="M", patient_id="p7", name="Other^Name"))
    (tmp_path / "grades.csv").write_text("film,sex,split,radius\na.dcm,F,train,3\nb.dcm,M,val,3\n")
    (tmp_path / "boxes.csv").write_text("film,bone,x0,y0,x1,y1\nb.dcm,radius,100,100,161,150\n")
    said: list[str] = []
    site = add_boxes(read_site(tmp_path, "", "grader", "index", said.append), said.append)
    opener = Opener.of(site, False, said.append, no_progress, CancelToken())
    used = [picture for picture, _ in opener.films()]
    with pytest.raises(InputError):
        opener.split(used, 0.5)
    told = "\n".join(said)
    assert "row 2, column 'sex': is F, but the file of 'a.dcm' says M" in told
    assert "row 3, column 'split': is 'val', but row 2 of the same patient is 'train'" in told
    assert "row 2: the box of radius reaches outside of 'b.dcm' (160 x 200 pixels)" in told


def test_a_child_under_two_names_is_named(tmp_path: Path) -> None:
    from boneage_desk.imaging.phantom.dicom import PhantomPatient, write_dicom
    from boneage_desk.training.site_data import read_site
    from boneage_desk.training.site_films import Opener

    for seed, (name, patient_id) in enumerate({"a": "p7", "b": "p7", "c": "p8"}.items()):
        film = draw_hand(PhantomSpec(grades=grades_of(3), seed=seed, size=(200, 160)))
        write_dicom(film, tmp_path / f"{name}.dcm", patient=PhantomPatient(sex="M", patient_id=patient_id))
    for other, refused in (("Anna Maria", True), ("", True), ("Anna M.", False)):
        (tmp_path / "grades.csv").write_text(f"film,sex,patient,radius\na.dcm,M,Anna M.,3\nb.dcm,M,{other},3\nc.dcm,M,C,3\n")
        said: list[str] = []
        opener = Opener.of(read_site(tmp_path, "", "grader", "index", said.append), False, said.append, no_progress, CancelToken())
        used = [picture for picture, _ in opener.films()]
        if refused:
            with pytest.raises(InputError, match="row 3, column 'patient'"):
                opener.split(used, 0.5)
        else:
            sides = opener.split(used, 0.5)
            assert sides[0] == sides[1]


def test_a_film_without_a_hand_is_refused_or_left_out(films: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    for file in films.iterdir():
        if file.name != "boxes.csv":
            (site / file.name).write_bytes(file.read_bytes())
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (300, 240)).astype(np.uint8)).save(site / "0.png")
    path = tmp_path / "recipe.toml"
    path.write_text('task = "grader"\n[data]\nfolder = "site"\ngrades = "index"\n')
    with pytest.raises(InputError, match=r"row 2: '0\.png': No hand was found"):
        gathered(path)
    cut, said = gathered(changed(path, 'grades = "index"', 'grades = "index"\nskip_bad_films = true'))
    assert any("row 2: left out" in line for line in said)
    assert [rows[0] for rows in cut.rows] == [3, 4, 5, 6, 7]
    assert cut.split == ["train"] * 3 + ["val"] * 2


def test_a_box_where_the_detector_finds_another_bone_takes_its_grade_out(films: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    for file in films.iterdir():
        (site / file.name).write_bytes(file.read_bytes())
    boxes = (site / "boxes.csv").read_text().splitlines()
    names = {"0.png,mp3": "0.png,mp5", "0.png,mp5": "0.png,mp3"}  # the two names changed over on film 0
    swapped = [next((row.replace(a, b) for a, b in names.items() if row.startswith(f"{a},")), row) for row in boxes]
    (site / "boxes.csv").write_text("\n".join(swapped) + "\n")
    path = tmp_path / "recipe.toml"
    path.write_text('task = "grader"\n[data]\nfolder = "site"\ngrades = "index"\n')
    cut, _ = gathered(path)
    assert sorted((d["row"], d["bone"]) for d in cut.doubts) == [(2, "mp3"), (2, "mp5")]
    assert np.isnan(cut.grades[0]).sum() == 2
    assert not np.isnan(cut.grades[1:]).any()


# -------------------------------------------------------------------------------------- detector
DETECTOR_RECIPE = """task = "detector"
[data]
folder = "FOLDER"
[training]
epochs = 1
batch = 2
size = 96
rate = 1e-6
[model]
tag = "drawn-v1"
[output]
folder = "run"
"""


@pytest.fixture
def boxes(films: Path, tmp_path: Path) -> Path:
    path = tmp_path / "recipe.toml"
    path.write_text(DETECTOR_RECIPE.replace("FOLDER", films.as_posix()))
    return path


def test_a_detector_trains_resumes_and_is_measured(boxes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from boneage_desk.engines.cards import find_card

    one, sizes = DetectorRun._one, []

    def full(self: DetectorRun, batch: Any) -> dict[str, float]:
        sizes.append(len(batch[0]))
        if len(sizes) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return one(self, batch)

    monkeypatch.setattr(DetectorRun, "_one", full)
    _, said = train(boxes, "detector")
    assert sizes == [2, 1, 1]
    assert any("halved to 1 films" in line for line in said)
    run = boxes.parent / "run"
    result = json.loads((run / "metrics.json").read_text())
    assert result["hands"] == result["hands"] | {"films": 2, "one_hand": 2}
    assert result["boxes"]["mAP50"] > 0.9, "one step of a tiny rate leaves the shipped detector as it is"
    assert result["boxes"]["bones"]["radius"]["n"] == 2
    assert "Average precision by bone" in (run / "report.html").read_text(encoding="utf-8")
    assert find_card(run / "model", "detector").tables["metrics"]["films"] == 2
    out = boxes.parent / "evaluation"
    changed(boxes, "[training]", "held_out = 0.5\n[training]")
    site_runs.evaluate(
        "detector", boxes, model=str(run), every=True, out=out, tell=said.append, progress=no_progress, cancel=CancelToken()
    )
    again = json.loads((out / "metrics.json").read_text())
    assert again["hands"]["films"] == FILMS
    assert "trained with another table or share held out" in again["warnings"][0]
    assert "looks better than it is" in again["warnings"][1]


def test_a_resumed_detector_equals_an_uninterrupted_one(boxes: Path) -> None:
    text = boxes.read_text().replace('[training]', '[start]\nweights = "scratch"\n[training]').replace("1e-6", "1e-3")
    boxes.write_text(text.replace("epochs = 1", "epochs = 2").replace("size = 96", "size = 64"))
    train(boxes, "detector")
    run = boxes.parent / "run"
    whole = (run / "weights.safetensors").read_bytes()
    run.rename(boxes.parent / "whole")
    cancel = CancelToken()
    with pytest.raises(Cancelled, match="after step 2"):
        train(boxes, "detector", cancel=cancel, progress=lambda _share, step: cancel.cancel() if step == "step 2 of 4" else None)
    train(boxes, "detector", resume=True)
    assert (run / "weights.safetensors").read_bytes() == whole


def test_films_with_few_boxes_are_refused_and_a_lacking_place_is_inferred(films: Path, tmp_path: Path) -> None:
    film = draw_hand(PhantomSpec(grades=grades_of(2), seed=4, size=(400, 320), bits=8, side="right", rotation_deg=30.0))
    boxes = dict(film.boxes)
    del boxes["mp5"], boxes["dp3"]
    places, drawn, length = place_all(boxes)
    assert drawn.sum() == 11
    for bone in ("mp5", "dp3"):
        assert np.hypot(*(places[BONES.index(bone)] - film.centres[bone])) < 0.15 * film.unit_px
    assert length == pytest.approx(film.unit_px, rel=0.1)
    for file in films.glob("*.png"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    rows = (films / "boxes.csv").read_text().splitlines()
    (tmp_path / "boxes.csv").write_text("\n".join(r for r in rows if not r.startswith("1.png,dp5,")) + "\n")
    (tmp_path / "r.toml").write_text(DETECTOR_RECIPE.replace("FOLDER", "."))
    with pytest.raises(InputError, match=r"row 15, column 'bone': '1\.png' has no box of dp5"):
        train(tmp_path / "r.toml", "detector")
