"""knees.csv: every fault told with its row; folds that no patient crosses; drawings never mixed with patients' films."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from boneage_desk.common.errors import InputError
from boneage_desk.common.jobs import CancelToken, no_progress
from boneage_desk.training.knee_data import DRAWN, SITE, KneeFilms, Opening, fold_of, keep, kept, open_films, read_table
from tests.knee_site import COLUMNS, write_films, write_table


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[list[str]]]:
    """Four children, the first two with both knees."""
    folder = tmp_path_factory.mktemp("knees")
    return folder, write_films(folder, [40.0, 80.0, 120.0, 200.0], both=2)


def opened(folder: Path, rows: list[list[str]], columns: list[str] | None = None, *, skip: bool = False) -> KneeFilms:
    write_table(folder, rows, columns)
    return open_films(read_table(folder, "", str), 64, Opening(skip, lambda _: None, no_progress, CancelToken()))


def refused(folder: Path, rows: list[list[str]], columns: list[str] | None = None) -> str:
    told: list[str] = []
    write_table(folder, rows, columns)
    with pytest.raises(InputError) as caught:
        open_films(read_table(folder, "", told.append), 64, Opening(False, told.append, no_progress, CancelToken()))
    assert caught.value.code == "site-data"
    return "\n".join([str(caught.value), *told])


def test_films_come_as_the_table_says(drawn: tuple[Path, list[list[str]]], tmp_path: Path) -> None:
    folder, rows = drawn
    films = opened(folder, rows)
    assert films.pictures.shape == (6, 64, 64) and films.trained_on == DRAWN
    assert films.months.tolist() == [40, 40, 80, 80, 120, 200]
    assert films.male.tolist() == [False, False, True, True, False, True]
    assert np.allclose(films.ca_months, [31, 31, 89, 89, 129, 191], atol=0.1)
    assert films.patients == ("K0", "K0", "K1", "K1", "K2", "K3")
    keep(films, tmp_path)
    again = kept(tmp_path)
    assert again is not None and np.array_equal(again.pictures, films.pictures) and again.labels == films.labels


def test_the_file_tells_patient_and_age_where_the_table_is_silent(drawn: tuple[Path, list[list[str]]]) -> None:
    folder, rows = drawn
    films = opened(folder, [[r[0], r[1], r[4]] for r in rows], ["film", "sex", "bone_age_months"])
    assert films.patients[0] == "K0"
    assert abs(films.ca_months[0] - 31) < 0.2


@pytest.mark.parametrize("second", ["", "Anna Maria"])
def test_a_child_under_two_names_is_a_fault(drawn: tuple[Path, list[list[str]]], second: str) -> None:
    folder, rows = drawn
    changed = [[*rows[0][:2], "Anna M.", *rows[0][3:]], [*rows[1][:2], second, *rows[1][3:]], *rows[2:]]
    told = refused(folder, changed)
    assert "row 3, column 'patient'" in told and "PatientID of row 2's, there 'Anna M.'" in told
    changed[1][2] = "Anna M."
    assert opened(folder, changed).patients[:2] == ("Anna M.", "Anna M.")


def test_faults_are_told_with_row_and_column(drawn: tuple[Path, list[list[str]]]) -> None:
    folder, rows = drawn
    film = rows[0][0]
    for change, words in (
        ({0: "films/none.dcm"}, "row 2, column 'film': there is no file"),
        ({1: ""}, "row 2, column 'sex': is empty"),
        ({1: "M"}, "the same patient says"),
        ({3: "old"}, "column 'chronological_age_months': is 'old'"),
        ({3: "90"}, "but the file's dates say 31.0"),
        ({4: "300"}, "column 'bone_age_months': is '300'"),
        ({4: ""}, "has neither a bone age nor a hand film"),
        ({0: rows[2][0], 1: "M", 2: "K1"}, "is there already, in row 2"),
    ):
        changed = [[change.get(k, v) for k, v in enumerate(rows[0])], *rows[1:]]
        assert words in refused(folder, changed), change
    assert "neither bone_age_months nor hand_film" in refused(folder, [[film, "F"]], ["film", "sex"])
    assert "label the hand films first" in refused(folder, [[film, "F", film]], ["film", "sex", "hand_film"])
    with_label = [*COLUMNS, "label"]
    assert "needs the model's name" in refused(folder, [[*rows[0], "hand-model"]], with_label)
    assert "says F" in refused(folder, [[rows[0][0], "M", "X", "", "40"]])


def test_the_same_file_under_another_name_is_told(drawn: tuple[Path, list[list[str]]]) -> None:
    folder, rows = drawn
    copy = folder / "films" / "copy.dcm"
    copy.write_bytes((folder / rows[0][0]).read_bytes())
    assert "is the same file as row 2's" in refused(folder, [rows[0], ["films/copy.dcm", *rows[0][1:2], "other", *rows[0][3:]]])


def test_an_excluded_row_is_left_out_and_told(drawn: tuple[Path, list[list[str]]]) -> None:
    folder, rows = drawn
    films = opened(folder, [[*rows[0][:4], "", "blurred"], *([*r, ""] for r in rows[1:])], [*COLUMNS, "excluded"])
    assert len(films.rows) == 5 and films.left_out == {2: "excluded by the table: blurred"}


def test_a_bad_film_is_a_fault_or_left_out(drawn: tuple[Path, list[list[str]]]) -> None:
    folder, rows = drawn
    (folder / "films" / "bad.dcm").write_bytes(b"no film")
    bad = [["films/bad.dcm", "F", "K9", "50", "50"], *rows]
    assert "cannot be used" in refused(folder, bad)
    films = opened(folder, bad, skip=True)
    assert len(films.rows) == 6 and 2 in films.left_out


def test_drawings_and_films_are_not_mixed_and_a_picture_needs_its_patient(drawn: tuple[Path, list[list[str]]]) -> None:
    folder, rows = drawn
    grey = np.random.default_rng(0).integers(0, 255, (80, 60), dtype=np.uint8)
    Image.fromarray(grey).save(folder / "films" / "real.png")
    real = ["films/real.png", "F", "R1", "100", "100"]
    assert "are not mixed" in refused(folder, [*rows, real])
    assert "folds must not share a patient" in refused(folder, [[*real[:2], "", *real[3:]]])
    assert opened(folder, [real]).trained_on == SITE


def test_no_patient_is_in_two_folds(drawn: tuple[Path, list[list[str]]]) -> None:
    names = [f"P{k}" for k in range(400)]
    assert [fold_of(p, 5) for p in names] == [fold_of(p, 5) for p in names]
    counts = np.bincount([fold_of(p, 5) for p in names], minlength=5)
    assert counts.min() > 50
    folder, rows = drawn
    films = dataclasses.replace(opened(folder, rows), patients=("K0", "K0", "K1", "K1", "K4", "K7"))
    fold = films.folds(2)
    assert set(fold.tolist()) == {0, 1}
    for patient in set(films.patients):
        assert len({int(f) for f, p in zip(fold, films.patients, strict=True) if p == patient}) == 1
    with pytest.raises(InputError, match="too few for 10 folds"):
        films.folds(10)
