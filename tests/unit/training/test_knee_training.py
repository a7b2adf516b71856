"""Training and measuring on drawn knees from the table to the model: it learns, resumes, refuses, keeps patients apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from boneage_desk.common.errors import Cancelled, InputError
from boneage_desk.common.jobs import CancelToken, no_progress
from boneage_desk.engines.cards import read_card
from boneage_desk.engines.networks.knee import KneeNet
from boneage_desk.training import knee_figures, train_knee
from boneage_desk.training.knee_data import KneeFilms, fold_of, kept
from boneage_desk.training.knee_run import FoldRun
from boneage_desk.training.recipe import read_recipe
from tests.knee_site import RECIPE, ages, write_films, write_table


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight children, the first with both knees."""
    folder = tmp_path_factory.mktemp("site")
    write_table(folder, write_films(folder, ages(8), both=1))
    return folder


def recipe(folder: Path, films: Path, *, epochs: int = 1, folds: int = 2, age: bool = True, **swap: str) -> Path:
    text = RECIPE.format(age=str(age).lower(), folds=folds, epochs=epochs).replace('folder = "site"', f'folder = "{films.as_posix()}"')
    for old, new in swap.items():
        text = text.replace(old, new)
    folder.mkdir(exist_ok=True)
    path = folder / "knee.toml"
    path.write_text(text, encoding="utf-8")
    return path


def train(path: Path, *, resume: bool = False, cancel: CancelToken | None = None) -> dict[str, Any]:
    return train_knee.train(path, resume=resume, tell=lambda _: None, progress=no_progress, cancel=cancel or CancelToken())


@pytest.fixture(scope="module")
def trained(films: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """One round of two folds."""
    folder = tmp_path_factory.mktemp("trained")
    return folder, train(recipe(folder, films))


def test_a_run_leaves_a_model_that_says_what_it_is(trained: tuple[Path, dict[str, Any]]) -> None:
    folder, done = trained
    card = read_card(Path(done["model"]))
    assert card.task == "knee" and card.full_tag == "test_convnext.site-v1"
    assert card.tables["knee"]["trained_on"] == done["trained_on"] == "drawn phantoms"
    assert card.tables["knee"]["uses_chronological_age"] is True
    assert any("must never read a patient" in text for text in card.limits)
    assert card.parameters == 2 * sum(p.numel() for p in KneeNet("test_convnext").parameters())
    card.verified_weights()
    metrics = json.loads((folder / "run" / "metrics.json").read_text())
    assert metrics["ages"]["n"] == metrics["guess"]["n"] == 9 and metrics["patients"] == 8
    assert metrics["guess"]["mae_months"] == pytest.approx(9.0, abs=0.1)
    assert set(metrics["ages"]["by_sex"]) == {"M", "F"} and metrics["ages"]["by_band"]
    page = (folder / "run" / "report.html").read_text()
    assert "Bland-Altman" in page and "bone age = chronological age" in page and "Drawn phantoms" in page


def test_every_film_is_read_by_a_network_that_did_not_see_its_patient(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[int, set[str]] = {}
    asked: list[tuple[int, set[str]]] = []
    batch, read = FoldRun.batch, train_knee.read_fold

    def watched(self: FoldRun, step: int) -> Any:
        index = batch(self, step)
        seen.setdefault(self.config.fold, set()).update(self.films.patients[k] for k in index)
        return index

    def reading(model: Any, k: int, data: KneeFilms, chosen: Any, **how: Any) -> Any:
        asked.append((k, {data.patients[i] for i in chosen}))
        return read(model, k, data, chosen, **how)

    monkeypatch.setattr(FoldRun, "batch", watched)
    monkeypatch.setattr(train_knee, "read_fold", reading)
    train(recipe(tmp_path, films))
    assert set(seen) == {0, 1} and asked
    assert seen[0] | seen[1] == {f"K{k}" for k in range(8)}
    for k, patients in asked:
        assert not patients & seen[k]
        assert {fold_of(p, 2) for p in patients} == {k}


def test_a_stopped_run_goes_on_to_the_same_weights(films: Path, trained: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    cancel = CancelToken()

    def stop(_share: float, step: str) -> None:
        if "fold 1 of 2, step 0" in step:
            cancel.cancel()

    path = recipe(tmp_path, films)
    with pytest.raises(Cancelled, match="Stopped in fold 1 after step 1"):
        train_knee.train(path, resume=False, tell=lambda _: None, progress=stop, cancel=cancel)
    with pytest.raises(InputError, match="not empty"):
        train(path)
    train(path, resume=True)
    ours, theirs = (load_file(f / "run" / "weights.safetensors") for f in (tmp_path, trained[0]))
    assert all(torch.equal(ours[k], theirs[k]) for k in theirs)


def test_a_changed_table_or_recipe_is_not_resumed(films: Path, tmp_path: Path) -> None:
    path = recipe(tmp_path, films)
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        train(path, cancel=cancel)
    assert not (tmp_path / "run").exists()  # nothing was done, nothing stays
    train(path)
    with pytest.raises(InputError, match="knee.chronological_age was True"):
        train(recipe(tmp_path, films, age=False), resume=True)


def test_without_the_age_it_plays_no_part(films: Path, tmp_path: Path) -> None:
    done = train(recipe(tmp_path, films, age=False))
    assert done["leans_on_age"] is None
    card = read_card(Path(done["model"]))
    assert card.tables["knee"]["uses_chronological_age"] is False
    network = train_knee.load_knee(card, card.verified_weights())
    data = kept(tmp_path / "run")
    assert data is not None
    one = train_knee.read_fold(network, 0, data, np.arange(3))
    assert np.array_equal(one, train_knee.read_fold(network, 0, data, np.arange(3), shift=60.0))


def test_a_budget_ends_a_run(films: Path, tmp_path: Path) -> None:
    done = train(recipe(tmp_path, films, **{"epochs = 1": "budget_min = 0.02"}))
    assert done["films"] == 9


def test_evaluate_reads_each_film_with_the_fold_that_held_it_out(trained: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    folder, done = trained
    how: dict[str, Any] = {"tell": lambda _: None, "progress": no_progress, "cancel": CancelToken()}
    found = train_knee.evaluate(folder / "knee.toml", model=str(folder / "run"), every=False, out=tmp_path / "a", **how)
    assert found["mae_months"] == pytest.approx(done["mae_months"], abs=0.05)  # the same networks, in half precision
    train_knee.evaluate(folder / "knee.toml", model=done["model"], every=True, out=tmp_path / "b", **how)
    said = json.loads((tmp_path / "b" / "metrics.json").read_text())
    assert any("may have seen" in text for text in said["warnings"])
    with pytest.raises(InputError, match="No knee model is shipped"):
        train_knee.evaluate(folder / "knee.toml", model="shipped", every=False, out=tmp_path / "c", **how)


def test_weights_to_start_from_are_taken_or_refused(films: Path, tmp_path: Path) -> None:
    trunk = KneeNet("test_convnext").trunk.state_dict()
    colour = {k: v.repeat(1, 3, 1, 1) / 3 if k == "stem.0.weight" else v.clone() for k, v in trunk.items()}
    save_file(colour, tmp_path / "imagenet.safetensors")
    path = recipe(tmp_path, films, **{'weights = "scratch"': 'weights = "imagenet.safetensors"'})
    net = train_knee.begin(read_recipe(path, "knee"), 0, tmp_path / "imagenet.safetensors")
    assert torch.allclose(net.trunk.state_dict()["stem.0.weight"], trunk["stem.0.weight"], atol=1e-6)
    save_file({"other": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match="does not fit test_convnext"):
        train_knee.begin(read_recipe(path, "knee"), 0, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match="no weights for knees are shipped"):
        read_recipe(recipe(tmp_path, films, **{'weights = "scratch"': ""}), "knee")
    with pytest.raises(InputError, match="a multiple of 32"):
        read_recipe(recipe(tmp_path, films, **{"size = 64": "size = 100"}), "knee")


def known(months: list[float], ca: list[float], patients: list[str]) -> KneeFilms:
    n = len(months)
    return KneeFilms(
        np.zeros((n, 4, 4), np.uint8), np.array(months), np.array(ca), np.arange(n) % 2 == 0, np.zeros(n, bool), tuple(patients),
        tuple(range(2, n + 2)), ("reader",) * n, {},
    )  # fmt: skip


def test_figures_on_numbers_worked_out_by_hand() -> None:
    films = known([100, 100, 150, 50], [110, 104, 150, 44], ["a", "b", "c", "d"])
    result = knee_figures.figures(films, np.arange(4), np.array([103.0, 99, 146, 52]))
    assert result["ages"]["mae_months"] == pytest.approx(2.5) and result["ages"]["bias_months"] == pytest.approx(0.0)
    assert result["ages"]["rmse_months"] == pytest.approx((30 / 4) ** 0.5)
    assert result["guess"]["mae_months"] == pytest.approx(5.0)
    assert result["better_than_guess_months"]["months"] == pytest.approx(2.5)
    limits = result["ages"]["limits_of_agreement_months"]
    assert limits[1] == pytest.approx(1.96 * np.std([3, -1, -4, 2], ddof=1))
    assert result["ages"]["by_sex"]["M"]["mae_months"] == pytest.approx(3.5)
    low, high = result["better_than_guess_months"]["interval_95"]
    assert low <= 2.5 <= high and low < high


def test_the_interval_is_conformal_or_not_given() -> None:
    films = known([100.0] * 40, [100.0] * 40, [f"p{k}" for k in range(40)])
    said = 100.0 + np.arange(40)
    rows = {band["sex"]: band for band in knee_figures.interval(films, said)["bands"]}
    assert rows["F"]["half_width_months"] == rows["M"]["half_width_months"] == 36  # ceil(41 x 0.9) = 37th smallest of all
    assert knee_figures.interval(known([1.0] * 4, [1.0] * 4, list("abcd")), np.ones(4)) == {}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_five_folds_learn_from_the_films_alone(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    write_table(site, write_films(site, ages(30)))
    done = train(recipe(tmp_path, site, epochs=14, folds=5, age=False))
    data = kept(tmp_path / "run")
    assert data is not None
    middle = float(np.abs(data.months - data.months.mean()).mean())
    assert done["mae_months"] < 0.5 * middle, (done["mae_months"], middle)
