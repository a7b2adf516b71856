"""``boneage-desk export``, with real films and a real store."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from boneage_desk.archive.store import FILE_NAME, SqliteStore
from boneage_desk.imaging.phantom import draw_hand
from boneage_desk.imaging.phantom.demo import DEMO_SPEC
from boneage_desk.imaging.phantom.dicom import PhantomPatient, write_dicom
from boneage_desk.imaging.reader import FilmFiles
from boneage_desk.reading.analysis import AnalysisResult, BoneResult, ModelRef
from boneage_desk.reading.findings import Box, Region
from boneage_desk.reading.session import (
    AcceptGrade,
    AuditEvent,
    MarkReviewed,
    ReadingSession,
    SetAnalysis,
    SetGrade,
    new_reading,
)
from boneage_desk.standards import rus_chn
from boneage_desk.standards.types import Sex
from tests.samples import NOON, WHO, opinion, sha

BONES = rus_chn.BONES


def test_films_without_their_patient(program: Any, film: Callable[..., Path], drawn: Any, tmp_path: Path) -> None:
    write_dicom(drawn, film("in/MUSTERMANN.dcm"), patient=PhantomPatient("MUSTERMANN^Erika", "PID556677"))
    code, out, err = program.run("export", "deidentified", tmp_path / "in", "--out", tmp_path / "out", "--keep-sex-age", "--json")
    assert (code, json.loads(out)["left_out"]) == (0, [])
    (told,) = json.loads(out)["films"]
    assert "Look at every picture" in err
    made = FilmFiles().open(str(tmp_path / "out" / told["file"]))
    assert (made.patient.patient_id, made.patient.sex) == (told["subject"], Sex.FEMALE)
    assert b"MUSTERMANN" not in (tmp_path / "out" / told["file"]).read_bytes()
    _, shown, _ = program.run("audit", "show", "--json")
    (row,) = json.loads(shown)["rows"]
    assert (row["action"], row["detail"], row["after"]) == ("export", "de-identified, without a key", "1 films")


def test_a_film_that_is_left_out_is_told_and_the_code_says_so(program: Any, film: Callable[..., Path], tmp_path: Path) -> None:
    film("in/a.dcm")
    (tmp_path / "in" / "b.dcm").write_bytes((tmp_path / "in" / "a.dcm").read_bytes()[:2000])
    code, _, err = program.run("export", "deidentified", tmp_path / "in", "--out", tmp_path / "out", "--quiet")
    assert code == 1
    assert "left out: " in err and "b.dcm" in err


# ---------------------------------------------------------------------------------------- training
def drawn_film(path: Path, number: int) -> Any:
    """A drawn film of a patient of its own, with the hand as it was drawn."""
    import dataclasses

    grades = {bone: min(top, 4 + number) for bone, top in ((b, rus_chn.max_grade(b)) for b in BONES)}
    spec = dataclasses.replace(DEMO_SPEC, size=(500, 400), seed=number, grades=grades, sex="MF"[number % 2])
    hand = draw_hand(spec)
    path.parent.mkdir(exist_ok=True)
    who = PhantomPatient(f"CHILD{number}^Kim", f"PID55667{number}", "MF"[number % 2], study_date="20240711")
    write_dicom(hand, path, patient=who)
    return hand


def read_by_a_person(store: SqliteStore, path: Path, hand: Any, reading_id: str, *, finished: bool = True) -> ReadingSession:
    """The machine says 6 for each bone; the person says 7 of the radius and agrees with the others."""
    film = FilmFiles().open(str(path))
    session = ReadingSession(new_reading(film, reading_id, NOON))
    store.add(session.reading, AuditEvent(reading_id, NOON, WHO, "open"))
    bones = tuple(BoneResult(bone, Region(Box(*hand.boxes[bone]), 0.9), opinion(bone, 6)) for bone in BONES)
    models = (ModelRef("detector", "d.test", sha("d")), ModelRef("grader", "g.test", sha("g")))
    commands: list[Any] = [SetAnalysis(AnalysisResult(bones=bones, models=models), NOON), SetGrade("radius", 7, "seen so")]
    if finished:
        commands += [AcceptGrade(bone) for bone in BONES if bone != "radius"] + [MarkReviewed()]
    for step, command in enumerate(commands, 1):
        event = session.do(command, at=NOON + timedelta(seconds=step), who="dr.secret")
        store.save(session.reading, event)
    return session


@pytest.fixture
def station(own_data_folder: Path, tmp_path: Path) -> Path:
    """Three finished readings of three children, and a draft."""
    with closing(SqliteStore(own_data_folder / FILE_NAME)) as store:
        for number in range(4):
            path = tmp_path / "films" / f"CHILD{number}.dcm"
            read_by_a_person(store, path, drawn_film(path, number), f"r{number}", finished=number < 3)
    return tmp_path


def table(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_training_set_holds_what_persons_decided(program: Any, station: Path) -> None:
    out = station / "set"
    code, said, err = program.run("export", "training", "--out", out, "--key", station / "key.json", "--json")
    assert code == 0, err
    told = json.loads(said)
    assert (told["films"], told["films_with_boxes"], told["decided_bones"], told["overridden_bones"]) == (3, 3, 39, 3)
    assert [one["code"] for one in told["left_out"]] == ["draft"]
    rows = table(out / "grades.csv")
    assert [(row["radius"], row["ulna"], row["overridden"], row["state"]) for row in rows] == [("7", "6", "radius", "reviewed")] * 3
    assert sorted(row["sex"] for row in rows) == ["F", "M", "M"]
    assert all("g.test:" in row["models_that_read"] and "radius=6" in row["by_machine"] for row in rows)
    boxed = table(out / "boxes.csv")
    assert len(boxed) == 39 and {row["film"] for row in boxed} == {row["film"] for row in rows}
    # films under new names, no reader by name
    everything = b"".join(path.read_bytes() for path in out.rglob("*") if path.is_file())
    for secret in (b"CHILD", b"PID5566", b"dr.secret", b"20240711"):
        assert secret not in everything
    assert "dr.secret" in (station / "key.json").read_text()
    film = FilmFiles().open(str(out / rows[0]["film"]))
    assert (film.patient.patient_id, film.patient.sex, film.patient.birth_date) == (rows[0]["patient"], None, None)


def test_a_film_that_is_gone_or_changed_is_told(program: Any, station: Path) -> None:
    (station / "films" / "CHILD0.dcm").unlink()
    with open(station / "films" / "CHILD1.dcm", "ab") as file:
        file.write(b"\0\0")
    code, out, err = program.run("export", "training", "--out", station / "set", "--json")
    assert code == 1
    assert sorted(one["code"] for one in json.loads(out)["left_out"]) == ["draft", "file-not-found", "film-changed"]
    assert json.loads(out)["films"] == 1


def test_without_a_decision_nothing_is_written(program: Any, own_data_folder: Path, tmp_path: Path) -> None:
    code, _, err = program.run("export", "training", "--out", tmp_path / "set")
    assert (code, (tmp_path / "set").exists()) == (2, False)
    assert "nothing-exported" in err


def test_a_film_that_was_read_twice_stands_once(program: Any, own_data_folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "films" / "a.dcm"
    hand = drawn_film(path, 1)
    with closing(SqliteStore(own_data_folder / FILE_NAME)) as store:
        read_by_a_person(store, path, hand, "r0")
        read_by_a_person(store, path, hand, "r1")
    code, out, _ = program.run("export", "training", "--out", tmp_path / "set", "--json")
    assert (code, json.loads(out)["films"], json.loads(out)["left_out"]) == (0, 1, [])


@pytest.mark.slow
@pytest.mark.parametrize("task", ["grader", "detector"])
def test_train_reads_it_as_it_is(program: Any, station: Path, task: str) -> None:
    out = station / "set"
    assert program.run("export", "training", "--out", out)[0] == 0
    recipe = out / f"{task}.toml"
    recipe.write_text(recipe.read_text().replace("epochs = 30", 'epochs = 1\nbatch = 2\ndevice = "cpu"'))
    code, said, err = program.run("train", task, recipe, "--quiet", "--json")
    assert code == 0, err
    assert json.loads(said)["task"] == task
    assert (out / f"run-{task}" / "weights.safetensors").is_file()
