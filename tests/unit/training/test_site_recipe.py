"""Recipes: legal ones are read as written, and every fault of an illegal one is named with its key."""

from __future__ import annotations

from pathlib import Path

import pytest

from boneage_desk.common.errors import InputError
from boneage_desk.common.paths import packaged_dir
from boneage_desk.training.recipe import Recipe, read_recipe

SHORT = 'task = "grader"\n[data]\nfolder = "."\ngrades = "index"\n[training]\nepochs = 1\n[output]\nfolder = "run"\n'


def written(folder: Path, text: str, task: str = "grader", **how: bool) -> Recipe:
    path = folder / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    return read_recipe(path, task, **how)


def refusal(folder: Path, text: str, task: str = "grader") -> str:
    with pytest.raises(InputError) as caught:
        written(folder, text, task)
    assert caught.value.code == "recipe"
    return str(caught.value)


def test_a_short_recipe_has_defaults(tmp_path: Path) -> None:
    recipe = written(tmp_path, SHORT)
    assert (recipe.start.weights, recipe.training.seed, recipe.training.mixed_precision) == ("shipped", 1, True)
    assert recipe.resolve(recipe.output.folder) == (tmp_path / "run").resolve()
    assert recipe.text == SHORT


@pytest.mark.parametrize("task", ["grader", "detector", "knee"])
def test_the_packaged_recipes_are_legal(tmp_path: Path, task: str) -> None:
    (tmp_path / "site").mkdir()
    text = (packaged_dir("resources") / "recipes" / f"{task}.toml").read_text(encoding="utf-8")
    recipe = written(tmp_path, text, task)
    assert recipe.model.tag == "our-hospital-v1"
    assert recipe.training.epochs > 0


def test_all_faults_are_named_together(tmp_path: Path) -> None:
    text = (
        'task = "detector"\nextra = 1\n[data]\nfolder = "nowhere"\ngrades = "letters"\n'
        '[training]\nepoch = 3\nbatch = 0\nrate = "fast"\nseed = true\nmixed_precision = 1\n[model]\ntag = "A b"\n'
    )
    said = refusal(tmp_path, text)
    for part in (
        "'task' is 'detector'", "'extra' is not known", "'data.folder': there is no folder", "'data.grades' is 'letters'",
        "'training.epoch' is not known (is 'epochs' meant?)", "'training.batch' is 0, it must be from 1 to 1024",
        "'training.rate' is 'fast', it must be a number", "'training.seed' is True, it must be a whole number",
        "'training.mixed_precision' is 1, it must be true or false", "'model.tag' is 'A b'", "'output.folder' is missing",
        "would never end",
    ):  # fmt: skip
        assert part in said, part


def test_whether_grades_are_indices_or_labels_is_never_assumed(tmp_path: Path) -> None:
    assert "'data.grades' is missing" in refusal(tmp_path, SHORT.replace('grades = "index"\n', ""))


def test_contradictions(tmp_path: Path) -> None:
    assert "'training.freeze' must be -1" in refusal(tmp_path, SHORT + '[start]\nweights = "scratch"\n')
    assert "nothing would teach" in refusal(tmp_path, SHORT + "[loss]\norder = 0\nshare = 0\n")
    assert "multiple of 32" in refusal(
        tmp_path, SHORT.replace("grader", "detector").replace("epochs = 1", "epochs = 1\nsize = 100"), "detector"
    )


def test_no_toml_and_no_file(tmp_path: Path) -> None:
    assert "is not TOML" in refusal(tmp_path, "task = grader")
    with pytest.raises(InputError, match="cannot be read"):
        read_recipe(tmp_path / "none.toml", "grader")


def test_an_evaluation_needs_no_end_and_no_run_folder(tmp_path: Path) -> None:
    assert written(tmp_path, 'task = "grader"\n[data]\nfolder = "."\ngrades = "index"\n', to_train=False).output.folder == ""
